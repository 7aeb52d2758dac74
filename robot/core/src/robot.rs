//! The robot as the stack sees it: what it tells and what it can be told. The simulator and the ROS graph both
//! speak this; the stack cannot tell them apart.

use crate::frames::{Base, Odom, Pose2};
use crate::time::Stamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// One beam of a laser scan.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Beam {
    /// A surface at so many metres.
    Hit(f32),
    /// Nothing within the scanner's range.
    NoReturn,
    /// The scanner says nothing: NaN, too near, negative.
    Invalid,
}

impl Beam {
    /// From a raw range (metres) as drivers give it: infinite or beyond `max` is no return.
    pub fn from_range(range: f32, min: f32, max: f32) -> Self {
        if range.is_nan() || range < min {
            Self::Invalid
        } else if range > max {
            Self::NoReturn
        } else {
            Self::Hit(range)
        }
    }
}

// A number a beam keeps records small: the range, or -1 for no return, or -2 for invalid.
impl Serialize for Beam {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_f32(match self {
            Self::Hit(range) => *range,
            Self::NoReturn => -1.0,
            Self::Invalid => -2.0,
        })
    }
}

impl<'de> Deserialize<'de> for Beam {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let raw = f32::deserialize(d)?;
        Ok(if raw >= 0.0 {
            Self::Hit(raw)
        } else if raw > -1.5 {
            Self::NoReturn
        } else {
            Self::Invalid
        })
    }
}

/// One turn of a laser scanner.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LaserScan {
    /// When the first beam was measured.
    pub stamp: Stamp,
    /// The scanner's name in the robot's description (`front`, `rear`).
    pub scanner: String,
    /// Bearing of the first beam in the scanner's frame, radians.
    pub angle_min: f64,
    /// From beam to beam, radians.
    pub angle_increment: f64,
    /// From the first beam's measurement to the last one's, at an even rate. Zero: all at once, as recordings from before
    /// scans told it have it.
    #[serde(default)]
    pub sweep: Duration,
    /// Beams in order of bearing, and of time.
    pub beams: Vec<Beam>,
}

/// Dead reckoning.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Odometry {
    /// When it held.
    pub stamp: Stamp,
    /// Where the base is by dead reckoning.
    pub odom_from_base: Pose2<Odom, Base>,
    /// How the base moves, in its own frame.
    pub velocity: Twist,
}

/// A planar velocity in the base's own frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Twist {
    /// Forward, m/s.
    pub x: f64,
    /// To the left, m/s. Zero on a differential base.
    pub y: f64,
    /// Counter-clockwise, rad/s.
    pub yaw: f64,
}

impl Twist {
    /// Standing still.
    pub const STOP: Self = Self { x: 0.0, y: 0.0, yaw: 0.0 };
}

/// The arm's joints.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JointState {
    /// When it held.
    pub stamp: Stamp,
    /// Angles in the order of the robot's description, radians.
    pub positions: Vec<f64>,
    /// Rates in the same order, rad/s.
    pub velocities: Vec<f64>,
    /// Torques of the drives in the same order, N m, as measured: what holds the arm's own weight is in them. Empty on
    /// a robot that does not measure them.
    #[serde(default)]
    pub efforts: Vec<f64>,
}

/// The wrist's force and torque sensor: what the gripper, with all that it holds or meets, puts on the arm, in the
/// flange's axes about the flange's origin. The gripper's own weight is in it, and a bias that drifts: it is only good
/// for comparing two moments.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Wrench {
    /// When it held: the middle of the span that was averaged.
    pub stamp: Stamp,
    /// Newtons.
    pub force_n: [f64; 3],
    /// Newton metres.
    pub torque_nm: [f64; 3],
}

/// The base's inertial unit, in the base's axes at its origin.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Inertial {
    /// When it held.
    pub stamp: Stamp,
    /// How it turns, rad/s.
    pub rate: [f64; 3],
    /// What an accelerometer feels, m/s^2: standing still, 9.81 upward.
    pub acceleration: [f64; 3],
}

/// The battery, as its own electronics tells it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Battery {
    /// When it held.
    pub stamp: Stamp,
    /// Share of a full charge, from 0 to 1.
    pub charge: f64,
    /// Whether a charger feeds it, also where it is full.
    pub charging: bool,
}

/// The gripper.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct GripperState {
    /// When it held.
    pub stamp: Stamp,
    /// Distance between the finger pads, metres.
    pub opening_m: f64,
    /// Force between pads and what they hold, newtons, as measured by the gripper.
    pub force_n: f64,
}

/// Names one command, so that its outcome can be told apart from an earlier one's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CommandId(pub u64);

/// A point of a joint trajectory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrajectoryPoint {
    /// Since the trajectory's start, seconds, strictly increasing.
    pub time_s: f64,
    /// Radians.
    pub positions: Vec<f64>,
    /// Rad/s.
    pub velocities: Vec<f64>,
}

/// A timed motion of the arm; between points a cubic (Hermite) in position and velocity.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct JointTrajectory {
    /// In order of time; the first at 0 where the arm stands.
    pub points: Vec<TrajectoryPoint>,
}

