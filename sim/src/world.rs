//! The world: physics, controllers and sensors on one fixed step.

mod inject;

use crate::arm::Arm;
use crate::base::Drive;
use crate::camera::Camera;
use crate::contacts::Monitor;
use crate::gripper::Gripper;
use crate::laser::Scanner;
use crate::layout::{JointIndex, Layout};
use crate::mjcf;
use crate::odometry::Wheels;
use crate::scene::{Host, ObstacleBox, Scene, isometry};
use crate::truth::{self, RobotTruth, SampleTruth, Truth};
use crate::{SimError, floor_plan};
use inject::Slip;
use mujoco_rs::prelude::*;
use nalgebra::Isometry3;
use nightshift_core::describe::{Robot, Site};
use nightshift_core::frames::{Base, Map, Pose2, Slot};
use nightshift_core::grid::OccupancyGrid;
use nightshift_core::image::Frame;
use nightshift_core::random::{Seed, Stream};
use nightshift_core::robot::{GripperState, JointState, RobotCommand, RobotEvent, Twist};
use nightshift_core::{Address, Pose, Stamp};
use rand_distr::{Distribution, StandardNormal};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::time::Duration;

/// Steps between two odometry reports, and two gripper reports: 50 Hz.
const WHEEL_STEPS: u64 = 10;
/// Steps between two reports of the joints: 100 Hz.
const JOINT_STEPS: u64 = 5;
/// Steps from the middle of a laser's turn until its scan is told.
const SCAN_LATENCY_STEPS: u64 = 3;
/// Standard deviation of a joint encoder, rad.
const ENCODER_SIGMA: f64 = 1e-5;
/// Standard deviation of a joint's rate, rad/s.
const RATE_SIGMA: f64 = 1e-4;
/// Standard deviation of the gripper's force, N.
const FORCE_SIGMA: f64 = 0.05;

/// How to set the world up.
#[derive(Clone, Copy, Debug)]
pub struct SimConfig {
    /// Of all random streams.
    pub seed: Seed,
    /// Where the robot stands at the start; none: where the site says.
    pub start: Option<Pose2<Map, Base>>,
}

/// The simulated robot in its laboratory.
pub struct World {
    site: Site,
    robot: Robot,
    seed: Seed,
    scene: Scene,
    obstacles: BTreeMap<String, ObstacleBox>,
    data: MjData<Box<MjModel>>,
    layout: Layout,
    steps: u64,
    drive: Drive,
    arm: Arm,
    gripper: Gripper,
    wheels: Wheels,
    scanners: Vec<Scanner>,
    /// Scans that have been taken and are still to be told, with the step at which they are.
    scans: Vec<(u64, RobotEvent)>,
    camera: Camera,
    encoders: Stream,
    monitor: Monitor,
    slip: Slip,
}

impl World {
    /// The step of physics.
    pub const STEP: Duration = Duration::from_millis(2);

    /// Builds the world: the stock in its slots, the robot at its start with the arm in its posture `drive` and the
    /// gripper open.
    pub fn new(site: &Site, robot: &Robot, config: SimConfig) -> Result<Self, SimError> {
        let problems = site.check_robot(robot);
        if !problems.is_empty() {
            let words: Vec<String> = problems.iter().map(ToString::to_string).collect();
            return Err(SimError::Description(words.join("; ")));
        }
        let obstacles = BTreeMap::new();
        let scene = Scene::new(site, robot, &obstacles, config.seed)?;
        let model = mjcf::compile(&scene, robot)?;
        let layout = Layout::new(&scene, robot, &model)?;
        let posture =
            robot.arm.posture("drive").filter(|posture| posture.len() == layout.arm.len()).ok_or_else(
                || SimError::Description("the arm has no posture `drive` with one angle a joint".into()),
            )?;
        let start = config.start.unwrap_or(site.start);
        let place = [start.x(), start.y(), start.yaw()];
        let mut data = MjData::new(model);
        for (joint, value) in
            layout.base.iter().zip(place).chain(layout.arm.iter().zip(posture.iter().copied()))
        {
            data.qpos_mut()[joint.qpos] = value;
        }
        let opening_m = robot.gripper.max_opening_m;
        for finger in &layout.fingers {
            data.qpos_mut()[finger.qpos] = opening_m / 2.0;
        }
        data.step1();
        let mut this = Self {
            drive: Drive::new(&robot.base, place),
            arm: Arm::new(robot, posture),
            gripper: Gripper::new(&robot.gripper, opening_m),
            wheels: Wheels::new(config.seed),
            scanners: robot.scanners.iter().map(|(name, s)| Scanner::new(name, s, config.seed)).collect(),
            scans: Vec::new(),
            camera: Camera::new(&robot.camera, config.seed),
            encoders: config.seed.stream("encoders"),
            monitor: Monitor::new(&scene, layout.prim_of_geom.clone()),
            slip: Slip::None,
            steps: 0,
            site: site.clone(),
            robot: robot.clone(),
            seed: config.seed,
            scene,
            obstacles,
            data,
            layout,
        };
        this.monitor.look(0, Stamp::ZERO, &this.scene, &this.data, false);
        Ok(this)
    }

