//! The survey's columns → observations.

use light_curve::{BandColumn, Kind, Light, flags};
use skyloom_plugin::prelude::*;

use crate::key::{Key, Keys, is_key};
use crate::params::{Params, UnknownBands, ZeroPoint};
use crate::points::Observation;
use crate::tally::Tally;

const DETECTIONS: &str = "detections";
/// The flux of AB magnitude 0, 3631 Jy: Oke & Gunn 1983, doi:10.1086/160817.
const AB_ZERO_NJY: f64 = 3.631e12;

/// Where observations are.
#[derive(Debug)]
pub struct Mapper {
    kind: Kind,
    offset_day: f64,
    unknown_bands: UnknownBands,
    bands: Vec<String>,
    /// The values of the band column, and the bands' places.
    values: Vec<(String, Option<i128>, u16)>,
    series: Vec<Series>,
}

/// Columns that hold, in each row, one observation.
#[derive(Debug)]
struct Series {
    band: Which,
    time: String,
    value: String,
    error: Option<String>,
    detected: Option<String>,
    limit: Option<String>,
    zero_point: Option<ZeroPoint>,
}

/// In which band a series observes.
#[derive(Debug)]
enum Which {
    /// As the column says.
    Column(String),
    /// In that of this place.
    Always(u16),
}

impl Mapper {
    /// What the parameters say.
    ///
    /// # Errors
    /// The parameter at fault.
    pub fn new(params: &Params) -> Result<Self> {
        params.check()?;
        let bands: Vec<String> = params.bands.names().into_iter().map(str::to_owned).collect();
        let mut values = Vec::new();
        for (value, band) in params.bands.pairs() {
            let place = bands.iter().position(|other| other == band).unwrap_or_default();
            values.push((value.to_owned(), value.parse().ok(), place as u16));
        }
        let (kind, param, value) = params.value()?;
        let whose = |which: Which, band: Option<&str>| {
            let name = |pattern: &String| match band {
                Some(band) => pattern.replace("{band}", band),
                None => pattern.clone(),
            };
            Series {
                band: which,
                time: name(&params.time),
                value: name(value),
                error: params.error.as_ref().map(name),
                detected: params.detected.as_ref().map(name),
                limit: params.upper_limit.as_ref().map(name),
                zero_point: params.zero_point.as_ref().map(|zero_point| match zero_point {
                    ZeroPoint::Number(number) => ZeroPoint::Number(*number),
                    ZeroPoint::Column(column) => ZeroPoint::Column(name(column)),
                }),
            }
        };
        let series = match &params.band {
            Some(column) => vec![whose(Which::Column(column.clone()), None)],
            None if bands.len() > 1 && !value.contains("{band}") => {
                let message = format!(
                    "`{value}` would hold all {} bands; name the band column in `band`, or write `{{band}}` here",
                    bands.len()
                );
                return Err(Error::param(param, message));
            }
            None => {
                let bands = (0..).zip(&bands);
                bands.map(|(place, band)| whose(Which::Always(place), Some(band))).collect()
            }
        };
        let (offset_day, unknown_bands) = (params.time_system.offset_day(), params.unknown_bands);
        Ok(Self { kind, offset_day, unknown_bands, bands, values, series })
    }

    /// Checks the columns, says that they are read, and gives those of the light curves.
    ///
    /// # Errors
    /// The column or unit at fault.
    pub fn bind(&self, params: &Params, bind: &mut Bind) -> Result<Vec<BandColumn>> {
        let mut units = vec![None; self.bands.len()];
        for series in &self.series {
            let unit = series.bind(self.kind, params, bind)?;
            match series.band {
                Which::Always(band) => units[usize::from(band)] = unit,
                Which::Column(_) => units.fill(unit),
            }
        }
        let column = |(band, unit): (&String, Option<String>)| {
            BandColumn::new(band, Light { kind: self.kind, unit })
        };
        Ok(self.bands.iter().zip(units).map(column).collect())
    }

