//! The component: localiser, planner, controller, guard and docking behind one inbox.

use crate::control::{Limits, Miss, PERIOD_S};
use crate::costmap::Costmap;
use crate::dock::{self, Docking};
use crate::drive::{self, Drive};
use crate::footprint::Footprint;
use crate::guard::{MARGIN_M, Obstacle, safe_share, scaled};
use crate::localiser::{Localisation, LocalisationState, Localiser};
use crate::messages::{NavCommand, NavInput, NavOutput};
use crate::senses::Senses;
use nalgebra::{Isometry2, Point2, Point3};
use nightshift_core::describe::{Robot, Site, Solid, Station};
use nightshift_core::frames::{Base, Map, Pose, Pose2, Tag};
use nightshift_core::grid::OccupancyGrid;
use nightshift_core::random::Seed;
use nightshift_core::robot::{CommandId, LaserScan, Twist};
use nightshift_core::{Code, Component, Failure, Outbox, Stamp, StationId};
use std::collections::BTreeMap;

/// A sensor that is silent for so long stops the base, seconds.
const STALE_S: f64 = 0.5;
/// And for so long ends the command, seconds.
const DEAD_S: f64 = 2.0;
/// Without a trusted pose for so long the command ends, seconds.
const LOST_S: f64 = 20.0;
/// Nearer to an obstacle than this the base drives slower, down to [`LEAST_SHARE`] of its speed, metres.
const NEAR_M: f64 = 0.35;
const LEAST_SHARE: f64 = 0.4;
/// Speed while docking, as a share.
const DOCK_SPEED: f64 = 0.15;
/// While docking the outline may come this near to the station's own shapes, metres.
const DOCK_MARGIN_M: f64 = 0.02;
/// A return this near to a shape of the station is the shape, metres.
const SHAPE_REACH_M: f64 = 0.06;
/// Docking begins no farther than this from the staging pose or the way from it into the dock.
const STAGED: Miss = Miss { distance_m: 0.4, turn_rad: 0.5 };
/// Who stands this near to the line from staging to docked pose stands in the dock.
const IN_DOCK: Miss = Miss { distance_m: 0.15, turn_rad: 0.35 };
/// Nearer to the staging pose than this the base is out of the dock, metres.
const OUT_OF_DOCK_M: f64 = 0.08;

