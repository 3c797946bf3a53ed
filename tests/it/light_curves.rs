//! From observations to classes: light curves of real stars, and PLAsTiCC's.

use std::fs;

use crate::support::{Skyloom, shared_data};

/// Entries of the Kaggle competition with simple features reached a log-loss of 0.58 to 0.70 on
/// folds of the training set. What is locked is what comes out, whatever else the machine does.
#[test]
fn plasticc_is_classified_as_locked_and_well() {
    let Some(observations) = shared_data("plasticc_train/lightcurves.parquet") else { return };
    let metadata = observations.with_file_name("metadata.csv.gz");
    let skyloom = Skyloom::new();
    let inputs = [("observations", observations), ("metadata", metadata)];
    let inputs = inputs.map(|(name, path)| format!("{name}={}", path.display()));
    let args =
        ["workflows/plasticc.yaml", "--locked", "--input", &inputs[0], "--input", &inputs[1]];
    let (code, result) = skyloom.run_json(&args);
    assert_eq!(code, 0, "{result}");
    let metrics = result["metrics"]["metrics"].as_array().expect("metrics");
    let value = |name: &str| {
        let overall = metrics.iter().find(|m| m["metric"] == name && m["class"].is_null());
        overall.and_then(|metric| metric["value"].as_f64()).expect("a value")
    };
    assert!(value("log-loss") < 0.60, "{}", value("log-loss"));
    assert!(value("class-weighted-log-loss") < 0.75, "{}", value("class-weighted-log-loss"));
    assert!(value("accuracy") > 0.79, "{}", value("accuracy"));
}

/// Miras pulsate in months to years, classical Cepheids in days to weeks, and contact binaries turn in
/// less than two days; noise has no such peaks.
#[test]
fn periods_of_real_stars_explain_their_light() {
    let skyloom = Skyloom::new();
    let outputs = skyloom.outputs();
    let folder = outputs.to_str().expect("UTF-8");
    let output = skyloom.run(&["run", "workflows/variable-stars.yaml", "--output-dir", folder]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let table = fs::read_to_string(outputs.join("features.csv")).expect("it is written");
    let mut lines = table.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let header = lines.next().expect("a header");
    let column = |name: &str| header.iter().position(|known| *known == name).expect("a column");
    let stars: Vec<_> = lines.collect();
    assert_eq!(stars.len(), 7);
    for star in stars {
        let number = |name: &str| star[column(name)].parse::<f64>().expect("a number");
        let (class, period) = (star[column("target")], number("period"));
        let expected = match class {
            "Mira" => 80.0..1000.0,
            "Classical_Cepheid" => 1.0..50.0,
            _ => 0.1..2.0,
        };
        assert!(expected.contains(&period), "{class}: {period} days");
        assert!(number("period_fap") < 1e-20, "{class}: {}", number("period_fap"));
    }
}
