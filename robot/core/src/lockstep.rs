//! A total order of things to come: by stamp, and among equals by the order in which they were put in.

use crate::time::Stamp;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// A queue of stamped things.
pub struct Timeline<T> {
    heap: BinaryHeap<Reverse<Item<T>>>,
    sequence: u64,
}

struct Item<T> {
    at: Stamp,
    sequence: u64,
    thing: T,
}

impl<T> PartialEq for Item<T> {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.sequence) == (other.at, other.sequence)
    }
}
impl<T> Eq for Item<T> {}
impl<T> PartialOrd for Item<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<T> Ord for Item<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.sequence).cmp(&(other.at, other.sequence))
    }
}

impl<T> Default for Timeline<T> {
    fn default() -> Self {
        Self { heap: BinaryHeap::new(), sequence: 0 }
    }
}

impl<T> Timeline<T> {
    /// Puts a thing in, due at `at`.
    pub fn push(&mut self, at: Stamp, thing: T) {
        self.heap.push(Reverse(Item { at, sequence: self.sequence, thing }));
        self.sequence += 1;
    }

    /// When the next thing is due.
    pub fn next(&self) -> Option<Stamp> {
        self.heap.peek().map(|item| item.0.at)
    }

    /// Takes the next thing that is due by `now`.
    pub fn pop_due(&mut self, now: Stamp) -> Option<(Stamp, T)> {
        if self.next()? > now {
            return None;
        }
        self.heap.pop().map(|item| (item.0.at, item.0.thing))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_stamps_keep_their_order() {
        let mut line = Timeline::default();
        for (at, name) in [(5, "c"), (1, "a"), (5, "d"), (1, "b")] {
            line.push(Stamp(at), name);
        }
        let mut seen = Vec::new();
        while let Some((_, name)) = line.pop_due(Stamp(5)) {
            seen.push(name);
        }
        assert_eq!(seen, ["a", "b", "c", "d"]);
        line.push(Stamp(9), "later");
        assert_eq!(line.pop_due(Stamp(8)), None);
    }
}
