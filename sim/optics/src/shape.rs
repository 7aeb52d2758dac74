//! Shapes and where rays meet them, in the frame of the body that they belong to.

use crate::lathe::Turned;
use crate::space::{NEAR_M, Ray, V3};
use crate::surface::Chart;
use std::sync::Arc;

/// Where a ray meets a shape.
#[derive(Clone, Copy, Debug)]
pub struct Meeting {
    pub t: f32,
    /// Length 1.
    pub normal: V3,
    /// On a quad or a label, 0..1 along its edges; elsewhere zero.
    pub uv: [f32; 2],
}

/// Holes in a quad, in rows and columns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Holes {
    /// Centre of the first, along the quad's edges, metres from the corner.
    pub first_m: [f32; 2],
    pub pitch_m: [f32; 2],
    pub count: [usize; 2],
    /// Half the width of a hole.
    pub radius_m: f32,
    /// Square holes instead of round ones.
    pub square: bool,
}

/// A rectangle. Its normal is `u` x `v`.
#[derive(Clone, Debug, PartialEq)]
pub struct Quad {
    pub corner: V3,
    /// The first edge.
    pub u: V3,
    /// The second edge, square to the first.
    pub v: V3,
    pub holes: Option<Holes>,
}

/// What a line sweeps when it turns about the z axis: a cylinder, cone, disc or flat ring. Its normal is on the
/// right of the way from `from` to `to`, with the radius to the right and z up: outward where the line goes up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ring {
    /// Radius and z, metres.
    pub from: [f32; 2],
    pub to: [f32; 2],
}

/// Print on a cylinder about the z axis. Where it has no ink and no paper, it is not there.
#[derive(Clone, Debug, PartialEq)]
pub struct Label {
    pub radius_m: f32,
    /// From its lower to its upper edge.
    pub z_m: [f32; 2],
    /// Its first edge and its width about the axis, radians; read from outside, it runs to the right.
    pub angle: f32,
    pub span: f32,
    /// None is paper without print.
    pub print: Option<Arc<Chart>>,
    /// Only the dark cells are there.
    pub bare: bool,
}

/// A shape.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    Quad(Quad),
    /// A box about its centre, edges along the axes.
    Block {
        centre: V3,
        half: V3,
    },
    Ball {
        centre: V3,
        radius_m: f32,
    },
    /// A straight rod with round ends.
    Rod {
        from: V3,
        to: V3,
        radius_m: f32,
    },
    Ring(Ring),
    Label(Label),
}

impl Shape {
    /// A box standing on z = `foot` about the axis.
    pub fn block(low: V3, high: V3) -> Self {
        Self::Block { centre: (low + high) * 0.5, half: (high - low) * 0.5 }
    }

    /// The first meeting beyond `NEAR_M` and before `limit`.
    #[inline]
    pub fn meet(&self, ray: &Ray, limit: f32) -> Option<Meeting> {
        match self {
            Self::Quad(quad) => quad.meet(ray, limit),
            Self::Block { centre, half } => block(*centre, *half, ray, limit),
            Self::Ball { centre, radius_m } => ball(*centre, *radius_m, ray, limit),
            Self::Rod { from, to, radius_m } => rod(*from, *to, *radius_m, ray, limit),
            Self::Ring(ring) => ring.meet(ray, limit),
            Self::Label(label) => label.meet(ray, limit),
        }
    }

    /// The box that holds the shape.
    pub fn extent(&self) -> [V3; 2] {
        match self {
            Self::Quad(q) => {
                let points = [q.corner, q.corner + q.u, q.corner + q.v, q.corner + q.u + q.v];
                let fold = |f: fn(V3, V3) -> V3| points.into_iter().reduce(f).expect("four points");
                [fold(V3::min), fold(V3::max)]
            }
            Self::Block { centre, half } => [*centre - *half, *centre + *half],
            Self::Ball { centre, radius_m } => {
                [*centre - V3::splat(*radius_m), *centre + V3::splat(*radius_m)]
            }
            Self::Rod { from, to, radius_m } => {
                [from.min(*to) - V3::splat(*radius_m), from.max(*to) + V3::splat(*radius_m)]
            }
            Self::Ring(ring) => {
                let r = ring.from[0].max(ring.to[0]);
                let (low, high) = (ring.from[1].min(ring.to[1]), ring.from[1].max(ring.to[1]));
                [V3::new(-r, -r, low), V3::new(r, r, high)]
            }
            Self::Label(l) => {
                [V3::new(-l.radius_m, -l.radius_m, l.z_m[0]), V3::new(l.radius_m, l.radius_m, l.z_m[1])]
            }
        }
    }
}

fn block(centre: V3, half: V3, ray: &Ray, limit: f32) -> Option<Meeting> {
    let inverse = ray.direction.recip();
    let to_centre = (centre - ray.origin) * inverse;
    let reach = half * inverse.abs();
    let (near, far) = (to_centre - reach, to_centre + reach);
    let (enter, leave) = (near.max_element(), far.min_element());
    if enter > leave {
        return None;
    }
    let (t, sides) = if enter > NEAR_M { (enter, near) } else { (leave, far) };
    if !(t > NEAR_M && t < limit) {
        return None;
    }
    let point = (ray.at(t) - centre) / half;
    let axis = (0..3).find(|axis| sides[*axis] == t).unwrap_or(2);
    let mut normal = V3::ZERO;
    normal[axis] = point[axis].signum();
    let (a, b) = ((axis + 1) % 3, (axis + 2) % 3);
    Some(Meeting { t, normal, uv: [0.5 + 0.5 * point[a], 0.5 + 0.5 * point[b]] })
}

