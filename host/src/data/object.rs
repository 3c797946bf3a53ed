//! Immutable partitions on disk.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use arrow::array::RecordBatch;
use arrow::buffer::Buffer;
use arrow::compute::BatchCoalescer;
use arrow::datatypes::{DataType, Schema, SchemaRef};
use arrow::ipc::convert::fb_to_schema;
use arrow::ipc::reader::{FileDecoder, read_footer_length};
use arrow::ipc::writer::{DictionaryHandling, FileWriter, IpcWriteOptions};
use arrow::ipc::{Block, MessageHeader, MetadataVersion, root_as_footer, root_as_message};
use serde::{Deserialize, Serialize};

use super::dictionary::{Dictionaries, has_dictionary};
use super::digest::partition_digest;
use super::look::Look;
use super::{Digest, Digester, guarded};

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

    /// Whether what was to be read is gone or not what was written: it can be made again.
    pub fn is_loss(&self) -> bool {
        match self {
            Self::Damaged { .. } => true,
            Self::Io { source, .. } => source.kind() == io::ErrorKind::NotFound,
            Self::TooManyWords { .. } | Self::Arrow(_) => false,
        }
    }
}

/// The folder that objects live in: `objects/ab/ab12….arrow`, each named by its content.
#[derive(Debug, Clone)]
pub struct ObjectStore {
    folders: Arc<Folders>,
}

#[derive(Debug)]
struct Folders {
    objects: PathBuf,
    look: Look,
    temporary: PathBuf,
    /// Whether what is written outlives a power cut.
    is_durable: bool,
    /// Objects whose bytes this process has written or checked.
    known_good: Mutex<BTreeSet<Digest>>,
}

impl ObjectStore {
    /// The store below `root`.
    pub fn at(root: &Path) -> Self {
        Self::new(root, true)
    }

    fn new(root: &Path, is_durable: bool) -> Self {
        let (objects, temporary) = (root.join("objects"), root.join("tmp"));
        let known_good = Mutex::default();
        let look = Look::at(objects.clone(), "arrow");
        let folders = Folders { objects, look, temporary, is_durable, known_good };
        Self { folders: Arc::new(folders) }
    }

    /// Opens the store below `root`, making its folders.
    ///
    /// # Errors
    /// When the folders cannot be made.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        Self::at(root).with_folders()
    }

    /// The same for what nobody will miss: a power cut may take it, and writing does not wait
    /// for the disk.
    ///
    /// # Errors
    /// When the folders cannot be made.
    pub fn scratch(root: &Path) -> Result<Self, StoreError> {
        Self::new(root, false).with_folders()
    }

    fn with_folders(self) -> Result<Self, StoreError> {
        for folder in [&self.folders.objects, &self.folders.temporary] {
            fs::create_dir_all(folder).map_err(StoreError::io(folder))?;
        }
        Ok(self)
    }

    /// Where the object of this digest lies, if it is there.
    pub fn path_of(&self, digest: Digest) -> PathBuf {
        path_of(&self.folders.objects, digest, "arrow")
    }

    /// The digests of all files that lie where objects do, sorted.
    pub fn digests(&self) -> Vec<Digest> {
        names_in(&self.folders.objects)
    }

    /// The object of this digest, as its file describes it.
    ///
    /// # Errors
    /// When it is missing or damaged.
    pub fn get(&self, digest: Digest) -> Result<Object, StoreError> {
        let path = self.path_of(digest);
        let map = map_file(&path)?;
        let footer = Footer::read(&path, &map, digest)?;
        let bytes = map.len() as u64;
        let info = ObjectInfo { digest, rows: footer.rows, bytes, columns: footer.columns };
        Ok(Object { info, schema: Arc::new(footer.schema), store: self.clone() })
    }

    /// The object that an earlier run described, if a file of its length is there. Its bytes
    /// are checked when they are first read.
    pub fn locate(&self, info: ObjectInfo, schema: &SchemaRef) -> Result<Object, StoreError> {
        let object = Object { info, schema: schema.clone(), store: self.clone() };
        match self.folders.look.file(object.info.digest) {
            Ok(Some(found)) if found.bytes == object.info.bytes => Ok(object),
            Ok(Some(found)) => {
                let (found, expected) = (found.bytes, object.info.bytes);
                let reason = format!("{found} bytes, not {expected}");
                Err(StoreError::damaged(&object.path(), reason))
            }
            Ok(None) => Err(StoreError::damaged(&object.path(), "it is not a regular file")),
            Err(error) => Err(StoreError::io(&object.path())(error)),
        }
    }

    /// Begins a new object of `schema`.
    ///
    /// # Errors
    /// When no file can be made.
    pub fn writer(&self, schema: SchemaRef) -> Result<ObjectWriter, StoreError> {
        ObjectWriter::new(self.clone(), schema)
    }

    /// Makes way for a new copy of an object that is not what it should be.
    pub fn discard(&self, digest: Digest) {
        self.known_good().remove(&digest);
        let path = self.path_of(digest);
        move_folder_aside(&path, &self.folders.temporary);
        drop(fs::remove_file(&path));
    }

    fn known_good(&self) -> MutexGuard<'_, BTreeSet<Digest>> {
        self.folders.known_good.lock().expect("no holder panics")
    }
}

