//! What lies between one point and the next.

use crate::lanes::sums;
use crate::moments::Moments;
use crate::reason::{Reason, Value, over};

/// Sums over the steps between neighbouring points, in order of time.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Steps {
    /// Σ(xᵢ₊₁ − xᵢ)².
    square: f64,
    /// (x₀ − xₙ₋₁)².
    closing: f64,
    /// Σ((xᵢ₊₁ − xᵢ)/(tᵢ₊₁ − tᵢ))² over steps that take time.
    slope_square: f64,
    /// The steepest of them, without sign.
    steepest: f64,
    shortest: f64,
    longest: f64,
    /// tₙ₋₁ − t₀.
    span: f64,
}

impl Steps {
    /// Steps between at least one point; `times` ascend.
    pub fn of(times: &[f64], values: &[f64]) -> Self {
        let last = times.len() - 1;
        let slope = |dx: f64, dt: f64| if dt > 0.0 { dx / dt } else { 0.0 };
        let steps = [&values[1..], &values[..last], &times[1..], &times[..last]];
        let [square, slope_square] = sums(steps, |[next, this, later, earlier]| {
            let dx = next - this;
            let slope = slope(dx, later - earlier);
            [dx * dx, slope * slope]
        });
        let (mut steepest, mut shortest, mut longest) = (0.0_f64, f64::INFINITY, 0.0_f64);
        for (time, value) in times.windows(2).zip(values.windows(2)) {
            let dt = time[1] - time[0];
            let slope = slope(value[1] - value[0], dt).abs();
            steepest = if slope > steepest { slope } else { steepest };
            shortest = if dt < shortest { dt } else { shortest };
            longest = if dt > longest { dt } else { longest };
        }
        let closing = values[0] - values[last];
        let span = times[last] - times[0];
        Self { square, closing: closing * closing, slope_square, steepest, shortest, longest, span }
    }

    /// tₙ₋₁ − t₀, in days. From 1 point.
    pub fn time_span(&self) -> f64 {
        self.span
    }

    /// The longest time between neighbouring points, in days. From 2 points.
    pub fn maximum_time_interval(&self) -> f64 {
        self.longest
    }

    /// The shortest time between neighbouring points, in days; zero if two have one time.
    /// From 2 points.
    pub fn minimum_time_interval(&self) -> f64 {
        self.shortest
    }

    /// Von Neumann's η = Σ(xᵢ₊₁ − xᵢ)²/((n − 1)s²): 2 for noise, less for smooth curves.
    /// From 2 points.
    ///
    /// References: von Neumann 1941, Ann. Math. Stat. 12, 367,
    /// [doi:10.1214/aoms/1177731677](https://doi.org/10.1214/aoms/1177731677); Kim et al. 2014,
    /// A&A 566, A43, [doi:10.1051/0004-6361/201323252](https://doi.org/10.1051/0004-6361/201323252).
    ///
    /// # Errors
    /// [`Reason::Constant`].
    pub fn eta(&self, moments: &Moments) -> Value {
        Ok(self.square / moments.spread()?)
    }

    /// 1/η: large for smooth curves. From 2 points.
    ///
    /// Reference: Sokolovsky et al. 2017, MNRAS 464, 274,
    /// [doi:10.1093/mnras/stw2262](https://doi.org/10.1093/mnras/stw2262), section 2.
    ///
    /// # Errors
    /// [`Reason::Constant`].
    pub fn inverse_von_neumann(&self, moments: &Moments) -> Value {
        Ok(moments.spread()? / over(self.square)?)
    }

    /// η for times that are not even:
    /// (tₙ₋₁ − t₀)²/(n − 1)³ · Σ((xᵢ₊₁ − xᵢ)/(tᵢ₊₁ − tᵢ))²/s². From 2 points. Steps
    /// between points of one time are left out of the sum.
    ///
    /// Reference: Kim et al. 2014, as for [`eta`](Self::eta), who scale it otherwise.
    ///
    /// # Errors
    /// [`Reason::Constant`], [`Reason::OneTime`].
    pub fn eta_e(&self, moments: &Moments) -> Value {
        let intervals = moments.n - 1.0;
        let mean_interval = self.takes_time()? / intervals;
        Ok(mean_interval * mean_interval * self.slope_square / moments.spread()?)
    }

    /// max |xᵢ₊₁ − xᵢ|/(tᵢ₊₁ − tᵢ), in the values' unit by day. From 2 points. Steps
    /// between points of one time are left out.
    ///
    /// Reference: D'Isanto et al. 2016, MNRAS 457, 3119,
    /// [doi:10.1093/mnras/stw157](https://doi.org/10.1093/mnras/stw157).
    ///
    /// # Errors
    /// [`Reason::OneTime`].
    pub fn maximum_slope(&self) -> Value {
        self.takes_time().map(|_| self.steepest)
    }

