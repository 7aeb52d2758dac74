//! What the arm must not touch, from descriptions, sight and the ledger.

use crate::belief::Belief;
use crate::ledger::Ledger;
use crate::limits;
use crate::world::{NestRef, World};
use nalgebra::Isometry3;
use nightshift_core::api::Place;
use nightshift_core::describe::{Shape, Solid, Station, Vial};
use nightshift_core::frames::{Base, Map, Pose, Slot, Station as StationFrame, Tool, Ware};
use nightshift_core::ids::DECK;
use nightshift_core::{Address, SampleId};
use nightshift_motion::{Held, Scene, SceneShape, deck_shapes, station_shapes};

/// Farther from the base's middle than this, nothing can be touched, metres: the arm's mount and its reach.
const REACH_M: f64 = 1.6;

/// Where a part that may be anywhere is taken to be, over its travel.
pub const PART_STEPS: [f64; 11] = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0];

/// The scene around the arm now. `may_touch` as in [`Scene`].
pub fn build(world: &World, belief: &Belief, ledger: &Ledger, may_touch: Vec<(String, String)>) -> Scene {
    let shapes = described(world, belief, ledger);
    let seen_m = belief.base_in_map(world).map_or_else(Vec::new, |map_from_base| {
        // What takes up room beside a shape does so up to it.
        nightshift_motion::unexplained(&shapes, &belief.seen.taken_m(&map_from_base), limits::MARGIN_M)
    });
    let fingers = belief.gripper.map_or(world.robot.gripper.max_opening_m, |state| state.opening_m);
    Scene {
        shapes,
        seen_m,
        held: held(world, belief, ledger),
        may_touch,
        fingers_opening_m: fingers.clamp(0.0, world.robot.gripper.max_opening_m),
        margin_m: limits::MARGIN_M,
    }
}

/// All that stands around the arm by descriptions, located racks and the ledger.
pub fn described(world: &World, belief: &Belief, ledger: &Ledger) -> Vec<SceneShape> {
    let mut shapes = surroundings(world, belief);
    shapes.extend(deck_shapes(&world.robot, &world.site.catalogue));
    for shape in &mut shapes {
        // Where a rack was seen, it stands there; what rides on a part is where the station has it now.
        let Some((station, nest)) = shape.name.split_once('/') else { continue };
        let nest = NestRef { station: station.into(), nest: nest.into() };
        if (belief.nest(&nest).is_some() || belief.known_parts(world, &nest.station).is_some())
            && let Ok(rack) = world.rack(&nest)
            && let Some(base_from_nest) = belief.base_from_nest(world, &nest)
        {
            *shape = SceneShape::rack(shape.name.clone(), rack, &base_from_nest);
        }
    }
    shapes.extend(vials(world, belief, ledger));
    shapes
}

/// The name of a rack in the scene.
pub fn rack_name(nest: &NestRef) -> String {
    nest.to_string()
}

/// A vial in the fingers: they hold it at its grasp height, with the tool pointing down its axis.
pub fn tool_from_ware(vial: &Vial) -> Pose<Tool, Ware> {
    Pose::from_xyz_rpy([0.0, 0.0, vial.grasp.height_m], [std::f64::consts::PI, 0.0, 0.0])
}

fn surroundings(world: &World, belief: &Belief) -> Vec<SceneShape> {
    let Some(map_from_base) = belief.base_in_map(world) else { return Vec::new() };
    let base_from_map = map_from_base.inverse().spatial();
    let near = |shape: &SceneShape| {
        let at = shape.base_from_shape.translation();
        at.x.hypot(at.y) - radius(&shape.solid) < REACH_M
    };
    let furniture = world.site.furniture.iter().map(|shape| in_base(&base_from_map, shape));
    let stations = world.site.stations.values().flat_map(|station| {
        let base_from_station = base_from_map * station.pose.spatial();
        let parts = parts(belief, station).into_iter();
        let parts = parts.map(move |shape| of_part(station, &base_from_station, &shape));
        let loose = world.site.loose_at(&station.id).map(move |piece| {
            let (solid, station_from_solid) = piece.solid();
            let base_from_shape = base_from_station * station_from_solid;
            SceneShape { name: format!("{}/{}", station.id, piece.id), solid, base_from_shape }
        });
        let still = station_shapes(station, &world.site.catalogue, &base_from_station);
        still.into_iter().chain(parts).chain(loose)
    });
    furniture.chain(stations).filter(near).collect()
}

/// The moving parts of a station where they are taken to be; all along their way where that is not sure.
fn parts(belief: &Belief, station: &Station) -> Vec<Shape<StationFrame>> {
    let positions = belief.part_positions(station);
    if belief.unsure_parts.as_ref() == Some(&station.id) {
        let along = |at: f64| station.part_shapes(&positions.keys().map(|part| (part.clone(), at)).collect());
        return PART_STEPS.into_iter().flat_map(along).collect();
    }
    station.part_shapes(&positions)
}

/// A shape of a station's part.
pub fn of_part(
    station: &Station,
    base_from_station: &Pose<Base, StationFrame>,
    shape: &Shape<StationFrame>,
) -> SceneShape {
    let name = format!("{}/{}", station.id, shape.name);
    SceneShape { name, solid: shape.solid, base_from_shape: *base_from_station * shape.pose }
}

fn in_base(base_from_map: &Pose<Base, Map>, shape: &Shape<Map>) -> SceneShape {
    let base_from_shape = *base_from_map * shape.pose;
    SceneShape { name: shape.name.clone(), solid: shape.solid, base_from_shape }
}

