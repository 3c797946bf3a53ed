//! The trait that authors implement.

use arrow_array::ArrayRef;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::bind::Bind;
use crate::data::{Batch, Blob, Log, Reader, Writer};
use crate::descriptor::Descriptor;
use crate::error::{Error, Result};

/// A plugin. Implement [`map`](Self::map) where each batch of the one input gives one
/// batch of the one output, row for row; [`run`](Self::run) for anything else.
pub trait Plugin {
    /// The parameters under `with:` in a workflow. Their JSON Schema, defaults and docs
    /// come from this type.
    type Params: DeserializeOwned + JsonSchema;

    /// Pure: always the same answer.
    fn describe() -> Descriptor;

    /// Declares which columns will be read and types the outputs, before data moves.
    ///
    /// # Errors
    /// Whatever makes `params` or the inputs unusable, as the [`Error`] that names it.
    fn bind(params: &Self::Params, bind: &mut Bind) -> Result<()>;

    /// The output columns that [`bind`](Self::bind) declared as new, in that order, one
    /// value for each row of `batch`.
    ///
    /// # Errors
    /// What the data makes impossible.
    fn map(_params: &Self::Params, _batch: &Batch) -> Result<Vec<ArrayRef>> {
        Err(Error::failed("this plugin implements neither `map` nor `run`"))
    }

    /// Does the work. As it stands, maps each batch of the first input to the first output.
    ///
    /// # Errors
    /// What the data makes impossible.
    fn run(params: &Self::Params, task: &mut Task) -> Result<()> {
        let (input, output) = task.first()?;
        while let Some(batch) = input.next()? {
            let columns = Self::map(params, &batch)?;
            output.derive(&batch, columns)?;
        }
        Ok(())
    }
}

/// What one run is given: its inputs, its outputs, and which piece of the work it is.
pub struct Task {
    pub(crate) inputs: Vec<(String, Content)>,
    pub(crate) outputs: Vec<(String, Writer)>,
    pub(crate) piece: (u32, u32),
    pub(crate) log: Box<dyn Log>,
}

pub(crate) enum Content {
    Table(Reader),
    Blob(Blob),
}

impl Task {
    /// Puts a task together; for hosts and test harnesses.
    pub fn new(
        tables: Vec<(String, Reader)>,
        blobs: Vec<(String, Blob)>,
        outputs: Vec<(String, Writer)>,
        piece: (u32, u32),
        log: Box<dyn Log>,
    ) -> Self {
        let tables = tables.into_iter().map(|(port, reader)| (port, Content::Table(reader)));
        let blobs = blobs.into_iter().map(|(port, blob)| (port, Content::Blob(blob)));
        Self { inputs: tables.chain(blobs).collect(), outputs, piece, log }
    }

    /// The table on input `port`.
    ///
    /// # Errors
    /// When the port is not connected or carries a file.
    pub fn input(&mut self, port: &str) -> Result<&mut Reader> {
        match self.inputs.iter_mut().find(|(name, _)| name == port) {
            Some((_, Content::Table(reader))) => Ok(reader),
            _ => Err(Error::failed(format!("no table on input `{port}`"))),
        }
    }

    /// The table on input `port`, out of the task: for those who read several at once.
    ///
    /// # Errors
    /// As [`Self::input`]; also when it was taken before.
    pub fn take_input(&mut self, port: &str) -> Result<Reader> {
        let is_it = |(name, content): &(String, Content)| {
            name == port && matches!(content, Content::Table(_))
        };
        match self.inputs.iter().position(is_it).map(|at| self.inputs.remove(at)) {
            Some((_, Content::Table(reader))) => Ok(reader),
            _ => Err(Error::failed(format!("no table on input `{port}`"))),
        }
    }

    /// Whether anything is connected to input `port`.
    pub fn is_connected(&self, port: &str) -> bool {
        self.inputs.iter().any(|(name, _)| name == port)
    }

    /// The file on input `port`.
    ///
    /// # Errors
    /// When the port is not connected or carries a table.
    pub fn blob(&self, port: &str) -> Result<&Blob> {
        match self.inputs.iter().find(|(name, _)| name == port) {
            Some((_, Content::Blob(blob))) => Ok(blob),
            _ => Err(Error::failed(format!("no file on input `{port}`"))),
        }
    }

    /// The table to write on output `port`.
    ///
    /// # Errors
    /// When the descriptor has no such output.
    pub fn output(&mut self, port: &str) -> Result<&mut Writer> {
        match self.outputs.iter_mut().find(|(name, _)| name == port) {
            Some((_, writer)) => Ok(writer),
            None => Err(Error::failed(format!("no output `{port}`"))),
        }
    }

    /// An input and an output at once.
    ///
    /// # Errors
    /// As [`Self::input`] and [`Self::output`].
    pub fn pair(&mut self, input: &str, output: &str) -> Result<(&mut Reader, &mut Writer)> {
        let no = |kind, port| Error::failed(format!("no {kind} `{port}`"));
        let reader = self.inputs.iter_mut().find_map(|(name, content)| match content {
            Content::Table(reader) if name == input => Some(reader),
            _ => None,
        });
        let writer = self.outputs.iter_mut().find(|(name, _)| name == output);
        let reader = reader.ok_or_else(|| no("table on input", input))?;
        let (_, writer) = writer.ok_or_else(|| no("output", output))?;
        Ok((reader, writer))
    }

    fn first(&mut self) -> Result<(&mut Reader, &mut Writer)> {
        match (self.inputs.first_mut(), self.outputs.first_mut()) {
            (Some((_, Content::Table(reader))), Some((_, writer))) => Ok((reader, writer)),
            _ => Err(Error::failed("`map` needs a table as first input, and an output")),
        }
    }

    /// Which of the pieces that `bind` asked for this is: index and count.
    pub fn piece(&self) -> (u32, u32) {
        self.piece
    }

    /// Tells the user; kept in the run record.
    pub fn warn(&self, message: &str) {
        self.log.warn(message);
    }

    /// For those who look closely; kept in the run record.
    pub fn info(&self, message: &str) {
        self.log.info(message);
    }

    /// How far this run is, in whatever it counts; `total` 0 when not known.
    pub fn progress(&self, done: u64, total: u64) {
        self.log.progress(done, total);
    }
}
