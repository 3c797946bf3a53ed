//! The same result, however it is run.

use super::report::{self, Outcome, Promise, Report};
use super::stand::{Content, Given, How, Ran, Stand, WHOLE, difference};
use crate::instance::{PortKind, Scope};

pub(super) fn check(stand: &Stand<'_>, given: &Given, good: &Ran, report: &mut Report) {
    compare(stand, given, good, report, report::REPEAT, &[WHOLE]);
    let in_batches = [1, 7].map(|batch_rows| How { batch_rows, ..WHOLE });
    let tables: Vec<usize> =
        (0..given.inputs.len()).filter_map(|input| Some(given.table(input)?.num_rows())).collect();
    if tables.is_empty() {
        return;
    }
    compare(stand, given, good, report, report::BATCHES, &in_batches);
    if let Some(why) = cannot_cut(stand, given) {
        return report.skip(&[report::PARTITIONS], why);
    }
    let rows = tables.into_iter().max().unwrap_or(0);
    let mut sizes = vec![rows.div_ceil(2), rows.div_ceil(5), rows.saturating_sub(1)];
    sizes.retain(|&size| size > 0 && size < rows);
    if sizes.is_empty() {
        return report.skip(&[report::PARTITIONS], "the case has too few rows to be cut");
    }
    sizes.dedup();
    let cuts: Vec<How> =
        sizes.iter().map(|&size| How { partition_rows: Some(size), ..WHOLE }).collect();
    compare(stand, given, good, report, report::PARTITIONS, &cuts);
}

/// Why this input cannot be partitioned otherwise, if it cannot.
fn cannot_cut(stand: &Stand<'_>, given: &Given) -> Option<&'static str> {
    let descriptor = stand.descriptor();
    let is_table = |(name, content): &&(String, Content)| {
        let port = descriptor.inputs.iter().find(|port| port.name == *name);
        matches!(content, Content::Table(_))
            && port.is_some_and(|port| port.kind == PortKind::Table)
    };
    let tables = given.inputs.iter().filter(is_table).count();
    (descriptor.scope == Scope::Partition && tables > 1)
        .then_some("its tables are partitioned together, and the kit does not know how")
}

fn compare(
    stand: &Stand<'_>,
    given: &Given,
    good: &Ran,
    report: &mut Report,
    promise: Promise,
    ways: &[How],
) {
    let broken = ways.iter().find_map(|way| {
        let why = match stand.run(given, *way) {
            Ok(ran) => difference(stand.descriptor(), good, &ran)?,
            Err(error) => error.to_string(),
        };
        Some(match (way.partition_rows, way.batch_rows) {
            (Some(rows), _) => format!("in partitions of {rows} rows: {why}"),
            (None, rows) if rows < WHOLE.batch_rows => format!("in batches of {rows}: {why}"),
            _ => why,
        })
    });
    report.note(promise, Outcome::of(broken));
}
