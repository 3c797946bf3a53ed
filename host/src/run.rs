//! The spine: one call per arrow.
//!
//! ```text
//! workflow.yaml ─ parse → Workflow ─ resolve → Plan ─ execute → NodeOutcome
//!    → write → outputs + RunRecord
//! ```

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use indexmap::IndexMap;
use serde_json::json;

use crate::bundle::BundleError;
use crate::cache::{self, Cache};
use crate::data::compare::CompareError;
use crate::data::{Digest, StoreError, Table, field_ucd, field_unit};
use crate::fault::{Fault, Source};
use crate::instance::{Engine, InstanceError, Role, TableSchema, Watch};
use crate::kit::KitError;
use crate::lock::{Lock, LockError};
use crate::output::{self, Ledger, OutputError};
use crate::plan::{self, Plan, PlanNode, PlanSource, Setup, source_name};
use crate::provenance::{
    Agent, Audit, ColumnRecord, InputRecord, NodeRecord, Outcome, OutputRecord, RecordError,
    RunOptions, RunRecord, Runs, TableRecord, metrics_of, now,
};
use crate::registry::{Project, Registry, RegistryError};
use crate::schedule::{self, NodeOutcome, NodeState, Options, Reporter};
use crate::trust::{Trust, TrustError};
use crate::workflow::{self, Overrides};

