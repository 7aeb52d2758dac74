//! What light does at a surface and inside a body.

use crate::pattern::Pattern;
use crate::space::V3;
use glam::Vec3A;
use std::sync::Arc;

/// Red, green, blue: linear, not display values.
pub type Rgb = Vec3A;

/// A colour.
pub const fn rgb(r: f32, g: f32, b: f32) -> Rgb {
    Rgb::new(r, g, b)
}

/// What a ray travels in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Medium {
    /// Index of refraction.
    pub index: f32,
    /// Absorption (Beer-Lambert, base e), 1/m.
    pub absorption: Rgb,
    /// Scattering, 1/m: what makes it turbid. The same for all colours.
    pub scatter: f32,
    /// What the scattering particles look like in bulk: the share of light thrown back.
    pub milk: Rgb,
}

impl Medium {
    pub const fn clear(index: f32, absorption: Rgb) -> Self {
        Self { index, absorption, scatter: 0.0, milk: Rgb::ZERO }
    }
}

/// The room's air.
pub const AIR: Medium = Medium::clear(1.0, Rgb::ZERO);
/// Clear borosilicate glass: index 1.473 (at 588 nm), a trace of green in thick pieces.
pub const GLASS: Medium = Medium::clear(1.473, rgb(4.0, 1.5, 3.0));
/// Clear water: index 1.333; its absorption over a vial is not visible.
pub const WATER: Medium = Medium::clear(1.333, Rgb::ZERO);

/// Amber glass. The absorption is set by eye, so that a 1 mm wall shows brown and hides blue.
pub const AMBER: Medium = Medium::clear(1.473, rgb(180.0, 800.0, 2600.0));

/// The colour of a surface.
#[derive(Clone, Debug, PartialEq)]
pub enum Paint {
    Plain(Rgb),
    /// Printed on a quad or a label.
    Chart(Arc<Chart>),
    /// A texture in the body's frame.
    Pattern(Box<Pattern>),
}

/// Cells printed on a quad: a code, a fiducial, lines of a label.
#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
    /// Cells along the quad's `u`.
    pub columns: usize,
    /// Dark or not, row by row; rows follow the quad's `v`. Cells that are not there are light.
    pub dark: Vec<bool>,
    pub light_colour: Rgb,
    pub dark_colour: Rgb,
}

impl Chart {
    pub fn rows(&self) -> usize {
        self.dark.len().div_ceil(self.columns.max(1)).max(1)
    }

    /// Of the cell at `u`, `v` in 0..1.
    #[inline]
    pub(crate) fn colour(&self, uv: [f32; 2]) -> Rgb {
        if self.is_dark(uv) { self.dark_colour } else { self.light_colour }
    }

    /// Whether the cell at `u`, `v` in 0..1 is printed.
    pub(crate) fn is_dark(&self, [u, v]: [f32; 2]) -> bool {
        let columns = self.columns.max(1);
        let rows = self.rows();
        let cell = |x: f32, n: usize| ((x.max(0.0) * n as f32) as usize).min(n - 1);
        let index = cell(v, rows) * columns + cell(u, columns);
        self.dark.get(index).copied().unwrap_or(false)
    }
}

impl Paint {
    pub fn pattern(pattern: Pattern) -> Self {
        Self::Pattern(Box::new(pattern))
    }

    /// The share of light that is thrown back at a point of the body, and at `uv` in 0..1 over a quad.
    #[inline]
    pub(crate) fn at(&self, point: V3, uv: [f32; 2]) -> Rgb {
        match self {
            Self::Plain(colour) => *colour,
            Self::Chart(chart) => chart.colour(uv),
            Self::Pattern(pattern) => pattern.at(point),
        }
    }
}

/// What a part's surface is. The front is the side that the shape's normal points to.
#[derive(Clone, Debug, PartialEq)]
pub enum Surface {
    /// Throws light back in all directions alike (Lambert), on both sides.
    Matt(Paint),
    /// Paint under a clear coat of index 1.5: `roughness` 0.02 is a mirror's gloss, 0.5 nearly matt.
    Gloss { paint: Paint, roughness: f32 },
    /// Mirrors; `roughness` 0 is polished, 0.2 brushed: the radius of the ball that a reflected direction is shaken by.
    Metal { tint: Rgb, roughness: f32 },
    /// Two clear media meet.
    Between { front: Medium, back: Medium },
    /// Gives light to its front.
    Lamp { radiance: Rgb },
}

impl Surface {
    pub fn plain(colour: Rgb) -> Self {
        Self::Matt(Paint::Plain(colour))
    }
}

/// The share of unpolarised light that is reflected where media meet (Fresnel's equations; Born and Wolf,
/// "Principles of Optics", 1.5.2), and the cosine of the refracted ray. Total reflection has no refracted ray.
///
/// `cosine` is that of the arriving ray from the normal; `ratio` is the index before over the index behind.
#[inline]
pub(crate) fn fresnel(cosine: f32, ratio: f32) -> (f32, Option<f32>) {
    let sine2 = ratio * ratio * (1.0 - cosine * cosine);
    if sine2 >= 1.0 {
        return (1.0, None);
    }
    let refracted = (1.0 - sine2).sqrt();
    let across = (ratio * cosine - refracted) / (ratio * cosine + refracted);
    let along = (cosine - ratio * refracted) / (cosine + ratio * refracted);
    ((across * across + along * along) / 2.0, Some(refracted))
}
