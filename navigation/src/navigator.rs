//! The component: localiser, planner, controller, guard and docking behind one inbox.

mod docking;

use crate::changes::Changes;
use crate::control::mppi::Mppi;
use crate::control::{Limits, PERIOD_S};
use crate::costmap::Costmap;
use crate::dock::{Docking, Learned};
use crate::drive::{self, Drive};
use crate::footprint::Footprint;
use crate::guard::{Guard, Reason};
use crate::localiser::{Estimate, Localisation, LocalisationState, Localiser, Place};
use crate::messages::{NavCommand, NavInput, NavOutput};
use crate::people::People;
use crate::senses::Senses;
use docking::way_out;
use nalgebra::{Isometry2, Point2};
use nightshift_core::describe::{Robot, Site, Station};
use nightshift_core::frames::{Base, Map, Pose2};
use nightshift_core::grid::OccupancyGrid;
use nightshift_core::random::Seed;
use nightshift_core::robot::{CommandId, LaserScan, Twist};
use nightshift_core::{Code, Component, Failure, Outbox, Stamp, StationId};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// A sensor that is silent for so long stops the base, seconds.
const STALE_S: f64 = 0.5;
/// And for so long ends the command, seconds.
const DEAD_S: f64 = 2.0;
/// Without a trusted pose for so long the command ends, seconds.
const LOST_S: f64 = 20.0;
/// A passage that something blocked counts as closed for so long, where there is another way.
const BLOCKED_FOR: Duration = Duration::from_secs(300);
/// A trusted pose this far from where the one before leads to is another place, metres.
const ELSEWHERE_M: f64 = 0.3;
/// A return farther than this from everything in the map is of something that the map does not have, metres.
const UNEXPLAINED_M: f64 = 0.15;

/// Everything between sensors and wheels.
pub struct Navigator {
    stations: BTreeMap<StationId, Arc<Station>>,
    /// What docking has taught, by station.
    learned: BTreeMap<StationId, Learned>,
    omnidirectional: bool,
    /// Whether the robot tells of its battery.
    battery: bool,
    limits: Limits,
    guard: Guard,
    localiser: Localiser,
    costmap: Costmap,
    changes: Changes,
    people: People,
    mppi: Mppi,
    senses: Senses,
    scanners: BTreeMap<String, Point2<f64>>,
    /// Height of the scanners' plane, metres.
    plane_m: f64,
    localised: Option<Localisation>,
    /// The last pose that was trusted, whatever has become of it.
    tracked: Option<Estimate>,
    running: Option<Running>,
    last: Twist,
    /// With which that came about.
    acceleration: Twist,
    held: bool,
    wake: Option<Stamp>,
}

struct Running {
    id: CommandId,
    since: Stamp,
    /// Since when there has been no trusted pose.
    lost_since: Option<Stamp>,
    task: Task,
}

enum Task {
    /// Waiting for a trusted pose to begin with.
    Begin(Errand),
    Drive(Box<Drive>),
    Dock {
        station: StationId,
        docking: Box<Docking>,
    },
}

#[derive(Clone)]
enum Errand {
    Drive { goal: Pose2<Map, Base>, name: String },
    Dock(StationId),
}

/// What a task wants.
enum Wish {
    Drive(Twist),
    Done(Result<(), Failure>),
}

impl Navigator {
    /// For a robot at a site with the site's map.
    pub fn new(site: &Site, robot: &Robot, grid: OccupancyGrid, seed: Seed) -> Self {
        let footprint = Footprint::new(&robot.base.footprint_m);
        Self {
            stations: site.stations.iter().map(|(id, s)| (id.clone(), Arc::new(s.clone()))).collect(),
            learned: BTreeMap::new(),
            omnidirectional: robot.base.omnidirectional,
            battery: robot.battery.is_some(),
            limits: Limits { speed: robot.base.max_speed, acceleration: robot.base.max_acceleration },
            localiser: Localiser::new(&grid, robot.scanners.clone(), seed),
            guard: Guard::new(
                footprint.clone(),
                robot.base.max_speed,
                robot.base.max_acceleration,
                robot.scanners.clone(),
            ),
            mppi: Mppi::new(&footprint, seed),
            people: People::default(),
            changes: Changes::new(&grid),
            costmap: Costmap::with_zones(grid, footprint, &site.zones),
            senses: Senses::new(robot.scanners.clone()),
            scanners: robot
                .scanners
                .iter()
                .map(|(name, s)| (name.clone(), s.pose.translation().xy().into()))
                .collect(),
            plane_m: robot.scanners.values().map(|s| s.pose.translation().z).next().unwrap_or_default(),
            localised: None,
            tracked: None,
            running: None,
            last: Twist::STOP,
            acceleration: Twist::STOP,
            held: false,
            wake: None,
        }
    }

