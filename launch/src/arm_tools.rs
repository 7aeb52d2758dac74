//! `nightshift ik` and `nightshift plan`: inverse kinematics and motion planning of one arm, over files.

use crate::cli::{IkArgs, PlanArgs};
use crate::files;
use crate::talk::tell;
use cpu_time::ThreadTime;
use indicatif::{ProgressBar, ProgressStyle};
use nightshift_core::Failure;
use nightshift_core::frames::{Base, Pose, Tool};
use nightshift_core::random::Seed;
use nightshift_core::robot::JointTrajectory;
use nightshift_motion::{Arm, MotionGoal, PlanRequest, Scene, plan};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

/// What `ik --json` prints.
#[derive(Serialize)]
struct IkReport {
    robot: String,
    /// How the inverse is found.
    method: &'static str,
    joints: Vec<String>,
    /// Poses with a solution.
    solved: usize,
    cpu_us: Spread,
    poses: Vec<IkAnswer>,
}

#[derive(Serialize)]
struct IkAnswer {
    /// Radians and metres, nearest to the middle of the joints' ranges first.
    solutions: Vec<Vec<f64>>,
    /// At the first solution: the tool's least speed in its worst direction (m/s at joint rates of norm 1 rad/s, turning
    /// rates scaled by 0.3 m) and the ratio of best to worst.
    worst_m: Option<f64>,
    condition: Option<f64>,
}

/// What `plan --json` prints.
#[derive(Serialize)]
struct PlanReport {
    robot: String,
    /// In the order of the trajectories' positions.
    joints: Vec<String>,
    solved: usize,
    /// World, way, shortening, rounding and timing together; of the problems that were solved.
    cpu_us: Option<Spread>,
    problems: Vec<PlanAnswer>,
}

#[derive(Serialize)]
struct PlanAnswer {
    /// Of the motion.
    duration_s: Option<f64>,
    /// Points at most 20 ms apart.
    trajectory: Option<JointTrajectory>,
    failure: Option<Failure>,
}

/// Processor time of the thread, microseconds.
#[derive(Serialize)]
struct Spread {
    n: usize,
    p50: f64,
    p95: f64,
    max: f64,
}

impl Spread {
    fn of(mut us: Vec<f64>) -> Option<Self> {
        us.sort_by(f64::total_cmp);
        let at = |share: f64| us.get((us.len().checked_sub(1)? as f64 * share) as usize).copied();
        Some(Self { n: us.len(), p50: at(0.5)?, p95: at(0.95)?, max: at(1.0)? })
    }

    fn words(&self) -> String {
        format!("p50 {:.1} us, p95 {:.1} us, max {:.1} us, n {}", self.p50, self.p95, self.max, self.n)
    }
}

/// Runs `nightshift ik`.
pub fn ik(args: &IkArgs) -> Result<ExitCode, String> {
    let arm = files::load_arm(&args.robot)?;
    let goals: Vec<Pose<Base, Tool>> = read_lines(&args.poses)?;
    let near: Vec<f64> = arm.limits().iter().map(|limit| 0.5 * (limit.lower + limit.upper)).collect();
    let bar = bar(goals.len());
    let (mut poses, mut us) = (Vec::new(), Vec::new());
    for (index, goal) in goals.iter().enumerate() {
        let began = ThreadTime::now();
        let solutions = arm.inverse(goal, &near, Seed(index as u64));
        us.push(began.elapsed().as_secs_f64() * 1e6);
        let dexterity = solutions.first().map(|q| arm.dexterity(q));
        let (worst_m, condition) = (dexterity.map(|d| d.worst_m), dexterity.map(|d| d.condition));
        poses.push(IkAnswer { solutions, worst_m, condition });
        bar.inc(1);
    }
    bar.finish_and_clear();
    let solved = poses.iter().filter(|pose| !pose.solutions.is_empty()).count();
    let (all, joints) = (poses.len(), arm.limits().iter().map(|limit| limit.joint.clone()).collect());
    let cpu_us = Spread::of(us).ok_or("the file holds no pose")?;
    let robot = args.robot.clone();
    let report = IkReport { robot, method: arm.inverse_words(), joints, solved, cpu_us, poses };
    if args.json {
        tell!("{}", serde_json::to_string(&report).expect("plain data"));
    } else {
        tell!("method  {}", report.method);
        tell!("solved  {solved} of {all}");
        tell!("cpu     {}", report.cpu_us.words());
        for (index, pose) in report.poses.iter().enumerate() {
            if pose.solutions.is_empty() {
                tell!("none    pose {}{}", index + 1, missed(&arm, &goals[index]));
            }
        }
    }
    Ok(if solved == all { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// By how much a pose is missed, in the planner's words.
fn missed(arm: &Arm, goal: &Pose<Base, Tool>) -> String {
    let start: Vec<f64> = arm.limits().iter().map(|limit| 0.5 * (limit.lower + limit.upper)).collect();
    let scene = Scene::default();
    let goal = MotionGoal::Tool(*goal);
    let request = PlanRequest { start, goal, scene, seed: 0, speed: 1.0 };
    plan(arm, &request).err().map(|failure| format!(": {failure}")).unwrap_or_default()
}

/// Runs `nightshift plan`.
pub fn plan_all(args: &PlanArgs) -> Result<ExitCode, String> {
    let arm = files::load_arm(&args.robot)?;
    let requests: Vec<PlanRequest> = read_lines(&args.problems)?;
    let bar = bar(requests.len());
    let (mut problems, mut us) = (Vec::new(), Vec::new());
    for request in &requests {
        let began = ThreadTime::now();
        let planned = plan(&arm, request);
        if planned.is_ok() {
            us.push(began.elapsed().as_secs_f64() * 1e6);
        }
        let (trajectory, failure) = match planned {
            Ok(trajectory) => (Some(trajectory), None),
            Err(failure) => (None, Some(failure)),
        };
        let duration_s = trajectory.as_ref().map(JointTrajectory::duration_s);
        problems.push(PlanAnswer { duration_s, trajectory, failure });
        bar.inc(1);
    }
    bar.finish_and_clear();
    let (solved, all) = (us.len(), problems.len());
    let joints = arm.limits().iter().map(|limit| limit.joint.clone()).collect();
    let report = PlanReport { robot: args.robot.clone(), joints, solved, cpu_us: Spread::of(us), problems };
    if args.json {
        tell!("{}", serde_json::to_string(&report).expect("plain data"));
    } else {
        tell!("solved  {solved} of {all}");
        if let Some(cpu_us) = &report.cpu_us {
            tell!("cpu     {}", cpu_us.words());
        }
        for (index, problem) in report.problems.iter().enumerate() {
            if let Some(failure) = &problem.failure {
                tell!("none    line {}: {failure}", index + 1);
            }
        }
    }
    Ok(if solved == all { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// One JSON value a line.
pub fn read_lines<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>, String> {
    let text = fs::read_to_string(path).map_err(|e| format!("{} cannot be read: {e}", path.display()))?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let read = |(index, line): (usize, &str)| {
        serde_json::from_str(line).map_err(|e| format!("{}: line {}: {e}", path.display(), index + 1))
    };
    lines.map(read).collect()
}

fn bar(length: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len}, {eta} left").expect("a sound template");
    ProgressBar::new(length as u64).with_style(style)
}
