//! Golden cases: what a plugin is given, and what must come out.
//!
//! docs/golden-cases.md describes the format.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Field, Schema};
use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::stand::Content;
use super::table::{self, Types};
use crate::fault::{At, Fault, Source, suggestion};
use crate::workflow::{Kind, Tree, read_tree};

/// A golden case, its inputs read.
#[derive(Debug, Clone)]
pub struct Case {
    /// Its file's name, without ending.
    pub name: String,
    pub path: PathBuf,
    pub(super) params: Map<String, Value>,
    pub(super) inputs: IndexMap<String, Content>,
    pub(super) expected: Expected,
}

/// What must come out.
#[derive(Debug, Clone)]
pub(super) enum Expected {
    /// Nobody has said yet.
    Unsaid,
    /// By output port.
    Outputs(IndexMap<String, Golden>),
    Error(WantedError),
}

/// What an output must hold.
#[derive(Debug, Clone)]
pub(super) struct Golden {
    pub(super) form: Form,
    /// Absolute or relative, whichever is met.
    pub(super) tolerance: f64,
    pub(super) types: Types,
}

/// Where a table stands.
#[derive(Debug, Clone)]
pub(super) enum Form {
    Csv(PathBuf),
    Arrow(PathBuf),
    Columns(IndexMap<String, Vec<Value>>),
}

/// The error that must come out.
#[derive(Debug, Clone, Default)]
pub(super) struct WantedError {
    pub(super) kind: String,
    pub(super) param: Option<String>,
    pub(super) column: Option<String>,
    /// A part of the text.
    pub(super) message: Option<String>,
}

/// The kinds of errors, as the contract names them.
const KINDS: [&str; 6] = ["param", "missing-column", "wrong-type", "wrong-unit", "data", "failed"];

/// The golden cases `*.yaml` in `folder`, sorted by name; none where there is no such folder.
///
/// # Errors
/// All mistakes in them, each with its place.
pub fn cases_in(folder: &Path) -> Result<Vec<Case>, Vec<Fault>> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "yaml"));
    paths.sort();
    let (mut cases, mut faults) = (Vec::new(), Vec::new());
    for path in paths {
        match read_case(&path) {
            Ok(case) => cases.push(case),
            Err(mut more) => faults.append(&mut more),
        }
    }
    if faults.is_empty() { Ok(cases) } else { Err(faults) }
}

/// The case in the file at `path`.
///
/// # Errors
/// Its mistakes, each with its place.
pub fn read_case(path: &Path) -> Result<Case, Vec<Fault>> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        vec![Fault::of_command("kit::case", format!("{}: {error}", path.display()))]
    })?;
    let source = Source { name: path.display().to_string().into(), text: text.into() };
    let tree = read_tree(&source)?;
    let folder = path.parent().unwrap_or(Path::new(""));
    Reader { source: &source, folder }.case(path, &tree).map_err(|fault| vec![*fault])
}

type Read<T> = Result<T, Box<Fault>>;

/// Reads the parts of one file.
struct Reader<'a> {
    source: &'a Source,
    folder: &'a Path,
}

