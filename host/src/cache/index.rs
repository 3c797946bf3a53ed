//! The index: what the files of the cache say, quick to find.
//!
//! It holds nothing that the files do not, so it can be thrown away at any time. One process
//! has it open; others go to the files. sled is known here and nowhere else.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::entry::{Entry, Outcome, Variant};
use super::key::Key;
use crate::data::{Digest, Found as FoundFile, guarded};

/// What sled may keep in memory.
const MEMORY_BYTES: u64 = 32 << 20;
/// Last uses are noted to this grain: a warm run should not write.
const GRAIN: Duration = Duration::from_secs(3600);
/// Changes whenever what is stored does.
const FORMAT: &[u8] = b"skyloom index 3";

/// An entry as the index has it: without what only explanations need.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Indexed {
    /// Of the entry's file. This and the variants come first, so that a plan reads no further.
    stamp: Stamp,
    variants: Vec<Variant>,
    /// Its log is in the entry's file.
    pub(super) has_log: bool,
    /// All but the variants.
    result: Outcome,
}

impl From<Indexed> for Outcome {
    fn from(indexed: Indexed) -> Self {
        Self { variants: indexed.variants, ..indexed.result }
    }
}

/// What tells whether a file is still the one that was read: other processes write entries
/// and remove them without the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stamp {
    bytes: u64,
    modified_ns: i128,
}

impl From<FoundFile> for Stamp {
    fn from(file: FoundFile) -> Self {
        Self { bytes: file.bytes, modified_ns: file.modified_ns }
    }
}

/// What an index is good for at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IndexState {
    Open,
    /// Another process has it.
    Busy,
    /// It failed; it is made anew when the cache is opened next.
    Broken,
    /// Nobody asked for it.
    Closed,
}

pub(super) struct Index {
    folder: PathBuf,
    /// Shared by all who look: sled itself lets them work side by side.
    trees: RwLock<Result<Trees, IndexState>>,
}

struct Trees {
    db: sled::Db,
    /// Head and key → [`Indexed`]. A node's units lie side by side: looking them all up
    /// touches few pages.
    entries: sled::Tree,
    /// Head and ordinal → the key last used there.
    slots: sled::Tree,
    /// Plugin and head → when an entry was last put there.
    heads: sled::Tree,
    /// Head and key → when it was last used.
    uses: sled::Tree,
    _lock: File,
}

impl Index {
    /// No index: everything is looked for in the files.
    pub(super) fn closed(root: &Path) -> Self {
        let trees = RwLock::new(Err(IndexState::Closed));
        Self { folder: root.join("index"), trees }
    }

    /// Opens the index below `root`. If it does not open, it is set aside and begun anew;
    /// the caller then fills it, as [`Self::is_new`] tells.
    pub(super) fn open(root: &Path) -> Self {
        let index = Self::closed(root);
        *index.trees.write().unwrap_or_else(PoisonError::into_inner) = index.open_trees();
        index
    }

    fn open_trees(&self) -> Result<Trees, IndexState> {
        let lock = self.folder.with_extension("lock");
        let lock = OpenOptions::new().append(true).create(true).open(lock);
        let lock = lock.map_err(|_| IndexState::Broken)?;
        if lock.try_lock().is_err() {
            return Err(IndexState::Busy);
        }
        if self.mark().exists() || !are_files(&self.folder) {
            self.set_aside();
        }
        let trees = Trees::open(&self.folder, lock).or_else(|lock| {
            self.set_aside();
            Trees::open(&self.folder, lock)
        });
        let trees = trees.map_err(|_| IndexState::Broken)?;
        drop(fs::remove_file(self.mark()));
        Ok(trees)
    }

    /// Says that the index is not to be trusted when it is opened next.
    fn mark(&self) -> PathBuf {
        self.folder.with_extension("broken")
    }

    fn set_aside(&self) {
        let aside = self.folder.with_extension("aside");
        drop(fs::remove_dir_all(&aside));
        if fs::rename(&self.folder, &aside).is_err() {
            drop(fs::remove_dir_all(&self.folder));
        }
    }

    pub(super) fn state(&self) -> IndexState {
        let trees = self.trees.read().unwrap_or_else(PoisonError::into_inner);
        trees.as_ref().map_or_else(|state| *state, |_| IndexState::Open)
    }

