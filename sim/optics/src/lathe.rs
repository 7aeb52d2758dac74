//! A closed line swept about z, and where rays meet it. Of its many pieces a ray can meet few.

use crate::shape::Ring;
use crate::space::{NEAR_M, Ray, V3};
use glam::Vec4;

/// So that rounding leaves out no piece at its edges, metres, and of the squares of lengths of a centimetre.
const SLACK_M: f32 = 2e-6;
const SLACK_M2: f32 = 1e-7;

/// A ring made ready for many rays.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Turned {
    r0: f32,
    z0: f32,
    /// Of the radius over z; without meaning where the ring is flat.
    slope: f32,
    /// Least and greatest z.
    z: [f32; 2],
    /// Least and greatest radius.
    r: [f32; 2],
    /// The normal's part outward and along z.
    normal: [f32; 2],
    flat: bool,
}

impl Turned {
    #[inline]
    pub fn new(ring: &Ring) -> Self {
        let [[r0, z0], [r1, z1]] = [ring.from, ring.to];
        let (along_r, along_z) = (r1 - r0, z1 - z0);
        let flat = along_z == 0.0;
        let length = (along_r * along_r + along_z * along_z).sqrt();
        Self {
            r0,
            z0,
            slope: along_r / along_z,
            z: [z0.min(z1), z0.max(z1)],
            r: [r0.min(r1), r0.max(r1)],
            normal: if flat { [0.0, -along_r.signum()] } else { [along_z / length, -along_r / length] },
            flat,
        }
    }

    /// The radius at a height of its own; of a flat one, the greatest.
    fn radius(&self, z: f32) -> f32 {
        if self.flat { self.r[1] } else { self.r0 + self.slope * (z - self.z0) }
    }

    /// The first meeting beyond `NEAR_M` and before `limit`.
    #[inline]
    pub fn meet(&self, ray: &Ray, limit: f32) -> Option<f32> {
        let (o, d) = (&ray.origin, &ray.direction);
        let inside = |t: f32| t > NEAR_M && t < limit;
        if self.flat {
            let t = (self.z0 - o.z) / d.z;
            if !inside(t) {
                return None;
            }
            let (x, y) = (o.x + t * d.x, o.y + t * d.y);
            let r2 = x * x + y * y;
            let [low, high] = self.r;
            return (r2 >= low * low && r2 <= high * high).then_some(t);
        }
        // |o + t d|^2 in x and y is the square of the radius at the ray's height: a quadratic in t.
        let slope = self.slope;
        let radius = self.r0 + slope * (o.z - self.z0);
        let a = d.x * d.x + d.y * d.y - (slope * d.z) * (slope * d.z);
        let b = o.x * d.x + o.y * d.y - radius * slope * d.z;
        let c = o.x * o.x + o.y * o.y - radius * radius;
        let root = b * b - a * c;
        if root < 0.0 {
            return None;
        }
        // The form that does not cancel (Press et al., "Numerical Recipes", 5.6).
        let q = -(b + root.sqrt().copysign(b));
        let roots = [q / a, c / q];
        let fits = |t: f32| {
            let z = o.z + t * d.z;
            inside(t) && z >= self.z[0] && z <= self.z[1] && self.r0 + slope * (z - self.z0) >= 0.0
        };
        match (fits(roots[0]), fits(roots[1])) {
            (true, true) => Some(roots[0].min(roots[1])),
            (true, false) => Some(roots[0]),
            (false, true) => Some(roots[1]),
            (false, false) => None,
        }
    }

    /// The normal at a point of it.
    #[inline]
    pub fn normal(&self, point: V3) -> V3 {
        let [out, up] = self.normal;
        if self.flat {
            return V3::new(0.0, 0.0, up);
        }
        let around = (point.x * point.x + point.y * point.y).sqrt().max(1e-9);
        let out = out / around;
        V3::new(out * point.x, out * point.y, up)
    }
}

/// Four pieces beside each other, to be asked at once.
#[derive(Clone, Copy, Debug)]
struct Four {
    /// Least and greatest z of all four.
    z: [f32; 2],
    z_low: Vec4,
    z_high: Vec4,
    /// Squares of the least and greatest radius, with slack.
    r2_low: Vec4,
    r2_high: Vec4,
}

