//! What may stand under `with:`.

use std::collections::BTreeMap;

use skyloom_plugin::prelude::*;

/// What a missing value becomes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// The median of the column; floats only.
    #[default]
    Median,
    /// The mean of the column; floats only.
    Mean,
    /// Its most frequent value, the smallest of several.
    MostFrequent,
    /// `value`.
    Constant,
}

/// A constant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Constant {
    /// For integer and float columns.
    Integer(i64),
    /// For float columns.
    Float(f64),
    /// For text columns.
    Text(String),
}

/// How one column is filled.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Rule {
    /// What a missing value becomes.
    #[serde(default)]
    pub strategy: Strategy,
    /// For `strategy: constant`.
    #[serde(default)]
    pub value: Option<Constant>,
}

/// What may stand under `with:` in a workflow.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Params {
    /// The columns to fill. Without them: those in `per-column`, or else all columns of
    /// floats that may be null.
    #[serde(default)]
    pub columns: Vec<String>,
    /// What a missing value becomes.
    #[serde(default)]
    pub strategy: Strategy,
    /// For `strategy: constant`.
    #[serde(default)]
    pub value: Option<Constant>,
    /// Other rules for single columns, which are filled too.
    #[serde(default)]
    pub per_column: BTreeMap<String, Rule>,
    /// Adds `<column>_imputed`, true where a value was filled in: that it was missing may
    /// be news.
    #[serde(default = "yes")]
    pub indicators: bool,
}

fn yes() -> bool {
    true
}

impl Params {
    /// The columns to fill, in the order of `fields`, each with its rule.
    ///
    /// # Errors
    /// When a column is listed twice, or a rule lacks its value or has one too many.
    pub fn rules(&self, fields: &Fields) -> Result<Vec<(String, Rule)>> {
        for (index, name) in self.columns.iter().enumerate() {
            if self.columns[..index].contains(name) {
                return Err(Error::param("columns", format!("`{name}` is listed twice")));
            }
        }
        let common = Rule { strategy: self.strategy, value: self.value.clone() };
        let is_all = self.columns.is_empty() && self.per_column.is_empty();
        let mut rules = Vec::new();
        for field in fields {
            let name = field.name();
            let is_id = field.ucd().is_some_and(|ucd| ucd.starts_with("meta.id"));
            let is_default = is_all && field.is_nullable() && !is_id && is_float(field.data_type());
            if let Some(rule) = self.per_column.get(name) {
                rules.push((name.clone(), rule.clone()));
            } else if is_default || self.columns.contains(name) {
                rules.push((name.clone(), common.clone()));
            }
        }
        for (name, rule) in &rules {
            let param = match self.per_column.contains_key(name) {
                true => format!("per-column.{name}.value"),
                false => "value".to_owned(),
            };
            match (rule.strategy, &rule.value) {
                (Strategy::Constant, None) => {
                    return Err(Error::param(param, "which value? `strategy: constant` needs one"));
                }
                (Strategy::Constant, Some(_)) | (_, None) => {}
                (_, Some(_)) => {
                    return Err(Error::param(
                        param,
                        "is for `strategy: constant`; say so, or leave it out",
                    ));
                }
            }
        }
        Ok(rules)
    }

    /// Names in the parameters that may not be columns, each with its parameter.
    pub fn named(&self) -> impl Iterator<Item = (&str, &str)> {
        let columns = self.columns.iter().map(|name| (name.as_str(), "columns"));
        columns.chain(self.per_column.keys().map(|name| (name.as_str(), "per-column")))
    }
}

pub(crate) fn is_float(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Float32 | DataType::Float64)
}

/// Text that is not dictionary-encoded: a fill value need not be in a dictionary.
pub(crate) fn is_plain_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::LargeUtf8)
}
