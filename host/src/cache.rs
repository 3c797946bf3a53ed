//! What need not run again.
//!
//! [`Cache`] keeps what a run of a plugin gave, under a key made of all it could depend
//! on: component, parameters, and of its inputs the columns that it reads. An entry is a
//! small JSON file that names the objects; it is written after they are safe, so an entry
//! that can be read is whole.
//!
//! It does not know workflows: neither node names, nor paths, nor times are in a key.

mod binding;
mod key;

pub(crate) use key::{InputKey, Key, KeyManifest, OutputKey, PartitionKey};

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::data::{Digest, ObjectStore, StoreError, publish};
use crate::instance::{Binding, LogLine, RunReport};

/// The folder that all runs of a project share.
#[derive(Debug, Clone)]
pub struct Cache {
    root: PathBuf,
    pub objects: ObjectStore,
}

/// What a run gave, on disk.
#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    key: KeyManifest,
    /// For each output port, the digests of its partitions.
    outputs: Vec<Vec<Digest>>,
    log: Vec<LogLine>,
    peak_memory_bytes: usize,
    wall_ms: u64,
}

impl Cache {
    /// Opens the cache below `root`, making its folders.
    ///
    /// # Errors
    /// When they cannot be made.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        let objects = ObjectStore::open(root)?;
        for folder in ["actions", "bindings"] {
            let folder = root.join(folder);
            fs::create_dir_all(&folder).map_err(StoreError::io(&folder))?;
        }
        Ok(Self { root: root.to_owned(), objects })
    }

    fn path_of(&self, kind: &str, key: Key) -> PathBuf {
        let name = key.to_string();
        self.root.join(kind).join(&name[..2]).join(format!("{name}.json"))
    }

    /// What an earlier run under `key` gave, if all of it is still there.
    pub(crate) fn get(&self, key: Key) -> Option<RunReport> {
        let text = fs::read(self.path_of("actions", key)).ok()?;
        let entry: Entry = serde_json::from_slice(&text).ok()?;
        let open = |digest: Digest| self.objects.get(digest).map(Arc::new).ok();
        let outputs = entry.outputs.into_iter();
        Some(RunReport {
            outputs: outputs
                .map(|partitions| partitions.into_iter().map(open).collect())
                .collect::<Option<_>>()?,
            log: entry.log,
            peak_memory_bytes: entry.peak_memory_bytes,
            wall: std::time::Duration::from_millis(entry.wall_ms),
            storing: std::time::Duration::ZERO,
        })
    }

    /// Keeps what a run under `key` gave; its objects are safe already.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn put(
        &self,
        key: Key,
        manifest: KeyManifest,
        report: &RunReport,
    ) -> Result<(), StoreError> {
        let outputs = report.outputs.iter();
        let entry = Entry {
            key: manifest,
            outputs: outputs
                .map(|partitions| partitions.iter().map(|object| object.digest).collect())
                .collect(),
            log: report.log.clone(),
            peak_memory_bytes: report.peak_memory_bytes,
            wall_ms: report.wall.as_millis() as u64,
        };
        self.write(&self.path_of("actions", key), &entry)
    }

    /// What `bind` said under `key`.
    pub(crate) fn get_binding(&self, key: Key) -> Option<Binding> {
        binding::from_json(&fs::read(self.path_of("bindings", key)).ok()?)
    }

    /// Keeps what `bind` said.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn put_binding(&self, key: Key, binding: &Binding) -> Result<(), StoreError> {
        self.write(&self.path_of("bindings", key), &binding::to_json(binding))
    }

    fn write(&self, path: &Path, value: &impl Serialize) -> Result<(), StoreError> {
        let folder = self.root.join("tmp");
        let mut file = tempfile::NamedTempFile::new_in(&folder).map_err(StoreError::io(&folder))?;
        let text = serde_json::to_vec_pretty(value).expect("entries are plain data");
        file.write_all(&text).map_err(StoreError::io(path))?;
        publish(file, path)
    }
}
