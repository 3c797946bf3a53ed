//! One source → its periods: columns and cells, in the same order.

use skyloom_plugin::prelude::*;

use crate::alias;
use crate::band::Band;
use crate::cell::{self, Cell, Unit};
use crate::doubling;
use crate::params::{Method, Params, Rank};
use crate::rank::{self, Ranked};
use crate::reason::{Missing, Reason};
use crate::search::Candidate;
use crate::series::Fitter;

/// The columns of what is searched together, their names after `prefix`.
pub fn fields(params: &Params, prefix: &str) -> Vec<Field> {
    let (value, value_about) = match params.method {
        Method::LombScargle => ("power", "Lomb–Scargle power"),
        Method::ConditionalEntropy => ("entropy", "Conditional entropy, in nats"),
        Method::PhaseDispersion => ("dispersion", "Phase dispersion Θ"),
    };
    let mut fields = Vec::new();
    for place in 1..=params.periods {
        let name = name(prefix, place);
        let which = if place == 1 { "Best".to_owned() } else { format!("No. {place}") };
        let about = format!("{which} period");
        fields.push(cell::number(name.clone(), Unit::Day, "time.period", &about));
        let about = format!("{value_about} at {name}");
        fields.push(cell::number(
            format!("{name}_{value}"),
            Unit::One,
            "stat.fit.goodness;time.period",
            &about,
        ));
        if params.method == Method::LombScargle {
            let about = format!("Chance that noise has such a power as at {name}");
            fields.push(cell::number(
                format!("{name}_fap"),
                Unit::One,
                "stat.probability;time.period",
                &about,
            ));
        }
        let about = match place {
            1 => format!("Cadence of the sampling that {name} is near"),
            _ => format!("How {name} is made of the frequency f of {}", self::name(prefix, 1)),
        };
        fields.push(cell::word(format!("{name}_alias"), "meta.code;time.period", &about));
    }
    let best = name(prefix, 1);
    let one = |name: &str, ucd: &str, about: String| {
        cell::number(format!("{best}_{name}"), Unit::One, ucd, &about)
    };
    fields.push(one("window", "stat.Fourier", format!("Power of the sampling itself at {best}")));
    let about = format!("Part of χ² that Fourier series of order {} explain", params.harmonics);
    fields.push(one("series_power", "stat.fit.goodness", about));
    let about = format!("ΔBIC in favour of twice {best}, as of an eclipsing binary");
    fields.push(one("doubling", "stat.fit.goodness", about));
    let about = format!("Whether twice {best} is to be preferred");
    fields.push(cell::flag(format!("{best}_doubled"), &about));
    let about = format!("Why features of {best} are missing");
    fields.push(cell::word(format!("{best}_reason"), "meta.note", &about));
    fields
}

/// `period`, `period_2`, `period_3`, …
fn name(prefix: &str, place: usize) -> String {
    match place {
        1 => format!("{prefix}period"),
        _ => format!("{prefix}period_{place}"),
    }
}

/// Why a source is not searched at all, if it is not.
pub fn unsearched(params: &Params, bands: &[Band]) -> Option<Reason> {
    let has: usize = bands.iter().map(Band::len).sum();
    let needs = params.min_points;
    if has == 0 {
        Some(Reason::NoPoints)
    } else if has < needs {
        Some(Reason::TooFew { has, needs })
    } else if bands.iter().all(Band::is_constant) {
        Some(Reason::Constant)
    } else if span(bands) <= 0.0 {
        Some(Reason::ShortSpan)
    } else {
        None
    }
}

/// Days from the first to the last point of all bands.
fn span(bands: &[Band]) -> f64 {
    let times = || bands.iter().flat_map(|band| band.times.iter().copied());
    times().fold(f64::NEG_INFINITY, f64::max) - times().fold(f64::INFINITY, f64::min)
}

