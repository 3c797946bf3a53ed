//! Small tables, as people write them: CSV, Arrow, or columns in YAML.

mod types;

pub(super) use types::parse_type;

use std::fs::File;
use std::io::Cursor;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, ListArray, RecordBatch, RecordBatchOptions, StringArray, StructArray,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::{CastOptions, cast_with_options, concat_batches};
use arrow::csv::reader::Format;
use arrow::csv::{ReaderBuilder, WriterBuilder};
use arrow::datatypes::{DataType, Field, Fields, Schema};
use indexmap::IndexMap;
use serde_json::Value;

use crate::data::guarded;

/// Types of columns that are not to be found out, by name; and whether nulls are allowed.
pub(super) type Types = IndexMap<String, (DataType, bool)>;

/// The table in `text`, whose first line names the columns. An empty field is null.
///
/// Without a type, a column of whole numbers is `int64`, of numbers `float64`, of `true` and
/// `false` `bool`, and else `utf8`, as is a column of nothing.
///
/// # Errors
/// In words, with row and column.
pub(super) fn from_csv(text: &str, types: &Types) -> Result<RecordBatch, String> {
    let format = Format::default().with_header(true);
    let (named, _) =
        format.infer_schema(Cursor::new(text), Some(0)).map_err(|error| error.to_string())?;
    let names = named.fields().iter().map(|field| field.name().clone());
    let fields: Fields = names.map(|name| Field::new(name, DataType::Utf8, true)).collect();
    let schema = Arc::new(Schema::new(fields));
    let reader = ReaderBuilder::new(Arc::clone(&schema)).with_header(true);
    let reader = reader.build(Cursor::new(text)).map_err(|error| error.to_string())?;
    let batches = reader.collect::<Result<Vec<_>, _>>().map_err(|error| error.to_string())?;
    let texts = concat_batches(&schema, &batches).map_err(|error| error.to_string())?;
    let columns = schema.fields().iter().zip(texts.columns()).map(|(field, column)| {
        let values: Vec<Value> = column
            .as_string::<i32>()
            .iter()
            .map(|text| text.map_or(Value::Null, from_text))
            .collect();
        let raw: Vec<Value> = column
            .as_string::<i32>()
            .iter()
            .map(|text| text.map_or(Value::Null, |text| Value::String(text.to_owned())))
            .collect();
        (field.name().clone(), values, raw)
    });
    let columns = columns.map(|(name, values, raw)| {
        let (data_type, nullable) = match types.get(&name) {
            Some((data_type, nullable)) => (data_type.clone(), *nullable),
            None => (inferred(&values.iter().collect::<Vec<_>>()), true),
        };
        column(&name, &raw, data_type, nullable)
    });
    of_columns(columns.collect::<Result<_, _>>()?, texts.num_rows())
}

/// A field as the kind of value that it looks like.
fn from_text(text: &str) -> Value {
    if let Ok(whole) = text.parse::<i64>() {
        return whole.into();
    }
    match text {
        "true" => return Value::Bool(true),
        "false" => return Value::Bool(false),
        _ => {}
    }
    match text.parse::<f64>().ok().and_then(serde_json::Number::from_f64) {
        Some(number) => Value::Number(number),
        None => Value::String(text.to_owned()),
    }
}

/// The table of these columns, each a list of plain values. Types are found out as in
/// [`from_csv`]; lists and mappings become lists and structs.
///
/// # Errors
/// In words, with row and column.
pub(super) fn from_columns(
    columns: &IndexMap<String, Vec<Value>>,
    types: &Types,
) -> Result<RecordBatch, String> {
    let rows = columns.first().map_or(0, |(_, values)| values.len());
    let mut made = Vec::with_capacity(columns.len());
    for (name, values) in columns {
        if values.len() != rows {
            let (first, found) = (&columns[0], values.len());
            let first = first.len();
            return Err(format!("column `{name}` has {found} values, the first one {first}"));
        }
        let (data_type, nullable) = match types.get(name) {
            Some((data_type, nullable)) => (data_type.clone(), *nullable),
            None => (inferred(&values.iter().collect::<Vec<_>>()), true),
        };
        made.push(column(name, values, data_type, nullable)?);
    }
    of_columns(made, rows)
}

fn of_columns(columns: Vec<(Field, ArrayRef)>, rows: usize) -> Result<RecordBatch, String> {
    let (fields, arrays): (Vec<_>, Vec<_>) = columns.into_iter().unzip();
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options)
        .map_err(|error| error.to_string())
}

fn column(
    name: &str,
    values: &[Value],
    data_type: DataType,
    nullable: bool,
) -> Result<(Field, ArrayRef), String> {
    let array = array(&values.iter().collect::<Vec<_>>(), &data_type)
        .map_err(|(row, why)| format!("column `{name}`, row {row}: {why}"))?;
    if !nullable && array.logical_null_count() > 0 {
        return Err(format!("column `{name}` has nulls, and its type says that it has none"));
    }
    Ok((Field::new(name, data_type, nullable), array))
}

