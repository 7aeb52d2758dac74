//! The gripper's action server.

use super::RobotSideInput;
use crate::actions::{GoalDoor, OpenGoal};
use crate::error::RosError;
use crate::health::HealthBook;
use crate::inbox::Inbox;
use crate::names;
use nightshift_core::describe::Robot;
use nightshift_core::robot::{CommandId, GripperState, RobotCommand};
use r2r::Node;
use r2r::control_msgs::action::GripperCommand as Grip;
use std::sync::Arc;

/// Serves GripperCommand: `position` is the distance between the finger pads. Its result has no words: a goal out of
/// range is aborted with the gripper as it is, and the words go to [`crate::Health`]. A motion cannot be cancelled,
/// since letting go of a sample is no way to stop; a newer goal ends the older one.
pub struct GripperServer {
    door: GoalDoor<Grip::Action>,
    running: Option<(CommandId, OpenGoal<Grip::Action>)>,
    last_id: u64,
    here: Option<GripperState>,
    max_opening_m: f64,
    max_force_n: f64,
    inbox: Arc<Inbox<RobotSideInput>>,
    health: Arc<HealthBook>,
}

impl GripperServer {
    /// Announces the action.
    pub fn open(
        node: &mut Node,
        robot: &Robot,
        inbox: Arc<Inbox<RobotSideInput>>,
        health: Arc<HealthBook>,
    ) -> Result<Self, RosError> {
        Ok(Self {
            door: GoalDoor::open(node, names::GRIPPER_ACTION)?,
            running: None,
            last_id: 0,
            here: None,
            max_opening_m: robot.gripper.max_opening_m,
            max_force_n: robot.gripper.max_force_n,
            inbox,
            health,
        })
    }

    /// How the gripper stands now.
    pub fn stands_at(&mut self, state: GripperState) {
        self.here = Some(state);
    }

    /// A motion has ended.
    pub fn done(&mut self, id: CommandId, position: f64, effort: f64, stalled: bool) {
        if let Some((_, goal)) = self.running.take_if(|(running, _)| *running == id) {
            let result = Grip::Result { position, effort, stalled, reached_goal: !stalled };
            self.end(goal, true, result);
        }
    }

    /// Ends the motion that runs.
    pub fn abandon(&mut self) {
        if let Some((_, goal)) = self.running.take() {
            self.abort(goal);
        }
    }

    /// Takes goals and requests to cancel.
    pub fn poll(&mut self) {
        while let Some(arrival) = self.door.next() {
            self.health.note(names::GRIPPER_ACTION, |health| health.received += 1);
            match arrival {
                Ok(goal) => self.start(goal),
                Err(problem) => self.health.malformed(names::GRIPPER_ACTION, problem),
            }
        }
        if let Some((_, goal)) = &mut self.running
            && let Some(request) = goal.cancel_asked()
        {
            request.reject();
        }
    }

    fn start(&mut self, goal: OpenGoal<Grip::Action>) {
        let (opening_m, force_n) = (goal.goal().command.position, goal.goal().command.max_effort);
        // NaN lies in no range.
        if !(0.0..=self.max_opening_m).contains(&opening_m) || !(0.0..=self.max_force_n).contains(&force_n) {
            let (max_opening_m, max_force_n) = (self.max_opening_m, self.max_force_n);
            self.health.malformed(
                names::GRIPPER_ACTION,
                format!("{opening_m} m at {force_n} N; 0 to {max_opening_m} m and 0 to {max_force_n} N are possible"),
            );
            return self.abort(goal);
        }
        let id = CommandId(self.last_id + 1);
        if self.inbox.put(RobotSideInput::Command(RobotCommand::Grip { id, opening_m, force_n })).is_err() {
            self.health.unsent(names::GRIPPER_ACTION, "a motion: too many commands wait");
            return self.abort(goal);
        }
        self.last_id = id.0;
        if let Some((_, replaced)) = self.running.replace((id, goal)) {
            self.abort(replaced);
        }
    }

    fn abort(&self, goal: OpenGoal<Grip::Action>) {
        let (position, effort) = self.here.map_or((0.0, 0.0), |here| (here.opening_m, here.force_n));
        self.end(goal, false, Grip::Result { position, effort, stalled: false, reached_goal: false });
    }

    fn end(&self, goal: OpenGoal<Grip::Action>, success: bool, result: Grip::Result) {
        if let Err(error) = goal.end(success, result) {
            self.health.unsent(names::GRIPPER_ACTION, error);
        }
    }
}
