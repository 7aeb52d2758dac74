//! `nightshift bench sim`: how fast the simulator is, beside MuJoCo alone, and whether its memory stays flat.

use crate::cli::BenchSimArgs;
use crate::files::{self, Lab};
use crate::night;
use crate::talk::{talk, tell};
use cpu_time::ThreadTime;
use indicatif::{ProgressBar, ProgressStyle};
use nightshift_core::describe::{Nest, RackType, Site, StockItem};
use nightshift_core::frames::{Map, Pose};
use nightshift_core::random::Seed;
use nightshift_core::robot::{CommandId, JointTrajectory, RobotCommand, TrajectoryPoint, Twist};
use nightshift_core::{Address, SampleId};
use nightshift_sim::{SimConfig, World};
use serde::Serialize;
use std::process::ExitCode;
use std::time::Duration;

/// Simulated seconds before the measuring begins: vials come to rest, caches warm up.
const WARM_UP_S: f64 = 3.0;
/// Simulated seconds between two pictures of a camera at 10 Hz.
const PICTURE_S: f64 = 0.1;
/// Least multiple of real time for physics alone, and with lasers and depth at 10 Hz.
const AIMS: [f64; 2] = [10.0, 2.0];
/// Most growth of memory over the measured time, MiB.
const FLAT_MIB: f64 = 8.0;

/// What was measured, as `--json` prints it.
#[derive(Debug, Serialize)]
struct Report {
    vials: usize,
    seconds: f64,
    runs: u32,
    rows: Vec<Row>,
    memory: Memory,
    #[serde(skip_serializing_if = "Option::is_none")]
    night: Option<night::Night>,
    missed: Vec<String>,
}

/// One workload: multiples of real time by the processor time of its thread, least, median and most of all runs.
#[derive(Debug, Serialize)]
struct Row {
    what: &'static str,
    aim: Option<f64>,
    times_real: [f64; 3],
}

#[derive(Debug, Serialize)]
struct Memory {
    before_mib: f64,
    after_mib: f64,
    simulated_s: f64,
}

