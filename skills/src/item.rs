//! One sample's part of a job: which list of stages comes next, after success, failure and the caller's word.

use crate::context::Context;
use crate::job::{Policy, Spec};
use crate::ledger::{Body, Ledger, Whereabouts};
use crate::limits;
use crate::program::{self, Goal, Order};
use crate::runner::{End, Planned};
use crate::stages::Plan;
use nightshift_core::api::{Effect, Evidence, ItemOutcome, ItemStatus, Phase, Place};
use nightshift_core::describe::fiducial_of_code;
use nightshift_core::{Code, Failure, JobId, Level};
use std::collections::BTreeSet;

/// Why a job is ended early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Halt {
    /// By the caller.
    Cancelled,
    /// By its deadline.
    Deadline,
}

/// A sample underway.
#[derive(Debug)]
pub struct ItemRun {
    order: Order,
    dry_run: bool,
    policy: Policy,
    doing: Doing,
    goal: Goal,
    grasps: u32,
    retries: u32,
    settles: u32,
    slipped: bool,
    weak: Option<Failure>,
    halt: Option<Halt>,
    cause: Option<Failure>,
    /// What went wrong with the station when the sample was at its target already.
    late: Option<Failure>,
    /// What shows how it went.
    pub evidence: Vec<Evidence>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doing {
    /// Reserving in the ledger; for a dry run, rehearsing.
    Preparing,
    /// Finding out whether a doubtful sample is held, before anything else.
    Feeling,
    /// Towards the goal.
    Going,
    /// Finding out where the sample is after something went wrong.
    Settling,
    /// It has ended.
    Over,
}

/// What comes after a list of stages.
#[derive(Debug)]
pub enum Next {
    /// This list.
    Run(Vec<Planned>),
    /// Nothing: the item has ended.
    Over,
}

impl ItemRun {
    /// An item that has been admitted.
    pub fn new(order: Order, spec: &Spec) -> Self {
        let retries = match spec.policy {
            Policy::Retry(times) => times,
            Policy::PutBack | Policy::Hold => 0,
        };
        Self {
            order,
            dry_run: spec.dry_run,
            policy: spec.policy,
            doing: Doing::Preparing,
            goal: Goal::Deliver,
            grasps: limits::GRASPS,
            retries,
            settles: limits::SETTLES,
            slipped: false,
            weak: None,
            halt: None,
            cause: None,
            late: None,
            evidence: Vec::new(),
        }
    }

    /// What it is about.
    pub fn order(&self) -> &Order {
        &self.order
    }

    /// The first list.
    pub fn begin(&self, job: &JobId) -> Vec<Planned> {
        let (sample, target) = (self.order.sample.clone(), self.order.target.clone());
        if self.dry_run {
            let slots = self.order.source.iter().chain([&self.order.target]);
            return slots
                .map(|slot| (Some(Phase::Locate), Plan::Rehearse(sample.clone(), slot.clone())))
                .collect();
        }
        let reserved = Body::Reserved { job: job.clone(), sample, to: target };
        vec![(Some(Phase::Reserved), Plan::Write(vec![reserved], None))]
    }

    /// The caller, or the deadline, wants it to end.
    pub fn halt(&mut self, halt: Halt) {
        self.halt.get_or_insert(halt);
    }

    /// The gripper says that the sample is gone.
    pub fn slipped(&mut self) {
        self.slipped = true;
    }

    /// The gripper holds the sample with too little.
    pub fn weak(&mut self, failure: Failure) {
        self.weak = Some(failure);
    }

