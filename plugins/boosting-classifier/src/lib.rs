//! Class probabilities from boosted trees.
//!
//! ```text
//! data → which model answers each row → margins, model by model → softmax → predictions
//! ```
//!
//! The trees themselves are in [`forest_model`]: this file reads columns, finds the model that
//! has not seen a row, and turns margins into one probability a class and the likeliest class.

use forest_model::boosted::{ALL_ROWS, softmax};
use forest_model::folds::{Which, group_hashes};
use forest_model::port::{Covers, bind_boosted, bind_features, features_of, folds_to_ask};
use forest_model::predict::{margins, rows_at_once};
use forest_model::{BoostedSchema, Folds};
use skyloom_plugin::prelude::*;

/// What may stand under `with:` in a workflow.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Params {
    /// The column that says which row this is. Without, the one marked as key.
    #[serde(default)]
    pub key: Option<String>,
    /// Which model answers, where the table holds one for each fold.
    #[serde(default)]
    pub model: Which,
}

/// The plugin.
pub struct BoostingClassifier;

impl Plugin for BoostingClassifier {
    type Params = Params;

    fn describe() -> Descriptor {
        descriptor!(Role::Classifier, Scope::Partition)
            .input("data", "Rows to classify, with all features that the model was trained on.")
            .whole_input("model", "Boosted trees, as boosting-trainer writes them.")
            .output(
                "predictions",
                "The key, the likeliest class, a probability for each class; with folds, the \
                 fold of each row, which the model that answered has not seen.",
            )
            .cite("doi:10.1214/aos/1013203451")
    }

    fn bind(params: &Params, bind: &mut Bind) -> Result<()> {
        let model = bind_boosted(bind, "model", Covers::Ignored)?;
        let folds = folds_to_ask(&model, params.model)?;
        bind_features(bind, "data", &model.features)?;
        let key = bind.key("data", params.key.as_deref())?;
        bind.column("data", &key, params.key.as_ref().map(|_| "key"))?;
        bind.pass("predictions", "data", &key)?;
        for field in prediction_fields(&model, folds) {
            bind.add("predictions", field)?;
        }
        folds.map_or(Ok(()), |folds| folds.bind_again("data", bind))
    }

    fn run(params: &Params, task: &mut Task) -> Result<()> {
        let mut trees = task.take_input("model")?;
        let model = BoostedSchema::from_fields(trees.fields())?;
        let folds = folds_to_ask(&model, params.model)?;
        let (data, predictions) = task.pair("data", "predictions")?;
        let at_once = rows_at_once(model.features.len(), model.classes.len());
        let mut pending = Pending::default();
        let mut n_read = 0;
        loop {
            let next = data.next()?;
            let at_end = next.is_none();
            if let Some(batch) = next {
                pending.take(batch, &model, folds, n_read)?;
                n_read += pending.batches.last().map_or(0, Batch::rows) as u64;
            }
            if pending.folds.len() < at_once && !at_end {
                continue;
            }
            let columns = classify(&mut trees, &model, folds.is_some(), &pending)?;
            let mut first = 0;
            for batch in pending.batches.drain(..) {
                let of_batch = columns.iter().map(|column| column.slice(first, batch.rows()));
                predictions.derive(&batch, of_batch.collect())?;
                first += batch.rows();
            }
            pending = Pending::default();
            if at_end {
                return Ok(());
            }
        }
    }
}

fn prediction_fields(model: &BoostedSchema, folds: Option<&Folds>) -> Vec<Field> {
    let class = Field::new("class", DataType::Utf8, true)
        .with_categories(&model.classes)
        .with_description("the class with the largest probability; the first of equals");
    let probability = |class: &String| {
        Field::new(format!("p_{class}"), DataType::Float64, true)
            .with_description(&format!("probability of class {class}"))
    };
    let fold = folds.map(|folds| {
        Field::new("fold", DataType::Int32, false).with_description(&format!(
            "the fold of the row, from 0, by its `{}`; the model that answers has not seen it",
            folds.column
        ))
    });
    std::iter::once(class).chain(model.classes.iter().map(probability)).chain(fold).collect()
}

/// Rows that wait for their answers.
#[derive(Default)]
struct Pending {
    batches: Vec<Batch>,
    /// Row-major.
    features: Vec<f64>,
    /// The model that answers each row.
    folds: Vec<i32>,
}

impl Pending {
    fn take(
        &mut self,
        batch: Batch,
        model: &BoostedSchema,
        folds: Option<&Folds>,
        n_before: u64,
    ) -> Result<()> {
        match folds {
            None => self.folds.resize(self.folds.len() + batch.rows(), ALL_ROWS),
            Some(folds) => {
                let hashes = group_hashes(folds, &batch, n_before)?;
                let fold = |hash| folds.fold_of(hash).cast_signed();
                self.folds.extend(hashes.into_iter().map(fold));
            }
        }
        self.features.extend(features_of(&batch, &model.features)?);
        self.batches.push(batch);
        Ok(())
    }
}

/// The new columns: the class, its probabilities, and the fold if there are folds.
fn classify(
    trees: &mut Reader,
    model: &BoostedSchema,
    has_folds: bool,
    pending: &Pending,
) -> Result<Vec<ArrayRef>> {
    let n_classes = model.classes.len();
    let mut probabilities = margins(trees, model, &pending.folds, &pending.features)?;
    probabilities.chunks_exact_mut(n_classes).for_each(softmax);
    let rows = || probabilities.chunks_exact(n_classes);
    let class: StringArray = rows().map(|row| Some(&model.classes[likeliest(row)])).collect();
    let mut columns: Vec<ArrayRef> = vec![Arc::new(class)];
    for class in 0..n_classes {
        let column = rows().map(|row| row[class]);
        columns.push(Arc::new(Float64Array::from_iter_values(column)));
    }
    if has_folds {
        columns.push(Arc::new(Int32Array::from(pending.folds.clone())));
    }
    Ok(columns)
}

/// The class with the largest probability, the first of equals.
fn likeliest(probabilities: &[f64]) -> usize {
    let better = |best, class| {
        if probabilities[class] > probabilities[best] { class } else { best }
    };
    (1..probabilities.len()).fold(0, better)
}

skyloom_plugin::export!(BoostingClassifier);
