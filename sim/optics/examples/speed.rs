//! How long close-ups of a rack of glass vials take: processor time of one thread, over scenes from seeds.
//! `cargo run -p nightshift-optics --example speed -- FIRST_SEED COUNT`
//!
//! The full tier is what a picture on demand gets: more rays through pixels on edges, print looked at within the pixel, film.
//! The stream has one ray a pixel. `hash` is that of every value of all pictures: the same scenes give the same pictures.

use cpu_time::ThreadTime;
use nalgebra::{Isometry3, Point3, Vector3};
use nightshift_core::image::Intrinsics;
use nightshift_optics::ware::{Cap, CapKind, Form, Glassware, Phase, Rack, fill, rack};
use nightshift_optics::*;
use std::f32::consts::TAU;
use std::sync::Arc;

/// A rack of four by six vials on a bench before a wall, between two lamps of the ceiling.
pub fn scene(draws: &mut Draws) -> Scene {
    let square = |centre: V3, u: V3, v: V3| Shape::Quad(Quad::new(centre - (u + v) * 0.5, u, v));
    let fixed = |parts| Body::new(&Isometry3::identity(), parts);
    let bench = Pattern {
        kind: Kind::Speckle,
        low: Rgb::splat(0.25),
        high: Rgb::splat(0.55),
        size_m: 0.0012,
        seed: draws.seed() as u32,
    };
    let bench = Part::new(square(V3::ZERO, V3::X * 1.6, V3::Y * 0.8), Surface::Matt(Paint::pattern(bench)));
    let wall = square(V3::new(0.0, 0.5, 0.3), V3::X * 3.0, V3::Z * 1.6);
    let mut bodies =
        vec![fixed(vec![bench]), fixed(vec![Part::new(wall, Surface::plain(rgb(0.7, 0.7, 0.66)))])];
    for x in [-0.5, 0.7] {
        let lamp = square(V3::new(x, 0.1, 2.0), V3::Y * 0.08, V3::X * 0.08);
        bodies.push(fixed(vec![Part::new(lamp, Surface::Lamp { radiance: Rgb::splat(450.0) })]));
    }
    let radius_m = draws.between(0.0085, 0.014);
    let pitch = 2.0 * radius_m + 0.008;
    let size_m = [6.0 * pitch, 4.0 * pitch, draws.between(0.025, 0.04)];
    let holes = Holes {
        first_m: [pitch / 2.0; 2],
        pitch_m: [pitch; 2],
        count: [6, 4],
        radius_m: radius_m + 0.0008,
        square: false,
    };
    let paint = Paint::Plain(rgb(0.05, 0.15, 0.45) * draws.scale(0.3, 2.0));
    let holder = Rack {
        size_m,
        holes,
        surface: Surface::Gloss { paint, roughness: 0.3 },
        open: draws.chance(0.5),
        floor_m: 0.003,
    };
    bodies.push(rack(&Isometry3::identity(), &holder));
    let dark = (0..100).map(|cell| cell % 10 % 9 != 0 && cell / 10 % 9 != 0 && draws.chance(0.6)).collect();
    let print = Chart { columns: 10, dark, light_colour: Rgb::splat(0.82), dark_colour: Rgb::splat(0.025) };
    let beside = V3::new(-size_m[0] / 2.0 - 0.025, -0.02, 0.001);
    let tag = square(beside, V3::X * 0.03, V3::Y * 0.03);
    bodies.push(fixed(vec![Part::new(tag, Surface::Matt(Paint::Chart(Arc::new(print))))]));
    let height_m = draws.between(0.045, 0.062);
    for [x, y] in holder.places() {
        let ware = Glassware {
            form: Form::Vial,
            radius_m,
            height_m,
            wall_m: 0.001,
            floor_m: 0.001,
            heel_m: 0.0,
            hollow: 0.06,
            neck_radius_m: 0.72 * radius_m,
            neck_height_m: 0.009,
            shoulder: 0.5,
            thread: 3,
            glass: if draws.chance(0.2) { AMBER } else { GLASS },
            cap: draws.chance(0.6).then_some(Cap {
                kind: CapKind::Screw,
                colour: Rgb::splat(0.05),
                septum: Some(rgb(0.6, 0.15, 0.1)),
            }),
            marks: Vec::new(),
        };
        let share = draws.between(0.15, 0.85);
        let phase = *draws.pick(&Phase::ALL);
        let contents = fill(&ware.vessel(), ware.body_top_m(), phase, V3::Z, share, draws);
        let place = Isometry3::translation(f64::from(x), f64::from(y), f64::from(holder.floor_m) + 0.0002);
        bodies.push(ware.body(&place, contents).expect("parameters within bounds"));
    }
    Scene::new(Ambient { above: Rgb::splat(0.42), below: Rgb::splat(0.26) }, bodies)
}

