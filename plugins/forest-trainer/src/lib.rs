//! Trains a random forest classifier.
//!
//! ```text
//! data → Examples (codes, labels, integer weights) → grow, some trees a piece → model table
//! ```
//!
//! [`examples`] and [`grow`] hold the science; this file reads columns and writes the
//! table that [`forest_model`] describes. Trees depend on the rows' values, not on their
//! order, nor on which trees are grown in the same run.

mod split;
pub mod examples;
pub mod grow;

use forest_model::lesson::{ClassWeights, Labelled, Lesson};
use forest_model::{Bagging, ModelSchema};
use skyloom_plugin::prelude::*;

use crate::examples::{Examples, ExamplesError};
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
        let lesson = params.lesson();
        let label = lesson.bind(bind, None)?;
        let model = ModelSchema {
            features: lesson.features(bind.fields("data")?, None)?,
            classes: lesson.classes(&label)?,
            bagging: Some(Bagging { seed: params.seed }),
        };
        params.class_weights.check(&model.classes)?;
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
        let lesson = params.lesson();
        let (_, label) = fields.find(&params.label).expect("bind has found the label");
        let model = ModelSchema {
            features: lesson.features(&fields, None)?,
            classes: lesson.classes(label)?,
            bagging: Some(Bagging { seed: params.seed }),
        };
        let table = lesson.read(reader, &model.features, &model.classes, None)?;
        let n_unlabelled = table.n_unlabelled;
        let examples = examples(table, &lesson, model.classes.len())?;
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

impl Params {
    fn lesson(&self) -> Lesson<'_> {
        Lesson {
            label: &self.label,
            features: self.features.as_deref(),
            weight: self.weight.as_deref(),
            classes: self.classes.as_deref(),
        }
    }
}

fn examples(table: Labelled, lesson: &Lesson, n_classes: usize) -> Result<Examples> {
    let weights = table.weights.as_deref();
    let examples = Examples::new(&table.features, table.labels, weights, n_classes);
    examples.map_err(|error| match error {
        ExamplesError::NoRows => lesson.no_rows(),
        ExamplesError::Weight { row } => lesson.not_a_weight(table.places[row]),
        ExamplesError::TooManyClasses { .. } => Error::param("classes", error),
    })
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
    let class_weights =
        params.class_weights.of(&model.classes, || examples.balanced_class_weights());
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
