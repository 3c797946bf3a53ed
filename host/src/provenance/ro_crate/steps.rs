//! Nodes as steps, plugins as tools, and what each did.

use indexmap::{IndexMap, IndexSet};
use serde_json::{Value, json};

use super::graph::Graph;
use super::{
    BLAKE3, RunEntities, TABLE_BLAKE3, WORKFLOW, digest_entity, file_of, instant, literal_type,
    quantity, status,
};
use crate::provenance::export::{address, began, encoded, how_it_went, value_text};
use crate::provenance::{NodeRecord, RunRecord, TableRecord};

/// Tells of every node: its step and plugin, and what it did if it began. Gives the actions
/// of those that began.
pub(super) fn describe_steps(graph: &mut Graph, run: &RunEntities<'_>) -> Vec<String> {
    let positions = positions(run.record);
    let mut actions = Vec::new();
    for (id, node) in &run.record.nodes {
        describe_step(graph, run, id, node, positions[id.as_str()]);
        for (port, table) in &node.outputs {
            describe_table(graph, id, port, table);
        }
        if began(node) {
            actions.push(describe_action(graph, run, id, node));
        }
    }
    actions
}

/// A formal parameter of a node's plugin; `side` is `in`, `out` or `with`.
pub(super) fn parameter(node: &str, side: &str, name: &str) -> String {
    format!("{WORKFLOW}#/nodes/{}/{side}/{}", encoded(node), encoded(name))
}

/// The node and port of `node.port`; none for an input of the workflow.
pub(super) fn port_of(source: &str) -> Option<(&str, &str)> {
    source.split_once('.')
}

fn step_of(node: &str) -> String {
    format!("{WORKFLOW}#/nodes/{}", encoded(node))
}

fn plugin_of(node: &str) -> String {
    format!("#plugin/{}", encoded(node))
}

fn table_of(table: &TableRecord) -> String {
    format!("#table-{}", table.digest)
}

/// Positions, from 1, that put each node behind those that feed it.
fn positions(record: &RunRecord) -> IndexMap<&str, usize> {
    let mut positions: IndexMap<&str, usize> = IndexMap::new();
    let mut waiting: Vec<_> = record.nodes.iter().collect();
    while !waiting.is_empty() {
        let ready = waiting.iter().position(|(_, node)| {
            let sources = node.inputs.values().filter_map(|source| port_of(source));
            sources
                .into_iter()
                .all(|(from, _)| positions.contains_key(from) || !record.nodes.contains_key(from))
        });
        // A plan has no cycles; a record that has one is written in its own order.
        let (id, _) = waiting.remove(ready.unwrap_or(0));
        positions.insert(id, positions.len() + 1);
    }
    positions
}

/// The output ports of a node that the record knows of: those that gave a table, and those
/// that feed another node.
fn output_ports(record: &RunRecord, id: &str, node: &NodeRecord) -> IndexSet<String> {
    let mut ports: IndexSet<String> = node.outputs.keys().cloned().collect();
    let sources = record.nodes.values().flat_map(|node| node.inputs.values());
    let sources = sources.chain(record.outputs.values().map(|output| &output.from));
    let here = sources.filter_map(|source| port_of(source)).filter(|(from, _)| *from == id);
    ports.extend(here.map(|(_, port)| port.to_owned()));
    ports
}

