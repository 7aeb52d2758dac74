//! The wrist's force sensor: the weight of what is held, and what its seat pushes back with.

use super::{Due, Lab, Truth};
use nightshift_core::Stamp;
use nightshift_core::robot::{RobotEvent, Wrench};
use nightshift_skills::SkillInput;
use std::time::Duration;

const PERIOD: Duration = Duration::from_millis(10);
/// Of a seat, N/m.
const STIFFNESS: f64 = 20e3;

impl Lab {
    /// With a sensor in its wrist.
    pub fn with_wrist(mut self) -> Self {
        self.timeline.push(self.now, Due::Wrist);
        self
    }

    /// When the wrist has fallen silent last.
    pub fn silent_since(&self) -> Stamp {
        self.silent.0
    }

    pub(super) fn wrist_falls_silent(&mut self) {
        let due = self.motions.is_multiple_of(3) && self.motions >= self.faults.wrist_gap_from;
        let Some(gap_ms) = self.faults.wrist_gap_ms.filter(|_| due) else {
            return;
        };
        if self.now >= self.silent.1 {
            let from = self.now + Duration::from_millis(300);
            self.silent = (from, from + Duration::from_millis(gap_ms));
        }
    }

    pub(super) fn wrist_tells(&mut self) {
        self.timeline.push(self.now + PERIOD, Due::Wrist);
        if self.now >= self.silent.0 && self.now < self.silent.1 {
            return;
        }
        let along_n = self.weight_n() - self.push_n();
        let force_n = self.robot.gripper.tool.z_axis() * along_n + self.knob_pulls_n();
        let wrench = Wrench { stamp: self.now, force_n: force_n.into(), torque_nm: [0.0; 3] };
        self.feed(SkillInput::Robot(RobotEvent::Wrist(wrench)));
    }

    fn holds(&self) -> bool {
        self.vials.values().any(|vial| vial.at == Truth::Held)
    }

    fn weight_n(&self) -> f64 {
        let vial = self.site.catalogue.vials.values().next().unwrap();
        if self.holds() { 1.2 * vial.empty_kg() * 9.81 } else { 0.0 }
    }

    /// What is held lower than its seat is pushed back.
    fn push_n(&self) -> f64 {
        if !self.holds() {
            return 0.0;
        }
        let base_from_tool = self.arm.base_from_tool(&self.joints());
        let height_m = self.site.catalogue.vials.values().next().unwrap().grasp.height_m;
        let depths = self.all_slots().into_iter().filter_map(|address| {
            let tool = (self.base_from_slot(&address)?.inverse() * base_from_tool).translation();
            let within = tool.xy().norm() < 0.004 && (tool.z - height_m).abs() < 0.01;
            within.then(|| (height_m - tool.z).max(0.0))
        });
        STIFFNESS * depths.fold(0.0, f64::max)
    }
}
