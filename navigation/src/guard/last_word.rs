//! The guard once more, beside the wheels: what a stack that is busy told last is held against every new scan.

use super::Guard;
use crate::footprint::Footprint;
use nightshift_core::describe::Robot;
use nightshift_core::robot::{DRIVE_HOLDS, Gate, LaserScan, Odometry, Twist};
use nightshift_core::time::Stamp;

/// The navigator's own guard keeps more, but at a station's shapes, which nobody tells apart here, metres.
pub const LAST_MARGIN_M: f64 = 0.02;

/// A guard that needs nobody: no map, no station, no task.
pub struct LastWord {
    pub(super) guard: Guard,
    /// Until when the wheels go by the last command.
    holds: Stamp,
}

impl LastWord {
    /// For a robot.
    pub fn new(robot: &Robot) -> Self {
        let footprint = Footprint::new(&robot.base.footprint_m);
        let (speed, brake) = (robot.base.max_speed, robot.base.max_acceleration);
        Self::of(Guard::new(footprint, speed, brake, robot.scanners.clone()))
    }

    pub(super) fn of(guard: Guard) -> Self {
        Self { guard, holds: Stamp::ZERO }
    }
}

impl Gate for LastWord {
    fn odometry(&mut self, odometry: &Odometry) {
        self.guard.odometry(odometry);
    }

    fn scan(&mut self, now: Stamp, scan: &LaserScan) -> Option<Twist> {
        if now >= self.holds {
            // The base stands by itself: another word, however slow, would let it go on.
            self.guard.stand();
        }
        self.guard.scan(now, scan, |_| LAST_MARGIN_M).map(|verdict| verdict.twist)
    }

    fn command(&mut self, now: Stamp, wanted: Twist) -> Twist {
        self.holds = now + DRIVE_HOLDS;
        self.guard.allow(now, wanted, |_| LAST_MARGIN_M).twist
    }
}
