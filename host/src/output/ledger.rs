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
#[derive(Debug)]
pub struct Ledger {
    path: PathBuf,
    files: BTreeMap<PathBuf, Vec<Digest>>,
}

impl Ledger {
    /// Reads the ledger at `path`; an unreadable one is empty, so that nothing is replaced.
    pub fn open(path: &Path) -> Self {
        let text = fs::read(path).unwrap_or_default();
        let files = serde_json::from_slice(&text).unwrap_or_default();
        Self { path: path.to_owned(), files }
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
        let known = self.files.get(&absolute(file));
        match (hashed, known) {
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
    pub fn note(&mut self, file: &Path, content: Digest) -> Result<(), OutputError> {
        let failed = |reason: String| OutputError::Io { path: self.path.clone(), reason };
        // Two runs may end at once: each adds to what the other noted.
        let lock = self.path.with_extension("lock");
        let lock = fs::OpenOptions::new().append(true).create(true).open(lock);
        let lock = lock.map_err(|error| failed(error.to_string()))?;
        lock.lock().map_err(|error| failed(error.to_string()))?;
        let mut files = Self::open(&self.path).files;
        let known = files.entry(absolute(file)).or_default();
        known.retain(|other| *other != content);
        known.push(content);
        known.drain(..known.len().saturating_sub(MOST));
        let folder = self.path.parent().unwrap_or(Path::new("."));
        let text = serde_json::to_string_pretty(&files).expect("plain data");
        let mut temporary =
            tempfile::NamedTempFile::new_in(folder).map_err(|error| failed(error.to_string()))?;
        temporary.write_all(text.as_bytes()).map_err(|error| failed(error.to_string()))?;
        publish(temporary, &self.path).map_err(|error| failed(error.to_string()))?;
        self.files = files;
        Ok(())
    }
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
