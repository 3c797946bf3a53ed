//! A file of delimited text as a table: its columns, then its rows.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::sync::Arc;

use arrow_array::{ArrayRef, StringArray};
use arrow_schema::{DataType, Field};
use skyloom_plugin::bind::FieldExt;

use crate::archive::{self, Archive};
use crate::column::{Builder, Nulls, Type, builder, trim};
use crate::error::{CsvError, excerpt};
use crate::infer::Guess;
use crate::params::{Header, Infer, Params, Ragged};
use crate::record::{MAX_COLUMNS, Row, Rows};
use crate::source::Text;

/// Rows in a batch at most.
pub const BATCH_ROWS: usize = 65_536;
/// A batch ends with the row that passes this size.
pub const BATCH_BYTES: usize = 8 << 20;

/// What is known of the table before its rows are emitted.
#[derive(Debug)]
pub struct Plan {
    /// The columns to emit, in order.
    pub columns: Vec<Column>,
    /// What the user should know.
    pub caveats: Vec<String>,
}

/// A column to emit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    /// Its place in the file's rows.
    pub index: usize,
    pub kind: Type,
    /// The sorted distinct values of a text column that has few.
    pub categories: Option<Vec<String>>,
}

/// Takes the rows of the table as they are read.
pub trait Taker {
    /// One batch of columns, in the plan's order.
    ///
    /// # Errors
    /// When it is not wanted.
    fn put(&mut self, columns: Vec<ArrayRef>) -> skyloom_plugin::error::Result<()>;
    /// The partition ends here, and another begins.
    ///
    /// # Errors
    /// When it is not wanted.
    fn cut(&mut self) -> skyloom_plugin::error::Result<()>;
}

/// Finds the columns of `file`, and reads it to its end where types or categories must be
/// found.
///
/// # Errors
/// [`CsvError`]: the file or the parameters, whichever is at fault.
pub fn plan(params: &Params, file: impl Read) -> Result<Plan, CsvError> {
    params.check()?;
    let mut found: Option<Found> = None;
    each_table(params, file, |table, _| {
        if found.is_none() {
            found = Some(Found::new(params, table)?);
        }
        let guesses = found.iter_mut().flat_map(|found| &mut found.guesses);
        let mut guesses: Vec<_> = guesses.collect();
        if guesses.is_empty() {
            return Ok(());
        }
        table.read_all(params, |row, _| {
            for (index, (nulls, guess)) in &mut guesses {
                let text = row.field(**index).unwrap_or_default();
                guess.see(if params.trim { trim(text) } else { text }, row.line, nulls);
            }
            Ok(())
        })
    })?;
    found.expect("there is a table, or an error").into_plan(params)
}

/// What [`plan`] finds of a table's columns.
struct Found {
    /// Place in the file, and name, of the columns to emit.
    selected: Vec<(usize, String)>,
    /// By place, of those that are not given.
    guesses: BTreeMap<usize, (Nulls, Guess)>,
    caveats: Vec<String>,
}

impl Found {
    fn new<R: Read>(params: &Params, table: &mut Table<R>) -> Result<Self, CsvError> {
        let mut guesses: BTreeMap<usize, (Nulls, Guess)> = BTreeMap::new();
        for (index, name) in table.selected() {
            let kind = params.types.get(name);
            let is_known = kind.is_some_and(|kind| {
                let is_open = *kind == Type::Utf8 && !params.categories.contains_key(name);
                params.infer == Infer::None || !is_open
            });
            if !is_known {
                let nulls = Nulls::new(&params.null_texts(name));
                guesses.insert(index, (nulls, Guess::default()));
            }
        }
        if params.infer == Infer::None && !guesses.is_empty() {
            let names: Vec<_> = guesses.keys().map(|&index| table.names[index].as_str()).collect();
            let message = format!("with `infer: none`, {} need a type", list(&names));
            return Err(CsvError::param("types", message));
        }
        let selected = table.selected().map(|(index, name)| (index, name.to_owned())).collect();
        Ok(Self { selected, guesses, caveats: std::mem::take(&mut table.caveats) })
    }

