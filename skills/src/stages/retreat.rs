//! The tool off a knob and up from among vials, before anything else moves.

use super::{Stage, Step, by_hand};
use crate::action::{Action, Move, Outcome};
use crate::belief::BasePlace;
use crate::context::Context;
use crate::{limits, scene};
use nalgebra::Isometry3;
use nightshift_core::Failure;
use nightshift_core::api::Place;
use nightshift_core::describe::{Part, Station};
use nightshift_core::frames::{Base, Pose, Tool};
use nightshift_motion::MotionGoal;

/// Off a station's knob, where the fingers are on one; then straight up, as far as there is room, where the tool may be among vials.
#[derive(Debug, Default)]
pub struct Retreat {
    tried: usize,
    knob: Knob,
}

/// What becomes of a knob between the fingers.
#[derive(Debug, Default)]
enum Knob {
    #[default]
    NotFelt,
    LettingGo,
    Leaving,
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

/// Whether what the fingers press on is a station's knob: no sample may be there, and it is as wide.
fn on_a_knob(ctx: &Context<'_>) -> bool {
    let Some(state) = ctx.belief.gripper else { return false };
    let free = matches!(ctx.belief.base, BasePlace::Free);
    let stations = ctx.world.site.stations.values().filter(|at| free || ctx.belief.at_hand(&at.id));
    let mut knobs = stations.flat_map(|station| station.parts.values().filter_map(Part::knob));
    state.force_n >= limits::HELD_FORCE * limits::KNOB_GRIP_N
        && ctx.ledger.claimants(&Place::Gripper).next().is_none()
        && knobs.any(|knob| (state.opening_m - 2.0 * knob.radius_m).abs() <= limits::WIDTH_M)
}

/// Back along the tool until the fingers are past the end of whatever knob.
fn off_the_knob(ctx: &Context<'_>) -> Result<Action, Failure> {
    let back_m = limits::KNOB_DEPTH_M + limits::TIP_M + limits::MARGIN_M;
    let knobs = |station: &Station| {
        let hands = station.parts.values().filter_map(|part| part.hand.as_ref());
        hands.map(|hand| by_hand::finger_and_knob(&station.id, hand)).collect::<Vec<_>>()
    };
    let may_touch = ctx.world.site.stations.values().flat_map(knobs).collect();
    by_hand::along_tool(ctx, "off the knob between the fingers".into(), -back_m, may_touch).map(Action::Move)
}

/// Whether the tool is over a rack at hand and lower than a carried vial clears the standing ones. A base whose dock
/// is not known may stand before any rack.
fn among_vials(ctx: &Context<'_>, base_from_tool: &Pose<Base, Tool>) -> bool {
    if base_from_tool.z_axis().z > -DOWN {
        return false;
    }
    let tallest = ctx.world.site.catalogue.vials.values().map(|vial| vial.height_m).fold(0.0, f64::max);
    let mut nests = scene::nests_at_hand(ctx.world, ctx.belief);
    if matches!(ctx.belief.base, BasePlace::Free) {
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
        let step = match (&self.knob, last) {
            (Knob::NotFelt, Outcome::Started) if on_a_knob(ctx) => {
                self.knob = Knob::LettingGo;
                let opening_m = ctx.world.robot.gripper.max_opening_m;
                return Step::Do(Action::Grip { opening_m, force_n: limits::KNOB_GRIP_N });
            }
            (Knob::LettingGo, _) => {
                self.knob = Knob::Leaving;
                off_the_knob(ctx).map(Some)
            }
            (Knob::Leaving, _) => {
                self.knob = Knob::NotFelt;
                self.go(ctx)
            }
            (Knob::NotFelt, Outcome::Started) => self.go(ctx),
            (Knob::NotFelt, _) => return Step::Done,
        };
        match step {
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
