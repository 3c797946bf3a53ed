//! What a run would do, without running anything.

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};

use super::unit::{self, Cut, Feed, Shape, Unit};
use crate::cache::Cache;
use crate::data::{Digest, Object, Table};
use crate::instance::Role;
use crate::plan::{Plan, PlanNode, PlanSource};

/// What would become of a node.
#[derive(Debug)]
pub struct Forecast {
    pub id: String,
    /// Empty where it cannot be known yet how its work is cut.
    pub units: Vec<UnitForecast>,
    /// The node upstream that has to run before this one's units are known.
    pub waits_for: Option<String>,
    /// The results, where all of them are there and they were asked for.
    pub tables: Option<Vec<Arc<Table>>>,
}

/// What would become of a unit.
#[derive(Debug)]
pub struct UnitForecast {
    pub name: String,
    /// None where its input is not known yet.
    pub key: Option<Digest>,
    pub fate: Fate,
}

/// Whether a unit would run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// An earlier result serves.
    Hit,
    /// It would run, and why; or the host would pass other columns on.
    Miss(String),
    /// It depends on a unit that would run: if that one gives what it gave before, this
    /// one's earlier result still serves.
    Waits,
}

/// What is asked of a forecast beside the fates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// Of each miss, why.
    Reasons,
    /// The results, as far as they are there.
    Tables,
}

/// The partitions of an output, as far as they are known; none where even their number is not.
type Given = Option<Vec<Option<Arc<Object>>>>;

/// What a run of `plan` would do; in the plan's order.
pub fn forecast(plan: &Plan, cache: &Cache, want: Want) -> Vec<Forecast> {
    let mut forecasts: Vec<Forecast> = Vec::with_capacity(plan.nodes.len());
    // By node and output.
    let mut given: Vec<Vec<Given>> = Vec::new();
    let mut is_complete: Vec<bool> = Vec::new();
    let last_readers = last_readers(plan);
    for (index, node) in plan.nodes.iter().enumerate() {
        let upstream = || {
            node.inputs.iter().filter_map(|input| match input.source {
                PlanSource::Node { node, output } => Some((node, output)),
                PlanSource::Files(_) => None,
            })
        };
        let unknown = upstream().find(|(node, output)| given[*node][*output].is_none());
        if let Some((upstream, _)) = unknown {
            let waits_for = Some(plan.nodes[upstream].id.clone());
            let (id, units) = (node.id.clone(), Vec::new());
            forecasts.push(Forecast { id, units, waits_for, tables: None });
            given.push(vec![None; node.outputs.len()]);
            is_complete.push(false);
            continue;
        }
        let shape = Arc::new(Shape::new(plan, node));
        let feed = |upstream: usize, output: usize| Feed {
            schema: schema_of(&plan.nodes[upstream], output),
            partitions: given[upstream][output].clone().unwrap_or_default(),
        };
        let (units, results) = match unit::cut(plan, node, &shape, feed) {
            Ok(cut) => look_up(cache, &shape, &cut, want),
            Err(message) => {
                let fate = Fate::Miss(message);
                (vec![UnitForecast { name: "its inputs".to_owned(), key: None, fate }], vec![None])
            }
        };
        let waits_for = units.iter().any(|unit| unit.fate == Fate::Waits).then(|| {
            let incomplete = upstream().find(|(node, _)| !is_complete[*node]);
            incomplete.map(|(upstream, _)| plan.nodes[upstream].id.clone()).unwrap_or_default()
        });
        let tables = (want == Want::Tables).then(|| tables_of(node, &results)).flatten();
        is_complete.push(results.iter().all(Option::is_some));
        given.push(outputs_of(node, results));
        // A survey's tables need not all be in memory.
        for (upstream, _) in upstream().filter(|(node, _)| last_readers[*node] == Some(index)) {
            given[upstream].clear();
        }
        forecasts.push(Forecast { id: node.id.clone(), units, waits_for, tables });
    }
    forecasts
}

/// For each node the last that reads from it.
fn last_readers(plan: &Plan) -> Vec<Option<usize>> {
    let mut last = vec![None; plan.nodes.len()];
    for (index, node) in plan.nodes.iter().enumerate() {
        for input in &node.inputs {
            if let PlanSource::Node { node, .. } = input.source {
                last[node] = Some(index);
            }
        }
    }
    last
}

