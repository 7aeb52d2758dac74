use crate::random::Draws;
use crate::surface::fresnel;
use crate::trace::radiance;
use crate::ware::{BadWare, Contents, Form, Glassware, Phase, fill};
use crate::*;
use nalgebra::{Isometry3, Vector3};
use nightshift_core::image::Intrinsics;
use proptest::prelude::*;

fn vial() -> Glassware {
    Glassware {
        form: Form::Vial,
        radius_m: 0.014,
        height_m: 0.060,
        wall_m: 0.0011,
        floor_m: 0.0011,
        heel_m: 0.0,
        hollow: 0.06,
        neck_radius_m: 0.009,
        neck_height_m: 0.010,
        shoulder: 1.0,
        thread: 3,
        glass: GLASS,
        cap: None,
        marks: Vec::new(),
    }
}

fn water(level: f32, vial: &Glassware) -> Contents {
    let shell = vial.vessel();
    let floor = shell.floor();
    let height_m = floor + (vial.body_top_m() - floor) * level;
    let top = Level { up: V3::Z, height_m, bowl: 0.0, climb_m: 0.001 };
    Contents { layers: vec![Layer { stuff: Stuff::Fluid(WATER), top }], ..Contents::default() }
}

/// A camera on the -x side that looks along +x.
fn looking_along_x() -> Shot {
    let turn = nalgebra::Rotation3::from_matrix_unchecked(nalgebra::Matrix3::from_columns(&[
        -Vector3::y(),
        -Vector3::z(),
        Vector3::x(),
    ]));
    Shot {
        intrinsics: Intrinsics { width: 48, height: 36, fx: 100.0, fy: 100.0, cx: 24.0, cy: 18.0 },
        map_from_camera: Isometry3::from_parts(Vector3::new(-0.2, 0.0, 0.03).into(), turn.into()),
        distortion: [0.0; 2],
        motion: Motion::default(),
        lens: Lens::default(),
        edge_samples: 2,
        print_raster: 0,
        seed: 7,
        frame: 0,
    }
}

fn scene(ambient: f32, bodies: Vec<Body>) -> Scene {
    Scene::new(Ambient::even(Rgb::splat(ambient)), bodies)
}

fn standing(vial: &Glassware, contents: Contents) -> Body {
    vial.body(&Isometry3::identity(), contents).expect("a sound vial")
}

fn quad(corner: [f32; 3], u: [f32; 3], v: [f32; 3], surface: Surface) -> Body {
    let shape = Shape::Quad(Quad::new(corner.into(), u.into(), v.into()));
    Body::new(&Isometry3::identity(), vec![Part::new(shape, surface)])
}

fn light_along(scene: &Scene, origin: [f32; 3], direction: [f32; 3]) -> Rgb {
    let ray = Ray { origin: origin.into(), direction: V3::from(direction).normalize() };
    radiance(scene, ray, &mut Draws::new(1, 2, 3), None)
}

#[test]
fn another_frame_has_other_noise_and_the_same_frame_the_same() {
    let vial = vial();
    let scene = scene(0.5, vec![standing(&vial, water(0.5, &vial))]);
    let shot = looking_along_x();
    let take = |shot: &Shot, seed| {
        let film = Film::plain(Metering::Fixed(1.0), seed);
        film.develop(&shot.take(&scene).expect("a sound shot"))
    };
    assert!(take(&shot, 1) == take(&shot, 1));
    assert!(take(&shot, 1) != take(&shot, 2));
}

#[test]
fn the_front_of_the_glass_is_the_true_depth() {
    let scene = scene(0.5, vec![standing(&vial(), Contents::default())]);
    let picture = looking_along_x().take(&scene).expect("a sound shot");
    let middle = 18 * 48 + 24;
    assert_eq!(picture.sights.pixels[middle].body, Some(0));
    assert!(picture.sights.pixels[middle].clear);
    assert!((picture.depth_m(middle).expect("glass is there") - 0.186).abs() < 1e-5);
    assert_eq!(picture.sights.pixels[0].body, None);
}

