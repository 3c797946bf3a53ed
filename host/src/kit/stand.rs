//! Where a plugin is run: a folder of its own, the real engine, the real border.

use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{Schema, SchemaRef, UInt64Type};
use serde_json::Value;

use super::KitError;
use crate::data::compare::{Difference, RowMatch, Side, TableDiff, Tolerance, compare};
use crate::data::{BlobFile, Object, ObjectStore, StoreError, Table};
use crate::instance::{
    Binding, BoundInput, Component, Descriptor, InstanceError, Limits, PortKind, Role, RunInput,
    RunReport, Scope, Selection, Task, Watch,
};

/// What a plugin is given: complete parameters, and what is connected to its inputs.
#[derive(Debug, Clone)]
pub(super) struct Given {
    pub(super) params: Value,
    /// By port, in the descriptor's order.
    pub(super) inputs: Vec<(String, Content)>,
}

/// What is connected to an input.
#[derive(Debug, Clone)]
pub(super) enum Content {
    Table(RecordBatch),
    File { name: String, bytes: Arc<[u8]> },
}

impl Given {
    pub(super) fn table(&self, input: usize) -> Option<&RecordBatch> {
        match self.inputs.get(input) {
            Some((_, Content::Table(table))) => Some(table),
            _ => None,
        }
    }

    /// The same with another table or file on an input.
    pub(super) fn with(&self, input: usize, content: Content) -> Self {
        let mut copy = self.clone();
        copy.inputs[input].1 = content;
        copy
    }

    /// The columns and files, for people.
    pub(super) fn in_words(&self) -> String {
        let input = |(port, content): &(String, Content)| match content {
            Content::Table(table) => {
                let fields = table.schema_ref().fields().iter();
                let columns = fields.map(|field| format!("{} {}", field.name(), field.data_type()));
                format!("`{port}` ({})", columns.collect::<Vec<_>>().join(", "))
            }
            Content::File { name, .. } => format!("`{port}` (the file {name})"),
        };
        self.inputs.iter().map(input).collect::<Vec<_>>().join(", ")
    }

    pub(super) fn with_params(&self, params: Value) -> Self {
        Self { params, inputs: self.inputs.clone() }
    }
}

/// How input is cut.
#[derive(Debug, Clone, Copy)]
pub(super) struct How {
    /// Most rows of a batch.
    pub(super) batch_rows: usize,
    /// Rows of a partition; one partition when not said.
    pub(super) partition_rows: Option<usize>,
}

pub(super) const WHOLE: How = How { batch_rows: 65_536, partition_rows: None };

/// Which rows of an input an output has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kept {
    /// It passes no columns.
    Nothing,
    /// Some twice, or not in their order.
    Unknown,
    /// Work was cut in several runs, so nobody knows.
    Several,
    Rows {
        input: usize,
        rows: Vec<u64>,
    },
}

/// What a run gave, its partitions put together.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) binding: Binding,
    /// By output port.
    pub(super) outputs: Vec<RecordBatch>,
    pub(super) kept: Vec<Kept>,
    /// By input: the columns that were pulled.
    pub(super) pulled: Vec<Vec<String>>,
}

/// A piece of the work, and the inputs of its run.
type Unit = ((u32, u32), Vec<(String, RunInput)>);

/// A plugin and a folder to run it in.
pub(super) struct Stand<'a> {
    pub(super) component: &'a Component,
    pub(super) limits: Limits,
    objects: ObjectStore,
    folder: tempfile::TempDir,
}

impl<'a> Stand<'a> {
    pub(super) fn new(component: &'a Component, limits: Limits) -> Result<Self, KitError> {
        let folder = tempfile::tempdir().map_err(KitError::Folder)?;
        let objects = ObjectStore::scratch(folder.path())?;
        Ok(Self { component, limits, objects, folder })
    }

    pub(super) fn descriptor(&self) -> &Descriptor {
        self.component.descriptor()
    }

    /// Binds and runs, as a host would.
    ///
    /// # Errors
    /// The plugin's, or that of a limit or a broken contract.
    pub(super) fn run(&self, given: &Given, how: How) -> Result<Ran, InstanceError> {
        let storage = |error: StoreError| InstanceError::Storage(error.to_string());
        let inputs = self.open(given, how).map_err(storage)?;
        let params = given.params.to_string();
        let bound: Vec<_> = inputs
            .iter()
            .map(|(port, input)| {
                let shape = match input {
                    RunInput::Table(table) => BoundInput::Table(table.schema.fields().clone()),
                    RunInput::Blob(file) => BoundInput::Blob(Arc::clone(file)),
                };
                (port.clone(), shape)
            })
            .collect();
        let binding = self.component.bind(&params, &bound, self.limits, Arc::default())?;
        let mut reports = Vec::new();
        for (piece, inputs) in self.units(inputs, binding.pieces) {
            reports.push(self.unit(&params, piece, inputs, &binding, how)?);
        }
        self.gather(binding, &reports).map_err(storage)
    }

