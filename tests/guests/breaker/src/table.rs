//! What it makes of a table, honestly or not.

use crate::skyloom::plugin::data::{Batch, Reader, Writer};
use crate::skyloom::plugin::types::{Column, Field, Purpose, TableSchema};
use crate::{Binding, Params, PluginError, batches, crime_is, find, mode, new_field, pass, read};

/// Crimes that write a table of their own, in place of passing columns on: with a key.
const PUTTING: [&str; 3] = ["reorder", "other-key", "no-key"];

pub(crate) fn bind(params: &Params, fields: &[Field]) -> Result<Binding, PluginError> {
    let (role, crime) = mode();
    let column = find(fields, &params.column, "g", Some("column"))?;
    let purpose = match (role.as_str(), crime.as_str()) {
        ("classifier", "label") => Purpose::Label,
        ("classifier", "no-feature") => Purpose::Value,
        ("classifier", _) => Purpose::Feature,
        _ => Purpose::Value,
    };
    let mut reads = vec![read(column, purpose)];
    match crime.as_str() {
        "label" => reads.push(read(column, Purpose::Feature)),
        "idle-read" | "idle-pull" => {
            reads.push(read(find(fields, "n", "l", None)?, Purpose::Value))
        }
        "text-traps" => reads.push(read(find(fields, "name", "u", None)?, Purpose::Value)),
        _ if PUTTING.contains(&crime.as_str()) => {
            reads.push(read(find(fields, "id", "l", None)?, Purpose::Key));
        }
        _ => {}
    }
    let mut output = pass(fields);
    if PUTTING.contains(&crime.as_str()) {
        output = TableSchema { fields: Vec::new(), passed: Vec::new() };
        if crime != "no-key" {
            output.fields.push(new_field("id", "l", true));
        }
    }
    output.fields.extend(new_fields(&role));
    Ok(Binding { outputs: vec![output], reads, pieces: 1 })
}

