//! Vials that break, lose their caps and spill: what the monitor found, carried out in the world.

use super::World;
use crate::content::Surface;
use crate::scene::VialSpec;
use mujoco_rs::prelude::*;
use nalgebra::Vector3;

/// The model is made anew when a vial's mass is off by more than this share of what it was made with.
const MASS_SHARE: f64 = 0.03;

/// The inside of a vial, beside what is in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Inside {
    surface: Surface,
    /// How the vial moved at the step before, m/s, where that was looked at.
    velocity: Option<Vector3<f64>>,
    /// The mass that the model was made with, kg.
    modelled_kg: f64,
    /// What has left the vial, cubic metres.
    pub spilt_m3: f64,
    /// Whether it was told that it spills.
    told: bool,
}

impl Inside {
    /// At rest.
    pub fn new(vial: &VialSpec) -> Self {
        Self {
            surface: Surface::default(),
            velocity: None,
            modelled_kg: vial.mass_kg(),
            spilt_m3: 0.0,
            told: false,
        }
    }
}

impl World {
    /// Lets what was broken run out, what was knocked off fall, and what stands open swing.
    pub(super) fn advance_harm(&mut self) {
        let mut off = Vec::new();
        let mut heavy = false;
        for index in 0..self.scene.vials.len() {
            let (broken, cap_off) = {
                let damage = &self.monitor.damage()[index];
                (damage.broken.is_some(), damage.cap_off.is_some())
            };
            if cap_off && self.scene.vials[index].capped {
                off.push(index);
            }
            let open = !self.scene.vials[index].capped;
            if self.scene.vials[index].content.volume_m3 > 0.0 && (broken || open) {
                self.swing(index, broken);
                let mass_kg = self.scene.vials[index].mass_kg();
                let modelled_kg = self.insides[index].modelled_kg;
                heavy |= (mass_kg - modelled_kg).abs() > MASS_SHARE * modelled_kg;
            }
        }
        if off.is_empty() && !heavy {
            return;
        }
        let mut scene = self.scene.clone();
        let first = scene.loose_caps.len();
        for &index in &off {
            scene.uncap(index, &self.body_pose(self.layout.vial_body[index]));
        }
        let motions: Vec<[f64; 6]> = off.iter().map(|index| self.motion(*index)).collect();
        self.adopt(scene, |state| {
            for (at, motion) in motions.into_iter().enumerate() {
                state.send_cap(first + at, motion);
            }
        })
        .expect("a lighter vial or one more cap compiles");
        for (inside, vial) in self.insides.iter_mut().zip(&self.scene.vials) {
            inside.modelled_kg = vial.mass_kg();
        }
    }

    /// Turning and moving of a vial, in the map's axes.
    fn motion(&self, vial: usize) -> [f64; 6] {
        self.velocity_of(self.layout.vial_body[vial])
    }

    pub(super) fn velocity_of(&self, body: usize) -> [f64; 6] {
        self.data.object_velocity(MjtObjBase::mjOBJ_XBODY, body, false)
    }

    fn swing(&mut self, index: usize, broken: bool) {
        let dt = Self::STEP.as_secs_f64();
        let pose = self.body_pose(self.layout.vial_body[index]);
        let [.., vx, vy, vz] = self.motion(index);
        let velocity = Vector3::new(vx, vy, vz);
        let inside = &mut self.insides[index];
        let before = inside.velocity.replace(velocity).unwrap_or(velocity);
        let spec = &mut self.scene.vials[index];
        let acceleration = (velocity - before) / dt;
        let left = if broken {
            0.0
        } else {
            inside.surface.advance(dt, &pose, &acceleration, &spec.kind, &spec.content)
        };
        let lost = spec.content.volume_m3 - left;
        if lost <= 0.0 {
            return;
        }
        spec.content.volume_m3 = left;
        inside.spilt_m3 += lost;
        if !std::mem::replace(&mut inside.told, true) {
            let why = if broken { "runs out of its cracks" } else { "spills over its rim" };
            let (sample, now) = (&spec.sample, self.steps as f64 * dt);
            self.monitor.add_mishap(format!("{now:.3} s: {sample} {why}"));
        }
    }
}

#[cfg(test)]
mod tests;
