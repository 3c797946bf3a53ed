//! Trains a random forest classifier.
//!
//! ```text
//! data → Examples (codes, labels, integer weights) → grow, some trees a piece → model table
//! ```
//!
//! [`examples`] and [`grow`] hold the science; this file reads columns and writes the
//! table that [`forest_model`] describes. Trees depend on the rows' values, not on their
//! order, nor on which trees are grown in the same run.

mod codes;
mod split;
pub mod examples;
pub mod grow;

use forest_model::table::Feature;
use forest_model::{Bagging, ModelSchema};
use indexmap::IndexMap;
use skyloom_plugin::bind::is_number;
use skyloom_plugin::prelude::*;

use crate::examples::{Examples, ExamplesError, MAX_CLASSES};
use crate::grow::Growth;

/// What may stand under `with:` in a workflow.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Params {
    /// The column with the true classes. Rows without a label are skipped.
    pub label: String,
    /// The columns to learn from. Without, all columns of numbers but the weight and what
    /// is marked as an identifier.
    #[serde(default)]
    pub features: Option<Vec<String>>,
    /// How many trees.
    #[serde(default = "default_trees")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub trees: u32,
    /// How many trees one run grows. Changes how the work is cut, not the forest.
    #[serde(default = "default_trees_per_shard")]
    #[schemars(range(min = 1))]
    pub trees_per_shard: u32,
    /// Levels below the root. Without, trees grow until their leaves are pure.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub max_depth: Option<u32>,
    /// Training rows that each side of a split must have at least.
    #[serde(default = "default_min_samples_leaf")]
    #[schemars(range(min = 1))]
    pub min_samples_leaf: u32,
    /// Features drawn at each node. Without, the square root of their number.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub max_features: Option<u32>,
    /// Buckets into which the values in a node are cut to look for a split; a node with
    /// fewer distinct values is split exactly.
    #[serde(default = "default_bins")]
    #[schemars(range(min = 2, max = 65_535))]
    pub bins: u16,
    /// What a row of each class weighs: `none`, `balanced` (classes weigh the same in
    /// total), or a number for each class (1 for those not named).
    #[serde(default)]
    pub class_weights: ClassWeights,
    /// A column that weighs rows, with numbers from 0 up.
    #[serde(default)]
    pub weight: Option<String>,
    /// The classes, in the order of the model's probabilities. Without, the categories of
    /// the label column as its ingester found them.
    #[serde(default)]
    pub classes: Option<Vec<String>>,
    /// Draws the rows of each tree and the features of each node.
    #[serde(default)]
    pub seed: u64,
}

/// What a row of each class weighs.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum ClassWeights {
    Rule(WeightRule),
    Each(IndexMap<String, f64>),
}

/// A way to weigh classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WeightRule {
    /// Every row weighs 1.
    None,
    /// Classes weigh the same in total.
    Balanced,
}

impl Default for ClassWeights {
    fn default() -> Self {
        Self::Rule(WeightRule::None)
    }
}

fn default_trees() -> u32 {
    300
}

fn default_trees_per_shard() -> u32 {
    25
}

fn default_min_samples_leaf() -> u32 {
    1
}

fn default_bins() -> u16 {
    255
}

/// The plugin.
pub struct ForestTrainer;

impl Plugin for ForestTrainer {
    type Params = Params;

    fn describe() -> Descriptor {
        descriptor!(Role::Trainer, Scope::Whole)
            .input("data", "A table with a label and features. Missing values may stay missing.")
            .output("model", "The forest, one row a node.")
            .cite("doi:10.1023/A:1010933404324")
    }

    fn bind(params: &Params, bind: &mut Bind) -> Result<()> {
        let label = bind.column("data", &params.label, Some("label"))?.text()?.read(Purpose::Label);
        if let Some(weight) = &params.weight {
            bind.column("data", weight, Some("weight"))?.number()?.read(Purpose::Weight);
        }
        let names = feature_names(params, bind.fields("data")?)?;
        for name in &names {
            bind.column("data", name, Some("features"))?.number()?.read(Purpose::Feature);
        }
        let model = ModelSchema {
            features: features(&names, bind.fields("data")?)?,
            classes: classes(params, &label)?,
            bagging: Some(Bagging { seed: params.seed }),
        };
        check_class_weights(params, &model.classes)?;
        for field in model.fields() {
            bind.add("model", field)?;
        }
        bind.set_pieces(params.trees.div_ceil(params.trees_per_shard));
        Ok(())
    }

