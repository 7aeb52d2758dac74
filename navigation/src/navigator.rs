//! The component: localiser, planner, controller, guard and docking behind one inbox.

use crate::changes::Changes;
use crate::control::mppi::Mppi;
use crate::control::{Limits, Miss, PERIOD_S};
use crate::costmap::Costmap;
use crate::dock::{self, Docking, Learned, Sight, on_shape};
use crate::drive::{self, Drive};
use crate::footprint::Footprint;
use crate::guard::{Guard, MARGIN_M, Reason};
use crate::localiser::{Estimate, Localisation, LocalisationState, Localiser, Place};
use crate::messages::{NavCommand, NavInput, NavOutput};
use crate::people::People;
use crate::senses::Senses;
use nalgebra::{Isometry2, Point2};
use nightshift_core::describe::{Robot, Site, Station};
use nightshift_core::frames::{Base, Map, Pose, Pose2, Tag};
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
/// Speed while docking, as a share.
const DOCK_SPEED: f64 = 0.15;
/// While docking the outline may come this near to the station's own shapes, metres.
const DOCK_MARGIN_M: f64 = 0.02;
/// A return this near to a shape of the station is the shape, metres.
const SHAPE_REACH_M: f64 = 0.06;
/// A return farther than this from everything in the map is of something that the map does not have, metres.
const UNEXPLAINED_M: f64 = 0.15;
/// Docking begins no farther than this from the staging pose or the way from it into the dock.
const STAGED: Miss = Miss { distance_m: 0.4, turn_rad: 0.5 };
/// Who stands this near to the line from staging to docked pose stands in the dock.
const IN_DOCK: Miss = Miss { distance_m: 0.15, turn_rad: 0.35 };
/// Nearer to the staging pose than this the base is out of the dock, metres.
const OUT_OF_DOCK_M: f64 = 0.08;

/// Everything between sensors and wheels.
pub struct Navigator {
    stations: BTreeMap<StationId, Arc<Station>>,
    /// What docking has taught, by station.
    learned: BTreeMap<StationId, Learned>,
    omnidirectional: bool,
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
        if !self.omnidirectional && matches!(errand, Errand::Dock(_)) {
            let words = "this base cannot drive sideways; only omnidirectional bases dock".to_owned();
            return refuse(id, Code::DockFailed, words, out);
        }
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

    /// Where a station stands in the map, as far as docking there has taught.
    fn place(&self, station: &Station) -> Isometry2<f64> {
        let learned = self.learned.get(&station.id).copied().unwrap_or_default();
        station.pose.iso * learned.mapped_from_station()
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
            let by_map = self.tracked().zip(self.stations.get(station)).map(|(tracked, known)| {
                let learned = self.learned.get(station).copied().unwrap_or_default();
                (tracked.map_from_odom.inverse() * known.pose).iso * learned.mapped_from_station()
            });
            docking.moved(now, odom_from_base, by_map);
            return match docking.step(now, odom_from_base) {
                dock::Step::Drive(twist) => Wish::Drive(twist),
                dock::Step::Wait => Wish::Drive(Twist::STOP),
                dock::Step::Look => {
                    out.push(NavOutput::LookForDock { station: station.clone() });
                    Wish::Drive(Twist::STOP)
                }
                dock::Step::Done(result) => {
                    let (station_from_base, covariance) = docking.station_from_base();
                    if result.is_ok() {
                        let station = station.clone();
                        self.learn(&station, odom_from_base, &station_from_base);
                        out.push(NavOutput::Docked {
                            station,
                            stamp: now,
                            station_from_base: Pose2::from_iso(station_from_base),
                            covariance: [0, 1, 2].map(|r| [0, 1, 2].map(|c| covariance[(r, c)])),
                        });
                    }
                    Wish::Done(result)
                }
            };
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
        match step {
            drive::Step::Drive(twist) => Wish::Drive(twist),
            drive::Step::Path(path) => {
                out.push(NavOutput::Path(path.into_iter().map(Pose2::from_iso).collect()));
                Wish::Drive(Twist::STOP)
            }
            drive::Step::Done(result) => Wish::Done(result),
        }
    }

