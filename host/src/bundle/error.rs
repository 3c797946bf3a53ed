//! Why a bundle is refused.

use std::io;
use std::path::{Path, PathBuf};

use crate::data::{Digest, StoreError};

/// Why a bundle cannot be written, or is not unpacked.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    /// Names in messages are escaped: an archive must not write to the terminal.
    #[error("cannot put `{entry}` into a bundle: it {fault}; give it another name")]
    CannotHold { entry: String, fault: NameFault },
    #[error("`{entry}` was not written to the end, so the bundle is not finished; begin it anew")]
    HalfWritten { entry: String },
    #[error("{} changed while it was put into the bundle; publish again", .0.display())]
    Changed(PathBuf),
    #[error("{} is not a whole bundle: {reason}; get the file again", path.display())]
    NotWhole { path: PathBuf, reason: String },
    #[error("{}: entry `{entry}` {fault}; {}", path.display(), fault.advice())]
    Entry { path: PathBuf, entry: String, fault: EntryFault },
    #[error(
        "{} has {found} entries, and a bundle has at most {limit}; pack many small files into one",
        path.display()
    )]
    TooMany { path: PathBuf, found: u64, limit: u64 },
    #[error(
        "{} unpacks to {bytes} bytes, more than the limit of {limit}; \
         raise the limit if you trust where it comes from",
        path.display()
    )]
    TooLarge { path: PathBuf, bytes: u64, limit: u64 },
    #[error("{}: manifest.json {reason}; get a bundle that Skyloom wrote", path.display())]
    Manifest { path: PathBuf, reason: String },
    #[error(
        "{} is a bundle of version {found}, and this Skyloom reads version {known}; \
         use the Skyloom that wrote it, or a newer one",
        path.display()
    )]
    Version { path: PathBuf, found: u32, known: u32 },
    #[error("its bundle.json is wrong: {reason}; get a bundle that Skyloom wrote")]
    Contents { reason: String },
    #[error("{} is there already; name a folder that does not exist, or an empty one", .0.display())]
    Occupied(PathBuf),
}

impl BundleError {
    pub(super) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }

    pub(super) fn store(path: &Path) -> impl FnOnce(StoreError) -> Self {
        let path = path.to_owned();
        move |error| match error {
            StoreError::Io { path, source } => Self::Io { path, source },
            other => Self::Io { path, source: io::Error::other(other) },
        }
    }
}

/// What is wrong with an entry; the message goes on after its name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryFault {
    #[error(transparent)]
    Name(#[from] NameFault),
    #[error("is encrypted")]
    Encrypted,
    #[error("has flags {0:#06x}, which a bundle does not use")]
    Flags(u16),
    #[error("is a link, a folder or a device")]
    NotAFile,
    #[error("is compressed with {0}; only stored and deflated are known")]
    Method(String),
    #[error("would grow from {packed} to {bytes} bytes, more than {limit} times")]
    Expansion { packed: u64, bytes: u64, limit: u64 },
    #[error("has two headers that disagree: {0}")]
    Headers(String),
    #[error("does not begin where the entry before it ends: something is hidden or shared")]
    Position,
    #[error("is not named by manifest.json")]
    Unlisted,
    #[error("is named by manifest.json, but is not there")]
    Missing,
    #[error("is named twice by manifest.json")]
    ListedTwice,
    #[error("has {found} bytes, and manifest.json says {listed}")]
    Size { listed: u64, found: u64 },
    #[error("has BLAKE3 {found}, and manifest.json says {listed}")]
    Content { listed: Digest, found: Digest },
    #[error("cannot be read: {0}")]
    Unreadable(String),
}

impl EntryFault {
    /// What to do about it.
    fn advice(&self) -> &'static str {
        match self {
            Self::Encrypted | Self::Flags(_) | Self::Method(_) | Self::Position => {
                "use the bundle as Skyloom wrote it, not as another program packed it again"
            }
            Self::Unlisted
            | Self::Missing
            | Self::ListedTwice
            | Self::Size { .. }
            | Self::Content { .. }
            | Self::Unreadable(_) => {
                "the bundle is damaged or was altered; get it again from who published it"
            }
            Self::Name(_) | Self::NotAFile | Self::Expansion { .. } | Self::Headers(_) => {
                "Skyloom writes no such bundle, so do not trust this one"
            }
        }
    }
}

/// What is wrong with an entry's name; the message goes on after it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameFault {
    #[error("has no name")]
    Empty,
    #[error("has a name that is not UTF-8, or not marked as UTF-8")]
    NotUtf8,
    #[error("has an absolute path for a name")]
    Absolute,
    #[error("has a name that begins with a drive letter")]
    Drive,
    #[error("has a backslash in its name")]
    Backslash,
    #[error("has a control character in its name")]
    Control,
    #[error("has the name of a folder")]
    Folder,
    #[error("has an empty part, `.` or `..` in its name")]
    Component,
    #[error("has a part of more than {limit} bytes in its name")]
    Long { limit: usize },
    #[error("lies more than {limit} folders deep")]
    Deep { limit: usize },
    #[error("has a name that is there already")]
    Twice,
    #[error("differs from `{other}` only by letter case")]
    Case { other: String },
    #[error("would be both a file and a folder")]
    FileAndFolder,
    #[error("has a second name in an extra field")]
    SecondName,
    #[error("has the name that Skyloom keeps for its list of entries")]
    Reserved,
}
