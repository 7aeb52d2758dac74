//! What is held stays upright and is not shaken, everywhere on the way.

use crate::docked::Docked;
use crate::followed::within_limits;
use nightshift_core::describe::Solid;
use nightshift_core::frames::Pose;
use nightshift_core::random::Seed;
use nightshift_core::robot::JointTrajectory;
use nightshift_core::{Code, Failure};
use nightshift_motion::{Arm, Carry, Held, MotionGoal, PlanRequest, Scene, SceneShape, plan};
use rand::Rng;

const TILT: f64 = 8.0 * std::f64::consts::PI / 180.0;
const ACCELERATION: f64 = 0.6;

fn carried(scene: Scene, carry: Option<Carry>) -> Scene {
    let held = scene.held.map(|held| Held { carry, ..held });
    Scene { held, ..scene }
}

fn bound() -> Option<Carry> {
    Some(Carry { tilt_rad: TILT, acceleration_m_s2: ACCELERATION })
}

/// The most that it leans and is accelerated across the vertical, at every millisecond of the cubics between the points.
fn worst(arm: &Arm, held: &Held, trajectory: &JointTrajectory) -> (f64, f64) {
    let count = (trajectory.duration_s() * 1e3) as usize;
    let place = |k: usize| arm.base_from_tool(&trajectory.sample(k as f64 * 1e-3)) * held.tool_from_shape;
    let tilt = (0..=count).map(|k| place(k).z_axis().z.clamp(-1.0, 1.0).acos()).fold(0.0, f64::max);
    // Over 40 ms: what joins the points is not as smooth as the motion that they are taken from.
    let at = |k: usize| place(k).translation();
    let second = |k: usize| (at(k - 20) - 2.0 * at(k) + at(k + 20)).xy().norm() / 0.02f64.powi(2);
    let shaken = (20..count.saturating_sub(20)).map(second).fold(0.0, f64::max);
    (tilt, shaken)
}

#[test]
fn from_slot_to_slot_it_stays_upright_and_calm_and_without_the_bound_it_would_not() {
    let docked = Docked::at("storage");
    let arm = &docked.arm;
    let slots = docked.slots();
    let (mut free_tilt, mut free_shaken, mut found, mut slower) = (0.0f64, 0.0f64, 0, 0);
    for (index, (from, slot)) in slots.iter().enumerate().step_by(2) {
        let (to, other) = &slots[(index + 5) % slots.len()];
        let scene = docked.holding(docked.scene(&[from, to], 0.004));
        let above = |slot| MotionGoal::ToolAnySpin(docked.grasp(slot, 0.12));
        let request = |start, goal, scene, speed| PlanRequest { start, goal, scene, seed: 3, speed };
        let first = request(docked.posture("look"), above(slot), docked.scene(&[from, to], 0.004), 1.0);
        let start = plan(arm, &first).unwrap().points.last().unwrap().positions.clone();
        let bounded = request(start.clone(), above(other), carried(scene.clone(), bound()), 1.0);
        let trajectory = plan(arm, &bounded).unwrap_or_else(|e| panic!("{from} to {to}: {e}"));
        within_limits(arm, &bounded, &trajectory);
        let held = bounded.scene.held.as_ref().unwrap();
        let (tilt, shaken) = worst(arm, held, &trajectory);
        assert!(tilt <= TILT + 1e-4, "{from} to {to}: {} deg", tilt.to_degrees());
        assert!(shaken <= 1.02 * ACCELERATION, "{from} to {to}: {shaken} m/s^2");
        let free = plan(arm, &request(start, above(other), carried(scene, None), 1.0)).unwrap();
        let (tilt, shaken) = worst(arm, held, &free);
        (free_tilt, free_shaken) = (free_tilt.max(tilt), free_shaken.max(shaken));
        slower += usize::from(trajectory.duration_s() > free.duration_s());
        found += 1;
    }
    assert!(found == 8 && slower >= 6, "{found} found, {slower} slower");
    assert!(free_tilt > 2.0 * TILT, "only {} deg without the bound", free_tilt.to_degrees());
    assert!(free_shaken > 2.0 * ACCELERATION, "only {free_shaken} m/s^2 without the bound");
}

