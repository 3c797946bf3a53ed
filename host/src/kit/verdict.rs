//! What to think of how a run ended.

use super::stand::Ran;
use crate::instance::{GuestError, InstanceError};

/// How a run ended, as a promise sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It gave a result.
    Fine,
    /// It said in words why it gave none.
    Refused(String),
    /// It trapped, broke the contract, reached a limit, or had no words.
    Broken(String),
}

pub(super) fn of(result: &Result<Ran, InstanceError>) -> Verdict {
    match result {
        Ok(_) => Verdict::Fine,
        Err(InstanceError::Guest(error)) => of_error(error),
        Err(error) => Verdict::Broken(error.to_string()),
    }
}

fn of_error(error: &GuestError) -> Verdict {
    let says = match error {
        GuestError::Param { message, .. } => !message.trim().is_empty(),
        GuestError::Data(message) | GuestError::Failed(message) => !message.trim().is_empty(),
        GuestError::MissingColumn(column) => !column.column.is_empty(),
        GuestError::WrongType(column) | GuestError::WrongUnit(column) => {
            !column.column.is_empty() && !column.expected.is_empty()
        }
    };
    if says {
        Verdict::Refused(error.to_string())
    } else {
        Verdict::Broken("it answers with an error that says nothing".to_owned())
    }
}
