//! When and where: nodes in parallel, partitions in parallel, finished work kept.
//!
//! [`execute`] walks a [`Plan`]. A node whose inputs are complete is cut into units (one
//! for each partition, file or piece) that run on a bounded pool of threads, each in a
//! fresh instance that streams from disk to disk: what is in memory grows with the number
//! of threads, not with the number of rows. Units that the cache knows are not run. A node
//! that fails takes its dependents with it and nothing else.
//!
//! Results do not depend on any of this: units are put together in their own order.

mod forecast;
mod produced;
mod unit;

pub use forecast::{Fate, Forecast, UnitForecast, Want, forecast};

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::cache::{Because, Cache};
use crate::data::Table;
use crate::instance::{InstanceError, LogLine, PortKind, Role, RunReport, Scope, Threads, Watch};
use crate::plan::{Plan, PlanNode, PlanSource};
use crate::provenance::{Served, UnitRecord, now};
use produced::{Makers, Produced};
use unit::{Done, Feed, Shape, Unit};

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
    /// As many as jobs.
    pub threads: Arc<Threads>,
}

/// How a node ended.
#[derive(Debug)]
pub struct NodeOutcome {
    pub id: String,
    pub state: NodeState,
    /// Its outputs, where it finished.
    pub tables: Vec<Arc<Table>>,
    pub units: usize,
    /// Units that were not run: an earlier result served.
    pub cached_units: usize,
    /// Of these, units whose passed columns the host put in anew.
    pub spliced_units: usize,
    /// Units that ran once more because a result of theirs was lost.
    pub repaired_units: usize,
    /// Why the first unit that ran was not served from the cache.
    pub because: Option<Because>,
    /// For each input, the columns that its units read.
    pub reads: Vec<Vec<String>>,
    /// What each unit did, in their order.
    pub records: Vec<UnitRecord>,
    /// Rows that it read, or wrote where it reads files.
    pub rows: u64,
    /// When its first unit began, and its last ended.
    pub span: Option<(String, String)>,
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
    shape: Arc<Shape>,
    /// Units that the cache was not yet asked for.
    unseen: VecDeque<Arc<Unit>>,
    /// Units to run.
    units: VecDeque<Arc<Unit>>,
    reports: Vec<Option<(RunReport, UnitRecord)>>,
    in_flight: usize,
    done: usize,
    because: Option<Because>,
    failed: Option<(String, InstanceError)>,
    watch: Arc<Watch>,
    /// When its first unit began.
    started: Option<(Instant, String)>,
}

/// How many units the cache is asked for in one go: a survey's are known in no time, and
/// handing each to a thread of its own would take longer.
const LOOKED_UP_AT_ONCE: usize = 128;

/// What a thread is handed.
enum Work {
    LookUp(Vec<Arc<Unit>>),
    Run(Arc<Unit>),
}

/// What came of it.
struct WorkEnd {
    node: usize,
    ends: Vec<(Arc<Unit>, Result<Done, InstanceError>)>,
    /// Units that are not in the cache.
    missed: Vec<Arc<Unit>>,
}

impl Running {
    fn next(&mut self) -> Option<Work> {
        if !self.unseen.is_empty() {
            let count = self.unseen.len().min(LOOKED_UP_AT_ONCE);
            return Some(Work::LookUp(self.unseen.drain(..count).collect()));
        }
        self.units.pop_front().map(Work::Run)
    }

