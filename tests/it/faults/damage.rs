//! Files of the cache that rot, vanish or are something else: a loss is told and made good,
//! no more is computed than that takes, and no answer is wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::site::{Ended, Site, Sky, paths_below};
use super::verdict::{Expected, judge};
use super::{Dice, none_of, side_by_side, tell};

const SEED: u64 = 20_250_117;

/// What can become of a file.
#[derive(Debug, Clone, Copy)]
enum Harm {
    /// One bit, somewhere.
    Flip,
    /// Cut to this part of its length; all but a byte is 2.
    Cut(u64),
    Gone,
    /// A link to a whole copy of it elsewhere.
    Link,
    Folder,
    /// Who reads it waits for ever.
    Pipe,
}

const OTHERS: [Harm; 8] = [
    Harm::Cut(0),
    Harm::Cut(1),
    Harm::Cut(2),
    Harm::Cut(3),
    Harm::Gone,
    Harm::Link,
    Harm::Folder,
    Harm::Pipe,
];

impl Harm {
    fn befall(self, path: &Path, dice: &mut Dice) {
        let bytes = fs::read(path).expect("it is there");
        match self {
            Self::Flip => flip(path, dice.below(bytes.len()), dice),
            Self::Cut(part) => {
                let length = [0, 1, bytes.len() / 2, bytes.len() - 1][part as usize];
                fs::write(path, &bytes[..length]).expect("it can be written");
            }
            _ => {
                fs::remove_file(path).expect("it is there");
                match self {
                    Self::Link => {
                        let elsewhere = path.with_extension("elsewhere");
                        fs::write(&elsewhere, bytes).expect("it can be written");
                        symlink(elsewhere, path).expect("a link can be made");
                    }
                    Self::Folder => {
                        fs::create_dir(path).expect("a folder can be made");
                        fs::write(path.join("note"), "mine").expect("it can be written");
                    }
                    Self::Pipe => {
                        let status = Command::new("mkfifo").arg(path).status();
                        assert!(status.is_ok_and(|status| status.success()), "`mkfifo` runs");
                    }
                    _ => {}
                }
            }
        }
    }
}

fn flip(path: &Path, at: usize, dice: &mut Dice) {
    let mut bytes = fs::read(path).expect("it is there");
    bytes[at] ^= 1 << dice.below(8);
    fs::write(path, bytes).expect("it can be written");
}

/// A cache that a run has filled, and what runs on it must give.
struct Filled {
    site: Site,
    first: Ended,
    /// The text of each entry, by key.
    entries: BTreeMap<String, String>,
    runs: [(Sky, &'static [&'static str], Expected); 3],
}

impl Filled {
    fn new() -> Self {
        let sky = || Sky::new(SEED, 3, 4);
        let runs = [
            // The same, where an object may be an output.
            (sky(), &[][..]),
            // Colours must be read.
            (sky(), &["--set=faintest=19"][..]),
            // The host puts other names beside earlier results.
            (sky().renamed(), &[][..]),
        ];
        let runs = runs.map(|(sky, more)| {
            let expected = Expected::of(&sky, more);
            (sky, more, expected)
        });
        let site = Site::new();
        let none = BTreeSet::new();
        let first = site.run(&runs[0].0, runs[0].1);
        assert_eq!(judge(&first, &runs[0].2, &none, &none), [""; 0]);
        let read = |path: &PathBuf| fs::read_to_string(path).expect("entries are text");
        let name = |path: &PathBuf| path.file_stem().expect("a key").to_string_lossy().into_owned();
        let entries = paths_below(&site.cache().join("entries"));
        let entries = entries.iter().map(|path| (name(path), read(path))).collect();

        let copy = site.copy();
        let renamed = copy.run(&runs[2].0, runs[2].1);
        let spliced = renamed.units.iter().filter(|unit| unit.served == "spliced");
        assert_eq!(spliced.count(), 9, "all but the first node serve: {:?}", renamed.units);
        Self { site, first, entries, runs }
    }

    /// The keys of the units whose entries name an object, and their nodes.
    fn makers(&self, object: &Path) -> (BTreeSet<String>, BTreeSet<&str>) {
        let name = object.file_stem().and_then(|name| name.to_str()).expect("a digest");
        let named = self.first.units.iter().filter(|unit| self.entries[&unit.key].contains(name));
        named.map(|unit| (unit.key.clone(), unit.node.as_str())).unzip()
    }

    /// Runs the same once more on `site`.
    fn again(&self, site: &Site) -> (Ended, &Expected) {
        let (sky, more, expected) = &self.runs[0];
        (site.run(sky, more), expected)
    }