#[test]
fn the_first_content_behind_the_glass_is_told() {
    let vial = vial();
    let scene = scene(0.5, vec![standing(&vial, water(0.4, &vial))]);
    let picture = looking_along_x().take(&scene).expect("a sound shot");
    // The camera's height is 30 mm; water stands up to about 17 mm: 13 mm below at 0.19 m are 7 pixels.
    assert_eq!(picture.sights.at(24, 30).content, Some(0));
    assert_eq!(picture.sights.at(24, 12).content, None);
}

#[test]
fn reflection_is_that_of_the_books() {
    // Water at normal incidence: ((n - 1) / (n + 1))^2 = 2.04 %.
    let (reflected, through) = fresnel(1.0, 1.0 / 1.333);
    assert!((reflected - 0.020_373).abs() < 1e-5);
    assert!(through.is_some_and(|c| (c - 1.0).abs() < 1e-6));
    // Brewster's angle from air to glass 1.5: only the half that swings across is reflected, 14.8 % of it.
    let (reflected, _) = fresnel(1.5f32.atan().cos(), 1.0 / 1.5);
    assert!((reflected - 0.5 * 0.147_929).abs() < 1e-5);
    // Out of water the limit is 48.6 degrees.
    assert!(fresnel(48.7f32.to_radians().cos(), 1.333).1.is_none());
    assert!(fresnel(48.5f32.to_radians().cos(), 1.333).1.is_some());
}

#[test]
fn a_vial_of_water_swaps_left_and_right_and_an_empty_one_does_not() {
    // A red half and a blue half stand behind the vial. Seen through water they change sides.
    let sides = |contents: Contents| {
        let half = |y: f32, colour: Rgb| {
            quad([0.15, y, -0.1], [0.0, 0.3, 0.0], [0.0, 0.0, 0.3], Surface::plain(colour))
        };
        let bodies =
            vec![standing(&vial(), contents), half(-0.3, rgb(1.0, 0.0, 0.0)), half(0.0, rgb(0.0, 0.0, 1.0))];
        let scene = scene(0.5, bodies);
        let picture = looking_along_x().take(&scene).expect("sound");
        // Four pixels left of the axis, that is on the side of +y; at the height of the vial's lower half.
        let light = picture.light.at(20, 20);
        if light.x > light.z { "red" } else { "blue" }
    };
    assert_eq!(sides(Contents::default()), "blue");
    assert_eq!(sides(water(0.9, &vial())), "red");
}

#[test]
fn absorption_follows_beer_and_lambert() {
    // A slab of an index like air's, 10 mm thick, before a white room.
    let slab = Medium::clear(1.0, rgb(10.0, 100.0, 0.0));
    let face = |x, front, back| {
        quad([x, -1.0, -1.0], [0.0, 2.0, 0.0], [0.0, 0.0, 2.0], Surface::Between { front, back })
    };
    let scene = scene(1.0, vec![face(0.0, slab, AIR), face(0.01, AIR, slab)]);
    let light = light_along(&scene, [-1.0, 0.1, 0.1], [1.0, 0.0, 0.0]);
    let wanted = (-slab.absorption * 0.01).exp();
    assert!((light - wanted).abs().max_element() < 1e-5, "{light} against {wanted}");
}

#[test]
fn a_lamp_of_known_size_lights_a_surface_by_the_formula() {
    // A small square lamp, 1 m above: E / pi = L A / (pi d^2).
    let lamp = Surface::Lamp { radiance: Rgb::splat(100.0) };
    let bodies = vec![
        quad([-0.005, -0.005, 1.0], [0.0, 0.01, 0.0], [0.01, 0.0, 0.0], lamp),
        quad([-1.0, -1.0, 0.0], [2.0, 0.0, 0.0], [0.0, 2.0, 0.0], Surface::plain(Rgb::ONE)),
    ];
    let light = light_along(&scene(0.0, bodies), [0.3, 0.0, 0.4], [-0.6, 0.0, -0.8]).x;
    let formula = 100.0 * 1e-4 / std::f32::consts::PI;
    assert!((light / formula - 1.0).abs() < 1e-3, "{light} against {formula}");
}

