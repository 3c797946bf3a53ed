//! Who is available: plugins by name, from source folders or as components.
//!
//! A name means `plugins/NAME` of the [`Project`], which is built when it is stale, or the
//! component `plugins/NAME.wasm`; anything with a `/` or ending in `.wasm` is a path, if there
//! is such a file. `NAMESPACE/NAME` and `oci://HOST/NAMESPACE/NAME` mean what was [`Pulled`]
//! from a registry before; only [`exchange`] talks to one.
//!
//! Whatever is loaded is judged first, on the very bytes that are then compiled.
//!
//! It does not know workflows.

mod build;
pub mod exchange;
mod project;
mod pulled;

pub use build::{
    OwnTests, TARGET, build, component_path, ensure_target, has_target, is_package, own_tests,
};
pub use project::Project;
pub use pulled::{Origin, Pin, Pulled, PulledPlugin};

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use indexmap::IndexMap;

use crate::data::{Digest, StoreError};
use crate::instance::{Component, Engine, InstanceError};
use crate::oci::{OciError, PluginName, Shelfmark};
use crate::trust::{Subject, Trust, TrustError, Verdict, signature_path};

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
    #[error(transparent)]
    Oci(#[from] OciError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{name} is not trusted: {source}; {}", source.remedy())]
    Trust { name: String, source: TrustError },
    #[error("no plugin `{mark}` was pulled")]
    NotPulled { mark: String },
    #[error("`{mark}` was pulled from {}", found.join(", "))]
    Ambiguous { mark: String, found: Vec<String> },
    #[error("of `{mark}`, only {} was pulled", found.join(", "))]
    NotPulledVersion { mark: String, repository: String, found: Vec<String> },
    #[error("the lock names {} ({}), which is not here", pin.name, pin.component.short())]
    NotPulledPin { pin: Pin },
    #[error("{} is not what was pulled", path.display())]
    Damaged { path: PathBuf },
    #[error("{} was pulled with other bytes", path.display())]
    OtherBytes { path: PathBuf },
    #[error("{repository} has {version} already, with other bytes")]
    Published { repository: String, version: String },
}

impl RegistryError {
    /// What to do where the error itself does not say it.
    pub fn remedy(&self) -> Option<String> {
        let pull = |what: &str| format!("`skyloom plugin pull {what}`; a run fetches nothing");
        match self {
            Self::NotPulled { mark } if mark.starts_with("oci://") => Some(pull(mark)),
            Self::NotPulled { mark } => Some(format!(
                "no such file is there either; if it is in a registry, {}",
                pull(&format!("oci://HOST/{mark}"))
            )),
            Self::Ambiguous { .. } => Some("write the one that is meant, with oci://".to_owned()),
            Self::NotPulledVersion { repository, mark, .. } => {
                let wanted = mark.rfind(['@', ':']).map_or("", |at| &mark[at..]);
                Some(pull(&format!("{repository}{wanted}")))
            }
            Self::NotPulledPin { pin } => Some(match &pin.from {
                Some(from) => format!("pull it: {}", pull(from)),
                None => "the lock does not say where it was had".to_owned(),
            }),
            Self::Damaged { .. } => {
                Some("remove it and pull it again with `skyloom plugin pull`".to_owned())
            }
            Self::OtherBytes { .. } => Some(
                "the registry changed a version that it had published; ask its owner, and remove \
                 the file if the new one is right"
                    .to_owned(),
            ),
            Self::Published { .. } => Some(
                "what is published does not change: raise the plugin's version, build and publish \
                 that"
                    .to_owned(),
            ),
            _ => None,
        }
    }
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
    trust: Trust,
    pulled: Pulled,
    loaded: IndexMap<(PathBuf, Subject), Arc<Component>>,
    /// Components that stand for names, whatever the project has.
    pinned: IndexMap<String, PathBuf>,
    /// Of what was pulled, the very components that these names mean.
    locked: IndexMap<String, Pin>,
}

/// A component that may run, and why.
pub struct Opened {
    pub component: Component,
    pub verdict: Verdict,
}

impl<'e> Registry<'e> {
    pub fn new(engine: &'e Engine, project: Project, trust: Trust) -> Self {
        let (pinned, locked) = (IndexMap::new(), IndexMap::new());
        let pulled = Pulled::of(&project.root);
        Self { engine, project, trust, pulled, loaded: IndexMap::new(), pinned, locked }
    }

    /// From now on, these names mean these components.
    pub fn pin(&mut self, pinned: impl IntoIterator<Item = (String, PathBuf)>) {
        self.pinned.extend(pinned);
    }

