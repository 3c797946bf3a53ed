//! What a forest learns from: coded features, labels and integer weights.

use forest_model::bag::row_key;
use forest_model::codes::{CodedFeature, MISSING};
use forest_model::lesson::MAX_CLASSES;
use thiserror::Error;

/// Integer weights of all rows together, times the largest possible number of draws, stay
/// below 2^32; those of one row below 2^24.
const TOTAL_WEIGHT: u128 = 1 << 27;
const ROW_WEIGHT: u128 = ((1 << 24) - 1) / 19;

/// Rows to learn from.
#[derive(Debug, Clone)]
pub struct Examples {
    pub(crate) features: Vec<CodedFeature>,
    pub(crate) labels: Vec<u8>,
    /// Integers, so that sums are exact in any order.
    pub(crate) weights: Vec<u32>,
    /// The weight that an integer weight of 1 stands for.
    pub(crate) weight_unit: f64,
    pub(crate) keys: Vec<u64>,
    pub(crate) n_classes: usize,
}

/// Rows that nothing can be learnt from.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ExamplesError {
    /// No row has a label and a positive weight.
    #[error("there is no row to learn from")]
    NoRows,
    /// Labels beyond [`MAX_CLASSES`].
    #[error("{n_classes} classes are too many: a forest can tell {MAX_CLASSES} apart")]
    TooManyClasses { n_classes: usize },
    /// A weight that is negative, missing or infinite.
    #[error("the weight of row {row} is not a finite number from 0 up")]
    Weight { row: usize },
}

impl Examples {
    /// Rows to learn from: each feature's values (NaN for missing), each row's class as an
    /// index below `n_classes`, and each row's weight, 1 without.
    ///
    /// # Errors
    /// [`ExamplesError`]
    ///
    /// # Panics
    /// If the columns differ in length or there is no feature.
    pub fn new(
        features: &[Vec<f64>],
        labels: Vec<u8>,
        weights: Option<&[f64]>,
        n_classes: usize,
    ) -> Result<Self, ExamplesError> {
        assert!(!features.is_empty(), "a forest has features");
        assert!(features.iter().all(|values| values.len() == labels.len()), "one value a row");
        if n_classes > MAX_CLASSES {
            return Err(ExamplesError::TooManyClasses { n_classes });
        }
        let (weights, weight_unit) = match weights {
            None => (vec![1; labels.len()], 1.0),
            Some(weights) => integer_weights(weights)?,
        };
        if weights.iter().all(|&weight| weight == 0) {
            return Err(ExamplesError::NoRows);
        }
        let key = |row: usize| row_key(features.iter().map(|values| values[row]));
        Ok(Self {
            keys: (0..labels.len()).map(key).collect(),
            features: features.iter().map(|values| CodedFeature::new(values, MISSING)).collect(),
            labels,
            weights,
            weight_unit,
            n_classes,
        })
    }

    /// The number of rows.
    #[must_use]
    pub fn n_rows(&self) -> usize {
        self.labels.len()
    }

    /// The summed weight of each class.
    #[must_use]
    pub fn class_totals(&self) -> Vec<f64> {
        let mut totals = vec![0_u64; self.n_classes];
        for (&label, &weight) in self.labels.iter().zip(&self.weights) {
            totals[usize::from(label)] += u64::from(weight);
        }
        totals.iter().map(|&total| total as f64 * self.weight_unit).collect()
    }

    /// Class weights that give each class that occurs the same total, with mean 1 a row:
    /// `n / (n_present · n_class)`.
    #[must_use]
    pub fn balanced_class_weights(&self) -> Vec<f64> {
        let totals = self.class_totals();
        let n_present = totals.iter().filter(|&&total| total > 0.0).count() as f64;
        let all: f64 = totals.iter().sum();
        let balance = |&total: &f64| {
            if total > 0.0 { all / (n_present * total) } else { 1.0 }
        };
        totals.iter().map(balance).collect()
    }
}

/// Weights in a common unit, rounded down to integers, and that unit. Sums are taken over
/// integers, so the order of the rows does not matter here either.
fn integer_weights(weights: &[f64]) -> Result<(Vec<u32>, f64), ExamplesError> {
    let is_weight = |weight: &f64| weight.is_finite() && *weight >= 0.0;
    if let Some(row) = weights.iter().position(|weight| !is_weight(weight)) {
        return Err(ExamplesError::Weight { row });
    }
    let largest = weights.iter().copied().fold(0.0, f64::max);
    if largest == 0.0 {
        return Err(ExamplesError::NoRows);
    }
    let steps = f64::from(1 << 20) * f64::from(1 << 20);
    let fine: Vec<u128> = weights.iter().map(|w| (w / largest * steps) as u128).collect();
    let total: u128 = fine.iter().sum();
    let largest_fine = fine.iter().copied().max().unwrap_or(1).max(1);
    let target = TOTAL_WEIGHT.min(ROW_WEIGHT * total / largest_fine).max(1);
    let coarse =
        |fine: &u128| u32::try_from(fine * target / total).expect("a row's weight is below 2^24");
    let unit = largest / steps * (total as f64) / (target as f64);
    Ok((fine.iter().map(coarse).collect(), unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weighted(weights: &[f64]) -> Result<Examples, ExamplesError> {
        let n_rows = weights.len();
        Examples::new(&[vec![0.0; n_rows]], vec![0; n_rows], Some(weights), 2)
    }

    #[test]
    fn weights_keep_their_proportions_and_their_total() {
        let weights: Vec<f64> = (0..10_000).map(|row| f64::from(row % 97) * 1e-7).collect();
        let examples = weighted(&weights).expect("rows");
        for (&integer, weight) in examples.weights.iter().zip(&weights) {
            let back = f64::from(integer) * examples.weight_unit;
            assert!((back - weight).abs() < 1e-4 * 1e-5, "{weight} came back as {back}");
        }
        let total: f64 = weights.iter().sum();
        assert!((examples.class_totals()[0] / total - 1.0).abs() < 1e-3);
    }

    #[test]
    fn one_heavy_row_fits() {
        let examples = weighted(&[1e300, 1.0]).expect("rows");
        assert!(u128::from(examples.weights[0]) <= ROW_WEIGHT);
        assert_eq!(examples.weights[1], 0);
    }

    #[test]
    fn rows_to_learn_from_are_required() {
        assert_eq!(weighted(&[]).err(), Some(ExamplesError::NoRows));
        assert_eq!(weighted(&[0.0, 0.0]).err(), Some(ExamplesError::NoRows));
        assert_eq!(weighted(&[1.0, -1.0]).err(), Some(ExamplesError::Weight { row: 1 }));
        assert_eq!(weighted(&[f64::NAN]).err(), Some(ExamplesError::Weight { row: 0 }));
        let many = Examples::new(&[vec![0.0]], vec![0], None, 256);
        assert_eq!(many.err(), Some(ExamplesError::TooManyClasses { n_classes: 256 }));
    }

    #[test]
    fn balanced_classes_weigh_the_same_and_absent_ones_nothing() {
        let examples =
            Examples::new(&[vec![0.0; 8]], vec![0, 0, 0, 0, 0, 0, 2, 2], None, 3).expect("rows");
        let weights = examples.balanced_class_weights();
        assert_eq!(weights, [8.0 / 12.0, 1.0, 2.0]);
    }
}
