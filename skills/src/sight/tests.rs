use super::*;
use proptest::prelude::*;

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
}

#[test]
fn a_square_without_extent_has_no_middle() {
    assert_eq!(diagonals_meet(&[[1.0, 1.0]; 4]), None);
    assert_eq!(diagonals_meet(&[[0.0, 0.0], [1.0, 1.0], [2.0, 2.0], [3.0, 3.0]]), None);
}
