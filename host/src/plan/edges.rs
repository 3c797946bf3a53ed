//! Which output feeds which input.

use std::sync::Arc;

use indexmap::IndexMap;
use petgraph::Direction;
use petgraph::algo::{is_cyclic_directed, kosaraju_scc};
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::{Dfs, Reversed};

use super::{PlanInput, PlanSource};
use crate::fault::{At, Fault, suggestion};
use crate::instance::{Component, Descriptor, Port, PortKind, Role};
use crate::workflow::{Node, PortRef, Workflow};

/// What feeds each connected input of a node, in the descriptor's order; nodes by their
/// place in the workflow.
pub(super) struct Wiring {
    pub(super) inputs: Vec<PlanInput>,
}

/// A node's output, by indices.
pub(super) struct OutputRef {
    pub(super) node: usize,
    pub(super) output: usize,
}

type Components = IndexMap<String, Arc<Component>>;
/// Each output of the workflow and what it writes.
type Outputs = Vec<(String, OutputRef)>;

/// Connects every node and output.
pub(super) fn connect(
    workflow: &Workflow,
    components: &Components,
) -> Result<(Vec<Wiring>, Outputs), Vec<Fault>> {
    let mut faults = Vec::new();
    let mut wirings = Vec::with_capacity(workflow.nodes.len());
    for node in workflow.nodes.values() {
        let descriptor = components[&node.id.value].descriptor();
        wirings.push(connect_node(workflow, components, node, descriptor, &mut faults));
    }
    let mut outputs = Vec::with_capacity(workflow.outputs.len());
    for (name, output) in &workflow.outputs {
        match find_output(workflow, components, &output.from) {
            Ok(from) => outputs.push((name.clone(), from)),
            Err(fault) => faults.push(fault),
        }
    }
    if faults.is_empty() {
        faults = unused(workflow, components, &wirings, &outputs);
    }
    if faults.is_empty() { Ok((wirings, outputs)) } else { Err(faults) }
}

fn connect_node(
    workflow: &Workflow,
    components: &Components,
    node: &Node,
    descriptor: &Descriptor,
    faults: &mut Vec<Fault>,
) -> Wiring {
    let source = &workflow.source;
    let name = &descriptor.name;
    let mut sources: Vec<Option<PlanSource>> = vec![None; descriptor.inputs.len()];
    if let Some(from) = &node.from {
        let blob = descriptor.inputs.iter().position(|port| port.kind == PortKind::Blob);
        let input = workflow.inputs.get_index_of(&from.value);
        match (blob, input) {
            (Some(port), Some(input)) => sources[port] = Some(PlanSource::Files(input)),
            (None, _) => faults.push(
                Fault::new(
                    source,
                    "plan::port",
                    from.span.clone(),
                    format!("`{name}` reads no files"),
                )
                .help("`from` is for ingesters; connect it to a node with `in`"),
            ),
            (_, None) => {
                let message = format!("the workflow has no input `{}`", from.value);
                let help = suggestion(from, workflow.inputs.keys().map(String::as_str));
                let fault = Fault::new(source, "plan::unknown_input", from.span.clone(), message);
                faults.push(fault.help(help));
            }
        }
    }
    for edge in &node.edges {
        let tables = descriptor.inputs.iter().filter(|port| port.kind != PortKind::Blob);
        let port = match &edge.port {
            None => tables.clone().next(),
            Some(port) => tables.clone().find(|known| known.name == port.value),
        };
        let Some(port) = port else {
            let (span, what) = match &edge.port {
                Some(port) => (&port.span, format!("`{name}` has no input `{}`", port.value)),
                None => (&edge.from.span, format!("`{name}` has no table inputs")),
            };
            let wanted = edge.port.as_ref().map_or("", |port| port.value.as_str());
            let help = match tables.clone().next() {
                Some(_) => suggestion(wanted, tables.map(|port| port.name.as_str())),
                None => {
                    "it reads files: name one of the workflow's `inputs` with `from`".to_owned()
                }
            };
            faults.push(Fault::new(source, "plan::unknown_port", span.clone(), what).help(help));
            continue;
        };
        match find_output(workflow, components, &edge.from) {
            Ok(OutputRef { node, output }) => {
                let index = index_of(descriptor, port);
                sources[index] = Some(PlanSource::Node { node, output });
            }
            Err(fault) => faults.push(fault),
        }
    }
    let mut inputs = Vec::with_capacity(sources.len());
    for (port, connected) in descriptor.inputs.iter().zip(sources) {
        match connected {
            Some(source) => inputs.push(PlanInput { port: port.name.clone(), source }),
            None if port.optional => {}
            // A wrong edge was reported already.
            None if !faults.is_empty() => {}
            None => {
                let (key, what) = match port.kind {
                    PortKind::Blob => ("from", "a workflow input"),
                    PortKind::Table | PortKind::WholeTable => ("in", "a node"),
                };
                let id = &node.id;
                let message =
                    format!("input `{}` of node `{}` is not connected", port.name, id.value);
                let fault = Fault::new(source, "plan::missing_edge", id.span.clone(), message);
                let of = &port.description;
                faults
                    .push(fault.help(format!("connect it to {what} with `{key}`; it takes: {of}")));
            }
        }
    }
    Wiring { inputs }
}

