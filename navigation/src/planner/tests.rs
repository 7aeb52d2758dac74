use super::sweep::{SPACING_M, SPACING_RAD, share_of};
use super::*;
use crate::costmap::Costmap;
use crate::footprint::Footprint;
use nalgebra::{Point2, Vector2};
use nightshift_core::Stamp;
use nightshift_core::describe::{Rule, Zone};
use nightshift_core::grid::{Cell, OccupancyGrid};
use proptest::prelude::*;

const SPEED: Twist = Twist { x: 0.7, y: 0.4, yaw: 1.0 };
const OMNI: Motion = Motion { speed: SPEED, omnidirectional: true };
const DIFFERENTIAL: Motion = Motion { speed: Twist { y: 0.0, ..SPEED }, omnidirectional: false };

/// 6 x 4 m with a wall at x = 3 that leaves a door at its upper end.
pub fn rooms(door_m: f64) -> Costmap {
    let (width, height) = (120, 80);
    let cell = |i: usize| {
        let (column, row) = (i % width, i / width);
        let outside = column == 0 || row == 0 || column == width - 1 || row == height - 1;
        let wall = column == 60 && (row as f64) < 79.0 - door_m / 0.05;
        if outside || wall { Cell::Occupied } else { Cell::Free }
    };
    let cells = (0..width * height).map(cell).collect();
    let grid = OccupancyGrid { resolution_m: 0.05, width, height, origin: [0.0, 0.0], cells };
    Costmap::new(grid, Footprint::new(&[[0.42, 0.28], [-0.42, 0.28], [-0.42, -0.28], [0.42, -0.28]]))
}

pub fn at(x: f64, y: f64, yaw: f64) -> Isometry2<f64> {
    Isometry2::new(Vector2::new(x, y), yaw)
}

#[test]
fn it_goes_through_a_door_that_only_the_turned_outline_fits() {
    // 0.8 m: the base is 0.84 m long and 0.56 m wide.
    let map = rooms(0.8);
    let (start, goal) = (at(1.0, 1.0, 1.5), at(5.0, 1.0, -1.5));
    let path = plan(&map.snapshot(), &OMNI, &start, &goal).unwrap();
    assert_eq!((path[0], path[path.len() - 1]), (start, goal));
    assert!(path.iter().all(|pose| map.obstacle_at(pose, 0.06).is_none()));
    for pair in path.windows(2) {
        assert!((pair[1].translation.vector - pair[0].translation.vector).norm() <= SPACING_M + 1e-9);
        assert!(pair[0].rotation.angle_to(&pair[1].rotation).abs() <= SPACING_RAD + 1e-9);
    }
    assert!(path.len() < 220, "{}", path.len());
}

#[test]
fn what_blocks_is_named_with_its_place() {
    let map = rooms(0.4);
    let blocked = plan(&map.snapshot(), &OMNI, &at(1.0, 1.0, 0.0), &at(5.0, 1.0, 0.0)).unwrap_err();
    assert_eq!(blocked.layer, Layer::Map);
    assert!(blocked.words.contains("nearest place that can be reached"), "{}", blocked.words);
    let in_wall = plan(&map.snapshot(), &OMNI, &at(1.0, 1.0, 0.0), &at(3.0, 1.0, 0.0)).unwrap_err();
    assert!(
        in_wall.words.starts_with("the goal (3.00, 1.00, 0 deg) is taken by the map"),
        "{}",
        in_wall.words
    );
    let outside = plan(&map.snapshot(), &OMNI, &at(1.0, 1.0, 0.0), &at(50.0, 1.0, 0.0)).unwrap_err();
    assert!(outside.words.contains("the goal"), "{}", outside.words);
    let nan = plan(&map.snapshot(), &OMNI, &at(1.0, 1.0, 0.0), &at(f64::NAN, 1.0, 0.0)).unwrap_err();
    assert!(nan.words.contains("the goal"), "{}", nan.words);
    assert_eq!(blocked.failure().code, Code::NoPath);
}

