//! What each command does, short of the long ones. Exit codes: 0 it is so, 1 it is not, 2 it could not be tried.

use crate::cli::{BenchArgs, BenchWhat, CheckArgs, Cli, Command, ReplayArgs, SaveMapArgs, ScenarioArgs};
use crate::recording::{Folder, JournalFile, RunInfo};
use crate::runner::{self, Verdict};
use crate::scenario::Scenario;
use crate::stack::Stack;
use crate::talk::{talk, tell};
use crate::{
    arm_tools, bench, bench_docking, bench_drives, bench_grasp, bench_refine, bench_sim, calibrate, check,
    complete_depth, dataset, faults, files, follow, lab, live, localize, make_map, map_changes, picture,
    plan_path, reach, render, score, see, sim_node,
};
use indicatif::{ProgressBar, ProgressStyle};
use nightshift_core::describe::{Robot, Site};
use nightshift_core::random::Seed;
use nightshift_core::record::{self, Sink};
use nightshift_sim::faults::{FaultError, What};
use nightshift_sim::{SimConfig, World};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// Runs a command.
pub fn run(cli: Cli) -> Result<ExitCode, String> {
    match cli.command {
        Command::Run(args) => live::run(&args),
        Command::Sim(args) => sim_node::run(&args),
        Command::Scenario(args) => scenario(&args),
        Command::Faults(args) => faults::run(&args),
        Command::Lab(args) => lab::run(&args),
        Command::Check(args) => run_check(&args),
        Command::Replay(args) => replay(&args),
        Command::Mcap(args) => crate::mcap_file::run(&args),
        Command::SaveMap(args) => save_map(&args, true),
        Command::Picture(args) => picture::run(&args),
        Command::Map(args) => make_map::run(&args),
        Command::Changes(args) => map_changes::run(&args),
        Command::UpdateMap(args) => map_changes::update(&args),
        Command::Localize(args) => localize::run(&args),
        Command::See(args) => see::run(&args),
        Command::Follow(args) => follow::run(&args),
        Command::CompleteDepth(args) => complete_depth::run(&args),
        Command::Score(args) => score::run(&args),
        Command::PlanPath(args) => plan_path::run(&args),
        Command::Ik(args) => arm_tools::ik(&args),
        Command::Plan(args) => arm_tools::plan_all(&args),
        Command::Reach(args) => reach::run(&args),
        Command::Calibrate(args) => calibrate::run(&args),
        Command::Bench(args) => bench(&args),
        Command::Dataset(args) => dataset::run(&args),
        Command::Render(args) => render::run(&args),
    }
}

fn bench(args: &BenchArgs) -> Result<ExitCode, String> {
    match &args.what {
        BenchWhat::Drives(args) => bench_drives::run(args),
        BenchWhat::Docking(args) => bench_docking::run(args),
        BenchWhat::Driving(args) => bench::driving(args),
        BenchWhat::Grasp(args) => bench_grasp::run(args),
        BenchWhat::Refine(args) => bench_refine::run(args),
        BenchWhat::Motion(args) => bench::motion::run(args),
        BenchWhat::Navigation(args) => bench::navigation(args),
        BenchWhat::Perception(args) => bench::perception::run(args),
        BenchWhat::Sim(args) => bench_sim::run(args),
    }
}

