//! What each role promises of its output; the table is in docs/plugin-contract.md.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Float64Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};

use super::report::{self, Outcome, Promise};
use super::stand::{Given, Kept, Ran};
use crate::data::field_ucd;
use crate::instance::{Descriptor, PortKind, Purpose, Role};

/// How far from 1, or from what they explain, sums may be.
const CLOSE: f64 = 1e-9;

/// What became of the promises of the plugin's role in this run.
pub(super) fn check(descriptor: &Descriptor, given: &Given, ran: &Ran) -> Vec<(Promise, Outcome)> {
    let role = descriptor.role;
    let mut found = Vec::new();
    if keeps_rows(role) || matches!(role, Role::Selector | Role::Explainer) {
        let ports = descriptor.outputs.iter().enumerate();
        let broken = ports.filter_map(|(index, port)| {
            let why = rows(descriptor, given, ran, index)?;
            Some(format!("output `{}`: {why}", port.name))
        });
        found.push((report::ROWS, Outcome::of(broken.into_iter().next())));
    }
    if matches!(role, Role::Classifier | Role::Trainer) {
        found.push((report::PURPOSES, Outcome::of(purposes(role, ran))));
    }
    if matches!(role, Role::Classifier | Role::Calibrator) {
        found.extend(predictions(&ran.outputs[0]));
    }
    if role == Role::Explainer {
        found.push((report::ATTRIBUTIONS, attributions(&ran.outputs[0])));
    }
    found
}

/// Whether each row of the first table gives one row, in its order.
fn keeps_rows(role: Role) -> bool {
    matches!(role, Role::FeatureExtractor | Role::Transformer | Role::Classifier | Role::Calibrator)
}

fn purposes(role: Role, ran: &Ran) -> Option<String> {
    let reads = |purpose| ran.binding.reads.iter().any(|read| read.purpose == purpose);
    if !reads(Purpose::Feature) {
        return Some("it reads no column as `feature`, so the leakage guard sees none".to_owned());
    }
    (role == Role::Classifier && reads(Purpose::Label))
        .then(|| "it reads a column as `label`: a classifier must not see the truth".to_owned())
}

fn rows(descriptor: &Descriptor, given: &Given, ran: &Ran, port: usize) -> Option<String> {
    let role = descriptor.role;
    match &ran.kept[port] {
        Kept::Several => None,
        Kept::Unknown => Some("its rows are not in the input's order, or some come twice".into()),
        Kept::Nothing if role == Role::Selector => {
            Some("it passes no columns on: a selector only drops rows, with `derive`".into())
        }
        Kept::Nothing if role == Role::Explainer => keys_in_order(given, ran, port),
        Kept::Nothing => {
            let input = first_table(descriptor, given)?;
            let (found, expected) = (ran.outputs[port].num_rows(), given.table(input)?.num_rows());
            if found != expected {
                return Some(format!("{found} rows for {expected} of the input"));
            }
            key_kept(given, ran, port, input)
        }
        Kept::Rows { input, rows } => {
            let expected = given.table(*input)?.num_rows() as u64;
            let missing = (0..expected).find(|row| rows.get(*row as usize) != Some(row));
            match missing {
                Some(row) if keeps_rows(role) => {
                    Some(format!("{} rows for {expected}: row {row} is missing", rows.len()))
                }
                None => key_kept(given, ran, port, *input),
                Some(_) => None,
            }
        }
    }
}

fn first_table(descriptor: &Descriptor, given: &Given) -> Option<usize> {
    given.inputs.iter().position(|(name, _)| {
        let port = descriptor.inputs.iter().find(|port| port.name == *name);
        port.is_some_and(|port| port.kind == PortKind::Table)
    })
}

