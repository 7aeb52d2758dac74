//! Labware that no hand carries here: well plates, substrates, beakers, bottles, cartridges that stand or lie on benches.
//! Cameras see it, arms keep clear of it, and whoever pushes it has made a mistake.

use super::{Catalogue, Content, Problems, Site, Solid, Station, overlap};
use crate::frames::{Link, Pose, Station as AtStation, Ware};
use crate::ids::{LabwareType, StationId};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Length and width of every well plate, metres (ANSI/SLAS 1-2004, Footprint Dimensions).
pub const PLATE_M: [f64; 2] = [0.12776, 0.08548];
/// Of soda-lime glass, kg/m^3.
const GLASS: f64 = 2500.0;
/// How far above what carries it a ware's lowest point may be, metres.
const GAP_M: f64 = 0.001;

/// A well plate. Its frame is `Ware`: the middle of its foot, x along its length.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plate {
    /// Along its length and its width.
    pub wells: [usize; 2],
    /// Without a lid.
    pub height_m: f64,
    /// Empty.
    pub mass_kg: f64,
    /// Red, green, blue.
    #[serde(default = "white")]
    pub color: [u8; 3],
    /// Whether a lid lies on it.
    #[serde(default)]
    pub lid: bool,
    /// The highest fall that it survives.
    #[serde(default = "table_height")]
    pub survives_fall_m: f64,
}

/// A pane of glass that something is made on. Its frame is `Ware`: the middle of its underside.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Substrate {
    /// Its edges, the last one its thickness.
    pub size_m: [f64; 3],
    /// What is on it.
    #[serde(default)]
    pub film: Film,
    /// The highest fall that it survives.
    #[serde(default = "hand_breadth")]
    pub survives_fall_m: f64,
}

/// What covers a substrate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Film {
    /// Bare glass.
    #[default]
    None,
    /// A sputtered metal: a mirror.
    Metal,
    /// An absorber, as of a solar cell: dark and shiny.
    Absorber,
}

/// A vessel of revolution. Its frame is `Ware`: the middle of its foot, z to its mouth.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LooseVessel {
    /// Its outline.
    pub form: Form,
    /// Of what.
    #[serde(default)]
    pub glass: Glass,
    /// At its widest.
    pub diameter_m: f64,
    /// From foot to rim, or to the top of what closes it.
    pub height_m: f64,
    /// Thickness of wall and bottom.
    pub wall_m: f64,
    /// What it narrows to. None: it does not, or as its form does by itself.
    #[serde(default)]
    pub neck: Option<Neck>,
    /// What closes it. None: it is open.
    #[serde(default)]
    pub closure: Option<Closure>,
    /// Empty, with what closes it.
    pub mass_kg: f64,
    /// The highest fall that it survives.
    #[serde(default = "hand_breadth")]
    pub survives_fall_m: f64,
}

/// The outline of a vessel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// A cylinder with a short neck.
    #[default]
    Vial,
    /// A cylinder with a round shoulder and a neck.
    Bottle,
    /// A cylinder with a rim.
    Beaker,
    /// Erlenmeyer's.
    ConicalFlask,
    /// A ball with a neck.
    RoundFlask,
    /// A bulb with a long neck.
    VolumetricFlask,
    /// A cylinder with a round foot.
    TestTube,
    /// A cylinder with a pointed foot.
    CentrifugeTube,
    /// A barrel with a tip, as of a syringe.
    Cartridge,
    /// No vessel: a round chuck that a substrate is clamped in.
    Carrier,
}

/// What a vessel is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Glass {
    /// Clear.
    #[default]
    Clear,
    /// Brown, against light.
    Amber,
    /// Milky plastic.
    Plastic,
}

/// The upper part of a vessel.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Neck {
    /// Outside.
    pub diameter_m: f64,
    /// Up to the rim.
    pub height_m: f64,
}

/// What closes a vessel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Closure {
    /// A screw cap.
    #[default]
    Screw,
    /// A screw cap with a hole, and a septum in it.
    Septum,
    /// An aluminium cap with a septum, crimped on.
    Crimp,
    /// A stopper.
    Stopper,
}

/// A type of loose ware.
#[derive(Clone, Debug, PartialEq)]
pub enum LooseKind {
    /// A well plate.
    Plate(Plate),
    /// A pane of glass.
    Substrate(Substrate),
    /// A vessel of revolution.
    Vessel(LooseVessel),
}

