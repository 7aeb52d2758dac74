//! The pose that leaves the least squared distance between seen and expected corners.

use nalgebra::{
    Isometry3, Matrix2x3, Matrix2x6, Matrix6, Point3, SMatrix, SVector, UnitQuaternion, Vector2, Vector3,
    Vector6,
};
use nightshift_core::image::Intrinsics;

/// A corner of the board and where it was seen.
pub(super) struct Corner {
    /// In the board's frame, metres.
    pub board: Point3<f64>,
    /// Pixels.
    pub pixel: [f64; 2],
    /// Where the camera was that saw it: what brings the frame in which the pose is sought to the camera's.
    pub camera_from_frame: Isometry3<f64>,
}

/// A local minimum.
pub(super) struct Fit {
    /// The board's frame in the one in which it was sought.
    pub frame_from_board: Isometry3<f64>,
    /// Root of the mean squared distance over the corners, pixels.
    pub rms_px: f64,
    /// The normal matrix there: of translation, then rotation, along the axes of the frame in which it was sought.
    normal: Matrix6<f64>,
    numbers: usize,
}

impl Fit {
    /// Of translation and rotation, from the scatter of the corners, which counts as at least `sigma_px` along an
    /// axis. None where the corners do not fix the pose.
    pub fn covariance(&self, sigma_px: f64) -> Option<Matrix6<f64>> {
        let squares = self.rms_px * self.rms_px * self.numbers as f64 / 2.0;
        let variance = (squares / (self.numbers - 6) as f64).max(sigma_px * sigma_px);
        let covariance = self.normal.cholesky()?.inverse() * variance;
        covariance.iter().all(|v| v.is_finite()).then_some(covariance)
    }
}

struct Linear {
    squares: f64,
    normal: Matrix6<f64>,
    right: Vector6<f64>,
}

/// Nearer than this a corner is not in front of the camera, metres.
const NEAREST_M: f64 = 1e-3;
const STEPS: usize = 100;
/// It starts so near that each round squares what is left.
const ROUNDS: usize = 20;

/// Levenberg-Marquardt from `start`. None where a corner lies behind the camera there.
pub(super) fn refine(start: &Isometry3<f64>, corners: &[Corner], camera: &Intrinsics) -> Option<Fit> {
    let mut pose = *start;
    let mut at = linearise(&pose, corners, camera)?;
    let mut damping = 1e-4;
    for _ in 0..STEPS {
        let mut damped = at.normal;
        for i in 0..6 {
            damped[(i, i)] *= 1.0 + damping;
        }
        let Some(step) = damped.cholesky().map(|c| c.solve(&at.right)) else { break };
        let (shift, turn) = (step.fixed_rows::<3>(0).into_owned(), step.fixed_rows::<3>(3).into_owned());
        let moved = Isometry3::from_parts(
            (pose.translation.vector + shift).into(),
            UnitQuaternion::from_scaled_axis(turn) * pose.rotation,
        );
        match linearise(&moved, corners, camera).filter(|there| there.squares <= at.squares) {
            Some(there) => {
                let gain = at.squares - there.squares;
                (pose, at) = (moved, there);
                damping = (damping * 0.1).max(1e-12);
                if gain <= 1e-12 * at.squares || step.norm() < 1e-12 {
                    break;
                }
            }
            None if damping < 1e8 => damping *= 10.0,
            None => break,
        }
    }
    pose.rotation.renormalize();
    let rms_px = (at.squares / corners.len() as f64).sqrt();
    Some(Fit { frame_from_board: pose, rms_px, normal: at.normal, numbers: 2 * corners.len() })
}

/// As [`Fit`], with where the camera truly sits in the hand sought beside the pose.
pub(super) struct SharedFit {
    pub frame_from_board: Isometry3<f64>,
    pub rms_px: f64,
    /// Of translation and rotation along the axes of the frame in which it was sought.
    pub covariance: Matrix6<f64>,
}

