//! What can be wrong with a Parquet file, and what to do about it.

use parquet::errors::ParquetError;

#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error("cannot be read: {0}")]
    Read(skyloom_plugin::error::Error),
    #[error("is not Parquet: it {0}; was it cut short, or is it another format?")]
    NotParquet(&'static str),
    #[error("is encrypted Parquet, which is not supported; decrypt it first")]
    Encrypted,
    #[error(
        "has a damaged footer: it claims {claimed} bytes, and the file has {size}; fetch the file again"
    )]
    FooterLength { claimed: u64, size: u64 },
    #[error("has a damaged footer: {0}; fetch the file again")]
    Footer(String),
    #[error("nests columns {depth} levels deep; at most {limit} are read")]
    TooDeep { depth: usize, limit: usize },
    #[error("has two columns named `{0}`")]
    DuplicateColumn(String),
    #[error("column `{column}`: {message}; the file is damaged, fetch it again")]
    Damaged { column: String, message: String },
    #[error("column `{column}`: {message}")]
    Unsupported { column: String, message: String },
    #[error("row group {group}: {source}")]
    RowGroup { group: usize, source: ParquetError },
    /// A parameter does not fit the file.
    #[error("parameter `{param}`: {message}")]
    Param { param: &'static str, message: String },
}

impl FileError {
    pub(crate) fn param(param: &'static str, message: impl Into<String>) -> Self {
        Self::Param { param, message: message.into() }
    }
}
