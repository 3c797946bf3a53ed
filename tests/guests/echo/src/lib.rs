//! Emits every column it reads, as a new one: what comes back has crossed the border twice,
//! and was an Arrow array of the SDK in between.

use skyloom_plugin::prelude::*;

/// Nothing may stand under `with:`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {}

/// The plugin.
pub struct Echo;

impl Plugin for Echo {
    type Params = Params;

    fn describe() -> Descriptor {
        descriptor!(Role::Transformer, Scope::Partition)
            .input("table", "Any table.")
            .output("table", "The same table.")
    }

    fn bind(_: &Params, bind: &mut Bind) -> Result<()> {
        for field in &bind.fields("table")?.clone() {
            bind.column("table", field.name(), None)?.read(Purpose::Value);
            bind.add("table", field.as_ref().clone())?;
        }
        Ok(())
    }

    fn run(_: &Params, task: &mut Task) -> Result<()> {
        let (input, output) = task.pair("table", "table")?;
        while let Some(batch) = input.next()? {
            let fields = batch.fields().iter();
            let columns: Result<_> = fields.map(|field| batch.column(field.name())).collect();
            output.put(columns?)?;
        }
        Ok(())
    }
}

export!(Echo);
