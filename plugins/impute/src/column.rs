//! Arrow arrays → values, and filled ones back.

use std::fmt;

use skyloom_plugin::arrow_array::cast::AsArray;
use skyloom_plugin::arrow_array::types::{
    ArrowPrimitiveType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use skyloom_plugin::arrow_array::{LargeStringArray, PrimitiveArray, new_empty_array};
use skyloom_plugin::prelude::*;

use crate::params::{Constant, Strategy, is_float, is_plain_text};
use crate::statistic::{Counts, ExactSum, Ordered, median};

/// What a column's gaps are filled with.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Fill {
    Float(f64),
    Integer(i128),
    Text(String),
}

impl Fill {
    pub(crate) fn word(strategy: Strategy) -> &'static str {
        match strategy {
            Strategy::Median => "median",
            Strategy::Mean => "mean",
            Strategy::MostFrequent => "most frequent value",
            Strategy::Constant => "constant",
        }
    }
}

impl fmt::Display for Fill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Float(value) => value.fmt(f),
            Self::Integer(value) => value.fmt(f),
            Self::Text(value) => write!(f, "`{value}`"),
        }
    }
}

/// The constant as a value of `field`.
///
/// # Errors
/// When it does not fit the column's type.
pub(crate) fn constant(value: &Constant, field: &Field) -> Result<Fill> {
    let data_type = field.data_type();
    let misfit = || {
        let message = format!("does not fit column `{}`, which is {data_type}", field.name());
        Error::param("value", message)
    };
    match value {
        Constant::Integer(value) if is_float(data_type) => Ok(Fill::Float(*value as f64)),
        Constant::Float(value) if is_float(data_type) => Ok(Fill::Float(*value)),
        Constant::Integer(value) if data_type.is_integer() => {
            let value = i128::from(*value);
            // An array of nothing tells whether the value fits its type.
            let none = new_empty_array(data_type);
            integers(&none, value).map(|_| Fill::Integer(value)).ok_or_else(misfit)
        }
        Constant::Text(value) if is_plain_text(data_type) => Ok(Fill::Text(value.clone())),
        _ => Err(misfit()),
    }
}

/// What the rows of `reader` say about column `name`. Only this column crosses the border,
/// and only one column is held at a time.
///
/// # Errors
/// When it has no value, or no finite mean.
pub(crate) fn fit(reader: &mut Reader, name: &str, strategy: Strategy) -> Result<Fill> {
    reader.rewind();
    let data_type = reader.fields().find(name).map(|(_, field)| field.data_type().clone());
    let fill = match (data_type, strategy) {
        (Some(data_type), _) if is_float(&data_type) => {
            fit_floats(reader, name, strategy)?.map(Fill::Float)
        }
        (Some(data_type), Strategy::MostFrequent) if data_type.is_integer() => {
            let mut counts = Counts::default();
            while let Some(batch) = reader.next()? {
                let array = batch.column(name)?;
                let values =
                    values(&array).ok_or_else(|| Error::failed("an integer type unknown here"))?;
                values.into_iter().flatten().for_each(|value| counts.add(value));
            }
            counts.most_frequent().map(Fill::Integer)
        }
        _ => {
            let mut counts = Counts::default();
            while let Some(batch) = reader.next()? {
                batch.strings(name)?.iter().flatten().for_each(|value| counts.add_str(value));
            }
            counts.most_frequent().map(Fill::Text)
        }
    };
    fill.ok_or_else(|| {
        Error::data(format!(
            "column `{name}` has no value in the {} rows of `fit`, so no {}; leave it out of `columns`, \
             give it `strategy: constant` in `per-column`, or fit on more rows",
            reader.rows(),
            Fill::word(strategy)
        ))
    })
}

fn fit_floats(reader: &mut Reader, name: &str, strategy: Strategy) -> Result<Option<f64>> {
    let (mut all, mut sum, mut counts) = (Vec::new(), ExactSum::default(), Counts::default());
    while let Some(batch) = reader.next()? {
        let numbers = batch.numbers(name)?;
        let present =
            (0..numbers.len()).filter_map(|row| numbers.get(row)).filter(|value| !value.is_nan());
        match strategy {
            Strategy::Median => all.extend(present),
            Strategy::Mean => present.for_each(|value| sum.add(value)),
            Strategy::MostFrequent | Strategy::Constant => {
                present.for_each(|value| counts.add(Ordered::new(value)));
            }
        }
    }
    let value = match strategy {
        Strategy::Median => median(&mut all),
        Strategy::Mean => sum.mean(),
        Strategy::MostFrequent | Strategy::Constant => counts.most_frequent().map(Ordered::get),
    };
    match value {
        Some(value) if value.is_nan() || (strategy == Strategy::Mean && value.is_infinite()) => {
            Err(Error::data(format!(
                "column `{name}` of `fit` holds infinite or huge values, so its {} is not finite; \
             turn them into nulls before, or use `strategy: most-frequent`",
                Fill::word(strategy)
            )))
        }
        value => Ok(value),
    }
}

