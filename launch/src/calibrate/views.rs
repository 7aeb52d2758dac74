//! Pictures for a calibration, as files have them: a JSON array, one object a picture.

use super::{flange, read};
use crate::photo;
use nalgebra::{Isometry3, Quaternion, UnitQuaternion};
use nightshift_core::frames::{Base, Flange, Pose};
use nightshift_core::image::Intrinsics;
use nightshift_motion::Arm;
use nightshift_perception::calibrate::HandView;
use nightshift_perception::fiducial::TagSight;
use nightshift_vision::TagDetector;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The file in a folder of pictures.
pub const FILE: &str = "views.json";

/// One picture: where the hand was, and what was seen.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct View {
    /// The arm's joints, radians, in robot.toml's order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub joints: Option<Vec<f64>>,
    /// In their stead, where the flange was in the base's frame, as the arm's own controller tells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flange: Option<FlangePose>,
    /// A picture, beside the file where its path is relative.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub picture: Option<PathBuf>,
    /// In its stead, the fiducials that were found in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sights: Option<Vec<TagSight>>,
}

/// Metres, and a unit quaternion in ROS' order.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlangePose {
    xyz: [f64; 3],
    xyzw: [f64; 4],
}

impl FlangePose {
    fn pose(&self) -> Result<Pose<Base, Flange>, String> {
        let ([x, y, z], [i, j, k, w]) = (self.xyz, self.xyzw);
        let turn = Quaternion::new(w, i, j, k);
        // NaN is neither.
        if !(turn.norm() > 0.99 && turn.norm() < 1.01) || self.xyz.iter().any(|v| !v.is_finite()) {
            return Err("its flange is no pose: xyz in metres, xyzw a quaternion of length 1".to_owned());
        }
        let turn = UnitQuaternion::from_quaternion(turn);
        Ok(Pose::new(Isometry3::from_parts([x, y, z].into(), turn)))
    }
}

/// Those of a file, or of a folder's [`FILE`].
pub fn load(path: &Path, arm: &Arm, lens: &Intrinsics) -> Result<Vec<HandView>, String> {
    let file = if path.is_dir() { path.join(FILE) } else { path.to_owned() };
    let views: Vec<View> = read(&file)?;
    let folder = file.parent().unwrap_or(Path::new("."));
    let mut detector = TagDetector::new().map_err(|e| e.to_string())?;
    let hand = |(index, view): (usize, &View)| {
        hand(view, arm, lens, folder, &mut detector)
            .map_err(|why| format!("{}: entry {index} (counted from 0): {why}", file.display()))
    };
    views.iter().enumerate().map(hand).collect()
}

fn hand(
    view: &View,
    arm: &Arm,
    lens: &Intrinsics,
    folder: &Path,
    detector: &mut TagDetector,
) -> Result<HandView, String> {
    let base_from_flange = match (&view.joints, &view.flange) {
        (Some(joints), None) => flange(arm, joints)?,
        (None, Some(pose)) => pose.pose()?,
        _ => return Err("it needs `joints` or `flange`, one of them".to_owned()),
    };
    let sights = match (&view.picture, &view.sights) {
        (None, Some(sights)) => sights.clone(),
        (Some(picture), None) => {
            let path = folder.join(picture);
            let pixels = photo::read(&path)?;
            if [pixels.width, pixels.height] != [lens.width, lens.height] {
                let (width, height) = (pixels.width, pixels.height);
                return Err(format!(
                    "{} has {width} x {height} pixels, robot.toml's camera.intrinsics {} x {}",
                    path.display(),
                    lens.width,
                    lens.height
                ));
            }
            detector.detect(&pixels).map_err(|e| format!("{}: {e}", path.display()))?
        }
        _ => return Err("it needs `picture` or `sights`, one of them".to_owned()),
    };
    Ok(HandView { base_from_flange, sights })
}
