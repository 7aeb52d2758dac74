//! A robot: URDF for its bodies, `robot.toml` for what URDF cannot say.

use super::manipulator::{Manipulator, check_model, check_numbers};
use super::urdf::RobotModel;
use super::{Catalogue, Problems, RackType, Reader};
use crate::frames::{self, Base, Camera, Flange, Laser, Pose, Slot, Tool};
use crate::ids::{Address, NestId};
use crate::image::Intrinsics;
use crate::robot::Twist;
use nalgebra::{Matrix6, Vector6};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// A mobile manipulator: the folder `robot/description/<name>/`.
#[derive(Clone, Debug, PartialEq)]
pub struct Robot {
    /// The folder's name.
    pub name: String,
    /// Links and joints. Its root link is the base's frame, `base_link`.
    pub model: RobotModel,
    /// How the base drives.
    pub base: BaseDescription,
    /// The arm.
    pub arm: ArmDescription,
    /// The gripper.
    pub gripper: GripperDescription,
    /// The wrist camera.
    pub camera: CameraDescription,
    /// The battery; none where the robot tells nothing of it.
    pub battery: Option<BatteryDescription>,
    /// Laser scanners by name.
    pub scanners: BTreeMap<String, ScannerDescription>,
    /// Nests of the robot's own deck, addressed as `deck/<nest>/<slot>`.
    pub deck: BTreeMap<NestId, DeckNest>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RobotFile {
    #[serde(rename = "schema")]
    _schema: i64,
    name: String,
    urdf: String,
    base: BaseDescription,
    arm: ArmDescription,
    gripper: GripperDescription,
    camera: CameraDescription,
    battery: Option<BatteryDescription>,
    scanner: BTreeMap<String, ScannerDescription>,
    #[serde(default)]
    deck: BTreeMap<NestId, DeckNest>,
}

/// How the base drives.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BaseDescription {
    /// Whether it can drive sideways.
    pub omnidirectional: bool,
    /// Corners of a convex polygon around everything at rest, counter-clockwise, in the base's frame.
    pub footprint_m: Vec<[f64; 2]>,
    /// Largest speed on each axis.
    pub max_speed: Twist,
    /// Largest acceleration on each axis (m/s^2, rad/s^2).
    pub max_acceleration: Twist,
}

/// The arm.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArmDescription {
    /// Joints of the URDF from the base to the flange.
    pub joints: Vec<String>,
    /// The flange's link in the URDF.
    pub flange_link: String,
    /// Largest acceleration of each joint, rad/s^2.
    pub max_acceleration: Vec<f64>,
    /// Largest jerk of each joint, rad/s^3.
    pub max_jerk: Vec<f64>,
    /// Named joint positions in degrees: at least `drive` (arm within the footprint) and `look` (camera looks
    /// ahead at a station's tag) where there is a base.
    #[serde(default)]
    pub postures_deg: BTreeMap<String, Vec<f64>>,
}

impl ArmDescription {
    /// A named posture, radians. Loading has checked that `drive` and `look` are there.
    pub fn posture(&self, name: &str) -> Option<Vec<f64>> {
        Some(self.postures_deg.get(name)?.iter().map(|d| d.to_radians()).collect())
    }
}

/// A parallel gripper.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GripperDescription {
    /// The two finger joints of the URDF (prismatic, 0 = closed).
    pub joints: [String; 2],
    /// Largest distance between the pads.
    pub max_opening_m: f64,
    /// Largest force.
    pub max_force_n: f64,
    /// Where the pads' centre is.
    #[serde(deserialize_with = "super::pose")]
    pub tool: Pose<Flange, Tool>,
}

/// The wrist camera.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CameraDescription {
    /// Its optical frame on the flange.
    #[serde(deserialize_with = "super::pose")]
    pub pose: Pose<Flange, Camera>,
    /// How well that is known.
    pub pose_sigma: PoseSigma,
    /// Its pinhole model.
    pub intrinsics: Intrinsics,
    /// Pictures a second when it streams.
    pub rate_hz: f64,
    /// How long each pixel takes in light, seconds: what moves is smeared. 0: no time at all.
    #[serde(default)]
    pub exposure_s: f64,
    /// From the reading of the first row to that of the last, seconds: a rolling shutter. 0: all rows are read at once.
    #[serde(default)]
    pub readout_s: f64,
}

/// What the robot runs on.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatteryDescription {
    /// What it holds, watt hours.
    pub capacity_wh: f64,
    /// With less than this share of a full charge no job is begun but charging.
    pub low: f64,
}

/// How well a pose is known: one sigma along and about each axis.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PoseSigma {
    /// Along, metres.
    pub m: f64,
    /// About, degrees.
    pub deg: f64,
}

impl PoseSigma {
    /// Of (x, y, z) in metres and of a small rotation (vector in radians): the same along any axes.
    pub fn covariance(&self) -> Matrix6<f64> {
        let (along, about) = (self.m.powi(2), self.deg.to_radians().powi(2));
        Matrix6::from_diagonal(&Vector6::new(along, along, along, about, about, about))
    }
}

/// A laser scanner.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScannerDescription {
    /// Where it is mounted.
    #[serde(deserialize_with = "super::pose")]
    pub pose: Pose<Base, Laser>,
    /// Bearing of the first beam, degrees.
    pub angle_min_deg: f64,
    /// Bearing of the last beam, degrees.
    pub angle_max_deg: f64,
    /// Beams in a turn.
    pub beams: usize,
    /// Nearer is invalid, metres.
    pub range_min_m: f64,
    /// Farther is no return, metres.
    pub range_max_m: f64,
    /// Turns a second.
    pub rate_hz: f64,
    /// From the first beam of a turn to the last, seconds: a base that moves meanwhile is seen from more than one place.
    /// 0: all beams at once.
    #[serde(default)]
    pub sweep_s: f64,
}

