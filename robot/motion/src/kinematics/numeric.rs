//! Inverse kinematics by damped least squares (Levenberg-Marquardt with the damping scaled by the error, after
//! T. Sugihara, IEEE Trans. Robotics 27, 2011), with the joint limits inside the solver and many starts: all of them go
//! a few steps side by side, and those that came nearest go on.

use super::chain::{Chain, Frames, JointLimits};
use super::{MAX_JOINTS, Position};
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
/// Starts that go side by side, for so many steps, and how many of them go on.
const FIELD: usize = 8;
const HEATS: usize = 8;
const FINALISTS: usize = 3;

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

    pub(crate) fn error(&self) -> f64 {
        self.distance.powi(2) + (ROTATION_WEIGHT * self.angle).powi(2)
    }
}

/// Brings what is rigid with the flange at `flange_from_end` to a goal in the base's frame.
#[derive(Clone, Copy)]
pub(crate) struct Solver<'a> {
    pub(crate) chain: &'a Chain,
    pub(crate) limits: &'a [JointLimits],
    pub(crate) flange_from_end: Isometry3<f64>,
}

/// A descent underway.
struct Runner {
    q: Position,
    frames: Frames,
    error: Vector6<f64>,
    square: f64,
    damping: f64,
    /// Steps in a row that brought next to nothing: out of reach from here.
    idle: usize,
}

impl Solver<'_> {
    /// One descent. Ends at a solution, or where the error does not fall any more.
    pub(crate) fn descend(&self, goal: &Isometry3<f64>, start: &[f64]) -> Attempt {
        let mut runner = self.runner(goal, start);
        self.advance(goal, &mut runner, ITERATIONS);
        self.attempt(&runner)
    }

    fn runner(&self, goal: &Isometry3<f64>, start: &[f64]) -> Runner {
        let mut q = [0.0; MAX_JOINTS];
        for ((q, start), limit) in q.iter_mut().zip(start).zip(self.limits) {
            *q = start.clamp(limit.lower, limit.upper);
        }
        let frames = self.chain.frames(&q[..self.limits.len()]);
        let error = self.error(goal, &frames);
        let square = weigh(&error).norm_squared();
        Runner { q, frames, error, square, damping: 1.0, idle: 0 }
    }

    fn attempt(&self, runner: &Runner) -> Attempt {
        let error = &runner.error;
        let (distance, angle) = (error.fixed_rows::<3>(0).norm(), error.fixed_rows::<3>(3).norm());
        Attempt { q: runner.q[..self.limits.len()].to_vec(), distance, angle }
    }

    fn advance(&self, goal: &Isometry3<f64>, runner: &mut Runner, steps: usize) {
        for _ in 0..steps {
            if runner.is_there() || runner.idle > 6 {
                return;
            }
            let trial = self.step(runner);
            let frames = self.chain.frames(&trial[..self.limits.len()]);
            let error = self.error(goal, &frames);
            let square = weigh(&error).norm_squared();
            if square < runner.square {
                runner.idle = if square > 0.98 * runner.square { runner.idle + 1 } else { 0 };
                let damping = (runner.damping * 0.2).max(1e-4);
                *runner = Runner { q: trial, frames, error, square, damping, idle: runner.idle };
            } else {
                runner.damping *= 8.0;
                runner.idle += 1;
            }
        }
    }

    fn error(&self, goal: &Isometry3<f64>, frames: &[Isometry3<f64>]) -> Vector6<f64> {
        let end = self.chain.flange(frames) * self.flange_from_end;
        let p = goal.translation.vector - end.translation.vector;
        let r = (goal.rotation * end.rotation.inverse()).scaled_axis();
        Vector6::new(p.x, p.y, p.z, r.x, r.y, r.z)
    }

    fn step(&self, runner: &Runner) -> Position {
        let error = weigh(&runner.error);
        let end = self.chain.flange(&runner.frames) * self.flange_from_end;
        let mut columns = [Vector6::zeros(); MAX_JOINTS];
        self.chain.jacobian_columns(&runner.frames, &end.translation.vector, &mut columns);
        let mut normal = Matrix6::from_diagonal_element(runner.damping * runner.square + 1e-13);
        for ((column, limit), position) in columns.iter_mut().zip(self.limits).zip(&runner.q) {
            *column = weigh(column);
            let pull = column.dot(&error);
            // A joint that stands at its limit and would have to go beyond takes no part.
            if (*position <= limit.lower && pull < 0.0) || (*position >= limit.upper && pull > 0.0) {
                column.fill(0.0);
            }
            normal.syger(1.0, column, column, 1.0);
        }
        normal.fill_upper_triangle_with_lower_triangle();
        let mut q = runner.q;
        let Some(factor) = normal.cholesky() else { return q };
        let pull = factor.solve(&error);
        let change = columns.map(|column| column.dot(&pull));
        let largest = change.iter().fold(0.0f64, |most, c| most.max(c.abs()));
        let scale = if largest > STEP { STEP / largest } else { 1.0 };
        for ((q, change), limit) in q.iter_mut().zip(&change).zip(self.limits) {
            *q = (*q + change * scale).clamp(limit.lower, limit.upper);
        }
        q
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
            let attempt = self.descend(goal, &self.anywhere(&mut stream));
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

    /// One solution, as fast as one can be found: from `near` and from random positions, `rounds` times a field of them.
    pub(crate) fn race(
        &self,
        goal: &Isometry3<f64>,
        near: &[f64],
        rounds: usize,
        seed: Seed,
    ) -> Result<Vec<f64>, Attempt> {
        let mut best = self.descend(goal, near);
        if best.is_solution() {
            return Ok(best.q);
        }
        let mut stream = seed.stream("inverse race");
        for _ in 0..rounds {
            let starts = (0..FIELD).map(|_| self.anywhere(&mut stream));
            let mut field: Vec<Runner> = starts.map(|start| self.runner(goal, &start)).collect();
            for runner in &mut field {
                self.advance(goal, runner, HEATS);
            }
            field.sort_by(|a, b| a.square.total_cmp(&b.square));
            for runner in field.iter_mut().take(FINALISTS) {
                self.advance(goal, runner, ITERATIONS);
                let attempt = self.attempt(runner);
                if attempt.is_solution() {
                    return Ok(attempt.q);
                }
                if attempt.error() < best.error() {
                    best = attempt;
                }
            }
        }
        Err(best)
    }

    fn anywhere(&self, stream: &mut impl Rng) -> Vec<f64> {
        self.limits.iter().map(|limit| stream.random_range(limit.lower..=limit.upper)).collect()
    }
}

impl Runner {
    fn is_there(&self) -> bool {
        let error = &self.error;
        error.fixed_rows::<3>(0).norm() <= TOLERANCE && error.fixed_rows::<3>(3).norm() <= TOLERANCE
    }
}

/// Solutions that differ less than this in every joint are one, radians.
pub(crate) const DISTINCT: f64 = 0.02;

fn weigh(v: &Vector6<f64>) -> Vector6<f64> {
    let w = ROTATION_WEIGHT;
    Vector6::new(v[0], v[1], v[2], w * v[3], w * v[4], w * v[5])
}

/// Euclidean distance in joint space, radians.
pub(crate) fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
}

pub(crate) fn farthest_joint(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}
