//! A sample out of its slot, between the fingers.

use super::{Stage, Step};
use crate::action::{Action, Context, Outcome};
use crate::belief::Grip;
use crate::grasp::Spot;
use crate::ledger::Body;
use crate::limits;
use crate::scene;
use crate::world::NestRef;
use nightshift_core::api::{Evidence, Place};
use nightshift_core::{Address, Code, Failure, SampleId};

/// Opens, goes above the slot, writes down that it is about to act, goes down, closes with the vial's force, compares
/// the width, and lifts. A grasp that missed is let go where it is, so that the vial stays in its slot.
#[derive(Debug)]
pub struct Pick {
    sample: SampleId,
    from: Address,
    at: At,
}

#[derive(Debug, PartialEq)]
enum At {
    Start,
    Opening,
    Approaching,
    Recording,
    Descending,
    Closing,
    Lifting,
    LettingGo(Failure),
    Leaving(Failure),
}

impl Pick {
    pub fn new(sample: SampleId, from: Address) -> Self {
        Self { sample, from, at: At::Start }
    }

    fn touches(&self, ctx: &Context<'_>) -> Vec<(String, String)> {
        scene::among_vials(ctx.ledger, &NestRef::of(&self.from), Some(&self.sample))
    }

    fn go(&mut self, ctx: &mut Context<'_>, last: Outcome) -> Result<Step, Failure> {
        let spot = Spot::as_seen(ctx.situation(), &self.sample, &self.from)?;
        let rule = spot.vial.grasp;
        let (next, action) = match (&self.at, last) {
            (At::Start, _) => {
                (At::Opening, Action::Grip { opening_m: rule.opening_m, force_n: rule.force_n })
            }
            (At::Opening, Outcome::Gripped { opening_m, .. }) => {
                if opening_m < rule.opening_m - limits::WIDTH_M {
                    let words = format!(
                        "the fingers opened to {:.1} mm, asked were {:.1} mm",
                        opening_m * 1e3,
                        rule.opening_m * 1e3
                    );
                    return Err(Failure::new(Code::RobotUnavailable, words));
                }
                let what = format!("above {}", self.from);
                (At::Approaching, Action::Move(spot.approach(what, limits::SPEED_FREE, Vec::new())))
            }
            (At::Approaching, _) => {
                let (from, to) = (Place::At(self.from.clone()), Place::Gripper);
                let bodies = vec![Body::Begun { sample: self.sample.clone(), from, to }];
                (At::Recording, Action::Record { bodies, job: None })
            }
            (At::Recording, _) => {
                let what = format!("down to {} in {}", self.sample, self.from);
                (At::Descending, Action::Move(spot.line(ctx, what, spot.seat_m(), self.touches(ctx))?))
            }
            (At::Descending, _) => (At::Closing, Action::Grip { opening_m: 0.0, force_n: rule.force_n }),
            (At::Closing, Outcome::Gripped { opening_m, force_n, stalled }) => {
                let off = opening_m - spot.vial.diameter_m;
                if !stalled || off.abs() > limits::WIDTH_M {
                    let words = format!(
                        "the fingers closed to {:.1} mm with {force_n:.1} N over {}, {} is {:.1} mm wide",
                        opening_m * 1e3,
                        self.from,
                        self.sample,
                        spot.vial.diameter_m * 1e3
                    );
                    let missed = Failure::new(Code::GraspMissed, words);
                    let open = Action::Grip { opening_m: rule.opening_m, force_n: rule.force_n };
                    (At::LettingGo(missed), open)
                } else {
                    ctx.belief.grip = Some(Grip {
                        sample: self.sample.clone(),
                        width_m: opening_m,
                        force_n: rule.force_n,
                        from: Some(self.from.clone()),
                    });
                    ctx.evidence.push(Evidence {
                        kind: "grip".into(),
                        sha256: String::new(),
                        path: String::new(),
                        text: format!("closed on {:.1} mm with {force_n:.1} N", opening_m * 1e3),
                        stamp: ctx.now,
                    });
                    let what = format!("up with {} from {}", self.sample, self.from);
                    (At::Lifting, Action::Move(spot.line(ctx, what, spot.clear_m(), self.touches(ctx))?))
                }
            }
            (At::Lifting, _) => return Ok(Step::Done),
            (At::LettingGo(missed), _) => {
                let what = format!("up from {}", self.from);
                let up = spot.line(ctx, what, spot.clear_m(), self.touches(ctx))?;
                (At::Leaving(missed.clone()), Action::Move(up))
            }
            (At::Leaving(missed), _) => return Err(missed.clone()),
            (At::Opening | At::Closing, other) => {
                unreachable!("the gripper answers with how it ended, not {other:?}")
            }
        };
        self.at = next;
        Ok(Step::Do(action))
    }
}

impl Stage for Pick {
    fn next(&mut self, ctx: &mut Context<'_>, last: Outcome) -> Step {
        self.go(ctx, last).unwrap_or_else(Step::Fail)
    }

    fn may_stop(&self) -> bool {
        matches!(self.at, At::Start | At::Approaching)
    }
}
