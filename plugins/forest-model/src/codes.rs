//! Feature values as ranks.
//!
//! A tree asks only in which order values come, so each feature is replaced once by codes in
//! that order: exact while a feature has no more distinct values than codes are asked for, and
//! quantiles of that many beyond. What the codes stand for is kept for the thresholds.

/// The code of a missing value: above all others.
pub const MISSING: u16 = u16::MAX;

/// A feature of all training rows as codes.
#[derive(Debug, Clone)]
pub struct CodedFeature {
    /// One code a row.
    pub codes: Vec<u16>,
    /// The smallest and the largest value that have each code.
    ranges: Vec<(f64, f64)>,
}

impl CodedFeature {
    /// Codes for these values, from 0 and at most so many. NaN is missing; both zeros are one
    /// value. Whatever the order of the rows, equal values have equal codes.
    #[must_use]
    pub fn new(values: &[f64], at_most: u16) -> Self {
        let mut ranked: Vec<(u64, u32)> = (0..)
            .zip(values)
            .filter(|(_, value)| !value.is_nan())
            .map(|(row, value)| (ordered_bits(*value), row))
            .collect();
        ranked.sort_unstable();
        let is_new = |i: usize| i == 0 || ranked[i].0 != ranked[i - 1].0;
        let n_distinct = (0..ranked.len()).filter(|&i| is_new(i)).count();
        let exact = n_distinct <= usize::from(at_most);

        let mut codes = vec![MISSING; values.len()];
        let mut ranges: Vec<(f64, f64)> = Vec::new();
        let mut last_quantile = usize::MAX;
        for (i, &(_, row)) in ranked.iter().enumerate() {
            let value = values[row as usize];
            if is_new(i) {
                let quantile = if exact { i } else { i * usize::from(at_most) / ranked.len() };
                if quantile != last_quantile {
                    ranges.push((value, value));
                    last_quantile = quantile;
                }
            }
            let code = ranges.len() - 1;
            ranges[code].1 = value;
            codes[row as usize] = u16::try_from(code).expect("there are fewer codes than MISSING");
        }
        Self { codes, ranges }
    }

    /// How many codes there are, that of the missing values not counted.
    #[must_use]
    pub fn n_codes(&self) -> usize {
        self.ranges.len()
    }

    /// A threshold between the codes `left < right`: halfway between the nearest values, or
    /// the lower of the two where no number lies between.
    #[must_use]
    pub fn threshold(&self, left: u16, right: u16) -> f64 {
        let (low, high) = (self.ranges[usize::from(left)].1, self.ranges[usize::from(right)].0);
        let middle = low / 2.0 + high / 2.0;
        if low <= middle && middle < high { middle } else { low }
    }
}

/// Integers in the order of the values; `-0.0` becomes `0.0`.
fn ordered_bits(value: f64) -> u64 {
    let bits = (value + 0.0).to_bits();
    if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_keep_the_order_and_mark_the_missing() {
        let coded =
            CodedFeature::new(&[3.0, f64::NAN, -0.0, f64::NEG_INFINITY, 0.0, 3.0, -1.5], MISSING);
        assert_eq!(coded.codes, [3, MISSING, 2, 0, 2, 3, 1]);
    }

    #[test]
    fn thresholds_lie_between_whatever_the_values() {
        let infinity = f64::INFINITY;
        let next = 1.0_f64.next_up();
        let values = [f64::NEG_INFINITY, -f64::MAX, -1.0, 1.0, next, f64::MAX, infinity];
        let coded = CodedFeature::new(&values, MISSING);
        for left in 0..6 {
            let (low, high) = (values[usize::from(left)], values[usize::from(left) + 1]);
            let threshold = coded.threshold(left, left + 1);
            assert!(low <= threshold && threshold < high, "{low} {threshold} {high}");
        }
        assert_eq!(coded.threshold(2, 3), 0.0);
    }

    #[test]
    fn beyond_the_code_space_quantiles_are_even_and_keep_ties_together() {
        let n_rows = 200_000_u32;
        let values: Vec<f64> =
            (0..n_rows).map(|row| f64::from(row.wrapping_mul(2_654_435_761) % 150_000)).collect();
        let coded = CodedFeature::new(&values, MISSING);
        assert!(coded.ranges.len() <= usize::from(MISSING));
        assert!(coded.ranges.len() > 30_000);
        for (value, &code) in values.iter().zip(&coded.codes) {
            let (low, high) = coded.ranges[usize::from(code)];
            assert!((low..=high).contains(value));
        }
        assert!(coded.ranges.windows(2).all(|pair| pair[0].1 < pair[1].0));
    }
}
