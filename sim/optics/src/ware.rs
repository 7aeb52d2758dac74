//! Lab ware from parameters.

use crate::scene::{Body, Part};
use crate::shape::{Hole, Quad, Ring, Shape};
use crate::surface::{AIR, Medium, Paint, Rgb, Surface};
use nalgebra::{Isometry3, Vector3};
use std::f64::consts::FRAC_PI_2;

/// What is in a vial. `level` is the filled share of the body's inside, from its floor to the shoulder: above 0, up to 1.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    Empty,
    /// A clear or coloured liquid, with its meniscus up the wall.
    Liquid {
        medium: Medium,
        level: f64,
    },
    /// A powder that lies level.
    Powder {
        colour: Rgb,
        level: f64,
    },
}

/// A vial: body, round shoulder, neck; its axis is z, the bench at z = 0.
#[derive(Clone, Debug, PartialEq)]
pub struct Vial {
    pub radius_m: f64,
    /// To the top of the neck.
    pub height_m: f64,
    pub wall_m: f64,
    pub neck_radius_m: f64,
    pub neck_height_m: f64,
    pub glass: Medium,
    pub content: Content,
    /// The colour of its screw cap, where it has one.
    pub cap: Option<Rgb>,
}

/// A vial that cannot be made.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum BadWare {
    #[error("{key} is {value} m: a length must be a number above zero")]
    Length { key: &'static str, value: f64 },
    #[error("wall_m {wall_m} leaves no room inside neck_radius_m {neck_radius_m}")]
    Wall { wall_m: f64, neck_radius_m: f64 },
    #[error("neck_radius_m {neck_radius_m} is wider than radius_m {radius_m}")]
    Neck { neck_radius_m: f64, radius_m: f64 },
    #[error(
        "height_m {height_m} leaves no room for a body under neck and shoulder: it must exceed {least_m}"
    )]
    Height { height_m: f64, least_m: f64 },
    #[error("level is {0}: it must be above 0 and at most 1")]
    Level(f64),
}

/// Height of the meniscus' rim over the level: near the capillary length of water scaled to a glass wall.
const MENISCUS_M: f64 = 0.0015;
/// Pieces of a quarter circle.
const ARC: usize = 6;

/// The rings along a line of (radius, z).
fn rings(line: &[[f64; 2]], surface: &Surface) -> impl Iterator<Item = Part> {
    line.windows(2).map(|ends| Part {
        shape: Shape::Ring(Ring { from: ends[0], to: ends[1] }),
        surface: surface.clone(),
    })
}

impl Vial {
    /// Every fault of the parameters.
    pub fn faults(&self) -> Vec<BadWare> {
        let mut faults = Vec::new();
        for (key, value) in [
            ("radius_m", self.radius_m),
            ("height_m", self.height_m),
            ("wall_m", self.wall_m),
            ("neck_radius_m", self.neck_radius_m),
            ("neck_height_m", self.neck_height_m),
        ] {
            if !(value.is_finite() && value > 0.0) {
                faults.push(BadWare::Length { key, value });
            }
        }
        if faults.is_empty() {
            let (wall_m, neck_radius_m, radius_m) = (self.wall_m, self.neck_radius_m, self.radius_m);
            if wall_m >= neck_radius_m {
                faults.push(BadWare::Wall { wall_m, neck_radius_m });
            }
            if neck_radius_m > radius_m {
                faults.push(BadWare::Neck { neck_radius_m, radius_m });
            }
            let least_m = self.neck_height_m + (radius_m - neck_radius_m) + wall_m + 2.0 * MENISCUS_M;
            if self.height_m <= least_m {
                faults.push(BadWare::Height { height_m: self.height_m, least_m });
            }
        }
        if let Content::Liquid { level, .. } | Content::Powder { level, .. } = self.content
            && !(level > 0.0 && level <= 1.0)
        {
            faults.push(BadWare::Level(level));
        }
        faults
    }

