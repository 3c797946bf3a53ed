//! Columns → outcomes.
//!
//! All that can be wrong with keys, labels and probabilities is found here, counted, and
//! said with an example.

use skyloom_plugin::arrow_array::cast::AsArray;
use skyloom_plugin::arrow_array::types::{
    ArrowPrimitiveType, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use skyloom_plugin::prelude::*;

use crate::join::{Duplicates, Index, Keys};
use crate::outcome::{NotDistribution, Outcome, check_distribution, likeliest};
use crate::{Params, Unknown};

/// Prefix of the probability columns.
pub(crate) const PROBABILITY: &str = "p_";
/// The column of predicted classes; without it, the likeliest class is the predicted one.
pub(crate) const CLASS: &str = "class";

/// The true class of each row, by key.
pub(crate) struct Truth {
    pub(crate) index: Index,
    /// None where it is null or, if that is to be ignored, not a class of the predictions.
    classes: Vec<Option<usize>>,
}

/// Reads the table `truth`.
///
/// # Errors
/// Null or repeated keys; true classes that the predictions lack, unless ignored.
pub(crate) fn read_truth(params: &Params, classes: &[String], task: &mut Task) -> Result<Truth> {
    let reader = task.input("truth")?;
    let key = key_column(params, reader.fields())?;
    let mut keys = KeyReader::new("truth", &key);
    let mut labels = Vec::with_capacity(reader.rows() as usize);
    let (mut null, mut unknown) = (0_u64, Tally::default());
    while let Some(batch) = reader.next()? {
        keys.read(&batch)?;
        for label in labels_of(&batch, &params.label)? {
            let class = label.as_ref().and_then(|label| position(classes, label));
            match (&label, class) {
                (None, _) => null += 1,
                (Some(label), None) => unknown.note(|| format!("`{label}`")),
                (Some(_), Some(_)) => {}
            }
            labels.push(class);
        }
    }
    let keys = keys.finish()?;
    let shown = keys.clone();
    let index = Index::new(keys).map_err(|Duplicates { rows, first }| {
        let example = shown.show(first);
        Error::data(format!(
            "{rows} rows of `truth` repeat the key of an earlier row, such as {example} in column `{key}`; \
             drop them before, or name another column with `key`"
        ))
    })?;
    if let Some((rows, example)) = unknown.found {
        let label = &params.label;
        if params.unknown == Unknown::Error {
            return Err(Error::data(format!(
                "{rows} rows of `truth` have a `{label}` that the classifier does not know, such as {example}; \
                 its classes are {}; leave these rows out with `unknown: ignore`",
                classes.join(", ")
            )));
        }
        task.warn(&format!(
            "{rows} rows not scored: their `{label}`, such as {example}, is none of the classes"
        ));
    }
    if null > 0 {
        task.warn(&format!("{null} rows not scored: their `{}` is null", params.label));
    }
    Ok(Truth { index, classes: labels })
}

/// Judges each row of the table `predictions` that has a prediction and a true class.
///
/// # Errors
/// Keys that are null, repeated or not those of the truth; probabilities that are none.
pub(crate) fn read_outcomes(
    params: &Params,
    classes: &[String],
    truth: &Truth,
    task: &mut Task,
) -> Result<Vec<Outcome>> {
    let reader = task.input("predictions")?;
    let key = key_column(params, reader.fields())?;
    let has_class = reader.fields().find(CLASS).is_some();
    let mut keys = KeyReader::new("predictions", &key);
    let mut join = Join::new(&truth.index);
    let mut outcomes = Vec::with_capacity(reader.rows() as usize);
    let mut unpredicted = 0_u64;
    let mut probabilities = vec![0.0; classes.len()];
    while let Some(batch) = reader.next()? {
        let first = keys.keys.len();
        keys.read(&batch)?;
        let columns = classes.iter().map(|class| batch.numbers(&format!("{PROBABILITY}{class}")));
        let columns = columns.collect::<Result<Vec<_>>>()?;
        let named = if has_class { Some(batch.strings(CLASS)?) } else { None };
        for batch_row in 0..batch.rows() {
            let row = first + batch_row;
            let Some(found) = join.find(&keys.keys, row) else {
                continue;
            };
            let mut complete = true;
            for (p, column) in probabilities.iter_mut().zip(&columns) {
                match column.get(batch_row) {
                    Some(value) => *p = value,
                    None => complete = false,
                }
            }
            if !complete || named.as_ref().is_some_and(|named| named.is_null(batch_row)) {
                unpredicted += 1;
                continue;
            }
            check_distribution(&probabilities).map_err(|fault| not_distribution(fault, row))?;
            let predicted = match &named {
                None => likeliest(&probabilities),
                Some(named) => named_class(classes, named.value(batch_row), row)?,
            };
            if let Some(class) = truth.classes[found] {
                outcomes.push(Outcome::of(&probabilities, class, predicted));
            }
        }
    }
    keys.finish()?;
    join.finish(&key, params.partial)?;
    if unpredicted > 0 {
        task.warn(&format!("{unpredicted} rows not scored: their prediction is null"));
    }
    Ok(outcomes)
}

fn named_class(classes: &[String], name: &str, row: usize) -> Result<usize> {
    position(classes, name).ok_or_else(|| {
        let message =
            format!("row {row} of `predictions` has class `{name}`, but there is no `p_{name}`");
        Error::data(message)
    })
}

/// Matches rows of the predictions with those of the truth, and notes what does not match.
struct Join<'a> {
    index: &'a Index,
    seen: Vec<bool>,
    expected: usize,
    missing: Tally,
    repeated: Tally,
}

