use crate::random::Draws;
use crate::shape::Ray;
use crate::surface::fresnel;
use crate::trace::{Way, radiance};
use crate::*;
use nalgebra::{Isometry3, Vector3};
use nightshift_core::image::Intrinsics;
use proptest::prelude::*;

fn vial(content: Content) -> Vial {
    Vial {
        radius_m: 0.014,
        height_m: 0.060,
        wall_m: 0.0011,
        neck_radius_m: 0.009,
        neck_height_m: 0.010,
        glass: GLASS,
        content,
        cap: None,
    }
}

/// A camera on the -x side that looks along +x.
fn looking_along_x() -> Shot {
    let turn = nalgebra::Rotation3::from_matrix_unchecked(nalgebra::Matrix3::from_columns(&[
        -Vector3::y(),
        -Vector3::z(),
        Vector3::x(),
    ]));
    Shot {
        intrinsics: Intrinsics { width: 48, height: 36, fx: 100.0, fy: 100.0, cx: 23.5, cy: 17.5 },
        map_from_camera: Isometry3::from_parts(Vector3::new(-0.2, 0.0, 0.03).into(), turn.into()),
        distortion: [0.0; 2],
        exposure: 1.0,
        read_noise: 0.01,
        samples: 2,
        seed: 7,
        frame: 0,
    }
}

fn one_vial(content: Content) -> Scene {
    let mut scene = Scene::new([0.5; 3]);
    scene.add(vial(content).body(Isometry3::identity()).expect("a sound vial"));
    scene
}

#[test]
fn rows_taken_apart_are_the_rows_of_the_whole() {
    let scene = one_vial(Content::Liquid { medium: WATER, level: 0.5 });
    let shot = looking_along_x();
    let whole = shot.take(&scene).expect("a sound shot").pixels;
    let mut apart = Vec::new();
    for rows in [0..1, 1..20, 20..36] {
        apart.extend(shot.take_rows(&scene, rows).expect("a sound shot"));
    }
    assert!(whole == apart);
    let other = Shot { frame: 1, ..shot }.take(&scene).expect("a sound shot").pixels;
    assert!(whole != other, "another frame has other noise");
}

#[test]
fn the_front_of_the_glass_is_the_true_depth() {
    let scene = one_vial(Content::Empty);
    let shot = looking_along_x();
    let shot = Shot { intrinsics: Intrinsics { cx: 24.0, cy: 18.0, ..shot.intrinsics }, ..shot };
    let picture = shot.take(&scene).expect("a sound shot");
    let middle = picture.at(24, 18);
    assert_eq!(middle.body, Some(0));
    assert!((f64::from(middle.depth_m.expect("glass is there")) - 0.186).abs() < 1e-6);
    assert_eq!(picture.at(0, 0).body, None);
}

#[test]
fn reflection_is_that_of_the_books() {
    // Water at normal incidence: ((n - 1) / (n + 1))^2 = 2.04 %.
    let (reflected, through) = fresnel(1.0, 1.0 / 1.333);
    assert!((reflected - 0.020_373).abs() < 1e-5);
    assert!(through.is_some_and(|c| (c - 1.0).abs() < 1e-12));
    // Brewster's angle from air to glass 1.5: only the half that swings across is reflected, 14.8 % of it.
    let (reflected, _) = fresnel(1.5f64.atan().cos(), 1.0 / 1.5);
    assert!((reflected - 0.5 * 0.147_929).abs() < 1e-5);
    // Out of water the limit is 48.6 degrees.
    assert!(fresnel(48.7f64.to_radians().cos(), 1.333).1.is_none());
    assert!(fresnel(48.5f64.to_radians().cos(), 1.333).1.is_some());
}

#[test]
fn a_vial_of_water_swaps_left_and_right_and_an_empty_one_does_not() {
    // A red half and a blue half stand behind the vial. Seen through water they change sides.
    let sides = |content: Content| {
        let mut scene = one_vial(content);
        let half = |y: f64, colour: Rgb| Part {
            shape: Shape::Quad(Quad {
                corner: Vector3::new(0.15, y, -0.1),
                u: Vector3::new(0.0, 0.3, 0.0),
                v: Vector3::new(0.0, 0.0, 0.3),
                holes: vec![],
            }),
            surface: Surface::Matt(Paint::Plain(colour)),
        };
        let parts = vec![half(-0.3, [1.0, 0.0, 0.0]), half(0.0, [0.0, 0.0, 1.0])];
        scene.add(Body::new(Isometry3::identity(), parts));
        let picture = Shot { read_noise: 0.0, samples: 8, ..looking_along_x() }.take(&scene).expect("sound");
        // Four pixels left of the axis, that is on the side of +y; at the height of the vial's lower half.
        let [red, _, blue] = picture.at(20, 20).color;
        if red > blue { "red" } else { "blue" }
    };
    assert_eq!(sides(Content::Empty), "blue");
    assert_eq!(sides(Content::Liquid { medium: WATER, level: 0.9 }), "red");
}

