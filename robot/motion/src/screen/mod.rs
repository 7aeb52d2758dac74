//! The quick look: whether eight positions of the arm at once are free, by balls against solids (after W. Thomason,
//! Z. Kingston and L. Kavraki, "Motions in microseconds via vectorized sampling-based planning", ICRA 2024).
//!
//! Balls cover the moving links and what is held. Where no ball is near, the pair is free. Where one is, the pair is
//! blocked if the link is made of balls, and is asked of parry3d otherwise: so the answer is always [`World`]'s.

mod cover;
mod lanes;
mod solids;

use crate::kinematics::MAX_JOINTS;
use crate::world::{Hit, World};
use lanes::{F8, Frame8, LANES, V8};
use nalgebra::{Matrix3, Rotation3, Vector3};
use nightshift_core::describe::JointKind;
use solids::Fixed;
use std::ops::Range;

/// Groups of balls that are looked at as one first.
const GROUPS: usize = 16;
/// Along a stretch no ball moves farther between two looks, metres.
const STEP_M: f32 = 0.01;
/// Displacements are taken from eight places of a stretch; between them they may be a little larger.
const SLACK: f32 = 1.15;

#[derive(Clone, Debug)]
struct Hinge {
    /// From the joint before, rows; this joint's own axis is turned to z.
    before: [[f32; 3]; 3],
    offset: [f32; 3],
    slides: bool,
}

#[derive(Clone, Debug)]
struct Ball {
    center: [f32; 3],
    radius: f32,
}

/// The balls of one collision shape.
#[derive(Clone, Debug)]
struct Cover {
    /// Of [`World`].
    body: usize,
    balls: Range<usize>,
    /// The balls are the shape.
    exact: bool,
}

/// Shapes that move together.
#[derive(Clone, Debug)]
struct Group {
    frame: usize,
    around: Ball,
    covers: Range<usize>,
    /// Solids that some shape of it is looked at with, and the largest margin.
    solids: Vec<(usize, f32)>,
}

/// What is looked at, and from how far.
#[derive(Clone, Copy, Debug)]
struct Look {
    hit: Hit,
    margin: f32,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Screen {
    hinges: Vec<Hinge>,
    groups: Vec<Group>,
    covers: Vec<Cover>,
    balls: Vec<Ball>,
    solids: Vec<Fixed>,
    /// By cover and solid.
    with: Vec<Option<Look>>,
    /// By cover and cover.
    among: Vec<Option<Look>>,
    group_pairs: Vec<(usize, usize, f32)>,
}

/// Eight positions, a joint each.
pub(crate) type Position8 = [F8; MAX_JOINTS];

/// Asks the exact checker about a pair in a lane.
pub(crate) type Confirm<'a> = &'a mut dyn FnMut(usize, Hit) -> bool;

impl Screen {
    pub(crate) fn new(world: &World<'_>) -> Self {
        let (hinges, turns) = hinges(world);
        let mut this = Self {
            hinges,
            groups: Vec::new(),
            covers: Vec::new(),
            balls: Vec::new(),
            solids: Vec::new(),
            with: Vec::new(),
            among: Vec::new(),
            group_pairs: Vec::new(),
        };
        let moving: Vec<usize> =
            (0..world.bodies.len()).filter(|index| world.bodies[*index].frame > 0).collect();
        let mut keys: Vec<(usize, &str)> = Vec::new();
        for index in &moving {
            let body = &world.bodies[*index];
            if !keys.contains(&(body.frame, body.name.as_str())) {
                keys.push((body.frame, body.name.as_str()));
            }
        }
        if keys.len() > GROUPS {
            keys = (1..=world.arm.joint_count()).map(|frame| (frame, "")).collect();
        }
        for (frame, name) in keys {
            let first = this.covers.len();
            for index in &moving {
                let body = &world.bodies[*index];
                if body.frame == frame && (name.is_empty() || body.name == name) {
                    this.cover(world, *index, &turns[frame]);
                }
            }
            if this.covers.len() > first {
                let covers = first..this.covers.len();
                let around = this.around(&covers);
                this.groups.push(Group { frame, around, covers, solids: Vec::new() });
            }
        }
        this.look_up(world);
        this
    }

    fn cover(&mut self, world: &World<'_>, index: usize, turn: &Rotation3<f64>) {
        let body = &world.bodies[index];
        let first = self.balls.len();
        let (balls, exact) = cover::cover(body.shaped.solid());
        for ball in balls {
            let center = turn.inverse() * (body.frame_from_shape * ball.center);
            self.balls.push(Ball { center: single(&center.coords), radius: ball.radius as f32 });
        }
        self.covers.push(Cover { body: index, balls: first..self.balls.len(), exact });
    }

