//! What is made of pictures, on plain arrays: no camera, no file, no OpenCV.

pub mod calibrate;
pub mod code;
pub mod exposure;
pub mod fiducial;
pub mod glass;
pub mod label;
pub mod part;
pub mod score;
pub mod seat;
pub mod surface;
pub mod track;
pub mod vessel;
