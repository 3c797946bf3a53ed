//! What need not run again.
//!
//! [`Cache`] keeps what a run of a plugin gave, under a key made of all it could depend
//! on: component, parameters, and of its inputs the columns that it reads. An entry is a
//! small file that names the objects; it is written after they are safe, so an entry that
//! can be read is whole. Columns that a plugin only passes on are not in the key: where they
//! changed, the host puts the new ones beside what the plugin once made.
//!
//! It does not know workflows: neither node names, nor paths, nor times are in a key.

mod binding;
mod collect;
mod entry;
mod explain;
mod index;
mod key;
mod lease;
mod splice;

pub use collect::{Collected, Damage, Policy, Stats, Verified};
pub(crate) use entry::Variant;
pub use explain::Because;
pub use index::IndexState;
pub(crate) use key::{
    BindInput, BindKey, CONTRACT, Head, KEY_VERSION, Kernels, Key, PartitionKey, PortKey,
    UnitInput, unit_key,
};
pub(crate) use lease::Claim;
pub(crate) use splice::{Target, own_fields, splice};

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use arrow::datatypes::SchemaRef;
use indexmap::IndexSet;
use serde::Serialize;

use crate::data::{
    Digest, Look, Object, ObjectStore, StoreError, move_folder_aside, names_in, path_of, place,
    publish,
};
use crate::instance::{Binding, LogLine, RunReport, Selection};
use entry::{Entry, Outcome, from_sealed_text, to_sealed_text};
use index::{Index, Stamp};
use lease::Lease;

/// The folder that all runs of a project share.
pub struct Cache {
    root: PathBuf,
    /// Looks for entries' files.
    look: Look,
    pub objects: ObjectStore,
    index: Index,
    /// What a running job needs; none for those who only look.
    lease: Mutex<Option<Lease>>,
    notices: Mutex<IndexSet<String>>,
    /// Heads that this process has written or read, at most [`MOST_HEADS_KEPT`].
    heads: Mutex<BTreeMap<Digest, Arc<Head>>>,
}

/// All that names a unit's result.
#[derive(Debug, Clone)]
pub(crate) struct UnitKey {
    pub(crate) key: Key,
    pub(crate) head: Digest,
    pub(crate) plugin: Arc<str>,
    pub(crate) ordinal: u32,
    pub(crate) piece: (u32, u32),
    /// Names, then content, of what is read.
    pub(crate) inputs: Vec<Arc<UnitInput>>,
    /// Of the outputs' schemas and the content of the columns passed on.
    pub(crate) passed: Digest,
}

/// What the cache knows of a unit.
pub(crate) enum Found {
    Result(RunReport),
    /// The plugin's own columns, beside passed columns that have changed since.
    Own(Earlier),
    Nothing,
}

/// A result with other passed columns.
pub(crate) struct Earlier {
    pub(crate) selections: Vec<Selection>,
    pub(crate) variant: Variant,
    outcome: Outcome,
    log: Vec<LogLine>,
}

