//! The fingers, and what stands between them.

use super::{Due, Lab, Truth};
use nightshift_core::Address;
use nightshift_core::frames::{Base, Nest, Pose, Slot};
use nightshift_core::robot::{CommandId, RobotEvent};
use nightshift_skills::SkillInput;

impl Lab {
    /// Where a nest really stands.
    pub fn base_from_nest(&self, address: &Address) -> Option<Pose<Base, Nest>> {
        if address.on_deck() {
            return Some(self.robot.deck.get(&address.nest)?.pose);
        }
        let (at, station_from_base) = self.station_from_base()?;
        if at != address.station {
            return None;
        }
        let shift = self.faults.nest_shift.get(&at).copied().unwrap_or(0.0);
        let shifted = Pose::from_xyz_rpy([0.0, shift, 0.0], [0.0; 3]);
        let pose = self.site.stations[&at].nest_pose(&address.nest)?;
        Some(station_from_base.inverse().spatial() * shifted * pose)
    }

    pub(super) fn base_from_slot(&self, address: &Address) -> Option<Pose<Base, Slot>> {
        let racks = &self.site.catalogue.racks;
        let rack = match address.on_deck() {
            true => &racks[&self.robot.deck.get(&address.nest)?.rack],
            false => self.site.slot(address)?.0,
        };
        Some(self.base_from_nest(address)? * rack.nest_from_slot(&address.slot)?)
    }

    pub(super) fn all_slots(&self) -> Vec<Address> {
        let rack = &self.site.catalogue.racks["rack_2x4"];
        let mut nests: Vec<(String, String)> =
            self.robot.deck.keys().map(|nest| ("deck".into(), nest.to_string())).collect();
        for (id, station) in &self.site.stations {
            nests.extend(station.nests.keys().map(|nest| (id.to_string(), nest.to_string())));
        }
        let slots = rack.slots();
        nests
            .iter()
            .flat_map(|(s, n)| slots.iter().map(move |slot| Address::new(s, n, slot.as_str())))
            .collect()
    }

    /// The slot that the fingers are around, within `off_m` of its axis and of a vial's grasp height.
    pub(super) fn slot_at_fingers(&self, off_m: f64) -> Option<Address> {
        let base_from_tool = self.arm.base_from_tool(&self.joints());
        let height = self.site.catalogue.vials.values().next().unwrap().grasp.height_m;
        self.all_slots().into_iter().find(|address| {
            let Some(base_from_slot) = self.base_from_slot(address) else { return false };
            let tool = (base_from_slot.inverse() * base_from_tool).translation();
            tool.xy().norm() < off_m && (tool.z - height).abs() < off_m && base_from_tool.z_axis().z < -0.99
        })
    }

    pub(super) fn grip(&mut self, id: CommandId, opening_m: f64, force_n: f64) {
        let width = self.site.catalogue.vials.values().next().unwrap().diameter_m;
        let closing = opening_m < width;
        // What is held may be pressed otherwise, but nothing else is done with fingers that move along.
        let held = self.vials.values().any(|vial| vial.at == Truth::Held);
        assert!(self.motion.is_none() || closing && held, "the fingers move while the arm does");
        let word = if !closing {
            "open"
        } else if held {
            "press"
        } else {
            "close"
        };
        self.commands.push(word.to_owned());
        let (mut stalled, mut touched) = (false, None);
        if closing {
            let slot = self.slot_at_fingers(0.004).filter(|_| {
                let missed = self.faults.misses > 0;
                self.faults.misses -= u32::from(missed);
                !missed
            });
            let around = self.vials.iter_mut().find(|(_, vial)| {
                vial.at == Truth::Held
                    || slot.as_ref().is_some_and(|slot| vial.at == Truth::Slot(slot.clone()))
            });
            (self.opening_m, self.force_n) = (opening_m, 0.0);
            let on_vial = around.is_some();
            if let Some((_, vial)) = around {
                if let Truth::Slot(slot) = &vial.at {
                    vial.from = Some(slot.clone());
                    touched = Some(slot.clone());
                }
                vial.at = Truth::Held;
                stalled = true;
                (self.opening_m, self.force_n) = (width + 0.0002, force_n);
            }
            if !on_vial && let Some(wide_m) = self.close_on_a_knob() {
                stalled = true;
                (self.opening_m, self.force_n) = (wide_m, force_n);
            }
        } else {
            self.held_knob = None;
            let slot = self.slot_at_fingers(0.003);
            (self.opening_m, self.force_n) = (opening_m, 0.0);
            let botched = self.faults.botched_places > 0;
            if self.vials.values().any(|vial| vial.at == Truth::Held) {
                touched.clone_from(&slot);
            }
            let taken = slot
                .clone()
                .is_some_and(|slot| self.vials.values().any(|vial| vial.at == Truth::Slot(slot.clone())));
            for vial in self.vials.values_mut().filter(|vial| vial.at == Truth::Held) {
                vial.at = match &slot {
                    Some(slot) if !taken && !botched => Truth::Slot(slot.clone()),
                    _ => Truth::Dropped,
                };
                self.faults.botched_places -= u32::from(botched);
            }
        }
        touched.iter().for_each(|slot| self.assert_ready(slot));
        let done = RobotEvent::GripperDone { id, opening_m: self.opening_m, force_n: self.force_n, stalled };
        self.after(400, Due::Input(SkillInput::Robot(done)));
    }
}
