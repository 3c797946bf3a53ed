//! Periods of light curves, and the shape of the folded curves.
//!
//! Numbers in, numbers out:
//!
//! - [`band`]: points, weighted and centred;
//! - [`series`], [`rank`](mod@rank): Fourier series, and where they fit best;
//! - [`alias`], [`doubling`], [`false_alarm`]: whether to believe a period;
//! - [`shape`], [`fold`]: what the folded curve looks like.
//!
//! Then [`reason`], why something is missing; [`cell`], values and columns; [`params`], what the
//! user may ask for; [`search`](mod@search), what the host's kernels find; [`period`] and [`folded`], the features of a
//! source and of its bands; and here: which columns come in and which go out.

use skyloom_plugin::prelude::*;

use band::Band;
use light_curve::{BandColumn, Curves};
use params::LightCurves;
pub use params::Params;
use series::Fitter;

pub mod band;
pub mod series;
pub mod rank;
pub mod alias;
pub mod doubling;
pub mod false_alarm;
pub mod shape;
pub mod fold;
pub mod reason;
pub mod cell;
pub mod params;
pub mod search;
pub mod period;
pub mod folded;

/// The plugin.
pub struct PeriodFeatures;

impl Plugin for PeriodFeatures {
    type Params = Params;

    fn describe() -> Descriptor {
        descriptor!(Role::FeatureExtractor, Scope::Partition)
            .input("table", "A row for each source and a column of light curves for each band.")
            .output("features", "The same table, periods, and the shapes of the folded curves.")
            .cite("doi:10.1051/0004-6361:200811296")
            .cite("doi:10.1088/0004-637X/812/1/18")
            .cite("doi:10.1086/158752")
    }

    fn bind(params: &Params, bind: &mut Bind) -> Result<()> {
        params.check()?;
        let fields = bind.fields("table")?.clone();
        let columns = params.columns(&fields)?;
        for column in &columns {
            bind.column("table", &column.column, None)?.read(Purpose::Value);
        }
        for field in &fields {
            let is_curve = BandColumn::of(field).is_some();
            if params.light_curves == LightCurves::Keep || !is_curve {
                bind.pass("features", "table", field.name())?;
            }
        }
        new_fields(params, &columns).into_iter().try_for_each(|field| bind.add("features", field))
    }

    fn map(params: &Params, batch: &Batch) -> Result<Vec<ArrayRef>> {
        let columns = params.columns(batch.fields())?;
        let curves =
            columns.iter().map(|column| Curves::read(batch, column)).collect::<Result<Vec<_>>>()?;
        let mut rows = vec![Vec::new(); batch.rows()];
        let mut fitter = Fitter::new(params.harmonics);
        for group in params.groups(columns.len()) {
            let sources: Vec<_> = (0..batch.rows())
                .map(|row| source(params, group.iter().map(|band| curves[*band].get(row))))
                .collect();
            let searched: Vec<_> = sources
                .iter()
                .map(|bands| match period::unsearched(params, bands) {
                    None => bands.clone(),
                    Some(_) => Vec::new(),
                })
                .collect();
            let candidates = search::search(params, &searched)?;
            for ((cells, bands), candidates) in rows.iter_mut().zip(&sources).zip(&candidates) {
                let (found, frequency) = period::cells(params, &mut fitter, bands, candidates);
                cells.extend(found);
                for band in bands {
                    cells.extend(folded::cells(params, &mut fitter, band, frequency));
                }
            }
        }
        cell::columns(&new_fields(params, &columns), &rows)
    }
}

export!(PeriodFeatures);

/// The new columns, in the order that `map` makes them.
fn new_fields(params: &Params, columns: &[BandColumn]) -> Vec<Field> {
    let mut fields = Vec::new();
    for group in params.groups(columns.len()) {
        let prefix = match &group[..] {
            [band] if !params.combine => format!("{}_", columns[*band].band),
            _ => params.name.clone(),
        };
        fields.extend(period::fields(params, &prefix));
        for band in group {
            fields.extend(folded::fields(params, &columns[band].band, &columns[band].light));
        }
    }
    fields
}

/// The bands of a source, their times since its first point.
fn source<'a>(
    params: &Params,
    curves: impl Iterator<Item = light_curve::Curve<'a>> + Clone,
) -> Vec<Band> {
    let first = |curve: light_curve::Curve<'a>| curve.times.first().copied();
    let epoch_mjd = curves.clone().filter_map(first).fold(f64::INFINITY, f64::min);
    curves.map(|curve| Band::new(curve, epoch_mjd, params.systematic_error)).collect()
}
