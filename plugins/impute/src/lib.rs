//! Fills gaps, with what other rows say.
//!
//! - [`params`]: what the user may ask for;
//! - [`statistic`]: many values → the one that stands for them;
//! - `column`: Arrow arrays → values, and filled ones back;
//! - here: first all of `fit`, a column at a time, then `rows`, batch by batch.

use skyloom_plugin::prelude::*;

use column::{Fill, constant, fill, fit};
pub use params::Params;
use params::{Rule, Strategy, is_float, is_plain_text};

pub mod params;
pub mod statistic;
mod column;

/// The plugin.
pub struct Impute;

impl Plugin for Impute {
    type Params = Params;

    fn describe() -> Descriptor {
        descriptor!(Role::Transformer, Scope::Whole)
            .input("rows", "The table to fill.")
            .optional_input(
                "fit",
                "The rows that statistics come from: the training part, lest the test leaks.",
            )
            .output("filled", "All of `rows`, without gaps in the filled columns.")
            .cite("doi:10.1007/PL00009321")
    }

    fn bind(params: &Params, bind: &mut Bind) -> Result<()> {
        let fields = bind.fields("rows")?.clone();
        for (name, param) in params.named() {
            bind.column("rows", name, Some(param))?;
        }
        let rules = params.rules(&fields)?;
        if rules.is_empty() {
            let message =
                "no column of `rows` holds floats that may be null; name the columns to fill";
            return Err(Error::param("columns", message));
        }
        for field in &fields {
            let name = field.name();
            match rules.iter().find(|(column, _)| column == name) {
                None => bind.pass("filled", "rows", name)?,
                Some((_, rule)) => {
                    bind_column(bind, field, rule)?;
                    bind.add("filled", field.as_ref().clone().with_nullable(false))?;
                }
            }
        }
        if params.indicators {
            for (name, _) in &rules {
                let mask = Field::new(format!("{name}_imputed"), DataType::Boolean, false);
                let about = format!("{name} was missing and is filled in");
                bind.add("filled", mask.with_ucd("meta.code").with_description(&about))?;
            }
        }
        Ok(())
    }

    fn run(params: &Params, task: &mut Task) -> Result<()> {
        let fields = task.input("rows")?.fields().clone();
        let rules = params.rules(&fields)?;
        let mut fills = Vec::with_capacity(rules.len());
        for (name, rule) in &rules {
            let field = fields.find(name).map(|(_, field)| field.as_ref());
            let field = field.ok_or_else(|| Error::failed("bind found a column, run does not"))?;
            fills.push(match &rule.value {
                Some(value) => constant(value, field)?,
                None => fit(task.input("fit")?, name, rule.strategy)?,
            });
        }
        let mut filled = vec![0_u64; rules.len()];
        let mut all = 0;
        let (rows, output) = task.pair("rows", "filled")?;
        while let Some(batch) = rows.next()? {
            let mut columns: Vec<ArrayRef> = Vec::with_capacity(2 * rules.len());
            let mut masks: Vec<ArrayRef> = Vec::with_capacity(rules.len());
            for (((name, _), with), filled) in rules.iter().zip(&fills).zip(&mut filled) {
                let (column, missing) = fill(&batch, name, with)?;
                *filled += missing.iter().filter(|missing| **missing).count() as u64;
                columns.push(column);
                masks.push(Arc::new(BooleanArray::from(missing)));
            }
            if params.indicators {
                columns.append(&mut masks);
            }
            all += batch.rows();
            output.derive(&batch, columns)?;
        }
        for (((name, _), with), filled) in rules.iter().zip(&fills).zip(filled) {
            task.info(&format!("`{name}`: {filled} of {all} rows filled with {with}"));
        }
        Ok(())
    }
}

export!(Impute);

/// Checks a column of `rows`, and its namesake in `fit`, and says that they are read.
fn bind_column(bind: &mut Bind, field: &Field, rule: &Rule) -> Result<()> {
    let name = field.name();
    let (expected, fits): (_, fn(&DataType) -> bool) = match rule.strategy {
        Strategy::Median | Strategy::Mean => ("floats, or another strategy", is_float),
        Strategy::MostFrequent | Strategy::Constant => {
            ("floats, integers or plain text", |data_type| {
                is_float(data_type) || data_type.is_integer() || is_plain_text(data_type)
            })
        }
    };
    bind.column("rows", name, None)?.of_type(expected, fits)?.read(Purpose::Value);
    if let Some(value) = &rule.value {
        return constant(value, field).map(|_| ());
    }
    if !bind.is_connected("fit") {
        return Err(Error::data(format!(
            "input `fit` is not connected, and the {} of `{name}` must come from somewhere: connect the training part \
             (split.train, say), or `rows` themselves if nothing is held out",
            Fill::word(rule.strategy)
        )));
    }
    let expected = field.data_type();
    let column = bind.column("fit", name, None)?;
    let column =
        column.of_type(&format!("{expected}, as in `rows`"), |data_type| data_type == expected)?;
    let column = match field.unit() {
        Some(unit) => column.unit(&[unit])?,
        None => column,
    };
    column.read(Purpose::Value);
    Ok(())
}