#[test]
fn an_opaque_thing_throws_a_shadow_and_glass_a_light_one() {
    let lit = |body: Body| {
        let lamp = Surface::Lamp { radiance: Rgb::splat(100.0) };
        let bodies = vec![
            quad([-0.005, -0.005, 1.0], [0.0, 0.01, 0.0], [0.01, 0.0, 0.0], lamp),
            quad([-1.0, -1.0, -0.2], [2.0, 0.0, 0.0], [0.0, 2.0, 0.0], Surface::plain(Rgb::ONE)),
            body,
        ];
        light_along(&scene(0.0, bodies), [0.3, 0.0, -0.15], [-0.3, 0.0, -0.05]).x
    };
    let apart = Body::new(&Isometry3::translation(0.5, 0.5, 0.0), Vec::new());
    let bare = lit(apart);
    let block = Shape::block(V3::new(-0.01, -0.01, 0.0), V3::new(0.01, 0.01, 0.05));
    assert_eq!(lit(Body::new(&Isometry3::identity(), vec![Part::new(block, Surface::plain(Rgb::ONE))])), 0.0);
    let through = lit(standing(&vial(), Contents::default()));
    assert!(through > 0.3 * bare && through < bare, "{through} of {bare}");
}

#[test]
fn a_cap_on_a_narrow_neck_is_not_lit_through_the_glass_below_it() {
    let bottle = Glassware {
        form: Form::Bottle,
        radius_m: 0.028,
        height_m: 0.11,
        neck_radius_m: 0.015,
        neck_height_m: 0.022,
        glass: AMBER,
        cap: Some(ware::Cap { kind: ware::CapKind::Screw, colour: Rgb::splat(0.8), septum: None }),
        ..vial()
    };
    let lamp = Surface::Lamp { radiance: Rgb::splat(100.0) };
    // It looks along +x: a lamp's normal is u x v.
    let lamp = quad([-0.3, -0.01, 0.15], [0.0, 0.02, 0.0], [0.0, 0.0, 0.02], lamp);
    let lit = light_along(
        &scene(0.0, vec![lamp, standing(&bottle, Contents::default())]),
        [-0.2, 0.0, 0.1],
        [1.0, 0.0, 0.0],
    );
    assert!(lit.x > 0.01 && lit.z > 0.98 * lit.x, "a white cap looks {lit:?}");
}

#[test]
fn bad_shots_and_bad_ware_name_every_fault() {
    let scene = scene(0.0, Vec::new());
    let shot = looking_along_x();
    let none = Intrinsics { width: 0, fx: f64::NAN, ..shot.intrinsics };
    let bad = Shot { intrinsics: none, ..shot.clone() };
    assert_eq!(bad.take(&scene).expect_err("two faults").len(), 2);
    let folded = Shot { distortion: [-20.0, 0.0], ..shot };
    assert_eq!(folded.take(&scene).expect_err("one fault"), vec![BadShot::Folded([-20.0, 0.0])]);
    let bad = Glassware { wall_m: 0.02, neck_radius_m: 0.03, ..vial() };
    let faults = bad.body(&Isometry3::identity(), Contents::default()).expect_err("faults");
    let wanted = BadWare::Neck { neck_radius_m: 0.03, radius_m: 0.014 };
    assert!(faults.contains(&wanted), "{faults:?}");
}

