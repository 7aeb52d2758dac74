//! The last word before the wheels: no command passes that would bring the outline to anything the scanners see.
//!
//! It knows nothing of maps, paths and goals. It takes the outline along the commanded velocity and lets through
//! that share of the command from which the base can still stop in time.

use crate::footprint::Footprint;
use nalgebra::{Isometry2, Point2, Vector2};
use nightshift_core::robot::Twist;

/// Kept clear of everything, metres.
pub const MARGIN_M: f64 = 0.05;
/// From a beam to a slower wheel, seconds: a scanner's turn, a control cycle and the drive.
const DELAY_S: f64 = 0.2;
/// Steps along the way are no longer than this at the outline's farthest corner, metres.
const STEP_M: f64 = 0.01;
/// Returns from so far within the outline are the robot's own, metres.
const OWN_BODY_M: f64 = 0.03;
/// What is within its margin already may come no nearer than this, metres: the scanner's noise.
const NOISE_M: f64 = 0.004;
/// Slower than this is standing still.
const LEAST_SHARE: f64 = 0.02;

/// Something seen, in the base's frame, and how near the outline may come to it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Obstacle {
    /// Where it is now.
    pub point: Point2<f64>,
    /// Metres.
    pub margin_m: f64,
}

/// The share of `command`, 0 to 1, that is safe among `obstacles` for a base that brakes with `deceleration`.
pub fn safe_share(footprint: &Footprint, command: Twist, deceleration: Twist, obstacles: &[Obstacle]) -> f64 {
    let brake = |speed: f64, brake: f64| if brake > 0.0 { speed.abs() / brake } else { 0.0 };
    let braking_s = [
        brake(command.x, deceleration.x),
        brake(command.y, deceleration.y),
        brake(command.yaw, deceleration.yaw),
    ]
    .into_iter()
    .fold(0.0, f64::max);
    let speed = command.x.hypot(command.y) + command.yaw.abs() * footprint.outer_radius_m();
    if !speed.is_finite() {
        return 0.0;
    }
    if speed == 0.0 {
        return 1.0;
    }
    // Braking from a constant velocity takes half the way that the velocity itself would in the same time.
    let horizon_s = DELAY_S + braking_s / 2.0;
    let reach = speed * horizon_s;
    let near: Vec<(Point2<f64>, f64)> = obstacles
        .iter()
        .filter_map(|obstacle| {
            let distance = footprint.distance(&obstacle.point);
            let relevant = distance > -OWN_BODY_M && distance < obstacle.margin_m + reach;
            relevant.then(|| (obstacle.point, obstacle.margin_m.min(distance - NOISE_M)))
        })
        .collect();
    let steps = (reach / STEP_M).ceil().max(1.0) as usize;
    let clear_s = (1..=steps).map(|step| horizon_s * step as f64 / steps as f64).find(|time| {
        let moved = travelled(command, *time);
        near.iter()
            .any(|(point, allowed)| footprint.distance(&moved.inverse_transform_point(point)) < *allowed)
    });
    let Some(contact_s) = clear_s else { return 1.0 };
    // The share k from which the base stops in time: k DELAY_S + k^2 braking_s / 2 = the time free at full speed.
    let free_s = contact_s - horizon_s / steps as f64;
    let share = if braking_s > 0.0 {
        ((DELAY_S * DELAY_S + 2.0 * braking_s * free_s).sqrt() - DELAY_S) / braking_s
    } else {
        free_s / DELAY_S
    };
    if share < LEAST_SHARE { 0.0 } else { share.min(1.0) }
}

/// Where the base is after `seconds` of a constant velocity in its own frame.
pub fn travelled(twist: Twist, seconds: f64) -> Isometry2<f64> {
    let (turn, velocity) = (twist.yaw * seconds, Vector2::new(twist.x, twist.y));
    let straight = velocity * seconds;
    let moved = if turn.abs() < 1e-6 {
        straight
    } else {
        let (sin, cos) = turn.sin_cos();
        Vector2::new(sin * velocity.x - (1.0 - cos) * velocity.y, (1.0 - cos) * velocity.x + sin * velocity.y)
            / twist.yaw
    };
    Isometry2::new(moved, turn)
}

