use super::*;
use crate::scene::{Form, Host, Role};
use nightshift_core::Pose;
use nightshift_core::describe::Surface;
use nightshift_core::frames::Map;
use proptest::prelude::*;
use std::time::Duration;

const WHITE: Surface = Surface { diffuse: 0.8, specular: 0.0, transmitted: 0.0 };
const BLACK: Surface = Surface { diffuse: 0.02, specular: 0.0, transmitted: 0.0 };
const POLISHED: Surface = Surface { diffuse: 0.01, specular: 0.6, transmitted: 0.0 };
const GLASS: Surface = Surface { diffuse: 0.001, specular: 0.08, transmitted: 0.88 };

/// A box in the scanner's plane: its middle, its size, its turn.
fn slab([x, y]: [f64; 2], [along, across]: [f64; 2], yaw: f64, surface: Surface) -> Prim {
    Prim {
        name: "slab".into(),
        host: Host::World,
        host_from_prim: Isometry3::new(Vector3::new(x, y, 0.0), Vector3::z() * yaw),
        form: Form::Solid(Solid::Box { size_m: [along, across, 2.0] }),
        role: Role::Fixture,
        color: [0; 3],
        collides: true,
        visible: true,
        surface,
    }
}

/// Ranges of all beams over some scans, by beam; infinite for no return, NaN for invalid.
fn scans(prims: &[Prim], count: usize) -> Vec<Vec<f64>> {
    let description = description(0.0);
    let mut scanner = Scanner::new("test", &description, Seed(1));
    let track = track(&description, |_| Pose2::identity());
    let poses: Vec<_> = prims.iter().map(|prim| prim.host_from_prim).collect();
    let mut ranges = vec![Vec::new(); 361];
    for _ in 0..count {
        let scan = scanner.take(Stamp::ZERO, &track, 0.0, prims, &poses).unwrap();
        for (told, beam) in ranges.iter_mut().zip(scan.beams) {
            told.push(match beam {
                Beam::Hit(range) => f64::from(range),
                Beam::NoReturn => f64::INFINITY,
                Beam::Invalid => f64::NAN,
            });
        }
    }
    ranges
}

fn description(sweep_s: f64) -> ScannerDescription {
    ScannerDescription {
        pose: Pose::identity(),
        angle_min_deg: -90.0,
        angle_max_deg: 90.0,
        beams: 361,
        range_min_m: 0.05,
        range_max_m: 25.0,
        rate_hz: 12.5,
        sweep_s,
    }
}

/// A base that has gone on for as long as a turn takes, by a law of the time until the turn's end, seconds.
fn track(description: &ScannerDescription, place: impl Fn(f64) -> Pose2<Map, Base>) -> Track {
    let mut robot = crate::testing::robot();
    robot.scanners = [("test".to_owned(), description.clone())].into();
    let mut track = Track::new(&robot, crate::World::STEP);
    for step in (0..100).rev() {
        track.push(place(f64::from(step) * crate::World::STEP.as_secs_f64()));
    }
    track
}

/// Each beam of a turn in a drive ends at a wall from where the scanner was at the beam's own time, and far from one seen from
/// where it was at the first.
#[test]
fn a_scanner_that_moves_while_it_turns_sees_from_where_it_is_beam_by_beam() {
    let mount = Pose::from_xyz_rpy([0.3, 0.2, 0.0], [0.0, 0.0, 0.7]);
    let description = ScannerDescription { pose: mount, ..description(0.06) };
    let place = |ago: f64| Pose2::<Map, Base>::new(0.1 - 0.7 * ago, -0.2 * ago, 0.3 - ago - 0.8 * ago * ago);
    let room = [[3.05, 0.0, 0.1, 8.0], [-3.05, 0.0, 0.1, 8.0], [0.0, 3.05, 8.0, 0.1], [0.0, -3.05, 8.0, 0.1]];
    let post = slab([1.2, 1.1], [0.2, 0.2], 0.4, WHITE);
    let mut prims: Vec<Prim> = room.iter().map(|[x, y, w, h]| slab([*x, *y], [*w, *h], 0.0, WHITE)).collect();
    prims.push(post);
    let poses: Vec<_> = prims.iter().map(|prim| prim.host_from_prim).collect();
    let now = Stamp::from_seconds(2.0);
    let mut scanner = Scanner::new("test", &description, Seed(1));
    let scan = scanner.take(now, &track(&description, place), 0.0, &prims, &poses).unwrap();
    assert_eq!((scan.stamp, scan.sweep), (Stamp::from_seconds(1.94), Duration::from_millis(60)));
    // Off the nearest wall or side of the post, seen from the base's place so long before the end.
    let off = |beam: usize, range: f32, ago: f64| {
        let bearing = scan.angle_min + scan.angle_increment * beam as f64;
        let map_from_laser = (place(ago).spatial() * mount).iso;
        let along = map_from_laser * Vector3::new(bearing.cos(), bearing.sin(), 0.0);
        let hit = prims.iter().zip(&poses).filter_map(|(prim, pose)| {
            let eye = pose.inverse_transform_point(&map_from_laser.translation.vector.into()).coords.into();
            crate::raycast::meet(&prim.form, &eye, &pose.inverse_transform_vector(&along).into()).map(|m| m.t)
        });
        (f64::from(range) - hit.fold(f64::INFINITY, f64::min)).abs()
    };
    let (mut right, mut wrong) = (Vec::new(), Vec::new());
    for (beam, told) in scan.beams.iter().enumerate() {
        let Beam::Hit(range) = told else { continue };
        right.push(off(beam, *range, 0.06 * (1.0 - beam as f64 / 360.0)));
        wrong.push(off(beam, *range, 0.06));
    }
    right.sort_by(f64::total_cmp);
    wrong.sort_by(f64::total_cmp);
    // Some beams mix the post with what is behind it.
    assert!(
        right.len() > 340 && right[right.len() * 97 / 100] < 0.03,
        "{:?}",
        &right[right.len() * 9 / 10..]
    );
    assert!(wrong[wrong.len() / 2] > 0.02, "{}", wrong[wrong.len() / 2]);
}

