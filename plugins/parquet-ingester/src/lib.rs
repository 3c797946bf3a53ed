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
        let blob = bind.blob(FILE)?.clone();
        let name = blob.name();
        let describe = || {
            let table = Table::open(params, Rc::new(blob))?;
            Ok((table.described_fields(params)?, table.n_row_groups()))
        };
        let (fields, n_row_groups) = describe().map_err(|error| at(&name, error))?;
        for field in fields {
            bind.add(TABLE, field)?;
        }
        if let Some(name) = &params.row_number {
            bind.add(TABLE, row_number_field(name, params.key.is_none()))?;
        }
        let n_pieces = u32::try_from(n_row_groups.max(1));
        let n_pieces =
            n_pieces.map_err(|_| Error::data(format!("`{name}` has too many row groups")));
        bind.set_pieces(n_pieces?);
        Ok(())
    }

    fn run(params: &Params, task: &mut Task) -> Result<()> {
        let (group, _) = task.piece();
        let blob = task.blob(FILE)?.clone();
        let name = blob.name();
        let output = task.output(TABLE)?;
        let read = || {
            let table = Table::open(params, Rc::new(blob))?;
            if group as usize >= table.n_row_groups() {
                return Ok(());
            }
            let mut next_row = table.first_row(group as usize);
            table.read(group as usize, &mut |mut columns| {
                let end = next_row + columns.first().map_or(0, |column| column.len()) as i64;
                if params.row_number.is_some() {
                    columns.push(Arc::new(Int64Array::from_iter_values(next_row..end)));
                }
                next_row = end;
                output.put(columns).map_err(FileError::Read)
            })
        };
        read().map_err(|error| at(&name, error))
    }
}

/// The column that counts the file's rows.
fn row_number_field(name: &str, is_key: bool) -> Field {
    let field =
        Field::new(name, DataType::Int64, false).with_description("row of the file, from 0");
    if is_key { field.with_ucd("meta.id;meta.main") } else { field }
}

impl Source for Blob {
    fn size(&self) -> u64 {
        self.size()
    }

    fn read(&self, offset: u64, length: u32) -> Result<Vec<u8>> {
        self.read(offset, length)
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
