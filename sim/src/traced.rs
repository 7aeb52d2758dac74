//! The wrist camera by ray tracing: the laboratory as light sees it, with glass, liquid, metal and lamps, and the depth that
//! an active-stereo camera makes of it. The full tier, beside `camera`'s fast one; both see the same shapes.
//!
//! The sites say nothing of lamps yet: the room has a small lamp in the ceiling every 1.2 m, of which the two nearest to the camera count (the
//! others are in the ambient light), and the robot has a lamp of its own beside the lens, which is on when the room is dark.

mod ware;

use crate::scene::{Form, Host, Prim, Role, Scene};
use crate::tags::{BLACK_CELLS, WITH_QUIET_ZONE, is_white};
use nalgebra::{Isometry3, Vector3};
use nightshift_core::Stamp;
use nightshift_core::describe::{CameraDescription, Solid, Surface as Laser};
use nightshift_core::image::{Depth, Frame, Image, Intrinsics};
use nightshift_core::random::Seed;
use nightshift_optics::{
    AIR, Ambient, Body, Chart, Exposed, Film, GLASS, Lens, Metering, Motion, Paint, Part, Quad, Rgb, Ring,
    Shape, Shot, StereoRig, Surface, V3, rgb,
};
use rand::RngCore;
use std::sync::Arc;

/// More rays through pixels on edges.
const EDGE_SAMPLES: u32 = 3;
/// Rows and columns of a pixel that shows print.
const PRINT_RASTER: u32 = 4;
/// Edge of a depth pixel in colour pixels. Such cameras are run with their pictures halved where the pattern is coarse and time is
/// short (the decimation filter of their drivers).
const COARSE: usize = 2;
/// Mean display value that the exposure aims at.
const MEAN: f32 = 0.42;
/// Blur of lens and sensor, pixels.
const SOFTNESS_PX: f32 = 0.35;
/// A picture that goes less far over the sensor than this is not smeared, pixels.
const STILL_PX: f32 = 0.05;
/// The ceiling's lamps: from one to the next, their height and edge, metres; how many count; their radiance against a white
/// wall's. Small ones make shadows with clear edges, which need one ray to a lamp and have no grain.
const LAMP_EVERY_M: f64 = 1.2;
const LAMP_HEIGHT_M: f64 = 2.7;
const LAMP_M: f32 = 0.08;
const LAMPS: usize = 2;
const LAMP_RADIANCE: f32 = 450.0;
/// Light from all sides by day, from above and below, and in the dark.
const DAY: [f32; 2] = [0.42, 0.26];
const NIGHT: f32 = 0.002;
/// The robot's own lamp: where it is beside the lens, its edge (metres) and its radiance.
const OWN_AT_M: V3 = V3::new(0.0, 0.045, 0.002);
const OWN_M: f32 = 0.02;
const OWN_RADIANCE: f32 = 900.0;
/// The floor is drawn so far from the map's origin, metres.
const FLOOR_M: f32 = 60.0;
/// Reflectances of print.
const PAPER: f32 = 0.82;
const INK: f32 = 0.025;
/// Cells of a tag with its quiet zone, along an edge.
const CELLS: usize = 10;

/// The camera.
#[derive(Clone, Debug)]
pub struct Tracer {
    intrinsics: Intrinsics,
    /// How long each pixel takes in light, and from the reading of the first row to that of the last, seconds.
    exposure_s: f32,
    readout_s: f32,
    seed: u64,
    /// Taken so far: each has noise of its own.
    pictures: u64,
}

impl Tracer {
    /// A working camera.
    pub fn new(description: &CameraDescription, seed: Seed) -> Self {
        Self {
            exposure_s: description.exposure_s as f32,
            readout_s: description.readout_s as f32,
            ..Self::with(description.intrinsics, seed)
        }
    }

    /// One that no description names, which takes no time.
    pub fn with(intrinsics: Intrinsics, seed: Seed) -> Self {
        let seed = seed.stream("tracer").next_u64();
        Self { intrinsics, exposure_s: 0.0, readout_s: 0.0, seed, pictures: 0 }
    }

