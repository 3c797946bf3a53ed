//! Which measurements are precise.

/// Whether the 1σ `error` is at most `fraction` of `value`, by size.
///
/// Value and error are in one unit. An error that is not a positive number is no error, and a
/// value that is not a number is no measurement: neither is precise.
pub fn is_precise(value: f64, error: f64, fraction: f64) -> bool {
    value.is_finite() && error > 0.0 && error <= fraction * value.abs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_counts_against_the_value() {
        assert!(is_precise(10.0, 2.0, 0.2));
        assert!(is_precise(-10.0, 1.0, 0.2));
        assert!(!is_precise(10.0, 2.1, 0.2));
    }

    #[test]
    fn nothing_is_precise_without_value_and_error() {
        for (value, error) in [
            (f64::NAN, 1.0),
            (1.0, f64::NAN),
            (1.0, 0.0),
            (1.0, -0.1),
            (f64::INFINITY, 1.0),
            (0.0, 1.0),
        ] {
            assert!(!is_precise(value, error, 0.2), "{value} ± {error}");
        }
    }
}
