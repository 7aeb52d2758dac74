//! How well each topic does: what was dropped, came out of order, could not be read.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Counts of one topic, action or service since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopicHealth {
    /// Messages that arrived.
    pub received: u64,
    /// Of these, replaced by a newer one before they were read.
    pub replaced: u64,
    /// Of these, not later than one that had come before.
    pub out_of_order: u64,
    /// Of these, not readable: wrong lengths, NaN, unknown frames or names.
    pub malformed: u64,
    /// Words about the last one that could not be read, or about what could not be sent.
    pub last_problem: Option<String>,
}

/// Counts by topic.
pub type Health = BTreeMap<String, TopicHealth>;

/// Where the counts are kept.
#[derive(Default)]
pub struct HealthBook(Mutex<Health>);

impl HealthBook {
    /// Changes a topic's counts.
    pub fn note(&self, topic: &str, change: impl FnOnce(&mut TopicHealth)) {
        let mut book = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        change(book.entry(topic.to_owned()).or_default());
    }

    /// Something could not be sent.
    pub fn unsent(&self, topic: &str, problem: impl std::fmt::Display) {
        self.note(topic, |health| health.last_problem = Some(problem.to_string()));
    }

    /// A message could not be read.
    pub fn malformed(&self, topic: &str, problem: impl std::fmt::Display) {
        self.note(topic, |health| {
            health.malformed += 1;
            health.last_problem = Some(problem.to_string());
        });
    }

    /// All counts.
    pub fn snapshot(&self) -> Health {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
