use super::*;
use nalgebra::Vector2;
use proptest::prelude::*;

pub fn room() -> Costmap {
    let cell = |i: usize| {
        let (column, row) = (i % 80, i / 80);
        let wall = column == 0 || row == 0 || column == 79 || row == 79;
        if wall { Cell::Occupied } else { Cell::Free }
    };
    let grid = OccupancyGrid {
        resolution_m: 0.05,
        width: 80,
        height: 80,
        origin: [0.0, 0.0],
        cells: (0..6400).map(cell).collect(),
    };
    Costmap::new(grid, Footprint::new(&[[0.4, 0.3], [-0.4, 0.3], [-0.4, -0.3], [0.4, -0.3]]))
}

fn at(x: f64, y: f64, yaw: f64) -> Isometry2<f64> {
    Isometry2::new(Vector2::new(x, y), yaw)
}

#[test]
fn the_outline_counts_and_not_a_disc() {
    let map = room();
    let snapshot = map.snapshot();
    assert!(snapshot.obstacle_at(&at(1.0, 0.4, 0.0), 0.05).is_none());
    let turned = snapshot.obstacle_at(&at(1.0, 0.4, std::f64::consts::FRAC_PI_2), 0.05);
    assert_eq!(turned.map(|(layer, _)| layer), Some(Layer::Map));
    assert!(snapshot.obstacle_at(&at(-1.0, 0.4, 0.0), 0.0).is_some());
    assert!(snapshot.obstacle_at(&at(f64::NAN, 0.4, 0.0), 0.0).is_some());
}

#[test]
fn what_is_seen_blocks_until_a_beam_passes_it_or_it_is_forgotten() {
    let mut map = room();
    let (eye, hit) = (Point2::new(1.0, 2.0), Point2::new(2.525, 2.0));
    let (base, there) = (at(0.6, 2.0, 0.0), at(2.5, 2.0, 0.0));
    map.look(Stamp::from_seconds(1.0), &eye, &[hit], &base);
    assert_eq!(map.snapshot().obstacle_at(&there, 0.0).unwrap().0, Layer::Laser);
    assert!(map.snapshot_of_map().obstacle_at(&there, 0.0).is_none());
    let mut cleared = map.clone();
    cleared.look(Stamp::from_seconds(2.0), &eye, &[Point2::new(3.9, 2.0)], &base);
    assert!(cleared.snapshot().obstacle_at(&there, 0.0).is_none());
    map.look(Stamp::from_seconds(62.0), &eye, &[], &base);
    assert!(map.snapshot().obstacle_at(&there, 0.0).is_none());
}

#[test]
fn the_robot_is_never_its_own_obstacle() {
    let mut map = room();
    map.look(Stamp::from_seconds(1.0), &Point2::new(1.4, 2.0), &[Point2::new(1.1, 2.0)], &at(1.0, 2.0, 0.0));
    assert!(map.snapshot().obstacle_at(&at(1.0, 2.0, 0.0), 0.0).is_none());
    map.look(Stamp::from_seconds(1.0), &Point2::new(1.4, 2.0), &[Point2::new(2.0, 2.0)], &at(1.0, 2.0, 0.0));
    assert!(map.snapshot().obstacle_at(&at(2.0, 2.0, 0.0), 0.0).is_some());
    map.forget();
    assert!(map.snapshot().obstacle_at(&at(2.0, 2.0, 0.0), 0.0).is_none());
}

proptest! {
    #[test]
    fn the_quick_answer_is_the_exact_one(x in 0.0f64..4.0, y in 0.0f64..4.0, yaw in -3.0f64..3.0, margin in 0.0f64..0.2) {
        let map = room();
        let pose = at(x, y, yaw);
        let snapshot = map.snapshot();
        prop_assert_eq!(snapshot.obstacle_at(&pose, margin), map.obstacle_at(&pose, margin));
        let gap = snapshot.gap_m(&pose, margin + 0.01);
        prop_assert_eq!(gap > margin, map.obstacle_at(&pose, margin).is_none(), "{}", gap);
    }
}
