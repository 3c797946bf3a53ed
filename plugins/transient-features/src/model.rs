//! The shapes of transients.
//!
//! Times are in days, from any zero; values in any unit of flux. All of this is about one band.

use skyloom_plugin::prelude::*;

/// A family of curves.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Model {
    /// `A exp(−(t − t0)/fall) / (1 + exp(−(t − t0)/rise)) + B`: Bazin et al. 2009,
    /// doi:10.1051/0004-6361/200911847, eq. 1.
    Bazin,
    /// `(A + β d) / (1 + exp(−d/rise)) + B` until the plateau ends, with d = t − t0; behind it
    /// `(A + β plateau) exp(−(d − plateau)/fall) / (1 + exp(−d/rise)) + B`: Villar et al. 2019,
    /// doi:10.3847/1538-4357/ab418c, eq. 1, with a baseline.
    Villar,
    /// `A z exp(1 − z) + B` with z = (t − t0)/fall, and B before t0: a line up, an exponential
    /// down, and A above the baseline at its peak, where z is 1.
    Linexp,
}

/// The shape parameters that a fit begins with, and their bounds.
type Range = (f64, f64);

const DAYS: Range = (1e-2, 1e3);
const FREE: Range = (f64::NEG_INFINITY, f64::INFINITY);
const UPWARDS: Range = (0.0, f64::INFINITY);

impl Model {
    /// How it is called in names of columns.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bazin => "bazin",
            Self::Villar => "villar",
            Self::Linexp => "linexp",
        }
    }

    /// The parameters, in order. `t0` is a time, those in [`Self::is_duration`] are days.
    pub fn parameters(self) -> &'static [&'static str] {
        match self {
            Self::Bazin => &["amplitude", "baseline", "t0", "fall", "rise"],
            Self::Villar => &["amplitude", "baseline", "t0", "fall", "rise", "slope", "plateau"],
            Self::Linexp => &["amplitude", "baseline", "t0", "fall"],
        }
    }

    /// The parameters that the curve is linear in.
    pub fn linear(self) -> &'static [usize] {
        match self {
            Self::Bazin | Self::Linexp => &[0, 1],
            Self::Villar => &[0, 1, 5],
        }
    }

    /// The least and the largest value of each parameter, for data from `first` to `last`.
    pub fn bounds(self, first: f64, last: f64) -> Vec<Range> {
        let t0 = (first - 300.0, last + 300.0);
        match self {
            Self::Bazin => vec![UPWARDS, FREE, t0, DAYS, DAYS],
            Self::Villar => vec![UPWARDS, FREE, t0, DAYS, DAYS, FREE, (0.0, 300.0)],
            Self::Linexp => vec![UPWARDS, FREE, t0, DAYS],
        }
    }

    /// Shapes to begin with, for a brightest point at `peak`. Their linear parameters are 0.
    pub fn starts(self, peak: f64) -> Vec<Vec<f64>> {
        let mut starts = Vec::new();
        for shift in [-8.0, -3.0, 0.0, 3.0, 8.0] {
            let at = peak + shift;
            for fall in [3.0, 10.0, 25.0, 60.0, 150.0] {
                if self == Self::Linexp {
                    starts.push(vec![0.0, 0.0, at - fall, fall]);
                    continue;
                }
                for rise in [0.5, 2.0, 5.0, 15.0] {
                    if rise >= fall {
                        continue;
                    }
                    if self == Self::Bazin {
                        let t0 = at - rise * libm::log((fall / rise - 1.0).max(0.1));
                        starts.push(vec![0.0, 0.0, t0, fall, rise]);
                        continue;
                    }
                    for plateau in [3.0_f64, 15.0, 60.0] {
                        let t0 = at - plateau.min(3.0 * rise);
                        starts.push(vec![0.0, 0.0, t0, fall, rise, 0.0, plateau]);
                    }
                }
            }
        }
        starts
    }

    /// The curve at time `t`, and in `gradient` its derivatives by the parameters.
    pub fn value(self, p: &[f64], t: f64, gradient: &mut [f64]) -> f64 {
        let (amplitude, baseline, d, fall) = (p[0], p[1], t - p[2], p[3]);
        gradient[1] = 1.0;
        match self {
            Self::Bazin => {
                let rise = p[4];
                let (below, softplus) = logistic(-d / rise);
                let shape = libm::exp(-d / fall - softplus);
                let by_exponent = amplitude * shape;
                gradient[0] = shape;
                gradient[2] = by_exponent * (1.0 / fall - below / rise);
                gradient[3] = by_exponent * d / (fall * fall);
                gradient[4] = -by_exponent * below * d / (rise * rise);
                amplitude * shape + baseline
            }
            Self::Villar => {
                let (rise, slope, plateau) = (p[4], p[5], p[6]);
                let (below, softplus) = logistic(-d / rise);
                let past = (d - plateau).max(0.0);
                let shape = libm::exp(-past / fall - softplus);
                let until = d.min(plateau);
                let height = amplitude + slope * until;
                let by_exponent = height * shape;
                let is_past = d >= plateau;
                gradient[0] = shape;
                gradient[5] = shape * until;
                gradient[4] = -by_exponent * below * d / (rise * rise);
                gradient[3] = by_exponent * past / (fall * fall);
                let by_rise = -by_exponent * below / rise;
                if is_past {
                    gradient[2] = by_exponent / fall + by_rise;
                    gradient[6] = by_exponent / fall + slope * shape;
                } else {
                    gradient[2] = by_rise - slope * shape;
                    gradient[6] = 0.0;
                }
                by_exponent + baseline
            }
            Self::Linexp => {
                let z = d / fall;
                if z <= 0.0 {
                    (gradient[0], gradient[2], gradient[3]) = (0.0, 0.0, 0.0);
                    return baseline;
                }
                let decay = libm::exp(1.0 - z);
                gradient[0] = z * decay;
                let by_z = amplitude * decay * (1.0 - z);
                gradient[2] = -by_z / fall;
                gradient[3] = -by_z * z / fall;
                amplitude * z * decay + baseline
            }
        }
    }

    /// The curve above its baseline at time `t`.
    pub fn above_baseline(self, p: &[f64], t: f64) -> f64 {
        let mut gradient = [0.0; 7];
        let mut p = p.to_vec();
        p[1] = 0.0;
        self.value(&p, t, &mut gradient[..self.parameters().len()])
    }

    /// When the curve is highest. None where it has no summit: a Bazin that rises slower
    /// than it falls.
    pub fn peak(self, p: &[f64]) -> Option<f64> {
        match self {
            Self::Bazin => {
                let (fall, rise) = (p[3], p[4]);
                (fall > rise).then(|| p[2] + rise * libm::log(fall / rise - 1.0))
            }
            Self::Linexp => Some(p[2] + p[3]),
            Self::Villar => {
                // One summit at most on either side of the plateau's end.
                let (t0, fall, rise, plateau) = (p[2], p[3], p[4], p[6]);
                let end = t0 + plateau;
                let late = if fall > rise { t0 + rise * libm::log(fall / rise - 1.0) } else { end };
                let early = self.highest(p, t0 - 30.0 * rise, end);
                let late = late.max(end);
                let height = |t: f64| self.above_baseline(p, t);
                Some(if height(early) >= height(late) { early } else { late })
            }
        }
    }

    /// By golden sections, to a ten-millionth of the interval.
    fn highest(self, p: &[f64], mut from: f64, mut to: f64) -> f64 {
        const GOLDEN: f64 = 0.618_033_988_749_894_9;
        for _ in 0..60 {
            let (a, b) = (to - GOLDEN * (to - from), from + GOLDEN * (to - from));
            if self.above_baseline(p, a) < self.above_baseline(p, b) { from = a } else { to = b }
        }
        0.5 * (from + to)
    }

    /// Days from half of the height to the peak, and from the peak to half of it.
    pub fn half_widths(self, p: &[f64], peak: f64) -> (Option<f64>, Option<f64>) {
        let half = 0.5 * self.above_baseline(p, peak);
        let width = |sign: f64| {
            let height = |days: f64| self.above_baseline(p, peak + sign * days);
            let mut to = 1e-3;
            while height(to) > half {
                to *= 2.0;
                if to > 1e5 {
                    return None;
                }
            }
            let mut from = 0.0;
            for _ in 0..60 {
                let middle = 0.5 * (from + to);
                if height(middle) > half { from = middle } else { to = middle }
            }
            Some(0.5 * (from + to))
        };
        if half > 0.0 { (width(-1.0), width(1.0)) } else { (None, None) }
    }
}

