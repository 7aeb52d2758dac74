//! Scan-to-map refinement below the cell: Gauss-Newton on point-to-surface distances with a robust kernel that is
//! tightened as the fit closes in, joined with what dead reckoning says.

use crate::surface::Surfaces;
use nalgebra::{Isometry2, Matrix3, Point2, Vector2, Vector3};
use nightshift_core::frames::wrap_angle;

/// The kernel's last width: what lies off a surface by more than this hardly pulls, metres.
const KERNEL_M: f64 = 0.06;
/// The kernel's first width at most, metres.
const MAX_KERNEL_M: f64 = 0.5;
/// Spread of a point about the mapped surface: laser noise and what is left of the map's rounding, metres.
pub const POINT_SIGMA_M: f64 = 0.02;
/// Neighbouring points share part of it: this many count as one.
const POINTS_PER_FACT: f64 = 1.25;
/// What the map's own error does to the pose, as a factor on the variance of a scan whose points lie as far off the surfaces as
/// they are seen to: a misfit is error of the map as much as noise. Found in rooms of `sim/flat`. It is the same from scan to scan and
/// nearly so over metres of way, so that no number of scans averages it out.
pub const MAP_ERROR: f64 = 20.0;
/// A point this near to a surface is explained by the map, metres.
pub const EXPLAINED_M: f64 = 0.12;
/// Spread of the fit's score, metres.
const SCORE_SIGMA_M: f64 = 0.1;
/// How much a return from free space counts against the pose: people and new furniture make such too.
const SHORT_RETURN_WEIGHT: f64 = 0.5;
/// A beam that passes a surface by less than this may have grazed it, metres.
const SKIRT_M: f64 = 0.4;
/// What neighbouring points that pass a surface weigh together at most, as a share of all points.
const ONE_THING: f64 = 0.06;
/// So many points may lie between two that pass the same thing.
const GAP_POINTS: usize = 3;
const MAX_STEPS: usize = 12;

/// What is believed of a pose before a scan: mean, and the inverse of its covariance in (x, y, yaw) of the map.
#[derive(Clone, Copy, Debug)]
pub struct Prior {
    /// The pose of the base in the map.
    pub mean: Isometry2<f64>,
    /// 1/m^2, 1/rad^2.
    pub information: Matrix3<f64>,
}

/// A pose after a scan.
#[derive(Clone, Copy, Debug)]
pub struct Fit {
    /// The pose of the base in the map.
    pub pose: Isometry2<f64>,
    /// What the scan alone says, in (x, y, yaw) of the map.
    pub scan_information: Matrix3<f64>,
    /// Mean squared distance of the points from their surfaces, as the kernel weighs them, m^2.
    pub misfit_m2: f64,
    /// Share of the points that the map explains, 0 to 1; unexpected returns from free space count in part.
    pub explained: f64,
    /// Mean likelihood of the points, 0 to 1.
    pub score: f64,
}

/// Closes in on the pose that a prior and a scan's points (base frame) agree on, from `start`.
/// `reach_m`: how far the start may be off.
pub fn refine(
    surfaces: &Surfaces,
    points: &[Point2<f64>],
    prior: Option<&Prior>,
    start: &Isometry2<f64>,
    reach_m: f64,
) -> Fit {
    let mut pose = *start;
    let mut kernel = reach_m.clamp(KERNEL_M, MAX_KERNEL_M);
    let mut scan_information = Matrix3::zeros();
    let mut misfit_m2 = POINT_SIGMA_M * POINT_SIGMA_M;
    for _ in 0..MAX_STEPS {
        let (hessian, gradient, misfit) = normal_equations(surfaces, points, &pose, kernel);
        scan_information = hessian;
        misfit_m2 = misfit.unwrap_or(misfit_m2);
        let (mut h, mut g) = (hessian, gradient);
        if let Some(prior) = prior {
            h += prior.information;
            g += prior.information * difference(&prior.mean, &pose);
        }
        // A direction that neither scan nor prior holds must stay where it is.
        h += Matrix3::from_diagonal(&Vector3::new(1.0, 1.0, 1.0));
        let Some(factor) = h.cholesky() else { break };
        let step = factor.solve(&g);
        pose = Isometry2::new(
            pose.translation.vector + Vector2::new(step.x, step.y),
            wrap_angle(pose.rotation.angle() + step.z),
        );
        if kernel <= KERNEL_M && step.xy().norm() < 1e-4 && step.z.abs() < 5e-5 {
            break;
        }
        kernel = (kernel * 0.6).max(KERNEL_M);
    }
    let (explained, score) = judge(surfaces, points, &pose);
    Fit { pose, scan_information, misfit_m2, explained, score }
}

/// `a` minus `b` in (x, y, yaw).
pub fn difference(a: &Isometry2<f64>, b: &Isometry2<f64>) -> Vector3<f64> {
    let t = a.translation.vector - b.translation.vector;
    Vector3::new(t.x, t.y, wrap_angle(a.rotation.angle() - b.rotation.angle()))
}

