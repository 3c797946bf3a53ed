//! `skyloom replay`: what was locked or published, again.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use serde_json::{Value, json};

use super::lock::tell_drift;
use super::run::runtime;
use super::text::{self, grid};
use super::{End, pair, render};
use crate::bundle::{Contents, UnpackLimits, unpack};
use crate::data::ObjectStore;
use crate::data::compare::{ColumnDiff, Tolerance};
use crate::instance::{Threads, Watch};
use crate::lock::Lock;
use crate::provenance::{Audit, RunRecord, Runs};
use crate::replay::{self, Comparison, Differs, Reference, Verdict};
use crate::roots;
use crate::run::{self, Place, Request, RunError};
use crate::schedule::{self, NodeState, Options, Reporter};

#[derive(Debug, Args)]
pub(super) struct ReplayArgs {
    /// A lock file, or what `skyloom publish` made.
    #[arg(value_name = "FILE.lock|FILE.skyloom")]
    file: PathBuf,
    /// A file, or glob in quotes, for an input that is not where it was, or not in the bundle.
    #[arg(long = "input", value_name = "NAME=PATH", value_parser = pair)]
    inputs: Vec<(String, String)>,
    /// Let numbers differ by this much of the larger one, and say how far apart they are.
    #[arg(long, value_name = "REL", default_value_t = 0.0, value_parser = tolerance)]
    within: f64,
    /// Use what the cache has: quicker, but it trusts this machine's earlier runs.
    #[arg(long)]
    cache: bool,
    /// How many plugin instances run at once [default: one for each core].
    #[arg(short, long, value_parser = clap::value_parser!(u16).range(1..=4096))]
    jobs: Option<u16>,
    /// Most rows that a plugin is handed at once: other than in a run, so that a plugin whose
    /// results depend on it is found out.
    #[arg(long, value_name = "N", default_value_t = 997, value_parser = clap::value_parser!(u32).range(1..), hide_short_help = true)]
    batch_rows: u32,
    /// Where cache and run records are kept [default: .skyloom in the project's folder].
    #[arg(long, value_name = "DIR", env = "SKYLOOM_STATE_DIR")]
    state_dir: Option<PathBuf>,
    /// Print results as JSON.
    #[arg(long)]
    pub(super) json: bool,
}

fn tolerance(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "write a number such as 1e-9".to_owned())?;
    (0.0..1.0).contains(&number).then_some(number).ok_or("it is from 0 to below 1".to_owned())
}

/// What is to be run again.
struct Original {
    request: Request,
    lock: Lock,
    place: Place,
    reference: Reference,
    /// An unpacked bundle, gone when this is dropped.
    _unpacked: Option<tempfile::TempDir>,
}

pub(super) fn replay(args: &ReplayArgs, watch: &Arc<Watch>) -> Result<End, RunError> {
    let original = match is_bundle(&args.file) {
        true => of_bundle(args)?,
        false => of_lock(args)?,
    };
    let Original { request, lock, place, reference, .. } = &original;
    if lock.results.is_empty() {
        let message = format!(
            "{} names no results to compare with: run the workflow, then `skyloom lock` it",
            args.file.display()
        );
        return Err(RunError::Usage(message));
    }
    let engine = run::engine()?;
    let (_scratch, cache) = match args.cache {
        true => (None, place.cache()?),
        false => {
            let (folder, cache) = replay::scratch(&place.state)?;
            (Some(folder), cache)
        }
    };
    let plan = run::make_plan(request, place, &engine, &cache, watch)?;
    let moved = lock.plan_drift(&Lock::of(&plan));
    if !moved.is_empty() {
        tell_drift(&args.file.display().to_string(), &moved, args.json);
        render::note("nothing was run: this is not what was locked");
        return Ok(End::Moved);
    }
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let jobs = args.jobs.map_or(cores, usize::from);
    let options = Options {
        jobs,
        threads: Threads::new(jobs),
        batch_rows: args.batch_rows as usize,
        recompute: false,
    };
    let reporter: Arc<dyn Reporter> = match args.json {
        true => Arc::new(render::JsonEvents),
        false => Arc::new(render::Progress::new(&plan)),
    };
    cache.lease()?;
    let plan = Arc::new(plan);
    let tolerance = Tolerance { relative: args.within, absolute: 0.0 };
    let replayed = schedule::execute(&plan, &cache, &options, watch, &reporter);
    let outcomes = runtime(&options)?.block_on(replayed);
    let comparisons = replay::set_against(&plan, &outcomes, lock, reference, tolerance)?;
    let end = match () {
        () if watch.is_cancelled() => End::Interrupted,
        () if outcomes.iter().any(|o| !matches!(o.state, NodeState::Finished)) => End::NodeFailed,
        () if comparisons.iter().any(|c| matches!(c.verdict, Verdict::Differs(_))) => End::Moved,
        () => End::Ok,
    };
    let outcome = match end {
        End::Ok => "same",
        End::Interrupted => "interrupted",
        End::NodeFailed => "failed",
        _ => "differs",
    };
    let file = args.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let detail = json!({"file": file, "plan": lock.plan_digest(), "outcome": outcome});
    Audit::below(&place.state).note("replayed", detail)?;
    if args.json {
        render::json(&json!({
            "outcome": outcome, "plan": lock.plan_digest(), "tables": comparisons,
        }));
    } else {
        render::out(&to_text(&comparisons));
    }
    Ok(end)
}