    fn open(&self, given: &Given, how: How) -> Result<Vec<(String, RunInput)>, StoreError> {
        let open = |(port, content): &(String, Content)| {
            let input = match content {
                Content::Table(table) => {
                    let cut = how.partition_rows.filter(|_| self.is_cut(port));
                    RunInput::Table(Arc::new(self.table(table, cut)?))
                }
                Content::File { name, bytes } => RunInput::Blob(Arc::new(self.file(name, bytes)?)),
            };
            Ok((port.clone(), input))
        };
        given.inputs.iter().map(open).collect()
    }

    /// Whether this port's table comes in partitions.
    fn is_cut(&self, port: &str) -> bool {
        let descriptor = self.descriptor();
        let kind = descriptor.inputs.iter().find(|known| known.name == port).map(|port| port.kind);
        descriptor.scope == Scope::Whole || kind == Some(PortKind::Table)
    }

    fn table(&self, rows: &RecordBatch, cut: Option<usize>) -> Result<Table, StoreError> {
        let size = cut.unwrap_or(usize::MAX).max(1);
        let mut partitions = Vec::new();
        let mut from = 0;
        loop {
            let length = size.min(rows.num_rows() - from);
            let mut writer = self.objects.writer(rows.schema())?;
            writer.push(rows.slice(from, length))?;
            partitions.push(Arc::new(writer.finish()?));
            from += length;
            if from >= rows.num_rows() {
                return Ok(Table { schema: rows.schema(), partitions });
            }
        }
    }

    fn file(&self, name: &str, bytes: &[u8]) -> Result<BlobFile, StoreError> {
        let path: PathBuf = self.folder.path().join("files").join(name);
        let written = path.parent().map_or(Ok(()), std::fs::create_dir_all);
        let opened = written
            .and_then(|()| std::fs::write(&path, bytes))
            .and_then(|()| BlobFile::open(&path));
        opened.map_err(StoreError::io(&path))
    }

    /// What each run of the plugin is given, as the scheduler would cut it.
    fn units(&self, inputs: Vec<(String, RunInput)>, pieces: u32) -> Vec<Unit> {
        let partitions = inputs.iter().find_map(|(port, input)| match input {
            RunInput::Table(table) if self.is_cut(port) => Some(table.partitions.len()),
            _ => None,
        });
        match (self.descriptor().scope, partitions) {
            (Scope::Partition, Some(partitions)) => (0..partitions)
                .map(|partition| {
                    let part = |(port, input): &(String, RunInput)| {
                        let input = match input {
                            RunInput::Table(table) if self.is_cut(port) => {
                                let partitions = vec![Arc::clone(&table.partitions[partition])];
                                let schema = Arc::clone(&table.schema);
                                RunInput::Table(Arc::new(Table { schema, partitions }))
                            }
                            other => other.clone(),
                        };
                        (port.clone(), input)
                    };
                    ((0, 1), inputs.iter().map(part).collect())
                })
                .collect(),
            _ => (0..pieces).map(|piece| ((piece, pieces), inputs.clone())).collect(),
        }
    }

    fn unit(
        &self,
        params: &str,
        piece: (u32, u32),
        inputs: Vec<(String, RunInput)>,
        binding: &Binding,
        how: How,
    ) -> Result<RunReport, InstanceError> {
        let readable = |index: usize, input: &RunInput| -> Arc<[usize]> {
            let RunInput::Table(table) = input else { return Arc::from([]) };
            let is_read = |column: &usize| {
                binding.reads.iter().any(|read| (read.input, read.column) == (index, *column))
            };
            (0..table.schema.fields().len()).filter(is_read).collect()
        };
        let inputs = inputs.into_iter().enumerate().map(|(index, (port, input))| {
            let readable = readable(index, &input);
            (port, input, readable)
        });
        self.component.run(Task {
            params,
            piece,
            inputs: inputs.collect(),
            outputs: binding.outputs.clone(),
            objects: &self.objects,
            limits: self.limits,
            watch: Arc::new(Watch::default()),
            batch_rows: how.batch_rows,
            threads: None,
            may_cut: matches!(self.descriptor().role, Role::Ingester | Role::Simulator),
        })
    }

