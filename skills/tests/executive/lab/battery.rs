//! The battery: a percent a second at a charger, and nothing lost elsewhere.

use super::{BaseAt, Due, Lab};
use nightshift_core::robot::{Battery, RobotEvent};
use nightshift_skills::SkillInput;
use std::time::Duration;

impl Lab {
    /// With a battery that has so much, and tells.
    pub fn with_battery(mut self, charge: f64) -> Self {
        self.battery = charge;
        self.timeline.push(self.now, Due::Battery);
        self
    }

    pub(super) fn battery_tells(&mut self) {
        self.timeline.push(self.now + Duration::from_secs(1), Due::Battery);
        let dead = self.faults.charger_dead_at.is_some_and(|at| self.battery >= at);
        let charging = self.base == BaseAt::Docked("charger".into()) && !dead;
        self.battery = (self.battery + if charging { 0.01 } else { 0.0 }).min(1.0);
        let battery = Battery { stamp: self.now, charge: self.battery, charging };
        self.feed(SkillInput::Robot(RobotEvent::Battery(battery)));
    }
}
