//! One drive to a pose of the map: out of a dock first where the base stands in one, then along a planned path,
//! around what comes in the way, exactly onto the goal.

use crate::control::mppi::{Mppi, STEP_S, STEPS, Scene};
use crate::control::{Follower, Limits, Miss, towards, towards_along};
use crate::costmap::{Costmap, Layer};
use crate::people::Mover;
use crate::planner::{Motion, Obstruction, plan};
use crate::trail::Trail;
use crate::zones::Passage;
use nalgebra::Isometry2;
use nightshift_core::robot::Twist;
use nightshift_core::time::Stamp;
use nightshift_core::{Code, Failure};

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
/// Before that it gives way: after so long without getting on (the second time twice so long), so often on one drive, to
/// what stands so near, and stands back for so long; seconds, times, metres, seconds.
const GIVES_WAY_AFTER_S: f64 = 8.0;
const GIVES_WAY_TIMES: u32 = 2;
const GIVES_WAY_TO_M: f64 = 0.8;
const STANDS_BACK_S: f64 = 5.0;
/// Where the map has a way and what may leave again is in it, the base waits so long, seconds.
const WAITS_S: f64 = 60.0;
/// Where only the goal is taken, it waits so near to it, metres.
const WAITS_AT_M: f64 = 1.5;
/// A way that becomes free and is taken again is waited for so often on one drive.
const FREED_TIMES: u32 = 5;
/// It waits well enough within this of where it would, metres.
const WAITS_WITHIN_M: f64 = 0.3;
/// What is so far from where somebody stands is out of their way, metres.
const OUT_OF_THE_WAY_M: f64 = 1.8;
/// What stands in the only way and was not seen for so long may be gone: it is gone to and looked at, so often on one drive; seconds,
/// times.
pub const UNSEEN_S: f64 = 5.0;
const DOUBTS: u32 = 3;
/// Share of the speed for going back.
const BACK_SPEED: f64 = 0.4;
/// A pose of the way back is reached within this.
const BACK: Miss = Miss { distance_m: 0.08, turn_rad: 0.15 };
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
            Phase::GiveWay { .. } => Step::Drive(self.give_way(at, &limits.slowed(BACK_SPEED))),
        }
    }

    /// Where it stands before somebody, or something that the map does not have, for too long: the way to where it has come
    /// by and is out of the way, the next pose last.
    fn way_back(&mut self, at: &Now<'_>) -> Option<Vec<Isometry2<f64>>> {
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

    fn give_way(&mut self, at: &Now<'_>, limits: &Limits) -> Twist {
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
                go(&at.base.inv_mul(pose), limits)
            }
            None => {
                self.phase = Phase::Plan(Stamp(at.now.0 + (STANDS_BACK_S * 1e9) as u64));
                Twist::STOP
            }
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

    fn plan(&mut self, now: Stamp, base: &Isometry2<f64>, costmap: &Costmap) -> Option<Step> {
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
mod tests {
    use super::*;
    use crate::costmap::tests::room;
    use nalgebra::{Point2, Vector2};
    use nightshift_core::random::Seed;
    use std::time::Duration;

    /// Somebody stood across the only way, and walked on where no beam reaches: the base does not wait for who is long gone, but
    /// goes and looks. Whoever is still seen is waited for.
    #[test]
    fn what_was_not_seen_for_long_does_not_hold_it() {
        let across: Vec<Point2<f64>> =
            (1..79).map(|i| Point2::new(2.525, 0.05 * f64::from(i) + 0.025)).collect();
        let way = |seen_again: bool| {
            let mut costmap = room();
            let mut mppi = Mppi::new(costmap.footprint(), Seed(1));
            let twist = |x: f64, yaw: f64| Twist { x, y: x, yaw };
            let limits = Limits { speed: twist(0.5, 1.0), acceleration: twist(0.8, 1.6) };
            let at = |x: f64| Isometry2::new(Vector2::new(x, 2.0), 0.0);
            let eye = Point2::new(0.6, 2.0);
            costmap.look(Stamp::from_seconds(1.0), &eye, &across, &at(0.6));
            let again: &[Point2<f64>] = if seen_again { &across } else { &[] };
            costmap.look(Stamp::from_seconds(10.0), &eye, again, &at(0.6));
            let mut drive = Drive::new(at(3.3), "test".to_owned(), limits, true, None);
            (0..3).any(|tick| {
                let now = Stamp::from_seconds(10.0 + 0.05 * f64::from(tick));
                let velocity = Twist::STOP;
                let seen = Now { now, base: &at(0.6), velocity, costmap: &costmap, movers: &[], held: false };
                let step = drive.step(&seen, &mut mppi);
                if drive.doubts() {
                    costmap.forget_unseen(UNSEEN_S);
                }
                matches!(step, Step::Path(_))
            })
        };
        assert!(way(false), "it goes and looks");
        assert!(!way(true), "it waits");
    }

    /// Somebody stands at its corner, so near that the guard lets it go no farther: it goes back, although the guard's last
    /// word was no.
    #[test]
    fn held_by_the_guard_it_goes_back_from_who_stands_at_its_corner() {
        let mut costmap = room();
        let mut mppi = Mppi::new(costmap.footprint(), Seed(1));
        let twist = |x: f64, yaw: f64| Twist { x, y: x, yaw };
        let limits = Limits { speed: twist(0.5, 1.0), acceleration: twist(0.8, 1.6) };
        let at = |x: f64| Isometry2::new(Vector2::new(x, 2.0), 0.0);
        let mut drive = Drive::new(at(3.3), "test".to_owned(), limits, true, None);
        let mut now = Stamp::from_seconds(1.0);
        let mut step = |drive: &mut Drive, costmap: &Costmap, x: f64, held: bool| {
            now = now + Duration::from_millis(50);
            let velocity = Twist::STOP;
            drive.step(&Now { now, base: &at(x), velocity, costmap, movers: &[], held }, &mut mppi)
        };
        for tick in 0..29 {
            step(&mut drive, &costmap, 0.6 + 0.05 * f64::from(tick), false);
        }
        costmap.look(Stamp::from_seconds(3.0), &Point2::new(2.2, 2.0), &[Point2::new(2.475, 2.33)], &at(2.0));
        let mut back = 0;
        for _ in 0..190 {
            if let Step::Drive(twist) = step(&mut drive, &costmap, 2.0, true) {
                back += u32::from(twist.x < -0.01);
            }
        }
        assert!(back > 0, "it goes back");
    }
}
