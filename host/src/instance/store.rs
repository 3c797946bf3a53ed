//! One call's world: its limits, and the resources that its guest holds.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arrow::array::{Array, ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions};
use arrow::buffer::{BooleanBuffer, Buffer};
use arrow::datatypes::{DataType, Fields, Schema, SchemaRef};
use bytes::Bytes;
use skyloom_wire::{WireColumn, WireField, build_column, flatten_column, flatten_fields};
use wasmtime::component::{Linker, Resource, ResourceTable, ResourceType};
use wasmtime::{ResourceLimiter, StoreContextMut};

use super::abi::{self, ColumnIn, ColumnOut, IoError, Level, NextResult};
use super::chosen::{Chosen, Selection};
use super::threads::{InUse, Threads};
use super::wasi::{Console, Wasi};
use super::words::shown;
use super::{InstanceError, TableSchema};
use crate::data::{
    BlobFile, Object, ObjectStore, ObjectWriter, StoreError, Table, TableBatches, canonicalize_nan,
};

/// Why a guest cannot hand over more than [`HOSTCALL_BYTES`].
pub(super) fn too_much_at_once() -> InstanceError {
    let limit = HOSTCALL_BYTES >> 20;
    InstanceError::Limit(format!(
        "it hands over more than {limit} MiB in one call; it should emit smaller batches"
    ))
}

/// What one call may use. Every plugin has limits; a node can raise its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Linear memory of the guest.
    pub memory_bytes: usize,
    /// Wall time of one call.
    pub wall: Duration,
    /// What one call may emit, in memory.
    pub output_bytes: u64,
    /// What one call may log; the rest is dropped.
    pub log_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes: 1 << 30,
            wall: Duration::from_secs(3600),
            output_bytes: 16 << 30,
            log_bytes: 64 << 10,
        }
    }
}

/// Most bytes a guest can hand over in one call of a host function.
pub(super) const HOSTCALL_BYTES: usize = 256 << 20;
/// Most handles a guest can hold at once.
const MAX_HANDLES: usize = 4096;

/// How bad a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogLevel {
    Debug,
    Info,
    Warn,
}

/// What a guest told the user, cleaned of control characters.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LogLine {
    pub level: LogLevel,
    pub message: String,
}

/// What others may see of a call while it runs, and how they stop it.
#[derive(Debug, Default)]
pub struct Watch {
    cancelled: AtomicBool,
    rows: AtomicU64,
}

impl Watch {
    /// Ends all calls that share this watch, within a tenth of a second.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    /// Rows that all its calls have read, or written where they read files.
    pub fn rows(&self) -> u64 {
        self.rows.load(Ordering::Relaxed)
    }
}

/// What an input port is connected to in a run.
#[derive(Debug, Clone)]
pub enum RunInput {
    Table(Arc<Table>),
    Blob(Arc<BlobFile>),
}

/// What an input port is connected to before data moves.
pub enum BoundInput {
    Table(Fields),
    Blob(Arc<BlobFile>),
}

/// One run of a plugin.
pub struct Task<'a> {
    pub params: &'a str,
    pub piece: (u32, u32),
    /// Port, content, and which of a table's columns may be read: all that the guest sees.
    pub inputs: Vec<(String, RunInput, Arc<[usize]>)>,
    pub outputs: Vec<Arc<TableSchema>>,
    pub objects: &'a ObjectStore,
    pub limits: Limits,
    pub watch: Arc<Watch>,
    /// Batches are handed over in at most so many rows.
    pub batch_rows: usize,
    /// Where kernels borrow threads; without, they use the caller's alone.
    pub threads: Option<&'a Arc<Threads>>,
    pub may_cut: bool,
}

/// What a run left behind.
#[derive(Debug)]
pub struct RunReport {
    /// For each output port, its partitions.
    pub outputs: Vec<Vec<Arc<Object>>>,
    /// For each output port, which rows of its input it has.
    pub selections: Vec<Selection>,
    /// For each input, the columns that were really read.
    pub reads: Vec<Vec<String>>,
    pub log: Vec<LogLine>,
    pub peak_memory_bytes: usize,
    pub wall: Duration,
    /// How much of `wall` the host spent hashing and writing outputs.
    pub storing: Duration,
}

