//! Dead reckoning from the encoders of four Mecanum wheels: what they say drifts from what the base does.
//!
//! The wheels' sizes are off by about a percent, drawn once a run, and a skew turns the base a little in every metre.
//! How much the wheels slip on the floor is drawn anew for each drive and lasts until the base stands: it does not
//! average out. A little more slips from step to step. Encoders count whole ticks. A base at rest does not drift.

use crate::base::{from_wheels, to_wheels};
use nightshift_core::Stamp;
use nightshift_core::frames::Pose2;
use nightshift_core::random::{Seed, Stream};
use nightshift_core::robot::{Odometry, Twist};
use rand_distr::{Distribution, StandardNormal};

/// Standard deviation of each axis' scale error.
const SCALE_SIGMA: f64 = 0.01;
/// Standard deviation of the turn that a metre of driving adds, rad/m.
const YAW_BIAS_SIGMA: f64 = 0.01;
/// Standard deviation of a drive's slip along x, y and yaw, as a share: rollers slip most when they roll sideways.
const DRIVE_SLIP_SIGMA: [f64; 3] = [0.006, 0.015, 0.01];
/// A base that has stood for so long begins another drive, seconds.
const STOOD_S: f64 = 0.5;
/// Standard deviation of slip over one metre (or one radian), m and rad; grows with the root of the way.
const STEP_SLIP_SIGMA: f64 = 0.003;
/// A wheel's way in one tick of its encoder: 4096 ticks in a turn of a wheel of 0.1 m radius, metres.
pub const TICK_M: f64 = std::f64::consts::TAU * 0.1 / 4096.0;

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
    /// Half the wheels' distance along and across, together, metres.
    lever_m: f64,
    scale: [f64; 3],
    yaw_bias_per_m: f64,
    /// Of the drive that is going on.
    slip: [f64; 3],
    stood_s: f64,
    /// x, y, yaw in the odometry frame.
    pose: [f64; 3],
    /// What the base moved since the last report, in its own frame.
    moved: [f64; 3],
    /// The same without signs.
    way: [f64; 3],
    since_s: f64,
    /// How far each wheel has rolled, and the ticks that have been told of it.
    rolled_m: [f64; 4],
    ticks: [f64; 4],
}

impl Wheels {
    /// At the origin of its frame.
    pub fn new(seed: Seed, lever_m: f64) -> Self {
        let mut stream = seed.stream("odometry");
        let scale = [0; 3].map(|_| 1.0 + SCALE_SIGMA * normal(&mut stream));
        let yaw_bias_per_m = YAW_BIAS_SIGMA * normal(&mut stream);
        Self {
            stream,
            lever_m,
            scale,
            yaw_bias_per_m,
            slip: [0.0; 3],
            stood_s: STOOD_S,
            pose: [0.0; 3],
            moved: [0.0; 3],
            way: [0.0; 3],
            since_s: 0.0,
            rolled_m: [0.0; 4],
            ticks: [0.0; 4],
        }
    }

    /// The base moved at `velocity` (its own frame) for `dt` seconds.
    pub fn turn(&mut self, velocity: Twist, dt: f64) {
        let rates = [velocity.x, velocity.y, velocity.yaw];
        // The servo never stands quite still: what is below a tick a second is rest.
        if rates.iter().all(|rate| rate.abs() < TICK_M) {
            self.stood_s += dt;
        } else {
            if self.stood_s >= STOOD_S {
                self.slip = DRIVE_SLIP_SIGMA.map(|sigma| sigma * normal(&mut self.stream));
            }
            self.stood_s = 0.0;
        }
        for (axis, rate) in rates.into_iter().enumerate() {
            self.moved[axis] += rate * dt;
            self.way[axis] += rate.abs() * dt;
        }
        self.since_s += dt;
    }

