//! The networks that see vessels, run by ONNX Runtime. The files lie beside this crate, each with its card: `detector.onnx` finds
//! things in a picture, `reader.onnx` reads one vessel. ONNX Runtime is loaded when the first model is (`ORT_DYLIB_PATH`, which
//! `launch/env` sets), so that nothing else of Nightshift needs it.

mod card;
mod eyes;
mod model;

pub use card::Card;
pub use eyes::Eyes;
pub use model::{ModelError, Options, Provider};
