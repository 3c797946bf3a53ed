//! What the host lends, from every language: the same bits as the routines themselves.

use std::fs;
use std::sync::Arc;

use arrow::array::cast::AsArray;
use arrow::array::{ArrayRef, Float64Array, RecordBatch};
use arrow::datatypes::Float64Type;
use skyloom::registry::{self, Project};
use skyloom_kernels::tree_shap::{Explainer, Wanted};
use skyloom_kernels::trees::{Leaves, Nodes, Together, Trees};
use skyloom_kernels::{
    Curves, Extremum, Frequencies, Grid, Search, conditional_entropy, forest, knn, lomb_scargle,
    pairwise_histogram, phase_dispersion, phase_fold,
};

use crate::guests::{self, Store};
use crate::languages;

/// A light curve with a period of 1 / 0.3 days: times, values, errors.
fn light_curve() -> [Vec<f64>; 3] {
    let times: Vec<f64> = (0..200).map(|at| 60_000.0 + f64::from(at * at % 977)).collect();
    let values = times.iter().map(|time| ((time * 0.3).fract() - 0.5).abs()).collect();
    let errors = (0..200).map(|at| 0.01 + 0.001 * f64::from(at % 7)).collect();
    [times, values, errors]
}

/// The package `name` of these files, built in a folder of its own.
fn built(name: &str, files: &[(&str, &str)]) -> Result<Vec<u8>, String> {
    let folder = tempfile::tempdir().expect("a folder");
    let package = folder.path().join("plugins").join(name);
    for (file, text) in files {
        let path = package.join(file);
        fs::create_dir_all(path.parent().expect("it has a folder")).expect("it can be made");
        fs::write(path, text.replace("reckoner", name)).expect("it can be written");
    }
    let project = Project::around(&package);
    registry::build(&project, &[&package]).map_err(|error| error.to_string())?;
    let path = registry::component_path(&project, &package).expect("it has a name");
    Ok(fs::read(path).expect("it was built"))
}

/// All numbers that the component answers for the light curve.
fn answered(component: &[u8]) -> Vec<f64> {
    let component = guests::engine().load(component).expect("it is a plugin");
    let kernels = "skyloom:plugin/kernels@0.1.0";
    assert!(component.imports.iter().any(|import| import == kernels), "{:?}", component.imports);
    let names = ["time", "value", "error"];
    let columns = light_curve().map(|column| Arc::new(Float64Array::from(column)) as ArrayRef);
    let batch = RecordBatch::try_from_iter(names.into_iter().zip(columns)).expect("it fits");
    let store = Store::new();
    let table = store.table(&batch.schema(), &[batch]);
    let (_, found) = store.run(&component, "{}", &table, usize::MAX).expect("it runs");
    let batches = guests::batches(&found);
    let numbers = batches
        .iter()
        .flat_map(|batch| batch.column(0).as_primitive::<Float64Type>().values().iter().copied());
    numbers.collect()
}

/// The peaks' frequencies, then their values.
fn flat(peaks: &[Extremum]) -> Vec<f64> {
    let frequencies = peaks.iter().map(|peak| peak.frequency);
    frequencies.chain(peaks.iter().map(|peak| peak.value)).collect()
}

fn flat_with_probabilities(peaks: &[lomb_scargle::Peak]) -> Vec<f64> {
    let frequencies = peaks.iter().map(|peak| peak.frequency);
    let powers = peaks.iter().map(|peak| peak.power);
    let probabilities = peaks.iter().map(|peak| peak.false_alarm_probability);
    frequencies.chain(powers).chain(probabilities).collect()
}

