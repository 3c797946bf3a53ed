//! `skyloom runs`: what ran, and what became of it.

use std::fs;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::text::{self, Side, grid};
use super::{End, render};
use crate::fault::suggestion;
use crate::instance::LogLevel;
use crate::provenance::{Audit, Outcome, RecordError, RunRecord, Runs, prov_json, write_crate};
use crate::registry::Project;
use crate::run::RunError;

#[derive(Debug, Args)]
pub(super) struct RunsArgs {
    #[command(subcommand)]
    verb: RunsVerb,
}

#[derive(Debug, Subcommand)]
enum RunsVerb {
    /// All runs, newest last.
    List(ListArgs),
    /// One run: its nodes, inputs, outputs, warnings and scores.
    Show(ShowArgs),
    /// Write one run in a form that others read.
    Export(ExportArgs),
    /// Look through the audit log.
    Audit(AuditArgs),
}

#[derive(Debug, Args)]
struct ListArgs {
    #[command(flatten)]
    state: StateArgs,
}

#[derive(Debug, Args)]
struct ShowArgs {
    /// A run's name, the start of it, or `last`.
    #[arg(default_value = "last")]
    run: String,
    #[command(flatten)]
    state: StateArgs,
}

#[derive(Debug, Args)]
struct ExportArgs {
    /// A run's name, the start of it, or `last`.
    run: String,
    #[arg(long, value_enum)]
    format: ExportFormat,
    /// Where it goes: a new folder for a crate, or else a file [default: RUN.crate, or standard
    /// output].
    #[arg(short, long, value_name = "PATH")]
    output: Option<PathBuf>,
    /// Copy the run's output files into the crate.
    #[arg(long)]
    with_outputs: bool,
    #[command(flatten)]
    state: StateArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ExportFormat {
    /// A folder: a Provenance Run Crate 0.5.
    RoCrate,
    /// A file: W3C PROV-JSON in the terms of the IVOA Provenance Data Model.
    Prov,
}

#[derive(Debug, Args)]
struct AuditArgs {
    #[command(subcommand)]
    verb: AuditVerb,
}

#[derive(Debug, Subcommand)]
enum AuditVerb {
    /// Find lines that were edited or dropped, and records that were edited.
    Verify(ListArgs),
}

/// Where earlier runs are looked for.
#[derive(Debug, Clone, Args)]
pub(super) struct StateArgs {
    /// Where cache and run records are kept [default: .skyloom in the project's folder].
    #[arg(long, value_name = "DIR", env = "SKYLOOM_STATE_DIR")]
    state_dir: Option<PathBuf>,
    /// Print results as JSON.
    #[arg(long)]
    pub(super) json: bool,
}

impl StateArgs {
    /// Cache, runs and ledger.
    pub(super) fn state(&self) -> PathBuf {
        let default = || Project::around(&PathBuf::from(".")).root.join(".skyloom");
        self.state_dir.clone().unwrap_or_else(default)
    }

