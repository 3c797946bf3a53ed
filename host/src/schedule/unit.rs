//! One run of a plugin: what it is given, and the key of what it gives.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields, Schema};

use super::{Options, is_cut};
use crate::cache::{Cache, InputKey, KeyManifest, OutputKey, PartitionKey};
use crate::data::{Table, schema_digest};
use crate::instance::{InstanceError, Role, RunInput, RunReport, TableSchema, Task, Watch};
use crate::plan::{Plan, PlanNode, PlanSource};

/// One run of a node's plugin.
pub(super) struct Unit {
    /// Its place among the node's units.
    pub(super) index: usize,
    /// For messages: a file, partition or piece.
    pub(super) name: String,
    piece: (u32, u32),
    inputs: Vec<(String, RunInput, Arc<[bool]>)>,
    manifest: KeyManifest,
}

/// Cuts a node whose inputs are complete into units.
pub(super) fn cut(
    plan: &Plan,
    node: &PlanNode,
    table: impl Fn(usize, usize) -> Arc<Table>,
) -> Result<Vec<Unit>, String> {
    let mut cuts = Vec::new();
    let files = node.inputs.iter().find_map(|input| match input.source {
        PlanSource::Files(index) => Some(&plan.inputs[index].1),
        PlanSource::Node { .. } => None,
    });
    if let Some(files) = files {
        for (file, blob) in files.iter().enumerate() {
            let count = node.pieces[file];
            for piece in 0..count {
                let name = match count {
                    1 => format!("file {}", blob.name()),
                    _ => format!("file {}, part {} of {count}", blob.name(), piece + 1),
                };
                cuts.push((name, (piece, count), Some(file), None));
            }
        }
    } else if let Some(partitions) = partitions(node, &table)? {
        for partition in 0..partitions {
            let name = format!("partition {} of {partitions}", partition + 1);
            cuts.push((name, (0, 1), None, Some(partition)));
        }
    } else {
        let count = node.pieces[0];
        for piece in 0..count {
            let name = match count {
                1 => "the whole".to_owned(),
                _ => format!("shard {} of {count}", piece + 1),
            };
            cuts.push((name, (piece, count), None, None));
        }
    }
    let masks: Vec<Mask> =
        (0..node.inputs.len()).map(|input| Mask::new(plan, node, input)).collect();
    let bound: Vec<OutputKey> =
        node.outputs.iter().map(|output| output_key(plan, node, output)).collect();
    let units = cuts.into_iter().enumerate().map(|(index, (name, piece, file, partition))| {
        let mut inputs = Vec::with_capacity(node.inputs.len());
        let mut keys = Vec::with_capacity(node.inputs.len());
        for (input, mask) in node.inputs.iter().zip(&masks) {
            let port = input.port.clone();
            match input.source {
                PlanSource::Files(index) => {
                    let blob = &plan.inputs[index].1[file.unwrap_or_default()];
                    keys.push(InputKey::Blob {
                        port: port.clone(),
                        name: blob.name(),
                        digest: blob.digest,
                    });
                    inputs.push((port, RunInput::Blob(Arc::clone(blob)), Arc::from([])));
                }
                PlanSource::Node { node: upstream, output } => {
                    let whole = table(upstream, output);
                    let part = match partition.filter(|_| is_cut(node, &port)) {
                        Some(partition) => vec![Arc::clone(&whole.partitions[partition])],
                        None => whole.partitions.clone(),
                    };
                    let columns = |object: &Arc<crate::data::Object>| PartitionKey {
                        rows: object.rows,
                        columns: mask.used.iter().map(|&column| object.columns[column]).collect(),
                    };
                    let partitions = part.iter().map(columns).collect();
                    keys.push(InputKey::Table {
                        port: port.clone(),
                        schema: mask.digest,
                        partitions,
                    });
                    let table = Table { schema: Arc::clone(&mask.schema), partitions: part };
                    let input = RunInput::Table(Arc::new(table));
                    inputs.push((port, input, Arc::clone(&mask.readable)));
                }
            }
        }
        let (component, params) = (node.component.digest, node.params.clone());
        let manifest = KeyManifest::new("run", component, params, piece, keys, bound.clone());
        Unit { index, name, piece, inputs, manifest }
    });
    Ok(units.collect())
}

