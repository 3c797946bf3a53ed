//! Batches pulled, batches emitted.
//!
//! The types here look the same inside a guest and in a native test: who holds the data is
//! behind the traits [`Table`], [`Rows`], [`Sink`], [`Bytes`] and [`Log`].

use std::cell::OnceCell;
use std::rc::Rc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, BooleanArray, StringArray};
use arrow_buffer::{BooleanBuffer, NullBuffer};
use arrow_schema::{DataType, FieldRef, Fields};

use crate::error::{ColumnError, Error, Result};

/// A table, whoever holds it.
pub trait Table {
    /// The next batch, or none at the end.
    ///
    /// # Errors
    /// The host's refusal.
    fn next(&mut self) -> Result<Option<Rc<dyn Rows>>>;
    fn rewind(&mut self);
    fn rows(&self) -> u64;
}

/// One batch of a table, whoever holds it.
pub trait Rows {
    fn rows(&self) -> usize;
    /// # Errors
    /// The host's refusal: columns that `bind` did not declare are not given.
    fn column(&self, index: u32, data_type: &DataType) -> Result<ArrayRef>;
    /// So that a sink can tell its own batches.
    fn as_any(&self) -> &dyn std::any::Any;
}

/// Where output goes, whoever takes it.
pub trait Sink {
    /// # Errors
    /// The host's refusal.
    fn put(&mut self, columns: &[ArrayRef]) -> Result<()>;
    /// # Errors
    /// The host's refusal.
    fn derive(
        &mut self,
        from: &dyn Rows,
        keep: Option<&BooleanBuffer>,
        columns: &[ArrayRef],
    ) -> Result<()>;
    /// # Errors
    /// The host's refusal.
    fn cut(&mut self) -> Result<()>;
}

/// A file, whoever holds it.
pub trait Bytes {
    fn name(&self) -> String;
    fn size(&self) -> u64;
    /// # Errors
    /// The host's refusal.
    fn read(&self, offset: u64, length: u32) -> Result<Vec<u8>>;
}

/// Whoever listens.
pub trait Log {
    fn warn(&self, message: &str);
    fn info(&self, message: &str);
    fn progress(&self, done: u64, total: u64);
}

/// Reads the table on an input port, batch by batch.
pub struct Reader {
    port: Rc<str>,
    fields: Fields,
    table: Box<dyn Table>,
}

impl Reader {
    /// For hosts and test harnesses.
    pub fn new(port: &str, fields: Fields, table: Box<dyn Table>) -> Self {
        Self { port: port.into(), fields, table }
    }

    /// The table's columns.
    pub fn fields(&self) -> &Fields {
        &self.fields
    }

    /// Rows in all batches together.
    pub fn rows(&self) -> u64 {
        self.table.rows()
    }

    /// The next batch, or none at the end. Rows keep the source's order.
    ///
    /// # Errors
    /// The host's refusal.
    #[expect(clippy::should_implement_trait, reason = "it can fail, and `?` reads better")]
    pub fn next(&mut self) -> Result<Option<Batch>> {
        let batch = self.table.next()?;
        Ok(batch.map(|rows| Batch { port: self.port.clone(), fields: self.fields.clone(), rows }))
    }

    /// Back to the first batch.
    pub fn rewind(&mut self) {
        self.table.rewind();
    }
}

/// Some rows of a table. Columns come over the border when they are asked for.
pub struct Batch {
    port: Rc<str>,
    fields: Fields,
    rows: Rc<dyn Rows>,
}

impl Batch {
    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.rows.rows()
    }

    /// The table's columns.
    pub fn fields(&self) -> &Fields {
        &self.fields
    }

    fn find(&self, column: &str) -> Result<(u32, &FieldRef)> {
        match self.fields.find(column) {
            Some((index, field)) => Ok((index as u32, field)),
            None => Err(Error::MissingColumn(self.error(column, "", ""))),
        }
    }

    fn error(&self, column: &str, expected: &str, found: &str) -> Box<ColumnError> {
        Box::new(ColumnError {
            input: self.port.to_string(),
            column: column.to_owned(),
            param: None,
            expected: expected.to_owned(),
            found: found.to_owned(),
        })
    }

    /// A column as it is.
    ///
    /// # Errors
    /// When it is missing, or `bind` did not declare that it is read.
    pub fn column(&self, column: &str) -> Result<ArrayRef> {
        let (index, field) = self.find(column)?;
        self.rows.column(index, field.data_type())
    }

    /// A column of any number type as `f64`. Integers beyond 2^53 are rounded.
    ///
    /// # Errors
    /// When it is missing, undeclared or not a number.
    pub fn numbers(&self, column: &str) -> Result<Numbers> {
        let (_, field) = self.find(column)?;
        Numbers::of(&self.column(column)?).ok_or_else(|| {
            Error::WrongType(self.error(column, "a number", &field.data_type().to_string()))
        })
    }

    /// A column of text, plain or dictionary-encoded, as plain text.
    ///
    /// # Errors
    /// When it is missing, undeclared or not text.
    pub fn strings(&self, column: &str) -> Result<StringArray> {
        let (_, field) = self.find(column)?;
        strings_of(&self.column(column)?).ok_or_else(|| {
            Error::WrongType(self.error(column, "text", &field.data_type().to_string()))
        })
    }

    /// A column of truth values.
    ///
    /// # Errors
    /// When it is missing, undeclared or not boolean.
    pub fn booleans(&self, column: &str) -> Result<BooleanArray> {
        let (_, field) = self.find(column)?;
        self.column(column)?.as_boolean_opt().cloned().ok_or_else(|| {
            Error::WrongType(self.error(column, "boolean", &field.data_type().to_string()))
        })
    }
}

