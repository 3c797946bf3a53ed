//! `skyloom plan`: what will run, in which order, and what flows along every edge.

use std::sync::Arc;

use clap::Args;
use indexmap::IndexMap;
use serde_json::{Map, Value, json};

use super::text::{self, Side, grid};
use super::{End, WorkflowArgs, render};
use crate::cache::Cache;
use crate::data::{field_ucd, field_unit};
use crate::instance::{PortKind, Purpose, Scope, TableSchema, Watch};
use crate::plan::{Plan, PlanNode, PlanSource, source_name};
use crate::run::{self, Place, RunError};
use crate::schedule::{self, Fate, Forecast, Want};

#[derive(Debug, Args)]
pub(super) struct PlanArgs {
    #[command(flatten)]
    pub(super) workflow: WorkflowArgs,
    /// Show columns that are passed on untouched with their types, too.
    #[arg(long)]
    all_columns: bool,
    /// Show for each node what the cache has, and why it would run where it has nothing.
    #[arg(long)]
    explain: bool,
}

pub(super) fn plan(args: &PlanArgs, watch: &Arc<Watch>) -> Result<End, RunError> {
    let request = args.workflow.request();
    let place = Place::of(&request.workflow, request.state_dir.as_deref());
    let (engine, cache) = (run::engine()?, place.cache()?);
    let plan = run::make_plan(&request, &place, &engine, &cache, watch)?;
    if args.explain {
        explain(&plan, &cache, args.workflow.json);
    } else if args.workflow.json {
        render::json(&to_json(&plan));
    } else {
        render::out(&to_text(&plan, args.all_columns));
    }
    Ok(End::Ok)
}

/// What a run would do, and why.
fn explain(plan: &Plan, cache: &Cache, as_json: bool) {
    let began = std::time::Instant::now();
    let forecasts = schedule::forecast(plan, cache, Want::Reasons);
    let seconds = began.elapsed().as_secs_f64();
    if as_json {
        let nodes = forecasts.iter().map(|forecast| {
            let units = forecast.units.iter().map(|unit| match &unit.fate {
                Fate::Hit => json!({"unit": unit.name, "key": unit.key, "fate": "hit"}),
                Fate::Miss(because) => json!({
                    "unit": unit.name, "key": unit.key, "fate": "miss", "because": because,
                }),
                Fate::Waits => json!({"unit": unit.name, "fate": "waits"}),
            });
            json!({
                "id": forecast.id,
                "waits-for": forecast.waits_for,
                "units": units.collect::<Vec<_>>(),
            })
        });
        render::json(&json!({"seconds": seconds, "nodes": nodes.collect::<Vec<_>>()}));
        return;
    }
    let rows: Vec<_> = forecasts.iter().flat_map(explain_node).collect();
    render::out(&grid(&rows, &[], 0));
    let count = |wanted: fn(&Fate) -> bool| {
        let units = forecasts.iter().flat_map(|forecast| &forecast.units);
        units.filter(|unit| wanted(&unit.fate)).count()
    };
    let units = text::count(forecasts.iter().map(|forecast| forecast.units.len()).sum(), "unit");
    let (hits, misses) =
        (count(|fate| *fate == Fate::Hit), count(|fate| matches!(fate, Fate::Miss(_))));
    let nodes = text::count(forecasts.len(), "node");
    render::note(&format!("{nodes}, {units}: {hits} hits, {misses} would run; {seconds:.2} s"));
}

