//! What planners ask and what they are told: the action API as plain data (see `skills/interfaces` for ROS 2).

use crate::failure::Failure;
use crate::ids::{Address, JobId, SampleId};
use crate::robot::CommandId;
use crate::time::Stamp;
use serde::{Deserialize, Serialize};

/// Which action a job came by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JobKind {
    /// From any slot to any slot.
    Transfer,
    /// Into an instrument, with its handshake.
    Load,
    /// Out of an instrument, with its handshake.
    Unload,
    /// Nothing is moved: racks are looked at, and what stands in them is read.
    Search,
    /// Into a charger's dock, until the battery is full.
    Charge,
}

/// A job as the caller wrote it: text that is yet to be checked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobRequest {
    /// The action it came by.
    pub kind: JobKind,
    /// The caller's own id.
    pub job_id: String,
    /// Who asks.
    pub caller: String,
    /// In order. Of a search the samples to be found; none is all that may be there.
    pub items: Vec<RequestItem>,
    /// Of a search: where to look, in this order; none is every storage and the robot's deck. Of charging: which charger, one at
    /// most; none is the nearest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stations: Vec<String>,
    /// `PUT_BACK` (default), `HOLD`, `RETRY_n`.
    pub on_failure: String,
    /// `LIGHT`, `FULL` (default).
    pub verify: String,
    /// Seconds from acceptance; 0 is no deadline.
    #[serde(with = "crate::any_number")]
    pub deadline_s: f64,
    /// Check and plan, move nothing.
    pub dry_run: bool,
}

/// One sample of a job, as the caller wrote it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RequestItem {
    /// Which sample.
    pub sample_id: String,
    /// Its type in the site's catalogue; empty takes the ledger's word.
    pub labware_type: String,
    /// `station/nest/slot`; empty takes the ledger's word.
    pub source: String,
    /// `station/nest/slot`.
    pub target: String,
    /// What is printed on it; empty takes the ledger's word.
    pub expected_code: String,
}

/// Where a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Phase {
    /// On disk.
    Accepted,
    /// Source and target are reserved in the ledger.
    Reserved,
    /// Driving.
    Navigate,
    /// Docking by sight.
    Dock,
    /// Standing in a charger's dock.
    Charge,
    /// Looking for the nest and the sample.
    Locate,
    /// Waiting until the station is ready for the hand.
    PrepareSite,
    /// Grasping.
    Pick,
    /// Checking that it is held, and who it is.
    VerifyPick,
    /// Underway with the sample.
    Carry,
    /// Putting it down.
    Place,
    /// Checking that it was left where it should be.
    VerifyPlace,
    /// The hand is out, and the station is told so.
    ReleaseSite,
    /// Ended.
    Done,
}

impl Phase {
    /// In the order of a transfer out of a station with a handshake; into one, `PrepareSite` comes after `Carry`.
    pub const ALL: [Self; 14] = [
        Self::Accepted,
        Self::Reserved,
        Self::Navigate,
        Self::Dock,
        Self::Charge,
        Self::Locate,
        Self::PrepareSite,
        Self::Pick,
        Self::VerifyPick,
        Self::Carry,
        Self::Place,
        Self::VerifyPlace,
        Self::ReleaseSite,
        Self::Done,
    ];

    /// As planners see it, `VERIFY_PICK`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accepted => "ACCEPTED",
            Self::Reserved => "RESERVED",
            Self::Navigate => "NAVIGATE",
            Self::Dock => "DOCK",
            Self::Charge => "CHARGE",
            Self::Locate => "LOCATE",
            Self::PrepareSite => "PREPARE_SITE",
            Self::Pick => "PICK",
            Self::VerifyPick => "VERIFY_PICK",
            Self::Carry => "CARRY",
            Self::Place => "PLACE",
            Self::VerifyPlace => "VERIFY_PLACE",
            Self::ReleaseSite => "RELEASE_SITE",
            Self::Done => "DONE",
        }
    }
}

/// Who has a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Custody {
    /// It stands at its source.
    Source,
    /// The fingers hold it.
    Gripper,
    /// It stands on the robot's deck.
    Deck,
    /// It stands at its target.
    Target,
    /// Not known for certain.
    Unknown,
}

/// How far a job is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Feedback {
    /// Where it is.
    pub phase: Phase,
    /// The sample at hand.
    pub sample_id: SampleId,
    /// Who has it.
    pub custody: Custody,
    /// 0 to 1 over the whole job.
    pub progress: f64,
    /// Seconds that are left, estimated.
    pub eta_s: f64,
    /// Words for a person.
    pub message: String,
}

/// Something that shows what was done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// `picture`, `code`, `grip`.
    pub kind: String,
    /// Of the picture's file; empty where there is none.
    pub sha256: String,
    /// Of the picture, relative to the run's folder; empty where there is none.
    pub path: String,
    /// The code read, the force and width measured.
    pub text: String,
    /// When.
    pub stamp: Stamp,
}