    /// The record of `run`: its name, the start of it that no other shares, or `last`.
    ///
    /// # Errors
    /// When there is none, or several.
    pub(super) fn record(&self, run: &str) -> Result<RunRecord, RunError> {
        let state = self.state();
        let runs = Runs::below(&state);
        let names = runs.names();
        let close: Vec<_> = names.iter().filter(|name| name.starts_with(run)).collect();
        let wrong = match close.as_slice() {
            _ if names.is_empty() => format!(
                "no run is kept in {}; go to the project's folder, or name another with --state-dir",
                state.display()
            ),
            [first, .., last] if run != "last" && !names.iter().any(|name| name == run) => {
                format!(
                    "{} runs begin with `{run}`, from {first} to {last}; write more of the name",
                    close.len()
                )
            }
            [] if run != "last" => {
                let help = suggestion(run, names.iter().map(String::as_str));
                format!("there is no run `{run}`; {help}")
            }
            _ => return Ok(runs.read(run)?),
        };
        Err(RunError::Usage(wrong))
    }
}

impl RunsArgs {
    pub(super) fn json(&self) -> bool {
        match &self.verb {
            RunsVerb::List(args) => args.state.json,
            RunsVerb::Show(args) => args.state.json,
            RunsVerb::Export(args) => args.state.json,
            RunsVerb::Audit(AuditArgs { verb: AuditVerb::Verify(args) }) => args.state.json,
        }
    }
}

pub(super) fn runs(args: &RunsArgs) -> Result<End, RunError> {
    match &args.verb {
        RunsVerb::List(args) => list(&args.state),
        RunsVerb::Show(args) => show(args)?,
        RunsVerb::Export(args) => export(args)?,
        RunsVerb::Audit(AuditArgs { verb: AuditVerb::Verify(args) }) => return audit(&args.state),
    }
    Ok(End::Ok)
}

fn list(args: &StateArgs) {
    let state = args.state();
    let runs = Runs::below(&state);
    // A record that another version wrote must not hide the others.
    let records: Vec<_> = runs.names().into_iter().map(|name| (runs.read(&name), name)).collect();
    if args.json {
        let each = records.iter().map(|(record, name)| match record {
            Ok(record) => json!({
                "run": name,
                "workflow": record.workflow,
                "outcome": record.outcome,
                "started": record.started,
                "seconds": record.wall_seconds,
            }),
            Err(error) => json!({"run": name, "error": error.to_string()}),
        });
        render::json(&Value::Array(each.collect()));
        return;
    }
    if records.is_empty() {
        render::note(&format!("no run is kept in {}", state.display()));
        return;
    }
    let mut rows =
        vec![["run", "workflow", "outcome", "started", "seconds"].map(str::to_owned).to_vec()];
    for (record, name) in records {
        rows.push(match record {
            Ok(record) => vec![
                name,
                record.workflow,
                outcome_name(record.outcome).to_owned(),
                record.started,
                format!("{:.1}", record.wall_seconds),
            ],
            Err(_) => vec![name, String::new(), "unreadable".to_owned()],
        });
    }
    let left = Side::Left;
    render::out(&grid(&rows, &[left, left, left, left, Side::Right], 0));
}

fn outcome_name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Ok => "ok",
        Outcome::Failed => "failed",
        Outcome::Interrupted => "interrupted",
    }
}

fn show(args: &ShowArgs) -> Result<(), RunError> {
    let record = args.state.record(&args.run)?;
    if args.state.json {
        render::json(&serde_json::to_value(&record).expect("a record is plain data"));
    } else {
        render::out(&to_text(&record));
    }
    Ok(())
}

fn audit(args: &StateArgs) -> Result<End, RunError> {
    let state = args.state();
    let audited = Audit::below(&state).verify(&Runs::below(&state))?;
    if args.json {
        render::json(&json!(audited));
    } else {
        audited.faults.iter().for_each(|fault| render::out(&text::plain(fault)));
        let events = text::count(usize::try_from(audited.events).unwrap_or(usize::MAX), "event");
        render::note(&match audited.faults.len() {
            0 => format!("{events}, an unbroken chain, the last {}", audited.last.short()),
            faults => format!("{events}, {}", text::count(faults, "fault")),
        });
    }
    Ok(if audited.faults.is_empty() { End::Ok } else { End::CheckFailed })
}

