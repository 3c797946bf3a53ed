//! CSV, and what CSV cannot say beside it.

use std::io::Write;
use std::path::Path;

use serde_json::{Value, json};

use crate::data::Table;

pub(super) fn write(
    table: &Table,
    file: &mut impl Write,
) -> Result<(), Box<dyn std::error::Error>> {
    let mut writer = arrow::csv::WriterBuilder::new().with_header(true).build(file);
    // The header comes with the first batch: an empty table has one too.
    writer.write(&arrow::array::RecordBatch::new_empty(table.schema.clone()))?;
    for batch in table.batches() {
        writer.write(&batch?)?;
    }
    Ok(())
}

/// Column types, units and UCDs as W3C's CSV on the Web metadata.
pub(super) fn write_metadata(table: &Table, path: &Path) -> std::io::Result<()> {
    let columns = table.schema.fields().iter().map(|field| {
        let mut column = json!({"name": field.name(), "arrow-type": field.data_type().to_string()});
        for (key, name) in [("unit", "unit"), ("ucd", "ucd"), ("description", "dc:description")] {
            if let Some(value) = field.metadata().get(key) {
                column[name] = Value::String(value.clone());
            }
        }
        column
    });
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let metadata = json!({
        "@context": "http://www.w3.org/ns/csvw",
        "url": name,
        "tableSchema": {"columns": columns.collect::<Vec<_>>()},
    });
    let text = serde_json::to_string_pretty(&metadata).expect("plain data");
    std::fs::write(path.with_file_name(format!("{name}-metadata.json")), text + "\n")
}
