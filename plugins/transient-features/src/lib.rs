//! Fits of transients, band by band.
//!
//! - [`params`]: what the user may ask for;
//! - [`model`]: the shapes, their slopes, peaks and widths;
//! - [`dense`]: small systems of equations;
//! - [`mod@fit`]: the minimum of χ²;
//! - here: which columns come in and which go out.

use light_curve::{BandColumn, Curve, Curves, Kind};
use skyloom_plugin::prelude::*;

use fit::{Data, Fit, NoFit, fit};
use model::Model;
pub use params::Params;

pub mod params;
pub mod model;
pub mod dense;
pub mod fit;

/// The plugin.
pub struct TransientFeatures;

impl Plugin for TransientFeatures {
    type Params = Params;

    fn describe() -> Descriptor {
        descriptor!(Role::FeatureExtractor, Scope::Partition)
            .input(
                "curves",
                "Objects with columns of light curves, as light-curve-assembler makes them.",
            )
            .output("features", "The same table and what the fits gave.")
            .cite("doi:10.1051/0004-6361/200911847")
            .cite("doi:10.3847/1538-4357/ab418c")
            .cite("doi:10.1137/0111030")
    }

    fn bind(params: &Params, bind: &mut Bind) -> Result<()> {
        params.check()?;
        let bands = bands(params, bind.fields("curves")?)?;
        for band in &bands {
            bind.column("curves", &band.column, Some("bands"))?.read(Purpose::Value);
        }
        bind.pass_all("features", "curves")?;
        for model in &params.models {
            for band in &bands {
                fields(*model, band)
                    .into_iter()
                    .try_for_each(|field| bind.add("features", field))?;
            }
            for (blue, red) in pairs(&bands) {
                bind.add("features", colour_field(*model, blue, red))?;
            }
        }
        Ok(())
    }

    fn map(params: &Params, batch: &Batch) -> Result<Vec<ArrayRef>> {
        let bands = bands(params, batch.fields())?;
        let curves: Vec<_> =
            bands.iter().map(|band| Curves::read(batch, band)).collect::<Result<_>>()?;
        let mut columns = Vec::new();
        for model in &params.models {
            let mut results = Vec::with_capacity(bands.len());
            for (curves, band) in curves.iter().zip(&bands) {
                let result = |row| BandFit::new(*model, curves.get(row), band.light.kind, params);
                results.push((0..batch.rows()).map(result).collect::<Vec<_>>());
            }
            results.iter().for_each(|results| columns.extend(arrays(*model, results)));
            for pair in results.windows(2) {
                let colours =
                    pair[0].iter().zip(&pair[1]).map(|(blue, red)| colour(*model, blue, red));
                columns.push(Arc::new(colours.collect::<Float64Array>()) as ArrayRef);
            }
        }
        Ok(columns)
    }
}

export!(TransientFeatures);

fn bands(params: &Params, fields: &Fields) -> Result<Vec<BandColumn>> {
    let all = BandColumn::all(fields);
    if all.is_empty() {
        return Err(Error::data(
            "no column of input `curves` holds light curves; make them with light-curve-assembler",
        ));
    }
    let Some(names) = &params.bands else { return Ok(all) };
    let known = all.iter().map(|band| band.band.as_str()).collect::<Vec<_>>().join(", ");
    let find = |name: &String| {
        let found = all.iter().find(|band| band.band == *name).cloned();
        found.ok_or_else(|| {
            Error::param("bands", format!("no light curves in `{name}`; there are {known}"))
        })
    };
    names.iter().map(find).collect()
}

fn pairs(bands: &[BandColumn]) -> impl Iterator<Item = (&BandColumn, &BandColumn)> {
    bands.windows(2).map(|pair| (&pair[0], &pair[1]))
}

/// The new columns of a model in a band, in the order of [`arrays`].
fn fields(model: Model, band: &BandColumn) -> Vec<Field> {
    let flux = match band.light.kind {
        Kind::Flux => band.light.unit.clone().unwrap_or_default(),
        Kind::Magnitude => String::new(),
    };
    let name = |what: &str| format!("{}_{what}_{}", model.name(), band.band);
    let number = |what: &str, unit: &str, about: String| {
        let field = Field::new(name(what), DataType::Float64, true).with_description(&about);
        if unit.is_empty() { field } else { field.with_unit(unit) }
    };
    let mut fields = Vec::new();
    for parameter in model.parameters() {
        let unit = match *parameter {
            "amplitude" | "baseline" => flux.clone(),
            "slope" if flux.is_empty() => "d-1".to_owned(),
            "slope" => format!("{flux}.d-1"),
            _ => "d".to_owned(),
        };
        let about = format!("{parameter} of the {} fit in {}", model.name(), band.band);
        fields.push(number(parameter, &unit, about.clone()));
        fields.push(number(&format!("{parameter}_err"), &unit, format!("1σ error of the {about}")));
    }
    let of = format!("of the {} fit in {}", model.name(), band.band);
    fields.push(number("chi2", "", format!("chi squared by degrees of freedom {of}")));
    fields.push(number("peak_time", "d", format!("MJD of the peak {of}")));
    fields.push(number("peak_flux", &flux, format!("flux above the baseline at the peak {of}")));
    fields.push(number("rise_time", "d", format!("days from half of the peak to it {of}")));
    fields.push(number("fall_time", "d", format!("days from the peak to half of it {of}")));
    let note = Field::new(name("note"), DataType::Utf8, true).with_ucd("meta.note");
    let notes = [NOT_CONVERGED, TOO_FEW].map(str::to_owned);
    fields.push(note.with_categories(&notes).with_description("why there is no fit"));
    fields
}

