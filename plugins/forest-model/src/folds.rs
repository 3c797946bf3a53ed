//! Cross-validation without a table of folds: which fold a row is in, from its group alone.
//!
//! A row's fold is a hash of its group's value. So a group never straddles two folds, a row
//! keeps its fold when rows are added, dropped or reordered, and whoever predicts can find the
//! model that has not seen a row, from the row and the model's metadata alone.
//!
//! Folds are not stratified: to keep the classes in proportion, a row's fold would have to
//! depend on the labels of other rows, which nobody knows who predicts. With groups by the
//! hundred, each fold's share of a class of n groups is binomial: n/K ± √(n/K).

use serde::{Deserialize, Serialize};
use skyloom_plugin::arrow_array::cast::AsArray;
use skyloom_plugin::arrow_array::types::{
    ArrowPrimitiveType, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use skyloom_plugin::bind::{is_text, key_of};
use skyloom_plugin::prelude::*;

/// How rows fall into folds. Kept in the model's metadata.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Folds {
    /// How many folds.
    pub count: u32,
    /// The column whose equal values stay together.
    pub column: String,
    /// What the column holds: the same number as text is another group.
    pub kind: Kind,
    /// Another seed, other folds.
    pub seed: u64,
}

/// What a group's value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// An integer of any width.
    Integer,
    /// Text, plain or dictionary-encoded.
    Text,
    /// A truth value.
    Boolean,
}

/// Which model answers, where a table holds one for each fold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Which {
    /// With folds, the one that has not seen the row or any of its group; else the only one.
    #[default]
    Unseen,
    /// The one of all rows: for rows that were not learnt from. Of those that were, it says
    /// what it remembers.
    Final,
}

/// The most folds.
pub const MAX_FOLDS: u32 = 100;

impl Kind {
    /// The kind of a column's values; none of floats and what else is no group.
    #[must_use]
    pub fn of(data_type: &DataType) -> Option<Self> {
        match data_type {
            data_type if data_type.is_integer() => Some(Self::Integer),
            data_type if is_text(data_type) => Some(Self::Text),
            DataType::Boolean => Some(Self::Boolean),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Integer => "integers",
            Self::Text => "text",
            Self::Boolean => "truth values",
        }
    }
}

impl Folds {
    /// Declares that the trainer reads the column that decides the folds.
    ///
    /// # Errors
    /// When it is not there, or holds what is no group.
    pub fn bind(count: u32, named: Option<&str>, seed: u64, bind: &mut Bind) -> Result<Self> {
        let column = column_of(named, bind.fields("data")?)?;
        let found = bind.column("data", &column, named.map(|_| "fold-by"))?;
        let found = found.of_type(EXPECTED, |data_type| Kind::of(data_type).is_some())?;
        let field = found.read(Purpose::Key);
        let kind = Kind::of(field.data_type()).expect("its type was just checked");
        Ok(Self { count, column, kind, seed })
    }

    /// The folds that [`Self::bind`] found, from the columns that a run sees.
    ///
    /// # Errors
    /// When they are not those that were bound.
    pub fn find(count: u32, named: Option<&str>, seed: u64, fields: &Fields) -> Result<Self> {
        let column = column_of(named, fields)?;
        let kind = fields.find(&column).and_then(|(_, field)| Kind::of(field.data_type()));
        let kind = kind.ok_or_else(|| Error::failed("bind has found the column of the folds"))?;
        Ok(Self { count, column, kind, seed })
    }

    /// Declares that a classifier reads the column, of the kind that the model was trained with.
    ///
    /// # Errors
    /// When it is not there or of another kind: rows would meet models that learnt from them.
    pub fn bind_again(&self, port: &str, bind: &mut Bind) -> Result<()> {
        if bind.fields(port)?.find(&self.column).is_none() {
            return Err(Error::data(format!(
                "the model was trained in {} folds by column `{}`, which input `{port}` lacks, so \
                 nothing tells which rows each model has seen; pass the column on to here{FINAL}",
                self.count, self.column
            )));
        }
        let found = bind.column(port, &self.column, None)?;
        let kind = Kind::of(found.field().data_type());
        if kind != Some(self.kind) {
            return Err(Error::data(format!(
                "the model was trained in folds by column `{}`, which held {}; on input `{port}` \
                 it is {}, and rows would meet models that learnt from them; give it as it was{FINAL}",
                self.column,
                self.kind.name(),
                kind.map_or_else(|| found.field().data_type().to_string(), |k| k.name().to_owned())
            )));
        }
        found.read(Purpose::Key);
        Ok(())
    }

