//! What a trainer is told to learn: a label, features, perhaps weights and groups; and the
//! labelled rows themselves.
//!
//! Trainers of trees share this, so that they read the same rows from the same table and
//! refuse the same mistakes in the same words.

use indexmap::IndexMap;
use skyloom_plugin::bind::is_number;
use skyloom_plugin::prelude::*;

use crate::folds::{Folds, group_hashes};
use crate::table::Feature;

/// The largest number of classes: a label fits in a byte.
pub const MAX_CLASSES: usize = 255;

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

impl ClassWeights {
    /// Refuses weights of classes that are not there, and weights that are none.
    ///
    /// # Errors
    /// [`Error::Param`] for `class-weights`.
    pub fn check(&self, classes: &[String]) -> Result<()> {
        let Self::Each(weights) = self else {
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

    /// The weight of each class; `balanced` is asked where the rule is [`WeightRule::Balanced`].
    pub fn of(&self, classes: &[String], balanced: impl FnOnce() -> Vec<f64>) -> Vec<f64> {
        match self {
            Self::Rule(WeightRule::None) => vec![1.0; classes.len()],
            Self::Rule(WeightRule::Balanced) => balanced(),
            Self::Each(weights) => {
                classes.iter().map(|class| weights.get(class).copied().unwrap_or(1.0)).collect()
            }
        }
    }
}

/// The columns of a trainer's input, as its parameters name them.
#[derive(Debug, Clone, Copy)]
pub struct Lesson<'a> {
    /// The column with the true classes.
    pub label: &'a str,
    /// What to learn from; none for all numbers that may be learnt from.
    pub features: Option<&'a [String]>,
    /// The column that weighs rows.
    pub weight: Option<&'a str>,
    /// The classes; none for the categories of the label.
    pub classes: Option<&'a [String]>,
}

impl Lesson<'_> {
    /// Declares all that [`Self::read`] reads, but for the folds' column.
    ///
    /// # Errors
    /// What [`Self::feature_names`] says; columns that are missing or of another type.
    pub fn bind(&self, bind: &mut Bind, folds: Option<&Folds>) -> Result<Field> {
        let label = bind.column("data", self.label, Some("label"))?.text()?.read(Purpose::Label);
        if let Some(weight) = self.weight {
            bind.column("data", weight, Some("weight"))?.number()?.read(Purpose::Weight);
        }
        let names = self.feature_names(bind.fields("data")?, folds)?;
        for name in &names {
            bind.column("data", name, Some("features"))?.number()?.read(Purpose::Feature);
        }
        Ok(label)
    }

    /// The named features, or all columns of numbers that may be one.
    ///
    /// # Errors
    /// [`Error::Param`] for `features` when there is none, or one stands twice, or one is the
    /// column that decides the folds.
    pub fn feature_names(&self, fields: &Fields, folds: Option<&Folds>) -> Result<Vec<String>> {
        let decides = |name: &str| folds.is_some_and(|folds| folds.column == name);
        if let Some(names) = self.features {
            if let Some(column) = names.iter().find(|name| decides(name)) {
                let message = format!(
                    "`{column}` decides which fold a row is in, so every model would meet only \
                     values that it has not seen; leave it out, or name another `fold-by`"
                );
                return Err(Error::param("features", message));
            }
            return match names.iter().enumerate().find(|(i, name)| names[..*i].contains(name)) {
                Some((_, twice)) => {
                    Err(Error::param("features", format!("`{twice}` stands twice")))
                }
                None if names.is_empty() => {
                    Err(Error::param("features", "name at least one column"))
                }
                None => Ok(names.to_vec()),
            };
        }
        let is_identifier =
            |field: &Field| field.ucd().is_some_and(|ucd| ucd.starts_with("meta.id"));
        let is_taken =
            |name: &str| name == self.label || Some(name) == self.weight || decides(name);
        let names: Vec<String> = fields
            .iter()
            .filter(|field| is_number(field.data_type()) && !is_identifier(field))
            .map(|field| field.name().clone())
            .filter(|name| !is_taken(name))
            .collect();
        if names.is_empty() {
            let message = "no column of input `data` holds numbers to learn from; name the \
                           features here, or compute some before training";
            return Err(Error::param("features", message));
        }
        Ok(names)
    }

    /// The features as the model's schema names them.
    ///
    /// # Errors
    /// As [`Self::feature_names`].
    pub fn features(&self, fields: &Fields, folds: Option<&Folds>) -> Result<Vec<Feature>> {
        let feature = |name: String| {
            let (_, field) = fields
                .find(&name)
                .ok_or_else(|| Error::failed(format!("no column `{name}` on input `data`")))?;
            let unit = field.unit().map(str::to_owned);
            Ok(Feature { name, unit })
        };
        self.feature_names(fields, folds)?.into_iter().map(feature).collect()
    }

