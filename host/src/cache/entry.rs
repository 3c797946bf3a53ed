//! An entry of the cache, and the file it lies in.

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::key::{Key, UnitInput};
use crate::data::{Digest, ObjectInfo};
use crate::instance::{LogLine, Selection};

/// What a run of a plugin gave.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Entry {
    pub(crate) key: Key,
    pub(crate) head: Digest,
    pub(crate) plugin: String,
    /// The unit's place among those of its node.
    pub(crate) ordinal: u32,
    pub(crate) piece: (u32, u32),
    pub(crate) inputs: Vec<UnitInput>,
    pub(crate) log: Vec<LogLine>,
    #[serde(flatten)]
    pub(crate) result: Outcome,
}

/// The part of an entry that a later run needs.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Outcome {
    /// Of each input, the columns that were really read.
    pub(crate) reads: Vec<Vec<String>>,
    pub(crate) peak_memory_bytes: usize,
    pub(crate) wall_ms: u64,
    /// Of each output, which rows of its input it has; none if it has all, in order, or
    /// passes nothing.
    pub(crate) selections: Vec<Selection>,
    /// The newest last.
    pub(crate) variants: Vec<Variant>,
}

/// The outputs with one set of passed columns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Variant {
    /// Of the outputs' schemas and the content of the passed columns.
    pub(crate) passed: Digest,
    /// Of each output, the fields that the plugin made.
    pub(crate) own: Vec<Vec<u32>>,
    /// For each output port, its partitions.
    pub(crate) outputs: Vec<Vec<ObjectInfo>>,
}

impl Outcome {
    /// How many variants are kept of one entry.
    const MOST_VARIANTS: usize = 8;

    /// All objects that it names.
    pub(crate) fn objects(&self) -> impl Iterator<Item = &ObjectInfo> {
        let selections = self.selections.iter().filter_map(|selection| match selection {
            Selection::Rows { rows, .. } => Some(rows),
            _ => None,
        });
        let outputs = self.variants.iter().flat_map(|variant| variant.outputs.iter().flatten());
        outputs.chain(selections)
    }

    /// Adds a variant, or replaces the one with the same passed columns.
    pub(crate) fn add(&mut self, variant: Variant) {
        self.variants.retain(|other| other.passed != variant.passed);
        self.variants.push(variant);
        let surplus = self.variants.len().saturating_sub(Self::MOST_VARIANTS);
        self.variants.drain(..surplus);
    }

    /// Takes out the variant with these passed columns, or gives all back.
    pub(crate) fn with(mut self, passed: Digest) -> Result<(Variant, Self), Self> {
        match self.variants.iter().position(|variant| variant.passed == passed) {
            Some(index) => Ok((self.variants.swap_remove(index), self)),
            None => Err(self),
        }
    }

    pub(crate) fn wall(&self) -> Duration {
        Duration::from_millis(self.wall_ms)
    }
}

/// `value` as the text of a file that can tell whether it is whole.
pub(super) fn to_sealed_text(value: &impl Serialize) -> String {
    let text = serde_json::to_string_pretty(value).expect("entries are plain data");
    format!("{text}\n{SEAL}{}\n", Digest::of(text.as_bytes()))
}

/// What [`to_sealed_text`] made this of; none if a byte of it was changed.
pub(super) fn from_sealed_text<T: DeserializeOwned>(text: &[u8]) -> Option<T> {
    let text = std::str::from_utf8(text).ok()?.strip_suffix('\n')?;
    let (text, seal) = text.rsplit_once('\n')?;
    // As text: a digest is the same in capitals, the file is not.
    let is_whole = seal.strip_prefix(SEAL)? == Digest::of(text.as_bytes()).to_string();
    is_whole.then(|| serde_json::from_str(text).ok())?
}

const SEAL: &str = "// blake3 ";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_byte_breaks_the_seal() {
        let text = to_sealed_text(&vec![1, 20, 300]).into_bytes();
        assert_eq!(from_sealed_text::<Vec<u32>>(&text), Some(vec![1, 20, 300]));
        for at in 0..text.len() {
            for bit in 0..8 {
                let mut changed = text.clone();
                changed[at] ^= 1 << bit;
                assert_eq!(from_sealed_text::<Vec<u32>>(&changed), None, "bit {bit} of {at}");
            }
            assert_eq!(from_sealed_text::<Vec<u32>>(&text[..at]), None, "{at} bytes");
        }
    }
}
