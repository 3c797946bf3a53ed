//! What the entries of a bundle mean.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::BundleError;
use crate::data::Digest;

/// The entry that says what the others are.
pub const CONTENTS: &str = "bundle.json";

/// What a bundle holds, and what it only names.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Contents {
    /// Entries.
    pub workflow: String,
    pub lock: String,
    pub record: String,
    /// By the name that the workflow uses: the component's entry.
    pub plugins: BTreeMap<String, String>,
    pub inputs: BTreeMap<String, Vec<BundledFile>>,
}

/// A file of an input: in the bundle, or too large for it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct BundledFile {
    pub name: String,
    pub bytes: u64,
    pub digest: Digest,
    /// Its entry; none if it is not in the bundle.
    pub entry: Option<String>,
    /// Where it can be had, as the workflow says.
    pub uri: Option<String>,
}

impl Contents {
    pub fn new(workflow: String, lock: String, record: String) -> Self {
        let (plugins, inputs) = (BTreeMap::new(), BTreeMap::new());
        Self { workflow, lock, record, plugins, inputs }
    }

    pub fn to_text(&self) -> String {
        serde_json::to_string_pretty(self).expect("contents are plain data") + "\n"
    }

    /// Reads what the bundle unpacked in `folder` holds. Only names of entries come back.
    ///
    /// # Errors
    /// When it does not say, or in a way that this Skyloom does not know.
    pub fn read(folder: &Path) -> Result<Self, BundleError> {
        let wrong = |reason: String| BundleError::Contents { reason };
        let text = std::fs::read(folder.join(CONTENTS))
            .map_err(|_| wrong(format!("it has no {CONTENTS}")))?;
        let contents: Self =
            serde_json::from_slice(&text).map_err(|error| wrong(error.to_string()))?;
        let files = contents.inputs.values().flatten().filter_map(|file| file.entry.as_ref());
        let fixed = [&contents.workflow, &contents.lock, &contents.record];
        for entry in fixed.into_iter().chain(contents.plugins.values()).chain(files) {
            // Unpacking made no others: what is not there is named in vain, or leads outside.
            let path = Path::new(entry);
            let inside =
                path.components().all(|part| matches!(part, std::path::Component::Normal(_)));
            if !inside || !folder.join(path).is_file() {
                return Err(wrong(format!(
                    "it names `{}`, which is not in it",
                    entry.escape_debug()
                )));
            }
        }
        Ok(contents)
    }

    /// The files of `input` that are not in the bundle.
    pub fn missing(&self, input: &str) -> impl Iterator<Item = &BundledFile> {
        self.inputs.get(input).into_iter().flatten().filter(|file| file.entry.is_none())
    }

    /// Where the files of inputs lie that are wholly in the bundle: a pattern for each.
    pub fn patterns(&self, folder: &Path) -> Vec<(String, PathBuf)> {
        let whole = self.inputs.iter().filter(|(name, _)| self.missing(name).next().is_none());
        whole
            .map(|(name, _)| (name.clone(), folder.join("inputs").join(name).join("*/*")))
            .collect()
    }
}
