//! `nightshift bench docking`: docks in the simulated laboratory, each from somewhere about the staging pose, each in
//! a fresh world with its own slip, noise and things that the map does not have.

use crate::cli::BenchDockingArgs;
use crate::docking_picture;
use crate::effects::Eye;
use crate::files::{self, Lab};
use crate::talk::tell;
use indicatif::{ProgressBar, ProgressStyle};
use nalgebra::{Isometry2, Point2, Vector2};
use nightshift_core::describe::Station;
use nightshift_core::frames::{Base, Camera, Flange, Pose, Tag};
use nightshift_core::image::{Frame, Intrinsics};
use nightshift_core::lockstep::Timeline;
use nightshift_core::random::Seed;
use nightshift_core::robot::{CommandId, JointTrajectory, RobotCommand, RobotEvent, TrajectoryPoint};
use nightshift_core::{Component, Failure, Outbox, Pose2, Stamp};
use nightshift_motion::Arm;
use nightshift_navigation::{NavCommand, NavInput, NavOutput, Navigator};
use nightshift_perception::fiducial::{PlacedTag, estimate_pose};
use nightshift_sim::faults::Planned;
use nightshift_sim::{SimConfig, World};
use rand::Rng;
use serde::Serialize;
use std::process::ExitCode;
use std::time::Duration;

/// How far from the staging pose a dock begins.
const OFF_M: f64 = 0.1;
const OFF_RAD: f64 = 5.0 * std::f64::consts::PI / 180.0;
/// What is asked of 95 of 100 docks.
const AIM_MM: f64 = 3.0;
const AIM_DEG: f64 = 0.1;
/// A dock takes no longer, simulated seconds.
const LONGEST_S: f64 = 120.0;
/// The arm's way to the posture in which the camera sees the tag, seconds.
const LOOK_MOVE_S: f64 = 3.0;
/// From the wish for a picture to the shutter, and from there to the reading, as in lockstep.
const SHUTTER: Duration = Duration::from_millis(60);
const READING: Duration = Duration::from_millis(60);
/// The base rests so long before its place is judged, seconds.
const REST_S: f64 = 0.3;

const DOCK: CommandId = CommandId(1);
const LOOK: CommandId = CommandId(2);

/// One dock.
#[derive(Clone, Debug, Serialize)]
pub struct Dock {
    pub station: String,
    pub seed: u64,
    /// Why it failed; none where it did not.
    pub failure: Option<String>,
    /// Where the base came to rest, seen from the docked pose: ahead and left (mm), and turned (degrees).
    pub off_mm: [f64; 2],
    pub off_deg: f64,
    /// How far it was from where docking said it was, in sigmas on each axis.
    pub told_off_sigmas: Option<[f64; 3]>,
    pub pictures: u32,
    pub simulated_s: f64,
    /// Touches that must not happen.
    pub contacts: Vec<String>,
}

#[derive(Serialize)]
struct Report {
    docks: usize,
    docked: usize,
    contacts: usize,
    off_mm: Spread,
    off_deg: Spread,
    told_off_sigmas: Spread,
    pictures_mean: f64,
    simulated_s_mean: f64,
    aim_mm: f64,
    aim_deg: f64,
    each: Vec<Dock>,
}

#[derive(Serialize)]
struct Spread {
    p50: f64,
    p95: f64,
    max: f64,
}

impl Spread {
    fn of(values: impl Iterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.collect();
        values.sort_by(f64::total_cmp);
        let at = |share: f64| {
            let index = ((values.len() as f64 * share).ceil() as usize).max(1) - 1;
            values.get(index).copied().unwrap_or(f64::NAN)
        };
        Self { p50: at(0.5), p95: at(0.95), max: at(1.0) }
    }
}

