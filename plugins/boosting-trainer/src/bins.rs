//! Feature values as bytes.
//!
//! A feature is cut once into at most 255 bins, at quantiles of the rows that are learnt from;
//! a value is then one byte. With no more distinct values than bins, nothing is lost.

use forest_model::codes::CodedFeature;

/// The bin of missing values.
pub(crate) const MISSING: u8 = u8::MAX;

/// A feature of all rows as bins.
#[derive(Debug, Clone)]
pub(crate) struct BinnedFeature {
    /// One bin a row.
    pub(crate) bins: Vec<u8>,
    /// Between bins: values up to `borders[b]` are in bins up to b.
    borders: Vec<f64>,
}

impl BinnedFeature {
    /// Cuts at the quantiles of the rows `learners`, NaN being missing, and places all rows.
    pub(crate) fn new(values: &[f64], learners: &[u32], at_most: u8) -> Self {
        let sample: Vec<f64> = learners.iter().map(|&row| values[row as usize]).collect();
        let coded = CodedFeature::new(&sample, u16::from(at_most));
        let n_codes = u16::try_from(coded.n_codes()).expect("at most 255");
        let borders: Vec<f64> = (1..n_codes).map(|code| coded.threshold(code - 1, code)).collect();
        let bin = |&value: &f64| {
            if value.is_nan() {
                return MISSING;
            }
            let below = borders.partition_point(|border| *border < value);
            u8::try_from(below).expect("there are fewer borders than MISSING")
        };
        let bins = values.iter().map(bin).collect();
        Self { bins, borders }
    }

    /// How many bins there are, that of missing values not counted.
    pub(crate) fn n_bins(&self) -> usize {
        self.borders.len() + 1
    }

    /// The largest value that goes left when bins up to this one do.
    pub(crate) fn threshold(&self, bin: u8) -> f64 {
        self.borders.get(usize::from(bin)).copied().unwrap_or(f64::INFINITY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_and_thresholds_agree_on_every_row() {
        let infinity = f64::INFINITY;
        let mut values: Vec<f64> = (0..3000_u32).map(|i| f64::from(i * i % 1009) / 7.0).collect();
        values.extend([f64::NAN, infinity, -infinity, -0.0, 0.0, f64::MAX, -f64::MAX]);
        let learners: Vec<u32> = (0..2000).chain(3001..3007).collect();
        for at_most in [2, 16, 255] {
            let feature = BinnedFeature::new(&values, &learners, at_most);
            assert!(feature.n_bins() <= usize::from(at_most));
            for (value, &bin) in values.iter().zip(&feature.bins) {
                assert_eq!(value.is_nan(), bin == MISSING);
                let n_bins = u8::try_from(feature.n_bins()).expect("at most 255");
                for cut in (0..n_bins).filter(|_| bin != MISSING) {
                    assert_eq!(*value <= feature.threshold(cut), bin <= cut, "{value} {cut}");
                }
            }
        }
    }

    #[test]
    fn few_values_are_kept_apart_and_nothing_but_gaps_is_one_bin() {
        let few = BinnedFeature::new(&[3.0, 1.0, 2.0, 1.0], &[0, 1, 2, 3], 255);
        assert_eq!(few.bins, [2, 0, 1, 0]);
        let none = BinnedFeature::new(&[f64::NAN, 5.0], &[0], 255);
        assert_eq!((none.n_bins(), none.bins[1]), (1, 0));
    }
}
