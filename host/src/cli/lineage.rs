//! `skyloom lineage`: which columns a column comes from.

use clap::Args;
use serde_json::json;

use super::runs::StateArgs;
use super::text::grid;
use super::{End, render};
use crate::fault::suggestion;
use crate::provenance::{Lineage, RunRecord, lineage as follow};
use crate::run::RunError;

#[derive(Debug, Args)]
pub(super) struct LineageArgs {
    /// A run's name, the start of it, or `last`.
    run: String,
    /// An output of the workflow, or a node and its port, and a column of it.
    #[arg(value_name = "OUTPUT.COLUMN")]
    column: String,
    #[command(flatten)]
    pub(super) state: StateArgs,
}

pub(super) fn lineage(args: &LineageArgs) -> Result<End, RunError> {
    let record = args.state.record(&args.run)?;
    let (node, port, column) = find(&record, &args.column)?;
    let lineage = follow(&record, &node, &port, &column).ok_or_else(|| {
        let columns = record.nodes[&node].outputs[&port].columns.keys().map(String::as_str);
        let help = suggestion(&column, columns);
        RunError::Usage(format!("`{node}.{port}` has no column `{column}`; {help}"))
    })?;
    if args.state.json {
        render::json(&json!(lineage));
    } else {
        render::out(&to_text(&record, &lineage));
    }
    Ok(End::Ok)
}

/// Node, port and column: a column's name may have dots of its own.
fn find(record: &RunRecord, wanted: &str) -> Result<(String, String, String), RunError> {
    let wrong = || {
        let outputs = record.outputs.keys().map(String::as_str);
        let nodes = record.nodes.keys().map(String::as_str);
        let (first, _) = wanted.split_once('.').unwrap_or((wanted, ""));
        let help = suggestion(first, outputs.chain(nodes));
        RunError::Usage(format!("write OUTPUT.COLUMN or NODE.PORT.COLUMN, not `{wanted}`; {help}"))
    };
    let (first, rest) = wanted.split_once('.').ok_or_else(wrong)?;
    if let Some(output) = record.outputs.get(first) {
        let (node, port) = output.from.split_once('.').ok_or_else(wrong)?;
        return Ok((node.to_owned(), port.to_owned(), rest.to_owned()));
    }
    let node = record.nodes.get(first).ok_or_else(wrong)?;
    if let Some((port, column)) = rest.split_once('.')
        && node.outputs.contains_key(port)
    {
        return Ok((first.to_owned(), port.to_owned(), column.to_owned()));
    }
    let (port, _) = node.outputs.first().ok_or_else(wrong)?;
    Ok((first.to_owned(), port.clone(), rest.to_owned()))
}

fn to_text(record: &RunRecord, lineage: &Lineage) -> String {
    let list = |names: &std::collections::BTreeSet<String>| {
        names.iter().cloned().collect::<Vec<_>>().join(", ")
    };
    let mut facts = Vec::new();
    let mut fact = |what: &str, value: String| facts.push(vec![what.to_owned(), value]);
    fact("from", list(&lineage.sources));
    for input in &lineage.inputs {
        for file in record.inputs.get(input).into_iter().flatten() {
            let name = file.path.file_name().unwrap_or_default().to_string_lossy();
            fact("input", format!("{input}: {name}, {}", file.digest.short()));
        }
    }
    if !lineage.rows_by.is_empty() {
        fact("rows by", list(&lineage.rows_by));
    }
    let mut rows = vec![["column", "how", "node", "from"].map(str::to_owned).to_vec()];
    rows.extend(lineage.steps.iter().map(|step| {
        let node = format!("{} ({})", step.node, step.plugin);
        vec![step.column.clone(), step.how.to_owned(), node, step.from.join(", ")]
    }));
    format!("{}\n{}\n\n{}", lineage.column, grid(&facts, &[], 2), grid(&rows, &[], 2))
}
