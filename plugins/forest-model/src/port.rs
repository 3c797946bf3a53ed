//! A model on an input port, and the data it is applied to on another.

use arrow_array::{ArrayRef, Float64Array};
use skyloom_plugin::kernels::Forest;
use skyloom_plugin::prelude::*;

use crate::part::Part;
use crate::table::{COLUMNS, ModelSchema};
use crate::tree::{ModelError, TreeReader};

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

/// Declares that the model's features are read from the table on `port`.
///
/// # Errors
/// When one is missing there, is not a number, or has another unit than in training.
pub fn bind_features(bind: &mut Bind, port: &str, model: &ModelSchema) -> Result<()> {
    for feature in &model.features {
        let mut column = bind.column(port, &feature.name, None)?.number()?;
        if let Some(unit) = &feature.unit {
            column = column.unit(&[unit])?;
        }
        column.read(Purpose::Feature);
    }
    Ok(())
}

/// Reads the model on a port, part by part, and returns how many trees there are. `consume`
/// gets each part, ready to give sums over its trees, and the numbers of these.
///
/// # Errors
/// When the table is not a forest, or the host refuses.
pub fn read_parts(
    reader: &mut Reader,
    model: &ModelSchema,
    covers: Covers,
    mut consume: impl FnMut(Forest, &[u32]) -> Result<()>,
) -> Result<usize> {
    let (n_features, n_classes) = (model.features.len(), model.classes.len());
    let mut trees = TreeReader::new(n_features, n_classes);
    let mut part = Part::new(n_features, n_classes, covers);
    let mut full = Vec::new();
    while let Some(batch) = reader.next()? {
        let column = |name: &str| -> Result<ArrayRef> {
            if name == "cover" && covers == Covers::Ignored {
                return Ok(Arc::new(Float64Array::from(vec![1.0; batch.rows()])));
            }
            batch.column(name)
        };
        let columns: Vec<ArrayRef> = COLUMNS.into_iter().map(column).collect::<Result<_>>()?;
        trees.push(&model.nodes(&columns)?, |tree| {
            part.push(tree);
            if part.is_full() {
                full.push(part.take());
            }
        })?;
        for part in full.drain(..) {
            consume(part.pack()?, part.ids())?;
        }
    }
    let n_trees = trees.finish(|tree| part.push(tree))?;
    consume(part.pack()?, part.ids())?;
    Ok(n_trees)
}

/// The model's features of all rows of a batch, row-major, NaN where there is none.
///
/// # Errors
/// When the host refuses.
pub fn features_of(batch: &Batch, model: &ModelSchema) -> Result<Vec<f64>> {
    let n_features = model.features.len();
    let mut rows = vec![0.0; batch.rows() * n_features];
    for (place, feature) in model.features.iter().enumerate() {
        let values = batch.numbers(&feature.name)?.into_nan();
        for (row, value) in rows.chunks_exact_mut(n_features).zip(values) {
            row[place] = value;
        }
    }
    Ok(rows)
}

impl From<ModelError> for Error {
    fn from(error: ModelError) -> Self {
        Self::data(format!("{error}; the model must come from a trainer of forests"))
    }
}