fn verdict_code(good: bool) -> ExitCode {
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn scenario(args: &ScenarioArgs) -> Result<ExitCode, String> {
    let path = scenario_path(&args.file)?;
    let mut scenario = Scenario::load(&path)?;
    for text in &args.fault {
        scenario.faults.push(text.parse().map_err(|e: FaultError| e.to_string())?);
    }
    if let Some(camera) = args.camera {
        scenario.camera = camera;
    }
    let lab = files::load_lab(&scenario.site, &scenario.robot).map_err(|e| e.to_string())?;
    let folder = args.record.as_deref().map(Folder::make).transpose()?;
    if folder.is_some() && !scenario.cancel_at_each.is_empty() {
        return Err("--record takes a scenario of one run; this one is run once for each phase".into());
    }
    let dies = scenario.faults.iter().any(|planned| planned.fault.what() == What::StackKill);
    if folder.is_some() && dies {
        return Err("--record keeps what replays; a run in which the stack is killed does not".into());
    }
    let mut sink: Box<dyn Sink + Send> = Box::new(());
    let mut journal = None;
    if let Some(folder) = &folder {
        let file = JournalFile::create(&folder.journal())?;
        journal = Some(file.clone());
        sink = Box::new(file);
        let (_, restored) = nightshift_skills::Store::in_memory().map_err(|e| e.to_string())?;
        let (site, robot) = (scenario.site.clone(), scenario.robot.clone());
        folder.write_info(&RunInfo { site, robot, seed: args.seed, restored: Some(restored) })?;
    }
    let mut sinks = Some(sink);
    let bar = progress_bar();
    let mut tell = |words: &str, now: f64| bar.set_message(format!("{now:7.1} s  {words}"));
    let album = folder.as_ref().map(Folder::pictures);
    let next_sink = || sinks.take().unwrap_or_else(|| Box::new(()));
    let verdict = runner::run(&lab, &scenario, args.seed, album.as_deref(), next_sink, &mut tell)
        .map_err(|e| e.to_string())?;
    bar.finish_and_clear();
    if let Some(journal) = journal {
        journal.flush()?;
    }
    if args.json {
        tell!("{}", serde_json::to_string(&verdict).expect("plain data"));
    } else {
        print_verdict(&args.file, &verdict);
    }
    Ok(verdict_code(verdict.violations.is_empty()))
}

fn print_verdict(name: &str, verdict: &Verdict) {
    tell!("scenario    {name}, seed {}", verdict.seed);
    tell!("outcome     {}", verdict.outcome);
    tell!("transfers   {}", verdict.transfers);
    let (sim, wall) = (verdict.sim_time_s, verdict.wall_time_s);
    tell!("time        {sim:.1} s simulated in {wall:.1} s ({:.1} x real time)", sim / wall);
    tell!("journal     {}", verdict.journal_hash);
    for violation in &verdict.violations {
        tell!("violation   {violation}");
    }
}

fn scenario_path(name: &str) -> Result<PathBuf, String> {
    let direct = PathBuf::from(name);
    if direct.is_file() {
        return Ok(direct);
    }
    let folder = files::home().join("tests/scenarios");
    let bundled = folder.join(format!("{name}.toml"));
    if bundled.is_file() {
        return Ok(bundled);
    }
    let mut names: Vec<String> = fs::read_dir(&folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.strip_suffix(".toml").map(str::to_owned))
        .collect();
    names.sort();
    Err(format!("there is no scenario {name}; bundled are: {}", names.join(", ")))
}

/// A line on stderr that says what goes on, on a terminal only.
fn progress_bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {elapsed_precise} {msg}").expect("a sound template");
    let bar = ProgressBar::new_spinner().with_style(style);
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

fn run_check(args: &CheckArgs) -> Result<ExitCode, String> {
    let report = check::check(&args.path, &args.robot)?;
    if args.json {
        tell!("{}", serde_json::to_string(&report).expect("plain data"));
    } else if report.ok {
        tell!("ok  {} {}", report.kind, report.summary);
    } else {
        for problem in &report.problems {
            tell!("{problem}");
        }
        talk!("{} of {}: {} to mend", report.kind, args.path.display(), report.problems.len());
    }
    Ok(verdict_code(report.ok))
}

fn replay(args: &ReplayArgs) -> Result<ExitCode, String> {
    let folder = Folder(args.folder.clone());
    let info = folder.info()?;
    let lab = files::load_lab(&info.site, &info.robot).map_err(|e| e.to_string())?;
    let restored = info.restored.ok_or_else(|| {
        format!(
            "{} is a recording of the simulator alone: there is no stack in it to replay; the same seed makes the same run again",
            args.folder.display()
        )
    })?;
    let stack =
        Stack::new(&lab.site, &lab.robot, lab.grid, restored, Seed(info.seed)).map_err(|e| e.to_string())?;
    match record::replay(stack, &folder.lines()?) {
        Ok(lines) => {
            tell!("equal  {lines} lines");
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            tell!("differs  {error}");
            Ok(ExitCode::FAILURE)
        }
    }
}

/// Draws and writes a site's map; says so where `tell`.
pub fn save_map(args: &SaveMapArgs, tell: bool) -> Result<ExitCode, String> {
    const RESOLUTION_M: f64 = 0.05;
    let site = files::load_in(&args.folder, Site::load).map_err(|e| e.to_string())?;
    let robot = files::load_in(&files::robot_folder(&args.robot), Robot::load).map_err(|e| e.to_string())?;
    let robot = site.equipped(&robot);
    let height = robot.scanners.values().map(|s| s.pose.translation().z).next().unwrap_or_default();
    let world =
        World::new(&site, &robot, SimConfig { seed: Seed(0), start: None }).map_err(|e| e.to_string())?;
    let grid = world.floor_plan(RESOLUTION_M, height).map_err(|e| e.to_string())?;
    let yaml = args.folder.join(&site.map_file);
    let image = Path::new(&site.map_file).with_extension("pgm");
    let image_name = image.to_string_lossy();
    let write = |path: &Path, bytes: &[u8]| {
        fs::write(path, bytes).map_err(|e| format!("{} cannot be written: {e}", path.display()))
    };
    write(&args.folder.join(&image), &nightshift_navigation::map::to_pgm(&grid))?;
    write(&yaml, nightshift_navigation::map::to_yaml(&grid, &image_name).as_bytes())?;
    if tell {
        tell!("{}  {} x {} cells of {RESOLUTION_M} m", yaml.display(), grid.width, grid.height);
    }
    Ok(ExitCode::SUCCESS)
}