fn index_of(descriptor: &Descriptor, port: &Port) -> usize {
    let found = descriptor.inputs.iter().position(|known| known.name == port.name);
    found.expect("the port came from this descriptor")
}

fn find_output(
    workflow: &Workflow,
    components: &Components,
    from: &At<PortRef>,
) -> Result<OutputRef, Fault> {
    let fault = |code, message: String, help: String| {
        Fault::new(&workflow.source, code, from.span.clone(), message).help(help)
    };
    let Some((node, id, _)) = workflow.nodes.get_full(&from.node) else {
        let help = suggestion(&from.node, workflow.nodes.keys().map(String::as_str));
        let message = format!("the workflow has no node `{}`", from.node);
        return Err(fault("plan::unknown_node", message, help));
    };
    let outputs = &components[id].descriptor().outputs;
    let Some(port) = &from.port else { return Ok(OutputRef { node, output: 0 }) };
    match outputs.iter().position(|output| output.name == *port) {
        Some(output) => Ok(OutputRef { node, output }),
        None => {
            let help = suggestion(port, outputs.iter().map(|output| output.name.as_str()));
            let name = &components[id].descriptor().name;
            let message = format!("node `{id}` ({name}) has no output `{port}`");
            Err(fault("plan::unknown_port", message, help))
        }
    }
}

fn graph(wirings: &[Wiring]) -> DiGraph<usize, ()> {
    let mut graph = DiGraph::new();
    for index in 0..wirings.len() {
        graph.add_node(index);
    }
    for (to, wiring) in wirings.iter().enumerate() {
        for input in &wiring.inputs {
            if let PlanSource::Node { node, .. } = input.source {
                graph.add_edge(NodeIndex::new(node), NodeIndex::new(to), ());
            }
        }
    }
    graph
}

/// An order in which every node comes after those that feed it.
pub(super) fn order(workflow: &Workflow, wirings: &[Wiring]) -> Result<Vec<usize>, Vec<Fault>> {
    let graph = graph(wirings);
    if !is_cyclic_directed(&graph) {
        return Ok(file_order(&graph));
    }
    let components = kosaraju_scc(&graph).into_iter();
    let cycles =
        components.filter(|nodes| nodes.len() > 1 || graph.contains_edge(nodes[0], nodes[0]));
    let faults = cycles.map(|nodes| {
        let start = nodes.iter().min().copied().expect("a component has nodes");
        let path = cycle_through(&graph, start, &nodes);
        let name =
            |index: &NodeIndex| workflow.nodes.get_index(index.index()).map(|(id, _)| id.as_str());
        let names: Vec<_> = path.iter().filter_map(name).collect();
        let node = &workflow.nodes[start.index()];
        let message = match names.as_slice() {
            [one, _] => format!("node `{one}` feeds itself"),
            names => format!("nodes feed each other in a circle: {}", names.join(" → ")),
        };
        let last = names.len().checked_sub(2).map(|last| names[last]);
        let edge = node.edges.iter().find(|edge| Some(edge.from.node.as_str()) == last);
        let span = edge.map_or(&node.id.span, |edge| &edge.from.span).clone();
        Fault::new(&workflow.source, "plan::cycle", span, message)
            .help("take away an edge of the circle")
    });
    Err(faults.collect())
}

