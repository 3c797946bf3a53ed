//! Inputs made up from what a plugin asks for.
//!
//! `bind` names the columns it misses and the types it wants, so a table grows from its
//! errors. What cannot be found out so, such as a model, takes a golden case.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, RecordBatchOptions, StringArray,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema};
use indexmap::IndexMap;
use serde_json::{Map, Value, json};

use super::descriptor::{properties, required};
use super::edges::Random;
use super::params::{complete, refused};
use super::stand::{Content, Given, Ran, Stand, WHOLE};
use super::table::parse_type;
use crate::instance::{ColumnError, Descriptor, GuestError, InstanceError, PortKind};

const ROWS: usize = 23;
/// The texts of columns that are no key: classes, where they are a label.
const WORDS: [&str; 3] = ["a", "b", "c"];
/// So often a plugin is asked what it still misses.
const MAX_QUESTIONS: usize = 64;

/// A table that grows.
#[derive(Debug, Clone)]
struct Sketch {
    columns: IndexMap<String, Column>,
}

#[derive(Debug, Clone)]
struct Column {
    /// Which of the types that were tried it has.
    attempt: usize,
    wanted: String,
    unit: Option<String>,
    is_key: bool,
}

/// Inputs on which the plugin runs, and what came of it.
///
/// # Errors
/// What the plugin says to the last that was tried; a guest's error also where nothing could
/// be.
pub(super) fn given(stand: &Stand<'_>) -> Result<(Given, Ran), InstanceError> {
    let descriptor = stand.descriptor();
    let params = params(descriptor).map_err(nothing)?;
    if descriptor.inputs.iter().any(|port| port.kind == PortKind::Blob) {
        return with_file(stand, &params);
    }
    let ports: Vec<&str> = descriptor
        .inputs
        .iter()
        .filter(|port| !port.optional)
        .map(|port| port.name.as_str())
        .collect();
    let mut sketches: IndexMap<&str, Sketch> =
        ports.iter().map(|&port| (port, Sketch::with_key())).collect();
    let mut last = nothing("it asks for more and more".to_owned());
    for _ in 0..MAX_QUESTIONS {
        let inputs = sketches.iter().map(|(port, sketch)| {
            let table = sketch.table();
            let table = table.ok_or_else(|| nothing("its types cannot be made up".to_owned()))?;
            Ok(((*port).to_owned(), Content::Table(table)))
        });
        let inputs = inputs.collect::<Result<Vec<_>, InstanceError>>()?;
        let given = Given { params: params.clone(), inputs };
        match stand.run(&given, WHOLE) {
            Ok(ran) => return Ok((given, ran)),
            Err(InstanceError::Guest(error)) => {
                let goes_on = answer(&mut sketches, &error);
                last = InstanceError::Guest(error);
                if !goes_on {
                    break;
                }
            }
            Err(error) => return Err(error),
        }
    }
    Err(last)
}

fn nothing(why: String) -> InstanceError {
    InstanceError::Guest(GuestError::Failed(why))
}

/// Gives the plugin what this error asks for, if that can be told.
fn answer(sketches: &mut IndexMap<&str, Sketch>, error: &GuestError) -> bool {
    let (ColumnError { input, column, expected, .. }, kind) = match error {
        GuestError::MissingColumn(error) => (error, 'm'),
        GuestError::WrongType(error) => (error, 't'),
        GuestError::WrongUnit(error) => (error, 'u'),
        _ => return false,
    };
    let Some(sketch) = sketches.get_mut(input.as_str()) else { return false };
    let known = sketch.columns.get_mut(column);
    match (kind, known) {
        ('m', None) => {
            sketch.columns.insert(column.clone(), Column::new(expected));
            true
        }
        ('t', Some(known)) => {
            if known.wanted != *expected {
                (known.attempt, known.wanted) = (0, expected.clone());
            } else {
                known.attempt += 1;
            }
            known.attempt < candidates(&known.wanted).len()
        }
        ('u', Some(known)) => {
            let unit = expected.split([' ', ',']).next().unwrap_or_default().to_owned();
            let is_new = known.unit.as_ref() != Some(&unit);
            known.unit = Some(unit);
            is_new
        }
        _ => false,
    }
}

