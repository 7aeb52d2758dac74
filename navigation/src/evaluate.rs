//! How good the localiser is over a drive whose poses are known: for benchmarks and tests.

use crate::localiser::{Localisation, LocalisationState, Localiser};
use crate::log::{DriveLog, SCANNER};
use nalgebra::{Isometry2, Matrix3, Vector3};
use nightshift_core::frames::{Base, Map, Pose2};
use nightshift_core::grid::OccupancyGrid;
use nightshift_core::random::Seed;
use nightshift_core::robot::{LaserScan, Odometry};
use nightshift_core::time::Stamp;
use std::collections::BTreeMap;

/// How far a drive goes after a start from nowhere, metres.
pub const FROM_NOWHERE_M: f64 = 5.0;
/// A kidnap has to be noticed within this time, seconds.
pub const KIDNAP_S: f64 = 2.0;
/// And drives with seconds between scans have at least so many scans for it.
const KIDNAP_SCANS: usize = 4;
/// So long after it was noticed no wrong place may be trusted, and so many scans at least.
pub const KIDNAP_AFTER_S: f64 = 10.0;
const KIDNAP_AFTER_SCANS: usize = 20;
/// The right place is within this of the reference, metres and radians (10 degrees).
const RIGHT_M: f64 = 0.5;
const RIGHT_RAD: f64 = 10.0 * std::f64::consts::PI / 180.0;
/// The usual error of a told start, metres and radians (4.6 degrees).
const TOLD_OFF: [f64; 3] = [0.15, -0.15, 0.080_285_145_591_739_15];

/// A localiser for a log's scanner.
pub fn localiser(grid: &OccupancyGrid, log: &DriveLog, seed: u64) -> Localiser {
    Localiser::new(grid, BTreeMap::from([(SCANNER.to_owned(), log.scanner())]), Seed(seed))
}

/// A pose as a person tells it: 15 cm and 4.6 degrees off.
pub fn told(truth: &Pose2<Map, Base>) -> Pose2<Map, Base> {
    Pose2::new(truth.x() + TOLD_OFF[0], truth.y() + TOLD_OFF[1], truth.yaw() + TOLD_OFF[2])
}

/// Gives a step of a log to a localiser.
pub fn give(localiser: &mut Localiser, log: &DriveLog, index: usize) -> Option<Localisation> {
    localiser.odometry(&log.odometry(index));
    localiser.scan(&log.scan(index))
}

/// What tracking a drive came to. Scans before `settle` and those that are not scored are left out of the errors.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tracked {
    /// The pose for each scan of the drive; none where there was none.
    pub poses: Vec<Option<Pose2<Map, Base>>>,
    /// Distances from the reference, metres.
    pub position_m: Vec<f64>,
    /// Differences in heading without sign, radians.
    pub yaw_rad: Vec<f64>,
    /// Squared errors in units of the claimed covariance: 3 on average where it means what it says.
    pub nees: Vec<f64>,
    /// Mean error in x and y, metres.
    pub bias_m: [f64; 2],
    /// Scans without a pose.
    pub lost: usize,
    /// Scans with a pose that was not to be driven by, after the first ten.
    pub doubted: usize,
}

impl Tracked {
    /// Mean distance from the reference, metres.
    pub fn mean_m(&self) -> f64 {
        mean(&self.position_m)
    }

    /// Root of the mean squared distance, metres.
    pub fn rmse_m(&self) -> f64 {
        (self.position_m.iter().map(|e| e * e).sum::<f64>() / self.position_m.len().max(1) as f64).sqrt()
    }
}

/// The mean; NaN of nothing.
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The value that a share of all values does not exceed; NaN of nothing.
pub fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
        .get(((sorted.len() as f64 * share) as usize).min(sorted.len().saturating_sub(1)))
        .map_or(f64::NAN, |v| *v)
}

/// Tracks a whole drive from a start that is told 15 cm, -15 cm and 4.6 degrees off. `answer` is given each step and
/// what the localiser made of it.
pub fn track(
    localiser: &mut Localiser,
    log: &DriveLog,
    settle: usize,
    scored: impl Fn(usize) -> bool,
    mut step: impl FnMut(&mut Localiser, usize) -> Option<Localisation>,
) -> Tracked {
    localiser.set_pose(told(&log.steps[0].reference));
    let mut tracked = Tracked::default();
    let mut sum = [0.0; 2];
    for (index, known) in log.steps.iter().enumerate() {
        let answer = step(localiser, index);
        let estimate = answer.as_ref().and_then(Localisation::estimate);
        tracked.poses.push(estimate.map(|e| e.map_from_base));
        let Some(estimate) = estimate else {
            tracked.lost += 1;
            continue;
        };
        let trusted = answer.as_ref().is_some_and(|a| a.state() == LocalisationState::Tracking);
        tracked.doubted += usize::from(!trusted && index >= 10);
        if index < settle || !scored(index) {
            continue;
        }
        let (pose, truth) = (estimate.map_from_base, known.reference);
        let error = Vector3::new(pose.x() - truth.x(), pose.y() - truth.y(), -pose.turn_to(&truth));
        tracked.position_m.push(error.xy().norm());
        tracked.yaw_rad.push(error.z.abs());
        let covariance = Matrix3::from_fn(|row, column| estimate.covariance[row][column]);
        tracked.nees.extend(covariance.try_inverse().map(|inverse| error.dot(&(inverse * error))));
        sum = [sum[0] + error.x, sum[1] + error.y];
    }
    tracked.bias_m = sum.map(|v| v / tracked.position_m.len().max(1) as f64);
    tracked
}