/// What is known of an object without opening its file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectInfo {
    pub digest: Digest,
    pub rows: u64,
    /// Length of its file.
    pub bytes: u64,
    /// The digest of each column's values.
    pub columns: Vec<Digest>,
}

/// A partition of a table, in a file that never changes.
#[derive(Debug)]
pub struct Object {
    info: ObjectInfo,
    pub schema: SchemaRef,
    store: ObjectStore,
}

impl Deref for Object {
    type Target = ObjectInfo;

    fn deref(&self) -> &ObjectInfo {
        &self.info
    }
}

impl Object {
    /// Where it lies.
    pub fn path(&self) -> PathBuf {
        self.store.path_of(self.info.digest)
    }

    /// All about it but its values.
    pub fn info(&self) -> &ObjectInfo {
        &self.info
    }

    /// Its batches, in order. They point into the mapped file: nothing is copied. The first
    /// time in this process, all its bytes are checked.
    ///
    /// # Errors
    /// When the file is missing or damaged.
    pub fn batches(&self) -> Result<Batches, StoreError> {
        let path = self.path();
        // Mapped anew each time: what is not being read is not held.
        let map = map_file(&path)?;
        let footer = Footer::read(&path, &map, self.info.digest)?;
        self.check(&path, &map, &footer)?;
        // The file's own schema: it numbers the dictionaries.
        let schema = Arc::new(footer.schema);
        let mut decoder = FileDecoder::new(schema, footer.version).with_require_alignment(true);
        for block in &footer.dictionaries {
            let data = slice_of(&path, &map, block)?;
            decoder
                .read_dictionary(block, &data)
                .map_err(|error| StoreError::damaged(&path, error))?;
        }
        Ok(Batches { path, map, decoder, blocks: footer.batches.into_iter() })
    }

    /// Makes sure that its bytes are those that were written. Looks once in a process.
    ///
    /// # Errors
    /// When the file is missing or damaged.
    pub fn verify(&self) -> Result<(), StoreError> {
        if self.store.known_good().contains(&self.info.digest) {
            // Bytes do not change behind our back, but files vanish.
            let path = self.path();
            return fs::symlink_metadata(&path).map(drop).map_err(StoreError::io(&path));
        }
        self.verify_again()
    }

    /// The same, whatever this process has seen.
    ///
    /// # Errors
    /// When the file is missing or damaged.
    pub fn verify_again(&self) -> Result<(), StoreError> {
        let path = self.path();
        let map = map_file(&path)?;
        let footer = Footer::read(&path, &map, self.info.digest)?;
        self.store.known_good().remove(&self.info.digest);
        self.check(&path, &map, &footer)
    }