    fn gather(&self, binding: Binding, reports: &[RunReport]) -> Result<Ran, StoreError> {
        let mut outputs = Vec::with_capacity(binding.outputs.len());
        let mut kept = Vec::with_capacity(binding.outputs.len());
        for (port, table) in binding.outputs.iter().enumerate() {
            let schema = Arc::new(Schema::new(table.fields.clone()));
            let objects = reports.iter().flat_map(|report| &report.outputs[port]);
            outputs.push(one_batch(&schema, objects)?);
            kept.push(match reports {
                [one] => self.kept(&one.selections[port], &one.outputs[port])?,
                _ => Kept::Several,
            });
        }
        let inputs = reports.iter().map(|report| report.reads.len()).max().unwrap_or(0);
        let pulled = (0..inputs).map(|input| {
            let mut names: Vec<_> =
                reports.iter().flat_map(|report| report.reads[input].clone()).collect();
            names.sort();
            names.dedup();
            names
        });
        Ok(Ran { pulled: pulled.collect(), binding, outputs, kept })
    }

    fn kept(&self, selection: &Selection, output: &[Arc<Object>]) -> Result<Kept, StoreError> {
        Ok(match selection {
            Selection::Nothing => Kept::Nothing,
            Selection::Unknown => Kept::Unknown,
            Selection::All { input } => {
                let rows: u64 = output.iter().map(|object| object.rows).sum();
                Kept::Rows { input: *input, rows: (0..rows).collect() }
            }
            Selection::Rows { input, rows } => {
                let object = Arc::new(self.objects.get(rows.digest)?);
                let schema = Arc::clone(&object.schema);
                let numbers = one_batch(&schema, std::iter::once(&object))?;
                let numbers = numbers.column(0).as_primitive::<UInt64Type>().values().to_vec();
                Kept::Rows { input: *input, rows: numbers }
            }
        })
    }
}

fn one_batch<'o>(
    schema: &SchemaRef,
    objects: impl Iterator<Item = &'o Arc<Object>>,
) -> Result<RecordBatch, StoreError> {
    let mut batches = Vec::new();
    for object in objects {
        for batch in object.batches()? {
            // Its file may know the same schema by other dictionary numbers.
            batches.push(batch?.with_schema(Arc::clone(schema))?);
        }
    }
    Ok(concat_batches(schema, &batches)?)
}

/// How the outputs of two runs differ first, if they do.
pub(super) fn difference(descriptor: &Descriptor, left: &Ran, right: &Ran) -> Option<String> {
    let ports = descriptor.outputs.iter().zip(left.outputs.iter().zip(&right.outputs));
    ports.into_iter().find_map(|(port, (left, right))| {
        let diff = table_diff(left, right, Tolerance::default());
        first_difference(&port.name, &diff, ("", "against ")).filter(|_| !diff.is_equal())
    })
}

/// Compares row by row.
pub(super) fn table_diff(
    left: &RecordBatch,
    right: &RecordBatch,
    tolerance: Tolerance,
) -> TableDiff {
    let (lefts, rights) = ([vec![left.clone()]], [vec![right.clone()]]);
    let left = Side::held(left.schema(), &lefts);
    let right = Side::held(right.schema(), &rights);
    compare(&left, &right, &RowMatch::Position, tolerance)
        .expect("rows in memory can be compared by their place")
}

/// The first difference in words: `left` and `right` stand before the two values.
pub(super) fn first_difference(
    port: &str,
    diff: &TableDiff,
    (left, right): (&str, &str),
) -> Option<String> {
    if let Some(name) = diff.removed.first() {
        return Some(format!("output `{port}` has no column `{name}`"));
    }
    if let Some(name) = diff.added.first() {
        return Some(format!("output `{port}` has a column `{name}` that was not expected"));
    }
    if let Some(column) = diff.retyped.first() {
        let name = &column.column;
        let (a, b) = (&column.left, &column.right);
        return Some(format!("output `{port}`, column `{name}`: {left}{a}, {right}{b}"));
    }
    if diff.reordered {
        return Some(format!("output `{port}` has its columns in another order"));
    }
    if diff.rows_left != diff.rows_right {
        let (a, b) = (diff.rows_left, diff.rows_right);
        return Some(format!("output `{port}`: {left}{a} rows, {right}{b}"));
    }
    let first = |column: &crate::data::compare::ColumnDiff| -> Option<(String, Difference)> {
        Some((column.name.clone(), column.first.clone()?))
    };
    let firsts = diff.columns.iter().filter(|column| column.rows > 0).filter_map(first);
    let (name, at) = firsts.min_by_key(|(_, at)| at.row)?;
    let (row, a, b) = (at.row, at.left, at.right);
    Some(format!("output `{port}`, row {row}, column `{name}`: {left}{a}, {right}{b}"))
}
