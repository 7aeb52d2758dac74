//! Racks, well plates and glass substrates.

use super::kind;
use crate::scene::{Body, Part};
use crate::shape::{Holes, Quad, Shape};
use crate::space::V3;
use crate::surface::{AIR, Chart, GLASS, Paint, Rgb, Surface};
use nalgebra::Isometry3;
use std::sync::Arc;

/// A rack: a box with holes from above. Its frame: the middle of its foot.
#[derive(Clone, Debug, PartialEq)]
pub struct Rack {
    pub size_m: [f32; 3],
    pub holes: Holes,
    pub surface: Surface,
    /// Open at the sides: two plates on posts.
    pub open: bool,
    /// Height that vessels stand at.
    pub floor_m: f32,
}

impl Rack {
    /// Centres of the holes on the rack's axes.
    pub fn places(&self) -> Vec<[f32; 2]> {
        let h = &self.holes;
        let corner = [-self.size_m[0] / 2.0, -self.size_m[1] / 2.0];
        let at = |axis: usize, i: usize| corner[axis] + h.first_m[axis] + h.pitch_m[axis] * i as f32;
        (0..h.count[0])
            .flat_map(|i| (0..h.count[1]).map(move |j| (i, j)))
            .map(|(i, j)| [at(0, i), at(1, j)])
            .collect()
    }
}

fn turned(holes: &Holes) -> Holes {
    let swap = |a: [f32; 2]| [a[1], a[0]];
    Holes {
        first_m: swap(holes.first_m),
        pitch_m: swap(holes.pitch_m),
        count: [holes.count[1], holes.count[0]],
        ..*holes
    }
}

/// The rack standing at a place.
pub fn rack(map_from_rack: &Isometry3<f64>, rack: &Rack) -> Body {
    let [x, y, z] = rack.size_m;
    let corner = V3::new(-x / 2.0, -y / 2.0, 0.0);
    let (ex, ey, ez) = (V3::X * x, V3::Y * y, V3::Z * z);
    let part = |shape: Shape| Part::new(shape, rack.surface.clone());
    let plain = |corner, u, v| part(Shape::Quad(Quad::new(corner, u, v)));
    let holed =
        |corner: V3, u: V3, v: V3, holes: Holes| part(Shape::Quad(Quad { corner, u, v, holes: Some(holes) }));
    let thick = 0.004f32.min(z * 0.4);
    let mut parts = vec![
        plain(corner + V3::Z * rack.floor_m, ex, ey),
        holed(corner + ez, ex, ey, rack.holes),
        holed(corner + V3::Z * (z - thick), ey, ex, turned(&rack.holes)),
    ];
    if rack.open {
        let low = V3::Z * thick;
        parts.push(plain(corner, ey, ex));
        for (base, height) in [(V3::ZERO, low), (V3::Z * (z - thick), low)] {
            let c = corner + base;
            parts.extend([
                plain(c, ex, height),
                plain(c + ey, height, ex),
                plain(c, height, ey),
                plain(c + ex, ey, height),
            ]);
        }
        for (sx, sy) in [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)] {
            let foot = corner + V3::new(sx * (x - 0.006), sy * (y - 0.006), 0.0);
            parts.push(part(Shape::block(foot, foot + V3::new(0.006, 0.006, z - 0.0002))));
        }
    } else {
        parts.extend([
            plain(corner, ex, ez),
            plain(corner + ey, ez, ex),
            plain(corner, ez, ey),
            plain(corner + ex, ey, ez),
        ]);
    }
    Body::new(map_from_rack, parts)
}

/// A well plate of the standard footprint (ANSI/SLAS 1-2004: 127.76 x 85.48 mm).
#[derive(Clone, Debug, PartialEq)]
pub struct Plate {
    /// Wells along the long edge and the short one.
    pub wells: [usize; 2],
    pub height_m: f32,
    pub surface: Surface,
    /// Which wells are filled, column by column, and with what.
    pub filled: Vec<bool>,
    pub liquid: Rgb,
    /// How high the wells are filled, share.
    pub level: f32,
    pub lid: Option<Rgb>,
}

/// Length and width of every plate, metres.
pub const PLATE_M: [f32; 2] = [0.12776, 0.08548];

/// The plate standing at a place; its frame is the middle of its foot.
pub fn plate(map_from_plate: &Isometry3<f64>, plate: &Plate) -> Body {
    let size = PLATE_M;
    let pitch = 0.108 / plate.wells[0] as f32;
    let first = [
        (size[0] - pitch * (plate.wells[0] - 1) as f32) / 2.0,
        (size[1] - pitch * (plate.wells[1] - 1) as f32) / 2.0,
    ];
    let holes = Holes {
        first_m: first,
        pitch_m: [pitch; 2],
        count: plate.wells,
        radius_m: pitch * 0.38,
        square: plate.wells[0] >= 24,
    };
    let rack_like = Rack {
        size_m: [size[0], size[1], plate.height_m],
        holes,
        surface: plate.surface.clone(),
        open: false,
        floor_m: 0.002,
    };
    let mut body = rack(map_from_plate, &rack_like);
    let corner = V3::new(-size[0] / 2.0, -size[1] / 2.0, 0.002 + plate.level * (plate.height_m - 0.004));
    // One sheet of liquids: it is seen through the wells alone.
    let near = first.map(|f| f - pitch / 2.0);
    let sheet = Quad::new(
        corner + V3::new(near[0], near[1], 0.0),
        V3::X * (pitch * plate.wells[0] as f32),
        V3::Y * (pitch * plate.wells[1] as f32),
    );
    let chart = Chart {
        columns: plate.wells[0],
        dark: plate.filled.clone(),
        light_colour: Rgb::splat(0.6),
        dark_colour: plate.liquid,
    };
    let liquid = Surface::Gloss { paint: Paint::Chart(Arc::new(chart)), roughness: 0.03 };
    let mut parts = std::mem::take(&mut body.parts);
    parts.push(Part::new(Shape::Quad(sheet), liquid));
    if let Some(colour) = plate.lid {
        let low = V3::new(-size[0] / 2.0, -size[1] / 2.0, plate.height_m + 0.0006);
        let lid = Shape::block(low, low + V3::new(size[0], size[1], 0.006));
        let surface = Surface::Gloss { paint: Paint::Plain(colour), roughness: 0.15 };
        parts.push(Part { shape: lid, surface, kind: kind::CAP });
    }
    Body::new(map_from_plate, parts)
}

/// A glass substrate, perhaps with a film on it. Its frame is the middle of its foot.
#[derive(Clone, Debug, PartialEq)]
pub struct Slide {
    pub size_m: [f32; 3],
    pub film: Option<Surface>,
    /// The film's edges from the substrate's, metres.
    pub margin_m: f32,
}

/// The substrate lying at a place.
pub fn slide(map_from_slide: &Isometry3<f64>, slide: &Slide) -> Body {
    let [x, y, z] = slide.size_m;
    let low = V3::new(-x / 2.0, -y / 2.0, 0.0001);
    let glass = Surface::Between { front: AIR, back: GLASS };
    let mut parts = vec![Part::new(Shape::block(low, low + V3::new(x, y, z)), glass)];
    if let Some(film) = &slide.film {
        let corner = V3::new(-x / 2.0 + slide.margin_m, -y / 2.0, z + 0.00016);
        let quad = Quad::new(corner, V3::X * (x - 2.0 * slide.margin_m), V3::Y * y);
        parts.push(Part::new(Shape::Quad(quad), film.clone()));
    }
    Body::new(map_from_slide, parts)
}
