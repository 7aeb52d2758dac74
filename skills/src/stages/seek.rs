//! A sample that may be in one of several places, looked for where it can be looked for.

use super::view::{View, Viewed};
use super::{Stage, Step};
use crate::action::{Action, Outcome};
use crate::context::Context;
use crate::ledger::{Body, Whereabouts};
use crate::world::NestRef;
use nightshift_core::api::Place;
use nightshift_core::describe::fiducial_of_code;
use nightshift_core::{Code, Failure, SampleId};
use std::collections::VecDeque;

/// Looks at the nests at hand where a doubtful sample may be, and settles it where it is seen.
#[derive(Debug)]
pub struct Seek {
    sample: SampleId,
    nests: VecDeque<NestRef>,
    view: Option<View>,
    /// What was looked at in vain, in words.
    looked: Vec<String>,
}

impl Seek {
    pub fn new(sample: SampleId) -> Self {
        Self { sample, nests: VecDeque::new(), view: None, looked: Vec::new() }
    }

    fn start(&mut self, ctx: &mut Context<'_>) -> Step {
        let Some(known) = ctx.ledger.sample(&self.sample) else { return Step::Done };
        let Whereabouts::OneOf(places) = &known.whereabouts else { return Step::Done };
        for place in places {
            if let Place::At(address) = place
                && ctx.belief.at_hand(&address.station)
                && !self.nests.contains(&NestRef::of(address))
            {
                self.nests.push_back(NestRef::of(address));
            }
        }
        self.next_nest(ctx)
    }

    fn next_nest(&mut self, ctx: &mut Context<'_>) -> Step {
        let Some(nest) = self.nests.pop_front() else {
            let places = ctx.ledger.sample(&self.sample).map(|known| known.whereabouts.to_string());
            let looked = if self.looked.is_empty() { "nowhere yet".into() } else { self.looked.join(", ") };
            let words =
                format!("{} may be at {}; looked in vain: {looked}", self.sample, places.unwrap_or_default());
            return Step::Fail(Failure::new(Code::InDoubt, words));
        };
        let mut view = View::new(nest);
        let viewed = view.next(ctx, Outcome::Started);
        self.view = Some(view);
        self.step(ctx, viewed)
    }

    fn step(&mut self, ctx: &mut Context<'_>, viewed: Viewed) -> Step {
        let Some(view) = &mut self.view else { return Step::Done };
        match viewed {
            Viewed::Do(action) => Step::Do(action),
            Viewed::Fail(failure) => {
                self.looked.push(format!("{} ({})", view.nest(), failure.message));
                self.next_nest(ctx)
            }
            Viewed::Seen(seen) => {
                let known = ctx.ledger.sample(&self.sample);
                let tag = known.and_then(|known| fiducial_of_code(&known.code));
                let cap = tag.and_then(|tag| seen.cap(tag));
                let at = cap.map(|cap| Place::At(view.nest().slot(&cap.slot)));
                let settled = at.filter(|at| known.is_some_and(|known| known.whereabouts.may_be(at)));
                let Some(at) = settled else {
                    let nest = view.nest().to_string();
                    let elsewhere =
                        cap.map_or(nest.clone(), |cap| format!("{nest} (it is seen over {})", cap.slot));
                    self.looked.push(elsewhere);
                    return self.next_nest(ctx);
                };
                let by = format!("seen: its code over {at}, picture {}", seen.sha256);
                let bodies = vec![Body::Settled { sample: self.sample.clone(), at, by }];
                Step::Do(Action::Record { bodies, job: None })
            }
        }
    }
}

impl Stage for Seek {
    fn next(&mut self, ctx: &mut Context<'_>, last: Outcome) -> Step {
        match last {
            Outcome::Started => self.start(ctx),
            Outcome::Recorded => Step::Done,
            last => {
                let Some(view) = &mut self.view else { return Step::Done };
                let viewed = view.next(ctx, last);
                self.step(ctx, viewed)
            }
        }
    }

    fn failed(&mut self, ctx: &mut Context<'_>, failure: Failure) -> Step {
        // A nest that cannot be looked at leaves the others.
        match failure.code {
            Code::NoMotion | Code::Unreachable => self.step(ctx, Viewed::Fail(failure)),
            _ => Step::Fail(failure),
        }
    }
}
