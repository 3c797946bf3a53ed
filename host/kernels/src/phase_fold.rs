//! Times as phases of a period.

use crate::KernelError;
use crate::turns::Double;

/// Phases in `[0, 1)` of `times`, 0 at `epoch`; same length and order.
///
/// (t − t0) / P modulo 1. `times`, `period` and `epoch` are in one unit, such as days. The
/// whole periods are taken off before anything is rounded, so a phase is as exact at MJD
/// 60,000 as near the epoch: to 2e-16, as long as fewer than 2^51 periods lie between. A phase
/// that is nearer to 1 than to any number below is 0. A time that is NaN or infinite has the
/// phase NaN.
///
/// # Errors
/// Unless the period is positive and finite, and the epoch finite.
pub fn phase_fold(times: &[f64], period: f64, epoch: f64) -> Result<Vec<f64>, KernelError> {
    if !(period.is_finite() && period > 0.0) {
        return Err(KernelError::Arguments(format!(
            "the period is {period}; it must be a positive number"
        )));
    }
    if !epoch.is_finite() {
        return Err(KernelError::Arguments(format!("the epoch is {epoch}; it must be a number")));
    }
    Ok(times.iter().map(|time| fold(Double::difference(*time, epoch), period)).collect())
}

fn fold(time: Double, period: f64) -> f64 {
    let whole = (time.high / period).floor();
    // What is left is below a period or two: the fused product loses nothing.
    let mut rest = (-whole).mul_add(period, time.high) + time.low;
    if rest < 0.0 {
        rest += period;
    } else if rest >= period {
        rest -= period;
    }
    let phase = rest / period;
    if phase >= 1.0 { 0.0 } else { phase }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_are_below_one() {
        let phases = phase_fold(&[-1e-20, 0.0, 0.25, 1.0, -0.25, 7.5], 1.0, 0.0).unwrap();
        assert_eq!(phases, [0.0, 0.0, 0.25, 0.0, 0.75, 0.5]);
        // Just below a period.
        let below = f64::from_bits(0.1f64.to_bits() - 1);
        let phases = phase_fold(&[below, 3.0 * 0.1, -f64::MIN_POSITIVE], 0.1, 0.0).unwrap();
        assert!(phases.iter().all(|phase| (0.0..1.0).contains(phase)), "{phases:?}");
    }

    #[test]
    fn what_has_no_phase_is_nan_or_refused() {
        let phases = phase_fold(&[f64::NAN, f64::INFINITY], 1.0, 0.0).unwrap();
        assert!(phases.iter().all(|phase| phase.is_nan()));
        for period in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(phase_fold(&[1.0], period, 0.0).unwrap_err().to_string().contains("period"));
        }
        assert!(phase_fold(&[1.0], 1.0, f64::NAN).unwrap_err().to_string().contains("epoch"));
    }
}
