//! Plugins that were pulled: `.skyloom/plugins/HOST/NAMESPACE/NAME/VERSION.wasm`.
//!
//! Beside each lies its signature, if it has one, and where it came from, as JSON. A component
//! comes last, so what can be found is whole. Nothing here talks to a registry: a run only
//! ever finds what was pulled before.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Component as Part, Path, PathBuf};

use semver::Version;
use serde::{Deserialize, Serialize};

use super::RegistryError;
use crate::data::{Digest, publish};
use crate::oci::{Host, PluginName, Repository, Sha256, Shelfmark, Wanted};
use crate::trust::signature_path;

/// The pulled plugins of a project.
#[derive(Debug, Clone)]
pub struct Pulled {
    folder: PathBuf,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PulledPlugin {
    pub repository: Repository,
    pub version: Version,
    pub path: PathBuf,
}

/// Where a component came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Origin {
    /// `oci://HOST/NAMESPACE/NAME`.
    pub from: String,
    /// The manifest that named it.
    pub manifest: Sha256,
    /// BLAKE3 of the component, as locks have it.
    pub component: Digest,
}

impl Origin {
    /// What to pull, whatever tags say by then.
    pub fn pinned(&self) -> String {
        format!("{}@{}", self.from, self.manifest)
    }
}

/// A component that a lock names, and where it was had when the lock was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    /// `NAME@VERSION`.
    pub name: String,
    pub component: Digest,
    pub from: Option<String>,
}

impl Pulled {
    /// Those of the project at `root`.
    pub fn of(root: &Path) -> Self {
        Self { folder: root.join(".skyloom/plugins") }
    }

