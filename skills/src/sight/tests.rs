use super::*;
use proptest::prelude::*;

fn nest_ref() -> NestRef {
    NestRef { station: "storage".into(), nest: "rack".into() }
}

proptest! {
    #[test]
    fn the_middle_of_a_square_is_where_its_diagonals_meet(
        x in -0.2f64..0.2, y in -0.2f64..0.2, z in 0.2f64..0.6,
        roll in -0.6f64..0.6, pitch in -0.6f64..0.6, turn in -3.0f64..3.0,
    ) {
        let pose = Pose::<Camera, Tag>::from_xyz_rpy([x, y, z], [roll, pitch, turn]);
        let tag = PlacedTag::<Tag> { id: 1, size_m: 0.03, pose: Pose::identity() };
        let project = |p: Point3<f64>| [600.0 * p.x / p.z, 600.0 * p.y / p.z];
        let corners = tag.corners().map(|corner| project(pose.point(&corner)));
        let [u, v] = diagonals_meet(&corners).unwrap();
        let [cu, cv] = project(pose.point(&Point3::origin()));
        prop_assert!((u - cu).abs() < 1e-6 && (v - cv).abs() < 1e-6);
    }

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

#[test]
fn a_square_without_extent_has_no_middle() {
    assert_eq!(diagonals_meet(&[[1.0, 1.0]; 4]), None);
    assert_eq!(diagonals_meet(&[[0.0, 0.0], [1.0, 1.0], [2.0, 2.0], [3.0, 3.0]]), None);
}