    /// Simulated time since the start.
    pub fn now(&self) -> Stamp {
        Stamp(self.steps * Self::STEP.as_nanos() as u64)
    }

    /// Tells the robot something. What it cannot carry out is answered by the next step's events.
    pub fn command(&mut self, command: RobotCommand) {
        let now = self.now();
        match command {
            RobotCommand::Drive(twist) => self.drive.command(now, twist),
            RobotCommand::MoveArm { id, trajectory } => {
                let (angles, _) = self.joints(&self.layout.arm);
                self.arm.follow(now, id, trajectory, &angles);
            }
            RobotCommand::StopArm => self.arm.stop(),
            RobotCommand::Grip { id, opening_m, force_n } => {
                let fingers = self.layout.fingers.map(|finger| self.data.qpos()[finger.qpos]);
                self.gripper.command(id, opening_m, force_n, fingers, self.monitor.pad_force_n());
            }
        }
    }

    /// Advances by one step and returns what the robot tells at its end, in order.
    /// Panics where the physics diverges: that is a bug of the model, and nothing after it means anything.
    pub fn step(&mut self) -> Vec<RobotEvent> {
        self.control();
        for _ in 0..mjcf::SUBSTEPS {
            self.data.step2();
            self.monitor.weigh(&self.scene, &self.data);
            self.data.step1();
        }
        self.steps += 1;
        let finite = self.data.qpos().iter().chain(self.data.qvel()).all(|value| value.is_finite());
        assert!(finite, "the physics diverged at {} s: the model is wrong", self.now().seconds());
        let now = self.now();
        let excused = matches!(self.slip, Slip::Running { .. });
        self.monitor.look(self.steps, now, &self.scene, &self.data, excused);
        self.advance_slip();
        let velocity = self.base_velocity();
        self.wheels.turn(velocity, Self::STEP.as_secs_f64());
        self.take_scans(now);
        self.tell(now)
    }

    fn control(&mut self) {
        let (now, dt) = (self.now(), Self::STEP.as_secs_f64());
        let place = self.layout.base.map(|joint| self.data.qpos()[joint.qpos]);
        let point = self.drive.advance(now, dt, place);
        let (angles, rates) = self.joints(&self.layout.arm);
        self.arm.advance(now, dt, &angles, &rates);
        let fingers = self.layout.fingers.map(|joint| self.data.qpos()[joint.qpos]);
        let finger_rates = self.layout.fingers.map(|joint| self.data.qvel()[joint.dof]);
        let forces = self.gripper.advance(dt, fingers, finger_rates, self.monitor.pad_force_n());
        let (angles, rates) = self.arm.set_point();
        let ctrl = self.data.ctrl_mut();
        // A position servo with damping follows a moving set point without lag when it is led by its damping time.
        let lead = mjcf::DAMPING_TIME_S;
        for (joint, (place, rate)) in self.layout.base.iter().zip(point.place.iter().zip(&point.rate)) {
            ctrl[joint.actuator] = place + lead * rate;
        }
        for (joint, (angle, rate)) in self.layout.arm.iter().zip(angles.iter().zip(rates)) {
            ctrl[joint.actuator] = angle + lead * rate;
        }
        for (joint, force) in self.layout.fingers.iter().zip(forces) {
            ctrl[joint.actuator] = force;
        }
    }

    fn joints(&self, joints: &[JointIndex]) -> (Vec<f64>, Vec<f64>) {
        let (qpos, qvel) = (self.data.qpos(), self.data.qvel());
        joints.iter().map(|joint| (qpos[joint.qpos], qvel[joint.dof])).unzip()
    }

    fn base_pose(&self) -> Pose2<Map, Base> {
        let [x, y, yaw] = self.layout.base.map(|joint| self.data.qpos()[joint.qpos]);
        Pose2::new(x, y, yaw)
    }

    fn base_velocity(&self) -> Twist {
        let [vx, vy, yaw] = self.layout.base.map(|joint| self.data.qvel()[joint.dof]);
        let (sin, cos) = self.base_pose().yaw().sin_cos();
        Twist { x: cos * vx + sin * vy, y: cos * vy - sin * vx, yaw }
    }

    fn take_scans(&mut self, now: Stamp) {
        let step_s = Self::STEP.as_secs_f64();
        let count = self.scanners.len() as u64;
        for index in 0..self.scanners.len() {
            let description = &self.robot.scanners[self.scanners[index].name()];
            let period = ((1.0 / (description.rate_hz * step_s)).round() as u64).max(1);
            // The scanners take turns.
            if self.steps % period != period * index as u64 / count {
                continue;
            }
            let poses = self.prim_poses();
            let base = self.base_pose().spatial();
            if let Some(scan) = self.scanners[index].take(now, &base, &self.scene.prims, &poses) {
                self.scans.push((self.steps + SCAN_LATENCY_STEPS, RobotEvent::Scan(scan)));
            }
        }
    }

