//! The conformance kit: what a plugin must hold to, proved on nothing but its component.
//!
//! ```text
//! component + golden cases → Given (parameters, tables, files; else made up by `synth`)
//!    → run by `stand`, whole and in every other way → checks → Report
//! ```
//!
//! Everything goes the way it goes in a workflow: the same engine, border and limits. What is
//! random is drawn from fixed seeds, so two reports of one component are the same.
//!
//! It does not know workflows, projects or the cache, nor how a report looks.

mod case;
mod descriptor;
mod edges;
mod golden;
mod many;
mod odd;
mod params;
mod reads;
pub mod report;
mod roles;
mod same;
mod stand;
mod synth;
mod table;
mod verdict;
mod write;

pub use case::{Case, cases_in, read_case};
pub use report::{Check, Outcome, Promise, Report, Subject};
pub use write::{CaseInput, write_case};

use std::time::Duration;

use crate::data::StoreError;
use crate::instance::{Engine, InstanceError, Limits, Port, PortKind};
use reads::Reads;
use stand::{Given, Ran, Stand};

/// What keeps the kit itself from working.
#[derive(Debug, thiserror::Error)]
pub enum KitError {
    #[error("no folder for temporary files: {0}")]
    Folder(std::io::Error),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("case `{case}`: {why}")]
    Bless { case: String, why: String },
    #[error("cannot write a case: {0}")]
    Write(String),
    #[error("the component does not load: {0}")]
    Component(InstanceError),
}

/// How a component is looked at.
#[derive(Debug, Clone)]
pub struct Options {
    /// What the plugin should be called, if that is known.
    pub name: Option<String>,
    /// The most that one call may take.
    pub time: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { name: None, time: Duration::from_secs(60) }
    }
}

/// Looks at a component, with `cases` that it comes with.
///
/// # Errors
/// When there is no room to run it in; all else is in the report.
pub fn prove(
    engine: &Engine,
    bytes: &[u8],
    cases: &[Case],
    options: &Options,
) -> Result<Report, KitError> {
    let mut report = Report::default();
    // Loading asks the plugin what it is; asking again must give the same answer.
    let (component, again) = match (engine.load(bytes), engine.load(bytes)) {
        (Ok(component), Ok(again)) => (component, again),
        (Err(error), _) | (_, Err(error)) => {
            let promise = match &error {
                InstanceError::ForbiddenImport(_) => report::PURITY,
                _ => report::COMPONENT,
            };
            report.note(promise, Outcome::Broken(error.to_string()));
            return Ok(report);
        }
    };
    let descriptor = component.descriptor();
    report.plugin = Some(Subject {
        name: descriptor.name.clone(),
        version: descriptor.version.clone(),
        role: descriptor.role,
        component: component.digest,
    });
    report.note(report::COMPONENT, Outcome::Holds);
    // The engine loads no other.
    report.note(report::PURITY, Outcome::Holds);
    descriptor::check(&mut report, descriptor, again.descriptor(), options.name.as_deref());
    let limits = Limits { wall: options.time, ..Limits::default() };
    let stand = Stand::new(&component, limits)?;
    params::nonsense(&stand, &mut report);
    let good = find_inputs(&stand, cases, &mut report);
    look_closer(&stand, &good, &mut report);
    report.sort();
    Ok(report)
}

/// Writes what comes out of `cases` as what is expected of them; says what changed.
///
/// # Errors
/// When the component does not run on a case, or a file cannot be written.
pub fn bless(
    engine: &Engine,
    bytes: &[u8],
    cases: &[Case],
    options: &Options,
) -> Result<Vec<String>, KitError> {
    let component = engine.load(bytes).map_err(KitError::Component)?;
    let limits = Limits { wall: options.time, ..Limits::default() };
    let stand = Stand::new(&component, limits)?;
    let mut said = Vec::new();
    for case in cases {
        said.extend(golden::bless(&stand, case)?);
    }
    Ok(said)
}

/// Inputs on which the plugin runs: those of golden cases, or made up.
fn find_inputs(stand: &Stand<'_>, cases: &[Case], report: &mut Report) -> Vec<(Given, Ran)> {
    let mut good = Vec::new();
    for case in cases {
        let (came, outcome) = golden::check(stand, case);
        report.note_case(&case.name, outcome);
        match came {
            Ok(ran) => {
                report.inputs.push(format!("golden case `{}`", case.name));
                good.push(ran);
            }
            Err(Some(error)) => note_crash(report, &error),
            Err(None) => {}
        }
    }
    if cases.is_empty() {
        match synth::given(stand) {
            Ok(ran) => {
                let about = ran.0.in_words();
                report.inputs.push(format!("made up: {about}"));
                good.push(ran);
            }
            Err(error) => {
                note_crash(report, &error);
                note_no_input(stand, report, &error.to_string());
            }
        }
    } else if good.is_empty() {
        note_no_input(stand, report, "no golden case gives a result");
    }
    good
}

/// Whatever the input is, a plugin answers in words.
fn note_crash(report: &mut Report, error: &InstanceError) {
    match error {
        InstanceError::Guest(_) => {}
        InstanceError::Contract(_) => {
            report.note(report::OUTPUT, Outcome::Broken(error.to_string()));
        }
        _ => report.note(report::RUNS, Outcome::Broken(error.to_string())),
    }
}

/// What can be looked at only where the plugin was seen to run.
const LATER: [&str; 4] = ["tables", "same", "odd", "limits"];

fn note_no_input(stand: &Stand<'_>, report: &mut Report, why: &str) {
    let missing = format!("no input on which it runs was found ({why}); give it a golden case");
    let is_file = |port: &Port| port.kind == PortKind::Blob;
    let reads_files = stand.descriptor().inputs.iter().any(is_file);
    let later = report::ALL.iter().filter(|promise| match promise.group() {
        _ if **promise == report::FILES => reads_files,
        "odd" | "limits" => !reads_files,
        group => LATER.contains(&group),
    });
    let later: Vec<_> = later.copied().collect();
    report.skip(&later, &missing);
    report.skip(&[report::PARAM_TYPES, report::PARAM_MISSING, report::PARAM_COLUMNS], &missing);
}

fn look_closer(stand: &Stand<'_>, good: &[(Given, Ran)], report: &mut Report) {
    let mut reads = Reads::default();
    for (given, ran) in good {
        report.note(report::RUNS, Outcome::Holds);
        report.note(report::OUTPUT, Outcome::Holds);
        for (promise, outcome) in roles::check(stand.descriptor(), given, ran) {
            report.note(promise, outcome);
        }
        same::check(stand, given, ran, report);
        reads.look(stand, given, ran);
        edges::check(stand, given, ran, report);
    }
    let Some((given, ran)) = good.first() else { return };
    reads.note(report);
    params::check(stand, given, ran, report);
    many::check(stand, given, ran, report);
}
