//! `skyloom plugin info`: what a plugin says about itself, and what the host sees of it.

use clap::Args;
use serde_json::{Map, Value, json};

use super::super::text::{self, grid, plain};
use super::super::{End, render};
use super::registry::{signer, trust_text};
use super::{Loaded, Shelf};
use crate::instance::{Component, Descriptor, Port};
use crate::run::RunError;

#[derive(Debug, Args)]
pub(super) struct InfoArgs {
    /// A plugin of the project, the folder of a package, or a component.
    #[arg(value_name = "FILE.wasm|NAME")]
    plugin: String,
    /// Print results as JSON.
    #[arg(long)]
    pub(super) json: bool,
}

pub(super) fn info(args: &InfoArgs) -> Result<End, RunError> {
    let plugin = Shelf::here()?.load(&args.plugin)?;
    if args.json {
        render::json(&json!({
            "descriptor": plugin.component.descriptor().as_ref(),
            "imports": plugin.component.imports,
            "sees": text::sees(&plugin.component),
            "runtime": plugin.component.runtime(),
            "digest": plugin.component.digest,
            "signed-by": signer(&plugin.verdict),
            "trust": trust_text(&plugin.verdict),
            "bytes": plugin.bytes,
            "component": plugin.path,
        }));
    } else {
        render::out(&to_text(&plugin));
    }
    Ok(End::Ok)
}

fn to_text(plugin: &Loaded) -> String {
    let component = &plugin.component;
    let descriptor = component.descriptor();
    let row = |key: &str, value: String| vec![key.to_owned(), value];
    let mut facts = vec![
        row("role", text::role_name(descriptor.role).to_owned()),
        row("scope", text::scope_name(descriptor.scope).to_owned()),
        row("purity", text::sees(component)),
        row("imports", imports(component)),
        row("digest", component.digest.to_string()),
        row("trust", trust_text(&plugin.verdict)),
        row("size", text::size(plugin.bytes)),
        row("file", plugin.path.display().to_string()),
    ];
    facts.extend(component.runtime().map(|runtime| row("runs in", runtime)));
    facts.extend(descriptor.citations.iter().map(|reference| row("cites", reference.clone())));
    let mut parts = vec![
        plain(&format!("{} {}: {}", descriptor.name, descriptor.version, descriptor.description)),
        grid(&facts, &[], 2),
    ];
    for (title, ports) in [("inputs", &descriptor.inputs), ("outputs", &descriptor.outputs)] {
        if !ports.is_empty() {
            let rows: Vec<_> = ports.iter().map(port_row).collect();
            parts.push(format!("{title}\n{}", grid(&rows, &[], 2)));
        }
    }
    parts.push(params_text(descriptor));
    parts.join("\n\n")
}

fn imports(component: &Component) -> String {
    match component.imports.as_slice() {
        [] => "nothing".to_owned(),
        names => names.join(", "),
    }
}

fn port_row(port: &Port) -> Vec<String> {
    let kind = text::kind_name(port.kind);
    let kind = if port.optional { format!("{kind}, optional") } else { kind.to_owned() };
    vec![port.name.clone(), kind, port.description.clone()]
}

/// The parameters: name and type on one line with the default, what they mean below.
fn params_text(descriptor: &Descriptor) -> String {
    let schema = &descriptor.params;
    let none = Map::new();
    let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(&none);
    if properties.is_empty() {
        return "no parameters".to_owned();
    }
    let required: Vec<_> = schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let mut lines = vec!["parameters".to_owned()];
    for (name, property) in properties {
        let mut line = format!("  {name}: {}", type_of(property, schema, 0));
        if required.contains(&name.as_str()) {
            line.push_str(", required");
        } else if let Some(default) = property.get("default").filter(|default| !default.is_null()) {
            line.push_str(&format!(", default {default}"));
        }
        lines.push(plain(&line));
        let description = property.get("description").and_then(Value::as_str).unwrap_or_default();
        lines.extend(wrapped(description, 84).into_iter().map(|line| format!("      {line}")));
    }
    lines.join("\n")
}

