//! Words for people, JSON for machines.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::sync::Mutex;
use std::time::Duration;

use indexmap::IndexMap;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use crate::cache::Because;
use crate::fault::Fault;
use crate::instance::LogLevel;
use crate::plan::Plan;
use crate::provenance::{Metric, Outcome, RunRecord};
use crate::run::RunError;
use crate::schedule::{NodeOutcome, NodeState, Reporter};

/// Writes to standard output; a reader that left is no fault of ours.
pub(super) fn out(text: &str) {
    let mut stdout = std::io::stdout().lock();
    drop(stdout.write_all(text.as_bytes()).and_then(|()| stdout.write_all(b"\n")));
}

pub(super) fn json(value: &Value) {
    out(&value.to_string());
}

/// Tells the user, aside from results.
pub(super) fn note(text: &str) {
    drop(writeln!(std::io::stderr().lock(), "{text}"));
}

pub(super) fn error(error: &RunError, as_json: bool) {
    let faults = match error {
        RunError::Faults(faults) => faults.as_slice(),
        _ => &[],
    };
    if as_json {
        let faults: Vec<_> = faults.iter().map(fault_json).collect();
        json(&json!({"outcome": "wrong", "error": error.to_string(), "faults": faults}));
    }
    let theme = if std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none() {
        miette::GraphicalTheme::unicode()
    } else {
        miette::GraphicalTheme::unicode_nocolor()
    };
    let handler = miette::GraphicalReportHandler::new_themed(theme).with_links(false);
    for fault in faults {
        let mut text = String::new();
        match handler.render_report(&mut text, fault) {
            Ok(()) => note(&text),
            Err(_) => note(&format!("error: {fault}")),
        }
    }
    if faults.is_empty() {
        note(&format!("error: {error}"));
    }
}

fn fault_json(fault: &Fault) -> Value {
    let (line, column) = fault.position();
    json!({
        "code": fault.code,
        "message": fault.message,
        "line": line,
        "column": column,
        "span": [fault.span.start, fault.span.end],
        "help": fault.help,
    })
}

/// One JSON object a line on standard output.
pub(super) struct JsonEvents;

impl Reporter for JsonEvents {
    fn node_started(&self, node: &str, units: usize) {
        json(&json!({"event": "node-started", "node": node, "units": units}));
    }

    fn unit_finished(&self, node: &str, done: usize, cached: bool) {
        json(&json!({"event": "unit-finished", "node": node, "done": done, "cached": cached}));
    }

    fn node_ended(&self, outcome: &NodeOutcome) {
        let (state, error) = state_of(outcome);
        json(&json!({
            "event": "node-ended",
            "node": outcome.id,
            "state": state,
            "error": error,
            "rows": outcome.rows,
            "seconds": outcome.wall.as_secs_f64(),
        }));
    }
}

fn state_of(outcome: &NodeOutcome) -> (&'static str, Option<String>) {
    match &outcome.state {
        NodeState::Finished => ("finished", None),
        NodeState::Failed { unit, error } => ("failed", Some(format!("{unit}: {error}"))),
        NodeState::Skipped { because } => ("skipped", Some(format!("`{because}` gave nothing"))),
        NodeState::Interrupted => ("interrupted", None),
    }
}

/// A bar for each node on a terminal, a line for each node elsewhere.
pub(super) struct Progress {
    bars: MultiProgress,
    by_node: Mutex<BTreeMap<String, ProgressBar>>,
    plugins: BTreeMap<String, String>,
    width: usize,
    is_terminal: bool,
}

impl Progress {
    pub(super) fn new(plan: &Plan) -> Self {
        let plugins = plan.nodes.iter().map(|node| {
            let descriptor = node.component.descriptor();
            (node.id.clone(), format!("{}@{}", descriptor.name, descriptor.version))
        });
        Self {
            bars: MultiProgress::new(),
            by_node: Mutex::default(),
            plugins: plugins.collect(),
            width: plan.nodes.iter().map(|node| node.id.len()).max().unwrap_or(0),
            is_terminal: std::io::stderr().is_terminal(),
        }
    }

    fn say(&self, line: &str) {
        if self.is_terminal {
            drop(self.bars.println(line));
        } else {
            note(line);
        }
    }
}

impl Reporter for Progress {
    fn node_started(&self, node: &str, units: usize) {
        if !self.is_terminal {
            return;
        }
        let style = ProgressStyle::with_template("  {msg} {bar:24} {pos}/{len} {elapsed} {eta}");
        let bar = self.bars.add(ProgressBar::new(units as u64));
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_message(format!("{node:width$}", width = self.width));
        bar.enable_steady_tick(Duration::from_millis(200));
        let mut bars = self.by_node.lock().expect("no holder panics");
        bars.insert(node.to_owned(), bar);
    }

    fn unit_finished(&self, node: &str, done: usize, _: bool) {
        let bars = self.by_node.lock().expect("no holder panics");
        if let Some(bar) = bars.get(node) {
            bar.set_position(done as u64);
        }
    }

