//! Keeps the rows for which conditions hold.
//!
//! - [`condition`]: what a condition is, and which values meet it;
//! - here: columns → values, and the filters that the host applies. No row is copied.

use indexmap::IndexMap;
use skyloom_plugin::bind::{is_number, is_text};
use skyloom_plugin::prelude::*;

use condition::{Condition, Kind, Value};

pub mod condition;

/// What may stand under `with:` in a workflow.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Params {
    /// Conditions by column; a row is kept when all of them hold. `[a, b]`: equals one of
    /// these; `{min: 1, max: 2}`, `{above: 1, below: 2}`: lies in this range, the ends of
    /// the first included; `{not: …}`: the contrary of either. A missing value meets no
    /// condition unless `null` is listed.
    #[schemars(extend("minProperties" = 1))]
    pub r#where: IndexMap<String, Condition>,
}

/// The plugin.
pub struct Select;

impl Plugin for Select {
    type Params = Params;

    fn describe() -> Descriptor {
        descriptor!(Role::Selector, Scope::Partition)
            .input("table", "Any table.")
            .output("rows", "The rows for which all conditions hold.")
            .output("rest", "The other rows.")
    }

    fn bind(params: &Params, bind: &mut Bind) -> Result<()> {
        if params.r#where.is_empty() {
            return Err(Error::param("where", "name at least one column and its condition"));
        }
        for (name, condition) in &params.r#where {
            let param = format!("where.{name}");
            let column = bind.column("table", name, Some("where"))?;
            let column = column
                .of_type("text, a number or boolean", |data_type| kind(data_type).is_some())?;
            let kind = kind(column.field().data_type()).expect("its type was checked");
            condition.check(kind).map_err(|message| Error::param(param, message))?;
            column.read(Purpose::Key);
        }
        bind.pass_all("rows", "table")?;
        bind.pass_all("rest", "table")
    }

    fn run(params: &Params, task: &mut Task) -> Result<()> {
        let (mut kept, mut all) = (0, 0);
        while let Some(batch) = task.input("table")?.next()? {
            let mut keep = vec![true; batch.rows()];
            for (name, condition) in &params.r#where {
                judge(&batch, name, condition, &mut keep)?;
            }
            kept += keep.iter().filter(|keep| **keep).count();
            all += keep.len();
            task.output("rows")?.select(&batch, &keep.iter().copied().collect(), Vec::new())?;
            task.output("rest")?.select(
                &batch,
                &keep.iter().map(|keep| !keep).collect(),
                Vec::new(),
            )?;
        }
        task.info(&format!("{kept} of {all} rows kept"));
        Ok(())
    }
}

export!(Select);

fn kind(data_type: &DataType) -> Option<Kind> {
    match data_type {
        DataType::Boolean => Some(Kind::Boolean),
        data_type if is_text(data_type) => Some(Kind::Text),
        data_type if is_number(data_type) => Some(Kind::Number),
        _ => None,
    }
}

/// Clears `keep` where the value of column `name` does not meet `condition`.
fn judge(batch: &Batch, name: &str, condition: &Condition, keep: &mut [bool]) -> Result<()> {
    let data_type = batch.fields().find(name).map(|(_, field)| field.data_type());
    match data_type.and_then(kind) {
        Some(Kind::Text) => {
            let values = batch.strings(name)?;
            for (keep, value) in keep.iter_mut().zip(values.iter()) {
                *keep &= condition.holds(value.map_or(Value::Missing, Value::Text));
            }
        }
        Some(Kind::Boolean) => {
            let values = batch.booleans(name)?;
            for (keep, value) in keep.iter_mut().zip(values.iter()) {
                *keep &= condition.holds(value.map_or(Value::Missing, Value::Boolean));
            }
        }
        _ => {
            let values = batch.numbers(name)?;
            for (row, keep) in keep.iter_mut().enumerate() {
                let value = values.get(row).filter(|value| !value.is_nan());
                *keep &= condition.holds(value.map_or(Value::Missing, Value::Number));
            }
        }
    }
    Ok(())
}