/// How a start from nowhere ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FromNowhere {
    /// At the right place, after so many metres, and never sure of a wrong one.
    Found(f64),
    /// Never sure of any place.
    NotFound,
    /// Sure of a wrong place, so many metres off.
    FalseAccept(f64),
}

/// Starts at a step of a log without a pose and follows it for [`FROM_NOWHERE_M`].
pub fn from_nowhere(localiser: &mut Localiser, log: &DriveLog, first: usize) -> FromNowhere {
    localiser.relocalise();
    let (mut driven_m, mut end) = (0.0, FromNowhere::NotFound);
    for index in first..log.steps.len() {
        if index > first {
            driven_m += log.steps[index].odom_from_base.distance(&log.steps[index - 1].odom_from_base);
        }
        if driven_m > FROM_NOWHERE_M {
            break;
        }
        let answer = give(localiser, log, index);
        let Some(pose) = answer.as_ref().and_then(Localisation::tracked) else { continue };
        let off_m = pose.map_from_base.distance(&log.steps[index].reference);
        if !is_right(&pose.map_from_base, &log.steps[index].reference) {
            return FromNowhere::FalseAccept(off_m);
        }
        if end == FromNowhere::NotFound {
            end = FromNowhere::Found(driven_m);
        }
    }
    end
}

fn is_right(pose: &Pose2<Map, Base>, truth: &Pose2<Map, Base>) -> bool {
    pose.distance(truth) < RIGHT_M && pose.turn_to(truth).abs() < RIGHT_RAD
}

/// What came of being carried away.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kidnapped {
    /// The pose was withdrawn, or right again.
    Noticed {
        /// Seconds from the kidnap on.
        after_s: f64,
        /// It was sure of a wrong place once more within [`KIDNAP_AFTER_S`].
        wrong_again: bool,
    },
    /// Still sure of a wrong place after [`KIDNAP_S`].
    Unnoticed,
    /// It was not tracking when it was carried away, so that nothing can be said.
    NotTracking,
}

/// Tracks from step `from` for `before` steps, and goes on at step `to` as if the robot had been carried there while
/// its wheels stood still.
pub fn kidnap(localiser: &mut Localiser, log: &DriveLog, from: usize, before: usize, to: usize) -> Kidnapped {
    localiser.set_pose(log.steps[from].reference);
    let (mut now_s, mut odom_from_base) = (1.0, Isometry2::identity());
    let mut give_at = |localiser: &mut Localiser, index: usize, moved: Option<(f64, Isometry2<f64>)>| {
        if let Some((seconds, step)) = moved {
            now_s += seconds;
            odom_from_base *= step;
        }
        let stamp = Stamp::from_seconds(now_s);
        localiser.odometry(&Odometry {
            stamp,
            odom_from_base: Pose2::from_iso(odom_from_base),
            velocity: log.odometry(index).velocity,
        });
        localiser.scan(&LaserScan { stamp, ..log.scan(index) })
    };
    let moved = |index: usize| {
        let (a, b) = (&log.steps[index - 1], &log.steps[index]);
        Some((b.stamp.since(a.stamp), a.odom_from_base.iso.inv_mul(&b.odom_from_base.iso)))
    };
    let mut last = None;
    for index in from..from + before {
        last = give_at(localiser, index, if index == from { None } else { moved(index) });
    }
    if last.as_ref().and_then(Localisation::tracked).is_none() {
        return Kidnapped::NotTracking;
    }
    let (mut since_s, mut noticed) = (0.0, None::<(f64, usize)>);
    for (scans, index) in (to..log.steps.len()).enumerate() {
        let step = if scans == 0 { Some((0.1, Isometry2::identity())) } else { moved(index) };
        since_s += step.map_or(0.0, |(seconds, _)| seconds);
        match noticed {
            None if since_s > KIDNAP_S && scans >= KIDNAP_SCANS => return Kidnapped::Unnoticed,
            Some((after_s, then))
                if since_s - after_s > KIDNAP_AFTER_S && scans - then >= KIDNAP_AFTER_SCANS =>
            {
                break;
            }
            _ => {}
        }
        let answer = give_at(localiser, index, step);
        let sure = answer.as_ref().and_then(Localisation::tracked).map(|e| e.map_from_base);
        let wrong = sure.is_some_and(|pose| !is_right(&pose, &log.steps[index].reference));
        match noticed {
            Some((after_s, _)) if wrong => return Kidnapped::Noticed { after_s, wrong_again: true },
            None if !wrong => noticed = Some((since_s, scans)),
            _ => {}
        }
    }
    match noticed {
        Some((after_s, _)) => Kidnapped::Noticed { after_s, wrong_again: false },
        None => Kidnapped::Unnoticed,
    }
}
