//! `skyloom plugin new`: a package that builds and passes its own tests, to start from.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clap::Args;
use serde_json::json;

use super::super::{End, render};
use super::templates::{LANGUAGES, Language, Role};
use crate::fault::suggestion;
use crate::registry::Project;
use crate::run::RunError;

#[derive(Debug, Args)]
pub(super) struct NewArgs {
    /// Lower-case letters, digits and hyphens, beginning with a letter.
    name: String,
    /// What the plugin is for: feature-extractor, classifier, explainer or ingester; in Rust
    /// also selector, evaluator or transformer.
    #[arg(long, default_value = "feature-extractor")]
    role: String,
    /// The language that it is written in.
    #[arg(long, default_value = "rust")]
    lang: String,
    /// On what it runs, where its language has a choice.
    #[arg(long)]
    runtime: Option<String>,
    /// Print results as JSON.
    #[arg(long)]
    pub(super) json: bool,
}

pub(super) fn new(args: &NewArgs) -> Result<End, RunError> {
    let language = language(&args.lang, args.runtime.as_deref())?;
    let role = role(language, &args.role)?;
    let files = files(language, role, &args.name);
    let is_rust = language.name == "rust";
    let project = Project::around(Path::new("."));
    if is_rust {
        check_place(&project)?;
    }
    check_name(&args.name, &project).map_err(RunError::Usage)?;
    let folder = write(&project.root.join("plugins"), &args.name, &files)?;
    if is_rust {
        register(&project);
    } else {
        leave_out(&project, &args.name);
    }
    let shown = short(&folder);
    if args.json {
        let files: Vec<_> = files.iter().map(|(path, _)| path).collect();
        render::json(
            &json!({"name": args.name, "role": args.role, "folder": folder, "files": files}),
        );
    } else {
        render::out(&shown.display().to_string());
    }
    let (name, science) = (&args.name, language.science(role).unwrap_or_default());
    render::note(&format!(
        "the science is in {science}; `skyloom plugin test {name}` builds and tests it, and `plugin: {name}` names it in a workflow"
    ));
    Ok(End::Ok)
}

fn language(name: &str, runtime: Option<&str>) -> Result<&'static Language, RunError> {
    let found =
        LANGUAGES.iter().find(|language| (language.name, language.runtime) == (name, runtime));
    found.ok_or_else(|| {
        let offered = LANGUAGES.iter().map(|language| match language.runtime {
            None => format!("`--lang {}`", language.name),
            Some(runtime) => format!("`--lang {} --runtime {runtime}`", language.name),
        });
        let runtime = runtime.map(|runtime| format!(" with runtime `{runtime}`"));
        let runtime = runtime.unwrap_or_default();
        RunError::Usage(format!(
            "there are no templates in `{name}`{runtime}; there is {}",
            offered.collect::<Vec<_>>().join(", ")
        ))
    })
}

fn role(language: &Language, role: &str) -> Result<&'static Role, RunError> {
    language.roles().find(|known| known.name == role).ok_or_else(|| {
        let offered: Vec<_> = language.roles().map(|known| known.name).collect();
        let help = match suggestion(role, offered.iter().copied()) {
            help if help.starts_with("did you mean") => help,
            _ => format!("there is one for {}", offered.join(", ")),
        };
        RunError::Usage(format!(
            "there is no template for role `{role}` in {}; {help}",
            language.name
        ))
    })
}

/// `path` from the current folder, where it lies in it.
fn short(path: &Path) -> PathBuf {
    let here = std::env::current_dir().and_then(|here| here.canonicalize());
    match here.as_ref().map(|here| path.strip_prefix(here)) {
        Ok(Ok(inside)) => inside.to_owned(),
        _ => path.to_owned(),
    }
}

/// Packages find the SDK beside the folder they are in.
fn check_place(project: &Project) -> Result<(), RunError> {
    let root = &project.root;
    let there = |name: &str| root.join(name).exists();
    if there("plugin-sdk/Cargo.toml") && there("Cargo.toml") && there("plugins") {
        return Ok(());
    }
    Err(RunError::Usage(format!(
        "a new plugin goes to `plugins/` and needs `plugin-sdk/` beside it; {} has not both: go to a clone of Skyloom's repository",
        root.display()
    )))
}

