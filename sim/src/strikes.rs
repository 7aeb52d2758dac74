//! Every fault of the catalogue strikes, and its effect is looked for in the truth or in what the sensors say.

use crate::World;
use crate::faults::{CATALOGUE, parse};
use crate::testing::*;
use nightshift_core::frames::Pose2;
use nightshift_core::handshake::{Purpose, Reach, SiteAnswer, SiteCall, Verb, Verdict};
use nightshift_core::image::Depth;
use nightshift_core::robot::{Battery, Beam, CommandId, RobotCommand, RobotEvent, Twist};
use nightshift_core::{SampleId, Stamp};
use std::collections::BTreeSet;

type Check = fn(&mut World, &str);

/// A text and what to look for. The disk's and the stack's faults strike in scenarios: `tests/command_line.rs`.
const CASES: &[(&str, Check)] = &[
    ("scanner.front.loss(for=600ms)", loss),
    ("scanner.front.freeze", freeze),
    ("scanner.front.delay(by=100ms)", delay),
    ("scanner.front.jitter(up_to=60ms)", jitter),
    ("scanner.front.duplicate", duplicate),
    ("scanner.front.drop(share=50%)", thin),
    ("scanner.front.bias(by=10cm)", |world, text| ranges(world, text, |b, a| a - b > 0.09)),
    ("scanner.front.noise(sigma=20cm)", |world, text| ranges(world, text, |b, a| (a - b).abs() > 0.04)),
    ("scanner.front.nan", |world, text| beams(world, text, |beam, _| *beam == Beam::Invalid, 1.0)),
    ("scanner.front.blind(from=-10deg, to=10deg)", |world, text| {
        beams(world, text, |beam, bearing| bearing.abs() > 0.17 || *beam == Beam::NoReturn, 1.0);
    }),
    ("scanner.front.dirt(from=-10deg, to=10deg)", |world, text| {
        beams(world, text, |beam, bearing| bearing.abs() > 0.17 || *beam == Beam::Hit(0.08), 1.0);
    }),
    ("scanner.front.glare(from=-40deg, to=40deg)", |world, text| {
        beams(world, text, |beam, _| *beam == Beam::Invalid, 0.15);
    }),
    // Turned by ten degrees, every beam sees what the one twenty places on saw.
    ("scanner.front.knocked(yaw=10deg)", |world, text| {
        let before = scan(world);
        strike(world, text);
        let after = scan(world);
        let alike = (0..500).filter(|i| near(before[i + 20], after[*i])).count();
        assert!(alike > 400, "{alike}");
    }),
    ("scanner.front.crosstalk(share=30%)", |world, text| ranges(world, text, |b, a| a < b - 0.1 || b == a)),
    ("odometry.loss(for=600ms)", loss),
    ("odometry.freeze", freeze),
    ("odometry.delay(by=100ms)", delay),
    ("odometry.jitter(up_to=60ms)", jitter),
    ("odometry.duplicate", duplicate),
    ("odometry.drop(share=50%)", thin),
    ("odometry.bias(by=20%)", |world, text| drift(world, text, |told, way| told[0] > 1.1 * way)),
    ("odometry.veer(by=20deg/m)", |world, text| drift(world, text, |told, way| told[2] > 0.2 * way)),
    ("odometry.noise(sigma=100%)", |world, text| {
        drift(world, text, |told, way| (told[0] - way).abs() > 0.03 * way)
    }),
    ("joints.loss(for=600ms)", loss),
    ("joints.freeze", freeze),
    ("joints.delay(by=100ms)", delay),
    ("joints.jitter(up_to=60ms)", jitter),
    ("joints.duplicate", duplicate),
    ("joints.drop(share=50%)", thin),
    ("joints.bias(joint=joint_3, by=5deg)", |world, text| {
        let change = joints_change(world, text);
        assert!((change[2] - 5f64.to_radians()).abs() < 1e-3 && change[0].abs() < 1e-3, "{change:?}");
    }),
    ("joints.noise(sigma=2deg)", |world, text| {
        let change = joints_change(world, text);
        assert!(change.iter().any(|by| by.abs() > 0.01), "{change:?}");
    }),
    ("gripper.loss(for=600ms)", loss),
    ("gripper.freeze", freeze),
    ("gripper.delay(by=100ms)", delay),
    ("gripper.jitter(up_to=60ms)", jitter),
    ("gripper.duplicate", duplicate),
    ("gripper.drop(share=50%)", thin),
    ("gripper.bias(by=3N)", |world, text| {
        strike(world, text);
        assert!(forces(world).iter().all(|force| (force - 3.0).abs() < 0.5));
    }),
    ("gripper.noise(sigma=3N)", |world, text| {
        strike(world, text);
        assert!(forces(world).iter().any(|force| force.abs() > 2.0));
    }),
    ("gripper.slip", gripper_lets_go),
    ("gripper.jam", |world, text| {
        strike(world, text);
        let (opening, _, stalled) = grip(world, 0.01, 20.0);
        assert!(stalled && opening > 0.045, "{opening}");
    }),
    ("gripper.torque_loss(share=99%)", gripper_lets_go),
    ("gripper.opens", gripper_lets_go),
    ("camera.loss", |world, text| assert_eq!(shots(world, text).len(), 0)),
    ("camera.freeze", |world, text| {
        let before = world.shoot().remove(0).frame;
        world.command(RobotCommand::Drive(Twist { x: 0.5, y: 0.0, yaw: 0.5 }));
        run(world, 0.3);
        let after = shots(world, text).remove(0).frame;
        assert!(after.color == before.color && after.stamp == world.now());
    }),
    ("camera.delay(by=500ms)", |world, text| {
        assert!((500..=520).contains(&shots(world, text)[0].after.as_millis()));
    }),
    ("camera.jitter(up_to=500ms)", |world, text| assert!(shots(world, text)[0].after.as_millis() > 20)),
    ("camera.duplicate", |world, text| assert_eq!(shots(world, text).len(), 2)),
    ("camera.drop(share=100%)", |world, text| assert_eq!(shots(world, text).len(), 0)),
    ("camera.dark", |world, text| picture(world, text, |_, after, depth| after[0] == 0.0 && depth == 0)),
    ("camera.overexposed", |world, text| picture(world, text, |before, after, _| after[0] > before[0] * 1.3)),
    ("camera.smear(length=60px)", |world, text| {
        picture(world, text, |before, after, _| after[1] < before[1] * 0.8)
    }),
    ("camera.blur(radius=8px)", |world, text| {
        picture(world, text, |before, after, _| after[1] < before[1] * 0.8)
    }),
    ("camera.glare", |world, text| picture(world, text, |before, after, _| after[0] > before[0] * 1.2)),
    ("camera.noise(sigma=20%)", |world, text| {
        picture(world, text, |before, after, _| after[1] > before[1] * 2.0)
    }),
    ("camera.depth_loss", |world, text| picture(world, text, |_, _, depth| depth == 0)),
    ("camera.knocked(yaw=3deg)", |world, text| {
        let before = world.capture();
        strike(world, text);
        let after = world.capture();
        let differ = before.color.pixels.iter().zip(&after.color.pixels);
        let differ = differ.filter(|(a, b)| a[1].abs_diff(b[1]) > 20).count();
        assert!(differ > 1000, "{differ}");
    }),
    ("base.slip(share=50%)", |world, text| {
        strike(world, text);
        let (moved, told) = drive(world);
        assert!((told[0] / moved.x() - 2.0).abs() < 0.2, "{moved:?} {told:?}");
    }),
    ("base.stuck_wheel(wheel=rear_left)", |world, text| {
        strike(world, text);
        let (moved, told) = drive(world);
        assert!(moved.yaw().abs() > 0.1 && (told[2] - moved.yaw()).abs() < 0.05, "{moved:?} {told:?}");
    }),
    ("base.sluggish(share=50%)", |world, text| {
        strike(world, text);
        let (moved, told) = drive(world);
        assert!(moved.x() < 0.3 && (told[0] - moved.x()).abs() < 0.05, "{moved:?} {told:?}");
    }),
    ("base.kidnap(x=6m, y=5m, yaw=90deg)", |world, text| {
        let before = told_pose(world);
        strike(world, text);
        let after = told_pose(world);
        assert!(world.truth().robot.pose.distance(&Pose2::new(6.0, 5.0, 1.57)) < 0.01);
        assert!(before.distance(&after) < 1e-3);
    }),
    ("arm.protective_stop(for=2s)", |world, text| {
        let (drive, look) = postures();
        let motion = trajectory(&drive, &look, 2.0);
        world.command(RobotCommand::MoveArm { id: CommandId(7), trajectory: motion.clone() });
        run(world, 0.3);
        strike(world, text);
        let ends = arm_ends(&run(world, 0.1));
        assert!(ends[0].contains("protective stop"), "{ends:?}");
        world.command(RobotCommand::MoveArm { id: CommandId(7), trajectory: motion });
        let ends = arm_ends(&run(world, 0.1));
        assert!(ends[0].contains("refused: the arm is in its protective stop"), "{ends:?}");
        run(world, 2.0);
        let at = joints(world);
        assert_eq!(try_go(world, &at, &drive, 2.0), Ok(()));
    }),
    ("arm.refuses", |world, text| {
        strike(world, text);
        let (drive, look) = postures();
        assert!(try_go(world, &drive, &look, 2.0).unwrap_err().contains("refused"));
    }),
    ("arm.weak(joint=joint_4, share=98%)", |world, text| {
        strike(world, text);
        let (drive, look) = postures();
        assert!(try_go(world, &drive, &look, 1.2).unwrap_err().contains("joint_4"));
    }),
    ("rack.storage/rack.shift(x=5mm, y=-3mm)", |world, text| {
        let before = world.truth().samples[&SampleId::new("S-001")].clone();
        strike(world, text);
        run(world, 0.3);
        let after = world.truth().samples[&SampleId::new("S-001")].clone();
        let moved = (after.pose.translation() - before.pose.translation()).norm();
        assert!((moved - 0.00583).abs() < 5e-4 && after.location == before.location, "{moved}");
    }),
    ("slot.photolysis/rack/A1.occupied", |world, text| {
        strike(world, text);
        run(world, 0.5);
        let truth = world.truth();
        let stranger = &truth.strangers[&SampleId::new("stranger-1")];
        assert_eq!(stranger.location, "photolysis/rack/A1");
        assert_eq!(truth.samples.len(), site().stock.len());
        let again = world.inject(&parse(text).unwrap().fault).unwrap_err().to_string();
        assert!(again.contains("occupied already, by stranger-1"), "{again}");
    }),
    ("vial.S-001.missing", |world, text| whereabouts(world, text, "nowhere")),
    ("vial.S-001.moved(to=photolysis/rack/B2)", |world, text| {
        whereabouts(world, text, "photolysis/rack/B2");
        run(world, 1.0);
        assert_eq!(world.truth().samples[&SampleId::new("S-001")].location, "photolysis/rack/B2");
        let taken = parse("vial.S-002.moved(to=photolysis/rack/B2)").unwrap().fault;
        let taken = world.inject(&taken).unwrap_err().to_string();
        assert!(taken.contains("occupied already, by S-001"), "{taken}");
    }),
    ("vial.S-001.toppled", |world, text| {
        whereabouts(world, text, "nowhere");
        let truth = world.truth();
        let sample = &truth.samples[&SampleId::new("S-001")];
        assert!(sample.pose.z_axis().z.abs() < 0.2 && sample.pose.translation().z > 0.7, "{:?}", sample.pose);
        assert_eq!(world.contacts_of_note(), Vec::<String>::new());
    }),
    // The deck is beside the storage's rack in no picture, so the labels are looked at in the scene itself.
    ("vial.S-001.swapped(with=S-003)", |world, text| {
        let codes = [world.label("S-001"), world.label("S-003")];
        strike(world, text);
        assert_eq!([world.label("S-003"), world.label("S-001")], codes);
    }),
    ("vial.S-001.unreadable", |world, text| {
        assert!(world.label("S-001").is_some());
        strike(world, text);
        assert_eq!(world.label("S-001"), None);
    }),
    ("vial.S-001.stuck(force=25N)", |_, text| {
        let mut worker = Worker::over(31, "storage/rack/A1", 0.12);
        strike(&mut worker.world, text);
        worker.rise(-0.12, 2.0);
        grip(&mut worker.world, 0.02, 8.0);
        worker.rise(0.12, 2.0);
        assert_eq!(worker.world.truth().samples[&SampleId::new("S-001")].location, "storage/rack/A1");
    }),
    ("tag.gc.covered(for=500ms)", |world, text| {
        let shown = |world: &mut World| {
            world.capture();
            world.dock_tag_shows("gc")
        };
        assert!(shown(world));
        strike(world, text);
        assert!(!shown(world));
        run(world, 0.6);
        assert!(shown(world));
    }),
    ("furniture.island.shift(x=10cm, y=10cm)", |world, text| {
        let before = scan(world);
        strike(world, text);
        let after = scan(world);
        let differ = (0..before.len()).filter(|i| !near(before[*i], after[*i])).count();
        assert!(differ > 10, "{differ}");
    }),
    ("obstacle.box.put(x=4m, y=2.28m, length=40cm, width=40cm)", |world, text| {
        strike(world, text);
        let told = world.truth().obstacles["box"];
        assert!((told.pose.x(), told.pose.y()) == (4.0, 2.28) && told.size_m[0] == 0.4, "{told:?}");
        // Straight ahead in the base's frame: 45 degrees to the right of the scanner's middle.
        assert!((scan(world)[180] - 1.38).abs() < 0.04);
    }),
    ("obstacle.box.remove", |world, text| {
        strike(world, "obstacle.box.put(x=4m, y=2.28m, length=40cm, width=40cm)");
        strike(world, text);
        assert!(scan(world)[180] > 5.0);
    }),
    ("room.dark", |world, text| picture(world, text, |before, after, _| after[0] < before[0] * 0.5)),
    ("clock.jump(by=2s)", |world, text| {
        let ahead = |world: &mut World| late(&run(world, 0.1), world.now());
        assert!(ahead(world) >= -0.001);
        strike(world, text);
        assert!(ahead(world) < -1.8);
    }),
    ("clock.drift(rate=10%)", |world, text| {
        strike(world, text);
        let events = run(world, 2.0);
        assert!(late(&events, world.now()) < -0.15);
    }),
    ("network.partition(for=1s)", |world, text| {
        strike(world, text);
        world.command(RobotCommand::Drive(Twist { x: 0.5, y: 0.0, yaw: 0.0 }));
        let start = world.truth().robot.pose;
        assert_eq!(run(world, 0.9), []);
        assert!(start.distance(&world.truth().robot.pose) < 1e-3);
        run(world, 0.2);
        assert!(!run(world, 0.1).is_empty());
    }),
    ("network.delay(by=300ms)", |world, text| {
        strike(world, text);
        run(world, 0.4);
        let start = world.truth().robot.pose;
        world.command(RobotCommand::Drive(Twist { x: 0.5, y: 0.0, yaw: 0.0 }));
        assert!(late(&run(world, 0.28), world.now()) > 0.29);
        assert!(start.distance(&world.truth().robot.pose) < 1e-3);
        run(world, 0.3);
        assert!(start.distance(&world.truth().robot.pose) > 0.01);
    }),
    ("station.gc.refuses", |world, text| assert_eq!(wish(world, text, "gc").verdict, Verdict::Refused)),
    ("station.gc.busy(for=10min)", |world, text| assert_eq!(wish(world, text, "gc").verdict, Verdict::Busy)),
    ("station.gc.broken", |world, text| assert_eq!(wish(world, text, "gc").verdict, Verdict::Fault)),
    ("station.sonicator.part_stuck(part=lid, at=50%)", |world, text| {
        assert_eq!(wish(world, text, "sonicator").verdict, Verdict::Ok);
        run(world, 4.0);
        let lid = world.truth().stations[&"sonicator".into()].parts[&"lid".into()];
        assert!((lid - 0.5).abs() < 0.01, "{lid}");
    }),
    ("station.sonicator.part_misread(part=lid, says=100%)", |world, text| {
        strike(world, "station.sonicator.part_stuck(part=lid, at=0%)");
        assert!(wish(world, text, "sonicator").verdict == Verdict::Ok);
        run(world, 1.0);
        let truth = &world.truth().stations[&"sonicator".into()];
        assert_eq!(truth.state.as_str(), "open", "it takes the lid to be there");
        assert!(truth.parts[&"lid".into()] < 0.01, "{truth:?}");
    }),
    ("charger.charger.dirty", |world, text| {
        strike(world, text);
        assert_eq!(onto_the_charger(world, 3), [false, false, true]);
    }),
    ("charger.charger.dead(for=10s)", |world, text| {
        assert_eq!(onto_the_charger(world, 1), [true]);
        strike(world, text);
        assert_eq!(onto_the_charger(world, 1), [false]);
        run(world, 10.0);
        assert_eq!(onto_the_charger(world, 1), [true]);
    }),
    ("battery.charge(at=10%)", |world, text| {
        strike(world, text);
        assert!(battery(world).is_some_and(|battery| (battery.charge - 0.1).abs() < 1e-4));
    }),
    ("network.drop(share=50%)", |world, text| {
        let before = run(world, 1.0).len();
        strike(world, text);
        let after = run(world, 1.0).len();
        assert!(after * 10 > before * 3 && after * 10 < before * 7, "{after} of {before}");
    }),
];