/// What a result depends on of an output: columns by name, since their places are no key.
fn output_key(plan: &Plan, node: &PlanNode, output: &TableSchema) -> OutputKey {
    let name = |input: usize, column: usize| match node.inputs[input].source {
        PlanSource::Files(_) => String::new(),
        PlanSource::Node { node: upstream, output } => {
            let column = plan.nodes[upstream].outputs[output].fields[column].name();
            format!("{}.{column}", node.inputs[input].port)
        }
    };
    let passed =
        output.passed.iter().map(|passed| (passed.field, name(passed.input, passed.column)));
    OutputKey { schema: schema_digest(&output.fields), passed: passed.collect() }
}

/// The number of partitions that all cut inputs share; none where no input is cut.
fn partitions(
    node: &PlanNode,
    table: impl Fn(usize, usize) -> Arc<Table>,
) -> Result<Option<usize>, String> {
    let mut found: Option<(&str, usize)> = None;
    for input in node.inputs.iter().filter(|input| is_cut(node, &input.port)) {
        let PlanSource::Node { node: upstream, output } = input.source else { continue };
        let count = table(upstream, output).partitions.len();
        match found {
            Some((other, expected)) if expected != count => {
                return Err(format!(
                    "inputs `{other}` and `{}` have {expected} and {count} partitions; both must come from one table",
                    input.port
                ));
            }
            _ => found = Some((&input.port, count)),
        }
    }
    Ok(found.map(|(_, count)| count))
}

/// What a plugin sees of an input: columns that it did not ask for have no name and no
/// type, so that nothing it does can depend on them.
struct Mask {
    schema: Arc<Schema>,
    readable: Arc<[bool]>,
    /// Columns that are read or passed on: what the key depends on.
    used: Vec<usize>,
    digest: crate::data::Digest,
}

impl Mask {
    fn new(plan: &Plan, node: &PlanNode, input: usize) -> Self {
        let none = Fields::empty();
        let fields = match node.inputs[input].source {
            PlanSource::Files(_) => &none,
            PlanSource::Node { node, output } => &plan.nodes[node].outputs[output].fields,
        };
        let is_read = |column: usize| {
            node.reads.iter().any(|read| (read.input, read.column) == (input, column))
        };
        let is_passed = |column: usize| {
            let mut passed = node.outputs.iter().flat_map(|output| &output.passed);
            passed.any(|passed| (passed.input, passed.column) == (input, column))
        };
        let readable: Arc<[bool]> = (0..fields.len()).map(is_read).collect();
        let seen = fields.iter().enumerate().map(|(column, field)| match readable[column] {
            true => Arc::clone(field),
            false => Arc::new(Field::new("", DataType::Null, true)),
        });
        let used: Vec<usize> =
            (0..fields.len()).filter(|&column| readable[column] || is_passed(column)).collect();
        let used_fields: Fields = used.iter().map(|&column| Arc::clone(&fields[column])).collect();
        Self {
            schema: Arc::new(Schema::new(seen.collect::<Fields>())),
            digest: schema_digest(&used_fields),
            readable,
            used,
        }
    }
}

impl Unit {
    /// Runs the plugin, or takes what an earlier run gave; says which.
    pub(super) fn run(
        &self,
        node: &PlanNode,
        cache: &Cache,
        watch: Arc<Watch>,
        options: &Options,
    ) -> Result<(RunReport, bool), InstanceError> {
        let key = self.manifest.key();
        if let (false, Some(report)) = (options.recompute, cache.get(key)) {
            return Ok((report, true));
        }
        let report = node.component.run(Task {
            params: &node.params.to_string(),
            piece: self.piece,
            inputs: self.inputs.clone(),
            outputs: node.outputs.clone(),
            objects: &cache.objects,
            limits: node.limits,
            watch,
            batch_rows: options.batch_rows,
            may_cut: matches!(node.component.descriptor().role, Role::Ingester | Role::Simulator),
        })?;
        cache
            .put(key, self.manifest.clone(), &report)
            .map_err(|error| InstanceError::Storage(error.to_string()))?;
        Ok((report, false))
    }
}
