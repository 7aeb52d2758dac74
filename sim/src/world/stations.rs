//! Stations in the world: their parts follow their behaviour, and their sensors look at what stands in them.

use super::World;
use crate::faults::What;
use crate::mjcf;
use crate::scene::{Host, Scene, StationSlot};
use crate::station::{Behaviour, Senses, Trouble};
use crate::truth::{self, StationTruth};
use nalgebra::{Isometry3, Vector3};
use nightshift_core::describe::Site;
use nightshift_core::frames::{Map, Slot, Ware};
use nightshift_core::handshake::{SiteAnswer, SiteCall, Verdict};
use nightshift_core::{Address, PartId, Pose, StationId};
use std::collections::{BTreeMap, BTreeSet};

/// Steps between two looks of the stations' sensors: 50 Hz.
const SENSE_STEPS: u64 = 10;
/// A part comes to its speed within so many seconds.
const SPEED_UP_S: f64 = 0.3;
/// What a part that sticks is held with at the place that it does not pass, N/m or N m/rad, and damped with, over a second.
const JAM_STIFFNESS: f64 = 2e5;
const JAM_DAMPING_S: f64 = 5e-3;
/// How near a part is to where it is led when it may sleep, metres or radians.
const ARRIVED: f64 = 1e-4;
/// A vial whose base is farther than this from a seat does not stand in it, and is not looked at closer, metres.
const NEAR_SEAT_M: f64 = 0.02;

/// All that behaves.
#[derive(Clone, Debug)]
pub(super) struct Stations {
    /// Of every station with a machine.
    pub behaviours: Vec<Behaviour>,
    /// Where each part of the scene is led, and how fast, over its travel of 0 to 1.
    points: Vec<(f64, f64)>,
    /// What each part that a hand moves does not get past.
    jams: Vec<Option<Jam>>,
    /// Of each part of the scene, share of its travel in a second.
    speeds: Vec<f64>,
}

impl Stations {
    pub fn new(site: &Site, scene: &Scene) -> Self {
        let speed = |station: &StationId, part: &PartId| site.stations[station].parts[part].speed_per_s;
        Self {
            behaviours: site.stations.values().filter_map(Behaviour::new).collect(),
            points: scene.parts.iter().map(|part| (part.start, 0.0)).collect(),
            jams: vec![None; scene.parts.len()],
            speeds: scene.parts.iter().map(|part| speed(&part.station, &part.id)).collect(),
        }
    }
}

impl World {
    /// One step of a handshake with a station.
    pub fn handshake(&mut self, call: &SiteCall) -> SiteAnswer {
        let now = self.now();
        let senses = self.senses(&call.station);
        let found = self.stations.behaviours.iter_mut().find(|behaviour| *behaviour.id() == call.station);
        found.map_or_else(
            || SiteAnswer {
                verdict: Verdict::Refused,
                state: "".into(),
                ready: false,
                seated: None,
                holder: None,
                wait_s: None,
                parts: BTreeMap::new(),
                message: format!("{} has no handshake", call.station),
            },
            |behaviour| behaviour.call(now, call, &senses),
        )
    }

    /// The stations that have a machine.
    pub(super) fn behaving(&self) -> Vec<&str> {
        self.stations.behaviours.iter().map(|behaviour| behaviour.id().as_str()).collect()
    }

    /// Where a fault keeps a part.
    fn stuck_at(&self, station: &StationId, part: &PartId) -> Option<f64> {
        let mut faults = self.active.all(What::StationPartStuck);
        let fault =
            faults.find(|fault| fault.target == station.as_str() && fault.word("part") == part.as_str());
        fault.map(|fault| fault.number("at"))
    }

    fn trouble(&self, station: &StationId) -> Trouble {
        let on = |what| self.active.all(what).any(|fault| fault.target == station.as_str());
        Trouble {
            refuses: on(What::StationRefuses),
            busy: on(What::StationBusy),
            broken: on(What::StationBroken),
            stuck: on(What::StationPartStuck),
        }
    }