/// What the battery tells last within a second and a half.
fn battery(world: &mut World) -> Option<Battery> {
    let events = run(world, 1.5);
    events
        .iter()
        .rev()
        .find_map(|event| if let RobotEvent::Battery(told) = event { Some(*told) } else { None })
}

/// Whether the battery is fed each time that the base is put into the charger's dock.
fn onto_the_charger(world: &mut World, times: usize) -> Vec<bool> {
    let site = site();
    let charger = &site.stations[&"charger".into()];
    let mut fed = Vec::new();
    for _ in 0..times {
        for pose in [charger.dock.staging, charger.dock.docked].map(|pose| charger.pose * pose) {
            let (x, y, yaw) = (pose.x(), pose.y(), pose.yaw());
            strike(world, &format!("base.kidnap(x={x}m, y={y}m, yaw={yaw}rad)"));
            run(world, 0.1);
        }
        fed.push(battery(world).unwrap().charging);
    }
    fed
}

/// What a station says to a hand once it has been struck.
fn wish(world: &mut World, text: &str, station: &str) -> SiteAnswer {
    strike(world, text);
    run(world, 0.1);
    let reach = Some(Reach { nest: "rack".into(), slot: "A1".into(), purpose: Purpose::Place });
    world.handshake(&SiteCall { station: station.into(), verb: Verb::Prepare, token: "J1".into(), reach })
}

