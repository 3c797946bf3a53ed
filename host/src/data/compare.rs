//! How two tables differ.
//!
//! [`compare`] matches rows by position or by a key, and counts in each column what differs,
//! by how much, and where first. [`confusion`] counts which class became which. Both read
//! batch by batch. They compare logical content, as [`Digester`](super::Digester) does: how
//! rows are batched, what lies under a null and how a dictionary is laid out do not matter;
//! the sign of zero does. All NaNs are the same.
//!
//! It does not know what the tables mean, or how a report looks.

mod confusion;
mod labels;
mod rows;
mod text;
mod values;

pub use confusion::{Cell, Confusion, MAX_CLASSES, confusion};
pub use labels::{Relabelled, key_of};

use arrow::array::{Array, RecordBatch};
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;

use super::{Object, StoreError, Table};
use labels::{relabelled, same_shape};
use rows::{Matched, for_each_match};
use text::describe;
use values::{Distance, Verdict, comparator, is_null, nulls_of};

/// What keeps two tables from being compared.
#[derive(Debug, thiserror::Error)]
pub enum CompareError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("cannot compare: {0}")]
    Arrow(#[from] ArrowError),
    #[error("the {side} table has no column `{column}`")]
    NoColumn { side: &'static str, column: String },
    #[error(
        "column `{column}` is {left} on the left and {right} on the right: \
         rows are matched by text, integers or bytes that are of one kind on both sides"
    )]
    NotAKey { column: String, left: String, right: String },
    #[error(
        "the key `{column}` is null in the {side} table, in row {row} of partition {partition}"
    )]
    NullKey { side: &'static str, column: String, partition: usize, row: u64 },
    #[error(
        "the key `{column}` is not unique: the {side} table has `{key}` again \
         in row {row} of partition {partition}"
    )]
    DuplicateKey { side: &'static str, column: String, key: String, partition: usize, row: u64 },
    #[error("column `{column}` of the {side} table is {found}, and classes are text")]
    NotText { side: &'static str, column: String, found: String },
    #[error("column `{column}` has more than {limit} pairs of classes")]
    TooManyClasses { column: String, limit: usize },
}

/// How far floating-point numbers may be apart and still count as equal.
///
/// With a relative tolerance r > 0, finite a and b are equal if |a−b| ≤ r·max(|a|, |b|),
/// reckoned in double precision; so 0 and −0 are, and 0 and any other number are not unless
/// r ≥ 1. With an absolute tolerance t > 0, they are also equal if |a−b| ≤ t. An infinity
/// equals only itself, NaN only NaN. With neither, numbers are compared bit for bit.
/// Integers, decimals and times must be the same whatever the tolerance is.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Tolerance {
    /// r: not negative.
    pub relative: f64,
    /// Not negative, in the column's unit.
    pub absolute: f64,
}

/// Which row of the left table belongs to which of the right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowMatch {
    /// The first to the first, the second to the second, whatever partitions they are in.
    Position,
    /// Those with the same value in this column, which holds text, integers or bytes, or
    /// words of a dictionary that are one of these.
    Key(String),
}

/// One of two tables: its schema, and its partitions in order.
#[derive(Debug, Clone)]
pub struct Side<'a> {
    pub schema: SchemaRef,
    pub partitions: Vec<Partition<'a>>,
}

/// The rows of a partition: on disk, or held.
#[derive(Debug, Clone, Copy)]
pub enum Partition<'a> {
    Object(&'a Object),
    Held(&'a [RecordBatch]),
}

impl<'a> From<&'a Table> for Side<'a> {
    fn from(table: &'a Table) -> Self {
        let partitions = table.partitions.iter().map(|object| Partition::Object(object)).collect();
        Self { schema: table.schema.clone(), partitions }
    }
}

impl<'a> Side<'a> {
    /// A table that is in memory: batches of `schema` for each partition.
    pub fn held(schema: SchemaRef, partitions: &'a [Vec<RecordBatch>]) -> Self {
        let partitions = partitions.iter().map(|batches| Partition::Held(batches)).collect();
        Self { schema, partitions }
    }
}

