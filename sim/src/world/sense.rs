//! What the sensors measure, and what of it is heard when.

use super::World;
use crate::channel::{Channel, Lateness, Stamped};
use crate::faults::{ActiveFaults, Component, What, spoil};
use crate::layout::JointIndex;
use crate::odometry::WheelFaults;
use crate::traced::Tracer;
use nalgebra::{Isometry3, UnitQuaternion, Vector3};
use nightshift_core::Stamp;
use nightshift_core::describe::Robot;
use nightshift_core::image::{Frame, Intrinsics};
use nightshift_core::random::{Seed, Stream};
use nightshift_core::robot::{GripperState, JointState, RobotEvent};
use rand_distr::{Distribution, StandardNormal};
use std::time::Duration;

/// Steps between two odometry reports: 50 Hz.
const WHEEL_STEPS: u64 = 10;
/// Steps between two reports of the joints, of the gripper, of the wrist and of the inertial unit: 100 Hz.
const JOINT_STEPS: u64 = 5;
/// A second.
const BATTERY_STEPS: u64 = 500;
/// Standard deviation of a joint encoder, rad.
const ENCODER_SIGMA: f64 = 1e-5;
/// Standard deviation of a joint's rate, rad/s.
const RATE_SIGMA: f64 = 1e-4;
/// Standard deviation of a drive's torque, N m.
const EFFORT_SIGMA: f64 = 0.05;
/// Standard deviation of the gripper's force, N.
pub const FORCE_SIGMA: f64 = 0.05;
/// From the end of a laser's turn until its scan is told, over a bus.
const SCAN: Lateness = lateness(6, 8);
/// From a measurement until it is told, over a field bus with a cycle of a few milliseconds.
const ODOMETRY: Lateness = lateness(2, 6);
const JOINTS: Lateness = lateness(2, 2);
const GRIPPER: Lateness = lateness(4, 8);
/// From the shutter until the picture is there: whoever takes pictures has his own time for exposure and transport.
const CAMERA: Lateness = lateness(0, 20);

const fn lateness(latency_ms: u64, jitter_ms: u64) -> Lateness {
    Lateness { latency: Duration::from_millis(latency_ms), jitter: Duration::from_millis(jitter_ms) }
}

/// How pictures are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Eyesight {
    /// Plain shapes and simple rules for glass: fast enough to stream.
    #[default]
    Fast,
    /// Every ray traced, with refraction, lamps and the depth camera's own two eyes.
    Traced,
}

/// A picture on its way to whoever asked for it.
#[derive(Clone, Debug)]
pub struct Shot {
    /// How long after the shutter it arrives.
    pub after: Duration,
    /// The picture.
    pub frame: Frame,
}

/// The ways of all sensors' messages.
#[derive(Clone, Debug)]
pub struct Channels {
    /// In the order of the robot's description.
    scanners: Vec<(String, Channel<RobotEvent>)>,
    odometry: Channel<RobotEvent>,
    joints: Channel<RobotEvent>,
    gripper: Channel<RobotEvent>,
    wrist: Channel<RobotEvent>,
    inertial: Channel<RobotEvent>,
    battery: Channel<RobotEvent>,
    camera: Channel<Frame>,
    /// For what faults add to measurements.
    spoil: Stream,
}

impl Channels {
    /// Nothing is underway.
    pub fn new(robot: &Robot, seed: Seed) -> Self {
        let scanner = |name: &String| (name.clone(), Channel::new(&format!("scanner/{name}"), SCAN, seed));
        Self {
            scanners: robot.scanners.keys().map(scanner).collect(),
            odometry: Channel::new("odometry", ODOMETRY, seed),
            joints: Channel::new("joints", JOINTS, seed),
            gripper: Channel::new("gripper", GRIPPER, seed),
            wrist: Channel::new("wrist", JOINTS, seed),
            inertial: Channel::new("inertial", JOINTS, seed),
            battery: Channel::new("battery", GRIPPER, seed),
            camera: Channel::new("camera", CAMERA, seed),
            spoil: seed.stream("spoil"),
        }
    }

    /// Whether a scan is underway.
    #[cfg(test)]
    pub fn brings_a_scan(&self) -> bool {
        self.scanners.iter().any(|(_, channel)| channel.next_due().is_some())
    }

    /// Loses the scans that are underway.
    #[cfg(test)]
    pub fn drop_scans(&mut self) {
        for (_, channel) in &mut self.scanners {
            while channel.next_due().and_then(|due| channel.receive(due)).is_some() {}
        }
    }

