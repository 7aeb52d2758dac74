//! The last word before the wheels: no command passes that would bring the outline to anything the scanners see.
//!
//! It knows nothing of maps, paths and goals, and keeps its own senses. It takes the outline along the commanded
//! velocity and lets through that share of the command from which the base can still stop in time (it stops, or
//! comes up slowly); near anything it goes slower anyway; without fresh scans of every scanner it stands. It is
//! asked at every command and speaks up by itself at every scan.

use crate::footprint::Footprint;
use crate::senses::Senses;
use nalgebra::{Isometry2, Point2, Vector2};
use nightshift_core::describe::ScannerDescription;
use nightshift_core::robot::{LaserScan, Odometry, Twist};
use nightshift_core::time::Stamp;
use std::collections::BTreeMap;

/// Kept clear of everything, metres.
pub const MARGIN_M: f64 = 0.05;
/// From a beam to a slower wheel, seconds: a scanner's turn, a control cycle and the drive.
const DELAY_S: f64 = 0.2;
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
const SLOW_M: f64 = 0.35;
const SLOW_SHARE: f64 = 0.4;
/// A sensor that is silent for so long stops the base, seconds.
const STALE_S: f64 = 0.4;

/// Something seen, in the base's frame, and how near the outline may come to it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Obstacle {
    /// Where it is now.
    pub point: Point2<f64>,
    /// Metres.
    pub margin_m: f64,
}

/// Why less than a command was let through.
#[derive(Clone, Debug, PartialEq)]
pub enum Reason {
    /// The command passed whole.
    Clear,
    /// Something is near.
    Slow,
    /// Something is ahead; the base can still stop before it.
    Approach,
    /// Something is too near to go on so.
    Stop,
    /// A sensor has said nothing of use for too long.
    Stale(String),
}

/// What the guard lets through.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// For the wheels.
    pub twist: Twist,
    /// Why it is not the command.
    pub reason: Reason,
}

/// The guard of one base.
pub struct Guard {
    footprint: Footprint,
    speed: Twist,
    deceleration: Twist,
    senses: Senses,
    /// What was let through last.
    last: Twist,
}

impl Guard {
    /// For a base with these scanners that brakes with `deceleration`.
    pub fn new(
        footprint: Footprint,
        speed: Twist,
        deceleration: Twist,
        scanners: BTreeMap<String, ScannerDescription>,
    ) -> Self {
        Self { footprint, speed, deceleration, senses: Senses::new(scanners), last: Twist::STOP }
    }

    /// Takes dead reckoning.
    pub fn odometry(&mut self, odometry: &Odometry) {
        self.senses.odometry(odometry);
    }

    /// Takes a scan. Some where what is being driven may not go on as it is.
    pub fn scan(
        &mut self,
        now: Stamp,
        scan: &LaserScan,
        margin_m: impl Fn(&Point2<f64>) -> f64,
    ) -> Option<Verdict> {
        self.senses.scan(scan);
        if self.last == Twist::STOP {
            return None;
        }
        let driven = self.last;
        Some(self.allow(now, driven, margin_m)).filter(|verdict| verdict.twist != driven)
    }

    /// The base is told to stand: nothing is being driven.
    pub fn stand(&mut self) {
        self.last = Twist::STOP;
    }

    /// What of a command reaches the wheels. `margin_m`: how near the outline may come to a point (base frame).
    pub fn allow(&mut self, now: Stamp, command: Twist, margin_m: impl Fn(&Point2<f64>) -> f64) -> Verdict {
        let verdict = self.judge(now, command, margin_m);
        self.last = verdict.twist;
        verdict
    }

