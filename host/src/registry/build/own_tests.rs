//! Running a package's own tests with its language's ordinary tool.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::super::RegistryError;
use super::{Language, Package, Project, c, go, tools};

/// What became of a package's own tests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OwnTests {
    Passed,
    /// Their words say why.
    Failed,
    /// There are none, or no tool for them, and why.
    Missing(String),
}

/// Runs the tests of the package in `folder`; all they say goes to standard error.
///
/// # Errors
/// When it is no package, or a tool cannot be started.
pub fn own_tests(project: &Project, folder: &Path) -> Result<OwnTests, RegistryError> {
    let package = Package::at(project, folder)?;
    let commands = match package.language {
        Language::Rust => vec![cargo(folder)],
        Language::Python | Language::Scientific => python(&package).into_iter().collect(),
        Language::JavaScript => javascript(&package).into_iter().collect(),
        Language::Go => go_test(&package).into_iter().collect(),
        Language::C => return c_tests(&package),
    };
    if commands.is_empty() {
        let why = "there are none, or the tool that runs them is not here";
        return Ok(OwnTests::Missing(why.to_owned()));
    }
    for mut command in commands {
        if !passes(&mut command)? {
            return Ok(OwnTests::Failed);
        }
    }
    Ok(OwnTests::Passed)
}

fn passes(command: &mut Command) -> Result<bool, RegistryError> {
    let tool = command.get_program().to_string_lossy().into_owned();
    // Standard output is for results.
    let status = command.stdin(Stdio::null()).stdout(Stdio::from(std::io::stderr())).status();
    let status =
        status.map_err(|error| RegistryError::Build(format!("cannot run `{tool}`: {error}")))?;
    Ok(status.success())
}

fn cargo(folder: &Path) -> Command {
    let mut command = Command::new("cargo");
    command.args(["test", "--release", "--manifest-path"]).arg(folder.join("Cargo.toml"));
    command
}

/// Files of the package's tests with this ending, sorted.
fn tests(package: &Package, ending: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(package.folder.join("tests")).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    files.retain(|path| path.to_string_lossy().ends_with(ending));
    files.sort();
    files
}

fn python(package: &Package) -> Option<Command> {
    if tests(package, ".py").is_empty() {
        return None;
    }
    let mut command = Command::new(tools::find(package, &["python3", "python"])?);
    command.args(["-m", "unittest", "discover", "-s", "tests", "-p", "*test*.py"]);
    // What Python compiles beside its sources is nobody's.
    command.env("PYTHONDONTWRITEBYTECODE", "1").current_dir(&package.folder);
    Some(command)
}

fn javascript(package: &Package) -> Option<Command> {
    let files: Vec<_> =
        [".test.js", ".test.mjs"].iter().flat_map(|end| tests(package, end)).collect();
    if files.is_empty() {
        return None;
    }
    let mut command = Command::new(tools::find(package, &["node"])?);
    let files = files.iter().filter_map(|path| path.strip_prefix(&package.folder).ok());
    command.arg("--test").args(files).current_dir(&package.folder);
    Some(command)
}

/// In the workspace that the build has left: the SDK lies nowhere in the package.
fn go_test(package: &Package) -> Option<Command> {
    let mut command = Command::new(tools::find(package, &["go"])?);
    command.args(["test", "./..."]).current_dir(&package.folder);
    command.env("GOWORK", package.work.join(go::WORKSPACE)).env_remove("GOFLAGS");
    command.env("GOPROXY", "off").env("GOTOOLCHAIN", "local");
    Some(command)
}

/// Each `tests/*.c` is a program of its own, compiled for this machine with those sources of
/// the package that know nothing of the SDK.
fn c_tests(package: &Package) -> Result<OwnTests, RegistryError> {
    let files = tests(package, ".c");
    if files.is_empty() {
        return Ok(OwnTests::Missing("there are none".to_owned()));
    }
    if c::native(package).is_none() {
        let why = "no C compiler for this machine is here: cc, clang, gcc or zig";
        return Ok(OwnTests::Missing(why.to_owned()));
    }
    std::fs::create_dir_all(&package.work)
        .map_err(|source| RegistryError::Io { path: package.work.clone(), source })?;
    for file in files {
        let program = package.work.join("own-test");
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        let Some(mut command) = c::native(package) else { break };
        command.args(["-std=c11", "-O1", "-Wall", "-ffp-contract=off", "-I", "src", "-o"]);
        command.arg(&program).arg(&file).current_dir(&package.folder);
        // A test that includes a source has it already.
        command.args(science(package).iter().filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            !text.contains(&format!("{name}\""))
        }));
        command.arg("-lm");
        if !passes(&mut command)? || !passes(&mut Command::new(&program))? {
            return Ok(OwnTests::Failed);
        }
    }
    Ok(OwnTests::Passed)
}

fn science(package: &Package) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(package.folder.join("src")).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    files.retain(|path| {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        path.extension().is_some_and(|ending| ending == "c") && !text.contains("skyloom.h")
    });
    files.sort();
    files
}
