//! Sources → what a kernel of the host finds in them.

use skyloom_plugin::kernels::{self, Curves, Search};
use skyloom_plugin::prelude::*;

use crate::band::{Band, deviation};
use crate::false_alarm;
use crate::params::{Method, Params};

/// A frequency, and what the method says of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// In cycles per day.
    pub frequency: f64,
    /// Power, entropy or dispersion.
    pub value: f64,
    /// Of Lomb–Scargle peaks only; else NaN.
    pub false_alarm_probability: f64,
}

/// The best candidates of each source by the method alone, the best first. `sources` have one
/// [`Band`] for each that is searched together; those that are empty have no candidates.
///
/// Conditional entropy and phase dispersion know no bands: values of each are brought to mean 0
/// and deviation 1 and then taken as of one.
///
/// # Errors
/// The kernel's.
pub fn search(params: &Params, sources: &[Vec<Band>]) -> Result<Vec<Vec<Candidate>>> {
    let points = Points::of(sources, params.method)?;
    let search = params.search();
    if params.method == Method::LombScargle {
        return lomb_scargle(params, sources, &points, &search);
    }
    let curves = Curves::new(&points.offsets, &points.times, &points.values, None, None)?;
    let found = match params.method {
        Method::ConditionalEntropy => {
            kernels::conditional_entropy(&curves, &search, &kernels::EntropyBins::default())?
        }
        _ => kernels::phase_dispersion(&curves, &search, &kernels::DispersionBins::default())?,
    };
    let candidate = |found: &kernels::Extremum| Candidate {
        frequency: found.frequency,
        value: found.value,
        false_alarm_probability: f64::NAN,
    };
    Ok(found.iter().map(|minima| minima.iter().map(candidate).collect()).collect())
}

fn lomb_scargle(
    params: &Params,
    sources: &[Vec<Band>],
    points: &Points,
    search: &Search,
) -> Result<Vec<Vec<Candidate>>> {
    let Points { offsets, times, values, errors, bands } = points;
    let curves = Curves::new(offsets, times, values, Some(errors), Some(bands))?;
    let found = kernels::lomb_scargle(&curves, search)?;
    let of_source = |(peaks, source): (&Vec<kernels::Peak>, &Vec<Band>)| {
        let candidate = |peak: &kernels::Peak| Candidate {
            frequency: peak.frequency,
            value: peak.power,
            // The kernel has none for several bands.
            false_alarm_probability: false_alarm::probability(
                source,
                peak.power,
                params.max_frequency,
            ),
        };
        peaks.iter().map(candidate).collect()
    };
    Ok(found.iter().zip(sources).map(of_source).collect())
}

/// All sources behind each other, as kernels want them.
#[derive(Default)]
struct Points {
    offsets: Vec<u32>,
    times: Vec<f64>,
    values: Vec<f64>,
    errors: Vec<f64>,
    bands: Vec<u8>,
}

impl Points {
    fn of(sources: &[Vec<Band>], method: Method) -> Result<Self> {
        let mut all = Self { offsets: vec![0], ..Self::default() };
        for source in sources {
            for (number, band) in source.iter().enumerate() {
                let scale = match method {
                    Method::LombScargle => 1.0,
                    Method::ConditionalEntropy | Method::PhaseDispersion => {
                        1.0 / deviation(&band.values)
                    }
                };
                all.times.extend(&band.times);
                all.values.extend(band.values.iter().map(|value| scale * value));
                all.errors.extend(&band.errors);
                let number = u8::try_from(number).map_err(Error::failed)?;
                all.bands.resize(all.times.len(), number);
            }
            all.offsets.push(u32::try_from(all.times.len()).map_err(Error::failed)?);
        }
        Ok(all)
    }
}
