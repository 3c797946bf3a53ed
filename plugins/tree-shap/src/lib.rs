//! Explains what a random forest says of each object.
//!
//! ```text
//! data → rows (a sample) → margins, part by part → classes to explain
//!                        → Shapley values, part by part → one line for each object and class
//! ```
//!
//! The host's kernels hold the science (path-dependent TreeSHAP, exact); this file reads
//! columns and writes lines. The model is read in parts of some trees, twice, and never held
//! as a whole.

mod keys;
mod explain;

use forest_model::ModelSchema;
use forest_model::port::{Covers, bind_features, bind_model, features_of};
use forest_model::predict::predict;
use skyloom_plugin::prelude::*;

use crate::explain::{Explained, Lines};
use crate::keys::Keys;

/// What may stand under `with:` in a workflow.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Params {
    /// The column that says which row this is. Without, the one marked as key.
    #[serde(default)]
    pub key: Option<String>,
    /// Which classes' probabilities to explain: the predicted one, or all of them.
    #[serde(default)]
    pub classes: Classes,
    /// The share of the rows to explain: deep forests take milliseconds a row. A row is in
    /// the sample or not by its key alone.
    #[serde(default = "all")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub sample: f64,
}

/// Which classes' probabilities to explain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Classes {
    /// The class with the largest probability.
    #[default]
    Predicted,
    /// Every class.
    All,
}

fn all() -> f64 {
    1.0
}

/// The plugin.
pub struct TreeShap;

impl Plugin for TreeShap {
    type Params = Params;

    fn describe() -> Descriptor {
        descriptor!(Role::Explainer, Scope::Partition)
            .input("data", "Rows to explain, with all features that the model was trained on.")
            .whole_input("model", "A forest, as forest-trainer writes it.")
            .output("attributions", "For each object and class, what each feature contributes.")
            .cite("doi:10.1038/s42256-019-0138-9")
            .cite("arXiv:2209.08192")
            .cite("doi:10.1287/mnsc.18.5.64")
    }

    fn bind(params: &Params, bind: &mut Bind) -> Result<()> {
        let model = bind_model(bind, "model", Covers::Read)?;
        bind_features(bind, "data", &model)?;
        let key = bind.key("data", params.key.as_deref())?;
        let from = params.key.as_ref().map(|_| "key");
        let key = bind.column("data", &key, from)?.read(Purpose::Key);
        Keys::check(key.data_type(), key.name(), params.sample)?;
        bind.add("attributions", key)?;
        for field in attribution_fields(&model) {
            bind.add("attributions", field)?;
        }
        Ok(())
    }

    fn run(params: &Params, task: &mut Task) -> Result<()> {
        let model = ModelSchema::from_fields(task.input("model")?.fields())?;
        let sample = Sample::read(params, task.input("data")?, &model)?;
        if sample.features.is_empty() {
            return Ok(());
        }
        let trees = task.input("model")?;
        let margins = predict(trees, &model, None, &sample.features)?;
        let classes = match params.classes {
            Classes::All => None,
            Classes::Predicted => Some(likeliest(&margins, model.classes.len())),
        };
        let explained = Explained::of(trees, &model, &sample.features, classes)?;
        let lines = Lines { model: &model, keys: &sample.keys, margins, explained };
        lines.check()?;
        task.output("attributions")?.put(lines.columns()?)
    }
}

fn attribution_fields(model: &ModelSchema) -> Vec<Field> {
    let class = Field::new("class", DataType::Utf8, false)
        .with_categories(&model.classes)
        .with_description("the class whose probability is explained");
    let base = Field::new("base", DataType::Float64, false)
        .with_description("the probability of the class when no feature is known");
    let margin = Field::new("margin", DataType::Float64, false)
        .with_description("the forest's probability of the class: base and contributions summed");
    let phi = |feature: &forest_model::table::Feature| {
        Field::new(format!("phi_{}", feature.name), DataType::Float64, false)
            .with_description(&format!("what {} contributes to the probability", feature.name))
    };
    [class, base, margin].into_iter().chain(model.features.iter().map(phi)).collect()
}

/// The rows to explain.
struct Sample {
    /// Row-major, NaN for missing.
    features: Vec<f64>,
    keys: Keys,
}

impl Sample {
    fn read(params: &Params, reader: &mut Reader, model: &ModelSchema) -> Result<Self> {
        let key = key_name(params, reader.fields())?;
        let n_features = model.features.len();
        let mut sample = Self { features: Vec::new(), keys: Keys::default() };
        while let Some(batch) = reader.next()? {
            let features = features_of(&batch, model)?;
            for row in sample.keys.take(batch.column(&key)?, params.sample) {
                sample.features.extend(&features[row * n_features..(row + 1) * n_features]);
            }
        }
        Ok(sample)
    }
}

/// The class with the largest probability of each row, the first of equals.
fn likeliest(margins: &[f64], n_classes: usize) -> Vec<u32> {
    let likeliest = |row: &[f64]| {
        (1..n_classes).fold(0, |best, class| if row[class] > row[best] { class } else { best })
    };
    margins.chunks_exact(n_classes).map(|row| likeliest(row) as u32).collect()
}

fn key_name(params: &Params, fields: &Fields) -> Result<String> {
    let is_key = |field: &&FieldRef| {
        field.ucd().is_some_and(|ucd| ucd.starts_with("meta.id") && ucd.contains("meta.main"))
    };
    let marked = || fields.iter().find(is_key).map(|field| field.name().clone());
    let missing = || Error::failed("bind has found a key column");
    params.key.clone().or_else(marked).ok_or_else(missing)
}

skyloom_plugin::export!(TreeShap);
