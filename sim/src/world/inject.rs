//! Faults at work: the world goes on from its present state with something moved, added or changed.

use super::World;
use super::harm::Inside;
use crate::layout::Layout;
use crate::scene::Scene;
use crate::{SimError, mjcf, truth};
use mujoco_rs::prelude::*;
use nalgebra::Isometry3;
use nightshift_core::frames::{Base, Map, Pose2};
use nightshift_core::ids::DECK;
use std::collections::BTreeMap;

/// Friction of the pads while a slip fault lasts: far below what carries a vial at the largest force.
const SLIPPERY: f64 = 1e-4;
/// A slip fault ends after so many steps at the latest: 5 s.
const LONGEST_SLIP_STEPS: u64 = 2500;
/// It ends earlier when the pads have touched no vial for so many steps: half a second.
const LOST_STEPS: u64 = 250;
/// Everything that MuJoCo needs to go on from.
pub(super) const STATE: u32 = MjtState::mjSTATE_INTEGRATION as u32;

/// A slip fault's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slip {
    /// There is none.
    None,
    /// Waits for a vial that is carried.
    Armed,
    /// A vial slips.
    Running {
        /// Which.
        vial: usize,
        /// The step at which it ends at the latest.
        until: u64,
        /// The step at which a pad touched a vial last.
        touched: u64,
    },
}

impl Slip {
    /// The vial that slips.
    pub fn vial(self) -> Option<usize> {
        if let Self::Running { vial, .. } = self { Some(vial) } else { None }
    }
}

impl World {
    pub(super) fn kidnap(&mut self, pose: Pose2<Map, Base>) -> Result<(), SimError> {
        let moved = pose.spatial().iso * self.base_pose().spatial().iso.inverse();
        let truth = self.truth();
        let on_deck = format!("{DECK}/");
        let mut riding = Vec::new();
        for (index, vial) in self.scene.vials.iter().enumerate() {
            let sample = &truth.samples[&vial.sample];
            if sample.held || sample.location.starts_with(&on_deck) {
                riding.push((index, moved * sample.pose.iso));
            }
        }
        let place = [pose.x(), pose.y(), pose.yaw()];
        self.reload(self.data.model_clone(), |state| {
            state.put_base(place);
            for (index, map_from_ware) in &riding {
                state.put_vial(*index, map_from_ware);
            }
        })?;
        self.drive.put(place);
        Ok(())
    }

    /// Lets a slip fault begin and end.
    pub(super) fn advance_slip(&mut self) {
        let touches = self.monitor.touches();
        let touched = touches.iter().any(|touch| touch.fingers != [false; 2]);
        let was_running = self.slip.vial().is_some();
        self.slip = match self.slip {
            Slip::Armed => match touches.iter().position(truth::Touch::carried) {
                Some(vial) => {
                    Slip::Running { vial, until: self.steps + LONGEST_SLIP_STEPS, touched: self.steps }
                }
                None => Slip::Armed,
            },
            Slip::Running { until, touched: last, .. }
                if self.steps >= until || self.steps > last + LOST_STEPS =>
            {
                Slip::None
            }
            Slip::Running { vial, until, .. } if touched => {
                Slip::Running { vial, until, touched: self.steps }
            }
            same => same,
        };
        if was_running != self.slip.vial().is_some() {
            self.retune();
        }
    }

    /// Brings what is changed in the running model up to date.
    pub(super) fn retune(&mut self) {
        let model = self.tuned(self.data.model_clone());
        self.reload(model, |_| {}).expect("the same layout");
    }

    fn tuned(&self, mut model: Box<MjModel>) -> Box<MjModel> {
        let friction = if self.slip.vial().is_some() { SLIPPERY } else { self.pad_friction };
        for &geom in &self.layout.finger_geoms {
            model.geom_friction_mut()[geom][0] = friction;
        }
        model
    }

