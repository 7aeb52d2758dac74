//! Where the ware stands, and from where it is seen.

use super::clutter::lying;
use super::room::{Bench, at};
use super::{Category, Item, Stage, stuff, wares};
use crate::camera::{Lens, Motion, Shot};
use crate::random::Draws;
use crate::shape::Holes;
use crate::space::V3;
use crate::surface::{Paint, Rgb, Surface};
use crate::ware::{Form, Glassware, PLATE_M, Phase, Plate, Rack, Slide, plate, rack, slide};
use nalgebra::{Isometry3, Point3, UnitQuaternion, Vector3};
use nightshift_core::image::Intrinsics;

/// From where the scene is seen.
pub(crate) struct View {
    pub shot: Shot,
    pub distance_m: f32,
    /// The way the camera looks, about z.
    pub yaw: f32,
}

pub(crate) const VESSELS: [Category; 7] = [
    Category::VialOpen,
    Category::VialCapped,
    Category::Bottle,
    Category::Beaker,
    Category::Flask,
    Category::TestTube,
    Category::Cartridge,
];
pub(crate) const WEIGHTS: [f32; 7] = [2.6, 3.2, 1.2, 1.2, 1.2, 1.0, 0.4];

/// Places that are taken: x, y, radius.
pub(crate) type Taken = Vec<[f32; 3]>;

pub(crate) fn free(taken: &Taken, x: f32, y: f32, r: f32) -> bool {
    taken.iter().all(|[tx, ty, tr]| (tx - x).hypot(ty - y) > tr + r)
}

/// Puts the ware on the bench, about the origin. Answers how far it reaches.
pub(crate) fn wares(stage: &mut Stage, bench: &Bench, draws: &mut Draws) -> f32 {
    let mut taken = Taken::new();
    let spread = draws.scale(0.05, 0.3);
    if draws.chance(0.28) {
        filled_rack(stage, &mut taken, draws);
    }
    if draws.chance(0.1) {
        one_plate(stage, &mut taken, spread, draws);
    }
    if draws.chance(0.1) {
        for _ in 0..1 + draws.below(4) {
            one_slide(stage, &mut taken, spread, draws);
        }
    }
    let wanted = 1 + draws.weighed(&[1.5, 2.0, 2.0, 2.0, 1.5, 1.5, 1.0, 1.0, 1.0, 0.8, 0.5, 0.5]);
    // Often a set of the same ware, as on a real bench.
    let same = draws.chance(0.45).then(|| {
        let category = VESSELS[draws.weighed(&WEIGHTS)];
        (category, wares::vessel(category, draws))
    });
    let row = draws.chance(0.35);
    let heading = draws.turn();
    let mut along = 0.0;
    for index in 0..wanted {
        let (category, (ware, glass)) = match &same {
            Some((category, pair)) if draws.chance(0.85) => (*category, pair.clone()),
            _ => {
                let category = VESSELS[draws.weighed(&WEIGHTS)];
                (category, wares::vessel(category, draws))
            }
        };
        let r = foot(&ware);
        for _ in 0..12 {
            let (x, y) = if row {
                let step = along + if index % 2 == 0 { r } else { -r };
                let x = step * heading.cos() + draws.normal() * 0.006;
                (x, step * heading.sin() + draws.normal() * 0.006)
            } else {
                (draws.normal() * spread, draws.normal() * spread)
            };
            along = if along > 0.0 { -along } else { -along + 2.6 * r + draws.unit() * 0.02 };
            let on_bench = x > bench.low[0] + r
                && x < bench.high[0] - r
                && y > bench.low[1] + r
                && y < bench.high[1] - r;
            if on_bench && free(&taken, x, y, r + 0.002) {
                taken.push([x, y, r]);
                vessel_at(stage, category, ware, glass, [x, y, 0.0], draws);
                break;
            }
        }
    }
    taken.iter().map(|[x, y, r]| x.hypot(*y) + r).fold(0.05, f32::max)
}

pub(crate) fn foot(ware: &Glassware) -> f32 {
    ware.radius_m * if ware.form == Form::Cartridge { 1.3 } else { 1.08 }
}

