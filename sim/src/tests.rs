//! The whole world at work.

use crate::testing::*;
use crate::{Eyesight, GRIPPER, SimConfig, SimError, World};
use nightshift_core::frames::{Pose2, wrap_angle};
use nightshift_core::grid::Cell;
use nightshift_core::image::{Depth, Image};
use nightshift_core::random::Seed;
use nightshift_core::robot::{Beam, CommandId, LaserScan, RobotCommand, RobotEvent, Twist};
use nightshift_core::{SampleId, Stamp};
use std::time::Duration;

fn scans<'a>(events: &'a [RobotEvent], name: &str) -> Vec<&'a LaserScan> {
    let scan = |event: &'a RobotEvent| if let RobotEvent::Scan(scan) = event { Some(scan) } else { None };
    events.iter().filter_map(scan).filter(|scan| scan.scanner == name).collect()
}

#[test]
fn vials_stay_in_their_slots() {
    let site = site();
    let mut world = world(1, None);
    run(&mut world, 3.0);
    let truth = world.truth();
    for item in &site.stock {
        let sample = &truth.samples[&item.id];
        assert_eq!(sample.location, item.at.to_string(), "{}: {:?}", item.id, sample.pose);
        assert!(!sample.broken && !sample.held);
    }
    assert_eq!(world.contacts_of_note(), Vec::<String>::new());
}

#[test]
fn a_vial_is_lifted_by_friction_held_and_put_back() {
    let sample = SampleId::new("S-001");
    let mut worker = Worker::over(3, "storage/rack/A1", 0.12);
    worker.rise(-0.12, 3.0);
    let (opening, force, stalled) = grip(&mut worker.world, 0.02, 8.0);
    assert!(stalled && (opening - 0.028).abs() < 5e-4, "{opening}");
    assert!((force - 8.0).abs() < 0.2, "{force}");
    assert_eq!(worker.world.truth().samples[&sample].location, "storage/rack/A1");
    worker.rise(0.12, 2.0);
    let hang = |worker: &Worker| {
        let truth = worker.world.truth();
        let base = truth.robot.pose.spatial();
        let tool = base * base_from_tool(&worker.robot, &worker.angles);
        let sample = &truth.samples[&sample];
        (sample.location.clone(), sample.held, (tool.inverse() * sample.pose).translation())
    };
    // The arm comes to rest.
    run(&mut worker.world, 0.5);
    let (location, held, before) = hang(&worker);
    assert_eq!((location.as_str(), held), (GRIPPER, true));
    run(&mut worker.world, 10.0);
    let (location, _, after) = hang(&worker);
    assert_eq!(location, GRIPPER);
    assert!((after - before).norm() < 1e-5, "crept by {:?}", after - before);
    worker.rise(-0.12, 6.0);
    let (opening, _, stalled) = grip(&mut worker.world, 0.036, 20.0);
    assert!(!stalled && (opening - 0.036).abs() < 5e-4, "{opening}");
    worker.rise(0.12, 2.0);
    let truth = worker.world.truth();
    assert_eq!(truth.samples[&sample].location, "storage/rack/A1");
    assert!(!truth.samples[&sample].broken);
    assert_eq!(worker.world.contacts_of_note(), Vec::<String>::new());
}

#[test]
fn a_slip_fault_drops_the_next_held_vial_once() {
    let sample = SampleId::new("S-003");
    let mut worker = Worker::over(4, "storage/rack/A3", 0.12);
    strike(&mut worker.world, "gripper.slip");
    worker.rise(-0.12, 3.0);
    assert!(grip(&mut worker.world, 0.02, 8.0).2);
    worker.rise(0.12, 2.0);
    let truth = worker.world.truth();
    assert_eq!(truth.samples[&sample].location, "storage/rack/A3");
    assert!(!truth.samples[&sample].held && !truth.samples[&sample].broken);
    // The pads have closed on nothing, as far as they were told to.
    let fingers = run(&mut worker.world, 0.1).into_iter().rev().find_map(|event| match event {
        RobotEvent::Gripper(state) => Some(state),
        _ => None,
    });
    let state = fingers.unwrap();
    assert!((state.opening_m - 0.02).abs() < 1e-3 && state.force_n.abs() < 0.5, "{state:?}");
    // The second time it holds.
    grip(&mut worker.world, 0.036, 20.0);
    worker.rise(-0.12, 3.0);
    assert!(grip(&mut worker.world, 0.02, 8.0).2);
    worker.rise(0.12, 2.0);
    assert_eq!(worker.world.truth().samples[&sample].location, GRIPPER);
    assert_eq!(worker.world.contacts_of_note(), Vec::<String>::new());
}