/// The types that `expected` may mean, the likeliest first.
fn candidates(expected: &str) -> Vec<DataType> {
    let words = expected.to_lowercase();
    let (text, whole, truth) = (DataType::Utf8, DataType::Int64, DataType::Boolean);
    let light_curve = parse_type("list<struct<mjd: float64, mag: float64>>");
    let list = parse_type("list<float64>");
    let lists = [light_curve, list].into_iter().flatten().map(|(data_type, _)| data_type);
    let mut types = vec![DataType::Float64, text, whole, truth];
    types.extend(lists);
    let first = |types: &mut Vec<DataType>, is: fn(&DataType) -> bool| {
        types.sort_by_key(|data_type| !is(data_type));
    };
    match parse_type(expected) {
        Ok((data_type, _)) => types.insert(0, data_type),
        Err(_) if words.contains("list") => first(&mut types, DataType::is_nested),
        Err(_) if words.contains("bool") || words.contains("true") => {
            first(&mut types, |data_type| *data_type == DataType::Boolean);
        }
        Err(_) if words.contains("integer") || words.contains("whole") => {
            first(&mut types, DataType::is_integer);
        }
        Err(_) if words.contains("text") || words.contains("string") => {
            first(&mut types, |data_type| *data_type == DataType::Utf8);
        }
        Err(_) => {}
    }
    types
}

impl Column {
    fn new(expected: &str) -> Self {
        Self { attempt: 0, wanted: expected.to_owned(), unit: None, is_key: false }
    }
}

impl Sketch {
    /// A key, and a column of each common type, for plugins that look for what suits them.
    fn with_key() -> Self {
        let mut key = Column::new("text");
        key.is_key = true;
        let columns = [
            ("id", key),
            ("x", Column::new("float64")),
            ("n", Column::new("int64")),
            ("word", Column::new("text")),
        ];
        Self { columns: columns.map(|(name, column)| (name.to_owned(), column)).into() }
    }

    fn table(&self) -> Option<RecordBatch> {
        let mut fields = Vec::with_capacity(self.columns.len());
        let mut arrays = Vec::with_capacity(self.columns.len());
        for (name, column) in &self.columns {
            let data_type = candidates(&column.wanted).into_iter().nth(column.attempt)?;
            let array = values(name, &data_type, column.is_key)?;
            let mut field = Field::new(name, data_type, true);
            if column.is_key {
                field.metadata_mut().insert("ucd".to_owned(), "meta.id;meta.main".to_owned());
            }
            if field.data_type() == &DataType::Utf8 && !column.is_key {
                let words = json!(WORDS).to_string();
                field.metadata_mut().insert("categories".to_owned(), words);
            }
            if let Some(unit) = &column.unit {
                field.metadata_mut().insert("unit".to_owned(), unit.clone());
            }
            fields.push(field);
            arrays.push(array);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(ROWS));
        RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options).ok()
    }
}

/// Ordinary values, with a gap unless they are a key. Equal names have equal values.
fn values(name: &str, data_type: &DataType, is_key: bool) -> Option<ArrayRef> {
    let seed = name.bytes().fold(7, |seed: u64, byte| seed.wrapping_mul(31) + u64::from(byte));
    let mut random = Random(seed);
    let gap = |row: usize| !is_key && row == 5;
    let numbers = (0..ROWS).map(|row| {
        let number = (random.next() >> 11) as f64 / (1_u64 << 53) as f64;
        (!gap(row)).then_some(0.5 + 19.5 * number)
    });
    let numbers = Float64Array::from(numbers.collect::<Vec<_>>());
    Some(match data_type {
        DataType::Utf8 if is_key => {
            Arc::new(StringArray::from_iter_values((0..ROWS).map(|row| format!("star {row}"))))
        }
        DataType::Utf8 => {
            let texts = (0..ROWS).map(|row| (!gap(row)).then(|| WORDS[row * 7 % 11 % 3]));
            Arc::new(texts.collect::<StringArray>())
        }
        DataType::Boolean => {
            let truths = (0..ROWS).map(|row| (!gap(row)).then_some(row * 5 % 7 > 2));
            Arc::new(truths.collect::<BooleanArray>())
        }
        DataType::Int64 if is_key => Arc::new(Int64Array::from_iter_values(0..ROWS as i64)),
        DataType::List(item) => {
            let rows: Vec<Value> = (0..ROWS)
                .map(|row| match row {
                    5 => Value::Null,
                    row => (0..row % 7).map(|at| item_of(item.data_type(), at, row)).collect(),
                })
                .collect();
            let types = [("c".to_owned(), (data_type.clone(), true))].into_iter().collect();
            let columns = IndexMap::from([("c".to_owned(), rows)]);
            Arc::clone(super::table::from_columns(&columns, &types).ok()?.column(0))
        }
        other => cast(&(Arc::new(numbers) as ArrayRef), other).ok()?,
    })
}

