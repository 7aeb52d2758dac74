//! How the base gets from one look to the next.

use crate::control::{Limits, Miss, along_line, towards, towards_along};
use nalgebra::Isometry2;
use nightshift_core::describe::Dock;
use nightshift_core::robot::Twist;

/// A drive between looks ends within this, by the estimate.
const DRIVEN: Miss = Miss { distance_m: 0.0004, turn_rad: 0.0004 };
/// One with turns at the staging pose ends within this.
const TURNED: Miss = Miss { distance_m: 0.008, turn_rad: 0.006 };
/// From so far aside of its goal's line, and so far turned against it, a base that cannot drive sideways comes onto the
/// line on the way; from farther off it turns towards the goal first.
const ON_LINE: Miss = Miss { distance_m: 0.02, turn_rad: 0.1 };
/// A staging pose is straight before the dock within this.
const STRAIGHT: Miss = Miss { distance_m: 0.02, turn_rad: 0.05 };

/// One drive's way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Way {
    /// Straight to the goal, sideways too.
    Straight,
    /// Ahead or back along the goal's line.
    Line,
    /// Turned towards the goal, there, and turned again.
    Turns,
}

impl Way {
    /// For a goal seen from the base.
    pub fn choose(sideways: bool, base_from_goal: &Isometry2<f64>) -> Self {
        match sideways {
            true => Self::Straight,
            false if on_line(base_from_goal) => Self::Line,
            false => Self::Turns,
        }
    }

    /// The velocity on this way; none once the base is there.
    pub fn twist(self, base_from_goal: &Isometry2<f64>, limits: &Limits) -> Option<Twist> {
        let miss = Miss::of(base_from_goal);
        match self {
            Self::Straight => (!miss.within(&DRIVEN)).then(|| towards(base_from_goal, limits)),
            Self::Line => (!ahead(base_from_goal).within(&DRIVEN))
                .then(|| along_line(base_from_goal, limits, DRIVEN.distance_m)),
            Self::Turns => (!miss.within(&TURNED)).then(|| towards_along(base_from_goal, limits)),
        }
    }
}

/// Whether a base that cannot drive sideways would come onto its goal's line on the way there.
pub fn on_line(base_from_goal: &Isometry2<f64>) -> bool {
    Miss { distance_m: aside_m(base_from_goal), ..Miss::of(base_from_goal) }.within(&ON_LINE)
}

/// How far the goal is along its own line, and turned.
pub fn ahead(base_from_goal: &Isometry2<f64>) -> Miss {
    Miss { distance_m: base_from_goal.inverse().translation.x.abs(), ..Miss::of(base_from_goal) }
}

/// How far the base is aside of its goal's line, metres.
pub fn aside_m(base_from_goal: &Isometry2<f64>) -> f64 {
    base_from_goal.inverse().translation.y.abs()
}

/// How far a dock's staging pose is from straight before it, where that is too far for a base that cannot drive sideways.
pub fn crooked(dock: &Dock) -> Option<Miss> {
    let docked_from_staging = dock.docked.iso.inv_mul(&dock.staging.iso);
    let aside = docked_from_staging.translation.y.abs();
    let miss = Miss { distance_m: aside, ..Miss::of(&docked_from_staging) };
    (!miss.within(&STRAIGHT) || docked_from_staging.translation.x > 0.0).then_some(miss)
}
