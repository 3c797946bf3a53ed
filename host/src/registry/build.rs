//! Packages to components, in any language.
//!
//! A package is a folder: a Cargo package, or one whose `plugin.toml` names its language. Each
//! language is built with its own ordinary tools; what they make depends on the sources, the
//! tools' versions and nothing else.

mod archive;
mod c;
mod component;
mod go;
mod js;
mod own_tests;
mod python;
mod rust;
mod scientific;
mod settle;
mod tools;

pub use own_tests::{OwnTests, own_tests};
pub use rust::{TARGET, ensure_target, has_target};

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::Deserialize;

use super::{Project, RegistryError};
use component::componentize;

/// A package that can be built.
struct Package {
    name: String,
    folder: PathBuf,
    language: Language,
    /// Whether an interpreter is to hold what the host lends; compilers see that for themselves.
    kernels: bool,
    /// The project's folder.
    root: PathBuf,
    /// Where all that is built for the sandbox is kept.
    guests: PathBuf,
    /// A folder for this package alone, there and kept between builds.
    work: PathBuf,
}

/// The languages that packages are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Language {
    Rust,
    C,
    Go,
    Python,
    /// Python with NumPy and its kin.
    Scientific,
    JavaScript,
}

/// What `plugin.toml` may name: a language, and a runtime where there is a choice.
const LANGUAGES: [(&str, Option<&str>, Language); 5] = [
    ("c", None, Language::C),
    ("go", None, Language::Go),
    ("js", None, Language::JavaScript),
    ("python", None, Language::Python),
    ("python", Some("scientific"), Language::Scientific),
];

/// `plugin.toml`: what the folder of a package that is not Rust's says about itself.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    language: String,
    #[serde(default)]
    runtime: Option<String>,
    /// Whether it calls the host's kernels.
    #[serde(default)]
    kernels: bool,
}

/// The file that makes a folder a package in a language other than Rust.
pub(super) const MANIFEST: &str = "plugin.toml";

impl Package {
    fn at(project: &Project, folder: &Path) -> Result<Self, RegistryError> {
        let name = package_name(folder)?;
        let guests = project.target().join("guests");
        let work = guests.join("work").join(&name);
        let (language, kernels) = Language::of(folder)?;
        let (root, folder) = (project.root.clone(), folder.to_owned());
        Ok(Self { name, folder, language, kernels, root, guests, work })
    }

    /// Waits until no other process builds this package; nobody does as long as this lives.
    fn lock(&self) -> Result<fs::File, RegistryError> {
        let path = self.work.join("lock");
        let locked = || {
            fs::create_dir_all(&self.work)?;
            let file = fs::File::create(&path)?;
            file.lock()?;
            Ok(file)
        };
        locked().map_err(|source| RegistryError::Io { path: path.clone(), source })
    }

    fn build(&self) -> Result<Vec<u8>, RegistryError> {
        match self.language {
            Language::Rust => rust::build(self),
            Language::C => c::build(self),
            Language::Go => go::build(self),
            Language::Python => python::build(self),
            Language::Scientific => scientific::build(self),
            Language::JavaScript => js::build(self),
        }
    }

    fn component(&self) -> PathBuf {
        self.guests.join("components").join(format!("{}.wasm", self.name))
    }

    /// The world that an interpreter is built for. What it imports does not depend on what it
    /// calls, so one that did not ask for the kernels is built without them.
    fn world(&self) -> &'static str {
        if self.kernels { "plugin-with-kernels" } else { "plugin" }
    }

    /// What an interpreter says is wrong with the author's files.
    fn wrong(&self, said: &str) -> RegistryError {
        let remedy = if !self.kernels && said.contains("kernels") {
            "\nto call the host's kernels, write `kernels = true` in its plugin.toml"
        } else {
            ""
        };
        RegistryError::Build(format!("`{}` does not compile:\n{said}{remedy}", self.name))
    }

    fn failed(&self, reason: &dyn std::fmt::Display) -> RegistryError {
        RegistryError::Build(format!("cannot make a component of `{}`: {reason}", self.name))
    }
}

