//! Descriptions of site, stations, labware and robot: data in TOML and URDF, never assumptions in code.
//!
//! Nothing here touches a file: the caller hands in a reader. Loading goes on past errors and reports every one
//! with its file and key.

#[cfg(test)]
mod behaviour_tests;
mod labware;
mod loose;
mod machine;
mod manipulator;
mod overlap;
mod part;
mod phase;
mod robot;
mod shape;
mod site;
mod station;
mod surface;
mod urdf;
mod zones;

pub use labware::{Cap, Catalogue, GraspRule, RackTag, RackType, Vessel, Vial};
pub use loose::{
    Closure, Film, Form, Glass, Loose, LooseItem, LooseKind, LooseVessel, Neck, PLATE_M, Plate, Substrate,
};
pub use machine::{Machine, MachineState, Refusal, RefusalKind, Target, Transition};
pub use manipulator::Manipulator;
pub use part::{Hand, KNOB_ROOM_M, Knob, Part, PartJoint};
pub use phase::Phase;
pub use robot::{
    ArmDescription, BaseDescription, BatteryDescription, CameraDescription, DeckNest, GripperDescription,
    Robot, ScannerDescription,
};
pub use shape::{Shape, Solid};
pub use site::{Content, ContentKind, Site, Stock, StockItem, fiducial_of_code};
pub use station::{Dock, Nest, Station, StationKind, TagMount};
pub use surface::{Materials, Surface};
pub use urdf::{Joint, JointKind, Link, LinkShape, RobotModel};
pub use zones::{Rule, Zone};

use crate::frames::{Pose, Pose2};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use std::fmt;

/// Reads a text file by its path relative to the description's folder. An error is words for a person.
pub type Reader<'a> = dyn Fn(&str) -> Result<String, String> + 'a;

/// One thing that is wrong in a description.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Problem {
    /// The file, relative to the description's folder.
    pub file: String,
    /// The key within it, dotted; empty where the whole file is meant.
    pub key: String,
    /// What is wrong, and what would be right.
    pub reason: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.key.is_empty() {
            write!(f, "{}: {}", self.file, self.reason)
        } else {
            write!(f, "{}: {}: {}", self.file, self.key, self.reason)
        }
    }
}

/// Everything that is wrong in a description, at once.
#[derive(Clone, Debug, Default, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n"))]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    fn add(&mut self, file: &str, key: impl Into<String>, reason: impl Into<String>) {
        self.0.push(Problem { file: file.to_owned(), key: key.into(), reason: reason.into() });
    }

    fn check(&mut self, holds: bool, file: &str, key: impl Into<String>, reason: impl Into<String>) {
        if !holds {
            self.add(file, key, reason);
        }
    }

    /// Reads and parses one TOML file; what is wrong with it is noted.
    fn read<T: DeserializeOwned>(&mut self, reader: &Reader<'_>, file: &str) -> Option<T> {
        let text = reader(file).map_err(|reason| self.add(file, "", reason)).ok()?;
        self.parse(file, &text)
    }

    fn parse<T: DeserializeOwned>(&mut self, file: &str, text: &str) -> Option<T> {
        let table: toml::Table = match text.parse() {
            Ok(table) => table,
            Err(error) => {
                self.add(file, "", line_of(text, &error));
                return None;
            }
        };
        match table.get("schema").and_then(toml::Value::as_integer) {
            Some(SCHEMA) => {}
            Some(other) => {
                self.add(file, "schema", format!("is {other}; this version reads {SCHEMA}"));
                return None;
            }
            None => self.add(file, "schema", format!("is missing; write `schema = {SCHEMA}`")),
        }
        toml::from_str(text).map_err(|error| self.add(file, "", line_of(text, &error))).ok()
    }
}

/// The version of the description format that this code reads.
const SCHEMA: i64 = 1;

