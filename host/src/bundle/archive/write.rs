//! Writing a bundle.

use std::fs::{self, File};
use std::io::{self, BufWriter, Cursor, Read, Seek, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::DeflateEncoder;
use tempfile::NamedTempFile;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, System, ZipWriter};

use super::name::{Names, shown};
use super::{CHUNK, ENTRIES, EXPANSION, EXPANSION_FLOOR, MANIFEST, MANIFEST_BYTES, VERSION};
use super::{Listed, Manifest, folder_of};
use crate::bundle::{BundleError, NameFault};
use crate::data::{Digest, publish};

/// What deflate makes smaller; anything else is stored as it is.
const DEFLATED: [&str; 12] =
    ["csv", "html", "json", "lock", "md", "rs", "svg", "toml", "txt", "wasm", "yaml", "yml"];

const LEVEL: u32 = 6;

/// Entries from this size on get a ZIP64 field, which says sizes from 4 GiB on.
const WIDE_BYTES: u64 = 1 << 31;

/// Writes a bundle: equal entries in equal order give equal bytes.
///
/// Times are 1980-01-01, permissions 0644, and there are no extra fields, but for sizes from
/// 2 GiB on. The file appears when it is finished, whole, and over what had its name before.
#[derive(Debug)]
pub struct ArchiveWriter {
    path: PathBuf,
    zip: ZipWriter<BufWriter<NamedTempFile>>,
    names: Names,
    entries: Vec<Listed>,
    /// The entry that is being written, or could not be.
    open: Option<String>,
}

impl ArchiveWriter {
    /// Begins a bundle that will lie at `path`; its folder is made.
    ///
    /// # Errors
    /// [`BundleError::Io`].
    pub fn create(path: &Path) -> Result<Self, BundleError> {
        let folder = folder_of(path);
        fs::create_dir_all(folder).map_err(BundleError::io(folder))?;
        let file = NamedTempFile::new_in(folder).map_err(BundleError::io(folder))?;
        let mut names = Names::default();
        names.take(MANIFEST).expect("it is a good name and the first");
        Ok(Self {
            path: path.to_owned(),
            zip: ZipWriter::new(BufWriter::with_capacity(CHUNK, file)),
            names,
            entries: Vec::new(),
            open: None,
        })
    }

    /// Adds an entry; gives the BLAKE3 of its bytes.
    ///
    /// # Errors
    /// [`BundleError::CannotHold`] when the name is not one that [`unpack`](super::unpack)
    /// takes, [`BundleError::TooMany`], [`BundleError::Io`].
    pub fn add_bytes(&mut self, name: &str, bytes: &[u8]) -> Result<Digest, BundleError> {
        let path = self.path.clone();
        self.add(name, bytes.len() as u64, Cursor::new(bytes), &path)
    }

    /// Adds the file at `path` as an entry, a piece at a time; gives the BLAKE3 of its bytes.
    ///
    /// # Errors
    /// As of [`add_bytes`](Self::add_bytes), and [`BundleError::Changed`] when the file becomes
    /// longer or shorter meanwhile.
    pub fn add_file(&mut self, name: &str, path: &Path) -> Result<Digest, BundleError> {
        // Asked first, since to open a pipe is to wait for its other end.
        let metadata = fs::metadata(path).map_err(BundleError::io(path))?;
        if !metadata.is_file() {
            let error = io::Error::other("it is not a regular file");
            return Err(BundleError::io(path)(error));
        }
        let file = File::open(path).map_err(BundleError::io(path))?;
        self.add(name, metadata.len(), file, path)
    }

    /// Lists the entries, ends the bundle and gives it its name; gives the BLAKE3 of the file.
    /// Once this returns, it outlives a power cut.
    ///
    /// # Errors
    /// [`BundleError::HalfWritten`] when an entry could not be added, [`BundleError::Io`]; then
    /// nothing is left of the bundle.
    pub fn finish(mut self) -> Result<Digest, BundleError> {
        if let Some(entry) = self.open {
            return Err(BundleError::HalfWritten { entry });
        }
        let manifest = Manifest { version: VERSION, entries: std::mem::take(&mut self.entries) };
        let text = serde_json::to_string_pretty(&manifest).expect("a manifest is plain data");
        let text = text + "\n";
        if text.len() as u64 > MANIFEST_BYTES {
            let reason = format!("would have more than {MANIFEST_BYTES} bytes");
            return Err(BundleError::Manifest { path: self.path, reason });
        }
        let path = self.path.clone();
        self.pour(MANIFEST, text.len() as u64, Cursor::new(text), &path)?;

        let io = BundleError::io;
        let file = self.zip.finish().map_err(|error| io(&path)(error.into()))?;
        let file = file.into_inner().map_err(|error| io(&path)(error.into_error()))?;
        let mut hasher = blake3::Hasher::new();
        let reopened = file.reopen().map_err(io(&path))?;
        hasher.update_reader(reopened).map_err(io(&path))?;
        // A temporary file is the owner's alone; a bundle is there to be given away.
        let mode = fs::Permissions::from_mode(0o644);
        file.as_file().set_permissions(mode).map_err(io(&path))?;
        publish(file, &folder_of(&path).join(path.file_name().unwrap_or_default()))
            .map_err(BundleError::store(&path))?;
        Ok(Digest::from(hasher.finalize()))
    }

