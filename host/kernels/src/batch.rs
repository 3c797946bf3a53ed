//! Work on many curves, shared among threads.

use std::sync::atomic::{AtomicUsize, Ordering};

/// What `work` gives for each of `0..count`, in this order, whichever thread did it.
///
/// Each of `threads` threads (0 counts as 1) has one `S` to work in and takes the next index
/// when it is done with one: curves differ much in length.
pub(crate) fn map<S: Default, T: Send>(
    count: usize,
    threads: usize,
    work: impl Fn(&mut S, usize) -> T + Sync,
) -> Vec<T> {
    let threads = threads.clamp(1, count.max(1));
    if threads == 1 {
        let mut scratch = S::default();
        return (0..count).map(|index| work(&mut scratch, index)).collect();
    }
    let next = AtomicUsize::new(0);
    let run = || {
        let mut scratch = S::default();
        let mut done = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= count {
                return done;
            }
            done.push((index, work(&mut scratch, index)));
        }
    };
    let mut done = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
        let joined = workers.into_iter().flat_map(|worker| match worker.join() {
            Ok(done) => done,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        joined.collect::<Vec<_>>()
    });
    done.sort_unstable_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::map;

    #[test]
    fn results_are_in_order_at_any_number_of_threads() {
        for threads in [0, 1, 2, 7, 100] {
            let squares = map(50, threads, |_: &mut (), index| index * index);
            assert_eq!(squares, (0..50).map(|index| index * index).collect::<Vec<_>>());
        }
        assert!(map(0, 4, |_: &mut (), index| index).is_empty());
    }
}