fn schema_of(node: &PlanNode, output: usize) -> SchemaRef {
    Arc::new(Schema::new(node.outputs[output].fields.clone()))
}

/// What the cache has of a unit: by output, its partitions.
type Parts = Option<Vec<Vec<Arc<Object>>>>;

/// Looks a node's units up, on all cores: a survey has many.
fn look_up(
    cache: &Cache,
    shape: &Shape,
    cut: &Cut<'_>,
    want: Want,
) -> (Vec<UnitForecast>, Vec<Parts>) {
    let find = |index: usize| {
        let unit = cut.unit(index);
        let result = unit.as_ref().and_then(|unit| cache.has(&unit.key, &shape.schemas));
        let known = match (unit, &result) {
            (Some(unit), Some(_)) => Looked::Hit(unit.name, unit.key.key),
            (Some(unit), None) => Looked::Miss(Box::new(unit)),
            (None, _) => Looked::Waits(format!("unit {}", index + 1)),
        };
        (known, result)
    };
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let part = cut.len().div_ceil(cores).max(128);
    let looked: Vec<(Vec<Looked>, Vec<Parts>)> = std::thread::scope(|scope| {
        let range = |start: usize| start..(start + part).min(cut.len());
        let parts: Vec<_> = (0..cut.len())
            .step_by(part)
            .map(|start| scope.spawn(move || range(start).map(find).unzip()))
            .collect();
        parts.into_iter().map(|part| part.join().expect("a look-up does not panic")).collect()
    });
    let (looked, results): (Vec<_>, Vec<_>) = looked.into_iter().unzip();
    let looked: Vec<Looked> = looked.into_iter().flatten().collect();
    let missed = looked.iter().any(|unit| matches!(unit, Looked::Miss(_)));
    let reasons = want == Want::Reasons;
    let nearest = (reasons && missed).then(|| cache.nearest(&shape.head)).flatten();
    let forecast = |looked: Looked| match looked {
        Looked::Hit(name, key) => UnitForecast { name, key: Some(key), fate: Fate::Hit },
        Looked::Waits(name) => UnitForecast { name, key: None, fate: Fate::Waits },
        Looked::Miss(unit) => {
            let because = match reasons {
                true => cache.because(&unit.key, &shape.head, nearest.as_ref()).to_string(),
                false => String::new(),
            };
            let fate = Fate::Miss(because);
            UnitForecast { name: unit.name, key: Some(unit.key.key), fate }
        }
    };
    let forecasts = looked.into_iter().map(forecast).collect();
    (forecasts, results.into_iter().flatten().collect())
}

/// A unit after the cache was asked.
enum Looked {
    Hit(String, Digest),
    /// Whole, so that it can be explained.
    Miss(Box<Unit>),
    Waits(String),
}

/// The partitions of each output, as far as they are known.
fn outputs_of(node: &PlanNode, results: Vec<Parts>) -> Vec<Given> {
    let may_cut = matches!(node.component.descriptor().role, Role::Ingester | Role::Simulator);
    if may_cut && !results.iter().all(Option::is_some) {
        return vec![None; node.outputs.len()];
    }
    let mut outputs: Vec<Vec<Option<Arc<Object>>>> =
        node.outputs.iter().map(|_| Vec::with_capacity(results.len())).collect();
    for result in results {
        match result {
            Some(ports) => {
                for (output, partitions) in outputs.iter_mut().zip(ports) {
                    output.extend(partitions.into_iter().map(Some));
                }
            }
            // Any other plugin gives one partition in each run.
            None => outputs.iter_mut().for_each(|output| output.push(None)),
        }
    }
    outputs.into_iter().map(Some).collect()
}

fn tables_of(node: &PlanNode, results: &[Parts]) -> Option<Vec<Arc<Table>>> {
    let results: Vec<_> = results.iter().map(Option::as_ref).collect::<Option<_>>()?;
    let table = |output: usize| {
        let partitions = results.iter().flat_map(|ports| ports[output].iter().cloned());
        Arc::new(Table { schema: schema_of(node, output), partitions: partitions.collect() })
    };
    Some((0..node.outputs.len()).map(table).collect())
}
