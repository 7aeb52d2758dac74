//! The quick look: whether eight positions of the arm at once are free, by balls against solids (after W. Thomason,
//! Z. Kingston and L. Kavraki, "Motions in microseconds via vectorized sampling-based planning", ICRA 2024).
//!
//! Balls cover the moving links and what is held. Where no ball is near, the pair is free. Where one is, the pair is
//! blocked if the link is made of balls, and is asked of parry3d otherwise: so the answer is always [`World`]'s.

mod build;
mod cover;
mod lanes;
mod solids;

use crate::kinematics::MAX_JOINTS;
use crate::world::Hit;
use lanes::{F8, Frame8, LANES, V8};
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
    /// From the joint before, the axes' directions; this joint's own axis is turned to z.
    columns: [[f32; 3]; 3],
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
}

/// What is looked at, and from how far.
#[derive(Clone, Copy, Debug)]
struct Look {
    hit: Hit,
    margin: f32,
}

/// A group that something is looked at with: a solid, or another group.
#[derive(Clone, Copy, Debug)]
struct Near {
    group: usize,
    other: usize,
    /// Where their balls are farther apart, metres, nothing is near.
    reach: f32,
}

/// What is looked at.
#[derive(Clone, Debug, Default)]
struct Pairs {
    with_solids: Vec<Near>,
    among_groups: Vec<Near>,
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
    all: Pairs,
}

/// Where eight positions put the frames, and the middles of the groups.
struct Places {
    frames: [Frame8; MAX_JOINTS],
    centers: [V8; GROUPS],
}

/// Eight positions, a joint each.
pub(crate) type Position8 = [F8; MAX_JOINTS];

/// Asks the exact checker about a pair in a lane.
pub(crate) type Confirm<'a> = &'a mut dyn FnMut(usize, Hit) -> bool;

