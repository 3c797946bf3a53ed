//! `skyloom schema`: what may stand in a workflow file, for editors.

use clap::Args;

use super::plugin::Shelf;
use super::{End, render};
use crate::run::RunError;
use crate::workflow::json_schema;

#[derive(Debug, Args)]
pub(super) struct SchemaArgs {
    /// Only the parameters of this plugin: a name, or a component's path.
    #[arg(long, value_name = "NAME")]
    plugin: Option<String>,
}

pub(super) fn schema(args: &SchemaArgs) -> Result<End, RunError> {
    let mut shelf = Shelf::here()?;
    let schema = match &args.plugin {
        Some(name) => shelf.load(name)?.component.descriptor().params.clone(),
        None => {
            let plugins = shelf.load_all()?;
            json_schema(plugins.iter().map(|plugin| plugin.component.descriptor().as_ref()))
        }
    };
    render::out(&format!("{schema:#}"));
    Ok(End::Ok)
}
