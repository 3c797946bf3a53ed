//! Golden cases, written from what a run was given.

use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use indexmap::IndexMap;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::KitError;
use super::table::{Types, from_csv, to_arrow, to_csv};
use crate::workflow::to_yaml;

/// What a case gives an input.
#[derive(Debug, Clone)]
pub enum CaseInput {
    Table(RecordBatch),
    File { name: String, bytes: Vec<u8> },
}

#[derive(Serialize)]
struct Written<'a> {
    params: &'a Map<String, Value>,
    inputs: IndexMap<&'a str, Value>,
}

/// Writes a case that expects nothing yet, and a file for each input, into `folder`; gives the
/// case's file. `about` is its first line. Files that are there stay: the case takes another
/// name.
///
/// Tables are CSV where that loses nothing, or else Arrow.
///
/// # Errors
/// When a file cannot be written.
pub fn write_case(
    folder: &Path,
    name: &str,
    about: &str,
    params: &Map<String, Value>,
    inputs: &IndexMap<String, CaseInput>,
) -> Result<PathBuf, KitError> {
    let wrong = |path: &Path, why: String| KitError::Write(format!("{}: {why}", path.display()));
    std::fs::create_dir_all(folder).map_err(|error| wrong(folder, error.to_string()))?;
    let name = free_name(folder, name);
    let mut named = IndexMap::new();
    for (port, input) in inputs {
        let (file, form, bytes) = match input {
            CaseInput::File { name: file, bytes } => {
                (format!("{name}.{port}.{file}"), "file", bytes.clone())
            }
            CaseInput::Table(table) => match to_csv(table).filter(|text| keeps_all(text, table)) {
                Some(text) => (format!("{name}.{port}.csv"), "csv", text.into_bytes()),
                None => {
                    let bytes = to_arrow(table).map_err(|why| wrong(folder, why))?;
                    (format!("{name}.{port}.arrow"), "arrow", bytes)
                }
            },
        };
        let path = folder.join(&file);
        std::fs::write(&path, bytes).map_err(|error| wrong(&path, error.to_string()))?;
        named.insert(port.as_str(), json!({form: file}));
    }
    let path = folder.join(format!("{name}.yaml"));
    let text = to_yaml(&Written { params, inputs: named });
    std::fs::write(&path, format!("# {about}\n{text}"))
        .map_err(|error| wrong(&path, error.to_string()))?;
    Ok(path)
}

/// `name`, or with a number if there is such a case.
fn free_name(folder: &Path, name: &str) -> String {
    let numbered = (2..).map(|number| format!("{name}-{number}"));
    let mut names = std::iter::once(name.to_owned()).chain(numbered);
    let is_free = |name: &String| !folder.join(format!("{name}.yaml")).exists();
    names.find(is_free).expect("there are more numbers than files")
}

/// Whether CSV says all there is to say, types and labels included.
fn keeps_all(text: &str, table: &RecordBatch) -> bool {
    from_csv(text, &Types::new()).is_ok_and(|again| again == *table)
}
