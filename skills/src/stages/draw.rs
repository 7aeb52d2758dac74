//! A held vial drawn out of its slot: tugged, and felt along the slot's wall until it is over the rack.
//!
//! A vial that is held askew is levered against its slot's wall as it is lifted, and the harder it is held and pulled the harder
//! it jams. What frees it is less force and not more: it is lowered again, so that it can be let go, stands upright by itself and is
//! taken anew, more loosely and farther from the wall that pushed it.

use crate::action::{Action, Outcome};
use crate::context::Context;
use crate::grasp::Spot;
use crate::guard::Guard;
use crate::{grip, limits};
use nalgebra::Vector3;
use nightshift_core::describe::RackType;
use nightshift_core::{Address, Failure, SampleId};

/// One vial on its way out.
#[derive(Debug)]
pub struct Extraction {
    sample: SampleId,
    from: Address,
    touches: Vec<(String, String)>,
    /// What it is carried with, what it is held with now, and what it is let down with where it jams, N.
    firm_n: f64,
    held_n: f64,
    easy_n: f64,
    /// The wrist feels at least so much of its weight, N.
    least_n: f64,
    /// Of its base over its seat when it is over the rack's top, m.
    rim_m: f64,
    /// What the slot leaves it to each side, m.
    play_m: f64,
    /// Where the tool stands from the slot's axis, m.
    aside_m: [f64; 2],
    /// What the wrist told with nothing between the fingers, N.
    empty_n: Option<Vector3<f64>>,
    /// What jammed, in words.
    stuck: String,
    at: At,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum At {
    Tugging,
    Tugged,
    /// Along the slot's wall, until its base is over the rack.
    Drawing,
    /// It jammed: at rest, to feel to which side it is pushed.
    Sensing,
    Easing,
    Lowering,
    /// Over the rack, to what it is carried with.
    Firming,
    Lifting,
}

/// What comes next.
#[derive(Debug)]
pub enum Drawn {
    Do(Action),
    /// It is over the rack, held.
    Out,
    /// It is not what it should be, and is still between the fingers.
    Not(String),
    /// It jammed, and stands in its slot again, still between the fingers. Where the tool should stand from the slot's axis (m) when it
    /// takes it anew.
    Jammed(String, [f64; 2]),
}

impl Extraction {
    /// Of what is held in its slot with a force and shall be carried with another (N), the tool so far from the slot's axis (m).
    /// `empty_n` is what the wrist told with nothing held.
    pub fn new(
        (sample, from): (&SampleId, &Address),
        spot: &Spot,
        rack: &RackType,
        (held_n, firm_n, empty_n): (f64, f64, Option<Vector3<f64>>),
        (aside_m, touches): ([f64; 2], Vec<(String, String)>),
    ) -> Self {
        let [least_kg, most_kg] = grip::mass_kg(&spot.vial);
        Self {
            sample: sample.clone(),
            from: from.clone(),
            touches,
            firm_n,
            held_n,
            easy_n: grip::needed_n(most_kg, spot.vial.grasp.friction).max(limits::RELAXED_N).min(held_n),
            least_n: least_kg * grip::GRAVITY - limits::WEIGHT_N,
            rim_m: rack.height_m - rack.floor_m,
            play_m: (0.5 * (rack.hole_m - spot.vial.diameter_m)).max(1e-3),
            aside_m,
            empty_n,
            stuck: String::new(),
            at: At::Tugging,
        }
    }

    /// Begins, at the grasp.
    ///
    /// # Errors
    /// `SENSOR_STALE`.
    pub fn begin(&self, ctx: &Context<'_>, spot: &Spot) -> Result<Action, Failure> {
        self.line(ctx, spot, "up a little from", limits::TUG_M, Some(limits::TUG_N))
    }