fn is_bundle(path: &Path) -> bool {
    let mut magic = [0; 4];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut magic));
    read.is_ok() && magic == *b"PK\x03\x04"
}

fn inputs(args: &ReplayArgs) -> Vec<(String, PathBuf)> {
    args.inputs.iter().map(|(name, path)| (name.clone(), PathBuf::from(path))).collect()
}

/// Parameters as they would be given on the command line.
fn params(lock: &Lock) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    lock.params.iter().map(|(name, value)| (name.clone(), text(value))).collect()
}

fn of_lock(args: &ReplayArgs) -> Result<Original, RunError> {
    let lock = Lock::read(&args.file)?;
    let workflow = args.file.with_file_name(&lock.file);
    let request = Request {
        workflow: workflow.clone(),
        inputs: inputs(args),
        params: params(&lock),
        output_dir: None,
        overwrite: false,
        state_dir: args.state_dir.clone(),
        plugins: Vec::new(),
        locked: Some(lock.clone()),
    };
    let place = Place::of(&workflow, args.state_dir.as_deref());
    let reference = Reference {
        record: roots::run_of(&lock, &Runs::below(&place.state)),
        objects: vec![ObjectStore::at(&place.state.join("cache"))],
    };
    Ok(Original { request, lock, place, reference, _unpacked: None })
}

fn of_bundle(args: &ReplayArgs) -> Result<Original, RunError> {
    let temporary = tempfile::Builder::new().prefix("skyloom-bundle-").tempdir();
    let temporary = temporary.map_err(|error| {
        RunError::Usage(format!("there is no room for temporary files: {error}"))
    })?;
    let folder = temporary.path().join("bundle");
    unpack(&args.file, &folder, &UnpackLimits::default())?;
    let contents = Contents::read(&folder)?;
    let lock = Lock::read(&folder.join(&contents.lock))?;
    let mut inputs = inputs(args);
    for (name, pattern) in contents.patterns(&folder) {
        if !inputs.iter().any(|(given, _)| *given == name) {
            inputs.push((name, pattern));
        }
    }
    for name in contents.inputs.keys() {
        if inputs.iter().any(|(given, _)| given == name) {
            continue;
        }
        let missing = contents.missing(name).map(|file| {
            let place = file.uri.as_deref().map(|uri| format!(" from {uri}")).unwrap_or_default();
            format!("{} ({}, blake3 {}){place}", file.name, text::size(file.bytes), file.digest)
        });
        let missing: Vec<_> = missing.collect();
        return Err(RunError::Usage(format!(
            "input `{name}` is too large for the bundle; give it with `--input {name}=PATH`: {}",
            text::plain(&missing.join("; "))
        )));
    }
    let workflow = folder.join(&contents.workflow);
    let plugins = contents.plugins.iter();
    let plugins = plugins.map(|(name, entry)| (name.clone(), folder.join(entry))).collect();
    let request = Request {
        workflow: workflow.clone(),
        inputs,
        params: params(&lock),
        output_dir: None,
        overwrite: false,
        state_dir: args.state_dir.clone(),
        plugins,
        locked: None,
    };
    // What a replay leaves behind belongs to who replays, not to the bundle.
    let here = Place::of(Path::new("./replay"), args.state_dir.as_deref());
    let place = Place {
        state: here.state.clone(),
        // A bundle does not say what is to be trusted here.
        trust: here.project.root.clone(),
        ..Place::of(&workflow, args.state_dir.as_deref())
    };
    let record = std::fs::read(folder.join(&contents.record)).ok();
    let record = record.and_then(|text| serde_json::from_slice::<RunRecord>(&text).ok());
    let objects = vec![ObjectStore::at(&folder), ObjectStore::at(&here.state.join("cache"))];
    let reference = Reference { record, objects };
    Ok(Original { request, lock, place, reference, _unpacked: Some(temporary) })
}

