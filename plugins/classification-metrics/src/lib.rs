//! Scores predictions against the truth.
//!
//! - [`join`]: which truth belongs to which prediction;
//! - [`outcome`]: a prediction and its truth → five numbers;
//! - [`sample`]: many of them → sums, resampled sums;
//! - [`score`]: sums → scores;
//! - `read`: columns → outcomes, and all that can be wrong with them;
//! - here: the declaration, and the two tables that come out.

use indexmap::IndexMap;
use skyloom_plugin::bind::is_text;
use skyloom_plugin::prelude::*;

use read::{CLASS, PROBABILITY, read_outcomes, read_truth};
use sample::{Estimate, Sample};
use score::{Macro, Totals, names};

pub mod join;
pub mod outcome;
pub mod score;
pub mod sample;
mod read;

/// What to do with rows whose true class the classifier does not know.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Unknown {
    /// Stop, and name them.
    #[default]
    Error,
    /// Leave them out, and say how many.
    Ignore,
}

/// Which classes the macro averages are over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Average {
    /// All that the classifier knows, as scikit-learn with `labels` given.
    #[default]
    All,
    /// Those that occur in the truth: for samples that lack some by nature.
    Present,
}

/// What may stand under `with:` in a workflow.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Params {
    /// The column of `truth` that holds the true class.
    pub label: String,
    /// The column, in both tables, that tells rows apart. Without it, their key columns.
    #[serde(default)]
    pub key: Option<String>,
    /// Resamples behind the 95 % intervals; 0 for no intervals.
    #[serde(default = "default_bootstrap")]
    #[schemars(range(max = 100_000))]
    pub bootstrap: u32,
    /// Another seed, other resamples.
    #[serde(default)]
    pub seed: u64,
    /// What to do with rows whose true class the classifier does not know.
    #[serde(default)]
    pub unknown: Unknown,
    /// Which classes the macro averages are over.
    #[serde(default)]
    pub average: Average,
    /// What classes weigh in the score `class-weighted-log-loss`, numbers from 0 up; those not
    /// named weigh 1. Without, all weigh the same.
    #[serde(default)]
    pub class_weights: Option<IndexMap<String, f64>>,
    /// Accept rows of `truth` without prediction; the score `coverage` tells how many are scored.
    #[serde(default)]
    pub partial: bool,
}

fn default_bootstrap() -> u32 {
    1_000
}

/// The plugin.
pub struct ClassificationMetrics;

impl Plugin for ClassificationMetrics {
    type Params = Params;

    fn describe() -> Descriptor {
        descriptor!(Role::Evaluator, Scope::Whole)
            .input(
                "predictions",
                "A classifier's output: key, class, one probability for each class.",
            )
            .input("truth", "The same rows with their true class.")
            .output("scores", "One row for each score, overall (`class` null) or about a class.")
            .output("confusion", "One row for each pair of true and predicted class.")
            .cite("doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2")
            .cite("doi:10.1609/aaai.v29i1.9602")
            .cite("doi:10.1016/j.compbiolchem.2004.09.006")
            .cite("doi:10.1201/9780429246593")
            .cite("doi:10.3847/1538-3881/ab3a2f")
    }

    fn bind(params: &Params, bind: &mut Bind) -> Result<()> {
        let expected = "an integer or text";
        let is_key = |data_type: &DataType| data_type.is_integer() || is_text(data_type);
        let named = params.key.as_deref();
        let mut kinds = Vec::new();
        for port in ["predictions", "truth"] {
            let key = bind.key(port, named)?;
            let column =
                bind.column(port, &key, named.map(|_| "key"))?.of_type(expected, is_key)?;
            kinds.push((key, column.read(Purpose::Key).data_type().is_integer()));
        }
        if kinds[0].1 != kinds[1].1 {
            let word = |integer| if integer { "integers" } else { "text" };
            return Err(Error::data(format!(
                "keys do not compare: `{}` of `predictions` holds {}, `{}` of `truth` {}; name another with `key`",
                kinds[0].0,
                word(kinds[0].1),
                kinds[1].0,
                word(kinds[1].1)
            )));
        }
        let is_label = |data_type: &DataType| {
            data_type.is_integer() || is_text(data_type) || *data_type == DataType::Boolean
        };
        bind.column("truth", &params.label, Some("label"))?
            .of_type("text, an integer or boolean", is_label)?
            .read(Purpose::Label);
        let classes = classes(bind.fields("predictions")?)?;
        class_weights(params, &classes)?;
        for class in &classes {
            let name = format!("{PROBABILITY}{class}");
            bind.column("predictions", &name, None)?.number()?.read(Purpose::Value);
        }
        if bind.fields("predictions")?.find(CLASS).is_some() {
            bind.column("predictions", CLASS, None)?.text()?.read(Purpose::Value);
        }
        for field in scores_fields(&classes) {
            bind.add("scores", field)?;
        }
        for field in confusion_fields(&classes) {
            bind.add("confusion", field)?;
        }
        Ok(())
    }

