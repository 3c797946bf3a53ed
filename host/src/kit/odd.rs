//! Columns that nobody hopes for.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, FixedSizeListArray, Float64Array, Int64Array,
    LargeListArray, ListArray, StringArray, StructArray, UInt32Array, new_null_array,
};
use arrow::buffer::OffsetBuffer;
use arrow::compute::{CastOptions, cast_with_options, concat, take};
use arrow::datatypes::{DataType, Float64Type, Int64Type};

/// A kind of odd values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Odd {
    Nulls,
    NotFinite,
    Extremes,
    Unicode,
}

impl Odd {
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Nulls => "nothing but nulls",
            Self::NotFinite => "NaN and infinities",
            Self::Extremes => "extreme values",
            Self::Unicode => "odd text",
        }
    }
}

/// `rows` odd values of this type; none where the type has none of this kind.
pub(super) fn column(odd: Odd, data_type: &DataType, rows: usize) -> Option<ArrayRef> {
    if odd == Odd::Nulls {
        return Some(new_null_array(data_type, rows));
    }
    let some = values(odd, data_type)?;
    let cycle = UInt32Array::from_iter_values((0..rows).map(|row| (row % some.len()) as u32));
    let column = take(&some, &cycle, None).ok()?;
    let is_text = matches!(data_type, DataType::Utf8 | DataType::LargeUtf8);
    if odd != Odd::Unicode || !is_text {
        return Some(column);
    }
    // Keys must stay different.
    let texts = as_type(&column, &DataType::Utf8)?;
    let texts = texts.as_string::<i32>().iter().enumerate().map(|(row, text)| {
        let text = text.unwrap_or_default();
        if row < some.len() { text.to_owned() } else { format!("{text}{row}") }
    });
    as_type(&(Arc::new(StringArray::from_iter_values(texts)) as ArrayRef), data_type)
}

const FLOATS: [f64; 9] =
    [f64::MAX, -f64::MAX, 5e-324, -5e-324, f64::MIN_POSITIVE, 0.0, -0.0, 1.0, f64::EPSILON];

fn values(odd: Odd, data_type: &DataType) -> Option<ArrayRef> {
    match data_type {
        DataType::List(child) => {
            let (items, ends) = lists(odd, child.data_type())?;
            Some(Arc::new(ListArray::new(Arc::clone(child), ends, items, None)))
        }
        DataType::LargeList(child) => {
            let (items, ends) = lists(odd, child.data_type())?;
            let ends = OffsetBuffer::new(ends.iter().map(|&end| i64::from(end)).collect());
            Some(Arc::new(LargeListArray::new(Arc::clone(child), ends, items, None)))
        }
        DataType::FixedSizeList(child, size) => {
            let items = column(odd, child.data_type(), 3 * *size as usize)?;
            let list = FixedSizeListArray::try_new(Arc::clone(child), *size, items, None);
            Some(Arc::new(list.ok()?))
        }
        DataType::Struct(fields) => {
            let rows = FLOATS.len();
            let children = fields.iter().map(|field| {
                let odd = column(odd, field.data_type(), rows);
                odd.unwrap_or_else(|| plain(field.data_type(), rows))
            });
            let is_any = fields.iter().any(|field| values(odd, field.data_type()).is_some());
            let structs = StructArray::try_new(fields.clone(), children.collect(), None).ok()?;
            is_any.then(|| Arc::new(structs) as ArrayRef)
        }
        _ => scalars(odd, data_type),
    }
}

/// All odd items in one list, an empty list, and one of many items.
fn lists(odd: Odd, item: &DataType) -> Option<(ArrayRef, OffsetBuffer<i32>)> {
    let some = match odd {
        Odd::Extremes => values(odd, item).unwrap_or_else(|| plain(item, 3)),
        _ => values(odd, item)?,
    };
    let many = column(odd, item, 5000).unwrap_or_else(|| plain(item, 5000));
    let items = concat(&[some.as_ref(), many.as_ref()]).ok()?;
    Some((items, OffsetBuffer::from_lengths([some.len(), 0, many.len()])))
}

