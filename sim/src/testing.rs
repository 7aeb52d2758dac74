//! What the tests of the whole world share: the bundled site and robot, and a way to move the arm without inverse
//! kinematics of the stack's own.

use crate::{SimConfig, World};
use nalgebra::{DMatrix, DVector, Isometry3, Vector3};
use nightshift_core::describe::{Robot, Site};
use nightshift_core::frames::{Base, Map, Pose2, Tool, Ware};
use nightshift_core::random::Seed;
use nightshift_core::robot::{CommandId, JointTrajectory, RobotCommand, RobotEvent, TrajectoryPoint};
use nightshift_core::{Pose, SampleId};

fn folder(path: &str) -> impl Fn(&str) -> Result<String, String> {
    move |file| {
        let full = format!("{}/../{path}/{file}", env!("CARGO_MANIFEST_DIR"));
        std::fs::read_to_string(&full).map_err(|e| e.to_string())
    }
}

pub fn site() -> Site {
    site_of("photocatalysis")
}

pub fn site_of(name: &str) -> Site {
    Site::load(&folder(&format!("maps/{name}"))).unwrap()
}

pub fn robot() -> Robot {
    Robot::load(&folder("robot/description/omni7")).unwrap()
}

pub fn world(seed: u64, start: Option<Pose2<Map, Base>>) -> World {
    World::new(&site(), &robot(), SimConfig { seed: Seed(seed), start }).unwrap()
}

/// Where the base stands when it is docked at a station.
pub fn docked(site: &Site, station: &str) -> Pose2<Map, Base> {
    let station = &site.stations[&station.into()];
    station.pose * station.dock.docked
}

pub fn run(world: &mut World, seconds: f64) -> Vec<RobotEvent> {
    let steps = (seconds / World::STEP.as_secs_f64()).round() as usize;
    (0..steps).flat_map(|_| world.step()).collect()
}

/// Makes something go wrong at once.
pub fn strike(world: &mut World, text: &str) {
    world.inject(&crate::faults::parse(text).unwrap().fault).unwrap();
}

/// The tool in the base's frame at joint angles, by the URDF.
pub fn base_from_tool(robot: &Robot, angles: &[f64]) -> Pose<Base, Tool> {
    let mut chain = Vec::new();
    let mut link = robot.arm.flange_link.as_str();
    while let Some(joint) = robot.model.joint_above(link) {
        chain.push(joint);
        link = &joint.parent;
    }
    let mut iso = Isometry3::identity();
    for joint in chain.into_iter().rev() {
        let angle = robot.arm.joints.iter().position(|name| *name == joint.name).map_or(0.0, |i| angles[i]);
        iso *= joint.parent_from_child_at(angle);
    }
    Pose::new(iso * robot.gripper.tool.iso)
}

/// Joint angles that bring the tool to a pose, by damped small steps from `start`.
pub fn reach(robot: &Robot, target: &Pose<Base, Tool>, start: &[f64]) -> Vec<f64> {
    let mut angles = start.to_vec();
    let error = |angles: &[f64]| {
        let at = base_from_tool(robot, angles).iso;
        let turn = target.iso.rotation * at.rotation.inverse();
        let shift = target.iso.translation.vector - at.translation.vector;
        let turn: Vector3<f64> = turn.scaled_axis();
        DVector::from_iterator(6, shift.iter().chain(turn.iter()).copied())
    };
    for _ in 0..400 {
        let now = error(&angles);
        let mut jacobian = DMatrix::zeros(6, angles.len());
        for joint in 0..angles.len() {
            let mut moved = angles.clone();
            moved[joint] += 1e-6;
            jacobian.set_column(joint, &((&now - error(&moved)) / 1e-6));
        }
        let square = &jacobian * jacobian.transpose() + DMatrix::identity(6, 6) * 1e-4;
        let step = jacobian.transpose() * square.lu().solve(&now).unwrap();
        for (angle, by) in angles.iter_mut().zip(step.iter()) {
            *angle += by.clamp(-0.1, 0.1);
        }
    }
    assert!(error(&angles).norm() < 1e-6, "the test's target is out of reach: {}", error(&angles).norm());
    angles
}

/// Moves the arm in a straight line of joint angles; panics where it does not arrive.
pub fn go(world: &mut World, from: &[f64], to: &[f64], seconds: f64) {
    let message = try_go(world, from, to, seconds);
    assert_eq!(message, Ok(()));
}

pub fn trajectory(from: &[f64], to: &[f64], seconds: f64) -> JointTrajectory {
    let point = |time_s, angles: &[f64]| TrajectoryPoint {
        time_s,
        positions: angles.to_vec(),
        velocities: vec![0.0; angles.len()],
    };
    JointTrajectory { points: vec![point(0.0, from), point(seconds, to)] }
}

