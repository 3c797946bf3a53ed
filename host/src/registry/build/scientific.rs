//! Packages in scientific Python: their sources, and the SDK's, as one file. No tool is needed.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::super::RegistryError;
use super::Package;
use super::tools::missing;
use crate::instance::{INSTALL_RUNTIME, RUNTIME, pack, runtime_folder};

macro_rules! sdk {
    ($($name:literal),*) => {
        [$((
            concat!("skyloom/", $name),
            include_str!(concat!("../../../../plugin-sdk/python-scientific/skyloom/", $name)),
        )),*]
    };
}

/// The SDK, and the driver that the host talks to.
pub(super) const SDK: [(&str, &str); 10] = sdk![
    "__init__.py",
    "bind.py",
    "boot.py",
    "door.py",
    "driver.py",
    "errors.py",
    "field.py",
    "plugin.py",
    "table.py",
    "wire.py"
];
/// The SDK's folder in a package, which a package's own sources may not be in.
const SDK_FOLDER: &str = "skyloom";
/// The module that the driver imports.
const MAIN: &str = "plugin.py";
/// Folders that hold no part of the plugin.
const LEFT_OUT: [&str; 3] = ["tests", "goldens", "__pycache__"];

/// Gathers the package's sources.
pub(super) fn build(package: &Package) -> Result<Vec<u8>, RegistryError> {
    // Nothing could be done with the plugin without it.
    if runtime_folder().is_err() {
        return Err(missing(package, RUNTIME, INSTALL_RUNTIME));
    }
    source(package)
}

fn source(package: &Package) -> Result<Vec<u8>, RegistryError> {
    let mut sources = BTreeMap::new();
    gather(package, &package.folder, "", &mut sources)?;
    if !sources.contains_key(MAIN) {
        let path = package.folder.join(MAIN);
        return Err(package.failed(&format!("there is no {}", path.display())));
    }
    sources.extend(SDK.map(|(path, text)| (path.to_owned(), text.to_owned())));
    Ok(pack(sources))
}

fn gather(
    package: &Package,
    folder: &Path,
    prefix: &str,
    sources: &mut BTreeMap<String, String>,
) -> Result<(), RegistryError> {
    let io = |source| RegistryError::Io { path: folder.to_owned(), source };
    for entry in fs::read_dir(folder).map_err(io)? {
        let path = entry.map_err(io)?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        let inside = format!("{prefix}{name}");
        if path.is_dir() {
            if name.starts_with('.') || LEFT_OUT.contains(&name) {
                continue;
            }
            if inside == SDK_FOLDER {
                return Err(package.failed(&format!(
                    "{} would hide the SDK's module `{SDK_FOLDER}`; give the folder another name",
                    path.display()
                )));
            }
            gather(package, &path, &format!("{inside}/"), sources)?;
        } else if name.ends_with(".py") {
            let text = fs::read_to_string(&path)
                .map_err(|source| RegistryError::Io { path: path.clone(), source })?;
            // As Git may have changed them on a checkout.
            sources.insert(inside, text.replace("\r\n", "\n"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::Language;
    use super::*;

    fn package(files: &[(&str, &str)]) -> (tempfile::TempDir, Package) {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let here = folder.path().to_owned();
        let package = Package {
            name: "stars".to_owned(),
            folder: here.clone(),
            language: Language::Scientific,
            kernels: false,
            root: here.clone(),
            guests: here.clone(),
            work: here,
        };
        (folder, package)
    }

    #[test]
    fn bytes_depend_on_sources_and_on_nothing_else() {
        let sources = [("plugin.py", "x = 1\n"), ("inner/part.py", "y = 2\n")];
        let (_one, first) = package(&sources);
        let (_two, second) = package(&[
            sources[1],
            ("plugin.py", "x = 1\r\n"),
            ("tests/test_science.py", "assert True\n"),
            (".venv/lib/other.py", "z = 3\n"),
            ("README.md", "words\n"),
        ]);
        assert_eq!(source(&first).unwrap(), source(&second).unwrap());
        let (_three, third) = package(&[sources[0]]);
        assert_ne!(source(&first).unwrap(), source(&third).unwrap());
    }

    #[test]
    fn what_is_missing_or_in_the_way_is_named() {
        let (_none, none) = package(&[("science.py", "")]);
        assert!(source(&none).unwrap_err().to_string().contains("there is no"));
        let (_hides, hides) = package(&[("plugin.py", ""), ("skyloom/own.py", "")]);
        assert!(source(&hides).unwrap_err().to_string().contains("another name"));
    }
}
