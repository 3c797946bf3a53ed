//! From [`Workflow`] to [`Plan`].

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::datatypes::Fields;
use indexmap::IndexMap;

use super::edges::{self, Wiring};
use super::{Plan, PlanNode, PlanOutput, PlanSource, bind, guard, params};
use crate::cache::Cache;
use crate::data::BlobFile;
use crate::fault::{Fault, suggestion};
use crate::instance::{Component, Limits, Watch};
use crate::registry::{Registry, RegistryError};
use crate::workflow::{Format, Input, Node, Resources, Workflow};

/// What a plan is made with.
pub struct Setup<'a, 'e> {
    pub registry: &'a mut Registry<'e>,
    pub cache: &'a Cache,
    /// The folder that paths in the workflow are relative to.
    pub folder: &'a Path,
    /// Paths that the command line gives to inputs, relative to the current folder.
    pub inputs: &'a [(String, PathBuf)],
    pub watch: Arc<Watch>,
}

/// Makes a plan.
///
/// # Errors
/// Every mistake that could be found, each with its place.
pub fn resolve(workflow: Workflow, setup: &mut Setup<'_, '_>) -> Result<Plan, Vec<Fault>> {
    let mut faults = Vec::new();
    let components = load(&workflow, setup, &mut faults);
    let inputs = open_inputs(&workflow, setup, &mut faults);
    if !faults.is_empty() {
        return Err(faults);
    }
    let by_node = components.iter().map(|(id, found)| (id.clone(), Arc::clone(&found.component)));
    let (wirings, outputs) = edges::connect(&workflow, &by_node.collect())?;
    let order = edges::order(&workflow, &wirings)?;
    let mut plan = Plan { nodes: Vec::new(), outputs: Vec::new(), inputs, workflow };
    let mut position = vec![usize::MAX; order.len()];
    for index in order {
        let (id, node) = plan.workflow.nodes.get_index(index).expect("an index of the nodes");
        let wiring = &wirings[index];
        // A node downstream of a mistake would only repeat it.
        let upstream_failed = wiring.nodes().any(|node| position[node] == usize::MAX);
        let Found { component, origin, signature } = components[id].clone();
        let completed = params::complete(&plan.workflow.source, node, component.descriptor());
        let completed = match completed {
            Ok(completed) if !upstream_failed => completed,
            Ok(_) => continue,
            Err(mut found) => {
                faults.append(&mut found);
                continue;
            }
        };
        let limits = limits_of(&node.resources);
        let mut planned = PlanNode {
            id: id.clone(),
            params: completed,
            inputs: wiring.planned(&position),
            component,
            origin,
            signature,
            outputs: Vec::new(),
            reads: Vec::new(),
            pieces: Vec::new(),
            limits,
        };
        let bound = bind::bind(&plan, node, &mut planned, setup)
            .and_then(|()| guard::check(&plan, node, &planned));
        match bound {
            Ok(()) => {
                position[index] = plan.nodes.len();
                plan.nodes.push(planned);
            }
            Err(mut found) => faults.append(&mut found),
        }
    }
    for (name, output) in &outputs {
        let node = plan.nodes.get(position[output.node]);
        faults.extend(node.and_then(|node| {
            format_fault(&plan.workflow, name, &node.outputs[output.output].fields)
        }));
    }
    if !faults.is_empty() {
        faults.sort_by_key(|fault| fault.span.start);
        return Err(faults);
    }
    for (name, output) in outputs {
        let written = &plan.workflow.outputs[&name];
        let (path, format) = (written.path.value.clone(), written.format);
        let node = position[output.node];
        plan.outputs.push(PlanOutput { name, node, output: output.output, path, format });
    }
    Ok(plan)
}