    /// The classes in the order of the model's answers.
    ///
    /// # Errors
    /// [`Error::Param`] for `classes` when they are not known, too many, or one stands twice.
    pub fn classes(&self, label: &Field) -> Result<Vec<String>> {
        let named = self.classes.map(<[String]>::to_vec);
        let Some(classes) = named.or_else(|| label.categories()) else {
            let message = format!(
                "the classes of `{}` are not known before data moves: its ingester did not list \
                 its categories (too many, or not asked for); list the classes here",
                self.label
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
                "`{}` has {} classes; trees here can tell from 1 to {MAX_CLASSES} apart",
                self.label,
                classes.len()
            );
            return Err(Error::param("classes", message));
        }
        Ok(classes)
    }

    /// All rows with a label.
    ///
    /// # Errors
    /// Labels that are none of the classes; rows without a group where there are folds.
    pub fn read(
        &self,
        reader: &mut Reader,
        features: &[Feature],
        classes: &[String],
        folds: Option<&Folds>,
    ) -> Result<Labelled> {
        let mut table = Labelled {
            features: vec![Vec::new(); features.len()],
            labels: Vec::new(),
            weights: self.weight.is_some().then(Vec::new),
            groups: Vec::new(),
            places: Vec::new(),
            n_unlabelled: 0,
        };
        let mut n_read = 0;
        while let Some(batch) = reader.next()? {
            let labels = batch.strings(self.label)?;
            let is_labelled: Vec<bool> =
                (0..batch.rows()).map(|row| labels.is_valid(row)).collect();
            for label in labels.iter().flatten() {
                table.labels.push(self.class_of(label, classes)?);
            }
            for (values, feature) in table.features.iter_mut().zip(features) {
                extend(values, batch.numbers(&feature.name)?.into_nan(), &is_labelled);
            }
            if let (Some(weights), Some(column)) = (&mut table.weights, self.weight) {
                extend(weights, batch.numbers(column)?.into_nan(), &is_labelled);
            }
            if let Some(folds) = folds {
                extend(&mut table.groups, group_hashes(folds, &batch, n_read)?, &is_labelled);
            }
            extend(&mut table.places, n_read.., &is_labelled);
            n_read += batch.rows() as u64;
        }
        table.n_unlabelled = n_read - table.labels.len() as u64;
        Ok(table)
    }

    fn class_of(&self, label: &str, classes: &[String]) -> Result<u8> {
        let place = classes.iter().position(|class| class == label);
        place.and_then(|place| u8::try_from(place).ok()).ok_or_else(|| {
            let remedy = if self.classes.is_some() {
                "add it to `classes`, or drop these rows before training"
            } else {
                "name the classes with `classes`, or drop these rows before training"
            };
            Error::data(format!(
                "column `{}` says `{label}`, which is not one of the classes {}; {remedy}",
                self.label,
                classes.join(", ")
            ))
        })
    }

    /// What to say where no row is left to learn from.
    #[must_use]
    pub fn no_rows(&self) -> Error {
        Error::data(format!(
            "no row of input `data` has a label in `{}`{}; check the selection before training",
            self.label,
            if self.weight.is_some() { " and a weight above 0" } else { "" }
        ))
    }

    /// What to say of a weight that is none; `place` is its row in the input.
    #[must_use]
    pub fn not_a_weight(&self, place: u64) -> Error {
        Error::data(format!(
            "the weight in column `{}`, row {place}, is not a finite number from 0 up; mend it or \
             drop the row before training",
            self.weight.unwrap_or_default()
        ))
    }
}

/// The labelled rows of an input.
#[derive(Debug, Clone)]
pub struct Labelled {
    /// Feature by feature, NaN for missing.
    pub features: Vec<Vec<f64>>,
    /// Each row's class, as its place among the classes.
    pub labels: Vec<u8>,
    /// Each row's weight, where a column weighs them.
    pub weights: Option<Vec<f64>>,
    /// The hash of each row's group, where there are folds.
    pub groups: Vec<u64>,
    /// The place in the input of each row.
    pub places: Vec<u64>,
    /// Rows that were left out.
    pub n_unlabelled: u64,
}

impl Labelled {
    /// Leaves out the rows for which `keep` is false.
    pub fn keep(&mut self, keep: &[bool]) {
        fn retain<T>(values: &mut Vec<T>, keep: &[bool]) {
            let mut keep = keep.iter();
            values.retain(|_| keep.next() == Some(&true));
        }
        self.features.iter_mut().for_each(|values| retain(values, keep));
        self.weights.iter_mut().for_each(|values| retain(values, keep));
        retain(&mut self.labels, keep);
        retain(&mut self.groups, keep);
        retain(&mut self.places, keep);
    }
}

fn extend<T>(to: &mut Vec<T>, values: impl IntoIterator<Item = T>, is_labelled: &[bool]) {
    let kept = is_labelled.iter().zip(values).filter(|(keep, _)| **keep);
    to.extend(kept.map(|(_, value)| value));
}