    fn has_work(&self) -> bool {
        !self.unseen.is_empty() || !self.units.is_empty()
    }
}

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
    let mut tasks: JoinSet<WorkEnd> = JoinSet::new();
    let makers = Arc::new(Makers::default());
    loop {
        start_ready(plan, options, &mut outcomes, &mut running, interrupt, reporter);
        // Earlier nodes first: what is furthest upstream holds the most work back.
        for (index, node) in running.iter_mut().enumerate() {
            let Some(node) = node else { continue };
            while tasks.len() < options.jobs.max(1)
                && node.failed.is_none()
                && !interrupt.is_cancelled()
                && let Some(work) = node.next()
            {
                node.in_flight += 1;
                node.started.get_or_insert_with(|| (Instant::now(), now()));
                let (plan, cache) = (Arc::clone(plan), Arc::clone(cache));
                let (watch, options) = (Arc::clone(&node.watch), options.clone());
                let (makers, explain) = (Arc::clone(&makers), node.because.is_none());
                let own = options.threads.occupy();
                tasks.spawn_blocking(move || {
                    let _own = own;
                    let produced = Produced::new(&plan, &cache, &options, &watch, &makers);
                    let ends = match work {
                        Work::LookUp(units) => unit::look_up(units, &cache),
                        Work::Run(unit) => {
                            let node = &plan.nodes[index];
                            let result =
                                unit.run(node, &cache, &produced, &watch, &options, explain);
                            (vec![(unit, result)], Vec::new())
                        }
                    };
                    let (ends, missed) = ends;
                    for (unit, result) in &ends {
                        if let Ok(done) = result {
                            makers.note(index, unit, &done.report);
                        }
                    }
                    WorkEnd { node: index, ends, missed }
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
        let WorkEnd { node: index, ends, missed } = match joined {
            Ok(end) => end,
            // A unit catches what a guest does; a panic here is a fault of ours.
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        };
        let node = running[index].as_mut().expect("a unit belongs to a running node");
        node.in_flight -= 1;
        node.units.extend(missed);
        for (unit, result) in ends {
            match result {
                Ok(Done { report, served, because }) => {
                    node.because = node.because.take().or(because);
                    let record = unit_record(&plan.nodes[index], &unit, &report, served);
                    node.reports[unit.index] = Some((report, record));
                    node.done += 1;
                    let is_cached = served != Served::Run;
                    reporter.unit_finished(&plan.nodes[index].id, node.done, is_cached);
                }
                Err(error) => {
                    node.failed.get_or_insert((unit.name.clone(), error));
                }
            }
        }
        let over = !node.has_work() || node.failed.is_some() || interrupt.is_cancelled();
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
    let mut outcomes: Vec<_> = outcomes.into_iter().enumerate().map(never).collect();
    let produced = Produced::new(plan, cache, options, interrupt, &makers);
    for (index, outcome) in outcomes.iter_mut().enumerate() {
        // What will be written or shown must be whole.
        let error = wanted(plan, index, outcome)
            .find_map(|table| produced.ensure(table.partitions.iter()).err());
        if let Some(error) = error {
            outcome.state = NodeState::Failed { unit: "its results".to_owned(), error };
            outcome.tables.clear();
        }
    }
    for (index, outcome) in outcomes.iter_mut().enumerate() {
        outcome.repaired_units = makers.repaired(index);
    }
    outcomes
}

/// The tables of a node that are read once all have run.
fn wanted<'o>(
    plan: &Plan,
    node: usize,
    outcome: &'o NodeOutcome,
) -> impl Iterator<Item = &'o Arc<Table>> {
    let is_evaluator = plan.nodes[node].component.descriptor().role == Role::Evaluator;
    let is_written = move |output: usize| {
        plan.outputs.iter().any(|written| (written.node, written.output) == (node, output))
    };
    let tables = outcome.tables.iter().enumerate();
    tables
        .filter(move |(output, _)| is_written(*output) || (is_evaluator && *output == 0))
        .map(|(_, table)| table)
        .collect::<Vec<_>>()
        .into_iter()
}

fn unit_record(node: &PlanNode, unit: &Unit, report: &RunReport, served: Served) -> UnitRecord {
    let ports = node.component.descriptor().outputs.iter().zip(&report.outputs);
    let outputs = ports.map(|(port, partitions)| {
        (port.name.clone(), partitions.iter().map(|object| object.digest).collect())
    });
    UnitRecord {
        node: node.id.clone(),
        unit: unit.name.clone(),
        key: unit.key.key,
        served,
        seconds: report.wall.as_secs_f64(),
        peak_memory_bytes: report.peak_memory_bytes,
        outputs: outputs.collect(),
    }
}

/// Begins every node whose inputs are complete, and gives up those that never will be.
fn start_ready(
    plan: &Plan,
    options: &Options,
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
        let shape = Arc::new(Shape::new(plan, node));
        match unit::cut(plan, node, &shape, |node, output| Feed::from(&*table(node, output))) {
            Ok(cut) => {
                reporter.node_started(&node.id, cut.len());
                let units: VecDeque<_> = cut.units().flatten().map(Arc::new).collect();
                let reports = units.iter().map(|_| None).collect();
                let (unseen, units) = match options.recompute {
                    true => (VecDeque::new(), units),
                    false => (units, VecDeque::new()),
                };
                running[index] = Some(Running {
                    shape,
                    reports,
                    unseen,
                    units,
                    in_flight: 0,
                    done: 0,
                    because: None,
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
        spliced_units: 0,
        repaired_units: 0,
        because: None,
        reads: vec![Vec::new(); node.inputs.len()],
        records: Vec::new(),
        rows: 0,
        span: None,
        wall: Duration::ZERO,
        peak_memory_bytes: 0,
        log: Vec::new(),
    }
}

/// Puts a node's units together, in their order.
fn end(node: &PlanNode, running: Running) -> NodeOutcome {
    let units = running.reports.len();
    let complete = running.reports.iter().all(Option::is_some);
    let (reports, records): (Vec<RunReport>, Vec<UnitRecord>) =
        running.reports.into_iter().flatten().unzip();
    let state = match running.failed {
        Some((_, InstanceError::Interrupted)) => NodeState::Interrupted,
        Some((unit, error)) => NodeState::Failed { unit, error },
        None if complete => NodeState::Finished,
        None => NodeState::Interrupted,
    };
    let mut tables = Vec::new();
    if matches!(state, NodeState::Finished) {
        for (port, schema) in running.shape.schemas.iter().enumerate() {
            let partitions = reports.iter().flat_map(|report| report.outputs[port].iter().cloned());
            let partitions = partitions.collect();
            tables.push(Arc::new(Table { schema: Arc::clone(schema), partitions }));
        }
    }
    let read = |input: usize| {
        let names = reports.iter().filter_map(|report| report.reads.get(input)).flatten();
        let read: BTreeSet<&str> = names.map(String::as_str).collect();
        // In the order of the table.
        let columns = running.shape.head.inputs[input].columns.iter().map(|(name, _)| name);
        columns.filter(|name| read.contains(name.as_str())).cloned().collect()
    };
    let served = |wanted: Served| records.iter().filter(|record| record.served == wanted).count();
    NodeOutcome {
        id: node.id.clone(),
        state,
        tables,
        units,
        cached_units: served(Served::Cached) + served(Served::Spliced),
        spliced_units: served(Served::Spliced),
        repaired_units: 0,
        because: running.because,
        reads: (0..node.inputs.len()).map(read).collect(),
        rows: running.watch.rows(),
        wall: running.started.as_ref().map_or(Duration::ZERO, |(started, _)| started.elapsed()),
        span: running.started.map(|(_, started)| (started, now())),
        peak_memory_bytes: reports.iter().map(|report| report.peak_memory_bytes).max().unwrap_or(0),
        log: reports.into_iter().flat_map(|report| report.log).collect(),
        records,
    }
}

/// Whether a port is handed over partition by partition.
fn is_cut(node: &PlanNode, port: &str) -> bool {
    let descriptor = node.component.descriptor();
    descriptor.scope == Scope::Partition
        && descriptor.inputs.iter().any(|known| known.name == port && known.kind == PortKind::Table)
}
