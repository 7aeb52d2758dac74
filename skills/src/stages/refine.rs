//! A nest located by several pictures from around it, once after docking: what one picture is off by is not what the next is.

use super::view::{any_way_round, middle};
use super::{Stage, Step};
use crate::action::{Action, Move, Outcome};
use crate::context::Context;
use crate::world::NestRef;
use crate::{limits, scene, seen, sight};
use nalgebra::Vector3;
use nightshift_core::api::Evidence;
use nightshift_core::frames::Base;
use nightshift_core::{Code, Failure};
use nightshift_motion::MotionGoal;
use nightshift_perception::fiducial::BoardView;

/// Looks from around. Where that does not serve, the single picture of the next stage does, as well as it can.
#[derive(Debug)]
pub struct Refine {
    nest: NestRef,
    /// Places that are yet to be looked from, as [`limits::REFINE_EYES`], and whether from the other side; the next one last.
    left: Vec<([f64; 3], bool)>,
    views: Vec<BoardView<Base>>,
}

impl Refine {
    pub fn new(nest: NestRef) -> Self {
        let left =
            limits::REFINE_EYES.into_iter().rev().flat_map(|eye| [(eye, true), (eye, false)]).collect();
        Self { nest, left, views: Vec::new() }
    }

    fn onward(&mut self, ctx: &mut Context<'_>) -> Result<Step, Failure> {
        let base_from_nest = ctx.belief.base_from_nest(ctx.world, &self.nest);
        let (Some(([x, y, height_m], turned)), Some(base_from_nest)) = (self.left.pop(), base_from_nest)
        else {
            self.finish(ctx);
            return Ok(Step::Done);
        };
        let middle = middle(ctx.world.rack(&self.nest)?);
        let eye = middle + Vector3::new(x, y, height_m);
        // By how much the camera sits aside in the hand counts once this way and once that. The hand is nearest the base in the first of the
        // ways round and farthest in the last, opposite one: of the two between, both are within reach where one is.
        let ways = any_way_round(ctx.world, &base_from_nest, &eye, &middle);
        let order = if turned { [2, 1, 3, 0] } else { [1, 2, 0, 3] };
        let goals = order.into_iter().filter_map(|way| ways.get(way).copied());
        let held = ctx.belief.grip.is_some();
        Ok(Step::Do(Action::Move(Move {
            what: format!("to look at {} from aside", self.nest),
            goals: goals.map(MotionGoal::Tool).collect(),
            speed: if held { limits::SPEED_HELD } else { limits::SPEED_FREE },
            may_touch: scene::among_vials(ctx.ledger, &self.nest, None),
            guard: None,
        })))
    }

    fn finish(&self, ctx: &mut Context<'_>) {
        let text = match sight::refined(ctx.world, ctx.belief, &self.views, ctx.now, &self.nest) {
            Ok(refined) => {
                let text = format!(
                    "{} located to {:.2} mm by {} tags in {} pictures, off by {:.2} px",
                    self.nest,
                    refined.located.sigma_m() * 1e3,
                    refined.tags_used,
                    self.views.len(),
                    refined.rms_px
                );
                ctx.belief.refined(&self.nest, refined);
                text
            }
            Err(failure) => format!("{} is as one picture tells it: {failure}", self.nest),
        };
        let (kind, stamp) = ("refined".into(), ctx.now);
        ctx.evidence.push(Evidence { kind, sha256: String::new(), path: String::new(), text, stamp });
    }
}

impl Stage for Refine {
    fn next(&mut self, ctx: &mut Context<'_>, last: Outcome) -> Step {
        match last {
            Outcome::Started if ctx.belief.refinement(&self.nest).is_some() => return Step::Done,
            Outcome::Moved => return Step::Do(Action::Rest(limits::SETTLE)),
            Outcome::Rested => {
                let purpose = format!("refine-{}-{}", self.nest.station, self.nest.nest);
                return Step::Do(Action::Look { purpose });
            }
            Outcome::Looked { asked, look } => {
                if let Ok(place) = sight::base_from_camera(ctx.world, ctx.belief, &look, asked) {
                    self.views.push(BoardView { place, sights: look.tags.clone() });
                    seen::take(ctx, &look, asked);
                }
            }
            _ => {}
        }
        self.onward(ctx).unwrap_or_else(Step::Fail)
    }

    fn failed(&mut self, ctx: &mut Context<'_>, failure: Failure) -> Step {
        match failure.code {
            Code::NoMotion | Code::Unreachable => self.onward(ctx).unwrap_or_else(Step::Fail),
            _ => Step::Fail(failure),
        }
    }
}
