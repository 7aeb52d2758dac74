//! From a path to a trajectory: when the arm is where.

use crate::kinematics::chain::JointLimits;
use crate::path::{Path, Zone};
use crate::profile::Profile;
use nightshift_core::Failure;
use nightshift_core::robot::{JointTrajectory, TrajectoryPoint};

/// From point to point at most, seconds.
const POINT_SPACING_S: f64 = 0.02;
/// The share of the limits that is planned for. The rest is for what follows the points: a cubic between points that
/// are 20 ms apart overshoots an acceleration by up to jerk x spacing / 8.
const HEADROOM: f64 = 0.97;

/// The limits that are planned for at a speed over 0 to 1.
pub(crate) fn planned_limits(limits: &[JointLimits], speed: f64) -> Vec<JointLimits> {
    let share = HEADROOM * speed;
    let scaled = |limit: &JointLimits| JointLimits {
        velocity: limit.velocity * share,
        acceleration: limit.acceleration * share,
        jerk: limit.jerk * share,
        ..limit.clone()
    };
    limits.iter().map(scaled).collect()
}

/// A path's zones with all of time stretched by a factor.
pub(crate) fn stretched(zones: &[Zone], slower: f64) -> Vec<Zone> {
    let stretch = |zone: &Zone| Zone {
        velocity: zone.velocity / slower,
        acceleration: zone.acceleration / slower.powi(2),
        jerk: zone.jerk / slower.powi(3),
        ..*zone
    };
    zones.iter().map(stretch).collect()
}

/// When a path that is followed from rest to rest is where: as fast as its zones allow, and `slower` by a factor of 1 or more.
pub(crate) fn profile(path: &impl Path, slower: f64) -> Result<Profile, Failure> {
    Profile::new(&stretched(path.zones(), slower))
}

/// The points of a path that is followed so.
pub(crate) fn trajectory(path: &impl Path, profile: &Profile) -> JointTrajectory {
    let duration = profile.duration();
    let count = (duration / POINT_SPACING_S).ceil().max(1.0) as usize;
    let mut points = Vec::with_capacity(count + 1);
    for index in 0..=count {
        let time_s = duration * index as f64 / count as f64;
        let progress = profile.at(time_s);
        let point = path.at(progress.s);
        let velocities = point.first.iter().map(|slope| slope * progress.velocity).collect();
        points.push(TrajectoryPoint { time_s, positions: point.q, velocities });
    }
    // The ends are known better than they can be calculated.
    let at_rest = vec![0.0; path.end().len()];
    points[0] = TrajectoryPoint { time_s: 0.0, positions: path.at(0.0).q, velocities: at_rest.clone() };
    points[count] = TrajectoryPoint { time_s: duration, positions: path.end().to_vec(), velocities: at_rest };
    JointTrajectory { points }
}

/// Stays where it is: two points, because controllers want a duration.
pub(crate) fn stay(q: &[f64]) -> JointTrajectory {
    let point = |time_s| TrajectoryPoint { time_s, positions: q.to_vec(), velocities: vec![0.0; q.len()] };
    JointTrajectory { points: vec![point(0.0), point(POINT_SPACING_S)] }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Velocity, acceleration and jerk of every joint at every millisecond, exactly and not by differences.
    pub(crate) fn keeps_limits(path: &impl Path, limits: &[JointLimits], slack: f64) {
        let profile = Profile::new(path.zones()).unwrap();
        for k in 0..=(profile.duration() * 1000.0) as usize {
            let at = profile.at(k as f64 * 1e-3);
            let point = path.at(at.s);
            let (v, a, j) = (at.velocity, at.acceleration, at.jerk);
            for (i, limit) in limits.iter().enumerate() {
                let (first, second, third) = (point.first[i], point.second[i], point.third[i]);
                let rates = [
                    (first * v, limit.velocity),
                    (first * a + second * v * v, limit.acceleration),
                    (first * j + 3.0 * second * v * a + third * v * v * v, limit.jerk),
                ];
                for (rate, most) in rates {
                    assert!(rate.abs() <= most * slack + 1e-6, "{rate} of {most} at {k} ms, joint {i}");
                }
            }
        }
    }

    #[test]
    fn staying_has_a_duration() {
        let stay = stay(&[1.0, 2.0]);
        assert_eq!(stay.points.len(), 2);
        assert!(stay.duration_s() > 0.0 && stay.sample(0.01) == [1.0, 2.0]);
    }
}
