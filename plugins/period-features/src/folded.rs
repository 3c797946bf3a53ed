//! One band of a source, folded with its period: columns and cells, in the same order.

use light_curve::Light;
use skyloom_plugin::prelude::*;

use crate::band::{Band, deviation};
use crate::cell::{self, Cell, Unit};
use crate::doubling::chi2;
use crate::fold::Fold;
use crate::params::Params;
use crate::reason::{Missing, Reason};
use crate::series::{Fitter, Series};
use crate::shape;

/// The columns of a band.
pub fn fields(params: &Params, band: &str, light: &Light) -> Vec<Field> {
    let light = |name: &str, ucd: &str, about: &str| {
        cell::of_light(format!("{band}_{name}"), light, ucd, &format!("{band}: {about}"))
    };
    let one = |name: &str, ucd: &str, about: &str| {
        cell::number(format!("{band}_{name}"), Unit::One, ucd, &format!("{band}: {about}"))
    };
    let mut fields = vec![
        light("fourier_mean", "stat.mean;phot", "mean of the Fourier series"),
        light("fourier_amplitude", "src.var.amplitude;phot", "half of the range of the series"),
        light("fourier_a1", "stat.Fourier.amplitude;phot", "amplitude A_1 of the first harmonic"),
    ];
    for k in 2..=params.harmonics {
        let about = format!("ratio of amplitudes A_{k}/A_1");
        fields.push(one(&format!("fourier_r{k}1"), "stat.Fourier.amplitude;arith.ratio", &about));
        let about = format!("{band}: phase φ_{k} − {k} φ_1");
        let name = format!("{band}_fourier_phi{k}1");
        fields.push(cell::number(name, Unit::Radian, "time.phase;stat.Fourier", &about));
    }
    fields.extend([
        one("fourier_reduced_chi2", "stat.fit.chi2", "reduced χ² of the series"),
        light("fourier_scatter", "stat.fit.residual;phot", "root mean square about the series"),
        one("fourier_scatter_ratio", "stat.fit.goodness", "scatter by standard deviation"),
        one("folded_string_length", "src.var.index", "Dworetsky's string length"),
        one("folded_lafler_kinman", "src.var.index", "Lafler and Kinman's statistic, folded"),
        one("folded_eta", "src.var.index", "von Neumann's η in order of phase"),
        one("folded_cusum", "src.var.index", "range of cumulative sums in order of phase"),
    ]);
    let about = format!("Why features of {band} are missing");
    fields.push(cell::word(format!("{band}_folded_reason"), "meta.note", &about));
    fields
}

/// The cells of [`fields`], at the frequency of the best period.
pub fn cells(
    params: &Params,
    fitter: &mut Fitter,
    band: &Band,
    frequency: Option<f64>,
) -> Vec<Cell> {
    let nothing = match frequency {
        _ if band.is_empty() => Some(Reason::NoPoints),
        None => Some(Reason::NoPeriod),
        _ if band.is_constant() => Some(Reason::Constant),
        _ => None,
    };
    let n_series = 2 * params.harmonics + 4;
    let (Some(frequency), None) = (frequency, nothing) else {
        let mut cells = vec![Cell::Number(f64::NAN); n_series + 4];
        let reason = nothing.unwrap_or(Reason::NoPeriod);
        cells.push(Cell::Word(Missing::all(reason).words()));
        return cells;
    };
    let mut missing = Missing::default();
    let mut numbers = match fitter.fit(band, frequency) {
        Some(series) => of_series(params, fitter, &series, band, frequency),
        None => {
            let (has, needs) = (band.len(), fitter.needs());
            let few = has < needs;
            let reason = if few { Reason::TooFew { has, needs } } else { Reason::Undetermined };
            missing.add(reason, "fourier");
            vec![f64::NAN; n_series]
        }
    };
    if !band.has_errors {
        missing.add(Reason::NoErrors, "fourier_reduced_chi2");
    }
    let fold = Fold::new(&band.times, &band.values, frequency);
    numbers.extend([fold.string_length, fold.lafler_kinman, fold.eta, fold.cusum]);
    let mut cells: Vec<_> = numbers.into_iter().map(Cell::Number).collect();
    cells.push(Cell::Word(missing.words()));
    cells
}

fn of_series(
    params: &Params,
    fitter: &Fitter,
    series: &Series,
    band: &Band,
    frequency: f64,
) -> Vec<f64> {
    let mut numbers = vec![series.mean, shape::amplitude(series), shape::first_amplitude(series)];
    for harmonic in shape::harmonics(series, params.phases) {
        numbers.extend([harmonic.ratio, harmonic.phase_rad]);
    }
    let residuals = series.residuals(band, frequency);
    let freedom = band.len() + 1 - fitter.needs();
    let reduced = chi2(&residuals, band) / freedom as f64;
    let squares: f64 = residuals.iter().map(|rest| rest * rest).sum();
    let scatter = (squares / band.len() as f64).sqrt();
    numbers.extend([
        if band.has_errors { reduced } else { f64::NAN },
        scatter,
        scatter / deviation(&band.values),
    ]);
    numbers
}
