//! Packages in JavaScript, with componentize-qjs: QuickJS, an interpreter, and a picture of its
//! memory once the modules are loaded.
//!
//! The engine asks for the time and for chance when it starts, and keeps both in that memory: the
//! bytes would be others each time. So it is taken out of the builder, is made to answer itself
//! what it would ask of WASI ([`engine`]), and is handed back to the builder. From what comes out,
//! the plugin is taken alone ([`alone`]).

mod alone;
mod engine;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use super::super::RegistryError;
use super::component::WIT;
use super::{Package, tools};

const TOOL: &str = "componentize-qjs";
const VERSION: &str = "0.4.5";
const INSTALL: &str = "npm install -g componentize-qjs@0.4.5";

macro_rules! sdk {
    ($($path:literal),* $(,)?) => {
        [$((
            concat!("node_modules/skyloom/", $path),
            include_str!(concat!("../../../../plugin-sdk/js/", $path)),
        )),*]
    };
}

/// The SDK, where modules look for packages.
pub(super) const SDK: [(&str, &str); 11] = sdk![
    "bind.js",
    "column.js",
    "data.js",
    "errors.js",
    "guest.js",
    "index.js",
    "package.json",
    "params.js",
    "plugin.js",
    "schema.js",
    "text.js",
];
/// The SDK's view of what the host lends, for packages that ask for it.
pub(super) const KERNELS: (&str, &str) = sdk!["kernels.js"][0];
const ENTRY: (&str, &str) =
    ("skyloom-entry.js", include_str!("../../../../plugin-sdk/js/entry.js"));

/// Builds the package.
pub(super) fn build(package: &Package) -> Result<Vec<u8>, RegistryError> {
    let tool = tools::need(package, &[TOOL], INSTALL)?;
    let builder = Builder::behind(package, &tool)?;
    let folder = package.work.join("js");
    let mut files = SDK.to_vec();
    files.extend(package.kernels.then_some(KERNELS));
    files.push(ENTRY);
    tools::write_sdk(&folder, &files)?;
    for (path, bytes) in sources(package)? {
        super::write(&folder.join(path), &bytes)?;
    }
    tools::write_sdk(&folder.join("wit"), &WIT)?;
    let engine = builder.engine(package)?;
    super::write(&folder.join("engine.wasm"), &engine)?;
    let output = Command::new(&tool)
        .current_dir(&folder)
        .args(["--runtime", "engine.wasm", "--module-root", "."])
        .args(["--wit", "wit", "--world", package.world(), "--js", ENTRY.0, "--output", "out.wasm"])
        .stdin(Stdio::null())
        .output()
        .map_err(|source| RegistryError::Io { path: tool.clone(), source })?;
    if !output.status.success() {
        let said = [output.stdout, output.stderr].concat();
        return Err(package.wrong(&words_of(&String::from_utf8_lossy(&said))));
    }
    let path = folder.join("out.wasm");
    let whole = fs::read(&path).map_err(|source| RegistryError::Io { path, source })?;
    alone::alone(&whole).map_err(|error| package.failed(&error))
}

/// What the engine said, out of what the builder says around it.
fn words_of(said: &str) -> String {
    let error = said.split_once("Error: ").map_or(said, |(_, error)| error);
    let error = error.trim_start_matches([':', ' ']);
    let error = error.strip_prefix("Failed to evaluate user JavaScript module: ").unwrap_or(error);
    let error = error.strip_prefix("Failed to finish JavaScript module evaluation: ");
    error.unwrap_or_else(|| said.trim()).trim().replace("(/", "(")
}

/// The package's files, and the packages that its `package.json` depends on.
fn sources(package: &Package) -> Result<Vec<(String, Vec<u8>)>, RegistryError> {
    let mut sources = super::files(&package.folder, &[])?;
    if !sources.iter().any(|(path, _)| path == "plugin.js") {
        return Err(RegistryError::Build(format!(
            "`{}` has no plugin.js, whose default export is the plugin",
            package.name
        )));
    }
    let mut wanted = dependencies(&package.folder);
    let mut taken: Vec<String> = Vec::new();
    while let Some(name) = wanted.pop() {
        if name == "skyloom" || taken.contains(&name) {
            continue;
        }
        let folder = package.folder.join("node_modules").join(&name);
        if !folder.is_dir() {
            return Err(RegistryError::Build(format!(
                "`{}` depends on `{name}`, which is not in its node_modules; type `npm install` in {}",
                package.name,
                package.folder.display()
            )));
        }
        wanted.extend(dependencies(&folder));
        let inside = |(path, bytes)| (format!("node_modules/{name}/{path}"), bytes);
        sources.extend(super::files(&folder, &[])?.into_iter().map(inside));
        taken.push(name);
    }
    Ok(sources)
}

fn dependencies(folder: &Path) -> Vec<String> {
    let text = fs::read_to_string(folder.join("package.json")).unwrap_or_default();
    let manifest: Value = serde_json::from_str(&text).unwrap_or_default();
    let listed = manifest["dependencies"].as_object();
    listed.into_iter().flat_map(|listed| listed.keys().cloned()).collect()
}

/// The npm package behind the tool.
struct Builder {
    folder: PathBuf,
}

impl Builder {
    fn behind(package: &Package, tool: &Path) -> Result<Self, RegistryError> {
        let real = tool.canonicalize();
        let real = real.map_err(|source| RegistryError::Io { path: tool.to_owned(), source })?;
        let manifest = |folder: &Path| -> Option<Value> {
            let text = fs::read_to_string(folder.join("package.json")).ok()?;
            serde_json::from_str(&text).ok().filter(|found: &Value| found["name"] == TOOL)
        };
        let mut around = real.ancestors().filter_map(|folder| Some((folder, manifest(folder)?)));
        let found = around.next();
        match &found {
            Some((folder, manifest)) if manifest["version"] == VERSION => {
                Ok(Self { folder: folder.to_path_buf() })
            }
            found => {
                let version = found.as_ref().and_then(|(_, manifest)| manifest["version"].as_str());
                let version = version.unwrap_or("not of npm");
                // Another version makes other bytes.
                let wanted = format!("`{TOOL}` {VERSION} ({} is {version})", tool.display());
                Err(tools::missing(package, &wanted, INSTALL))
            }
        }
    }

    /// QuickJS as the builder carries it, with its clocks and its chance settled.
    fn engine(&self, package: &Package) -> Result<Vec<u8>, RegistryError> {
        let pattern = |folder: &Path| {
            folder.join("@andreiltd/componentize-qjs-binding-*/*.node").display().to_string()
        };
        let beside = self.folder.parent().unwrap_or(&self.folder);
        let within = self.folder.join("node_modules");
        let found = [beside, &within].iter().find_map(|folder| {
            glob::glob(&pattern(folder)).ok().and_then(|mut found| found.next()?.ok())
        });
        let Some(path) = found else {
            return Err(RegistryError::Build(format!(
                "`{TOOL}` lacks the part for this machine; type `{INSTALL}`"
            )));
        };
        let library = fs::read(&path).map_err(|source| RegistryError::Io { path, source })?;
        engine::settled(&library).map_err(|error| package.failed(&format!("{TOOL}: {error}")))
    }
}
