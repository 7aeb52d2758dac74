//! What the robot believes beyond the ledger: where its base stands, where nests were seen, what the fingers feel.

mod fingers;
mod joints;

pub use fingers::{Grip, Hold};

use crate::guard::WristLog;
use crate::limits;
use crate::seen::Seen;
use crate::sight::{NestSight, Refined};
use crate::world::{NestRef, World};
use nightshift_core::describe::Station;
use nightshift_core::frames::{Base, Map, Nest, Pose, Station as StationFrame};
use nightshift_core::robot::{Battery, GripperState, JointState};
use nightshift_core::{NestId, PartId, Pose2, SampleId, Stamp, StateId, StationId};
use std::collections::{BTreeMap, VecDeque};

/// Where the base stands.
#[derive(Clone, Debug, PartialEq)]
pub enum BasePlace {
    /// Somewhere in the map; see [`Belief::map_from_base`].
    Free,
    /// Where the approach to a station begins.
    Staging(StationId),
    /// Docked.
    Docked(StationId),
}

/// A base in its dock.
#[derive(Clone, Debug, PartialEq)]
pub struct DockSight {
    /// Whose.
    pub station: StationId,
    /// When it was seen so: the base has not moved since.
    pub stamp: Stamp,
    /// Where it stands.
    pub station_from_base: Pose2<StationFrame, Base>,
    /// In (x, y, heading): m^2, m rad, rad^2.
    pub covariance: [[f64; 3]; 3],
}

impl DockSight {
    /// One sigma of a place at the arm's reach, on the worse side, m: the base's own place, and its heading at that distance.
    fn sigma_m(&self) -> f64 {
        let [[x, xy, _], [_, y, _], [.., heading]] = self.covariance;
        // The larger eigenvalue of the place's covariance.
        let place = (x + y) / 2.0 + ((x - y) / 2.0).hypot(xy);
        (place + limits::REACH_M.powi(2) * heading).sqrt()
    }

    fn is_good(&self, now: Stamp) -> bool {
        now.since(self.stamp) <= limits::DOCKED_AGE_S && self.sigma_m() <= limits::DOCKED_SIGMA_M
    }
}

/// Everything that is believed and may be wrong.
#[derive(Debug)]
pub struct Belief {
    joints: VecDeque<JointState>,
    /// The gripper's last report.
    pub gripper: Option<GripperState>,
    /// Those just before it, oldest first.
    before: VecDeque<GripperState>,
    /// What the battery told last.
    pub battery: Option<Battery>,
    /// What the wrist told lately.
    pub wrist: WristLog,
    /// Where the base stands.
    pub base: BasePlace,
    /// Where the base stands in its dock, as docking saw it.
    pub docked: Option<DockSight>,
    /// By the localiser; none where it does not know.
    pub map_from_base: Option<Pose2<Map, Base>>,
    nests: BTreeMap<NestRef, NestSight>,
    refined: BTreeMap<NestRef, Refined>,
    /// What was seen and no description knows, since the base drove to where it is.
    pub seen: Seen,
    /// What is held.
    pub grip: Option<Grip>,
    /// Stations that have said that the hand may reach in: in which state, at which nest.
    pub ready: BTreeMap<StationId, (StateId, NestId)>,
    /// At stations with parts that a hand moves: where those were told to be, or were brought to, and where the station's state has the others,
    /// since the base stands where it does; over their travel of 0 to 1.
    pub by_hand: BTreeMap<StationId, BTreeMap<PartId, f64>>,
    /// The station whose parts are not where it says, or have not been looked at since it said so: they may be anywhere.
    pub unsure_parts: Option<StationId>,
    /// Reports in a row by which what was held is gone, and by which it is held with too little.
    slips: u32,
    weak: u32,
    /// At what force samples have slipped, N.
    slipped_at: BTreeMap<SampleId, f64>,
}

impl Default for Belief {
    fn default() -> Self {
        Self {
            joints: VecDeque::new(),
            gripper: None,
            before: VecDeque::new(),
            battery: None,
            wrist: WristLog::default(),
            base: BasePlace::Free,
            docked: None,
            map_from_base: None,
            nests: BTreeMap::new(),
            refined: BTreeMap::new(),
            seen: Seen::default(),
            grip: None,
            ready: BTreeMap::new(),
            by_hand: BTreeMap::new(),
            unsure_parts: None,
            slips: 0,
            weak: 0,
            slipped_at: BTreeMap::new(),
        }
    }
}