/// Runs the command.
pub fn run(args: &BenchDockingArgs) -> Result<ExitCode, String> {
    let lab = files::load_lab(&args.lab.site, &args.lab.robot).map_err(|e| e.to_string())?;
    let stations: Vec<&Station> = lab.site.stations.values().collect();
    let style =
        ProgressStyle::with_template("{bar:40} {pos}/{len} docks, {eta} left").expect("a sound template");
    let bar = ProgressBar::new(args.count).with_style(style);
    let mut each = Vec::new();
    for index in 0..args.count {
        let station = stations[index as usize % stations.len()];
        each.push(dock(&lab, station, args.seed.wrapping_mul(1_000_000).wrapping_add(index))?);
        bar.inc(1);
    }
    bar.finish_and_clear();
    if let Some(path) = &args.picture {
        docking_picture::draw(&each, AIM_MM, AIM_DEG)?
            .save_png(path)
            .map_err(|e| format!("{} cannot be written: {e}", path.display()))?;
    }
    let report = report(each);
    let good = report.docked == report.docks
        && report.contacts == 0
        && report.off_mm.p95 <= AIM_MM
        && report.off_deg.p95 <= AIM_DEG;
    if args.json {
        tell!("{}", serde_json::to_string(&report).expect("plain data"));
    } else {
        print(&report);
    }
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn report(each: Vec<Dock>) -> Report {
    let docked = || each.iter().filter(|dock| dock.failure.is_none());
    let count = docked().count();
    let mean = |sum: f64| sum / count.max(1) as f64;
    let told = docked().filter_map(|dock| dock.told_off_sigmas).flatten();
    Report {
        docks: each.len(),
        docked: count,
        contacts: each.iter().map(|dock| dock.contacts.len()).sum(),
        off_mm: Spread::of(docked().map(|dock| dock.off_mm[0].hypot(dock.off_mm[1]))),
        off_deg: Spread::of(docked().map(|dock| dock.off_deg.abs())),
        told_off_sigmas: Spread::of(told.map(f64::abs)),
        pictures_mean: mean(docked().map(|dock| f64::from(dock.pictures)).sum()),
        simulated_s_mean: mean(docked().map(|dock| dock.simulated_s).sum()),
        aim_mm: AIM_MM,
        aim_deg: AIM_DEG,
        each,
    }
}

fn print(report: &Report) {
    let line = |name: &str, spread: &Spread, aim: f64, unit: &str| {
        tell!(
            "{name}  p50 {:.3}  p95 {:.3}  max {:.3} {unit}; aim: p95 at most {aim}",
            spread.p50,
            spread.p95,
            spread.max
        );
    };
    tell!("docked    {} of {}", report.docked, report.docks);
    tell!("contacts  {}", report.contacts);
    line("place   ", &report.off_mm, report.aim_mm, "mm");
    line("heading ", &report.off_deg, report.aim_deg, "deg");
    tell!("a dock    {:.1} pictures, {:.1} s", report.pictures_mean, report.simulated_s_mean);
    for dock in report.each.iter().filter(|dock| dock.failure.is_some() || !dock.contacts.is_empty()) {
        let why = dock.failure.as_deref().unwrap_or("docked");
        tell!("{} seed {}: {why}; {}", dock.station, dock.seed, dock.contacts.join("; "));
    }
}

enum Due {
    Shutter,
    Read { stamp: Stamp, base_from_tag: Option<Pose<Base, Tag>> },
}

/// A world and a navigator, and what has been said between them.
struct Run<'a> {
    world: World,
    navigator: Navigator,
    arm: Arm,
    flange_from_camera: Pose<Flange, Camera>,
    eye: Eye,
    station: &'a Station,
    intrinsics: Intrinsics,
    joints: Vec<f64>,
    due: Timeline<Due>,
    pictures: u32,
    looking: bool,
    docked: Option<(Isometry2<f64>, [[f64; 3]; 3])>,
    done: Option<Result<(), Failure>>,
}

fn dock(lab: &Lab, station: &Station, seed: u64) -> Result<Dock, String> {
    let mut random = Seed(seed).stream("bench docking");
    let mut within = |most: f64| random.random_range(-most..most);
    let off = Isometry2::new(Vector2::new(within(OFF_M), within(OFF_M)), within(OFF_RAD));
    let staging = station.pose * station.dock.staging;
    let start = Pose2::from_iso(staging.iso * off);
    let config = SimConfig { seed: Seed(seed), start: Some(start) };
    let mut world = World::new(&lab.site, &lab.robot, config).map_err(|e| e.to_string())?;
    for (index, side) in [-1.0, 1.0].into_iter().enumerate() {
        let at = station.pose.iso * Point2::new(-0.5 + within(0.2), side * (1.1 + within(0.2)));
        let text = format!(
            "obstacle.moved-{index}.put(x={:.4}m, y={:.4}m, yaw={:.4}rad, length=0.3m, width=0.3m, height=0.5m)",
            at.x,
            at.y,
            within(3.0)
        );
        let planned: Planned = text.parse().map_err(|e| format!("{text}: {e}"))?;
        world.inject(&planned.fault).map_err(|e| e.to_string())?;
    }
    let mut run = Run {
        navigator: Navigator::new(&lab.site, &lab.robot, lab.grid.clone(), Seed(seed)),
        world,
        arm: Arm::new(&lab.robot).map_err(|e| e.to_string())?,
        flange_from_camera: lab.robot.camera.pose,
        eye: Eye::new(None).map_err(|e| e.to_string())?,
        station,
        intrinsics: lab.robot.camera.intrinsics,
        joints: Vec::new(),
        due: Timeline::default(),
        pictures: 0,
        looking: false,
        docked: None,
        done: None,
    };
    run.world.command(RobotCommand::MoveArm { id: LOOK, trajectory: look_move(lab)? });
    run.tell(NavInput::Command(NavCommand::SetPose(staging)));
    run.until(10.0, |run| run.looking);
    if !run.looking {
        return Err(format!("the arm did not come to its posture `look` in 10 s (seed {seed})"));
    }
    run.world.contacts_of_note();
    run.tell(NavInput::Command(NavCommand::Dock { id: DOCK, station: station.id.clone() }));
    let began = run.world.now();
    run.until(LONGEST_S, |run| run.done.is_some());
    let simulated_s = run.world.now().since(began);
    run.until(REST_S, |_| false);
    let truth = station.pose.iso.inv_mul(&run.world.truth().robot.pose.iso);
    let miss = station.dock.docked.iso.inv_mul(&truth);
    let told_off_sigmas = run.docked.map(|(told, covariance)| {
        let off = told.inv_mul(&truth);
        let off = [off.translation.x, off.translation.y, off.rotation.angle()];
        [0, 1, 2].map(|axis| off[axis] / covariance[axis][axis].sqrt())
    });
    Ok(Dock {
        station: station.id.as_str().to_owned(),
        seed,
        failure: match &run.done {
            Some(Ok(())) => None,
            Some(Err(failure)) => Some(failure.to_string()),
            None => Some(format!("no end after {LONGEST_S} s")),
        },
        off_mm: [miss.translation.x * 1e3, miss.translation.y * 1e3],
        off_deg: miss.rotation.angle().to_degrees(),
        told_off_sigmas,
        pictures: run.pictures,
        simulated_s,
        contacts: run.world.contacts_of_note(),
    })
}

