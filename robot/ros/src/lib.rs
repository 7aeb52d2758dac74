//! The ROS 2 graph (Jazzy): what a robot, or the simulator in its stead, and the stack say to each other and to
//! planners. The only user of r2r; nothing asynchronous leaks out of it.
//!
//! [`RobotSide`] is the robot as far as the stack can tell; [`StackSide`] is the stack as far as the robot and the
//! planners can tell. Each is a node on a thread of its own. The rest of the process hands outputs in through a
//! bounded channel and takes inputs from an [inbox](inbox::Inbox): sensors keep their latest value there, and what
//! was dropped is counted in [`Health`].
//!
//! | Topic | Type | Quality of service | Why |
//! |---|---|---|---|
//! | `/clock` | rosgraph_msgs/Clock | written reliable, read best effort, last 1 | only the newest time is of use |
//! | `/scan_<scanner>` | sensor_msgs/LaserScan | written reliable, read best effort, last 5 | as REP-2003: any reader can listen, ours never waits for a repeat of old data |
//! | `/odom` | nav_msgs/Odometry | as the scans | the same |
//! | `/joint_states` | sensor_msgs/JointState | as the scans | the same; arm and fingers come in messages of their own; finger effort is the grip force, arm effort the drives' torque |
//! | `/wrist/wrench` | geometry_msgs/WrenchStamped | as the scans | the same; what the gripper puts on the arm, in the flange's frame, untared |
//! | `/battery_state` | sensor_msgs/BatteryState | as the scans | the same; `percentage` and `power_supply_status` are read |
//! | `/imu/data_raw` | sensor_msgs/Imu | as the scans | the same; without orientation; the stack does not read it |
//! | `/camera/color/image_raw`, `/camera/depth/image_raw`, `/camera/color/camera_info` | sensor_msgs/Image, CameraInfo | as the scans | the same; depth is registered to colour, 16UC1 in millimetres, 0 is missing |
//! | `/tf` | tf2_msgs/TFMessage | reliable, last 100 | what tf2 listeners ask for |
//! | `/tf_static`, `/map` | tf2_msgs/TFMessage, nav_msgs/OccupancyGrid | reliable, transient local, last 1 | said once, wanted by those who come later |
//! | `/cmd_vel` | geometry_msgs/Twist | reliable, last 1 | the newest holds, and a stop must arrive; behind a [gate](nightshift_core::robot::Gate) that every scan asks |
//! | `/initialpose` | geometry_msgs/PoseWithCovarianceStamped | reliable, last 1 | a person's word, said once |
//! | `/goal_pose` | geometry_msgs/PoseStamped | reliable, last 1 | as RViz and Nav2: drive there |
//! | `/global_costmap/costmap` | nav_msgs/OccupancyGrid | reliable, transient local, last 1 | as Nav2: what paths are planned on, once a second |
//! | `/local_costmap/costmap` | nav_msgs/OccupancyGrid | reliable, transient local, last 1 | the same within 3 m of the base, twice a second while its place is known; in `map`, as all here |
//! | `/nightshift/changes` | nav_msgs/OccupancyGrid | reliable, transient local, last 1 | what differs from `/map`, looked for every 5 s: 98 is new and 1 is gone, which RViz's colours for costmaps draw red and blue |
//! | `/amcl_pose`, `/plan` | geometry_msgs/PoseWithCovarianceStamped, nav_msgs/Path | reliable, transient local, last 1 | a viewer that comes later sees the latest |
//! | `/nightshift/detections` | vision_msgs/Detection2DArray | reliable, transient local, last 1 | what the pictures show that the stack takes: fiducials (`tag36h11:7`), and with `run --see` vessels and what they hold (`holds:powder`), which are not alternatives |
//! | `/nightshift/overlay` | sensor_msgs/Image, rgb8 | the same | that drawn into the picture |
//! | `/nightshift/depth`, `/nightshift/depth_validity` | sensor_msgs/Image, 32FC1 and mono8 | the same | its depth, NaN where it is not to be trusted (REP-118), and why: 255 measured, 128 not to be trusted, 0 missing |
//! | `/nightshift/notices` | std_msgs/String | reliable, last 50 | words for a person, none lost |
//! | `/nightshift_sim/truth` | std_msgs/String | reliable, last 1 | for judges; each holds everything |
//! | `/nightshift_sim/fault` | std_msgs/String | reliable, last 50 | each counts |
//!
//! Actions of the robot: `/arm_controller/follow_joint_trajectory` (control_msgs/FollowJointTrajectory) and
//! `/gripper_controller/gripper_cmd` (control_msgs/GripperCommand; `position` is the distance between the finger
//! pads in metres, `max_effort` the force at which to stop in newtons). Actions and services of the stack: see
//! `skills/interfaces`. Each station with a handshake is asked by the service `/stations/<station>/handshake`
//! (nightshift_interfaces/Handshake), which its instrument's driver serves, or the simulator.
//!
//! Services of the simulator alone, below `/nightshift_sim`: `pause` (std_srvs/SetBool; true holds it), `step`, `reset`, `snapshot`
//! and `restore` (std_srvs/Trigger; the message has the time and, where the state is set or kept, its hash), and `inject_faults`
//! (rcl_interfaces/SetParameters: each parameter is named `fault` and holds one as text; each result says whether it was
//! taken, and why not). The last has that type because it is the one standard service that takes texts and answers each.

mod actions;
mod clock;
mod convert;
mod error;
pub mod frames;
mod health;
pub mod inbox;
pub mod names;
mod node;
mod qos;
mod robot_side;
mod stack_side;

pub use error::RosError;
pub use health::{Health, TopicHealth};
pub use robot_side::{RobotSide, RobotSideInput, SimRequest};
pub use stack_side::{CostGrid, Localised, Sighted, StackSide, StackSideInput, StackSideOutput, Thing};
