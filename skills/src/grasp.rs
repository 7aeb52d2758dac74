//! Where the tool is when it holds a vial in a slot, and how it comes there.

use crate::action::Move;
use crate::context::{Context, Situation};
use crate::limits;
use crate::world::NestRef;
use nalgebra::Vector3;
use nightshift_core::describe::Vial;
use nightshift_core::frames::{Base, Pose, Slot, Tool};
use nightshift_core::{Address, Code, Failure, SampleId};
use nightshift_motion::MotionGoal;

/// A slot with a vial type, where both are known.
#[derive(Clone, Debug)]
pub struct Spot {
    /// The vial that stands there or shall.
    pub vial: Vial,
    /// The slot; for a vial that was seen leaning on its play, moved to where it stands.
    pub base_from_slot: Pose<Base, Slot>,
}

impl Spot {
    /// The slot's own axis.
    ///
    /// # Errors
    /// `UNKNOWN_*`; `NEST_NOT_SEEN` where it is not known where the nest is.
    pub fn of(now: Situation<'_>, sample: &SampleId, address: &Address) -> Result<Self, Failure> {
        let world = now.world;
        let known = now.ledger.sample(sample).ok_or_else(|| {
            Failure::new(Code::UnknownSample, format!("sample {sample} is not in the ledger"))
        })?;
        let vial = world.vial(&known.labware)?;
        let (_, nest_from_slot) = world.slot(address)?;
        let nest = NestRef::of(address);
        let base_from_nest = now
            .belief
            .base_from_nest(world, &nest)
            .ok_or_else(|| Failure::new(Code::NestNotSeen, format!("it is not known where {nest} is")))?;
        Ok(Self { vial: vial.clone(), base_from_slot: base_from_nest * nest_from_slot })
    }

    /// Where the vial was seen to stand, within the play that its slot leaves it.
    ///
    /// # Errors
    /// As [`Spot::of`].
    pub fn as_seen(now: Situation<'_>, sample: &SampleId, address: &Address) -> Result<Self, Failure> {
        let spot = Self::of(now, sample, address)?;
        let (rack, _) = now.world.slot(address)?;
        let tag = now
            .ledger
            .sample(sample)
            .and_then(|known| nightshift_core::describe::fiducial_of_code(&known.code));
        let cap = now.belief.nest(&NestRef::of(address)).and_then(|sight| sight.cap(tag?).cloned());
        let Some(cap) = cap.filter(|cap| cap.slot == address.slot) else { return Ok(spot) };
        // A cap farther out leans: its foot does not follow it beyond the play.
        let play = 0.5 * (rack.hole_m - spot.vial.diameter_m);
        let [x, y] = cap.offset_m.map(|offset| offset.clamp(-play, play));
        let slot_from_seen = Pose::from_xyz_rpy([x, y, 0.0], [0.0; 3]);
        Ok(Self { vial: spot.vial, base_from_slot: spot.base_from_slot * slot_from_seen })
    }

    /// The tool's height over the slot when it holds the seated vial, metres.
    pub fn seat_m(&self) -> f64 {
        self.vial.grasp.height_m
    }

    /// The tool's height over the slot from where a held vial passes over those that stand, metres.
    pub fn clear_m(&self) -> f64 {
        self.vial.grasp.height_m + self.vial.height_m + limits::CARRY_CLEARANCE_M
    }

    /// The tool over the slot, pointing down, turned by `spin` about the slot's axis.
    pub fn tool(&self, height_m: f64, spin: f64) -> Pose<Base, Tool> {
        let slot_from_tool = Pose::from_xyz_rpy([0.0, 0.0, height_m], [std::f64::consts::PI, 0.0, spin]);
        self.base_from_slot * slot_from_tool
    }

    /// The turn about the slot's axis that the tool has now.
    ///
    /// # Errors
    /// `SENSOR_STALE`.
    pub fn spin_now(&self, ctx: &Context<'_>) -> Result<f64, Failure> {
        let base_from_tool = ctx.world.arm.base_from_tool(ctx.belief.joints_now(ctx.now)?);
        let slot_from_tool = self.base_from_slot.inverse() * base_from_tool;
        let x = slot_from_tool.iso.rotation * Vector3::x();
        Ok(x.y.atan2(x.x))
    }

    /// To above the slot, any way round.
    pub fn approach(&self, what: String, speed: f64, may_touch: Vec<(String, String)>) -> Move {
        let goals = vec![MotionGoal::ToolAnySpin(self.tool(self.clear_m(), 0.0))];
        Move { what, goals, speed, may_touch, guard: None }
    }

    /// Straight up or down to a height over the slot.
    ///
    /// # Errors
    /// `SENSOR_STALE`.
    pub fn line(
        &self,
        ctx: &Context<'_>,
        what: String,
        height_m: f64,
        may_touch: Vec<(String, String)>,
    ) -> Result<Move, Failure> {
        let goals = vec![MotionGoal::Line(self.tool(height_m, self.spin_now(ctx)?))];
        Ok(Move { what, goals, speed: limits::SPEED_NEAR, may_touch, guard: None })
    }

    /// Straight to `aside_m` (x and y) from the slot's axis at a height over the slot.
    ///
    /// # Errors
    /// `SENSOR_STALE`.
    pub fn line_aside(
        &self,
        ctx: &Context<'_>,
        what: String,
        (aside_m, height_m): ([f64; 2], f64),
        may_touch: Vec<(String, String)>,
    ) -> Result<Move, Failure> {
        let aside = Pose::from_xyz_rpy([aside_m[0], aside_m[1], 0.0], [0.0; 3]);
        let shifted = Self { base_from_slot: self.base_from_slot * aside, ..self.clone() };
        shifted.line(ctx, what, height_m, may_touch)
    }

    /// Where a force in the flange's axes points in the slot's frame now.
    ///
    /// # Errors
    /// `SENSOR_STALE`.
    pub fn force_here(&self, ctx: &Context<'_>, force_n: &Vector3<f64>) -> Result<Vector3<f64>, Failure> {
        let base_from_flange = ctx.world.arm.base_from_flange(ctx.belief.joints_now(ctx.now)?);
        let slot_from_flange = self.base_from_slot.inverse().iso.rotation * base_from_flange.iso.rotation;
        Ok(slot_from_flange * force_n)
    }

    /// The tool's height over the slot now, metres.
    ///
    /// # Errors
    /// `SENSOR_STALE`.
    pub fn height_now(&self, ctx: &Context<'_>) -> Result<f64, Failure> {
        let base_from_tool = ctx.world.arm.base_from_tool(ctx.belief.joints_now(ctx.now)?);
        Ok((self.base_from_slot.inverse() * base_from_tool).translation().z)
    }
}