/// Lists do not fit into the cells of CSV.
fn format_fault(workflow: &Workflow, name: &str, fields: &Fields) -> Option<Fault> {
    let output = &workflow.outputs[name];
    let nested = fields.iter().find(|field| field.data_type().is_nested())?;
    (output.format == Format::Csv).then(|| {
        let message = format!(
            "output `{name}` is CSV, but column `{}` of node `{}` holds lists",
            nested.name(),
            output.from.node
        );
        let span = output.path.span.clone();
        let fault = Fault::new(&workflow.source, "plan::output_format", span, message);
        fault.help("end the path in .parquet or .arrow")
    })
}

/// A node's plugin.
#[derive(Clone)]
struct Found {
    component: Arc<Component>,
    origin: Option<String>,
    signature: Option<String>,
}

/// Finds, builds and loads the plugin of every node.
fn load(
    workflow: &Workflow,
    setup: &mut Setup<'_, '_>,
    faults: &mut Vec<Fault>,
) -> IndexMap<String, Found> {
    let mut found = Vec::new();
    for node in workflow.nodes.values() {
        match setup.registry.find(&node.plugin, setup.folder) {
            Ok(source) => found.push((node, source)),
            Err(error) => faults.push(plugin_fault(workflow, node, &error)),
        }
    }
    let mut components = IndexMap::new();
    if !faults.is_empty() {
        return components;
    }
    let sources: Vec<_> = found.iter().map(|(_, source)| source.clone()).collect();
    if let Err(error) = setup.registry.build(&sources)
        && let Some((node, _)) = found.first()
    {
        faults.push(plugin_fault(workflow, node, &error));
        return components;
    }
    for (node, source) in found {
        match setup.registry.load(&node.plugin, &source) {
            Ok(component) => {
                let origin = setup.registry.origin(&source).map(|origin| origin.pinned());
                let signature = setup.registry.signature(&source);
                let found = Found { component, origin, signature };
                components.insert(node.id.value.clone(), found);
            }
            Err(error) => faults.push(plugin_fault(workflow, node, &error)),
        }
    }
    components
}

fn plugin_fault(workflow: &Workflow, node: &Node, error: &RegistryError) -> Fault {
    let name = node.plugin.split('@').next().unwrap_or_default();
    let (code, help) = match error {
        RegistryError::Unknown { name, known } => {
            ("plan::unknown_plugin", Some(suggestion(name, known.iter().map(String::as_str))))
        }
        RegistryError::Version { .. } => {
            ("plan::plugin_version", Some(format!("write `{name}@1`, `{name}@1.2` or `{name}@1.2.3`")))
        }
        RegistryError::OtherVersion { found, .. } => (
            "plan::plugin_version",
            Some(format!("write `{name}@{found}`, or put the version asked for into plugins/")),
        ),
        RegistryError::Build(_) => ("plan::plugin_build", None),
        RegistryError::NoTool { .. } => ("plan::plugin_tool", None),
        RegistryError::Io { .. } | RegistryError::Load { .. } => (
            "plan::plugin",
            Some("a plugin is the name of a folder in plugins/, or the path of a component, relative to the workflow file".to_owned()),
        ),
        RegistryError::Trust { source, .. } => ("plan::plugin_trust", Some(source.remedy())),
        RegistryError::NotPulled { .. }
        | RegistryError::NotPulledVersion { .. }
        | RegistryError::NotPulledPin { .. }
        | RegistryError::Ambiguous { .. } => ("plan::plugin_pulled", error.remedy()),
        _ => ("plan::plugin", error.remedy()),
    };
    let message = match error {
        RegistryError::Trust { name, source } => format!("{name} is not trusted: {source}"),
        error => error.to_string(),
    };
    let mut fault = Fault::new(&workflow.source, code, node.plugin.span.clone(), message);
    fault.help = help;
    fault
}

fn limits_of(resources: &Resources) -> Limits {
    let mut limits = Limits::default();
    if let Some(bytes) = resources.memory_bytes {
        limits.memory_bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
    }
    if let Some(seconds) = resources.time_seconds {
        limits.wall = std::time::Duration::from_secs(seconds);
    }
    if let Some(bytes) = resources.output_bytes {
        limits.output_bytes = bytes;
    }
    limits
}