fn ball(centre: V3, radius: f32, ray: &Ray, limit: f32) -> Option<Meeting> {
    let from = ray.origin - centre;
    let b = from.dot(ray.direction);
    let beside = from - ray.direction * b;
    let root = radius * radius - beside.length_squared();
    if root < 0.0 {
        return None;
    }
    let root = root.sqrt();
    let t = if -b - root > NEAR_M { -b - root } else { -b + root };
    (t > NEAR_M && t < limit).then(|| Meeting { t, normal: (ray.at(t) - centre) / radius, uv: [0.0; 2] })
}

fn rod(from: V3, to: V3, radius: f32, ray: &Ray, limit: f32) -> Option<Meeting> {
    let axis = to - from;
    let start = ray.origin - from;
    let (aa, ad, as_) = (axis.dot(axis), axis.dot(ray.direction), axis.dot(start));
    let ds = ray.direction.dot(start);
    let a = aa - ad * ad;
    let b = aa * ds - as_ * ad;
    let c = aa * start.dot(start) - as_ * as_ - radius * radius * aa;
    let root = b * b - a * c;
    if root >= 0.0 && a > 1e-12 {
        let t = (-b - root.sqrt()) / a;
        let y = as_ + t * ad;
        if y > 0.0 && y < aa {
            return (t > NEAR_M && t < limit).then(|| {
                let point = ray.at(t);
                Meeting { t, normal: (point - from - axis * (y / aa)) / radius, uv: [0.0; 2] }
            });
        }
    }
    let ends = [ball(from, radius, ray, limit), ball(to, radius, ray, limit)];
    ends.into_iter().flatten().min_by(|a, b| a.t.total_cmp(&b.t))
}

impl Holes {
    /// True where there is a hole at a place on the quad, metres from its corner.
    fn open(&self, at: [f32; 2]) -> bool {
        let mut off = [0.0; 2];
        for axis in 0..2 {
            let step = (at[axis] - self.first_m[axis]) / self.pitch_m[axis];
            let index = step.round().clamp(0.0, self.count[axis].saturating_sub(1) as f32);
            off[axis] = at[axis] - self.first_m[axis] - index * self.pitch_m[axis];
        }
        match self.square {
            true => off[0].abs().max(off[1].abs()) < self.radius_m,
            false => off[0] * off[0] + off[1] * off[1] < self.radius_m * self.radius_m,
        }
    }
}

impl Quad {
    pub fn new(corner: V3, u: V3, v: V3) -> Self {
        Self { corner, u, v, holes: None }
    }

    #[inline]
    pub(crate) fn meet(&self, ray: &Ray, limit: f32) -> Option<Meeting> {
        let normal = self.u.cross(self.v);
        let t = (self.corner - ray.origin).dot(normal) / ray.direction.dot(normal);
        // A ray along the plane gives an infinite or undefined t, which is not within the range.
        if !(t > NEAR_M && t < limit) {
            return None;
        }
        let from_corner = ray.at(t) - self.corner;
        let (u2, v2) = (self.u.length_squared(), self.v.length_squared());
        let uv = [from_corner.dot(self.u) / u2, from_corner.dot(self.v) / v2];
        if uv.iter().any(|x| !(0.0..=1.0).contains(x)) {
            return None;
        }
        if let Some(holes) = &self.holes
            && holes.open([uv[0] * u2.sqrt(), uv[1] * v2.sqrt()])
        {
            return None;
        }
        Some(Meeting { t, normal: normal.normalize(), uv })
    }
}

impl Ring {
    #[inline]
    pub(crate) fn meet(&self, ray: &Ray, limit: f32) -> Option<Meeting> {
        let turned = Turned::new(self);
        let t = turned.meet(ray, limit)?;
        Some(Meeting { t, normal: turned.normal(ray.at(t)), uv: [0.0; 2] })
    }
}

impl Label {
    fn meet(&self, ray: &Ray, limit: f32) -> Option<Meeting> {
        let ring = Ring { from: [self.radius_m, self.z_m[0]], to: [self.radius_m, self.z_m[1]] };
        let mut start = *ray;
        let mut before = 0.0;
        // The first meeting may lie beside the label, the second on it, seen from within.
        for _ in 0..2 {
            let meeting = ring.meet(&start, limit - before)?;
            let point = start.at(meeting.t);
            let turn = (point.y.atan2(point.x) - self.angle).rem_euclid(std::f32::consts::TAU);
            let uv = [turn / self.span, 1.0 - (point.z - self.z_m[0]) / (self.z_m[1] - self.z_m[0])];
            let there = uv[0] <= 1.0 && (!self.bare || self.print.as_ref().is_none_or(|p| p.is_dark(uv)));
            if there {
                return Some(Meeting { t: before + meeting.t, uv, ..meeting });
            }
            before += meeting.t;
            start.origin = point;
        }
        None
    }
}
