//! A vessel of glass turned about its axis, and what is in it.
//!
//! The glass is one closed line swept about z. What a point of the inner wall is in touch with is asked of the
//! content there, so that a content needs no walls of its own and may lie aslant or in a toppled vessel.

use crate::lathe::Lathe;
use crate::pattern::noise;
use crate::shape::{Meeting, Ring, Shape};
use crate::space::{NEAR_M, Ray, V3};
use crate::surface::{AIR, Medium, Paint, Rgb, Surface};

/// The upper face of a layer: points with `up . p + bowl (x^2 + y^2) = height_m`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Level {
    /// Length 1, in the vessel's frame.
    pub up: V3,
    pub height_m: f32,
    /// 1/m: above zero, the middle is higher than the rim (a heap); below, it is a hollow.
    pub bowl: f32,
    /// How far the liquid climbs at the wall, metres.
    pub climb_m: f32,
}

/// What a layer is made of.
#[derive(Clone, Debug, PartialEq)]
pub enum Stuff {
    /// Light goes through it, weakened and scattered.
    Fluid(Medium),
    /// Powder, granules: seen at its face only. `bump` shakes its normal, 0 smooth to 1 rough.
    Solid { paint: Paint, bump: f32, grain_m: f32 },
    /// Bubbles: the paint's walls with gaps through which light goes on; `cover` is the share that is thrown back where
    /// a wall is thickest.
    Foam { cell_m: f32, cover: f32, colour: Rgb, seed: u32 },
}

/// A layer, on the one below it.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    pub stuff: Stuff,
    pub top: Level,
}

/// Dry or wet remains on the inner wall.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Residue {
    pub colour: Rgb,
    /// From here to there up the wall, metres.
    pub z_m: [f32; 2],
    /// Share of the wall that is covered.
    pub cover: f32,
    pub patch_m: f32,
    pub seed: u32,
}

/// A thing in a vessel: a stir bar, a piece of solid.
#[derive(Clone, Debug, PartialEq)]
pub struct Piece {
    pub shape: Shape,
    pub surface: Surface,
    /// Whether it counts as content.
    pub content: bool,
}

/// A vessel.
#[derive(Clone, Debug)]
pub struct Vessel {
    pub(crate) glass: Medium,
    /// Its glass from the foot outside to the floor inside.
    pub(crate) wall: Lathe,
    /// Pieces from here on are the inner wall.
    inner_from: usize,
    pub(crate) layers: Vec<Layer>,
    pub(crate) pieces: Vec<Piece>,
    pub(crate) residue: Option<Residue>,
}

/// What of a vessel a ray meets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Spot {
    /// The outer wall.
    Outer,
    /// The inner wall, and the layer that touches it there, if one.
    Inner(Option<usize>),
    /// The upper face of a layer.
    Top(usize),
    Piece(usize),
}

impl Level {
    /// Above zero over the level, metres.
    pub fn over(&self, p: V3) -> f32 {
        self.up.dot(p) + self.bowl * (p.x * p.x + p.y * p.y) - self.height_m
    }

    fn meet(&self, ray: &Ray, limit: f32, fits: impl Fn(V3) -> bool) -> Option<Meeting> {
        let (o, d) = (ray.origin, ray.direction);
        let a = self.bowl * (d.x * d.x + d.y * d.y);
        let b = self.up.dot(d) + 2.0 * self.bowl * (o.x * d.x + o.y * d.y);
        let c = self.over(o);
        let roots = if a.abs() < 1e-9 {
            [-c / b; 2]
        } else {
            let root = b * b - 4.0 * a * c;
            if root < 0.0 {
                return None;
            }
            let q = -0.5 * (b + root.sqrt().copysign(b));
            [q / a, c / q]
        };
        let good = |t: f32| t > NEAR_M && t < limit && fits(ray.at(t));
        let t = roots.into_iter().filter(|t| good(*t)).fold(f32::INFINITY, f32::min);
        (t < f32::INFINITY).then(|| {
            let p = ray.at(t);
            let normal = self.up + V3::new(p.x, p.y, 0.0) * (2.0 * self.bowl);
            Meeting { t, normal: normal.normalize(), uv: [0.0; 2] }
        })
    }
}

impl Vessel {
    /// `outer` goes from the axis at the foot to the mouth's outer edge, `inner` from the mouth's inner edge to the axis
    /// at the floor: lines of (radius, z). Layers are from the bottom.
    pub fn new(glass: Medium, outer: &[[f32; 2]], inner: &[[f32; 2]], layers: Vec<Layer>) -> Self {
        let line: Vec<[f32; 2]> = outer.iter().chain(inner).copied().collect();
        let rings: Vec<Ring> = line
            .windows(2)
            .filter(|ends| ends[0] != ends[1])
            .map(|ends| Ring { from: ends[0], to: ends[1] })
            .collect();
        let inner_from = rings
            .iter()
            .position(|ring| inner.first().is_some_and(|first| ring.from == *first))
            .unwrap_or(rings.len());
        Self { glass, wall: Lathe::new(&rings), inner_from, layers, pieces: Vec::new(), residue: None }
    }

    /// The clear radius at a height, or zero below the floor and above the mouth.
    pub fn inner_radius(&self, z: f32) -> f32 {
        self.wall.radius(z, self.inner_from..self.wall.len())
    }