impl Belief {
    /// Nothing but a base that is docked there, as taught, a station that is ready, and fingers so far apart: for
    /// motions that are rehearsed.
    pub fn docked_at(world: &World, station: &StationId, opening_m: f64) -> Self {
        let gripper = GripperState { stamp: Stamp::ZERO, opening_m, force_n: 0.0 };
        let found = world.site.stations.get(station);
        let ready = found.and_then(|found| {
            let (state, _) = found.machine.as_ref()?.ready_states().next()?;
            Some((station.clone(), (state.clone(), found.nests.keys().next()?.clone())))
        });
        Self {
            base: BasePlace::Docked(station.clone()),
            gripper: Some(gripper),
            before: VecDeque::new(),
            ready: ready.into_iter().collect(),
            ..Self::default()
        }
    }

    /// A station has said whether the hand may reach in: in which state, at which nest. What was seen of its nests no
    /// longer holds where that has changed: they may ride on a part.
    pub fn site_is(&mut self, station: &StationId, ready: Option<(StateId, NestId)>) {
        if self.ready.get(station) == ready.as_ref() {
            return;
        }
        self.nests.retain(|nest, _| nest.station != *station);
        self.refined.retain(|nest, _| nest.station != *station);
        match ready {
            Some(ready) => self.ready.insert(station.clone(), ready),
            None => self.ready.remove(station),
        };
    }

    /// Where the moving parts of a station are taken to be, over their travel of 0 to 1: where its file has them in the state that it is
    /// ready in, or at its start; those that a hand moves where they were told to be, or brought to.
    pub fn part_positions(&self, station: &Station) -> BTreeMap<PartId, f64> {
        let Some(machine) = &station.machine else { return BTreeMap::new() };
        let mut positions = match self.ready.get(&station.id) {
            Some((state, nest)) => station.part_positions(state, Some(nest)),
            None => station.part_positions(&machine.start, None),
        };
        positions.extend(self.by_hand.get(&station.id).cloned().unwrap_or_default());
        positions
    }

    /// Whether a hand may reach into this nest: its station needs no handshake, or is ready for it.
    pub fn may_reach(&self, world: &World, nest: &NestRef) -> bool {
        !world.has_handshake(&nest.station)
            || self.ready.get(&nest.station).is_some_and(|(_, ready)| *ready == nest.nest)
    }

    /// The base moves, or is about to: what was seen at a station no longer holds. The deck moves along.
    pub fn base_moves(&mut self) {
        self.base = BasePlace::Free;
        self.docked = None;
        self.unsure_parts = None;
        self.by_hand.clear();
        self.nests.retain(|nest, _| nest.on_deck());
        self.refined.clear();
    }

    /// A nest was located by several pictures.
    pub fn refined(&mut self, nest: &NestRef, refined: Refined) {
        self.refined.insert(nest.clone(), refined);
    }

    /// Where several pictures located a nest since the base stands where it does, where that is not too long ago.
    pub fn refinement(&self, nest: &NestRef) -> Option<&Refined> {
        let now = self.joints.back()?.stamp;
        self.refined.get(nest).filter(|refined| now.since(refined.stamp) <= limits::REFINED_AGE_S)
    }

    /// Keeps what was seen of a nest.
    pub fn saw(&mut self, nest: &NestRef, sight: NestSight) {
        // It was moved since: the next item, or what is left of this one, locates it anew.
        if self.refined.get(nest).is_some_and(|refined| !refined.located.agrees(&sight.located)) {
            self.refined.remove(nest);
        }
        self.nests.insert(nest.clone(), sight);
    }

    /// What was last seen of a nest since the base stands where it does.
    pub fn nest(&self, nest: &NestRef) -> Option<&NestSight> {
        self.nests.get(nest)
    }

