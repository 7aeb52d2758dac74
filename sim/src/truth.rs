//! The truth, for judges only: nothing that the robot decides may depend on it.

use nightshift_core::describe::ContentKind;
use nightshift_core::frames::{Base, Link, Map, Pose, Pose2, Slot, Ware};
use nightshift_core::{Address, PartId, SampleId, Stamp, StateId, StationId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How far a standing vial may lean, radians.
const UPRIGHT: f64 = 15.0 * std::f64::consts::PI / 180.0;
/// How far its base may be from the seat, along the axis and across, metres.
const SEATED_M: f64 = 0.004;
/// The location of a vial that the pads carry alone.
pub const GRIPPER: &str = "gripper";
/// The location of a vial that stands in no slot: on the floor, toppled, lying.
pub const NOWHERE: &str = "nowhere";

/// How everything truly is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Truth {
    /// When.
    pub stamp: Stamp,
    /// By sample.
    pub samples: BTreeMap<SampleId, SampleTruth>,
    /// Vials that a fault put in and nobody knows, by a name of the simulator's own.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub strangers: BTreeMap<SampleId, SampleTruth>,
    /// Labware that is not carried, by its name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub loose: BTreeMap<String, LooseTruth>,
    /// What faults, and people, put on the floor, by its name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub obstacles: BTreeMap<String, ObstacleTruth>,
    /// Where people stand: x, y, heading, in the map.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub people: Vec<[f64; 3]>,
    /// The robot.
    pub robot: RobotTruth,
    /// Stations that behave.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub stations: BTreeMap<StationId, StationTruth>,
}

/// A box on the floor that no map has.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObstacleTruth {
    /// The middle of its underside.
    pub pose: Pose2<Map, Link>,
    /// Edges along x, y, z, metres.
    pub size_m: [f64; 3],
}

/// How a piece of labware is that is not carried.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LooseTruth {
    /// Its foot's middle.
    pub pose: Pose<Map, Ware>,
    /// How far that is from where it stood at the start, metres.
    pub moved_m: f64,
    /// Whether it fell, or was hit, harder than it bears.
    pub broken: bool,
}

/// How a station is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StationTruth {
    /// By the name in its file.
    pub state: StateId,
    /// The token of the hand that it is ready for, or makes ready for.
    pub holder: Option<String>,
    /// Where its parts are, 0 to 1.
    pub parts: BTreeMap<PartId, f64>,
}

/// How a sample is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SampleTruth {
    /// `station/nest/slot` or `deck/nest/slot` where it stands in that slot; `gripper` where both pads touch it and
    /// nothing else does; else `nowhere`.
    pub location: String,
    /// Its base's centre, z along its axis.
    pub pose: Pose<Map, Ware>,
    /// Whether it was squeezed or knocked harder than it bears.
    pub broken: bool,
    /// Whether both pads touch it.
    pub held: bool,
    /// Whether its cap is on.
    pub capped: bool,
    /// What broke it and what took its cap off, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub harm: Vec<String>,
    /// The largest force on its wall so far, N.
    pub peak_squeeze_n: f64,
    /// The largest push up along its axis so far, of anything but fingers, N: its weight is in it.
    #[serde(default)]
    pub peak_push_n: f64,
    /// What is in it.
    pub content: ContentTruth,
}

/// What is in a vial.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContentTruth {
    /// How it moves.
    pub kind: ContentKind,
    /// Height of its surface above the inner bottom, metres, in the upright vial.
    pub level_m: f64,
    /// Of the vial with all in and on it, kg.
    pub mass_kg: f64,
    /// What has gone over the rim or through the cracks, cubic metres.
    pub spilt_m3: f64,
}

/// How the robot is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RobotTruth {
    /// Written `[x, y, yaw]`.
    #[serde(with = "planar")]
    pub pose: Pose2<Map, Base>,
}

/// Planar poses as `[x, y, yaw]`.
mod planar {
    use nightshift_core::frames::Pose2;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    /// Writes `[x, y, yaw]`.
    pub fn serialize<A, B, S: Serializer>(pose: &Pose2<A, B>, s: S) -> Result<S::Ok, S::Error> {
        [pose.x(), pose.y(), pose.yaw()].serialize(s)
    }

