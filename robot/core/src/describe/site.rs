//! A site: the map, its furniture, its stations, its labware and what stands where at the start.

use super::loose::{self, Loose, LooseItem};
use super::shape::Shape;
use super::surface::{Materials, Surface, check_names};
use super::zones::{Rule, Zone, ZonesFile};
use super::{Catalogue, KNOB_ROOM_M, Phase, Problem, Problems, RackType, Reader, Robot, Station};
use crate::frames::{Base, Map, Nest, Pose, Pose2, Slot};
use crate::ids::{Address, LabwareType, NestId, SampleId, StationId};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// A site: the folder `maps/<site>/`.
#[derive(Clone, Debug, PartialEq)]
pub struct Site {
    /// The folder's name.
    pub name: String,
    /// The map_server file of the occupancy map, relative to the folder.
    pub map_file: String,
    /// Where the robot is switched on.
    pub start: Pose2<Map, Base>,
    /// Walls and what stands about that is no station: for the simulator and for pictures.
    pub furniture: Vec<Shape<Map>>,
    /// What furniture and stations are made of, by name.
    pub materials: Materials,
    /// By id.
    pub stations: BTreeMap<StationId, Station>,
    /// Labware types.
    pub catalogue: Catalogue,
    /// What stands where at the start.
    pub stock: Vec<StockItem>,
    /// Labware that no hand carries, and where it stands or lies at the start.
    pub loose: Vec<Loose>,
    /// Where the base must not go, must go slowly, or may go one way only.
    pub zones: Vec<Zone>,
    /// Rack types that stand in nests of the robot's deck here, in place of the robot's own.
    pub deck: BTreeMap<NestId, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SiteFile {
    #[serde(rename = "schema")]
    _schema: i64,
    name: String,
    map: String,
    #[serde(deserialize_with = "super::pose2")]
    start: Pose2<Map, Base>,
    stations: Vec<String>,
    #[serde(default)]
    deck: BTreeMap<NestId, String>,
    /// The file of the zones, relative to the folder.
    zones: Option<String>,
    #[serde(default)]
    furniture: Vec<Shape<Map>>,
    #[serde(rename = "material", default)]
    materials: Materials,
}

/// `stock.toml`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stock {
    #[serde(rename = "schema")]
    _schema: i64,
    /// One entry a sample.
    #[serde(rename = "sample", default)]
    pub samples: Vec<StockItem>,
    /// One entry a piece of labware that is not carried.
    #[serde(default)]
    pub loose: Vec<LooseItem>,
}

/// A sample of the stock file.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StockItem {
    /// Its name.
    pub id: SampleId,
    /// Its type.
    pub labware: LabwareType,
    /// Where it stands.
    pub at: Address,
    /// What is printed on it: `tag36h11:<id>`.
    pub code: String,
    /// What is in it, for the simulator. None: so much water that it weighs its type's `mass_kg`.
    #[serde(default)]
    pub content: Option<Content>,
    /// Whether it stands without its cap, and so without the fiducial on it, for the simulator.
    #[serde(default)]
    pub open: bool,
}

/// What is in a vessel.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Content {
    /// How it moves.
    pub kind: ContentKind,
    /// Share of the room inside, 0 to 1.
    pub fill: f64,
    /// As it lies, kg/m^3.
    #[serde(default = "water")]
    pub density: f64,
    /// What it looks like. None: as something of its kind, which the simulator draws by the sample's name.
    #[serde(default)]
    pub phase: Option<Phase>,
}

impl Content {
    pub(super) fn check(&self, problems: &mut Problems, file: &str, key: &str) {
        problems.check((0.0..=1.0).contains(&self.fill), file, format!("{key}.fill"), "must be from 0 to 1");
        problems.check(
            self.density > 0.0 && self.density < 25_000.0,
            file,
            format!("{key}.density"),
            "must be positive, in kg/m^3, and that of something on Earth",
        );
        if let Some(phase) = self.phase {
            let fits = phase.kind().is_none_or(|kind| kind == self.kind);
            let words = || format!("{} does not move as a {:?} does", phase.name(), self.kind).to_lowercase();
            problems.check(fits, file, format!("{key}.phase"), words());
            problems.check(
                phase != Phase::Empty || self.fill == 0.0,
                file,
                format!("{key}.phase"),
                "is empty, yet fill is more than 0",
            );
        }
    }
}

/// How a content moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ContentKind {
    /// Its surface stays across gravity.
    Liquid,
    /// Lies at an angle of repose.
    Powder,
    /// One piece.
    Solid,
}

fn water() -> f64 {
    1000.0
}

/// The fiducial id of a code of the form `tag36h11:<id>`.
pub fn fiducial_of_code(code: &str) -> Option<u32> {
    code.strip_prefix("tag36h11:")?.parse().ok().filter(|id| *id < TAG36H11_COUNT)
}