/// Everything between sensors and wheels.
pub struct Navigator {
    stations: BTreeMap<StationId, Station>,
    omnidirectional: bool,
    limits: Limits,
    footprint: Footprint,
    localiser: Localiser,
    costmap: Costmap,
    senses: Senses,
    scanners: BTreeMap<String, Point2<f64>>,
    localised: Option<Localisation>,
    running: Option<Running>,
    last: Twist,
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
    Drive(Drive),
    Dock {
        station: StationId,
        docking: Box<Docking>,
        before: Isometry2<f64>,
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
            stations: site.stations.clone(),
            omnidirectional: robot.base.omnidirectional,
            limits: Limits { speed: robot.base.max_speed, acceleration: robot.base.max_acceleration },
            localiser: Localiser::new(&grid, robot.scanners.clone(), seed),
            costmap: Costmap::new(grid, footprint.clone()),
            footprint,
            senses: Senses::new(robot.scanners.clone()),
            scanners: robot
                .scanners
                .iter()
                .map(|(name, s)| (name.clone(), s.pose.translation().xy().into()))
                .collect(),
            localised: None,
            running: None,
            last: Twist::STOP,
            held: false,
            wake: None,
        }
    }

    fn scan(&mut self, now: Stamp, scan: &LaserScan, out: &mut Outbox<NavOutput>) {
        self.senses.scan(scan);
        let Some(localisation) = self.localiser.scan(scan) else { return };
        if localisation.state == LocalisationState::Tracking
            && let Some(eye) = self.scanners.get(&scan.scanner)
        {
            let base = localisation.map_from_base.iso;
            let hits: Vec<_> = self.localiser.last_points().iter().map(|p| base * p).collect();
            self.costmap.look(now, &(base * eye), &hits, &base);
        }
        if localisation.state == LocalisationState::Lost {
            self.costmap.forget();
        }
        self.localised = Some(localisation.clone());
        out.push(NavOutput::Localised(localisation));
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
                    let goal = known.pose * known.dock.staging;
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
        if !self.omnidirectional {
            let words = "this base cannot drive sideways; only omnidirectional bases are driven".to_owned();
            return refuse(id, Code::NoPath, words, out);
        }
        self.end(Err(Failure::new(Code::Cancelled, format!("replaced by command {}", id.0))), out);
        self.running = Some(Running { id, since: now, lost_since: None, task: Task::Begin(errand) });
        self.wake = Some(later(now));
    }

    /// Ends the running command, if there is one, and stops the base.
    fn end(&mut self, result: Result<(), Failure>, out: &mut Outbox<NavOutput>) {
        self.last = Twist::STOP;
        self.held = false;
        self.wake = None;
        out.push(NavOutput::Drive(Twist::STOP));
        if let Some(running) = self.running.take() {
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
            self.last = Twist::STOP;
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
            (Wish::Drive(wanted), Some(odom_from_base)) => {
                self.last = self.guarded(wanted, &odom_from_base, &running.task);
                self.running = Some(running);
                out.push(NavOutput::Drive(self.last));
            }
            (Wish::Drive(_), None) => {
                self.running = Some(running);
                out.push(NavOutput::Drive(Twist::STOP));
            }
        }
    }

    /// The pose now, while it is trusted.
    fn map_from_base(&self, odom_from_base: &Isometry2<f64>) -> Option<Isometry2<f64>> {
        let localised = self.localised.as_ref().filter(|l| l.state == LocalisationState::Tracking)?;
        Some(localised.map_from_odom.iso * odom_from_base)
    }

    fn wish(
        &mut self,
        now: Stamp,
        odom_from_base: &Isometry2<f64>,
        running: &mut Running,
        out: &mut Outbox<NavOutput>,
    ) -> Wish {
        if let Task::Dock { station, docking, before } = &mut running.task {
            if let (Some(localised), Some(known)) = (&self.localised, self.stations.get(station)) {
                let odom_from_station = localised.map_from_odom.inverse() * known.pose;
                docking.moved(&before.inv_mul(odom_from_base), odom_from_station.iso);
            }
            *before = *odom_from_base;
            return match docking.step(now, odom_from_base) {
                dock::Step::Drive(twist) => Wish::Drive(twist),
                dock::Step::Wait => Wish::Drive(Twist::STOP),
                dock::Step::Look => {
                    out.push(NavOutput::LookForDock { station: station.clone() });
                    Wish::Drive(Twist::STOP)
                }
                dock::Step::Done(result) => Wish::Done(result),
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
        let points = self.senses.points(odom_from_base);
        let nearest = points.iter().map(|p| self.footprint.distance(p)).fold(NEAR_M, f64::min);
        let near_share = (nearest / NEAR_M).clamp(LEAST_SHARE, 1.0);
        match drive.step(now, &map_from_base, &self.costmap, near_share, self.held) {
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
                Ok(Task::Drive(Drive::new(goal.iso, name.clone(), self.limits, out_by)))
            }
            Errand::Dock(id) => {
                let Some(station) = self.stations.get(id) else {
                    return Err(Failure::new(Code::UnknownStation, format!("no station {id}")));
                };
                let staging = station.pose.iso * station.dock.staging.iso;
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
                let odom_from_station = odom_from_base * map_from_base.inverse() * station.pose.iso;
                let limits = self.limits.slowed(DOCK_SPEED);
                let docking =
                    Docking::new(id.as_str(), &station.dock, limits, odom_from_station, odom_from_base, now);
                Ok(Task::Dock { station: id.clone(), docking: Box::new(docking), before: *odom_from_base })
            }
        }
    }

    fn lost(&self, for_s: f64) -> Failure {
        let words = match &self.localised {
            None => format!("no scan could be placed in the map for {for_s:.0} s"),
            Some(l) => format!(
                "the pose has been {} for {for_s:.0} s; the scans and the map agree to {:.0} %",
                if l.state == LocalisationState::Lost { "lost" } else { "ambiguous" },
                100.0 * l.confidence
            ),
        };
        Failure::new(Code::Lost, words)
    }

    /// What of a wish reaches the wheels.
    fn guarded(&mut self, wanted: Twist, odom_from_base: &Isometry2<f64>, task: &Task) -> Twist {
        let command = self.limits.ramp(self.last, wanted);
        let points = self.senses.points(odom_from_base);
        let dock = match task {
            Task::Dock { station, docking, .. } => self
                .stations
                .get(station)
                .map(|known| (known, docking.odom_from_station().inv_mul(odom_from_base))),
            Task::Begin(_) | Task::Drive(_) => None,
        };
        let obstacles: Vec<Obstacle> = points
            .into_iter()
            .map(|point| {
                let of_dock = dock.as_ref().is_some_and(|(station, station_from_base)| {
                    on_shape(station, &(station_from_base * point))
                });
                Obstacle { point, margin_m: if of_dock { DOCK_MARGIN_M } else { MARGIN_M } }
            })
            .collect();
        let share = safe_share(&self.footprint, command, self.limits.acceleration, &obstacles);
        self.held = share == 0.0;
        scaled(command, share)
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
    now + std::time::Duration::from_secs_f64(PERIOD_S)
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

/// Whether a point of the station's frame, at any height, lies on one of its shapes.
fn on_shape(station: &Station, point: &Point2<f64>) -> bool {
    station.shapes.iter().any(|shape| {
        let center = shape.pose.translation();
        let local = shape.pose.inverse().point(&Point3::new(point.x, point.y, center.z));
        match shape.solid {
            Solid::Box { size_m } => {
                local.x.abs() <= size_m[0] / 2.0 + SHAPE_REACH_M
                    && local.y.abs() <= size_m[1] / 2.0 + SHAPE_REACH_M
            }
            Solid::Cylinder { radius_m, .. } | Solid::Sphere { radius_m } => {
                local.x.hypot(local.y) <= radius_m + SHAPE_REACH_M
            }
        }
    })
}
