//! With what a sample is held, and whether it weighs what it may.

use crate::context::Context;
use crate::grasp::Spot;
use crate::{grip, limits};
use nalgebra::Vector3;
use nightshift_core::{Code, Failure, SampleId};

/// With which force it is carried, N: what its weight needs, and more than at which it slipped.
///
/// # Errors
/// `GRIP_TOO_WEAK` where it bears less than that.
pub fn firm_n(ctx: &Context<'_>, sample: &SampleId, spot: &Spot) -> Result<f64, Failure> {
    let [_, mass_kg] = grip::mass_kg(&spot.vial);
    let gripper_n = ctx.world.robot.gripper.max_force_n;
    let force_n = grip::force_n(sample, &spot.vial, mass_kg, spot.vial.grasp.friction, gripper_n)?;
    let Some(slipped_n) = ctx.belief.slipped_at(sample) else { return Ok(force_n) };
    let tighter_n = grip::tighter_n(&spot.vial, slipped_n, gripper_n).ok_or_else(|| {
        let words = format!("{sample} slipped at {slipped_n:.1} N, and bears no more");
        Failure::new(Code::GripTooWeak, words)
    })?;
    Ok(force_n.max(tighter_n))
}

/// With which force it is held in its slot, N: loosely, so that pads that are not square to it slide along it before they
/// press it onto its seat; after so many jams with what its weight just needs. What has slipped is held firmly.
///
/// # Errors
/// As [`firm_n`].
pub fn in_slot_n(ctx: &Context<'_>, sample: &SampleId, spot: &Spot, jams: u32) -> Result<f64, Failure> {
    let firm_n = firm_n(ctx, sample, spot)?;
    let [_, mass_kg] = grip::mass_kg(&spot.vial);
    let needed_n = grip::needed_n(mass_kg, spot.vial.grasp.friction);
    let slipped = ctx.belief.slipped_at(sample).is_some();
    Ok(match jams {
        0 if slipped => firm_n,
        0 => needed_n.max(limits::RELAXED_N).min(firm_n),
        _ => needed_n.min(firm_n),
    })
}

/// What the wrist says of what was lifted, N.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Weighed {
    /// It tells nothing.
    Untold,
    /// What such a vial may weigh. It needs so much grip.
    Likely {
        /// Its weight.
        weight_n: f64,
        /// Of the grip.
        needed_n: f64,
    },
    /// What no such vial weighs.
    Unlikely {
        /// Its weight.
        weight_n: f64,
        /// Least and most.
        may_n: [f64; 2],
    },
}

/// Weighs what is between the fingers against what the wrist told with nothing there.
///
/// # Errors
/// `SENSOR_STALE`.
pub fn weigh(ctx: &Context<'_>, spot: &Spot, tare_n: Option<Vector3<f64>>) -> Result<Weighed, Failure> {
    let axis = ctx.world.tool_axis();
    let now_n = ctx.belief.wrist.mean_n(ctx.now, &axis)?;
    let Some((tare_n, now_n)) = tare_n.map(|tare_n| tare_n.dot(&axis)).zip(now_n) else {
        return Ok(Weighed::Untold);
    };
    let weight_n = now_n - tare_n;
    let may_n = grip::mass_kg(&spot.vial).map(|kg| kg * grip::GRAVITY);
    let [least_n, most_n] = may_n;
    if weight_n < least_n - limits::WEIGHT_N || weight_n > most_n + limits::WEIGHT_N {
        return Ok(Weighed::Unlikely { weight_n, may_n });
    }
    let mass_kg = (weight_n + limits::WEIGHT_N).min(most_n) / grip::GRAVITY;
    Ok(Weighed::Likely { weight_n, needed_n: grip::needed_n(mass_kg, spot.vial.grasp.friction) })
}

/// Of a weight, N.
pub fn grams(weight_n: f64) -> f64 {
    weight_n / grip::GRAVITY * 1e3
}
