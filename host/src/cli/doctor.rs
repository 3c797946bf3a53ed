//! `skyloom doctor`: what this machine has, and what it lacks.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;
use serde_json::json;

use super::text::{self, grid};
use super::{End, render};
use crate::instance::{Engine, KERNELS_VERSION};
use crate::registry::{self, Project};
use crate::run::{self, RunError};

#[derive(Debug, Args)]
pub(super) struct DoctorArgs {
    /// Where cache and run records are kept [default: .skyloom in the project's folder].
    #[arg(long, value_name = "DIR", env = "SKYLOOM_STATE_DIR")]
    state_dir: Option<PathBuf>,
    /// Print results as JSON.
    #[arg(long)]
    pub(super) json: bool,
}

/// Below this, a run of the examples may not fit.
const LITTLE_DISK_BYTES: u64 = 1 << 30;
/// Below this, plugins in Rust may not link.
const LITTLE_MEMORY_BYTES: u64 = 1 << 30;

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
enum State {
    Fine,
    /// It works, but may not go well.
    Poor,
    /// Something that is needed is not there.
    Missing,
}

/// One thing that was looked at.
#[derive(Debug, serde::Serialize)]
struct Finding {
    what: &'static str,
    state: State,
    found: String,
    /// What to do, where it is not fine.
    remedy: Option<String>,
}

impl Finding {
    fn fine(what: &'static str, found: impl Into<String>) -> Self {
        Self { what, state: State::Fine, found: found.into(), remedy: None }
    }

    fn bad(what: &'static str, state: State, found: impl Into<String>, remedy: &str) -> Self {
        Self { what, state, found: found.into(), remedy: Some(remedy.to_owned()) }
    }
}

pub(super) fn doctor(args: &DoctorArgs) -> Result<End, RunError> {
    let project = Project::around(Path::new("."));
    let state = args.state_dir.clone().unwrap_or_else(|| project.root.join(".skyloom"));
    let mut findings =
        vec![Finding::fine("skyloom", env!("CARGO_PKG_VERSION")), engine(), plugins(&project)];
    findings.extend(rust(&project));
    findings.push(scientific_python());
    findings.extend([kernels(), cores(), memory()]);
    findings.push(writable(&state));
    findings.extend(disk(&state));
    findings.push(Finding::fine("cache", usage(&state.join("cache"))));
    findings.push(Finding::fine("compiled code", usage(&run::compiled_folder())));
    let healthy = findings.iter().all(|finding| finding.state != State::Missing);
    if args.json {
        render::json(&json!({"healthy": healthy, "findings": findings}));
    } else {
        render::out(&to_text(&findings, healthy));
    }
    Ok(if healthy { End::Ok } else { End::Lacking })
}

fn to_text(findings: &[Finding], healthy: bool) -> String {
    let mut rows = Vec::new();
    for finding in findings {
        let mark = match finding.state {
            State::Fine => "✓",
            State::Poor => "!",
            State::Missing => "✗",
        };
        rows.push(vec![mark.to_owned(), finding.what.to_owned(), finding.found.clone()]);
        if let Some(remedy) = &finding.remedy {
            rows.push(vec![String::new(), String::new(), format!("→ {remedy}")]);
        }
    }
    let last = if healthy { "nothing is missing" } else { "something that is needed is missing" };
    format!("{}\n\n{last}", grid(&rows, &[], 0))
}

fn engine() -> Finding {
    match run::engine() {
        Ok(_) => Finding::fine("engine", Engine::version()),
        Err(error) => Finding::bad(
            "engine",
            State::Missing,
            format!("{}: {error}", Engine::version()),
            "it needs a 64-bit processor that Cranelift compiles for, and leave to map memory",
        ),
    }
}

fn plugins(project: &Project) -> Finding {
    let root = project.root.display();
    match project.plugin_names().len() {
        0 => Finding::bad(
            "project",
            State::Poor,
            format!("{root}, without plugins"),
            "go to a folder in or around which `plugins/` lies",
        ),
        number => Finding::fine("project", format!("{root}, {}", text::count(number, "plugin"))),
    }
}

/// Rust and its parts: needed where plugins are built from source.
fn rust(project: &Project) -> Vec<Finding> {
    let names = project.plugin_names();
    let builds = names
        .iter()
        .any(|name| matches!(project.plugin(name), Some(registry::PluginSource::Folder(_))));
    let lack = if builds { State::Missing } else { State::Poor };
    const GET_RUST: &str = "install Rust: https://rustup.rs";
    let mut findings = Vec::new();
    for tool in ["rustc", "cargo"] {
        findings.push(match version_of(tool) {
            Some(version) if is_old(&version) => Finding::bad(
                tool,
                lack,
                format!("{version}, older than {}", env!("CARGO_PKG_RUST_VERSION")),
                "type `rustup update`",
            ),
            Some(version) => Finding::fine(tool, version),
            None => Finding::bad(tool, lack, "none on the path", GET_RUST),
        });
    }
    let rustup = version_of("rustup");
    let target = match (registry::has_target(), &rustup) {
        (Ok(true), _) => Finding::fine("target", registry::TARGET),
        (Ok(false), Some(_)) => Finding::bad(
            "target",
            State::Poor,
            format!("no {}", registry::TARGET),
            &format!("the first build adds it, or type `rustup target add {}`", registry::TARGET),
        ),
        (Ok(false), None) => Finding::bad(
            "target",
            lack,
            format!("no {}, and no rustup to add it", registry::TARGET),
            &format!("install the standard library for {} as you installed Rust", registry::TARGET),
        ),
        (Err(_), _) => Finding::bad("target", lack, "unknown without rustc", GET_RUST),
    };
    findings.push(match (rustup, target.state) {
        (Some(version), _) => Finding::fine("rustup", version),
        (None, State::Fine) => Finding::fine("rustup", "none, and none is needed"),
        (None, _) => Finding::bad("rustup", State::Poor, "none on the path", GET_RUST),
    });
    findings.push(target);
    findings
}

