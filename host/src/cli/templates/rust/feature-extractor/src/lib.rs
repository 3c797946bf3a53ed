//! Adds the signal-to-noise ratio of a measured column.
//!
//! - [`signal`]: the formula;
//! - here: which columns come in and which go out.

pub mod signal;

use skyloom_plugin::prelude::*;

use signal::signal_to_noise;

/// What may stand under `with:` in a workflow.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Params {
    /// The column that was measured.
    pub value: String,
    /// The column with its 1σ error, in the same unit.
    pub error: String,
    /// What the new column is called.
    #[serde(default = "default_name")]
    pub name: String,
}

fn default_name() -> String {
    "snr".to_owned()
}

/// The plugin.
pub struct PluginName;

impl Plugin for PluginName {
    type Params = Params;

    fn describe() -> Descriptor {
        descriptor!(Role::FeatureExtractor, Scope::Partition)
            .input("table", "Any table with a measured column and its error.")
            .output("features", "The same table and the signal-to-noise ratio.")
    }

    fn bind(params: &Params, bind: &mut Bind) -> Result<()> {
        let value = bind.column("table", &params.value, Some("value"))?.number()?;
        let unit = value.read(Purpose::Value).unit().map(str::to_owned);
        let error = bind.column("table", &params.error, Some("error"))?.number()?;
        let error = match &unit {
            Some(unit) => error.unit(&[unit])?,
            None => error,
        };
        error.read(Purpose::Value);
        bind.pass_all("features", "table")?;
        let snr = Field::new(&params.name, DataType::Float64, true)
            .with_ucd("stat.snr")
            .with_description(&format!("{} over {}", params.value, params.error));
        bind.add("features", snr)
    }

    fn map(params: &Params, batch: &Batch) -> Result<Vec<ArrayRef>> {
        let (values, errors) = (batch.numbers(&params.value)?, batch.numbers(&params.error)?);
        let ratio = |row: usize| signal_to_noise(values.get(row)?, errors.get(row)?);
        let ratios: Float64Array = (0..batch.rows()).map(ratio).collect();
        Ok(vec![Arc::new(ratios)])
    }
}

export!(PluginName);