fn to_text(comparisons: &[Comparison]) -> String {
    let mut lines = Vec::new();
    let mut rows = Vec::new();
    for comparison in comparisons {
        let verdict = match &comparison.verdict {
            Verdict::Identical => "identical".to_owned(),
            Verdict::Within { max_relative } => {
                format!("equal within {max_relative:.1e}")
            }
            Verdict::Differs(_) => {
                let found = comparison.found.map(|found| found.short()).unwrap_or_default();
                format!("differs: {found}")
            }
            Verdict::Missing => "not there".to_owned(),
        };
        let name = format!("{}.{}", comparison.node, comparison.port);
        rows.push(vec![name, comparison.locked.short(), verdict]);
    }
    lines.push(grid(&rows, &[], 2));
    for comparison in comparisons {
        if let Verdict::Differs(differs) = &comparison.verdict {
            lines.push(format!("\n{}.{}", comparison.node, comparison.port));
            lines.push(grid(&differs_rows(differs), &[], 2));
        }
    }
    let same = comparisons.iter().filter(|c| matches!(c.verdict, Verdict::Identical)).count();
    lines.push(format!("\n{same} of {} identical", text::count(comparisons.len(), "table")));
    lines.join("\n")
}

fn differs_rows(differs: &Differs) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    if !differs.partitions.is_empty() {
        let first: Vec<_> =
            differs.partitions.iter().take(5).map(|index| (index + 1).to_string()).collect();
        let more = if differs.partitions.len() > 5 { ", …" } else { "" };
        let (count, first) = (differs.partitions.len(), first.join(", "));
        rows.push(vec!["partitions".to_owned(), format!("{count}: {first}{more}")]);
    }
    if !differs.columns.is_empty() {
        rows.push(vec!["columns".to_owned(), differs.columns.join(", ")]);
    }
    match &differs.values {
        None => rows.push(vec![
            "values".to_owned(),
            "the earlier table is not here, so they cannot be compared".to_owned(),
        ]),
        Some(values) => {
            if values.rows_left != values.rows_right {
                let rows_then = format!("{}, not {}", values.rows_right, values.rows_left);
                rows.push(vec!["rows".to_owned(), rows_then]);
            }
            rows.extend(values.columns.iter().map(column_row));
        }
    }
    rows
}

/// A column, in how many rows it differs, by how much, and where first.
pub(super) fn column_row(column: &ColumnDiff) -> Vec<String> {
    let mut parts = vec![format!("{} differ", text::count(column.rows as usize, "row"))];
    if column.within > 0 {
        parts.push(format!("{} within the tolerance", column.within));
    }
    if let (Some(apart), Some(relative)) = (column.max_abs, column.max_rel) {
        parts.push(format!("by at most {apart:.3e} ({relative:.1e} of the value)"));
    }
    if column.nulls_appeared + column.nulls_vanished > 0 {
        let (new, gone) = (column.nulls_appeared, column.nulls_vanished);
        parts.push(format!("{new} became null, {gone} no longer are"));
    }
    if let Some(first) = &column.first {
        let place = match &first.key {
            Some(key) => format!("at {key}"),
            None => format!("in partition {}, row {}", first.partition + 1, first.row + 1),
        };
        parts.push(format!("first {place}: {} → {}", first.left, first.right));
    }
    vec![column.name.clone(), parts.join("; ")]
}