impl Reader<'_> {
    fn fault(&self, span: &Range<usize>, message: impl Into<String>) -> Box<Fault> {
        Box::new(Fault::new(self.source, "kit::case", span.clone(), message))
    }

    fn case(&self, path: &Path, tree: &Tree) -> Read<Case> {
        let known = ["params", "inputs", "outputs", "error"];
        let mut params = Map::new();
        let mut inputs = IndexMap::new();
        let mut expected = Expected::Unsaid;
        for (key, value) in self.map(tree, "a case", &known)? {
            match key.value.as_str() {
                "params" => {
                    let Value::Object(entries) = value.to_json() else {
                        return Err(self.fault(&value.span, "`params` is a mapping by name"));
                    };
                    params = entries;
                }
                "inputs" => {
                    for (port, value) in self.entries(value, "`inputs`")? {
                        inputs.insert(port.value.clone(), self.content(value)?);
                    }
                }
                "outputs" | "error" if !matches!(expected, Expected::Unsaid) => {
                    let message = "a case expects either `outputs` or an `error`";
                    return Err(self.fault(&key.span, message));
                }
                "outputs" => {
                    let mut outputs = IndexMap::new();
                    for (port, value) in self.entries(value, "`outputs`")? {
                        outputs.insert(port.value.clone(), self.golden(value)?);
                    }
                    expected = Expected::Outputs(outputs);
                }
                _ => expected = Expected::Error(self.error(value)?),
            }
        }
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Case { name, path: path.to_owned(), params, inputs, expected })
    }

    fn entries<'t>(&self, tree: &'t Tree, what: &str) -> Read<&'t [(At<String>, Tree)]> {
        match &tree.value {
            Kind::Map(entries) => Ok(entries),
            other => {
                let found = other.name();
                Err(self.fault(&tree.span, format!("{what} is a mapping, not {found}")))
            }
        }
    }

    /// The entries of a mapping that has no other keys than `known`.
    fn map<'t>(
        &self,
        tree: &'t Tree,
        what: &str,
        known: &[&'static str],
    ) -> Read<&'t [(At<String>, Tree)]> {
        let entries = self.entries(tree, what)?;
        match entries.iter().find(|(key, _)| !known.contains(&key.value.as_str())) {
            None => Ok(entries),
            Some((key, _)) => {
                let message = format!("{what} has no key `{}`", key.value.escape_debug());
                let help = suggestion(&key.value, known.iter().copied());
                let fault = Fault::new(self.source, "kit::case", key.span.clone(), message);
                Err(Box::new(fault.help(help)))
            }
        }
    }

    fn text(&self, tree: &Tree, what: &str) -> Read<String> {
        match &tree.value {
            Kind::Text(text) => Ok(text.clone()),
            other => Err(self.fault(&tree.span, format!("{what} is text, not {}", other.name()))),
        }
    }

    /// A file beside the case.
    fn path(&self, tree: &Tree) -> Read<PathBuf> {
        Ok(self.folder.join(self.text(tree, "a file's name")?))
    }

    fn content(&self, tree: &Tree) -> Read<Content> {
        let known = ["csv", "arrow", "columns", "file", "types", "metadata"];
        let entries = self.map(tree, "an input", &known)?;
        if let Some((_, value)) = entries.iter().find(|(key, _)| key.value == "file") {
            let path = self.path(value)?;
            let bytes = std::fs::read(&path)
                .map_err(|error| self.fault(&value.span, format!("{}: {error}", path.display())))?;
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            return Ok(Content::File { name, bytes: bytes.into() });
        }
        let types = self.types(entries)?;
        let (form, place) = self.form(tree, entries)?;
        let rows = form.read(&types).map_err(|why| self.fault(&place, why))?;
        self.marked(rows, entries).map(Content::Table)
    }

    fn types(&self, entries: &[(At<String>, Tree)]) -> Read<Types> {
        let mut types = Types::new();
        for (_, tree) in entries.iter().filter(|(key, _)| key.value == "types") {
            for (column, value) in self.entries(tree, "`types`")? {
                let text = self.text(value, "a type")?;
                let parsed = table::parse_type(&text);
                let parsed = parsed.map_err(|why| self.fault(&value.span, why))?;
                types.insert(column.value.clone(), parsed);
            }
        }
        Ok(types)
    }

    fn form(&self, tree: &Tree, entries: &[(At<String>, Tree)]) -> Read<(Form, Range<usize>)> {
        let mut forms = entries
            .iter()
            .filter(|(key, _)| ["csv", "arrow", "columns"].contains(&key.value.as_str()));
        let one = "a table is one of `{csv: FILE}`, `{arrow: FILE}` and `{columns: {NAME: […]}}`";
        let Some((key, value)) = forms.next() else { return Err(self.fault(&tree.span, one)) };
        if let Some((other, _)) = forms.next() {
            return Err(self.fault(&other.span, one));
        }
        let form = match key.value.as_str() {
            "csv" => Form::Csv(self.path(value)?),
            "arrow" => Form::Arrow(self.path(value)?),
            _ => {
                let mut columns = IndexMap::new();
                for (name, values) in self.entries(value, "`columns`")? {
                    let Value::Array(list) = values.to_json() else {
                        let message = format!("column `{}` is a list of values", name.value);
                        return Err(self.fault(&values.span, message));
                    };
                    columns.insert(name.value.clone(), list);
                }
                Form::Columns(columns)
            }
        };
        Ok((form, value.span.clone()))
    }

    /// `rows` with what `metadata` says of their columns.
    fn marked(&self, rows: RecordBatch, entries: &[(At<String>, Tree)]) -> Read<RecordBatch> {
        let schema = rows.schema();
        let mut fields: Vec<Field> =
            schema.fields().iter().map(|field| field.as_ref().clone()).collect();
        for (_, tree) in entries.iter().filter(|(key, _)| key.value == "metadata") {
            for (column, pairs) in self.entries(tree, "`metadata`")? {
                let Some(field) = fields.iter_mut().find(|f| *f.name() == column.value) else {
                    let message = format!("there is no column `{}`", column.value);
                    return Err(self.fault(&column.span, message));
                };
                for (key, value) in self.entries(pairs, "what is said of a column")? {
                    let value = match value.to_json() {
                        Value::String(text) => text,
                        other => other.to_string(),
                    };
                    field.metadata_mut().insert(key.value.clone(), value);
                }
            }
        }
        let marked = rows.with_schema(Arc::new(Schema::new(fields)));
        Ok(marked.expect("metadata alone do not change what rows are"))
    }

    fn golden(&self, tree: &Tree) -> Read<Golden> {
        let known = ["csv", "arrow", "columns", "types", "tolerance"];
        let entries = self.map(tree, "an output", &known)?;
        let tolerance = entries.iter().find(|(key, _)| key.value == "tolerance");
        let tolerance = match tolerance.map(|(_, value)| (value.to_json().as_f64(), value)) {
            None => 0.0,
            Some((Some(number), _)) if number >= 0.0 => number,
            Some((_, value)) => {
                return Err(self.fault(&value.span, "`tolerance` is a number from 0 up"));
            }
        };
        let (form, _) = self.form(tree, entries)?;
        Ok(Golden { form, tolerance, types: self.types(entries)? })
    }

    fn error(&self, tree: &Tree) -> Read<WantedError> {
        let known = ["kind", "param", "column", "message"];
        let mut wanted = WantedError::default();
        for (key, value) in self.map(tree, "an error", &known)? {
            let text = self.text(value, "what an error says")?;
            match key.value.as_str() {
                "kind" if !KINDS.contains(&text.as_str()) => {
                    let message = format!("no error is of kind `{}`", text.escape_debug());
                    let fault = Fault::new(self.source, "kit::case", value.span.clone(), message);
                    return Err(Box::new(fault.help(suggestion(&text, KINDS))));
                }
                "kind" => wanted.kind = text,
                "param" => wanted.param = Some(text),
                "column" => wanted.column = Some(text),
                _ => wanted.message = Some(text),
            }
        }
        if wanted.kind.is_empty() {
            let message = format!("`kind` is missing: one of {}", KINDS.join(", "));
            return Err(self.fault(&tree.span, message));
        }
        Ok(wanted)
    }
}