    /// What comes after a list that ended so. Failures that were overcome are told by `notices`.
    pub fn after(&mut self, ctx: &mut Context<'_>, end: End, notices: &mut Vec<(Level, String)>) -> Next {
        let slipped = std::mem::take(&mut self.slipped);
        if slipped {
            let from = ctx.belief.grip.as_ref().and_then(|grip| grip.from.as_ref());
            let place = from.map_or_else(|| "the gripper".to_owned(), ToString::to_string);
            let words = format!("{} slipped out of the fingers on the way from {place}", self.order.sample);
            return self.settle(Failure::new(Code::GraspLost, words), notices);
        }
        if let Some(failure) = self.weak.take() {
            self.note(failure, notices);
            return self.stopped(ctx, notices);
        }
        match end {
            End::Done => self.done(ctx, notices),
            End::Failed(failure) => self.failed(ctx, failure, notices),
            End::Stopped => self.stopped(ctx, notices),
        }
    }

    fn done(&mut self, ctx: &mut Context<'_>, notices: &mut Vec<(Level, String)>) -> Next {
        match self.doing {
            Doing::Preparing if self.dry_run => self.over(),
            _ if self.halt.is_some() => self.recover(ctx, notices),
            Doing::Preparing => {
                let doubtful = self.whereabouts(ctx).is_some_and(|at| at.known().is_none());
                if doubtful {
                    self.doing = Doing::Feeling;
                    let feel = Plan::Feel(self.order.sample.clone());
                    return Next::Run(vec![(Some(Phase::Locate), feel)]);
                }
                self.go(ctx, Goal::Deliver, notices)
            }
            Doing::Feeling => self.go(ctx, Goal::Deliver, notices),
            Doing::Settling => self.recover(ctx, notices),
            Doing::Going | Doing::Over => self.over(),
        }
    }

    fn failed(
        &mut self,
        ctx: &mut Context<'_>,
        failure: Failure,
        notices: &mut Vec<(Level, String)>,
    ) -> Next {
        let known = self.whereabouts(ctx).and_then(|at| at.known().cloned());
        let there = known == Some(Place::At(self.order.target.clone()));
        if there && !self.dry_run && stops_robot(failure.code) {
            // The sample is where it should be; that nothing may move now must be told all the same.
            notices.push((failure.code.level(), format!("{}: {failure}", self.order.sample)));
            self.late = Some(failure);
            return self.over();
        }
        if self.dry_run || self.doing == Doing::Preparing || stops_robot(failure.code) {
            self.cause = Some(failure);
            return self.over();
        }
        if self.doing == Doing::Settling {
            notices.push((failure.code.level(), failure.to_string()));
            let cause = self.cause.get_or_insert_with(|| failure.clone());
            if *cause != failure {
                cause.message = format!("{}; {}", cause.message, failure.message);
            }
            return self.over();
        }
        if there && (is_site(failure.code) || failure.code == Code::SeenUnseated) {
            notices.push((failure.code.level(), format!("{}: {failure}", self.order.sample)));
            self.late = Some(failure);
            return self.over();
        }
        match known {
            Some(at) if failure.code == Code::SampleMissing => self.missing(at, failure, notices),
            Some(at) if failure.code == Code::WrongIdentity && self.expects_what_the_ledger_has(ctx) => {
                self.missing(at, failure, notices)
            }
            Some(_) if failure.code != Code::GraspLost => {
                self.note(failure, notices);
                self.recover(ctx, notices)
            }
            _ => self.settle(failure, notices),
        }
    }

    /// Whether another label than was asked for is another than the ledger knows, and not only than the caller thinks.
    fn expects_what_the_ledger_has(&self, ctx: &Context<'_>) -> bool {
        let known = ctx.ledger.sample(&self.order.sample).and_then(|known| fiducial_of_code(&known.code));
        known == Some(self.order.tag)
    }

    /// It was looked for where the ledger has it, and is not seen, or another's label is: the ledger must not stay certain of it.
    fn missing(&mut self, at: Place, failure: Failure, notices: &mut Vec<(Level, String)>) -> Next {
        let doubted = Body::Doubted {
            sample: self.order.sample.clone(),
            places: BTreeSet::from([at, Place::Nowhere]),
            why: failure.message.clone(),
        };
        self.note(failure, notices);
        self.doing = Doing::Settling;
        Next::Run(vec![(None, Plan::Write(vec![doubted], None))])
    }

