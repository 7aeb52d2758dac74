//! Textures from parameters: what benches, walls and powders look like. All are functions of a point in the body's
//! frame, so that a texture needs no unwrapping.

use crate::space::V3;
use crate::surface::Rgb;

/// A texture.
#[derive(Clone, Debug, PartialEq)]
pub struct Pattern {
    pub kind: Kind,
    pub low: Rgb,
    pub high: Rgb,
    /// Size of its features, metres.
    pub size_m: f32,
    /// Another seed is another piece of the same stuff.
    pub seed: u32,
}

/// What a texture is made of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Soft clouds: mottled cloth, stained plastic.
    Cloud,
    /// Fine points on a ground: epoxy benches, paper fibres, powders.
    Speckle,
    /// Boards with a grain along x.
    Wood,
    /// Square tiles with joints; the joint is a share of the tile.
    Tiles { joint: f32 },
    /// Grains side by side, with dark gaps: beads, crystals, granules, bubbles.
    Cells,
    /// Stripes along y: radiators, corrugated board, blinds.
    Stripes,
    /// A woven cloth.
    Weave,
    /// Chips in a ground: terrazzo, granite.
    Chips,
    /// Lines of scribble as of writing on paper.
    Writing,
}

/// A random number in 0..1 for a cell of a lattice.
#[inline]
pub(crate) fn hash(x: i32, y: i32, z: i32, seed: u32) -> f32 {
    let mut h = (x as u32).wrapping_mul(0x8da6_b343)
        ^ (y as u32).wrapping_mul(0xd816_3841)
        ^ (z as u32).wrapping_mul(0xcb1a_b31f)
        ^ seed.wrapping_mul(0x9e37_79b9);
    h = (h ^ (h >> 15)).wrapping_mul(0x2c1b_3c6d);
    h = (h ^ (h >> 12)).wrapping_mul(0x297a_2d39);
    (h ^ (h >> 15)) as f32 / u32::MAX as f32
}

/// Smooth noise in 0..1 (value noise on a lattice of unit cells).
#[inline]
pub(crate) fn noise(p: V3, seed: u32) -> f32 {
    let base = p.floor();
    let f = p - base;
    let s = f * f * (V3::splat(3.0) - f * 2.0);
    let [x, y, z] = [base.x as i32, base.y as i32, base.z as i32];
    let line = |dy: i32, dz: i32| {
        let a = hash(x, y.wrapping_add(dy), z.wrapping_add(dz), seed);
        let b = hash(x.wrapping_add(1), y.wrapping_add(dy), z.wrapping_add(dz), seed);
        a + (b - a) * s.x
    };
    let near = line(0, 0) + (line(1, 0) - line(0, 0)) * s.y;
    let far = line(0, 1) + (line(1, 1) - line(0, 1)) * s.y;
    near + (far - near) * s.z
}

/// Three octaves.
pub(crate) fn clouds(p: V3, seed: u32) -> f32 {
    (noise(p, seed) + 0.5 * noise(p * 2.03, seed ^ 1) + 0.25 * noise(p * 4.1, seed ^ 2)) / 1.75
}

/// Distance to the nearest and the second nearest of points strewn one in a cell (Worley 1996), and the nearest one's own
/// random value.
pub(crate) fn cells(p: V3, seed: u32) -> (f32, f32, f32) {
    let base = p.floor();
    let [x, y, z] = [base.x as i32, base.y as i32, base.z as i32];
    let (mut first, mut second, mut own) = (f32::INFINITY, f32::INFINITY, 0.0);
    for dz in -1..=1 {
        for dy in -1..=1 {
            for dx in -1..=1 {
                let (cx, cy, cz) = (x.wrapping_add(dx), y.wrapping_add(dy), z.wrapping_add(dz));
                let at = V3::new(cx as f32, cy as f32, cz as f32)
                    + V3::new(
                        hash(cx, cy, cz, seed),
                        hash(cx, cy, cz, seed ^ 77),
                        hash(cx, cy, cz, seed ^ 1234),
                    );
                let d = (at - p).length_squared();
                if d < first {
                    second = first;
                    first = d;
                    own = hash(cx, cy, cz, seed ^ 4321);
                } else if d < second {
                    second = d;
                }
            }
        }
    }
    (first.sqrt(), second.sqrt(), own)
}

fn smooth(low: f32, high: f32, x: f32) -> f32 {
    let t = ((x - low) / (high - low)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

impl Pattern {
    /// The colour at a point.
    pub fn at(&self, point: V3) -> Rgb {
        let share = self.share(point);
        self.low + (self.high - self.low) * share
    }

    /// How much of `high` there is at a point, 0..1.
    pub fn share(&self, point: V3) -> f32 {
        let p = point / self.size_m;
        let seed = self.seed;
        match self.kind {
            Kind::Cloud => smooth(0.25, 0.75, clouds(p, seed)),
            Kind::Speckle => {
                let fine = hash(p.x.floor() as i32, p.y.floor() as i32, p.z.floor() as i32, seed);
                0.75 * fine * fine + 0.25 * noise(p * 0.15, seed)
            }
            Kind::Wood => {
                let board = (p.y * 0.12).floor();
                let shift = hash(board as i32, 7, 0, seed) * 40.0;
                let wave = 1.6 * noise(V3::new(p.x * 0.06 + shift, p.y * 0.35, board), seed);
                let rings = ((p.y + wave * 4.0) * 1.7).sin() * 0.5 + 0.5;
                let fibre = noise(V3::new(p.x * 0.4, p.y * 9.0, board), seed ^ 5);
                0.45 * rings + 0.55 * fibre
            }
            Kind::Tiles { joint } => {
                let own = hash(p.x.floor() as i32, p.y.floor() as i32, p.z.floor() as i32, seed);
                let f = [p.x, p.y, p.z].map(|v| {
                    let f = v - v.floor();
                    f.min(1.0 - f)
                });
                // The two directions along the face decide: the third is constant over it.
                let mut near = f;
                near.sort_by(f32::total_cmp);
                let edge = if near[0] < 1e-4 { near[1] } else { near[0] };
                if edge < joint / 2.0 { 0.0 } else { 0.88 + 0.12 * own }
            }
            Kind::Cells => {
                let (first, second, own) = cells(p, seed);
                let gap = smooth(0.0, 0.35, second - first);
                gap * (0.55 + 0.45 * own) * (1.0 - 0.25 * first)
            }
            Kind::Stripes => {
                let f = p.y - p.y.floor();
                smooth(0.0, 0.12, f) * (1.0 - smooth(0.5, 0.62, f))
            }
            Kind::Weave => {
                let (a, b) = ((p.x * 3.1).sin(), (p.y * 3.1).sin());
                0.35 + 0.25 * a * b + 0.4 * noise(p * 0.8, seed)
            }
            Kind::Chips => {
                let (first, _, own) = cells(p, seed);
                if first < 0.25 + 0.3 * own { own } else { 0.5 + 0.1 * noise(p * 6.0, seed) }
            }
            Kind::Writing => {
                let line = p.y.floor();
                let f = p.y - line;
                let word = noise(V3::new(p.x * 0.35, line * 7.3, 0.0), seed);
                let stroke = noise(V3::new(p.x * 3.2, line * 3.7, f * 2.0), seed ^ 9);
                let ink = word > 0.42 && (0.25..0.72).contains(&f) && (stroke - 0.5).abs() < 0.11;
                if ink { 0.0 } else { 1.0 }
            }
        }
    }
}
