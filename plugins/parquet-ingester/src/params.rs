//! What a workflow says about the file.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

/// What may stand under `with:`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Params {
    /// The columns to read, in this order. All of them if not given.
    pub columns: Option<Vec<String>>,
    /// Units of columns, in VOUnits; they replace those in the file.
    pub units: BTreeMap<String, String>,
    /// Meanings of columns, as UCD1+; they replace those in the file.
    pub ucds: BTreeMap<String, String>,
    /// Descriptions of columns; they replace those in the file.
    pub descriptions: BTreeMap<String, String>,
    /// The column that tells rows apart: it gets the UCD `meta.id;meta.main`.
    pub key: Option<String>,
    /// Adds a column of this name that counts the rows of the file, from 0: the key, where
    /// no column of the file is one. It tells rows of one file apart, not of several.
    pub row_number: Option<String>,
    /// Text columns whose distinct values, at most 256, are found beforehand by reading them
    /// whole: what a classifier's label needs.
    pub categories: Vec<String>,
}

impl Params {
    /// The columns that parameters name, and the parameters that do.
    pub fn named_columns(&self) -> impl Iterator<Item = (&'static str, &String)> {
        let maps = self
            .units
            .keys()
            .map(|name| ("units", name))
            .chain(self.ucds.keys().map(|name| ("ucds", name)))
            .chain(self.descriptions.keys().map(|name| ("descriptions", name)));
        let key = self.key.iter().map(|name| ("key", name));
        let categories = self.categories.iter().map(|name| ("categories", name));
        let columns = self.columns.iter().flatten().map(|name| ("columns", name));
        maps.chain(key).chain(categories).chain(columns)
    }
}
