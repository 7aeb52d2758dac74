//! From a request to a trajectory, or to the reason why there is none.

use crate::arm::{Arm, HALF_TURNS, other_turns};
use crate::calm::Calm;
use crate::kinematics::chain::JointLimits;
use crate::kinematics::numeric::{Attempt, distance};
use crate::line::{Broken, Straight, follow};
use crate::path::Path;
use crate::polyline::Polyline;
use crate::profile::{Profile, duration_of};
use crate::request::{MotionGoal, PlanRequest};
use crate::rrt::{Obstruction, connect};
use crate::shortcut::shorten;
use crate::sweep::{Cause, Checker};
use crate::timing::{planned_limits, profile, stay, trajectory};
use crate::upright::Upright;
use crate::world::{World, check_positions};
use nightshift_core::frames::{Base, Pose, Tool};
use nightshift_core::random::Seed;
use nightshift_core::robot::JointTrajectory;
use nightshift_core::{Code, Failure};

/// How far a measured start may be beyond a joint limit, radians.
const START_SLACK: f64 = 0.02;
/// Goals with a joint nearer to its limit come last, radians.
const COMFORT: f64 = 0.05;
/// A goal that is no farther away, over all joints, is where the arm stands, radians.
const HERE: f64 = 1e-5;
/// For rounding where two durations are told apart before they are known exactly.
const SURELY: f64 = 1.0 - 1e-4;
/// Goals that are tried directly, and that the search is given.
const GOALS: usize = 24;

/// Plans one motion: from rest at `start`, free of collisions, within the limits of every joint, to rest at the goal.
/// Points are at most 20 ms apart, the first one at time 0 exactly `start`.
///
/// # Errors
/// - `MALFORMED_REQUEST`: wrong numbers (count of joints, speed, sizes, poses).
/// - `UNREACHABLE`: no joint positions for the goal, or for a point of the line: by how much it is missed, and which
///   joints are at their limits.
/// - `NO_MOTION`: the start, the goal, a point of the line or every way found is blocked: by which pair, and where.
pub fn plan(arm: &Arm, request: &PlanRequest) -> Result<JointTrajectory, Failure> {
    plan_in_stages(arm, request, &|_| {})
}

/// A part of planning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PlanStage {
    /// The collision world, and what makes looking at it quick.
    World,
    /// Joint positions for the goal, and which of them are free.
    Goals,
    /// A way, straight or by a tree.
    Search,
    /// The way made shorter.
    Shorten,
    /// Its corners rounded, and when the arm is where.
    Timing,
}

/// As [`plan`]; `lap` is told the end of each stage, for those who measure.
///
/// # Errors
/// As [`plan`].
pub fn plan_in_stages(
    arm: &Arm,
    request: &PlanRequest,
    lap: &dyn Fn(PlanStage),
) -> Result<JointTrajectory, Failure> {
    let PlanRequest { start, goal, scene, seed, speed } = request;
    check_positions(arm, "start", start)?;
    if !(*speed > 0.0 && *speed <= 1.0) {
        let words = format!("speed is {speed}; more than 0 and at most 1 is allowed");
        return Err(Failure::new(Code::MalformedRequest, words));
    }
    within_limits(arm, "start", start, START_SLACK)?;
    let mut world = World::new(arm, scene)?;
    if let Some(overlap) = world.relax_at(start) {
        return Err(Failure::new(Code::NoMotion, format!("start: {}", overlap.words(0.0))));
    }
    let carried = scene.held.as_ref().and_then(|held| held.carry.as_ref().map(|carry| (held, carry)));
    let upright = carried.map(|(held, carry)| {
        let mut upright = Upright::new(arm, held, carry);
        upright.relax_at(start);
        upright
    });
    let calm = carried.map(|(held, carry)| Calm::new(arm, held, carry));
    let (checker, limits) = (Checker::new(world, upright), planned_limits(arm.limits(), *speed));
    let planner = Planner { arm, checker, start, seed: Seed(*seed), limits, calm, lap };
    lap(PlanStage::World);
    match goal {
        MotionGoal::Joints(q) => {
            check_positions(arm, "goal", q)?;
            within_limits(arm, "goal", q, 1e-6)?;
            planner.to_any(vec![q.clone()])
        }
        MotionGoal::Tool(pose) => planner.to_tool(pose, &[0.0]),
        MotionGoal::ToolAnySpin(pose) => planner
            .to_tool(pose, &HALF_TURNS)
            .or_else(|failure| planner.to_tool(pose, &other_turns()).map_err(|_| failure)),
        MotionGoal::Line(pose) => planner.line(pose),
    }
}

