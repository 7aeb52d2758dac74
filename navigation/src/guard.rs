//! The last word before the wheels: no command passes that would bring the outline to anything the scanners see.
//!
//! It knows nothing of maps, paths and goals, and keeps its own senses. It takes the outline along the commanded
//! velocity and lets through that share of the command from which the base can still stop in time (it stops, or
//! comes up slowly); near anything it goes slower anyway; without fresh scans of every scanner it stands. It is
//! asked at every command and speaks up by itself at every scan.

mod last_word;
mod way;

pub use last_word::{LAST_MARGIN_M, LastWord};
pub use way::scaled;
#[cfg(test)]
pub use way::travelled;

use crate::footprint::Footprint;
use crate::senses::Senses;
use nalgebra::Point2;
use nightshift_core::describe::ScannerDescription;
use nightshift_core::robot::{LaserScan, Odometry, Twist};
use nightshift_core::time::Stamp;
use std::collections::BTreeMap;
use way::{Obstacle, distances, safe_among, slow_share};

/// Kept clear of everything, metres.
pub const MARGIN_M: f64 = 0.05;
/// A sensor that is silent for so long stops the base, seconds.
const STALE_S: f64 = 0.4;

/// Why less than a command was let through.
#[derive(Clone, Debug, PartialEq)]
pub enum Reason {
    /// The command passed whole.
    Clear,
    /// Something is near.
    Slow,
    /// Something is ahead; the base can still stop before it.
    Approach,
    /// Something is too near to go on so.
    Stop,
    /// A sensor has said nothing of use for too long.
    Stale(String),
}

/// What the guard lets through.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// For the wheels.
    pub twist: Twist,
    /// Why it is not the command.
    pub reason: Reason,
}

/// The guard of one base.
pub struct Guard {
    footprint: Footprint,
    speed: Twist,
    deceleration: Twist,
    senses: Senses,
    /// What was let through last.
    last: Twist,
}

impl Guard {
    /// For a base with these scanners that brakes with `deceleration`.
    pub fn new(
        footprint: Footprint,
        speed: Twist,
        deceleration: Twist,
        scanners: BTreeMap<String, ScannerDescription>,
    ) -> Self {
        Self { footprint, speed, deceleration, senses: Senses::new(scanners), last: Twist::STOP }
    }

    /// Takes dead reckoning.
    pub fn odometry(&mut self, odometry: &Odometry) {
        self.senses.odometry(odometry);
    }

    /// Takes a scan. Some where what is being driven may not go on as it is.
    pub fn scan(
        &mut self,
        now: Stamp,
        scan: &LaserScan,
        margin_m: impl Fn(&Point2<f64>) -> f64,
    ) -> Option<Verdict> {
        self.senses.scan(scan);
        if self.last == Twist::STOP {
            return None;
        }
        let driven = self.last;
        Some(self.allow(now, driven, margin_m)).filter(|verdict| verdict.twist != driven)
    }

    /// The base is told to stand: nothing is being driven.
    pub fn stand(&mut self) {
        self.last = Twist::STOP;
    }

    /// What of a command reaches the wheels. `margin_m`: how near the outline may come to a point (base frame).
    pub fn allow(&mut self, now: Stamp, command: Twist, margin_m: impl Fn(&Point2<f64>) -> f64) -> Verdict {
        let verdict = self.judge(now, command, margin_m);
        self.last = verdict.twist;
        verdict
    }

    fn judge(&self, now: Stamp, command: Twist, margin_m: impl Fn(&Point2<f64>) -> f64) -> Verdict {
        let (sensor, silent_s) = self.senses.silence(now, Stamp::ZERO);
        let odom_from_base = self.senses.odom_from_base(now);
        let Some(odom_from_base) = odom_from_base.filter(|_| silent_s <= STALE_S) else {
            return Verdict { twist: Twist::STOP, reason: Reason::Stale(sensor.to_owned()) };
        };
        let obstacles: Vec<Obstacle> = self
            .senses
            .points(&odom_from_base)
            .into_iter()
            .map(|point| Obstacle { point, margin_m: margin_m(&point) })
            .collect();
        let distances = distances(&self.footprint, &obstacles);
        let safe = safe_among(&self.footprint, command, self.deceleration, &obstacles, &distances);
        let slow = slow_share(command, self.speed, &distances);
        let reason = if safe == 0.0 {
            Reason::Stop
        } else if safe < slow {
            Reason::Approach
        } else if slow < 1.0 {
            Reason::Slow
        } else {
            Reason::Clear
        };
        Verdict { twist: scaled(command, safe.min(slow)), reason }
    }
}

#[cfg(test)]
mod tests;
