//! What the navigator is told and what it answers.

use crate::localiser::Localisation;
use nightshift_core::frames::{Base, Map, Pose, Pose2, Station, Tag};
use nightshift_core::robot::{Battery, CommandId, LaserScan, Odometry, Twist};
use nightshift_core::{Failure, Stamp, StationId};
use serde::{Deserialize, Serialize};

/// What the navigator can be told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum NavInput {
    /// A laser scanner's turn.
    Scan(LaserScan),
    /// Dead reckoning.
    Odometry(Odometry),
    /// The battery: a dock of a charger is one where it is fed.
    Battery(Battery),
    /// What to do.
    Command(NavCommand),
    /// The answer to [`NavOutput::LookForDock`].
    DockSeen {
        /// When the picture was taken.
        stamp: Stamp,
        /// Where the dock's tag was in the base's frame at that time; none where it was not found.
        base_from_tag: Option<Pose<Base, Tag>>,
    },
}

/// What to do. A new motion command ends the running one with `Cancelled`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum NavCommand {
    /// The base is here: checked against the scans before it is trusted.
    SetPose(Pose2<Map, Base>),
    /// A person closes or opens a passage; a drive that is underway is planned anew. Of a name that the site has no passage
    /// of, it changes nothing.
    SetPassage {
        /// Its name in the site's zones.
        passage: String,
        /// Whether ways lead around it from now on.
        closed: bool,
    },
    /// Drive to a station's staging pose; a base that stands in a dock backs out of it first.
    DriveToStation {
        /// Answered by [`NavOutput::Done`].
        id: CommandId,
        /// Where to.
        station: StationId,
    },
    /// Drive to a pose; a base that stands in a dock backs out of it first.
    DriveTo {
        /// Answered by [`NavOutput::Done`].
        id: CommandId,
        /// Where to.
        goal: Pose2<Map, Base>,
    },
    /// Dock by sight, from the staging pose. The camera must be looking at the tag.
    Dock {
        /// Answered by [`NavOutput::Done`].
        id: CommandId,
        /// Which station's dock.
        station: StationId,
    },
    /// Stand still.
    Stop,
}

/// What the navigator answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum NavOutput {
    /// For the wheels.
    Drive(Twist),
    /// Where the base is: one for each usable scan.
    Localised(Localisation),
    /// The path that is being followed, from where the base stands; empty once nothing is followed any more.
    Path(Vec<Pose2<Map, Base>>),
    /// Take one picture and look for this station's tag in it. Answered by [`NavInput::DockSeen`].
    LookForDock {
        /// Whose tag.
        station: StationId,
    },
    /// The base is docked: where it stands, as it was seen. Said before [`NavOutput::Done`].
    Docked {
        /// At which station.
        station: StationId,
        /// When.
        stamp: Stamp,
        /// Where the base stands.
        station_from_base: Pose2<Station, Base>,
        /// In (x, y, heading): m^2, m rad, rad^2.
        covariance: [[f64; 3]; 3],
    },
    /// A command has ended.
    Done {
        /// Of the command.
        id: CommandId,
        /// How.
        result: Result<(), Failure>,
    },
}
