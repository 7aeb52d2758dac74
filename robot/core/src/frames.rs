//! Poses that carry their frames in their type, so that a composition that does not cancel does not compile.
//!
//! `Pose<Map, Base>` is the pose of `Base` seen from `Map`; a value of it is named `map_from_base`.
//!
//! ```
//! use nightshift_core::frames::{Base, Map, Pose, Tool};
//! let map_from_base = Pose::<Map, Base>::identity();
//! let base_from_tool = Pose::<Base, Tool>::identity();
//! let map_from_tool: Pose<Map, Tool> = map_from_base * base_from_tool;
//! ```
//!
//! Frames that do not cancel do not compile:
//!
//! ```compile_fail,E0308
//! use nightshift_core::frames::{Base, Camera, Map, Pose, Tool};
//! let map_from_base = Pose::<Map, Base>::identity();
//! let camera_from_tool = Pose::<Camera, Tool>::identity();
//! let _ = map_from_base * camera_from_tool;
//! ```
//!
//! Nor does a pose the wrong way round:
//!
//! ```compile_fail,E0308
//! use nightshift_core::frames::{Base, Map, Pose2};
//! fn drive_to(_goal: Pose2<Map, Base>) {}
//! let map_from_base = Pose2::<Map, Base>::new(1.0, 2.0, 0.0);
//! drive_to(map_from_base.inverse());
//! ```

use nalgebra::{Isometry2, Isometry3, Point2, Point3, Translation3, UnitQuaternion, Vector2, Vector3};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::marker::PhantomData;
use std::ops::Mul;

macro_rules! frames {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {}
    )*};
}

frames! {
    /// The saved map (REP-105 `map`): fixed in the world, the localiser's answer may jump in it.
    Map,
    /// Dead reckoning (REP-105 `odom`): continuous, drifts.
    Odom,
    /// The mobile base (REP-105 `base_link`): on the floor, x forward, at the footprint's centre.
    Base,
    /// A laser scanner.
    Laser,
    /// A camera's optical frame: x right, y down, z forward (REP-103 suffix `_optical`).
    Camera,
    /// The arm's flange, where the tool is bolted on.
    Flange,
    /// The tool's centre point: between the finger pads, z out of the gripper.
    Tool,
    /// A station: on the floor below the middle of its front edge, x into the station (away from a docked robot).
    Station,
    /// A nest (rack, tray): at its footprint's centre on its support.
    Nest,
    /// A slot: where the axis of a seated labware meets the floor of the slot, z along the axis.
    Slot,
    /// A labware: the centre of its base, z along its axis.
    Ware,
    /// A fiducial: its centre, x right and y up as one looks at it, z out of it.
    Tag,
    /// Any link of the robot, where the link is named beside the pose.
    Link,
}

/// The pose of frame `B` in frame `A` (metres, unit quaternion).
pub struct Pose<A, B> {
    /// The transform that takes coordinates in `B` to coordinates in `A`.
    pub iso: Isometry3<f64>,
    frames: PhantomData<fn() -> (A, B)>,
}

impl<A, B> Pose<A, B> {
    /// Takes an isometry at its word. The only place where frames are asserted by hand.
    pub fn new(iso: Isometry3<f64>) -> Self {
        Self { iso, frames: PhantomData }
    }

    /// Both frames coincide.
    pub fn identity() -> Self {
        Self::new(Isometry3::identity())
    }

    /// From a translation in metres and fixed-axis roll, pitch, yaw in radians (URDF's convention).
    pub fn from_xyz_rpy(xyz: [f64; 3], rpy: [f64; 3]) -> Self {
        Self::new(Isometry3::from_parts(
            Translation3::new(xyz[0], xyz[1], xyz[2]),
            UnitQuaternion::from_euler_angles(rpy[0], rpy[1], rpy[2]),
        ))
    }

    /// The pose of `A` in `B`.
    pub fn inverse(&self) -> Pose<B, A> {
        Pose::new(self.iso.inverse())
    }

