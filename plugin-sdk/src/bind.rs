//! Parameters and input schemas in, output schemas out.

use arrow_schema::{DataType, Field, FieldRef, Fields};

use crate::data::Blob;
use crate::descriptor::Descriptor;
use crate::error::{ColumnError, Error, Result};

/// What a column is read for; the host's leakage guard rests on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Learnt from, or predicted with.
    Feature,
    /// The truth that is learnt or scored.
    Label,
    /// Says which row this is, or which rows belong together.
    Key,
    /// Weighs rows.
    Weight,
    /// Anything else that new columns are computed from.
    Value,
}

/// What is connected to an input port before data moves.
pub enum Shape {
    Table(Fields),
    Blob(Blob),
}

/// A column that will be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Read {
    pub input: u32,
    pub column: u32,
    pub purpose: Purpose,
}

/// An output column that is an input column, untouched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Passed {
    pub field: u32,
    pub input: u32,
    pub column: u32,
}

/// An output port's columns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TableSchema {
    pub fields: Vec<FieldRef>,
    pub passed: Vec<Passed>,
}

/// Gathers what a plugin declares about one node of a workflow.
pub struct Bind {
    inputs: Vec<(String, Shape)>,
    ports: Vec<&'static str>,
    outputs: Vec<TableSchema>,
    reads: Vec<Read>,
    pieces: u32,
    warnings: Vec<String>,
}

impl Bind {
    /// For hosts and test harnesses.
    pub fn new(descriptor: &Descriptor, inputs: Vec<(String, Shape)>) -> Self {
        let ports: Vec<_> = descriptor.outputs.iter().map(|port| port.name).collect();
        let outputs = vec![TableSchema::default(); ports.len()];
        Self { inputs, ports, outputs, reads: Vec::new(), pieces: 1, warnings: Vec::new() }
    }

    /// The declared outputs, reads and number of pieces; for hosts and test harnesses.
    pub fn finish(self) -> (Vec<TableSchema>, Vec<Read>, u32) {
        (self.outputs, self.reads, self.pieces)
    }

    /// What the user should know although nothing is wrong.
    pub fn warn(&mut self, message: impl Into<String>) {
        self.warnings.push(message.into());
    }