/// How many tags the family tag36h11 has.
const TAG36H11_COUNT: u32 = 587;

impl Site {
    /// Loads a site's folder through `reader`. Reports everything that is wrong at once.
    pub fn load(reader: &Reader<'_>) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let site = problems.read::<SiteFile>(reader, "site.toml");
        let catalogue = Catalogue::load(reader, "labware.toml", &mut problems);
        let stock = problems.read::<Stock>(reader, "stock.toml");
        let mut stations = BTreeMap::new();
        for id in site.iter().flat_map(|site| &site.stations) {
            let file = format!("stations/{id}.toml");
            let station = Station::load(reader, &file, catalogue.as_ref(), &mut problems);
            if let Some(station) = station
                && stations.insert(station.id.clone(), station).is_some()
            {
                problems.add("site.toml", "stations", format!("{id} is named twice"));
            }
        }
        if let Some(site) = &site {
            for (index, shape) in site.furniture.iter().enumerate() {
                shape.check(&mut problems, "site.toml", &format!("furniture[{index}]"));
            }
        }
        let mut zones = Vec::new();
        if let Some(file) = site.as_ref().and_then(|site| site.zones.as_ref()) {
            let read = problems.read::<ZonesFile>(reader, file);
            zones = read.map(|read| read.zones(file, &mut problems)).unwrap_or_default();
            if let Some(site) = &site {
                check_zones(&zones, &site.start, &stations, file, &mut problems);
            }
        }
        if let (Some(site), Some(catalogue), Some(stock)) = (site, catalogue, stock) {
            let this = Self {
                name: site.name,
                map_file: site.map,
                start: site.start,
                furniture: site.furniture,
                materials: site.materials,
                loose: loose::pieces(&stock.loose, &catalogue, &stations, &mut problems),
                stock: stock.samples,
                stations,
                catalogue,
                deck: site.deck,
                zones,
            };
            this.check_tags(&mut problems);
            this.check_materials(&mut problems);
            this.check_stock(&mut problems);
            super::overlap::check(&this, &mut problems);
            if problems.0.is_empty() {
                return Ok(this);
            }
        }
        problems.0.sort();
        Err(problems)
    }

    /// Names of the passages that can be closed to the base.
    pub fn passages(&self) -> impl Iterator<Item = &str> {
        let passages = self.zones.iter().filter(|zone| matches!(zone.rule, Rule::Passage { .. }));
        passages.map(|zone| zone.name.as_str())
    }

    /// The robot as it works here: with this site's racks on its deck.
    pub fn equipped(&self, robot: &Robot) -> Robot {
        let mut robot = robot.clone();
        for (name, rack) in &self.deck {
            if let Some(nest) = robot.deck.get_mut(name) {
                nest.rack.clone_from(rack);
            }
        }
        robot
    }

    /// What is wrong between this site and that robot: tags used twice, racks that its deck does not have.
    pub fn check_robot(&self, robot: &Robot) -> Vec<Problem> {
        let mut problems = Problems::default();
        for name in self.deck.keys().filter(|name| !robot.deck.contains_key(*name)) {
            problems.add(
                "site.toml",
                format!("deck.{name}"),
                format!("the deck of {} has no such nest", robot.name),
            );
        }
        let robot = &self.equipped(robot);
        let mut site_tags: BTreeSet<u32> = BTreeSet::new();
        for station in self.stations.values() {
            site_tags.insert(station.dock.tag.id);
            site_tags.extend(station.nests.values().flat_map(|nest| &nest.tags));
        }
        for (name, nest) in &robot.deck {
            let key = format!("deck.{name}");
            match self.catalogue.racks.get(&nest.rack) {
                None => problems.add(
                    "robot.toml",
                    format!("{key}.rack"),
                    format!("no rack type {} in the site's labware.toml", nest.rack),
                ),
                Some(rack) => problems.check(
                    rack.tags.len() == nest.tags.len(),
                    "robot.toml",
                    format!("{key}.tags"),
                    format!("{} ids given, the rack type has {} tags", nest.tags.len(), rack.tags.len()),
                ),
            }
            for tag in nest.tags.iter().filter(|tag| site_tags.contains(tag)) {
                problems.add("robot.toml", format!("{key}.tags"), format!("the site uses tag {tag} as well"));
            }
        }
        for (id, station) in &self.stations {
            for (name, part) in &station.parts {
                let Some(knob) = part.knob() else { continue };
                let (wide_m, opens_m) = (2.0 * (knob.radius_m + KNOB_ROOM_M), robot.gripper.max_opening_m);
                problems.check(
                    wide_m <= opens_m,
                    &format!("stations/{id}.toml"),
                    format!("part.{name}.hand.knob"),
                    format!(
                        "needs fingers {:.0} mm apart, the gripper of {} opens {:.0} mm",
                        wide_m * 1e3,
                        robot.name,
                        opens_m * 1e3
                    ),
                );
            }
        }
        problems.0
    }

