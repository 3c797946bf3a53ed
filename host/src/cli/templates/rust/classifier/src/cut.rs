//! A cut, sharp or blurred.

/// The probability, in `[0, 1]`, that `value` belongs to the class above `threshold`.
///
/// It rises linearly from 0 at `threshold − width` to 1 at `threshold + width`, all three in
/// one unit; with width 0 it is 1 from the threshold on. None where the value is not a number.
pub fn probability_above(value: f64, threshold: f64, width: f64) -> Option<f64> {
    if value.is_nan() {
        return None;
    }
    if width == 0.0 {
        return Some(if value >= threshold { 1.0 } else { 0.0 });
    }
    Some(((value - threshold + width) / (2.0 * width)).clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sharp_cut_knows_no_doubt() {
        let above = |value| probability_above(value, 2.0, 0.0);
        assert_eq!([1.9, 2.0, f64::INFINITY].map(above), [Some(0.0), Some(1.0), Some(1.0)]);
        assert_eq!(above(f64::NAN), None);
    }

    #[test]
    fn a_blurred_cut_is_even_at_the_threshold() {
        let above = |value| probability_above(value, 2.0, 0.5);
        assert_eq!([1.0, 1.75, 2.0, 3.0].map(above), [Some(0.0), Some(0.25), Some(0.5), Some(1.0)]);
        assert_eq!(above(f64::NEG_INFINITY), Some(0.0));
    }
}
