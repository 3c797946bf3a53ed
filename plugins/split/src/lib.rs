//! Splits a table into train, test and calibration parts.
//!
//! - [`side`]: key → place in [0, 1) → part;
//! - [`healpix`]: direction → sky cell;
//! - here: columns → keys, and the filters that the host applies. No row is copied.

use std::collections::BTreeSet;

use skyloom_plugin::arrow_array::cast::AsArray;
use skyloom_plugin::arrow_array::types::{
    ArrowPrimitiveType, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use skyloom_plugin::bind::is_text;
use skyloom_plugin::prelude::*;

use side::{Fractions, Key, Side, place};

pub mod side;
pub mod healpix;

/// What rows must share to stay on one side.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum By {
    /// Their key: each row falls on its own.
    #[default]
    Random,
    /// The value of column `group`: all rows of a field, a night or an object together.
    Group,
    /// Their HEALPix cell: neighbours on the sky together, which share extinction, depth and seeing.
    Healpix,
}

/// What may stand under `with:` in a workflow.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Params {
    /// What rows must share to stay on one side.
    pub by: By,
    /// The share of keys, groups or cells for `test`. Of rows it is about the same share
    /// where there are hundreds of groups or cells; with fewer, raise `order`.
    #[schemars(range(min = 0, max = 1))]
    pub test_fraction: f64,
    /// The share for `calibration`. Together with `test-fraction` at most 1.
    #[schemars(range(min = 0, max = 1))]
    pub calibration_fraction: f64,
    /// Another seed, another split.
    pub seed: u64,
    /// The column that tells rows apart, for `by: random`. Without it, the input's key column.
    pub key: Option<String>,
    /// The column whose equal values stay together, for `by: group`.
    pub group: Option<String>,
    /// The order of the cells for `by: healpix`: 0 is 59° wide, 5 is 1.8°, each further one half.
    #[schemars(range(min = 0, max = 29))]
    pub order: u8,
    /// The column of right ascension, in `deg`, `h` or `rad`; `deg` when it has no unit.
    /// Without it, the column with UCD `pos.eq.ra`, or a usual name.
    pub ra: Option<String>,
    /// The column of declination, in `deg` or `rad`; `deg` when it has no unit. Without it,
    /// the column with UCD `pos.eq.dec`, or a usual name.
    pub dec: Option<String>,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            by: By::Random,
            test_fraction: 0.25,
            calibration_fraction: 0.0,
            seed: 0,
            key: None,
            group: None,
            order: 5,
            ra: None,
            dec: None,
        }
    }
}

impl Params {
    fn fractions(&self) -> Result<Fractions> {
        let (test, calibration) = (self.test_fraction, self.calibration_fraction);
        for (name, value) in [("test-fraction", test), ("calibration-fraction", calibration)] {
            if !(0.0..=1.0).contains(&value) {
                return Err(Error::param(name, format!("{value} is not between 0 and 1")));
            }
        }
        // Room for the rounding of, say, 0.7 + 0.3.
        if test + calibration > 1.0 + 1e-12 {
            let message = format!("together with test-fraction {test} it is more than 1");
            return Err(Error::param("calibration-fraction", message));
        }
        Ok(Fractions { test, calibration })
    }
}

/// The columns that decide, found in `bind` and again in `run`.
#[derive(Debug)]
enum Decider {
    Key { column: String, remedy: &'static str },
    Cell { ra: String, ra_unit_deg: f64, dec: String, dec_unit_deg: f64 },
}

const OUTPUTS: [(&str, Side); 3] =
    [("train", Side::Train), ("test", Side::Test), ("calibration", Side::Calibration)];

/// The plugin.
pub struct Split;

impl Plugin for Split {
    type Params = Params;

    fn describe() -> Descriptor {
        descriptor!(Role::Selector, Scope::Partition)
            .input("rows", "Any table with a key, a group or positions.")
            .output("train", "The rows to learn from.")
            .output("test", "The rows held out for scoring.")
            .output("calibration", "The rows held out for calibration or early stopping.")
            .cite("doi:10.1086/427976")
    }

    fn bind(params: &Params, bind: &mut Bind) -> Result<()> {
        params.fractions()?;
        match decider(params, bind.fields("rows")?)? {
            Decider::Key { column, .. } => {
                let param = if params.by == By::Group { "group" } else { "key" };
                bind.column("rows", &column, Some(param))?
                    .of_type("an integer, a float, text or boolean", is_key)?
                    .read(Purpose::Key);
            }
            Decider::Cell { ra, dec, .. } => {
                let found = |named: &Option<String>, param| named.as_ref().map(|_| param);
                let expected = "a number (sexagesimal text: convert it where the table is made)";
                bind.column("rows", &ra, found(&params.ra, "ra"))?
                    .of_type(expected, skyloom_plugin::bind::is_number)?
                    .unit(&["deg", "h", "rad"])?
                    .read(Purpose::Key);
                bind.column("rows", &dec, found(&params.dec, "dec"))?
                    .of_type(expected, skyloom_plugin::bind::is_number)?
                    .unit(&["deg", "rad"])?
                    .read(Purpose::Key);
            }
        }
        OUTPUTS.iter().try_for_each(|(output, _)| bind.pass_all(output, "rows"))
    }