    fn judge(&self, now: Stamp, command: Twist, margin_m: impl Fn(&Point2<f64>) -> f64) -> Verdict {
        let (sensor, silent_s) = self.senses.silence(now, Stamp::ZERO);
        let odom_from_base = self.senses.odom_from_base(now);
        let Some(odom_from_base) = odom_from_base.filter(|_| silent_s <= STALE_S) else {
            return Verdict { twist: Twist::STOP, reason: Reason::Stale(sensor.to_owned()) };
        };
        let obstacles: Vec<Obstacle> = self
            .senses
            .points(&odom_from_base)
            .into_iter()
            .map(|point| Obstacle { point, margin_m: margin_m(&point) })
            .collect();
        let distances = distances(&self.footprint, &obstacles);
        let safe = safe_among(&self.footprint, command, self.deceleration, &obstacles, &distances);
        let slow = slow_share(command, self.speed, &distances);
        let reason = if safe == 0.0 {
            Reason::Stop
        } else if safe < slow {
            Reason::Approach
        } else if slow < 1.0 {
            Reason::Slow
        } else {
            Reason::Clear
        };
        Verdict { twist: scaled(command, safe.min(slow)), reason }
    }
}

/// Of the outline from each obstacle, metres.
fn distances(footprint: &Footprint, obstacles: &[Obstacle]) -> Vec<f64> {
    obstacles.iter().map(|obstacle| footprint.distance(&obstacle.point)).collect()
}

/// The share of `command` that keeps to the speed allowed so near to obstacles at `distances` from the outline.
fn slow_share(command: Twist, speed: Twist, distances: &[f64]) -> f64 {
    let outside = distances.iter().copied().filter(|distance| *distance > -OWN_BODY_M);
    let nearest = outside.fold(SLOW_M, f64::min);
    let allowed = (nearest / SLOW_M).clamp(SLOW_SHARE, 1.0);
    let part = |v: f64, most: f64| if most > 0.0 { v.abs() / most } else { 0.0 };
    let wanted = part(command.x, speed.x).max(part(command.y, speed.y)).max(part(command.yaw, speed.yaw));
    if wanted > allowed { allowed / wanted } else { 1.0 }
}

