//! Reading a bundle that nobody vouches for.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use serde::Deserialize;
use zip::read::{ArchiveOffset, Config, ZipFileEntry};
use zip::{CompressionMethod, ZipArchive, ZipReadOptions};

use super::directory::Directory;
use super::name::{Names, escaped, shown};
use super::{CHUNK, ENTRIES, EXPANSION, MANIFEST, MANIFEST_BYTES, Manifest, VERSION};
use super::{folder_of, most_bytes};
use crate::bundle::{BundleError, EntryFault, NameFault};
use crate::data::Digest;

/// How much of a bundle is unpacked before it is refused.
#[derive(Debug, Clone)]
pub struct UnpackLimits {
    /// Of all entries together, unpacked; 4 GiB unless said otherwise.
    pub total_bytes: u64,
    /// Entries, the manifest among them; 10,000 unless said otherwise.
    pub entries: u64,
}

impl Default for UnpackLimits {
    fn default() -> Self {
        Self { total_bytes: 4 << 30, entries: ENTRIES }
    }
}

/// An entry that was unpacked, and is what the manifest says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnpackedEntry {
    /// Its path below the folder, with `/`.
    pub name: String,
    pub bytes: u64,
    /// BLAKE3 of its bytes.
    pub digest: Digest,
}

/// Unpacks the bundle at `path` to the folder `into`, which does not exist yet or is empty.
/// Gives all entries but the manifest, in the archive's order; the manifest is unpacked too.
///
/// The folder appears when every byte in it is checked, or not at all. Its content is not
/// synced: what a power cut takes can be unpacked again.
///
/// # Errors
/// [`BundleError::NotWhole`], [`BundleError::Entry`], [`BundleError::Manifest`] and
/// [`BundleError::Version`] when the file is not a bundle as [`ArchiveWriter`] writes it,
/// [`BundleError::TooMany`] and [`BundleError::TooLarge`] beyond `limits`,
/// [`BundleError::Occupied`], [`BundleError::Io`].
///
/// [`ArchiveWriter`]: super::ArchiveWriter
pub fn unpack(
    path: &Path,
    into: &Path,
    limits: &UnpackLimits,
) -> Result<Vec<UnpackedEntry>, BundleError> {
    if !is_free(into).map_err(BundleError::io(into))? {
        return Err(BundleError::Occupied(into.to_owned()));
    }
    let mut archive = Archive::open(path, limits)?;
    archive.check_total(limits)?;
    let (manifest, entries) = archive.manifest()?;

    // Nobody else can reach into a fresh temporary folder, so there is no link to follow.
    let parent = folder_of(into);
    fs::create_dir_all(parent).map_err(BundleError::io(parent))?;
    let temporary = tempfile::Builder::new().prefix(".unpack-").tempdir_in(parent);
    let temporary = temporary.map_err(BundleError::io(parent))?;
    // One folder further down, for one that has the user's usual permissions.
    let folder = temporary.path().join("bundle");
    fs::create_dir(&folder).map_err(BundleError::io(&folder))?;
    for entry in &entries {
        archive.unpack_entry(entry, &folder)?;
    }
    let target = folder.join(MANIFEST);
    create_new(&target)?.write_all(&manifest).map_err(BundleError::io(&target))?;
    fs::rename(&folder, into).map_err(BundleError::io(into))?;
    Ok(entries)
}

/// Whether a folder can be renamed to `path`.
fn is_free(path: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => Ok(fs::read_dir(path)?.next().is_none()),
        Ok(_) => Ok(false),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
    }
}

fn create_new(path: &Path) -> Result<File, BundleError> {
    File::options().write(true).create_new(true).open(path).map_err(BundleError::io(path))
}

/// An archive whose form is checked; its content is not yet.
struct Archive {
    path: PathBuf,
    zip: ZipArchive<BufReader<File>>,
    /// The bytes of each entry, as the archive says, in its order.
    sizes: IndexMap<String, u64>,
}

impl Archive {
    fn open(path: &Path, limits: &UnpackLimits) -> Result<Self, BundleError> {
        let not_whole = |reason: String| BundleError::NotWhole { path: path.to_owned(), reason };
        // Asked first, since to open a pipe is to wait for its other end.
        if !fs::metadata(path).map_err(BundleError::io(path))?.is_file() {
            return Err(not_whole("it is not a regular file".to_owned()));
        }
        let file = File::open(path).map_err(BundleError::io(path))?;
        let mut file = BufReader::new(file);
        let directory = Directory::find(&mut file).map_err(not_whole)?;
        if directory.entries > limits.entries {
            let (found, limit) = (directory.entries, limits.entries);
            return Err(BundleError::TooMany { path: path.to_owned(), found, limit });
        }
        let names = directory.names(&mut file).map_err(not_whole)?;
        let names = check_names(path, names)?;
        let config = Config { archive_offset: ArchiveOffset::Known(0) };
        let zip = ZipArchive::with_config(config, file);
        let mut zip = zip.map_err(|error| not_whole(error.to_string()))?;
        if zip.len() != names.len() || zip.central_directory_start() != directory.start {
            return Err(not_whole("its directory can be read in two ways".to_owned()));
        }
        let sizes = check_entries(path, &mut zip, names, directory.start)?;
        Ok(Self { path: path.to_owned(), zip, sizes })
    }