struct Planner<'a> {
    arm: &'a Arm,
    checker: Checker<'a>,
    start: &'a [f64],
    seed: Seed,
    limits: Vec<JointLimits>,
    /// Where what is held must not be shaken.
    calm: Option<Calm<'a>>,
    lap: &'a dyn Fn(PlanStage),
}

impl Planner<'_> {
    fn to_tool(&self, goal: &Pose<Base, Tool>, spins: &[f64]) -> Result<JointTrajectory, Failure> {
        check_pose(goal)?;
        let found = self.arm.search_spins(goal, self.start, self.seed, spins);
        let mut goals = found.map_err(|attempt| {
            let words = format!("goal: {}", miss(self.arm, &goal.iso, &attempt));
            Failure::new(Code::Unreachable, words)
        })?;
        let tight = |q: &Vec<f64>| {
            let mut joints = q.iter().zip(self.arm.limits());
            joints.any(|(p, limit)| *p < limit.lower + COMFORT || *p > limit.upper - COMFORT)
        };
        goals.sort_by_key(tight);
        self.to_any(goals)
    }

    /// To the first goal that can be gone to directly, or else to whichever the search reaches.
    fn to_any(&self, goals: Vec<Vec<f64>>) -> Result<JointTrajectory, Failure> {
        let count = goals.len();
        let mut blocked: Option<(Cause, Vec<f64>)> = None;
        let mut free = Vec::new();
        for goal in goals {
            match self.checker.cause(&goal) {
                None => free.push(goal),
                Some(cause) => blocked = blocked.or(Some((cause, goal))),
            }
        }
        if let (true, Some((cause, q))) = (free.is_empty(), &blocked) {
            let words = self.words(*cause, q);
            let count = if count == 1 { String::new() } else { format!("{count} joint positions tried; ") };
            return Err(Failure::new(Code::NoMotion, format!("goal: {count}{words}")));
        }
        free.truncate(GOALS);
        (self.lap)(PlanStage::Goals);
        if free.iter().any(|goal| distance(goal, self.start) < HERE) {
            return Ok(stay(self.start));
        }
        let mut obstruction = Obstruction::default();
        for goal in &free {
            match self.checker.stretch(self.start, goal) {
                None => {
                    (self.lap)(PlanStage::Search);
                    return self.through(&[self.start.to_vec(), goal.clone()]);
                }
                Some(blocked) => obstruction.note(blocked),
            }
        }
        let mut stream = self.seed.stream("planner");
        let Some(way) = connect(&self.checker, self.start, &free, &mut stream, &mut obstruction) else {
            let worst = obstruction.worst().map(|(cause, q)| self.words(cause, q));
            let words = worst.unwrap_or_else(|| "nothing was in the way".to_owned());
            let words =
                format!("way: none found to any of {} goals; most often in the way: {words}", free.len());
            return Err(Failure::new(Code::NoMotion, words));
        };
        (self.lap)(PlanStage::Search);
        let way = shorten(&self.checker, way, &mut stream);
        (self.lap)(PlanStage::Shorten);
        self.through(&way)
    }

    /// The fastest of several roundings whose corners are free. Not rounding is the last one: the straight stretches
    /// have been looked at.
    fn through(&self, way: &[Vec<f64>]) -> Result<JointTrajectory, Failure> {
        let shares: &[f64] = if way.len() < 3 { &[0.0] } else { &[0.4, 0.3, 0.2, 0.1, 0.04, 0.0] };
        let mut best: Option<(Polyline, Profile)> = None;
        for share in shares {
            let path = Polyline::new(way, *share, &self.limits);
            if best.as_ref().is_some_and(|(_, best)| duration_of(path.zones()) * SURELY > best.duration()) {
                continue;
            }
            if path.corners().any(|corner| self.corner_blocked(&path, corner)) {
                continue;
            }
            let timed = self.timed(&path)?;
            if best.as_ref().is_none_or(|(_, best)| timed.duration() < best.duration()) {
                best = Some((path, timed));
            }
        }
        let followed = best.map(|(path, timed)| trajectory(&path, &timed));
        (self.lap)(PlanStage::Timing);
        followed.ok_or_else(|| Failure::new(Code::NoMotion, "way: it has no free rounding"))
    }

    fn corner_blocked(&self, path: &Polyline, (start, length): (f64, f64)) -> bool {
        let at = |share: f64| path.at(start + share * length).q;
        let parts = self.checker.parts(&at(0.0), &at(0.5)) + self.checker.parts(&at(0.5), &at(1.0));
        self.checker.curve(parts, &path.corner_rates(start), at).is_some()
    }

    fn line(&self, goal: &Pose<Base, Tool>) -> Result<JointTrajectory, Failure> {
        check_pose(goal)?;
        let straight = Straight::new(&self.arm.base_from_tool(self.start), goal);
        if straight.is_point() {
            return Ok(stay(self.start));
        }
        let place = |share: f64| {
            let length = straight.length_m();
            let p = straight.at(share).translation.vector;
            format!(
                "line: after {:.3} of {length:.3} m, at ({:.3}, {:.3}, {:.3}) m",
                share * length,
                p.x,
                p.y,
                p.z
            )
        };
        let line = follow(self.arm, self.start, &straight, &self.limits).map_err(|broken| match broken {
            Broken::Unreachable(share, attempt) => {
                let miss = miss(self.arm, &straight.at(share), &attempt);
                Failure::new(Code::Unreachable, format!("{}: {miss}", place(share)))
            }
            Broken::Jump(share) => {
                let words =
                    format!("{}: the joints would have to jump (a singularity or a limit)", place(share));
                Failure::new(Code::NoMotion, words)
            }
        })?;
        let checks = 4 * line.intervals() + self.checker.parts(self.start, line.end());
        if let Some(blocked) = self.checker.curve(checks, &line.rates(), |share| line.at(share).q) {
            let words = self.words(blocked.cause, &blocked.q);
            return Err(Failure::new(Code::NoMotion, format!("{}: {words}", place(blocked.share))));
        }
        Ok(trajectory(&line, &self.timed(&line)?))
    }

    /// As fast as the joints go, and no faster than what is held bears.
    fn timed(&self, path: &impl Path) -> Result<Profile, Failure> {
        let slower = match &self.calm {
            Some(calm) => calm.slower(path)?,
            None => 1.0,
        };
        profile(path, slower)
    }

    fn words(&self, cause: Cause, q: &[f64]) -> String {
        match cause {
            Cause::Near(hit) => self.checker.world.proximity(hit, q).words(self.checker.world.margin_m(hit)),
            Cause::Leans => {
                let upright = self.checker.upright.as_ref();
                let (tilt, most) = upright.map_or((0.0, 0.0), |upright| (upright.tilt(q), upright.most()));
                let deg = f64::to_degrees;
                format!(
                    "what is held would lean by {:.1} deg, at most {:.1} deg are allowed",
                    deg(tilt),
                    deg(most)
                )
            }
        }
    }
}

