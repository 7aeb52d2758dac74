//! A nest located by touch: shut fingers meet the rack's walls under the guard, until the touches tell its place: as far apart as the arm
//! reaches, on the wall towards the base first.

use crate::action::{Action, Move, Outcome};
use crate::context::Context;
use crate::guard::Guard;
use crate::touch::{self, Touch, Wall};
use crate::world::NestRef;
use crate::{limits, scene};
use nalgebra::{Point3, UnitQuaternion, Vector3};
use nightshift_core::describe::{RackType, Solid};
use nightshift_core::frames::{Base, Nest, Pose, Tool};
use nightshift_core::{Code, Failure};
use nightshift_motion::MotionGoal;
use std::collections::VecDeque;

/// Touches underway.
#[derive(Debug)]
pub struct Touching {
    nest: NestRef,
    left: VecDeque<Place>,
    done: Vec<Touch>,
    at: At,
}

/// Where a wall is touched.
#[derive(Clone, Copy, Debug)]
struct Place {
    wall: Wall,
    /// Along it from its middle, m.
    along_m: f64,
}

#[derive(Clone, Copy, Debug)]
enum At {
    Shutting,
    Approaching,
    Descending,
    Resting,
    Nearing,
    /// At rest against the wall, before the arm's place is read.
    Reading,
    Leaving,
    Rising,
}

/// What comes next.
#[derive(Debug)]
pub enum Touched {
    Do(Action),
    /// The touches tell the place.
    All(Vec<Touch>),
}

impl Touching {
    /// None where it cannot be begun: the hand is not free, the wrist tells no force, or the nest moves along.
    pub fn begin(ctx: &Context<'_>, nest: &NestRef) -> Option<(Self, Action)> {
        let held = ctx.ledger.claimants(&nightshift_core::api::Place::Gripper).next().is_some();
        let feels = ctx.belief.wrist.mean_n(ctx.now, &ctx.world.tool_axis()).ok()?.is_some();
        if held || !feels || nest.on_deck() {
            return None;
        }
        let base_from_nest = ctx.belief.base_from_nest(ctx.world, nest)?;
        let left = places(ctx.world.rack(nest).ok()?, &base_from_nest).into();
        let shut = Action::Grip { opening_m: 0.0, force_n: limits::RELAXED_N };
        Some((Self { nest: nest.clone(), left, done: Vec::new(), at: At::Shutting }, shut))
    }

    /// What comes after an outcome.
    ///
    /// # Errors
    /// A wall was not met where it should be, or something else was.
    pub fn next(&mut self, ctx: &Context<'_>, last: &Outcome) -> Result<Touched, Failure> {
        let place = self.left.front().copied();
        let (next, action) = match (self.at, last) {
            (At::Shutting | At::Rising, _) if self.tells(ctx)? => {
                return Ok(Touched::All(std::mem::take(&mut self.done)));
            }
            (At::Shutting | At::Rising, _) => match place {
                Some(place) => (At::Approaching, Action::Move(self.over(ctx, &place)?)),
                None => {
                    let words = format!("{} touches of {} do not tell its place", self.done.len(), self.nest);
                    return Err(Failure::new(Code::NestNotSeen, words));
                }
            },
            (At::Descending, Outcome::Touched(force_n)) => {
                let words = format!("a finger met something beside {} with {force_n:.1} N", self.nest);
                return Err(Failure::new(Code::NestNotSeen, words));
            }
            (At::Approaching, _) => {
                let down_m = self.over_m(ctx)?;
                let guard = Some((limits::KNOB_TOUCH_N, limits::NEAR_SPEED));
                (At::Descending, self.line(ctx, "down beside", Vector3::z() * -down_m, guard)?)
            }
            (At::Descending, _) => (At::Resting, Action::Rest(limits::WRIST_REST)),
            (At::Resting, _) => {
                let inward = -self.outward(ctx)? * (limits::TOUCH_FROM_M + limits::TOUCH_BEYOND_M);
                let guard = Some((limits::TOUCH_N, limits::FEEL_SPEED));
                (At::Nearing, self.line(ctx, "against the wall of", inward, guard)?)
            }
            (At::Nearing, Outcome::Touched(_)) => (At::Reading, Action::Rest(limits::WRIST_REST)),
            (At::Nearing, _) => {
                let words = format!(
                    "no wall of {} was met within {:.0} mm of where it should be",
                    self.nest,
                    limits::TOUCH_BEYOND_M * 1e3
                );
                return Err(Failure::new(Code::NestNotSeen, words));
            }
            (At::Reading, _) => {
                let outward = self.outward(ctx)?;
                let probe = probe(ctx)?;
                self.done.extend(place.map(|place| Touch { wall: place.wall, probe }));
                (At::Leaving, self.line(ctx, "off the wall of", outward * limits::TOUCH_FROM_M, None)?)
            }
            (At::Leaving, _) => {
                let up_m = self.over_m(ctx)?;
                self.left.pop_front();
                (At::Rising, self.line(ctx, "up beside", Vector3::z() * up_m, None)?)
            }
        };
        self.at = next;
        Ok(Touched::Do(action))
    }

