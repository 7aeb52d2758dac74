//! One vessel as large as the picture, among what stands beside it: pictures to read contents from. Light costs by the pixel,
//! so that ten of these are rendered in the time of one picture of a bench.

use super::clutter::{clutter, lying, paper_at};
use super::placing::{self, View};
use super::{Category, Item, Stage, Staged, light, room, stuff, wares};
use crate::camera::{Lens, Motion, Shot};
use crate::film::{Focus, Metering};
use crate::random::Draws;
use crate::scene::{Body, Part, Scene};
use crate::shape::Shape;
use crate::space::V3;
use crate::surface::{Paint, Rgb, Surface, rgb};
use crate::ware::{Form, Glassware, Phase};
use nalgebra::{Isometry3, Point3, UnitQuaternion, Vector3};
use nightshift_core::image::Intrinsics;

/// Turns at finding a view that shows the vessel.
const LOOKS: usize = 8;
/// Turns at setting a scene in which nothing hides it.
const TURNS: u64 = 5;
/// Blur and shake are those of a picture of this width that the close-up is cut out of.
const CUT_FROM_PX: usize = 220;
/// Rays more through a pixel on an edge; most of a glass is edges.
const EDGE_SAMPLES: u32 = 4;

/// Sets a scene about one vessel. The same seed and size give the same scene.
pub fn close_up(seed: u64, width: usize, height: usize) -> Staged {
    let mut turn = 0;
    loop {
        let (staged, shown) = set(seed, turn, [width, height]);
        turn += 1;
        if shown || turn == TURNS {
            return staged;
        }
    }
}

/// A scene, and whether nothing stands before its vessel.
fn set(seed: u64, turn: u64, [width, height]: [usize; 2]) -> (Staged, bool) {
    let mut stage = Stage::default();
    let mut draws = Draws::new(seed, 3, turn);
    let bench = room::room(&mut stage, &mut draws);
    let target = subject(&mut stage, &mut draws);
    let mut view = view(&stage, target, [width, height], seed, &mut draws);
    for _ in 0..LOOKS {
        if shows(&stage, target, &view) {
            break;
        }
        view = self::view(&stage, target, [width, height], seed, &mut draws);
    }
    let reach_m = stage.items[target].high_m[0] + draws.between(0.0, 0.05);
    clutter(&mut stage, reach_m, &view, &mut draws);
    let shown = shows(&stage, target, &view);
    let lit = light::light(&mut stage, &bench, &view, &mut draws);
    let mut film = light::film(&lit, view.distance_m, CUT_FROM_PX, seed, &mut draws);
    // What is cut out of a picture may be far darker or brighter than the whole. Cameras that meter by themselves mostly make it bright.
    let mean = if draws.chance(0.65) { draws.between(0.38, 0.72) } else { draws.scale(0.18, 0.5) };
    film.exposure = Metering::Mean(mean);
    film.vignette = 0.0;
    // It is shown smaller than it was taken, which takes most of the noise.
    film.read_noise *= 0.4;
    film.gain *= 0.3;
    // Close by, a camera keeps less of the room in focus.
    film.focus = draws.chance(0.65).then(|| Focus {
        distance_m: view.distance_m * draws.between(0.92, 1.1),
        infinity_px: draws.scale(0.6, 7.0),
    });
    view.shot.lens = Lens::of(film.focus, view.shot.intrinsics.fx);
    let staged = Staged {
        scene: Scene::new(lit.ambient, stage.bodies),
        shot: view.shot,
        film,
        items: stage.items,
        light: lit.name,
    };
    (staged, shown)
}

