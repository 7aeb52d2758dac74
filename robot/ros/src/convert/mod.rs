//! Between our types and ROS messages: pure, and never panicking on what the graph brings.

pub mod arm;
pub mod battery;
pub mod camera;
pub mod jobs;
pub mod maps;
pub mod seen;
pub mod sensors;
pub mod sites;

use nalgebra::{Isometry3, Quaternion, Translation3, UnitQuaternion};
use nightshift_core::Stamp;
use r2r::builtin_interfaces::msg::{Duration, Time};
use r2r::geometry_msgs::msg::{
    Point, Pose as PoseMsg, Quaternion as QuaternionMsg, Transform, TransformStamped, Vector3,
};
use r2r::std_msgs::msg::Header;

/// Why a message cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadMessage(pub String);

/// A message that cannot be used.
pub fn bad<T>(problem: impl Into<String>) -> Result<T, BadMessage> {
    Err(BadMessage(problem.into()))
}

/// Text as ROS takes it: r2r panics on a zero byte inside.
pub fn text(text: impl AsRef<str>) -> String {
    text.as_ref().replace('\0', "\u{fffd}")
}

/// A stamp as ROS writes it; it ends in 2038.
pub fn to_time(stamp: Stamp) -> Time {
    Time {
        sec: i32::try_from(stamp.0 / 1_000_000_000).unwrap_or(i32::MAX),
        nanosec: (stamp.0 % 1_000_000_000) as u32,
    }
}

/// A stamp as ROS wrote it.
pub fn from_time(time: &Time) -> Result<Stamp, BadMessage> {
    match u64::try_from(time.sec) {
        Ok(seconds) if time.nanosec < 1_000_000_000 => {
            Ok(Stamp(seconds * 1_000_000_000 + u64::from(time.nanosec)))
        }
        _ => bad(format!("stamp {} s and {} ns is none", time.sec, time.nanosec)),
    }
}

/// A span in seconds (not negative) as ROS writes it.
pub fn to_duration(seconds: f64) -> Duration {
    let Time { sec, nanosec } = to_time(Stamp::from_seconds(seconds));
    Duration { sec, nanosec }
}

/// A header.
pub fn header(stamp: Stamp, frame: &str) -> Header {
    Header { stamp: to_time(stamp), frame_id: frame.to_owned() }
}

/// A header's stamp, where its frame is the one that is expected.
pub fn stamp_in(header: &Header, frame: &str) -> Result<Stamp, BadMessage> {
    if header.frame_id != frame {
        return bad(format!("frame_id is {:?}; expected {frame:?}", header.frame_id));
    }
    from_time(&header.stamp)
}

/// A pose.
pub fn to_pose(iso: &Isometry3<f64>) -> PoseMsg {
    let (t, q) = (iso.translation.vector, iso.rotation.coords);
    PoseMsg {
        position: Point { x: t.x, y: t.y, z: t.z },
        orientation: QuaternionMsg { x: q.x, y: q.y, z: q.z, w: q.w },
    }
}

/// A pose, where it is finite and its quaternion is one of unit length (to 1 %).
pub fn from_pose(pose: &PoseMsg) -> Result<Isometry3<f64>, BadMessage> {
    let (p, q) = (&pose.position, &pose.orientation);
    if [p.x, p.y, p.z, q.x, q.y, q.z, q.w].iter().any(|v| !v.is_finite()) {
        return bad("the pose is not finite");
    }
    let raw = Quaternion::new(q.w, q.x, q.y, q.z);
    if (raw.norm() - 1.0).abs() > 0.01 {
        return bad(format!("the quaternion's length is {:.3}; it must be 1", raw.norm()));
    }
    Ok(Isometry3::from_parts(Translation3::new(p.x, p.y, p.z), UnitQuaternion::new_normalize(raw)))
}

/// A transform from `parent` to `child`.
pub fn to_transform(stamp: Stamp, parent: &str, child: &str, iso: &Isometry3<f64>) -> TransformStamped {
    let PoseMsg { position, orientation } = to_pose(iso);
    TransformStamped {
        header: header(stamp, parent),
        child_frame_id: child.to_owned(),
        transform: Transform {
            translation: Vector3 { x: position.x, y: position.y, z: position.z },
            rotation: orientation,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn text_holds_no_zero_byte() {
        assert_eq!(text("a\0b"), "a\u{fffd}b");
    }

    #[test]
    fn nonsense_is_refused() {
        assert!(from_time(&Time { sec: -1, nanosec: 0 }).is_err());
        assert!(from_time(&Time { sec: 1, nanosec: 1_000_000_000 }).is_err());
        let mut pose = to_pose(&Isometry3::identity());
        pose.orientation.w = 0.0;
        assert!(from_pose(&pose).unwrap_err().0.contains("length is 0.000"));
        pose.orientation.w = 1.0;
        pose.position.y = f64::NAN;
        assert!(from_pose(&pose).is_err());
        assert!(stamp_in(&header(Stamp(5), "map"), "odom").unwrap_err().0.contains("\"odom\""));
    }

    proptest! {
        #[test]
        fn stamps_come_back(ns in 0u64..2_000_000_000_000_000_000) {
            prop_assert_eq!(from_time(&to_time(Stamp(ns))), Ok(Stamp(ns)));
        }

        #[test]
        fn poses_come_back(
            t in prop::array::uniform3(-50.0f64..50.0),
            r in prop::array::uniform3(-3.0f64..3.0),
        ) {
            let iso = Isometry3::from_parts(
                Translation3::new(t[0], t[1], t[2]),
                UnitQuaternion::from_euler_angles(r[0], r[1], r[2]),
            );
            let back = from_pose(&to_pose(&iso)).unwrap();
            prop_assert!((back.translation.vector - iso.translation.vector).norm() < 1e-12);
            prop_assert!(back.rotation.angle_to(&iso.rotation) < 1e-7);
        }
    }
}