    /// Where files can be prepared that [`keep`](Self::keep) takes.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn temporary(&self) -> Result<tempfile::NamedTempFile, RegistryError> {
        let made = fs::create_dir_all(&self.folder);
        let file = made.and_then(|()| {
            // As readable as any file that is written here.
            let mode = fs::Permissions::from_mode(0o644);
            tempfile::Builder::new().prefix(".pull-").permissions(mode).tempfile_in(&self.folder)
        });
        file.map_err(|source| RegistryError::Io { path: self.folder.clone(), source })
    }

    fn folder_of(&self, repository: &Repository) -> PathBuf {
        // Names have no part that leads elsewhere.
        self.folder.join(repository.host.as_str()).join(repository.plugin.to_string())
    }

    /// Where a version lies, or would.
    pub fn path_of(&self, repository: &Repository, version: &Version) -> PathBuf {
        self.folder_of(repository).join(format!("{version}.wasm"))
    }

    /// The versions of a plugin, lowest first.
    fn versions(&self, repository: &Repository) -> Vec<PulledPlugin> {
        let folder = self.folder_of(repository);
        let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
        let found = entries.filter_map(|entry| {
            let name = entry.file_name();
            let version = Version::parse(name.to_str()?.strip_suffix(".wasm")?).ok()?;
            let path = entry.path();
            let repository = repository.clone();
            path.is_file().then_some(PulledPlugin { repository, version, path })
        });
        let mut found: Vec<_> = found.collect();
        found.sort_by(|a, b| a.version.cmp(&b.version));
        found
    }

    /// The registries that something was pulled from.
    fn hosts(&self) -> Vec<Host> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| Host::parse(entry.file_name().to_str()?).ok());
        let mut hosts: Vec<_> = names.collect();
        hosts.sort();
        hosts
    }

    /// The component that `mark` means: the one that `pin` names, or the highest version that
    /// will do.
    ///
    /// # Errors
    /// When none was pulled, or from two registries and it is not said which.
    pub fn find(&self, mark: &Shelfmark, pin: Option<&Pin>) -> Result<PulledPlugin, RegistryError> {
        let hosts = match &mark.host {
            Some(host) => vec![host.clone()],
            None => self.hosts(),
        };
        let repositories =
            hosts.into_iter().map(|host| Repository { host, plugin: mark.plugin.clone() });
        let shelves = repositories.map(|repository| self.versions(&repository));
        let shelves: Vec<_> = shelves.filter(|versions| !versions.is_empty()).collect();
        if let Some(pin) = pin {
            let mut all = shelves.into_iter().flatten();
            let is_pinned = |found: &PulledPlugin| {
                Origin::beside(&found.path).is_some_and(|origin| origin.component == pin.component)
            };
            return all
                .find(is_pinned)
                .ok_or_else(|| RegistryError::NotPulledPin { pin: pin.clone() });
        }
        let versions = match shelves.as_slice() {
            [] => return Err(RegistryError::NotPulled { mark: mark.to_string() }),
            [versions] => versions,
            several => {
                let several = several.iter().map(|versions| versions[0].repository.to_string());
                let (mark, found) = (mark.to_string(), several.collect());
                return Err(RegistryError::Ambiguous { mark, found });
            }
        };
        let fits = |found: &&PulledPlugin| match &mark.wanted {
            Wanted::Digest(digest) => {
                Origin::beside(&found.path).is_some_and(|origin| origin.manifest == *digest)
            }
            wanted => wanted.accepts(&found.version),
        };
        versions.iter().rfind(fits).cloned().ok_or_else(|| RegistryError::NotPulledVersion {
            mark: mark.to_string(),
            repository: versions[0].repository.to_string(),
            found: versions.iter().map(|found| found.version.to_string()).collect(),
        })
    }

    /// Which pulled plugin lies at `path`, if it is one.
    pub fn at(&self, path: &Path) -> Option<PulledPlugin> {
        let folder = self.folder.canonicalize().ok()?;
        let path = path.canonicalize().ok()?;
        let inside = path.strip_prefix(&folder).ok()?;
        let parts: Option<Vec<&str>> = inside
            .components()
            .map(|part| match part {
                Part::Normal(part) => part.to_str(),
                _ => None,
            })
            .collect();
        let parts = parts?;
        let [host, name @ .., file] = parts.as_slice() else { return None };
        let repository = Repository {
            host: Host::parse(host).ok()?,
            plugin: PluginName::parse(&name.join("/")).ok()?,
        };
        let version = Version::parse(file.strip_suffix(".wasm")?).ok()?;
        Some(PulledPlugin { repository, version, path })
    }

    /// Keeps a component with its signature and origin: all, or nothing that could be found.
    /// One that is there already stays; it can gain a signature.
    ///
    /// # Errors
    /// When other bytes are there for this version, or files cannot be written.
    pub fn keep(
        &self,
        component: tempfile::NamedTempFile,
        repository: &Repository,
        version: &Version,
        origin: &Origin,
        signature: Option<&str>,
    ) -> Result<PulledPlugin, RegistryError> {
        let path = self.path_of(repository, version);
        let found = PulledPlugin {
            repository: repository.clone(),
            version: version.clone(),
            path: path.clone(),
        };
        let there = match fs::read(&path) {
            Ok(bytes) if Digest::of(&bytes) != origin.component => {
                return Err(RegistryError::OtherBytes { path });
            }
            other => other.is_ok(),
        };
        let folder = self.folder_of(repository);
        fs::create_dir_all(&folder)
            .map_err(|source| RegistryError::Io { path: folder.clone(), source })?;
        let beside = |path: &Path, text: &str| -> Result<(), RegistryError> {
            let mut file = self.temporary()?;
            let written = file.write_all(text.as_bytes());
            written.map_err(|source| RegistryError::Io { path: path.to_owned(), source })?;
            Ok(publish(file, path)?)
        };
        if let Some(text) = signature {
            beside(&signature_path(&path), text)?;
        }
        let text = serde_json::to_string_pretty(origin).expect("an origin is plain data");
        beside(&Origin::path_of(&path), &(text + "\n"))?;
        if !there {
            publish(component, &path)?;
        }
        Ok(found)
    }
}

impl Origin {
    fn path_of(component: &Path) -> PathBuf {
        let mut path = component.as_os_str().to_owned();
        path.push(".json");
        path.into()
    }

