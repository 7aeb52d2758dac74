//! What the stack reads from topics.

use super::presence::{ARM_JOINTS, FINGER_JOINTS};
use super::wheels::Wheels;
use super::{Shared, StackSideInput};
use crate::convert::{BadMessage, battery, camera, from_time, maps, sensors};
use crate::error::RosError;
use crate::node::{Arrivals, next, subscribe};
use crate::{names, qos};
use nightshift_core::Stamp;
use nightshift_core::describe::Robot;
use nightshift_core::robot::{GripperState, RobotEvent};
use r2r::Node;
use r2r::geometry_msgs::msg::{PoseStamped, PoseWithCovarianceStamped, WrenchStamped};
use r2r::nav_msgs::msg::Odometry;
use r2r::rosgraph_msgs::msg::Clock;
use r2r::sensor_msgs::msg::{BatteryState, CameraInfo, Image, JointState, LaserScan};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// The stack's readers.
pub struct Sensors {
    clock: Arrivals<Clock>,
    /// By name, and how long a turn takes by the description.
    scans: Vec<(String, Duration, Arrivals<LaserScan>)>,
    odometry: Arrivals<Odometry>,
    joint_states: Arrivals<JointState>,
    wrench: Arrivals<WrenchStamped>,
    battery: Arrivals<BatteryState>,
    color: Arrivals<Image>,
    depth: Arrivals<Image>,
    camera_info: Arrivals<CameraInfo>,
    initial_pose: Arrivals<PoseWithCovarianceStamped>,
    goal_pose: Arrivals<PoseStamped>,
    flange: String,
    arm_names: Vec<String>,
    finger_names: [String; 2],
    assembler: camera::Assembler,
    gripper_state: Option<GripperState>,
    intake: Intake,
}

/// Where a sensor's values go, and what was the last of each.
struct Intake {
    last: BTreeMap<String, Stamp>,
    shared: Arc<Shared>,
}

impl Sensors {
    /// Subscribes.
    pub fn open(node: &mut Node, robot: &Robot, shared: Arc<Shared>) -> Result<Self, RosError> {
        let mut scans = Vec::new();
        for (name, scanner) in &robot.scanners {
            let arrivals = subscribe(node, &names::scan(name), qos::sensor_reader())?;
            scans.push((name.clone(), scanner.sweep(), arrivals));
        }
        Ok(Self {
            clock: subscribe(node, names::CLOCK, qos::clock_reader())?,
            scans,
            odometry: subscribe(node, names::ODOMETRY, qos::sensor_reader())?,
            joint_states: subscribe(node, names::JOINT_STATES, qos::sensor_reader())?,
            wrench: subscribe(node, names::WRENCH, qos::sensor_reader())?,
            battery: subscribe(node, names::BATTERY, qos::sensor_reader())?,
            color: subscribe(node, names::COLOR, qos::sensor_reader())?,
            depth: subscribe(node, names::DEPTH, qos::sensor_reader())?,
            camera_info: subscribe(node, names::CAMERA_INFO, qos::sensor_reader())?,
            initial_pose: subscribe(node, names::INITIAL_POSE, qos::newest())?,
            goal_pose: subscribe(node, names::GOAL_POSE, qos::newest())?,
            flange: robot.arm.flange_link.clone(),
            arm_names: robot.arm.joints.clone(),
            finger_names: robot.gripper.joints.clone(),
            assembler: camera::Assembler::default(),
            gripper_state: None,
            intake: Intake { last: BTreeMap::new(), shared },
        })
    }

    /// How the gripper stood last.
    pub fn gripper_state(&self) -> Option<GripperState> {
        self.gripper_state
    }