pub(crate) struct State {
    pub(crate) resources: ResourceTable,
    pub(super) wasi: Wasi,
    limits: Limits,
    started: Instant,
    watch: Arc<Watch>,
    /// The guest's own memory.
    own_bytes: usize,
    /// What the host keeps for the guest at the moment.
    host_bytes: usize,
    /// Both together, at most so far.
    peak_bytes: usize,
    memory_refused: bool,
    log: Vec<LogLine>,
    log_bytes: usize,
    outputs: Vec<Output>,
    /// For each input, its columns that were read.
    touched: Vec<BTreeSet<usize>>,
    emitted_bytes: u64,
    storing: Duration,
    batch_rows: usize,
    threads: Option<Arc<Threads>>,
    may_cut: bool,
    /// The first refusal of a host function. It fails the call, whatever the guest says.
    refused: Option<IoError>,
}

impl State {
    pub(crate) fn new(limits: Limits, watch: Arc<Watch>, batch_rows: usize) -> Self {
        let mut resources = ResourceTable::new();
        resources.set_max_capacity(MAX_HANDLES);
        Self {
            resources,
            wasi: Wasi::default(),
            limits,
            started: Instant::now(),
            watch,
            own_bytes: 0,
            host_bytes: 0,
            peak_bytes: 0,
            memory_refused: false,
            log: Vec::new(),
            log_bytes: 0,
            outputs: Vec::new(),
            touched: Vec::new(),
            emitted_bytes: 0,
            storing: Duration::ZERO,
            batch_rows,
            threads: None,
            may_cut: false,
            refused: None,
        }
    }

    pub(crate) fn open_outputs(
        &mut self,
        schemas: &[Arc<TableSchema>],
        objects: &ObjectStore,
        may_cut: bool,
    ) -> Result<(), StoreError> {
        self.may_cut = may_cut;
        for schema in schemas {
            self.outputs.push(Output::new(Arc::clone(schema), objects.clone())?);
        }
        Ok(())
    }

    /// Ends the outputs of a run that went well; `tables` are its inputs.
    pub(crate) fn finish(
        mut self,
        tables: &[Option<Arc<Table>>],
    ) -> Result<RunReport, InstanceError> {
        let outputs = std::mem::take(&mut self.outputs);
        let began = Instant::now();
        let finished: Result<Vec<_>, _> =
            outputs.into_iter().map(|output| output.finish(tables)).collect();
        let finished = finished.map_err(|error| InstanceError::Storage(error.to_string()))?;
        let (outputs, selections) = finished.into_iter().unzip();
        let reads = tables.iter().enumerate().map(|(input, table)| {
            let touched = self.touched.get(input).into_iter().flatten();
            let names = touched.filter_map(|&column| Some(table.as_ref()?.schema.field(column)));
            names.map(|field| field.name().clone()).collect()
        });
        Ok(RunReport {
            storing: self.storing + began.elapsed(),
            outputs,
            selections,
            reads: reads.collect(),
            log: self.log,
            peak_memory_bytes: self.peak_bytes,
            wall: self.started.elapsed(),
        })
    }

    /// Why a call failed, as far as the host knows better than the trap.
    pub(crate) fn reason(&mut self) -> Option<InstanceError> {
        if let Some(refused) = self.refused.take() {
            return Some(match refused {
                IoError::Denied(message) | IoError::Invalid(message) => {
                    InstanceError::Contract(message)
                }
                IoError::Limit(message) => InstanceError::Limit(message),
                IoError::Storage(message) => InstanceError::Storage(message),
            });
        }
        self.memory_refused.then(|| {
            let limit = self.limits.memory_bytes >> 20;
            InstanceError::Limit(format!(
                "it needs more than its {limit} MiB of memory; raise `resources: {{memory: …}}` of this node"
            ))
        })
    }

    /// Keeps a line that the guest wrote to standard output or error.
    pub(super) fn print(&mut self, output: Console, line: &str) {
        if !line.is_empty() {
            self.write_log(
                if matches!(output, Console::Output) { Level::Info } else { Level::Warn },
                line,
            );
        }
    }

    /// Keeps the lines that the guest began and did not end.
    pub(super) fn end_output(&mut self) {
        for (output, line) in self.wasi.rest() {
            self.print(output, &line);
        }
    }

    /// What the guest said last, such as why it panicked.
    pub(crate) fn last_words(&self) -> Option<&str> {
        self.log
            .last()
            .filter(|line| line.level == LogLevel::Warn)
            .map(|line| line.message.as_str())
    }

