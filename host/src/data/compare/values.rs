//! Whether two values are equal, and how far numbers are apart.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, OffsetSizeTrait};
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer};
use arrow::datatypes::{
    BinaryType, ByteArrayType, DataType, Decimal128Type, Float16Type, Float32Type, Float64Type,
    Int8Type, Int16Type, Int32Type, Int64Type, LargeBinaryType, LargeUtf8Type, UInt8Type,
    UInt16Type, UInt32Type, UInt64Type, Utf8Type,
};

use super::Tolerance;

/// How two values relate, from best to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verdict {
    Equal,
    /// They differ, but not beyond the tolerance.
    Within,
    Apart,
}

/// The largest distances of finite numbers that differ.
#[derive(Debug, Default)]
pub(super) struct Distance {
    pub(super) abs: Option<f64>,
    pub(super) rel: Option<f64>,
}

impl Distance {
    fn widen(&mut self, abs: f64, rel: f64) {
        self.abs = Some(self.abs.map_or(abs, |known| known.max(abs)));
        self.rel = Some(self.rel.map_or(rel, |known| known.max(rel)));
    }
}

/// Compares a row of the left array with one of the right, and notes how far they are apart.
pub(super) type Comparator = Box<dyn Fn(usize, usize, &mut Distance) -> Verdict>;

/// The comparator of two arrays, whose types are of the same shape.
pub(super) fn comparator(left: &dyn Array, right: &dyn Array, tolerance: Tolerance) -> Comparator {
    let values = values_comparator(left, right, tolerance);
    let (left_nulls, right_nulls) = (nulls_of(left), nulls_of(right));
    if left_nulls.is_none() && right_nulls.is_none() {
        return values;
    }
    Box::new(move |l, r, distance| match (is_null(&left_nulls, l), is_null(&right_nulls, r)) {
        (true, true) => Verdict::Equal,
        (false, false) => values(l, r, distance),
        _ => Verdict::Apart,
    })
}

/// Which rows are null, also those whose word is; none if no row is.
pub(super) fn nulls_of(array: &dyn Array) -> Option<NullBuffer> {
    array.logical_nulls().filter(|nulls| nulls.null_count() > 0)
}

pub(super) fn is_null(nulls: &Option<NullBuffer>, row: usize) -> bool {
    nulls.as_ref().is_some_and(|nulls| nulls.is_null(row))
}

/// The comparator of rows that are not null.
fn values_comparator(left: &dyn Array, right: &dyn Array, tolerance: Tolerance) -> Comparator {
    match left.data_type() {
        DataType::Null => Box::new(|_, _, _| Verdict::Equal),
        DataType::Boolean => {
            let left = left.as_boolean().values().clone();
            let right = right.as_boolean().values().clone();
            Box::new(move |l, r, _| verdict(left.value(l) == right.value(r)))
        }
        DataType::Int8 => integers::<Int8Type>(left, right, 1.0),
        DataType::Int16 => integers::<Int16Type>(left, right, 1.0),
        DataType::Int32 => integers::<Int32Type>(left, right, 1.0),
        DataType::Int64 => integers::<Int64Type>(left, right, 1.0),
        DataType::UInt8 => integers::<UInt8Type>(left, right, 1.0),
        DataType::UInt16 => integers::<UInt16Type>(left, right, 1.0),
        DataType::UInt32 => integers::<UInt32Type>(left, right, 1.0),
        DataType::UInt64 => integers::<UInt64Type>(left, right, 1.0),
        DataType::Decimal128(_, scale) => {
            integers::<Decimal128Type>(left, right, 10_f64.powi(i32::from(*scale)))
        }
        DataType::Float16 => floats::<Float16Type>(left, right, tolerance),
        DataType::Float32 => floats::<Float32Type>(left, right, tolerance),
        DataType::Float64 => floats::<Float64Type>(left, right, tolerance),
        DataType::Utf8 => bytes::<Utf8Type>(left, right),
        DataType::LargeUtf8 => bytes::<LargeUtf8Type>(left, right),
        DataType::Binary => bytes::<BinaryType>(left, right),
        DataType::LargeBinary => bytes::<LargeBinaryType>(left, right),
        DataType::List(_) => lists(items::<i32>(left), items::<i32>(right), tolerance),
        DataType::LargeList(_) => lists(items::<i64>(left), items::<i64>(right), tolerance),
        DataType::Map(_, _) => lists(entries(left), entries(right), tolerance),
        DataType::FixedSizeList(_, _) => lists(fixed_items(left), fixed_items(right), tolerance),
        DataType::Struct(_) => structs(left, right, tolerance),
        DataType::Dictionary(_, _) => words(left, right, tolerance),
        _ => fixed_width(left, right),
    }
}

fn verdict(equal: bool) -> Verdict {
    if equal { Verdict::Equal } else { Verdict::Apart }
}

/// `scale` of them make 1.
fn integers<T: ArrowPrimitiveType>(left: &dyn Array, right: &dyn Array, scale: f64) -> Comparator
where
    T::Native: Into<i128>,
{
    let left = left.as_primitive::<T>().values().clone();
    let right = right.as_primitive::<T>().values().clone();
    Box::new(move |l, r, distance| {
        let (a, b): (i128, i128) = (left[l].into(), right[r].into());
        if a == b {
            return Verdict::Equal;
        }
        let abs = a.abs_diff(b) as f64;
        let largest = a.unsigned_abs().max(b.unsigned_abs()) as f64;
        distance.widen(abs / scale, abs / largest);
        Verdict::Apart
    })
}

