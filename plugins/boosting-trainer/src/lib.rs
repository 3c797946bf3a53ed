//! Trains gradient-boosted trees, one model for each fold if folds are asked for.
//!
//! ```text
//! data → Labelled → (without a fold's rows) Examples → boost, one model a piece → model table
//! ```
//!
//! [`boost`] holds the science; this file reads columns and writes the table that
//! [`forest_model::boosted`] describes. A model depends on the rows' values, not on their
//! order, nor on the models of other folds.

mod bins;
mod histogram;
mod split;
pub mod examples;
mod grow;
pub mod boost;

use forest_model::boosted::{ALL_ROWS, BoostedNodes, BoostedSchema, Models};
use forest_model::folds::{Folds, MAX_FOLDS};
use forest_model::lesson::{ClassWeights, Labelled, Lesson};
use forest_model::tree::LARGEST_VALUE;
use skyloom_plugin::prelude::*;

use crate::boost::{Boosting, ClassTree, boost, fraction};
use crate::examples::{Examples, ExamplesError};

/// What may stand under `with:` in a workflow.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Params {
    /// The column with the true classes. Rows without a label are skipped.
    pub label: String,
    /// The columns to learn from. Without, all columns of numbers but the weight, the column
    /// that decides the folds, and what is marked as an identifier.
    #[serde(default)]
    pub features: Option<Vec<String>>,
    /// Rounds; each grows one tree a class.
    #[serde(default = "default_rounds")]
    #[schemars(range(min = 1, max = 100_000))]
    pub rounds: u32,
    /// The share of each tree's step that is taken: less needs more rounds and overfits later.
    #[serde(default = "default_learning_rate")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub learning_rate: f64,
    /// Leaves of a tree, at most. The leaf that gains most is split next.
    #[serde(default = "default_num_leaves")]
    #[schemars(range(min = 2, max = 4096))]
    pub num_leaves: u32,
    /// Levels below the root, at most.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub max_depth: Option<u32>,
    /// Training rows that a leaf has at least.
    #[serde(default = "default_min_data_in_leaf")]
    #[schemars(range(min = 1))]
    pub min_data_in_leaf: u32,
    /// Summed curvature of the loss that a leaf has at least, a row weighing 1 on average:
    /// where the model is already sure, curvature is small and steps would be long.
    #[serde(default = "default_min_sum_hessian")]
    #[schemars(range(min = 0.0))]
    pub min_sum_hessian: f64,
    /// Added to the curvature of each leaf, which shortens the steps of small leaves.
    #[serde(default = "default_lambda_l2")]
    #[schemars(range(min = 0.0))]
    pub lambda_l2: f64,
    /// The longest step of a leaf, in nats, before the learning rate.
    #[serde(default = "default_max_step")]
    #[schemars(range(min = 0.0, max = 1e6))]
    pub max_step: f64,
    /// Bins into which each feature is cut, at quantiles.
    #[serde(default = "default_bins")]
    #[schemars(range(min = 2, max = 255))]
    pub bins: u8,
    /// The share of the rows that each round learns from, drawn by the seed.
    #[serde(default = "all")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub row_fraction: f64,
    /// The share of the features that each tree may test, drawn by the seed.
    #[serde(default = "all")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub feature_fraction: f64,
    /// The share of the training rows, or groups where there are folds, that is held out to say
    /// when to stop. 0: all rounds are grown.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 0.9))]
    pub validation_fraction: f64,
    /// Rounds without a better log-loss of the held-out rows after which to stop; the trees
    /// after the best round are dropped.
    #[serde(default = "default_patience")]
    #[schemars(range(min = 1))]
    pub patience: u32,
    /// What a row of each class weighs: `none`, `balanced` (classes weigh the same in
    /// total), or a number for each class (1 for those not named).
    #[serde(default)]
    pub class_weights: ClassWeights,
    /// A column that weighs rows, with numbers from 0 up. Only proportions count.
    #[serde(default)]
    pub weight: Option<String>,
    /// The classes, in the order of the model's answers. Without, the categories of the label
    /// column as its ingester found them.
    #[serde(default)]
    pub classes: Option<Vec<String>>,
    /// Cross-validation: so many models, each of which has not seen one part of the rows, so
    /// that `boosting-classifier` can give each row the answer of the model that has not seen
    /// it. 0: one model of all rows.
    #[serde(default)]
    #[schemars(range(max = 100))]
    pub folds: u32,
    /// The column whose equal values stay in one fold. Without, the one marked as key. A row's
    /// fold is a hash of its value and the seed; folds are not stratified.
    #[serde(default)]
    pub fold_by: Option<String>,
    /// With folds: one more model, of all rows, for rows yet to come.
    #[serde(default)]
    pub final_model: bool,
    /// Draws folds, held-out rows, the rows of each round and the features of each tree.
    #[serde(default)]
    pub seed: u64,
}

