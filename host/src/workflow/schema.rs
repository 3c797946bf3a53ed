//! JSON Schema of the workflow file, so that editors complete and check.

use serde_json::{Map, Value, json};

use crate::instance::{Descriptor, PortKind};

/// The schema of a workflow file, with the parameters of `plugins` merged in.
pub fn json_schema<'a>(plugins: impl IntoIterator<Item = &'a Descriptor>) -> Value {
    let mut names = Vec::new();
    let mut rules = Vec::new();
    let mut definitions = Map::new();
    for plugin in plugins {
        names.push(json!({"const": plugin.name, "description": plugin.description}));
        let mut params = adopted(plugin.params.clone(), &plugin.name);
        if let Some(params) = params.as_object_mut() {
            params.remove("$schema");
            if let Some(Value::Object(own)) = params.remove("$defs") {
                let named = own.into_iter().map(|(name, schema)| {
                    (format!("{}.{name}", plugin.name), adopted(schema, &plugin.name))
                });
                definitions.extend(named);
            }
        }
        rules.push(rule(plugin, params));
    }
    names.push(
        json!({"type": "string", "description": "NAME, NAME@VERSION, or the path of a component"}),
    );
    let name = json!({"type": "string", "pattern": "^[a-z][a-z0-9_-]{0,63}$"});
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Skyloom workflow",
        "type": "object",
        "required": ["skyloom", "name", "nodes"],
        "additionalProperties": false,
        "properties": {
            "skyloom": {"const": "v1", "description": "The version of this format."},
            "name": name,
            "description": {"type": "string"},
            "inputs": {
                "description": "Files that come from outside.",
                "type": "object",
                "propertyNames": name,
                "additionalProperties": {
                    "type": "object",
                    "additionalProperties": false,
                    "properties": {
                        "path": {"type": "string", "description": "A file or glob, relative to this file. Without it, `--input NAME=PATH` must give it."},
                        "uri": {"type": "string", "description": "Where others can get it. Nothing is fetched."},
                        "description": {"type": "string"},
                    },
                },
            },
            "params": {
                "description": "Values that `${params.NAME}` fills in and `--set NAME=VALUE` changes.",
                "type": "object",
                "propertyNames": name,
                "additionalProperties": {
                    "type": "object",
                    "required": ["type"],
                    "additionalProperties": false,
                    "properties": {
                        "type": {"enum": ["integer", "number", "text", "boolean"]},
                        "default": {},
                        "description": {"type": "string"},
                    },
                },
            },
            "nodes": {
                "description": "Plugins at work. An edge is written on its consumer.",
                "type": "object",
                "propertyNames": name,
                "additionalProperties": {"$ref": "#/$defs/node"},
            },
            "outputs": {
                "description": "Files to write.",
                "type": "object",
                "propertyNames": name,
                "additionalProperties": {
                    "type": "object",
                    "required": ["from", "path"],
                    "additionalProperties": false,
                    "properties": {
                        "from": {"$ref": "#/$defs/edge"},
                        "path": {"type": "string", "description": "Ends in .parquet, .csv or .arrow.", "pattern": "\\.(parquet|csv|arrow)$"},
                    },
                },
            },
        },
        "$defs": {
            "filled-in": {"type": "string", "pattern": "\\$\\{params\\."},
            "edge": {"type": "string", "description": "NODE or NODE.PORT", "pattern": EDGE},
            "node": {
                "type": "object",
                "required": ["plugin"],
                "additionalProperties": false,
                "properties": {
                    "plugin": {"anyOf": names},
                    "from": {"type": "string", "description": "The workflow input that this ingester reads."},
                    "in": {"description": "NODE or NODE.PORT for the first input port, or one for each port by name."},
                    "with": {"type": "object", "description": "The plugin's parameters."},
                    "allow-features": {
                        "type": "array",
                        "items": {"type": "string"},
                        "description": "Columns that may be features although the leakage guard would refuse them.",
                    },
                    "resources": {
                        "type": "object",
                        "additionalProperties": false,
                        "description": "Limits of each run of this node; they never change values.",
                        "properties": {
                            "memory": {"type": "string", "pattern": "^[0-9]+ *[KMGT]iB$"},
                            "time": {"type": "string", "pattern": "^[0-9]+ *(s|min|h|d)$"},
                            "output": {"type": "string", "pattern": "^[0-9]+ *[KMGT]iB$"},
                        },
                    },
                },
                "allOf": rules,
            },
        },
    });
    if let Some(Value::Object(known)) = schema.get_mut("$defs") {
        known.extend(definitions);
    }
    schema
}

