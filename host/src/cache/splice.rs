//! New passed columns beside what a plugin once made.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, RecordBatchOptions, UInt64Array};
use arrow::compute::{concat, take};
use arrow::datatypes::{SchemaRef, UInt64Type};

use super::{Earlier, Variant};
use crate::data::{Batches, Digest, Object, ObjectStore, StoreError, Table, TableBatches};
use crate::instance::{Passed, Selection};

/// An output to put together.
pub(crate) struct Target<'a> {
    pub(crate) schema: &'a SchemaRef,
    pub(crate) passed: &'a [Passed],
}

/// Puts the outputs of an earlier result together again, with the columns that its inputs
/// pass on now: what the plugin would give, without running it. `table` gives an input.
///
/// None where the earlier result cannot serve: it is of another shape.
///
/// # Errors
/// When something of it is lost, or the outputs cannot be written.
pub(crate) fn splice(
    objects: &ObjectStore,
    earlier: &Earlier,
    passed: Digest,
    targets: &[Target<'_>],
    table: impl Fn(usize) -> Option<Arc<Table>>,
) -> Result<Option<Variant>, StoreError> {
    let mut outputs = Vec::with_capacity(targets.len());
    for (port, target) in targets.iter().enumerate() {
        match splice_port(objects, earlier, port, target, &table) {
            Ok(Some(object)) => outputs.push(vec![object.info().clone()]),
            Ok(None) => return Ok(None),
            Err(error) => return Err(error),
        }
    }
    let own = targets.iter().map(|target| own_fields(target.schema, target.passed)).collect();
    Ok(Some(Variant { passed, own, outputs }))
}

/// The fields of an output that the plugin makes.
pub(crate) fn own_fields(schema: &SchemaRef, passed: &[Passed]) -> Vec<u32> {
    let is_own = |field: &usize| !passed.iter().any(|passed| passed.field == *field);
    (0..schema.fields().len()).filter(is_own).map(|field| field as u32).collect()
}

fn splice_port(
    objects: &ObjectStore,
    earlier: &Earlier,
    port: usize,
    target: &Target<'_>,
    table: impl Fn(usize) -> Option<Arc<Table>>,
) -> Result<Option<Object>, StoreError> {
    let (Some([info]), Some(own), Some(selection)) = (
        earlier.variant.outputs.get(port).map(Vec::as_slice),
        earlier.variant.own.get(port),
        earlier.selections.get(port),
    ) else {
        return Ok(None);
    };
    // The earlier object is described by its own file: its passed columns were others.
    let object = objects.get(info.digest)?;
    let (input, chosen) = match selection {
        Selection::Nothing => return Ok(Some(object)),
        Selection::Unknown => return Ok(None),
        Selection::All { input } => (*input, None),
        Selection::Rows { input, rows } => (*input, Some(objects.get(rows.digest)?)),
    };
    let Some(table) = table(input) else { return Ok(None) };
    let mut numbers = match &chosen {
        Some(object) => Numbers::Chosen(Box::new(object.batches()?), None),
        None => Numbers::All(0),
    };
    let mut rows = Rows { batches: table.batches(), batch: None, start: 0 };
    let mut writer = objects.writer(target.schema.clone())?;
    for batch in object.batches()? {
        let batch = batch?;
        let Some(wanted) = numbers.next(batch.num_rows())? else { return Ok(None) };
        let columns: Vec<usize> = target.passed.iter().map(|passed| passed.column).collect();
        let Some(taken) = rows.take(&wanted, &columns)? else { return Ok(None) };
        let mut own = own.iter().map(|&field| Arc::clone(batch.column(field as usize)));
        let arrays = (0..target.schema.fields().len()).map(|field| {
            let passed = target.passed.iter().position(|passed| passed.field == field);
            passed.map_or_else(|| own.next(), |passed| Some(Arc::clone(&taken[passed])))
        });
        let Some(arrays) = arrays.collect::<Option<Vec<_>>>() else { return Ok(None) };
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        writer.push(RecordBatch::try_new_with_options(target.schema.clone(), arrays, &options)?)?;
    }
    writer.finish().map(Some)
}

/// The numbers of an output's rows in its input.
enum Numbers {
    All(u64),
    /// Batches of numbers, and what is left of one.
    Chosen(Box<Batches>, Option<UInt64Array>),
}

impl Numbers {
    /// The next `count`; none if there are fewer.
    fn next(&mut self, count: usize) -> Result<Option<Vec<u64>>, StoreError> {
        match self {
            Self::All(next) => {
                let first = *next;
                *next += count as u64;
                Ok(Some((first..*next).collect()))
            }
            Self::Chosen(batches, rest) => {
                let mut numbers = Vec::with_capacity(count);
                while numbers.len() < count {
                    let part = match rest.take() {
                        Some(part) => part,
                        None => match batches.next() {
                            Some(batch) => batch?.column(0).as_primitive::<UInt64Type>().clone(),
                            None => return Ok(None),
                        },
                    };
                    let used = part.len().min(count - numbers.len());
                    numbers.extend_from_slice(&part.values()[..used]);
                    if used < part.len() {
                        *rest = Some(part.slice(used, part.len() - used));
                    }
                }
                Ok(Some(numbers))
            }
        }
    }
}

/// The rows of a table, as they go by.
struct Rows {
    batches: TableBatches,
    batch: Option<RecordBatch>,
    /// The number of the batch's first row.
    start: u64,
}

impl Rows {
    /// The rows of these rising numbers, in `columns`; none where a number is past the end.
    fn take(
        &mut self,
        numbers: &[u64],
        columns: &[usize],
    ) -> Result<Option<Vec<ArrayRef>>, StoreError> {
        let mut parts: Vec<Vec<ArrayRef>> = vec![Vec::new(); columns.len()];
        let mut at = 0;
        while at < numbers.len() {
            let Some(batch) = self.batch_of(numbers[at])? else { return Ok(None) };
            let end = self.start + batch.num_rows() as u64;
            let until = at + numbers[at..].partition_point(|number| *number < end);
            let local = numbers[at..until].iter().map(|number| number - self.start);
            let local: UInt64Array = local.collect();
            for (parts, &column) in parts.iter_mut().zip(columns) {
                parts.push(take(batch.column(column), &local, None)?);
            }
            at = until;
        }
        let join = |parts: Vec<ArrayRef>| match parts.as_slice() {
            [one] => Ok(Arc::clone(one)),
            parts => concat(&parts.iter().map(AsRef::as_ref).collect::<Vec<_>>()),
        };
        Ok(Some(parts.into_iter().map(join).collect::<Result<_, _>>()?))
    }

    /// The batch that holds the row of this number, at or after the one at hand.
    fn batch_of(&mut self, number: u64) -> Result<Option<RecordBatch>, StoreError> {
        loop {
            if let Some(batch) = &self.batch {
                if number < self.start + batch.num_rows() as u64 {
                    return Ok(Some(batch.clone()));
                }
                self.start += batch.num_rows() as u64;
                self.batch = None;
            }
            match self.batches.next() {
                Some(batch) => self.batch = Some(batch?),
                None => return Ok(None),
            }
        }
    }
}
