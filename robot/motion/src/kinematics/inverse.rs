//! All joint positions for a pose of the tool: closed forms where the arm has one, descents where it has none.

use super::chain::JointLimits;
use super::family::Family;
use super::numeric::{Attempt, DISTINCT, Solver, distance, farthest_joint};
use super::{MAX_JOINTS, Position};
use nalgebra::Isometry3;
use nightshift_core::describe::JointKind;
use nightshift_core::random::Seed;
use std::f64::consts::{PI, TAU};

/// From place to place of a swept joint, radians: all branches of each place are offered.
const SWEEP_RAD: f64 = PI / 18.0;
/// The same where nothing was found so: ranges that are left free by the limits can be narrow.
const FINE_SWEEP_RAD: f64 = PI / 720.0;
/// Places of a lift that are tried beside where it stands.
const LIFTS: usize = 6;
/// How far beyond a limit rounding may put a solution, radians.
const ROUNDING: f64 = 1e-9;
/// Random starts of a search where there is no closed form, and where one found nothing.
const STARTS: usize = 40;
/// Fields of starts for one solution: some milliseconds.
const ROUNDS: usize = 40;
/// Branches of six joints, at most.
const BRANCHES: usize = 8;
/// A closed form is exact for its axes; how much a pose may be missed all the same, metres and radians.
const EXACT: f64 = 1e-6;

/// Finds joint positions for the tool.
pub(crate) struct Inverse<'a> {
    pub(crate) family: Option<&'a Family>,
    pub(crate) solver: Solver<'a>,
}

impl Inverse<'_> {
    /// All distinct solutions: every branch, at places 10 degrees apart of a joint that is redundant, the nearest to
    /// `near` first. The attempt that came nearest where there is none.
    pub(crate) fn all(
        &self,
        goal: &Isometry3<f64>,
        near: &[f64],
        seed: Seed,
    ) -> Result<Vec<Vec<f64>>, Attempt> {
        let Some(family) = self.family else { return self.solver.search(goal, near, STARTS, seed) };
        // With how far each is from `near`.
        let mut ranked: Vec<(f64, Vec<f64>)> = Vec::with_capacity(BRANCHES);
        // Between the places of a sweep something is nearer.
        if family.swept() > 0 {
            let nearest = self.solver.descend(goal, near);
            ranked.extend(nearest.is_solution().then(|| (distance(&nearest.q, near), nearest.q)));
        }
        self.sweep(family, goal, near, SWEEP_RAD, |q| {
            ranked.push((distance(&q, near), q));
            false
        });
        if ranked.is_empty() {
            return self.one(goal, near, seed).map(|q| vec![q]);
        }
        ranked.sort_by(|a, b| a.0.total_cmp(&b.0));
        // Branches of six joints are apart, however near they come to each other at a singularity.
        let apart = if family.swept() > 0 { DISTINCT } else { EXACT };
        let mut distinct = 0;
        for index in 0..ranked.len() {
            let (away, q) = &ranked[index];
            // What is the same is as far away, but for as much as it may differ in each of eight joints.
            let mut alike =
                ranked[..distinct].iter().rev().take_while(|(other, _)| away - other < 2.9 * apart);
            if alike.all(|(_, other)| farthest_joint(other, q) > apart) {
                ranked.swap(distinct, index);
                distinct += 1;
            }
        }
        ranked.truncate(distinct);
        Ok(ranked.into_iter().map(|(_, q)| q).collect())
    }

    /// One solution, as fast as possible and near to `near` as far as that costs nothing.
    pub(crate) fn one(&self, goal: &Isometry3<f64>, near: &[f64], seed: Seed) -> Result<Vec<f64>, Attempt> {
        let Some(family) = self.family else { return self.solver.race(goal, near, ROUNDS, seed) };
        let mut first = None;
        let steps = if family.swept() > 0 { &[SWEEP_RAD, FINE_SWEEP_RAD][..] } else { &[SWEEP_RAD] };
        for step in steps {
            self.sweep(family, goal, near, *step, |q| {
                first = Some(q);
                true
            });
            if let Some(q) = first {
                return Ok(q);
            }
        }
        // A closed form of six joints is complete. What is left is narrower than the sweep, or a goal out of reach, and
        // then it matters by how much.
        self.solver.race(goal, near, if family.swept() > 0 { ROUNDS } else { 3 }, seed)
    }

    fn sweep(
        &self,
        family: &Family,
        goal: &Isometry3<f64>,
        near: &[f64],
        step: f64,
        mut take: impl FnMut(Vec<f64>) -> bool,
    ) {
        let count = near.len();
        let mut found = |q: &Position, miss: f64| {
            let Some(q) = self.fitted(q, near) else { return false };
            self.checked(goal, q, miss).is_some_and(&mut take)
        };
        let place = |index: usize| if family.reversed { count - 1 - index } else { index };
        match family.swept() {
            0 => {
                family.solve(goal, &[], near, found);
            }
            1 => {
                let at = place(0);
                places(&self.solver.limits[at], near[at], step)
                    .any(|value| family.solve(goal, &[value], near, &mut found));
            }
            _ => {
                let (one, other) = (place(0), place(1));
                let mut pairs = places(&self.solver.limits[one], near[one], step).flat_map(|first| {
                    places(&self.solver.limits[other], near[other], step).map(move |second| [first, second])
                });
                pairs.any(|pair| family.solve(goal, &pair, near, &mut found));
            }
        }
    }

    /// Within the limits, each joint by whole turns as near to `near` as they allow.
    fn fitted(&self, q: &Position, near: &[f64]) -> Option<Position> {
        let mut fitted = [0.0; MAX_JOINTS];
        for (index, limit) in self.solver.limits.iter().enumerate() {
            let mut value = q[index];
            if limit.kind == JointKind::Revolute {
                let away = near[index] - value;
                // Less than half a turn is none; rounding to whole numbers is a call on processors of any age.
                if away.abs() >= PI {
                    value += TAU * (away / TAU).round();
                }
                if value < limit.lower - ROUNDING {
                    value += TAU;
                } else if value > limit.upper + ROUNDING {
                    value -= TAU;
                }
            }
            if value < limit.lower - ROUNDING || value > limit.upper + ROUNDING {
                return None;
            }
            fitted[index] = value.clamp(limit.lower, limit.upper);
        }
        Some(fitted)
    }

    /// The solution if it holds, mended by a descent where rounding in the description makes the closed form miss.
    fn checked(&self, goal: &Isometry3<f64>, q: Position, miss: f64) -> Option<Vec<f64>> {
        let q = &q[..self.solver.limits.len()];
        if miss < EXACT / 4.0 {
            return Some(q.to_vec());
        }
        let mended = self.solver.descend(goal, q);
        mended.is_solution().then_some(mended.q)
    }
}

/// Places of a swept joint, from `near` outward.
fn places(limit: &JointLimits, near: f64, step: f64) -> impl Iterator<Item = f64> {
    let near = near.clamp(limit.lower, limit.upper);
    let (lower, upper, step) = match limit.kind {
        JointKind::Revolute => (limit.lower.max(near - PI), limit.upper.min(near + PI), step),
        JointKind::Prismatic | JointKind::Fixed => {
            (limit.lower, limit.upper, (limit.upper - limit.lower) / LIFTS as f64)
        }
    };
    let (below, above) = (((near - lower) / step) as usize, ((upper - near) / step) as usize);
    let outward = (1..=below.max(above)).flat_map(move |k| {
        let by = k as f64 * step;
        [(k <= above).then_some(near + by), (k <= below).then_some(near - by)]
    });
    std::iter::once(near).chain(outward.flatten())
}