impl ScannerDescription {
    /// From the first beam of a turn to the last.
    pub fn sweep(&self) -> Duration {
        Duration::from_secs_f64(self.sweep_s)
    }
}

/// A nest of the robot's deck.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeckNest {
    /// A rack type of the site's catalogue.
    pub rack: String,
    /// Where it stands.
    #[serde(deserialize_with = "super::pose")]
    pub pose: Pose<Base, frames::Nest>,
    /// Ids of its fiducials, in the order of the rack type's `tags`.
    #[serde(default)]
    pub tags: Vec<u32>,
}

const FILE: &str = "robot.toml";

impl Robot {
    /// Loads a robot's folder through `reader`. Reports everything that is wrong at once.
    pub fn load(reader: &Reader<'_>) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let file: Option<RobotFile> = problems.read(reader, FILE);
        let model = file.as_ref().and_then(|file| RobotModel::load(reader, &file.urdf, &mut problems));
        if let Some(file) = &file {
            check_numbers(&file.arm, &file.gripper, FILE, &mut problems);
            check_rest(file, &mut problems);
            if let Some(model) = &model {
                check_model(&file.arm, &file.gripper, model, (FILE, &file.urdf), &mut problems);
            }
        }
        if let (Some(file), Some(model), true) = (file, model, problems.0.is_empty()) {
            return Ok(Self {
                name: file.name,
                model,
                base: file.base,
                arm: file.arm,
                gripper: file.gripper,
                camera: file.camera,
                battery: file.battery,
                scanners: file.scanner,
                deck: file.deck,
            });
        }
        problems.0.sort();
        Err(problems)
    }

    /// The arm with its gripper.
    pub fn manipulator(&self) -> Manipulator {
        let Self { name, model, arm, gripper, .. } = self.clone();
        Manipulator { name, model, arm, gripper }
    }

    /// The rack of a deck address and where the slot is on the robot. None where the deck has no such slot.
    pub fn deck_slot<'a>(
        &self,
        catalogue: &'a Catalogue,
        address: &Address,
    ) -> Option<(&'a RackType, Pose<Base, Slot>)> {
        let nest = self.deck.get(&address.nest).filter(|_| address.on_deck())?;
        let rack = catalogue.racks.get(&nest.rack)?;
        Some((rack, nest.pose * rack.nest_from_slot(&address.slot)?))
    }
}

fn check_rest(file: &RobotFile, problems: &mut Problems) {
    for name in ["drive", "look"] {
        problems.check(
            file.arm.postures_deg.contains_key(name),
            FILE,
            format!("arm.postures_deg.{name}"),
            "is missing",
        );
    }
    let twists =
        [("base.max_speed", file.base.max_speed), ("base.max_acceleration", file.base.max_acceleration)];
    for (key, twist) in twists {
        let sideways = if file.base.omnidirectional { twist.y > 0.0 } else { twist.y == 0.0 };
        problems.check(
            twist.x > 0.0 && twist.yaw > 0.0 && sideways,
            FILE,
            key,
            "must be positive on each axis that the base has, and y zero where it cannot drive sideways",
        );
    }
    problems.check(
        is_convex(&file.base.footprint_m),
        FILE,
        "base.footprint_m",
        "must be a convex polygon, counter-clockwise, of at least three corners",
    );
    for (key, seconds) in
        [("camera.exposure_s", file.camera.exposure_s), ("camera.readout_s", file.camera.readout_s)]
    {
        // NaN is neither.
        problems.check((0.0..=1.0).contains(&seconds), FILE, key, "must be a time from 0 to 1 s");
    }
    if let Some(battery) = &file.battery {
        problems.check(
            battery.capacity_wh > 0.0,
            FILE,
            "battery.capacity_wh",
            "must be positive, watt hours",
        );
        problems.check((0.0..1.0).contains(&battery.low), FILE, "battery.low", "must be a share from 0 to 1");
    }
    let PoseSigma { m, deg } = file.camera.pose_sigma;
    // NaN is neither. A camera that nobody has calibrated is known to some millimetres and a degree.
    problems.check(
        m > 0.0 && m <= 0.05 && deg > 0.0 && deg <= 10.0,
        FILE,
        "camera.pose_sigma",
        "must be above 0, to 0.05 m and 10 degrees: `nightshift calibrate` tells it",
    );
    problems.check(!file.scanner.is_empty(), FILE, "scanner", "the robot needs a laser scanner");
    for (name, scanner) in &file.scanner {
        problems.check(
            scanner.beams >= 2
                && scanner.angle_max_deg > scanner.angle_min_deg
                && scanner.range_max_m > scanner.range_min_m
                && scanner.range_min_m >= 0.0
                && scanner.rate_hz > 0.0,
            FILE,
            format!("scanner.{name}"),
            "needs two beams or more, rising angles, rising ranges and a positive rate",
        );
        // NaN is neither.
        problems.check(
            (0.0..=1.0).contains(&scanner.sweep_s) && scanner.sweep_s * scanner.rate_hz <= 1.0,
            FILE,
            format!("scanner.{name}.sweep_s"),
            "must be a time from 0 to 1 s, no longer than from one turn to the next (1 / rate_hz)",
        );
    }
}

fn is_convex(corners: &[[f64; 2]]) -> bool {
    let n = corners.len();
    n >= 3
        && (0..n).all(|i| {
            let [a, b, c] = [corners[i], corners[(i + 1) % n], corners[(i + 2) % n]];
            (b[0] - a[0]) * (c[1] - b[1]) - (b[1] - a[1]) * (c[0] - b[0]) > 0.0
        })
}
