use super::*;
use nalgebra::{Isometry3, Rotation3, UnitQuaternion, Vector3};
use nightshift_core::frames::Nest;
use nightshift_core::random::Seed;
use proptest::prelude::*;
use rand_distr::{Distribution, Normal};

const CAMERA: Intrinsics = Intrinsics { width: 640, height: 480, fx: 600.0, fy: 600.0, cx: 319.5, cy: 239.5 };

/// The two tags on a rack of the bundled site.
fn pair() -> Vec<PlacedTag<Nest>> {
    [(10, 0.07), (11, -0.07)]
        .map(|(id, y)| PlacedTag {
            id,
            size_m: 0.024,
            pose: Pose::from_xyz_rpy([-0.05, y, 0.03], [0.0, 0.0, -std::f64::consts::FRAC_PI_2]),
        })
        .to_vec()
}

fn single(size_m: f64) -> Vec<PlacedTag<Nest>> {
    vec![PlacedTag { id: 3, size_m, pose: Pose::identity() }]
}

/// Looks at `middle` of the board from `distance_m`, `tilt` away from the board's normal towards `heading`.
fn looking_at(middle: [f64; 3], distance_m: f64, heading: f64, tilt: f64, roll: f64) -> Pose<Camera, Nest> {
    let turn = Rotation3::from_axis_angle(&Vector3::z_axis(), roll)
        * Rotation3::from_axis_angle(&Vector3::x_axis(), std::f64::consts::PI - tilt)
        * Rotation3::from_axis_angle(&Vector3::z_axis(), heading);
    let rotation = UnitQuaternion::from_rotation_matrix(&turn);
    let offset = Vector3::new(0.0, 0.0, distance_m) - rotation * Vector3::from(middle);
    Pose::new(Isometry3::from_parts(offset.into(), rotation))
}

fn seen(board: &[PlacedTag<Nest>], pose: &Pose<Camera, Nest>, noise_px: f64, seed: u64) -> Vec<TagSight> {
    let mut stream = Seed(seed).stream("corners");
    let normal = Normal::new(0.0, noise_px).unwrap();
    let mut pixel = |corner: Point3<f64>| {
        let x = pose.point(&corner);
        let at = [CAMERA.fx * x.x / x.z + CAMERA.cx, CAMERA.fy * x.y / x.z + CAMERA.cy];
        at.map(|v| v + normal.sample(&mut stream))
    };
    board
        .iter()
        .map(|tag| TagSight {
            family: TagFamily::April36h11,
            id: tag.id,
            corners: tag.corners().map(&mut pixel),
        })
        .collect()
}

#[test]
fn an_upright_tag_head_on_has_its_x_to_the_right_and_its_y_up() {
    let sights = [TagSight {
        family: TagFamily::April36h11,
        id: 3,
        corners: [[299.5, 219.5], [339.5, 219.5], [339.5, 259.5], [299.5, 259.5]],
    }];
    let pose = estimate_pose(&sights, &single(0.04), &CAMERA).unwrap().camera_from_board;
    assert!((pose.translation() - Vector3::new(0.0, 0.0, 0.6)).norm() < 1e-6, "{pose:?}");
    assert!((pose.iso.rotation * Vector3::x() - Vector3::x()).norm() < 1e-4, "{pose:?}");
    assert!((pose.iso.rotation * Vector3::y() + Vector3::y()).norm() < 1e-4, "{pose:?}");
}

proptest! {
    #[test]
    fn exact_corners_give_the_exact_pose(
        distance in 0.2f64..1.5, heading in -3.0f64..3.0, tilt in 0.15f64..1.2, roll in -3.0f64..3.0,
        size in 0.02f64..0.1, two in any::<bool>(),
    ) {
        let board = if two { pair() } else { single(size) };
        let middle = if two { [-0.05, 0.0, 0.03] } else { [0.0; 3] };
        let truth = looking_at(middle, distance, heading, tilt, roll);
        let found = estimate_pose(&seen(&board, &truth, 0.0, 0), &board, &CAMERA).unwrap();
        prop_assert!((found.camera_from_board.translation() - truth.translation()).norm() < 1e-6);
        prop_assert!(found.camera_from_board.iso.rotation.angle_to(&truth.iso.rotation) < 1e-5);
        prop_assert!(found.rms_px < 1e-5);
    }
}