    fn into_plan(self, params: &Params) -> Result<Plan, CsvError> {
        let Self { selected, mut guesses, mut caveats } = self;
        let mut columns = Vec::new();
        for (index, name) in &selected {
            let (index, name) = (*index, name.as_str());
            let guess = guesses.remove(&index).map(|(_, guess)| guess);
            let given = params.types.get(name).copied();
            let kind = given.or_else(|| guess.as_ref().map(Guess::decide));
            let kind = kind.expect("a column without a given type was guessed");
            if given.is_none() {
                caveats.extend(guess.as_ref().and_then(|guess| guess.caveat(name)));
            }
            let categories = match (kind, params.categories.get(name)) {
                (Type::Utf8, Some(given)) => {
                    let sorted: BTreeSet<_> = given.iter().cloned().collect();
                    Some(sorted.into_iter().collect())
                }
                (Type::Utf8, None) => guess.and_then(Guess::into_categories),
                (_, Some(_)) => {
                    let message = format!(
                        "`{name}` is {}, not text; set `types: {{{name}: utf8}}`",
                        kind.noun()
                    );
                    return Err(CsvError::param("categories", message));
                }
                (_, None) => None,
            };
            columns.push(Column { name: name.to_owned(), index, kind, categories });
        }
        Ok(Plan { columns, caveats })
    }
}

/// Hands over the table in `file`, or those in the files of the archive that `params` name,
/// with their paths.
fn each_table(
    params: &Params,
    mut file: impl Read,
    mut take: impl FnMut(&mut Table<&mut dyn Read>, Option<&str>) -> Result<(), CsvError>,
) -> Result<(), CsvError> {
    let Some(pattern) = &params.members else {
        return take(&mut Table::open(params, &mut file as &mut dyn Read)?, None);
    };
    let mut archive = Archive::new(Text::open(file)?);
    let mut others = Vec::new();
    let mut first: Option<(String, Vec<String>)> = None;
    while let Some(path) = archive.next_file()? {
        if !archive::matches(pattern, &path) {
            others.push(path);
            continue;
        }
        let mut open = || {
            let mut table = Table::open(params, &mut archive as &mut dyn Read)?;
            let (other, names) = first.get_or_insert_with(|| (path.clone(), table.names.clone()));
            if *names != table.names {
                let (found, expected) = (table.names.join(", "), names.join(", "));
                return Err(CsvError::OtherColumns { found, expected, other: other.clone() });
            }
            take(&mut table, Some(&path))
        };
        open().map_err(|error| match error {
            error @ (CsvError::Param { .. } | CsvError::Taker(_)) => error,
            source => CsvError::Member { path: path.clone(), source: Box::new(source) },
        })?;
    }
    if first.is_none() {
        let others: Vec<_> = others.iter().map(String::as_str).collect();
        let message = format!("no file of the archive is `{pattern}`; it holds {}", list(&others));
        return Err(CsvError::param("members", message));
    }
    Ok(())
}

/// The field of `column`, with the metadata that `params` give it.
///
/// # Errors
/// When `key` and `ucds` contradict each other.
pub fn field(params: &Params, column: &Column) -> Result<Field, CsvError> {
    let name = &column.name;
    let mut field = Field::new(name, column.kind.data_type(), true);
    let is_key = params.key.as_ref() == Some(name);
    let ucd = params.ucds.get(name).map(String::as_str);
    if is_key && ucd.is_some_and(|ucd| !ucd.starts_with("meta.id")) {
        let ucd = ucd.unwrap_or_default();
        let message = format!("`{name}` has another meaning in `ucds`, `{ucd}`; leave one out");
        return Err(CsvError::param("key", message));
    }
    if let Some(ucd) = if is_key { Some("meta.id;meta.main") } else { ucd } {
        field = field.with_ucd(ucd);
    }
    if let Some(unit) = params.units.get(name) {
        field = field.with_unit(unit);
    }
    if let Some(description) = params.descriptions.get(name) {
        field = field.with_description(description);
    }
    match &column.categories {
        Some(categories) if !categories.is_empty() => Ok(field.with_categories(categories)),
        _ => Ok(field),
    }
}

/// Reads the rows of `file`, with the types that [`plan`] found, into `taker`: batches of at
/// most [`BATCH_ROWS`], partitions of `params.partition_rows`.
///
/// # Errors
/// [`CsvError`], naming the line; or whatever `taker` says.
pub fn read(
    params: &Params,
    types: &[DataType],
    file: impl Read,
    taker: &mut dyn Taker,
) -> Result<u64, CsvError> {
    params.check()?;
    let mut reading: Option<Batching> = None;
    let mut n_rows = 0;
    each_table(params, file, |table, path| {
        let batching = match &mut reading {
            Some(batching) => batching,
            None => reading.insert(Batching::new(params, table, types)?),
        };
        let member = path.map(archive::stem).filter(|_| params.member_column.is_some());
        table.read_all(params, |row, names| {
            if n_rows > 0 && n_rows % params.partition_rows == 0 {
                batching.put(taker)?;
                taker.cut().map_err(CsvError::Taker)?;
            }
            n_rows += 1;
            batching.take(row, names, member, taker)
        })
    })?;
    if let Some(mut batching) = reading {
        batching.put(taker)?;
    }
    Ok(n_rows)
}

