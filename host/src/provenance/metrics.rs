//! Scores, read back from an evaluator's table.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use serde::{Deserialize, Serialize};

use crate::data::{StoreError, Table};

/// One score, of one class or of all.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Metric {
    pub metric: String,
    /// None for all classes together.
    pub class: Option<String>,
    pub value: Option<f64>,
    /// The ends of a 95 % interval.
    pub low: Option<f64>,
    pub high: Option<f64>,
    /// Rows that it rests on.
    pub support: Option<i64>,
}

/// The scores in an evaluator's first output; none if the table is of another shape.
///
/// # Errors
/// When the table cannot be read.
pub fn metrics_of(table: &Table) -> Result<Option<Vec<Metric>>, StoreError> {
    let expected = [
        ("metric", DataType::Utf8),
        ("class", DataType::Utf8),
        ("value", DataType::Float64),
        ("low", DataType::Float64),
        ("high", DataType::Float64),
        ("support", DataType::Int64),
    ];
    let fits = |(name, data_type): &(&str, DataType)| {
        table.schema.field_with_name(name).is_ok_and(|field| field.data_type() == data_type)
    };
    if !expected.iter().all(fits) {
        return Ok(None);
    }
    let mut metrics = Vec::new();
    for batch in table.batches() {
        push(&batch?, &mut metrics);
    }
    Ok(Some(metrics))
}

fn push(batch: &RecordBatch, metrics: &mut Vec<Metric>) {
    let column = |name: &str| batch.column_by_name(name).expect("checked with the schema");
    let text = |name: &str, row: usize| {
        let column = column(name).as_string::<i32>();
        column.is_valid(row).then(|| column.value(row).to_owned())
    };
    let number = |name: &str, row: usize| {
        let column = column(name).as_primitive::<Float64Type>();
        column.is_valid(row).then(|| column.value(row)).filter(|value| value.is_finite())
    };
    for row in 0..batch.num_rows() {
        let support = column("support").as_primitive::<Int64Type>();
        metrics.push(Metric {
            metric: text("metric", row).unwrap_or_default(),
            class: text("class", row),
            value: number("value", row),
            low: number("low", row),
            high: number("high", row),
            support: support.is_valid(row).then(|| support.value(row)),
        });
    }
}
