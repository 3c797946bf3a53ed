//! The model table of boosted trees: that of forests, but for what the leaves hold.
//!
//! ```text
//! fold · class │ tree · node · feature · threshold · left · right · missing_left · cover │ value
//! ```
//!
//! A tree belongs to one class of one fold's model. A row's margin in a class is the sum of the
//! values of the leaves that it reaches, one a tree; its probabilities are the softmax of its
//! margins. The first tree of each class is a single leaf: the logarithm of the class's share.
//!
//! Fold −1 is the model of all rows. Fold f ≥ 0 is the model that has *not* seen the rows of
//! fold f; which rows those are is a function of [`Folds`], in the metadata of `fold`.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::types::{Float64Type, Int32Type};
use arrow_array::{ArrayRef, Float64Array, Int32Array};
use arrow_schema::{DataType, Field, Fields};
use serde::{Deserialize, Serialize};
use skyloom_plugin::bind::FieldExt;

use crate::folds::Folds;
use crate::table::{
    Feature, N_SHARED, find, json, malformed, parse, shared_columns, shared_fields, shared_nodes,
    type_name, values,
};
use crate::tree::{ModelError, Nodes};

/// The fold of the model of all rows.
pub const ALL_ROWS: i32 = -1;

/// What the rows of a table of boosted trees mean: all that its fields and metadata say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoostedSchema {
    /// What is predicted from, in the order of the table's `feature` indices.
    pub features: Vec<Feature>,
    /// What is predicted, in the order of the table's `class` indices.
    pub classes: Vec<String>,
    /// Which models the table holds.
    pub models: Models,
}

/// Which models a table holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Models {
    /// How rows fell into folds, if one model for each fold is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folds: Option<Folds>,
    /// Whether the model of all rows is there.
    #[serde(rename = "final")]
    pub has_final: bool,
}

/// Whose margin a tree adds to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Owner {
    /// The model: [`ALL_ROWS`], or the fold that it has not seen.
    pub fold: i32,
    /// The place of its class among the classes.
    pub class: usize,
}

/// Some rows of the table: nodes, with the owner of each row's tree.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct BoostedNodes {
    pub fold: Vec<i32>,
    pub class: Vec<i32>,
    pub nodes: Nodes,
}

/// The table's columns, in order.
pub const BOOSTED_COLUMNS: [&str; N_SHARED + 3] = [
    "fold",
    "class",
    "tree",
    "node",
    "feature",
    "threshold",
    "left",
    "right",
    "missing_left",
    "cover",
    "value",
];

impl BoostedSchema {
    /// The fields of the table.
    #[must_use]
    pub fn fields(&self) -> Vec<Field> {
        let fold = Field::new("fold", DataType::Int32, false)
            .with_description("the fold that the tree's model has not seen; -1: it saw all rows")
            .with("models", json(&self.models));
        let class = Field::new("class", DataType::Int32, false)
            .with_description("index of the class to whose margin the tree adds")
            .with("classes", json(&self.classes));
        let value = Field::new("value", DataType::Float64, false)
            .with_description("what the node adds to the margin of the class, in nats");
        let shared = shared_fields().into_iter().map(|field| match field.name().as_str() {
            "feature" => field.with("features", json(&self.features)),
            _ => field,
        });
        [fold, class].into_iter().chain(shared).chain([value]).collect()
    }

    /// Reads back what [`Self::fields`] wrote.
    ///
    /// # Errors
    /// [`ModelError::Field`] and [`ModelError::Metadata`] name what is missing or malformed.
    pub fn from_fields(fields: &Fields) -> Result<Self, ModelError> {
        find(fields, "value")?;
        let schema = Self {
            features: parse(fields, "feature", "features")?,
            classes: parse(fields, "class", "classes")?,
            models: parse(fields, "fold", "models")?,
        };
        for (field, entry, is_empty) in [
            ("feature", "features", schema.features.is_empty()),
            ("class", "classes", schema.classes.is_empty()),
        ] {
            if is_empty {
                return Err(malformed(field, entry, "it names none".to_owned()));
            }
        }
        let folds = &schema.models.folds;
        if folds.as_ref().is_some_and(|folds| folds.count == 0) {
            return Err(malformed("fold", "models", "it has no fold".to_owned()));
        }
        for (name, expected) in BOOSTED_COLUMNS.into_iter().zip(schema.fields()) {
            // A run is not shown what it did not bind, and predictions need no covers.
            let found = match find(fields, name) {
                Err(_) if name == "cover" => continue,
                found => found?.data_type(),
            };
            if found != expected.data_type() {
                let (expected, found) = (type_name(name), found.to_string());
                return Err(ModelError::Field { field: name, expected, found });
            }
        }
        Ok(schema)
    }

    /// The columns of the table, in the order of [`BOOSTED_COLUMNS`].
    #[must_use]
    pub fn columns(&self, rows: BoostedNodes) -> Vec<ArrayRef> {
        let (shared, value) = shared_columns(rows.nodes);
        let owners: [ArrayRef; 2] =
            [Arc::new(Int32Array::from(rows.fold)), Arc::new(Int32Array::from(rows.class))];
        let value: ArrayRef = Arc::new(Float64Array::from(value));
        owners.into_iter().chain(shared).chain([value]).collect()
    }

