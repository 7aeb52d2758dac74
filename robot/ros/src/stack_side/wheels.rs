//! The wheels, and the gate before them: on the node's own thread, so that a stack that is busy holds up no stop.

use super::Shared;
use crate::convert::sensors;
use crate::error::RosError;
use crate::node::Writer;
use crate::{names, qos};
use nightshift_core::robot::{Gate, LaserScan, Odometry, Twist};
use r2r::Node;
use r2r::geometry_msgs::msg;
use std::sync::Arc;

/// `/cmd_vel` behind its gate.
pub struct Wheels {
    gate: Box<dyn Gate>,
    cmd_vel: Writer<msg::Twist>,
    shared: Arc<Shared>,
}

impl Wheels {
    /// Announces the topic.
    pub fn open(node: &mut Node, gate: Box<dyn Gate>, shared: Arc<Shared>) -> Result<Self, RosError> {
        Ok(Self { gate, cmd_vel: Writer::open(node, names::CMD_VEL, qos::newest())?, shared })
    }

    /// Passes on what the gate lets through.
    pub fn drive(&mut self, wanted: Twist) {
        let passed = self.gate.command(self.shared.clock.now(), wanted);
        self.tell(passed);
    }

    /// Takes dead reckoning.
    pub fn odometry(&mut self, odometry: &Odometry) {
        self.gate.odometry(odometry);
    }

    /// Takes a scan, and slows or stops the wheels where they may not go on so.
    pub fn scan(&mut self, scan: &LaserScan) {
        if let Some(passed) = self.gate.scan(self.shared.clock.now(), scan) {
            self.tell(passed);
        }
    }

    fn tell(&self, twist: Twist) {
        self.cmd_vel.write(&sensors::to_twist(&twist), &self.shared.health);
    }
}
