//! Flat rooms from a seed, drives through them, and what a laser scanner and wheels would tell of them, with exact truth:
//! logs by the hundred for the localiser and the mapper, where the full simulator would take hours. Pure.
//!
//! It shares no code with what it tests.

mod drive;
mod log;
mod plan;
mod room;
mod way;

pub use drive::{Drive, Step};
pub use plan::Plan;
pub use room::{Room, Shape, Style};
