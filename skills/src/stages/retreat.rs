//! The tool up from among vials, before anything else moves.

use super::{Stage, Step};
use crate::action::{Action, Move, Outcome};
use crate::context::Context;
use crate::{limits, scene};
use nalgebra::Isometry3;
use nightshift_core::Failure;
use nightshift_core::frames::{Base, Pose, Tool};
use nightshift_motion::MotionGoal;

/// Straight up, as far as there is room, where the tool may be among vials.
#[derive(Debug, Default)]
pub struct Retreat {
    tried: usize,
}

/// A tool this near to pointing down may be over a rack.
const DOWN: f64 = 0.95;

impl Retreat {
    fn go(&self, ctx: &Context<'_>) -> Result<Option<Action>, Failure> {
        let base_from_tool = ctx.world.arm.base_from_tool(ctx.belief.joints_now(ctx.now)?);
        let Some(up) = limits::RETREATS_M.get(self.tried).filter(|_| among_vials(ctx, &base_from_tool))
        else {
            return Ok(None);
        };
        let raised = Pose::<Base, Base>::new(Isometry3::translation(0.0, 0.0, *up));
        let nests = scene::nests_at_hand(ctx.world, ctx.belief);
        Ok(Some(Action::Move(Move {
            what: "up from among the vials".into(),
            goals: vec![MotionGoal::Line(raised * base_from_tool)],
            speed: limits::SPEED_NEAR,
            may_touch: nests.iter().flat_map(|nest| scene::among_vials(ctx.ledger, nest, None)).collect(),
            guard: None,
        })))
    }
}

/// Whether the tool is over a rack at hand and lower than a carried vial clears the standing ones. A base whose dock
/// is not known may stand before any rack.
fn among_vials(ctx: &Context<'_>, base_from_tool: &Pose<Base, Tool>) -> bool {
    if base_from_tool.z_axis().z > -DOWN {
        return false;
    }
    let tallest = ctx.world.site.catalogue.vials.values().map(|vial| vial.height_m).fold(0.0, f64::max);
    let mut nests = scene::nests_at_hand(ctx.world, ctx.belief);
    if matches!(ctx.belief.base, crate::belief::BasePlace::Free) {
        let stations = ctx.world.site.stations.iter();
        nests.extend(stations.flat_map(|(id, station)| {
            station.nests.keys().map(|nest| crate::world::NestRef { station: id.clone(), nest: nest.clone() })
        }));
    }
    nests.iter().any(|nest| {
        let (Ok(rack), Some(base_from_nest)) =
            (ctx.world.rack(nest), ctx.belief.base_from_nest(ctx.world, nest))
        else {
            return false;
        };
        let nest_from_tool = (base_from_nest.inverse() * *base_from_tool).translation();
        let over = (0..2).all(|axis| nest_from_tool[axis].abs() < 0.5 * rack.size_m[axis] + tallest);
        over && nest_from_tool.z < rack.floor_m + 2.0 * tallest
    })
}

impl Stage for Retreat {
    fn next(&mut self, ctx: &mut Context<'_>, last: Outcome) -> Step {
        if last != Outcome::Started {
            return Step::Done;
        }
        match self.go(ctx) {
            Ok(action) => action.map_or(Step::Done, Step::Do),
            Err(failure) => Step::Fail(failure),
        }
    }

    fn failed(&mut self, ctx: &mut Context<'_>, failure: Failure) -> Step {
        self.tried += 1;
        match self.go(ctx) {
            Ok(Some(action)) if !failure.code.eq(&nightshift_core::Code::ArmFault) => Step::Do(action),
            _ => Step::Fail(failure),
        }
    }
}