/// The cells of [`fields`], and the frequency of the best period.
pub fn cells(
    params: &Params,
    fitter: &mut Fitter,
    bands: &[Band],
    candidates: &[Candidate],
) -> (Vec<Cell>, Option<f64>) {
    let unsearched = unsearched(params, bands);
    let missing = match unsearched {
        Some(reason) => Some(reason),
        None if candidates.is_empty() => {
            let has_frequencies =
                span(bands) * params.max_frequency * params.samples_per_peak > 0.5;
            Some(if has_frequencies { Reason::NoPeak } else { Reason::ShortSpan })
        }
        None => None,
    };
    if let Some(reason) = missing {
        return (empty(params, reason), None);
    }
    let width = 1.0 / span(bands);
    let ranked = ranked(params, fitter, bands, candidates, width);
    let best = ranked[0];
    let mut missing = Missing::default();
    let mut cells = Vec::new();
    for place in 0..params.periods {
        let alias = match ranked.get(place) {
            None => None,
            Some(_) if place == 0 => {
                alias::of_sampling(bands, best.frequency, width).map(str::to_owned)
            }
            Some(other) => alias::of_other(bands, best.frequency, other.frequency, width),
        };
        let found = ranked.get(place).map(|found| (found.frequency, candidates[found.candidate]));
        push(params, &mut cells, found, alias);
    }
    if ranked.len() < params.periods {
        missing.add(Reason::FewerPeaks { has: ranked.len() }, "further periods");
    }
    let has = bands.iter().map(Band::len).max().unwrap_or_default();
    let why = |needs: usize| {
        if has < needs { Reason::TooFew { has, needs } } else { Reason::Undetermined }
    };
    let power = Some(best.power).filter(|power| power.is_finite());
    if power.is_none() {
        missing.add(why(fitter.needs()), "series_power");
    }
    let doubling = doubling::delta_bic(bands, best.frequency, params.harmonics);
    if doubling.is_none() {
        missing.add(why(Fitter::new(2 * params.harmonics).needs()), "doubling, doubled");
    }
    cells.extend([
        Cell::Number(alias::window(bands, best.frequency)),
        Cell::Number(power.unwrap_or(f64::NAN)),
        Cell::Number(doubling.unwrap_or(f64::NAN)),
        Cell::Flag(doubling.map(|delta| delta > 0.0)),
        Cell::Word(missing.words()),
    ]);
    (cells, Some(best.frequency))
}

fn ranked(
    params: &Params,
    fitter: &mut Fitter,
    bands: &[Band],
    candidates: &[Candidate],
    width: f64,
) -> Vec<Ranked> {
    let frequencies: Vec<_> = candidates.iter().map(|candidate| candidate.frequency).collect();
    match params.rank {
        Rank::Series => rank::rank(fitter, bands, &frequencies, width),
        Rank::Method => {
            let as_they_are = frequencies.iter().enumerate().map(|(candidate, &frequency)| {
                let power = rank::power(fitter, bands, frequency).unwrap_or(f64::NEG_INFINITY);
                Ranked { frequency, power, candidate }
            });
            as_they_are.collect()
        }
    }
}

/// Period, value, false-alarm probability and alias of one place.
fn push(
    params: &Params,
    cells: &mut Vec<Cell>,
    found: Option<(f64, Candidate)>,
    alias: Option<String>,
) {
    let number = |of: fn((f64, Candidate)) -> f64| Cell::Number(found.map_or(f64::NAN, of));
    cells.push(number(|(frequency, _)| 1.0 / frequency));
    cells.push(number(|(_, candidate)| candidate.value));
    if params.method == Method::LombScargle {
        cells.push(number(|(_, candidate)| candidate.false_alarm_probability));
    }
    cells.push(Cell::Word(alias));
}

fn empty(params: &Params, reason: Reason) -> Vec<Cell> {
    let mut cells = Vec::new();
    for _ in 0..params.periods {
        push(params, &mut cells, None, None);
    }
    cells.extend([const { Cell::Number(f64::NAN) }; 3]);
    cells.extend([Cell::Flag(None), Cell::Word(Missing::all(reason).words())]);
    cells
}
