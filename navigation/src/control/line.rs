//! Along a line, for a base that cannot drive sideways.

use super::{Limits, stopping};
use nalgebra::Isometry2;
use nightshift_core::robot::Twist;

/// What a base is aside of its line falls to an e-th over so much way, metres: of what is left to drive a quarter, within
/// these. Longer makes wide bends, shorter ones turn the base too far out of its line.
const SETTLING_SHARE: f64 = 0.25;
const SHORTEST_M: f64 = 0.04;
const LONGEST_M: f64 = 0.15;

/// The velocity that takes a base, ahead or backwards, along the x axis of its goal (seen from the base) to where the goal
/// is, and turns it there once it is within `there_m`. What it is aside of the axis then it stays.
///
/// With `y` aside of the line, `h` the heading against it and `L` the settling way, the bend is `-y / L^2 - 2 h / L`: along
/// the way `y` then follows `y'' + 2 y' / L + y / L^2 = 0`, critically damped, in both directions (de Luca, Oriolo, Samson
/// 1998, "Feedback control of a nonholonomic car-like robot", linearised about the line).
pub fn along_line(base_from_goal: &Isometry2<f64>, limits: &Limits, there_m: f64) -> Twist {
    let goal_from_base = base_from_goal.inverse();
    let (at, heading) = (goal_from_base.translation.vector, goal_from_base.rotation.angle());
    let Limits { speed, acceleration } = limits;
    if at.x.abs() <= there_m {
        return Twist { yaw: stopping(-heading, speed.yaw, acceleration.yaw), ..Twist::STOP };
    }
    let settling_m = (SETTLING_SHARE * at.x.abs()).clamp(SHORTEST_M, LONGEST_M);
    let ahead = stopping(-at.x, speed.x, acceleration.x);
    // Backwards the heading turns the other way about the line.
    let bend = -at.y / settling_m.powi(2) - 2.0 * heading * ahead.signum() / settling_m;
    let yaw = ahead * bend;
    // Slower where it could not turn so fast: the bend is what counts.
    let over = (yaw / speed.yaw).abs().max(1.0);
    Twist { x: ahead / over, y: 0.0, yaw: yaw / over }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::PERIOD_S;
    use crate::guard::travelled;
    use nalgebra::Vector2;
    use proptest::prelude::*;

    const LIMITS: Limits = Limits {
        speed: Twist { x: 0.1, y: 0.0, yaw: 0.15 },
        acceleration: Twist { x: 0.8, y: 0.0, yaw: 1.6 },
    };

    proptest! {
        /// As into and out of a dock: from half a metre before it and 2 cm aside, and back.
        #[test]
        fn it_comes_onto_the_line_ahead_and_backwards(
            way in 0.4f64..0.6, aside in -0.02f64..0.02, turned in -0.08f64..0.08, back in proptest::bool::ANY
        ) {
            let goal = Isometry2::identity();
            let start = if back { way } else { -way };
            let (mut base, mut last) = (Isometry2::new(Vector2::new(start, aside), turned), Twist::STOP);
            for _ in 0..600 {
                let command = LIMITS.ramp(last, along_line(&base.inv_mul(&goal), &LIMITS, 4e-4));
                prop_assert!(command.x.abs() <= 0.1 + 1e-9 && command.yaw.abs() <= 0.15 + 1e-9 && command.y == 0.0);
                base *= travelled(command, PERIOD_S);
                last = command;
                prop_assert!(base.rotation.angle().abs() < 0.2, "{}", base.rotation.angle());
            }
            prop_assert!(base.translation.x.abs() < 6e-4, "{}", base.translation.x);
            prop_assert!(base.translation.y.abs() < 5e-4, "{}", base.translation.y);
            prop_assert!(base.rotation.angle().abs() < 5e-4, "{}", base.rotation.angle());
        }
    }
}
