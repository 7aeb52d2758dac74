//! Doors, trays and lids that have no drive: the fingers close on their knob and bring them to where the station's file wants them.

use super::site::Debt;
use super::{Stage, Step};
use crate::action::{Action, Move, Outcome};
use crate::context::Context;
use crate::guard::Guard;
use crate::ledger::Whereabouts;
use crate::messages::SkillOutput;
use crate::world::NestRef;
use crate::{limits, scene};
use nalgebra::{Isometry3, Point3, Translation3, UnitQuaternion, Vector3};
use nightshift_core::api::{Evidence, Place};
use nightshift_core::describe::{Hand, Knob, Part, PartJoint, Station};
use nightshift_core::frames::{Base, Pose, Station as StationFrame, Tool};
use nightshift_core::handshake::{SiteAnswer, SiteCall, Verb};
use nightshift_core::{Code, Failure, PartId, StationId};
use nightshift_motion::MotionGoal;
use std::collections::VecDeque;

/// What the hand is to do at a station.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// To where the state that the station is in wants its parts.
    Open,
    /// To where the state that a release leads to wants them.
    Shut,
}

/// Brings every part of a station that a hand moves to where it shall be. The station tells where they are, before and after.
#[derive(Debug)]
pub struct ByHand {
    station: StationId,
    way: Way,
    debt: Debt,
    left: VecDeque<Errand>,
    /// Ways round from which the knob was taken and the part could not be moved.
    tried: usize,
    at: At,
}

/// One part on its way.
#[derive(Clone, Debug)]
struct Errand {
    part: PartId,
    /// Where it was when it was begun.
    begun: f64,
    /// Where it is taken.
    from: f64,
    to: f64,
}

#[derive(Clone, Debug)]
enum At {
    Start,
    /// Where the parts are.
    Asking,
    Opening,
    Approaching,
    Resting,
    Descending,
    Closing,
    /// Where the part is, now that the fingers have closed on its knob.
    Weighing,
    /// Until the arm has stopped swinging, and on from there.
    Pausing(Pull),
    Pulling(Pull),
    LettingGo(Next),
    /// Straight off the knob.
    Leaving(Next),
    /// Off it some other way: an arm that has turned with a part may be folded.
    Winding(Next),
    /// Where the part is now.
    Checking,
}

/// A part in the hand.
#[derive(Clone, Debug)]
struct Pull {
    /// Where the tool was when the part was at `held_at`.
    station_from_tool: Pose<StationFrame, Tool>,
    held_at: f64,
    /// Where the part is, and where it is next.
    now: f64,
    next: f64,
    /// What the fingers closed on, m.
    width_m: f64,
}

/// What comes once the hand is off the knob.
#[derive(Clone, Debug)]
enum Next {
    /// The part was brought so, in words.
    Check(String),
    /// The knob taken another way round.
    Again,
    Fail(Failure),
}

impl ByHand {
    pub fn new(station: StationId, way: Way, debt: Debt) -> Self {
        Self { station, way, debt, left: VecDeque::new(), tried: 0, at: At::Start }
    }

