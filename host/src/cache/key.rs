//! What a result depends on.
//!
//! A key has two parts. The *head* is what all units of a node share: component, parameters,
//! the columns that go in and come out. The *unit* is what each has of its own: which piece,
//! and the content of the columns that it reads. Both are kept in clear, so that a key that
//! differs from an earlier one can be explained.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::data::Digest;

/// Changes whenever a key's meaning does.
pub(crate) const KEY_VERSION: u32 = 3;
/// The contract that runs keep to.
pub(crate) const CONTRACT: &str = "skyloom:plugin@0.1.0";

/// The name of a cache entry.
pub(crate) type Key = Digest;

/// What all units of a node share.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Head {
    pub(crate) key_version: u32,
    pub(crate) contract: String,
    pub(crate) plugin: String,
    pub(crate) version: String,
    pub(crate) component: Digest,
    /// Of plugins that import them.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) kernels: Option<Kernels>,
    /// Defaults filled in, keys sorted.
    pub(crate) params: Value,
    /// Of each input, the columns that are read; none for a file.
    pub(crate) inputs: Vec<PortKey>,
    /// Of each output, the columns that the plugin makes.
    pub(crate) outputs: Vec<PortKey>,
}

/// The routines that the host lends, as far as results depend on them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Kernels {
    pub(crate) version: u32,
    /// The class of device that they ran on.
    pub(crate) device: String,
}

/// A port's columns, each with the digest of its name, type and metadata.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PortKey {
    pub(crate) port: String,
    pub(crate) columns: Vec<(String, Digest)>,
}

impl Head {
    pub(crate) fn digest(&self) -> Digest {
        Digest::of(&serde_json::to_vec(self).expect("a head is plain data"))
    }
}

/// What a unit depends on in one input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum UnitInput {
    /// A file, by its bytes and its name without folders, which plugins can see.
    File { name: String, digest: Digest },
    /// The columns that are read, of each partition.
    Table { partitions: Vec<PartitionKey> },
    /// The same, kept once for all units that share it.
    Shared { partitions: usize, digest: Digest },
}

/// Rows, and the digests of the columns in the order of the head.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PartitionKey {
    pub(crate) rows: u64,
    pub(crate) columns: Vec<Digest>,
}

impl UnitInput {
    /// Partitions beyond this are kept once for all units, not in each entry.
    const MOST_INLINE: usize = 8;

    /// The digest that stands for this input in a key.
    pub(crate) fn digest(&self) -> Digest {
        match self {
            Self::File { name, digest } => {
                let mut hasher = blake3::Hasher::new_derive_key("skyloom input file v3");
                hasher.update(digest.as_bytes()).update(name.as_bytes());
                Digest::from(hasher.finalize())
            }
            Self::Table { partitions } => {
                let mut hasher = blake3::Hasher::new_derive_key("skyloom input table v3");
                for partition in partitions {
                    hasher.update(&partition.rows.to_le_bytes());
                    for column in &partition.columns {
                        hasher.update(column.as_bytes());
                    }
                }
                Digest::from(hasher.finalize())
            }
            Self::Shared { digest, .. } => *digest,
        }
    }

    /// How an entry names this input, and what must be kept beside it.
    pub(super) fn to_entry(&self) -> (Self, Option<&[PartitionKey]>) {
        match self {
            Self::Table { partitions } if partitions.len() > Self::MOST_INLINE => {
                let shared = Self::Shared { partitions: partitions.len(), digest: self.digest() };
                (shared, Some(partitions))
            }
            _ => (self.clone(), None),
        }
    }
}

/// The key of a unit.
pub(crate) fn unit_key(head: Digest, piece: (u32, u32), inputs: &[Digest]) -> Key {
    let mut hasher = blake3::Hasher::new_derive_key("skyloom action v3");
    hasher.update(head.as_bytes());
    hasher.update(&piece.0.to_le_bytes()).update(&piece.1.to_le_bytes());
    for input in inputs {
        hasher.update(input.as_bytes());
    }
    Digest::from(hasher.finalize())
}

/// What an answer of `bind` depends on; the key is the digest of this.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct BindKey<'a> {
    pub(crate) key_version: u32,
    pub(crate) contract: &'a str,
    pub(crate) component: Digest,
    pub(crate) params: &'a Value,
    pub(crate) inputs: Vec<BindInput>,
}

/// An input before data moves.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum BindInput {
    File { port: String, name: String, digest: Digest },
    Schema { port: String, digest: Digest },
}

impl BindKey<'_> {
    pub(crate) fn key(&self) -> Key {
        Digest::of(&serde_json::to_vec(self).expect("a key is plain data"))
    }
}
