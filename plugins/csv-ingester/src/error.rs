//! What can be wrong with a delimited text file, and what to do about it.

use std::io;

/// Lines are physical lines of the text, counted from 1; a quoted line break counts.
#[derive(Debug, thiserror::Error)]
pub enum CsvError {
    #[error("cannot be read: {0}")]
    Read(#[source] io::Error),
    #[error("is damaged gzip data after {bytes} bytes of text: {source}; fetch the file again")]
    Gzip { bytes: u64, source: io::Error },
    #[error("is {found}, not delimited text; {remedy}")]
    OtherFormat { found: &'static str, remedy: &'static str },
    #[error(
        "is no whole tar archive: {what}, at byte {position}; without `members`, it is read as text"
    )]
    Archive { position: u64, what: &'static str },
    /// What is wrong with a file of an archive.
    #[error("in `{path}` {source}")]
    Member { path: String, source: Box<CsvError> },
    #[error("has no header line; for a file without one, set `header: false` or list the names")]
    NoHeader,
    #[error("line {line}: a NUL byte; the file is damaged, binary or UTF-16 (convert it to UTF-8)")]
    Nul { line: u64 },
    #[error(
        "line {line}: not UTF-8 (byte 0x{byte:02X}); convert the file, for instance with `iconv -f latin1 -t utf-8`"
    )]
    NotUtf8 { line: u64, byte: u8 },
    #[error(
        "line {line}: a quote opens here and never closes; if {quote} is an ordinary character in this file, set `quote: \"\"`"
    )]
    OpenQuote { line: u64, quote: char },
    #[error(
        "line {line}: a row of more than {limit} bytes; a quote that never closes, another `delimiter`, or not a table"
    )]
    RowTooLong { line: u64, limit: usize },
    #[error("line {line}: more than {limit} columns; is `delimiter` right?")]
    TooManyColumns { line: u64, limit: usize },
    #[error("line {line}: expected {expected} columns, found {found}; {remedy}")]
    Ragged { line: u64, expected: usize, found: usize, remedy: &'static str },
    #[error(
        "line {line}: columns {first} and {second} are both named `{name}`; list the names yourself with `header: [...]` and `skip-lines: {line}`"
    )]
    DuplicateColumn { line: u64, name: String, first: usize, second: usize },
    #[error("line {line}, column `{column}`: `{text}` is not {expected}; {remedy}")]
    Value { line: u64, column: String, text: String, expected: &'static str, remedy: String },
    #[error(
        "has columns {found}, but `{other}` has {expected}; name files of one kind in `members`"
    )]
    OtherColumns { found: String, expected: String, other: String },
    /// A parameter does not fit the file.
    #[error("parameter `{param}`: {message}")]
    Param { param: &'static str, message: String },
    /// Whoever takes the rows refused them.
    #[error(transparent)]
    Taker(skyloom_plugin::error::Error),
}

impl CsvError {
    /// What a reader says; what one of ours says through it stays what it is.
    pub(crate) fn of_read(error: io::Error) -> Self {
        error.downcast().unwrap_or_else(Self::Read)
    }

    pub(crate) fn param(param: &'static str, message: impl Into<String>) -> Self {
        Self::Param { param, message: message.into() }
    }
}

/// `text` as it can stand in a message: at most 60 characters, control characters escaped.
pub(crate) fn excerpt(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let mut short: String = text.chars().take(60).flat_map(char::escape_debug).collect();
    if text.chars().nth(60).is_some() {
        short.push('…');
    }
    short
}
