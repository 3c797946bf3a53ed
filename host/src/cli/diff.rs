//! `skyloom diff`: how two runs differ.

use clap::Args;
use indexmap::IndexMap;
use serde::Serialize;
use serde_json::{Value, json};

use super::replay::column_row;
use super::runs::StateArgs;
use super::text::{Side as Flush, cut, grid};
use super::{End, render};
use crate::data::compare::{
    CompareError, Confusion, RowMatch, Side, TableDiff, Tolerance, compare, confusion, key_of,
};
use crate::data::{ObjectStore, Table, differences};
use crate::instance::Role;
use crate::provenance::{Metric, NodeRecord, RunRecord, TableRecord};
use crate::run::RunError;

#[derive(Debug, Args)]
pub(super) struct DiffArgs {
    /// A run's name, the start of it, or `last`.
    run_a: String,
    /// The run to set against it.
    run_b: String,
    #[command(flatten)]
    pub(super) state: StateArgs,
}

/// How two runs differ.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct RunDiff {
    runs: [String; 2],
    /// What the runs rested on: inputs, parameters, versions.
    keys: Vec<Changed>,
    nodes: IndexMap<String, NodeDiff>,
    metrics: Vec<MetricDiff>,
}

/// Something with two values.
#[derive(Debug, Serialize)]
struct Changed {
    what: String,
    a: String,
    b: String,
}

/// A node that both runs have, or one of them.
#[derive(Debug, Default, Serialize)]
struct NodeDiff {
    keys: Vec<Changed>,
    tables: IndexMap<String, PortDiff>,
}

/// A table that differs.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct PortDiff {
    rows: [u64; 2],
    /// Columns with other values, or in one of the runs only.
    columns: Vec<String>,
    /// The column that rows were matched by; none where by position.
    key: Option<String>,
    /// None where a run's table is no longer in the cache.
    values: Option<TableDiff>,
    /// Of a classifier: which class became which.
    confusion: Option<Confusion>,
    /// Why values were not compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    remark: Option<String>,
}

/// A score that moved.
#[derive(Debug, Serialize)]
struct MetricDiff {
    node: String,
    metric: String,
    class: Option<String>,
    a: Option<f64>,
    b: Option<f64>,
}

pub(super) fn diff(args: &DiffArgs) -> Result<End, RunError> {
    let (a, b) = (args.state.record(&args.run_a)?, args.state.record(&args.run_b)?);
    let objects = ObjectStore::at(&args.state.state().join("cache"));
    let diff = diff_of(&a, &b, &objects);
    if args.state.json {
        render::json(&json!(diff));
    } else {
        render::out(&to_text(&diff));
    }
    Ok(End::Ok)
}

fn diff_of(a: &RunRecord, b: &RunRecord, objects: &ObjectStore) -> RunDiff {
    let mut keys = Vec::new();
    changed("workflow", &json!(a.workflow), &json!(b.workflow), &mut keys);
    changed("engine", &json!(a.engine), &json!(b.engine), &mut keys);
    changed("skyloom", &json!(a.skyloom), &json!(b.skyloom), &mut keys);
    changed("params", &json!(a.params), &json!(b.params), &mut keys);
    let inputs = |record: &RunRecord| {
        let digests = record.inputs.iter().map(|(name, files)| {
            let digests: Vec<_> = files.iter().map(|file| file.digest.short()).collect();
            (name.clone(), json!(digests.join(" ")))
        });
        Value::Object(digests.collect())
    };
    changed("input", &inputs(a), &inputs(b), &mut keys);
    let mut nodes = IndexMap::new();
    let names = a.nodes.keys().chain(b.nodes.keys().filter(|name| !a.nodes.contains_key(*name)));
    for name in names {
        let diff = match (a.nodes.get(name), b.nodes.get(name)) {
            (Some(a), Some(b)) => node_diff(a, b, objects),
            (there, _) => {
                let (a, b) = match there {
                    Some(_) => ("there", "–"),
                    None => ("–", "there"),
                };
                let what = "node".to_owned();
                let keys = vec![Changed { what, a: a.to_owned(), b: b.to_owned() }];
                NodeDiff { keys, ..NodeDiff::default() }
            }
        };
        if !diff.keys.is_empty() || !diff.tables.is_empty() {
            nodes.insert(name.clone(), diff);
        }
    }
    let runs = [a.run.clone(), b.run.clone()];
    RunDiff { runs, keys, nodes, metrics: metric_diffs(a, b) }
}

