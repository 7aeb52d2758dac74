//! What must hold of every trajectory, looked at from outside the planner.

use nightshift_core::robot::JointTrajectory;
use nightshift_motion::{Arm, PlanRequest, Scene, clearance};

/// Positions, velocities and accelerations of a joint at a time: of the cubic between the points.
fn state(trajectory: &JointTrajectory, time_s: f64, joint: usize) -> [f64; 3] {
    let points = &trajectory.points;
    let after = points.partition_point(|p| p.time_s <= time_s).clamp(1, points.len() - 1);
    let (a, b) = (&points[after - 1], &points[after]);
    let h = b.time_s - a.time_s;
    let u = ((time_s - a.time_s) / h).clamp(0.0, 1.0);
    let (p, q, v, w) =
        (a.positions[joint], b.positions[joint], a.velocities[joint] * h, b.velocities[joint] * h);
    // The cubic c0 + c1 u + c2 u^2 + c3 u^3 with these ends.
    let (c2, c3) = (3.0 * (q - p) - 2.0 * v - w, 2.0 * (p - q) + v + w);
    [
        p + u * (v + u * (c2 + u * c3)),
        (v + u * (2.0 * c2 + u * 3.0 * c3)) / h,
        (2.0 * c2 + 6.0 * c3 * u) / (h * h),
    ]
}

/// From rest at the start to rest, points close together, no joint limit exceeded at 1 kHz.
pub fn within_limits(arm: &Arm, request: &PlanRequest, trajectory: &JointTrajectory) {
    let points = &trajectory.points;
    assert_eq!(points[0].positions, request.start);
    assert_eq!(points[0].time_s, 0.0);
    for end in [&points[0], &points[points.len() - 1]] {
        assert!(end.velocities.iter().all(|v| *v == 0.0), "not at rest: {end:?}");
    }
    for pair in points.windows(2) {
        let step = pair[1].time_s - pair[0].time_s;
        assert!(step > 0.0 && step <= 0.0200001, "{step} s between points");
    }
    for k in 0..=(trajectory.duration_s() * 1000.0) as usize {
        for (joint, limit) in arm.limits().iter().enumerate() {
            let [p, v, a] = state(trajectory, k as f64 * 1e-3, joint);
            assert!(p >= limit.lower - 1e-9 && p <= limit.upper + 1e-9, "{} at {p} at {k} ms", limit.joint);
            let most = limit.velocity * request.speed;
            assert!(v.abs() <= most, "{} goes {v}, {most} is allowed, at {k} ms", limit.joint);
            let most = limit.acceleration * request.speed;
            assert!(a.abs() <= most, "{} accelerates by {a}, {most} is allowed, at {k} ms", limit.joint);
        }
    }
}

/// The smallest distance at any 4 ms.
pub fn nearest(arm: &Arm, scene: &Scene, trajectory: &JointTrajectory) -> (f64, String, String) {
    let count = (trajectory.duration_s() / 0.004).ceil() as usize;
    let at = |k: usize| clearance(arm, &trajectory.sample(k as f64 * 0.004), scene).unwrap();
    (0..=count).map(at).min_by(|a, b| a.0.total_cmp(&b.0)).unwrap()
}