impl Language {
    /// The language of the package in `folder`, and whether it asks for the kernels.
    fn of(folder: &Path) -> Result<(Self, bool), RegistryError> {
        if folder.join("Cargo.toml").is_file() {
            return Ok((Self::Rust, false));
        }
        let path = folder.join(MANIFEST);
        let text = fs::read_to_string(&path)
            .map_err(|source| RegistryError::Io { path: path.clone(), source })?;
        let wrong = |reason: String| RegistryError::Build(format!("{}: {reason}", path.display()));
        let manifest: Manifest =
            toml::from_str(&text).map_err(|error| wrong(error.to_string().trim().to_owned()))?;
        let wanted = (manifest.language.as_str(), manifest.runtime.as_deref());
        let found = LANGUAGES.iter().find(|(language, runtime, _)| (*language, *runtime) == wanted);
        let language = found.map(|(.., language)| *language).ok_or_else(|| {
            let name = |(language, runtime): (&str, Option<&str>)| match runtime {
                None => format!("`language = \"{language}\"`"),
                Some(runtime) => format!("`language = \"{language}\"`, `runtime = \"{runtime}\"`"),
            };
            let known = LANGUAGES.iter().map(|(language, runtime, _)| name((language, *runtime)));
            let known = known.collect::<Vec<_>>().join(" or ");
            wrong(format!("nothing here builds {}; write {known}", name(wanted)))
        })?;
        match language {
            Self::Scientific if manifest.kernels => Err(wrong(
                "scientific Python has no kernels; leave out `kernels`, or `runtime`".to_owned(),
            )),
            Self::C | Self::Go if manifest.kernels => Err(wrong(
                "what is compiled has the kernels that it calls; leave out `kernels`".to_owned(),
            )),
            language => Ok((language, manifest.kernels)),
        }
    }
}

/// Whether `folder` holds a package.
pub fn is_package(folder: &Path) -> bool {
    ["Cargo.toml", MANIFEST].iter().any(|name| folder.join(name).is_file())
}

/// Where the component of the package in `folder` is put.
///
/// # Errors
/// When the package has no readable name.
pub fn component_path(project: &Project, folder: &Path) -> Result<PathBuf, RegistryError> {
    Ok(Package::at(project, folder)?.component())
}

/// A Cargo package says its name; any other is called after its folder.
fn package_name(folder: &Path) -> Result<String, RegistryError> {
    let path = folder.join("Cargo.toml");
    if !path.is_file() {
        let full = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        let name = full.file_name().and_then(|name| name.to_str()).map(str::to_owned);
        return name.ok_or_else(|| {
            RegistryError::Build(format!("{} has no name that a plugin can have", folder.display()))
        });
    }
    let manifest = fs::read_to_string(&path)
        .map_err(|source| RegistryError::Io { path: path.clone(), source })?;
    let name = manifest.lines().find_map(|line| {
        let (key, value) = line.split_once('=')?;
        (key.trim() == "name").then(|| value.trim().trim_matches('"').to_owned())
    });
    name.ok_or_else(|| RegistryError::Build(format!("{} names no package", path.display())))
}

/// Builds the packages in `folders` whose sources changed since their components were made.
///
/// # Errors
/// When a tool is missing or a package does not compile.
pub fn build(project: &Project, folders: &[&Path]) -> Result<(), RegistryError> {
    let mut stale: Vec<(Package, String)> = Vec::new();
    for &folder in folders {
        let package = Package::at(project, folder)?;
        let stamp = stamp_of(&package);
        if !is_fresh(&package, &stamp) && !stale.iter().any(|(other, _)| other.folder == folder) {
            stale.push((package, stamp));
        }
    }
    if stale.is_empty() {
        return Ok(());
    }
    let names: Vec<_> = stale.iter().map(|(package, _)| package.name.as_str()).collect();
    tell(&format!("building {}", names.join(", ")));
    for (package, stamp) in &stale {
        // One by one: built together, Rust's packages would share the features of what they
        // depend on, and a component's bytes would tell which others were built beside it.
        let lock = package.lock()?;
        // Whoever held the lock before may have built it.
        if is_fresh(package, stamp) {
            continue;
        }
        write(&package.component(), &package.build()?)?;
        write(&stamp_path(package), stamp.as_bytes())?;
        drop(lock);
    }
    Ok(())
}

/// Whether the component was made from the sources as they are.
fn is_fresh(package: &Package, stamp: &str) -> bool {
    package.component().is_file()
        && fs::read_to_string(stamp_path(package)).is_ok_and(|last| last == stamp)
}

fn stamp_path(package: &Package) -> PathBuf {
    package.component().with_extension("stamp")
}

