//! Plugins in scientific Python: they compute with NumPy and its kin, see nothing but their
//! inputs, stay in their limits, and give the same bytes each time.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, DictionaryArray, Float64Array, Int32Array, ListArray,
    RecordBatch, StringArray,
};
use arrow::datatypes::{Float32Type, Float64Type, Int8Type, Schema};
use serde_json::Value;
use skyloom::data::Table;
use skyloom::instance::{Component, Engine, GuestError, InstanceError, Limits};
use skyloom::registry::{self, Project};

use crate::guests::{self, Store};
use crate::support::{Skyloom, root};

/// Whether the runtime is on this machine; where all languages must be tested, it has to be.
fn is_here() -> bool {
    static FOUND: LazyLock<bool> = LazyLock::new(|| {
        let output = Skyloom::without_plugins().run(&["doctor", "--json"]);
        let answer: Value = serde_json::from_slice(&output.stdout).expect("doctor gives JSON");
        let findings = answer["findings"].as_array().expect("a list").iter();
        let mut scientific = findings.filter(|found| found["what"] == "scientific Python");
        scientific.next().expect("doctor looks for it")["state"] == "fine"
    });
    let is_required = std::env::var("SKYLOOM_TEST_LANGUAGES").is_ok_and(|all| all == "all");
    assert!(*FOUND || !is_required, "scientific Python is not there; `skyloom doctor` says more");
    #[expect(clippy::print_stderr, reason = "whoever runs the tests should know")]
    if !*FOUND {
        eprintln!("skipped: scientific Python is not there");
    }
    *FOUND
}

/// A package in a folder of its own, under a name that no other has: components of all
/// packages may go to one folder.
struct Package {
    project: tempfile::TempDir,
    name: String,
}

impl Package {
    fn new(sources: &[(&str, &str)]) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("trial-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let project = tempfile::tempdir().expect("a folder for temporary files");
        let package = Self { project, name };
        package.write("plugin.toml", "language = \"python\"\nruntime = \"scientific\"\n");
        for (path, text) in sources {
            package.write(path, text);
        }
        package
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.folder().join(path);
        std::fs::create_dir_all(path.parent().expect("it lies in a folder")).expect("a folder");
        std::fs::write(path, text).expect("a file can be written");
    }

    fn folder(&self) -> std::path::PathBuf {
        self.project.path().join("plugins").join(&self.name)
    }

    fn load(&self) -> Result<Component, registry::RegistryError> {
        static ENGINE: LazyLock<Engine> =
            LazyLock::new(|| skyloom::run::engine().expect("this machine runs WebAssembly"));
        let (project, folder) = (Project::around(self.project.path()), self.folder());
        registry::build(&project, &[&folder])?;
        registry::load_file(&ENGINE, &registry::component_path(&project, &folder)?)
    }
}

/// A plugin that reads the column `x` and makes the column `made` of this type; `body` is the
/// rest of `run(table, params)`.
fn plugin(made: &str, body: &str) -> Component {
    let indented = body.trim().replace('\n', "\n    ");
    let text = format!(
        "import numpy as np\n\
         from skyloom import *\n\
         \n\
         PLUGIN = Plugin(\n\
         \x20   name='trial', version='0.1.0', role='feature-extractor', description='Tries.',\n\
         \x20   inputs={{'table': 'Rows.'}}, outputs={{'features': 'Rows.'}},\n\
         )\n\
         \n\
         def bind(params, bind):\n\
         \x20   bind.column('table', 'x').read('value')\n\
         \x20   bind.pass_all('features', 'table')\n\
         \x20   bind.add('features', {made})\n\
         \n\
         def run(table, params):\n\
         \x20   {indented}\n"
    );
    Package::new(&[("plugin.py", &text)]).load().expect("it is a plugin")
}

fn table_of(store: &Store, x: Vec<ArrayRef>) -> Table {
    let field = arrow::datatypes::Field::new("x", x[0].data_type().clone(), true);
    let schema = Arc::new(Schema::new(vec![field]));
    let batch = |x| RecordBatch::try_new(schema.clone(), vec![x]).expect("one column");
    store.table(&schema, &x.into_iter().map(batch).collect::<Vec<_>>())
}

