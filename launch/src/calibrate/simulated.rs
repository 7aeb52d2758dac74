//! The simulated robot looks at a rack from around it, with a camera that does not sit where its file says.

use super::views::{FILE, View};
use super::write;
use crate::effects::{Eye, Planner};
use crate::files::Lab;
use crate::talk::talk;
use nalgebra::{Isometry3, Translation3, UnitQuaternion, Vector3};
use nightshift_core::describe::Station;
use nightshift_core::frames::{Base, Camera, Flange, Nest, Pose, Tool};
use nightshift_core::random::Seed;
use nightshift_core::robot::{CommandId, JointTrajectory, RobotCommand, RobotEvent};
use nightshift_motion::{Arm, MotionGoal, PlanRequest};
use nightshift_perception::calibrate::HandView;
use nightshift_sim::{SimConfig, World};
use rand::Rng;
use std::path::{Path, PathBuf};

/// The camera is bolted on so far from where its file has it, at most, along and about each axis.
const OFF_M: f64 = 0.003;
const OFF_RAD: f64 = 1.0 * std::f64::consts::PI / 180.0;
/// From the rack, m, and away from its vertical, radians.
const DISTANCES_M: [f64; 3] = [0.24, 0.28, 0.32];
const TILTS_RAD: [f64; 3] = [0.12, 0.25, 0.38];
/// From one place to the next the camera goes around the rack by this, radians: the golden angle spreads them.
const AROUND_RAD: f64 = 2.399_963;
/// Share of the arm's limits.
const SPEED: f64 = 0.5;
/// An arm rests so long before its picture, s, and a motion takes no longer than its duration and this.
const REST_S: f64 = 0.4;
const LATE_S: f64 = 5.0;

/// Pictures from so many places, and how the camera truly sits. They are kept in a folder as those of a real robot would be.
pub fn views(
    lab: &Lab,
    station: &Station,
    count: usize,
    seed: u64,
    out: &Path,
) -> Result<(Vec<HandView>, Pose<Flange, Camera>), String> {
    let mut random = Seed(seed).stream("calibrate");
    let mut within = |most: f64| [0; 3].map(|_| random.random_range(-most..most));
    let off = Pose::<Camera, Camera>::from_xyz_rpy(within(OFF_M), within(OFF_RAD));
    let mut robot = lab.robot.clone();
    robot.camera.pose = robot.camera.pose * off;
    let docked = station.pose * station.dock.docked;
    let config = SimConfig { seed: Seed(seed), start: Some(docked) };
    let mut world = World::new(&lab.site, &robot, config).map_err(|e| e.to_string())?;
    let planner = Planner::new(&lab.robot).map_err(|e| e.to_string())?;
    let scene =
        nightshift_skills::reach::scene_at(&lab.site, &lab.robot, &station.id).map_err(|e| e.to_string())?;
    let arm = Arm::new(&lab.robot).map_err(|e| e.to_string())?;
    let mut eye = Eye::new(Some(&out.join("pictures"))).map_err(|e| e.to_string())?;
    let nest = station.nests.keys().next().ok_or("the station has no rack")?;
    let rack =
        lab.site.catalogue.racks.get(&station.nests[nest].rack).ok_or("the catalogue lacks the rack")?;
    let base_from_nest: Pose<Base, Nest> = station.dock.docked.inverse().spatial()
        * station.nest_pose(nest).ok_or("the station has no such nest")?;
    let middle =
        rack.tags.iter().map(|tag| tag.pose.translation()).sum::<Vector3<f64>>() / rack.tags.len() as f64;
    let camera_from_tool = lab.robot.camera.pose.inverse() * lab.robot.gripper.tool;
    let mut joints = settled(&mut world, REST_S);
    let (mut held, mut views, mut left_out) = (Vec::new(), Vec::new(), 0);
    for n in 0..count {
        let around = AROUND_RAD * n as f64;
        let (tilt, distance) = (TILTS_RAD[n % 3], DISTANCES_M[n / 3 % 3]);
        let goals = (0..6).map(|turn| {
            let roll = around * 0.5 + f64::from(turn) * std::f64::consts::FRAC_PI_3;
            base_from_nest * looking(&middle, distance, tilt, around, roll) * camera_from_tool
        });
        let plans = goals.map(|goal: Pose<Base, Tool>| {
            let (start, goal) = (joints.clone(), MotionGoal::Tool(goal));
            planner.plan(&PlanRequest { start, goal, scene: scene.clone(), seed: n as u64, speed: SPEED })
        });
        let Some(trajectory) = plans.into_iter().find_map(Result::ok) else {
            left_out += 1;
            continue;
        };
        moved(&mut world, CommandId(n as u64 + 1), trajectory)?;
        joints = settled(&mut world, REST_S);
        let look = eye.look(&world.capture());
        look.ok.map_err(|e| e.to_string())?;
        held.push(HandView { base_from_flange: arm.base_from_flange(&joints), sights: look.tags });
        let (joints, picture) = (Some(joints.clone()), Some(PathBuf::from(look.path)));
        views.push(View { joints, picture, ..View::default() });
    }
    if left_out > 0 {
        talk!("{left_out} of {count} places are out of the arm's reach and were left out");
    }
    write(&out.join(FILE), &serde_json::to_string(&views).expect("plain data"))?;
    Ok((held, robot.camera.pose))
}

/// A camera that looks at `middle` from a distance, `tilt` away from the vertical towards `around`, turned by `roll` about its own axis.
fn looking(middle: &Vector3<f64>, distance: f64, tilt: f64, around: f64, roll: f64) -> Pose<Nest, Camera> {
    let about = |axis: Vector3<f64>, angle: f64| UnitQuaternion::from_scaled_axis(axis * angle);
    let towards = Vector3::new(around.cos(), around.sin(), 0.0);
    let lean = about(Vector3::z().cross(&towards), tilt);
    let rotation = lean * about(Vector3::x(), std::f64::consts::PI) * about(Vector3::z(), roll);
    let eye = middle + lean * Vector3::new(0.0, 0.0, distance);
    Pose::new(Isometry3::from_parts(Translation3::from(eye), rotation))
}

/// Lets the world run, and tells where the arm's joints are then, rad.
fn settled(world: &mut World, for_s: f64) -> Vec<f64> {
    let (until, mut joints) = (world.now().seconds() + for_s, Vec::new());
    while world.now().seconds() < until || joints.is_empty() {
        for event in world.step() {
            if let RobotEvent::Joints(state) = event {
                joints = state.positions;
            }
        }
    }
    joints
}

fn moved(world: &mut World, id: CommandId, trajectory: JointTrajectory) -> Result<(), String> {
    let until = world.now().seconds() + trajectory.duration_s() + LATE_S;
    world.command(RobotCommand::MoveArm { id, trajectory });
    while world.now().seconds() < until {
        for event in world.step() {
            match event {
                RobotEvent::ArmDone { id: of, ok: true, .. } if of == id => return Ok(()),
                RobotEvent::ArmDone { id: of, message, .. } if of == id => {
                    return Err(format!("the simulated arm: {message}"));
                }
                _ => {}
            }
        }
    }
    Err(format!("the simulated arm did not end its motion within {LATE_S} s"))
}
