//! The difference of two scores, with an interval.

/// A score and the ends of its 95 % interval, if it has one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Score {
    pub value: f64,
    pub interval: Option<(f64, f64)>,
}

/// `shifted − reference`, in the scores' own unit; negative where a score that should be
/// high was lost.
///
/// The interval combines those of two independent samples by the method of variance
/// estimates recovery (MOVER): with `x = shifted`, `y = reference`,
///
/// ```text
/// low  = (x − y) − √((x − x_low)² + (y_high − y)²)
/// high = (x − y) + √((x_high − x)² + (y − y_low)²)
/// ```
///
/// It needs no symmetry of either interval. There is none unless both scores have one. NaN
/// gives NaN.
///
/// Reference: Zou & Donner 2008, Statistics in Medicine 27, 1693, doi:10.1002/sim.3095.
pub fn change(reference: Score, shifted: Score) -> Score {
    let value = shifted.value - reference.value;
    let interval =
        shifted.interval.zip(reference.interval).map(|(shifted_ends, reference_ends)| {
            let below = (shifted.value - shifted_ends.0, reference_ends.1 - reference.value);
            let above = (shifted_ends.1 - shifted.value, reference.value - reference_ends.0);
            let length = |(a, b): (f64, f64)| (a * a + b * b).sqrt();
            (value - length(below), value + length(above))
        });
    Score { value, interval }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand: two symmetric intervals add in quadrature, 3-4-5.
    #[test]
    fn symmetric_intervals_add_in_quadrature() {
        let reference = Score { value: 90.0, interval: Some((86.0, 94.0)) };
        let shifted = Score { value: 70.0, interval: Some((67.0, 73.0)) };
        let expected = Score { value: -20.0, interval: Some((-25.0, -15.0)) };
        assert_eq!(change(reference, shifted), expected);
    }

    #[test]
    fn no_interval_without_both() {
        let plain = Score { value: 1.0, interval: None };
        let with = Score { value: 2.0, interval: Some((1.5, 2.5)) };
        assert_eq!(change(plain, with), Score { value: 1.0, interval: None });
    }
}