#[test]
fn every_fault_of_the_catalogue_has_its_case() {
    let cases: BTreeSet<_> = (CASES.iter())
        .map(|(text, _)| parse(text).unwrap().fault.spec)
        .map(|spec| (spec.component, spec.name))
        .collect();
    for spec in CATALOGUE.iter().filter(|spec| !spec.what.strikes_the_stack()) {
        assert!(cases.contains(&(spec.component, spec.name)), "{:?}.{}", spec.component, spec.name);
    }
}

/// Each on its own copy of one world; all that fail are named.
fn strike_all(part: usize) {
    let mut failed = Vec::new();
    for (text, check) in CASES.iter().skip(part).step_by(PARTS) {
        let case = || check(&mut world(30, Some(Pose2::new(2.0, 2.0, 0.0))), text);
        if std::panic::catch_unwind(case).is_err() {
            failed.push(text);
        }
    }
    assert!(failed.is_empty(), "no effect, see above: {failed:#?}");
}

const PARTS: usize = 2;

#[test]
fn every_fault_shows_in_truth_or_sensors() {
    strike_all(0);
}

#[test]
fn every_other_fault_shows_too() {
    strike_all(1);
}

#[test]
fn names_that_are_not_there_are_refused_with_those_that_are() {
    let mut world = world(16, None);
    let refused =
        |world: &mut World, text: &str| world.inject(&parse(text).unwrap().fault).unwrap_err().to_string();
    for (text, words) in [
        ("scanner.frnt.nan", "no scanner frnt; did you mean front? There are: front, rear"),
        ("vial.S-999.missing", "no sample S-999"),
        ("rack.gc/shelf.shift(x=1mm)", "There are: "),
        ("slot.gc/rack/Z9.occupied", "no slot gc/rack/Z9"),
        ("joints.bias(joint=joint_9, by=1deg)", "no arm joint joint_9"),
        ("vial.S-001.swapped(with=S-001)", "with itself"),
        ("vial.S-001.moved(to=moon/rack/A1)", "no slot moon/rack/A1"),
        ("scanner.front.blind(from=1rad, to=-1rad)", "right edge"),
        ("obstacle.box.remove", "no obstacle box to remove"),
        ("slot.storage/rack/A1.occupied", "occupied already, by S-001"),
        ("disk.full", "use it in a scenario"),
    ] {
        let reason = refused(&mut world, text);
        assert!(reason.contains(words), "{text}: {reason}");
    }
    strike(&mut world, "vial.S-001.missing");
    run(&mut world, 0.1);
    assert!(refused(&mut world, "vial.S-001.toppled").contains("stands in no slot"));
}

