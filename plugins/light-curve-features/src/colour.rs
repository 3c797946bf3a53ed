//! Two bands at a time.

use light_curve::{Curve, Kind};

use crate::lanes::sums;
use crate::reason::{Reason, Value};

/// The colour of two values of one time, `bluer` and `redder`.
///
/// For magnitudes m₁ − m₂. For fluxes the contrast (f₁ − f₂)/(|f₁| + |f₂|), in −1..=1: it
/// needs neither zero points nor a softening, and negative fluxes, as difference images have
/// them, do it no harm. It grows as the light gets bluer; for positive fluxes of one unit
/// it is tanh(0.4605 (m₂ − m₁)). NaN if both fluxes are zero.
pub fn colour(kind: Kind, bluer: f64, redder: f64) -> f64 {
    match kind {
        Kind::Magnitude => bluer - redder,
        Kind::Flux => (bluer - redder) / (bluer.abs() + redder.abs()),
    }
}

/// The colours of a source, and the light they were seen at.
#[derive(Debug, Default)]
pub struct Colours {
    colours: Vec<f64>,
    /// Brightness in the first band.
    light: Vec<f64>,
}

impl Colours {
    /// Each point of `first` with the point of `second` that is next to it in time, the later
    /// of two as near, if they are at most `within_day` days apart. A point of `second` may
    /// serve several times. Pairs without colour are left out.
    pub fn fill(
        &mut self,
        kind: Kind,
        first: Curve<'_>,
        second: Curve<'_>,
        within_day: f64,
    ) -> &Self {
        self.colours.clear();
        self.light.clear();
        let mut at = 0;
        for (time, value) in first.times.iter().zip(first.values) {
            let distance = |at: usize| second.times.get(at).map(|other| (other - time).abs());
            while distance(at + 1).is_some_and(|next| Some(next) <= distance(at)) {
                at += 1;
            }
            if distance(at).is_none_or(|distance| distance > within_day) {
                continue;
            }
            let colour = colour(kind, *value, second.values[at]);
            if !colour.is_nan() {
                self.colours.push(colour);
                self.light.push(if kind == Kind::Flux { *value } else { -value });
            }
        }
        self
    }

    /// The mean of the colours. From 1 pair.
    ///
    /// # Errors
    /// [`Reason::NoneTogether`].
    pub fn mean(&self) -> Value {
        let [sum] = sums([&self.colours], |[colour]| [colour]);
        self.any()?;
        Ok(sum / self.colours.len() as f64)
    }

    /// The colour when the first band was brightest, at the earliest such time.
    ///
    /// # Errors
    /// [`Reason::NoneTogether`].
    pub fn at_maximum(&self) -> Value {
        self.at(|this, best| this > best)
    }

    /// The colour when the first band was faintest, at the earliest such time.
    ///
    /// # Errors
    /// [`Reason::NoneTogether`].
    pub fn at_minimum(&self) -> Value {
        self.at(|this, best| this < best)
    }

    /// The standard deviation (n − 1) of the colours. From 2 pairs.
    ///
    /// # Errors
    /// [`Reason::NoneTogether`]; [`Reason::TooFew`] of one pair.
    pub fn spread(&self) -> Value {
        let mean = self.mean()?;
        let n = self.colours.len();
        if n < 2 {
            return Err(Reason::TooFew { has: 1 });
        }
        let [square] = sums([&self.colours], |[colour]| {
            let off = colour - mean;
            [off * off]
        });
        Ok((square / (n as f64 - 1.0)).sqrt())
    }

    fn any(&self) -> Result<(), Reason> {
        if self.colours.is_empty() { Err(Reason::NoneTogether) } else { Ok(()) }
    }

    fn at(&self, beats: impl Fn(f64, f64) -> bool) -> Value {
        self.any()?;
        let mut best = 0;
        for (at, light) in self.light.iter().enumerate() {
            if beats(*light, self.light[best]) {
                best = at;
            }
        }
        Ok(self.colours[best])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve<'a>(times: &'a [f64], values: &'a [f64]) -> Curve<'a> {
        Curve { times, values, errors: &[] }
    }

    #[test]
    fn points_are_matched_in_time() {
        let mut colours = Colours::default();
        let first = curve(&[1.0, 2.0, 9.0], &[20.0, 19.0, 21.0]);
        let second = curve(&[1.1, 1.1, 1.9, 5.0, 9.2], &[0.0, 19.5, 19.25, 0.0, 19.0]);
        let found = colours.fill(Kind::Magnitude, first, second, 0.5);
        assert_eq!(found.colours, [0.5, -0.25, 2.0]);
        assert_eq!((found.at_maximum(), found.at_minimum()), (Ok(-0.25), Ok(2.0)));
        assert_eq!(found.mean(), Ok(0.75));
        let none = colours.fill(Kind::Magnitude, first, second, 0.01);
        assert_eq!(none.mean(), Err(Reason::NoneTogether));
        let nothing = colours.fill(Kind::Magnitude, first, curve(&[], &[]), 0.5);
        assert_eq!(nothing.spread(), Err(Reason::NoneTogether));
    }

    #[test]
    fn negative_fluxes_have_a_contrast() {
        assert_eq!(colour(Kind::Flux, 3.0, 1.0), 0.5);
        assert_eq!(colour(Kind::Flux, -3.0, 1.0), -1.0);
        assert!(colour(Kind::Flux, 0.0, 0.0).is_nan());
    }
}
