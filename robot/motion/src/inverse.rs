//! Inverse kinematics by damped least squares (Levenberg-Marquardt with the damping scaled by the error, after
//! T. Sugihara, IEEE Trans. Robotics 27, 2011), with the joint limits inside the solver and many starts.

use crate::chain::{Chain, JointLimits};
use nalgebra::{Isometry3, Matrix6, Vector6};
use nightshift_core::random::Seed;
use rand::Rng;

/// How near a solution must come, metres and radians. What is offered is checked again at 1e-6.
const TOLERANCE: f64 = 1e-9;
/// Metres that weigh as much as a radian: about the length of a gripper and a hand.
const ROTATION_WEIGHT: f64 = 0.3;
const ITERATIONS: usize = 60;
/// The largest change of a joint in one step, radians.
const STEP: f64 = 0.6;

/// Where a descent ended.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    pub(crate) q: Vec<f64>,
    /// Metres from the goal.
    pub(crate) distance: f64,
    /// Radians from the goal.
    pub(crate) angle: f64,
}

impl Attempt {
    pub(crate) fn is_solution(&self) -> bool {
        self.distance <= 1e-6 && self.angle <= 1e-6
    }

    fn error(&self) -> f64 {
        self.distance.powi(2) + (ROTATION_WEIGHT * self.angle).powi(2)
    }
}

/// Brings what is rigid with the flange at `flange_from_end` to a goal in the base's frame.
pub(crate) struct Solver<'a> {
    pub(crate) chain: &'a Chain,
    pub(crate) limits: &'a [JointLimits],
    pub(crate) flange_from_end: Isometry3<f64>,
}

impl Solver<'_> {
    /// One descent. Ends at a solution, or where the error does not fall any more.
    pub(crate) fn descend(&self, goal: &Isometry3<f64>, start: &[f64]) -> Attempt {
        let mut q: Vec<f64> =
            start.iter().zip(self.limits).map(|(p, limit)| p.clamp(limit.lower, limit.upper)).collect();
        let mut frames = self.chain.frames(&q);
        let mut error = self.error(goal, &frames);
        let mut square = weigh(&error).norm_squared();
        let (mut damping, mut columns) = (1.0, Vec::with_capacity(q.len()));
        // Where many steps bring next to nothing the goal is out of reach from here.
        let mut idle = 0;
        for _ in 0..ITERATIONS {
            if error.fixed_rows::<3>(0).norm() <= TOLERANCE && error.fixed_rows::<3>(3).norm() <= TOLERANCE {
                break;
            }
            let end = self.chain.flange(&frames) * self.flange_from_end;
            self.chain.jacobian_columns(&frames, &end.translation.vector, &mut columns);
            let trial = self.step(&q, &error, &mut columns, damping * square);
            let trial_frames = self.chain.frames(&trial);
            let trial_error = self.error(goal, &trial_frames);
            let trial_square = weigh(&trial_error).norm_squared();
            if trial_square < square {
                idle = if trial_square > 0.98 * square { idle + 1 } else { 0 };
                (q, frames, error, square) = (trial, trial_frames, trial_error, trial_square);
                damping = (damping * 0.2).max(1e-4);
            } else {
                damping *= 8.0;
                idle += 1;
            }
            if idle > 6 {
                break;
            }
        }
        let (distance, angle) = (error.fixed_rows::<3>(0).norm(), error.fixed_rows::<3>(3).norm());
        Attempt { q, distance, angle }
    }

    fn error(&self, goal: &Isometry3<f64>, frames: &[Isometry3<f64>]) -> Vector6<f64> {
        let end = self.chain.flange(frames) * self.flange_from_end;
        let p = goal.translation.vector - end.translation.vector;
        let r = (goal.rotation * end.rotation.inverse()).scaled_axis();
        Vector6::new(p.x, p.y, p.z, r.x, r.y, r.z)
    }

    fn step(&self, q: &[f64], error: &Vector6<f64>, columns: &mut [Vector6<f64>], damping: f64) -> Vec<f64> {
        let error = weigh(error);
        let mut normal = Matrix6::from_diagonal_element(damping + 1e-13);
        for ((column, limit), position) in columns.iter_mut().zip(self.limits).zip(q) {
            *column = weigh(column);
            let pull = column.dot(&error);
            // A joint that stands at its limit and would have to go beyond takes no part.
            if (*position <= limit.lower && pull < 0.0) || (*position >= limit.upper && pull > 0.0) {
                column.fill(0.0);
            }
            normal += *column * column.transpose();
        }
        let Some(factor) = normal.cholesky() else { return q.to_vec() };
        let pull = factor.solve(&error);
        let change: Vec<f64> = columns.iter().map(|column| column.dot(&pull)).collect();
        let largest = change.iter().fold(0.0f64, |most, c| most.max(c.abs()));
        let scale = if largest > STEP { STEP / largest } else { 1.0 };
        let moved = q.iter().zip(&change).zip(self.limits);
        moved.map(|((p, c), limit)| (p + c * scale).clamp(limit.lower, limit.upper)).collect()
    }

    /// Descends from `near` and from `starts` random positions. Returns the distinct solutions, nearest to `near`
    /// first, and the attempt that came nearest to the goal where there is none.
    pub(crate) fn search(
        &self,
        goal: &Isometry3<f64>,
        near: &[f64],
        starts: usize,
        seed: Seed,
    ) -> Result<Vec<Vec<f64>>, Attempt> {
        let mut stream = seed.stream("inverse");
        let mut best = self.descend(goal, near);
        let mut found: Vec<Vec<f64>> = best.is_solution().then(|| best.q.clone()).into_iter().collect();
        for _ in 0..starts {
            let start: Vec<f64> =
                self.limits.iter().map(|limit| stream.random_range(limit.lower..=limit.upper)).collect();
            let attempt = self.descend(goal, &start);
            if attempt.is_solution() {
                if found.iter().all(|other| farthest_joint(other, &attempt.q) > DISTINCT) {
                    found.push(attempt.q);
                }
            } else if attempt.error() < best.error() {
                best = attempt;
            }
        }
        if found.is_empty() {
            return Err(best);
        }
        found.sort_by(|a, b| distance(a, near).total_cmp(&distance(b, near)));
        Ok(found)
    }
}

/// Solutions that differ less than this in every joint are one, radians.
const DISTINCT: f64 = 0.02;

fn weigh(v: &Vector6<f64>) -> Vector6<f64> {
    let w = ROTATION_WEIGHT;
    Vector6::new(v[0], v[1], v[2], w * v[3], w * v[4], w * v[5])
}

/// Euclidean distance in joint space, radians.
pub(crate) fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
}

fn farthest_joint(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}
