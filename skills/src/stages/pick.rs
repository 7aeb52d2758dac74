//! A sample out of its slot, between the fingers.

use super::draw::{Drawn, Extraction};
use super::hold::{self, Weighed};
use super::{Stage, Step};
use crate::action::{Action, Move, Outcome};
use crate::belief::Grip;
use crate::context::Context;
use crate::grasp::Spot;
use crate::guard::Guard;
use crate::ledger::Body;
use crate::world::NestRef;
use crate::{grip, limits, scene};
use nalgebra::Vector3;
use nightshift_core::api::{Evidence, Place};
use nightshift_core::{Address, Code, Failure, SampleId};

/// Opens, goes above the slot, writes down that it is about to act, feels its way down, closes with the force that its
/// weight needs, compares the width, tugs, draws out and weighs. What does not prove to be the sample, held, is let go where
/// it is, so that it stays in its slot.
#[derive(Debug)]
pub struct Pick {
    sample: SampleId,
    from: Address,
    at: At,
    /// How far the tool stands aside of the slot's axis, in the slot's frame, m.
    aside_m: [f64; 2],
    /// Sides that a finger which touched something is yet to try, along the way the fingers close.
    sides: Vec<f64>,
    /// Times that the fingers were brought to its middle.
    centrings: u32,
    /// What the wrist told with nothing between the fingers, N.
    tare_n: Option<Vector3<f64>>,
    /// Times that it jammed on its way out.
    jams: u32,
}

#[derive(Debug)]
enum At {
    Start,
    Opening,
    Approaching,
    Recording,
    /// Down to where fingers may touch what stands there.
    Nearing,
    Resting,
    /// Past its cap, which is narrower than it.
    Passing,
    /// Through the heights at which the fingers' tips may meet its shoulder.
    Feeling,
    Descending,
    /// Up again and to the other side, after a touch.
    Sidestepping,
    Taring,
    /// Softly.
    Closing,
    /// At rest, to feel from which side it is pressed. Wider than it by so much, m.
    Sensing(f64),
    Centring,
    /// With what it is drawn out with.
    Firming,
    /// Tugged, and drawn out.
    Drawing(Box<Extraction>),
    /// Let go after a jam, so that it stands upright, and taken anew.
    Righting,
    Shifting,
    Weighing,
    Lowering(Failure),
    LettingGo(Failure),
    Leaving(Failure),
}

impl Pick {
    pub fn new(sample: SampleId, from: Address) -> Self {
        let sides = vec![-limits::SIDE_STEP_M, limits::SIDE_STEP_M];
        Self { sample, from, at: At::Start, aside_m: [0.0; 2], sides, centrings: 0, tare_n: None, jams: 0 }
    }

    fn touches(&self, ctx: &Context<'_>) -> Vec<(String, String)> {
        scene::among_vials(ctx.ledger, &NestRef::of(&self.from), Some(&self.sample))
    }

    /// Straight up or down, guarded where `guard` has a force (N) and a speed (m/s).
    fn line(
        &self,
        ctx: &Context<'_>,
        spot: &Spot,
        what: String,
        height_m: f64,
        guard: Option<(f64, f64)>,
    ) -> Result<Action, Failure> {
        let mut motion: Move = spot.line_aside(ctx, what, (self.aside_m, height_m), self.touches(ctx))?;
        motion.guard =
            guard.map(|(force_n, speed_m_s)| Guard { force_n, speed_m_s, axis: ctx.world.tool_axis() });
        Ok(Action::Move(motion))
    }

    fn missed(&mut self, ctx: &mut Context<'_>, spot: &Spot, words: String) -> (At, Action) {
        ctx.belief.grip = None;
        let rule = spot.vial.grasp;
        let open = Action::Grip { opening_m: rule.opening_m, force_n: rule.force_n };
        (At::LettingGo(Failure::new(Code::GraspMissed, words)), open)
    }

    fn up(&self, ctx: &Context<'_>, spot: &Spot, missed: Failure) -> Result<(At, Action), Failure> {
        let up = self.line(ctx, spot, format!("up from {}", self.from), spot.clear_m(), None)?;
        Ok((At::Leaving(missed), up))
    }

    /// A finger has met something on its way down.
    fn touched(&mut self, ctx: &Context<'_>, spot: &Spot, force_n: f64) -> Result<(At, Action), Failure> {
        let over_m = spot.height_now(ctx)? - spot.seat_m();
        let words = format!(
            "a finger met something {:.0} mm over the grasp of {} in {}, with {force_n:.1} N",
            over_m * 1e3,
            self.sample,
            self.from
        );
        self.other_side(ctx, spot, Failure::new(Code::GraspMissed, words))
    }

