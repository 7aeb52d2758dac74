use super::*;
use nalgebra::Matrix6;
use proptest::prelude::*;

fn nest_ref() -> NestRef {
    NestRef { station: "storage".into(), nest: "rack".into() }
}

const MIDDLE: [f64; 3] = [-0.05, 0.0, 0.03];

/// A rack that was located so far ahead of and turned against where it was taught (m, rad), known to so much along each axis and about
/// the vertical.
pub(crate) fn located((ahead_m, turn_rad): (f64, f64), (sigma_m, sigma_rad): (f64, f64)) -> Located {
    let base_from_nest = Pose::from_xyz_rpy([0.7 + ahead_m, 0.0, 0.8], [0.0, 0.0, turn_rad]);
    let covariance = Matrix3::from_diagonal(&Vector3::new(sigma_m, sigma_m, sigma_rad).map(|s| s * s));
    Located { base_from_nest, middle: MIDDLE.into(), covariance }
}

proptest! {
    #[test]
    fn levelling_takes_the_tilt_and_keeps_place_and_turn(
        shift in prop::array::uniform3(-0.01f64..0.01),
        tilt in prop::array::uniform2(-0.03f64..0.03),
        turn in -0.04f64..0.04,
        heading in -3.0f64..3.0,
    ) {
        let taught = Pose::<Base, Nest>::from_xyz_rpy([0.7, 0.1, 0.8], [0.0, 0.0, heading]);
        let middle = Point3::new(-0.05, 0.0, 0.03);
        let moved = Pose::<Nest, Nest>::from_xyz_rpy(shift, [tilt[0], tilt[1], turn]);
        let seen = taught * moved;
        let level = levelled(&seen, &taught, &middle, &nest_ref()).unwrap();
        prop_assert!(level.z_axis().z > 1.0 - 1e-12);
        prop_assert!((level.point(&middle) - seen.point(&middle)).norm() < 1e-9);
        prop_assert!(wrap_angle(level.yaw() - seen.yaw()).abs() < 1e-6);
    }

    #[test]
    fn the_sigma_of_a_point_grows_by_the_turn_and_is_least_at_the_middle(
        x in -0.2f64..0.2, y in -0.2f64..0.2, turn in -0.04f64..0.04,
    ) {
        let (along, about) = (2e-4, 1e-3);
        let found = located((0.0, turn), (along, about));
        let middle = Point3::from(MIDDLE);
        prop_assert!((found.sigma_m() - along).abs() < 1e-12);
        let point = middle + Vector3::new(x, y, 0.0);
        let expected = along.hypot(about * x.hypot(y));
        prop_assert!((found.sigma_at_m(&point) - expected).abs() < 1e-9);
    }
}

#[test]
fn a_look_agrees_within_what_both_allow_for() {
    let sharp = located((0.0, 0.0), (1e-4, 5e-4));
    for (ahead_m, turn_rad, rough_m, agrees) in [
        (8e-4, 0.0, 2e-4, true),
        (1.2e-3, 0.0, 2e-4, false),
        (1.2e-3, 0.0, 1e-3, true),
        (0.0, 0.02, 1e-3, false),
    ] {
        // Turned about the middle, which stays where it was.
        let rough = located((0.0, 0.0), (rough_m, 2e-3));
        let turned = Pose::<Nest, Nest>::from_xyz_rpy(MIDDLE, [0.0, 0.0, turn_rad])
            * Pose::<Nest, Nest>::from_xyz_rpy(MIDDLE, [0.0; 3]).inverse();
        let ahead = Pose::<Base, Base>::from_xyz_rpy([ahead_m, 0.0, 0.0], [0.0; 3]);
        let rough = Located { base_from_nest: ahead * rough.base_from_nest * turned, ..rough };
        assert_eq!(sharp.agrees(&rough), agrees, "{ahead_m} m, {turn_rad} rad, {rough_m} m");
        assert_eq!(rough.agrees(&sharp), agrees, "{ahead_m} m, {turn_rad} rad, {rough_m} m");
    }
}

#[test]
fn the_covariance_at_the_middle_is_that_of_a_turn_about_the_origin_and_a_shift_of_it() {
    let base_from_nest = Pose::<Base, Nest>::from_xyz_rpy([0.7, 0.0, 0.8], [0.0, 0.0, 0.5]);
    let sigmas = nalgebra::Vector6::new(1e-4, 2e-4, 3e-4, 1e-3, 2e-3, 3e-3);
    let covariance = Matrix6::from_diagonal(&sigmas.map(|s| s * s));
    let seen = BoardPlace { pose: base_from_nest, rms_px: 0.1, covariance, tags_used: 2 };
    let found = Located::new(&seen, MIDDLE.into(), &base_from_nest, &nest_ref()).unwrap();
    // Each move alone, and what it does to the middle: a thousandth of a sigma, so that turns are straight.
    const STEP: f64 = 1e-3;
    let mut expected = Matrix3::zeros();
    for axis in 0..6 {
        let mut step = nalgebra::Vector6::zeros();
        step[axis] = STEP * sigmas[axis];
        let turn = nalgebra::UnitQuaternion::from_scaled_axis(step.fixed_rows::<3>(3).into_owned());
        let from = base_from_nest.iso.rotation * Point3::from(MIDDLE).coords;
        let moved = turn * from + step.fixed_rows::<3>(0) - from;
        let moved = Vector3::new(moved.x, moved.y, step[5]) / STEP;
        expected += moved * moved.transpose();
    }
    assert!((found.covariance - expected).norm() < 1e-4 * expected.norm(), "{} {expected}", found.covariance);
}

#[test]
fn a_rack_on_its_side_or_elsewhere_was_moved() {
    let taught = Pose::<Base, Nest>::from_xyz_rpy([0.7, 0.1, 0.8], [0.0; 3]);
    let middle = Point3::origin();
    let tilted = taught * Pose::<Nest, Nest>::from_xyz_rpy([0.0; 3], [0.2, 0.0, 0.0]);
    assert_eq!(levelled(&tilted, &taught, &middle, &nest_ref()).unwrap_err().code, Code::NestMoved);
    for (shift, turn, ok) in [(0.019, 0.0, true), (0.021, 0.0, false), (0.0, 0.05, true), (0.0, 0.055, false)]
    {
        let seen = taught * Pose::<Nest, Nest>::from_xyz_rpy([0.0, shift, 0.0], [0.0, 0.0, turn]);
        assert_eq!(check_place(&seen, &taught, &nest_ref()).is_ok(), ok, "{shift} m, {turn} rad");
    }
}
