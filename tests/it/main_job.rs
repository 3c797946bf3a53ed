//! The main job: 20,000 variable stars classified, scored and explained, the same each time.

use serde_json::Value;

use crate::support::{Project, Skyloom, has_tools, root, shared_data};

const WORKFLOW: &str = "workflows/ogle-variables.yaml";

fn output_digests(result: &Value) -> Vec<(String, String)> {
    let outputs = result["outputs"].as_object().expect("outputs");
    let pair = |(name, output): (&String, &Value)| {
        (name.clone(), output["digest"].as_str().expect("a digest").to_owned())
    };
    outputs.iter().map(pair).collect()
}

fn metric(result: &Value, name: &str) -> f64 {
    let metrics = result["metrics"]["metrics"].as_array().expect("metrics");
    let overall = metrics.iter().find(|m| m["metric"] == name && m["class"].is_null());
    overall.and_then(|metric| metric["value"].as_f64()).expect("a value")
}

#[test]
fn it_classifies_and_repeats_itself() {
    let skyloom = Skyloom::new();
    let (code, first) = skyloom.run_json(&[WORKFLOW]);
    assert_eq!((code, &first["outcome"]), (0, &Value::from("ok")));
    // scikit-learn's forest of 60 trees reaches 0.889 on a random split of the LMC alone.
    assert!(metric(&first, "macro-f1") > 0.85, "{first}");
    assert!(metric(&first, "log-loss") < 0.25, "{first}");
    assert_eq!(output_digests(&first).len(), 3);

    // From the cache, nothing runs.
    let (_, again) = skyloom.run_json(&[WORKFLOW]);
    assert_eq!(output_digests(&again), output_digests(&first));
    for (id, node) in again["nodes"].as_object().expect("nodes") {
        assert_eq!(node["units"], node["cached"], "{id}");
    }
}

/// Runs the workflow of a shipped lock from nothing; every table must be as locked.
fn check_replays(lock: &str, args: &[&str]) {
    let skyloom = Skyloom::new();
    let output = skyloom.run(&[&["replay", lock], args].concat());
    let words = String::from_utf8_lossy(&output.stdout).into_owned();
    let notes = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{lock} {args:?}:\n{words}\n{notes}");
    let last = words.lines().last().unwrap_or_default();
    let (same, all) = last.split_once(" of ").expect("it counts tables");
    assert_eq!(Some(same), all.split(' ').next(), "{last}");
}

#[test]
fn threads_and_batches_change_nothing() {
    check_replays("workflows/ogle-variables.lock", &["-j", "1"]);
    check_replays("workflows/ogle-variables.lock", &["-j", "8", "--batch-rows", "4001"]);
}

#[test]
fn what_is_shipped_locked_replays() {
    check_replays("workflows/ogle-domain-shift.lock", &[]);
    check_replays("workflows/variable-stars.lock", &[]);
    let sdss = "sdss17_star_galaxy_qso/sdss17_80k.parquet";
    let Some(table) = shared_data(sdss) else { return };
    let input = format!("catalogue={}", table.display());
    check_replays("workflows/sdss-star-galaxy-quasar.lock", &["--input", &input]);
}

/// In a project of components, every table is as the shipped lock says. One thing is taken as it
/// is built here: the component in Python, a picture of memory that its builder promises nobody.
#[test]
fn five_languages_replay_what_is_locked() {
    if !has_tools(&["python-zig", "go", "componentize-qjs", "componentize-py"]) {
        return;
    }
    let text = |name: &str| {
        std::fs::read_to_string(root().join("workflows").join(name)).expect("it is shipped")
    };
    let project = Project::new("", &[]);
    let info = project.run(&["plugin", "info", "--json", "plugins/bazin-fit.wasm"]);
    let info: Value = serde_json::from_slice(&info.stdout).expect("it was built");
    let lock = text("polyglot.lock");
    let (before, after) = lock.split_once("bazin-fit@0.1.0:").expect("it is locked");
    let (place, rest) = after.split_once("component: ").expect("with its component");
    let rest = rest.split_once('\n').expect("and more").1;
    let component = info["digest"].as_str().expect("it has one");
    let lock = format!("{before}bazin-fit@0.1.0:{place}component: {component}\n{rest}");
    std::fs::write(project.file("polyglot.lock"), lock).expect("it can be written");
    std::fs::write(project.file("polyglot.yaml"), text("polyglot.yaml")).expect("written");
    std::fs::create_dir(project.file("data")).expect("a folder can be made");
    let curves = "data/plasticc-curves.vot.gz";
    std::fs::copy(root().join("workflows").join(curves), project.file(curves)).expect("shipped");
    for args in [&["-j", "1"][..], &["-j", "8", "--batch-rows", "17"]] {
        let output = project.run(&[&["replay", "polyglot.lock"][..], args].concat());
        let words = String::from_utf8_lossy(&output.stdout);
        let notes = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{args:?}:\n{words}\n{notes}");
    }
}