fn new_fields(role: &str) -> Vec<Field> {
    let names: &[&str] = match role {
        "classifier" => &["p_high", "p_low"],
        "explainer" => &["margin", "base_value", "contribution_x"],
        "selector" => &[],
        _ => &["scaled"],
    };
    let mut fields: Vec<_> = names.iter().map(|name| new_field(name, "g", true)).collect();
    if role == "classifier" {
        let mut class = new_field("class", "u", true);
        class.metadata.push(("categories".to_owned(), r#"["high", "low"]"#.to_owned()));
        fields.insert(0, class);
    }
    fields
}

pub(crate) fn run(params: &Params, reader: &Reader, output: &Writer) -> Result<(), PluginError> {
    let rows = reader.rows();
    let traps = (rows == 0 && crime_is("empty-traps")) || (rows == 1 && crime_is("one-row-traps"));
    if traps {
        panic!("no words of this reach the host");
    }
    if crime_is("spin") {
        loop {
            core::hint::spin_loop();
        }
    }
    let mut first = 0;
    for batch in batches(reader) {
        let values = numbers(params, reader, &batch)?;
        emit(params, &batch, values, first, reader, output)?;
        first += batch.rows() as usize;
    }
    Ok(())
}

fn refused(error: crate::skyloom::plugin::data::IoError) -> PluginError {
    PluginError::Failed(format!("the host refused: {error}"))
}

/// Where a column is among those that this run sees.
fn place(reader: &Reader, name: &str) -> Option<u32> {
    reader.fields().iter().position(|field| field.name == name).map(|at| at as u32)
}

/// The numbers of the column; some crimes look at them closely.
fn numbers(
    params: &Params,
    reader: &Reader,
    batch: &Batch,
) -> Result<Vec<Option<f64>>, PluginError> {
    let at = place(reader, &params.column).expect("bind has found it");
    let column = batch.column(at).map_err(refused)?.swap_remove(0);
    let values: Vec<Option<f64>> = column.buffers[0]
        .chunks_exact(8)
        .enumerate()
        .map(|(row, bytes)| {
            let value = f64::from_le_bytes(bytes.try_into().expect("eight bytes"));
            is_valid(&column, row).then_some(value)
        })
        .collect();
    let any = |is: fn(&Option<f64>) -> bool| values.iter().any(is);
    let is_nan = |value: &Option<f64>| value.is_some_and(|value| !value.is_finite());
    if (crime_is("null-traps") && any(Option::is_none))
        || (crime_is("nan-traps") && any(is_nan))
        || (crime_is("huge-traps")
            && any(|value| value.is_some_and(|x| x.is_finite() && x.abs() > 1e300)))
    {
        panic!("no words of this reach the host");
    }
    if crime_is("mute") && any(is_nan) {
        return Err(PluginError::Data(String::new()));
    }
    if crime_is("text-traps") {
        let names = place(reader, "name").expect("bind has found it");
        let names = batch.column(names).map_err(refused)?.swap_remove(0);
        assert!(names.buffers[1].is_ascii());
        let ends: Vec<i32> = names.buffers[0]
            .chunks_exact(4)
            .map(|bytes| i32::from_le_bytes(bytes.try_into().expect("four bytes")))
            .collect();
        let lengths = ends.windows(2).map(|pair| f64::from(pair[1] - pair[0]));
        return Ok(values.into_iter().zip(lengths).map(|(x, length)| Some(x? + length)).collect());
    }
    Ok(values)
}

fn is_valid(column: &Column, row: usize) -> bool {
    column.validity.as_ref().is_none_or(|bits| bits[row / 8] >> (row % 8) & 1 == 1)
}

fn emit(
    params: &Params,
    batch: &Batch,
    values: Vec<Option<f64>>,
    first: usize,
    reader: &Reader,
    output: &Writer,
) -> Result<(), PluginError> {
    let (role, crime) = mode();
    let finite = |value: Option<f64>| value.filter(|value| value.is_finite());
    let columns = match role.as_str() {
        "classifier" => classes(&values, &crime),
        "explainer" => {
            let margin: Vec<_> = values.iter().map(|&value| Some(finite(value)? - 5.0)).collect();
            let off = if crime == "sum" { 0.5 } else { 0.0 };
            let part = margin.iter().map(|value| value.map(|value| value + off)).collect();
            let base = margin.iter().map(|value| value.map(|_| 0.0)).collect();
            vec![floats(margin), floats(base), floats(part)]
        }
        "selector" => {
            let keep = bitmap(values.iter().map(|value| value.is_some_and(|x| x > 5.0)));
            for _ in 0..if crime == "twice" { 2 } else { 1 } {
                output.derive(batch, Some(&keep), &[]).map_err(refused)?;
            }
            return Ok(());
        }
        _ => return extract(params, batch, &values, first, reader, output, &crime),
    };
    output.derive(batch, None, &columns).map_err(refused)
}

fn extract(
    params: &Params,
    batch: &Batch,
    values: &[Option<f64>],
    first: usize,
    reader: &Reader,
    output: &Writer,
    crime: &str,
) -> Result<(), PluginError> {
    let rows = values.len();
    let mut scaled: Vec<Option<f64>> = values
        .iter()
        .enumerate()
        .map(|(row, value)| {
            let value = value.map(|value| value * params.factor)?;
            Some(match crime {
                "batch" => value + rows as f64,
                "partition" => value + (first + row) as f64,
                _ => value,
            })
        })
        .collect();
    match crime {
        "idle-pull" => drop(batch.column(place(reader, "n").expect("bound")).map_err(refused)?),
        "wrong-output" => {
            scaled.pop();
        }
        // 32 KiB a row, never given back.
        "hog" => {
            (0..rows).for_each(|_| std::mem::forget(core::hint::black_box(vec![1_u8; 32 << 10])))
        }
        "drop-row" => {
            let keep = bitmap((0..rows).map(|row| row + first > 0));
            let kept = if first == 0 && rows > 0 { scaled.split_off(1) } else { scaled };
            return output.derive(batch, Some(&keep), &[floats(kept)]).map_err(refused);
        }
        "reorder" | "other-key" | "no-key" => {
            let at = place(reader, "id").expect("bind has found it");
            let ids = batch.column(at).map_err(refused)?.swap_remove(0);
            let mut ids: Vec<(i64, bool)> = ids.buffers[0]
                .chunks_exact(8)
                .enumerate()
                .map(|(row, bytes)| {
                    let id = i64::from_le_bytes(bytes.try_into().expect("eight bytes"));
                    (id.wrapping_add(i64::from(crime == "other-key")), is_valid(&ids, row))
                })
                .collect();
            if crime == "reorder" {
                ids.reverse();
                scaled.reverse();
            }
            let mut columns = vec![ids_column(&ids), floats(scaled)];
            if crime == "no-key" {
                columns.remove(0);
            }
            return output.put(&columns).map_err(refused);
        }
        _ => {}
    }
    output.derive(batch, None, &[floats(scaled)]).map_err(refused)
}

/// A class and its probabilities for each value; nothing where it is not finite.
fn classes(values: &[Option<f64>], crime: &str) -> Vec<Column> {
    let high: Vec<Option<f64>> = values
        .iter()
        .map(|value| match value {
            Some(value) if value.is_finite() => Some(if *value > 5.0 { 0.75 } else { 0.25 }),
            Some(_) if crime == "nan-probability" => Some(f64::NAN),
            _ => None,
        })
        .collect();
    let total = if crime == "sum" { 1.1 } else { 1.0 };
    let low: Vec<Option<f64>> = high.iter().map(|p| p.map(|p| total - p)).collect();
    let names: Vec<Option<&str>> = high
        .iter()
        .map(|p| p.map(|p| if (p > 0.5) != (crime == "argmax") { "high" } else { "low" }))
        .collect();
    vec![texts(&names), floats(high), floats(low)]
}

fn bitmap(bits: impl Iterator<Item = bool>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (row, bit) in bits.enumerate() {
        if row % 8 == 0 {
            bytes.push(0);
        }
        bytes[row / 8] |= u8::from(bit) << (row % 8);
    }
    bytes
}

fn floats(values: Vec<Option<f64>>) -> Column {
    let bytes = values.iter().flat_map(|value| value.unwrap_or_default().to_le_bytes()).collect();
    let validity = Some(bitmap(values.iter().map(Option::is_some)));
    Column { rows: values.len() as u64, validity, buffers: vec![bytes] }
}

pub(crate) fn integers(values: &[i64]) -> Column {
    let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    Column { rows: values.len() as u64, validity: None, buffers: vec![bytes] }
}

fn ids_column(ids: &[(i64, bool)]) -> Column {
    let values: Vec<i64> = ids.iter().map(|(id, _)| *id).collect();
    Column { validity: Some(bitmap(ids.iter().map(|(_, valid)| *valid))), ..integers(&values) }
}

fn texts(values: &[Option<&str>]) -> Column {
    let (mut ends, mut bytes) = (0_i32.to_le_bytes().to_vec(), Vec::new());
    for value in values {
        bytes.extend(value.unwrap_or_default().as_bytes());
        ends.extend((bytes.len() as i32).to_le_bytes());
    }
    let validity = Some(bitmap(values.iter().map(Option::is_some)));
    Column { rows: values.len() as u64, validity, buffers: vec![ends, bytes] }
}
