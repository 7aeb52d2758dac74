//! The guard among obstacles and stale sensors.

use super::way::*;
use super::*;
use nalgebra::{Isometry2, Vector2};
use nightshift_core::robot::Gate;
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
    guard.odometry(&Odometry { stamp: Stamp::from_seconds(seconds), odom_from_base, velocity: Twist::STOP });
}

const PLAIN: fn(&Point2<f64>) -> f64 = |_| MARGIN_M;

#[test]
fn it_stands_until_every_scanner_has_spoken_and_again_when_one_falls_silent() {
    let mut guard = guard();
    let at = Stamp::from_seconds;
    stand(&mut guard, 10.0);
    let stale = |verdict: Verdict| matches!(verdict.reason, Reason::Stale(_)) && verdict.twist == Twist::STOP;
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
        slow_share(ahead(0.7), Twist { x: 0.7, y: 0.4, yaw: 1.0 }, &distances(&footprint(), &[at(0.0, y)]))
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

#[test]
fn the_last_word_stops_at_a_scan_what_a_busy_stack_told_last() {
    let mut last = LastWord::of(guard());
    let at = Stamp::from_seconds;
    assert_eq!(last.command(at(9.9), ahead(0.3)), Twist::STOP, "nothing has been seen yet");
    stand(&mut last.guard, 10.0);
    for name in ["front", "rear"] {
        assert_eq!(last.scan(at(10.0), &turn(name, 10.0, 5.0)), None, "it stands");
    }
    assert_eq!(last.command(at(10.0), ahead(0.6)), ahead(0.6));
    assert_eq!(last.scan(at(10.08), &turn("front", 10.08, 5.0)), None, "nothing has changed");
    stand(&mut last.guard, 10.16);
    assert_eq!(last.scan(at(10.16), &turn("front", 10.16, 0.051)), Some(Twist::STOP));
    assert_eq!(last.command(at(10.17), ahead(0.6)), Twist::STOP, "and it stays so");
    assert_eq!(last.command(at(10.6), ahead(-0.3)), Twist::STOP, "after 0.4 s without a scan too");
    stand(&mut last.guard, 10.7);
    for name in ["front", "rear"] {
        last.scan(at(10.7), &turn(name, 10.7, 5.0));
    }
    assert_eq!(last.command(at(10.7), ahead(0.6)), ahead(0.6));
    let silent = last.scan(at(11.1), &turn("front", 11.1, 0.051));
    assert_eq!(silent, None, "a base whose stack fell silent has stopped by itself");
}

proptest! {
    /// Two guards in a row are no slower than one: what the navigator's lets through the last one lets through.
    #[test]
    fn the_last_word_is_never_stricter_than_the_navigators_guard(
        x in -0.7f64..0.7, y in -0.4f64..0.4, yaw in -1.0f64..1.0,
        points in proptest::collection::vec((-1.5f64..1.5, -1.5f64..1.5), 1..12),
    ) {
        let (f, command) = (footprint(), Twist { x, y, yaw });
        let first: Vec<Obstacle> = points.iter().map(|(x, y)| at(*x, *y)).collect();
        let last: Vec<Obstacle> = first.iter().map(|o| Obstacle { margin_m: LAST_MARGIN_M, ..*o }).collect();
        let passed = scaled(command, safe_share(&f, command, BRAKE, &first));
        prop_assert!(safe_share(&f, passed, BRAKE, &last) > 0.9, "{}", safe_share(&f, passed, BRAKE, &last));
    }

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
