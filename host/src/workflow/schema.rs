//! JSON Schema of the workflow file, so that editors complete and check.

use serde_json::{Value, json};

use crate::instance::Descriptor;

/// The schema of a workflow file, with the parameters of `plugins` merged in.
pub fn json_schema<'a>(plugins: impl IntoIterator<Item = &'a Descriptor>) -> Value {
    let mut names = Vec::new();
    let mut rules = Vec::new();
    for plugin in plugins {
        names.push(json!({"const": plugin.name, "description": plugin.description}));
        let ports = plugin.inputs.iter().map(|port| {
            let schema = json!({"type": "string", "description": port.description});
            (port.name.clone(), schema)
        });
        let ports: serde_json::Map<_, _> = ports.collect();
        let mut params = plugin.params.clone();
        if let Some(object) = params.as_object_mut() {
            object.remove("$schema");
            // Any parameter may be filled in from the workflow's own.
            if let Some(Value::Object(properties)) = object.get_mut("properties") {
                for schema in properties.values_mut() {
                    let original = schema.take();
                    let description = original.get("description").cloned();
                    *schema = json!({"anyOf": [original, {"$ref": "#/$defs/filled-in"}]});
                    if let Some(description) = description {
                        schema["description"] = description;
                    }
                }
            }
        }
        rules.push(json!({
            "if": {"properties": {"plugin": {"const": plugin.name}}, "required": ["plugin"]},
            "then": {"properties": {
                "with": params,
                "in": {"anyOf": [
                    {"type": "string"},
                    {"type": "object", "properties": ports, "additionalProperties": false},
                ]},
            }},
        }));
    }
    names.push(
        json!({"type": "string", "description": "NAME, NAME@VERSION, or the path of a component"}),
    );
    let name = json!({"type": "string", "pattern": "^[a-z][a-z0-9_-]{0,63}$"});
    let edge = json!({
        "type": "string",
        "description": "NODE or NODE.PORT",
        "pattern": "^[a-z][a-z0-9_-]*(\\.[a-z0-9-]+)?$",
    });
    json!({
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
                        "from": edge,
                        "path": {"type": "string", "description": "Ends in .parquet, .csv or .arrow.", "pattern": "\\.(parquet|csv|arrow)$"},
                    },
                },
            },
        },
        "$defs": {
            "filled-in": {"type": "string", "pattern": "\\$\\{params\\."},
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
    })
}
