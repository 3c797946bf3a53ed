//! Depends on more than its inputs: it tells how many rows it was handed at once, which is
//! the host's choice. A replay must find it out.

use skyloom_plugin::prelude::*;

/// What may stand under `with:`.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Params {
    /// A column of numbers.
    column: String,
}

/// The plugin.
pub struct Impure;

impl Plugin for Impure {
    type Params = Params;

    fn describe() -> Descriptor {
        descriptor!(Role::FeatureExtractor, Scope::Partition)
            .input("table", "Any table with a column of numbers.")
            .output("features", "The same table, and what should not be in it.")
    }

    fn bind(params: &Params, bind: &mut Bind) -> Result<()> {
        bind.column("table", &params.column, Some("column"))?.number()?.read(Purpose::Value);
        bind.pass_all("features", "table")?;
        bind.add("features", Field::new("at_once", DataType::Float64, true))
    }

    fn map(params: &Params, batch: &Batch) -> Result<Vec<ArrayRef>> {
        let numbers = batch.numbers(&params.column)?;
        let rows = batch.rows();
        let leak = (0..rows).map(|row| numbers.get(row).map(|_| rows as f64));
        Ok(vec![Arc::new(leak.collect::<Float64Array>())])
    }
}

export!(Impure);