    /// Called every tenth of a second while the guest runs.
    pub(crate) fn check_time(&self) -> Result<(), InstanceError> {
        if self.watch.is_cancelled() {
            return Err(InstanceError::Interrupted);
        }
        if self.started.elapsed() > self.limits.wall {
            let limit = self.limits.wall.as_secs_f64();
            return Err(InstanceError::Limit(format!(
                "it ran longer than its {limit} s; raise `resources: {{time: …}}` of this node"
            )));
        }
        Ok(())
    }

    /// Lets kernels borrow threads.
    pub(super) fn lend(&mut self, threads: Option<&Arc<Threads>>) {
        self.threads = threads.cloned();
    }

    /// All threads of the job that idle at the moment; none where there are none to borrow.
    pub(super) fn borrow_threads(&self) -> Option<InUse> {
        self.threads.as_ref().map(Threads::borrow_idle)
    }

    /// Whether the host may keep so many bytes for the guest, which count as the guest's own.
    pub(super) fn take_host_memory(&mut self, bytes: usize) -> bool {
        let taken = self.host_bytes.saturating_add(bytes);
        let granted = self.own_bytes.saturating_add(taken) <= self.limits.memory_bytes;
        if granted {
            self.host_bytes = taken;
            self.peak_bytes = self.peak_bytes.max(self.own_bytes + taken);
        }
        granted
    }

    /// Ends what [`Self::take_host_memory`] has granted.
    pub(super) fn give_host_memory_back(&mut self, bytes: usize) {
        self.host_bytes = self.host_bytes.saturating_sub(bytes);
    }

    /// Notes that a column of an input was read.
    fn touch(&mut self, input: usize, column: usize) {
        if self.touched.len() <= input {
            self.touched.resize(input + 1, BTreeSet::new());
        }
        self.touched[input].insert(column);
    }

    fn refuse<T>(&mut self, error: IoError) -> Result<T, IoError> {
        self.refused.get_or_insert_with(|| error.clone());
        Err(error)
    }

    /// The columns that the guest must give to output `index`.
    pub(super) fn new_fields(&self, index: usize) -> Vec<abi::Field> {
        to_abi_fields(&self.outputs[index].new_fields)
    }

    pub(super) fn write_log(&mut self, level: Level, message: &str) {
        let level = match level {
            Level::Debug => LogLevel::Debug,
            Level::Info => LogLevel::Info,
            Level::Warn => LogLevel::Warn,
        };
        let left = self.limits.log_bytes.saturating_sub(self.log_bytes);
        if left == 0 {
            return;
        }
        let mut message = shown(message, left);
        self.log_bytes += message.len() + 1;
        if self.log_bytes >= self.limits.log_bytes {
            message.push_str(" … (its log is full)");
        }
        self.log.push(LogLine { level, message });
    }
}

impl ResourceLimiter for State {
    fn memory_growing(
        &mut self,
        _: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let both = desired.saturating_add(self.host_bytes);
        let granted = both <= self.limits.memory_bytes;
        if granted {
            self.own_bytes = desired;
            self.peak_bytes = self.peak_bytes.max(both);
        } else {
            self.memory_refused = true;
        }
        Ok(granted)
    }

    fn table_growing(
        &mut self,
        _: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(desired <= 20_000)
    }

    fn instances(&self) -> usize {
        // Of a core module each: an interpreter is linked of thirty libraries and stand-ins.
        64
    }

    fn memories(&self) -> usize {
        1
    }

    fn tables(&self) -> usize {
        8
    }
}

/// A store with the settings that every plugin's has.
pub(super) fn open(engine: &wasmtime::Engine, state: State) -> wasmtime::Store<State> {
    let mut store = wasmtime::Store::new(engine, state);
    store.limiter(|state| state);
    store.set_hostcall_fuel(HOSTCALL_BYTES);
    // The host counts its own first: its message says what to do.
    store.set_max_component_handles(2 * MAX_HANDLES);
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(|context| {
        context.data().check_time()?;
        Ok(wasmtime::UpdateDeadline::Continue(1))
    });
    store
}

pub(crate) struct BlobHandle(pub(crate) Arc<BlobFile>);

