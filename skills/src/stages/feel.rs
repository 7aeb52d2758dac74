//! What the fingers tell: whether a sample is held, and whether it was let go.

use super::{Stage, Step};
use crate::action::{Action, Outcome};
use crate::belief::Grip;
use crate::context::Context;
use crate::ledger::{Body, Whereabouts};
use crate::{grip, limits};
use nightshift_core::api::{Evidence, Place};
use nightshift_core::describe::Vial;
use nightshift_core::{Address, Code, Failure, SampleId};
use std::collections::BTreeSet;

fn vial_of<'a>(ctx: &Context<'a>, sample: &SampleId) -> Result<&'a Vial, Failure> {
    let known = ctx
        .ledger
        .sample(sample)
        .ok_or_else(|| Failure::new(Code::UnknownSample, format!("sample {sample} is not in the ledger")))?;
    ctx.world.vial(&known.labware)
}

fn settle(sample: &SampleId, at: Place, by: String) -> Action {
    Action::Record { bodies: vec![Body::Settled { sample: sample.clone(), at, by }], job: None }
}

/// The tug check: after the lift, width and force must still be the sample's. Then the ledger has it in the gripper.
#[derive(Debug)]
pub struct VerifyPick {
    sample: SampleId,
    from: Address,
}

impl VerifyPick {
    pub fn new(sample: SampleId, from: Address) -> Self {
        Self { sample, from }
    }

    fn check(&self, ctx: &mut Context<'_>) -> Result<Action, Failure> {
        let vial = vial_of(ctx, &self.sample)?;
        let state = ctx.belief.gripper_now(ctx.now)?;
        let measured = format!("{:.1} mm and {:.1} N after the lift", state.opening_m * 1e3, state.force_n);
        if ctx.belief.feels(ctx.now, vial) != Some(true) {
            let words = format!(
                "the fingers hold {measured} from {}; {} is {:.1} mm wide and held with {:.1} N",
                self.from,
                self.sample,
                vial.diameter_m * 1e3,
                vial.grasp.force_n
            );
            return Err(Failure::new(Code::GraspLost, words));
        }
        ctx.evidence.push(Evidence {
            kind: "grip".into(),
            sha256: String::new(),
            path: String::new(),
            text: measured.clone(),
            stamp: state.stamp,
        });
        Ok(settle(&self.sample, Place::Gripper, format!("felt: {measured}")))
    }
}

impl Stage for VerifyPick {
    fn next(&mut self, ctx: &mut Context<'_>, last: Outcome) -> Step {
        match last {
            Outcome::Started => Step::Do(Action::Rest(limits::SETTLE)),
            Outcome::Rested => self.check(ctx).map_or_else(Step::Fail, Step::Do),
            _ => Step::Done,
        }
    }

    fn may_stop(&self) -> bool {
        false
    }
}

/// What open fingers have left in a slot stands there: the light way to settle a place on the robot's own deck.
#[derive(Debug)]
pub struct SettleByTouch {
    sample: SampleId,
    at: Address,
}

impl SettleByTouch {
    pub fn new(sample: SampleId, at: Address) -> Self {
        Self { sample, at }
    }
}

impl Stage for SettleByTouch {
    fn next(&mut self, ctx: &mut Context<'_>, last: Outcome) -> Step {
        if last != Outcome::Started {
            return Step::Done;
        }
        match ctx.belief.gripper_now(ctx.now) {
            Ok(state) => {
                let by = format!("felt: fingers open to {:.1} mm over the seat", state.opening_m * 1e3);
                Step::Do(settle(&self.sample, Place::At(self.at.clone()), by))
            }
            Err(failure) => Step::Fail(failure),
        }
    }

    fn may_stop(&self) -> bool {
        false
    }
}

/// Whether a sample that may be between the fingers is there: settles it if it is, and puts it in doubt if the ledger
/// thinks so and the fingers do not.
#[derive(Debug)]
pub struct Feel {
    sample: SampleId,
    asked: u32,
    /// Whether what is held too loosely to be carried, as over a slot, was pressed firmly.
    pressed: bool,
}

impl Feel {
    pub fn new(sample: SampleId) -> Self {
        Self { sample, asked: 0, pressed: false }
    }

    fn decide(&mut self, ctx: &mut Context<'_>) -> Result<Step, Failure> {
        let vial = vial_of(ctx, &self.sample)?;
        let Some(known) = ctx.ledger.sample(&self.sample) else { return Ok(Step::Done) };
        let whereabouts = known.whereabouts.clone();
        if !whereabouts.may_be(&Place::Gripper) {
            return Ok(Step::Done);
        }
        let state = ctx.belief.gripper_now(ctx.now)?;
        let measured = format!("{:.1} mm and {:.1} N", state.opening_m * 1e3, state.force_n);
        match ctx.belief.feels(ctx.now, vial) {
            Some(true) => {
                let grip = Grip {
                    sample: self.sample.clone(),
                    width_m: state.opening_m,
                    force_n: vial.grasp.force_n.min(state.force_n),
                    needed_n: grip::needed_n(grip::mass_kg(vial)[1], vial.grasp.friction),
                    from: None,
                };
                ctx.belief.grip.get_or_insert(grip);
                let force_n = vial.grasp.force_n;
                if !self.pressed && state.force_n < limits::FIRM_FORCE * force_n {
                    self.pressed = true;
                    return Ok(Step::Do(Action::Grip { opening_m: 0.0, force_n }));
                }
                if whereabouts.known().is_some() {
                    return Ok(Step::Done);
                }
                Ok(Step::Do(settle(&self.sample, Place::Gripper, format!("felt: {measured}"))))
            }
            Some(false) => {
                let lost = ctx.belief.grip.take();
                let mut places = match whereabouts {
                    Whereabouts::OneOf(places) => places,
                    Whereabouts::At(_) => BTreeSet::new(),
                };
                // Fingers that press on something narrower may have it by its cap.
                let pinched = state.force_n >= limits::HELD_FORCE * vial.grasp.force_n
                    && state.opening_m > limits::WIDTH_M;
                if pinched {
                    places.insert(Place::Gripper);
                } else {
                    places.remove(&Place::Gripper);
                }
                places.extend(lost.and_then(|grip| grip.from).map(Place::At));
                if places.is_empty() {
                    // Nothing says where it may be instead: the last place that was known stays named.
                    places.insert(Place::Gripper);
                }
                places.insert(Place::Nowhere);
                let why = match pinched {
                    true => {
                        format!("the fingers hold {measured}: {} by its cap, or something else", self.sample)
                    }
                    false => format!("the fingers hold {measured}, and so not {}", self.sample),
                };
                let bodies = vec![Body::Doubted { sample: self.sample.clone(), places, why }];
                Ok(Step::Do(Action::Record { bodies, job: None }))
            }
            None if self.asked < limits::LOOKS => Ok(Step::Do(Action::Rest(limits::SETTLE))),
            None => {
                let words = format!("the fingers hold {measured}, which may or may not be {}", self.sample);
                Err(Failure::new(Code::InDoubt, words))
            }
        }
    }
}

impl Stage for Feel {
    fn next(&mut self, ctx: &mut Context<'_>, last: Outcome) -> Step {
        match last {
            Outcome::Started => Step::Do(Action::Rest(limits::SETTLE)),
            Outcome::Rested | Outcome::Gripped { .. } => {
                self.asked += 1;
                self.decide(ctx).unwrap_or_else(Step::Fail)
            }
            _ => Step::Done,
        }
    }
}
