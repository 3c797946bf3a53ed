//! What all tests share: the binary, run on folders of their own.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().expect("the package lies in the repository").to_owned()
}

/// The files below a folder of the repository, sorted, by their paths in it; build outputs
/// and what Git keeps for itself are left out.
pub(crate) fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(root().join(&folder)).expect("the folder can be read");
        for entry in entries {
            let entry = entry.expect("its entries can be read");
            let path = folder.join(entry.file_name());
            if !entry.file_type().expect("it has a type").is_dir() {
                files.push(path);
            } else if !["target", ".git", ".skyloom"].iter().any(|left| path.ends_with(left)) {
                folders.push(path);
            }
        }
    }
    files.sort();
    files
}

/// Real survey data beside the repository, if it is there.
pub(crate) fn shared_data(path: &str) -> Option<PathBuf> {
    let path = root().join("../shared/data").join(path);
    if path.exists() {
        return Some(path);
    }
    #[expect(clippy::print_stderr, reason = "whoever runs the tests should know")]
    {
        eprintln!("skipped: {} is not there", path.display());
    }
    None
}

/// A project of its own, with plugins as components: nothing is built there.
pub(crate) struct Project {
    pub(crate) skyloom: Skyloom,
    pub(crate) folder: PathBuf,
}

impl Project {
    /// With `job.yaml`, and copies of these files of `tests/data`.
    pub(crate) fn new(workflow: &str, data: &[&str]) -> Self {
        let skyloom = Skyloom::new();
        let folder = skyloom.state.path().join("project");
        std::fs::create_dir_all(folder.join("plugins")).expect("a folder can be made");
        let project = Self { skyloom, folder };
        std::fs::write(project.file("job.yaml"), workflow).expect("a file can be written");
        for name in data {
            let from = root().join("tests/data").join(name);
            std::fs::copy(from, project.file(name)).expect("the data are there");
        }
        for entry in std::fs::read_dir(root().join("plugins")).expect("there are plugins") {
            let name = entry.expect("it can be read").file_name();
            let component = Path::new(&name).with_extension("wasm");
            let built = target().join("guests/components").join(&component);
            // What plugins share is none itself.
            if built.is_file() {
                let to = project.folder.join("plugins").join(component);
                std::fs::copy(built, to).expect("it can be copied");
            }
        }
        project
    }

    /// The small main job: 60 stars, split, learnt, classified and scored.
    pub(crate) fn stars() -> Self {
        let path = root().join("tests/cases/valid/star-types.yaml");
        let text = std::fs::read_to_string(path).expect("the workflow is there");
        Self::new(&text.replace("../../data/", ""), &["stars.csv"])
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub(crate) fn run(&self, args: &[&str]) -> Output {
        let mut command = self.skyloom.command(args);
        command.current_dir(&self.folder).output().expect("the binary starts")
    }
}

/// A run of the binary with its own state and outputs.
pub(crate) struct Skyloom {
    pub(crate) state: tempfile::TempDir,
}

impl Skyloom {
    /// With all plugins built, so that no test waits for a build or sees one.
    pub(crate) fn new() -> Self {
        static BUILT: OnceLock<()> = OnceLock::new();
        let skyloom = Self::without_plugins();
        BUILT.get_or_init(|| {
            let output = skyloom.run(&["plugin", "build"]);
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        });
        skyloom
    }

    pub(crate) fn without_plugins() -> Self {
        Self { state: tempfile::tempdir().expect("a folder for temporary files") }
    }

    /// Where its outputs go.
    pub(crate) fn outputs(&self) -> PathBuf {
        self.state.path().join("outputs")
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_skyloom-under-test"));
        command
            .args(args)
            .current_dir(root())
            .env("SKYLOOM_STATE_DIR", self.state.path().join("state"))
            .env("CARGO_TARGET_DIR", target())
            .env("NO_COLOR", "1")
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().expect("the binary starts")
    }

    /// Runs a workflow with `--json`; the last line's object.
    pub(crate) fn run_json(&self, args: &[&str]) -> (i32, Value) {
        let outputs = self.outputs();
        let mut all = vec!["run", "--json", "--output-dir", outputs.to_str().expect("UTF-8")];
        all.extend(args);
        let output = self.run(&all);
        let text = String::from_utf8(output.stdout).expect("JSON is UTF-8");
        let last = text.lines().last().unwrap_or_default();
        let value = serde_json::from_str(last).unwrap_or_else(|_| {
            panic!("no JSON: {text}\n{}", String::from_utf8_lossy(&output.stderr))
        });
        (output.status.code().unwrap_or(-1), value)
    }
}

/// Whether these programs are on `PATH`. Without them a test of another language is skipped,
/// unless the environment says that all languages are to be tested.
pub(crate) fn has_tools(names: &[&str]) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_there =
        |name: &&&str| std::env::split_paths(&path).any(|folder| folder.join(name).is_file());
    let missing: Vec<_> = names.iter().filter(|name| !is_there(name)).collect();
    if missing.is_empty() {
        return true;
    }
    let all = std::env::var_os("SKYLOOM_TEST_LANGUAGES").is_some_and(|value| value == "all");
    assert!(!all, "{missing:?} are to be here, and are not");
    #[expect(clippy::print_stderr, reason = "whoever runs the tests should know")]
    {
        eprintln!("skipped: {missing:?} are not here");
    }
    false
}

/// Where this test binary was built: guests go there too.
pub(crate) fn target() -> PathBuf {
    let binary = Path::new(env!("CARGO_BIN_EXE_skyloom-under-test"));
    // target/PROFILE/binary
    binary.ancestors().nth(2).expect("a target folder").to_owned()
}
