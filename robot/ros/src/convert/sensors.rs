//! Scans, odometry, joints and the gripper.

use super::{BadMessage, bad, from_pose, from_time, header, stamp_in, to_pose};
use crate::frames;
use nightshift_core::describe::ScannerDescription;
use nightshift_core::frames::Pose;
use nightshift_core::robot::{Beam, GripperState, Inertial, JointState, LaserScan, Odometry, Twist, Wrench};
use r2r::geometry_msgs::msg::{Twist as TwistMsg, Vector3, Wrench as WrenchMsg, WrenchStamped};
use r2r::nav_msgs::msg::Odometry as OdometryMsg;
use r2r::sensor_msgs::msg::{Imu, JointState as JointStateMsg, LaserScan as LaserScanMsg};
use std::time::Duration;

/// A scan of a scanner.
pub fn to_scan(scan: &LaserScan, scanner: &ScannerDescription) -> LaserScanMsg {
    let ranges: Vec<f32> = scan
        .beams
        .iter()
        .map(|beam| match beam {
            Beam::Hit(range) => *range,
            Beam::NoReturn => f32::INFINITY,
            Beam::Invalid => f32::NAN,
        })
        .collect();
    LaserScanMsg {
        header: header(scan.stamp, &frames::laser(&scan.scanner)),
        angle_min: scan.angle_min as f32,
        angle_max: (scan.angle_min + scan.angle_increment * ranges.len().saturating_sub(1) as f64) as f32,
        angle_increment: scan.angle_increment as f32,
        time_increment: (scan.sweep.as_secs_f64() / ranges.len().saturating_sub(1).max(1) as f64) as f32,
        scan_time: (1.0 / scanner.rate_hz) as f32,
        range_min: scanner.range_min_m as f32,
        range_max: scanner.range_max_m as f32,
        ranges,
        intensities: Vec::new(),
    }
}

/// A scan of the scanner of that name. Where it does not say how long its beams took, `sweep` is taken: many drivers
/// leave it out.
pub fn from_scan(message: &LaserScanMsg, scanner: &str, sweep: Duration) -> Result<LaserScan, BadMessage> {
    let stamp = stamp_in(&message.header, &frames::laser(scanner))?;
    let (min, max) = (message.range_min, message.range_max);
    if !(min.is_finite() && max.is_finite() && min >= 0.0 && max > min) {
        return bad(format!("range_min {min} and range_max {max} are no range"));
    }
    if !message.angle_min.is_finite()
        || !message.angle_increment.is_finite()
        || message.angle_increment == 0.0
    {
        return bad(format!(
            "angle_min {} and angle_increment {} are no bearings",
            message.angle_min, message.angle_increment
        ));
    }
    if message.ranges.len() < 2 {
        return bad(format!("{} ranges; a scan has two or more", message.ranges.len()));
    }
    let told_s = f64::from(message.time_increment) * (message.ranges.len() - 1) as f64;
    // NaN is neither.
    if !(0.0..=1.0).contains(&told_s) {
        return bad(format!(
            "time_increment {} s over {} ranges is no time from 0 to 1 s from the first beam to the last",
            message.time_increment,
            message.ranges.len()
        ));
    }
    let sweep = if told_s > 0.0 { Duration::from_secs_f64(told_s) } else { sweep };
    Ok(LaserScan {
        stamp,
        scanner: scanner.to_owned(),
        angle_min: f64::from(message.angle_min),
        angle_increment: f64::from(message.angle_increment),
        sweep,
        beams: message.ranges.iter().map(|range| Beam::from_range(*range, min, max)).collect(),
    })
}

/// A planar velocity.
pub fn to_twist(twist: &Twist) -> TwistMsg {
    TwistMsg {
        linear: Vector3 { x: twist.x, y: twist.y, z: 0.0 },
        angular: Vector3 { x: 0.0, y: 0.0, z: twist.yaw },
    }
}

/// A planar velocity; what is not planar in it is left out.
pub fn from_twist(message: &TwistMsg) -> Result<Twist, BadMessage> {
    let twist = Twist { x: message.linear.x, y: message.linear.y, yaw: message.angular.z };
    if [twist.x, twist.y, twist.yaw].iter().all(|v| v.is_finite()) {
        Ok(twist)
    } else {
        bad(format!("the velocity ({}, {}, {}) is not finite", twist.x, twist.y, twist.yaw))
    }
}