    /// What is noted beside a component.
    pub fn beside(component: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(Self::path_of(component)).ok()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(repository: &Repository, bytes: &[u8]) -> Origin {
        let (from, manifest) = (repository.to_string(), Sha256::of(bytes));
        Origin { from, manifest, component: Digest::of(bytes) }
    }

    fn keep(
        pulled: &Pulled,
        repository: &str,
        version: &str,
        bytes: &[u8],
    ) -> Result<PulledPlugin, RegistryError> {
        let mark = Shelfmark::parse(repository).unwrap();
        let repository = Repository { host: mark.host.unwrap(), plugin: mark.plugin };
        let mut file = pulled.temporary().unwrap();
        file.write_all(bytes).unwrap();
        let version = Version::parse(version).unwrap();
        pulled.keep(file, &repository, &version, &origin(&repository, bytes), None)
    }

    #[test]
    fn the_highest_version_that_will_do_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let pulled = Pulled::of(folder.path());
        for version in ["1.9.0", "1.10.0", "2.0.0-rc.1", "0.9.0"] {
            let kept = keep(&pulled, "oci://example.org/survey/fit", version, version.as_bytes());
            let kept = kept.unwrap();
            assert_eq!(pulled.at(&kept.path).unwrap().version, kept.version);
        }
        keep(&pulled, "oci://example.org/survey/map", "1.0.0", b"map").unwrap();
        keep(&pulled, "oci://other.org:5000/survey/map", "2.0.0", b"map 2").unwrap();
        let check = |mark: &str, expected: &str| {
            let found = pulled.find(&Shelfmark::parse(mark).unwrap(), None);
            let found = match found {
                Ok(found) => format!("{}:{}", found.repository, found.version),
                Err(error) => format!("{error}: {}", error.remedy().unwrap()),
            };
            assert!(found.contains(expected), "{mark}: {found}");
        };
        check("survey/fit", "oci://example.org/survey/fit:1.10.0");
        check("survey/fit@^1.2", ":1.10.0");
        check("survey/fit@~1.9", ":1.9.0");
        check("survey/fit@>=2.0.0-rc", ":2.0.0-rc.1");
        check("survey/fit:0.9.0", ":0.9.0");
        check(&format!("survey/fit@{}", Sha256::of(b"1.9.0")), ":1.9.0");
        check("survey/fit@^3", "0.9.0, 1.9.0, 1.10.0, 2.0.0-rc.1");
        check("survey/fat", "skyloom plugin pull");
        check("survey/map", "oci://example.org/survey/map, oci://other.org:5000/survey/map");
        check("oci://other.org:5000/survey/map", ":2.0.0");
        let pin = |bytes: &[u8]| Pin {
            name: "fit@1.9.0".to_owned(),
            component: Digest::of(bytes),
            from: Some("oci://example.org/survey/fit@sha256:1".to_owned()),
        };
        let mark = Shelfmark::parse("survey/fit@^1.2").unwrap();
        let found = pulled.find(&mark, Some(&pin(b"1.9.0"))).unwrap();
        assert_eq!(found.version, Version::new(1, 9, 0));
        let none = pulled.find(&mark, Some(&pin(b"gone"))).unwrap_err().remedy().unwrap();
        assert!(
            none.contains("skyloom plugin pull oci://example.org/survey/fit@sha256:1"),
            "{none}"
        );
    }

    #[test]
    fn a_version_keeps_its_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let pulled = Pulled::of(folder.path());
        let name = "oci://example.org/survey/fit";
        let kept = keep(&pulled, name, "1.0.0", b"one").unwrap();
        assert!(keep(&pulled, name, "1.0.0", b"one").is_ok());
        let other = keep(&pulled, name, "1.0.0", b"two").unwrap_err();
        assert!(matches!(other, RegistryError::OtherBytes { .. }), "{other}");
        assert_eq!(fs::read(&kept.path).unwrap(), b"one");
        // Nothing else was left.
        let names = fs::read_dir(kept.path.parent().unwrap()).unwrap().count();
        assert_eq!(names, 2);
        assert!(pulled.at(folder.path()).is_none());
        // What lies in the state of a project, such as a run's workflow, belongs to the project.
        fs::create_dir(folder.path().join("plugins")).unwrap();
        let runs = folder.path().join(".skyloom/runs");
        fs::create_dir(&runs).unwrap();
        let root = crate::registry::Project::around(&runs).root;
        assert_eq!(root, folder.path().canonicalize().unwrap());
    }
}
