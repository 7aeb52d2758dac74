//! The start from pairs of pictures, and the least squared distance of corners from there.

use super::{CalibrateError, HandView, LEAST_TURN_RAD, LEAST_VIEWS};
use crate::fiducial::{PlacedTag, PoseError, TagFamily, estimate_pose};
use nalgebra::{
    Isometry3, Matrix2x3, Matrix3, Matrix6, Point3, Rotation3, SMatrix, SVector, UnitQuaternion, Vector2,
    Vector3,
};
use nightshift_core::image::Intrinsics;

/// Where to begin.
pub(super) struct Start {
    flange_from_camera: Isometry3<f64>,
    base_from_board: Isometry3<f64>,
    /// Pictures that show the board.
    used: Vec<bool>,
    /// See [`LEAST_TURN_RAD`].
    pub turn_rad: f64,
}

/// The least squares.
pub(super) struct Fit {
    pub flange_from_camera: Isometry3<f64>,
    pub base_from_board: Isometry3<f64>,
    pub covariance: Matrix6<f64>,
    pub rms_px: f64,
    pub residuals: Vec<Option<Vec<[f64; 2]>>>,
}

/// How far rotations are apart about the second of their common axes: root of the mean square over all pairs, radians.
pub(super) fn turned(rotations: impl Iterator<Item = UnitQuaternion<f64>>) -> f64 {
    let rotations: Vec<UnitQuaternion<f64>> = rotations.collect();
    let (mut sum, mut pairs) = (Matrix3::zeros(), 0.0);
    for (index, a) in rotations.iter().enumerate() {
        for b in &rotations[index + 1..] {
            let turn = (a.inverse() * b).scaled_axis();
            sum += turn * turn.transpose();
            pairs += 1.0;
        }
    }
    let mut parts: Vec<f64> = (sum / f64::max(pairs, 1.0)).symmetric_eigenvalues().iter().copied().collect();
    parts.sort_by(f64::total_cmp);
    parts[1].max(0.0).sqrt()
}

pub(super) fn start<F>(
    views: &[HandView],
    board: &[PlacedTag<F>],
    lens: &Intrinsics,
) -> Result<Start, CalibrateError> {
    let mut why: Option<PoseError> = None;
    let seen: Vec<_> = views
        .iter()
        .map(|view| estimate_pose(&view.sights, board, lens).map_err(|error| why = Some(error)).ok())
        .collect();
    // A picture that has two explanations starts nothing, and counts afterwards.
    let sure: Vec<(Isometry3<f64>, Isometry3<f64>)> = views
        .iter()
        .zip(&seen)
        .filter_map(|(view, seen)| {
            let seen = seen.as_ref().filter(|seen| !seen.ambiguous)?;
            Some((view.base_from_flange.iso, seen.camera_from_board.iso))
        })
        .collect();
    if sure.len() < LEAST_VIEWS {
        let (usable, given) = (sure.len(), views.len());
        return Err(CalibrateError::TooFew { usable, given, least: LEAST_VIEWS, why });
    }
    let turn_rad = turned(sure.iter().map(|(base_from_flange, _)| base_from_flange.rotation));
    if turn_rad < LEAST_TURN_RAD {
        return Err(CalibrateError::Degenerate { turn_rad });
    }
    let mut pairs = Vec::new();
    for (index, first) in sure.iter().enumerate() {
        for second in &sure[index + 1..] {
            pairs.push((first.0.inv_mul(&second.0), first.1 * second.1.inverse()));
        }
    }
    // log(A) = R log(B) in the least squares: Wahba's problem, solved by the singular values.
    let sum = pairs.iter().fold(Matrix3::zeros(), |sum, (a, b)| {
        sum + a.rotation.scaled_axis() * b.rotation.scaled_axis().transpose()
    });
    let svd = sum.svd(true, true);
    let (u, v_t) = svd.u.zip(svd.v_t).ok_or(CalibrateError::Unsolvable)?;
    let mirror = Matrix3::from_diagonal(&Vector3::new(1.0, 1.0, (u * v_t).determinant().signum()));
    let rotation = Rotation3::from_matrix_unchecked(u * mirror * v_t);
    let (mut normal, mut right) = (Matrix3::zeros(), Vector3::zeros());
    for (a, b) in &pairs {
        let rows = a.rotation.to_rotation_matrix().matrix() - Matrix3::identity();
        normal += rows.transpose() * rows;
        right += rows.transpose() * (rotation * b.translation.vector - a.translation.vector);
    }
    let shift = normal.cholesky().ok_or(CalibrateError::Unsolvable)?.solve(&right);
    let flange_from_camera =
        Isometry3::from_parts(shift.into(), UnitQuaternion::from_rotation_matrix(&rotation));
    let base_from_board = sure[0].0 * flange_from_camera * sure[0].1;
    let used = seen.iter().map(Option::is_some).collect();
    Ok(Start { flange_from_camera, base_from_board, used, turn_rad })
}

struct Linear {
    squares: f64,
    numbers: usize,
    normal: SMatrix<f64, 12, 12>,
    right: SVector<f64, 12>,
    /// The part of each picture that served in both.
    parts: Vec<(SMatrix<f64, 12, 12>, SVector<f64, 12>)>,
    residuals: Vec<Option<Vec<[f64; 2]>>>,
}

