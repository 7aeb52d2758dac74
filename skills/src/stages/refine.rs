//! A nest located by several pictures from around it, once after docking: what one picture is off by is not what the next is. Where pictures do
//! not serve, a finger feels for the rack's walls.

use super::touch::{Touched, Touching};
use super::view::{any_way_round, middle};
use super::{Stage, Step};
use crate::action::{Action, Move, Outcome};
use crate::context::Context;
use crate::sight::Refined;
use crate::world::NestRef;
use crate::{limits, scene, seen, sight};
use nalgebra::Vector3;
use nightshift_core::api::Evidence;
use nightshift_core::frames::Base;
use nightshift_core::{Code, Failure};
use nightshift_motion::MotionGoal;
use nightshift_perception::fiducial::BoardView;

/// Looks from around, or feels. Where neither serves, the single picture of the stage before does, as well as it can.
#[derive(Debug)]
pub struct Refine {
    nest: NestRef,
    /// Places that are yet to be looked from, as [`limits::REFINE_EYES`], and whether from the other side; the next one last.
    left: Vec<([f64; 3], bool)>,
    views: Vec<BoardView<Base>>,
    /// Once pictures have not served: why, and the touches.
    feels: Option<(Failure, Touching)>,
}

impl Refine {
    pub fn new(nest: NestRef) -> Self {
        let left =
            limits::REFINE_EYES.into_iter().rev().flat_map(|eye| [(eye, true), (eye, false)]).collect();
        Self { nest, left, views: Vec::new(), feels: None }
    }

    fn onward(&mut self, ctx: &mut Context<'_>) -> Result<Step, Failure> {
        let base_from_nest = ctx.belief.base_from_nest(ctx.world, &self.nest);
        let (Some(([x, y, height_m], turned)), Some(base_from_nest)) = (self.left.pop(), base_from_nest)
        else {
            return Ok(self.finish(ctx));
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

    fn finish(&mut self, ctx: &mut Context<'_>) -> Step {
        match sight::refined(ctx.world, ctx.belief, &self.views, ctx.now, &self.nest) {
            Ok((refined, how)) => self.located(ctx, refined, &how),
            Err(failure) => match Touching::begin(ctx, &self.nest) {
                Some((touching, action)) => {
                    self.feels = Some((failure, touching));
                    return Step::Do(action);
                }
                None => self.not_located(ctx, &failure),
            },
        }
        Step::Done
    }

    fn feel(&mut self, ctx: &mut Context<'_>, last: &Outcome) -> Option<Step> {
        let (unseen, touching) = self.feels.as_mut()?;
        let touches = match touching.next(ctx, last) {
            Ok(Touched::Do(action)) => return Some(Step::Do(action)),
            Ok(Touched::All(touches)) => Ok(touches),
            Err(failure) => Err(failure),
        };
        let felt = touches.and_then(|touches| {
            let felt = sight::felt(ctx.world, ctx.belief, &touches, ctx.now, &self.nest)?;
            Ok((felt, format!("by {} touches of its walls, because of pictures: {unseen}", touches.len())))
        });
        match felt {
            Ok((refined, how)) => self.located(ctx, refined, &how),
            Err(failure) => return Some(self.neither(ctx, &failure)),
        }
        Some(Step::Done)
    }

    /// It could not be felt either.
    fn neither(&self, ctx: &mut Context<'_>, failure: &Failure) -> Step {
        let unseen = self.feels.as_ref().map_or(failure, |(unseen, _)| unseen);
        let words = format!("{}; nor could it be felt: {}", unseen.message, failure.message);
        self.not_located(ctx, &Failure::new(unseen.code, words));
        Step::Done
    }

    fn located(&self, ctx: &mut Context<'_>, refined: Refined, how: &str) {
        let text = format!("{} located to {:.2} mm {how}", self.nest, refined.located.sigma_m() * 1e3);
        ctx.belief.refined(&self.nest, refined);
        note(ctx, text);
    }

    fn not_located(&self, ctx: &mut Context<'_>, why: &Failure) {
        note(ctx, format!("{} is as one picture tells it: {why}", self.nest));
    }
}

fn note(ctx: &mut Context<'_>, text: String) {
    let (kind, stamp) = ("refined".into(), ctx.now);
    ctx.evidence.push(Evidence { kind, sha256: String::new(), path: String::new(), text, stamp });
}

impl Stage for Refine {
    fn next(&mut self, ctx: &mut Context<'_>, last: Outcome) -> Step {
        if let Some(step) = self.feel(ctx, &last) {
            return step;
        }
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
        let no_way = matches!(failure.code, Code::NoMotion | Code::Unreachable);
        if let Some((_, touching)) = self.feels.as_mut().filter(|_| no_way) {
            return match touching.no_way(ctx, failure) {
                Ok(action) => Step::Do(action),
                Err(failure) => self.neither(ctx, &failure),
            };
        }
        match failure.code {
            Code::NoMotion | Code::Unreachable => self.onward(ctx).unwrap_or_else(Step::Fail),
            _ => Step::Fail(failure),
        }
    }
}