    /// Takes a picture, with the camera moving so (m/s and rad/s, in its own axes). `map_from_prim` are the poses of the
    /// scene's shapes, `map_from_vial` of its vials now; in a dark room the robot's lamp is on and the ceiling's are off.
    pub fn capture(
        &mut self,
        stamp: Stamp,
        (map_from_camera, [velocity, turn]): (&Isometry3<f64>, [Vector3<f64>; 2]),
        scene: &Scene,
        (map_from_prim, map_from_vial): (&[Isometry3<f64>], &[Isometry3<f64>]),
        dark: bool,
    ) -> Frame {
        let frame = self.pictures;
        self.pictures += 1;
        let mut bodies: Vec<Body> = scene
            .prims
            .iter()
            .zip(map_from_prim)
            .filter_map(|(prim, pose)| match prim.host {
                Host::Ware(index) => {
                    ware::loose(&scene.wares[index].piece, &(pose * prim.host_from_prim.inverse()))
                }
                _ => body(prim, pose),
            })
            .collect();
        bodies
            .extend(scene.vials.iter().zip(map_from_vial).filter_map(|(vial, pose)| ware::vial(vial, pose)));
        let ambient = if dark {
            bodies.push(own_lamp(map_from_camera));
            Ambient::even(Rgb::splat(NIGHT))
        } else {
            bodies.extend(ceiling(map_from_camera));
            Ambient { above: Rgb::splat(DAY[0]), below: Rgb::splat(DAY[1]) }
        };
        let lit = nightshift_optics::Scene::new(ambient, bodies);
        let [velocity, turn] = [velocity, turn].map(|v| [v.x, v.y, v.z].map(|part| part as f32));
        let motion = Motion { velocity, turn, readout_s: self.readout_s };
        let shot = Shot {
            intrinsics: self.intrinsics,
            map_from_camera: *map_from_camera,
            distortion: [0.0; 2],
            motion,
            lens: Lens::default(),
            edge_samples: EDGE_SAMPLES,
            print_raster: PRINT_RASTER,
            seed: self.seed,
            frame,
        };
        let told = "a camera's description was checked when it was read";
        let exposed = shot.take(&lit).expect(told);
        let mut film = Film::plain(Metering::Mean(MEAN), self.seed ^ frame);
        film.softness_px = SOFTNESS_PX;
        film.shake_px = self.smear(&motion, &exposed);
        let measured = StereoRig::default().measure(&lit, &coarse(&shot)).expect(told);
        let Intrinsics { width, height, .. } = self.intrinsics;
        let told = |index: usize| {
            let (x, y) = (index % width / COARSE, index / width / COARSE);
            let z = measured.pixels[y.min(measured.height - 1) * measured.width + x.min(measured.width - 1)];
            z.map_or(Depth::Missing, Depth::Measured)
        };
        let depth = Image { width, height, pixels: (0..width * height).map(told).collect() };
        Frame { stamp, intrinsics: self.intrinsics, color: film.develop(&exposed), depth }
    }

    /// The way of the picture over the sensor during the exposure, for what lies in the middle of all depths, pixels. Less
    /// than `STILL_PX` is none.
    fn smear(&self, motion: &Motion, exposed: &Exposed) -> [f32; 2] {
        if self.exposure_s == 0.0 {
            return [0.0; 2];
        }
        let mut depths: Vec<f32> =
            (0..exposed.cosines.len()).step_by(97).filter_map(|index| exposed.depth_m(index)).collect();
        depths.sort_by(f32::total_cmp);
        let Some(middle_m) = depths.get(depths.len() / 2) else { return [0.0; 2] };
        let focal_px = [self.intrinsics.fx as f32, self.intrinsics.fy as f32];
        let way = motion.smear_px(focal_px, *middle_m, self.exposure_s);
        if way[0].hypot(way[1]) < STILL_PX { [0.0; 2] } else { way }
    }
}

/// The depth camera's shot, of coarser pixels: each is the middle of a square of the colour camera's.
fn coarse(shot: &Shot) -> Shot {
    let k = shot.intrinsics;
    let by = COARSE as f64;
    let middle = |c: f64| (c + 0.5) / by - 0.5;
    let intrinsics = Intrinsics {
        width: (k.width / COARSE).max(1),
        height: (k.height / COARSE).max(1),
        fx: k.fx / by,
        fy: k.fy / by,
        cx: middle(k.cx),
        cy: middle(k.cy),
    };
    Shot { intrinsics, ..shot.clone() }
}

/// A shape as light sees it. None where it is invisible, or a vial's body, which is drawn whole.
fn body(prim: &Prim, map_from_prim: &Isometry3<f64>) -> Option<Body> {
    if !prim.visible || matches!(prim.role, Role::Glass(_) | Role::Shell(_)) {
        return None;
    }
    let surface =
        surface(&prim.surface, linear(prim.color), matches!(prim.role, Role::Cap(_) | Role::LooseCap));
    let parts = match prim.form {
        Form::Ground => vec![Part::new(square(FLOOR_M), surface)],
        Form::Tag { size_m, code } => {
            let print = Surface::Matt(Paint::Chart(Arc::new(chart(code))));
            vec![Part::new(square((size_m * WITH_QUIET_ZONE / 2.0) as f32), print)]
        }
        Form::Solid(Solid::Box { size_m }) => {
            let half = V3::from(size_m.map(|edge| edge as f32 / 2.0));
            vec![Part::new(Shape::Block { centre: V3::ZERO, half }, surface)]
        }
        Form::Solid(Solid::Sphere { radius_m }) => {
            vec![Part::new(Shape::Ball { centre: V3::ZERO, radius_m: radius_m as f32 }, surface)]
        }
        Form::Solid(Solid::Cylinder { radius_m, height_m }) => {
            let (r, h) = (radius_m as f32, height_m as f32 / 2.0);
            let line = [[0.0, -h], [r, -h], [r, h], [0.0, h]];
            let ring = |ends: &[[f32; 2]]| Shape::Ring(Ring { from: ends[0], to: ends[1] });
            line.windows(2).map(|ends| Part::new(ring(ends), surface.clone())).collect()
        }
    };
    Some(Body::new(map_from_prim, parts))
}