/// Scatter over many noisy pictures from many sides, as root mean squares.
struct Scatter {
    lateral_mm: f64,
    depth_mm: f64,
    tilt_deg: f64,
    /// Share of the looks that were called ambiguous.
    ambiguous: f64,
    /// Share of the looks that ended in the flipped solution without being called ambiguous.
    flipped: f64,
    /// Mean squared error in units of the covariance, for each of its six axes: 1 where it is honest.
    normalised: f64,
}

fn scatter(
    board: &[PlacedTag<Nest>],
    middle: [f64; 3],
    distance: f64,
    tilts: std::ops::Range<f64>,
) -> Scatter {
    const LOOKS: u32 = 400;
    let mut sums = [0.0; 4];
    let (mut ambiguous, mut flipped) = (0, 0);
    for look in 0..LOOKS {
        let share = f64::from(look) / f64::from(LOOKS);
        let tilt = tilts.start + share * (tilts.end - tilts.start);
        let truth = looking_at(middle, distance, 17.0 * share, tilt, 29.0 * share);
        let found = estimate_pose(&seen(board, &truth, 0.1, u64::from(look)), board, &CAMERA).unwrap();
        let turn = found.camera_from_board.iso.rotation * truth.iso.rotation.inverse();
        if found.ambiguous {
            ambiguous += 1;
            continue;
        }
        if turn.angle() > 0.2 {
            flipped += 1;
            continue;
        }
        let middle = Point3::from(middle);
        let off = found.camera_from_board.point(&middle) - truth.point(&middle);
        let at_origin = found.camera_from_board.translation() - truth.translation();
        let mut error = nalgebra::Vector6::zeros();
        error.fixed_rows_mut::<3>(0).copy_from(&at_origin);
        error.fixed_rows_mut::<3>(3).copy_from(&turn.scaled_axis());
        let squares = error.dot(&(found.covariance.try_inverse().unwrap() * error)) / 6.0;
        let tilt = found.camera_from_board.z_axis().angle(&truth.z_axis());
        for (sum, value) in
            sums.iter_mut().zip([off.xy().norm_squared(), off.z * off.z, tilt * tilt, squares])
        {
            *sum += value;
        }
    }
    let used = f64::from(LOOKS - ambiguous - flipped).max(1.0);
    let [lateral, depth, tilt, normalised] = sums.map(|sum| sum / used);
    Scatter {
        lateral_mm: lateral.sqrt() * 1e3,
        depth_mm: depth.sqrt() * 1e3,
        tilt_deg: tilt.sqrt().to_degrees(),
        ambiguous: f64::from(ambiguous) / f64::from(LOOKS),
        flipped: f64::from(flipped) / f64::from(LOOKS),
        normalised,
    }
}

#[test]
fn noisy_corners_give_poses_as_good_as_the_geometry_allows() {
    let rack = [-0.05, 0.0, 0.03];
    // Measured lateral, depth, tilt (and a fifth on top): corners with 0.1 px of noise, f = 600 px.
    let cases = [
        ("a rack's pair at 0.3 m, head on", scatter(&pair(), rack, 0.3, 0.0..0.1), [0.055, 0.083, 0.39]),
        ("a rack's pair at 0.3 m, oblique", scatter(&pair(), rack, 0.3, 0.1..0.8), [0.045, 0.195, 0.25]),
        ("80 mm at 0.45 m, head on", scatter(&single(0.08), [0.0; 3], 0.45, 0.0..0.1), [0.073, 0.32, 0.80]),
        ("80 mm at 0.45 m, oblique", scatter(&single(0.08), [0.0; 3], 0.45, 0.1..0.8), [0.056, 0.403, 0.32]),
        ("80 mm at 1.0 m, head on", scatter(&single(0.08), [0.0; 3], 1.0, 0.0..0.1), [0.154, 1.947, 3.49]),
        ("80 mm at 1.0 m, oblique", scatter(&single(0.08), [0.0; 3], 1.0, 0.1..0.8), [0.120, 2.019, 0.88]),
        ("13 mm at 0.28 m, oblique", scatter(&single(0.013), [0.0; 3], 0.28, 0.1..0.8), [0.033, 0.998, 1.07]),
    ];
    for (name, found, [lateral_mm, depth_mm, tilt_deg]) in cases {
        assert!(found.lateral_mm < 1.2 * lateral_mm, "{name}: lateral {} mm", found.lateral_mm);
        assert!(found.depth_mm < 1.2 * depth_mm, "{name}: depth {} mm", found.depth_mm);
        assert!(found.tilt_deg < 1.2 * tilt_deg, "{name}: tilt {} deg", found.tilt_deg);
        assert!(found.flipped < 0.005, "{name}: {} flipped without a word", found.flipped);
        assert!((0.7..1.6).contains(&found.normalised), "{name}: covariance off by {}", found.normalised);
    }
    // What docking and picking rely on is never called ambiguous; one small tag alone often is.
    let clear = [scatter(&pair(), rack, 0.3, 0.0..0.8), scatter(&single(0.08), [0.0; 3], 0.45, 0.0..0.8)];
    assert!(clear.iter().all(|found| found.ambiguous == 0.0));
    assert!(scatter(&single(0.013), [0.0; 3], 0.28, 0.0..0.1).ambiguous > 0.5);
}

