//! The shape of a folded curve, as ratios and phases of a Fourier series.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::series::Series;

/// By which function phases are told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Convention {
    /// x = A_0 + Σ A_k cos(2πk f t + φ_k), as in OGLE's catalogues (Soszyński et al. 2009,
    /// Acta Astronomica 59, 1).
    #[default]
    Cosine,
    /// x = A_0 + Σ A_k sin(2πk f t + φ_k).
    Sine,
}

/// A harmonic against the first: its ratio of amplitudes and difference of phases.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Harmonic {
    /// R_k1 = A_k / A_1, 0 or more.
    pub ratio: f64,
    /// φ_k1 = φ_k − k φ_1 in radians, in [0, 2π).
    pub phase_rad: f64,
}

/// The harmonics of `series` from the second on (Simon & Lee 1981, doi:10.1086/158752).
///
/// They do not depend on the epoch. A sine's φ_k1 is the cosine's plus (1 − k) π/2. Of a flux
/// and not of a magnitude, A_k changes sign, and with it φ_k1 by (1 − k) π. NaN where A_1 is 0.
pub fn harmonics(series: &Series, convention: Convention) -> Vec<Harmonic> {
    let amplitude = |k: usize| libm::hypot(series.cos[k], series.sin[k]);
    // a cos θ + b sin θ = A cos(θ + φ) with a = A cos φ and b = −A sin φ.
    let phase = |k: usize| match convention {
        Convention::Cosine => libm::atan2(-series.sin[k], series.cos[k]),
        Convention::Sine => libm::atan2(series.cos[k], series.sin[k]),
    };
    let (first, first_phase) = (amplitude(0), phase(0));
    (1..series.cos.len())
        .map(|k| Harmonic {
            ratio: if first > 0.0 { amplitude(k) / first } else { f64::NAN },
            phase_rad: if first > 0.0 {
                turned(phase(k) - (k + 1) as f64 * first_phase)
            } else {
                f64::NAN
            },
        })
        .collect()
}

/// The amplitude of the first harmonic, A_1.
pub fn first_amplitude(series: &Series) -> f64 {
    libm::hypot(series.cos[0], series.sin[0])
}

/// Half of the way from the least to the greatest value of the series, looked for at 256 phases:
/// for `order` n within (πn/256)²/2 of itself.
pub fn amplitude(series: &Series) -> f64 {
    const PHASES: u32 = 256;
    let values = (0..PHASES).map(|at| series.at(f64::from(at) / f64::from(PHASES)));
    let (least, greatest) = values
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(least, greatest), value| {
            (f64::min(least, value), f64::max(greatest, value))
        });
    0.5 * (greatest - least)
}

/// An angle in [0, 2π).
fn turned(angle: f64) -> f64 {
    let tau = std::f64::consts::TAU;
    let turned = angle - tau * (angle / tau).floor();
    // An angle just below 0 can round up to the end.
    if turned < tau { turned } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::{FRAC_PI_2, PI, TAU};

    /// A_k and φ_k of a cosine series.
    fn series(terms: &[(f64, f64)]) -> Series {
        let cos = terms.iter().map(|(a, phase)| a * phase.cos()).collect();
        let sin = terms.iter().map(|(a, phase)| -a * phase.sin()).collect();
        Series { mean: 0.0, cos, sin }
    }

    #[test]
    fn ratios_and_phases_do_not_depend_on_the_epoch() {
        for shift in [0.0, 0.7, 3.9] {
            let terms = [(0.5, 1.0 + shift), (0.25, 0.3 + 2.0 * shift), (0.1, 5.0 + 3.0 * shift)];
            let found = harmonics(&series(&terms), Convention::Cosine);
            assert!((found[0].ratio - 0.5).abs() < 1e-14 && (found[1].ratio - 0.2).abs() < 1e-14);
            assert!((found[0].phase_rad - (0.3 - 2.0 + TAU)).abs() < 1e-14, "{found:?}");
            assert!((found[1].phase_rad - 2.0).abs() < 1e-13, "{found:?}");
            let sines = harmonics(&series(&terms), Convention::Sine);
            assert!((sines[0].phase_rad - (found[0].phase_rad - FRAC_PI_2)).abs() < 1e-13);
            assert!((sines[1].phase_rad - (2.0 - PI + TAU)).abs() < 1e-13);
        }
    }

    #[test]
    fn angles_stay_below_a_turn() {
        assert_eq!((turned(-1e-20), turned(TAU), turned(-PI)), (0.0, 0.0, PI));
    }

    #[test]
    fn the_amplitude_is_of_the_whole_series() {
        let sine = series(&[(0.5, 0.4)]);
        assert!(
            (amplitude(&sine) - 0.5).abs() < 1e-4 && (first_amplitude(&sine) - 0.5).abs() < 1e-15
        );
        assert!(harmonics(&series(&[(0.0, 0.0), (1.0, 0.0)]), Convention::Sine)[0].ratio.is_nan());
    }
}
