//! The same again, from nothing: is it still the same?
//!
//! A plan is run with a [`scratch`] cache, in other batches than usual; [`set_against`]
//! compares every table with the one that a lock names. Where they differ, [`Reference`] has
//! what there is of the earlier tables: their values, or else the digests of their
//! partitions and columns.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

use crate::cache::Cache;
use crate::data::compare::{CompareError, RowMatch, Side, TableDiff, Tolerance, compare};
use crate::data::{Digest, ObjectStore, StoreError, Table};
use crate::lock::{Lock, LockedTable};
use crate::plan::Plan;
use crate::provenance::{RunRecord, TableRecord};
use crate::schedule::{NodeOutcome, NodeState};

/// A table, set against the one that was locked.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Comparison {
    pub node: String,
    pub port: String,
    pub locked: Digest,
    /// None where the node gave nothing.
    pub found: Option<Digest>,
    pub verdict: Verdict,
}

/// How a table compares.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    Identical,
    /// Numbers differ, all within the tolerance; by so much at most.
    Within {
        max_relative: f64,
    },
    Differs(Box<Differs>),
    /// The node failed, or one before it.
    Missing,
}

/// Where a table differs, as far as it can be told.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Differs {
    /// Partitions with another digest, from 0; more or fewer count, too.
    pub partitions: Vec<usize>,
    /// Columns with another digest.
    pub columns: Vec<String>,
    /// Rows and values, where the earlier table is still there.
    pub values: Option<TableDiff>,
}

/// What there is of the earlier results.
#[derive(Default)]
pub struct Reference {
    pub record: Option<RunRecord>,
    /// Where their objects may lie.
    pub objects: Vec<ObjectStore>,
}

impl Reference {
    fn record_of(&self, node: &str, port: &str) -> Option<&TableRecord> {
        self.record.as_ref()?.nodes.get(node)?.outputs.get(port)
    }

    /// The earlier table, if all of it is still there.
    fn table(&self, node: &str, port: &str) -> Option<Table> {
        let record = self.record_of(node, port)?;
        let whole = |table: &Table| table.partitions.iter().all(|object| object.verify().is_ok());
        let mut tables =
            self.objects.iter().filter_map(|objects| record.open(objects).ok().flatten());
        tables.find(whole)
    }
}

/// Sets what a run of `plan` gave against what `lock` names.
///
/// # Errors
/// When tables cannot be compared.
pub fn set_against(
    plan: &Plan,
    outcomes: &[NodeOutcome],
    lock: &Lock,
    reference: &Reference,
    tolerance: Tolerance,
) -> Result<Vec<Comparison>, CompareError> {
    let mut comparisons = Vec::new();
    for (node, outcome) in plan.nodes.iter().zip(outcomes) {
        let none = BTreeMap::new();
        let locked = lock.results.get(&node.id).unwrap_or(&none);
        for (port, locked) in locked {
            let table = node.output(port).and_then(|output| outcome.tables.get(output));
            let verdict = match table {
                Some(table) if matches!(outcome.state, NodeState::Finished) => {
                    judge(&node.id, port, locked, table, reference, tolerance)?
                }
                _ => Verdict::Missing,
            };
            comparisons.push(Comparison {
                node: node.id.clone(),
                port: port.clone(),
                locked: locked.digest,
                found: table.map(|table| table.digest()),
                verdict,
            });
        }
    }
    Ok(comparisons)
}

fn judge(
    node: &str,
    port: &str,
    locked: &LockedTable,
    table: &Table,
    reference: &Reference,
    tolerance: Tolerance,
) -> Result<Verdict, CompareError> {
    if table.digest() == locked.digest {
        return Ok(Verdict::Identical);
    }
    let mut differs = Differs::default();
    if let Some(record) = reference.record_of(node, port) {
        let count = record.partitions.len().max(table.partitions.len());
        let is_same = |index: &usize| {
            let found = table.partitions.get(*index).map(|object| &object.digest);
            record.partitions.get(*index) == found
        };
        differs.partitions = (0..count).filter(|index| !is_same(index)).collect();
        let fields = table.schema.fields().iter().zip(table.column_digests());
        let changed = fields.filter(|(field, digest)| {
            record.columns.get(field.name()).is_none_or(|column| column.digest != *digest)
        });
        differs.columns = changed.map(|(field, _)| field.name().clone()).collect();
        let gone = record.columns.keys().filter(|name| table.schema.field_with_name(name).is_err());
        differs.columns.extend(gone.cloned());
    }
    if let Some(earlier) = reference.table(node, port) {
        let (left, right) = (Side::from(&earlier), Side::from(table));
        let values = compare(&left, &right, &RowMatch::Position, tolerance)?;
        if tolerance.relative > 0.0 && values.is_equal() {
            let apart = values.columns.iter().filter_map(|column| column.max_rel);
            return Ok(Verdict::Within { max_relative: apart.fold(0.0, f64::max) });
        }
        differs.values = Some(values);
    }
    Ok(Verdict::Differs(Box::new(differs)))
}

/// A cache of its own below `state`, gone when the folder is dropped.
///
/// # Errors
/// When it cannot be made.
pub fn scratch(state: &Path) -> Result<(tempfile::TempDir, Arc<Cache>), StoreError> {
    let io = |source| StoreError::Io { path: state.to_owned(), source };
    std::fs::create_dir_all(state).map_err(io)?;
    let folder = tempfile::Builder::new().prefix("replay-").tempdir_in(state);
    let folder = folder.map_err(|source| StoreError::Io { path: state.to_owned(), source })?;
    let cache = Arc::new(Cache::open(folder.path())?);
    Ok((folder, cache))
}