    /// Lets stations go on, and leads their parts.
    pub(super) fn move_stations(&mut self) {
        if self.stations.behaviours.is_empty() {
            return;
        }
        let now = self.now();
        if self.steps.is_multiple_of(SENSE_STEPS) {
            for index in 0..self.stations.behaviours.len() {
                let id = self.stations.behaviours[index].id().clone();
                let (senses, trouble) = (self.senses(&id), self.trouble(&id));
                self.stations.behaviours[index].suffer(trouble);
                self.stations.behaviours[index].advance(now, &senses);
            }
        }
        let dt = Self::STEP.as_secs_f64();
        for (index, part) in self.scene.parts.iter().enumerate() {
            let stuck = self.stuck_at(&part.station, &part.id);
            let joint = self.layout.parts[index];
            let Some(drive) = joint.drive else {
                let (travel, at) = (part.joint.travel(), self.data.qpos()[joint.qpos]);
                let jam = &mut self.stations.jams[index];
                *jam = stuck.map(|stuck| jam.unwrap_or_else(|| Jam::new(at / travel, stuck, travel)));
                let rate = self.data.qvel()[joint.dof];
                self.data.qfrc_applied_mut()[joint.dof] = jam.map_or(0.0, |jam| jam.force(at, rate));
                continue;
            };
            let stations = &mut self.stations;
            let behaviour = stations.behaviours.iter().find(|behaviour| *behaviour.id() == part.station);
            let (at, rate) = stations.points[index];
            // What is broken down stands still.
            let wanted = behaviour.filter(|behaviour| !behaviour.is_broken());
            let wanted =
                wanted.and_then(|behaviour| behaviour.targets().get(&part.id)).copied().unwrap_or(at);
            let wanted = stuck.unwrap_or(wanted);
            let next = lead(at, rate, wanted, stations.speeds[index], dt);
            stations.points[index] = next;
            let travel = part.joint.travel();
            self.data.ctrl_mut()[drive] = travel * (next.0 + mjcf::DAMPING_TIME_S * next.1);
            // MuJoCo looks at forces from outside, and not at orders, when it asks what to wake.
            let arrived = next.1 == 0.0 && (self.data.qpos()[joint.qpos] - travel * next.0).abs() < ARRIVED;
            self.data.qfrc_applied_mut()[joint.dof] = if arrived { 0.0 } else { f64::MIN_POSITIVE };
        }
    }

    /// Slots at stations, where they are now.
    pub(super) fn station_slots(&self) -> Vec<(&Address, Pose<Map, Slot>)> {
        self.scene.station_slots.iter().map(|slot| (&slot.address, self.map_from_slot(slot))).collect()
    }

    fn map_from_slot(&self, slot: &StationSlot) -> Pose<Map, Slot> {
        let map_from_host = match slot.host {
            Host::Part(index) => self.body_pose(self.layout.part_body[index]),
            _ => Isometry3::identity(),
        };
        Pose::new(map_from_host * slot.host_from_slot)
    }

    pub(super) fn station_truth(&self) -> BTreeMap<StationId, StationTruth> {
        let told = self.stations.behaviours.iter().map(|behaviour| {
            let truth = StationTruth {
                state: behaviour.state().clone(),
                holder: behaviour.holder().map(str::to_owned),
                parts: self.part_positions(behaviour.id()),
            };
            (behaviour.id().clone(), truth)
        });
        told.collect()
    }

    fn part_positions(&self, station: &StationId) -> BTreeMap<PartId, f64> {
        let parts =
            self.scene.parts.iter().zip(&self.layout.parts).filter(|(part, _)| part.station == *station);
        parts
            .map(|(part, joint)| (part.id.clone(), self.data.qpos()[joint.qpos] / part.joint.travel()))
            .collect()
    }