/// How two tables differ.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct TableDiff {
    pub rows_left: u64,
    pub rows_right: u64,
    /// Rows that have no match on the right.
    pub only_left: u64,
    /// Rows that have no match on the left.
    pub only_right: u64,
    /// Columns that only the right table has, in its order.
    pub added: Vec<String>,
    /// Columns that only the left table has, in its order.
    pub removed: Vec<String>,
    /// Whether the columns that both have come in another order.
    pub reordered: bool,
    /// Columns that both have, with other types; their values are not compared.
    pub retyped: Vec<Retyped>,
    /// Columns whose unit, UCD, nullability or other metadata changed.
    pub relabelled: Vec<Relabelled>,
    /// Columns of the same type in both whose values differ somewhere, if only within the
    /// tolerance; in the left table's order.
    pub columns: Vec<ColumnDiff>,
    /// How many columns of the same type in both have nothing but equal values.
    pub equal_columns: usize,
}

impl TableDiff {
    /// Whether nothing differs beyond the tolerance, in rows, columns, labels or values.
    ///
    /// Without a tolerance and by position, this is whether both tables' rows, run together,
    /// have the same digest.
    pub fn is_equal(&self) -> bool {
        self.only_left == 0
            && self.only_right == 0
            && self.added.is_empty()
            && self.removed.is_empty()
            && !self.reordered
            && self.retyped.is_empty()
            && self.relabelled.is_empty()
            && self.columns.iter().all(|column| column.rows == 0)
    }
}

/// A column of another type.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Retyped {
    pub column: String,
    pub left: String,
    pub right: String,
}

/// How the values of a column differ, over the rows that match.
///
/// A list or struct is one value; it is as far off as the worst of what it holds, and lists
/// of different lengths are beyond any tolerance.
#[derive(Debug, Clone, PartialEq, Default, serde::Serialize)]
pub struct ColumnDiff {
    pub name: String,
    /// Rows whose values differ beyond the tolerance.
    pub rows: u64,
    /// Rows whose values differ, but not beyond the tolerance.
    pub within: u64,
    /// The largest |a−b| of two finite numbers that differ, at any depth and also within the
    /// tolerance, in the column's unit. None where no finite numbers differ.
    pub max_abs: Option<f64>,
    /// The largest |a−b| / max(|a|, |b|), likewise: from 0 to 2.
    pub max_rel: Option<f64>,
    /// Rows that have a value on the left and null on the right. They are among `rows`.
    pub nulls_appeared: u64,
    /// Rows that are null on the left and have a value on the right. They are among `rows`.
    pub nulls_vanished: u64,
    /// The first of `rows`, in the left table's order.
    pub first: Option<Difference>,
}

/// Two values that differ. Each is cut to 80 characters, with control characters escaped.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Difference {
    /// The left table's partition, from 0.
    pub partition: usize,
    /// The row in that partition, from 0.
    pub row: u64,
    /// The row's key, where rows are matched by one.
    pub key: Option<String>,
    pub left: String,
    pub right: String,
}