    /// What paths are planned on.
    pub fn costmap(&self) -> &Costmap {
        &self.costmap
    }

    /// What of the room differs from the map, as far as it was seen.
    pub fn changes(&self) -> &Changes {
        &self.changes
    }

    /// The last scan's pose, while it is trusted.
    pub fn tracked(&self) -> Option<&Estimate> {
        self.localised.as_ref().and_then(Localisation::tracked)
    }

    fn scan(&mut self, now: Stamp, scan: &LaserScan, out: &mut Outbox<NavOutput>) {
        // First of all: may the base go on as it does?
        let near = self.margin();
        if let Some(verdict) = self.guard.scan(now, scan, near) {
            self.held = verdict.reason == Reason::Stop;
            self.last = verdict.twist;
            out.push(NavOutput::Drive(self.last));
        }
        self.senses.scan(scan);
        self.dock_scan(scan);
        let Some(localisation) = self.localiser.scan(scan) else { return };
        // What was seen from a wrong place stands in the wrong place.
        if localisation.state() == LocalisationState::Lost || self.is_elsewhere(&localisation) {
            self.costmap.forget();
            self.people.forget();
            self.changes.doubt();
        }
        if let (Some(tracked), Some(eye)) = (localisation.tracked(), self.scanners.get(&scan.scanner)) {
            let base = tracked.map_from_base.iso;
            let hits: Vec<_> = self.localiser.last_points().iter().map(|p| base * p).collect();
            self.costmap.look(now, &(base * eye), &hits, &base);
            self.changes.look(scan.stamp, &base, eye, self.localiser.last_points());
            let unexplained = |hit: &Point2<f64>| self.costmap.is_unexplained(hit, UNEXPLAINED_M);
            let strange: Vec<_> = hits.iter().copied().filter(unexplained).collect();
            self.people.take(scan.stamp, &strange);
        }
        self.tracked = localisation.tracked().cloned().or(self.tracked.take());
        self.localised = Some(localisation.clone());
        out.push(NavOutput::Localised(localisation));
    }

    /// Whether the place that is tracked is not where the one before leads to.
    fn is_elsewhere(&self, localisation: &Localisation) -> bool {
        let (Some(now), Some(before)) = (localisation.tracked(), &self.tracked) else { return false };
        let expected = before.map_from_odom * now.map_from_odom.inverse() * now.map_from_base;
        expected.distance(&now.map_from_base) > ELSEWHERE_M
    }

    fn command(&mut self, now: Stamp, command: NavCommand, out: &mut Outbox<NavOutput>) {
        let (id, errand) = match command {
            NavCommand::SetPose(pose) => {
                self.localiser.set_pose(pose);
                self.localised = None;
                return;
            }
            NavCommand::SetPassage { passage, closed } => {
                let set = self.costmap.set_passage(&passage, closed);
                if let (true, Some(Running { task: Task::Drive(drive), .. })) = (set, &mut self.running) {
                    drive.replan();
                }
                return;
            }
            NavCommand::Stop => {
                self.end(Err(Failure::new(Code::Cancelled, "stopped")), out);
                return;
            }
            NavCommand::DriveToStation { id, station } => match self.stations.get(&station) {
                None => return refuse(id, Code::UnknownStation, format!("no station {station}"), out),
                Some(known) => {
                    let goal = Pose2::from_iso(self.place(known) * known.dock.staging.iso);
                    (id, Errand::Drive { goal, name: format!("to {station}") })
                }
            },
            NavCommand::DriveTo { id, goal } => {
                let name = format!("to ({:.2}, {:.2})", goal.x(), goal.y());
                (id, Errand::Drive { goal, name })
            }
            NavCommand::Dock { id, station } => {
                if !self.stations.contains_key(&station) {
                    return refuse(id, Code::UnknownStation, format!("no station {station}"), out);
                }
                (id, Errand::Dock(station))
            }
        };
        self.end(Err(Failure::new(Code::Cancelled, format!("replaced by command {}", id.0))), out);
        self.running = Some(Running { id, since: now, lost_since: None, task: Task::Begin(errand) });
        self.wake = Some(later(now));
    }