#[test]
fn a_copy_goes_on_as_the_world_that_it_was_taken_of() {
    let mut worker = Worker::over(9, "storage/rack/A1", 0.12);
    worker.world.let_in(2, nightshift_core::random::Seed(9)).unwrap();
    // Taken in the middle of everything: a vial in the air, the arm and the base moving, faults at work, a box put in.
    worker.rise(-0.12, 3.0);
    assert!(grip(&mut worker.world, 0.02, 8.0).2);
    worker.rise(0.06, 1.0);
    strike(&mut worker.world, "obstacle.box.put(x=5m, y=5m, yaw=0.3rad, length=30cm, width=30cm)");
    strike(&mut worker.world, "scanner.front.delay(by=50ms)");
    let mut world = worker.world;
    let drive = RobotCommand::Drive(Twist { x: 0.2, y: 0.1, yaw: 0.2 });
    world.command(drive.clone());
    run(&mut world, 0.123 * 2.0);
    let copy = world.clone();
    assert_eq!(copy.state_hash(), world.state_hash());
    let go_on = |mut world: crate::World| {
        let mut events = run(&mut world, 0.5);
        world.command(drive.clone());
        strike(&mut world, "gripper.slip");
        events.extend(run(&mut world, 1.5));
        let frame = world.capture();
        (events, frame, world.state_hash())
    };
    let (uninterrupted, restored, again) = (go_on(world), go_on(copy.clone()), go_on(copy));
    assert!(uninterrupted == restored, "the copy went another way");
    assert!(uninterrupted == again, "a copy of the copy went another way");
}

#[test]
fn the_same_seed_and_commands_give_the_same_run() {
    let play = |seed: u64| {
        let mut world = world(seed, None);
        let posture = robot().arm.posture("drive").unwrap();
        let look = robot().arm.posture("look").unwrap();
        world.command(RobotCommand::MoveArm {
            id: CommandId(1),
            trajectory: trajectory(&posture, &look, 2.0),
        });
        let mut events = Vec::new();
        for step in 0..1000 {
            if step % 50 == 0 {
                world.command(RobotCommand::Drive(Twist { x: 0.3, y: 0.1, yaw: 0.2 }));
            }
            if step == 300 {
                strike(&mut world, "obstacle.box.put(x=5m, y=5m, yaw=0.3rad, length=30cm, width=30cm)");
            }
            events.extend(world.step());
        }
        let frame = world.capture();
        (events, world.state_hash(), frame)
    };
    let (one, same, other) = (play(5), play(5), play(6));
    assert!(one == same, "two runs of one seed differ");
    assert!(one.0 != other.0 && one.2 != other.2);
}

#[test]
fn scans_hit_the_walls_where_they_are() {
    let mut world = world(7, Some(Pose2::new(2.0, 2.0, 0.0)));
    let events = run(&mut world, 1.0);
    let front = scans(&events, "front");
    assert!((12..=13).contains(&front.len()), "{} scans", front.len());
    assert!(scans(&events, "rear").len() >= 12);
    // The scanner stands at (2.42, 2.28) and looks to 45 degrees; the beam at -135 looks south, to the wall at
    // y = 0 and the gas chromatograph's bench before it, which ends at x = 3.05 and y = 0.6.
    let mut ranges = Vec::new();
    let mut lost = 0;
    for scan in &front {
        match scan.beams[0] {
            Beam::Hit(range) => ranges.push(f64::from(range)),
            _ => lost += 1,
        }
        assert!((scan.angle_min + scan.angle_increment * 540.0 - 135f64.to_radians()).abs() < 1e-9);
    }
    let mean = ranges.iter().sum::<f64>() / ranges.len() as f64;
    assert!((mean - 1.68).abs() < 0.008 && lost <= 2, "{mean} m, {lost} lost");
    let spread = ranges.iter().map(|r| (r - mean).powi(2)).sum::<f64>() / ranges.len() as f64;
    assert!(spread.sqrt() > 0.003 && spread.sqrt() < 0.016, "{}", spread.sqrt());
    // The robot does not see itself.
    for scan in &front {
        for beam in &scan.beams {
            assert!(!matches!(beam, Beam::Hit(range) if *range < 0.9), "{beam:?}");
        }
    }
}

