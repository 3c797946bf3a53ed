//! Proof of a declaration: perturb each column, see what moves.

use std::sync::Arc;

use skyloom_plugin::Plugin;
use skyloom_plugin::arrow_array::cast::AsArray;
use skyloom_plugin::arrow_array::types::Float64Type;
use skyloom_plugin::arrow_array::{
    Array, ArrayRef, BooleanArray, Float64Array, RecordBatch, StringArray,
};
use skyloom_plugin::arrow_schema::DataType;

use crate::{Harness, Outputs};

impl<P: Plugin> Harness<P> {
    /// Proves that
    /// - the same inputs give the same outputs, twice, and in batches of 1 and of 7 rows;
    /// - each column declared as read changes the output when it is perturbed: a
    ///   declaration of more than is used would cost needless re-runs;
    /// - each column that is passed arrives, perturbed alike, and nothing else moves.
    ///
    /// That no undeclared column is read needs no proof: reading one is refused. The
    /// inputs must be rich enough to show each effect.
    ///
    /// # Panics
    /// Where the declaration does not hold, saying which column and how.
    pub fn prove(&self) {
        let bound = self.bind().expect("binds");
        let reference = self.run().expect("runs");
        assert_same(&reference, &self.run().expect("runs"), "run twice");
        for batch_rows in [1, 7] {
            let split = self.split(batch_rows).run().expect("runs in smaller batches");
            assert_same(&reference, &split, &format!("in batches of {batch_rows}"));
        }
        let ports: Vec<_> = P::describe().inputs.iter().map(|port| port.name).collect();
        let connected = |port: &&&str| self.tables.iter().any(|(name, _)| name == **port);
        for (input, port) in ports.iter().filter(connected).enumerate() {
            let columns = &self.tables.iter().find(|(name, _)| name == port).expect("connected").1;
            for (column, field) in columns.schema().fields().iter().enumerate() {
                let of_this = |i: u32, c: u32| (i as usize, c as usize) == (input, column);
                let is_read = bound.reads.iter().any(|read| of_this(read.input, read.column));
                let is_passed = bound.outputs.iter().any(|output| {
                    output.passed.iter().any(|passed| of_this(passed.input, passed.column))
                });
                let name = format!("`{port}.{}`", field.name());
                let Some(perturbed) = self.perturb(port, column) else { continue };
                // What cannot be worked on any more has been read, too.
                let Ok(outputs) = perturbed.run() else {
                    assert!(is_read, "{name} is not declared, yet a run fails when it changes");
                    continue;
                };
                let changed = !same(&reference, &outputs);
                if is_read || is_passed {
                    assert!(changed, "{name} is declared, yet the output does not depend on it");
                } else {
                    assert!(!changed, "{name} is not declared, yet the output depends on it");
                }
            }
        }
        assert!(self.is_partition_scoped() || bound.pieces >= 1, "at least one piece");
    }

    fn split(&self, batch_rows: usize) -> Self {
        let copy = Self::new(&self.params).batch_rows(batch_rows);
        Self { tables: self.tables.clone(), blobs: self.blobs.clone(), ..copy }
    }

    /// The same harness with one column changed; none where its type has no perturbation.
    fn perturb(&self, port: &str, column: usize) -> Option<Self> {
        let mut copy = self.split(self.batch_rows);
        let (_, table) = copy.tables.iter_mut().find(|(name, _)| name == port)?;
        let mut columns = table.columns().to_vec();
        columns[column] = perturbed(&columns[column])?;
        *table = RecordBatch::try_new(table.schema(), columns).ok()?;
        Some(copy)
    }
}

/// Numbers are stretched and shifted unevenly, so that no difference, ratio or order
/// survives; text and truth values move one row down.
fn perturbed(array: &ArrayRef) -> Option<ArrayRef> {
    let rows = array.len();
    let above = |row: usize| if row == 0 { rows - 1 } else { row - 1 };
    Some(match array.data_type() {
        DataType::Float64 => {
            let old = array.as_primitive::<Float64Type>();
            let new = old.iter().enumerate().map(|(row, value)| {
                value.map(|value| value * 1.5 + 0.25 + ((row * 7919) % 13) as f64 * 0.125)
            });
            Arc::new(new.collect::<Float64Array>())
        }
        DataType::Utf8 => {
            let old = array.as_string::<i32>();
            let new = (0..rows).map(|row| old.is_valid(above(row)).then(|| old.value(above(row))));
            Arc::new(new.collect::<StringArray>())
        }
        DataType::Boolean => {
            let new = array.as_boolean().iter().map(|value| value.map(|value| !value));
            Arc::new(new.collect::<BooleanArray>())
        }
        _ => return None,
    })
}

fn same(left: &Outputs, right: &Outputs) -> bool {
    let ports = left.ports.iter().map(|(port, ..)| port);
    ports.into_iter().all(|port| {
        let (left, right) = (left.table(port), right.table(port));
        left.columns().iter().zip(right.columns()).all(|(l, r)| l.to_data() == r.to_data())
    })
}

fn assert_same(left: &Outputs, right: &Outputs, how: &str) {
    assert!(same(left, right), "the output is another one when {how}");
}