/// Columns of an input that say which row this is: marked so, or read for it.
fn keys(given: &Given, ran: &Ran, input: usize) -> Vec<usize> {
    let Some(table) = given.table(input) else { return Vec::new() };
    let mut keys = marked_keys(table);
    let reads = ran.binding.reads.iter();
    let read = reads.filter(|read| (read.input, read.purpose) == (input, Purpose::Key));
    keys.extend(read.map(|read| read.column));
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// Columns that are marked as the key.
pub(super) fn marked_keys(table: &RecordBatch) -> Vec<usize> {
    let is_key = |(_, field): &(usize, &Arc<Field>)| {
        let ucd = field_ucd(field).unwrap_or_default();
        ucd.starts_with("meta.id") && ucd.contains("meta.main")
    };
    table.schema_ref().fields().iter().enumerate().filter(is_key).map(|(index, _)| index).collect()
}

/// Where the rows are all there: a column that bears the key's name holds the key, and some
/// column of the input arrives.
fn key_kept(given: &Given, ran: &Ran, port: usize, input: usize) -> Option<String> {
    let (table, output) = (given.table(input)?, &ran.outputs[port]);
    let schema = table.schema();
    for key in keys(given, ran, input) {
        let name = schema.field(key).name();
        let Some(found) = output.column_by_name(name) else { continue };
        let expected = table.column(key);
        if found.data_type() != expected.data_type() {
            let (a, b) = (expected.data_type(), found.data_type());
            return Some(format!("the key `{name}` was {a} and is {b}"));
        }
        let (old, new) = (texts(expected), texts(found));
        if let Some(row) = (0..old.len()).find(|&row| old[row] != new[row]) {
            let (old, new) = (&old[row], &new[row]);
            return Some(format!("row {row}, key `{name}`: {old} became {new}"));
        }
    }
    let arrives = |name: &String| {
        let pair = table.column_by_name(name).zip(output.column_by_name(name));
        pair.is_some_and(|(old, new)| old.to_data() == new.to_data())
    };
    let passes = !ran.binding.outputs[port].passed.is_empty();
    let known = passes || schema.fields().iter().any(|field| arrives(field.name()));
    (!known).then(|| "no column of the input arrives, so its rows cannot be told apart".to_owned())
}

/// For outputs with any number of lines for a row: each line's key is one of the input, and
/// lines come in the order of the rows.
fn keys_in_order(given: &Given, ran: &Ran, port: usize) -> Option<String> {
    let output = &ran.outputs[port];
    let of_input = |input: usize| {
        let schema = given.table(input)?.schema();
        let key = keys(given, ran, input)
            .into_iter()
            .find(|key| output.column_by_name(schema.field(*key).name()).is_some())?;
        Some((input, key, schema.field(key).name().clone()))
    };
    let Some((input, key, name)) = (0..given.inputs.len()).find_map(of_input) else {
        return Some("no key of the input arrives, so its lines belong to nobody".to_owned());
    };
    let mut places: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (row, text) in texts(given.table(input)?.column(key)).into_iter().enumerate() {
        places.entry(text).or_default().push(row);
    }
    let mut at = 0;
    for (line, text) in texts(output.column_by_name(&name)?).into_iter().enumerate() {
        let Some(rows) = places.get(&text) else {
            return Some(format!("line {line}, key `{name}`: {text} is none of the input"));
        };
        let Some(&row) = rows.iter().find(|&&row| row >= at) else {
            return Some(format!("line {line}, key `{name}`: {text} comes after later rows"));
        };
        at = row;
    }
    None
}

fn texts(array: &dyn Array) -> Vec<String> {
    let options = FormatOptions::new().with_null("null");
    match ArrayFormatter::try_new(array, &options) {
        Ok(formatter) => (0..array.len())
            .map(|row| formatter.value(row).try_to_string().unwrap_or_default())
            .map(|text| format!("`{}`", text.escape_debug()))
            .collect(),
        Err(_) => vec![String::new(); array.len()],
    }
}

fn numbers(table: &RecordBatch, column: &str) -> Option<Float64Array> {
    let column = table.column_by_name(column).filter(|column| column.data_type().is_numeric())?;
    let column = cast(column, &DataType::Float64).ok()?;
    Some(column.as_primitive::<Float64Type>().clone())
}

fn predictions(output: &RecordBatch) -> Vec<(Promise, Outcome)> {
    let broken = |promise, why: String| vec![(promise, Outcome::Broken(why))];
    let Some((index, field)) = output.schema_ref().column_with_name("class") else {
        return broken(report::CLASS, "the first output has no column `class`".to_owned());
    };
    let listed = field.metadata().get("categories");
    let classes: Option<Vec<String>> = listed.and_then(|text| serde_json::from_str(text).ok());
    let Some(classes) = classes.filter(|classes| !classes.is_empty()) else {
        let why = "column `class` does not list its classes as `categories`".to_owned();
        return broken(report::CLASS, why);
    };
    let Ok(class) = cast(output.column(index), &DataType::Utf8) else {
        return broken(report::CLASS, format!("column `class` is {}, not text", field.data_type()));
    };
    let mut columns = Vec::with_capacity(classes.len());
    for name in &classes {
        match numbers(output, &format!("p_{name}")) {
            Some(column) => columns.push(column),
            None => {
                let why = format!("class `{name}` has no column of numbers `p_{name}`");
                return broken(report::PROBABILITIES, why);
            }
        }
    }
    vec![
        (report::PROBABILITIES, Outcome::of(probabilities(&classes, &columns))),
        (report::CLASS, Outcome::of(likeliest(&class, &classes, &columns))),
    ]
}

fn probabilities(classes: &[String], columns: &[Float64Array]) -> Option<String> {
    (0..columns[0].len()).find_map(|row| {
        let known = columns.iter().filter(|column| column.is_valid(row)).count();
        if known == 0 {
            return None;
        }
        if known < columns.len() {
            return Some(format!("row {row}: some probabilities are null, others are not"));
        }
        for (class, column) in classes.iter().zip(columns) {
            let value = column.value(row);
            if !(0.0..=1.0).contains(&value) {
                return Some(format!("row {row}, column `p_{class}`: {value} is not in [0, 1]"));
            }
        }
        let sum: f64 = columns.iter().map(|column| column.value(row)).sum();
        let is_close = (sum - 1.0).abs() <= CLOSE;
        (!is_close).then(|| format!("row {row}: probabilities sum to {sum}, not to 1"))
    })
}

fn likeliest(class: &ArrayRef, classes: &[String], columns: &[Float64Array]) -> Option<String> {
    let class = class.as_string::<i32>();
    (0..class.len()).find_map(|row| {
        let has_probability = columns.iter().all(|column| column.is_valid(row));
        if class.is_null(row) {
            return has_probability.then(|| format!("row {row}: probabilities, but no class"));
        }
        let name = class.value(row);
        let Some(place) = classes.iter().position(|known| known == name) else {
            return Some(format!("row {row}: class `{name}` is not among its `categories`"));
        };
        if !has_probability {
            return Some(format!("row {row}: class `{name}` without probabilities"));
        }
        let most = columns.iter().map(|column| column.value(row)).fold(0.0, f64::max);
        let own = columns[place].value(row);
        (own < most).then(|| {
            let better = columns.iter().position(|column| column.value(row) == most);
            let better = better.map_or("another", |better| classes[better].as_str());
            format!("row {row}: class `{name}` has {own}, but `{better}` has {most}")
        })
    })
}

fn attributions(output: &RecordBatch) -> Outcome {
    let Some(margin) = numbers(output, "margin") else {
        return Outcome::Skipped("the first output has no column `margin` to sum up to".to_owned());
    };
    let base = ["base_value", "base"].into_iter().find_map(|name| numbers(output, name));
    let schema = output.schema();
    let is_part = |name: &&String| name.starts_with("phi_") || name.starts_with("contribution_");
    let names: Vec<_> = schema.fields().iter().map(|field| field.name()).filter(is_part).collect();
    let (Some(base), false) = (base, names.is_empty()) else {
        return Outcome::Skipped(
            "beside `margin`, the first output needs `base_value` or `base`, and columns \
             `contribution_…` or `phi_…`"
                .to_owned(),
        );
    };
    let parts: Vec<_> = names.iter().filter_map(|name| numbers(output, name)).collect();
    let broken = (0..margin.len()).find_map(|row| {
        let all = parts.iter().chain([&base, &margin]);
        let known = all.filter(|column| column.is_valid(row)).count();
        if known == 0 {
            return None;
        }
        if known < parts.len() + 2 {
            return Some(format!("row {row}: of margin, base and contributions some are null"));
        }
        let sum = base.value(row) + parts.iter().map(|part| part.value(row)).sum::<f64>();
        let margin = margin.value(row);
        let is_close = sum == margin || (sum - margin).abs() <= CLOSE * margin.abs().max(1.0);
        (!is_close).then(|| {
            format!("row {row}: base and contributions sum to {sum}, not to the margin {margin}")
        })
    });
    Outcome::of(broken)
}