#[test]
fn a_scan_is_told_a_little_after_it_was_taken() {
    let mut world = world(8, None);
    for _ in 0..200 {
        let events = world.step();
        for scan in
            events.iter().filter_map(|e| if let RobotEvent::Scan(scan) = e { Some(scan) } else { None })
        {
            // The stamp is the first beam's; the last one was measured a sweep later.
            let late = world.now().since(scan.stamp + scan.sweep);
            assert_eq!(scan.sweep, Duration::from_millis(30));
            assert!((0.006..0.0161).contains(&late), "{late}");
        }
    }
    assert_eq!(world.now(), Stamp(400_000_000));
}

#[test]
fn the_base_drives_stops_and_its_odometry_drifts_without_jumps() {
    let mut world = world(9, None);
    let start = world.truth().robot.pose;
    let mut last = Pose2::identity();
    let mut way = 0.0;
    for step in 0..2000 {
        if step % 50 == 0 {
            world.command(RobotCommand::Drive(Twist { x: 0.4, y: 0.0, yaw: 0.8 }));
        }
        for event in world.step() {
            if let RobotEvent::Odometry(odometry) = event {
                way += last.distance(&odometry.odom_from_base);
                assert!(last.distance(&odometry.odom_from_base) < 0.02);
                last = odometry.odom_from_base;
            }
        }
    }
    let moved = start.inverse() * world.truth().robot.pose;
    let drift = (moved.x() - last.x()).hypot(moved.y() - last.y());
    assert!(way > 1.2, "{way}");
    assert!(drift > 1e-3 && drift < 0.1 * way, "drift {drift} over {way} m");
    run(&mut world, 1.0);
    let at_rest = world.truth().robot.pose;
    run(&mut world, 1.0);
    assert!(world.truth().robot.pose.distance(&at_rest) < 1e-6);
}

#[test]
fn the_arm_follows_closely_and_the_base_stands_firm() {
    let robot = robot();
    let mut world = world(10, None);
    let (drive, look) = (robot.arm.posture("drive").unwrap(), robot.arm.posture("look").unwrap());
    let start = world.truth().robot.pose;
    let motion = trajectory(&drive, &look, 1.2);
    world.command(RobotCommand::MoveArm { id: CommandId(1), trajectory: motion.clone() });
    let (mut worst, mut pushed) = (0.0f64, 0.0f64);
    for _ in 0..600 {
        for event in world.step() {
            if let RobotEvent::Joints(joints) = event {
                let wanted = motion.sample(joints.stamp.seconds() - 0.002);
                let off = wanted.iter().zip(&joints.positions).map(|(w, p)| (w - p).abs());
                worst = off.fold(worst, f64::max);
            }
        }
        pushed = pushed.max(world.truth().robot.pose.distance(&start));
    }
    run(&mut world, 1.0);
    let still = run(&mut world, 0.02).into_iter().find_map(|e| match e {
        RobotEvent::Joints(joints) => Some(joints.positions),
        _ => None,
    });
    let rest = still.unwrap().iter().zip(&look).map(|(p, w)| (p - w).abs()).fold(0.0, f64::max);
    assert!(worst < 0.005 && rest < 0.0002, "tracking {worst} rad, at rest {rest} rad");
    assert!(pushed < 0.001, "the base gave way by {pushed} m");
}