/// A column of numbers as `f64`, and which of them are there.
#[derive(Debug, Clone)]
pub struct Numbers {
    values: Vec<f64>,
    nulls: Option<NullBuffer>,
}

impl Numbers {
    /// The numbers of `array`, or none when its type is not a number.
    pub fn of(array: &dyn Array) -> Option<Self> {
        fn widen<T: ArrowPrimitiveType>(
            array: &dyn Array,
            as_f64: fn(T::Native) -> f64,
        ) -> Vec<f64> {
            array.as_primitive::<T>().values().iter().map(|&value| as_f64(value)).collect()
        }
        let values = match array.data_type() {
            DataType::Float64 => array.as_primitive::<Float64Type>().values().to_vec(),
            DataType::Float32 => widen::<Float32Type>(array, f64::from),
            DataType::Float16 => widen::<Float16Type>(array, f64::from),
            DataType::Int8 => widen::<Int8Type>(array, f64::from),
            DataType::Int16 => widen::<Int16Type>(array, f64::from),
            DataType::Int32 => widen::<Int32Type>(array, f64::from),
            DataType::Int64 => widen::<Int64Type>(array, |value| value as f64),
            DataType::UInt8 => widen::<UInt8Type>(array, f64::from),
            DataType::UInt16 => widen::<UInt16Type>(array, f64::from),
            DataType::UInt32 => widen::<UInt32Type>(array, f64::from),
            DataType::UInt64 => widen::<UInt64Type>(array, |value| value as f64),
            _ => return None,
        };
        Some(Self { values, nulls: array.nulls().cloned() })
    }

    pub fn len(&self) -> usize {
        self.values.len()
    }

    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The number in row `row`; none when it is null. NaN is a number here.
    pub fn get(&self, row: usize) -> Option<f64> {
        let valid = self.nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row));
        valid.then(|| self.values[row])
    }

    /// The numbers, NaN where there is none.
    pub fn into_nan(mut self) -> Vec<f64> {
        if let Some(nulls) = &self.nulls {
            for (row, value) in self.values.iter_mut().enumerate() {
                if nulls.is_null(row) {
                    *value = f64::NAN;
                }
            }
        }
        self.values
    }
}

/// Text of any encoding as plain text; none when the type is not text.
fn strings_of(array: &dyn Array) -> Option<StringArray> {
    match array.data_type() {
        DataType::Utf8 => Some(array.as_string::<i32>().clone()),
        DataType::LargeUtf8 => Some(array.as_string::<i64>().iter().collect()),
        DataType::Dictionary(_, values) if crate::bind::is_text(values) => {
            let dictionary = array.as_any_dictionary();
            let values = strings_of(dictionary.values())?;
            // Where nothing is there, keys mean nothing.
            if values.is_empty() {
                return Some(StringArray::new_null(array.len()));
            }
            let keys = dictionary.normalized_keys();
            let value_of = |row: usize| {
                let valid = array.is_valid(row) && values.is_valid(keys[row]);
                valid.then(|| values.value(keys[row]))
            };
            Some((0..array.len()).map(value_of).collect())
        }
        _ => None,
    }
}

/// Which rows of a batch go on.
#[derive(Debug, Clone)]
pub struct Keep(BooleanBuffer);

impl FromIterator<bool> for Keep {
    fn from_iter<I: IntoIterator<Item = bool>>(rows: I) -> Self {
        Self(rows.into_iter().collect())
    }
}

/// Writes the table on an output port.
pub struct Writer {
    types: Vec<DataType>,
    sink: Box<dyn Sink>,
}

impl Writer {
    /// `types` are those of the new columns, in order. For hosts and test harnesses.
    pub fn new(types: Vec<DataType>, sink: Box<dyn Sink>) -> Self {
        Self { types, sink }
    }

    /// The types of the new columns, in order, as `bind` declared them.
    pub fn types(&self) -> &[DataType] {
        &self.types
    }