impl<'a> Join<'a> {
    fn new(index: &'a Index) -> Self {
        let (missing, repeated) = (Tally::default(), Tally::default());
        Self { index, seen: vec![false; index.len()], expected: 0, missing, repeated }
    }

    /// The row of the truth with the key of row `row`.
    fn find(&mut self, keys: &Keys, row: usize) -> Option<usize> {
        let found = self.index.find(keys.get(row), self.expected);
        match found {
            None => self.missing.note(|| keys.show(row)),
            Some(found) => {
                self.expected = found + 1;
                if std::mem::replace(&mut self.seen[found], true) {
                    self.repeated.note(|| keys.show(row));
                }
            }
        }
        found
    }

    fn finish(self, key: &str, partial: bool) -> Result<()> {
        if let Some((rows, example)) = self.missing.found {
            return Err(Error::data(format!(
                "{rows} rows of `predictions` have a key that `truth` lacks, such as {example} in column `{key}`; \
                 connect `truth` to the rows that were predicted"
            )));
        }
        if let Some((rows, example)) = self.repeated.found {
            return Err(Error::data(format!(
                "{rows} rows of `predictions` repeat the key of an earlier row, such as {example} in column `{key}`"
            )));
        }
        let unseen = self.seen.iter().filter(|seen| !**seen).count();
        match self.seen.iter().position(|seen| !seen) {
            Some(first) if !partial => Err(Error::data(format!(
                "{unseen} of {} rows of `truth` have no prediction, such as {}; \
                 connect `truth` to the rows that were predicted, or allow it with `partial: true`",
                self.seen.len(),
                self.index.keys().show(first)
            ))),
            _ => Ok(()),
        }
    }
}

fn not_distribution(fault: NotDistribution, row: usize) -> Error {
    let remedy = "connect a classifier's output, or calibrate it before";
    Error::data(match fault {
        NotDistribution::Value(p) => {
            format!(
                "row {row} of `predictions` has probability {p}, which is not in [0, 1]; {remedy}"
            )
        }
        NotDistribution::Sum(sum) => {
            format!("the probabilities in row {row} of `predictions` sum to {sum}, not 1; {remedy}")
        }
    })
}

