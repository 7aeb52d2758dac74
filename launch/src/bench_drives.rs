//! `nightshift bench drives`: drives from station to station in laboratories by seed, among people, in lockstep. The
//! navigator alone drives; its contacts are counted by the simulator.

use crate::cli::DrivesArgs;
use crate::clock::Stopwatch;
use crate::files;
use crate::talk::{talk, tell};
use indicatif::{ProgressBar, ProgressStyle};
use nalgebra::Point2;
use nightshift_core::describe::{Robot, Site};
use nightshift_core::frames::{Base, Map};
use nightshift_core::grid::{Cell, OccupancyGrid};
use nightshift_core::random::Seed;
use nightshift_core::robot::{CommandId, RobotCommand, RobotEvent};
use nightshift_core::{Component, Outbox, Pose2, StationId};
use nightshift_navigation::planning::{Costmap, Footprint, Motion, plan};
use nightshift_navigation::{NavCommand, NavInput, NavOutput, Navigator};
use nightshift_sim::{SimConfig, World, laboratory};
use rand::Rng;
use serde::Serialize;
use std::process::ExitCode;

/// A drive that has not ended by then has failed, simulated seconds.
const LIMIT_S: f64 = 120.0;
/// Time to find out where the robot is, before the first drive, s.
const SETTLING_S: f64 = 2.0;
/// Cells of the map.
const RESOLUTION_M: f64 = 0.05;

/// One drive.
#[derive(Debug, Serialize)]
pub struct Drive {
    lab: u64,
    to: StationId,
    /// Whether it ended at its goal.
    pub arrived: bool,
    /// The failure's code, or `TIME_LIMIT`.
    error: Option<String>,
    time_s: f64,
    /// The straight line, metres.
    pub distance_m: f64,
    /// How far from the staging pose it stands in truth, metres and radians; where it arrived.
    off: Option<[f64; 2]>,
    /// What the base touched.
    pub contacts: Vec<String>,
    /// Where it did not arrive: why no way leads there in truth any more, past what people have left behind. None where one
    /// does.
    no_way: Option<String>,
}

/// The one object that `--json` prints.
#[derive(Debug, Serialize)]
struct Report {
    seed: u64,
    people: usize,
    n: usize,
    arrived: usize,
    /// Of those that did not arrive: people have left something on the goal, or across the only way, and nobody takes it away.
    impossible: usize,
    contacts_with_people: usize,
    contacts_with_things: usize,
    /// Of the drives that arrived: least, median, 95th percentile, most.
    time_s: Option<[f64; 4]>,
    /// The same of the distance in truth between staging pose and where it stands.
    off_m: Option<[f64; 4]>,
    sim_time_s: f64,
    wall_time_s: f64,
    drives: Vec<Drive>,
}