/// A piece of loose ware of the stock.
#[derive(Clone, Debug, PartialEq)]
pub struct Loose {
    /// Its name.
    pub id: String,
    /// Its type.
    pub kind: LooseKind,
    /// At which station.
    pub station: StationId,
    /// Where there.
    pub pose: Pose<AtStation, Ware>,
    /// What is in it; in a plate, in each filled well.
    pub content: Option<Content>,
    /// How many wells of a plate are filled, from A1 along its length.
    pub filled: usize,
}

/// An entry of `stock.toml`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LooseItem {
    id: String,
    labware: LabwareType,
    station: StationId,
    #[serde(deserialize_with = "super::pose")]
    pose: Pose<AtStation, Ware>,
    #[serde(default)]
    content: Option<Content>,
    #[serde(default)]
    filled: Option<usize>,
}

fn white() -> [u8; 3] {
    [235, 236, 238]
}

fn table_height() -> f64 {
    0.9
}

fn hand_breadth() -> f64 {
    0.1
}

impl LooseKind {
    /// Its outer form, and where the middle of that is.
    pub fn solid(&self) -> (Solid, Pose<Ware, Link>) {
        let (solid, height_m) = match self {
            Self::Plate(plate) => {
                let height_m = plate.height_m + if plate.lid { Plate::LID_M } else { 0.0 };
                (Solid::Box { size_m: [PLATE_M[0], PLATE_M[1], height_m] }, height_m)
            }
            Self::Substrate(pane) => (Solid::Box { size_m: pane.size_m }, pane.size_m[2]),
            Self::Vessel(vessel) => {
                let height_m = vessel.height_m;
                (Solid::Cylinder { radius_m: vessel.diameter_m / 2.0, height_m }, height_m)
            }
        };
        (solid, Pose::from_xyz_rpy([0.0, 0.0, height_m / 2.0], [0.0; 3]))
    }

    /// The highest fall that it survives, metres.
    pub fn survives_fall_m(&self) -> f64 {
        match self {
            Self::Plate(plate) => plate.survives_fall_m,
            Self::Substrate(pane) => pane.survives_fall_m,
            Self::Vessel(vessel) => vessel.survives_fall_m,
        }
    }
}

impl Plate {
    /// How high a lid is over the plate's rim, metres.
    pub const LID_M: f64 = 0.0066;
    /// Thickness of its bottom, metres.
    const BOTTOM_M: f64 = 0.002;

    /// From well to well, metres: 9 mm with 96 of them (ANSI/SLAS 4-2004, Well Positions).
    pub fn pitch_m(&self) -> f64 {
        0.108 / self.wells[0] as f64
    }

    /// Of one well, cubic metres.
    fn well_m3(&self) -> f64 {
        const WELL_SHARE: f64 = 0.38;
        std::f64::consts::PI * (WELL_SHARE * self.pitch_m()).powi(2) * (self.height_m - Self::BOTTOM_M)
    }
}

impl LooseVessel {
    /// What fits in: a cylinder of its inside; of flasks the frustum or the ball that their body is.
    pub fn capacity_m3(&self) -> f64 {
        use std::f64::consts::PI;
        let r = self.diameter_m / 2.0 - self.wall_m;
        let neck_m = self.neck.map_or(0.0, |neck| neck.height_m);
        let body_m = self.height_m - neck_m - self.wall_m;
        match self.form {
            Form::ConicalFlask => {
                let top = self.neck.map_or(r, |neck| neck.diameter_m / 2.0 - self.wall_m);
                PI / 3.0 * body_m * (r * r + r * top + top * top)
            }
            Form::RoundFlask | Form::VolumetricFlask => 4.0 / 3.0 * PI * r.powi(3),
            _ => PI * r * r * body_m,
        }
    }
}

impl Loose {
    /// With all in it, kg.
    pub fn mass_kg(&self) -> f64 {
        let content = |capacity_m3: f64| self.content.map_or(0.0, |c| c.fill * capacity_m3 * c.density);
        match &self.kind {
            LooseKind::Plate(plate) => plate.mass_kg + self.filled as f64 * content(plate.well_m3()),
            LooseKind::Substrate(pane) => pane.size_m.iter().product::<f64>() * GLASS,
            LooseKind::Vessel(vessel) => vessel.mass_kg + content(vessel.capacity_m3()),
        }
    }

