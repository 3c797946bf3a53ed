//! Parameters, checked against the plugin's schema and completed.

use std::ops::Range;

use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind;
use serde_json::{Map, Value};

use crate::fault::{Fault, Source, closest, suggestion};
use crate::instance::Descriptor;
use crate::workflow::Node;

/// The parameters of `node`, defaults filled in, keys sorted.
pub(super) fn complete(
    source: &Source,
    node: &Node,
    descriptor: &Descriptor,
) -> Result<Value, Vec<Fault>> {
    let schema = &descriptor.params;
    let none = Map::new();
    let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(&none);
    let mut faults = Vec::new();
    let mut given = Map::new();
    for (name, param) in &node.with {
        if properties.contains_key(name) {
            given.insert(name.clone(), param.value.value.clone());
            continue;
        }
        let message = format!("`{}` has no parameter `{}`", descriptor.name, name.escape_debug());
        let fault = Fault::new(source, "plan::unknown_param", param.key.span.clone(), message);
        faults.push(fault.help(suggestion(name, properties.keys().map(String::as_str))));
    }
    let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
    let missing = required.filter_map(Value::as_str).filter(|name| !given.contains_key(*name));
    // A misspelt parameter and the missing one are one mistake.
    let meant: Vec<Option<&str>> = node
        .with
        .keys()
        .filter(|name| !properties.contains_key(*name))
        .map(|name| closest(name, properties.keys().map(String::as_str)))
        .collect();
    for name in missing.filter(|name| !meant.contains(&Some(*name))) {
        let message = format!("`{}` needs a parameter `{name}`", descriptor.name);
        let mut fault =
            Fault::new(source, "plan::missing_param", node.plugin.span.clone(), message);
        fault.help = about(descriptor, name);
        faults.push(fault);
    }
    for (name, property) in properties {
        if let (false, Some(default)) = (given.contains_key(name), property.get("default")) {
            given.insert(name.clone(), default.clone());
        }
    }
    let completed = sorted(Value::Object(given));
    if faults.is_empty() {
        faults = check(source, node, descriptor, &completed, properties);
    }
    if faults.is_empty() { Ok(completed) } else { Err(faults) }
}

fn check(
    source: &Source,
    node: &Node,
    descriptor: &Descriptor,
    params: &Value,
    properties: &Map<String, Value>,
) -> Vec<Fault> {
    let validator = jsonschema::validator_for(&descriptor.params)
        .expect("the schema was checked when the plugin was loaded");
    let mut faults = Vec::new();
    for error in validator.iter_errors(params) {
        let error = innermost(&error);
        let pointer = error.instance_path().to_string();
        let name = unescape(pointer.split('/').nth(1).unwrap_or_default());
        // Inside the parameter.
        let inner =
            pointer.splitn(3, '/').nth(2).map_or(String::new(), |inner| format!("/{inner}"));
        let param = node.with.get(&name);
        let whose = format!("parameter `{name}` of `{}`", descriptor.name);
        let part = part_named(&inner);
        let schema =
            properties.get(&name).map(|schema| schema_at(schema, &inner, &descriptor.params));
        let fault = |span: Option<Range<usize>>, message: String| {
            let span = span.unwrap_or_else(|| node.plugin.span.clone());
            Fault::new(source, "plan::param_value", span, message)
        };
        let mut found = Vec::new();
        match error.kind() {
            ValidationErrorKind::AdditionalProperties { unexpected } => {
                let known = schema.and_then(|schema| schema.get("properties")?.as_object());
                let known: Vec<&str> =
                    known.into_iter().flatten().map(|(key, _)| key.as_str()).collect();
                for key in unexpected {
                    let place =
                        param.map(|param| param.key_place(&format!("{inner}/{}", escape(key))));
                    let message = format!("{whose}{part} has no key `{}`", key.escape_debug());
                    found.push(fault(place, message).help(suggestion(key, known.iter().copied())));
                }
            }
            _ => {
                let place = param.map(|param| param.place(&inner));
                let value = said(error.instance());
                let wanted = schema.map(|schema| expected(schema, &descriptor.params));
                let message = match (error.kind(), wanted) {
                    (ValidationErrorKind::Required { property }, _) => {
                        format!("{whose}{part} needs a key {}", said(property))
                    }
                    (kind, Some(wanted)) if tells(kind) && !wanted.is_empty() => {
                        format!("{whose}{part} is {value}, not {wanted}")
                    }
                    _ => format!("{whose}{part}: {error}"),
                };
                let mut fault = fault(place, message);
                let about = about(descriptor, &name);
                let words =
                    schema.map(|schema| words(schema, &descriptor.params)).unwrap_or_default();
                let meant = error
                    .instance()
                    .as_str()
                    .and_then(|text| closest(text, words.iter().map(String::as_str)));
                fault.help = meant.map(|meant| format!("did you mean `{meant}`?")).or(about);
                found.push(fault);
            }
        }
        faults.append(&mut found);
    }
    faults
}

