//! Cells of new columns, and the columns that they make.

use light_curve::{Kind, Light};
use skyloom_plugin::arrow_array::builder::StringBuilder;
use skyloom_plugin::prelude::*;

/// A value of a new column; null where there is NaN or none.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    Number(f64),
    Word(Option<String>),
    Flag(Option<bool>),
}

/// What a number is measured in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A ratio.
    One,
    Day,
    Radian,
    /// The band's own unit.
    Light,
}

/// A field of numbers.
pub fn number(name: String, unit: Unit, ucd: &str, about: &str) -> Field {
    let field = Field::new(name, DataType::Float64, true).with_ucd(ucd).with_description(about);
    match unit {
        Unit::Day => field.with_unit("d"),
        Unit::Radian => field.with_unit("rad"),
        Unit::One | Unit::Light => field,
    }
}

/// A field of numbers in the unit of `light`; `phot` at the end of the UCD becomes
/// `phot.flux` or `phot.mag`.
pub fn of_light(name: String, light: &Light, ucd: &str, about: &str) -> Field {
    let kind = match light.kind {
        Kind::Flux => "flux",
        Kind::Magnitude => "mag",
    };
    let field = number(name, Unit::Light, &format!("{ucd}.{kind}"), about);
    match &light.unit {
        Some(unit) => field.with_unit(unit),
        None => field,
    }
}

pub fn word(name: String, ucd: &str, about: &str) -> Field {
    Field::new(name, DataType::Utf8, true).with_ucd(ucd).with_description(about)
}

pub fn flag(name: String, about: &str) -> Field {
    Field::new(name, DataType::Boolean, true).with_ucd("meta.code").with_description(about)
}

/// Rows of cells as columns of the types of `fields`.
///
/// # Errors
/// When cells and fields do not fit, which is a fault of this plugin.
pub fn columns(fields: &[Field], rows: &[Vec<Cell>]) -> Result<Vec<ArrayRef>> {
    if rows.iter().any(|row| row.len() != fields.len()) {
        return Err(Error::failed("a row has other columns than were declared"));
    }
    let column = |(at, field): (usize, &Field)| {
        let cells = rows.iter().map(|row| &row[at]);
        match field.data_type() {
            DataType::Float64 => numbers(cells),
            DataType::Boolean => flags(cells),
            _ => words(cells),
        }
        .ok_or_else(|| {
            Error::failed(format!("column `{}` has cells of another type", field.name()))
        })
    };
    fields.iter().enumerate().map(column).collect()
}

fn numbers<'a>(cells: impl Iterator<Item = &'a Cell>) -> Option<ArrayRef> {
    let numbers = cells.map(|cell| match cell {
        Cell::Number(number) => Some(Some(*number).filter(|number| number.is_finite())),
        _ => None,
    });
    Some(Arc::new(numbers.collect::<Option<Float64Array>>()?))
}

fn flags<'a>(cells: impl Iterator<Item = &'a Cell>) -> Option<ArrayRef> {
    let flags = cells.map(|cell| match cell {
        Cell::Flag(flag) => Some(*flag),
        _ => None,
    });
    Some(Arc::new(flags.collect::<Option<BooleanArray>>()?))
}

fn words<'a>(cells: impl Iterator<Item = &'a Cell>) -> Option<ArrayRef> {
    let mut words = StringBuilder::new();
    for cell in cells {
        match cell {
            Cell::Word(word) => words.append_option(word.as_deref()),
            _ => return None,
        }
    }
    Some(Arc::new(words.finish()))
}
