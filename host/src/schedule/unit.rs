//! One run of a plugin: what it is given, and the key of what it gives.

use std::sync::Arc;

use arrow::datatypes::{Fields, Schema, SchemaRef};

use super::produced::Produced;
use super::{Options, is_cut};
use crate::cache::{
    Because, CONTRACT, Cache, Found, Head, KEY_VERSION, Kernels, PartitionKey, PortKey, Target,
    UnitInput, UnitKey, own_fields, splice, unit_key,
};
use crate::data::{BlobFile, Digest, Object, Table, schema_digest};
use crate::instance::{
    InstanceError, KERNELS_VERSION, Role, RunInput, RunReport, TableSchema, Task, Watch,
};
use crate::plan::{Plan, PlanNode, PlanSource};
use crate::provenance::Served;

/// One run of a node's plugin.
pub(super) struct Unit {
    /// Its place among the node's units.
    pub(super) index: usize,
    /// For messages: a file, partition or piece.
    pub(super) name: String,
    pub(super) key: UnitKey,
    inputs: Vec<(String, RunInput, Arc<[usize]>)>,
    shape: Arc<Shape>,
}

/// What a unit gave.
pub(super) struct Done {
    pub(super) report: RunReport,
    pub(super) served: Served,
    /// Why it was not served from the cache, where that was asked.
    pub(super) because: Option<Because>,
}

/// What all units of a node share.
pub(super) struct Shape {
    pub(super) head: Head,
    digest: Digest,
    plugin: Arc<str>,
    /// Of the outputs.
    pub(super) schemas: Vec<SchemaRef>,
    outputs: Vec<Arc<TableSchema>>,
    output_digests: Vec<Digest>,
    /// Of each input, the columns that the guest sees, by their places.
    readable: Vec<Arc<[usize]>>,
}

/// What feeds an input: its partitions, as far as they are known.
pub(super) struct Feed {
    pub(super) schema: SchemaRef,
    pub(super) partitions: Vec<Option<Arc<Object>>>,
}

impl From<&Table> for Feed {
    fn from(table: &Table) -> Self {
        let partitions = table.partitions.iter().cloned().map(Some).collect();
        Self { schema: Arc::clone(&table.schema), partitions }
    }
}

impl Shape {
    pub(super) fn new(plan: &Plan, node: &PlanNode) -> Self {
        let none = Fields::empty();
        let fields = |input: usize| match node.inputs[input].source {
            PlanSource::Files(_) => &none,
            PlanSource::Node { node, output } => &plan.nodes[node].outputs[output].fields,
        };
        let readable = |input: usize| -> Arc<[usize]> {
            let is_read = |column: &usize| {
                node.reads.iter().any(|read| (read.input, read.column) == (input, *column))
            };
            (0..fields(input).len()).filter(is_read).collect()
        };
        let readable: Vec<_> = (0..node.inputs.len()).map(readable).collect();
        let descriptor = node.component.descriptor();
        let inputs = node.inputs.iter().enumerate().map(|(index, input)| {
            let seen = readable[index].iter().map(|&column| Arc::clone(&fields(index)[column]));
            port_key(&input.port, &seen.collect())
        });
        let outputs = descriptor.outputs.iter().zip(&node.outputs).map(|(port, table)| {
            let is_own = |field: &usize| !table.passed.iter().any(|p| p.field == *field);
            let own = (0..table.fields.len()).filter(is_own).map(|f| Arc::clone(&table.fields[f]));
            port_key(&port.name, &own.collect())
        });
        let head = Head {
            key_version: KEY_VERSION,
            contract: CONTRACT.to_owned(),
            plugin: descriptor.name.clone(),
            version: descriptor.version.clone(),
            component: node.component.digest,
            kernels: node
                .component
                .uses_kernels()
                .then(|| Kernels { version: KERNELS_VERSION, device: "cpu".to_owned() }),
            params: node.params.clone(),
            inputs: inputs.collect(),
            outputs: outputs.collect(),
        };
        let schemas = node.outputs.iter().map(|table| Arc::new(Schema::new(table.fields.clone())));
        Self {
            digest: head.digest(),
            plugin: head.plugin.as_str().into(),
            head,
            schemas: schemas.collect(),
            outputs: node.outputs.clone(),
            output_digests: node.outputs.iter().map(|t| schema_digest(&t.fields)).collect(),
            readable,
        }
    }

