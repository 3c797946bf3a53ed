//! Tables, files and sinks in memory, as strict as the host's.

use std::any::Any;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use skyloom_plugin::arrow_array::{ArrayRef, BooleanArray, RecordBatch, new_empty_array};
use skyloom_plugin::arrow_buffer::BooleanBuffer;
use skyloom_plugin::arrow_schema::{DataType, Fields, Schema};
use skyloom_plugin::bind::{Read, TableSchema};
use skyloom_plugin::data::{self, Rows};
use skyloom_plugin::error::{Error, Result};

fn is_read(column: usize, input: u32, reads: &[Read]) -> bool {
    reads.iter().any(|read| read.input == input && read.column as usize == column)
}

/// What a run sees of an input's schema: the columns that `bind` declared. The others are
/// not there, so that nothing can depend on them.
pub(crate) fn visible(fields: &Fields, input: u32, reads: &[Read]) -> Fields {
    readable(fields.len(), input, reads).map(|column| Arc::clone(&fields[column])).collect()
}

/// The places of the columns that a run sees.
fn readable(columns: usize, input: u32, reads: &[Read]) -> impl Iterator<Item = usize> {
    (0..columns).filter(move |column| is_read(*column, input, reads))
}

pub(crate) struct MemoryTable {
    batches: Vec<RecordBatch>,
    readable: Rc<Vec<usize>>,
    input: u32,
    next: usize,
}

impl MemoryTable {
    pub(crate) fn new(table: &RecordBatch, input: u32, reads: &[Read], batch_rows: usize) -> Self {
        let rows = table.num_rows();
        let starts = (0..rows).step_by(batch_rows.min(rows.max(1)));
        let batches = starts.map(|at| table.slice(at, batch_rows.min(rows - at))).collect();
        let readable = Rc::new(readable(table.num_columns(), input, reads).collect());
        Self { batches, readable, input, next: 0 }
    }
}

impl data::Table for MemoryTable {
    fn next(&mut self) -> Result<Option<Rc<dyn Rows>>> {
        let Some(batch) = self.batches.get(self.next) else { return Ok(None) };
        self.next += 1;
        let (batch, readable) = (batch.clone(), Rc::clone(&self.readable));
        Ok(Some(Rc::new(MemoryRows { batch, readable, input: self.input })))
    }

    fn rewind(&mut self) {
        self.next = 0;
    }

    fn rows(&self) -> u64 {
        self.batches.iter().map(|batch| batch.num_rows() as u64).sum()
    }
}

struct MemoryRows {
    batch: RecordBatch,
    readable: Rc<Vec<usize>>,
    input: u32,
}

impl Rows for MemoryRows {
    fn rows(&self) -> usize {
        self.batch.num_rows()
    }

