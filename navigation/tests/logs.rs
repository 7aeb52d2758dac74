//! The localiser over recorded drives with reference poses. The logs are not part of the repository: they are looked
//! for in `$NIGHTSHIFT_DATA/navigation` and in `../shared/data/navigation` beside the workspace; what is absent is
//! skipped, and said so. Run with `--nocapture` for the table.

use flate2::read::MultiGzDecoder;
use nightshift_core::grid::OccupancyGrid;
use nightshift_navigation::changes::{self, Kind, Region};
use nightshift_navigation::evaluate::{self, FromNowhere, Tracked};
use nightshift_navigation::log::DriveLog;
use std::io::Read;
use std::path::PathBuf;

struct Log {
    grid: OccupancyGrid,
    drive: DriveLog,
}

fn folder() -> Option<PathBuf> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let data = std::env::var_os("NIGHTSHIFT_DATA").map_or(beside, PathBuf::from);
    Some(data.join("navigation")).filter(|folder| folder.is_dir())
}

fn read(log: &str, map: &str) -> Option<Log> {
    let Some(folder) = folder() else {
        println!("{log}: skipped, there is no folder data/navigation");
        return None;
    };
    let file = |name: String| std::fs::read(folder.join(name));
    let yaml = String::from_utf8(file(format!("{map}.yaml")).ok()?).unwrap();
    let grid = nightshift_navigation::map::load(&yaml, &file(format!("{map}.pgm")).unwrap()).unwrap();
    let mut text = String::new();
    let packed = file(format!("{log}.txt.gz")).unwrap();
    MultiGzDecoder::new(packed.as_slice()).read_to_string(&mut text).unwrap();
    Some(Log { grid, drive: DriveLog::parse(&text).unwrap() })
}

/// Tracks a whole log. `scored`: which scans count; the first `settle` never do.
fn track(name: &str, log: &Log, seed: u64, settle: usize, scored: impl Fn(usize) -> bool) -> Tracked {
    let drive = &log.drive;
    let mut localiser = evaluate::localiser(&log.grid, drive, seed);
    let tracked =
        evaluate::track(&mut localiser, drive, settle, scored, |l, index| evaluate::give(l, drive, index));
    println!(
        "{name:15} seed {seed:2}: mean {:.4} rmse {:.4} p95 {:.4} max {:.3} m, yaw p95 {:.3} deg, bias {:+.4} {:+.4}, \
         NEES {:.2}, lost {}, in doubt {}",
        tracked.mean_m(),
        tracked.rmse_m(),
        evaluate::quantile(&tracked.position_m, 0.95),
        max_m(&tracked),
        evaluate::quantile(&tracked.yaw_rad, 0.95).to_degrees(),
        tracked.bias_m[0],
        tracked.bias_m[1],
        evaluate::mean(&tracked.nees),
        tracked.lost,
        tracked.doubted
    );
    tracked
}

fn max_m(tracked: &Tracked) -> f64 {
    tracked.position_m.iter().copied().fold(0.0, f64::max)
}

#[test]
fn exact_truth() {
    let Some(log) = read("synlab", "synlab") else { return };
    let score = track("synlab", &log, 1, 20, |_| true);
    assert!(score.rmse_m() < 0.005 && max_m(&score) < 0.05 && score.lost == 0);
}

#[test]
fn exact_truth_in_a_changed_room() {
    let Some(log) = read("synlab_changed", "synlab") else { return };
    let score = track("synlab_changed", &log, 1, 20, |_| true);
    assert!(score.rmse_m() < 0.010 && max_m(&score) < 0.1 && score.lost == 0);
}

#[test]
fn what_changed_in_a_room_is_found_and_a_map_with_it_taken_in_fits_the_room_again() {
    let Some(log) = read("synlab_changed", "synlab") else { return };
    let look = |grid: &OccupancyGrid| {
        let mut localiser = evaluate::localiser(grid, &log.drive, 1);
        localiser.set_pose(evaluate::told(&log.drive.steps[0].reference));
        changes::of_drive(grid, &mut localiser, &log.drive, &mut |_| {}).0
    };
    let found = look(&log.grid);
    for region in &found {
        let [x0, y0, x1, y1] = [region.low[0], region.low[1], region.high[0], region.high[1]];
        println!("{:?} {x0:.2} {y0:.2} to {x1:.2} {y1:.2}, {} cells", region.kind, region.cells.len());
    }
    let count = |kind| found.iter().filter(|region| region.kind == kind).count();
    let (new, gone) = (count(Kind::New), count(Kind::Gone));
    // Eight things came and two benches went, one of them in several pieces with the wall behind it.
    assert!((6..=14).contains(&new) && (2..=6).contains(&gone), "{new} new, {gone} gone");
    let grid = changes::updated(&log.grid, &found).unwrap();
    let again = look(&grid);
    let cells = |regions: &[Region]| regions.iter().map(|region| region.cells.len()).sum::<usize>();
    println!("{} cells of {} regions; then {} of {}", cells(&found), found.len(), cells(&again), again.len());
    assert!(cells(&again) * 10 < cells(&found));
    let before = track("as mapped", &log, 1, 20, |_| true);
    let after = track("updated", &Log { grid, drive: log.drive.clone() }, 1, 20, |_| true);
    assert!(after.lost == 0 && after.doubted <= before.doubted && after.rmse_m() < 0.010);
}

#[test]
fn real_corridors() {
    let Some(log) = read("freiburg-101", "freiburg-101") else { return };
    for seed in 0..2 {
        let score = track("freiburg-101", &log, seed, 0, |_| true);
        assert!(score.mean_m() < 0.035 && max_m(&score) < 0.3 && score.lost == 0);
    }
}

#[test]
fn real_offices() {
    let Some(log) = read("intel", "intel_odd") else { return };
    for seed in 0..2 {
        let score = track("intel_odd", &log, seed, 0, |index| index % 2 == 0);
        assert!(score.mean_m() < 0.040 && max_m(&score) < 0.3 && score.lost == 0);
    }
}

/// From nowhere, at many places of a log: found within 5 m of driving, and never sure of a wrong place.
fn from_nowhere(name: &str, log: &Log, starts: usize) -> (usize, usize) {
    let (mut found, mut wrong) = (0, 0);
    for start in 0..starts {
        let mut localiser = evaluate::localiser(&log.grid, &log.drive, start as u64);
        let first = start * (log.drive.steps.len() - 60) / starts;
        match evaluate::from_nowhere(&mut localiser, &log.drive, first) {
            FromNowhere::Found(_) => found += 1,
            FromNowhere::NotFound => {}
            FromNowhere::FalseAccept(_) => wrong += 1,
        }
    }
    println!("{name:15} from nowhere: {found} of {starts} found, {wrong} sure of a wrong place");
    (found, wrong)
}

#[test]
fn from_nowhere_in_the_exact_room() {
    let Some(log) = read("synlab", "synlab") else { return };
    let (found, wrong) = from_nowhere("synlab", &log, 10);
    assert!(found >= 9 && wrong <= 1);
}

#[test]
fn from_nowhere_in_the_real_offices() {
    let Some(log) = read("intel", "intel_odd") else { return };
    let (found, wrong) = from_nowhere("intel_odd", &log, 10);
    assert!(found >= 9 && wrong == 0);
}

#[test]
fn from_nowhere_in_the_real_corridors() {
    let Some(log) = read("freiburg-101", "freiburg-101") else { return };
    let (found, wrong) = from_nowhere("freiburg-101", &log, 10);
    assert!(found >= 9 && wrong == 0);
}