const EDGE: &str = "^[a-z][a-z0-9_-]*(\\.[a-z0-9-]+)?$";

/// What holds for nodes of `plugin`: its ports, and its parameters.
fn rule(plugin: &Descriptor, params: Value) -> Value {
    let mut required = Vec::new();
    let needs = params.get("required").and_then(Value::as_array);
    if needs.is_some_and(|names| !names.is_empty()) {
        required.push("with");
    }
    let mut properties = Map::new();
    properties.insert("with".to_owned(), params);
    let (files, tables): (Vec<_>, Vec<_>) =
        plugin.inputs.iter().partition(|port| port.kind == PortKind::Blob);
    match files.first() {
        Some(port) if !port.optional => required.push("from"),
        Some(_) => {}
        None => drop(properties.insert("from".to_owned(), json!(false))),
    }
    let needed: Vec<_> =
        tables.iter().filter(|port| !port.optional).map(|port| &port.name).collect();
    if !needed.is_empty() {
        required.push("in");
    }
    let by_name = tables.iter().map(|port| {
        let edge = json!({"$ref": "#/$defs/edge", "description": port.description});
        (port.name.clone(), edge)
    });
    let by_name = json!({
        "type": "object",
        "properties": by_name.collect::<Map<_, _>>(),
        "required": needed,
        "additionalProperties": false,
    });
    let edges = match (tables.len(), needed.len()) {
        (0, _) => json!(false),
        // Text alone connects the first port.
        (_, 0 | 1) => json!({"anyOf": [{"$ref": "#/$defs/edge"}, by_name]}),
        _ => by_name,
    };
    properties.insert("in".to_owned(), edges);
    json!({
        "if": {
            "properties": {"plugin": {"pattern": format!("^{}(@|$)", plugin.name)}},
            "required": ["plugin"],
        },
        "then": {"properties": properties, "required": required},
    })
}

/// A plugin's schema as a part of the workflow's: references lead to definitions under the
/// plugin's name, and any value may be filled in from the workflow's parameters.
fn adopted(schema: Value, plugin: &str) -> Value {
    let Value::Object(entries) = schema else { return schema };
    let inner = |schema: Value| adopted(schema, plugin);
    let entry = |(key, value): (String, Value)| {
        let value = match (key.as_str(), value) {
            ("$ref", Value::String(reference)) => match reference.strip_prefix("#/$defs/") {
                Some(name) => json!(format!("#/$defs/{plugin}.{name}")),
                None => json!(reference),
            },
            ("properties" | "patternProperties", Value::Object(schemas)) => {
                let named = schemas.into_iter().map(|(name, of)| (name, fillable(inner(of))));
                Value::Object(named.collect())
            }
            ("items" | "additionalProperties", schema @ Value::Object(_)) => {
                fillable(inner(schema))
            }
            ("prefixItems", Value::Array(schemas)) => {
                schemas.into_iter().map(|schema| fillable(inner(schema))).collect()
            }
            ("anyOf" | "oneOf" | "allOf", Value::Array(schemas)) => {
                schemas.into_iter().map(inner).collect()
            }
            (_, other) => other,
        };
        (key, value)
    };
    Value::Object(entries.into_iter().map(entry).collect())
}

