//! Changes of rooms of a seed, found over a drive by the localiser's own poses, held against the truth: of what was there to
//! see, how much was found, and of what was found, how much is so. `NIGHTSHIFT_ROOMS=N` looks at N rooms, `-- --nocapture`
//! shows each.

use nalgebra::{Isometry2, Point2, Vector2};
use nightshift_core::grid::{Cell, OccupancyGrid};
use nightshift_flat::{Drive, Plan, Shape};
use nightshift_navigation::changes::{self, Kind, Region};
use nightshift_navigation::evaluate;
use nightshift_navigation::log::DriveLog;

/// A cell is of a surface within this, metres: a cell's diagonal, and what pose and map are off.
const OF_M: f64 = 0.1;
/// What stands nearer to something mapped than this is not told from it, metres.
const APART_M: f64 = 0.15;
/// An object was there to see where so many beams told of it over so many seconds.
const BEAMS: usize = 150;
const SEEN_S: f64 = 30.0;
/// And it was found where so many cells say so.
const CELLS: usize = 4;

#[derive(Debug, Default)]
struct Score {
    rooms: usize,
    /// Cells that were found, and those that are so: new, gone.
    cells: [[usize; 2]; 2],
    /// Objects that were there to see, and those that were found: new, gone.
    objects: [[usize; 2]; 2],
}

impl Score {
    fn add(&mut self, other: &Self) {
        self.rooms += other.rooms;
        for (mine, its) in [(&mut self.cells, &other.cells), (&mut self.objects, &other.objects)] {
            for (a, b) in mine.iter_mut().flatten().zip(its.iter().flatten()) {
                *a += b;
            }
        }
    }
}

fn share([all, good]: [usize; 2]) -> f64 {
    good as f64 / all.max(1) as f64
}

fn nearest<'a>(shapes: impl IntoIterator<Item = &'a Shape>, point: &Point2<f64>) -> f64 {
    shapes.into_iter().map(|shape| shape.distance(point)).fold(f64::INFINITY, f64::min)
}

/// Centres of the cells of all regions of a kind; of what is gone, those that were walls.
fn centers(grid: &OccupancyGrid, regions: &[Region], kind: Kind) -> Vec<Point2<f64>> {
    let cells = regions.iter().filter(|region| region.kind == kind).flat_map(|region| &region.cells);
    let cells = cells.map(|[column, row]| (*column as usize, *row as usize));
    let walls = cells.filter(|(column, row)| kind == Kind::New || grid.get(*column, *row) == Cell::Occupied);
    walls.map(|(column, row)| Point2::from(grid.center(column, row))).collect()
}

/// Whether a drive had an object to see: new ones by beams that end on them away from all else, gone ones by beams that go on
/// through where they stood.
fn was_there_to_see(drive: &Drive, object: &Shape, kind: Kind) -> bool {
    let scanner = &drive.plan.scanner;
    let (mut beams, mut first_s, mut last_s) = (0, f64::INFINITY, 0.0f64);
    for step in drive.steps.iter().step_by(5) {
        let eye = Point2::from(step.truth.translation.vector);
        let before = beams;
        for (index, range) in step.ranges.iter().enumerate().filter(|(_, range)| **range < 10.0) {
            let bearing = scanner.view_rad * (index as f64 / (scanner.beams - 1) as f64 - 0.5);
            let way = step.truth * Isometry2::rotation(bearing) * Vector2::x();
            let end = eye + way * f64::from(*range);
            beams += usize::from(match kind {
                Kind::New => object.distance(&end) < 0.03 && nearest(drive.mapped.shapes(), &end) > APART_M,
                Kind::Gone => object.cast(&eye, &way).is_some_and(|at| at + 0.3 < f64::from(*range)),
            });
        }
        if beams > before {
            (first_s, last_s) = (first_s.min(step.time_s), last_s.max(step.time_s));
        }
    }
    beams >= BEAMS && last_s - first_s >= SEEN_S
}

fn score(seed: u64) -> Option<Score> {
    let plan = Plan { changed: 0.35, people: (seed % 4) as usize, ..Plan::drawn(seed) };
    let drive = Drive::new(plan)?;
    let (grid, log) = (drive.map(), DriveLog::parse(&drive.to_text()).expect("a log"));
    let mut localiser = evaluate::localiser(&grid, &log, seed);
    localiser.set_pose(evaluate::told(&log.steps[0].reference));
    let (regions, _) = changes::of_drive(&grid, &mut localiser, &log, &mut |_| {});
    let missing_in = |shape: &&Shape, other: &[Shape]| !other.contains(shape);
    let new: Vec<&Shape> =
        drive.now.furniture.iter().filter(|s| missing_in(s, &drive.mapped.furniture)).collect();
    let gone: Vec<&Shape> =
        drive.mapped.furniture.iter().filter(|s| missing_in(s, &drive.now.furniture)).collect();
    let mut score = Score { rooms: 1, ..Score::default() };
    for (which, kind, objects) in [(0, Kind::New, new), (1, Kind::Gone, gone)] {
        let cells = centers(&grid, &regions, kind);
        let so = |center: &&Point2<f64>| match kind {
            Kind::New => nearest(drive.now.shapes(), center) < OF_M,
            // Nothing has its surface in the cell any more.
            Kind::Gone => nearest(drive.now.shapes(), center) > 0.025,
        };
        score.cells[which] = [cells.len(), cells.iter().filter(so).count()];
        for object in objects {
            if was_there_to_see(&drive, object, kind) {
                let near = cells.iter().filter(|center| object.distance(center) < OF_M).count();
                score.objects[which][0] += 1;
                score.objects[which][1] += usize::from(near >= CELLS);
                if near < CELLS {
                    println!("seed {seed}: {kind:?} {object:?} has {near} cells");
                }
            }
        }
    }
    println!("seed {seed}, {:?}, {} people: {score:?}", drive.plan.style, drive.plan.people);
    Some(score)
}

#[test]
fn furniture_that_came_and_went_is_found_and_little_else() {
    let rooms: u64 = std::env::var("NIGHTSHIFT_ROOMS").ok().and_then(|n| n.parse().ok()).unwrap_or(8);
    let first: u64 = std::env::var("NIGHTSHIFT_FIRST").ok().and_then(|n| n.parse().ok()).unwrap_or(101);
    let mut all = Score::default();
    (first..first + rooms).filter_map(score).for_each(|room| all.add(&room));
    let [new, gone] = all.cells.map(share);
    let [new_found, gone_found] = all.objects.map(share);
    println!(
        "{all:?}: precision of cells new {new:.3}, gone {gone:.3}; recall of objects new {new_found:.3}, gone {gone_found:.3}"
    );
    assert!(all.rooms >= 6 && all.objects[0][0] >= 10 && all.objects[1][0] >= 10, "{all:?}");
    assert!(new > 0.9 && gone > 0.9, "precision of cells: new {new:.3}, gone {gone:.3}");
    assert!(
        new_found > 0.85 && gone_found > 0.85,
        "recall of objects: new {new_found:.3}, gone {gone_found:.3}"
    );
}