/// Column `name` of `batch` without gaps, and where they were. NaN is a gap.
pub(crate) fn fill(batch: &Batch, name: &str, with: &Fill) -> Result<(ArrayRef, Vec<bool>)> {
    let array = batch.column(name)?;
    let missing: Vec<bool> = match array.data_type() {
        DataType::Float64 => missing_floats(array.as_primitive::<Float64Type>().iter()),
        DataType::Float32 => missing_floats(
            array.as_primitive::<Float32Type>().iter().map(|value| value.map(f64::from)),
        ),
        _ => (0..array.len()).map(|row| array.is_null(row)).collect(),
    };
    let filled: Option<ArrayRef> = match (array.data_type(), with) {
        (DataType::Float64, Fill::Float(with)) => {
            let values = array.as_primitive::<Float64Type>().values().iter().zip(&missing);
            Some(Arc::new(Float64Array::from_iter_values(
                values.map(|(value, gap)| if *gap { *with } else { *value }),
            )))
        }
        (DataType::Float32, Fill::Float(with)) => {
            let values = array.as_primitive::<Float32Type>().values().iter().zip(&missing);
            let with = *with as f32;
            Some(Arc::new(Float32Array::from_iter_values(
                values.map(|(value, gap)| if *gap { with } else { *value }),
            )))
        }
        (_, Fill::Integer(with)) => integers(&array, *with),
        (DataType::Utf8, Fill::Text(with)) => {
            let values = array.as_string::<i32>().iter();
            Some(Arc::new(StringArray::from_iter_values(values.map(|value| value.unwrap_or(with)))))
        }
        (DataType::LargeUtf8, Fill::Text(with)) => {
            let values = array.as_string::<i64>().iter();
            Some(Arc::new(LargeStringArray::from_iter_values(
                values.map(|value| value.unwrap_or(with)),
            )))
        }
        _ => None,
    };
    let filled =
        filled.ok_or_else(|| Error::failed(format!("`{name}` cannot be filled with {with}")))?;
    Ok((filled, missing))
}

fn missing_floats(values: impl Iterator<Item = Option<f64>>) -> Vec<bool> {
    values.map(|value| value.is_none_or(f64::is_nan)).collect()
}

/// An integer array of any width with its gaps filled; none when it is none, or when the
/// value does not fit.
fn integers(array: &ArrayRef, with: i128) -> Option<ArrayRef> {
    fn filled<T: ArrowPrimitiveType>(array: &ArrayRef, with: i128) -> Option<ArrayRef>
    where
        T::Native: TryFrom<i128>,
    {
        let with = T::Native::try_from(with).ok()?;
        let values = array.as_primitive::<T>().iter().map(|value| value.unwrap_or(with));
        Some(Arc::new(PrimitiveArray::<T>::from_iter_values(values)))
    }
    match array.data_type() {
        DataType::Int8 => filled::<Int8Type>(array, with),
        DataType::Int16 => filled::<Int16Type>(array, with),
        DataType::Int32 => filled::<Int32Type>(array, with),
        DataType::Int64 => filled::<Int64Type>(array, with),
        DataType::UInt8 => filled::<UInt8Type>(array, with),
        DataType::UInt16 => filled::<UInt16Type>(array, with),
        DataType::UInt32 => filled::<UInt32Type>(array, with),
        DataType::UInt64 => filled::<UInt64Type>(array, with),
        _ => None,
    }
}

/// The values of an integer array of any width; none when it is none.
fn values(array: &ArrayRef) -> Option<Vec<Option<i128>>> {
    fn widen<T: ArrowPrimitiveType>(array: &ArrayRef) -> Vec<Option<i128>>
    where
        T::Native: Into<i128>,
    {
        array.as_primitive::<T>().iter().map(|value| value.map(Into::into)).collect()
    }
    Some(match array.data_type() {
        DataType::Int8 => widen::<Int8Type>(array),
        DataType::Int16 => widen::<Int16Type>(array),
        DataType::Int32 => widen::<Int32Type>(array),
        DataType::Int64 => widen::<Int64Type>(array),
        DataType::UInt8 => widen::<UInt8Type>(array),
        DataType::UInt16 => widen::<UInt16Type>(array),
        DataType::UInt32 => widen::<UInt32Type>(array),
        DataType::UInt64 => widen::<UInt64Type>(array),
        _ => return None,
    })
}
