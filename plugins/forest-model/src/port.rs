//! A model on an input port, and the data it is applied to on another.

use arrow_array::{ArrayRef, Float64Array};
use skyloom_plugin::prelude::*;

use crate::boosted::{ALL_ROWS, BOOSTED_COLUMNS, BoostedSchema, Owner, Owners};
use crate::folds::{Folds, Which};
use crate::part::Part;
use crate::table::{COLUMNS, Feature, ModelSchema};
use crate::tree::{ModelError, Tree, TreeReader};

/// Whether the covers of a model's nodes are of interest; predictions need none, and what
/// is not read does not count as used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Covers {
    Read,
    Ignored,
}

/// Declares that the model on `port` is read, and returns what its schema says.
///
/// # Errors
/// When the table on `port` is not a forest.
pub fn bind_model(bind: &mut Bind, port: &str, covers: Covers) -> Result<ModelSchema> {
    let model = ModelSchema::from_fields(bind.fields(port)?)?;
    for column in COLUMNS {
        if column != "cover" || covers == Covers::Read {
            bind.column(port, column, None)?.read(Purpose::Value);
        }
    }
    Ok(model)
}

/// As [`bind_model`], for a model of boosted trees.
///
/// # Errors
/// When the table on `port` holds none.
pub fn bind_boosted(bind: &mut Bind, port: &str, covers: Covers) -> Result<BoostedSchema> {
    let model = BoostedSchema::from_fields(bind.fields(port)?)?;
    for column in BOOSTED_COLUMNS {
        if column != "cover" || covers == Covers::Read {
            bind.column(port, column, None)?.read(Purpose::Value);
        }
    }
    Ok(model)
}

/// The folds by which each row finds its model; none where one model answers all.
///
/// # Errors
/// When the model of all rows is asked for and not there.
pub fn folds_to_ask(model: &BoostedSchema, which: Which) -> Result<Option<&Folds>> {
    if which == Which::Final && !model.models.has_final {
        let message = "the table has a model for each fold, but none of all rows; set \
                       `final-model: true` where it is trained, or leave this out";
        return Err(Error::param("model", message));
    }
    Ok(model.models.folds.as_ref().filter(|_| which == Which::Unseen))
}

/// Declares that a model's features are read from the table on `port`.
///
/// # Errors
/// When one is missing there, is not a number, or has another unit than in training.
pub fn bind_features(bind: &mut Bind, port: &str, features: &[Feature]) -> Result<()> {
    for feature in features {
        let mut column = bind.column(port, &feature.name, None)?.number()?;
        if let Some(unit) = &feature.unit {
            column = column.unit(&[unit])?;
        }
        column.read(Purpose::Feature);
    }
    Ok(())
}

/// Reads the model on a port, part by part, and returns how many trees there are.
///
/// # Errors
/// When the table is not a forest, or the host refuses.
pub fn read_parts(
    reader: &mut Reader,
    model: &ModelSchema,
    covers: Covers,
    mut consume: impl FnMut(&Part) -> Result<()>,
) -> Result<usize> {
    let (n_features, n_classes) = (model.features.len(), model.classes.len());
    let mut trees = TreeReader::new(n_features, n_classes);
    let mut parts = Parts::new(Part::new(n_features, n_classes, covers));
    while let Some(batch) = reader.next()? {
        let columns = COLUMNS.into_iter().map(|name| model_column(&batch, name, covers));
        let columns: Vec<ArrayRef> = columns.collect::<Result<_>>()?;
        trees.push(&model.nodes(&columns)?, |tree| parts.push(tree, EVERY_CLASS))?;
        parts.hand_over(|part, _| consume(part))?;
    }
    let n_trees = trees.finish(|tree| parts.push(tree, EVERY_CLASS))?;
    parts.finish(|part, _| consume(part))?;
    Ok(n_trees)
}

/// As [`read_parts`], for a model of boosted trees; each part comes with the fold whose model
/// its trees are of.
///
/// # Errors
/// When the table holds no such trees, or the host refuses.
pub fn read_boosted(
    reader: &mut Reader,
    model: &BoostedSchema,
    covers: Covers,
    mut consume: impl FnMut(&Part, i32) -> Result<()>,
) -> Result<()> {
    let (n_features, n_classes) = (model.features.len(), model.classes.len());
    let mut trees = TreeReader::boosted(n_features);
    let mut parts = Parts::new(Part::boosted(n_features, n_classes, covers));
    let mut owners = Owners::default();
    while let Some(batch) = reader.next()? {
        let columns = BOOSTED_COLUMNS.map(|name| model_column(&batch, name, covers));
        let columns: Vec<ArrayRef> = columns.into_iter().collect::<Result<_>>()?;
        let columns: [ArrayRef; BOOSTED_COLUMNS.len()] =
            columns.try_into().expect("one for each name");
        let rows = model.nodes(&columns)?;
        owners.note(&rows, model)?;
        trees.push(&rows.nodes, |tree| parts.push(tree, owners.take(tree.id())))?;
        parts.hand_over(&mut consume)?;
    }
    trees.finish(|tree| parts.push(tree, owners.take(tree.id())))?;
    parts.finish(consume)
}

fn model_column(batch: &Batch, name: &str, covers: Covers) -> Result<ArrayRef> {
    if name == "cover" && covers == Covers::Ignored {
        return Ok(Arc::new(Float64Array::from(vec![1.0; batch.rows()])));
    }
    batch.column(name)
}

/// The owner of a random forest's trees: they speak of every class, from the first on.
const EVERY_CLASS: Owner = Owner { fold: ALL_ROWS, class: 0 };

/// Trees on their way into parts, each of one fold's model.
struct Parts {
    fold: i32,
    at_hand: Part,
    full: Vec<(Part, i32)>,
}

impl Parts {
    fn new(empty: Part) -> Self {
        Self { fold: ALL_ROWS, at_hand: empty, full: Vec::new() }
    }

    fn push(&mut self, tree: Tree, owner: Owner) {
        if self.at_hand.is_full() || owner.fold != self.fold {
            self.close();
        }
        self.fold = owner.fold;
        self.at_hand.push(tree, owner.class);
    }

    fn close(&mut self) {
        if !self.at_hand.ids().is_empty() {
            self.full.push((self.at_hand.take(), self.fold));
        }
    }

    /// Shows the parts that are complete.
    fn hand_over(&mut self, mut consume: impl FnMut(&Part, i32) -> Result<()>) -> Result<()> {
        self.full.drain(..).try_for_each(|(part, fold)| consume(&part, fold))
    }

    /// Shows the parts that are left.
    fn finish(mut self, consume: impl FnMut(&Part, i32) -> Result<()>) -> Result<()> {
        self.close();
        self.hand_over(consume)
    }
}

/// A model's features of all rows of a batch, row-major, NaN where there is none.
///
/// # Errors
/// When the host refuses.
pub fn features_of(batch: &Batch, features: &[Feature]) -> Result<Vec<f64>> {
    let n_features = features.len();
    let mut rows = vec![0.0; batch.rows() * n_features];
    for (place, feature) in features.iter().enumerate() {
        let values = batch.numbers(&feature.name)?.into_nan();
        for (row, value) in rows.chunks_exact_mut(n_features).zip(values) {
            row[place] = value;
        }
    }
    Ok(rows)
}

impl From<ModelError> for Error {
    fn from(error: ModelError) -> Self {
        Self::data(format!(
            "{error}; the model must come from the trainer of its kind: `forest-trainer` for random forests, `boosting-trainer` for boosted trees"
        ))
    }
}
