//! A sample into a slot.

use super::{Stage, Step};
use crate::action::{Action, Context, Outcome};
use crate::grasp::Spot;
use crate::ledger::Body;
use crate::world::NestRef;
use crate::{limits, scene};
use nightshift_core::api::Place as Location;
use nightshift_core::{Address, Code, Failure, SampleId};

/// Goes above the slot, writes down that it is about to act, goes down to just above the seat, opens, and leaves.
/// Whether the sample stands there is for the next stage to see.
#[derive(Debug)]
pub struct Place {
    sample: SampleId,
    to: Address,
    at: At,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum At {
    Start,
    Approaching,
    Recording,
    Descending,
    Opening,
    Leaving,
}

impl Place {
    pub fn new(sample: SampleId, to: Address) -> Self {
        Self { sample, to, at: At::Start }
    }

    fn go(&mut self, ctx: &mut Context<'_>, last: Outcome) -> Result<Step, Failure> {
        let spot = Spot::of(ctx.situation(), &self.sample, &self.to)?;
        let touches = scene::among_vials(ctx.ledger, &NestRef::of(&self.to), Some(&self.sample));
        let (next, action) = match (self.at, last) {
            (At::Start, _) => {
                let what = format!("above {} with {}", self.to, self.sample);
                (At::Approaching, Action::Move(spot.approach(what, limits::SPEED_HELD, touches)))
            }
            (At::Approaching, _) => {
                let (from, to) = (Location::Gripper, Location::At(self.to.clone()));
                let bodies = vec![Body::Begun { sample: self.sample.clone(), from, to }];
                (At::Recording, Action::Record { bodies, job: None })
            }
            (At::Recording, _) => {
                let what = format!("down into {} with {}", self.to, self.sample);
                let height = spot.seat_m() + limits::RELEASE_M;
                (At::Descending, Action::Move(spot.line(ctx, what, height, touches)?))
            }
            (At::Descending, _) => {
                // From here on an empty grip is what is wanted.
                ctx.belief.grip = None;
                let rule = spot.vial.grasp;
                (At::Opening, Action::Grip { opening_m: rule.opening_m, force_n: rule.force_n })
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
                (At::Leaving, Action::Move(spot.line(ctx, what, spot.clear_m(), touches)?))
            }
            (At::Opening, other) => unreachable!("the gripper answers with how it ended, not {other:?}"),
            (At::Leaving, _) => return Ok(Step::Done),
        };
        self.at = next;
        Ok(Step::Do(action))
    }
}

impl Stage for Place {
    fn next(&mut self, ctx: &mut Context<'_>, last: Outcome) -> Step {
        self.go(ctx, last).unwrap_or_else(Step::Fail)
    }

    fn may_stop(&self) -> bool {
        matches!(self.at, At::Start | At::Approaching)
    }
}