/// From a pose that was found as if the camera sat where it is said to: the most likely pose and the most likely mount together, of
/// corners that scatter by `sigma_px` at least and of a mount that is off by its covariance `mount`, of (x, y, z) and a small rotation along
/// the camera's axes, the same in all pictures (Gauss-Newton; the mount in units of its own sigmas, so that one that is known exactly
/// needs no inverse). None where nothing fixes the pose.
pub(super) fn refine_shared(
    start: &Isometry3<f64>,
    corners: &[Corner],
    lens: &Intrinsics,
    mount: &Matrix6<f64>,
    sigma_px: f64,
) -> Option<SharedFit> {
    let parts = mount.symmetric_eigen();
    let root =
        parts.eigenvectors * Matrix6::from_diagonal(&parts.eigenvalues.map(|part| part.max(0.0).sqrt()));
    let numbers = (2 * corners.len()) as f64;
    let (mut pose, mut aside) = (*start, Vector6::zeros());
    let mut solved = None;
    for _ in 0..ROUNDS {
        let off: Vector6<f64> = root * aside;
        let (shift, turn) = (off.fixed_rows::<3>(0).into_owned(), off.fixed_rows::<3>(3).into_owned());
        let truly = Isometry3::from_parts(shift.into(), UnitQuaternion::from_scaled_axis(turn)).inverse();
        let (mut normal, mut right, mut squares) =
            (SMatrix::<f64, 12, 12>::zeros(), SVector::<f64, 12>::zeros(), 0.0);
        for corner in corners {
            let camera_from_frame = truly * corner.camera_from_frame;
            let row = Row::of(&pose, &Corner { camera_from_frame, ..*corner }, lens)?;
            let mut by_mount = Matrix2x6::zeros();
            by_mount.fixed_columns_mut::<3>(0).copy_from(&-row.projection);
            by_mount.fixed_columns_mut::<3>(3).copy_from(&(row.projection * row.in_camera.cross_matrix()));
            let mut jacobian = SMatrix::<f64, 2, 12>::zeros();
            jacobian.fixed_columns_mut::<6>(0).copy_from(&row.jacobian);
            jacobian.fixed_columns_mut::<6>(6).copy_from(&(by_mount * root));
            squares += row.error.norm_squared();
            normal += jacobian.transpose() * jacobian;
            right += jacobian.transpose() * row.error;
        }
        let variance = (squares / (numbers - 6.0)).max(sigma_px * sigma_px);
        (normal, right) = (normal / variance, right / variance);
        for own in 0..6 {
            normal[(6 + own, 6 + own)] += 1.0;
            right[6 + own] -= aside[own];
        }
        let solver = normal.cholesky()?;
        let step = solver.solve(&right);
        pose = Isometry3::from_parts(
            (pose.translation.vector + step.fixed_rows::<3>(0)).into(),
            UnitQuaternion::from_scaled_axis(step.fixed_rows::<3>(3).into_owned()) * pose.rotation,
        );
        aside += step.fixed_rows::<6>(6);
        solved = Some((solver.inverse().fixed_view::<6, 6>(0, 0).into_owned(), squares));
        if step.norm() < 1e-9 {
            break;
        }
    }
    let (covariance, squares) = solved?;
    pose.rotation.renormalize();
    let rms_px = (2.0 * squares / numbers).sqrt();
    let sound = squares.is_finite() && covariance.iter().all(|v| v.is_finite());
    sound.then_some(SharedFit { frame_from_board: pose, rms_px, covariance })
}

/// One corner about a pose.
struct Row {
    /// In the camera's frame, metres.
    in_camera: Vector3<f64>,
    /// What a move of the corner along the camera's axes does to its pixel.
    projection: Matrix2x3<f64>,
    /// What a move of the board does to it: shift along, then turn about, the axes of the frame in which it is sought.
    jacobian: Matrix2x6<f64>,
    /// From the expected to the seen pixel.
    error: Vector2<f64>,
}

impl Row {
    fn of(pose: &Isometry3<f64>, corner: &Corner, lens: &Intrinsics) -> Option<Self> {
        let arm: Vector3<f64> = pose.rotation * corner.board.coords;
        let camera = corner.camera_from_frame.rotation.to_rotation_matrix();
        let x = corner.camera_from_frame * Point3::from(arm + pose.translation.vector);
        if x.z < NEAREST_M {
            return None;
        }
        let expected = Vector2::new(lens.fx * x.x / x.z + lens.cx, lens.fy * x.y / x.z + lens.cy);
        let projection = Matrix2x3::new(
            lens.fx / x.z,
            0.0,
            -lens.fx * x.x / (x.z * x.z),
            0.0,
            lens.fy / x.z,
            -lens.fy * x.y / (x.z * x.z),
        );
        let by_board = projection * camera.matrix();
        let mut jacobian = Matrix2x6::zeros();
        jacobian.fixed_columns_mut::<3>(0).copy_from(&by_board);
        jacobian.fixed_columns_mut::<3>(3).copy_from(&(by_board * -arm.cross_matrix()));
        let error = Vector2::from(corner.pixel) - expected;
        Some(Self { in_camera: x.coords, projection, jacobian, error })
    }
}

fn linearise(pose: &Isometry3<f64>, corners: &[Corner], lens: &Intrinsics) -> Option<Linear> {
    let mut sum = Linear { squares: 0.0, normal: Matrix6::zeros(), right: Vector6::zeros() };
    for corner in corners {
        let Row { jacobian, error, .. } = Row::of(pose, corner, lens)?;
        sum.squares += error.norm_squared();
        sum.normal += jacobian.transpose() * jacobian;
        sum.right += jacobian.transpose() * error;
    }
    sum.squares.is_finite().then_some(sum)
}
