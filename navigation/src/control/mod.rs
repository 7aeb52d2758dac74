//! Velocities for a base: along a path, along a line, and exactly to a pose.

mod line;
pub mod mppi;

pub use line::along_line;

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
/// A predicted way is followed at this share of full speed: the rest is for catching up.
const REFERENCE_SHARE: f64 = 0.9;
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

/// Acceleration comes up within this, seconds: jerk is the largest acceleration over it.
const JERK_S: f64 = 0.2;

impl Limits {
    /// As [`Self::ramp`], with limited jerk as well: `acceleration` is what came before, and what is now.
    pub fn smooth(&self, last: Twist, acceleration: &mut Twist, wanted: Twist) -> Twist {
        let step = |last: f64, acceleration: &mut f64, wanted: f64, most: f64| {
            let (change, jerk) = (wanted - last, most / JERK_S);
            // From this acceleration it can come back to none just as the change is done.
            let fitting = (2.0 * jerk * change.abs()).sqrt().min(change.abs() / PERIOD_S).min(most);
            let step = jerk * PERIOD_S;
            *acceleration += (fitting.copysign(change) - *acceleration).clamp(-step, step);
            last + *acceleration * PERIOD_S
        };
        let Twist { x, y, yaw } = acceleration;
        Twist {
            x: step(last.x, x, wanted.x, self.acceleration.x),
            y: step(last.y, y, wanted.y, self.acceleration.y),
            yaw: step(last.yaw, yaw, wanted.yaw, self.acceleration.yaw),
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

/// The speed that closes an error on one axis and stops there.
fn stopping(off: f64, most: f64, brake: f64) -> f64 {
    (GAIN * off.abs()).min((2.0 * BRAKE_SHARE * brake * off.abs()).sqrt()).min(most).copysign(off)
}

/// As [`towards`], for a base that cannot drive sideways: it turns until the goal is ahead or behind, drives, and turns.
pub fn towards_along(base_from_goal: &Isometry2<f64>, limits: &Limits) -> Twist {
    let (to, turn) = (base_from_goal.translation.vector, base_from_goal.rotation.angle());
    let (distance, Limits { speed, acceleration }) = (to.norm(), limits);
    if distance < THERE_M {
        return Twist { yaw: stopping(turn, speed.yaw, acceleration.yaw), ..Twist::STOP };
    }
    let back = to.x < 0.0;
    let bearing = if back { (-to.y).atan2(-to.x) } else { to.y.atan2(to.x) };
    let yaw = stopping(bearing, speed.yaw, acceleration.yaw);
    if bearing.abs() > AHEAD_RAD {
        return Twist { yaw, ..Twist::STOP };
    }
    let ahead = stopping(distance, speed.x, acceleration.x);
    Twist { x: if back { -ahead } else { ahead }, y: 0.0, yaw }
}

/// A base that cannot drive sideways is at its goal's place within this, metres, and drives when the goal is ahead
/// within this, radians.
const THERE_M: f64 = 0.006;
const AHEAD_RAD: f64 = 0.15;

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

    /// Notes how far the base has come. False where it has left the path.
    fn locate(&mut self, base: &Isometry2<f64>) -> bool {
        // The nearest pose among those that come next: a path may cross itself.
        let reach = self.left_m[self.at] - 3.0 * LOOK_AHEAD_M;
        let candidates = (self.at..self.path.len()).take_while(|i| self.left_m[*i] >= reach);
        let nearest =
            candidates.min_by(|a, b| way(base, &self.path[*a]).total_cmp(&way(base, &self.path[*b])));
        self.at = nearest.unwrap_or(self.at);
        way(base, &self.path[self.at]) <= OFF_PATH_M
    }

    /// Where the base should be after each of so many steps, from the path's pose nearest to it. None where the base
    /// has left the path.
    pub fn reference(
        &mut self,
        base: &Isometry2<f64>,
        limits: &Limits,
        steps: usize,
        step_s: f64,
    ) -> Option<Vec<Isometry2<f64>>> {
        if !self.locate(base) {
            return None;
        }
        let (mut at, mut along) = (self.at, 0.0);
        let mut poses = Vec::with_capacity(steps);
        for _ in 0..steps {
            let mut left_s = step_s;
            while at + 1 < self.path.len() {
                let seconds = self.leg_s(at, limits);
                if (1.0 - along) * seconds > left_s {
                    along += left_s / seconds;
                    break;
                }
                left_s -= (1.0 - along) * seconds;
                (at, along) = (at + 1, 0.0);
            }
            let next = self.path[(at + 1).min(self.path.len() - 1)];
            let here = self.path[at];
            let place = here.translation.vector.lerp(&next.translation.vector, along);
            let heading = here.rotation.angle() + along * here.rotation.angle_to(&next.rotation);
            poses.push(Isometry2::new(place, heading));
        }
        Some(poses)
    }

    /// Seconds from a pose of the path to the next one: the slowest axis at its limit, and slower towards the end.
    fn leg_s(&self, at: usize, limits: &Limits) -> f64 {
        let leg = self.path[at].inv_mul(&self.path[at + 1]);
        let (to, turn) = (leg.translation.vector, leg.rotation.angle());
        let Limits { speed, acceleration } = limits;
        // A base that cannot drive sideways has paths without sideways legs: what is left there is rounding.
        let side_s = if speed.y > 0.0 { (to.y / speed.y).abs() } else { 0.0 };
        let seconds = (to.x / speed.x).abs().max(side_s).max((turn / speed.yaw).abs());
        let fastest = (2.0 * BRAKE_SHARE * acceleration.x * self.left_m[at]).sqrt();
        seconds.max((self.left_m[at] - self.left_m[at + 1]) / fastest.max(1e-3)) / REFERENCE_SHARE
    }

    /// The velocity for a base at `base` (in the path's frame). None where the base has left the path.
    pub fn step(&mut self, base: &Isometry2<f64>, limits: &Limits) -> Option<Twist> {
        if !self.locate(base) {
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
        fn with_limited_jerk_it_arrives_as_well(x in -2.0f64..2.0, y in -2.0f64..2.0, yaw in -3.0f64..3.0) {
            let goal = Isometry2::new(Vector2::new(x, y), yaw);
            let (mut base, mut last, mut acceleration) = (Isometry2::identity(), Twist::STOP, Twist::STOP);
            for _ in 0..500 {
                let before = acceleration;
                let command = LIMITS.smooth(last, &mut acceleration, towards(&base.inv_mul(&goal), &LIMITS));
                prop_assert!((acceleration.x - before.x).abs() <= 0.8 / JERK_S * PERIOD_S + 1e-9);
                prop_assert!((command.x - last.x).abs() <= 0.8 * PERIOD_S + 1e-9);
                base *= travelled(command, PERIOD_S);
                last = command;
            }
            let miss = Miss::of(&base.inv_mul(&goal));
            prop_assert!(miss.within(&Miss { distance_m: 2e-3, turn_rad: 2e-3 }), "{:?}", miss);
        }

        #[test]
        fn a_base_that_only_drives_along_itself_arrives(x in -1.0f64..1.0, y in -1.0f64..1.0, yaw in -3.0f64..3.0) {
            let goal = Isometry2::new(Vector2::new(x, y), yaw);
            let limits = Limits {
                speed: Twist { y: 0.0, ..LIMITS.speed },
                acceleration: Twist { y: 0.0, ..LIMITS.acceleration },
            };
            let (mut base, mut last) = (Isometry2::identity(), Twist::STOP);
            for _ in 0..700 {
                let command = limits.ramp(last, towards_along(&base.inv_mul(&goal), &limits));
                prop_assert_eq!(command.y, 0.0);
                base *= travelled(command, PERIOD_S);
                last = command;
            }
            let miss = Miss::of(&base.inv_mul(&goal));
            prop_assert!(miss.within(&Miss { distance_m: 0.012, turn_rad: 0.01 }), "{:?}", miss);
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
