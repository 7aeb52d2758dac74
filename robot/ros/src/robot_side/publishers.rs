//! What the robot writes to topics.

use crate::convert::{battery, sensors, text, to_time, to_transform};
use crate::error::RosError;
use crate::health::HealthBook;
use crate::node::Writer;
use crate::{frames, names, qos};
use nightshift_core::Stamp;
use nightshift_core::describe::{Joint, JointKind, Robot, ScannerDescription};
use nightshift_core::robot::{Battery, GripperState, Inertial, JointState, LaserScan, Odometry, Wrench};
use r2r::geometry_msgs::msg::TransformStamped;
use r2r::sensor_msgs::msg::{CameraInfo, Image};
use r2r::tf2_msgs::msg::TFMessage;
use r2r::{Node, geometry_msgs, nav_msgs, rosgraph_msgs, sensor_msgs, std_msgs};
use std::collections::BTreeMap;
use std::sync::Arc;

/// One exposure.
pub struct FrameMessages {
    /// Colour.
    pub color: Image,
    /// Depth.
    pub depth: Image,
    /// The model of both.
    pub info: CameraInfo,
}

/// The robot's writers.
pub struct Publishers {
    clock: Writer<rosgraph_msgs::msg::Clock>,
    scans: BTreeMap<String, (ScannerDescription, Writer<sensor_msgs::msg::LaserScan>)>,
    odometry: Writer<nav_msgs::msg::Odometry>,
    joint_states: Writer<sensor_msgs::msg::JointState>,
    wrench: Writer<geometry_msgs::msg::WrenchStamped>,
    imu: Writer<sensor_msgs::msg::Imu>,
    battery: Writer<sensor_msgs::msg::BatteryState>,
    color: Writer<Image>,
    depth: Writer<Image>,
    camera_info: Writer<CameraInfo>,
    tf: Writer<TFMessage>,
    truth: Writer<std_msgs::msg::String>,
    flange: String,
    arm_names: Vec<String>,
    finger_names: [String; 2],
    joints: Vec<Joint>,
    health: Arc<HealthBook>,
    // Held, so that those who come later get what was said once.
    _tf_static: Writer<TFMessage>,
}

impl Publishers {
    /// Announces all topics and says what does not change. `/clock` comes first: whoever sees a sensor has seen by
    /// then whether time is simulated.
    pub fn open(node: &mut Node, robot: &Robot, health: Arc<HealthBook>) -> Result<Self, RosError> {
        let clock = Writer::open(node, names::CLOCK, qos::clock_writer())?;
        let mut scans = BTreeMap::new();
        for (name, scanner) in &robot.scanners {
            let writer = Writer::open(node, &names::scan(name), qos::sensor_writer())?;
            scans.insert(name.clone(), (scanner.clone(), writer));
        }
        let tf_static = Writer::open(node, names::TF_STATIC, qos::latched())?;
        tf_static.write(&TFMessage { transforms: mounts(robot) }, &health);
        Ok(Self {
            clock,
            scans,
            odometry: Writer::open(node, names::ODOMETRY, qos::sensor_writer())?,
            joint_states: Writer::open(node, names::JOINT_STATES, qos::sensor_writer())?,
            wrench: Writer::open(node, names::WRENCH, qos::sensor_writer())?,
            imu: Writer::open(node, names::IMU, qos::sensor_writer())?,
            battery: Writer::open(node, names::BATTERY, qos::sensor_writer())?,
            color: Writer::open(node, names::COLOR, qos::sensor_writer())?,
            depth: Writer::open(node, names::DEPTH, qos::sensor_writer())?,
            camera_info: Writer::open(node, names::CAMERA_INFO, qos::sensor_writer())?,
            tf: Writer::open(node, names::TF, qos::tf())?,
            truth: Writer::open(node, names::TRUTH, qos::newest())?,
            flange: robot.arm.flange_link.clone(),
            arm_names: robot.arm.joints.clone(),
            finger_names: robot.gripper.joints.clone(),
            joints: robot.model.joints.clone(),
            health,
            _tf_static: tf_static,
        })
    }

