//! What is in the cache, whether it is whole, and what can go.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::Serialize;

use super::entry::{Entry, from_sealed_text};
use super::index::IndexState;
use super::key::{Key, UnitInput};
use super::{BINDINGS, Cache, ENTRIES, LEASES, MANIFESTS, lease, read};
use crate::data::{Digest, StoreError, names_in};

/// What a cache holds.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Stats {
    pub entries: usize,
    pub entry_bytes: u64,
    pub objects: usize,
    pub object_bytes: u64,
    /// Answers of `bind`.
    pub bindings: usize,
    pub index_bytes: u64,
    /// Jobs that run at the moment.
    pub jobs: usize,
    /// By plugin: entries, and the bytes of the objects that they name.
    pub plugins: BTreeMap<String, (usize, u64)>,
}

/// What can go: all but what is protected.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// Entries that must stay, by the runs and locks that need them.
    pub needed: BTreeSet<Digest>,
    /// Ends when the cache is no larger; without it, all that nobody needs goes.
    pub max_bytes: Option<u64>,
    /// Only says what would go.
    pub dry_run: bool,
}

/// What a collection removed, or would.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Collected {
    pub entries: usize,
    pub objects: usize,
    pub bytes: u64,
    /// What stays.
    pub kept_entries: usize,
    pub kept_bytes: u64,
    /// Jobs that were running, whose entries were spared.
    pub jobs: usize,
}

/// What is wrong in a cache.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Verified {
    pub entries: usize,
    pub objects: usize,
    pub bytes: u64,
    pub damages: Vec<Damage>,
    /// Objects that no entry names: left by runs that were stopped, and harmless.
    pub orphans: usize,
}

/// One thing that is not as it was written.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Damage {
    pub path: PathBuf,
    pub reason: String,
}

/// An entry's file, as far as collection needs it.
struct Known {
    key: Key,
    plugin: String,
    bytes: u64,
    last_use: SystemTime,
    /// Objects that it names, with their lengths.
    objects: Vec<(Digest, u64)>,
    manifests: Vec<Digest>,
}

impl Cache {
    /// What the cache holds.
    pub fn stats(&self) -> Stats {
        let (known, _) = self.known();
        let mut plugins = BTreeMap::<String, (usize, u64)>::new();
        for entry in &known {
            let plugin = plugins.entry(entry.plugin.clone()).or_default();
            plugin.0 += 1;
            plugin.1 += entry.objects.iter().map(|(_, bytes)| bytes).sum::<u64>();
        }
        let sizes: Vec<u64> =
            self.objects.digests().iter().map(|d| self.object_bytes(*d)).collect();
        Stats {
            entries: known.len(),
            entry_bytes: known.iter().map(|entry| entry.bytes).sum(),
            objects: sizes.len(),
            object_bytes: sizes.iter().sum(),
            bindings: names_in(&self.root.join(BINDINGS)).len(),
            index_bytes: bytes_below(&self.root.join("index")),
            jobs: lease::running(&self.root.join(LEASES)),
            plugins,
        }
    }

    /// Reads everything and compares it with what it should be.
    pub fn verify(&self) -> Verified {
        let (known, mut damages) = self.known();
        let mut verified = Verified { entries: known.len(), ..Verified::default() };
        let named: BTreeMap<Digest, u64> =
            known.iter().flat_map(|entry| entry.objects.iter().copied()).collect();
        let present: BTreeSet<Digest> = self.objects.digests().into_iter().collect();
        for digest in &present {
            verified.objects += 1;
            verified.bytes += self.object_bytes(*digest);
            let whole = self.objects.get(*digest).and_then(|object| object.verify_again());
            if let Err(error) = whole {
                let path = self.objects.path_of(*digest);
                let reason = match error {
                    StoreError::Damaged { reason, .. } => reason,
                    other => other.to_string(),
                };
                damages.push(Damage { path, reason });
            }
        }
        for digest in named.keys().filter(|digest| !present.contains(digest)) {
            let path = self.objects.path_of(*digest);
            damages.push(Damage { path, reason: "an entry names it, and it is gone".to_owned() });
        }
        verified.orphans = present.iter().filter(|digest| !named.contains_key(digest)).count();
        verified.damages = damages;
        verified
    }

    /// Makes the index anew from the entries; how many there are. None while another process
    /// has the index.
    pub fn rebuild(&self) -> Option<usize> {
        if self.index_state() == IndexState::Busy || !self.index.clear() {
            return None;
        }
        Some(self.index_all())
    }

