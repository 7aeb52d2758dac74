//! One drive to a pose of the map: out of a dock first where the base stands in one, then along a planned path,
//! around what comes in the way, exactly onto the goal.

mod giving_way;
mod planning;
mod trail;

pub use planning::UNSEEN_S;

use crate::control::mppi::{Mppi, STEP_S, STEPS, Scene};
use crate::control::{Follower, Limits, Miss, towards, towards_along};
use crate::costmap::{Costmap, Layer};
use crate::people::Mover;
use crate::planner::{Motion, Obstruction};
use crate::zones::Passage;
use nalgebra::Isometry2;
use nightshift_core::robot::Twist;
use nightshift_core::time::Stamp;
use nightshift_core::{Code, Failure};
use planning::WAITS_AT_M;
use trail::Trail;

/// A goal is reached within this for [`SETTLED_STEPS`] control steps.
const EXACT: Miss = Miss { distance_m: 0.008, turn_rad: 0.006 };
const SETTLED_STEPS: u32 = 5;
/// Good enough where the exact goal is not reached for [`PATIENCE_S`].
const GOOD: Miss = Miss { distance_m: 0.02, turn_rad: 0.017 };
const PATIENCE_S: f64 = 3.0;
/// Out of a dock the base need not be exact.
const OUT: Miss = Miss { distance_m: 0.03, turn_rad: 0.05 };
/// Share of the speed for backing out of a dock.
const OUT_SPEED: f64 = 0.35;
/// Without getting on for so long the way counts as blocked, seconds.
const BLOCKED_S: f64 = 20.0;
/// Where the map has a way and what may leave again is in it, the base waits so long, seconds.
const WAITS_S: f64 = 60.0;
/// It waits well enough within this of where it would, metres.
const WAITS_WITHIN_M: f64 = 0.3;
/// Getting on is this much of way or turn.
const PROGRESS: Miss = Miss { distance_m: 0.1, turn_rad: 0.2 };
/// What stands in the way is given so long to leave before a way around is looked for, seconds.
const COURTESY_S: f64 = 1.0;
/// From one try to plan to the next, seconds.
const REPLAN_S: f64 = 1.0;
/// The path is checked so many poses ahead (about 2 m), with this margin, metres.
const CHECKED_POSES: usize = 40;
const CHECKED_MARGIN_M: f64 = 0.05;

/// Who moves within this of the base is foreseen, metres.
const FORESEEN_M: f64 = 4.0;
/// A base that cannot drive sideways comes to its goal exactly over the last so many metres.
const LAST_M: f64 = 0.25;
/// Costs about the base reach so far, metres.
const FIELD_M: f64 = 3.0;
/// What blocks within this of somebody who moves is that somebody, metres.
const MOVER_REACH_M: f64 = 0.8;
/// Before a slow zone the base begins to brake so much earlier than it could, metres.
const BRAKE_EARLY_M: f64 = 0.25;

/// What a drive wants now.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Drive so.
    Drive(Twist),
    /// Stand, and follow this from the next step on.
    Path(Vec<Isometry2<f64>>),
    /// Ended.
    Done(Result<(), Failure>),
}

#[derive(Clone, Debug)]
enum Phase {
    /// Straight to the staging pose of the dock that the base stands in.
    BackOut(Isometry2<f64>),
    /// A path is to be planned, not before the stamp.
    Plan(Stamp),
    Follow(Follower),
    /// Back along these, the next one last: who stands before the base may have nowhere else to go.
    GiveWay {
        back: Vec<Isometry2<f64>>,
        begun: bool,
    },
}

/// A drive.
#[derive(Clone, Debug)]
pub struct Drive {
    goal: Isometry2<f64>,
    name: String,
    limits: Limits,
    motion: Motion,
    phase: Phase,
    /// Where and when the base got on last.
    progress: Option<(Stamp, Isometry2<f64>)>,
    /// Since when the guard has let nothing through.
    held_since: Option<Stamp>,
    settled: u32,
    /// Where it came along, to give way.
    trail: Trail,
    /// How often it has given way.
    given_way: u32,
    /// What was in the way last.
    obstruction: Option<Obstruction>,
    /// Whether it waits for the way, or the goal, to become free.
    waits: bool,
    /// How often that became free.
    freed: u32,
    /// Whether what was not seen for long is to be forgotten, and how often it was.
    doubt: bool,
    doubts: u32,
    /// Whether the last step was a foreseeing one: its plan then goes on.
    foreseeing: bool,
    /// The passage in which something stood on the path last.
    met: Option<Passage>,
    /// A passage that the last plan had to avoid for that.
    avoided: Option<Passage>,
}

/// What a drive goes by at one step.
pub struct Now<'a> {
    /// The time.
    pub now: Stamp,
    /// Where the base is in the map.
    pub base: &'a Isometry2<f64>,
    /// What it was told to do last.
    pub velocity: Twist,
    /// What stands.
    pub costmap: &'a Costmap,
    /// What moves.
    pub movers: &'a [Mover],
    /// The guard let nothing through last time.
    pub held: bool,
}

