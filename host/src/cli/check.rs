//! `skyloom check`: mistakes, without running anything.

use std::sync::Arc;

use clap::Args;
use serde_json::json;

use super::{End, WorkflowArgs, render};
use crate::instance::Watch;
use crate::run::{self, Place, RunError};

#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    #[command(flatten)]
    pub(super) workflow: WorkflowArgs,
}

pub(super) fn check(args: &CheckArgs, watch: &Arc<Watch>) -> Result<End, RunError> {
    let request = args.workflow.request();
    let place = Place::of(&request.workflow, request.state_dir.as_deref());
    let (engine, cache) = (run::engine()?, place.cache()?);
    let plan = run::make_plan(&request, &place, &engine, &cache, watch)?;
    for output in &plan.outputs {
        crate::output::check(
            &plan.nodes[output.node].outputs[output.output].fields,
            output.format,
        )?;
    }
    if args.workflow.json {
        render::json(&json!({"outcome": "ok", "nodes": plan.nodes.len()}));
    } else {
        let nodes = plan.nodes.len();
        render::note(&format!("{}: no mistakes in {nodes} nodes", request.workflow.display()));
    }
    Ok(End::Ok)
}
