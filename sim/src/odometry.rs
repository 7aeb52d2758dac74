//! Dead reckoning from the wheels: what they say drifts from what the base does.
//!
//! The wheels' scales are off by about a percent, drawn once a run; a bias adds a little turning and sliding to
//! every metre; slip adds noise that grows with the way. A base at rest does not drift.

use nightshift_core::Stamp;
use nightshift_core::frames::Pose2;
use nightshift_core::random::{Seed, Stream};
use nightshift_core::robot::{Odometry, Twist};
use rand_distr::{Distribution, Normal};

/// Standard deviation of each axis' scale error.
const SCALE_SIGMA: f64 = 0.01;
/// Standard deviation of the turn that a metre of driving adds, rad/m.
const YAW_BIAS_SIGMA: f64 = 0.01;
/// Standard deviation of slip over one metre (or one radian), m and rad; grows with the root of the way.
const SLIP_SIGMA: f64 = 0.005;
/// Standard deviation of the reported velocity at one metre (or radian) a second.
const RATE_SIGMA: f64 = 0.02;

/// What faults add to what the wheels say.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct WheelFaults {
    /// Share of the way by which it tells too much.
    pub scale: f64,
    /// Turn told in a metre of driving, rad.
    pub veer_per_m: f64,
    /// Standard deviation of each step, as a share of it.
    pub noise: f64,
}

/// The wheel odometry.
#[derive(Clone, Debug)]
pub struct Wheels {
    stream: Stream,
    scale: [f64; 3],
    yaw_bias_per_m: f64,
    /// x, y, yaw in the odometry frame.
    pose: [f64; 3],
    /// What the base moved since the last report, in its own frame.
    moved: [f64; 3],
    /// The same without signs.
    way: [f64; 3],
    since_s: f64,
}

impl Wheels {
    /// At the origin of its frame.
    pub fn new(seed: Seed) -> Self {
        let mut stream = seed.stream("odometry");
        let mut draw = |sigma: f64| Normal::new(0.0, sigma).map_or(0.0, |normal| normal.sample(&mut stream));
        let scale = [0; 3].map(|_| 1.0 + draw(SCALE_SIGMA));
        let yaw_bias_per_m = draw(YAW_BIAS_SIGMA);
        Self { stream, scale, yaw_bias_per_m, pose: [0.0; 3], moved: [0.0; 3], way: [0.0; 3], since_s: 0.0 }
    }

    /// The base moved at `velocity` (its own frame) for `dt` seconds.
    pub fn turn(&mut self, velocity: Twist, dt: f64) {
        for (axis, rate) in [velocity.x, velocity.y, velocity.yaw].into_iter().enumerate() {
            self.moved[axis] += rate * dt;
            self.way[axis] += rate.abs() * dt;
        }
        self.since_s += dt;
    }

    /// Reports what the wheels say since the last report.
    pub fn report(&mut self, stamp: Stamp, wrong: WheelFaults) -> Odometry {
        let normal = |stream: &mut Stream| -> f64 { rand_distr::StandardNormal.sample(stream) };
        let mut step = [0.0; 3];
        for (axis, moved) in step.iter_mut().enumerate() {
            *moved = self.moved[axis] * self.scale[axis];
            *moved += normal(&mut self.stream) * SLIP_SIGMA * self.way[axis].sqrt();
        }
        step[2] += self.yaw_bias_per_m * self.moved[0].hypot(self.moved[1]);
        if wrong != WheelFaults::default() {
            for part in &mut step {
                *part *= 1.0 + wrong.scale + wrong.noise * normal(&mut self.stream);
            }
            step[2] += wrong.veer_per_m * self.moved[0].hypot(self.moved[1]);
        }
        let (sin, cos) = (self.pose[2] + step[2] / 2.0).sin_cos();
        self.pose[0] += cos * step[0] - sin * step[1];
        self.pose[1] += sin * step[0] + cos * step[1];
        self.pose[2] += step[2];
        let mut rate = [0.0; 3];
        for ((rate, moved), scale) in rate.iter_mut().zip(self.moved).zip(self.scale) {
            let wheel = moved * scale / self.since_s.max(1e-9);
            *rate = wheel * (1.0 + RATE_SIGMA * normal(&mut self.stream));
        }
        self.moved = [0.0; 3];
        self.way = [0.0; 3];
        self.since_s = 0.0;
        Odometry {
            stamp,
            odom_from_base: Pose2::new(self.pose[0], self.pose[1], self.pose[2]),
            velocity: Twist { x: rate[0], y: rate[1], yaw: rate[2] },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Drives a square of 2 m with turns; returns how far off the odometry ends, and its longest step.
    fn drive(seed: u64) -> (f64, f64) {
        let mut wheels = Wheels::new(Seed(seed));
        let (mut last, mut longest, mut end) = (Pose2::identity(), 0.0f64, Pose2::identity());
        for step in 0..8000u64 {
            let turning = step % 2000 >= 1500;
            let velocity = if turning {
                Twist { x: 0.0, y: 0.0, yaw: std::f64::consts::FRAC_PI_2 }
            } else {
                Twist { x: 2.0 / 3.0, y: 0.0, yaw: 0.0 }
            };
            wheels.turn(velocity, 0.002);
            if step % 10 == 9 {
                end = wheels.report(Stamp(step * 2_000_000), WheelFaults::default()).odom_from_base;
                longest = longest.max(last.distance(&end));
                last = end;
            }
        }
        (end.distance(&Pose2::identity()), longest)
    }

    #[test]
    fn it_drifts_by_a_few_percent_of_the_way_and_never_jumps() {
        let runs: Vec<(f64, f64)> = (0..40).map(drive).collect();
        let mean = runs.iter().map(|run| run.0).sum::<f64>() / 40.0;
        assert!(mean > 0.02 && mean < 0.4, "mean drift over 8 m {mean}");
        assert!(runs.iter().all(|run| run.1 < 0.02), "{runs:?}");
    }

    proptest! {
        #[test]
        fn at_rest_it_does_not_drift(seed in 0u64..1000) {
            let mut wheels = Wheels::new(Seed(seed));
            for step in 0..100 {
                wheels.turn(Twist::STOP, 0.02);
                prop_assert_eq!(wheels.report(Stamp(step), WheelFaults::default()).odom_from_base, Pose2::identity());
            }
        }
    }
}
