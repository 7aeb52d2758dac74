//! The localiser over recorded drives.

use super::{Aim, Notes, Plan, peer};
use crate::{files, localize};
use cpu_time::ThreadTime;
use nightshift_core::Pose2;
use nightshift_core::frames::{Base, Map};
use nightshift_core::grid::OccupancyGrid;
use nightshift_navigation::evaluate::{self, FromNowhere, Kidnapped, Tracked};
use nightshift_navigation::log::DriveLog;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::thread;

/// A recorded drive, and what is asked of the localiser on it.
struct Case {
    log: &'static str,
    map: &'static str,
    /// Scans at the start that are not scored.
    settle: usize,
    /// The map was built from the odd scans: the even ones are scored.
    even_only: bool,
    mean_m: Option<f64>,
    max_m: Option<f64>,
    rmse_m: Option<f64>,
    p95_m: Option<f64>,
    yaw_p95_deg: Option<f64>,
    bias_m: Option<f64>,
    /// Share of starts from nowhere that must end well.
    found: f64,
}

const CASES: [Case; 4] = [
    Case {
        log: "intel",
        map: "intel_odd",
        settle: 0,
        even_only: true,
        mean_m: Some(0.040),
        max_m: Some(0.30),
        rmse_m: None,
        p95_m: None,
        yaw_p95_deg: None,
        bias_m: None,
        found: 0.95,
    },
    Case {
        log: "freiburg-101",
        map: "freiburg-101",
        settle: 0,
        even_only: false,
        mean_m: Some(0.025),
        max_m: Some(0.30),
        rmse_m: None,
        p95_m: None,
        yaw_p95_deg: None,
        bias_m: None,
        found: 0.99,
    },
    Case {
        log: "synlab",
        map: "synlab",
        settle: 20,
        even_only: false,
        mean_m: None,
        max_m: None,
        rmse_m: Some(0.005),
        p95_m: Some(0.010),
        yaw_p95_deg: Some(0.1),
        bias_m: Some(0.001),
        found: 0.99,
    },
    Case {
        log: "synlab_changed",
        map: "synlab",
        settle: 20,
        even_only: false,
        mean_m: None,
        max_m: None,
        rmse_m: Some(0.010),
        p95_m: None,
        yaw_p95_deg: None,
        bias_m: None,
        found: 0.99,
    },
];

const CPU_MEAN_MS: f64 = 0.25;
const CPU_P99_MS: f64 = 1.0;
const FALSE_ACCEPTS: f64 = 0.001;
const NOTICED: f64 = 0.99;
/// Squared error in units of the claimed covariance: 3 where it means what it says.
const NEES_NAME: &str = "NEES, mean (3 is honest)";
/// Scans that are tracked before each kidnap, and how far away it ends at least, metres.
const KIDNAP_BEFORE: usize = 40;
const KIDNAP_M: f64 = 1.0;
const REPLAYS: usize = 10;

/// The recorded drives that are there.
fn cases(plan: &Plan, notes: &mut Notes) -> Result<Vec<(&'static Case, OccupancyGrid, DriveLog)>, String> {
    let mut found = Vec::new();
    for case in &CASES {
        let (map, log) = (case.map_file(&plan.data), case.log_file(&plan.data));
        if let Some(absent) = [&map, &log].into_iter().find(|path| !path.is_file()) {
            notes.skip(format!("{}: there is no file {}", case.log, absent.display()));
            continue;
        }
        found.push((case, files::load_map(&map)?, localize::read_log(&log)?));
    }
    Ok(found)
}

impl Case {
    fn map_file(&self, data: &Path) -> PathBuf {
        data.join(format!("{}.yaml", self.map))
    }

    /// What the particle filter of Debian's `mrpt-apps` comes to on the same drive, once, by the names of our figures. Empty where
    /// it is not installed or does not end well.
    fn peer(&self, data: &Path, notes: &mut Notes) -> BTreeMap<String, f64> {
        let (settle, poses) = (self.settle.to_string(), if self.even_only { "even" } else { "all" });
        let (log, map) = (self.log_file(data), self.map_file(data));
        let args = [log.as_os_str(), map.as_os_str(), settle.as_ref(), poses.as_ref()];
        let measured = peer::ask(Path::new("python3"), "navigation.py", args);
        measured.unwrap_or_else(|why| {
            notes.skip(format!("{}: no peer: {why}", self.log));
            BTreeMap::new()
        })
    }

