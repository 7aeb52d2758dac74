//! The robot's battery, and the chargers that feed it: energy in and out, no chemistry.

use nightshift_core::Stamp;
use nightshift_core::StationId;
use nightshift_core::describe::{BatteryDescription, Robot, Site, StationKind};
use nightshift_core::frames::{Base, Map, Pose2};
use nightshift_core::robot::{Battery as Report, Twist};
use std::collections::BTreeMap;

/// What computers, lasers and a held arm draw, watts, and what driving at 1 m/s draws besides.
const STANDING_W: f64 = 140.0;
const DRIVING_W: f64 = 160.0;
/// A charger fills it in so long, hours, up to [`FULL`]; from there it only holds it.
const FILLS_IN_H: f64 = 1.5;
const FULL: f64 = 0.99;
/// Springs of the contacts bear the base so far from its docked pose, metres and radians.
const AHEAD_M: f64 = 0.006;
const ASIDE_M: f64 = 0.008;
const TURNED_RAD: f64 = 0.015;
/// It starts the night with so much.
const AT_START: f64 = 0.9;

/// The battery.
#[derive(Clone, Debug)]
pub struct Battery {
    /// Watt seconds.
    capacity_ws: f64,
    left_ws: f64,
    /// The charger whose contacts the base touches.
    touches: Option<StationId>,
    /// How often the base has come onto a charger's contacts.
    touched: BTreeMap<StationId, u32>,
    charging: bool,
}

impl Battery {
    /// As the night begins; none for a robot that tells nothing of its battery.
    pub fn new(robot: &Robot) -> Option<Self> {
        let BatteryDescription { capacity_wh, .. } = robot.battery?;
        let capacity_ws = 3600.0 * capacity_wh;
        Some(Self {
            capacity_ws,
            left_ws: AT_START * capacity_ws,
            touches: None,
            touched: BTreeMap::new(),
            charging: false,
        })
    }

    /// Share of a full charge.
    pub fn charge(&self) -> f64 {
        self.left_ws / self.capacity_ws
    }

    /// Has so much left, as a share of a full charge.
    pub fn set_charge(&mut self, charge: f64) {
        self.left_ws = charge * self.capacity_ws;
    }

    /// `dt` seconds pass with the base there. `unfit`: how many touches of a charger do not conduct.
    pub fn advance(
        &mut self,
        dt: f64,
        site: &Site,
        base: &Pose2<Map, Base>,
        velocity: &Twist,
        unfit: impl Fn(&StationId) -> u32,
    ) {
        let mut chargers = site.stations.iter().filter(|(_, station)| station.kind == StationKind::Charger);
        let touches = chargers.find(|(_, station)| {
            let off = (station.pose * station.dock.docked).iso.inv_mul(&base.iso);
            off.translation.x.abs() <= AHEAD_M
                && off.translation.y.abs() <= ASIDE_M
                && off.rotation.angle().abs() <= TURNED_RAD
        });
        let touches = touches.map(|(id, _)| id.clone());
        if let Some(id) = touches.as_ref().filter(|_| self.touches != touches) {
            *self.touched.entry(id.clone()).or_default() += 1;
        }
        self.charging =
            touches.as_ref().is_some_and(|id| self.touched.get(id).copied().unwrap_or(0) > unfit(id));
        self.touches = touches;
        let fed_w = match self.charging {
            true if self.charge() < FULL => self.capacity_ws / (3600.0 * FILLS_IN_H),
            true => STANDING_W,
            false => 0.0,
        };
        let drawn_w = STANDING_W + DRIVING_W * velocity.x.hypot(velocity.y);
        self.left_ws = (self.left_ws + (fed_w - drawn_w) * dt).clamp(0.0, self.capacity_ws);
    }

    /// What its electronics tells.
    pub fn report(&self, stamp: Stamp) -> Report {
        Report { stamp, charge: self.charge(), charging: self.charging }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    /// Stands, drives, and charges: the energy that each takes or brings.
    #[test]
    fn it_empties_and_fills_by_what_flows() {
        let (site, robot) = (testing::site(), testing::robot());
        let mut battery = Battery::new(&robot).unwrap();
        let charger = site.stations.values().find(|station| station.kind == StationKind::Charger).unwrap();
        let docked = charger.pose * charger.dock.docked;
        let run = |battery: &mut Battery, base: &Pose2<Map, Base>, x: f64, unfit: u32| {
            let before = battery.charge();
            let velocity = Twist { x, y: 0.0, yaw: 0.0 };
            (0..360).for_each(|_| battery.advance(1.0, &site, base, &velocity, |_| unfit));
            (battery.charge() - before) * 1400.0
        };
        // A tenth of an hour of each.
        assert!((run(&mut battery, &site.start, 0.0, 0) + 14.0).abs() < 0.1);
        assert!((run(&mut battery, &site.start, 0.5, 0) + 22.0).abs() < 0.1);
        assert!(!battery.report(Stamp::ZERO).charging);
        let fed = run(&mut battery, &docked, 0.0, 0);
        assert!(battery.report(Stamp::ZERO).charging && (fed - (140.0 / 1.5 - 14.0)).abs() < 0.1, "{fed}");
        // Out and in again, on contacts that want three touches.
        battery = Battery::new(&robot).unwrap();
        for touch in 1..=3 {
            run(&mut battery, &docked, 0.0, 2);
            assert_eq!(battery.report(Stamp::ZERO).charging, touch == 3);
            run(&mut battery, &(docked * Pose2::new(-0.02, 0.0, 0.0)), 0.0, 2);
        }
        let aside = docked * Pose2::new(0.0, 0.01, 0.0);
        run(&mut battery, &aside, 0.0, 0);
        assert!(!battery.report(Stamp::ZERO).charging);
    }
}
