//! Threads that kernels may use beside the one that called them.

use std::sync::Arc;
use std::sync::atomic::{AtomicIsize, Ordering};

/// The threads of a job. Each running unit occupies one; a kernel borrows those that idle,
/// so that a job never computes on more than it was given.
#[derive(Debug)]
pub struct Threads {
    /// Below zero for a moment, when units start while a kernel has borrowed.
    idle: AtomicIsize,
}

/// Threads that are in use for as long as this lives.
#[derive(Debug)]
pub struct InUse {
    threads: Arc<Threads>,
    count: isize,
}

impl Threads {
    /// `count` threads, all idle.
    pub fn new(count: usize) -> Arc<Self> {
        Arc::new(Self { idle: AtomicIsize::new(isize::try_from(count).unwrap_or(isize::MAX)) })
    }

    /// Occupies one thread: that of a unit.
    #[must_use]
    pub fn occupy(self: &Arc<Self>) -> InUse {
        self.idle.fetch_sub(1, Ordering::Relaxed);
        InUse { threads: Arc::clone(self), count: 1 }
    }

    /// Takes all that idle, which may be none.
    pub(super) fn borrow_idle(self: &Arc<Self>) -> InUse {
        let take = |idle: isize| (idle > 0).then_some(0);
        let taken = self.idle.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take);
        InUse { threads: Arc::clone(self), count: taken.unwrap_or(0) }
    }
}

impl InUse {
    pub(super) fn count(&self) -> usize {
        self.count.unsigned_abs()
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        self.threads.idle.fetch_add(self.count, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_never_computes_on_more_threads_than_it_has() {
        let threads = Threads::new(4);
        let unit = threads.occupy();
        let lent = threads.borrow_idle();
        assert_eq!((lent.count(), threads.borrow_idle().count()), (3, 0));
        // A unit that starts meanwhile runs; nobody borrows its thread later.
        let late = threads.occupy();
        drop(lent);
        assert_eq!(threads.borrow_idle().count(), 2);
        drop((unit, late));
        assert_eq!(threads.borrow_idle().count(), 4);
    }
}
