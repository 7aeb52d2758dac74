//! Labware types: what a vial or a rack is, as far as anybody needs to know.

use super::loose::{self, Closure, Form, Glass, LooseKind, LooseVessel, Neck, Plate, Substrate};
use super::{Problems, Reader};
use crate::frames::{Nest, Pose, Slot, Tag};
use crate::ids::{LabwareType, SlotId};
use serde::Deserialize;
use std::collections::BTreeMap;

/// The site's labware types: `labware.toml`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalogue {
    #[serde(rename = "schema")]
    _schema: i64,
    /// Vessels that are carried.
    #[serde(rename = "vial", default)]
    pub vials: BTreeMap<LabwareType, Vial>,
    /// Racks that vessels stand in.
    #[serde(rename = "rack", default)]
    pub racks: BTreeMap<String, RackType>,
    /// Well plates. Neither they nor the two that follow are carried.
    #[serde(rename = "plate", default)]
    pub plates: BTreeMap<LabwareType, Plate>,
    /// Panes of glass.
    #[serde(rename = "substrate", default)]
    pub substrates: BTreeMap<LabwareType, Substrate>,
    /// Vessels that stand about.
    #[serde(rename = "vessel", default)]
    pub vessels: BTreeMap<LabwareType, LooseVessel>,
}

/// A cylindrical vessel with a cap. Its frame is `Ware`: base centre, z up.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vial {
    /// Of the body.
    pub diameter_m: f64,
    /// From base to the top of the cap.
    pub height_m: f64,
    /// Filled, with its cap.
    pub mass_kg: f64,
    /// On top, within `height_m`.
    pub cap: Cap,
    /// How to hold it.
    pub grasp: GraspRule,
    /// What it weighs empty, what it holds, and what harms it.
    #[serde(default)]
    pub vessel: Vessel,
    /// How it has to be carried.
    #[serde(default)]
    pub carry: CarryRule,
}

/// How a vial has to be carried so that what is in it stays in it, and its cap dry. In an open one of inner radius `r` and inner
/// height `h` that is filled to a share `f`, the surface reaches the rim at a slope of `(1 - f) h / r`, and a surface that
/// starts to swing goes to nearly twice the slope that it settles at: tilt and acceleration over gravity together stay below half of it.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CarryRule {
    /// It leans by no more than this, degrees, anywhere on the way.
    pub tilt_deg: f64,
    /// It is accelerated across the vertical by no more than this, m/s^2.
    pub acceleration_m_s2: f64,
}

impl Default for CarryRule {
    /// A capped vial: its content stays away from the cap, and its grip is reckoned for that acceleration.
    fn default() -> Self {
        Self { tilt_deg: 45.0, acceleration_m_s2: 2.0 }
    }
}

/// A vial as a vessel of glass: its outline, its walls, its weight when empty, and what it does not survive.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Vessel {
    /// Its outline. To physics and to hands it is a cylinder with a cap on it.
    pub form: Form,
    /// Of what.
    pub glass: Glass,
    /// What it narrows to. None: a neck that ends inside the cap.
    pub neck: Option<Neck>,
    /// Empty, with its cap, kg. None: six tenths of the vial's `mass_kg`.
    pub empty_kg: Option<f64>,
    /// Thickness of wall and bottom, metres.
    pub wall_m: f64,
    /// A force on its wall above this breaks it, N. None: the grasp rule's `max_force_n`.
    pub breaks_at_n: Option<f64>,
    /// The highest fall onto something hard that it survives, metres.
    pub survives_fall_m: f64,
    /// A fall from higher takes its cap off, metres.
    pub cap_survives_fall_m: f64,
    /// A pull along its axis above this takes its cap off, N.
    pub cap_holds_n: f64,
}

impl Default for Vessel {
    /// A small snap-capped glass vial.
    fn default() -> Self {
        Self {
            form: Form::Vial,
            glass: Glass::Clear,
            neck: None,
            empty_kg: None,
            wall_m: 0.001,
            breaks_at_n: None,
            survives_fall_m: 0.11,
            cap_survives_fall_m: 0.05,
            cap_holds_n: 20.0,
        }
    }
}

impl Vial {
    /// Empty, with its cap, kg.
    pub fn empty_kg(&self) -> f64 {
        self.vessel.empty_kg.unwrap_or(0.6 * self.mass_kg)
    }

    /// A force on its wall above this breaks it, N.
    pub fn breaks_at_n(&self) -> f64 {
        self.vessel.breaks_at_n.unwrap_or(self.grasp.max_force_n)
    }

    /// Of the room inside, metres.
    pub fn inner_radius_m(&self) -> f64 {
        self.diameter_m / 2.0 - self.vessel.wall_m
    }

    /// Of the room inside, from the bottom to the cap, metres.
    pub fn inner_height_m(&self) -> f64 {
        self.height_m - self.cap.height_m - self.vessel.wall_m
    }

