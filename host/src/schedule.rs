//! When and where: nodes in parallel, partitions in parallel, finished work kept.
//!
//! [`execute`] walks a [`Plan`]. A node whose inputs are complete is cut into units (one
//! for each partition, file or piece) that run on a bounded pool of threads, each in a
//! fresh instance that streams from disk to disk: what is in memory grows with the number
//! of threads, not with the number of rows. Units that the cache knows are not run. A node
//! that fails takes its dependents with it and nothing else.
//!
//! Results do not depend on any of this: units are put together in their own order.

mod unit;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::datatypes::Schema;
use tokio::task::JoinSet;

use crate::cache::Cache;
use crate::data::Table;
use crate::instance::{InstanceError, LogLine, PortKind, RunReport, Scope, Watch};
use crate::plan::{Plan, PlanNode, PlanSource};
use unit::Unit;

/// How long an interrupt may go unseen while all units are busy.
const INTERRUPT_POLL: Duration = Duration::from_millis(50);

/// Watches a run go by.
pub trait Reporter: Send + Sync {
    /// A node begins, cut in so many units.
    fn node_started(&self, node: &str, units: usize);
    /// One of its units is done.
    fn unit_finished(&self, node: &str, done: usize, cached: bool);
    /// A node is done, in one way or another.
    fn node_ended(&self, outcome: &NodeOutcome);
}

/// How a run is done; nothing here changes its results.
#[derive(Clone)]
pub struct Options {
    /// Units that run at once.
    pub jobs: usize,
    /// Most rows of a batch that a guest is handed.
    pub batch_rows: usize,
    /// Runs everything, whatever the cache knows.
    pub recompute: bool,
}

/// How a node ended.
#[derive(Debug)]
pub struct NodeOutcome {
    pub id: String,
    pub state: NodeState,
    /// Its outputs, where it finished.
    pub tables: Vec<Arc<Table>>,
    pub units: usize,
    pub cached_units: usize,
    /// Rows that it read, or wrote where it reads files.
    pub rows: u64,
    pub wall: Duration,
    pub peak_memory_bytes: usize,
    /// In the order of its units.
    pub log: Vec<LogLine>,
}

/// The ways a node can end.
#[derive(Debug)]
pub enum NodeState {
    Finished,
    /// The unit that failed, and why.
    Failed {
        unit: String,
        error: InstanceError,
    },
    /// A node upstream failed.
    Skipped {
        because: String,
    },
    Interrupted,
}

/// A node at work.
struct Running {
    units: VecDeque<Unit>,
    reports: Vec<Option<RunReport>>,
    in_flight: usize,
    cached: usize,
    failed: Option<(String, InstanceError)>,
    watch: Arc<Watch>,
    /// When its first unit began.
    started: Option<Instant>,
}

/// Which unit of which node ended, its name, and what it gave; true if from the cache.
type UnitEnd = (usize, usize, String, Result<(RunReport, bool), InstanceError>);

/// Runs `plan`; the outcomes are in the plan's order.
pub async fn execute(
    plan: &Arc<Plan>,
    cache: &Arc<Cache>,
    options: &Options,
    interrupt: &Arc<Watch>,
    reporter: &Arc<dyn Reporter>,
) -> Vec<NodeOutcome> {
    let mut outcomes: Vec<Option<NodeOutcome>> = plan.nodes.iter().map(|_| None).collect();
    let mut running: Vec<Option<Running>> = plan.nodes.iter().map(|_| None).collect();
    let mut tasks: JoinSet<UnitEnd> = JoinSet::new();
    loop {
        start_ready(plan, &mut outcomes, &mut running, interrupt, reporter);
        // Earlier nodes first: what is furthest upstream holds the most work back.
        for (index, node) in running.iter_mut().enumerate() {
            let Some(node) = node else { continue };
            while tasks.len() < options.jobs.max(1)
                && node.failed.is_none()
                && !interrupt.is_cancelled()
                && let Some(unit) = node.units.pop_front()
            {
                node.in_flight += 1;
                node.started.get_or_insert_with(Instant::now);
                let (plan, cache) = (Arc::clone(plan), Arc::clone(cache));
                let (watch, options) = (Arc::clone(&node.watch), options.clone());
                tasks.spawn_blocking(move || {
                    let result = unit.run(&plan.nodes[index], &cache, watch, &options);
                    (index, unit.index, unit.name, result)
                });
            }
        }
        let joined = loop {
            match tokio::time::timeout(INTERRUPT_POLL, tasks.join_next()).await {
                Ok(joined) => break joined,
                // A unit that runs for minutes must not hold up Ctrl-C.
                Err(_) if interrupt.is_cancelled() => {
                    running.iter().flatten().for_each(|node| node.watch.cancel());
                }
                Err(_) => {}
            }
        };
        let Some(joined) = joined else { break };
        let (index, unit, name, result) = match joined {
            Ok(done) => done,
            // A unit catches what a guest does; a panic here is a fault of ours.
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        };
        let node = running[index].as_mut().expect("a unit belongs to a running node");
        node.in_flight -= 1;
        match result {
            Ok((report, cached)) => {
                node.reports[unit] = Some(report);
                node.cached += usize::from(cached);
                let done = node.reports.iter().flatten().count();
                reporter.unit_finished(&plan.nodes[index].id, done, cached);
            }
            Err(error) => {
                node.failed.get_or_insert((name, error));
            }
        }
        let over = node.units.is_empty() || node.failed.is_some() || interrupt.is_cancelled();
        if over && node.in_flight == 0 {
            let node = running[index].take().expect("it is running");
            let outcome = end(&plan.nodes[index], node);
            reporter.node_ended(&outcome);
            outcomes[index] = Some(outcome);
        }
        if interrupt.is_cancelled() {
            running.iter().flatten().for_each(|node| node.watch.cancel());
        }
    }
    let never = |(index, outcome): (usize, Option<NodeOutcome>)| {
        outcome.unwrap_or_else(|| ended_early(&plan.nodes[index], NodeState::Interrupted))
    };
    outcomes.into_iter().enumerate().map(never).collect()
}

