//! Class probabilities of rows: the mean of the leaves' distributions, over all trees of a
//! model or over those that did not learn from the row.

use skyloom_plugin::data::Reader;
use skyloom_plugin::error::Result;
use skyloom_plugin::kernels::Forest;

use crate::bag::{Bagging, row_key};
use crate::port::{Covers, read_parts};
use crate::table::ModelSchema;

/// Rows to ask a forest about, and the sums of its answers so far.
///
/// The model streams by, some trees at a time, so that it may be larger than a guest's memory;
/// each row's sums grow in the order of the trees, wherever parts end.
struct Sums<'a> {
    n_features: usize,
    rows: &'a [f64],
    sums: Vec<f64>,
    out_of_bag: Option<OutOfBag>,
}

/// Which trees did not learn from which rows.
struct OutOfBag {
    bagging: Bagging,
    keys: Vec<u64>,
    /// For each row, the trees asked so far.
    n_asked: Vec<u32>,
}

/// Class probabilities of each row, row-major; `rows` are row-major, NaN for missing. With
/// `bagging`, each row asks only the trees that did not learn from it; where all did, the
/// answer is NaN.
///
/// # Errors
/// When the table is not a forest, or the host refuses.
pub fn predict(
    reader: &mut Reader,
    model: &ModelSchema,
    bagging: Option<Bagging>,
    rows: &[f64],
) -> Result<Vec<f64>> {
    let (n_features, n_classes) = (model.features.len(), model.classes.len());
    let n_rows = rows.len() / n_features;
    let mut sums = Sums {
        n_features,
        rows,
        sums: vec![0.0; n_rows * n_classes],
        out_of_bag: bagging.map(|bagging| OutOfBag::of(bagging, rows, n_features)),
    };
    reader.rewind();
    let n_trees =
        read_parts(reader, model, Covers::Ignored, |forest, trees| sums.add(&forest, trees))?;
    let divisor = |row: usize| match &sums.out_of_bag {
        Some(out_of_bag) => f64::from(out_of_bag.n_asked[row]),
        None => n_trees as f64,
    };
    let mut means = std::mem::take(&mut sums.sums);
    for (row, sums) in means.chunks_exact_mut(n_classes).enumerate() {
        // 0 / 0 is NaN: a row in every tree's bag has no answer.
        sums.iter_mut().for_each(|sum| *sum /= divisor(row));
    }
    Ok(means)
}

impl Sums<'_> {
    fn add(&mut self, forest: &Forest, trees: &[u32]) -> Result<()> {
        debug_assert!(self.rows.len().is_multiple_of(self.n_features), "whole rows");
        let asked = self.out_of_bag.as_mut().map(|out_of_bag| out_of_bag.ask(trees));
        forest.add_to(&mut self.sums, self.rows, asked.as_deref())
    }
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
