//! The wrist's force and torque sensor, between the arm's last link and what is bolted to the flange.
//!
//! It averages over its period, has white noise, an offset that nobody has tared, and a drift of that offset.

use mujoco_rs::prelude::*;
use nalgebra::{Isometry3, Vector3};
use nightshift_core::Stamp;
use nightshift_core::random::{Seed, Stream};
use nightshift_core::robot::Wrench;
use rand_distr::{Distribution, StandardNormal};
use std::time::Duration;

/// Standard deviation of a reported force on each axis, N.
const FORCE_SIGMA: f64 = 0.05;
/// Standard deviation of a reported torque on each axis, N m.
const TORQUE_SIGMA: f64 = 0.002;
/// Standard deviation of the offset at the start: N and N m.
const OFFSET_SIGMA: [f64; 2] = [1.0, 0.05];
/// How the offset walks: N and N m in the root of a second.
const WALK_SIGMA: [f64; 2] = [0.01, 0.0005];

/// The sensor.
#[derive(Clone, Debug)]
pub struct Wrist {
    stream: Stream,
    /// Force, then torque.
    offset: [f64; 6],
    sum: [f64; 6],
    span_s: f64,
}

impl Wrist {
    /// Switched on.
    pub fn new(seed: Seed) -> Self {
        let mut stream = seed.stream("wrist");
        let offset = std::array::from_fn(|axis| OFFSET_SIGMA[axis / 3] * normal(&mut stream));
        Self { stream, offset, sum: [0.0; 6], span_s: 0.0 }
    }

    /// Takes in what held over `dt` seconds. `data` has been asked for its internal forces.
    pub fn take(&mut self, dt: f64, data: &MjData<Box<MjModel>>, flange: usize) {
        let load = load(data, flange);
        for (sum, value) in self.sum.iter_mut().zip(load) {
            *sum += value * dt;
        }
        self.span_s += dt;
    }

    /// What is told at `now` of the span since the last report.
    pub fn report(&mut self, now: Stamp) -> Wrench {
        let walk = self.span_s.sqrt();
        let mut told = [0.0; 6];
        for (axis, told) in told.iter_mut().enumerate() {
            self.offset[axis] += WALK_SIGMA[axis / 3] * walk * normal(&mut self.stream);
            let sigma = if axis < 3 { FORCE_SIGMA } else { TORQUE_SIGMA };
            *told =
                self.sum[axis] / self.span_s.max(1e-9) + self.offset[axis] + sigma * normal(&mut self.stream);
        }
        let middle = Duration::from_secs_f64(self.span_s / 2.0);
        (self.sum, self.span_s) = ([0.0; 6], 0.0);
        let [fx, fy, fz, tx, ty, tz] = told;
        let stamp = Stamp(now.0.saturating_sub(middle.as_nanos() as u64));
        Wrench { stamp, force_n: [fx, fy, fz], torque_nm: [tx, ty, tz] }
    }
}

/// Force and torque that a body with all that hangs on it puts on its parent, about the body's origin in its axes.
fn load(data: &MjData<Box<MjModel>>, body: usize) -> [f64; 6] {
    // MuJoCo has what the parent puts on the body, torque first, about the centre of mass of the whole tree.
    let root = data.model().body_rootid()[body] as usize;
    let [tx, ty, tz, fx, fy, fz] = data.cfrc_int()[body];
    let pose: Isometry3<f64> = crate::scene::isometry(data.xpos()[body], data.xquat()[body]);
    let arm = Vector3::from(data.subtree_com()[root]) - pose.translation.vector;
    let force = -Vector3::new(fx, fy, fz);
    let torque = -Vector3::new(tx, ty, tz) + arm.cross(&force);
    let (force, torque) = (pose.inverse_transform_vector(&force), pose.inverse_transform_vector(&torque));
    [force.x, force.y, force.z, torque.x, torque.y, torque.z]
}

fn normal(stream: &mut Stream) -> f64 {
    StandardNormal.sample(stream)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Worker, grip, run};
    use nightshift_core::robot::RobotEvent;

    fn mean(events: &[RobotEvent]) -> [f64; 6] {
        let wrenches: Vec<[f64; 6]> = events
            .iter()
            .filter_map(|event| match event {
                RobotEvent::Wrist(Wrench { force_n: [a, b, c], torque_nm: [d, e, f], .. }) => {
                    Some([*a, *b, *c, *d, *e, *f])
                }
                _ => None,
            })
            .collect();
        std::array::from_fn(|axis| wrenches.iter().map(|w| w[axis]).sum::<f64>() / wrenches.len() as f64)
    }

    #[test]
    fn it_weighs_the_gripper_what_is_lifted_and_what_is_pressed_upon() {
        let mut worker = Worker::over(51, "storage/rack/A1", 0.12);
        worker.rise(-0.12, 3.0);
        let flange = worker.robot.arm.flange_link.clone();
        let gripper_kg: f64 = worker
            .robot
            .model
            .links
            .iter()
            .filter(|(name, _)| worker.robot.model.is_ancestor(&flange, name))
            .map(|(_, link)| link.mass_kg)
            .sum();
        let empty = mean(&run(&mut worker.world, 1.0));
        // The flange looks down, so weight is along its z; an offset of a newton is common.
        assert!((empty[2] - gripper_kg * 9.81).abs() < 4.0, "{empty:?} for {gripper_kg} kg");
        grip(&mut worker.world, 0.02, 8.0);
        worker.rise(0.12, 2.0);
        run(&mut worker.world, 0.5);
        let lifted = mean(&run(&mut worker.world, 1.0));
        assert!((lifted[2] - empty[2] - 0.025 * 9.81).abs() < 0.08, "{} N", lifted[2] - empty[2]);
        // Set down and pressed upon by half a millimetre: the rack's floor pushes back.
        worker.rise(-0.1205, 3.0);
        run(&mut worker.world, 0.3);
        let pressed = mean(&run(&mut worker.world, 1.0));
        assert!(pressed[2] < lifted[2] - 1.0, "{pressed:?} after {lifted:?}");
    }
}