    /// What is read of these partitions.
    fn read<'a>(&self, input: usize, part: impl Iterator<Item = &'a Arc<Object>>) -> UnitInput {
        let columns = |object: &Arc<Object>| PartitionKey {
            rows: object.rows,
            columns: self.readable[input].iter().map(|&column| object.columns[column]).collect(),
        };
        UnitInput::Table { partitions: part.map(columns).collect() }
    }

    /// What is passed on: the outputs' schemas, and the content of their passed columns.
    fn passed<'a>(&self, part: impl Fn(usize) -> &'a [Arc<Object>]) -> Digest {
        let mut hasher = blake3::Hasher::new_derive_key("skyloom passed v3");
        for (table, schema) in self.outputs.iter().zip(&self.output_digests) {
            hasher.update(schema.as_bytes());
            for passed in &table.passed {
                hasher.update(&(passed.field as u64).to_le_bytes());
                for object in part(passed.input) {
                    hasher.update(object.columns[passed.column].as_bytes());
                }
            }
        }
        Digest::from(hasher.finalize())
    }
}

fn port_key(port: &str, fields: &Fields) -> PortKey {
    let column = |field: &Arc<arrow::datatypes::Field>| {
        let digest = schema_digest(&Fields::from(vec![Arc::clone(field)]));
        (field.name().clone(), digest)
    };
    PortKey { port: port.to_owned(), columns: fields.iter().map(column).collect() }
}

/// What sets a unit apart from the others of its node.
#[derive(Debug, Clone, Copy)]
enum Slice {
    File { file: usize, piece: (u32, u32) },
    Partition { partition: usize, of: usize },
    Whole { piece: (u32, u32) },
}

impl Slice {
    fn piece(self) -> (u32, u32) {
        match self {
            Self::File { piece, .. } | Self::Whole { piece } => piece,
            Self::Partition { .. } => (0, 1),
        }
    }
}

/// A node, cut into units.
pub(super) struct Cut<'a> {
    plan: &'a Plan,
    node: &'a PlanNode,
    shape: &'a Arc<Shape>,
    feeds: Vec<Option<Feed>>,
    whole: Vec<Option<Whole>>,
    slices: Vec<Slice>,
}

/// Cuts a node.
///
/// # Errors
/// When its inputs do not fit together.
pub(super) fn cut<'a>(
    plan: &'a Plan,
    node: &'a PlanNode,
    shape: &'a Arc<Shape>,
    feed: impl Fn(usize, usize) -> Feed,
) -> Result<Cut<'a>, String> {
    let feeds: Vec<Option<Feed>> = node
        .inputs
        .iter()
        .map(|input| match input.source {
            PlanSource::Files(_) => None,
            PlanSource::Node { node, output } => Some(feed(node, output)),
        })
        .collect();
    let whole: Vec<Option<Whole>> = node
        .inputs
        .iter()
        .enumerate()
        .map(|(index, input)| match &feeds[index] {
            Some(feed) if !is_cut(node, &input.port) => Whole::new(shape, index, feed),
            _ => None,
        })
        .collect();
    let slices = slices(plan, node, &feeds)?;
    Ok(Cut { plan, node, shape, feeds, whole, slices })
}

