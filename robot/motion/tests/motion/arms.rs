//! The inverse of each kind of arm that is bundled.

use nightshift_core::describe::Manipulator;
use nightshift_core::frames::{Base, Pose, Tool};
use nightshift_core::random::Seed;
use nightshift_motion::Arm;
use rand::Rng;

pub fn bundled(name: &str) -> Arm {
    let read = |file: &str| {
        let full = format!("{}/../description/{name}/{file}", env!("CARGO_MANIFEST_DIR"));
        std::fs::read_to_string(&full).map_err(|error| error.to_string())
    };
    Arm::alone(Manipulator::load(&read).unwrap()).unwrap()
}

fn anywhere(arm: &Arm, stream: &mut impl Rng) -> Vec<f64> {
    arm.limits().iter().map(|limit| stream.random_range(limit.lower..=limit.upper)).collect()
}

fn is_solution(arm: &Arm, q: &[f64], goal: &Pose<Base, Tool>) -> bool {
    let tool = arm.base_from_tool(q);
    let within = arm.limits().iter().zip(q).all(|(l, p)| *p >= l.lower && *p <= l.upper);
    within
        && (tool.translation() - goal.translation()).norm() <= 1e-6
        && tool.iso.rotation.angle_to(&goal.iso.rotation) <= 1e-6
}

#[test]
fn each_bundled_arm_has_the_form_that_its_axes_have() {
    let words = |name: &str| bundled(name).inverse_words();
    assert_eq!(words("ur5"), "closed form, three parallel axes");
    assert_eq!(words("panda"), "closed form, spherical wrist, redundancy swept");
    assert_eq!(words("fetch"), "closed form, spherical wrist, redundancy swept");
}

/// Whatever position the tool was put somewhere by is among the solutions, beside up to seven others, all of them true.
#[test]
fn a_six_axis_arm_gets_every_branch() {
    let arm = bundled("ur5");
    let mut stream = Seed(1).stream("poses");
    let mut counts = [0usize; 17];
    for index in 0..1000 {
        let q = anywhere(&arm, &mut stream);
        let goal = arm.base_from_tool(&q);
        let found = arm.inverse(&goal, &[0.0; 6], Seed(index));
        assert!(found.iter().all(|q| is_solution(&arm, q, &goal)));
        let same = |other: &Vec<f64>| other.iter().zip(&q).all(|(a, b)| (a - b).abs() < 1e-5);
        assert!(found.iter().any(same), "{q:?} is not among {found:?}");
        counts[found.len()] += 1;
    }
    assert!(counts[8] > 500 && counts[9..].iter().all(|n| *n == 0), "{counts:?}");
}

#[test]
fn redundant_arms_get_solutions_for_every_pose_that_they_reach() {
    for name in ["panda", "fetch"] {
        let arm = bundled(name);
        let near: Vec<f64> = arm.limits().iter().map(|l| 0.5 * (l.lower + l.upper)).collect();
        let mut stream = Seed(1).stream("poses");
        for index in 0..300 {
            let q = anywhere(&arm, &mut stream);
            let goal = arm.base_from_tool(&q);
            let one = arm.inverse_one(&goal, &near, Seed(index));
            assert!(one.is_some_and(|q| is_solution(&arm, &q, &goal)), "{name}: {q:?}");
            if index < 30 {
                let all = arm.inverse(&goal, &near, Seed(index));
                assert!(!all.is_empty() && all.iter().all(|q| is_solution(&arm, q, &goal)), "{name}: {q:?}");
            }
        }
    }
}

/// At a singularity a joint's angle is free: it stays where it is, and the pose is met all the same.
#[test]
fn a_singular_pose_has_solutions_and_says_that_it_is_singular() {
    let arm = bundled("ur5");
    let straight = [0.3, -1.2, 1.0, 0.4, 0.0, 0.7];
    let goal = arm.base_from_tool(&straight);
    let found = arm.inverse(&goal, &straight, Seed(1));
    assert!(found.iter().all(|q| is_solution(&arm, q, &goal)));
    assert!(found[0].iter().zip(&straight).all(|(a, b)| (a - b).abs() < 1e-5), "{:?}", found[0]);
    let singular = arm.dexterity(&straight);
    let good = arm.dexterity(&[0.3, -1.2, 1.0, 0.4, 1.5, 0.7]);
    assert!(singular.worst_m < 1e-6 && singular.manipulability < 1e-6, "{singular:?}");
    assert!(good.worst_m > 0.02 && good.condition < 100.0, "{good:?}");
}
