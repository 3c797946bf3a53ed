//! Plugins in Python and JavaScript: the same bytes wherever they are built, nothing of the world
//! in them, and errors that point at the author's line.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use arrow::array::cast::AsArray;
use arrow::array::{ArrayRef, RecordBatch, StringArray};
use skyloom::instance::{Component, InstanceError};
use skyloom::registry::{self, Project};

use crate::guests::{self, Store};
use crate::languages;
use crate::support::{has_tools, root};

/// A language, its file, and a plugin in it that is written for a test.
struct Language {
    name: &'static str,
    file: &'static str,
    curious: &'static str,
    /// What it answers when it is told to fail.
    failure: &'static str,
}

const LANGUAGES: [Language; 2] = [
    Language {
        name: "python",
        file: "plugin.py",
        curious: include_str!("../cases/languages/curious.py"),
        failure: "KeyError: 'nothing' (plugin.py, line 33, in look)",
    },
    Language {
        name: "js",
        file: "plugin.js",
        curious: include_str!("../cases/languages/curious.js"),
        failure: "TypeError: cannot read property 'z' of undefined (plugin.js, line 28, in look)",
    },
];

impl Language {
    fn is_here(&self) -> bool {
        languages::is_here(self.name)
    }

    /// Builds the curious plugin as `name`, in a new folder with `place` in its path.
    fn built(&self, name: &str, place: &str) -> Vec<u8> {
        let folder = tempfile::tempdir().expect("a folder");
        let package = folder.path().join(place).join("plugins").join(name);
        fs::create_dir_all(&package).expect("folders can be made");
        let write = |file: &str, text: &str| {
            fs::write(package.join(file), text).expect("it can be written");
        };
        write("plugin.toml", &format!("language = \"{}\"\n", self.name));
        write(self.file, &self.curious.replace("curious", name));
        let project = Project::around(&package);
        registry::build(&project, &[&package]).expect("it compiles");
        let path: PathBuf = registry::component_path(&project, &package).expect("it has a name");
        fs::read(path).expect("it was built")
    }
}

#[test]
fn components_are_the_same_wherever_and_whenever_they_are_made() {
    for language in LANGUAGES.iter().filter(|language| language.is_here()) {
        let name = format!("twice-{}", language.name);
        let made = ["one", "another/place"].map(|place| language.built(&name, place));
        assert!(made[0] == made[1], "{}: the bytes differ", language.name);
        let text = String::from_utf8_lossy(&made[0]);
        for folder in ["another/place", &root().display().to_string()] {
            assert!(!text.contains(folder), "{}: `{folder}` is in it", language.name);
        }
    }
}

/// What the plugin answers for the one row `ask`, and what it says.
fn asked(component: &Component, ask: &str) -> Result<(String, Vec<String>), InstanceError> {
    let store = Store::new();
    let column: ArrayRef = Arc::new(StringArray::from(vec![ask]));
    let batch = RecordBatch::try_from_iter([("ask", column)]).expect("one column");
    let table = store.table(&batch.schema(), &[batch]);
    let (_, report) = store.report(component, "{}", &table, 100)?;
    let batches = report.outputs[0][0].batches().expect("it can be read");
    let batches: Vec<_> = batches.collect::<Result<_, _>>().expect("it can be read");
    let answer = batches[0].column(0).as_string::<i32>().value(0).to_owned();
    Ok((answer, report.log.iter().map(|line| line.message.clone()).collect()))
}

#[test]
fn what_a_plugin_sees_of_the_world_is_the_same_each_time() {
    for language in LANGUAGES.iter().filter(|language| language.is_here()) {
        let bytes = language.built(&format!("curious-{}", language.name), "place");
        let component = guests::engine().load(&bytes).expect("it is a plugin");
        let name = language.name;
        for import in &component.imports {
            assert!(import.starts_with("skyloom:plugin/"), "{name}: {import}");
        }
        let (seen, said) = asked(&component, "world").expect("it runs");
        assert_eq!(asked(&component, "world").expect("it runs").0, seen, "{name}");
        // Clocks begin at J2000.
        assert!(seen.starts_with("946728000"), "{name}: {seen}");
        assert_eq!(said, ["what is printed", "and what warns"], "{name}");
        let error = asked(&component, "fail").expect_err("it fails").to_string();
        assert!(error.contains(language.failure), "{name}: {error}");
    }
}

#[test]
fn the_sdks_pass_their_own_tests() {
    let check = |tool: &str, args: &[&str], folder: &str| {
        if !has_tools(&[tool]) {
            return;
        }
        let output = Command::new(tool)
            .args(args)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .current_dir(root().join(folder))
            .output()
            .expect("it starts");
        let said = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&said));
    };
    check("python3", &["-m", "unittest", "discover", "tests"], "plugin-sdk/python");
    check("node", &["--test", "tests/"], "plugin-sdk/js");
}