#[test]
fn a_small_tag_far_away_is_ambiguous_until_another_plane_or_a_wider_board_tells() {
    let truth = looking_at([0.0; 3], 0.6, 0.3, 0.4, 0.1);
    let small = single(0.013);
    assert!(estimate_pose(&seen(&small, &truth, 0.0, 0), &small, &CAMERA).unwrap().ambiguous);
    for beside in [
        Pose::from_xyz_rpy([0.14, 0.0, 0.0], [0.0; 3]),
        Pose::from_xyz_rpy([0.03, 0.0, 0.02], [0.6, 0.0, 0.0]),
    ] {
        let board = [small[0], PlacedTag { id: 4, size_m: 0.013, pose: beside }];
        for seed in 0..50 {
            let found = estimate_pose(&seen(&board, &truth, 0.1, seed), &board, &CAMERA).unwrap();
            assert_eq!((found.ambiguous, found.tags_used), (false, 2));
            assert!(found.camera_from_board.iso.rotation.angle_to(&truth.iso.rotation) < 0.1);
        }
    }
}

#[test]
fn what_cannot_be_a_pose_says_why() {
    let board = pair();
    let sights = seen(&board, &looking_at([-0.05, 0.0, 0.03], 0.3, 0.2, 0.4, 0.0), 0.0, 0);
    let change = |f: &dyn Fn(&mut Vec<TagSight>)| {
        let mut changed = sights.clone();
        f(&mut changed);
        estimate_pose(&changed, &board, &CAMERA)
    };
    assert_eq!(
        change(&|s| s.iter_mut().for_each(|sight| sight.id += 50)),
        Err(PoseError::NoKnownTag { seen: 2, wanted: vec![10, 11] })
    );
    assert!(matches!(change(&Vec::clear), Err(PoseError::NoKnownTag { seen: 0, .. })));
    assert_eq!(change(&|s| s.push(s[1].clone())), Err(PoseError::SeenTwice { id: 11 }));
    assert_eq!(change(&|s| s[0].corners[2][1] = f64::NAN), Err(PoseError::NotFinite { id: 10 }));
    // Upside-down lists of corners are a mirror's picture, or a plane behind the camera.
    assert!(matches!(
        change(&|s| s.iter_mut().for_each(|sight| sight.corners.reverse())),
        Err(PoseError::Degenerate { .. } | PoseError::Inconsistent { .. })
    ));
    for direction in [[0.0, 0.0], [1.0, 2.0]] {
        let line = [0.0, 1.0, 2.0, 5.0].map(|k| [300.0 + k * direction[0], 200.0 + k * direction[1]]);
        assert_eq!(
            change(&|s| {
                s.truncate(1);
                s[0].corners = line;
            }),
            Err(PoseError::Degenerate { ids: vec![10] })
        );
    }
    let moved = change(&|s| s[1].corners.iter_mut().for_each(|corner| corner[1] += 40.0));
    assert!(matches!(moved, Err(PoseError::Inconsistent { rms_px, .. }) if rms_px > 2.0), "{moved:?}");

    let twice = [board[0], board[0]];
    assert_eq!(estimate_pose(&sights, &twice, &CAMERA), Err(PoseError::PlacedTwice { id: 10 }));
    let flat = [PlacedTag { size_m: 0.0, ..board[0] }];
    assert_eq!(estimate_pose(&sights, &flat, &CAMERA), Err(PoseError::BadSize { id: 10, size_m: 0.0 }));
}