    /// The one side is tried where there is no way down, and then the other; the failure stands where both have been.
    fn other_side(
        &mut self,
        ctx: &Context<'_>,
        spot: &Spot,
        failure: Failure,
    ) -> Result<(At, Action), Failure> {
        let Some(side_m) = self.sides.pop() else { return self.up(ctx, spot, failure) };
        self.aside_m = [0.0; 2];
        self.sidestep(ctx, spot, side_m)?;
        let what = format!("aside of {} in {}", self.sample, self.from);
        Ok((At::Sidestepping, self.line(ctx, spot, what, near_m(spot), None)?))
    }

    /// There was no way down around it: a neighbour is too near to a finger.
    fn no_way(&mut self, ctx: &mut Context<'_>, failure: Failure) -> Result<Step, Failure> {
        if !matches!(self.at, At::Sidestepping | At::Passing | At::Feeling | At::Descending) {
            return Err(failure);
        }
        let spot = Spot::as_seen(ctx.situation(), &self.sample, &self.from)?;
        let (next, action) = self.other_side(ctx, &spot, failure)?;
        self.at = next;
        Ok(Step::Do(action))
    }

    /// By so much (m) along the way the fingers close: the tool's y.
    fn sidestep(&mut self, ctx: &Context<'_>, spot: &Spot, by_m: f64) -> Result<(), Failure> {
        let (sin, cos) = spot.spin_now(ctx)?.sin_cos();
        self.aside_m[0] += sin * by_m;
        self.aside_m[1] -= cos * by_m;
        Ok(())
    }

    /// The fingers have closed softly: firmly now, or, where they press it against its slot from one side, to its middle.
    fn softly(
        &mut self,
        ctx: &mut Context<'_>,
        spot: &Spot,
        (opening_m, force_n, stalled): (f64, f64, bool),
    ) -> Result<(At, Action), Failure> {
        let off_m = opening_m - spot.vial.diameter_m;
        if stalled
            && off_m > limits::OFF_MIDDLE_M
            && self.tare_n.is_some()
            && self.centrings < limits::CENTRINGS
        {
            return Ok((At::Sensing(off_m), Action::Rest(limits::WRIST_REST)));
        }
        if !stalled || off_m.abs() > limits::WIDTH_M {
            return Ok(self.not_it(ctx, spot, opening_m, force_n));
        }
        Ok((
            At::Firming,
            Action::Grip { opening_m: 0.0, force_n: hold::in_slot_n(ctx, &self.sample, spot, self.jams)? },
        ))
    }

    /// To the middle of what only one finger touches: it is pushed to where that finger is.
    fn centre(&mut self, ctx: &mut Context<'_>, spot: &Spot, off_m: f64) -> Result<(At, Action), Failure> {
        let now_n = ctx.belief.wrist.mean_n(ctx.now, &ctx.world.closing_axis())?;
        let tare_n = self.tare_n.map(|tare_n| tare_n.dot(&ctx.world.closing_axis()));
        let pushed_n = tare_n.zip(now_n).map_or(0.0, |(tare_n, now_n)| now_n - tare_n);
        if pushed_n.abs() < limits::SIDE_N {
            let opening_m = spot.vial.diameter_m + off_m;
            return Ok(self.not_it(ctx, spot, opening_m, ctx.belief.gripper_now(ctx.now)?.force_n));
        }
        self.centrings += 1;
        self.sidestep(ctx, spot, 0.5 * off_m * pushed_n.signum())?;
        let what = format!("to the middle of {} in {}", self.sample, self.from);
        Ok((At::Centring, self.line(ctx, spot, what, spot.seat_m(), None)?))
    }

    fn not_it(&mut self, ctx: &mut Context<'_>, spot: &Spot, opening_m: f64, force_n: f64) -> (At, Action) {
        let words = format!(
            "the fingers closed to {:.1} mm with {force_n:.1} N over {}, {} is {:.1} mm wide",
            opening_m * 1e3,
            self.from,
            self.sample,
            spot.vial.diameter_m * 1e3
        );
        self.missed(ctx, spot, words)
    }

    fn closed(
        &mut self,
        ctx: &mut Context<'_>,
        spot: &Spot,
        (opening_m, force_n, stalled): (f64, f64, bool),
    ) -> Result<(At, Action), Failure> {
        let off = opening_m - spot.vial.diameter_m;
        if !stalled || off.abs() > limits::WIDTH_M {
            return Ok(self.not_it(ctx, spot, opening_m, force_n));
        }
        let [_, mass_kg] = grip::mass_kg(&spot.vial);
        ctx.belief.grip = Some(Grip {
            sample: self.sample.clone(),
            width_m: opening_m,
            force_n: hold::in_slot_n(ctx, &self.sample, spot, self.jams)?,
            needed_n: grip::needed_n(mass_kg, spot.vial.grasp.friction),
            from: Some(self.from.clone()),
        });
        self.note(ctx, format!("closed on {:.1} mm with {force_n:.1} N", opening_m * 1e3));
        let (rack, _) = ctx.world.slot(&self.from)?;
        let holds = (
            hold::in_slot_n(ctx, &self.sample, spot, self.jams)?,
            hold::firm_n(ctx, &self.sample, spot)?,
            self.tare_n,
        );
        let place = (self.aside_m, self.touches(ctx));
        let out = Box::new(Extraction::new((&self.sample, &self.from), spot, rack, holds, place));
        let tug = out.begin(ctx, spot)?;
        Ok((At::Drawing(out), tug))
    }