    /// What fits in below the cap, cubic metres.
    pub fn capacity_m3(&self) -> f64 {
        std::f64::consts::PI * self.inner_radius_m().powi(2) * self.inner_height_m()
    }
}

/// A vial's cap.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cap {
    /// Of the cap.
    pub diameter_m: f64,
    /// Of the cap.
    pub height_m: f64,
    /// Black edge of the fiducial printed on it (tag36h11).
    pub tag_size_m: f64,
    /// What kind of cap.
    #[serde(default)]
    pub closure: Closure,
}

/// How a vessel is held.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GraspRule {
    /// Height of the pads' centre above the base.
    pub height_m: f64,
    /// Distance between the pads before closing.
    pub opening_m: f64,
    /// Force to close with.
    pub force_n: f64,
    /// Force never to be exceeded.
    pub max_force_n: f64,
    /// The least friction coefficient between pads and vessel that is reckoned with: wet or dusty glass.
    #[serde(default = "least_friction")]
    pub friction: f64,
}

/// Rubber on wet glass.
fn least_friction() -> f64 {
    0.2
}

/// A rack: a grid of square guides on a floor plate. Its frame is `Nest`: footprint centre, on its support;
/// rows run along x (A nearest to the robot), columns along -y (1 at the left of a robot that looks along x).
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RackType {
    /// Letters A, B, ...
    pub rows: usize,
    /// Numbers 1, 2, ...
    pub columns: usize,
    /// From slot to slot, both ways.
    pub pitch_m: f64,
    /// Clear width of a slot.
    pub hole_m: f64,
    /// Thickness of the floor plate: a seated vessel's base is this high above the nest's frame.
    pub floor_m: f64,
    /// Height of the guides' top above the nest's frame.
    pub height_m: f64,
    /// Outer size along x and y.
    pub size_m: [f64; 2],
    /// Centre of the grid of slots in the nest's frame, x and y.
    #[serde(default)]
    pub grid_center_m: [f64; 2],
    /// What it takes.
    pub takes: Vec<LabwareType>,
    /// Fiducials on its top side; a nest of this type gives their ids in this order.
    #[serde(default)]
    pub tags: Vec<RackTag>,
}

/// A fiducial of a rack type.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RackTag {
    /// Black edge.
    pub size_m: f64,
    /// Where it is.
    #[serde(deserialize_with = "super::pose")]
    pub pose: Pose<Nest, Tag>,
}

impl RackType {
    /// All slot ids, row by row.
    pub fn slots(&self) -> Vec<SlotId> {
        let cells = (0..self.rows).flat_map(|r| (0..self.columns).map(move |c| (r, c)));
        cells.map(|(r, c)| SlotId::new(format!("{}{}", (b'A' + r as u8) as char, c + 1))).collect()
    }

    /// Where a slot is, or none where the rack has no such slot.
    pub fn nest_from_slot(&self, slot: &SlotId) -> Option<Pose<Nest, Slot>> {
        let (row, column) = slot.as_str().split_at_checked(1)?;
        let row = row.as_bytes()[0].checked_sub(b'A')? as usize;
        let column = column.parse::<usize>().ok()?.checked_sub(1)?;
        if row >= self.rows || column >= self.columns {
            return None;
        }
        let from_middle = |index: usize, count: usize| index as f64 - (count as f64 - 1.0) / 2.0;
        let x = self.grid_center_m[0] + from_middle(row, self.rows) * self.pitch_m;
        let y = self.grid_center_m[1] - from_middle(column, self.columns) * self.pitch_m;
        Some(Pose::from_xyz_rpy([x, y, self.floor_m], [0.0; 3]))
    }
}

impl Catalogue {
    /// The type of loose ware of a name.
    pub fn loose(&self, name: &LabwareType) -> Option<LooseKind> {
        let plate = self.plates.get(name).cloned().map(LooseKind::Plate);
        let substrate = || self.substrates.get(name).cloned().map(LooseKind::Substrate);
        plate.or_else(substrate).or_else(|| self.vessels.get(name).cloned().map(LooseKind::Vessel))
    }

    /// The names of all types of loose ware.
    pub(super) fn loose_names(&self) -> Vec<&str> {
        let names = self.plates.keys().chain(self.substrates.keys()).chain(self.vessels.keys());
        names.map(LabwareType::as_str).collect()
    }

