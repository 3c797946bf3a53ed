//! What `skyloom plugin new` writes, by language and role.

/// A language, and on what its plugins run where there is a choice.
pub(super) struct Language {
    pub(super) name: &'static str,
    pub(super) runtime: Option<&'static str>,
    pub(super) templates: &'static [Template],
}

/// A package to start from. In its files, `plugin-name`, `plugin_name` and `PluginName` stand
/// for the new plugin's name.
pub(super) struct Template {
    pub(super) role: &'static str,
    pub(super) description: &'static str,
    /// The file with the science.
    pub(super) science: &'static str,
    /// Path in the package, and content.
    pub(super) files: &'static [(&'static str, &'static str)],
}

/// The languages, Rust first.
pub(super) const LANGUAGES: [Language; 5] = [
    Language { name: "rust", runtime: None, templates: &RUST },
    Language { name: "c", runtime: None, templates: &C },
    Language { name: "go", runtime: None, templates: &GO },
    Language { name: "python", runtime: None, templates: &PYTHON },
    Language { name: "js", runtime: None, templates: &JAVASCRIPT },
];

const FEATURE_EXTRACTOR: &str = "Adds the signal-to-noise ratio of a measured column.";
const CLASSIFIER: &str = "Tells two classes apart by a threshold on one column.";
const EXPLAINER: &str = "Explains a threshold on one column: how far each row lies from it.";
const INGESTER: &str = "Reads text tables whose columns are set apart by white space.";
const SELECTOR: &str = "Keeps the rows whose measurement is precise enough.";
const EVALUATOR: &str = "Scores predicted classes: accuracy, and recall of each class.";
const TRANSFORMER: &str = "Multiplies a column by a factor and gives it another unit.";

macro_rules! rust {
    ($role:literal, $science:literal, $description:expr) => {
        Template {
            role: $role,
            description: $description,
            science: concat!("src/", $science, ".rs"),
            files: &[
                ("Cargo.toml", include_str!("../templates/rust/Cargo.toml.in")),
                ("src/lib.rs", include_str!(concat!("../templates/rust/", $role, "/lib.rs"))),
                (
                    concat!("src/", $science, ".rs"),
                    include_str!(concat!("../templates/rust/", $role, "/", $science, ".rs")),
                ),
                (
                    "tests/contract.rs",
                    include_str!(concat!("../templates/rust/", $role, "/contract.rs")),
                ),
                ("README.md", include_str!(concat!("../templates/rust/", $role, "/README.md"))),
            ],
        }
    };
}

const RUST: [Template; 7] = [
    rust!("feature-extractor", "signal", FEATURE_EXTRACTOR),
    rust!("classifier", "cut", CLASSIFIER),
    rust!("explainer", "margin", EXPLAINER),
    rust!("ingester", "lines", INGESTER),
    rust!("selector", "precision", SELECTOR),
    rust!("evaluator", "recall", EVALUATOR),
    rust!("transformer", "scale", TRANSFORMER),
];

/// A file of the cases that languages share.
macro_rules! case {
    ($role:literal, $name:literal) => {
        (concat!("tests/", $name), include_str!(concat!("../templates/cases/", $role, "/", $name)))
    };
}

macro_rules! c {
    ($role:literal, $science:literal, $description:expr, [$($case:literal),+]) => {
        Template {
            role: $role,
            description: $description,
            science: concat!("src/", $science, ".c"),
            files: &[
                ("plugin.toml", include_str!("../templates/c/plugin.toml.in")),
                ("src/plugin.c", include_str!(concat!("../templates/c/", $role, "/plugin.c"))),
                (
                    concat!("src/", $science, ".h"),
                    include_str!(concat!("../templates/c/", $role, "/", $science, ".h")),
                ),
                (
                    concat!("src/", $science, ".c"),
                    include_str!(concat!("../templates/c/", $role, "/", $science, ".c")),
                ),
                (
                    concat!("tests/", $science, "_test.c"),
                    include_str!(concat!("../templates/c/", $role, "/", $science, "_test.c")),
                ),
                ("README.md", include_str!(concat!("../templates/c/", $role, "/README.md"))),
                $(case!($role, $case)),+
            ],
        }
    };
}

const C: [Template; 4] = [
    c!(
        "feature-extractor",
        "signal",
        FEATURE_EXTRACTOR,
        ["ratio.yaml", "missing.yaml", "stars.csv", "ratio.csv"]
    ),
    c!(
        "classifier",
        "cut",
        CLASSIFIER,
        ["blurred.yaml", "same.yaml", "stars.csv", "blurred.csv"]
    ),
    c!(
        "explainer",
        "margin",
        EXPLAINER,
        ["margins.yaml", "missing.yaml", "stars.csv", "margins.csv"]
    ),
    c!(
        "ingester",
        "lines",
        INGESTER,
        ["catalogue.yaml", "ragged.yaml", "catalogue.txt", "catalogue.csv"]
    ),
];