#[test]
fn a_seen_obstacle_is_gone_around_or_named() {
    let mut map = rooms(1.6);
    let (start, goal) = (at(1.0, 3.2, 0.0), at(5.0, 3.2, 0.0));
    let look = |map: &mut Costmap, y: f64| {
        let hits: Vec<Point2<f64>> = (0..8).map(|i| Point2::new(2.0, y + f64::from(i) * 0.05)).collect();
        map.look(Stamp::from_seconds(1.0), &Point2::new(1.4, 3.2), &hits, &start);
    };
    look(&mut map, 3.1);
    let around = plan(&map.snapshot(), &OMNI, &start, &goal).unwrap();
    assert!(around.iter().all(|pose| map.obstacle_at(pose, 0.06).is_none()));
    assert!(around.iter().any(|pose| (pose.translation.y - 3.2).abs() > 0.2));
    for y in 0..20 {
        look(&mut map, 0.1 + f64::from(y) * 0.2);
    }
    assert_eq!(plan(&map.snapshot(), &OMNI, &start, &goal).unwrap_err().layer, Layer::Laser);
}

#[test]
fn a_base_that_stands_too_near_may_leave() {
    let map = rooms(1.6);
    // 5 cm between the front edge and the wall's cells.
    let path = plan(&map.snapshot(), &OMNI, &at(3.0 - 0.47, 1.0, 0.0), &at(1.0, 1.0, 3.0)).unwrap();
    assert!(path.iter().all(|pose| map.obstacle_at(pose, 0.0).is_none()));
}

/// The nearest that the outline comes to a blocked cell's centre on a path, looked at every 2 mm.
fn nearest_m(map: &Costmap, path: &[Isometry2<f64>]) -> f64 {
    let snapshot = map.snapshot();
    let mut nearest = f64::INFINITY;
    for pair in path.windows(2) {
        let way = (pair[1].translation.vector - pair[0].translation.vector).norm();
        let steps =
            (way.max(0.5 * pair[0].rotation.angle_to(&pair[1].rotation).abs()) / 0.002).ceil().max(1.0);
        for step in 0..=steps as usize {
            let pose = share_of(&pair[0], &pair[1], step as f64 / steps);
            nearest = nearest.min(snapshot.gap_m(&pose, 0.2));
        }
    }
    nearest
}

#[test]
fn a_base_in_a_corner_drives_out_along_itself() {
    let map = rooms(1.6);
    // 4 cm from two walls, turned a little: no node of the lattice is straight ahead.
    for heading in [0.0, 0.1, 1.6] {
        let start = at(0.05 + 0.5 + 0.02, 0.05 + 0.5 + 0.02, heading);
        for motion in [OMNI, DIFFERENTIAL] {
            let path = plan(&map.snapshot(), &motion, &start, &at(2.0, 2.5, 0.0)).unwrap();
            assert!(nearest_m(&map, &path) >= 0.03);
        }
    }
}