    /// Begins anew, with nothing in it. Says whether it could.
    pub(super) fn clear(&self) -> bool {
        let mut trees = self.trees.write().unwrap_or_else(PoisonError::into_inner);
        if let Ok(open) = &*trees {
            let cleared = guarded(|| open.clear());
            if matches!(cleared, Some(Ok(()))) {
                return true;
            }
        }
        if matches!(*trees, Err(IndexState::Busy)) {
            return false;
        }
        *trees = Err(IndexState::Closed);
        self.set_aside();
        *trees = self.open_trees();
        trees.is_ok()
    }

    /// Whether it was made just now and does not know the files yet.
    pub(super) fn is_new(&self) -> bool {
        self.with(|trees| Ok(trees.db.get("built")?.is_none())).unwrap_or(false)
    }

    /// From now on it knows the files.
    pub(super) fn is_built(&self) {
        self.with(|trees| trees.db.insert("built", FORMAT).map(drop));
    }

    /// Does something with the index, if it is open. An index that fails is closed, and made
    /// anew next time.
    fn with<T>(&self, act: impl FnOnce(&Trees) -> sled::Result<T>) -> Option<T> {
        {
            let trees = self.trees.read().unwrap_or_else(PoisonError::into_inner);
            let open = trees.as_ref().ok()?;
            if let Some(Ok(value)) = guarded(|| act(open)) {
                return Some(value);
            }
        }
        drop(fs::write(self.mark(), ""));
        let mut trees = self.trees.write().unwrap_or_else(PoisonError::into_inner);
        // Dropping it could fail in the same way.
        if let Ok(broken) = std::mem::replace(&mut *trees, Err(IndexState::Broken)) {
            std::mem::forget(broken);
        }
        None
    }

    /// What it knows of `key` under `head`, whose file is of `stamp` now.
    pub(super) fn get(&self, head: Digest, key: Key, stamp: Stamp) -> Option<Indexed> {
        let bytes = self.with(|trees| trees.entries.get(place(head, key))).flatten()?;
        let indexed: Indexed = postcard::from_bytes(unseal(key, &bytes)?).ok()?;
        (indexed.stamp == stamp).then_some(indexed)
    }

    /// Only the variants of the entry, under the same condition.
    pub(super) fn variants(&self, head: Digest, key: Key, stamp: Stamp) -> Option<Vec<Variant>> {
        let bytes = self.with(|trees| trees.entries.get(place(head, key))).flatten()?;
        let ((known, variants), _): ((Stamp, _), _) =
            postcard::take_from_bytes(unseal(key, &bytes)?).ok()?;
        (known == stamp).then_some(variants)
    }

    pub(super) fn put(&self, entry: &Entry, stamp: Stamp) {
        let mut result = entry.result.clone();
        let variants = std::mem::take(&mut result.variants);
        let indexed = Indexed { stamp, variants, has_log: !entry.log.is_empty(), result };
        let value = seal(entry.key, &indexed);
        self.with(|trees| {
            let place = place(entry.head, entry.key);
            trees.entries.insert(place, value)?;
            trees.slots.insert(slot(entry.head, entry.ordinal), entry.key.as_bytes())?;
            trees.heads.insert(head_name(&entry.plugin, entry.head), &now().to_be_bytes())?;
            trees.uses.insert(place, &now().to_be_bytes()).map(drop)
        });
    }

    pub(super) fn remove(&self, entry: &Entry) {
        self.with(|trees| {
            let place = place(entry.head, entry.key);
            trees.entries.remove(place)?;
            trees.uses.remove(place)?;
            let slot = slot(entry.head, entry.ordinal);
            if trees.slots.get(slot)?.is_some_and(|key| &*key == entry.key.as_bytes()) {
                trees.slots.remove(slot)?;
            }
            Ok(())
        });
    }

    /// Notes that `key` was used just now. Says whether the index keeps such notes.
    pub(super) fn used(&self, head: Digest, key: Key) -> bool {
        let place = place(head, key);
        let noted = self.with(|trees| {
            let last = trees.uses.get(place)?.and_then(|time| seconds(&time));
            if last.is_none_or(|last| last + GRAIN.as_secs() < now()) {
                trees.uses.insert(place, &now().to_be_bytes())?;
            }
            Ok(())
        });
        noted.is_some()
    }

    /// When `key` was last used.
    pub(super) fn last_use(&self, head: Digest, key: Key) -> Option<SystemTime> {
        let time = self.with(|trees| trees.uses.get(place(head, key))).flatten()?;
        seconds(&time).map(|seconds| UNIX_EPOCH + Duration::from_secs(seconds))
    }