    fn check(&self, path: &Path, map: &Buffer, footer: &Footer) -> Result<(), StoreError> {
        if self.store.known_good().contains(&self.info.digest) {
            return Ok(());
        }
        if (footer.rows, &footer.columns) != (self.info.rows, &self.info.columns)
            || footer.schema.fields() != self.schema.fields()
        {
            return Err(StoreError::damaged(path, "it describes itself wrongly"));
        }
        footer.check_body(path, map)?;
        self.store.known_good().insert(self.info.digest);
        Ok(())
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

/// The end of an object's file: what is in it, and how its bytes are checked.
struct Footer {
    schema: Schema,
    rows: u64,
    columns: Vec<Digest>,
    version: MetadataVersion,
    dictionaries: Vec<Block>,
    batches: Vec<Block>,
    /// Length and BLAKE3 of all that comes before the footer.
    body: (u64, Digest),
}

impl Footer {
    /// Reads the footer of the object `digest`, and checks it against that name.
    fn read(path: &Path, map: &Buffer, digest: Digest) -> Result<Self, StoreError> {
        // Arrow's reader panics on some metadata that no writer makes.
        let read = guarded(|| Self::parse(map));
        let read = read.unwrap_or_else(|| Err("its footer cannot be read".to_owned()));
        let footer = read.map_err(|reason| StoreError::damaged(path, reason))?;
        let found = partition_digest(footer.schema.fields(), footer.rows, &footer.columns);
        if found != digest {
            return Err(StoreError::damaged(path, "it does not hold what its name says"));
        }
        Ok(footer)
    }

    fn parse(map: &Buffer) -> Result<Self, String> {
        let trailer_start = map.len().checked_sub(10).ok_or("it is too short")?;
        let trailer: [u8; 10] = map[trailer_start..].try_into().expect("ten bytes are left");
        let length = read_footer_length(trailer).map_err(|error| error.to_string())?;
        let start = trailer_start.checked_sub(length).ok_or("it has no footer")?;
        let footer =
            root_as_footer(&map[start..trailer_start]).map_err(|error| error.to_string())?;
        let find = |key: &str| {
            let pairs = footer.custom_metadata().into_iter().flatten();
            let mut pairs = pairs.filter_map(|pair| Some((pair.key()?, pair.value()?)));
            pairs.find_map(|(name, value)| (name == key).then_some(value))
        };
        let body = find("body").and_then(|text| serde_json::from_str::<(u64, Digest)>(text).ok());
        let body = body.ok_or("it has no digest of its bytes")?;
        // Between body and footer stands only the mark that the stream has ended.
        if body.0.checked_add(END_MARK.len() as u64) != Some(start as u64)
            || map[start - END_MARK.len()..start] != END_MARK
        {
            return Err("its length is not what was written".to_owned());
        }
        let rows = find("rows").and_then(|text| text.parse().ok());
        let columns = find("columns").and_then(|text| serde_json::from_str(text).ok());
        Ok(Self {
            schema: schema_of(&map[..start - END_MARK.len()])?,
            rows: rows.ok_or("it has no row count")?,
            columns: columns.ok_or("it has no column digests")?,
            version: footer.version(),
            dictionaries: footer
                .dictionaries()
                .map_or_else(Vec::new, |all| all.iter().copied().collect()),
            batches: footer
                .recordBatches()
                .map_or_else(Vec::new, |all| all.iter().copied().collect()),
            body,
        })
    }

    /// Makes sure that what comes before the footer is what was written, and that the
    /// footer points to the batches in it, in their order.
    fn check_body(&self, path: &Path, map: &Buffer) -> Result<(), StoreError> {
        let damaged = |reason: &str| StoreError::damaged(path, reason);
        let body = &map[..self.body.0 as usize];
        if Digest::of(body) != self.body.1 {
            return Err(damaged("its bytes are not those that were written"));
        }
        // The bytes are ours, so they can be walked without care.
        let (mut dictionaries, mut batches) = (Vec::new(), Vec::new());
        let mut at = first_message(body);
        while at < body.len() {
            let length = body[at + 4..at + 8].try_into().map(i32::from_le_bytes);
            let head = 8 + length.expect("four bytes") as usize;
            let message =
                root_as_message(&body[at + 8..at + head]).map_err(|_| damaged("no message"))?;
            let block = Block::new(at as i64, head as i32, message.bodyLength());
            match message.header_type() {
                MessageHeader::DictionaryBatch => dictionaries.push(block),
                MessageHeader::RecordBatch => batches.push(block),
                _ => {}
            }
            at += head + message.bodyLength() as usize;
        }
        let version = self.version == MetadataVersion::V5;
        if !version || (dictionaries, batches) != (self.dictionaries.clone(), self.batches.clone())
        {
            return Err(damaged("its footer points elsewhere"));
        }
        Ok(())
    }
}

/// Where the first message is: after the magic word and what aligns it.
fn first_message(body: &[u8]) -> usize {
    let is_padding = |at: &usize| body.get(*at..at + 4).is_some_and(|word| word == [0; 4]);
    (8..).step_by(8).find(|at| !is_padding(at)).expect("a file has an end")
}

/// The schema of a file, from its first message: the footer has it again, but only the body's
/// bytes are hashed.
fn schema_of(body: &[u8]) -> Result<Schema, String> {
    let at = first_message(body);
    let length = body.get(at + 4..at + 8).ok_or("it has no schema")?;
    let length = i32::from_le_bytes(length.try_into().expect("four bytes"));
    let length = usize::try_from(length).map_err(|_| "it has no schema")?;
    let message = body.get(at + 8..).and_then(|rest| rest.get(..length));
    let message =
        root_as_message(message.ok_or("it has no schema")?).map_err(|error| error.to_string())?;
    Ok(fb_to_schema(message.header_as_schema().ok_or("it has no schema")?))
}

/// How a stream of Arrow messages ends.
const END_MARK: [u8; 8] = [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];

fn map_file(path: &Path) -> Result<Buffer, StoreError> {
    if !fs::symlink_metadata(path).map_err(StoreError::io(path))?.is_file() {
        // Links are not followed, and nobody waits for a pipe.
        return Err(StoreError::damaged(path, "it is not a regular file"));
    }
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
    file: FileWriter<Hashing<BufWriter<tempfile::NamedTempFile>>>,
    batches: BatchCoalescer,
    /// For tables that have any.
    dictionaries: Option<Dictionaries>,
}

impl ObjectWriter {
    fn new(store: ObjectStore, schema: SchemaRef) -> Result<Self, StoreError> {
        let temporary = &store.folders.temporary;
        let file = tempfile::NamedTempFile::new_in(temporary).map_err(StoreError::io(temporary))?;
        let file = Hashing::new(BufWriter::with_capacity(1 << 20, file));
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

    /// Ends the object and gives it its name. Once this returns, it outlives a power cut, unless
    /// the store is a scratch one.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(mut self) -> Result<Object, StoreError> {
        self.batches.finish_buffered_batch()?;
        self.write_completed()?;
        let schema = self.digester.schema().clone();
        let (columns, digest) = self.digester.finish();
        let body = self.file.get_ref().so_far();
        self.file.write_metadata("rows", self.rows.to_string());
        self.file.write_metadata("columns", to_json(&columns));
        self.file.write_metadata("body", to_json(&body));
        self.file.finish()?;
        let path = self.store.path_of(digest);
        let hashing = self.file.into_inner()?;
        let bytes = hashing.bytes;
        let file = hashing
            .inner
            .into_inner()
            .map_err(|error| StoreError::io(&path)(error.into_error()))?;
        move_folder_aside(&path, &self.store.folders.temporary);
        if self.store.folders.is_durable {
            publish(file, &path)?;
        } else {
            let folder = path.parent().expect("objects lie in a folder");
            fs::create_dir_all(folder).map_err(StoreError::io(folder))?;
            place(file, &path)?;
        }
        self.store.known_good().insert(digest);
        let info = ObjectInfo { digest, rows: self.rows, bytes, columns };
        Ok(Object { info, schema, store: self.store })
    }
}

fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("digests and numbers are plain data")
}

/// Counts and hashes what is written.
struct Hashing<W> {
    inner: W,
    bytes: u64,
    hasher: blake3::Hasher,
}

impl<W> Hashing<W> {
    fn new(inner: W) -> Self {
        Self { inner, bytes: 0, hasher: blake3::Hasher::new() }
    }

