//! Which files are ours to replace.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::{OutputError, Written};
use crate::data::Digest;

/// The files that runs of this project wrote, by path, and what was in them.
#[derive(Debug)]
pub struct Ledger {
    path: PathBuf,
    files: BTreeMap<PathBuf, Digest>,
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
            (Ok(found), Some(known)) if found == *known => Ok(()),
            _ => Err(OutputError::NotOurs(file.to_owned())),
        }
    }

    /// Notes a file that was written.
    ///
    /// # Errors
    /// When the ledger cannot be kept.
    pub fn note(&mut self, written: &Written) -> Result<(), OutputError> {
        self.files.insert(absolute(&written.path), written.file_digest);
        let text = serde_json::to_string_pretty(&self.files).expect("plain data");
        let temporary = self.path.with_extension("tmp");
        let kept = fs::write(&temporary, text).and_then(|()| fs::rename(&temporary, &self.path));
        kept.map_err(|error| OutputError::Io { path: self.path.clone(), reason: error.to_string() })
    }
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
