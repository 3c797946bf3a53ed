//! `skyloom plugin test`: the conformance kit, golden cases, then the package's own tests.

mod capture;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::super::runs::StateArgs;
use super::super::text;
use super::super::{End, render};
use super::Shelf;
use crate::kit::{self, Case, Check, Outcome, Report};
use crate::registry::{self, PluginSource};
use crate::run::RunError;

#[derive(Debug, Args)]
pub(super) struct TestArgs {
    /// A plugin of the project, the folder of a package, or a component.
    #[arg(value_name = "PLUGIN")]
    plugin: String,
    /// The folder of its golden cases [default: `tests` of its package].
    #[arg(long, value_name = "DIR")]
    cases: Option<PathBuf>,
    /// Write what comes out of the golden cases as what is expected of them.
    #[arg(long, conflicts_with = "strict")]
    bless: bool,
    /// Count what could not be looked at, or is in doubt, as broken.
    #[arg(long)]
    strict: bool,
    /// First make a golden case of a sample of what a node of this plugin was given in a run.
    #[arg(long, num_args = 2, value_names = ["RUN", "NODE"])]
    from_run: Option<Vec<String>>,
    /// How many rows such a sample has.
    #[arg(long, value_name = "N", default_value_t = 20, requires = "from_run")]
    rows: usize,
    /// The most seconds that one call of the plugin may take.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    time: u64,
    #[command(flatten)]
    pub(super) state: StateArgs,
}

pub(super) fn test(args: &TestArgs) -> Result<End, RunError> {
    let shelf = Shelf::here()?;
    let source = shelf.find(&args.plugin)?;
    shelf.build(std::slice::from_ref(&source))?;
    let path = shelf.component_path(&source)?;
    let bytes = shelf.registry().vet(&path)?;
    let folder = cases_folder(args, &source);
    let options = kit::Options {
        name: expected_name(&shelf, &args.plugin, &source),
        time: Duration::from_secs(args.time),
    };
    let mut said = Vec::new();
    if let Some(wanted) = &args.from_run {
        let folder = folder.as_deref().ok_or_else(|| {
            RunError::Usage("`--from-run` needs a folder for the case: `--cases DIR`".to_owned())
        })?;
        let component = shelf.open(&source)?.component;
        let case = capture::capture(args, component.descriptor(), &wanted[0], &wanted[1], folder)?;
        let case = kit::read_case(&case).map_err(RunError::Faults)?;
        said.extend(kit::bless(&shelf.engine, &bytes, &[case], &options)?);
    }
    let mut cases = cases_of(folder.as_deref())?;
    if args.bless {
        let changed = kit::bless(&shelf.engine, &bytes, &cases, &options)?;
        if changed.is_empty() {
            said.push("all golden cases come out as written; nothing was changed".to_owned());
        }
        said.extend(changed);
        cases = cases_of(folder.as_deref())?;
    }
    said.iter().for_each(|line| render::note(&text::plain(line)));
    let mut report = kit::prove(&shelf.engine, &bytes, &cases, &options)?;
    if !args.state.json {
        print(&report);
    }
    if let PluginSource::Folder(folder) = &source {
        let check = own_tests(&shelf, folder)?;
        if !args.state.json {
            render::out(&format!("own tests\n{}", line(&check)));
        }
        report.checks.push(check);
    }
    let holds = report.holds(args.strict);
    if args.state.json {
        let mut value = json!(report);
        value["holds"] = json!(holds);
        render::json(&value);
    } else {
        render::out(&summary(&report, args.strict));
    }
    Ok(if holds { End::Ok } else { End::CheckFailed })
}

/// Where golden cases lie: where it is said, or in the package's tests.
fn cases_folder(args: &TestArgs, source: &PluginSource) -> Option<PathBuf> {
    match (&args.cases, source) {
        (Some(folder), _) => Some(folder.clone()),
        (None, PluginSource::Folder(folder)) => Some(folder.join("tests")),
        (None, PluginSource::File(_)) => None,
    }
}

fn cases_of(folder: Option<&Path>) -> Result<Vec<Case>, RunError> {
    folder.map_or(Ok(Vec::new()), |folder| kit::cases_in(folder).map_err(RunError::Faults))
}

/// The name that the plugin must bear: what it was found by.
fn expected_name(shelf: &Shelf, reference: &str, source: &PluginSource) -> Option<String> {
    match source {
        PluginSource::File(_) if reference.contains('/') || reference.ends_with(".wasm") => None,
        PluginSource::File(_) => Some(reference.split('@').next().unwrap_or(reference).to_owned()),
        // A component has its package's name.
        PluginSource::Folder(_) => {
            let path = shelf.component_path(source).ok()?;
            Some(path.file_stem()?.to_string_lossy().into_owned())
        }
    }
}

/// Runs the package's own tests; their words go to standard error.
fn own_tests(shelf: &Shelf, folder: &Path) -> Result<Check, RunError> {
    let outcome = match registry::own_tests(&shelf.project_of(folder), folder)? {
        registry::OwnTests::Passed => Outcome::Holds,
        registry::OwnTests::Failed => Outcome::Broken("the words above say why".to_owned()),
        registry::OwnTests::Missing(why) => Outcome::Skipped(why),
    };
    Ok(Check { promise: kit::report::OWN_TESTS, case: None, outcome })
}

fn print(report: &Report) {
    for (group, checks) in report.groups() {
        render::out(title(group));
        let mut told: Option<&Outcome> = None;
        for check in checks {
            // One reason for many is told once.
            let again =
                matches!(check.outcome, Outcome::Skipped(_)) && told == Some(&check.outcome);
            render::out(&if again {
                format!("  – {}", check.promise.words)
            } else {
                line(check)
            });
            told = Some(&check.outcome);
        }
    }
    for inputs in &report.inputs {
        render::out(&format!("tried with {}", text::plain(inputs)));
    }
}

fn title(group: &str) -> &'static str {
    match group {
        "description" => "description",
        "parameters" => "parameters",
        "tables" => "tables",
        "role" => "promises of its role",
        "same" => "the same result, however it is run",
        "odd" => "odd input: a result or an error with words, never a trap",
        "limits" => "limits",
        _ => "golden cases",
    }
}

fn line(check: &Check) -> String {
    let promise = match &check.case {
        Some(case) => format!("{} `{case}`", check.promise.words),
        None => check.promise.words.to_owned(),
    };
    match &check.outcome {
        Outcome::Holds => format!("  ✓ {promise}"),
        Outcome::Broken(why) => format!("  ✗ {promise}: {}", text::plain(why)),
        Outcome::Doubtful(why) => format!("  ! {promise}: {}", text::plain(why)),
        Outcome::Skipped(why) => format!("  – {promise}: {}", text::plain(why)),
    }
}

fn summary(report: &Report, strict: bool) -> String {
    let count =
        |is: fn(&Outcome) -> bool| report.checks.iter().filter(|check| is(&check.outcome)).count();
    let held = count(|outcome| matches!(outcome, Outcome::Holds));
    let broken = count(|outcome| matches!(outcome, Outcome::Broken(_)));
    let doubtful = count(|outcome| matches!(outcome, Outcome::Doubtful(_)));
    let skipped = count(|outcome| matches!(outcome, Outcome::Skipped(_)));
    let verdict = if report.holds(strict) { "it conforms" } else { "it does not conform" };
    format!(
        "{verdict}: {held} promises hold, {broken} broken, {doubtful} in doubt, {skipped} not looked at"
    )
}
