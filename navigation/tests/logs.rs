//! The localiser over recorded drives with reference poses. The logs are not part of the repository: they are looked
//! for in `$NIGHTSHIFT_DATA/navigation` and in `../shared/data/navigation` beside the workspace; what is absent is
//! skipped, and said so. Run with `--nocapture` for the table.

use flate2::read::MultiGzDecoder;
use nightshift_core::Pose2;
use nightshift_core::grid::OccupancyGrid;
use nightshift_core::random::Seed;
use nightshift_navigation::localiser::{Localisation, LocalisationState, Localiser};
use nightshift_navigation::log::{DriveLog, SCANNER};
use std::collections::BTreeMap;
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

impl Log {
    fn localiser(&self, seed: u64) -> Localiser {
        Localiser::new(&self.grid, BTreeMap::from([(SCANNER.to_owned(), self.drive.scanner())]), Seed(seed))
    }

    fn give(&self, localiser: &mut Localiser, index: usize) -> Option<Localisation> {
        localiser.odometry(&self.drive.odometry(index));
        localiser.scan(&self.drive.scan(index))
    }
}

#[derive(Default)]
struct Score {
    position: Vec<f64>,
    yaw_deg: Vec<f64>,
    bias: [f64; 2],
    lost: usize,
}

impl Score {
    fn mean(&self) -> f64 {
        self.position.iter().sum::<f64>() / self.position.len() as f64
    }
    fn rmse(&self) -> f64 {
        (self.position.iter().map(|e| e * e).sum::<f64>() / self.position.len() as f64).sqrt()
    }
    fn max(&self) -> f64 {
        self.position.iter().copied().fold(0.0, f64::max)
    }
    fn p95(values: &[f64]) -> f64 {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        sorted[sorted.len() * 95 / 100]
    }
}

/// Tracks a whole log from an offset start. `scored`: which scans count; the first `settle` never do.
fn track(name: &str, log: &Log, seed: u64, settle: usize, scored: impl Fn(usize) -> bool) -> Score {
    let mut localiser = log.localiser(seed);
    let first = log.drive.steps[0].reference;
    localiser.set_pose(Pose2::new(first.x() + 0.15, first.y() - 0.15, first.yaw() + 4.6f64.to_radians()));
    let mut score = Score::default();
    for (index, step) in log.drive.steps.iter().enumerate() {
        let answer = log.give(&mut localiser, index).unwrap();
        if index >= settle && scored(index) {
            let (pose, truth) = (answer.map_from_base, step.reference);
            score.position.push(pose.distance(&truth));
            score.yaw_deg.push(pose.turn_to(&truth).abs().to_degrees());
            score.bias[0] += pose.x() - truth.x();
            score.bias[1] += pose.y() - truth.y();
        }
        score.lost += usize::from(answer.state == LocalisationState::Lost);
    }
    let count = score.position.len() as f64;
    println!(
        "{name:15} seed {seed:2}: mean {:.4} rmse {:.4} p95 {:.4} max {:.3} m, yaw p95 {:.3} deg, bias {:+.4} {:+.4}, \
         lost {}",
        score.mean(),
        score.rmse(),
        Score::p95(&score.position),
        score.max(),
        Score::p95(&score.yaw_deg),
        score.bias[0] / count,
        score.bias[1] / count,
        score.lost
    );
    score
}

#[test]
fn exact_truth() {
    let Some(log) = read("synlab", "synlab") else { return };
    let score = track("synlab", &log, 1, 20, |_| true);
    assert!(score.rmse() < 0.005 && score.max() < 0.05 && score.lost == 0);
}

#[test]
fn exact_truth_in_a_changed_room() {
    let Some(log) = read("synlab_changed", "synlab") else { return };
    let score = track("synlab_changed", &log, 1, 20, |_| true);
    assert!(score.rmse() < 0.010 && score.max() < 0.1 && score.lost == 0);
}

#[test]
fn real_corridors() {
    let Some(log) = read("freiburg-101", "freiburg-101") else { return };
    for seed in 0..2 {
        let score = track("freiburg-101", &log, seed, 0, |_| true);
        assert!(score.mean() < 0.035 && score.max() < 0.3 && score.lost == 0);
    }
}

#[test]
fn real_offices() {
    let Some(log) = read("intel", "intel_odd") else { return };
    for seed in 0..2 {
        let score = track("intel_odd", &log, seed, 0, |index| index % 2 == 0);
        assert!(score.mean() < 0.040 && score.max() < 0.3 && score.lost == 0);
    }
}

/// From nowhere, at many places of a log: found within 5 m of driving, and never sure of a wrong place.
fn from_nowhere(name: &str, log: &Log, starts: usize) -> (usize, usize) {
    let (mut found, mut wrong) = (0, 0);
    for start in 0..starts {
        let first = start * (log.drive.steps.len() - 60) / starts;
        let mut localiser = log.localiser(start as u64);
        localiser.relocalise();
        let mut driven = 0.0;
        let mut right = false;
        for index in first..log.drive.steps.len() {
            driven += if index > first {
                log.drive.steps[index].odom_from_base.distance(&log.drive.steps[index - 1].odom_from_base)
            } else {
                0.0
            };
            if driven > 5.0 {
                break;
            }
            let answer = log.give(&mut localiser, index);
            let Some(answer) = answer.filter(|a| a.state == LocalisationState::Tracking) else { continue };
            let truth = &log.drive.steps[index].reference;
            right = answer.map_from_base.distance(truth) < 0.5
                && answer.map_from_base.turn_to(truth).abs() < 10f64.to_radians();
            if !right {
                wrong += 1;
                break;
            }
        }
        found += usize::from(right);
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
