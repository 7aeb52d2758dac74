//! Pull-out: what the gripper loses a vial at, over friction and grip.

use crate::files::Lab;
use nalgebra::Isometry3;
use nightshift_core::frames::Pose;
use nightshift_core::random::Seed;
use nightshift_core::robot::{CommandId, RobotCommand, RobotEvent};
use nightshift_core::{Address, SampleId};
use nightshift_motion::{Arm, MotionGoal, PlanRequest, Scene, plan, station_shapes};
use nightshift_sim::{PullOut, SimConfig, World};
use std::f64::consts::PI;

/// The tool points down so far above the slot, m.
const ABOVE_M: f64 = 0.25;
/// Within which the arm is there, simulated seconds.
const LIMIT_S: f64 = 30.0;
const FRICTIONS: [f64; 3] = [0.2, 0.4, 0.6];
const GRIPS_N: [f64; 5] = [0.5, 2.0, 8.0, 14.0, 20.0];

/// One case.
pub struct Pull {
    pub friction: f64,
    pub grip_n: f64,
    pub out: PullOut,
}

/// Measures all cases over a slot of the bundled kind, with glass that no grip breaks.
pub fn measure(lab: &Lab, at: &Address, seed: u64) -> Result<Vec<Pull>, String> {
    let mut site = lab.site.clone();
    site.stock.truncate(1);
    for vial in site.catalogue.vials.values_mut() {
        vial.vessel.breaks_at_n = Some(1000.0);
    }
    let item = site.stock.first().ok_or("the site has no vial")?;
    let (sample, grasp_m): (SampleId, f64) = (item.id.clone(), {
        let vial = site.catalogue.vials.get(&item.labware).ok_or("the site's vial is of no known type")?;
        vial.grasp.height_m
    });
    let station = site.stations.get(&at.station).ok_or("the station is unknown")?;
    let (_, nest, nest_from_slot) = site.slot(at).ok_or("the slot is unknown")?;
    let base_from_station = station.dock.docked.spatial().inverse();
    let over = (base_from_station * nest.pose * nest_from_slot).translation();
    let arm = Arm::new(&lab.robot).map_err(|e| e.to_string())?;
    let start = lab.robot.arm.posture("drive").ok_or("the robot has no posture `drive`")?;
    let goal = Pose::from_xyz_rpy([over.x, over.y, over.z + ABOVE_M], [PI, 0.0, 0.0]);
    let scene = Scene {
        shapes: station_shapes(station, &site.catalogue, &base_from_station),
        seen_m: Vec::new(),
        held: None,
        may_touch: Vec::new(),
        fingers_opening_m: 0.0,
        margin_m: 0.005,
    };
    let request = PlanRequest { start, goal: MotionGoal::ToolAnySpin(goal), scene, seed, speed: 0.5 };
    let trajectory = plan(&arm, &request).map_err(|e| e.to_string())?;
    let joints = trajectory.points.last().map(|point| point.positions.clone()).unwrap_or_default();
    let docked = station.pose * station.dock.docked;
    let config = SimConfig { seed: Seed(seed), start: Some(docked) };
    let mut world = World::new(&site, &lab.robot, config).map_err(|e| e.to_string())?;
    world.command(RobotCommand::MoveArm { id: CommandId(1), trajectory });
    go(&mut world)?;
    let tool = (world.truth().robot.pose.spatial() * arm.base_from_tool(&joints)).translation();
    let held = Pose::new(Isometry3::translation(tool.x, tool.y, tool.z - grasp_m));
    let mut pulls = Vec::new();
    for friction in FRICTIONS {
        for grip_n in GRIPS_N {
            let out = world.pull_out(&sample, &held, friction, grip_n).map_err(|e| e.to_string())?;
            pulls.push(Pull { friction, grip_n, out });
        }
    }
    Ok(pulls)
}

fn go(world: &mut World) -> Result<(), String> {
    while world.now().seconds() < LIMIT_S {
        for event in world.step() {
            if let RobotEvent::ArmDone { ok, message, .. } = event {
                return if ok { Ok(()) } else { Err(message) };
            }
        }
    }
    Err(format!("the arm is not over the slot after {LIMIT_S} s"))
}
