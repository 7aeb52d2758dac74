//! The pose that leaves the least squared distance between seen and expected corners.

use nalgebra::{
    Isometry3, Matrix2x3, Matrix2x6, Matrix3, Matrix6, Point3, UnitQuaternion, Vector2, Vector3, Vector6,
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

fn linearise(pose: &Isometry3<f64>, corners: &[Corner], lens: &Intrinsics) -> Option<Linear> {
    let mut sum = Linear { squares: 0.0, normal: Matrix6::zeros(), right: Vector6::zeros() };
    for corner in corners {
        let arm: Vector3<f64> = pose.rotation * corner.board.coords;
        let camera = corner.camera_from_frame.rotation.to_rotation_matrix();
        let x = corner.camera_from_frame * Point3::from(arm + pose.translation.vector);
        if x.z < NEAREST_M {
            return None;
        }
        let seen = Vector2::from(corner.pixel);
        let expected = Vector2::new(lens.fx * x.x / x.z + lens.cx, lens.fy * x.y / x.z + lens.cy);
        let projection = Matrix2x3::new(
            lens.fx / x.z,
            0.0,
            -lens.fx * x.x / (x.z * x.z),
            0.0,
            lens.fy / x.z,
            -lens.fy * x.y / (x.z * x.z),
        ) * camera.matrix();
        let cross = Matrix3::new(0.0, arm.z, -arm.y, -arm.z, 0.0, arm.x, arm.y, -arm.x, 0.0);
        let mut jacobian = Matrix2x6::zeros();
        jacobian.fixed_columns_mut::<3>(0).copy_from(&projection);
        jacobian.fixed_columns_mut::<3>(3).copy_from(&(projection * cross));
        let error = seen - expected;
        sum.squares += error.norm_squared();
        sum.normal += jacobian.transpose() * jacobian;
        sum.right += jacobian.transpose() * error;
    }
    sum.squares.is_finite().then_some(sum)
}