    /// Appends the observations in the rows of `batch` that have an owner.
    ///
    /// # Errors
    /// A band that is not known, where that is one; or what makes a column unreadable.
    pub fn read(
        &self,
        batch: &Batch,
        owners: &[Option<u32>],
        observations: &mut Vec<Observation>,
        tally: &mut Tally,
    ) -> Result<(), Fault> {
        for series in &self.series {
            let columns = Columns::read(series, batch)?;
            for (row, object) in owners.iter().enumerate() {
                let Some(object) = *object else { continue };
                let Some(time) = finite(columns.times.get(row).map(|time| time + self.offset_day))
                else {
                    tally.no_time += 1;
                    continue;
                };
                let Some(band) = self.band(&columns, row)? else {
                    tally.unknown_bands += 1;
                    continue;
                };
                let Some((value, error, flags)) = columns.light(self.kind, row) else {
                    tally.no_value += 1;
                    continue;
                };
                observations.push(Observation { time, value, error, object, band, flags });
            }
        }
        Ok(())
    }

    fn band(&self, columns: &Columns<'_>, row: usize) -> Result<Option<u16>, Fault> {
        let (column, values) = match &columns.band {
            Bands::Always(band) => return Ok(Some(*band)),
            Bands::Values(column, values) => (column, values),
        };
        let value = values.get(row);
        let found = self.values.iter().find(|(text, integer, _)| match value {
            Some(Key::Integer(value)) => *integer == Some(value),
            Some(Key::Text(value)) => text == value,
            None => false,
        });
        match (found, self.unknown_bands) {
            (Some((.., band)), _) => Ok(Some(*band)),
            (None, UnknownBands::Ignore) => Ok(None),
            (None, UnknownBands::Error) => {
                let value = value.map_or("null".to_owned(), |value| format!("`{value}`"));
                let known: Vec<_> = self.values.iter().map(|(text, ..)| text.as_str()).collect();
                let known = known.join(", ");
                Err(Fault::Row(
                    row,
                    format!(
                        "column `{column}` holds {value}, which is none of `bands`: {known}; add it there, or leave such \
                         rows out with `unknown-bands: ignore`"
                    ),
                ))
            }
        }
    }
}

/// What stops a reading.
#[derive(Debug)]
pub enum Fault {
    /// What a row of the batch holds.
    Row(usize, String),
    Other(Error),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

impl Series {
    /// Checks the columns and says that they are read. Gives the unit of the values.
    fn bind(&self, kind: Kind, params: &Params, bind: &mut Bind) -> Result<Option<String>> {
        let time = bind.column(DETECTIONS, &self.time, Some("time"))?.number()?;
        time.unit(&["d"])?.read(Purpose::Value);
        if let Which::Column(column) = &self.band {
            bind.column(DETECTIONS, column, Some("band"))?
                .of_type("integers or text", is_key)?
                .read(Purpose::Value);
        }
        let (param, usual) = match kind {
            Kind::Flux => ("flux", None),
            Kind::Magnitude => ("mag", Some("mag")),
        };
        let mut value = bind.column(DETECTIONS, &self.value, Some(param))?.number()?;
        for expected in usual.iter().copied().chain(params.unit.as_deref()) {
            value = value.unit(&[expected])?;
        }
        let unit = value
            .read(Purpose::Value)
            .unit()
            .or(params.unit.as_deref())
            .or(usual)
            .map(str::to_owned);
        let same = [(&self.error, "error"), (&self.limit, "upper-limit")];
        for (column, param) in
            same.into_iter().filter_map(|(column, param)| Some((column.as_ref()?, param)))
        {
            let column = bind.column(DETECTIONS, column, Some(param))?.number()?;
            let column = match &unit {
                Some(unit) => column.unit(&[unit])?,
                None => column,
            };
            column.read(Purpose::Value);
        }
        if let Some(column) = &self.detected {
            let is_truth = |data_type: &DataType| {
                *data_type == DataType::Boolean || skyloom_plugin::bind::is_number(data_type)
            };
            bind.column(DETECTIONS, column, Some("detected"))?
                .of_type("truth values or numbers", is_truth)?
                .read(Purpose::Value);
        }
        if let Some(ZeroPoint::Column(column)) = &self.zero_point {
            let column = bind.column(DETECTIONS, column, Some("zero-point"))?.number()?;
            column.unit(&["mag"])?.read(Purpose::Value);
        }
        match (kind, &self.zero_point) {
            (Kind::Flux, Some(_)) => Ok(Some("nJy".to_owned())),
            _ => Ok(unit),
        }
    }
}

/// The columns of a series in one batch.
struct Columns<'a> {
    band: Bands<'a>,
    times: Numbers,
    values: Numbers,
    errors: Option<Numbers>,
    detected: Option<Truth>,
    limits: Option<Numbers>,
    zero_point: Option<Zero>,
}

