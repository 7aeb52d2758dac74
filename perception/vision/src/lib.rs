//! Fiducials in pictures: the only user of OpenCV.

mod detector;

pub use detector::{TagDetector, VisionError};