/// The type that fits all of `values`.
fn inferred(values: &[&Value]) -> DataType {
    let known: Vec<&Value> = values.iter().copied().filter(|value| !value.is_null()).collect();
    let all = |is: fn(&Value) -> bool| !known.is_empty() && known.iter().all(|value| is(value));
    let is_number = |value: &Value| {
        value.is_number() || value.as_str().is_some_and(|text| ODD_NUMBERS.contains(&text))
    };
    if all(Value::is_boolean) {
        return DataType::Boolean;
    }
    if all(Value::is_i64) {
        return DataType::Int64;
    }
    if known.iter().any(|value| value.is_number()) && known.iter().all(|value| is_number(value)) {
        return DataType::Float64;
    }
    if all(Value::is_array) {
        let items: Vec<&Value> =
            known.iter().filter_map(|value| value.as_array()).flatten().collect();
        return DataType::List(Arc::new(Field::new("item", inferred(&items), true)));
    }
    if all(Value::is_object) {
        let mut members: IndexMap<&str, Vec<&Value>> = IndexMap::new();
        for (name, value) in known.iter().filter_map(|value| value.as_object()).flatten() {
            members.entry(name).or_default().push(value);
        }
        let fields = members.iter().map(|(name, values)| Field::new(*name, inferred(values), true));
        return DataType::Struct(fields.collect());
    }
    DataType::Utf8
}

/// How numbers are written that YAML would not take.
const ODD_NUMBERS: [&str; 4] = ["NaN", "inf", "-inf", "+inf"];

/// Values of one type.
///
/// # Errors
/// The row that does not fit, and why.
fn array(values: &[&Value], data_type: &DataType) -> Result<ArrayRef, (usize, String)> {
    let is_known = || values.iter().map(|value| !value.is_null());
    let nulls = || Some(NullBuffer::from_iter(is_known())).filter(|nulls| nulls.null_count() > 0);
    let wrong = |row: usize| (row, format!("{} is no {}", values[row], types::name(data_type)));
    match data_type {
        DataType::List(item) => {
            let mut items = Vec::new();
            let mut lengths = Vec::with_capacity(values.len());
            for (row, value) in values.iter().enumerate() {
                let list = match value {
                    Value::Null => &[],
                    Value::Array(list) => list.as_slice(),
                    _ => return Err(wrong(row)),
                };
                lengths.push(list.len());
                items.extend(list);
            }
            let items = array(&items, item.data_type()).map_err(|(at, why)| {
                let row = row_of_item(&lengths, at);
                (row, why)
            })?;
            let ends = OffsetBuffer::from_lengths(lengths);
            let list = ListArray::try_new(Arc::clone(item), ends, items, nulls());
            Ok(Arc::new(list.map_err(|error| (0, error.to_string()))?))
        }
        DataType::Struct(fields) => {
            if let Some(row) = values.iter().position(|v| !v.is_object() && !v.is_null()) {
                return Err(wrong(row));
            }
            let member = |field: &Arc<Field>| {
                let of = |value: &&Value| -> Value {
                    value.get(field.name()).cloned().unwrap_or_default()
                };
                let members: Vec<Value> = values.iter().map(of).collect();
                array(&members.iter().collect::<Vec<_>>(), field.data_type())
            };
            let children = fields.iter().map(member).collect::<Result<Vec<_>, _>>()?;
            let structs = match fields.len() {
                0 => Ok(StructArray::new_empty_fields(values.len(), nulls())),
                _ => StructArray::try_new(fields.clone(), children, nulls()),
            };
            Ok(Arc::new(structs.map_err(|error| (0, error.to_string()))?))
        }
        _ => {
            let mut texts = Vec::with_capacity(values.len());
            for (row, value) in values.iter().enumerate() {
                texts.push(match value {
                    Value::Null => None,
                    Value::String(text) => Some(text.clone()),
                    Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
                    Value::Array(_) | Value::Object(_) => return Err(wrong(row)),
                });
            }
            let texts: ArrayRef = Arc::new(StringArray::from(texts));
            let safe = CastOptions { safe: true, ..CastOptions::default() };
            let cast = cast_with_options(&texts, data_type, &safe)
                .map_err(|error| (0, error.to_string()))?;
            // What does not fit has become null.
            let lost = (0..cast.len()).find(|&row| cast.is_null(row) && texts.is_valid(row));
            lost.map_or(Ok(cast), |row| Err(wrong(row)))
        }
    }
}

fn row_of_item(lengths: &[usize], item: usize) -> usize {
    let mut end = 0;
    lengths
        .iter()
        .position(|length| {
            end += length;
            item < end
        })
        .unwrap_or(0)
}