/// How a sample's part of a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ItemStatus {
    /// At its target, with evidence.
    Done,
    /// It was at its target before.
    AlreadyThere,
    /// Not at its target.
    Failed,
    /// Ended by the caller.
    Cancelled,
    /// Where it is, is not known for certain.
    InDoubt,
}

/// What a job did to a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Effect {
    /// Nothing: it was not touched.
    None,
    /// It was picked up and is at its `location` now.
    Picked,
    /// It was placed at its target.
    Placed,
    /// Not known.
    Unknown,
}

/// How a sample's part of a job ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ItemOutcome {
    /// Which sample.
    pub sample_id: SampleId,
    /// How it ended.
    pub status: ItemStatus,
    /// What was done to it.
    pub effect: Effect,
    /// Where it is now: an address, or `gripper`, or the possible places joined by `|`.
    pub location: String,
    /// What shows it.
    pub evidence: Vec<Evidence>,
    /// Why it is not done.
    pub error: Option<Failure>,
    /// The ledger's entry that settled it; 0 where there is none.
    pub ledger_seq: u64,
}

/// How a job ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobResult {
    /// Whether every item is done or was there already.
    pub success: bool,
    /// Which job.
    pub job_id: JobId,
    /// One an item, in order.
    pub outcomes: Vec<ItemOutcome>,
    /// The first failure.
    pub error: Option<Failure>,
    /// Of a search: every label that was seen, whether it was asked for or not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seen: Vec<Sighting>,
    /// Of a search: what could not be looked at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unseen: Vec<Unseen>,
}

/// A label that was seen in a slot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sighting {
    /// The slot.
    pub at: Address,
    /// What was read.
    pub code: String,
    /// Whose it is by the ledger; none where it is nobody's.
    pub sample_id: Option<SampleId>,
    /// From the slot's axis to the middle of the label, metres.
    pub off_axis_m: f64,
    /// Of the picture.
    pub sha256: String,
    /// Of the picture, relative to the run's folder.
    pub path: String,
    /// When.
    pub stamp: Stamp,
}

/// A place that could not be looked at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Unseen {
    /// `station/nest`.
    pub nest: String,
    /// Why not.
    pub error: Failure,
}

/// A call of the API.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Request {
    /// Take a job. Answered at once by [`Reply::Submitted`]; how it goes on is told by [`JobEvent`]s.
    Submit(JobRequest),
    /// End a job, its sample at a declared safe place.
    Cancel {
        /// Which.
        job_id: String,
    },
    /// Tell about a job. Answered from the durable store.
    GetJob {
        /// Which.
        job_id: String,
    },
    /// Tell where samples are.
    QueryLedger {
        /// One sample; empty is all.
        sample_id: String,
    },
    /// Acknowledge a restart: the robot may move again.
    Resume {
        /// Who.
        caller: String,
        /// What was looked at.
        note: String,
    },
    /// Close or open a passage of the site to the base.
    SetPassage {
        /// Its name in the site's zones.
        passage: String,
        /// Whether it is closed from now on.
        closed: bool,
        /// Who.
        caller: String,
    },
}

/// A call with the id by which its answer is known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// Given by the door the call came through.
    pub id: CommandId,
    /// What is asked.
    pub request: Request,
}

/// Where a sample is, as the ledger has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LedgerLine {
    /// Which sample.
    pub sample_id: SampleId,
    /// An address, `gripper`, or the possible places joined by `|`.
    pub location: String,
    /// Whether more than one place is possible.
    pub in_doubt: bool,
    /// The last entry about it.
    pub ledger_seq: u64,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Reply {
    /// The job is on disk (or was before: the same id and the same request), or is refused.
    Submitted(Result<JobId, Failure>),
    /// The job's state: none where it is unknown.
    Job(Option<Box<JobState>>),
    /// Where samples are.
    Ledger(Vec<LedgerLine>),
    /// Cancel and resume: accepted, or why not.
    Acknowledged(Result<String, Failure>),
}

/// A job as the store has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobState {
    /// What was asked.
    pub request: JobRequest,
    /// How far it is.
    pub phase: Phase,
    /// How it ended, once it has.
    pub result: Option<JobResult>,
}

/// News of a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum JobEvent {
    /// It goes on.
    Feedback(JobId, Feedback),
    /// It has ended.
    Finished(JobResult),
}

/// Where a sample is: a slot, the fingers, or neither.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// In a slot.
    At(Address),
    /// Between the fingers.
    Gripper,
    /// In no slot and not held: on the floor, on a bench, taken away. Never certain, only ever possible.
    Nowhere,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::At(address) => address.fmt(f),
            Self::Gripper => f.write_str("gripper"),
            Self::Nowhere => f.write_str("nowhere"),
        }
    }
}

impl std::str::FromStr for Place {
    type Err = crate::ids::BadAddress;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "gripper" => Ok(Self::Gripper),
            "nowhere" => Ok(Self::Nowhere),
            address => address.parse().map(Self::At),
        }
    }
}

impl Serialize for Place {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Place {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}