    fn log_file(&self, data: &Path) -> PathBuf {
        data.join(format!("{}.txt.gz", self.log))
    }
}

/// Follows each drive with each seed.
pub fn tracking(plan: &Plan, notes: &mut Notes) -> Result<(), String> {
    for (case, grid, log) in cases(plan, notes)? {
        let mut cpu_ms = Vec::new();
        let mut runs = Vec::new();
        let bar = notes.steps(case.log, plan.seeds as usize).clone();
        for seed in 1..=plan.seeds {
            let mut localiser = evaluate::localiser(&grid, &log, seed);
            let scored = |index: usize| !case.even_only || index.is_multiple_of(2);
            runs.push(evaluate::track(&mut localiser, &log, case.settle, scored, |localiser, index| {
                let (odometry, scan) = (log.odometry(index), log.scan(index));
                let began = ThreadTime::now();
                localiser.odometry(&odometry);
                let answer = localiser.scan(&scan);
                cpu_ms.push(began.elapsed().as_secs_f64() * 1e3);
                answer
            }));
            bar.inc(1);
        }
        let peer = case.peer(&plan.data, notes);
        write_tracking(case, &runs, &cpu_ms, &peer, notes);
    }
    Ok(())
}

fn write_tracking(
    case: &Case,
    runs: &[Tracked],
    cpu_ms: &[f64],
    peer: &BTreeMap<String, f64>,
    notes: &mut Notes,
) {
    let n = runs.len();
    let mut write = |figure, unit, of: &dyn Fn(&Tracked) -> f64, aim: Option<f64>| {
        let values: Vec<f64> = runs.iter().map(of).collect();
        let figure = notes.figure(case.log, figure, unit, evaluate::mean(&values), n);
        figure.spread = Some(range(&values));
        figure.aim = aim.map(Aim::AtMost);
        figure.peer = peer.get(figure.figure).copied();
    };
    let max = |values: &[f64]| values.iter().copied().fold(f64::NAN, f64::max);
    let degrees = |run: &Tracked| evaluate::quantile(&run.yaw_rad, 0.95).to_degrees();
    write("error, mean", "m", &Tracked::mean_m, case.mean_m);
    write("error, RMS", "m", &Tracked::rmse_m, case.rmse_m);
    write("error, p95", "m", &|run| evaluate::quantile(&run.position_m, 0.95), case.p95_m);
    write("error, max", "m", &|run| max(&run.position_m), case.max_m);
    write("yaw, p95", "deg", &degrees, case.yaw_p95_deg);
    write("bias", "m", &|run| run.bias_m[0].hypot(run.bias_m[1]), case.bias_m);
    write("scans without a pose", "", &|run| run.lost as f64, Some(0.0));
    write("scans in doubt", "", &|run| run.doubted as f64, None);
    write(NEES_NAME, "", &|run| evaluate::mean(&run.nees), None);
    let mean = evaluate::mean(cpu_ms);
    notes.figure(case.log, "CPU a scan, mean", "ms", mean, cpu_ms.len()).aim = Some(Aim::AtMost(CPU_MEAN_MS));
    let p99 = evaluate::quantile(cpu_ms, 0.99);
    notes.figure(case.log, "CPU a scan, p99", "ms", p99, cpu_ms.len()).aim = Some(Aim::AtMost(CPU_P99_MS));
}

fn range(values: &[f64]) -> [f64; 2] {
    [values.iter().copied().fold(f64::NAN, f64::min), values.iter().copied().fold(f64::NAN, f64::max)]
}

/// Starts without a pose, evenly along each drive.
pub fn from_nowhere(plan: &Plan, notes: &mut Notes) -> Result<(), String> {
    for (case, grid, log) in cases(plan, notes)? {
        let fresh = evaluate::localiser(&grid, &log, 1);
        let last = last_start(&log);
        let bar = notes.steps(case.log, plan.starts).clone();
        let (mut metres, mut wrong) = (Vec::new(), 0);
        for start in 0..plan.starts {
            match evaluate::from_nowhere(&mut fresh.clone(), &log, start * last / plan.starts) {
                FromNowhere::Found(after_m) => metres.push(after_m),
                FromNowhere::NotFound => {}
                FromNowhere::FalseAccept(_) => wrong += 1,
            }
            bar.inc(1);
        }
        let share = |count: usize| count as f64 / plan.starts as f64;
        let figure = notes.figure(case.log, "found within 5 m", "", share(metres.len()), plan.starts);
        figure.aim = Some(Aim::AtLeast(case.found));
        let figure = notes.figure(case.log, "sure of a wrong place", "", share(wrong), plan.starts);
        figure.aim = Some(Aim::AtMost(FALSE_ACCEPTS));
        let median = evaluate::quantile(&metres, 0.5);
        let figure = notes.figure(case.log, "driven until sure, median", "m", median, metres.len());
        figure.spread = Some(range(&metres));
    }
    Ok(())
}

