//! Dead reckoning of the last seconds, to be asked at a scan's stamp.

use nalgebra::{Isometry2, Vector2};
use nightshift_core::robot::Odometry;
use nightshift_core::time::Stamp;
use std::collections::VecDeque;

/// Entries kept: two seconds at 100 Hz.
const LENGTH: usize = 200;
/// A scan this much newer than the last odometry is placed by the last velocity, seconds.
const MAX_AHEAD_S: f64 = 0.15;

/// Odometry in order of stamps.
#[derive(Clone, Debug, Default)]
pub struct History {
    entries: VecDeque<Odometry>,
}

impl History {
    /// Takes one; one that is not newer than the last, or not finite, is ignored.
    pub fn push(&mut self, odometry: &Odometry) {
        let pose = &odometry.odom_from_base;
        let sound = [pose.x(), pose.y(), pose.yaw()].iter().all(|v| v.is_finite());
        if !sound || self.entries.back().is_some_and(|last| odometry.stamp <= last.stamp) {
            return;
        }
        if self.entries.len() == LENGTH {
            self.entries.pop_front();
        }
        self.entries.push_back(*odometry);
    }

    /// The newest.
    pub fn latest(&self) -> Option<&Odometry> {
        self.entries.back()
    }

    /// The base in `odom` at a stamp; none before the first and too long after the last.
    pub fn at(&self, stamp: Stamp) -> Option<Isometry2<f64>> {
        let after = self.entries.partition_point(|o| o.stamp <= stamp);
        let before = self.entries.get(after.checked_sub(1)?)?;
        let ahead_s = stamp.since(before.stamp);
        let Some(next) = self.entries.get(after) else {
            return (ahead_s <= MAX_AHEAD_S).then(|| ahead(before, ahead_s));
        };
        let share = ahead_s / next.stamp.since(before.stamp);
        let (a, b) = (before.odom_from_base.iso, next.odom_from_base.iso);
        let turn = a.rotation.rotation_to(&b.rotation).angle();
        Some(Isometry2::new(
            a.translation.vector.lerp(&b.translation.vector, share),
            a.rotation.angle() + share * turn,
        ))
    }
}

/// Where the base is `seconds` after an odometry if it goes on as it went.
pub fn ahead(odometry: &Odometry, seconds: f64) -> Isometry2<f64> {
    let v = odometry.velocity;
    odometry.odom_from_base.iso * Isometry2::new(Vector2::new(v.x, v.y) * seconds, v.yaw * seconds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use nightshift_core::Pose2;
    use nightshift_core::robot::Twist;

    fn at(seconds: f64, x: f64) -> Odometry {
        let velocity = Twist { x: 1.0, y: 0.0, yaw: 0.0 };
        Odometry { stamp: Stamp::from_seconds(seconds), odom_from_base: Pose2::new(x, 0.0, 0.0), velocity }
    }

    #[test]
    fn it_tells_between_and_a_little_ahead_and_ignores_what_runs_backwards() {
        let mut history = History::default();
        assert!(history.at(Stamp::from_seconds(1.0)).is_none());
        for (seconds, x) in [(1.0, 1.0), (2.0, 3.0), (1.5, 9.0), (2.0, 9.0), (3.0, f64::NAN)] {
            history.push(&at(seconds, x));
        }
        let x = |seconds| history.at(Stamp::from_seconds(seconds)).map(|p| p.translation.x);
        assert_eq!(x(0.9), None);
        assert_eq!(x(1.5), Some(2.0));
        assert!((x(2.1).unwrap() - 3.1).abs() < 1e-12);
        assert_eq!(x(2.3), None);
    }

    #[test]
    fn memory_is_bounded() {
        let mut history = History::default();
        for i in 0..1000 {
            history.push(&at(f64::from(i), 0.0));
        }
        assert_eq!(history.entries.len(), LENGTH);
    }
}
