//! Emits rows from nothing, so that tests need no files: `n` counts them, `x` is half of
//! `n`, `s` is `n` as text, missing in every third row.

use skyloom_plugin::prelude::*;

/// What may stand under `with:`.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Params {
    /// Rows of each partition.
    #[serde(default = "one_thousand")]
    rows: i64,
    #[serde(default = "one")]
    partitions: i64,
    /// Panics in this row, if there is one.
    #[serde(default)]
    panic_at: Option<i64>,
}

fn one() -> i64 {
    1
}

fn one_thousand() -> i64 {
    1000
}

/// The plugin.
pub struct Source;

impl Plugin for Source {
    type Params = Params;

    fn describe() -> Descriptor {
        descriptor!(Role::Simulator, Scope::Whole).output("rows", "What it makes up.")
    }

    fn bind(_: &Params, bind: &mut Bind) -> Result<()> {
        bind.add("rows", Field::new("n", DataType::Int64, false))?;
        bind.add("rows", Field::new("x", DataType::Float64, false))?;
        bind.add("rows", Field::new("s", DataType::Utf8, true))
    }

    fn run(params: &Params, task: &mut Task) -> Result<()> {
        let output = task.output("rows")?;
        for partition in 0..params.partitions {
            if partition > 0 {
                output.cut()?;
            }
            let rows = partition * params.rows..(partition + 1) * params.rows;
            if let Some(row) = params.panic_at.filter(|row| rows.contains(row)) {
                panic!("row {row} is where it panics");
            }
            let n: Int64Array = rows.clone().collect();
            let x: Float64Array = rows.clone().map(|n| n as f64 / 2.0).collect();
            let s: StringArray = rows.map(|n| (n % 3 != 0).then(|| n.to_string())).collect();
            output.put(vec![Arc::new(n), Arc::new(x), Arc::new(s)])?;
        }
        Ok(())
    }
}

export!(Source);
