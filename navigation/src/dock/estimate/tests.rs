use super::*;
use crate::dock::outline::Outline;
use crate::test_world::descriptions;
use nightshift_core::describe::Station;

fn storage() -> Station {
    descriptions().0.stations[&"storage".into()].clone()
}

fn at(x: f64, y: f64, heading: f64) -> Isometry2<f64> {
    Isometry2::new(Vector2::new(x, y), heading)
}

fn tag_from(station: &Station, station_from_base: &Isometry2<f64>) -> Pose<Base, Tag> {
    let station_from_base = nightshift_core::Pose2::from_iso(*station_from_base).spatial();
    station_from_base.inverse() * station.dock.tag.pose
}

/// The front edge, as a scanner at the base's origin sees it, its ranges too long by `bias_m`.
fn front(station_from_base: &Isometry2<f64>, bias_m: f64) -> Vec<Point2<f64>> {
    let eye = station_from_base.translation.vector;
    let ends = (-50..=50).map(|i| Vector2::new(0.0, f64::from(i) * 0.012));
    let seen = ends.map(|end| end + (end - eye).normalize() * bias_m);
    seen.map(|end| station_from_base.inverse_transform_point(&end.into())).collect()
}

#[test]
fn two_percent_of_slip_are_believed_to_be_two_percent_and_not_less() {
    let mut estimate = Estimate::new(&at(-1.0, 0.0, 0.0), &at(0.0, 0.0, 0.0));
    let before = estimate.pose_covariance()[(0, 0)];
    for step in 1..=50 {
        estimate.moved(&at(f64::from(step) * 0.01, 0.0, 0.0));
    }
    let grown = (estimate.pose_covariance()[(0, 0)] - before).sqrt();
    assert!(grown > SCALE_SIGMA * 0.5 && grown < 1.3 * SCALE_SIGMA * 0.5, "{grown}");
}

#[test]
fn tag_and_front_edge_together_tell_place_and_heading() {
    let (station, truth) = (storage(), at(-0.95, 0.06, 0.05));
    let outline = Outline::new(&station, 0.2);
    let odom = at(3.0, 1.0, 2.0);
    let mut estimate = Estimate::new(&at(-1.02, 0.0, 0.02), &odom);
    assert!(estimate.take_tag(&tag_from(&station, &truth), &odom, &station.dock.tag));
    let eye = Point2::origin();
    for _ in 0..10 {
        let points = front(&truth, 0.0);
        let sight = Sight { odom_from_base: &odom, eye: &eye, points: &points };
        assert!(estimate.take_scan(&outline, &sight) > 80);
    }
    let miss = estimate.station_from_base().inv_mul(&truth);
    assert!(miss.translation.vector.norm() < 1e-3 && miss.rotation.angle().abs() < 3e-4, "{miss:?}");
    assert!(estimate.sigmas().turn_rad < 2.5e-3, "{}", estimate.sigmas().turn_rad);
    assert!((estimate.odom_from_station().inv_mul(&odom).inv_mul(&truth)).translation.vector.norm() < 1e-3);
}

#[test]
fn ranges_that_are_too_long_do_not_make_the_place_look_certain() {
    let (station, truth) = (storage(), at(-0.9, 0.0, 0.0));
    let outline = Outline::new(&station, 0.2);
    let mut estimate = Estimate::new(&truth, &Isometry2::identity());
    assert!(estimate.take_tag(&tag_from(&station, &truth), &Isometry2::identity(), &station.dock.tag));
    for _ in 0..100 {
        let points = front(&truth, 0.002);
        let sight = Sight { odom_from_base: &Isometry2::identity(), eye: &Point2::origin(), points: &points };
        estimate.take_scan(&outline, &sight);
    }
    let off = (estimate.station_from_base().translation.x - truth.translation.x).abs();
    assert!(off < 3.0 * estimate.sigmas().distance_m, "{off} {}", estimate.sigmas().distance_m);
}

#[test]
fn a_tag_that_is_seen_tilted_the_wrong_way_is_refused() {
    let (station, truth) = (storage(), at(-1.0, 0.0, 0.0));
    let mut estimate = Estimate::new(&truth, &Isometry2::identity());
    let tilted =
        tag_from(&station, &at(-1.0, 0.0, 0.0)) * Pose::<Tag, Tag>::from_xyz_rpy([0.0; 3], [0.0, 0.6, 0.0]);
    assert!(!estimate.take_tag(&tilted, &Isometry2::identity(), &station.dock.tag));
}

#[test]
fn the_lasers_learn_the_wheels_scale_on_the_way() {
    let (station, scale) = (storage(), 1.02);
    let outline = Outline::new(&station, 0.2);
    let mut estimate = Estimate::new(&at(-1.0, 0.0, 0.0), &Isometry2::identity());
    for step in 0..=40 {
        let way = f64::from(step) * 0.01;
        let (truth, odom) = (at(-1.0 + way, 0.0, 0.0), at(way * scale, 0.0, 0.0));
        estimate.moved(&odom);
        if step == 0 {
            assert!(estimate.take_tag(&tag_from(&station, &truth), &odom, &station.dock.tag));
        }
        let points = front(&truth, 0.0);
        estimate
            .take_scan(&outline, &Sight { odom_from_base: &odom, eye: &Point2::origin(), points: &points });
    }
    assert!((estimate.state[SCALE] - 0.02).abs() < 0.01, "{}", estimate.state[SCALE]);
}