fn check_name(name: &str, project: &Project) -> Result<(), String> {
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let well_formed = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(good)
        && name.len() <= 64
        && !name.ends_with('-')
        && !name.contains("--");
    if !well_formed {
        return Err(format!(
            "`{}` is not a name for a plugin: use lower-case letters, digits and single hyphens, beginning with a letter, at most 64",
            name.escape_debug()
        ));
    }
    if RESERVED.split(' ').any(|word| word == name) {
        return Err(format!(
            "`{name}` is a word of Rust; add another word, such as `{name}-method`"
        ));
    }
    let plugins = project.root.join("plugins");
    let taken = [plugins.join(name), plugins.join(format!("{name}.wasm"))];
    if let Some(taken) = taken.iter().find(|path| path.symlink_metadata().is_ok()) {
        return Err(format!("{} is there already; choose another name", taken.display()));
    }
    // Cargo could not tell a plugin from a crate of its name.
    let locked = fs::read_to_string(project.root.join("Cargo.lock")).unwrap_or_default();
    let line = format!("name = \"{name}\"");
    if locked.lines().any(|locked| locked == line) {
        return Err(format!(
            "`{name}` is a crate that this project builds with; choose another name"
        ));
    }
    Ok(())
}

/// Keywords, and crates that are always there.
const RESERVED: &str = "\
    abstract alloc as async await become box break const continue core crate do dyn else \
    enum extern false final fn for gen if impl in let loop macro main match mod move mut \
    override priv proc-macro pub ref return self static std struct super test trait true try \
    type typeof union unsafe unsized use virtual where while yield";

/// Names that the SDK's prelude and the templates use for types.
const TAKEN_TYPES: &str = "\
    Arc Array ArrayRef Batch BTreeMap Bind Blob BooleanArray Box DataType Descriptor \
    Deserialize Err Error Field FieldExt FieldRef Fields Float32Array Float64Array Harness \
    Int32Array Int64Array JsonSchema Keep Kind LineError Lines None Numbers Ok Option Params \
    Plugin Purpose Reader RecordBatch Result Role Row Scope Score Serialize Some String \
    StringArray Tally Task Vec Writer";

/// `period-search` → `PeriodSearch`.
fn type_name(name: &str) -> String {
    let capital = |word: &str| {
        let mut letters = word.chars();
        let first = letters.next().map(|first| first.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    };
    let joined: String = name.split('-').map(capital).collect();
    if TAKEN_TYPES.split(' ').any(|taken| taken == joined) {
        format!("{joined}Plugin")
    } else {
        joined
    }
}

/// The files of a new package, with its name in them.
fn files(language: &Language, role: &Role, name: &str) -> Vec<(String, String)> {
    let filled_in = |text: &str| {
        text.replace("PLUGIN DESCRIPTION", role.description)
            .replace("plugin-name", name)
            .replace("plugin_name", &name.replace('-', "_"))
            .replace("PluginName", &type_name(name))
    };
    let files = language.files(role).into_iter();
    files.map(|(path, text)| (filled_in(&path), filled_in(text))).collect()
}

/// Writes the package aside, then gives it its name: it is there whole or not at all.
fn write(plugins: &Path, name: &str, files: &[(String, String)]) -> Result<PathBuf, RunError> {
    let folder = plugins.join(name);
    let failed = |error: std::io::Error| {
        RunError::Usage(format!("cannot write {}: {error}", folder.display()))
    };
    let written = || -> std::io::Result<()> {
        fs::create_dir_all(plugins)?;
        // Not in `plugins/`: every folder there is a member of the workspace.
        let aside = tempfile::Builder::new()
            .prefix(".new-plugin-")
            .tempdir_in(plugins.parent().unwrap_or(plugins))?;
        for (path, content) in files {
            let path = aside.path().join(path);
            fs::create_dir_all(path.parent().unwrap_or(&path))?;
            fs::write(&path, content)?;
        }
        if aside.path().join("Cargo.toml").is_file() {
            format(aside.path());
        }
        // A temporary folder is the owner's alone; a package is like any other.
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(aside.path(), fs::Permissions::from_mode(0o755))?;
        }
        fs::rename(aside.path(), &folder)
    };
    written().map_err(failed)?;
    Ok(folder)
}