enum Bands<'a> {
    Values(&'a str, Keys),
    Always(u16),
}

enum Truth {
    Boolean(BooleanArray),
    Number(Numbers),
}

enum Zero {
    Always(f64),
    Column(Numbers),
}

impl<'a> Columns<'a> {
    fn read(series: &'a Series, batch: &Batch) -> Result<Self> {
        // In a component, an error can come of two kinds: types are spelt out for that.
        let numbers = |column: &Option<String>| -> Result<Option<Numbers>> {
            column.as_ref().map(|column| batch.numbers(column)).transpose()
        };
        let band = match &series.band {
            Which::Column(column) => Bands::Values(column, Keys::read(batch, column)?),
            Which::Always(band) => Bands::Always(*band),
        };
        let truth = |column: &String| -> Result<Truth> {
            match batch.column(column)?.data_type() {
                DataType::Boolean => batch.booleans(column).map(Truth::Boolean),
                _ => batch.numbers(column).map(Truth::Number),
            }
        };
        let zero = |zero_point: &ZeroPoint| -> Result<Zero> {
            match zero_point {
                ZeroPoint::Number(number) => Ok(Zero::Always(*number)),
                ZeroPoint::Column(column) => batch.numbers(column).map(Zero::Column),
            }
        };
        Ok(Self {
            band,
            times: batch.numbers(&series.time)?,
            values: batch.numbers(&series.value)?,
            errors: numbers(&series.error)?,
            detected: series.detected.as_ref().map(truth).transpose()?,
            limits: numbers(&series.limit)?,
            zero_point: series.zero_point.as_ref().map(zero).transpose()?,
        })
    }

    /// Value, 1σ error (NaN where there is none) and flags of a row; none where it has
    /// neither a finite value nor a finite limit.
    fn light(&self, kind: Kind, row: usize) -> Option<(f64, f64, u8)> {
        let zero = match &self.zero_point {
            None => None,
            Some(Zero::Always(zero)) => Some(*zero),
            Some(Zero::Column(zeros)) => Some(zeros.get(row).unwrap_or(f64::NAN)),
        };
        let (factor, shift) = match (kind, zero) {
            (_, None) => (1.0, 0.0),
            (Kind::Flux, Some(zero)) => (AB_ZERO_NJY * libm::pow(10.0, -0.4 * zero), 0.0),
            (Kind::Magnitude, Some(zero)) => (1.0, zero),
        };
        let number = |numbers: &Option<Numbers>| numbers.as_ref().and_then(|n| n.get(row));
        let value = |value: Option<f64>| finite(value.map(|value| value * factor + shift));
        let detected = if self.is_detected(row) { flags::DETECTED } else { 0 };
        if let Some(value) = value(self.values.get(row)) {
            let error = finite(number(&self.errors).map(|error| error * factor));
            let error = error.filter(|error| *error > 0.0).unwrap_or(f64::NAN);
            return Some((value, error, detected));
        }
        let limit = value(number(&self.limits))?;
        Some((limit, f64::NAN, flags::UPPER_LIMIT | detected))
    }

    fn is_detected(&self, row: usize) -> bool {
        match &self.detected {
            None => false,
            Some(Truth::Boolean(values)) => values.is_valid(row) && values.value(row),
            Some(Truth::Number(values)) => {
                values.get(row).is_some_and(|value| value != 0.0 && !value.is_nan())
            }
        }
    }
}

fn finite(number: Option<f64>) -> Option<f64> {
    number.filter(|number| number.is_finite())
}