    /// What [`Self::warn`] was told; for hosts and test harnesses.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    fn index(&self, port: &str) -> Result<u32> {
        self.inputs
            .iter()
            .position(|(name, _)| name == port)
            .map(|index| index as u32)
            .ok_or_else(|| Error::failed(format!("input `{port}` is not connected")))
    }

    /// Whether anything is connected to input `port`.
    pub fn is_connected(&self, port: &str) -> bool {
        self.inputs.iter().any(|(name, _)| name == port)
    }

    /// The columns of the table on input `port`.
    ///
    /// # Errors
    /// When the port is not connected or carries a file.
    pub fn fields(&self, port: &str) -> Result<&Fields> {
        match &self.inputs[self.index(port)? as usize].1 {
            Shape::Table(fields) => Ok(fields),
            Shape::Blob(_) => Err(Error::failed(format!("input `{port}` is a file, not a table"))),
        }
    }

    /// The file on input `port`.
    ///
    /// # Errors
    /// When the port is not connected or carries a table.
    pub fn blob(&self, port: &str) -> Result<&Blob> {
        match &self.inputs[self.index(port)? as usize].1 {
            Shape::Blob(blob) => Ok(blob),
            Shape::Table(_) => Err(Error::failed(format!("input `{port}` is a table, not a file"))),
        }
    }

    /// Looks at a column of the table on `port`. Nothing is declared until
    /// [`ColumnRef::read`] is called.
    ///
    /// # Errors
    /// [`Error::MissingColumn`] when there is none of that name; `param` is the parameter
    /// that named it, if one did.
    pub fn column(
        &mut self,
        port: &str,
        column: &str,
        param: Option<&str>,
    ) -> Result<ColumnRef<'_>> {
        let input = self.index(port)?;
        match self.fields(port)?.find(column) {
            Some((index, field)) => {
                let field = field.clone();
                let param = param.map(str::to_owned);
                Ok(ColumnRef { input, column: index as u32, field, param, bind: self })
            }
            None => Err(Error::MissingColumn(Box::new(ColumnError {
                input: port.to_owned(),
                column: column.to_owned(),
                param: param.map(str::to_owned),
                expected: String::new(),
                found: String::new(),
            }))),
        }
    }

    /// The name of the key column on `port`, as [`key_of`] finds it.
    ///
    /// # Errors
    /// As [`key_of`].
    pub fn key(&self, port: &str, named: Option<&str>) -> Result<String> {
        key_of(self.fields(port)?, port, named)
    }

    /// Cuts the work in `pieces` runs, each with a fresh instance, their outputs
    /// concatenated in order. Derive it from parameters and source only.
    pub fn set_pieces(&mut self, pieces: u32) {
        self.pieces = pieces;
    }

    /// Adds a new column to output `port`.
    ///
    /// # Errors
    /// When the descriptor has no such output, or the name is taken.
    pub fn add(&mut self, port: &str, field: Field) -> Result<()> {
        self.push(port, field.into(), None)
    }

    /// Adds a column of `input`, untouched, to output `port`.
    ///
    /// # Errors
    /// When there is no such output or input column, or the name is taken.
    pub fn pass(&mut self, port: &str, input: &str, column: &str) -> Result<()> {
        let from = self.column(input, column, None)?;
        let (input, column, field) = (from.input, from.column, from.field);
        self.push(port, field, Some((input, column)))
    }

    /// Adds all columns of `input`, untouched, to output `port`.
    ///
    /// # Errors
    /// When there is no such output or input, or a name is taken.
    pub fn pass_all(&mut self, port: &str, input: &str) -> Result<()> {
        let index = self.index(input)?;
        let fields = self.fields(input)?.clone();
        for (column, field) in fields.iter().enumerate() {
            self.push(port, field.clone(), Some((index, column as u32)))?;
        }
        Ok(())
    }

    fn push(&mut self, port: &str, field: FieldRef, from: Option<(u32, u32)>) -> Result<()> {
        let index = self.ports.iter().position(|name| *name == port);
        let index = index.ok_or_else(|| Error::failed(format!("no output `{port}`")))?;
        let output = &mut self.outputs[index];
        if output.fields.iter().any(|other| other.name() == field.name()) {
            let name = field.name();
            return Err(Error::data(format!(
                "output `{port}` would have two columns `{name}`; rename or drop the input's"
            )));
        }
        if let Some((input, column)) = from {
            output.passed.push(Passed { field: output.fields.len() as u32, input, column });
        }
        output.fields.push(field);
        Ok(())
    }
}

/// The name of the key among the `fields` of input `port`: `named`, or else the column whose
/// UCD starts with `meta.id` and says `meta.main`.
///
/// # Errors
/// [`Error::Param`] for `key` when there is neither.
pub fn key_of(fields: &Fields, port: &str, named: Option<&str>) -> Result<String> {
    if let Some(name) = named {
        return Ok(name.to_owned());
    }
    let is_key = |field: &&FieldRef| {
        field.ucd().is_some_and(|ucd| ucd.starts_with("meta.id") && ucd.contains("meta.main"))
    };
    fields.iter().find(is_key).map(|field| field.name().clone()).ok_or_else(|| {
        let message = format!(
            "no column of input `{port}` is marked as key; name one here, or with `key` in the ingester"
        );
        Error::param("key", message)
    })
}

/// A column of an input, looked at but not yet read.
pub struct ColumnRef<'a> {
    input: u32,
    column: u32,
    field: FieldRef,
    param: Option<String>,
    bind: &'a mut Bind,
}