/// Of all orders that run, the one closest to the file's.
fn file_order(graph: &DiGraph<usize, ()>) -> Vec<usize> {
    let mut waits: Vec<usize> = graph
        .node_indices()
        .map(|node| graph.neighbors_directed(node, Direction::Incoming).count())
        .collect();
    let free = |waits: &[usize]| (0..waits.len()).filter(|&node| waits[node] == 0).collect();
    let mut ready: std::collections::BTreeSet<usize> = free(&waits);
    let mut order = Vec::with_capacity(waits.len());
    while let Some(node) = ready.pop_first() {
        order.push(node);
        for next in graph.neighbors(NodeIndex::new(node)) {
            waits[next.index()] -= 1;
            if waits[next.index()] == 0 {
                ready.insert(next.index());
            }
        }
    }
    order
}

/// A shortest way from `start` back to itself.
fn cycle_through(
    graph: &DiGraph<usize, ()>,
    start: NodeIndex,
    among: &[NodeIndex],
) -> Vec<NodeIndex> {
    let mut from: IndexMap<NodeIndex, NodeIndex> = IndexMap::new();
    let mut queue = std::collections::VecDeque::from([start]);
    while let Some(node) = queue.pop_front() {
        let mut next: Vec<_> = graph.neighbors(node).filter(|next| among.contains(next)).collect();
        next.sort();
        for next in next {
            if next == start {
                let mut path = vec![start, node];
                let mut at = node;
                while at != start {
                    at = from[&at];
                    path.push(at);
                }
                path.reverse();
                return path;
            }
            if !from.contains_key(&next) {
                from.insert(next, node);
                queue.push_back(next);
            }
        }
    }
    vec![start]
}

/// Whatever leads to no output and no evaluator would be computed for nobody.
fn unused(
    workflow: &Workflow,
    components: &Components,
    wirings: &[Wiring],
    outputs: &[(String, OutputRef)],
) -> Vec<Fault> {
    let graph = graph(wirings);
    let mut used = vec![false; wirings.len()];
    let evaluators = workflow.nodes.keys().enumerate().filter(|(_, id)| {
        matches!(components[*id].descriptor().role, Role::Evaluator | Role::Monitor)
    });
    let ends =
        outputs.iter().map(|(_, output)| output.node).chain(evaluators.map(|(index, _)| index));
    for end in ends {
        let mut walk = Dfs::new(Reversed(&graph), NodeIndex::new(end));
        while let Some(node) = walk.next(Reversed(&graph)) {
            used[node.index()] = true;
        }
    }
    let mut faults = Vec::new();
    for (index, node) in workflow.nodes.values().enumerate().filter(|(index, _)| !used[*index]) {
        // In a circle nothing is used; the circle is the mistake to show.
        if order(workflow, wirings).is_err() {
            break;
        }
        let last = graph.neighbors(NodeIndex::new(index)).next().is_none();
        if last {
            let id = &node.id;
            let message = format!("nothing uses node `{}`", id.value);
            let fault = Fault::new(&workflow.source, "plan::unused_node", id.span.clone(), message);
            faults.push(
                fault.help("name it under `outputs`, feed it to another node, or take it away"),
            );
        }
    }
    for (index, input) in workflow.inputs.values().enumerate() {
        let reads = |wiring: &Wiring| {
            wiring
                .inputs
                .iter()
                .any(|input| matches!(input.source, PlanSource::Files(used) if used == index))
        };
        if !wirings.iter().any(reads) {
            let id = &input.id;
            let message = format!("nothing reads input `{}`", id.value);
            let fault =
                Fault::new(&workflow.source, "plan::unused_input", id.span.clone(), message);
            faults.push(fault.help("read it with an ingester's `from`, or take it away"));
        }
    }
    faults
}