    fn run(params: &Params, task: &mut Task) -> Result<()> {
        let classes = classes(task.input("predictions")?.fields())?;
        let truth = read_truth(params, &classes, task)?;
        let outcomes = read_outcomes(params, &classes, &truth, task)?;
        let coverage = Coverage { scored: outcomes.len(), of: truth.index.len() };
        let sample = Sample::new(classes.len(), outcomes);
        let over = match params.average {
            Average::All => Macro::All,
            Average::Present => Macro::Present,
        };
        let total = u64::from(params.bootstrap);
        let progress = |done: u32| {
            if done.is_multiple_of(64) {
                task.progress(u64::from(done), total);
            }
        };
        let weights = class_weights(params, &classes)?;
        let estimates = sample.estimates(over, &weights, params.bootstrap, params.seed, progress);
        let totals = sample.totals();
        let scores = scores_columns(&classes, &totals, &estimates, coverage);
        task.output("scores")?.put(scores)?;
        task.output("confusion")?.put(confusion_columns(&classes, &totals))
    }
}

export!(ClassificationMetrics);

/// The classes that the predictions are about: as the column `class` lists them, or else
/// one for each number column `p_…`, in their order.
fn classes(fields: &Fields) -> Result<Vec<String>> {
    let has_column = |class: &String| fields.find(&format!("{PROBABILITY}{class}")).is_some();
    let listed = fields.find(CLASS).and_then(|(_, field)| field.categories());
    if let Some(listed) =
        listed.filter(|listed| !listed.is_empty() && listed.iter().all(has_column))
    {
        return Ok(listed);
    }
    let is_probability = |field: &&FieldRef| field.data_type().is_floating();
    let named = |field: &FieldRef| field.name().strip_prefix(PROBABILITY).map(str::to_owned);
    let found: Vec<_> = fields.iter().filter(is_probability).filter_map(named).collect();
    if found.is_empty() {
        let message = "input `predictions` has no probability columns `p_<class>`; connect a classifier's output";
        return Err(Error::data(message));
    }
    Ok(found)
}

/// The weight of each class in the class-weighted log-loss.
fn class_weights(params: &Params, classes: &[String]) -> Result<Vec<f64>> {
    let Some(named) = &params.class_weights else {
        return Ok(vec![1.0; classes.len()]);
    };
    for (class, weight) in named {
        if !classes.contains(class) {
            let message =
                format!("there is no class `{class}`; the classes are {}", classes.join(", "));
            return Err(Error::param("class-weights", message));
        }
        if !(weight.is_finite() && *weight >= 0.0) {
            let message = format!("class `{class}` must weigh a finite number from 0 up");
            return Err(Error::param("class-weights", message));
        }
    }
    Ok(classes.iter().map(|class| named.get(class).copied().unwrap_or(1.0)).collect())
}

fn scores_fields(classes: &[String]) -> [Field; 6] {
    let number = |name, about| Field::new(name, DataType::Float64, true).with_description(about);
    [
        Field::new("metric", DataType::Utf8, false).with_description("The score's name"),
        Field::new(CLASS, DataType::Utf8, true)
            .with_description("The class it is about; null: all of them")
            .with_categories(classes),
        number("value", "The score; null where it is 0/0"),
        number("low", "Lower end of its 95 % bootstrap interval"),
        number("high", "Upper end of its 95 % bootstrap interval"),
        Field::new("support", DataType::Int64, true).with_description("Rows it is about"),
    ]
}

fn confusion_fields(classes: &[String]) -> [Field; 3] {
    [
        Field::new("truth", DataType::Utf8, false).with_categories(classes),
        Field::new("predicted", DataType::Utf8, false).with_categories(classes),
        Field::new("count", DataType::Int64, false).with_description("Rows of this pair"),
    ]
}

/// How many rows of the truth could be scored.
#[derive(Debug, Clone, Copy)]
struct Coverage {
    scored: usize,
    of: usize,
}

fn scores_columns(
    classes: &[String],
    totals: &Totals,
    estimates: &[Estimate],
    coverage: Coverage,
) -> Vec<ArrayRef> {
    let names = names(classes.len());
    let low = |estimate: &Estimate| estimate.interval.map(|(low, _)| low);
    let high = |estimate: &Estimate| estimate.interval.map(|(_, high)| high);
    let support = |class: Option<usize>| match class {
        Some(class) => totals.support(class) as i64,
        None => totals.rows() as i64,
    };
    let share = (coverage.of > 0).then(|| coverage.scored as f64 / coverage.of as f64);
    let metric = names.iter().map(|(name, _)| *name).chain(["coverage"]);
    let class = names.iter().map(|(_, class)| class.map(|class| classes[class].as_str()));
    let value = estimates.iter().map(|estimate| estimate.value).chain([share]);
    let supports = names.iter().map(|(_, class)| support(*class)).chain([coverage.of as i64]);
    vec![
        Arc::new(metric.map(Some).collect::<StringArray>()),
        Arc::new(class.chain([None]).collect::<StringArray>()),
        Arc::new(value.collect::<Float64Array>()),
        Arc::new(estimates.iter().map(low).chain([None]).collect::<Float64Array>()),
        Arc::new(estimates.iter().map(high).chain([None]).collect::<Float64Array>()),
        Arc::new(supports.collect::<Int64Array>()),
    ]
}

fn confusion_columns(classes: &[String], totals: &Totals) -> Vec<ArrayRef> {
    let pairs = || (0..classes.len()).flat_map(|t| (0..classes.len()).map(move |p| (t, p)));
    let name = |class: usize| Some(classes[class].as_str());
    vec![
        Arc::new(pairs().map(|(truth, _)| name(truth)).collect::<StringArray>()),
        Arc::new(pairs().map(|(_, predicted)| name(predicted)).collect::<StringArray>()),
        Arc::new(pairs().map(|(t, p)| totals.count(t, p) as i64).collect::<Int64Array>()),
    ]
}
