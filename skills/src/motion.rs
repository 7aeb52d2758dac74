//! One motion of the arm: planned, made, watched by the wrist, and gone on with where the wrist was silent for a moment only.

use crate::action::{Move, Outcome};
use crate::belief::Belief;
use crate::context::Context;
use crate::guard::{State, Watch, slowed};
use crate::messages::{EffectId, SkillInput, SkillOutput};
use crate::running::Ended;
use crate::{limits, scene};
use nightshift_core::robot::{CommandId, JointTrajectory, RobotCommand, RobotEvent};
use nightshift_core::{Code, Failure, Level, Stamp, StationId};
use nightshift_motion::{MotionGoal, PlanRequest};
use std::collections::VecDeque;
use std::time::Duration;

/// Where the robot would stand, and how.
#[derive(Debug)]
pub struct Rehearsal {
    /// The arm's joints, radians.
    pub from: Vec<f64>,
    /// Where the base would be docked.
    pub at: StationId,
    /// Distance between the finger pads, metres.
    pub opening_m: f64,
}

/// A motion underway.
#[derive(Debug)]
pub struct Motion {
    motion: Move,
    goal: MotionGoal,
    left: VecDeque<MotionGoal>,
    rehearse: Option<Rehearsal>,
    watch: Option<Watch>,
    /// Times that the wrist fell silent.
    gaps: u32,
    at: At,
    until: Stamp,
    stopping: bool,
}

#[derive(Clone, Copy, Debug)]
enum At {
    Planning(EffectId),
    Moving(CommandId),
    /// The arm stands until the wrist tells again; whether it stands where it should.
    Listening {
        there: bool,
    },
}

impl Motion {
    /// Begins, with the first of its goals.
    ///
    /// # Errors
    /// `UNREACHABLE` without a goal; `SENSOR_STALE` where it is not known where the arm is.
    pub fn begin(ctx: &mut Context<'_>, motion: Move, rehearse: Option<Rehearsal>) -> Result<Self, Failure> {
        let mut left: VecDeque<MotionGoal> = motion.goals.iter().cloned().collect();
        let goal = left
            .pop_front()
            .ok_or_else(|| Failure::new(Code::Unreachable, format!("there is no way {}", motion.what)))?;
        let id = ask(ctx, &motion, &goal, rehearse.as_ref())?;
        let (at, until) = (At::Planning(id), ctx.now + limits::PLAN);
        Ok(Self { motion, goal, left, rehearse, watch: None, gaps: 0, at, until, stopping: false })
    }

    /// When it gives up waiting.
    pub fn next_wake(&self) -> Stamp {
        self.patience().map_or(self.until, |patience| patience.min(self.until))
    }

    /// Until when the wrist must have told something.
    fn patience(&self) -> Option<Stamp> {
        let moving = matches!(self.at, At::Moving(_)) && !self.stopping;
        self.watch.as_ref().filter(|_| moving).and_then(Watch::patience)
    }

    /// Takes an input.
    pub fn on(&mut self, ctx: &mut Context<'_>, input: &SkillInput) -> Ended {
        match (self.at, input) {
            (At::Planning(id), SkillInput::Planned { id: of, result }) if id == *of => {
                self.planned(ctx, result)
            }
            (At::Moving(id), SkillInput::Robot(RobotEvent::ArmDone { id: of, ok, message })) if id == *of => {
                self.ended(ctx, *ok, message)
            }
            (At::Moving(_), SkillInput::Robot(RobotEvent::Wrist(wrench))) => {
                let met = self.watch.as_mut().is_some_and(|watch| watch.take(ctx.now, wrench));
                if met && !self.stopping {
                    self.stop_arm(ctx);
                }
                None
            }
            (At::Listening { there }, SkillInput::Robot(RobotEvent::Wrist(_))) => self.heard(ctx, there),
            _ => None,
        }
    }

    /// Time has come to `ctx.now`.
    pub fn wake(&mut self, ctx: &mut Context<'_>) -> Ended {
        let deaf = self.patience().is_some_and(|patience| ctx.now >= patience);
        if let Some(watch) = self.watch.as_mut().filter(|_| deaf) {
            watch.give_up();
            let message = format!(
                "the wrist tells no force since {:.1} s: the arm stands until it does, {}",
                limits::WRIST_AGE.as_secs_f64(),
                self.motion.what
            );
            ctx.out.push(SkillOutput::Notice { level: Level::Warning, message });
            self.stop_arm(ctx);
        }
        if ctx.now < self.until {
            return None;
        }
        let what = &self.motion.what;
        Some(Err(match self.at {
            At::Planning(_) => {
                Failure::new(Code::NoMotion, format!("no motion {what} within {} s", limits::PLAN.as_secs()))
            }
            At::Moving(_) => {
                ctx.out.push(SkillOutput::Robot(RobotCommand::StopArm));
                Failure::new(Code::RobotUnavailable, format!("the arm did not say that it ended, {what}"))
            }
            At::Listening { .. } => self.deaf(ctx),
        }))
    }

    /// Ends it early. True where it has ended already; otherwise it ends by itself soon.
    pub fn interrupt(&mut self, ctx: &mut Context<'_>) -> bool {
        let moving = matches!(self.at, At::Moving(_));
        if moving && !self.stopping {
            self.stopping = true;
            self.stop_arm(ctx);
        }
        !moving
    }

    fn stop_arm(&mut self, ctx: &mut Context<'_>) {
        ctx.out.push(SkillOutput::Robot(RobotCommand::StopArm));
        self.until = ctx.now + limits::ARM_STOP;
    }

