//! Which slots an arm can fill and empty from where the base docks, by the motions that a transfer makes.

use crate::belief::Belief;
use crate::grasp::Spot;
use crate::ledger::Ledger;
use crate::world::{NestRef, World};
use crate::{limits, scene};
use nightshift_core::describe::{Robot, Site};
use nightshift_core::frames::{Base, Pose, Slot};
use nightshift_core::ids::DECK;
use nightshift_core::{Address, Code, Failure, LabwareType, Pose2, StationId};
use nightshift_motion::{Arm, Dexterity, Held, MotionGoal, PlanRequest, Scene, SceneShape, plan};

/// A nest whose middle is farther than this from the base's is not asked about, m: an arm that is mounted on a base of half a metre,
/// and its reach.
const FAR_M: f64 = 1.8;

/// A slot from a dock, with one type of labware.
#[derive(Clone, Debug)]
pub struct SlotReach {
    /// Where the base is docked.
    pub dock: StationId,
    /// The slot.
    pub slot: Address,
    /// What it is filled with.
    pub labware: LabwareType,
    /// Where the slot is from the docked base.
    pub base_from_slot: Pose<Base, Slot>,
    /// How well the arm moves at the grasp, and for how long it moves from its posture `drive` to the grasp and back to over the
    /// slot with the vial (s); or the first motion that it cannot make, with the reason.
    pub reached: Result<(Dexterity, f64), Failure>,
}

/// Where the base is when it is docked, in the map: as taught.
pub fn map_from_docked(site: &Site, dock: &StationId) -> Option<Pose2<nightshift_core::frames::Map, Base>> {
    let station = site.stations.get(dock)?;
    Some(station.pose * station.dock.docked)
}

/// Every slot of every nest near each dock, and of the deck, with every labware type that it takes. All other slots of the
/// nest are full: it is the narrowest case. `each` is told how many slots are done, of how many.
///
/// # Errors
/// `UNREACHABLE` where the robot has no posture `drive`; as [`Arm::new`].
pub fn reach(
    site: &Site,
    robot: &Robot,
    each: &mut dyn FnMut(usize, usize),
) -> Result<Vec<SlotReach>, Failure> {
    let world = World { site: site.clone(), robot: robot.clone(), arm: Arm::new(robot)? };
    let drive = robot
        .arm
        .posture("drive")
        .ok_or_else(|| Failure::new(Code::Unreachable, "the robot has no posture drive"))?;
    let mut asked = Vec::new();
    for dock in world.site.stations.keys() {
        for nest in nests(&world) {
            let rack = world.rack(&nest)?;
            for slot in rack.slots() {
                for labware in
                    rack.takes.iter().filter(|labware| world.site.catalogue.vials.contains_key(*labware))
                {
                    asked.push((dock.clone(), nest.slot(&slot), labware.clone()));
                }
            }
        }
    }
    let (mut found, count) = (Vec::new(), asked.len());
    for (index, (dock, slot, labware)) in asked.into_iter().enumerate() {
        found.extend(one(&world, &drive, dock, slot, labware));
        each(index + 1, count);
    }
    Ok(found)
}

/// What an arm with empty, closed fingers has around it where the base is docked as taught, with all racks empty.
///
/// # Errors
/// As [`Arm::new`].
pub fn scene_at(site: &Site, robot: &Robot, dock: &StationId) -> Result<Scene, Failure> {
    let world = World { site: site.clone(), robot: robot.clone(), arm: Arm::new(robot)? };
    Ok(scene::build(&world, &Belief::docked_at(&world, dock, 0.0), &Ledger::default(), Vec::new()))
}

/// All nests, the deck's first.
fn nests(world: &World) -> Vec<NestRef> {
    let deck = world.robot.deck.keys().map(|nest| NestRef { station: DECK.into(), nest: nest.clone() });
    let stations = world.site.stations.iter().flat_map(|(id, station)| {
        station.nests.keys().map(|nest| NestRef { station: id.clone(), nest: nest.clone() })
    });
    deck.chain(stations).collect()
}

/// None where it is far away.
fn one(
    world: &World,
    drive: &[f64],
    dock: StationId,
    slot: Address,
    labware: LabwareType,
) -> Option<SlotReach> {
    let there = Belief::docked_at(world, &dock, 0.0);
    let (_, nest_from_slot) = world.slot(&slot).ok()?;
    let base_from_slot = there.base_from_nest(world, &NestRef::of(&slot))? * nest_from_slot;
    let far = base_from_slot.translation().xy().norm() > FAR_M;
    // Another station's slots are of interest only where they are at hand.
    if far && slot.station != dock {
        return None;
    }
    let reached = world.check_fit(&labware, &slot).and_then(|()| {
        Way { world, there: &there, slot: &slot, labware: &labware }.go(drive, base_from_slot)
    });
    Some(SlotReach { dock, slot, labware, base_from_slot, reached })
}

/// The motions to one slot and out of it.
struct Way<'a> {
    world: &'a World,
    there: &'a Belief,
    slot: &'a Address,
    labware: &'a LabwareType,
}