impl Linear {
    /// The covariance by leaving out one picture after the other (the jackknife: B. Efron, C. Stein, "The jackknife estimate of
    /// variance", Annals of Statistics 9, 1981), each time by one step of Gauss and Newton from the solution. Corners of one picture are off
    /// together, by how a tag is printed and lit and by how the arm stood, so that their scatter alone tells too little.
    fn left_out(&self) -> Option<SMatrix<f64, 12, 12>> {
        let mut sum = SMatrix::zeros();
        for (normal, right) in &self.parts {
            let step = (self.normal - normal).cholesky()?.solve(right);
            sum += step * step.transpose();
        }
        let count = self.parts.len() as f64;
        Some(sum * (count - 1.0) / count)
    }
}

const STEPS: usize = 100;

/// Levenberg-Marquardt. None where a corner lies behind the camera at the start, or nothing is fixed.
pub(super) fn refine<F>(
    views: &[HandView],
    start: &Start,
    board: &[PlacedTag<F>],
    lens: &Intrinsics,
) -> Option<Fit> {
    let (mut eye, mut place) = (start.flange_from_camera, start.base_from_board);
    let mut at = linearise(views, &start.used, &eye, &place, board, lens)?;
    let mut damping = 1e-4;
    for _ in 0..STEPS {
        let mut damped = at.normal;
        (0..12).for_each(|i| damped[(i, i)] *= 1.0 + damping);
        let Some(step) = damped.cholesky().map(|solver| solver.solve(&at.right)) else { break };
        let moved = |pose: &Isometry3<f64>, from: usize| {
            let (shift, turn) = (step.fixed_rows::<3>(from), step.fixed_rows::<3>(from + 3));
            Isometry3::from_parts(
                (pose.translation.vector + shift).into(),
                UnitQuaternion::from_scaled_axis(turn.into_owned()) * pose.rotation,
            )
        };
        let (next_eye, next_place) = (moved(&eye, 0), moved(&place, 6));
        let there = linearise(views, &start.used, &next_eye, &next_place, board, lens);
        match there.filter(|there| there.squares <= at.squares) {
            Some(there) => {
                let gain = at.squares - there.squares;
                (eye, place, at) = (next_eye, next_place, there);
                damping = (damping * 0.1).max(1e-12);
                if gain <= 1e-12 * at.squares || step.norm() < 1e-12 {
                    break;
                }
            }
            None if damping < 1e8 => damping *= 10.0,
            None => break,
        }
    }
    let covariance = at.left_out()?.fixed_view::<6, 6>(0, 0).into_owned();
    eye.rotation.renormalize();
    place.rotation.renormalize();
    Some(Fit {
        flange_from_camera: eye,
        base_from_board: place,
        covariance,
        rms_px: (2.0 * at.squares / at.numbers as f64).sqrt(),
        residuals: at.residuals,
    })
}

/// Over small moves of camera and board: shift along, then turn about, the axes of the flange and of the base.
fn linearise<F>(
    views: &[HandView],
    used: &[bool],
    flange_from_camera: &Isometry3<f64>,
    base_from_board: &Isometry3<f64>,
    board: &[PlacedTag<F>],
    lens: &Intrinsics,
) -> Option<Linear> {
    let (normal, right) = (SMatrix::zeros(), SVector::zeros());
    let (parts, residuals) = (Vec::new(), Vec::new());
    let mut sum = Linear { squares: 0.0, numbers: 0, normal, right, parts, residuals };
    let camera = flange_from_camera.rotation.inverse().to_rotation_matrix();
    for (view, used) in views.iter().zip(used) {
        if !used {
            sum.residuals.push(None);
            continue;
        }
        let flange_from_base = view.base_from_flange.iso.inverse();
        let base = camera * flange_from_base.rotation.to_rotation_matrix();
        let (mut off, mut part) = (Vec::new(), (SMatrix::zeros(), SVector::zeros()));
        for sight in &view.sights {
            let own = sight.family == TagFamily::April36h11;
            let Some(tag) = board.iter().find(|tag| own && tag.id == sight.id) else { continue };
            for (corner, pixel) in tag.corners().into_iter().zip(sight.corners) {
                let arm = base_from_board.rotation * corner.coords;
                let in_flange = flange_from_base * Point3::from(arm + base_from_board.translation.vector);
                let from_eye = in_flange.coords - flange_from_camera.translation.vector;
                let x = camera * from_eye;
                if x.z < 1e-3 {
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
                let mut jacobian = SMatrix::<f64, 2, 12>::zeros();
                let by_eye = projection * camera.matrix();
                let by_board = projection * base.matrix();
                jacobian.fixed_columns_mut::<3>(0).copy_from(&-by_eye);
                jacobian.fixed_columns_mut::<3>(3).copy_from(&(by_eye * from_eye.cross_matrix()));
                jacobian.fixed_columns_mut::<3>(6).copy_from(&by_board);
                jacobian.fixed_columns_mut::<3>(9).copy_from(&(-by_board * arm.cross_matrix()));
                let error = Vector2::from(pixel) - expected;
                sum.squares += error.norm_squared();
                sum.numbers += 2;
                part.0 += jacobian.transpose() * jacobian;
                part.1 += jacobian.transpose() * error;
                off.push(error.into());
            }
        }
        sum.normal += part.0;
        sum.right += part.1;
        sum.parts.push(part);
        sum.residuals.push(Some(off));
    }
    sum.squares.is_finite().then_some(sum)
}
