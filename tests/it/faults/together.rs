//! Many processes on one cache: each unit is run once, all give the same, who only looks
//! need not wait, and collections spare what is needed.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::site::{CHAIN, Running, Site, Sky};
use super::verdict::{Expected, judge};
use super::{none_of, tell};

/// Eight at once on a fresh cache, with outputs of their own or all in one folder.
#[test]
fn eight_runs_share_one_run_of_each_unit() {
    for shared in [false, true] {
        let sky = Sky::new(3, 20, 2);
        let expected = Expected::of(&sky, &[]);
        let site = Site::new();
        let folder = |number: usize| match shared {
            true => "outputs".to_owned(),
            false => format!("outputs-{number}"),
        };
        let folders: Vec<String> = (0..8).map(folder).collect();
        let running: Vec<Running> =
            folders.iter().map(|folder| Running::start(site.command(&sky, folder, &[]))).collect();
        let mut ran = BTreeMap::<String, usize>::new();
        let mut faults = Vec::new();
        for (folder, running) in folders.iter().zip(running) {
            let ended = site.ended(folder, running);
            faults.extend(judge(&ended, &expected, &expected.keys, &expected.keys));
            for unit in ended.units.iter().filter(|unit| unit.served == "run") {
                *ran.entry(unit.key.clone()).or_default() += 1;
            }
        }
        faults.extend(site.told_rot());
        // All of them may be replaced by the next.
        let last = site.run(&sky, &[]);
        faults.extend(judge(&last, &expected, &expected.keys, &BTreeSet::new()));
        none_of("eight runs at once", &faults);
        assert_eq!(ran.len(), expected.keys.len());
        assert!(ran.values().all(|count| *count == 1), "{ran:?}");
    }
}

/// While a run of minutes has the index, others look and run.
#[test]
fn nobody_waits_for_a_long_run() {
    let sky = Sky::new(8, 4, 3);
    let expected = Expected::of(&sky, &[]);
    let site = Site::new();
    let first = site.run(&sky, &[]);
    assert_eq!(first.code, Some(0), "{}", first.stderr);
    let run = first.said["run"].as_str().expect("it has a name");

    let stars = "tests/cases/valid/star-types.yaml";
    let outputs = format!("--output-dir={}", site.skyloom.outputs().join("stars").display());
    let mut long = site
        .skyloom
        .command(&["run", "--json", &outputs, stars, "--set", "trees=900000"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary starts");
    let lines = BufReader::new(long.stdout.take().expect("it is piped")).lines();
    let is_training = |line: &String| line.contains("node-started") && line.contains("model");
    let training = lines.map_while(Result::ok).any(|line| is_training(&line));
    assert!(training, "it never trained");

    let mut faults = Vec::new();
    let plan = [&["plan"][..], &[CHAIN]].concat();
    for args in
        [&["runs", "list"][..], &["data", "head", run, "colours"], &plan, &["cache", "stats"]]
    {
        let (code, stdout, stderr) = Running::start(site.skyloom.command(args)).end();
        if code != Some(0) || stdout.is_empty() {
            faults.push(format!("{args:?} ended with {code:?}: {stderr}"));
        }
    }
    let ended = site.run(&sky, &[]);
    faults.extend(judge(&ended, &expected, &expected.keys, &BTreeSet::new()));
    assert!(long.try_wait().expect("it can be asked").is_none(), "the long run has ended");
    long.kill().expect("it runs");
    long.wait().expect("it can be waited for");
    faults.extend(site.told_rot());
    none_of("beside a long run", &faults);
}

/// Everything goes that nobody needs, again and again, while runs come and go.
#[test]
fn collections_spare_what_runs_need() {
    let sky = Sky::new(4, 16, 3);
    let more: [&[&str]; 3] = [&[], &["--set=faintest=19"], &["--set=faintest=18"]];
    let expected = more.map(|more| Expected::of(&sky, more));
    let site = Site::new();
    let (over, collections) = (AtomicBool::new(false), AtomicUsize::new(0));
    let faults = std::thread::scope(|scope| {
        let collector = scope.spawn(|| {
            let mut faults = Vec::new();
            // The first run makes the folder.
            while !site.cache().join("leases").exists() && !over.load(Ordering::SeqCst) {
                std::thread::yield_now();
            }
            while !over.load(Ordering::SeqCst) {
                let gc = ["cache", "gc", "--max-size", "0", "--delete"];
                let (code, _, stderr) = Running::start(site.skyloom.command(&gc)).end();
                if code != Some(0) {
                    faults.push(format!("a collection ended with {code:?}: {stderr}"));
                }
                collections.fetch_add(1, Ordering::SeqCst);
            }
            faults
        });
        let runner = |number: usize| {
            let (site, sky, expected) = (&site, &sky, &expected);
            move || {
                let outputs = format!("outputs-{number}");
                let mut faults = Vec::new();
                for round in 0..12 {
                    let which = (round + number) % expected.len();
                    let command = site.command(sky, &outputs, more[which]);
                    let ended = site.ended(&outputs, Running::start(command));
                    let keys = &expected[which].keys;
                    faults.extend(judge(&ended, &expected[which], keys, keys));
                    if ended.code == Some(0) {
                        let warnings = site.warnings(&ended);
                        let lost = warnings.into_iter().filter(|text| text.contains("is lost"));
                        faults.extend(lost.map(|text| format!("round {round}: {text}")));
                    }
                }
                faults
            }
        };
        let runners: Vec<_> = (0..2).map(|number| scope.spawn(runner(number))).collect();
        let runs = runners.into_iter().flat_map(|runner| runner.join().expect("it ends"));
        let mut faults: Vec<String> = runs.collect();
        over.store(true, Ordering::SeqCst);
        faults.extend(collector.join().expect("it ends"));
        faults
    });
    tell(&format!("{} collections beside 24 runs", collections.load(Ordering::SeqCst)));
    none_of("runs beside collections", &faults);
    none_of("after collections", &site.told_rot());
    assert!(collections.load(Ordering::SeqCst) > 5);
}