/// Ordinary values, for what stands beside odd ones.
fn plain(data_type: &DataType, rows: usize) -> ArrayRef {
    let ones: ArrayRef = Arc::new(Int64Array::from_iter_values((0..rows).map(|row| row as i64)));
    as_type(&ones, data_type).unwrap_or_else(|| new_null_array(data_type, rows))
}

fn scalars(odd: Odd, data_type: &DataType) -> Option<ArrayRef> {
    let is_text = |data_type: &DataType| {
        matches!(data_type, DataType::Utf8 | DataType::LargeUtf8)
            || matches!(data_type, DataType::Dictionary(_, value) if **value == DataType::Utf8)
    };
    match odd {
        Odd::Nulls => None,
        Odd::NotFinite => {
            let numbers = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1.5, -0.0];
            let numbers: ArrayRef = Arc::new(Float64Array::from(numbers.to_vec()));
            data_type.is_floating().then(|| as_type(&numbers, data_type)).flatten()
        }
        Odd::Extremes if data_type.is_floating() => {
            let numbers: ArrayRef = Arc::new(Float64Array::from(FLOATS.to_vec()));
            as_type(&numbers, data_type)
        }
        Odd::Extremes if data_type.is_integer() => integers(data_type),
        Odd::Extremes if is_text(data_type) => {
            let long = "x".repeat(100_000);
            let texts: ArrayRef = Arc::new(StringArray::from(vec!["", "1e999", &long, "0"]));
            as_type(&texts, data_type)
        }
        Odd::Extremes => match data_type {
            DataType::Date64 | DataType::Timestamp(..) | DataType::Time64(_) => {
                integers(&DataType::Int64).and_then(|extremes| as_type(&extremes, data_type))
            }
            DataType::Date32 => {
                integers(&DataType::Int32).and_then(|extremes| as_type(&extremes, data_type))
            }
            DataType::Boolean => Some(Arc::new(BooleanArray::from(vec![true, false]))),
            _ => None,
        },
        Odd::Unicode => {
            let texts = vec![
                "",
                "\u{1f52d}\u{1d538}",
                "e\u{301}",
                "\u{202e}abc",
                "a\nb\t",
                "'\";--",
                "\u{0}",
                "\u{feff}",
                "星",
                " ",
            ];
            let texts: ArrayRef = Arc::new(StringArray::from(texts));
            is_text(data_type).then(|| as_type(&texts, data_type)).flatten()
        }
    }
}

fn integers(data_type: &DataType) -> Option<ArrayRef> {
    let numbers = [i64::MIN, i64::MAX, 0, -1, 1]
        .into_iter()
        .chain([i64::from(i32::MIN), i64::from(i32::MAX), i64::from(u32::MAX)])
        .chain([i8::MIN, i8::MAX].map(i64::from))
        .chain([i16::MIN, i16::MAX].map(i64::from));
    let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(numbers));
    // What does not fit becomes null and goes.
    let cast = as_type(&numbers, data_type)?;
    let fits = (0..cast.len()).filter(|&row| cast.is_valid(row)).map(|row| row as u32);
    take(&cast, &UInt32Array::from_iter_values(fits), None).ok()
}

fn as_type(array: &ArrayRef, data_type: &DataType) -> Option<ArrayRef> {
    cast_with_options(array, data_type, &CastOptions { safe: true, ..CastOptions::default() }).ok()
}

