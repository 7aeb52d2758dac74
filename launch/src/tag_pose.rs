//! Where fiducials stand, for `nightshift see`.

use nightshift_core::frames::{Pose, Tag};
use nightshift_core::image::Intrinsics;
use nightshift_perception::fiducial::{PlacedTag, TagSight, estimate_pose_of};
use serde::Serialize;

/// A tag in a picture, and where it stands.
#[derive(Serialize)]
pub struct SeenTag {
    /// What was seen.
    #[serde(flatten)]
    pub sight: TagSight,
    /// Where it stands, with --tag-size.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pose: Option<TagPose>,
    /// Why it has no pose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_pose: Option<String>,
}

/// `camera_from_tag`, in the camera's optical frame; the tag's x is to its right, y up, z out of it.
#[derive(Serialize)]
pub struct TagPose {
    xyz_m: [f64; 3],
    quaternion_xyzw: [f64; 4],
    /// Of x, y, z (metres) and of a small rotation vector (radians), along the camera's axes.
    covariance: [[f64; 6]; 6],
    /// Root of the mean squared distance between seen and expected corners.
    rms_px: f64,
    /// Another pose explains the picture almost as well.
    ambiguous: bool,
}

impl SeenTag {
    /// Without a size and a camera it has no pose.
    pub fn new(sight: TagSight, size_m: Option<f64>, camera: Option<&Intrinsics>) -> Self {
        let (Some(size_m), Some(camera)) = (size_m, camera) else {
            return Self { sight, pose: None, no_pose: None };
        };
        let board = [PlacedTag::<Tag> { id: sight.id, size_m, pose: Pose::identity() }];
        match estimate_pose_of(sight.family, std::slice::from_ref(&sight), &board, camera) {
            Ok(told) => {
                let iso = told.camera_from_board.iso;
                let entry = |row: usize| std::array::from_fn(|column| told.covariance[(row, column)]);
                let pose = TagPose {
                    xyz_m: iso.translation.vector.into(),
                    quaternion_xyzw: iso.rotation.coords.into(),
                    covariance: std::array::from_fn(entry),
                    rms_px: told.rms_px,
                    ambiguous: told.ambiguous,
                };
                Self { sight, pose: Some(pose), no_pose: None }
            }
            Err(error) => Self { sight, pose: None, no_pose: Some(error.to_string()) },
        }
    }
}