    fn stand(&mut self) {
        self.last = Twist::STOP;
        self.acceleration = Twist::STOP;
        self.guard.stand();
    }

    /// Ends the running command, if there is one, and stops the base.
    fn end(&mut self, result: Result<(), Failure>, out: &mut Outbox<NavOutput>) {
        self.stand();
        self.held = false;
        self.wake = None;
        out.push(NavOutput::Drive(Twist::STOP));
        if let Some(running) = self.running.take() {
            if matches!(running.task, Task::Drive(_)) {
                out.push(NavOutput::Path(Vec::new()));
            }
            out.push(NavOutput::Done { id: running.id, result });
        }
    }

    fn tick(&mut self, now: Stamp, out: &mut Outbox<NavOutput>) {
        self.wake = Some(later(now));
        let Some(mut running) = self.running.take() else {
            self.wake = None;
            return;
        };
        let (sensor, silent_s) = self.senses.silence(now, running.since);
        if silent_s > STALE_S {
            let words =
                format!("{sensor} has said nothing of use for {silent_s:.1} s; {DEAD_S:.1} s are allowed");
            self.running = Some(running);
            if silent_s > DEAD_S {
                return self.end(Err(Failure::new(Code::SensorStale, words)), out);
            }
            self.stand();
            out.push(NavOutput::Drive(Twist::STOP));
            return;
        }
        let odom_from_base = self.senses.odom_from_base(now);
        let wish = match odom_from_base {
            Some(odom_from_base) => self.wish(now, &odom_from_base, &mut running, out),
            None => Wish::Drive(Twist::STOP),
        };
        match (wish, odom_from_base) {
            (Wish::Done(result), _) => {
                self.running = Some(running);
                self.end(result, out);
            }
            (Wish::Drive(wanted), Some(_)) => {
                self.running = Some(running);
                self.last = self.guarded(now, wanted);
                out.push(NavOutput::Drive(self.last));
            }
            (Wish::Drive(_), None) => {
                self.running = Some(running);
                self.stand();
                out.push(NavOutput::Drive(Twist::STOP));
            }
        }
    }

    /// The pose now, while it is trusted.
    fn map_from_base(&self, odom_from_base: &Isometry2<f64>) -> Option<Isometry2<f64>> {
        Some(self.tracked()?.map_from_odom.iso * odom_from_base)
    }

    fn wish(
        &mut self,
        now: Stamp,
        odom_from_base: &Isometry2<f64>,
        running: &mut Running,
        out: &mut Outbox<NavOutput>,
    ) -> Wish {
        if let Task::Dock { station, docking } = &mut running.task {
            return self.dock(now, odom_from_base, station, docking, out);
        }
        let Some(map_from_base) = self.map_from_base(odom_from_base) else {
            let since = *running.lost_since.get_or_insert(now);
            return if now.since(since) > LOST_S {
                Wish::Done(Err(self.lost(now.since(since))))
            } else {
                Wish::Drive(Twist::STOP)
            };
        };
        let found_again = running.lost_since.take().is_some();
        if let Task::Begin(errand) = &running.task {
            match self.begin(now, errand, &map_from_base, odom_from_base) {
                Ok(task) => running.task = task,
                Err(failure) => return Wish::Done(Err(failure)),
            }
        }
        let Task::Drive(drive) = &mut running.task else { return Wish::Drive(Twist::STOP) };
        if found_again {
            drive.replan();
        }
        let at = drive::Now {
            now,
            base: &map_from_base,
            velocity: self.last,
            costmap: &self.costmap,
            movers: &self.people.movers().collect::<Vec<_>>(),
            held: self.held,
        };
        let step = drive.step(&at, &mut self.mppi);
        if let Some(passage) = drive.avoided() {
            self.costmap.block(passage, now + BLOCKED_FOR);
        }
        if drive.doubts() {
            self.costmap.forget_unseen(drive::UNSEEN_S);
        }
        match step {
            drive::Step::Drive(twist) => Wish::Drive(twist),
            drive::Step::Path(path) => {
                out.push(NavOutput::Path(path.into_iter().map(Pose2::from_iso).collect()));
                Wish::Drive(Twist::STOP)
            }
            drive::Step::Done(result) => Wish::Done(result),
        }
    }

