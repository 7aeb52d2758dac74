//! What a caller asks of the planner, as plain data: it can be sent to a worker, recorded and replayed.

use nightshift_core::describe::Solid;
use nightshift_core::frames::{Base, Link, Pose, Tool};
use serde::{Deserialize, Serialize};

/// A motion that is wanted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanRequest {
    /// Where the arm stands, radians, in the order of the robot's description.
    pub start: Vec<f64>,
    /// Where it shall go.
    pub goal: MotionGoal,
    /// What stands around it and what it holds.
    pub scene: Scene,
    /// The same request with the same seed gives the same motion, bit for bit.
    pub seed: u64,
    /// Over 0 to 1: the share of each joint's velocity, acceleration and jerk limit that may be used.
    pub speed: f64,
}

/// Where the arm shall go.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum MotionGoal {
    /// To these joint positions, radians.
    Joints(Vec<f64>),
    /// The tool to this pose, with whatever joint positions are free and near.
    Tool(Pose<Base, Tool>),
    /// The tool to this pose or to one turned about its own z axis: by half a turn where that is nearer (a parallel
    /// gripper does not care), and by any other angle where neither is possible.
    ToolAnySpin(Pose<Base, Tool>),
    /// The tool in a straight line from where it is to this pose, turning evenly, on one branch of the arm.
    Line(Pose<Base, Tool>),
}

/// What stands around the arm.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Scene {
    /// Things that stand still. The floor is always there and needs no entry.
    pub shapes: Vec<SceneShape>,
    /// Points that a depth camera sees and no shape explains, metres in the base's frame; `seen` stands for all of them in
    /// [`Scene::may_touch`]. The arm's own are not among them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seen_m: Vec<[f64; 3]>,
    /// What the fingers hold. It may touch whatever is rigid with the flange.
    pub held: Option<Held>,
    /// Pairs of names that may touch: of links, of shapes, of what is held. `held` stands for whatever is held and
    /// `finger` for both fingers. Such a pair is not looked at.
    pub may_touch: Vec<(String, String)>,
    /// Distance between the finger pads, metres.
    pub fingers_opening_m: f64,
    /// Distance that the arm and what it holds keep from the shapes, metres. An arm that stands nearer to something
    /// already may leave, but come no nearer.
    pub margin_m: f64,
}

/// A thing that stands still.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SceneShape {
    /// For [`Scene::may_touch`] and for messages.
    pub name: String,
    /// Its form.
    pub solid: Solid,
    /// Where its centre is.
    pub base_from_shape: Pose<Base, Link>,
}

/// What the fingers hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Held {
    /// For messages.
    pub name: String,
    /// Its form.
    pub solid: Solid,
    /// Where its centre is.
    pub tool_from_shape: Pose<Tool, Link>,
    /// How it has to be carried; none: it may be turned anyhow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carry: Option<Carry>,
}

/// How a vessel has to be carried so that it keeps what is in it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Carry {
    /// Its own z axis leans from the base's by no more than this, radians, anywhere on the way.
    pub tilt_rad: f64,
    /// Its centre is accelerated across the base's z axis by no more than this, m/s^2.
    pub acceleration_m_s2: f64,
}
