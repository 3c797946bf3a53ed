//! Delimited text to a table.
//!
//! In the order the bytes go: [`source`] (gzip off, other formats refused) → [`record`]
//! (rows of fields, lines counted) → [`table`] (which columns, of what types) →
//! [`column`] (fields to Arrow arrays). [`infer`] finds types; [`params`] is what the
//! workflow says; [`error`] names the line.

pub mod error;
pub mod params;
pub mod source;
pub mod record;
pub mod column;
pub mod infer;
pub mod table;

use std::cell::RefCell;
use std::io;

use skyloom_plugin::prelude::*;

use crate::error::CsvError;
use crate::params::Params;
use crate::table::Taker;

/// The plugin.
pub struct CsvIngester;

const FILE: &str = "file";
const TABLE: &str = "table";
/// One crossing of the border reads so much.
const CHUNK: u32 = 1 << 20;

impl Plugin for CsvIngester {
    type Params = Params;

    fn describe() -> Descriptor {
        descriptor!(Role::Ingester, Scope::Whole)
            .blob(FILE, "Delimited text in UTF-8, plain or gzipped.")
            .output(TABLE, "Its rows, in order, cut in partitions of `partition-rows`.")
            .cite("RFC 4180")
    }

    fn bind(params: &Params, bind: &mut Bind) -> Result<()> {
        let blob = bind.blob(FILE)?;
        let name = blob.name();
        let plan = table::plan(params, blob.reader()).map_err(|error| at(&name, error))?;
        for column in &plan.columns {
            let field = table::field(params, column).map_err(|error| at(&name, error))?;
            bind.add(TABLE, field)?;
        }
        Ok(())
    }

    fn run(params: &Params, task: &mut Task) -> Result<()> {
        let name = task.blob(FILE)?.name();
        let plan = table::plan(params, task.blob(FILE)?.reader()).map_err(|error| at(&name, error))?;
        for caveat in &plan.caveats {
            task.warn(&format!("`{name}`: {caveat}"));
        }
        let types: Vec<_> = plan.columns.iter().map(|column| column.kind.data_type()).collect();
        let size = task.blob(FILE)?.size();
        let task = RefCell::new(task);
        let file = File { task: &task, position: 0, size };
        table::read(params, &types, file, &mut &task).map_err(|error| at(&name, error))?;
        Ok(())
    }
}

/// The input file, read while the output is written.
struct File<'a, 'b> {
    task: &'a RefCell<&'b mut Task>,
    position: u64,
    size: u64,
}

impl io::Read for File<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = u32::try_from(buffer.len()).unwrap_or(CHUNK).min(CHUNK);
        let task = self.task.borrow();
        let read = || task.blob(FILE)?.read(self.position, length);
        let bytes = read().map_err(io::Error::other)?;
        let bytes = &bytes[..bytes.len().min(buffer.len())];
        buffer[..bytes.len()].copy_from_slice(bytes);
        self.position += bytes.len() as u64;
        task.progress(self.position, self.size);
        Ok(bytes.len())
    }
}

impl Taker for &RefCell<&mut Task> {
    fn put(&mut self, columns: Vec<ArrayRef>) -> Result<()> {
        self.borrow_mut().output(TABLE)?.put(columns)
    }

    fn cut(&mut self) -> Result<()> {
        self.borrow_mut().output(TABLE)?.cut()
    }
}

/// What the user reads: the file named, unless a parameter is at fault.
fn at(name: &str, error: CsvError) -> Error {
    match error {
        CsvError::Param { param, message } => Error::param(param, message),
        CsvError::Taker(error) => error,
        other => Error::data(format!("`{name}` {other}")),
    }
}

export!(CsvIngester);