/// A line for the node, and one for each reason that units of it would run.
fn explain_node(forecast: &Forecast) -> Vec<Vec<String>> {
    let units = &forecast.units;
    let hits = units.iter().filter(|unit| unit.fate == Fate::Hit).count();
    let waits = forecast.waits_for.as_ref().map(|node| format!("waits for `{node}`"));
    let state = match (units.len(), hits) {
        (0, _) => waits.unwrap_or_else(|| "nothing to do".to_owned()),
        (all, hits) if all == hits => "hit".to_owned(),
        (_, 0) if waits.is_some() && units.iter().all(|unit| unit.fate == Fate::Waits) => {
            waits.unwrap_or_default()
        }
        (1, _) => "miss".to_owned(),
        (all, hits) => {
            let waits = waits.map(|waits| format!("; the rest {waits}")).unwrap_or_default();
            format!("{hits} of {all} hits{waits}")
        }
    };
    let mut lines = vec![vec![forecast.id.clone(), state]];
    let mut reasons: IndexMap<&str, Vec<&str>> = IndexMap::new();
    for unit in units {
        if let Fate::Miss(because) = &unit.fate {
            reasons.entry(because).or_default().push(&unit.name);
        }
    }
    // A change of one file may move every unit in its own way: the first few tell.
    for (because, names) in reasons.iter().take(5) {
        let place = match names.as_slice() {
            _ if units.len() == 1 => String::new(),
            all if all.len() == units.len() => "all: ".to_owned(),
            [one] => format!("{one}: "),
            many => format!("{} units, the first {}: ", many.len(), many[0]),
        };
        lines.push(vec![String::new(), format!("{place}{because}")]);
    }
    if reasons.len() > 5 {
        lines.push(vec![String::new(), format!("and {} more reasons", reasons.len() - 5)]);
    }
    lines
}

/// How a node's work is cut, as far as it is known before data moves.
enum Cut<'a> {
    /// For each file, the pieces that it is read in.
    Files(&'a [u32]),
    /// One run for each partition of this input.
    Partitions(&'a str),
    /// So many runs over all data.
    Whole(u32),
}

fn cut_of(node: &PlanNode) -> Cut<'_> {
    let descriptor = node.component.descriptor();
    let is_table = |port: &str| {
        descriptor.inputs.iter().any(|known| known.name == port && known.kind == PortKind::Table)
    };
    let cut = node.inputs.iter().find(|input| is_table(&input.port));
    match cut {
        _ if node.inputs.iter().any(|input| matches!(input.source, PlanSource::Files(_))) => {
            Cut::Files(&node.pieces)
        }
        Some(input) if descriptor.scope == Scope::Partition => Cut::Partitions(&input.port),
        _ => Cut::Whole(node.pieces[0]),
    }
}

fn purpose_name(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Feature => "feature",
        Purpose::Label => "label",
        Purpose::Key => "key",
        Purpose::Weight => "weight",
        Purpose::Value => "value",
    }
}

fn to_json(plan: &Plan) -> Value {
    let files = |files: &[Arc<crate::data::BlobFile>]| {
        let file = |file: &Arc<crate::data::BlobFile>| json!({"path": file.path, "bytes": file.size, "digest": file.digest});
        files.iter().map(file).collect::<Vec<_>>()
    };
    let inputs: Map<_, _> =
        plan.inputs.iter().map(|(name, found)| (name.clone(), json!(files(found)))).collect();
    let outputs: Map<_, _> = plan
        .outputs
        .iter()
        .map(|output| {
            let source = PlanSource::Node { node: output.node, output: output.output };
            let from = source_name(plan, &source);
            let written = json!({"from": from, "path": output.path, "format": output.format});
            (output.name.clone(), written)
        })
        .collect();
    json!({
        "workflow": plan.workflow.name.value,
        "params": plan.workflow.params,
        "inputs": inputs,
        "nodes": plan.nodes.iter().map(|node| node_json(plan, node)).collect::<Vec<_>>(),
        "outputs": outputs,
    })
}

