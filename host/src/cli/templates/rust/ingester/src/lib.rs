//! Reads text tables whose columns are set apart by white space.
//!
//! - [`lines`]: text to fields, and what type a column is of;
//! - here: the file in, a typed table out.

pub mod lines;

use skyloom_plugin::prelude::*;

use lines::{Kind, LineError, Lines, Row};

/// What may stand under `with:` in a workflow.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Params {
    /// The names of the columns, from left to right.
    #[schemars(length(min = 1))]
    pub columns: Vec<String>,
    /// The column that says which row this is.
    #[serde(default)]
    pub key: Option<String>,
    /// Lines that begin so are left out.
    #[serde(default = "default_comment")]
    pub comment: String,
    /// What stands where there is no value.
    #[serde(default = "default_missing")]
    pub missing: Vec<String>,
}

fn default_comment() -> String {
    "#".to_owned()
}

fn default_missing() -> Vec<String> {
    vec!["-".to_owned()]
}

/// The plugin.
pub struct PluginName;

const FILE: &str = "file";
const TABLE: &str = "table";
/// So many bytes are read at once.
const CHUNK: u32 = 1 << 20;

impl Plugin for PluginName {
    type Params = Params;

    fn describe() -> Descriptor {
        descriptor!(Role::Ingester, Scope::Whole)
            .blob(FILE, "Text in UTF-8, one row a line, fields set apart by white space.")
            .output(TABLE, "Its rows, in order. A column is of numbers if all its values are.")
    }

    fn bind(params: &Params, bind: &mut Bind) -> Result<()> {
        if let Some(key) = &params.key
            && !params.columns.contains(key)
        {
            return Err(Error::param("key", format!("`columns` names no `{key}`")));
        }
        let kinds = kinds(params, bind.blob(FILE)?)?;
        for (name, kind) in params.columns.iter().zip(kinds) {
            let field = Field::new(name, data_type(kind), true);
            let is_key = params.key.as_ref() == Some(name);
            bind.add(TABLE, if is_key { field.with_ucd("meta.id;meta.main") } else { field })?;
        }
        Ok(())
    }

    fn run(params: &Params, task: &mut Task) -> Result<()> {
        // The types are those that `bind` found: this run sees the same file.
        let kinds = kinds(params, task.blob(FILE)?)?;
        let (name, size) = (task.blob(FILE)?.name(), task.blob(FILE)?.size());
        let mut lines = params.lines();
        let mut position = 0;
        while position < size {
            let bytes = task.blob(FILE)?.read(position, CHUNK)?;
            position += bytes.len() as u64;
            let rows = lines.take(&bytes, position == size).map_err(|error| at(&name, &error))?;
            task.output(TABLE)?.put(arrays(&kinds, &rows))?;
            task.progress(position, size);
        }
        Ok(())
    }
}

export!(PluginName);

impl Params {
    fn lines(&self) -> Lines<'_> {
        Lines::new(&self.comment, &self.missing, self.columns.len())
    }
}

/// What each column of the file holds.
fn kinds(params: &Params, blob: &Blob) -> Result<Vec<Kind>> {
    let mut kinds = vec![Kind::Number; params.columns.len()];
    let mut lines = params.lines();
    let mut position = 0;
    while position < blob.size() {
        let bytes = blob.read(position, CHUNK)?;
        position += bytes.len() as u64;
        let rows = lines.take(&bytes, position == blob.size());
        for row in rows.map_err(|error| at(&blob.name(), &error))? {
            lines::widen(&mut kinds, &row);
        }
    }
    Ok(kinds)
}

fn data_type(kind: Kind) -> DataType {
    match kind {
        Kind::Number => DataType::Float64,
        Kind::Text => DataType::Utf8,
    }
}

/// Rows as typed columns.
fn arrays(kinds: &[Kind], rows: &[Row]) -> Vec<ArrayRef> {
    let array = |(column, kind): (usize, &Kind)| -> ArrayRef {
        let fields = rows.iter().map(|row| row[column].as_deref());
        match kind {
            Kind::Number => {
                let numbers = fields.map(|field| field.and_then(|field| field.parse().ok()));
                Arc::new(numbers.collect::<Float64Array>())
            }
            Kind::Text => Arc::new(fields.collect::<StringArray>()),
        }
    };
    kinds.iter().enumerate().map(array).collect()
}

/// What the user reads: the file named.
fn at(name: &str, error: &LineError) -> Error {
    Error::data(format!("`{name}`: {error}"))
}
