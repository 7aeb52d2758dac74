//! A closed line swept about z, and where rays meet it. Of its many pieces a ray can meet few: masks tell which.

use crate::shape::Ring;
use crate::space::{NEAR_M, Ray, V3};

/// Slices of the height, and of the radius, by which pieces are left out.
const SLICES: usize = 48;
/// So that rounding leaves out no piece at a slice's edge, metres.
const SLACK_M: f32 = 2e-6;

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

/// The pieces of one line, at most 128.
#[derive(Clone, Debug)]
pub(crate) struct Lathe {
    pieces: Vec<Turned>,
    /// The cylinder that holds it.
    pub radius_m: f32,
    pub z_m: [f32; 2],
    /// Pieces that begin at or below a slice of the height, that end at or above it, and that are as wide as a slice of
    /// the radius.
    begin: [u128; SLICES],
    end: [u128; SLICES],
    wide: [u128; SLICES],
}

impl Lathe {
    /// Most pieces of a line.
    pub const MOST: usize = 128;

    pub fn new(rings: &[Ring]) -> Self {
        debug_assert!(rings.len() <= Self::MOST, "{} pieces", rings.len());
        let pieces: Vec<Turned> = rings.iter().take(Self::MOST).map(Turned::new).collect();
        let radius_m = pieces.iter().map(|piece| piece.r[1]).fold(0.0, f32::max);
        let low = pieces.iter().map(|piece| piece.z[0]).fold(f32::INFINITY, f32::min);
        let high = pieces.iter().map(|piece| piece.z[1]).fold(f32::NEG_INFINITY, f32::max);
        let mask = |fits: &dyn Fn(&Turned) -> bool| {
            pieces
                .iter()
                .enumerate()
                .fold(0u128, |mask, (index, piece)| mask | u128::from(fits(piece)) << index)
        };
        let edge = |slice: usize| slice as f32 / SLICES as f32;
        let height = |slice: usize| low + (high - low) * edge(slice);
        let slices =
            |fits: &dyn Fn(usize, &Turned) -> bool| std::array::from_fn(|s| mask(&|piece| fits(s, piece)));
        Self {
            begin: slices(&|slice, piece| piece.z[0] <= height(slice + 1) + SLACK_M),
            end: slices(&|slice, piece| piece.z[1] >= height(slice) - SLACK_M),
            wide: slices(&|slice, piece| piece.r[1] >= radius_m * edge(slice) - SLACK_M),
            pieces,
            radius_m,
            z_m: [low, high],
        }
    }

    fn slice(&self, z: f32) -> usize {
        // Below the line or not a number gives the first.
        ((z - self.z_m[0]) / (self.z_m[1] - self.z_m[0]) * SLICES as f32).clamp(0.0, (SLICES - 1) as f32)
            as usize
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
        let (za, zb) = (o.z + d.z * enter, o.z + d.z * leave.min(limit));
        let (z_low, z_high) = (za.min(zb) - 1e-6, za.max(zb) + 1e-6);
        // Nearest approach to the axis: rings that are narrower cannot be met.
        let a = d.x * d.x + d.y * d.y;
        let closest = (o.x * d.y - o.y * d.x).abs() / a.sqrt().max(1e-9) - 1e-6;
        let width = (closest / self.radius_m * SLICES as f32).clamp(0.0, (SLICES - 1) as f32) as usize;
        let mut left = self.begin[self.slice(z_high)] & self.end[self.slice(z_low)] & self.wide[width];
        let mut best = None;
        while left != 0 {
            let index = left.trailing_zeros() as usize;
            left &= left - 1;
            let piece = &self.pieces[index];
            if piece.z[1] < z_low || piece.z[0] > z_high || piece.r[1] < closest {
                continue;
            }
            if let Some(t) = piece.meet(ray, limit) {
                limit = t;
                best = Some((t, index));
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
        let slice = self.slice(z);
        let mut left = self.begin[slice] & self.end[slice];
        let mut radius = 0.0f32;
        while left != 0 {
            let index = left.trailing_zeros() as usize;
            left &= left - 1;
            let piece = &self.pieces[index];
            if range.contains(&index) && z >= piece.z[0] && z <= piece.z[1] {
                radius = radius.max(piece.radius(z));
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
