//! Velocities for an omnidirectional base: along a path, and exactly to a pose.

use nalgebra::Isometry2;
use nightshift_core::robot::Twist;

/// Seconds from one control step to the next.
pub const PERIOD_S: f64 = 0.05;
/// Share of the base's deceleration that a planned stop uses: the rest is for what comes unplanned.
const BRAKE_SHARE: f64 = 0.6;
/// An error is closed at this rate near the end, 1/s.
const GAIN: f64 = 2.0;
/// How far ahead on the path the base aims, metres (turning counts [`TURN_M`] a radian).
const LOOK_AHEAD_M: f64 = 0.25;
/// A radian of turning weighs as so many metres of way.
const TURN_M: f64 = 0.4;
/// Off the path by more than this, it must be planned anew, metres.
const OFF_PATH_M: f64 = 0.4;

/// What the base can do on each axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// m/s and rad/s.
    pub speed: Twist,
    /// m/s^2 and rad/s^2.
    pub acceleration: Twist,
}

impl Limits {
    /// The same base at a share of its speed.
    pub fn slowed(&self, share: f64) -> Self {
        Self { speed: crate::guard::scaled(self.speed, share), ..*self }
    }

    /// The command nearest to `wanted` that can follow on `last` within a control step.
    pub fn ramp(&self, last: Twist, wanted: Twist) -> Twist {
        let step = |last: f64, wanted: f64, acceleration: f64| {
            let most = acceleration * PERIOD_S;
            last + (wanted - last).clamp(-most, most)
        };
        Twist {
            x: step(last.x, wanted.x, self.acceleration.x),
            y: step(last.y, wanted.y, self.acceleration.y),
            yaw: step(last.yaw, wanted.yaw, self.acceleration.yaw),
        }
    }
}

/// How far a goal is, seen from the base.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Miss {
    /// Metres.
    pub distance_m: f64,
    /// Radians, not negative.
    pub turn_rad: f64,
}

impl Miss {
    /// Of a goal seen from the base.
    pub fn of(base_from_goal: &Isometry2<f64>) -> Self {
        Self {
            distance_m: base_from_goal.translation.vector.norm(),
            turn_rad: base_from_goal.rotation.angle().abs(),
        }
    }

    /// Whether it is within the other.
    pub fn within(&self, allowed: &Self) -> bool {
        self.distance_m <= allowed.distance_m && self.turn_rad <= allowed.turn_rad
    }
}

/// The velocity that takes the base straight to a goal (seen from the base) and stops there.
pub fn towards(base_from_goal: &Isometry2<f64>, limits: &Limits) -> Twist {
    let (to, turn) = (base_from_goal.translation.vector, base_from_goal.rotation.angle());
    let distance = to.norm();
    let Limits { speed, acceleration } = limits;
    let slowest = |a: f64, b: f64| if b > 0.0 { a.min(b) } else { a };
    let deceleration = BRAKE_SHARE * slowest(acceleration.x, acceleration.y);
    let wanted = (GAIN * distance).min((2.0 * deceleration * distance).sqrt());
    let part = if distance > 0.0 { to * (wanted / distance) } else { to };
    let wanted_turn = (GAIN * turn.abs()).min((2.0 * BRAKE_SHARE * acceleration.yaw * turn.abs()).sqrt());
    let twist = Twist { x: part.x, y: part.y, yaw: wanted_turn.copysign(turn) };
    // One factor for x and y keeps the way straight.
    let over =
        (twist.x / speed.x).abs().max(if speed.y > 0.0 { (twist.y / speed.y).abs() } else { 0.0 }).max(1.0);
    Twist { x: twist.x / over, y: twist.y / over, yaw: twist.yaw.clamp(-speed.yaw, speed.yaw) }
}

/// Follows a path.
#[derive(Clone, Debug)]
pub struct Follower {
    path: Vec<Isometry2<f64>>,
    /// Way from each pose to the end, metres, turning counted in.
    left_m: Vec<f64>,
    at: usize,
}

fn way(from: &Isometry2<f64>, to: &Isometry2<f64>) -> f64 {
    let turn = from.rotation.angle_to(&to.rotation).abs();
    (to.translation.vector - from.translation.vector).norm() + TURN_M * turn
}

impl Follower {
    /// For a path of at least one pose.
    pub fn new(path: Vec<Isometry2<f64>>) -> Self {
        let mut left_m = vec![0.0; path.len()];
        for index in (1..path.len()).rev() {
            left_m[index - 1] = left_m[index] + way(&path[index - 1], &path[index]);
        }
        Self { path, left_m, at: 0 }
    }

    /// What is left of the path.
    pub fn rest(&self) -> &[Isometry2<f64>] {
        &self.path[self.at..]
    }

