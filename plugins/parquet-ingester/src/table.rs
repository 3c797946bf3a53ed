//! A Parquet file as a table: its columns, then one row group after the other.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch, RecordBatchReader};
use arrow_schema::{DataType, Field, FieldRef, Fields};
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, RowGroups,
};
use parquet::arrow::{FieldLevels, ProjectionMask, parquet_to_arrow_field_levels};
use parquet::column::page::{PageIterator, PageReader};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, RowGroupMetaData};
use skyloom_plugin::bind::{FieldExt, is_text};

use crate::codec::Codec;
use crate::error::FileError;
use crate::file::{File, FileId, Source};
use crate::pages::{Chunk, Pages};
use crate::params::Params;
use crate::schema::{plain_field, select, uncarried};
use crate::votable;

/// Rows in a batch at most.
pub const BATCH_ROWS: usize = 65_536;
/// Bytes in a batch, about.
pub const BATCH_BYTES: usize = 8 << 20;
/// More distinct values than this are no categories.
pub const MAX_CATEGORIES: usize = 256;

/// A file whose footer has been read, and what is read of it.
pub struct Table {
    file: File,
    metadata: Arc<ParquetMetaData>,
    /// All top-level columns, as they are read.
    fields: Fields,
    /// Places of the columns to read, in the order they are emitted.
    selection: Vec<usize>,
}

impl Table {
    /// Reads the footer of `source`, and nothing else.
    ///
    /// # Errors
    /// [`FileError`]: the file or the parameters, whichever is at fault.
    pub fn open(params: &Params, source: Rc<dyn Source>) -> Result<Self, FileError> {
        let file = File::open(source);
        let metadata = Arc::new(file.metadata()?);
        let footer = |error: ParquetError| FileError::Footer(error.to_string());
        let arrow = ArrowReaderMetadata::try_new(metadata.clone(), ArrowReaderOptions::new());
        let arrow = arrow.map_err(footer)?;
        let hint: Fields = arrow.schema().fields().iter().map(|f| plain_field(f)).collect();
        let selection = select(params, &hint)?;
        let mut table = Self { file, metadata, fields: hint, selection };
        // The crate may read a column as another type than it was asked to.
        let all: Vec<_> = (0..table.fields.len()).collect();
        let fields = table.reader(&[], &all, 1).map_err(footer)?.schema().fields().clone();
        table.fields = fields;
        for &place in &table.selection {
            let field = &table.fields[place];
            if let Some(data_type) = uncarried(field.data_type()) {
                let message = format!(
                    "its type {data_type} cannot be carried; leave it out by naming the others in `columns`"
                );
                return Err(FileError::Unsupported { column: field.name().clone(), message });
            }
        }
        Ok(table)
    }

    /// The columns to emit, with all that the file and `params` say about them. Reads the
    /// columns whose categories are asked for.
    ///
    /// # Errors
    /// [`FileError`]: the file or the parameters, whichever is at fault.
    pub fn described_fields(&self, params: &Params) -> Result<Vec<Field>, FileError> {
        let described = votable::fields_of(&self.metadata);
        let mut fields = Vec::new();
        for &place in &self.selection {
            let name = self.fields[place].name();
            let mut field = self.fields[place].as_ref().clone();
            if let Some(own) = described.get(name) {
                for (key, value) in own {
                    field = field.with(key, value);
                }
            }
            for (key, values) in [
                ("unit", &params.units),
                ("ucd", &params.ucds),
                ("description", &params.descriptions),
            ] {
                if let Some(value) = values.get(name) {
                    field = field.with(key, value);
                }
            }
            if params.key.as_ref() == Some(name) {
                field = as_key(params, field)?;
            }
            if params.categories.contains(name) {
                field = field.with_categories(&self.categories(place)?);
            }
            fields.push(field);
        }
        Ok(fields)
    }

    /// The number of row groups.
    pub fn n_row_groups(&self) -> usize {
        self.metadata.num_row_groups()
    }

    /// The number of the first row of row group `group`.
    pub fn first_row(&self, group: usize) -> i64 {
        self.metadata.row_groups()[..group].iter().map(RowGroupMetaData::num_rows).sum()
    }

    /// Reads row group `group`, handing its columns over in batches: at most
    /// [`BATCH_ROWS`], about [`BATCH_BYTES`].
    ///
    /// # Errors
    /// [`FileError`], naming the column where it can; or what `put` says.
    pub fn read<E: From<FileError>>(
        &self,
        group: usize,
        put: &mut dyn FnMut(Vec<ArrayRef>) -> Result<(), E>,
    ) -> Result<(), E> {
        let names = |place: &usize| self.fields[*place].name();
        self.read_columns(group, &self.selection, &mut |batch| {
            let column = |name| batch.column_by_name(name).expect("the reader was asked for it");
            put(self.selection.iter().map(|place| column(names(place)).clone()).collect())
        })
    }