    /// From now on, these names of pulled plugins mean what a lock names.
    pub fn lock(&mut self, locked: impl IntoIterator<Item = (String, Pin)>) {
        self.locked.extend(locked);
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
            if let Some(found) = self.find_pulled(reference, folder)? {
                return Ok(PluginSource::File(found.path));
            }
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

    /// The pulled plugin that `reference` names; none if it names a file, or could only do so.
    fn find_pulled(
        &self,
        reference: &str,
        folder: &Path,
    ) -> Result<Option<PulledPlugin>, RegistryError> {
        let url = reference.starts_with("oci://");
        let is_path = reference.starts_with(['.', '/']) || reference.ends_with(".wasm");
        if !url && (is_path || folder.join(reference).exists()) {
            return Ok(None);
        }
        match Shelfmark::parse(reference) {
            Ok(mark) => self.pulled.find(&mark, self.locked.get(reference)).map(Some),
            // With a version it can be no path.
            Err(error) if url || reference.contains('@') => Err(error.into()),
            Err(_) => Ok(None),
        }
    }

    /// Where the component of `source` was pulled from, if it was.
    pub fn origin(&self, source: &PluginSource) -> Option<Origin> {
        let PluginSource::File(path) = source else { return None };
        Origin::beside(&self.pulled.at(path)?.path)
    }

    /// The text of the signature of `source`, if it has one. Whoever uses it checks it.
    pub fn signature(&self, source: &PluginSource) -> Option<String> {
        let path = match source {
            PluginSource::File(path) => path.clone(),
            PluginSource::Folder(folder) => component_path(&self.project, folder).ok()?,
        };
        read_signature(&path).ok()?
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
        let key = (path.clone(), self.subject(reference, &path));
        let component = match self.loaded.get(&key) {
            Some(component) => Arc::clone(component),
            None => {
                let component = Arc::new(self.open_as(&path, &key.1)?.component);
                self.loaded.insert(key, Arc::clone(&component));
                component
            }
        };
        check(reference, &component, path)?;
        Ok(component)
    }

    /// Opens the component at `path`, if it may run.
    ///
    /// # Errors
    /// When it cannot be read, is not a plugin, or is not trusted.
    pub fn open(&self, path: &Path) -> Result<Opened, RegistryError> {
        self.open_as(path, &self.subject("", path))
    }

    /// Where the component at `path` comes from, which `reference` named.
    fn subject(&self, reference: &str, path: &Path) -> Subject {
        if self.pinned.get(reference).is_some_and(|pinned| pinned == path) {
            return Subject::Bundled(bundled_name(reference));
        }
        match self.pulled.at(path) {
            Some(found) => {
                Subject::Pulled { host: found.repository.host, plugin: found.repository.plugin }
            }
            None => Subject::Local,
        }
    }

    fn open_as(&self, path: &Path, subject: &Subject) -> Result<Opened, RegistryError> {
        let bytes = self.read_whole(path)?;
        let signature = read_signature(path)?;
        admit(self.engine, &self.trust, subject, path, &bytes, signature.as_deref())
    }

    /// The bytes of the component at `path`, if they may run: for those who find out whether
    /// they are a plugin.
    ///
    /// # Errors
    /// When they cannot be read or are not trusted.
    pub fn vet(&self, path: &Path) -> Result<Vec<u8>, RegistryError> {
        let bytes = self.read_whole(path)?;
        let signature = read_signature(path)?;
        judge(&self.trust, &self.subject("", path), path, &bytes, signature.as_deref())?;
        Ok(bytes)
    }

    /// The bytes at `path`; if they were pulled, those that were.
    fn read_whole(&self, path: &Path) -> Result<Vec<u8>, RegistryError> {
        let bytes = read(path)?;
        if let Some(pulled) = self.pulled.at(path) {
            let noted = Origin::beside(&pulled.path).map(|origin| origin.component);
            if noted != Some(Digest::of(&bytes)) {
                return Err(RegistryError::Damaged { path: path.to_owned() });
            }
        }
        Ok(bytes)
    }
}

fn judge(
    trust: &Trust,
    subject: &Subject,
    path: &Path,
    bytes: &[u8],
    signature: Option<&str>,
) -> Result<Verdict, RegistryError> {
    let distrust = |source| RegistryError::Trust { name: path.display().to_string(), source };
    trust.judge(subject, bytes, signature).map_err(distrust)
}

/// Judges `bytes` and, if they may run, makes a component of these same bytes.
fn admit(
    engine: &Engine,
    trust: &Trust,
    subject: &Subject,
    path: &Path,
    bytes: &[u8],
    signature: Option<&str>,
) -> Result<Opened, RegistryError> {
    let verdict = judge(trust, subject, path, bytes, signature)?;
    let component = engine
        .load(bytes)
        .map_err(|source| RegistryError::Load { path: path.to_owned(), source })?;
    let descriptor = component.descriptor();
    let named = verdict.check_names(&descriptor.name, &descriptor.version);
    named.map_err(|source| RegistryError::Trust { name: path.display().to_string(), source })?;
    Ok(Opened { component, verdict })
}

/// The plugin that a bundled workflow means by `reference`, if it was a pulled one.
fn bundled_name(reference: &str) -> Option<PluginName> {
    let is_path = reference.starts_with(['.', '/']) || reference.ends_with(".wasm");
    let mark = (!is_path).then(|| Shelfmark::parse(reference).ok()).flatten()?;
    Some(mark.plugin)
}

/// The text of the signature beside the component at `path`, if there is one.
///
/// # Errors
/// When it is there and cannot be read.
pub fn read_signature(path: &Path) -> Result<Option<String>, RegistryError> {
    let path = signature_path(path);
    match fs::read(&path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(RegistryError::Io { path, source }),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, RegistryError> {
    fs::read(path).map_err(|source| RegistryError::Io { path: path.to_owned(), source })
}

/// Loads the component at `path`, trusted or not: for those who sign or look at one.
///
/// # Errors
/// When it cannot be read or is not a plugin.
pub fn load_file(engine: &Engine, path: &Path) -> Result<Component, RegistryError> {
    let bytes = read(path)?;
    engine.load(&bytes).map_err(|source| RegistryError::Load { path: path.to_owned(), source })
}

/// A plugin that was named must bear that name, and the version asked for.
fn check(reference: &str, component: &Component, path: PathBuf) -> Result<(), RegistryError> {
    // What was pulled was held against its name then; paths name no plugin.
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