    /// What comes after an outcome.
    ///
    /// # Errors
    /// Where it cannot be told how things stand: `SENSOR_STALE`.
    pub fn next(&mut self, ctx: &mut Context<'_>, spot: &Spot, last: &Outcome) -> Result<Drawn, Failure> {
        let (next, action) = match (self.at, last) {
            (At::Tugging | At::Drawing, Outcome::Touched(force_n)) => {
                self.stuck = format!("{} is stuck in {}: it holds {force_n:.1} N", self.sample, self.from);
                (At::Sensing, Action::Rest(limits::WRIST_REST))
            }
            (At::Tugging, _) => (At::Tugged, Action::Rest(limits::WRIST_REST)),
            (At::Tugged, _) => {
                if let Some(words) = self.not_felt(ctx, spot)? {
                    return Ok(Drawn::Not(words));
                }
                match self.left_behind(ctx)? {
                    Some(words) => {
                        self.stuck = words;
                        self.ease()
                    }
                    None => {
                        let base_m = self.rim_m + limits::SIGHT_M;
                        (At::Drawing, self.line(ctx, spot, "out of", base_m, Some(limits::TUG_N))?)
                    }
                }
            }
            (At::Drawing, _) if self.held_n < self.firm_n => {
                (At::Firming, Action::Grip { opening_m: 0.0, force_n: self.firm_n })
            }
            (At::Drawing | At::Firming, _) => {
                let up_m = spot.clear_m() - spot.seat_m();
                (At::Lifting, self.line(ctx, spot, "up from", up_m, None)?)
            }
            (At::Lifting, _) => return Ok(Drawn::Out),
            (At::Sensing, _) => {
                self.yield_to_the_wall(ctx, spot)?;
                self.ease()
            }
            // Down again, whatever stops it on the way: its base may stand lower in the pads than it did. The pull that it jammed
            // under is felt to end first.
            (At::Easing, _) => {
                let guard_n = limits::TUG_N + limits::TOUCH_N;
                (At::Lowering, self.line(ctx, spot, "back into", 0.0, Some(guard_n))?)
            }
            (At::Lowering, _) => return Ok(Drawn::Jammed(self.stuck.clone(), self.aside_m)),
        };
        self.at = next;
        Ok(Drawn::Do(action))
    }

    fn ease(&self) -> (At, Action) {
        (At::Easing, Action::Grip { opening_m: 0.0, force_n: self.easy_n })
    }

    /// It is taken anew a part of the play nearer to where the wall pushes it.
    fn yield_to_the_wall(&mut self, ctx: &Context<'_>, spot: &Spot) -> Result<(), Failure> {
        let Some((empty_n, now_n)) = self.empty_n.zip(ctx.belief.wrist.mean(ctx.now)?) else { return Ok(()) };
        let pushed_n = spot.force_here(ctx, &(now_n - empty_n))?;
        let size_n = pushed_n.x.hypot(pushed_n.y);
        if size_n < limits::SIDE_N {
            return Ok(());
        }
        let step_m = limits::WRIGGLE_PLAY * self.play_m / size_n;
        let yielded = [self.aside_m[0] + step_m * pushed_n.x, self.aside_m[1] + step_m * pushed_n.y];
        if yielded[0].hypot(yielded[1]) <= limits::SLOT_OFFSET_M {
            self.aside_m = yielded;
        }
        Ok(())
    }

    /// Why what was lifted a little is not the sample: by width and force. None: it is.
    fn not_felt(&self, ctx: &Context<'_>, spot: &Spot) -> Result<Option<String>, Failure> {
        if ctx.belief.feels(ctx.now, &spot.vial) != Some(false) {
            return Ok(None);
        }
        let state = ctx.belief.gripper_now(ctx.now)?;
        Ok(Some(format!(
            "tugged, the fingers hold {:.1} mm and {:.1} N over {}; {} is {:.1} mm wide",
            state.opening_m * 1e3,
            state.force_n,
            self.from,
            self.sample,
            spot.vial.diameter_m * 1e3
        )))
    }

    /// Whether the pads slid up along it, by its weight. None: it came along.
    fn left_behind(&self, ctx: &Context<'_>) -> Result<Option<String>, Failure> {
        let now_n = ctx.belief.wrist.mean(ctx.now)?;
        let axis = ctx.world.tool_axis();
        let weight_n = self.empty_n.zip(now_n).map(|(empty_n, now_n)| (now_n - empty_n).dot(&axis));
        Ok(weight_n.filter(|weight_n| *weight_n < self.least_n).map(|weight_n| {
            let grams = weight_n / grip::GRAVITY * 1e3;
            format!("tugged, {} did not come out of {}: {grams:.0} g", self.sample, self.from)
        }))
    }

    /// Straight to where the vial's base is so far over its seat (m), guarded where `guard_n` says (N).
    fn line(
        &self,
        ctx: &Context<'_>,
        spot: &Spot,
        way: &str,
        base_m: f64,
        guard_n: Option<f64>,
    ) -> Result<Action, Failure> {
        let (what, to) =
            (format!("{way} {} with {}", self.from, self.sample), (self.aside_m, spot.seat_m() + base_m));
        let mut motion = spot.line_aside(ctx, what, to, self.touches.clone())?;
        let (speed_m_s, axis) = (limits::INSERT_SPEED, ctx.world.tool_axis());
        motion.guard = guard_n.map(|force_n| Guard { force_n, speed_m_s, axis });
        Ok(Action::Move(motion))
    }
}