    fn run(params: &Params, task: &mut Task) -> Result<()> {
        let fractions = params.fractions()?;
        let decider = decider(params, task.input("rows")?.fields())?;
        let mut faults = Faults::default();
        let mut counts = [0_u64; 3];
        // Rows that stay together have one place.
        let mut together = BTreeSet::new();
        while let Some(batch) = task.input("rows")?.next()? {
            let places = places(params, &decider, &batch)?;
            faults.note(&places);
            if params.by != By::Random {
                together.extend(places.iter().flatten().map(|place| place.to_bits()));
            }
            let sides: Vec<_> =
                places.into_iter().map(|place| fractions.side(place.unwrap_or_default())).collect();
            for (index, (output, side)) in OUTPUTS.into_iter().enumerate() {
                let keep: Keep = sides.iter().map(|&other| other == side).collect();
                counts[index] += sides.iter().filter(|&&other| other == side).count() as u64;
                task.output(output)?.select(&batch, &keep, Vec::new())?;
            }
        }
        faults.into_result(&decider)?;
        let [train, test, calibration] = counts;
        let over = match params.by {
            By::Random => String::new(),
            By::Group => format!(", by {} groups", together.len()),
            By::Healpix => format!(", by {} cells of order {}", together.len(), params.order),
        };
        task.info(&format!(
            "{train} rows to train, {test} to test, {calibration} to calibrate{over}"
        ));
        Ok(())
    }
}

export!(Split);

fn is_key(data_type: &DataType) -> bool {
    data_type.is_integer()
        || matches!(data_type, DataType::Float32 | DataType::Float64 | DataType::Boolean)
        || is_text(data_type)
}

fn decider(params: &Params, fields: &Fields) -> Result<Decider> {
    match params.by {
        By::Random => Ok(Decider::Key {
            column: key_column(params, fields)?,
            remedy: "give the rows a key, or name another column with `key`",
        }),
        By::Group => {
            let message = "name the column whose equal values stay together";
            let column = params.group.clone().ok_or_else(|| Error::param("group", message))?;
            Ok(Decider::Key {
                column,
                remedy: "drop these rows before, or group by another column",
            })
        }
        By::Healpix => {
            if params.order > healpix::MAX_ORDER {
                return Err(Error::param("order", format!("{} is above 29", params.order)));
            }
            let ra = position(params.ra.as_ref(), fields, "ra", "pos.eq.ra", &RA_NAMES)?;
            let dec = position(params.dec.as_ref(), fields, "dec", "pos.eq.dec", &DEC_NAMES)?;
            let (ra_unit_deg, dec_unit_deg) = (unit_deg(fields, &ra), unit_deg(fields, &dec));
            Ok(Decider::Cell { ra, ra_unit_deg, dec, dec_unit_deg })
        }
    }
}

fn key_column(params: &Params, fields: &Fields) -> Result<String> {
    if let Some(name) = &params.key {
        return Ok(name.clone());
    }
    let is_key = |field: &&FieldRef| {
        field.ucd().is_some_and(|ucd| ucd.starts_with("meta.id") && ucd.contains("meta.main"))
    };
    fields.iter().find(is_key).map(|field| field.name().clone()).ok_or_else(|| {
        let message = "no column of input `rows` is marked as key; name one here, or with `key` in the ingester";
        Error::param("key", message)
    })
}

const RA_NAMES: [&str; 5] = ["ra", "raj2000", "ra_deg", "alpha", "right_ascension"];
const DEC_NAMES: [&str; 7] =
    ["dec", "decl", "dej2000", "decj2000", "dec_deg", "delta", "declination"];

/// The column named by a parameter, or else by UCD, or else by a usual name in any case.
fn position(
    named: Option<&String>,
    fields: &Fields,
    param: &str,
    ucd: &str,
    names: &[&str],
) -> Result<String> {
    if let Some(name) = named {
        return Ok(name.clone());
    }
    let mean = |field: &&FieldRef| field.ucd().is_some_and(|u| u.split(';').next() == Some(ucd));
    let main =
        |field: &&FieldRef| mean(field) && field.ucd().is_some_and(|u| u.contains("meta.main"));
    let usual = |name: &str| {
        fields.iter().find(|field| {
            // "Decl(deg)" is a common way to write a unit.
            let plain = field.name().split(['(', '[']).next().unwrap_or_default().trim();
            plain.eq_ignore_ascii_case(name)
        })
    };
    let found = fields.iter().find(main).or_else(|| fields.iter().find(mean));
    let found = found.or_else(|| names.iter().find_map(|name| usual(name)));
    found.map(|field| field.name().clone()).ok_or_else(|| {
        Error::param(
            param,
            format!("no column of input `rows` has UCD {ucd} or a usual name; name it here"),
        )
    })
}

/// Degrees in one unit of a column. `bind` has refused all other units.
fn unit_deg(fields: &Fields, column: &str) -> f64 {
    match fields.find(column).and_then(|(_, field)| field.unit()) {
        Some("h") => 15.0,
        Some("rad") => 180.0 / std::f64::consts::PI,
        _ => 1.0,
    }
}

/// Each row's place in [0, 1); none where its key is missing or its position impossible.
fn places(params: &Params, decider: &Decider, batch: &Batch) -> Result<Vec<Option<f64>>> {
    match decider {
        Decider::Key { column, .. } => key_places(params.seed, batch, column),
        Decider::Cell { ra, ra_unit_deg, dec, dec_unit_deg } => {
            let (ra, dec) = (batch.numbers(ra)?, batch.numbers(dec)?);
            let place_of = |row| {
                let (ra_deg, dec_deg) = (ra.get(row)? * ra_unit_deg, dec.get(row)? * dec_unit_deg);
                let possible = (-360.0..=360.0).contains(&ra_deg) && dec_deg.abs() <= 90.0;
                possible.then(|| {
                    let cell = healpix::cell(params.order, ra_deg, dec_deg);
                    place(params.seed, Key::Cell(params.order, cell))
                })
            };
            Ok((0..batch.rows()).map(place_of).collect())
        }
    }
}

fn key_places(seed: u64, batch: &Batch, column: &str) -> Result<Vec<Option<f64>>> {
    let array = batch.column(column)?;
    let places = match array.data_type() {
        DataType::Int8 => integer_places::<Int8Type>(seed, &array),
        DataType::Int16 => integer_places::<Int16Type>(seed, &array),
        DataType::Int32 => integer_places::<Int32Type>(seed, &array),
        DataType::Int64 => integer_places::<Int64Type>(seed, &array),
        DataType::UInt8 => integer_places::<UInt8Type>(seed, &array),
        DataType::UInt16 => integer_places::<UInt16Type>(seed, &array),
        DataType::UInt32 => integer_places::<UInt32Type>(seed, &array),
        DataType::UInt64 => integer_places::<UInt64Type>(seed, &array),
        DataType::Boolean => {
            let values = array.as_boolean().iter();
            values.map(|value| Some(place(seed, Key::Boolean(value?)))).collect()
        }
        data_type if is_text(data_type) => {
            let values = batch.strings(column)?;
            values.iter().map(|value| Some(place(seed, Key::Text(value?)))).collect()
        }
        _ => {
            let values = batch.numbers(column)?;
            let present = |row| values.get(row).filter(|value| !value.is_nan());
            (0..values.len()).map(|row| Some(place(seed, Key::Float(present(row)?)))).collect()
        }
    };
    Ok(places)
}

fn integer_places<T>(seed: u64, array: &dyn Array) -> Vec<Option<f64>>
where
    T: ArrowPrimitiveType,
    T::Native: Into<i128>,
{
    let values = array.as_primitive::<T>().iter();
    values.map(|value| Some(place(seed, Key::Integer(value?.into())))).collect()
}

/// Rows that no side can be found for.
#[derive(Debug, Default)]
struct Faults {
    rows: u64,
    count: u64,
    first: Option<u64>,
}

impl Faults {
    fn note(&mut self, places: &[Option<f64>]) {
        for place in places {
            if place.is_none() {
                self.count += 1;
                self.first.get_or_insert(self.rows);
            }
            self.rows += 1;
        }
    }

    fn into_result(self, decider: &Decider) -> Result<()> {
        let Some(first) = self.first else {
            return Ok(());
        };
        let (count, rows) = (self.count, self.rows);
        let (what, remedy) = match decider {
            Decider::Key { column, remedy } => (format!("no value in column `{column}`"), *remedy),
            Decider::Cell { ra, dec, .. } => (
                format!("no possible position in columns `{ra}` and `{dec}`"),
                "drop these rows before, or check sentinels and the columns' units",
            ),
        };
        Err(Error::data(format!(
            "{count} of {rows} rows have {what}, the first is row {first} of its partition (from 0); {remedy}"
        )))
    }
}