pub(crate) struct ReaderHandle {
    input: usize,
    table: Arc<Table>,
    /// The columns that the guest sees, by their places in the table.
    readable: Arc<[usize]>,
    batches: TableBatches,
    /// What is left of a batch that was larger than the guest is given at once.
    rest: Option<RecordBatch>,
    /// Rows handed out so far.
    given: u64,
}

impl ReaderHandle {
    pub(crate) fn new(input: usize, table: Arc<Table>, readable: Arc<[usize]>) -> Self {
        let batches = table.batches();
        Self { input, table, readable, batches, rest: None, given: 0 }
    }

    /// The schema that the guest sees: what it did not ask for is not there, so that nothing
    /// it does can depend on it.
    pub(super) fn fields(&self) -> Fields {
        let fields = self.table.schema.fields();
        self.readable.iter().map(|&column| Arc::clone(&fields[column])).collect()
    }

    pub(super) fn rewind(&mut self) {
        (self.batches, self.rest, self.given) = (self.table.batches(), None, 0);
    }

    fn next(&mut self, batch_rows: usize) -> Result<Option<RecordBatch>, StoreError> {
        loop {
            if let Some(batch) = self.rest.take() {
                if batch.num_rows() <= batch_rows {
                    return Ok(Some(batch));
                }
                self.rest = Some(batch.slice(batch_rows, batch.num_rows() - batch_rows));
                return Ok(Some(batch.slice(0, batch_rows)));
            }
            match self.batches.next() {
                Some(batch) => self.rest = Some(batch?),
                None => return Ok(None),
            }
        }
    }
}

pub(crate) struct BatchHandle {
    input: usize,
    batch: RecordBatch,
    readable: Arc<[usize]>,
    /// The number of its first row in the whole input.
    start: u64,
}

impl BatchHandle {
    pub(super) fn rows(&self) -> u64 {
        self.batch.num_rows() as u64
    }

    fn column(&self, index: u32, rows: Option<(u64, u64)>) -> Result<Vec<ColumnOut>, IoError> {
        let Some(&column) = self.readable.get(index as usize) else {
            return Err(IoError::Denied(format!(
                "it reads column {index} of the {} that its `bind` declared",
                self.readable.len()
            )));
        };
        let column = self.batch.column(column);
        let mut flat = Vec::with_capacity(1);
        match rows {
            None => flatten_column(column.as_ref(), &mut flat),
            Some((offset, length)) => {
                let rows = column.len() as u64;
                if offset.checked_add(length).is_none_or(|end| end > rows) {
                    let message = format!("rows {offset}+{length} of a batch of {rows}");
                    return Err(IoError::Denied(message));
                }
                let slice = column.slice(offset as usize, length as usize);
                flatten_column(slice.as_ref(), &mut flat);
            }
        }
        let out = |column: WireColumn| ColumnOut {
            rows: column.rows,
            validity: column.validity.map(shared),
            buffers: column.buffers.into_iter().map(shared).collect(),
        };
        Ok(flat.into_iter().map(out).collect())
    }
}

/// `buffer` as bytes that keep it alive: nothing is copied until it is in the guest.
fn shared(buffer: Buffer) -> Bytes {
    struct Owner(Buffer);
    impl AsRef<[u8]> for Owner {
        fn as_ref(&self) -> &[u8] {
            self.0.as_slice()
        }
    }
    Bytes::from_owner(Owner(buffer))
}

/// Which of a run's outputs a guest's handle writes to.
pub(crate) struct WriterHandle(pub(crate) usize);

struct Output {
    table: Arc<TableSchema>,
    schema: SchemaRef,
    new_fields: Fields,
    objects: ObjectStore,
    writer: ObjectWriter,
    done: Vec<Arc<Object>>,
    chosen: Chosen,
}

impl Output {
    fn new(table: Arc<TableSchema>, objects: ObjectStore) -> Result<Self, StoreError> {
        let schema = Arc::new(Schema::new(table.fields.clone()));
        let is_passed = |field| table.passed.iter().any(|passed| passed.field == field);
        let fields = table.fields.iter().enumerate();
        let new_fields = fields.filter(|(index, _)| !is_passed(*index));
        Ok(Self {
            new_fields: new_fields.map(|(_, field)| Arc::clone(field)).collect(),
            writer: objects.writer(schema.clone())?,
            chosen: Chosen::new(&table),
            table,
            schema,
            objects,
            done: Vec::new(),
        })
    }

