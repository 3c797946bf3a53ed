//! What is left of the values when only their order matters.

use crate::moments::Moments;
use crate::reason::{Reason, Value, over};

/// Sorts finite `values` into `sorted`.
///
/// Integers that are ordered as the numbers are sort faster than the numbers; `keys` holds
/// them.
pub fn sort_into(values: &[f64], keys: &mut Vec<i64>, sorted: &mut Vec<f64>) {
    // All bits but the sign are turned over where the sign is set; doing so twice does nothing.
    let turn = |bits: i64| bits ^ (((bits >> 63) as u64) >> 1) as i64;
    keys.clear();
    keys.extend(values.iter().map(|value| turn(value.to_bits() as i64)));
    keys.sort_unstable();
    sorted.clear();
    sorted.extend(keys.iter().map(|key| f64::from_bits(turn(*key) as u64)));
}

/// A sorted sample of finite values; at least one.
#[derive(Debug, Clone, Copy)]
pub struct Order<'a> {
    sorted: &'a [f64],
    /// The median, in the values' unit. From 1 point.
    pub median: f64,
}

impl<'a> Order<'a> {
    /// `sorted` is in ascending order and not empty.
    pub fn of(sorted: &'a [f64]) -> Self {
        Self { sorted, median: median_of(sorted) }
    }

    /// The quantile at `q` in 0..=1: the value at place q·n − ½, counted from 0, linear
    /// between places and held beyond the ends.
    ///
    /// Reference: Hyndman & Fan 1996, The American Statistician 50, 361, definition 5
    /// (Hazen's), [doi:10.1080/00031305.1996.10473566](https://doi.org/10.1080/00031305.1996.10473566).
    pub fn quantile(&self, q: f64) -> f64 {
        let last = self.sorted.len() - 1;
        let place = (q * self.sorted.len() as f64 - 0.5).clamp(0.0, last as f64);
        let below = place.floor();
        let (low, high) = (below as usize, (below as usize + 1).min(last));
        self.sorted[low] + (place - below) * (self.sorted[high] - self.sorted[low])
    }

    /// Q(1 − q) − Q(q).
    pub fn range(&self, q: f64) -> f64 {
        self.quantile(1.0 - q) - self.quantile(q)
    }

    /// Q(0.75) − Q(0.25), in the values' unit. From 1 point.
    pub fn inter_percentile_range(&self) -> f64 {
        self.range(0.25)
    }

    /// (Q(0.6) − Q(0.4))/(Q(0.95) − Q(0.05)), in 0..=1. From 1 point.
    ///
    /// Reference: D'Isanto et al. 2016, MNRAS 457, 3119,
    /// [doi:10.1093/mnras/stw157](https://doi.org/10.1093/mnras/stw157).
    ///
    /// # Errors
    /// [`Reason::Constant`]; [`Reason::DividesByZero`] if only single values differ.
    pub fn magnitude_percentage_ratio(&self, moments: &Moments) -> Value {
        moments.spread()?;
        Ok(self.range(0.4) / over(self.range(0.05))?)
    }

    /// (Q(0.95) − Q(0.05))/median. From 1 point. For magnitudes, and fluxes that are far from
    /// zero.
    ///
    /// Reference: D'Isanto et al. 2016, as above.
    ///
    /// # Errors
    /// [`Reason::DividesByZero`] if the median is zero.
    pub fn percent_difference_magnitude_percentile(&self) -> Value {
        Ok(self.range(0.05) / over(self.median)?)
    }

    /// The share of values within a tenth of the amplitude of the median:
    /// |x − median| ≤ 0.1 · (max − min)/2, in 0..=1. From 1 point.
    ///
    /// Reference: D'Isanto et al. 2016, as above.
    pub fn median_buffer_range_percentage(&self, moments: &Moments) -> f64 {
        let buffer = 0.1 * moments.amplitude();
        let from = self.sorted.partition_point(|value| self.median - value > buffer);
        let to = self.sorted.partition_point(|value| value - self.median <= buffer);
        (to - from) as f64 / self.sorted.len() as f64
    }

    /// max |x − median|, in the values' unit. From 1 point. Despite its name, no share.
    ///
    /// Reference: D'Isanto et al. 2016, as above.
    pub fn percent_amplitude(&self, moments: &Moments) -> f64 {
        (moments.max - self.median).max(self.median - moments.min)
    }

