//! Faults at work.

use super::{Component, Fault, What};

/// A fault at work.
#[derive(Clone, Debug)]
struct Active {
    fault: Fault,
    until_s: f64,
}

/// All faults at work, in the order in which they began.
#[derive(Clone, Debug, Default)]
pub struct ActiveFaults(Vec<Active>);

impl ActiveFaults {
    /// Lets a fault begin. One of the same entry on the same target, with the same words, is replaced.
    pub fn begin(&mut self, now_s: f64, fault: Fault) {
        let same = |other: &Active| {
            other.fault.spec == fault.spec
                && other.fault.target == fault.target
                && other.fault.values.iter().zip(&fault.values).all(|(a, b)| {
                    matches!((a, b), (super::Value::Number(_), super::Value::Number(_))) || a == b
                })
        };
        self.0.retain(|other| !same(other));
        self.0.push(Active { until_s: now_s + fault.lasting_s(), fault });
    }

    /// Ends what has lasted long enough.
    pub fn expire(&mut self, now_s: f64) {
        if !self.0.is_empty() {
            self.0.retain(|active| active.until_s > now_s);
        }
    }

    /// Those of a component's target.
    pub fn of(&self, component: Component, target: &str) -> impl Iterator<Item = &Fault> {
        self.0
            .iter()
            .map(|active| &active.fault)
            .filter(move |fault| fault.spec.component == component && fault.target == target)
    }

    /// Those of one kind.
    pub fn all(&self, what: What) -> impl Iterator<Item = &Fault> {
        self.0.iter().map(|active| &active.fault).filter(move |fault| fault.what() == what)
    }

    /// The newest of one kind on one target.
    pub fn on(&self, what: What, target: &str) -> Option<&Fault> {
        self.0
            .iter()
            .rev()
            .map(|active| &active.fault)
            .find(|fault| fault.what() == what && fault.target == target)
    }
}
