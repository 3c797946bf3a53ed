//! Explains what trees say of each object: the probabilities of a random forest, the margins of
//! boosted trees.
//!
//! ```text
//! data → rows (a sample) → margins, part by part → classes to explain
//!                        → Shapley values, part by part → one line for each object and class
//! ```
//!
//! The host's kernels hold the science (path-dependent TreeSHAP, exact); `forest` and `boosted`
//! put the trees of each kind of model together; this file reads columns and writes lines. The
//! model is read in parts of some trees, twice, and never held as a whole.

mod keys;
mod shapley;
mod forest;
mod boosted;

use forest_model::folds::{Which, group_hashes};
use forest_model::port::{
    Covers, bind_boosted, bind_features, bind_model, features_of, folds_to_ask,
};
use forest_model::table::Feature;
use forest_model::{BoostedSchema, Folds, ModelSchema};
use skyloom_plugin::prelude::*;

use crate::keys::Keys;

/// What may stand under `with:` in a workflow.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Params {
    /// The column that says which row this is. Without, the one marked as key.
    #[serde(default)]
    pub key: Option<String>,
    /// Which classes to explain: the predicted one, or all of them.
    #[serde(default)]
    pub classes: Classes,
    /// Which model to explain, where the table holds one for each fold: as in the classifier.
    #[serde(default)]
    pub model: Which,
    /// The share of the rows to explain: deep forests take milliseconds a row. A row is in
    /// the sample or not by its key alone.
    #[serde(default = "all")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub sample: f64,
}

/// Which classes to explain.
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

/// How far base and Shapley values together may be from the model's answer, relative to it
/// where that is above 1.
const TOLERANCE: f64 = 1e-9;

impl Plugin for TreeShap {
    type Params = Params;

    fn describe() -> Descriptor {
        descriptor!(Role::Explainer, Scope::Partition)
            .input("data", "Rows to explain, with all features that the model was trained on.")
            .whole_input("model", "Trees, as forest-trainer or boosting-trainer writes them.")
            .output("attributions", "For each object and class, what each feature contributes.")
            .cite("doi:10.1038/s42256-019-0138-9")
            .cite("arXiv:2209.08192")
            .cite("doi:10.1287/mnsc.18.5.64")
    }

    fn bind(params: &Params, bind: &mut Bind) -> Result<()> {
        let model = match Model::from_fields(bind.fields("model")?)? {
            Model::Forest(_) => Model::Forest(bind_model(bind, "model", Covers::Read)?),
            Model::Boosted(_) => Model::Boosted(bind_boosted(bind, "model", Covers::Read)?),
        };
        bind_features(bind, "data", model.features())?;
        let key = bind.key("data", params.key.as_deref())?;
        let from = params.key.as_ref().map(|_| "key");
        let key = bind.column("data", &key, from)?.read(Purpose::Key);
        Keys::check(key.data_type(), key.name(), params.sample)?;
        bind.add("attributions", key)?;
        for field in model.attribution_fields() {
            bind.add("attributions", field)?;
        }
        model.folds(params)?.map_or(Ok(()), |folds| folds.bind_again("data", bind))
    }

    fn run(params: &Params, task: &mut Task) -> Result<()> {
        let model = Model::from_fields(task.input("model")?.fields())?;
        let folds = model.folds(params)?;
        let sample = Sample::read(params, task.input("data")?, model.features(), folds)?;
        if sample.features.is_empty() {
            return Ok(());
        }
        let trees = task.input("model")?;
        let lines = match &model {
            Model::Forest(schema) => forest::explain(trees, schema, &sample, params.classes)?,
            Model::Boosted(schema) => boosted::explain(trees, schema, &sample, params.classes)?,
        };
        lines.check(model.features().len())?;
        let columns = lines.columns(&model, &sample.keys)?;
        task.output("attributions")?.put(columns)
    }
}

/// What the table on input `model` holds.
enum Model {
    Forest(ModelSchema),
    Boosted(BoostedSchema),
}

impl Model {
    /// Boosted trees if a node has a value, a forest otherwise.
    fn from_fields(fields: &Fields) -> Result<Self> {
        Ok(match fields.find("value") {
            Some(_) => Self::Boosted(BoostedSchema::from_fields(fields)?),
            None => Self::Forest(ModelSchema::from_fields(fields)?),
        })
    }

