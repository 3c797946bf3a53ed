//! House rules that no compiler checks.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::{Skyloom, files_below, root};

#[test]
fn the_engine_is_called_by_its_version() {
    let lock = text_of(Path::new("Cargo.lock"));
    let after = lock.split("name = \"wasmtime\"\nversion = \"").nth(1).unwrap_or_default();
    let version = after.split('"').next().unwrap_or_default();
    assert_eq!(skyloom::instance::Engine::version(), format!("wasmtime {version}"));
}

/// Plugins without goldens, and why.
const WITHOUT_GOLDENS: [(&str, &str); 2] = [
    (
        "score-change",
        "subtracts one score from another: there is nothing that another program could do better",
    ),
    (
        "select",
        "keeps rows by stated conditions: it computes nothing that another program could check",
    ),
];

/// Crates and the rooms of the host that may name them, so that replacing one is a job for
/// one room.
const OWNERS: [(&str, &[&str]); 29] = [
    ("base64", &["oci", "trust"]),
    ("chrono", &["run", "provenance", "trust"]),
    ("clap", &["cli"]),
    ("ctrlc", &["cli"]),
    ("glob", &["plan", "registry"]),
    ("include_dir", &["cli"]),
    ("indicatif", &["cli"]),
    ("memmap2", &["data"]),
    ("miette", &["fault", "cli"]),
    ("minisign", &["trust"]),
    ("nix", &["data", "cache", "provenance"]),
    ("parquet", &["output"]),
    ("petgraph", &["plan"]),
    ("postcard", &["cache"]),
    ("rpassword", &["cli"]),
    ("rustls", &["oci"]),
    ("serde_saphyr", &["workflow"]),
    ("sha2", &["oci"]),
    ("skyloom_kernels", &["instance"]),
    ("sled", &["cache"]),
    ("strsim", &["fault"]),
    ("toml", &["registry"]),
    ("ureq", &["oci"]),
    ("wasmparser", &["instance", "registry"]),
    ("wasmtime", &["instance"]),
    ("wat", &["instance", "registry"]),
    ("wit_component", &["registry"]),
    ("wit_parser", &["registry"]),
    ("zip", &["bundle", "registry"]),
];

/// Text files of the repository.
fn sources(ending: &str) -> Vec<(PathBuf, String)> {
    let files = files_below(Path::new("")).into_iter();
    let files = files.filter(|path| path.extension().is_some_and(|found| found == ending));
    files.map(|path| (path.clone(), text_of(&path))).collect()
}

fn text_of(path: &Path) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_default()
}

fn folders_in(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join(folder)).expect("the folder can be read");
    let paths = entries.map(|entry| entry.expect("its entries can be read").path());
    let mut folders: Vec<_> = paths.filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

fn all_good(wrong: &[String]) {
    assert!(wrong.is_empty(), "{} things are not tidy:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn plugins_have_tests_and_goldens_with_parents() {
    let mut wrong = Vec::new();
    for folder in folders_in("plugins") {
        let name = folder.file_name().expect("it has a name").to_string_lossy().into_owned();
        if folder.join("plugin.toml").is_file() && !folder.join("Cargo.toml").is_file() {
            wrong.extend(foreign_plugin(&folder, &name));
            continue;
        }
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
        if !manifest.contains(&format!("name = \"{name}\"")) {
            wrong.push(format!("plugins/{name}: the package bears another name"));
        }
        if manifest.contains("[package.metadata.skyloom]") && manifest.contains("library = true") {
            continue;
        }
        let tests = fs::read_dir(folder.join("tests")).map_or(0, Iterator::count);
        if tests == 0 {
            wrong.push(format!("plugins/{name}: no tests"));
        }
        let readme = folder.join("goldens/README.md");
        let excused = WITHOUT_GOLDENS.iter().any(|(excused, _)| *excused == name);
        match (readme.is_file(), excused) {
            (false, false) => wrong.push(format!(
                "plugins/{name}: no goldens/README.md that names the program they come from"
            )),
            (true, true) => {
                wrong.push(format!("plugins/{name}: has goldens, and is excused from them"))
            }
            _ => {}
        }
    }
    all_good(&wrong);
}

/// What a plugin in another language than Rust lacks: its golden cases lie in its tests.
fn foreign_plugin(folder: &Path, name: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let entries = fs::read_dir(folder.join("tests")).into_iter().flatten().flatten();
    let cases = entries.filter(|entry| entry.path().extension().is_some_and(|end| end == "yaml"));
    if cases.count() == 0 {
        wrong.push(format!("plugins/{name}: no golden cases in tests"));
    }
    if !folder.join("tests/README.md").is_file() {
        wrong.push(format!("plugins/{name}: no tests/README.md that says where they come from"));
    }
    let excluded = text_of(Path::new("Cargo.toml")).contains(&format!("\"plugins/{name}\""));
    if !excluded {
        wrong.push(format!("plugins/{name}: `exclude` in Cargo.toml does not name it"));
    }
    wrong
}

#[test]
fn workflows_have_no_mistakes() {
    let skyloom = Skyloom::new();
    let mut wrong = Vec::new();
    for path in files_below(Path::new("workflows")) {
        if path.extension().is_none_or(|ending| ending != "yaml") {
            continue;
        }
        let name = path.to_str().expect("names are UTF-8");
        if !root().join(path.with_extension("lock")).is_file() {
            wrong.push(format!("{name}: no lock beside it; `skyloom lock` it"));
        }
        let output = skyloom.run(&["check", "--json", name]);
        if output.status.success() {
            continue;
        }
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        let faults = answer["faults"].as_array().map_or(&[][..], Vec::as_slice);
        // Its data are the user's own, or too large for the repository.
        // Or its plugins are built with tools that are not here.
        let absent = |fault: &Value| {
            ["plan::input_file", "plan::missing_input", "plan::plugin_tool"]
                .iter()
                .any(|code| fault["code"] == *code)
        };
        if !faults.is_empty() && faults.iter().all(absent) {
            eprintln!("skipped: inputs or tools of {name} are not there");
            continue;
        }
        wrong.push(format!("{name}:\n{}", String::from_utf8_lossy(&output.stderr)));
    }
    all_good(&wrong);
}

#[test]
fn crates_stay_in_their_rooms() {
    let mut wrong = Vec::new();
    for path in files_below(Path::new("host/src")) {
        let inside = path.strip_prefix("host/src").expect("it lies there");
        let room = inside.components().next().expect("it has a name");
        let room = Path::new(&room).file_stem().expect("it has a name").to_string_lossy();
        let text = text_of(&path);
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        for line in code {
            for (name, rooms) in OWNERS {
                if names_crate(line, name) && !rooms.contains(&&*room) {
                    wrong.push(format!(
                        "{}: only {} may name `{name}`",
                        path.display(),
                        rooms.join(", ")
                    ));
                }
            }
        }
    }
    wrong.dedup();
    all_good(&wrong);
}

/// Whether `name::` stands in `line` as a path of its own.
fn names_crate(line: &str, name: &str) -> bool {
    let path = format!("{name}::");
    line.match_indices(&path).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | ':' | '.' | '`'))
    })
}

