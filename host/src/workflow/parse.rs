//! From YAML to [`Workflow`].

use std::ops::Range;
use std::path::{Component, Path};

use indexmap::IndexMap;
use serde_json::Value;

use super::tree::{self, Kind, Tree};
use super::{Edge, Format, Input, Node, Output, Param, Part, PortRef, Resources, Workflow};
use crate::fault::{At, Fault, Source, closest, suggestion};

/// Most nodes of a workflow.
const MAX_NODES: usize = 10_000;

/// What the command line says about a workflow: values by name.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    pub params: Vec<(String, String)>,
}

/// Reads a workflow file.
///
/// # Errors
/// Every mistake that could be found, each with its place.
pub fn parse(source: &Source, overrides: &Overrides) -> Result<Workflow, Vec<Fault>> {
    let tree = tree::read(source)?;
    let mut parser = Parser { source, faults: Vec::new(), params: IndexMap::new() };
    let workflow = parser.workflow(&tree, overrides);
    match workflow {
        Some(workflow) if parser.faults.is_empty() => Ok(workflow),
        _ => {
            parser.faults.sort_by_key(|fault| fault.span.start);
            Err(parser.faults)
        }
    }
}

struct Parser<'a> {
    source: &'a Source,
    faults: Vec<Fault>,
    params: IndexMap<String, Value>,
}

/// The entries of a mapping, taken out one by one.
struct Entries<'t> {
    place: Range<usize>,
    what: &'static str,
    entries: Vec<(&'t At<String>, &'t Tree)>,
    /// Keys that were asked for in vain, and what to write.
    missing: Vec<(&'static str, &'static str)>,
}

/// Words that other tools have for the keys of this format.
const OTHER_WORDS: [(&str, &str); 14] = [
    ("args", "with"),
    ("config", "with"),
    ("depends-on", "in"),
    ("file", "path"),
    ("input", "in"),
    ("inputs", "in"),
    ("needs", "in"),
    ("parameters", "with"),
    ("params", "with"),
    ("source", "from"),
    ("steps", "nodes"),
    ("type", "plugin"),
    ("uses", "plugin"),
    ("version", "skyloom"),
];

impl<'t> Entries<'t> {
    fn take(&mut self, key: &str) -> Option<&'t Tree> {
        let at = self.entries.iter().position(|(name, _)| name.value == key)?;
        Some(self.entries.remove(at).1)
    }

    /// Takes out what must be there; `end` says what was not, and to write `example`.
    fn required(&mut self, key: &'static str, example: &'static str) -> Option<&'t Tree> {
        let found = self.take(key);
        if found.is_none() {
            self.missing.push((key, example));
        }
        found
    }
}

