//! Rust packages, with cargo.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::super::RegistryError;
use super::{Package, componentize, tell};

/// What plugins in Rust are compiled for.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// Compiles the package.
pub(super) fn build(package: &Package) -> Result<Vec<u8>, RegistryError> {
    ensure_target()?;
    cargo(package)?;
    let core = package.guests.join(TARGET).join("guest").join(package.name.replace('-', "_"));
    let core = core.with_extension("wasm");
    let bytes =
        fs::read(&core).map_err(|source| RegistryError::Io { path: core.clone(), source })?;
    componentize(&bytes).map_err(|error| package.failed(&error))
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

fn cargo(package: &Package) -> Result<(), RegistryError> {
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
        .arg(&package.guests)
        .arg("--manifest-path")
        .arg(package.folder.join("Cargo.toml"))
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"))
        // ahash draws a seed while it compiles, unless it is given one.
        .env("CONST_RANDOM_SEED", "skyloom")
        .env_remove("RUSTFLAGS")
        .stdin(Stdio::null())
        // Standard output is for results.
        .stdout(Stdio::null());
    command.args(["--package", &package.name]);
    let status = command.status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => {
            Err(RegistryError::Build("plugins do not compile; cargo says why above".to_owned()))
        }
        Err(error) => Err(RegistryError::Build(format!("cannot run `cargo`: {error}"))),
    }
}
