//! Keeps the rows whose measurement is precise enough.
//!
//! - [`precision`]: the rule;
//! - here: columns in, a filter out. The host applies it: no row is copied.

pub mod precision;

use skyloom_plugin::prelude::*;

use precision::is_precise;

/// What may stand under `with:` in a workflow.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Params {
    /// The column that was measured.
    pub value: String,
    /// The column with its 1σ error, in the same unit.
    pub error: String,
    /// The largest error that is kept, as a fraction of the value.
    #[serde(default = "default_fraction")]
    #[schemars(range(min = 0))]
    pub fraction: f64,
}

fn default_fraction() -> f64 {
    0.2
}

/// The plugin.
pub struct PluginName;

impl Plugin for PluginName {
    type Params = Params;

    fn describe() -> Descriptor {
        descriptor!(Role::Selector, Scope::Partition)
            .input("table", "Any table with a measured column and its error.")
            .output("rows", "The rows that are precise enough.")
            .output("rest", "The other rows.")
    }

    fn bind(params: &Params, bind: &mut Bind) -> Result<()> {
        bind.column("table", &params.value, Some("value"))?.number()?.read(Purpose::Value);
        bind.column("table", &params.error, Some("error"))?.number()?.read(Purpose::Value);
        bind.pass_all("rows", "table")?;
        bind.pass_all("rest", "table")
    }

    fn run(params: &Params, task: &mut Task) -> Result<()> {
        while let Some(batch) = task.input("table")?.next()? {
            let (values, errors) = (batch.numbers(&params.value)?, batch.numbers(&params.error)?);
            let precise = |row: usize| match (values.get(row), errors.get(row)) {
                (Some(value), Some(error)) => is_precise(value, error, params.fraction),
                _ => false,
            };
            let kept: Vec<bool> = (0..batch.rows()).map(precise).collect();
            let keep: Keep = kept.iter().copied().collect();
            task.output("rows")?.select(&batch, &keep, Vec::new())?;
            let rest: Keep = kept.iter().map(|kept| !kept).collect();
            task.output("rest")?.select(&batch, &rest, Vec::new())?;
        }
        Ok(())
    }
}

export!(PluginName);