impl Form {
    /// The table.
    ///
    /// # Errors
    /// In words, with the file.
    pub(super) fn read(&self, types: &Types) -> Result<RecordBatch, String> {
        match self {
            Self::Csv(path) => {
                let text = std::fs::read_to_string(path)
                    .map_err(|error| format!("{}: {error}", path.display()))?;
                table::from_csv(&text, types).map_err(|why| format!("{}: {why}", path.display()))
            }
            Self::Arrow(path) => {
                table::from_arrow(path).map_err(|why| format!("{}: {why}", path.display()))
            }
            Self::Columns(columns) => table::from_columns(columns, types),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Case, String> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("stars.yaml");
        std::fs::write(&path, text).expect("a file");
        std::fs::write(folder.path().join("in.csv"), "id,x\na,1.5\n").expect("a file");
        read_case(&path).map_err(|faults| {
            let (line, column) = faults[0].position();
            format!("{line}:{column} {}", faults[0])
        })
    }

    #[test]
    fn a_case_is_read() {
        let case = read(
            "params: {column: x}\ninputs:\n  table: {csv: in.csv, metadata: {id: {ucd: meta.id}}}\n\
             outputs:\n  rows: {columns: {y: [2.25]}, tolerance: 1e-9}\n",
        );
        let case = case.expect("it is whole");
        assert_eq!((case.name.as_str(), case.params.len()), ("stars", 1));
        let Some(Content::Table(table)) = case.inputs.get("table") else { panic!("a table") };
        assert_eq!(table.schema().field(0).metadata()["ucd"], "meta.id");
        let Expected::Outputs(outputs) = &case.expected else { panic!("outputs") };
        assert_eq!(outputs["rows"].tolerance, 1e-9);
    }

    #[test]
    fn mistakes_have_a_place() {
        for (text, message) in [
            ("param: {}\n", "1:1 a case has no key `param`"),
            ("inputs: {t: {csv: no.csv}}\n", "1:19 "),
            ("inputs: {t: {types: {}}}\n", "1:13 a table is one of"),
            ("inputs: {t: {columns: {x: [1], y: [1, 2]}}}\n", "1:23 column `y` has 2 values"),
            ("inputs: {t: {csv: in.csv, types: {x: real}}}\n", "1:38 `real` is no type"),
            ("error: {column: x}\n", "1:8 `kind` is missing"),
            ("error: {kind: missing}\n", "1:15 no error is of kind `missing`"),
            ("outputs: {r: {csv: a.csv, tolerance: -1}}\n", "1:38 `tolerance` is a number"),
            ("outputs: {}\nerror: {kind: data}\n", "2:1 a case expects either"),
        ] {
            let error = read(text).expect_err("a mistake");
            assert!(error.starts_with(message), "{text}: {error}");
        }
    }
}
