//! Vessels of glass or clear plastic.

use super::content::Contents;
use super::{kind, outline};
use crate::scene::{Body, Part};
use crate::shape::{Label, Ring, Shape};
use crate::surface::{Chart, Medium, Paint, Rgb, Surface, rgb};
use crate::vessel::Vessel;
use nalgebra::Isometry3;
use std::sync::Arc;

/// The outline of a vessel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A body, a shoulder, a neck.
    Vial,
    /// As a vial, larger.
    Bottle,
    Beaker,
    /// Erlenmeyer's flask.
    Conical,
    /// A round-bottomed flask; its foot is the ball's lowest point.
    Round,
    Volumetric,
    /// A test tube with a round bottom.
    Tube,
    /// A centrifuge tube with a pointed bottom.
    Spitz,
    /// A cartridge: a barrel with an outlet below and a flange above.
    Cartridge,
}

/// A closure.
#[derive(Clone, Debug, PartialEq)]
pub struct Cap {
    pub kind: CapKind,
    pub colour: Rgb,
    /// Of the septum in its hole, where it has one.
    pub septum: Option<Rgb>,
}

/// What closes a vessel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CapKind {
    Screw,
    /// An aluminium crimp.
    Crimp,
    /// A stopper in the neck.
    Stopper,
}

/// Print on the wall.
#[derive(Clone, Debug, PartialEq)]
pub struct Marks {
    /// From its lower to its upper edge, metres.
    pub z_m: [f32; 2],
    pub angle: f32,
    pub span: f32,
    pub print: Option<Arc<Chart>>,
    /// Ink on the glass, without paper.
    pub bare: bool,
    pub colour: Rgb,
}

/// A vessel; its axis is z, the bench at z = 0.
#[derive(Clone, Debug, PartialEq)]
pub struct Glassware {
    pub form: Form,
    pub radius_m: f32,
    /// To the top of the neck.
    pub height_m: f32,
    pub wall_m: f32,
    /// Thickness of the floor on the axis. Of what stands on a flat foot, mostly more than the wall's.
    pub floor_m: f32,
    /// Radius of the inside's edge between a level floor and the wall; zero for a sharp one.
    pub heel_m: f32,
    /// How far the underside of a flat foot is hollow, share of the radius.
    pub hollow: f32,
    pub neck_radius_m: f32,
    pub neck_height_m: f32,
    /// Height of the shoulder over its width.
    pub shoulder: f32,
    /// Turns of a screw thread.
    pub thread: usize,
    pub glass: Medium,
    pub cap: Option<Cap>,
    pub marks: Vec<Marks>,
}

/// A vessel that cannot be made.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum BadWare {
    #[error("{key} is {value} m: a length must be a number above zero")]
    Length { key: &'static str, value: f32 },
    #[error("wall_m {wall_m} leaves no room inside neck_radius_m {neck_radius_m}")]
    Wall { wall_m: f32, neck_radius_m: f32 },
    #[error("neck_radius_m {neck_radius_m} is wider than radius_m {radius_m}")]
    Neck { neck_radius_m: f32, radius_m: f32 },
    #[error(
        "height_m {height_m} leaves no room for a body under neck and shoulder: it must exceed {least_m}"
    )]
    Height { height_m: f32, least_m: f32 },
}

impl Glassware {
    /// Every fault of the parameters.
    pub fn faults(&self) -> Vec<BadWare> {
        let mut faults = Vec::new();
        for (key, value) in [
            ("radius_m", self.radius_m),
            ("height_m", self.height_m),
            ("wall_m", self.wall_m),
            ("floor_m", self.floor_m),
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
            let least_m = self.neck_height_m
                + (radius_m - neck_radius_m) * self.shoulder
                + 2.0 * wall_m
                + self.floor_m
                + self.hollow * radius_m
                + self.heel_m;
            if self.height_m <= least_m {
                faults.push(BadWare::Height { height_m: self.height_m, least_m });
            }
        }
        faults
    }

    /// Height where the straight body ends.
    pub fn body_top_m(&self) -> f32 {
        match self.form {
            Form::Vial | Form::Bottle => {
                self.height_m - self.neck_height_m - (self.radius_m - self.neck_radius_m) * self.shoulder
            }
            Form::Beaker => self.height_m * 0.93,
            Form::Conical | Form::Volumetric => self.height_m - self.neck_height_m,
            Form::Round => 1.7 * self.radius_m,
            Form::Tube | Form::Spitz => self.height_m * 0.9,
            Form::Cartridge => self.height_m * 0.85,
        }
    }