    fn check(&self, columns: &[ArrayRef], rows: Option<usize>) -> Result<()> {
        let (found, expected) = (columns.len(), self.types.len());
        if found != expected {
            return Err(Error::failed(format!("{found} columns emitted; bind said {expected}")));
        }
        let rows = rows.or_else(|| columns.first().map(|column| column.len()));
        for (index, (column, data_type)) in columns.iter().zip(&self.types).enumerate() {
            if column.data_type() != data_type {
                let found = column.data_type();
                return Err(Error::failed(format!(
                    "new column {index} is {found}; bind said {data_type}"
                )));
            }
            if Some(column.len()) != rows {
                let found = column.len();
                return Err(Error::failed(format!(
                    "new column {index} has {found} rows, not {}",
                    rows.unwrap_or_default()
                )));
            }
        }
        Ok(())
    }

    /// Appends a batch of new columns, in the order that `bind` declared them.
    ///
    /// # Errors
    /// When they are not what `bind` declared, or the port passes columns.
    pub fn put(&mut self, columns: Vec<ArrayRef>) -> Result<()> {
        self.check(&columns, None)?;
        self.sink.put(&columns)
    }

    /// Appends the rows of `batch`: passed columns from there, new ones from `columns`.
    ///
    /// # Errors
    /// When `columns` are not what `bind` declared.
    pub fn derive(&mut self, batch: &Batch, columns: Vec<ArrayRef>) -> Result<()> {
        self.check(&columns, Some(batch.rows()))?;
        self.sink.derive(batch.rows.as_ref(), None, &columns)
    }

    /// As [`Self::derive`], with only the rows to `keep`. `columns` has only those rows.
    ///
    /// # Errors
    /// When `columns` are not what `bind` declared.
    pub fn select(&mut self, batch: &Batch, keep: &Keep, columns: Vec<ArrayRef>) -> Result<()> {
        if keep.0.len() != batch.rows() {
            let (found, expected) = (keep.0.len(), batch.rows());
            return Err(Error::failed(format!("{found} rows judged, of {expected}")));
        }
        self.check(&columns, Some(keep.0.count_set_bits()))?;
        self.sink.derive(batch.rows.as_ref(), Some(&keep.0), &columns)
    }

    /// Ends this partition and begins the next; for ingesters and simulators.
    ///
    /// # Errors
    /// When the plugin is neither.
    pub fn cut(&mut self) -> Result<()> {
        self.sink.cut()
    }
}

/// A file as it lies on disk. A clone is the same file.
#[derive(Clone)]
pub struct Blob(Rc<dyn Bytes>);

impl Blob {
    /// For hosts and test harnesses.
    pub fn new(bytes: Box<dyn Bytes>) -> Self {
        Self(bytes.into())
    }

    /// The file's name, without folders.
    pub fn name(&self) -> String {
        self.0.name()
    }

    /// Bytes in all.
    pub fn size(&self) -> u64 {
        self.0.size()
    }

    /// `length` bytes from `offset`; fewer at the end of the file.
    ///
    /// # Errors
    /// The host's refusal.
    pub fn read(&self, offset: u64, length: u32) -> Result<Vec<u8>> {
        self.0.read(offset, length)
    }

    /// Reads from the start, in chunks of at most 1 MiB.
    pub fn reader(&self) -> BlobReader<'_> {
        BlobReader { blob: self, position: 0, chunk: Vec::new(), used: 0 }
    }
}

/// A [`std::io::Read`] over a [`Blob`].
pub struct BlobReader<'a> {
    blob: &'a Blob,
    position: u64,
    chunk: Vec<u8>,
    used: usize,
}

impl std::io::BufRead for BlobReader<'_> {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        if self.used == self.chunk.len() {
            self.chunk = self.blob.read(self.position, 1 << 20).map_err(std::io::Error::other)?;
            self.position += self.chunk.len() as u64;
            self.used = 0;
        }
        Ok(&self.chunk[self.used..])
    }

    fn consume(&mut self, amount: usize) {
        self.used = (self.used + amount).min(self.chunk.len());
    }
}

impl std::io::Read for BlobReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let available = std::io::BufRead::fill_buf(self)?;
        let count = available.len().min(buffer.len());
        buffer[..count].copy_from_slice(&available[..count]);
        std::io::BufRead::consume(self, count);
        Ok(count)
    }
}

/// Remembers the columns of a batch, so that asking twice crosses the border once.
#[doc(hidden)]
pub struct ColumnCache(Vec<OnceCell<ArrayRef>>);

impl ColumnCache {
    pub fn new(columns: usize) -> Self {
        Self((0..columns).map(|_| OnceCell::new()).collect())
    }

    /// # Errors
    /// What `load` says.
    pub fn get(&self, index: u32, load: impl FnOnce() -> Result<ArrayRef>) -> Result<ArrayRef> {
        let cell = &self.0[index as usize];
        if let Some(array) = cell.get() {
            return Ok(array.clone());
        }
        let array = load()?;
        Ok(cell.get_or_init(|| array).clone())
    }
}