fn describe_step(
    graph: &mut Graph,
    run: &RunEntities<'_>,
    id: &str,
    node: &NodeRecord,
    position: usize,
) {
    let (step, plugin) = (step_of(id), plugin_of(id));
    graph.add(
        &step,
        json!("HowToStep"),
        json!({"name": id, "description": node.description, "position": position}),
    );
    graph.link(WORKFLOW, "step", &step);
    graph.link(&step, "workExample", &plugin);
    let properties = json!({
        "name": node.plugin,
        "description": node.description,
        "version": node.version,
    });
    graph.add(&plugin, json!("SoftwareApplication"), properties);
    let digest = digest_entity(graph, BLAKE3, node.component);
    graph.link(&plugin, "identifier", &digest);
    graph.link(&plugin, "softwareRequirements", run.skyloom);
    // What did not run was not orchestrated.
    if began(node) {
        graph.link(WORKFLOW, "hasPart", &plugin);
    }
    for citation in &node.citations {
        let found = address(citation);
        let work = found.clone().unwrap_or_else(|| format!("#citation/{}", encoded(citation)));
        graph.add(&work, json!("CreativeWork"), json!({"name": citation, "url": found}));
        graph.link(&plugin, "citation", &work);
    }
    for (port, source) in &node.inputs {
        let kind = if port_of(source).is_some() { "Dataset" } else { "File" };
        let target = parameter(id, "in", port);
        formal(graph, &target, port, kind);
        graph.link(&plugin, "input", &target);
        let from = match port_of(source) {
            Some((from, port)) => parameter(from, "out", port),
            None => format!("{WORKFLOW}#/inputs/{}", encoded(source)),
        };
        connect(graph, &step, &from, &target);
    }
    for port in output_ports(run.record, id, node) {
        let parameter = parameter(id, "out", &port);
        formal(graph, &parameter, &port, "Dataset");
        graph.link(&plugin, "output", &parameter);
    }
    for (name, value) in node.params.as_object().into_iter().flatten() {
        let target = parameter(id, "with", name);
        formal(graph, &target, name, literal_type(value));
        graph.link(&plugin, "input", &target);
        for param in params_in(&run.written["nodes"][id]["with"][name]) {
            if run.record.params.contains_key(&param) {
                let from = format!("{WORKFLOW}#/params/{}", encoded(&param));
                connect(graph, &step, &from, &target);
            }
        }
    }
}

pub(super) fn formal(graph: &mut Graph, id: &str, name: &str, kind: &str) {
    graph.add(id, json!("FormalParameter"), json!({"name": name, "additionalType": kind}));
}

/// Tells that `target` gets its value from `source`; `owner` is the receiving step, or the
/// workflow.
pub(super) fn connect(graph: &mut Graph, owner: &str, source: &str, target: &str) {
    let of =
        |id: &str| id.split_once("#/").map_or_else(|| id.to_owned(), |(_, path)| path.to_owned());
    let id = format!("#connection/{}/{}", of(source), of(target));
    graph.add(&id, json!("ParameterConnection"), json!({}));
    graph.link(&id, "sourceParameter", source);
    graph.link(&id, "targetParameter", target);
    graph.link(owner, "connection", &id);
}

/// The workflow's parameters that stand in a value as `${params.NAME}`.
fn params_in(value: &Value) -> IndexSet<String> {
    match value {
        Value::String(text) => {
            let parts = text.split("${params.").skip(1);
            let names = parts.filter_map(|part| part.split_once('}'));
            names.map(|(name, _)| name.trim().to_owned()).collect()
        }
        Value::Array(values) => values.iter().flat_map(params_in).collect(),
        Value::Object(entries) => entries.values().flat_map(params_in).collect(),
        _ => IndexSet::new(),
    }
}