#[test]
fn every_scene_of_a_seed_is_the_same_and_its_truth_fits_its_picture() {
    for seed in 0..6 {
        let make = || {
            let staged = studio::stage(seed, 96, 72);
            let exposed = staged.shot.take(&staged.scene).expect("a sound shot");
            let told = truth::tell(&staged, &exposed, seed);
            (staged.film.develop(&exposed), told)
        };
        let ((picture, told), (again, _)) = (make(), make());
        assert!(picture == again, "seed {seed} differs from itself");
        for instance in &told.instances {
            let covered: u32 = instance.segmentation.counts.iter().skip(1).step_by(2).sum();
            assert_eq!(covered as usize, instance.area);
            assert_eq!(instance.segmentation.counts.iter().sum::<u32>(), 96 * 72);
            assert!(instance.visible.is_none_or(|share| share > 0.0 && share <= 1.0));
            if let Some(vessel) = instance.vessel {
                let outer =
                    told.instances.iter().find(|other| other.id == vessel).expect("its vessel is told");
                assert!(outer.area >= instance.area);
            }
        }
    }
}

#[test]
fn a_close_up_shows_its_vessel_whole_and_all_contents_come_alike() {
    let (mut seen, mut whole, count) = (std::collections::BTreeMap::new(), 0, 240);
    for seed in 0..count {
        let staged = studio::close_up(seed, 48, 72);
        // The one that the camera was turned to is the largest of those in the picture's middle.
        let k = staged.shot.intrinsics;
        let place = |item: &studio::Item| {
            let middle = f64::from(item.high_m[2]) / 2.0;
            let p = staged
                .shot
                .map_from_camera
                .inverse_transform_point(&(item.map_from_item * nalgebra::Point3::new(0.0, 0.0, middle)));
            let [x, y] = staged.shot.pixel_of([p.x, p.y, p.z])?;
            let away = (x / k.width as f64 - 0.5).abs().max((y / k.height as f64 - 0.5).abs());
            (item.filling.is_some() && away < 0.2).then(|| f64::from(item.high_m[2]) / p.z)
        };
        let nearest = staged
            .items
            .iter()
            .filter_map(|item| Some((place(item)?, item)))
            .max_by(|a, b| a.0.total_cmp(&b.0));
        let Some((_, item)) = nearest else { continue };
        for phase in &item.filling.as_ref().expect("a vessel").contents.phases {
            *seen.entry(*phase).or_insert(0) += 1;
        }
        whole += u64::from(staged.shot.faults().is_empty());
    }
    assert!(whole > count * 9 / 10, "only {whole} of {count} show their vessel");
    for phase in Phase::ALL {
        let times = seen.get(&phase).copied().unwrap_or(0);
        assert!(times >= 8, "{phase:?} came {times} times in {count}");
    }
    for seed in 0..3 {
        let make = || {
            let staged = studio::close_up(seed, 48, 72);
            let exposed = staged.shot.take(&staged.scene).expect("a sound shot");
            (staged.film.develop(&exposed), truth::tell(&staged, &exposed, seed).instances)
        };
        let ((picture, told), (again, _)) = (make(), make());
        assert!(picture == again, "seed {seed} differs from itself");
        let tallest =
            told.iter().filter(|i| i.content.is_some()).map(|i| i.bbox[3].max(i.bbox[2] * 3 / 2)).max();
        assert!(tallest.is_some_and(|pixels| pixels >= 32), "{seed}: {tallest:?}");
    }
}

#[test]
fn the_inside_of_a_vial_is_a_cylinder_from_floor_to_shoulder() {
    for radius_m in [0.006, 0.0105, 0.014, 0.0225] {
        let vial = Glassware { radius_m, neck_radius_m: 0.7 * radius_m, ..vial() };
        let shell = vial.vessel();
        let clear = radius_m - vial.wall_m;
        for share in [0.12, 0.5, 0.95] {
            let z = shell.floor() + share * (vial.body_top_m() - shell.floor());
            assert!((shell.inner_radius(z) / clear - 1.0).abs() < 0.03, "{} at {z}", shell.inner_radius(z));
        }
    }
}