    fn senses(&self, station: &StationId) -> Senses {
        let mut occupied = BTreeSet::new();
        let own = self.scene.station_slots.iter().filter(|slot| slot.address.station == *station);
        for slot in own {
            let map_from_slot = self.map_from_slot(slot);
            let stands = self.layout.vial_body.iter().any(|body| {
                let seat = map_from_slot.iso.translation.vector;
                let near =
                    (Vector3::from(self.data.xpos()[*body]) - seat).norm_squared() < NEAR_SEAT_M.powi(2);
                near && {
                    let map_from_ware = Pose::<Map, Ware>::new(self.body_pose(*body));
                    truth::seated(&(map_from_slot.inverse() * map_from_ware))
                }
            });
            if stands {
                occupied.insert((slot.address.nest.clone(), slot.address.slot.clone()));
            }
        }
        let mut parts = self.part_positions(station);
        for fault in
            self.active.all(What::StationPartMisread).filter(|fault| fault.target == station.as_str())
        {
            parts.insert(fault.word("part").into(), fault.number("says"));
        }
        Senses { parts, occupied }
    }
}

/// What a part does not get past: a stop in its way.
#[derive(Clone, Copy, Debug)]
struct Jam {
    /// Where, metres or radians.
    at: f64,
    /// 1 where the part is beyond it, -1 where it is before it.
    side: f64,
}

impl Jam {
    /// In the way of a part that is at `now`, at `stuck`, both over its travel of 0 to 1. One that is there already does not
    /// get to its farther end.
    fn new(now: f64, stuck: f64, travel: f64) -> Self {
        let past = now - stuck;
        let beyond = if past.abs() < 1e-3 { stuck >= 0.5 } else { past > 0.0 };
        Self { at: stuck * travel, side: if beyond { travel.signum() } else { -travel.signum() } }
    }

    /// What it pushes with, N or N m.
    fn force(&self, at: f64, rate: f64) -> f64 {
        let past = at - self.at;
        if self.side * past < 0.0 { -JAM_STIFFNESS * (past + JAM_DAMPING_S * rate) } else { 0.0 }
    }
}