    fn run(params: &Params, task: &mut Task) -> Result<()> {
        let (piece, _) = task.piece();
        let reader = task.input("data")?;
        let fields = reader.fields().clone();
        let names = feature_names(params, &fields)?;
        let (_, label) = fields.find(&params.label).expect("bind has found the label");
        let model = ModelSchema {
            features: features(&names, &fields)?,
            classes: classes(params, label)?,
            bagging: Some(Bagging { seed: params.seed }),
        };
        let table = read(params, reader, &model)?;
        let n_unlabelled = table.n_unlabelled;
        let examples = table.examples(params, &model)?;
        // Every piece reads the same rows: one of them tells.
        if piece == 0 {
            tell(task, params, &model, &examples, n_unlabelled);
        }
        let growth = growth(params, &model, &examples);
        let first = piece * params.trees_per_shard;
        let trees = first..params.trees.min(first + params.trees_per_shard);
        for tree in trees.clone() {
            let nodes = grow::grow(&examples, &growth, tree..tree + 1);
            if !nodes.is_empty() {
                task.output("model")?.put(model.columns(nodes))?;
            }
            task.progress(u64::from(tree + 1 - first), trees.len() as u64);
        }
        Ok(())
    }
}

/// The named features, or all columns of numbers that may be one.
fn feature_names(params: &Params, fields: &Fields) -> Result<Vec<String>> {
    if let Some(names) = &params.features {
        return match names.iter().enumerate().find(|(i, name)| names[..*i].contains(name)) {
            Some((_, twice)) => Err(Error::param("features", format!("`{twice}` stands twice"))),
            None if names.is_empty() => Err(Error::param("features", "name at least one column")),
            None => Ok(names.clone()),
        };
    }
    let is_identifier = |field: &Field| field.ucd().is_some_and(|ucd| ucd.starts_with("meta.id"));
    let is_taken = |name: &str| name == params.label || Some(name) == params.weight.as_deref();
    let names: Vec<String> = fields
        .iter()
        .filter(|field| is_number(field.data_type()) && !is_identifier(field))
        .map(|field| field.name().clone())
        .filter(|name| !is_taken(name))
        .collect();
    if names.is_empty() {
        let message = "no column of input `data` holds numbers to learn from; name the features \
                       here, or compute some before training";
        return Err(Error::param("features", message));
    }
    Ok(names)
}

fn features(names: &[String], fields: &Fields) -> Result<Vec<Feature>> {
    names
        .iter()
        .map(|name| {
            let (_, field) = fields
                .find(name)
                .ok_or_else(|| Error::failed(format!("no column `{name}` on input `data`")))?;
            Ok(Feature { name: name.clone(), unit: field.unit().map(str::to_owned) })
        })
        .collect()
}

fn classes(params: &Params, label: &Field) -> Result<Vec<String>> {
    let Some(classes) = params.classes.clone().or_else(|| label.categories()) else {
        let message = format!(
            "the classes of `{}` are not known before data moves: its ingester did not list its \
             categories (too many, or not asked for); list the classes here",
            params.label
        );
        return Err(Error::param("classes", message));
    };
    if let Some((_, twice)) =
        classes.iter().enumerate().find(|(i, class)| classes[..*i].contains(class))
    {
        return Err(Error::param("classes", format!("`{twice}` stands twice")));
    }
    if !(1..=MAX_CLASSES).contains(&classes.len()) {
        let message = format!(
            "`{}` has {} classes; a forest can tell from 1 to {MAX_CLASSES} apart",
            params.label,
            classes.len()
        );
        return Err(Error::param("classes", message));
    }
    Ok(classes)
}

fn check_class_weights(params: &Params, classes: &[String]) -> Result<()> {
    let ClassWeights::Each(weights) = &params.class_weights else {
        return Ok(());
    };
    for (class, weight) in weights {
        if !classes.contains(class) {
            let message =
                format!("there is no class `{class}`; the classes are {}", classes.join(", "));
            return Err(Error::param("class-weights", message));
        }
        if !(weight.is_finite() && *weight > 0.0) {
            let message = format!("class `{class}` must weigh a finite number above 0");
            return Err(Error::param("class-weights", message));
        }
    }
    Ok(())
}

/// The labelled rows of the input.
struct Labelled {
    features: Vec<Vec<f64>>,
    labels: Vec<u8>,
    weights: Option<Vec<f64>>,
    /// The place in the input of each row.
    places: Vec<u64>,
    n_unlabelled: u64,
}

