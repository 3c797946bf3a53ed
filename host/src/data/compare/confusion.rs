//! Which class became which.

use std::collections::BTreeMap;

use arrow::array::{ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;

use super::rows::for_each_match;
use super::{CompareError, RowMatch, Side};

/// The most pairs of classes that are counted: more are no classes.
pub const MAX_CLASSES: usize = 10_000;

/// How many rows of each left class are of each right class.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct Confusion {
    /// Pairs that occur, sorted by left class, then by right class; null comes first.
    pub cells: Vec<Cell>,
    /// Rows that have no match on the right.
    pub only_left: u64,
    /// Rows that have no match on the left.
    pub only_right: u64,
}

/// One pair of classes.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Cell {
    /// None where the left value is null.
    pub left: Option<String>,
    /// None where the right value is null.
    pub right: Option<String>,
    /// At least 1.
    pub rows: u64,
}

impl Confusion {
    /// Rows whose class is the same on both sides.
    pub fn same(&self) -> u64 {
        self.cells.iter().filter(|cell| cell.left == cell.right).map(|cell| cell.rows).sum()
    }

    /// Rows whose class changed, also to or from null.
    pub fn changed(&self) -> u64 {
        self.cells.iter().filter(|cell| cell.left != cell.right).map(|cell| cell.rows).sum()
    }
}

/// Counts the classes in `column`, which is text on both sides, of a dictionary or not.
///
/// Memory is as for [`compare`](super::compare), but all partitions are read.
///
/// # Errors
/// As [`compare`](super::compare); and [`CompareError`] when a table has no such column, when
/// it holds no text, or when it has more than [`MAX_CLASSES`] pairs of classes.
pub fn confusion(
    left: &Side<'_>,
    right: &Side<'_>,
    column: &str,
    by: &RowMatch,
) -> Result<Confusion, CompareError> {
    let left_index = find(left, "left", column)?;
    let right_index = find(right, "right", column)?;
    let mut counts: BTreeMap<(Option<String>, Option<String>), u64> = BTreeMap::new();
    let matched = for_each_match(left, right, by, false, &mut |rows| {
        let (left, right) = (text(&rows.left(left_index)?)?, text(&rows.right(right_index)?)?);
        let mut here: BTreeMap<(Option<&str>, Option<&str>), u64> = BTreeMap::new();
        for pair in left.as_string::<i64>().iter().zip(right.as_string::<i64>()) {
            *here.entry(pair).or_default() += 1;
        }
        for ((left, right), rows) in here {
            *counts.entry((left.map(str::to_owned), right.map(str::to_owned))).or_default() += rows;
        }
        if counts.len() > MAX_CLASSES {
            let (column, limit) = (column.to_owned(), MAX_CLASSES);
            return Err(CompareError::TooManyClasses { column, limit });
        }
        Ok(())
    })?;
    let cells = counts.into_iter().map(|((left, right), rows)| Cell { left, right, rows });
    Ok(Confusion {
        cells: cells.collect(),
        only_left: left.rows().saturating_sub(matched),
        only_right: right.rows().saturating_sub(matched),
    })
}

fn find(table: &Side<'_>, side: &'static str, column: &str) -> Result<usize, CompareError> {
    let Some((index, field)) = table.schema.column_with_name(column) else {
        return Err(CompareError::NoColumn { side, column: column.to_owned() });
    };
    let plain = match field.data_type() {
        DataType::Dictionary(_, words) => words,
        plain => plain,
    };
    if !matches!(plain, DataType::Utf8 | DataType::LargeUtf8) {
        let (column, found) = (column.to_owned(), field.data_type().to_string());
        return Err(CompareError::NotText { side, column, found });
    }
    Ok(index)
}

fn text(array: &ArrayRef) -> Result<ArrayRef, CompareError> {
    Ok(cast(array, &DataType::LargeUtf8)?)
}
