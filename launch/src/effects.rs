//! What the stack asks of the outside: pictures and plans. The same code runs in lockstep and live.

use image::ImageEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use nightshift_core::describe::Robot;
use nightshift_core::image::Frame;
use nightshift_core::robot::JointTrajectory;
use nightshift_core::{Code, Failure, Stamp};
use nightshift_motion::{Arm, PlanRequest};
use nightshift_skills::Look;
use nightshift_vision::TagDetector;
use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Path, PathBuf};

/// Plans motions of one arm.
pub struct Planner {
    arm: Arm,
}

impl Planner {
    /// For this robot.
    pub fn new(robot: &Robot) -> Result<Self, Failure> {
        Ok(Self { arm: Arm::new(robot)? })
    }

    /// The motion asked for, or why there is none.
    pub fn plan(&self, request: &PlanRequest) -> Result<JointTrajectory, Failure> {
        nightshift_motion::plan(&self.arm, request)
    }
}

/// Reads pictures and keeps them by their content's hash.
pub struct Eye {
    detector: TagDetector,
    album: Option<PathBuf>,
}

impl Eye {
    /// Keeps pictures in `album`; without one they are read, hashed and dropped.
    pub fn new(album: Option<&Path>) -> Result<Self, Failure> {
        let broken = |what: String| Failure::new(Code::StoreUnavailable, what);
        if let Some(folder) = album {
            fs::create_dir_all(folder).map_err(|e| {
                broken(format!("the picture folder {} cannot be made: {e}", folder.display()))
            })?;
        }
        let detector = TagDetector::new().map_err(|e| Failure::new(Code::UnreadableCode, e.to_string()))?;
        Ok(Self { detector, album: album.map(Path::to_owned) })
    }

    /// Reads one picture.
    pub fn look(&mut self, frame: &Frame) -> Look {
        let tags = self
            .detector
            .detect(&frame.color)
            .map_err(|e| Failure::new(Code::UnreadableCode, format!("the picture cannot be read: {e}")));
        let png = encode(frame);
        let sha256 = hex(&Sha256::digest(&png));
        let path = format!("pictures/{sha256}.png");
        let kept = match &self.album {
            Some(folder) => fs::write(folder.join(format!("{sha256}.png")), &png)
                .map_err(|e| Failure::new(Code::StoreUnavailable, format!("evidence cannot be kept: {e}"))),
            None => Ok(()),
        };
        let (ok, tags) = match kept.and(tags) {
            Ok(tags) => (Ok(()), tags),
            Err(failure) => (Err(failure), Vec::new()),
        };
        Look { stamp: frame.stamp, ok, tags, sha256, path }
    }

    /// What is said when no picture came.
    pub fn blind(stamp: Stamp, why: &str) -> Look {
        let ok = Err(Failure::new(Code::SensorStale, why));
        Look { stamp, ok, tags: Vec::new(), sha256: String::new(), path: String::new() }
    }
}

fn encode(frame: &Frame) -> Vec<u8> {
    let (width, height) = (frame.color.width as u32, frame.color.height as u32);
    let mut png = Vec::new();
    PngEncoder::new_with_quality(&mut png, CompressionType::Fast, FilterType::Sub)
        .write_image(frame.color.pixels.as_flattened(), width, height, image::ExtendedColorType::Rgb8)
        .expect("a whole picture encodes into memory");
    png
}

/// Bytes as lower-case hex digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
