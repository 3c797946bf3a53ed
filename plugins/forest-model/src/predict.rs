//! What a model says of rows: of a random forest class probabilities, of boosted trees margins.
//!
//! The model streams by, some trees at a time, so that it may be larger than a guest's memory;
//! each row's sums grow in the order of the trees, wherever parts end.

use std::collections::BTreeMap;

use skyloom_plugin::data::Reader;
use skyloom_plugin::error::Result;

use crate::bag::{Bagging, row_key};
use crate::boosted::{ALL_ROWS, BoostedSchema};
use crate::port::{Covers, read_boosted, read_parts};
use crate::table::ModelSchema;
use crate::tree::ModelError;

/// Rows that fall through the trees together, at most: each time costs one reading of the
/// model.
const ROWS_AT_ONCE: usize = 1 << 18;
/// Numbers of these rows and of their answers, at most: half of what the host takes in a call.
const NUMBERS_AT_ONCE: usize = 1 << 24;

/// How many rows to ask about at once.
#[must_use]
pub fn rows_at_once(n_features: usize, n_classes: usize) -> usize {
    ROWS_AT_ONCE.min(NUMBERS_AT_ONCE / (n_features + n_classes)).max(1)
}

/// Class probabilities of each row, row-major: the mean of the leaves' distributions. `rows`
/// are row-major, NaN for missing.
///
/// With `bagging`, each row asks only the trees that did not learn from it; where all did, the
/// answer is NaN.
///
/// # Errors
/// When the table is not a forest, or the host refuses.
pub fn probabilities(
    reader: &mut Reader,
    model: &ModelSchema,
    bagging: Option<Bagging>,
    rows: &[f64],
) -> Result<Vec<f64>> {
    let (n_features, n_classes) = (model.features.len(), model.classes.len());
    let mut out_of_bag = bagging.map(|bagging| OutOfBag::of(bagging, rows, n_features));
    let mut sums = vec![0.0; rows.len() / n_features * n_classes];
    reader.rewind();
    let n_trees = read_parts(reader, model, Covers::Ignored, |part| {
        let asked = out_of_bag.as_mut().map(|out_of_bag| out_of_bag.ask(part.ids()));
        part.pack()?.add_to(&mut sums, rows, asked.as_deref())
    })?;
    for (row, sums) in sums.chunks_exact_mut(n_classes).enumerate() {
        let divisor = match &out_of_bag {
            Some(out_of_bag) => f64::from(out_of_bag.n_asked[row]),
            None => n_trees as f64,
        };
        // 0 / 0 is NaN: a row in every tree's bag has no answer.
        sums.iter_mut().for_each(|sum| *sum /= divisor);
    }
    Ok(sums)
}

/// Margins of each row, row-major, in nats: the sum of the leaves' values, over the trees of
/// the model of the row's fold. `rows` are row-major, NaN for missing.
///
/// # Errors
/// [`ModelError::Missing`] when a fold's model has no trees; also when the table holds no
/// boosted trees, or the host refuses.
pub fn margins(
    reader: &mut Reader,
    model: &BoostedSchema,
    folds: &[i32],
    rows: &[f64],
) -> Result<Vec<f64>> {
    let (n_features, n_classes) = (model.features.len(), model.classes.len());
    let mut asking = by_fold(folds, |places| Margins {
        rows: gather(rows, n_features, places),
        sums: vec![0.0; places.len() * n_classes],
        n_trees: 0,
    });
    reader.rewind();
    read_boosted(reader, model, Covers::Ignored, |part, fold| {
        let Some((_, asking)) = asking.get_mut(&fold) else { return Ok(()) };
        asking.n_trees += part.ids().len();
        part.pack()?.add_to(&mut asking.sums, &asking.rows, None)
    })?;
    let mut margins = vec![0.0; folds.len() * n_classes];
    for (fold, (places, asking)) in asking {
        if asking.n_trees < n_classes {
            let which = match fold {
                ALL_ROWS => "all rows".to_owned(),
                fold => format!("fold {fold}"),
            };
            return Err(ModelError::Missing { which }.into());
        }
        for (row, sums) in places.into_iter().zip(asking.sums.chunks_exact(n_classes)) {
            margins[row * n_classes..(row + 1) * n_classes].copy_from_slice(sums);
        }
    }
    Ok(margins)
}