    /// Where the nest is: as several pictures locate it, as seen, or else as described from where the base stands. None where that is not known.
    pub fn base_from_nest(&self, world: &World, nest: &NestRef) -> Option<Pose<Base, Nest>> {
        if let Some(refined) = self.refinement(nest) {
            return Some(refined.located.base_from_nest);
        }
        if let Some(sight) = self.nests.get(nest) {
            return Some(sight.located.base_from_nest);
        }
        if nest.on_deck() {
            return world.described_nest(nest, &Pose::identity(), None);
        }
        let parts = self.known_parts(world, &nest.station);
        world.described_nest(nest, &self.base_from_station(world, &nest.station)?, parts.as_ref())
    }

    /// [`Self::part_positions`] of a station that has told something of them.
    pub fn known_parts(&self, world: &World, id: &StationId) -> Option<BTreeMap<PartId, f64>> {
        let told = self.ready.contains_key(id) || self.by_hand.contains_key(id);
        Some(self.part_positions(world.site.stations.get(id).filter(|_| told)?))
    }

    /// Where a station is: as docking saw it, as taught where the base waits before it, or else by the localiser.
    pub fn base_from_station(&self, world: &World, id: &StationId) -> Option<Pose<Base, StationFrame>> {
        let map_from_station = world.site.stations.get(id)?.pose;
        Some((self.base_in_map(world)?.inverse() * map_from_station).spatial())
    }

    /// Where the base is in the map.
    pub fn base_in_map(&self, world: &World) -> Option<Pose2<Map, Base>> {
        match &self.base {
            BasePlace::Docked(id) => match &self.docked {
                Some(seen) if seen.station == *id => {
                    Some(world.site.stations.get(id)?.pose * seen.station_from_base)
                }
                _ => world.map_from_docked(id),
            },
            BasePlace::Staging(id) => {
                let station = world.site.stations.get(id)?;
                Some(station.pose * station.dock.staging)
            }
            BasePlace::Free => self.map_from_base,
        }
    }

    /// Whether a base that is docked must dock anew before the arm goes by where docking saw it: it was seen too long ago, or
    /// not well enough.
    pub fn docks_anew(&self) -> bool {
        let now = self.joints.back().map_or(Stamp::ZERO, |state| state.stamp);
        self.docked.as_ref().is_some_and(|seen| !seen.is_good(now))
    }

    /// Whether the base is docked there. The deck is always at hand.
    pub fn at_hand(&self, station: &StationId) -> bool {
        station.as_str() == nightshift_core::ids::DECK
            || matches!(&self.base, BasePlace::Docked(docked) if docked == station)
    }
}

#[cfg(test)]
mod tests {
    use super::joints::tests::joints;
    use super::*;
    use crate::located::tests::located;

    #[test]
    fn a_located_nest_is_located_anew_after_its_age_and_where_a_picture_shows_it_elsewhere() {
        let nest = NestRef { station: "storage".into(), nest: "rack".into() };
        let told = |ms: u64| {
            let mut belief = Belief::default();
            belief.take_joints(joints(ms, 0.0, 0.0));
            let (located, stamp) = (located((0.0, 0.0), (5e-5, 3e-4)), Stamp(1_000_000_000));
            belief.refined(&nest, Refined { located, stamp });
            belief
        };
        let sight = |ahead_m: f64, sigma_m: f64| NestSight {
            located: located((ahead_m, 0.0), (sigma_m, 2e-3)),
            caps: Vec::new(),
            rms_px: 0.1,
            stamp: Stamp(2_000_000_000),
            sha256: String::new(),
            path: String::new(),
        };
        assert!(told(901_000).refinement(&nest).is_some() && told(901_001).refinement(&nest).is_none());
        for (ahead_m, sigma_m, stays) in [(8e-4, 3e-4, true), (1.5e-3, 3e-4, false), (1.5e-3, 5e-4, true)] {
            let mut belief = told(2000);
            belief.saw(&nest, sight(ahead_m, sigma_m));
            assert_eq!(belief.refinement(&nest).is_some(), stays, "{ahead_m} m, {sigma_m} m");
        }
        let mut belief = told(2000);
        belief.base_moves();
        assert!(belief.refinement(&nest).is_none(), "the base moves");
    }
}
