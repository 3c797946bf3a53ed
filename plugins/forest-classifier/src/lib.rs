//! Class probabilities from a random forest.
//!
//! The forest itself is in [`forest_model`], and falls at the host's speed: this file reads
//! columns, and turns the mean of the leaves' class distributions into one probability a class
//! and the likeliest class.

use forest_model::port::{Covers, bind_features, bind_model, features_of};
use forest_model::predict::{probabilities, rows_at_once};
use forest_model::{Bagging, ModelSchema};
use skyloom_plugin::prelude::*;

/// What may stand under `with:` in a workflow.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Params {
    /// The column that says which row this is. Without, the one marked as key.
    #[serde(default)]
    pub key: Option<String>,
    /// For the rows that the forest learnt from: ask only the trees that did not see the
    /// row, which scores the forest without a test set. Rows that every tree saw get no
    /// class.
    #[serde(default)]
    pub out_of_bag: bool,
}

/// The plugin.
pub struct ForestClassifier;

impl Plugin for ForestClassifier {
    type Params = Params;

    fn describe() -> Descriptor {
        descriptor!(Role::Classifier, Scope::Partition)
            .input("data", "Rows to classify, with all features that the model was trained on.")
            .whole_input("model", "A forest, as forest-trainer writes it.")
            .output("predictions", "The key, the likeliest class, a probability for each class.")
            .cite("doi:10.1023/A:1010933404324")
    }

    fn bind(params: &Params, bind: &mut Bind) -> Result<()> {
        let model = bind_model(bind, "model", Covers::Ignored)?;
        if params.out_of_bag && model.bagging.is_none() {
            let message = "the model does not say how its trees drew their rows; only models \
                           from forest-trainer do";
            return Err(Error::param("out-of-bag", message));
        }
        bind_features(bind, "data", &model.features)?;
        let key = bind.key("data", params.key.as_deref())?;
        bind.column("data", &key, params.key.as_ref().map(|_| "key"))?;
        bind.pass("predictions", "data", &key)?;
        for field in prediction_fields(&model) {
            bind.add("predictions", field)?;
        }
        Ok(())
    }

    fn run(params: &Params, task: &mut Task) -> Result<()> {
        let mut trees = task.take_input("model")?;
        let model = ModelSchema::from_fields(trees.fields())?;
        let bagging = model.bagging.filter(|_| params.out_of_bag);
        let (data, predictions) = task.pair("data", "predictions")?;
        let (n_features, n_classes) = (model.features.len(), model.classes.len());
        let at_once = rows_at_once(n_features, n_classes) * n_features;
        let (mut batches, mut features) = (Vec::new(), Vec::new());
        loop {
            let next = data.next()?;
            let at_end = next.is_none();
            if let Some(batch) = next {
                features.extend(features_of(&batch, &model.features)?);
                batches.push(batch);
            }
            if features.len() < at_once && !at_end {
                continue;
            }
            let columns = classify(&mut trees, &model, bagging, &features)?;
            let mut first = 0;
            for batch in batches.drain(..) {
                let of_batch = columns.iter().map(|column| column.slice(first, batch.rows()));
                predictions.derive(&batch, of_batch.collect())?;
                first += batch.rows();
            }
            features.clear();
            if at_end {
                return Ok(());
            }
        }
    }
}

fn prediction_fields(model: &ModelSchema) -> Vec<Field> {
    let class = Field::new("class", DataType::Utf8, true)
        .with_categories(&model.classes)
        .with_description("the class with the largest probability; the first of equals");
    let probability = |class: &String| {
        Field::new(format!("p_{class}"), DataType::Float64, true)
            .with_description(&format!("probability of class {class}"))
    };
    std::iter::once(class).chain(model.classes.iter().map(probability)).collect()
}

/// The new columns for rows of features: the class, then its probabilities.
fn classify(
    trees: &mut Reader,
    model: &ModelSchema,
    bagging: Option<Bagging>,
    features: &[f64],
) -> Result<Vec<ArrayRef>> {
    let n_classes = model.classes.len();
    let probabilities = probabilities(trees, model, bagging, features)?;
    let rows = || probabilities.chunks_exact(n_classes);
    let class: StringArray =
        rows().map(|row| likeliest(row).map(|class| &model.classes[class])).collect();
    let mut columns: Vec<ArrayRef> = vec![Arc::new(class)];
    for class in 0..n_classes {
        let column = rows().map(|row| Some(row[class]).filter(|p| !p.is_nan()));
        columns.push(Arc::new(column.collect::<Float64Array>()));
    }
    Ok(columns)
}

/// The class with the largest probability, the first of equals; none if they are NaN.
fn likeliest(probabilities: &[f64]) -> Option<usize> {
    let mut best = None;
    let mut most = f64::NEG_INFINITY;
    for (class, &probability) in probabilities.iter().enumerate() {
        if probability > most {
            (best, most) = (Some(class), probability);
        }
    }
    best
}

skyloom_plugin::export!(ForestClassifier);