/// Rows on their way into a batch.
struct Batching {
    columns: Vec<Reading>,
    /// The file of each row, where these are a column.
    members: Vec<String>,
    with_members: bool,
    n_rows: usize,
}

impl Batching {
    fn new<R: Read>(
        params: &Params,
        table: &Table<R>,
        types: &[DataType],
    ) -> Result<Self, CsvError> {
        let mut columns = Vec::new();
        for ((index, name), data_type) in table.selected().zip(types) {
            let kind = Type::of(data_type).ok_or_else(|| {
                CsvError::param("types", format!("column `{name}` cannot be read as {data_type}"))
            })?;
            let nulls = Nulls::new(&params.null_texts(name));
            let keep_blanks = kind == Type::Utf8 && !params.trim;
            let categories = params.categories.get(name);
            let categories =
                categories.map(|values| values.iter().map(|v| v.as_bytes().to_vec()).collect());
            let builder = builder(kind, nulls.clone());
            columns.push(Reading { index, kind, keep_blanks, categories, nulls, builder });
        }
        let with_members = params.member_column.is_some();
        Ok(Self { columns, members: Vec::new(), with_members, n_rows: 0 })
    }

    fn take(
        &mut self,
        row: &Row<'_>,
        names: &[String],
        member: Option<&str>,
        taker: &mut dyn Taker,
    ) -> Result<(), CsvError> {
        let bytes = |column: &Reading| column.builder.bytes();
        if self.n_rows == BATCH_ROWS || self.columns.iter().map(bytes).sum::<usize>() >= BATCH_BYTES
        {
            self.put(taker)?;
        }
        self.columns.iter_mut().try_for_each(|column| column.take(row, names))?;
        self.members.extend(member.map(str::to_owned));
        self.n_rows += 1;
        Ok(())
    }

    /// Hands the batch over, if it has rows.
    fn put(&mut self, taker: &mut dyn Taker) -> Result<(), CsvError> {
        if self.n_rows == 0 {
            return Ok(());
        }
        self.n_rows = 0;
        let mut arrays: Vec<_> =
            self.columns.iter_mut().map(|column| column.builder.finish()).collect();
        if self.with_members {
            let members = std::mem::take(&mut self.members);
            arrays.push(Arc::new(StringArray::from(members)));
        }
        taker.put(arrays).map_err(CsvError::Taker)
    }
}

/// A column whose rows are being read.
struct Reading {
    index: usize,
    kind: Type,
    keep_blanks: bool,
    /// The only values allowed.
    categories: Option<BTreeSet<Vec<u8>>>,
    nulls: Nulls,
    builder: Box<dyn Builder>,
}

impl Reading {
    fn take(&mut self, row: &Row<'_>, names: &[String]) -> Result<(), CsvError> {
        let text = row.field(self.index).unwrap_or_default();
        let text = if self.keep_blanks { text } else { trim(text) };
        let is_allowed =
            |values: &BTreeSet<Vec<u8>>| self.nulls.is_text_null(text) || values.contains(text);
        let is_category = self.categories.as_ref().is_none_or(is_allowed);
        if is_category && self.builder.push(text) {
            return Ok(());
        }
        let name = &names[self.index];
        let (expected, remedy) = if is_category {
            let remedy = format!(
                "if it stands for no value, add it to `null-values`, or set `types: {{{name}: utf8}}`"
            );
            (self.kind.noun(), remedy)
        } else {
            ("one of its `categories`", "add it there, or to `null-values`".to_owned())
        };
        let (line, column, text) = (row.line, name.clone(), excerpt(text));
        Err(CsvError::Value { line, column, text, expected, remedy })
    }
}

/// A file whose header has been read.
struct Table<R> {
    rows: Rows<R>,
    names: Vec<String>,
    /// Where in the file the chosen columns are, in the order they are emitted.
    selection: Vec<usize>,
    caveats: Vec<String>,
}