    fn go(&mut self, ctx: &mut Context<'_>, last: Outcome) -> Result<Step, Failure> {
        let (next, action) = match (std::mem::replace(&mut self.at, At::Start), last) {
            (At::Start, _) => {
                // What the hand holds already is no knob.
                if let Some(held) = ctx.ledger.claimants(&Place::Gripper).next() {
                    let words = format!(
                        "the parts of {} are not moved: the hand holds, or may hold, {held}",
                        self.station
                    );
                    return Err(Failure::new(Code::Busy, words));
                }
                (At::Asking, self.ask())
            }
            (At::Asking, Outcome::Answered(answer)) => {
                self.left = self.errands(ctx, &answer)?;
                match self.open(ctx) {
                    Some(next) => next?,
                    None => return Ok(Step::Done),
                }
            }
            (At::Opening, Outcome::Gripped { .. }) => (At::Approaching, self.approach(ctx)?),
            (At::Approaching, _) => (At::Resting, Action::Rest(limits::WRIST_REST)),
            (At::Resting, _) => (At::Descending, self.down(ctx)?),
            (At::Descending, Outcome::Touched(force_n)) => {
                let words =
                    format!("the hand met something over the knob of {} with {force_n:.1} N", self.named());
                self.let_go(ctx, Next::Fail(Failure::new(Code::GraspMissed, words)))
            }
            (At::Descending, _) => {
                (At::Closing, Action::Grip { opening_m: 0.0, force_n: limits::KNOB_GRIP_N })
            }
            (At::Closing, Outcome::Gripped { opening_m, force_n, stalled }) => {
                self.closed(ctx, opening_m, force_n, stalled)?
            }
            (At::Weighing, Outcome::Answered(answer)) => {
                let pull = self.take(ctx, &answer)?;
                (At::Pausing(pull), Action::Rest(limits::WRIST_REST))
            }
            (At::Pausing(pull), _) => self.pull(ctx, pull)?,
            (At::Pulling(pull), Outcome::Touched(force_n)) => self.stopped(ctx, &pull, Some(force_n))?,
            (At::Pulling(pull), _) => self.stopped(ctx, &pull, None)?,
            (At::LettingGo(next), _) => (At::Leaving(next), Action::Move(self.up(ctx)?)),
            (At::Leaving(next) | At::Winding(next), _) => match next {
                Next::Check(words) => {
                    note(ctx, words);
                    (At::Checking, self.ask())
                }
                Next::Again => (At::Approaching, self.approach(ctx)?),
                Next::Fail(failure) => return Err(failure),
            },
            (At::Checking, Outcome::Answered(answer)) => {
                self.check(ctx, &answer)?;
                self.left.pop_front();
                self.tried = 0;
                match self.open(ctx) {
                    Some(next) => next?,
                    None => return Ok(Step::Done),
                }
            }
            (at, other) => unreachable!("{at:?} does not end with {other:?}"),
        };
        self.at = next;
        Ok(Step::Do(action))
    }

    fn ask(&self) -> Action {
        let (station, token) = (self.station.clone(), String::new());
        Action::Site(SiteCall { station, verb: Verb::Status, token, reach: None })
    }

    /// Which parts are not where they shall be.
    fn errands(&self, ctx: &mut Context<'_>, answer: &SiteAnswer) -> Result<VecDeque<Errand>, Failure> {
        let station = ctx.world.station(&self.station)?;
        let states = station.machine.as_ref().map(|machine| &machine.states);
        let here = states.and_then(|states| states.get(&answer.state));
        let state = match self.way {
            Way::Open => Some(&answer.state),
            Way::Shut => here.and_then(|state| state.release.as_ref()),
        };
        let Some(state) = state else { return Ok(VecDeque::new()) };
        let told = told(station, answer)?;
        let wanted = station.part_positions(state, None);
        let off = told.iter().filter_map(|(part, from)| {
            let to = *wanted.get(part)?;
            (to - from).abs().gt(&limits::HAND_PART).then(|| Errand {
                part: part.clone(),
                begun: *from,
                from: *from,
                to,
            })
        });
        let errands = off.collect();
        ctx.belief.by_hand.entry(self.station.clone()).or_default().extend(told);
        Ok(errands)
    }

    fn errand(&self) -> &Errand {
        self.left.front().expect("a part is on its way")
    }

    fn named(&self) -> String {
        format!("the {} of {}", self.errand().part, self.station)
    }

    /// The fingers apart for the next part's knob; none where there is no part left.
    fn open(&self, ctx: &Context<'_>) -> Option<Result<(At, Action), Failure>> {
        self.left.front()?;
        Some(self.spot(ctx).map(|spot| (At::Opening, spot.apart(ctx))))
    }

