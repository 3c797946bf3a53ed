//! How much each score of a classifier changes from one test set to another.
//!
//! [`change`](change()) holds the arithmetic; this file pairs the lines of two score tables.

mod change;

use std::collections::BTreeMap;

use skyloom_plugin::prelude::*;

pub use change::{Score, change};

/// What may stand under `with:` in a workflow.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Params {
    /// The metrics to compare.
    #[serde(default = "default_metrics")]
    pub metrics: Vec<String>,
}

fn default_metrics() -> Vec<String> {
    ["recall", "precision", "f1", "accuracy", "macro-f1", "log-loss", "ece"]
        .map(str::to_owned)
        .into()
}

/// The plugin.
pub struct ScoreChange;

const COLUMNS: [&str; 5] = ["metric", "class", "value", "low", "high"];

impl Plugin for ScoreChange {
    type Params = Params;

    fn describe() -> Descriptor {
        descriptor!(Role::Evaluator, Scope::Whole)
            .input("reference", "Scores where the classifier is at home.")
            .input("shifted", "Scores of the same classifier elsewhere.")
            .output("changes", "`shifted − reference` of each metric and class that both have.")
            .cite("doi:10.1002/sim.3095")
    }

    fn bind(_: &Params, bind: &mut Bind) -> Result<()> {
        for port in ["reference", "shifted"] {
            for column in COLUMNS {
                let column = bind.column(port, column, None)?;
                if matches!(column.field().name().as_str(), "metric" | "class") {
                    column.text()?.read(Purpose::Value);
                } else {
                    column.number()?.read(Purpose::Value);
                }
            }
        }
        // How many objects stand behind a change: those of the shifted set.
        bind.column("shifted", "support", None)?.number()?.read(Purpose::Value);
        bind.add("changes", Field::new("metric", DataType::Utf8, false))?;
        bind.add("changes", Field::new("class", DataType::Utf8, true))?;
        for name in ["value", "low", "high"] {
            bind.add("changes", Field::new(name, DataType::Float64, true))?;
        }
        bind.add("changes", Field::new("support", DataType::Int64, true))
    }

    fn run(params: &Params, task: &mut Task) -> Result<()> {
        let reference = lines(task.input("reference")?, false)?;
        let known: BTreeMap<_, _> =
            reference.into_iter().map(|line| ((line.metric, line.class), line.score)).collect();
        let shifted = lines(task.input("shifted")?, true)?;
        let mut changes = Vec::new();
        for line in shifted.into_iter().filter(|line| params.metrics.contains(&line.metric)) {
            let key = (line.metric.clone(), line.class.clone());
            if let (Some(Some(at_home)), Some(elsewhere)) = (known.get(&key), line.score) {
                changes.push((key, change(*at_home, elsewhere), line.support));
            }
        }
        let metrics = changes.iter().map(|((metric, _), ..)| Some(format!("Δ {metric}")));
        let classes = changes.iter().map(|((_, class), ..)| class.clone());
        let values = changes.iter().map(|(_, score, _)| Some(score.value));
        let lows = changes.iter().map(|(_, score, _)| Some(score.interval?.0));
        let highs = changes.iter().map(|(_, score, _)| Some(score.interval?.1));
        let supports = changes.iter().map(|(.., support)| *support);
        task.output("changes")?.put(vec![
            Arc::new(metrics.collect::<StringArray>()),
            Arc::new(classes.collect::<StringArray>()),
            Arc::new(values.collect::<Float64Array>()),
            Arc::new(lows.collect::<Float64Array>()),
            Arc::new(highs.collect::<Float64Array>()),
            Arc::new(supports.collect::<Int64Array>()),
        ])
    }
}

struct Line {
    metric: String,
    class: Option<String>,
    /// None where the score is not defined.
    score: Option<Score>,
    support: Option<i64>,
}

fn lines(reader: &mut Reader, with_support: bool) -> Result<Vec<Line>> {
    let mut lines = Vec::new();
    while let Some(batch) = reader.next()? {
        let (metrics, classes) = (batch.strings("metric")?, batch.strings("class")?);
        let (values, lows, highs) =
            (batch.numbers("value")?, batch.numbers("low")?, batch.numbers("high")?);
        let supports = with_support.then(|| batch.numbers("support")).transpose()?;
        for row in 0..batch.rows() {
            let interval = lows.get(row).zip(highs.get(row));
            lines.push(Line {
                metric: metrics.value(row).to_owned(),
                class: classes.is_valid(row).then(|| classes.value(row).to_owned()),
                score: values.get(row).map(|value| Score { value, interval }),
                support: supports.as_ref().and_then(|counts| counts.get(row)).map(|n| n as i64),
            });
        }
    }
    Ok(lines)
}

export!(ScoreChange);