/// One item of a list, such as one observation of a light curve.
fn item_of(data_type: &DataType, at: usize, row: usize) -> Value {
    match data_type {
        DataType::Struct(fields) => {
            let members = fields.iter().enumerate().map(|(index, field)| {
                (field.name().clone(), item_of(field.data_type(), at + 10 * index, row))
            });
            Value::Object(members.collect())
        }
        DataType::Utf8 => json!(["g", "r", "i"][at % 3]),
        DataType::Boolean => json!(at.is_multiple_of(2)),
        data_type if data_type.is_integer() => json!(at),
        DataType::Null => Value::Null,
        _ => json!(1.5 * at as f64 + 0.25 * (row % 4) as f64),
    }
}

/// Parameters that the schema takes: defaults, and for the rest what it shows or allows.
fn params(descriptor: &Descriptor) -> Result<Value, String> {
    let mut given = Map::new();
    let required = required(descriptor);
    for (name, property) in properties(descriptor) {
        if required.contains(&name.as_str()) {
            given.insert(name.clone(), example(name, property, &descriptor.params));
        }
    }
    let params = complete(descriptor, &given);
    match refused(descriptor, &params) {
        None => Ok(params),
        Some((param, why)) => Err(format!("no value for parameter `{param}` was found: {why}")),
    }
}

/// A value that `schema` may take. Texts are taken for names of columns.
fn example(name: &str, schema: &Value, root: &Value) -> Value {
    let listed = |key: &str| schema.get(key).and_then(Value::as_array).and_then(|all| all.first());
    let shown = listed("examples").or(schema.get("default")).or(schema.get("const"));
    if let Some(value) = shown.or(listed("enum")) {
        return value.clone();
    }
    let target = schema.get("$ref").and_then(Value::as_str).and_then(|to| to.strip_prefix('#'));
    let inner = target.and_then(|pointer| root.pointer(pointer));
    if let Some(inner) = inner.or(listed("anyOf")).or(listed("oneOf")) {
        return example(name, inner, root);
    }
    let kind = match schema.get("type") {
        Some(Value::String(kind)) => kind.as_str(),
        Some(Value::Array(kinds)) => kinds.first().and_then(Value::as_str).unwrap_or_default(),
        _ => "",
    };
    let count = |key: &str, least: u64| schema.get(key).and_then(Value::as_u64).unwrap_or(least);
    match kind {
        "string" => json!(name),
        "boolean" => json!(false),
        "integer" | "number" => {
            let low = schema.get("minimum").cloned();
            low.unwrap_or_else(|| if kind == "integer" { json!(1) } else { json!(5.0) })
        }
        "array" => {
            let items = schema.get("items").unwrap_or(&Value::Null);
            let name = |at: u64| format!("{name}{}", at + 1);
            (0..count("minItems", 2).max(1)).map(|at| example(&name(at), items, root)).collect()
        }
        "object" => {
            let mut entries = Map::new();
            let members = schema.get("properties").and_then(Value::as_object);
            for (name, member) in members.into_iter().flatten() {
                entries.insert(name.clone(), example(name, member, root));
            }
            let others = schema.get("additionalProperties").filter(|others| others.is_object());
            if let (Some(others), 1..) = (others, count("minProperties", 0)) {
                entries.insert(name.to_owned(), example(name, others, root));
            }
            Value::Object(entries)
        }
        _ => Value::Null,
    }
}

/// Text files that many ingesters would take.
const FILES: [(&str, &str); 3] = [
    ("rows.csv", "id,x,y\na,1.5,2\nb,-0.25,3\nc,,4\nd,1e3,5\n"),
    ("rows.txt", "a 1.5 2\nb -0.25 3\nc - 4\nd 1e3 5\n"),
    ("rows.json", "[{\"id\": \"a\", \"x\": 1.5}, {\"id\": \"b\", \"x\": null}]\n"),
];

fn with_file(stand: &Stand<'_>, params: &Value) -> Result<(Given, Ran), InstanceError> {
    let inputs = &stand.descriptor().inputs;
    let port = inputs.iter().find(|port| port.kind == PortKind::Blob);
    let port = port.expect("asked for when there is one").name.clone();
    let mut last = nothing("no file was tried".to_owned());
    for (name, text) in FILES {
        let content = Content::File { name: name.to_owned(), bytes: text.as_bytes().into() };
        let inputs = vec![(port.clone(), content)];
        let given = Given { params: params.clone(), inputs };
        match stand.run(&given, WHOLE) {
            Ok(ran) if ran.outputs.iter().any(|output| output.num_rows() > 0) => {
                return Ok((given, ran));
            }
            Ok(_) => last = nothing(format!("`{name}` gives no rows")),
            Err(InstanceError::Guest(error)) => last = InstanceError::Guest(error),
            Err(error) => return Err(error),
        }
    }
    Err(last)
}
