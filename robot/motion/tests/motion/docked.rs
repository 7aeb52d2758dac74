//! The bundled robot docked at a station of the bundled site.

use nightshift_core::describe::{Robot, Site, Station, Vial};
use nightshift_core::frames::{Base, Pose, Slot, Station as StationFrame, Tool, Ware};
use nightshift_core::ids::{Address, LabwareType, StationId};
use nightshift_motion::{Arm, Held, Scene, SceneShape, deck_shapes, station_shapes};

pub struct Docked {
    pub robot: Robot,
    pub arm: Arm,
    pub site: Site,
    pub station: Station,
    pub vial: Vial,
}

fn folder(path: &'static str) -> impl Fn(&str) -> Result<String, String> {
    move |file| {
        let full = format!("{}/../../{path}/{file}", env!("CARGO_MANIFEST_DIR"));
        std::fs::read_to_string(&full).map_err(|error| error.to_string())
    }
}

/// What the fingers keep from neighbours in a rack, metres.
pub const CLOSE_M: f64 = 0.004;
/// What the arm keeps elsewhere, metres.
pub const FREE_M: f64 = 0.01;
/// Where a line down to a slot begins, above the grasp.
pub const ABOVE_M: f64 = 0.12;

impl Docked {
    pub fn at(station: &str) -> Self {
        let robot = Robot::load(&folder("robot/description/omni7")).unwrap();
        let site = Site::load(&folder("maps/photocatalysis")).unwrap();
        Self {
            arm: Arm::new(&robot).unwrap(),
            station: site.stations[&StationId::new(station)].clone(),
            vial: site.catalogue.vials[&LabwareType::new("vial_10ml")].clone(),
            robot,
            site,
        }
    }

    pub fn posture(&self, name: &str) -> Vec<f64> {
        self.robot.arm.posture(name).unwrap()
    }

    fn base_from_station(&self) -> Pose<Base, StationFrame> {
        self.station.dock.docked.inverse().spatial()
    }

    /// All slots of the station's rack and of the deck.
    pub fn slots(&self) -> Vec<(Address, Pose<Base, Slot>)> {
        let rack = &self.site.catalogue.racks["rack_2x4"];
        let mut slots = Vec::new();
        for slot in rack.slots() {
            let station = self.station.id.as_str();
            let address = Address::new(station, "rack", slot.as_str());
            let (_, nest, nest_from_slot) = self.site.slot(&address).unwrap();
            slots.push((address, self.base_from_station() * nest.pose * nest_from_slot));
            let address = Address::new("deck", "rack", slot.as_str());
            let (_, base_from_slot) = self.robot.deck_slot(&self.site.catalogue, &address).unwrap();
            slots.push((address, base_from_slot));
        }
        slots
    }

    /// The tool around a vial that stands in a slot, straight from above.
    pub fn grasp(&self, slot: &Pose<Base, Slot>, above_m: f64) -> Pose<Base, Tool> {
        let height = self.vial.grasp.height_m + above_m;
        *slot * Pose::from_xyz_rpy([0.0, 0.0, height], [std::f64::consts::PI, 0.0, 0.0])
    }

    /// Bench, instrument and racks, and a vial in every slot but those named.
    pub fn scene(&self, without: &[&Address], margin_m: f64) -> Scene {
        let mut shapes = station_shapes(&self.station, &self.site.catalogue, &self.base_from_station());
        shapes.extend(deck_shapes(&self.robot, &self.site.catalogue));
        for (address, slot) in self.slots() {
            if !without.contains(&&address) {
                let ware: Pose<Slot, Ware> = Pose::identity();
                shapes.push(SceneShape::vial(vial_at(&address), &self.vial, &(slot * ware)));
            }
        }
        let opening = self.vial.grasp.opening_m;
        Scene {
            shapes,
            seen_m: Vec::new(),
            held: None,
            may_touch: Vec::new(),
            fingers_opening_m: opening,
            margin_m,
        }
    }

    /// The same with a vial in the fingers.
    pub fn holding(&self, scene: Scene) -> Scene {
        let down = Pose::from_xyz_rpy([0.0, 0.0, self.vial.grasp.height_m], [std::f64::consts::PI, 0.0, 0.0]);
        let held = Held::vial("the sample", &self.vial, &down);
        Scene { held: Some(held), fingers_opening_m: self.vial.diameter_m, ..scene }
    }
}

pub fn vial_at(address: &Address) -> String {
    format!("vial at {address}")
}

pub fn touching(scene: Scene, a: &str, b: &str) -> Scene {
    let mut scene = scene;
    scene.may_touch.push((a.to_owned(), b.to_owned()));
    scene
}
