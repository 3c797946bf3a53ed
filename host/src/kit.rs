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

pub use case::{Case, cases_in, read_case};
pub use report::{Check, Outcome, Promise, Report, Subject};

use std::time::Duration;

use crate::data::StoreError;
use crate::instance::{Engine, InstanceError, Limits};
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
        let (ran, outcome) = golden::check(stand, case);
        report.note_case(&case.name, outcome);
        if let Some(ran) = ran {
            report.inputs.push(format!("golden case `{}`", case.name));
            good.push(ran);
        }
    }
    if cases.is_empty() {
        match synth::given(stand) {
            Ok(ran) => {
                let about = ran.0.in_words();
                report.inputs.push(format!("made up: {about}"));
                good.push(ran);
            }
            Err(why) => note_no_input(report, &why),
        }
    } else if good.is_empty() {
        note_no_input(report, "no golden case gives a result");
    }
    good
}

/// Where the plugin was never seen to run.
fn note_no_input(report: &mut Report, why: &str) {
    let missing = format!("no input on which it runs was found ({why}); give it a golden case");
    let seen = [report::COMPONENT, report::PURITY];
    let later = report::ALL.iter().filter(|promise| {
        !seen.contains(promise)
            && !["description", "golden", "package"].contains(&promise.group())
            && ![report::SCHEMA, report::NONSENSE].contains(promise)
            && promise.group() != "role"
    });
    let later: Vec<_> = later.copied().collect();
    report.skip(&later, &missing);
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