/// What a message of the component that `text` strikes says, without its stamp, and how late it is: a scan, after its last beam.
fn told(events: Vec<(Stamp, RobotEvent)>, text: &str) -> Vec<(f64, String)> {
    let message = |(now, event): (Stamp, RobotEvent)| {
        let (stamp, said) = match event {
            RobotEvent::Scan(s) if text.starts_with(&format!("scanner.{}", s.scanner)) => {
                (s.stamp + s.sweep, format!("{:?}", s.beams))
            }
            RobotEvent::Odometry(o) if text.starts_with("odometry") => {
                (o.stamp, format!("{:?}", o.odom_from_base))
            }
            RobotEvent::Joints(j) if text.starts_with("joints") => (j.stamp, format!("{:?}", j.positions)),
            RobotEvent::Gripper(g) if text.starts_with("gripper") => (g.stamp, format!("{:?}", g.force_n)),
            _ => return None,
        };
        Some((now.since(stamp), said))
    };
    events.into_iter().filter_map(message).collect()
}

/// A second of messages while the base drives.
fn messages(world: &mut World, text: &str, seconds: f64) -> Vec<(f64, String)> {
    let mut events = Vec::new();
    for step in 0..(seconds * 500.0) as usize {
        if step % 100 == 0 {
            world.command(RobotCommand::Drive(Twist { x: 0.2, y: 0.0, yaw: 0.0 }));
        }
        events.extend(world.step().into_iter().map(|event| (world.now(), event)));
    }
    told(events, text)
}

