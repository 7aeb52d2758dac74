//! The simulated robot and laboratory, on MuJoCo. Descriptions in, events and pictures out: no ROS, no files.
//!
//! Nothing here is shared with the estimators that it tests: the sensor models are its own.

mod arm;
mod bare;
mod base;
mod battery;
mod camera;
mod channel;
mod contacts;
mod content;
mod damage;
pub mod faults;
mod floor_plan;
mod gripper;
mod inertial;
pub mod laboratory;
mod laser;
mod layout;
mod mjcf;
mod odometry;
mod people;
mod rack;
mod raycast;
mod scene;
mod station;
mod tags;
mod traced;
mod truth;
mod world;
mod wrist;

#[cfg(test)]
mod strikes;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use bare::Bare;
pub use truth::{
    ContentTruth, GRIPPER, NOWHERE, ObstacleTruth, RobotTruth, SampleTruth, StationTruth, Truth,
};
pub use world::{Eyesight, PullOut, Shot, SimConfig, World};

/// Why the simulation cannot do what it is asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SimError {
    /// Site and robot do not fit together, or name what is not there.
    #[error("the description cannot be simulated: {0}")]
    Description(String),
    /// MuJoCo refused the model.
    #[error("MuJoCo could not build the model: {0}")]
    Compile(String),
    /// A fault or a request names what is not there, or has impossible numbers.
    #[error("the simulation cannot do that: {0}")]
    Request(String),
}