    fn send(&mut self, now: Stamp, event: RobotEvent, faults: &ActiveFaults) {
        let (channel, component) = match &event {
            RobotEvent::Scan(scan) => {
                let (name, channel) = self
                    .scanners
                    .iter_mut()
                    .find(|(name, _)| *name == scan.scanner)
                    .expect("a scanner of the description");
                return channel.send(now, event, faults.of(Component::Scanner, name));
            }
            RobotEvent::Odometry(_) => (&mut self.odometry, Component::Odometry),
            RobotEvent::Joints(_) => (&mut self.joints, Component::Joints),
            RobotEvent::Gripper(_) => (&mut self.gripper, Component::Gripper),
            RobotEvent::Wrist(_) => return self.wrist.send(now, event, std::iter::empty()),
            RobotEvent::Inertial(_) => return self.inertial.send(now, event, std::iter::empty()),
            RobotEvent::Battery(_) => return self.battery.send(now, event, std::iter::empty()),
            RobotEvent::ArmDone { .. } | RobotEvent::GripperDone { .. } => {
                unreachable!("the end of a motion is no measurement")
            }
        };
        channel.send(now, event, faults.of(component, ""));
    }

    fn receive(&mut self, now: Stamp) -> Vec<RobotEvent> {
        let Self { scanners, odometry, joints, gripper, wrist, inertial, battery, .. } = self;
        let others = [odometry, joints, gripper, wrist, inertial, battery];
        let channels = scanners.iter_mut().map(|(_, channel)| channel).chain(others);
        channels.flat_map(|channel| std::iter::from_fn(|| channel.receive(now))).collect()
    }
}

impl World {
    pub(super) fn take_scans(&mut self, now: Stamp) {
        let step_s = Self::STEP.as_secs_f64();
        let count = self.scanners.len() as u64;
        for index in 0..self.scanners.len() {
            let name = self.scanners[index].name().to_owned();
            let period = ((1.0 / (self.robot.scanners[&name].rate_hz * step_s)).round() as u64).max(1);
            // The scanners take turns.
            if self.steps % period != period * index as u64 / count {
                continue;
            }
            let poses = self.prim_poses();
            let knocked = self.active.on(What::ScannerKnocked, &name);
            let turned = knocked.map_or(0.0, |fault| fault.number("yaw"));
            let taken = self.scanners[index].take(now, &self.track, turned, &self.scene.prims, &poses);
            let Some(mut scan) = taken else { continue };
            let faults = self.active.of(Component::Scanner, &name);
            spoil::scan(&mut scan, &self.robot.scanners[&name], faults, &mut self.channels.spoil);
            self.send(now, RobotEvent::Scan(scan));
        }
    }

    /// Measures what is due, and hands out what is heard.
    pub(super) fn tell(&mut self, now: Stamp) -> Vec<RobotEvent> {
        let steps = self.steps;
        if steps.is_multiple_of(WHEEL_STEPS) {
            let mut wrong = WheelFaults::default();
            for fault in self.active.of(Component::Odometry, "") {
                match fault.what() {
                    What::OdometryScale => wrong.scale = fault.number("by"),
                    What::OdometryVeer => wrong.veer_per_m = fault.number("by"),
                    What::OdometryNoise => wrong.noise = fault.number("sigma"),
                    _ => {}
                }
            }
            let odometry = self.wheels.report(now, wrong);
            self.send(now, RobotEvent::Odometry(odometry));
        }
        if steps.is_multiple_of(JOINT_STEPS) {
            let (mut positions, mut velocities) = self.joints(&self.layout.arm);
            for (position, rate) in positions.iter_mut().zip(&mut velocities) {
                *position += ENCODER_SIGMA * noise(&mut self.encoders);
                *rate += RATE_SIGMA * noise(&mut self.encoders);
            }
            let (driven, borne) = (self.data.qfrc_actuator(), self.data.qfrc_gravcomp());
            let torque = |joint: &JointIndex| driven[joint.dof] + borne[joint.dof];
            let mut efforts: Vec<f64> = self.layout.arm.iter().map(torque).collect();
            for effort in &mut efforts {
                *effort += EFFORT_SIGMA * noise(&mut self.encoders);
            }
            let mut state = JointState { stamp: now, positions, velocities, efforts };
            let faults = self.active.of(Component::Joints, "");
            spoil::joints(&mut state, &self.robot.arm.joints, faults, &mut self.channels.spoil);
            self.send(now, RobotEvent::Joints(state));
            let opening_m = self.fingers().iter().sum();
            let force_n = self.monitor.pad_force_n() + FORCE_SIGMA * noise(&mut self.encoders);
            let mut state = GripperState { stamp: now, opening_m, force_n };
            let faults = self.active.of(Component::Gripper, "");
            spoil::gripper(&mut state, faults, &mut self.channels.spoil);
            self.send(now, RobotEvent::Gripper(state));
            let wrench = self.wrist.report(now);
            self.send(now, RobotEvent::Wrist(wrench));
            let inertial = self.inertial.report(now);
            self.send(now, RobotEvent::Inertial(inertial));
        }
        if steps.is_multiple_of(BATTERY_STEPS)
            && let Some(battery) = &self.battery
        {
            let report = battery.report(now);
            self.send(now, RobotEvent::Battery(report));
        }
        let mut events = self.arm.take_events();
        events.extend(self.gripper.take_events());
        events.extend(self.channels.receive(now));
        self.link.tell(now, events, &self.active)
    }