    fn spot<'a>(&self, ctx: &Context<'a>) -> Result<Spot<'a>, Failure> {
        let station = ctx.world.station(&self.station)?;
        let part = &station.parts[&self.errand().part];
        let (Some(hand), Some(knob)) = (&part.hand, part.knob()) else {
            return Err(Failure::new(Code::SitePartStuck, format!("{} has no knob", self.named())));
        };
        let base_from_station = ctx.belief.base_from_station(ctx.world, &self.station).ok_or_else(|| {
            Failure::new(Code::DockNotSeen, format!("it is not known where {} is", self.station))
        })?;
        Ok(Spot { station, part, hand, knob, base_from_station })
    }

    /// Nothing of the robot meets what goes along with its hand: the part, what rides on it, and what stands there.
    fn along_with_it(&self, ctx: &Context<'_>, spot: &Spot<'_>) -> Vec<(String, String)> {
        let part = &self.errand().part;
        let riding = spot.station.nests.iter().filter(|(_, nest)| nest.on.as_ref() == Some(part));
        let racks: Vec<NestRef> =
            riding.map(|(id, _)| NestRef { station: self.station.clone(), nest: id.clone() }).collect();
        let shapes = spot.part.shapes.iter().map(|shape| format!("{}/{}", self.station, shape.name));
        let stands = |place: &Place| match place {
            Place::At(address) => racks.contains(&NestRef::of(address)),
            Place::Gripper | Place::Nowhere => false,
        };
        let samples = ctx.ledger.samples().filter(|(_, known)| match &known.whereabouts {
            Whereabouts::At(place) => stands(place),
            Whereabouts::OneOf(places) => places.iter().any(stands),
        });
        let moving: Vec<String> = shapes
            .chain(racks.iter().map(scene::rack_name))
            .chain(samples.map(|(id, _)| id.to_string()))
            .collect();
        let links = ctx.world.robot.model.links.keys();
        let pairs = links.flat_map(|link| moving.iter().map(move |name| (link.clone(), name.clone())));
        pairs.collect()
    }

    fn approach(&self, ctx: &Context<'_>) -> Result<Action, Failure> {
        let (spot, errand) = (self.spot(ctx)?, self.errand());
        let over_m = spot.over_m();
        let goals = spot.tools(errand.from, errand.to, over_m).into_iter().skip(self.tried);
        let goals: Vec<MotionGoal> = goals.map(MotionGoal::Tool).collect();
        if goals.is_empty() {
            let words = format!("{} cannot be moved: the arm does not reach along its way", self.named());
            return Err(Failure::new(Code::Unreachable, words));
        }
        Ok(Action::Move(Move {
            what: format!("above the knob of {}", self.named()),
            goals,
            speed: limits::SPEED_FREE,
            may_touch: Vec::new(),
            guard: None,
        }))
    }

    fn down(&self, ctx: &Context<'_>) -> Result<Action, Failure> {
        let spot = self.spot(ctx)?;
        let by_m = spot.over_m();
        let mut down = spot.along(ctx, format!("down around the knob of {}", self.named()), by_m)?;
        let (force_n, axis) = (limits::KNOB_TOUCH_N, ctx.world.tool_axis());
        down.guard = Some(Guard { force_n, speed_m_s: limits::NEAR_SPEED, axis });
        Ok(Action::Move(down))
    }

    fn up(&self, ctx: &Context<'_>) -> Result<Move, Failure> {
        let spot = self.spot(ctx)?;
        spot.along(ctx, format!("off the knob of {}", self.named()), -spot.over_m())
    }

    /// To over the knob, or, where that cannot be, out of the way; without touching the knob.
    fn wind(&self, ctx: &Context<'_>) -> Result<Action, Failure> {
        let straight = self.up(ctx)?;
        let over = straight.goals.into_iter().filter_map(|goal| match goal {
            MotionGoal::Line(over) => Some(MotionGoal::ToolAnySpin(over)),
            _ => None,
        });
        let away = ctx.world.robot.arm.posture("drive").map(MotionGoal::Joints);
        Ok(Action::Move(Move { goals: over.chain(away).collect(), may_touch: Vec::new(), ..straight }))
    }

    fn closed(
        &mut self,
        ctx: &Context<'_>,
        opening_m: f64,
        force_n: f64,
        stalled: bool,
    ) -> Result<(At, Action), Failure> {
        let wide_m = 2.0 * self.spot(ctx)?.knob.radius_m;
        if !stalled || (opening_m - wide_m).abs() > limits::WIDTH_M {
            let words = format!(
                "the fingers closed to {:.1} mm with {force_n:.1} N, the knob of {} is {:.1} mm wide: it is not at {:.0} % of its way",
                opening_m * 1e3,
                self.named(),
                wide_m * 1e3,
                self.errand().from * 100.0
            );
            return Ok(self.let_go(ctx, Next::Fail(Failure::new(Code::GraspMissed, words))));
        }
        Ok((At::Weighing, self.ask()))
    }

    fn let_go(&self, ctx: &Context<'_>, next: Next) -> (At, Action) {
        // Whatever is not known of the place, the fingers open.
        let opening_m = ctx.world.robot.gripper.max_opening_m;
        let wide = Action::Grip { opening_m, force_n: limits::KNOB_GRIP_N };
        (At::LettingGo(next), self.spot(ctx).map_or(wide, |spot| spot.apart(ctx)))
    }

    /// The knob is between the fingers; closing on it may have moved it a little.
    fn take(&mut self, ctx: &mut Context<'_>, answer: &SiteAnswer) -> Result<Pull, Failure> {
        let spot = self.spot(ctx)?;
        let held_at = told(ctx.world.station(&self.station)?, answer)?[&self.errand().part];
        let base_from_tool = ctx.world.arm.base_from_tool(ctx.belief.joints_now(ctx.now)?);
        let station_from_tool = spot.base_from_station.inverse() * base_from_tool;
        let width_m = ctx.belief.gripper_now(ctx.now)?.opening_m;
        Ok(Pull { station_from_tool, held_at, now: held_at, next: held_at, width_m })
    }

    /// On by one step of the way, at the end of it a little farther, to feel the stop.
    fn pull(&self, ctx: &mut Context<'_>, mut pull: Pull) -> Result<(At, Action), Failure> {
        let spot = self.spot(ctx)?;
        let to = self.errand().to;
        let way_m = spot.part.joint.way_m(&spot.knob.pose.translation().into());
        let left = to - pull.now;
        let step = match spot.part.joint {
            PartJoint::Slide { .. } => 1.0,
            // Chords: from one to the next a part's tool turns by so little that it does not leave the circle.
            PartJoint::Turn { .. } => limits::PULL_TURN_RAD / spot.part.joint.travel().abs(),
        };
        let beyond = if to == 0.0 || to == 1.0 { limits::PULL_BEYOND_M / way_m } else { 0.0 };
        pull.next =
            if left.abs() <= step { to + beyond * left.signum() } else { pull.now + step * left.signum() };
        let from_held =
            spot.part.joint.displacement(pull.next) * spot.part.joint.displacement(pull.held_at).inverse();
        let station_from_tool = Pose::<StationFrame, Tool>::new(from_held * pull.station_from_tool.iso);
        let base_from_tool = spot.base_from_station * station_from_tool;
        // Along which the part pulls back, the same all the way for a tool that turns with it.
        let now = ctx.world.arm.base_from_tool(ctx.belief.joints_now(ctx.now)?);
        let ahead = (base_from_tool.translation() - now.translation()).normalize();
        let base_from_flange = ctx.world.arm.base_from_flange(ctx.belief.joints_now(ctx.now)?);
        let axis = base_from_flange.iso.rotation.inverse() * ahead;
        let speed_m_s = spot.part.speed_per_s * way_m;
        let motion = Move {
            what: format!(
                "with the knob of {} to {:.0} % of its way",
                self.named(),
                100.0 * pull.next.clamp(0.0, 1.0)
            ),
            goals: vec![MotionGoal::Line(base_from_tool)],
            speed: limits::SPEED_NEAR,
            may_touch: self.along_with_it(ctx, &spot),
            guard: Some(Guard { force_n: spot.hand.most_n, speed_m_s, axis }),
        };
        Ok((At::Pulling(pull), Action::Move(motion)))
    }

    /// The arm stands: at the end of a step, or because the part holds it.
    fn stopped(
        &mut self,
        ctx: &mut Context<'_>,
        pull: &Pull,
        force_n: Option<f64>,
    ) -> Result<(At, Action), Failure> {
        let spot = self.spot(ctx)?;
        let errand = self.errand().clone();
        let first: Point3<f64> = spot.knob.pose.translation().into();
        let way_m = spot.part.joint.way_m(&first);
        let base_from_tool = ctx.world.arm.base_from_tool(ctx.belief.joints_now(ctx.now)?);
        let tool = (spot.base_from_station.inverse() * base_from_tool).translation();
        let tool_first = spot.part.joint.displacement(pull.held_at).inverse()
            * Point3::from(pull.station_from_tool.translation());
        let now = spot.part.joint.position_of(&tool_first, &tool.into());
        let believed = ctx.belief.by_hand.entry(self.station.clone()).or_default();
        believed.insert(errand.part.clone(), now.clamp(0.0, 1.0));
        let there = (errand.to - now).abs() * way_m <= limits::PULL_STOP_M;
        let percent = |position: f64| format!("{:.0} %", (position.clamp(0.0, 1.0) * 100.0).abs());
        let (from, to) = (percent(errand.begun), percent(now));
        let felt = force_n.map_or(String::new(), |force_n| format!(", and held there with {force_n:.1} N"));
        if force_n.is_some() && !there {
            let words = format!(
                "{} sticks: by hand it came from {from} to {to} of its way{felt} (its file allows {:.1} N)",
                self.named(),
                spot.hand.most_n
            );
            return Ok(self.let_go(ctx, Next::Fail(Failure::new(Code::SitePartStuck, words))));
        }
        if !there && force_n.is_none() && (errand.to - now) * (errand.to - errand.from).signum() > 0.0 {
            let on = Pull { now, ..pull.clone() };
            return Ok((At::Pausing(on), Action::Rest(limits::WRIST_REST)));
        }
        let words = format!(
            "{} was brought by hand from {from} to {to} of its way{felt}: {:.1} mm of knob between the fingers",
            self.named(),
            pull.width_m * 1e3
        );
        Ok(self.let_go(ctx, Next::Check(words)))
    }

    /// Where the station has the part now that the hand is off it.
    fn check(&self, ctx: &mut Context<'_>, answer: &SiteAnswer) -> Result<(), Failure> {
        let told = told(ctx.world.station(&self.station)?, answer)?;
        let (errand, now) = (self.errand(), told[&self.errand().part]);
        ctx.belief.by_hand.entry(self.station.clone()).or_default().extend(told);
        if (now - errand.to).abs() > limits::HAND_PART {
            let words = format!(
                "{} was let go at {:.0} % of its way, and the station has it at {:.0} %",
                self.named(),
                errand.to * 100.0,
                now * 100.0
            );
            return Err(Failure::new(Code::SitePartStuck, words));
        }
        Ok(())
    }

    fn is_holding(&self) -> bool {
        matches!(self.at, At::Closing | At::Weighing | At::Pausing(_) | At::Pulling(_))
    }

    /// It cannot be done: first the hand off the knob, where the arm may move.
    fn off(&mut self, ctx: &mut Context<'_>, failure: Failure, holding: bool) -> Step {
        if crate::item::stops_robot(failure.code) {
            return Step::Fail(failure);
        }
        if !holding {
            return self.give_up(ctx, failure);
        }
        let (at, action) = self.let_go(ctx, Next::Fail(failure));
        self.at = at;
        Step::Do(action)
    }

    /// It cannot be done: as the debt has it.
    fn give_up(&self, ctx: &mut Context<'_>, failure: Failure) -> Step {
        if self.way == Way::Open {
            return Step::Fail(failure);
        }
        // The sample is where it should be by now: what is left to tell is that the station is not shut.
        let hand = matches!(failure.code, Code::NoMotion | Code::Unreachable | Code::GraspMissed);
        let failure = match hand {
            true => Failure::new(Code::SitePartStuck, format!("{} is not shut: {failure}", self.station)),
            false => failure,
        };
        if self.debt == Debt::Settle {
            return Step::Fail(failure);
        }
        ctx.out.push(SkillOutput::Notice { level: failure.code.level(), message: failure.to_string() });
        Step::Done
    }
}

