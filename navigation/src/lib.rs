//! Navigation: the map, where the base is in it, how it gets somewhere, and how it docks. Pure.

pub mod changes;
mod control;
mod costmap;
mod distance;
mod dock;
mod drive;
pub mod evaluate;
mod footprint;
mod guard;
pub mod localiser;
pub mod log;
pub mod map;
pub mod mapping;
mod messages;
mod navigator;
mod odometry;
mod people;
mod planner;
mod routes;
mod senses;
mod surface;
#[cfg(test)]
mod test_world;
#[cfg(test)]
mod tests;
pub mod told;
mod zones;

pub use guard::LastWord;
pub use localiser::{Estimate, Localisation, LocalisationState, Localiser, Place};
pub use messages::{NavCommand, NavInput, NavOutput};
pub use navigator::Navigator;

/// The predictive controller, for tools that measure it.
pub mod predictive {
    pub use crate::control::Limits;
    pub use crate::control::mppi::{Field, Mppi, SAMPLES, STEP_S, STEPS, Scene};
    pub use crate::people::Mover;
}

/// The guard, for tools that measure it.
pub mod guarding {
    pub use crate::guard::{Guard, MARGIN_M, Reason, Verdict};
}

/// The planner and what it plans on, for tools that plan without a robot.
pub mod planning {
    pub use crate::costmap::{Costmap, Layer, Snapshot};
    pub use crate::footprint::Footprint;
    pub use crate::planner::{Motion, Obstruction, plan};
    pub use crate::routes::{Route, Way, routes};
}
