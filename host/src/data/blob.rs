//! Files that ingesters read.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::Digest;

/// A file, opened once and hashed: what a guest reads is what was hashed.
#[derive(Debug)]
pub struct BlobFile {
    file: File,
    /// Where it was opened from; for messages only.
    pub path: PathBuf,
    pub size: u64,
    /// BLAKE3 of its bytes.
    pub digest: Digest,
}

impl BlobFile {
    /// Opens and hashes the file at `path`.
    ///
    /// # Errors
    /// When it is not a regular file or cannot be read.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::other("it is not a regular file"));
        }
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(&file)?;
        let digest = Digest::from(hasher.finalize());
        Ok(Self { file, path: path.to_owned(), size: metadata.len(), digest })
    }

    /// The file's name, without folders.
    pub fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Up to `length` bytes from `offset`; fewer at the end.
    ///
    /// # Errors
    /// The file system's.
    pub fn read(&self, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let available = self.size.saturating_sub(offset).min(length as u64) as usize;
        let mut bytes = vec![0; available];
        let mut filled = 0;
        while filled < available {
            let position = offset + filled as u64;
            match self.file.read_at(&mut bytes[filled..], position) {
                Ok(0) => return Err(io::Error::other("it became shorter while it was read")),
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(bytes)
    }
}