impl Stage for ByHand {
    fn next(&mut self, ctx: &mut Context<'_>, last: Outcome) -> Step {
        let holding = self.is_holding();
        match self.go(ctx, last) {
            Ok(step) => step,
            Err(failure) => self.off(ctx, failure, holding),
        }
    }

    fn failed(&mut self, ctx: &mut Context<'_>, failure: Failure) -> Step {
        let (no_way, holding) =
            (matches!(failure.code, Code::NoMotion | Code::Unreachable), self.is_holding());
        let step = match std::mem::replace(&mut self.at, At::Start) {
            At::Pausing(pull) | At::Pulling(pull) if no_way => {
                self.tried += 1;
                // It stays where it has come to, and is taken another way round there.
                self.left.iter_mut().take(1).for_each(|errand| errand.from = pull.now);
                Ok(self.let_go(ctx, Next::Again))
            }
            At::Descending if no_way => Ok(self.let_go(ctx, Next::Fail(failure.clone()))),
            At::Leaving(next) if no_way => self.wind(ctx).map(|wind| (At::Winding(next), wind)),
            _ => Err(failure),
        };
        match step {
            Ok((at, action)) => {
                self.at = at;
                Step::Do(action)
            }
            Err(failure) => self.off(ctx, failure, holding),
        }
    }

