//! Packages in Python, with componentize-py.
//!
//! The builder starts an interpreter, imports the plugin, and keeps a picture of memory. Left
//! to itself it gives other bytes each time: strings hash by chance, and times of files and what
//! the system drew lie about in memory. Here all of that has one value: modules come from two
//! archives without times, `memory.wat` and `skyloom_bootstrap.py` see to the rest, and [`settle`]
//! puts the parts of the component in one order.

use std::fs::{self, File, FileTimes};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, UNIX_EPOCH};

use super::super::RegistryError;
use super::archive::Archive;
use super::component::WIT;
use super::{Package, settle, tell, tools};

const TOOL: &str = "componentize-py";
/// The places in `memory.wat` are of this version.
const VERSION: &str = "0.25.1";
const INSTALL: &str = "pip install componentize-py==0.25.1";

/// The library that makes the interpreter's start the same each time.
const MEMORY: &str = include_str!("python/memory.wat");
const MEMORY_FILE: &str = "skyloom_memory.cpython-314-wasm32-wasi.so";
const HARVEST: &str = include_str!("python/harvest.py");

macro_rules! sdk {
    ($($path:literal),* $(,)?) => {
        [$(($path, include_str!(concat!("../../../../plugin-sdk/python/", $path)))),*]
    };
}

/// The SDK.
pub(super) const SDK: [(&str, &str); 12] = sdk![
    "skyloom/__init__.py",
    "skyloom/_guest.py",
    "skyloom/bind.py",
    "skyloom/column.py",
    "skyloom/data.py",
    "skyloom/errors.py",
    "skyloom/params.py",
    "skyloom/plugin.py",
    "skyloom/schema.py",
    "skyloom_bootstrap.py",
    "skyloom_entry.py",
    "skyloom_sandbox.py",
];

/// The SDK's view of what the host lends, for packages that ask for it.
pub(super) const KERNELS: (&str, &str) =
    ("skyloom/kernels.py", include_str!("../../../../plugin-sdk/python/skyloom/kernels.py"));

/// Builds the package.
pub(super) fn build(package: &Package) -> Result<Vec<u8>, RegistryError> {
    let tool = tools::need(package, &[TOOL], INSTALL)?;
    check_version(package, &tool)?;
    let library = library(package, &tool)?;
    let place = Place::new(package, "python")?;
    place.write("python.zip", &library)?;
    place.write("plugin.zip", &plugin(package)?)?;
    let memory = wat::parse_str(MEMORY).map_err(|error| package.failed(&error))?;
    place.write(MEMORY_FILE, &memory)?;
    let said = place.run(&tool, package.world(), "skyloom_entry")?;
    let component = fs::read(place.folder.join("out.wasm"));
    match (said, component) {
        (None, Ok(component)) => {
            let settled = settle::settle(&component).map_err(|error| package.failed(&error))?;
            Ok(without_clock(settled))
        }
        (said, _) => Err(package.wrong(&said.unwrap_or_default())),
    }
}

/// Clears what the clock left in memory that nobody reads: the padding of one word, `rb`, which
/// was made before memory can be cleared. Letters there are of other words, the same each time.
fn without_clock(mut component: Vec<u8>) -> Vec<u8> {
    // A string's flags in one byte, three bytes of padding, its text.
    let is_word = |at: &[u8]| at[0] == 0x64 && at[4..] == *b"rb\0\0";
    let found: Vec<usize> = component
        .windows(8)
        .enumerate()
        .filter(|(_, at)| is_word(at) && !at[1..4].iter().all(u8::is_ascii_lowercase))
        .map(|(start, _)| start)
        .collect();
    for start in found {
        component[start + 1..start + 4].fill(0);
    }
    component
}

fn check_version(package: &Package, tool: &Path) -> Result<(), RegistryError> {
    let output = Command::new(tool).arg("--version").stdin(Stdio::null()).output();
    let output = output.map_err(|source| RegistryError::Io { path: tool.to_owned(), source })?;
    let said = String::from_utf8_lossy(&output.stdout);
    let found = said.split_whitespace().next_back().unwrap_or("nothing");
    if found == VERSION {
        return Ok(());
    }
    // Another version makes other bytes.
    let wanted = format!("`{TOOL}` {VERSION} ({} is {found})", tool.display());
    Err(tools::missing(package, &wanted, INSTALL))
}

/// Python's standard library as the builder brings it, with the types of the package's world, taken
/// out once.
fn library(package: &Package, tool: &Path) -> Result<Vec<u8>, RegistryError> {
    let how = blake3::hash(HARVEST.as_bytes()).to_hex();
    let kernels = if package.kernels { "-kernels" } else { "" };
    let kept = package.guests.join(format!("python-{VERSION}{kernels}-{}.zip", &how[..12]));
    if let Ok(bytes) = fs::read(&kept) {
        return Ok(bytes);
    }
    tell("taking Python's standard library out of componentize-py, once");
    let place = Place::new(package, "harvest")?;
    place.write("skyloom_harvest.py", HARVEST.as_bytes())?;
    let said = place.run(tool, package.world(), "skyloom_harvest")?;
    let bytes = fs::read(place.app.join("python.zip")).map_err(|_| {
        package.failed(&format!("{TOOL} cannot be run: {}", said.unwrap_or_default()))
    })?;
    super::write(&kept, &bytes)?;
    Ok(bytes)
}

