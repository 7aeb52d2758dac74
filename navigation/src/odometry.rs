//! Dead reckoning of the last seconds, to be asked at a scan's stamp.

use nalgebra::{Isometry2, Point2, Vector2};
use nightshift_core::robot::Odometry;
use nightshift_core::time::Stamp;
use std::collections::VecDeque;
use std::time::Duration;

/// Entries kept: two seconds at 100 Hz.
const LENGTH: usize = 200;
/// A scan this much newer than the last odometry is placed by the last velocity, seconds.
const MAX_AHEAD_S: f64 = 0.15;
/// A base's motion while a scanner turns is taken as even for so long, seconds: what it brakes or speeds up meanwhile is
/// less than 0.02 mrad then.
const EVEN_S: f64 = 0.01;

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

    /// How the base moves while a scan is taken that begins at `stamp`; none where it cannot be placed in time.
    pub fn during(&self, stamp: Stamp, sweep: Duration) -> Option<Sweep> {
        let seconds = sweep.as_secs_f64();
        let count = (seconds / EVEN_S).ceil().min(LENGTH as f64) as u32;
        let first = self.at(stamp)?;
        let place = |step: u32| {
            let moved = first
                .inv_mul(&self.at(Stamp(stamp.0.saturating_add((sweep * step / count).as_nanos() as u64)))?);
            Some([moved.translation.x, moved.translation.y, moved.rotation.angle()])
        };
        let places = if count == 0 { Vec::new() } else { (0..=count).map(place).collect::<Option<_>>()? };
        Some(Sweep { first, places })
    }
}

/// How the base moved while a scanner turned.
#[derive(Clone, Debug, PartialEq)]
pub struct Sweep {
    /// The base in `odom` at the first beam.
    pub first: Isometry2<f64>,
    /// From there: x, y and yaw at even times up to the last beam. None where all beams were measured at once.
    places: Vec<[f64; 3]>,
}

impl Sweep {
    /// All beams at once, from the base in the origin.
    pub fn still() -> Self {
        Self { first: Isometry2::identity(), places: Vec::new() }
    }

    /// What a beam found, from the base's frame at its own time to that at the first beam's. `share` is the beam's place
    /// among all of them, 0 to 1.
    pub fn carry(&self, share: f64, point: Point2<f64>) -> Point2<f64> {
        let Some(steps) = self.places.len().checked_sub(1) else { return point };
        let along = share * steps as f64;
        let index = (along as usize).min(steps - 1);
        let (a, b) = (self.places[index], self.places[index + 1]);
        let [x, y, yaw] = [0, 1, 2].map(|axis| a[axis] + (b[axis] - a[axis]) * (along - index as f64));
        Isometry2::new(Vector2::new(x, y), yaw) * point
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
