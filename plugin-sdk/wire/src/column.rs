//! Arrays in preorder.

use arrow_array::cast::AsArray;
use arrow_array::{
    Array, ArrayRef, FixedSizeListArray, GenericListArray, MapArray, OffsetSizeTrait, StructArray,
    make_array,
};
use arrow_buffer::{ArrowNativeType, Buffer, OffsetBuffer, ScalarBuffer};
use arrow_data::decimal::validate_decimal_precision;
use arrow_data::{ArrayData, ArrayDataBuilder};
use arrow_schema::{ArrowError, DataType, FieldRef};

use crate::WireError;

/// One array of the contract's `record column`: its buffers, offset 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WireColumn {
    pub rows: u64,
    /// Absent when nothing is null.
    pub validity: Option<Buffer>,
    /// In the columnar format's order, without validity.
    pub buffers: Vec<Buffer>,
}

/// `array`, then its children. Slices are cut to their rows; numbers are not copied.
pub fn flatten_column(array: &dyn Array, flat: &mut Vec<WireColumn>) {
    let rows = array.len();
    let validity = array.nulls().filter(|nulls| nulls.null_count() > 0);
    let mut column = WireColumn {
        rows: rows as u64,
        validity: validity.map(|nulls| nulls.inner().sliced()),
        buffers: Vec::with_capacity(2),
    };
    // Children come from the typed arrays, which know their slices; those of a sliced
    // `ArrayData` may be sliced or not.
    match array.data_type() {
        DataType::Null => flat.push(column),
        DataType::Boolean => {
            column.buffers.push(array.as_boolean().values().sliced());
            flat.push(column);
        }
        DataType::Utf8 | DataType::Binary => flatten_bytes::<i32>(&array.to_data(), column, flat),
        DataType::LargeUtf8 | DataType::LargeBinary => {
            flatten_bytes::<i64>(&array.to_data(), column, flat);
        }
        DataType::List(_) => {
            let list = array.as_list::<i32>();
            flatten_list(list.offsets(), list.values().as_ref(), column, flat);
        }
        DataType::LargeList(_) => {
            let list = array.as_list::<i64>();
            flatten_list(list.offsets(), list.values().as_ref(), column, flat);
        }
        DataType::Map(_, _) => {
            let map = array.as_map();
            flatten_list(map.offsets(), map.entries(), column, flat);
        }
        DataType::FixedSizeList(_, length) => {
            flat.push(column);
            let values = array.as_fixed_size_list().values();
            flatten_column(values.slice(0, rows * *length as usize).as_ref(), flat);
        }
        DataType::Struct(_) => {
            flat.push(column);
            for child in array.as_struct().columns() {
                flatten_column(child.as_ref(), flat);
            }
        }
        DataType::Dictionary(key, _) => {
            column.buffers.push(fixed_width(&array.to_data(), width_of(key)));
            flat.push(column);
            flatten_column(array.as_any_dictionary().values().as_ref(), flat);
        }
        other => {
            column.buffers.push(fixed_width(&array.to_data(), width_of(other)));
            flat.push(column);
        }
    }
}

fn fixed_width(data: &ArrayData, width: usize) -> Buffer {
    data.buffers()[0].slice_with_length(data.offset() * width, data.len() * width)
}

/// Bytes a value takes in a fixed-width array's only buffer.
fn width_of(data_type: &DataType) -> usize {
    match data_type {
        DataType::FixedSizeBinary(width) => *width as usize,
        other => other.primitive_width().expect("all other types of the wire are primitive"),
    }
}

/// Offsets moved to start at 0, and the range of values that they cover.
fn rebased<O: ArrowNativeType + std::ops::Sub<Output = O>>(
    offsets: &ScalarBuffer<O>,
) -> (Buffer, usize, usize) {
    let (first, last) = (offsets[0], offsets[offsets.len() - 1]);
    let moved = if first == O::default() {
        offsets.clone().into_inner()
    } else {
        Buffer::from_vec(offsets.iter().map(|&offset| offset - first).collect::<Vec<O>>())
    };
    (moved, first.as_usize(), last.as_usize() - first.as_usize())
}

fn flatten_bytes<O: ArrowNativeType + std::ops::Sub<Output = O>>(
    data: &ArrayData,
    mut column: WireColumn,
    flat: &mut Vec<WireColumn>,
) {
    // An empty array may have no offsets at all.
    let offsets = match data.is_empty() {
        true => ScalarBuffer::from(vec![O::default()]),
        false => ScalarBuffer::new(data.buffers()[0].clone(), data.offset(), data.len() + 1),
    };
    let (offsets, start, length) = rebased::<O>(&offsets);
    column.buffers.extend([offsets, data.buffers()[1].slice_with_length(start, length)]);
    flat.push(column);
}

