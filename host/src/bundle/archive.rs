//! The zip file of a bundle.
//!
//! ```text
//! entry, entry, …, manifest.json, directory, end
//! ```
//!
//! Entries follow each other from the first byte to the directory, which is followed by the
//! end and nothing else. So no byte belongs to two entries, and none to no entry.

mod directory;
mod name;
mod read;
#[cfg(test)]
mod tests;
mod write;

pub use read::{UnpackLimits, UnpackedEntry, unpack};
pub use write::ArchiveWriter;

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::data::Digest;

/// The name of the entry that lists the others.
pub const MANIFEST: &str = "manifest.json";

/// What [`Manifest::version`] is now. A reader refuses every other.
const VERSION: u32 = 1;

/// A bundle's manifest has at most this many bytes.
const MANIFEST_BYTES: u64 = 16 << 20;

/// An entry grows at most this many times when it is unpacked …
const EXPANSION: u64 = 100;

/// … but any may grow to this many bytes.
const EXPANSION_FLOOR: u64 = 1 << 20;

/// The most entries of a bundle, its manifest among them.
const ENTRIES: u64 = 10_000;

/// How much is copied at a time.
const CHUNK: usize = 1 << 16;

/// Every entry but the manifest itself, in the archive's order.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    version: u32,
    entries: Vec<Listed>,
}

/// What the manifest says of an entry.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    name: String,
    bytes: u64,
    /// BLAKE3 of its bytes.
    digest: Digest,
}

/// The bytes that an entry of `packed` bytes may grow to.
fn most_bytes(packed: u64) -> u64 {
    packed.saturating_mul(EXPANSION).max(EXPANSION_FLOOR)
}

/// The folder that `path` lies in.
fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}