macro_rules! go {
    ($role:literal, $science:literal, $description:expr, [$($case:literal),+]) => {
        Template {
            role: $role,
            description: $description,
            science: concat!($science, "/", $science, ".go"),
            files: &[
                ("plugin.toml", include_str!("../templates/go/plugin.toml.in")),
                ("go.mod", include_str!("../templates/go/go.mod.in")),
                ("plugin.go", include_str!(concat!("../templates/go/", $role, "/plugin.go"))),
                (
                    concat!($science, "/", $science, ".go"),
                    include_str!(concat!("../templates/go/", $role, "/", $science, ".go")),
                ),
                (
                    concat!($science, "/", $science, "_test.go"),
                    include_str!(concat!("../templates/go/", $role, "/", $science, "_test.go")),
                ),
                ("README.md", include_str!(concat!("../templates/go/", $role, "/README.md"))),
                $(case!($role, $case)),+
            ],
        }
    };
}

const GO: [Template; 4] = [
    go!(
        "feature-extractor",
        "signal",
        FEATURE_EXTRACTOR,
        ["ratio.yaml", "missing.yaml", "stars.csv", "ratio.csv"]
    ),
    go!(
        "classifier",
        "cut",
        CLASSIFIER,
        ["blurred.yaml", "same.yaml", "stars.csv", "blurred.csv"]
    ),
    go!(
        "explainer",
        "margin",
        EXPLAINER,
        ["margins.yaml", "missing.yaml", "stars.csv", "margins.csv"]
    ),
    go!(
        "ingester",
        "lines",
        INGESTER,
        ["catalogue.yaml", "ragged.yaml", "catalogue.txt", "catalogue.csv"]
    ),
];

macro_rules! python {
    ($role:literal, $science:literal, $description:expr, [$($case:literal),+]) => {
        Template {
            role: $role,
            description: $description,
            science: concat!($science, ".py"),
            files: &[
                ("plugin.toml", include_str!("../templates/python/plugin.toml.in")),
                ("plugin.py", include_str!(concat!("../templates/python/", $role, "/plugin.py"))),
                (
                    concat!($science, ".py"),
                    include_str!(concat!("../templates/python/", $role, "/", $science, ".py")),
                ),
                (
                    concat!("tests/test_", $science, ".py"),
                    include_str!(concat!("../templates/python/", $role, "/test_", $science, ".py")),
                ),
                ("README.md", include_str!(concat!("../templates/python/", $role, "/README.md"))),
                $(case!($role, $case)),+
            ],
        }
    };
}

const PYTHON: [Template; 4] = [
    python!(
        "feature-extractor",
        "signal_to_noise",
        FEATURE_EXTRACTOR,
        ["ratio.yaml", "missing.yaml", "stars.csv", "ratio.csv"]
    ),
    python!(
        "classifier",
        "cut",
        CLASSIFIER,
        ["blurred.yaml", "same.yaml", "stars.csv", "blurred.csv"]
    ),
    python!(
        "explainer",
        "margin",
        EXPLAINER,
        ["margins.yaml", "missing.yaml", "stars.csv", "margins.csv"]
    ),
    python!(
        "ingester",
        "lines",
        INGESTER,
        ["catalogue.yaml", "ragged.yaml", "catalogue.txt", "catalogue.csv"]
    ),
];

macro_rules! js {
    ($role:literal, $science:literal, $description:expr, [$($case:literal),+]) => {
        Template {
            role: $role,
            description: $description,
            science: concat!($science, ".js"),
            files: &[
                ("plugin.toml", include_str!("../templates/js/plugin.toml.in")),
                ("package.json", include_str!("../templates/js/package.json.in")),
                ("plugin.js", include_str!(concat!("../templates/js/", $role, "/plugin.js"))),
                (
                    concat!($science, ".js"),
                    include_str!(concat!("../templates/js/", $role, "/", $science, ".js")),
                ),
                (
                    concat!("tests/", $science, ".test.js"),
                    include_str!(concat!("../templates/js/", $role, "/", $science, ".test.js")),
                ),
                ("README.md", include_str!(concat!("../templates/js/", $role, "/README.md"))),
                $(case!($role, $case)),+
            ],
        }
    };
}

const JAVASCRIPT: [Template; 4] = [
    js!(
        "feature-extractor",
        "signal-to-noise",
        FEATURE_EXTRACTOR,
        ["ratio.yaml", "missing.yaml", "stars.csv", "ratio.csv"]
    ),
    js!(
        "classifier",
        "cut",
        CLASSIFIER,
        ["blurred.yaml", "same.yaml", "stars.csv", "blurred.csv"]
    ),
    js!(
        "explainer",
        "margin",
        EXPLAINER,
        ["margins.yaml", "missing.yaml", "stars.csv", "margins.csv"]
    ),
    js!(
        "ingester",
        "lines",
        INGESTER,
        ["catalogue.yaml", "ragged.yaml", "catalogue.txt", "catalogue.csv"]
    ),
];
