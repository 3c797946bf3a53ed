//! Delimited text to a table.
//!
//! In the order the bytes go: [`source`] (gzip off, other formats refused) → [`archive`] (the
//! files of a tar) → [`record`] (rows of fields, lines counted) → [`table`] (which columns, of what types) →
//! [`column`] (fields to Arrow arrays). [`infer`] finds types; [`params`] is what the
//! workflow says; [`error`] names the line.

pub mod error;
pub mod params;
pub mod source;
pub mod archive;
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
            .blob(FILE, "Delimited text in UTF-8, plain, gzipped, or as files of a tar archive.")
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
        if let Some(name) = &params.member_column {
            let field = Field::new(name, DataType::Utf8, false);
            bind.add(TABLE, field.with_description("file of the archive, without extension"))?;
        }
        match &params.row_number {
            Some(name) => bind.add(TABLE, row_number_field(name, params.key.is_none())),
            None => Ok(()),
        }
    }

    fn run(params: &Params, task: &mut Task) -> Result<()> {
        let blob = task.blob(FILE)?.clone();
        let types = task.output(TABLE)?.types().to_vec();
        let task = RefCell::new(task);
        let file = Watched { inner: blob.reader(), position: 0, size: blob.size(), task: &task };
        let next_row = params.row_number.as_ref().map(|_| 0);
        let mut emit = Emit { task: &task, next_row };
        let read = table::read(params, &types, file, &mut emit);
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

/// The column that counts the file's rows.
fn row_number_field(name: &str, is_key: bool) -> Field {
    let field =
        Field::new(name, DataType::Int64, false).with_description("row of the file, from 0");
    if is_key { field.with_ucd("meta.id;meta.main") } else { field }
}

struct Emit<'a, 'b> {
    task: &'a RefCell<&'b mut Task>,
    /// The number of the row that comes next, where rows are numbered.
    next_row: Option<i64>,
}

impl Taker for Emit<'_, '_> {
    fn put(&mut self, mut columns: Vec<ArrayRef>) -> Result<()> {
        if let Some(first) = self.next_row {
            let end = first + columns.first().map_or(0, |column| column.len()) as i64;
            columns.push(Arc::new(Int64Array::from_iter_values(first..end)));
            self.next_row = Some(end);
        }
        self.task.borrow_mut().output(TABLE)?.put(columns)
    }

    fn cut(&mut self) -> Result<()> {
        self.task.borrow_mut().output(TABLE)?.cut()
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
