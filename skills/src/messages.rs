//! What the executive is told and what it answers.

use crate::store::StoreRecord;
use nightshift_core::api::{Call, JobEvent, Reply};
use nightshift_core::handshake::{SiteAnswer, SiteCall};
use nightshift_core::robot::{CommandId, JointTrajectory, RobotCommand, RobotEvent};
use nightshift_core::{Failure, Level, Stamp};
use nightshift_motion::PlanRequest;
use nightshift_navigation::{NavInput, NavOutput};
use nightshift_perception::fiducial::TagSight;
use serde::{Deserialize, Serialize};

/// Names one effect that was asked for, so that its answer can be told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EffectId(pub u64);

/// What the executive is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum SkillInput {
    /// By a planner.
    Call(Call),
    /// By the robot: joints, gripper, and the ends of their motions. Scans and odometry are passed over.
    Robot(RobotEvent),
    /// By navigation: ends of its commands, where the base is, and that it wants to see a dock's tag.
    Navigation(NavOutput),
    /// Answers [`SkillOutput::Look`].
    Looked {
        /// Of the effect.
        id: EffectId,
        /// What was seen.
        look: Look,
    },
    /// Answers [`SkillOutput::Plan`].
    Planned {
        /// Of the effect.
        id: EffectId,
        /// The motion, or why there is none.
        result: Result<JointTrajectory, Failure>,
    },
    /// Answers [`SkillOutput::Site`].
    Site {
        /// Of the effect.
        id: EffectId,
        /// What the station says, or why nobody answers for it.
        answer: Result<SiteAnswer, Failure>,
    },
    /// Answers [`SkillOutput::Store`].
    Stored {
        /// Of the effect.
        id: EffectId,
        /// The ledger's last sequence number, or why nothing was written.
        result: Result<u64, Failure>,
    },
}

/// What the executive answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum SkillOutput {
    /// To navigation.
    Navigation(NavInput),
    /// To the robot: arm and gripper.
    Robot(RobotCommand),
    /// Plan a motion.
    Plan {
        /// Answered by [`SkillInput::Planned`].
        id: EffectId,
        /// From where to where, among what.
        request: PlanRequest,
    },
    /// Take a picture from now on (an older one is not believed), find the fiducials in it, and keep it.
    Look {
        /// Answered by [`SkillInput::Looked`].
        id: EffectId,
        /// For the picture's name: letters, digits, `-` and `_`.
        purpose: String,
    },
    /// Ask a station.
    Site {
        /// Answered by [`SkillInput::Site`].
        id: EffectId,
        /// What.
        call: SiteCall,
    },
    /// Write records durably, all or none.
    Store {
        /// Answered by [`SkillInput::Stored`].
        id: EffectId,
        /// In order.
        records: Vec<StoreRecord>,
    },
    /// To the door that a call came through.
    Answer {
        /// Of the call.
        id: CommandId,
        /// What it asked for.
        reply: Reply,
    },
    /// To whoever follows a job.
    Event(JobEvent),
    /// Words for a person.
    Notice {
        /// How loudly.
        level: Level,
        /// The words.
        message: String,
    },
}

/// A picture that was taken and read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Look {
    /// When the shutter was open.
    pub stamp: Stamp,
    /// Whether the picture is fit to be read: there, sharp, lit. If not, why; the rest is then empty.
    pub ok: Result<(), Failure>,
    /// The fiducials in it.
    pub tags: Vec<TagSight>,
    /// What the depth camera measured ([`nightshift_perception::surface`]), metres in the camera's optical frame; empty where it has
    /// no depth.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub surface_m: Vec<[f32; 3]>,
    /// Of the picture's file, lower-case hex.
    pub sha256: String,
    /// Of the picture's file, relative to the run's folder.
    pub path: String,
}