/// Tells of a table that a node gave. It lies in the cache, not in the crate: its digest
/// names it, and two nodes may give the same.
fn describe_table(graph: &mut Graph, node: &str, port: &str, table: &TableRecord) {
    let id = table_of(table);
    let (rows, partitions) = (table.rows, table.partitions.len());
    let properties = json!({
        "name": format!("{node}.{port}"),
        "description": format!(
            "A table of {rows} rows in {partitions} partitions, which is named by its digest and \
             is not in this crate"
        ),
    });
    graph.add(&id, json!("Dataset"), properties);
    let digest = digest_entity(graph, TABLE_BLAKE3, table.digest);
    graph.link(&id, "identifier", &digest);
    let count = format!("{id}/rows");
    let properties = json!({"name": "rows", "propertyID": "skyloom:rows", "value": rows});
    graph.add(&count, json!("PropertyValue"), properties);
    graph.link(&id, "variableMeasured", &count);
    for (name, column) in &table.columns {
        let told = [
            name.as_str(),
            &column.data_type,
            column.unit.as_deref().unwrap_or_default(),
            column.ucd.as_deref().unwrap_or_default(),
        ];
        let variable = format!("#column/{}", told.map(encoded).join("/"));
        let properties = json!({
            "name": name,
            "description": format!("A column of type {}", column.data_type),
            "unitText": column.unit,
            "propertyID": column.ucd,
        });
        graph.add(&variable, json!("PropertyValue"), properties);
        graph.link(&id, "variableMeasured", &variable);
    }
    graph.link(&id, "exampleOfWork", &parameter(node, "out", port));
}

/// Tells what a node that began did. Gives the action.
fn describe_action(
    graph: &mut Graph,
    run: &RunEntities<'_>,
    id: &str,
    node: &NodeRecord,
) -> String {
    let (action, control) =
        (format!("#run/{}", encoded(id)), format!("#orchestration/{}", encoded(id)));
    let error = (node.state != "finished")
        .then(|| node.error.clone().unwrap_or_else(|| node.state.clone()));
    // A node that a kill left open ended with the run at the latest.
    let ended = node.ended.as_ref().unwrap_or(&run.record.ended);
    let properties = json!({
        "name": format!("{id} of run {}", run.record.run),
        "description": how_it_went(node),
        "startTime": node.started.as_deref().map(instant),
        "endTime": instant(ended),
        "actionStatus": status(error.as_ref()),
        "error": error,
    });
    graph.add(&action, json!("CreateAction"), properties);
    graph.link(&action, "instrument", &plugin_of(id));
    graph.link(&action, "agent", &run.agent);
    graph.link("./", "mentions", &action);
    for (port, source) in &node.inputs {
        for object in objects_of(run.record, source) {
            graph.link(&object, "exampleOfWork", &parameter(id, "in", port));
            graph.link(&action, "object", &object);
        }
    }
    for (name, value) in node.params.as_object().into_iter().flatten() {
        let object = format!("#value/nodes/{}/with/{}", encoded(id), encoded(name));
        let properties = json!({"name": name, "value": value_text(value)});
        graph.add(&object, json!("PropertyValue"), properties);
        graph.link(&object, "exampleOfWork", &parameter(id, "with", name));
        graph.link(&action, "object", &object);
    }
    for table in node.outputs.values() {
        graph.link(&action, "result", &table_of(table));
    }
    let usage = [
        ("wall-seconds", "SEC", json!(node.wall_seconds)),
        ("peak-memory-bytes", "BYTE", json!(node.peak_memory_bytes)),
        ("units", "NUM", json!(node.units)),
        ("cached-units", "NUM", json!(node.cached_units)),
        ("rows", "NUM", json!(node.rows)),
    ];
    for (name, unit, value) in usage {
        quantity(graph, &action, name, unit, value);
    }
    let properties = json!({
        "name": format!("orchestration of {id}"),
        "actionStatus": status(error.as_ref()),
        "error": error,
    });
    graph.add(&control, json!("ControlAction"), properties);
    graph.link(&control, "instrument", &step_of(id));
    graph.link(&control, "object", &action);
    graph.link(run.orchestration, "object", &control);
    action
}

/// What `source` gave: files, or a table if its node came that far.
fn objects_of(record: &RunRecord, source: &str) -> Vec<String> {
    match port_of(source) {
        Some((node, port)) => {
            let table = record.nodes.get(node).and_then(|node| node.outputs.get(port));
            table.map(table_of).into_iter().collect()
        }
        None => record.inputs.get(source).into_iter().flatten().map(file_of).collect(),
    }
}
