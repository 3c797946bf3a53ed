//! A disk that is full or broken costs what was being written, and nothing else.

use std::collections::BTreeSet;
use std::time::Instant;

use super::shim::{self, Deed, Fault};
use super::site::{PAIR, Running, Site, Sky};
use super::verdict::{Expected, judge};
use super::{none_of, side_by_side, tell};

/// Errors, and what the system calls them.
const ENOSPC: i32 = 28;
const EIO: i32 = 5;

fn text_of(errno: i32) -> &'static str {
    match errno {
        ENOSPC => "No space left on device",
        _ => "Input/output error",
    }
}

/// Hits one call after the other of a small run, in every way; then lets it finish.
#[test]
fn every_write_may_fail() {
    let Some(library) = shim::library() else { return };
    let sky = Sky::new(7, 2, 3).through(PAIR);
    let expected = Expected::of(&sky, &[]);
    let calls = {
        let site = Site::new();
        let none = Fault { deed: Deed::Kill, at: 0, ever: false };
        let mut command = site.command(&sky, "outputs", &["--jobs=1"]);
        shim::load(&library, &mut command, &site.state(), none);
        let ended = site.ended("outputs", Running::start(command));
        assert_eq!(judge(&ended, &expected, &BTreeSet::new(), &BTreeSet::new()), [""; 0]);
        shim::seen(&site.state()).calls
    };
    let mut faults = Vec::new();
    for at in 1..=calls {
        for errno in [ENOSPC, EIO] {
            for ever in [false, true] {
                faults.push(Fault { deed: Deed::Fail(errno), at, ever });
            }
        }
        faults.push(Fault { deed: Deed::Kill, at, ever: false });
        faults.push(Fault { deed: Deed::Short, at, ever: false });
    }
    let started = Instant::now();
    let found = side_by_side(&faults, |fault| {
        let site = Site::new();
        let (hit, found) = strike(&library, &site, &sky, &expected, *fault);
        found.into_iter().map(|text| format!("{fault:?}, {hit}: {text}")).collect()
    });
    let seconds = started.elapsed().as_secs_f64();
    tell(&format!("{} faults at {calls} calls that write, {seconds:.1} s", faults.len()));
    none_of("faults of the disk", &found);
}

/// Runs with `fault` and once more without: the call that was hit, and what was wrong.
fn strike(
    library: &std::path::Path,
    site: &Site,
    sky: &Sky,
    expected: &Expected,
    fault: Fault,
) -> (String, Vec<String>) {
    let mut command = site.command(sky, "outputs", &["--jobs=1"]);
    shim::load(library, &mut command, &site.state(), fault);
    let struck = site.ended("outputs", Running::start(command));
    let hit = shim::seen(&site.state()).hit;
    let mut found = Vec::new();
    if struck.stderr.contains("panicked") || struck.stdout.contains("panicked") {
        found.push(format!("it panicked: {}", struck.stderr));
    }
    let said = format!("{}{}", struck.stdout, struck.stderr);
    match (fault.deed, struck.code) {
        // Background work may make fewer calls than were counted.
        _ if hit.is_empty() => {
            found.extend(judge(&struck, expected, &BTreeSet::new(), &BTreeSet::new()));
        }
        (Deed::Kill, None) => {}
        (Deed::Short, Some(0)) => {}
        (Deed::Fail(_), Some(0)) if is_dispensable(&hit, fault.ever) => {
            found.extend(judge(&struck, expected, &BTreeSet::new(), &BTreeSet::new()));
        }
        (Deed::Fail(errno), Some(1)) => {
            let path = site.state().display().to_string();
            if !said.contains(text_of(errno)) || !said.contains(&path) {
                found.push(format!("it does not name the error and a path: {said}"));
            }
        }
        (_, code) => found.push(format!("it ended with {code:?}: {said}")),
    }
    let before = site.keys();
    let told = finished_units(&struck.stdout);
    if before.len() < told {
        found.push(format!("{told} units were told to be done, and {} are kept", before.len()));
    }
    let ended = site.run(sky, &[]);
    found.extend(judge(&ended, expected, &before, &BTreeSet::new()));
    found.extend(site.rot());
    (hit, found)
}

/// Whether a run can do without what this call was to write: folders that are there, the
/// index, what `bind` said, claims on units, and what fails once and is written again.
fn is_dispensable(hit: &str, ever: bool) -> bool {
    let below = ["/cache/index", "/cache/claims", "/cache/bindings", "/cache/tmp"];
    let is_folder = hit.starts_with("mkdir ");
    let is_again = hit.contains("/cache/leases") && !ever;
    is_folder || is_again || below.iter().any(|below| hit.contains(below))
}

/// How many units a run said were done.
fn finished_units(stdout: &str) -> usize {
    stdout.lines().filter(|line| line.contains("\"unit-finished\"")).count()
}