    /// The origin of `B` in `A`.
    pub fn translation(&self) -> Vector3<f64> {
        self.iso.translation.vector
    }

    /// A point given in `B`, in `A`.
    pub fn point(&self, in_b: &Point3<f64>) -> Point3<f64> {
        self.iso * in_b
    }

    /// The direction of `B`'s z axis in `A`.
    pub fn z_axis(&self) -> Vector3<f64> {
        self.iso.rotation * Vector3::z()
    }

    /// Rotation about `A`'s z axis, in (-pi, pi]. Taken from the x axis's heading: an angle-axis angle has no sign.
    pub fn yaw(&self) -> f64 {
        let x = self.iso.rotation * Vector3::x();
        x.y.atan2(x.x)
    }

    /// The part in the x-y plane: position and heading.
    pub fn planar(&self) -> Pose2<A, B> {
        let t = self.translation();
        Pose2::new(t.x, t.y, self.yaw())
    }
}

/// The planar pose of frame `B` in frame `A` (metres, radians).
pub struct Pose2<A, B> {
    /// The transform that takes coordinates in `B` to coordinates in `A`.
    pub iso: Isometry2<f64>,
    frames: PhantomData<fn() -> (A, B)>,
}

impl<A, B> Pose2<A, B> {
    /// From position and heading.
    pub fn new(x: f64, y: f64, yaw: f64) -> Self {
        Self::from_iso(Isometry2::new(Vector2::new(x, y), yaw))
    }

    /// Takes an isometry at its word.
    pub fn from_iso(iso: Isometry2<f64>) -> Self {
        Self { iso, frames: PhantomData }
    }

    /// Both frames coincide.
    pub fn identity() -> Self {
        Self::from_iso(Isometry2::identity())
    }

    /// x of `B`'s origin in `A`.
    pub fn x(&self) -> f64 {
        self.iso.translation.x
    }

    /// y of `B`'s origin in `A`.
    pub fn y(&self) -> f64 {
        self.iso.translation.y
    }

    /// Heading of `B` in `A`, in (-pi, pi].
    pub fn yaw(&self) -> f64 {
        self.iso.rotation.angle()
    }

    /// The pose of `A` in `B`.
    pub fn inverse(&self) -> Pose2<B, A> {
        Pose2::from_iso(self.iso.inverse())
    }

    /// A point given in `B`, in `A`.
    pub fn point(&self, in_b: &Point2<f64>) -> Point2<f64> {
        self.iso * in_b
    }

    /// Distance between the origins of `self` and `other` in `A`.
    pub fn distance(&self, other: &Self) -> f64 {
        (self.iso.translation.vector - other.iso.translation.vector).norm()
    }

    /// Heading of `other` minus heading of `self`, wrapped.
    pub fn turn_to(&self, other: &Self) -> f64 {
        wrap_angle(other.yaw() - self.yaw())
    }

    /// The same pose in space, at height zero.
    pub fn spatial(&self) -> Pose<A, B> {
        Pose::from_xyz_rpy([self.x(), self.y(), 0.0], [0.0, 0.0, self.yaw()])
    }
}

/// Wraps an angle into (-pi, pi].
pub fn wrap_angle(angle: f64) -> f64 {
    let wrapped = angle.rem_euclid(std::f64::consts::TAU);
    if wrapped > std::f64::consts::PI { wrapped - std::f64::consts::TAU } else { wrapped }
}

