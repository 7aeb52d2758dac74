//! Journal lines, read by the names of their variants: what can be drawn is drawn, what is not known is told.
//!
//! The stack's own types are not used: a viewer must not need the stack it watches.

use nightshift_core::api::{Feedback, JobResult};
use nightshift_core::frames::{Base, Map, Pose, Pose2, Ware};
use nightshift_core::robot::{GripperState, JointState, LaserScan, Odometry, Twist, Wrench};
use nightshift_core::{JobId, Level, Stamp};
use nightshift_navigation::localiser::Localisation;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeMap;

/// What a journal line tells.
#[derive(Clone, Debug, PartialEq)]
pub enum News {
    /// A laser scanner's turn.
    Scan(LaserScan),
    /// Dead reckoning.
    Odometry(Odometry),
    /// The arm's joints.
    Joints(JointState),
    /// The gripper.
    Gripper(GripperState),
    /// What the wrist feels.
    Wrist(Wrench),
    /// How everything truly is, where the simulator was recorded.
    Truth(Truth),
    /// A picture was taken, and lies there.
    Picture(Picture),
    /// Where the base is.
    Localised(Box<Localisation>),
    /// Where it means to drive.
    Path(Vec<Pose2<Map, Base>>),
    /// How it is told to drive.
    Drive(Twist),
    /// A job goes on.
    Feedback(JobId, Feedback),
    /// A job has ended.
    Finished(JobResult),
    /// Words for a person.
    Notice {
        /// How loudly.
        level: Level,
        /// The words.
        message: String,
    },
    /// Known, and nothing to see.
    Nothing,
}

/// How everything truly is, as far as it is drawn.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Truth {
    /// The robot.
    pub robot: TrueRobot,
    /// The vials.
    pub samples: BTreeMap<String, TrueSample>,
    /// Where people stand: x, y, heading, in the map.
    #[serde(default)]
    pub people: Vec<[f64; 3]>,
}

/// Of the truth.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct TrueRobot {
    /// x, y, yaw in the map.
    pub pose: [f64; 3],
}

/// Of the truth.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct TrueSample {
    /// Its base's centre.
    pub pose: Pose<Map, Ware>,
    /// Whether it is in pieces.
    pub broken: bool,
}

/// Where a picture lies.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Picture {
    /// Relative to the run's folder; empty where no picture came.
    pub path: String,
}

/// Why a line could not be taken.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Unreadable {
    /// No JSON, or not of a journal's form.
    #[error("no journal entry")]
    NoEntry,
    /// A variant that this version does not know.
    #[error("{0} is not known")]
    Unknown(String),
    /// A known variant with another content than this version knows.
    #[error("{0} has another form than this version reads")]
    OtherForm(String),
}

/// Reads one line.
pub fn read(line: &str) -> Result<(Stamp, News), Unreadable> {
    let value: Value = serde_json::from_str(line).map_err(|_| Unreadable::NoEntry)?;
    let (entry, content) = variant(value).ok_or(Unreadable::NoEntry)?;
    if entry == "Until" {
        return Ok((take::<Stamp>(content).ok_or(Unreadable::NoEntry)?, News::Nothing));
    }
    if entry != "In" && entry != "Out" {
        return Err(Unreadable::NoEntry);
    }
    let (stamp, message) = take::<(Stamp, Value)>(content).ok_or(Unreadable::NoEntry)?;
    let (mut name, mut content) = variant(message).ok_or(Unreadable::NoEntry)?;
    if name == "Robot" || name == "Event" {
        (name, content) = variant(content).ok_or(Unreadable::NoEntry)?;
    }
    match news(&name, content) {
        Ok(Some(news)) => Ok((stamp, news)),
        Ok(None) => Err(Unreadable::OtherForm(name)),
        Err(NotKnown) => Err(Unreadable::Unknown(name)),
    }
}

struct NotKnown;

/// `Ok(None)` where the content has another form.
fn news(name: &str, content: Value) -> Result<Option<News>, NotKnown> {
    #[derive(Deserialize)]
    struct Looked {
        look: Picture,
    }
    #[derive(Deserialize)]
    struct Notice {
        level: Level,
        message: String,
    }
    Ok(match name {
        "Scan" => take(content).map(News::Scan),
        "Odometry" => take(content).map(News::Odometry),
        "Joints" => take(content).map(News::Joints),
        "Gripper" => take(content).map(News::Gripper),
        "Wrist" => take(content).map(News::Wrist),
        "Truth" => take(content).map(News::Truth),
        "Looked" => take(content).map(|looked: Looked| News::Picture(looked.look)),
        "Localised" => take(content).map(|found| News::Localised(Box::new(found))),
        "Path" => take(content).map(News::Path),
        "Drive" => take(content).map(News::Drive),
        "Feedback" => take(content).map(|(job, feedback)| News::Feedback(job, feedback)),
        "Finished" => take(content).map(News::Finished),
        "Notice" => take(content).map(|n: Notice| News::Notice { level: n.level, message: n.message }),
        "ArmDone" | "GripperDone" | "MoveArm" | "StopArm" | "Grip" | "Call" | "InitialPose" | "Planned"
        | "Stored" | "Plan" | "Look" | "Store" | "Answer" | "Inertial" | "Battery" | "Site" | "GoalPose" => {
            Some(News::Nothing)
        }
        _ => return Err(NotKnown),
    })
}

fn take<T: DeserializeOwned>(content: Value) -> Option<T> {
    serde_json::from_value(content).ok()
}

/// An enum's variant as serde writes it: `"Name"` or `{"Name": content}`.
fn variant(value: Value) -> Option<(String, Value)> {
    match value {
        Value::String(name) => Some((name, Value::Null)),
        Value::Object(map) if map.len() == 1 => map.into_iter().next(),
        _ => None,
    }
}