/// `array` with other values of the same kind; none where its type has no such.
///
/// Numbers are stretched and shifted unevenly, so that no difference, ratio or order
/// survives; text and truth values move one row down, so that no new words appear.
pub(super) fn perturbed(array: &ArrayRef) -> Option<ArrayRef> {
    let data_type = array.data_type();
    Some(match data_type {
        DataType::Float16 | DataType::Float32 | DataType::Float64 => {
            let old = as_type(array, &DataType::Float64)?;
            let new = old.as_primitive::<Float64Type>().iter().enumerate().map(|(row, value)| {
                value.map(|value| value * 1.5 + 0.25 + ((row * 7919) % 13) as f64 * 0.125)
            });
            as_type(&(Arc::new(new.collect::<Float64Array>()) as ArrayRef), data_type)?
        }
        data_type if data_type.is_integer() => {
            let old = as_type(array, &DataType::Int64)?;
            let new = old.as_primitive::<Int64Type>().iter().enumerate().map(|(row, value)| {
                value.map(|value| value.wrapping_add(1 + ((row * 7919) % 13) as i64))
            });
            let new = as_type(&(Arc::new(new.collect::<Int64Array>()) as ArrayRef), data_type)?;
            // What no longer fits moves down instead.
            if new.null_count() > array.null_count() { rotated(array)? } else { new }
        }
        DataType::Boolean => {
            let new = array.as_boolean().iter().map(|value| value.map(|value| !value));
            Arc::new(new.collect::<BooleanArray>())
        }
        DataType::List(child) => {
            let list = array.as_list::<i32>();
            let items = perturbed(list.values())?;
            let (ends, nulls) = (list.offsets().clone(), list.nulls().cloned());
            Arc::new(ListArray::try_new(Arc::clone(child), ends, items, nulls).ok()?)
        }
        DataType::Struct(fields) => {
            let structs = array.as_struct();
            let children = structs
                .columns()
                .iter()
                .map(|child| perturbed(child).unwrap_or_else(|| Arc::clone(child)));
            let nulls = structs.nulls().cloned();
            Arc::new(StructArray::try_new(fields.clone(), children.collect(), nulls).ok()?)
        }
        DataType::Null => return None,
        _ => rotated(array)?,
    })
}

/// `array`, each value one row down, the last one first.
pub(super) fn rotated(array: &ArrayRef) -> Option<ArrayRef> {
    let rows = array.len();
    let above = (0..rows).map(|row| if row == 0 { rows - 1 } else { row - 1 } as u32);
    take(array, &UInt32Array::from_iter_values(above), None).ok()
}

/// `array` with its first value in every row; none where it has no value.
pub(super) fn levelled(array: &ArrayRef) -> Option<ArrayRef> {
    let first = (0..array.len()).find(|&row| array.is_valid(row))?;
    take(array, &UInt32Array::from(vec![first as u32; array.len()]), None).ok()
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::{Field, Fields};

    use super::*;

    fn nested() -> DataType {
        let fields = Fields::from(vec![
            Field::new("mjd", DataType::Float64, true),
            Field::new("band", DataType::Utf8, true),
        ]);
        DataType::List(Arc::new(Field::new("item", DataType::Struct(fields), true)))
    }

    fn check(odd: Odd, data_type: DataType, has: bool) {
        let column = column(odd, &data_type, 20);
        assert_eq!(column.is_some(), has, "{odd:?} of {data_type}");
        if let Some(column) = column {
            assert_eq!((column.len(), column.data_type()), (20, &data_type), "{odd:?}");
            column.to_data().validate_full().expect("it is whole");
        }
    }

    #[test]
    fn every_type_has_its_odd_values() {
        use DataType::{Boolean, Date32, Float32, Float64, Int8, UInt64, Utf8};
        let words = DataType::Dictionary(Box::new(DataType::Int32), Box::new(Utf8));
        for (data_type, not_finite, extremes, unicode) in [
            (Float64, true, true, false),
            (Float32, true, true, false),
            (Int8, false, true, false),
            (UInt64, false, true, false),
            (Boolean, false, true, false),
            (Date32, false, true, false),
            (Utf8, false, true, true),
            (words, false, true, true),
            (nested(), true, true, true),
        ] {
            check(Odd::Nulls, data_type.clone(), true);
            check(Odd::NotFinite, data_type.clone(), not_finite);
            check(Odd::Extremes, data_type.clone(), extremes);
            check(Odd::Unicode, data_type, unicode);
        }
    }

    #[test]
    fn odd_texts_stay_different() {
        let column = column(Odd::Unicode, &DataType::Utf8, 50).expect("text has odd values");
        let mut texts: Vec<_> = column.as_string::<i32>().iter().collect();
        texts.sort();
        texts.dedup();
        assert_eq!(texts.len(), 50);
    }

    #[test]
    fn perturbed_columns_are_others() {
        let texts: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), None, Some("b")]));
        let numbers: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None, Some(i64::MAX)]));
        let truths: ArrayRef = Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)]));
        for column in [texts, numbers, truths] {
            let other = perturbed(&column).expect("its type has perturbations");
            assert_eq!(other.data_type(), column.data_type());
            assert_ne!(&other, &column);
        }
    }
}
