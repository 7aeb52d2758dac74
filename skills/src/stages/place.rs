//! A sample into a slot.

use super::insert::{Inserted, Insertion};
use super::{Stage, Step};
use crate::action::{Action, Outcome};
use crate::context::Context;
use crate::grasp::Spot;
use crate::ledger::Body;
use crate::world::NestRef;
use crate::{limits, scene};
use nightshift_core::api::Place as Location;
use nightshift_core::{Address, Code, Failure, SampleId};

/// Goes above the slot, writes down that it is about to act, feels its way down to the seat, opens, and leaves. What does
/// not go in is drawn out again and kept. Whether the sample stands there is for the next stage to see.
#[derive(Debug)]
pub struct Place {
    sample: SampleId,
    to: Address,
    at: At,
}

#[derive(Debug)]
enum At {
    Start,
    Approaching,
    Recording,
    /// At rest, to tare the wrist.
    Resting,
    Inserting(Box<Insertion>),
    Opening,
    Leaving,
    Tightening(Failure),
    DrawingOut(Failure),
}

impl Place {
    pub fn new(sample: SampleId, to: Address) -> Self {
        Self { sample, to, at: At::Start }
    }

    fn go(&mut self, ctx: &mut Context<'_>, last: Outcome) -> Result<Step, Failure> {
        let spot = Spot::of(ctx.situation(), &self.sample, &self.to)?;
        let touches = scene::among_vials(ctx.ledger, &NestRef::of(&self.to), Some(&self.sample));
        let (next, action) = match (std::mem::replace(&mut self.at, At::Start), last) {
            (At::Start, _) => {
                let what = format!("above {} with {}", self.to, self.sample);
                (At::Approaching, Action::Move(spot.approach(what, limits::SPEED_HELD, touches)))
            }
            (At::Approaching, _) => {
                let (from, to) = (Location::Gripper, Location::At(self.to.clone()));
                let bodies = vec![Body::Begun { sample: self.sample.clone(), from, to }];
                (At::Recording, Action::Record { bodies, job: None })
            }
            (At::Recording, _) => (At::Resting, Action::Rest(limits::WRIST_REST)),
            (At::Resting, _) => {
                let (rack, _) = ctx.world.slot(&self.to)?;
                let firm_n = ctx.belief.grip.as_ref().map_or(spot.vial.grasp.force_n, |grip| grip.force_n);
                let touches = touches.into_iter().chain(scene::under(ctx.world, &self.to)).collect();
                let insertion = Insertion::new(&self.to, &spot, rack, firm_n, touches);
                let action = insertion.begin(ctx, &spot);
                (At::Inserting(Box::new(insertion)), action)
            }
            (At::Inserting(mut insertion), last) => {
                let inserted = insertion.next(ctx, &spot, &last)?;
                self.after(ctx, &spot, insertion, inserted)?
            }
            (At::Opening, Outcome::Gripped { opening_m, .. }) => {
                let least = spot.vial.diameter_m + limits::RELEASED_M;
                if opening_m < least {
                    let words = format!(
                        "the fingers opened to {:.1} mm over {}, {:.1} mm let go of {}",
                        opening_m * 1e3,
                        self.to,
                        least * 1e3,
                        self.sample
                    );
                    return Err(Failure::new(Code::PlaceFailed, words));
                }
                let what = format!("up from {}", self.to);
                (At::Leaving, self.up(ctx, &spot, what)?)
            }
            (At::Opening, other) => unreachable!("the gripper answers with how it ended, not {other:?}"),
            (At::Leaving, _) => return Ok(Step::Done),
            (At::Tightening(failure), _) => {
                let what = format!("up out of {} with {}", self.to, self.sample);
                (At::DrawingOut(failure), self.up(ctx, &spot, what)?)
            }
            (At::DrawingOut(failure), _) => return Err(failure),
        };
        self.at = next;
        Ok(Step::Do(action))
    }

    fn after(
        &self,
        ctx: &mut Context<'_>,
        spot: &Spot,
        insertion: Box<Insertion>,
        inserted: Inserted,
    ) -> Result<(At, Action), Failure> {
        match inserted {
            Inserted::Do(action) => Ok((At::Inserting(insertion), action)),
            Inserted::Seated => {
                // From here on an empty grip is what is wanted.
                ctx.belief.grip = None;
                let rule = spot.vial.grasp;
                Ok((At::Opening, Action::Grip { opening_m: rule.opening_m, force_n: rule.force_n }))
            }
            Inserted::Blocked(failure) => {
                let force_n = insertion.firm_n();
                Ok((At::Tightening(failure), Action::Grip { opening_m: 0.0, force_n }))
            }
        }
    }

    fn up(&self, ctx: &Context<'_>, spot: &Spot, what: String) -> Result<Action, Failure> {
        let touches = scene::among_vials(ctx.ledger, &NestRef::of(&self.to), Some(&self.sample));
        Ok(Action::Move(spot.line(ctx, what, spot.clear_m(), touches)?))
    }

    fn no_way(&mut self, ctx: &mut Context<'_>, failure: Failure) -> Result<Step, Failure> {
        let At::Inserting(mut insertion) = std::mem::replace(&mut self.at, At::Start) else {
            return Err(failure);
        };
        let spot = Spot::of(ctx.situation(), &self.sample, &self.to)?;
        let inserted = insertion.no_way(ctx, &spot, &failure)?;
        let (next, action) = self.after(ctx, &spot, insertion, inserted)?;
        self.at = next;
        Ok(Step::Do(action))
    }
}

impl Stage for Place {
    fn next(&mut self, ctx: &mut Context<'_>, last: Outcome) -> Step {
        self.go(ctx, last).unwrap_or_else(Step::Fail)
    }

    fn failed(&mut self, ctx: &mut Context<'_>, failure: Failure) -> Step {
        match failure.code {
            Code::NoMotion | Code::Unreachable => self.no_way(ctx, failure).unwrap_or_else(Step::Fail),
            _ => Step::Fail(failure),
        }
    }

    fn may_stop(&self) -> bool {
        matches!(self.at, At::Start | At::Approaching)
    }
}
