//! Poses on their way to the viewer, and where the robot's links are.

use nalgebra::{Isometry3, Point3};
use nightshift_core::describe::Robot;
use rerun::{Quaternion, Transform3D};
use std::collections::BTreeMap;

/// A pose as the viewer takes it.
pub fn transform(iso: &Isometry3<f64>) -> Transform3D {
    Transform3D::from_translation_rotation(translation(iso), quaternion(iso))
}

/// Its position.
pub fn translation(iso: &Isometry3<f64>) -> [f32; 3] {
    point(&Point3::from(iso.translation.vector))
}

/// Its rotation.
pub fn quaternion(iso: &Isometry3<f64>) -> Quaternion {
    let q = iso.rotation.coords;
    Quaternion::from_xyzw([q.x, q.y, q.z, q.w].map(|v| v as f32))
}

/// A point as the viewer takes it.
pub fn point(point: &Point3<f64>) -> [f32; 3] {
    [point.x, point.y, point.z].map(|v| v as f32)
}

/// The frame of every link in the base's, with the arm's joints at `arm` (radians, in the description's order) and
/// the finger pads `opening_m` apart. Joints of which nothing is told stand at zero.
pub fn base_from_links(robot: &Robot, arm: &[f64], opening_m: f64) -> BTreeMap<String, Isometry3<f64>> {
    let fingers = robot.gripper.joints.iter().map(|name| (name, opening_m / 2.0));
    let told: BTreeMap<&String, f64> =
        robot.arm.joints.iter().zip(arm.iter().copied()).chain(fingers).collect();
    let mut links = BTreeMap::from([(robot.model.root.clone(), Isometry3::identity())]);
    // Parents come before children.
    for joint in &robot.model.joints {
        if let Some(base_from_parent) = links.get(&joint.parent) {
            let position = told.get(&joint.name).copied().unwrap_or(0.0);
            let base_from_child = base_from_parent * joint.parent_from_child_at(position);
            links.insert(joint.child.clone(), base_from_child);
        }
    }
    links
}
