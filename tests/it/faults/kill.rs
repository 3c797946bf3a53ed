//! Killed at any moment, a run goes on where it was.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::site::{Running, Site, Sky};
use super::verdict::{Expected, judge};
use super::{Dice, none_of, side_by_side, tell};

const SEED: u64 = 20_240_611;
const KILLS: usize = 200;
const WORKERS: usize = 4;

/// Kills a run at random moments, up to three times in a row, and lets it finish; on the
/// same state with other objects, then on a fresh one.
#[test]
fn a_killed_run_goes_on_where_it_was() {
    let skies: Vec<Sky> = (1..=3).map(|seed| Sky::new(seed, 60, 2)).collect();
    let expected: Vec<Expected> = skies.iter().map(|sky| Expected::of(sky, &[])).collect();
    let (kills, resumed, kept) = (Counter::default(), Counter::default(), Counter::default());
    let started = Instant::now();
    let workers: Vec<u64> = (0..WORKERS as u64).collect();
    let faults = side_by_side(&workers, |worker| {
        let mut dice = Dice::new(SEED + worker);
        let mut faults = Vec::new();
        let mut killed = 0;
        let mut site = Site::new();
        for round in 0.. {
            if killed >= KILLS / WORKERS {
                break;
            }
            let which = round % skies.len();
            if which == 0 {
                site = Site::new();
            }
            let (sky, expected) = (&skies[which], &expected[which]);
            let mut delays = Vec::new();
            for _ in 0..1 + dice.below(3) {
                // Two run at once: each is slower than alone.
                let delay = Duration::from_secs_f64(dice.fraction() * 2.0 * expected.seconds);
                delays.push(delay.as_micros());
                if !Running::start(site.command(sky, "outputs", &[])).kill_after(delay) {
                    break;
                }
                killed += 1;
                kills.add(1);
            }
            let before = site.keys();
            let ended = site.run(sky, &[]);
            resumed.add(1);
            kept.add(before.intersection(&expected.keys).count());
            let mut found = judge(&ended, expected, &before, &BTreeSet::new());
            found.extend(site.rot());
            faults.extend(found.into_iter().map(|fault| {
                format!(
                    "seed {SEED}, worker {worker}, round {round}, killed after {delays:?} µs: {fault}"
                )
            }));
        }
        faults
    });
    tell(&format!(
        "{} kills, {} resumed runs, {} finished units kept, {:.1} s",
        kills.get(),
        resumed.get(),
        kept.get(),
        started.elapsed().as_secs_f64()
    ));
    none_of("killed runs", &faults);
    assert!(kills.get() >= KILLS);
    // Not all were killed before they had begun, or after they were done.
    let units: usize = expected[0].keys.len();
    assert!(kept.get() > resumed.get() * units / 10, "{} kept", kept.get());
    assert!(kept.get() < resumed.get() * units * 9 / 10, "{} kept", kept.get());
}

#[derive(Default)]
struct Counter(std::sync::atomic::AtomicUsize);

impl Counter {
    fn add(&self, count: usize) {
        self.0.fetch_add(count, std::sync::atomic::Ordering::SeqCst);
    }

    fn get(&self) -> usize {
        self.0.load(std::sync::atomic::Ordering::SeqCst)
    }
}
