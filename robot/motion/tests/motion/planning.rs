use crate::docked::Docked;
use crate::followed::{nearest, within_limits};
use nightshift_core::describe::Solid;
use nightshift_core::frames::Pose;
use nightshift_core::random::{Seed, Stream};
use nightshift_core::{Code, Failure};
use nightshift_motion::{Arm, Held, MotionGoal, PlanRequest, Scene, SceneShape, clearance, plan};
use rand::Rng;

fn open(shapes: Vec<SceneShape>) -> Scene {
    Scene {
        shapes,
        seen_m: Vec::new(),
        held: None,
        may_touch: Vec::new(),
        fingers_opening_m: 0.03,
        margin_m: 0.01,
    }
}

fn block(name: &str, size_m: [f64; 3], xyz: [f64; 3], rpy: [f64; 3]) -> SceneShape {
    let solid = Solid::Box { size_m };
    SceneShape { name: name.to_owned(), solid, base_from_shape: Pose::from_xyz_rpy(xyz, rpy) }
}

/// Boxes and cylinders around the arm, every way round.
fn clutter(stream: &mut Stream) -> Scene {
    let shapes = (0..10).map(|index| {
        let size_m = [0, 1, 2].map(|_| stream.random_range(0.05..0.35));
        let (bearing, away) = (stream.random_range(-3.1..3.1f64), stream.random_range(0.35..0.9));
        let xyz = [0.22 + away * bearing.cos(), away * bearing.sin(), stream.random_range(0.7..1.7)];
        let mut shape = block(&format!("block {index}"), size_m, xyz, [bearing, away, bearing]);
        if index % 2 == 1 {
            shape.solid = Solid::Cylinder { radius_m: size_m[0] / 2.0, height_m: 2.0 * size_m[1] };
        }
        shape
    });
    open(shapes.collect())
}

fn free_position(arm: &Arm, scene: &Scene, stream: &mut Stream) -> Vec<f64> {
    loop {
        let q: Vec<f64> = arm.limits().iter().map(|l| stream.random_range(l.lower..=l.upper)).collect();
        if clearance(arm, &q, scene).unwrap().0 > 0.012 {
            return q;
        }
    }
}

#[test]
fn ways_through_clutter_are_free_and_within_limits_and_repeat() {
    let docked = Docked::at("storage");
    let arm = &docked.arm;
    let mut stream = Seed(11).stream("clutter");
    let (mut found, mut around) = (0, 0);
    for seed in 0..40 {
        let scene = clutter(&mut stream);
        let start = free_position(arm, &scene, &mut stream);
        let goal = free_position(arm, &scene, &mut stream);
        let speed = if seed % 3 == 0 { 0.4 } else { 1.0 };
        let request =
            PlanRequest { start, goal: MotionGoal::Joints(goal.clone()), scene: scene.clone(), seed, speed };
        let Ok(trajectory) = plan(arm, &request) else { continue };
        found += 1;
        within_limits(arm, &request, &trajectory);
        assert_eq!(trajectory.points.last().unwrap().positions, goal);
        let nearest = nearest(arm, &scene, &trajectory);
        assert!(nearest.0 > 0.0, "{nearest:?} in problem {seed}");
        // Not one straight stretch: some joint turns back or the joints do not go in proportion.
        let middle = trajectory.points[trajectory.points.len() / 2].positions.clone();
        let share = |i: usize| (middle[i] - request.start[i]) / (goal[i] - request.start[i]);
        around += usize::from((1..7).any(|i| (share(i) - share(0)).abs() > 1e-3));
        if seed % 4 == 0 {
            let text = serde_json::to_string(&request).unwrap();
            assert_eq!(plan(arm, &serde_json::from_str(&text).unwrap()), Ok(trajectory));
        }
    }
    assert!(found >= 38, "{found} of 40 found");
    assert!(around >= 5, "only {around} ways led around something: the problems are too easy");
}

fn refusal(docked: &Docked, goal: MotionGoal, scene: Scene) -> Failure {
    let request = PlanRequest { start: docked.posture("look"), goal, scene, seed: 1, speed: 1.0 };
    plan(&docked.arm, &request).unwrap_err()
}

#[track_caller]
fn says(failure: &Failure, code: Code, words: &[&str]) {
    assert_eq!(failure.code, code, "{failure}");
    for word in words {
        assert!(failure.message.contains(word), "{word:?} is not in: {failure}");
    }
}

