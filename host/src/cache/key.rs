//! What a result depends on.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::data::Digest;

/// Changes whenever a key's meaning does.
const KEY_VERSION: u32 = 2;

/// The name of a cache entry.
pub(crate) type Key = Digest;

/// All that a result depends on, in clear: the key is the digest of this.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct KeyManifest {
    key_version: u32,
    contract: String,
    /// `bind` or `run`.
    call: String,
    component: Digest,
    /// Defaults filled in, keys sorted.
    params: Value,
    piece: (u32, u32),
    inputs: Vec<InputKey>,
    /// Of a run: what `bind` said of the outputs.
    outputs: Vec<OutputKey>,
}

/// An output as it was bound: its schema, and which of its columns are passed on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct OutputKey {
    pub(crate) schema: Digest,
    /// Field of the output, and port and name of the column it comes from.
    pub(crate) passed: Vec<(usize, String)>,
}

/// What a result depends on in one input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum InputKey {
    /// A file, by its bytes and its name without folders, which plugins can see.
    Blob { port: String, name: String, digest: Digest },
    /// A table before data moves.
    Schema { port: String, digest: Digest },
    /// The columns that are read or passed on, of each partition.
    Table { port: String, schema: Digest, partitions: Vec<PartitionKey> },
}

/// Rows, and the digests of the columns in the schema's order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct PartitionKey {
    pub(crate) rows: u64,
    pub(crate) columns: Vec<Digest>,
}

impl KeyManifest {
    pub(crate) fn new(
        call: &str,
        component: Digest,
        params: Value,
        piece: (u32, u32),
        inputs: Vec<InputKey>,
        outputs: Vec<OutputKey>,
    ) -> Self {
        Self {
            key_version: KEY_VERSION,
            contract: "skyloom:plugin@0.1.0".to_owned(),
            call: call.to_owned(),
            component,
            params,
            piece,
            inputs,
            outputs,
        }
    }

    pub(crate) fn key(&self) -> Key {
        Digest::of(&serde_json::to_vec(self).expect("a manifest is plain data"))
    }
}
