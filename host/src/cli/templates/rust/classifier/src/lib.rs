//! Tells two classes apart by a threshold on one column.
//!
//! - [`cut`]: the rule;
//! - here: columns in, the key, a class and its probabilities out.

pub mod cut;

use skyloom_plugin::prelude::*;

use cut::probability_above;

/// What may stand under `with:` in a workflow.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Params {
    /// The column that decides.
    pub column: String,
    /// Where the classes part.
    pub threshold: f64,
    /// The class of rows above the threshold.
    pub above: String,
    /// The class of rows below it.
    pub below: String,
    /// On both sides of the threshold, the probability changes over this distance; 0 for a
    /// sharp cut.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub width: f64,
    /// The column that says which row this is. Without, the one marked as key.
    #[serde(default)]
    pub key: Option<String>,
}

/// The plugin.
pub struct PluginName;

impl Plugin for PluginName {
    type Params = Params;

    fn describe() -> Descriptor {
        descriptor!(Role::Classifier, Scope::Partition)
            .input("data", "Rows to classify, with a key and the column that decides.")
            .output("predictions", "The key, the likelier class, a probability for each class.")
    }

    fn bind(params: &Params, bind: &mut Bind) -> Result<()> {
        if params.above == params.below {
            return Err(Error::param("below", "the two classes need different names"));
        }
        bind.column("data", &params.column, Some("column"))?.number()?.read(Purpose::Feature);
        let key = bind.key("data", params.key.as_deref())?;
        bind.column("data", &key, params.key.as_ref().map(|_| "key"))?;
        bind.pass("predictions", "data", &key)?;
        let classes = [params.above.clone(), params.below.clone()];
        let class = Field::new("class", DataType::Utf8, true)
            .with_categories(&classes)
            .with_description("the likelier class; null where the column has no value");
        bind.add("predictions", class)?;
        for class in &classes {
            let probability = Field::new(format!("p_{class}"), DataType::Float64, true)
                .with_description(&format!("probability of class {class}"));
            bind.add("predictions", probability)?;
        }
        Ok(())
    }

    fn map(params: &Params, batch: &Batch) -> Result<Vec<ArrayRef>> {
        let values = batch.numbers(&params.column)?;
        let above: Vec<Option<f64>> = (0..batch.rows())
            .map(|row| probability_above(values.get(row)?, params.threshold, params.width))
            .collect();
        let class = above.iter().map(|above| {
            above.map(|above| if above >= 0.5 { &params.above } else { &params.below })
        });
        let below = above.iter().map(|above| above.map(|above| 1.0 - above));
        Ok(vec![
            Arc::new(class.collect::<StringArray>()),
            Arc::new(above.iter().copied().collect::<Float64Array>()),
            Arc::new(below.collect::<Float64Array>()),
        ])
    }
}

export!(PluginName);