pub(crate) fn vessel_at(
    stage: &mut Stage,
    category: Category,
    mut ware: Glassware,
    glass: &'static str,
    [x, y, z]: [f32; 3],
    draws: &mut Draws,
) {
    for marks in &mut ware.marks {
        marks.angle += draws.unit() * std::f32::consts::TAU;
    }
    let on_bench = z == 0.0;
    let cannot_stand = on_bench && matches!(ware.form, Form::Tube | Form::Spitz | Form::Cartridge);
    let topples = on_bench && draws.chance(0.05);
    let pose = if (cannot_stand || topples) && draws.chance(0.8) {
        let widest = ware.radius_m * if matches!(ware.form, Form::Cartridge) { 1.25 } else { 1.0 };
        lying(x, y, widest + 0.0003, draws.turn(), draws.turn())
    } else {
        let lean = if on_bench { 0.0 } else { draws.normal() * 0.02 };
        let turn = UnitQuaternion::from_axis_angle(&Vector3::z_axis(), f64::from(draws.turn()))
            * UnitQuaternion::from_axis_angle(&Vector3::x_axis(), f64::from(lean));
        Isometry3::from_parts(Vector3::new(f64::from(x), f64::from(y), f64::from(z) + 0.0002).into(), turn)
    };
    if on_bench && ware.form == Form::Round && pose.rotation.angle_to(&UnitQuaternion::identity()) >= 0.0 {
        // A ring of cork holds it.
        cork(stage, x, y, ware.radius_m, draws);
    }
    let up = upward(&pose);
    let main = wares::content(category, ware.cap.is_none() && up.z < 0.8, draws);
    let share = wares::level(draws);
    put(stage, category, &ware, glass, pose, (main, share), draws);
}

/// The way up in the frame of a thing at a pose.
pub(crate) fn upward(pose: &Isometry3<f64>) -> V3 {
    let up = pose.inverse_transform_vector(&Vector3::z());
    V3::new(up.x as f32, up.y as f32, up.z as f32).normalize()
}

/// Puts a vessel at a pose, filled; nothing where its parameters make no body.
pub(crate) fn put(
    stage: &mut Stage,
    category: Category,
    ware: &Glassware,
    glass: &'static str,
    pose: Isometry3<f64>,
    (main, share): (Phase, f32),
    draws: &mut Draws,
) {
    let filling = wares::filling(ware, upward(&pose), glass, main, share, draws);
    let (radius, top) = (foot(ware), ware.top_m());
    let Ok(body) = ware.body(&pose, filling.contents.clone()) else { return };
    stage.items.push(Item {
        body: stage.bodies.len(),
        category,
        map_from_item: pose,
        low_m: [-radius, -radius, 0.0],
        high_m: [radius, radius, top],
        symmetric: true,
        filling: Some(filling),
        code: None,
    });
    stage.bodies.push(body);
}

pub(crate) fn cork(stage: &mut Stage, x: f32, y: f32, radius_m: f32, draws: &mut Draws) {
    use crate::scene::{Body, Part};
    use crate::shape::{Ring, Shape};
    let (low, high) = (0.45 * radius_m, 0.75 * radius_m);
    let h = radius_m * 0.16;
    let line = [[low, h * 0.7], [low, 0.0], [high, 0.0], [high, h], [low, h * 0.7]];
    let tone = if draws.chance(0.6) { Rgb::new(0.42, 0.28, 0.15) } else { Rgb::splat(0.03) };
    let surface = Surface::plain(tone);
    let parts = line
        .windows(2)
        .map(|e| Part::new(Shape::Ring(Ring { from: e[0], to: e[1] }), surface.clone()))
        .collect();
    stage.bodies.push(Body::new(&at(x, y, 0.0, 0.0), parts));
}

