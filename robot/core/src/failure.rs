//! Failures that a caller can meet: a closed list with stable codes.
//!
//! Bands: 1xx request, 2xx lease and occupancy, 3xx navigation and docking, 4xx perception and identity, 5xx grasp
//! and place, 6xx site handshake, 7xx energy and hardware, 8xx safety, 9xx custody. A code is never renumbered.

use serde::{Deserialize, Serialize};
use std::fmt;

/// How loudly a failure speaks (VDA 5050's error levels).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Nothing needs to be done.
    Warning,
    /// This job ends; others go on.
    Urgent,
    /// The robot takes no more work until somebody looks.
    Critical,
    /// The robot is stopped and must be brought up again.
    Fatal,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Warning => "warning",
            Self::Urgent => "urgent",
            Self::Critical => "critical",
            Self::Fatal => "fatal",
        })
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $level:ident, retriable: $retriable:literal, next: $next:literal;)*) => {
        /// What went wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "SCREAMING_SNAKE_CASE")]
        pub enum Code { $($(#[$doc])* $name = $code,)* }

        impl Code {
            /// Every code, in order.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The stable number.
            pub fn number(self) -> u16 {
                self as u16
            }

            /// How loudly it speaks.
            pub fn level(self) -> Level {
                match self { $(Self::$name => Level::$level,)* }
            }

            /// Whether the same request may succeed when it is sent again as it is.
            pub fn retriable(self) -> bool {
                match self { $(Self::$name => $retriable,)* }
            }

            /// What the caller does best next.
            pub fn next_call(self) -> &'static str {
                match self { $(Self::$name => $next,)* }
            }
        }
    };
}

codes! {
    /// The request does not say what it must, or says it in a form that cannot be read.
    MalformedRequest = 100, Warning, retriable: false, next: "correct the goal and send it under a new job_id";
    /// The same job id came with another request.
    JobConflict = 101, Warning, retriable: false, next: "send the new request under a new job_id";
    /// No such station.
    UnknownStation = 102, Warning, retriable: false, next: "use a station of the site (nightshift check lists them)";
    /// The station has no such nest.
    UnknownNest = 103, Warning, retriable: false, next: "use a nest of that station";
    /// The nest has no such slot.
    UnknownSlot = 104, Warning, retriable: false, next: "use a slot of that nest";
    /// The catalogue has no such labware type.
    UnknownLabware = 105, Warning, retriable: false, next: "use a labware type of the site's catalogue";
    /// Nobody knows such a sample.
    UnknownSample = 106, Warning, retriable: false, next: "register the sample in the stock file, or correct its id";
    /// Two items of one job have the same target, or name the same sample.
    DuplicateItem = 107, Warning, retriable: false, next: "give each sample and each target once";
    /// This robot cannot handle that labware in that nest.
    LabwareDoesNotFit = 108, Warning, retriable: false, next: "choose a nest that takes this labware";
    /// The deadline passed before the job was done.
    DeadlinePassed = 109, Urgent, retriable: true, next: "look at the outcome's location and send a new job";
    /// No such job.
    UnknownJob = 110, Warning, retriable: false, next: "list the jobs and correct the id";
    /// The caller cancelled.
    Cancelled = 111, Warning, retriable: true, next: "the outcome's location says where the sample was put";
    /// The ledger has another sample at the target.
    TargetOccupied = 200, Warning, retriable: true, next: "choose a free slot, or move that sample first";
    /// The ledger has no sample, or another one, at the source.
    SourceEmpty = 201, Warning, retriable: true, next: "query the ledger for the sample's place";
    /// The robot is busy with another job that cannot be queued behind.
    Busy = 202, Warning, retriable: true, next: "wait for the running job, then send again";
    /// The robot does not know where it is.
    Lost = 300, Critical, retriable: true, next: "let it relocalise, or publish /initialpose";
    /// No path to the goal.
    NoPath = 301, Urgent, retriable: true, next: "clear the way, then send again";
    /// The way stayed blocked.
    Blocked = 302, Urgent, retriable: true, next: "clear the way, then send again";
    /// The dock's fiducial was not found.
    DockNotSeen = 303, Urgent, retriable: true, next: "clear the view of the station's tag, then send again";
    /// The docked pose was not reached within its tolerance.
    DockFailed = 304, Urgent, retriable: true, next: "clear the dock, then send again";
    /// The nest's fiducials were not found.
    NestNotSeen = 400, Urgent, retriable: true, next: "clear the view of the rack's tags, then send again";
    /// The nest stands elsewhere than it may.
    NestMoved = 401, Urgent, retriable: false, next: "put the rack back to its place, or teach the station again";
    /// No sample was seen where one should stand.
    SampleMissing = 402, Urgent, retriable: false, next: "look for the sample and correct the ledger";
    /// Another code was read than was expected.
    WrongIdentity = 403, Urgent, retriable: false, next: "find out which sample stands there and correct the ledger";
    /// The code could not be read.
    UnreadableCode = 404, Urgent, retriable: true, next: "clean or turn the label, then send again";
    /// Something was seen in the target slot.
    TargetNotClear = 405, Urgent, retriable: false, next: "clear the slot, or correct the ledger";
    /// The codes on one vessel contradict each other, or one code stands on two vessels.
    ContradictoryIdentity = 406, Urgent, retriable: false, next: "find out which label is right, take the other off and correct the ledger";
    /// The sample was seen in its slot, higher than it stands when it is down, or leaning out of it.
    SeenUnseated = 407, Urgent, retriable: false, next: "set the sample down into its slot by hand, then send again";
    /// The arm cannot reach the pose.
    Unreachable = 500, Urgent, retriable: false, next: "choose another slot or dock";
    /// No motion without collision was found.
    NoMotion = 501, Urgent, retriable: true, next: "clear the station, then send again";
    /// The fingers closed on nothing.
    GraspMissed = 502, Urgent, retriable: true, next: "send again";
    /// The sample slipped out of the fingers.
    GraspLost = 503, Critical, retriable: false, next: "look for the sample and correct the ledger";
    /// The sample did not go into the slot.
    PlaceFailed = 504, Urgent, retriable: true, next: "the outcome's location says where the sample is";
    /// The arm did not follow its trajectory.
    ArmFault = 505, Critical, retriable: true, next: "look at the arm, then resume";
    /// No grip that the labware bears would hold the sample.
    GripTooWeak = 506, Urgent, retriable: false, next: "clean vial and pads, look at the gripper, or carry it by hand";
    /// On its way into the slot the sample met something before its seat.
    InsertBlocked = 507, Urgent, retriable: false, next: "look into the slot and clear it; the outcome's location says where the sample is";
    /// The station does not take this request.
    SiteRefused = 600, Urgent, retriable: false, next: "see the station's words, then send another request";
    /// The station is at work, or held by somebody else.
    SiteBusy = 601, Warning, retriable: true, next: "wait until the station is free, then send again";
    /// Something in the station's present state keeps the hand out.
    SiteInterlock = 602, Urgent, retriable: true, next: "end what holds the interlock, then send again";
    /// The station did not get ready, or did not let go, in time.
    SiteTimeout = 603, Urgent, retriable: true, next: "look at the station, then send again";
    /// The station's sensor does not see the sample that was put there.
    NotSeated = 604, Urgent, retriable: false, next: "look at the seat; the outcome's location says where the sample is";
    /// A door, tray or lid stands elsewhere than where the station says that it is ready.
    SiteNotOpen = 605, Urgent, retriable: false, next: "free the station's door, then send again";
    /// The station is broken down.
    SiteFault = 606, Urgent, retriable: false, next: "mend the station, then send again";
    /// Nobody answers for the station.
    SiteUnavailable = 607, Urgent, retriable: true, next: "start the station's driver, then send again";
    /// A door, tray or lid that a hand moves did not come along, or not all the way.
    SitePartStuck = 608, Urgent, retriable: false, next: "free the part by hand, then send again";
    /// A sensor stopped telling.
    SensorStale = 700, Critical, retriable: true, next: "bring the sensor back, then resume";
    /// The job store or the ledger cannot be written.
    StoreUnavailable = 701, Fatal, retriable: true, next: "free disk space or mend the store, then start again";
    /// The robot's driver (or the simulator) is gone.
    RobotUnavailable = 702, Critical, retriable: true, next: "start the robot's driver, then resume";
    /// The base stands in a charger's dock, and the battery is not fed.
    NotCharging = 703, Urgent, retriable: true, next: "clean the contacts of base and charger, look whether the charger has power, then send again";
    /// The battery has too little left to begin this.
    BatteryLow = 704, Warning, retriable: true, next: "call /nightshift/charge, then send again";
    /// Started again after an unclean end: motion waits for an acknowledged restart.
    RestartNotAcknowledged = 800, Critical, retriable: true, next: "look at the robot, then call /nightshift/resume";
    /// Where a sample is, is not known for certain.
    InDoubt = 900, Critical, retriable: false, next: "query the ledger for the possible places and reconcile";
}

impl Code {
    /// The name as planners see it, `TARGET_OCCUPIED`.
    pub fn name(self) -> String {
        match serde_json::to_value(self) {
            Ok(serde_json::Value::String(name)) => name,
            other => unreachable!("a unit variant serialises as a string, not {other:?}"),
        }
    }
}

/// A failure on its way to a caller.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[error("{} {}: {message}", .code.number(), .code.name())]
pub struct Failure {
    /// What went wrong.
    pub code: Code,
    /// Where, in words for a person: the station, key, joint, measured and allowed value.
    pub message: String,
}

impl Failure {
    /// A failure with its words.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_ordered_and_named_as_planners_see_them() {
        assert!(Code::ALL.windows(2).all(|w| w[0].number() < w[1].number()));
        assert_eq!(Code::TargetOccupied.name(), "TARGET_OCCUPIED");
        assert_eq!(Failure::new(Code::Blocked, "at the door").to_string(), "302 BLOCKED: at the door");
    }
}
