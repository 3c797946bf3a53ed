//! A sample of what a node was given in a run, as a golden case.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, RecordBatch, UInt64Array};
use arrow::compute::{concat_batches, take_record_batch};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::super::super::text;
use super::TestArgs;
use crate::data::{Digest, ObjectStore, StoreError, Table, field_ucd};
use crate::fault::suggestion;
use crate::instance::{Descriptor, Port, PortKind};
use crate::kit::{CaseInput, write_case};
use crate::provenance::{NodeRecord, RunRecord};
use crate::run::RunError;

/// What is taken whole, such as a model or a file, must not be larger.
const MAX_BYTES: u64 = 4 << 20;

/// Writes the case into `folder`; gives its file.
pub(super) fn capture(
    args: &TestArgs,
    descriptor: &Descriptor,
    run: &str,
    node: &str,
    folder: &Path,
) -> Result<PathBuf, RunError> {
    let record = args.state.record(run)?;
    let Some(found) = record.nodes.get(node) else {
        let help = suggestion(node, record.nodes.keys().map(String::as_str));
        return Err(usage(format!("run {} has no node `{node}`; {help}", record.run)));
    };
    if found.plugin != descriptor.name {
        let (run, plugin, name) = (&record.run, &found.plugin, &descriptor.name);
        return Err(usage(format!(
            "node `{node}` of run {run} is of plugin `{plugin}`, not `{name}`; name one of its nodes"
        )));
    }
    let objects = ObjectStore::at(&args.state.state().join("cache"));
    let mut inputs = IndexMap::new();
    let mut sample = Sample { rows: args.rows, keys: None };
    for port in &descriptor.inputs {
        let Some(from) = found.inputs.get(&port.name) else { continue };
        let input = match port.kind {
            PortKind::Blob => file(&record, from)?,
            _ => {
                let table = table(&record, from, &objects)?;
                CaseInput::Table(sample.take(port, from, &table)?)
            }
        };
        inputs.insert(port.name.clone(), input);
    }
    let about = format!(
        "A sample of what node `{node}` of workflow `{}` was given in run {}.",
        record.workflow, record.run
    );
    Ok(write_case(folder, node, &about, &params(found, descriptor), &inputs)?)
}

fn usage(message: String) -> RunError {
    RunError::Usage(message)
}

/// The parameters that are not what they are anyway.
fn params(node: &NodeRecord, descriptor: &Descriptor) -> Map<String, Value> {
    let default = |name: &str| descriptor.params.get("properties")?.get(name)?.get("default");
    let given = node.params.as_object().into_iter().flatten();
    let given = given.filter(|(name, value)| default(name) != Some(value));
    given.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// The first file that fed an ingester, as it was.
fn file(record: &RunRecord, input: &str) -> Result<CaseInput, RunError> {
    let files = record.inputs.get(input).and_then(|files| files.first());
    let file = files.ok_or_else(|| usage(format!("run {} read no file", record.run)))?;
    let path = file.path.display();
    if file.bytes > MAX_BYTES {
        return Err(too_large(&format!("file {path}"), file.bytes));
    }
    let bytes = std::fs::read(&file.path).map_err(|error| usage(format!("{path}: {error}")))?;
    if Digest::of(&bytes) != file.digest {
        return Err(usage(format!("{path} is not what the run read; run the workflow again")));
    }
    let name = file.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(CaseInput::File { name, bytes })
}

fn too_large(what: &str, bytes: u64) -> RunError {
    let (size, limit) = (text::size(bytes), text::size(MAX_BYTES));
    usage(format!(
        "{what} has {size}, and is taken whole into a case, which has room for {limit}; run a \
         smaller workflow"
    ))
}

/// The table that `from`, `node.port`, gave.
fn table(record: &RunRecord, from: &str, objects: &ObjectStore) -> Result<Table, RunError> {
    let found = from
        .split_once('.')
        .and_then(|(node, port)| record.nodes.get(node).and_then(|node| node.outputs.get(port)));
    let run = &record.run;
    let gone = || usage(format!("the cache no longer holds `{from}` of run {run}; run it again"));
    let opened = found.ok_or_else(gone)?.open(objects).map_err(|error| match error {
        StoreError::Io { .. } => gone(),
        other => other.into(),
    })?;
    opened.ok_or_else(gone)
}

/// Rows of several tables that belong together.
struct Sample {
    rows: usize,
    /// The key column of the first table, and its values in the sample.
    keys: Option<(String, BTreeSet<String>)>,
}

impl Sample {
    /// Rows at even distances; of further tables, those with the same keys.
    fn take(&mut self, port: &Port, from: &str, table: &Table) -> Result<RecordBatch, RunError> {
        if port.kind == PortKind::WholeTable {
            let bytes = table.partitions.iter().map(|object| object.bytes).sum();
            if bytes > MAX_BYTES {
                return Err(too_large(&format!("table `{from}`"), bytes));
            }
            return Ok(concat_batches(&table.schema, &all(table)?).map_err(StoreError::Arrow)?);
        }
        let key = self.keys.as_ref().and_then(|(name, _)| table.schema.index_of(name).ok());
        let rows = table.rows();
        let step = |at: u64| at * rows / (self.rows as u64).max(1);
        let even: BTreeSet<u64> = (0..(self.rows as u64).min(rows))
            .map(|at| if rows <= self.rows as u64 { at } else { step(at) })
            .collect();
        let (mut first, mut parts) = (0, Vec::new());
        for batch in all(table)? {
            let wanted: Vec<u64> = match (key, &self.keys) {
                (Some(key), Some((_, keys))) => {
                    let texts = texts(batch.column(key))?;
                    let rows = texts.iter().enumerate().filter(|(_, text)| keys.contains(*text));
                    rows.map(|(row, _)| row as u64).collect()
                }
                _ => (0..batch.num_rows() as u64)
                    .filter(|row| even.contains(&(first + row)))
                    .collect(),
            };
            first += batch.num_rows() as u64;
            let part = take_record_batch(&batch, &UInt64Array::from(wanted));
            parts.push(part.map_err(StoreError::Arrow)?);
        }
        let sample = concat_batches(&table.schema, &parts).map_err(StoreError::Arrow)?;
        if self.keys.is_none() {
            self.keys = keys(&sample)?;
        }
        Ok(sample)
    }
}

fn all(table: &Table) -> Result<Vec<RecordBatch>, StoreError> {
    table
        .batches()
        .map(|batch| batch.and_then(|batch| Ok(batch.with_schema(Arc::clone(&table.schema))?)))
        .collect()
}

/// The column that is marked as key, and its values.
fn keys(sample: &RecordBatch) -> Result<Option<(String, BTreeSet<String>)>, RunError> {
    let schema = sample.schema();
    let is_key = |ucd: &str| ucd.starts_with("meta.id") && ucd.contains("meta.main");
    let mut fields = schema.fields().iter().enumerate();
    let key = fields.find(|(_, field)| field_ucd(field).is_some_and(is_key));
    let Some((index, field)) = key else { return Ok(None) };
    let values = texts(sample.column(index))?.into_iter().collect();
    Ok(Some((field.name().clone(), values)))
}

fn texts(column: &dyn Array) -> Result<Vec<String>, RunError> {
    let options = FormatOptions::new();
    let formatter = ArrayFormatter::try_new(column, &options).map_err(StoreError::Arrow)?;
    Ok((0..column.len()).map(|row| formatter.value(row).to_string()).collect())
}