/// `schema`, or `${params.NAME}` in its place.
fn fillable(schema: Value) -> Value {
    let is_text = |schema: &Value| schema.as_str() == Some("string");
    let is_free =
        ["pattern", "enum", "format", "maxLength"].iter().all(|key| schema.get(*key).is_none());
    let takes_text = match schema.get("type") {
        Some(Value::Array(kinds)) => kinds.iter().any(is_text),
        Some(kind) => is_text(kind),
        None => false,
    };
    if (is_free && takes_text) || !schema.is_object() {
        return schema;
    }
    let mut either = json!({"anyOf": [schema, {"$ref": "#/$defs/filled-in"}]});
    // What editors show stands outside.
    for key in ["description", "default"] {
        if let Some(value) = either["anyOf"][0].get(key).cloned() {
            either[key] = value;
        }
    }
    either
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instance::{Port, Role, Scope};

    fn port(name: &str, kind: PortKind) -> Port {
        Port { name: name.to_owned(), kind, optional: false, description: String::new() }
    }

    fn plugin(inputs: Vec<Port>) -> Descriptor {
        let condition = json!({"anyOf": [
            {"type": "array", "items": {"type": ["number", "null"]}},
            {
                "type": "object",
                "properties": {"not": {"$ref": "#/$defs/Condition"}},
                "additionalProperties": false,
            },
        ]});
        let params = json!({
            "type": "object",
            "properties": {
                "where": {
                    "type": "object",
                    "additionalProperties": {"$ref": "#/$defs/Condition"},
                },
                "trees": {"type": "integer", "minimum": 1, "default": 100},
            },
            "required": ["where"],
            "additionalProperties": false,
            "$defs": {"Condition": condition},
        });
        Descriptor {
            name: "pick".to_owned(),
            version: "0.1.0".to_owned(),
            description: String::new(),
            role: Role::Selector,
            scope: Scope::Partition,
            inputs,
            outputs: vec![port("rows", PortKind::Table)],
            params,
            citations: Vec::new(),
        }
    }

    fn check(plugin: &Descriptor, node: &Value, valid: bool) {
        let schema = json_schema([plugin]);
        let validator = jsonschema::validator_for(&schema).unwrap();
        let workflow = json!({"skyloom": "v1", "name": "test", "nodes": {"node": node}});
        let errors = validator.iter_errors(&workflow).map(|error| error.to_string());
        let errors: Vec<_> = errors.collect();
        assert_eq!(errors.is_empty(), valid, "{workflow}: {errors:?}");
    }

    #[test]
    fn parameters_are_checked_by_plugin() {
        let pick = plugin(vec![port("table", PortKind::Table)]);
        let with = |with: Value| json!({"plugin": "pick", "in": "stars", "with": with});
        check(&pick, &with(json!({"where": {"I": [15, null]}})), true);
        check(&pick, &with(json!({"where": {"I": {"not": {"not": [15]}}}})), true);
        check(&pick, &with(json!({"where": {"I": {"not": {"no": [15]}}}})), false);
        check(&pick, &with(json!({"where": {}, "trees": 0})), false);
        check(&pick, &with(json!({"where": {}, "tree": 1})), false);
        check(&pick, &with(json!({})), false);
        check(&pick, &json!({"plugin": "pick", "in": "stars"}), false);
        check(&pick, &json!({"plugin": "pick@0.1", "in": "stars"}), false);
        check(&pick, &json!({"plugin": "picky", "in": "stars"}), true);
    }

    #[test]
    fn any_value_may_be_filled_in() {
        let pick = plugin(vec![port("table", PortKind::Table)]);
        let with = |with: Value| json!({"plugin": "pick", "in": "stars", "with": with});
        let filled = json!({"where": {"I": ["${params.limit}"]}, "trees": "${params.trees}"});
        check(&pick, &with(filled), true);
        check(&pick, &with(json!({"where": {"I": ["fifteen"]}})), false);
    }

    #[test]
    fn ports_are_checked_by_plugin() {
        let node = |key: &str, value: Value| {
            let mut node = json!({"plugin": "pick", "with": {"where": {}}});
            node[key] = value;
            node
        };
        let one = plugin(vec![port("table", PortKind::Table)]);
        check(&one, &node("in", json!({"table": "stars.rows"})), true);
        check(&one, &node("in", json!({"data": "stars"})), false);
        check(&one, &node("in", json!("not a node")), false);
        check(&one, &node("from", json!("file")), false);
        let two = plugin(vec![port("data", PortKind::Table), port("model", PortKind::WholeTable)]);
        check(&two, &node("in", json!({"data": "a", "model": "b"})), true);
        check(&two, &node("in", json!({"data": "a"})), false);
        let file = plugin(vec![port("file", PortKind::Blob)]);
        check(&file, &node("from", json!("file")), true);
        check(&file, &node("in", json!("stars")), false);
    }
}
