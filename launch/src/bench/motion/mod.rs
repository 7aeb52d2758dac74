//! `nightshift bench motion`: inverse kinematics beside the peers that install, and MotionBenchMaker's problems with where the time goes.

mod ik;
mod planning;

use super::{Section, measure};
use clap::Args;
use std::path::PathBuf;
use std::process::ExitCode;

/// `nightshift bench motion`.
#[derive(Args)]
#[command(
    after_help = "Exit code 0: every aim is met; 1: some are missed; 2: nothing could be measured. Peers are measured by a Python that has \
optik-py, pytracik and numpy: name it with --python. MotionBenchMaker's problems are files <arm>.jsonl that \
tests/peers/motion_bench_maker.py writes: name their folder with --problems. VAMP stands beside us where the unpacked source distribution of \
PyPI's vamp-planner is named with --vamp; g++, Debian's libeigen3-dev and PyYAML are needed.\n\nExamples:\n  nightshift bench motion\n  \
nightshift bench motion --section ik --count 2000 --python venv/bin/python --json\n  nightshift bench motion --problems ~/mbm --vamp \
~/vamp_planner-0.6.4"
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
    /// The unpacked source distribution of vamp-planner.
    #[arg(long, value_name = "DIR")]
    pub vamp: Option<PathBuf>,
    /// A Python that has the peers.
    #[arg(long, value_name = "FILE", default_value = "python3")]
    pub python: PathBuf,
    /// Print one JSON object on stdout.
    #[arg(long)]
    pub json: bool,
}

const SECTIONS: &[Section<Plan>] = &[
    Section { name: "ik", about: "inverse kinematics of random poses", run: ik::ik },
    Section { name: "planning", about: "MotionBenchMaker's problems", run: planning::planning },
];

/// An arm, and what is aimed at: p50 of the inverse (us), and the share that is solved of the problems that VAMP calls valid.
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

/// What is asked for.
struct Plan {
    count: usize,
    seed: u64,
    problems: Option<PathBuf>,
    vamp: Option<PathBuf>,
    python: PathBuf,
}

/// Runs `nightshift bench motion`.
pub fn run(args: &BenchMotionArgs) -> Result<ExitCode, String> {
    let (count, seed) = (args.count as usize, args.seed);
    let (problems, vamp, python) = (args.problems.clone(), args.vamp.clone(), args.python.clone());
    let plan = Plan { count, seed, problems, vamp, python };
    measure(SECTIONS, &args.section, &plan, args.json)
}

fn share(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get((values.len().saturating_sub(1) as f64 * share) as usize).copied().unwrap_or(f64::NAN)
}
