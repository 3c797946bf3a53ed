//! Which object a row is of.

use std::hash::{BuildHasherDefault, Hash, Hasher};

use indexmap::{Equivalent, IndexMap};
use skyloom_plugin::arrow_array::cast::AsArray;
use skyloom_plugin::arrow_array::types::{
    ArrowPrimitiveType, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use skyloom_plugin::bind::is_text;
use skyloom_plugin::prelude::*;

/// A key, by value: 7 is 7 in a column of any width.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key<'a> {
    Integer(i128),
    Text(&'a str),
}

impl Key<'_> {
    /// A number that spreads keys evenly over 64 bits, the same for ever.
    ///
    /// Of an integer, its low 64 bits, mixed; where it is negative, with all of them
    /// flipped afterwards. Of text, its FNV-1a, mixed. Mixed is the last step of SplitMix64:
    /// Steele, Lea & Flood 2014, doi:10.1145/2660193.2660195.
    pub fn hash64(self) -> u64 {
        match self {
            Self::Integer(value) => {
                let mixed = mix(value as u64);
                if value < 0 { !mixed } else { mixed }
            }
            Self::Text(text) => mix(text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
            })),
        }
    }
}

fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

impl std::fmt::Display for Key<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Integer(value) => write!(f, "{value}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

impl Hash for Key<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash64());
    }
}

impl Equivalent<OwnedKey> for Key<'_> {
    fn equivalent(&self, key: &OwnedKey) -> bool {
        *self == key.get()
    }
}

/// A key that is kept.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum OwnedKey {
    Integer(i128),
    Text(Box<str>),
}

impl OwnedKey {
    pub fn get(&self) -> Key<'_> {
        match self {
            Self::Integer(value) => Key::Integer(*value),
            Self::Text(text) => Key::Text(text),
        }
    }
}

impl From<Key<'_>> for OwnedKey {
    fn from(key: Key<'_>) -> Self {
        match key {
            Key::Integer(value) => Self::Integer(value),
            Key::Text(text) => Self::Text(text.into()),
        }
    }
}

impl Hash for OwnedKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.get().hash(state);
    }
}

/// What is known of each of some keys, in the order in which they came.
pub type KeyMap<T> = IndexMap<OwnedKey, T, BuildHasherDefault<AsIs>>;

/// Takes [`Key::hash64`] as it is.
#[derive(Debug, Default)]
pub struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        // Keys write one number of 64 bits; whatever else would come is folded in.
        self.0 = bytes.iter().fold(self.0, |hash, byte| mix(hash ^ u64::from(*byte)));
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}

/// The keys in the rows of a batch.
pub enum Keys {
    Integers(Vec<Option<i128>>),
    Texts(StringArray),
}

impl Keys {
    /// Those in a column of integers or text.
    ///
    /// # Errors
    /// When it is missing, undeclared, or neither.
    pub fn read(batch: &Batch, column: &str) -> Result<Self> {
        let array = batch.column(column)?;
        Ok(Self::Integers(match array.data_type() {
            DataType::Int8 => integers::<Int8Type>(&array),
            DataType::Int16 => integers::<Int16Type>(&array),
            DataType::Int32 => integers::<Int32Type>(&array),
            DataType::Int64 => integers::<Int64Type>(&array),
            DataType::UInt8 => integers::<UInt8Type>(&array),
            DataType::UInt16 => integers::<UInt16Type>(&array),
            DataType::UInt32 => integers::<UInt32Type>(&array),
            DataType::UInt64 => integers::<UInt64Type>(&array),
            _ => return batch.strings(column).map(Self::Texts),
        }))
    }

    /// The key in row `row`; none where it is null.
    pub fn get(&self, row: usize) -> Option<Key<'_>> {
        match self {
            Self::Integers(values) => values[row].map(Key::Integer),
            Self::Texts(values) => values.is_valid(row).then(|| Key::Text(values.value(row))),
        }
    }

    pub fn len(&self) -> usize {
        match self {
            Self::Integers(values) => values.len(),
            Self::Texts(values) => values.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

fn integers<T>(array: &dyn Array) -> Vec<Option<i128>>
where
    T: ArrowPrimitiveType,
    T::Native: Into<i128>,
{
    array.as_primitive::<T>().iter().map(|value| value.map(Into::into)).collect()
}

/// Whether keys can be of this type.
pub fn is_key(data_type: &DataType) -> bool {
    data_type.is_integer() || is_text(data_type)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_pinned() {
        // Moving any of these moves the rows of every table made without `objects`.
        assert_eq!(Key::Integer(0).hash64(), 0xe220_a839_7b1d_cdaf);
        assert_eq!(Key::Integer(-1).hash64(), !mix(u64::MAX));
        assert_eq!(Key::Text("").hash64(), mix(0xcbf2_9ce4_8422_2325));
        assert_ne!(Key::Integer(-1).hash64(), Key::Integer(i128::from(u64::MAX)).hash64());
    }

    #[test]
    fn keys_are_found_by_value() {
        let mut map = KeyMap::default();
        map.insert(OwnedKey::from(Key::Text("ZTF18abcd")), 1);
        map.insert(OwnedKey::from(Key::Integer(7)), 2);
        assert_eq!(map.get(&Key::Text("ZTF18abcd")), Some(&1));
        assert_eq!(map.get(&Key::Integer(7)), Some(&2));
        assert_eq!(map.get(&Key::Text("7")), None);
    }
}