/// What `plugin` makes of `x`, in batches of so many rows.
fn made(plugin: &Component, x: ArrayRef, batch_rows: usize) -> Result<ArrayRef, InstanceError> {
    let store = Store::new();
    let table =
        table_of(&store, vec![x.slice(0, x.len() / 2), x.slice(x.len() / 2, x.len().div_ceil(2))]);
    let (_, output) = store.run(plugin, "{}", &table, batch_rows)?;
    let columns: Vec<ArrayRef> =
        guests::batches(&output).iter().map(|b| b.column(1).clone()).collect();
    let columns: Vec<&dyn Array> = columns.iter().map(AsRef::as_ref).collect();
    Ok(arrow::compute::concat(&columns).expect("of one type"))
}

fn floats(values: Vec<Option<f64>>) -> ArrayRef {
    Arc::new(Float64Array::from(values))
}

/// What one row says that `plugin` saw.
fn seen(body: &str) -> String {
    let body = format!("seen = ''\n{body}\nreturn {{'made': [str(seen)] * table.rows}}");
    let plugin = plugin("utf8('made')", &body);
    let made = made(&plugin, floats(vec![Some(1.0)]), 1).expect("it runs");
    made.as_string::<i32>().value(0).to_owned()
}

#[test]
fn columns_of_all_types_come_and_go() {
    if !is_here() {
        return;
    }
    let numbers = plugin("float64('made')", "return {'made': table['x'] * 2}");
    let double = made(&numbers, floats(vec![Some(1.5), None, Some(-2.0)]), 1).expect("it runs");
    assert_eq!(double.as_ref(), &Float64Array::from(vec![Some(3.0), None, Some(-4.0)]));
    let small: ArrayRef = Arc::new(Int32Array::from(vec![Some(4), None]));
    let double = made(&numbers, small, 9).expect("it runs");
    assert_eq!(double.as_ref(), &Float64Array::from(vec![Some(8.0), None]));

    let truths = plugin("boolean('made')", "return {'made': ~table['x']}");
    let values: ArrayRef = Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)]));
    let not = made(&truths, values, 2).expect("it runs");
    assert_eq!(not.as_ref(), &BooleanArray::from(vec![Some(false), None, Some(true)]));

    let words = plugin(
        "utf8('made')",
        "return {'made': [None if x is None else x + '!' for x in table['x']]}",
    );
    let louder = StringArray::from(vec![Some("a!"), None, Some("ßé!"), Some("!")]);
    let text = vec![Some("a"), None, Some("ßé"), Some("")];
    let plain: ArrayRef = Arc::new(StringArray::from(text.clone()));
    assert_eq!(made(&words, plain, 3).expect("it runs").as_ref(), &louder);
    let dictionary: ArrayRef = Arc::new(text.into_iter().collect::<DictionaryArray<Int8Type>>());
    assert_eq!(made(&words, dictionary, 3).expect("it runs").as_ref(), &louder);

    let curves = plugin(
        "float64('made')",
        "return {'made': np.array([np.nan if c is None else c.sum() for c in table['x']])}",
    );
    let lists: ArrayRef = Arc::new(ListArray::from_iter_primitive::<Float32Type, _, _>([
        Some(vec![Some(1.0), Some(2.0)]),
        None,
        Some(vec![Some(0.5)]),
    ]));
    let sums = made(&curves, lists, 1).expect("it runs");
    assert_eq!(sums.as_ref(), &Float64Array::from(vec![Some(3.0), None, Some(0.5)]));

    let lists = plugin(
        "list_of('made', float64('item'))",
        "return {'made': [np.arange(x) for x in table['x']]}",
    );
    let counts: ArrayRef = Arc::new(Int32Array::from(vec![2, 0, 1]));
    let made = made(&lists, counts, 2).expect("it runs");
    let made = made.as_list::<i32>();
    assert_eq!(made.value_offsets(), [0, 2, 2, 3]);
    assert_eq!(made.values().as_primitive::<Float64Type>().values(), &[0.0, 1.0, 0.0]);
}

#[test]
fn rows_can_be_left_out() {
    if !is_here() {
        return;
    }
    let body = "keep = table.floats('x') > 0\n\
                return Kept(keep, {'made': table.floats('x')[keep] * 10})";
    let plugin = plugin("float64('made')", body);
    for batch_rows in [1, 2, 99] {
        let x = floats(vec![Some(1.0), None, Some(-1.0), Some(2.0), Some(3.0)]);
        let kept = made(&plugin, x, batch_rows).expect("it runs");
        assert_eq!(kept.as_ref(), &Float64Array::from(vec![10.0, 20.0, 30.0]));
    }
}