    fn cut(&mut self) -> Result<(), StoreError> {
        let next = self.objects.writer(self.schema.clone())?;
        let ended = std::mem::replace(&mut self.writer, next);
        self.done.push(Arc::new(ended.finish()?));
        Ok(())
    }

    /// A run writes at least one partition, if an empty one.
    fn finish(
        mut self,
        tables: &[Option<Arc<Table>>],
    ) -> Result<(Vec<Arc<Object>>, Selection), StoreError> {
        if self.done.is_empty() || self.writer.rows() > 0 {
            self.done.push(Arc::new(self.writer.finish()?));
        }
        let selection = match self.done.len() {
            1 => self.chosen.finish(&self.table, &self.objects, tables)?,
            _ if self.table.passed.is_empty() => Selection::Nothing,
            _ => Selection::Unknown,
        };
        Ok((self.done, selection))
    }

    /// Notes which rows were passed on: input, first row, number of rows, and which of them.
    fn choose(
        &mut self,
        rows: Option<(usize, u64, u64, Option<BooleanBuffer>)>,
    ) -> Result<(), StoreError> {
        let Some((input, start, length, keep)) = rows else { return Ok(()) };
        let chosen = std::mem::replace(&mut self.chosen, Chosen::Unknown);
        self.chosen = chosen.add(&self.objects, input, start, length, keep.as_ref())?;
        Ok(())
    }

