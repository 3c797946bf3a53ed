//! Where a column comes from.

use std::collections::BTreeSet;

use serde::Serialize;

use super::{NodeRecord, RunRecord};

/// What a column rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Lineage {
    /// `node.port.column`
    pub column: String,
    /// Columns of ingested tables whose values went into it, as `node.port.column`.
    pub sources: BTreeSet<String>,
    /// Workflow inputs: the files that these were read from.
    pub inputs: BTreeSet<String>,
    /// Columns that decided which rows it has, where nodes dropped rows.
    pub rows_by: BTreeSet<String>,
    /// The way there: each step from a column to those that it was made of.
    pub steps: Vec<Step>,
}

/// One column, and what it was made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    pub column: String,
    pub node: String,
    pub plugin: String,
    /// `passed`, `computed` or `read from`.
    pub how: &'static str,
    pub from: Vec<String>,
}

/// Follows `column` of output `port` of `node` back to the files. None if there is no such
/// column.
pub fn lineage(record: &RunRecord, node: &str, port: &str, column: &str) -> Option<Lineage> {
    record.nodes.get(node)?.outputs.get(port)?.columns.get(column)?;
    let start = format!("{node}.{port}.{column}");
    let mut found = Lineage {
        column: start.clone(),
        sources: BTreeSet::new(),
        inputs: BTreeSet::new(),
        rows_by: BTreeSet::new(),
        steps: Vec::new(),
    };
    let mut seen = BTreeSet::from([start]);
    let mut left = vec![(node.to_owned(), port.to_owned(), column.to_owned())];
    while let Some((id, port, column)) = left.pop() {
        let node = record.nodes.get(&id)?;
        let name = format!("{id}.{port}.{column}");
        let (how, from) = origin(node, &port, &column);
        let mut names = Vec::new();
        for (input, column) in from {
            match node.inputs[&input].split_once('.') {
                Some((id, port)) => {
                    let from = format!("{id}.{port}.{column}");
                    if seen.insert(from.clone()) {
                        left.push((id.to_owned(), port.to_owned(), column));
                    }
                    names.push(from);
                }
                None => {
                    found.sources.insert(name.clone());
                    found.inputs.insert(node.inputs[&input].clone());
                    names.push(node.inputs[&input].clone());
                }
            }
        }
        if how == "passed" {
            found.rows_by.extend(choosers(record, node, &port));
        }
        let plugin = format!("{}@{}", node.plugin, node.version);
        found.steps.push(Step { column: name, node: id, plugin, how, from: names });
    }
    Some(found)
}

/// How a column came about, and from which columns, by input port. A plugin's own columns
/// rest on all that it read: what it made of them is its own affair.
fn origin(node: &NodeRecord, port: &str, column: &str) -> (&'static str, Vec<(String, String)>) {
    let passed =
        node.outputs.get(port).and_then(|table| table.columns.get(column)?.passed.as_deref());
    if let Some((input, column)) = passed.and_then(|passed| passed.split_once('.')) {
        return ("passed", vec![(input.to_owned(), column.to_owned())]);
    }
    let files = node.inputs.iter().filter(|(_, source)| !source.contains('.'));
    let files: Vec<_> = files.map(|(input, _)| (input.clone(), String::new())).collect();
    if !files.is_empty() {
        return ("read from", files);
    }
    let reads = node.reads.iter();
    let reads =
        reads.flat_map(|(input, read)| read.iter().map(|column| (input.clone(), column.clone())));
    ("computed", reads.collect())
}

/// The columns that decided which rows an output has: all that were read, if it has other
/// rows than the table it passes columns of.
fn choosers(record: &RunRecord, node: &NodeRecord, port: &str) -> Vec<String> {
    let rows = |source: &str| {
        let (id, port) = source.split_once('.')?;
        Some(record.nodes.get(id)?.outputs.get(port)?.rows)
    };
    let Some(table) = node.outputs.get(port) else { return Vec::new() };
    let drops = node.reads.keys().any(|input| {
        let passes = table.columns.values().any(|column| {
            column.passed.as_ref().is_some_and(|from| from.starts_with(&format!("{input}.")))
        });
        passes && rows(&node.inputs[input]).is_some_and(|rows| rows != table.rows)
    });
    if !drops {
        return Vec::new();
    }
    let named = node.reads.iter().flat_map(|(input, read)| {
        let source = &node.inputs[input];
        read.iter().map(move |column| format!("{source}.{column}"))
    });
    named.collect()
}