/// A square about the origin in the plane z = 0, seen from above.
fn square(half: f32) -> Shape {
    Shape::Quad(Quad::new(V3::new(-half, -half, 0.0), V3::X * (2.0 * half), V3::Y * (2.0 * half)))
}

/// A tag36h11 with its quiet zone.
fn chart(code: u64) -> Chart {
    let middle = |cell: usize| (cell as f64 + 0.5 - CELLS as f64 / 2.0) / BLACK_CELLS;
    let cells = (0..CELLS * CELLS).map(|i| !is_white(code, middle(i % CELLS), middle(i / CELLS)));
    Chart {
        columns: CELLS,
        dark: cells.collect(),
        light_colour: Rgb::splat(PAPER),
        dark_colour: Rgb::splat(INK),
    }
}

/// What the description says of infrared light at a surface, taken for all light. A metal is what throws back, as a mirror does,
/// a quarter or more of what it does not swallow; the more it scatters beside that, the rougher it is brushed.
fn surface(laser: &Laser, colour: Rgb, plastic: bool) -> Surface {
    let back = laser.specular + laser.diffuse;
    if laser.transmitted > 0.5 {
        Surface::Between { front: AIR, back: GLASS }
    } else if laser.specular > 0.15 && laser.specular > 0.25 * back {
        let roughness = 0.01 + 0.3 * (laser.diffuse / back) as f32;
        // Both of its parts come from the metal, so both have its colour.
        Surface::Metal { tint: colour.min(Rgb::splat(0.9)), roughness }
    } else if laser.specular > 0.02 || plastic {
        Surface::Gloss { paint: Paint::Plain(colour), roughness: 0.3 }
    } else {
        Surface::plain(colour)
    }
}

/// A display colour's light (IEC 61966-2-1).
fn linear(color: [u8; 3]) -> Rgb {
    let [r, g, b] = color.map(|value| {
        let x = f32::from(value) / 255.0;
        if x <= 0.040_45 { x / 12.92 } else { ((x + 0.055) / 1.055).powf(2.4) }
    });
    rgb(r, g, b)
}

/// The lamps of the ceiling that are nearest to the camera.
fn ceiling(map_from_camera: &Isometry3<f64>) -> Vec<Body> {
    let at = map_from_camera.translation.vector;
    let before = |x: f64| (x / LAMP_EVERY_M).floor() * LAMP_EVERY_M;
    let mut places: Vec<[f64; 2]> = (0..4)
        .map(|corner| {
            [0, 1].map(|axis| before(at[axis]) + if corner >> axis & 1 == 1 { LAMP_EVERY_M } else { 0.0 })
        })
        .collect();
    places.sort_by(|a, b| {
        let far = |p: &[f64; 2]| (p[0] - at.x).hypot(p[1] - at.y);
        far(a).total_cmp(&far(b))
    });
    // They look down: a lamp's normal is u x v.
    let (u, v) = (V3::Y * LAMP_M, V3::X * LAMP_M);
    let one = |[x, y]: [f64; 2]| {
        lamp(&Isometry3::translation(x, y, LAMP_HEIGHT_M), (u + v) * -0.5, (u, v), LAMP_RADIANCE)
    };
    places.into_iter().take(LAMPS).map(one).collect()
}

/// The robot's own lamp, beside the lens and along its axis.
fn own_lamp(map_from_camera: &Isometry3<f64>) -> Body {
    let (u, v) = (V3::X * OWN_M, V3::Y * OWN_M);
    lamp(map_from_camera, OWN_AT_M - (u + v) * 0.5, (u, v), OWN_RADIANCE)
}

fn lamp(place: &Isometry3<f64>, corner: V3, (u, v): (V3, V3), radiance: f32) -> Body {
    let part =
        Part::new(Shape::Quad(Quad::new(corner, u, v)), Surface::Lamp { radiance: Rgb::splat(radiance) });
    Body::new(place, vec![part])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn materials_of_a_site_look_like_what_they_are_called() {
        let grey = Rgb::splat(0.5);
        let pane = Laser { diffuse: 0.005, specular: 0.08, transmitted: 0.85 };
        assert!(matches!(surface(&pane, grey, false), Surface::Between { .. }));
        let roughness =
            |diffuse, specular| match surface(&Laser { diffuse, specular, transmitted: 0.0 }, grey, false) {
                Surface::Metal { roughness, tint } => {
                    assert_eq!(tint, grey);
                    roughness
                }
                other => panic!("{other:?} is no metal"),
            };
        let (polished, brushed) = (roughness(0.0, 0.6), roughness(0.3, 0.25));
        assert!(polished < 0.05 && brushed > 0.1, "{polished} {brushed}");
        let coat = Laser { diffuse: 0.6, specular: 0.05, transmitted: 0.0 };
        assert!(matches!(surface(&coat, grey, false), Surface::Gloss { .. }));
        assert!(matches!(surface(&Laser::MATT, grey, false), Surface::Matt(_)));
    }
}