fn loss(world: &mut World, text: &str) {
    assert!(!messages(world, text, 0.2).is_empty());
    strike(world, text);
    // What is underway still arrives.
    messages(world, text, 0.02);
    assert_eq!(messages(world, text, 0.57), []);
    assert!(!messages(world, text, 0.2).is_empty(), "it comes back");
}

fn freeze(world: &mut World, text: &str) {
    let healthy = messages(world, text, 0.5);
    assert!(healthy.windows(2).any(|two| two[0].1 != two[1].1));
    strike(world, text);
    let frozen = messages(world, text, 0.5);
    assert!(frozen.len() > 3 && frozen[1..].windows(2).all(|two| two[0].1 == two[1].1));
    assert!(frozen.iter().all(|(late, _)| *late < 0.02), "stamps are fresh");
}

fn delay(world: &mut World, text: &str) {
    strike(world, text);
    let heard = messages(world, text, 0.6);
    assert!(heard.len() > 3 && heard.iter().all(|(late, _)| *late > 0.099), "{heard:?}");
}

fn jitter(world: &mut World, text: &str) {
    strike(world, text);
    let heard = messages(world, text, 1.0);
    let most = heard.iter().map(|(late, _)| *late).fold(0.0, f64::max);
    let least = heard.iter().map(|(late, _)| *late).fold(9.0, f64::min);
    assert!(most - least > 0.02, "{least} to {most}");
}