    fn drawn(
        &mut self,
        ctx: &mut Context<'_>,
        spot: &Spot,
        mut out: Box<Extraction>,
        last: &Outcome,
    ) -> Result<(At, Action), Failure> {
        Ok(match out.next(ctx, spot, last)? {
            Drawn::Do(action) => (At::Drawing(out), action),
            Drawn::Out => {
                // From here on it is carried, and felt into its slot, with what it was firmed to.
                let firm_n = hold::firm_n(ctx, &self.sample, spot)?;
                if let Some(grip) = &mut ctx.belief.grip {
                    grip.force_n = firm_n;
                }
                (At::Weighing, Action::Rest(limits::WRIST_REST))
            }
            Drawn::Not(words) => self.missed(ctx, spot, words),
            Drawn::Jammed(words, _) if self.jams == limits::WRIGGLES => {
                self.missed(ctx, spot, format!("{words}, wriggled {} times", self.jams))
            }
            Drawn::Jammed(words, aside_m) => {
                self.jams += 1;
                self.note(ctx, format!("{words}; taken anew"));
                (self.aside_m, self.centrings) = (aside_m, 0);
                (At::Righting, self.missed(ctx, spot, words).1)
            }
        })
    }

    /// Whether it weighs what the sample may. None: it does.
    fn weigh(&self, ctx: &mut Context<'_>, spot: &Spot) -> Result<Option<Failure>, Failure> {
        Ok(match hold::weigh(ctx, spot, self.tare_n)? {
            Weighed::Untold => None,
            Weighed::Likely { weight_n, needed_n } => {
                if let Some(held) = &mut ctx.belief.grip {
                    held.needed_n = needed_n;
                }
                self.note(ctx, format!("weighs {:.0} g", hold::grams(weight_n)));
                None
            }
            Weighed::Unlikely { weight_n, may_n: [least_n, most_n] } => {
                let words = format!(
                    "what was lifted from {} weighs {:.0} g, {} weighs {:.0} to {:.0} g",
                    self.from,
                    hold::grams(weight_n),
                    self.sample,
                    hold::grams(least_n),
                    hold::grams(most_n)
                );
                Some(Failure::new(Code::GraspMissed, words))
            }
        })
    }

    fn note(&self, ctx: &mut Context<'_>, text: String) {
        let (kind, stamp) = ("grip".into(), ctx.now);
        ctx.evidence.push(Evidence { kind, sha256: String::new(), path: String::new(), text, stamp });
    }