impl Drive {
    /// To a pose of the map. `out_by`: the staging pose of the dock that the base stands in.
    pub fn new(
        goal: Isometry2<f64>,
        name: String,
        limits: Limits,
        omnidirectional: bool,
        out_by: Option<Isometry2<f64>>,
    ) -> Self {
        let motion = Motion { speed: limits.speed, omnidirectional };
        let phase = out_by.map_or(Phase::Plan(Stamp::ZERO), Phase::BackOut);
        Self {
            goal,
            name,
            limits,
            motion,
            phase,
            progress: None,
            held_since: None,
            settled: 0,
            trail: Trail::default(),
            given_way: 0,
            obstruction: None,
            waits: false,
            freed: 0,
            doubt: false,
            doubts: 0,
            foreseeing: false,
            met: None,
            avoided: None,
        }
    }

    /// A passage that a way was planned around since this was asked last, because something stood in it.
    pub fn avoided(&mut self) -> Option<Passage> {
        self.avoided.take()
    }

    /// Whether what was not seen for [`UNSEEN_S`] is to be forgotten, as the only way leads by it.
    pub fn doubts(&mut self) -> bool {
        std::mem::take(&mut self.doubt)
    }

    /// The pose has jumped, or a passage was closed or opened: what was planned before is void.
    pub fn replan(&mut self) {
        if matches!(self.phase, Phase::Follow(_) | Phase::GiveWay { .. }) {
            self.phase = Phase::Plan(Stamp::ZERO);
        }
        self.trail = Trail::default();
        self.progress = None;
    }

    /// What to do now.
    pub fn step(&mut self, at: &Now<'_>, mppi: &mut Mppi) -> Step {
        let (now, base) = (at.now, at.base);
        if let Some(result) = self.arrived(now, base) {
            return Step::Done(result);
        }
        self.held_since = at.held.then(|| self.held_since.unwrap_or(now));
        if let Some(back) = self.way_back(at) {
            self.phase = Phase::GiveWay { back, begun: false };
        }
        let limit = self.zone_limit(at);
        let fastest = self.limits.speed.x.max(self.limits.speed.y);
        let limits = limit.map_or(self.limits, |limit| self.limits.slowed((limit / fastest).min(1.0)));
        let step = self.go_on(at, &limits, mppi);
        // Limits are of each axis; a zone's is of the way.
        match (step, limit) {
            (Step::Drive(twist), Some(limit)) if twist.x.hypot(twist.y) > limit => {
                let share = limit / twist.x.hypot(twist.y);
                Step::Drive(Twist { x: twist.x * share, y: twist.y * share, yaw: twist.yaw * share })
            }
            (step, _) => step,
        }
    }

    fn go_on(&mut self, at: &Now<'_>, limits: &Limits, mppi: &mut Mppi) -> Step {
        let (now, base) = (at.now, at.base);
        match &mut self.phase {
            Phase::BackOut(staging) => {
                let base_from_staging = base.inv_mul(staging);
                if Miss::of(&base_from_staging).within(&OUT) {
                    self.phase = Phase::Plan(now);
                    return Step::Drive(Twist::STOP);
                }
                let limits = limits.slowed(OUT_SPEED);
                let go = if self.motion.omnidirectional { towards } else { towards_along };
                Step::Drive(go(&base_from_staging, &limits))
            }
            Phase::Plan(due) => {
                if now < *due {
                    return Step::Drive(Twist::STOP);
                }
                match self.plan(now, base, at.costmap) {
                    Some(step) => step,
                    None => Step::Drive(Twist::STOP),
                }
            }
            Phase::Follow(_) => {
                self.trail.come_to(base);
                self.follow(at, limits, mppi)
            }
            Phase::GiveWay { .. } => Step::Drive(self.give_way(at, limits)),
        }
    }

    /// The slowest zone's speed where the base is and as far ahead as it needs to brake, m/s.
    fn zone_limit(&self, at: &Now<'_>) -> Option<f64> {
        let speed = at.velocity.x.hypot(at.velocity.y);
        let reach = speed * speed / (2.0 * self.limits.acceleration.x) + BRAKE_EARLY_M;
        let rest: &[Isometry2<f64>] =
            if let Phase::Follow(follower) = &self.phase { follower.rest() } else { &[] };
        let ahead = rest
            .iter()
            .take_while(|pose| (pose.translation.vector - at.base.translation.vector).norm() < reach)
            .chain([at.base]);
        let (zones, outline) = (at.costmap.zones(), at.costmap.footprint());
        ahead.filter_map(|pose| zones.speed_limit(outline, pose)).min_by(f64::total_cmp)
    }