/// Drives, and reports.
pub fn run(args: &DrivesArgs) -> Result<ExitCode, String> {
    if args.count == 0 || args.per_lab == 0 {
        return Err("--count and --per-lab must be above 0".into());
    }
    let watch = Stopwatch::start();
    let robot = files::load_in(&files::robot_folder(&args.robot), Robot::load).map_err(|e| e.to_string())?;
    let style =
        ProgressStyle::with_template("{elapsed_precise} {bar:30} {pos}/{len} drives, {eta} left  {msg}");
    let bar = ProgressBar::new(args.count as u64).with_style(style.expect("a sound template"));
    let (mut drives, mut sim_time_s, mut lab) = (Vec::new(), 0.0, args.seed);
    while drives.len() < args.count {
        let mut tour = Tour::new(lab, args.people, &robot)?;
        for _ in 0..args.per_lab.min(args.count - drives.len()) {
            drives.push(tour.drive());
            bar.inc(1);
        }
        sim_time_s += tour.world.now().seconds();
        lab += 1;
    }
    bar.finish_and_clear();
    let contacts = || drives.iter().flat_map(|drive: &Drive| &drive.contacts);
    let with_people = contacts().filter(|contact| contact.contains("person")).count();
    let report = Report {
        seed: args.seed,
        people: args.people,
        n: drives.len(),
        arrived: drives.iter().filter(|drive| drive.arrived).count(),
        impossible: drives.iter().filter(|drive| drive.no_way.is_some()).count(),
        contacts_with_people: with_people,
        contacts_with_things: contacts().count() - with_people,
        time_s: spread(drives.iter().filter(|drive| drive.arrived).map(|drive| drive.time_s)),
        off_m: spread(drives.iter().filter_map(|drive| drive.off).map(|[metres, _]| metres)),
        sim_time_s,
        wall_time_s: watch.elapsed().as_secs_f64(),
        drives,
    };
    if args.json {
        tell!("{}", serde_json::to_string(&report).expect("plain data"));
    } else {
        print(&report);
    }
    let good = report.arrived == report.n && contacts_of(&report) == 0;
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn contacts_of(report: &Report) -> usize {
    report.contacts_with_people + report.contacts_with_things
}

fn print(report: &Report) {
    tell!("drives      {}, {} people in each laboratory, seed {}", report.n, report.people, report.seed);
    tell!("arrived     {}", report.arrived);
    tell!("impossible  {}, something is left on the goal or across the only way", report.impossible);
    tell!(
        "contacts    {} with people, {} with things",
        report.contacts_with_people,
        report.contacts_with_things
    );
    for (name, values, unit) in [("time", report.time_s, "s"), ("off", report.off_m, "m")] {
        if let Some([least, median, p95, most]) = values {
            tell!(
                "{name:<11} {least:.3} / {median:.3} / {p95:.3} / {most:.3} {unit} (least / median / 95 % / most)"
            );
        }
    }
    for drive in report.drives.iter().filter(|drive| !drive.arrived || !drive.contacts.is_empty()) {
        let (error, contacts) = (drive.error.as_deref().unwrap_or("arrived"), drive.contacts.join("; "));
        let no_way = drive.no_way.as_ref().map_or(String::new(), |why| format!("; in truth {why}"));
        talk!("lab {} to {}: {error} {contacts}{no_way}", drive.lab, drive.to);
    }
}

fn spread(values: impl Iterator<Item = f64>) -> Option<[f64; 4]> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let at = |share: f64| values[((values.len() - 1) as f64 * share).round() as usize];
    (!values.is_empty()).then(|| [at(0.0), at(0.5), at(0.95), at(1.0)])
}

/// Drives in one laboratory.
pub struct Tour {
    lab: u64,
    site: Site,
    world: World,
    navigator: Navigator,
    stations: Vec<StationId>,
    grid: OccupancyGrid,
    footprint: Footprint,
    motion: Motion,
    choice: nightshift_core::random::Stream,
    done: u64,
}

impl Tour {
    /// In the laboratory of a seed, among so many people.
    pub fn new(lab: u64, people: usize, robot: &Robot) -> Result<Self, String> {
        let seed = Seed(lab);
        let texts = laboratory::files(seed).map_err(|e| e.to_string())?;
        let read = |file: &str| texts.get(file).cloned().ok_or_else(|| "there is no such file".to_owned());
        let site = Site::load(&read).map_err(|e| e.to_string())?;
        let mut world =
            World::new(&site, robot, SimConfig { seed, start: None }).map_err(|e| e.to_string())?;
        let height = robot.scanners.values().map(|s| s.pose.translation().z).next().unwrap_or_default();
        let grid = world.floor_plan(RESOLUTION_M, height).map_err(|e| e.to_string())?;
        world.let_in(people, seed).map_err(|e| e.to_string())?;
        let mut navigator = Navigator::new(&site, robot, grid.clone(), seed);
        let start = NavInput::Command(NavCommand::SetPose(site.start));
        navigator.handle(world.now(), start, &mut Outbox::new());
        let stations = site.stations.keys().cloned().collect();
        let footprint = Footprint::new(&robot.base.footprint_m);
        let motion = Motion { speed: robot.base.max_speed, omnidirectional: robot.base.omnidirectional };
        let choice = seed.stream("tour");
        let mut this =
            Self { lab, site, world, navigator, stations, grid, footprint, motion, choice, done: 0 };
        this.rest(SETTLING_S);
        Ok(this)
    }