fn duplicate(world: &mut World, text: &str) {
    let healthy = messages(world, text, 0.8).len();
    strike(world, text);
    let heard = messages(world, text, 0.8);
    let twins = heard.windows(2).filter(|two| two[0].1 == two[1].1).count();
    assert!(heard.len() * 2 > healthy * 3 && twins * 5 > healthy * 4, "{twins} twins, {healthy} before");
}

fn thin(world: &mut World, text: &str) {
    let healthy = messages(world, text, 1.0).len();
    strike(world, text);
    let heard = messages(world, text, 1.0).len();
    assert!(heard < healthy && heard * 5 > healthy, "{heard} of {healthy}");
}

/// Ranges of the next scan of the front scanner; infinite where there is none.
fn scan(world: &mut World) -> Vec<f64> {
    let events = run(world, 0.2);
    let scans = events.into_iter().rev().filter_map(|event| match event {
        RobotEvent::Scan(scan) if scan.scanner == "front" => Some(scan.beams),
        _ => None,
    });
    let range = |beam: Beam| if let Beam::Hit(range) = beam { f64::from(range) } else { f64::INFINITY };
    scans.into_iter().next().expect("a scan").into_iter().map(range).collect()
}

fn near(a: f64, b: f64) -> bool {
    a == b || (a - b).abs() < 0.06
}

