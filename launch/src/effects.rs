//! What the stack asks of the outside: pictures and plans. The same code runs in lockstep and live.

use image::ImageEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use nightshift_core::describe::Robot;
use nightshift_core::image::Frame;
use nightshift_core::robot::JointTrajectory;
use nightshift_core::{Code, Failure, Stamp};
use nightshift_motion::{Arm, PlanRequest};
use nightshift_perception::surface;
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

/// Pictures by their content's hash, in a folder.
pub struct Album(PathBuf);

/// A picture's file.
pub struct Kept {
    /// Hex digits of the file's SHA-256.
    pub sha256: String,
    /// Relative to the run's folder.
    pub path: String,
}

impl Album {
    /// In this folder, which is made if need be.
    pub fn at(folder: &Path) -> Result<Self, Failure> {
        fs::create_dir_all(folder).map_err(|e| {
            let what = format!("the picture folder {} cannot be made: {e}", folder.display());
            Failure::new(Code::StoreUnavailable, what)
        })?;
        Ok(Self(folder.to_owned()))
    }

    /// Writes a picture's file; what it is called is told where that failed too.
    pub fn keep(&self, frame: &Frame) -> (Kept, Result<(), Failure>) {
        let (kept, png) = developed(frame);
        let written = fs::write(self.0.join(format!("{}.png", kept.sha256)), &png)
            .map_err(|e| Failure::new(Code::StoreUnavailable, format!("evidence cannot be kept: {e}")));
        (kept, written)
    }
}

fn developed(frame: &Frame) -> (Kept, Vec<u8>) {
    let png = encode(frame);
    let sha256 = hex(&Sha256::digest(&png));
    (Kept { path: format!("pictures/{sha256}.png"), sha256 }, png)
}

/// Reads pictures and keeps them by their content's hash.
pub struct Eye {
    detector: TagDetector,
    album: Option<Album>,
}

impl Eye {
    /// Keeps pictures in `album`; without one they are read, hashed and dropped.
    pub fn new(album: Option<&Path>) -> Result<Self, Failure> {
        let album = album.map(Album::at).transpose()?;
        let detector = TagDetector::new().map_err(|e| Failure::new(Code::UnreadableCode, e.to_string()))?;
        Ok(Self { detector, album })
    }

    /// Reads one picture.
    pub fn look(&mut self, frame: &Frame) -> Look {
        let tags = self
            .detector
            .detect(&frame.color)
            .map_err(|e| Failure::new(Code::UnreadableCode, format!("the picture cannot be read: {e}")));
        let (Kept { sha256, path }, kept) = match &self.album {
            Some(album) => album.keep(frame),
            None => (developed(frame).0, Ok(())),
        };
        let (ok, tags) = match kept.and(tags) {
            Ok(tags) => (Ok(()), tags),
            Err(failure) => (Err(failure), Vec::new()),
        };
        let surface_m = surface::points(&frame.depth, &frame.intrinsics);
        Look { stamp: frame.stamp, ok, tags, surface_m, sha256, path }
    }

    /// What is said when no picture came.
    pub fn blind(stamp: Stamp, why: &str) -> Look {
        let ok = Err(Failure::new(Code::SensorStale, why));
        Look {
            stamp,
            ok,
            tags: Vec::new(),
            surface_m: Vec::new(),
            sha256: String::new(),
            path: String::new(),
        }
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