impl Cut<'_> {
    /// How many units there are.
    pub(super) fn len(&self) -> usize {
        self.slices.len()
    }

    /// All units, in order; none in place of one that is fed by what is not known yet.
    pub(super) fn units(&self) -> impl Iterator<Item = Option<Unit>> {
        (0..self.len()).map(|index| self.unit(index))
    }

    /// The unit of this place; none if it is fed by what is not known yet.
    pub(super) fn unit(&self, index: usize) -> Option<Unit> {
        let (node, shape, slice) = (self.node, self.shape, self.slices[index]);
        let mut inputs = Vec::with_capacity(node.inputs.len());
        let mut keys = Vec::with_capacity(node.inputs.len());
        let mut parts: Vec<Arc<Table>> = Vec::with_capacity(node.inputs.len());
        for (input, connected) in node.inputs.iter().enumerate() {
            let (content, key, part) = match (&connected.source, slice) {
                (PlanSource::Files(files), Slice::File { file, .. }) => {
                    let blob = &self.plan.inputs[*files].1[file];
                    (RunInput::Blob(Arc::clone(blob)), Arc::new(file_key(blob)), no_table())
                }
                (PlanSource::Files(_), _) => unreachable!("an ingester is cut by files"),
                (PlanSource::Node { .. }, slice) => {
                    let feed = self.feeds[input].as_ref().expect("a node feeds it");
                    match (&self.whole[input], slice) {
                        (Some(whole), _) => {
                            let table = Arc::clone(&whole.table);
                            (RunInput::Table(Arc::clone(&table)), Arc::clone(&whole.key), table)
                        }
                        (None, Slice::Partition { partition, .. })
                            if is_cut(node, &connected.port) =>
                        {
                            let object = feed.partitions[partition].clone()?;
                            let key = Arc::new(shape.read(input, [&object].into_iter()));
                            let table = Arc::new(Table {
                                schema: Arc::clone(&feed.schema),
                                partitions: vec![object],
                            });
                            (RunInput::Table(Arc::clone(&table)), key, table)
                        }
                        (None, _) => return None,
                    }
                }
            };
            inputs.push((connected.port.clone(), content, Arc::clone(&shape.readable[input])));
            keys.push(key);
            parts.push(part);
        }
        let digests: Vec<Digest> = keys.iter().map(|key| key.digest()).collect();
        let key = UnitKey {
            key: unit_key(shape.digest, slice.piece(), &digests),
            head: shape.digest,
            plugin: Arc::clone(&shape.plugin),
            ordinal: index as u32,
            piece: slice.piece(),
            passed: shape.passed(|input| &parts[input].partitions),
            inputs: keys,
        };
        Some(Unit { index, name: self.name(slice), key, inputs, shape: Arc::clone(shape) })
    }

    fn name(&self, slice: Slice) -> String {
        match slice {
            Slice::File { file, piece: (piece, count) } => {
                let blob = files(self.plan, self.node).map(|files| files[file].name());
                let blob = blob.unwrap_or_default();
                match count {
                    1 => format!("file {blob}"),
                    _ => format!("file {blob}, part {} of {count}", piece + 1),
                }
            }
            Slice::Partition { partition, of } => format!("partition {} of {of}", partition + 1),
            Slice::Whole { piece: (_, 1) } => "the whole".to_owned(),
            Slice::Whole { piece: (piece, count) } => format!("shard {} of {count}", piece + 1),
        }
    }
}

/// An input that every unit is given as a whole.
struct Whole {
    table: Arc<Table>,
    key: Arc<UnitInput>,
}

impl Whole {
    /// None where a partition is not known yet.
    fn new(shape: &Shape, input: usize, feed: &Feed) -> Option<Self> {
        let partitions = feed.partitions.iter().cloned().collect::<Option<Vec<_>>>()?;
        let key = shape.read(input, partitions.iter());
        // All units would else hash it again.
        let table = Arc::new(Table { schema: Arc::clone(&feed.schema), partitions });
        Some(Self { table, key: Arc::new(key) })
    }
}

fn no_table() -> Arc<Table> {
    Arc::new(Table { schema: Arc::new(Schema::empty()), partitions: Vec::new() })
}

fn file_key(blob: &BlobFile) -> UnitInput {
    UnitInput::File { name: blob.name(), digest: blob.digest }
}

/// The files that an ingester reads.
fn files<'p>(plan: &'p Plan, node: &PlanNode) -> Option<&'p [Arc<BlobFile>]> {
    node.inputs.iter().find_map(|input| match input.source {
        PlanSource::Files(index) => Some(plan.inputs[index].1.as_slice()),
        PlanSource::Node { .. } => None,
    })
}

fn slices(plan: &Plan, node: &PlanNode, feeds: &[Option<Feed>]) -> Result<Vec<Slice>, String> {
    let pieces = |count: u32| (0..count).map(move |piece| (piece, count));
    if let Some(files) = files(plan, node) {
        let of_file =
            |file| pieces(node.pieces[file]).map(move |piece| Slice::File { file, piece });
        return Ok((0..files.len()).flat_map(of_file).collect());
    }
    Ok(match partitions(node, feeds)? {
        Some(of) => (0..of).map(|partition| Slice::Partition { partition, of }).collect(),
        None => pieces(node.pieces[0]).map(|piece| Slice::Whole { piece }).collect(),
    })
}