/// Most ranges change as `holds` says, before and after.
fn ranges(world: &mut World, text: &str, holds: fn(f64, f64) -> bool) {
    let before = scan(world);
    strike(world, text);
    let after = scan(world);
    let changed = before.iter().zip(&after).filter(|(b, a)| b.is_finite() && holds(**b, **a)).count();
    assert!(changed > before.len() / 5, "{changed} of {}", before.len());
}

/// At least a share of the beams are as `holds` says.
fn beams(world: &mut World, text: &str, holds: fn(&Beam, f64) -> bool, share: f64) {
    strike(world, text);
    let events = run(world, 0.3);
    let scan = events.iter().rev().find_map(|event| match event {
        RobotEvent::Scan(scan) if scan.scanner == "front" => Some(scan),
        _ => None,
    });
    let scan = scan.unwrap();
    let bearing = |index: usize| scan.angle_min + scan.angle_increment * index as f64;
    let such = scan.beams.iter().enumerate().filter(|(index, beam)| holds(beam, bearing(*index))).count();
    assert!(such as f64 >= share * scan.beams.len() as f64, "{such} of {}", scan.beams.len());
}

fn told_pose(world: &mut World) -> Pose2<nightshift_core::frames::Odom, nightshift_core::frames::Base> {
    let told = run(world, 0.04).into_iter().rev().find_map(|event| match event {
        RobotEvent::Odometry(odometry) => Some(odometry.odom_from_base),
        _ => None,
    });
    told.unwrap()
}

/// Drives ahead for a second; answers how the base moved, in its own frame, and what odometry tells.
fn drive(
    world: &mut World,
) -> (Pose2<nightshift_core::frames::Base, nightshift_core::frames::Base>, [f64; 3]) {
    let (from, told) = (world.truth().robot.pose, told_pose(world));
    for _ in 0..20 {
        world.command(RobotCommand::Drive(Twist { x: 0.4, y: 0.0, yaw: 0.0 }));
        run(world, 0.05);
    }
    run(world, 0.6);
    let moved = from.inverse() * world.truth().robot.pose;
    let step = told.inverse() * told_pose(world);
    (moved, [step.x(), step.y(), step.yaw()])
}