    /// The rows that columns of the table hold; the columns in the order of
    /// [`BOOSTED_COLUMNS`].
    ///
    /// # Errors
    /// [`ModelError::Null`] if a column has nulls, [`ModelError::Field`] if it has not its type.
    pub fn nodes(&self, columns: &[ArrayRef; N_SHARED + 3]) -> Result<BoostedNodes, ModelError> {
        let [fold, class, shared @ .., value] = columns;
        Ok(BoostedNodes {
            fold: values::<Int32Type>("fold", fold)?,
            class: values::<Int32Type>("class", class)?,
            nodes: shared_nodes(shared.each_ref(), values::<Float64Type>("value", value)?)?,
        })
    }
}

/// Who owns which tree, as far as rows have come.
#[derive(Debug, Clone, Default)]
pub struct Owners(BTreeMap<i32, Owner>);

impl Owners {
    /// Takes the owners of some rows' trees.
    ///
    /// # Errors
    /// [`ModelError::Owner`] if rows of one tree disagree, or name what the schema has not.
    pub fn note(&mut self, rows: &BoostedNodes, schema: &BoostedSchema) -> Result<(), ModelError> {
        let mut last = None;
        for ((&tree, &fold), &class) in rows.nodes.tree.iter().zip(&rows.fold).zip(&rows.class) {
            if last == Some((tree, fold, class)) {
                continue;
            }
            last = Some((tree, fold, class));
            let n_folds = schema.models.folds.as_ref().map_or(0, |folds| folds.count);
            let is_fold = match u32::try_from(fold) {
                Ok(fold) => fold < n_folds,
                Err(_) => fold == ALL_ROWS && schema.models.has_final,
            };
            let class = usize::try_from(class).ok().filter(|&class| class < schema.classes.len());
            let Some(class) = class.filter(|_| is_fold) else {
                return Err(ModelError::Owner { tree });
            };
            let owner = Owner { fold, class };
            if *self.0.entry(tree).or_insert(owner) != owner {
                return Err(ModelError::Owner { tree });
            }
        }
        Ok(())
    }

    /// The owner of a tree whose rows were noted; it is forgotten then.
    ///
    /// # Panics
    /// If no row of it was noted.
    pub fn take(&mut self, tree: i32) -> Owner {
        self.0.remove(&tree).expect("rows are noted before their tree is complete")
    }
}

/// Probabilities from margins, in place, for one row: `exp(m) / Σ exp(m)`, taken from the
/// largest margin so that nothing overflows. The exponential is that of `libm`.
pub fn softmax(margins: &mut [f64]) {
    let largest = margins.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut sum = 0.0;
    for margin in margins.iter_mut() {
        *margin = libm::exp(*margin - largest);
        sum += *margin;
    }
    margins.iter_mut().for_each(|margin| *margin /= sum);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folds::Kind;

    fn schema() -> BoostedSchema {
        let feature = |name: &str| Feature { name: name.to_owned(), unit: None };
        let folds = Folds { count: 3, column: "id".to_owned(), kind: Kind::Text, seed: u64::MAX };
        BoostedSchema {
            features: vec![feature("u-g"), feature("g-r")],
            classes: vec!["QSO".to_owned(), "star, \"faint\"".to_owned()],
            models: Models { folds: Some(folds), has_final: true },
        }
    }

    fn rows() -> BoostedNodes {
        BoostedNodes {
            fold: vec![-1, 2, 2, 2],
            class: vec![0, 1, 1, 1],
            nodes: Nodes {
                tree: vec![0, 7, 7, 7],
                node: vec![0, 0, 1, 2],
                feature: vec![-1, 1, -1, -1],
                threshold: vec![0.0, 0.5, 0.0, 0.0],
                left: vec![-1, 1, -1, -1],
                right: vec![-1, 2, -1, -1],
                missing_left: vec![false, true, false, false],
                cover: vec![3.0, 3.0, 1.0, 2.0],
                probability: vec![-1.5, 0.0, 2.0, -3.0],
            },
        }
    }

    #[test]
    fn fields_and_columns_come_back_as_they_were() {
        let schema = schema();
        assert_eq!(BoostedSchema::from_fields(&schema.fields().into()), Ok(schema.clone()));
        let columns = schema.columns(rows()).try_into().expect("as many as there are");
        assert_eq!(schema.nodes(&columns), Ok(rows()));
    }

    #[test]
    fn owners_must_agree_and_be_there() {
        type Damage = fn(&mut BoostedNodes);
        let broken: [Damage; 4] =
            [|r| r.fold[2] = 1, |r| r.class[3] = 0, |r| r.fold[0] = 3, |r| r.class[0] = 2];
        for damage in broken {
            let mut rows = rows();
            damage(&mut rows);
            assert!(Owners::default().note(&rows, &schema()).is_err());
        }
        let mut owners = Owners::default();
        owners.note(&rows(), &schema()).expect("owners");
        assert_eq!(owners.take(7), Owner { fold: 2, class: 1 });
    }

    #[test]
    fn softmax_neither_overflows_nor_depends_on_the_level() {
        let mut far = [1e6, 1e6 - 1.0];
        let mut near = [0.0, -1.0];
        softmax(&mut far);
        softmax(&mut near);
        assert_eq!(far, near);
        assert!((far[0] - 1.0 / (1.0 + (-1.0_f64).exp())).abs() < 1e-15);
    }
}