    fn objects(&self) -> Vec<PathBuf> {
        let root = self.site.cache();
        let paths = paths_below(&root.join("objects"));
        paths.iter().map(|path| path.strip_prefix(&root).expect("it is there").into()).collect()
    }
}

/// How many units ran once more, though the record counts them as served.
fn repaired(site: &Site, ended: &Ended) -> usize {
    let record = site.record(ended);
    let nodes = record["nodes"].as_object().expect("nodes");
    nodes.values().map(|node| node["repaired-units"].as_u64().expect("a count") as usize).sum()
}

/// Runs three times on `site`, where `harmed` objects are lost.
fn check_objects(filled: &Filled, site: &Site, harmed: &[&Path]) -> Vec<String> {
    let mut lost = BTreeSet::new();
    let mut nodes = BTreeSet::new();
    for (keys, of) in harmed.iter().map(|object| filled.makers(object)) {
        lost.extend(keys);
        nodes.extend(of);
    }
    let mut found = Vec::new();
    let (mut told, mut again) = (0, 0);
    let paths: Vec<PathBuf> = harmed.iter().map(|object| site.cache().join(object)).collect();
    for (number, (sky, more, expected)) in filled.runs.iter().enumerate() {
        // Some bytes mean nothing, and what another unit gives, too, is written anew.
        let rot = site.rot().concat();
        let damaged = paths.iter().any(|path| rot.contains(&path.display().to_string()));
        // Colours are an output; the third run reads all but what it makes anew from its file.
        let needed = [nodes.contains("colours"), false, nodes.iter().any(|n| *n != "objects")];
        let before = site.keys();
        let ended = site.run(sky, more);
        let faults = judge(&ended, expected, &before, &lost);
        if !faults.is_empty() {
            found.extend(faults);
            return found;
        }
        let ran = ended.units.iter().filter(|unit| unit.served == "run");
        again += ran.filter(|unit| before.contains(&unit.key)).count() + repaired(site, &ended);
        let warnings = site.warnings(&ended);
        if damaged && needed[number] && !warnings.iter().any(|text| text.contains("is lost")) {
            found.push(format!("run {number} told nobody: {warnings:?}"));
        }
        told += usize::from(!warnings.is_empty());
    }
    if again > lost.len() {
        found.push(format!("{again} units ran again, where {} were lost", lost.len()));
    }
    if told > 0 && again == 0 {
        found.push("what was lost was not made again".to_owned());
    }
    // Colours are an output, so the first has mended them.
    if nodes.iter().all(|node| *node == "colours") {
        found.extend(site.rot());
    }
    found
}

#[test]
fn objects_that_rot_are_made_again() {
    let filled = Filled::new();
    let mut tasks = Vec::new();
    for object in filled.objects() {
        tasks.extend((0..3).map(|seed| (object.clone(), Harm::Flip, seed)));
        tasks.extend(OTHERS.map(|harm| (object.clone(), harm, 0)));
    }
    let faults = side_by_side(&tasks, |(object, harm, seed)| {
        let site = filled.site.copy();
        harm.befall(&site.cache().join(object), &mut Dice::new(SEED + seed));
        let found = check_objects(&filled, &site, &[object]);
        let (_, nodes) = filled.makers(object);
        found.into_iter().map(|f| format!("{harm:?} {seed} of {nodes:?}: {f}")).collect()
    });
    tell(&format!("{} objects harmed", tasks.len()));
    none_of("harmed objects", &faults);
}

#[test]
fn objects_that_changed_places_are_made_again() {
    let filled = Filled::new();
    let objects = filled.objects();
    let mut pairs = Vec::new();
    for (index, one) in objects.iter().enumerate() {
        pairs.extend(objects[index + 1..].iter().take(2).map(|other| (one, other)));
    }
    let faults = side_by_side(&pairs, |(one, other)| {
        let site = filled.site.copy();
        let (first, second) = (site.cache().join(one), site.cache().join(other));
        let aside = site.cache().join("tmp/aside");
        for (from, to) in [(&first, &aside), (&second, &first), (&aside, &second)] {
            fs::rename(from, to).expect("it can be moved");
        }
        let found = check_objects(&filled, &site, &[one, other]);
        found.into_iter().map(|fault| format!("{one:?} and {other:?}: {fault}")).collect()
    });
    tell(&format!("{} pairs of objects swapped", pairs.len()));
    none_of("swapped objects", &faults);
}

