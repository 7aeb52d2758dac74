//! What the robot does by itself once a person has allowed motion again: feels what it holds, draws the tool back,
//! looks at its deck, and sets down what it holds.

use crate::context::Context;
use crate::job::Verify;
use crate::ledger::{Ledger, Whereabouts};
use crate::messages::SkillInput;
use crate::program::{Goal, Order, compose, free_deck_slot, ledger_tag};
use crate::runner::{End, Planned, Runner};
use crate::stages::{Debt, Plan};
use nightshift_core::api::Place;
use nightshift_core::{Failure, JobId, Level, SampleId, Stamp, StationId};
use std::collections::VecDeque;

/// The chores underway.
#[derive(Debug)]
pub struct Chores {
    runner: Runner,
    left: VecDeque<Chore>,
    /// Whether the arm is out of any station: before that, none is told that it is.
    drawn_back: bool,
    drawing: bool,
}

#[derive(Debug)]
enum Chore {
    Feel(SampleId),
    DrawBack,
    /// To a station that the last life of the stack had made ready.
    Release(StationId),
    SeekOnDeck(SampleId),
    SetDown(SampleId),
}

/// What a step of the chores came to.
#[derive(Debug, Default)]
pub struct Report {
    /// Words for a person.
    pub notices: Vec<(Level, String)>,
    /// They are over. Inside: what keeps the robot from going on, where something does.
    pub ended: Option<Option<Failure>>,
}

impl Chores {
    /// What there is to do by the ledger.
    pub fn new(ledger: &Ledger) -> Self {
        let samples = || ledger.samples();
        let gripped = samples().filter(|(_, known)| known.whereabouts.may_be(&Place::Gripper));
        let gripped: Vec<SampleId> = gripped.map(|(id, _)| id.clone()).collect();
        let on_deck = samples().filter(|(_, known)| match &known.whereabouts {
            Whereabouts::OneOf(places) => {
                places.iter().any(|place| matches!(place, Place::At(address) if address.on_deck()))
            }
            Whereabouts::At(_) => false,
        });
        let mut left: VecDeque<Chore> = gripped.iter().cloned().map(Chore::Feel).collect();
        left.push_back(Chore::DrawBack);
        left.extend(ledger.owed().keys().cloned().map(Chore::Release));
        left.extend(on_deck.map(|(id, _)| Chore::SeekOnDeck(id.clone())));
        left.extend(gripped.into_iter().map(Chore::SetDown));
        left.push_back(Chore::DrawBack);
        Self { runner: Runner::default(), left, drawn_back: false, drawing: false }
    }

    /// When they want to be woken.
    pub fn next_wake(&self) -> Option<Stamp> {
        self.runner.next_wake()
    }

    /// Begins.
    pub fn begin(&mut self, ctx: &mut Context<'_>) -> Report {
        self.settle(ctx, Some(End::Done))
    }

    /// Takes an input.
    pub fn on(&mut self, ctx: &mut Context<'_>, input: &SkillInput) -> Report {
        let end = self.runner.on(ctx, input);
        self.settle(ctx, end)
    }

    /// Time has come to `ctx.now`.
    pub fn wake(&mut self, ctx: &mut Context<'_>) -> Report {
        let end = self.runner.wake(ctx);
        self.settle(ctx, end)
    }

    /// The gripper says that what it held is gone.
    pub fn slipped(&mut self, ctx: &mut Context<'_>) -> Report {
        let end = self.runner.halt(ctx);
        let samples: Vec<SampleId> = ctx
            .ledger
            .samples()
            .filter(|(_, known)| known.whereabouts.may_be(&Place::Gripper))
            .map(|(id, _)| id.clone())
            .collect();
        for sample in samples {
            self.left.push_front(Chore::Feel(sample));
        }
        self.settle(ctx, end)
    }

    fn settle(&mut self, ctx: &mut Context<'_>, mut end: Option<End>) -> Report {
        let mut report = Report::default();
        while let Some(ended) = end.take() {
            let drawing = std::mem::take(&mut self.drawing);
            self.drawn_back |= drawing && matches!(ended, End::Done);
            if let End::Failed(failure) = ended {
                report.notices.push((failure.code.level(), failure.to_string()));
                if crate::item::stops_robot(failure.code) {
                    report.ended = Some(Some(failure));
                    return report;
                }
            }
            let Some(chore) = self.left.pop_front() else {
                report.ended = Some(None);
                return report;
            };
            if let (Chore::Release(station), false) = (&chore, self.drawn_back) {
                let words = format!("{station} is not released, because the arm may still be in it");
                report.notices.push((Level::Urgent, words));
                end = Some(End::Stopped);
                continue;
            }
            self.drawing = matches!(chore, Chore::DrawBack);
            end = match chore.list(ctx) {
                Ok(list) => self.runner.begin(ctx, list),
                Err(failure) => Some(End::Failed(failure)),
            };
        }
        self.runner.started.clear();
        report
    }
}

impl Chore {
    fn list(&self, ctx: &Context<'_>) -> Result<Vec<Planned>, Failure> {
        let plain = |plans: Vec<Plan>| Ok(plans.into_iter().map(|plan| (None, plan)).collect());
        match self {
            Self::Feel(sample) => plain(vec![Plan::Feel(sample.clone())]),
            Self::DrawBack => plain(vec![Plan::Retreat, Plan::Posture("drive")]),
            Self::Release(station) => plain(vec![Plan::ReleaseSite(station.clone(), Debt::Settle)]),
            Self::SeekOnDeck(sample) => plain(vec![Plan::Seek(sample.clone())]),
            Self::SetDown(sample) => {
                let held = ctx.ledger.sample(sample).and_then(|known| known.whereabouts.known());
                if held != Some(&Place::Gripper) {
                    return Ok(Vec::new());
                }
                let tag = ledger_tag(ctx.ledger, sample)?;
                let now = ctx.situation();
                let target = free_deck_slot(sample, now)?;
                let (job, sample) = (JobId::new("restart"), sample.clone());
                let order = Order { job, sample, source: None, target, tag, verify: Verify::Full };
                compose(&order, Goal::Deliver, now)
            }
        }
    }
}
