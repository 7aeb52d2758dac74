//! The world: physics, controllers and sensors on one fixed step.

mod act;
mod crowd;
mod harm;
mod inject;
mod link;
#[cfg(test)]
mod loose;
mod pace;
mod pull_out;
mod sense;
mod stations;
mod strike;

pub use pull_out::PullOut;

use crate::arm::Arm;
use crate::bare::Bare;
use crate::base::Drive;
use crate::battery::Battery;
use crate::camera::Camera;
use crate::contacts::Monitor;
use crate::faults::{ActiveFaults, Event, What};
use crate::gripper::Gripper;
use crate::inertial::InertialUnit;
use crate::laser::{Scanner, Track};
use crate::layout::{JointIndex, Layout};
use crate::mjcf;
use crate::odometry::Wheels;
use crate::people::People;
use crate::scene::{Host, Scene, isometry};
use crate::traced::Tracer;
use crate::truth::{self, ContentTruth, LooseTruth, RobotTruth, SampleTruth, Truth};
use crate::wrist::Wrist;
use crate::{SimError, floor_plan};
use harm::Inside;
use inject::Slip;
use link::Link;
use mujoco_rs::prelude::*;
use nalgebra::Isometry3;
use nightshift_core::describe::{Robot, Site};
use nightshift_core::frames::{Base, Map, Pose2, Slot};
use nightshift_core::grid::OccupancyGrid;
use nightshift_core::random::{Seed, Stream};
use nightshift_core::robot::{RobotCommand, RobotEvent, Twist};
use nightshift_core::{Address, Pose, SampleId, Stamp, StationId};
use sense::Channels;
pub use sense::{Eyesight, Shot};
use sha2::{Digest, Sha256};
use stations::Stations;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::time::Duration;

/// Dirty contacts conduct after the base has come onto them so often.
const DIRTY_TOUCHES: u32 = 2;

/// How to set the world up.
#[derive(Clone, Copy, Debug)]
pub struct SimConfig {
    /// Of all random streams.
    pub seed: Seed,
    /// Where the robot stands at the start; none: where the site says.
    pub start: Option<Pose2<Map, Base>>,
}

