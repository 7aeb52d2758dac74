//! The world: physics, controllers and sensors on one fixed step.

mod act;
mod crowd;
mod inject;
mod link;
mod sense;
mod stations;
mod strike;

use crate::arm::Arm;
use crate::base::Drive;
use crate::camera::Camera;
use crate::contacts::Monitor;
use crate::faults::{ActiveFaults, Event};
use crate::gripper::Gripper;
use crate::laser::Scanner;
use crate::layout::{JointIndex, Layout};
use crate::mjcf;
use crate::odometry::Wheels;
use crate::people::People;
use crate::scene::{Host, Scene, isometry};
use crate::truth::{self, RobotTruth, SampleTruth, Truth};
use crate::{SimError, floor_plan};
use inject::Slip;
use link::Link;
use mujoco_rs::prelude::*;
use nalgebra::Isometry3;
use nightshift_core::describe::{Robot, Site};
use nightshift_core::frames::{Base, Map, Pose2, Slot};
use nightshift_core::grid::OccupancyGrid;
use nightshift_core::random::{Seed, Stream};
use nightshift_core::robot::{RobotCommand, RobotEvent, Twist};
use nightshift_core::{Address, Pose, SampleId, Stamp};
use sense::Channels;
pub use sense::Shot;
use sha2::{Digest, Sha256};
use stations::Stations;
use std::collections::BTreeSet;
use std::time::Duration;

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
    scene: Scene,
    data: MjData<Box<MjModel>>,
    layout: Layout,
    steps: u64,
    drive: Drive,
    arm: Arm,
    gripper: Gripper,
    wheels: Wheels,
    scanners: Vec<Scanner>,
    channels: Channels,
    link: Link,
    camera: Camera,
    encoders: Stream,
    monitor: Monitor,
    slip: Slip,
    active: ActiveFaults,
    people: Option<People>,
    /// Chairs that people have left.
    chairs: usize,
    /// Where the fingers were when they jammed.
    jammed_at: Option<[f64; 2]>,
    /// Vials that stick in their slots, and the height that they stuck at.
    stuck: Vec<(usize, f64)>,
    /// Vials of a fault, which no stock knows.
    strangers: BTreeSet<SampleId>,
    /// How far the robot's clock is ahead.
    clock_ahead_s: f64,
    stations: Stations,
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
        let scene = Scene::new(site, robot, config.seed)?;
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
        for (joint, part) in layout.parts.iter().zip(&scene.parts) {
            data.qpos_mut()[joint.qpos] = part.start * part.joint.travel();
        }
        data.step1();
        let mut this = Self {
            stations: Stations::new(site, &scene),
            drive: Drive::new(&robot.base, place),
            arm: Arm::new(robot, posture),
            gripper: Gripper::new(&robot.gripper, opening_m),
            wheels: Wheels::new(config.seed, crate::base::lever(&robot.base.footprint_m)),
            scanners: robot.scanners.iter().map(|(name, s)| Scanner::new(name, s, config.seed)).collect(),
            channels: Channels::new(robot, config.seed),
            link: Link::new(config.seed),
            camera: Camera::new(&robot.camera, config.seed),
            encoders: config.seed.stream("encoders"),
            monitor: Monitor::new(&scene, layout.prim_of_geom.clone()),
            slip: Slip::None,
            active: ActiveFaults::default(),
            people: None,
            chairs: 0,
            jammed_at: None,
            stuck: Vec::new(),
            strangers: BTreeSet::new(),
            clock_ahead_s: 0.0,
            steps: 0,
            site: site.clone(),
            robot: robot.clone(),
            scene,
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
        self.link.command(self.now(), command, &self.active);
        for command in self.link.arrived(self.now()) {
            self.obey(command);
        }
    }

    /// Advances by one step and returns what the robot tells at its end, in order.
    /// Panics where the physics diverges: that is a bug of the model, and nothing after it means anything.
    pub fn step(&mut self) -> Vec<RobotEvent> {
        let now = self.now();
        self.active.expire(now.seconds());
        for command in self.link.arrived(now) {
            self.obey(command);
        }
        self.control();
        self.move_people();
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
        self.drift_clock();
        let turned = self.wheels_velocity();
        self.wheels.turn(turned, Self::STEP.as_secs_f64());
        self.take_scans(now);
        self.tell(now)
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

    fn body_pose(&self, body: usize) -> Isometry3<f64> {
        isometry(self.data.xpos()[body], self.data.xquat()[body])
    }

    fn prim_poses(&self) -> Vec<Isometry3<f64>> {
        let pose =
            |bodies: &[usize]| -> Vec<Isometry3<f64>> { bodies.iter().map(|b| self.body_pose(*b)).collect() };
        let (links, vials) = (pose(&self.layout.link_body), pose(&self.layout.vial_body));
        let parts = pose(&self.layout.part_body);
        let people = self.people.as_ref().map(People::parts).unwrap_or_default();
        let place = |host| match host {
            Host::World => Isometry3::identity(),
            Host::Link(index) => links[index],
            Host::Vial(index) => vials[index],
            Host::Part(index) => parts[index],
            Host::Person(person, part) => people[person][part],
        };
        self.scene.prims.iter().map(|prim| place(prim.host) * prim.host_from_prim).collect()
    }

    /// How everything truly is. For judges only.
    pub fn truth(&self) -> Truth {
        let stations = self.station_slots();
        let samples = self.scene.vials.iter().enumerate().map(|(index, vial)| {
            let pose = Pose::new(self.body_pose(self.layout.vial_body[index]));
            let touch = self.monitor.touches()[index];
            let deck = self.deck_slots();
            let slots = stations.iter().map(|(address, slot)| (*address, *slot));
            let location = truth::location(&pose, touch, slots.chain(deck.iter().map(|(a, s)| (a, *s))));
            let broken = self.monitor.broken()[index];
            (vial.sample.clone(), SampleTruth { location, pose, broken, held: touch.held() })
        });
        let (strangers, samples) =
            samples.partition(|(sample, _): &(SampleId, SampleTruth)| self.strangers.contains(sample));
        let (robot, stations) = (RobotTruth { pose: self.base_pose() }, self.station_truth());
        let people = self.people.as_ref().map(People::places).unwrap_or_default();
        Truth { stamp: self.now(), samples, strangers, people, robot, stations }
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

    /// What goes on now that faults can wait for.
    pub fn happening(&self) -> Vec<Event> {
        let touches = self.monitor.touches();
        let speed = self.base_velocity();
        let drives = speed.x.hypot(speed.y) > 0.02 || speed.yaw.abs() > 0.05;
        let events = [
            (Event::Drive, drives),
            (Event::Grasp, touches.iter().any(truth::Touch::held)),
            (Event::Lift, touches.iter().any(truth::Touch::carried)),
        ];
        events.into_iter().filter(|(_, on)| *on).map(|(event, _)| event).collect()
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