/// Of the alternatives that a value fits none of, the mistake in the one it nearly fits.
fn innermost<'a>(error: &'a ValidationError<'a>) -> &'a ValidationError<'a> {
    let (ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context }) =
        error.kind()
    else {
        return error;
    };
    let path = error.instance_path().to_string();
    let of_its_type = |errors: &&Vec<ValidationError<'static>>| {
        let other_type = errors.iter().any(|inner| {
            let kind = inner.kind();
            let wrong = matches!(
                kind,
                ValidationErrorKind::Type { .. }
                    | ValidationErrorKind::Constant { .. }
                    | ValidationErrorKind::Enum { .. }
            );
            wrong && inner.instance_path().to_string() == path
        });
        !other_type
    };
    let mut near = context.iter().filter(of_its_type);
    match (near.next().and_then(|errors| errors.first()), near.next()) {
        (Some(inner), None) => innermost(inner),
        _ => error,
    }
}

/// Whether what was expected says all about a mistake of this kind.
fn tells(kind: &ValidationErrorKind) -> bool {
    use ValidationErrorKind as Kind;
    matches!(
        kind,
        Kind::Type { .. }
            | Kind::AnyOf { .. }
            | Kind::OneOfNotValid { .. }
            | Kind::Enum { .. }
            | Kind::Constant { .. }
            | Kind::Maximum { .. }
            | Kind::Minimum { .. }
            | Kind::ExclusiveMaximum { .. }
            | Kind::ExclusiveMinimum { .. }
            | Kind::MinItems { .. }
            | Kind::MaxItems { .. }
    )
}

/// The last step of a JSON pointer, in words.
fn part_named(pointer: &str) -> String {
    match pointer.rsplit('/').next().filter(|part| !part.is_empty()) {
        None => String::new(),
        Some(part) => match part.parse::<usize>() {
            Ok(index) => format!(", item {},", index + 1),
            Err(_) => format!(", key `{}`,", unescape(part)),
        },
    }
}

/// A value as the user would write it.
fn said(value: &Value) -> String {
    match value {
        Value::String(text) => format!("`{}`", text.escape_debug()),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "a mapping".to_owned(),
        Value::Null => "nothing".to_owned(),
        other => other.to_string(),
    }
}

fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

fn unescape(key: &str) -> String {
    key.replace("~1", "/").replace("~0", "~")
}

/// The schema of the part at `pointer` of a value that has `schema`.
fn schema_at<'s>(schema: &'s Value, pointer: &str, root: &'s Value) -> &'s Value {
    let mut at = resolve(schema, root);
    for part in pointer.split('/').skip(1) {
        let part = unescape(part);
        let step = |schema: &'s Value| -> Option<&'s Value> {
            let named = schema.get("properties").and_then(|properties| properties.get(&part));
            named.or_else(|| schema.get("items")).or_else(|| schema.get("additionalProperties"))
        };
        let alternatives = alternatives(at).map(|schema| resolve(schema, root));
        let next = step(at).or_else(|| alternatives.into_iter().find_map(step));
        match next {
            Some(next) => at = resolve(next, root),
            None => break,
        }
    }
    at
}

/// `schema`, or what it refers to.
fn resolve<'s>(schema: &'s Value, root: &'s Value) -> &'s Value {
    let target = schema.get("$ref").and_then(Value::as_str).and_then(|to| to.strip_prefix('#'));
    target.and_then(|pointer| root.pointer(pointer)).unwrap_or(schema)
}

fn alternatives(schema: &Value) -> impl Iterator<Item = &Value> {
    let listed = ["anyOf", "oneOf"].into_iter().filter_map(|key| schema.get(key)?.as_array());
    listed.flatten()
}

/// What `schema` allows, in words; empty where that would take too many.
fn expected(schema: &Value, root: &Value) -> String {
    let mut phrases: Vec<String> = Vec::new();
    collect(schema, root, &mut phrases);
    let last = phrases.pop();
    match (phrases.is_empty(), last) {
        (_, None) => String::new(),
        (true, Some(last)) => last,
        (false, Some(last)) => format!("{} or {last}", phrases.join(", ")),
    }
}