fn export(args: &ExportArgs) -> Result<(), RunError> {
    let record = args.state.record(&args.run)?;
    let runs = Runs::below(&args.state.state());
    let units = runs.units(&record.run)?;
    match args.format {
        ExportFormat::RoCrate => {
            let default = || PathBuf::from(format!("{}.crate", record.run));
            let folder = args.output.clone().unwrap_or_else(default);
            let outputs: Vec<_> = match args.with_outputs {
                true => record.outputs.keys().map(String::as_str).collect(),
                false => Vec::new(),
            };
            write_crate(&folder, &record, &units, &runs.workflow(&record.run)?, &outputs)?;
            match args.state.json {
                true => render::json(&json!({"run": record.run, "crate": folder})),
                false => render::out(&folder.display().to_string()),
            }
        }
        ExportFormat::Prov if args.with_outputs => {
            let wrong = "--with-outputs is for `--format ro-crate`: PROV is one file".to_owned();
            return Err(RunError::Usage(wrong));
        }
        ExportFormat::Prov => {
            let value = prov_json(&record, &units);
            let text = serde_json::to_string_pretty(&value).expect("plain data");
            match &args.output {
                None => render::out(&text),
                Some(path) => fs::write(path, text + "\n").map_err(|error| RecordError::Io {
                    path: path.clone(),
                    reason: error.to_string(),
                })?,
            }
        }
    }
    Ok(())
}

fn to_text(record: &RunRecord) -> String {
    let memory = text::size(record.peak_rss_bytes);
    let mut parts = vec![format!(
        "run {}: {}\n{}",
        record.run,
        outcome_name(record.outcome),
        grid(
            &[
                vec![
                    "workflow".to_owned(),
                    format!("{} ({})", record.workflow, record.workflow_file)
                ],
                vec!["started".to_owned(), record.started.clone()],
                vec![
                    "took".to_owned(),
                    format!("{:.1} s, {memory} at the peak", record.wall_seconds)
                ],
                vec!["with".to_owned(), format!("skyloom {}, {}", record.skyloom, record.engine)],
            ],
            &[],
            2
        )
    )];
    let params: Vec<_> = record
        .params
        .iter()
        .map(|(name, value)| vec![format!("param {name}"), value.to_string()])
        .collect();
    let inputs: Vec<_> = record
        .inputs
        .iter()
        .flat_map(|(name, files)| {
            files.iter().map(move |file| {
                let (path, size) = (file.path.display(), text::size(file.bytes));
                vec![format!("input {name}"), format!("{path}, {size}, {}", file.digest.short())]
            })
        })
        .collect();
    let outputs: Vec<_> = record
        .outputs
        .iter()
        .map(|(name, written)| {
            let (path, rows) = (written.file.path.display(), written.file.rows);
            let digest = written.file.digest.short();
            vec![format!("output {name}"), format!("{path}, {rows} rows, {digest}")]
        })
        .collect();
    let around: Vec<_> = [params, inputs, outputs].concat();
    if !around.is_empty() {
        parts.push(grid(&around, &[], 2));
    }
    parts.push(nodes_text(record));
    let mut remarks = Vec::new();
    for (id, node) in &record.nodes {
        remarks.extend(
            node.error.iter().map(|error| format!("  {id} failed: {}", text::plain(error))),
        );
        let warnings = node.log.iter().filter(|line| line.level == LogLevel::Warn);
        remarks.extend(warnings.map(|line| format!("  {id}: {}", text::plain(&line.message))));
    }
    if !remarks.is_empty() {
        parts.push(remarks.join("\n"));
    }
    parts.extend(record.metrics.iter().map(|(node, metrics)| render::scores(node, metrics)));
    parts.join("\n\n")
}

fn nodes_text(record: &RunRecord) -> String {
    let header = ["node", "plugin", "state", "seconds", "runs", "cached", "rows", "memory"];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    for (id, node) in &record.nodes {
        rows.push(vec![
            id.clone(),
            format!("{}@{}", node.plugin, node.version),
            node.state.clone(),
            format!("{:.2}", node.wall_seconds),
            node.units.to_string(),
            node.cached_units.to_string(),
            node.rows.to_string(),
            text::size(node.peak_memory_bytes as u64),
        ]);
    }
    let (left, right) = (Side::Left, Side::Right);
    grid(&rows, &[left, left, left, right, right, right, right, right], 2)
}
