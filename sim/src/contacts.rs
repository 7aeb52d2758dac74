//! What touches what: the pads' force, what holds each vial, what harms it, and the touches that must not happen.
//!
//! Contacts are looked at in every step of physics, between the finding of contacts and their solution: one step later
//! the solver has taken much of the speed at which things met.

use crate::damage::{Damage, Load, speed_after};
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
/// A finger that meets a rack no faster than this feels for it under its guard, and does not run into it, m/s: it is told to go at 3 mm/s.
const FELT: f64 = 0.006;
/// A touch that comes back within so many seconds is the same touch.
const SAME_TOUCH_S: f64 = 0.5;
/// Impacts of one vial within so many seconds are one: it rattles.
const SAME_IMPACT_S: f64 = 0.2;

/// Watches the contacts.
#[derive(Clone, Debug)]
pub struct Monitor {
    prim_of_geom: Vec<usize>,
    /// Steps of physics looked at.
    step: u64,
    /// Pairs of shapes, and the step and the time at which they touched last.
    last_touch: BTreeMap<(usize, usize), (u64, Stamp)>,
    touches: Vec<Touch>,
    /// When each vial hit something last.
    last_impact: Vec<Option<Stamp>>,
    damage: Vec<Damage>,
    broken_wares: Vec<bool>,
    loads: Vec<Load>,
    pads_n: [f64; 2],
    notes: Vec<String>,
    mishaps: Vec<String>,
}

/// What the impacts of one step are judged by.
struct Moment<'a> {
    now: Stamp,
    scene: &'a Scene,
    data: &'a MjData<Box<MjModel>>,
    excused: Option<usize>,
}

impl Monitor {
    /// Nothing has touched yet. `prim_of_geom` says which shape each geom of the model is.
    pub fn new(scene: &Scene, prim_of_geom: Vec<usize>) -> Self {
        let count = scene.vials.len();
        Self {
            prim_of_geom,
            step: 0,
            last_touch: BTreeMap::new(),
            last_impact: vec![None; count],
            touches: vec![Touch::default(); count],
            damage: scene.vials.iter().map(|vial| Damage::new(&vial.kind, !vial.capped)).collect(),
            broken_wares: vec![false; scene.wares.len()],
            loads: vec![Load::default(); count],
            pads_n: [0.0; 2],
            notes: Vec::new(),
            mishaps: Vec::new(),
        }
    }

    /// The world was made anew, with the same vials and perhaps more.
    pub fn renumber(&mut self, scene: &Scene, prim_of_geom: Vec<usize>) {
        self.prim_of_geom = prim_of_geom;
        self.last_touch.clear();
        let vials = scene.vials.len();
        self.last_impact.resize(vials, None);
        self.touches.resize(vials, Touch::default());
        self.loads.resize(vials, Load::default());
        for vial in &scene.vials[self.damage.len()..] {
            self.damage.push(Damage::new(&vial.kind, !vial.capped));
        }
    }

