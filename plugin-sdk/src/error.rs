//! What can go wrong in a plugin, and where.

use std::fmt;

/// Shorthand for results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error the user will see, with the node, plugin and place added by the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// A parameter's value cannot be used.
    Param { param: String, message: String },
    /// A column that the plugin or its parameters name is not there.
    MissingColumn(Box<ColumnError>),
    /// A column is there, with another type than the plugin can read.
    WrongType(Box<ColumnError>),
    /// A column is there, in another unit.
    WrongUnit(Box<ColumnError>),
    /// The data cannot be worked on: says where, and what to do.
    Data(String),
    /// Anything else.
    Failed(String),
    /// The host refused a call: its own words. The run has failed already.
    Host(String),
}

/// Which column, and what was expected of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnError {
    /// The input port.
    pub input: String,
    pub column: String,
    /// The parameter that named the column, if one did.
    pub param: Option<String>,
    pub expected: String,
    /// What is there instead; empty when the column is missing.
    pub found: String,
}

impl Error {
    /// The value of `param` cannot be used; `message` says why and what would do.
    pub fn param(param: impl Into<String>, message: impl fmt::Display) -> Self {
        Self::Param { param: param.into(), message: message.to_string() }
    }

    /// The data cannot be worked on; `message` says where, and what to do.
    pub fn data(message: impl fmt::Display) -> Self {
        Self::Data(message.to_string())
    }

    /// Anything else.
    pub fn failed(message: impl fmt::Display) -> Self {
        Self::Failed(message.to_string())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Param { param, message } => write!(f, "parameter `{param}`: {message}"),
            Self::MissingColumn(e) => {
                write!(f, "input `{}` has no column `{}`", e.input, e.column)
            }
            Self::WrongType(e) | Self::WrongUnit(e) => write!(
                f,
                "column `{}` of input `{}` should be {}, but is {}",
                e.column, e.input, e.expected, e.found
            ),
            Self::Data(message) | Self::Failed(message) | Self::Host(message) => {
                f.write_str(message)
            }
        }
    }
}

impl std::error::Error for Error {}
