//! Whether a run that follows a fault is as if there had been none.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::site::{Ended, Site, Sky};

/// What an undisturbed run gives.
pub(super) struct Expected {
    /// Digest by output.
    digests: BTreeMap<String, String>,
    files: BTreeMap<String, Vec<u8>>,
    /// Of all its units.
    pub(super) keys: BTreeSet<String>,
}

impl Expected {
    /// Of `sky`, in a place of its own.
    pub(super) fn of(sky: &Sky, more: &[&str]) -> Self {
        let ended = Site::new().run(sky, more);
        assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
        let ran = ended.units.iter().filter(|(_, served)| served == "run");
        let ran: BTreeSet<String> = ran.map(|(key, _)| key.clone()).collect();
        let expected = Self::from(&ended);
        // Partitions without a row are alike, so one run may serve several units.
        assert_eq!(ran, expected.keys, "all was new");
        expected
    }

    fn from(ended: &Ended) -> Self {
        let keys: BTreeSet<String> = ended.units.iter().map(|(key, _)| key.clone()).collect();
        let (digests, files) = (digests(&ended.said), ended.files.clone());
        Self { digests, files, keys }
    }
}

fn digests(said: &Value) -> BTreeMap<String, String> {
    let outputs = said["outputs"].as_object().into_iter().flatten();
    let digest = |(name, output): (&String, &Value)| {
        (name.clone(), output["digest"].as_str().unwrap_or_default().to_owned())
    };
    outputs.map(digest).collect()
}

/// What is wrong with a run that ended, where the entries of `before` were on disk when it
/// began, except that it may run again the units of `lost`.
pub(super) fn judge(
    ended: &Ended,
    expected: &Expected,
    before: &BTreeSet<String>,
    lost: &BTreeSet<String>,
) -> Vec<String> {
    let mut faults = Vec::new();
    if ended.code != Some(0) {
        faults.push(format!("it ended with {:?}: {}{}", ended.code, ended.stdout, ended.stderr));
        return faults;
    }
    if ended.stderr.contains("panicked") {
        faults.push(format!("it panicked: {}", ended.stderr));
    }
    if digests(&ended.said) != expected.digests {
        faults.push(format!("its results are others: {}", ended.said["outputs"]));
    }
    if ended.files != expected.files {
        let names: Vec<_> = ended.files.keys().collect();
        faults.push(format!("its files are others: {names:?}"));
    }
    let mut units = BTreeMap::<&str, usize>::new();
    for (key, served) in &ended.units {
        let runs = units.entry(key).or_default();
        match served.as_str() {
            "run" => *runs += 1,
            "cached" | "spliced" => {}
            other => faults.push(format!("{key} was {other}")),
        }
    }
    if !units.keys().copied().eq(expected.keys.iter().map(String::as_str)) {
        faults.push(format!("it has {} units, not {}", units.len(), expected.keys.len()));
    }
    for (key, runs) in units {
        match (before.contains(key) && !lost.contains(key), runs) {
            (true, 1..) => faults.push(format!("{key} was there, and ran again")),
            (false, 0) if !before.contains(key) => {
                faults.push(format!("{key} was served from nowhere"));
            }
            (_, 2..) => faults.push(format!("{key} ran {runs} times")),
            _ => {}
        }
    }
    faults
}

#[test]
fn the_verdict_knows_right_from_wrong() {
    let sky = Sky::new(5, 2, 4);
    let site = Site::new();
    let first = site.run(&sky, &[]);
    let expected = Expected::from(&first);
    let (none, keys) = (BTreeSet::new(), expected.keys.clone());
    let again = site.run(&sky, &[]);
    let check = |what: &str, ended: &Ended, before: &BTreeSet<String>, told: &str| {
        let faults = judge(ended, &expected, before, &BTreeSet::new());
        match told {
            "" => assert_eq!(faults, Vec::<String>::new(), "{what}"),
            _ => assert!(
                faults.iter().any(|fault| fault.contains(told)),
                "{what}: `{told}` is not in {faults:?}"
            ),
        }
    };
    check("a first run", &first, &none, "");
    check("a second run", &again, &keys, "");
    check("a run that forgets", &first, &keys, "ran again");
    check("a run that invents", &again, &none, "from nowhere");

    let doctored = |change: &dyn Fn(&mut Ended)| {
        let mut ended = site.run(&sky, &[]);
        change(&mut ended);
        ended
    };
    let check = |what: &str, told: &str, change: &dyn Fn(&mut Ended)| {
        check(what, &doctored(change), &keys, told);
    };
    check("nothing doctored", "", &|_| {});
    check("a failure", "ended with", &|ended| ended.code = Some(1));
    check("a kill", "ended with", &|ended| ended.code = None);
    check("a panic", "panicked", &|ended| ended.stderr += "thread 'x' panicked at y");
    check("another digest", "results are others", &|ended| {
        ended.said["outputs"]["red"]["digest"] = Value::from("0".repeat(64));
    });
    check("no outputs", "results are others", &|ended| ended.said["outputs"] = Value::Null);
    check("another byte", "files are others", &|ended| {
        ended.files.get_mut("red.csv").expect("it is there")[0] ^= 1;
    });
    check("a missing file", "files are others", &|ended| {
        ended.files.remove("colours.parquet");
    });
    check("a missing unit", "units, not", &|ended| drop(ended.units.pop()));
    check("a unit that ran", "ran again", &|ended| ended.units[1].1 = "run".to_owned());
    check("a unit that was mended", "repaired", &|ended| {
        ended.units[1].1 = "repaired".to_owned();
    });
}
