//! `skyloom data`: the tables that a run's nodes gave.

mod describe;
mod value;

use arrow::array::RecordBatch;
use arrow::datatypes::DataType;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::runs::StateArgs;
use super::text::{self, Side, cut, grid};
use super::{End, render};
use crate::data::{ObjectStore, StoreError, Table, field_ucd, field_unit};
use crate::fault::suggestion;
use crate::provenance::{RunRecord, TableRecord};
use crate::run::RunError;

#[derive(Debug, Args)]
pub(super) struct DataArgs {
    #[command(subcommand)]
    verb: DataVerb,
}

#[derive(Debug, Subcommand)]
enum DataVerb {
    /// The first rows.
    Head(HeadArgs),
    /// The columns: type, unit, UCD, what they are.
    Schema(TableArgs),
    /// Each column in numbers: counts, range, mean, frequent values.
    Describe(TableArgs),
}

#[derive(Debug, Args)]
struct TableArgs {
    /// A run's name, the start of it, or `last`.
    run: String,
    /// A node, and one of its outputs unless the first is meant.
    #[arg(value_name = "NODE[.PORT]")]
    table: String,
    #[command(flatten)]
    state: StateArgs,
}

#[derive(Debug, Args)]
struct HeadArgs {
    #[command(flatten)]
    table: TableArgs,
    /// How many rows.
    #[arg(short = 'n', long, value_name = "N", default_value_t = 10)]
    rows: usize,
}

impl DataArgs {
    fn table(&self) -> &TableArgs {
        match &self.verb {
            DataVerb::Head(args) => &args.table,
            DataVerb::Schema(args) | DataVerb::Describe(args) => args,
        }
    }

    pub(super) fn json(&self) -> bool {
        self.table().state.json
    }
}

pub(super) fn data(args: &DataArgs) -> Result<End, RunError> {
    let wanted = args.table();
    let table = Stored::open(wanted)?;
    match &args.verb {
        DataVerb::Head(args) => head(&table, args.rows, wanted.state.json)?,
        DataVerb::Schema(_) => schema(&table, wanted.state.json),
        DataVerb::Describe(_) => describe_table(&table, wanted.state.json)?,
    }
    Ok(End::Ok)
}

/// A table of an earlier run, its partitions opened.
struct Stored {
    /// `node.port`
    name: String,
    record: TableRecord,
    table: Table,
}

impl Stored {
    fn open(args: &TableArgs) -> Result<Self, RunError> {
        let record = args.state.record(&args.run)?;
        let run = record.run.clone();
        let (name, record) = find(record, &args.table)?;
        let objects = ObjectStore::at(&args.state.state().join("cache"));
        let table = record.open(&objects).map_err(|error| match error {
            StoreError::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
                let message = format!(
                    "the cache no longer holds `{name}` of run {run}; run the workflow again"
                );
                RunError::Usage(message)
            }
            other => RunError::Store(other),
        })?;
        let table = table.ok_or_else(|| {
            let message = format!("`{name}` of run {run} has no partitions, so it has no columns");
            RunError::Usage(message)
        })?;
        Ok(Self { name, record, table })
    }
}

/// The table that `wanted`, a node or one of its outputs, is in `record`; and its full name.
fn find(mut record: RunRecord, wanted: &str) -> Result<(String, TableRecord), RunError> {
    let (id, port) = match wanted.split_once('.') {
        Some((id, port)) => (id, Some(port)),
        None => (wanted, None),
    };
    let run = &record.run;
    let Some(node) = record.nodes.get_mut(id) else {
        let help = suggestion(id, record.nodes.keys().map(String::as_str));
        return Err(RunError::Usage(format!("run {run} has no node `{id}`; {help}")));
    };
    if node.outputs.is_empty() {
        let (state, why) = (&node.state, node.error.as_deref());
        let why = why.map(|why| format!(": {why}")).unwrap_or_default();
        let message = format!(
            "node `{id}` of run {run} gave no tables, it {}{why}",
            match state.as_str() {
                "failed" => "failed",
                "skipped" => "was skipped",
                _ => "was interrupted",
            }
        );
        return Err(RunError::Usage(message));
    }
    let index = match port {
        None => Some(0),
        Some(port) => node.outputs.get_index_of(port),
    };
    match index.and_then(|index| node.outputs.shift_remove_index(index)) {
        Some((port, table)) => Ok((format!("{id}.{port}"), table)),
        None => {
            let help =
                suggestion(port.unwrap_or_default(), node.outputs.keys().map(String::as_str));
            let port = port.unwrap_or_default();
            Err(RunError::Usage(format!("node `{id}` has no output `{port}`; {help}")))
        }
    }
}

/// A column's name and unit: `V [mag]`.
fn heading(field: &arrow::datatypes::Field) -> String {
    match field_unit(field) {
        Some(unit) => format!("{} [{unit}]", field.name()),
        None => field.name().clone(),
    }
}

