//! What happened: the run record.
//!
//! A [`RunRecord`] says what ran, with which components and parameters, on which inputs, to
//! which outputs, at what cost, and what was warned of. Records lie in `runs/RUN/record.json`
//! of the project's `.skyloom` folder.

mod audit;
mod export;
mod lineage;
mod metrics;
mod prov;
mod ro_crate;
#[cfg(test)]
mod sample;

pub use audit::{Audit, Audited, Event};
pub use lineage::{Lineage, Step, lineage};
pub use metrics::{Metric, metrics_of};
pub use prov::prov_json;
pub use ro_crate::{ro_crate, write_crate};

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::data::{Digest, ObjectStore, StoreError, Table};
use crate::instance::{LogLine, Role};
use crate::output::Written;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    Ok,
    Failed,
    Interrupted,
}

/// Everything about one run that is worth keeping; what each unit did is in a file beside
/// it, see [`UnitRecord`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RunRecord {
    pub run: String,
    pub workflow: String,
    pub workflow_file: String,
    /// BLAKE3 of the workflow file, which is kept beside the record as `workflow.yaml`.
    pub workflow_digest: Digest,
    /// What was asked for: components, parameters, inputs. A lock file that pins the same
    /// names it too.
    pub plan: Digest,
    pub agent: Agent,
    pub skyloom: String,
    pub engine: String,
    pub contract: String,
    /// Processor and operating system.
    pub machine: String,
    pub started: String,
    pub ended: String,
    pub wall_seconds: f64,
    pub peak_rss_bytes: u64,
    pub outcome: Outcome,
    pub options: RunOptions,
    pub params: IndexMap<String, serde_json::Value>,
    pub inputs: IndexMap<String, Vec<InputRecord>>,
    pub nodes: IndexMap<String, NodeRecord>,
    pub outputs: IndexMap<String, OutputRecord>,
    /// By evaluator node.
    pub metrics: IndexMap<String, Vec<Metric>>,
    /// What the host noticed: damaged objects, an index made anew.
    pub warnings: Vec<String>,
}

/// Who ran it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agent {
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub orcid: Option<String>,
}

/// How it ran; nothing here changes results.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RunOptions {
    pub jobs: usize,
    pub batch_rows: usize,
    pub recompute: bool,
}

/// A file that was read.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct InputRecord {
    pub path: PathBuf,
    pub bytes: u64,
    pub digest: Digest,
}

/// A file that was written, and the node and port that it is of.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct OutputRecord {
    /// `node.port`
    pub from: String,
    #[serde(flatten)]
    pub file: Written,
}

/// What became of a node.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct NodeRecord {
    pub plugin: String,
    pub version: String,
    pub description: String,
    pub role: Role,
    pub citations: Vec<String>,
    pub component: Digest,
    pub params: serde_json::Value,
    /// By input port: the `node.port`, or workflow input, that feeds it.
    pub inputs: IndexMap<String, String>,
    /// By input port: the columns that its units really read.
    pub reads: IndexMap<String, Vec<String>>,
    /// By output port.
    pub outputs: IndexMap<String, TableRecord>,
    /// `finished`, `failed`, `skipped` or `interrupted`.
    pub state: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub error: Option<String>,
    pub units: usize,
    /// Units that were not run: an earlier result served.
    pub cached_units: usize,
    /// Of these, units for which the host put new passed columns beside earlier results.
    pub spliced_units: usize,
    /// Units that ran once more because a result of theirs was damaged.
    pub repaired_units: usize,
    /// Why the first unit that ran was not served from the cache.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub because: Option<String>,
    pub rows: u64,
    /// When its first unit began, and its last ended; none where none began.
    pub started: Option<String>,
    pub ended: Option<String>,
    pub wall_seconds: f64,
    pub peak_memory_bytes: usize,
    pub log: Vec<LogLine>,
}

/// A table that a node gave.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TableRecord {
    pub rows: u64,
    pub digest: Digest,
    /// The partitions' objects, in order.
    pub partitions: Vec<Digest>,
    pub columns: IndexMap<String, ColumnRecord>,
}

impl TableRecord {
    /// The table, if `objects` has it; none if it has no partitions, and so no columns.
    ///
    /// # Errors
    /// When a partition is missing or damaged.
    pub fn open(&self, objects: &ObjectStore) -> Result<Option<Table>, StoreError> {
        let open = |digest: &Digest| objects.get(*digest).map(Arc::new);
        let partitions = self.partitions.iter().map(open).collect::<Result<Vec<_>, _>>()?;
        let schema = partitions.first().map(|first| Arc::clone(&first.schema));
        Ok(schema.map(|schema| Table { schema, partitions }))
    }
}

/// A column of a table.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ColumnRecord {
    /// Of its values in all partitions.
    pub digest: Digest,
    #[serde(rename = "type")]
    pub data_type: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub unit: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ucd: Option<String>,
    /// `port.column` of the input that it was passed from, untouched.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub passed: Option<String>,
}