fn floats<T: ArrowPrimitiveType>(
    left: &dyn Array,
    right: &dyn Array,
    tolerance: Tolerance,
) -> Comparator
where
    T::Native: Into<f64>,
{
    let left = left.as_primitive::<T>().values().clone();
    let right = right.as_primitive::<T>().values().clone();
    Box::new(move |l, r, distance| {
        compare_floats(left[l].into(), right[r].into(), tolerance, distance)
    })
}

fn compare_floats(a: f64, b: f64, tolerance: Tolerance, distance: &mut Distance) -> Verdict {
    if a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()) {
        return Verdict::Equal;
    }
    if !(a.is_finite() && b.is_finite()) {
        return Verdict::Apart;
    }
    let r = tolerance.relative;
    let largest = a.abs().max(b.abs());
    let abs = (a - b).abs();
    let (rel, near) = if largest == 0.0 {
        (0.0, true)
    } else if abs.is_finite() {
        (abs / largest, abs <= r * largest)
    } else {
        // The difference of two huge numbers may be past all numbers; that of halves is not.
        let rel = (a / 2.0 - b / 2.0).abs() / (largest / 2.0);
        (rel, rel <= r)
    };
    distance.widen(abs, rel);
    let absolute = tolerance.absolute;
    let within = (r > 0.0 && near) || (absolute > 0.0 && abs <= absolute);
    if within { Verdict::Within } else { Verdict::Apart }
}

fn bytes<T: ByteArrayType>(left: &dyn Array, right: &dyn Array) -> Comparator {
    let (left, right) = (left.as_bytes::<T>().clone(), right.as_bytes::<T>().clone());
    Box::new(move |l, r, _| {
        let (a, b): (&[u8], &[u8]) = (left.value(l).as_ref(), right.value(r).as_ref());
        verdict(a == b)
    })
}

/// Dates, times, and all else that is equal only when its bytes are.
fn fixed_width(left: &dyn Array, right: &dyn Array) -> Comparator {
    let width = match left.data_type() {
        DataType::FixedSizeBinary(width) => *width as usize,
        other => other.primitive_width().expect("all other types are primitive"),
    };
    let values = |array: &dyn Array| -> Buffer {
        let data = array.to_data();
        data.buffers()[0].slice_with_length(data.offset() * width, data.len() * width)
    };
    let (left, right) = (values(left), values(right));
    Box::new(move |l, r, _| verdict(left[l * width..][..width] == right[r * width..][..width]))
}

/// What lists hold: the items of all rows, and which belong to a row.
type Items = (ArrayRef, Box<dyn Fn(usize) -> Range<usize>>);

fn items<O: OffsetSizeTrait>(array: &dyn Array) -> Items {
    let list = array.as_list::<O>();
    ranges(list.offsets().clone(), |all| list.values().slice(all.start, all.len()))
}

fn entries(array: &dyn Array) -> Items {
    let map = array.as_map();
    ranges(map.offsets().clone(), |all| Arc::new(map.entries().slice(all.start, all.len())))
}

/// `cut` leaves the items of an array's own rows: a slice of a list still has those of all.
fn ranges<O: OffsetSizeTrait>(
    offsets: OffsetBuffer<O>,
    cut: impl FnOnce(Range<usize>) -> ArrayRef,
) -> Items {
    let first = offsets[0].as_usize();
    let items = cut(first..offsets[offsets.len() - 1].as_usize());
    let at = move |row: usize| offsets[row].as_usize() - first;
    (items, Box::new(move |row| at(row)..at(row + 1)))
}

fn fixed_items(array: &dyn Array) -> Items {
    let list = array.as_fixed_size_list();
    let length = list.value_length() as usize;
    (list.values().clone(), Box::new(move |row| row * length..(row + 1) * length))
}

fn lists(left: Items, right: Items, tolerance: Tolerance) -> Comparator {
    let ((left, left_range), (right, right_range)) = (left, right);
    let items = comparator(&left, &right, tolerance);
    Box::new(move |l, r, distance| {
        let (left, right) = (left_range(l), right_range(r));
        if left.len() != right.len() {
            return Verdict::Apart;
        }
        let pairs = left.zip(right);
        pairs.map(|(l, r)| items(l, r, distance)).max().unwrap_or(Verdict::Equal)
    })
}

fn structs(left: &dyn Array, right: &dyn Array, tolerance: Tolerance) -> Comparator {
    let columns = left.as_struct().columns().iter().zip(right.as_struct().columns());
    let columns: Vec<_> = columns.map(|(left, right)| comparator(left, right, tolerance)).collect();
    Box::new(move |l, r, distance| {
        columns.iter().map(|column| column(l, r, distance)).max().unwrap_or(Verdict::Equal)
    })
}

fn words(left: &dyn Array, right: &dyn Array, tolerance: Tolerance) -> Comparator {
    let (left, right) = (left.as_any_dictionary(), right.as_any_dictionary());
    if left.values().is_empty() || right.values().is_empty() {
        // Without words, all rows are null.
        return Box::new(|_, _, _| Verdict::Equal);
    }
    let words = comparator(left.values(), right.values(), tolerance);
    let (left, right) = (left.normalized_keys(), right.normalized_keys());
    Box::new(move |l, r, distance| words(left[l], right[r], distance))
}