proptest! {
    #[test]
    fn any_corners_give_a_pose_or_a_reason(
        corners in proptest::array::uniform4(proptest::array::uniform2(-1e4f64..1e4)), exponent in -300i32..300,
    ) {
        let corners = corners.map(|corner| corner.map(|v| v * 10f64.powi(exponent)));
        let sights = [TagSight { family: TagFamily::April36h11, id: 3, corners }];
        if let Ok(found) = estimate_pose(&sights, &single(0.05), &CAMERA) {
            prop_assert!(found.rms_px <= MAX_RMS_PX && found.camera_from_board.translation().z > 0.0);
            prop_assert!(found.covariance.iter().all(|v| v.is_finite()));
        }
    }
}

#[test]
fn a_tag_of_another_family_is_another_tag() {
    let board = single(0.04);
    let corners = [[299.5, 219.5], [339.5, 219.5], [339.5, 259.5], [299.5, 259.5]];
    let sights = [TagSight { family: TagFamily::Aruco4x4, id: 3, corners }];
    let none = estimate_pose(&sights, &board, &CAMERA).unwrap_err();
    assert_eq!(none, PoseError::NoKnownTag { seen: 1, wanted: vec![3] });
    let pose = estimate_pose_of(TagFamily::Aruco4x4, &sights, &board, &CAMERA).unwrap();
    let own = [TagSight { family: TagFamily::April36h11, ..sights[0].clone() }];
    assert_eq!(pose, estimate_pose(&own, &board, &CAMERA).unwrap());
    // Beside an own tag of the same number it is no second sight of it.
    assert_eq!(estimate_pose(&[own[0].clone(), sights[0].clone()], &board, &CAMERA).unwrap(), pose);
}

/// Cameras around the pair of a rack, in the frame of a base before which it stands.
fn around(
    base_from_nest: &Pose<nightshift_core::frames::Base, Nest>,
) -> Vec<Pose<nightshift_core::frames::Base, Camera>> {
    [(0.0, 0.1, 0.26), (1.6, 0.3, 0.30), (3.1, 0.3, 0.28), (-1.6, 0.3, 0.30)]
        .map(|(heading, tilt, distance)| {
            *base_from_nest * looking_at([-0.05, 0.0, 0.03], distance, heading, tilt, 0.2).inverse()
        })
        .to_vec()
}

#[test]
fn several_pictures_locate_a_board_better_than_one_and_as_well_as_they_say() {
    let base_from_nest = Pose::from_xyz_rpy([0.7, 0.1, 0.8], [0.01, -0.02, 1.1]);
    let places = around(&base_from_nest);
    let (mut one_mm, mut all_mm, mut sigmas) = (0.0, 0.0, 0.0);
    const N: u64 = 200;
    for seed in 0..N {
        let views: Vec<BoardView<_>> = places
            .iter()
            .enumerate()
            .map(|(n, place)| {
                let camera_from_nest = place.inverse() * base_from_nest;
                BoardView {
                    place: *place,
                    sights: seen(&pair(), &camera_from_nest, 0.15, seed * 10 + n as u64),
                }
            })
            .collect();
        let off = |views: &[BoardView<_>]| {
            let found = locate_board(views, &pair(), &CAMERA, &Matrix6::zeros()).unwrap();
            let off = found.pose.translation() - base_from_nest.translation();
            (off, found)
        };
        one_mm += off(&views[..1]).0.norm_squared() * 1e6 / N as f64;
        let (error, found) = off(&views);
        all_mm += error.norm_squared() * 1e6 / N as f64;
        let within = found.covariance.fixed_view::<3, 3>(0, 0).cholesky().unwrap();
        sigmas += error.dot(&within.solve(&error)) / (3.0 * N as f64);
        assert_eq!(found.tags_used, 8);
    }
    assert!(all_mm.sqrt() < 0.5 * one_mm.sqrt(), "{} and {} mm", one_mm.sqrt(), all_mm.sqrt());
    assert!((0.7..1.4).contains(&sigmas.sqrt()), "errors are {} of what is said", sigmas.sqrt());
}