fn tell(message: &str) {
    #[expect(clippy::print_stderr, reason = "builds happen before any run has a reporter")]
    {
        eprintln!("skyloom: {message}");
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), RegistryError> {
    let written = || -> io::Result<()> {
        let folder = path.parent().ok_or_else(|| io::Error::other("no folder"))?;
        fs::create_dir_all(folder)?;
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        io::Write::write_all(&mut file, bytes)?;
        file.persist(path)?;
        // A signature of earlier bytes says nothing of these.
        match fs::remove_file(crate::trust::signature_path(path)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    };
    if fs::read(path).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    written().map_err(|source| RegistryError::Io { path: path.to_owned(), source })
}

/// Beside its own folder, what a package in Rust is made from. The SDKs of other languages are
/// in this binary.
const RUST_SOURCES: [&str; 6] = [
    "plugin-sdk/Cargo.toml",
    "plugin-sdk/src",
    "plugin-sdk/wire",
    "plugin-sdk/wit",
    "Cargo.toml",
    "Cargo.lock",
];

/// What a component was made from, cheaply: names, sizes and times of all sources it could
/// use. It decides whether Cargo is asked, never what a result is called.
fn stamp_of(package: &Package) -> String {
    let mut hasher = blake3::Hasher::new();
    let mut roots = vec![package.folder.clone()];
    match package.language {
        Language::Rust => {
            let root = &package.root;
            roots.extend(RUST_SOURCES.iter().map(|name| root.join(name)));
            // A package that plugins share is a source of each of them.
            let shared = fs::read_dir(root.join("plugins")).into_iter().flatten().flatten();
            let shared = shared.map(|entry| entry.path());
            roots.extend(shared.filter(|path| super::project::is_library(path)));
        }
        // Another host may bring another SDK.
        Language::C => stamp_sdk(&c::SDK, &mut hasher),
        Language::Go => stamp_sdk(&go::SDK, &mut hasher),
        Language::Python => {
            stamp_sdk(&python::SDK, &mut hasher);
            stamp_sdk(&[python::KERNELS], &mut hasher);
        }
        Language::Scientific => stamp_sdk(&scientific::SDK, &mut hasher),
        Language::JavaScript => {
            stamp_sdk(&js::SDK, &mut hasher);
            stamp_sdk(&[js::KERNELS], &mut hasher);
        }
    }
    roots.sort();
    for root in roots {
        stamp_tree(&root, &mut hasher);
    }
    hasher.finalize().to_string()
}

/// The SDKs of languages other than Rust are in this binary.
fn stamp_sdk(files: &[(&str, &str)], hasher: &mut blake3::Hasher) {
    for (path, text) in files {
        hasher.update(path.as_bytes());
        hasher.update(text.as_bytes());
    }
}

/// The files of a package that its component is made of, by their paths from `folder`: all but
/// those in `left_out`, its tests, what its tools keep there, and what is for people.
fn files(folder: &Path, left_out: &[&str]) -> Result<Vec<(String, Vec<u8>)>, RegistryError> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(inner) = folders.pop() {
        let entries = fs::read_dir(&inner)
            .map_err(|source| RegistryError::Io { path: inner.clone(), source })?;
        for path in entries.flatten().map(|entry| entry.path()) {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let is_ours = name.starts_with('.')
                || LEFT_OUT.contains(&name.as_str())
                || left_out.contains(&name.as_str())
                || [".md", ".toml"].iter().any(|ending| name.ends_with(ending));
            if is_ours {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = fs::read(&path)
                .map_err(|source| RegistryError::Io { path: path.clone(), source })?;
            let inside = path.strip_prefix(folder).unwrap_or(&path);
            found.push((inside.to_string_lossy().into_owned(), bytes));
        }
    }
    found.sort();
    Ok(found)
}

/// Folders of a package that hold nothing that its component is made of.
const LEFT_OUT: [&str; 7] =
    ["target", "tests", "goldens", "benches", "node_modules", ".venv", "__pycache__"];

fn stamp_tree(path: &Path, hasher: &mut blake3::Hasher) {
    let Ok(metadata) = fs::metadata(path) else { return };
    let name = path.file_name().unwrap_or_default();
    if metadata.is_dir() {
        if LEFT_OUT.iter().any(|skipped| name == *skipped) {
            return;
        }
        let mut entries: Vec<_> =
            fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
        entries.sort();
        for entry in entries {
            stamp_tree(&entry, hasher);
        }
        return;
    }
    let modified = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    hasher.update(path.as_os_str().as_encoded_bytes());
    hasher.update(&metadata.len().to_le_bytes());
    hasher.update(&modified.unwrap_or_default().as_nanos().to_le_bytes());
}