#[test]
fn a_camera_that_reads_row_by_row_leans_and_smears_what_it_turns_past_and_not_what_it_looks_at_in_rest() {
    let (site, robot) = (site(), robot());
    let station = &site.stations[&"gc".into()];
    let picture = |exposure_s: f64, readout_s: f64, yaw: f64| {
        let mut robot = robot.clone();
        (robot.camera.exposure_s, robot.camera.readout_s) = (exposure_s, readout_s);
        let k = &mut robot.camera.intrinsics;
        (k.width, k.height, k.fx, k.fy, k.cx, k.cy) = (160, 120, 150.0, 150.0, 79.5, 59.5);
        let config = SimConfig { seed: Seed(12), start: Some(station.pose * station.dock.staging) };
        let mut world = World::new(&site, &robot, config).unwrap();
        world.see_by(Eyesight::Traced);
        let (drive, look) = (robot.arm.posture("drive").unwrap(), robot.arm.posture("look").unwrap());
        go(&mut world, &drive, &look, 2.0);
        run(&mut world, 0.5);
        for _ in 0..10 {
            world.command(RobotCommand::Drive(Twist { x: 0.0, y: 0.0, yaw }));
            run(&mut world, 0.05);
        }
        world.capture().color
    };
    let still = picture(0.0, 0.0, 0.0);
    assert_eq!(picture(0.02, 0.03, 0.0), still);
    let turning = picture(0.0, 0.0, 0.8);
    let differing = |other: &Image<[u8; 3]>| {
        let far = |(a, b): (&[u8; 3], &[u8; 3])| a.iter().zip(b).any(|(a, b)| a.abs_diff(*b) > 25);
        other.pixels.iter().zip(&turning.pixels).filter(|pair| far(*pair)).count()
    };
    let (leant, smeared) = (differing(&picture(0.0, 0.03, 0.8)), differing(&picture(0.02, 0.0, 0.8)));
    assert!(leant > 60 && smeared > 60, "{leant} and {smeared} of {} pixels", turning.pixels.len());
}

#[test]
fn the_camera_sees_a_dock_tag_where_it_is() {
    let (site, robot) = (site(), robot());
    let station = &site.stations[&"gc".into()];
    let mut world = world(11, Some(station.pose * station.dock.staging));
    let (drive, look) = (robot.arm.posture("drive").unwrap(), robot.arm.posture("look").unwrap());
    go(&mut world, &drive, &look, 2.0);
    run(&mut world, 0.5);
    let frame = world.capture();
    assert_eq!(frame.stamp, world.now());
    let base_from_tool = base_from_tool(&robot, &look);
    let map_from_flange =
        (station.pose * station.dock.staging).spatial() * base_from_tool * robot.gripper.tool.inverse();
    let camera_from_tag =
        (map_from_flange * robot.camera.pose).inverse() * station.pose.spatial() * station.dock.tag.pose;
    let pixel = |x: f64, y: f64| {
        let p = camera_from_tag.point(&nalgebra::Point3::new(x, y, 0.0));
        (
            frame.intrinsics.fx * p.x / p.z + frame.intrinsics.cx,
            frame.intrinsics.fy * p.y / p.z + frame.intrinsics.cy,
            p.z,
        )
    };
    // Along a line down through the black border's left column: white, black from edge to edge, white.
    let size = station.dock.tag.size_m;
    let gray = |x: f64, y: f64| {
        let (u, v, _) = pixel(x, y);
        i32::from(frame.color.at(u.round() as usize, v.round() as usize)[1])
    };
    for y in [-0.4, -0.2, 0.0, 0.2, 0.4] {
        assert!(gray(-7.0 / 16.0 * size, y * size) < 60);
        assert!(gray(-9.0 / 16.0 * size, y * size) > 120);
    }
    let (u, v, z) = pixel(0.0, 0.0);
    let Depth::Measured(depth) = frame.depth.at(u.round() as usize, v.round() as usize) else {
        panic!("no depth")
    };
    assert!((f64::from(*depth) - z).abs() < 0.02, "{depth} for {z}");
}

