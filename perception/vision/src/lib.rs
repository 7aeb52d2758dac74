//! What is taken from pictures with the help of OpenCV, rxing and Tesseract: fiducials, and the codes and the text on labels.

mod codes;
mod detector;
mod labels;

pub use codes::{Effort, read_codes};
pub use detector::{TagDetector, VisionError};
pub use labels::{LabelError, read_labels};