    fn may_stop(&self) -> bool {
        matches!(self.at, At::Start | At::Asking | At::Opening | At::Approaching)
    }
}

/// A part's knob, seen from the base.
struct Spot<'a> {
    station: &'a Station,
    part: &'a Part,
    hand: &'a Hand,
    knob: Knob,
    base_from_station: Pose<Base, StationFrame>,
}

impl Spot<'_> {
    /// The fingers apart around the knob.
    fn apart(&self, ctx: &Context<'_>) -> Action {
        let opening_m = 2.0 * (self.knob.radius_m + limits::KNOB_OPEN_M);
        let opening_m = opening_m.min(ctx.world.robot.gripper.max_opening_m);
        Action::Grip { opening_m, force_n: limits::KNOB_GRIP_N }
    }

    /// Straight on with the fingers around the knob, along the tool's axis, by so much (m).
    fn along(&self, ctx: &Context<'_>, what: String, by_m: f64) -> Result<Move, Failure> {
        along_tool(ctx, what, by_m, vec![finger_and_knob(&self.station.id, self.hand)])
    }

    /// How far over the place from where it takes the knob the tool comes from, m: the tips pass the knob's end.
    fn over_m(&self) -> f64 {
        limits::KNOB_DEPTH_M + limits::TIP_M + limits::KNOB_OVER_M
    }

    /// The tool at so much (m) over where it takes the knob of a part that is at one position and shall go to another: first with
    /// the fingers before and behind the knob on its way, so that they push it, then beside it.
    fn tools(&self, at: f64, to: f64, over_m: f64) -> Vec<Pose<Base, Tool>> {
        let moved = self.part.joint.displacement(at) * self.knob.pose.iso;
        let out = moved.rotation * Vector3::z();
        let point =
            moved.translation.vector + out * (0.5 * self.knob.height_m - limits::KNOB_DEPTH_M + over_m);
        let first = Point3::from(self.knob.pose.iso.translation.vector);
        let place = |at: f64| self.part.joint.displacement(at) * first;
        let ahead: Vector3<f64> = place(at + 0.01 * (to - at)) - place(at);
        let across = ahead - out * ahead.dot(&out);
        let across = match across.try_normalize(0.2 * ahead.norm()) {
            Some(across) => across,
            // It is pulled along the knob: any way round will do.
            None => moved.rotation * Vector3::x(),
        };
        let z = -out;
        [across, -across, z.cross(&across), -z.cross(&across)]
            .map(|y| {
                let rotation = UnitQuaternion::from_basis_unchecked(&[y.cross(&z), y, z]);
                let station_from_tool = Isometry3::from_parts(Translation3::from(point), rotation);
                self.base_from_station * Pose::<StationFrame, Tool>::new(station_from_tool)
            })
            .into()
    }
}