#[test]
fn trajectories_that_cannot_be_followed_are_refused_in_words() {
    let robot = robot();
    let mut world = world(12, None);
    let at = robot.arm.posture("drive").unwrap();
    let with = |joint: usize, value: f64| {
        let mut angles = at.clone();
        angles[joint] = value;
        angles
    };
    let good = trajectory(&at, &with(0, 0.2), 2.0);
    let mut short = good.clone();
    short.points[1].positions.pop();
    let mut nan = good.clone();
    nan.points[1].velocities[3] = f64::NAN;
    let mut backwards = good.clone();
    backwards.points[1].time_s = 0.0;
    let mut fast = good.clone();
    fast.points[1].velocities[2] = 9.0;
    let mut swing = good.clone();
    swing.points[1].positions[1] = -2.05;
    swing.points[1].velocities[1] = 1.4;
    let cases = [
        (trajectory(&with(2, 0.06), &at, 2.0), "joint_3 starts at 0.0600 rad"),
        (trajectory(&at, &with(1, -2.2), 2.0), "joint_2 is at -2.1355 rad"),
        (short, "point 1 has 6 positions"),
        (nan, "not finite"),
        (backwards, "times must rise"),
        (fast, "joint_3 at 9.000 rad/s"),
        (swing, "joint_2 is at -2.2"),
        (Default::default(), "no points"),
    ];
    for (trajectory, words) in cases {
        let message = follow(&mut world, trajectory).unwrap_err();
        assert!(message.starts_with("refused: ") && message.contains(words), "{message}");
    }
    assert_eq!(follow(&mut world, good), Ok(()));
}

#[test]
fn the_arm_gives_up_where_something_is_in_the_way_and_the_judges_know() {
    let mut worker = Worker::over(13, "storage/rack/B4", 0.10);
    let below = worker.grasp(&"storage/rack/B4".parse().unwrap(), -0.08);
    let angles = reach(&worker.robot, &below, &worker.angles);
    let message = try_go(&mut worker.world, &worker.angles, &angles, 3.0).unwrap_err();
    assert!(message.contains("from its path"), "{message}");
    let notes = worker.world.contacts_of_note();
    assert!(
        notes.iter().any(|note| note.contains("finger_") && note.contains("rack of storage")),
        "{notes:?}"
    );
}

#[test]
fn a_stopped_or_replaced_motion_is_answered() {
    let robot = robot();
    let mut world = world(14, None);
    let (drive, look) = (robot.arm.posture("drive").unwrap(), robot.arm.posture("look").unwrap());
    let long = trajectory(&drive, &look, 4.0);
    world.command(RobotCommand::MoveArm { id: CommandId(1), trajectory: long.clone() });
    run(&mut world, 0.1);
    world.command(RobotCommand::MoveArm { id: CommandId(2), trajectory: long });
    run(&mut world, 1.0);
    world.command(RobotCommand::StopArm);
    let events = run(&mut world, 1.0);
    let answers: Vec<_> = events.iter().filter(|e| matches!(e, RobotEvent::ArmDone { .. })).collect();
    assert_eq!(
        answers,
        [&RobotEvent::ArmDone { id: CommandId(2), ok: false, message: "stopped by command".into() }]
    );
    let Some(RobotEvent::Joints(last)) = events.iter().rev().find(|e| matches!(e, RobotEvent::Joints(_)))
    else {
        panic!("no joints")
    };
    assert!(last.velocities.iter().all(|rate| rate.abs() < 0.001), "{:?}", last.velocities);
}