/// What one unit did: a line of `units.jsonl` beside the record.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct UnitRecord {
    pub node: String,
    /// A file, partition or piece.
    pub unit: String,
    /// The name of its entry in the cache.
    pub key: Digest,
    pub served: Served,
    /// Of the run that gave the result, which may be an earlier one.
    pub seconds: f64,
    pub peak_memory_bytes: usize,
    /// By output port: its partitions.
    pub outputs: IndexMap<String, Vec<Digest>>,
}

/// Where a unit's result came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Served {
    /// The plugin ran.
    Run,
    /// From the cache.
    Cached,
    /// From the cache, with other columns passed on.
    Spliced,
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
    #[error("{} is there already; move it away, or name another folder with -o", .0.display())]
    Occupied(PathBuf),
    #[error("{} was changed since the run wrote it; run again, or export without it", .0.display())]
    Changed(PathBuf),
    #[error("no node of run {0} began: a crate tells what was done, and nothing was")]
    Nothing(String),
}

const UNITS: &str = "units.jsonl";
const WORKFLOW: &str = "workflow.yaml";

/// The time, to the second, in UTC.
pub fn now() -> String {
    chrono::Utc::now().format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

impl Agent {
    /// Who runs this process: `SKYLOOM_AGENT`, as `Name` or `Name <ORCID>`, or else the name
    /// that the system knows the user by.
    pub fn of_process() -> Self {
        if let Ok(text) = std::env::var("SKYLOOM_AGENT")
            && !text.trim().is_empty()
        {
            return Self::parse(text.trim());
        }
        let user = nix::unistd::User::from_uid(nix::unistd::getuid()).ok().flatten();
        Self { name: user.map_or_else(|| "unknown".to_owned(), |user| user.name), orcid: None }
    }

    fn parse(text: &str) -> Self {
        let parts = text.strip_suffix('>').and_then(|text| text.split_once('<'));
        match parts {
            Some((name, orcid)) => {
                let orcid = orcid.trim().trim_start_matches("https://orcid.org/").to_owned();
                Self { name: name.trim().to_owned(), orcid: Some(orcid) }
            }
            None => Self { name: text.to_owned(), orcid: None },
        }
    }
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

    /// Keeps a record, with what each unit did and the workflow file beside it. `vouch` is
    /// told its digest before it has its name: however a run is stopped, no record is there
    /// that nobody vouches for.
    ///
    /// # Errors
    /// When it cannot be written, or `vouch` fails; then there is no record.
    pub fn write<'u>(
        &self,
        record: &RunRecord,
        units: impl Iterator<Item = &'u UnitRecord>,
        workflow: &str,
        vouch: impl FnOnce(Digest) -> Result<(), RecordError>,
    ) -> Result<(), RecordError> {
        let path = self.path_of(&record.run);
        let io = |error: std::io::Error| RecordError::Io {
            path: path.clone(),
            reason: error.to_string(),
        };
        fs::write(path.with_file_name(WORKFLOW), workflow).map_err(io)?;
        let file = fs::File::create(path.with_file_name(UNITS)).map_err(io)?;
        let mut lines = std::io::BufWriter::new(file);
        for unit in units {
            serde_json::to_writer(&mut lines, unit).map_err(|error| io(error.into()))?;
            lines.write_all(b"\n").map_err(io)?;
        }
        lines.into_inner().map_err(|error| io(error.into_error()))?;
        let text = serde_json::to_string_pretty(record).expect("a record is plain data") + "\n";
        let temporary = path.with_extension("tmp");
        fs::write(&temporary, &text).map_err(io)?;
        vouch(Digest::of(text.as_bytes()))?;
        fs::rename(&temporary, &path).map_err(io)
    }

    /// What the units of a run did, in the order of the plan.
    ///
    /// # Errors
    /// When that cannot be read.
    pub fn units(&self, run: &str) -> Result<Vec<UnitRecord>, RecordError> {
        let path = self.path_of(run).with_file_name(UNITS);
        let io = |reason: String| RecordError::Io { path: path.clone(), reason };
        let text = fs::read_to_string(&path).map_err(|error| io(error.to_string()))?;
        let lines = text.lines().map(serde_json::from_str);
        lines.collect::<Result<_, _>>().map_err(|error| io(error.to_string()))
    }

    /// The workflow file that a run was of.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn workflow(&self, run: &str) -> Result<String, RecordError> {
        let path = self.path_of(run).with_file_name(WORKFLOW);
        let read = fs::read_to_string(&path);
        read.map_err(|error| RecordError::Io { path, reason: error.to_string() })
    }

    /// BLAKE3 of a run's record, if it has one.
    pub fn digest(&self, run: &str) -> Option<Digest> {
        fs::read(self.path_of(run)).ok().map(|text| Digest::of(&text))
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