    /// The vial standing with its foot at `map_from_vial`.
    pub fn body(&self, map_from_vial: Isometry3<f64>) -> Result<Body, Vec<BadWare>> {
        let faults = self.faults();
        if !faults.is_empty() {
            return Err(faults);
        }
        let (r, inside) = (self.radius_m, self.radius_m - self.wall_m);
        let neck = self.neck_radius_m;
        let shoulder = self.height_m - self.neck_height_m - (r - neck);
        // A quarter circle from the body's edge to the neck's foot; the inner one is a wall further in.
        let arc = |from_r: f64| {
            (0..=ARC).map(move |i| {
                let (sin, cos) = (FRAC_PI_2 * i as f64 / ARC as f64).sin_cos();
                [from_r - (r - neck) * (1.0 - cos), shoulder + (r - neck) * sin]
            })
        };
        let mut outer = vec![[0.0, 0.0], [r, 0.0]];
        outer.extend(arc(r));
        outer.extend([[neck, self.height_m], [neck - self.wall_m, self.height_m]]);
        let glass = |front: Medium| Surface::Between { front, back: self.glass };
        let mut parts: Vec<Part> = rings(&outer, &glass(AIR)).collect();

        let floor = self.wall_m;
        let room = shoulder - MENISCUS_M - floor;
        // Up the inside from its floor, as a line that is turned at the end: the front is the room inside.
        let mut above = vec![];
        match &self.content {
            Content::Empty => above.extend([[0.0, floor], [inside, floor]]),
            Content::Liquid { medium, level } => {
                let level_m = floor + level * room;
                let rim = level_m + MENISCUS_M;
                parts.extend(rings(&[[inside, rim], [inside, floor], [0.0, floor]], &glass(*medium)));
                let reach = (2.0 * MENISCUS_M).min(inside / 2.0);
                // A parabola stands for the true curve.
                let mut top: Vec<[f64; 2]> = (0..=ARC)
                    .map(|i| 1.0 - i as f64 / ARC as f64)
                    .map(|s| [inside - reach * (1.0 - s), level_m + MENISCUS_M * s * s])
                    .collect();
                top.push([0.0, level_m]);
                parts.extend(rings(&top, &Surface::Between { front: AIR, back: *medium }));
                above.push([inside, rim]);
            }
            Content::Powder { colour, level } => {
                let level_m = floor + level * room;
                let line = [[inside, level_m], [inside, floor], [0.0, floor]];
                let powder = Surface::Matt(Paint::Plain(*colour));
                parts.extend(rings(&line, &powder));
                parts.extend(rings(&[[inside, level_m], [0.0, level_m]], &powder));
                above.push([inside, level_m]);
            }
        }
        above.extend(arc(inside));
        above.push([neck - self.wall_m, self.height_m]);
        above.reverse();
        parts.extend(rings(&above, &glass(AIR)));
        if let Some(colour) = self.cap {
            let (rim, foot) = (neck + 0.0012, self.height_m - 0.9 * self.neck_height_m);
            let top = self.height_m + 0.0015;
            let line =
                [[neck + 0.0002, foot], [rim, foot], [rim, top - 0.0008], [rim - 0.0008, top], [0.0, top]];
            parts.extend(rings(&line, &Surface::Matt(Paint::Plain(colour))));
            parts.extend(rings(
                &[[0.0, self.height_m + 0.0002], [rim, self.height_m + 0.0002]],
                &Surface::Matt(Paint::Plain(colour)),
            ));
        }
        Ok(Body::new(map_from_vial, parts))
    }
}

/// A flat rack: a tray with a plate of round holes over it. Its corner stands at `map_from_rack`; `holes` are from that corner.
pub fn rack(map_from_rack: Isometry3<f64>, size_m: [f64; 3], holes: &[Hole], colour: Rgb) -> Body {
    let [x, y, z] = size_m;
    let (ex, ey, ez) = (Vector3::x() * x, Vector3::y() * y, Vector3::z() * z);
    let zero = Vector3::zeros();
    let quad = |corner, u, v, holes: &[Hole]| Part {
        shape: Shape::Quad(Quad { corner, u, v, holes: holes.to_vec() }),
        surface: Surface::Matt(Paint::Plain(colour)),
    };
    let plate = Vector3::z() * (z - 0.004).max(z / 2.0);
    let parts = vec![
        quad(Vector3::z() * 0.0004, ex, ey, &[]),
        quad(ez, ex, ey, holes),
        quad(
            plate,
            ey,
            ex,
            &holes
                .iter()
                .map(|h| Hole { centre_m: [h.centre_m[1], h.centre_m[0]], ..*h })
                .collect::<Vec<_>>(),
        ),
        quad(zero, ex, ez, &[]),
        quad(ey, ez, ex, &[]),
        quad(zero, ez, ey, &[]),
        quad(ex, ey, ez, &[]),
    ];
    Body::new(map_from_rack, parts)
}