    fn go(&mut self, ctx: &mut Context<'_>, last: Outcome) -> Result<Step, Failure> {
        let spot = Spot::as_seen(ctx.situation(), &self.sample, &self.from)?;
        let rule = spot.vial.grasp;
        let (next, action) = match (std::mem::replace(&mut self.at, At::Start), last) {
            (At::Start, _) => {
                // A sample that cannot be held is not begun.
                hold::firm_n(ctx, &self.sample, &spot)?;
                (At::Opening, Action::Grip { opening_m: rule.opening_m, force_n: rule.force_n })
            }
            (At::Opening, Outcome::Gripped { opening_m, .. }) => {
                if opening_m < rule.opening_m - limits::WIDTH_M {
                    let words = format!(
                        "the fingers opened to {:.1} mm, asked were {:.1} mm",
                        opening_m * 1e3,
                        rule.opening_m * 1e3
                    );
                    return Err(Failure::new(Code::RobotUnavailable, words));
                }
                let what = format!("above {}", self.from);
                (At::Approaching, Action::Move(spot.approach(what, limits::SPEED_FREE, Vec::new())))
            }
            (At::Approaching, _) => {
                let (from, to) = (Place::At(self.from.clone()), Place::Gripper);
                let bodies = vec![Body::Begun { sample: self.sample.clone(), from, to }];
                (At::Recording, Action::Record { bodies, job: None })
            }
            (At::Recording, _) => {
                let what = format!("down over {} in {}", self.sample, self.from);
                (At::Nearing, self.line(ctx, &spot, what, near_m(&spot), None)?)
            }
            (At::Nearing | At::Sidestepping, _) => (At::Resting, Action::Rest(limits::WRIST_REST)),
            (At::Resting, _) => {
                let what = format!("past the cap of {} in {}", self.sample, self.from);
                // A tip that meets the cap's rim must not press the glass onto its seat: slowly, aside of the axis above all.
                let guard = Some((limits::TOUCH_N, limits::FEEL_SPEED));
                let over_m = around_m(&spot) + 2.0 * limits::SIGHT_M;
                (At::Passing, self.line(ctx, &spot, what, over_m, guard)?)
            }
            (At::Passing | At::Feeling | At::Descending, Outcome::Touched(force_n)) => {
                self.touched(ctx, &spot, force_n)?
            }
            (At::Passing, _) => {
                let what = format!("down around {} in {}", self.sample, self.from);
                let guard = Some((limits::TOUCH_N, limits::FEEL_SPEED));
                (At::Feeling, self.line(ctx, &spot, what, around_m(&spot), guard)?)
            }
            (At::Feeling, _) => {
                let what = format!("down to {} in {}", self.sample, self.from);
                let guard = Some((limits::TOUCH_N, limits::NEAR_SPEED));
                (At::Descending, self.line(ctx, &spot, what, spot.seat_m(), guard)?)
            }
            (At::Descending, _) => (At::Taring, Action::Rest(limits::WRIST_REST)),
            (At::Taring, _) => {
                self.tare_n = ctx.belief.wrist.mean(ctx.now)?;
                (At::Closing, close_softly(&spot))
            }
            (At::Closing, Outcome::Gripped { opening_m, force_n, stalled }) => {
                self.softly(ctx, &spot, (opening_m, force_n, stalled))?
            }
            (At::Sensing(off_m), _) => self.centre(ctx, &spot, off_m)?,
            (At::Centring, _) => (At::Closing, close_softly(&spot)),
            (At::Firming, Outcome::Gripped { opening_m, force_n, stalled }) => {
                self.closed(ctx, &spot, (opening_m, force_n, stalled))?
            }
            (At::Drawing(out), last) => self.drawn(ctx, &spot, out, &last)?,
            (At::Righting, _) => {
                let what = format!("around {} in {} again", self.sample, self.from);
                let guard = Some((limits::TOUCH_N, limits::INSERT_SPEED));
                (At::Shifting, self.line(ctx, &spot, what, spot.seat_m(), guard)?)
            }
            (At::Shifting, _) => (At::Taring, Action::Rest(limits::WRIST_REST)),
            (At::Weighing, _) => {
                let Some(failure) = self.weigh(ctx, &spot)? else { return Ok(Step::Done) };
                let what = format!("back into {} with what was taken", self.from);
                let guard = Some((limits::TOUCH_N, limits::NEAR_SPEED));
                let down = self.line(ctx, &spot, what, spot.seat_m() + limits::RELEASE_M, guard)?;
                (At::Lowering(failure), down)
            }
            (At::Lowering(failure), _) => {
                let (_, open) = self.missed(ctx, &spot, String::new());
                (At::LettingGo(failure), open)
            }
            (At::LettingGo(missed), _) => self.up(ctx, &spot, missed)?,
            (At::Leaving(missed), _) => return Err(missed),
            (At::Opening | At::Closing | At::Firming, other) => {
                unreachable!("the gripper answers with how it ended, not {other:?}")
            }
        };
        self.at = next;
        Ok(Step::Do(action))
    }
}

fn close_softly(spot: &Spot) -> Action {
    Action::Grip { opening_m: 0.0, force_n: limits::RELAXED_N.min(spot.vial.grasp.force_n) }
}

/// The tool's height over a slot from where the fingers' tips may meet the cap, m.
fn near_m(spot: &Spot) -> f64 {
    spot.vial.height_m + limits::TIP_M + limits::SIGHT_M
}

/// The tool's height over a slot where the tips are below the vial's shoulder and meet it no more, m.
fn around_m(spot: &Spot) -> f64 {
    let shoulder_m = spot.vial.height_m - spot.vial.cap.height_m;
    (shoulder_m + limits::TIP_M - limits::SIGHT_M).max(spot.seat_m())
}

impl Stage for Pick {
    fn next(&mut self, ctx: &mut Context<'_>, last: Outcome) -> Step {
        self.go(ctx, last).unwrap_or_else(Step::Fail)
    }

    fn failed(&mut self, ctx: &mut Context<'_>, failure: Failure) -> Step {
        match failure.code {
            Code::NoMotion | Code::Unreachable => self.no_way(ctx, failure).unwrap_or_else(Step::Fail),
            _ => Step::Fail(failure),
        }
    }

    fn may_stop(&self) -> bool {
        matches!(self.at, At::Start | At::Approaching)
    }
}