#[test]
fn a_differential_base_only_turns_and_drives_along_itself() {
    let map = rooms(1.6);
    let path = plan(&map.snapshot(), &DIFFERENTIAL, &at(1.0, 1.0, 1.5), &at(5.0, 1.0, -1.5)).unwrap();
    for pair in path.windows(2) {
        let leg = pair[0].inv_mul(&pair[1]);
        let aside = leg.translation.y.abs();
        assert!(aside < 1e-6 + 0.06 * leg.translation.x.abs(), "{leg:?}");
        assert!(leg.translation.vector.norm() < 1e-9 || leg.rotation.angle().abs() < 1e-9, "{leg:?}");
    }
    assert!(nearest_m(&map, &path) >= 0.1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn no_path_ever_touches_between_its_poses_either(
        from in (0.4f64..2.7, 0.4f64..3.6, -3.1f64..3.1),
        to in (0.4f64..5.6, 0.4f64..3.6, -3.1f64..3.1),
        door in 0.3f64..2.0,
        posts in proptest::collection::vec((0.3f64..5.7, 0.3f64..3.7), 0..6),
        omnidirectional in any::<bool>(),
    ) {
        let mut map = rooms(door);
        let posts: Vec<Point2<f64>> = posts.into_iter().map(|(x, y)| Point2::new(x, y)).collect();
        let (start, goal) = (at(from.0, from.1, from.2), at(to.0, to.1, to.2));
        map.look(Stamp::from_seconds(1.0), &Point2::new(-9.0, -9.0), &[], &start);
        for post in &posts {
            map.look(Stamp::from_seconds(1.0), &(post - Vector2::new(0.05, 0.0)), &[*post], &start);
        }
        let motion = if omnidirectional { OMNI } else { DIFFERENTIAL };
        if let Ok(path) = plan(&map.snapshot(), &motion, &start, &goal) {
            let nearest = nearest_m(&map, &path);
            prop_assert!(nearest >= 0.03, "{} m", nearest);
            prop_assert_eq!((path[0], path[path.len() - 1]), (start, goal));
            prop_assert_eq!(plan(&map.snapshot(), &motion, &start, &goal).unwrap(), path);
        }
    }
}

#[test]
fn a_lonely_thing_in_a_hall_is_not_jumped_over() {
    // Far from every wall legs are long: what the lasers saw must shorten them.
    let side = 400;
    let edge = |i: usize| [i % side, i / side].iter().any(|c| *c == 0 || *c == side - 1);
    let cells = (0..side * side).map(|i| if edge(i) { Cell::Occupied } else { Cell::Free }).collect();
    let grid = OccupancyGrid { resolution_m: 0.05, width: side, height: side, origin: [0.0, 0.0], cells };
    let outline = Footprint::new(&[[0.42, 0.28], [-0.42, 0.28], [-0.42, -0.28], [0.42, -0.28]]);
    let mut map = Costmap::new(grid, outline);
    let (start, goal) = (at(6.0, 10.0, 0.0), at(14.0, 10.0, 0.0));
    map.look(Stamp::from_seconds(1.0), &Point2::new(9.0, 10.0), &[Point2::new(10.0, 10.0)], &start);
    for motion in [OMNI, DIFFERENTIAL] {
        let path = plan(&map.snapshot(), &motion, &start, &goal).unwrap();
        let nearest = nearest_m(&map, &path);
        assert!(nearest >= 0.1, "{nearest} m");
    }
}

/// 8 x 6 m without anything in it but zones.
fn hall(zones: &[Zone]) -> Costmap {
    let (width, height) = (160, 120);
    let edge = |i: usize| {
        i.is_multiple_of(width) || i / width == 0 || i % width == width - 1 || i / width == height - 1
    };
    let cells = (0..width * height).map(|i| if edge(i) { Cell::Occupied } else { Cell::Free }).collect();
    let grid = OccupancyGrid { resolution_m: 0.05, width, height, origin: [0.0, 0.0], cells };
    let outline = Footprint::new(&[[0.42, 0.28], [-0.42, 0.28], [-0.42, -0.28], [0.42, -0.28]]);
    Costmap::with_zones(grid, outline, zones)
}

fn zone(rule: Rule, [left, low, right, high]: [f64; 4]) -> Zone {
    let polygon = vec![[left, low], [right, low], [right, high], [left, high]];
    Zone { name: "balance".to_owned(), rule, polygon }
}

#[test]
fn a_keep_out_zone_is_a_wall_with_a_name_but_what_moves_in_it_is_still_seen() {
    let map = hall(&[zone(Rule::KeepOut, [3.0, 0.0, 5.0, 4.0])]);
    let (start, goal) = (at(1.0, 1.0, 0.0), at(7.0, 1.0, 0.0));
    for motion in [OMNI, DIFFERENTIAL] {
        let path = plan(&map.snapshot(), &motion, &start, &goal).unwrap();
        assert!(nearest_m(&map, &path) >= 0.1);
        assert!(path.iter().all(|pose| pose.translation.y > 4.3 || (pose.translation.x - 4.0).abs() > 1.28));
        let within = plan(&map.snapshot(), &motion, &start, &at(4.0, 2.0, 0.0)).unwrap_err();
        assert_eq!(within.layer, Layer::KeepOut);
        assert!(within.words.contains("is taken by the keep-out zone balance at"), "{}", within.words);
    }
    let shut = hall(&[zone(Rule::KeepOut, [3.0, -1.0, 5.0, 9.0])]);
    let blocked = plan(&shut.snapshot(), &OMNI, &start, &goal).unwrap_err();
    assert!(blocked.words.contains("blocked by the keep-out zone balance"), "{}", blocked.words);
    assert!(map.is_unexplained(&Point2::new(4.0, 2.0), 0.15), "a person there is no furniture");
}

#[test]
fn a_one_way_zone_is_driven_along_and_across_but_never_against() {
    use std::f64::consts::PI;
    // All of the floor's lower part leads east; the way back is above it.
    let map = hall(&[zone(Rule::OneWay { heading_rad: 0.0 }, [2.0, -1.0, 6.0, 3.0])]);
    for motion in [OMNI, DIFFERENTIAL] {
        let length = |from, to| {
            let path = plan(&map.snapshot(), &motion, &from, &to).unwrap();
            for pair in path.windows(2) {
                let way = pair[1].translation.vector - pair[0].translation.vector;
                let within = map.zones().against(&pair[0], &pair[1]);
                assert!(within.is_none(), "{way:?} at {:?}", pair[0].translation);
            }
            path.windows(2).map(|p| (p[1].translation.vector - p[0].translation.vector).norm()).sum::<f64>()
        };
        let along = length(at(1.0, 1.0, 0.0), at(7.0, 1.0, 0.0));
        let back = length(at(7.0, 1.0, PI), at(1.0, 1.0, PI));
        assert!(along < 6.5 && back > 6.8, "{along} m along, {back} m back");
        length(at(4.0, 0.6, PI / 2.0), at(4.0, 5.0, PI / 2.0));
    }
    let shut = hall(&[zone(Rule::OneWay { heading_rad: 0.0 }, [2.0, -1.0, 6.0, 9.0])]);
    let refused = plan(&shut.snapshot(), &OMNI, &at(7.0, 1.0, PI), &at(1.0, 1.0, PI)).unwrap_err();
    assert!(refused.words.contains("one-way zones are obeyed: balance"), "{}", refused.words);
}

#[test]
fn a_slow_zone_is_gone_around_where_that_is_quicker_and_crossed_where_not() {
    // Whether it goes through, and the seconds that the drive takes with all limits obeyed.
    let driven = |reach: f64, max_speed_m_s: f64, motion: &Motion| {
        let rule = Rule::Slow { max_speed_m_s };
        let map = hall(&[zone(rule, [3.0, -1.0, 5.0, reach])]);
        let path = plan(&map.snapshot(), motion, &at(1.0, 1.0, 0.0), &at(7.0, 1.0, 0.0)).unwrap();
        let seconds = motion.seconds(&map.snapshot(), &path);
        (
            path.iter().any(|pose| (pose.translation.x - 4.0).abs() < 1.0 && pose.translation.y < reach),
            seconds,
        )
    };
    for motion in [OMNI, DIFFERENTIAL] {
        // At 0.1 m/s the zone's 2 m and the base's length cost 28 s; the way around it 10 to 20.
        let (through, seconds) = driven(3.5, 0.1, &motion);
        assert!(!through && seconds < 24.0, "{motion:?}: {seconds} s");
        // A zone that is hardly slow is no reason for a detour, nor is there one from wall to wall.
        assert!(driven(3.5, 0.6, &motion).0 && driven(9.0, 0.1, &motion).0, "{motion:?}");
    }
}

/// A room whose only way out, upper left, is far from the gap in its lower right corner, in which a disc fits and the base
/// does not.
fn pocket(zones: &[Zone]) -> Costmap {
    let (width, height) = (240, 320);
    let cell = |i: usize| {
        let (column, row) = (i % width, i / width);
        let edge = column == 0 || row == 0 || column == width - 1 || row == height - 1;
        // The room is the part right of x = 7 m; its wall has a door at the top and a bent gap of 0.9 m at the bottom.
        let wall = column == 140 && (18..294).contains(&row);
        let bend = (141..160).contains(&column) && row == 18
            || column == 160 && row < 36
            || column == 141 && row > 60 && row < 100;
        if edge || wall || bend { Cell::Occupied } else { Cell::Free }
    };
    let cells = (0..width * height).map(cell).collect();
    let grid = OccupancyGrid { resolution_m: 0.05, width, height, origin: [0.0, 0.0], cells };
    let outline = Footprint::new(&[[0.42, 0.28], [-0.42, 0.28], [-0.42, -0.28], [0.42, -0.28]]);
    Costmap::with_zones(grid, outline, zones)
}

#[test]
fn a_gap_that_only_looks_passable_is_given_up_and_both_sides_of_the_search_agree() {
    let map = pocket(&[]);
    let [start, goal] = [at(1.0, 0.8, 0.0), at(9.5, 0.8, 0.0)];
    for motion in [OMNI, DIFFERENTIAL] {
        for (from, to) in [(start, goal), (goal, start)] {
            let path = plan(&map.snapshot(), &motion, &from, &to).unwrap();
            assert_eq!((path[0], path[path.len() - 1]), (from, to));
            assert!(nearest_m(&map, &path) >= 0.1);
            assert!(path.iter().any(|pose| pose.translation.y > 14.7), "by the door");
        }
    }
    // Through the door one may only leave: from either end of the search.
    let leave = Rule::OneWay { heading_rad: std::f64::consts::PI };
    let map = pocket(&[zone(leave, [6.0, 14.0, 8.0, 16.0])]);
    for motion in [OMNI, DIFFERENTIAL] {
        let path = plan(&map.snapshot(), &motion, &goal, &start).unwrap();
        assert!(path.windows(2).all(|pair| map.zones().against(&pair[0], &pair[1]).is_none()));
        assert!(plan(&map.snapshot(), &motion, &start, &goal).is_err());
    }
}

#[test]
fn a_closed_passage_is_gone_around_or_named_and_may_be_left() {
    // Two doors, at the wall's ends.
    let two_doors = |zones: &[Zone]| {
        let (width, height) = (120, 120);
        let cell = |i: usize| {
            let (column, row) = (i % width, i / width);
            let outside = column == 0 || row == 0 || column == width - 1 || row == height - 1;
            let wall = column == 60 && (25..95).contains(&row);
            if outside || wall { Cell::Occupied } else { Cell::Free }
        };
        let cells = (0..width * height).map(cell).collect();
        let grid = OccupancyGrid { resolution_m: 0.05, width, height, origin: [0.0, 0.0], cells };
        let outline = Footprint::new(&[[0.42, 0.28], [-0.42, 0.28], [-0.42, -0.28], [0.42, -0.28]]);
        Costmap::with_zones(grid, outline, zones)
    };
    let door = |name: &str, closed: bool, [low, high]: [f64; 2]| Zone {
        name: name.to_owned(),
        ..zone(Rule::Passage { closed }, [2.7, low, 3.4, high])
    };
    let doors = |south: bool, north: bool| {
        [door("south door", south, [0.0, 1.3]), door("north door", north, [4.7, 6.0])]
    };
    let (start, goal) = (at(1.0, 1.5, 0.0), at(5.0, 1.5, 0.0));
    for motion in [OMNI, DIFFERENTIAL] {
        let highest = |map: &Snapshot<'_>| {
            let path = plan(map, &motion, &start, &goal).unwrap();
            path.iter().map(|pose| pose.translation.y).fold(0.0, f64::max)
        };
        assert!(highest(&two_doors(&doors(false, false)).snapshot()) < 3.0);
        assert!(highest(&two_doors(&doors(true, false)).snapshot()) > 4.5);
        let shut = two_doors(&doors(true, true));
        let told = plan(&shut.snapshot(), &motion, &start, &goal).unwrap_err();
        assert_eq!(told.layer, Layer::Closed);
        assert!(told.words.ends_with("the passage south door is closed"), "{}", told.words);
        let within = at(3.05, 0.6, 0.0);
        assert!(plan(&shut.snapshot(), &motion, &within, &goal).is_ok());
        assert_eq!(plan(&shut.snapshot(), &motion, &goal, &within).unwrap_err().layer, Layer::Closed);
        // What something blocked is closed for a time, and opened where there is no other way.
        let mut map = two_doors(&doors(false, true));
        let south = map.zones().passage_at([3.0, 1.0]).unwrap();
        map.block(south, Stamp::from_seconds(300.0));
        assert!(plan(&map.snapshot(), &motion, &start, &goal).is_err());
        let opened = map.snapshot().with_blocked_passages_open().unwrap();
        assert!(highest(&opened) < 3.0);
        map.look(Stamp::from_seconds(301.0), &Point2::new(1.0, 1.5), &[], &start);
        assert!(highest(&map.snapshot()) < 3.0);
    }
}