/// The table in the Arrow file at `path`.
///
/// # Errors
/// In words.
pub(super) fn from_arrow(path: &Path) -> Result<RecordBatch, String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    // Arrow's reader panics on some files that no writer makes.
    let read = guarded(|| {
        let reader = arrow::ipc::reader::FileReader::try_new(file, None)?;
        let schema = reader.schema();
        let batches = reader.collect::<Result<Vec<_>, _>>()?;
        concat_batches(&schema, &batches)
    });
    let read = read.ok_or("it is damaged")?;
    read.map_err(|error: arrow::error::ArrowError| error.to_string())
}

/// `table` as an Arrow file.
///
/// # Errors
/// When it cannot be written.
pub(super) fn to_arrow(table: &RecordBatch) -> Result<Vec<u8>, String> {
    let write = || -> Result<Vec<u8>, arrow::error::ArrowError> {
        let mut writer = arrow::ipc::writer::FileWriter::try_new(Vec::new(), table.schema_ref())?;
        writer.write(table)?;
        writer.finish()?;
        writer.into_inner()
    };
    write().map_err(|error| error.to_string())
}

/// `table` as CSV; none where the values could not be read back as they are.
pub(super) fn to_csv(table: &RecordBatch) -> Option<String> {
    let mut bytes = Vec::new();
    let mut writer = WriterBuilder::new().with_header(true).build(&mut bytes);
    writer.write(table).ok()?;
    drop(writer);
    let text = String::from_utf8(bytes).ok()?;
    let fields = table.schema_ref().fields().iter();
    let types = fields.map(|field| (field.name().clone(), (field.data_type().clone(), true)));
    let again = from_csv(&text, &types.collect()).ok()?;
    let same = again.num_rows() == table.num_rows()
        && again.columns().iter().zip(table.columns()).all(|(a, b)| a.to_data() == b.to_data());
    same.then_some(text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn types(types: &[(&str, &str)]) -> Types {
        let parsed = types
            .iter()
            .map(|(name, text)| ((*name).to_owned(), parse_type(text).expect("a type")));
        parsed.collect()
    }

    fn shape(table: &RecordBatch) -> String {
        let fields = table.schema_ref().fields().iter();
        fields
            .map(|field| format!("{}: {}", field.name(), types::name(field.data_type())))
            .collect::<Vec<_>>()
            .join(", ")
    }

    #[test]
    fn csv_is_typed_by_what_it_holds() {
        let text = "id,n,x,ok,word,none\na,1,0.5,true,1x,\nb,,NaN,false,,\n";
        let error = from_csv(text, &Types::new());
        let table = error.expect("it is CSV");
        assert_eq!(
            shape(&table),
            "id: utf8, n: int64, x: float64, ok: bool, word: utf8, none: utf8"
        );
        assert_eq!(table.column(1).null_count(), 1);
        let table = from_csv(text, &types(&[("x", "float32"), ("none", "float64")]));
        let table = table.expect("it fits");
        assert_eq!(
            shape(&table),
            "id: utf8, n: int64, x: float32, ok: bool, word: utf8, none: float64"
        );
        let error = from_csv(text, &types(&[("word", "int64")])).expect_err("1x is no number");
        assert_eq!(error, "column `word`, row 0: \"1x\" is no int64");
    }

    #[test]
    fn columns_may_be_nested() {
        let columns = json!({
            "id": ["a", "b", null],
            "flux": [12.0, "NaN", null],
            "curve": [[{"mjd": 1.5, "band": "g"}], [], null],
        });
        let columns: IndexMap<String, Vec<Value>> =
            serde_json::from_value(columns).expect("lists by name");
        let table = from_columns(&columns, &Types::new()).expect("they fit");
        let nested = "curve: list<struct<mjd: float64, band: utf8>>";
        assert_eq!(shape(&table), format!("id: utf8, flux: float64, {nested}"));
        let curve = types(&[("curve", "list<struct<mjd: float64, mag: float32>>")]);
        let table = from_columns(&columns, &curve).expect("members may lack");
        assert!(shape(&table).ends_with("mag: float32>>"));
        let wrong = types(&[("curve", "list<float64>")]);
        let error = from_columns(&columns, &wrong).expect_err("a mapping is no number");
        assert!(error.starts_with("column `curve`, row 0: {"), "{error}");
    }

    #[test]
    fn tables_survive_their_files() {
        let columns = json!({"n": [1, null], "x": [0.1, -0.0], "s": ["a,\"b\"", "ä\nö"]});
        let columns = serde_json::from_value(columns).expect("lists by name");
        let table = from_columns(&columns, &Types::new()).expect("they fit");
        let text = to_csv(&table).expect("nothing is lost");
        assert_eq!(from_csv(&text, &Types::new()).expect("it is CSV"), table);
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("t.arrow");
        std::fs::write(&path, to_arrow(&table).expect("it can be written")).expect("a file");
        assert_eq!(from_arrow(&path).expect("it is Arrow"), table);
        // An empty text would come back as null.
        let empty = serde_json::from_value(json!({"s": [""]})).expect("lists by name");
        assert_eq!(to_csv(&from_columns(&empty, &Types::new()).expect("they fit")), None);
    }
}