    fn begin(
        &self,
        now: Stamp,
        errand: &Errand,
        map_from_base: &Isometry2<f64>,
        odom_from_base: &Isometry2<f64>,
    ) -> Result<Task, Failure> {
        match errand {
            Errand::Drive { goal, name } => {
                let out_by = self.stations.values().find_map(|station| way_out(station, map_from_base));
                Ok(Task::Drive(Box::new(Drive::new(
                    goal.iso,
                    name.clone(),
                    self.limits,
                    self.omnidirectional,
                    out_by,
                ))))
            }
            Errand::Dock(id) => self.begin_docking(now, id, map_from_base, odom_from_base),
        }
    }

    fn lost(&self, for_s: f64) -> Failure {
        let words = match &self.localised {
            None => format!("no scan could be placed in the map for {for_s:.0} s"),
            Some(Localisation { place: Place::Lost, .. }) => {
                format!("the pose has been lost for {for_s:.0} s: no place in the map fits the scans")
            }
            Some(Localisation { place: Place::Ambiguous(e) | Place::Tracking(e), .. }) => format!(
                "the pose has been ambiguous for {for_s:.0} s; its confidence is {:.0} %",
                100.0 * e.confidence
            ),
        };
        Failure::new(Code::Lost, words)
    }

    /// What of a wish reaches the wheels.
    fn guarded(&mut self, now: Stamp, wanted: Twist) -> Twist {
        let driving = matches!(&self.running, Some(Running { task: Task::Drive(_), .. }));
        let command = if driving {
            self.limits.smooth(self.last, &mut self.acceleration, wanted)
        } else {
            self.limits.ramp(self.last, wanted)
        };
        let near = self.margin();
        let verdict = self.guard.allow(now, command, near);
        self.held = verdict.reason == Reason::Stop;
        if verdict.twist != command {
            // A safe stop is not a smooth one.
            self.acceleration = Twist::STOP;
        }
        verdict.twist
    }
}

impl Component for Navigator {
    type Input = NavInput;
    type Output = NavOutput;

    fn handle(&mut self, now: Stamp, input: NavInput, out: &mut Outbox<NavOutput>) {
        match input {
            NavInput::Scan(scan) => self.scan(now, &scan, out),
            NavInput::Odometry(odometry) => {
                self.senses.odometry(&odometry);
                self.guard.odometry(&odometry);
                self.localiser.odometry(&odometry);
            }
            NavInput::Battery(battery) => self.dock_fed(&battery),
            NavInput::Command(command) => self.command(now, command, out),
            NavInput::DockSeen { stamp, base_from_tag } => {
                self.dock_seen(now, stamp, base_from_tag.as_ref(), out);
            }
        }
    }

    fn next_wake(&self) -> Option<Stamp> {
        self.wake
    }

    fn wake(&mut self, now: Stamp, out: &mut Outbox<NavOutput>) {
        self.tick(now, out);
    }
}

fn refuse(id: CommandId, code: Code, words: String, out: &mut Outbox<NavOutput>) {
    out.push(NavOutput::Done { id, result: Err(Failure::new(code, words)) });
}

fn later(now: Stamp) -> Stamp {
    now + Duration::from_secs_f64(PERIOD_S)
}
