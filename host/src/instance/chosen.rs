//! Which rows of its input an output has.
//!
//! A plugin that passes columns on decides only which rows go along. The host notes that, so
//! that it can pass other columns on later without asking the plugin again.

use std::sync::Arc;

use arrow::array::{RecordBatch, UInt64Array};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use serde::{Deserialize, Serialize};

use super::TableSchema;
use crate::data::{ObjectInfo, ObjectStore, ObjectWriter, StoreError, Table};

/// Which rows of its input an output has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Selection {
    /// It passes no columns.
    Nothing,
    /// It passes columns, but not in a way that could be done again without the plugin.
    Unknown,
    /// All rows of this input, in order.
    All { input: usize },
    /// Of this input the rows whose numbers the object's one column holds, in rising order.
    Rows { input: usize, rows: ObjectInfo },
}

/// Which rows of its input an output has, as it is written.
pub(super) enum Chosen {
    /// It passes no columns.
    Nothing,
    /// None yet.
    Start,
    /// The first so many, in order.
    First { input: usize, rows: u64 },
    /// Those of these numbers; the last of them.
    Some { input: usize, rows: Box<ObjectWriter>, last: Option<u64> },
    /// Not in their order.
    Unknown,
}

impl Chosen {
    pub(super) fn new(table: &TableSchema) -> Self {
        if table.passed.is_empty() { Self::Nothing } else { Self::Start }
    }

    /// Notes that of `length` rows from `start`, those in `keep` were passed on.
    pub(super) fn add(
        self,
        objects: &ObjectStore,
        input: usize,
        start: u64,
        length: u64,
        keep: Option<&BooleanBuffer>,
    ) -> Result<Self, StoreError> {
        let is_all = keep.is_none_or(|keep| keep.count_set_bits() == keep.len());
        let (known, mut rows, last) = match self {
            Self::Nothing => return Ok(Self::Nothing),
            Self::Unknown => return Ok(Self::Unknown),
            Self::Start if is_all && start == 0 => return Ok(Self::First { input, rows: length }),
            Self::First { input: known, rows } if is_all && (known, rows) == (input, start) => {
                return Ok(Self::First { input, rows: rows + length });
            }
            Self::Start => (input, Box::new(objects.writer(chosen_schema())?), None),
            Self::First { input, rows } => {
                let mut writer = Box::new(objects.writer(chosen_schema())?);
                push_rows(&mut writer, 0..rows)?;
                (input, writer, rows.checked_sub(1))
            }
            Self::Some { input, rows, last } => (input, rows, last),
        };
        if known != input || last.is_some_and(|last| start <= last) {
            return Ok(Self::Unknown);
        }
        let last = match keep {
            Some(keep) => {
                push_rows(&mut rows, keep.set_indices().map(|row| start + row as u64))?;
                keep.set_indices().last().map(|row| start + row as u64).or(last)
            }
            None => {
                push_rows(&mut rows, start..start + length)?;
                (start + length).checked_sub(1)
            }
        };
        Ok(Self::Some { input, rows, last })
    }

    pub(super) fn finish(
        self,
        table: &TableSchema,
        objects: &ObjectStore,
        tables: &[Option<Arc<Table>>],
    ) -> Result<Selection, StoreError> {
        let rows_of = |input: usize| tables.get(input)?.as_ref().map(|table| table.rows());
        Ok(match self {
            Self::Nothing => Selection::Nothing,
            Self::Unknown => Selection::Unknown,
            Self::First { input, rows } if rows_of(input) == Some(rows) => Selection::All { input },
            Self::First { input, rows } => {
                let mut writer = objects.writer(chosen_schema())?;
                push_rows(&mut writer, 0..rows)?;
                Selection::Rows { input, rows: writer.finish()?.info().clone() }
            }
            Self::Start => {
                let input = table.passed[0].input;
                match rows_of(input) {
                    Some(0) => Selection::All { input },
                    _ => {
                        let writer = objects.writer(chosen_schema())?;
                        Selection::Rows { input, rows: writer.finish()?.info().clone() }
                    }
                }
            }
            Self::Some { input, rows, .. } => {
                Selection::Rows { input, rows: rows.finish()?.info().clone() }
            }
        })
    }
}

/// The schema of row numbers.
pub(crate) fn chosen_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new("row", DataType::UInt64, false)]))
}

fn push_rows(writer: &mut ObjectWriter, rows: impl Iterator<Item = u64>) -> Result<(), StoreError> {
    let mut rows = rows.peekable();
    while rows.peek().is_some() {
        let part: UInt64Array = rows.by_ref().take(65_536).collect();
        writer.push(RecordBatch::try_new(chosen_schema(), vec![Arc::new(part)])?)?;
    }
    Ok(())
}
