//! Statistics of light curves, band by band, and colours.
//!
//! Numbers in, numbers out:
//!
//! - [`lanes`]: sums in a fixed order;
//! - [`reason`]: why a feature has no value;
//! - [`moments`], [`order`], [`normality`], [`otsu`]: of the values alone;
//! - [`times`], [`steps`], [`mod@line`]: with their times;
//! - [`weighted`], [`structure`], [`walk`]: with their errors, too;
//! - [`colour`]: of two bands.
//!
//! Then [`feature`], the catalogue; [`extract`], one light curve → its features;
//! [`params`], what the user may ask for; and here: which columns come in and which go out.

use skyloom_plugin::arrow_array::UInt32Array;
use skyloom_plugin::arrow_array::builder::StringBuilder;
use skyloom_plugin::prelude::*;

use colour::Colours;
use extract::Extractor;
use feature::{Feature, Unit};
use light_curve::{BandColumn, Kind};
pub use params::Params;
use reason::{Reason, Value};

pub mod lanes;
pub mod reason;
pub mod moments;
pub mod order;
pub mod normality;
pub mod otsu;
pub mod times;
pub mod steps;
pub mod line;
pub mod weighted;
pub mod structure;
pub mod walk;
pub mod colour;
pub mod feature;
pub mod extract;
pub mod params;

/// The plugin.
pub struct LightCurveFeatures;

impl Plugin for LightCurveFeatures {
    type Params = Params;

    fn describe() -> Descriptor {
        descriptor!(Role::FeatureExtractor, Scope::Partition)
            .input("table", "A row for each source and a column of light curves for each band.")
            .output("features", "The same table and what was computed of the light curves.")
            .cite("doi:10.1088/0004-637X/733/1/10")
            .cite("doi:10.1093/mnras/stw157")
            .cite("doi:10.1093/mnras/stw2262")
    }

    fn bind(params: &Params, bind: &mut Bind) -> Result<()> {
        params.check()?;
        let fields = bind.fields("table")?.clone();
        let columns = params.columns(&fields)?;
        let pairs = params.pairs(&columns)?;
        for column in &columns {
            bind.column("table", &column.column, None)?.read(Purpose::Value);
        }
        for field in &fields {
            let is_dropped =
                params.light_curves == params::Curves::Drop && BandColumn::of(field).is_some();
            if !is_dropped {
                bind.pass("features", "table", field.name())?;
            }
        }
        for column in &columns {
            for field in band_fields(params, column) {
                bind.add("features", field)?;
            }
        }
        for (a, b) in pairs {
            for field in colour_fields(&columns[a], &columns[b]) {
                bind.add("features", field)?;
            }
        }
        Ok(())
    }

    fn map(params: &Params, batch: &Batch) -> Result<Vec<ArrayRef>> {
        let bands = params.columns(batch.fields())?;
        let curves: Vec<_> = bands
            .iter()
            .map(|band| light_curve::Curves::read(batch, band))
            .collect::<Result<_>>()?;
        let mut columns = Vec::new();
        for curves in &curves {
            columns.extend(band_columns(params, curves));
        }
        for (a, b) in params.pairs(&bands)? {
            let (first, second) = (&curves[a], &curves[b]);
            columns.extend(colour_columns(bands[a].light.kind, first, second, params.match_days));
        }
        Ok(columns)
    }
}

export!(LightCurveFeatures);

/// A band's new columns: its features, and why some are missing.
fn band_fields(params: &Params, column: &BandColumn) -> Vec<Field> {
    let band = &column.band;
    let mut fields = Vec::new();
    for feature in &params.features {
        for spec in feature.spec().columns {
            let field = spec.field(band, &column.light);
            fields.push(match feature {
                Feature::BeyondNStd => field.with_description(&format!(
                    "{band}: share of points more than {} standard deviations from the mean",
                    params.n_std
                )),
                _ => field,
            });
        }
    }
    fields.push(reason_field(band, &format!("Why features in {band} are missing")));
    fields
}

fn reason_field(name: &str, about: &str) -> Field {
    let field = Field::new(format!("{name}_reason"), DataType::Utf8, true);
    field.with_ucd("meta.note").with_description(about)
}

