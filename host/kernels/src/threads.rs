//! Independent tasks on some threads.

use std::sync::Mutex;

/// Does each task once. Which thread does which is left to chance, so a task must own what
/// it writes to. With fewer than two threads all is done on the caller's.
pub(crate) fn share<T>(
    tasks: impl Iterator<Item = T> + Send,
    threads: usize,
    work: impl Fn(T) + Sync,
) {
    if threads < 2 {
        return tasks.for_each(work);
    }
    let tasks = Mutex::new(tasks);
    let next = || tasks.lock().expect("taking a task does not panic").next();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(task) = next() {
                    work(task);
                }
            });
        }
    });
}
