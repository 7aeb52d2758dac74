//! Pictures as plain arrays, and the pinhole model that they were taken with.

use serde::{Deserialize, Serialize};

/// A row-major picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Image<T> {
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// `width * height` pixels, row by row from the top left.
    pub pixels: Vec<T>,
}

impl<T: Clone> Image<T> {
    /// A picture of one value.
    pub fn filled(width: usize, height: usize, value: T) -> Self {
        Self { width, height, pixels: vec![value; width * height] }
    }
}

impl<T> Image<T> {
    /// The pixel in column `x` and row `y`. Panics outside.
    pub fn at(&self, x: usize, y: usize) -> &T {
        assert!(x < self.width && y < self.height, "pixel ({x}, {y}) outside");
        &self.pixels[y * self.width + x]
    }
}

/// A depth pixel. Never 0.0 and never NaN: what is not known says so.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Depth {
    /// Metres along the optical axis.
    Measured(f32),
    /// The sensor gave nothing.
    Missing,
    /// The sensor gave a value (metres) that must not be used: glass, metal, an edge.
    Untrusted(f32),
}

/// A pinhole camera without distortion (pixels; the centre of the top left pixel is (0, 0)).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Intrinsics {
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Focal length in x.
    pub fx: f64,
    /// Focal length in y.
    pub fy: f64,
    /// Principal point, x.
    pub cx: f64,
    /// Principal point, y.
    pub cy: f64,
}

/// One exposure of a colour-and-depth camera.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// When the shutter was open.
    pub stamp: crate::Stamp,
    /// The model of both pictures.
    pub intrinsics: Intrinsics,
    /// Red, green, blue.
    pub color: Image<[u8; 3]>,
    /// Depth, registered to the colour picture. Empty where the camera has none.
    pub depth: Image<Depth>,
}
