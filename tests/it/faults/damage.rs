//! Files of the cache that rot, vanish or are something else: a loss is told and made good,
//! and no answer is wrong.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::site::{Site, Sky, paths_below};
use super::verdict::{Expected, judge};
use super::{Dice, none_of, side_by_side, tell};

const SEED: u64 = 20_250_117;

/// What can become of a file.
const HARMS: [fn(&Path, &mut Dice); 7] = [
    |path, dice| {
        let mut bytes = fs::read(path).expect("it is there");
        let at = dice.below(bytes.len());
        bytes[at] ^= 1 << dice.below(8);
        fs::write(path, bytes).expect("it can be written");
    },
    |path, _| cut(path, |_| 0),
    |path, _| cut(path, |length| length / 2),
    |path, _| cut(path, |length| length - 1),
    |path, _| fs::remove_file(path).expect("it is there"),
    |path, _| {
        fs::remove_file(path).expect("it is there");
        symlink("/etc/hostname", path).expect("a link can be made");
    },
    |path, _| {
        fs::remove_file(path).expect("it is there");
        fs::create_dir(path).expect("a folder can be made");
    },
];

fn cut(path: &Path, length: impl Fn(u64) -> u64) {
    let file = fs::OpenOptions::new().write(true).open(path).expect("it is there");
    let whole = file.metadata().expect("it has a length").len();
    file.set_len(length(whole)).expect("it can be cut");
}

/// Harms one file below `folder` after a run, and runs again: unchanged, where it may be an
/// output, and with another parameter, where what comes after must read it.
fn check(folder: &str, times: usize) {
    let sky = Sky::new(7, 6, 4);
    let expected = [Expected::of(&sky, &[]), Expected::of(&sky, &["--set=faintest=19"])];
    let tasks: Vec<usize> = (0..times).collect();
    let faults = side_by_side(&tasks, |task| {
        let mut dice = Dice::new(SEED + *task as u64);
        let site = Site::new();
        let first = site.run(&sky, &[]);
        let files: Vec<PathBuf> = paths_below(&site.cache().join(folder));
        let harmed = &files[dice.below(files.len())];
        HARMS[task % HARMS.len()](harmed, &mut dice);
        let changed = [&[][..], &["--set=faintest=19"]];
        // A harm is found by whoever needs the file first: each of the two in turn.
        let which = [task / HARMS.len() % 2, 1 - task / HARMS.len() % 2];
        let all: BTreeSet<String> = expected.iter().flat_map(|e| e.keys.clone()).collect();
        let mut found = Vec::new();
        for which in which {
            let ended = site.run(&sky, changed[which]);
            found.extend(judge(&ended, &expected[which], &all, &all));
            if ended.code == Some(0) && folder == "index" {
                let ran = ended.units.iter().any(|(key, served)| {
                    served != "cached" && first.units.iter().any(|(first, _)| first == key)
                });
                if ran {
                    found.push("a lost index made units run".to_owned());
                }
            }
        }
        let name = harmed.file_name().unwrap_or_default().to_string_lossy().into_owned();
        found
            .into_iter()
            .map(|fault| format!("seed {SEED}, task {task}, {name}: {fault}"))
            .collect()
    });
    tell(&format!("{times} files of {folder} harmed"));
    none_of(folder, &faults);
}

#[test]
fn objects_that_rot_are_made_again() {
    check("objects", 42);
}

#[test]
fn entries_that_rot_are_made_again() {
    check("entries", 28);
}

#[test]
fn an_index_that_rots_is_made_again() {
    check("index", 42);
}

#[test]
fn a_lost_object_is_told_and_only_its_unit_runs_again() {
    let sky = Sky::new(7, 6, 4);
    let site = Site::new();
    site.run(&sky, &[]);
    // An object that the last nodes must read.
    let record = site.record(&site.run(&sky, &[]));
    let lost = record["nodes"]["colours"]["outputs"]["features"]["partitions"][2].as_str();
    let lost = lost.expect("a digest");
    let path = site.cache().join("objects").join(&lost[..2]).join(format!("{lost}.arrow"));
    HARMS[0](&path, &mut Dice::new(1));
    let ended = site.run(&sky, &["--set=faintest=18"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let warnings = site.warnings(&ended);
    assert!(warnings.iter().any(|warning| warning.contains("`colours`")), "{warnings:?}");
    let record = site.record(&ended);
    assert_eq!(record["nodes"]["colours"]["repaired-units"], 1, "{warnings:?}");
    assert_eq!(record["nodes"]["objects"]["repaired-units"], 0, "{warnings:?}");
}
