//! A held vial felt down into a slot: a guarded descent, a search for the slot's mouth where its rim is met, and the
//! seat known by height, width and force.

use super::mouth::Mouth;
use crate::action::{Action, Outcome};
use crate::context::Context;
use crate::grasp::Spot;
use crate::guard::Guard;
use crate::limits;
use nalgebra::Vector3;
use nightshift_core::api::Evidence;
use nightshift_core::describe::RackType;
use nightshift_core::{Address, Code, Failure};

/// One insertion underway.
#[derive(Debug)]
pub struct Insertion {
    to: Address,
    touches: Vec<(String, String)>,
    /// Of a vial's base over its seat when it stands on the rack's top, m.
    rim_m: f64,
    /// How far below its seat it is felt for, m; negative where there is no room to.
    below_m: f64,
    /// Lower than this over its seat, what is met is the seat, m.
    window_m: f64,
    /// Where the slot's mouth is searched, and where the vial is over it now, from the slot's axis, m.
    mouth: Mouth,
    aside_m: [f64; 2],
    /// What the wrist told before something was met, N.
    tare_n: Option<Vector3<f64>>,
    /// How far over the seat something was met last, m, and that in words, should nothing be left to try.
    met_m: f64,
    found: Option<Failure>,
    /// What it is held with where it is felt for, N.
    firm_n: f64,
    at: At,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum At {
    /// Held loosely, so that it gives in the pads if it meets something after all.
    Relaxing,
    Nearing,
    Firming,
    Resting,
    /// The mouth, slowly.
    Mouth,
    Loosening,
    Seat,
    /// At rest on something, to feel to which side it pushes.
    Sensing,
    /// Straight up out of the mouth: aside from within, the rack would turn the vial in the pads.
    Lifting,
    /// To the next place over the rim.
    Hopping,
}

/// What comes next.
#[derive(Debug)]
pub enum Inserted {
    Do(Action),
    /// It stands on its seat, still held.
    Seated,
    /// It does not go in, and is still held.
    Blocked(Failure),
}

impl Insertion {
    /// Of what is held over a slot, with a force (N).
    pub fn new(
        to: &Address,
        spot: &Spot,
        rack: &RackType,
        firm_n: f64,
        touches: Vec<(String, String)>,
    ) -> Self {
        let mouth = Mouth::new((0.5 * (rack.hole_m - spot.vial.diameter_m)).max(1e-3));
        let (aside_m, tare_n, met_m, found) = (mouth.aside_m(), None, f64::INFINITY, None);
        let rim_m = rack.height_m - rack.floor_m;
        let room_m = rack.floor_m - limits::MARGIN_M - limits::RELEASE_M;
        let below_m = room_m.clamp(0.0, limits::BELOW_SEAT_M);
        Self {
            to: to.clone(),
            touches,
            rim_m,
            below_m,
            window_m: limits::SEAT_M.min(0.5 * rim_m),
            mouth,
            aside_m,
            tare_n,
            met_m,
            found,
            firm_n,
            at: At::Relaxing,
        }
    }

    /// Begins, above the slot.
    pub fn begin(&self, ctx: &Context<'_>, spot: &Spot) -> Action {
        self.loosely(ctx, spot)
    }

    /// What it is held with when it is carried, N.
    pub fn firm_n(&self) -> f64 {
        self.firm_n
    }

    fn loosely(&self, ctx: &Context<'_>, spot: &Spot) -> Action {
        let needed_n = ctx.belief.grip.as_ref().map_or(self.firm_n, |grip| grip.needed_n);
        let force_n = needed_n.max(limits::RELAXED_N.min(spot.vial.grasp.force_n));
        Action::Grip { opening_m: 0.0, force_n }
    }