    /// Believes `columns` once they hold what the bound schema says.
    fn assemble(
        &self,
        from: Option<(&BatchHandle, Option<&BooleanBuffer>)>,
        columns: Vec<ColumnIn>,
    ) -> Result<RecordBatch, IoError> {
        let invalid = |message: String| IoError::Invalid(message);
        let mut new = Vec::with_capacity(self.new_fields.len());
        let types = self.new_fields.iter().map(|field| field.data_type());
        let leaves: Vec<_> = types.clone().flat_map(leaf_types).collect();
        if leaves.len() != columns.len() {
            let (found, expected) = (columns.len(), leaves.len());
            return Err(invalid(format!("it emitted {found} arrays where {expected} belong")));
        }
        let mut flat = leaves.into_iter().zip(columns).map(|(data_type, column)| {
            let canonical = |mut bytes: Vec<u8>| {
                canonicalize_nan(data_type, &mut bytes);
                Buffer::from_vec(bytes)
            };
            WireColumn {
                rows: column.rows,
                validity: column.validity.map(Buffer::from_vec),
                buffers: column.buffers.into_iter().map(canonical).collect(),
            }
        });
        for (field, data_type) in self.new_fields.iter().zip(types) {
            let array = build_column(data_type, &mut flat)
                .map_err(|error| invalid(format!("its column `{}`: {error}", field.name())))?;
            if !field.is_nullable() && array.logical_null_count() > 0 {
                return Err(invalid(format!("its column `{}` has nulls", field.name())));
            }
            new.push(array);
        }
        let rows = match (from, new.first()) {
            (Some((_, Some(keep))), _) => keep.count_set_bits(),
            (Some((source, None)), _) => source.batch.num_rows(),
            (None, Some(first)) => first.len(),
            (None, None) => 0,
        };
        let mut new = new.into_iter();
        let mut arrays = Vec::with_capacity(self.schema.fields().len());
        for index in 0..self.schema.fields().len() {
            let passed = self.table.passed.iter().find(|passed| passed.field == index);
            let array = match (passed, from) {
                (None, _) => new.next().expect("as many as there are new fields"),
                (Some(_), None) => {
                    return Err(invalid("`put` on a port that passes columns".to_owned()));
                }
                (Some(passed), Some((source, keep))) => {
                    if passed.input != source.input {
                        let message = "it derives from a batch of another input than it bound";
                        return Err(invalid(message.to_owned()));
                    }
                    let column = source.batch.column(passed.column);
                    match keep {
                        None => Arc::clone(column),
                        Some(keep) => {
                            let keep = BooleanArray::new(keep.clone(), None);
                            arrow::compute::filter(column, &keep)
                                .map_err(|error| invalid(error.to_string()))?
                        }
                    }
                }
            };
            if array.len() != rows {
                let (name, found) = (self.schema.field(index).name(), array.len());
                return Err(invalid(format!("its column `{name}` has {found} rows, not {rows}")));
            }
            arrays.push(array);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(self.schema.clone(), arrays, &options)
            .map_err(|error| invalid(error.to_string()))
    }
}

/// The type of each array that a column of `data_type` flattens to.
fn leaf_types(data_type: &DataType) -> Vec<&DataType> {
    let mut types = vec![data_type];
    match data_type {
        DataType::List(child)
        | DataType::LargeList(child)
        | DataType::FixedSizeList(child, _)
        | DataType::Map(child, _) => types.extend(leaf_types(child.data_type())),
        DataType::Struct(fields) => {
            types.extend(fields.iter().flat_map(|field| leaf_types(field.data_type())));
        }
        DataType::Dictionary(_, values) => types.extend(leaf_types(values)),
        _ => {}
    }
    types
}

pub(crate) fn to_abi_fields(fields: &Fields) -> Vec<abi::Field> {
    let field = |field: WireField| abi::Field {
        name: field.name,
        format: field.format,
        nullable: field.nullable,
        dictionary: field.dictionary,
        metadata: field.metadata,
        children: field.children,
    };
    // Whatever is bound came over this border, so it goes back over it.
    flatten_fields(fields).unwrap_or_default().into_iter().map(field).collect()
}

pub(super) fn emit(
    state: &mut State,
    writer: &Resource<WriterHandle>,
    source: Option<(&Resource<BatchHandle>, Option<Vec<u8>>)>,
    columns: Vec<ColumnIn>,
) -> wasmtime::Result<Result<(), IoError>> {
    let index = state.resources.get(writer)?.0;
    let mut chosen = None;
    let assembled = match source {
        None => state.outputs[index].assemble(None, columns),
        Some((source, keep)) => {
            let source = state.resources.get(source)?;
            let rows = source.batch.num_rows();
            match keep {
                Some(bits) if bits.len() < rows.div_ceil(8) => {
                    let message = format!("its bitmap is too short for {rows} rows");
                    Err(IoError::Invalid(message))
                }
                keep => {
                    let keep = keep.map(|bits| BooleanBuffer::new(Buffer::from_vec(bits), 0, rows));
                    let batch =
                        state.outputs[index].assemble(Some((source, keep.as_ref())), columns);
                    chosen = Some((source.input, source.start, rows as u64, keep));
                    batch
                }
            }
        }
    };
    let written = assembled.and_then(|batch| {
        let rows = batch.num_rows() as u64;
        state.outputs[index].choose(chosen).map_err(|error| IoError::Storage(error.to_string()))?;
        state.emitted_bytes = state.emitted_bytes.saturating_add(size_of_batch(&batch));
        if state.emitted_bytes > state.limits.output_bytes {
            let limit = state.limits.output_bytes >> 20;
            return Err(IoError::Limit(format!(
                "it emits more than its {limit} MiB; raise `resources: {{output: …}}` of this node"
            )));
        }
        let began = Instant::now();
        let pushed = state.outputs[index].writer.push(batch);
        state.storing += began.elapsed();
        pushed.map(|()| rows).map_err(|error| match error {
            StoreError::TooManyWords { .. } => IoError::Invalid(format!("its {error}")),
            error => IoError::Storage(error.to_string()),
        })
    });
    Ok(match written {
        Ok(rows) => {
            if state.may_cut {
                state.watch.rows.fetch_add(rows, Ordering::Relaxed);
            }
            Ok(())
        }
        Err(error) => state.refuse(error),
    })
}

/// What a batch takes in memory, by its rows: what a guest emitted, and what it passes on.
fn size_of_batch(batch: &RecordBatch) -> u64 {
    let size = |column: &ArrayRef| column.to_data().get_slice_memory_size().unwrap_or(usize::MAX);
    // Rows of nothing are rows as well.
    let rows = batch.num_rows() as u64;
    batch.columns().iter().map(|column| size(column) as u64).fold(rows, u64::saturating_add)
}

/// Gives a guest what the contract promises, and nothing else.
pub(crate) fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.instance(abi::TYPES)?;
    link_log(linker)?;
    let mut data = linker.instance(abi::DATA)?;

