//! One light curve → its features; what several of them need is computed once.

use std::cell::OnceCell;

use light_curve::Curve;

use crate::feature::Feature;
use crate::moments::Moments;
use crate::normality;
use crate::order::{Order, sort_into};
use crate::otsu;
use crate::reason::Reason;
use crate::steps::{Steps, autocorrelation_length, cusum, pair_slope_trend};
use crate::times::Times;
use crate::weighted::{Weighted, WithErrors};
use crate::{line, structure, walk};

/// Points, and what was computed of them so far.
struct Points<'a> {
    times: &'a [f64],
    values: &'a [f64],
    moments: OnceCell<Moments>,
    sorted: OnceCell<Vec<f64>>,
    steps: OnceCell<Steps>,
}

impl<'a> Points<'a> {
    fn of(times: &'a [f64], values: &'a [f64]) -> Self {
        let (moments, sorted, steps) = (OnceCell::new(), OnceCell::new(), OnceCell::new());
        Self { times, values, moments, sorted, steps }
    }

    fn moments(&self) -> &Moments {
        self.moments.get_or_init(|| Moments::of(self.values))
    }

    fn steps(&self) -> &Steps {
        self.steps.get_or_init(|| Steps::of(self.times, self.values))
    }

    fn order(&self) -> Order<'_> {
        Order::of(self.sorted.get_or_init(|| {
            let (mut keys, mut sorted) = (Vec::new(), Vec::new());
            sort_into(self.values, &mut keys, &mut sorted);
            sorted
        }))
    }
}

/// Points that have an error, and what was computed of them so far.
struct Weighed<'a> {
    points: &'a Points<'a>,
    errors: &'a [f64],
    sums: OnceCell<Weighted>,
}

impl Weighed<'_> {
    fn sums(&self) -> &Weighted {
        self.sums.get_or_init(|| Weighted::of(self.points.values, self.errors))
    }
}

/// Computes features of one light curve after the other.
#[derive(Debug)]
pub struct Extractor {
    features: Vec<Feature>,
    n_std: f64,
    columns: usize,
    part: WithErrors,
}

impl Extractor {
    /// For `features`, with `n_std` as [`Moments::beyond`] has it.
    pub fn new(features: &[Feature], n_std: f64) -> Self {
        let columns = features.iter().map(|feature| feature.spec().columns.len()).sum();
        Self { features: features.to_vec(), n_std, columns, part: WithErrors::default() }
    }

    /// The number of columns of all features together.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Puts the features of `curve` into `out`, one number for each column, NaN where there
    /// is none; and into `reasons` why. What is not finite is no number.
    pub fn extract(
        &mut self,
        curve: Curve<'_>,
        out: &mut [f64],
        reasons: &mut Vec<(Feature, Reason)>,
    ) {
        reasons.clear();
        let all = Points::of(curve.times, curve.values);
        let some;
        let (points, errors) = if curve.errors.iter().any(|error| error.is_nan()) {
            self.part.fill(curve.times, curve.values, curve.errors);
            some = Points::of(&self.part.times, &self.part.values);
            (&some, self.part.errors.as_slice())
        } else {
            (&all, curve.errors)
        };
        let weighed = Weighed { points, errors, sums: OnceCell::new() };
        let mut start = 0;
        for feature in &self.features {
            let spec = feature.spec();
            let cells = &mut out[start..start + spec.columns.len()];
            start += spec.columns.len();
            cells.fill(f64::NAN);
            let result = available(spec.needs, spec.weighs, &all, &weighed)
                .and_then(|()| compute(*feature, self.n_std, &all, &weighed, cells));
            let mut finite = true;
            for cell in cells.iter_mut().filter(|cell| !cell.is_finite()) {
                (*cell, finite) = (f64::NAN, false);
            }
            match result {
                Err(reason) => reasons.push((*feature, reason)),
                Ok(()) if !finite => reasons.push((*feature, Reason::NotFinite)),
                Ok(()) => {}
            }
        }
    }
}

/// Whether there are enough points.
fn available(
    needs: usize,
    weighs: bool,
    all: &Points<'_>,
    weighed: &Weighed<'_>,
) -> Result<(), Reason> {
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let (has, has_errors) = (all.values.len(), weighed.errors.len());
    if has == 0 && needs > 0 {
        Err(Reason::NoPoints)
    } else if has < needs {
        Err(Reason::TooFew { has: count(has) })
    } else if weighs && has_errors < needs {
        Err(Reason::TooFewErrors { has: count(has_errors) })
    } else {
        Ok(())
    }
}