#[test]
fn the_libraries_of_science_are_there() {
    if !is_here() {
        return;
    }
    assert_eq!(seen("import scipy.special\nseen = scipy.special.gamma(5)"), "24.0");
    let fit = "from scipy.optimize import curve_fit\n\
               t = np.linspace(0, 1, 9)\n\
               seen = curve_fit(lambda t, a, b: a * t + b, t, 3 * t + 1)[0].round(6).tolist()";
    assert_eq!(seen(fit), "[3.0, 1.0]");
    assert_eq!(seen("import pandas\nseen = pandas.Series([1, 2]).sum()"), "3");
    // An exception of C++, and a jump of C, through frames of both.
    let thrown = "import scipy.fft\n\
                  try:\n    scipy.fft.fft(np.zeros((2, 2)), axis=7)\n\
                  except Exception as error:\n    seen = type(error).__name__";
    assert_ne!(seen(thrown), "");
}

#[test]
fn a_run_sees_nothing_but_its_inputs() {
    if !is_here() {
        return;
    }
    let attempt = |what: &str| {
        seen(&format!(
            "try:\n    seen = {what}\nexcept Exception as error:\n    seen = type(error).__name__"
        ))
    };
    for (what, sees) in [
        ("open('/etc/passwd').read()", "FileNotFoundError"),
        ("open('/usr/local/lib/python315.zip', 'r+b', 0).write(b'x')", "OSError"),
        ("open('/usr/local/lib/../../../etc/passwd')", "FileNotFoundError"),
        ("open('new', 'w')", "FileNotFoundError"),
        ("__import__('os').listdir('/')", "FileNotFoundError"),
        ("dict(__import__('os').environ)", "{}"),
        ("__import__('sys').argv[1:]", "[]"),
        ("__import__('socket').create_connection(('127.0.0.1', 80))", "AttributeError"),
        ("__import__('subprocess').run(['true'])", "OSError"),
        ("__import__('ctypes').CDLL(None)", "OSError"),
    ] {
        let found = attempt(what);
        let is_os_error = ["OSError", "PermissionError"].contains(&found.as_str());
        assert!(found == sees || (sees == "OSError" && is_os_error), "{what}: {found}");
    }
    // Clock, chance and hashes are the same for every run.
    let world = "import os, random, time\n\
                 seen = [time.time(), time.monotonic(), os.urandom(4).hex(), random.random(),\n\
                 \x20       np.random.default_rng().random(), hash('a'), id(table)]";
    let first = seen(world);
    assert_eq!(first, seen(world));
    assert!(first.starts_with("[946728000."), "{first}");
}

#[test]
fn the_door_to_the_host_cannot_be_misused() {
    if !is_here() {
        return;
    }
    for message in [
        "{}",
        "[",
        "{\"op\": \"load\", \"input\": 7, \"column\": 0}",
        "{\"op\": \"fill\", \"at\": [0]}",
        "{\"op\": \"rewind\", \"input\": 0, \"more\": 1}",
        "{\"op\": \"cut\", \"output\": 9}",
        "{\"op\": \"read\", \"input\": 0, \"offset\": 0, \"at\": 0, \"length\": 9}",
        "{\"op\": \"emit\", \"output\": 0, \"source\": 0, \"keep\": null, \"columns\": []}",
        "{\"op\": \"emit\", \"output\": 0, \"source\": null, \"keep\": null, \"columns\": \
         [{\"rows\": 1, \"validity\": null, \"buffers\": [[4294967295, 8]]}]}",
    ] {
        let body = format!(
            "try:\n    __import__('_host').call(b'{message}')\nexcept BaseException:\n    pass\n\
             return {{'made': table['x']}}"
        );
        let plugin = plugin("float64('made')", &body);
        let error = made(&plugin, floats(vec![Some(1.0)]), 1).expect_err("it is refused");
        assert!(matches!(error, InstanceError::Contract(_)), "{message}: {error}");
        assert!(error.to_string().contains("misuses the door"), "{message}: {error}");
    }
    // Columns that `bind` did not declare are not there, whoever asks.
    let hidden = "import json, _host\n\
                  _host.call(json.dumps({'op': 'load', 'input': 0, 'column': 1}).encode())\n\
                  return {'made': table['x']}";
    let plugin = plugin("float64('made')", hidden);
    let error = made(&plugin, floats(vec![Some(1.0)]), 1).expect_err("it is refused");
    assert!(error.to_string().contains("reads column 1 of the 1"), "{error}");
}

