//! Values of any Arrow type as JSON.

use arrow::array::{Array, AsArray};
use arrow::datatypes::{
    DataType, Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow::util::display::array_value_to_string;
use serde_json::{Map, Value, json};

/// The value in row `row`. Null is `null`; JSON has no NaN and no infinity, so these are text,
/// as are times, decimals and bytes.
pub(super) fn of(array: &dyn Array, row: usize) -> Value {
    if array.is_null(row) {
        return Value::Null;
    }
    macro_rules! number {
        ($type:ty) => {
            json!(array.as_primitive::<$type>().value(row))
        };
    }
    match array.data_type() {
        DataType::Null => Value::Null,
        DataType::Boolean => json!(array.as_boolean().value(row)),
        DataType::Int8 => number!(Int8Type),
        DataType::Int16 => number!(Int16Type),
        DataType::Int32 => number!(Int32Type),
        DataType::Int64 => number!(Int64Type),
        DataType::UInt8 => number!(UInt8Type),
        DataType::UInt16 => number!(UInt16Type),
        DataType::UInt32 => number!(UInt32Type),
        DataType::UInt64 => number!(UInt64Type),
        DataType::Float16 => float(array.as_primitive::<Float16Type>().value(row).into()),
        DataType::Float32 => {
            let value = array.as_primitive::<Float32Type>().value(row);
            // The shortest text of the single-precision number, not of its widening.
            value.to_string().parse().map_or(Value::Null, float)
        }
        DataType::Float64 => float(array.as_primitive::<Float64Type>().value(row)),
        DataType::Utf8 => json!(array.as_string::<i32>().value(row)),
        DataType::LargeUtf8 => json!(array.as_string::<i64>().value(row)),
        DataType::Dictionary(..) => {
            let dictionary = array.as_any_dictionary();
            of(dictionary.values(), dictionary.normalized_keys()[row])
        }
        DataType::List(_) => list(&array.as_list::<i32>().value(row)),
        DataType::LargeList(_) => list(&array.as_list::<i64>().value(row)),
        DataType::FixedSizeList(..) => list(&array.as_fixed_size_list().value(row)),
        DataType::Struct(fields) => {
            let columns = fields.iter().zip(array.as_struct().columns());
            let entries = columns.map(|(field, column)| (field.name().clone(), of(column, row)));
            Value::Object(entries.collect::<Map<_, _>>())
        }
        _ => array_value_to_string(array, row).map_or(Value::Null, Value::String),
    }
}

fn float(value: f64) -> Value {
    if value.is_finite() { json!(value) } else { json!(value.to_string()) }
}

fn list(items: &dyn Array) -> Value {
    (0..items.len()).map(|row| of(items, row)).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{
        ArrayRef, DictionaryArray, Float32Array, Float64Array, Int64Array, ListArray, StringArray,
        StructArray,
    };
    use arrow::datatypes::{Field, Int32Type};

    use super::*;

    fn check(array: ArrayRef, expected: Value) {
        let values: Value = (0..array.len()).map(|row| of(&array, row)).collect();
        assert_eq!(values, expected);
    }

    #[test]
    fn values_keep_their_shape() {
        check(
            Arc::new(Float64Array::from(vec![Some(1.5), None, Some(f64::NAN)])),
            json!([1.5, null, "NaN"]),
        );
        check(Arc::new(Float32Array::from(vec![0.1, f32::INFINITY])), json!([0.1, "inf"]));
        check(Arc::new(Int64Array::from(vec![i64::MAX])), json!([i64::MAX]));
        let words: DictionaryArray<Int32Type> = [Some("a"), None, Some("a")].into_iter().collect();
        check(Arc::new(words), json!(["a", null, "a"]));
        let curve = ListArray::from_iter_primitive::<Float64Type, _, _>([
            Some(vec![Some(1.0), None]),
            None,
        ]);
        check(Arc::new(curve), json!([[1.0, null], null]));
        let name: ArrayRef = Arc::new(StringArray::from(vec!["x"]));
        let star =
            StructArray::from(vec![(Arc::new(Field::new("id", DataType::Utf8, true)), name)]);
        check(Arc::new(star), json!([{"id": "x"}]));
    }
}
