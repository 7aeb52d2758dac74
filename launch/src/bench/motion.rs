//! `nightshift bench motion`: inverse kinematics beside the peers that install, and MotionBenchMaker's problems with where the time goes.

use super::{Aim, Notes, Section, measure};
use crate::files;
use clap::Args;
use cpu_time::ThreadTime;
use nalgebra::UnitQuaternion;
use nightshift_core::frames::{Base, Flange, Pose};
use nightshift_core::random::Seed;
use nightshift_motion::{Arm, PlanRequest, PlanStage, plan_in_stages};
use rand::Rng;
use serde::Deserialize;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// `nightshift bench motion`.
#[derive(Args)]
#[command(
    after_help = "Exit code 0: every aim is met; 1: some are missed; 2: nothing could be measured. Peers are measured by a Python that has \
optik-py, pytracik and numpy: name it with --python. MotionBenchMaker's problems are files <arm>.jsonl that \
tests/peers/motion_bench_maker.py writes: name their folder with --problems.\n\nExamples:\n  nightshift bench motion\n  nightshift bench \
motion --section ik --count 2000 --python venv/bin/python --json\n  nightshift bench motion --problems ~/mbm"
)]
pub struct BenchMotionArgs {
    /// Measure only this section; may be given several times.
    #[arg(long, value_name = "NAME")]
    pub section: Vec<String>,
    /// Poses for each arm.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub count: u32,
    /// Seed of the poses.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// The folder with panda.jsonl, ur5.jsonl and fetch.jsonl; what is absent is skipped.
    #[arg(long, value_name = "DIR")]
    pub problems: Option<PathBuf>,
    /// A Python that has the peers.
    #[arg(long, value_name = "FILE", default_value = "python3")]
    pub python: PathBuf,
    /// Print one JSON object on stdout.
    #[arg(long)]
    pub json: bool,
}

const SECTIONS: &[Section<Plan>] = &[
    Section { name: "ik", about: "inverse kinematics of random poses", run: ik },
    Section { name: "planning", about: "MotionBenchMaker's problems", run: planning },
];

/// An arm, and what is aimed at: share of poses, p50 of the time (us), problems solved, p50 of the search (us).
struct Case {
    arm: &'static str,
    all_branches: bool,
    ik_us: f64,
    problems: f64,
}

const CASES: [Case; 3] = [
    Case { arm: "ur5", all_branches: true, ik_us: 3.0, problems: 1.0 },
    Case { arm: "panda", all_branches: false, ik_us: 60.0, problems: 1.0 },
    Case { arm: "fetch", all_branches: false, ik_us: 60.0, problems: 647.0 / 679.0 },
];
const SOLVED: f64 = 0.9999;
const ERROR_M: f64 = 1e-6;
const SEARCH_US: f64 = 85.0;
const TIMING_US: f64 = 200.0;
/// A branch is found where all joints are so near, rad.
const SAME: f64 = 1e-4;

/// What is asked for.
struct Plan {
    count: usize,
    seed: u64,
    problems: Option<PathBuf>,
    python: PathBuf,
}

/// Runs `nightshift bench motion`.
pub fn run(args: &BenchMotionArgs) -> Result<ExitCode, String> {
    let (count, seed) = (args.count as usize, args.seed);
    let plan = Plan { count, seed, problems: args.problems.clone(), python: args.python.clone() };
    measure(SECTIONS, &args.section, &plan, args.json)
}

fn share(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get((values.len().saturating_sub(1) as f64 * share) as usize).copied().unwrap_or(f64::NAN)
}

