//! What a workflow says about the file.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::column::Type;
use crate::error::CsvError;
use crate::record::{Delimiter, Grammar};

/// What may stand under `with:`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Params {
    /// Values that stand for no value, beside the empty one: by text and, in columns of
    /// numbers, by value, so that -99.99 also stands for -99.990. `NaN` is a number unless
    /// listed here.
    pub null_values: Vec<NullValue>,
    /// More of them, for single columns.
    pub column_null_values: BTreeMap<String, Vec<NullValue>>,
    /// What separates fields: one ASCII character, `tab`, or `blanks` for any run of spaces
    /// and tabs.
    pub delimiter: String,
    /// What encloses fields that hold delimiters or line breaks; doubled within them. Empty
    /// for none.
    pub quote: String,
    /// Lines that begin with this character are passed over.
    pub comment: Option<String>,
    /// Whether the first line names the columns; or their names, where no line does.
    pub header: Header,
    /// Lines to pass over before the header.
    pub skip_lines: u64,
    /// Take spaces and tabs off both ends of every text; numbers never mind them.
    pub trim: bool,
    /// Whether to read the whole file beforehand, for the types and categories that are not
    /// given.
    pub infer: Infer,
    /// Types of columns. Those not listed are inferred.
    pub types: BTreeMap<String, Type>,
    /// All values of text columns, sorted. Those not listed are found, where there are at
    /// most 256.
    pub categories: BTreeMap<String, Vec<String>>,
    /// Units of columns, in VOUnits.
    pub units: BTreeMap<String, String>,
    /// Meanings of columns, as UCD1+.
    pub ucds: BTreeMap<String, String>,
    /// Descriptions of columns.
    pub descriptions: BTreeMap<String, String>,
    /// The column that tells rows apart: it gets the UCD `meta.id;meta.main`.
    pub key: Option<String>,
    /// Adds a column of this name that counts the rows of the file, from 0: the key, where
    /// no column of the file is one. It tells rows of one file apart, not of several.
    pub row_number: Option<String>,
    /// For a tar archive, plain or gzipped: which of its files to read, such as
    /// `curves/*.csv`. `*` stands for any characters but `/`, `**` for any at all. They are
    /// read in the order of the archive, and must have the same columns.
    pub members: Option<String>,
    /// Adds a column of this name with the name of the file within the archive, without
    /// folders and extension: for archives with one file per object. The name of a file on
    /// disk is no content, and never gets into a table.
    pub member_column: Option<String>,
    /// The columns to read, in this order. All of them if not given.
    pub columns: Option<Vec<String>>,
    /// What to do with rows that have too few fields, or empty ones too many.
    pub ragged: Ragged,
    /// Rows in a partition.
    #[schemars(range(min = 1))]
    pub partition_rows: u64,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            null_values: Vec::new(),
            column_null_values: BTreeMap::new(),
            delimiter: ",".to_owned(),
            quote: "\"".to_owned(),
            comment: None,
            header: Header::Line(true),
            skip_lines: 0,
            trim: true,
            infer: Infer::All,
            types: BTreeMap::new(),
            categories: BTreeMap::new(),
            units: BTreeMap::new(),
            ucds: BTreeMap::new(),
            descriptions: BTreeMap::new(),
            key: None,
            row_number: None,
            members: None,
            member_column: None,
            columns: None,
            ragged: Ragged::Error,
            partition_rows: 100_000,
        }
    }
}

/// A sentinel, quoted in the workflow or not.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum NullValue {
    Text(String),
    Integer(i64),
    Number(f64),
}

impl NullValue {
    /// As it would stand in the file.
    pub fn to_text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Integer(number) => number.to_string(),
            Self::Number(number) => number.to_string(),
        }
    }
}

/// Where column names come from.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Header {
    /// The first line, or nowhere: `column1`, `column2` ….
    Line(bool),
    /// Here.
    Names(Vec<String>),
}

/// How types and categories come about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Infer {
    /// From the whole file, where they are not given.
    All,
    /// They are given; only the header is read beforehand.
    None,
}

/// Rows of another width than the header's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Ragged {
    /// Stop, and name the line.
    Error,
    /// Missing fields are null, empty surplus ones are dropped.
    Pad,
}

impl Params {
    /// The grammar that `delimiter`, `quote` and `comment` make.
    ///
    /// # Errors
    /// When one of them is not what it should be, or two are the same character.
    pub fn grammar(&self) -> Result<Grammar, CsvError> {
        let delimiter = match self.delimiter.as_str() {
            "blanks" => Delimiter::Blanks,
            "tab" => Delimiter::Byte(b'\t'),
            other => Delimiter::Byte(one_character("delimiter", other)?),
        };
        let quote = match self.quote.as_str() {
            "" => None,
            other => Some(one_character("quote", other)?),
        };
        let comment = match &self.comment {
            None => None,
            Some(comment) => Some(one_character("comment", comment)?),
        };
        let separator = match delimiter {
            Delimiter::Byte(byte) => Some(byte),
            Delimiter::Blanks => None,
        };
        if quote.is_some() && quote == separator {
            return Err(CsvError::param("quote", "is the same as `delimiter`"));
        }
        if comment.is_some() && (comment == separator || comment == quote) {
            return Err(CsvError::param("comment", "is the same as `delimiter` or `quote`"));
        }
        Ok(Grammar { delimiter, quote, comment })
    }

    /// Refuses what the schema cannot.
    ///
    /// # Errors
    /// The parameter at fault.
    pub fn check(&self) -> Result<(), CsvError> {
        match (&self.members, &self.member_column) {
            (None, Some(_)) => {
                let message =
                    "is for tar archives: name their files in `members`, such as `**.csv`";
                Err(CsvError::param("member-column", message))
            }
            _ => Ok(()),
        }
    }

    /// The sentinels of column `name`.
    pub fn null_texts(&self, name: &str) -> Vec<String> {
        let own = self.column_null_values.get(name).into_iter().flatten();
        self.null_values.iter().chain(own).map(NullValue::to_text).collect()
    }

    /// The columns that parameters name, and the parameters that do.
    pub fn named_columns(&self) -> impl Iterator<Item = (&'static str, &String)> {
        let maps = self
            .column_null_values
            .keys()
            .map(|name| ("column-null-values", name))
            .chain(self.types.keys().map(|name| ("types", name)))
            .chain(self.categories.keys().map(|name| ("categories", name)))
            .chain(self.units.keys().map(|name| ("units", name)))
            .chain(self.ucds.keys().map(|name| ("ucds", name)))
            .chain(self.descriptions.keys().map(|name| ("descriptions", name)));
        let key = self.key.iter().map(|name| ("key", name));
        let columns = self.columns.iter().flatten().map(|name| ("columns", name));
        maps.chain(key).chain(columns)
    }
}

fn one_character(param: &'static str, value: &str) -> Result<u8, CsvError> {
    match value.as_bytes() {
        [byte] if byte.is_ascii() && !matches!(byte, 0 | b'\r' | b'\n') => Ok(*byte),
        _ => {
            let names = if param == "delimiter" { ", `tab` or `blanks`" } else { "" };
            let message = format!("`{}` is not one ASCII character{names}", value.escape_debug());
            Err(CsvError::param(param, message))
        }
    }
}
