//! Jobs: what was asked, checked and put into words that cannot be wrong, and what is kept of it.

use nightshift_core::api::{ItemOutcome, JobKind, JobRequest, JobResult, JobState, Phase, Place};
use nightshift_core::{Address, JobId, SampleId, Stamp};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A job as the store keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobRecord {
    /// The caller's id.
    pub job_id: JobId,
    /// What was asked.
    pub request: JobRequest,
    /// When it was taken.
    pub accepted: Stamp,
    /// How far it is. On disk: how far it was when it was last written.
    pub phase: Phase,
    /// How the items that have ended did, in order.
    pub outcomes: Vec<ItemOutcome>,
    /// How it ended, once it has.
    pub result: Option<JobResult>,
}

impl JobRecord {
    /// As callers see it.
    pub fn state(&self) -> JobState {
        JobState { request: self.request.clone(), phase: self.phase, result: self.result.clone() }
    }

    /// Ends it with the outcomes it has.
    pub fn finish(&mut self) {
        let error = self.outcomes.iter().find_map(|outcome| outcome.error.clone());
        self.phase = Phase::Done;
        self.result = Some(JobResult {
            success: error.is_none(),
            job_id: self.job_id.clone(),
            outcomes: self.outcomes.clone(),
            error,
        });
    }
}

/// What to do with a sample that was picked and cannot be delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Back to its source; to the deck where that fails.
    PutBack,
    /// Keep it on the deck.
    Hold,
    /// Try so many times more, then put it back.
    Retry(u32),
}

/// How much is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verify {
    /// Source and target by sight, grip by width and force.
    Light,
    /// The deck by sight as well, after each placing and before each picking.
    Full,
}

/// A checked request.
#[derive(Clone, Debug, PartialEq)]
pub struct Spec {
    /// The action it came by.
    pub kind: JobKind,
    /// In order; at least one.
    pub items: Vec<Item>,
    /// For samples that cannot be delivered.
    pub policy: Policy,
    /// How much is looked at.
    pub verify: Verify,
    /// From acceptance.
    pub deadline: Option<Duration>,
    /// Move nothing.
    pub dry_run: bool,
}

impl Spec {
    /// The items that will be moved: none of a dry run.
    pub fn moves(&self) -> &[Item] {
        if self.dry_run { &[] } else { &self.items }
    }
}

/// A checked item.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// Which sample.
    pub sample: SampleId,
    /// Where the caller says it is; none takes the ledger's word.
    pub source: Option<Place>,
    /// Where to.
    pub target: Address,
    /// The fiducial that the caller expects on the cap; none takes the ledger's word.
    pub expected_tag: Option<u32>,
}