fn node_json(plan: &Plan, node: &PlanNode) -> Value {
    let descriptor = node.component.descriptor();
    let runs = match cut_of(node) {
        Cut::Files(pieces) => {
            json!({"for": "files", "pieces": pieces, "count": pieces.iter().sum::<u32>()})
        }
        Cut::Partitions(port) => json!({"for": "partitions", "input": port}),
        Cut::Whole(count) => json!({"for": "whole", "count": count}),
    };
    let set: Vec<_> = plan.workflow.nodes[&node.id].with.keys().collect();
    let reads = node.reads.iter().map(|read| {
        json!({
            "input": node.inputs[read.input].port,
            "column": plan.column(node, read.input, read.column).name(),
            "purpose": read.purpose,
        })
    });
    let outputs: Map<_, _> = descriptor
        .outputs
        .iter()
        .zip(&node.outputs)
        .map(|(port, table)| (port.name.clone(), columns_json(plan, node, table)))
        .collect();
    let inputs: Map<_, _> = node
        .inputs
        .iter()
        .map(|input| (input.port.clone(), json!(source_name(plan, &input.source))))
        .collect();
    json!({
        "id": node.id,
        "plugin": descriptor.name,
        "version": descriptor.version,
        "component": node.component.digest,
        "role": descriptor.role,
        "scope": descriptor.scope,
        "runs": runs,
        "params": node.params,
        "params-set": set,
        "limits": {
            "memory-bytes": node.limits.memory_bytes,
            "seconds": node.limits.wall.as_secs(),
            "output-bytes": node.limits.output_bytes,
            "log-bytes": node.limits.log_bytes,
        },
        "imports": node.component.imports,
        "sees": text::sees(&node.component),
        "inputs": inputs,
        "reads": reads.collect::<Vec<_>>(),
        "outputs": outputs,
    })
}

fn columns_json(plan: &Plan, node: &PlanNode, table: &TableSchema) -> Value {
    let columns = table.fields.iter().enumerate().map(|(index, field)| {
        let passed = table.passed.iter().find(|passed| passed.field == index).map(|passed| {
            let column = plan.column(node, passed.input, passed.column).name();
            json!({"input": node.inputs[passed.input].port, "column": column})
        });
        json!({
            "name": field.name(),
            "type": field.data_type().to_string(),
            "nullable": field.is_nullable(),
            "unit": field_unit(field),
            "ucd": field_ucd(field),
            "description": field.metadata().get("description"),
            "passed": passed,
        })
    });
    columns.collect()
}

fn to_text(plan: &Plan, all_columns: bool) -> String {
    let mut lines = Vec::new();
    let name = &plan.workflow.name.value;
    let nodes = text::count(plan.nodes.len(), "node");
    let outputs = text::count(plan.outputs.len(), "output");
    let mut say = |line: String| lines.push(line);
    say(format!("{name}: {nodes} in the order in which they can run, {outputs}"));
    for (input, files) in &plan.inputs {
        let bytes = files.iter().map(|file| file.size).sum();
        let what = match files.as_slice() {
            [file] => file.path.display().to_string(),
            files => text::count(files.len(), "file"),
        };
        say(format!("  input {input}: {what}, {}", text::size(bytes)));
    }
    for (index, node) in plan.nodes.iter().enumerate() {
        say(String::new());
        say(node_text(plan, index, node, all_columns));
    }
    if !plan.outputs.is_empty() {
        say(String::new());
    }
    for output in &plan.outputs {
        let source = PlanSource::Node { node: output.node, output: output.output };
        let from = source_name(plan, &source);
        say(format!("  output {}: {from} to {}", output.name, output.path));
    }
    lines.join("\n")
}

fn node_text(plan: &Plan, index: usize, node: &PlanNode, all_columns: bool) -> String {
    let descriptor = node.component.descriptor();
    let (name, version) = (&descriptor.name, &descriptor.version);
    let role = text::role_name(descriptor.role);
    let mut parts = vec![format!(
        "{}  {}: {name}@{version}, {role}; {}",
        index + 1,
        node.id,
        text::sees(&node.component)
    )];
    let mut facts: Vec<Vec<String>> = Vec::new();
    let mut fact = |key: &str, value: String| facts.push(vec![key.to_owned(), value]);
    fact("runs", runs_text(node));
    for (input, connected) in node.inputs.iter().enumerate() {
        let source = source_name(plan, &connected.source);
        fact("in", format!("{} from {source}{}", connected.port, reads_text(plan, node, input)));
    }
    for (param, written) in &plan.workflow.nodes[&node.id].with {
        let value = node.params.get(param).unwrap_or(&written.value.value);
        fact("with", format!("{param}: {}", text::cut(&value.to_string(), 200)));
    }
    let limits = &node.limits;
    let (memory, output) =
        (text::size(limits.memory_bytes as u64), text::size(limits.output_bytes));
    fact("limits", format!("{memory} of memory, {}, {output} of output", text::span(limits.wall)));
    parts.push(grid(&facts, &[], 3));
    // Ports of one schema, as the sides of a split are, are shown together.
    let mut shown: Vec<(Vec<&str>, &TableSchema)> = Vec::new();
    for (port, table) in descriptor.outputs.iter().zip(&node.outputs) {
        match shown.iter_mut().find(|(_, other)| **other == **table) {
            Some((names, _)) => names.push(&port.name),
            None => shown.push((vec![&port.name], table)),
        }
    }
    for (names, table) in shown {
        parts.push(port_text(plan, node, &names.join(", "), table, all_columns));
    }
    parts.join("\n")
}