impl<R: Read> Table<R> {
    fn open(params: &Params, file: R) -> Result<Self, CsvError> {
        let mut rows = Rows::new(Text::open(file)?, params.grammar()?);
        rows.skip_lines(params.skip_lines)?;
        let mut line = 0;
        let mut caveats = Vec::new();
        let names = match &params.header {
            Header::Names(names) => names.clone(),
            Header::Line(true) => {
                let row = rows.next()?.ok_or(CsvError::NoHeader)?;
                line = row.line;
                let names: Vec<_> = row.fields().enumerate().map(header_name).collect();
                if names.iter().all(|name| name.parse::<f64>().is_ok()) {
                    caveats.push(format!(
                        "line {line} names the columns, and all names are numbers: if the file \
                         has no header, set `header: false`"
                    ));
                }
                names
            }
            Header::Line(false) => {
                let n_columns = rows.peek()?.map_or(0, |row| row.len());
                (1..=n_columns).map(|number| format!("column{number}")).collect()
            }
        };
        if let [only] = names.as_slice()
            && only.contains([',', ';', '|', ' ', '\t'])
        {
            let remedy = "if there should be more, set `delimiter` (`blanks` for runs of spaces)";
            caveats.push(format!("`{only}` is the only column; {remedy}"));
        }
        if names.len() > MAX_COLUMNS {
            return Err(CsvError::TooManyColumns { line, limit: MAX_COLUMNS });
        }
        let places = places(&names, line)?;
        for (param, name) in params.named_columns() {
            if !places.contains_key(name.as_str()) {
                return Err(unknown_column(param, name, &names));
            }
        }
        let selection = match &params.columns {
            None => (0..names.len()).collect(),
            Some(columns) => {
                let mut seen = BTreeSet::new();
                if let Some(twice) = columns.iter().find(|name| !seen.insert(name.as_str())) {
                    return Err(CsvError::param("columns", format!("`{twice}` is listed twice")));
                }
                columns.iter().map(|name| places[name.as_str()]).collect()
            }
        };
        Ok(Self { rows, names, selection, caveats })
    }

    /// The columns to emit: place in the file, and name.
    fn selected(&self) -> impl Iterator<Item = (usize, &str)> {
        self.selection.iter().map(|&index| (index, self.names[index].as_str()))
    }

    fn read_all(
        &mut self,
        params: &Params,
        mut take: impl FnMut(&Row<'_>, &[String]) -> Result<(), CsvError>,
    ) -> Result<(), CsvError> {
        while let Some(row) = self.rows.next()? {
            if row.len() != self.names.len() {
                check_width(params, &row, self.names.len())?;
            }
            take(&row, &self.names)?;
        }
        Ok(())
    }
}

/// A header field as a name: trimmed, a leading `#` off the first, never empty.
fn header_name((index, field): (usize, &[u8])) -> String {
    let name = trim(field);
    let name = match name.strip_prefix(b"#") {
        Some(rest) if index == 0 => trim(rest),
        _ => name,
    };
    match String::from_utf8_lossy(name) {
        name if name.is_empty() => format!("column{}", index + 1),
        name => name.into_owned(),
    }
}

fn places(names: &[String], line: u64) -> Result<BTreeMap<&str, usize>, CsvError> {
    let mut places = BTreeMap::new();
    for (index, name) in names.iter().enumerate() {
        if let Some(first) = places.insert(name.as_str(), index) {
            let (name, first, second) = (name.clone(), first + 1, index + 1);
            return Err(CsvError::DuplicateColumn { line, name, first, second });
        }
    }
    Ok(places)
}

fn check_width(params: &Params, row: &Row<'_>, expected: usize) -> Result<(), CsvError> {
    let (line, found) = (row.line, row.len());
    let is_empty = |field: &[u8]| trim(field).is_empty();
    match params.ragged {
        Ragged::Pad if found < expected || row.fields().skip(expected).all(is_empty) => Ok(()),
        Ragged::Pad => {
            let remedy = "`ragged: pad` drops empty surplus fields only; correct this line";
            Err(CsvError::Ragged { line, expected, found, remedy })
        }
        Ragged::Error => {
            let remedy = "correct this line, or set `ragged: pad` to fill up with nulls";
            Err(CsvError::Ragged { line, expected, found, remedy })
        }
    }
}

fn unknown_column(param: &'static str, name: &str, names: &[String]) -> CsvError {
    let distance = |other: &&String| strsim::osa_distance(name, other);
    let closest = names.iter().min_by_key(distance);
    let closest = closest.filter(|other| distance(other) <= (name.len() / 3).max(1));
    let hint = closest.map_or_else(String::new, |other| format!(" Did you mean `{other}`?"));
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let message = format!("the file has no column `{name}`.{hint} It has {}.", list(&names));
    CsvError::param(param, message)
}

/// At most 40 names.
fn list(names: &[&str]) -> String {
    let shown: Vec<_> = names.iter().take(40).map(|name| format!("`{name}`")).collect();
    match names.len() - shown.len() {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
