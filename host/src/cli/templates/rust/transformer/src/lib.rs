//! Multiplies a column by a factor and gives it another unit.
//!
//! - [`scale`]: the rule;
//! - here: one column replaced, all others passed on.

pub mod scale;

use skyloom_plugin::prelude::*;

use scale::scaled;

/// What may stand under `with:` in a workflow.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Params {
    /// The column to change.
    pub column: String,
    /// What each value is multiplied by.
    pub factor: f64,
    /// The unit afterwards, in VOUnits.
    pub unit: String,
}

/// The plugin.
pub struct PluginName;

impl Plugin for PluginName {
    type Params = Params;

    fn describe() -> Descriptor {
        descriptor!(Role::Transformer, Scope::Partition)
            .input("table", "Any table with a column of numbers.")
            .output("table", "The same table, that column in its new unit.")
    }

    fn bind(params: &Params, bind: &mut Bind) -> Result<()> {
        if params.factor == 0.0 {
            return Err(Error::param("factor", "0 would leave nothing of the column"));
        }
        let column = bind.column("table", &params.column, Some("column"))?.number()?;
        let old = column.read(Purpose::Value);
        // What it means stays; in what unit changes.
        let new = old.with_data_type(DataType::Float64).with_nullable(true).with_unit(&params.unit);
        let names: Vec<String> =
            bind.fields("table")?.iter().map(|field| field.name().clone()).collect();
        for name in names {
            if name == params.column {
                bind.add("table", new.clone())?;
            } else {
                bind.pass("table", "table", &name)?;
            }
        }
        Ok(())
    }

    fn map(params: &Params, batch: &Batch) -> Result<Vec<ArrayRef>> {
        let numbers = batch.numbers(&params.column)?;
        let scaled = (0..batch.rows()).map(|row| scaled(numbers.get(row)?, params.factor));
        Ok(vec![Arc::new(scaled.collect::<Float64Array>())])
    }
}

export!(PluginName);