    /// One step; the end of a drive, where there is one.
    fn step(&mut self) -> Option<Result<(), nightshift_core::Failure>> {
        let events = self.world.step();
        let now = self.world.now();
        let mut out = Outbox::new();
        if self.navigator.next_wake().is_some_and(|wake| wake <= now) {
            self.navigator.wake(now, &mut out);
        }
        for event in events {
            let input = match event {
                RobotEvent::Scan(scan) => NavInput::Scan(scan),
                RobotEvent::Odometry(odometry) => NavInput::Odometry(odometry),
                _ => continue,
            };
            self.navigator.handle(now, input, &mut out);
        }
        self.obey(out)
    }

    fn obey(&mut self, out: Outbox<NavOutput>) -> Option<Result<(), nightshift_core::Failure>> {
        let mut ended = None;
        for output in out {
            match output {
                NavOutput::Drive(twist) => self.world.command(RobotCommand::Drive(twist)),
                NavOutput::Done { id: CommandId(id), result } if id == self.done => ended = Some(result),
                _ => {}
            }
        }
        ended
    }

    /// Simulated seconds so far.
    pub fn seconds(&self) -> f64 {
        self.world.now().seconds()
    }

    /// Stands for so many simulated seconds.
    pub fn rest(&mut self, seconds: f64) {
        let begun = self.world.now();
        while self.world.now().since(begun) < seconds {
            self.step();
        }
    }

    /// To a station that is drawn.
    pub fn drive(&mut self) -> Drive {
        let here = self.world.truth().robot.pose;
        let far: Vec<&StationId> =
            self.stations.iter().filter(|id| here.distance(&self.staging(id)) > 1.0).collect();
        let to = far[self.choice.random_range(0..far.len())].clone();
        let (staging, begun) = (self.staging(&to), self.world.now());
        self.done += 1;
        let command = NavCommand::DriveToStation { id: CommandId(self.done), station: to.clone() };
        let mut out = Outbox::new();
        self.navigator.handle(begun, NavInput::Command(command), &mut out);
        let mut ended = self.obey(out);
        let mut contacts = Vec::new();
        while ended.is_none() && self.world.now().since(begun) < LIMIT_S {
            ended = self.step();
            contacts.extend(self.world.contacts_of_note());
        }
        let (arrived, error) = match ended {
            Some(Ok(())) => (true, None),
            Some(Err(failure)) => (false, Some(format!("{}: {}", failure.code.name(), failure.message))),
            None => {
                let mut out = Outbox::new();
                self.navigator.handle(self.world.now(), NavInput::Command(NavCommand::Stop), &mut out);
                self.obey(out);
                (false, Some("TIME_LIMIT".to_owned()))
            }
        };
        let stands = self.world.truth().robot.pose;
        let turned = (stands.inverse() * staging).yaw();
        Drive {
            lab: self.lab,
            to,
            arrived,
            error,
            time_s: self.world.now().since(begun),
            distance_m: here.distance(&staging),
            off: arrived.then(|| [stands.distance(&staging), turned.abs()]),
            contacts,
            no_way: if arrived { None } else { self.no_way([&here, &stands], &staging) },
        }
    }

    /// Why no way leads to a goal past the things that stand on the floor in truth, from none of some places; people walk on.
    fn no_way(&self, from: [&Pose2<Map, Base>; 2], to: &Pose2<Map, Base>) -> Option<String> {
        let mut grid = self.grid.clone();
        let things = self.world.truth().obstacles;
        let inside = |x: f64, y: f64| {
            things.values().any(|thing| {
                let at = thing.pose.iso.inverse_transform_point(&Point2::new(x, y));
                at.x.abs() <= thing.size_m[0] / 2.0 && at.y.abs() <= thing.size_m[1] / 2.0
            })
        };
        for index in 0..grid.cells.len() {
            let [x, y] = grid.center(index % grid.width, index / grid.width);
            if inside(x, y) {
                grid.cells[index] = Cell::Occupied;
            }
        }
        let costmap = Costmap::with_zones(grid, self.footprint.clone(), &self.site.zones);
        let way = |from: &Pose2<Map, Base>| plan(&costmap.snapshot(), &self.motion, &from.iso, &to.iso);
        way(from[0]).or_else(|_| way(from[1])).err().map(|obstruction| obstruction.words)
    }

    fn staging(&self, station: &StationId) -> Pose2<Map, Base> {
        let station = &self.site.stations[station];
        station.pose * station.dock.staging
    }
}
