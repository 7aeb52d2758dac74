//! What the stack commands the arm and the gripper by: their two actions.

use super::{Shared, StackSideInput};
use crate::actions::{Caller, Ended};
use crate::convert::arm::{self, code};
use crate::error::RosError;
use crate::names;
use nightshift_core::describe::Robot;
use nightshift_core::robot::{CommandId, GripperState, JointTrajectory, RobotEvent};
use r2r::control_msgs::action::{FollowJointTrajectory as Follow, GripperCommand as Grip};
use r2r::control_msgs::msg::GripperCommand;
use r2r::{GoalStatus, Node};
use std::sync::Arc;

/// Arm and gripper, to be commanded.
pub struct RobotClient {
    arm: Caller<Follow::Action>,
    gripper: Caller<Grip::Action>,
    arm_names: Vec<String>,
    gripper_state: Option<GripperState>,
    shared: Arc<Shared>,
}

impl RobotClient {
    /// Looks for the actions.
    pub fn open(node: &mut Node, robot: &Robot, shared: Arc<Shared>) -> Result<Self, RosError> {
        Ok(Self {
            arm: Caller::open(node, names::ARM_ACTION)?,
            gripper: Caller::open(node, names::GRIPPER_ACTION)?,
            arm_names: robot.arm.joints.clone(),
            gripper_state: None,
            shared,
        })
    }

    /// Has the arm follow a trajectory.
    pub fn move_arm(&mut self, id: CommandId, trajectory: &JointTrajectory) {
        if let Err(message) = self.arm.call(id, arm::to_goal(trajectory, &self.arm_names)) {
            self.arm_done(id, false, message);
        }
    }

    /// Has the arm stop.
    pub fn stop_arm(&mut self) {
        self.arm.cancel_all();
    }

    /// Has the gripper close, or open, to so much, and stop at so much force.
    pub fn grip(&mut self, id: CommandId, opening_m: f64, force_n: f64) {
        let command = GripperCommand { position: opening_m, max_effort: force_n };
        if let Err(message) = self.gripper.call(id, Grip::Goal { command }) {
            self.gripper_failed(id, &message);
        }
    }

    /// Passes on what has ended. `gripper_state` is the latest from `/joint_states`.
    pub fn poll(&mut self, gripper_state: Option<GripperState>) {
        self.gripper_state = gripper_state;
        if self.arm.is_served() {
            self.shared.presence.seen(names::ARM_ACTION);
        }
        if self.gripper.is_served() {
            self.shared.presence.seen(names::GRIPPER_ACTION);
        }
        for (id, ended) in self.arm.poll() {
            match ended {
                Ended::Result(status, result) => {
                    let ok = status == GoalStatus::Succeeded && result.error_code == code::SUCCESSFUL;
                    let message = match (ok, result.error_string.is_empty()) {
                        (true, _) => String::new(),
                        (false, true) => format!("the arm's goal was {status}, error {}", result.error_code),
                        (false, false) => result.error_string,
                    };
                    self.arm_done(id, ok, message);
                }
                Ended::Failed(message) => self.arm_done(id, false, message),
            }
        }
        for (id, ended) in self.gripper.poll() {
            match ended {
                Ended::Result(GoalStatus::Succeeded, result) => match arm::from_gripper_result(id, &result) {
                    Ok(event) => self.tell(names::GRIPPER_ACTION, id, event),
                    Err(message) => self.gripper_failed(id, &message),
                },
                Ended::Result(status, _) => self.gripper_failed(id, &format!("the goal was {status}")),
                Ended::Failed(message) => self.gripper_failed(id, &message),
            }
        }
    }

    fn arm_done(&self, id: CommandId, ok: bool, message: String) {
        if !ok {
            self.shared.health.unsent(names::ARM_ACTION, &message);
        }
        self.tell(names::ARM_ACTION, id, RobotEvent::ArmDone { id, ok, message });
    }

    /// The event has no word for a gripper that did not obey: it tells how the gripper stands, as last measured.
    fn gripper_failed(&self, id: CommandId, message: &str) {
        self.shared.health.unsent(names::GRIPPER_ACTION, message);
        let (opening_m, force_n) =
            self.gripper_state.map_or((0.0, 0.0), |state| (state.opening_m, state.force_n));
        self.tell(
            names::GRIPPER_ACTION,
            id,
            RobotEvent::GripperDone { id, opening_m, force_n, stalled: false },
        );
    }

    /// In a slot of its own, so that no flood of calls can keep it out; there are no more of them than commands.
    fn tell(&self, action: &str, id: CommandId, event: RobotEvent) {
        self.shared.inbox.put_latest(&format!("{action} {}", id.0), StackSideInput::Robot(event));
    }
}