/// Puts the vessel with what is next to it; answers its place among the items.
fn subject(stage: &mut Stage, draws: &mut Draws) -> usize {
    if draws.chance(0.12) {
        placing::filled_rack(stage, &mut Vec::new(), draws);
        let vessels: Vec<usize> =
            (0..stage.items.len()).filter(|index| stage.items[*index].filling.is_some()).collect();
        if !vessels.is_empty() {
            return *draws.pick(&vessels);
        }
    }
    let category = placing::VESSELS[draws.weighed(&placing::WEIGHTS)];
    let (ware, glass) = wares::vessel(category, draws);
    let r = placing::foot(&ware);
    if draws.chance(0.4) {
        let size = [r * draws.between(1.5, 12.0), r * draws.between(1.5, 12.0)];
        paper_at(stage, [draws.normal() * r, draws.normal() * r], size, draws);
    }
    let stands = !matches!(ware.form, Form::Tube | Form::Spitz | Form::Cartridge);
    // What cannot stand is mostly held.
    let held = draws.chance(if stands { 0.1 } else { 0.6 });
    let lies = !held && draws.chance(if stands { 0.04 } else { 0.7 });
    let turn = draws.turn();
    let pose = if lies {
        lying(0.0, 0.0, r * 1.16 + 0.0003, turn, draws.turn())
    } else {
        let lift = if held { draws.scale(0.01, 0.15) } else { 0.0002 };
        let lean = if held { draws.normal() * 0.06 } else { 0.0 };
        let turned = UnitQuaternion::from_axis_angle(&Vector3::z_axis(), f64::from(turn))
            * UnitQuaternion::from_axis_angle(&Vector3::x_axis(), f64::from(lean));
        Isometry3::from_parts(Vector3::new(0.0, 0.0, f64::from(lift)).into(), turned)
    };
    if ware.form == Form::Round && !held && !lies {
        placing::cork(stage, 0.0, 0.0, ware.radius_m, draws);
    }
    let target = stage.items.len();
    let main = if category == Category::Cartridge || lies {
        wares::content(category, lies && ware.cap.is_none(), draws)
    } else {
        // All alike, nothing twice as often: behind glass with nothing in it there may be anything.
        match draws.below(Phase::ALL.len() + 1) {
            0 => Phase::Empty,
            n => Phase::ALL[n - 1],
        }
    };
    let share = if draws.chance(0.3) { draws.between(0.03, 0.2) } else { draws.between(0.1, 0.92) };
    placing::put(stage, category, &ware, glass, pose, (main, share), draws);
    if held {
        if draws.chance(0.5) { gripper(stage, &ware, &pose, draws) } else { hand(stage, &ware, &pose, draws) }
    }
    neighbours(stage, category, &ware, glass, draws);
    target
}

/// Others of its kind and of other kinds, close by.
fn neighbours(
    stage: &mut Stage,
    category: Category,
    ware: &Glassware,
    glass: &'static str,
    draws: &mut Draws,
) {
    let r = placing::foot(ware);
    let mut taken: Vec<[f32; 3]> = vec![[0.0, 0.0, r * 1.2]];
    for _ in 0..draws.weighed(&[3.0, 2.0, 2.0, 1.0, 1.0]) {
        let (category, (ware, glass)) = if draws.chance(0.6) {
            (category, (ware.clone(), glass))
        } else {
            let category = placing::VESSELS[draws.weighed(&placing::WEIGHTS)];
            (category, wares::vessel(category, draws))
        };
        let own = placing::foot(&ware);
        let (way, angle) = (r + own + draws.scale(0.002, 0.08), draws.turn());
        let (x, y) = (way * angle.cos(), way * angle.sin());
        if placing::free(&taken, x, y, own) {
            taken.push([x, y, own]);
            placing::vessel_at(stage, category, ware, glass, [x, y, 0.0], draws);
        }
    }
}