/// What plugins in scientific Python run in; others need none.
fn scientific_python() -> Finding {
    const WHAT: &str = "scientific Python";
    match crate::instance::runtime_folder() {
        Ok(folder) => Finding::fine(WHAT, folder.display().to_string()),
        Err(error) => {
            let message = error.to_string();
            let (found, remedy) = message.split_once("; ").unwrap_or((&message, ""));
            Finding::bad(WHAT, State::Poor, found, remedy)
        }
    }
}

/// What the host computes for plugins, and on what.
fn kernels() -> Finding {
    Finding::fine("kernels", format!("version {KERNELS_VERSION}, on the CPU"))
}

/// The version that `tool --version` names, with the tool's own name left out.
fn version_of(tool: &str) -> Option<String> {
    let answered = Command::new(tool).arg("--version").output().ok()?;
    let text = String::from_utf8_lossy(&answered.stdout);
    let line = text.lines().next().filter(|_| answered.status.success())?;
    Some(line.strip_prefix(tool).unwrap_or(line).trim().to_owned())
}

/// Whether a version such as `1.95.0 (… 2026-04-14)` is below what this package needs.
fn is_old(version: &str) -> bool {
    let parts = |text: &str| -> Vec<u32> {
        let number = text.split([' ', '-']).next().unwrap_or_default();
        number.split('.').map_while(|part| part.parse().ok()).collect()
    };
    let found = parts(version);
    !found.is_empty() && found < parts(env!("CARGO_PKG_RUST_VERSION"))
}

fn cores() -> Finding {
    match std::thread::available_parallelism() {
        Ok(cores) => Finding::fine("cores", cores.to_string()),
        Err(_) => Finding::fine("cores", "unknown; one plugin runs at a time unless -j says more"),
    }
}

fn memory() -> Finding {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? * 1024)
    };
    let (Some(total), Some(available)) = (field("MemTotal"), field("MemAvailable")) else {
        return Finding::fine("memory", "unknown on this system");
    };
    // A container may have less than its machine.
    let limit = fs::read_to_string("/sys/fs/cgroup/memory.max").ok();
    let limit = limit.and_then(|text| text.trim().parse::<u64>().ok()).unwrap_or(u64::MAX);
    let found =
        format!("{}, {} free", text::size(total.min(limit)), text::size(available.min(limit)));
    if available.min(limit) < LITTLE_MEMORY_BYTES {
        let remedy = "close what you do not need, or run with fewer `--jobs`";
        return Finding::bad("memory", State::Poor, found, remedy);
    }
    Finding::fine("memory", found)
}

/// Whether files can be made in the state folder, or where it would be.
fn writable(state: &Path) -> Finding {
    let place = nearest(state);
    match tempfile::NamedTempFile::new_in(&place) {
        Ok(_) => Finding::fine("state", state.display().to_string()),
        Err(error) => Finding::bad(
            "state",
            State::Missing,
            format!("{}: {error}", place.display()),
            "make it writable, or name another folder with --state-dir",
        ),
    }
}

/// `path`, or its nearest ancestor that is there.
fn nearest(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let found = path.ancestors().find(|folder| folder.is_dir());
    found.unwrap_or(Path::new("/")).to_owned()
}

fn disk(state: &Path) -> Option<Finding> {
    // The standard library does not ask for free space; POSIX's `df` does.
    let answered = Command::new("df").arg("-Pk").arg(nearest(state)).output().ok()?;
    let free = free_of_df(&String::from_utf8_lossy(&answered.stdout))?;
    let found = format!("{} free", text::size(free));
    Some(match free < LITTLE_DISK_BYTES {
        true => Finding::bad("disk", State::Poor, found, "make room, or name another --state-dir"),
        false => Finding::fine("disk", found),
    })
}

/// Free bytes, from what `df -Pk` says of one file.
fn free_of_df(text: &str) -> Option<u64> {
    let line = text.lines().nth(1)?;
    // Counted from the end: a file system's name may hold spaces.
    let capacity = line.split_whitespace().position(|word| word.ends_with('%'))?;
    let free = line.split_whitespace().nth(capacity.checked_sub(1)?)?;
    Some(free.parse::<u64>().ok()? * 1024)
}

/// A folder, how many files it has and how large they are.
fn usage(folder: &Path) -> String {
    let (files, bytes) = weigh(folder);
    let folder = folder.display();
    match files {
        0 => format!("{folder}, empty"),
        files => format!("{folder}, {} in {}", text::size(bytes), text::count(files, "file")),
    }
}

fn weigh(folder: &Path) -> (usize, u64) {
    let (mut files, mut bytes) = (0, 0);
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let Ok(metadata) = entry.metadata() else { continue };
        if metadata.is_dir() {
            let (more_files, more_bytes) = weigh(&entry.path());
            files += more_files;
            bytes += more_bytes;
        } else {
            files += 1;
            bytes += metadata.len();
        }
    }
    (files, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_space_is_read_from_df() {
        let text = "Filesystem 1024-blocks Used Available Capacity Mounted on\n\
                    my disk 100 40 60 40% /data folder\n";
        assert_eq!(free_of_df(text), Some(60 * 1024));
        assert_eq!(free_of_df(""), None);
    }

    #[test]
    fn old_versions_are_told() {
        assert!(is_old("1.80.1 (abc 2024-08-06)"));
        assert!(!is_old("99.0.0-nightly"));
        assert!(!is_old(concat!(env!("CARGO_PKG_RUST_VERSION"), ".0")));
        assert!(!is_old("odd"));
    }
}