    /// The fold, from 0, of a group with this hash.
    #[must_use]
    pub fn fold_of(&self, group_hash: u64) -> u32 {
        let fold = group_hash % u64::from(self.count);
        u32::try_from(fold).expect("it is below the number of folds")
    }
}

fn column_of(named: Option<&str>, fields: &Fields) -> Result<String> {
    key_of(fields, "data", named).map_err(|_| {
        let message = "no column of input `data` is marked as key, so nothing says which rows \
                       belong together; name a column here";
        Error::param("fold-by", message)
    })
}

const EXPECTED: &str = "an integer, text or boolean";
const FINAL: &str = ", or ask the model of all rows with `model: final` if these rows are new";

/// The hash of a group's value: the first eight bytes, little-endian, of BLAKE3("fold", seed,
/// kind, value). Seed: 8 bytes; kind: one ASCII letter; integers: 16 bytes in two's complement;
/// both little-endian; text: UTF-8. Not the hash of `split`, so that folds of a split's part
/// are even.
fn hash(seed: u64, kind: u8, value: &[u8]) -> u64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"fold").update(&seed.to_le_bytes()).update(&[kind]).update(value);
    let mut first = [0; 8];
    first.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
    u64::from_le_bytes(first)
}

/// The hash of each row's group. `n_before` rows of the input came before this batch.
///
/// # Errors
/// When a row has no group.
pub fn group_hashes(folds: &Folds, batch: &Batch, n_before: u64) -> Result<Vec<u64>> {
    let array = batch.column(&folds.column)?;
    let seed = folds.seed;
    let hashes: Vec<Option<u64>> = match array.data_type() {
        DataType::Int8 => integers::<Int8Type>(seed, &array),
        DataType::Int16 => integers::<Int16Type>(seed, &array),
        DataType::Int32 => integers::<Int32Type>(seed, &array),
        DataType::Int64 => integers::<Int64Type>(seed, &array),
        DataType::UInt8 => integers::<UInt8Type>(seed, &array),
        DataType::UInt16 => integers::<UInt16Type>(seed, &array),
        DataType::UInt32 => integers::<UInt32Type>(seed, &array),
        DataType::UInt64 => integers::<UInt64Type>(seed, &array),
        DataType::Boolean => {
            let values = array.as_boolean().iter();
            values.map(|value| Some(hash(seed, b'b', &[u8::from(value?)]))).collect()
        }
        _ => {
            let values = batch.strings(&folds.column)?;
            values.iter().map(|value| Some(hash(seed, b's', value?.as_bytes()))).collect()
        }
    };
    let each = hashes.into_iter().zip(n_before..);
    each.map(|(hash, row)| {
        hash.ok_or_else(|| {
            Error::data(format!(
                "row {row} (from 0) has no value in column `{}`, so it is in no fold; drop such \
                 rows before, or group by another column with `fold-by`",
                folds.column
            ))
        })
    })
    .collect()
}

fn integers<T>(seed: u64, array: &dyn Array) -> Vec<Option<u64>>
where
    T: ArrowPrimitiveType,
    T::Native: Into<i128>,
{
    let values = array.as_primitive::<T>().iter();
    let widen = |value: T::Native| -> i128 { value.into() };
    values.map(|value| Some(hash(seed, b'i', &widen(value?).to_le_bytes()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folds(count: u32, seed: u64) -> Folds {
        Folds { count, column: "id".to_owned(), kind: Kind::Integer, seed }
    }

    #[test]
    fn hashes_are_pinned() {
        // Moving any of these moves every published cross-validation.
        let hashes = [
            hash(0, b'i', &42_i128.to_le_bytes()),
            hash(1, b'i', &42_i128.to_le_bytes()),
            hash(0, b's', b"OGLE-LMC-CEP-0001"),
        ];
        assert_eq!(hashes.map(|hash| hash % 1_000_003), PINNED);
    }

    const PINNED: [u64; 3] = [730_717, 745_703, 133_382];

    #[test]
    fn folds_are_even_and_seeds_independent() {
        let (one, other) = (folds(5, 1), folds(5, 2));
        let fold = |folds: &Folds, key: i128| {
            folds.fold_of(hash(folds.seed, b'i', &key.to_le_bytes())) as usize
        };
        let mut pairs = [[0_u32; 5]; 5];
        for key in 0..25_000 {
            pairs[fold(&one, key)][fold(&other, key)] += 1;
        }
        // 1,000 each; five standard deviations.
        assert!(pairs.as_flattened().iter().all(|count| count.abs_diff(1000) < 155), "{pairs:?}");
    }
}