    /// The median of |x − median|, in the values' unit. From 1 point. It is not scaled: that
    /// of normal values is 0.6745 of their standard deviation.
    ///
    /// Reference: Hampel 1974, JASA 69, 383,
    /// [doi:10.1080/01621459.1974.10482962](https://doi.org/10.1080/01621459.1974.10482962).
    pub fn median_absolute_deviation(&self) -> f64 {
        // Deviations grow to both sides of the median: merging the sides needs no sort.
        let mut high = self.sorted.partition_point(|value| *value < self.median);
        let mut low = high;
        let n = self.sorted.len();
        let (mut last, mut before) = (0.0, 0.0);
        for _ in 0..=n / 2 {
            let below = match low {
                0 => f64::INFINITY,
                low => self.median - self.sorted[low - 1],
            };
            let above = self.sorted.get(high).map_or(f64::INFINITY, |value| value - self.median);
            before = last;
            if below < above {
                (last, low) = (below, low - 1);
            } else {
                (last, high) = (above, high + 1);
            }
        }
        if n % 2 == 1 { last } else { 0.5 * (before + last) }
    }

    /// Tukey's biweight location M + Σ(x − M)w²/Σw² with w = 1 − u², u = (x − M)/(6 MAD),
    /// over |u| < 1; M is the median. In the values' unit. From 1 point.
    ///
    /// Reference: Beers, Flynn & Gebhardt 1990, AJ 100, 32,
    /// [doi:10.1086/115487](https://doi.org/10.1086/115487), equation 5.
    ///
    /// # Errors
    /// [`Reason::MostlyConstant`] if the MAD is zero.
    pub fn biweight_location(&self) -> Value {
        let reach = 6.0 * self.deviation()?;
        let (mut sum, mut weights) = (0.0, 0.0);
        for off in self.sorted.iter().map(|value| value - self.median) {
            let u = off / reach;
            let w = 1.0 - u * u;
            if w > 0.0 {
                sum += off * w * w;
                weights += w * w;
            }
        }
        Ok(self.median + sum / weights)
    }

    /// Tukey's biweight scale √n · √Σ(x − M)²w⁴ / |Σ w(1 − 5u²)| with w = 1 − u²,
    /// u = (x − M)/(9 MAD), over |u| < 1. In the values' unit. From 1 point.
    ///
    /// Reference: Beers, Flynn & Gebhardt 1990, as above, equation 9.
    ///
    /// # Errors
    /// [`Reason::MostlyConstant`] if the MAD is zero.
    pub fn biweight_scale(&self) -> Value {
        let reach = 9.0 * self.deviation()?;
        let (mut squares, mut slope) = (0.0, 0.0);
        for off in self.sorted.iter().map(|value| value - self.median) {
            let u = off / reach;
            let (square, w) = (u * u, 1.0 - u * u);
            if w > 0.0 {
                squares += off * off * (w * w) * (w * w);
                slope += w * (1.0 - 5.0 * square);
            }
        }
        let n = self.sorted.len() as f64;
        Ok((n * squares).sqrt() / over(slope.abs())?)
    }

    fn deviation(&self) -> Value {
        let deviation = self.median_absolute_deviation();
        if deviation > 0.0 { Ok(deviation) } else { Err(Reason::MostlyConstant) }
    }

    /// The values, in ascending order.
    pub fn values(&self) -> &'a [f64] {
        self.sorted
    }
}

fn median_of(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { 0.5 * (sorted[middle - 1] + sorted[middle]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorts_as_numbers_are_ordered() {
        let (mut keys, mut sorted) = (Vec::new(), Vec::new());
        sort_into(&[3.0, -1.0, 0.0, -2.5, 1e300, -1e-300], &mut keys, &mut sorted);
        assert_eq!(sorted, [-2.5, -1.0, -1e-300, 0.0, 3.0, 1e300]);
    }

    #[test]
    fn the_deviation_is_that_of_a_sort() {
        let mut state = 1_u64;
        for n in 1..40 {
            let mut values: Vec<f64> = (0..n)
                .map(|_| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    (state >> 60) as f64
                })
                .collect();
            values.sort_by(f64::total_cmp);
            let order = Order::of(&values);
            let mut off: Vec<f64> = values.iter().map(|x| (x - order.median).abs()).collect();
            off.sort_by(f64::total_cmp);
            assert_eq!(order.median_absolute_deviation(), median_of(&off), "{values:?}");
        }
    }

    #[test]
    fn half_of_the_values_the_same_has_no_biweight() {
        let order = Order::of(&[1.0, 2.0, 2.0, 2.0, 5.0]);
        assert_eq!(order.biweight_scale(), Err(Reason::MostlyConstant));
        assert_eq!(order.biweight_location(), Err(Reason::MostlyConstant));
    }
}
