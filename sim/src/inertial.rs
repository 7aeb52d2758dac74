//! The base's inertial unit: white noise and a constant bias on each axis.

use mujoco_rs::prelude::*;
use nightshift_core::Stamp;
use nightshift_core::random::{Seed, Stream};
use nightshift_core::robot::Inertial;
use rand_distr::{Distribution, StandardNormal};

/// Standard deviation of white noise: rad/s and m/s^2.
const NOISE_SIGMA: [f64; 2] = [0.002, 0.02];
/// Standard deviation of the bias, drawn once: rad/s and m/s^2.
const BIAS_SIGMA: [f64; 2] = [0.003, 0.05];

/// The sensor.
#[derive(Clone, Debug)]
pub struct InertialUnit {
    stream: Stream,
    /// Rate, then acceleration.
    bias: [f64; 6],
    sum: [f64; 6],
    span_s: f64,
}

impl InertialUnit {
    /// Switched on.
    pub fn new(seed: Seed) -> Self {
        let mut stream = seed.stream("inertial");
        let bias = std::array::from_fn(|axis| BIAS_SIGMA[axis / 3] * normal(&mut stream));
        Self { stream, bias, sum: [0.0; 6], span_s: 0.0 }
    }

    /// Takes in what held over `dt` seconds. `data` has been asked for its accelerations.
    pub fn take(&mut self, dt: f64, data: &MjData<Box<MjModel>>, base: usize) {
        let kind = MjtObjBase::mjOBJ_XBODY;
        let [wx, wy, wz, ..] = data.object_velocity(kind, base, true);
        let [.., ax, ay, az] = data.object_acceleration(kind, base, true);
        for (sum, value) in self.sum.iter_mut().zip([wx, wy, wz, ax, ay, az]) {
            *sum += value * dt;
        }
        self.span_s += dt;
    }

    /// What is told at `stamp` of the span since the last report.
    pub fn report(&mut self, stamp: Stamp) -> Inertial {
        let mut told = [0.0; 6];
        for (axis, told) in told.iter_mut().enumerate() {
            let noise = NOISE_SIGMA[axis / 3] * normal(&mut self.stream);
            *told = self.sum[axis] / self.span_s.max(1e-9) + self.bias[axis] + noise;
        }
        (self.sum, self.span_s) = ([0.0; 6], 0.0);
        let [wx, wy, wz, ax, ay, az] = told;
        Inertial { stamp, rate: [wx, wy, wz], acceleration: [ax, ay, az] }
    }
}

fn normal(stream: &mut Stream) -> f64 {
    StandardNormal.sample(stream)
}

#[cfg(test)]
mod tests {
    use crate::testing::{run, world};
    use nightshift_core::frames::Pose2;
    use nightshift_core::robot::{RobotCommand, RobotEvent, Twist};

    #[test]
    fn it_feels_gravity_the_turn_and_the_start() {
        let mut world = world(52, Some(Pose2::new(2.0, 2.0, 0.0)));
        let mean = |events: &[RobotEvent], pick: fn(&nightshift_core::robot::Inertial) -> f64| {
            let values: Vec<f64> = events
                .iter()
                .filter_map(
                    |event| if let RobotEvent::Inertial(told) = event { Some(pick(told)) } else { None },
                )
                .collect();
            values.iter().sum::<f64>() / values.len() as f64
        };
        let still = run(&mut world, 1.0);
        assert!((mean(&still, |told| told.acceleration[2]) - 9.81).abs() < 0.2);
        world.command(RobotCommand::Drive(Twist { x: 0.5, y: 0.0, yaw: 0.0 }));
        let start = run(&mut world, 0.3);
        let gained = mean(&start, |told| told.acceleration[0]) - mean(&still, |told| told.acceleration[0]);
        let before = world.truth().robot.pose;
        world.step();
        let speed = before.distance(&world.truth().robot.pose) / 0.002;
        assert!((gained * 0.3 - speed).abs() < 0.02, "{gained} m/s^2 over 0.3 s make {speed} m/s");
        run(&mut world, 2.0);
        for _ in 0..10 {
            world.command(RobotCommand::Drive(Twist { x: 0.0, y: 0.0, yaw: 0.5 }));
            run(&mut world, 0.1);
        }
        world.command(RobotCommand::Drive(Twist { x: 0.0, y: 0.0, yaw: 0.5 }));
        let turn = run(&mut world, 0.2);
        assert!((mean(&turn, |told| told.rate[2]) - 0.5).abs() < 0.02);
    }
}