    /// Reports what the wheels say since the last report.
    pub fn report(&mut self, stamp: Stamp, wrong: WheelFaults) -> Odometry {
        let mut rolled = [0.0; 3];
        for (axis, rolled) in rolled.iter_mut().enumerate() {
            *rolled = self.moved[axis] * self.scale[axis] * (1.0 + self.slip[axis]);
            *rolled += normal(&mut self.stream) * STEP_SLIP_SIGMA * self.way[axis].sqrt();
        }
        rolled[2] += self.yaw_bias_per_m * self.moved[0].hypot(self.moved[1]);
        if wrong != WheelFaults::default() {
            for part in &mut rolled {
                *part *= 1.0 + wrong.scale + wrong.noise * normal(&mut self.stream);
            }
            rolled[2] += wrong.veer_per_m * self.moved[0].hypot(self.moved[1]);
        }
        let each = to_wheels(Twist { x: rolled[0], y: rolled[1], yaw: rolled[2] }, self.lever_m);
        let mut told = [0.0; 4];
        for (wheel, told) in told.iter_mut().enumerate() {
            self.rolled_m[wheel] += each[wheel];
            let ticks = (self.rolled_m[wheel] / TICK_M).floor();
            *told = (ticks - self.ticks[wheel]) * TICK_M;
            self.ticks[wheel] = ticks;
        }
        let step = from_wheels(told, self.lever_m);
        let (sin, cos) = (self.pose[2] + step.yaw / 2.0).sin_cos();
        self.pose[0] += cos * step.x - sin * step.y;
        self.pose[1] += sin * step.x + cos * step.y;
        self.pose[2] += step.yaw;
        let per_s = 1.0 / self.since_s.max(1e-9);
        self.moved = [0.0; 3];
        self.way = [0.0; 3];
        self.since_s = 0.0;
        Odometry {
            stamp,
            odom_from_base: Pose2::new(self.pose[0], self.pose[1], self.pose[2]),
            velocity: Twist { x: step.x * per_s, y: step.y * per_s, yaw: step.yaw * per_s },
        }
    }
}

fn normal(stream: &mut Stream) -> f64 {
    StandardNormal.sample(stream)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LEVER_M: f64 = 0.7;

    fn report(wheels: &mut Wheels, stamp: u64) -> Odometry {
        wheels.report(Stamp(stamp), WheelFaults::default())
    }

    /// Drives a square of 2 m with turns; returns how far off the odometry ends, and its longest step.
    fn drive(seed: u64) -> (f64, f64) {
        let mut wheels = Wheels::new(Seed(seed), LEVER_M);
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
                end = report(&mut wheels, step * 2_000_000).odom_from_base;
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

    /// Metres told over a metre ahead, for each of some drives with rests between them.
    fn metres(wheels: &mut Wheels, drives: usize) -> Vec<f64> {
        let metre = |wheels: &mut Wheels| {
            let start = report(wheels, 0).odom_from_base;
            for _ in 0..100 {
                for _ in 0..10 {
                    wheels.turn(Twist { x: 0.5, y: 0.0, yaw: 0.0 }, 0.002);
                }
                report(wheels, 0);
            }
            (0..300).for_each(|_| wheels.turn(Twist::STOP, 0.002));
            start.distance(&report(wheels, 0).odom_from_base)
        };
        (0..drives).map(|_| metre(wheels)).collect()
    }

    #[test]
    fn slip_lasts_for_a_drive_and_differs_from_drive_to_drive() {
        let mut wheels = Wheels::new(Seed(3), LEVER_M);
        let told = metres(&mut wheels, 60);
        let mean = told.iter().sum::<f64>() / 60.0;
        let spread = (told.iter().map(|m| (m - mean).powi(2)).sum::<f64>() / 60.0).sqrt();
        // 0.6 % from drive to drive and 0.3 % from step to step: white slip alone would be half of it.
        assert!((spread - 0.0067).abs() < 0.0015, "{spread}");
    }

    #[test]
    fn encoders_count_whole_ticks() {
        let mut wheels = Wheels::new(Seed(4), LEVER_M);
        for _ in 0..200 {
            wheels.turn(Twist { x: 0.0031, y: 0.0, yaw: 0.0 }, 0.02);
            let told = report(&mut wheels, 0).velocity;
            let each = to_wheels(told, LEVER_M).map(|speed| speed * 0.02 / TICK_M);
            assert!(each.iter().all(|ticks| (ticks - ticks.round()).abs() < 1e-6), "{each:?}");
        }
        assert!((wheels.pose[0] - 0.0124).abs() < 0.002, "nothing is lost by counting: {:?}", wheels.pose);
    }

    proptest! {
        #[test]
        fn at_rest_it_does_not_drift(seed in 0u64..1000) {
            let mut wheels = Wheels::new(Seed(seed), LEVER_M);
            for step in 0..100 {
                wheels.turn(Twist::STOP, 0.02);
                prop_assert_eq!(report(&mut wheels, step).odom_from_base, Pose2::identity());
            }
        }
    }
}