    fn stopped(&mut self, ctx: &mut Context<'_>, notices: &mut Vec<(Level, String)>) -> Next {
        let certain = self.whereabouts(ctx).is_some_and(|at| at.known().is_some());
        if certain { self.recover(ctx, notices) } else { self.find(notices) }
    }

    fn note(&mut self, failure: Failure, notices: &mut Vec<(Level, String)>) {
        notices.push((failure.code.level(), format!("{}: {failure}", self.order.sample)));
        self.cause = Some(failure);
    }

    fn settle(&mut self, failure: Failure, notices: &mut Vec<(Level, String)>) -> Next {
        self.note(failure, notices);
        self.find(notices)
    }

    fn find(&mut self, notices: &mut Vec<(Level, String)>) -> Next {
        if self.settles == 0 {
            let words = format!("{} was looked for {} times", self.order.sample, limits::SETTLES);
            notices.push((Level::Critical, words));
            return self.over();
        }
        self.settles -= 1;
        self.doing = Doing::Settling;
        let sample = &self.order.sample;
        let list = [Plan::Feel(sample.clone()), Plan::Retreat, Plan::Seek(sample.clone())];
        Next::Run(list.into_iter().map(|plan| (None, plan)).collect())
    }

    /// Where the sample is known again, or still: on to the next best goal.
    fn recover(&mut self, ctx: &mut Context<'_>, notices: &mut Vec<(Level, String)>) -> Next {
        let target = Place::At(self.order.target.clone());
        let Some(at) = self.whereabouts(ctx).and_then(|at| at.known().cloned()) else { return self.over() };
        if at == target {
            // Seen there after all.
            self.cause = None;
            return self.over();
        }
        if self.halt.is_some() {
            return if self.goal == Goal::Safe && self.doing == Doing::Going {
                self.over()
            } else {
                self.go(ctx, Goal::Safe, notices)
            };
        }
        let code = self.cause.as_ref().map(|cause| cause.code);
        let missed = matches!(code, Some(Code::GraspMissed | Code::GraspLost));
        if missed && self.grasps > 0 {
            self.grasps -= 1;
            return self.go(ctx, self.goal, notices);
        }
        if self.goal == Goal::Deliver && self.retries > 0 && code.is_none_or(Code::retriable) {
            self.retries -= 1;
            return self.go(ctx, Goal::Deliver, notices);
        }
        if code == Some(Code::GripTooWeak) && at == Place::Gripper && self.goal != Goal::Safe {
            return self.go(ctx, Goal::Safe, notices);
        }
        let touched = ctx.ledger.sample(&self.order.sample).is_some_and(|sample| sample.touched);
        let home = self.order.source.clone().map(Place::At);
        if !touched || home.as_ref() == Some(&at) {
            return self.over();
        }
        match (self.goal, self.policy) {
            (Goal::Deliver, Policy::PutBack | Policy::Retry(_)) => self.go(ctx, Goal::Return, notices),
            (Goal::Deliver | Goal::Return, _) => self.go(ctx, Goal::Safe, notices),
            (Goal::Safe, _) => self.over(),
        }
    }

    fn go(&mut self, ctx: &mut Context<'_>, goal: Goal, notices: &mut Vec<(Level, String)>) -> Next {
        self.goal = goal;
        self.doing = Doing::Going;
        let now = ctx.situation();
        match program::compose(&self.order, goal, now) {
            Ok(list) if list.is_empty() => self.over(),
            Ok(list) => Next::Run(list),
            Err(failure) if goal == Goal::Safe => {
                self.note(failure, notices);
                self.over()
            }
            Err(failure) => {
                self.note(failure, notices);
                self.retries = 0;
                self.recover(ctx, notices)
            }
        }
    }

