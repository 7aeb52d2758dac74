use super::*;
use nalgebra::{Isometry3, UnitQuaternion};
use nightshift_core::frames::Nest;
use nightshift_core::random::Seed;
use rand_distr::{Distribution, Normal};

const CAMERA: Intrinsics = Intrinsics { width: 640, height: 480, fx: 600.0, fy: 600.0, cx: 319.5, cy: 239.5 };

fn board() -> Vec<PlacedTag<Nest>> {
    [(10, 0.07), (11, -0.07)]
        .map(|(id, y)| PlacedTag {
            id,
            size_m: 0.024,
            pose: Pose::from_xyz_rpy([-0.05, y, 0.03], [0.0, 0.0, 0.4]),
        })
        .to_vec()
}

fn camera() -> Pose<Flange, Camera> {
    Pose::from_xyz_rpy([0.06, -0.01, 0.04], [0.03, -0.02, 1.5])
}

fn place() -> Pose<Base, Nest> {
    Pose::from_xyz_rpy([0.6, 0.1, 0.8], [0.0, 0.01, 1.1])
}

/// Pictures from around the board, tilted by up to `tilt` and turned by up to `roll`.
fn views(count: usize, tilt: f64, roll: f64, noise_px: f64, seed: u64) -> Vec<HandView> {
    let mut stream = Seed(seed).stream("views");
    let normal = Normal::new(0.0, noise_px).unwrap();
    (0..count)
        .map(|n| {
            let share = n as f64 / count as f64;
            let (sin, cos) = (share * std::f64::consts::TAU * 2.0).sin_cos();
            let turn = UnitQuaternion::from_euler_angles(
                std::f64::consts::PI + tilt * sin,
                tilt * cos,
                roll * (2.0 * share - 1.0),
            );
            let middle = place().point(&[-0.05, 0.0, 0.03].into());
            let eye = middle.coords - turn * Vector3::new(0.0, 0.0, 0.28 + 0.04 * cos);
            let base_from_camera = Pose::<Base, Camera>::new(Isometry3::from_parts(eye.into(), turn));
            let camera_from_board = base_from_camera.inverse() * place();
            let sights = board()
                .iter()
                .map(|tag| TagSight {
                    family: crate::fiducial::TagFamily::April36h11,
                    id: tag.id,
                    corners: tag.corners().map(|corner| {
                        let x = camera_from_board.point(&corner);
                        let at = [CAMERA.fx * x.x / x.z + CAMERA.cx, CAMERA.fy * x.y / x.z + CAMERA.cy];
                        at.map(|v| v + normal.sample(&mut stream))
                    }),
                })
                .collect();
            HandView { base_from_flange: base_from_camera * camera().inverse(), sights }
        })
        .collect()
}

#[test]
fn exact_pictures_give_the_exact_camera_and_noisy_ones_are_off_by_what_they_say() {
    let exact = hand_eye(&views(12, 0.35, 1.2, 0.0, 1), &board(), &CAMERA).unwrap();
    assert!((exact.flange_from_camera.translation() - camera().translation()).norm() < 1e-7);
    assert!(exact.flange_from_camera.iso.rotation.angle_to(&camera().iso.rotation) < 1e-7);
    assert!((exact.base_from_board.translation() - place().translation()).norm() < 1e-7);
    let (said, worst_mm) = off_by(0.15, 0.0);
    assert!((0.8..1.25).contains(&said), "{said}");
    assert!(worst_mm < 1.0, "{worst_mm}");
    // All corners of a picture are off together, as where the arm stands a little elsewhere than it says.
    let (said, _) = off_by(0.1, 0.4);
    assert!((0.7..1.3).contains(&said), "{said}");
}