#[test]
fn absorption_follows_beer_and_lambert() {
    // A slab of an index like air's, 10 mm thick, before a white wall.
    let slab = Medium { index: 1.0, absorption: [10.0, 100.0, 0.0] };
    let face = |x: f64, front, back| Part {
        shape: Shape::Quad(Quad {
            corner: Vector3::new(x, -1.0, -1.0),
            u: Vector3::new(0.0, 2.0, 0.0),
            v: Vector3::new(0.0, 0.0, 2.0),
            holes: vec![],
        }),
        surface: Surface::Between { front, back },
    };
    let mut scene = Scene::new([1.0; 3]);
    scene.add(Body::new(Isometry3::identity(), vec![face(0.0, slab, AIR), face(0.01, AIR, slab)]));
    let ray = Ray { origin: Vector3::new(-1.0, 0.1, 0.1), direction: Vector3::x() };
    let light = radiance(&scene, Way::new(ray), &mut Draws::new(0, 0, 0));
    for (value, absorption) in light.into_iter().zip(slab.absorption) {
        assert!((value - (-absorption * 0.01).exp()).abs() < 1e-9);
    }
}

#[test]
fn a_lamp_of_known_size_lights_a_surface_by_the_formula() {
    // A small square lamp, 1 m above: E / pi = L A / (pi d^2).
    let flat = |corner: Vector3<f64>, u: Vector3<f64>, v: Vector3<f64>, surface| Part {
        shape: Shape::Quad(Quad { corner, u, v, holes: vec![] }),
        surface,
    };
    let mut scene = Scene::new([0.0; 3]);
    let lamp = Surface::Lamp { radiance: [100.0; 3] };
    let white = Surface::Matt(Paint::Plain([1.0; 3]));
    let (x, y) = (Vector3::x(), Vector3::y());
    scene.add(Body::new(
        Isometry3::translation(0.0, 0.0, 1.0),
        vec![flat(-(x + y) * 0.005, y * 0.01, x * 0.01, lamp)],
    ));
    scene.add(Body::new(Isometry3::identity(), vec![flat(-x - y, x * 2.0, y * 2.0, white)]));
    let ray = Ray { origin: Vector3::new(0.3, 0.0, 0.4), direction: Vector3::new(-0.6, 0.0, -0.8) };
    let light = radiance(&scene, Way::new(ray), &mut Draws::new(0, 0, 0))[0];
    let formula = 100.0 * 1e-4 / std::f64::consts::PI;
    assert!((light / formula - 1.0).abs() < 1e-3, "{light} against {formula}");
}

#[test]
fn bad_shots_and_bad_ware_name_every_fault() {
    let scene = Scene::new([0.0; 3]);
    let shot = looking_along_x();
    let bad = Shot { exposure: f64::NAN, samples: 0, ..shot.clone() };
    assert_eq!(bad.take(&scene).expect_err("two faults").len(), 2);
    let folded = Shot { distortion: [-20.0, 0.0], ..shot };
    assert_eq!(folded.take(&scene), Err(vec![BadShot::Folded([-20.0, 0.0])]));
    let bad = Vial { wall_m: 0.02, ..vial(Content::Powder { colour: [1.0; 3], level: 1.5 }) };
    let faults = bad.body(Isometry3::identity()).expect_err("two faults");
    assert!(faults.contains(&BadWare::Level(1.5)) && faults.len() == 2, "{faults:?}");
}

proptest! {
    /// In a room as bright as the ware's surroundings, clear glass without absorption shows the room's light:
    /// none is made and none is lost.
    #[test]
    fn clear_ware_in_an_even_room_cannot_be_seen(y in -0.02f64..0.02, z in 0.0f64..0.06, slope in -0.5f64..0.5, level in 0.05f64..1.0) {
        let glass = Medium { absorption: [0.0; 3], ..GLASS };
        let vial = Vial { glass, ..vial(Content::Liquid { medium: WATER, level }) };
        let mut scene = Scene::new([0.5; 3]);
        scene.add(vial.body(Isometry3::identity()).expect("a sound vial"));
        let direction = Vector3::new(1.0, 0.2 * slope, slope).normalize();
        let ray = Ray { origin: Vector3::new(0.0, y, z) - direction * 0.2, direction };
        let light = radiance(&scene, Way::new(ray), &mut Draws::new(1, 2, 3));
        prop_assert!(light.iter().all(|value| (value - 0.5).abs() < 1e-9), "{light:?}");
    }

    /// The lens undone and done again is the pixel.
    #[test]
    fn the_lens_is_undone(x in 0.0f64..47.0, y in 0.0f64..35.0, k1 in -0.3f64..0.3, k2 in 0.0f64..0.1) {
        let shot = Shot { distortion: [k1, k2], ..looking_along_x() };
        prop_assume!(shot.faults().is_empty());
        let [px, py] = shot.plane_point(x, y);
        let r2 = px * px + py * py;
        let seen = 1.0 + k1 * r2 + k2 * r2 * r2;
        let k = shot.intrinsics;
        prop_assert!((px * seen * k.fx + k.cx - x).abs() < 1e-6 && (py * seen * k.fy + k.cy - y).abs() < 1e-6);
    }
}