    data.resource("batch", ResourceType::host::<BatchHandle>(), |mut store, rep| {
        drop(store.data_mut().resources.delete(Resource::<BatchHandle>::new_own(rep))?);
        Ok(())
    })?;
    data.func_wrap(
        "[method]batch.rows",
        |store: StoreContextMut<'_, State>, (batch,): (Resource<BatchHandle>,)| {
            Ok((store.data().resources.get(&batch)?.batch.num_rows() as u64,))
        },
    )?;
    data.func_wrap(
        "[method]batch.column",
        |mut store: StoreContextMut<'_, State>, (batch, index): (Resource<BatchHandle>, u32)| {
            Ok((pull(store.data_mut(), &batch, index, None)?,))
        },
    )?;
    data.func_wrap(
        "[method]batch.slice",
        |mut store: StoreContextMut<'_, State>,
         (batch, index, offset, length): (Resource<BatchHandle>, u32, u64, u64)| {
            Ok((pull(store.data_mut(), &batch, index, Some((offset, length)))?,))
        },
    )?;

    data.resource("reader", ResourceType::host::<ReaderHandle>(), |mut store, rep| {
        drop(store.data_mut().resources.delete(Resource::<ReaderHandle>::new_own(rep))?);
        Ok(())
    })?;
    data.func_wrap(
        "[method]reader.fields",
        |store: StoreContextMut<'_, State>, (reader,): (Resource<ReaderHandle>,)| {
            let reader = store.data().resources.get(&reader)?;
            Ok((to_abi_fields(&reader.fields()),))
        },
    )?;
    data.func_wrap(
        "[method]reader.rows",
        |store: StoreContextMut<'_, State>, (reader,): (Resource<ReaderHandle>,)| {
            Ok((store.data().resources.get(&reader)?.table.rows(),))
        },
    )?;
    data.func_wrap(
        "[method]reader.next",
        |mut store: StoreContextMut<'_, State>, (reader,): (Resource<ReaderHandle>,)| {
            Ok((next_batch(store.data_mut(), &reader)?,))
        },
    )?;
    data.func_wrap(
        "[method]reader.rewind",
        |mut store: StoreContextMut<'_, State>, (reader,): (Resource<ReaderHandle>,)| {
            let reader = store.data_mut().resources.get_mut(&reader)?;
            reader.rewind();
            Ok(())
        },
    )?;

    data.resource("writer", ResourceType::host::<WriterHandle>(), |mut store, rep| {
        store.data_mut().resources.delete(Resource::<WriterHandle>::new_own(rep))?;
        Ok(())
    })?;
    data.func_wrap(
        "[method]writer.fields",
        |store: StoreContextMut<'_, State>, (writer,): (Resource<WriterHandle>,)| {
            let index = store.data().resources.get(&writer)?.0;
            Ok((to_abi_fields(&store.data().outputs[index].new_fields),))
        },
    )?;
    data.func_wrap(
        "[method]writer.put",
        |mut store: StoreContextMut<'_, State>,
         (writer, columns): (Resource<WriterHandle>, Vec<ColumnIn>)| {
            Ok((emit(store.data_mut(), &writer, None, columns)?,))
        },
    )?;
    data.func_wrap(
        "[method]writer.derive",
        |mut store: StoreContextMut<'_, State>,
         (writer, source, keep, columns): (
            Resource<WriterHandle>,
            Resource<BatchHandle>,
            Option<Vec<u8>>,
            Vec<ColumnIn>,
        )| { Ok((emit(store.data_mut(), &writer, Some((&source, keep)), columns)?,)) },
    )?;
    data.func_wrap(
        "[method]writer.cut",
        |mut store: StoreContextMut<'_, State>, (writer,): (Resource<WriterHandle>,)| {
            Ok((cut(store.data_mut(), &writer)?,))
        },
    )?;

    data.resource("blob", ResourceType::host::<BlobHandle>(), |mut store, rep| {
        drop(store.data_mut().resources.delete(Resource::<BlobHandle>::new_own(rep))?);
        Ok(())
    })?;
    data.func_wrap(
        "[method]blob.name",
        |store: StoreContextMut<'_, State>, (blob,): (Resource<BlobHandle>,)| {
            Ok((store.data().resources.get(&blob)?.0.name(),))
        },
    )?;
    data.func_wrap(
        "[method]blob.size",
        |store: StoreContextMut<'_, State>, (blob,): (Resource<BlobHandle>,)| {
            Ok((store.data().resources.get(&blob)?.0.size,))
        },
    )?;
    data.func_wrap(
        "[method]blob.read",
        |mut store: StoreContextMut<'_, State>,
         (blob, offset, length): (Resource<BlobHandle>, u64, u32)| {
            Ok((read_blob(store.data_mut(), &blob, offset, length as usize)?,))
        },
    )?;
    Ok(())
}