fn node_diff(a: &NodeRecord, b: &NodeRecord, objects: &ObjectStore) -> NodeDiff {
    let mut keys = Vec::new();
    let plugin = |node: &NodeRecord| json!(format!("{}@{}", node.plugin, node.version));
    changed("plugin", &plugin(a), &plugin(b), &mut keys);
    changed("component", &json!(a.component.short()), &json!(b.component.short()), &mut keys);
    changed("params", &a.params, &b.params, &mut keys);
    changed("in", &json!(a.inputs), &json!(b.inputs), &mut keys);
    changed("state", &json!(a.state), &json!(b.state), &mut keys);
    let mut tables = IndexMap::new();
    for (port, left) in &a.outputs {
        let Some(right) = b.outputs.get(port) else { continue };
        if left.digest != right.digest {
            tables.insert(port.clone(), port_diff(a.role, left, right, objects));
        }
    }
    NodeDiff { keys, tables }
}

fn port_diff(role: Role, a: &TableRecord, b: &TableRecord, objects: &ObjectStore) -> PortDiff {
    let changed = a.columns.iter().filter(|(name, column)| {
        b.columns.get(*name).is_none_or(|other| other.digest != column.digest)
    });
    let fresh = b.columns.keys().filter(|name| !a.columns.contains_key(*name));
    let mut diff = PortDiff {
        rows: [a.rows, b.rows],
        columns: changed.map(|(name, _)| name).chain(fresh).cloned().collect(),
        key: None,
        values: None,
        confusion: None,
        remark: None,
    };
    let (Ok(Some(left)), Ok(Some(right))) = (a.open(objects), b.open(objects)) else {
        diff.remark = Some("the cache no longer holds both tables".to_owned());
        return diff;
    };
    if let Err(error) = diff.compare(role, &left, &right) {
        diff.remark = Some(error.to_string());
    }
    diff
}

impl PortDiff {
    fn compare(&mut self, role: Role, left: &Table, right: &Table) -> Result<(), CompareError> {
        let key = key_of(&left.schema, &right.schema);
        let (left, right) = (Side::from(left), Side::from(right));
        let mut by = key.clone().map_or(RowMatch::Position, RowMatch::Key);
        let values = match compare(&left, &right, &by, Tolerance::default()) {
            // Named as a key, but it is none: rows are all that is left to go by.
            Err(CompareError::DuplicateKey { .. } | CompareError::NullKey { .. }) => {
                by = RowMatch::Position;
                compare(&left, &right, &by, Tolerance::default())?
            }
            other => other?,
        };
        self.key = key.filter(|_| by != RowMatch::Position);
        self.values = Some(values);
        if role == Role::Classifier {
            self.confusion = Some(confusion(&left, &right, "class", &by)?);
        }
        Ok(())
    }
}

