//! What happened: the run record.
//!
//! A [`RunRecord`] says what ran, with which components and parameters, on which inputs, to
//! which outputs, at what cost, and what was warned of. Records lie in `runs/RUN/record.json`
//! of the project's `.skyloom` folder.

mod metrics;

pub use metrics::{Metric, metrics_of};

use std::fs;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::data::Digest;
use crate::instance::LogLine;
use crate::output::Written;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    Ok,
    Failed,
    Interrupted,
}

/// Everything about one run that is worth keeping.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RunRecord {
    pub run: String,
    pub workflow: String,
    pub workflow_file: String,
    /// BLAKE3 of the workflow file.
    pub workflow_digest: Digest,
    pub skyloom: String,
    pub engine: String,
    pub started: String,
    pub wall_seconds: f64,
    pub peak_rss_bytes: u64,
    pub outcome: Outcome,
    pub params: IndexMap<String, serde_json::Value>,
    pub inputs: IndexMap<String, Vec<InputRecord>>,
    pub nodes: IndexMap<String, NodeRecord>,
    pub outputs: IndexMap<String, Written>,
    /// By evaluator node.
    pub metrics: IndexMap<String, Vec<Metric>>,
}

/// A file that was read.
#[derive(Debug, Serialize, Deserialize)]
pub struct InputRecord {
    pub path: PathBuf,
    pub bytes: u64,
    pub digest: Digest,
}

/// What became of a node.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct NodeRecord {
    pub plugin: String,
    pub version: String,
    pub component: Digest,
    pub params: serde_json::Value,
    /// By input port: the node and port, or input, that feeds it.
    pub inputs: IndexMap<String, String>,
    /// By output port.
    pub outputs: IndexMap<String, TableRecord>,
    /// `finished`, `failed`, `skipped` or `interrupted`.
    pub state: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub error: Option<String>,
    pub units: usize,
    pub cached_units: usize,
    pub rows: u64,
    pub wall_seconds: f64,
    pub peak_memory_bytes: usize,
    pub log: Vec<LogLine>,
}

/// A table that a node gave.
#[derive(Debug, Serialize, Deserialize)]
pub struct TableRecord {
    pub rows: u64,
    pub digest: Digest,
    /// The partitions' objects, in order.
    pub partitions: Vec<Digest>,
}

/// The folder of all runs of a project.
#[derive(Debug, Clone)]
pub struct Runs {
    folder: PathBuf,
}

/// Why a record cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    #[error("there is no run `{run}`; {help}")]
    Unknown { run: String, help: String },
    #[error("{}: {reason}", path.display())]
    Io { path: PathBuf, reason: String },
}

impl Runs {
    /// The runs below `root`, the project's `.skyloom` folder.
    pub fn below(root: &Path) -> Self {
        Self { folder: root.join("runs") }
    }

    /// A name for a run that starts now, and its folder.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn begin(&self, workflow: &str) -> Result<String, RecordError> {
        let io = |error: std::io::Error| RecordError::Io {
            path: self.folder.clone(),
            reason: error.to_string(),
        };
        fs::create_dir_all(&self.folder).map_err(io)?;
        let now = chrono::Utc::now().format("%Y%m%dT%H%M%S");
        // Two runs may begin in one second.
        for attempt in 1.. {
            let suffix = if attempt == 1 { String::new() } else { format!("-{attempt}") };
            let name = format!("{now}-{workflow}{suffix}");
            match fs::create_dir(self.folder.join(&name)) {
                Ok(()) => return Ok(name),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(io(error)),
            }
        }
        unreachable!("some number is free")
    }

    fn path_of(&self, run: &str) -> PathBuf {
        self.folder.join(run).join("record.json")
    }

    /// Keeps a record.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, record: &RunRecord) -> Result<PathBuf, RecordError> {
        let path = self.path_of(&record.run);
        let text = serde_json::to_string_pretty(record).expect("a record is plain data");
        let temporary = path.with_extension("tmp");
        let written =
            fs::write(&temporary, text + "\n").and_then(|()| fs::rename(&temporary, &path));
        written
            .map_err(|error| RecordError::Io { path: path.clone(), reason: error.to_string() })?;
        Ok(path)
    }

    /// The names of all runs, oldest first.
    pub fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let mut names: Vec<_> = names.filter(|name| self.path_of(name).is_file()).collect();
        names.sort();
        names
    }

    /// The record of `run`: its name, the start of it that no other shares, or `last`.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    pub fn read(&self, run: &str) -> Result<RunRecord, RecordError> {
        let names = self.names();
        let found = match run {
            "last" => names.last(),
            _ => {
                let mut close = names.iter().filter(|name| name.starts_with(run));
                let exact = names.iter().find(|name| *name == run);
                exact.or_else(|| close.next().filter(|_| close.next().is_none()))
            }
        };
        let Some(name) = found else {
            let help = match names.len() {
                0 => "nothing has run here yet".to_owned(),
                _ => "`skyloom runs list` shows them, and `last` is the newest".to_owned(),
            };
            return Err(RecordError::Unknown { run: run.to_owned(), help });
        };
        let path = self.path_of(name);
        let io = |reason: String| RecordError::Io { path: path.clone(), reason };
        let text = fs::read(&path).map_err(|error| io(error.to_string()))?;
        serde_json::from_slice(&text).map_err(|error| io(error.to_string()))
    }
}
