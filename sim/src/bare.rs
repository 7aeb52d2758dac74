//! MuJoCo by itself: the same model from the same state, without controllers, contact watching and sensors. What the
//! simulator's speed is measured against.

use crate::mjcf;
use mujoco_rs::prelude::*;
use std::time::Duration;

/// A copy of a world's physics.
pub struct Bare {
    data: MjData<Box<MjModel>>,
}

impl Bare {
    /// Goes on from a state, with the drives' last orders held.
    pub(crate) fn new(from: &MjData<Box<MjModel>>, state: u32) -> Self {
        let mut data = MjData::new(from.model_clone());
        data.model_opt_mut().timestep = mjcf::SHORT_STEP_S;
        data.set_state(&from.state(state), state).expect("the same model");
        Self { data }
    }

    /// Simulates for a time.
    pub fn advance(&mut self, time: Duration) {
        let end = self.data.time() + time.as_secs_f64();
        while self.data.time() < end {
            self.data.step();
        }
    }
}