#[test]
fn a_turn_that_began_before_the_world_is_not_told() {
    let description = description(0.06);
    let mut robot = crate::testing::robot();
    robot.scanners = [("test".to_owned(), description.clone())].into();
    let mut track = Track::new(&robot, crate::World::STEP);
    let mut scanner = Scanner::new("test", &description, Seed(1));
    for step in 1..=40u64 {
        track.push(Pose2::identity());
        let now = Stamp(step * crate::World::STEP.as_nanos() as u64);
        assert_eq!(scanner.take(now, &track, 0.0, &[], &[]).is_some(), step > 30, "{step}");
    }
}

/// Mean, standard deviation and share of returns of the beam at a bearing, degrees.
fn at(ranges: &[Vec<f64>], bearing: i32) -> [f64; 3] {
    let told = &ranges[(180 + 2 * bearing) as usize];
    let hits: Vec<f64> = told.iter().copied().filter(|range| range.is_finite()).collect();
    let mean = hits.iter().sum::<f64>() / hits.len() as f64;
    let spread = hits.iter().map(|range| (range - mean).powi(2)).sum::<f64>() / hits.len() as f64;
    [mean, spread.sqrt(), hits.len() as f64 / told.len() as f64]
}

fn wall(x: f64, surface: Surface) -> Prim {
    slab([x + 0.05, 0.0], [0.1, 40.0], 0.0, surface)
}

#[test]
fn a_white_wall_is_measured_well_and_half_a_percent_of_beams_are_lost() {
    let ranges = scans(&[wall(2.0, WHITE)], 400);
    let [mean, spread, share] = at(&ranges, 0);
    assert!((mean - 2.0).abs() < 0.002 && (0.004..0.008).contains(&spread), "{mean} {spread}");
    assert!(share > 0.98, "{share}");
    let near = &ranges[60..300];
    let lost = near.iter().flatten().filter(|range| range.is_infinite()).count();
    let lost = lost as f64 / (400.0 * near.len() as f64);
    assert!((lost - 0.004).abs() < 0.002, "{lost}");
}

#[test]
fn noise_grows_with_distance_flat_angles_and_dark_surfaces() {
    let spread = |prims: &[Prim], bearing| at(&scans(prims, 400), bearing)[1];
    let best = spread(&[wall(2.0, WHITE)], 0);
    assert!(spread(&[wall(8.0, WHITE)], 0) > 1.15 * best);
    assert!(spread(&[wall(2.0, WHITE)], 80) > 1.3 * best);
    assert!(spread(&[wall(2.0, BLACK)], 0) > 1.3 * best);
}

#[test]
fn black_cloth_is_lost_where_white_paint_is_seen() {
    assert!(at(&scans(&[wall(8.5, BLACK)], 100), 0)[2] < 0.1);
    assert!(at(&scans(&[wall(4.0, BLACK)], 100), 0)[2] > 0.9);
    assert!(at(&scans(&[wall(8.5, WHITE)], 100), 0)[2] > 0.9);
}

#[test]
fn pixels_mix_at_an_edge_with_a_near_background_and_not_with_a_far_one() {
    // The edge lies within the beam straight ahead, a little off its middle.
    let post = slab([2.05, -1.0 + 0.002], [0.1, 2.0], 0.0, WHITE);
    let mixed = at(&scans(&[post.clone(), wall(2.2, WHITE)], 100), 0)[0];
    assert!(mixed > 2.03 && mixed < 2.17, "{mixed}");
    let clear = at(&scans(&[post, wall(4.0, WHITE)], 100), 0)[0];
    assert!((clear - 2.0).abs() < 0.03 || (clear - 4.0).abs() < 0.03, "{clear}");
}