impl JointTrajectory {
    /// When the last point is due, seconds.
    pub fn duration_s(&self) -> f64 {
        self.points.last().map_or(0.0, |p| p.time_s)
    }

    /// Positions at `time_s` since the start, by cubic Hermite interpolation; the ends hold outside.
    /// Panics on a trajectory without points.
    pub fn sample(&self, time_s: f64) -> Vec<f64> {
        let after = self.points.partition_point(|p| p.time_s <= time_s);
        if after == 0 {
            return self.points[0].positions.clone();
        }
        if after == self.points.len() {
            return self.points[after - 1].positions.clone();
        }
        let (a, b) = (&self.points[after - 1], &self.points[after]);
        let span = b.time_s - a.time_s;
        let u = (time_s - a.time_s) / span;
        let (u2, u3) = (u * u, u * u * u);
        (0..a.positions.len())
            .map(|i| {
                (2.0 * u3 - 3.0 * u2 + 1.0) * a.positions[i]
                    + (u3 - 2.0 * u2 + u) * span * a.velocities[i]
                    + (3.0 * u2 - 2.0 * u3) * b.positions[i]
                    + (u3 - u2) * span * b.velocities[i]
            })
            .collect()
    }
}

/// For how long a drive command holds.
pub const DRIVE_HOLDS: Duration = Duration::from_millis(300);

/// What the robot can be told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum RobotCommand {
    /// Drive so. Holds for [`DRIVE_HOLDS`], after which the base stops by itself.
    Drive(Twist),
    /// Follow this trajectory (control_msgs/FollowJointTrajectory). A running one is replaced.
    MoveArm {
        /// Answered by [`RobotEvent::ArmDone`].
        id: CommandId,
        /// The motion, starting where the arm stands.
        trajectory: JointTrajectory,
    },
    /// Stop the arm where it is, smoothly. Ends a running trajectory with `ok: false`.
    StopArm,
    /// Move the finger pads (control_msgs/GripperCommand).
    Grip {
        /// Answered by [`RobotEvent::GripperDone`].
        id: CommandId,
        /// Distance between the pads to go to, metres.
        opening_m: f64,
        /// Force at which to stop, newtons. Kept up while something is held.
        force_n: f64,
    },
}

/// The last word before the wheels. Whoever holds the wheels asks it at every command and tells it every scan, on a thread of
/// its own, so that a stack that is busy holds up no stop.
pub trait Gate: Send {
    /// Takes dead reckoning.
    fn odometry(&mut self, odometry: &Odometry);
    /// Takes a scan; what the wheels get at once, where what they were told last may not go on.
    fn scan(&mut self, now: Stamp, scan: &LaserScan) -> Option<Twist>;
    /// What of a command reaches the wheels.
    fn command(&mut self, now: Stamp, wanted: Twist) -> Twist;
}

/// What the robot tells.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum RobotEvent {
    /// A laser scanner's turn.
    Scan(LaserScan),
    /// Dead reckoning.
    Odometry(Odometry),
    /// The arm's joints.
    Joints(JointState),
    /// The gripper.
    Gripper(GripperState),
    /// The wrist's force and torque sensor.
    Wrist(Wrench),
    /// The base's inertial unit.
    Inertial(Inertial),
    /// The battery.
    Battery(Battery),
    /// A trajectory has ended.
    ArmDone {
        /// Of the command.
        id: CommandId,
        /// Whether it ended where it should, within tolerance.
        ok: bool,
        /// Words for a person where it did not.
        message: String,
    },
    /// A gripper motion has ended.
    GripperDone {
        /// Of the command.
        id: CommandId,
        /// Distance between the pads where it ended, metres.
        opening_m: f64,
        /// Force where it ended, newtons.
        force_n: f64,
        /// Whether it stopped at the force before it reached the opening: something is between the pads.
        stalled: bool,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beams_keep_what_they_are_over_json() {
        let beams = vec![Beam::Hit(0.0), Beam::Hit(3.125), Beam::NoReturn, Beam::Invalid];
        let text = serde_json::to_string(&beams).unwrap();
        assert_eq!(serde_json::from_str::<Vec<Beam>>(&text).unwrap(), beams);
        assert_eq!(Beam::from_range(f32::NAN, 0.1, 30.0), Beam::Invalid);
        assert_eq!(Beam::from_range(-1.0, 0.1, 30.0), Beam::Invalid);
        assert_eq!(Beam::from_range(f32::INFINITY, 0.1, 30.0), Beam::NoReturn);
    }

    #[test]
    fn a_trajectory_is_followed_through_its_points() {
        let point = |time_s, q, v| TrajectoryPoint { time_s, positions: vec![q], velocities: vec![v] };
        let t = JointTrajectory { points: vec![point(0.0, 0.0, 0.0), point(1.0, 1.0, 0.0)] };
        assert_eq!(t.sample(-1.0), [0.0]);
        assert_eq!(t.sample(0.5), [0.5]);
        assert_eq!(t.sample(2.0), [1.0]);
    }
}
