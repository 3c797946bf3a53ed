//! What is published: a workflow with all that it needs to run again, in one file.
//!
//! A bundle `NAME.skyloom` is a zip file. [`ArchiveWriter`] writes one such that equal
//! entries give equal bytes; [`unpack`] reads one and believes nothing of it that it has not
//! checked. The last entry, [`MANIFEST`], names every other one with its size and BLAKE3.
//!
//! [`Contents`] says what the entries are: workflow, lock, record, components, inputs. It does
//! not know runs or plans.

mod archive;
mod contents;
mod error;

pub use archive::{ArchiveWriter, MANIFEST, UnpackLimits, UnpackedEntry, unpack};
pub use contents::{BundledFile, CONTENTS, Contents};
pub use error::{BundleError, EntryFault, NameFault};