    fn read_columns<E: From<FileError>>(
        &self,
        group: usize,
        places: &[usize],
        put: &mut dyn FnMut(RecordBatch) -> Result<(), E>,
    ) -> Result<(), E> {
        let place = |source: ParquetError| {
            let own = self.file.id().take_failure();
            own.unwrap_or(FileError::RowGroup { group, source })
        };
        let rows = self.batch_rows(group, places);
        let reader = self.reader(&[group], places, rows).map_err(place)?;
        let mut n_rows = 0;
        for batch in reader {
            let batch = batch.map_err(|error| place(ParquetError::from(error)))?;
            n_rows += batch.num_rows();
            // Dictionaries unfold to more than the file's sizes promise.
            let n_slices = batch.get_array_memory_size().div_ceil(2 * BATCH_BYTES).max(1);
            let length = batch.num_rows().div_ceil(n_slices).max(1);
            for from in (0..batch.num_rows()).step_by(length) {
                put(batch.slice(from, length.min(batch.num_rows() - from)))?;
            }
        }
        let expected = self.metadata.row_group(group).num_rows();
        if places.is_empty() || u64::try_from(expected) == Ok(n_rows as u64) {
            return Ok(());
        }
        let message = format!("{n_rows} rows instead of {expected}; the file is damaged");
        Err(place(ParquetError::General(message)).into())
    }

    /// Rows that make about [`BATCH_BYTES`], by the sizes in the footer.
    fn batch_rows(&self, group: usize, places: &[usize]) -> usize {
        let group = self.metadata.row_group(group);
        let n_rows = group.num_rows().max(1) as f64;
        let schema = self.metadata.file_metadata().schema_descr();
        let is_read = |leaf: &usize| places.contains(&schema.get_column_root_idx(*leaf));
        let bytes = |leaf: usize| {
            let chunk = group.column(leaf);
            let decoded = chunk.num_values().max(0) * i64::from(value_bytes(chunk));
            chunk.uncompressed_size().max(decoded) as f64
        };
        let row_bytes = (0..group.num_columns()).filter(is_read).map(bytes).sum::<f64>() / n_rows;
        ((BATCH_BYTES as f64 / row_bytes.max(1.0)) as usize).clamp(1, BATCH_ROWS)
    }

    /// A reader of the columns at `places` in the given row groups.
    fn reader(
        &self,
        groups: &[usize],
        places: &[usize],
        batch_rows: usize,
    ) -> Result<ParquetRecordBatchReader, ParquetError> {
        let levels = self.levels(places)?;
        let groups =
            Groups { file: self.file.id(), metadata: &self.metadata, groups: groups.to_vec() };
        ParquetRecordBatchReader::try_new_with_row_groups(&levels, &groups, batch_rows, None)
    }

    fn levels(&self, places: &[usize]) -> Result<FieldLevels, ParquetError> {
        let schema = self.metadata.file_metadata().schema_descr();
        let mask = ProjectionMask::roots(schema, places.iter().copied());
        parquet_to_arrow_field_levels(schema, mask, Some(&self.fields))
    }

    /// The sorted distinct values of the text column at `place`.
    fn categories(&self, place: usize) -> Result<Vec<String>, FileError> {
        let field: &FieldRef = &self.fields[place];
        let name = field.name();
        if !is_text(field.data_type()) {
            let message = format!("`{name}` is {}, not text", field.data_type());
            return Err(FileError::param("categories", message));
        }
        let mut values = BTreeSet::new();
        for group in 0..self.n_row_groups() {
            self.read_columns(group, &[place], &mut |batch| {
                gather(batch.column(0), &mut values);
                match values.len() > MAX_CATEGORIES {
                    false => Ok(()),
                    true => Err(FileError::param(
                        "categories",
                        format!("`{name}` has more than {MAX_CATEGORIES} distinct values"),
                    )),
                }
            })?;
        }
        Ok(values.into_iter().collect())
    }
}

