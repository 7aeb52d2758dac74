//! What can be asked for that takes time, and how it ends well.

use crate::guard::Guard;
use crate::job::JobRecord;
use crate::ledger::Body;
use crate::messages::Look;
use nightshift_core::handshake::{SiteAnswer, SiteCall};
use nightshift_core::{Stamp, StationId};
use nightshift_motion::MotionGoal;
use std::time::Duration;

/// A motion of the arm.
#[derive(Clone, Debug, PartialEq)]
pub struct Move {
    /// For messages: `above storage/rack/A1`.
    pub what: String,
    /// In order of preference: the next is tried where there is no way to the one before.
    pub goals: Vec<MotionGoal>,
    /// Share of the arm's limits.
    pub speed: f64,
    /// See [`nightshift_motion::Scene`].
    pub may_touch: Vec<(String, String)>,
    /// What ends it early.
    pub guard: Option<Guard>,
}

/// Something that takes time.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Plan a motion of the arm and make it.
    Move(Move),
    /// Plan a motion from a posture of the arm, as if docked at a station, and make none.
    Rehearse {
        /// The motion.
        motion: Move,
        /// Where the arm would stand, radians.
        from: Vec<f64>,
        /// Where the base would be docked.
        at: StationId,
        /// Distance between the finger pads, metres.
        opening_m: f64,
    },
    /// Move the fingers.
    Grip {
        /// Distance between the pads to go to, metres.
        opening_m: f64,
        /// Force at which to stop, newtons.
        force_n: f64,
    },
    /// Drive to where the approach to a station begins.
    Drive(StationId),
    /// Dock there by sight.
    Dock(StationId),
    /// Take a picture.
    Look {
        /// For the picture's name.
        purpose: String,
    },
    /// Write entries of the ledger, and a job with them, durably.
    Record {
        /// In order.
        bodies: Vec<Body>,
        /// The job as it is after them.
        job: Option<Box<JobRecord>>,
    },
    /// Ask a station.
    Site(SiteCall),
    /// Let things come to rest.
    Rest(Duration),
    /// Wait until the robot knows where it is.
    Localise,
}

/// How an action ended well.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Nothing was done yet: the first call of a stage.
    Started,
    /// The arm is there.
    Moved,
    /// The arm's guard has stopped it, at so much force along its axis (N).
    Touched(f64),
    /// There is a way: where the arm would stand, radians.
    Rehearsed(Vec<f64>),
    /// The fingers have stopped.
    Gripped {
        /// Where.
        opening_m: f64,
        /// With what force.
        force_n: f64,
        /// At the force, before the opening.
        stalled: bool,
    },
    /// The base is there.
    Arrived,
    /// A picture that was asked for at `asked`.
    Looked {
        /// When it was asked for.
        asked: Stamp,
        /// The picture.
        look: Box<Look>,
    },
    /// The entries are durable, and the ledger has them.
    Recorded,
    /// What a station says.
    Answered(Box<SiteAnswer>),
    /// The time is over, or the robot knows where it is.
    Rested,
}