fn default_rounds() -> u32 {
    200
}

fn default_learning_rate() -> f64 {
    0.1
}

fn default_num_leaves() -> u32 {
    31
}

fn default_min_data_in_leaf() -> u32 {
    20
}

fn default_min_sum_hessian() -> f64 {
    1e-3
}

fn default_lambda_l2() -> f64 {
    1.0
}

fn default_max_step() -> f64 {
    10.0
}

fn default_bins() -> u8 {
    255
}

fn default_patience() -> u32 {
    20
}

fn all() -> f64 {
    1.0
}

/// The plugin.
pub struct BoostingTrainer;

impl Plugin for BoostingTrainer {
    type Params = Params;

    fn describe() -> Descriptor {
        descriptor!(Role::Trainer, Scope::Whole)
            .input("data", "A table with a label and features. Missing values may stay missing.")
            .output("model", "The trees, one row a node; with folds, one model after the other.")
            .cite("doi:10.1214/aos/1013203451")
            .cite("doi:10.1214/aos/1016218223")
            .cite("doi:10.1145/2939672.2939785")
    }

    fn bind(params: &Params, bind: &mut Bind) -> Result<()> {
        params.check()?;
        let folds = match params.folds {
            0 => None,
            count => Some(Folds::bind(count, params.fold_by.as_deref(), params.seed, bind)?),
        };
        let lesson = params.lesson();
        let label = lesson.bind(bind, folds.as_ref())?;
        let model = BoostedSchema {
            features: lesson.features(bind.fields("data")?, folds.as_ref())?,
            classes: lesson.classes(&label)?,
            models: params.models(folds),
        };
        params.class_weights.check(&model.classes)?;
        params.check_size(model.classes.len())?;
        for field in model.fields() {
            bind.add("model", field)?;
        }
        bind.set_pieces(params.n_models());
        Ok(())
    }

    fn run(params: &Params, task: &mut Task) -> Result<()> {
        let (piece, _) = task.piece();
        let reader = task.input("data")?;
        let fields = reader.fields().clone();
        let folds = match params.folds {
            0 => None,
            count => Some(Folds::find(count, params.fold_by.as_deref(), params.seed, &fields)?),
        };
        let lesson = params.lesson();
        let (_, label) = fields.find(&params.label).expect("bind has found the label");
        let model = BoostedSchema {
            features: lesson.features(&fields, folds.as_ref())?,
            classes: lesson.classes(label)?,
            models: params.models(folds),
        };
        let folds = model.models.folds.as_ref();
        let table = lesson.read(reader, &model.features, &model.classes, folds)?;
        // Every piece reads the same rows: one of them tells.
        if piece == 0 && table.n_unlabelled > 0 {
            let n = table.n_unlabelled;
            task.warn(&format!("{n} rows have no label in `{}`: skipped", params.label));
        }
        let fold = folds.filter(|folds| piece < folds.count).map(|_| piece);
        let learning = Learning::new(table, params, &model, fold)?;
        learning.tell(task, &model);
        let boosting = params.boosting();
        let Learning { examples, is_validation, .. } = &learning;
        let total = u64::from(params.rounds);
        let progress = |done: u32| task.progress(u64::from(done), total);
        let boosted = boost(examples, is_validation, &boosting, progress);
        if let Some(loss) = boosted.validation_loss {
            let (rounds, of) = (boosted.rounds, learning.name());
            task.info(&format!("the model {of} has {rounds} rounds; held-out log-loss {loss:.4}"));
        }
        let n_classes = model.classes.len() as u64;
        let first = u64::from(piece) * n_classes * (u64::from(params.rounds) + 1);
        let output = task.output("model")?;
        for trees in boosted.trees.chunks(TREES_AT_ONCE) {
            let mut rows = BoostedNodes::default();
            for tree in trees {
                let number = first + u64::from(tree.round) * n_classes + tree.class as u64;
                let number = i32::try_from(number).expect("bind has checked their number");
                push(&mut rows, number, fold, tree);
            }
            output.put(model.columns(rows))?;
        }
        Ok(())
    }
}