    fn around(&self, covers: &Range<usize>) -> Ball {
        let balls = &self.balls[self.covers[covers.start].balls.start..self.covers[covers.end - 1].balls.end];
        let bound = |over: fn(f32, f32) -> f32, sign: f32, axis: usize| {
            let ends = balls.iter().map(|ball| ball.center[axis] + sign * ball.radius);
            ends.reduce(over).unwrap_or_default()
        };
        let center: [f32; 3] =
            std::array::from_fn(|axis| 0.5 * (bound(f32::min, -1.0, axis) + bound(f32::max, 1.0, axis)));
        let reach = |ball: &Ball| {
            let away: f32 = ball.center.iter().zip(&center).map(|(a, b)| (a - b) * (a - b)).sum();
            away.sqrt() + ball.radius
        };
        Ball { center, radius: balls.iter().map(reach).fold(0.0, f32::max) * 1.000_01 }
    }

    /// Tables of which cover is looked at with which solid or cover.
    fn look_up(&mut self, world: &World<'_>) {
        // What stands still: the obstacles, and links that no joint of the arm moves.
        self.solids = world
            .obstacles
            .iter()
            .map(|obstacle| Fixed::new(&obstacle.solid, &obstacle.base_from_shape))
            .collect();
        let mut solid_of_body = vec![None; world.bodies.len()];
        for (index, body) in world.bodies.iter().enumerate().filter(|(_, body)| body.frame == 0) {
            solid_of_body[index] = Some(self.solids.len());
            self.solids.push(Fixed::new(body.shaped.solid(), &body.frame_from_shape));
        }
        let mut cover_of_body = vec![None; world.bodies.len()];
        for (index, cover) in self.covers.iter().enumerate() {
            cover_of_body[cover.body] = Some(index);
        }
        self.with = vec![None; self.covers.len() * self.solids.len()];
        self.among = vec![None; self.covers.len() * self.covers.len()];
        for (index, pair) in world.with_obstacles.iter().enumerate() {
            let Some(cover) = cover_of_body[pair.body] else { continue };
            let look = Look { hit: Hit::Obstacle(index), margin: pair.margin_m };
            self.with[cover * self.solids.len() + pair.other] = Some(look);
        }
        for (index, pair) in world.among_bodies.iter().enumerate() {
            let look = Look { hit: Hit::Bodies(index), margin: pair.margin_m };
            match (cover_of_body[pair.body], cover_of_body[pair.other]) {
                (Some(a), Some(b)) => self.among[a.min(b) * self.covers.len() + a.max(b)] = Some(look),
                (Some(cover), None) | (None, Some(cover)) => {
                    let still = solid_of_body[pair.body].or(solid_of_body[pair.other]);
                    let Some(solid) = still else { continue };
                    self.with[cover * self.solids.len() + solid] = Some(look);
                }
                (None, None) => {}
            }
        }
        for group in 0..self.groups.len() {
            let margin = |solid: usize| {
                let covers = self.groups[group].covers.clone();
                let looks = covers.filter_map(|cover| self.with[cover * self.solids.len() + solid]);
                looks.map(|look| look.margin).reduce(f32::max)
            };
            let solids: Vec<(usize, f32)> =
                (0..self.solids.len()).filter_map(|solid| Some((solid, margin(solid)?))).collect();
            self.groups[group].solids = solids;
        }
        for a in 0..self.groups.len() {
            for b in a + 1..self.groups.len() {
                let (ones, others) = (self.groups[a].covers.clone(), self.groups[b].covers.clone());
                let looks = ones.flat_map(|i| others.clone().map(move |j| (i, j)));
                let looks = looks.filter_map(|(i, j)| self.among[i * self.covers.len() + j]);
                if let Some(margin) = looks.map(|look| look.margin).reduce(f32::max) {
                    self.group_pairs.push((a, b, margin));
                }
            }
        }
    }

    /// The first lane found that is blocked, and by what.
    pub(crate) fn check(&self, q: &Position8, confirm: Confirm<'_>) -> Option<(usize, Hit)> {
        #[cfg(target_arch = "x86_64")]
        if std::is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has what the function is compiled for.
            return unsafe { self.check_with_avx2(q, confirm) };
        }
        self.check_here(q, confirm)
    }