/// A part of a command.
pub fn scaled(twist: Twist, share: f64) -> Twist {
    Twist { x: twist.x * share, y: twist.y * share, yaw: twist.yaw * share }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BRAKE: Twist = Twist { x: 0.8, y: 0.6, yaw: 1.6 };

    fn footprint() -> Footprint {
        Footprint::new(&[[0.42, 0.28], [-0.42, 0.28], [-0.42, -0.28], [0.42, -0.28]])
    }

    fn at(x: f64, y: f64) -> Obstacle {
        Obstacle { point: Point2::new(x, y), margin_m: MARGIN_M }
    }

    fn ahead(x: f64) -> Twist {
        Twist { x, y: 0.0, yaw: 0.0 }
    }

    #[test]
    fn a_free_way_is_full_speed_and_a_wall_in_the_way_slows_then_stops() {
        let share = |x| safe_share(&footprint(), ahead(0.7), BRAKE, &[at(x, 0.0)]);
        assert_eq!(share(3.0), 1.0);
        assert!(share(0.75) < 1.0 && share(0.75) > 0.3);
        assert_eq!(share(0.47), 0.0);
        assert!(share(0.6) < share(0.7));
    }

    #[test]
    fn it_lets_go_away_from_and_past_what_is_near() {
        assert_eq!(safe_share(&footprint(), ahead(-0.5), BRAKE, &[at(0.44, 0.0)]), 1.0);
        assert_eq!(safe_share(&footprint(), ahead(0.5), BRAKE, &[at(0.0, 0.35)]), 1.0);
        let turn = Twist { x: 0.0, y: 0.0, yaw: 0.8 };
        assert!(safe_share(&footprint(), turn, BRAKE, &[at(0.42, 0.36)]) < 0.5);
        assert_eq!(safe_share(&footprint(), ahead(0.5), BRAKE, &[at(0.1, 0.1)]), 1.0, "the robot's own body");
        let broken = Twist { x: f64::NAN, ..Twist::STOP };
        assert_eq!(safe_share(&footprint(), broken, BRAKE, &[]), 0.0);
    }

    #[test]
    fn travelling_follows_the_arc() {
        let quarter = travelled(Twist { x: 1.0, y: 0.0, yaw: std::f64::consts::FRAC_PI_2 }, 1.0);
        let radius = std::f64::consts::FRAC_2_PI;
        assert!((quarter.translation.vector - Vector2::new(radius, radius)).norm() < 1e-12);
    }

    proptest! {
        /// Simulates the delay and the braking from what was let through: the outline never touches.
        #[test]
        fn what_passes_can_stop_in_time(
            x in -0.7f64..0.7, y in -0.4f64..0.4, yaw in -1.0f64..1.0,
            points in proptest::collection::vec((-1.5f64..1.5, -1.5f64..1.5), 1..12),
        ) {
            let f = footprint();
            let obstacles: Vec<Obstacle> =
                points.iter().map(|(x, y)| at(*x, *y)).filter(|o| f.distance(&o.point) > MARGIN_M).collect();
            let mut v = scaled(Twist { x, y, yaw }, safe_share(&f, Twist { x, y, yaw }, BRAKE, &obstacles));
            let braking_s = (v.x / BRAKE.x).abs().max((v.y / BRAKE.y).abs()).max((v.yaw / BRAKE.yaw).abs());
            let per_s = if braking_s > 0.0 { scaled(v, 1.0 / braking_s) } else { Twist::STOP };
            let (mut pose, mut time) = (Isometry2::identity(), 0.0);
            let dt = 0.002;
            while time < DELAY_S + braking_s {
                if time >= DELAY_S {
                    let left = (DELAY_S + braking_s - time).max(0.0);
                    v = scaled(per_s, left);
                }
                pose *= travelled(v, dt);
                time += dt;
                for o in &obstacles {
                    prop_assert!(f.distance(&pose.inverse_transform_point(&o.point)) > 0.0);
                }
            }
        }
    }
}