/// Trees in a batch of the model table.
const TREES_AT_ONCE: usize = 64;

impl Params {
    fn lesson(&self) -> Lesson<'_> {
        Lesson {
            label: &self.label,
            features: self.features.as_deref(),
            weight: self.weight.as_deref(),
            classes: self.classes.as_deref(),
        }
    }

    fn models(&self, folds: Option<Folds>) -> Models {
        Models { has_final: folds.is_none() || self.final_model, folds }
    }

    fn n_models(&self) -> u32 {
        if self.folds == 0 { 1 } else { self.folds + u32::from(self.final_model) }
    }

    fn check(&self) -> Result<()> {
        if self.folds == 1 {
            let message = "one fold leaves no row to learn from; give 2 or more, or none";
            return Err(Error::param("folds", message));
        }
        if self.folds > MAX_FOLDS {
            return Err(Error::param("folds", format!("at most {MAX_FOLDS}")));
        }
        if self.folds == 0 && self.fold_by.is_some() {
            let message = "there are no folds; say how many with `folds`, or leave this out";
            return Err(Error::param("fold-by", message));
        }
        for (name, value) in
            [("row-fraction", self.row_fraction), ("feature-fraction", self.feature_fraction)]
        {
            if !(value > 0.0 && value <= 1.0) {
                return Err(Error::param(name, format!("{value} is not above 0 and up to 1")));
            }
        }
        for (name, value, most) in
            [("learning-rate", self.learning_rate, 1.0), ("max-step", self.max_step, LARGEST_VALUE)]
        {
            if !(value > 0.0 && value <= most) {
                return Err(Error::param(
                    name,
                    format!("{value} is not a number above 0 and up to {most}"),
                ));
            }
        }
        for (name, value, most) in [
            ("min-sum-hessian", self.min_sum_hessian, f64::MAX),
            ("lambda-l2", self.lambda_l2, f64::MAX),
            ("validation-fraction", self.validation_fraction, 0.9),
        ] {
            if !(0.0..=most).contains(&value) {
                return Err(Error::param(name, format!("{value} is not between 0 and {most}")));
            }
        }
        if !(2..=4096).contains(&self.num_leaves) {
            return Err(Error::param("num-leaves", "it is not between 2 and 4096"));
        }
        if !(2..=255).contains(&self.bins) {
            return Err(Error::param("bins", "it is not between 2 and 255"));
        }
        Ok(())
    }

    /// Trees are numbered as Int32.
    fn check_size(&self, n_classes: usize) -> Result<()> {
        let n_trees = u64::from(self.n_models()) * n_classes as u64 * (u64::from(self.rounds) + 1);
        if i32::try_from(n_trees).is_err() {
            let message = format!("{n_trees} trees are too many; ask for fewer rounds");
            return Err(Error::param("rounds", message));
        }
        Ok(())
    }

    fn boosting(&self) -> Boosting {
        Boosting {
            rounds: self.rounds,
            learning_rate: self.learning_rate,
            num_leaves: self.num_leaves,
            max_depth: self.max_depth,
            min_data_in_leaf: self.min_data_in_leaf,
            min_sum_hessian: self.min_sum_hessian,
            lambda_l2: self.lambda_l2,
            max_step: self.max_step,
            bins: self.bins,
            row_fraction: self.row_fraction,
            feature_fraction: self.feature_fraction,
            patience: self.patience,
            seed: self.seed,
        }
    }
}

/// What one model learns from.
struct Learning {
    /// The fold that it must not see.
    fold: Option<u32>,
    examples: Examples,
    is_validation: Vec<bool>,
    /// Rows of its own fold.
    n_unseen: usize,
}

