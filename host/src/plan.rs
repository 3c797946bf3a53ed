//! What will run.
//!
//! [`resolve`] turns a [`Workflow`] into a [`Plan`]: plugins found, built and loaded,
//! parameters checked and completed, edges typed by asking each plugin to `bind`, nodes in
//! an order in which they can run, and the leakage [`guard`] passed. All mistakes that can
//! be found without moving data are found here.
//!
//! It does not run anything but `describe` and `bind`.
//!
//! [`Workflow`]: crate::workflow::Workflow

mod bind;
mod edges;
mod guard;
mod params;
mod resolve;

pub use guard::forbidden_kind;
pub use resolve::{Setup, resolve};

use std::sync::Arc;

use arrow::datatypes::Field;

use crate::data::BlobFile;
use crate::instance::{Component, Limits, Read, TableSchema};
use crate::workflow::{Format, Workflow};

/// A workflow that can run: nodes in an order in which each comes after its inputs.
pub struct Plan {
    pub workflow: Workflow,
    pub nodes: Vec<PlanNode>,
    pub outputs: Vec<PlanOutput>,
    /// The workflow's inputs, files opened and hashed.
    pub inputs: Vec<(String, Vec<Arc<BlobFile>>)>,
}

/// One plugin, its parameters, and its typed edges.
pub struct PlanNode {
    pub id: String,
    pub component: Arc<Component>,
    /// Where the component was pulled from; none for what is local.
    pub origin: Option<String>,
    /// The text of the component's signature, if it has one.
    pub signature: Option<String>,
    /// Defaults filled in, keys sorted.
    pub params: serde_json::Value,
    /// What is connected, in the descriptor's order.
    pub inputs: Vec<PlanInput>,
    /// One for each output port.
    pub outputs: Vec<Arc<TableSchema>>,
    pub reads: Vec<Read>,
    /// In how many runs the work is cut: of each file, or of the whole.
    pub pieces: Vec<u32>,
    pub limits: Limits,
}

/// An input port and what feeds it.
#[derive(Debug, Clone)]
pub struct PlanInput {
    pub port: String,
    pub source: PlanSource,
}

/// Where an input comes from.
#[derive(Debug, Clone)]
pub enum PlanSource {
    /// Index into the plan's inputs.
    Files(usize),
    /// A node and one of its outputs, by index.
    Node { node: usize, output: usize },
}

/// A file to write.
#[derive(Debug, Clone)]
pub struct PlanOutput {
    pub name: String,
    pub node: usize,
    pub output: usize,
    pub path: String,
    pub format: Format,
}

impl Plan {
    /// The column of input `input` of `node`.
    pub fn column<'p>(&'p self, node: &PlanNode, input: usize, column: usize) -> &'p Field {
        match node.inputs[input].source {
            PlanSource::Node { node, output } => &self.nodes[node].outputs[output].fields[column],
            PlanSource::Files(_) => unreachable!("a binding reads columns of tables only"),
        }
    }
}

/// `input` or `node.port`.
pub fn source_name(plan: &Plan, source: &PlanSource) -> String {
    match source {
        PlanSource::Files(index) => plan.inputs[*index].0.clone(),
        PlanSource::Node { node, output } => {
            let node = &plan.nodes[*node];
            format!("{}.{}", node.id, node.component.descriptor().outputs[*output].name)
        }
    }
}

impl PlanNode {
    /// The index of output `port`.
    pub fn output(&self, port: &str) -> Option<usize> {
        self.component.descriptor().outputs.iter().position(|output| output.name == port)
    }
}
