//! Jobs: what was asked, checked and put into words that cannot be wrong, and what is kept of it.

use nightshift_core::api::{
    ItemOutcome, JobKind, JobRequest, JobResult, JobState, Phase, Place, Sighting, Unseen,
};
use nightshift_core::{Address, Failure, JobId, SampleId, Stamp, StationId};
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
    /// Of a search: what was seen and what could not be, so far.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seen: Vec<Sighting>,
    /// See `seen`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unseen: Vec<Unseen>,
}

impl JobRecord {
    /// As callers see it.
    pub fn state(&self) -> JobState {
        JobState { request: self.request.clone(), phase: self.phase, result: self.result.clone() }
    }

    /// Ends it with the outcomes it has. `otherwise` is why it is no success where they are all well, or none.
    pub fn finish(&mut self, otherwise: Option<Failure>) {
        let error = self.outcomes.iter().find_map(|outcome| outcome.error.clone()).or(otherwise);
        self.phase = Phase::Done;
        self.result = Some(JobResult {
            success: error.is_none(),
            job_id: self.job_id.clone(),
            outcomes: self.outcomes.clone(),
            error,
            seen: self.seen.clone(),
            unseen: self.unseen.clone(),
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
pub enum Work {
    /// Samples are moved.
    Move(Spec),
    /// Samples are looked for.
    Search(Search),
    /// The battery is charged.
    Charge(Charge),
}

impl Work {
    /// The items that will be moved.
    pub fn moves(&self) -> &[Item] {
        match self {
            Self::Move(spec) => spec.moves(),
            Self::Search(_) | Self::Charge(_) => &[],
        }
    }
}

/// A checked search.
#[derive(Clone, Debug, PartialEq)]
pub struct Search {
    /// What to find; none is all that may be there.
    pub samples: Vec<SampleId>,
    /// Where to look, in this order; none is every storage and the deck, the nearest first.
    pub stations: Vec<StationId>,
    /// From acceptance.
    pub deadline: Option<Duration>,
}

/// A checked request to charge.
#[derive(Clone, Debug, PartialEq)]
pub struct Charge {
    /// Which charger; none is the nearest.
    pub station: Option<StationId>,
    /// From acceptance.
    pub deadline: Option<Duration>,
}

/// A checked request to move samples.
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
