//! Colours, asinh magnitudes and missing-band masks.
//!
//! - [`params`]: what the user may ask for;
//! - [`photometry`]: the formulas;
//! - here: which columns come in and which go out.

use skyloom_plugin::arrow_array::UInt8Array;
use skyloom_plugin::prelude::*;

use params::InputKind;
pub use params::Params;
use photometry::{
    FLUX_UNITS, Scale, ab_zero_point, asinh_mag, asinh_mag_err, quadrature, sdss_softening, valid,
    valid_err,
};

pub mod params;
pub mod photometry;

/// The plugin.
pub struct PhotometricFeatures;

impl Plugin for PhotometricFeatures {
    type Params = Params;

    fn describe() -> Descriptor {
        descriptor!(Role::FeatureExtractor, Scope::Partition)
            .input("table", "Any table with magnitudes or fluxes.")
            .output("features", "The same table and what was computed from it.")
            .cite("doi:10.1086/301004")
            .cite("doi:10.1086/324741")
            .cite("doi:10.1086/160817")
    }

    fn bind(params: &Params, bind: &mut Bind) -> Result<()> {
        params.check()?;
        let errors = params.error_columns()?;
        let mut bands = Vec::new();
        for (band, error) in params.bands.iter().zip(&errors) {
            let field = bind_band(params, bind, band)?;
            if let Some(error) = error {
                let column = bind.column("table", error, Some("errors"))?.number()?;
                // Fluxes without unit come with their zero point, and with errors to match.
                let column = match (params.input, field.unit()) {
                    (InputKind::Magnitude, _) => column.unit(&["mag"])?,
                    (InputKind::Flux, Some(unit)) => column.unit(&[unit])?,
                    (InputKind::Flux, None) => column,
                };
                column.read(Purpose::Value);
            }
            bands.push(field);
        }
        bind.pass_all("features", "table")?;
        let fields = new_fields(params, &bands, &errors)?;
        fields.into_iter().try_for_each(|field| bind.add("features", field))
    }

    fn map(params: &Params, batch: &Batch) -> Result<Vec<ArrayRef>> {
        let errors = params.error_columns()?;
        let mut bands = Vec::new();
        for (band, error) in params.bands.iter().zip(&errors) {
            bands.push(Band::read(params, batch, band, error.as_deref())?);
        }
        let mut columns: Vec<ArrayRef> = Vec::new();
        if params.input == InputKind::Flux {
            for band in &bands {
                columns.push(present(&band.mag));
                columns.extend(band.err.as_ref().map(|err| present(err)));
            }
        }
        for (a, b) in params.pairs()? {
            let (a, b) = (&bands[a], &bands[b]);
            columns.push(combined(&a.mag, &b.mag, |a, b| a - b));
            if let (Some(a_err), Some(b_err)) = (&a.err, &b.err) {
                // Without the colour there is nothing that the error would be of.
                let err = combined_values(a_err, b_err, quadrature);
                let colour = combined_values(&a.mag, &b.mag, |a, b| a - b);
                let err =
                    err.zip(colour).map(|(err, colour)| if colour.is_nan() { colour } else { err });
                columns.push(present(&err.collect::<Vec<_>>()));
            }
        }
        if params.masks {
            columns.extend(masks(&bands, batch.rows()));
        }
        Ok(columns)
    }
}

export!(PhotometricFeatures);

/// Checks one band's column and says that it is read.
fn bind_band(params: &Params, bind: &mut Bind, band: &str) -> Result<Field> {
    let column = bind.column("table", band, Some("bands"))?.number()?;
    match params.input {
        InputKind::Magnitude => Ok(column.unit(&["mag"])?.read(Purpose::Value)),
        InputKind::Flux => {
            let has_unit = column.field().unit().is_some();
            if !has_unit && !params.zero_points.contains_key(band) {
                let message = format!(
                    "`{band}` has no unit; give it one where the table is made (one of {}), or its flux of magnitude 0 here",
                    FLUX_UNITS.join(", ")
                );
                return Err(Error::param("zero-points", message));
            }
            let field = column.unit(&FLUX_UNITS)?.read(Purpose::Value);
            scale(params, band, field.unit()).map(|_| field)
        }
    }
}

fn scale(params: &Params, band: &str, unit: Option<&str>) -> Result<Scale> {
    let of_unit = unit.and_then(ab_zero_point);
    let zero_point = params.zero_points.get(band).copied().or(of_unit);
    let softening = params.softening.get(band).copied().or_else(|| {
        // `psfFlux_u` and `u` are u; `flux` is no x.
        let last = band.rsplit('_').next().filter(|last| last.len() == 1)?;
        sdss_softening(last.chars().next()?)
    });
    match (zero_point, softening) {
        (Some(zero_point), Some(softening)) => Ok(Scale { zero_point, softening }),
        (_, None) => {
            let message = format!(
                "`{band}` is no SDSS band; give its softening, in units of the flux of magnitude 0"
            );
            Err(Error::param("softening", message))
        }
        (None, _) => Err(Error::failed("bind found a flux unit, run does not")),
    }
}