#[test]
fn a_thick_foot_lifts_the_floor_and_a_round_heel_takes_room_by_the_wall_alone() {
    let thin = vial();
    let sharp = Glassware { floor_m: 0.003, hollow: 0.1, ..vial() };
    let round = Glassware { heel_m: 0.004, ..sharp.clone() };
    let [thin, sharp, round] = [thin, sharp, round].map(|ware| ware.vessel());
    assert!((thin.floor() - (0.06 * 0.014 + 0.0011)).abs() < 1e-6, "{}", thin.floor());
    assert!((sharp.floor() - (0.1 * 0.014 + 0.003)).abs() < 1e-6, "{}", sharp.floor());
    assert_eq!(sharp.floor(), round.floor());
    let at = |vessel: &Vessel, over: f32| vessel.inner_radius(vessel.floor() + over);
    // A quarter circle of 4 mm: an eighth of its turn up it has come 1.17 mm less far out, and 4 mm up it is the wall.
    let off = 0.004 * (1.0 - std::f32::consts::FRAC_1_SQRT_2);
    assert!(
        (at(&sharp, off) - at(&round, off) - off).abs() < 1e-4,
        "{} {}",
        at(&sharp, off),
        at(&round, off)
    );
    assert!((at(&sharp, 0.0041) - at(&round, 0.0041)).abs() < 1e-6);
    assert!(round.volume_below(0.02) < sharp.volume_below(0.02));
    assert!(sharp.volume_below(0.02) < thin.volume_below(0.02));
    // More than there is room for is taken by as much as there is.
    let much = Glassware { heel_m: 0.04, height_m: 0.09, ..vial() };
    assert!(much.vessel().volume_below(0.05) > 0.0);
}

#[test]
fn the_depth_camera_measures_a_matt_wall_and_fails_on_glass() {
    let wall = quad([0.4, -1.0, -1.0], [0.0, 2.0, 0.0], [0.0, 0.0, 2.0], Surface::plain(Rgb::splat(0.6)));
    let k = Intrinsics { width: 160, height: 120, fx: 150.0, fy: 150.0, cx: 79.5, cy: 59.5 };
    let shot = Shot { intrinsics: k, ..looking_along_x() };
    let flat = scene(0.3, vec![wall.clone()]);
    let depth = StereoRig::default().measure(&flat, &shot).expect("a sound shot");
    // The left edge is not seen by the right eye: 0.05 m at 0.6 m are 13 pixels.
    let told: Vec<f32> =
        (20..100).flat_map(|y| (30..150).map(move |x| (x, y))).filter_map(|(x, y)| *depth.at(x, y)).collect();
    assert!(told.len() > 80 * 120 * 9 / 10, "{} of {} pixels", told.len(), 80 * 120);
    // At 0.6 m the eyes see 12.5 pixels apart: half a pixel is 24 mm.
    let good = told.iter().filter(|z| (*z - 0.6).abs() < 0.024).count();
    assert!(good > told.len() * 95 / 100, "{good} of {}", told.len());
    // A vial in front: of its glass, next to nothing is measured at its own depth.
    let glass = scene(0.3, vec![standing(&vial(), Contents::default()), wall]);
    let exposed = shot.take(&glass).expect("a sound shot");
    let depth = StereoRig::default().measure(&glass, &shot).expect("a sound shot");
    let on_glass: Vec<usize> = (0..160 * 120).filter(|i| exposed.sights.pixels[*i].clear).collect();
    let right = on_glass
        .iter()
        .filter(|i| {
            let truth = exposed.depth_m(**i).expect("glass is there");
            depth.pixels[**i].is_some_and(|z| (z - truth).abs() < 0.005)
        })
        .count();
    assert!(on_glass.len() > 300 && right * 5 < on_glass.len(), "{right} of {}", on_glass.len());
}

