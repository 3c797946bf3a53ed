//! What the cache must keep: results that a lock file or a recent run needs.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::data::Digest;
use crate::lock::Lock;
use crate::provenance::{RecordError, RunRecord, Runs};

/// How deep below the project's folder lock files are looked for.
const DEPTH: usize = 4;

/// The lock files that a project's results are needed by.
#[derive(Debug)]
pub struct Locks {
    list: PathBuf,
    root: PathBuf,
}

impl Locks {
    /// Of the project at `root`, with its state in `state`.
    pub fn of(root: &Path, state: &Path) -> Self {
        Self { list: state.join("locks.json"), root: root.to_owned() }
    }

    /// From now on `lock` is known, wherever it lies.
    ///
    /// # Errors
    /// When that cannot be noted.
    pub fn note(&self, lock: &Path) -> Result<(), RecordError> {
        let io = |error: std::io::Error| RecordError::Io {
            path: self.list.clone(),
            reason: error.to_string(),
        };
        let path = std::path::absolute(lock).map_err(io)?;
        let mut noted = self.noted();
        if noted.insert(path) {
            let text = serde_json::to_string_pretty(&noted).expect("paths are text");
            let temporary = self.list.with_extension("tmp");
            if let Some(folder) = self.list.parent() {
                fs::create_dir_all(folder).map_err(io)?;
            }
            fs::write(&temporary, text)
                .and_then(|()| fs::rename(&temporary, &self.list))
                .map_err(io)?;
        }
        Ok(())
    }

    fn noted(&self) -> BTreeSet<PathBuf> {
        serde_json::from_slice(&fs::read(&self.list).unwrap_or_default()).unwrap_or_default()
    }

    /// All lock files that are still there: those noted, and those in the project.
    pub fn all(&self) -> Vec<(PathBuf, Lock)> {
        let mut paths = self.noted();
        find(&self.root, DEPTH, &mut paths);
        let read = |path: PathBuf| Lock::read(&path).ok().map(|lock| (path, lock));
        paths.into_iter().filter_map(read).collect()
    }
}

fn find(folder: &Path, depth: usize, found: &mut BTreeSet<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        match entry.file_type() {
            Ok(kind) if kind.is_dir() && depth > 0 && !hidden && !path.ends_with("target") => {
                find(&path, depth - 1, found);
            }
            // Cargo's is none of ours, and says so when it is read.
            Ok(kind) if kind.is_file() && path.extension().is_some_and(|end| end == "lock") => {
                found.insert(std::path::absolute(&path).unwrap_or(path));
            }
            _ => {}
        }
    }
}

/// The keys of all cache entries that must stay: of runs of what a lock pins, and of the last
/// `last` runs of each workflow.
///
/// # Errors
/// When what a run needed cannot be read: nothing is removed on a guess.
pub fn needed(
    runs: &Runs,
    locks: &Locks,
    last: Option<usize>,
) -> Result<BTreeSet<Digest>, RecordError> {
    let pinned: BTreeSet<Digest> = locks.all().iter().map(|(_, lock)| lock.plan_digest()).collect();
    let mut seen = BTreeMap::<String, usize>::new();
    let mut needed = BTreeSet::new();
    for name in runs.names().iter().rev() {
        // The record of another version names no keys that this one knows.
        let Ok(record) = runs.read(name) else { continue };
        let count = seen.entry(record.workflow.clone()).or_default();
        *count += 1;
        if pinned.contains(&record.plan) || last.is_some_and(|last| *count <= last) {
            needed.extend(runs.units(name)?.into_iter().map(|unit| unit.key));
        }
    }
    Ok(needed)
}

/// The newest run of what `lock` pins that gave the results it names.
pub fn run_of(lock: &Lock, runs: &Runs) -> Option<RunRecord> {
    let plan = lock.plan_digest();
    let of_lock = |record: &RunRecord| {
        record.plan == plan
            && lock.results.iter().all(|(node, ports)| {
                ports.iter().all(|(port, table)| {
                    let given = record.nodes.get(node).and_then(|node| node.outputs.get(port));
                    given.is_some_and(|given| given.digest == table.digest)
                })
            })
    };
    runs.names().iter().rev().filter_map(|name| runs.read(name).ok()).find(of_lock)
}
