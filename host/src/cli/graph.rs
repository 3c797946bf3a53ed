//! `skyloom graph`: a picture of a workflow.

mod layout;
mod svg;

use std::sync::Arc;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::{End, WorkflowArgs, render};
use crate::instance::{Role, Watch};
use crate::plan::{Plan, PlanSource};
use crate::run::{self, Place, RunError};

#[derive(Debug, Args)]
pub(super) struct GraphArgs {
    #[command(flatten)]
    pub(super) workflow: WorkflowArgs,
    /// Mermaid is what GitHub and GitLab draw, DOT what Graphviz reads, SVG a picture.
    #[arg(long, value_enum, default_value_t = Format::Mermaid)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Mermaid,
    Dot,
    Svg,
}

pub(super) fn graph(args: &GraphArgs, watch: &Arc<Watch>) -> Result<End, RunError> {
    let request = args.workflow.request();
    let place = Place::of(&request.workflow, request.state_dir.as_deref());
    let (engine, cache) = (run::engine()?, place.cache()?);
    let plan = run::make_plan(&request, &place, &engine, &cache, watch)?;
    let sketch = Sketch::of(&plan);
    if args.workflow.json {
        render::json(&sketch.to_json());
        return Ok(End::Ok);
    }
    let text = match args.format {
        Format::Mermaid => sketch.mermaid(),
        Format::Dot => sketch.dot(),
        Format::Svg => svg::draw(&sketch),
    };
    render::out(&text);
    Ok(End::Ok)
}

/// The picture of a plan, as SVG.
pub(super) fn picture(plan: &Plan) -> String {
    svg::draw(&Sketch::of(plan))
}

/// What an item of the picture is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Input,
    Node(Role),
    Output,
}

/// A thing in the picture: its name, and what else is written in its box.
#[derive(Debug)]
struct Item {
    name: String,
    note: String,
    kind: Kind,
}

/// One end of an edge: a port of an item.
#[derive(Debug)]
struct Tip {
    item: usize,
    /// Its place among the item's ports of this side.
    port: usize,
    /// Its name, where it is not the first.
    label: Option<String>,
}

#[derive(Debug)]
struct Edge {
    from: Tip,
    to: Tip,
}

/// A picture before it is drawn. Every edge leads from an item to a later one.
#[derive(Debug)]
struct Sketch {
    title: String,
    items: Vec<Item>,
    edges: Vec<Edge>,
}

impl Sketch {
    fn of(plan: &Plan) -> Self {
        let mut items = Vec::new();
        for (name, files) in &plan.inputs {
            let note = match files.as_slice() {
                [file] => file.name(),
                files => format!("{} files", files.len()),
            };
            items.push(Item { name: name.clone(), note, kind: Kind::Input });
        }
        let first_node = items.len();
        let mut edges = Vec::new();
        for node in &plan.nodes {
            let descriptor = node.component.descriptor();
            for input in &node.inputs {
                let port = descriptor.inputs.iter().position(|port| port.name == input.port);
                let to = tip(items.len(), port.unwrap_or_default(), &input.port);
                let from = match input.source {
                    PlanSource::Files(index) => tip(index, 0, ""),
                    PlanSource::Node { node, output } => source(plan, first_node, node, output),
                };
                edges.push(Edge { from, to });
            }
            items.push(Item {
                name: node.id.clone(),
                note: format!("{}@{}", descriptor.name, descriptor.version),
                kind: Kind::Node(descriptor.role),
            });
        }
        for output in &plan.outputs {
            let from = source(plan, first_node, output.node, output.output);
            edges.push(Edge { from, to: tip(items.len(), 0, "") });
            let (name, note) = (output.name.clone(), output.path.clone());
            items.push(Item { name, note, kind: Kind::Output });
        }
        Self { title: plan.workflow.name.value.clone(), items, edges }
    }

    fn to_json(&self) -> Value {
        let kind = |kind: Kind| match kind {
            Kind::Input => json!("input"),
            Kind::Node(role) => json!(role),
            Kind::Output => json!("output"),
        };
        let items = self
            .items
            .iter()
            .map(|item| json!({"name": item.name, "note": item.note, "kind": kind(item.kind)}));
        let end = |tip: &Tip| json!({"item": tip.item, "port": tip.port, "label": tip.label});
        let edges =
            self.edges.iter().map(|edge| json!({"from": end(&edge.from), "to": end(&edge.to)}));
        json!({
            "title": self.title,
            "items": items.collect::<Vec<_>>(),
            "edges": edges.collect::<Vec<_>>(),
        })
    }

    fn mermaid(&self) -> String {
        let mut lines = vec!["flowchart LR".to_owned()];
        let mut say = |line: String| lines.push(format!("  {line}"));
        for (index, item) in self.items.iter().enumerate() {
            let (name, note) = (for_mermaid(&item.name), for_mermaid(&item.note));
            let (open, close) = match item.kind {
                Kind::Input => ("([", "])"),
                Kind::Node(_) => ("[", "]"),
                Kind::Output => ("[/", "/]"),
            };
            let class = class_of(item.kind);
            say(format!("n{index}{open}\"{name}<br/>{note}\"{close}:::{class}"));
        }
        for edge in &self.edges {
            let (from, to) = (edge.from.item, edge.to.item);
            match edge.label() {
                Some(label) => say(format!("n{from} -->|\"{}\"| n{to}", for_mermaid(&label))),
                None => say(format!("n{from} --> n{to}")),
            }
        }
        let mut classes: Vec<_> = self.items.iter().map(|item| item.kind).collect();
        classes.sort_by_key(|kind| class_of(*kind));
        classes.dedup_by_key(|kind| class_of(*kind));
        for kind in classes {
            let Ink { fill, line } = ink_of(kind);
            let class = class_of(kind);
            say(format!("classDef {class} fill:{fill},stroke:{line},color:#222"));
        }
        lines.join("\n")
    }

