//! Odd input: any result that keeps its promises will do, or an error with words.

use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};

use super::odd::{self, Odd};
use super::report::{self, Outcome, Promise, Report};
use super::roles;
use super::stand::{Content, Given, Ran, Stand, WHOLE};
use super::verdict::{self, Verdict};

/// So many columns are made odd one by one; beyond, only all at once.
const MAX_COLUMNS: usize = 16;
/// So many rows are tried for the one at fault.
const MAX_ROWS: usize = 64;

/// Tries tables of `given` in odd forms; `good` came of it as it is.
pub(super) fn check(stand: &Stand<'_>, given: &Given, good: &Ran, report: &mut Report) {
    let trial = &Trial::new(stand, given, good);
    let tables: Vec<usize> =
        (0..given.inputs.len()).filter(|&input| given.table(input).is_some()).collect();
    if !tables.is_empty() {
        few_rows(trial, given, &tables, report);
        for (odd, promise) in [
            (Odd::Nulls, report::NULLS),
            (Odd::NotFinite, report::NOT_FINITE),
            (Odd::Extremes, report::EXTREMES),
            (Odd::Unicode, report::UNICODE),
        ] {
            odd_values(trial, given, good, (odd, promise), report);
        }
    }
    files(trial, given, report);
}

/// A plugin on trial: what it breaks on good input is known, and not told again.
struct Trial<'a> {
    stand: &'a Stand<'a>,
    known: Vec<Promise>,
}

impl<'a> Trial<'a> {
    fn new(stand: &'a Stand<'a>, given: &Given, good: &Ran) -> Self {
        let promises = roles::check(stand.descriptor(), given, good).into_iter();
        let broken = promises.filter(|(_, outcome)| matches!(outcome, Outcome::Broken(_)));
        Self { stand, known: broken.map(|(promise, _)| promise).collect() }
    }
}

/// What is wrong with how this ends, if anything is.
fn fault(trial: &Trial<'_>, given: &Given) -> Option<String> {
    let stand = trial.stand;
    let result = stand.run(given, WHOLE);
    match (verdict::of(&result), result) {
        (Verdict::Broken(why), _) => Some(why),
        (_, Ok(ran)) => {
            let promises = roles::check(stand.descriptor(), given, &ran);
            promises.into_iter().find_map(|(promise, outcome)| match outcome {
                Outcome::Broken(why) if !trial.known.contains(&promise) => {
                    Some(format!("{}: {why}", promise.words))
                }
                _ => None,
            })
        }
        _ => None,
    }
}

fn few_rows(trial: &Trial<'_>, given: &Given, tables: &[usize], report: &mut Report) {
    for (rows, promise) in [(0, report::EMPTY), (1, report::ONE_ROW)] {
        let cut = |given: &Given, input: usize| match given.table(input) {
            Some(table) => {
                let few = table.slice(0, rows.min(table.num_rows()));
                given.with(input, Content::Table(few))
            }
            None => given.clone(),
        };
        let alone = tables.iter().find_map(|&input| {
            let why = fault(trial, &cut(given, input))?;
            Some(format!("{} in `{}`: {why}", rows_in_words(rows), given.inputs[input].0))
        });
        let broken = alone.or_else(|| {
            if tables.len() == 1 {
                return None;
            }
            let all = tables.iter().fold(given.clone(), |given, &input| cut(&given, input));
            let why = fault(trial, &all)?;
            Some(format!("{} in all inputs: {why}", rows_in_words(rows)))
        });
        report.note(promise, Outcome::of(broken));
    }
}

fn rows_in_words(rows: usize) -> &'static str {
    if rows == 0 { "no rows" } else { "one row" }
}

/// The columns that a plugin may see: by input.
fn readable(good: &Ran) -> Vec<(usize, usize)> {
    let mut seen: Vec<_> =
        good.binding.reads.iter().map(|read| (read.input, read.column)).collect();
    seen.sort_unstable();
    seen.dedup();
    seen
}

fn odd_values(
    trial: &Trial<'_>,
    given: &Given,
    good: &Ran,
    (odd, promise): (Odd, Promise),
    report: &mut Report,
) {
    let columns: Vec<_> = readable(good)
        .into_iter()
        .filter(|&place| with_odd(given, odd, &[place]).is_some())
        .collect();
    if columns.is_empty() {
        return;
    }
    let mut sets: Vec<Vec<_>> =
        columns.iter().take(MAX_COLUMNS).map(|&column| vec![column]).collect();
    if columns.len() > 1 {
        sets.push(columns);
    }
    let broken = sets.iter().find_map(|set| {
        let odd_given = with_odd(given, odd, set)?;
        let why = fault(trial, &odd_given)?;
        Some(smallest(trial, &odd_given, odd, set, why))
    });
    report.note(promise, Outcome::of(broken));
}

/// `given` with these columns full of odd values; none where their types have none.
fn with_odd(given: &Given, odd: Odd, places: &[(usize, usize)]) -> Option<Given> {
    let mut changed = given.clone();
    for &(input, column) in places {
        let table = changed.table(input)?;
        let field = table.schema().field(column).clone();
        if odd == Odd::Nulls && !field.is_nullable() {
            return None;
        }
        let mut columns = table.columns().to_vec();
        columns[column] = odd::column(odd, field.data_type(), table.num_rows())?;
        let table = RecordBatch::try_new(table.schema(), columns).ok()?;
        changed = changed.with(input, Content::Table(table));
    }
    Some(changed)
}