/// The new columns, in the order that `map` makes them.
fn new_fields(params: &Params, bands: &[Field], errors: &[Option<String>]) -> Result<Vec<Field>> {
    let mut fields = Vec::new();
    let mag = |name: String, ucd: String, about: String| {
        let field = Field::new(name, DataType::Float64, true).with_unit("mag").with_ucd(&ucd);
        field.with_description(&about)
    };
    if params.input == InputKind::Flux {
        for (field, error) in bands.iter().zip(errors) {
            let (band, em) = (field.name(), em(field));
            let name = format!("{band}_mag");
            fields.push(mag(
                name.clone(),
                format!("phot.mag{em}"),
                format!("asinh magnitude of {band}"),
            ));
            if error.is_some() {
                let ucd = format!("stat.error;phot.mag{em}");
                fields.push(mag(format!("{name}_err"), ucd, format!("1σ error of {name}")));
            }
        }
    }
    for (a, b) in params.pairs()? {
        let name = format!("{}-{}", bands[a].name(), bands[b].name());
        let ucd = match (em(&bands[a]), em(&bands[b])) {
            (a, b) if a.is_empty() || b.is_empty() => "phot.color".to_owned(),
            (a, b) => format!("phot.color{a}{b}"),
        };
        let about = format!("{} minus {}", bands[a].name(), bands[b].name());
        fields.push(mag(name.clone(), ucd.clone(), about));
        if errors[a].is_some() && errors[b].is_some() {
            fields.push(mag(
                format!("{name}_err"),
                format!("stat.error;{ucd}"),
                format!("1σ error of {name}"),
            ));
        }
    }
    if params.masks {
        for field in bands {
            let band = field.name();
            let mask = Field::new(format!("{band}_missing"), DataType::Boolean, false);
            fields.push(
                mask.with_ucd("meta.code").with_description(&format!("No usable value in {band}")),
            );
        }
        let count = Field::new("bands_missing", DataType::UInt8, false).with_ucd("meta.number");
        fields.push(count.with_description("Number of bands without usable value"));
    }
    Ok(fields)
}

/// The part of a band's UCD that says where in the spectrum it lies, with a `;` before it;
/// empty when it does not say.
fn em(field: &Field) -> String {
    let words = field.ucd().unwrap_or_default().split(';').filter(|word| word.starts_with("em."));
    words.map(|word| format!(";{word}")).collect()
}

/// One band's magnitudes and errors, NaN where missing.
struct Band {
    mag: Vec<f64>,
    err: Option<Vec<f64>>,
}

impl Band {
    fn read(params: &Params, batch: &Batch, band: &str, error: Option<&str>) -> Result<Self> {
        let values = batch.numbers(band)?;
        let range = params.valid.unwrap_or_default().ends();
        let mut mag: Vec<_> = (0..values.len()).map(|row| valid(values.get(row), range)).collect();
        let mut err: Option<Vec<_>> = None;
        if let Some(error) = error {
            let errors = batch.numbers(error)?;
            err = Some((0..errors.len()).map(|row| valid_err(errors.get(row))).collect());
        }
        if params.input == InputKind::Flux {
            let unit = batch.fields().find(band).and_then(|(_, field)| field.unit());
            let scale = scale(params, band, unit)?;
            for (err, flux) in err.iter_mut().flatten().zip(&mag) {
                *err = asinh_mag_err(*flux, *err, scale);
            }
            mag.iter_mut().for_each(|flux| *flux = asinh_mag(*flux, scale));
        }
        Ok(Self { mag, err })
    }
}

/// A column with nulls where there is NaN.
fn present(values: &[f64]) -> ArrayRef {
    let values = values.iter().map(|value| (!value.is_nan()).then_some(*value));
    Arc::new(values.collect::<Float64Array>())
}

fn combined_values<'a>(
    a: &'a [f64],
    b: &'a [f64],
    with: impl Fn(f64, f64) -> f64 + 'a,
) -> impl Iterator<Item = f64> + 'a {
    a.iter().zip(b).map(move |(a, b)| with(*a, *b))
}

fn combined(a: &[f64], b: &[f64], with: impl Fn(f64, f64) -> f64) -> ArrayRef {
    present(&combined_values(a, b, with).collect::<Vec<_>>())
}

/// Which bands are missing in each row, and how many.
fn masks(bands: &[Band], rows: usize) -> Vec<ArrayRef> {
    let mask = |band: &Band| -> ArrayRef {
        Arc::new(band.mag.iter().map(|mag| Some(mag.is_nan())).collect::<BooleanArray>())
    };
    // `bands` holds at most 255.
    let count = |row: usize| bands.iter().filter(|band| band.mag[row].is_nan()).count() as u8;
    let count: UInt8Array = (0..rows).map(count).map(Some).collect();
    bands.iter().map(mask).chain([Arc::new(count) as ArrayRef]).collect()
}
