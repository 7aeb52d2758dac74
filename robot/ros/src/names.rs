//! Names of nodes, topics, actions and services. What each is, and its quality of service: the crate's table.

/// The robot's node, `/robot`.
pub(crate) const ROBOT_NODE: (&str, &str) = ("", "robot");
/// The stack's node, `/nightshift/stack`.
pub(crate) const STACK_NODE: (&str, &str) = ("nightshift", "stack");

/// Simulated time.
pub const CLOCK: &str = "/clock";
/// Dead reckoning.
pub const ODOMETRY: &str = "/odom";
/// Joints of the arm and of the gripper.
pub const JOINT_STATES: &str = "/joint_states";
/// The wrist's force and torque.
pub const WRENCH: &str = "/wrist/wrench";
/// The base's inertial unit.
pub const IMU: &str = "/imu/data_raw";
/// The battery.
pub const BATTERY: &str = "/battery_state";
/// The colour picture.
pub const COLOR: &str = "/camera/color/image_raw";
/// The depth picture, registered to the colour picture.
pub const DEPTH: &str = "/camera/depth/image_raw";
/// The model of both pictures.
pub const CAMERA_INFO: &str = "/camera/color/camera_info";
/// Transforms that change.
pub const TF: &str = "/tf";
/// Transforms that do not.
pub const TF_STATIC: &str = "/tf_static";
/// Velocity that the base shall have.
pub const CMD_VEL: &str = "/cmd_vel";
/// Where a person says that the robot is.
pub const INITIAL_POSE: &str = "/initialpose";
/// Where a person wants the base to drive.
pub const GOAL_POSE: &str = "/goal_pose";
/// What the base plans on.
pub const COSTMAP: &str = "/global_costmap/costmap";
/// The same about the base.
pub const LOCAL_COSTMAP: &str = "/local_costmap/costmap";
/// What of the room differs from the saved map.
pub const CHANGES: &str = "/nightshift/changes";
/// Where the localiser says that the robot is.
pub const POSE: &str = "/amcl_pose";
/// The way that the base means to take.
pub const PLAN: &str = "/plan";
/// The saved map.
pub const MAP: &str = "/map";
/// Things in the pictures that the stack takes.
pub const DETECTIONS: &str = "/nightshift/detections";
/// Those pictures, with the things drawn in.
pub const OVERLAY: &str = "/nightshift/overlay";
/// Their depth, where it is to be trusted.
pub const TRUSTED_DEPTH: &str = "/nightshift/depth";
/// What their depth is worth.
pub const DEPTH_VALIDITY: &str = "/nightshift/depth_validity";
/// Words for a person.
pub const NOTICES: &str = "/nightshift/notices";
/// The simulator's truth, for judges only.
pub const TRUTH: &str = "/nightshift_sim/truth";
/// Faults that the simulator is to have.
pub const FAULT: &str = "/nightshift_sim/fault";
/// The same with an answer.
pub const INJECT_FAULTS: &str = "/nightshift_sim/inject_faults";
/// The simulator stands still, or goes on.
pub const SIM_PAUSE: &str = "/nightshift_sim/pause";
/// The simulator that stands still goes on by a step.
pub const SIM_STEP: &str = "/nightshift_sim/step";
/// Everything is as at the simulator's start.
pub const SIM_RESET: &str = "/nightshift_sim/reset";
/// The simulator keeps its state.
pub const SIM_SNAPSHOT: &str = "/nightshift_sim/snapshot";
/// Everything is as it was kept.
pub const SIM_RESTORE: &str = "/nightshift_sim/restore";

/// The arm's action.
pub const ARM_ACTION: &str = "/arm_controller/follow_joint_trajectory";
/// The gripper's action.
pub const GRIPPER_ACTION: &str = "/gripper_controller/gripper_cmd";
/// The action that moves samples from any slot to any slot.
pub const TRANSFER_ACTION: &str = "/nightshift/transfer";
/// The action that moves samples into an instrument.
pub const LOAD_ACTION: &str = "/nightshift/load";
/// The action that moves samples out of an instrument.
pub const UNLOAD_ACTION: &str = "/nightshift/unload";
/// Where samples are looked for.
pub const SEARCH_ACTION: &str = "/nightshift/search";
/// The action that charges the battery.
pub const CHARGE_ACTION: &str = "/nightshift/charge";
/// The service that tells about a job.
pub const GET_JOB: &str = "/nightshift/get_job";
/// The service that tells where samples are.
pub const QUERY_LEDGER: &str = "/nightshift/query_ledger";
/// The service that acknowledges a restart.
pub const RESUME: &str = "/nightshift/resume";
/// The service by which a person closes a passage to the base, or opens it.
pub const SET_PASSAGE: &str = "/nightshift/set_passage";
/// The service that ends a job.
pub const CANCEL: &str = "/nightshift/cancel";

/// The service by which a station is asked to get ready and told that the hand is out. Hyphens, which ROS does not
/// take, become underscores.
pub fn handshake(station: &nightshift_core::StationId) -> String {
    format!("/stations/{}/handshake", station.as_str().replace('-', "_"))
}

/// Scans of the scanner of that name.
pub fn scan(scanner: &str) -> String {
    format!("/scan_{scanner}")
}
