//! Finding what other languages are built with.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::super::RegistryError;
use super::Package;

/// Folders in which a package or a project keeps tools of its own.
const OWN: [&str; 2] = [".venv/bin", "node_modules/.bin"];

/// The first of `names` that is a program: one of the package's own, of a folder around it up
/// to the project's, or on `PATH`.
pub(super) fn find(package: &Package, names: &[&str]) -> Option<PathBuf> {
    let around = package.folder.ancestors().take_while(|path| path.starts_with(&package.root));
    let own = around.flat_map(|path| OWN.map(|own| path.join(own)));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<_> = own.chain(std::env::split_paths(&path)).collect();
    let programs = names.iter().flat_map(|name| folders.iter().map(move |path| path.join(name)));
    let found = programs.into_iter().find(|path| is_program(path))?;
    // Tools are started in other folders than this one.
    std::path::absolute(&found).ok()
}

fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

/// The same, or how to get it, in one line.
pub(super) fn need(
    package: &Package,
    names: &[&str],
    install: &str,
) -> Result<PathBuf, RegistryError> {
    find(package, names).ok_or_else(|| missing(package, &format!("`{}`", names[0]), install))
}

/// A package cannot be built here: a tool is missing, which `install` would bring.
pub(super) fn missing(package: &Package, tool: &str, install: &str) -> RegistryError {
    let (tool, install) = (tool.to_owned(), install.to_owned());
    RegistryError::NoTool { package: package.name.clone(), tool, install }
}

/// Runs a tool. What it says goes to standard error, for standard output is for results.
///
/// # Errors
/// When it cannot be started, or does not end well.
pub(super) fn run(package: &Package, command: &mut Command) -> Result<(), RegistryError> {
    let tool = command.get_program().to_string_lossy().into_owned();
    let tool = Path::new(&tool).file_name().unwrap_or_default().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).stdout(Stdio::from(std::io::stderr())).status();
    match output {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err(RegistryError::Build(format!(
            "`{}` does not compile; {tool} says why above",
            package.name
        ))),
        Err(error) => Err(RegistryError::Build(format!("cannot run `{tool}`: {error}"))),
    }
}

/// Writes files of an SDK below `folder`, which then holds them and nothing else.
///
/// # Errors
/// When they cannot be written.
pub(super) fn write_sdk(folder: &Path, files: &[(&str, &str)]) -> Result<(), RegistryError> {
    let written = || -> std::io::Result<()> {
        if folder.exists() {
            std::fs::remove_dir_all(folder)?;
        }
        for (path, text) in files {
            let path = folder.join(path);
            std::fs::create_dir_all(path.parent().unwrap_or(folder))?;
            std::fs::write(path, text)?;
        }
        Ok(())
    };
    written().map_err(|source| RegistryError::Io { path: folder.to_owned(), source })
}