impl Screen {
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
        let mut places = Places::NONE;
        self.place(q, &mut places);
        self.look(&places, &self.all, confirm)
    }

    #[inline(always)]
    fn stretch_here(&self, a: &[f64], b: &[f64], confirm: Along<'_>) -> Option<(f64, Hit)> {
        let mut places = Places::NONE;
        self.place(&spread(a, b, 1.0), &mut places);
        let found = self.look(&places, &self.all, &mut |lane, hit| confirm(share(1.0, lane), hit));
        if let Some((lane, hit)) = found {
            return Some((share(1.0, lane), hit));
        }
        let (moved, centers_moved) = self.moved(&places.centers, a, b);
        let parts = (moved * SLACK / STEP_M).ceil() as usize;
        if parts < 2 {
            return None;
        }
        // What is farther away than it moves from one lane to the next cannot be near in between.
        let near = self.within(&places.centers, &centers_moved);
        if near.with_solids.is_empty() && near.among_groups.is_empty() {
            return None;
        }
        for index in 1..parts {
            let part = index as f64 / parts as f64;
            self.place(&spread(a, b, part), &mut places);
            let found = self.look(&places, &near, &mut |lane, hit| confirm(share(part, lane), hit));
            if let Some((lane, hit)) = found {
                return Some((share(part, lane), hit));
            }
        }
        None
    }

    /// The shares of a stretch that are looked at.
    #[cfg(test)]
    pub(crate) fn places(&self, a: &[f64], b: &[f64]) -> Vec<f64> {
        let mut places = Places::NONE;
        self.place(&spread(a, b, 1.0), &mut places);
        let (moved, _) = self.moved(&places.centers, a, b);
        let parts = ((moved * SLACK / STEP_M).ceil() as usize).max(1);
        let part = |index: usize| index as f64 / parts as f64;
        (1..=parts).flat_map(|index| (0..LANES).map(move |lane| share(part(index), lane))).collect()
    }

    /// How far a ball moves from lane to lane, at most: what its group's middle does and how the group turns. And what each
    /// group's middle does alone.
    #[inline(always)]
    fn moved(&self, centers: &[V8; GROUPS], a: &[f64], b: &[f64]) -> (f32, [f32; GROUPS]) {
        let mut most: f32 = 0.0;
        let mut each = [0.0; GROUPS];
        for (index, group) in self.groups.iter().enumerate() {
            let mut turned = 0.0;
            for (joint, hinge) in self.hinges.iter().enumerate().take(group.frame) {
                if !hinge.slides {
                    turned += (b[joint] - a[joint]).abs();
                }
            }
            let center = &centers[index];
            let mut square: f32 = 0.0;
            for lane in 1..LANES {
                let x = center.x.0[lane] - center.x.0[lane - 1];
                let y = center.y.0[lane] - center.y.0[lane - 1];
                let z = center.z.0[lane] - center.z.0[lane - 1];
                square = square.max(x * x + y * y + z * z);
            }
            each[index] = square.sqrt();
            most = most.max(each[index] + group.around.radius * turned as f32 / LANES as f32);
        }
        (most, each)
    }

    /// The pairs that may be near somewhere between the lanes.
    #[inline(always)]
    fn within(&self, centers: &[V8; GROUPS], moved: &[f32; GROUPS]) -> Pairs {
        let mut near = Pairs::default();
        for pair in &self.all.with_solids {
            let reach = pair.reach + moved[pair.group] * SLACK;
            let (solid, center) = (&self.solids[pair.other], &centers[pair.group]);
            if solid.may_be_nearer(center, reach) && solid.distance_squared(center).any_below(reach * reach) {
                near.with_solids.push(*pair);
            }
        }
        for pair in &self.all.among_groups {
            let reach = pair.reach + (moved[pair.group] + moved[pair.other]) * SLACK;
            if centers[pair.group].less(centers[pair.other]).square().any_below(reach * reach) {
                near.among_groups.push(*pair);
            }
        }
        near
    }

    #[inline(always)]
    fn place(&self, q: &Position8, places: &mut Places) {
        let one = F8([1.0; LANES]);
        let mut at = Frame8 { axes: [V8::ZERO; 3], origin: V8::ZERO };
        (at.axes[0].x, at.axes[1].y, at.axes[2].z) = (one, one, one);
        for (joint, hinge) in self.hinges.iter().enumerate() {
            let origin = at.point(&hinge.offset);
            let (x, y, z) =
                (at.along(&hinge.columns[0]), at.along(&hinge.columns[1]), at.along(&hinge.columns[2]));
            at = if hinge.slides {
                Frame8 { axes: [x, y, z], origin: origin.plus(z.times(q[joint])) }
            } else {
                let (sin, cos) = q[joint].sin_cos();
                let turned_x = x.times(cos).plus(y.times(sin));
                let turned_y = y.times(cos).less(x.times(sin));
                Frame8 { axes: [turned_x, turned_y, z], origin }
            };
            places.frames[joint] = at;
        }
        for (index, group) in self.groups.iter().enumerate() {
            places.centers[index] = places.frames[group.frame - 1].point(&group.around.center);
        }
    }

    #[inline(always)]
    fn look(&self, places: &Places, pairs: &Pairs, confirm: Confirm<'_>) -> Option<(usize, Hit)> {
        for near in &pairs.with_solids {
            let (solid, center) = (&self.solids[near.other], &places.centers[near.group]);
            if !solid.may_be_nearer(center, near.reach)
                || !solid.distance_squared(center).any_below(near.reach * near.reach)
            {
                continue;
            }
            let group = &self.groups[near.group];
            let frame = &places.frames[group.frame - 1];
            for cover in group.covers.clone() {
                let Some(look) = self.with[cover * self.solids.len() + near.other] else { continue };
                let mut nearest = F8::FAR;
                for ball in &self.balls[self.covers[cover].balls.clone()] {
                    let reach = ball.radius + look.margin;
                    nearest = nearest.min(solid.distance_squared(&frame.point(&ball.center)) - reach * reach);
                }
                if let Some(lane) = settled(nearest, look, self.covers[cover].exact, confirm) {
                    return Some((lane, look.hit));
                }
            }
        }
        for near in &pairs.among_groups {
            let between = places.centers[near.group].less(places.centers[near.other]).square();
            if !between.any_below(near.reach * near.reach) {
                continue;
            }
            let (one, other) = (&self.groups[near.group], &self.groups[near.other]);
            let (frame, other_frame) = (&places.frames[one.frame - 1], &places.frames[other.frame - 1]);
            for i in one.covers.clone() {
                for j in other.covers.clone() {
                    let Some(look) = self.among[i * self.covers.len() + j] else { continue };
                    let nearest = self.meet((i, frame), (j, other_frame), look.margin);
                    let exact = self.covers[i].exact && self.covers[j].exact;
                    if let Some(lane) = settled(nearest, look, exact, confirm) {
                        return Some((lane, look.hit));
                    }
                }
            }
        }
        None
    }

    /// Below zero where balls of two covers are nearer than they may be.
    #[inline(always)]
    fn meet(&self, (i, one): (usize, &Frame8), (j, other): (usize, &Frame8), margin: f32) -> F8 {
        let mut nearest = F8::FAR;
        for ball in &self.balls[self.covers[i].balls.clone()] {
            let center = one.point(&ball.center);
            for against in &self.balls[self.covers[j].balls.clone()] {
                let reach = ball.radius + against.radius + margin;
                nearest = nearest.min(center.less(other.point(&against.center)).square() - reach * reach);
            }
        }
        nearest
    }
}

impl Places {
    const NONE: Self = Self {
        frames: [Frame8 { axes: [V8::ZERO; 3], origin: V8::ZERO }; MAX_JOINTS],
        centers: [V8::ZERO; GROUPS],
    };
}

/// The first lane in which balls that are near mean that the pair is.
#[inline(always)]
fn settled(nearest: F8, look: Look, exact: bool, confirm: Confirm<'_>) -> Option<usize> {
    if !nearest.any_below(0.0) {
        return None;
    }
    (0..LANES).find(|lane| nearest.0[*lane] < 0.0 && (exact || confirm(*lane, look.hit)))
}

/// The share of a stretch that a lane is at, of its part from the lane before.
#[inline(always)]
fn share(part: f64, lane: usize) -> f64 {
    (lane as f64 + part) / LANES as f64
}

/// The eight places of a stretch at this part from lane to lane.
#[inline(always)]
fn spread(a: &[f64], b: &[f64], part: f64) -> Position8 {
    let mut q: Position8 = [F8::ZERO; MAX_JOINTS];
    for (joint, (a, b)) in a.iter().zip(b).enumerate() {
        let (from, way) = (*a as f32, (*b - *a) as f32);
        for lane in 0..LANES {
            q[joint].0[lane] = from + way * share(part, lane) as f32;
        }
    }
    q
}

/// Asks the exact checker about a pair at a share of a stretch.
pub(crate) type Along<'a> = &'a mut dyn FnMut(f64, Hit) -> bool;

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