fn collect(schema: &Value, root: &Value, phrases: &mut Vec<String>) {
    let schema = resolve(schema, root);
    let mut add = |phrase: String| {
        if !phrase.is_empty() && !phrases.contains(&phrase) {
            phrases.push(phrase);
        }
    };
    if let Some(value) = schema.get("const") {
        return add(said(value));
    }
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        return values.iter().for_each(|value| add(said(value)));
    }
    let types: Vec<&str> = match schema.get("type") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    for name in types {
        add(match name {
            "string" => "text".to_owned(),
            "integer" => format!("a whole number{}", range(schema)),
            "number" => format!("a number{}", range(schema)),
            "boolean" => "`true` or `false`".to_owned(),
            "array" => match schema.get("items").map(|items| expected(items, root)) {
                Some(items) if !items.is_empty() => format!("a list of {}", plural(&items)),
                _ => "a list".to_owned(),
            },
            "object" => "a mapping".to_owned(),
            // Leaving a parameter out needs no mention.
            _ => String::new(),
        });
    }
    for alternative in alternatives(schema) {
        collect(alternative, root, phrases);
    }
}

fn plural(phrase: &str) -> String {
    match phrase {
        "text" => "texts".to_owned(),
        "a number" => "numbers".to_owned(),
        "a whole number" => "whole numbers".to_owned(),
        "a mapping" => "mappings".to_owned(),
        other => format!("items that are {other}"),
    }
}

fn range(schema: &Value) -> String {
    // Limits of the machine's own types tell a reader nothing.
    let bound =
        |key: &str| schema.get(key).and_then(Value::as_f64).filter(|bound| bound.abs() < 4e9);
    match (bound("minimum"), bound("maximum")) {
        (Some(low), Some(high)) => format!(" from {low} to {high}"),
        (Some(low), None) => format!(" of at least {low}"),
        (None, Some(high)) => format!(" of at most {high}"),
        (None, None) => match (bound("exclusiveMinimum"), bound("exclusiveMaximum")) {
            (Some(low), Some(high)) => format!(" above {low} and below {high}"),
            (Some(low), None) => format!(" above {low}"),
            (None, Some(high)) => format!(" below {high}"),
            (None, None) => String::new(),
        },
    }
}

/// The words that `schema` allows.
fn words(schema: &Value, root: &Value) -> Vec<String> {
    let schema = resolve(schema, root);
    let listed = schema.get("enum").and_then(Value::as_array).into_iter().flatten();
    let words = schema.get("const").into_iter().chain(listed);
    let mut words: Vec<String> =
        words.filter_map(|word| word.as_str().map(str::to_owned)).collect();
    words.extend(alternatives(schema).flat_map(|schema| self::words(schema, root)));
    words
}

/// What a plugin says about one of its parameters.
pub(super) fn about(descriptor: &Descriptor, name: &str) -> Option<String> {
    let property = descriptor.params.get("properties")?.get(name);
    describe(property).map(|what| format!("{name}: {what}"))
}

fn describe(property: Option<&Value>) -> Option<String> {
    let text = property?.get("description")?.as_str()?;
    Some(text.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// `value` with the keys of every object in order, so that equal values have equal text.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(entries) => {
            let mut entries: Vec<_> =
                entries.into_iter().map(|(key, value)| (key, sorted(value))).collect();
            entries.sort_by(|(left, _), (right, _)| left.cmp(right));
            Value::Object(entries.into_iter().collect())
        }
        Value::Array(items) => items.into_iter().map(sorted).collect(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check_expected(schema: Value, words: &str) {
        assert_eq!(expected(&schema, &schema), words, "{schema}");
    }

    #[test]
    fn schemas_in_words() {
        check_expected(
            json!({"type": "integer", "minimum": 0, "maximum": 1}),
            "a whole number from 0 to 1",
        );
        check_expected(
            json!({"type": ["integer", "null"], "minimum": 1}),
            "a whole number of at least 1",
        );
        check_expected(json!({"type": "array", "items": {"type": "string"}}), "a list of texts");
        check_expected(json!({"oneOf": [{"const": "a"}, {"enum": ["b", "c"]}]}), "`a`, `b` or `c`");
        check_expected(
            json!({"$defs": {"x": {"type": "object"}}, "anyOf": [{"$ref": "#/$defs/x"}, {"type": "null"}]}),
            "a mapping",
        );
        check_expected(json!({}), "");
    }
}