fn runs_text(node: &PlanNode) -> String {
    match cut_of(node) {
        Cut::Files(pieces) => match pieces {
            [1] => "1, over the file".to_owned(),
            [count] => format!("{count}, one for each part of the file"),
            pieces if pieces.iter().all(|count| *count == 1) => {
                format!("{}, one for each file", pieces.len())
            }
            pieces => {
                let (runs, files) = (pieces.iter().sum::<u32>(), pieces.len());
                format!("{runs}, one for each part of {files} files")
            }
        },
        Cut::Partitions(port) => format!("one for each partition of {port}"),
        Cut::Whole(1) => "1, over all rows".to_owned(),
        Cut::Whole(count) => format!("{count} shards, each over all rows"),
    }
}

/// What the node reads of an input, by purpose.
fn reads_text(plan: &Plan, node: &PlanNode, input: usize) -> String {
    if matches!(node.inputs[input].source, PlanSource::Files(_)) {
        return String::new();
    }
    let mut by_purpose: Vec<(Purpose, Vec<&str>)> = Vec::new();
    for read in node.reads.iter().filter(|read| read.input == input) {
        let column = plan.column(node, read.input, read.column).name().as_str();
        match by_purpose.iter_mut().find(|(purpose, _)| *purpose == read.purpose) {
            Some((_, columns)) => columns.push(column),
            None => by_purpose.push((read.purpose, vec![column])),
        }
    }
    let reads = by_purpose
        .iter()
        .map(|(purpose, columns)| format!("{} as {}", columns.join(", "), purpose_name(*purpose)));
    match by_purpose.len() {
        0 => ", reads no column".to_owned(),
        _ => format!(", reads {}", reads.collect::<Vec<_>>().join("; ")),
    }
}

fn port_text(
    plan: &Plan,
    node: &PlanNode,
    ports: &str,
    table: &TableSchema,
    all_columns: bool,
) -> String {
    let mut rows = Vec::new();
    let mut passed_by_input: Vec<(usize, Vec<String>)> = Vec::new();
    for (index, field) in table.fields.iter().enumerate() {
        let passed = table.passed.iter().find(|passed| passed.field == index);
        let from = passed.map(|passed| {
            let column = plan.column(node, passed.input, passed.column).name();
            let input = &node.inputs[passed.input].port;
            match column == field.name() {
                true => (passed.input, field.name().clone(), format!("= {input}")),
                false => {
                    let renamed = format!("{} (from {column})", field.name());
                    (passed.input, renamed, format!("= {input}.{column}"))
                }
            }
        });
        if let (Some((input, name, _)), false) = (&from, all_columns) {
            match passed_by_input.iter_mut().find(|(known, _)| known == input) {
                Some((_, names)) => names.push(name.clone()),
                None => passed_by_input.push((*input, vec![name.clone()])),
            }
            continue;
        }
        let mut data_type = field.data_type().to_string();
        if field.is_nullable() {
            data_type.push('?');
        }
        rows.push(vec![
            field.name().clone(),
            data_type,
            field_unit(field).unwrap_or_default().to_owned(),
            field_ucd(field).unwrap_or_default().to_owned(),
            from.map(|(.., from)| from).unwrap_or_default(),
        ]);
    }
    let mut lines = vec![format!("   out {ports}: {}", text::count(table.fields.len(), "column"))];
    for (input, names) in passed_by_input {
        let source = source_name(plan, &node.inputs[input].source);
        let names = text::plain(&names.join(", "));
        lines.push(format!("     as in {source}: {names}"));
    }
    if !rows.is_empty() {
        lines.push(grid(&rows, &[Side::Left; 5], 5));
    }
    lines.join("\n")
}