/// The number of partitions that all cut inputs share; none where no input is cut.
fn partitions(node: &PlanNode, feeds: &[Option<Feed>]) -> Result<Option<usize>, String> {
    let mut found: Option<(&str, usize)> = None;
    for (input, feed) in node.inputs.iter().zip(feeds) {
        let Some(feed) = feed.as_ref().filter(|_| is_cut(node, &input.port)) else { continue };
        let count = feed.partitions.len();
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

/// What units gave, one by one.
type Ends = Vec<(Arc<Unit>, Result<Done, InstanceError>)>;

/// Takes from the cache what it has of `units`; the rest has to run, or needs other columns
/// passed on.
pub(super) fn look_up(units: Vec<Arc<Unit>>, cache: &Cache) -> (Ends, Vec<Arc<Unit>>) {
    let keys: Vec<_> = units.iter().map(|unit| unit.key.key).collect();
    let (mut ends, mut missed) = (Vec::with_capacity(units.len()), Vec::new());
    let pinned = cache.pin(&keys);
    for unit in units {
        match cache.find(&unit.key, &unit.shape.schemas) {
            Found::Result(report) if pinned.is_ok() => {
                ends.push((unit, Ok(Done { report, served: Served::Cached, because: None })));
            }
            // Where it cannot be pinned, running it tells why.
            _ => missed.push(unit),
        }
    }
    (ends, missed)
}

impl Unit {
    /// The objects that it reads or passes on.
    pub(super) fn objects(&self) -> impl Iterator<Item = &Arc<Object>> {
        let tables = self.inputs.iter().filter_map(|(_, input, _)| match input {
            RunInput::Table(table) => Some(table),
            RunInput::Blob(_) => None,
        });
        tables.flat_map(|table| &table.partitions)
    }

    /// Runs the plugin, or takes what an earlier run gave. If `explain`, says why it ran.
    pub(super) fn run(
        &self,
        node: &PlanNode,
        cache: &Cache,
        produced: &Produced<'_>,
        watch: &Arc<Watch>,
        options: &Options,
        explain: bool,
    ) -> Result<Done, InstanceError> {
        cache.pin(&[self.key.key]).map_err(storage)?;
        // Another process may be at it; what it gives is then there.
        let claim = cache.claim(self.key.key, || !watch.is_cancelled());
        let Some(_claim) = claim else { return Err(InstanceError::Interrupted) };
        if !options.recompute
            && let Some(done) = self.serve(cache, produced)?
        {
            return Ok(done);
        }
        let because = explain.then(|| self.because(cache, options));
        produced.ensure(self.objects())?;
        let report = self.compute(node, cache, watch, options)?;
        Ok(Done { report, served: Served::Run, because })
    }

    fn because(&self, cache: &Cache, options: &Options) -> Because {
        if options.recompute {
            return Because::Asked;
        }
        let head = &self.shape.head;
        let nearest = cache.nearest(head);
        cache.because(&self.key, head, nearest.as_ref())
    }

    fn serve(&self, cache: &Cache, produced: &Produced<'_>) -> Result<Option<Done>, InstanceError> {
        let done = |report, served| Ok(Some(Done { report, served, because: None }));
        match cache.find(&self.key, &self.shape.schemas) {
            Found::Result(report) => done(report, Served::Cached),
            Found::Nothing => Ok(None),
            Found::Own(earlier) => {
                produced.ensure(self.objects())?;
                let targets: Vec<_> = self
                    .shape
                    .schemas
                    .iter()
                    .zip(&self.shape.outputs)
                    .map(|(schema, table)| Target { schema, passed: &table.passed })
                    .collect();
                let table = |input: usize| match &self.inputs.get(input)?.1 {
                    RunInput::Table(table) => Some(Arc::clone(table)),
                    RunInput::Blob(_) => None,
                };
                let passed = self.key.passed;
                let spliced = splice(&cache.objects, &earlier, passed, &targets, table);
                let variant = match spliced {
                    Ok(Some(variant)) => variant,
                    Ok(None) => return Ok(None),
                    Err(lost) if lost.is_loss() => {
                        cache.lost(&lost);
                        return Ok(None);
                    }
                    Err(error) => return Err(storage(error)),
                };
                let kept = cache.put_spliced(&self.key, earlier, variant, &self.shape.schemas);
                done(kept.map_err(storage)?, Served::Spliced)
            }
        }
    }

    /// Runs the plugin and keeps what it gives.
    pub(super) fn compute(
        &self,
        node: &PlanNode,
        cache: &Cache,
        watch: &Arc<Watch>,
        options: &Options,
    ) -> Result<RunReport, InstanceError> {
        let report = node.component.run(Task {
            params: &node.params.to_string(),
            piece: self.key.piece,
            inputs: self.inputs.clone(),
            outputs: node.outputs.clone(),
            objects: &cache.objects,
            limits: node.limits,
            watch: Arc::clone(watch),
            batch_rows: options.batch_rows,
            threads: Some(&options.threads),
            may_cut: matches!(node.component.descriptor().role, Role::Ingester | Role::Simulator),
        })?;
        let ports = self.shape.schemas.iter().zip(&self.shape.outputs);
        let own = ports.map(|(schema, table)| own_fields(schema, &table.passed)).collect();
        cache.put_head(self.key.head, &self.shape.head).map_err(storage)?;
        cache.put(&self.key, own, &report).map_err(storage)?;
        Ok(report)
    }
}

pub(super) fn storage(error: crate::data::StoreError) -> InstanceError {
    InstanceError::Storage(error.to_string())
}