/// A look at the rack from about 0.25 m, by a camera of 56 degrees.
pub fn shot(seed: u64, [width, height]: [usize; 2], edge_samples: u32, draws: &mut Draws) -> Shot {
    let (yaw, pitch) = (f64::from(draws.between(0.15, 0.85) * TAU / 2.0), f64::from(draws.between(0.5, 1.1)));
    let away = Vector3::new(yaw.cos() * pitch.cos(), -yaw.sin() * pitch.cos(), pitch.sin());
    let aim = Point3::new(0.0, 0.0, 0.035);
    let eye = aim + away * f64::from(draws.between(0.2, 0.3));
    let focal = 600.0 * width as f64 / 640.0;
    let middle = |size: usize| (size as f64 - 1.0) / 2.0;
    Shot {
        intrinsics: Intrinsics { width, height, fx: focal, fy: focal, cx: middle(width), cy: middle(height) },
        map_from_camera: Isometry3::face_towards(&eye, &aim, &-Vector3::z()),
        distortion: [0.0; 2],
        motion: Motion::default(),
        lens: Lens::default(),
        edge_samples,
        print_raster: if edge_samples > 0 { 4 } else { 0 },
        seed,
        frame: 0,
    }
}

/// Times of one kind of work.
struct Work {
    name: &'static str,
    ms: Vec<f64>,
}

impl Work {
    fn line(&mut self) -> String {
        self.ms.sort_by(f64::total_cmp);
        let (n, sum) = (self.ms.len(), self.ms.iter().sum::<f64>());
        let mean = sum / n as f64;
        let spread = (self.ms.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n.max(2) - 1) as f64).sqrt();
        let [low, middle, high] = [0, n / 2, n - 1].map(|at| self.ms[at]);
        format!(
            "{:42} n {n}, mean {mean:.1} ms, s {spread:.1}, least {low:.1}, median {middle:.1}, most {high:.1}",
            self.name
        )
    }
}

/// Of Fowler, Noll and Vo, 64 bits, variant 1a.
fn hash(state: u64, value: u32) -> u64 {
    value
        .to_le_bytes()
        .iter()
        .fold(state, |state, byte| (state ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3))
}

fn main() -> Result<(), String> {
    let numbers: Vec<u64> = std::env::args().skip(1).filter_map(|word| word.parse().ok()).collect();
    let [first, count] = numbers[..] else { return Err("give the first seed and how many".into()) };
    if count == 0 {
        return Err("give one scene or more".into());
    }
    let sizes: [(&str, [usize; 2], u32, [&'static str; 3]); 3] = [
        ("640 x 480", [640, 480], 3, ["640 x 480 full: light", "640 x 480 full: film", "640 x 480: depth"]),
        ("320 x 240", [320, 240], 3, ["320 x 240 full: light", "320 x 240 full: film", "320 x 240: depth"]),
        (
            "424 x 240",
            [424, 240],
            0,
            ["424 x 240 stream: light", "424 x 240 stream: film", "424 x 240: depth"],
        ),
    ];
    let faults = |faults: Vec<BadShot>| format!("{faults:?}");
    for (name, size, edge_samples, names) in sizes {
        let [mut light, mut film, mut depth] = names.map(|name| Work { name, ms: Vec::new() });
        let mut sum = 0xcbf2_9ce4_8422_2325;
        for seed in first..first + count {
            let mut draws = Draws::new(seed, 4, 0);
            let scene = scene(&mut draws);
            let shot = shot(seed, size, edge_samples, &mut draws);
            let mut clock = ThreadTime::now();
            let mut lap = |work: &mut Work| {
                work.ms.push(clock.elapsed().as_secs_f64() * 1e3);
                clock = ThreadTime::now();
            };
            let exposed = shot.take(&scene).map_err(faults)?;
            lap(&mut light);
            let mut plain = Film::plain(Metering::Mean(0.42), seed);
            plain.softness_px = 0.35;
            let picture = plain.develop(&exposed);
            lap(&mut film);
            let measured = StereoRig::default().measure(&scene, &shot).map_err(faults)?;
            lap(&mut depth);
            for pixel in &exposed.light.pixels {
                sum = pixel.to_array().iter().fold(sum, |sum, value| hash(sum, value.to_bits()));
            }
            sum = picture.pixels.iter().flatten().fold(sum, |sum, value| hash(sum, u32::from(*value)));
            sum = measured.pixels.iter().fold(sum, |sum, z| hash(sum, z.map_or(0, f32::to_bits)));
            if let Some(folder) = std::env::args().nth(3) {
                save(&format!("{folder}/{seed}-{}.png", size[0]), size, picture.pixels.concat())?;
            }
        }
        println!("{}\n{}\n{}\n{name}: hash {sum:016x}", light.line(), film.line(), depth.line());
    }
    Ok(())
}

fn save(file: &str, [width, height]: [usize; 2], bytes: Vec<u8>) -> Result<(), String> {
    image::RgbImage::from_raw(width as u32, height as u32, bytes)
        .ok_or("the picture has another size than its pixels")?
        .save(file)
        .map_err(|error| format!("{file}: {error}"))
}
