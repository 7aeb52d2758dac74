//! Faults that wait for their time.

use super::{Event, Fault, Planned, When};
use std::collections::BTreeMap;

/// Faults that have been planned, and the events seen so far.
#[derive(Clone, Debug, Default)]
pub struct Schedule {
    waiting: Vec<Planned>,
    seen: BTreeMap<Event, f64>,
}

impl Schedule {
    /// Lets a fault wait.
    pub fn add(&mut self, planned: Planned) {
        self.waiting.push(planned);
    }

    /// An event happened; only the first of its kind counts.
    pub fn note(&mut self, now_s: f64, event: Event) {
        self.seen.entry(event).or_insert(now_s);
    }

    /// Takes what is due, in the order in which it was planned.
    pub fn due(&mut self, now_s: f64) -> Vec<Fault> {
        if self.waiting.is_empty() {
            return Vec::new();
        }
        let seen = &self.seen;
        let is_due = |planned: &Planned| match &planned.when {
            When::Now => true,
            When::At(at_s) => now_s >= *at_s,
            When::After(event, after_s) => seen.get(event).is_some_and(|at_s| now_s >= at_s + after_s),
        };
        let (due, waiting) = std::mem::take(&mut self.waiting).into_iter().partition(is_due);
        self.waiting = waiting;
        due.into_iter().map(|planned: Planned| planned.fault).collect()
    }
}