    /// Goes on from the present state in a scene that has other things fixed in it, or more that move.
    ///
    /// # Errors
    /// `Compile` where MuJoCo refuses it; the world is then as before.
    pub(super) fn adopt(
        &mut self,
        scene: Scene,
        edit: impl FnOnce(&mut StateEdit<'_>),
    ) -> Result<(), SimError> {
        let model = mjcf::compile(&scene, &self.robot)?;
        let layout = Layout::new(&scene, &self.robot, &model)?;
        self.monitor.renumber(&scene, layout.prim_of_geom.clone());
        self.insides.extend(scene.vials[self.insides.len()..].iter().map(Inside::new));
        self.scene = scene;
        self.layout = layout;
        let model = self.tuned(model);
        self.reload(model, edit)
    }

    /// Goes on from the present state, edited, with a model that has all the present bodies, and perhaps more.
    /// Everything that slept wakes up.
    pub(super) fn reload(
        &mut self,
        model: Box<MjModel>,
        edit: impl FnOnce(&mut StateEdit<'_>),
    ) -> Result<(), SimError> {
        let mut data = MjData::new(model);
        let same = data.qpos().len() == self.data.qpos().len();
        if same && data.mocap_pos().len() == self.data.mocap_pos().len() {
            let state = self.data.state(STATE);
            data.set_state(&state, STATE).map_err(|error| SimError::Compile(error.to_string()))?;
        } else {
            carry_over(&self.data, &mut data);
        }
        edit(&mut StateEdit { data: &mut data, layout: &self.layout });
        data.step1();
        self.data = data;
        Ok(())
    }
}

/// Puts every joint that both worlds have, by the name of its body, where it is in the first.
fn carry_over(from: &MjData<Box<MjModel>>, to: &mut MjData<Box<MjModel>>) {
    let joints = |data: &MjData<Box<MjModel>>| -> BTreeMap<(String, usize), [usize; 4]> {
        let model = data.model();
        let mut found = BTreeMap::new();
        for body in 1..model.nbody() as usize {
            let name = model.id_to_name(MjtObjBase::mjOBJ_BODY, body).unwrap_or_default().to_owned();
            let first = model.body_jntadr()[body];
            for index in 0..model.body_jntnum()[body] {
                let joint = (first + index) as usize;
                let (q, v) = (model.jnt_qposadr()[joint] as usize, model.jnt_dofadr()[joint] as usize);
                // A free joint has seven coordinates and six speeds, the others one of each.
                let free = model.jnt_type()[joint] == MjtJoint::mjJNT_FREE;
                let (nq, nv) = if free { (7, 6) } else { (1, 1) };
                found.insert((name.clone(), index as usize), [q, nq, v, nv]);
            }
        }
        found
    };
    let (old, new) = (joints(from), joints(to));
    for (key, [q, nq, v, nv]) in new {
        if let Some([old_q, _, old_v, _]) = old.get(&key).copied() {
            to.qpos_mut()[q..q + nq].copy_from_slice(&from.qpos()[old_q..old_q + nq]);
            to.qvel_mut()[v..v + nv].copy_from_slice(&from.qvel()[old_v..old_v + nv]);
        }
    }
    to.ctrl_mut().copy_from_slice(from.ctrl());
    to.set_time(from.time());
}

/// What may be moved by hand.
pub(super) struct StateEdit<'a> {
    data: &'a mut MjData<Box<MjModel>>,
    layout: &'a Layout,
}

impl StateEdit<'_> {
    /// Lets a loose cap start as its vial moves.
    pub(super) fn send_cap(&mut self, cap: usize, velocity: [f64; 6]) {
        let dof = self.free_dof(self.layout.cap_body[cap]);
        let [wx, wy, wz, vx, vy, vz] = velocity;
        self.data.qvel_mut()[dof..dof + 6].copy_from_slice(&[vx, vy, vz, wx, wy, wz]);
    }

    /// Where a free body's velocity begins.
    fn free_dof(&self, body: usize) -> usize {
        let model = self.data.model();
        model.jnt_dofadr()[model.body_jntadr()[body] as usize] as usize
    }

    pub(super) fn put_base(&mut self, place: [f64; 3]) {
        for (joint, value) in self.layout.base.iter().zip(place) {
            self.data.qpos_mut()[joint.qpos] = value;
            self.data.qvel_mut()[joint.dof] = 0.0;
        }
    }

    /// Moves a piece of labware that is not carried.
    #[cfg(test)]
    pub(super) fn shift_ware(&mut self, index: usize, by: &nalgebra::Vector3<f64>) {
        let model = self.data.model();
        let at = model.jnt_qposadr()[model.body_jntadr()[self.layout.ware_body[index]] as usize] as usize;
        for axis in 0..3 {
            self.data.qpos_mut()[at + axis] += by[axis];
        }
    }

    pub(super) fn put_vial(&mut self, index: usize, map_from_ware: &Isometry3<f64>) {
        let at = self.layout.vial_qpos[index];
        let (t, q) = (map_from_ware.translation.vector, map_from_ware.rotation.coords);
        self.data.qpos_mut()[at..at + 7].copy_from_slice(&[t.x, t.y, t.z, q.w, q.x, q.y, q.z]);
        let dof = self.free_dof(self.layout.vial_body[index]);
        self.data.qvel_mut()[dof..dof + 6].fill(0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{run, strike, world};
    use nightshift_core::SampleId;
    use nightshift_core::robot::{RobotCommand, Twist};

    #[test]
    fn a_vial_on_the_deck_rides_along_and_is_kidnapped_with_the_robot() {
        let mut world = world(21, Some(Pose2::new(0.8, 4.6, 0.0)));
        let (address, map_from_slot) = world.deck_slots().swap_remove(2);
        let model = world.data.model_clone();
        world.reload(model, |state| state.put_vial(3, &map_from_slot.iso)).unwrap();
        for _ in 0..30 {
            world.command(RobotCommand::Drive(Twist { x: 0.7, y: 0.0, yaw: 0.0 }));
            run(&mut world, 0.1);
        }
        for _ in 0..10 {
            world.command(RobotCommand::Drive(Twist { x: 0.0, y: -0.4, yaw: 1.0 }));
            run(&mut world, 0.1);
        }
        run(&mut world, 1.0);
        let sample = SampleId::new("S-004");
        assert_eq!(world.truth().samples[&sample].location, address.to_string());
        strike(&mut world, "base.kidnap(x=6m, y=5m, yaw=1rad)");
        run(&mut world, 0.5);
        assert_eq!(world.truth().samples[&sample].location, address.to_string());
        assert_eq!(world.contacts_of_note(), Vec::<String>::new());
    }
}