    /// What comes after an outcome.
    ///
    /// # Errors
    /// Where it cannot be told how things stand: `SENSOR_STALE`.
    pub fn next(&mut self, ctx: &mut Context<'_>, spot: &Spot, last: &Outcome) -> Result<Inserted, Failure> {
        let base_m = spot.height_now(ctx)? - spot.seat_m();
        if let Outcome::Touched(force_n) = last {
            return self.touched(ctx, spot, base_m, *force_n);
        }
        let (next, action) = match self.at {
            // Down to over the rack, where nothing should be met.
            At::Relaxing => {
                let over_m = self.rim_m + 1.5 * limits::SIGHT_M;
                (At::Nearing, self.line(ctx, spot, "down over", over_m, Some(limits::NEAR_SPEED))?)
            }
            At::Nearing | At::Hopping => (At::Firming, Action::Grip { opening_m: 0.0, force_n: self.firm_n }),
            At::Firming => (At::Resting, Action::Rest(limits::WRIST_REST)),
            At::Resting => {
                self.tare_n = ctx.belief.wrist.mean(ctx.now)?;
                let inside_m = self.rim_m - 1.5 * limits::SIGHT_M;
                (At::Mouth, self.line(ctx, spot, "into the mouth of", inside_m, Some(limits::FEEL_SPEED))?)
            }
            At::Sensing => return self.elsewhere(ctx, spot),
            At::Lifting => return self.across(ctx, spot).map(Inserted::Do),
            At::Mouth => (At::Loosening, self.loosely(ctx, spot)),
            At::Loosening => {
                // Without a wrist's sensor it is let go over its seat: pressed on, an error in height would push glass.
                let feels = ctx.belief.wrist.mean_n(ctx.now, &ctx.world.tool_axis())?.is_some();
                if !feels {
                    self.below_m = -limits::RELEASE_M;
                }
                (At::Seat, self.line(ctx, spot, "down into", -self.below_m, Some(limits::INSERT_SPEED))?)
            }
            // Where there is no room to feel for the seat, it is let go over it.
            At::Seat if base_m > -0.5 * limits::SIGHT_M => return Ok(Inserted::Seated),
            At::Seat => {
                let words =
                    format!("nothing was met in {} down to {:.1} mm below its seat", self.to, -base_m * 1e3);
                return Ok(Inserted::Blocked(Failure::new(Code::InsertBlocked, words)));
            }
        };
        self.at = next;
        Ok(Inserted::Do(action))
    }

    fn touched(
        &mut self,
        ctx: &mut Context<'_>,
        spot: &Spot,
        base_m: f64,
        force_n: f64,
    ) -> Result<Inserted, Failure> {
        if base_m <= self.window_m {
            return self.seated(ctx, spot, base_m, force_n);
        }
        let found = self.met(base_m, force_n);
        if self.at == At::Nearing || base_m > self.rim_m + limits::SEAT_M {
            return Ok(Inserted::Blocked(found));
        }
        (self.met_m, self.found) = (base_m, Some(found));
        self.at = At::Sensing;
        Ok(Inserted::Do(Action::Rest(limits::WRIST_REST)))
    }

    /// It rests on the rim: on to the next place.
    fn elsewhere(&mut self, ctx: &mut Context<'_>, spot: &Spot) -> Result<Inserted, Failure> {
        let pushed_n = match self.tare_n.zip(ctx.belief.wrist.mean(ctx.now)?) {
            Some((tare_n, now_n)) => spot.force_here(ctx, &(now_n - tare_n))?,
            None => Vector3::zeros(),
        };
        match self.mouth.after(self.met_m, self.rim_m, [pushed_n.x, pushed_n.y]) {
            Some(_) => self.hop(ctx, spot).map(Inserted::Do),
            None => {
                let found = self.found.take();
                Ok(Inserted::Blocked(found.unwrap_or_else(|| self.met(0.0, 0.0))))
            }
        }
    }

