//! Explains what a random forest says of each object.
//!
//! ```text
//! data → rows (a sample) → margins, tree by tree → classes to explain
//!                        → Shapley values, tree by tree → one line for each object and class
//! ```
//!
//! [`shapley`] holds the science; this file reads columns and writes lines. The model is
//! read tree by tree, twice, and never held as a whole.

pub mod quadrature;
pub mod shapley;
mod keys;

use forest_model::port::{Covers, bind_features, bind_model, features_of, read_trees};
use forest_model::{ModelSchema, PackedForest, Tree};
use skyloom_plugin::prelude::*;

use crate::keys::Keys;
use crate::shapley::{Attributions, PathTree, Rows};

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

/// How far base and Shapley values together may be from the forest's answer.
const TOLERANCE: f64 = 1e-9;

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
        let (margins, n_trees) = margins(task.input("model")?, &model, &sample.features)?;
        let classes = wanted_classes(params.classes, &margins, model.classes.len());
        let rows = Rows::new(&sample.features, model.features.len(), classes.clone());
        let explained = explain(task, &model, &rows, n_trees)?;
        let lines = Lines { model: &model, keys: &sample.keys, margins, classes, explained };
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

/// The forest's probabilities of all classes for all rows, and the number of its trees.
fn margins(
    reader: &mut Reader,
    model: &ModelSchema,
    features: &[f64],
) -> Result<(Vec<f64>, usize)> {
    let n_classes = model.classes.len();
    let mut sums = vec![0.0; features.len() / model.features.len() * n_classes];
    let n_trees = read_trees(reader, model, Covers::Ignored, |tree| {
        let mut forest = PackedForest::new(model.features.len(), n_classes);
        forest.push(tree);
        forest.add_to(&mut sums, features);
    })?;
    sums.iter_mut().for_each(|sum| *sum /= n_trees as f64);
    Ok((sums, n_trees))
}

/// The classes to explain, the same number for each row.
fn wanted_classes(classes: Classes, margins: &[f64], n_classes: usize) -> Vec<usize> {
    let rows = margins.chunks_exact(n_classes);
    let likeliest = |row: &[f64]| {
        (1..n_classes).fold(0, |best, class| if row[class] > row[best] { class } else { best })
    };
    match classes {
        Classes::All => rows.flat_map(|_| 0..n_classes).collect(),
        Classes::Predicted => rows.map(likeliest).collect(),
    }
}

/// What a forest's trees say together.
struct Explained {
    /// The expectation of each class.
    base: Vec<f64>,
    attributions: Attributions,
}

fn explain(task: &mut Task, model: &ModelSchema, rows: &Rows, n_trees: usize) -> Result<Explained> {
    let (n_features, n_classes) = (model.features.len(), model.classes.len());
    let mut base = vec![0.0; n_classes];
    let mut attributions = Attributions::zeros(rows);
    let mut fault = None;
    let each = |tree: Tree| match PathTree::new(tree, n_features, n_classes) {
        Ok(path) => {
            path.explain(rows, &mut attributions);
            (0..n_classes).for_each(|class| base[class] += path.expectation(class));
        }
        Err(error) => fault = fault.take().or(Some(error)),
    };
    let reader = task.input("model")?;
    reader.rewind();
    read_trees(reader, model, Covers::Read, each)?;
    if let Some(fault) = fault {
        return Err(Error::data(fault));
    }
    base.iter_mut().for_each(|sum| *sum /= n_trees as f64);
    attributions.divide(n_trees as f64);
    Ok(Explained { base, attributions })
}

/// The lines of the output: one for each row and wanted class.
struct Lines<'a> {
    model: &'a ModelSchema,
    keys: &'a Keys,
    margins: Vec<f64>,
    /// The same number for each row.
    classes: Vec<usize>,
    explained: Explained,
}

impl Lines<'_> {
    fn n_per_row(&self) -> usize {
        self.classes.len() * self.model.classes.len() / self.margins.len()
    }

    fn base(&self) -> impl Iterator<Item = f64> {
        self.classes.iter().map(|&class| self.explained.base[class])
    }

    fn margin(&self) -> impl Iterator<Item = f64> {
        let of_rows = self.margins.chunks_exact(self.model.classes.len());
        let of_lines = self.classes.chunks_exact(self.n_per_row());
        of_rows.zip(of_lines).flat_map(|(row, classes)| classes.iter().map(|&class| row[class]))
    }

    /// Contributions sum to the margin, by theorem; here by test.
    fn check(&self) -> Result<()> {
        let lines = self.explained.attributions.lines();
        for ((phi, base), margin) in lines.zip(self.base()).zip(self.margin()) {
            let sum = base + phi.iter().sum::<f64>();
            // A sum that is not a number is not close either.
            let is_close = (sum - margin).abs() <= TOLERANCE;
            if !is_close {
                return Err(Error::failed(format!(
                    "contributions sum to {sum}, not to the forest's {margin}: please report it"
                )));
            }
        }
        Ok(())
    }

    fn columns(&self) -> Result<Vec<ArrayRef>> {
        let class: StringArray =
            self.classes.iter().map(|&class| Some(&self.model.classes[class])).collect();
        let mut columns: Vec<ArrayRef> = vec![
            self.keys.repeat(self.n_per_row())?,
            Arc::new(class),
            Arc::new(Float64Array::from_iter_values(self.base())),
            Arc::new(Float64Array::from_iter_values(self.margin())),
        ];
        for feature in 0..self.model.features.len() {
            let phi = self.explained.attributions.lines().map(|line| line[feature]);
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