/// The fault, with the smallest input that still has one.
fn smallest(
    trial: &Trial<'_>,
    given: &Given,
    odd: Odd,
    places: &[(usize, usize)],
    why: String,
) -> String {
    let name = |&(input, column): &(usize, usize)| {
        let port = &given.inputs[input].0;
        let table = given.table(input).expect("columns are of tables");
        format!("`{port}.{}`", table.schema().field(column).name())
    };
    let names = places.iter().map(name).collect::<Vec<_>>().join(", ");
    let (input, column) = places[0];
    let table = given.table(input).expect("columns are of tables");
    let one = (0..table.num_rows().min(MAX_ROWS)).find_map(|row| {
        let alone = given.with(input, Content::Table(table.slice(row, 1)));
        fault(trial, &alone).map(|why| (row, why))
    });
    match one {
        Some((row, why)) if places.len() == 1 => {
            let value = in_words(&table.slice(row, 1), column);
            format!("{names} = {value} in a single row: {why}")
        }
        Some((_, why)) => format!("{} in {names}, in a single row: {why}", odd.words()),
        None => format!("{} in {names}: {why}", odd.words()),
    }
}

fn in_words(row: &RecordBatch, column: usize) -> String {
    let options = arrow::util::display::FormatOptions::new().with_null("null");
    let formatter =
        arrow::util::display::ArrayFormatter::try_new(row.column(column).as_ref(), &options);
    let text = formatter.map(|formatter| formatter.value(0).try_to_string().unwrap_or_default());
    let text = text.unwrap_or_default();
    let short: String = text.chars().take(40).collect();
    let more = if short.len() < text.len() { "…" } else { "" };
    format!("`{}{more}`", short.escape_debug())
}

/// Damages the files of `given`.
fn files(trial: &Trial<'_>, given: &Given, report: &mut Report) {
    for input in 0..given.inputs.len() {
        let Content::File { name, bytes } = &given.inputs[input].1 else { continue };
        let broken = damaged(bytes).into_iter().find_map(|(how, bytes)| {
            let file = Content::File { name: name.clone(), bytes: bytes.into() };
            let why = fault(trial, &given.with(input, file))?;
            Some(format!("{name}, {how}: {why}"))
        });
        report.note(report::FILES, Outcome::of(broken));
    }
}

/// Bytes that nobody would call a good file, and how they were come by.
fn damaged(good: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut bad = vec![
        ("empty".to_owned(), Vec::new()),
        ("1,000 NUL bytes".to_owned(), vec![0; 1000]),
        ("4,096 random bytes".to_owned(), Random(1).bytes(4096)),
        ("a line of 100,000 characters".to_owned(), vec![b'x'; 100_000]),
    ];
    let mut ends = vec![1, good.len() / 3, good.len() / 2, good.len().saturating_sub(1)];
    ends.retain(|&end| end < good.len());
    ends.dedup();
    bad.extend(
        ends.into_iter().map(|end| (format!("cut after {end} bytes"), good[..end].to_vec())),
    );
    if good.is_empty() {
        return bad;
    }
    let mut random = Random(2);
    for _ in 0..16 {
        let (at, bits) = (random.next() as usize % good.len(), random.next() as u8 | 1);
        let mut bytes = good.to_vec();
        bytes[at] ^= bits;
        bad.push((format!("byte {at} changed by {bits:#04x}"), bytes));
    }
    bad
}

/// SplitMix64 (Steele, Lea & Flood 2014, doi:10.1145/2714064.2660195).
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn bytes(mut self, count: usize) -> Vec<u8> {
        std::iter::repeat_with(|| self.next() as u8).take(count).collect()
    }
}

/// `table` with `rows` rows: its own again and again. Texts of the columns `keys` get a
/// number, and their integers move on, so that keys stay different.
pub(super) fn grown(table: &RecordBatch, rows: usize, keys: &[usize]) -> Option<RecordBatch> {
    use arrow::array::{Array, ArrayRef, AsArray, Int64Array, StringArray, UInt32Array};
    use arrow::compute::{cast, take};
    use arrow::datatypes::{DataType, Int64Type};
    let old = table.num_rows();
    if old == 0 {
        return None;
    }
    let cycle = UInt32Array::from_iter_values((0..rows).map(|row| (row % old) as u32));
    let grow = |(index, column): (usize, &ArrayRef)| -> Option<ArrayRef> {
        let column = take(column, &cycle, None).ok()?;
        if !keys.contains(&index) {
            return Some(column);
        }
        let data_type = column.data_type().clone();
        let new: ArrayRef = match &data_type {
            DataType::Utf8 | DataType::LargeUtf8 => {
                let texts = cast(&column, &DataType::Utf8).ok()?;
                let texts = texts
                    .as_string::<i32>()
                    .iter()
                    .enumerate()
                    .map(|(row, text)| text.map(|text| format!("{text}-{}", row / old)));
                Arc::new(texts.collect::<StringArray>())
            }
            data_type if data_type.is_integer() => {
                let numbers = cast(&column, &DataType::Int64).ok()?;
                let numbers = numbers.as_primitive::<Int64Type>().iter().enumerate();
                let step = 1_000_003;
                let moved =
                    numbers.map(|(row, n)| n.map(|n| n.wrapping_add((row / old) as i64 * step)));
                Arc::new(moved.collect::<Int64Array>())
            }
            _ => return Some(column),
        };
        let new = cast(&new, &data_type).ok()?;
        // A small integer has no room to move.
        Some(if new.null_count() > column.null_count() { column } else { new })
    };
    let columns = table.columns().iter().enumerate().map(grow).collect::<Option<Vec<_>>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(table.schema(), columns, &options).ok()
}