#[test]
fn rooms_have_a_door_of_their_own_name() {
    let files = files_below(Path::new("")).into_iter();
    let wrong: Vec<_> = files
        .filter(|path| path.ends_with("mod.rs"))
        .map(|path| format!("{}: a room is NAME.rs beside NAME/", path.display()))
        .collect();
    all_good(&wrong);
}

#[test]
fn exceptions_are_expected_and_no_test_is_left_out() {
    let mut wrong = Vec::new();
    // Written so that they are not found here.
    let allow = [concat!("#[", "allow("), concat!("#![", "allow(")];
    let ignore = concat!("#[", "ignore");
    for (path, text) in sources("rs") {
        if allow.iter().any(|allow| text.contains(allow)) {
            wrong.push(format!("{}: use #[expect(…, reason = \"…\")]", path.display()));
        }
        if text.contains(ignore) {
            wrong.push(format!("{}: a test that never runs", path.display()));
        }
    }
    all_good(&wrong);
}

#[test]
fn nothing_names_the_machine_it_was_made_on() {
    let folders = ["work", "root", "tmp", "Users"].map(|name| format!("/{name}/"));
    let home = concat!("/ho", "me/");
    let mut wrong = Vec::new();
    for path in files_below(Path::new("")) {
        if path.starts_with("results") {
            continue;
        }
        let text = text_of(&path);
        for (number, line) in text.lines().enumerate() {
            // A URL or a longer path is another thing.
            let alone = |needle: &str| {
                line.match_indices(needle).any(|(at, _)| {
                    !line[..at].ends_with(|c: char| c.is_alphanumeric() || "._-}~".contains(c))
                })
            };
            if folders.iter().any(|folder| alone(folder)) || alone(home) {
                wrong.push(format!("{}:{}: {}", path.display(), number + 1, line.trim()));
            }
        }
    }
    all_good(&wrong);
}

#[test]
fn what_runs_leave_behind_is_not_kept() {
    let mut list = Command::new("git");
    list.args(["ls-files", ".skyloom", "results", "target"]).current_dir(root());
    // A copy without Git keeps nothing by mistake.
    let Ok(output) = list.output() else { return };
    let kept = String::from_utf8_lossy(&output.stdout).lines().count();
    assert_eq!(kept, 0, "files of runs are in the repository: git rm -r --cached .skyloom results");
}

#[test]
fn cases_are_pairs_and_data_have_an_origin() {
    let mut wrong = Vec::new();
    for path in files_below(Path::new("tests/cases")) {
        let pair = match path.extension().and_then(|ending| ending.to_str()) {
            Some("yaml") => path.with_extension("txt"),
            Some("txt") => path.with_extension("yaml"),
            _ => continue,
        };
        // Workflows of hostile guests: tests/it/limits.rs says what each must end with.
        // So do their tests of what is for plugins in other languages.
        if ["limits", "languages"].iter().any(|of| path.starts_with(format!("tests/cases/{of}"))) {
            continue;
        }
        if !root().join(&pair).is_file() && std::env::var_os("UPDATE_EXPECT").is_none() {
            wrong.push(format!("{}: no {} beside it", path.display(), pair.display()));
        }
    }
    for folder in ["tests/data", "workflows/data"] {
        let readme = text_of(&Path::new(folder).join("README.md"));
        for path in files_below(Path::new(folder)) {
            let name = path.file_name().expect("it has a name").to_string_lossy();
            if name != "README.md" && !readme.contains(&*name) {
                wrong.push(format!(
                    "{}: {folder}/README.md does not say where it comes from",
                    path.display()
                ));
            }
        }
    }
    all_good(&wrong);
}

#[test]
fn every_file_of_tests_is_run() {
    let main = text_of(Path::new("tests/it/main.rs"));
    let files = files_below(Path::new("tests/it")).into_iter();
    let wrong: Vec<_> = files
        .filter(|path| path.parent() == Some(Path::new("tests/it")) && !path.ends_with("main.rs"))
        .filter_map(|path| {
            let name = path.file_stem()?.to_str()?;
            let listed = main.lines().any(|line| line.trim() == format!("mod {name};"));
            (!listed).then(|| format!("{}: main.rs does not name it", path.display()))
        })
        .collect();
    all_good(&wrong);
}