    fn refuse(&self, name: &str, fault: EntryFault) -> BundleError {
        refusal(&self.path, name.as_bytes(), fault)
    }

    /// Sizes are only said so far, but no entry is unpacked further than it says.
    fn check_total(&self, limits: &UnpackLimits) -> Result<(), BundleError> {
        let bytes = self.sizes.values().copied().fold(0, u64::saturating_add);
        let limit = limits.total_bytes;
        match bytes <= limit {
            true => Ok(()),
            false => Err(BundleError::TooLarge { path: self.path.clone(), bytes, limit }),
        }
    }

    /// The manifest, as bytes and as what it lists: exactly the other entries, here in the
    /// archive's order, with the sizes that the archive says.
    fn manifest(&mut self) -> Result<(Vec<u8>, Vec<UnpackedEntry>), BundleError> {
        let path = self.path.clone();
        let wrong = |reason: String| BundleError::Manifest { path: path.clone(), reason };
        let bytes = self.sizes.get(MANIFEST).copied();
        let bytes = bytes.ok_or_else(|| wrong("is not there".to_owned()))?;
        if bytes > MANIFEST_BYTES {
            return Err(wrong(format!("has {bytes} bytes, more than {MANIFEST_BYTES}")));
        }
        let mut text = Vec::new();
        self.copy(MANIFEST, bytes, &mut text, &path)?;
        // The error may quote the manifest.
        let unread = |error: serde_json::Error| {
            wrong(format!("cannot be read: {}", escaped(&error.to_string(), 200)))
        };
        let AnyVersion { version } = serde_json::from_slice(&text).map_err(unread)?;
        if version != VERSION {
            return Err(BundleError::Version { path, found: version, known: VERSION });
        }
        let manifest: Manifest = serde_json::from_slice(&text).map_err(unread)?;
        let entries = self.matched(manifest)?;
        Ok((text, entries))
    }

    fn matched(&self, manifest: Manifest) -> Result<Vec<UnpackedEntry>, BundleError> {
        let mut listed = BTreeMap::new();
        for entry in manifest.entries {
            if entry.name == MANIFEST || !self.sizes.contains_key(&entry.name) {
                return Err(self.refuse(&entry.name, EntryFault::Missing));
            }
            if let Some(first) = listed.insert(entry.name.clone(), entry) {
                return Err(self.refuse(&first.name, EntryFault::ListedTwice));
            }
        }
        let others = self.sizes.iter().filter(|(name, _)| *name != MANIFEST);
        let matched = others.map(|(name, &found)| {
            let entry = listed.remove(name);
            let entry = entry.ok_or_else(|| self.refuse(name, EntryFault::Unlisted))?;
            match entry.bytes == found {
                true => Ok(UnpackedEntry { name: entry.name, bytes: found, digest: entry.digest }),
                false => Err(self.refuse(name, EntryFault::Size { listed: entry.bytes, found })),
            }
        });
        matched.collect()
    }

    fn unpack_entry(&mut self, entry: &UnpackedEntry, folder: &Path) -> Result<(), BundleError> {
        let target = folder.join(&entry.name);
        let parent = folder_of(&target);
        fs::create_dir_all(parent).map_err(BundleError::io(parent))?;
        let mut file = create_new(&target)?;
        let found = self.copy(&entry.name, entry.bytes, &mut file, &target)?;
        match found == entry.digest {
            true => Ok(()),
            false => {
                let fault = EntryFault::Content { listed: entry.digest, found };
                Err(self.refuse(&entry.name, fault))
            }
        }
    }

    /// Unpacks an entry to `sink` and gives its BLAKE3. It has `bytes` bytes: not one more is
    /// written, whatever comes.
    fn copy(
        &mut self,
        name: &str,
        bytes: u64,
        sink: &mut impl Write,
        target: &Path,
    ) -> Result<Digest, BundleError> {
        let refuse = |fault| refusal(&self.path, name.as_bytes(), fault);
        let unreadable = |reason: String| refuse(EntryFault::Unreadable(reason));
        let opened = self.zip.by_name(name);
        let mut opened = opened.map_err(|error| unreadable(error.to_string()))?;
        let mut hasher = blake3::Hasher::new();
        let mut chunk = vec![0; CHUNK];
        let mut found = 0;
        // To the end and not to the count, since the end is where the CRC is checked.
        loop {
            let read = opened.read(&mut chunk).map_err(|error| unreadable(error.to_string()))?;
            found += read as u64;
            if found > bytes || (read == 0 && found < bytes) {
                return Err(refuse(EntryFault::Size { listed: bytes, found }));
            }
            if read == 0 {
                return Ok(Digest::from(hasher.finalize()));
            }
            hasher.update(&chunk[..read]);
            sink.write_all(&chunk[..read]).map_err(BundleError::io(target))?;
        }
    }
}

