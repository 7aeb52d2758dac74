//! What a camera sees of glass, liquid, metal and lamps: a ray tracer on the CPU, pure and repeatable.
//!
//! Lengths are metres in the scene's map frame. Light is relative: a white matt surface that fills its sky with
//! radiance 1 shows radiance 1, and the camera's exposure turns radiance into pixel values.
//!
//! What is left out: light that a matt surface throws on another is one constant (given to `Scene::new`), shadows of
//! glass are straight (no caustics), light does not depend on wave length beyond three colours, and nothing scatters
//! inside a liquid. There are no triangle meshes.

mod camera;
mod random;
mod scene;
mod shape;
mod surface;
#[cfg(test)]
mod tests;
mod trace;
mod ware;

pub use camera::{BadShot, Pixel, Shot};
pub use scene::{Body, Part, Scene};
pub use shape::{Hole, Quad, Ring, Shape};
pub use surface::{AIR, Chart, GLASS, Medium, Paint, Rgb, Surface, WATER, amber};
pub use ware::{BadWare, Content, Vial, rack};