fn flatten_list<O: OffsetSizeTrait>(
    offsets: &OffsetBuffer<O>,
    values: &dyn Array,
    mut column: WireColumn,
    flat: &mut Vec<WireColumn>,
) {
    let (offsets, start, length) = rebased::<O>(offsets.inner());
    column.buffers.push(offsets);
    flat.push(column);
    flatten_column(values.slice(start, length).as_ref(), flat);
}

/// The array of `data_type` that comes next in `flat`, fully validated.
///
/// # Errors
/// [`WireError`] when buffers are missing, too short, or hold offsets, keys or text that
/// break the columnar format.
pub fn build_column(
    data_type: &DataType,
    flat: &mut impl Iterator<Item = WireColumn>,
) -> Result<ArrayRef, WireError> {
    let array = make_array(build_data(data_type, flat)?);
    check_children(array.as_ref()).map_err(|error| WireError::InvalidColumn(error.to_string()))?;
    Ok(array)
}

/// The typed arrays are stricter than their data: a child that may hold no nulls must not
/// hold them in its dictionary either.
fn check_children(array: &dyn Array) -> Result<(), ArrowError> {
    let nulls = array.nulls().cloned();
    match array.data_type() {
        DataType::List(child) => check_list(array.as_list::<i32>(), child),
        DataType::LargeList(child) => check_list(array.as_list::<i64>(), child),
        DataType::FixedSizeList(child, length) if *length > 0 => {
            let values = array.as_fixed_size_list().values();
            FixedSizeListArray::try_new(child.clone(), *length, values.clone(), nulls)?;
            check_children(values.as_ref())
        }
        DataType::Map(child, sorted) => {
            let map = array.as_map();
            let (offsets, entries) = (map.offsets().clone(), map.entries().clone());
            MapArray::try_new(child.clone(), offsets, entries, nulls, *sorted)?;
            check_children(map.entries())
        }
        DataType::Struct(fields) if !fields.is_empty() => {
            let columns = array.as_struct().columns();
            StructArray::try_new(fields.clone(), columns.to_vec(), nulls)?;
            columns.iter().try_for_each(|column| check_children(column.as_ref()))
        }
        DataType::Dictionary(_, _) => check_children(array.as_any_dictionary().values().as_ref()),
        _ => Ok(()),
    }
}

fn check_list<O: OffsetSizeTrait>(
    list: &GenericListArray<O>,
    child: &FieldRef,
) -> Result<(), ArrowError> {
    let (offsets, values) = (list.offsets().clone(), list.values().clone());
    GenericListArray::try_new(child.clone(), offsets, values, list.nulls().cloned())?;
    check_children(list.values().as_ref())
}

fn build_data(
    data_type: &DataType,
    flat: &mut impl Iterator<Item = WireColumn>,
) -> Result<ArrayData, WireError> {
    let head = flat.next().ok_or(WireError::TruncatedColumn)?;
    let rows = usize::try_from(head.rows)
        .ok()
        .filter(|&rows| rows <= i32::MAX as usize)
        .ok_or_else(|| WireError::InvalidColumn(format!("{} rows in one batch", head.rows)))?;
    let child_rows = |length: i32| rows.checked_mul(length as usize);
    let children = match data_type {
        DataType::List(child) | DataType::LargeList(child) | DataType::Map(child, _) => {
            vec![build_data(child.data_type(), flat)?]
        }
        DataType::FixedSizeList(child, length) => {
            vec![exact(build_data(child.data_type(), flat)?, child_rows(*length))?]
        }
        DataType::Struct(fields) => fields
            .iter()
            .map(|field| exact(build_data(field.data_type(), flat)?, Some(rows)))
            .collect::<Result<_, _>>()?,
        DataType::Dictionary(_, values) => vec![build_data(values, flat)?],
        _ => Vec::new(),
    };
    let validity = head.validity.filter(|_| *data_type != DataType::Null);
    if validity.as_ref().is_some_and(|bits| bits.len() < rows.div_ceil(8)) {
        return Err(WireError::InvalidColumn(format!("validity bitmap too short for {rows} rows")));
    }
    let data = ArrayDataBuilder::new(data_type.clone())
        .len(rows)
        .null_bit_buffer(validity)
        .buffers(head.buffers)
        .child_data(children)
        // Bytes from a guest are aligned to one byte only.
        .align_buffers(true)
        .build();
    let data = data.map_err(|error| WireError::InvalidColumn(error.to_string()))?;
    check_decimals(&data)?;
    Ok(data)
}

