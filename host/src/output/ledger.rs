//! Which files are ours to replace.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::OutputError;
use crate::data::{Digest, publish};

/// How many contents are kept of one file.
const MOST: usize = 4;

/// The files that runs of this project wrote, by path, and what they put there.
type Files = BTreeMap<PathBuf, Vec<Digest>>;

/// Knows the files that runs of this project wrote.
#[derive(Debug, Clone)]
pub struct Ledger {
    path: PathBuf,
}

impl Ledger {
    /// The ledger at `path`; one that is not there or cannot be read is empty, so that
    /// nothing is replaced.
    pub fn at(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    fn files(&self) -> Files {
        serde_json::from_slice(&fs::read(&self.path).unwrap_or_default()).unwrap_or_default()
    }

    /// Refuses to replace a file that is there and not as a run left it.
    ///
    /// # Errors
    /// [`OutputError::NotOurs`]
    pub fn check(&self, file: &Path) -> Result<(), OutputError> {
        let Ok(bytes) = fs::File::open(file) else {
            return match fs::symlink_metadata(file) {
                Ok(_) => Err(OutputError::NotOurs(file.to_owned())),
                Err(_) => Ok(()),
            };
        };
        let mut hasher = blake3::Hasher::new();
        let hashed = hasher.update_reader(bytes).map(|hasher| Digest::from(hasher.finalize()));
        // Read after the file: what another run has put there is in it by now.
        match (hashed, self.files().get(&absolute(file))) {
            (Ok(found), Some(known)) if known.contains(&found) => Ok(()),
            _ => Err(OutputError::NotOurs(file.to_owned())),
        }
    }

    /// Notes what is about to be put at `file`: a run that is stopped right after has left a
    /// file that is known. What was there before stays known, should it be stopped right
    /// before.
    ///
    /// # Errors
    /// When the ledger cannot be kept.
    pub fn note(&self, file: &Path, content: Digest) -> Result<(), OutputError> {
        let failed = |reason: String| OutputError::Io { path: self.path.clone(), reason };
        // Two runs may end at once: each adds to what the other noted.
        let lock = self.path.with_extension("lock");
        let lock = fs::OpenOptions::new().append(true).create(true).open(lock);
        let lock = lock.map_err(|error| failed(error.to_string()))?;
        lock.lock().map_err(|error| failed(error.to_string()))?;
        let mut files = self.files();
        let known = files.entry(absolute(file)).or_default();
        known.retain(|other| *other != content);
        known.push(content);
        known.drain(..known.len().saturating_sub(MOST));
        let folder = self.path.parent().unwrap_or(Path::new("."));
        let text = serde_json::to_string_pretty(&files).expect("plain data");
        let mut temporary =
            tempfile::NamedTempFile::new_in(folder).map_err(|error| failed(error.to_string()))?;
        temporary.write_all(text.as_bytes()).map_err(|error| failed(error.to_string()))?;
        publish(temporary, &self.path).map_err(|error| failed(error.to_string()))
    }
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