    fn over(&mut self) -> Next {
        self.doing = Doing::Over;
        Next::Over
    }

    fn whereabouts(&self, ctx: &Context<'_>) -> Option<Whereabouts> {
        ctx.ledger.sample(&self.order.sample).map(|sample| sample.whereabouts.clone())
    }

    /// How it ended, by the ledger. The entry that settles it is yet to be written, as `ledger_seq`.
    pub fn outcome(&self, ledger: &Ledger, ledger_seq: u64) -> ItemOutcome {
        let sample = &self.order.sample;
        let (whereabouts, touched) = match ledger.sample(sample) {
            Some(known) => (known.whereabouts.clone(), known.touched && !self.dry_run),
            None => (Whereabouts::OneOf(BTreeSet::new()), false),
        };
        let delivered = whereabouts == Whereabouts::At(Place::At(self.order.target.clone()));
        let (status, effect, error) = match (&whereabouts, self.halt) {
            (Whereabouts::At(_), _) if delivered && self.late.is_some() => {
                let effect = if touched { Effect::Placed } else { Effect::None };
                (ItemStatus::Failed, effect, self.late.clone())
            }
            (Whereabouts::At(_), _) if delivered && touched => (ItemStatus::Done, Effect::Placed, None),
            (Whereabouts::At(_), _) if delivered => (ItemStatus::AlreadyThere, Effect::None, None),
            (Whereabouts::At(_), _) if self.dry_run && self.cause.is_none() && self.halt.is_none() => {
                (ItemStatus::Done, Effect::None, None)
            }
            (Whereabouts::OneOf(_), _) if touched => {
                let doubt = || Failure::new(Code::InDoubt, format!("{sample} may be at {whereabouts}"));
                (ItemStatus::InDoubt, Effect::Unknown, Some(self.cause.clone().unwrap_or_else(doubt)))
            }
            (at, halt) => {
                let effect = if touched { Effect::Picked } else { Effect::None };
                let (status, error) = match halt {
                    Some(halt) => (halt.status(), halt.failure(&format!("{sample} is at {at}"))),
                    None => (
                        ItemStatus::Failed,
                        self.cause.clone().unwrap_or_else(|| {
                            Failure::new(Code::InDoubt, format!("{sample} is at {at}, and nothing says why"))
                        }),
                    ),
                };
                (status, effect, Some(error))
            }
        };
        ItemOutcome {
            sample_id: sample.clone(),
            status,
            effect,
            location: whereabouts.to_string(),
            evidence: self.evidence.clone(),
            error,
            ledger_seq,
        }
    }

    /// Why it is not done, so far.
    pub fn cause(&self) -> Option<&Failure> {
        self.cause.as_ref()
    }
}

impl Halt {
    /// How items end that it ended.
    pub fn status(self) -> ItemStatus {
        match self {
            Self::Cancelled => ItemStatus::Cancelled,
            Self::Deadline => ItemStatus::Failed,
        }
    }

    /// What callers are told.
    pub fn failure(self, words: &str) -> Failure {
        match self {
            Self::Cancelled => Failure::new(Code::Cancelled, format!("cancelled by the caller; {words}")),
            Self::Deadline => Failure::new(Code::DeadlinePassed, format!("the deadline passed; {words}")),
        }
    }
}

/// Whether a failure is the station's: the sample is where it was.
fn is_site(code: Code) -> bool {
    (600..700).contains(&code.number())
}

/// Whether nothing may move after this until somebody has looked.
pub fn stops_robot(code: Code) -> bool {
    matches!(code, Code::ArmFault | Code::RobotUnavailable | Code::SensorStale | Code::StoreUnavailable)
}

/// Whether the robot takes no more work after a job that ended so, until somebody has looked.
pub fn needs_a_look(failure: &Failure, status: ItemStatus) -> bool {
    stops_robot(failure.code) || status == ItemStatus::InDoubt
}