pub fn try_go(world: &mut World, from: &[f64], to: &[f64], seconds: f64) -> Result<(), String> {
    follow(world, trajectory(from, to, seconds))
}

pub fn follow(world: &mut World, trajectory: JointTrajectory) -> Result<(), String> {
    world.command(RobotCommand::MoveArm { id: CommandId(7), trajectory });
    for _ in 0..20_000 {
        for event in world.step() {
            if let RobotEvent::ArmDone { id: CommandId(7), ok, message } = event {
                return if ok { Ok(()) } else { Err(message) };
            }
        }
    }
    panic!("the arm never answered");
}

/// Moves the gripper and waits for its answer: opening, force and whether it stalled.
pub fn grip(world: &mut World, opening_m: f64, force_n: f64) -> (f64, f64, bool) {
    world.command(RobotCommand::Grip { id: CommandId(8), opening_m, force_n });
    for _ in 0..5_000 {
        for event in world.step() {
            if let RobotEvent::GripperDone { id: CommandId(8), opening_m, force_n, stalled } = event {
                return (opening_m, force_n, stalled);
            }
        }
    }
    panic!("the gripper never answered");
}

/// An arm that works at a docked station, by straight lines of the tool.
pub struct Worker {
    pub world: World,
    pub robot: Robot,
    pub angles: Vec<f64>,
}

impl Worker {
    /// Docked at a station, the tool `above_m` above where it grasps what stands at `address`.
    pub fn over(seed: u64, address: &str, above_m: f64) -> Self {
        Self::over_in(&site(), seed, address, above_m)
    }

    /// The same at a site that was changed.
    pub fn over_in(site: &Site, seed: u64, address: &str, above_m: f64) -> Self {
        let robot = robot();
        let address: nightshift_core::Address = address.parse().unwrap();
        let base = docked(site, address.station.as_str());
        let world = World::new(site, &robot, SimConfig { seed: Seed(seed), start: Some(base) }).unwrap();
        let mut this = Self { world, angles: robot.arm.posture("drive").unwrap(), robot };
        grip(&mut this.world, 0.036, 20.0);
        let target = this.grasp(&address, above_m);
        let angles = reach(&this.robot, &target, &this.angles);
        go(&mut this.world, &this.angles, &angles, 3.0);
        this.angles = angles;
        this
    }

    /// The tool at the grasp height over a slot, pointing down.
    pub fn grasp(&self, address: &nightshift_core::Address, above_m: f64) -> Pose<Base, Tool> {
        let site = site();
        let (_, nest, nest_from_slot) = site.slot(address).unwrap();
        let station = &site.stations[&address.station];
        let base_from_slot = station.dock.docked.spatial().inverse() * nest.pose * nest_from_slot;
        let at = base_from_slot.translation();
        Pose::from_xyz_rpy([at.x, at.y, at.z + 0.040 + above_m], [std::f64::consts::PI, 0.0, 0.0])
    }

    /// Closes on the vial below, and lifts it.
    pub fn pick(&mut self, force_n: f64) {
        self.rise(-0.12, 3.0);
        assert!(grip(&mut self.world, 0.02, force_n).2, "nothing between the pads");
        self.rise(0.12, 2.0);
        run(&mut self.world, 0.5);
    }

    /// Where a sample is as seen from the tool, by the truth.
    pub fn tool_from_sample(&self, sample: &str) -> Pose<Tool, Ware> {
        let truth = self.world.truth();
        let map_from_tool = truth.robot.pose.spatial() * base_from_tool(&self.robot, &self.angles);
        map_from_tool.inverse() * truth.samples[&SampleId::new(sample)].pose
    }

    /// Moves the tool straight up, or down.
    pub fn rise(&mut self, by_m: f64, seconds: f64) {
        let start = base_from_tool(&self.robot, &self.angles);
        let parts = 10;
        let mut points = trajectory(&self.angles, &self.angles, 1.0).points;
        points.truncate(1);
        for part in 1..=parts {
            let share = f64::from(part) / f64::from(parts);
            let shift = Isometry3::translation(0.0, 0.0, by_m * share);
            let angles = reach(&self.robot, &Pose::new(shift * start.iso), &self.angles);
            self.angles.clone_from(&angles);
            let velocities = vec![0.0; angles.len()];
            points.push(TrajectoryPoint { time_s: seconds * share, positions: angles, velocities });
        }
        for i in 1..points.len() - 1 {
            let span = points[i + 1].time_s - points[i - 1].time_s;
            points[i].velocities = (0..self.angles.len())
                .map(|j| (points[i + 1].positions[j] - points[i - 1].positions[j]) / span)
                .collect();
        }
        assert_eq!(follow(&mut self.world, JointTrajectory { points }), Ok(()));
    }
}