fn read(params: &Params, reader: &mut Reader, model: &ModelSchema) -> Result<Labelled> {
    let mut table = Labelled {
        features: vec![Vec::new(); model.features.len()],
        labels: Vec::new(),
        weights: params.weight.is_some().then(Vec::new),
        places: Vec::new(),
        n_unlabelled: 0,
    };
    let mut n_read = 0;
    while let Some(batch) = reader.next()? {
        let labels = batch.strings(&params.label)?;
        let is_labelled: Vec<bool> = (0..batch.rows()).map(|row| labels.is_valid(row)).collect();
        for label in labels.iter().flatten() {
            table.labels.push(class_of(label, params, model)?);
        }
        for (values, feature) in table.features.iter_mut().zip(&model.features) {
            extend(values, batch.numbers(&feature.name)?.into_nan(), &is_labelled);
        }
        if let (Some(weights), Some(column)) = (&mut table.weights, &params.weight) {
            extend(weights, batch.numbers(column)?.into_nan(), &is_labelled);
        }
        extend(&mut table.places, n_read.., &is_labelled);
        n_read += batch.rows() as u64;
    }
    table.n_unlabelled = n_read - table.labels.len() as u64;
    Ok(table)
}

fn extend<T>(to: &mut Vec<T>, values: impl IntoIterator<Item = T>, is_labelled: &[bool]) {
    let kept = is_labelled.iter().zip(values).filter(|(keep, _)| **keep);
    to.extend(kept.map(|(_, value)| value));
}

fn class_of(label: &str, params: &Params, model: &ModelSchema) -> Result<u8> {
    let place = model.classes.iter().position(|class| class == label);
    place.and_then(|place| u8::try_from(place).ok()).ok_or_else(|| {
        let remedy = if params.classes.is_some() {
            "add it to `classes`, or drop these rows before training"
        } else {
            "name the classes with `classes`, or drop these rows before training"
        };
        Error::data(format!(
            "column `{}` says `{label}`, which is not one of the classes {}; {remedy}",
            params.label,
            model.classes.join(", ")
        ))
    })
}

impl Labelled {
    fn examples(self, params: &Params, model: &ModelSchema) -> Result<Examples> {
        let weights = self.weights.as_deref();
        let examples = Examples::new(&self.features, self.labels, weights, model.classes.len());
        examples.map_err(|error| match error {
            ExamplesError::NoRows => Error::data(format!(
                "no row of input `data` has a label in `{}`{}; check the selection before \
                 training",
                params.label,
                if params.weight.is_some() { " and a weight above 0" } else { "" }
            )),
            ExamplesError::Weight { row } => Error::data(format!(
                "the weight in column `{}`, row {}, is not a finite number from 0 up; mend it or \
                 drop the row before training",
                params.weight.as_deref().unwrap_or_default(),
                self.places[row]
            )),
            ExamplesError::TooManyClasses { .. } => Error::param("classes", error),
        })
    }
}

fn tell(task: &Task, params: &Params, model: &ModelSchema, examples: &Examples, n_unlabelled: u64) {
    if n_unlabelled > 0 {
        task.warn(&format!("{n_unlabelled} rows have no label in `{}`: skipped", params.label));
    }
    let totals = examples.class_totals();
    let absent: Vec<&str> = model
        .classes
        .iter()
        .zip(totals)
        .filter(|(_, total)| *total == 0.0)
        .map(|(class, _)| class.as_str())
        .collect();
    if !absent.is_empty() {
        let absent = absent.join(", ");
        task.warn(&format!("no row to learn from has class {absent}: never predicted"));
    }
}

fn growth(params: &Params, model: &ModelSchema, examples: &Examples) -> Growth {
    let class_weights = match &params.class_weights {
        ClassWeights::Rule(WeightRule::None) => vec![1.0; model.classes.len()],
        ClassWeights::Rule(WeightRule::Balanced) => examples.balanced_class_weights(),
        ClassWeights::Each(weights) => {
            model.classes.iter().map(|class| weights.get(class).copied().unwrap_or(1.0)).collect()
        }
    };
    let n_features = model.features.len();
    let max_features = params.max_features.map_or(n_features.isqrt(), |most| most as usize);
    Growth {
        max_depth: params.max_depth,
        min_samples_leaf: params.min_samples_leaf,
        max_features: max_features.clamp(1, n_features),
        bins: params.bins,
        class_weights,
        seed: params.seed,
    }
}

skyloom_plugin::export!(ForestTrainer);
