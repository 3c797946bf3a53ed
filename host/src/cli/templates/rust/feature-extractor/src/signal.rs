//! How far a measurement stands out of its noise.

/// The signal-to-noise ratio `value / error`, of no unit.
///
/// `error` is the 1σ error of `value`, in the same unit. Negative values, as faint fluxes can
/// be, give negative ratios. None where the error is not a positive number, or the value is
/// not a number.
pub fn signal_to_noise(value: f64, error: f64) -> Option<f64> {
    let ratio = value / error;
    (error > 0.0 && ratio.is_finite()).then_some(ratio)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ratio_is_of_value_and_error() {
        assert_eq!(signal_to_noise(10.0, 2.0), Some(5.0));
        assert_eq!(signal_to_noise(-1.0, 2.0), Some(-0.5));
    }

    #[test]
    fn without_a_good_error_there_is_none() {
        for error in [0.0, -1.0, f64::NAN] {
            assert_eq!(signal_to_noise(1.0, error), None);
        }
        assert_eq!(signal_to_noise(f64::NAN, 1.0), None);
        assert_eq!(signal_to_noise(f64::INFINITY, 1.0), None);
    }
}