    /// Removes what `policy` allows, the longest unused first. What running jobs need stays.
    ///
    /// # Errors
    /// When it cannot be told what running jobs need; then nothing is removed.
    pub fn collect(&self, policy: &Policy) -> Result<Collected, StoreError> {
        let folder = self.root.join(LEASES);
        // Held to the end: nothing is pinned while entries go.
        let pinned = lease::pinned(&folder).map_err(StoreError::io(&folder))?;
        let (mut known, damages) = self.known();
        known.sort_by_key(|entry| (entry.last_use, entry.key));
        let mut references = BTreeMap::<Digest, usize>::new();
        for (digest, _) in known.iter().flat_map(|entry| &entry.objects) {
            *references.entry(*digest).or_default() += 1;
        }
        let is_young = |path: &Path| match pinned.since {
            None => false,
            // Named by nobody yet, perhaps: a job may be about to.
            Some(since) => fs::metadata(path)
                .and_then(|metadata| metadata.modified())
                .is_ok_and(|modified| modified >= since),
        };
        let mut collected = Collected { jobs: pinned.jobs, ..Collected::default() };
        let entry_bytes: u64 = known.iter().map(|entry| entry.bytes).sum();
        let present = self.objects.digests();
        let sizes: BTreeMap<Digest, u64> =
            present.iter().map(|digest| (*digest, self.object_bytes(*digest))).collect();
        let mut left = entry_bytes + sizes.values().sum::<u64>();
        let mut going = Vec::new();
        // What nobody names goes first, whatever the size.
        for (digest, bytes) in &sizes {
            let path = self.objects.path_of(*digest);
            if !references.contains_key(digest) && !is_young(&path) {
                going.push(path);
                collected.objects += 1;
                left -= bytes;
            }
        }
        going.extend(damages.into_iter().map(|damage| damage.path).filter(|path| !is_young(path)));
        let mut manifests: BTreeSet<Digest> =
            known.iter().flat_map(|entry| entry.manifests.iter().copied()).collect();
        let mut kept_manifests = BTreeSet::new();
        for entry in &known {
            let is_needed = policy.needed.contains(&entry.key) || pinned.keys.contains(&entry.key);
            if is_needed || policy.max_bytes.is_some_and(|most| left <= most) {
                collected.kept_entries += 1;
                kept_manifests.extend(entry.manifests.iter().copied());
                continue;
            }
            // The entry before what it names: cut short, this leaves nothing dangling.
            going.push(self.path_of(ENTRIES, entry.key));
            collected.entries += 1;
            left -= entry.bytes;
            for (digest, _) in &entry.objects {
                let count = references.get_mut(digest).expect("counted above");
                *count -= 1;
                let path = self.objects.path_of(*digest);
                if let (0, Some(bytes)) = (*count, sizes.get(digest))
                    && !is_young(&path)
                {
                    going.push(path);
                    collected.objects += 1;
                    left -= bytes;
                }
            }
        }
        manifests.retain(|digest| !kept_manifests.contains(digest));
        for digest in manifests {
            let path = self.path_of(MANIFESTS, digest);
            if !is_young(&path) {
                going.push(path);
            }
        }
        collected.bytes = entry_bytes + sizes.values().sum::<u64>() - left;
        collected.kept_bytes = left;
        if !policy.dry_run {
            self.remove(&going, pinned.since)?;
        }
        Ok(collected)
    }

    /// Removes files. Jobs that run have done so `since` then; none where none runs.
    fn remove(&self, going: &[PathBuf], since: Option<SystemTime>) -> Result<(), StoreError> {
        for path in going {
            if path.starts_with(self.root.join(ENTRIES))
                && let Some(entry) = read(path).and_then(|text| from_sealed_text::<Entry>(&text))
            {
                self.index.remove(&entry);
            }
            match self.remove_old(path, since) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(StoreError::io(path)(error));
                }
                _ => {}
            }
        }
        if since.is_none() {
            // What was being written when a run was killed, and an index set aside.
            for file in fs::read_dir(self.root.join("tmp")).into_iter().flatten().flatten() {
                drop(fs::remove_file(file.path()));
            }
            drop(fs::remove_dir_all(self.root.join("index.aside")));
        }
        self.index.flush();
        Ok(())
    }

    /// Removes a file, unless a job has written it `since`. It may do so at any moment, so the
    /// file is taken away, and then looked at once more.
    fn remove_old(&self, path: &Path, since: Option<SystemTime>) -> io::Result<()> {
        let Some(since) = since else {
            return match fs::remove_file(path) {
                // Somebody made a folder in a file's place.
                Err(error) if error.kind() == io::ErrorKind::IsADirectory => {
                    fs::remove_dir_all(path)
                }
                removed => removed,
            };
        };
        let is_young = |path: &Path| -> io::Result<bool> {
            Ok(fs::symlink_metadata(path)?.modified()? >= since)
        };
        if is_young(path)? {
            return Ok(());
        }
        let aside = tempfile::Builder::new().prefix("going-").tempdir_in(self.root.join("tmp"))?;
        let taken = aside.path().join("file");
        fs::rename(path, &taken)?;
        // Who misses it meanwhile waits until this collection is over, and looks again.
        if is_young(&taken)? {
            match fs::hard_link(&taken, path) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// All entries, and the files that should be entries and are not.
    fn known(&self) -> (Vec<Known>, Vec<Damage>) {
        let (mut known, mut damages) = (Vec::new(), Vec::new());
        for key in self.keys() {
            let path = self.path_of(ENTRIES, key);
            match self.read_entry(key) {
                Some(entry) => known.push(self.to_known(entry, &path)),
                None => damages.push(Damage { path, reason: "it is not a whole entry".to_owned() }),
            }
        }
        (known, damages)
    }

    fn to_known(&self, entry: Entry, path: &Path) -> Known {
        let metadata = fs::metadata(path).ok();
        let modified = metadata.as_ref().and_then(|found| found.modified().ok());
        let written = modified.unwrap_or(SystemTime::UNIX_EPOCH);
        let used = self.index.last_use(entry.head, entry.key);
        let shared = entry.inputs.iter().filter_map(|input| match input {
            UnitInput::Shared { digest, .. } => Some(*digest),
            _ => None,
        });
        Known {
            manifests: shared.chain([entry.head]).collect(),
            bytes: metadata.map_or(0, |found| found.len()),
            last_use: used.map_or(written, |used| used.max(written)),
            objects: entry.result.objects().map(|info| (info.digest, info.bytes)).collect(),
            key: entry.key,
            plugin: entry.plugin,
        }
    }

    fn object_bytes(&self, digest: Digest) -> u64 {
        fs::metadata(self.objects.path_of(digest)).map_or(0, |metadata| metadata.len())
    }
}

fn bytes_below(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let bytes = entries.map(|entry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => bytes_below(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    });
    bytes.sum()
}