#[test]
fn the_depth_camera_measures_a_slanted_bench_close_by() {
    // Under 45 degrees, 0.2 m away in the middle of the picture.
    let bench = quad([-1.0, -1.0, -0.97], [0.0, 2.0, 0.0], [2.0, 0.0, 2.0], Surface::plain(Rgb::splat(0.6)));
    let k = Intrinsics { width: 240, height: 160, fx: 200.0, fy: 200.0, cx: 119.5, cy: 79.5 };
    let shot = Shot { intrinsics: k, ..looking_along_x() };
    let scene = scene(0.3, vec![bench]);
    let exposed = shot.take(&scene).expect("a sound shot");
    let depth = StereoRig::default().measure(&scene, &shot).expect("a sound shot");
    // What the right eye sees too: 0.05 m at 0.14 m are 71 pixels.
    let seen: Vec<usize> = (10..150).flat_map(|y| (80..230).map(move |x| y * 240 + x)).collect();
    let errors: Vec<f32> = seen
        .iter()
        .filter_map(|i| Some((depth.pixels[*i]? - exposed.depth_m(*i).expect("a bench")).abs()))
        .collect();
    assert!(errors.len() * 100 > seen.len() * 95, "{} of {}", errors.len(), seen.len());
    // At 0.2 m a pixel of disparity is 4 mm.
    let good = errors.iter().filter(|error| **error < 0.003).count();
    assert!(good * 100 > errors.len() * 95, "{good} of {}", errors.len());
}

/// Columns at which the light changes most, of the first and the last row but one.
fn edges(exposed: &Exposed) -> [usize; 2] {
    let Intrinsics { width, height, .. } = looking_along_x().intrinsics;
    [1, height - 2].map(|row| {
        let at = |x: usize| exposed.light.pixels[row * width + x].x;
        let step = |x: &usize| ((at(*x) - at(x - 1)).abs() * 1e6) as i64;
        (1..width).max_by_key(step).expect("a row has pixels")
    })
}

#[test]
fn an_upright_edge_leans_where_rows_are_read_one_after_the_other() {
    // Black to the left of the axis, white to the right, half a metre away.
    let matt = |value: f32| Surface::Matt(Paint::Plain(Rgb::splat(value)));
    let half = |to: f32, value: f32| quad([0.3, 0.0, -1.0], [0.0, to, 0.0], [0.0, 0.0, 2.0], matt(value));
    let scene = scene(0.6, vec![half(1.0, 0.02), half(-1.0, 0.9)]);
    let take =
        |motion: Motion| edges(&Shot { motion, edge_samples: 0, ..looking_along_x() }.take(&scene).unwrap());
    let still = take(Motion::default());
    assert_eq!(still[0], still[1], "the edge is upright");
    let velocity = [1.5, 0.0, 0.0];
    assert_eq!(take(Motion { velocity, ..Motion::default() }), still, "all rows are read at once");
    // From the first row to the last the camera goes 3 cm to the right: at half a metre and 100 px that is 6 px.
    let moved = take(Motion { velocity, readout_s: 0.02, ..Motion::default() });
    let lean = moved[0] as i64 - moved[1] as i64;
    assert!((5..=6).contains(&lean), "{moved:?}");
    // A turn to the right by 0.06 rad leans it as much.
    let turned = take(Motion { turn: [0.0, 3.0, 0.0], readout_s: 0.02, ..Motion::default() });
    let lean = turned[0] as i64 - turned[1] as i64;
    assert!((5..=6).contains(&lean), "{turned:?}");
    let way = Motion { velocity, turn: [0.0, 3.0, 0.0], readout_s: 0.0 }.smear_px([100.0; 2], 0.5, 0.01);
    assert!((way[0] + 6.0).abs() < 1e-4 && way[1] == 0.0, "{way:?}");
}

