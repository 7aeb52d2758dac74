//! One piece of lab ware on a bench, to look at from any side.

use super::room::block;
use super::{Category, Filling, Item, Stage, Staged, placing, room, wares};
use crate::camera::{Lens, Motion, Shot};
use crate::film::{Film, Metering};
use crate::pattern::Kind;
use crate::random::Draws;
use crate::scene::{Ambient, Body, Part, Scene};
use crate::shape::{Quad, Shape};
use crate::space::V3;
use crate::studio::stuff;
use crate::surface::{Rgb, Surface};
use crate::ware::{Phase, fill};
use nalgebra::{Isometry3, Point3, Vector3};
use nightshift_core::image::Intrinsics;

/// What is smaller than this is not shown larger: a depth camera has its nearest distance, metres.
const LEAST_M: f32 = 0.075;

/// What is shown, and how.
#[derive(Clone, Copy, Debug)]
pub struct Exhibit {
    /// What it is.
    pub category: Category,
    /// What is in it, of a vessel.
    pub phase: Phase,
    /// Share of the body's height that is filled.
    pub level: f32,
    /// Only the robot's lamp.
    pub night: bool,
    /// Of the camera about the ware, radians.
    pub turn: f32,
    pub seed: u64,
    pub size: [usize; 2],
}

/// Sets the ware up. None where the category is a part of something.
pub fn exhibit(wanted: &Exhibit) -> Option<Staged> {
    let mut draws = Draws::new(wanted.seed, 2, 0);
    let mut stage = Stage::default();
    show(&mut stage, wanted, &mut draws)?;
    let shown = &stage.items;
    let radius = shown.iter().map(|item| item.high_m[0].hypot(item.high_m[1])).fold(0.0, f32::max);
    let radius = if shown[0].symmetric { shown[0].high_m[0] } else { radius };
    let top = shown.iter().map(|item| item.map_from_item.translation.z as f32 + item.high_m[2]);
    let top = top.fold(0.0, f32::max);
    let grey = Rgb::splat(0.35);
    let top_of_bench = stuff::pattern(Kind::Speckle, grey * 0.9, grey, 0.001, &mut draws);
    let bench = Surface::Gloss { paint: top_of_bench, roughness: 0.3 };
    stage.bodies.push(block([3.0, 3.0, 0.04], &room::at(0.0, 0.0, -0.04, 0.0), bench));
    // Upright boards with stripes show what the glass does to what is behind it.
    for (x, y, yaw) in [
        (0.45, 0.0, 0.0),
        (-0.45, 0.0, 0.0),
        (0.0, 0.45, std::f32::consts::FRAC_PI_2),
        (0.0, -0.45, std::f32::consts::FRAC_PI_2),
    ] {
        let stripes = stuff::pattern(Kind::Stripes, Rgb::splat(0.15), Rgb::splat(0.6), 0.03, &mut draws);
        stage.bodies.push(block([0.01, 0.3, 0.12], &room::at(x, y, 0.0, yaw), Surface::Matt(stripes)));
    }
    let distance = f64::from(top.max(2.0 * radius).max(LEAST_M)) * 2.9;
    let (sin, cos) = f64::from(wanted.turn).sin_cos();
    let aim = Point3::new(0.0, 0.0, f64::from(top) * 0.48);
    let eye = aim + Vector3::new(-cos * 0.92, -sin * 0.92, 0.4) * distance;
    let map_from_camera = Isometry3::face_towards(&eye, &aim, &-Vector3::z());
    let [width, height] = wanted.size;
    let focal = 1.9 * width.min(height) as f64;
    let shot = Shot {
        intrinsics: Intrinsics {
            width,
            height,
            fx: focal,
            fy: focal,
            cx: (width as f64 - 1.0) / 2.0,
            cy: (height as f64 - 1.0) / 2.0,
        },
        map_from_camera,
        distortion: [0.0; 2],
        motion: Motion::default(),
        lens: Lens::default(),
        edge_samples: 4,
        print_raster: 0,
        seed: wanted.seed,
        frame: 0,
    };
    let lamp = |pose: &Isometry3<f64>, corner: V3, u: V3, v: V3, radiance: f32| {
        let surface = Surface::Lamp { radiance: Rgb::splat(radiance) };
        Body::new(pose, vec![Part::new(Shape::Quad(Quad::new(corner, u, v)), surface)])
    };
    let ambient = if wanted.night {
        let radiance = 3.0 * (distance * distance) as f32 / 0.0004;
        let corner = V3::new(0.01, 0.02, 0.002);
        stage.bodies.push(lamp(&map_from_camera, corner, V3::X * 0.02, V3::Y * 0.02, radiance));
        Ambient::even(Rgb::splat(0.003))
    } else {
        let here = Isometry3::identity();
        for y in [-0.9, 0.3] {
            stage.bodies.push(lamp(&here, V3::new(-0.6, y, 1.6), V3::Y * 0.4, V3::X * 1.2, 8.0));
        }
        Ambient { above: Rgb::splat(0.3), below: Rgb::splat(0.2) }
    };
    let mean = if wanted.night { 0.3 } else { 0.5 };
    let film = Film { softness_px: 0.4, read_noise: 0.002, ..Film::plain(Metering::Mean(mean), wanted.seed) };
    let light = if wanted.night { "night" } else { "day" };
    Some(Staged { scene: Scene::new(ambient, stage.bodies), shot, film, items: stage.items, light })
}

/// The ware on the bench, in its middle.
fn show(stage: &mut Stage, wanted: &Exhibit, draws: &mut Draws) -> Option<()> {
    let pose = Isometry3::translation(0.0, 0.0, 0.0002);
    match wanted.category {
        Category::WellPlate => placing::put_plate(stage, &wares::plate(draws), pose),
        Category::Substrate => {
            let size = wares::slide_size(draws);
            placing::put_slide(stage, &wares::slide(size, draws), pose);
        }
        Category::Rack => placing::filled_rack(stage, &mut Vec::new(), draws),
        Category::Cap | Category::Lid | Category::Content => return None,
        _ => vessel(stage, wanted, pose, draws)?,
    }
    Some(())
}

fn vessel(stage: &mut Stage, wanted: &Exhibit, pose: Isometry3<f64>, draws: &mut Draws) -> Option<()> {
    let (ware, glass) = wares::vessel(wanted.category, draws);
    let shell = ware.vessel();
    let contents = fill(&shell, ware.body_top_m(), wanted.phase, V3::Z, wanted.level, draws);
    let body = ware.body(&pose, contents.clone()).ok()?;
    let (radius, top) = (ware.radius_m * 1.08, ware.top_m());
    let volume = contents.portions.last().map_or(0.0, |portion| shell.volume_below(portion.top_m));
    stage.items.push(Item {
        body: 0,
        category: wanted.category,
        map_from_item: pose,
        low_m: [-radius, -radius, 0.0],
        high_m: [radius, radius, top],
        symmetric: true,
        filling: Some(Filling {
            floor_m: shell.floor(),
            brim_m: ware.height_m,
            capacity_m3: shell.volume_below(ware.height_m),
            volume_m3: volume,
            glass,
            contents,
        }),
        code: None,
    });
    stage.bodies.push(body);
    Some(())
}