    /// Its outer form in its station's frame.
    pub fn solid(&self) -> (Solid, Pose<AtStation, Link>) {
        let (solid, ware_from_solid) = self.kind.solid();
        (solid, self.pose * ware_from_solid)
    }
}

/// Checks the types of a catalogue.
pub(super) fn check_types(catalogue: &Catalogue, file: &str, problems: &mut Problems) {
    let mut names: BTreeMap<&LabwareType, &str> = BTreeMap::new();
    let kinds = [
        ("vial", catalogue.vials.keys().collect::<Vec<_>>()),
        ("plate", catalogue.plates.keys().collect()),
        ("substrate", catalogue.substrates.keys().collect()),
        ("vessel", catalogue.vessels.keys().collect()),
    ];
    for (table, types) in kinds {
        for name in types {
            if let Some(other) = names.insert(name, table) {
                problems.add(
                    file,
                    format!("{table}.{name}"),
                    format!("is a {other} as well: names are used once"),
                );
            }
        }
    }
    for (name, plate) in &catalogue.plates {
        let key = |field: &str| format!("plate.{name}.{field}");
        let [long, short] = plate.wells;
        problems.check(
            (1..=48).contains(&long) && (1..=32).contains(&short) && short * 3 <= long * 2,
            file,
            key("wells"),
            "must be up to 48 along the length and 32 along the width, in the footprint's proportion of 3 to 2 at most",
        );
        positive(
            problems,
            file,
            &key,
            &[
                ("height_m", plate.height_m - Plate::BOTTOM_M),
                ("mass_kg", plate.mass_kg),
                ("survives_fall_m", plate.survives_fall_m),
            ],
        );
    }
    for (name, pane) in &catalogue.substrates {
        let key = |field: &str| format!("substrate.{name}.{field}");
        let [x, y, z] = pane.size_m;
        positive(
            problems,
            file,
            &key,
            &[("size_m", x.min(y).min(z)), ("survives_fall_m", pane.survives_fall_m)],
        );
        problems.check(
            z <= x.min(y),
            file,
            key("size_m"),
            "the last edge is the thickness: the least of all",
        );
    }
    for (name, vessel) in &catalogue.vessels {
        check_vessel(problems, file, &|field| format!("vessel.{name}.{field}"), vessel);
    }
}

fn positive(problems: &mut Problems, file: &str, key: &dyn Fn(&str) -> String, values: &[(&str, f64)]) {
    for (field, value) in values {
        problems.check(*value > 0.0 && value.is_finite(), file, key(field), "must be positive");
    }
}

fn check_vessel(problems: &mut Problems, file: &str, key: &dyn Fn(&str) -> String, vessel: &LooseVessel) {
    positive(
        problems,
        file,
        key,
        &[
            ("diameter_m", vessel.diameter_m),
            ("height_m", vessel.height_m),
            ("wall_m", vessel.wall_m),
            ("mass_kg", vessel.mass_kg),
            ("survives_fall_m", vessel.survives_fall_m),
        ],
    );
    problems.check(
        vessel.form != Form::Carrier,
        file,
        key("form"),
        "a carrier is no vessel: it is described as a vial, which is what hands carry",
    );
    problems.check(
        vessel.wall_m * 2.0 < vessel.diameter_m && vessel.wall_m < vessel.height_m,
        file,
        key("wall_m"),
        "leaves no room inside",
    );
    let needs = matches!(
        vessel.form,
        Form::Bottle | Form::ConicalFlask | Form::RoundFlask | Form::VolumetricFlask | Form::Cartridge
    );
    match vessel.neck {
        None => problems.check(!needs, file, key("neck"), "is missing: this form has one"),
        Some(neck) => {
            problems.check(
                neck.diameter_m > 2.0 * vessel.wall_m && neck.diameter_m <= vessel.diameter_m,
                file,
                key("neck.diameter_m"),
                "must be more than two walls and at most the diameter_m",
            );
            problems.check(
                neck.height_m > 0.0 && neck.height_m < vessel.height_m,
                file,
                key("neck.height_m"),
                "must be positive and less than the height_m, which includes it",
            );
        }
    }
    problems.check(
        vessel.closure.is_none() || !matches!(vessel.form, Form::Beaker | Form::Cartridge),
        file,
        key("closure"),
        "nothing closes a beaker or a cartridge",
    );
}