    fn send(&mut self, now: Stamp, mut event: RobotEvent) {
        if let Some(stamp) = event.stamp() {
            event.set_stamp(self.robots_clock(stamp));
        }
        self.channels.send(now, event, &self.active);
    }

    /// What the robot's own clock shows.
    fn robots_clock(&self, now: Stamp) -> Stamp {
        if self.clock_ahead_s == 0.0 { now } else { Stamp::from_seconds(now.seconds() + self.clock_ahead_s) }
    }

    /// Takes a picture with the wrist camera at the present state, as the sensor has it: without faults.
    pub fn capture(&mut self) -> Frame {
        let map_from_camera = self.body_pose(self.layout.flange_body) * self.robot.camera.pose.iso;
        let turned = self.active.on(What::CameraKnocked, "").map_or(0.0, |fault| fault.number("yaw"));
        let knock = UnitQuaternion::from_axis_angle(&Vector3::y_axis(), turned);
        let map_from_camera: Isometry3<f64> = map_from_camera * knock;
        let poses = self.prim_poses();
        let now = self.now();
        self.dress_docks();
        match self.eyesight {
            Eyesight::Fast => self.camera.capture(now, &map_from_camera, &self.scene.prims, &poses),
            Eyesight::Traced => {
                let vials: Vec<Isometry3<f64>> =
                    self.layout.vial_body.iter().map(|body| self.body_pose(*body)).collect();
                let dark = self.active.on(What::RoomDark, "").is_some();
                let moving = (&map_from_camera, self.motion_of_camera(&map_from_camera));
                self.tracer.capture(now, moving, &self.scene, (&poses, &vials), dark)
            }
        }
    }

    /// How the wrist camera moves and turns, m/s and rad/s in its own axes.
    fn motion_of_camera(&self, map_from_camera: &Isometry3<f64>) -> [Vector3<f64>; 2] {
        let flange = self.layout.flange_body;
        let [wx, wy, wz, vx, vy, vz] = self.velocity_of(flange);
        let turn = Vector3::new(wx, wy, wz);
        let arm = map_from_camera.translation.vector - Vector3::from(self.data.xpos()[flange]);
        let velocity = Vector3::new(vx, vy, vz) + turn.cross(&arm);
        [velocity, turn].map(|v| map_from_camera.inverse_transform_vector(&v))
    }

    /// Makes pictures another way from now on.
    pub fn see_by(&mut self, eyesight: Eyesight) {
        self.eyesight = eyesight;
    }

    /// The laboratory from anywhere, traced, for people to look at: nothing of the world is changed by it. In the `dark` a robot's
    /// lamp is beside the lens.
    pub fn view(&self, map_from_camera: &Isometry3<f64>, intrinsics: Intrinsics, dark: bool) -> Frame {
        let vials: Vec<Isometry3<f64>> =
            self.layout.vial_body.iter().map(|body| self.body_pose(*body)).collect();
        let places = (&*self.prim_poses(), &*vials);
        let still = (map_from_camera, [Vector3::zeros(); 2]);
        Tracer::with(intrinsics, Seed(0)).capture(self.now(), still, &self.scene, places, dark)
    }

    /// Takes a picture and sends it off, past the faults at work: none, one or two arrive.
    pub fn shoot(&mut self) -> Vec<Shot> {
        let now = self.now();
        let mut frame = self.capture();
        // In a traced picture the dark is in the light itself.
        let room = self.active.of(Component::Room, "").filter(|_| self.eyesight == Eyesight::Fast);
        let faults = room.chain(self.active.of(Component::Camera, ""));
        spoil::frame(&mut frame, faults, &mut self.channels.spoil);
        frame.stamp = self.robots_clock(now);
        self.channels.camera.send(now, frame, self.active.of(Component::Camera, ""));
        let camera = &mut self.channels.camera;
        let shots = std::iter::from_fn(|| {
            let due = camera.next_due()?;
            let after = Duration::from_nanos(due.0.saturating_sub(now.0));
            camera.receive(due).map(|frame| Shot { after, frame })
        });
        shots.collect()
    }

    /// Hangs cloths over dock tags, or takes them away.
    fn dress_docks(&mut self) {
        for (id, station) in &self.site.stations {
            let covered = self.active.on(What::TagCovered, id.as_str()).is_some();
            let name = format!("tag {}", station.dock.tag.id);
            if let Some(tag) = self.scene.prims.iter_mut().find(|prim| prim.name == name) {
                tag.visible = !covered;
            }
        }
    }
}

fn noise(stream: &mut Stream) -> f64 {
    StandardNormal.sample(stream)
}