/// A rack with one kind of ware in it.
pub(crate) fn filled_rack(stage: &mut Stage, taken: &mut Taken, draws: &mut Draws) {
    let category = *draws.pick(&[
        Category::VialOpen,
        Category::VialCapped,
        Category::VialCapped,
        Category::TestTube,
        Category::TestTube,
        Category::Cartridge,
    ]);
    let (ware, glass) = wares::vessel(category, draws);
    let r = foot(&ware);
    let radius_m = r + draws.between(0.0006, 0.0022);
    let pitch = 2.0 * radius_m + draws.between(0.002, 0.015);
    let count = [1 + draws.below(5), 2 + draws.below(7)];
    let edge = radius_m + draws.between(0.003, 0.012);
    let size = [0, 1].map(|a| 2.0 * edge + pitch * (count[a] - 1) as f32);
    let tall = ware.height_m * draws.between(0.2, 0.65);
    let floor_m = draws.between(0.001, 0.004);
    let tone = match draws.below(4) {
        0 => Rgb::splat(draws.scale(0.02, 0.1)),
        1 => stuff::pale(draws),
        _ => stuff::colour(draws),
    };
    let surface = match draws.below(5) {
        0 => Surface::Metal {
            tint: Rgb::splat(draws.between(0.45, 0.7)),
            roughness: draws.between(0.08, 0.35),
        },
        1 => Surface::Matt(stuff::pattern(crate::pattern::Kind::Wood, tone * 0.7, tone, 0.004, draws)),
        _ => Surface::Gloss { paint: Paint::Plain(tone), roughness: draws.between(0.1, 0.6) },
    };
    let holes =
        Holes { first_m: [edge; 2], pitch_m: [pitch; 2], count, radius_m, square: draws.chance(0.15) };
    let open = draws.chance(0.5);
    let made = Rack { size_m: [size[0], size[1], tall], holes, surface, open, floor_m };
    let reach = size[0].hypot(size[1]) / 2.0;
    let far = draws.between(0.0, 0.06);
    let pose = at(far, draws.normal() * 0.03, 0.0, draws.turn());
    taken.push([far, 0.0, reach]);
    push_flat(stage, rack(&pose, &made), Category::Rack, pose, [size[0], size[1], tall]);
    let share = draws.between(0.3, 1.0);
    for [x, y] in made.places() {
        if draws.chance(share) {
            let p = pose * Point3::new(f64::from(x), f64::from(y), f64::from(floor_m));
            let place = [p.x as f32, p.y as f32, p.z as f32];
            let (mut category, mut ware) = (category, ware.clone());
            if category == Category::VialCapped && draws.chance(0.15) {
                category = Category::VialOpen;
                ware.cap = None;
            }
            vessel_at(stage, category, ware, glass, place, draws);
        }
    }
}

fn push_flat(stage: &mut Stage, body: crate::Body, category: Category, pose: Isometry3<f64>, size: [f32; 3]) {
    stage.items.push(Item {
        body: stage.bodies.len(),
        category,
        map_from_item: pose,
        low_m: [-size[0] / 2.0, -size[1] / 2.0, 0.0],
        high_m: [size[0] / 2.0, size[1] / 2.0, size[2]],
        symmetric: false,
        filling: None,
        code: None,
    });
    stage.bodies.push(body);
}

fn spot(taken: &mut Taken, spread: f32, r: f32, draws: &mut Draws) -> Option<[f32; 2]> {
    for _ in 0..10 {
        let (x, y) = (draws.normal() * (spread + 0.05), draws.normal() * (spread + 0.05));
        if free(taken, x, y, r) {
            taken.push([x, y, r]);
            return Some([x, y]);
        }
    }
    None
}

fn one_plate(stage: &mut Stage, taken: &mut Taken, spread: f32, draws: &mut Draws) {
    let Some([x, y]) = spot(taken, spread, 0.08, draws) else { return };
    let made = wares::plate(draws);
    put_plate(stage, &made, at(x, y, 0.0002, draws.turn()));
}

pub(crate) fn put_plate(stage: &mut Stage, made: &Plate, pose: Isometry3<f64>) {
    let top = made.height_m + if made.lid.is_some() { 0.007 } else { 0.0 };
    push_flat(stage, plate(&pose, made), Category::WellPlate, pose, [PLATE_M[0], PLATE_M[1], top]);
}

fn one_slide(stage: &mut Stage, taken: &mut Taken, spread: f32, draws: &mut Draws) {
    let size = wares::slide_size(draws);
    let r = size[0].max(size[1]) * 0.75;
    let Some([x, y]) = spot(taken, spread, r, draws) else { return };
    let made = wares::slide(size, draws);
    put_slide(stage, &made, at(x, y, 0.0006, draws.turn()));
}