/// From the posture in which a world begins to the one in which the camera sees tags.
fn look_move(lab: &Lab) -> Result<JointTrajectory, String> {
    let point = |name: &str, time_s: f64| {
        let positions = lab.robot.arm.posture(name).ok_or(format!("the arm has no posture `{name}`"))?;
        Ok::<_, String>(TrajectoryPoint { time_s, velocities: vec![0.0; positions.len()], positions })
    };
    Ok(JointTrajectory { points: vec![point("drive", 0.0)?, point("look", LOOK_MOVE_S)?] })
}

impl Run<'_> {
    fn until(&mut self, most_s: f64, end: impl Fn(&Self) -> bool) {
        let from = self.world.now();
        while self.world.now().since(from) < most_s && !end(self) {
            self.step();
        }
    }

    fn step(&mut self) {
        for event in self.world.step() {
            match event {
                RobotEvent::Scan(scan) => self.tell(NavInput::Scan(scan)),
                RobotEvent::Odometry(odometry) => self.tell(NavInput::Odometry(odometry)),
                RobotEvent::Battery(battery) => self.tell(NavInput::Battery(battery)),
                RobotEvent::Joints(state) => self.joints = state.positions,
                RobotEvent::ArmDone { id: LOOK, ok, .. } => self.looking = ok,
                _ => {}
            }
        }
        let now = self.world.now();
        while let Some((_, due)) = self.due.pop_due(now) {
            match due {
                Due::Shutter => {
                    let frame = self.world.capture();
                    let seen = Due::Read { stamp: frame.stamp, base_from_tag: self.read(&frame) };
                    self.pictures += 1;
                    self.due.push(now + READING, seen);
                }
                Due::Read { stamp, base_from_tag } => self.tell(NavInput::DockSeen { stamp, base_from_tag }),
            }
        }
        if self.navigator.next_wake().is_some_and(|wake| wake <= now) {
            let mut out = Outbox::new();
            self.navigator.wake(now, &mut out);
            self.obey(out);
        }
    }

    fn read(&mut self, frame: &Frame) -> Option<Pose<Base, Tag>> {
        let look = self.eye.look(frame);
        let mount = self.station.dock.tag;
        let board = [PlacedTag::<Tag> { id: mount.id, size_m: mount.size_m, pose: Pose::identity() }];
        let seen = estimate_pose(&look.tags, &board, &self.intrinsics).ok()?;
        let base_from_camera = self.arm.base_from_flange(&self.joints) * self.flange_from_camera;
        Some(base_from_camera * seen.camera_from_board)
    }

    fn tell(&mut self, input: NavInput) {
        let mut out = Outbox::new();
        self.navigator.handle(self.world.now(), input, &mut out);
        self.obey(out);
    }

    fn obey(&mut self, out: Outbox<NavOutput>) {
        for output in out {
            match output {
                NavOutput::Drive(twist) => self.world.command(RobotCommand::Drive(twist)),
                NavOutput::LookForDock { .. } => self.due.push(self.world.now() + SHUTTER, Due::Shutter),
                NavOutput::Docked { station_from_base, covariance, .. } => {
                    self.docked = Some((station_from_base.iso, covariance));
                }
                NavOutput::Done { result, .. } => self.done = Some(result),
                NavOutput::Localised(_) | NavOutput::Path(_) => {}
            }
        }
    }
}
