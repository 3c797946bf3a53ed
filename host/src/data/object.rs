//! Immutable partitions on disk.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::buffer::Buffer;
use arrow::compute::BatchCoalescer;
use arrow::datatypes::{DataType, SchemaRef};
use arrow::ipc::convert::fb_to_schema;
use arrow::ipc::reader::{FileDecoder, read_footer_length};
use arrow::ipc::writer::{DictionaryHandling, FileWriter, IpcWriteOptions};
use arrow::ipc::{Block, root_as_footer};

use super::dictionary::{Dictionaries, has_dictionary};
use super::{Digest, Digester};

/// What can go wrong with files of ours.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("{} is damaged: {reason}", path.display())]
    Damaged { path: PathBuf, reason: String },
    #[error("column `{column}` has more than {limit} different words, too many for keys of {key}")]
    TooManyWords { column: String, key: String, limit: u64 },
    #[error("cannot write a table: {0}")]
    Arrow(#[from] arrow::error::ArrowError),
}

impl StoreError {
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }

    fn damaged(path: &Path, reason: impl ToString) -> Self {
        Self::Damaged { path: path.to_owned(), reason: reason.to_string() }
    }
}

/// The folder that objects live in: `objects/ab/ab12….arrow`, each named by its content.
#[derive(Debug, Clone)]
pub struct ObjectStore {
    objects: PathBuf,
    temporary: PathBuf,
}

impl ObjectStore {
    /// Opens the store below `root`, making its folders.
    ///
    /// # Errors
    /// When the folders cannot be made.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        let (objects, temporary) = (root.join("objects"), root.join("tmp"));
        for folder in [&objects, &temporary] {
            fs::create_dir_all(folder).map_err(StoreError::io(folder))?;
        }
        Ok(Self { objects, temporary })
    }

    fn path_of(&self, digest: Digest) -> PathBuf {
        let name = digest.to_string();
        self.objects.join(&name[..2]).join(format!("{name}.arrow"))
    }

    /// The object of this digest.
    ///
    /// # Errors
    /// When it is missing or damaged.
    pub fn get(&self, digest: Digest) -> Result<Object, StoreError> {
        Object::open(&self.path_of(digest), digest)
    }

    /// Begins a new object of `schema`.
    ///
    /// # Errors
    /// When no file can be made.
    pub fn writer(&self, schema: SchemaRef) -> Result<ObjectWriter, StoreError> {
        ObjectWriter::new(self.clone(), schema)
    }
}

/// A partition of a table, in a file that never changes.
#[derive(Debug)]
pub struct Object {
    pub digest: Digest,
    /// The digest of each column's values.
    pub columns: Vec<Digest>,
    pub rows: u64,
    pub bytes: u64,
    pub schema: SchemaRef,
    path: PathBuf,
}

impl Object {
    fn open(path: &Path, digest: Digest) -> Result<Self, StoreError> {
        let map = map_file(path)?;
        let footer = Footer::read(path, &map)?;
        let find = |key: &str| {
            let value = footer.metadata.iter().find(|(name, _)| name == key);
            value.map(|(_, value)| value.as_str())
        };
        let damaged = |reason: &str| StoreError::damaged(path, reason);
        if find("digest").and_then(|text| text.parse().ok()) != Some(digest) {
            return Err(damaged("it does not hold what its name says"));
        }
        let rows = find("rows").and_then(|text| text.parse().ok());
        let columns: Option<Vec<Digest>> =
            find("columns").and_then(|text| serde_json::from_str(text).ok());
        Ok(Self {
            digest,
            columns: columns
                .filter(|columns| columns.len() == footer.schema.fields().len())
                .ok_or_else(|| damaged("it has no column digests"))?,
            rows: rows.ok_or_else(|| damaged("it has no row count"))?,
            bytes: map.len() as u64,
            schema: Arc::new(footer.schema),
            path: path.to_owned(),
        })
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its batches, in order. They point into the mapped file: nothing is copied.
    ///
    /// # Errors
    /// When the file is missing or damaged.
    pub fn batches(&self) -> Result<Batches, StoreError> {
        // Mapped anew each time: what is not being read is not held.
        let map = map_file(&self.path)?;
        let footer = Footer::read(&self.path, &map)?;
        let mut decoder =
            FileDecoder::new(self.schema.clone(), footer.version).with_require_alignment(true);
        for block in &footer.dictionaries {
            let data = slice_of(&self.path, &map, block)?;
            decoder
                .read_dictionary(block, &data)
                .map_err(|error| StoreError::damaged(&self.path, error))?;
        }
        Ok(Batches { path: self.path.clone(), map, decoder, blocks: footer.batches.into_iter() })
    }
}

/// The batches of an object.
pub struct Batches {
    path: PathBuf,
    map: Buffer,
    decoder: FileDecoder,
    blocks: std::vec::IntoIter<Block>,
}

impl Iterator for Batches {
    type Item = Result<RecordBatch, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        let block = self.blocks.next()?;
        let batch = slice_of(&self.path, &self.map, &block).and_then(|data| {
            let batch = self.decoder.read_record_batch(&block, &data);
            let batch = batch.map_err(|error| StoreError::damaged(&self.path, error))?;
            batch.ok_or_else(|| StoreError::damaged(&self.path, "a batch is missing"))
        });
        Some(batch)
    }
}