    fn features(&self) -> &[Feature] {
        match self {
            Self::Forest(schema) => &schema.features,
            Self::Boosted(schema) => &schema.features,
        }
    }

    fn classes(&self) -> &[String] {
        match self {
            Self::Forest(schema) => &schema.classes,
            Self::Boosted(schema) => &schema.classes,
        }
    }

    /// The folds by which rows find their models.
    fn folds(&self, params: &Params) -> Result<Option<&Folds>> {
        match self {
            Self::Forest(_) => Ok(None),
            Self::Boosted(schema) => folds_to_ask(schema, params.model),
        }
    }

    fn attribution_fields(&self) -> Vec<Field> {
        let (what, whole) = match self {
            Self::Forest(_) => ("probability", "the forest's probability of the class"),
            Self::Boosted(_) => ("margin", "the margin of the class, in nats, before the softmax"),
        };
        let class = Field::new("class", DataType::Utf8, false)
            .with_categories(self.classes())
            .with_description(&format!("the class whose {what} is explained"));
        let base = Field::new("base", DataType::Float64, false)
            .with_description(&format!("the {what} of the class when no feature is known"));
        let margin = Field::new("margin", DataType::Float64, false)
            .with_description(&format!("{whole}: base and contributions summed"));
        let phi = |feature: &Feature| {
            Field::new(format!("phi_{}", feature.name), DataType::Float64, false)
                .with_description(&format!("what {} contributes to the {what}", feature.name))
        };
        [class, base, margin].into_iter().chain(self.features().iter().map(phi)).collect()
    }
}

/// The rows to explain.
struct Sample {
    /// Row-major, NaN for missing.
    features: Vec<f64>,
    /// The fold of each row, where there are folds.
    folds: Vec<u32>,
    keys: Keys,
}

impl Sample {
    fn read(
        params: &Params,
        reader: &mut Reader,
        features: &[Feature],
        folds: Option<&Folds>,
    ) -> Result<Self> {
        let key = key_name(params, reader.fields())?;
        let n_features = features.len();
        let mut sample = Self { features: Vec::new(), folds: Vec::new(), keys: Keys::default() };
        let mut n_read = 0;
        while let Some(batch) = reader.next()? {
            let of_batch = features_of(&batch, features)?;
            let hashes = folds.map(|folds| group_hashes(folds, &batch, n_read)).transpose()?;
            for row in sample.keys.take(batch.column(&key)?, params.sample) {
                sample.features.extend(&of_batch[row * n_features..(row + 1) * n_features]);
                if let (Some(folds), Some(hashes)) = (folds, &hashes) {
                    sample.folds.push(folds.fold_of(hashes[row]));
                }
            }
            n_read += batch.rows() as u64;
        }
        Ok(sample)
    }
}

/// What is said of each row and wanted class, row after row.
struct Lines {
    classes: Vec<usize>,
    n_per_row: usize,
    /// What the trees say when no feature is known.
    base: Vec<f64>,
    /// What they say of the row.
    margin: Vec<f64>,
    /// One contribution a feature, line after line.
    phi: Vec<f64>,
}

impl Lines {
    /// Contributions sum to the margin, by theorem; here by test.
    fn check(&self, n_features: usize) -> Result<()> {
        let lines = self.phi.chunks_exact(n_features);
        for ((phi, base), &margin) in lines.zip(&self.base).zip(&self.margin) {
            let sum = base + phi.iter().sum::<f64>();
            // A sum that is not a number is not close either.
            let is_close = (sum - margin).abs() <= TOLERANCE * margin.abs().max(1.0);
            if !is_close {
                return Err(Error::failed(format!(
                    "contributions sum to {sum}, not to the model's {margin}: please report it"
                )));
            }
        }
        Ok(())
    }

    fn columns(self, model: &Model, keys: &Keys) -> Result<Vec<ArrayRef>> {
        let class: StringArray =
            self.classes.iter().map(|&class| Some(&model.classes()[class])).collect();
        let n_features = model.features().len();
        let mut columns: Vec<ArrayRef> = vec![
            keys.repeat(self.n_per_row)?,
            Arc::new(class),
            Arc::new(Float64Array::from(self.base)),
            Arc::new(Float64Array::from(self.margin)),
        ];
        for feature in 0..n_features {
            let phi = self.phi.iter().skip(feature).step_by(n_features).copied();
            columns.push(Arc::new(Float64Array::from_iter_values(phi)));
        }
        Ok(columns)
    }
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
