//! The one table of frame-id strings (REP-105). Links of the robot go by their names in its URDF.

/// [`nightshift_core::frames::Map`].
pub const MAP: &str = "map";
/// [`nightshift_core::frames::Odom`].
pub const ODOM: &str = "odom";
/// [`nightshift_core::frames::Base`]: the URDF's root link.
pub const BASE: &str = "base_link";
/// [`nightshift_core::frames::Camera`].
pub const CAMERA: &str = "camera_color_optical_frame";

/// [`nightshift_core::frames::Laser`] of the scanner of that name.
pub fn laser(scanner: &str) -> String {
    format!("laser_{scanner}")
}
