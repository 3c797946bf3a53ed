//! A model on an input port, and the data it is applied to on another.

use arrow_array::{ArrayRef, Float64Array};
use skyloom_plugin::prelude::*;

use crate::boosted::{BOOSTED_COLUMNS, BoostedSchema, Owner, Owners};
use crate::folds::{Folds, Which};
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

/// Reads the model on a port, tree by tree, and returns how many trees there are.
///
/// # Errors
/// When the table is not a forest, or the host refuses.
pub fn read_trees(
    reader: &mut Reader,
    model: &ModelSchema,
    covers: Covers,
    mut consume: impl FnMut(Tree),
) -> Result<usize> {
    let mut trees = TreeReader::new(model.features.len(), model.classes.len());
    while let Some(batch) = reader.next()? {
        let column = |name: &str| -> Result<ArrayRef> {
            if name == "cover" && covers == Covers::Ignored {
                return Ok(Arc::new(Float64Array::from(vec![1.0; batch.rows()])));
            }
            batch.column(name)
        };
        let columns: Vec<ArrayRef> = COLUMNS.into_iter().map(column).collect::<Result<_>>()?;
        trees.push(&model.nodes(&columns)?, &mut consume)?;
    }
    Ok(trees.finish(consume)?)
}

/// As [`read_trees`], for a model of boosted trees; each comes with its owner.
///
/// # Errors
/// When the table holds no such trees, or the host refuses.
pub fn read_boosted(
    reader: &mut Reader,
    model: &BoostedSchema,
    covers: Covers,
    mut consume: impl FnMut(Tree, Owner),
) -> Result<()> {
    let mut trees = TreeReader::boosted(model.features.len());
    let mut owners = Owners::default();
    while let Some(batch) = reader.next()? {
        let column = |name: &str| -> Result<ArrayRef> {
            if name == "cover" && covers == Covers::Ignored {
                return Ok(Arc::new(Float64Array::from(vec![1.0; batch.rows()])));
            }
            batch.column(name)
        };
        let columns: Vec<ArrayRef> =
            BOOSTED_COLUMNS.into_iter().map(column).collect::<Result<_>>()?;
        let columns: [ArrayRef; BOOSTED_COLUMNS.len()] =
            columns.try_into().expect("one for each name");
        let rows = model.nodes(&columns)?;
        owners.note(&rows, model)?;
        trees.push(&rows.nodes, |tree| consume(tree, owners.take(tree.id())))?;
    }
    trees.finish(|tree| consume(tree, owners.take(tree.id())))?;
    Ok(())
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
