//! What flows: tables as immutable partitions on disk, files as they lie there.
//!
//! A [`Table`] is a schema and an ordered list of [`Object`]s, one for each partition. An
//! object is an Arrow IPC file, mapped into memory when it is read and named by the
//! [`Digest`] of its *logical* content: equal values give equal names, however they were
//! batched, sliced or padded. [`ObjectWriter`] makes objects, batch by batch. [`compare`] tells
//! how two tables differ.
//!
//! It does not know who wrote a table, or why.

mod blob;
mod canonical;
pub mod compare;
mod dictionary;
mod differences;
mod digest;
mod guarded;
mod look;
mod object;
mod units;

pub use blob::BlobFile;
pub(crate) use canonical::canonicalize_nan;
pub(crate) use differences::differences;
pub(crate) use digest::schema_digest;
pub use digest::{Digest, Digester};
pub(crate) use guarded::guarded;
pub(crate) use look::{Found, Look};
pub use object::{Batches, Object, ObjectInfo, ObjectStore, ObjectWriter, StoreError};
pub(crate) use object::{move_folder_aside, names_in, path_of, place, publish};
pub use units::{field_ucd, field_unit};

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

/// A schema and its partitions, in order.
#[derive(Debug, Clone)]
pub struct Table {
    pub schema: SchemaRef,
    pub partitions: Vec<Arc<Object>>,
}

/// The batches of a table, partition after partition.
pub struct TableBatches {
    partitions: std::vec::IntoIter<Arc<Object>>,
    batches: Option<Batches>,
}

impl Iterator for TableBatches {
    type Item = Result<RecordBatch, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(batch) = self.batches.as_mut().and_then(Iterator::next) {
                return Some(batch);
            }
            match self.partitions.next()?.batches() {
                Ok(batches) => self.batches = Some(batches),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

impl Table {
    /// Its batches, in order. One partition is mapped at a time.
    pub fn batches(&self) -> TableBatches {
        TableBatches { partitions: self.partitions.clone().into_iter(), batches: None }
    }

    /// Rows in all partitions.
    pub fn rows(&self) -> u64 {
        self.partitions.iter().map(|object| object.rows).sum()
    }

    /// For each column, the digest of its digests in all partitions, in order.
    pub fn column_digests(&self) -> Vec<Digest> {
        let column = |column: usize| {
            let mut hasher = blake3::Hasher::new_derive_key("skyloom table column v1");
            for object in &self.partitions {
                hasher.update(object.columns[column].as_bytes());
            }
            Digest::from(hasher.finalize())
        };
        (0..self.schema.fields().len()).map(column).collect()
    }

    /// The digest of its partitions' digests, in order.
    pub fn digest(&self) -> Digest {
        let mut hasher = blake3::Hasher::new_derive_key("skyloom table v1");
        for object in &self.partitions {
            hasher.update(object.digest.as_bytes());
        }
        Digest::from(hasher.finalize())
    }
}