/// The simulated robot in its laboratory. A copy is exact: it goes on as the one that it was taken of.
#[derive(Clone)]
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
    wrist: Wrist,
    inertial: InertialUnit,
    battery: Option<Battery>,
    scanners: Vec<Scanner>,
    track: Track,
    channels: Channels,
    link: Link,
    camera: Camera,
    tracer: Tracer,
    eyesight: Eyesight,
    encoders: Stream,
    monitor: Monitor,
    insides: Vec<Inside>,
    slip: Slip,
    active: ActiveFaults,
    people: Option<People>,
    /// Chairs that people have left.
    chairs: usize,
    /// Who has a station open.
    users: Vec<crowd::Use>,
    /// Stations that people have asked to open: makes their tokens.
    visits: usize,
    /// Where the fingers were when they jammed.
    jammed_at: Option<[f64; 2]>,
    /// Vials that stick in their slots, and the height that they stuck at.
    stuck: Vec<(usize, f64)>,
    /// Vials of a fault, which no stock knows.
    strangers: BTreeSet<SampleId>,
    /// How far the robot's clock is ahead.
    clock_ahead_s: f64,
    stations: Stations,
    /// Friction coefficient between glass and pads, where no fault makes them slippery.
    pad_friction: f64,
    /// Joint rates before the step of physics: scratch.
    speeds: Vec<f64>,
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
            wrist: Wrist::new(config.seed),
            inertial: InertialUnit::new(config.seed),
            battery: Battery::new(robot),
            scanners: robot.scanners.iter().map(|(name, s)| Scanner::new(name, s, config.seed)).collect(),
            track: Track::new(robot, Self::STEP),
            channels: Channels::new(robot, config.seed),
            link: Link::new(config.seed),
            camera: Camera::new(&robot.camera, config.seed),
            tracer: Tracer::new(&robot.camera, config.seed),
            eyesight: Eyesight::default(),
            encoders: config.seed.stream("encoders"),
            monitor: Monitor::new(&scene, layout.prim_of_geom.clone()),
            insides: scene.vials.iter().map(Inside::new).collect(),
            slip: Slip::None,
            active: ActiveFaults::default(),
            people: None,
            chairs: 0,
            users: Vec::new(),
            visits: 0,
            jammed_at: None,
            stuck: Vec::new(),
            strangers: BTreeSet::new(),
            clock_ahead_s: 0.0,
            pad_friction: mjcf::PAD_FRICTION,
            speeds: Vec::new(),
            steps: 0,
            site: site.clone(),
            robot: robot.clone(),
            scene,
            data,
            layout,
        };
        this.monitor.look(Stamp::ZERO, &this.scene, &this.data, None);
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
        let substeps = self.substeps();
        let substep = Self::STEP / substeps;
        let excused = self.slip.vial();
        for index in 1..=substeps {
            let now = self.now() + substep * index;
            self.speeds.clear();
            self.speeds.extend_from_slice(self.data.qvel());
            self.data.model_opt_mut().timestep = substep.as_secs_f64();
            self.data.step2();
            self.feel(substep.as_secs_f64());
            self.monitor.weigh(now, substep.as_secs_f64(), &self.scene, &self.data);
            let last = index == substeps;
            self.data.model_opt_mut().timestep =
                if last { self.step_to_come_s() } else { mjcf::SHORT_STEP_S };
            self.data.step1();
            self.monitor.look(now, &self.scene, &self.data, excused);
        }
        self.steps += 1;
        let finite = self.data.qpos().iter().chain(self.data.qvel()).all(|value| value.is_finite());
        assert!(finite, "the physics diverged at {} s: the model is wrong", self.now().seconds());
        let now = self.now();
        self.advance_harm();
        self.advance_slip();
        self.drift_clock();
        let turned = self.wheels_velocity();
        self.wheels.turn(turned, Self::STEP.as_secs_f64());
        self.track.push(self.base_pose());
        self.power();
        self.take_scans(now);
        self.tell(now)
    }

    /// What is drawn from the battery, and fed to it.
    fn power(&mut self) {
        let (base, velocity) = (self.base_pose(), self.base_velocity());
        let Some(battery) = &mut self.battery else { return };
        let active = &self.active;
        let unfit = |id: &StationId| {
            if active.on(What::ChargerDead, id.as_str()).is_some() {
                return u32::MAX;
            }
            active.on(What::ChargerDirty, id.as_str()).map_or(0, |_| DIRTY_TOUCHES)
        };
        battery.advance(Self::STEP.as_secs_f64(), &self.site, &base, &velocity, unfit);
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

    /// Lets the sensors of force and acceleration take in the step of physics that was just solved. Each of them: the
    /// servos' orders come at every second, and so do their pushes.
    fn feel(&mut self, dt: f64) {
        // What the solver calls acceleration is not what an implicit step makes of it where servos are stiff.
        let speeds = self.data.qvel().to_vec();
        for (rate, (after, before)) in self.data.qacc_mut().iter_mut().zip(speeds.iter().zip(&self.speeds)) {
            *rate = (after - before) / dt;
        }
        self.data.rne_post_constraint();
        self.wrist.take(dt, &self.data, self.layout.flange_body);
        self.inertial.take(dt, &self.data, self.layout.link_body[0]);
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
        let (caps, wares) = (pose(&self.layout.cap_body), pose(&self.layout.ware_body));
        let place = |host| match host {
            Host::World => Isometry3::identity(),
            Host::Link(index) => links[index],
            Host::Vial(index) => vials[index],
            Host::Part(index) => parts[index],
            Host::Person(person, part) => people[person][part],
            Host::LooseCap(index) => caps[index],
            Host::Ware(index) => wares[index],
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
            let damage = &self.monitor.damage()[index];
            let truth = SampleTruth {
                location,
                pose,
                broken: damage.broken.is_some(),
                held: touch.held(),
                capped: vial.capped,
                harm: damage.broken.iter().chain(&damage.cap_off).cloned().collect(),
                peak_squeeze_n: damage.peak_squeeze_n,
                peak_push_n: damage.peak_push_n,
                content: ContentTruth {
                    kind: vial.content.kind,
                    level_m: vial.content.level_m(&vial.kind),
                    mass_kg: vial.mass_kg(),
                    spilt_m3: self.insides[index].spilt_m3,
                },
            };
            (vial.sample.clone(), truth)
        });
        let (strangers, samples) =
            samples.partition(|(sample, _): &(SampleId, SampleTruth)| self.strangers.contains(sample));
        let (robot, stations) = (RobotTruth { pose: self.base_pose() }, self.station_truth());
        let people = self.people.as_ref().map(People::places).unwrap_or_default();
        Truth {
            stamp: self.now(),
            samples,
            strangers,
            loose: self.loose_truth(),
            obstacles: self.scene.obstacles().collect(),
            people,
            robot,
            stations,
        }
    }

    fn loose_truth(&self) -> BTreeMap<String, LooseTruth> {
        let pieces = self.scene.wares.iter().zip(&self.layout.ware_body).zip(self.monitor.broken_wares());
        let told = pieces.map(|((ware, body), broken)| {
            let pose = Pose::new(self.body_pose(*body));
            let moved_m = (pose.translation() - ware.start.translation()).norm();
            (ware.piece.id.clone(), LooseTruth { pose, moved_m, broken: *broken })
        });
        told.collect()
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

    /// MuJoCo alone with what is here: what this simulator's speed is measured against.
    pub fn bare(&self) -> Bare {
        Bare::new(&self.data, inject::STATE)
    }

    /// What has gone to pieces since the last call, in words: vials that broke, lost their caps, spilt. Whoever was at
    /// fault.
    pub fn mishaps(&mut self) -> Vec<String> {
        self.monitor.take_mishaps()
    }

    /// The samples that both pads press, and the force on the wall of each, without spikes of single steps, N.
    pub fn grips(&self) -> impl Iterator<Item = (&SampleId, f64)> {
        self.monitor.grips().map(|(vial, force_n)| (&self.scene.vials[vial].sample, force_n))
    }

    /// Makes the friction coefficient between glass and pads another one, from now on.
    ///
    /// # Errors
    /// `Request` where it is not above 0 and up to 5.
    pub fn set_pad_friction(&mut self, friction: f64) -> Result<(), SimError> {
        if !(friction > 0.0 && friction <= 5.0) {
            let words = format!("a friction coefficient of {friction}: must be above 0 and up to 5");
            return Err(SimError::Request(words));
        }
        self.pad_friction = friction;
        self.retune();
        Ok(())
    }

    /// SHA-256 over all that the world's future depends on: physics, controllers, sensors with their random streams and
    /// what they have yet to tell, faults, harm. Equal only for equal states.
    pub fn state_hash(&self) -> String {
        let mut hash = Sha256::new();
        for value in self.data.state(inject::STATE) {
            hash.update(value.to_le_bytes());
        }
        for tree in self.data.tree_asleep() {
            hash.update(tree.to_le_bytes());
        }
        // Debug forms are whole (a forgotten field cannot be) and exact: numbers print as they read back.
        let parts: [&dyn Debug; 18] = [
            &self.steps,
            &self.scene,
            &self.drive,
            &self.arm,
            &self.gripper,
            &self.wheels,
            &self.wrist,
            &(&self.inertial, &self.battery),
            &(&self.scanners, &self.track),
            &self.channels,
            &self.link,
            &(&self.active, self.jammed_at, &self.stuck, &self.strangers, self.clock_ahead_s, &self.stations),
            &(&self.camera, &self.tracer, self.eyesight),
            &self.encoders,
            &self.monitor,
            &self.insides,
            &(self.slip, self.pad_friction, self.data.model_opt().timestep),
            &(&self.people, self.chairs, &self.users, self.visits),
        ];
        for part in parts {
            hash.update(format!("{part:?}"));
        }
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
