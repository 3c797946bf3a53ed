//! Work shared among threads.

use std::sync::Mutex;

/// Does each task once. Which thread does which is left to chance, so a task must own what
/// it writes to; each thread has one `S` to work in. With fewer than two threads all is done
/// on the caller's.
pub(crate) fn share<S: Default, T>(
    tasks: impl Iterator<Item = T> + Send,
    threads: usize,
    work: impl Fn(&mut S, T) + Sync,
) {
    let threads = tasks.size_hint().1.map_or(threads, |most| threads.min(most));
    if threads < 2 {
        let mut scratch = S::default();
        return tasks.for_each(|task| work(&mut scratch, task));
    }
    let tasks = Mutex::new(tasks);
    let next = || tasks.lock().expect("taking a task does not panic").next();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut scratch = S::default();
                while let Some(task) = next() {
                    work(&mut scratch, task);
                }
            });
        }
    });
}

/// What `work` gives for each of `0..count`, in this order, whichever thread did it.
pub(crate) fn map<S: Default, T: Send>(
    count: usize,
    threads: usize,
    work: impl Fn(&mut S, usize) -> T + Sync,
) -> Vec<T> {
    let mut results: Vec<Option<T>> = (0..count).map(|_| None).collect();
    share(results.iter_mut().enumerate(), threads, |scratch, (index, result)| {
        *result = Some(work(scratch, index));
    });
    results.into_iter().map(|result| result.expect("each task is done once")).collect()
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
