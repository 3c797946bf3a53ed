//! Many processes on one cache: each unit is run once, all give the same, and who only looks
//! need not wait.

use std::collections::BTreeMap;

use super::none_of;
use super::site::{Running, Site, Sky};
use super::verdict::{Expected, judge};

#[test]
fn eight_runs_share_one_run_of_each_unit() {
    let sky = Sky::new(3, 20, 2);
    let expected = Expected::of(&sky, &[]);
    let site = Site::new();
    let folders: Vec<String> = (0..8).map(|number| format!("outputs-{number}")).collect();
    let running: Vec<Running> =
        folders.iter().map(|folder| Running::start(site.command(&sky, folder, &[]))).collect();
    let mut ran = BTreeMap::<String, usize>::new();
    let mut faults = Vec::new();
    for (folder, running) in folders.iter().zip(running) {
        let ended = site.ended(folder, running);
        faults.extend(judge(&ended, &expected, &expected.keys, &expected.keys));
        for (key, _) in ended.units.iter().filter(|(_, served)| served == "run") {
            *ran.entry(key.clone()).or_default() += 1;
        }
    }
    faults.extend(site.rot());
    none_of("eight runs at once", &faults);
    assert_eq!(ran.len(), expected.keys.len());
    assert!(ran.values().all(|count| *count == 1), "{ran:?}");
}

#[test]
fn collections_and_readers_leave_runs_alone() {
    let sky = Sky::new(4, 40, 2);
    let expected = Expected::of(&sky, &[]);
    let site = Site::new();
    let first = site.run(&sky, &["--set=faintest=17"]);
    assert_eq!(first.code, Some(0), "{}", first.stderr);
    let mut faults = Vec::new();
    let running = Running::start(site.command(&sky, "outputs", &[]));
    for args in [
        &["runs", "list"][..],
        &["data", "head", "last", "colours"],
        &["plan", super::site::CHAIN],
        &["cache", "gc", "--max-size", "0", "--delete"],
        &["cache", "gc", "--max-size", "0", "--delete"],
    ] {
        let output = site.skyloom.run(args);
        if !output.status.success() {
            let words = String::from_utf8_lossy(&output.stderr).into_owned();
            faults.push(format!("{args:?}: {words}"));
        }
    }
    let ended = site.ended("outputs", running);
    faults.extend(judge(&ended, &expected, &expected.keys, &expected.keys));
    faults.extend(site.rot());
    none_of("a run beside collections", &faults);
}
