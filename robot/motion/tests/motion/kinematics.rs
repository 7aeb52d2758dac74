use crate::docked::Docked;
use nalgebra::{Rotation3, Vector3};
use nightshift_core::frames::{Base, Pose, Tool};
use nightshift_core::random::Seed;
use nightshift_motion::Arm;
use proptest::prelude::*;
use rand::Rng;

fn arm() -> &'static Docked {
    static DOCKED: std::sync::LazyLock<Docked> = std::sync::LazyLock::new(|| Docked::at("storage"));
    &DOCKED
}

fn positions() -> impl Strategy<Value = Vec<f64>> {
    let limits = arm().arm.limits();
    limits.iter().map(|limit| limit.lower..limit.upper).collect::<Vec<_>>()
}

/// How far apart, metres and radians.
fn apart(a: &Pose<Base, Tool>, b: &Pose<Base, Tool>) -> (f64, f64) {
    ((a.translation() - b.translation()).norm(), a.iso.rotation.angle_to(&b.iso.rotation))
}

#[test]
fn stretched_up_the_flange_is_at_the_sum_of_the_links() {
    let flange = arm().arm.base_from_flange(&[0.0; 7]);
    // Mount at x = 0.22, z = 0.60; links 0.1575 + 0.2025 + 0.2045 + 0.2155 + 0.1845 + 0.2155 + 0.081 + 0.045.
    assert!((flange.translation() - Vector3::new(0.22, 0.0, 0.60 + 1.306)).norm() < 1e-12);
    let links = arm().arm.link_poses(&[0.0; 7]);
    let left = links.iter().find(|(name, _)| name == "finger_left").unwrap();
    assert!((left.1.translation() - flange.translation()).norm() < 1e-12);
    assert_eq!(links.len(), 13);
}

proptest! {
    /// The arm as shoulder, elbow and wrist: three turns, a length, a turn, a length, three turns, a length.
    #[test]
    fn the_tool_is_where_shoulder_elbow_and_wrist_put_it(q in positions()) {
        let z = |angle: f64| Rotation3::from_axis_angle(&Vector3::z_axis(), angle);
        let y = |angle: f64| Rotation3::from_axis_angle(&Vector3::y_axis(), angle);
        let upper = z(q[0]) * y(q[1]);
        let lower = upper * z(q[2]) * y(-q[3]);
        let hand = lower * z(q[4]) * y(q[5]);
        let shoulder = Vector3::new(0.22, 0.0, 0.60 + 0.36);
        let expected = shoulder + upper * Vector3::z() * 0.42 + lower * Vector3::z() * 0.40
            + hand * Vector3::z() * (0.126 + 0.155);
        let tool = arm().arm.base_from_tool(&q);
        prop_assert!((tool.translation() - expected).norm() < 1e-9);
        let turned = hand * z(q[6]);
        prop_assert!(tool.iso.rotation.angle_to(&turned.into()) < 1e-7);
        // The camera sits behind the flange and looks along the tool.
        let camera = arm().arm.base_from_flange(&q) * arm().robot.camera.pose;
        prop_assert!((camera.z_axis() - tool.z_axis()).norm() < 1e-9);
    }

    #[test]
    fn the_jacobian_is_the_slope_of_the_tool(q in positions()) {
        let (arm, step) = (&arm().arm, 1e-6);
        let jacobian = arm.jacobian(&q);
        for joint in 0..7 {
            let moved = |by: f64| {
                let mut q = q.clone();
                q[joint] += by;
                arm.base_from_tool(&q).iso
            };
            let (ahead, behind) = (moved(step), moved(-step));
            let along = (ahead.translation.vector - behind.translation.vector) / (2.0 * step);
            let turn = (ahead.rotation * behind.rotation.inverse()).scaled_axis() / (2.0 * step);
            prop_assert!((jacobian.fixed_view::<3, 1>(0, joint) - along).norm() < 1e-6);
            prop_assert!((jacobian.fixed_view::<3, 1>(3, joint) - turn).norm() < 1e-6);
        }
    }
}

fn random(arm: &Arm, stream: &mut impl Rng) -> Vec<f64> {
    arm.limits().iter().map(|limit| stream.random_range(limit.lower..=limit.upper)).collect()
}

#[test]
fn the_inverse_finds_reachable_poses_and_only_true_solutions() {
    let (arm, near) = (&arm().arm, arm().posture("look"));
    let mut stream = Seed(1).stream("poses");
    let mut missed = 0;
    for index in 0..600 {
        let goal = arm.base_from_tool(&random(arm, &mut stream));
        let found = arm.inverse(&goal, &near, Seed(index));
        missed += usize::from(found.is_empty());
        let away = |q: &[f64]| q.iter().zip(&near).map(|(a, b)| (a - b).powi(2)).sum::<f64>();
        assert!(found.windows(2).all(|pair| away(&pair[0]) <= away(&pair[1])));
        for (i, q) in found.iter().enumerate() {
            let (distance, angle) = apart(&arm.base_from_tool(q), &goal);
            assert!(distance <= 1e-6 && angle <= 1e-6, "misses by {distance} m, {angle} rad");
            assert!(arm.limits().iter().zip(q).all(|(limit, p)| *p >= limit.lower && *p <= limit.upper));
            let same = |other: &Vec<f64>| other.iter().zip(q).all(|(a, b)| (a - b).abs() < 0.02);
            assert!(!found[..i].iter().any(same), "one solution twice");
        }
    }
    // At least 99.5 %.
    assert!(missed <= 3, "{missed} of 600 missed");
}

#[test]
fn the_inverse_repeats_and_offers_many_ways() {
    let (arm, near) = (&arm().arm, arm().posture("look"));
    let goal = arm.base_from_tool(&near);
    let found = arm.inverse(&goal, &near, Seed(3));
    assert_eq!(found, arm.inverse(&goal, &near, Seed(3)));
    assert!(found.len() >= 10, "{}", found.len());
    assert!(found[0].iter().zip(&near).all(|(a, b)| (a - b).abs() < 1e-9), "the nearest is where it stands");
    // Elbow to either side.
    assert!(found.iter().any(|q| q[3] > 0.0) && found.iter().any(|q| q[3] < 0.0));
}

#[test]
fn a_gripper_that_may_turn_has_more_ways() {
    let (arm, near) = (&arm().arm, arm().posture("look"));
    let goal = arm.base_from_tool(&near);
    let found = arm.inverse_free_spin(&goal, &near, Seed(3));
    let turn = |q: &Vec<f64>| apart(&arm.base_from_tool(q), &goal);
    assert!(found.iter().all(|q| turn(q).0 < 1e-6));
    assert!(found.iter().any(|q| turn(q).1 < 1e-6));
    assert!(found.iter().any(|q| (turn(q).1 - std::f64::consts::PI).abs() < 1e-6));
    // Tool z stays where it was.
    assert!(found.iter().all(|q| (arm.base_from_tool(q).z_axis() - goal.z_axis()).norm() < 1e-6));
}

#[test]
fn out_of_reach_there_is_no_inverse() {
    let (arm, near) = (&arm().arm, arm().posture("look"));
    let goal = Pose::from_xyz_rpy([1.6, 0.0, 1.0], [3.0, 0.0, 0.0]);
    assert_eq!(arm.inverse(&goal, &near, Seed(1)), Vec::<Vec<f64>>::new());
    assert_eq!(arm.inverse_free_spin(&goal, &near, Seed(1)), Vec::<Vec<f64>>::new());
}
