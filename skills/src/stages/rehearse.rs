//! A slot's motions planned and not made: what a dry run does.

use super::{Stage, Step};
use crate::action::{Action, Outcome};
use crate::belief::Belief;
use crate::context::{Context, Situation};
use crate::grasp::Spot;
use crate::world::NestRef;
use crate::{limits, scene};
use nightshift_core::api::Evidence;
use nightshift_core::{Address, Code, Failure, SampleId, StationId};
use nightshift_motion::MotionGoal;

/// Plans the way from the posture `drive` to above a slot, with the base docked as taught, and then down to it.
#[derive(Debug)]
pub struct Rehearse {
    sample: SampleId,
    address: Address,
    above: bool,
}

impl Rehearse {
    pub fn new(sample: SampleId, address: Address) -> Self {
        Self { sample, address, above: false }
    }

    fn go(&mut self, ctx: &mut Context<'_>, last: Outcome) -> Result<Step, Failure> {
        let station: StationId = self.address.station.clone();
        let there = Belief::docked_at(ctx.world, &station, 0.0);
        let docked = Situation { belief: &there, ..ctx.situation() };
        let spot = Spot::of(docked, &self.sample, &self.address)?;
        let opening_m = spot.vial.grasp.opening_m;
        let touches = scene::among_vials(ctx.ledger, &NestRef::of(&self.address), Some(&self.sample));
        let Outcome::Rehearsed(from) = last else {
            let from = ctx
                .world
                .robot
                .arm
                .posture("drive")
                .ok_or_else(|| Failure::new(Code::Unreachable, "the robot has no posture drive"))?;
            let motion = spot.approach(format!("above {}", self.address), limits::SPEED_FREE, Vec::new());
            return Ok(Step::Do(Action::Rehearse { motion, from, at: station, opening_m }));
        };
        if self.above {
            ctx.evidence.push(Evidence {
                kind: "plan".into(),
                sha256: String::new(),
                path: String::new(),
                text: format!("dry run: the arm reaches {}", self.address),
                stamp: ctx.now,
            });
            return Ok(Step::Done);
        }
        self.above = true;
        let slot_from_tool = spot.base_from_slot.inverse() * ctx.world.arm.base_from_tool(&from);
        let x = slot_from_tool.iso.rotation * nalgebra::Vector3::x();
        let goal = MotionGoal::Line(spot.tool(spot.seat_m(), x.y.atan2(x.x)));
        let mut motion = spot.approach(format!("down to {}", self.address), limits::SPEED_NEAR, touches);
        motion.goals = vec![goal];
        Ok(Step::Do(Action::Rehearse { motion, from, at: station, opening_m }))
    }
}

impl Stage for Rehearse {
    fn next(&mut self, ctx: &mut Context<'_>, last: Outcome) -> Step {
        self.go(ctx, last).unwrap_or_else(Step::Fail)
    }
}
