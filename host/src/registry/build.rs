//! Rust packages to components.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::UNIX_EPOCH;

use super::{Project, RegistryError};

/// What plugins in Rust are compiled for.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// Where the component of the package in `folder` is put.
///
/// # Errors
/// When the package has no readable name.
pub fn component_path(project: &Project, folder: &Path) -> Result<PathBuf, RegistryError> {
    let name = package_name(folder)?;
    Ok(project.target().join("guests/components").join(format!("{name}.wasm")))
}

fn package_name(folder: &Path) -> Result<String, RegistryError> {
    let path = folder.join("Cargo.toml");
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
    let mut stale: Vec<(&Path, PathBuf, PathBuf, String)> = Vec::new();
    for &folder in folders {
        let component = component_path(project, folder)?;
        let stamp = stamp_of(project, folder);
        let stamp_path = component.with_extension("stamp");
        let fresh =
            component.is_file() && fs::read_to_string(&stamp_path).is_ok_and(|last| last == stamp);
        if !fresh && !stale.iter().any(|(other, ..)| *other == folder) {
            stale.push((folder, component, stamp_path, stamp));
        }
    }
    if stale.is_empty() {
        return Ok(());
    }
    ensure_target()?;
    let names: Result<Vec<_>, _> = stale.iter().map(|(folder, ..)| package_name(folder)).collect();
    tell(&format!("building {}", names?.join(", ")));
    for (folder, component, stamp_path, stamp) in stale {
        // One by one: built together, packages would share the features of what they depend
        // on, and a component's bytes would tell which others were built beside it.
        cargo(project, folder)?;
        let core = package_name(folder)?.replace('-', "_");
        let core = project.target().join("guests").join(TARGET).join("guest").join(core);
        componentize(&core.with_extension("wasm"), &component)?;
        write(&stamp_path, stamp.as_bytes())?;
    }
    Ok(())
}

fn tell(message: &str) {
    #[expect(clippy::print_stderr, reason = "builds happen before any run has a reporter")]
    {
        eprintln!("skyloom: {message}");
    }
}

/// Whether rustc has the target that plugins are compiled for.
///
/// # Errors
/// When there is no rustc.
pub fn has_target() -> Result<bool, RegistryError> {
    let sysroot = Command::new("rustc").args(["--print", "sysroot"]).output();
    let sysroot = sysroot.map_err(|_| {
        RegistryError::Build(
            "no `rustc` here; plugins in Rust need one: https://rustup.rs".to_owned(),
        )
    })?;
    let sysroot = PathBuf::from(String::from_utf8_lossy(&sysroot.stdout).trim());
    Ok(sysroot.join("lib/rustlib").join(TARGET).is_dir())
}

/// Adds the target that plugins are compiled for, if rustc lacks it.
///
/// # Errors
/// With what to type, when rustup cannot be run.
pub fn ensure_target() -> Result<(), RegistryError> {
    if has_target()? {
        return Ok(());
    }
    tell(&format!("adding the target {TARGET}"));
    let added = Command::new("rustup").args(["target", "add", TARGET]).status();
    if added.is_ok_and(|status| status.success()) {
        return Ok(());
    }
    Err(RegistryError::Build(format!(
        "rustc has no target {TARGET}, and it could not be added; type `rustup target add {TARGET}`"
    )))
}

fn cargo(project: &Project, folder: &Path) -> Result<(), RegistryError> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| std::env::home_dir().map(|home| home.join(".cargo")));
    let mut flags = vec!["-Ctarget-feature=+simd128".to_owned()];
    // Paths would make a component's digest depend on where it was built. Those in the
    // workspace are relative to it already.
    if let Some(home) = home {
        flags.push(format!("--remap-path-prefix={}=cargo", home.display()));
    }
    let mut command = Command::new("cargo");
    command
        .args(["build", "--profile", "guest", "--target", TARGET, "--target-dir"])
        .arg(project.target().join("guests"))
        .arg("--manifest-path")
        .arg(folder.join("Cargo.toml"))
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"))
        // ahash draws a seed while it compiles, unless it is given one.
        .env("CONST_RANDOM_SEED", "skyloom")
        .env_remove("RUSTFLAGS")
        .stdin(Stdio::null())
        // Standard output is for results.
        .stdout(Stdio::null());
    command.args(["--package", &package_name(folder)?]);
    let status = command.status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => {
            Err(RegistryError::Build("plugins do not compile; cargo says why above".to_owned()))
        }
        Err(error) => Err(RegistryError::Build(format!("cannot run `cargo`: {error}"))),
    }
}

fn componentize(core: &Path, component: &Path) -> Result<(), RegistryError> {
    let bytes =
        fs::read(core).map_err(|source| RegistryError::Io { path: core.to_owned(), source })?;
    let wrong = |error: &dyn std::fmt::Display| {
        let name = core.file_name().unwrap_or_default().to_string_lossy();
        RegistryError::Build(format!("cannot make a component of {name}: {error}"))
    };
    let encoded = wit_component::ComponentEncoder::default()
        .module(&bytes)
        .and_then(|encoder| encoder.validate(true).encode())
        .map_err(|error| wrong(&format!("{error:#}")))?;
    write(component, &encoded)
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), RegistryError> {
    let written = || -> io::Result<()> {
        let folder = path.parent().ok_or_else(|| io::Error::other("no folder"))?;
        fs::create_dir_all(folder)?;
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        io::Write::write_all(&mut file, bytes)?;
        file.persist(path)?;
        Ok(())
    };
    written().map_err(|source| RegistryError::Io { path: path.to_owned(), source })
}

/// What a component was made from, cheaply: names, sizes and times of all sources it could
/// use. It decides whether Cargo is asked, never what a result is called.
fn stamp_of(project: &Project, folder: &Path) -> String {
    let mut hasher = blake3::Hasher::new();
    let mut roots = vec![
        folder.to_owned(),
        project.root.join("plugin-sdk"),
        project.root.join("Cargo.toml"),
        project.root.join("Cargo.lock"),
    ];
    // A package that plugins share is a source of each of them.
    let shared = fs::read_dir(project.root.join("plugins")).into_iter().flatten().flatten();
    roots.extend(shared.map(|entry| entry.path()).filter(|path| super::project::is_library(path)));
    roots.sort();
    for root in roots {
        stamp_tree(&root, &mut hasher);
    }
    hasher.finalize().to_string()
}

fn stamp_tree(path: &Path, hasher: &mut blake3::Hasher) {
    let Ok(metadata) = fs::metadata(path) else { return };
    let name = path.file_name().unwrap_or_default();
    if metadata.is_dir() {
        if ["target", "tests", "goldens", "benches"].iter().any(|skipped| name == *skipped) {
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
