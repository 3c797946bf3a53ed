//! What a run would do, without running anything.

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};

use super::unit::{self, Feed, Shape};
use crate::cache::Cache;
use crate::data::{Digest, Object, Table};
use crate::instance::{Role, RunReport};
use crate::plan::{Plan, PlanNode, PlanSource};

/// What would become of a node.
#[derive(Debug)]
pub struct Forecast {
    pub id: String,
    /// Empty where it cannot be known yet how its work is cut.
    pub units: Vec<UnitForecast>,
    /// The node upstream that has to run before this one's units are known.
    pub waits_for: Option<String>,
    /// The results, where all of them are there.
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

/// What a run of `plan` would do; in the plan's order. With `reasons`, says of each miss why.
pub fn forecast(plan: &Plan, cache: &Cache, reasons: bool) -> Vec<Forecast> {
    let mut forecasts: Vec<Forecast> = Vec::with_capacity(plan.nodes.len());
    // By node and output.
    let mut given: Vec<Vec<Given>> = Vec::new();
    for node in &plan.nodes {
        let unknown = node.inputs.iter().find_map(|input| match input.source {
            PlanSource::Node { node, output } if given[node][output].is_none() => Some(node),
            _ => None,
        });
        if let Some(upstream) = unknown {
            let waits_for = Some(plan.nodes[upstream].id.clone());
            let (id, units) = (node.id.clone(), Vec::new());
            forecasts.push(Forecast { id, units, waits_for, tables: None });
            given.push(vec![None; node.outputs.len()]);
            continue;
        }
        let shape = Arc::new(Shape::new(plan, node));
        let feed = |upstream: usize, output: usize| Feed {
            schema: schema_of(&plan.nodes[upstream], output),
            partitions: given[upstream][output].clone().unwrap_or_default(),
        };
        let (units, reports) = match unit::cut(plan, node, &shape, feed) {
            Ok(units) => look_up(cache, &shape, units, reasons),
            Err(message) => {
                let fate = Fate::Miss(message);
                (vec![UnitForecast { name: "its inputs".to_owned(), key: None, fate }], vec![None])
            }
        };
        given.push(outputs_of(node, &reports));
        let tables = tables_of(node, &reports);
        let waits_for = units.iter().any(|unit| unit.fate == Fate::Waits).then(|| {
            let upstream = node.inputs.iter().find_map(|input| match input.source {
                PlanSource::Node { node, .. } if forecasts[node].tables.is_none() => Some(node),
                _ => None,
            });
            upstream.map(|upstream| plan.nodes[upstream].id.clone()).unwrap_or_default()
        });
        forecasts.push(Forecast { id: node.id.clone(), units, waits_for, tables });
    }
    forecasts
}

/// The partitions of a table, as far as they are known; none if even their number is not.
type Given = Option<Vec<Option<Arc<Object>>>>;

fn schema_of(node: &PlanNode, output: usize) -> SchemaRef {
    Arc::new(Schema::new(node.outputs[output].fields.clone()))
}

/// Looks units up, on all cores: a survey has many.
fn look_up(
    cache: &Cache,
    shape: &Shape,
    units: Vec<Option<unit::Unit>>,
    reasons: bool,
) -> (Vec<UnitForecast>, Vec<Option<RunReport>>) {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let part = units.len().div_ceil(cores).max(256);
    let find = |unit: &Option<unit::Unit>| {
        unit.as_ref().and_then(|unit| cache.has(&unit.key, &shape.schemas))
    };
    let reports: Vec<Option<RunReport>> = std::thread::scope(|scope| {
        let parts: Vec<_> = units
            .chunks(part)
            .map(|units| scope.spawn(move || units.iter().map(find).collect::<Vec<_>>()))
            .collect();
        parts.into_iter().flat_map(|part| part.join().expect("a look-up does not panic")).collect()
    });
    let missed =
        units.iter().zip(&reports).any(|(unit, report)| unit.is_some() && report.is_none());
    let nearest = (reasons && missed).then(|| cache.nearest(&shape.head)).flatten();
    let forecast = |(index, (unit, report)): (usize, (&Option<unit::Unit>, &Option<RunReport>))| {
        let Some(unit) = unit else {
            let name = format!("unit {}", index + 1);
            return UnitForecast { name, key: None, fate: Fate::Waits };
        };
        let fate = match report {
            Some(_) => Fate::Hit,
            None if !reasons => Fate::Miss(String::new()),
            None => {
                let because = cache.because(&unit.key, &shape.head, nearest.as_ref());
                Fate::Miss(because.to_string())
            }
        };
        UnitForecast { name: unit.name.clone(), key: Some(unit.key.key), fate }
    };
    let forecasts = units.iter().zip(&reports).enumerate().map(forecast).collect();
    (forecasts, reports)
}

/// The partitions of each output, as far as they are known.
fn outputs_of(node: &PlanNode, reports: &[Option<RunReport>]) -> Vec<Given> {
    let may_cut = matches!(node.component.descriptor().role, Role::Ingester | Role::Simulator);
    let complete = reports.iter().all(Option::is_some);
    let partitions = |output: usize| {
        if may_cut && !complete {
            return None;
        }
        // Any other plugin gives one partition in each run.
        let of_report = |report: &Option<RunReport>| match report {
            Some(report) => report.outputs[output].iter().cloned().map(Some).collect(),
            None => vec![None],
        };
        Some(reports.iter().flat_map(of_report).collect())
    };
    (0..node.outputs.len()).map(partitions).collect()
}

fn tables_of(node: &PlanNode, reports: &[Option<RunReport>]) -> Option<Vec<Arc<Table>>> {
    let reports: Vec<&RunReport> = reports.iter().map(Option::as_ref).collect::<Option<_>>()?;
    let table = |output: usize| {
        let partitions = reports.iter().flat_map(|report| report.outputs[output].iter().cloned());
        Arc::new(Table { schema: schema_of(node, output), partitions: partitions.collect() })
    };
    Some((0..node.outputs.len()).map(table).collect())
}
