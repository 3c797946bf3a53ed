//! Class probabilities from a random forest.
//!
//! The forest itself is in [`forest_model`]: this file reads columns, and turns the mean of
//! the leaves' class distributions into one probability a class and the likeliest class.

use forest_model::bag::row_key;
use forest_model::port::{Covers, bind_features, bind_model, features_of, read_trees};
use forest_model::{ModelSchema, PackedForest};
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

/// Rows to gather before they fall through the forest: each tree is fetched from memory
/// once for all of them.
const ROWS_AT_ONCE: usize = 8192;

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
        bind_features(bind, "data", &model)?;
        let key = bind.key("data", params.key.as_deref())?;
        bind.column("data", &key, params.key.as_ref().map(|_| "key"))?;
        bind.pass("predictions", "data", &key)?;
        for field in prediction_fields(&model) {
            bind.add("predictions", field)?;
        }
        Ok(())
    }

    fn run(params: &Params, task: &mut Task) -> Result<()> {
        let reader = task.input("model")?;
        let model = ModelSchema::from_fields(reader.fields())?;
        let mut forest = PackedForest::new(model.features.len(), model.classes.len());
        read_trees(reader, &model, Covers::Ignored, |tree| forest.push(tree))?;
        let classifier = Classifier { model, forest, out_of_bag: params.out_of_bag };

        let (data, predictions) = task.pair("data", "predictions")?;
        let n_total = data.rows();
        let (mut n_done, mut batches, mut features) = (0, Vec::new(), Vec::new());
        loop {
            let next = data.next()?;
            let at_end = next.is_none();
            if let Some(batch) = next {
                features.extend(features_of(&batch, &classifier.model)?);
                batches.push(batch);
            }
            let n_rows = features.len() / classifier.model.features.len();
            if n_rows < ROWS_AT_ONCE && !at_end {
                continue;
            }
            let columns = classifier.classify(&features);
            let mut first = 0;
            for batch in batches.drain(..) {
                let of_batch = columns.iter().map(|column| column.slice(first, batch.rows()));
                predictions.derive(&batch, of_batch.collect())?;
                first += batch.rows();
            }
            features.clear();
            n_done += n_rows as u64;
            if at_end {
                task.progress(n_done, n_total);
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

struct Classifier {
    model: ModelSchema,
    forest: PackedForest,
    out_of_bag: bool,
}

impl Classifier {
    /// The new columns for rows of features: the class, then its probabilities.
    fn classify(&self, features: &[f64]) -> Vec<ArrayRef> {
        let probabilities = match self.model.bagging {
            Some(bagging) if self.out_of_bag => {
                let rows = features.chunks_exact(self.model.features.len());
                let keys: Vec<u64> = rows.map(|row| row_key(row.iter().copied())).collect();
                self.forest.predict_out_of_bag(features, &keys, bagging)
            }
            _ => self.forest.predict(features),
        };
        let n_classes = self.model.classes.len();
        let rows = || probabilities.chunks_exact(n_classes);
        let class: StringArray =
            rows().map(|row| likeliest(row).map(|class| &self.model.classes[class])).collect();
        let mut columns: Vec<ArrayRef> = vec![Arc::new(class)];
        for class in 0..n_classes {
            // NaN stands for a row that every tree learnt from.
            let column = rows().map(|row| Some(row[class]).filter(|p| !p.is_nan()));
            columns.push(Arc::new(column.collect::<Float64Array>()));
        }
        columns
    }
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