/// What [`band_fields`] declares.
fn band_columns(params: &Params, curves: &light_curve::Curves) -> Vec<ArrayRef> {
    let mut extractor = Extractor::new(&params.features, params.n_std);
    let mut columns: Vec<_> =
        (0..extractor.columns()).map(|_| Vec::with_capacity(curves.len())).collect();
    let mut numbers = vec![f64::NAN; extractor.columns()];
    let (mut reasons, mut words) = (Vec::new(), StringBuilder::new());
    for row in 0..curves.len() {
        extractor.extract(curves.get(row), &mut numbers, &mut reasons);
        for (column, number) in columns.iter_mut().zip(&numbers) {
            column.push(*number);
        }
        words.append_option(extract::words(&reasons));
    }
    let units = params.features.iter().flat_map(|feature| feature.spec().columns);
    let mut arrays: Vec<ArrayRef> = units
        .zip(&columns)
        .map(|(spec, numbers)| match spec.unit {
            Unit::Count => counts(numbers),
            _ => present(numbers),
        })
        .collect();
    arrays.push(Arc::new(words.finish()));
    arrays
}

/// The new columns of a colour: four features, and why some are missing.
fn colour_fields(a: &BandColumn, b: &BandColumn) -> Vec<Field> {
    let name = format!("{}-{}", a.band, b.band);
    let (ucd, what) = match a.light.kind {
        Kind::Magnitude => ("phot.color", format!("{} minus {}", a.band, b.band)),
        Kind::Flux => ("arith.ratio;phot.flux", format!("contrast of {} and {}", a.band, b.band)),
    };
    let features = [
        ("colour_mean", format!("stat.mean;{ucd}"), format!("mean {what}")),
        ("colour_at_maximum", ucd.to_owned(), format!("{what} when {} was brightest", a.band)),
        ("colour_at_minimum", ucd.to_owned(), format!("{what} when {} was faintest", a.band)),
        ("colour_spread", format!("stat.stdev;{ucd}"), format!("standard deviation of {what}")),
    ];
    let unit = a.light.unit.as_deref().filter(|_| a.light.kind == Kind::Magnitude);
    let mut fields: Vec<_> = features
        .into_iter()
        .map(|(feature, ucd, about)| {
            let field = Field::new(format!("{name}_{feature}"), DataType::Float64, true);
            let field = field.with_ucd(&ucd).with_description(&about);
            match unit {
                Some(unit) => field.with_unit(unit),
                None => field,
            }
        })
        .collect();
    fields.push(reason_field(&name, &format!("Why colours of {name} are missing")));
    fields
}

/// What [`colour_fields`] declares.
fn colour_columns(
    kind: Kind,
    first: &light_curve::Curves,
    second: &light_curve::Curves,
    within_day: f64,
) -> Vec<ArrayRef> {
    let mut colours = Colours::default();
    let mut columns = [const { Vec::new() }; 4];
    let mut words = StringBuilder::new();
    for row in 0..first.len() {
        let found = colours.fill(kind, first.get(row), second.get(row), within_day);
        let values = [found.mean(), found.at_maximum(), found.at_minimum(), found.spread()];
        for (column, value) in columns.iter_mut().zip(values) {
            column.push(value.ok().filter(|value| value.is_finite()).unwrap_or(f64::NAN));
        }
        words.append_option(colour_words(values));
    }
    let mut arrays: Vec<_> = columns.iter().map(|column| present(column)).collect();
    arrays.push(Arc::new(words.finish()));
    arrays
}

/// The words for what is missing of a colour.
fn colour_words(values: [Value; 4]) -> Option<String> {
    match values {
        [Err(reason), ..] => Some(reason.words()),
        [.., Err(_)] => Some("too few points close in time, has 1: spread needs 2".to_owned()),
        _ if values.iter().flatten().any(|value| !value.is_finite()) => {
            Some(Reason::NotFinite.words())
        }
        _ => None,
    }
}

/// A column with nulls where there is NaN.
fn present(numbers: &[f64]) -> ArrayRef {
    let numbers = numbers.iter().map(|number| (!number.is_nan()).then_some(*number));
    Arc::new(numbers.collect::<Float64Array>())
}

/// The same of whole numbers.
fn counts(numbers: &[f64]) -> ArrayRef {
    // Counts of points in one light curve, which an Arrow list holds 2³¹ of.
    let numbers = numbers.iter().map(|number| (!number.is_nan()).then_some(*number as u32));
    Arc::new(numbers.collect::<UInt32Array>())
}
