//! The file: its bytes, and its footer.
//!
//! The parquet crate wants page readers that could be sent to another thread. A host's file
//! cannot be, so it stays where it was opened, and page readers hold its number.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use bytes::Bytes;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};

use crate::error::FileError;
use crate::thrift;

/// A larger footer is refused.
const MAX_FOOTER_BYTES: u64 = 256 << 20;
/// Deeper columns are refused.
const MAX_NESTING: usize = 24;
/// The footer's length and the magic bytes, at the end.
const TAIL_BYTES: u64 = 8;

/// Random access to the bytes of a file.
pub trait Source {
    fn size(&self) -> u64;
    /// `length` bytes from `offset`; fewer at the end.
    ///
    /// # Errors
    /// The host's refusal.
    fn read(&self, offset: u64, length: u32) -> skyloom_plugin::error::Result<Vec<u8>>;
}

impl Source for Vec<u8> {
    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn read(&self, offset: u64, length: u32) -> skyloom_plugin::error::Result<Vec<u8>> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(self.len());
        let end = start.saturating_add(length as usize).min(self.len());
        Ok(self[start..end].to_vec())
    }
}

thread_local! {
    static OPEN: RefCell<BTreeMap<u64, Open>> = const { RefCell::new(BTreeMap::new()) };
}

struct Open {
    source: Rc<dyn Source>,
    /// What a page reader met. On its way through the crate only its text would survive.
    failure: Option<FileError>,
}

/// An open file; closed when dropped.
pub struct File(FileId);

/// The number of an open file, on this thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileId(u64);

impl File {
    pub fn open(source: Rc<dyn Source>) -> Self {
        OPEN.with_borrow_mut(|open| {
            let number = open.last_key_value().map_or(0, |(last, _)| last + 1);
            open.insert(number, Open { source, failure: None });
            Self(FileId(number))
        })
    }

    pub fn id(&self) -> FileId {
        self.0
    }

    /// The file's metadata, as its footer has it.
    ///
    /// # Errors
    /// [`FileError`] when it is not Parquet, or its footer is damaged.
    pub fn metadata(&self) -> Result<ParquetMetaData, FileError> {
        let id = self.id();
        let size = id.size();
        if size < TAIL_BYTES + 4 {
            return Err(FileError::NotParquet("has fewer bytes than the least of Parquet files"));
        }
        let tail = id.read_exact(size - TAIL_BYTES, TAIL_BYTES)?;
        match &tail[4..] {
            b"PAR1" => {}
            b"PARE" => return Err(FileError::Encrypted),
            _ => return Err(FileError::NotParquet("does not end in PAR1")),
        }
        let claimed = u32::from_le_bytes([tail[0], tail[1], tail[2], tail[3]]);
        let claimed = u64::from(claimed);
        if claimed > (size - TAIL_BYTES - 4).min(MAX_FOOTER_BYTES) {
            return Err(FileError::FooterLength { claimed, size });
        }
        let bytes = id.read_exact(size - TAIL_BYTES - claimed, claimed)?;
        // The crate allocates what lists claim to hold: see first that they can.
        let depth = thrift::check_footer(&bytes)
            .map_err(|_| FileError::Footer("it does not parse".to_owned()))?;
        if depth > MAX_NESTING {
            return Err(FileError::TooDeep { depth, limit: MAX_NESTING });
        }
        ParquetMetaDataReader::decode_metadata(&bytes)
            .map_err(|error| FileError::Footer(error.to_string()))
    }
}

impl Drop for File {
    fn drop(&mut self) {
        OPEN.with_borrow_mut(|open| open.remove(&self.0.0));
    }
}

impl FileId {
    fn source(self) -> Rc<dyn Source> {
        let source = OPEN.with_borrow(|open| open.get(&self.0).map(|open| open.source.clone()));
        source.expect("readers end before their file, on its thread")
    }

    pub(crate) fn size(self) -> u64 {
        self.source().size()
    }

    /// `length` bytes from `offset`; fewer at the end.
    ///
    /// # Errors
    /// The host's refusal.
    pub(crate) fn read(self, offset: u64, length: usize) -> Result<Bytes, ParquetError> {
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        let bytes = self.source().read(offset, length);
        bytes.map(Bytes::from).map_err(|error| self.fail(FileError::Read(error)))
    }

    /// Keeps `failure` for whoever called the crate, and makes what to tell the crate.
    pub(crate) fn fail(self, failure: FileError) -> ParquetError {
        let error = ParquetError::General(failure.to_string());
        OPEN.with_borrow_mut(|open| {
            if let Some(open) = open.get_mut(&self.0) {
                open.failure.get_or_insert(failure);
            }
        });
        error
    }

    /// What was kept, if anything: the cause of the crate's failure.
    pub(crate) fn take_failure(self) -> Option<FileError> {
        OPEN.with_borrow_mut(|open| open.get_mut(&self.0).and_then(|open| open.failure.take()))
    }

    fn read_exact(self, offset: u64, length: u64) -> Result<Vec<u8>, FileError> {
        let bytes = self.source().read(offset, length as u32).map_err(FileError::Read)?;
        match bytes.len() as u64 == length {
            true => Ok(bytes),
            false => Err(FileError::NotParquet("is shorter than it was a moment ago")),
        }
    }
}
