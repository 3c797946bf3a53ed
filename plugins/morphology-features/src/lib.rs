//! Shapes of sources, from image cutouts.
//!
//! - [`params`]: what the user may ask for;
//! - [`cell`]: cells of a column → images;
//! - [`fits`]: the primary image of a FITS file;
//! - [`image`]: pixels, and why there may be none;
//! - [`mod@background`]: the sky and its noise;
//! - [`mod@source`]: which pixels are the source's, and their moments;
//! - [`aperture`]: flux in circles;
//! - [`structure`]: asymmetry, Gini, M20;
//! - [`psf`]: what a point would look like;
//! - [`mod@measure`]: all of them, in order;
//! - here: which columns come in and which go out.

use skyloom_plugin::prelude::*;

use cell::Cells;
use image::Why;
use measure::{Measured, measure};
pub use params::Params;

pub mod params;
pub mod image;
pub mod fits;
pub mod cell;
pub mod background;
pub mod source;
pub mod aperture;
pub mod structure;
pub mod psf;
pub mod measure;

/// The plugin.
pub struct MorphologyFeatures;

impl Plugin for MorphologyFeatures {
    type Params = Params;

    fn describe() -> Descriptor {
        descriptor!(Role::FeatureExtractor, Scope::Partition)
            .input("table", "Any table with a column of image cutouts.")
            .output("features", "The same table and the shapes of the sources.")
            .cite("doi:10.1051/aas:1996164")
            .cite("doi:10.1086/375001")
            .cite("doi:10.1086/421849")
            .cite("doi:10.1086/131977")
            .cite("doi:10.1086/182253")
    }

    fn bind(params: &Params, bind: &mut Bind) -> Result<()> {
        params.check()?;
        let column = bind.column("table", &params.image, Some("image"))?;
        let expected = "lists of numbers, lists of such lists, or binary with FITS images";
        let column = column.of_type(expected, cell::is_image)?;
        let field = column.read(Purpose::Value);
        if params.width.is_some() && !cell::is_flat(field.data_type()) {
            return Err(Error::param("width", "is for flat lists of numbers: leave it out"));
        }
        bind.pass_all("features", "table")?;
        for one in columns(params) {
            let name = format!("{}_{}", params.prefix(), one.name);
            let new = Field::new(name, DataType::Float64, true).with_description(one.about);
            let new = if one.unit.is_empty() { new } else { new.with_unit(&one.unit) };
            bind.add("features", if one.ucd.is_empty() { new } else { new.with_ucd(one.ucd) })?;
        }
        let reason = Field::new(format!("{}_reason", params.prefix()), DataType::Utf8, true);
        let reason = reason.with_ucd("meta.note").with_categories(&Why::words());
        bind.add("features", reason.with_description("why features are null; the first reason"))
    }

    fn map(params: &Params, batch: &Batch) -> Result<Vec<ArrayRef>> {
        let column = batch.column(&params.image)?;
        let cells = Cells::new(column.as_ref(), params.width);
        let rows: Vec<Measured> = (0..batch.rows())
            .map(|row| cells.get(row).map_or_else(Measured::none, |image| measure(&image, params)))
            .collect();
        let mut arrays: Vec<ArrayRef> = Vec::new();
        for one in columns(params) {
            let values = rows.iter().map(|row| Some((one.of)(row)? * one.scale));
            let values = values.map(|value| value.filter(|value| value.is_finite()));
            arrays.push(Arc::new(values.collect::<Float64Array>()));
        }
        // What has no reason of its own and is null, has one too.
        let is_whole = |row: usize| arrays.iter().all(|array| array.is_valid(row));
        let undefined = |row: usize| (!is_whole(row)).then_some(Why::Undefined);
        let why = |(at, row): (usize, &Measured)| row.why.or_else(|| undefined(at)).map(Why::word);
        let reasons: StringArray = rows.iter().enumerate().map(why).collect();
        arrays.push(Arc::new(reasons));
        Ok(arrays)
    }
}

export!(MorphologyFeatures);

/// One new column.
struct Column {
    name: &'static str,
    unit: String,
    ucd: &'static str,
    about: &'static str,
    /// From pixels to the column's unit.
    scale: f64,
    of: fn(&Measured) -> Option<f64>,
}

/// The new columns but for the reason, in order.
fn columns(params: &Params) -> Vec<Column> {
    let (size_unit, scale) = match params.pixel_scale {
        Some(scale) => ("arcsec", scale),
        None => ("pix", 1.0),
    };
    type Of = fn(&Measured) -> Option<f64>;
    let plain = |name, unit: &str, ucd, about, of: Of| Column {
        name,
        unit: unit.to_owned(),
        ucd,
        about,
        scale: 1.0,
        of,
    };
    let size = |name, about, of: Of| Column {
        name,
        unit: size_unit.to_owned(),
        ucd: "phys.angSize",
        about,
        scale,
        of,
    };
    let mut columns = vec![
        plain("background", "", "", "clipped median of the border", |of| of.background),
        plain("noise", "", "", "1σ noise of a pixel, of the border", |of| of.noise),
        plain("x", "pix", "pos.cartesian.x", "centroid; the first pixel is 0", |of| of.x),
        plain("y", "pix", "pos.cartesian.y", "centroid; the first row is 0", |of| of.y),
        size("a", "rms along the major axis, of pixels above the threshold", |of| of.a),
        size("b", "rms along the minor axis, of pixels above the threshold", |of| of.b),
        plain("theta", "deg", "pos.posAng", "major axis, from x towards y", |of| of.theta_deg),
        plain("ellipticity", "", "src.ellipticity", "1 minus b/a", |of| of.ellipticity),
        size("petrosian_radius", "where the Petrosian ratio is 0.2", |of| of.petrosian),
        plain("flux", "", "phot.flux", "within 1.5 Petrosian radii, in the image's unit", |of| {
            of.flux
        }),
        size("half_light_radius", "of the circle with half of the flux", |of| of.r50),
        plain("concentration", "", "", "5 log10 of r80/r20", |of| of.concentration),
        plain("asymmetry", "", "", "under rotation by 180°, less that of noise", |of| {
            of.asymmetry
        }),
        plain("gini", "", "", "Gini coefficient of the pixels", |of| of.gini),
        plain("m20", "", "", "log10 of the brightest fifth's share of the moment", |of| of.m20),
    ];
    if params.psf_fwhm.is_some() {
        columns.extend([
            plain("sharpness", "", "", "DAOFIND's sharpness", |of| of.sharpness),
            plain("psf_minus_model", "mag", "", "PSF minus model magnitude", |of| {
                of.psf_minus_model
            }),
            plain(
                "star_index",
                "",
                "src.class.starGalaxy",
                "1 for a point, 0 for extended",
                |of| of.star_index,
            ),
        ]);
    }
    columns
}