/// Arrow's own validation leaves out whether decimals have the digits they may have.
fn check_decimals(data: &ArrayData) -> Result<(), WireError> {
    let DataType::Decimal128(precision, scale) = *data.data_type() else { return Ok(()) };
    let values: &[i128] = &data.buffers()[0].typed_data()[..data.len()];
    let mut rows = values.iter().enumerate();
    let wrong = rows.find_map(|(row, &value)| {
        let valid = data.nulls().is_none_or(|nulls| nulls.is_valid(row));
        valid.then(|| validate_decimal_precision(value, precision, scale).err()).flatten()
    });
    wrong.map_or(Ok(()), |error| Err(WireError::InvalidColumn(error.to_string())))
}

fn exact(child: ArrayData, rows: Option<usize>) -> Result<ArrayData, WireError> {
    if Some(child.len()) == rows {
        return Ok(child);
    }
    let expected = rows.map_or_else(|| "too many".to_owned(), |rows| rows.to_string());
    Err(WireError::InvalidColumn(format!(
        "a child of {} rows where {expected} belong",
        child.len()
    )))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::builder::{ListBuilder, StringDictionaryBuilder};
    use arrow_array::types::Int32Type;
    use arrow_array::{
        BooleanArray, FixedSizeBinaryArray, Float64Array, Int64Array, ListArray, StringArray,
    };
    use arrow_schema::Field;

    use super::*;

    fn check_round_trip(array: ArrayRef) {
        for (offset, length) in
            [(0, array.len()), (1, array.len() - 1), (1, array.len() - 2), (1, 0)]
        {
            let sliced = array.slice(offset, length);
            let mut flat = Vec::new();
            flatten_column(&sliced, &mut flat);
            let mut rest = flat.into_iter();
            let back = build_column(sliced.data_type(), &mut rest).unwrap();
            assert_eq!(&back, &sliced);
            assert_eq!(rest.next(), None);
        }
    }

    #[test]
    fn every_layout_comes_back_equal() {
        check_round_trip(Arc::new(Float64Array::from(vec![Some(1.0), None, Some(f64::INFINITY)])));
        check_round_trip(Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)])));
        check_round_trip(Arc::new(StringArray::from(vec![Some("α"), None, Some(""), Some("Cen")])));
        check_round_trip(Arc::new(
            FixedSizeBinaryArray::try_from_iter([[1_u8, 2], [3, 4], [5, 6]].iter()).unwrap(),
        ));
        let mut dictionary = StringDictionaryBuilder::<Int32Type>::new();
        dictionary.extend([Some("RRLYR"), None, Some("CEP"), Some("RRLYR")]);
        check_round_trip(Arc::new(dictionary.finish()));
        let mut lists = ListBuilder::new(arrow_array::builder::Int16Builder::new());
        lists.append_value([Some(1), None]);
        lists.append_null();
        lists.append_value([Some(3)]);
        check_round_trip(Arc::new(lists.finish()));
        let points: ArrayRef = Arc::new(StructArray::from(vec![(
            Arc::new(Field::new("flux", DataType::Int64, true)),
            Arc::new(Int64Array::from(vec![Some(1), None, Some(3)])) as ArrayRef,
        )]));
        check_round_trip(points.clone());
        // Light curves: a slice of the list is a slice of the structs, and of their fields.
        let point = Arc::new(Field::new("item", points.data_type().clone(), true));
        let offsets = OffsetBuffer::new(vec![0, 1, 1, 3].into());
        check_round_trip(Arc::new(ListArray::new(point, offsets, points, None)));
    }

    fn check_refused(data_type: DataType, column: WireColumn) {
        assert!(build_column(&data_type, &mut [column].into_iter()).is_err(), "{data_type}");
    }

    #[test]
    fn lies_are_refused() {
        let column = |rows, buffers: Vec<Vec<u8>>| WireColumn {
            rows,
            validity: None,
            buffers: buffers.into_iter().map(Buffer::from_vec).collect(),
        };
        check_refused(DataType::Float64, column(2, vec![vec![0; 8]]));
        check_refused(DataType::Float64, column(1, vec![]));
        check_refused(DataType::Float64, column(u64::MAX, vec![vec![0; 8]]));
        check_refused(DataType::Null, column(1 << 40, vec![]));
        // Offsets beyond the values, then decreasing, then text that is not UTF-8.
        check_refused(DataType::Utf8, column(1, vec![vec![0, 0, 0, 0, 9, 0, 0, 0], vec![b'a']]));
        check_refused(DataType::Utf8, column(1, vec![vec![1, 0, 0, 0, 0, 0, 0, 0], vec![b'a']]));
        check_refused(DataType::Utf8, column(1, vec![vec![0, 0, 0, 0, 1, 0, 0, 0], vec![0xff]]));
    }
}
