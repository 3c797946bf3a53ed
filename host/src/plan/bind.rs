//! Asking a plugin what it makes of its inputs.

use std::ops::Range;
use std::sync::Arc;

use super::{Plan, PlanNode, PlanSource, Setup, params};
use crate::cache::{BindInput, BindKey, CONTRACT, KEY_VERSION};
use crate::data::schema_digest;
use crate::fault::{Fault, closest, suggestion};
use crate::instance::{Binding, BoundInput, ColumnError, GuestError, InstanceError};
use crate::workflow::Node;

/// Types the outputs of `planned`, which is complete but for what `bind` says.
pub(super) fn bind(
    plan: &Plan,
    node: &Node,
    planned: &mut PlanNode,
    setup: &Setup<'_, '_>,
) -> Result<(), Vec<Fault>> {
    // An ingester binds each of its files; they must agree.
    let files = planned.inputs.iter().find_map(|input| match input.source {
        PlanSource::Files(index) => Some(&plan.inputs[index].1),
        PlanSource::Node { .. } => None,
    });
    let count = files.map_or(1, Vec::len);
    let mut first: Option<Binding> = None;
    for file in 0..count {
        let (inputs, keys) = inputs_of(plan, planned, file);
        let binding = ask(planned, &inputs, keys, setup).map_err(|error| {
            let at = files.map(|files| files[file].name());
            vec![fault_of(plan, node, planned, &inputs, at.as_deref(), error)]
        })?;
        planned.pieces.push(binding.pieces);
        match &first {
            Some(first) if first.outputs != binding.outputs => {
                let names = files.map(|files| (files[0].name(), files[file].name()));
                let (one, other) = names.unwrap_or_default();
                let message = format!("`{one}` and `{other}` have different columns or types");
                let span = node.plugin.span.clone();
                let fault = Fault::new(&plan.workflow.source, "plan::inputs_differ", span, message);
                return Err(vec![fault.help("state the types of all columns in `with`")]);
            }
            Some(_) => {}
            None => first = Some(binding),
        }
    }
    let binding = first.expect("bound at least once");
    (planned.outputs, planned.reads) = (binding.outputs, binding.reads);
    Ok(())
}

fn ask(
    planned: &PlanNode,
    inputs: &[(String, BoundInput)],
    keys: Vec<BindInput>,
    setup: &Setup<'_, '_>,
) -> Result<Binding, InstanceError> {
    let component = &planned.component;
    let key = BindKey {
        key_version: KEY_VERSION,
        contract: CONTRACT,
        component: component.digest,
        params: &planned.params,
        inputs: keys,
    };
    let key = key.key();
    if let Some(binding) = setup.cache.get_binding(key) {
        return Ok(binding);
    }
    let params = planned.params.to_string();
    let binding = component.bind(&params, inputs, planned.limits, Arc::clone(&setup.watch))?;
    // The workflow is none the worse for it.
    if let Err(error) = setup.cache.put_binding(key, &binding) {
        setup.cache.notice(format!("what a plugin said of its columns is not kept: {error}"));
    }
    Ok(binding)
}

fn inputs_of(
    plan: &Plan,
    planned: &PlanNode,
    file: usize,
) -> (Vec<(String, BoundInput)>, Vec<BindInput>) {
    let mut inputs = Vec::with_capacity(planned.inputs.len());
    let mut keys = Vec::with_capacity(planned.inputs.len());
    for input in &planned.inputs {
        let port = input.port.clone();
        match input.source {
            PlanSource::Files(index) => {
                let file = Arc::clone(&plan.inputs[index].1[file]);
                keys.push(BindInput::File {
                    port: port.clone(),
                    name: file.name(),
                    digest: file.digest,
                });
                inputs.push((port, BoundInput::Blob(file)));
            }
            PlanSource::Node { node, output } => {
                let fields = &plan.nodes[node].outputs[output].fields;
                keys.push(BindInput::Schema { port: port.clone(), digest: schema_digest(fields) });
                inputs.push((port, BoundInput::Table(fields.clone())));
            }
        }
    }
    (inputs, keys)
}

/// A node, planned before this one, that has a column of this name.
fn has_it<'p>(plan: &'p Plan, column: &str) -> Option<&'p str> {
    let has = |node: &&PlanNode| {
        let mut fields = node.outputs.iter().flat_map(|output| &output.fields);
        fields.any(|field| field.name() == column)
    };
    plan.nodes.iter().find(has).map(|node| node.id.as_str())
}

