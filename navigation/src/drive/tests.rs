//! Drives without a world: what the base does about who stands in its way.

use super::*;
use crate::costmap::tests::room;
use nalgebra::{Point2, Vector2};
use nightshift_core::random::Seed;
use std::time::Duration;

/// Somebody stood across the only way, and walked on where no beam reaches: the base does not wait for who is long gone, but
/// goes and looks. Whoever is still seen is waited for.
#[test]
fn what_was_not_seen_for_long_does_not_hold_it() {
    let across: Vec<Point2<f64>> = (1..79).map(|i| Point2::new(2.525, 0.05 * f64::from(i) + 0.025)).collect();
    let way = |seen_again: bool| {
        let mut costmap = room();
        let mut mppi = Mppi::new(costmap.footprint(), Seed(1));
        let twist = |x: f64, yaw: f64| Twist { x, y: x, yaw };
        let limits = Limits { speed: twist(0.5, 1.0), acceleration: twist(0.8, 1.6) };
        let at = |x: f64| Isometry2::new(Vector2::new(x, 2.0), 0.0);
        let eye = Point2::new(0.6, 2.0);
        costmap.look(Stamp::from_seconds(1.0), &eye, &across, &at(0.6));
        let again: &[Point2<f64>] = if seen_again { &across } else { &[] };
        costmap.look(Stamp::from_seconds(10.0), &eye, again, &at(0.6));
        let mut drive = Drive::new(at(3.3), "test".to_owned(), limits, true, None);
        (0..3).any(|tick| {
            let now = Stamp::from_seconds(10.0 + 0.05 * f64::from(tick));
            let velocity = Twist::STOP;
            let seen = Now { now, base: &at(0.6), velocity, costmap: &costmap, movers: &[], held: false };
            let step = drive.step(&seen, &mut mppi);
            if drive.doubts() {
                costmap.forget_unseen(UNSEEN_S);
            }
            matches!(step, Step::Path(_))
        })
    };
    assert!(way(false), "it goes and looks");
    assert!(!way(true), "it waits");
}

/// Somebody stands at its corner, so near that the guard lets it go no farther: it goes back, although the guard's last
/// word was no.
#[test]
fn held_by_the_guard_it_goes_back_from_who_stands_at_its_corner() {
    let mut costmap = room();
    let mut mppi = Mppi::new(costmap.footprint(), Seed(1));
    let twist = |x: f64, yaw: f64| Twist { x, y: x, yaw };
    let limits = Limits { speed: twist(0.5, 1.0), acceleration: twist(0.8, 1.6) };
    let at = |x: f64| Isometry2::new(Vector2::new(x, 2.0), 0.0);
    let mut drive = Drive::new(at(3.3), "test".to_owned(), limits, true, None);
    let mut now = Stamp::from_seconds(1.0);
    let mut step = |drive: &mut Drive, costmap: &Costmap, x: f64, held: bool| {
        now = now + Duration::from_millis(50);
        let velocity = Twist::STOP;
        drive.step(&Now { now, base: &at(x), velocity, costmap, movers: &[], held }, &mut mppi)
    };
    for tick in 0..29 {
        step(&mut drive, &costmap, 0.6 + 0.05 * f64::from(tick), false);
    }
    costmap.look(Stamp::from_seconds(3.0), &Point2::new(2.2, 2.0), &[Point2::new(2.475, 2.33)], &at(2.0));
    let mut back = 0;
    for _ in 0..190 {
        if let Step::Drive(twist) = step(&mut drive, &costmap, 2.0, true) {
            back += u32::from(twist.x < -0.01);
        }
    }
    assert!(back > 0, "it goes back");
}
