//! Parameters, checked against the plugin's schema and completed.

use serde_json::{Map, Value};

use crate::fault::{Fault, Source, suggestion};
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
    for name in required.filter_map(Value::as_str).filter(|name| !given.contains_key(*name)) {
        let message = format!("`{}` needs a parameter `{name}`", descriptor.name);
        let mut fault =
            Fault::new(source, "plan::missing_param", node.plugin.span.clone(), message);
        fault.help = describe(properties.get(name)).map(|what| format!("{name}: {what}"));
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
    let fault = |error: jsonschema::ValidationError<'_>| {
        let path = error.instance_path().to_string();
        let name = path.split('/').nth(1).unwrap_or_default();
        let span = node.with.get(name).map_or(&node.plugin.span, |param| &param.value.span);
        let message = format!("parameter `{name}` of `{}`: {error}", descriptor.name);
        let mut fault = Fault::new(source, "plan::param_value", span.clone(), message);
        fault.help = describe(properties.get(name)).map(|what| format!("{name}: {what}"));
        fault
    };
    validator.iter_errors(params).map(fault).collect()
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