    /// Takes what a docking has shown of where the station stands in the map.
    fn learn(
        &mut self,
        station: &StationId,
        odom_from_base: &Isometry2<f64>,
        station_from_base: &Isometry2<f64>,
    ) {
        if let (Some(map_from_base), Some(known)) =
            (self.map_from_base(odom_from_base), self.stations.get(station))
        {
            let map_from_station = map_from_base * station_from_base.inverse();
            let learned = self.learned.entry(station.clone()).or_default();
            learned.take(&known.pose.iso.inv_mul(&map_from_station));
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
            Errand::Dock(id) => {
                let Some(station) = self.stations.get(id) else {
                    return Err(Failure::new(Code::UnknownStation, format!("no station {id}")));
                };
                let staging = self.place(station) * station.dock.staging.iso;
                let miss = Miss::of(&map_from_base.inv_mul(&staging));
                if !miss.within(&STAGED) && way_out(station, map_from_base).is_none() {
                    let words = format!(
                        "{id}: the base is {:.2} m and {:.0} deg from the staging pose; docking begins within {:.2} m and \
                         {:.0} deg of it",
                        miss.distance_m,
                        miss.turn_rad.to_degrees(),
                        STAGED.distance_m,
                        STAGED.turn_rad.to_degrees()
                    );
                    return Err(Failure::new(Code::DockFailed, words));
                }
                let odom_from_station = odom_from_base * map_from_base.inverse() * self.place(station);
                let limits = self.limits.slowed(DOCK_SPEED);
                let plane_m = self.plane_m;
                let odom_from_base = *odom_from_base;
                let start = dock::Start { station, plane_m, limits, odom_from_station, odom_from_base };
                Ok(Task::Dock { station: id.clone(), docking: Box::new(Docking::new(&start, now)) })
            }
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

    /// How near the outline may come to a point of the base's frame: while it docks, nearer to the station's shapes.
    fn margin(&self) -> impl Fn(&Point2<f64>) -> f64 + use<> {
        let dock = match &self.running {
            Some(Running { task: Task::Dock { station, docking }, .. }) => {
                self.stations.get(station).map(|known| (Arc::clone(known), docking.station_from_base().0))
            }
            _ => None,
        };
        move |point| {
            let of_dock = dock.as_ref().is_some_and(|(station, station_from_base)| {
                on_shape(station, &(station_from_base * point), SHAPE_REACH_M)
            });
            if of_dock { DOCK_MARGIN_M } else { MARGIN_M }
        }
    }

    fn dock_scan(&mut self, scan: &LaserScan) {
        let Some(Running { task: Task::Dock { docking, .. }, .. }) = &mut self.running else { return };
        if let (Some((odom_from_base, points)), Some(eye)) =
            (self.senses.last(&scan.scanner, scan.stamp), self.scanners.get(&scan.scanner))
        {
            docking.scan(&Sight { odom_from_base, eye, points });
        }
    }

    fn dock_seen(
        &mut self,
        now: Stamp,
        stamp: Stamp,
        base_from_tag: Option<&Pose<Base, Tag>>,
        out: &mut Outbox<NavOutput>,
    ) {
        let Some(Running { task: Task::Dock { docking, .. }, .. }) = &mut self.running else { return };
        // A picture that cannot be placed in time is no picture.
        let odom_from_base = self.senses.odom_from_base_at(stamp);
        let tag = base_from_tag.filter(|_| odom_from_base.is_some());
        let failure = docking.seen(now, &odom_from_base.unwrap_or_else(Isometry2::identity), tag);
        if let Some(failure) = failure {
            self.end(Err(failure), out);
        }
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

/// The staging pose (map frame) of a station in whose dock the base stands.
fn way_out(station: &Station, map_from_base: &Isometry2<f64>) -> Option<Isometry2<f64>> {
    let base = station.pose.iso.inv_mul(map_from_base);
    let (staging, docked) = (station.dock.staging.iso, station.dock.docked.iso);
    let along = docked.translation.vector - staging.translation.vector;
    let way = base.translation.vector - staging.translation.vector;
    let length = along.norm();
    let inward = way.dot(&along) / length;
    let aside = (along.x * way.y - along.y * way.x).abs() / length;
    let turned = base.rotation.angle_to(&docked.rotation).abs();
    let inside = inward > OUT_OF_DOCK_M
        && inward < length + IN_DOCK.distance_m
        && aside < IN_DOCK.distance_m
        && turned < IN_DOCK.turn_rad;
    inside.then(|| station.pose.iso * staging)
}