/// Opens and hashes the files of every input.
fn open_inputs(
    workflow: &Workflow,
    setup: &Setup<'_, '_>,
    faults: &mut Vec<Fault>,
) -> Vec<(String, Vec<Arc<BlobFile>>)> {
    for (name, _) in setup.inputs {
        if !workflow.inputs.contains_key(name) {
            let message = format!("`--input {name}=…`: the workflow has no input `{name}`");
            let help = suggestion(name, workflow.inputs.keys().map(String::as_str));
            faults.push(Fault::of_command("plan::unknown_input", message).help(help));
        }
    }
    let mut inputs = Vec::new();
    for (name, input) in &workflow.inputs {
        let given = setup.inputs.iter().rfind(|(given, _)| given == name);
        let pattern = match (given, &input.path) {
            (Some((_, path)), _) => path.clone(),
            (None, Some(path)) => setup.folder.join(&path.value),
            (None, None) => {
                let message = format!("input `{name}` has no path");
                faults.push(
                    Fault::new(
                        &workflow.source,
                        "plan::missing_input",
                        input.id.span.clone(),
                        message,
                    )
                    .help(format!("give it one with `--input {name}=PATH`")),
                );
                continue;
            }
        };
        match open_files(&pattern) {
            Ok(files) => inputs.push((name.clone(), files)),
            Err(message) if given.is_some() => {
                let message = format!("`--input {name}={}`: {message}", pattern.display());
                faults.push(
                    Fault::of_command("plan::input_file", message)
                        .help("paths on the command line are relative to the current folder"),
                );
            }
            Err(message) => faults.push(input_fault(workflow, input, &message)),
        }
    }
    inputs
}

fn input_fault(workflow: &Workflow, input: &Input, message: &str) -> Fault {
    let span = input.path.as_ref().map_or(&input.id.span, |path| &path.span).clone();
    let message = format!("input `{}`: {message}", input.id.value);
    Fault::new(&workflow.source, "plan::input_file", span, message).help(format!(
        "paths are relative to the workflow file; `--input {}=PATH` names another",
        input.id.value
    ))
}

/// The files of a path or glob, in the order of their names.
fn open_files(pattern: &Path) -> Result<Vec<Arc<BlobFile>>, String> {
    let text = pattern.to_str().ok_or("its path is not UTF-8")?;
    let paths = if pattern.exists() || !text.contains(['*', '?', '[']) {
        vec![pattern.to_owned()]
    } else {
        let found = glob::glob(text).map_err(|error| error.to_string())?;
        let mut paths: Vec<_> =
            found.filter_map(Result::ok).filter(|path| path.is_file()).collect();
        paths.sort();
        paths
    };
    if paths.is_empty() {
        return Err(format!("no file matches {}", pattern.display()));
    }
    let open = |path: PathBuf| {
        let file = BlobFile::open(&path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => format!("there is no file {}", path.display()),
            _ => format!("{}: {error}", path.display()),
        });
        file.map(Arc::new)
    };
    paths.into_iter().map(open).collect()
}

impl Wiring {
    /// The nodes, by their place in the workflow, that feed this one.
    fn nodes(&self) -> impl Iterator<Item = usize> + '_ {
        self.inputs.iter().filter_map(|input| match input.source {
            PlanSource::Node { node, .. } => Some(node),
            PlanSource::Files(_) => None,
        })
    }

    /// The inputs, with nodes by their place in the plan.
    fn planned(&self, position: &[usize]) -> Vec<super::PlanInput> {
        let mut inputs = self.inputs.clone();
        for input in &mut inputs {
            if let PlanSource::Node { node, .. } = &mut input.source {
                *node = position[*node];
            }
        }
        inputs
    }
}