/// Runs the command.
pub fn run(args: &BenchSimArgs) -> Result<ExitCode, String> {
    let mut lab = files::load_lab(&args.lab.site, &args.lab.robot).map_err(|e| e.to_string())?;
    let night = match args.night {
        Some(hours) => Some(night::run(&lab, args.seed, hours * 3600.0)?),
        None => None,
    };
    crowd(&mut lab.site, args.vials)?;
    let bench = Bench { lab: &lab, seed: args.seed, seconds: args.seconds };
    let works: [(&'static str, Option<f64>, Work); 5] = [
        ("MuJoCo alone, robot at rest", None, Work::Bare),
        ("physics, robot at rest", Some(AIMS[0]), Work::Rest),
        ("physics, base and arm moving", Some(AIMS[0]), Work::Moving),
        ("with lasers, moving", None, Work::Lasers),
        ("with lasers and 10 Hz colour and depth, moving", Some(AIMS[1]), Work::Pictures),
    ];
    let bar = ProgressBar::new(works.len() as u64 * u64::from(args.runs))
        .with_style(ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}").expect("a sound template"));
    let mut rows = Vec::new();
    let before_mib = resident_mib();
    for (what, aim, work) in works {
        bar.set_message(what);
        let mut speeds = Vec::new();
        for _ in 0..args.runs {
            speeds.push(bench.measure(work)?);
            bar.inc(1);
        }
        speeds.sort_by(f64::total_cmp);
        rows.push(Row {
            what,
            aim,
            times_real: [speeds[0], speeds[speeds.len() / 2], speeds[speeds.len() - 1]],
        });
    }
    bar.finish_and_clear();
    let memory = bench.memory(before_mib)?;
    let mut missed: Vec<String> = rows
        .iter()
        .filter(|row| row.aim.is_some_and(|aim| row.times_real[1] < aim))
        .map(|row| format!("{}: {:.1} x real time", row.what, row.times_real[1]))
        .collect();
    if memory.after_mib - memory.before_mib > FLAT_MIB {
        missed.push(format!("memory grew by {:.1} MiB", memory.after_mib - memory.before_mib));
    }
    missed.extend(night.iter().flat_map(|night| night.violations.iter().cloned()));
    let code = if missed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    let report =
        Report { vials: args.vials, seconds: args.seconds, runs: args.runs, rows, memory, night, missed };
    if args.json {
        tell!("{}", serde_json::to_string(&report).expect("plain data"));
    } else {
        print(&report);
    }
    Ok(code)
}

fn print(report: &Report) {
    tell!("{} vials, {} simulated s, {} runs, processor time", report.vials, report.seconds, report.runs);
    for row in &report.rows {
        let [least, median, most] = row.times_real;
        let aim = row.aim.map_or(String::new(), |aim| format!("  (aim {aim:.0})"));
        tell!("{:<50} {median:7.1} x real time, {least:.1} to {most:.1}{aim}", row.what);
    }
    let Memory { before_mib, after_mib, simulated_s } = report.memory;
    tell!("memory {before_mib:.1} MiB, {after_mib:.1} MiB after {simulated_s:.0} simulated s");
    if let Some(night) = &report.night {
        tell!("{night}");
    }
    for missed in &report.missed {
        tell!("missed  {missed}");
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Work {
    Bare,
    Rest,
    Moving,
    Lasers,
    Pictures,
}

struct Bench<'a> {
    lab: &'a Lab,
    seed: u64,
    seconds: f64,
}

impl Bench<'_> {
    fn world(&self, work: Work) -> Result<World, String> {
        let config = SimConfig { seed: Seed(self.seed), start: None };
        let mut robot = self.lab.robot.clone();
        if work < Work::Lasers {
            robot.scanners.clear();
        }
        World::new(&self.lab.site, &robot, config).map_err(|e| e.to_string())
    }

    /// Simulated seconds in a second of processor time.
    fn measure(&self, work: Work) -> Result<f64, String> {
        let mut world = self.world(work)?;
        while world.now().seconds() < WARM_UP_S {
            world.step();
        }
        let mut bare = world.bare();
        let began = ThreadTime::now();
        if work == Work::Bare {
            bare.advance(Duration::from_secs_f64(self.seconds));
        } else {
            self.play(&mut world, work, WARM_UP_S + self.seconds);
        }
        Ok(self.seconds / began.elapsed().as_secs_f64())
    }

    fn play(&self, world: &mut World, work: Work, until_s: f64) {
        let mut picture_s = world.now().seconds();
        let mut stroke = Stroke::new(self.lab);
        while world.now().seconds() < until_s {
            if work >= Work::Moving {
                stroke.go_on(world);
            }
            world.step();
            if work == Work::Pictures && world.now().seconds() >= picture_s {
                world.capture();
                picture_s += PICTURE_S;
            }
        }
    }

    /// Resident memory over a longer time of everything at once.
    fn memory(&self, before_mib: f64) -> Result<Memory, String> {
        let mut world = self.world(Work::Pictures)?;
        self.play(&mut world, Work::Pictures, WARM_UP_S);
        let warm_mib = resident_mib().max(before_mib);
        let simulated_s = 3.0 * self.seconds;
        self.play(&mut world, Work::Pictures, WARM_UP_S + simulated_s);
        Ok(Memory { before_mib: warm_mib, after_mib: resident_mib(), simulated_s })
    }
}

/// A robot that does not rest: the base turns to and fro on the spot, the arm goes between its two postures.
struct Stroke {
    postures: [Vec<f64>; 2],
    next_s: f64,
    count: u64,
}

impl Stroke {
    const PERIOD_S: f64 = 3.0;

    fn new(lab: &Lab) -> Self {
        let posture = |name| lab.robot.arm.posture(name).unwrap_or_default();
        Self { postures: [posture("drive"), posture("look")], next_s: 0.0, count: 0 }
    }

    fn go_on(&mut self, world: &mut World) {
        let now_s = world.now().seconds();
        let side = if self.count % 2 == 1 { 1.0 } else { -1.0 };
        if now_s >= self.next_s {
            let (from, to) = (self.count % 2, (self.count + 1) % 2);
            let point = |time_s, posture: u64| {
                let positions = self.postures[posture as usize].clone();
                TrajectoryPoint { time_s, velocities: vec![0.0; positions.len()], positions }
            };
            let trajectory = JointTrajectory { points: vec![point(0.0, from), point(2.5, to)] };
            world.command(RobotCommand::MoveArm { id: CommandId(self.count), trajectory });
            self.count += 1;
            self.next_s = now_s + Self::PERIOD_S;
        }
        world.command(RobotCommand::Drive(Twist { x: 0.0, y: 0.0, yaw: 0.3 * side }));
    }
}

/// Adds racks with vials until there are so many, on a shelf over where the robot starts, out of its reach.
fn crowd(site: &mut Site, vials: usize) -> Result<(), String> {
    let (ware, vial) = site.catalogue.vials.iter().next().ok_or("the site has no vial type")?;
    let (ware, vial) = (ware.clone(), vial.clone());
    let missing = vials.saturating_sub(site.stock.len());
    let columns = 20;
    let rows = missing.div_ceil(columns).max(1);
    let (hole_m, pitch_m) = (vial.diameter_m + 0.003, vial.diameter_m + 0.017);
    let rack = RackType {
        rows,
        columns,
        pitch_m,
        hole_m,
        floor_m: 0.008,
        height_m: 0.030,
        size_m: [pitch_m * (rows + 1) as f64, pitch_m * (columns + 1) as f64],
        grid_center_m: [0.0, 0.0],
        takes: vec![ware.clone()],
        tags: Vec::new(),
    };
    let (id, station) = site.stations.iter_mut().next().ok_or("the site has no station")?;
    let map_from_nest = Pose::<Map, _>::from_xyz_rpy([site.start.x(), site.start.y(), 2.0], [0.0; 3]);
    let pose = station.pose.spatial().inverse() * map_from_nest;
    let taken: Vec<String> = site.stock.iter().map(|item| item.code.clone()).collect();
    let codes = (0..587).map(|id| format!("tag36h11:{id}")).filter(|code| !taken.contains(code));
    for (slot, code) in rack.slots().into_iter().zip(codes).take(missing) {
        site.stock.push(StockItem {
            id: SampleId::new(format!("B-{slot}")),
            labware: ware.clone(),
            at: Address { station: id.clone(), nest: "bench".into(), slot },
            code,
            content: None,
            open: false,
        });
    }
    station.nests.insert("bench".into(), Nest { rack: "bench".into(), pose, tags: Vec::new(), on: None });
    site.catalogue.racks.insert("bench".into(), rack);
    if site.stock.len() < vials {
        talk!("nightshift bench sim: there are codes for {} vials only", site.stock.len());
    }
    Ok(())
}

/// Resident memory of this process; zero where the system does not say.
pub fn resident_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix("kB")).and_then(|kib| kib.trim().parse().ok());
    kib.map_or(0.0, |kib: f64| kib / 1024.0)
}