/// Begins every node whose inputs are complete, and gives up those that never will be.
fn start_ready(
    plan: &Plan,
    outcomes: &mut [Option<NodeOutcome>],
    running: &mut [Option<Running>],
    interrupt: &Watch,
    reporter: &Arc<dyn Reporter>,
) {
    for (index, node) in plan.nodes.iter().enumerate() {
        if outcomes[index].is_some() || running[index].is_some() || interrupt.is_cancelled() {
            continue;
        }
        let upstream = || {
            node.inputs.iter().filter_map(|input| match input.source {
                PlanSource::Node { node, .. } => Some(node),
                PlanSource::Files(_) => None,
            })
        };
        let lost = upstream().find_map(|upstream| {
            let outcome = outcomes[upstream].as_ref()?;
            (!matches!(outcome.state, NodeState::Finished)).then(|| outcome.id.clone())
        });
        if let Some(because) = lost {
            let outcome = ended_early(node, NodeState::Skipped { because });
            reporter.node_ended(&outcome);
            outcomes[index] = Some(outcome);
            continue;
        }
        if upstream().any(|upstream| outcomes[upstream].is_none()) {
            continue;
        }
        let table = |node: usize, output: usize| -> Arc<Table> {
            let outcome = outcomes[node].as_ref().expect("it is complete");
            Arc::clone(&outcome.tables[output])
        };
        match unit::cut(plan, node, table) {
            Ok(units) => {
                reporter.node_started(&node.id, units.len());
                running[index] = Some(Running {
                    reports: units.iter().map(|_| None).collect(),
                    units: units.into(),
                    in_flight: 0,
                    cached: 0,
                    failed: None,
                    watch: Arc::default(),
                    started: None,
                });
            }
            Err(message) => {
                let error = InstanceError::Contract(message);
                let state = NodeState::Failed { unit: "its inputs".to_owned(), error };
                let outcome = ended_early(node, state);
                reporter.node_ended(&outcome);
                outcomes[index] = Some(outcome);
            }
        }
    }
}

fn ended_early(node: &PlanNode, state: NodeState) -> NodeOutcome {
    NodeOutcome {
        id: node.id.clone(),
        state,
        tables: Vec::new(),
        units: 0,
        cached_units: 0,
        rows: 0,
        wall: Duration::ZERO,
        peak_memory_bytes: 0,
        log: Vec::new(),
    }
}

/// Puts a node's units together, in their order.
fn end(node: &PlanNode, running: Running) -> NodeOutcome {
    let units = running.reports.len();
    let complete = running.reports.iter().all(Option::is_some);
    let reports: Vec<RunReport> = running.reports.into_iter().flatten().collect();
    let state = match running.failed {
        Some((_, InstanceError::Interrupted)) => NodeState::Interrupted,
        Some((unit, error)) => NodeState::Failed { unit, error },
        None if complete => NodeState::Finished,
        None => NodeState::Interrupted,
    };
    let mut tables = Vec::new();
    if matches!(state, NodeState::Finished) {
        for (port, schema) in node.outputs.iter().enumerate() {
            let partitions = reports.iter().flat_map(|report| report.outputs[port].iter().cloned());
            tables.push(Arc::new(Table {
                schema: Arc::new(Schema::new(schema.fields.clone())),
                partitions: partitions.collect(),
            }));
        }
    }
    NodeOutcome {
        id: node.id.clone(),
        state,
        tables,
        units,
        cached_units: running.cached,
        rows: running.watch.rows(),
        wall: running.started.map_or(Duration::ZERO, |started| started.elapsed()),
        peak_memory_bytes: reports.iter().map(|report| report.peak_memory_bytes).max().unwrap_or(0),
        log: reports.into_iter().flat_map(|report| report.log).collect(),
    }
}

/// Whether a port is handed over partition by partition.
fn is_cut(node: &PlanNode, port: &str) -> bool {
    let descriptor = node.component.descriptor();
    descriptor.scope == Scope::Partition
        && descriptor.inputs.iter().any(|known| known.name == port && known.kind == PortKind::Table)
}