impl Cache {
    /// Opens the cache below `root`, making its folders, and its index if no other process
    /// has that.
    ///
    /// # Errors
    /// When its folders cannot be made.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        let objects = ObjectStore::open(root)?;
        for folder in [ENTRIES, MANIFESTS, BINDINGS] {
            let folder = root.join(folder);
            fs::create_dir_all(&folder).map_err(StoreError::io(&folder))?;
        }
        let index = Index::open(root);
        let cache = Self { index, objects, ..Self::to_look(root) };
        if cache.index.is_new() {
            let entries = cache.index_all();
            if entries > 0 {
                cache.notice(format!("the cache's index was made anew from {entries} entries"));
            }
        }
        Ok(cache)
    }

    /// The cache below `root`, for those who only read: nothing is made or changed, and the
    /// index is left to others.
    pub fn to_look(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            look: Look::at(root.join(ENTRIES), "json"),
            objects: ObjectStore::at(root),
            index: Index::closed(root),
            lease: Mutex::default(),
            notices: Mutex::default(),
            heads: Mutex::default(),
        }
    }

    /// From now on, a collection spares what is looked for here, until this is dropped.
    ///
    /// # Errors
    /// When that cannot be noted.
    pub fn lease(&self) -> Result<(), StoreError> {
        let folder = self.root.join(LEASES);
        let lease = Lease::begin(&folder).map_err(StoreError::io(&folder))?;
        *self.lease.lock().expect("no holder panics") = Some(lease);
        Ok(())
    }

    /// Notes that this job needs `keys`.
    pub(crate) fn pin(&self, keys: &[Key]) -> Result<(), StoreError> {
        let lease = self.lease.lock().expect("no holder panics");
        let pinned = lease.as_ref().map_or(Ok(()), |lease| lease.pin(keys));
        pinned.map_err(StoreError::io(&self.root.join(LEASES)))
    }

    /// Waits until no collection runs, so that what is missing then is gone.
    pub(crate) fn settle(&self) {
        if let Some(lease) = &*self.lease.lock().expect("no holder panics") {
            lease.settle();
        }
    }

    /// The right to run the unit of `key`; waits while another process has it, unless
    /// `may_go_on` ends the wait.
    pub(crate) fn claim(&self, key: Key, may_go_on: impl Fn() -> bool) -> Option<Claim> {
        lease::claim(&self.root.join("claims"), key, may_go_on)
    }

    /// Keeps something that the user should know, to be told once.
    pub(crate) fn notice(&self, text: String) {
        self.notices.lock().expect("no holder panics").insert(text);
    }

    /// Tells of an earlier result that cannot be used.
    pub(crate) fn lost(&self, lost: &StoreError) {
        self.notice(format!("a result in the cache is lost, so it is made again: {lost}"));
    }

    /// What the user should know.
    pub fn notices(&self) -> Vec<String> {
        self.notices.lock().expect("no holder panics").iter().cloned().collect()
    }

    /// What the index is good for.
    pub fn index_state(&self) -> IndexState {
        self.index.state()
    }

    fn path_of(&self, kind: &str, key: Key) -> PathBuf {
        path_of(&self.root.join(kind), key, "json")
    }

    /// What an earlier run of this unit gave, if all of it is still there; `schemas` are
    /// those of the outputs.
    pub(crate) fn find(&self, unit: &UnitKey, schemas: &[SchemaRef]) -> Found {
        let Some((outcome, log)) = self.outcome(unit) else { return Found::Nothing };
        if !self.index.used(unit.head, unit.key) {
            // No index, no note: the file's own time stands in for it.
            self.touch(unit.key);
        }
        let outcome = match outcome.with(unit.passed) {
            Ok((variant, outcome)) => {
                let located = self.objects_of(variant.clone(), schemas).or_else(|_| {
                    self.settle();
                    self.objects_of(variant, schemas)
                });
                return match located {
                    Ok(outputs) => Found::Result(to_report(outcome, log, outputs)),
                    Err(lost) => {
                        self.lost(&lost);
                        Found::Nothing
                    }
                };
            }
            Err(outcome) => outcome,
        };
        match outcome.variants.last() {
            Some(variant) if outcome.selections.iter().all(|s| *s != Selection::Unknown) => {
                let (selections, variant) = (outcome.selections.clone(), variant.clone());
                Found::Own(Earlier { selections, variant, outcome, log })
            }
            _ => Found::Nothing,
        }
    }

    /// This very result's partitions by output, if the cache has all of them; nothing is
    /// opened.
    pub(crate) fn has(
        &self,
        unit: &UnitKey,
        schemas: &[SchemaRef],
    ) -> Option<Vec<Vec<Arc<Object>>>> {
        let stamp = self.stamp(unit.key)?;
        let mut variants = match self.index.variants(unit.head, unit.key, stamp) {
            Some(variants) => variants,
            None => self.outcome(unit)?.0.variants,
        };
        let index = variants.iter().position(|variant| variant.passed == unit.passed)?;
        self.objects_of(variants.swap_remove(index), schemas).ok()
    }

    fn objects_of(
        &self,
        variant: Variant,
        schemas: &[SchemaRef],
    ) -> Result<Vec<Vec<Arc<Object>>>, StoreError> {
        let locate = |info, schema| self.objects.locate(info, schema).map(Arc::new);
        let ports = variant.outputs.into_iter().zip(schemas);
        ports
            .map(|(infos, schema)| infos.into_iter().map(|info| locate(info, schema)).collect())
            .collect()
    }

    fn outcome(&self, unit: &UnitKey) -> Option<(Outcome, Vec<LogLine>)> {
        // The file decides: other processes write and remove entries without the index.
        let stamp = self.stamp(unit.key)?;
        match self.index.get(unit.head, unit.key, stamp) {
            Some(indexed) if !indexed.has_log => Some((indexed.into(), Vec::new())),
            _ => {
                let entry = self.read_entry(unit.key)?;
                self.index.put(&entry, stamp);
                Some((entry.result, entry.log))
            }
        }
    }

    /// Of the file of an entry, if there is one.
    fn stamp(&self, key: Key) -> Option<Stamp> {
        self.look.file(key).ok().flatten().map(Stamp::from)
    }

    fn read_entry(&self, key: Key) -> Option<Entry> {
        let entry: Entry = from_sealed_text(&read(&self.path_of(ENTRIES, key))?)?;
        (entry.key == key).then_some(entry)
    }

    fn touch(&self, key: Key) {
        let file = fs::OpenOptions::new().append(true).open(self.path_of(ENTRIES, key));
        drop(file.and_then(|file| file.set_modified(SystemTime::now())));
    }

    /// Keeps what a run of this unit gave; its objects are safe already. Where an earlier
    /// run gave other columns of its own for this key, that one is replaced.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn put(
        &self,
        unit: &UnitKey,
        own: Vec<Vec<u32>>,
        report: &RunReport,
    ) -> Result<(), StoreError> {
        let outputs = report.outputs.iter();
        let outputs =
            outputs.map(|port| port.iter().map(|object| object.info().clone()).collect()).collect();
        let mut result = Outcome {
            reads: report.reads.clone(),
            peak_memory_bytes: report.peak_memory_bytes,
            wall_ms: report.wall.as_millis() as u64,
            selections: report.selections.clone(),
            variants: Vec::new(),
        };
        result.add(Variant { passed: unit.passed, own, outputs });
        self.write_entry(unit, report.log.clone(), result)
    }

    /// Adds to an earlier result what it is with other passed columns.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn put_spliced(
        &self,
        unit: &UnitKey,
        earlier: Earlier,
        variant: Variant,
        schemas: &[SchemaRef],
    ) -> Result<RunReport, StoreError> {
        let outputs = self.objects_of(variant.clone(), schemas)?;
        let mut outcome = earlier.outcome;
        outcome.add(variant);
        let report = to_report(outcome.clone(), earlier.log.clone(), outputs);
        self.write_entry(unit, earlier.log, outcome)?;
        Ok(report)
    }

    fn write_entry(
        &self,
        unit: &UnitKey,
        log: Vec<LogLine>,
        result: Outcome,
    ) -> Result<(), StoreError> {
        let mut inputs = Vec::with_capacity(unit.inputs.len());
        for input in &unit.inputs {
            let (input, shared) = input.to_entry();
            if let (UnitInput::Shared { digest, .. }, Some(partitions)) = (&input, shared) {
                self.write_once(MANIFESTS, *digest, &partitions)?;
            }
            inputs.push(input);
        }
        let entry = Entry {
            key: unit.key,
            head: unit.head,
            plugin: unit.plugin.to_string(),
            ordinal: unit.ordinal,
            piece: unit.piece,
            inputs,
            log,
            result,
        };
        let path = self.path_of(ENTRIES, unit.key);
        self.write(&path, &entry)?;
        if let Some(stamp) = self.stamp(unit.key) {
            self.index.put(&entry, stamp);
        }
        Ok(())
    }

    /// Keeps the head that entries name.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn put_head(&self, digest: Digest, head: &Head) -> Result<(), StoreError> {
        let is_known = self.heads.lock().expect("no holder panics").contains_key(&digest);
        // Every unit of a node asks; a collection may have taken the file meanwhile.
        if is_known && self.path_of(MANIFESTS, digest).is_file() {
            return Ok(());
        }
        self.write_once(MANIFESTS, digest, head)?;
        self.remember_head(digest, Arc::new(head.clone()));
        Ok(())
    }

    fn remember_head(&self, digest: Digest, head: Arc<Head>) {
        let mut heads = self.heads.lock().expect("no holder panics");
        if heads.len() >= MOST_HEADS_KEPT {
            heads.clear();
        }
        heads.insert(digest, head);
    }

    /// What `bind` said under `key`.
    pub(crate) fn get_binding(&self, key: Key) -> Option<Binding> {
        binding::from_json(from_sealed_text(&read(&self.path_of(BINDINGS, key))?)?)
    }

    /// Keeps what `bind` said.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn put_binding(&self, key: Key, binding: &Binding) -> Result<(), StoreError> {
        let path = self.path_of(BINDINGS, key);
        let folder = path.parent().expect("bindings lie in a folder");
        fs::create_dir_all(folder).map_err(StoreError::io(folder))?;
        // Not synced: what a power cut takes is asked again, and a plan has many of these.
        place(self.write_aside(&path, &binding::to_json(binding))?, &path)
    }

    /// Writes what its name is the digest of, unless it is there.
    fn write_once(
        &self,
        kind: &str,
        name: Digest,
        value: &impl Serialize,
    ) -> Result<(), StoreError> {
        let path = self.path_of(kind, name);
        let is_whole = |text: Vec<u8>| from_sealed_text::<serde::de::IgnoredAny>(&text).is_some();
        if read(&path).is_some_and(is_whole) {
            return Ok(());
        }
        self.write(&path, value)
    }

    fn write(&self, path: &Path, value: &impl Serialize) -> Result<(), StoreError> {
        publish(self.write_aside(path, value)?, path)
    }

    /// Writes what will lie at `path` to a file without that name.
    fn write_aside(
        &self,
        path: &Path,
        value: &impl Serialize,
    ) -> Result<tempfile::NamedTempFile, StoreError> {
        let folder = self.root.join("tmp");
        let mut file = tempfile::NamedTempFile::new_in(&folder).map_err(StoreError::io(&folder))?;
        file.write_all(to_sealed_text(value).as_bytes()).map_err(StoreError::io(path))?;
        move_folder_aside(path, &folder);
        Ok(file)
    }

    /// Makes the index whole again from the files; the number of entries.
    fn index_all(&self) -> usize {
        let mut count = 0;
        for key in self.keys() {
            let stamp = self.stamp(key);
            if let (Some(stamp), Some(entry)) = (stamp, self.read_entry(key)) {
                self.index.put(&entry, stamp);
                count += 1;
            }
        }
        self.index.is_built();
        count
    }

    /// The keys of all entries' files, sorted.
    fn keys(&self) -> Vec<Key> {
        names_in(&self.root.join(ENTRIES))
    }
}

/// How many heads are kept in memory.
const MOST_HEADS_KEPT: usize = 4096;

const ENTRIES: &str = "entries";
const MANIFESTS: &str = "manifests";
const BINDINGS: &str = "bindings";
const LEASES: &str = "leases";

/// What is in a file of ours; a link is not followed, and nobody waits for a pipe.
fn read(path: &Path) -> Option<Vec<u8>> {
    let is_file = fs::symlink_metadata(path).is_ok_and(|found| found.is_file());
    is_file.then(|| fs::read(path).ok())?
}

fn to_report(outcome: Outcome, log: Vec<LogLine>, outputs: Vec<Vec<Arc<Object>>>) -> RunReport {
    RunReport {
        outputs,
        wall: outcome.wall(),
        selections: outcome.selections,
        reads: outcome.reads,
        log,
        peak_memory_bytes: outcome.peak_memory_bytes,
        storing: Duration::ZERO,
    }
}
