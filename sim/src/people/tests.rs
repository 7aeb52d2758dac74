use super::*;
use crate::testing::{run, site, world};
use nightshift_core::robot::{Beam, RobotEvent};

fn robot_at(x: f64, y: f64) -> RobotOnFloor {
    // The arm is stretched out over a bench.
    RobotOnFloor { pose: Pose2::new(x, y, 0.0), half_m: [0.42, 0.28], hand: Point2::new(x + 0.8, y) }
}

#[test]
fn people_go_about_the_room_on_free_floor_the_same_for_the_same_seed() {
    let play = |seed: u64| {
        let mut people = People::new(&site(), &Point2::new(1.3, 3.4), 3, Seed(seed));
        let (mut way, mut deeds) = ([0.0f64; 3], Vec::new());
        for _ in 0..30_000 {
            let before = people.places();
            deeds.extend(people.advance(0.01, &robot_at(1.3, 3.4)).into_iter().map(|(deed, _)| deed));
            for ((way, a), b) in way.iter_mut().zip(before).zip(people.places()) {
                *way += (a[0] - b[0]).hypot(a[1] - b[1]);
            }
            for person in &people.all {
                assert!(people.floor.is_free(&person.at), "{:?}", person.at);
            }
        }
        (people.places(), way, deeds)
    };
    let (places, way, deeds) = play(5);
    assert!(way.iter().all(|metres| *metres > 20.0), "in five minutes: {way:?}");
    assert!(deeds.contains(&Deed::Reach), "{deeds:?}");
    assert!(deeds.iter().any(|deed| matches!(deed, Deed::Use { .. })), "{deeds:?}");
    assert!(
        deeds.iter().any(|deed| matches!(deed, Deed::Push { .. } | Deed::LeaveChair | Deed::Dark { .. }))
    );
    assert_eq!(places, play(5).0);
    assert_ne!(places, play(6).0);
}

#[test]
fn nobody_walks_into_the_robot() {
    let robot = robot_at(2.0, 2.2);
    let mut people = People::new(&site(), &Point2::new(2.0, 2.2), 6, Seed(9));
    for _ in 0..20_000 {
        people.advance(0.01, &robot);
        for person in &people.all {
            let (_, far) = robot.nearest(&person.at);
            assert!(far > BODY_M + GAP_M - 0.02, "{far}");
        }
    }
}

/// The ranges of the last scan of the front scanner, m; infinite where nothing came back.
fn front_ranges(events: &[RobotEvent]) -> Vec<f64> {
    let scan = events.iter().rev().find_map(|event| match event {
        RobotEvent::Scan(scan) if scan.scanner == "front" => Some(scan),
        _ => None,
    });
    let range = |beam: &Beam| if let Beam::Hit(range) = beam { f64::from(*range) } else { f64::INFINITY };
    scan.unwrap().beams.iter().map(range).collect()
}

#[test]
fn the_laser_sees_legs_and_the_judge_a_robot_that_drives_into_them() {
    use nightshift_core::robot::{RobotCommand, Twist};
    let mut world = world(3, Some(Pose2::new(2.0, 2.0, 0.0)));
    world.let_in(2, Seed(3)).unwrap();
    let start = world.truth().people;
    let alone = front_ranges(&run(&mut world, 0.2));
    assert_eq!(start.len(), 2);
    // Somebody is put before the robot and stands there.
    let people = world.people_mut();
    people.all[0].at = Point2::new(3.4, 2.0);
    people.all[0].way.clear();
    people.all[0].staying_s = 60.0;
    let faced = front_ranges(&run(&mut world, 0.2));
    // From (2.42, 2.28), turned by 45 degrees: the legs are about a metre away, to the right of straight ahead. What else
    // is near was there before.
    let legs = faced.iter().zip(&alone).filter(|(now, before)| **now < 1.15 && **now < **before - 0.1);
    let legs = legs.count();
    assert!((6..40).contains(&legs), "{legs} beams on two legs");
    for _ in 0..60 {
        world.command(RobotCommand::Drive(Twist { x: 0.6, y: 0.0, yaw: 0.0 }));
        run(&mut world, 0.05);
    }
    let notes = world.contacts_of_note();
    assert!(notes.iter().any(|note| note.contains("of person 1")), "{notes:?}");
}
