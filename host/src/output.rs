//! Results, in the formats that astronomers use.
//!
//! A file appears whole or not at all, and only over a file that a run wrote and nobody
//! changed since. Units and UCDs go into the Arrow schema of Parquet and Arrow files; a CSV
//! file has them beside it, as W3C's CSV on the Web metadata (`NAME.csv-metadata.json`).
//!
//! It does not know plans: it writes tables.

mod csv;
mod ledger;

pub use ledger::Ledger;

use std::fs;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use arrow::datatypes::{DataType, Fields};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use serde::{Deserialize, Serialize};

use crate::data::{Digest, Digester, StoreError, Table, publish};
use crate::workflow::Format;

/// A file that was written.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Written {
    pub path: PathBuf,
    pub rows: u64,
    /// Of the table's schema and values: the same in any format, however it is partitioned.
    pub digest: Digest,
    /// BLAKE3 of the file's bytes.
    pub file_digest: Digest,
}

/// Why a result could not be written.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    #[error("{} is not a file that Skyloom wrote, or was changed since; move it away or use --overwrite", .0.display())]
    NotOurs(PathBuf),
    #[error("column `{column}` is {data_type}, which CSV cannot hold; use .parquet or .arrow")]
    NotFlat { column: String, data_type: DataType },
    #[error("cannot write {}: {reason}", path.display())]
    Io { path: PathBuf, reason: String },
}

/// Refuses schemas that `format` cannot hold.
///
/// # Errors
/// [`OutputError::NotFlat`]
pub fn check(fields: &Fields, format: Format) -> Result<(), OutputError> {
    let nested = fields.iter().find(|field| field.data_type().is_nested());
    match nested {
        Some(field) if format == Format::Csv => Err(OutputError::NotFlat {
            column: field.name().clone(),
            data_type: field.data_type().clone(),
        }),
        _ => Ok(()),
    }
}

/// Writes `table` to `path`, and notes that in the ledger before the file is there.
///
/// # Errors
/// When the file cannot be written; then nothing is left of it.
pub fn write(
    table: &Table,
    path: &Path,
    format: Format,
    ledger: &Ledger,
) -> Result<Written, OutputError> {
    let failed = |error: &dyn std::fmt::Display| OutputError::Io {
        path: path.to_owned(),
        reason: error.to_string(),
    };
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(|error| failed(&error))?;
    let file = tempfile::NamedTempFile::new_in(folder).map_err(|error| failed(&error))?;
    let mut file = BufWriter::with_capacity(1 << 20, file);
    match format {
        Format::Parquet => parquet(table, &mut file).map_err(|error| failed(&error))?,
        Format::Arrow => arrow_ipc(table, &mut file).map_err(|error| failed(&error))?,
        Format::Csv => csv::write(table, &mut file).map_err(|error| failed(&error))?,
    }
    let file = file.into_inner().map_err(|error| failed(&error))?;
    let mut hasher = blake3::Hasher::new();
    let reopened = file.reopen().map_err(|error| failed(&error))?;
    hasher.update_reader(reopened).map_err(|error| failed(&error))?;
    // A temporary file is the owner's alone; a result is like any other file.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::Permissions::from_mode(0o644);
        file.as_file().set_permissions(mode).map_err(|error| failed(&error))?;
    }
    let file_digest = Digest::from(hasher.finalize());
    ledger.note(path, file_digest)?;
    publish(file, path).map_err(|error| failed(&error))?;
    if format == Format::Csv {
        csv::write_metadata(table, path).map_err(|error| failed(&error))?;
    }
    Ok(Written {
        path: path.to_owned(),
        rows: table.rows(),
        digest: content_digest(table).map_err(|error| failed(&error))?,
        file_digest,
    })
}

fn content_digest(table: &Table) -> Result<Digest, StoreError> {
    let mut digester = Digester::new(table.schema.clone());
    for batch in table.batches() {
        digester.update(&batch?);
    }
    Ok(digester.finish().1)
}

fn parquet(
    table: &Table,
    file: &mut (impl Write + Send),
) -> Result<(), Box<dyn std::error::Error>> {
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_created_by("skyloom".to_owned())
        .build();
    let mut writer = ArrowWriter::try_new(file, table.schema.clone(), Some(properties))?;
    for batch in table.batches() {
        writer.write(&batch?)?;
    }
    writer.close()?;
    Ok(())
}

fn arrow_ipc(table: &Table, file: &mut impl Write) -> Result<(), Box<dyn std::error::Error>> {
    // The stream format: unlike the file format, it takes a new dictionary in each batch.
    let mut writer = arrow::ipc::writer::StreamWriter::try_new(file, &table.schema)?;
    for batch in table.batches() {
        writer.write(&batch?)?;
    }
    writer.finish()?;
    Ok(())
}