    /// The layer at a point of the room inside; `wall` counts what climbs there.
    pub(crate) fn layer_at(&self, p: V3, wall: bool) -> Option<usize> {
        self.layers.iter().position(|layer| layer.top.over(p) < if wall { layer.top.climb_m } else { 0.0 })
    }

    /// The medium over a layer's face.
    pub(crate) fn over(&self, layer: usize) -> Option<usize> {
        (layer + 1 < self.layers.len()).then_some(layer + 1)
    }

    pub(crate) fn fluid(&self, layer: Option<usize>) -> Medium {
        match layer.map(|index| &self.layers[index].stuff) {
            Some(Stuff::Fluid(medium)) => *medium,
            _ => AIR,
        }
    }

    /// The first meeting with glass or content.
    pub(crate) fn meet(&self, ray: &Ray, limit: f32) -> Option<(Meeting, Spot)> {
        let span = self.wall.span(ray)?;
        if span[0] > limit {
            return None;
        }
        let best = self.wall.meet(ray, span, limit);
        let mut limit = best.map_or(limit, |(t, _)| t);
        let mut spot = None;
        for (index, layer) in self.layers.iter().enumerate() {
            let fits = |p: V3| {
                let r = self.inner_radius(p.z);
                p.x * p.x + p.y * p.y < r * r && (index == 0 || self.layers[index - 1].top.over(p) >= 0.0)
            };
            if let Some(meeting) = layer.top.meet(ray, limit, fits) {
                limit = meeting.t;
                spot = Some((meeting, Spot::Top(index)));
            }
        }
        for (index, piece) in self.pieces.iter().enumerate() {
            if let Some(meeting) = piece.shape.meet(ray, limit) {
                limit = meeting.t;
                spot = Some((meeting, Spot::Piece(index)));
            }
        }
        spot.or_else(|| {
            best.map(|(t, index)| {
                let point = ray.at(t);
                let at = match index >= self.inner_from {
                    true => Spot::Inner(self.layer_at(point, true)),
                    false => Spot::Outer,
                };
                (Meeting { t, normal: self.wall.normal(index, point), uv: [0.0; 2] }, at)
            })
        })
    }

    /// What a shadow ray is left with that goes through here: edges of glass take more than its middle, and a
    /// content its colour. A stand-in for the true bending, without caustics.
    pub(crate) fn shade(&self, ray: &Ray, limit: f32) -> Option<Rgb> {
        let [enter, leave] = self.wall.span(ray)?;
        if enter >= limit || leave <= NEAR_M {
            return None;
        }
        let leave = leave.min(limit);
        let middle = ray.at((enter + leave) * 0.5);
        let width = self.outer_radius(middle.z);
        let (o, d) = (ray.origin, ray.direction);
        let a = (d.x * d.x + d.y * d.y).max(1e-9);
        // What goes by beside the neck, or starts there and goes outward as light from a cap does, meets no glass.
        let nearest = ray.at((-(o.x * d.x + o.y * d.y) / a).clamp(enter, leave));
        if [nearest, middle].iter().all(|p| p.x.hypot(p.y) >= self.outer_radius(p.z)) {
            return None;
        }
        let offset = ((o.x * d.y - o.y * d.x).abs() / a.sqrt()).min(width * 2.0) / width.max(1e-6);
        if offset >= 1.0 {
            return None;
        }
        let inside = (1.0 - offset * offset).sqrt();
        let edge = 0.25 + 0.65 * inside.powf(0.6);
        let chord = 2.0 * width * inside / a.sqrt();
        let glass = (-self.glass.absorption * 0.003).exp();
        let through = match self.layer_at(middle, false) {
            None => Rgb::ONE,
            Some(index) => match &self.layers[index].stuff {
                Stuff::Fluid(m) => {
                    (-(m.absorption + Rgb::splat(m.scatter * 0.5)) * chord).exp() * (0.7 + 0.5 * inside)
                }
                Stuff::Solid { .. } => Rgb::ZERO,
                Stuff::Foam { cover, .. } => Rgb::splat(1.0 - cover),
            },
        };
        Some(glass * through * edge)
    }

    fn outer_radius(&self, z: f32) -> f32 {
        self.wall.radius(z, 0..self.inner_from)
    }

    /// Volume of a part of the inside below a height, m^3, by slices.
    pub fn volume_below(&self, z: f32) -> f64 {
        const SLICES: usize = 200;
        let (low, high) = (self.floor(), z.min(self.wall.z_m[1]));
        let step = (high - low).max(0.0) / SLICES as f32;
        (0..SLICES).map(|i| f64::from(self.inner_radius(low + (i as f32 + 0.5) * step)).powi(2)).sum::<f64>()
            * std::f64::consts::PI
            * f64::from(step)
    }

    /// The lowest point of the inside.
    pub fn floor(&self) -> f32 {
        self.wall.floor(self.inner_from)
    }
}

impl Residue {
    /// How much of it covers a point of the wall, 0..1.
    pub(crate) fn at(&self, p: V3) -> f32 {
        if p.z < self.z_m[0] || p.z > self.z_m[1] {
            return 0.0;
        }
        let up = (p.z - self.z_m[0]) / (self.z_m[1] - self.z_m[0]);
        let stuff =
            0.6 * noise(p / self.patch_m, self.seed) + 0.4 * noise(p / (self.patch_m * 0.3), self.seed ^ 3);
        let wanted = 1.0 - self.cover * (1.0 - 0.7 * up);
        ((stuff - wanted * 0.8) * 6.0).clamp(0.0, 0.9)
    }
}
