//! Where the base has been in the last moments: what a scanner that turns while the base drives needs.

use nightshift_core::describe::Robot;
use nightshift_core::frames::{Base, Map, Pose2};
use std::collections::VecDeque;
use std::time::Duration;

/// The base's places at the last steps of physics, as many as the longest turn of a scanner takes.
#[derive(Clone, Debug)]
pub struct Track {
    step_s: f64,
    length: usize,
    /// The newest first.
    places: VecDeque<Pose2<Map, Base>>,
}

impl Track {
    /// For a robot's scanners and a world that goes on in such steps.
    pub fn new(robot: &Robot, step: Duration) -> Self {
        let step_s = step.as_secs_f64();
        let longest_s = robot.scanners.values().map(|scanner| scanner.sweep_s).fold(0.0, f64::max);
        // One more than the steps, and one more for what lies between two.
        let length = (longest_s / step_s).ceil() as usize + 2;
        Self { step_s, length, places: VecDeque::with_capacity(length) }
    }

    /// Takes the place at the next step.
    pub fn push(&mut self, place: Pose2<Map, Base>) {
        self.places.truncate(self.length - 1);
        self.places.push_front(place);
    }

    /// Whether the base has been at one place for the last so many seconds.
    pub fn rests(&self, seconds: f64) -> bool {
        let steps = (seconds / self.step_s).ceil() as usize;
        self.places.iter().take(steps + 1).all(|place| Some(place) == self.places.front())
    }

    /// Where the base was so many seconds before the last step; none before the first one.
    pub fn before(&self, seconds: f64) -> Option<Pose2<Map, Base>> {
        let steps = seconds / self.step_s;
        // A whole number of steps is not always one after a division.
        let index = (steps + 1e-9).floor();
        let newer = self.places.get(index as usize)?;
        let share = (steps - index).max(0.0);
        if share == 0.0 {
            return Some(*newer);
        }
        let older = self.places.get(index as usize + 1)?;
        let between = |a: f64, b: f64| a + (b - a) * share;
        let turn = newer.turn_to(older);
        Some(Pose2::new(
            between(newer.x(), older.x()),
            between(newer.y(), older.y()),
            newer.yaw() + turn * share,
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_tells_between_its_steps_and_nothing_from_before_the_first() {
        let mut robot = crate::testing::robot();
        for scanner in robot.scanners.values_mut() {
            scanner.sweep_s = 0.03;
        }
        let mut track = Track::new(&robot, Duration::from_millis(2));
        track.push(Pose2::new(0.0, 0.0, 3.1));
        assert_eq!(track.before(0.001), None);
        for step in 1..40 {
            track.push(Pose2::new(0.1 * f64::from(step), 0.0, 3.1 + 0.01 * f64::from(step)));
        }
        let at = |seconds| track.before(seconds).map(|place| (place.x(), place.yaw()));
        assert_eq!(track.before(0.0).map(|place| place.x()), Some(0.1 * 39.0));
        let (x, yaw) = at(0.029).unwrap();
        assert!((x - 0.1 * 24.5).abs() < 1e-9, "{x}");
        assert!((yaw - (3.1 + 0.01 * 24.5 - std::f64::consts::TAU)).abs() < 1e-9, "{yaw}");
        assert!(at(0.03).is_some());
        assert_eq!(at(0.036), None, "memory is bounded");
    }
}
