//! What a plugin says of itself.

use serde_json::{Map, Value, json};

use super::report::{self, Outcome, Report};
use crate::instance::{Descriptor, PortKind, Role};

/// Looks at two answers of one plugin; `name` is what it should be called, if that is known.
pub(super) fn check(
    report: &mut Report,
    descriptor: &Descriptor,
    again: &Descriptor,
    name: Option<&str>,
) {
    let mut note = |promise, broken| report.note(promise, Outcome::of(broken));
    note(
        report::SAME_DESCRIPTION,
        (descriptor != again).then(|| "two answers differ; build it from constants".to_owned()),
    );
    note(report::NAME, name_of(descriptor, name));
    note(report::VERSION, version(descriptor));
    note(report::PORTS, ports(descriptor));
    note(report::WORDS, words(descriptor));
    note(report::SCHEMA, params(descriptor));
}

fn name_of(descriptor: &Descriptor, expected: Option<&str>) -> Option<String> {
    let expected = expected.filter(|expected| *expected != descriptor.name)?;
    Some(format!("it calls itself `{}`, not `{expected}`", descriptor.name))
}

fn version(descriptor: &Descriptor) -> Option<String> {
    let error = semver::Version::parse(&descriptor.version).err()?;
    Some(format!("`{}`: {error}", descriptor.version))
}

fn ports(descriptor: &Descriptor) -> Option<String> {
    let count = |kind: PortKind| descriptor.inputs.iter().filter(|port| port.kind == kind).count();
    let (files, tables) = (count(PortKind::Blob), count(PortKind::Table));
    let role = name_of_role(descriptor.role);
    match descriptor.role {
        Role::Ingester if files != 1 => Some(format!("an ingester reads one file, not {files}")),
        Role::Ingester | Role::Simulator => None,
        _ if files > 0 => Some(format!("it is {role}, and reads a file")),
        _ if tables == 0 => Some(format!("it is {role}, and reads no table")),
        _ => None,
    }
}

fn name_of_role(role: Role) -> String {
    let name = json!(role);
    let name = name.as_str().unwrap_or_default().replace('-', " ");
    let article = if name.starts_with(['e', 'i']) { "an" } else { "a" };
    format!("{article} {name}")
}

fn words(descriptor: &Descriptor) -> Option<String> {
    let mut mute = Vec::new();
    if descriptor.description.trim().is_empty() {
        mute.push("the plugin".to_owned());
    }
    for port in descriptor.inputs.iter().chain(&descriptor.outputs) {
        if port.description.trim().is_empty() {
            mute.push(format!("port `{}`", port.name));
        }
    }
    for (name, property) in properties(descriptor) {
        let described = property.get("description").and_then(Value::as_str);
        if described.is_none_or(|text| text.trim().is_empty()) {
            mute.push(format!("parameter `{name}`"));
        }
    }
    (!mute.is_empty()).then(|| format!("without description: {}", mute.join(", ")))
}

/// The parameters, by name.
pub(super) fn properties(descriptor: &Descriptor) -> impl Iterator<Item = (&String, &Value)> {
    descriptor.params.get("properties").and_then(Value::as_object).into_iter().flatten()
}

/// The names of the parameters that must be given.
pub(super) fn required(descriptor: &Descriptor) -> Vec<&str> {
    let listed = descriptor.params.get("required").and_then(Value::as_array);
    listed.into_iter().flatten().filter_map(Value::as_str).collect()
}

fn params(descriptor: &Descriptor) -> Option<String> {
    let schema = &descriptor.params;
    if schema.get("type") != Some(&json!("object")) {
        return Some("the schema is not of an object".to_owned());
    }
    if schema.get("additionalProperties") != Some(&json!(false)) {
        return Some(
            "unknown parameters are taken: write `additionalProperties: false` \
             (in Rust, `deny_unknown_fields`)"
                .to_owned(),
        );
    }
    let required = required(descriptor);
    let mut defaults = Map::new();
    for (name, property) in properties(descriptor) {
        match property.get("default") {
            Some(default) => drop(defaults.insert(name.clone(), default.clone())),
            None if required.contains(&name.as_str()) => {}
            None => return Some(format!("`{name}` is neither required nor has a default")),
        }
    }
    let validator = jsonschema::validator_for(schema).expect("checked when it was loaded");
    let defaults = Value::Object(defaults);
    // What is required has no default, and is asked of the user.
    let mut errors = validator.iter_errors(&defaults).filter(|error| {
        !matches!(error.kind(), jsonschema::error::ValidationErrorKind::Required { .. })
    });
    errors.next().map(|error| format!("default {}: {error}", error.instance_path()))
}
