//! The folder that plugins, cache and runs belong to.

use std::fs;
use std::path::{Path, PathBuf};

use super::{PluginSource, is_package};

/// The nearest folder around a workflow that holds `plugins/`; the workflow's own folder
/// where there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    pub root: PathBuf,
}

impl Project {
    /// The project around `folder`.
    pub fn around(folder: &Path) -> Self {
        let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        // What was pulled lies in `.skyloom/plugins`, and makes that no project.
        let has_plugins =
            |root: &&Path| root.join("plugins").is_dir() && !root.ends_with(".skyloom");
        let root = folder.ancestors().find(has_plugins).unwrap_or(&folder);
        Self { root: root.to_owned() }
    }

    /// Where plugins of this name would be looked for.
    pub fn plugin(&self, name: &str) -> Option<PluginSource> {
        let folder = self.root.join("plugins").join(name);
        if is_package(&folder) && !is_library(&folder) {
            return Some(PluginSource::Folder(folder));
        }
        let file = folder.with_extension("wasm");
        file.is_file().then_some(PluginSource::File(file))
    }

    /// All plugins of the project, sorted.
    pub fn plugin_names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.root.join("plugins")).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| {
            let path = entry.path();
            let name = path.file_stem()?.to_str()?.to_owned();
            self.plugin(&name).map(|_| name)
        });
        let mut names: Vec<_> = names.collect();
        names.sort();
        names.dedup();
        names
    }

    /// Where Cargo puts what it builds.
    pub(super) fn target(&self) -> PathBuf {
        match std::env::var_os("CARGO_TARGET_DIR") {
            Some(folder) => std::path::absolute(&folder).unwrap_or_else(|_| folder.into()),
            None => self.root.join("target"),
        }
    }
}

/// Packages that plugins share say so in their manifest.
pub(super) fn is_library(folder: &Path) -> bool {
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
    manifest.contains("[package.metadata.skyloom]") && manifest.contains("library = true")
}
