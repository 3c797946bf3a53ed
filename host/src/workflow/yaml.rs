//! Plain data as YAML, for files that Skyloom itself writes.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::tree;
use crate::fault::Source;

/// `value` as YAML.
pub(crate) fn to_yaml(value: &impl Serialize) -> String {
    serde_saphyr::to_string(value).expect("plain data has a YAML form")
}

/// What `text` holds, read with the care that workflow files are read with.
pub(crate) fn from_yaml<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    let source = Source { name: "".into(), text: text.into() };
    let tree = tree::read(&source).map_err(|faults| match faults.first() {
        Some(fault) => format!("line {}: {fault}", fault.position().0),
        None => "it is not YAML".to_owned(),
    })?;
    serde_json::from_value(tree.to_json()).map_err(|error| error.to_string())
}
