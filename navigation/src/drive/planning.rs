//! The way of a drive, and what is done where there is none: look again, come near, wait.

use super::{CHECKED_MARGIN_M, Drive, Phase, REPLAN_S, Step, WAITS_WITHIN_M, way};
use crate::control::Follower;
use crate::costmap::{Costmap, Layer};
use crate::planner::{Obstruction, plan};
use nalgebra::Isometry2;
use nightshift_core::time::Stamp;

/// Where only the goal is taken, it waits so near to it, metres.
pub(super) const WAITS_AT_M: f64 = 1.5;
/// A way that becomes free and is taken again is waited for so often on one drive.
const FREED_TIMES: u32 = 5;
/// What stands in the only way and was not seen for so long may be gone: it is gone to and looked at, so often on one drive; seconds,
/// times.
pub const UNSEEN_S: f64 = 5.0;
const DOUBTS: u32 = 3;

impl Drive {
    /// Plans, and follows what is found from the next step on. None where there is nothing yet to follow.
    pub(super) fn plan(&mut self, now: Stamp, base: &Isometry2<f64>, costmap: &Costmap) -> Option<Step> {
        let found = plan(&costmap.snapshot(), &self.motion, base, &self.goal).or_else(|obstruction| {
            // A passage that was blocked may be so no longer: where there is no other way it is tried again.
            let opened = costmap.snapshot().with_blocked_passages_open();
            opened.map_or(Err(obstruction), |opened| plan(&opened, &self.motion, base, &self.goal))
        });
        match found {
            Ok(path) => {
                self.obstruction = None;
                // The way is free again: it has as long to get on as anybody, but not for ever.
                if std::mem::take(&mut self.waits) && self.freed < FREED_TIMES {
                    self.freed += 1;
                    self.progress = Some((now, *base));
                }
                let met = self.met.take();
                self.avoided =
                    met.filter(|met| costmap.zones().entered(&path).all(|passage| passage != *met));
                self.phase = Phase::Follow(Follower::new(path.clone()));
                Some(Step::Path(path))
            }
            Err(obstruction) => {
                // What the lasers see may go away; walls do not.
                let way = match plan(&costmap.snapshot_of_map(), &self.motion, base, &self.goal) {
                    Err(lasting) => return Some(Step::Done(Err(lasting.failure()))),
                    Ok(way) => way,
                };
                if self.doubts < DOUBTS && costmap.remembers_unseen(UNSEEN_S) {
                    self.doubts += 1;
                    self.doubt = true;
                    self.phase = Phase::Plan(now);
                    return None;
                }
                self.obstruction = Some(Obstruction { layer: Layer::Laser, ..obstruction });
                self.waits = true;
                let taken = costmap.stranger_at(&self.goal, CHECKED_MARGIN_M).is_some();
                if let Some(path) = taken.then(|| self.way_to_wait(&way, base, costmap)).flatten() {
                    self.phase = Phase::Follow(Follower::new(path.clone()));
                    return Some(Step::Path(path));
                }
                self.phase = Phase::Plan(Stamp(now.0 + (REPLAN_S * 1e9) as u64));
                None
            }
        }
    }

    /// Where the goal alone is taken: to the nearest place of the way that is free and leaves room to whoever stands there.
    fn way_to_wait(
        &self,
        through: &[Isometry2<f64>],
        base: &Isometry2<f64>,
        costmap: &Costmap,
    ) -> Option<Vec<Isometry2<f64>>> {
        let fits = |pose: &&Isometry2<f64>| {
            way(pose, &self.goal) >= WAITS_AT_M && costmap.obstacle_at(pose, CHECKED_MARGIN_M).is_none()
        };
        let there = through.iter().rev().find(fits)?;
        if way(base, there) < WAITS_WITHIN_M || way(base, &self.goal) < WAITS_AT_M {
            return None;
        }
        plan(&costmap.snapshot(), &self.motion, base, there).ok()
    }
}
