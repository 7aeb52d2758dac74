//! Calibration of a hand: where its camera sits on the flange, from pictures of fiducials that stand still, and where a tool's
//! tip is, from flanges that hold it to one point.

mod solve;

use crate::fiducial::{PlacedTag, PoseError, TagSight};
use nalgebra::{Matrix3, Matrix6, SMatrix, SVector, Vector3};
use nightshift_core::frames::{Base, Camera, Flange, Pose};
use nightshift_core::image::Intrinsics;
use serde::{Deserialize, Serialize};

/// Fewer pictures leave nothing to tell an error by.
pub const LEAST_VIEWS: usize = 6;
/// Fewer touches leave nothing to tell an error by.
pub const LEAST_TOUCHES: usize = 5;
/// The hand must have been turned by this about each of two axes, radians (root of the mean square over pairs of pictures): turned about one
/// axis alone, a shift of the camera along it cannot be told from one of the board.
pub const LEAST_TURN_RAD: f64 = 0.14;
/// Corners that are off by more than this are not of a board that stood still before a camera that sat still, pixels.
pub const MOST_RMS_PX: f64 = 1.5;

/// One picture from one place of the hand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HandView {
    /// By the joints.
    pub base_from_flange: Pose<Base, Flange>,
    /// The tags in the picture.
    pub sights: Vec<TagSight>,
}

/// Where the camera sits, and how sure that is.
#[derive(Clone, Debug, PartialEq)]
pub struct HandEye<F> {
    /// It.
    pub flange_from_camera: Pose<Flange, Camera>,
    /// Of (x, y, z) in metres and of a small rotation (vector in radians), along the flange's axes: of pictures that are off
    /// independently, whatever their corners share.
    pub covariance: Matrix6<f64>,
    /// Where the board stood.
    pub base_from_board: Pose<Base, F>,
    /// Root of the mean squared distance between seen and expected corners, pixels.
    pub rms_px: f64,
    /// From expected to seen corners of each picture, pixels; none where it did not serve.
    pub residuals: Vec<Option<Vec<[f64; 2]>>>,
    /// How far the hand was turned about its second axis, radians; see [`LEAST_TURN_RAD`].
    pub turn_rad: f64,
}

/// Where a tool's tip is.
#[derive(Clone, Debug, PartialEq)]
pub struct Tip {
    /// In the flange's frame, metres.
    pub in_flange: Vector3<f64>,
    /// The point that was touched, in the base's frame, metres.
    pub in_base: Vector3<f64>,
    /// Of the tip in the flange's frame, m^2.
    pub covariance: Matrix3<f64>,
    /// From the point to the tip at each touch, metres.
    pub residuals: Vec<Vector3<f64>>,
}

/// Why there is no calibration.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CalibrateError {
    /// Too few that serve.
    #[error("{usable} of {given} pictures or touches serve, it takes {least}{}", .why.as_ref().map_or_else(String::new, |why| format!("; the last that does not: {why}")))]
    TooFew {
        /// That serve.
        usable: usize,
        /// In all.
        given: usize,
        /// That it takes.
        least: usize,
        /// Why the last one that does not serve does not.
        why: Option<PoseError>,
    },
    /// The hand was turned too little, or about one axis only.
    #[error(
        "the hand was turned by {:.1} deg about its second axis, it takes {:.1} deg: turn it about two axes", .turn_rad.to_degrees(), LEAST_TURN_RAD.to_degrees()
    )]
    Degenerate {
        /// Root of the mean square over pairs, about the second axis.
        turn_rad: f64,
    },
    /// What was seen fits no place of the camera.
    #[error(
        "the corners are off by {rms_px:.2} px, allowed are {MOST_RMS_PX} px: something moved, or is described wrongly; the worst is picture {worst}"
    )]
    Inconsistent {
        /// Root of the mean squared distance.
        rms_px: f64,
        /// Counted from 0.
        worst: usize,
    },
    /// A number is not finite, or the sums have no solution.
    #[error("the numbers have no solution")]
    Unsolvable,
}

