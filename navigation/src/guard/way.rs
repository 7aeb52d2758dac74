//! How much of a velocity is safe among obstacles: the outline is taken along it, and must be able to stop in time.

use crate::footprint::Footprint;
use nalgebra::{Isometry2, Point2, Vector2};
use nightshift_core::robot::Twist;

/// From a beam to a slower wheel, seconds: a scanner's turn, a control cycle and the drive.
pub const DELAY_S: f64 = 0.2;
/// A way is followed in steps no longer than this at the outline's farthest corner, metres.
const STEP_M: f64 = 0.01;
/// Returns from so far within the outline are the robot's own, metres.
const OWN_BODY_M: f64 = 0.03;
/// Of a scanner, metres: something may seem so much nearer than it is.
const NOISE_M: f64 = 0.004;
/// What is within its margin already may come nearer by this share of a way, down to half of its margin: along it and away,
/// but not towards it, however slowly.
const ASIDE: f64 = 0.1;
/// Slower than this is standing still.
const LEAST_SHARE: f64 = 0.02;
/// Nearer to an obstacle than this the base drives slower, down to [`SLOW_SHARE`] of its speed, metres.
pub const SLOW_M: f64 = 0.35;
pub const SLOW_SHARE: f64 = 0.4;

/// Something seen, in the base's frame, and how near the outline may come to it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Obstacle {
    /// Where it is now.
    pub point: Point2<f64>,
    /// Metres.
    pub margin_m: f64,
}

/// Of the outline from each obstacle, metres.
pub fn distances(footprint: &Footprint, obstacles: &[Obstacle]) -> Vec<f64> {
    obstacles.iter().map(|obstacle| footprint.distance(&obstacle.point)).collect()
}

/// The share of `command` that keeps to the speed allowed so near to obstacles at `distances` from the outline.
pub fn slow_share(command: Twist, speed: Twist, distances: &[f64]) -> f64 {
    let outside = distances.iter().copied().filter(|distance| *distance > -OWN_BODY_M);
    let nearest = outside.fold(SLOW_M, f64::min);
    let allowed = (nearest / SLOW_M).clamp(SLOW_SHARE, 1.0);
    let part = |v: f64, most: f64| if most > 0.0 { v.abs() / most } else { 0.0 };
    let wanted = part(command.x, speed.x).max(part(command.y, speed.y)).max(part(command.yaw, speed.yaw));
    if wanted > allowed { allowed / wanted } else { 1.0 }
}

/// The share of `command`, 0 to 1, that is safe among `obstacles`, so far from the outline, for a base that brakes with
/// `deceleration`.
pub fn safe_among(
    footprint: &Footprint,
    command: Twist,
    deceleration: Twist,
    obstacles: &[Obstacle],
    distances: &[f64],
) -> f64 {
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
    let step_s = STEP_M.min(reach) / speed;
    // Where the base will be, step by step: the same for all obstacles, and worked out as far as one asks.
    let mut poses: Vec<Isometry2<f64>> = Vec::new();
    let steps = (horizon_s / step_s - 1e-6).ceil() as usize;
    let mut contact = usize::MAX;
    for (obstacle, distance) in obstacles.iter().zip(distances) {
        if *distance <= -OWN_BODY_M || *distance >= obstacle.margin_m + reach {
            continue;
        }
        // No allowance once and for all: from scan to scan it would add up to a contact.
        let margin = obstacle.margin_m;
        let allowed = |step: usize| {
            if *distance >= margin - NOISE_M {
                (distance - NOISE_M).clamp(margin - NOISE_M, margin)
            } else {
                let aside = distance - ASIDE * speed * step_s * step as f64;
                aside.max(distance.min(margin / 2.0))
            }
        };
        // No point comes nearer faster than `speed`: a gap of so much is free for so long.
        let free = |gap: f64| ((gap / (speed * step_s)) as usize).max(1);
        let mut step = free(distance - allowed(0));
        while step <= steps && step < contact {
            while poses.len() <= step {
                poses.push(travelled(command, poses.len() as f64 * step_s));
            }
            let gap =
                footprint.distance(&poses[step].inverse_transform_point(&obstacle.point)) - allowed(step);
            if gap < 0.0 {
                contact = step;
                break;
            }
            step += free(gap);
        }
    }
    if contact == usize::MAX {
        return 1.0;
    }
    // The share k from which the base stops in time: k DELAY_S + k^2 braking_s / 2 = the time free at full speed.
    let free_s = (contact - 1) as f64 * step_s;
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
