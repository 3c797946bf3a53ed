//! `skyloom run`: a workflow, from file to results.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use super::lock::tell_drift;
use super::{End, WorkflowArgs, render};
use crate::instance::{Threads, Watch};
use crate::lock::{Lock, LockedTable, Moved};
use crate::provenance::{Outcome, RunRecord};
use crate::roots::Locks;
use crate::run::{self, Place, RunError};
use crate::schedule::{Options, Reporter};

#[derive(Debug, Args)]
pub(super) struct RunArgs {
    #[command(flatten)]
    pub(super) workflow: WorkflowArgs,
    /// Where outputs go [default: results/NAME].
    #[arg(long, value_name = "DIR")]
    output_dir: Option<PathBuf>,
    /// Replace output files even if no run wrote them.
    #[arg(long)]
    overwrite: bool,
    /// How many plugin instances run at once [default: one for each core].
    #[arg(short, long, value_parser = clap::value_parser!(u16).range(1..=4096))]
    jobs: Option<u16>,
    /// Run only if all is as the lock file beside the workflow says, and gives what it says.
    #[arg(long)]
    locked: bool,
    /// Run everything, even what the cache knows.
    #[arg(long)]
    recompute: bool,
    /// Most rows that a plugin is handed at once. Results do not depend on it.
    #[arg(long, value_name = "N", default_value_t = 65_536, value_parser = clap::value_parser!(u32).range(1..), hide_short_help = true)]
    batch_rows: u32,
}

pub(super) fn run(args: &RunArgs, watch: &Arc<Watch>) -> Result<End, RunError> {
    let mut request = args.workflow.request();
    request.output_dir.clone_from(&args.output_dir);
    request.overwrite = args.overwrite;
    let place = Place::of(&request.workflow, request.state_dir.as_deref());
    let (engine, cache) = (run::engine()?, place.cache()?);
    let lock = match args.locked {
        true => Some(Lock::read(&Lock::beside(&request.workflow))?),
        false => None,
    };
    request.locked.clone_from(&lock);
    let plan = run::make_plan(&request, &place, &engine, &cache, watch)?;
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let jobs = args.jobs.map_or(cores, usize::from);
    let options = Options {
        jobs,
        threads: Threads::new(jobs),
        batch_rows: args.batch_rows as usize,
        recompute: args.recompute,
    };
    if let Some(lock) = &lock {
        let path = Lock::beside(&request.workflow);
        let moved = lock.drift(&Lock::of(&plan));
        if !moved.is_empty() {
            tell_drift(&path.display().to_string(), &moved, args.workflow.json);
            render::note("nothing was run; `skyloom lock --update` moves the lock");
            return Ok(End::Moved);
        }
        Locks::of(&place.project.root, &place.state).note(&path)?;
    }
    let runtime = runtime(&options)?;
    let reporter: Arc<dyn Reporter> = if args.workflow.json {
        Arc::new(render::JsonEvents)
    } else {
        Arc::new(render::Progress::new(&plan))
    };
    let record = runtime
        .block_on(run::run_plan(plan, &request, &place, &cache, &options, watch, &reporter))?;
    if args.workflow.json {
        render::record_json(&record);
    } else {
        render::record_text(&record);
    }
    let moved = lock.map(|lock| result_drift(&lock, &record)).unwrap_or_default();
    if record.outcome == Outcome::Ok && !moved.is_empty() {
        tell_drift("results", &moved, args.workflow.json);
        return Ok(End::Moved);
    }
    Ok(match record.outcome {
        Outcome::Ok => End::Ok,
        Outcome::Failed => End::NodeFailed,
        Outcome::Interrupted => End::Interrupted,
    })
}

/// What runs units: one thread that schedules, and one for each unit at a time.
pub(super) fn runtime(options: &Options) -> Result<tokio::runtime::Runtime, RunError> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .max_blocking_threads(options.jobs)
        .enable_all()
        .build()
        .map_err(|error| RunError::Usage(format!("cannot start threads: {error}")))
}

/// The results of `record` that are not as locked.
fn result_drift(lock: &Lock, record: &RunRecord) -> Vec<Moved> {
    let mut now = lock.clone();
    for (node, ports) in &mut now.results {
        for (port, table) in ports {
            let given = record.nodes.get(node).and_then(|node| node.outputs.get(port));
            if let Some(given) = given {
                *table = LockedTable { rows: given.rows, digest: given.digest };
            }
        }
    }
    lock.result_drift(&now)
}