    /// Lafler and Kinman's string length in order of time,
    /// Σ(xᵢ₊₁ − xᵢ)²/(2(n − 1)s²), the first point following the last: 1 for noise, less for
    /// smooth curves. From 2 points.
    ///
    /// Reference: Lafler & Kinman 1965, ApJS 11, 216,
    /// [doi:10.1086/190116](https://doi.org/10.1086/190116).
    ///
    /// # Errors
    /// [`Reason::Constant`].
    pub fn lafler_kinman_string_length(&self, moments: &Moments) -> Value {
        Ok(0.5 * (self.square + self.closing) / moments.spread()?)
    }

    fn takes_time(&self) -> Value {
        if self.span > 0.0 { Ok(self.span) } else { Err(Reason::OneTime) }
    }
}

/// The range of S_j = Σ_{i≤j}(xᵢ − mean)/(n s). From 2 points.
///
/// Reference: Kim et al. 2014, as for [`Steps::eta`].
///
/// # Errors
/// [`Reason::Constant`].
pub fn cusum(values: &[f64], moments: &Moments) -> Value {
    let scale = (moments.spread()? / (moments.n - 1.0)).sqrt() * moments.n;
    let (mut sum, mut low, mut high) = (0.0, f64::INFINITY, f64::NEG_INFINITY);
    for value in values {
        sum += value - moments.mean;
        low = if sum < low { sum } else { low };
        high = if sum > high { sum } else { high };
    }
    Ok((high - low) / scale)
}

/// The share of rising less that of falling steps among those of the last 30 points, in
/// −1..=1. From 2 points. In magnitudes, rising is fading.
///
/// Reference: Richards et al. 2011, ApJ 733, 10,
/// [doi:10.1088/0004-637X/733/1/10](https://doi.org/10.1088/0004-637X/733/1/10), table 5.
pub fn pair_slope_trend(values: &[f64]) -> f64 {
    let last = &values[values.len().saturating_sub(30)..];
    let sign = |pair: &[f64]| match pair[1] - pair[0] {
        step if step > 0.0 => 1.0,
        step if step < 0.0 => -1.0,
        _ => 0.0,
    };
    last.windows(2).map(sign).sum::<f64>() / (last.len() - 1) as f64
}

/// The smallest lag k with Σ(xᵢ − mean)(xᵢ₊ₖ − mean)/Σ(xᵢ − mean)² < 1/e, counted in points:
/// times are taken as even. From 2 points. There always is one, since the sums over all lags
/// add up to −½.
///
/// Reference: Kim et al. 2011, ApJ 735, 68,
/// [doi:10.1088/0004-637X/735/2/68](https://doi.org/10.1088/0004-637X/735/2/68).
///
/// # Errors
/// [`Reason::Constant`].
pub fn autocorrelation_length(values: &[f64], moments: &Moments) -> Value {
    let limit = moments.spread()? * libm::exp(-1.0);
    let n = values.len();
    let mean = moments.mean;
    let product = |lag: usize| {
        let [sum] =
            sums([values, &values[lag..]], |[this, later]| [(this - mean) * (later - mean)]);
        sum
    };
    Ok((1..n).find(|lag| product(*lag) < limit).map_or(n as f64, |lag| lag as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_of_one_time_have_no_slope() {
        let steps = Steps::of(&[1.0, 1.0, 3.0], &[0.0, 5.0, 1.0]);
        assert_eq!(steps.maximum_slope(), Ok(2.0));
        assert_eq!(steps.minimum_time_interval(), 0.0);
        let steps = Steps::of(&[1.0, 1.0], &[0.0, 5.0]);
        assert_eq!(steps.maximum_slope(), Err(Reason::OneTime));
    }

    #[test]
    fn rising_and_falling() {
        assert_eq!(pair_slope_trend(&[1.0, 2.0, 3.0, 3.0, 2.0]), 0.25);
        let rise_at_the_end: Vec<f64> = (0..60).map(|at: i32| f64::from((at - 30).abs())).collect();
        assert_eq!(pair_slope_trend(&rise_at_the_end), 1.0);
    }

    #[test]
    fn a_slow_curve_has_a_long_memory() {
        let moments = |values: &[f64]| Moments::of(values);
        let slow: Vec<f64> = (0..40).map(|at| f64::from(at / 20)).collect();
        let fast: Vec<f64> = (0..40).map(|at| f64::from(at % 2)).collect();
        assert!(autocorrelation_length(&slow, &moments(&slow)).unwrap() > 5.0);
        assert_eq!(autocorrelation_length(&fast, &moments(&fast)), Ok(1.0));
    }
}
