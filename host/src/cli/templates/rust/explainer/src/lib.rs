//! Explains a threshold on one column: how far each row lies from it.
//!
//! - [`margin`]: the formula;
//! - here: columns in, the key, the margin and what it is made of out.

pub mod margin;

use skyloom_plugin::prelude::*;

use margin::margin_of;

/// What may stand under `with:` in a workflow.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Params {
    /// The column that decides.
    pub column: String,
    /// Where the classes part.
    pub threshold: f64,
    /// The unit of the margin, in that of the column; 0 for the column's own.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub width: f64,
    /// The column that says which row this is. Without, the one marked as key.
    #[serde(default)]
    pub key: Option<String>,
}

/// The plugin.
pub struct PluginName;

/// What a row at the threshold has.
const BASE_VALUE: f64 = 0.0;

impl Plugin for PluginName {
    type Params = Params;

    fn describe() -> Descriptor {
        descriptor!(Role::Explainer, Scope::Partition)
            .input("data", "The rows that were classified, with a key and the column that decides.")
            .output("attributions", "The key, the margin, and what contributes to it.")
    }

    fn bind(params: &Params, bind: &mut Bind) -> Result<()> {
        bind.column("data", &params.column, Some("column"))?.number()?.read(Purpose::Feature);
        let key = bind.key("data", params.key.as_deref())?;
        bind.column("data", &key, params.key.as_ref().map(|_| "key"))?;
        bind.pass("attributions", "data", &key)?;
        let contribution = format!("contribution_{}", params.column);
        for (name, description) in [
            ("margin", "distance from the threshold, positive above it"),
            ("base_value", "the margin of a row at the threshold"),
            (&contribution, "what the column adds to the base value"),
        ] {
            let field = Field::new(name, DataType::Float64, true).with_description(description);
            bind.add("attributions", field)?;
        }
        Ok(())
    }

    fn map(params: &Params, batch: &Batch) -> Result<Vec<ArrayRef>> {
        let values = batch.numbers(&params.column)?;
        let margins: Vec<Option<f64>> = (0..batch.rows())
            .map(|row| margin_of(values.get(row)?, params.threshold, params.width))
            .collect();
        let column = |of: fn(f64) -> f64| -> ArrayRef {
            Arc::new(margins.iter().map(|margin| margin.map(of)).collect::<Float64Array>())
        };
        Ok(vec![
            column(|margin| margin),
            column(|_| BASE_VALUE),
            column(|margin| margin - BASE_VALUE),
        ])
    }
}

export!(PluginName);