    fn add(
        &mut self,
        name: &str,
        bytes: u64,
        source: impl Read + Seek,
        path: &Path,
    ) -> Result<Digest, BundleError> {
        let fault = match name {
            MANIFEST => Err(NameFault::Reserved),
            _ => self.names.take(name),
        };
        fault.map_err(|fault| BundleError::CannotHold { entry: shown(name.as_bytes()), fault })?;
        let found = self.entries.len() as u64 + 2;
        if found > ENTRIES {
            return Err(BundleError::TooMany { path: self.path.clone(), found, limit: ENTRIES });
        }
        let digest = self.pour(name, bytes, source, path)?;
        self.entries.push(Listed { name: name.to_owned(), bytes, digest });
        Ok(digest)
    }

    pub(super) fn pour(
        &mut self,
        name: &str,
        bytes: u64,
        mut source: impl Read + Seek,
        path: &Path,
    ) -> Result<Digest, BundleError> {
        self.open = Some(shown(name.as_bytes()));
        let method = method_for(name, bytes, &mut source).map_err(BundleError::io(path))?;
        let options = SimpleFileOptions::default()
            .compression_method(method)
            .compression_level((method == CompressionMethod::Deflated).then_some(LEVEL.into()))
            .last_modified_time(DateTime::default())
            .unix_permissions(0o644)
            .system(System::Unix)
            .large_file(bytes >= WIDE_BYTES);
        let started = self.zip.start_file(name, options);
        started.map_err(|error| BundleError::io(&self.path)(error.into()))?;
        let mut hasher = blake3::Hasher::new();
        let mut left = bytes;
        let mut chunk = Vec::with_capacity(CHUNK);
        while fill(&mut source, &mut chunk).map_err(BundleError::io(path))? {
            let Some(rest) = left.checked_sub(chunk.len() as u64) else {
                return Err(BundleError::Changed(path.to_owned()));
            };
            left = rest;
            hasher.update(&chunk);
            self.zip.write_all(&chunk).map_err(BundleError::io(&self.path))?;
        }
        if left > 0 {
            return Err(BundleError::Changed(path.to_owned()));
        }
        self.open = None;
        Ok(Digest::from(hasher.finalize()))
    }
}

/// Deflated if the name promises that it helps, but not where it helps so much that a reader
/// would take the entry for a bomb.
fn method_for(
    name: &str,
    bytes: u64,
    source: &mut (impl Read + Seek),
) -> io::Result<CompressionMethod> {
    let suffix = Path::new(name).extension().and_then(|suffix| suffix.to_str()).unwrap_or("");
    if !DEFLATED.contains(&suffix) {
        return Ok(CompressionMethod::Stored);
    }
    if bytes <= EXPANSION_FLOOR {
        return Ok(CompressionMethod::Deflated);
    }
    // Half of what a reader bears, so that a byte more or less does not matter.
    let enough = bytes / (EXPANSION / 2);
    let modest = deflates_to(source, enough)?;
    source.rewind()?;
    Ok(if modest { CompressionMethod::Deflated } else { CompressionMethod::Stored })
}

/// Whether `source` deflates to `enough` bytes or more; reads no further than it must, which
/// for most files is a small part.
fn deflates_to(source: &mut impl Read, enough: u64) -> io::Result<bool> {
    let mut encoder = DeflateEncoder::new(io::sink(), Compression::new(LEVEL));
    let mut chunk = Vec::with_capacity(CHUNK);
    while encoder.total_out() < enough && fill(source, &mut chunk)? {
        encoder.write_all(&chunk)?;
    }
    encoder.try_finish()?;
    Ok(encoder.total_out() >= enough)
}

/// Reads the next chunk, a full one but at the end: what deflate gives may depend on how its
/// input is cut. False at the end.
fn fill(source: &mut impl Read, chunk: &mut Vec<u8>) -> io::Result<bool> {
    chunk.clear();
    Ok(source.take(CHUNK as u64).read_to_end(chunk)? > 0)
}