    /// The arm does not get to the place at hand: on to the next, if there is one.
    ///
    /// # Errors
    /// The failure, where there is none.
    pub fn no_way(&mut self, ctx: &Context<'_>, failure: Failure) -> Result<Action, Failure> {
        // From against a wall, or from beside it, there is always a way back; only the ways there are tried elsewhere.
        if !matches!(self.at, At::Approaching | At::Descending | At::Nearing) {
            return Err(failure);
        }
        self.left.pop_front();
        let place = self.left.front().copied().ok_or(failure)?;
        self.at = At::Approaching;
        Ok(Action::Move(self.over(ctx, &place)?))
    }

    fn tells(&self, ctx: &Context<'_>) -> Result<bool, Failure> {
        let found = touch::locate(&self.base_from_nest(ctx)?, &self.done);
        Ok(found.is_some_and(|(_, covariance)| covariance[(2, 2)].sqrt() <= limits::TOUCH_TURN_RAD))
    }

    fn base_from_nest(&self, ctx: &Context<'_>) -> Result<Pose<Base, Nest>, Failure> {
        let found = ctx.belief.base_from_nest(ctx.world, &self.nest);
        found
            .ok_or_else(|| Failure::new(Code::NestNotSeen, format!("it is not known where {} is", self.nest)))
    }

    /// Of the wall at hand, in the base's frame.
    fn outward(&self, ctx: &Context<'_>) -> Result<Vector3<f64>, Failure> {
        let rotation = self.base_from_nest(ctx)?.iso.rotation;
        Ok(self.left.front().map_or_else(Vector3::zeros, |place| rotation * place.wall.normal))
    }

    /// How far the tool comes down to where it touches, m.
    fn over_m(&self, ctx: &Context<'_>) -> Result<f64, Failure> {
        let rack = ctx.world.rack(&self.nest)?;
        Ok(rack.height_m - touch_m(rack) + limits::TIP_M + limits::KNOB_OVER_M)
    }

    /// To beside the wall and over it, the fingers' flat sides towards it: along the way that they close they would give.
    fn over(&self, ctx: &Context<'_>, place: &Place) -> Result<Move, Failure> {
        let (base_from_nest, rack) = (self.base_from_nest(ctx)?, ctx.world.rack(&self.nest)?);
        let normal = place.wall.normal;
        let along = Vector3::z().cross(&normal);
        let point = normal * (place.wall.off_m + half_m(ctx)? + limits::TOUCH_FROM_M)
            + along * place.along_m
            + Vector3::z() * (touch_m(rack) + self.over_m(ctx)?);
        let goals = [1.0, -1.0].map(|sign| {
            let (x, z) = (normal * sign, -Vector3::z());
            let rotation = UnitQuaternion::from_basis_unchecked(&[x, z.cross(&x), z]);
            let nest_from_tool = nalgebra::Isometry3::from_parts(point.into(), rotation);
            MotionGoal::Tool(base_from_nest * Pose::<Nest, Tool>::new(nest_from_tool))
        });
        Ok(Move {
            what: format!("to beside {}", self.nest),
            goals: goals.into(),
            speed: limits::SPEED_FREE,
            may_touch: Vec::new(),
            guard: None,
        })
    }

    fn line(
        &self,
        ctx: &Context<'_>,
        way: &str,
        by: Vector3<f64>,
        guard: Option<(f64, f64)>,
    ) -> Result<Action, Failure> {
        let joints = ctx.belief.joints_now(ctx.now)?;
        let shifted = Pose::<Base, Base>::from_xyz_rpy(by.into(), [0.0; 3]);
        let goal = MotionGoal::Line(shifted * ctx.world.arm.base_from_tool(joints));
        let axis = ctx.world.arm.base_from_flange(joints).iso.rotation.inverse() * by.normalize();
        Ok(Action::Move(Move {
            what: format!("{way} {}", self.nest),
            goals: vec![goal],
            speed: limits::SPEED_NEAR,
            may_touch: vec![("finger".to_owned(), scene::rack_name(&self.nest))],
            guard: guard.map(|(force_n, speed_m_s)| Guard { force_n, speed_m_s, axis }),
        }))
    }
}

