//! `nightshift localize`: the localiser over a recorded drive.

use crate::cli::LocalizeArgs;
use crate::files;
use crate::talk::talk;
use cpu_time::ThreadTime;
use flate2::read::MultiGzDecoder;
use indicatif::{ProgressBar, ProgressStyle};
use nightshift_core::Pose2;
use nightshift_core::frames::{Base, Map};
use nightshift_core::grid::{Cell, OccupancyGrid};
use nightshift_core::random::Seed;
use nightshift_navigation::log::{DriveLog, SCANNER};
use nightshift_navigation::{LocalisationState, Localiser};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::ExitCode;

/// A told pose is believed to so many metres: a wall with free floor nearer than this may be the telling's error.
const TOLD_WITHIN_M: f64 = 0.3;

/// What `--json` prints.
#[derive(Serialize)]
struct Report {
    scans: usize,
    cpu_ms_mean: f64,
    cpu_ms_p99: f64,
    /// One for each scan.
    state: Vec<StateAt>,
}

#[derive(Serialize)]
struct StateAt {
    t: f64,
    state: &'static str,
    confidence: f64,
}

/// Runs the command.
pub fn run(args: &LocalizeArgs) -> Result<ExitCode, String> {
    let grid = files::load_map(&args.map).map_err(|e| format!("{}: {e}", args.map.display()))?;
    let log = read_log(&args.log)?;
    if log.backwards > 0 {
        talk!(
            "{}: {} scans are not stamped after the one before; they are taken in the file's order",
            args.log.display(),
            log.backwards
        );
    }
    let scanners = BTreeMap::from([(SCANNER.to_owned(), log.scanner())]);
    let mut localiser = Localiser::new(&grid, scanners, Seed(args.seed));
    match &args.initial {
        Some(pose) => localiser.set_pose(believable(&grid, pose)?),
        None => {
            if !args.global {
                talk!("neither --initial nor --global: the first scans are looked for in the whole map");
            }
            localiser.relocalise();
        }
    }
    let (trajectory, report) = follow(&mut localiser, &log);
    fs::write(&args.out, trajectory).map_err(|e| format!("{} cannot be written: {e}", args.out.display()))?;
    if args.json {
        println!("{}", serde_json::to_string(&report).expect("plain data"));
    } else {
        let count = |state: &str| report.state.iter().filter(|at| at.state == state).count();
        println!("scans      {}", report.scans);
        println!("tracking   {}", count("tracking"));
        println!("ambiguous  {}", count("ambiguous"));
        println!("lost       {}", count("lost"));
        println!("cpu        {:.3} ms a scan, p99 {:.3} ms", report.cpu_ms_mean, report.cpu_ms_p99);
        println!("trajectory {}", args.out.display());
    }
    Ok(ExitCode::SUCCESS)
}

/// The poses as a TUM trajectory, one for each scan; none while there is no pose to tell. And the rest.
fn follow(localiser: &mut Localiser, log: &DriveLog) -> (String, Report) {
    let style =
        ProgressStyle::with_template("{bar:40} {pos}/{len} scans, {eta} left").expect("a sound template");
    let bar = ProgressBar::new(log.steps.len() as u64).with_style(style);
    let (mut trajectory, mut state, mut cpu_ms) = (String::new(), Vec::new(), Vec::new());
    for (index, step) in log.steps.iter().enumerate() {
        let (odometry, scan) = (log.odometry(index), log.scan(index));
        let began = ThreadTime::now();
        localiser.odometry(&odometry);
        let answer = localiser.scan(&scan);
        cpu_ms.push(began.elapsed().as_secs_f64() * 1e3);
        let answer = answer.expect("a log's scans are of its scanner, and its times go on");
        if let Some(estimate) = answer.estimate() {
            write_pose(&mut trajectory, step.time_s, &estimate.map_from_base);
        }
        let confidence = answer.estimate().map_or(0.0, |estimate| estimate.confidence);
        state.push(StateAt { t: step.time_s, state: word(answer.state()), confidence });
        bar.inc(1);
    }
    bar.finish_and_clear();
    let scans = cpu_ms.len();
    let cpu_ms_mean = cpu_ms.iter().sum::<f64>() / scans as f64;
    cpu_ms.sort_by(f64::total_cmp);
    (trajectory, Report { scans, cpu_ms_mean, cpu_ms_p99: cpu_ms[(scans - 1) * 99 / 100], state })
}

/// `time tx ty tz qx qy qz qw`: the base in the map.
fn write_pose(trajectory: &mut String, time_s: f64, pose: &Pose2<Map, Base>) {
    let (sin, cos) = (pose.yaw() / 2.0).sin_cos();
    writeln!(trajectory, "{time_s} {:.6} {:.6} 0 0 0 {sin:.9} {cos:.9}", pose.x(), pose.y())
        .expect("a string takes text");
}

fn word(state: LocalisationState) -> &'static str {
    match state {
        LocalisationState::Tracking => "tracking",
        LocalisationState::Ambiguous => "ambiguous",
        LocalisationState::Lost => "lost",
    }
}

/// Reads a recorded drive.
pub fn read_log(path: &Path) -> Result<DriveLog, String> {
    DriveLog::parse(&read_text(path)?).map_err(|e| format!("{}: {e}", path.display()))
}

/// The text of a log, unpacked where its bytes are gzip.
fn read_text(path: &Path) -> Result<String, String> {
    let bytes = fs::read(path).map_err(|e| format!("{} cannot be read: {e}", path.display()))?;
    let mut text = String::new();
    let read = if bytes.starts_with(&[0x1f, 0x8b]) {
        MultiGzDecoder::new(bytes.as_slice()).read_to_string(&mut text)
    } else {
        bytes.as_slice().read_to_string(&mut text)
    };
    read.map_err(|e| format!("{} is not a whole text or gzip file: {e}", path.display()))?;
    Ok(text)
}

/// Refuses a told pose that no error of the telling explains: outside the map, or deep in a wall.
fn believable(grid: &OccupancyGrid, pose: &[f64; 3]) -> Result<Pose2<Map, Base>, String> {
    let [x, y, yaw] = *pose;
    let refused = |why: &str| {
        Err(format!("--initial {x},{y},{yaw} {why}; the map holds x {}, y {}", span(grid, 0), span(grid, 1)))
    };
    let Some((column, row)) = grid.cell_at(x, y) else { return refused("lies outside the map") };
    if grid.get(column, row) == Cell::Occupied {
        let reach = (TOLD_WITHIN_M / grid.resolution_m).floor() as usize;
        let near = |at: usize, end: usize| at.saturating_sub(reach)..(at + reach + 1).min(end);
        let mut cells = near(row, grid.height).flat_map(|r| near(column, grid.width).map(move |c| (c, r)));
        if !cells.any(|(c, r)| grid.get(c, r) == Cell::Free) {
            return refused("lies in a wall, without free floor within 0.3 m");
        }
        talk!(
            "--initial {x},{y},{yaw} lies in a wall; free floor is within {TOLD_WITHIN_M} m, so it is tried"
        );
    }
    Ok(Pose2::new(x, y, yaw))
}

fn span(grid: &OccupancyGrid, axis: usize) -> String {
    let cells = [grid.width, grid.height][axis];
    let from = grid.origin[axis];
    format!("{from:.2} to {:.2} m", from + cells as f64 * grid.resolution_m)
}
