//! `skyloom lock`: what a workflow's results rest on, pinned beside it.

use std::sync::Arc;

use clap::Args;
use serde_json::json;

use super::{End, WorkflowArgs, render};
use crate::instance::Watch;
use crate::lock::{Lock, LockError, Moved};
use crate::plan::Plan;
use crate::provenance::Audit;
use crate::roots::Locks;
use crate::run::{self, Place, RunError};
use crate::schedule;

#[derive(Debug, Args)]
pub(super) struct LockArgs {
    #[command(flatten)]
    pub(super) workflow: WorkflowArgs,
    /// Move the lock to what there is now: all of it, or only these nodes.
    #[arg(long, value_name = "NODE", num_args = 0..)]
    update: Option<Vec<String>>,
}

pub(super) fn lock(args: &LockArgs, watch: &Arc<Watch>) -> Result<End, RunError> {
    let request = args.workflow.request();
    let place = Place::of(&request.workflow, request.state_dir.as_deref());
    let (engine, cache) = (run::engine()?, place.cache()?);
    let plan = run::make_plan(&request, &place, &engine, &cache, watch)?;
    let path = Lock::beside(&request.workflow);
    let now = with_results(&plan, &cache);
    let earlier = match Lock::read(&path) {
        Ok(lock) => Some(lock),
        Err(LockError::Missing(_)) => None,
        Err(_) if args.update.as_ref().is_some_and(Vec::is_empty) => None,
        Err(error) => return Err(error.into()),
    };
    let moved: Vec<Moved> = earlier.iter().flat_map(|earlier| earlier.drift(&now)).collect();
    // The same work with other results: a lock does not follow that by itself either.
    let moved = match (&earlier, moved.is_empty()) {
        (Some(earlier), true) => earlier.result_drift(&now),
        _ => moved,
    };
    let mut fresh = now.clone();
    match (&args.update, earlier) {
        (None, Some(_)) if !moved.is_empty() => {
            tell_drift(&path.display().to_string(), &moved, args.workflow.json);
            render::note("`skyloom lock --update` moves the lock; `--update NODE` only that node");
            return Ok(End::Moved);
        }
        // What is known of the results stays known.
        (None, Some(earlier)) if now.results.is_empty() => fresh.results = earlier.results,
        (Some(nodes), Some(mut earlier)) if !nodes.is_empty() => {
            for node in nodes {
                earlier.update(node, &now)?;
            }
            let left = earlier.drift(&now);
            if left.is_empty() {
                earlier.results = now.results.clone();
            } else {
                tell_drift("what still differs", &left, false);
            }
            fresh = earlier;
        }
        _ => {}
    }
    fresh.write(&path)?;
    Locks::of(&place.project.root, &place.state).note(&path)?;
    let detail = json!({
        "lock": path.file_name().unwrap_or_default().to_string_lossy(),
        "plan": fresh.plan_digest(),
        "moved": moved.iter().map(|moved| &moved.what).collect::<Vec<_>>(),
    });
    Audit::below(&place.state).note("lock-written", detail)?;
    let tables: usize = fresh.results.values().map(std::collections::BTreeMap::len).sum();
    if args.workflow.json {
        render::json(&json!({
            "lock": path, "plan": fresh.plan_digest(), "moved": moved, "results": tables,
        }));
        return Ok(End::Ok);
    }
    if !moved.is_empty() {
        render::out(&drift_table(&moved));
    }
    render::note(&match tables {
        0 => format!(
            "{} written, without results: run the workflow, then lock it again",
            path.display()
        ),
        _ => format!("{} written, with the digests of {tables} tables", path.display()),
    });
    Ok(End::Ok)
}

/// What `plan` rests on, with its results where the cache has all of them.
fn with_results(plan: &Plan, cache: &crate::cache::Cache) -> Lock {
    let mut lock = Lock::of(plan);
    let forecasts = schedule::forecast(plan, cache, schedule::Want::Tables);
    if forecasts.iter().any(|forecast| forecast.tables.is_none()) {
        return lock;
    }
    for (node, forecast) in plan.nodes.iter().zip(&forecasts) {
        let ports = node.component.descriptor().outputs.iter();
        for (port, table) in ports.zip(forecast.tables.iter().flatten()) {
            lock.add_result(&node.id, &port.name, table);
        }
    }
    lock
}

/// Shows what moved, to people or machines.
pub(super) fn tell_drift(what: &str, moved: &[Moved], as_json: bool) {
    if as_json {
        render::json(&json!({"outcome": "moved", "moved": moved}));
    } else {
        render::note(&format!("{what}: {} not as locked\n", moved.len()));
        render::note(&drift_table(moved));
    }
}

fn drift_table(moved: &[Moved]) -> String {
    let mut rows = vec![["", "locked", "now"].map(str::to_owned).to_vec()];
    rows.extend(moved.iter().map(|moved| {
        vec![
            moved.what.clone(),
            super::text::cut(&moved.locked, 60),
            super::text::cut(&moved.now, 60),
        ]
    }));
    super::text::grid(&rows, &[], 2)
}