fn line_of(text: &str, error: &toml::de::Error) -> String {
    let line = error.span().map(|span| text[..span.start].matches('\n').count() + 1);
    let words = error.message().replace('\n', " ");
    line.map_or(words.clone(), |line| format!("line {line}: {words}"))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PoseText {
    xyz: [f64; 3],
    #[serde(default)]
    rpy_deg: [f64; 3],
}

fn pose<'de, D: Deserializer<'de>, A, B>(d: D) -> Result<Pose<A, B>, D::Error> {
    let raw = PoseText::deserialize(d)?;
    if raw.xyz.iter().chain(&raw.rpy_deg).any(|v| !v.is_finite()) {
        return Err(serde::de::Error::custom("a pose must be finite"));
    }
    Ok(Pose::from_xyz_rpy(raw.xyz, raw.rpy_deg.map(f64::to_radians)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pose2Text {
    x: f64,
    y: f64,
    #[serde(default)]
    yaw_deg: f64,
}

fn pose2<'de, D: Deserializer<'de>, A, B>(d: D) -> Result<Pose2<A, B>, D::Error> {
    let raw = Pose2Text::deserialize(d)?;
    if [raw.x, raw.y, raw.yaw_deg].iter().any(|v| !v.is_finite()) {
        return Err(serde::de::Error::custom("a pose must be finite"));
    }
    Ok(Pose2::new(raw.x, raw.y, raw.yaw_deg.to_radians()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SITE: &str = "maps/photocatalysis";
    const ROBOT: &str = "robot/description/omni7";

    fn folder(path: &'static str) -> impl Fn(&str) -> Result<String, String> {
        move |file| {
            let full = format!("{}/../../{path}/{file}", env!("CARGO_MANIFEST_DIR"));
            std::fs::read_to_string(&full).map_err(|e| e.to_string())
        }
    }

    /// The bundled folder with some text replaced in some files.
    fn spoilt(
        path: &'static str,
        edits: &'static [(&'static str, &'static str, &'static str)],
    ) -> impl Fn(&str) -> Result<String, String> {
        let read = folder(path);
        move |file| {
            let mut text = read(file)?;
            for (_, from, to) in edits.iter().filter(|(name, ..)| *name == file) {
                assert!(text.contains(from), "{file} has no {from:?}");
                text = text.replacen(from, to, 1);
            }
            Ok(text)
        }
    }

    fn problems<T: fmt::Debug>(loaded: Result<T, Problems>) -> String {
        loaded.unwrap_err().to_string()
    }

    #[test]
    fn the_bundled_site_and_robot_load_and_fit() {
        let site = Site::load(&folder(SITE)).unwrap();
        let robot = Robot::load(&folder(ROBOT)).unwrap();
        assert_eq!(site.check_robot(&robot), []);
        assert_eq!(site.stations.len(), 8);
        let (rack, nest, _) = site.slot(&"storage/rack/B4".parse().unwrap()).unwrap();
        assert_eq!((rack.slots().len(), nest.tags.len()), (8, 2));
        assert!(robot.deck_slot(&site.catalogue, &"deck/rack/A1".parse().unwrap()).is_some());
    }

    #[test]
    fn every_error_of_a_site_is_reported_at_once_with_file_and_key() {
        let reader = spoilt(
            SITE,
            &[
                ("stock.toml", "storage/rack/A2", "storage/rack/A1"),
                ("stock.toml", "tag36h11:103", "tag36h11:1"),
                ("stock.toml", "storage/rack/A4", "storage/rack/Z4"),
                ("labware.toml", "height_m = 0.040", "height_m = 0.080"),
                ("stations/gc.toml", "rack_2x4", "rack_9x9"),
                ("stations/solid.toml", "x = -1.00", "x = -0.10"),
                ("stations/liquid.toml", "title", "titel"),
            ],
        );
        let found = problems(Site::load(&reader));
        for expected in [
            "stock.toml: sample.S-002.at: S-001 stands at storage/rack/A1 already",
            "stock.toml: sample.S-003.code: tag 1 is used by stations/storage.toml: dock.tag.id already",
            "stock.toml: sample.S-004.at: the site has no slot storage/rack/Z4",
            "labware.toml: vial.vial_10ml.grasp.height_m: must be below the vial's top",
            "stations/gc.toml: nest.rack.rack: no rack type rack_9x9 in labware.toml",
            "stations/solid.toml: dock.staging: must be farther",
            "stations/liquid.toml: line 4: unknown field `titel`",
        ] {
            assert!(found.contains(expected), "{expected:?} not in:\n{found}");
        }
    }

    #[test]
    fn furniture_and_stations_that_overlap_are_named() {
        let reader = spoilt(
            SITE,
            &[
                ("site.toml", "xyz = [8.75, 2.6, 0.95]", "xyz = [6.9, 3.9, 0.95]"),
                ("stations/gc.toml", "x = 2.4", "x = 4.4"),
            ],
        );
        let found = problems(Site::load(&reader));
        for expected in [
            "site.toml: furniture[7]: pillar overlaps cabinet (site.toml: furniture[5])",
            "stations/photolysis.toml: shapes[0]: bench overlaps bench (stations/gc.toml: shapes[0])",
        ] {
            assert!(found.contains(expected), "{expected:?} not in:\n{found}");
        }
    }

    #[test]
    fn loose_ware_that_cannot_be_or_stands_nowhere_is_named() {
        let reader = spoilt(
            "maps/electrolytes",
            &[
                ("labware.toml", "wells = [12, 8]", "wells = [8, 12]"),
                (
                    "labware.toml",
                    "[vessel.beaker_100ml]\nform = \"beaker\"",
                    "[vessel.beaker_100ml]\nform = \"bottle\"",
                ),
                ("stock.toml", "filled = 40", "filled = 97"),
                ("stock.toml", "phase = \"suspension\"", "phase = \"powder\""),
                ("stock.toml", "id = \"P-002\"", "id = \"P-001\""),
                ("stock.toml", "xyz = [0.24, 0.40, 0.86]", "xyz = [0.24, 0.40, 0.90]"),
                ("stock.toml", "xyz = [0.19, 0.24, 0.72]", "xyz = [0.19, 0.14, 0.72]"),
            ],
        );
        let found = problems(Site::load(&reader));
        for expected in [
            "labware.toml: plate.plate_96.wells: must be up to 48 along the length",
            "labware.toml: vessel.beaker_100ml.neck: is missing: this form has one",
            "stock.toml: loose.P-001.filled: 97 of 96 wells cannot be filled",
            "stock.toml: loose.P-001.content.phase: powder does not move as a liquid does",
            "stock.toml: loose.P-001.id: is named twice",
            "stock.toml: loose.B-001.pose: its lowest point is 40.0 mm above what is below it",
            "stock.toml: loose.P-001.pose: it overlaps what stands in rack (stations/tubes.toml: nest.rack)",
        ] {
            assert!(found.contains(expected), "{expected:?} not in:\n{found}");
        }
        let reader = spoilt(
            "maps/thin-films",
            &[
                ("stock.toml", "labware = \"glass_25\"", "labware = \"substrate_carrier\""),
                ("stock.toml", "labware = \"gold_25\"", "labware = \"silver_25\""),
                (
                    "stock.toml",
                    "station = \"hotel\"\npose = { xyz = [0.26",
                    "station = \"inn\"\npose = { xyz = [0.26",
                ),
            ],
        );
        let found = problems(Site::load(&reader));
        for expected in [
            "stock.toml: loose.G-001.labware: substrate_carrier is carried: it is a [[sample]], in a slot",
            "stock.toml: loose.G-002.labware: no plate, substrate or vessel silver_25 in labware.toml",
            "stock.toml: loose.R-001.station: the site has no station inn",
        ] {
            assert!(found.contains(expected), "{expected:?} not in:\n{found}");
        }
    }

    #[test]
    fn a_file_that_is_missing_or_of_another_schema_is_named() {
        let inner = spoilt(SITE, &[("stock.toml", "schema = 1", "schema = 7")]);
        let reader = |file: &str| {
            if file == "stations/gc.toml" { Err("no such file".to_owned()) } else { inner(file) }
        };
        let found = problems(Site::load(&reader));
        assert!(found.contains("stations/gc.toml: no such file"), "{found}");
        assert!(found.contains("stock.toml: schema: is 7; this version reads 1"), "{found}");
    }

    #[test]
    fn a_robot_that_does_not_hold_together_is_refused_with_reasons() {
        let reader = spoilt(
            ROBOT,
            &[
                ("robot.toml", "\"joint_3\"", "\"joint_9\""),
                ("robot.toml", "-40.0, 0.0, -90.0", "-40.0, 0.0, -190.0"),
                ("robot.toml", "max_jerk = [40.0,", "max_jerk = ["),
                ("robot.toml", "[0.42, 0.28], [-0.42, 0.28]", "[-0.42, 0.28], [0.42, 0.28]"),
            ],
        );
        let found = problems(Robot::load(&reader));
        for expected in [
            "robot.toml: arm.joints[2]: robot.urdf has no joint joint_9",
            "robot.toml: arm.postures_deg.drive: joint_4 at -190 is outside -120.0 to 120.0",
            "robot.toml: arm.max_jerk: must be 7 positive values",
            "robot.toml: base.footprint_m: must be a convex polygon",
        ] {
            assert!(found.contains(expected), "{expected:?} not in:\n{found}");
        }
    }

    #[test]
    fn a_turn_of_a_scanner_that_takes_no_time_that_there_is_is_refused() {
        let cases: [&'static [_]; 4] = [
            &[("robot.toml", "sweep_s = 0.03", "sweep_s = -0.01")],
            &[("robot.toml", "sweep_s = 0.03", "sweep_s = nan")],
            // Longer than from one turn to the next.
            &[("robot.toml", "sweep_s = 0.03", "sweep_s = 0.081")],
            &[("robot.toml", "sweep_s = 0.03", "sweep_s = inf")],
        ];
        for edits in cases {
            let found = problems(Robot::load(&spoilt(ROBOT, edits)));
            let expected = "robot.toml: scanner.front.sweep_s: must be a time from 0 to 1 s";
            assert!(found.contains(expected), "{edits:?}: {found}");
        }
    }

    #[test]
    fn a_broken_urdf_is_refused_with_reasons() {
        let cases: [(&'static [_], &str); 5] = [
            (
                &[("robot.urdf", "<link name=\"link_3\">", "<link name=\"link_x\">")],
                "there is no link link_3",
            ),
            (&[("robot.urdf", "<child link=\"link_4\"/>", "<child link=\"link_2\"/>")], "hangs on joint"),
            (
                &[("robot.urdf", "lower=\"-2.094395\" upper=\"2.094395\"", "lower=\"0\" upper=\"0\"")],
                "needs a <limit>",
            ),
            (&[("robot.urdf", "ixx=\"6.400000\"", "ixx=\"64\"")], "no body has this inertia"),
            (&[("robot.urdf", "</robot>", "")], "not readable as URDF"),
        ];
        for (edits, expected) in cases {
            let found = problems(Robot::load(&spoilt(ROBOT, edits)));
            assert!(found.contains(expected), "{expected:?} not in:\n{found}");
        }
    }
}