struct Footer {
    schema: arrow::datatypes::Schema,
    version: arrow::ipc::MetadataVersion,
    dictionaries: Vec<Block>,
    batches: Vec<Block>,
    metadata: Vec<(String, String)>,
}

impl Footer {
    fn read(path: &Path, map: &Buffer) -> Result<Self, StoreError> {
        let damaged = |reason: String| StoreError::damaged(path, reason);
        let trailer_start = map.len().checked_sub(10).ok_or_else(|| damaged("too short".into()))?;
        let trailer: [u8; 10] = map[trailer_start..].try_into().expect("ten bytes are left");
        let length = read_footer_length(trailer).map_err(|error| damaged(error.to_string()))?;
        let start = trailer_start.checked_sub(length).ok_or_else(|| damaged("no footer".into()))?;
        let footer = root_as_footer(&map[start..trailer_start])
            .map_err(|error| damaged(error.to_string()))?;
        let schema = footer.schema().ok_or_else(|| damaged("no schema".into()))?;
        let pairs = footer.custom_metadata().into_iter().flatten();
        Ok(Self {
            schema: fb_to_schema(schema),
            version: footer.version(),
            dictionaries: footer
                .dictionaries()
                .map_or_else(Vec::new, |all| all.iter().copied().collect()),
            batches: footer
                .recordBatches()
                .map_or_else(Vec::new, |all| all.iter().copied().collect()),
            metadata: pairs
                .filter_map(|pair| Some((pair.key()?.to_owned(), pair.value()?.to_owned())))
                .collect(),
        })
    }
}

fn map_file(path: &Path) -> Result<Buffer, StoreError> {
    let file = File::open(path).map_err(StoreError::io(path))?;
    #[expect(
        unsafe_code,
        reason = "mapping is unsafe; objects are renamed into place and never written again"
    )]
    // SAFETY: the file is immutable once it has its name.
    let map = unsafe { memmap2::Mmap::map(&file) }.map_err(StoreError::io(path))?;
    Ok(Buffer::from(bytes::Bytes::from_owner(map)))
}

fn slice_of(path: &Path, map: &Buffer, block: &Block) -> Result<Buffer, StoreError> {
    let (start, body, head) = (block.offset(), block.bodyLength(), block.metaDataLength());
    let length = body.checked_add(i64::from(head)).and_then(|length| usize::try_from(length).ok());
    let range = usize::try_from(start).ok().zip(length);
    let range = range
        .filter(|(start, length)| start.checked_add(*length).is_some_and(|end| end <= map.len()));
    let (start, length) =
        range.ok_or_else(|| StoreError::damaged(path, "a batch lies outside the file"))?;
    Ok(map.slice_with_length(start, length))
}

/// Rows in a batch of a file: what 8 MB hold, by the width of the schema, at most 65,536.
fn rows_per_batch(schema: &SchemaRef) -> usize {
    let width: usize = schema.fields().iter().map(|field| width_of(field.data_type())).sum();
    ((8 << 20) / width.max(1)).clamp(1024, 65_536)
}