fn ik(plan: &Plan, notes: &mut Notes) -> Result<(), String> {
    for case in &CASES {
        let arm = files::load_arm(case.arm)?;
        let mut stream = Seed(plan.seed).stream(&format!("ik/{}", case.arm));
        let near: Vec<f64> = arm.limits().iter().map(|limit| 0.5 * (limit.lower + limit.upper)).collect();
        let bar = notes.steps(case.arm, plan.count);
        let (mut us, mut flanges) = (Vec::new(), Vec::new());
        let (mut solved, mut branches, mut error_m) = (0, 0, 0.0f64);
        for index in 0..plan.count {
            let q: Vec<f64> =
                arm.limits().iter().map(|limit| stream.random_range(limit.lower..=limit.upper)).collect();
            let goal = arm.base_from_tool(&q);
            flanges.push(numbers(&arm.base_from_flange(&q)));
            let seed = Seed(index as u64);
            let began = ThreadTime::now();
            let found = if case.all_branches {
                arm.inverse(&goal, &near, seed)
            } else {
                arm.inverse_one(&goal, &near, seed).into_iter().collect()
            };
            us.push(began.elapsed().as_secs_f64() * 1e6);
            let off_m = |q: &Vec<f64>| (arm.base_from_tool(q).translation() - goal.translation()).norm();
            error_m = found.iter().map(off_m).fold(error_m, f64::max);
            solved += usize::from(!found.is_empty());
            branches += usize::from(found.iter().any(|other| same(other, &q)));
            bar.inc(1);
        }
        let n = plan.count;
        let told = peers(plan, case.arm, &flanges, notes);
        let peer = |name: &str, of: fn(&Peer) -> f64| told.get(name).map(of);
        let figure = notes.figure(case.arm, "solved", "", solved as f64 / n as f64, n);
        (figure.aim, figure.peer) = (Some(Aim::AtLeast(SOLVED)), peer("optik", |peer| peer.solved));
        let spread = [share(&mut us, 0.95), share(&mut us, 1.0)];
        let figure = notes.figure(case.arm, "time p50 (p95 to most)", "us", share(&mut us, 0.5), n);
        (figure.aim, figure.spread) = (Some(Aim::AtMost(case.ik_us)), Some(spread));
        figure.peer = peer("optik", |peer| peer.p50_us);
        notes.figure(case.arm, "error, most", "m", error_m, n).aim = Some(Aim::AtMost(ERROR_M));
        if case.all_branches {
            let figure =
                notes.figure(case.arm, "the drawn branch is among them", "", branches as f64 / n as f64, n);
            figure.aim = Some(Aim::AtLeast(1.0));
        }
        if let Some(tracik) = told.get("tracik") {
            notes.figure(case.arm, "solved by TRAC-IK", "", tracik.solved, tracik.n);
            notes.figure(case.arm, "time of TRAC-IK, p50", "us", tracik.p50_us, tracik.n);
        }
    }
    Ok(())
}

/// Whether two postures are one, by whole turns apart.
fn same(a: &[f64], b: &[f64]) -> bool {
    let off = |(a, b): (&f64, &f64)| {
        let turns = ((a - b) / std::f64::consts::TAU).round() * std::f64::consts::TAU;
        (a - b - turns).abs()
    };
    a.iter().zip(b).map(off).fold(0.0, f64::max) < SAME
}

/// As the peers' script reads it.
fn numbers(pose: &Pose<Base, Flange>) -> [f64; 7] {
    let (p, turn): (_, UnitQuaternion<f64>) = (pose.translation(), pose.iso.rotation);
    [p.x, p.y, p.z, turn.i, turn.j, turn.k, turn.w]
}