/// Where the camera sits on the flange: `A X = X B` over pairs of pictures for a start (F. C. Park, B. J. Martin, "Robot sensor calibration:
/// solving AX = XB on the Euclidean group", IEEE Trans. Robotics and Automation 10, 1994), then the least squared distance of all
/// corners over the places of camera and board together.
///
/// # Errors
/// [`CalibrateError`]: too few pictures, a hand that was not turned enough, corners that fit nothing.
pub fn hand_eye<F>(
    views: &[HandView],
    board: &[PlacedTag<F>],
    lens: &Intrinsics,
) -> Result<HandEye<F>, CalibrateError> {
    let start = solve::start(views, board, lens)?;
    let fit = solve::refine(views, &start, board, lens).ok_or(CalibrateError::Unsolvable)?;
    if fit.rms_px.is_nan() || fit.rms_px > MOST_RMS_PX {
        let size = |corners: &Option<Vec<[f64; 2]>>| {
            corners.iter().flatten().map(|[u, v]| u.hypot(*v)).fold(0.0, f64::max)
        };
        let worst =
            (0..views.len()).max_by(|a, b| size(&fit.residuals[*a]).total_cmp(&size(&fit.residuals[*b])));
        return Err(CalibrateError::Inconsistent { rms_px: fit.rms_px, worst: worst.unwrap_or(0) });
    }
    Ok(HandEye {
        flange_from_camera: Pose::new(fit.flange_from_camera),
        covariance: fit.covariance,
        base_from_board: Pose::new(fit.base_from_board),
        rms_px: fit.rms_px,
        residuals: fit.residuals,
        turn_rad: start.turn_rad,
    })
}

/// Where a tool's tip is that was held to one point from several sides: `R t + p = c` for each flange `(R, p)`, linear in the tip `t`
/// and the point `c`.
///
/// # Errors
/// [`CalibrateError`]: too few touches, a hand that was not turned enough.
pub fn tip(touches: &[Pose<Base, Flange>]) -> Result<Tip, CalibrateError> {
    let given = touches.len();
    if given < LEAST_TOUCHES {
        return Err(CalibrateError::TooFew { usable: given, given, least: LEAST_TOUCHES, why: None });
    }
    let turn_rad = solve::turned(touches.iter().map(|pose| pose.iso.rotation));
    if turn_rad < LEAST_TURN_RAD {
        return Err(CalibrateError::Degenerate { turn_rad });
    }
    let (mut normal, mut right) = (SMatrix::<f64, 6, 6>::zeros(), SVector::<f64, 6>::zeros());
    let row = |pose: &Pose<Base, Flange>| {
        let mut row = SMatrix::<f64, 3, 6>::zeros();
        row.fixed_columns_mut::<3>(0).copy_from(pose.iso.rotation.to_rotation_matrix().matrix());
        row.fixed_columns_mut::<3>(3).copy_from(&-Matrix3::identity());
        row
    };
    for pose in touches {
        normal += row(pose).transpose() * row(pose);
        right -= row(pose).transpose() * pose.translation();
    }
    let solver = normal.cholesky().ok_or(CalibrateError::Unsolvable)?;
    let found = solver.solve(&right);
    let residuals: Vec<Vector3<f64>> =
        touches.iter().map(|pose| row(pose) * found + pose.translation()).collect();
    let squares: f64 = residuals.iter().map(Vector3::norm_squared).sum();
    let variance = squares / (3 * given - 6) as f64;
    Ok(Tip {
        in_flange: found.fixed_rows::<3>(0).into(),
        in_base: found.fixed_rows::<3>(3).into(),
        covariance: solver.inverse().fixed_view::<3, 3>(0, 0) * variance,
        residuals,
    })
}

#[cfg(test)]
mod tests;