    /// Along the straight stretch from `a` (which is not looked at) to `b`: the share at which it is blocked.
    pub(crate) fn stretch(&self, a: &[f64], b: &[f64], confirm: Along<'_>) -> Option<(f64, Hit)> {
        #[cfg(target_arch = "x86_64")]
        if std::is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has what the function is compiled for.
            return unsafe { self.stretch_with_avx2(a, b, confirm) };
        }
        self.stretch_here(a, b, confirm)
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    fn check_with_avx2(&self, q: &Position8, confirm: Confirm<'_>) -> Option<(usize, Hit)> {
        self.check_here(q, confirm)
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    fn stretch_with_avx2(&self, a: &[f64], b: &[f64], confirm: Along<'_>) -> Option<(f64, Hit)> {
        self.stretch_here(a, b, confirm)
    }

    #[inline(always)]
    fn check_here(&self, q: &Position8, confirm: Confirm<'_>) -> Option<(usize, Hit)> {
        let frames = self.frames(q);
        let centers = self.centers(&frames);
        self.look(&frames, &centers, confirm)
    }

    #[inline(always)]
    fn stretch_here(&self, a: &[f64], b: &[f64], confirm: Along<'_>) -> Option<(f64, Hit)> {
        let share = |part: f64, lane: usize| (lane as f64 + part) / LANES as f64;
        let mut look = |part: f64, moved: Option<&mut f32>| {
            let mut q: Position8 = [F8::ZERO; MAX_JOINTS];
            for (joint, (a, b)) in a.iter().zip(b).enumerate() {
                let (from, way) = (*a as f32, (*b - *a) as f32);
                for lane in 0..LANES {
                    q[joint].0[lane] = from + way * share(part, lane) as f32;
                }
            }
            let frames = self.frames(&q);
            let centers = self.centers(&frames);
            if let Some(moved) = moved {
                *moved = self.moved(&centers, a, b);
            }
            let found = self.look(&frames, &centers, &mut |lane, hit| confirm(share(part, lane), hit));
            found.map(|(lane, hit)| (share(part, lane), hit))
        };
        let mut moved = 0.0;
        let found = look(1.0, Some(&mut moved));
        if found.is_some() {
            return found;
        }
        let parts = (moved * SLACK / STEP_M).ceil() as usize;
        (1..parts).find_map(|part| look(part as f64 / parts as f64, None))
    }

    /// How far a ball moves from lane to lane, at most: what its group's middle does and how the group turns.
    #[inline(always)]
    fn moved(&self, centers: &[V8; GROUPS], a: &[f64], b: &[f64]) -> f32 {
        let mut most: f32 = 0.0;
        for (group, center) in self.groups.iter().zip(centers) {
            let turns = self.hinges.iter().zip(a.iter().zip(b)).take(group.frame);
            let turned: f64 = turns.filter(|(hinge, _)| !hinge.slides).map(|(_, (a, b))| (b - a).abs()).sum();
            let mut square: f32 = 0.0;
            for lane in 1..LANES {
                let by = |v: &F8| v.0[lane] - v.0[lane - 1];
                let (x, y, z) = (by(&center.x), by(&center.y), by(&center.z));
                square = square.max(x * x + y * y + z * z);
            }
            most = most.max(square.sqrt() + group.around.radius * turned as f32 / LANES as f32);
        }
        most
    }

    #[inline(always)]
    fn frames(&self, q: &Position8) -> [Frame8; MAX_JOINTS] {
        let one = F8([1.0; LANES]);
        let mut at = Frame8 { axes: [V8::ZERO; 3], origin: V8::ZERO };
        (at.axes[0].x, at.axes[1].y, at.axes[2].z) = (one, one, one);
        let mut frames = [at; MAX_JOINTS];
        for ((hinge, q), frame) in self.hinges.iter().zip(q).zip(&mut frames) {
            let origin = at.point(&hinge.offset);
            let column = |k: usize| at.along(&[hinge.before[0][k], hinge.before[1][k], hinge.before[2][k]]);
            let (x, y, z) = (column(0), column(1), column(2));
            at = if hinge.slides {
                Frame8 { axes: [x, y, z], origin: origin.plus(z.times(*q)) }
            } else {
                let (sin, cos) = q.sin_cos();
                let turned_x = x.times(cos).plus(y.times(sin));
                let turned_y = y.times(cos).less(x.times(sin));
                Frame8 { axes: [turned_x, turned_y, z], origin }
            };
            *frame = at;
        }
        frames
    }

    #[inline(always)]
    fn centers(&self, frames: &[Frame8; MAX_JOINTS]) -> [V8; GROUPS] {
        let mut centers = [V8::ZERO; GROUPS];
        for (group, center) in self.groups.iter().zip(&mut centers) {
            *center = frames[group.frame - 1].point(&group.around.center);
        }
        centers
    }

    #[inline(always)]
    fn look(
        &self,
        frames: &[Frame8; MAX_JOINTS],
        centers: &[V8; GROUPS],
        confirm: Confirm<'_>,
    ) -> Option<(usize, Hit)> {
        // The hand first: it is where things are.
        for (group, center) in self.groups.iter().zip(centers).rev() {
            for (index, margin) in &group.solids {
                let solid = &self.solids[*index];
                let reach = group.around.radius + margin;
                if !solid.may_be_nearer(center, reach)
                    || !solid.distance_squared(center).any_below(reach * reach)
                {
                    continue;
                }
                for cover in group.covers.clone() {
                    let Some(look) = self.with[cover * self.solids.len() + index] else { continue };
                    let frame = &frames[group.frame - 1];
                    let balls = &self.balls[self.covers[cover].balls.clone()];
                    let mask = balls.iter().fold(0, |mask, ball| {
                        let reach = ball.radius + look.margin;
                        mask | solid.distance_squared(&frame.point(&ball.center)).below(reach * reach)
                    });
                    if let Some(lane) = self.settled(mask, look, self.covers[cover].exact, confirm) {
                        return Some((lane, look.hit));
                    }
                }
            }
        }
        for (a, b, margin) in &self.group_pairs {
            let (one, other) = (&self.groups[*a], &self.groups[*b]);
            let reach = one.around.radius + other.around.radius + margin;
            if !centers[*a].less(centers[*b]).square().any_below(reach * reach) {
                continue;
            }
            for i in one.covers.clone() {
                for j in other.covers.clone() {
                    let Some(look) = self.among[i * self.covers.len() + j] else { continue };
                    let mask =
                        self.meet((i, &frames[one.frame - 1]), (j, &frames[other.frame - 1]), look.margin);
                    let exact = self.covers[i].exact && self.covers[j].exact;
                    if let Some(lane) = self.settled(mask, look, exact, confirm) {
                        return Some((lane, look.hit));
                    }
                }
            }
        }
        None
    }

    #[inline(always)]
    fn meet(&self, (i, one): (usize, &Frame8), (j, other): (usize, &Frame8), margin: f32) -> u32 {
        let mut mask = 0;
        for ball in &self.balls[self.covers[i].balls.clone()] {
            let center = one.point(&ball.center);
            for against in &self.balls[self.covers[j].balls.clone()] {
                let reach = ball.radius + against.radius + margin;
                mask |= center.less(other.point(&against.center)).square().below(reach * reach);
            }
        }
        mask
    }

    /// The first lane in which balls that are near mean that the pair is.
    #[inline(always)]
    fn settled(&self, mask: u32, look: Look, exact: bool, confirm: Confirm<'_>) -> Option<usize> {
        if mask == 0 {
            return None;
        }
        (0..LANES).find(|lane| mask >> lane & 1 == 1 && (exact || confirm(*lane, look.hit)))
    }
}

/// Asks the exact checker about a pair at a share of a stretch.
pub(crate) type Along<'a> = &'a mut dyn FnMut(f64, Hit) -> bool;

/// The chain with each joint's axis along z, and for each frame the turn that made it so.
fn hinges(world: &World<'_>) -> (Vec<Hinge>, Vec<Rotation3<f64>>) {
    let mut turns = vec![Rotation3::identity()];
    let mut hinges = Vec::new();
    for (before, axis, kind) in world.arm.chain.hinges() {
        let last = turns[turns.len() - 1];
        let turn = Rotation3::rotation_between(&Vector3::z(), &axis)
            .unwrap_or_else(|| Rotation3::from_axis_angle(&Vector3::x_axis(), std::f64::consts::PI));
        let rotation: Matrix3<f64> =
            (last.inverse() * before.rotation.to_rotation_matrix() * turn).into_inner();
        let offset = last.inverse() * before.translation.vector;
        hinges.push(Hinge {
            before: std::array::from_fn(|row| std::array::from_fn(|column| rotation[(row, column)] as f32)),
            offset: single(&offset),
            slides: kind == JointKind::Prismatic,
        });
        turns.push(turn);
    }
    (hinges, turns)
}

fn single(v: &Vector3<f64>) -> [f32; 3] {
    [v.x as f32, v.y as f32, v.z as f32]
}

/// One position in all lanes but those that others are put into.
pub(crate) fn lanes_of(positions: &[Vec<f64>]) -> Position8 {
    let mut q = [F8::ZERO; MAX_JOINTS];
    for lane in 0..LANES {
        for (joint, value) in positions[lane.min(positions.len() - 1)].iter().enumerate() {
            q[joint].0[lane] = *value as f32;
        }
    }
    q
}

pub(crate) const TOGETHER: usize = LANES;