/// The fingers and a knob may touch.
pub fn finger_and_knob(station: &StationId, hand: &Hand) -> (String, String) {
    ("finger".to_owned(), format!("{station}/{}", hand.knob))
}

/// Straight on, along the tool's axis, by so much (m).
///
/// # Errors
/// `SENSOR_STALE`.
pub fn along_tool(
    ctx: &Context<'_>,
    what: String,
    by_m: f64,
    may_touch: Vec<(String, String)>,
) -> Result<Move, Failure> {
    let base_from_tool = ctx.world.arm.base_from_tool(ctx.belief.joints_now(ctx.now)?);
    let tool_from_next = Pose::<Tool, Tool>::from_xyz_rpy([0.0, 0.0, by_m], [0.0; 3]);
    let goals = vec![MotionGoal::Line(base_from_tool * tool_from_next)];
    Ok(Move { what, goals, speed: limits::SPEED_NEAR, may_touch, guard: None })
}

/// Where a station has the parts that a hand moves.
///
/// # Errors
/// `SITE_FAULT` where it does not tell.
pub fn told(
    station: &Station,
    answer: &SiteAnswer,
) -> Result<std::collections::BTreeMap<PartId, f64>, Failure> {
    let by_hand = station.parts.iter().filter(|(_, part)| part.hand.is_some());
    by_hand
        .map(|(id, _)| {
            let at = answer.parts.get(id).copied().filter(|at| at.is_finite()).ok_or_else(|| {
                let words = format!("{} does not tell where its {id} is, which a hand moves", station.id);
                Failure::new(Code::SiteFault, words)
            })?;
            Ok((id.clone(), at))
        })
        .collect()
}

fn note(ctx: &mut Context<'_>, text: String) {
    let (kind, stamp) = ("part".into(), ctx.now);
    ctx.evidence.push(Evidence { kind, sha256: String::new(), path: String::new(), text, stamp });
}
