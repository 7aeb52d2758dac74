//! What does not change during a run: the site, the robot, and questions about both.

use nightshift_core::api::Place;
use nightshift_core::describe::{RackType, Robot, Site, Station, Vial};
use nightshift_core::frames::{Base, Map, Nest, Pose, Slot, Station as StationFrame};
use nightshift_core::ids::DECK;
use nightshift_core::{Address, Code, Failure, LabwareType, NestId, PartId, Pose2, StationId};
use nightshift_motion::Arm;
use nightshift_perception::fiducial::PlacedTag;
use std::collections::BTreeMap;
use std::fmt;

/// The site and the robot.
pub struct World {
    /// The site.
    pub site: Site,
    /// The robot.
    pub robot: Robot,
    /// Its arm.
    pub arm: Arm,
}

/// A nest of a station or of the deck.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NestRef {
    /// The station, or `deck`.
    pub station: StationId,
    /// The nest.
    pub nest: NestId,
}

impl NestRef {
    /// The nest of an address.
    pub fn of(address: &Address) -> Self {
        Self { station: address.station.clone(), nest: address.nest.clone() }
    }

    /// Whether it is on the robot's own deck.
    pub fn on_deck(&self) -> bool {
        self.station.as_str() == DECK
    }

    /// The address of one of its slots.
    pub fn slot(&self, slot: &nightshift_core::SlotId) -> Address {
        Address { station: self.station.clone(), nest: self.nest.clone(), slot: slot.clone() }
    }
}

impl fmt::Display for NestRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.station, self.nest)
    }
}

impl World {
    /// The tool's z axis in the flange's frame.
    pub fn tool_axis(&self) -> nalgebra::Vector3<f64> {
        self.robot.gripper.tool.z_axis()
    }

    /// The axis that the fingers close along, the tool's y, in the flange's frame.
    pub fn closing_axis(&self) -> nalgebra::Vector3<f64> {
        self.robot.gripper.tool.iso.rotation * nalgebra::Vector3::y()
    }

    /// The rack at an address and where the slot is in it.
    ///
    /// # Errors
    /// `UNKNOWN_STATION`, `UNKNOWN_NEST`, `UNKNOWN_SLOT`.
    pub fn slot(&self, address: &Address) -> Result<(&RackType, Pose<Nest, Slot>), Failure> {
        let rack = self.rack(&NestRef::of(address))?;
        let slot = rack.nest_from_slot(&address.slot).ok_or_else(|| {
            let words = format!(
                "{address}: {}/{} has slots A1 to {}, and no {}",
                address.station,
                address.nest,
                rack.slots().last().map_or("none", |last| last.as_str()),
                address.slot
            );
            Failure::new(Code::UnknownSlot, words)
        })?;
        Ok((rack, slot))
    }

    /// The rack that stands in a nest.
    ///
    /// # Errors
    /// `UNKNOWN_STATION`, `UNKNOWN_NEST`.
    pub fn rack(&self, nest: &NestRef) -> Result<&RackType, Failure> {
        let (rack, _) = self.nest(nest)?;
        let name = rack;
        self.site.catalogue.racks.get(name).ok_or_else(|| {
            Failure::new(
                Code::UnknownNest,
                format!("{nest} takes rack type {name}, which the catalogue lacks"),
            )
        })
    }

    /// Where the fiducials of a nest are.
    ///
    /// # Errors
    /// `UNKNOWN_STATION`, `UNKNOWN_NEST`.
    pub fn board(&self, nest: &NestRef) -> Result<Vec<PlacedTag<Nest>>, Failure> {
        let rack = self.rack(nest)?;
        let (_, ids) = self.nest(nest)?;
        let placed = ids.iter().zip(&rack.tags);
        Ok(placed.map(|(id, tag)| PlacedTag { id: *id, size_m: tag.size_m, pose: tag.pose }).collect())
    }

    /// Where a nest is by the descriptions, for a base that stands so to the nest's station, whose moving parts are there (over
    /// their travel of 0 to 1), or where they will be for a hand at this nest. The deck's nests are where they are on the base.
    pub fn described_nest(
        &self,
        nest: &NestRef,
        base_from_station: &Pose<Base, StationFrame>,
        parts: Option<&BTreeMap<PartId, f64>>,
    ) -> Option<Pose<Base, Nest>> {
        if nest.on_deck() {
            return Some(self.robot.deck.get(&nest.nest)?.pose);
        }
        let station = self.site.stations.get(&nest.station)?;
        let pose = match parts {
            Some(parts) => station.nest_pose_at(&nest.nest, parts),
            None => station.nest_pose(&nest.nest),
        };
        Some(*base_from_station * pose?)
    }

    /// Whether a station has to be asked before a hand reaches in.
    pub fn has_handshake(&self, station: &StationId) -> bool {
        self.site.stations.get(station).is_some_and(|station| station.machine.is_some())
    }

    /// Whether a station has parts that a hand moves.
    pub fn moves_by_hand(&self, station: &StationId) -> bool {
        let station = self.site.stations.get(station);
        station.is_some_and(|station| station.parts.values().any(|part| part.hand.is_some()))
    }

