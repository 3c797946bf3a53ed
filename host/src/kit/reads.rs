//! Whether what is declared as read is read, and matters.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;

use super::odd;
use super::report::{self, Outcome, Report};
use super::stand::{Content, Given, Kept, Ran, Stand, WHOLE, table_diff};
use crate::data::compare::Tolerance;

/// What is known of each declared column, by port and name, over all inputs.
#[derive(Debug, Default)]
pub(super) struct Reads {
    columns: BTreeMap<(String, String), Known>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Known {
    /// A run pulled it.
    pulled: bool,
    /// A run gave something else when it was changed.
    matters: bool,
}

impl Reads {
    /// Changes each declared column of `given` in turn; `good` came of it as it is.
    pub(super) fn look(&mut self, stand: &Stand<'_>, given: &Given, good: &Ran) {
        for read in &good.binding.reads {
            let (Some((port, _)), Some(table)) =
                (given.inputs.get(read.input), given.table(read.input))
            else {
                continue;
            };
            let column = table.schema().field(read.column).name().clone();
            let known = self.columns.entry((port.clone(), column.clone())).or_default();
            known.pulled |=
                good.pulled.get(read.input).is_some_and(|names| names.contains(&column));
            if known.matters || table.num_rows() == 0 {
                continue;
            }
            let old = table.column(read.column);
            let others = [odd::perturbed(old), odd::rotated(old), odd::levelled(old)];
            for new in others.into_iter().flatten() {
                let mut columns = table.columns().to_vec();
                columns[read.column] = new;
                let Ok(table) = RecordBatch::try_new(table.schema(), columns) else { continue };
                match stand.run(&given.with(read.input, Content::Table(table)), WHOLE) {
                    Ok(ran) => {
                        known.matters |= moved(good, &ran);
                        known.pulled |=
                            ran.pulled.get(read.input).is_some_and(|names| names.contains(&column));
                    }
                    // What cannot be worked on any more was looked at.
                    Err(_) => (known.matters, known.pulled) = (true, true),
                }
                if known.matters {
                    break;
                }
            }
        }
    }

    /// Notes what was found.
    pub(super) fn note(self, report: &mut Report) {
        let names = |which: fn(&Known) -> bool| {
            let named = self.columns.iter().filter(|(_, known)| which(known));
            let named = named.map(|((port, column), _)| format!("`{port}.{column}`"));
            named.collect::<Vec<_>>().join(", ")
        };
        let unread = names(|known| !known.pulled);
        let idle = names(|known| known.pulled && !known.matters);
        report.note(
            report::READS,
            match (unread.is_empty(), idle.is_empty()) {
                (false, _) => Outcome::Broken(format!(
                    "declared but never read: {unread}; what is declared in vain makes \
                     results run again in vain"
                )),
                (true, false) => Outcome::Doubtful(format!(
                    "no output changed when these did: {idle}; a richer golden case would show \
                     what they are for"
                )),
                (true, true) => Outcome::Holds,
            },
        );
    }
}

/// Whether what the plugin itself wrote or chose differs: columns that it passes on change
/// with their input whatever it does.
fn moved(good: &Ran, other: &Ran) -> bool {
    if good.binding.outputs != other.binding.outputs || good.kept != other.kept {
        return true;
    }
    let ports = good.binding.outputs.iter().zip(good.outputs.iter().zip(&other.outputs));
    ports.zip(&good.kept).any(|((table, (left, right)), kept)| {
        let is_own = |field: &usize| !table.passed.iter().any(|passed| passed.field == *field);
        // Nobody knows which rows were chosen but by the rows themselves.
        let all = matches!(kept, Kept::Unknown | Kept::Several);
        let own: Vec<usize> = (0..table.fields.len()).filter(|f| all || is_own(f)).collect();
        let project = |table: &RecordBatch| table.project(&own).expect("the columns are there");
        left.num_rows() != right.num_rows()
            || (!own.is_empty()
                && !table_diff(&project(left), &project(right), Tolerance::default()).is_equal())
    })
}