#[test]
fn a_pose_out_of_reach_is_refused_with_the_distance_that_is_missing() {
    let docked = Docked::at("storage");
    // Straight ahead of the shoulder (0.22, 0, 0.96): reach 0.82 m, and the hand's 0.281 m.
    let far = Pose::from_xyz_rpy([0.22 + 1.101 + 0.2, 0.0, 0.96], [0.0, std::f64::consts::FRAC_PI_2, 0.0]);
    let failure = refusal(&docked, MotionGoal::Tool(far), open(vec![]));
    says(&failure, Code::Unreachable, &["goal:", "(1.521, 0.000, 0.960)", "misses by 0.2"]);
    let failure = refusal(&docked, MotionGoal::ToolAnySpin(far), open(vec![]));
    says(&failure, Code::Unreachable, &["goal:", "misses by 0.2"]);
    let failure = refusal(&docked, MotionGoal::Line(far), open(vec![]));
    says(&failure, Code::Unreachable, &["line: after 0.", "misses by"]);
    let mut beyond = docked.posture("look");
    beyond[3] = -2.2;
    let failure = refusal(&docked, MotionGoal::Joints(beyond), open(vec![]));
    says(&failure, Code::Unreachable, &["goal:", "joint_4 at -126.1 deg is outside -120.0 deg to 120.0 deg"]);
}

#[test]
fn what_is_blocked_is_refused_with_the_pair_and_the_place() {
    let docked = Docked::at("storage");
    let tool = docked.arm.base_from_tool(&docked.posture("look"));
    let at = tool.translation();
    let here = block("a box", [0.1; 3], [at.x, at.y, at.z], [0.0; 3]);
    let drive = MotionGoal::Joints(docked.posture("drive"));
    says(
        &refusal(&docked, drive.clone(), open(vec![here.clone()])),
        Code::NoMotion,
        &["start:", "finger_left and a box overlap by", "in the base's frame"],
    );
    // Allowed to touch, it may leave.
    let fingers = ["gripper", "finger"].map(|name| (name.to_owned(), "a box".to_owned()));
    let allowed = Scene { may_touch: fingers.to_vec(), ..open(vec![here]) };
    let request =
        PlanRequest { start: docked.posture("look"), goal: drive, scene: allowed, seed: 1, speed: 1.0 };
    assert!(plan(&docked.arm, &request).is_ok());

    let mut goal = docked.posture("look");
    goal[0] = 1.5;
    let there = docked.arm.base_from_tool(&goal).translation();
    let there = block("a wall", [0.1; 3], [there.x, there.y, there.z], [0.0; 3]);
    let failure = refusal(&docked, MotionGoal::Joints(goal), open(vec![there]));
    says(&failure, Code::NoMotion, &["goal:", "and a wall overlap by"]);

    let aside = Pose::new(nalgebra::Translation3::new(0.0, 0.25, 0.0) * tool.iso);
    let post = block("a post", [0.05, 0.02, 0.5], [at.x, at.y + 0.2, at.z], [0.0; 3]);
    let failure = refusal(&docked, MotionGoal::Line(aside), open(vec![post]));
    says(&failure, Code::NoMotion, &["line: after 0.", "of 0.250 m", "a post"]);
}

#[test]
fn out_of_a_ring_there_is_no_way_and_the_failure_names_the_ring() {
    let docked = Docked::at("storage");
    let links = docked.arm.link_poses(&docked.posture("look"));
    let (_, base_from_link) = links.iter().find(|(name, _)| name == "link_5").unwrap();
    // Four bars around the forearm (55 mm), 13 mm off. The hand with its camera is wider than that.
    let bars = [(1.0, 0.0), (-1.0, 0.0), (0.0, 1.0), (0.0, -1.0)].map(|(x, y): (f64, f64)| {
        let at = [0.078 * x, 0.078 * y, 0.09];
        let size_m = [0.02 + 0.15 * y.abs(), 0.02 + 0.15 * x.abs(), 0.02];
        let base_from_shape = *base_from_link * Pose::from_xyz_rpy(at, [0.0; 3]);
        SceneShape { name: "the ring".to_owned(), solid: Solid::Box { size_m }, base_from_shape }
    });
    // Stretched away from the ring.
    let goal = vec![2.5, 1.2, 0.0, -0.5, 0.0, 0.5, 0.0];
    let failure = refusal(&docked, MotionGoal::Joints(goal), open(bars.to_vec()));
    says(&failure, Code::NoMotion, &["way: none found", "most often in the way:", "and the ring"]);
}

