//! As many rows as a partition may well have, within the limits.

use super::edges::grown;
use super::report::{self, Outcome, Report};
use super::roles;
use super::stand::{Content, Given, Ran, Stand, WHOLE};
use crate::instance::{InstanceError, PortKind, Purpose};

const ROWS: usize = 65_536;

/// Runs on a table of 65,536 rows; `good` came of the few.
pub(super) fn check(stand: &Stand<'_>, given: &Given, good: &Ran, report: &mut Report) {
    let descriptor = stand.descriptor();
    let mut many = given.clone();
    let mut any = false;
    for input in 0..given.inputs.len() {
        let (name, Content::Table(table)) = &given.inputs[input] else { continue };
        let port = descriptor.inputs.iter().find(|port| port.name == *name);
        // A model stays as it is.
        if port.is_none_or(|port| port.kind != PortKind::Table) {
            continue;
        }
        let keys = good
            .binding
            .reads
            .iter()
            .filter(|read| (read.input, read.purpose) == (input, Purpose::Key));
        let mut keys: Vec<usize> = keys.map(|read| read.column).collect();
        keys.extend(roles::marked_keys(table));
        // Whole copies: tables that belong together stay so.
        let rows = ROWS.div_ceil(table.num_rows().max(1)) * table.num_rows();
        let Some(table) = grown(table, rows, &keys) else { continue };
        (many, any) = (many.with(input, Content::Table(table)), true);
    }
    if !any {
        return;
    }
    let outcome = match stand.run(&many, WHOLE) {
        Ok(_) => Outcome::Holds,
        Err(InstanceError::Guest(error)) => {
            Outcome::Skipped(format!("it refuses the rows of the case, repeated: {error}"))
        }
        // Slow is not wrong: a fit of each row may take its time.
        Err(InstanceError::Limit(limit)) if limit.contains("ran longer") => {
            let (slow, _) = limit.split_once(';').unwrap_or((&limit, ""));
            Outcome::Skipped(format!("{slow} on {ROWS} rows; `--time` gives it more"))
        }
        Err(error) => Outcome::Broken(error.to_string()),
    };
    report.note(report::MANY_ROWS, outcome);
}