/// What a manifest of any version has.
#[derive(Deserialize)]
struct AnyVersion {
    version: u32,
}

fn refusal(path: &Path, name: &[u8], fault: EntryFault) -> BundleError {
    BundleError::Entry { path: path.to_owned(), entry: shown(name), fault }
}

/// The names as every reader takes them, each a good one.
fn check_names(path: &Path, raw: Vec<(Vec<u8>, bool)>) -> Result<Vec<String>, BundleError> {
    let mut taken = Names::default();
    let mut check = |name: Vec<u8>, marked_utf8: bool| {
        // Where it is not marked, other readers take it for code page 437.
        if !marked_utf8 && !name.is_ascii() {
            return Err(refusal(path, &name, NameFault::NotUtf8.into()));
        }
        let name = String::from_utf8(name)
            .map_err(|error| refusal(path, error.as_bytes(), NameFault::NotUtf8.into()))?;
        taken.take(&name).map_err(|fault| refusal(path, name.as_bytes(), fault.into()))?;
        Ok(name)
    };
    raw.into_iter().map(|(name, marked_utf8)| check(name, marked_utf8)).collect()
}

/// Checks each entry, and that they fill the file from its first byte to the directory; gives
/// their sizes.
fn check_entries(
    path: &Path,
    zip: &mut ZipArchive<BufReader<File>>,
    names: Vec<String>,
    directory_start: u64,
) -> Result<IndexMap<String, u64>, BundleError> {
    let metadata = zip.metadata();
    let mut sizes = IndexMap::with_capacity(names.len());
    let mut end = 0;
    for (index, name) in names.into_iter().enumerate() {
        let refuse = |fault| refusal(path, name.as_bytes(), fault);
        let entry = metadata.entry(index).expect("there is one for each name");
        // The crate takes another name from an extra field, where there is one.
        if entry.name_raw() != name.as_bytes() {
            return Err(refuse(NameFault::SecondName.into()));
        }
        check_entry(&entry).map_err(refuse)?;
        if entry.header_start() != end {
            return Err(refuse(EntryFault::Position));
        }
        let options = ZipReadOptions::new().enforce_header_consistency(true);
        let opened = zip.by_index_with_options(index, options);
        let opened = opened.map_err(|error| refuse(EntryFault::Headers(error.to_string())))?;
        let data = opened.data_start().expect("it is known once the entry is opened");
        end = data
            .checked_add(entry.compressed_size())
            .filter(|end| *end <= directory_start)
            .ok_or_else(|| refuse(EntryFault::Position))?;
        sizes.insert(name, entry.size());
    }
    match end == directory_start {
        true => Ok(sizes),
        false => {
            let reason = "something lies between its entries and its directory".to_owned();
            Err(BundleError::NotWhole { path: path.to_owned(), reason })
        }
    }
}

/// What can be said of an entry from its line in the directory.
fn check_entry(entry: &ZipFileEntry<'_>) -> Result<(), EntryFault> {
    // Encrypted data, strongly so, and an encrypted directory.
    const ENCRYPTED: u16 = 1 | 1 << 6 | 1 << 13;
    // How hard deflate tried, and that names are UTF-8.
    const HARMLESS: u16 = 1 << 1 | 1 << 2 | 1 << 11;
    let flags = entry.flags().as_u16();
    if flags & ENCRYPTED != 0 {
        return Err(EntryFault::Encrypted);
    }
    if flags & !HARMLESS != 0 {
        return Err(EntryFault::Flags(flags));
    }
    if !is_regular(entry.external_attributes()) {
        return Err(EntryFault::NotAFile);
    }
    match entry.compression() {
        CompressionMethod::Stored | CompressionMethod::Deflated => {}
        other => return Err(EntryFault::Method(other.to_string())),
    }
    let (packed, bytes) = (entry.compressed_size(), entry.size());
    match bytes <= most_bytes(packed) {
        true => Ok(()),
        false => Err(EntryFault::Expansion { packed, bytes, limit: EXPANSION }),
    }
}

/// Whether Unix's type in the upper half is that of a regular file, or none, as in archives of
/// other systems; and DOS's mark of a folder, in the lower half, is not set.
fn is_regular(attributes: u32) -> bool {
    const TYPE: u32 = 0o170_000;
    const REGULAR: u32 = 0o100_000;
    const DOS_FOLDER: u32 = 1 << 4;
    let kind = (attributes >> 16) & TYPE;
    (kind == 0 || kind == REGULAR) && attributes & DOS_FOLDER == 0
}
