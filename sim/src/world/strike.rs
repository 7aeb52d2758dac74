//! Faults strike: what is struck is checked, and what a fault does at once is done.

use super::World;
use super::inject::Slip;
use crate::SimError;
use crate::faults::{Component, Fault, What, nearest};
use crate::scene::{Form, Host, ObstacleBox, Prim, Role, StationSlot, VialSpec};
use nalgebra::{Isometry3, Translation3, UnitQuaternion, Vector3};
use nightshift_core::describe::StationKind;
use nightshift_core::frames::{Pose, Pose2};
use nightshift_core::{Address, SampleId};

/// The tag of a vial that nobody knows: the family's last.
const STRANGERS_TAG: u32 = 586;
/// How far before its rack a toppled vial lies, metres.
const BESIDE_M: f64 = 0.02;

fn refuse<T>(reason: String) -> Result<T, SimError> {
    Err(SimError::Request(reason))
}

/// An error that lists the names that there are, and the nearest one to what was meant.
fn unknown(what: &str, word: &str, names: &[&str]) -> SimError {
    let meant = nearest(word, names.iter().copied());
    let meant = meant.map(|name| format!("; did you mean {name}?")).unwrap_or_default();
    SimError::Request(format!("there is no {what} {word}{meant} There are: {}", names.join(", ")))
}

