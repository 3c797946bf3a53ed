//! Scores predicted classes: accuracy, and recall of each class.
//!
//! - [`recall`]: pairs of classes to scores;
//! - here: two tables joined by their key, one row out for each score.

pub mod recall;

use std::collections::BTreeMap;

use skyloom_plugin::bind::{is_text, key_of};
use skyloom_plugin::prelude::*;

use recall::{Score, Tally};

/// What may stand under `with:` in a workflow.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Params {
    /// The column of `truth` that holds the true class.
    pub label: String,
    /// The column, in both tables, that tells rows apart. Without, their key columns.
    #[serde(default)]
    pub key: Option<String>,
}

/// The plugin.
pub struct PluginName;

impl Plugin for PluginName {
    type Params = Params;

    fn describe() -> Descriptor {
        descriptor!(Role::Evaluator, Scope::Whole)
            .input("predictions", "A classifier's output: the key and `class`.")
            .input("truth", "The same rows with their true class.")
            .output("scores", "One row for each score; `class` is null where it is of all.")
    }

    fn bind(params: &Params, bind: &mut Bind) -> Result<()> {
        for port in ["predictions", "truth"] {
            let key = bind.key(port, params.key.as_deref())?;
            bind.column(port, &key, params.key.as_ref().map(|_| "key"))?
                .of_type("text or an integer", |kind| is_text(kind) || kind.is_integer())?
                .read(Purpose::Key);
        }
        bind.column("predictions", "class", None)?.text()?.read(Purpose::Value);
        bind.column("truth", &params.label, Some("label"))?.text()?.read(Purpose::Label);
        for (name, data_type, nullable) in [
            ("metric", DataType::Utf8, false),
            ("class", DataType::Utf8, true),
            ("value", DataType::Float64, true),
            ("low", DataType::Float64, true),
            ("high", DataType::Float64, true),
            ("support", DataType::Int64, true),
        ] {
            bind.add("scores", Field::new(name, data_type, nullable))?;
        }
        Ok(())
    }

    fn run(params: &Params, task: &mut Task) -> Result<()> {
        let truth = read(task, "truth", params, &params.label)?;
        let predictions = read(task, "predictions", params, "class")?;
        let mut tally = Tally::default();
        for (key, predicted) in &predictions {
            let Some(truth) = truth.get(key) else {
                return Err(Error::data(format!(
                    "`truth` has no row `{key}`; give it all rows that were classified"
                )));
            };
            if let Some(truth) = truth {
                tally.add(truth, predicted.as_deref());
            }
        }
        task.output("scores")?.put(columns(&tally.scores()))
    }
}

export!(PluginName);

/// The column of text `column` of input `port`, by key.
fn read(
    task: &mut Task,
    port: &str,
    params: &Params,
    column: &str,
) -> Result<BTreeMap<String, Option<String>>> {
    let reader = task.input(port)?;
    let key_column = key_of(reader.fields(), port, params.key.as_deref())?;
    let mut values = BTreeMap::new();
    while let Some(batch) = reader.next()? {
        let (keys, texts) = (keys(&batch, &key_column)?, batch.strings(column)?);
        for (row, key) in keys.into_iter().enumerate() {
            let Some(key) = key else {
                return Err(Error::data(format!("a row of `{port}` has no `{key_column}`")));
            };
            let text = texts.is_valid(row).then(|| texts.value(row).to_owned());
            if values.insert(key.clone(), text).is_some() {
                return Err(Error::data(format!(
                    "two rows of `{port}` have the key `{key}`; name a column with different values as `key`"
                )));
            }
        }
    }
    Ok(values)
}

/// The keys of a batch as text.
fn keys(batch: &Batch, key: &str) -> Result<Vec<Option<String>>> {
    if let Ok(texts) = batch.strings(key) {
        return Ok(texts.iter().map(|text| text.map(str::to_owned)).collect());
    }
    let numbers = batch.numbers(key)?;
    Ok((0..batch.rows()).map(|row| numbers.get(row).map(|number| number.to_string())).collect())
}

fn columns(scores: &[Score]) -> Vec<ArrayRef> {
    let none = || Arc::new(scores.iter().map(|_| None).collect::<Float64Array>()) as ArrayRef;
    let metric: StringArray = scores.iter().map(|score| Some(score.metric)).collect();
    let class: StringArray = scores.iter().map(|score| score.class.as_deref()).collect();
    let value: Float64Array = scores.iter().map(|score| score.value).collect();
    let support: Int64Array =
        scores.iter().map(|score| i64::try_from(score.support).ok()).collect();
    vec![Arc::new(metric), Arc::new(class), Arc::new(value), none(), none(), Arc::new(support)]
}