/// Of the circle around a solid's footprint, whichever way it is turned, metres.
fn radius(solid: &Solid) -> f64 {
    match *solid {
        Solid::Box { size_m: [x, y, z] } => 0.5 * (x * x + y * y + z * z).sqrt(),
        Solid::Cylinder { radius_m, height_m } => radius_m.hypot(0.5 * height_m),
        Solid::Sphere { radius_m } => radius_m,
    }
}

/// Every vial that stands, or may stand, within reach, named after its sample.
fn vials(world: &World, belief: &Belief, ledger: &Ledger) -> Vec<SceneShape> {
    let mut shapes = Vec::new();
    for (id, sample) in ledger.samples() {
        let Ok(vial) = world.vial(&sample.labware) else { continue };
        let places: Vec<&Place> = match &sample.whereabouts {
            crate::ledger::Whereabouts::At(place) => vec![place],
            crate::ledger::Whereabouts::OneOf(places) => places.iter().collect(),
        };
        let is_held = belief.grip.as_ref().is_some_and(|grip| grip.sample == *id);
        for place in places {
            let Place::At(address) = place else { continue };
            if is_held || !belief.at_hand(&address.station) {
                continue;
            }
            if let Some(base_from_ware) = ware_at(world, belief, address) {
                shapes.push(SceneShape::vial(id.as_str(), vial, &base_from_ware));
            }
        }
    }
    shapes
}

/// Where a vial that stands in a slot is.
fn ware_at(world: &World, belief: &Belief, address: &Address) -> Option<Pose<Base, Ware>> {
    let (_, nest_from_slot) = world.slot(address).ok()?;
    let base_from_nest = belief.base_from_nest(world, &NestRef::of(address))?;
    let slot_from_ware = Pose::new(Isometry3::identity());
    Some(base_from_nest * nest_from_slot * slot_from_ware)
}

/// What is in the fingers.
pub fn held(world: &World, belief: &Belief, ledger: &Ledger) -> Option<Held> {
    let by_ledger = || {
        let mut samples = ledger.samples();
        samples
            .find(|(_, sample)| sample.whereabouts.known() == Some(&Place::Gripper))
            .map(|(id, _)| id.clone())
    };
    let id: SampleId = belief.grip.as_ref().map(|grip| grip.sample.clone()).or_else(by_ledger)?;
    let vial = world.vial(&ledger.sample(&id)?.labware).ok()?;
    Some(Held::vial(id.as_str(), vial, &tool_from_ware(vial)))
}

/// Pairs that meet where a vial is grasped or let go: the fingers and the vials of a nest, what is held and its rack.
pub fn among_vials(ledger: &Ledger, nest: &NestRef, sample: Option<&SampleId>) -> Vec<(String, String)> {
    let stands_here = |place: &Place| match place {
        Place::At(address) => NestRef::of(address) == *nest,
        Place::Gripper | Place::Nowhere => false,
    };
    let here = ledger.samples().filter(|(id, known)| {
        sample.map_or_else(
            || match &known.whereabouts {
                crate::ledger::Whereabouts::At(place) => stands_here(place),
                crate::ledger::Whereabouts::OneOf(places) => places.iter().any(stands_here),
            },
            |sample| *id == sample,
        )
    });
    let mut pairs: Vec<(String, String)> =
        here.map(|(id, _)| ("finger".to_owned(), id.as_str().to_owned())).collect();
    pairs.push(("held".to_owned(), rack_name(nest)));
    pairs
}

/// Pairs of what is held and what a slot's rack stands on: a vial is felt for down to below its seat. On a station that is
/// the shape under the slot, or all of the part that the rack rides on; on the deck, the robot's own body.
pub fn under(world: &World, address: &Address) -> Vec<(String, String)> {
    let pair = |name: String| ("held".to_owned(), name);
    if address.on_deck() {
        return vec![pair(world.robot.model.root.clone())];
    }
    let (Some(station), Ok((rack, nest_from_slot))) =
        (world.site.stations.get(&address.station), world.slot(address))
    else {
        return Vec::new();
    };
    let Some(nest) = station.nests.get(&address.nest) else { return Vec::new() };
    if let Some(part) = nest.on.as_ref().and_then(|part| station.parts.get(part)) {
        return part.shapes.iter().map(|shape| pair(format!("{}/{}", station.id, shape.name))).collect();
    }
    // A little into what the rack stands on.
    let below = Pose::<Slot, Slot>::from_xyz_rpy([0.0, 0.0, -rack.floor_m - 1e-3], [0.0; 3]);
    let at = (nest.pose * nest_from_slot * below).translation();
    let holds = |shape: &&Shape<StationFrame>| {
        let p = shape.pose.inverse().point(&at.into());
        match shape.solid {
            Solid::Box { size_m } => (0..3).all(|axis| p[axis].abs() <= 0.5 * size_m[axis]),
            Solid::Cylinder { radius_m, height_m } => {
                p.x.hypot(p.y) <= radius_m && p.z.abs() <= 0.5 * height_m
            }
            Solid::Sphere { radius_m } => p.coords.norm() <= radius_m,
        }
    };
    station.shapes.iter().filter(holds).map(|shape| pair(format!("{}/{}", station.id, shape.name))).collect()
}

/// All nests that are at hand, the deck's first.
pub fn nests_at_hand(world: &World, belief: &Belief) -> Vec<NestRef> {
    let deck = world.robot.deck.keys().map(|nest| NestRef { station: DECK.into(), nest: nest.clone() });
    let stations = world.site.stations.iter().filter(|(id, _)| belief.at_hand(id));
    let nests = stations.flat_map(|(id, station)| {
        station.nests.keys().map(|nest| NestRef { station: id.clone(), nest: nest.clone() })
    });
    deck.chain(nests).collect()
}