/// A JSON Schema in few words.
fn type_of(schema: &Value, root: &Value, depth: usize) -> String {
    // A schema may refer to itself.
    if depth > 6 {
        return "…".to_owned();
    }
    let nested = |schema: &Value| type_of(schema, root, depth + 1);
    let list = |key: &str| schema.get(key).and_then(Value::as_array);
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        let target = reference.strip_prefix('#').and_then(|pointer| root.pointer(pointer));
        return target.map_or_else(|| "anything".to_owned(), nested);
    }
    if let Some(value) = schema.get("const") {
        return value.to_string();
    }
    if let Some(values) = list("enum") {
        return either(values.iter().map(Value::to_string));
    }
    for key in ["anyOf", "oneOf"] {
        if let Some(choices) = list(key) {
            let choices =
                choices.iter().filter(|choice| choice.get("type") != Some(&json!("null")));
            return either(choices.map(nested));
        }
    }
    match schema.get("type") {
        Some(Value::String(kind)) => of_kind(kind, schema, &nested),
        Some(Value::Array(kinds)) => {
            let kinds = kinds.iter().filter_map(Value::as_str).filter(|kind| *kind != "null");
            either(kinds.map(|kind| of_kind(kind, schema, &nested)))
        }
        _ => "anything".to_owned(),
    }
}

fn of_kind(kind: &str, schema: &Value, nested: &dyn Fn(&Value) -> String) -> String {
    match kind {
        "string" => "text".to_owned(),
        "array" => match schema.get("items") {
            Some(items) => format!("list of {}", nested(items)),
            None => "list".to_owned(),
        },
        "object" => {
            let properties = schema.get("properties").and_then(Value::as_object);
            match (properties, schema.get("additionalProperties")) {
                (Some(properties), _) if !properties.is_empty() => {
                    let names: Vec<_> = properties.keys().map(String::as_str).collect();
                    format!("{{{}}}", names.join(", "))
                }
                (_, Some(values @ Value::Object(_))) => format!("{} by name", nested(values)),
                _ => "mapping".to_owned(),
            }
        }
        kind => {
            let bound = |key: &str| schema.get(key).map(Value::to_string);
            match (bound("minimum"), bound("maximum")) {
                (Some(least), Some(most)) => format!("{kind} from {least} to {most}"),
                (Some(least), None) => format!("{kind} from {least}"),
                (None, Some(most)) => format!("{kind} up to {most}"),
                (None, None) => kind.to_owned(),
            }
        }
    }
}

/// `a, b or c`, each once.
fn either(choices: impl Iterator<Item = String>) -> String {
    let mut words: Vec<String> = Vec::new();
    for choice in choices {
        if !words.contains(&choice) {
            words.push(choice);
        }
    }
    match words.split_last() {
        None => "anything".to_owned(),
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
    }
}

/// `text` in lines of at most `width` characters, where words allow.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let word = plain(word);
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(&word);
            }
            _ => lines.push(word),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_read_like_words() {
        let root = json!({"$defs": {
            "Side": {"enum": ["left", "right"]},
            "Loop": {"type": "array", "items": {"$ref": "#/$defs/Loop"}},
        }});
        let check = |schema: Value, words: &str| assert_eq!(type_of(&schema, &root, 0), words);
        check(json!({"type": ["string", "null"]}), "text");
        check(json!({"type": "integer", "minimum": 1}), "integer from 1");
        check(json!({"type": "array", "items": {"type": "string"}}), "list of text");
        check(json!({"$ref": "#/$defs/Side"}), "\"left\" or \"right\"");
        check(
            json!({"anyOf": [{"$ref": "#/$defs/Side"}, {"type": "null"}]}),
            "\"left\" or \"right\"",
        );
        check(
            json!({"type": "object", "additionalProperties": {"type": "number"}}),
            "number by name",
        );
        check(json!({"$ref": "#/$defs/Nowhere"}), "anything");
        check(json!(true), "anything");
        assert!(type_of(&json!({"$ref": "#/$defs/Loop"}), &root, 0).ends_with('…'));
    }

    #[test]
    fn text_is_wrapped_between_words() {
        assert_eq!(wrapped("one two\n three", 7), ["one two", "three"]);
        assert_eq!(wrapped("incomprehensible", 4), ["incomprehensible"]);
    }
}
