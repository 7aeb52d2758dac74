use super::*;
use nalgebra::{Vector2, vector};

/// 8 x 6 m; a thin box from (5, 2) to (6, 3) that the map has, unknown inside.
fn room() -> OccupancyGrid {
    let (width, height) = (160, 120);
    let cell = |index: usize| {
        let (column, row) = (index % width, index / width);
        let wall = column == 0 || row == 0 || column == width - 1 || row == height - 1;
        let (inside, core) = (
            (100..120).contains(&column) && (40..60).contains(&row),
            (101..119).contains(&column) && (41..59).contains(&row),
        );
        match (wall || inside, core) {
            (_, true) => Cell::Unknown,
            (true, false) => Cell::Occupied,
            (false, false) => Cell::Free,
        }
    };
    OccupancyGrid {
        resolution_m: 0.05,
        width,
        height,
        origin: [0.0, 0.0],
        cells: (0..width * height).map(cell).collect(),
    }
}

const BOX: [f64; 4] = [5.0, 2.0, 6.0, 3.0];
const CHAIR: [f64; 4] = [2.5, 4.0, 2.9, 4.4];

/// Where beams of every degree end among boxes, in the frame of a base that looks along x.
fn ends(eye: &Point2<f64>, boxes: &[[f64; 4]]) -> Vec<Point2<f64>> {
    let cast = |way: &Vector2<f64>, [x0, y0, x1, y1]: &[f64; 4], inside: bool| {
        let (mut near, mut far) = (f64::NEG_INFINITY, f64::INFINITY);
        for (axis, (low, high)) in [(x0, x1), (y0, y1)].into_iter().enumerate() {
            let (a, b) = ((low - eye[axis]) / way[axis], (high - eye[axis]) / way[axis]);
            near = near.max(a.min(b));
            far = far.min(a.max(b));
        }
        match inside {
            true => Some(far),
            false => (near > 0.0 && near <= far).then_some(near),
        }
    };
    (0..360)
        .map(|degree| {
            let (sin, cos) = (f64::from(degree) + 0.5).to_radians().sin_cos();
            let way = vector![cos, sin];
            let wall = cast(&way, &[0.025, 0.025, 7.975, 5.975], true);
            let range =
                boxes.iter().filter_map(|b| cast(&way, b, false)).chain(wall).fold(f64::INFINITY, f64::min);
            Point2::from(way * range)
        })
        .collect()
}

/// Drives along y = 1 to and fro from `from_s` for `seconds`, among boxes.
fn drive(changes: &mut Changes, from_s: f64, seconds: f64, boxes: &[[f64; 4]]) {
    for step in 0..(seconds * 10.0) as usize {
        let time_s = f64::from(step as u32) * 0.1;
        let along = (time_s * 0.4) % 12.0;
        let x = 1.0 + if along > 6.0 { 12.0 - along } else { along };
        let base = Isometry2::translation(x, 1.0);
        changes.look(
            Stamp::from_seconds(from_s + time_s),
            &base,
            &Point2::origin(),
            &ends(&Point2::new(x, 1.0), boxes),
        );
    }
}

fn kinds(changes: &Changes) -> Vec<Kind> {
    changes.found().iter().map(|region| region.kind).collect()
}

#[test]
fn what_came_and_what_went_is_found_where_it_is_and_nothing_else() {
    let mut changes = Changes::new(&room());
    drive(&mut changes, 1.0, 60.0, &[BOX]);
    assert_eq!(changes.found(), [], "nothing has changed");
    drive(&mut changes, 61.0, 60.0, &[CHAIR]);
    let found = changes.found();
    assert_eq!(found.iter().map(|r| r.kind).collect::<Vec<_>>(), [Kind::Gone, Kind::New], "{found:?}");
    for (region, [x0, y0, x1, y1]) in [(&found[0], BOX), (&found[1], CHAIR)] {
        let off = [region.low[0] - x0, region.low[1] - y0, region.high[0] - x1, region.high[1] - y1];
        // The far side of the chair is never seen.
        let seen = if region.kind == Kind::New { &off[..3] } else { &off[..] };
        assert!(seen.iter().all(|off| off.abs() < 0.11), "{region:?}");
    }
    // The update is the room as it is now: a second look at it finds nothing more to change.
    let new = updated(&room(), &found).unwrap();
    let mut again = Changes::new(&new);
    drive(&mut again, 1.0, 60.0, &[CHAIR]);
    assert_eq!(again.found(), []);
    assert!(
        matches!(updated(&OccupancyGrid { width: 3, height: 3, cells: vec![Cell::Free; 9], ..room() }, &found), Err(why) if why.contains("outside the map"))
    );
}

#[test]
fn who_stands_for_a_while_or_is_seen_from_one_place_only_is_no_furniture() {
    let mut changes = Changes::new(&room());
    drive(&mut changes, 1.0, 15.0, &[BOX, CHAIR]);
    drive(&mut changes, 16.0, 60.0, &[BOX]);
    assert_eq!(kinds(&changes), []);
    let mut changes = Changes::new(&room());
    for step in 0..1000 {
        let base = Isometry2::translation(1.0, 1.0);
        let seen = ends(&Point2::new(1.0, 1.0), &[BOX, CHAIR]);
        changes.look(Stamp::from_seconds(f64::from(step) * 0.1), &base, &Point2::origin(), &seen);
    }
    assert_eq!(kinds(&changes), []);
}

#[test]
fn what_changes_back_is_believed_back_however_long_it_stood() {
    let mut changes = Changes::new(&room());
    drive(&mut changes, 1.0, 900.0, &[BOX, CHAIR]);
    assert_eq!(kinds(&changes), [Kind::New]);
    drive(&mut changes, 901.0, 120.0, &[BOX]);
    assert_eq!(kinds(&changes), []);
}

#[test]
fn what_was_seen_from_a_place_that_is_taken_back_never_counts() {
    let mut changes = Changes::new(&room());
    drive(&mut changes, 1.0, 60.0, &[BOX]);
    // Wrong by a metre for two seconds at a time, again and again.
    for round in 0..20 {
        for step in 0..20 {
            let stamp = Stamp::from_seconds(100.0 + f64::from(round) * 10.0 + f64::from(step) * 0.1);
            let x = 1.0 + f64::from(step) * 0.1;
            let seen = ends(&Point2::new(x, 1.0), &[BOX]);
            changes.look(stamp, &Isometry2::translation(x + 1.0, 1.3), &Point2::origin(), &seen);
        }
        changes.doubt();
    }
    changes.finish();
    assert_eq!(changes.found(), []);
}

#[test]
fn nonsense_neither_panics_nor_counts() {
    let mut changes = Changes::new(&room());
    let odd = [f64::NAN, f64::INFINITY, 0.0, -1e300, 1e300];
    for x in odd {
        for y in odd {
            for stamp in [Stamp(u64::MAX), Stamp::ZERO] {
                changes.look(
                    stamp,
                    &Isometry2::translation(1.0, 1.0),
                    &Point2::new(0.1, 0.0),
                    &[Point2::new(x, y)],
                );
                changes.look(
                    stamp,
                    &Isometry2::translation(x, y),
                    &Point2::origin(),
                    &[Point2::new(1.0, 1.0)],
                );
            }
        }
    }
    changes.finish();
    assert_eq!(changes.found(), []);
    assert!(changes.waiting.len() <= MOST_WAITING && changes.last.len() <= 2);
}
