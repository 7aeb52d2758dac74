//! The arm's action server, as a joint trajectory controller has it.

use super::RobotSideInput;
use crate::actions::{GoalDoor, OpenGoal};
use crate::convert::arm::{self, code};
use crate::error::RosError;
use crate::health::HealthBook;
use crate::inbox::Inbox;
use crate::names;
use nightshift_core::describe::Robot;
use nightshift_core::robot::{CommandId, RobotCommand};
use r2r::Node;
use r2r::control_msgs::action::FollowJointTrajectory as Follow;
use std::sync::Arc;

/// Serves FollowJointTrajectory. One motion at a time: a newer goal ends the older one.
pub struct ArmServer {
    door: GoalDoor<Follow::Action>,
    running: Option<(CommandId, OpenGoal<Follow::Action>)>,
    last_id: u64,
    names: Vec<String>,
    here: Option<Vec<f64>>,
    inbox: Arc<Inbox<RobotSideInput>>,
    health: Arc<HealthBook>,
}

impl ArmServer {
    /// Announces the action.
    pub fn open(
        node: &mut Node,
        robot: &Robot,
        inbox: Arc<Inbox<RobotSideInput>>,
        health: Arc<HealthBook>,
    ) -> Result<Self, RosError> {
        let door = GoalDoor::open(node, names::ARM_ACTION)?;
        Ok(Self {
            door,
            running: None,
            last_id: 0,
            names: robot.arm.joints.clone(),
            here: None,
            inbox,
            health,
        })
    }

    /// Where the arm stands now.
    pub fn stands_at(&mut self, positions: Vec<f64>) {
        self.here = Some(positions).filter(|positions| positions.len() == self.names.len());
    }

    /// A motion has ended. One that was replaced before is not waited for any more.
    pub fn done(&mut self, id: CommandId, ok: bool, message: &str) {
        if let Some((_, goal)) = self.running.take_if(|(running, _)| *running == id) {
            let code = if ok { code::SUCCESSFUL } else { code::PATH_TOLERANCE_VIOLATED };
            self.end(goal, code, message);
        }
    }

    /// Ends the motion that runs.
    pub fn abandon(&mut self, why: &str) {
        if let Some((_, goal)) = self.running.take() {
            self.end(goal, code::PATH_TOLERANCE_VIOLATED, why);
        }
    }

    /// Takes goals and requests to cancel.
    pub fn poll(&mut self) {
        while let Some(arrival) = self.door.next() {
            self.health.note(names::ARM_ACTION, |health| health.received += 1);
            match arrival {
                Ok(goal) => self.start(goal),
                Err(problem) => self.health.malformed(names::ARM_ACTION, problem),
            }
        }
        if let Some((_, goal)) = &mut self.running
            && let Some(request) = goal.cancel_asked()
        {
            // In a slot of its own: however many commands wait, a stop gets in.
            self.inbox.put_latest("stop", RobotSideInput::Command(RobotCommand::StopArm));
            goal.accept_cancel(request);
        }
    }

    fn start(&mut self, goal: OpenGoal<Follow::Action>) {
        let trajectory = match arm::from_goal(goal.goal(), &self.names, self.here.as_deref()) {
            Ok(trajectory) => trajectory,
            Err(refusal) => {
                self.health.malformed(names::ARM_ACTION, &refusal.words);
                return self.end(goal, refusal.code, &refusal.words);
            }
        };
        let id = CommandId(self.last_id + 1);
        if self.inbox.put(RobotSideInput::Command(RobotCommand::MoveArm { id, trajectory })).is_err() {
            return self.end(goal, code::INVALID_GOAL, "too many commands wait for the robot");
        }
        self.last_id = id.0;
        if let Some((_, replaced)) = self.running.replace((id, goal)) {
            self.end(replaced, code::PATH_TOLERANCE_VIOLATED, "replaced by a newer trajectory");
        }
    }

    fn end(&self, goal: OpenGoal<Follow::Action>, code: i32, words: &str) {
        if let Err(error) = goal.end(code == code::SUCCESSFUL, arm::result(code, words)) {
            self.health.unsent(names::ARM_ACTION, error);
        }
    }
}