    fn nest(&self, nest: &NestRef) -> Result<(&str, &[u32]), Failure> {
        let unknown = |known: Vec<&str>| {
            let words = format!("{} has no nest {}, it has: {}", nest.station, nest.nest, known.join(", "));
            Failure::new(Code::UnknownNest, words)
        };
        if nest.on_deck() {
            let found = self.robot.deck.get(&nest.nest);
            let found = found.map(|found| (found.rack.as_str(), found.tags.as_slice()));
            return found.ok_or_else(|| unknown(self.robot.deck.keys().map(NestId::as_str).collect()));
        }
        let station = self.station(&nest.station)?;
        let found = station.nests.get(&nest.nest).map(|found| (found.rack.as_str(), found.tags.as_slice()));
        found.ok_or_else(|| unknown(station.nests.keys().map(NestId::as_str).collect()))
    }

    /// The nests of a station, or of the deck, in order.
    ///
    /// # Errors
    /// `UNKNOWN_STATION`.
    pub fn nests(&self, station: &StationId) -> Result<Vec<NestRef>, Failure> {
        let ids: Vec<NestId> = if station.as_str() == DECK {
            self.robot.deck.keys().cloned().collect()
        } else {
            self.station(station)?.nests.keys().cloned().collect()
        };
        Ok(ids.into_iter().map(|nest| NestRef { station: station.clone(), nest }).collect())
    }

    /// A station of the site.
    ///
    /// # Errors
    /// `UNKNOWN_STATION`.
    pub fn station(&self, id: &StationId) -> Result<&Station, Failure> {
        self.site.stations.get(id).ok_or_else(|| {
            let known: Vec<&str> = self.site.stations.keys().map(StationId::as_str).collect();
            let words = format!("there is no station {id}, the site has: {}, deck", known.join(", "));
            Failure::new(Code::UnknownStation, words)
        })
    }

    /// A vial type.
    ///
    /// # Errors
    /// `UNKNOWN_LABWARE`.
    pub fn vial(&self, labware: &LabwareType) -> Result<&Vial, Failure> {
        self.site.catalogue.vials.get(labware).ok_or_else(|| {
            let known: Vec<&str> = self.site.catalogue.vials.keys().map(LabwareType::as_str).collect();
            let words =
                format!("there is no labware type {labware}, the catalogue has: {}", known.join(", "));
            Failure::new(Code::UnknownLabware, words)
        })
    }

    /// Whether this robot can bring that labware to that slot.
    ///
    /// # Errors
    /// As [`World::slot`] and [`World::vial`]; `LABWARE_DOES_NOT_FIT`.
    pub fn check_fit(&self, labware: &LabwareType, address: &Address) -> Result<(), Failure> {
        let (rack, _) = self.slot(address)?;
        let vial = self.vial(labware)?;
        let refuse = |words: String| Err(Failure::new(Code::LabwareDoesNotFit, words));
        if !rack.takes.contains(labware) {
            let takes: Vec<&str> = rack.takes.iter().map(LabwareType::as_str).collect();
            return refuse(format!("{address} takes {}, and no {labware}", takes.join(", ")));
        }
        let gripper = &self.robot.gripper;
        if vial.grasp.opening_m > gripper.max_opening_m {
            let (need, have) = (vial.grasp.opening_m * 1e3, gripper.max_opening_m * 1e3);
            return refuse(format!(
                "{labware} needs fingers {need:.1} mm apart, the gripper opens {have:.1} mm"
            ));
        }
        if vial.grasp.force_n > gripper.max_force_n {
            let (need, have) = (vial.grasp.force_n, gripper.max_force_n);
            return refuse(format!("{labware} needs {need:.1} N, the gripper gives {have:.1} N"));
        }
        Ok(())
    }

    /// Every slot of the deck, in order.
    pub fn deck_slots(&self) -> Vec<Address> {
        let nests = self.robot.deck.keys().map(|nest| NestRef { station: DECK.into(), nest: nest.clone() });
        let slots = |nest: NestRef| {
            let ids = self.rack(&nest).map(RackType::slots).unwrap_or_default();
            ids.into_iter().map(move |slot| nest.slot(&slot)).collect::<Vec<_>>()
        };
        nests.flat_map(slots).collect()
    }

    /// Where the docked base is in the map, as taught.
    pub fn map_from_docked(&self, station: &StationId) -> Option<Pose2<Map, Base>> {
        let station = self.site.stations.get(station)?;
        Some(station.pose * station.dock.docked)
    }

    /// How far a station's dock is as the crow flies, metres; zero where either end is not known.
    pub fn way_m(&self, here: &Option<Pose2<Map, Base>>, station: &StationId) -> f64 {
        match (here, self.map_from_docked(station)) {
            (Some(here), Some(dock)) => here.distance(&dock),
            _ => 0.0,
        }
    }
}

/// The slot of a place that is one.
pub fn slot_of(place: &Place) -> Option<&Address> {
    match place {
        Place::At(address) => Some(address),
        Place::Gripper | Place::Nowhere => None,
    }
}