    fn tell(&mut self, now: Stamp) -> Vec<RobotEvent> {
        let mut events = self.arm.take_events();
        events.extend(self.gripper.take_events());
        let steps = self.steps;
        while self.scans.first().is_some_and(|(due, _)| *due <= steps) {
            events.push(self.scans.remove(0).1);
        }
        if steps.is_multiple_of(WHEEL_STEPS) {
            events.push(RobotEvent::Odometry(self.wheels.report(now)));
        }
        if steps.is_multiple_of(JOINT_STEPS) {
            let (mut positions, mut velocities) = self.joints(&self.layout.arm);
            for (position, rate) in positions.iter_mut().zip(&mut velocities) {
                *position += ENCODER_SIGMA * noise(&mut self.encoders);
                *rate += RATE_SIGMA * noise(&mut self.encoders);
            }
            events.push(RobotEvent::Joints(JointState { stamp: now, positions, velocities }));
        }
        if steps.is_multiple_of(WHEEL_STEPS) {
            let opening_m = self.layout.fingers.iter().map(|finger| self.data.qpos()[finger.qpos]).sum();
            let force_n = self.monitor.pad_force_n() + FORCE_SIGMA * noise(&mut self.encoders);
            events.push(RobotEvent::Gripper(GripperState { stamp: now, opening_m, force_n }));
        }
        events
    }

    /// Takes a picture with the wrist camera at the present state.
    pub fn capture(&mut self) -> Frame {
        let map_from_camera = self.body_pose(self.layout.flange_body) * self.robot.camera.pose.iso;
        let poses = self.prim_poses();
        let now = self.now();
        self.camera.capture(now, &map_from_camera, &self.scene.prims, &poses)
    }

    fn body_pose(&self, body: usize) -> Isometry3<f64> {
        isometry(self.data.xpos()[body], self.data.xquat()[body])
    }

    fn prim_poses(&self) -> Vec<Isometry3<f64>> {
        let pose =
            |bodies: &[usize]| -> Vec<Isometry3<f64>> { bodies.iter().map(|b| self.body_pose(*b)).collect() };
        let (links, vials) = (pose(&self.layout.link_body), pose(&self.layout.vial_body));
        let place = |host| match host {
            Host::World => Isometry3::identity(),
            Host::Link(index) => links[index],
            Host::Vial(index) => vials[index],
        };
        self.scene.prims.iter().map(|prim| place(prim.host) * prim.host_from_prim).collect()
    }

    /// How everything truly is. For judges only.
    pub fn truth(&self) -> Truth {
        let samples = self.scene.vials.iter().enumerate().map(|(index, vial)| {
            let pose = Pose::new(self.body_pose(self.layout.vial_body[index]));
            let touch = self.monitor.touches()[index];
            let deck = self.deck_slots();
            let slots = self.scene.station_slots.iter().map(|(address, slot)| (address, *slot));
            let location = truth::location(&pose, touch, slots.chain(deck.iter().map(|(a, s)| (a, *s))));
            let broken = self.monitor.broken()[index];
            (vial.sample.clone(), SampleTruth { location, pose, broken, held: touch.held() })
        });
        Truth { stamp: self.now(), samples: samples.collect(), robot: RobotTruth { pose: self.base_pose() } }
    }

    fn deck_slots(&self) -> Vec<(Address, Pose<Map, Slot>)> {
        let map_from_base = Pose::<Map, Base>::new(self.body_pose(self.layout.link_body[0]));
        let mut slots = Vec::new();
        for (name, nest) in &self.robot.deck {
            let Some(rack) = self.site.catalogue.racks.get(&nest.rack) else { continue };
            for slot in rack.slots() {
                if let Some(nest_from_slot) = rack.nest_from_slot(&slot) {
                    let address = Address::new(nightshift_core::ids::DECK, name.as_str(), slot.as_str());
                    slots.push((address, map_from_base * nest.pose * nest_from_slot));
                }
            }
        }
        slots
    }

    /// The touches since the last call that must not happen, in words: the robot against what stands in the room or
    /// against itself, and vials that hit something hard faster than 5 cm/s (but not those that a slip fault drops).
    pub fn contacts_of_note(&mut self) -> Vec<String> {
        self.monitor.take_notes()
    }

    /// The occupancy map of the site, cut at a height, as a laser would have drawn it.
    ///
    /// # Errors
    /// `Request` where the resolution is not positive, or the map would be too large.
    pub fn floor_plan(&self, resolution_m: f64, height_m: f64) -> Result<OccupancyGrid, SimError> {
        floor_plan::draw(&self.site, resolution_m, height_m)
    }

    /// SHA-256 over positions, velocities and time: equal only for equal states.
    pub fn state_hash(&self) -> String {
        let mut hash = Sha256::new();
        for value in self.data.qpos().iter().chain(self.data.qvel()).chain([&self.data.time()]) {
            hash.update(value.to_le_bytes());
        }
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

fn noise(stream: &mut Stream) -> f64 {
    StandardNormal.sample(stream)
}