/// The last step from which a drive goes on for long enough.
fn last_start(log: &DriveLog) -> usize {
    let mut left_m = 0.0;
    for index in (1..log.steps.len()).rev() {
        left_m += log.steps[index].odom_from_base.distance(&log.steps[index - 1].odom_from_base);
        if left_m >= evaluate::FROM_NOWHERE_M {
            return index - 1;
        }
    }
    0
}

/// Carries the robot from one place of each drive to another.
pub fn kidnap(plan: &Plan, notes: &mut Notes) -> Result<(), String> {
    for (case, grid, log) in cases(plan, notes)? {
        let fresh = evaluate::localiser(&grid, &log, 1);
        let count = log.steps.len() - 2 * KIDNAP_BEFORE;
        let bar = notes.steps(case.log, plan.starts).clone();
        let (mut seconds, mut tried, mut again) = (Vec::new(), 0, 0);
        for start in 0..plan.starts {
            bar.inc(1);
            let from = start * count / plan.starts;
            // A stride that meets all distances.
            let to = (from + KIDNAP_BEFORE + (start * 7919 + 1) * count / (plan.starts * 3)) % count;
            let (a, b) = (&log.steps[from + KIDNAP_BEFORE - 1].reference, &log.steps[to].reference);
            if a.distance(b) < KIDNAP_M {
                continue;
            }
            match evaluate::kidnap(&mut fresh.clone(), &log, from, KIDNAP_BEFORE, to) {
                Kidnapped::Noticed { after_s, wrong_again } => {
                    tried += 1;
                    again += usize::from(wrong_again);
                    seconds.push(after_s);
                }
                Kidnapped::Unnoticed => tried += 1,
                Kidnapped::NotTracking => {}
            }
        }
        let share = seconds.len() as f64 / tried as f64;
        notes.figure(case.log, "noticed within 2 s", "", share, tried).aim = Some(Aim::AtLeast(NOTICED));
        // Within `evaluate::KIDNAP_AFTER_S`.
        let share = again as f64 / seconds.len() as f64;
        notes.figure(case.log, "and wrong again within 10 s", "", share, seconds.len());
        let median = evaluate::quantile(&seconds, 0.5);
        notes.figure(case.log, "noticed after, median", "s", median, seconds.len()).spread =
            Some(range(&seconds));
    }
    Ok(())
}

/// Follows each drive ten times, and twice at once.
pub fn repeat(plan: &Plan, notes: &mut Notes) -> Result<(), String> {
    for (case, grid, log) in cases(plan, notes)? {
        let bar = notes.steps(case.log, REPLAYS + 1).clone();
        let follow = || {
            let mut localiser = evaluate::localiser(&grid, &log, 1);
            let run =
                evaluate::track(&mut localiser, &log, 0, |_| true, |l, index| evaluate::give(l, &log, index));
            run.poses.iter().map(bits).collect::<Vec<_>>()
        };
        let first = follow();
        let mut same = 1;
        for _ in 1..REPLAYS {
            same += usize::from(follow() == first);
            bar.inc(1);
        }
        notes.figure(case.log, "replays with the same bits", "", same as f64, REPLAYS).aim =
            Some(Aim::AtLeast(REPLAYS as f64));
        let two = std::thread::scope(|scope| {
            let spawn = |name: &str| thread::Builder::new().name(name.to_owned()).spawn_scoped(scope, follow);
            let threads = ["bench-1", "bench-2"].map(spawn);
            threads.map(|thread| thread.ok().and_then(|thread| thread.join().ok()))
        });
        let same = two.iter().filter(|run| run.as_ref() == Some(&first)).count();
        notes.figure(case.log, "the same on two threads at once", "", same as f64, 2).aim =
            Some(Aim::AtLeast(2.0));
    }
    Ok(())
}

fn bits(pose: &Option<Pose2<Map, Base>>) -> Option<[u64; 3]> {
    pose.map(|p| [p.x(), p.y(), p.yaw()].map(f64::to_bits))
}
