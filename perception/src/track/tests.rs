use super::*;
use crate::vessel::Phase;
use nalgebra::{Isometry3, Translation3, UnitQuaternion, Vector3};
use nightshift_core::frames::Map;
use nightshift_core::random::Seed;
use rand::Rng;
use rand_distr::{Distribution, Normal};

fn camera() -> Intrinsics {
    Intrinsics { width: 640, height: 480, fx: 600.0, fy: 600.0, cx: 319.5, cy: 239.5 }
}

/// A camera 0.5 m over the origin, turned about its line of sight, looking straight down, moved aside.
fn from_above(turn: f64, aside_m: [f64; 2]) -> Pose<Map, Camera> {
    let down = UnitQuaternion::from_axis_angle(&Vector3::x_axis(), std::f64::consts::PI);
    let turned = UnitQuaternion::from_axis_angle(&Vector3::z_axis(), turn);
    Pose::new(Isometry3::from_parts(Translation3::new(aside_m[0], aside_m[1], 0.5), turned * down))
}

const SIGMA_M: f64 = 0.002;

fn sighting(view: &Pose<Map, Camera>, place: &Point3<f64>, kind: Kind) -> Sighting {
    let place = view.iso.inverse_transform_point(place);
    let (u, v) = (place.x / place.z * 600.0 + 319.5, place.y / place.z * 600.0 + 239.5);
    Sighting {
        place,
        covariance: Matrix3::identity() * SIGMA_M * SIGMA_M,
        bounds: [u - 10.0, v - 10.0, u + 10.0, v + 10.0],
        kind,
        reading: Reading { phases: Some(vec![Phase::ClearLiquid]), fill: Some(0.5) },
    }
}

fn second(count: u64) -> Stamp {
    Stamp(count * 1_000_000_000)
}

#[test]
fn a_rack_of_vials_keeps_its_ids_through_noise_missed_looks_and_a_camera_that_moves() {
    let mut random = Seed(5).stream("track test");
    let noise = Normal::new(0.0, SIGMA_M).unwrap();
    // Twelve vials at 20 mm.
    let vials: Vec<Point3<f64>> =
        (0..12).map(|i| Point3::new(0.02 * f64::from(i % 4), 0.02 * f64::from(i / 4), 0.0)).collect();
    let mut tracker = Tracker::<Map>::default();
    let (mut names, mut missed) = (vec![None; vials.len()], vec![0; vials.len()]);
    for look in 0..60u64 {
        let view = from_above(
            0.1 * look as f64,
            [random.random_range(-0.03..0.03), random.random_range(-0.03..0.03)],
        );
        // One in five is missed, up to two looks in a row.
        let mut shown: Vec<usize> =
            (0..vials.len()).filter(|vial| missed[*vial] == 2 || random.random_bool(0.8)).collect();
        for (vial, missed) in missed.iter_mut().enumerate() {
            *missed = if shown.contains(&vial) { 0 } else { *missed + 1 };
        }
        // In any order.
        shown.sort_by_key(|vial| (vial * 7 + look as usize) % 12);
        let sightings: Vec<Sighting> = shown
            .iter()
            .map(|vial| {
                let mut seen = sighting(&view, &vials[*vial], Kind::VialCapped);
                seen.place += Vector3::from_fn(|_, _| noise.sample(&mut random));
                seen
            })
            .collect();
        let ids = tracker.look(second(look), &view, &camera(), &sightings);
        for (vial, id) in shown.iter().zip(ids) {
            let name = names[*vial].get_or_insert(id.unwrap());
            assert_eq!(Some(*name), id, "look {look}, vial {vial}");
        }
    }
    assert_eq!(tracker.tracks().len(), 12);
    for track in tracker.tracks() {
        let vial = names.iter().position(|name| *name == Some(track.id)).unwrap();
        let off = (track.place - vials[vial]).norm();
        let sigma = track.covariance.trace().sqrt();
        // Some fifty looks of 2 mm.
        assert!(off < 4.0 * sigma && sigma < 0.001, "{off} {sigma}");
        assert_eq!(track.kind(), Kind::VialCapped);
    }
}

#[test]
fn what_is_taken_away_is_gone_and_what_is_hidden_or_out_of_view_is_not() {
    let view = from_above(0.0, [0.0, 0.0]);
    let (near, far) = (Point3::new(0.0, 0.0, 0.1), Point3::new(0.002, 0.0, 0.0));
    let aside = Point3::new(0.1, 0.0, 0.0);
    let mut tracker = Tracker::<Map>::default();
    let all = [near, far, aside].map(|place| sighting(&view, &place, Kind::Bottle));
    let first = tracker.look(second(0), &view, &camera(), &all);
    // The far one is behind the near one from here on, and the one aside was taken.
    for look in 1..5 {
        tracker.look(second(look), &view, &camera(), &all[..1]);
    }
    let left: Vec<Option<TrackId>> = tracker.tracks().iter().map(|track| Some(track.id)).collect();
    assert_eq!(left, first[..2]);
    // Looking elsewhere misses nothing.
    for look in 5..12 {
        tracker.look(second(look), &from_above(0.0, [3.0, 0.0]), &camera(), &[]);
    }
    assert_eq!(tracker.tracks().len(), 2);
    // What comes to where another one was is another one.
    let again = tracker.look(second(12), &view, &camera(), &all[2..]);
    assert!(!first.contains(&again[0]), "{again:?}");
}

#[test]
fn what_could_be_either_is_told_and_no_number_makes_no_track() {
    let view = from_above(0.0, [0.0, 0.0]);
    let places = [Point3::new(0.0, 0.0, 0.0), Point3::new(0.003, 0.0, 0.0)];
    let mut tracker = Tracker::<Map>::default();
    let mut two = places.map(|place| sighting(&view, &place, Kind::VialOpen));
    tracker.look(second(0), &view, &camera(), &two);
    tracker.look(second(1), &view, &camera(), &two);
    assert!(tracker.tracks().iter().all(|track| track.torn));
    two[1].place.x = f64::NAN;
    let ids = tracker.look(second(2), &view, &camera(), &two);
    assert!(ids[0].is_some() && ids[1].is_none() && tracker.tracks().len() == 2);
}

#[test]
fn a_vial_without_its_cap_is_still_the_vial_and_a_beaker_is_not() {
    let view = from_above(0.0, [0.0, 0.0]);
    // 4.7 standard deviations of both together from where it stood.
    let (place, moved) = (Point3::origin(), Point3::new(0.0138, 0.0, 0.0));
    for (kind, same) in [(Kind::VialOpen, true), (Kind::Beaker, false)] {
        let mut tracker = Tracker::<Map>::default();
        let first = tracker.look(second(0), &view, &camera(), &[sighting(&view, &place, Kind::VialCapped)]);
        let then = tracker.look(second(1), &view, &camera(), &[sighting(&view, &moved, kind)]);
        assert_eq!(first == then, same, "{kind:?}");
    }
}