    /// Simulated time.
    pub fn clock(&self, stamp: Stamp) {
        self.clock.write(&rosgraph_msgs::msg::Clock { clock: to_time(stamp) }, &self.health);
    }

    /// A scan of one of the scanners of the description.
    pub fn scan(&self, scan: &LaserScan) {
        match self.scans.get(&scan.scanner) {
            Some((scanner, writer)) => writer.write(&sensors::to_scan(scan, scanner), &self.health),
            None => self.health.unsent(&names::scan(&scan.scanner), "the robot has no such scanner"),
        }
    }

    /// Dead reckoning, and its transform.
    pub fn odometry(&self, odometry: &Odometry) {
        self.odometry.write(&sensors::to_odometry(odometry), &self.health);
        let iso = odometry.odom_from_base.spatial().iso;
        self.transforms(vec![to_transform(odometry.stamp, frames::ODOM, frames::BASE, &iso)]);
    }

    /// The arm's joints, and its links' transforms.
    pub fn joints(&self, state: &JointState) {
        match sensors::to_arm_state(state, &self.arm_names) {
            Ok(message) => {
                self.joint_states.write(&message, &self.health);
                let positions = state.positions.iter().copied();
                self.transforms(self.links(state.stamp, self.arm_names.iter().zip(positions)));
            }
            Err(problem) => self.health.unsent(names::JOINT_STATES, problem),
        }
    }

    /// The fingers, and their transforms.
    pub fn gripper(&self, state: &GripperState) {
        self.joint_states.write(&sensors::to_finger_state(state, &self.finger_names), &self.health);
        let fingers = self.finger_names.iter().map(|name| (name, state.opening_m / 2.0));
        self.transforms(self.links(state.stamp, fingers));
    }

    /// The wrist's force and torque.
    pub fn wrench(&self, wrench: &Wrench) {
        self.wrench.write(&sensors::to_wrench(wrench, &self.flange), &self.health);
    }

    /// The base's inertial unit.
    pub fn inertial(&self, inertial: &Inertial) {
        self.imu.write(&sensors::to_imu(inertial), &self.health);
    }

    /// The battery.
    pub fn battery(&self, battery: &Battery) {
        self.battery.write(&battery::to_battery(battery), &self.health);
    }

    /// One exposure.
    pub fn frame(&self, frame: &FrameMessages) {
        self.camera_info.write(&frame.info, &self.health);
        self.color.write(&frame.color, &self.health);
        self.depth.write(&frame.depth, &self.health);
    }

    /// The simulator's truth.
    pub fn truth(&self, json: &str) {
        self.truth.write(&std_msgs::msg::String { data: text(json) }, &self.health);
    }

    fn links<'a>(
        &self,
        stamp: Stamp,
        positions: impl Iterator<Item = (&'a String, f64)>,
    ) -> Vec<TransformStamped> {
        positions
            .filter_map(|(name, position)| {
                let joint = self.joints.iter().find(|joint| joint.name == *name)?;
                let iso = joint.parent_from_child_at(position);
                Some(to_transform(stamp, &joint.parent, &joint.child, &iso))
            })
            .collect()
    }

    fn transforms(&self, transforms: Vec<TransformStamped>) {
        self.tf.write(&TFMessage { transforms }, &self.health);
    }
}

/// What is bolted on: scanners, the camera, links on fixed joints.
fn mounts(robot: &Robot) -> Vec<TransformStamped> {
    let fixed = robot.model.joints.iter().filter(|joint| joint.kind == JointKind::Fixed);
    let links = fixed.map(|joint| {
        to_transform(Stamp::ZERO, &joint.parent, &joint.child, &joint.parent_from_child_at(0.0))
    });
    let scanners = robot.scanners.iter().map(|(name, scanner)| {
        to_transform(Stamp::ZERO, frames::BASE, &frames::laser(name), &scanner.pose.iso)
    });
    let camera = to_transform(Stamp::ZERO, &robot.arm.flange_link, frames::CAMERA, &robot.camera.pose.iso);
    links.chain(scanners).chain([camera]).collect()
}
