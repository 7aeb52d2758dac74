//! The arm to a named posture.

use super::{Stage, Step};
use crate::action::{Action, Move, Outcome};
use crate::context::Context;
use crate::limits;
use nightshift_core::{Code, Failure};
use nightshift_motion::MotionGoal;

/// The arm to a named posture, if it is not there.
#[derive(Debug)]
pub struct Posture {
    name: &'static str,
}

impl Posture {
    pub fn new(name: &'static str) -> Self {
        Self { name }
    }

    fn go(&self, ctx: &Context<'_>) -> Result<Option<Move>, Failure> {
        let goal = ctx.world.robot.arm.posture(self.name).ok_or_else(|| {
            Failure::new(Code::Unreachable, format!("the robot has no posture {}", self.name))
        })?;
        let now = ctx.belief.joints_now(ctx.now)?;
        if now.iter().zip(&goal).all(|(a, b)| (a - b).abs() <= limits::POSTURE_RAD) {
            return Ok(None);
        }
        Ok(Some(Move {
            what: format!("to the posture `{}`", self.name),
            goals: vec![MotionGoal::Joints(goal)],
            speed: if ctx.belief.grip.is_some() { limits::SPEED_HELD } else { limits::SPEED_FREE },
            may_touch: Vec::new(),
            guard: None,
        }))
    }
}

impl Stage for Posture {
    fn next(&mut self, ctx: &mut Context<'_>, last: Outcome) -> Step {
        if last == Outcome::Moved {
            return Step::Done;
        }
        match self.go(ctx) {
            Ok(None) => Step::Done,
            // What stands around the arm is known only where the base is known.
            Ok(Some(_)) if last == Outcome::Started => Step::Do(Action::Localise),
            Ok(Some(motion)) => Step::Do(Action::Move(motion)),
            Err(failure) => Step::Fail(failure),
        }
    }
}
