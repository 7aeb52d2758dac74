//! What the robot believes beyond the ledger: where its base stands, where nests were seen, what the fingers feel.

use crate::guard::WristLog;
use crate::limits;
use crate::sight::{NestSight, Refined};
use crate::world::{NestRef, World};
use nightshift_core::describe::Vial;
use nightshift_core::frames::{Base, Map, Nest, Pose, Station as StationFrame};
use nightshift_core::robot::{Battery, GripperState, JointState};
use nightshift_core::{Address, Code, Failure, NestId, Pose2, SampleId, Stamp, StateId, StationId};
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

/// What the fingers hold, as it was when they closed on it.
#[derive(Clone, Debug, PartialEq)]
pub struct Grip {
    /// Which sample.
    pub sample: SampleId,
    /// Distance between the pads.
    pub width_m: f64,
    /// Force that was asked for.
    pub force_n: f64,
    /// Force that just holds it safely, by its weight, N.
    pub needed_n: f64,
    /// The slot that it was taken from; none where that is not known (after a restart).
    pub from: Option<Address>,
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
    /// What is held.
    pub grip: Option<Grip>,
    /// Stations that have said that the hand may reach in: in which state, at which nest.
    pub ready: BTreeMap<StationId, (StateId, NestId)>,
    /// Reports in a row by which what was held is gone, and by which it is held with too little.
    slips: u32,
    weak: u32,
    /// At what force samples have slipped, N.
    slipped_at: BTreeMap<SampleId, f64>,
}

