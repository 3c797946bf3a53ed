//! Which unit gave which object, so that one that is lost can be made again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use super::Options;
use super::unit::Unit;
use crate::cache::Cache;
use crate::data::{Digest, Object, StoreError};
use crate::instance::{InstanceError, RunReport, Watch};
use crate::plan::Plan;

/// The objects of a run so far.
pub(super) struct Produced<'a> {
    plan: &'a Plan,
    cache: &'a Cache,
    options: &'a Options,
    interrupt: &'a Arc<Watch>,
    state: &'a Makers,
}

/// Who made what; shared by all units of a run.
#[derive(Default)]
pub(super) struct Makers {
    by_object: Mutex<BTreeMap<Digest, (usize, Arc<Unit>)>>,
    /// One repair at a time: many units may miss the same object.
    repair: Mutex<()>,
    /// The nodes that had to run a unit again, once for each time.
    repaired: Mutex<Vec<usize>>,
}

impl Makers {
    /// Notes that a unit of `node` gave `report`.
    pub(super) fn note(&self, node: usize, unit: &Arc<Unit>, report: &RunReport) {
        let mut makers = self.by_object.lock().expect("no holder panics");
        for object in report.outputs.iter().flatten() {
            makers.insert(object.digest, (node, Arc::clone(unit)));
        }
    }

    fn maker(&self, object: Digest) -> Option<(usize, Arc<Unit>)> {
        let makers = self.by_object.lock().expect("no holder panics");
        makers.get(&object).map(|(node, unit)| (*node, Arc::clone(unit)))
    }

    /// How many units of `node` ran again because a result of theirs was lost.
    pub(super) fn repaired(&self, node: usize) -> usize {
        let repaired = self.repaired.lock().expect("no holder panics");
        repaired.iter().filter(|other| **other == node).count()
    }
}

impl<'a> Produced<'a> {
    pub(super) fn new(
        plan: &'a Plan,
        cache: &'a Cache,
        options: &'a Options,
        interrupt: &'a Arc<Watch>,
        state: &'a Makers,
    ) -> Self {
        Self { plan, cache, options, interrupt, state }
    }

    /// Makes sure that objects are what was written: each is checked when it is first
    /// needed, and made again if it is not whole.
    ///
    /// # Errors
    /// When it cannot be made again.
    pub(super) fn ensure<'o>(
        &self,
        objects: impl Iterator<Item = &'o Arc<Object>>,
    ) -> Result<(), InstanceError> {
        for object in objects {
            match object.verify() {
                Ok(()) => {}
                Err(lost) if lost.is_loss() => {
                    let _one_at_a_time = self.state.repair.lock().expect("no holder panics");
                    self.repair(object, &lost)?;
                }
                Err(error) => return Err(super::unit::storage(error)),
            }
        }
        Ok(())
    }

    /// Runs the unit again that gave `object`, after those that gave what it reads.
    fn repair(&self, object: &Arc<Object>, lost: &StoreError) -> Result<(), InstanceError> {
        self.cache.settle();
        if object.verify().is_ok() {
            return Ok(());
        }
        let Some((index, unit)) = self.state.maker(object.digest) else {
            return Err(InstanceError::Storage(format!("{lost}, and nothing here gives it")));
        };
        let node = &self.plan.nodes[index];
        self.cache.notice(format!(
            "a result of node `{}`, {}, is lost, so it is made again: {lost}",
            node.id, unit.name
        ));
        for input in unit.objects() {
            if let Err(lost) = input.verify() {
                self.repair(input, &lost)?;
            }
        }
        self.cache.objects.discard(object.digest);
        unit.compute(node, self.cache, self.interrupt, self.options)?;
        self.state.repaired.lock().expect("no holder panics").push(index);
        object.verify().map_err(|_| {
            InstanceError::Contract(format!(
                "it gave other results than before for {}: `{}` depends on more than its inputs",
                unit.name,
                node.component.descriptor().name
            ))
        })
    }
}
