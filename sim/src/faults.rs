//! What can be made to go wrong.

use nightshift_core::SampleId;
use nightshift_core::frames::{Base, Link, Map, Pose2};
use serde::{Deserialize, Serialize};

/// A fault to inject while the world runs. Planar poses are written `[x, y, yaw]`, metres and radians.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// The robot is lifted and put down elsewhere, with what it carries. Its wheels notice nothing.
    Kidnap {
        /// Where the base is put.
        #[serde(with = "planar")]
        pose: Pose2<Map, Base>,
    },
    /// Once: as soon as a vial hangs in the gripper and nothing else carries it, the pads turn slippery, until they
    /// have touched no vial for half a second or five seconds have passed.
    GripSlip,
    /// A box is put on the floor.
    Obstacle {
        /// To remove it by; an obstacle of the same name is replaced.
        name: String,
        /// Edges along x, y, z.
        size_m: [f64; 3],
        /// Of the middle of its underside.
        #[serde(with = "planar")]
        pose: Pose2<Map, Link>,
    },
    /// The box is taken away.
    RemoveObstacle {
        /// As it was put in.
        name: String,
    },
    /// A scanner says nothing from now on.
    ScannerSilent {
        /// By the robot's description.
        scanner: String,
    },
    /// Every range of a scanner is NaN from now on.
    ScannerNan {
        /// By the robot's description.
        scanner: String,
    },
    /// Pictures are black and without depth from now on.
    CameraDark,
    /// A vial is taken out of the laboratory: it stands on the floor behind the walls.
    VialMissing {
        /// Which.
        sample: SampleId,
    },
}

/// Planar poses as `[x, y, yaw]`.
pub mod planar {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_read_back_from_json_and_unknown_keys_are_refused() {
        let faults = [
            Fault::Kidnap { pose: Pose2::new(1.0, 2.0, 0.5) },
            Fault::GripSlip,
            Fault::Obstacle { name: "box".into(), size_m: [0.4, 0.4, 0.6], pose: Pose2::new(3.0, 4.5, 0.0) },
        ];
        let text = serde_json::to_string(&faults).unwrap();
        assert!(text.starts_with(r#"[{"kidnap":{"pose":[1.0,2.0,0.5]}},"grip_slip","#), "{text}");
        assert_eq!(serde_json::from_str::<Vec<Fault>>(&text).unwrap(), faults);
        assert!(serde_json::from_str::<Fault>(r#"{"remove_obstacle":{"name":"a","now":true}}"#).is_err());
    }
}