/// Adds the values of a text column, as far as they are not too many already.
fn gather(column: &ArrayRef, values: &mut BTreeSet<String>) {
    let mut add = |text: &str| {
        if values.len() <= MAX_CATEGORIES && !values.contains(text) {
            values.insert(text.to_owned());
        }
    };
    match column.data_type() {
        DataType::Dictionary(..) => {
            let dictionary = column.as_any_dictionary();
            let texts = dictionary.values().as_string::<i32>();
            let mut is_used = vec![false; texts.len()];
            let keys = dictionary.normalized_keys();
            for (row, &key) in keys.iter().enumerate() {
                if column.is_valid(row) && texts.is_valid(key) {
                    is_used[key] = true;
                }
            }
            let used = is_used.iter().enumerate().filter(|(_, is_used)| **is_used);
            used.for_each(|(key, _)| add(texts.value(key)));
        }
        _ => column.as_string::<i32>().iter().flatten().for_each(add),
    }
}

fn as_key(params: &Params, field: Field) -> Result<Field, FileError> {
    let name = field.name();
    match params.ucds.get(name).filter(|ucd| !ucd.starts_with("meta.id")) {
        None => Ok(field.with_ucd("meta.id;meta.main")),
        Some(ucd) => {
            let message = format!("`{name}` has another meaning in `ucds`, `{ucd}`; leave one out");
            Err(FileError::param("key", message))
        }
    }
}

/// Bytes that one value takes in an Arrow array at least.
fn value_bytes(chunk: &ColumnChunkMetaData) -> i32 {
    use parquet::basic::Type;
    match chunk.column_type() {
        Type::BOOLEAN => 1,
        Type::INT32 | Type::FLOAT | Type::BYTE_ARRAY => 4,
        Type::INT64 | Type::DOUBLE | Type::INT96 => 8,
        Type::FIXED_LEN_BYTE_ARRAY => chunk.column_descr().type_length().max(1),
    }
}

/// Row groups of a file, as the parquet crate wants them.
struct Groups<'a> {
    file: FileId,
    metadata: &'a ParquetMetaData,
    groups: Vec<usize>,
}

impl RowGroups for Groups<'_> {
    fn num_rows(&self) -> usize {
        self.row_groups().map(|group| group.num_rows().max(0) as usize).sum()
    }

    fn column_chunks(&self, leaf: usize) -> Result<Box<dyn PageIterator>, ParquetError> {
        let pages: Result<Vec<_>, _> =
            self.row_groups().map(|group| self.pages(group, leaf)).collect();
        Ok(Box::new(Chunks(pages?.into_iter())))
    }

    fn row_groups(&self) -> Box<dyn Iterator<Item = &RowGroupMetaData> + '_> {
        Box::new(self.groups.iter().map(|&group| self.metadata.row_group(group)))
    }

    fn metadata(&self) -> &ParquetMetaData {
        self.metadata
    }
}

impl Groups<'_> {
    fn pages(&self, group: &RowGroupMetaData, leaf: usize) -> Result<Pages, ParquetError> {
        let chunk = group.column(leaf);
        let column = chunk.column_path().string();
        if chunk.file_path().is_some_and(|path| !path.is_empty()) {
            let message = "its values are in another file; read that one".to_owned();
            return Err(self.file.fail(FileError::Unsupported { column, message }));
        }
        let Some(codec) = Codec::new(chunk.compression()) else {
            let message = format!("compression {} is not supported", chunk.compression());
            return Err(self.file.fail(FileError::Unsupported { column, message }));
        };
        let data = chunk.data_page_offset();
        // Some writers say 0 for none.
        let dictionary = chunk.dictionary_page_offset().filter(|&at| at > 0 && at < data);
        let start = u64::try_from(dictionary.unwrap_or(data));
        let length = u64::try_from(chunk.compressed_size());
        let end = start.ok().zip(length.ok()).and_then(|(start, length)| {
            start
                .checked_add(length)
                .filter(|end| *end <= self.file.size())
                .map(|_| (start, length))
        });
        let (Some((start, length)), Ok(n_values)) = (end, u64::try_from(chunk.num_values())) else {
            let message = "the footer puts it outside of the file".to_owned();
            return Err(self.file.fail(FileError::Damaged { column, message }));
        };
        let descriptor = chunk.column_descr();
        let chunk = Chunk {
            column,
            start,
            length,
            n_values,
            max_definition: descriptor.max_def_level(),
            max_repetition: descriptor.max_rep_level(),
        };
        Ok(Pages::new(self.file, chunk, codec))
    }
}

/// A column's chunks, one row group after the other.
struct Chunks(std::vec::IntoIter<Pages>);

impl Iterator for Chunks {
    type Item = Result<Box<dyn PageReader>, ParquetError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|pages| Ok(Box::new(pages) as Box<dyn PageReader>))
    }
}

impl PageIterator for Chunks {}