macro_rules! common_impls {
    ($pose:ident, $raw:ty, $to:expr, $from:expr) => {
        impl<A, B> Clone for $pose<A, B> {
            fn clone(&self) -> Self {
                *self
            }
        }
        impl<A, B> Copy for $pose<A, B> {}
        impl<A, B> PartialEq for $pose<A, B> {
            fn eq(&self, other: &Self) -> bool {
                self.iso == other.iso
            }
        }
        impl<A, B, C> Mul<$pose<B, C>> for $pose<A, B> {
            type Output = $pose<A, C>;
            fn mul(self, rhs: $pose<B, C>) -> $pose<A, C> {
                $pose { iso: self.iso * rhs.iso, frames: PhantomData }
            }
        }
        impl<A, B> fmt::Debug for $pose<A, B> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let short = |name: &'static str| name.rsplit("::").next().unwrap_or(name);
                let (a, b) = (short(std::any::type_name::<A>()), short(std::any::type_name::<B>()));
                let raw: $raw = $to(self);
                write!(f, "{a}<-{b} {raw:?}")
            }
        }
        impl<A, B> Serialize for $pose<A, B> {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                let raw: $raw = $to(self);
                raw.serialize(s)
            }
        }
        impl<'de, A, B> Deserialize<'de> for $pose<A, B> {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let raw = <$raw>::deserialize(d)?;
                if raw.iter().any(|v| !v.is_finite()) {
                    return Err(serde::de::Error::custom("a pose must be finite"));
                }
                Ok($from(raw))
            }
        }
    };
}

// Written as [x, y, z, qx, qy, qz, qw]: TUM's order.
common_impls!(
    Pose,
    [f64; 7],
    |p: &Pose<A, B>| {
        let (t, q) = (p.translation(), p.iso.rotation.coords);
        [t.x, t.y, t.z, q.x, q.y, q.z, q.w]
    },
    |v: [f64; 7]| {
        let q = nalgebra::Quaternion::new(v[6], v[3], v[4], v[5]);
        // Recorded quaternions are unit already: normalising again would cost the last bit, and replay its equality.
        let unit = if (q.norm() - 1.0).abs() < 1e-9 {
            UnitQuaternion::new_unchecked(q)
        } else {
            UnitQuaternion::new_normalize(q)
        };
        Pose::new(Isometry3::from_parts(Translation3::new(v[0], v[1], v[2]), unit))
    }
);
// Written as [x, y, cos(yaw), sin(yaw)], so that reading gives back the same bits.
common_impls!(
    Pose2,
    [f64; 4],
    |p: &Pose2<A, B>| [p.x(), p.y(), p.iso.rotation.re, p.iso.rotation.im],
    |v: [f64; 4]| {
        let c = nalgebra::Complex::new(v[2], v[3]);
        Pose2::from_iso(Isometry2::from_parts(
            nalgebra::Translation2::new(v[0], v[1]),
            nalgebra::UnitComplex::new_unchecked(c),
        ))
    }
);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn composition_cancels_and_inverts() {
        let map_from_base = Pose::<Map, Base>::from_xyz_rpy([1.0, 2.0, 0.0], [0.0, 0.0, 0.5]);
        let base_from_tool = Pose::<Base, Tool>::from_xyz_rpy([0.3, 0.0, 1.0], [0.0, 3.1, 0.0]);
        let map_from_tool: Pose<Map, Tool> = map_from_base * base_from_tool;
        let back = map_from_base.inverse() * map_from_tool;
        assert!((back.translation() - base_from_tool.translation()).norm() < 1e-12);
    }

    proptest! {
        #[test]
        fn yaw_keeps_its_sign(yaw in -3.1f64..3.1) {
            prop_assert!((Pose::<Map, Base>::from_xyz_rpy([0.0; 3], [0.0, 0.0, yaw]).yaw() - yaw).abs() < 1e-9);
        }

        #[test]
        fn wrapping_keeps_the_direction(angle in -50.0f64..50.0) {
            let wrapped = wrap_angle(angle);
            prop_assert!(wrapped > -std::f64::consts::PI - 1e-12 && wrapped <= std::f64::consts::PI);
            prop_assert!((wrapped.sin() - angle.sin()).abs() < 1e-9);
        }

        #[test]
        fn planar_poses_survive_json_bit_for_bit(x in -9.0f64..9.0, yaw in -3.0f64..3.0) {
            let pose = Pose2::<Map, Base>::new(x, -x, yaw);
            let text = serde_json::to_string(&pose).unwrap();
            prop_assert_eq!(pose, serde_json::from_str(&text).unwrap());
        }
    }
}
