//! What processes that share a cache owe each other.
//!
//! A *lease* names the entries that a running job needs, so that a collection spares them. A
//! *claim* on a key makes others wait who would run the same unit. Both end with the process
//! that holds them, however it ends.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use nix::fcntl::{FcntlArg, fcntl};

use super::key::Key;
use crate::data::Digest;

/// How often a held claim is tried again.
const RETRY: Duration = Duration::from_millis(20);

/// The entries that a running job needs. Ends when it is dropped.
pub(super) struct Lease {
    /// Locked as long as this lives; holds keys of 32 bytes.
    pins: Mutex<File>,
    path: PathBuf,
    guard: File,
}

/// A file that is opened, and made if need be, to be locked.
fn lock_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).append(true).create(true).open(path)
}

impl Lease {
    /// Begins a lease in `folder`, which is made if need be.
    pub(super) fn begin(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let guard = lock_file(&folder.join(GUARD))?;
        // Until its file is locked, a collection would take it for one of a killed job.
        guard.lock_shared()?;
        let file = tempfile::Builder::new().prefix("job-").suffix(".pins").tempfile_in(folder)?;
        file.as_file().try_lock().map_err(io::Error::from)?;
        let (pins, path) = file.keep().map_err(|error| error.error)?;
        guard.unlock()?;
        Ok(Self { pins: Mutex::new(pins), path, guard })
    }

    /// Notes that this job needs `keys`, from now on.
    pub(super) fn pin(&self, keys: &[Key]) -> io::Result<()> {
        let mut pins = self.pins.lock().expect("no holder panics");
        let bytes: Vec<u8> = keys.iter().flat_map(|key| *key.as_bytes()).collect();
        // While a collection runs, it must not miss these keys.
        self.guard.lock_shared()?;
        let length = pins.metadata()?.len();
        let written = pins.write_all(&bytes);
        if written.is_err() {
            // Half a key would shift all that come after it.
            pins.set_len(length)?;
        }
        self.guard.unlock()?;
        written
    }

    /// Waits until no collection runs: what one has taken away to look at is back then.
    pub(super) fn settle(&self) {
        let _one_at_a_time = self.pins.lock().expect("no holder panics");
        // Without the lock there is nothing to wait for: what is missed is made again.
        if self.guard.lock_shared().is_ok() {
            drop(self.guard.unlock());
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        drop(fs::remove_file(&self.path));
    }
}

const GUARD: &str = "guard";

/// What running jobs need, held still while this lives: nothing can be pinned.
pub(super) struct Pinned {
    pub(super) keys: BTreeSet<Key>,
    /// When the oldest running job began: what was written since may not be named yet.
    pub(super) since: Option<SystemTime>,
    pub(super) jobs: usize,
    _guard: File,
}

/// Reads what running jobs need; clears away after jobs that were killed.
pub(super) fn pinned(folder: &Path) -> io::Result<Pinned> {
    fs::create_dir_all(folder)?;
    let guard = lock_file(&folder.join(GUARD))?;
    guard.lock()?;
    let mut pinned = Pinned { keys: BTreeSet::new(), since: None, jobs: 0, _guard: guard };
    for file in fs::read_dir(folder)? {
        let path = file?.path();
        if path.extension().is_none_or(|ending| ending != "pins") {
            continue;
        }
        let Ok(file) = File::open(&path) else { continue };
        if file.try_lock().is_ok() {
            drop(fs::remove_file(&path));
            continue;
        }
        pinned.jobs += 1;
        let bytes = fs::read(&path)?;
        let keys = bytes.as_chunks::<32>().0.iter().map(|key| Digest::from(*key));
        pinned.keys.extend(keys);
        let began = file.metadata()?.created().or_else(|_| file.metadata()?.modified())?;
        pinned.since = Some(pinned.since.map_or(began, |since| since.min(began)));
    }
    Ok(pinned)
}

/// How many jobs run at the moment.
pub(super) fn running(folder: &Path) -> usize {
    // No job begins meanwhile: it could not lock its file while that is looked at.
    let Ok(guard) = File::open(folder.join(GUARD)) else { return 0 };
    drop(guard.lock());
    let files = fs::read_dir(folder).into_iter().flatten().flatten().map(|file| file.path());
    let pins = files.filter(|path| path.extension().is_some_and(|ending| ending == "pins"));
    pins.filter(|path| File::open(path).is_ok_and(|file| file.try_lock_shared().is_err())).count()
}

/// The right to run the unit of one key. Ends when it is dropped.
pub(crate) struct Claim {
    /// Its lock goes when the file is closed.
    _file: Option<File>,
}

/// Claims `key`, waiting while another process has it; none when `may_go_on` ends the wait.
/// Where the file system knows no such locks, everybody's claim is good: work is done twice,
/// never wrongly.
pub(super) fn claim(path: &Path, key: Key, may_go_on: impl Fn() -> bool) -> Option<Claim> {
    let Ok(file) = lock_file(path) else { return Some(Claim { _file: None }) };
    let place: [u8; 8] = key.as_bytes()[..8].try_into().expect("a key has 32 bytes");
    // One byte of an endless file for each key: nothing is written, nothing to clear away.
    let range = nix::libc::flock {
        l_type: nix::libc::F_WRLCK as i16,
        l_whence: nix::libc::SEEK_SET as i16,
        l_start: i64::from_le_bytes(place) & (i64::MAX >> 1),
        l_len: 1,
        l_pid: 0,
    };
    loop {
        match fcntl(&file, FcntlArg::F_OFD_SETLK(&range)) {
            Ok(_) => return Some(Claim { _file: Some(file) }),
            Err(nix::errno::Errno::EAGAIN | nix::errno::Errno::EACCES) => {
                if !may_go_on() {
                    return None;
                }
                std::thread::sleep(RETRY);
            }
            Err(_) => return Some(Claim { _file: None }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_protects_what_it_pinned_while_it_lives() {
        let folder = tempfile::tempdir().unwrap();
        let lease = Lease::begin(folder.path()).unwrap();
        lease.pin(&[Digest::of(b"a")]).unwrap();
        lease.pin(&[Digest::of(b"b")]).unwrap();
        let seen = pinned(folder.path()).unwrap();
        assert_eq!(seen.keys, [Digest::of(b"a"), Digest::of(b"b")].into());
        assert!(seen.since.is_some());
        drop((seen, lease));
        let seen = pinned(folder.path()).unwrap();
        assert!(seen.keys.is_empty() && seen.jobs == 0);
    }

    #[test]
    fn what_a_killed_job_left_protects_nothing() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("job-1.pins"), [1; 32]).unwrap();
        assert_eq!(pinned(folder.path()).unwrap().jobs, 0);
        assert!(!folder.path().join("job-1.pins").exists());
    }

    #[test]
    fn one_key_has_one_claim_and_others_are_free() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("claims");
        let first = claim(&path, Digest::of(b"a"), || true);
        assert!(claim(&path, Digest::of(b"a"), || false).is_none());
        assert!(claim(&path, Digest::of(b"b"), || false).is_some());
        drop(first);
        assert!(claim(&path, Digest::of(b"a"), || false).is_some());
    }
}