impl ColumnRef<'_> {
    /// The column's name, type and metadata.
    pub fn field(&self) -> &Field {
        &self.field
    }

    fn error(&self, expected: &str, found: String) -> Box<ColumnError> {
        Box::new(ColumnError {
            input: self.bind.inputs[self.input as usize].0.clone(),
            column: self.field.name().clone(),
            param: self.param.clone(),
            expected: expected.to_owned(),
            found,
        })
    }

    /// Demands that `check` holds for the type; `expected` says what would do.
    ///
    /// # Errors
    /// [`Error::WrongType`]
    pub fn of_type(self, expected: &str, check: impl Fn(&DataType) -> bool) -> Result<Self> {
        if check(self.field.data_type()) {
            return Ok(self);
        }
        Err(Error::WrongType(self.error(expected, self.field.data_type().to_string())))
    }

    /// Demands an integer or floating-point column.
    ///
    /// # Errors
    /// [`Error::WrongType`]
    pub fn number(self) -> Result<Self> {
        self.of_type("a number", is_number)
    }

    /// Demands text, plain or dictionary-encoded.
    ///
    /// # Errors
    /// [`Error::WrongType`]
    pub fn text(self) -> Result<Self> {
        self.of_type("text", is_text)
    }

    /// Demands one of `units`; a column without a unit passes.
    ///
    /// # Errors
    /// [`Error::WrongUnit`]
    pub fn unit(self, units: &[&str]) -> Result<Self> {
        match self.field.unit() {
            Some(unit) if !units.contains(&unit) => {
                Err(Error::WrongUnit(self.error(&units.join(" or "), unit.to_owned())))
            }
            _ => Ok(self),
        }
    }

    /// Declares that runs read this column. Reading any other is refused.
    pub fn read(self, purpose: Purpose) -> Field {
        let read = Read { input: self.input, column: self.column, purpose };
        if !self.bind.reads.contains(&read) {
            self.bind.reads.push(read);
        }
        self.field.as_ref().clone()
    }
}

/// Whether values of this type are integers or floating-point numbers.
pub fn is_number(data_type: &DataType) -> bool {
    data_type.is_integer() || data_type.is_floating()
}

/// Whether values of this type are text, plain or dictionary-encoded.
pub fn is_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 => true,
        DataType::Dictionary(_, values) => is_text(values),
        _ => false,
    }
}

/// What Skyloom keeps in a field's metadata.
pub trait FieldExt: Sized {
    /// The unit, in VOUnits.
    fn unit(&self) -> Option<&str>;
    /// The meaning, as a UCD1+.
    fn ucd(&self) -> Option<&str>;
    /// The sorted distinct values of a text column, where known.
    fn categories(&self) -> Option<Vec<String>>;
    #[must_use]
    fn with(self, key: &str, value: impl Into<String>) -> Self;
    #[must_use]
    fn with_unit(self, unit: &str) -> Self {
        self.with("unit", unit)
    }
    #[must_use]
    fn with_ucd(self, ucd: &str) -> Self {
        self.with("ucd", ucd)
    }
    #[must_use]
    fn with_description(self, description: &str) -> Self {
        self.with("description", description)
    }
    #[must_use]
    fn with_categories(self, categories: &[String]) -> Self {
        self.with("categories", serde_json::json!(categories).to_string())
    }
}

impl FieldExt for Field {
    fn unit(&self) -> Option<&str> {
        self.metadata().get("unit").map(String::as_str)
    }

    fn ucd(&self) -> Option<&str> {
        self.metadata().get("ucd").map(String::as_str)
    }

    fn categories(&self) -> Option<Vec<String>> {
        serde_json::from_str(self.metadata().get("categories")?).ok()
    }

    fn with(mut self, key: &str, value: impl Into<String>) -> Self {
        self.metadata_mut().insert(key.to_owned(), value.into());
        self
    }
}