    fn node_ended(&self, outcome: &NodeOutcome) {
        let bar = self.by_node.lock().expect("no holder panics").remove(&outcome.id);
        if let Some(bar) = bar {
            bar.finish_and_clear();
        }
        let (width, id) = (self.width, &outcome.id);
        let plugin = self.plugins.get(id).map_or("", String::as_str);
        match &outcome.state {
            NodeState::Finished => {
                let how = match (outcome.units, outcome.cached_units) {
                    (units, cached) if units == cached => "from the cache".to_owned(),
                    (1, 0) => speed(outcome),
                    (units, 0) => format!("{}, {units} runs", speed(outcome)),
                    (units, cached) => {
                        format!("{}, {units} runs, {cached} from the cache", speed(outcome))
                    }
                };
                self.say(&format!("  ✓ {id:width$}  {plugin:32} {how}"));
                // The question that a second run raises; in a first one all is new.
                if let Some(because @ Because::Changed(_)) = &outcome.because {
                    self.say(&format!("    {:width$}  because {because}", ""));
                }
            }
            NodeState::Failed { unit, error } => {
                self.say(&format!("  ✗ {id:width$}  {plugin}, {unit}: {error}"));
            }
            NodeState::Skipped { because } => {
                self.say(&format!("  – {id:width$}  {plugin}: not run, `{because}` gave nothing"));
            }
            NodeState::Interrupted => self.say(&format!("  – {id:width$}  {plugin}: interrupted")),
        }
        for line in outcome.log.iter().filter(|line| line.level == LogLevel::Warn) {
            self.say(&format!("    {id}: {}", line.message));
        }
    }
}

fn speed(outcome: &NodeOutcome) -> String {
    let seconds = outcome.wall.as_secs_f64();
    if outcome.rows == 0 {
        return format!("{seconds:.2} s");
    }
    let rate = outcome.rows as f64 / seconds.max(1e-6);
    format!("{seconds:.2} s, {} rows/s", si(rate))
}

fn si(value: f64) -> String {
    match value {
        value if value >= 1e6 => format!("{:.1} M", value / 1e6),
        value if value >= 1e3 => format!("{:.0} k", value / 1e3),
        value => format!("{value:.0}"),
    }
}

/// The last line of `run --json`.
pub(super) fn record_json(record: &RunRecord) {
    let nodes: IndexMap<_, _> = record
        .nodes
        .iter()
        .map(|(id, node)| {
            let digests: IndexMap<_, _> =
                node.outputs.iter().map(|(port, table)| (port, table.digest)).collect();
            let node = json!({
                "state": node.state,
                "error": node.error,
                "seconds": node.wall_seconds,
                "units": node.units,
                "cached": node.cached_units,
                "spliced": node.spliced_units,
                "repaired": node.repaired_units,
                "because": node.because,
                "rows": node.rows,
                "outputs": digests,
            });
            (id, node)
        })
        .collect();
    json(&json!({
        "outcome": record.outcome,
        "run": record.run,
        "workflow": record.workflow,
        "seconds": record.wall_seconds,
        "peak-rss-bytes": record.peak_rss_bytes,
        "nodes": nodes,
        "outputs": record.outputs,
        "metrics": record.metrics,
        "warnings": record.warnings,
    }));
}

pub(super) fn record_text(record: &RunRecord) {
    for (node, metrics) in &record.metrics {
        out("");
        out(&scores(node, metrics));
    }
    if !record.outputs.is_empty() {
        out("");
    }
    for (name, written) in &record.outputs {
        let (path, rows) = (written.file.path.display(), written.file.rows);
        out(&format!("{name}: {rows} rows in {path} ({})", written.file.digest.short()));
    }
    for warning in &record.warnings {
        note(&super::text::plain(warning));
    }
    let memory = record.peak_rss_bytes as f64 / f64::from(1 << 20);
    let how = match record.outcome {
        Outcome::Ok => "finished",
        Outcome::Failed => "failed",
        Outcome::Interrupted => "was interrupted; run again to go on from there",
    };
    note(&format!("run {} {how}: {:.1} s, {memory:.0} MiB", record.run, record.wall_seconds));
    if record.outcome == Outcome::Failed {
        note("what finished is kept: run again to go on from there");
    }
}

/// Scores as a table: a row for each class, a column for each metric; then the others.
pub(super) fn scores(node: &str, metrics: &[Metric]) -> String {
    let mut columns: Vec<&str> = Vec::new();
    let mut classes: IndexMap<&str, IndexMap<&str, &Metric>> = IndexMap::new();
    let mut overall = Vec::new();
    for metric in metrics {
        match &metric.class {
            Some(class) => {
                if !columns.contains(&metric.metric.as_str()) {
                    columns.push(&metric.metric);
                }
                classes.entry(class).or_default().insert(&metric.metric, metric);
            }
            None => overall.push(metric),
        }
    }
    let mut rows = Vec::new();
    if !classes.is_empty() {
        let mut header = vec![format!("{node}: class"), "objects".to_owned()];
        header.extend(columns.iter().map(|column| (*column).to_owned()));
        rows.push(header);
    }
    for (class, values) in &classes {
        let support = values.values().find_map(|metric| metric.support);
        let mut row =
            vec![(*class).to_owned(), support.map_or_else(String::new, |count| count.to_string())];
        row.extend(
            columns.iter().map(|column| values.get(column).map_or_else(String::new, |m| cell(m))),
        );
        rows.push(row);
    }
    let mut text = table(&rows);
    if !classes.is_empty() && !overall.is_empty() {
        text.push_str("\n\n");
    }
    let rows: Vec<_> =
        overall.iter().map(|metric| vec![metric.metric.clone(), cell(metric)]).collect();
    text.push_str(&table(&rows));
    text
}

fn cell(metric: &Metric) -> String {
    match (metric.value, metric.low, metric.high) {
        (Some(value), Some(low), Some(high)) => format!("{value:.3} ({low:.3}, {high:.3})"),
        (Some(value), ..) => format!("{value:.3}"),
        _ => "–".to_owned(),
    }
}

/// Columns set flush: the first to the left, the others to the right.
pub(super) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            rows.iter()
                .filter_map(|row| row.get(column))
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
        })
        .collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| {
            if column == 0 { format!("{cell:width$}") } else { format!("{cell:>width$}") }
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}
