//! What a camera sees of glass, liquid, metal and lamps: a ray tracer on the CPU, pure and repeatable.
//!
//! Lengths are metres in the scene's map frame. Light is relative: a white matt surface that fills its sky with
//! radiance 1 shows radiance 1, and the film's exposure turns radiance into pixel values.
//!
//! What is left out: light that a matt surface throws on another is one constant above and one below (`Ambient`), darkened
//! near what stands there; shadows of glass are a formula (no caustics); light does not depend on wave length beyond
//! three colours; a turbid liquid scatters once and is given its colour in bulk. There are no triangle meshes.

mod camera;
mod contact;
mod curve;
mod expose;
mod film;
mod lathe;
mod pattern;
mod random;
mod scene;
mod semiglobal;
mod shape;
mod space;
mod stereo;
pub mod studio;
mod surface;
#[cfg(test)]
mod tests;
mod trace;
mod tree;
pub mod truth;
mod vessel;
pub mod ware;

pub use camera::{BadShot, Exposed, Lens, Motion, Shot};
pub use film::{Film, Focus, Metering};
pub use pattern::{Kind, Pattern};
pub use random::Draws;
pub use scene::{Ambient, Body, Part, Scene};
pub use shape::{Holes, Label, Quad, Ring, Shape};
pub use space::{Place, Ray, V3, v3};
pub use stereo::StereoRig;
pub use surface::{AIR, AMBER, Chart, GLASS, Medium, Paint, Rgb, Surface, WATER, rgb};
pub use trace::{PIECE, Sight};
pub use vessel::{Layer, Level, Piece, Residue, Spot, Stuff, Vessel};