/// One feature of enough points into `out`.
fn compute(
    feature: Feature,
    n_std: f64,
    all: &Points<'_>,
    weighed: &Weighed<'_>,
    out: &mut [f64],
) -> Result<(), Reason> {
    let Points { times, values, .. } = *all;
    let (points, errors) = (weighed.points, weighed.errors);
    out[0] = match feature {
        Feature::Amplitude => all.moments().amplitude(),
        Feature::AndersonDarlingNormal => normality::anderson_darling(&all.order(), all.moments())?,
        Feature::AutocorrelationLength => autocorrelation_length(values, all.moments())?,
        Feature::BeyondNStd => all.moments().beyond(values, n_std),
        Feature::BiweightLocation => all.order().biweight_location()?,
        Feature::BiweightScale => all.order().biweight_scale()?,
        Feature::Chi2 => weighed.sums().chi2,
        Feature::Cusum => cusum(values, all.moments())?,
        Feature::DampedRandomWalk => {
            let walk = walk::fit(points.times, points.values, errors, points.moments())?;
            out[1] = walk.tau;
            walk.sigma
        }
        Feature::Eta => all.steps().eta(all.moments())?,
        Feature::EtaE => all.steps().eta_e(all.moments())?,
        Feature::ExcessVariance => weighed.sums().excess_variance(points.moments())?,
        Feature::InterPercentileRange => all.order().inter_percentile_range(),
        Feature::InverseVonNeumann => all.steps().inverse_von_neumann(all.moments())?,
        Feature::Kurtosis => all.moments().kurtosis()?,
        Feature::LaflerKinmanStringLength => {
            all.steps().lafler_kinman_string_length(all.moments())?
        }
        Feature::LinearFit => line_into(line::fit(points.times, points.values, errors)?, out),
        Feature::LinearTrend => line_into(line::trend(times, values)?, out),
        Feature::MagnitudePercentageRatio => {
            all.order().magnitude_percentage_ratio(all.moments())?
        }
        Feature::MaximumSlope => all.steps().maximum_slope()?,
        Feature::MaximumTimeInterval => all.steps().maximum_time_interval(),
        Feature::Mean => all.moments().mean,
        Feature::Median => all.order().median,
        Feature::MedianAbsoluteDeviation => all.order().median_absolute_deviation(),
        Feature::MedianBufferRangePercentage => {
            all.order().median_buffer_range_percentage(all.moments())
        }
        Feature::MinimumTimeInterval => all.steps().minimum_time_interval(),
        Feature::ObservationCount => values.len() as f64,
        Feature::OtsuSplit => {
            let parts = otsu::split(all.order().values(), all.moments())?;
            (out[0], out[3]) = (parts.mean_diff, parts.lower_to_all_ratio);
            out[1] = parts.std_lower.unwrap_or(f64::NAN);
            out[2] = parts.std_upper.unwrap_or(f64::NAN);
            return parts.std_lower.and(parts.std_upper).map(|_| ());
        }
        Feature::PairSlopeTrend => pair_slope_trend(values),
        Feature::PercentAmplitude => all.order().percent_amplitude(all.moments()),
        Feature::PercentDifferenceMagnitudePercentile => {
            all.order().percent_difference_magnitude_percentile()?
        }
        Feature::ReducedChi2 => weighed.sums().reduced_chi2(),
        Feature::Roms => weighed.sums().roms(points.values, errors, points.order().median),
        Feature::Skew => all.moments().skew()?,
        Feature::StandardDeviation => all.moments().standard_deviation(),
        Feature::StetsonI => weighed.sums().stetson_i(points.values, errors),
        Feature::StetsonJ => weighed.sums().stetson_j(points.values, errors),
        Feature::StetsonK => weighed.sums().stetson_k(points.moments())?,
        Feature::StructureFunction => {
            let law = structure::fit(points.times, points.values, errors)?;
            out[1] = law.slope;
            law.amplitude
        }
        Feature::TimeMean => Times::of(times).mean,
        Feature::TimeSpan => all.steps().time_span(),
        Feature::TimeStandardDeviation => Times::of(times).standard_deviation(times.len() as f64),
        Feature::WeightedMean => weighed.sums().mean,
    };
    Ok(())
}

fn line_into(line: line::Line, out: &mut [f64]) -> f64 {
    (out[1], out[2]) = (line.slope_sigma, line.residual);
    line.slope
}

/// The words for what is missing: each reason, and the features it concerns. None if nothing
/// is missing.
pub fn words(reasons: &[(Feature, Reason)]) -> Option<String> {
    let (_, first) = reasons.first()?;
    if *first == Reason::NoPoints {
        return Some(first.words());
    }
    let mut text = String::new();
    for (index, (_, reason)) in reasons.iter().enumerate() {
        if reasons[..index].iter().any(|(_, earlier)| earlier == reason) {
            continue;
        }
        if !text.is_empty() {
            text.push_str("; ");
        }
        text.push_str(&reason.words());
        let mut mark = ": ";
        for (feature, _) in reasons.iter().filter(|(_, other)| other == reason) {
            text.push_str(mark);
            text.push_str(feature.name());
            if matches!(reason, Reason::TooFew { .. } | Reason::TooFewErrors { .. }) {
                text.push_str(&format!(" needs {}", feature.spec().needs));
            }
            mark = ", ";
        }
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_gathered() {
        let features = [Feature::Skew, Feature::Eta, Feature::Kurtosis, Feature::Mean];
        let mut extractor = Extractor::new(&features, 1.0);
        let (mut out, mut reasons) = ([0.0; 4], Vec::new());
        let curve = Curve { times: &[1.0, 2.0], values: &[3.0, 3.0], errors: &[f64::NAN; 2] };
        extractor.extract(curve, &mut out, &mut reasons);
        assert_eq!(out[3], 3.0);
        let expected =
            "too few points, has 2: skew needs 3, kurtosis needs 4; constant values: eta";
        assert_eq!(words(&reasons).as_deref(), Some(expected));
        let nothing = Curve { times: &[], values: &[], errors: &[] };
        extractor.extract(nothing, &mut out, &mut reasons);
        assert_eq!(words(&reasons).as_deref(), Some("no points"));
    }
}