fn normal_equations(
    surfaces: &Surfaces,
    points: &[Point2<f64>],
    pose: &Isometry2<f64>,
    kernel: f64,
) -> (Matrix3<f64>, Vector3<f64>, Option<f64>) {
    // The upper half: xx, xy, yy, xt, yt, tt.
    let mut h = [0.0; 6];
    let mut g = [0.0; 3];
    let (mut weights, mut squares) = (0.0, 0.0);
    let inverse_kernel = 1.0 / (kernel * kernel);
    let (sin, cos) = (pose.rotation.im, pose.rotation.re);
    for point in points {
        let arm = Vector2::new(cos * point.x - sin * point.y, sin * point.x + cos * point.y);
        let at = Point2::from(pose.translation.vector + arm);
        let Some(surfel) = surfaces.nearest(&at) else { continue };
        let off = surfel.point - at;
        // A surface ends: far along it the point belongs to something else.
        let weight_of = |squared: f64| {
            let w = 1.0 / (1.0 + squared * inverse_kernel);
            w * w
        };
        let mut add = |normal: Vector2<f64>, residual: f64, weight: f64| {
            // d(at)/d(yaw) is the arm turned by a quarter.
            let turn = normal.y * arm.x - normal.x * arm.y;
            weights += weight;
            squares += weight * residual * residual;
            h[0] += weight * normal.x * normal.x;
            h[1] += weight * normal.x * normal.y;
            h[2] += weight * normal.y * normal.y;
            h[3] += weight * normal.x * turn;
            h[4] += weight * normal.y * turn;
            h[5] += weight * turn * turn;
            g[0] += weight * normal.x * residual;
            g[1] += weight * normal.y * residual;
            g[2] += weight * turn * residual;
        };
        match surfel.normal {
            Some(normal) => {
                let across = normal.dot(&off);
                let along = (off.norm_squared() - across * across - surfaces.resolution_m.powi(2)).max(0.0);
                add(normal, across, weight_of(across * across + along));
            }
            None => {
                let weight = 0.5 * weight_of(off.norm_squared());
                add(Vector2::x(), off.x, weight);
                add(Vector2::y(), off.y, weight);
            }
        }
    }
    let scale = 1.0 / (POINT_SIGMA_M * POINT_SIGMA_M * POINTS_PER_FACT);
    (
        Matrix3::new(h[0], h[1], h[3], h[1], h[2], h[4], h[3], h[4], h[5]) * scale,
        Vector3::new(g[0], g[1], g[2]) * scale,
        (weights > 0.0).then(|| squares / weights),
    )
}

/// The share of points that could only be seen through a mapped surface: what speaks against a pose even where
/// something new stands all around. `eye`: the scanner (base frame).
pub fn seen_through(
    surfaces: &Surfaces,
    eye: &Point2<f64>,
    points: &[Point2<f64>],
    pose: &Isometry2<f64>,
) -> f64 {
    passing(surfaces, eye, points, pose).filter(|through| *through).count() as f64
        / points.len().max(1) as f64
}

/// The same, but neighbouring points that pass a surface pass one thing that may have been carried away: together they weigh no more
/// than [`ONE_THING`]. A wrong place looks through many things.
pub fn things_seen_through(
    surfaces: &Surfaces,
    eye: &Point2<f64>,
    points: &[Point2<f64>],
    pose: &Isometry2<f64>,
) -> f64 {
    let count = points.len().max(1) as f64;
    let (mut sum, mut run, mut gap) = (0.0, 0.0, 0);
    for through in passing(surfaces, eye, points, pose) {
        if through {
            run += 1.0;
            gap = 0;
        } else {
            gap += 1;
            if gap > GAP_POINTS {
                sum += f64::min(run / count, ONE_THING);
                run = 0.0;
            }
        }
    }
    sum + f64::min(run / count, ONE_THING)
}

/// For each point whether it could only be seen through a mapped surface.
fn passing(
    surfaces: &Surfaces,
    eye: &Point2<f64>,
    points: &[Point2<f64>],
    pose: &Isometry2<f64>,
) -> impl Iterator<Item = bool> {
    let eye = pose * eye;
    points.iter().map(move |point| {
        let end = pose * point;
        let way = end - eye;
        let length = way.norm();
        length > SKIRT_M && surfaces.is_between(&eye, &(end - way * (SKIRT_M / length)))
    })
}

/// The explained share and the mean likelihood of points at a pose.
fn judge(surfaces: &Surfaces, points: &[Point2<f64>], pose: &Isometry2<f64>) -> (f64, f64) {
    let (mut explained, mut against, mut score) = (0.0, 0.0, 0.0);
    for point in points {
        let at = pose * point;
        let squared = surfaces.nearest(&at).map_or(f64::INFINITY, |s| match s.normal {
            Some(normal) => {
                let off = s.point - at;
                let across = normal.dot(&off);
                let along = (off.norm_squared() - across * across).max(0.0).sqrt();
                across * across + (along - surfaces.resolution_m).max(0.0).powi(2)
            }
            None => (s.point - at).norm_squared(),
        });
        score += (-0.5 * squared / (SCORE_SIGMA_M * SCORE_SIGMA_M)).exp();
        if squared <= EXPLAINED_M * EXPLAINED_M {
            explained += 1.0;
        } else {
            against += if surfaces.is_free(&at) { SHORT_RETURN_WEIGHT } else { 1.0 };
        }
    }
    if points.is_empty() {
        return (0.0, 0.0);
    }
    (explained / (explained + against), score / points.len() as f64)
}