    fn dot(&self) -> String {
        let mut lines = vec![format!("digraph {} {{", for_dot(&self.title))];
        let mut say = |line: String| lines.push(format!("  {line}"));
        say("rankdir=LR;".to_owned());
        say("node [shape=box, style=\"rounded,filled\", fontname=\"Helvetica\"];".to_owned());
        say("edge [fontname=\"Helvetica\", fontsize=10];".to_owned());
        for (index, item) in self.items.iter().enumerate() {
            let Ink { fill, line } = ink_of(item.kind);
            let label = for_dot(&format!("{}\n{}", item.name, item.note));
            say(format!("n{index} [label={label}, fillcolor=\"{fill}\", color=\"{line}\"];"));
        }
        for edge in &self.edges {
            let (from, to) = (edge.from.item, edge.to.item);
            match edge.label() {
                Some(label) => say(format!("n{from} -> n{to} [label={}];", for_dot(&label))),
                None => say(format!("n{from} -> n{to};")),
            }
        }
        lines.push("}".to_owned());
        lines.join("\n")
    }
}

/// The end of an edge at input or output `port` of an item, labelled unless it is the first.
fn tip(item: usize, port: usize, name: &str) -> Tip {
    Tip { item, port, label: (port > 0).then(|| name.to_owned()) }
}

fn source(plan: &Plan, first_node: usize, node: usize, output: usize) -> Tip {
    let name = &plan.nodes[node].component.descriptor().outputs[output].name;
    tip(first_node + node, output, name)
}

impl Edge {
    /// The names of the ports that are not first.
    fn label(&self) -> Option<String> {
        match (&self.from.label, &self.to.label) {
            (None, None) => None,
            (Some(from), None) => Some(from.clone()),
            (None, Some(to)) => Some(format!("→ {to}")),
            (Some(from), Some(to)) => Some(format!("{from} → {to}")),
        }
    }
}

/// Text inside quotes of a Mermaid label.
fn for_mermaid(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' => escaped.push_str("#quot;"),
            '#' => escaped.push_str("#35;"),
            '&' => escaped.push_str("#amp;"),
            '<' => escaped.push_str("#lt;"),
            '>' => escaped.push_str("#gt;"),
            '`' => escaped.push_str("#96;"),
            c if c.is_control() => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}

/// A quoted string of the DOT language.
fn for_dot(text: &str) -> String {
    let mut escaped = String::from('"');
    for c in text.chars() {
        match c {
            '"' => escaped.push_str("\\\""),
            '\\' => escaped.push_str("\\\\"),
            '\n' => escaped.push_str("\\n"),
            c if c.is_control() => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped.push('"');
    escaped
}

/// A light fill and a darker line of the same hue.
struct Ink {
    fill: &'static str,
    line: &'static str,
}

/// Colours say what an item does: read, compute, learn, judge or write.
fn ink_of(kind: Kind) -> Ink {
    let (fill, line) = match class_of(kind) {
        "file" => ("#f1efe9", "#8a8574"),
        "read" => ("#e3eefb", "#4a7ebb"),
        "learn" => ("#fdebd8", "#c9772b"),
        "classify" => ("#efe6f9", "#8457b8"),
        "judge" => ("#fbe4e6", "#bd5560"),
        _ => ("#e4f3e6", "#4e9a5c"),
    };
    Ink { fill, line }
}

fn class_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Input | Kind::Output => "file",
        Kind::Node(Role::Ingester | Role::Simulator) => "read",
        Kind::Node(Role::Trainer | Role::Calibrator) => "learn",
        Kind::Node(Role::Classifier) => "classify",
        Kind::Node(Role::Evaluator | Role::Explainer | Role::Monitor) => "judge",
        Kind::Node(Role::FeatureExtractor | Role::Transformer | Role::Selector) => "compute",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A hostile name in every place that takes one.
    pub(super) fn hostile() -> Sketch {
        let evil = "a\"]; <script>&#\\\n`".to_owned();
        let item = |kind| Item { name: evil.clone(), note: evil.clone(), kind };
        Sketch {
            title: evil.clone(),
            items: vec![item(Kind::Input), item(Kind::Node(Role::Trainer))],
            edges: vec![Edge { from: tip(0, 1, &evil), to: tip(1, 2, &evil) }],
        }
    }

    #[test]
    fn mermaid_labels_cannot_end_early() {
        let text = hostile().mermaid();
        assert!(!text.contains("<script>"), "{text}");
        let quotes = |line: &str| line.matches('"').count();
        assert!(text.lines().all(|line| [0, 2].contains(&quotes(line))), "{text}");
    }

    #[test]
    fn dot_strings_cannot_end_early() {
        assert_eq!(for_dot("a\"b\\\nc"), r#""a\"b\\\nc""#);
        assert!(hostile().dot().lines().last().is_some_and(|line| line == "}"));
    }

    #[test]
    fn only_ports_after_the_first_are_named() {
        let label = |from, to| Edge { from: tip(0, from, "test"), to: tip(1, to, "truth") }.label();
        assert_eq!(label(0, 0), None);
        assert_eq!(label(1, 0).as_deref(), Some("test"));
        assert_eq!(label(0, 1).as_deref(), Some("→ truth"));
        assert_eq!(label(1, 1).as_deref(), Some("test → truth"));
    }
}
