//! The store, and the truth held against what it says.

use super::{Lab, Truth};
use nightshift_core::api::Place;
use nightshift_core::{Code, Failure};
use nightshift_skills::{StoreRecord, Whereabouts};

impl Lab {
    pub(super) fn append(&mut self, records: &[StoreRecord]) -> Result<u64, Failure> {
        self.appends += 1;
        if self.faults.store_fails_after.is_some_and(|after| self.appends > after) {
            return Err(Failure::new(Code::StoreUnavailable, "the disk is full"));
        }
        let last = self.store.append(records)?;
        for record in records {
            if let StoreRecord::Ledger(entry) = record {
                self.durable.apply(entry).unwrap();
            }
        }
        Ok(last)
    }

    /// No sample may be anywhere but where the durable ledger has it, or thinks it possible.
    pub(super) fn check(&self) {
        for (id, known) in self.durable.samples() {
            let vial = &self.vials[id];
            let place = match &vial.at {
                Truth::Slot(address) => Place::At(address.clone()),
                Truth::Held => Place::Gripper,
                Truth::Dropped => continue,
            };
            assert!(
                known.whereabouts.may_be(&place) || vial.carried_off,
                "{id} is at {place}, and the ledger has it at {}; notices: {:#?}",
                known.whereabouts,
                self.notices
            );
        }
        let held = self.vials.values().filter(|vial| vial.at == Truth::Held).count();
        assert!(held <= 1, "two vials between the fingers");
    }

    /// After everything has come to rest: no slot has two vials, and what the ledger is certain of is true.
    pub fn check_at_rest(&self) {
        for (id, known) in self.durable.samples() {
            if let Whereabouts::At(place) = &known.whereabouts {
                let truth = match &self.vials[id].at {
                    Truth::Slot(address) => Some(Place::At(address.clone())),
                    Truth::Held => Some(Place::Gripper),
                    Truth::Dropped => None,
                };
                let sliding = self.slip_armed.is_some();
                assert!(truth.as_ref() == Some(place) || sliding, "{id}: ledger {place}, truth {truth:?}");
            }
        }
    }
}