/// The share of `command`, 0 to 1, that is safe among `obstacles`, so far from the outline, for a base that brakes with
/// `deceleration`.
fn safe_among(
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    const BRAKE: Twist = Twist { x: 0.8, y: 0.6, yaw: 1.6 };

    fn safe_share(footprint: &Footprint, command: Twist, brake: Twist, obstacles: &[Obstacle]) -> f64 {
        safe_among(footprint, command, brake, obstacles, &distances(footprint, obstacles))
    }

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
    fn what_is_too_near_is_not_crept_up_to_however_slowly() {
        for (gap, speed) in [(0.045, 0.2), (0.03, 0.005), (0.01, 0.001), (0.0, 0.0001)] {
            let share = |command| safe_share(&footprint(), command, BRAKE, &[at(0.42 + gap, 0.1)]);
            assert_eq!(share(ahead(speed)), 0.0, "{gap} {speed}");
            assert!(share(ahead(-speed)) > 0.0, "away");
            assert!(share(Twist { x: 0.0, y: speed, yaw: 0.0 }) > 0.0, "along");
        }
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

    fn scanner(front: bool) -> ScannerDescription {
        let yaw = if front { 0.0 } else { std::f64::consts::PI };
        ScannerDescription {
            pose: nightshift_core::Pose::from_xyz_rpy(
                [if front { 0.42 } else { -0.42 }, 0.0, 0.2],
                [0.0, 0.0, yaw],
            ),
            angle_min_deg: -90.0,
            angle_max_deg: 90.0,
            beams: 181,
            range_min_m: 0.05,
            range_max_m: 25.0,
            rate_hz: 12.5,
            sweep_s: 0.0,
        }
    }

    fn guard() -> Guard {
        let scanners = [("front".to_owned(), scanner(true)), ("rear".to_owned(), scanner(false))];
        Guard::new(footprint(), Twist { x: 0.7, y: 0.4, yaw: 1.0 }, BRAKE, scanners.into())
    }

    /// All beams of a scanner end so far away.
    fn turn(name: &str, seconds: f64, range: f32) -> LaserScan {
        LaserScan {
            stamp: Stamp::from_seconds(seconds),
            scanner: name.into(),
            angle_min: -std::f64::consts::FRAC_PI_2,
            angle_increment: 1f64.to_radians(),
            sweep: Duration::ZERO,
            beams: vec![nightshift_core::robot::Beam::Hit(range); 181],
        }
    }

    fn stand(guard: &mut Guard, seconds: f64) {
        let odom_from_base = nightshift_core::Pose2::identity();
        guard.odometry(&Odometry {
            stamp: Stamp::from_seconds(seconds),
            odom_from_base,
            velocity: Twist::STOP,
        });
    }

    const PLAIN: fn(&Point2<f64>) -> f64 = |_| MARGIN_M;

    #[test]
    fn it_stands_until_every_scanner_has_spoken_and_again_when_one_falls_silent() {
        let mut guard = guard();
        let at = Stamp::from_seconds;
        stand(&mut guard, 10.0);
        let stale =
            |verdict: Verdict| matches!(verdict.reason, Reason::Stale(_)) && verdict.twist == Twist::STOP;
        assert!(stale(guard.allow(at(10.0), ahead(0.3), PLAIN)));
        guard.scan(at(10.0), &turn("front", 10.0, 5.0), PLAIN);
        assert!(stale(guard.allow(at(10.0), ahead(0.3), PLAIN)), "the rear scanner has not spoken");
        guard.scan(at(10.0), &turn("rear", 10.0, 5.0), PLAIN);
        assert_eq!(
            guard.allow(at(10.0), ahead(0.3), PLAIN),
            Verdict { twist: ahead(0.3), reason: Reason::Clear }
        );
        stand(&mut guard, 10.5);
        guard.scan(at(10.5), &turn("front", 10.5, 5.0), PLAIN);
        let verdict = guard.allow(at(10.5), ahead(0.3), PLAIN);
        assert_eq!(verdict.reason, Reason::Stale("rear".into()));
        assert_eq!(verdict.twist, Twist::STOP);
    }

    #[test]
    fn a_scan_stops_what_is_being_driven_at_once_and_a_blind_one_is_no_scan() {
        let mut guard = guard();
        let at = Stamp::from_seconds;
        stand(&mut guard, 10.0);
        for name in ["front", "rear"] {
            assert_eq!(guard.scan(at(10.0), &turn(name, 10.0, 5.0), PLAIN), None, "it stands");
        }
        guard.allow(at(10.0), ahead(0.6), PLAIN);
        assert_eq!(guard.scan(at(10.08), &turn("front", 10.08, 5.0), PLAIN), None, "nothing has changed");
        let nan =
            LaserScan { beams: vec![nightshift_core::robot::Beam::Invalid; 181], ..turn("front", 10.1, 1.0) };
        assert_eq!(guard.scan(at(10.1), &nan, PLAIN), None);
        stand(&mut guard, 10.16);
        let verdict = guard.scan(at(10.16), &turn("front", 10.16, 0.051), PLAIN).unwrap();
        assert_eq!((verdict.twist, verdict.reason), (Twist::STOP, Reason::Stop));
        assert_eq!(guard.allow(at(10.16), ahead(-0.3), PLAIN).reason, Reason::Slow, "back it may go, slowly");
    }

    #[test]
    fn near_things_are_passed_slowly_and_things_ahead_are_come_up_to() {
        let slow = |y| {
            slow_share(
                ahead(0.7),
                Twist { x: 0.7, y: 0.4, yaw: 1.0 },
                &distances(&footprint(), &[at(0.0, y)]),
            )
        };
        assert_eq!(slow(1.0), 1.0);
        assert!((slow(0.28 + 0.2) - 0.2 / SLOW_M).abs() < 1e-9);
        assert_eq!(slow(0.28 + 0.06), SLOW_SHARE);
        let mut guard = guard();
        stand(&mut guard, 10.0);
        let mut front = turn("front", 10.0, 5.0);
        front.beams[80..100].fill(nightshift_core::robot::Beam::Hit(0.2));
        for scan in [front, turn("rear", 10.0, 5.0)] {
            guard.scan(Stamp::from_seconds(10.0), &scan, PLAIN);
        }
        let verdict = guard.allow(Stamp::from_seconds(10.0), ahead(0.7), PLAIN);
        assert_eq!(verdict.reason, Reason::Approach);
        assert!(verdict.twist.x > 0.05 && verdict.twist.x < 0.7, "{verdict:?}");
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
