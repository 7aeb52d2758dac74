//! The navigator's part in docking: when one begins, what it may come near to, what it hears, and what it teaches.

use super::{Navigator, Running, Task, Wish};
use crate::control::Miss;
use crate::dock::{self, Docking, Sight, on_shape};
use crate::guard::{LAST_MARGIN_M, MARGIN_M};
use crate::messages::NavOutput;
use nalgebra::{Isometry2, Point2};
use nightshift_core::describe::{Station, StationKind};
use nightshift_core::frames::{Base, Pose, Pose2, Tag};
use nightshift_core::robot::{Battery, LaserScan, Twist};
use nightshift_core::{Code, Failure, Outbox, Stamp, StationId};
use std::sync::Arc;

/// Speed while docking, as a share.
const DOCK_SPEED: f64 = 0.15;
/// Of turning, for a base that must turn to come onto the dock's line.
const TURN_SPEED: f64 = 0.3;
/// While docking the outline may come this near to the station's own shapes: as near as the last word before the wheels lets it.
const DOCK_MARGIN_M: f64 = LAST_MARGIN_M;
/// A return this near to a shape of the station is the shape, metres.
const SHAPE_REACH_M: f64 = 0.06;
/// Docking begins no farther than this from the staging pose or the way from it into the dock.
const STAGED: Miss = Miss { distance_m: 0.4, turn_rad: 0.5 };
/// Who stands this near to the line from staging to docked pose stands in the dock.
const IN_DOCK: Miss = Miss { distance_m: 0.15, turn_rad: 0.35 };
/// Nearer to the staging pose than this the base is out of the dock, metres.
const OUT_OF_DOCK_M: f64 = 0.08;

impl Navigator {
    /// Where a station stands in the map, as far as docking there has taught.
    pub(super) fn place(&self, station: &Station) -> Isometry2<f64> {
        let learned = self.learned.get(&station.id).copied().unwrap_or_default();
        station.pose.iso * learned.mapped_from_station()
    }

    /// Begins to dock, where the base stands before the station or in its dock.
    pub(super) fn begin_docking(
        &self,
        now: Stamp,
        id: &StationId,
        map_from_base: &Isometry2<f64>,
        odom_from_base: &Isometry2<f64>,
    ) -> Result<Task, Failure> {
        let Some(station) = self.stations.get(id) else {
            return Err(Failure::new(Code::UnknownStation, format!("no station {id}")));
        };
        if let Some(miss) = dock::crooked(&station.dock).filter(|_| !self.omnidirectional) {
            let words = format!(
                "{id}: this base cannot drive sideways, and the staging pose is {:.2} m aside of the docked pose's line and \
                 turned by {:.0} deg: put it straight before the dock in the station's file",
                miss.distance_m,
                miss.turn_rad.to_degrees()
            );
            return Err(Failure::new(Code::DockFailed, words));
        }
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
        let mut limits = self.limits.slowed(DOCK_SPEED);
        if !self.omnidirectional {
            limits.speed.yaw = self.limits.speed.yaw * TURN_SPEED;
        }
        let start = dock::Start {
            station,
            plane_m: self.plane_m,
            limits,
            sideways: self.omnidirectional,
            charges: self.battery && station.kind == StationKind::Charger,
            odom_from_station,
            odom_from_base: *odom_from_base,
        };
        Ok(Task::Dock { station: id.clone(), docking: Box::new(Docking::new(&start, now)) })
    }

    /// What a docking wants that goes on.
    pub(super) fn dock(
        &mut self,
        now: Stamp,
        odom_from_base: &Isometry2<f64>,
        station: &StationId,
        docking: &mut Docking,
        out: &mut Outbox<NavOutput>,
    ) -> Wish {
        let by_map = self.tracked().zip(self.stations.get(station)).map(|(tracked, known)| {
            let learned = self.learned.get(station).copied().unwrap_or_default();
            (tracked.map_from_odom.inverse() * known.pose).iso * learned.mapped_from_station()
        });
        docking.moved(now, odom_from_base, by_map);
        match docking.step(now, odom_from_base) {
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

    /// How near the outline may come to a point of the base's frame: while it docks, nearer to the station's shapes.
    pub(super) fn margin(&self) -> impl Fn(&Point2<f64>) -> f64 + use<> {
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

    pub(super) fn dock_scan(&mut self, scan: &LaserScan) {
        let Some(Running { task: Task::Dock { docking, .. }, .. }) = &mut self.running else { return };
        if let (Some((odom_from_base, points)), Some(eye)) =
            (self.senses.last(&scan.scanner, scan.stamp), self.scanners.get(&scan.scanner))
        {
            docking.scan(&Sight { odom_from_base, eye, points });
        }
    }

    /// What the battery says, which tells a charger's dock from one that only looks like it.
    pub(super) fn dock_fed(&mut self, battery: &Battery) {
        if let Some(Running { task: Task::Dock { docking, .. }, .. }) = &mut self.running {
            docking.fed(battery.stamp, battery.charging);
        }
    }

    pub(super) fn dock_seen(
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

/// The staging pose (map frame) of a station in whose dock the base stands.
pub fn way_out(station: &Station, map_from_base: &Isometry2<f64>) -> Option<Isometry2<f64>> {
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