impl Four {
    fn new(pieces: &[Turned]) -> Self {
        // Where there are fewer, the rest is met by no ray.
        let lanes = |of: &dyn Fn(&Turned) -> f32, none: f32| {
            Vec4::from_array(std::array::from_fn(|lane| pieces.get(lane).map_or(none, of)))
        };
        let z_low = lanes(&|piece| piece.z[0], f32::INFINITY);
        let z_high = lanes(&|piece| piece.z[1], f32::NEG_INFINITY);
        Self {
            z: [z_low.min_element(), z_high.max_element()],
            z_low,
            z_high,
            r2_low: lanes(&|piece| piece.r[0] * piece.r[0] - SLACK_M2, f32::INFINITY),
            r2_high: lanes(&|piece| piece.r[1] * piece.r[1] + SLACK_M2, f32::NEG_INFINITY),
        }
    }
}

/// The pieces of one line.
#[derive(Clone, Debug)]
pub(crate) struct Lathe {
    pieces: Vec<Turned>,
    fours: Vec<Four>,
    /// The cylinder that holds it.
    pub radius_m: f32,
    pub z_m: [f32; 2],
}

impl Lathe {
    pub fn new(rings: &[Ring]) -> Self {
        let pieces: Vec<Turned> = rings.iter().map(Turned::new).collect();
        Self {
            fours: pieces.chunks(4).map(Four::new).collect(),
            radius_m: pieces.iter().map(|piece| piece.r[1]).fold(0.0, f32::max),
            z_m: [
                pieces.iter().map(|piece| piece.z[0]).fold(f32::INFINITY, f32::min),
                pieces.iter().map(|piece| piece.z[1]).fold(f32::NEG_INFINITY, f32::max),
            ],
            pieces,
        }
    }

    /// The part of a ray that is in the cylinder.
    #[inline]
    pub fn span(&self, ray: &Ray) -> Option<[f32; 2]> {
        let (o, d) = (ray.origin, ray.direction);
        let a = d.x * d.x + d.y * d.y;
        let (mut enter, mut leave) = (f32::NEG_INFINITY, f32::INFINITY);
        let c = o.x * o.x + o.y * o.y - self.radius_m * self.radius_m * 1.0001;
        if a > 1e-12 {
            let b = o.x * d.x + o.y * d.y;
            let root = b * b - a * c;
            if root < 0.0 {
                return None;
            }
            let root = root.sqrt();
            (enter, leave) = ((-b - root) / a, (-b + root) / a);
        } else if c > 0.0 {
            return None;
        }
        let ends = [(self.z_m[0] - 1e-6 - o.z) / d.z, (self.z_m[1] + 1e-6 - o.z) / d.z];
        enter = enter.max(ends[0].min(ends[1]));
        leave = leave.min(ends[0].max(ends[1])).min(1e6);
        (enter <= leave && leave > 0.0).then_some([enter.max(0.0), leave])
    }

    /// The first meeting before `limit` of a ray that is inside the cylinder from `enter` to `leave`: its place along the
    /// ray, and which piece.
    #[inline]
    pub fn meet(&self, ray: &Ray, [enter, leave]: [f32; 2], mut limit: f32) -> Option<(f32, usize)> {
        let (o, d) = (ray.origin, ray.direction);
        // The square of the ray's distance from the axis is a t^2 + 2 b t + c, least at `turn`.
        let (a, b, c) = (d.x * d.x + d.y * d.y, 2.0 * (o.x * d.x + o.y * d.y), o.x * o.x + o.y * o.y);
        let turn = Vec4::splat(-0.5 * b / a.max(1e-12));
        let away2 = |t: Vec4| (t * a + Vec4::splat(b)) * t + Vec4::splat(c);
        // Of a level ray the heights still tell apart what is beside it.
        let inverse = if d.z.abs() > 1e-9 { d.z.recip() } else { 1e9f32.copysign(d.z) };
        let mut best = None;
        for (four, index) in self.fours.iter().zip((0..).step_by(4)) {
            let end = leave.min(limit);
            let (za, zb) = (o.z + d.z * enter, o.z + d.z * end);
            if four.z[1] < za.min(zb) - SLACK_M || four.z[0] > za.max(zb) + SLACK_M {
                continue;
            }
            // A piece is met only while the ray is at its heights, and only if its distance from the axis then reaches the
            // piece's radius.
            let ends = [(four.z_low - o.z) * inverse, (four.z_high - o.z) * inverse];
            let from = ends[0].min(ends[1]).max(Vec4::splat(enter)) - SLACK_M;
            let to = ends[0].max(ends[1]).min(Vec4::splat(end)) + SLACK_M;
            let farthest = away2(from).max(away2(to));
            let nearest = away2(turn.max(from).min(to));
            let near = from.cmple(to) & farthest.cmpge(four.r2_low) & nearest.cmple(four.r2_high);
            let mut left = near.bitmask();
            while left != 0 {
                let index = index + left.trailing_zeros() as usize;
                left &= left - 1;
                if let Some(t) = self.pieces[index].meet(ray, limit) {
                    limit = t;
                    best = Some((t, index));
                }
            }
        }
        best
    }