/// A point that goes to `to` at no more than `speed`, speeding up and slowing down evenly.
fn lead(at: f64, rate: f64, to: f64, speed: f64, dt: f64) -> (f64, f64) {
    let acceleration = speed / SPEED_UP_S;
    let left = to - at;
    let wanted = left.signum() * speed.min((2.0 * acceleration * left.abs()).sqrt());
    let rate = rate + (wanted - rate).clamp(-acceleration * dt, acceleration * dt);
    if left.abs() <= (rate * dt).abs().max(1e-6) {
        return (to, 0.0);
    }
    (at + rate * dt, rate)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{run, world};
    use nightshift_core::SampleId;
    use nightshift_core::handshake::{Purpose, Reach, Verb};

    fn ask(world: &mut World, station: &str, verb: Verb, slot: &str, purpose: Purpose) -> SiteAnswer {
        let reach = Some(Reach { nest: "rack".into(), slot: slot.into(), purpose });
        world.handshake(&SiteCall { station: station.into(), verb, token: "J1".into(), reach })
    }

    fn strike(world: &mut World, text: &str) {
        world.inject(&crate::faults::parse(text).unwrap().fault).unwrap();
    }

    #[test]
    fn a_tray_takes_its_rack_and_what_stands_in_it_along() {
        let mut world = world(31, None);
        let sample = SampleId::new("S-008");
        let before = world.truth().samples[&sample].clone();
        assert_eq!(before.location, "gc/rack/B1");
        assert!(
            ask(&mut world, "gc", Verb::Prepare, "B1", Purpose::Take).ready,
            "it waits with its tray out"
        );
        assert_eq!(ask(&mut world, "gc", Verb::Seated, "B1", Purpose::Take).seated, Some(true));
        ask(&mut world, "gc", Verb::Release, "B1", Purpose::Take);
        run(&mut world, 5.0);
        let truth = world.truth();
        let inside = &truth.samples[&sample];
        assert_eq!(inside.location, "gc/rack/B1");
        let moved = (inside.pose.translation() - before.pose.translation()).norm();
        assert!((moved - 0.29).abs() < 0.003, "moved {moved} m");
        assert_eq!(truth.stations[&"gc".into()].state.as_str(), "measuring");
        assert_eq!(ask(&mut world, "gc", Verb::Prepare, "B1", Purpose::Take).verdict, Verdict::Busy);
        run(&mut world, 25.0);
        let truth = world.truth();
        assert_eq!(truth.stations[&"gc".into()].state.as_str(), "open");
        assert_eq!(truth.samples[&sample].location, "gc/rack/B1");
        let back = (truth.samples[&sample].pose.translation() - before.pose.translation()).norm();
        assert!(back < 0.002, "it came back {back} m from where it stood");
        assert_eq!(world.contacts_of_note(), Vec::<String>::new());
    }

    #[test]
    fn whatever_rests_sleeps_and_a_tray_that_is_led_wakes_with_what_stands_on_it() {
        let mut world = world(14, None);
        let awake = |world: &World| world.data.tree_asleep().iter().filter(|tree| **tree < 0).count();
        run(&mut world, 2.0);
        assert_eq!(awake(&world), 1, "the robot alone is awake");
        assert!(ask(&mut world, "gc", Verb::Prepare, "B1", Purpose::Take).ready);
        ask(&mut world, "gc", Verb::Release, "B1", Purpose::Take);
        run(&mut world, 1.0);
        assert!(awake(&world) >= 3, "the tray moves, and its vial with it");
        run(&mut world, 9.0);
        assert_eq!(awake(&world), 1, "the tray is in");
    }

    #[test]
    fn a_lid_that_sticks_is_told_by_its_position_and_then_by_its_state() {
        let mut world = world(32, None);
        strike(&mut world, "station.sonicator.part_stuck(part=lid, at=0.5, for=18s)");
        ask(&mut world, "sonicator", Verb::Prepare, "A1", Purpose::Place);
        run(&mut world, 6.0);
        let answer = ask(&mut world, "sonicator", Verb::Status, "A1", Purpose::Place);
        assert!(!answer.ready && (answer.parts[&"lid".into()] - 0.5).abs() < 0.01, "{answer:?}");
        run(&mut world, 12.0);
        let answer = ask(&mut world, "sonicator", Verb::Status, "A1", Purpose::Place);
        assert_eq!((answer.verdict, answer.state.as_str()), (Verdict::Fault, "stuck"));
        run(&mut world, 5.0);
        assert_eq!(ask(&mut world, "sonicator", Verb::Status, "A1", Purpose::Place).state.as_str(), "closed");
        for wrong in ["station.sonicator.part_stuck(part=door, at=0.5)", "station.storage.broken"] {
            let fault = crate::faults::parse(wrong).unwrap().fault;
            assert!(world.check(&fault).is_err(), "{wrong} has nothing to strike");
        }
    }

    #[test]
    fn a_closed_lid_stands_in_the_way_of_a_hand_and_an_open_one_does_not() {
        let hits = |open: bool| {
            let mut worker = crate::testing::Worker::over(33, "sonicator/rack/A2", 0.12);
            if open {
                ask(&mut worker.world, "sonicator", Verb::Prepare, "A2", Purpose::Place);
                run(&mut worker.world, 5.0);
            }
            let below = worker.grasp(&"sonicator/rack/A2".parse().unwrap(), 0.04);
            let angles = crate::testing::reach(&worker.robot, &below, &worker.angles);
            let arrived = crate::testing::try_go(&mut worker.world, &worker.angles, &angles, 2.0);
            let notes = worker.world.contacts_of_note();
            (arrived.is_ok(), notes.iter().any(|note| note.contains("lid of sonicator")))
        };
        assert!(hits(false).1, "the fingers go through a closed lid");
        assert_eq!(hits(true), (true, false));
    }

    #[test]
    fn a_hatch_without_a_drive_waits_for_a_hand_both_ways() {
        let site = crate::testing::site_of("electrolytes");
        let config = crate::SimConfig { seed: nightshift_core::random::Seed(34), start: None };
        let mut world = World::new(&site, &site.equipped(&crate::testing::robot()), config).unwrap();
        let state = |world: &World| {
            let truth = world.truth();
            let station = &truth.stations[&"antechamber".into()];
            (station.state.to_string(), (station.parts[&"hatch".into()] * 100.0).round())
        };
        let index = world.scene.parts.iter().position(|part| part.id.as_str() == "hatch").unwrap();
        let joint = world.layout.parts[index];
        assert!(joint.drive.is_none());
        assert!(!ask(&mut world, "antechamber", Verb::Prepare, "A2", Purpose::Place).ready);
        run(&mut world, 12.0);
        assert_eq!(state(&world), ("vented".to_owned(), 0.0), "nobody opens it");
        // What drags in its guides is held by less than that, and not by more.
        for (force_n, moves) in [(2.5, false), (4.0, true)] {
            let from = world.data.qpos()[joint.qpos];
            for _ in 0..200 {
                world.data.qfrc_applied_mut()[joint.dof] = force_n;
                world.data.step();
            }
            let by_mm = (world.data.qpos()[joint.qpos] - from) * 1e3;
            assert_eq!(by_mm > 5.0, moves, "{force_n} N moved it by {by_mm} mm");
        }
        world.data.qpos_mut()[joint.qpos] = 0.30;
        world.data.qvel_mut()[joint.dof] = 0.0;
        run(&mut world, 0.5);
        assert_eq!(state(&world), ("open".to_owned(), 100.0));
        ask(&mut world, "antechamber", Verb::Release, "A2", Purpose::Place);
        run(&mut world, 20.0);
        assert_eq!(state(&world), ("closing".to_owned(), 100.0), "nobody shuts it");
        world.data.qpos_mut()[joint.qpos] = 0.0;
        run(&mut world, 0.5);
        assert_eq!(state(&world).0, "evacuating");
    }

    #[test]
    fn what_sticks_pushes_back_from_one_side_only() {
        let pushed = |now, stuck, at: f64| Jam::new(now, stuck, 0.3).force(0.3 * at, 0.0);
        // Shut, and sticks two fifths open: free before that, held beyond.
        assert_eq!((pushed(0.0, 0.4, 0.3), pushed(0.0, 0.4, 0.5) < -1e3), (0.0, true));
        assert_eq!((pushed(1.0, 0.4, 0.5), pushed(1.0, 0.4, 0.3) > 1e3), (0.0, true));
        // Where it is already: it does not leave that end.
        assert!(pushed(0.0, 0.0, 0.1) < -1e3 && pushed(1.0, 1.0, 0.9) > 1e3);
        let down = Jam::new(0.0, 0.4, -0.3);
        assert!(down.force(-0.2, 0.0) > 1e3 && down.force(-0.1, 0.0) == 0.0);
    }

    #[test]
    fn a_part_comes_to_rest_where_it_shall_be_within_its_speed() {
        let (mut at, mut rate, mut steps) = (0.0, 0.0, 0);
        while at != 1.0 {
            let next = lead(at, rate, 1.0, 0.4, 0.002);
            assert!(next.0 >= at && next.1 <= 0.4 + 1e-12, "{next:?}");
            (at, rate) = next;
            steps += 1;
        }
        let seconds = f64::from(steps) * 0.002;
        assert!((seconds - 2.8).abs() < 0.1, "{seconds} s for a travel of 2.5 s at full speed");
        assert!(rate == 0.0);
    }
}