#[test]
fn glass_is_seen_through_head_on_and_is_a_mirror_at_flat_angles() {
    // A pane at 2 m, a wall at 4 m, and one to the left, along the view.
    let scene = [wall(2.0, GLASS), wall(4.0, WHITE), slab([0.0, 9.05], [30.0, 0.1], 0.0, WHITE)];
    let ranges = scans(&scene, 50);
    let through = at(&ranges, 20)[0];
    assert!((through - 4.0 / 20f64.to_radians().cos()).abs() < 0.02, "{through}");
    // Straight ahead the pane itself is in the mirror's lobe.
    assert!((at(&ranges, 0)[0] - 2.0).abs() < 0.05, "{}", at(&ranges, 0)[0]);
    // A pane along the view, to the right; behind it nothing; to the left a wall. At a flat angle the wall is seen in it.
    let scene = [slab([5.0, -0.35], [10.0, 0.1], 0.0, GLASS), slab([10.0, 0.55], [30.0, 0.1], 0.0, WHITE)];
    let [mirrored, _, share] = at(&scans(&scene, 50), -15);
    let sine = 15f64.to_radians().sin();
    assert!((mirrored - (0.3 + 0.8) / sine).abs() < 0.1 && share > 0.5, "{mirrored} {share}");
}

/// A receiver that white paint dazzled from within 0.8 m once had every dock off by 6 mm, all to the same side.
#[test]
fn a_matt_wall_dazzles_nobody_however_near() {
    for range in [0.1, 0.3, 0.7, 1.5] {
        let ranges = scans(&[wall(range, WHITE)], 400);
        let [mean, spread, share] = at(&ranges, 0);
        assert!((mean - range).abs() < 0.0015, "{mean} at {range}");
        assert!(spread < 0.008 && share > 0.98, "{spread} {share} at {range}");
    }
}

#[test]
fn polished_metal_dazzles_head_on_and_shows_the_room_otherwise() {
    let ranges = scans(&[wall(2.0, POLISHED)], 200);
    let invalid = ranges[180].iter().filter(|range| range.is_nan()).count();
    assert!((30..90).contains(&invalid), "{invalid}");
    let [glare, spread, _] = at(&ranges, 0);
    assert!(glare < 1.995 && spread > 0.012, "{glare} {spread}");
    // Turned by 30 degrees, it shows the wall beside, at the length of the whole way.
    let scene = [
        slab([2.0, 0.0], [0.02, 1.0], 30f64.to_radians(), POLISHED),
        slab([0.0, -3.05], [30.0, 0.1], 0.0, WHITE),
    ];
    let ghost = at(&scans(&scene, 50), 0)[0];
    let way = (2.0 - 0.01 / 30f64.to_radians().cos()) + 3.0 / 60f64.to_radians().sin();
    assert!((ghost - way).abs() < 0.05, "{ghost}, expected {way}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// No range that a surface could not have given: with matt boxes alone, each lies at one of them or between two.
    #[test]
    fn matt_rooms_give_ranges_of_their_surfaces(
        boxes in prop::collection::vec(([0.5f64..6.0, -3.0f64..3.0], [0.1f64..1.0, 0.1f64..1.0], 0.0f64..3.0), 1..5),
    ) {
        let mut prims: Vec<Prim> = boxes.into_iter()
            .map(|(at, size, yaw)| slab(at, size, yaw, WHITE)).collect();
        prims.push(wall(7.0, WHITE));
        for (beam, told) in scans(&prims, 1).into_iter().enumerate() {
            let range = told[0];
            if !range.is_finite() {
                continue;
            }
            let ray = |bearing: f64| prims.iter().filter_map(|prim| {
                let pose = prim.host_from_prim;
                let eye = pose.inverse_transform_point(&nalgebra::Point3::origin()).coords.into();
                let along = Vector3::new(bearing.cos(), bearing.sin(), 0.0);
                let along = pose.inverse_transform_vector(&along).into();
                crate::raycast::meet(&prim.form, &eye, &along).map(|m| m.t)
            }).fold(f64::INFINITY, f64::min);
            let middle = (beam as f64 / 2.0 - 90.0).to_radians();
            let around: Vec<f64> = [-0.25f64, 0.0, 0.25].map(|d| ray(middle + d.to_radians())).into();
            let low = around.iter().copied().fold(f64::INFINITY, f64::min);
            let high = around.iter().copied().filter(|r| r.is_finite()).fold(0.0, f64::max);
            // Five of the largest standard deviations beyond.
            prop_assert!(range > low - 0.25 && range < high + 0.25, "{range} within {around:?}");
        }
    }
}
