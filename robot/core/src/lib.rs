//! The ground floor of Nightshift: what every other crate shares, and nothing that touches the outside.
//!
//! No clock, no socket, no file, no global random source. Lengths in metres, angles in radians, times in
//! seconds or [`time::Stamp`]s, forces in newtons; frames follow REP-103 (x forward, y left, z up) and REP-105
//! (`map`, `odom`, `base_link`).

mod any_number;
pub mod api;
pub mod component;
pub mod describe;
pub mod failure;
pub mod frames;
pub mod grid;
pub mod handshake;
pub mod ids;
pub mod image;
pub mod lockstep;
pub mod random;
pub mod record;
pub mod robot;
pub mod time;

pub use component::{Component, Outbox};
pub use failure::{Code, Failure, Level};
pub use frames::{Pose, Pose2};
pub use ids::{Address, JobId, LabwareType, NestId, PartId, SampleId, SlotId, StateId, StationId};
pub use time::Stamp;
