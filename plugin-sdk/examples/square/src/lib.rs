//! Adds the square of a column: the smallest plugin that does something.

use skyloom_plugin::prelude::*;

/// What may stand under `with:` in a workflow.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Params {
    /// The column to square.
    pub column: String,
}

/// The plugin.
pub struct Square;

impl Plugin for Square {
    type Params = Params;

    fn describe() -> Descriptor {
        descriptor!(Role::FeatureExtractor, Scope::Partition)
            .input("table", "Any table with a column of numbers.")
            .output("features", "The same table and the square.")
    }

    fn bind(params: &Params, bind: &mut Bind) -> Result<()> {
        bind.column("table", &params.column, Some("column"))?.number()?.read(Purpose::Value);
        bind.pass_all("features", "table")?;
        let name = format!("{}_squared", params.column);
        bind.add("features", Field::new(name, DataType::Float64, true))
    }

    fn map(params: &Params, batch: &Batch) -> Result<Vec<ArrayRef>> {
        let numbers = batch.numbers(&params.column)?;
        let squares = (0..batch.rows()).map(|row| numbers.get(row).map(|x| x * x));
        Ok(vec![Arc::new(squares.collect::<Float64Array>())])
    }
}

export!(Square);