    /// The stations that have to be asked before a hand reaches in.
    pub fn with_handshake(&self) -> Vec<StationId> {
        let stations = self.stations.iter().filter(|(_, station)| station.machine.is_some());
        stations.map(|(id, _)| id.clone()).collect()
    }

    /// The rack at an address and where the slot is in it. None where there is no such slot.
    /// Addresses on the robot's deck are the robot's business: see [`Robot::deck_slot`].
    pub fn slot(&self, address: &Address) -> Option<(&RackType, &super::Nest, Pose<Nest, Slot>)> {
        let nest = self.stations.get(&address.station)?.nests.get(&address.nest)?;
        let rack = self.catalogue.racks.get(&nest.rack)?;
        Some((rack, nest, rack.nest_from_slot(&address.slot)?))
    }

    /// What a shape of this site is made of.
    pub fn surface<F>(&self, shape: &Shape<F>) -> Surface {
        let known = shape.material.as_ref().and_then(|name| self.materials.get(name));
        known.copied().unwrap_or(Surface::MATT)
    }

    fn check_materials(&self, problems: &mut Problems) {
        for (name, surface) in &self.materials {
            surface.check(problems, "site.toml", &format!("material.{name}"));
        }
        check_names(&self.furniture, &self.materials, problems, "site.toml", "furniture");
        for (id, station) in &self.stations {
            check_names(&station.shapes, &self.materials, problems, &format!("stations/{id}.toml"), "shapes");
        }
    }

    fn check_tags(&self, problems: &mut Problems) {
        let mut users: BTreeMap<u32, String> = BTreeMap::new();
        let mut claim = |problems: &mut Problems, file: &str, key: String, id: u32| {
            problems.check(
                id < TAG36H11_COUNT,
                file,
                key.clone(),
                format!("tag {id} is not in the family tag36h11, which has 0 to {}", TAG36H11_COUNT - 1),
            );
            if let Some(other) = users.insert(id, format!("{file}: {key}")) {
                problems.add(file, key, format!("tag {id} is used by {other} already"));
            }
        };
        for (id, station) in &self.stations {
            let file = format!("stations/{id}.toml");
            claim(problems, &file, "dock.tag.id".into(), station.dock.tag.id);
            for (name, nest) in &station.nests {
                for tag in &nest.tags {
                    claim(problems, &file, format!("nest.{name}.tags"), *tag);
                }
            }
        }
        for item in &self.stock {
            let key = format!("sample.{}.code", item.id);
            match fiducial_of_code(&item.code) {
                Some(tag) => claim(problems, "stock.toml", key, tag),
                None => problems.add(
                    "stock.toml",
                    key,
                    format!("{:?} is not of the form tag36h11:<id>", item.code),
                ),
            }
        }
    }

    fn check_stock(&self, problems: &mut Problems) {
        let mut places: BTreeMap<&Address, &SampleId> = BTreeMap::new();
        let mut names: BTreeSet<&SampleId> = BTreeSet::new();
        for item in &self.stock {
            let key = |field: &str| format!("sample.{}.{field}", item.id);
            problems.check(names.insert(&item.id), "stock.toml", key("id"), "is named twice");
            match self.slot(&item.at) {
                None => problems.add("stock.toml", key("at"), format!("the site has no slot {}", item.at)),
                Some((rack, ..)) => problems.check(
                    rack.takes.contains(&item.labware),
                    "stock.toml",
                    key("labware"),
                    format!("the rack at {} does not take {}", item.at, item.labware),
                ),
            }
            if let Some(content) = &item.content {
                content.check(problems, "stock.toml", &key("content"));
            }
            if let Some(other) = places.insert(&item.at, &item.id) {
                problems.add("stock.toml", key("at"), format!("{other} stands at {} already", item.at));
            }
        }
    }
}

/// No place where the base has to stand may lie in a keep-out zone.
fn check_zones(
    zones: &[Zone],
    start: &Pose2<Map, Base>,
    stations: &BTreeMap<StationId, Station>,
    file: &str,
    problems: &mut Problems,
) {
    for zone in zones.iter().filter(|zone| zone.rule == Rule::KeepOut) {
        let mut check = |what: String, pose: &Pose2<Map, Base>| {
            problems.check(
                !zone.contains([pose.x(), pose.y()]),
                file,
                format!("zone.{}.polygon", zone.name),
                format!(
                    "{what} at ({:.2}, {:.2}) lies within: the base could never stand there",
                    pose.x(),
                    pose.y()
                ),
            );
        };
        check("the start".to_owned(), start);
        for (id, station) in stations {
            check(format!("the staging pose of station {id}"), &(station.pose * station.dock.staging));
            check(format!("the docked pose of station {id}"), &(station.pose * station.dock.docked));
        }
    }
}