#[test]
fn runs_leave_nothing_to_the_next() {
    if !is_here() {
        return;
    }
    let body = "import builtins\n\
                n = getattr(builtins, 'n', 0)\n\
                builtins.n = n + 1\n\
                return {'made': np.full(table.rows, float(n))}";
    let plugin = plugin("float64('made')", body);
    for _ in 0..2 {
        let made = made(&plugin, floats(vec![Some(1.0)]), 1).expect("it runs");
        assert_eq!(made.as_ref(), &Float64Array::from(vec![0.0]));
    }
}

#[test]
fn results_do_not_depend_on_batches() {
    if !is_here() {
        return;
    }
    let body = "from sklearn.ensemble import IsolationForest\n\
                x = table.floats('x')[:, None]\n\
                forest = IsolationForest(n_estimators=10, random_state=0).fit(x)\n\
                return {'made': forest.score_samples(x)}";
    let plugin = plugin("float64('made')", body);
    let x = || floats((0..101).map(|n| Some(f64::from(n * n % 37))).collect());
    let whole = made(&plugin, x(), 1000).expect("it runs");
    for batch_rows in [1, 7, 1000] {
        assert_eq!(&made(&plugin, x(), batch_rows).expect("it runs"), &whole);
    }
    assert_eq!(made(&plugin, x(), 1000).expect("it runs").len(), 101);
}

#[test]
fn exceptions_name_the_line_and_mistakes_the_column() {
    if !is_here() {
        return;
    }
    let error_of = |body: &str| {
        let plugin = plugin("float64('made')", body);
        made(&plugin, floats(vec![Some(1.0)]), 1).expect_err("it fails").to_string()
    };
    for (body, expected) in [
        ("raise ValueError('odd curve')", "ValueError: odd curve (plugin.py, line 15, in run)"),
        ("raise DataError('row 3 is odd; leave it out')", "row 3 is odd; leave it out"),
        ("return {'made': [1.0, 2.0]}", "column `made` has 2 values for 1 rows"),
        ("return {'other': [1.0]}", "bound are made"),
        ("return {'made': ['a']}", "cannot be made of"),
        ("return table.floats('y')", "`bind` did not declare that column `y` is read"),
        ("exit(3)", "SystemExit: 3"),
        ("import os\nos._exit(3)", "exit(3)"),
    ] {
        let error = error_of(body);
        assert!(error.contains(expected), "{body}: {error}");
    }
    let wrong = Package::new(&[("plugin.py", "import nothing_of_that_name\n")]).load();
    let error = wrong.err().expect("it cannot be loaded").to_string();
    assert!(error.contains("no module `nothing_of_that_name`"), "{error}");
}

#[test]
fn memory_and_time_have_limits() {
    if !is_here() {
        return;
    }
    let check = |body: &str, limits: Limits, expected: &str| {
        let plugin = plugin("float64('made')", body);
        let store = Store::new();
        let table = table_of(&store, vec![floats(vec![Some(1.0)])]);
        let error =
            store.report_within(&plugin, "{}", &table, 1, limits).expect_err("it is stopped");
        assert!(matches!(error, InstanceError::Limit(_)), "{error}");
        assert!(error.to_string().contains(expected), "{error}");
    };
    let large = "return {'made': np.ones(2 * 10**8)[:1]}";
    check(large, Limits::default(), "more than its 1024 MiB of memory");
    let caught =
        "try:\n    np.ones(2 * 10**8)\nexcept MemoryError:\n    pass\nreturn {'made': [1.0]}";
    check(caught, Limits::default(), "more than its 1024 MiB of memory");
    let short = Limits { wall: Duration::from_secs(2), ..Limits::default() };
    check("while True: pass", short, "longer than its 2 s");
    check("while True: np.linalg.svd(np.ones((200, 200)))", short, "longer than its 2 s");
    // Who sleeps wakes at once, and would do so for ever.
    check("import time\nwhile True: time.sleep(60)", short, "longer than its 2 s");
    let deep = "def down(): return down() + 1\ntry:\n    down()\nexcept RecursionError:\n    pass\n\
                return {'made': [1.0]}";
    let plugin = plugin("float64('made')", deep);
    assert!(made(&plugin, floats(vec![Some(1.0)]), 1).is_ok(), "recursion has an end of its own");
}

