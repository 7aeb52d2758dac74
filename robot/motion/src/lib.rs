//! Motion of the arm: kinematics, inverse kinematics, collision world, motion planning, jerk-limited timing.
//!
//! Pure: the same [`PlanRequest`] gives the same trajectory, bit for bit. Poses are in the base's frame, so a plan holds
//! as long as the base stands still.

mod arm;
mod calm;
mod kinematics;
mod line;
mod pairs;
mod path;
mod plan;
mod polyline;
mod profile;
mod request;
mod rrt;
mod scene;
mod screen;
mod seen;
mod shortcut;
mod solid;
mod spline;
mod sweep;
#[cfg(test)]
mod testing;
mod timing;
mod upright;
mod world;

pub use arm::Arm;
pub use kinematics::chain::JointLimits;
pub use kinematics::dexterity::Dexterity;
pub use plan::{PlanStage, plan, plan_in_stages};
pub use request::{Carry, Held, MotionGoal, PlanRequest, Scene, SceneShape};
pub use scene::{deck_shapes, station_shapes};
pub use seen::unexplained;
pub use world::clearance;