/// `1 / (1 + exp(−y))` and `log(1 + exp(y))`, for any y.
fn logistic(y: f64) -> (f64, f64) {
    let small = libm::exp(-y.abs());
    let share = if y >= 0.0 { 1.0 / (1.0 + small) } else { small / (1.0 + small) };
    (share, y.max(0.0) + libm::log1p(small))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gradients_are_slopes() {
        let p = [3.0, 0.5, 10.0, 20.0, 4.0, -0.02, 15.0];
        for model in [Model::Bazin, Model::Villar, Model::Linexp] {
            let n = model.parameters().len();
            for t in [-30.0, 5.0, 9.0, 12.0, 20.0, 26.0, 40.0, 200.0] {
                let mut gradient = vec![0.0; n];
                model.value(&p[..n], t, &mut gradient);
                for at in 0..n {
                    let step = 1e-6 * f64::max(1.0, f64::abs(p[at]));
                    let moved = |step: f64| {
                        let mut p = p[..n].to_vec();
                        p[at] += step;
                        model.value(&p, t, &mut vec![0.0; n])
                    };
                    let slope = (moved(step) - moved(-step)) / (2.0 * step);
                    assert!(
                        (slope - gradient[at]).abs() < 1e-7,
                        "{model:?} {t} {at}: {slope} {}",
                        gradient[at]
                    );
                }
            }
        }
    }

    #[test]
    fn peaks_are_peaks() {
        let p = [3.0, 0.5, 10.0, 20.0, 4.0, -0.02, 15.0];
        for model in [Model::Bazin, Model::Villar, Model::Linexp] {
            let p = &p[..model.parameters().len()];
            let peak = model.peak(p).unwrap();
            let height = |t: f64| model.above_baseline(p, t);
            assert!(height(peak) >= height(peak - 0.1) && height(peak) >= height(peak + 0.1));
            let (rise, fall) = model.half_widths(p, peak);
            for t in [peak - rise.unwrap(), peak + fall.unwrap()] {
                assert!((height(t) / height(peak) - 0.5).abs() < 1e-9, "{model:?}");
            }
        }
    }
}
