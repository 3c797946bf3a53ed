//! The values in two parts.

use crate::moments::Moments;
use crate::reason::{Reason, Value};

/// The two parts of a sample, lower and upper, that differ most.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Parts {
    /// Mean of the upper minus that of the lower part, in the values' unit.
    pub mean_diff: f64,
    /// Standard deviations (n − 1) of both, in the values' unit.
    pub std_lower: Value,
    pub std_upper: Value,
    /// The share of values in the lower part, in 0..1.
    pub lower_to_all_ratio: f64,
}

/// Splits `sorted` where the variance between the parts, n₁n₂(mean₂ − mean₁)², is largest;
/// at the lowest such place. From 2 points.
///
/// Reference: Otsu 1979, IEEE Trans. Syst. Man Cybern. 9, 62,
/// [doi:10.1109/TSMC.1979.4310076](https://doi.org/10.1109/TSMC.1979.4310076).
///
/// # Errors
/// [`Reason::Constant`]; of a part's deviation, [`Reason::SingleInPart`].
pub fn split(sorted: &[f64], moments: &Moments) -> Result<Parts, Reason> {
    moments.spread()?;
    let n = moments.n;
    // With S the sum of x − mean over the n₁ lower values, the variance is n²S²/(n₁n₂).
    let (mut sum, mut best, mut place) = (0.0, 0.0, 0);
    for (index, value) in sorted[..sorted.len() - 1].iter().enumerate() {
        sum += value - moments.mean;
        let lower = (index + 1) as f64;
        let between = sum * sum / (lower * (n - lower));
        // Equal values are not parted.
        if between > best && *value < sorted[index + 1] {
            (best, place) = (between, index + 1);
        }
    }
    let [lower, upper] = [&sorted[..place], &sorted[place..]].map(Moments::of);
    let deviation = |part: &Moments| {
        if part.n < 2.0 { Err(Reason::SingleInPart) } else { Ok(part.standard_deviation()) }
    };
    Ok(Parts {
        mean_diff: upper.mean - lower.mean,
        std_lower: deviation(&lower),
        std_upper: deviation(&upper),
        lower_to_all_ratio: lower.n / n,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_heaps_are_told_apart() {
        let sorted = [1.0, 2.0, 3.0, 11.0, 13.0];
        let parts = split(&sorted, &Moments::of(&sorted)).unwrap();
        assert_eq!((parts.mean_diff, parts.std_lower), (10.0, Ok(1.0)));
        assert_eq!(parts.lower_to_all_ratio, 0.6);
        let sorted = [1.0, 2.0, 40.0];
        let parts = split(&sorted, &Moments::of(&sorted)).unwrap();
        assert_eq!(parts.std_upper, Err(Reason::SingleInPart));
        assert_eq!(split(&[2.0; 4], &Moments::of(&[2.0; 4])), Err(Reason::Constant));
    }
}