    fn planned(&mut self, ctx: &mut Context<'_>, result: &Result<JointTrajectory, Failure>) -> Ended {
        let what = &self.motion.what;
        match result {
            Ok(trajectory) => {
                let Some(last) = trajectory.points.last() else {
                    return Some(Err(Failure::new(Code::NoMotion, format!("an empty motion {what}"))));
                };
                if self.rehearse.is_some() {
                    return Some(Ok(Outcome::Rehearsed(last.positions.clone())));
                }
                self.make(ctx, trajectory.clone())
            }
            Err(failure) => {
                let another_may_do = matches!(failure.code, Code::NoMotion | Code::Unreachable);
                let Some(goal) = self.left.pop_front().filter(|_| another_may_do) else {
                    return Some(Err(Failure::new(failure.code, format!("{what}: {}", failure.message))));
                };
                self.goal = goal;
                self.plan(ctx)
            }
        }
    }

    fn plan(&mut self, ctx: &mut Context<'_>) -> Ended {
        match ask(ctx, &self.motion, &self.goal, self.rehearse.as_ref()) {
            Ok(id) => {
                (self.at, self.until) = (At::Planning(id), ctx.now + limits::PLAN);
                None
            }
            Err(failure) => Some(Err(failure)),
        }
    }

    fn make(&mut self, ctx: &mut Context<'_>, mut trajectory: JointTrajectory) -> Ended {
        if let Some(guard) = self.motion.guard {
            if ctx.belief.wrist.pause(ctx.now).is_some() {
                return self.listen(ctx, false);
            }
            trajectory = slowed(&ctx.world.arm, trajectory, guard.speed_m_s);
            let begun = match &mut self.watch {
                Some(watch) => {
                    let mean_n = ctx.belief.wrist.mean_n(ctx.now, &guard.axis);
                    mean_n.map(|mean_n| mean_n.into_iter().for_each(|mean_n| watch.resume(ctx.now, mean_n)))
                }
                none => Watch::begin(guard, ctx.belief, ctx.now).map(|watch| *none = watch),
            };
            if let Err(failure) = begun {
                return Some(Err(failure));
            }
        }
        let id = ctx.ids.command();
        let usual = Duration::from_secs_f64(trajectory.duration_s().clamp(0.0, 600.0));
        ctx.out.push(SkillOutput::Robot(RobotCommand::MoveArm { id, trajectory }));
        (self.at, self.until) = (At::Moving(id), ctx.now + usual + limits::ARM_EXTRA);
        None
    }

    fn ended(&mut self, ctx: &mut Context<'_>, ok: bool, message: &str) -> Ended {
        let fault = || Failure::new(Code::ArmFault, format!("the arm, {}: {message}", self.motion.what));
        let state = self.watch.as_ref().filter(|_| !self.stopping).map(Watch::state);
        match state {
            Some(State::Touched(peak_n)) => Some(Ok(Outcome::Touched(peak_n))),
            Some(State::Deaf) => self.listen(ctx, ok),
            Some(State::Clear) | None if ok && !self.stopping => Some(Ok(Outcome::Moved)),
            Some(State::Clear) | None => Some(Err(fault())),
        }
    }

    /// The arm stands, and the wrist is silent.
    fn listen(&mut self, ctx: &mut Context<'_>, there: bool) -> Ended {
        self.gaps += 1;
        (self.at, self.until) = (At::Listening { there }, ctx.belief.wrist.lost_at());
        if self.gaps > limits::WRIST_GAPS || ctx.now >= self.until {
            return Some(Err(self.deaf(ctx)));
        }
        self.heard(ctx, there)
    }

    /// Goes on where the wrist tells again, with what is left of the motion.
    fn heard(&mut self, ctx: &mut Context<'_>, there: bool) -> Ended {
        if ctx.belief.wrist.pause(ctx.now).is_some() {
            return None;
        }
        if let Some((watch, guard)) = self.watch.as_mut().zip(self.motion.guard) {
            match ctx.belief.wrist.mean_n(ctx.now, &guard.axis) {
                Ok(mean_n) => mean_n.into_iter().for_each(|mean_n| watch.resume(ctx.now, mean_n)),
                Err(failure) => return Some(Err(failure)),
            }
            if let State::Touched(force_n) = watch.state() {
                return Some(Ok(Outcome::Touched(force_n)));
            }
        }
        if there { Some(Ok(Outcome::Moved)) } else { self.plan(ctx) }
    }

    fn deaf(&self, ctx: &Context<'_>) -> Failure {
        let why =
            ctx.belief.wrist.pause(ctx.now).map_or_else(String::new, |why| format!(": {}", why.message));
        let words = format!("{} could not be watched, {} silences{why}", self.motion.what, self.gaps);
        Failure::new(Code::SensorStale, words)
    }
}

fn ask(
    ctx: &mut Context<'_>,
    motion: &Move,
    goal: &MotionGoal,
    rehearse: Option<&Rehearsal>,
) -> Result<EffectId, Failure> {
    let (start, scene) = match rehearse {
        Some(Rehearsal { from, at, opening_m }) => {
            let there = Belief::docked_at(ctx.world, at, *opening_m);
            (from.clone(), scene::build(ctx.world, &there, ctx.ledger, motion.may_touch.clone()))
        }
        None => {
            let start = ctx.belief.joints_now(ctx.now)?.to_vec();
            (start, scene::build(ctx.world, ctx.belief, ctx.ledger, motion.may_touch.clone()))
        }
    };
    let id = ctx.ids.effect();
    let request = PlanRequest { start, goal: goal.clone(), scene, seed: id.0, speed: motion.speed };
    ctx.out.push(SkillOutput::Plan { id, request });
    Ok(id)
}
