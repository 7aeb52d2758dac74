//! The first pass: each scan is matched to a sketch of the last ones.

use super::RESOLUTION_M;
use super::draw::{placed, sketch};
use crate::localiser::refine::{Prior, refine};
use crate::localiser::scan;
use crate::log::DriveLog;
use crate::odometry::Sweep;
use crate::surface::Surfaces;
use nalgebra::{Isometry2, Matrix3, Point2, Vector2, Vector3};

/// A scan is kept when the base has gone this far, metres, or turned this much, radians.
const KEY_M: f64 = 0.3;
const KEY_RAD: f64 = 0.35;
/// The sketch is made of so many kept scans, anew after so many.
const RECENT: usize = 14;
const RENEWED_EVERY: usize = 3;
/// What lies farther from the base than this is left out of the sketch, metres.
const NEAR_M: f64 = 16.0;
/// Errors of dead reckoning between kept scans, one sigma.
const DISTANCE_SHARE: f64 = 0.15;
const DISTANCE_M: f64 = 0.02;
const HEADING_SHARE: f64 = 0.15;
const HEADING_RAD: f64 = 0.02;
/// A scan that the sketch explains worse than this is looked for about its place.
const DOUBT_SHARE: f64 = 0.6;
/// How far it is looked for: metres, radians, and in which steps.
const LOOK_M: f64 = 0.6;
const LOOK_RAD: f64 = 0.5;
const LOOK_STEP_M: f64 = 0.06;
const LOOK_STEP_RAD: f64 = 0.03;

/// A scan that is kept.
#[derive(Clone, Debug)]
pub struct Key {
    /// Its step in the log.
    pub step: usize,
    /// Thinned, in the base's frame.
    pub points: Vec<Point2<f64>>,
    /// The base.
    pub pose: Isometry2<f64>,
    /// How well it fitted those before it: without a fit there is only dead reckoning.
    pub explained: f64,
}

/// What the first pass has come to.
pub struct Followed {
    /// The scans that are kept.
    pub keys: Vec<Key>,
    /// For each step of the log its key, and the base in the key's frame.
    pub at: Vec<(usize, Isometry2<f64>)>,
}

/// Follows a log. `tell` is told each step.
pub fn follow(log: &DriveLog, tell: &mut dyn FnMut(usize)) -> Followed {
    let scanner = log.scanner();
    let points = |step: usize| scan::points(&log.scan(step), &scanner, &Sweep::still());
    let first = Key { step: 0, points: points(0), pose: Isometry2::identity(), explained: 1.0 };
    let mut followed = Followed { keys: vec![first], at: vec![(0, Isometry2::identity())] };
    let mut surfaces = None;
    for step in 1..log.steps.len() {
        tell(step);
        let last = &followed.keys[followed.keys.len() - 1];
        let moved = log.steps[last.step].odom_from_base.iso.inv_mul(&log.steps[step].odom_from_base.iso);
        let (distance, turn) = (moved.translation.vector.norm(), moved.rotation.angle().abs());
        if distance < KEY_M && turn < KEY_RAD {
            followed.at.push((followed.keys.len() - 1, moved));
            continue;
        }
        if followed.keys.len() % RENEWED_EVERY == 1 || surfaces.is_none() {
            surfaces = recent(&followed.keys);
        }
        let points = points(step);
        let guess = last.pose * moved;
        let mut key = Key { step, points, pose: guess, explained: 0.0 };
        if let Some(surfaces) = &surfaces {
            match_to(surfaces, &mut key, distance, turn);
        }
        followed.at.push((followed.keys.len(), Isometry2::identity()));
        followed.keys.push(key);
    }
    followed
}

/// The surfaces of the last scans.
fn recent(keys: &[Key]) -> Option<Surfaces> {
    let here = keys.last()?.pose.translation.vector;
    let recent = &keys[keys.len().saturating_sub(RECENT)..];
    let points: Vec<Point2<f64>> = recent
        .iter()
        .flat_map(|key| placed(&key.points, &key.pose))
        .filter(|point| (point.coords - here).norm() < NEAR_M)
        .collect();
    sketch(&points, RESOLUTION_M).map(|grid| Surfaces::new(&grid))
}

fn match_to(surfaces: &Surfaces, key: &mut Key, distance: f64, turn: f64) {
    let sigma = DISTANCE_SHARE * distance + DISTANCE_M;
    let sigma_yaw = HEADING_SHARE * (turn + 0.3 * distance) + HEADING_RAD;
    let diagonal = Vector3::new(sigma, sigma, sigma_yaw).map(|s| 1.0 / (s * s));
    let information = Matrix3::from_diagonal(&diagonal);
    let prior = Prior { mean: key.pose, information };
    let mut fit = refine(surfaces, &key.points, Some(&prior), &key.pose, 0.4);
    if fit.explained < DOUBT_SHARE {
        let start = look(surfaces, &key.points, &key.pose);
        let other = refine(surfaces, &key.points, None, &start, 0.2);
        if other.score > fit.score {
            fit = other;
        }
    }
    if fit.explained >= crate::localiser::FITTING_SHARE {
        (key.pose, key.explained) = (fit.pose, fit.explained);
    }
}

/// The pose about a guess that the points fit best at, to a step.
fn look(surfaces: &Surfaces, points: &[Point2<f64>], guess: &Isometry2<f64>) -> Isometry2<f64> {
    let stride = points.len().div_ceil(50).max(1);
    let few: Vec<&Point2<f64>> = points.iter().step_by(stride).collect();
    let (across, around) = ((LOOK_M / LOOK_STEP_M) as i32, (LOOK_RAD / LOOK_STEP_RAD) as i32);
    let mut best = (0, *guess);
    for turn in -around..=around {
        let rotation = guess.rotation.angle() + f64::from(turn) * LOOK_STEP_RAD;
        for right in -across..=across {
            for up in -across..=across {
                let off = Vector2::new(f64::from(right), f64::from(up)) * LOOK_STEP_M;
                let pose = Isometry2::new(guess.translation.vector + off, rotation);
                let score: u32 = few.iter().map(|p| u32::from(surfaces.likelihood(&(pose * **p)))).sum();
                if score > best.0 {
                    best = (score, pose);
                }
            }
        }
    }
    best.1
}
