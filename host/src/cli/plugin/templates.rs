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
pub(super) const LANGUAGES: [Language; 1] =
    [Language { name: "rust", runtime: None, templates: &RUST }];

const FEATURE_EXTRACTOR: &str = "Adds the signal-to-noise ratio of a measured column.";
const CLASSIFIER: &str = "Tells two classes apart by a threshold on one column.";
const EXPLAINER: &str = "Explains a threshold on one column: how far each row lies from it.";
const INGESTER: &str = "Reads text tables whose columns are set apart by white space.";
const SELECTOR: &str = "Keeps the rows whose measurement is precise enough.";
const EVALUATOR: &str = "Scores predicted classes: accuracy, and recall of each class.";
const TRANSFORMER: &str = "Multiplies a column by a factor and gives it another unit.";

macro_rules! rust {
    ($role:literal, $science:literal, $description:expr $(, $path:literal: $text:expr)*) => {
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
                (
                    "tests/stars.yaml",
                    include_str!(concat!("../templates/rust/", $role, "/stars.yaml")),
                ),
                ("README.md", include_str!(concat!("../templates/rust/", $role, "/README.md"))),
                $(($path, $text),)*
            ],
        }
    };
}

const RUST: [Template; 7] = [
    rust!("feature-extractor", "signal", FEATURE_EXTRACTOR),
    rust!("classifier", "cut", CLASSIFIER),
    rust!("explainer", "margin", EXPLAINER),
    rust!(
        "ingester", "lines", INGESTER,
        "tests/stars.txt": include_str!("../templates/rust/ingester/stars.txt")
    ),
    rust!("selector", "precision", SELECTOR),
    rust!("evaluator", "recall", EVALUATOR),
    rust!("transformer", "scale", TRANSFORMER),
];