    /// Reads `[x, y, yaw]`; numbers must be finite.
    pub fn deserialize<'de, A, B, D: Deserializer<'de>>(d: D) -> Result<Pose2<A, B>, D::Error> {
        let [x, y, yaw] = <[f64; 3]>::deserialize(d)?;
        if [x, y, yaw].iter().any(|v| !v.is_finite()) {
            return Err(serde::de::Error::custom("a pose must be finite"));
        }
        Ok(Pose2::new(x, y, yaw))
    }
}

/// What touches a vial.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Touch {
    /// The two fingers.
    pub fingers: [bool; 2],
    /// Anything else.
    pub other: bool,
}

impl Touch {
    /// Whether both pads touch it.
    pub fn held(&self) -> bool {
        self.fingers == [true; 2]
    }

    /// Whether the pads alone carry it.
    pub fn carried(&self) -> bool {
        self.held() && !self.other
    }
}

/// Whether a vial stands in a slot.
pub fn seated(slot_from_ware: &Pose<Slot, Ware>) -> bool {
    let t = slot_from_ware.translation();
    slot_from_ware.z_axis().z >= UPRIGHT.cos() && t.z.abs() <= SEATED_M && t.x.hypot(t.y) <= SEATED_M
}

/// Where a vial is.
pub fn location<'a>(
    map_from_ware: &Pose<Map, Ware>,
    touch: Touch,
    mut slots: impl Iterator<Item = (&'a Address, Pose<Map, Slot>)>,
) -> String {
    let slot = slots.find(|(_, map_from_slot)| seated(&(map_from_slot.inverse() * *map_from_ware)));
    match slot {
        Some((address, _)) => address.to_string(),
        None if touch.carried() => GRIPPER.to_owned(),
        None => NOWHERE.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(xyz: [f64; 3], rpy_deg: [f64; 3], touch: Touch) -> String {
        let address: Address = "gc/rack/A1".parse().unwrap();
        let slots = [(&address, Pose::from_xyz_rpy([1.0, 2.0, 0.8], [0.0; 3]))];
        location(&Pose::from_xyz_rpy(xyz, rpy_deg.map(f64::to_radians)), touch, slots.into_iter())
    }

    #[test]
    fn a_vial_is_where_it_stands() {
        let (free, held) = (Touch::default(), Touch { fingers: [true; 2], other: false });
        assert_eq!(at([1.003, 2.0, 0.797], [0.0, 14.0, 77.0], free), "gc/rack/A1");
        assert_eq!(at([1.003, 2.0, 0.797], [0.0, 0.0, 0.0], held), "gc/rack/A1");
        assert_eq!(at([1.003, 2.003, 0.8], [0.0; 3], free), "nowhere");
        assert_eq!(at([1.0, 2.0, 0.805], [0.0; 3], free), "nowhere");
        assert_eq!(at([1.0, 2.0, 0.8], [16.0, 0.0, 0.0], free), "nowhere");
        assert_eq!(at([1.0, 2.0, 0.9], [0.0; 3], held), "gripper");
        assert_eq!(at([1.0, 2.0, 0.9], [0.0; 3], Touch { other: true, ..held }), "nowhere");
    }

    #[test]
    fn it_is_written_as_judges_read_it() {
        let content =
            ContentTruth { kind: ContentKind::Liquid, level_m: 0.02, mass_kg: 0.025, spilt_m3: 0.0 };
        let sample = SampleTruth {
            location: "gripper".into(),
            pose: Pose::identity(),
            broken: false,
            held: true,
            capped: true,
            harm: Vec::new(),
            peak_squeeze_n: 8.0,
            peak_push_n: 3.0,
            content,
        };
        let truth = Truth {
            stamp: Stamp(5),
            samples: [(SampleId::new("S-001"), sample)].into(),
            strangers: BTreeMap::new(),
            loose: BTreeMap::new(),
            obstacles: BTreeMap::new(),
            people: Vec::new(),
            robot: RobotTruth { pose: Pose2::new(1.0, 2.0, 0.0) },
            stations: BTreeMap::new(),
        };
        assert_eq!(
            serde_json::to_string(&truth).unwrap(),
            concat!(
                r#"{"stamp":5,"samples":{"S-001":{"location":"gripper","pose":[0.0,0.0,0.0,0.0,0.0,0.0,1.0],"#,
                r#""broken":false,"held":true,"capped":true,"peak_squeeze_n":8.0,"peak_push_n":3.0,"#,
                r#""content":{"kind":"liquid","level_m":0.02,"mass_kg":0.025,"spilt_m3":0.0}}},"#,
                r#""robot":{"pose":[1.0,2.0,0.0]}}"#
            )
        );
    }
}