/// Two pads and what they hang on, at the vessel from two sides.
fn gripper(stage: &mut Stage, ware: &Glassware, pose: &Isometry3<f64>, draws: &mut Draws) {
    let tone = if draws.chance(0.6) { Rgb::splat(draws.scale(0.01, 0.1)) } else { stuff::colour(draws) };
    let pads = Surface::Gloss { paint: Paint::Plain(tone), roughness: draws.between(0.2, 0.6) };
    let steel =
        Surface::Metal { tint: Rgb::splat(draws.between(0.4, 0.7)), roughness: draws.between(0.08, 0.4) };
    let fingers = if draws.chance(0.5) { steel.clone() } else { pads.clone() };
    let grip = ware.height_m * draws.between(0.55, 0.95);
    let (half, tall) = (draws.between(0.005, 0.011), draws.between(0.006, 0.018));
    let mut parts = Vec::new();
    for side in [-1.0f32, 1.0] {
        let (near, far) = (side * (ware.radius_m + 0.0002), side * (ware.radius_m + 0.006));
        let block = |x: [f32; 2], y: f32, z: [f32; 2]| {
            Shape::block(V3::new(x[0].min(x[1]), -y, z[0]), V3::new(x[0].max(x[1]), y, z[1]))
        };
        parts.push(Part::new(block([near, far], half, [grip - tall, grip + tall]), pads.clone()));
        let outer = side * (ware.radius_m + 0.02);
        parts.push(Part::new(block([far, outer], half * 1.3, [grip - tall, grip + 0.12]), fingers.clone()));
    }
    let palm = Shape::block(
        V3::new(-ware.radius_m - 0.03, -0.03, grip + 0.12),
        V3::new(ware.radius_m + 0.03, 0.03, grip + 0.18),
    );
    parts.push(Part::new(palm, fingers));
    stage.bodies.push(Body::new(pose, parts));
}

/// A thumb at one side and fingers at the other, bare or gloved.
fn hand(stage: &mut Stage, ware: &Glassware, pose: &Isometry3<f64>, draws: &mut Draws) {
    let tone = match draws.below(5) {
        0 => rgb(0.05, 0.12, 0.5) * draws.between(0.6, 1.4),
        1 => rgb(0.3, 0.2, 0.55) * draws.between(0.6, 1.2),
        2 => Rgb::splat(draws.between(0.5, 0.8)),
        _ => rgb(0.62, 0.36, 0.25) * draws.scale(0.25, 1.2),
    };
    let skin = Surface::Gloss { paint: Paint::Plain(tone), roughness: 0.5 };
    let radius_m = draws.between(0.006, 0.0095);
    let reach = ware.radius_m + radius_m;
    let grip = ware.height_m * draws.between(0.6, 1.0);
    let rod = |from: V3, to: V3| Part::new(Shape::Rod { from, to, radius_m }, skin.clone());
    let back = V3::new(draws.between(-0.02, 0.02), 0.07, grip + draws.between(-0.02, 0.06));
    let mut parts = vec![rod(V3::new(-reach, -0.004, grip), V3::new(-reach * 1.4, 0.03, grip - 0.01))];
    parts.push(rod(V3::new(-reach * 1.4, 0.03, grip - 0.01), back));
    for finger in 0..1 + draws.below(3) {
        let z = grip - 2.05 * radius_m * finger as f32 + draws.normal() * 0.001;
        let knuckle = V3::new(reach * 1.5, 0.03, z);
        parts.push(rod(V3::new(reach, draws.between(-0.012, 0.0), z), knuckle));
        parts.push(rod(knuckle, back));
    }
    let turned = pose * UnitQuaternion::from_axis_angle(&Vector3::z_axis(), f64::from(draws.turn()));
    stage.bodies.push(Body::new(&turned, parts));
}