/// How the right table differs from the left one.
///
/// By position, both are read once, and one batch of each is held. Partitions at the same
/// place with the same digest are not read at all. By key, the right table's batches stay
/// mapped, and each of its rows, and each left row without match, takes up about 100 bytes
/// of memory and the length of its key.
///
/// # Errors
/// [`CompareError`] when a table cannot be read, or when rows are matched by a key that is
/// not in both tables as text, integers or bytes, that is null somewhere, or that is not
/// unique in either table.
pub fn compare(
    left: &Side<'_>,
    right: &Side<'_>,
    by: &RowMatch,
    tolerance: Tolerance,
) -> Result<TableDiff, CompareError> {
    let (mut retyped, mut labels, mut tallies) = (Vec::new(), Vec::new(), Vec::new());
    let (mut removed, mut order) = (Vec::new(), Vec::new());
    for (index, field) in left.schema.fields().iter().enumerate() {
        let Some((other_index, other)) = right.schema.column_with_name(field.name()) else {
            removed.push(field.name().clone());
            continue;
        };
        order.push(other_index);
        if same_shape(field.data_type(), other.data_type()) {
            relabelled(field, other, &mut labels);
            tallies.push(Tally::new(field.name(), index, other_index));
        } else {
            let [left, right] = [field.data_type(), other.data_type()].map(ToString::to_string);
            retyped.push(Retyped { column: field.name().clone(), left, right });
        }
    }
    let key = match by {
        RowMatch::Position => None,
        RowMatch::Key(column) => left.schema.column_with_name(column).map(|(index, _)| index),
    };
    let matched = for_each_match(left, right, by, true, &mut |rows| {
        tallies.iter_mut().try_for_each(|tally| tally.add(rows, key, tolerance))
    })?;
    let added = right.schema.fields().iter().map(|field| field.name());
    let added = added.filter(|name| left.schema.column_with_name(name).is_none());
    let (rows_left, rows_right) = (left.rows(), right.rows());
    let compared = tallies.len();
    let columns: Vec<_> = tallies.into_iter().filter_map(Tally::finish).collect();
    Ok(TableDiff {
        rows_left,
        rows_right,
        only_left: rows_left.saturating_sub(matched),
        only_right: rows_right.saturating_sub(matched),
        added: added.cloned().collect(),
        removed,
        reordered: !order.is_sorted(),
        retyped,
        relabelled: labels,
        equal_columns: compared - columns.len(),
        columns,
    })
}

/// What is known of a column that both tables have.
struct Tally {
    /// Where it is in the left and in the right schema.
    index: (usize, usize),
    distance: Distance,
    diff: ColumnDiff,
}

impl Tally {
    fn new(name: &str, left: usize, right: usize) -> Self {
        let diff = ColumnDiff { name: name.to_owned(), ..ColumnDiff::default() };
        Self { index: (left, right), distance: Distance::default(), diff }
    }

    /// Adds `rows`; the left table has their key in column `key`.
    fn add(
        &mut self,
        rows: &Matched<'_>,
        key: Option<usize>,
        tolerance: Tolerance,
    ) -> Result<(), CompareError> {
        let (left, right) = (rows.left(self.index.0)?, rows.right(self.index.1)?);
        // Arrow compares floats by their bits, and so finds no two equal that differ for us.
        if left.to_data() == right.to_data() {
            return Ok(());
        }
        let compare = comparator(&left, &right, tolerance);
        let (left_nulls, right_nulls) = (nulls_of(&left), nulls_of(&right));
        for row in 0..left.len() {
            match compare(row, row, &mut self.distance) {
                Verdict::Equal => continue,
                Verdict::Within => {
                    self.diff.within += 1;
                    continue;
                }
                Verdict::Apart => self.diff.rows += 1,
            }
            let nulls = (is_null(&left_nulls, row), is_null(&right_nulls, row));
            self.diff.nulls_appeared += u64::from(nulls == (false, true));
            self.diff.nulls_vanished += u64::from(nulls == (true, false));
            // Rows that match by key come batch by batch of the right table.
            let (partition, at) = (rows.partition, rows.left_row(row));
            let first = self.diff.first.as_ref();
            if first.is_none_or(|first| (partition, at) < (first.partition, first.row)) {
                self.diff.first = Some(Difference {
                    partition,
                    row: at,
                    key: key.map(|key| rows.describe_left(key, row)),
                    left: describe(&left, row),
                    right: describe(&right, row),
                });
            }
        }
        Ok(())
    }

    fn finish(self) -> Option<ColumnDiff> {
        let Distance { abs, rel } = self.distance;
        let diff = ColumnDiff { max_abs: abs, max_rel: rel, ..self.diff };
        (diff.rows + diff.within > 0).then_some(diff)
    }
}

#[cfg(test)]
mod tests;