#[test]
fn among_random_things_no_way_leans_more_than_it_may() {
    let docked = Docked::at("storage");
    let arm = &docked.arm;
    let mut stream = Seed(11).stream("upright");
    let vial = docked.holding(docked.scene(&[], 0.004)).held.unwrap();
    let held = Held { carry: bound(), ..vial };
    let (mut found, mut around) = (0, 0);
    for seed in 0..30 {
        let mut shapes = Vec::new();
        for index in 0..6 {
            let size_m = [(); 3].map(|()| stream.random_range(0.05..0.25));
            let at = [0.0; 3].map(|_: f64| stream.random_range(-0.6..0.6));
            let base_from_shape = Pose::from_xyz_rpy([at[0] + 0.5, at[1], at[2] + 1.2], at);
            shapes.push(SceneShape {
                name: format!("box {index}"),
                solid: Solid::Box { size_m },
                base_from_shape,
            });
        }
        let mut pose = || {
            let xyz = [
                stream.random_range(0.45..0.85),
                stream.random_range(-0.6..0.6),
                stream.random_range(0.9..1.3),
            ];
            Pose::from_xyz_rpy(xyz, [std::f64::consts::PI, 0.0, stream.random_range(-3.0..3.0)])
        };
        let (from, to) = (pose(), pose());
        let middle: Vec<f64> = arm.limits().iter().map(|limit| 0.5 * (limit.lower + limit.upper)).collect();
        let Some(start) = arm.inverse(&from, &middle, Seed(seed)).into_iter().next() else { continue };
        let scene = Scene {
            shapes,
            seen_m: Vec::new(),
            held: Some(held.clone()),
            may_touch: Vec::new(),
            fingers_opening_m: docked.vial.diameter_m,
            margin_m: 0.005,
        };
        let request = PlanRequest { start, goal: MotionGoal::ToolAnySpin(to), scene, seed, speed: 0.5 };
        let Ok(trajectory) = plan(arm, &request) else { continue };
        found += 1;
        within_limits(arm, &request, &trajectory);
        let (tilt, shaken) = worst(arm, &held, &trajectory);
        assert!(tilt <= TILT + 1e-4, "problem {seed}: {} deg", tilt.to_degrees());
        assert!(shaken <= 1.02 * ACCELERATION, "problem {seed}: {shaken} m/s^2");
        assert_eq!(plan(arm, &request).as_ref(), Ok(&trajectory), "the same request, another motion");
        around += usize::from(trajectory.points.len() > 50);
    }
    assert!(found >= 8 && around >= 4, "{found} found, {around} of them long");
}

fn refusal(docked: &Docked, goal: MotionGoal, carry: Carry) -> Failure {
    let scene =
        carried(docked.holding(Scene { shapes: Vec::new(), ..docked.scene(&[], 0.004) }), Some(carry));
    let (_, slot) = &docked.slots()[0];
    let middle = docked.posture("drive");
    let start = docked.arm.inverse(&docked.grasp(slot, 0.15), &middle, Seed(1)).remove(0);
    plan(&docked.arm, &PlanRequest { start, goal, scene, seed: 1, speed: 1.0 }).unwrap_err()
}

#[test]
fn a_goal_at_which_it_would_lean_too_much_is_refused_with_the_bound() {
    let docked = Docked::at("storage");
    let carry = Carry { tilt_rad: TILT, acceleration_m_s2: ACCELERATION };
    // The camera looks ahead there, and the vial would lie.
    let failure = refusal(&docked, MotionGoal::Joints(docked.posture("look")), carry);
    assert_eq!(failure.code, Code::NoMotion, "{failure}");
    assert!(failure.message.contains("would lean by 7"), "{failure}");
    assert!(failure.message.contains("at most 8.0 deg are allowed"), "{failure}");
    for carry in [Carry { tilt_rad: 0.0, ..carry }, Carry { acceleration_m_s2: f64::NAN, ..carry }] {
        let failure = refusal(&docked, MotionGoal::Joints(docked.posture("look")), carry);
        assert_eq!(failure.code, Code::MalformedRequest, "{failure}");
        assert!(failure.message.contains("scene.held.carry"), "{failure}");
    }
}