    /// The heads under which `plugin` has run, the latest first.
    pub(super) fn heads(&self, plugin: &str) -> Option<Vec<Digest>> {
        let prefix = [plugin.as_bytes(), &[0]].concat();
        let mut heads = self.with(|trees| {
            let found = trees.heads.scan_prefix(&prefix).map(|pair| {
                let (name, time) = pair?;
                let head = <[u8; 32]>::try_from(&name[prefix.len()..]).ok();
                Ok(head.zip(seconds(&time)))
            });
            found.collect::<sled::Result<Vec<_>>>()
        })?;
        heads.sort_by_key(|head| std::cmp::Reverse(head.map(|(_, time)| time)));
        Some(heads.into_iter().flatten().map(|(head, _)| Digest::from(head)).collect())
    }

    /// The key last used by the unit of this ordinal under `head`.
    pub(super) fn slot(&self, head: Digest, ordinal: u32) -> Option<Key> {
        let key = self.with(|trees| trees.slots.get(slot(head, ordinal))).flatten()?;
        <[u8; 32]>::try_from(&*key).ok().map(Digest::from)
    }

    /// How many entries it knows.
    pub(super) fn len(&self) -> Option<usize> {
        self.with(|trees| Ok(trees.entries.len()))
    }

    /// Writes what is still in memory.
    pub(super) fn flush(&self) {
        self.with(|trees| trees.db.flush().map(drop));
    }
}

impl Drop for Index {
    fn drop(&mut self) {
        self.flush();
        let trees = self.trees.get_mut().unwrap_or_else(PoisonError::into_inner);
        let trees = std::mem::replace(trees, Err(IndexState::Closed));
        // sled syncs once more when it is dropped, and panics if it cannot.
        if guarded(|| drop(trees)).is_none() {
            drop(fs::write(self.mark(), ""));
        }
    }
}

/// Whether only files and folders are below `folder`: sled would follow a link, and wait for
/// a pipe.
fn are_files(folder: &Path) -> bool {
    fs::read_dir(folder).into_iter().flatten().flatten().all(|entry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => are_files(&entry.path()),
        Ok(kind) => kind.is_file(),
        Err(_) => false,
    })
}

impl Trees {
    fn open(folder: &Path, lock: File) -> Result<Self, File> {
        let opened = guarded(|| {
            let db = sled::Config::new().path(folder).cache_capacity(MEMORY_BYTES).open()?;
            // What another version wrote is another format: this is as good as broken.
            if db.get("built")?.is_some_and(|format| &*format != FORMAT) {
                return Err(sled::Error::Unsupported("another format".to_owned()));
            }
            let tree = |name: &str| db.open_tree(name);
            let trees = (tree("entries")?, tree("slots")?, tree("heads")?, tree("uses")?);
            Ok((db, trees))
        });
        match opened {
            Some(Ok((db, (entries, slots, heads, uses)))) => {
                Ok(Self { db, entries, slots, heads, uses, _lock: lock })
            }
            _ => Err(lock),
        }
    }

    fn clear(&self) -> sled::Result<()> {
        self.db.remove("built")?;
        [&self.entries, &self.slots, &self.heads, &self.uses].iter().try_for_each(|t| t.clear())
    }
}

fn place(head: Digest, key: Key) -> [u8; 64] {
    let mut place = [0; 64];
    place[..32].copy_from_slice(head.as_bytes());
    place[32..].copy_from_slice(key.as_bytes());
    place
}

fn slot(head: Digest, ordinal: u32) -> [u8; 36] {
    let mut slot = [0; 36];
    slot[..32].copy_from_slice(head.as_bytes());
    slot[32..].copy_from_slice(&ordinal.to_be_bytes());
    slot
}

fn head_name(plugin: &str, head: Digest) -> Vec<u8> {
    [plugin.as_bytes(), &[0], head.as_bytes()].concat()
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

fn seconds(bytes: &[u8]) -> Option<u64> {
    bytes.try_into().ok().map(u64::from_be_bytes)
}

/// `value`, with what tells whether it is whole and belongs to `key`.
fn seal(key: Key, value: &Indexed) -> Vec<u8> {
    let body = postcard::to_stdvec(value).expect("entries are plain data");
    let mut sealed = checksum(key, &body).to_vec();
    sealed.extend(body);
    sealed
}

/// What was sealed, if it is whole and belongs to `key`.
fn unseal(key: Key, bytes: &[u8]) -> Option<&[u8]> {
    let (seal, body) = bytes.split_at_checked(16)?;
    (checksum(key, body) == seal).then_some(body)
}

fn checksum(key: Key, body: &[u8]) -> [u8; 16] {
    let hash = blake3::keyed_hash(key.as_bytes(), body);
    hash.as_bytes()[..16].try_into().expect("a hash has 32 bytes")
}
