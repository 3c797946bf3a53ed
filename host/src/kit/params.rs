//! Parameters: completed as a workflow's are, and broken one by one.

use serde_json::{Map, Value, json};

use super::descriptor::{properties, required};
use super::report::{self, Outcome, Report};
use super::stand::{Given, Ran, Stand, WHOLE};
use super::verdict::{self, Verdict};
use crate::instance::{Descriptor, GuestError, InstanceError, Limits};

/// `given` with defaults filled in, keys in order.
pub(super) fn complete(descriptor: &Descriptor, given: &Map<String, Value>) -> Value {
    let mut all: Vec<(String, Value)> =
        given.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    for (name, property) in properties(descriptor) {
        if let (false, Some(default)) = (given.contains_key(name), property.get("default")) {
            all.push((name.clone(), default.clone()));
        }
    }
    all.sort_by(|(left, _), (right, _)| left.cmp(right));
    Value::Object(all.into_iter().collect())
}

/// What the schema has against `params`, as the error that a workflow would end with: the
/// parameter, and why.
pub(super) fn refused(descriptor: &Descriptor, params: &Value) -> Option<(String, String)> {
    let validator = jsonschema::validator_for(&descriptor.params)
        .expect("the schema was checked when the plugin was loaded");
    let error = validator.iter_errors(params).next()?;
    let path = error.instance_path().to_string();
    let mut name = path.split('/').nth(1).unwrap_or_default().to_owned();
    if let jsonschema::error::ValidationErrorKind::Required { property } = error.kind() {
        name = property.as_str().unwrap_or_default().to_owned();
    }
    Some((name, error.to_string()))
}

/// Binds nonsense. Any answer will do, but there must be one.
pub(super) fn nonsense(stand: &Stand<'_>, report: &mut Report) {
    let limits = Limits { wall: stand.limits.wall, ..Limits::default() };
    let broken = ["{}", "null", "[", r#"{"no-such-parameter": 1}"#].into_iter().find_map(
        |params| match stand.component.bind(params, &[], limits, Default::default()) {
            Ok(_) | Err(InstanceError::Guest(_)) => None,
            Err(error) => Some(format!("bound with `{params}` and no inputs: {error}")),
        },
    );
    report.note(report::NONSENSE, Outcome::of(broken));
}

/// Breaks each parameter of `given` that worked, `good` being what came of it.
pub(super) fn check(stand: &Stand<'_>, given: &Given, good: &Ran, report: &mut Report) {
    types(stand, given, report);
    missing(stand, given, report);
    columns(stand, given, good, report);
}

fn types(stand: &Stand<'_>, given: &Given, report: &mut Report) {
    let names: Vec<String> = properties(stand.descriptor()).map(|(name, _)| name.clone()).collect();
    if names.is_empty() {
        return report.note(report::PARAM_TYPES, Outcome::Holds);
    }
    let values = [
        Value::Null,
        json!("\u{1f52d} none"),
        json!(-1),
        json!(1.5),
        json!([]),
        json!({}),
        json!(true),
    ];
    for name in names {
        for value in &values {
            let params = replaced(&given.params, &name, value.clone());
            let verdict = verdict::of(&stand.run(&given.with_params(params), WHOLE));
            if let Verdict::Broken(why) = verdict {
                let why = format!("parameter `{name}` = {value}: {why}");
                return report.note(report::PARAM_TYPES, Outcome::Broken(why));
            }
        }
    }
    report.note(report::PARAM_TYPES, Outcome::Holds);
}

fn missing(stand: &Stand<'_>, given: &Given, report: &mut Report) {
    for name in required(stand.descriptor()) {
        let mut params = given.params.clone();
        if let Some(entries) = params.as_object_mut() {
            entries.shift_remove(name);
        }
        let broken = match stand.run(&given.with_params(params), WHOLE) {
            Ok(_) => Some("it is required, yet it runs without".to_owned()),
            result => match verdict::of(&result) {
                Verdict::Broken(why) => Some(why),
                Verdict::Fine | Verdict::Refused(_) => None,
            },
        };
        if let Some(why) = broken {
            let why = format!("parameter `{name}` left out: {why}");
            return report.note(report::PARAM_MISSING, Outcome::Broken(why));
        }
    }
    report.note(report::PARAM_MISSING, Outcome::Holds);
}

fn replaced(params: &Value, name: &str, value: Value) -> Value {
    let mut params = params.clone();
    params[name] = value;
    params
}

const NOWHERE: &str = "no-such-column";

/// Each text that names a column which is read, in turn, names one that is not there.
fn columns(stand: &Stand<'_>, given: &Given, good: &Ran, report: &mut Report) {
    let read = good.binding.reads.iter().filter_map(|read| {
        let table = given.table(read.input)?;
        Some(table.schema().field(read.column).name().clone())
    });
    let mut read: Vec<String> = read.collect();
    read.sort();
    read.dedup();
    let mut tried = 0;
    for (param, value) in given.params.as_object().into_iter().flatten() {
        for column in &read {
            let (changed, count) = renamed(value, column);
            if count == 0 {
                continue;
            }
            tried += 1;
            let params = replaced(&given.params, param, changed);
            let broken = match stand.run(&given.with_params(params), WHOLE) {
                Ok(_) => Some("it runs nevertheless".to_owned()),
                Err(InstanceError::Guest(error)) => unclear(&error, param),
                Err(error) => Some(error.to_string()),
            };
            if let Some(why) = broken {
                let why = format!("parameter `{param}` names `{NOWHERE}` for `{column}`: {why}");
                return report.note(report::PARAM_COLUMNS, Outcome::Broken(why));
            }
        }
    }
    if tried > 0 {
        report.note(report::PARAM_COLUMNS, Outcome::Holds);
    }
}

/// Why the user would not know what to mend.
fn unclear(error: &GuestError, param: &str) -> Option<String> {
    let text = error.to_string();
    let named = match error {
        GuestError::Param { param: named, .. } => named.starts_with(param),
        GuestError::MissingColumn(column) => column.column == NOWHERE,
        _ => false,
    };
    let clear = named || text.contains(NOWHERE) || text.contains(param);
    (!clear).then(|| format!("the error names neither the parameter nor the column: {text}"))
}

/// `value` with the texts and keys `column` called otherwise, and how many there were.
fn renamed(value: &Value, column: &str) -> (Value, usize) {
    match value {
        Value::String(text) if text == column => (json!(NOWHERE), 1),
        Value::Array(items) => {
            let changed: Vec<_> = items.iter().map(|item| renamed(item, column)).collect();
            let count = changed.iter().map(|(_, count)| count).sum();
            (changed.into_iter().map(|(item, _)| item).collect(), count)
        }
        Value::Object(entries) => {
            let mut count = 0;
            let changed = entries.iter().map(|(key, value)| {
                let (value, found) = renamed(value, column);
                count += found;
                if key == column {
                    count += 1;
                    return (NOWHERE.to_owned(), value);
                }
                (key.clone(), value)
            });
            let changed: Map<_, _> = changed.collect();
            (Value::Object(changed), count)
        }
        other => (other.clone(), 0),
    }
}
