//! Parquet to a table.
//!
//! In the order the bytes go: [`file`] (the footer) → [`schema`] (which columns, of what
//! types; [`votable`] adds units and meanings) → [`table`] (row groups to batches) →
//! [`pages`] (column chunks to pages), which needs [`codec`] (pages unpacked) and [`thrift`]
//! (their headers). Values are decoded by the parquet crate. [`params`] is what the
//! workflow says; [`error`] names the column.

pub mod error;
pub mod params;
pub mod thrift;
pub mod file;
pub mod codec;
pub mod pages;
pub mod schema;
pub mod votable;
pub mod table;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use skyloom_plugin::prelude::*;

use crate::error::FileError;
use crate::file::Source;
use crate::params::Params;
use crate::table::Table;

/// The plugin.
pub struct ParquetIngester;

const FILE: &str = "file";
const TABLE: &str = "table";

impl Plugin for ParquetIngester {
    type Params = Params;

    fn describe() -> Descriptor {
        descriptor!(Role::Ingester, Scope::Whole)
            .blob(FILE, "A Parquet file.")
            .output(TABLE, "Its rows, in order, one partition a row group.")
            .cite("https://github.com/apache/parquet-format")
    }

    fn bind(params: &Params, bind: &mut Bind) -> Result<()> {
        let blob = bind.blob(FILE)?;
        let name = blob.name();
        let describe = || {
            let extents = Rc::new(Extents::of(blob)?);
            let table = Table::open(params, extents.clone())?;
            if !params.categories.is_empty() {
                for group in 0..table.n_row_groups() {
                    extents.load(blob, &table.extents(group))?;
                }
            }
            Ok((table.described_fields(params)?, table.n_row_groups()))
        };
        let (fields, n_row_groups) = describe().map_err(|error| at(&name, error))?;
        for field in fields {
            bind.add(TABLE, field)?;
        }
        let pieces = u32::try_from(n_row_groups.max(1));
        bind.set_pieces(pieces.map_err(|_| Error::data(format!("`{name}` has too many row groups")))?);
        Ok(())
    }

    fn run(params: &Params, task: &mut Task) -> Result<()> {
        let (group, _) = task.piece();
        let group = group as usize;
        let blob = task.blob(FILE)?;
        let name = blob.name();
        let open = || {
            let extents = Rc::new(Extents::of(blob)?);
            let table = Table::open(params, extents.clone())?;
            if group < table.n_row_groups() {
                extents.load(blob, &table.extents(group))?;
            }
            Ok(table)
        };
        let table = open().map_err(|error| at(&name, error))?;
        if group >= table.n_row_groups() {
            return Ok(());
        }
        let output = task.output(TABLE)?;
        table.read(group, &mut |columns| output.put(columns).map_err(FileError::Read)).map_err(|error| at(&name, error))
    }
}

/// The parts of a file that have been read.
struct Extents {
    size: u64,
    parts: RefCell<BTreeMap<u64, Vec<u8>>>,
}

impl Extents {
    /// The size and the footer of `blob`.
    fn of(blob: &Blob) -> Result<Self, FileError> {
        let size = blob.size();
        let extents = Self { size, parts: RefCell::default() };
        let tail = size.saturating_sub(8);
        extents.load(blob, &[(tail, size - tail)])?;
        if let [a, b, c, d, ..] = *extents.read(tail, 8).map_err(FileError::Read)? {
            let footer = u64::from(u32::from_le_bytes([a, b, c, d])).min(tail);
            extents.load(blob, &[(tail - footer, footer)])?;
        }
        Ok(extents)
    }

    fn load(&self, blob: &Blob, extents: &[(u64, u64)]) -> Result<(), FileError> {
        for &(offset, length) in extents.iter().filter(|(_, length)| *length > 0) {
            let length = u32::try_from(length).unwrap_or(u32::MAX);
            let bytes = blob.read(offset, length).map_err(FileError::Read)?;
            self.parts.borrow_mut().insert(offset, bytes);
        }
        Ok(())
    }
}

impl Source for Extents {
    fn size(&self) -> u64 {
        self.size
    }

    fn read(&self, offset: u64, length: u32) -> Result<Vec<u8>> {
        let parts = self.parts.borrow();
        let part = parts.range(..=offset).next_back();
        let bytes = part.and_then(|(start, bytes)| bytes.get((offset - start) as usize..));
        let bytes = bytes.ok_or_else(|| Error::failed("a part of the file was not loaded"))?;
        Ok(bytes[..bytes.len().min(length as usize)].to_vec())
    }
}

/// What the user reads: the file named, unless a parameter is at fault.
fn at(name: &str, error: FileError) -> Error {
    match error {
        FileError::Param { param, message } => Error::param(param, message),
        FileError::Read(error) => error,
        other => Error::data(format!("`{name}` {other}")),
    }
}

export!(ParquetIngester);
