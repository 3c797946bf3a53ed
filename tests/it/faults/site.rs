//! Where a chain of units runs, and what it leaves.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use super::Dice;
use crate::support::Skyloom;

pub(super) const CHAIN: &str = "tests/faults/chain.yaml";

/// No run here takes so long.
const ENDLESS: Duration = Duration::from_secs(60);

/// Objects to run on.
pub(super) struct Sky {
    folder: tempfile::TempDir,
    rows: usize,
}

impl Sky {
    /// `partitions` partitions of `rows` objects, no two alike; others for each seed.
    pub(super) fn new(seed: u64, partitions: usize, rows: usize) -> Self {
        let mut dice = Dice::new(seed);
        let mut text = "objid,g,r\n".to_owned();
        for object in 0..partitions * rows {
            let (g, r) = (16.0 + 6.0 * dice.fraction(), 16.0 + 6.0 * dice.fraction());
            text += &format!("J{seed}-{object:05},{g:.6},{r:.6}\n");
        }
        let folder = tempfile::tempdir().expect("a folder for temporary files");
        fs::write(folder.path().join("objects.csv"), text).expect("a file can be written");
        Self { folder, rows }
    }

    /// What `run` is told to use it.
    pub(super) fn args(&self) -> Vec<String> {
        let path = self.folder.path().join("objects.csv");
        vec![
            CHAIN.to_owned(),
            format!("--input=objects={}", path.display()),
            format!("--set=rows={}", self.rows),
        ]
    }
}

/// A state folder and an output folder.
pub(super) struct Site {
    pub(super) skyloom: Skyloom,
}

/// A run that has ended.
pub(super) struct Ended {
    /// None where it was killed.
    pub(super) code: Option<i32>,
    pub(super) stdout: String,
    pub(super) stderr: String,
    /// What it said last; null where that is no JSON.
    pub(super) said: Value,
    /// The keys of its units, and how each was served.
    pub(super) units: Vec<(String, String)>,
    /// All files in its output folder, by name.
    pub(super) files: BTreeMap<String, Vec<u8>>,
}

/// A process, and what it says, being read.
pub(super) struct Running {
    child: Child,
    ended: mpsc::Receiver<(String, String)>,
}

impl Running {
    pub(super) fn start(mut command: Command) -> Self {
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary starts");
        let mut stdout = child.stdout.take().expect("it is piped");
        let mut stderr = child.stderr.take().expect("it is piped");
        let (send, ended) = mpsc::channel();
        thread::spawn(move || {
            let (mut out, mut err) = (Vec::new(), Vec::new());
            // Little is said on the second: no pipe fills up meanwhile.
            drop(stdout.read_to_end(&mut out));
            drop(stderr.read_to_end(&mut err));
            let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
            drop(send.send((text(out), text(err))));
        });
        Self { child, ended }
    }

    /// Waits for its end: its code, standard output and error.
    pub(super) fn end(mut self) -> (Option<i32>, String, String) {
        let said = self.ended.recv_timeout(ENDLESS);
        if said.is_err() {
            drop(self.child.kill());
        }
        let status = self.child.wait().expect("it can be waited for");
        let (stdout, stderr) = said.unwrap_or_else(|_| (String::new(), "it hung".to_owned()));
        (status.code(), stdout, stderr)
    }
}

impl Site {
    pub(super) fn new() -> Self {
        Self { skyloom: Skyloom::new() }
    }

    pub(super) fn state(&self) -> PathBuf {
        self.skyloom.state.path().join("state")
    }

    pub(super) fn cache(&self) -> PathBuf {
        self.state().join("cache")
    }

    /// A run that is not started yet, with outputs in a folder of this name.
    pub(super) fn command(&self, sky: &Sky, outputs: &str, more: &[&str]) -> Command {
        let outputs = self.skyloom.state.path().join(outputs);
        let mut args = vec!["run".to_owned(), "--json".to_owned()];
        args.push(format!("--output-dir={}", outputs.display()));
        args.extend(sky.args());
        args.extend(more.iter().map(|arg| (*arg).to_owned()));
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        self.skyloom.command(&args)
    }

    pub(super) fn run(&self, sky: &Sky, more: &[&str]) -> Ended {
        let running = Running::start(self.command(sky, "outputs", more));
        self.ended("outputs", running)
    }

    /// What a run has left when it ends.
    pub(super) fn ended(&self, outputs: &str, running: Running) -> Ended {
        let (code, stdout, stderr) = running.end();
        let last = stdout.lines().last().unwrap_or_default();
        let said: Value = serde_json::from_str(last).unwrap_or_default();
        let units = said["run"].as_str().map(|run| self.units(run)).unwrap_or_default();
        let files = files_in(&self.skyloom.state.path().join(outputs));
        Ended { code, stdout, stderr, said, units, files }
    }

    fn units(&self, run: &str) -> Vec<(String, String)> {
        let path = self.state().join("runs").join(run).join("units.jsonl");
        let text = fs::read_to_string(path).unwrap_or_default();
        let unit = |line: &str| {
            let unit: Value = serde_json::from_str(line).expect("each line is JSON");
            let text = |name: &str| unit[name].as_str().expect("a text").to_owned();
            (text("key"), text("served"))
        };
        text.lines().map(unit).collect()
    }

    /// The record of a run.
    pub(super) fn record(&self, ended: &Ended) -> Value {
        let run = ended.said["run"].as_str().expect("it has a name");
        let path = self.state().join("runs").join(run).join("record.json");
        let text = fs::read(path).expect("it has a record");
        serde_json::from_slice(&text).expect("a record is JSON")
    }

    /// What a run warned of.
    pub(super) fn warnings(&self, ended: &Ended) -> Vec<String> {
        let record = self.record(ended);
        let warnings = record["warnings"].as_array().expect("a list");
        warnings.iter().filter_map(Value::as_str).map(str::to_owned).collect()
    }

    /// What `cache verify` and a look through the audit log find wrong.
    pub(super) fn rot(&self) -> Vec<String> {
        let (code, stdout, stderr) =
            Running::start(self.skyloom.command(&["cache", "verify", "--json"])).end();
        let verified: Value =
            serde_json::from_str(stdout.lines().last().unwrap_or_default()).unwrap_or_default();
        let mut found = Vec::new();
        if code != Some(0) || verified["damages"] != Value::Array(Vec::new()) {
            found.push(format!("cache verify ended with {code:?}: {stdout} {stderr}"));
        }
        if stderr.contains("panicked") {
            found.push(format!("cache verify panicked: {stderr}"));
        }
        found.extend(self.audit_faults());
        found
    }

    fn audit_faults(&self) -> Vec<String> {
        use skyloom::provenance::{Audit, Runs};
        let audited = Audit::below(&self.state()).verify(&Runs::below(&self.state()));
        let faults = audited.map_or_else(|error| vec![error.to_string()], |audited| audited.faults);
        faults.into_iter().map(|fault| format!("audit log: {fault}")).collect()
    }
}

/// The files right in `folder`, by name.
fn files_in(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let read = |entry: fs::DirEntry| {
        let name = entry.file_name().into_string().expect("names of tests are UTF-8");
        // What was being written when a run was killed.
        (!name.starts_with(".tmp")).then(|| Some((name, fs::read(entry.path()).ok()?)))?
    };
    entries.filter_map(read).collect()
}

/// All that is below `folder` and no folder, sorted.
pub(super) fn paths_below(folder: &Path) -> Vec<PathBuf> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => paths.extend(paths_below(&entry.path())),
            _ => paths.push(entry.path()),
        }
    }
    paths.sort();
    paths
}