    /// Looks at the contacts before the solver changes the speeds that led to them. Impacts of the vial `excused` are
    /// not noted: they are a fault's doing.
    pub fn look(&mut self, now: Stamp, scene: &Scene, data: &MjData<Box<MjModel>>, excused: Option<usize>) {
        self.step += 1;
        let (step, moment) = (self.step, Moment { now, scene, data, excused });
        self.touches.fill(Touch::default());
        let mut last = None;
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
            // Shapes that meet at several points follow each other.
            if last == Some(key) {
                continue;
            }
            last = Some(key);
            let before = self.last_touch.insert(key, (step, now));
            if before.is_some_and(|(before, _)| before + 1 >= step) {
                continue;
            }
            let again = before.is_some_and(|(_, before)| now.since(before) <= SAME_TOUCH_S);
            let felt = || is_felt(prims) && approach_speed(data, contact) <= FELT;
            if !again && is_forbidden(prims[0], prims[1]) && !felt() {
                let (one, other) = (&prims[0].name, &prims[1].name);
                self.notes.push(format!("{:.3} s: {one} touches {other}", now.seconds()));
            }
            self.impact(&moment, prims, contact);
        }
    }

    fn impact(&mut self, moment: &Moment<'_>, prims: [&Prim; 2], contact: &MjContact) {
        // Rubber pads and plastic caps are not hard.
        let soft = |prim: &Prim| is_pad(prim) || prim.role == Role::LooseCap;
        let fragile = |prim: &Prim| matches!(prim.host, Host::Vial(_) | Host::Ware(_));
        if prims.iter().any(|prim| soft(prim)) || !prims.iter().any(|prim| fragile(prim)) {
            return;
        }
        let approach = approach_speed(moment.data, contact);
        if approach <= DROPPED {
            return;
        }
        let excused = prims.iter().any(|prim| vial_of(prim).is_some() && vial_of(prim) == moment.excused);
        for (one, other) in [(prims[0], prims[1]), (prims[1], prims[0])] {
            if let Host::Ware(ware) = one.host {
                self.knock_ware(moment, ware, &other.name, approach);
            }
            let Some(index) = vial_of(one) else { continue };
            if let Some(words) = self.damage[index].knock(&other.name, approach) {
                self.mishap(moment, index, &words);
            }
            let before = self.last_impact[index].replace(moment.now);
            let again = before.is_some_and(|before| moment.now.since(before) <= SAME_IMPACT_S);
            if !again && !excused {
                let (vial, hard, now) = (&one.name, &other.name, moment.now.seconds());
                self.notes.push(format!("{now:.3} s: {vial} hits {hard} at {approach:.2} m/s"));
            }
        }
    }

    fn knock_ware(&mut self, moment: &Moment<'_>, ware: usize, other: &str, speed_m_s: f64) {
        let piece = &moment.scene.wares[ware].piece;
        let bears = speed_after(piece.kind.survives_fall_m());
        if speed_m_s > bears && !std::mem::replace(&mut self.broken_wares[ware], true) {
            let (now, name) = (moment.now.seconds(), &piece.id);
            self.mishaps.push(format!(
                "{now:.3} s: {name} breaks: met {other} at {speed_m_s:.2} m/s, it bears {bears:.2} m/s"
            ));
        }
    }

    /// Which pieces of labware that is not carried are broken.
    pub fn broken_wares(&self) -> &[bool] {
        &self.broken_wares
    }

    fn mishap(&mut self, moment: &Moment<'_>, vial: usize, words: &str) {
        let sample = &moment.scene.vials[vial].sample;
        self.mishaps.push(format!("{:.3} s: {sample} {words}", moment.now.seconds()));
    }

    /// Reads the forces, once the solver has found them: what it did over `dt` seconds.
    pub fn weigh(&mut self, now: Stamp, dt: f64, scene: &Scene, data: &MjData<Box<MjModel>>) {
        self.pads_n = [0.0; 2];
        self.loads.fill(Load::default());
        for (index, contact) in data.contact().iter().enumerate() {
            let prims = contact.geom.map(|geom| &scene.prims[self.prim_of_geom[geom as usize]]);
            if !prims.iter().any(|prim| is_pad(prim) || vial_of(prim).is_some()) {
                continue;
            }
            let force = data.contact_force(index);
            let geom = contact.geom.map(|geom| geom as usize);
            for (index, sign) in [(0, -1.0), (1, 1.0)] {
                let (one, other) = (prims[index], prims[1 - index]);
                if let Role::Robot { finger: Some(finger) } = one.role {
                    self.pads_n[finger] += force[0];
                }
                let Some(vial) = vial_of(one) else { continue };
                let on_axis = sign * along_axis(geom[index], contact, &force, data);
                let load = &mut self.loads[vial];
                if let Role::Cap(_) = one.role {
                    load.on_cap += on_axis;
                }
                match other.role {
                    Role::Robot { finger: Some(finger) } => load.fingers[finger] += force[0],
                    _ => {
                        load.others += force[0];
                        load.push += on_axis;
                    }
                }
            }
        }
        let moment = Moment { now, scene, data, excused: None };
        for vial in 0..self.loads.len() {
            let load = self.loads[vial];
            if let Some(words) = self.damage[vial].bear(dt, &load) {
                self.mishap(&moment, vial, &words);
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

    /// What harmed each vial.
    pub fn damage(&self) -> &[Damage] {
        &self.damage
    }

    /// The vials that both pads press, and the force on the wall of each, N.
    pub fn grips(&self) -> impl Iterator<Item = (usize, f64)> {
        let held = self.loads.iter().enumerate().filter(|(_, load)| load.fingers.iter().all(|n| *n > 0.0));
        held.map(|(vial, _)| (vial, self.damage[vial].squeeze_n()))
    }

    /// The forbidden touches since the last call.
    pub fn take_notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
    }

    /// Adds what others found.
    pub fn add_mishap(&mut self, words: String) {
        self.mishaps.push(words);
    }

    /// What has gone to pieces since the last call.
    pub fn take_mishaps(&mut self) -> Vec<String> {
        std::mem::take(&mut self.mishaps)
    }
}

/// The part along a vial's axis of the force that a contact's first shape puts on its second. `part` is the vial's.
fn along_axis(part: usize, contact: &MjContact, force: &[f64; 6], data: &MjData<Box<MjModel>>) -> f64 {
    // The rows of the contact's frame are its axes, and the z of a vial's body and cap is the vial's.
    let xmat = data.geom_xmat()[part];
    let axis = [xmat[2], xmat[5], xmat[8]];
    let world = (0..3).map(|i| (0..3).map(|row| contact.frame[3 * row + i] * force[row]).sum::<f64>());
    world.zip(axis).map(|(force, axis)| force * axis).sum()
}

fn is_pad(prim: &Prim) -> bool {
    matches!(prim.role, Role::Robot { finger: Some(_) })
}

fn vial_of(prim: &Prim) -> Option<usize> {
    if let Host::Vial(index) = prim.host { Some(index) } else { None }
}

/// How fast the shapes of a contact come at each other, m/s.
fn approach_speed(data: &MjData<Box<MjModel>>, contact: &MjContact) -> f64 {
    let point = Vector3::from(contact.pos);
    let [one, other] = contact.geom.map(|geom| speed_at(data, geom as usize, &point));
    // The contact's normal points from the first geom to the second.
    let normal = Vector3::new(contact.frame[0], contact.frame[1], contact.frame[2]);
    (one - other).dot(&normal)
}

/// A finger against a rack: where it comes slowly, it feels for it.
fn is_felt(prims: [&Prim; 2]) -> bool {
    let pair = |one: &Prim, other: &Prim| is_pad(one) && other.role == Role::Rack;
    pair(prims[0], prims[1]) || pair(prims[1], prims[0])
}

/// The robot against what stands in the room, or against itself. Fingers are there to touch knobs.
fn is_forbidden(one: &Prim, other: &Prim) -> bool {
    if one.role == Role::Knob && is_pad(other) || other.role == Role::Knob && is_pad(one) {
        return false;
    }
    let robot = |prim: &Prim| matches!(prim.role, Role::Robot { .. });
    let room = |prim: &Prim| match prim.role {
        Role::Fixture
        | Role::Rack
        | Role::Knob
        | Role::Obstacle
        | Role::Floor
        | Role::Person
        | Role::Ware { .. } => true,
        Role::Robot { .. } | Role::Glass(_) | Role::Shell(_) | Role::Cap(_) | Role::LooseCap => false,
    };
    robot(one) && (room(other) || robot(other)) || robot(other) && room(one)
}

/// How fast the body of a geom moves at a point, m/s in the map's axes.
fn speed_at(data: &MjData<Box<MjModel>>, geom: usize, point: &Vector3<f64>) -> Vector3<f64> {
    let body = data.model().geom_bodyid()[geom] as usize;
    let [wx, wy, wz, vx, vy, vz] = data.object_velocity(MjtObjBase::mjOBJ_XBODY, body, false);
    let arm = point - Vector3::from(data.xpos()[body]);
    Vector3::new(vx, vy, vz) + Vector3::new(wx, wy, wz).cross(&arm)
}