    fn so_far(&self) -> (u64, Digest) {
        (self.bytes, Digest::from(self.hasher.finalize()))
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// The file `ab/ab12….ENDING` in `folder`. In one allocation: plans ask this for every unit.
pub(crate) fn path_of(folder: &Path, digest: Digest, ending: &str) -> PathBuf {
    let name = blake3::Hash::from_bytes(*digest.as_bytes()).to_hex();
    let length = folder.as_os_str().len() + name.len() + ending.len() + 5;
    let mut path = PathBuf::with_capacity(length);
    path.push(folder);
    path.push(&name[..2]);
    path.push(name.as_str());
    let path = path.as_mut_os_string();
    path.push(".");
    path.push(ending);
    PathBuf::from(std::mem::take(path))
}

/// The digests that name the files in the folders of `folder`, sorted.
pub(crate) fn names_in(folder: &Path) -> Vec<Digest> {
    let folders = fs::read_dir(folder).into_iter().flatten().flatten();
    let files = folders.filter_map(|folder| fs::read_dir(folder.path()).ok()).flatten().flatten();
    let names =
        files.filter_map(|file| file.path().file_stem().and_then(|n| n.to_str()?.parse().ok()));
    let mut names: Vec<Digest> = names.collect();
    names.sort();
    names
}

/// Makes way where somebody has put a folder in the place of a file: it goes to `temporary`,
/// with all that is in it.
pub(crate) fn move_folder_aside(path: &Path, temporary: &Path) {
    if fs::symlink_metadata(path).is_ok_and(|found| found.is_dir())
        && let Ok(aside) = tempfile::tempdir_in(temporary)
    {
        drop(fs::rename(path, aside.keep().join("folder")));
    }
}

/// Moves a finished file to its name: file first, then the folder that names it.
pub(crate) fn publish(file: tempfile::NamedTempFile, path: &Path) -> Result<(), StoreError> {
    let folder = path.parent().expect("objects lie in a folder");
    let sync = |folder: &Path| {
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(StoreError::io(folder))
    };
    if !folder.is_dir() {
        fs::create_dir_all(folder).map_err(StoreError::io(folder))?;
        // A new folder has a name, too.
        let around = folder.parent().filter(|around| !around.as_os_str().is_empty());
        around.map_or(Ok(()), sync)?;
    }
    file.as_file().sync_data().map_err(StoreError::io(path))?;
    place(file, path)?;
    sync(folder)
}

/// Moves a finished file to its name, in a folder that is there. A power cut can take it away.
pub(crate) fn place(file: tempfile::NamedTempFile, path: &Path) -> Result<(), StoreError> {
    file.persist(path).map(drop).map_err(|error| StoreError::io(path)(error.error))
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, DictionaryArray, Float64Array, StringArray};
    use arrow::datatypes::{Field, Int32Type};

    use super::*;

    /// A small table with all kinds of buffers: numbers with a gap, text, words.
    fn batch() -> RecordBatch {
        let words = DictionaryArray::<Int32Type>::from_iter(["RRab", "RRc", "RRab"]);
        let columns: [(&str, ArrayRef); 3] = [
            ("period", Arc::new(Float64Array::from(vec![Some(0.5), None, Some(0.6)]))),
            ("name", Arc::new(StringArray::from(vec!["S1", "S2", "S3"]))),
            ("class", Arc::new(words)),
        ];
        let fields = columns
            .iter()
            .map(|(name, column)| Field::new(*name, column.data_type().clone(), *name == "period"));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        RecordBatch::try_new(schema, columns.map(|(_, column)| column).into()).unwrap()
    }

    fn read(object: &Object) -> Result<Vec<RecordBatch>, StoreError> {
        object.batches()?.collect()
    }

    #[test]
    fn no_changed_bit_changes_a_value() {
        let folder = tempfile::tempdir().unwrap();
        let store = ObjectStore::open(folder.path()).unwrap();
        let mut writer = store.writer(batch().schema()).unwrap();
        writer.push(batch()).unwrap();
        let object = writer.finish().unwrap();
        let (path, whole) = (object.path(), fs::read(object.path()).unwrap());
        let right = read(&object).unwrap();
        // Whether it goes unseen. Some bytes of the footer mean nothing: they only align what
        // comes after.
        let check = |bytes: &[u8], what: &str| {
            fs::write(&path, bytes).unwrap();
            if object.verify_again().is_err() {
                return false;
            }
            assert_eq!(read(&object).unwrap(), right, "{what}");
            let described = store.get(object.digest).unwrap();
            assert_eq!((described.info(), &described.schema), (&object.info, &object.schema));
            true
        };
        let mut unseen = 0;
        for at in 0..whole.len() {
            for bit in 0..8 {
                let mut changed = whole.clone();
                changed[at] ^= 1 << bit;
                unseen += usize::from(check(&changed, &format!("bit {bit} of byte {at}")));
            }
        }
        assert!(unseen < whole.len(), "{unseen} of {} bits went unseen", 8 * whole.len());
        for length in 0..whole.len() {
            let cut = check(&whole[..length], &format!("{length} bytes"));
            assert!(!cut, "{length} bytes");
        }
    }
}