fn side_of(data_type: &DataType) -> Side {
    match data_type {
        data_type if data_type.is_numeric() => Side::Right,
        _ => Side::Left,
    }
}

fn head(table: &Stored, rows: usize, as_json: bool) -> Result<(), RunError> {
    let mut batches = Vec::new();
    let mut left = rows;
    for batch in table.table.batches() {
        if left == 0 {
            break;
        }
        let batch = batch?;
        let batch = batch.slice(0, batch.num_rows().min(left));
        left -= batch.num_rows();
        batches.push(batch);
    }
    if as_json {
        let row = |batch: &RecordBatch, row: usize| -> Value {
            let cells = table.table.schema.fields().iter().zip(batch.columns());
            let cells = cells.map(|(field, column)| (field.name().clone(), value::of(column, row)));
            Value::Object(cells.collect::<Map<_, _>>())
        };
        let rows = batches.iter().flat_map(|batch| (0..batch.num_rows()).map(|at| row(batch, at)));
        render::json(&Value::Array(rows.collect()));
        return Ok(());
    }
    let fields = table.table.schema.fields();
    let options = FormatOptions::new().with_null("–");
    let mut lines: Vec<Vec<String>> = vec![fields.iter().map(|field| heading(field)).collect()];
    for batch in &batches {
        let formatters =
            batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options));
        let formatters = formatters.collect::<Result<Vec<_>, _>>().map_err(StoreError::Arrow)?;
        for row in 0..batch.num_rows() {
            let cells = formatters.iter().map(|column| cut(&column.value(row).to_string(), 48));
            lines.push(cells.collect());
        }
    }
    let sides: Vec<_> = fields.iter().map(|field| side_of(field.data_type())).collect();
    render::out(&grid(&lines, &sides, 0));
    let shown = rows - left;
    render::note(&format!("{}: {shown} of {} rows", table.name, table.record.rows));
    Ok(())
}

fn schema(table: &Stored, as_json: bool) {
    if as_json {
        let columns = table.table.schema.fields().iter().map(|field| {
            json!({
                "name": field.name(),
                "type": field.data_type().to_string(),
                "nullable": field.is_nullable(),
                "metadata": field.metadata().iter().collect::<std::collections::BTreeMap<_, _>>(),
            })
        });
        render::json(&json!({
            "table": table.name,
            "rows": table.record.rows,
            "digest": table.record.digest,
            "partitions": table.record.partitions,
            "columns": columns.collect::<Vec<_>>(),
        }));
        return;
    }
    let header = ["column", "type", "nulls", "unit", "ucd", "description"];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    for field in table.table.schema.fields() {
        let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
        rows.push(vec![
            field.name().clone(),
            field.data_type().to_string(),
            if field.is_nullable() { "may be" } else { "none" }.to_owned(),
            text(field_unit(field)),
            text(field_ucd(field)),
            text(field.metadata().get("description").map(String::as_str)),
        ]);
    }
    render::out(&grid(&rows, &[], 0));
    let partitions = text::count(table.table.partitions.len(), "partition");
    let bytes = text::size(table.table.partitions.iter().map(|object| object.bytes).sum());
    let (name, rows, digest) = (&table.name, table.record.rows, table.record.digest.short());
    render::note(&format!("{name}: {rows} rows in {partitions}, {bytes}, {digest}"));
}

fn describe_table(table: &Stored, as_json: bool) -> Result<(), RunError> {
    let fields = table.table.schema.fields();
    let mut columns: Vec<_> =
        fields.iter().map(|field| describe::Column::new(field.data_type())).collect();
    for batch in table.table.batches() {
        let batch = batch?;
        for (column, array) in columns.iter_mut().zip(batch.columns()) {
            column.update(array).map_err(StoreError::Arrow)?;
        }
    }
    let summaries: Vec<_> = columns.into_iter().map(describe::Column::finish).collect();
    if as_json {
        let columns = fields.iter().zip(&summaries).map(|(field, summary)| {
            let mut entry = json!({"name": field.name(), "unit": field_unit(field)});
            if let (Some(entry), Value::Object(summary)) =
                (entry.as_object_mut(), summary.to_json())
            {
                entry.extend(summary);
            }
            entry
        });
        let columns: Vec<_> = columns.collect();
        render::json(&json!({"table": table.name, "rows": table.record.rows, "columns": columns}));
        return Ok(());
    }
    let header = [
        "column",
        "count",
        "null",
        "NaN",
        "min",
        "max",
        "mean",
        "std",
        "distinct",
        "most frequent",
    ];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    for (field, summary) in fields.iter().zip(&summaries) {
        let mut row = vec![heading(field)];
        row.extend(summary.cells());
        rows.push(row);
    }
    let mut sides = vec![Side::Right; 9];
    sides[0] = Side::Left;
    render::out(&grid(&rows, &sides, 0));
    render::note(&format!("{}: {} rows", table.name, table.record.rows));
    Ok(())
}