    fn follow(&mut self, at: &Now<'_>, limits: &Limits, mppi: &mut Mppi) -> Step {
        let Phase::Follow(follower) = &mut self.phase else { return Step::Drive(Twist::STOP) };
        let (now, base) = (at.now, at.base);
        // Where it waits for the goal it looks again whether it is free.
        let last = follower.rest().last().filter(|last| way(last, &self.goal) > WAITS_AT_M / 2.0);
        if last.is_some_and(|last| way(base, last) < WAITS_WITHIN_M) {
            self.phase = Phase::Plan(Stamp(now.0 + (REPLAN_S * 1e9) as u64));
            return Step::Drive(Twist::STOP);
        }
        let near = |place: &nalgebra::Point2<f64>, reach: f64| {
            at.movers.iter().find(|mover| (mover.place - place).norm() < reach)
        };
        let ahead = follower.rest().iter().take(CHECKED_POSES).step_by(2);
        let blocked = ahead.into_iter().find_map(|pose| {
            let (layer, place) = at.costmap.obstacle_at(pose, CHECKED_MARGIN_M)?;
            let zones = at.costmap.zones();
            let passage = zones.passage_at(pose.translation.vector.into());
            Some((layer, place, passage.or_else(|| zones.passage_at(place.into()))))
        });
        let foreseen = near(&base.translation.vector.into(), FORESEEN_M).is_some();
        // Somebody who moves is let by or gone around, not planned around: they are elsewhere by then.
        let somebody = blocked.and_then(|(_, place, _)| near(&place, MOVER_REACH_M));
        if let Some(mover) = somebody {
            let (x, y) = (mover.place.x, mover.place.y);
            let words = format!("somebody who moves at ({x:.2}, {y:.2})");
            self.obstruction = Some(Obstruction { layer: Layer::Laser, words });
        }
        // Paths are followed as they are, and a base that cannot go sideways, or somebody near, is foreseen.
        let foresee = !self.motion.omnidirectional || foreseen;
        let base_from_goal = base.inv_mul(&self.goal);
        let command =
            if !foreseen && !self.motion.omnidirectional && base_from_goal.translation.vector.norm() < LAST_M
            {
                self.foreseeing = false;
                Some(towards_along(&base_from_goal, limits))
            } else if foresee {
                if !std::mem::replace(&mut self.foreseeing, true) {
                    mppi.reset();
                }
                follower.reference(base, limits, STEPS, STEP_S).map(|reference| {
                    mppi.turn(&Scene {
                        base,
                        velocity: at.velocity,
                        limits,
                        reference: &reference,
                        field: &at.costmap.field(&base.translation.vector.into(), FIELD_M),
                        movers: at.movers,
                    })
                })
            } else {
                self.foreseeing = false;
                follower.step(base, limits)
            };
        let standing = blocked.filter(|_| somebody.is_none());
        self.met = standing.and_then(|(.., passage)| passage).or(self.met);
        let blocked = standing.is_some();
        let waited = self.held_since.is_some_and(|since| now.since(since) > COURTESY_S);
        if blocked {
            self.phase = Phase::Plan(Stamp(now.0 + (COURTESY_S * 1e9) as u64));
        } else if waited || command.is_none() {
            self.held_since = None;
            self.phase = Phase::Plan(now);
        }
        Step::Drive(command.filter(|_| !blocked && !waited).unwrap_or(Twist::STOP))
    }

    /// Whether the drive has ended: at the goal, or stuck for too long.
    fn arrived(&mut self, now: Stamp, base: &Isometry2<f64>) -> Option<Result<(), Failure>> {
        let (since, place) = *self.progress.get_or_insert((now, *base));
        if !Miss::of(&base.inv_mul(&place)).within(&PROGRESS) {
            self.progress = Some((now, *base));
            return None;
        }
        let stuck_s = now.since(since);
        let miss = Miss::of(&base.inv_mul(&self.goal));
        let following = matches!(self.phase, Phase::Follow(_));
        self.settled = if following && miss.within(&EXACT) { self.settled + 1 } else { 0 };
        if self.settled >= SETTLED_STEPS || (following && stuck_s > PATIENCE_S && miss.within(&GOOD)) {
            return Some(Ok(()));
        }
        if stuck_s <= if self.waits { WAITS_S } else { BLOCKED_S } {
            return None;
        }
        let what = match &self.obstruction {
            Some(obstruction) => obstruction.words.clone(),
            None => "the guard sees something too near".to_owned(),
        };
        let words = format!(
            "{}: no progress for {stuck_s:.0} s at ({:.2}, {:.2}), {:.2} m from the goal: {what}",
            self.name, base.translation.x, base.translation.y, miss.distance_m
        );
        Some(Err(Failure::new(Code::Blocked, words)))
    }
}

/// How far two poses are apart, metres.
fn way(one: &Isometry2<f64>, other: &Isometry2<f64>) -> f64 {
    (one.translation.vector - other.translation.vector).norm()
}

#[cfg(test)]
mod tests;