/// A hall with a closet in its corner, whose door a disc fits through and the outline does not.
#[test]
fn a_goal_that_is_shut_in_is_soon_known_to_be() {
    let side = 300;
    let cell = |i: usize| {
        let (column, row) = (i % side, i / side);
        let end = column == 0 || row == 0 || column == side - 1 || row == side - 1;
        let wall = (column == 60 && row <= 60 && !(30..43).contains(&row)) || (row == 60 && column <= 60);
        if end || wall { Cell::Occupied } else { Cell::Free }
    };
    let cells = (0..side * side).map(cell).collect();
    let grid = OccupancyGrid { resolution_m: 0.05, width: side, height: side, origin: [0.0; 2], cells };
    let map = Costmap::new(grid, rooms(1.0).footprint().clone());
    for motion in [OMNI, DIFFERENTIAL] {
        let (start, goal) = (at(12.0, 12.0, 0.0), at(1.2, 1.5, 0.0));
        let shut = plan(&map.snapshot(), &motion, &start, &goal).unwrap_err();
        assert_eq!(shut.layer, Layer::Map);
        assert!(shut.words.contains("nearest place from which the goal can be reached"), "{}", shut.words);
        // The other way round it is the start.
        let shut = plan(&map.snapshot(), &motion, &goal, &start).unwrap_err();
        assert!(shut.words.contains("nearest place that can be reached"), "{}", shut.words);
        assert!(!shut.words.contains("was found among"), "{}", shut.words);
    }
}
