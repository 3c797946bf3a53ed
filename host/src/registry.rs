//! Who is available: plugins by name, from source folders or as components.
//!
//! A name means `plugins/NAME` of the [`Project`], which is built when it is stale, or the
//! component `plugins/NAME.wasm`; anything with a `/` or ending in `.wasm` is a path.
//!
//! It does not know workflows.

mod build;
mod project;

pub use build::{
    OwnTests, TARGET, build, component_path, ensure_target, has_target, is_package, own_tests,
};
pub use project::Project;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use indexmap::IndexMap;

use crate::instance::{Component, Engine, InstanceError};

/// Why a plugin is not to be had.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    #[error("there is no plugin `{name}`")]
    Unknown { name: String, known: Vec<String> },
    #[error("`{text}` is not a version: {reason}")]
    Version { text: String, reason: String },
    #[error("plugin `{name}` is version {found}, but the workflow asks for {wanted}")]
    OtherVersion { name: String, found: String, wanted: String },
    #[error("{} calls itself `{found}`, not `{name}`", path.display())]
    OtherName { name: String, found: String, path: PathBuf },
    #[error("{}", io_message(path, source))]
    Io { path: PathBuf, source: std::io::Error },
    #[error("{} cannot be used: {source}", path.display())]
    Load { path: PathBuf, source: InstanceError },
    #[error("`{package}` is built with {tool}, which is not here; type `{install}`")]
    NoTool { package: String, tool: String, install: String },
    #[error("{0}")]
    Build(String),
}

fn io_message(path: &Path, error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => format!("there is no file {}", path.display()),
        _ => format!("{}: {error}", path.display()),
    }
}

/// Where a plugin comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PluginSource {
    /// A package that builds to a component.
    Folder(PathBuf),
    /// A component.
    File(PathBuf),
}

/// Finds, builds and loads plugins; each component once.
pub struct Registry<'e> {
    engine: &'e Engine,
    project: Project,
    loaded: IndexMap<PathBuf, Arc<Component>>,
    /// Components that stand for names, whatever the project has.
    pinned: IndexMap<String, PathBuf>,
}

impl<'e> Registry<'e> {
    pub fn new(engine: &'e Engine, project: Project) -> Self {
        Self { engine, project, loaded: IndexMap::new(), pinned: IndexMap::new() }
    }

    /// From now on, these names mean these components.
    pub fn pin(&mut self, pinned: impl IntoIterator<Item = (String, PathBuf)>) {
        self.pinned.extend(pinned);
    }

    /// Where the plugin that `reference` names comes from. Paths are relative to `folder`.
    ///
    /// # Errors
    /// When there is none.
    pub fn find(&self, reference: &str, folder: &Path) -> Result<PluginSource, RegistryError> {
        if let Some(path) = self.pinned.get(reference) {
            return Ok(PluginSource::File(path.clone()));
        }
        if reference.contains('/') || reference.ends_with(".wasm") {
            let path = folder.join(reference);
            if is_package(&path) {
                return Ok(PluginSource::Folder(path));
            }
            return match fs::metadata(&path) {
                Ok(metadata) if metadata.is_file() => Ok(PluginSource::File(path)),
                Ok(_) => Err(RegistryError::Io {
                    path,
                    source: std::io::Error::other("it is neither a component nor a package"),
                }),
                Err(source) => Err(RegistryError::Io { path, source }),
            };
        }
        let name = reference.split('@').next().unwrap_or(reference);
        self.project.plugin(name).ok_or_else(|| RegistryError::Unknown {
            name: name.to_owned(),
            known: self.project.plugin_names(),
        })
    }

    /// Builds those of `sources` that are stale.
    ///
    /// # Errors
    /// When a tool is missing or a plugin does not compile.
    pub fn build(&self, sources: &[PluginSource]) -> Result<(), RegistryError> {
        let folders: Vec<&Path> = sources
            .iter()
            .filter_map(|source| match source {
                PluginSource::Folder(path) => Some(path.as_path()),
                PluginSource::File(_) => None,
            })
            .collect();
        build(&self.project, &folders)
    }

    /// The component of `source`, which `reference` named.
    ///
    /// # Errors
    /// When it cannot be read or is not a plugin of that name and version.
    pub fn load(
        &mut self,
        reference: &str,
        source: &PluginSource,
    ) -> Result<Arc<Component>, RegistryError> {
        let path = match source {
            PluginSource::File(path) => path.clone(),
            PluginSource::Folder(folder) => component_path(&self.project, folder)?,
        };
        let component = match self.loaded.get(&path) {
            Some(component) => Arc::clone(component),
            None => {
                let component = Arc::new(load_file(self.engine, &path)?);
                self.loaded.insert(path.clone(), Arc::clone(&component));
                component
            }
        };
        check(reference, &component, path)?;
        Ok(component)
    }
}

/// Loads the component at `path`.
///
/// # Errors
/// When it cannot be read or is not a plugin.
pub fn load_file(engine: &Engine, path: &Path) -> Result<Component, RegistryError> {
    let bytes =
        fs::read(path).map_err(|source| RegistryError::Io { path: path.to_owned(), source })?;
    engine.load(&bytes).map_err(|source| RegistryError::Load { path: path.to_owned(), source })
}

/// A plugin that was named must bear that name, and the version asked for.
fn check(reference: &str, component: &Component, path: PathBuf) -> Result<(), RegistryError> {
    if reference.contains('/') || reference.ends_with(".wasm") {
        return Ok(());
    }
    let (name, wanted) = match reference.split_once('@') {
        Some((name, wanted)) => (name, Some(wanted)),
        None => (reference, None),
    };
    let descriptor = component.descriptor();
    if descriptor.name != name {
        let (name, found) = (name.to_owned(), descriptor.name.clone());
        return Err(RegistryError::OtherName { name, found, path });
    }
    let Some(wanted) = wanted else { return Ok(()) };
    let requirement = semver::VersionReq::parse(wanted).map_err(|error| {
        RegistryError::Version { text: wanted.to_owned(), reason: error.to_string() }
    })?;
    let version = semver::Version::parse(&descriptor.version);
    if version.is_ok_and(|version| requirement.matches(&version)) {
        return Ok(());
    }
    Err(RegistryError::OtherVersion {
        name: name.to_owned(),
        found: descriptor.version.clone(),
        wanted: wanted.to_owned(),
    })
}