    /// Takes what has arrived; the gate before the wheels hears of it first.
    pub fn poll(&mut self, wheels: &mut Wheels) {
        let intake = &mut self.intake;
        while let Some(message) = next(&mut self.clock) {
            intake.clock(&message);
        }
        while let Some(message) = next(&mut self.odometry) {
            let odometry = sensors::from_odometry(&message);
            if let Ok(odometry) = &odometry {
                wheels.odometry(odometry);
            }
            let event = odometry.map(|odometry| (odometry.stamp, RobotEvent::Odometry(odometry)));
            intake.sensor(names::ODOMETRY, names::ODOMETRY, event);
        }
        for (name, sweep, scans) in &mut self.scans {
            while let Some(message) = next(scans) {
                let topic = names::scan(name);
                let scan = sensors::from_scan(&message, name, *sweep);
                if let Ok(scan) = &scan {
                    wheels.scan(scan);
                }
                let scan = scan.map(|scan| (scan.stamp, RobotEvent::Scan(scan)));
                intake.sensor(&topic, &topic, scan);
            }
        }
        while let Some(message) = next(&mut self.joint_states) {
            let arm = sensors::from_arm_state(&message, &self.arm_names);
            if let Some(arm) = arm.transpose() {
                let event = arm.map(|state| (state.stamp, RobotEvent::Joints(state)));
                intake.sensor(names::JOINT_STATES, ARM_JOINTS, event);
            }
            let fingers = sensors::from_finger_state(&message, &self.finger_names);
            if let Some(fingers) = fingers.transpose() {
                self.gripper_state = fingers.as_ref().ok().copied().or(self.gripper_state);
                let event = fingers.map(|state| (state.stamp, RobotEvent::Gripper(state)));
                intake.sensor(names::JOINT_STATES, FINGER_JOINTS, event);
            }
        }
        while let Some(message) = next(&mut self.wrench) {
            let wrench = sensors::from_wrench(&message, &self.flange);
            let event = wrench.map(|wrench| (wrench.stamp, RobotEvent::Wrist(wrench)));
            intake.sensor(names::WRENCH, names::WRENCH, event);
        }
        while let Some(message) = next(&mut self.battery) {
            let battery = battery::from_battery(&message);
            let event = battery.map(|battery| (battery.stamp, RobotEvent::Battery(battery)));
            intake.sensor(names::BATTERY, names::BATTERY, event);
        }
        while let Some(message) = next(&mut self.initial_pose) {
            let pose = maps::from_initial_pose(&message);
            intake.word(names::INITIAL_POSE, pose.map(StackSideInput::InitialPose));
        }
        while let Some(message) = next(&mut self.goal_pose) {
            let pose = maps::from_goal_pose(&message);
            intake.word(names::GOAL_POSE, pose.map(StackSideInput::GoalPose));
        }
        self.poll_camera();
    }

    fn poll_camera(&mut self) {
        let (intake, assembler) = (&mut self.intake, &mut self.assembler);
        while let Some(message) = next(&mut self.camera_info) {
            let intrinsics = intake.readable(names::CAMERA_INFO, camera::from_camera_info(&message));
            intake.frame(intrinsics.and_then(|intrinsics| assembler.intrinsics(intrinsics)));
        }
        while let Some(message) = next(&mut self.color) {
            let color = intake.readable(names::COLOR, camera::from_color(&message));
            intake.frame(color.and_then(|(stamp, image)| assembler.color(stamp, image)));
        }
        while let Some(message) = next(&mut self.depth) {
            let depth = intake.readable(names::DEPTH, camera::from_depth(&message));
            intake.frame(depth.and_then(|(stamp, image)| assembler.depth(stamp, image)));
        }
    }
}

impl Intake {
    fn clock(&mut self, message: &Clock) {
        let Some(stamp) = self.readable(names::CLOCK, from_time(&message.clock)) else { return };
        if self.shared.clock.tell(stamp) {
            self.latest(names::CLOCK, names::CLOCK, StackSideInput::Clock(stamp));
        } else {
            self.shared.health.note(names::CLOCK, |health| health.out_of_order += 1);
        }
    }

    /// A value of a sensor, told about under `topic`, kept in the slot of that name.
    fn sensor(&mut self, topic: &str, slot: &str, event: Result<(Stamp, RobotEvent), BadMessage>) {
        let Some((stamp, event)) = self.readable(topic, event) else { return };
        if self.last.get(slot).is_some_and(|last| stamp <= *last) {
            self.shared.health.note(topic, |health| health.out_of_order += 1);
            return;
        }
        self.last.insert(slot.to_owned(), stamp);
        self.shared.presence.seen(slot);
        self.latest(topic, slot, StackSideInput::Robot(event));
    }

    /// A person's word. One that cannot be read is told of, too: somebody waits for what comes of it.
    fn word(&self, topic: &'static str, word: Result<StackSideInput, BadMessage>) {
        let unreadable = word.as_ref().err().map(|bad| bad.0.clone());
        let word = self.readable(topic, word);
        let word = word.or(unreadable.map(|reason| StackSideInput::Unreadable { topic, reason }));
        if let Some(word) = word
            && self.shared.inbox.put(word).is_err()
        {
            self.shared.health.unsent(topic, "the stack's inbox is full");
        }
    }

    fn latest(&self, topic: &str, slot: &str, input: StackSideInput) {
        if self.shared.inbox.put_latest(slot, input) {
            self.shared.health.note(topic, |health| health.replaced += 1);
        }
    }

    fn frame(&self, frame: Option<nightshift_core::image::Frame>) {
        if let Some(frame) = frame {
            self.shared.frames.put(frame);
        }
    }

    /// Counts a message, and gives it where it can be read.
    fn readable<V>(&self, topic: &str, value: Result<V, BadMessage>) -> Option<V> {
        self.shared.health.note(topic, |health| health.received += 1);
        value.map_err(|problem| self.shared.health.malformed(topic, problem)).ok()
    }
}
