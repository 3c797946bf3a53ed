//! Keys of the rows to explain: any Arrow type, sampled by a hash of their value.

use forest_model::bag::{STEP, mix};
use skyloom_plugin::arrow_array::cast::AsArray;
use skyloom_plugin::arrow_array::{Array, ArrayRef, make_array};
use skyloom_plugin::bind::{is_number, is_text};
use skyloom_plugin::data::Numbers;
use skyloom_plugin::prelude::*;

/// The key columns of several batches, and which of their rows were taken.
#[derive(Default)]
pub(crate) struct Keys {
    columns: Vec<ArrayRef>,
    /// Batch and row within it.
    taken: Vec<(usize, usize)>,
}

impl Keys {
    /// Whether keys of this type can be sampled.
    ///
    /// # Errors
    /// [`Error::Param`] for `sample` if not.
    pub(crate) fn check(data_type: &DataType, name: &str, sample: f64) -> Result<()> {
        if sample >= 1.0 || is_number(data_type) || matches!(data_type, DataType::Utf8) {
            return Ok(());
        }
        let message = format!(
            "rows are sampled by a hash of the key, which must be a number or plain text; \
             column `{name}` is {data_type}"
        );
        Err(Error::param("sample", message))
    }

    /// Takes a sample of a batch's rows and returns which. A row is taken or not by its
    /// key's value alone; rows without a key are taken.
    pub(crate) fn take(&mut self, keys: ArrayRef, sample: f64) -> Vec<usize> {
        let is_taken = |hash: Option<u64>| {
            // 2^-64 times the hash is even on [0, 1).
            sample >= 1.0 || hash.is_none_or(|hash| hash as f64 * 2.0_f64.powi(-64) < sample)
        };
        let hashes = hashes(&keys);
        let rows: Vec<usize> = (0..keys.len()).filter(|&row| is_taken(hashes[row])).collect();
        self.taken.extend(rows.iter().map(|&row| (self.columns.len(), row)));
        self.columns.push(keys);
        rows
    }

    /// The keys of the rows taken, each so many times.
    ///
    /// # Errors
    /// If the keys' type cannot be copied row by row.
    pub(crate) fn repeat(&self, times: usize) -> Result<ArrayRef> {
        let data: Vec<_> = self.columns.iter().map(|column| column.to_data()).collect();
        let mut repeated =
            arrow_data::transform::MutableArrayData::new(data.iter().collect(), false, 0);
        for &(batch, row) in &self.taken {
            for _ in 0..times {
                repeated.try_extend(batch, row, row + 1).map_err(Error::failed)?;
            }
        }
        Ok(make_array(repeated.freeze()))
    }
}

fn hashes(keys: &ArrayRef) -> Vec<Option<u64>> {
    let of_bits = |bits: u64| mix(mix(bits.wrapping_add(STEP)));
    let of_text = |text: &str| {
        text.bytes().fold(STEP, |hash, byte| mix(hash.wrapping_add(STEP) ^ u64::from(byte)))
    };
    if is_text(keys.data_type()) {
        return match keys.as_string_opt::<i32>() {
            Some(texts) => texts.iter().map(|text| text.map(of_text)).collect(),
            None => vec![None; keys.len()],
        };
    }
    match Numbers::of(keys) {
        Some(numbers) => (0..numbers.len())
            .map(|row| numbers.get(row).map(|number| of_bits((number + 0.0).to_bits())))
            .collect(),
        None => vec![None; keys.len()],
    }
}
