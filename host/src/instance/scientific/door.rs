//! The one door between interpreter and host: a message in JSON, an answer in JSON.
//!
//! Columns do not go through it. The guest says where in its memory its arrays are, and the
//! host copies to them or from them: once in each direction, as with components.

use std::sync::Arc;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};
use wasmtime::component::Resource;

use super::super::InstanceError;
use super::super::abi::{ColumnIn, IoError, Level};
use super::super::store::{
    self, BatchHandle, BlobHandle, HOSTCALL_BYTES, ReaderHandle, State, WriterHandle,
};
use super::guest::Guest;
use super::package::Package;

/// Longest message: descriptions of columns, never their values.
const MAX_MESSAGE_BYTES: usize = 16 << 20;

/// What stands behind the door in one call.
pub(super) struct Door {
    package: Arc<Package>,
    /// What the driver is asked for.
    request: Value,
    inputs: Vec<Input>,
    outputs: Vec<Resource<WriterHandle>>,
    /// Buffers that wait for the guest to say where they go.
    pending: Vec<Bytes>,
    answer: Option<Answer>,
}

/// What is connected to an input port.
pub(super) enum Input {
    Table {
        reader: Resource<ReaderHandle>,
        batch: Option<Resource<BatchHandle>>,
    },
    Blob(Resource<BlobHandle>),
    /// Of a table only the schema is known yet.
    Schema,
}

/// What the driver answers to a request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Answer {
    Ok(Value),
    Error(Value),
}

#[derive(Debug, Deserialize)]
#[serde(tag = "op", rename_all = "kebab-case", deny_unknown_fields)]
enum Message {
    /// The driver's first lines.
    Boot,
    /// All sources by path.
    Sources,
    /// What is to be done.
    Request,
    /// It was done, or it failed.
    Answer {
        answer: Answer,
    },
    /// Lays a column out, of all batches of an input.
    Load {
        input: usize,
        column: u32,
    },
    /// Where the buffers that were laid out last go: an address for each.
    Fill {
        at: Vec<u32>,
    },
    /// The next batch of an input: how many rows it has.
    Next {
        input: usize,
    },
    Rewind {
        input: usize,
    },
    /// Rows for an output, from the batch that is current of its source.
    Emit {
        output: usize,
        source: Option<usize>,
        keep: Option<Part>,
        columns: Vec<Column>,
    },
    Cut {
        output: usize,
    },
    /// Bytes of a file, to an address: how many there were.
    Read {
        input: usize,
        offset: u64,
        at: u32,
        length: u32,
    },
    Log {
        level: LogWord,
        message: String,
    },
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum LogWord {
    Debug,
    Info,
    Warn,
}

/// Address and length of something in the guest's memory.
#[derive(Debug, Clone, Copy, Deserialize)]
struct Part(u32, u32);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Column {
    rows: u64,
    validity: Option<Part>,
    buffers: Vec<Part>,
}

impl Door {
    pub(super) fn new(package: Arc<Package>, request: Value) -> Self {
        let (inputs, outputs, pending) = (Vec::new(), Vec::new(), Vec::new());
        Self { package, request, inputs, outputs, pending, answer: None }
    }

    pub(super) fn connect(
        mut self,
        inputs: Vec<Input>,
        outputs: Vec<Resource<WriterHandle>>,
    ) -> Self {
        (self.inputs, self.outputs) = (inputs, outputs);
        self
    }

    /// What the driver answered; none if it never did.
    pub(super) fn take_answer(&mut self) -> Option<Answer> {
        self.answer.take()
    }

    fn reader(&self, input: usize) -> Result<Resource<ReaderHandle>, InstanceError> {
        match self.inputs.get(input) {
            Some(Input::Table { reader, .. }) => Ok(Resource::new_borrow(reader.rep())),
            _ => Err(misused(format!("there is no table on input {input}"))),
        }
    }

