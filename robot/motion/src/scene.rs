//! Shapes for a [`Scene`](crate::Scene) from the descriptions of stations, labware and robot.

use crate::request::{Carry, Held, SceneShape};
use nightshift_core::describe::{Catalogue, RackType, Robot, Solid, Station, Vial};
use nightshift_core::frames::{Base, Link, Nest, Pose, Station as StationFrame, Tool, Ware};

impl SceneShape {
    /// A rack's outer block.
    pub fn rack(name: impl Into<String>, rack: &RackType, base_from_nest: &Pose<Base, Nest>) -> Self {
        let size_m = [rack.size_m[0], rack.size_m[1], rack.height_m];
        let nest_from_block = Pose::from_xyz_rpy([0.0, 0.0, rack.height_m / 2.0], [0.0; 3]);
        Self {
            name: name.into(),
            solid: Solid::Box { size_m },
            base_from_shape: *base_from_nest * nest_from_block,
        }
    }

    /// A vial that stands somewhere.
    pub fn vial(name: impl Into<String>, vial: &Vial, base_from_ware: &Pose<Base, Ware>) -> Self {
        let (solid, ware_from_shape) = vial_solid(vial);
        Self { name: name.into(), solid, base_from_shape: *base_from_ware * ware_from_shape }
    }
}

impl Held {
    /// A vial between the fingers, to be carried as its type has it.
    pub fn vial(name: impl Into<String>, vial: &Vial, tool_from_ware: &Pose<Tool, Ware>) -> Self {
        let (solid, ware_from_shape) = vial_solid(vial);
        let carry = Carry {
            tilt_rad: vial.carry.tilt_deg.to_radians(),
            acceleration_m_s2: vial.carry.acceleration_m_s2,
        };
        Self {
            name: name.into(),
            solid,
            tool_from_shape: *tool_from_ware * ware_from_shape,
            carry: Some(carry),
        }
    }
}

fn vial_solid(vial: &Vial) -> (Solid, Pose<Ware, Link>) {
    let radius_m = vial.diameter_m.max(vial.cap.diameter_m) / 2.0;
    let center = Pose::from_xyz_rpy([0.0, 0.0, vial.height_m / 2.0], [0.0; 3]);
    (Solid::Cylinder { radius_m, height_m: vial.height_m }, center)
}

/// A station's shapes and racks, named `<station>/<shape>` and `<station>/<nest>`. Nests of a rack type that the
/// catalogue does not have are left out; loading a site refuses them.
pub fn station_shapes(
    station: &Station,
    catalogue: &Catalogue,
    base_from_station: &Pose<Base, StationFrame>,
) -> Vec<SceneShape> {
    let shapes = station.shapes.iter().map(|shape| SceneShape {
        name: format!("{}/{}", station.id, shape.name),
        solid: shape.solid,
        base_from_shape: *base_from_station * shape.pose,
    });
    let racks = station.nests.iter().filter_map(|(id, nest)| {
        let rack = catalogue.racks.get(&nest.rack)?;
        let pose = *base_from_station * station.nest_pose(id)?;
        Some(SceneShape::rack(format!("{}/{id}", station.id), rack, &pose))
    });
    shapes.chain(racks).collect()
}

/// The racks on the robot's own deck, named `deck/<nest>`.
pub fn deck_shapes(robot: &Robot, catalogue: &Catalogue) -> Vec<SceneShape> {
    let racks = robot.deck.iter().filter_map(|(id, nest)| {
        let rack = catalogue.racks.get(&nest.rack)?;
        Some(SceneShape::rack(format!("deck/{id}"), rack, &nest.pose))
    });
    racks.collect()
}