#[test]
fn a_kidnapped_robot_takes_along_what_it_carries_and_its_wheels_do_not_notice() {
    let mut worker = Worker::over(15, "gc/rack/B1", 0.12);
    worker.rise(-0.12, 2.0);
    grip(&mut worker.world, 0.02, 8.0);
    worker.rise(0.12, 2.0);
    let odometry = |world: &mut crate::World| {
        run(world, 0.04).into_iter().rev().find_map(|e| match e {
            RobotEvent::Odometry(odometry) => Some(odometry.odom_from_base),
            _ => None,
        })
    };
    let before = odometry(&mut worker.world).unwrap();
    let target = Pose2::new(4.0, 5.0, -2.0);
    strike(&mut worker.world, "base.kidnap(x=4m, y=5m, yaw=-2rad)");
    run(&mut worker.world, 0.5);
    let truth = worker.world.truth();
    assert!(
        truth.robot.pose.distance(&target) < 1e-3 && wrap_angle(truth.robot.pose.yaw() + 2.0).abs() < 1e-3
    );
    assert_eq!(truth.samples[&SampleId::new("S-008")].location, GRIPPER);
    assert!(odometry(&mut worker.world).unwrap().distance(&before) < 1e-3);
}

#[test]
fn the_floor_plan_is_what_a_laser_would_draw() {
    let site = site();
    let world = world(17, None);
    let plan = world.floor_plan(0.05, 0.2).unwrap();
    assert_eq!(plan.origin, [-0.5, -0.5]);
    assert_eq!((plan.width, plan.height), (200, 160));
    let at = |x: f64, y: f64| {
        let (column, row) = plan.cell_at(x, y).unwrap();
        plan.get(column, row)
    };
    assert_eq!(at(site.start.x(), site.start.y()), Cell::Free);
    // The island's edges, x from 3.1 to 5.5, run along cell borders: cells on both sides are occupied.
    for (x, y) in [(3.09, 3.4), (3.11, 3.4), (5.49, 3.4), (5.51, 3.4), (-0.01, 1.9), (0.01, 1.9), (9.01, 5.0)]
    {
        assert_eq!(at(x, y), Cell::Occupied, "({x}, {y})");
    }
    for (x, y) in [(4.3, 3.4), (-0.08, 2.0), (-0.3, 2.0), (9.3, 5.0), (6.9, 3.9)] {
        assert_eq!(at(x, y), Cell::Unknown, "({x}, {y})");
    }
    assert_eq!(at(3.02, 3.4), Cell::Free);
    assert!(matches!(world.floor_plan(0.0, 0.2), Err(SimError::Request(_))));
    assert!(matches!(world.floor_plan(1e-5, 0.2), Err(SimError::Request(_))));
}

#[test]
fn every_grip_is_answered() {
    let mut world = world(18, None);
    world.command(RobotCommand::Grip { id: CommandId(1), opening_m: f64::NAN, force_n: 8.0 });
    world.command(RobotCommand::Grip { id: CommandId(2), opening_m: 0.0, force_n: 8.0 });
    run(&mut world, 0.1);
    world.command(RobotCommand::Grip { id: CommandId(3), opening_m: -1.0, force_n: 1e9 });
    let mut events = run(&mut world, 3.0);
    world.command(RobotCommand::Grip { id: CommandId(4), opening_m: 0.03, force_n: 0.0 });
    events.extend(run(&mut world, 7.0));
    let answers: Vec<(u64, bool)> = events
        .iter()
        .filter_map(|event| match event {
            RobotEvent::GripperDone { id, stalled, .. } => Some((id.0, *stalled)),
            _ => None,
        })
        .collect();
    // The second is replaced by the third; the fourth has no force to move with.
    assert_eq!(answers, [(2, false), (3, false), (4, true)]);
}

#[test]
fn a_vial_that_falls_to_the_floor_is_broken_and_nowhere() {
    let sample = SampleId::new("S-001");
    let mut worker = Worker::over(19, "storage/rack/A1", 0.12);
    worker.rise(-0.12, 2.0);
    grip(&mut worker.world, 0.02, 8.0);
    worker.rise(0.12, 2.0);
    strike(&mut worker.world, "base.kidnap(x=2m, y=2m)");
    grip(&mut worker.world, 0.05, 8.0);
    run(&mut worker.world, 1.5);
    let truth = worker.world.truth();
    let sample = &truth.samples[&sample];
    assert!(sample.broken && !sample.held);
    assert_eq!(sample.location, "nowhere");
    let notes = worker.world.contacts_of_note();
    assert!(notes.iter().any(|note| note.contains("S-001 hits floor at 4.")), "{notes:?}");
}
