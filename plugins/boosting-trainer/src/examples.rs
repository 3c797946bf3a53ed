//! What boosting learns from: features, labels, and weights in fixed point.

use forest_model::bag::row_key;
use thiserror::Error;

use crate::histogram::MAX_ROWS;

/// The fixed point of weights, and so of gradients: the heaviest row weighs 2^30.
pub(crate) const WEIGHT_BITS: u32 = 30;

/// Rows to learn from.
#[derive(Debug, Clone)]
pub struct Examples {
    /// Feature by feature, NaN for missing.
    pub(crate) features: Vec<Vec<f64>>,
    pub(crate) labels: Vec<u8>,
    /// Integers up to 2^30, so that sums are exact in any order.
    pub(crate) weights: Vec<u32>,
    /// A hash of each row's features.
    pub(crate) keys: Vec<u64>,
    pub(crate) n_classes: usize,
}

/// Rows that nothing can be learnt from.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ExamplesError {
    /// No row has a positive weight.
    #[error("there is no row to learn from")]
    NoRows,
    /// More rows than sums have room for.
    #[error("{n_rows} rows are too many: boosting takes less than {MAX_ROWS}; sample them before")]
    TooManyRows { n_rows: usize },
    /// A weight that is negative, missing or infinite.
    #[error("the weight of row {row} is not a finite number from 0 up")]
    Weight { row: usize },
}

impl Examples {
    /// Rows to learn from: each feature's values (NaN for missing), each row's class as an
    /// index below `n_classes`, and each row's weight, 1 without. Only proportions of weights
    /// count: their mean is taken for 1.
    ///
    /// # Errors
    /// [`ExamplesError`]
    ///
    /// # Panics
    /// If the columns differ in length.
    pub fn new(
        features: Vec<Vec<f64>>,
        labels: Vec<u8>,
        weights: Option<&[f64]>,
        n_classes: usize,
    ) -> Result<Self, ExamplesError> {
        let n_rows = labels.len();
        assert!(features.iter().all(|values| values.len() == n_rows), "one value a row");
        if n_rows >= MAX_ROWS {
            return Err(ExamplesError::TooManyRows { n_rows });
        }
        let is_weight = |weight: &f64| weight.is_finite() && *weight >= 0.0;
        let weights = match weights {
            None => vec![1 << WEIGHT_BITS; n_rows],
            Some(weights) => match weights.iter().position(|weight| !is_weight(weight)) {
                Some(row) => return Err(ExamplesError::Weight { row }),
                None => fixed(weights),
            },
        };
        if weights.iter().all(|&weight| weight == 0) {
            return Err(ExamplesError::NoRows);
        }
        let key = |row: usize| row_key(features.iter().map(|values| values[row]));
        Ok(Self { keys: (0..n_rows).map(key).collect(), features, labels, weights, n_classes })
    }

    /// The number of rows.
    #[must_use]
    pub fn n_rows(&self) -> usize {
        self.labels.len()
    }

    /// The summed weight of each class, in whatever unit.
    #[must_use]
    pub fn class_totals(&self) -> Vec<f64> {
        let mut totals = vec![0_u64; self.n_classes];
        for (&label, &weight) in self.labels.iter().zip(&self.weights) {
            totals[usize::from(label)] += u64::from(weight);
        }
        totals.iter().map(|&total| total as f64).collect()
    }

    /// Class weights that give each class that occurs the same total.
    #[must_use]
    pub fn balanced_class_weights(&self) -> Vec<f64> {
        let totals = self.class_totals();
        let all: f64 = totals.iter().sum();
        let n_present = totals.iter().filter(|&&total| total > 0.0).count() as f64;
        let balance = |&total: &f64| {
            if total > 0.0 { all / (n_present * total) } else { 1.0 }
        };
        totals.iter().map(balance).collect()
    }

    /// Weighs each row by its class, too.
    #[must_use]
    pub fn weigh(mut self, class_weights: &[f64]) -> Self {
        let weight =
            |(&label, &weight): (&u8, &u32)| f64::from(weight) * class_weights[usize::from(label)];
        let weights: Vec<f64> = self.labels.iter().zip(&self.weights).map(weight).collect();
        self.weights = fixed(&weights);
        self
    }
}

/// Weights in fixed point: 2^30 for the heaviest.
fn fixed(weights: &[f64]) -> Vec<u32> {
    let heaviest = weights.iter().copied().fold(0.0, f64::max);
    let scale = f64::from(1_u32 << WEIGHT_BITS);
    weights.iter().map(|weight| (weight / heaviest * scale + 0.5) as u32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weighted(weights: &[f64]) -> Result<Examples, ExamplesError> {
        let n_rows = weights.len();
        Examples::new(vec![vec![0.0; n_rows]], vec![0; n_rows], Some(weights), 2)
    }

    #[test]
    fn weights_keep_their_proportions() {
        let examples = weighted(&[1e300, 2.5e299, 0.0]).expect("rows");
        assert_eq!(examples.weights, [1 << 30, 1 << 28, 0]);
    }

    #[test]
    fn rows_to_learn_from_are_required() {
        assert_eq!(weighted(&[]).err(), Some(ExamplesError::NoRows));
        assert_eq!(weighted(&[0.0, 0.0]).err(), Some(ExamplesError::NoRows));
        assert_eq!(weighted(&[1.0, -1.0]).err(), Some(ExamplesError::Weight { row: 1 }));
        assert_eq!(weighted(&[f64::NAN]).err(), Some(ExamplesError::Weight { row: 0 }));
    }

    #[test]
    fn balanced_classes_weigh_the_same() {
        let labels = vec![0, 0, 0, 0, 0, 0, 2, 2];
        let examples = Examples::new(vec![vec![0.0; 8]], labels, None, 3).expect("rows");
        let weights = examples.balanced_class_weights();
        let totals = examples.weigh(&weights).class_totals();
        assert!((totals[0] / totals[2] - 1.0).abs() < 1e-8 && totals[1] == 0.0, "{totals:?}");
    }
}