/// Where two values differ, with the way there.
fn changed(what: &str, a: &Value, b: &Value, found: &mut Vec<Changed>) {
    let shown = |value: Option<&Value>| match value {
        None | Some(Value::Null) => "–".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    found.extend(differences(what, a, b).into_iter().map(|changed| Changed {
        what: changed.path,
        a: shown(changed.then),
        b: shown(changed.now),
    }));
}

fn metric_diffs(a: &RunRecord, b: &RunRecord) -> Vec<MetricDiff> {
    let mut found = Vec::new();
    for (node, left) in &a.metrics {
        let Some(right) = b.metrics.get(node) else { continue };
        for metric in left {
            let is_same =
                |other: &&Metric| (&other.metric, &other.class) == (&metric.metric, &metric.class);
            let other = right.iter().find(is_same).and_then(|metric| metric.value);
            if other != metric.value {
                found.push(MetricDiff {
                    node: node.clone(),
                    metric: metric.metric.clone(),
                    class: metric.class.clone(),
                    a: metric.value,
                    b: other,
                });
            }
        }
    }
    found
}

fn to_text(diff: &RunDiff) -> String {
    let [a, b] = &diff.runs;
    let mut parts = vec![format!("a: {a}\nb: {b}")];
    let changes = |changes: &[Changed]| {
        let rows = changes.iter().map(|changed| {
            vec![changed.what.clone(), format!("{} → {}", cut(&changed.a, 60), cut(&changed.b, 60))]
        });
        grid(&rows.collect::<Vec<_>>(), &[], 2)
    };
    if !diff.keys.is_empty() {
        parts.push(changes(&diff.keys));
    }
    for (name, node) in &diff.nodes {
        let mut lines = vec![name.clone()];
        if !node.keys.is_empty() {
            lines.push(changes(&node.keys));
        }
        for (port, table) in &node.tables {
            lines.push(port_text(port, table));
        }
        parts.push(lines.join("\n"));
    }
    if !diff.metrics.is_empty() {
        let mut rows = vec![["score", "class", "a", "b", "change"].map(str::to_owned).to_vec()];
        rows.extend(diff.metrics.iter().map(|metric| {
            let number = |value: Option<f64>| {
                value.map_or_else(|| "–".to_owned(), |value| format!("{value:.4}"))
            };
            let change = metric.a.zip(metric.b).map(|(a, b)| format!("{:+.4}", b - a));
            vec![
                format!("{}: {}", metric.node, metric.metric),
                metric.class.clone().unwrap_or_default(),
                number(metric.a),
                number(metric.b),
                change.unwrap_or_default(),
            ]
        }));
        let (left, right) = (Flush::Left, Flush::Right);
        parts.push(grid(&rows, &[left, left, right, right, right], 0));
    }
    if parts.len() == 1 {
        parts.push("no differences".to_owned());
    }
    parts.join("\n\n")
}

fn port_text(port: &str, table: &PortDiff) -> String {
    let [a, b] = table.rows;
    let rows = if a == b { format!("{a} rows") } else { format!("{a} → {b} rows") };
    let by = table.key.as_ref().map(|key| format!(", matched by {key}")).unwrap_or_default();
    let mut lines = vec![format!("  {port}: {rows}{by}")];
    match &table.values {
        None => lines.push(format!("    other values in {}", table.columns.join(", "))),
        Some(values) => {
            let mut rows = Vec::new();
            let mut row = |what: &str, value: String| rows.push(vec![what.to_owned(), value]);
            if values.only_left + values.only_right > 0 {
                let (left, right) = (values.only_left, values.only_right);
                row("rows", format!("{left} only in a, {right} only in b"));
            }
            if !values.added.is_empty() {
                row("new columns", values.added.join(", "));
            }
            if !values.removed.is_empty() {
                row("columns gone", values.removed.join(", "));
            }
            for retyped in &values.retyped {
                row(&retyped.column, format!("{} → {}", retyped.left, retyped.right));
            }
            for relabelled in &values.relabelled {
                row(&relabelled.column, "other unit, UCD or description".to_owned());
            }
            rows.extend(values.columns.iter().map(column_row));
            lines.push(grid(&rows, &[], 4));
        }
    }
    if let Some(confusion) = &table.confusion {
        lines.push(confusion_text(confusion));
    }
    lines.extend(table.remark.iter().map(|remark| format!("    {remark}")));
    lines.join("\n")
}

/// The classes that changed, the most frequent change first.
fn confusion_text(confusion: &Confusion) -> String {
    let mut cells: Vec<_> = confusion.cells.iter().filter(|cell| cell.left != cell.right).collect();
    cells.sort_by_key(|cell| std::cmp::Reverse(cell.rows));
    let (changed, all) = (confusion.changed(), confusion.changed() + confusion.same());
    let mut rows = vec![vec!["classes".to_owned(), format!("{changed} of {all} objects changed")]];
    rows.extend(cells.iter().take(20).map(|cell| {
        let name = |class: &Option<String>| class.clone().unwrap_or_else(|| "–".to_owned());
        vec![String::new(), format!("{} → {}: {}", name(&cell.left), name(&cell.right), cell.rows)]
    }));
    if cells.len() > 20 {
        rows.push(vec![String::new(), format!("and {} more pairs", cells.len() - 20)]);
    }
    grid(&rows, &[], 4)
}
