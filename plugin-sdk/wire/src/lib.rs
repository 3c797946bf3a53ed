//! Arrow arrays and schemas as `skyloom:plugin@0.1.0` lays them out.
//!
//! A schema is a list of fields in preorder, a column a list of arrays in preorder: both
//! sides of the sandbox flatten with [`flatten_fields`] and [`flatten_column`] and rebuild
//! with [`build_fields`] and [`build_column`]. Rebuilding believes nothing: formats,
//! lengths, offsets, UTF-8 and depth are checked, so the host can hand it whatever a guest
//! wrote.
//!
//! What it does not know: components, plugins, where bytes come from.

mod format;
mod schema;
mod column;

pub use column::{WireColumn, build_column, flatten_column};
pub use schema::{WireField, build_fields, flatten_fields};

/// Deepest nesting of a column that crosses the border.
pub const MAX_DEPTH: usize = 16;
/// Most fields, children counted, in one schema.
pub const MAX_FIELDS: usize = 20_000;

/// Why a schema or a column cannot cross the border.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    #[error("type {0} does not cross the plugin border; cast it to a plain type first")]
    UnsupportedType(String),
    #[error("`{0}` is not a column format that plugins exchange")]
    UnknownFormat(String),
    #[error("format `{format}` takes {expected} children, not {found}")]
    WrongChildren { format: String, expected: String, found: u32 },
    #[error("schema ends before its last child")]
    TruncatedSchema,
    #[error("columns nest deeper than {MAX_DEPTH}")]
    TooDeep,
    #[error("schema has more than {MAX_FIELDS} fields")]
    TooManyFields,
    #[error("column ends before its last child")]
    TruncatedColumn,
    #[error("{0}")]
    InvalidColumn(String),
}
