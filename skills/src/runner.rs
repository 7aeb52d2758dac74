//! Runs a list of stages, one action at a time.

use crate::action::Outcome;
use crate::context::Context;
use crate::messages::SkillInput;
use crate::running::Running;
use crate::stages::{Plan, Stage, Step};
use nightshift_core::api::Phase;
use nightshift_core::{Failure, Stamp};
use std::collections::VecDeque;

/// A stage with the phase that planners are told; none keeps the phase as it is.
pub type Planned = (Option<Phase>, Plan);

/// How a list of stages ended.
#[derive(Debug)]
pub enum End {
    /// All are done.
    Done,
    /// One could not be done; the rest is dropped.
    Failed(Failure),
    /// Broken off, as was asked.
    Stopped,
}

/// A stage has begun.
#[derive(Debug)]
pub struct Started {
    /// See [`Planned`].
    pub phase: Option<Phase>,
    /// Words for a person.
    pub what: String,
    /// Usual time from here to the end of the list, seconds.
    pub left_s: f64,
    /// Share of the list that lies behind, 0 to 1.
    pub share: f64,
}

/// A list of stages underway.
#[derive(Debug, Default)]
pub struct Runner {
    plans: VecDeque<Planned>,
    stage: Option<Box<dyn Stage>>,
    action: Option<Running>,
    stop: Stop,
    total_s: f64,
    /// Stages that have begun, to be told and cleared.
    pub started: Vec<Started>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Stop {
    #[default]
    No,
    /// At the next safe point.
    Soon,
    /// Whatever the fingers are about to do no longer makes sense.
    Now,
}

impl Runner {
    /// Takes a list of stages in place of what it had, and begins.
    pub fn begin(&mut self, ctx: &mut Context<'_>, plans: Vec<Planned>) -> Option<End> {
        let total_s = plans.iter().map(|(_, plan)| plan.usual_s()).sum();
        let started = std::mem::take(&mut self.started);
        *self = Self { plans: plans.into(), total_s, started, ..Self::default() };
        self.go(ctx, None)
    }

    /// When it wants to be woken.
    pub fn next_wake(&self) -> Option<Stamp> {
        Some(self.action.as_ref()?.next_wake())
    }

    /// Takes an input.
    pub fn on(&mut self, ctx: &mut Context<'_>, input: &SkillInput) -> Option<End> {
        let ended = self.action.as_mut()?.on(ctx, input)?;
        self.ended(ctx, ended)
    }

    /// Time has come to `ctx.now`.
    pub fn wake(&mut self, ctx: &mut Context<'_>) -> Option<End> {
        let ended = self.action.as_mut()?.wake(ctx)?;
        self.ended(ctx, ended)
    }

    /// Breaks off at the next point where that is safe: at once, but not while the fingers act on a sample.
    pub fn stop(&mut self, ctx: &mut Context<'_>) -> Option<End> {
        self.stop = self.stop.max(Stop::Soon);
        let may_stop = self.stage.as_ref().is_none_or(|stage| stage.may_stop());
        if may_stop { self.interrupt(ctx) } else { None }
    }

    /// Breaks off as soon as the arm can be stopped, whatever it is doing.
    pub fn halt(&mut self, ctx: &mut Context<'_>) -> Option<End> {
        self.stop = Stop::Now;
        self.interrupt(ctx)
    }

    fn interrupt(&mut self, ctx: &mut Context<'_>) -> Option<End> {
        let over = self.action.as_mut().is_none_or(|action| action.interrupt(ctx));
        if over { self.end(End::Stopped) } else { None }
    }

    fn ended(&mut self, ctx: &mut Context<'_>, result: Result<Outcome, Failure>) -> Option<End> {
        self.action = None;
        if self.breaks_off() { self.end(End::Stopped) } else { self.go(ctx, Some(result)) }
    }

    fn breaks_off(&self) -> bool {
        match self.stop {
            Stop::No => false,
            Stop::Soon => self.stage.as_ref().is_some_and(|stage| stage.may_stop()),
            Stop::Now => true,
        }
    }

    fn go(&mut self, ctx: &mut Context<'_>, mut result: Option<Result<Outcome, Failure>>) -> Option<End> {
        loop {
            let step = match (&mut self.stage, result.take()) {
                (None, _) => {
                    let Some((phase, plan)) = self.plans.pop_front() else { return self.end(End::Done) };
                    if self.stop != Stop::No {
                        return self.end(End::Stopped);
                    }
                    let left_s: f64 =
                        plan.usual_s() + self.plans.iter().map(|(_, p)| p.usual_s()).sum::<f64>();
                    let share = if self.total_s > 0.0 { 1.0 - left_s / self.total_s } else { 0.0 };
                    self.started.push(Started { phase, what: plan.to_string(), left_s, share });
                    self.stage.insert(plan.build()).next(ctx, Outcome::Started)
                }
                (Some(stage), Some(Ok(outcome))) => stage.next(ctx, outcome),
                (Some(stage), Some(Err(failure))) => stage.failed(ctx, failure),
                (Some(_), None) => return None,
            };
            match step {
                Step::Do(_) if self.breaks_off() => return self.end(End::Stopped),
                Step::Do(action) => match Running::start(action, ctx) {
                    Ok(running) => self.action = Some(running),
                    Err(ended) => result = Some(ended),
                },
                Step::Done => self.stage = None,
                Step::Fail(failure) => return self.end(End::Failed(failure)),
            }
            if self.action.is_some() {
                return None;
            }
        }
    }

    fn end(&mut self, end: End) -> Option<End> {
        self.plans.clear();
        self.stage = None;
        self.action = None;
        Some(end)
    }
}