/// What a report of the gripper says of what is held.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Hold {
    /// It is held, or nothing is.
    Firm,
    /// It has been held for a while with so much less force than was asked for, N.
    Weak(f64),
    /// It is gone.
    Gone,
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
            grip: None,
            ready: BTreeMap::new(),
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

    /// Whether a hand may reach into this nest: its station needs no handshake, or is ready for it.
    pub fn may_reach(&self, world: &World, nest: &NestRef) -> bool {
        !world.has_handshake(&nest.station)
            || self.ready.get(&nest.station).is_some_and(|(_, ready)| *ready == nest.nest)
    }

    /// Takes a report of the joints. One that is older than the last is passed over.
    pub fn take_joints(&mut self, state: JointState) {
        if self.joints.back().is_some_and(|last| state.stamp <= last.stamp) {
            return;
        }
        let newest = state.stamp;
        self.joints.push_back(state);
        while self.joints.front().is_some_and(|old| newest.since(old.stamp) > limits::JOINT_HISTORY_S) {
            self.joints.pop_front();
        }
    }

    /// Takes a report of the gripper, and says what it and those before it show. Each loss and each weakness is told once.
    pub fn take_gripper(&mut self, state: GripperState) -> Hold {
        self.before.extend(self.gripper.replace(state));
        while self.before.len() >= limits::SLIP_REPORTS as usize {
            self.before.pop_front();
        }
        let Some(grip) = &self.grip else {
            (self.slips, self.weak) = (0, 0);
            return Hold::Firm;
        };
        let narrower = state.opening_m < grip.width_m - limits::WIDTH_M;
        let lost = state.force_n < grip.force_n * limits::HELD_FORCE;
        self.slips = if narrower || lost { self.slips + 1 } else { 0 };
        if self.slips == limits::SLIP_REPORTS {
            self.slipped_at.insert(grip.sample.clone(), grip.force_n);
            return Hold::Gone;
        }
        let weak = self.slips == 0 && state.force_n < grip.force_n * limits::FIRM_FORCE;
        self.weak = if weak { self.weak + 1 } else { 0 };
        if self.weak == limits::WEAK_REPORTS { Hold::Weak(state.force_n) } else { Hold::Firm }
    }

    /// The force at which a sample slipped last, N.
    pub fn slipped_at(&self, sample: &SampleId) -> Option<f64> {
        self.slipped_at.get(sample).copied()
    }

    /// Where the arm's joints are now, radians.
    ///
    /// # Errors
    /// `SENSOR_STALE` where they have not been told for too long.
    pub fn joints_now(&self, now: Stamp) -> Result<&[f64], Failure> {
        let last = self
            .joints
            .back()
            .ok_or_else(|| Failure::new(Code::SensorStale, "the arm has not told its joints yet"))?;
        let age = now.since(last.stamp);
        if age > limits::STATE_AGE_S {
            let words = format!("the arm's joints are {age:.2} s old, allowed are {} s", limits::STATE_AGE_S);
            return Err(Failure::new(Code::SensorStale, words));
        }
        Ok(&last.positions)
    }

    /// Where the joints were at `stamp`, and how fast the fastest was (rad/s): between the two reports around it.
    ///
    /// # Errors
    /// `SENSOR_STALE` where no report is near.
    pub fn joints_at(&self, stamp: Stamp) -> Result<(Vec<f64>, f64), Failure> {
        let after = self.joints.partition_point(|state| state.stamp < stamp);
        let near = |index: Option<usize>| {
            let state = self.joints.get(index?)?;
            (state.stamp.since(stamp).abs() <= limits::JOINT_GAP_S).then_some(state)
        };
        let (before, after) = (near(after.checked_sub(1)), near(Some(after)));
        let (before, after) = match (before, after) {
            (Some(before), Some(after)) => (before, after),
            (Some(one), None) | (None, Some(one)) => (one, one),
            (None, None) => {
                let words = format!(
                    "no report of the joints within {} s of a picture at {stamp}",
                    limits::JOINT_GAP_S
                );
                return Err(Failure::new(Code::SensorStale, words));
            }
        };
        let span = after.stamp.since(before.stamp);
        let share = if span > 0.0 { stamp.since(before.stamp) / span } else { 0.0 };
        let between = before.positions.iter().zip(&after.positions).map(|(a, b)| a + share * (b - a));
        let rates = before.velocities.iter().chain(&after.velocities);
        Ok((between.collect(), rates.fold(0.0f64, |most, rate| most.max(rate.abs()))))
    }

    /// The base moves, or is about to: what was seen at a station no longer holds. The deck moves along.
    pub fn base_moves(&mut self) {
        self.base = BasePlace::Free;
        self.docked = None;
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
        let moved = |refined: &Refined| {
            let off = refined.base_from_nest.translation() - sight.base_from_nest.translation();
            off.xy().norm() > limits::REFINED_OFF_M
        };
        if self.refined.get(nest).is_some_and(moved) {
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
            return Some(refined.base_from_nest);
        }
        if let Some(sight) = self.nests.get(nest) {
            return Some(sight.base_from_nest);
        }
        if nest.on_deck() {
            return world.described_nest(nest, &Pose::identity(), None);
        }
        let ready = self.ready.get(&nest.station);
        world.described_nest(nest, &self.base_from_station(world, &nest.station)?, ready)
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

    /// Whether the fingers hold something as wide as this vial. None where the gripper has not told for too long, tells
    /// something in between, or has told for a moment only that they do not: what is set down on its seat shakes them.
    pub fn feels(&self, now: Stamp, vial: &Vial) -> Option<bool> {
        let state = self.gripper.filter(|state| now.since(state.stamp) <= limits::STATE_AGE_S)?;
        let held_n = vial.grasp.force_n * limits::HELD_FORCE;
        let as_wide = |state: &GripperState| (state.opening_m - vial.diameter_m).abs() <= limits::WIDTH_M;
        let nothing = |state: &GripperState| !as_wide(state) || state.force_n < 0.5 * held_n;
        if as_wide(&state) && state.force_n >= held_n {
            Some(true)
        } else if nothing(&state) && self.before.iter().all(nothing) {
            Some(false)
        } else {
            None
        }
    }

    /// The gripper's last report, where it is fresh.
    ///
    /// # Errors
    /// `SENSOR_STALE`.
    pub fn gripper_now(&self, now: Stamp) -> Result<GripperState, Failure> {
        let stale = |words: String| Failure::new(Code::SensorStale, words);
        let state = self.gripper.ok_or_else(|| stale("the gripper has not told its state yet".into()))?;
        let age = now.since(state.stamp);
        if age > limits::STATE_AGE_S {
            return Err(stale(format!(
                "the gripper's state is {age:.2} s old, allowed are {} s",
                limits::STATE_AGE_S
            )));
        }
        Ok(state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joints(ms: u64, q: f64, rate: f64) -> JointState {
        JointState {
            stamp: Stamp(ms * 1_000_000),
            positions: vec![q],
            velocities: vec![rate],
            efforts: Vec::new(),
        }
    }

    #[test]
    fn a_located_nest_is_located_anew_after_its_age_and_where_a_picture_shows_it_elsewhere() {
        let nest = NestRef { station: "storage".into(), nest: "rack".into() };
        let at = |x: f64| Pose::<Base, Nest>::from_xyz_rpy([x, 0.0, 0.8], [0.0; 3]);
        let told = |ms: u64| {
            let mut belief = Belief::default();
            belief.take_joints(joints(ms, 0.0, 0.0));
            let stamp = Stamp(1_000_000_000);
            let (sigma_m, rms_px, tags_used) = (1e-5, 0.1, 8);
            belief.refined(&nest, Refined { base_from_nest: at(0.7), sigma_m, rms_px, tags_used, stamp });
            belief
        };
        let sight = |x: f64| NestSight {
            base_from_nest: at(x),
            caps: Vec::new(),
            rms_px: 0.1,
            stamp: Stamp(2_000_000_000),
            sha256: String::new(),
            path: String::new(),
        };
        assert!(told(901_000).refinement(&nest).is_some() && told(901_001).refinement(&nest).is_none());
        let mut belief = told(2000);
        belief.saw(&nest, sight(0.7 + 0.9 * limits::REFINED_OFF_M));
        assert!(belief.refinement(&nest).is_some());
        belief.saw(&nest, sight(0.7 + 1.1 * limits::REFINED_OFF_M));
        assert!(belief.refinement(&nest).is_none(), "it was moved");
        let mut belief = told(2000);
        belief.base_moves();
        assert!(belief.refinement(&nest).is_none(), "the base moves");
    }

    #[test]
    fn joints_are_known_between_reports_and_not_far_from_them() {
        let mut belief = Belief::default();
        assert_eq!(belief.joints_at(Stamp(1)).unwrap_err().code, Code::SensorStale);
        for (ms, q) in [(1000, 0.0), (1100, 1.0), (1050, 9.0), (1200, 2.0)] {
            belief.take_joints(joints(ms, q, 0.1));
        }
        let (q, rate) = belief.joints_at(Stamp(1_150_000_000)).unwrap();
        assert!((q[0] - 1.5).abs() < 1e-12 && (rate - 0.1).abs() < 1e-12);
        assert_eq!(belief.joints_at(Stamp(1_200_000_000)).unwrap().0, [2.0]);
        assert_eq!(belief.joints_at(Stamp(1_300_000_000)).unwrap().0, [2.0]);
        assert!(belief.joints_at(Stamp(2_000_000_000)).is_err());
        assert!(belief.joints_now(Stamp(2_000_000_000)).is_ok());
        assert_eq!(belief.joints_now(Stamp(9_000_000_000)).unwrap_err().code, Code::SensorStale);
    }

    #[test]
    fn a_moment_without_force_is_no_empty_hand() {
        let vial = crate::grip::tests::vial();
        let mut belief = Belief::default();
        let mut told = |ms: u64, force_n: f64| {
            let stamp = Stamp(ms * 1_000_000);
            let _ = belief.take_gripper(GripperState { stamp, opening_m: vial.diameter_m, force_n });
            belief.feels(stamp, &vial)
        };
        let firm_n = vial.grasp.force_n;
        assert_eq!(told(10, firm_n), Some(true));
        assert_eq!((told(20, 0.1 * firm_n), told(30, 0.1 * firm_n)), (None, None));
        assert_eq!(told(40, 0.1 * firm_n), Some(false));
        assert_eq!(told(50, firm_n), Some(true));
    }

    #[test]
    fn history_is_bounded() {
        let mut belief = Belief::default();
        (0..100_000).for_each(|n| belief.take_joints(joints(n * 10, 0.0, 0.0)));
        assert!(belief.joints.len() < 600);
    }

    #[test]
    fn one_odd_report_is_no_slip_and_three_are_one() {
        let mut belief = Belief::default();
        let state = |opening_m, force_n| GripperState { stamp: Stamp(1), opening_m, force_n };
        let gone = |belief: &mut Belief, width, force| belief.take_gripper(state(width, force)) == Hold::Gone;
        assert!(!(0..9).any(|_| gone(&mut belief, 0.0, 0.0)), "nothing is held");
        let sample = SampleId::new("S-001");
        let grip = Grip { sample: sample.clone(), width_m: 0.028, force_n: 8.0, needed_n: 2.0, from: None };
        belief.grip = Some(grip);
        for (width, force) in [(0.028, 8.0), (0.028, 1.0), (0.020, 8.0), (0.028, 7.0)] {
            assert!(!gone(&mut belief, width, force), "it is noise");
        }
        assert_eq!(belief.slipped_at(&sample), None);
        let slips: Vec<bool> = (0..6).map(|_| gone(&mut belief, 0.0, 0.0)).collect();
        assert_eq!(slips, [false, false, true, false, false, false], "it is told once");
        assert_eq!(belief.slipped_at(&sample), Some(8.0));
    }

    #[test]
    fn a_grip_that_stays_weak_is_told_once_and_a_short_dip_is_none() {
        let mut belief = Belief::default();
        let grip = Grip { sample: "S-001".into(), width_m: 0.028, force_n: 8.0, needed_n: 2.0, from: None };
        belief.grip = Some(grip);
        let mut told = |force_n, times| -> Vec<Hold> {
            let state = GripperState { stamp: Stamp(1), opening_m: 0.028, force_n };
            let all = (0..times).map(|_| belief.take_gripper(state));
            all.filter(|hold| *hold != Hold::Firm).collect()
        };
        assert_eq!(told(5.0, limits::WEAK_REPORTS - 1), []);
        assert_eq!(told(8.0, 1), []);
        assert_eq!(told(5.0, 3 * limits::WEAK_REPORTS), [Hold::Weak(5.0)]);
    }
}