fn within_limits(arm: &Arm, what: &str, q: &[f64], slack: f64) -> Result<(), Failure> {
    let mut joints = q.iter().zip(arm.limits());
    match joints.find(|(p, limit)| **p < limit.lower - slack || **p > limit.upper + slack) {
        None => Ok(()),
        Some((p, limit)) => {
            let words = format!(
                "{what}: {} at {} is outside {} to {}",
                limit.joint,
                limit.words(*p),
                limit.words(limit.lower),
                limit.words(limit.upper)
            );
            Err(Failure::new(Code::Unreachable, words))
        }
    }
}

fn check_pose(pose: &Pose<Base, Tool>) -> Result<(), Failure> {
    let numbers = pose.iso.translation.vector.iter().chain(pose.iso.rotation.coords.iter());
    if numbers.into_iter().all(|v| v.is_finite()) {
        return Ok(());
    }
    Err(Failure::new(Code::MalformedRequest, format!("the goal's pose is not finite: {pose:?}")))
}

/// By how much a pose is missed, and which joints are in the way.
fn miss(arm: &Arm, goal: &nalgebra::Isometry3<f64>, attempt: &Attempt) -> String {
    let p = goal.translation.vector;
    let mut words = format!(
        "no joint positions put the tool at ({:.3}, {:.3}, {:.3}) m as wanted: the nearest found misses by {:.4} m and {:.1} deg",
        p.x,
        p.y,
        p.z,
        attempt.distance,
        attempt.angle.to_degrees()
    );
    for (position, limit) in attempt.q.iter().zip(arm.limits()) {
        if *position <= limit.lower + 1e-6 || *position >= limit.upper - 1e-6 {
            words.push_str(&format!(", {} at its limit {}", limit.joint, limit.words(*position)));
        }
    }
    words
}