/// What the routines themselves say to the same questions, in the same order.
fn expected() -> Vec<f64> {
    let [times, values, errors] = light_curve();
    let offsets = [0, 200];
    let weighed = Curves::new(&offsets, &times, &values, Some(&errors), None).expect("they fit");
    let plain = Curves::new(&offsets, &times, &values, None, None).expect("they fit");
    let grid = Frequencies::Same(Grid { minimum: 0.05, step: 0.001, count: 400 });
    let fitting =
        |samples_per_peak, minimum| Frequencies::Auto { samples_per_peak, minimum, maximum: 0.5 };
    let search = |frequencies, peaks| Search { frequencies, peaks };
    let mut numbers = Vec::new();
    for (curves, search) in [(&weighed, search(grid, 2)), (&plain, search(fitting(5.0, None), 1))] {
        let found = lomb_scargle::search(curves, &search, 1).expect("it is a search");
        // The period is found.
        assert!((found[0][0].frequency - 0.3).abs() < 1e-3, "{found:?}");
        numbers.extend(flat_with_probabilities(&found[0]));
    }
    let bins = conditional_entropy::Bins { phase: 10, value: 5 };
    let found = conditional_entropy::search(&plain, &search(grid, 1), &bins, 1);
    numbers.extend(flat(&found.expect("it is a search")[0]));
    let bins = phase_dispersion::Bins { bins: 10, covers: 2 };
    let found = phase_dispersion::search(&plain, &search(fitting(4.0, Some(0.1)), 2), &bins, 1);
    numbers.extend(flat(&found.expect("it is a search")[0]));
    numbers.extend(phase_fold::phase_fold(&times, 1.0 / 0.3, 60_000.5).expect("a period"));
    let points = knn::Points::new(&times, 1).expect("they fit");
    let near = points.nearest(&[60_100.25, 60_400.0], 3, 1).expect("they fit");
    numbers.extend(near.index.iter().map(|&index| f64::from(index)));
    numbers.extend(near.distance);
    let edges = pairwise_histogram::Edges { dt: &[0.0, 10.0, 100.0], dm: &[-1.0, -0.1, 0.1, 1.0] };
    let counts = pairwise_histogram::histograms(&plain, &edges, 1).expect("they fit");
    numbers.extend(counts.into_iter().map(f64::from));
    numbers.extend(of_a_tree());
    // What does not fit was answered in words.
    numbers.push(1.0);
    numbers
}

fn of_a_tree() -> Vec<f64> {
    let leaf = u32::MAX;
    let nodes = Nodes {
        offsets: &[0, 3],
        feature: &[0, leaf, leaf],
        threshold: &[0.5, 0.0, 0.0],
        left: &[1, 0, 0],
        right: &[2, 0, 0],
        missing_left: &[true, false, false],
        cover: &[4.0, 1.0, 3.0],
        value: &[0.0, 0.25, 0.75],
    };
    let trees = Trees::new(nodes, Leaves::EveryClass, Together::Mean, 1, 1).expect("a tree");
    let rows = [0.5, 0.75, f64::NAN];
    let mut numbers = forest::Forest::new(&trees).predict(&rows, 1).expect("rows");
    let explainer = Explainer::new(&trees).expect("it has covers");
    numbers.extend(explainer.explain(&rows, Wanted::EveryClass, 1).expect("rows"));
    numbers
}

/// Builds the plugin in this language, if its tools are here, and holds its answers to the bits.
fn agrees(language: &str, files: &[(&str, &str)]) {
    if !languages::is_here(language) {
        return;
    }
    let component = built(&format!("reckoner-{language}"), files).expect("it compiles");
    let bits = |numbers: Vec<f64>| numbers.into_iter().map(f64::to_bits).collect::<Vec<_>>();
    assert_eq!(bits(answered(&component)), bits(expected()), "{language}");
}

const PYTHON: (&str, &str) = ("plugin.py", include_str!("../cases/languages/reckoner.py"));
const JAVASCRIPT: (&str, &str) = ("plugin.js", include_str!("../cases/languages/reckoner.js"));

#[test]
fn python_gets_the_same_bits() {
    agrees("python", &[("plugin.toml", "language = \"python\"\nkernels = true\n"), PYTHON]);
}

#[test]
fn javascript_gets_the_same_bits() {
    agrees("js", &[("plugin.toml", "language = \"js\"\nkernels = true\n"), JAVASCRIPT]);
}

#[test]
fn c_gets_the_same_bits() {
    let source = ("src/reckoner.c", include_str!("../cases/languages/reckoner.c"));
    agrees("c", &[("plugin.toml", "language = \"c\"\n"), source]);
}

#[test]
fn go_gets_the_same_bits() {
    let source = ("reckoner.go", include_str!("../cases/languages/reckoner.go"));
    let module = ("go.mod", "module reckoner\n\ngo 1.24\n");
    agrees("go", &[("plugin.toml", "language = \"go\"\n"), module, source]);
}

#[test]
fn who_calls_kernels_without_asking_is_told_what_to_write() {
    for (language, file) in [("python", PYTHON), ("js", JAVASCRIPT)] {
        if languages::is_here(language) {
            let manifest = format!("language = \"{language}\"\n");
            let name = format!("silent-{language}");
            let error = built(&name, &[("plugin.toml", &manifest), file]).expect_err("no kernels");
            assert!(error.contains("write `kernels = true`"), "{error}");
        }
    }
}