    fn column(&self, index: u32, _: &DataType) -> Result<ArrayRef> {
        let Some(&column) = self.readable.get(index as usize) else {
            let declared = self.readable.len();
            return Err(Error::Host(format!(
                "column {index} is read, but `bind` declared only {declared}"
            )));
        };
        Ok(Arc::clone(self.batch.column(column)))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

pub(crate) struct Written {
    table: TableSchema,
    batches: Vec<RecordBatch>,
    cuts: Vec<usize>,
}

impl Written {
    pub(crate) fn new(table: TableSchema) -> Self {
        Self { table, batches: Vec::new(), cuts: Vec::new() }
    }

    fn is_passed(&self, field: usize) -> bool {
        self.table.passed.iter().any(|passed| passed.field as usize == field)
    }

    pub(crate) fn new_types(&self) -> Vec<DataType> {
        let fields = self.table.fields.iter().enumerate();
        let new = fields.filter(|(index, _)| !self.is_passed(*index));
        new.map(|(_, field)| field.data_type().clone()).collect()
    }

    fn push(
        &mut self,
        from: Option<(&MemoryRows, Option<&BooleanBuffer>)>,
        new: &[ArrayRef],
    ) -> Result<()> {
        let mut new = new.iter();
        let mut columns = Vec::with_capacity(self.table.fields.len());
        for index in 0..self.table.fields.len() {
            let passed = self.table.passed.iter().find(|passed| passed.field as usize == index);
            columns.push(match (passed, from) {
                (None, _) => Arc::clone(new.next().ok_or_else(|| Error::failed("a column short"))?),
                (Some(_), None) => {
                    return Err(Error::Host("this output passes columns: use `derive`".to_owned()));
                }
                (Some(passed), Some((rows, keep))) => {
                    if passed.input != rows.input {
                        let message = "the batch is of another input than the passed column";
                        return Err(Error::Host(message.to_owned()));
                    }
                    let column = rows.batch.column(passed.column as usize);
                    match keep {
                        None => Arc::clone(column),
                        Some(keep) => filter(column, keep),
                    }
                }
            });
        }
        let schema = Arc::new(Schema::new(self.table.fields.clone()));
        let batch = RecordBatch::try_new(schema, columns).map_err(Error::failed)?;
        self.batches.push(batch);
        Ok(())
    }

    pub(crate) fn finish(&mut self, schema: &Arc<Schema>) -> Vec<RecordBatch> {
        let mut starts = vec![0];
        starts.append(&mut self.cuts);
        // A cut at the very end begins nothing.
        if starts.len() > 1 && starts.last() == Some(&self.batches.len()) {
            starts.pop();
        }
        starts.push(self.batches.len());
        starts.windows(2).map(|range| concat(schema, &self.batches[range[0]..range[1]])).collect()
    }
}

fn filter(column: &ArrayRef, keep: &BooleanBuffer) -> ArrayRef {
    arrow_select::filter::filter(column, &BooleanArray::new(keep.clone(), None))
        .expect("the writer checked the length")
}

pub(crate) fn concat(schema: &Arc<Schema>, batches: &[RecordBatch]) -> RecordBatch {
    if batches.is_empty() {
        let empty = schema.fields().iter().map(|field| new_empty_array(field.data_type()));
        return RecordBatch::try_new(Arc::clone(schema), empty.collect()).expect("of the schema");
    }
    arrow_select::concat::concat_batches(schema, batches).expect("batches of one schema")
}

pub(crate) struct MemorySink(pub(crate) Rc<RefCell<Written>>);

impl data::Sink for MemorySink {
    fn put(&mut self, columns: &[ArrayRef]) -> Result<()> {
        self.0.borrow_mut().push(None, columns)
    }

    fn derive(
        &mut self,
        from: &dyn Rows,
        keep: Option<&BooleanBuffer>,
        columns: &[ArrayRef],
    ) -> Result<()> {
        let rows = from.as_any().downcast_ref::<MemoryRows>();
        let rows = rows.ok_or_else(|| Error::failed("batch of another run"))?;
        self.0.borrow_mut().push(Some((rows, keep)), columns)
    }

    fn cut(&mut self) -> Result<()> {
        let mut written = self.0.borrow_mut();
        let at = written.batches.len();
        written.cuts.push(at);
        Ok(())
    }
}

pub(crate) struct MemoryBlob(pub(crate) String, pub(crate) Vec<u8>);

impl data::Bytes for MemoryBlob {
    fn name(&self) -> String {
        self.0.clone()
    }

    fn size(&self) -> u64 {
        self.1.len() as u64
    }

    fn read(&self, offset: u64, length: u32) -> Result<Vec<u8>> {
        let size = self.1.len();
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(size);
        let end = start.saturating_add(length as usize).min(size);
        Ok(self.1[start..end].to_vec())
    }
}

pub(crate) struct Log(pub(crate) Rc<RefCell<Vec<String>>>);

impl data::Log for Log {
    fn warn(&self, message: &str) {
        self.0.borrow_mut().push(message.to_owned());
    }

    fn info(&self, _: &str) {}

    fn progress(&self, _: u64, _: u64) {}
}