/// Harms all entries at once, each at another place, with the index and without.
#[test]
fn entries_that_rot_are_made_again() {
    let filled = Filled::new();
    let flips = (0..24).map(|seed| (Harm::Flip, seed));
    let tasks: Vec<(Harm, u64)> = flips.chain(OTHERS.map(|harm| (harm, 0))).collect();
    let tasks: Vec<_> =
        tasks.iter().flat_map(|(harm, seed)| [true, false].map(|i| (*harm, *seed, i))).collect();
    let faults = side_by_side(&tasks, |(harm, seed, keeps_index)| {
        let site = filled.site.copy();
        let mut dice = Dice::new(SEED + seed);
        for entry in paths_below(&site.cache().join("entries")) {
            harm.befall(&entry, &mut dice);
        }
        if !keeps_index {
            fs::remove_dir_all(site.cache().join("index")).expect("it is there");
        }
        let (ended, expected) = filled.again(&site);
        let keys = &expected.keys;
        let mut found = judge(&ended, expected, keys, keys);
        let ran: BTreeSet<&String> =
            ended.units.iter().filter(|unit| unit.served == "run").map(|unit| &unit.key).collect();
        if ran.len() != keys.len() {
            found.push(format!("{} of {} units ran", ran.len(), keys.len()));
        }
        found.extend(site.rot());
        let (again, _) = filled.again(&site);
        found.extend(judge(&again, expected, keys, &BTreeSet::new()));
        found.into_iter().map(|f| format!("{harm:?} {seed}, index {keeps_index}: {f}")).collect()
    });
    tell(&format!("{} times all entries harmed", tasks.len()));
    none_of("harmed entries", &faults);
}

/// Nothing hangs on the index: without it, all is served from the files.
#[test]
fn an_index_that_rots_is_made_anew() {
    let filled = Filled::new();
    // One that has been read, too.
    drop(filled.again(&filled.site));
    let root = filled.site.cache().join("index");
    let mut tasks: Vec<(String, Harm, u64)> = Vec::new();
    let files = paths_below(&root);
    let names = files
        .iter()
        .map(|path| path.strip_prefix(&root).expect("it is there").to_string_lossy().into_owned());
    for name in names {
        let flips = if name == "db" { 200 } else { 20 };
        tasks.extend((0..flips).map(|seed| (name.clone(), Harm::Flip, seed)));
        tasks.extend(OTHERS.map(|harm| (name.clone(), harm, 0)));
    }
    tasks.push((String::new(), Harm::Gone, 0));
    tasks.push((String::new(), Harm::Link, 0));
    let made_anew = std::sync::Mutex::new(BTreeMap::<bool, usize>::new());
    let faults = side_by_side(&tasks, |(name, harm, seed)| {
        let site = filled.site.copy();
        let index = site.cache().join("index");
        match (name.as_str(), harm) {
            ("", Harm::Gone) => fs::remove_dir_all(&index).expect("it is there"),
            ("", _) => {
                fs::remove_dir_all(&index).expect("it is there");
                fs::write(&index, "a file").expect("it can be written");
            }
            (name, Harm::Flip) => flip_written(&index.join(name), &mut Dice::new(SEED + seed)),
            (name, harm) => harm.befall(&index.join(name), &mut Dice::new(SEED + seed)),
        }
        let mut found = Vec::new();
        let (mut wholes, none) = (0, BTreeSet::new());
        // Until one finds it whole: what the first has left must be good.
        while wholes == 0 && found.is_empty() {
            let (ended, expected) = filled.again(&site);
            found.extend(judge(&ended, expected, &expected.keys, &none));
            if ended.code == Some(0) {
                let anew = site.warnings(&ended).iter().any(|warning| warning.contains("anew"));
                *made_anew.lock().expect("no holder panics").entry(anew).or_default() += 1;
                wholes += usize::from(!anew);
            }
        }
        found.into_iter().map(|fault| format!("{name} {harm:?} {seed}: {fault}")).collect()
    });
    let made_anew = made_anew.into_inner().expect("no holder panics");
    tell(&format!(
        "{} harms of the index; runs by whether they made it anew: {made_anew:?}",
        tasks.len()
    ));
    none_of("harmed index", &faults);
    assert!(made_anew.get(&true).is_some_and(|runs| *runs > 10), "{made_anew:?}");
}

/// Flips a bit where something is written: most of an index's file is zeros.
fn flip_written(path: &Path, dice: &mut Dice) {
    let bytes = fs::read(path).expect("it is there");
    let written: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at] != 0).collect();
    flip(path, written[dice.below(written.len())], dice);
}