fn link_log(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let mut log = linker.instance(abi::LOG)?;
    log.func_wrap(
        "log",
        |mut store: StoreContextMut<'_, State>, (level, message): (Level, String)| {
            store.data_mut().write_log(level, &message);
            Ok(())
        },
    )?;
    log.func_wrap("progress", |_: StoreContextMut<'_, State>, _: (u64, u64)| Ok(()))?;
    Ok(())
}

/// Ends a partition of an output.
pub(super) fn cut(
    state: &mut State,
    writer: &Resource<WriterHandle>,
) -> wasmtime::Result<Result<(), IoError>> {
    let index = state.resources.get(writer)?.0;
    if !state.may_cut {
        let message = "only ingesters and simulators make partitions".to_owned();
        return Ok(state.refuse(IoError::Denied(message)));
    }
    let began = Instant::now();
    let cut = state.outputs[index].cut();
    state.storing += began.elapsed();
    Ok(cut.or_else(|error| state.refuse(IoError::Storage(error.to_string()))))
}

/// Bytes of a file; fewer at its end.
pub(super) fn read_blob(
    state: &mut State,
    blob: &Resource<BlobHandle>,
    offset: u64,
    length: usize,
) -> wasmtime::Result<Result<Bytes, IoError>> {
    let read = state.resources.get(blob)?.0.read(offset, length).map(Bytes::from);
    Ok(read.or_else(|error| state.refuse(IoError::Storage(error.to_string()))))
}

/// A column of all batches of an input; notes that it was read.
pub(super) fn load_column(
    state: &mut State,
    reader: &Resource<ReaderHandle>,
    index: u32,
) -> wasmtime::Result<Result<Vec<Vec<ColumnOut>>, IoError>> {
    let reader = state.resources.get(reader)?;
    let (input, readable, batches) =
        (reader.input, Arc::clone(&reader.readable), reader.table.batches());
    if let Some(&column) = readable.get(index as usize) {
        state.touch(input, column);
    }
    let mut columns = Vec::new();
    for batch in batches {
        let column = match batch {
            Ok(batch) => {
                let handle =
                    BatchHandle { input, batch, readable: Arc::clone(&readable), start: 0 };
                handle.column(index, None)
            }
            Err(error) => Err(IoError::Storage(error.to_string())),
        };
        match column {
            Ok(column) => columns.push(column),
            Err(error) => return Ok(state.refuse(error)),
        }
    }
    Ok(Ok(columns))
}

/// A column of a batch, for the guest; notes that it was read.
fn pull(
    state: &mut State,
    batch: &Resource<BatchHandle>,
    index: u32,
    rows: Option<(u64, u64)>,
) -> wasmtime::Result<Result<Vec<ColumnOut>, IoError>> {
    let batch = state.resources.get(batch)?;
    let (input, column) = (batch.input, batch.readable.get(index as usize).copied());
    let pulled = batch.column(index, rows);
    if let Some(column) = column {
        state.touch(input, column);
    }
    Ok(pulled.or_else(|error| state.refuse(error)))
}

pub(super) fn next_batch(
    state: &mut State,
    reader: &Resource<ReaderHandle>,
) -> wasmtime::Result<NextResult> {
    // A guest that only asks for batches spends its time here: no epoch stops that.
    if let Err(error) = state.check_time() {
        return Err(error.into());
    }
    let batch_rows = state.batch_rows;
    let handle = state.resources.get_mut(reader)?;
    let (input, readable) = (handle.input, Arc::clone(&handle.readable));
    match handle.next(batch_rows) {
        Ok(None) => Ok(Ok(None)),
        Ok(Some(batch)) => {
            let rows = batch.num_rows() as u64;
            let start = handle.given;
            handle.given += rows;
            state.watch.rows.fetch_add(rows, Ordering::Relaxed);
            match state.resources.push(BatchHandle { input, batch, readable, start }) {
                Ok(handle) => Ok(Ok(Some(handle))),
                Err(_) => Ok(state.refuse(IoError::Limit(format!(
                    "it holds more than {MAX_HANDLES} batches at once; it should drop each when done"
                )))),
            }
        }
        Err(error) => Ok(state.refuse(IoError::Storage(error.to_string()))),
    }
}