/// The package's files, those in `vendor/` as if beside them, and the SDK.
fn plugin(package: &Package) -> Result<Vec<u8>, RegistryError> {
    let mut archive = Archive::new();
    let vendor = package.folder.join("vendor");
    for (path, bytes) in super::files(&package.folder, &["vendor"])? {
        archive.add(&path, bytes);
    }
    if vendor.is_dir() {
        for (path, bytes) in super::files(&vendor, &[])? {
            archive.add(&path, bytes);
        }
    }
    if !archive.has("plugin.py") {
        return Err(RegistryError::Build(format!(
            "`{}` has no plugin.py, which holds the class derived from `skyloom.Plugin`",
            package.name
        )));
    }
    let kernels = package.kernels.then_some(KERNELS);
    for (path, text) in SDK.into_iter().chain(kernels) {
        archive.add(path, text.as_bytes().to_vec());
    }
    Ok(archive.bytes())
}

/// A folder in which the builder runs.
struct Place {
    folder: PathBuf,
    /// What the interpreter sees as `/0`.
    app: PathBuf,
}

impl Place {
    fn new(package: &Package, name: &str) -> Result<Self, RegistryError> {
        let folder = package.work.join(name);
        let app = folder.join("app");
        let made = || -> std::io::Result<()> {
            if folder.exists() {
                fs::remove_dir_all(&folder)?;
            }
            fs::create_dir_all(&app)?;
            // The builder looks for native libraries in the packages of a virtual environment:
            // here in one that has none.
            fs::create_dir_all(folder.join("venv/lib/python3/site-packages"))
        };
        made().map_err(|source| RegistryError::Io { path: folder.clone(), source })?;
        let wit: Vec<_> = WIT.iter().map(|(path, text)| (*path, *text)).collect();
        tools::write_sdk(&folder.join("wit"), &wit)?;
        Ok(Self { folder, app })
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), RegistryError> {
        super::write(&self.app.join(name), bytes)
    }

    /// Gives the files one time: when the interpreter has looked at them, it lies in memory.
    fn fix_times(&self) -> std::io::Result<()> {
        let then = UNIX_EPOCH + Duration::from_secs(946_728_000);
        let times = FileTimes::new().set_accessed(then).set_modified(then);
        let files = fs::read_dir(&self.app)?.map(|entry| entry.map(|entry| entry.path()));
        for path in files.chain([Ok(self.app.clone())]) {
            File::open(path?)?.set_times(times)?;
        }
        Ok(())
    }

    /// Makes `out.wasm` of a module; or what the builder says, if it does not.
    fn run(&self, tool: &Path, world: &str, module: &str) -> Result<Option<String>, RegistryError> {
        self.fix_times().map_err(|source| RegistryError::Io { path: self.app.clone(), source })?;
        let output = Command::new(tool)
            .current_dir(&self.folder)
            .args(["-q", "-d", "wit", "-w", world, "componentize", "--stub-wasi"])
            .args(["-p", "app", module, "-o", "out.wasm"])
            .env("VIRTUAL_ENV", self.folder.join("venv"))
            .env_remove("PYTHONPATH")
            .stdin(Stdio::null())
            .output()
            .map_err(|source| RegistryError::Io { path: tool.to_owned(), source })?;
        let said = || words_of(&String::from_utf8_lossy(&output.stderr));
        Ok((!output.status.success()).then(said))
    }
}

/// What the interpreter said, out of what the builder and its own interpreter say around it.
fn words_of(said: &str) -> String {
    let inside = said.split_once("AssertionError: ").map_or(said, |(_, inside)| inside);
    let inside = inside.split("\nCaused by:").next().unwrap_or(inside);
    inside.replace("/0/plugin.zip/", "").replace("/0/python.zip/", "").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_failure_the_authors_part_is_told() {
        let said = "Traceback (most recent call last):\n  File \"bin/componentize-py\", line 8\n\
            AssertionError: Traceback (most recent call last):\n  File \"/0/plugin.zip/plugin.py\", \
            line 3\nNameError: name 'x' is not defined\n\n\nCaused by:\n    NameError\n";
        assert_eq!(
            words_of(said),
            "Traceback (most recent call last):\n  File \"plugin.py\", line 3\nNameError: name 'x' is not defined"
        );
    }

    #[test]
    fn the_library_of_memory_is_one_that_can_be_linked() {
        let module = wat::parse_str(MEMORY).unwrap();
        let has_dylink = wasmparser::Parser::new(0).parse_all(&module).any(|payload| {
            matches!(payload, Ok(wasmparser::Payload::CustomSection(section)) if section.name() == "dylink.0")
        });
        assert!(has_dylink);
    }
}
