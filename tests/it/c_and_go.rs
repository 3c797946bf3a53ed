//! Plugins in C and Go: what the templates say is what they do, both say the same, and what
//! they are made of does not depend on where they are made.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use skyloom::registry::{self, Project};

use crate::languages;
use crate::support::{self, root};

/// A project of plugins made from templates: `LANGUAGE-ROLE` of each language and role.
fn project(languages: &[&str], roles: &[&str]) -> support::Project {
    let workflow = include_str!("../cases/languages/c-and-go.yaml");
    let project = support::Project::new(workflow, &[]);
    let stars = root().join("tests/cases/languages/stars.txt");
    fs::copy(stars, project.file("stars.txt")).expect("it can be copied");
    for language in languages {
        for role in roles {
            let name = format!("{language}-{role}");
            let output = project.run(&["plugin", "new", &name, "--lang", language, "--role", role]);
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
    }
    project
}

const ROLES: [&str; 4] = ["ingester", "feature-extractor", "classifier", "explainer"];

/// Both languages are here, or the test is passed over.
fn both_are_here() -> bool {
    ["c", "go"].iter().all(|language| languages::is_here(language))
}

#[test]
fn both_languages_say_the_same_and_what_is_wrong() {
    if !both_are_here() {
        return;
    }
    // One project for both, for building four plugins in Go takes a while.
    let project = project(&["c", "go"], &ROLES);
    agree(&project);
    let workflow = fs::read_to_string(project.file("job.yaml")).expect("it is there");
    for language in ["c", "go"] {
        complain(&project, &workflow, language);
    }
}

fn agree(project: &support::Project) {
    let output = project.run(&["run", "job.yaml"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for role in ROLES {
        let read = |language| {
            let path = project.file(&format!("results/c-and-go/{language}-{role}.csv"));
            fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        };
        let text = read("c");
        assert!(text.lines().count() > 10, "{role}:\n{text}");
        assert_eq!(text, read("go"), "{role}");
    }
}

/// Errors arrive with what they are about.
fn complain(project: &support::Project, workflow: &str, language: &str) {
    let start = workflow.split("  c-classifier:").next().expect("it begins");
    let other = if language == "c" { "  go-" } else { "  c-" };
    let lines = start.lines().filter(|line| !line.starts_with(other));
    let start: String = lines.flat_map(|line| [line, "\n"]).collect();
    let output =
        format!("outputs: {{all: {{from: {language}-feature-extractor, path: all.csv}}}}\n");
    let check = |from: &str, to: &str, expected: &str| {
        let job = format!("{}{output}", start.replace(from, to));
        fs::write(project.file("wrong.yaml"), job).expect("it can be written");
        let output = project.run(&["run", "wrong.yaml"]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(expected), "{language}:\n{said}");
    };
    check("value: flux", "value: mag", "`mag`");
    check("value: flux", "value: id", "a number");
    check("key: id", "key: name", "`columns` names no `name`");
    let ragged = "`stars.txt`: line 2 has 3 fields, but `columns` names 2";
    check("columns: [id, flux, flux_err]", "columns: [id, flux]", ragged);
}

/// A copy of the guest `from`, called `name`, in a folder of its own.
fn copy(from: &str, name: &str, folder: &Path) -> PathBuf {
    let to = folder.join("plugins").join(name);
    let copied =
        Command::new("cp").arg("-r").arg(root().join("tests/guests").join(from)).arg(&to).status();
    // `cp -r` makes no folders around.
    if !copied.is_ok_and(|status| status.success()) {
        panic!("{from} cannot be copied to {}", to.display());
    }
    to
}

#[test]
fn components_are_the_same_wherever_they_are_made() {
    for language in ["c", "go"] {
        if !languages::is_here(language) {
            continue;
        }
        let made = ["one", "another/place"].map(|place| {
            let folder = tempfile::tempdir().expect("a folder");
            let place = folder.path().join(place);
            fs::create_dir_all(place.join("plugins")).expect("folders can be made");
            // A name that no other test builds.
            let copied = copy(&format!("echo-{language}"), &format!("twice-{language}"), &place);
            let project = Project::around(&copied);
            registry::build(&project, &[&copied]).expect("it compiles");
            let path = registry::component_path(&project, &copied).expect("it has a name");
            fs::read(path).expect("it was built")
        });
        assert!(made[0] == made[1], "{language}: the bytes differ");
        let text = String::from_utf8_lossy(&made[0]);
        for folder in [std::env::temp_dir(), root(), PathBuf::from(env!("CARGO_MANIFEST_DIR"))] {
            let folder = folder.display().to_string();
            assert!(!text.contains(&folder), "{language}: `{folder}` is in the component");
        }
    }
}