/// Roughly the bytes of one value; text and lists are taken for short.
fn width_of(data_type: &DataType) -> usize {
    match data_type {
        DataType::Struct(fields) => fields.iter().map(|field| width_of(field.data_type())).sum(),
        DataType::FixedSizeList(child, length) => width_of(child.data_type()) * *length as usize,
        DataType::List(child) | DataType::LargeList(child) | DataType::Map(child, _) => {
            16 * width_of(child.data_type())
        }
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Binary | DataType::LargeBinary => 16,
        DataType::FixedSizeBinary(width) => *width as usize,
        other => other.primitive_width().unwrap_or(1),
    }
}

/// Writes an object: batches of any size in, batches of one size on disk.
pub struct ObjectWriter {
    store: ObjectStore,
    digester: Digester,
    rows: u64,
    file: FileWriter<BufWriter<tempfile::NamedTempFile>>,
    batches: BatchCoalescer,
    /// For tables that have any.
    dictionaries: Option<Dictionaries>,
}

impl ObjectWriter {
    fn new(store: ObjectStore, schema: SchemaRef) -> Result<Self, StoreError> {
        let file = tempfile::NamedTempFile::new_in(&store.temporary);
        let file = file.map_err(StoreError::io(&store.temporary))?;
        let file = BufWriter::with_capacity(1 << 20, file);
        let options =
            IpcWriteOptions::default().with_dictionary_handling(DictionaryHandling::Delta);
        let any = schema.fields().iter().any(|field| has_dictionary(field.data_type()));
        let dictionaries = any.then(|| Dictionaries::new(&schema));
        let plain = dictionaries.as_ref().map_or(&schema, Dictionaries::plain_schema);
        Ok(Self {
            file: FileWriter::try_new_with_options(file, &schema, options)?,
            digester: Digester::new(schema.clone()),
            rows: 0,
            store,
            batches: BatchCoalescer::new(plain.clone(), rows_per_batch(&schema)),
            dictionaries,
        })
    }

    /// Rows written so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Appends `batch`, which is of the schema.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn push(&mut self, batch: RecordBatch) -> Result<(), StoreError> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        self.rows += batch.num_rows() as u64;
        self.digester.update(&batch);
        let batch = match &mut self.dictionaries {
            Some(dictionaries) => dictionaries.strip(&batch)?,
            None => batch,
        };
        self.batches.push_batch(batch)?;
        self.write_completed()
    }

    fn write_completed(&mut self) -> Result<(), StoreError> {
        while let Some(batch) = self.batches.next_completed_batch() {
            match &mut self.dictionaries {
                Some(dictionaries) => self.file.write(&dictionaries.dress(&batch)?)?,
                None => self.file.write(&batch)?,
            }
        }
        Ok(())
    }

    /// Ends the object and gives it its name. Once this returns, it outlives a power cut.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(mut self) -> Result<Object, StoreError> {
        self.batches.finish_buffered_batch()?;
        self.write_completed()?;
        let (columns, digest) = self.digester.finish();
        let names = serde_json::to_string(&columns).expect("digests are text");
        self.file.write_metadata("digest", digest.to_string());
        self.file.write_metadata("rows", self.rows.to_string());
        self.file.write_metadata("columns", names);
        self.file.finish()?;
        let path = self.store.path_of(digest);
        let mut buffered = self.file.into_inner()?;
        buffered.flush().map_err(StoreError::io(&path))?;
        let file =
            buffered.into_inner().map_err(|error| StoreError::io(&path)(error.into_error()))?;
        publish(file, &path)?;
        Object::open(&path, digest)
    }
}

/// Moves a finished file to its name: file first, then the folder that names it.
pub(crate) fn publish(file: tempfile::NamedTempFile, path: &Path) -> Result<(), StoreError> {
    let folder = path.parent().expect("objects lie in a folder");
    fs::create_dir_all(folder).map_err(StoreError::io(folder))?;
    file.as_file().sync_data().map_err(StoreError::io(path))?;
    file.persist(path).map_err(|error| StoreError::io(path)(error.error))?;
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(StoreError::io(folder))
}