/// Two places far apart on the wall that faces the base most, and one on the wall beside it; then those that are tried where the arm does not
/// get to them all: a wall that is near the base may be too near for it.
fn places(rack: &RackType, base_from_nest: &Pose<Base, Nest>) -> Vec<Place> {
    let to_base = base_from_nest.inverse().translation();
    let mut walls: Vec<(usize, Wall)> = (0..2)
        .flat_map(|axis| {
            [-1.0, 1.0].map(|sign| {
                let mut normal = Vector3::zeros();
                normal[axis] = sign;
                (axis, Wall { normal, off_m: 0.5 * rack.size_m[axis] })
            })
        })
        .collect();
    walls.sort_by(|(_, a), (_, b)| b.normal.dot(&to_base).total_cmp(&a.normal.dot(&to_base)));
    let (axis, front) = walls[0];
    let opposite = |wall: &Wall| Wall { normal: -wall.normal, ..*wall };
    let side = walls.iter().find(|(other, _)| *other != axis).map_or(front, |(_, wall)| *wall);
    let far_m = [axis, 1 - axis].map(|axis| 0.5 * rack.size_m[1 - axis] - limits::TOUCH_INSET_M);
    let place = |wall, along_m| Place { wall, along_m };
    let both = |wall, far_m: f64| [place(wall, far_m), place(wall, -far_m)];
    let (back, aside) = (opposite(&front), opposite(&side));
    let first = both(front, far_m[0]).into_iter().chain([place(side, 0.0)]);
    first
        .chain(both(side, far_m[1]))
        .chain([place(back, 0.0)])
        .chain(both(aside, far_m[1]))
        .chain(both(back, far_m[0]))
        .collect()
}

/// The tool's height over the nest where it touches a wall, m: the tips are halfway up the rack.
fn touch_m(rack: &RackType) -> f64 {
    0.5 * rack.height_m + limits::TIP_M
}

/// Corners of the fingers' collision shapes, in the base's frame, as the arm stands.
fn probe(ctx: &Context<'_>) -> Result<Vec<Point3<f64>>, Failure> {
    let poses = ctx.world.arm.link_poses(ctx.belief.joints_now(ctx.now)?);
    let model = &ctx.world.robot.model;
    let fingers = ctx.world.robot.gripper.joints.iter().filter_map(|joint| model.joint(joint));
    let corners = fingers.flat_map(|joint| {
        let pose = poses.iter().find(|(link, _)| *link == joint.child).map(|(_, pose)| *pose);
        let shapes = model.links.get(&joint.child).map(|link| link.collision.as_slice()).unwrap_or_default();
        pose.into_iter().flat_map(move |base_from_link| {
            shapes.iter().flat_map(move |shape| {
                let all = corners(&shape.solid).into_iter();
                all.map(move |corner| base_from_link.iso * (shape.link_from_shape * corner))
            })
        })
    });
    Ok(corners.collect())
}

/// Of the box around a solid.
fn corners(solid: &Solid) -> Vec<Point3<f64>> {
    let half = match *solid {
        Solid::Box { size_m } => size_m.map(|edge| 0.5 * edge),
        Solid::Cylinder { radius_m, height_m } => [radius_m, radius_m, 0.5 * height_m],
        Solid::Sphere { radius_m } => [radius_m; 3],
    };
    let signs = [-1.0, 1.0];
    let all = signs.into_iter().flat_map(|x| signs.into_iter().flat_map(move |y| signs.map(|z| [x, y, z])));
    all.map(|[x, y, z]| Point3::new(half[0] * x, half[1] * y, half[2] * z)).collect()
}

/// Of the shut fingers across the way that they close, from the tool's axis, m.
fn half_m(ctx: &Context<'_>) -> Result<f64, Failure> {
    let tool = ctx.world.arm.base_from_tool(ctx.belief.joints_now(ctx.now)?);
    let across = |corner: &Point3<f64>| tool.inverse().point(corner).x.abs();
    Ok(probe(ctx)?.iter().map(across).fold(0.0, f64::max))
}
