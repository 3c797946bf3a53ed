//! How far a value lies from a threshold.

/// `value − threshold`, over `width` where that is positive; all three in one unit. None where
/// the result is no finite number.
pub fn margin_of(value: f64, threshold: f64, width: f64) -> Option<f64> {
    let distance = value - threshold;
    let margin = if width > 0.0 { distance / width } else { distance };
    margin.is_finite().then_some(margin)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn margins_are_counted_from_the_threshold() {
        let of = |value| margin_of(value, 2.0, 0.0);
        assert_eq!([1.5, 2.0, 3.0].map(of), [Some(-0.5), Some(0.0), Some(1.0)]);
    }

    #[test]
    fn a_width_is_their_unit() {
        let of = |value| margin_of(value, 2.0, 0.5);
        assert_eq!([1.5, 2.0, 3.0].map(of), [Some(-1.0), Some(0.0), Some(2.0)]);
    }

    #[test]
    fn without_a_number_there_is_none() {
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(margin_of(value, 2.0, 0.5), None);
        }
        assert_eq!(margin_of(f64::MAX, 2.0, 0.5), None);
    }
}
