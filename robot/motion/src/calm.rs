//! What is held accelerated no more than it bears.
//!
//! Stretching time by a factor divides every acceleration along a path by its square, so that the factor is known as soon as the
//! largest acceleration of the fastest motion is.

use crate::arm::Arm;
use crate::path::Path;
use crate::profile::Profile;
use crate::request::{Carry, Held};
use nalgebra::{Isometry3, Vector3};
use nightshift_core::Failure;

/// Times that are looked at lie so far apart, s: a jerk of 30 m/s^3, well above a carried vial's, changes an acceleration by a
/// tenth of a metre a second squared in it.
const SPACING_S: f64 = 0.004;
/// For what lies between those times.
const HEADROOM: f64 = 0.95;

/// The bound on how much a held thing is accelerated, for one arm.
#[derive(Clone, Debug)]
pub(crate) struct Calm<'a> {
    arm: &'a Arm,
    last_from_shape: Isometry3<f64>,
    most: f64,
}

impl<'a> Calm<'a> {
    pub(crate) fn new(arm: &'a Arm, held: &Held, carry: &Carry) -> Self {
        let last_from_shape = arm.last_from_tool() * held.tool_from_shape.iso;
        Self { arm, last_from_shape, most: carry.acceleration_m_s2 }
    }

    /// By which factor, 1 or more, the fastest motion along a path has to be slowed down.
    pub(crate) fn slower(&self, path: &impl Path) -> Result<f64, Failure> {
        let profile = Profile::new(path.zones())?;
        let count = (profile.duration() / SPACING_S).ceil().max(4.0) as usize;
        let step_s = profile.duration() / count as f64;
        let place = |index: usize| {
            let q = path.at(profile.at(step_s * index as f64).s).q;
            let frames = self.arm.chain.frames(&q);
            (frames[q.len()] * self.last_from_shape).translation.vector
        };
        let places: Vec<Vector3<f64>> = (0..=count).map(place).collect();
        // At the very ends it is at rest, and its acceleration is continuous.
        let second = |w: &[Vector3<f64>]| (w[0] - 2.0 * w[1] + w[2]).xy().norm() / step_s.powi(2);
        let largest = places.windows(3).map(second).fold(0.0, f64::max);
        Ok((largest / (HEADROOM * self.most)).sqrt().max(1.0))
    }
}
