//! Looking whether files are there.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use nix::fcntl::AtFlags;
use nix::sys::stat::{SFlag, fstatat};

use super::{Digest, path_of};

/// What a regular file's name leads to, without opening it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) bytes: u64,
    /// Since 1970.
    pub(crate) modified_ns: i128,
}

/// A folder of files that are named by digests. It is opened once: a plan looks for hundreds
/// of thousands of files, and the way to the folder is most of the way to each.
#[derive(Debug)]
pub(crate) struct Look {
    folder: PathBuf,
    ending: &'static str,
    open: OnceLock<File>,
}

impl Look {
    pub(crate) fn at(folder: PathBuf, ending: &'static str) -> Self {
        Self { folder, ending, open: OnceLock::new() }
    }

    /// The file of this digest; none if what has its name is no regular file. A link is not
    /// followed.
    ///
    /// # Errors
    /// When nothing has its name, or it cannot be looked at.
    pub(crate) fn file(&self, digest: Digest) -> io::Result<Option<Found>> {
        let folder = match self.open.get() {
            Some(folder) => folder,
            None => {
                let folder = File::open(&self.folder)?;
                self.open.get_or_init(|| folder)
            }
        };
        let path = path_of(Path::new(""), digest, self.ending);
        let found = fstatat(folder, &path, AtFlags::AT_SYMLINK_NOFOLLOW)?;
        let is_file = SFlag::from_bits_truncate(found.st_mode) & SFlag::S_IFMT == SFlag::S_IFREG;
        Ok(is_file.then(|| Found {
            bytes: found.st_size as u64,
            modified_ns: i128::from(found.st_mtime) * 1_000_000_000
                + i128::from(found.st_mtime_nsec),
        }))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn only_regular_files_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let look = Look::at(folder.path().to_owned(), "json");
        let [file, link, inner, none] = [b"1", b"2", b"3", b"4"].map(|name| Digest::of(name));
        for digest in [file, link, inner] {
            let path = path_of(folder.path(), digest, "json");
            fs::create_dir_all(path.parent().unwrap()).unwrap();
        }
        fs::write(path_of(folder.path(), file, "json"), "abc").unwrap();
        std::os::unix::fs::symlink("nowhere", path_of(folder.path(), link, "json")).unwrap();
        fs::create_dir(path_of(folder.path(), inner, "json")).unwrap();
        assert_eq!(look.file(file).unwrap().unwrap().bytes, 3);
        assert_eq!(look.file(link).unwrap(), None);
        assert_eq!(look.file(inner).unwrap(), None);
        assert_eq!(look.file(none).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