    pub(super) fn load(reader: &Reader<'_>, file: &str, problems: &mut Problems) -> Option<Self> {
        let this: Self = problems.read(reader, file)?;
        for (name, vial) in &this.vials {
            let key = |field: &str| format!("vial.{name}.{field}");
            let positive = [
                ("diameter_m", vial.diameter_m),
                ("height_m", vial.height_m),
                ("mass_kg", vial.mass_kg),
                ("cap.diameter_m", vial.cap.diameter_m),
                ("cap.height_m", vial.cap.height_m),
                ("cap.tag_size_m", vial.cap.tag_size_m),
                ("grasp.height_m", vial.grasp.height_m),
                ("grasp.force_n", vial.grasp.force_n),
                ("grasp.friction", vial.grasp.friction),
                ("vessel.empty_kg", vial.empty_kg()),
                ("vessel.wall_m", vial.vessel.wall_m),
                ("vessel.breaks_at_n", vial.breaks_at_n()),
                ("vessel.survives_fall_m", vial.vessel.survives_fall_m),
                ("vessel.cap_survives_fall_m", vial.vessel.cap_survives_fall_m),
                ("vessel.cap_holds_n", vial.vessel.cap_holds_n),
                ("carry.tilt_deg", vial.carry.tilt_deg),
                ("carry.acceleration_m_s2", vial.carry.acceleration_m_s2),
            ];
            for (field, value) in positive {
                problems.check(value > 0.0 && value.is_finite(), file, key(field), "must be positive");
            }
            problems.check(
                vial.cap.height_m < vial.height_m,
                file,
                key("cap.height_m"),
                "must be less than the vial's height_m, which includes it",
            );
            problems.check(
                vial.grasp.height_m < vial.height_m,
                file,
                key("grasp.height_m"),
                "must be below the vial's top",
            );
            problems.check(
                vial.grasp.opening_m > vial.diameter_m,
                file,
                key("grasp.opening_m"),
                "must be wider than the vial",
            );
            problems.check(
                vial.grasp.max_force_n >= vial.grasp.force_n,
                file,
                key("grasp.max_force_n"),
                "must be at least force_n",
            );
            problems.check(
                vial.carry.tilt_deg <= 180.0,
                file,
                key("carry.tilt_deg"),
                "must be at most 180, which is any tilt",
            );
            let form = vial.vessel.form;
            problems.check(
                !matches!(form, Form::Beaker | Form::ConicalFlask | Form::RoundFlask | Form::VolumetricFlask),
                file,
                key("vessel.form"),
                "no hand carries this form: describe it as a [vessel]",
            );
            if let Some(neck) = &vial.vessel.neck {
                problems.check(
                    neck.diameter_m > 2.0 * vial.vessel.wall_m && neck.diameter_m <= vial.diameter_m,
                    file,
                    key("vessel.neck.diameter_m"),
                    "must be more than two walls and at most the vial's diameter_m",
                );
                problems.check(
                    neck.height_m > 0.0 && neck.height_m < vial.height_m,
                    file,
                    key("vessel.neck.height_m"),
                    "must be positive and less than the vial's height_m",
                );
            }
            problems.check(
                vial.inner_radius_m() > 0.0 && vial.inner_height_m() > 0.0,
                file,
                key("vessel.wall_m"),
                "leaves no room inside the vial",
            );
            problems.check(
                vial.empty_kg() <= vial.mass_kg,
                file,
                key("vessel.empty_kg"),
                "must be at most the vial's mass_kg, which is that of a filled one",
            );
            // A tag needs one white cell around its eight black ones.
            problems.check(
                vial.cap.tag_size_m * 1.25 * std::f64::consts::SQRT_2 <= vial.cap.diameter_m,
                file,
                key("cap.tag_size_m"),
                "with its white edge does not fit on the cap",
            );
        }
        for (name, rack) in &this.racks {
            let key = |field: &str| format!("rack.{name}.{field}");
            problems.check(
                (1..=26).contains(&rack.rows) && (1..=99).contains(&rack.columns),
                file,
                key("rows"),
                "a rack has 1 to 26 rows and 1 to 99 columns",
            );
            problems.check(
                rack.hole_m > 0.0 && rack.pitch_m > rack.hole_m,
                file,
                key("pitch_m"),
                "must be more than hole_m, which must be positive",
            );
            problems.check(
                rack.floor_m > 0.0 && rack.height_m > rack.floor_m,
                file,
                key("height_m"),
                "must be more than floor_m, which must be positive",
            );
            let spread = |count: usize| (count.max(1) - 1) as f64 / 2.0 * rack.pitch_m + rack.hole_m / 2.0;
            let reach = [spread(rack.rows), spread(rack.columns)];
            for axis in 0..2 {
                problems.check(
                    rack.grid_center_m[axis].abs() + reach[axis] <= rack.size_m[axis] / 2.0,
                    file,
                    key("size_m"),
                    format!("slots reach outside the rack along {}", ["x", "y"][axis]),
                );
            }
            for (index, ware) in rack.takes.iter().enumerate() {
                match this.vials.get(ware) {
                    None => problems.add(
                        file,
                        key(&format!("takes[{index}]")),
                        format!("no labware type {ware} in this catalogue"),
                    ),
                    Some(vial) => problems.check(
                        vial.diameter_m < rack.hole_m,
                        file,
                        key(&format!("takes[{index}]")),
                        format!("{ware} is wider than hole_m"),
                    ),
                }
            }
            for (index, tag) in rack.tags.iter().enumerate() {
                let key = key(&format!("tags[{index}].size_m"));
                problems.check(tag.size_m > 0.0, file, key, "must be positive");
            }
        }
        loose::check_types(&this, file, problems);
        Some(this)
    }
}