/// What went wrong around a run; what goes wrong in a node is in its record.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error("{} {}", .0.len(), if .0.len() == 1 { "mistake" } else { "mistakes" })]
    Faults(Vec<Fault>),
    #[error("cannot read {}: {source}", path.display())]
    Workflow { path: PathBuf, source: std::io::Error },
    #[error(transparent)]
    Output(#[from] OutputError),
    #[error(transparent)]
    Record(#[from] RecordError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Lock(#[from] LockError),
    #[error(transparent)]
    Bundle(#[from] BundleError),
    #[error(transparent)]
    Compare(#[from] CompareError),
    #[error("{}", with_remedy(.0))]
    Registry(#[from] RegistryError),
    #[error(transparent)]
    Kit(#[from] KitError),
    #[error("{0}; {remedy}", remedy = .0.remedy())]
    Trust(#[from] TrustError),
    #[error("the WebAssembly engine does not start: {0}")]
    Engine(#[from] InstanceError),
    #[error("{0}")]
    Usage(String),
}

fn with_remedy(error: &RegistryError) -> String {
    match error.remedy() {
        Some(remedy) => format!("{error}: {remedy}"),
        None => error.to_string(),
    }
}

/// What the command line says about one workflow.
#[derive(Debug, Clone)]
pub struct Request {
    pub workflow: PathBuf,
    pub inputs: Vec<(String, PathBuf)>,
    pub params: Vec<(String, String)>,
    /// Where outputs go; `results/NAME` of the current folder when not said.
    pub output_dir: Option<PathBuf>,
    /// Replaces files that no run wrote.
    pub overwrite: bool,
    /// Where cache and records are kept; `.skyloom` of the project when not said.
    pub state_dir: Option<PathBuf>,
    /// Components that stand for plugins' names, as a bundle's do.
    pub plugins: Vec<(String, PathBuf)>,
    /// What pulled plugins are to be; the highest versions that will do where there is none.
    pub locked: Option<Lock>,
}

/// Where things are for one workflow.
pub struct Place {
    /// The workflow's folder.
    pub folder: PathBuf,
    pub project: Project,
    /// Cache, runs and ledger.
    pub state: PathBuf,
    /// The folder whose `trust.yaml` says which plugins may run.
    pub trust: PathBuf,
}

impl Place {
    /// The place of the workflow at `path`.
    pub fn of(path: &Path, state: Option<&Path>) -> Self {
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
            _ => PathBuf::from("."),
        };
        let project = Project::around(&folder);
        let state = state.map_or_else(|| project.root.join(".skyloom"), Path::to_owned);
        let trust = project.root.clone();
        Self { folder, project, state, trust }
    }

    /// The cache of this place.
    ///
    /// # Errors
    /// When its folders cannot be made.
    pub fn cache(&self) -> Result<Arc<Cache>, StoreError> {
        Ok(Arc::new(Cache::open(&self.state.join("cache"))?))
    }
}

/// The engine, with compiled code kept where this user keeps caches.
///
/// # Errors
/// When the machine cannot run it.
pub fn engine() -> Result<Engine, InstanceError> {
    Engine::new(&compiled_folder())
}

/// Where compiled code is kept.
pub fn compiled_folder() -> PathBuf {
    let cache =
        std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = cache.or_else(|| std::env::home_dir().map(|home| home.join(".cache")));
    cache.unwrap_or_else(std::env::temp_dir).join("skyloom/compiled")
}

/// Parses and plans.
///
/// # Errors
/// The workflow's mistakes, or what keeps them from being looked for.
pub fn make_plan(
    request: &Request,
    place: &Place,
    engine: &Engine,
    cache: &Cache,
    watch: &Arc<Watch>,
) -> Result<Plan, RunError> {
    let path = &request.workflow;
    let bytes =
        std::fs::read(path).map_err(|source| RunError::Workflow { path: path.clone(), source })?;
    let source = source_of(path, &bytes).map_err(|fault| RunError::Faults(vec![fault]))?;
    let overrides = Overrides { params: request.params.clone() };
    let workflow = workflow::parse(&source, &overrides).map_err(RunError::Faults)?;
    let trust = Trust::read(&place.trust).map_err(RunError::Faults)?;
    let mut registry = Registry::new(engine, place.project.clone(), trust);
    registry.pin(request.plugins.iter().cloned());
    registry.lock(request.locked.iter().flat_map(|lock| lock.pins(&workflow)));
    let mut setup = Setup {
        registry: &mut registry,
        cache,
        folder: &place.folder,
        inputs: &request.inputs,
        watch: Arc::clone(watch),
    };
    plan::resolve(workflow, &mut setup).map_err(RunError::Faults)
}

fn source_of(path: &Path, bytes: &[u8]) -> Result<Source, Fault> {
    let text = String::from_utf8_lossy(bytes);
    let source = Source { name: path.display().to_string().into(), text: (&*text).into() };
    match std::str::from_utf8(bytes) {
        Ok(_) => Ok(source),
        Err(error) => {
            // What comes before is the same in both.
            let at = error.valid_up_to();
            let span = at..at + char::REPLACEMENT_CHARACTER.len_utf8();
            let fault = Fault::new(&source, "workflow::encoding", span, "this is not UTF-8");
            Err(fault.help("save the file as UTF-8"))
        }
    }
}

/// Runs a plan, writes its outputs, keeps its record.
///
/// # Errors
/// When outputs may not be written, before anything runs; or when the record cannot be.
pub async fn run_plan(
    plan: Plan,
    request: &Request,
    place: &Place,
    cache: &Arc<Cache>,
    options: &Options,
    interrupt: &Arc<Watch>,
    reporter: &Arc<dyn Reporter>,
) -> Result<RunRecord, RunError> {
    let started = Instant::now();
    let started_at = now();
    let plan = Arc::new(plan);
    let folder = request
        .output_dir
        .clone()
        .unwrap_or_else(|| Path::new("results").join(&plan.workflow.name.value));
    let ledger = Ledger::at(&place.state.join("outputs.json"));
    for output in &plan.outputs {
        output::check(&plan.nodes[output.node].outputs[output.output].fields, output.format)?;
        if !request.overwrite {
            ledger.check(&folder.join(&output.path))?;
        }
    }
    let runs = Runs::below(&place.state);
    let run = runs.begin(&file_name(&plan.workflow.name.value))?;
    let audit = Audit::below(&place.state);
    let lock = Lock::of(&plan);
    let began = json!({
        "run": run, "workflow": plan.workflow.name.value, "plan": lock.plan_digest(),
    });
    audit.note("run-began", began)?;
    cache.lease()?;
    let outcomes = schedule::execute(&plan, cache, options, interrupt, reporter).await;

    let mut outputs = IndexMap::new();
    for output in &plan.outputs {
        if let Some(table) = outcomes[output.node].tables.get(output.output) {
            let path = folder.join(&output.path);
            let written = output::write(table, &path, output.format, &ledger)?;
            let source = PlanSource::Node { node: output.node, output: output.output };
            let from = source_name(&plan, &source);
            outputs.insert(output.name.clone(), OutputRecord { from, file: written });
        }
    }
    let mut metrics = IndexMap::new();
    for (node, outcome) in plan.nodes.iter().zip(&outcomes) {
        if node.component.descriptor().role == Role::Evaluator
            && let Some(table) = outcome.tables.first()
            && let Some(scores) = metrics_of(table)?
        {
            metrics.insert(node.id.clone(), scores);
        }
    }
    let all = |state: fn(&NodeState) -> bool| outcomes.iter().any(|outcome| state(&outcome.state));
    let outcome = match () {
        () if interrupt.is_cancelled() => Outcome::Interrupted,
        () if all(|state| !matches!(state, NodeState::Finished)) => Outcome::Failed,
        () => Outcome::Ok,
    };
    let record = RunRecord {
        run,
        workflow: plan.workflow.name.value.clone(),
        workflow_file: request.workflow.display().to_string(),
        workflow_digest: Digest::of(plan.workflow.source.text.as_bytes()),
        plan: lock.plan_digest(),
        agent: Agent::of_process(),
        skyloom: env!("CARGO_PKG_VERSION").to_owned(),
        engine: Engine::version().to_owned(),
        contract: cache::CONTRACT.to_owned(),
        machine: format!("{} {}", std::env::consts::ARCH, std::env::consts::OS),
        started: started_at,
        ended: now(),
        wall_seconds: started.elapsed().as_secs_f64(),
        peak_rss_bytes: peak_rss_bytes(),
        outcome,
        options: RunOptions {
            jobs: options.jobs,
            batch_rows: options.batch_rows,
            recompute: options.recompute,
        },
        params: plan.workflow.params.clone(),
        inputs: plan
            .inputs
            .iter()
            .map(|(name, files)| (name.clone(), input_records(files)))
            .collect(),
        nodes: plan
            .nodes
            .iter()
            .zip(&outcomes)
            .map(|(node, outcome)| (node.id.clone(), node_record(&plan, node, outcome)))
            .collect(),
        outputs,
        metrics,
        warnings: cache.notices(),
    };
    let units = outcomes.iter().flat_map(|outcome| &outcome.records);
    runs.write(&record, units, &plan.workflow.source.text, |digest| {
        let ended = json!({"run": record.run, "outcome": record.outcome, "record": digest});
        audit.note("run-ended", ended)
    })?;
    Ok(record)
}

/// A workflow's name as part of a file's.
fn file_name(name: &str) -> String {
    name.chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' })
        .take(64)
        .collect()
}

fn input_records(files: &[Arc<crate::data::BlobFile>]) -> Vec<InputRecord> {
    let record = |file: &Arc<crate::data::BlobFile>| InputRecord {
        path: file.path.clone(),
        bytes: file.size,
        digest: file.digest,
    };
    files.iter().map(record).collect()
}

fn node_record(plan: &Plan, node: &PlanNode, outcome: &NodeOutcome) -> NodeRecord {
    let descriptor = node.component.descriptor();
    let (state, error) = match &outcome.state {
        NodeState::Finished => ("finished", None),
        NodeState::Failed { unit, error } => ("failed", Some(format!("{unit}: {error}"))),
        NodeState::Skipped { because } => {
            ("skipped", Some(format!("node `{because}` gave nothing")))
        }
        NodeState::Interrupted => ("interrupted", None),
    };
    let ports = descriptor.outputs.iter().zip(&node.outputs).zip(&outcome.tables);
    let tables = ports.map(|((port, schema), table)| {
        (port.name.clone(), table_record(plan, node, schema, table))
    });
    let reads = node.inputs.iter().zip(&outcome.reads);
    NodeRecord {
        plugin: descriptor.name.clone(),
        version: descriptor.version.clone(),
        description: descriptor.description.clone(),
        role: descriptor.role,
        citations: descriptor.citations.clone(),
        component: node.component.digest,
        params: node.params.clone(),
        inputs: node
            .inputs
            .iter()
            .map(|input| (input.port.clone(), source_name(plan, &input.source)))
            .collect(),
        reads: reads.map(|(input, read)| (input.port.clone(), read.clone())).collect(),
        outputs: tables.collect(),
        state: state.to_owned(),
        error,
        units: outcome.units,
        cached_units: outcome.cached_units,
        spliced_units: outcome.spliced_units,
        repaired_units: outcome.repaired_units,
        because: outcome.because.as_ref().map(ToString::to_string),
        rows: outcome.rows,
        started: outcome.span.as_ref().map(|(started, _)| started.clone()),
        ended: outcome.span.as_ref().map(|(_, ended)| ended.clone()),
        wall_seconds: outcome.wall.as_secs_f64(),
        peak_memory_bytes: outcome.peak_memory_bytes,
        log: outcome.log.clone(),
    }
}

fn table_record(plan: &Plan, node: &PlanNode, schema: &TableSchema, table: &Table) -> TableRecord {
    let fields = schema.fields.iter().enumerate().zip(table.column_digests());
    let columns = fields.map(|((index, field), digest)| {
        let passed = schema.passed.iter().find(|passed| passed.field == index);
        let passed = passed.map(|passed| {
            let port = &node.inputs[passed.input].port;
            format!("{port}.{}", plan.column(node, passed.input, passed.column).name())
        });
        let column = ColumnRecord {
            digest,
            data_type: field.data_type().to_string(),
            unit: field_unit(field).map(str::to_owned),
            ucd: field_ucd(field).map(str::to_owned),
            passed,
        };
        (field.name().clone(), column)
    });
    TableRecord {
        rows: table.rows(),
        digest: table.digest(),
        partitions: table.partitions.iter().map(|object| object.digest).collect(),
        columns: columns.collect(),
    }
}

/// The most memory this process has held so far; 0 where the system does not say.
pub fn peak_rss_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}