impl Way<'_> {
    fn go(&self, drive: &[f64], base_from_slot: Pose<Base, Slot>) -> Result<(Dexterity, f64), Failure> {
        let vial = self.world.vial(self.labware)?;
        let spot = Spot { vial: vial.clone(), base_from_slot };
        let open_m = vial.grasp.opening_m;
        let above = spot.approach(String::new(), limits::SPEED_FREE, Vec::new()).goals.remove(0);
        let (over, first_s) = self.plan("to above it", drive, above, limits::SPEED_FREE, (open_m, false))?;
        let slot_from_tool = base_from_slot.inverse() * self.world.arm.base_from_tool(&over);
        let x = slot_from_tool.iso.rotation * nalgebra::Vector3::x();
        let spin = x.y.atan2(x.x);
        let line = |height_m| MotionGoal::Line(spot.tool(height_m, spin));
        let (grasp, down_s) =
            self.plan("down to it", &over, line(spot.seat_m()), limits::SPEED_NEAR, (open_m, false))?;
        let (_, up_s) = self.plan(
            "up with it",
            &grasp,
            line(spot.clear_m()),
            limits::SPEED_NEAR,
            (vial.diameter_m, true),
        )?;
        Ok((self.world.arm.dexterity(&grasp), first_s + down_s + up_s))
    }

    /// Where the arm stands after a motion, and how long that takes, s.
    fn plan(
        &self,
        what: &str,
        start: &[f64],
        goal: MotionGoal,
        speed: f64,
        (fingers_opening_m, holds): (f64, bool),
    ) -> Result<(Vec<f64>, f64), Failure> {
        let scene = Scene { fingers_opening_m, ..self.scene(holds)? };
        let request = PlanRequest { start: start.to_vec(), goal, scene, seed: 1, speed };
        let words = |failure: Failure| Failure::new(failure.code, format!("{what}: {}", failure.message));
        let trajectory = plan(&self.world.arm, &request).map_err(words)?;
        let end = trajectory.points.last().map_or_else(|| start.to_vec(), |point| point.positions.clone());
        Ok((end, trajectory.duration_s()))
    }

    fn scene(&self, holds: bool) -> Result<Scene, Failure> {
        let (world, nest) = (self.world, NestRef::of(self.slot));
        let vial = world.vial(self.labware)?;
        let mut touches = scene::among_vials(&Ledger::default(), &nest, None);
        touches.push(("finger".to_owned(), self.slot.to_string()));
        let mut scene = scene::build(world, self.there, &Ledger::default(), touches);
        if let Some(base_from_nest) = self.there.base_from_nest(world, &nest) {
            for other in world.rack(&nest)?.slots() {
                let address = nest.slot(&other);
                if holds && address == *self.slot {
                    continue;
                }
                let (_, nest_from_slot) = world.slot(&address)?;
                let base_from_ware =
                    base_from_nest * nest_from_slot * Pose::new(nalgebra::Isometry3::identity());
                scene.shapes.push(SceneShape::vial(address.to_string(), vial, &base_from_ware));
            }
        }
        scene.held = holds.then(|| Held::vial("the vial", vial, &scene::tool_from_ware(vial)));
        Ok(scene)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load<T>(folder: &'static str, load: impl Fn(&nightshift_core::describe::Reader<'_>) -> T) -> T {
        load(&move |file: &str| {
            let path = format!("{}/../{folder}/{file}", env!("CARGO_MANIFEST_DIR"));
            std::fs::read_to_string(path).map_err(|e| e.to_string())
        })
    }

    #[test]
    fn loose_ware_in_the_way_is_kept_clear_of() {
        let robot = load("robot/description/omni7", |reader| Robot::load(reader)).unwrap();
        let mut site = load("maps/photocatalysis", |reader| Site::load(reader)).unwrap();
        site.stations.retain(|id, _| id.as_str() == "storage");
        // On A1: a hand that comes down there would meet it.
        let (_, nest, nest_from_slot) = site.slot(&"storage/rack/A1".parse().unwrap()).unwrap();
        let station_from_slot = nest.pose * nest_from_slot;
        site.loose[0].pose = Pose::new(station_from_slot.iso);
        let found = reach(&site, &robot, &mut |_, _| {}).unwrap();
        let at = |slot: &str| found.iter().find(|one| one.slot.to_string() == slot).unwrap().reached.as_ref();
        let met = at("storage/rack/A1").unwrap_err().to_string();
        assert!(met.contains("storage/B-001"), "{met}");
        assert!(at("storage/rack/B4").is_ok());
    }

    #[test]
    fn the_bundled_slots_are_reached_from_their_docks_and_a_rack_that_is_out_of_reach_is_told() {
        let robot = load("robot/description/omni7", |reader| Robot::load(reader)).unwrap();
        let mut site = load("maps/photocatalysis", |reader| Site::load(reader)).unwrap();
        site.stations.retain(|id, _| id.as_str() == "storage");
        let mut told = 0;
        let found = reach(&site, &robot, &mut |done, _| told = done).unwrap();
        assert_eq!((found.len(), told), (16, 16), "the rack's and the deck's slots");
        for slot in &found {
            let (dexterity, seconds) = slot.reached.as_ref().unwrap_or_else(|e| panic!("{}: {e}", slot.slot));
            assert!(dexterity.worst_m > 0.0 && *seconds > 1.0, "{dexterity:?} {seconds}");
        }
        let station = site.stations.get_mut(&StationId::from("storage")).unwrap();
        let nest = station.nests.values_mut().next().unwrap();
        nest.pose = Pose::new(nalgebra::Translation3::new(0.6, 0.0, 0.0) * nest.pose.iso);
        let found = reach(&site, &robot, &mut |_, _| {}).unwrap();
        let missed: Vec<_> =
            found.iter().filter_map(|slot| Some((slot, slot.reached.as_ref().err()?))).collect();
        assert_eq!(missed.len(), 8, "the rack's slots, and not the deck's");
        for (slot, failure) in missed {
            assert_eq!(slot.slot.station.as_str(), "storage");
            assert!(matches!(failure.code, Code::Unreachable | Code::NoMotion), "{failure}");
            assert!(failure.message.starts_with("to above it: goal:"), "{failure}");
        }
    }
}