/// Errors in units of what is said, root mean square over many cameras that sit aside in the hand in a way that nobody knows, and the
/// largest sigma across the vertical that was said, m.
fn aside(places: &[Pose<nightshift_core::frames::Base, Camera>], noise_px: f64) -> (f64, f64) {
    let base_from_nest = Pose::from_xyz_rpy([0.7, 0.1, 0.8], [0.01, -0.02, 1.1]);
    let sigmas = [1e-3, 1e-3, 1e-3, 4e-3, 4e-3, 4e-3];
    let mount = Matrix6::from_diagonal(&sigmas.map(|sigma| sigma * sigma).into());
    let (mut squares, mut said_m) = (0.0, 0.0f64);
    const N: u64 = 300;
    for seed in 0..N {
        let mut stream = Seed(seed).stream("mount");
        let [x, y, z, roll, pitch, yaw] =
            sigmas.map(|sigma| Normal::new(0.0, sigma).unwrap().sample(&mut stream));
        let truly = Pose::<Camera, Camera>::from_xyz_rpy([x, y, z], [roll, pitch, yaw]);
        let views: Vec<BoardView<_>> = places
            .iter()
            .enumerate()
            .map(|(n, place)| {
                let camera_from_nest = (*place * truly).inverse() * base_from_nest;
                let sights = seen(&pair(), &camera_from_nest, noise_px, seed * 10 + n as u64);
                BoardView { place: *place, sights }
            })
            .collect();
        let found = locate_board(&views, &pair(), &CAMERA, &mount).unwrap();
        let turn = found.pose.iso.rotation * base_from_nest.iso.rotation.inverse();
        let mut off = nalgebra::Vector6::zeros();
        off.fixed_rows_mut::<3>(0).copy_from(&(found.pose.translation() - base_from_nest.translation()));
        off.fixed_rows_mut::<3>(3).copy_from(&turn.scaled_axis());
        squares += off.dot(&found.covariance.cholesky().unwrap().solve(&off)) / (6.0 * N as f64);
        let place = found.covariance.fixed_view::<2, 2>(0, 0).into_owned();
        said_m = said_m.max(place.symmetric_eigenvalues().max().sqrt());
    }
    (squares.sqrt(), said_m)
}

#[test]
fn what_a_camera_sits_aside_is_in_the_covariance_and_opposite_pictures_take_it_out() {
    let base_from_nest = Pose::from_xyz_rpy([0.7, 0.1, 0.8], [0.01, -0.02, 1.1]);
    let pi = std::f64::consts::PI;
    let at = |roll: f64| base_from_nest * looking_at([-0.05, 0.0, 0.03], 0.27, 0.0, 0.05, roll).inverse();
    let (one, one_m) = aside(&[at(0.2)], 0.1);
    let (same, same_m) = aside(&[at(0.2); 2], 0.1);
    let (opposite, opposite_m) = aside(&[at(0.2), at(0.2 + pi)], 0.1);
    for (said, which) in [(one, "one"), (same, "two alike"), (opposite, "opposite")] {
        assert!((0.8..1.25).contains(&said), "{which}: errors are {said} of what is said");
    }
    assert!(same_m > 0.9 * one_m && opposite_m < 0.3 * one_m, "{one_m}, {same_m}, {opposite_m}");
}

#[test]
fn pictures_without_the_board_say_so_and_one_camera_off_its_place_is_told() {
    let base_from_nest = Pose::from_xyz_rpy([0.7, 0.1, 0.8], [0.0, 0.0, 1.1]);
    let mut views: Vec<BoardView<_>> = around(&base_from_nest)
        .into_iter()
        .map(|place| BoardView { place, sights: seen(&pair(), &(place.inverse() * base_from_nest), 0.1, 4) })
        .collect();
    views[2].sights.clear();
    assert_eq!(locate_board(&views, &pair(), &CAMERA, &Matrix6::zeros()).unwrap().tags_used, 6);
    views[1].place = views[1].place * Pose::from_xyz_rpy([0.004, 0.0, 0.0], [0.0; 3]);
    assert!(matches!(
        locate_board(&views, &pair(), &CAMERA, &Matrix6::zeros()),
        Err(PoseError::Inconsistent { .. })
    ));
    views.iter_mut().for_each(|view| view.sights.clear());
    assert!(matches!(
        locate_board(&views, &pair(), &CAMERA, &Matrix6::zeros()),
        Err(PoseError::NoKnownTag { .. })
    ));
}

#[test]
fn a_family_is_called_as_json_spells_it() {
    for family in TagFamily::ALL {
        assert_eq!(serde_json::to_value(family).unwrap(), family.name());
    }
}
