//! What scoring needs to know of one prediction: five numbers, however many classes there are.

/// Bins of equal width over confidence in the expected calibration error.
pub const N_BINS: usize = 15;

/// One scored row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outcome {
    /// Index of the true class.
    pub truth: u32,
    /// Index of the predicted class.
    pub predicted: u32,
    /// The predicted class's probability, in [0, 1].
    pub confidence: f64,
    /// −ln of the true class's probability, that clipped to [ε, 1 − ε] with ε = 2⁻⁵²; in nats.
    pub log_loss: f64,
    /// Σ over classes of (p − [class is truth])², in [0, 2]. Brier 1950, Monthly Weather
    /// Review 78, 1, doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2.
    pub brier: f64,
}

impl Outcome {
    /// Judges a row's `probabilities`, one for each class.
    ///
    /// # Panics
    /// When `truth` or `predicted` is no index into `probabilities`.
    pub fn of(probabilities: &[f64], truth: usize, predicted: usize) -> Self {
        let clipped = probabilities[truth].clamp(f64::EPSILON, 1.0 - f64::EPSILON);
        let distance = |(class, p): (usize, &f64)| {
            let off = if class == truth { p - 1.0 } else { *p };
            off * off
        };
        Self {
            truth: truth as u32,
            predicted: predicted as u32,
            confidence: probabilities[predicted],
            log_loss: -libm::log(clipped),
            brier: probabilities.iter().enumerate().map(distance).sum(),
        }
    }

    /// Whether the predicted class is the true one.
    pub fn is_correct(&self) -> bool {
        self.truth == self.predicted
    }

    /// The bin of the confidence: bin k is (k/15, (k+1)/15], and 0 is in the first.
    pub fn bin(&self) -> usize {
        let edges = (1..N_BINS).map(|k| k as f64 / N_BINS as f64);
        edges.take_while(|edge| *edge < self.confidence).count()
    }
}

/// The class of the largest probability, the earlier one on a tie.
pub fn likeliest(probabilities: &[f64]) -> usize {
    let mut best = 0;
    for (class, p) in probabilities.iter().enumerate() {
        if *p > probabilities[best] {
            best = class;
        }
    }
    best
}

/// What makes a row of probabilities no distribution.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum NotDistribution {
    /// One of them is NaN or outside [0, 1].
    Value(f64),
    /// They do not sum to 1 within 10⁻⁶.
    Sum(f64),
}

/// Whether `probabilities` lie in [0, 1] and sum to 1, each within 10⁻⁶: room for those
/// that went through a 32-bit column.
///
/// # Errors
/// [`NotDistribution`] otherwise.
pub fn check_distribution(probabilities: &[f64]) -> Result<(), NotDistribution> {
    const SLACK: f64 = 1e-6;
    let outside = |p: &&f64| !(-SLACK..=1.0 + SLACK).contains(*p);
    if let Some(p) = probabilities.iter().find(outside) {
        return Err(NotDistribution::Value(*p));
    }
    let sum: f64 = probabilities.iter().sum();
    if (sum - 1.0).abs() > SLACK { Err(NotDistribution::Sum(sum)) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bin_of(confidence: f64) -> usize {
        let row = Outcome { truth: 0, predicted: 0, confidence, log_loss: 0.0, brier: 0.0 };
        row.bin()
    }

    #[test]
    fn bins_are_open_below_and_closed_above() {
        assert_eq!(bin_of(0.0), 0);
        assert_eq!(bin_of(1.0), 14);
        // 0.6 is an edge, and what forests of 300 trees often say.
        assert_eq!(bin_of(0.6), 8);
        assert_eq!(bin_of(0.6 + 1e-15), 9);
        assert_eq!(bin_of(1.0 / 15.0), 0);
    }

    #[test]
    fn a_certain_miss_is_dear_but_finite() {
        let miss = Outcome::of(&[1.0, 0.0], 1, 0);
        assert!((miss.log_loss - 52.0 * std::f64::consts::LN_2).abs() < 1e-12);
        assert_eq!(miss.brier, 2.0);
    }

    #[test]
    fn ties_go_to_the_earlier_class() {
        assert_eq!(likeliest(&[0.2, 0.4, 0.4]), 1);
    }

    #[test]
    fn distributions_are_told_from_others() {
        assert_eq!(check_distribution(&[0.25, 0.75]), Ok(()));
        assert_eq!(check_distribution(&[0.5, 0.75]), Err(NotDistribution::Sum(1.25)));
        assert_eq!(check_distribution(&[-0.5, 1.5]), Err(NotDistribution::Value(-0.5)));
        assert!(check_distribution(&[f64::NAN, 0.5]).is_err());
    }
}
