//! What is taken from pictures with the help of OpenCV and rxing: fiducials and the codes on labels.

mod codes;
mod detector;

pub use codes::{Effort, read_codes};
pub use detector::{TagDetector, VisionError};