#[test]
fn parameters_and_errors_are_those_of_other_languages() {
    if !is_here() {
        return;
    }
    let template = "host/src/cli/templates/python-scientific/feature-extractor";
    let source = |name: &str| {
        let path = root().join(template).join(name);
        std::fs::read_to_string(path).expect("the template is there").replace("plugin-name", "snr")
    };
    let (main, science) = (source("plugin.py"), source("signal_to_noise.py"));
    let package = Package::new(&[("plugin.py", &main), ("signal_to_noise.py", &science)]);
    let plugin = package.load().expect("it is a plugin");
    let params = &plugin.descriptor().params;
    assert_eq!(params["required"], serde_json::json!(["value", "error"]));
    assert_eq!(params["properties"]["name"]["default"], "snr");
    let store = Store::new();
    let table = table_of(&store, vec![Arc::new(StringArray::from(vec!["a"]))]);
    let error_of = |params: &str| match store.run(&plugin, params, &table, 1) {
        Err(InstanceError::Guest(error)) => error,
        other => panic!("{:?}", other.map(|(binding, _)| binding)),
    };
    match error_of(r#"{"value": "flux", "error": "x", "name": "snr"}"#) {
        GuestError::MissingColumn(error) => {
            assert_eq!((&*error.input, &*error.column), ("table", "flux"));
            assert_eq!(error.param.as_deref(), Some("value"));
        }
        other => panic!("{other}"),
    }
    match error_of(r#"{"value": "x", "error": "x", "name": "snr"}"#) {
        GuestError::WrongType(error) => {
            assert_eq!((&*error.expected, &*error.found), ("a number", "Utf8"));
        }
        other => panic!("{other}"),
    }
}

/// A number of a CSV file, none where the field is empty.
fn column_of(path: &Path, name: &str) -> Vec<Option<f64>> {
    let text = std::fs::read_to_string(path).expect("a file");
    let mut lines = text.lines();
    let header = lines.next().expect("a header");
    let place = header.split(',').position(|other| other == name).expect("the column");
    let value = |line: &str| line.split(',').nth(place)?.parse().ok();
    lines.map(value).collect()
}

#[test]
fn colours_are_scored_as_native_scikit_learn_scores_them() {
    if !is_here() {
        return;
    }
    let skyloom = Skyloom::new();
    let tests = root().join("plugins/colour-outliers/tests");
    let workflow = skyloom.state.path().join("job.yaml");
    let text = format!(
        "skyloom: v1\nname: outliers\n\
         inputs:\n  stars: {{path: {}}}\n\
         nodes:\n\
         \x20 read: {{plugin: {}, from: stars, with: {{key: id}}}}\n\
         \x20 unusual: {{plugin: {}, in: read, with: {{magnitudes: [u, g, r, i, z]}}}}\n\
         outputs:\n  scores: {{from: unusual, path: scores.csv}}\n",
        tests.join("stars.csv").display(),
        root().join("plugins/csv-ingester").display(),
        root().join("plugins/colour-outliers").display(),
    );
    std::fs::write(&workflow, text).expect("a file can be written");
    let (code, result) = skyloom.run_json(&[workflow.to_str().expect("UTF-8")]);
    assert_eq!(code, 0, "{result}");
    let scores = column_of(&skyloom.outputs().join("scores.csv"), "outlier_score");
    let expected = column_of(&tests.join("expected.csv"), "outlier_score");
    assert_eq!(scores.len(), expected.len());
    for (row, (score, expected)) in scores.iter().zip(&expected).enumerate() {
        let is_close = match (score, expected) {
            (Some(score), Some(expected)) => (score - expected).abs() <= 1e-12,
            (score, expected) => score == expected,
        };
        assert!(is_close, "row {row}: {score:?}, not {expected:?}");
    }
}
