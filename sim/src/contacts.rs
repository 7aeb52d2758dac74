//! What touches what: the pads' force, what holds each vial, and the touches that must not happen.

use crate::scene::{Host, Prim, Role, Scene};
use crate::truth::Touch;
use mujoco_rs::prelude::*;
use mujoco_rs::wrappers::mj_auxiliary::MjContact;
use nalgebra::Vector3;
use nightshift_core::Stamp;
use std::collections::BTreeMap;

/// A vial that meets something hard faster than this was dropped or knocked, m/s: a fall from 3 mm. One that is let go
/// a millimetre above its seat arrives at 0.14 m/s.
const DROPPED: f64 = 0.25;
/// A vial that meets something hard faster than this breaks, m/s: a fall from 11 cm.
const BREAKS: f64 = 1.5;
/// A touch that comes back within so many steps is the same touch.
const SAME_TOUCH_STEPS: u64 = 250;

/// Impacts of one vial within so many steps are one: it rattles.
const SAME_IMPACT_STEPS: u64 = 100;

/// Watches the contacts.
#[derive(Clone, Debug)]
pub struct Monitor {
    prim_of_geom: Vec<usize>,
    /// Pairs of shapes, and the step at which they touched last.
    last_touch: BTreeMap<(usize, usize), u64>,
    touches: Vec<Touch>,
    /// The step at which each vial hit something last.
    last_impact: Vec<Option<u64>>,
    broken: Vec<bool>,
    pads_n: [f64; 2],
    notes: Vec<String>,
}

impl Monitor {
    /// Nothing has touched yet. `prim_of_geom` says which shape each geom of the model is.
    pub fn new(scene: &Scene, prim_of_geom: Vec<usize>) -> Self {
        Self {
            prim_of_geom,
            last_touch: BTreeMap::new(),
            last_impact: vec![None; scene.vials.len()],
            touches: vec![Touch::default(); scene.vials.len()],
            broken: vec![false; scene.vials.len()],
            pads_n: [0.0; 2],
            notes: Vec::new(),
        }
    }

    /// The world was made anew, with the same vials and perhaps more.
    pub fn renumber(&mut self, scene: &Scene, prim_of_geom: Vec<usize>) {
        self.prim_of_geom = prim_of_geom;
        self.last_touch.clear();
        let vials = scene.vials.len();
        self.last_impact.resize(vials, None);
        self.touches.resize(vials, Touch::default());
        self.broken.resize(vials, false);
    }

    /// Looks at the contacts before the solver changes the speeds that led to them. While `excused`, impacts of
    /// vials are not noted: they are a fault's doing.
    pub fn look(&mut self, step: u64, now: Stamp, scene: &Scene, data: &MjData<Box<MjModel>>, excused: bool) {
        self.touches.fill(Touch::default());
        for contact in data.contact() {
            let pair = contact.geom.map(|geom| self.prim_of_geom[geom as usize]);
            let prims = pair.map(|index| &scene.prims[index]);
            for (one, other) in [(prims[0], prims[1]), (prims[1], prims[0])] {
                if let (Host::Vial(vial), false) = (one.host, one.host == other.host) {
                    match other.role {
                        Role::Robot { finger: Some(finger) } => self.touches[vial].fingers[finger] = true,
                        _ => self.touches[vial].other = true,
                    }
                }
            }
            let key = (pair[0].min(pair[1]), pair[0].max(pair[1]));
            let before = self.last_touch.insert(key, step);
            if before.is_some_and(|before| before + 1 >= step) {
                continue;
            }
            let again = before.is_some_and(|before| before + SAME_TOUCH_STEPS >= step);
            if !again && is_forbidden(prims[0], prims[1]) {
                self.notes.push(format!(
                    "{:.3} s: {} touches {}",
                    now.seconds(),
                    prims[0].name,
                    prims[1].name
                ));
            }
            self.impact(step, now, prims, contact, data, excused);
        }
    }

    fn impact(
        &mut self,
        step: u64,
        now: Stamp,
        prims: [&Prim; 2],
        contact: &MjContact,
        data: &MjData<Box<MjModel>>,
        excused: bool,
    ) {
        let is_pad = |prim: &Prim| matches!(prim.role, Role::Robot { finger: Some(_) });
        let vial = |prim: &Prim| if let Host::Vial(index) = prim.host { Some(index) } else { None };
        if prims.iter().any(|prim| is_pad(prim)) || prims.iter().all(|prim| vial(prim).is_none()) {
            return;
        }
        let point = Vector3::from(contact.pos);
        let speeds = contact.geom.map(|geom| speed_at(data, geom as usize, &point));
        // The contact's normal points from the first geom to the second.
        let normal = Vector3::new(contact.frame[0], contact.frame[1], contact.frame[2]);
        let approach = (speeds[0] - speeds[1]).dot(&normal);
        if approach > BREAKS {
            for index in prims.into_iter().filter_map(vial) {
                self.broken[index] = true;
            }
        }
        if approach <= DROPPED {
            return;
        }
        for (one, other) in [(prims[0], prims[1]), (prims[1], prims[0])] {
            let Some(index) = vial(one) else { continue };
            let before = self.last_impact[index].replace(step);
            let again = before.is_some_and(|before| before + SAME_IMPACT_STEPS >= step);
            if !again && !excused {
                let (vial, hard) = (&one.name, &other.name);
                self.notes.push(format!("{:.3} s: {vial} hits {hard} at {approach:.2} m/s", now.seconds()));
            }
        }
    }

    /// Reads the pads' forces, once the solver has found them.
    pub fn weigh(&mut self, scene: &Scene, data: &MjData<Box<MjModel>>) {
        self.pads_n = [0.0; 2];
        for (index, contact) in data.contact().iter().enumerate() {
            for geom in contact.geom {
                if let Role::Robot { finger: Some(finger) } =
                    scene.prims[self.prim_of_geom[geom as usize]].role
                {
                    self.pads_n[finger] += data.contact_force(index)[0];
                }
            }
        }
    }

    /// Mean of both pads' normal forces, newtons.
    pub fn pad_force_n(&self) -> f64 {
        (self.pads_n[0] + self.pads_n[1]) / 2.0
    }

    /// What touches each vial.
    pub fn touches(&self) -> &[Touch] {
        &self.touches
    }

    /// Which vials are broken.
    pub fn broken(&self) -> &[bool] {
        &self.broken
    }

    /// The forbidden touches since the last call.
    pub fn take_notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
    }
}

/// The robot against what stands in the room, or against itself.
fn is_forbidden(one: &Prim, other: &Prim) -> bool {
    let robot = |prim: &Prim| matches!(prim.role, Role::Robot { .. });
    let room = |prim: &Prim| matches!(prim.role, Role::Fixture | Role::Obstacle | Role::Floor | Role::Person);
    robot(one) && (room(other) || robot(other)) || robot(other) && room(one)
}

/// How fast the body of a geom moves at a point, m/s in the map's axes.
fn speed_at(data: &MjData<Box<MjModel>>, geom: usize, point: &Vector3<f64>) -> Vector3<f64> {
    let body = data.model().geom_bodyid()[geom] as usize;
    let [wx, wy, wz, vx, vy, vz] = data.object_velocity(MjtObjBase::mjOBJ_XBODY, body, false);
    let arm = point - Vector3::from(data.xpos()[body]);
    Vector3::new(vx, vy, vz) + Vector3::new(wx, wy, wz).cross(&arm)
}