/// What `bind` did not like, marked in the workflow.
fn fault_of(
    plan: &Plan,
    node: &Node,
    planned: &PlanNode,
    inputs: &[(String, BoundInput)],
    file: Option<&str>,
    error: InstanceError,
) -> Fault {
    let source = &plan.workflow.source;
    let name = &planned.component.descriptor().name;
    let id = &node.id.value;
    // The parameter that named a column; else the edge that brought the table; else the node.
    let place = |column: &str, param: Option<&str>, port: &str| -> Range<usize> {
        if let Some(param) = param.and_then(|param| node.with.get(param)) {
            return param.mention(column);
        }
        let edge = node.edges.iter().find(|edge| match &edge.port {
            Some(named) => named.value == port,
            None => planned.inputs.first().is_some_and(|first| first.port == port),
        });
        edge.map_or(&node.plugin.span, |edge| &edge.from.span).clone()
    };
    let upstream = |port: &str| {
        let input = planned.inputs.iter().find(|input| input.port == port)?;
        match input.source {
            PlanSource::Node { node, .. } => Some(plan.nodes[node].id.as_str()),
            PlanSource::Files(_) => None,
        }
    };
    let whose = |error: &ColumnError| match upstream(&error.input) {
        Some(node) => format!("`{node}`"),
        None => format!("input `{}`", error.input),
    };
    let columns = |port: &str| {
        let table = inputs.iter().find(|(name, _)| name == port);
        match table {
            Some((_, BoundInput::Table(fields))) => {
                fields.iter().map(|field| field.name().clone()).collect()
            }
            _ => Vec::new(),
        }
    };
    match error {
        InstanceError::Guest(GuestError::Param { param, message }) => {
            let span = node.with.get(&param).map_or(&node.plugin.span, |param| &param.value.span);
            let message = match param.as_str() {
                "" => format!("parameters of `{name}`: {message}"),
                param => format!("parameter `{param}` of `{name}`: {message}"),
            };
            let mut fault = Fault::new(source, "plan::param_value", span.clone(), message);
            fault.help = params::about(planned.component.descriptor(), &param);
            fault
        }
        InstanceError::Guest(GuestError::MissingColumn(error)) => {
            let span = place(&error.column, error.param.as_deref(), &error.input);
            let known: Vec<String> = columns(&error.input);
            let help = match has_it(plan, &error.column) {
                // Near names are slips; a name from another table is a wrong edge.
                Some(other)
                    if closest(&error.column, known.iter().map(String::as_str)).is_none() =>
                {
                    format!("`{other}` has it: connect `{id}` to that, or to what comes after it")
                }
                _ => suggestion(&error.column, known.iter().map(String::as_str)),
            };
            let whose = whose(&error);
            let message =
                format!("node `{id}` reads column `{}`, which {whose} does not have", error.column);
            Fault::new(source, "plan::missing_column", span, message).help(help)
        }
        InstanceError::Guest(GuestError::WrongType(error)) => {
            let span = place(&error.column, error.param.as_deref(), &error.input);
            let whose = whose(&error);
            let ColumnError { column, expected, found, .. } = error;
            let found = match found.as_str() {
                "Utf8" | "LargeUtf8" | "Utf8View" => "text",
                "Boolean" => "true or false",
                other => other,
            };
            let message =
                format!("column `{column}` of {whose} is {found}; `{name}` needs {expected}");
            Fault::new(source, "plan::wrong_type", span, message)
                .help("name another column; if its file means something else, state its type where it is read")
        }
        InstanceError::Guest(GuestError::WrongUnit(error)) => {
            let span = place(&error.column, error.param.as_deref(), &error.input);
            let whose = whose(&error);
            let ColumnError { column, expected, found, .. } = error;
            let message =
                format!("column `{column}` of {whose} is in {found}; `{name}` needs {expected}");
            Fault::new(source, "plan::wrong_unit", span, message)
                .help("convert it upstream, or correct the unit that the ingester gives it")
        }
        other => {
            let file = file.map(|file| format!(", file `{file}`")).unwrap_or_default();
            let message = format!("node `{id}` ({name}{file}): {other}");
            let span = node.from.as_ref().map_or(&node.plugin.span, |from| &from.span);
            Fault::new(source, "plan::bind", span.clone(), message)
                .help(format!("`skyloom plugin info {}` lists its parameters", node.plugin.value))
        }
    }
}
