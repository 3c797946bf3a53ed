//! Stars, galaxies and quasars: as good as scikit-learn's forest, and leakage refused.

use crate::support::{Skyloom, shared_data};

const WORKFLOW: &str = "workflows/sdss-star-galaxy-quasar.yaml";

/// scikit-learn 1.9.1, RandomForestClassifier(300 trees), the same features and split, gives
/// macro-F1 0.848 and log-loss 0.368 (docs/benchmarks.md); the ends are those of its 95 %
/// bootstrap intervals, rounded outwards.
#[test]
fn it_reaches_scikit_learn() {
    let Some(table) = shared_data("sdss17_star_galaxy_qso/sdss17_80k.parquet") else { return };
    let skyloom = Skyloom::new();
    let input = format!("catalogue={}", table.display());
    let (code, result) = skyloom.run_json(&[WORKFLOW, "--input", &input]);
    assert_eq!(code, 0, "{result}");
    let metrics = result["metrics"]["metrics"].as_array().expect("metrics");
    let value = |name: &str| {
        let overall = metrics.iter().find(|m| m["metric"] == name && m["class"].is_null());
        overall.and_then(|metric| metric["value"].as_f64()).expect("a value")
    };
    assert!((0.842..=0.855).contains(&value("macro-f1")), "{}", value("macro-f1"));
    assert!(value("log-loss") < 0.39, "{}", value("log-loss"));
}