fn drift(world: &mut World, text: &str, holds: fn([f64; 3], f64) -> bool) {
    strike(world, text);
    let (moved, told) = drive(world);
    assert!(holds(told, moved.x()), "told {told:?}, moved {moved:?}");
}

fn joints(world: &mut World) -> Vec<f64> {
    let told = run(world, 0.02).into_iter().rev().find_map(|event| match event {
        RobotEvent::Joints(state) => Some(state.positions),
        _ => None,
    });
    told.unwrap()
}

fn joints_change(world: &mut World, text: &str) -> Vec<f64> {
    let before = joints(world);
    strike(world, text);
    joints(world).iter().zip(before).map(|(after, before)| after - before).collect()
}

fn forces(world: &mut World) -> Vec<f64> {
    let force = |event| if let RobotEvent::Gripper(state) = event { Some(state.force_n) } else { None };
    run(world, 0.4).into_iter().filter_map(force).collect()
}

/// A vial that was held is held no more.
fn gripper_lets_go(_: &mut World, text: &str) {
    let mut worker = Worker::over(32, "storage/rack/A1", 0.12);
    worker.rise(-0.12, 2.0);
    grip(&mut worker.world, 0.02, 8.0);
    worker.rise(0.03, 1.0);
    assert_eq!(worker.world.truth().samples[&SampleId::new("S-001")].location, crate::GRIPPER);
    strike(&mut worker.world, text);
    run(&mut worker.world, 1.0);
    let sample = &worker.world.truth().samples[&SampleId::new("S-001")];
    assert_ne!(sample.location, crate::GRIPPER);
}

fn shots(world: &mut World, text: &str) -> Vec<crate::Shot> {
    strike(world, text);
    world.shoot()
}

/// Mean brightness and mean step from pixel to pixel along the rows, before and after, and how many pixels have depth.
fn picture(world: &mut World, text: &str, holds: fn([f64; 2], [f64; 2], usize) -> bool) {
    let look = |world: &mut World| {
        let frame = world.shoot().remove(0).frame;
        let green: Vec<f64> = frame.color.pixels.iter().map(|pixel| f64::from(pixel[1])).collect();
        let mean = green.iter().sum::<f64>() / green.len() as f64;
        let steps: f64 = green.windows(2).map(|two| (two[0] - two[1]).abs()).sum();
        let depth = frame.depth.pixels.iter().filter(|depth| **depth != Depth::Missing).count();
        ([mean, steps / green.len() as f64], depth)
    };
    let (before, _) = look(world);
    strike(world, text);
    let (after, depth) = look(world);
    assert!(holds(before, after, depth), "{before:?} {after:?} {depth}");
}

fn postures() -> (Vec<f64>, Vec<f64>) {
    let robot = robot();
    (robot.arm.posture("drive").unwrap(), robot.arm.posture("look").unwrap())
}

fn arm_ends(events: &[RobotEvent]) -> Vec<String> {
    let end = |event: &RobotEvent| match event {
        RobotEvent::ArmDone { message, .. } => Some(message.clone()),
        _ => None,
    };
    events.iter().filter_map(end).collect()
}

fn whereabouts(world: &mut World, text: &str, place: &str) {
    strike(world, text);
    run(world, 0.5);
    assert_eq!(world.truth().samples[&SampleId::new("S-001")].location, place);
}

/// How old the newest odometry is.
fn late(events: &[RobotEvent], now: Stamp) -> f64 {
    let mut stamps = events.iter().filter_map(|event| match event {
        RobotEvent::Odometry(odometry) => Some(odometry.stamp),
        _ => None,
    });
    now.since(stamps.next_back().expect("odometry"))
}
