//! A disk that fails when it is told to: `tests/faults/shim.c`, loaded into a process.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::support::root;

/// What the disk does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    /// Fails with this error.
    Fail(i32),
    /// Ends the process before the call.
    Kill,
    /// Writes half of what it should, as a disk may.
    Short,
}

/// Which of the calls that write below a folder are hit: the `at`-th from 1, or none for 0.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fault {
    pub(super) deed: Deed,
    pub(super) at: u64,
    /// All calls from then on, too.
    pub(super) ever: bool,
}

/// What the disk saw.
pub(super) struct Seen {
    /// Calls that write.
    pub(super) calls: u64,
    /// The name of the call that was hit, and the path.
    pub(super) hit: String,
}

/// The library; none where it cannot be built, which is said.
pub(super) fn library() -> Option<PathBuf> {
    static BUILT: OnceLock<Option<(tempfile::TempDir, PathBuf)>> = OnceLock::new();
    let built = BUILT.get_or_init(|| {
        let known = cfg!(all(target_os = "linux", target_arch = "x86_64"));
        if !known || Command::new("cc").arg("--version").output().is_err() {
            super::tell("skipped: no failing disk without Linux on x86_64 and a C compiler");
            return None;
        }
        let folder = tempfile::tempdir().expect("a folder for temporary files");
        let path = folder.path().join("shim.so");
        let output = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o"])
            .args([&path, &root().join("tests/faults/shim.c")])
            .output()
            .expect("`cc` runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Some((folder, path))
    });
    built.as_ref().map(|(_, path)| path.clone())
}

/// Puts `command` on a disk with `fault` below `folder`; the report is written to `report`.
pub(super) fn load(library: &Path, command: &mut Command, folder: &Path, fault: Fault) {
    let deed = match fault.deed {
        Deed::Fail(errno) => errno.to_string(),
        Deed::Kill => "kill".to_owned(),
        Deed::Short => "short".to_owned(),
    };
    command
        .env("LD_PRELOAD", library)
        .env("SHIM_BELOW", folder)
        .env("SHIM_REPORT", report(folder))
        .env("SHIM_AT", fault.at.to_string())
        .env("SHIM_DO", deed)
        .env("SHIM_EVER", if fault.ever { "1" } else { "0" });
}

/// What the process saw that was put on a disk below `folder`.
pub(super) fn seen(folder: &Path) -> Seen {
    let bytes = fs::read(report(folder)).expect("the shim has written its report");
    let (calls, hit) = bytes.split_at(8);
    let calls = u64::from_ne_bytes(calls.try_into().expect("eight bytes"));
    let hit = hit.split(|byte| *byte == 0).next().unwrap_or_default();
    Seen { calls, hit: String::from_utf8_lossy(hit).into_owned() }
}

fn report(folder: &Path) -> PathBuf {
    folder.with_extension("report")
}
