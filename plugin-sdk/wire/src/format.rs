//! Arrow types as the C data interface's format strings, and back.

use std::sync::Arc;

use arrow_schema::{DataType, FieldRef, IntervalUnit, TimeUnit};

use crate::WireError;

/// The format string of `data_type`; for a dictionary, that of its keys.
///
/// # Errors
/// [`WireError::UnsupportedType`] for views, unions and run-end encoding.
pub(crate) fn format_of(data_type: &DataType) -> Result<String, WireError> {
    let fixed = match data_type {
        DataType::Null => "n",
        DataType::Boolean => "b",
        DataType::Int8 => "c",
        DataType::UInt8 => "C",
        DataType::Int16 => "s",
        DataType::UInt16 => "S",
        DataType::Int32 => "i",
        DataType::UInt32 => "I",
        DataType::Int64 => "l",
        DataType::UInt64 => "L",
        DataType::Float16 => "e",
        DataType::Float32 => "f",
        DataType::Float64 => "g",
        DataType::Binary => "z",
        DataType::LargeBinary => "Z",
        DataType::Utf8 => "u",
        DataType::LargeUtf8 => "U",
        DataType::Date32 => "tdD",
        DataType::Date64 => "tdm",
        DataType::Time32(TimeUnit::Second) => "tts",
        DataType::Time32(TimeUnit::Millisecond) => "ttm",
        DataType::Time64(TimeUnit::Microsecond) => "ttu",
        DataType::Time64(TimeUnit::Nanosecond) => "ttn",
        DataType::Duration(unit) => return Ok(format!("tD{}", unit_letter(*unit))),
        DataType::Interval(IntervalUnit::YearMonth) => "tiM",
        DataType::Interval(IntervalUnit::DayTime) => "tiD",
        DataType::Interval(IntervalUnit::MonthDayNano) => "tin",
        DataType::List(_) => "+l",
        DataType::LargeList(_) => "+L",
        DataType::Struct(_) => "+s",
        DataType::Map(_, _) => "+m",
        DataType::Timestamp(unit, zone) => {
            let zone = zone.as_deref().unwrap_or_default();
            return Ok(format!("ts{}:{zone}", unit_letter(*unit)));
        }
        DataType::FixedSizeBinary(width) => return Ok(format!("w:{width}")),
        DataType::FixedSizeList(_, length) => return Ok(format!("+w:{length}")),
        DataType::Decimal128(precision, scale) => return Ok(format!("d:{precision},{scale}")),
        DataType::Dictionary(key, words) if key.is_dictionary_key_type() && is_plain(words) => {
            return format_of(key);
        }
        other => return Err(WireError::UnsupportedType(other.to_string())),
    };
    Ok(fixed.to_owned())
}

/// Whether a dictionary may hold values of this type.
pub(crate) fn is_plain(data_type: &DataType) -> bool {
    let nested = data_type.is_nested() || matches!(data_type, DataType::Dictionary(..));
    !nested && *data_type != DataType::Null
}

/// The type that `format` and `children` make.
///
/// # Errors
/// [`WireError`] when the format is unknown or the children do not fit it.
pub(crate) fn type_of(format: &str, mut children: Vec<FieldRef>) -> Result<DataType, WireError> {
    let wrong = |expected: &str, found: usize| WireError::WrongChildren {
        format: format.to_owned(),
        expected: expected.to_owned(),
        found: found as u32,
    };
    let one = |children: &mut Vec<FieldRef>| match children.len() {
        1 => Ok(children.remove(0)),
        n => Err(wrong("exactly one", n)),
    };
    let nested = match format {
        "+l" => DataType::List(one(&mut children)?),
        "+L" => DataType::LargeList(one(&mut children)?),
        "+s" => return Ok(DataType::Struct(children.into())),
        "+m" => {
            let entries = one(&mut children)?;
            match entries.data_type() {
                DataType::Struct(pair) if pair.len() == 2 && !pair[0].is_nullable() => {
                    DataType::Map(entries, false)
                }
                _ => return Err(wrong("key and value", 1)),
            }
        }
        _ => match format.strip_prefix("+w:").map(str::parse::<i32>) {
            Some(Ok(length)) if length >= 0 => DataType::FixedSizeList(one(&mut children)?, length),
            _ => {
                let plain = plain_type_of(format)
                    .ok_or_else(|| WireError::UnknownFormat(format.escape_debug().to_string()))?;
                if !children.is_empty() {
                    return Err(wrong("no", children.len()));
                }
                plain
            }
        },
    };
    Ok(nested)
}

fn plain_type_of(format: &str) -> Option<DataType> {
    Some(match format {
        "n" => DataType::Null,
        "b" => DataType::Boolean,
        "c" => DataType::Int8,
        "C" => DataType::UInt8,
        "s" => DataType::Int16,
        "S" => DataType::UInt16,
        "i" => DataType::Int32,
        "I" => DataType::UInt32,
        "l" => DataType::Int64,
        "L" => DataType::UInt64,
        "e" => DataType::Float16,
        "f" => DataType::Float32,
        "g" => DataType::Float64,
        "z" => DataType::Binary,
        "Z" => DataType::LargeBinary,
        "u" => DataType::Utf8,
        "U" => DataType::LargeUtf8,
        "tdD" => DataType::Date32,
        "tdm" => DataType::Date64,
        "tts" => DataType::Time32(TimeUnit::Second),
        "ttm" => DataType::Time32(TimeUnit::Millisecond),
        "ttu" => DataType::Time64(TimeUnit::Microsecond),
        "ttn" => DataType::Time64(TimeUnit::Nanosecond),
        "tiM" => DataType::Interval(IntervalUnit::YearMonth),
        "tiD" => DataType::Interval(IntervalUnit::DayTime),
        "tin" => DataType::Interval(IntervalUnit::MonthDayNano),
        _ => return parametric_type_of(format),
    })
}

fn parametric_type_of(format: &str) -> Option<DataType> {
    if let Some(unit) = format.strip_prefix("tD") {
        return Some(DataType::Duration(unit_of(unit)?));
    }
    if let Some((unit, zone)) = format.strip_prefix("ts").and_then(|rest| rest.split_once(':')) {
        let zone = (!zone.is_empty() && zone.len() <= 64).then(|| Arc::from(zone));
        return Some(DataType::Timestamp(unit_of(unit)?, zone));
    }
    if let Some(width) = format.strip_prefix("w:") {
        let width: i32 = width.parse().ok()?;
        return (width >= 0).then_some(DataType::FixedSizeBinary(width));
    }
    let (precision, scale) = format.strip_prefix("d:")?.split_once(',')?;
    let (precision, scale) = (precision.parse::<u8>().ok()?, scale.parse::<i8>().ok()?);
    let fits = (1..=38).contains(&precision) && scale.unsigned_abs() <= precision;
    fits.then_some(DataType::Decimal128(precision, scale))
}

fn unit_letter(unit: TimeUnit) -> char {
    match unit {
        TimeUnit::Second => 's',
        TimeUnit::Millisecond => 'm',
        TimeUnit::Microsecond => 'u',
        TimeUnit::Nanosecond => 'n',
    }
}

fn unit_of(letter: &str) -> Option<TimeUnit> {
    Some(match letter {
        "s" => TimeUnit::Second,
        "m" => TimeUnit::Millisecond,
        "u" => TimeUnit::Microsecond,
        "n" => TimeUnit::Nanosecond,
        _ => return None,
    })
}