    fn blob(&self, input: usize) -> Result<Resource<BlobHandle>, InstanceError> {
        match self.inputs.get(input) {
            Some(Input::Blob(blob)) => Ok(Resource::new_borrow(blob.rep())),
            _ => Err(misused(format!("there is no file on input {input}"))),
        }
    }

    fn writer(&self, output: usize) -> Result<Resource<WriterHandle>, InstanceError> {
        let writer = self.outputs.get(output);
        let writer = writer.ok_or_else(|| misused(format!("there is no output {output}")))?;
        Ok(Resource::new_borrow(writer.rep()))
    }

    fn batch(&self, input: usize) -> Result<Resource<BatchHandle>, InstanceError> {
        match self.inputs.get(input) {
            Some(Input::Table { batch: Some(batch), .. }) => Ok(Resource::new_borrow(batch.rep())),
            _ => Err(misused(format!("input {input} has no batch now"))),
        }
    }
}

/// The driver is ours, but whoever shares its interpreter could imitate it.
fn misused(message: String) -> InstanceError {
    InstanceError::Contract(format!("it misuses the door to the host: {message}"))
}

/// Answers one message of the guest, whose memory is `memory`.
///
/// # Errors
/// What ends the call: a limit, or a message that the driver would not send. What a plugin may
/// be told is an answer like any other.
pub(super) fn answer(
    guest: &mut Guest,
    memory: &mut [u8],
    message: &[u8],
) -> wasmtime::Result<Vec<u8>> {
    let Guest { state, door, .. } = guest;
    state.check_time()?;
    if message.len() > MAX_MESSAGE_BYTES {
        return Err(misused("a message is too long".to_owned()).into());
    }
    let message: Message = serde_json::from_slice(message)
        .map_err(|error| misused(format!("a message is not understood: {error}")))?;
    let answered = match message {
        Message::Boot => {
            let boot = door.package.sources.get(super::BOOT);
            return Ok(boot.map(String::as_bytes).unwrap_or_default().to_vec());
        }
        Message::Sources => Ok(json!(door.package.sources)),
        Message::Request => Ok(door.request.clone()),
        Message::Answer { answer } => {
            door.answer = Some(answer);
            Ok(Value::Null)
        }
        Message::Load { input, column } => load(state, door, input, column)?,
        Message::Fill { at } => fill(door, memory, &at).map(Ok)?,
        Message::Next { input } => next(state, door, input)?,
        Message::Rewind { input } => {
            let reader = door.reader(input)?;
            state.resources.get_mut(&reader)?.rewind();
            Ok(Value::Null)
        }
        Message::Emit { output, source, keep, columns } => {
            let columns = columns_of(memory, &columns, keep)?;
            let keep = keep.map(|keep| part(memory, keep)).transpose()?;
            let writer = door.writer(output)?;
            let source = source.map(|input| door.batch(input)).transpose()?;
            let source = source.as_ref().map(|batch| (batch, keep));
            store::emit(state, &writer, source, columns)?.map(|()| Value::Null)
        }
        Message::Cut { output } => store::cut(state, &door.writer(output)?)?.map(|()| Value::Null),
        Message::Read { input, offset, at, length } => {
            read(state, &door.blob(input)?, memory, offset, Part(at, length))?
        }
        Message::Log { level, message } => {
            let level = match level {
                LogWord::Debug => Level::Debug,
                LogWord::Info => Level::Info,
                LogWord::Warn => Level::Warn,
            };
            state.write_log(level, &message);
            Ok(Value::Null)
        }
    };
    let answer = match answered {
        Ok(value) => json!({"ok": value}),
        Err(
            IoError::Denied(text)
            | IoError::Invalid(text)
            | IoError::Limit(text)
            | IoError::Storage(text),
        ) => json!({"refused": text}),
    };
    Ok(serde_json::to_vec(&answer)?)
}

fn part_mut(memory: &mut [u8], Part(at, length): Part) -> Result<&mut [u8], InstanceError> {
    let range = at as usize..(at as usize).saturating_add(length as usize);
    memory.get_mut(range).ok_or_else(|| misused("an array lies outside memory".to_owned()))
}

fn part(memory: &[u8], Part(at, length): Part) -> Result<Vec<u8>, InstanceError> {
    let range = at as usize..(at as usize).saturating_add(length as usize);
    let part = memory.get(range).map(<[u8]>::to_vec);
    part.ok_or_else(|| misused("an array lies outside memory".to_owned()))
}

/// Lays out a column of all batches: for each, its arrays in preorder, and how long their
/// buffers are. Their bytes wait for [`fill`].
fn load(
    state: &mut State,
    door: &mut Door,
    input: usize,
    column: u32,
) -> wasmtime::Result<Result<Value, IoError>> {
    let batches = match store::load_column(state, &door.reader(input)?, column)? {
        Ok(batches) => batches,
        Err(error) => return Ok(Err(error)),
    };
    door.pending.clear();
    let mut layouts = Vec::with_capacity(batches.len());
    for arrays in batches {
        let mut layout = Vec::with_capacity(arrays.len());
        for array in arrays {
            let lengths: Vec<_> = array.buffers.iter().map(Bytes::len).collect();
            let validity = array.validity.as_ref().map(Bytes::len);
            layout.push(json!({"rows": array.rows, "validity": validity, "buffers": lengths}));
            door.pending.extend(array.validity.into_iter().chain(array.buffers));
        }
        layouts.push(layout);
    }
    Ok(Ok(json!(layouts)))
}

/// Copies what waits to where the guest wants it.
fn fill(door: &mut Door, memory: &mut [u8], at: &[u32]) -> Result<Value, InstanceError> {
    let pending = std::mem::take(&mut door.pending);
    if at.len() != pending.len() {
        return Err(misused(format!("{} addresses for {} buffers", at.len(), pending.len())));
    }
    for (bytes, &at) in pending.iter().zip(at) {
        part_mut(memory, Part(at, bytes.len() as u32))?.copy_from_slice(bytes);
    }
    Ok(Value::Null)
}

fn next(
    state: &mut State,
    door: &mut Door,
    input: usize,
) -> wasmtime::Result<Result<Value, IoError>> {
    let reader = door.reader(input)?;
    let next = match store::next_batch(state, &reader)? {
        Ok(next) => next,
        Err(error) => return Ok(Err(error)),
    };
    let rows = match &next {
        Some(batch) => json!(state.resources.get(batch)?.rows()),
        None => Value::Null,
    };
    if let Some(Input::Table { batch, .. }) = door.inputs.get_mut(input)
        && let Some(last) = std::mem::replace(batch, next)
    {
        state.resources.delete(last)?;
    }
    Ok(Ok(rows))
}

/// Arrays as the guest wrote them, in the order of its message.
fn columns_of(
    memory: &[u8],
    columns: &[Column],
    keep: Option<Part>,
) -> Result<Vec<ColumnIn>, InstanceError> {
    let parts = columns.iter().flat_map(|column| column.validity.iter().chain(&column.buffers));
    let bytes: usize = parts.chain(&keep).map(|part| part.1 as usize).sum();
    if bytes > HOSTCALL_BYTES {
        return Err(store::too_much_at_once());
    }
    let column = |column: &Column| {
        let buffers = column.buffers.iter().map(|&buffer| part(memory, buffer));
        Ok(ColumnIn {
            rows: column.rows,
            validity: column.validity.map(|validity| part(memory, validity)).transpose()?,
            buffers: buffers.collect::<Result<_, InstanceError>>()?,
        })
    };
    columns.iter().map(column).collect()
}

fn read(
    state: &mut State,
    blob: &Resource<BlobHandle>,
    memory: &mut [u8],
    offset: u64,
    to: Part,
) -> wasmtime::Result<Result<Value, IoError>> {
    let to = part_mut(memory, to)?;
    Ok(store::read_blob(state, blob, offset, to.len())?.map(|bytes| {
        to[..bytes.len()].copy_from_slice(&bytes);
        json!(bytes.len())
    }))
}