proptest! {
    /// In a room as bright as the ware's surroundings, clear glass without absorption shows the room's light:
    /// none is made and none is lost.
    #[test]
    fn clear_ware_in_an_even_room_cannot_be_seen(y in -0.02f32..0.02, z in 0.0f32..0.06, slope in -0.5f32..0.5, level in 0.05f32..1.0) {
        let glass = Medium { absorption: Rgb::ZERO, ..GLASS };
        let vial = Glassware { glass, ..vial() };
        let scene = scene(0.5, vec![standing(&vial, water(level, &vial))]);
        let direction = V3::new(1.0, 0.2 * slope, slope).normalize();
        let origin = V3::new(0.0, y, z) - direction * 0.2;
        let light = light_along(&scene, origin.into(), direction.into());
        // Rays that are still on their way at the last surface are given up with less.
        prop_assert!(light.min_element() > 0.34 && light.max_element() < 0.501, "{light:?}");
    }

    /// The lens undone and done again is the pixel.
    #[test]
    fn the_lens_is_undone(x in 0.0f64..47.0, y in 0.0f64..35.0, k1 in -0.3f64..0.3, k2 in 0.0f64..0.1) {
        let shot = Shot { distortion: [k1, k2], ..looking_along_x() };
        prop_assume!(shot.faults().is_empty());
        let [px, py] = shot.plane_point(x, y);
        let [sx, sy] = shot.pixel_of([px, py, 1.0]).expect("before the camera");
        prop_assert!((sx - x).abs() < 1e-6 && (sy - y).abs() < 1e-6);
    }

    /// A filled vessel says so, and its highest level lies inside.
    #[test]
    fn contents_are_what_they_are_called(seed in 0u64..500, main in 0usize..11, share in 0.1f32..0.9) {
        let vial = vial();
        let shell = vial.vessel();
        let phase = Phase::ALL[main];
        let contents = fill(&shell, vial.body_top_m(), phase, V3::Z, share, &mut Draws::new(seed, 0, 0));
        prop_assert!(contents.phases.contains(&phase));
        prop_assert_eq!(contents.layers.len(), contents.portions.len());
        prop_assert_eq!(phase == Phase::Empty, contents.layers.is_empty() && contents.pieces.is_empty() && contents.residue.is_none());
        for portion in &contents.portions {
            prop_assert!(portion.top_m > shell.floor() && portion.top_m < vial.height_m);
        }
    }
}

#[test]
fn what_is_out_of_focus_behind_glass_is_blurred_and_what_is_in_focus_is_not() {
    // Stripes of 40 mm, 0.8 m before the camera; 0.2 m before it an empty vial.
    let stripes = Pattern { kind: Kind::Stripes, low: Rgb::ZERO, high: Rgb::ONE, size_m: 0.04, seed: 1 };
    let wall =
        quad([0.6, -0.5, -0.3], [0.0, 1.0, 0.0], [0.0, 0.0, 0.8], Surface::Matt(Paint::pattern(stripes)));
    let scene = scene(0.5, vec![standing(&vial(), Contents::default()), wall]);
    let spread = |radius_m: f32, focus_m: f32| {
        let shot = Shot { lens: Lens { radius_m, focus_m }, edge_samples: 24, ..looking_along_x() };
        let picture = shot.take(&scene).expect("a sound shot");
        // The vial is 14 pixels wide; rows of its body.
        let row = |y: usize| (20..28).map(move |x| (x, y));
        let seen: Vec<f32> = (16..24).flat_map(row).map(|(x, y)| picture.light.at(x, y).y).collect();
        assert!((16..24).flat_map(row).all(|(x, y)| picture.sights.at(x, y).clear));
        let mean = seen.iter().sum::<f32>() / seen.len() as f32;
        (seen.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / seen.len() as f32).sqrt()
    };
    let (sharp, blurred, focused) = (spread(0.0, 1.0), spread(0.01, 0.2), spread(0.01, 0.8));
    assert!(blurred < 0.5 * sharp, "{blurred} of {sharp}");
    assert!(focused > 0.7 * sharp, "{focused} of {sharp}");
}