    /// The normal of a piece at a point of it.
    #[inline]
    pub fn normal(&self, piece: usize, point: V3) -> V3 {
        self.pieces[piece].normal(point)
    }

    /// The greatest radius at a height of the pieces in a range; zero where there is none.
    pub fn radius(&self, z: f32, range: std::ops::Range<usize>) -> f32 {
        let (first, last) = (range.start / 4, range.end.div_ceil(4));
        let mut radius = 0.0f32;
        for (four, index) in self.fours[first..last].iter().zip((4 * first..).step_by(4)) {
            if z >= four.z[0] && z <= four.z[1] {
                for index in index.max(range.start)..(index + 4).min(range.end) {
                    let piece = &self.pieces[index];
                    if z >= piece.z[0] && z <= piece.z[1] {
                        radius = radius.max(piece.radius(z));
                    }
                }
            }
        }
        radius
    }

    /// The lowest point of the pieces from one on.
    pub fn floor(&self, from: usize) -> f32 {
        self.pieces[from..].iter().map(|piece| piece.z[0]).fold(f32::INFINITY, f32::min)
    }

    pub fn len(&self) -> usize {
        self.pieces.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn line() -> Vec<Ring> {
        // A vial's body with foot, shoulder and a neck with a thread, and its inside.
        let points = [
            [0.0, 0.001],
            [0.008, 0.0005],
            [0.01, 0.0],
            [0.012, 0.002],
            [0.012, 0.04],
            [0.009, 0.044],
            [0.009, 0.046],
            [0.0095, 0.047],
            [0.009, 0.048],
            [0.0095, 0.049],
            [0.009, 0.05],
            [0.008, 0.05],
            [0.008, 0.043],
            [0.011, 0.039],
            [0.011, 0.002],
            [0.0, 0.002],
        ];
        points.windows(2).map(|ends| Ring { from: ends[0], to: ends[1] }).collect()
    }

    proptest! {
        /// What is left out would not have been met first.
        #[test]
        fn the_first_piece_is_the_nearest_of_all(
            at in prop::array::uniform3(-0.013f32..0.013), to in prop::array::uniform3(-0.012f32..0.012), far in prop::bool::ANY, level in prop::bool::ANY,
        ) {
            let lathe = Lathe::new(&line());
            let lift = V3::new(0.0, 0.0, 0.025);
            let towards = V3::from(to) * V3::new(1.0, 1.0, if level { 0.0 } else { 3.0 });
            let direction = (towards - V3::from(at)).normalize();
            let origin = V3::from(at) * V3::new(1.0, 1.0, 2.0) + lift - direction * if far { 0.05 } else { 0.0 };
            let ray = Ray { origin, direction };
            let each = lathe.pieces.iter().filter_map(|piece| piece.meet(&ray, f32::INFINITY));
            let nearest = each.fold(f32::INFINITY, f32::min);
            let met = lathe.span(&ray).and_then(|span| lathe.meet(&ray, span, f32::INFINITY));
            prop_assert_eq!(met.map_or(f32::INFINITY, |(t, _)| t), nearest);
        }
    }
}