    /// The glass alone, empty.
    pub fn vessel(&self) -> Vessel {
        let mut outer = outline::side(self);
        let mouth = self.neck_radius_m.max(self.radius_m) - self.wall_m;
        let inner = outline::inner(&outer, self.wall_m, [self.floor_m, self.heel_m], mouth);
        if self.thread > 0 && self.cap.is_none() {
            let depth = (0.06 * self.neck_radius_m).clamp(0.0004, 0.0013);
            outline::thread(
                &mut outer,
                self.height_m - self.neck_height_m,
                self.height_m,
                self.thread,
                depth,
            );
        }
        Vessel::new(self.glass, &outer, &inner, Vec::new())
    }

    /// The vessel with its content, its foot at `map_from_ware`.
    pub fn body(&self, map_from_ware: &Isometry3<f64>, contents: Contents) -> Result<Body, Vec<BadWare>> {
        let faults = self.faults();
        if !faults.is_empty() {
            return Err(faults);
        }
        let mut vessel = self.vessel();
        vessel.layers = contents.layers;
        vessel.pieces = contents.pieces;
        vessel.residue = contents.residue;
        let mut parts = Vec::new();
        if let Some(cap) = &self.cap {
            parts.extend(self.cap_parts(cap));
        }
        for marks in &self.marks {
            let surface = match (&marks.print, marks.bare) {
                (Some(print), false) => Surface::Matt(Paint::Chart(print.clone())),
                _ => Surface::plain(marks.colour),
            };
            let label = Label {
                radius_m: self.radius_m + 0.00008,
                z_m: marks.z_m,
                angle: marks.angle,
                span: marks.span,
                print: marks.print.clone(),
                bare: marks.bare,
            };
            parts.push(Part { shape: Shape::Label(label), surface, kind: kind::PRINT });
        }
        Ok(Body::with_vessel(map_from_ware, parts, Some(vessel)))
    }

    /// Top of the ware with its cap.
    pub fn top_m(&self) -> f32 {
        match self.cap.as_ref().map(|cap| cap.kind) {
            None => self.height_m,
            Some(CapKind::Screw | CapKind::Crimp) => self.height_m + 0.0018,
            Some(CapKind::Stopper) => self.height_m + 0.6 * self.neck_radius_m,
        }
    }

    fn cap_parts(&self, cap: &Cap) -> Vec<Part> {
        let neck = self.neck_radius_m;
        let (h, top) = (self.height_m, self.top_m());
        let paint = match cap.kind {
            CapKind::Crimp => Surface::Metal { tint: rgb(0.78, 0.78, 0.79), roughness: 0.12 },
            _ => Surface::Gloss { paint: Paint::Plain(cap.colour), roughness: 0.28 },
        };
        let (rim, foot) = match cap.kind {
            CapKind::Screw => (neck * 1.06 + 0.0017, h - 0.94 * self.neck_height_m),
            CapKind::Crimp => (neck + 0.0009, h - (0.0055f32).min(0.6 * self.neck_height_m)),
            CapKind::Stopper => (neck + 0.002, h),
        };
        let round = 0.0009f32.min(0.2 * rim);
        let mut line = vec![
            [neck + 0.0003, foot],
            [rim, foot],
            [rim, top - round],
            [rim - 0.3 * round, top - 0.3 * round],
            [rim - round, top],
        ];
        let hole = 0.45 * neck;
        line.push(if cap.septum.is_some() { [hole, top] } else { [0.0, top] });
        let mut parts: Vec<Part> = rings(&line, &paint);
        if let Some(colour) = cap.septum {
            parts.extend(rings(&[[hole, top], [hole, top - 0.0012]], &paint));
            parts.extend(rings(&[[hole, top - 0.0012], [0.0, top - 0.0012]], &Surface::plain(colour)));
        }
        // Its underside, seen through the neck.
        parts.extend(rings(&[[0.0, h + 0.0003], [rim, h + 0.0003]], &Surface::plain(cap.colour * 0.8)));
        parts
    }
}

/// The rings along a line, marked as cap.
fn rings(line: &[[f32; 2]], surface: &Surface) -> Vec<Part> {
    line.windows(2)
        .map(|ends| Part {
            shape: Shape::Ring(Ring { from: ends[0], to: ends[1] }),
            surface: surface.clone(),
            kind: kind::CAP,
        })
        .collect()
}
