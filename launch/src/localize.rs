//! `nightshift localize`: the localiser over a recorded drive.

use crate::cli::LocalizeArgs;
use crate::files;
use crate::picture::{Canvas, draw_map};
use crate::recording::{Folder, JournalFile};
use crate::talk::{talk, tell};
use cpu_time::ThreadTime;
use flate2::read::MultiGzDecoder;
use indicatif::{ProgressBar, ProgressStyle};
use nightshift_core::Pose2;
use nightshift_core::frames::{Base, Map};
use nightshift_core::grid::OccupancyGrid;
use nightshift_core::record::{Entry, Sink};
use nightshift_navigation::log::DriveLog;
use nightshift_navigation::told::{self, Told};
use nightshift_navigation::{
    Localisation, LocalisationState, Localiser, NavInput, NavOutput, Place, evaluate,
};
use serde::Serialize;
use std::fmt::Write;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tiny_skia::Color;

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
    if args.initial.is_none() && !args.global {
        talk!("neither --initial nor --global: the first scans are looked for in the whole map");
    }
    let mut localiser = localiser_for(&grid, &log, args.seed, args.initial)?;
    let (trajectory, report, answers) = follow(&mut localiser, &log);
    fs::write(&args.out, trajectory).map_err(|e| format!("{} cannot be written: {e}", args.out.display()))?;
    if let Some(file) = &args.picture {
        draw(&grid, &log, &answers, file)?;
    }
    if let Some(folder) = &args.record {
        record(folder, &args.map, &log, answers)?;
    }
    if args.json {
        tell!("{}", serde_json::to_string(&report).expect("plain data"));
    } else {
        let count = |state: &str| report.state.iter().filter(|at| at.state == state).count();
        tell!("scans      {}", report.scans);
        tell!("tracking   {}", count("tracking"));
        tell!("ambiguous  {}", count("ambiguous"));
        tell!("lost       {}", count("lost"));
        tell!("cpu        {:.3} ms a scan, p99 {:.3} ms", report.cpu_ms_mean, report.cpu_ms_p99);
        tell!("trajectory {}", args.out.display());
    }
    Ok(ExitCode::SUCCESS)
}

/// A localiser at the beginning of a log: at a told pose, or nowhere.
pub fn localiser_for(
    grid: &OccupancyGrid,
    log: &DriveLog,
    seed: u64,
    initial: Option<[f64; 3]>,
) -> Result<Localiser, String> {
    let mut localiser = evaluate::localiser(grid, log, seed);
    match initial {
        Some(pose) => localiser.set_pose(believable(grid, pose)?),
        None => localiser.relocalise(),
    }
    Ok(localiser)
}

/// The poses as a TUM trajectory, one for each scan; none while there is no pose to tell. And the rest.
fn follow(localiser: &mut Localiser, log: &DriveLog) -> (String, Report, Vec<Localisation>) {
    let style =
        ProgressStyle::with_template("{bar:40} {pos}/{len} scans, {eta} left").expect("a sound template");
    let bar = ProgressBar::new(log.steps.len() as u64).with_style(style);
    let (mut trajectory, mut state, mut cpu_ms) = (String::new(), Vec::new(), Vec::new());
    let mut answers = Vec::new();
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
        answers.push(answer);
        bar.inc(1);
    }
    bar.finish_and_clear();
    let scans = cpu_ms.len();
    let cpu_ms_mean = cpu_ms.iter().sum::<f64>() / scans as f64;
    cpu_ms.sort_by(f64::total_cmp);
    (trajectory, Report { scans, cpu_ms_mean, cpu_ms_p99: cpu_ms[(scans - 1) * 99 / 100], state }, answers)
}

#[derive(Serialize)]
struct RecordInfo {
    /// The map's YAML file: all that stands still.
    map: PathBuf,
}

/// Writes the scans, the odometry and the answers as a run's journal has them.
fn record(path: &Path, map: &Path, log: &DriveLog, answers: Vec<Localisation>) -> Result<(), String> {
    let map = fs::canonicalize(map).map_err(|e| format!("{}: {e}", map.display()))?;
    let folder = Folder::make(path)?;
    folder.write_info(&RecordInfo { map })?;
    let mut journal = JournalFile::create(&folder.journal())?;
    for (index, answer) in answers.into_iter().enumerate() {
        let (odometry, scan) = (log.odometry(index), log.scan(index));
        let stamp = scan.stamp;
        let entries = [
            Entry::In(stamp, NavInput::Odometry(odometry)),
            Entry::In(stamp, NavInput::Scan(scan)),
            Entry::Out(stamp, NavOutput::Localised(answer)),
        ];
        for entry in entries {
            journal.line(&serde_json::to_string(&entry).expect("plain data"));
        }
    }
    journal.flush().map_err(|e| format!("{} cannot be written: {e}", folder.journal().display()))
}

fn draw(grid: &OccupancyGrid, log: &DriveLog, answers: &[Localisation], file: &Path) -> Result<(), String> {
    let mut canvas = Canvas::about(grid)?;
    draw_map(&mut canvas, grid);
    let at = |canvas: &Canvas, pose: &Pose2<Map, Base>| canvas.pixel(pose.x(), pose.y());
    let reference: Vec<_> = log.steps.iter().map(|step| at(&canvas, &step.reference)).collect();
    canvas.line(&reference, 3.0, Color::from_rgba8(190, 190, 195, 255));
    // A line breaks off where the pose is not trusted.
    for run in answers.chunk_by(|a, b| a.tracked().is_some() && b.tracked().is_some()) {
        let trusted = run.iter().filter_map(Localisation::tracked);
        let trusted: Vec<_> = trusted.map(|estimate| at(&canvas, &estimate.map_from_base)).collect();
        canvas.line(&trusted, 1.5, Color::from_rgba8(20, 70, 180, 255));
    }
    for answer in answers {
        if let Place::Ambiguous(estimate) = &answer.place {
            let (x, y) = at(&canvas, &estimate.map_from_base);
            let corners = [(x - 3.0, y), (x, y - 3.0), (x + 3.0, y), (x, y + 3.0)];
            canvas.polygon(&corners, Color::from_rgba8(235, 120, 20, 255));
        }
    }
    canvas.pixmap.save_png(file).map_err(|e| format!("{} cannot be written: {e}", file.display()))
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
fn believable(grid: &OccupancyGrid, [x, y, yaw]: [f64; 3]) -> Result<Pose2<Map, Base>, String> {
    let pose = Pose2::new(x, y, yaw);
    match told::check(grid, &pose).map_err(|why| format!("--initial {x},{y},{yaw} {why}"))? {
        Told::OnFloor => {}
        Told::NearFloor => talk!(
            "--initial {x},{y},{yaw} lies in a wall; free floor is within {} m, so it is tried",
            told::WITHIN_M
        ),
    }
    Ok(pose)
}