    /// There was no way: to a hop, so that the next place is tried; or as far below the seat, so that it is felt for less
    /// deeply, or let go over it.
    pub fn no_way(&mut self, ctx: &Context<'_>, spot: &Spot, failure: &Failure) -> Result<Inserted, Failure> {
        if matches!(self.at, At::Loosening | At::Seat) && self.below_m >= 0.0 {
            self.at = At::Seat;
            self.below_m = if self.below_m > 0.0 { 0.0 } else { -limits::RELEASE_M };
            let down = self.line(ctx, spot, "down into", -self.below_m, Some(limits::INSERT_SPEED))?;
            return Ok(Inserted::Do(down));
        }
        let next = matches!(self.at, At::Hopping | At::Lifting).then(|| self.mouth.elsewhere()).flatten();
        match next {
            Some(_) => self.across(ctx, spot).map(Inserted::Do),
            None => Ok(Inserted::Blocked(failure.clone())),
        }
    }

    /// To the next place, out of the mouth first where the vial is in it.
    fn hop(&mut self, ctx: &Context<'_>, spot: &Spot) -> Result<Action, Failure> {
        if self.met_m < self.rim_m - limits::HOP_M {
            self.at = At::Lifting;
            return self.line(ctx, spot, "out of the mouth of", self.rim_m + limits::HOP_M, None);
        }
        self.across(ctx, spot)
    }

    fn across(&mut self, ctx: &Context<'_>, spot: &Spot) -> Result<Action, Failure> {
        self.at = At::Hopping;
        self.aside_m = self.mouth.aside_m();
        let over_m = self.rim_m + limits::HOP_M;
        let up_m = (spot.height_now(ctx)? - spot.seat_m() + limits::HOP_M).max(over_m);
        self.line(ctx, spot, "beside the rim over", up_m, None)
    }

    fn line(
        &self,
        ctx: &Context<'_>,
        spot: &Spot,
        way: &str,
        base_m: f64,
        feeling_at: Option<f64>,
    ) -> Result<Action, Failure> {
        let (what, to) = (format!("{way} {}", self.to), (self.aside_m, spot.seat_m() + base_m));
        let mut motion = spot.line_aside(ctx, what, to, self.touches.clone())?;
        let (force_n, axis) = (limits::TOUCH_N, ctx.world.tool_axis());
        motion.guard = feeling_at.map(|speed_m_s| Guard { force_n, speed_m_s, axis });
        Ok(Action::Move(motion))
    }

    fn met(&self, base_m: f64, force_n: f64) -> Failure {
        let tried = match self.mouth.is_searched() {
            true => format!(", searched to {:.0} mm around", limits::SEARCH_M * 1e3),
            false => String::new(),
        };
        let words = format!(
            "something was met {:.0} mm over the seat of {} with {force_n:.1} N{tried}",
            base_m * 1e3,
            self.to
        );
        Failure::new(Code::InsertBlocked, words)
    }

    fn seated(
        &self,
        ctx: &mut Context<'_>,
        spot: &Spot,
        base_m: f64,
        force_n: f64,
    ) -> Result<Inserted, Failure> {
        let state = ctx.belief.gripper_now(ctx.now)?;
        let measured =
            format!("{:.1} mm between the pads with {:.1} N", state.opening_m * 1e3, state.force_n);
        if ctx.belief.feels(ctx.now, &spot.vial) == Some(false) {
            let words = format!("on the seat of {} the fingers hold {measured}", self.to);
            return Ok(Inserted::Blocked(Failure::new(Code::GraspLost, words)));
        }
        ctx.evidence.push(Evidence {
            kind: "seat".into(),
            sha256: String::new(),
            path: String::new(),
            text: format!(
                "seated in {} at {:+.1} mm with {force_n:.1} N, {:.1} mm aside; {measured}",
                self.to,
                base_m * 1e3,
                self.aside_m[0].hypot(self.aside_m[1]) * 1e3
            ),
            stamp: ctx.now,
        });
        Ok(Inserted::Seated)
    }
}