#[test]
fn nonsense_is_refused_by_name() {
    let docked = Docked::at("storage");
    let good = PlanRequest {
        start: docked.posture("look"),
        goal: MotionGoal::Joints(docked.posture("drive")),
        scene: open(vec![]),
        seed: 1,
        speed: 1.0,
    };
    let refused = |request: PlanRequest, word: &str| {
        says(&plan(&docked.arm, &request).unwrap_err(), Code::MalformedRequest, &[word]);
    };
    for speed in [0.0, -1.0, 1.5, f64::NAN] {
        refused(PlanRequest { speed, ..good.clone() }, "speed");
    }
    refused(PlanRequest { start: vec![0.0; 6], ..good.clone() }, "start");
    refused(PlanRequest { start: vec![f64::NAN; 7], ..good.clone() }, "start");
    refused(PlanRequest { goal: MotionGoal::Joints(vec![]), ..good.clone() }, "goal");
    let nowhere = Pose::from_xyz_rpy([f64::INFINITY, 0.0, 0.0], [0.0; 3]);
    refused(PlanRequest { goal: MotionGoal::Tool(nowhere), ..good.clone() }, "pose");
    refused(PlanRequest { goal: MotionGoal::Line(nowhere), ..good.clone() }, "pose");
    refused(PlanRequest { scene: Scene { margin_m: -0.1, ..open(vec![]) }, ..good.clone() }, "margin_m");
    refused(
        PlanRequest { scene: Scene { fingers_opening_m: 0.2, ..open(vec![]) }, ..good.clone() },
        "opening",
    );
    let flat = open(vec![block("a plate", [0.1, 0.1, 0.0], [1.0; 3], [0.0; 3])]);
    refused(PlanRequest { scene: flat, ..good.clone() }, "a plate");
    let solid = Solid::Sphere { radius_m: f64::NAN };
    let held =
        Some(Held { name: "a ghost".to_owned(), solid, tool_from_shape: Pose::identity(), carry: None });
    refused(PlanRequest { scene: Scene { held, ..open(vec![]) }, ..good }, "a ghost");
}

#[test]
fn where_it_is_already_it_stays() {
    let docked = Docked::at("storage");
    let start = docked.posture("look");
    let tool = docked.arm.base_from_tool(&start);
    for goal in [MotionGoal::Joints(start.clone()), MotionGoal::Tool(tool), MotionGoal::Line(tool)] {
        let request = PlanRequest { start: start.clone(), goal, scene: open(vec![]), seed: 1, speed: 1.0 };
        let trajectory = plan(&docked.arm, &request).unwrap();
        assert!(trajectory.points.iter().all(|point| point.positions == start));
        assert!(trajectory.duration_s() > 0.0);
    }
}

#[test]
fn what_stands_too_near_may_be_left_but_not_approached() {
    let docked = Docked::at("storage");
    let start = docked.posture("look");
    let tool = docked.arm.base_from_tool(&start);
    let tip = tool.point(&nalgebra::Point3::new(0.0, 0.0, 0.007));
    // A plate square to the fingers, 4 mm ahead of their tips, where 10 mm is the margin.
    let plate = tool * Pose::from_xyz_rpy([0.0, 0.0, 0.007 + 0.004 + 0.005], [0.0; 3]);
    let shape = SceneShape {
        name: "a plate".to_owned(),
        solid: Solid::Box { size_m: [0.2, 0.2, 0.01] },
        base_from_shape: plate,
    };
    let scene = open(vec![shape]);
    let (distance, ..) = clearance(&docked.arm, &start, &scene).unwrap();
    assert!((distance - 0.004).abs() < 1e-5, "{distance} at {tip}");
    let along = |by: f64| MotionGoal::Line(tool * Pose::from_xyz_rpy([0.0, 0.0, by], [0.0; 3]));
    let request =
        |goal| PlanRequest { start: start.clone(), goal, scene: scene.clone(), seed: 1, speed: 1.0 };
    assert!(plan(&docked.arm, &request(along(-0.05))).is_ok());
    let failure = plan(&docked.arm, &request(along(0.003))).unwrap_err();
    says(&failure, Code::NoMotion, &["line:", "a plate are 0.0"]);
}