pub(crate) fn put_slide(stage: &mut Stage, made: &Slide, pose: Isometry3<f64>) {
    push_flat(stage, slide(&pose, made), Category::Substrate, pose, made.size_m);
}

/// A camera that looks at the ware.
pub(crate) fn view(stage: &Stage, reach_m: f32, size: [usize; 2], seed: u64, draws: &mut Draws) -> View {
    let target = stage.items[draws.below(stage.items.len().max(1)).min(stage.items.len().saturating_sub(1))]
        .map_from_item;
    let height = draws.between(0.0, 0.06);
    let middle = target.translation.vector.lerp(&Vector3::zeros(), f64::from(draws.unit()));
    let aim = Point3::new(middle.x, middle.y, middle.z.max(0.0) + f64::from(height));
    let field = draws.between(0.6, 1.25);
    let close = draws.scale(0.12, 0.45);
    let distance_m = (close + reach_m * draws.between(0.2, 1.7)).min(1.4);
    let yaw = draws.normal().clamp(-2.2, 2.2) * 0.9;
    let pitch = match draws.weighed(&[2.0, 4.0, 1.0]) {
        0 => draws.between(0.03, 0.3),
        1 => draws.between(0.3, 0.9),
        _ => draws.between(0.9, 1.5),
    };
    let back = Vector3::new(
        f64::from(-yaw.cos() * pitch.cos()),
        f64::from(-yaw.sin() * pitch.cos()),
        f64::from(pitch.sin()),
    );
    let mut eye = aim + back * f64::from(distance_m);
    eye.z = eye.z.max(0.015);
    let down = Isometry3::face_towards(&eye, &aim, &-Vector3::z());
    let roll = UnitQuaternion::from_axis_angle(&Vector3::z_axis(), f64::from(draws.normal() * 0.06));
    let focal = size[0] as f64 / (2.0 * f64::from(field / 2.0).tan());
    let shift = |draws: &mut Draws| f64::from(draws.normal() * 0.01) * size[0] as f64;
    let distortion = if draws.chance(0.5) { [f64::from(draws.normal() * 0.03), 0.0] } else { [0.0; 2] };
    let mut shot = Shot {
        intrinsics: Intrinsics {
            width: size[0],
            height: size[1],
            fx: focal,
            fy: focal,
            cx: (size[0] as f64 - 1.0) / 2.0 + shift(draws),
            cy: (size[1] as f64 - 1.0) / 2.0 + shift(draws),
        },
        map_from_camera: down * roll,
        distortion,
        motion: Motion::default(),
        lens: Lens::default(),
        edge_samples: 3,
        print_raster: 0,
        seed,
        frame: 0,
    };
    if !shot.faults().is_empty() {
        shot.distortion = [0.0; 2];
    }
    View { shot, distance_m, yaw }
}

/// Whether the middle of some ware is in the picture, not too small, with nothing of the room before it.
pub(crate) fn shows(stage: &Stage, view: &View) -> bool {
    let scene = crate::Scene::new(crate::Ambient::even(Rgb::ZERO), stage.bodies.clone());
    let eye = crate::space::v3(view.shot.map_from_camera.translation.vector);
    let k = &view.shot.intrinsics;
    stage.items.iter().any(|item| {
        let middle = (item.low_m[2] + item.high_m[2]) / 2.0;
        let point = item.map_from_item * Point3::new(0.0, 0.0, f64::from(middle));
        let seen = view.shot.map_from_camera.inverse_transform_point(&point);
        let Some([x, y]) = view.shot.pixel_of([seen.x, seen.y, seen.z]) else { return false };
        let (w, h) = (k.width as f64, k.height as f64);
        let inside = x > 0.1 * w && x < 0.9 * w && y > 0.1 * h && y < 0.9 * h;
        let size = f64::from(item.high_m[2].max(item.high_m[0])) / seen.z * k.fy;
        let to = crate::space::v3(point.coords) - eye;
        let ray = crate::Ray { origin: eye, direction: to.normalize() };
        inside && size > 0.06 * h && scene.nearest(&ray, to.length()).is_none_or(|hit| hit.body == item.body)
    })
}