fn position(classes: &[String], name: &str) -> Option<usize> {
    classes.iter().position(|class| class == name)
}

/// The key column of one input, as `bind` found it.
fn key_column(params: &Params, fields: &Fields) -> Result<String> {
    let is_key = |field: &&FieldRef| {
        field.ucd().is_some_and(|ucd| ucd.starts_with("meta.id") && ucd.contains("meta.main"))
    };
    let found = || fields.iter().find(is_key).map(|field| field.name().clone());
    params.key.clone().or_else(found).ok_or_else(|| Error::failed("bind found a key, run does not"))
}

/// The values of the label column as text.
fn labels_of(batch: &Batch, column: &str) -> Result<Vec<Option<String>>> {
    let array = batch.column(column)?;
    if let Some(values) = array.as_boolean_opt() {
        return Ok(values.iter().map(|value| value.map(|value| value.to_string())).collect());
    }
    if let Some(values) = integers(&array) {
        return Ok(values.map(|value| value.map(|value| value.to_string())).collect());
    }
    Ok(batch.strings(column)?.iter().map(|value| value.map(str::to_owned)).collect())
}

/// Counts rows and remembers the first.
#[derive(Debug, Default)]
struct Tally {
    found: Option<(u64, String)>,
}

impl Tally {
    fn note(&mut self, example: impl Fn() -> String) {
        self.found.get_or_insert_with(|| (0, example())).0 += 1;
    }
}

/// Gathers the key column of one input.
struct KeyReader<'a> {
    port: &'a str,
    column: &'a str,
    keys: Keys,
    nulls: u64,
    first_null: Option<usize>,
}

impl<'a> KeyReader<'a> {
    fn new(port: &'a str, column: &'a str) -> Self {
        Self { port, column, keys: Keys::default(), nulls: 0, first_null: None }
    }

    /// Appends the keys of `batch`, an empty one where there is none.
    fn read(&mut self, batch: &Batch) -> Result<()> {
        let array = batch.column(self.column)?;
        if let Some(values) = integers(&array) {
            values.for_each(|value| match value {
                Some(value) => self.keys.push_integer(value),
                None => self.note_null(),
            });
        } else {
            batch.strings(self.column)?.iter().for_each(|value| match value {
                Some(value) => self.keys.push(value.as_bytes()),
                None => self.note_null(),
            });
        }
        Ok(())
    }

    fn note_null(&mut self) {
        self.nulls += 1;
        self.first_null.get_or_insert(self.keys.len());
        self.keys.push(&[]);
    }

    fn finish(self) -> Result<Keys> {
        let Some(first) = self.first_null else {
            return Ok(self.keys);
        };
        let Self { port, column, nulls, .. } = self;
        Err(Error::data(format!(
            "{nulls} rows of `{port}` have no key in column `{column}`, the first is row {first} (from 0); \
             drop them before, or name another column with `key`"
        )))
    }
}

/// The values of an integer column of any width; none when it is of another type.
fn integers(array: &ArrayRef) -> Option<Box<dyn Iterator<Item = Option<i128>> + '_>> {
    fn widen<T>(array: &ArrayRef) -> Option<Box<dyn Iterator<Item = Option<i128>> + '_>>
    where
        T: ArrowPrimitiveType,
        T::Native: Into<i128>,
    {
        Some(Box::new(array.as_primitive::<T>().iter().map(|value| value.map(Into::into))))
    }
    match array.data_type() {
        DataType::Int8 => widen::<Int8Type>(array),
        DataType::Int16 => widen::<Int16Type>(array),
        DataType::Int32 => widen::<Int32Type>(array),
        DataType::Int64 => widen::<Int64Type>(array),
        DataType::UInt8 => widen::<UInt8Type>(array),
        DataType::UInt16 => widen::<UInt16Type>(array),
        DataType::UInt32 => widen::<UInt32Type>(array),
        DataType::UInt64 => widen::<UInt64Type>(array),
        _ => None,
    }
}