/// What a peer came to.
#[derive(Deserialize)]
struct Peer {
    solved: f64,
    p50_us: f64,
    n: usize,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Told {
    Measured(Peer),
    Skipped { skipped: String },
}

fn peers(plan: &Plan, arm: &str, flanges: &[[f64; 7]], notes: &mut Notes) -> BTreeMap<String, Peer> {
    let script = files::home().join("tests/peers/motion.py");
    let told = ask(&plan.python, &script, arm, flanges).unwrap_or_else(|why| {
        notes.skip(format!("no peer: {} {}: {why}", plan.python.display(), script.display()));
        BTreeMap::new()
    });
    let mut peers = BTreeMap::new();
    for (name, told) in told {
        match told {
            Told::Measured(peer) => {
                peers.insert(name, peer);
            }
            Told::Skipped { skipped } => notes.skip(format!("{name} on {arm}: {skipped}")),
        }
    }
    peers
}

fn ask(
    python: &Path,
    script: &Path,
    arm: &str,
    flanges: &[[f64; 7]],
) -> Result<BTreeMap<String, Told>, String> {
    let folder = files::robot_folder(arm);
    let description = files::load_manipulator(&folder)?;
    let file = std::env::temp_dir().join(format!("nightshift-poses-{}-{arm}.json", std::process::id()));
    let text = serde_json::to_string(flanges).expect("plain data");
    fs::write(&file, text).map_err(|e| format!("{} cannot be written: {e}", file.display()))?;
    let (base, tip) = (&description.model.root, &description.arm.flange_link);
    let output = Command::new(python)
        .arg(script)
        .arg(folder.join("robot.urdf"))
        .arg(base)
        .arg(tip)
        .arg(&file)
        .output();
    let _ = fs::remove_file(&file);
    let output = output.map_err(|e| e.to_string())?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(words.lines().last().unwrap_or("it failed").to_owned());
    }
    // TRAC-IK talks on stdout as well.
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().rev().find_map(|line| line.find("{\"").map(|at| &line[at..]));
    serde_json::from_str(line.unwrap_or_default()).map_err(|e| e.to_string())
}

fn planning(plan: &Plan, notes: &mut Notes) -> Result<(), String> {
    let Some(folder) = &plan.problems else {
        notes.skip("no --problems: tests/peers/motion_bench_maker.py writes them");
        return Ok(());
    };
    for case in &CASES {
        let file = folder.join(format!("{}.jsonl", case.arm));
        if !file.is_file() {
            notes.skip(format!("there is no {}", file.display()));
            continue;
        }
        let arm = files::load_arm(case.arm)?;
        let requests: Vec<PlanRequest> = crate::arm_tools::read_lines(&file)?;
        solve(case, &arm, &requests, notes);
    }
    Ok(())
}

fn solve(case: &Case, arm: &Arm, requests: &[PlanRequest], notes: &mut Notes) {
    let bar = notes.steps(case.arm, requests.len());
    let mut stages: BTreeMap<PlanStage, Vec<f64>> = BTreeMap::new();
    let (mut search, mut whole) = (Vec::new(), Vec::new());
    for request in requests {
        let laps: RefCell<BTreeMap<PlanStage, f64>> = RefCell::default();
        let last = RefCell::new(ThreadTime::now());
        let lap = |stage: PlanStage| {
            let spent = last.borrow().elapsed().as_secs_f64() * 1e6;
            *laps.borrow_mut().entry(stage).or_default() += spent;
            *last.borrow_mut() = ThreadTime::now();
        };
        if plan_in_stages(arm, request, &lap).is_ok() {
            let laps = laps.into_inner();
            let of = |stage: PlanStage| laps.get(&stage).copied().unwrap_or_default();
            search.push(of(PlanStage::Goals) + of(PlanStage::Search));
            whole.push(laps.values().sum());
            laps.into_iter().for_each(|(stage, us)| stages.entry(stage).or_default().push(us));
        }
        bar.inc(1);
    }
    let (n, solved) = (requests.len(), whole.len());
    let figure = notes.figure(case.arm, "problems solved", "", solved as f64 / n.max(1) as f64, n);
    figure.aim = Some(Aim::AtLeast(case.problems));
    let mut spread = |name, us: &mut Vec<f64>, aim: Option<f64>| {
        let ends = [share(us, 0.95), share(us, 1.0)];
        let figure = notes.figure(case.arm, name, "us", share(us, 0.5), us.len());
        (figure.spread, figure.aim) = (Some(ends), aim.map(Aim::AtMost));
    };
    spread("goals and search, p50 (p95 to most)", &mut search, Some(SEARCH_US));
    spread("whole, p50 (p95 to most)", &mut whole, None);
    for (stage, mut us) in stages {
        let (name, aim) = match stage {
            PlanStage::World => ("world and its quick look, p50", None),
            PlanStage::Goals => ("goals, p50", None),
            PlanStage::Search => ("search, p50", None),
            PlanStage::Shorten => ("shortening, p50", None),
            PlanStage::Timing => ("rounding and timing, p50", Some(TIMING_US)),
        };
        spread(name, &mut us, aim);
    }
}
