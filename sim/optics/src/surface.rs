//! What light does at a surface and inside a body.

/// Red, green, blue: linear, not display values.
pub type Rgb = [f64; 3];

/// What a ray travels in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Medium {
    /// Index of refraction.
    pub index: f64,
    /// Absorption (Beer-Lambert, base e), 1/m.
    pub absorption: Rgb,
}

/// The room's air.
pub const AIR: Medium = Medium { index: 1.0, absorption: [0.0; 3] };
/// Clear borosilicate glass: index 1.473 (at 588 nm), a trace of green in thick pieces.
pub const GLASS: Medium = Medium { index: 1.473, absorption: [4.0, 1.5, 3.0] };
/// Clear water: index 1.333; its absorption over a vial is not visible.
pub const WATER: Medium = Medium { index: 1.333, absorption: [0.0; 3] };

/// Amber glass. The absorption is set by eye, so that a 1 mm wall shows brown and hides blue.
pub fn amber() -> Medium {
    Medium { index: 1.473, absorption: [180.0, 800.0, 2600.0] }
}

/// The colour of a matt surface.
#[derive(Clone, Debug, PartialEq)]
pub enum Paint {
    Plain(Rgb),
    Chart(Chart),
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

impl Paint {
    /// The share of light that is thrown back, at `u`, `v` in 0..1 over a quad.
    pub(crate) fn at(&self, [u, v]: [f64; 2]) -> Rgb {
        match self {
            Self::Plain(colour) => *colour,
            Self::Chart(chart) => {
                let columns = chart.columns.max(1);
                let rows = chart.dark.len().div_ceil(columns).max(1);
                let cell = |x: f64, n: usize| ((x * n as f64) as usize).min(n - 1);
                let index = cell(v, rows) * columns + cell(u, columns);
                if chart.dark.get(index).copied().unwrap_or(false) {
                    chart.dark_colour
                } else {
                    chart.light_colour
                }
            }
        }
    }
}

/// What a part's surface is. The front is the side that the shape's normal points to.
#[derive(Clone, Debug, PartialEq)]
pub enum Surface {
    /// Throws light back in all directions alike (Lambert), on both sides.
    Matt(Paint),
    /// Mirrors; `roughness` 0 is polished, 0.2 brushed: the radius of the ball that a reflected direction is shaken by.
    Metal { tint: Rgb, roughness: f64 },
    /// Two clear media meet.
    Between { front: Medium, back: Medium },
    /// Gives light to its front.
    Lamp { radiance: Rgb },
}

/// The share of unpolarised light that is reflected where media meet (Fresnel's equations; Born and Wolf,
/// "Principles of Optics", 1.5.2), and the cosine of the refracted ray. Total reflection has no refracted ray.
///
/// `cosine` is that of the arriving ray from the normal; `ratio` is the index before over the index behind.
pub(crate) fn fresnel(cosine: f64, ratio: f64) -> (f64, Option<f64>) {
    let sine2 = ratio * ratio * (1.0 - cosine * cosine);
    if sine2 >= 1.0 {
        return (1.0, None);
    }
    let refracted = (1.0 - sine2).sqrt();
    let across = (ratio * cosine - refracted) / (ratio * cosine + refracted);
    let along = (cosine - ratio * refracted) / (cosine + ratio * refracted);
    ((across * across + along * along) / 2.0, Some(refracted))
}