/// Adds the package to `Cargo.lock`, which a first build would change otherwise: all plugins
/// would look stale after it. Without cargo, that build will.
fn register(project: &Project) {
    let registered = Command::new("cargo")
        .args(["update", "--workspace", "--offline", "--quiet", "--manifest-path"])
        .arg(project.root.join("Cargo.toml"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    drop(registered);
}

/// Cargo takes every folder in `plugins/` for a package of its own, unless it is told not to.
/// Where the workspace's manifest is not as expected, cargo will say so.
fn leave_out(project: &Project, name: &str) {
    let path = project.root.join("Cargo.toml");
    let Ok(manifest) = fs::read_to_string(&path) else { return };
    let folder = format!("\"plugins/{name}\"");
    if !manifest.contains("\"plugins/*\"") || manifest.contains(&folder) {
        return;
    }
    let listed = match manifest.split_once("\nexclude = [") {
        Some((before, rest)) if !rest.trim_start().starts_with(']') => {
            format!("{before}\nexclude = [{folder}, {}", rest.trim_start())
        }
        Some((before, rest)) => format!("{before}\nexclude = [{folder}{rest}"),
        None => {
            manifest.replacen("[workspace]\n", &format!("[workspace]\nexclude = [{folder}]\n"), 1)
        }
    };
    drop(fs::write(path, listed));
}

/// A name changes the order of imports and the length of lines. Without rustfmt, they stay.
fn format(package: &Path) {
    let formatted = Command::new("rustfmt")
        .args(["--edition", "2024", "--config-path"])
        .arg(package.parent().unwrap_or(package))
        .args([package.join("src/lib.rs"), package.join("tests/contract.rs")])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    drop(formatted);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nowhere() -> Project {
        Project { root: PathBuf::from("no/such/folder") }
    }

    #[test]
    fn bad_names_are_refused() {
        for name in
            ["", "A", "3d", "a_b", "a--b", "a-", "-a", "ä", "../a", "fn", "std", &"a".repeat(65)]
        {
            assert!(check_name(name, &nowhere()).is_err(), "{name}");
        }
        for name in ["period", "period-search", "x3", "fn-search"] {
            assert_eq!(check_name(name, &nowhere()), Ok(()));
        }
    }

    #[test]
    fn taken_names_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("plugins/there")).unwrap();
        fs::write(folder.path().join("Cargo.lock"), "[[package]]\nname = \"serde\"\n").unwrap();
        let project = Project { root: folder.path().to_owned() };
        assert!(check_name("there", &project).unwrap_err().contains("already"));
        assert!(check_name("serde", &project).unwrap_err().contains("crate"));
    }

    #[test]
    fn cargo_is_told_which_folders_are_not_its_own() {
        let check = |before: &str, after: &str| {
            let folder = tempfile::tempdir().unwrap();
            fs::write(folder.path().join("Cargo.toml"), before).unwrap();
            leave_out(&Project { root: folder.path().to_owned() }, "new");
            assert_eq!(fs::read_to_string(folder.path().join("Cargo.toml")).unwrap(), after);
        };
        let members = "members = [\"plugins/*\"]\n";
        let with = |exclude: &str| format!("[workspace]\n{exclude}{members}");
        check(&with(""), &with("exclude = [\"plugins/new\"]\n"));
        check(&with("exclude = []\n"), &with("exclude = [\"plugins/new\"]\n"));
        let old = "exclude = [\"plugins/old\"]\n";
        check(&with(old), &with("exclude = [\"plugins/new\", \"plugins/old\"]\n"));
        check("[package]\n", "[package]\n");
    }

    #[test]
    fn types_are_named_after_plugins() {
        assert_eq!(type_name("period-search"), "PeriodSearch");
        assert_eq!(type_name("plugin"), "PluginPlugin");
    }

    #[test]
    fn templates_are_filled_in() {
        let check = |language: &Language, role: &Role| {
            let what = format!("{language:?}, {}", role.name);
            let folder = tempfile::tempdir().unwrap();
            let plugins = folder.path().join("plugins");
            let files = files(language, role, "period-search");
            let package = write(&plugins, "period-search", &files).unwrap();
            let mut named = 0;
            for (path, _) in &files {
                let text = fs::read_to_string(package.join(path)).unwrap();
                for left in ["plugin-name", "plugin_name", "PluginName", "PLUGIN DESCRIPTION"] {
                    assert!(!text.contains(left), "{what}: {path} has {left}");
                }
                named += usize::from(text.contains("eriod") && text.contains("earch"));
            }
            assert!(named >= 1, "{what}: nobody knows its name");
            for needed in ["README.md", &language.science(role).expect("it has science")] {
                assert!(package.join(needed).is_file(), "{what}: no {needed}");
            }
            let left: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
            assert_eq!(left.len(), 1, "nothing is left aside");
        };
        for language in &LANGUAGES {
            let roles: Vec<_> = language.roles().collect();
            assert!(roles.len() >= 4, "{language:?} has {} roles", roles.len());
            roles.into_iter().for_each(|role| check(language, role));
        }
    }
}