/// Points on the faces of boxes and the walls of cylinders, a centimetre apart: what a camera that sees all sides would tell.
fn points_on(scene: &Scene) -> Vec<[f64; 3]> {
    let grid = |length: f64| {
        let steps = (length / 0.01).ceil().max(1.0) as usize;
        (0..=steps).map(move |step| length * (step as f64 / steps as f64 - 0.5))
    };
    let mut points = Vec::new();
    for shape in &scene.shapes {
        let mut put = |x: f64, y: f64, z: f64| {
            let at = shape.base_from_shape.point(&nalgebra::Point3::new(x, y, z));
            points.push([at.x, at.y, at.z]);
        };
        match shape.solid {
            Solid::Box { size_m: [a, b, c] } => {
                for (u, v) in grid(a).flat_map(|u| grid(b).map(move |v| (u, v))) {
                    for side in [-0.5, 0.5] {
                        put(u, v, side * c);
                    }
                }
                for (u, v) in grid(a).flat_map(|u| grid(c).map(move |v| (u, v))) {
                    for side in [-0.5, 0.5] {
                        put(u, side * b, v);
                    }
                }
                for (u, v) in grid(b).flat_map(|u| grid(c).map(move |v| (u, v))) {
                    for side in [-0.5, 0.5] {
                        put(side * a, u, v);
                    }
                }
            }
            Solid::Cylinder { radius_m, height_m } => {
                let around = grid(std::f64::consts::TAU * radius_m).map(move |along| along / radius_m);
                for (turn, z) in around.flat_map(|turn| grid(height_m).map(move |z| (turn, z))) {
                    put(radius_m * turn.cos(), radius_m * turn.sin(), z);
                    for part in [0.25, 0.5, 0.75, 1.0] {
                        put(part * radius_m * turn.cos(), part * radius_m * turn.sin(), height_m / 2.0);
                        put(part * radius_m * turn.cos(), part * radius_m * turn.sin(), -height_m / 2.0);
                    }
                }
            }
            Solid::Sphere { .. } => unreachable!("the clutter has none"),
        }
    }
    points
}

/// What was only seen is kept clear of as what is described: ways that are planned among points never touch what the points lie on.
#[test]
fn ways_among_points_that_were_seen_touch_nothing_that_they_lie_on() {
    let docked = Docked::at("storage");
    let arm = &docked.arm;
    let mut stream = Seed(12).stream("seen");
    let (mut found, mut around) = (0, 0);
    for seed in 0..6 {
        let mut described = clutter(&mut stream);
        described.shapes.truncate(2);
        // A wall ahead, and the arm from its one side to its other.
        described.shapes.push(block("wall", [0.5, 0.04, 0.5], [0.6, 0.0, 1.1], [0.0; 3]));
        let scene = Scene { seen_m: points_on(&described), ..open(vec![]) };
        let mut beside = |turn: f64| loop {
            let mut q = free_position(arm, &scene, &mut stream);
            q[0] = turn;
            if clearance(arm, &q, &scene).unwrap().0 > 0.012 {
                return q;
            }
        };
        let (start, goal) = (beside(-1.1), beside(1.1));
        let request = PlanRequest { start, goal: MotionGoal::Joints(goal), scene, seed, speed: 1.0 };
        let Ok(trajectory) = plan(arm, &request) else { continue };
        found += 1;
        let (nearest_m, ..) = nearest(arm, &described, &trajectory);
        assert!(nearest_m > 0.0, "seed {seed}: {nearest_m} m");
        let straight = PlanRequest { scene: open(vec![]), ..request.clone() };
        around += usize::from(plan(arm, &straight).unwrap() != trajectory);
    }
    assert!(found >= 4 && around >= 2, "{found} found, {around} around something");
}

#[test]
fn what_was_seen_is_named_where_it_is_in_the_way_and_bad_points_are_refused() {
    let docked = Docked::at("storage");
    let arm = &docked.arm;
    let start = arm.limits().iter().map(|l| 0.5 * (l.lower + l.upper)).collect::<Vec<f64>>();
    let goal: Vec<f64> = start.iter().map(|q| q + 0.3).collect();
    let elbow = arm.link_poses(&goal).into_iter().find(|(name, _)| name == "link_4").unwrap().1.translation();
    let request = |seen_m: Vec<[f64; 3]>| PlanRequest {
        start: start.clone(),
        goal: MotionGoal::Joints(goal.clone()),
        scene: Scene { seen_m, ..open(vec![]) },
        seed: 1,
        speed: 1.0,
    };
    let failure = plan(arm, &request(vec![elbow.into()])).unwrap_err();
    assert!(failure.code == Code::NoMotion && failure.message.contains("seen"), "{failure}");
    let mut allowed = request(vec![elbow.into()]);
    let links = arm.link_poses(&start).into_iter().map(|(name, _)| name);
    allowed.scene.may_touch = links.map(|name| (name, "seen".to_owned())).collect();
    assert!(plan(arm, &allowed).is_ok());
    for (points, word) in [
        (vec![[f64::NAN, 0.0, 0.0]], "finite"),
        ((0..5000).map(|k| [0.1 * f64::from(k), 3.0, 1.0]).collect::<Vec<_>>(), "cells"),
    ] {
        let failure = plan(arm, &request(points)).unwrap_err();
        assert!(failure.code == Code::MalformedRequest && failure.message.contains(word), "{failure}");
    }
}