/// The camera's error in units of what is said (root mean square), and the largest, mm, over many calibrations with corners that are
/// off by so much each, and by so much all together in a picture, pixels.
fn off_by(each_px: f64, together_px: f64) -> (f64, f64) {
    let (mut squares, mut worst_mm) = (0.0, 0.0f64);
    const N: u64 = 100;
    for seed in 0..N {
        let mut stream = Seed(seed).stream("together");
        let normal = Normal::new(0.0, together_px).unwrap();
        let mut views = views(20, 0.35, 1.2, each_px, seed);
        for view in &mut views {
            let shift = [normal.sample(&mut stream), normal.sample(&mut stream)];
            let corners = view.sights.iter_mut().flat_map(|sight| &mut sight.corners);
            corners.for_each(|corner| (0..2).for_each(|axis| corner[axis] += shift[axis]));
        }
        let found = hand_eye(&views, &board(), &CAMERA).unwrap();
        let off = found.flange_from_camera.translation() - camera().translation();
        let within = found.covariance.fixed_view::<3, 3>(0, 0).cholesky().unwrap();
        squares += off.dot(&within.solve(&off)) / (3.0 * N as f64);
        worst_mm = worst_mm.max(off.norm() * 1e3);
    }
    (squares.sqrt(), worst_mm)
}

#[test]
fn too_little_is_refused_with_what_it_takes() {
    let all = views(12, 0.35, 1.2, 0.1, 1);
    let error = hand_eye(&all[..5], &board(), &CAMERA).unwrap_err();
    assert!(matches!(error, CalibrateError::TooFew { usable: 5, given: 5, .. }), "{error}");
    // Turned about the camera's own axis only.
    let flat = hand_eye(&views(12, 0.02, 1.2, 0.1, 1), &board(), &CAMERA).unwrap_err();
    assert!(flat.to_string().contains("two axes") || matches!(flat, CalibrateError::TooFew { .. }), "{flat}");
    let still = hand_eye(&vec![all[0].clone(); 8], &board(), &CAMERA).unwrap_err();
    assert!(matches!(still, CalibrateError::Degenerate { .. }), "{still}");
    let mut blind = all.clone();
    blind.iter_mut().skip(4).for_each(|view| view.sights.clear());
    let error = hand_eye(&blind, &board(), &CAMERA).unwrap_err();
    assert!(error.to_string().contains("4 of 12") && error.to_string().contains("none of the"), "{error}");
}

#[test]
fn a_board_that_was_pushed_is_told_with_the_picture() {
    let mut all = views(12, 0.35, 1.2, 0.1, 1);
    all[7].base_from_flange = Pose::from_xyz_rpy([0.02, 0.0, 0.0], [0.0; 3]).on(&all[7].base_from_flange);
    let error = hand_eye(&all, &board(), &CAMERA).unwrap_err();
    assert!(matches!(error, CalibrateError::Inconsistent { worst: 7, .. }), "{error}");
}

trait On {
    fn on(&self, pose: &Pose<Base, Flange>) -> Pose<Base, Flange>;
}

impl On for Pose<Base, Base> {
    fn on(&self, pose: &Pose<Base, Flange>) -> Pose<Base, Flange> {
        *self * *pose
    }
}

#[test]
fn a_tip_is_where_all_touches_meet() {
    let (tip_m, point) = (Vector3::new(0.01, -0.02, 0.18), Vector3::new(0.5, 0.2, 0.7));
    let touches = |tilt: f64| -> Vec<Pose<Base, Flange>> {
        (0..8)
            .map(|n| {
                let (sin, cos) = (f64::from(n) * 0.8).sin_cos();
                let turn =
                    UnitQuaternion::from_euler_angles(3.0 + tilt * sin, tilt * cos, f64::from(n) * 0.3);
                let off = Vector3::new(sin, cos, sin * cos) * 1e-5;
                Pose::new(Isometry3::from_parts((point + off - turn * tip_m).into(), turn))
            })
            .collect()
    };
    let found = tip(&touches(0.4)).unwrap();
    assert!((found.in_flange - tip_m).norm() < 5e-5 && (found.in_base - point).norm() < 5e-5, "{found:?}");
    assert!(found.residuals.iter().all(|off| off.norm() < 3e-5));
    assert!(found.covariance.trace().sqrt() < 5e-5);
    assert!(matches!(tip(&touches(0.4)[..4]), Err(CalibrateError::TooFew { .. })));
    assert!(matches!(tip(&touches(0.0)), Err(CalibrateError::Degenerate { .. })));
}