const TOO_FEW: &str = "too few points";
const NOT_CONVERGED: &str = "not converged";

fn colour_field(model: Model, blue: &BandColumn, red: &BandColumn) -> Field {
    let name = format!("{}_colour_{}-{}", model.name(), blue.band, red.band);
    let about = format!("{} minus {} at the peak in {}", blue.band, red.band, blue.band);
    let field = Field::new(name, DataType::Float64, true).with_unit("mag");
    field.with_ucd("phot.color").with_description(&about)
}

/// What a fit in a band gave.
struct BandFit {
    found: Result<Fit, NoFit>,
    degrees: f64,
    peak: Option<f64>,
    /// MJD of time 0 of the fit.
    zero_day: f64,
}

impl BandFit {
    fn new(model: Model, curve: Curve<'_>, kind: Kind, params: &Params) -> Self {
        // Times from the first one: MJD leave too few digits for slopes.
        let zero_day = curve.times.first().copied().unwrap_or_default();
        let (mut times, mut values, mut errors) = (Vec::new(), Vec::new(), Vec::new());
        for at in 0..curve.len() {
            let (value, error) = match kind {
                Kind::Flux => (curve.values[at], curve.errors[at]),
                Kind::Magnitude => {
                    let flux = libm::pow(10.0, -0.4 * (curve.values[at] - params.zero_point));
                    (flux, 0.4 * std::f64::consts::LN_10 * flux * curve.errors[at])
                }
            };
            // Without an error, a point has no weight.
            if error.is_finite() && error > 0.0 && value.is_finite() {
                times.push(curve.times[at] - zero_day);
                values.push(value);
                errors.push(error);
            }
        }
        let found = fit(model, Data { times: &times, values: &values, errors: &errors });
        let degrees = times.len() as f64 - model.parameters().len() as f64;
        let peak = found.as_ref().ok().and_then(|fit| model.peak(&fit.parameters));
        Self { found, degrees, peak, zero_day }
    }

    /// The peak's day in the fit, and the flux above the baseline there.
    fn summit(&self, model: Model) -> Option<(f64, f64)> {
        let (fit, peak) = (self.found.as_ref().ok()?, self.peak?);
        Some((peak, model.above_baseline(&fit.parameters, peak)))
    }
}

/// −2.5 log₁₀ of the ratio of what both fits have above their baselines at the peak of the
/// first; none where either is not positive.
fn colour(model: Model, blue: &BandFit, red: &BandFit) -> Option<f64> {
    let (peak, blue_flux) = blue.summit(model)?;
    let day = peak + blue.zero_day - red.zero_day;
    let red_flux = model.above_baseline(&red.found.as_ref().ok()?.parameters, day);
    let ratio = blue_flux / red_flux;
    (blue_flux > 0.0 && red_flux > 0.0 && ratio > 0.0 && ratio.is_finite())
        .then(|| -2.5 * libm::log10(ratio))
}

/// The columns of a model in a band, one value for each row.
fn arrays(model: Model, results: &[BandFit]) -> Vec<ArrayRef> {
    let numbers = |of: &dyn Fn(&BandFit) -> Option<f64>| -> ArrayRef {
        let finite = |result| of(result).filter(|number| number.is_finite());
        Arc::new(results.iter().map(finite).collect::<Float64Array>())
    };
    let mut columns = Vec::new();
    for (at, parameter) in model.parameters().iter().enumerate() {
        let shift = |result: &BandFit| if *parameter == "t0" { result.zero_day } else { 0.0 };
        columns.push(numbers(&|result| {
            Some(result.found.as_ref().ok()?.parameters[at] + shift(result))
        }));
        columns.push(numbers(&|result| result.found.as_ref().ok()?.errors[at]));
    }
    columns.push(numbers(&|result| Some(result.found.as_ref().ok()?.chi2 / result.degrees)));
    columns.push(numbers(&|result| Some(result.summit(model)?.0 + result.zero_day)));
    columns.push(numbers(&|result| Some(result.summit(model)?.1)));
    let widths = |result: &BandFit| {
        Some(model.half_widths(&result.found.as_ref().ok()?.parameters, result.peak?))
    };
    columns.push(numbers(&|result| widths(result)?.0));
    columns.push(numbers(&|result| widths(result)?.1));
    let note = |result: &BandFit| match result.found {
        Ok(_) => None,
        Err(NoFit::TooFewPoints) => Some(TOO_FEW),
        Err(NoFit::NotConverged) => Some(NOT_CONVERGED),
    };
    columns.push(Arc::new(results.iter().map(note).collect::<StringArray>()));
    columns
}
