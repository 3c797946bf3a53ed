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
        for caveat in &plan.caveats {
            bind.warn(format!("`{name}`: {caveat}"));
        }
        for column in &plan.columns {
            let field = table::field(params, column).map_err(|error| at(&name, error))?;
            bind.add(TABLE, field)?;
        }
        Ok(())
    }

    fn run(params: &Params, task: &mut Task) -> Result<()> {
        let blob = task.blob(FILE)?.clone();
        let types = task.output(TABLE)?.types().to_vec();
        let task = RefCell::new(task);
        let file = Watched { inner: blob.reader(), position: 0, size: blob.size(), task: &task };
        let read = table::read(params, &types, file, &mut &task);
        read.map(drop).map_err(|error| at(&blob.name(), error))
    }
}

/// The input file, telling how far it has been read.
struct Watched<'a, R> {
    inner: R,
    position: u64,
    size: u64,
    task: &'a RefCell<&'a mut Task>,
}

impl<R: io::Read> io::Read for Watched<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.position += count as u64;
        self.task.borrow().progress(self.position, self.size);
        Ok(count)
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
