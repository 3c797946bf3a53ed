//! The cache keeps its promises when files rot and many run at once: what was finished is
//! there, and what is there is right.
//!
//! Moments and places come from a generator with a seed that each failure names.

mod site;
mod verdict;
mod damage;
mod together;

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Numbers that look random and are the same each time: SplitMix64.
struct Dice(u64);

impl Dice {
    /// Another sequence for each seed.
    fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`.
    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    /// A number from 0 to 1.
    fn fraction(&mut self) -> f64 {
        self.next() as f64 / u64::MAX as f64
    }
}

/// Does all of `tasks`, two at a time; what was wrong with each, in their order.
fn side_by_side<T: Sync>(tasks: &[T], act: impl Fn(&T) -> Vec<String> + Sync) -> Vec<String> {
    let (next, found) = (AtomicUsize::new(0), Mutex::new(BTreeSet::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some((index, task)) = {
                    let index = next.fetch_add(1, Ordering::SeqCst);
                    tasks.get(index).map(|task| (index, task))
                } {
                    let faults = act(task);
                    let mut found = found.lock().expect("no holder panics");
                    found.extend(faults.into_iter().map(|fault| (index, fault)));
                }
            });
        }
    });
    let found = found.into_inner().expect("no holder panics");
    found.into_iter().map(|(_, fault)| fault).collect()
}

/// Fails with the first of `faults`.
fn none_of(what: &str, faults: &[String]) {
    let first = faults.iter().take(20).map(String::as_str).collect::<Vec<_>>().join("\n");
    assert!(faults.is_empty(), "{what}: {} faults, the first:\n{first}", faults.len());
}

/// What whoever reads the tests' output may like to know.
#[expect(clippy::print_stderr, reason = "numbers that a report is made of")]
fn tell(text: &str) {
    eprintln!("{text}");
}
