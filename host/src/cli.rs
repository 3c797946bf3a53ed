//! The command line: one file for each verb. Errors become text here and nowhere else.
//!
//! Results go to standard output, all else to standard error. Exit codes: 0 ok, 1 a node
//! failed, 2 the workflow or command is wrong, 3 something is not as it was locked or
//! recorded, 4 a check does not hold, 70 a fault of Skyloom itself, 130 interrupted.

mod render;
mod text;
mod check;
mod run;
mod plan;
mod lock;
mod replay;
mod publish;
mod graph;
mod schema;
mod data;
mod runs;
mod diff;
mod lineage;
mod cache;
mod plugin;
mod doctor;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Parser, Subcommand};

use crate::instance::Watch;
use crate::run::{Request, RunError};

/// Classify astronomical sources with workflows of sandboxed plugins.
#[derive(Debug, Parser)]
#[command(name = "skyloom", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Run a workflow.
    Run(run::RunArgs),
    /// Find mistakes in a workflow without running it.
    Check(check::CheckArgs),
    /// Show what would run, and what flows along every edge.
    Plan(plan::PlanArgs),
    /// Pin what a workflow's results rest on, in a file beside it.
    Lock(lock::LockArgs),
    /// Run what was locked or published again, from nothing, and compare.
    Replay(replay::ReplayArgs),
    /// Put a locked workflow and all it needs into one file.
    Publish(publish::PublishArgs),
    /// Draw a workflow.
    Graph(graph::GraphArgs),
    /// Look into the tables that a run's nodes gave.
    Data(data::DataArgs),
    /// Look at earlier runs.
    Runs(runs::RunsArgs),
    /// Show how two runs differ: keys, columns, classes and scores.
    Diff(diff::DiffArgs),
    /// Show which columns a column comes from.
    Lineage(lineage::LineageArgs),
    /// Look after the cache.
    Cache(cache::CacheArgs),
    /// Make, build, test and look at plugins.
    Plugin(plugin::PluginArgs),
    /// Print the JSON Schema of workflow files, for editors.
    Schema(schema::SchemaArgs),
    /// Find out what this machine lacks.
    Doctor(doctor::DoctorArgs),
}

/// Which workflow, and what to fill in.
#[derive(Debug, Clone, Args)]
struct WorkflowArgs {
    /// The workflow file.
    workflow: PathBuf,
    /// A file, or glob in quotes, for an input of the workflow.
    #[arg(long = "input", value_name = "NAME=PATH", value_parser = pair)]
    inputs: Vec<(String, String)>,
    /// A value for a parameter of the workflow.
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = pair)]
    params: Vec<(String, String)>,
    /// Where cache and run records are kept [default: .skyloom in the project's folder].
    #[arg(long, value_name = "DIR", env = "SKYLOOM_STATE_DIR")]
    state_dir: Option<PathBuf>,
    /// Print results as JSON.
    #[arg(long)]
    json: bool,
}

impl WorkflowArgs {
    fn request(&self) -> Request {
        let inputs = self.inputs.iter().map(|(name, path)| (name.clone(), PathBuf::from(path)));
        Request {
            workflow: self.workflow.clone(),
            inputs: inputs.collect(),
            params: self.params.clone(),
            output_dir: None,
            overwrite: false,
            state_dir: self.state_dir.clone(),
            plugins: Vec::new(),
            locked: None,
        }
    }
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) => Ok((name.to_owned(), value.to_owned())),
        None => Err("write NAME=VALUE".to_owned()),
    }
}

/// What a verb ends with.
enum End {
    Ok,
    NodeFailed,
    /// Something that is needed is not there.
    Lacking,
    /// Something is not as it was locked or recorded.
    Moved,
    /// A check of a plugin, the cache or the audit log does not hold.
    CheckFailed,
    Interrupted,
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let watch = interrupt_watch();
    let (json, end) = match &cli.verb {
        Verb::Run(args) => (args.workflow.json, run::run(args, &watch)),
        Verb::Check(args) => (args.workflow.json, check::check(args, &watch)),
        Verb::Plan(args) => (args.workflow.json, plan::plan(args, &watch)),
        Verb::Lock(args) => (args.workflow.json, lock::lock(args, &watch)),
        Verb::Replay(args) => (args.json, replay::replay(args, &watch)),
        Verb::Publish(args) => (args.workflow.json, publish::publish(args, &watch)),
        Verb::Diff(args) => (args.state.json, diff::diff(args)),
        Verb::Lineage(args) => (args.state.json, lineage::lineage(args)),
        Verb::Cache(args) => (args.json(), cache::cache(args)),
        Verb::Graph(args) => (args.workflow.json, graph::graph(args, &watch)),
        Verb::Data(args) => (args.json(), data::data(args)),
        Verb::Runs(args) => (args.json(), runs::runs(args)),
        Verb::Plugin(args) => (args.json(), plugin::plugin(args)),
        Verb::Schema(args) => (false, schema::schema(args)),
        Verb::Doctor(args) => (args.json, doctor::doctor(args)),
    };
    match end {
        Ok(End::Ok) => ExitCode::SUCCESS,
        Ok(End::NodeFailed) => ExitCode::from(1),
        Ok(End::Lacking) => ExitCode::from(2),
        Ok(End::Moved) => ExitCode::from(3),
        Ok(End::CheckFailed) => ExitCode::from(4),
        Ok(End::Interrupted) => ExitCode::from(130),
        Err(_) if watch.is_cancelled() => ExitCode::from(130),
        Err(error) => {
            render::error(&error, json);
            ExitCode::from(code_of(&error))
        }
    }
}

fn code_of(error: &RunError) -> u8 {
    match error {
        RunError::Engine(_) => 70,
        RunError::Store(_) | RunError::Record(crate::provenance::RecordError::Io { .. }) => 1,
        RunError::Output(crate::output::OutputError::Io { .. }) => 1,
        RunError::Lock(crate::lock::LockError::Io { .. }) => 1,
        _ => 2,
    }
}

/// A watch that the first Ctrl-C cancels; the second ends the process at once.
fn interrupt_watch() -> Arc<Watch> {
    let watch = Arc::new(Watch::default());
    let seen = Arc::clone(&watch);
    let handled = ctrlc::set_handler(move || {
        if seen.is_cancelled() {
            std::process::exit(130);
        }
        render::note("stopping; finished work is kept. Press Ctrl-C again to stop at once.");
        seen.cancel();
    });
    // Without a handler, Ctrl-C ends the process as usual.
    drop(handled);
    watch
}
