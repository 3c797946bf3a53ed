//! Packages in C, with Zig's compiler or clang.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::super::RegistryError;
use super::{Package, componentize, tools};

/// The SDK, compiled with each package.
pub(super) const SDK: [(&str, &str); 11] = [
    ("skyloom.h", include_str!("../../../../plugin-sdk/c/skyloom.h")),
    ("skyloom_kernels.h", include_str!("../../../../plugin-sdk/c/skyloom_kernels.h")),
    ("abi.h", include_str!("../../../../plugin-sdk/c/abi.h")),
    ("bind.c", include_str!("../../../../plugin-sdk/c/bind.c")),
    ("data.c", include_str!("../../../../plugin-sdk/c/data.c")),
    ("export.c", include_str!("../../../../plugin-sdk/c/export.c")),
    ("json.c", include_str!("../../../../plugin-sdk/c/json.c")),
    ("kernels.c", include_str!("../../../../plugin-sdk/c/kernels.c")),
    ("memory.c", include_str!("../../../../plugin-sdk/c/memory.c")),
    ("output.c", include_str!("../../../../plugin-sdk/c/output.c")),
    ("schema.c", include_str!("../../../../plugin-sdk/c/schema.c")),
];

/// Zig's compiler brings its own libc and makes the same bytes everywhere, so it comes first.
const ZIGS: [&str; 2] = ["python-zig", "zig"];
const CLANGS: [&str; 6] = ["clang", "clang-21", "clang-20", "clang-19", "clang-18", "clang-17"];
const INSTALL: &str = "pip install ziglang==0.17.1";

/// Rust fuses no multiplication with an addition, so nothing is fused here: the same arithmetic
/// gives the same bits. Assertions would bring paths and standard output.
const FLAGS: [&str; 11] = [
    "--target=wasm32-wasi",
    "-mexec-model=reactor",
    "-std=c11",
    "-O3",
    "-msimd128",
    "-mno-relaxed-simd",
    "-ffp-contract=off",
    "-DNDEBUG",
    "-Wall",
    "-Wextra",
    "-Wl,--strip-all",
];

/// Compiles the package: every C file in its `src` folder, with the SDK.
pub(super) fn build(package: &Package) -> Result<Vec<u8>, RegistryError> {
    let (sdk, core) = (package.work.join("sdk"), package.work.join("core.wasm"));
    tools::write_sdk(&sdk, &SDK)?;
    let mut command = compiler(package)?;
    command
        .args(FLAGS)
        .arg(format!("-ffile-prefix-map={}=sdk", sdk.display()))
        .arg("-I")
        .arg(&sdk)
        .arg("-o")
        .arg(&core)
        .args(sources(package)?)
        .args(SDK.iter().filter(|(name, _)| name.ends_with(".c")).map(|(name, _)| sdk.join(name)))
        // Sources are named from here, wherever that is.
        .current_dir(&package.folder);
    tools::run(package, &mut command)?;
    let bytes =
        fs::read(&core).map_err(|source| RegistryError::Io { path: core.clone(), source })?;
    componentize(&bytes).map_err(|error| package.failed(&error))
}

fn compiler(package: &Package) -> Result<Command, RegistryError> {
    if let Some(zig) = tools::find(package, &ZIGS) {
        let mut command = Command::new(zig);
        command.arg("cc").env("ZIG_LOCAL_CACHE_DIR", package.work.join("zig"));
        return Ok(command);
    }
    if has_module(package) {
        let mut command = Command::new("python3");
        command.args(["-m", "ziglang", "cc"]);
        command.env("ZIG_LOCAL_CACHE_DIR", package.work.join("zig"));
        return Ok(command);
    }
    let clang = CLANGS.iter().find_map(|name| {
        let clang = tools::find(package, &[name])?;
        can_target_wasm(&clang).then_some(clang)
    });
    clang.map(Command::new).ok_or_else(|| {
        let tool = "Zig's C compiler, or clang with wasm-ld and wasi-libc";
        tools::missing(package, tool, INSTALL)
    })
}

/// A compiler for this machine, which a package's own tests are compiled with.
pub(super) fn native(package: &Package) -> Option<Command> {
    if let Some(compiler) = tools::find(package, &["cc", "clang", "gcc"]) {
        return Some(Command::new(compiler));
    }
    let mut command = Command::new(tools::find(package, &ZIGS)?);
    command.arg("cc").env("ZIG_LOCAL_CACHE_DIR", package.work.join("zig"));
    Some(command)
}

/// Whether Python has Zig, where its script is not on the path.
fn has_module(package: &Package) -> bool {
    let mut ask = Command::new("python3");
    ask.args(["-c", "import ziglang"]).current_dir(&package.folder);
    ask.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    ask.status().is_ok_and(|status| status.success())
}

/// Whether this clang finds a C library for WASI and a linker for WebAssembly.
fn can_target_wasm(clang: &Path) -> bool {
    let ask = |what: &str| {
        let mut command = Command::new(clang);
        command.args(["--target=wasm32-wasi", what]).stdin(Stdio::null()).stderr(Stdio::null());
        let output = command.output().ok().filter(|output| output.status.success())?;
        // A name that is not found comes back as it was asked.
        let path = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
        path.is_file().then_some(path)
    };
    ask("-print-file-name=libc.a").is_some() && ask("-print-prog-name=wasm-ld").is_some()
}

/// The C files of the package, from its folder, in the order of their names.
fn sources(package: &Package) -> Result<Vec<PathBuf>, RegistryError> {
    let folder = package.folder.join("src");
    let entries = fs::read_dir(&folder)
        .map_err(|source| RegistryError::Io { path: folder.clone(), source })?;
    let names = entries.flatten().map(|entry| entry.file_name());
    let paths = names.map(|name| Path::new("src").join(name));
    let mut sources: Vec<_> =
        paths.filter(|path| path.extension().is_some_and(|end| end == "c")).collect();
    sources.sort();
    if sources.is_empty() {
        return Err(RegistryError::Build(format!("{}: no C file in it", folder.display())));
    }
    Ok(sources)
}
