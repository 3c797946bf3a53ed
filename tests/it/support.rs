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

    fn without_plugins() -> Self {
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

/// Where this test binary was built: guests go there too.
fn target() -> PathBuf {
    let binary = Path::new(env!("CARGO_BIN_EXE_skyloom-under-test"));
    // target/PROFILE/binary
    binary.ancestors().nth(2).expect("a target folder").to_owned()
}