/// Dead reckoning. Its covariance is not told: zeros.
pub fn to_odometry(odometry: &Odometry) -> OdometryMsg {
    let mut message = OdometryMsg {
        header: header(odometry.stamp, frames::ODOM),
        child_frame_id: frames::BASE.to_owned(),
        ..OdometryMsg::default()
    };
    message.pose.pose = to_pose(&odometry.odom_from_base.spatial().iso);
    message.twist.twist = to_twist(&odometry.velocity);
    message
}

/// Dead reckoning.
pub fn from_odometry(message: &OdometryMsg) -> Result<Odometry, BadMessage> {
    let stamp = stamp_in(&message.header, frames::ODOM)?;
    if message.child_frame_id != frames::BASE {
        return bad(format!("child_frame_id is {:?}; expected {:?}", message.child_frame_id, frames::BASE));
    }
    Ok(Odometry {
        stamp,
        odom_from_base: Pose::new(from_pose(&message.pose.pose)?).planar(),
        velocity: from_twist(&message.twist.twist)?,
    })
}

/// The arm's joints, `names` in the order of the description.
pub fn to_arm_state(state: &JointState, names: &[String]) -> Result<JointStateMsg, BadMessage> {
    if state.positions.len() != names.len() || state.velocities.len() != names.len() {
        return bad(format!(
            "{} positions and {} velocities for {} joints",
            state.positions.len(),
            state.velocities.len(),
            names.len()
        ));
    }
    Ok(JointStateMsg {
        header: header(state.stamp, ""),
        name: names.to_vec(),
        position: state.positions.clone(),
        velocity: state.velocities.clone(),
        effort: state.efforts.clone(),
    })
}

/// The wrist's force and torque, in the frame of the link `flange`.
pub fn to_wrench(wrench: &Wrench, flange: &str) -> WrenchStamped {
    let vector = |[x, y, z]: [f64; 3]| Vector3 { x, y, z };
    WrenchStamped {
        header: header(wrench.stamp, flange),
        wrench: WrenchMsg { force: vector(wrench.force_n), torque: vector(wrench.torque_nm) },
    }
}

/// The wrist's force and torque, where they are told in the frame of the link `flange`.
pub fn from_wrench(message: &WrenchStamped, flange: &str) -> Result<Wrench, BadMessage> {
    let stamp = stamp_in(&message.header, flange)?;
    let vector = |v: &Vector3| [v.x, v.y, v.z];
    let (force_n, torque_nm) = (vector(&message.wrench.force), vector(&message.wrench.torque));
    if force_n.iter().chain(&torque_nm).any(|v| !v.is_finite()) {
        return bad(format!("the wrench {force_n:?} N, {torque_nm:?} N m is not finite"));
    }
    Ok(Wrench { stamp, force_n, torque_nm })
}

/// The base's inertial unit. It has no idea of its own of how it is turned: REP-145 has -1 for that.
pub fn to_imu(inertial: &Inertial) -> Imu {
    let vector = |[x, y, z]: [f64; 3]| Vector3 { x, y, z };
    let mut message = Imu { header: header(inertial.stamp, frames::BASE), ..Imu::default() };
    message.angular_velocity = vector(inertial.rate);
    message.linear_acceleration = vector(inertial.acceleration);
    message.orientation_covariance[0] = -1.0;
    message
}

/// The fingers, each half the opening out, each with the grip force.
pub fn to_finger_state(state: &GripperState, names: &[String; 2]) -> JointStateMsg {
    JointStateMsg {
        header: header(state.stamp, ""),
        name: names.to_vec(),
        position: vec![state.opening_m / 2.0; 2],
        velocity: Vec::new(),
        effort: vec![state.force_n; 2],
    }
}

/// What a joint state message says about the arm; none where it names none of its joints.
pub fn from_arm_state(message: &JointStateMsg, names: &[String]) -> Result<Option<JointState>, BadMessage> {
    let Some(places) = places(message, names)? else { return Ok(None) };
    Ok(Some(JointState {
        stamp: from_time(&message.header.stamp)?,
        positions: pick(&message.position, &places, message, "positions")?,
        velocities: pick(&message.velocity, &places, message, "velocities")?,
        efforts: match message.effort.is_empty() {
            true => Vec::new(),
            false => pick(&message.effort, &places, message, "efforts")?,
        },
    }))
}