impl Learning {
    fn new(
        mut table: Labelled,
        params: &Params,
        model: &BoostedSchema,
        fold: Option<u32>,
    ) -> Result<Self> {
        let n_rows = table.labels.len();
        if let (Some(folds), Some(fold)) = (&model.models.folds, fold) {
            let seen: Vec<bool> =
                table.groups.iter().map(|&group| folds.fold_of(group) != fold).collect();
            table.keep(&seen);
        }
        let n_unseen = n_rows - table.labels.len();
        let lesson = params.lesson();
        let Labelled { features, labels, weights, groups, places, .. } = table;
        let examples = Examples::new(features, labels, weights.as_deref(), model.classes.len());
        let examples = examples.map_err(|error| match error {
            ExamplesError::NoRows => lesson.no_rows(),
            ExamplesError::Weight { row } => lesson.not_a_weight(places[row]),
            ExamplesError::TooManyRows { .. } => Error::data(error),
        })?;
        let class_weights =
            params.class_weights.of(&model.classes, || examples.balanced_class_weights());
        let examples = examples.weigh(&class_weights);
        let is_validation = held_out(params, &examples, &groups);
        if is_validation.iter().all(|&is| is) {
            let message = "no row is left to learn from; hold out fewer";
            return Err(Error::param("validation-fraction", message));
        }
        Ok(Self { fold, examples, is_validation, n_unseen })
    }

    fn name(&self) -> String {
        self.fold.map_or_else(|| "of all rows".to_owned(), |fold| format!("for fold {fold}"))
    }

    fn tell(&self, task: &Task, model: &BoostedSchema) {
        let totals = self.examples.class_totals();
        let is_absent = |(_, total): &(&String, f64)| *total == 0.0;
        let absent: Vec<&str> = model
            .classes
            .iter()
            .zip(totals)
            .filter(is_absent)
            .map(|(class, _)| class.as_str())
            .collect();
        let of = self.name();
        if !absent.is_empty() {
            let absent = absent.join(", ");
            task.warn(&format!(
                "the model {of} has no row of class {absent}: hardly ever predicted"
            ));
        }
        if self.fold.is_some() && self.n_unseen == 0 {
            task.warn(&format!("the model {of} has seen all rows: no group falls into that fold"));
        }
    }
}

/// Rows that say when to stop: by group where there are folds, else by their features, so that
/// twins are on one side.
fn held_out(params: &Params, examples: &Examples, groups: &[u64]) -> Vec<bool> {
    let key = |row: usize| groups.get(row).copied().unwrap_or(examples.keys[row]);
    let salt = forest_model::bag::mix(params.seed ^ VALIDATION);
    let is_held_out =
        |row: usize| fraction(forest_model::bag::mix(key(row) ^ salt)) < params.validation_fraction;
    (0..examples.n_rows()).map(is_held_out).collect()
}

/// Sets the draw of held-out rows apart from others of the same seed.
const VALIDATION: u64 = 0x7661_6c69_6461_7465;

fn push(rows: &mut BoostedNodes, number: i32, fold: Option<u32>, tree: &ClassTree) {
    let fold = fold.map_or(ALL_ROWS, |fold| index32(fold as usize));
    for (at, node) in tree.nodes.iter().enumerate() {
        rows.fold.push(fold);
        rows.class.push(index32(tree.class));
        let nodes = &mut rows.nodes;
        nodes.tree.push(number);
        nodes.node.push(index32(at));
        nodes.feature.push(node.test.map_or(-1, |test| index32(test.feature)));
        nodes.threshold.push(node.test.map_or(0.0, |test| test.threshold));
        nodes.left.push(node.test.map_or(-1, |test| index32(test.left)));
        nodes.right.push(node.test.map_or(-1, |test| index32(test.left + 1)));
        nodes.missing_left.push(node.test.is_some_and(|test| test.missing_left));
        nodes.cover.push(node.cover);
        nodes.probability.push(node.value);
    }
}

fn index32(index: usize) -> i32 {
    i32::try_from(index).expect("folds, classes and nodes of a tree are few")
}

skyloom_plugin::export!(BoostingTrainer);