/// Makes pieces of the stock's entries, and notes what is wrong with them.
pub(super) fn pieces(
    items: &[LooseItem],
    catalogue: &Catalogue,
    stations: &BTreeMap<StationId, Station>,
    problems: &mut Problems,
) -> Vec<Loose> {
    const FILE: &str = "stock.toml";
    let mut made: Vec<Loose> = Vec::new();
    for item in items {
        let key = |field: &str| format!("loose.{}.{field}", item.id);
        problems.check(made.iter().all(|other| other.id != item.id), FILE, key("id"), "is named twice");
        let Some(kind) = catalogue.loose(&item.labware) else {
            let known = catalogue.loose_names().join(", ");
            let words = match catalogue.vials.contains_key(&item.labware) {
                true => format!("{} is carried: it is a [[sample]], in a slot", item.labware),
                false => {
                    format!("no plate, substrate or vessel {} in labware.toml: it has {known}", item.labware)
                }
            };
            problems.add(FILE, key("labware"), words);
            continue;
        };
        if let Some(content) = &item.content {
            content.check(problems, FILE, &key("content"));
            problems.check(
                !matches!(kind, LooseKind::Substrate(_)),
                FILE,
                key("content"),
                "nothing can be in a substrate",
            );
        }
        let wells = if let LooseKind::Plate(plate) = &kind { plate.wells[0] * plate.wells[1] } else { 0 };
        match (item.filled, &kind) {
            (None, _) => {}
            (Some(count), LooseKind::Plate(_)) => problems.check(
                count <= wells,
                FILE,
                key("filled"),
                format!("{count} of {wells} wells cannot be filled"),
            ),
            (Some(_), _) => problems.add(FILE, key("filled"), "only a plate has wells"),
        }
        let piece = Loose {
            id: item.id.clone(),
            kind,
            station: item.station.clone(),
            pose: item.pose,
            content: item.content,
            filled: if item.content.is_some() { item.filled.unwrap_or(wells).min(wells) } else { 0 },
        };
        match stations.get(&item.station) {
            None => problems.add(FILE, key("station"), format!("the site has no station {}", item.station)),
            Some(station) if is_part_of(station, &item.id) => problems.add(
                FILE,
                key("id"),
                format!("{} has a shape, part or nest of that name", item.station),
            ),
            Some(station) => check_stands(&piece, station, FILE, &key("pose"), problems),
        }
        made.push(piece);
    }
    made
}

fn is_part_of(station: &Station, name: &str) -> bool {
    station.shapes.iter().any(|shape| shape.name == name)
        || station.nests.keys().any(|nest| nest.as_str() == name)
        || station.parts.keys().any(|part| part.as_str() == name)
}

/// A piece must stand on something of its station.
fn check_stands(piece: &Loose, station: &Station, file: &str, key: &str, problems: &mut Problems) {
    let (solid, pose) = piece.solid();
    let lowest = overlap::reach_down(&solid, &pose.iso);
    let [x, y] = [pose.translation().x, pose.translation().y];
    let gaps = station.shapes.iter().filter_map(|shape| {
        let Solid::Box { size_m } = shape.solid else { return None };
        let p = shape.pose.inverse().point(&[x, y, shape.pose.translation().z].into());
        let over = p.x.abs() <= size_m[0] / 2.0 && p.y.abs() <= size_m[1] / 2.0;
        over.then(|| lowest - (shape.pose.translation().z + size_m[2] / 2.0))
    });
    let nearest = gaps.min_by(|a, b| a.abs().total_cmp(&b.abs()));
    match nearest {
        Some(gap) if gap.abs() <= GAP_M => {}
        Some(gap) => problems.add(
            file,
            key,
            format!(
                "its lowest point is {:.1} mm above what is below it: it must stand within 1 mm",
                gap * 1e3
            ),
        ),
        None => problems.add(file, key, "there is nothing of the station below it"),
    }
}

impl Site {
    /// The loose ware at a station.
    pub fn loose_at<'a>(&'a self, station: &'a StationId) -> impl Iterator<Item = &'a Loose> {
        self.loose.iter().filter(move |piece| piece.station == *station)
    }
}