impl Parser<'_> {
    fn fault(
        &mut self,
        code: &'static str,
        span: &Range<usize>,
        message: impl Into<String>,
    ) -> &mut Fault {
        self.faults.push(Fault::new(self.source, code, span.clone(), message));
        self.faults.last_mut().expect("just pushed")
    }

    fn entries<'t>(&mut self, tree: &'t Tree, what: &'static str) -> Option<Entries<'t>> {
        match &tree.value {
            Kind::Map(entries) => Some(Entries {
                place: tree.span.clone(),
                what,
                entries: entries.iter().map(|(key, value)| (key, value)).collect(),
                missing: Vec::new(),
            }),
            Kind::Null => {
                let place = tree.span.clone();
                Some(Entries { place, what, entries: Vec::new(), missing: Vec::new() })
            }
            other => {
                let message = format!("{what} must be a mapping, not {}", other.name());
                let help = match other {
                    Kind::List(_) => "write `NAME: VALUE` lines, without `-` before them",
                    _ => "write `NAME: VALUE` lines, indented",
                };
                self.fault("workflow::type", &tree.span, message).help = Some(help.to_owned());
                None
            }
        }
    }

    /// Whatever was not taken out is unknown; says whether there was such a thing.
    fn end(&mut self, entries: Entries<'_>, known: &[&str]) -> bool {
        let mut missing = entries.missing;
        for (key, _) in &entries.entries {
            let message = format!("{} has no key `{}`", entries.what, key.value.escape_debug());
            let other = OTHER_WORDS.iter().find(|(word, _)| *word == key.value);
            let other = other.map(|(_, ours)| *ours).filter(|ours| known.contains(ours));
            let meant = closest(key, known.iter().copied()).or(other);
            // The misspelt key and the missing one are one mistake.
            missing.retain(|(key, _)| Some(*key) != meant);
            let help = match meant {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => suggestion(key, known.iter().copied()),
            };
            self.fault("workflow::unknown_key", &key.span, message).help = Some(help);
        }
        for (key, example) in missing {
            let message = format!("{} needs a key `{key}`", entries.what);
            self.fault("workflow::missing_key", &entries.place, message).help =
                Some(format!("such as `{example}`"));
        }
        !entries.entries.is_empty()
    }

    fn text(&mut self, tree: &Tree, what: &str) -> Option<At<String>> {
        match &tree.value {
            Kind::Text(text) => {
                let text = self.interpolate(text, &tree.span)?;
                Some(At::new(text, tree.span.clone()))
            }
            other => {
                let found = other.name();
                let message = format!("{what} must be text, not {found}");
                let help =
                    matches!(other, Kind::Bool(_) | Kind::Number(_)).then(|| "quote it".to_owned());
                self.fault("workflow::type", &tree.span, message).help = help;
                None
            }
        }
    }

    /// Names of inputs, nodes, outputs and parameters.
    fn id(&mut self, key: &At<String>, what: &str) -> Option<At<String>> {
        let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
        let starts = key.value.starts_with(|c: char| c.is_ascii_lowercase());
        if starts && key.value.len() <= 64 && key.value.chars().all(good) {
            return Some(key.clone());
        }
        let message = format!("`{}` is not a name for {what}", key.value.escape_debug());
        self.fault("workflow::name", &key.span, message).help = Some(
            "names are a-z, 0-9, `-` and `_`, begin with a letter and have at most 64 characters"
                .to_owned(),
        );
        None
    }

    fn workflow(&mut self, tree: &Tree, overrides: &Overrides) -> Option<Workflow> {
        if tree.value == Kind::Null {
            self.fault("workflow::empty", &(0..0), "the file holds no workflow").help = Some(
                "a workflow begins with `skyloom: v1` and has a `name` and `nodes`".to_owned(),
            );
            return None;
        }
        let mut top = self.entries(tree, "a workflow")?;
        let version = top.required("skyloom", "skyloom: v1");
        if let Some(version) = version
            && version.value != Kind::Text("v1".to_owned())
        {
            let found = match &version.value {
                Kind::Text(text) => text.clone(),
                _ => version.to_json().to_string(),
            };
            let message =
                format!("the file says workflow format `{found}`; this Skyloom reads `v1`");
            self.fault("workflow::version", &version.span, message).help = Some(
                "write `skyloom: v1`, or run it with the Skyloom it was written for".to_owned(),
            );
        }
        if let Some(params) = top.take("params") {
            self.declare_params(params, overrides);
        }
        for (name, _) in &overrides.params {
            if !self.params.contains_key(name) {
                let help = suggestion(name, self.params.keys().map(String::as_str));
                let message = format!("`--set {name}=…`: the workflow has no parameter `{name}`");
                self.faults.push(Fault::of_command("workflow::unknown_param", message).help(help));
            }
        }
        let name = top.required("name", "name: my-workflow");
        let name = name.and_then(|name| self.text(name, "the name"));
        let name = name.and_then(|name| self.id(&name, "a workflow"));
        let description =
            top.take("description").and_then(|text| self.text(text, "the description"));
        let inputs = top.take("inputs").map(|inputs| self.inputs(inputs)).unwrap_or_default();
        let nodes =
            top.required("nodes", "nodes: {stars: {plugin: csv-ingester, from: catalogue}}");
        let nodes = nodes.map(|nodes| self.nodes(nodes)).unwrap_or_default();
        let outputs = top.take("outputs").map(|outputs| self.outputs(outputs)).unwrap_or_default();
        self.end(top, &["skyloom", "name", "description", "inputs", "params", "nodes", "outputs"]);
        Some(Workflow {
            source: self.source.clone(),
            name: name?,
            description: description.map(|text| text.value),
            inputs,
            params: std::mem::take(&mut self.params),
            nodes,
            outputs,
        })
    }

    fn declare_params(&mut self, tree: &Tree, overrides: &Overrides) {
        let Some(declared) = self.entries(tree, "params") else { return };
        for (key, value) in declared.entries {
            let Some(id) = self.id(key, "a parameter") else { continue };
            let Some(mut entries) = self.entries(value, "a parameter") else { continue };
            entries.place = id.span.clone();
            let kind = entries.required("type", "type: integer");
            let kind = kind.and_then(|kind| self.text(kind, "a parameter's type"));
            let default = entries.take("default");
            if let Some(text) = entries.take("description") {
                self.text(text, "the description");
            }
            let unknown = self.end(entries, &["type", "default", "description"]);
            let Some(kind) = kind.filter(|_| !unknown) else { continue };
            if !["integer", "number", "text", "boolean"].contains(&kind.as_str()) {
                let help = suggestion(&kind, ["integer", "number", "text", "boolean"]);
                let message = format!("`{}` is not a parameter's type", kind.value);
                self.fault("workflow::param_type", &kind.span, message).help = Some(help);
                continue;
            }
            let given = overrides.params.iter().rfind(|(name, _)| *name == id.value);
            let value = match (given, default) {
                (Some((_, text)), _) => Some(from_command_line(text, &kind)),
                (None, Some(default)) => Some(default.to_json()),
                (None, None) => {
                    let name = &id.value;
                    let message = format!("parameter `{name}` has no default and no value");
                    self.fault("workflow::param_value", &id.span, message).help =
                        Some(format!("give it one with `--set {name}=…`"));
                    None
                }
            };
            let Some(value) = value else { continue };
            let fits = match kind.as_str() {
                "integer" => value.is_i64() || value.is_u64(),
                "number" => value.is_number(),
                "text" => value.is_string(),
                _ => value.is_boolean(),
            };
            if !fits {
                let span = default.map_or(&id.span, |default| &default.span);
                let wanted = match kind.as_str() {
                    "integer" => "a whole number",
                    "number" => "a number",
                    "text" => "text",
                    _ => "`true` or `false`",
                };
                let message = format!("parameter `{}` is {value}, not {wanted}", id.value);
                let fault = match given {
                    Some((_, text)) => Fault::of_command(
                        "workflow::param_value",
                        format!("`--set {}={text}`: it must be {wanted}", id.value),
                    ),
                    None => Fault::new(self.source, "workflow::param_value", span.clone(), message)
                        .help("change the default or the `type`"),
                };
                self.faults.push(fault);
                continue;
            }
            self.params.insert(id.value, value);
        }
    }

    fn inputs(&mut self, tree: &Tree) -> IndexMap<String, Input> {
        let mut inputs = IndexMap::new();
        let Some(listed) = self.entries(tree, "inputs") else { return inputs };
        for (key, value) in listed.entries {
            let Some(id) = self.id(key, "an input") else { continue };
            let Some(mut entries) = self.entries(value, "an input") else { continue };
            let path = entries.take("path").and_then(|path| self.text(path, "a path"));
            let description =
                entries.take("description").and_then(|text| self.text(text, "the description"));
            let uri = entries.take("uri").and_then(|uri| self.text(uri, "a URI"));
            self.end(entries, &["path", "uri", "description"]);
            let (uri, description) = (uri.map(|uri| uri.value), description.map(|text| text.value));
            inputs.insert(id.value.clone(), Input { id, path, uri, description });
        }
        inputs
    }

    fn nodes(&mut self, tree: &Tree) -> IndexMap<String, Node> {
        let mut nodes = IndexMap::new();
        let Some(listed) = self.entries(tree, "nodes") else { return nodes };
        if listed.entries.is_empty() {
            self.fault("workflow::no_nodes", &tree.span, "the workflow has no nodes").help =
                Some("a node is a plugin at work, such as `stars: {plugin: csv-ingester, from: catalogue}`".to_owned());
        }
        if listed.entries.len() > MAX_NODES {
            let found = listed.entries.len();
            let message = format!("{found} nodes; {MAX_NODES} are allowed");
            self.fault("workflow::too_many_nodes", &tree.span, message);
            return nodes;
        }
        for (key, value) in listed.entries {
            let Some(id) = self.id(key, "a node") else { continue };
            if let Some(node) = self.node(id, value) {
                nodes.insert(node.id.value.clone(), node);
            }
        }
        nodes
    }

    fn node(&mut self, id: At<String>, tree: &Tree) -> Option<Node> {
        let mut entries = self.entries(tree, "a node")?;
        entries.place = id.span.clone();
        let plugin = entries.required("plugin", "plugin: csv-ingester");
        let plugin = plugin.and_then(|plugin| self.text(plugin, "a plugin's name"));
        let from = entries.take("from").and_then(|from| self.text(from, "an input's name"));
        let edges = entries.take("in").map(|edges| self.edges(edges)).unwrap_or_default();
        let with = entries.take("with").map(|with| self.with(with)).unwrap_or_default();
        let allowed = entries.take("allow-features");
        let allow_features = allowed.map(|list| self.texts(list)).unwrap_or_default();
        let resources =
            entries.take("resources").map(|tree| self.resources(tree)).unwrap_or_default();
        self.end(entries, &["plugin", "from", "in", "with", "allow-features", "resources"]);
        Some(Node { id, plugin: plugin?, from, edges, with, allow_features, resources })
    }

    fn texts(&mut self, tree: &Tree) -> Vec<At<String>> {
        match &tree.value {
            Kind::List(items) => {
                items.iter().filter_map(|item| self.text(item, "a column's name")).collect()
            }
            other => {
                let found = other.name();
                let message = format!("a list belongs here, not {found}");
                self.fault("workflow::type", &tree.span, message).help =
                    Some("write `[a, b]`, or one item alone: `[a]`".to_owned());
                Vec::new()
            }
        }
    }

    fn edges(&mut self, tree: &Tree) -> Vec<Edge> {
        if let Kind::Text(_) = &tree.value {
            let from = self.port_ref(tree);
            return from.map(|from| Edge { port: None, from }).into_iter().collect();
        }
        if !matches!(tree.value, Kind::Map(_)) {
            let message = format!("`in` names nodes; this is {}", tree.value.name());
            self.fault("workflow::type", &tree.span, message).help = Some(
                "write `in: NODE`, `in: NODE.PORT`, or `in: {PORT: NODE, …}` for several inputs"
                    .to_owned(),
            );
            return Vec::new();
        }
        let Some(listed) = self.entries(tree, "`in`") else { return Vec::new() };
        let edges = listed.entries.into_iter().filter_map(|(port, value)| {
            Some(Edge { port: Some(port.clone()), from: self.port_ref(value)? })
        });
        edges.collect()
    }

    fn port_ref(&mut self, tree: &Tree) -> Option<At<PortRef>> {
        let text = self.text(tree, "an edge")?;
        let (node, port) = match text.split_once('.') {
            Some((node, port)) => (node.to_owned(), Some(port.to_owned())),
            None => (text.value.clone(), None),
        };
        Some(At::new(PortRef { node, port }, text.span))
    }

    fn with(&mut self, tree: &Tree) -> IndexMap<String, Param> {
        let Some(listed) = self.entries(tree, "`with`") else { return IndexMap::new() };
        let entries = listed.entries.into_iter().filter_map(|(key, value)| {
            let parts = parts_of(value);
            let value = At::new(self.substitute(value)?, value.span.clone());
            Some((key.value.clone(), Param { key: key.clone(), value, parts }))
        });
        entries.collect()
    }

    /// `value` with every `${params.x}` replaced: by the value itself where it stands
    /// alone, by its text inside other text.
    fn substitute(&mut self, tree: &Tree) -> Option<Value> {
        Some(match &tree.value {
            Kind::Text(text) => {
                let whole = text.strip_prefix("${params.").and_then(|rest| rest.strip_suffix('}'));
                match whole {
                    Some(name) if !name.contains('}') => self.param(name, &tree.span)?,
                    _ => Value::String(self.interpolate(text, &tree.span)?),
                }
            }
            Kind::List(items) => {
                items.iter().map(|item| self.substitute(item)).collect::<Option<_>>()?
            }
            Kind::Map(entries) => {
                let entry = |(key, value): &(At<String>, Tree)| {
                    Some((key.value.clone(), self.substitute(value)?))
                };
                Value::Object(entries.iter().map(entry).collect::<Option<_>>()?)
            }
            _ => tree.to_json(),
        })
    }

    fn interpolate(&mut self, text: &str, span: &Range<usize>) -> Option<String> {
        let mut out = String::new();
        let mut rest = text;
        while let Some(start) = rest.find("${") {
            let (before, tail) = rest.split_at(start);
            let end = tail.find('}');
            let name = end.and_then(|end| tail[2..end].strip_prefix("params."));
            let Some((end, name)) = end.zip(name) else {
                let message = match end {
                    None => "`${` without `}`",
                    Some(_) => "only `${params.NAME}` can be filled in",
                };
                self.fault("workflow::template", span, message).help = Some(
                    "write `${params.NAME}`, and declare `NAME` under `params` of the workflow"
                        .to_owned(),
                );
                return None;
            };
            out.push_str(before);
            match self.param(name, span)? {
                Value::String(value) => out.push_str(&value),
                value => out.push_str(&value.to_string()),
            }
            rest = &tail[end + 1..];
        }
        out.push_str(rest);
        Some(out)
    }

    fn param(&mut self, name: &str, span: &Range<usize>) -> Option<Value> {
        let value = self.params.get(name).cloned();
        if value.is_none() {
            let help = suggestion(name, self.params.keys().map(String::as_str));
            let message = format!("the workflow has no parameter `{}`", name.escape_debug());
            self.fault("workflow::unknown_param", span, message).help = Some(help);
        }
        value
    }

    fn resources(&mut self, tree: &Tree) -> Resources {
        let Some(mut entries) = self.entries(tree, "`resources`") else {
            return Resources::default();
        };
        let mut quantity = |key: &str, units: &[(&str, u64)]| {
            let value = entries.take(key)?;
            let text = match &value.value {
                Kind::Text(text) => self.interpolate(text, &value.span)?,
                _ => value.to_json().to_string(),
            };
            let amount = quantity(&text, units);
            if amount.is_none() {
                let names: Vec<_> = units.iter().map(|(unit, _)| *unit).collect();
                let message = format!("`{}` is not a quantity", text.escape_debug());
                self.fault("workflow::quantity", &value.span, message).help = Some(format!(
                    "write a whole number and one of {}, such as `{key}: 2 {}`",
                    names.join(", "),
                    names[names.len() / 2],
                ));
            }
            // A guest's addresses have 32 bits.
            if key == "memory" && amount.is_some_and(|bytes| bytes > 4 << 30) {
                let message = "a plugin can have at most 4 GiB of memory";
                self.fault("workflow::quantity", &value.span, message).help = Some(
                    "what does not fit is cut in partitions or shards; see the plugin's parameters"
                        .to_owned(),
                );
            }
            amount
        };
        let bytes = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40)];
        let time = [("s", 1), ("min", 60), ("h", 3600), ("d", 86_400)];
        let resources = Resources {
            memory_bytes: quantity("memory", &bytes),
            time_seconds: quantity("time", &time),
            output_bytes: quantity("output", &bytes),
        };
        self.end(entries, &["memory", "time", "output"]);
        resources
    }

    fn outputs(&mut self, tree: &Tree) -> IndexMap<String, Output> {
        let mut outputs: IndexMap<String, Output> = IndexMap::new();
        let Some(listed) = self.entries(tree, "outputs") else { return outputs };
        for (key, value) in listed.entries {
            let Some(id) = self.id(key, "an output") else { continue };
            let Some(mut entries) = self.entries(value, "an output") else { continue };
            entries.place = id.span.clone();
            let from = entries.required("from", "from: classes");
            let from = from.and_then(|from| self.port_ref(from));
            let path = entries.required("path", "path: classes.parquet");
            let path = path.and_then(|path| self.text(path, "a path"));
            self.end(entries, &["from", "path"]);
            let Some((from, path)) = from.zip(path) else { continue };
            let Some((path, format)) = self.output_path(path) else { continue };
            let clash = outputs.values().find(|other| {
                let (one, other) = (Path::new(&path.value), Path::new(&other.path.value));
                one.starts_with(other) || other.starts_with(one)
            });
            if let Some(other) = clash {
                let message =
                    format!("outputs `{}` and `{}` go to one file", other.id.value, id.value);
                let fault =
                    Fault::new(self.source, "workflow::output_path", path.span.clone(), message)
                        .also(other.path.span.clone(), "also written here")
                        .help("give each its own path");
                self.faults.push(fault);
                continue;
            }
            outputs.insert(id.value.clone(), Output { id, from, path, format });
        }
        outputs
    }

    /// A path inside the folder that outputs are written to, and the format it names.
    fn output_path(&mut self, path: At<String>) -> Option<(At<String>, Format)> {
        let mut inside: Vec<&str> = Vec::new();
        for part in Path::new(&path.value).components() {
            match part {
                Component::Normal(part) => inside.push(part.to_str()?),
                Component::CurDir => {}
                Component::Prefix(_) | Component::RootDir | Component::ParentDir => {
                    let message =
                        format!("output path `{}` leaves the folder for outputs", path.value);
                    self.fault("workflow::output_path", &path.span, message).help = Some(
                        "write a relative path without `..`; `--output-dir` names the folder"
                            .to_owned(),
                    );
                    return None;
                }
            }
        }
        let format = match inside.last().and_then(|name| name.rsplit_once('.')) {
            Some((stem, ending)) if !stem.is_empty() => Format::of_ending(ending),
            _ => None,
        };
        let Some(format) = format else {
            let message = format!("`{}` names no format that Skyloom writes", path.value);
            self.fault("workflow::output_path", &path.span, message).help =
                Some("end the path in .parquet, .csv or .arrow".to_owned());
            return None;
        };
        Some((At::new(inside.join("/"), path.span), format))
    }
}

/// The places of everything in a parameter, by JSON pointer.
fn parts_of(tree: &Tree) -> Vec<Part> {
    fn walk(tree: &Tree, pointer: &str, parts: &mut Vec<Part>) {
        let mut part = |name: &str, key: &Range<usize>, value: &Tree| {
            let pointer = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
            walk(value, &pointer, parts);
            parts.push(Part { pointer, key: key.clone(), value: value.span.clone() });
        };
        match &tree.value {
            Kind::List(items) => {
                let items = items.iter().enumerate();
                items.for_each(|(index, item)| part(&index.to_string(), &item.span, item));
            }
            Kind::Map(entries) => {
                entries.iter().for_each(|(key, value)| part(&key.value, &key.span, value));
            }
            _ => {}
        }
    }
    let mut parts = Vec::new();
    walk(tree, "", &mut parts);
    parts
}

fn from_command_line(text: &str, kind: &str) -> Value {
    match kind {
        "text" => Value::String(text.to_owned()),
        _ => serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned())),
    }
}

fn quantity(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let amount: u64 = text[..digits].parse().ok()?;
    let unit = text[digits..].trim();
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    amount.checked_mul(*factor).filter(|amount| *amount > 0)
}