    /// The velocity for a base at `base` (in the path's frame). None where the base has left the path.
    pub fn step(&mut self, base: &Isometry2<f64>, limits: &Limits) -> Option<Twist> {
        // The nearest pose among those that come next: a path may cross itself.
        let reach = self.left_m[self.at] - 3.0 * LOOK_AHEAD_M;
        let candidates = (self.at..self.path.len()).take_while(|i| self.left_m[*i] >= reach);
        let nearest =
            candidates.min_by(|a, b| way(base, &self.path[*a]).total_cmp(&way(base, &self.path[*b])));
        self.at = nearest.unwrap_or(self.at);
        if way(base, &self.path[self.at]) > OFF_PATH_M {
            return None;
        }
        let aim_left = self.left_m[self.at] - LOOK_AHEAD_M;
        let aim = (self.at..self.path.len()).find(|i| self.left_m[*i] <= aim_left.max(0.0));
        let aim = aim.unwrap_or(self.path.len() - 1);
        let base_from_aim = base.inv_mul(&self.path[aim]);
        if aim + 1 == self.path.len() {
            return Some(towards(&base_from_aim, limits));
        }
        let (to, turn) = (base_from_aim.translation.vector, base_from_aim.rotation.angle());
        let Limits { speed, acceleration } = limits;
        // All axes arrive together, the slowest at its limit.
        let seconds = (to.x / speed.x).abs().max((to.y / speed.y).abs()).max((turn / speed.yaw).abs());
        let fastest = (2.0 * BRAKE_SHARE * acceleration.x.min(acceleration.y) * self.left_m[self.at]).sqrt();
        let seconds = seconds.max(way(&Isometry2::identity(), &base_from_aim) / fastest).max(PERIOD_S);
        Some(Twist { x: to.x / seconds, y: to.y / seconds, yaw: turn / seconds })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::travelled;
    use nalgebra::Vector2;
    use proptest::prelude::*;

    const LIMITS: Limits = Limits {
        speed: Twist { x: 0.7, y: 0.4, yaw: 1.0 },
        acceleration: Twist { x: 0.8, y: 0.6, yaw: 1.6 },
    };

    fn within_limits(last: Twist, now: Twist) -> bool {
        now.x.abs() <= 0.7 + 1e-9
            && now.y.abs() <= 0.4 + 1e-9
            && now.yaw.abs() <= 1.0 + 1e-9
            && (now.x - last.x).abs() <= 0.8 * PERIOD_S + 1e-9
            && (now.y - last.y).abs() <= 0.6 * PERIOD_S + 1e-9
            && (now.yaw - last.yaw).abs() <= 1.6 * PERIOD_S + 1e-9
    }

    proptest! {
        #[test]
        fn it_arrives_within_its_limits_and_without_overshoot(x in -2.0f64..2.0, y in -2.0f64..2.0, yaw in -3.0f64..3.0) {
            let goal = Isometry2::new(Vector2::new(x, y), yaw);
            let (mut base, mut last, mut overshoot) = (Isometry2::identity(), Twist::STOP, 0.0f64);
            let line = Vector2::new(x, y).try_normalize(1e-9).unwrap_or(Vector2::x());
            for _ in 0..400 {
                let command = LIMITS.ramp(last, towards(&base.inv_mul(&goal), &LIMITS));
                prop_assert!(within_limits(last, command));
                base *= travelled(command, PERIOD_S);
                overshoot = overshoot.max(line.dot(&(base.translation.vector - goal.translation.vector)));
                last = command;
            }
            let miss = Miss::of(&base.inv_mul(&goal));
            prop_assert!(miss.within(&Miss { distance_m: 1e-3, turn_rad: 1e-3 }), "{:?}", miss);
            prop_assert!(overshoot < 0.02, "{}", overshoot);
        }

        #[test]
        fn a_path_is_followed_closely(bend in -1.5f64..1.5, turn in -2.0f64..2.0) {
            let path: Vec<Isometry2<f64>> = (0..=80)
                .map(|i| {
                    let s = f64::from(i) * 0.05;
                    Isometry2::new(Vector2::new(s, bend * (s * 0.8).sin() * 0.5), turn * s / 4.0)
                })
                .collect();
            let mut follower = Follower::new(path.clone());
            let (mut base, mut last) = (path[0], Twist::STOP);
            for _ in 0..500 {
                let command = LIMITS.ramp(last, follower.step(&base, &LIMITS).unwrap());
                prop_assert!(within_limits(last, command));
                base *= travelled(command, PERIOD_S);
                last = command;
                let off = path.iter().map(|p| (p.translation.vector - base.translation.vector).norm()).fold(9.0, f64::min);
                prop_assert!(off < 0.06, "{}", off);
            }
            let miss = Miss::of(&base.inv_mul(&path[80]));
            prop_assert!(miss.within(&Miss { distance_m: 2e-3, turn_rad: 2e-3 }), "{:?}", miss);
        }
    }

    #[test]
    fn a_base_that_was_pushed_off_its_path_is_told() {
        let mut follower =
            Follower::new(vec![Isometry2::identity(), Isometry2::new(Vector2::new(1.0, 0.0), 0.0)]);
        assert_eq!(follower.step(&Isometry2::new(Vector2::new(0.0, 1.0), 0.0), &LIMITS), None);
    }
}