/// The places of each fold's rows, and what `make` makes of them.
pub fn by_fold<T>(folds: &[i32], make: impl Fn(&[usize]) -> T) -> BTreeMap<i32, (Vec<usize>, T)> {
    let mut places: BTreeMap<i32, Vec<usize>> = BTreeMap::new();
    for (row, &fold) in folds.iter().enumerate() {
        places.entry(fold).or_default().push(row);
    }
    let with = |(fold, places): (i32, Vec<usize>)| {
        let made = make(&places);
        (fold, (places, made))
    };
    places.into_iter().map(with).collect()
}

/// Some of the rows.
#[must_use]
pub fn gather(rows: &[f64], n_features: usize, places: &[usize]) -> Vec<f64> {
    places.iter().flat_map(|row| &rows[row * n_features..][..n_features]).copied().collect()
}

/// The rows of a fold, and their margins as trees come.
struct Margins {
    rows: Vec<f64>,
    sums: Vec<f64>,
    n_trees: usize,
}

/// Which trees did not learn from which rows.
struct OutOfBag {
    bagging: Bagging,
    keys: Vec<u64>,
    /// For each row, the trees asked so far.
    n_asked: Vec<u32>,
}

impl OutOfBag {
    fn of(bagging: Bagging, rows: &[f64], n_features: usize) -> Self {
        let keys: Vec<u64> =
            rows.chunks_exact(n_features).map(|row| row_key(row.iter().copied())).collect();
        let n_asked = vec![0; keys.len()];
        Self { bagging, keys, n_asked }
    }

    /// For each of these trees a bit for each row, the lowest first, in whole bytes; counts
    /// them.
    fn ask(&mut self, trees: &[u32]) -> Vec<u8> {
        let mut bits = Vec::with_capacity(trees.len() * self.keys.len().div_ceil(8));
        for &tree in trees {
            for (keys, n_asked) in self.keys.chunks(8).zip(self.n_asked.chunks_mut(8)) {
                let mut byte = 0;
                for (bit, (&key, n_asked)) in keys.iter().zip(n_asked).enumerate() {
                    let is_out = u8::from(self.bagging.draws(tree, key) == 0);
                    byte |= is_out << bit;
                    *n_asked += u32::from(is_out);
                }
                bits.push(byte);
            }
        }
        bits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_trees_that_did_not_see_a_row_are_asked() {
        let bagging = Bagging { seed: 1 };
        let rows: Vec<f64> = (0..2000).map(f64::from).collect();
        // 1001 rows do not fill the last byte.
        let rows = [&rows[..], &[0.5, 0.5]].concat();
        let mut out_of_bag = OutOfBag::of(bagging, &rows, 2);
        let bits = out_of_bag.ask(&[0, 4]);
        assert_eq!(bits.len(), 2 * 126);
        let mut n_none = 0;
        for (row, values) in rows.chunks(2).enumerate() {
            let key = row_key(values.iter().copied());
            let is_out = [0, 4].map(|tree| bagging.draws(tree, key) == 0);
            for (at, is_out) in is_out.into_iter().enumerate() {
                assert_eq!(bits[at * 126 + row / 8] >> (row % 8) & 1 == 1, is_out, "row {row}");
            }
            let n_asked = is_out.into_iter().filter(|is_out| *is_out).count();
            assert_eq!(out_of_bag.n_asked[row] as usize, n_asked);
            n_none += usize::from(n_asked == 0);
        }
        assert!(n_none > 0, "some rows are in both bags");
    }
}
