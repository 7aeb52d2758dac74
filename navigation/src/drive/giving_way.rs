//! Going back from who stands in the way: they may have nowhere else to go.

use super::{CHECKED_MARGIN_M, Drive, Now, Phase};
use crate::control::{Limits, Miss, towards, towards_along};
use crate::planner::plan;
use nalgebra::Isometry2;
use nightshift_core::robot::Twist;
use nightshift_core::time::Stamp;

/// It gives way before the way counts as blocked: after so long without getting on (the second time twice so long), so often on one drive, to
/// what stands so near, and stands back for so long; seconds, times, metres, seconds.
const GIVES_WAY_AFTER_S: f64 = 8.0;
const GIVES_WAY_TIMES: u32 = 2;
const GIVES_WAY_TO_M: f64 = 0.8;
const STANDS_BACK_S: f64 = 5.0;
/// What is so far from where somebody stands is out of their way, metres.
const OUT_OF_THE_WAY_M: f64 = 1.8;
/// Share of the speed for going back.
const BACK_SPEED: f64 = 0.4;
/// A pose of the way back is reached within this.
const BACK: Miss = Miss { distance_m: 0.08, turn_rad: 0.15 };

impl Drive {
    /// Where it stands before somebody, or something that the map does not have, for too long: the way to where it has come
    /// by and is out of the way, the next pose last.
    pub(super) fn way_back(&mut self, at: &Now<'_>) -> Option<Vec<Isometry2<f64>>> {
        let patience_s = GIVES_WAY_AFTER_S * f64::from(1 + self.given_way);
        let stuck = self.progress.is_some_and(|(since, _)| at.now.since(since) > patience_s);
        let here = matches!(self.phase, Phase::Plan(_) | Phase::Follow(_));
        if !stuck || !here || self.given_way == GIVES_WAY_TIMES {
            return None;
        }
        let stranger = at.costmap.stranger_at(at.base, GIVES_WAY_TO_M)?;
        self.given_way += 1;
        let back = self.trail.away_from(&stranger, OUT_OF_THE_WAY_M)?;
        let mut path = plan(&at.costmap.snapshot(), &self.motion, at.base, &back).ok()?;
        path.reverse();
        Some(path)
    }

    /// The next step of the way back, and at its end the wait.
    pub(super) fn give_way(&mut self, at: &Now<'_>, limits: &Limits) -> Twist {
        let limits = limits.slowed(BACK_SPEED);
        let Phase::GiveWay { back, begun } = &mut self.phase else { return Twist::STOP };
        // At first the guard's last word was about the way ahead.
        let held = std::mem::replace(begun, true) && at.held;
        while back.last().is_some_and(|pose| Miss::of(&at.base.inv_mul(pose)).within(&BACK)) {
            back.pop();
        }
        let free = |pose: &&Isometry2<f64>| at.costmap.obstacle_at(pose, CHECKED_MARGIN_M).is_none();
        match back.last().filter(free).filter(|_| !held) {
            Some(pose) => {
                let go = if self.motion.omnidirectional { towards } else { towards_along };
                go(&at.base.inv_mul(pose), &limits)
            }
            None => {
                self.phase = Phase::Plan(Stamp(at.now.0 + (STANDS_BACK_S * 1e9) as u64));
                Twist::STOP
            }
        }
    }
}