impl World {
    /// Whether a fault names what is there. What depends on how things stand when it strikes is looked at then.
    ///
    /// # Errors
    /// `Request` with the names that there are; also for faults of the stack's side, which this world does not run.
    pub fn check(&self, fault: &Fault) -> Result<(), SimError> {
        let target = fault.target.as_str();
        let known = |what: &str, names: Vec<&str>| {
            if names.contains(&target) { Ok(()) } else { Err(unknown(what, target, &names)) }
        };
        match fault.spec.component {
            Component::Scanner => known("scanner", self.robot.scanners.keys().map(String::as_str).collect())?,
            Component::Vial => known("sample", self.samples())?,
            Component::Station => known("station that behaves", self.behaving())?,
            Component::Charger => {
                let stations = self.site.stations.iter();
                let chargers = stations.filter(|(_, station)| station.kind == StationKind::Charger);
                known("charger", chargers.map(|(id, _)| id.as_str()).collect())?;
            }
            Component::Battery if self.battery.is_none() => {
                return refuse("the robot's description has no [battery]".to_owned());
            }
            Component::Tag => known("station", self.site.stations.keys().map(|id| id.as_str()).collect())?,
            Component::Furniture => {
                known("furniture", self.site.furniture.iter().map(|shape| shape.name.as_str()).collect())?;
            }
            Component::Rack => {
                let racks = self.racks();
                known("rack", racks.iter().map(String::as_str).collect())?;
            }
            Component::Slot => {
                let slots: Vec<String> =
                    self.scene.station_slots.iter().map(|slot| slot.address.to_string()).collect();
                known("slot", slots.iter().map(String::as_str).collect())?;
            }
            Component::Disk | Component::Stack => {
                let name = format!("{}.{}", fault.spec.component.name(), fault.spec.name);
                return refuse(format!(
                    "{name} strikes the stack, which runs in another process here: use it in a scenario"
                ));
            }
            _ => {}
        }
        match fault.what() {
            What::JointsBias | What::ArmWeak => {
                let names: Vec<&str> = self.robot.arm.joints.iter().map(String::as_str).collect();
                let joint = fault.word("joint");
                if !names.contains(&joint) {
                    return Err(unknown("arm joint", joint, &names));
                }
            }
            What::StationPartStuck | What::StationPartMisread => {
                let parts = self.site.stations[&target.into()].parts.keys();
                let (names, part): (Vec<&str>, _) =
                    (parts.map(|id| id.as_str()).collect(), fault.word("part"));
                if !names.contains(&part) {
                    return Err(unknown(&format!("part of {target}"), part, &names));
                }
            }
            What::VialSwapped => {
                let (samples, other) = (self.samples(), fault.word("with"));
                if !samples.contains(&other) {
                    return Err(unknown("sample", other, &samples));
                }
                if other == target {
                    return refuse(format!("{other} cannot be swapped with itself"));
                }
            }
            What::VialMoved => {
                let (slots, to) = (&self.scene.station_slots, fault.word("to"));
                let slots: Vec<String> = slots.iter().map(|slot| slot.address.to_string()).collect();
                let slots: Vec<&str> = slots.iter().map(String::as_str).collect();
                if !slots.contains(&to) {
                    return Err(unknown("slot", to, &slots));
                }
            }
            What::ScannerBlind | What::ScannerDirt | What::ScannerGlare => {
                let (from, to) = (fault.number("from"), fault.number("to"));
                if from >= to {
                    return refuse(format!("{fault}: the sector's right edge must be below its left edge"));
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Makes something go wrong.
    ///
    /// # Errors
    /// `Request` where the fault names what is not there, or what it strikes is not in a state to be struck; `Compile`
    /// where MuJoCo refuses the scene. The world is then as before.
    pub fn inject(&mut self, fault: &Fault) -> Result<(), SimError> {
        self.check(fault)?;
        match fault.what() {
            What::BaseKidnap => {
                let [x, y, yaw] = ["x", "y", "yaw"].map(|name| fault.number(name));
                return self.kidnap(Pose2::new(x, y, yaw));
            }
            What::GripperSlip => self.slip = Slip::Armed,
            What::GripperJam => self.jammed_at = None,
            What::GripperOpens => self.gripper.open(self.fingers()),
            What::ArmProtectiveStop => self.arm.halt("protective stop"),
            What::BatteryCharge => {
                if let Some(battery) = &mut self.battery {
                    battery.set_charge(fault.number("at"));
                }
            }
            What::ClockJump => self.clock_ahead_s += fault.number("by"),
            What::ObstaclePut => {
                let size_m = ["length", "width", "height"].map(|name| fault.number(name));
                let [x, y, yaw] = ["x", "y", "yaw"].map(|name| fault.number(name));
                let mut scene = self.scene.clone();
                let (pose, over_m) = (Pose2::new(x, y, yaw), fault.number("over"));
                scene.put_obstacle(&fault.target, &ObstacleBox { size_m, pose, over_m });
                return self.adopt(scene, |_| {});
            }
            What::ObstacleRemove => {
                let mut scene = self.scene.clone();
                if !scene.remove_obstacle(&fault.target) {
                    return refuse(format!("there is no obstacle {} to remove", fault.target));
                }
                return self.adopt(scene, |_| {});
            }
            What::FurnitureShift => return self.shift_furniture(fault),
            What::RackShift => return self.shift_rack(fault),
            What::SlotOccupied => return self.occupy(&fault.target),
            What::VialMissing => {
                let index = self.vial(&fault.target);
                // Behind the west wall, each at its own place.
                let away = Isometry3::translation(-2.0, index as f64 * 0.2, 0.0);
                return self.reload(self.data.model_clone(), |state| state.put_vial(index, &away));
            }
            What::VialMoved => return self.move_vial(&fault.target, fault.word("to")),
            What::VialToppled => return self.topple(&fault.target),
            What::VialSwapped => self.swap_labels(&fault.target, fault.word("with")),
            What::VialUnreadable => {
                let host = Host::Vial(self.vial(&fault.target));
                let labels = self.scene.prims.iter_mut().filter(|prim| is_label_of(prim, host));
                labels.for_each(|label| label.visible = false);
            }
            What::VialStuck => {
                let index = self.vial(&fault.target);
                if self.seat(index).is_none() {
                    return refuse(format!("{} stands in no slot that it could stick in", fault.target));
                }
                self.stuck.retain(|(other, _)| *other != index);
                self.stuck.push((index, self.data.xpos()[self.layout.vial_body[index]][2]));
            }
            // The rest does its work for as long as it lasts: who does is asked while it lasts.
            _ => {}
        }
        self.active.begin(self.now().seconds(), fault.clone());
        Ok(())
    }

    fn samples(&self) -> Vec<&str> {
        self.scene.vials.iter().map(|vial| vial.sample.as_str()).collect()
    }

    fn racks(&self) -> Vec<String> {
        let nests = self.site.stations.iter();
        nests.flat_map(|(id, station)| station.nests.keys().map(move |nest| format!("{id}/{nest}"))).collect()
    }

    /// The place in the scene of a sample that `check` has found.
    fn vial(&self, sample: &str) -> usize {
        let found = self.scene.vials.iter().position(|vial| vial.sample.as_str() == sample);
        found.expect("checked before")
    }

    /// The slot at a station that a vial stands in.
    fn seat(&self, index: usize) -> Option<&Address> {
        let pose = Pose::new(self.body_pose(self.layout.vial_body[index]));
        let slots = self.station_slots().into_iter();
        let mut seats = slots.filter(|(_, slot)| crate::truth::seated(&(slot.inverse() * pose)));
        seats.next().map(|(address, _)| address)
    }

    fn shift_furniture(&mut self, fault: &Fault) -> Result<(), SimError> {
        let mut scene = self.scene.clone();
        let fixed = scene.prims.iter_mut().filter(|p| p.host == Host::World && p.role == Role::Fixture);
        for prim in fixed.filter(|prim| prim.name == fault.target) {
            prim.host_from_prim *= shift(fault);
        }
        self.adopt(scene, |_| {})
    }

    fn shift_rack(&mut self, fault: &Fault) -> Result<(), SimError> {
        let (station_id, nest_id) = fault.target.split_once('/').expect("checked before");
        let station = &self.site.stations[&station_id.into()];
        let nest = &station.nests[&nest_id.into()];
        let in_nest = |slot: &&StationSlot| {
            slot.address.station.as_str() == station_id && slot.address.nest.as_str() == nest_id
        };
        // A rack stands on the floor's frame, or rides on a part.
        let host = self.scene.station_slots.iter().find(in_nest).map_or(Host::World, |slot| slot.host);
        let (map_from_host, host_from_nest) = match host {
            Host::Part(index) => (self.body_pose(self.layout.part_body[index]), nest.pose.iso),
            _ => (Isometry3::identity(), (station.pose.spatial() * nest.pose).iso),
        };
        let moved = host_from_nest * shift(fault) * host_from_nest.inverse();
        let moved_in_map = map_from_host * moved * map_from_host.inverse();
        let pieces = format!("{nest_id} of {station_id}");
        let tags: Vec<String> = nest.tags.iter().map(|id| format!("tag {id}")).collect();
        let mut scene = self.scene.clone();
        let fixed = scene.prims.iter_mut().filter(|prim| prim.host == host);
        for prim in fixed.filter(|prim| prim.name == pieces || tags.contains(&prim.name)) {
            prim.host_from_prim = moved * prim.host_from_prim;
        }
        let mut riding = Vec::new();
        for index in 0..scene.vials.len() {
            let seat = self.seat(index);
            if seat.is_some_and(|at| at.station.as_str() == station_id && at.nest.as_str() == nest_id) {
                riding.push((index, moved_in_map * self.body_pose(self.layout.vial_body[index])));
            }
        }
        for slot in scene.station_slots.iter_mut().filter(|slot| in_nest(&&**slot)) {
            slot.host_from_slot = moved * slot.host_from_slot;
        }
        self.adopt(scene, |state| riding.iter().for_each(|(index, pose)| state.put_vial(*index, pose)))
    }

    fn occupy(&mut self, slot: &str) -> Result<(), SimError> {
        let address = self.free_slot(slot)?;
        let takes = self.site.slot(&address).map(|(rack, ..)| &rack.takes);
        let fits = |vial: &&VialSpec| {
            let kinds = &self.site.catalogue.vials;
            takes.into_iter().flatten().any(|name| kinds.get(name).is_some_and(|kind| *kind == vial.kind))
        };
        let Some(model) = self.scene.vials.iter().find(fits) else {
            return refuse(format!("no vial of the stock fits into {slot}, so none can be put there"));
        };
        let seat = self.station_slots().into_iter().find(|(other, _)| **other == address);
        let (_, map_from_slot) = seat.expect("checked before");
        let pose = map_from_slot.iso;
        let name = SampleId::new(format!("stranger-{}", self.strangers.len() + 1));
        let model = self.vial(model.sample.as_str());
        let mut scene = self.scene.clone();
        let index = scene.add_stranger(model, name.clone(), STRANGERS_TAG, pose)?;
        self.adopt(scene, |state| state.put_vial(index, &pose))?;
        self.strangers.insert(name);
        Ok(())
    }

    /// A slot in which no vial stands.
    fn free_slot(&self, slot: &str) -> Result<Address, SimError> {
        let address: Address = slot.parse().map_err(|e| SimError::Request(format!("{slot}: {e}")))?;
        match (0..self.scene.vials.len()).find(|index| self.seat(*index) == Some(&address)) {
            Some(index) => {
                refuse(format!("{slot} is occupied already, by {}", self.scene.vials[index].sample))
            }
            None => Ok(address),
        }
    }

    /// As a person would put it there.
    fn move_vial(&mut self, sample: &str, slot: &str) -> Result<(), SimError> {
        let (index, address) = (self.vial(sample), self.free_slot(slot)?);
        let kind = &self.scene.vials[index].kind;
        let kinds = &self.site.catalogue.vials;
        let takes = self.site.slot(&address).map(|(rack, ..)| &rack.takes);
        if !takes.into_iter().flatten().any(|name| kinds.get(name) == Some(kind)) {
            return refuse(format!("{sample} does not fit into {slot}"));
        }
        let seat = self.station_slots().into_iter().find(|(other, _)| **other == address);
        let (_, map_from_slot) = seat.expect("checked before");
        self.reload(self.data.model_clone(), |state| state.put_vial(index, &map_from_slot.iso))
    }

    fn topple(&mut self, sample: &str) -> Result<(), SimError> {
        let index = self.vial(sample);
        let Some(address) = self.seat(index).cloned() else {
            return refuse(format!("{sample} stands in no slot that it could topple out of"));
        };
        let (rack, _, nest_from_slot) = self.site.slot(&address).expect("a slot of the site");
        let seat = self.station_slots().into_iter().find(|(other, _)| **other == address);
        let map_from_nest = seat.expect("just found").1.iso * nest_from_slot.iso.inverse();
        let kind = &self.scene.vials[index].kind;
        let radius = kind.diameter_m / 2.0;
        // Along the rack's front edge, its middle before its slot.
        let x = -rack.size_m[0] / 2.0 - radius - BESIDE_M;
        let y = nest_from_slot.translation().y - kind.height_m / 2.0;
        let lying = UnitQuaternion::rotation_between(&Vector3::z(), &Vector3::y()).expect("not opposite");
        let nest_from_ware = Isometry3::from_parts(Translation3::new(x, y, radius + 1e-4), lying);
        let pose = map_from_nest * nest_from_ware;
        self.reload(self.data.model_clone(), |state| state.put_vial(index, &pose))
    }

    fn swap_labels(&mut self, one: &str, other: &str) {
        let hosts = [one, other].map(|sample| Host::Vial(self.vial(sample)));
        let codes = hosts.map(|host| {
            let label = self.scene.prims.iter().find(|prim| is_label_of(prim, host));
            label.map(|prim| (prim.name.clone(), prim.form))
        });
        let [one, other] = hosts;
        for (host, code) in [one, other].into_iter().zip(codes.into_iter().rev()) {
            let Some((name, Form::Tag { code, .. })) = code else { continue };
            for label in self.scene.prims.iter_mut().filter(|prim| is_label_of(prim, host)) {
                label.name.clone_from(&name);
                if let Form::Tag { code: printed, .. } = &mut label.form {
                    *printed = code;
                }
            }
        }
    }
}

fn is_label_of(prim: &Prim, host: Host) -> bool {
    prim.host == host && matches!(prim.form, Form::Tag { .. })
}

/// x, y and yaw of a fault.
fn shift(fault: &Fault) -> Isometry3<f64> {
    let [x, y, yaw] = ["x", "y", "yaw"].map(|name| fault.number(name));
    Isometry3::new(Vector3::new(x, y, 0.0), Vector3::z() * yaw)
}

#[cfg(test)]
impl World {
    /// The code that can be read on a sample.
    pub(crate) fn label(&self, sample: &str) -> Option<u64> {
        let host = Host::Vial(self.vial(sample));
        self.scene.prims.iter().find_map(|prim| match prim.form {
            Form::Tag { code, .. } if prim.host == host && prim.visible => Some(code),
            _ => None,
        })
    }

    /// Whether a station's dock tag was there in the last picture.
    pub(crate) fn dock_tag_shows(&self, station: &str) -> bool {
        let name = format!("tag {}", self.site.stations[&station.into()].dock.tag.id);
        self.scene.prims.iter().any(|prim| prim.name == name && prim.visible)
    }
}
