//! What is published: a workflow with all that it needs to run again, in one file.
//!
//! A bundle `NAME.skyloom` is a zip file. [`ArchiveWriter`] writes one such that equal
//! entries give equal bytes; [`unpack`] reads one and believes nothing of it that it has not
//! checked. The last entry, [`MANIFEST`], names every other one with its size and BLAKE3.
//!
//! It does not know runs or plans: what the entries mean is for those who add them.

mod archive;
mod error;

pub use archive::{ArchiveWriter, MANIFEST, UnpackLimits, UnpackedEntry, unpack};
pub use error::{BundleError, EntryFault, NameFault};