/// A cut-out of a picture about the vessel, from anywhere in that picture: at its edges things lean.
fn view(stage: &Stage, target: usize, [width, height]: [usize; 2], seed: u64, draws: &mut Draws) -> View {
    let item = &stage.items[target];
    let top = item.high_m[2].max(2.0 * item.high_m[0]);
    let middle = item.map_from_item * Point3::new(0.0, 0.0, f64::from(item.high_m[2] / 2.0));
    let distance_m = (top * draws.scale(2.2, 14.0)).clamp(0.08, 1.4);
    let yaw = draws.normal().clamp(-2.2, 2.2) * 0.9;
    let pitch = match draws.weighed(&[3.0, 4.0, 0.7]) {
        0 => draws.between(0.02, 0.3),
        1 => draws.between(0.3, 0.85),
        _ => draws.between(0.85, 1.3),
    };
    let back = Vector3::new(
        f64::from(-yaw.cos() * pitch.cos()),
        f64::from(-yaw.sin() * pitch.cos()),
        f64::from(pitch.sin()),
    );
    let mut eye = middle + back * f64::from(distance_m);
    eye.z = eye.z.max(0.012);
    let straight = Isometry3::face_towards(&eye, &middle, &-Vector3::z());
    let aside = |draws: &mut Draws, most: f32| f64::from((draws.normal() * most * 0.5).clamp(-most, most));
    let off = UnitQuaternion::from_axis_angle(&Vector3::y_axis(), aside(draws, 0.5))
        * UnitQuaternion::from_axis_angle(&Vector3::x_axis(), aside(draws, 0.35))
        * UnitQuaternion::from_axis_angle(&Vector3::z_axis(), f64::from(draws.normal() * 0.05));
    let map_from_camera = straight * off;
    let (low, high) = spanned(item, &map_from_camera);
    let share = f64::from(draws.between(0.62, 0.84));
    let [w, h] = [width as f64, height as f64];
    let focal = share * (w / (high[0] - low[0])).min(h / (high[1] - low[1]));
    let shift = |draws: &mut Draws, side: f64| f64::from(draws.normal().clamp(-2.0, 2.0) * 0.02) * side;
    let shot = Shot {
        intrinsics: Intrinsics {
            width,
            height,
            fx: focal,
            fy: focal,
            cx: (w - 1.0) / 2.0 - focal * (low[0] + high[0]) / 2.0 + shift(draws, w),
            cy: (h - 1.0) / 2.0 - focal * (low[1] + high[1]) / 2.0 + shift(draws, h),
        },
        map_from_camera,
        distortion: [0.0; 2],
        motion: Motion::default(),
        lens: Lens::default(),
        edge_samples: EDGE_SAMPLES,
        print_raster: 0,
        seed,
        frame: 0,
    };
    View { shot, distance_m, yaw }
}

/// The least and greatest x and y of a thing on the plane z = 1 of a camera that it lies before.
fn spanned(item: &Item, map_from_camera: &Isometry3<f64>) -> ([f64; 2], [f64; 2]) {
    let camera_from_item = map_from_camera.inv_mul(&item.map_from_item);
    let (mut low, mut high) = ([f64::INFINITY; 2], [f64::NEG_INFINITY; 2]);
    for corner in 0..16 {
        let (sin, cos) = (std::f64::consts::TAU * f64::from(corner / 2) / 8.0).sin_cos();
        let z = if corner % 2 == 0 { item.low_m[2] } else { item.high_m[2] };
        let r = f64::from(item.high_m[0]);
        let p = camera_from_item * Point3::new(r * cos, r * sin, f64::from(z));
        let z = p.z.max(0.01);
        for (axis, value) in [p.x / z, p.y / z].into_iter().enumerate() {
            low[axis] = low[axis].min(value);
            high[axis] = high[axis].max(value);
        }
    }
    (low, high)
}

/// Whether nothing stands before the vessel at most of five places along its axis.
fn shows(stage: &Stage, target: usize, view: &View) -> bool {
    let scene = Scene::new(crate::Ambient::even(Rgb::ZERO), stage.bodies.clone());
    let item = &stage.items[target];
    let eye = crate::space::v3(view.shot.map_from_camera.translation.vector);
    let seen = (1..=5).filter(|place| {
        let height = f64::from(item.high_m[2]) * f64::from(*place) / 6.0;
        let point = item.map_from_item * Point3::new(0.0, 0.0, height);
        let to = crate::space::v3(point.coords) - eye;
        let ray = crate::Ray { origin: eye, direction: to.normalize() };
        scene.nearest(&ray, to.length()).is_none_or(|hit| hit.body == item.body)
    });
    seen.count() >= 4
}