/// What a joint state message says about the fingers; none where it names none of them. The opening is the sum of
/// their positions, the force the mean of their efforts.
pub fn from_finger_state(
    message: &JointStateMsg,
    names: &[String; 2],
) -> Result<Option<GripperState>, BadMessage> {
    let Some(places) = places(message, names)? else { return Ok(None) };
    let positions = pick(&message.position, &places, message, "positions")?;
    let efforts = pick(&message.effort, &places, message, "efforts")?;
    Ok(Some(GripperState {
        stamp: from_time(&message.header.stamp)?,
        opening_m: positions.iter().sum(),
        force_n: efforts.iter().map(|effort| effort.abs()).sum::<f64>() / 2.0,
    }))
}

fn places(message: &JointStateMsg, names: &[String]) -> Result<Option<Vec<usize>>, BadMessage> {
    let places: Vec<Option<usize>> =
        names.iter().map(|name| message.name.iter().position(|other| other == name)).collect();
    if places.iter().all(Option::is_none) {
        return Ok(None);
    }
    match places.iter().position(Option::is_none) {
        Some(missing) => bad(format!("joint {} is missing beside its fellows", names[missing])),
        None => Ok(Some(places.into_iter().flatten().collect())),
    }
}

fn pick(
    values: &[f64],
    places: &[usize],
    message: &JointStateMsg,
    what: &str,
) -> Result<Vec<f64>, BadMessage> {
    if values.len() != message.name.len() {
        return bad(format!("{} {what} for {} joints", values.len(), message.name.len()));
    }
    match places.iter().find(|place| !values[**place].is_finite()) {
        Some(place) => bad(format!("{what}: {} of {} is not finite", values[*place], message.name[*place])),
        None => Ok(places.iter().map(|place| values[*place]).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nightshift_core::{Pose2, Stamp};
    use proptest::prelude::*;

    fn scanner() -> ScannerDescription {
        ScannerDescription {
            pose: Pose::identity(),
            angle_min_deg: -135.0,
            angle_max_deg: 135.0,
            beams: 3,
            range_min_m: 0.05,
            range_max_m: 25.0,
            rate_hz: 12.5,
            sweep_s: 0.0,
        }
    }

    fn scan() -> LaserScan {
        LaserScan {
            stamp: Stamp(1_500_000_000),
            scanner: "front".to_owned(),
            angle_min: -1.5,
            angle_increment: 0.25,
            sweep: Duration::from_millis(500),
            beams: vec![Beam::Hit(3.25), Beam::NoReturn, Beam::Invalid],
        }
    }

    #[test]
    fn a_scan_comes_back_with_its_doubts() {
        let message = to_scan(&scan(), &scanner());
        assert_eq!((message.header.frame_id.as_str(), message.angle_max), ("laser_front", -1.0));
        assert_eq!((message.time_increment, message.scan_time), (0.25, 0.08));
        assert_eq!(from_scan(&message, "front", Duration::ZERO), Ok(scan()));
    }

    #[test]
    fn a_driver_that_leaves_a_turns_time_out_gets_the_described_one() {
        let message = LaserScanMsg { time_increment: 0.0, ..to_scan(&scan(), &scanner()) };
        let described = Duration::from_millis(30);
        assert_eq!(from_scan(&message, "front", described).map(|scan| scan.sweep), Ok(described));
        let message = to_scan(&scan(), &scanner());
        assert_eq!(from_scan(&message, "front", described).map(|scan| scan.sweep), Ok(scan().sweep));
    }

    #[test]
    fn a_malformed_scan_is_refused_in_words() {
        let refused = |change: fn(&mut LaserScanMsg)| {
            let mut message = to_scan(&scan(), &scanner());
            change(&mut message);
            from_scan(&message, "front", Duration::ZERO).unwrap_err().0
        };
        assert!(refused(|m| m.ranges.clear()).contains("0 ranges"));
        assert!(refused(|m| m.angle_increment = 0.0).contains("no bearings"));
        assert!(refused(|m| m.angle_min = f32::NAN).contains("no bearings"));
        assert!(refused(|m| m.range_max = f32::INFINITY).contains("no range"));
        for time_increment in [f32::NAN, f32::INFINITY, -1e-4, 0.51] {
            let mut message = to_scan(&scan(), &scanner());
            message.time_increment = time_increment;
            let refusal = from_scan(&message, "front", Duration::ZERO).unwrap_err().0;
            assert!(refusal.contains("from 0 to 1 s"), "{time_increment}: {refusal}");
        }
        assert!(refused(|m| m.header.frame_id = "laser".into()).contains("laser_front"));
        assert!(refused(|m| m.header.stamp.sec = -4).contains("-4 s"));
    }

    #[test]
    fn odometry_of_another_frame_is_refused() {
        let odometry = Odometry {
            stamp: Stamp(7),
            odom_from_base: Pose2::new(1.0, 2.0, 0.5),
            velocity: Twist { x: 0.1, y: -0.2, yaw: 0.3 },
        };
        let mut message = to_odometry(&odometry);
        message.child_frame_id = "base_footprint".to_owned();
        assert!(from_odometry(&message).is_err());
        message = to_odometry(&odometry);
        message.twist.twist.angular.z = f64::NAN;
        assert!(from_odometry(&message).is_err());
    }

    fn names(prefix: &str, count: usize) -> Vec<String> {
        (1..=count).map(|i| format!("{prefix}_{i}")).collect()
    }

    #[test]
    fn joints_are_found_by_name_whatever_their_order() {
        let arm = names("joint", 3);
        let state = JointState {
            stamp: Stamp(9),
            positions: vec![0.1, 0.2, 0.3],
            velocities: vec![1.0, 2.0, 3.0],
            efforts: vec![4.0, 5.0, 6.0],
        };
        let mut message = to_arm_state(&state, &arm).unwrap();
        message.name.reverse();
        message.position.reverse();
        message.velocity.reverse();
        message.effort.reverse();
        assert_eq!(from_arm_state(&message, &arm), Ok(Some(state.clone())));
        let fingers = ["left".to_owned(), "right".to_owned()];
        assert_eq!(from_finger_state(&message, &fingers), Ok(None));

        message.velocity.pop();
        assert!(from_arm_state(&message, &arm).unwrap_err().0.contains("2 velocities for 3 joints"));
        let mut message = to_arm_state(&state, &arm).unwrap();
        message.position[1] = f64::NAN;
        assert!(from_arm_state(&message, &arm).unwrap_err().0.contains("joint_2"));
        message.name[1] = "other".to_owned();
        assert!(from_arm_state(&message, &arm).unwrap_err().0.contains("joint_2 is missing"));
        assert!(to_arm_state(&state, &names("joint", 4)).is_err());
    }

    #[test]
    fn a_wrench_comes_back_and_one_of_another_frame_or_without_a_number_is_refused() {
        let wrench = Wrench { stamp: Stamp(9), force_n: [0.1, 0.2, 12.0], torque_nm: [0.3, 0.4, 0.5] };
        let mut message = to_wrench(&wrench, "flange");
        assert_eq!(from_wrench(&message, "flange"), Ok(wrench));
        assert!(from_wrench(&message, "tool0").unwrap_err().0.contains("tool0"));
        message.wrench.force.y = f64::NAN;
        assert!(from_wrench(&message, "flange").unwrap_err().0.contains("not finite"));
    }

    #[test]
    fn an_inertial_unit_says_that_it_does_not_know_how_it_is_turned() {
        let inertial = Inertial { stamp: Stamp(9), rate: [0.0, 0.0, 0.5], acceleration: [0.1, 0.0, 9.81] };
        let message = to_imu(&inertial);
        assert_eq!((message.angular_velocity.z, message.linear_acceleration.z), (0.5, 9.81));
        assert_eq!(
            (message.orientation_covariance[0], message.header.frame_id.as_str()),
            (-1.0, frames::BASE)
        );
    }

    #[test]
    fn opening_and_force_come_back_from_the_fingers() {
        let fingers = ["left".to_owned(), "right".to_owned()];
        let state = GripperState { stamp: Stamp(9), opening_m: 0.028, force_n: 12.0 };
        assert_eq!(from_finger_state(&to_finger_state(&state, &fingers), &fingers), Ok(Some(state)));
    }

    proptest! {
        #[test]
        fn odometry_comes_back(x in -50.0f64..50.0, y in -50.0f64..50.0, yaw in -3.1f64..3.1) {
            let odometry = Odometry {
                stamp: Stamp(7),
                odom_from_base: Pose2::new(x, y, yaw),
                velocity: Twist { x, y, yaw },
            };
            let back = from_odometry(&to_odometry(&odometry)).unwrap();
            prop_assert!(back.odom_from_base.distance(&odometry.odom_from_base) < 1e-12);
            prop_assert!(back.odom_from_base.turn_to(&odometry.odom_from_base).abs() < 1e-12);
            prop_assert_eq!(back.velocity, odometry.velocity);
        }
    }
}
