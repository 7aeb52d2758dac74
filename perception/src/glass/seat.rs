//! Whether a vial sits in its slot as it should: raised, leaning, without its cap.
//!
//! In a rack the foot is hidden, and the slot's place is known: from the rack's fiducials. The outline's upper end, seen along the slot's
//! known axis, tells how high the vial stands.

use super::body::{Look, View, at_share, spread};
use super::{Outline, Support};
use nalgebra::{Point3, Unit, Vector3};
use nightshift_core::image::Intrinsics;
use serde::Serialize;

/// Where a vial should sit, in the camera's optical frame, and how large it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slot {
    /// Where the middle of its foot is when it sits, metres.
    pub seat: Point3<f64>,
    /// Standard deviation of that place along the axis, metres.
    pub sigma_m: f64,
    /// Up, out of the slot.
    pub axis: Unit<Vector3<f64>>,
    /// Radius of its upper end, metres.
    pub rim_m: f64,
    /// From its foot to its upper end, with its cap where it should have one, metres.
    pub height_m: f64,
    /// What the cap adds to its height, where it should have one, metres.
    pub cap_m: Option<f64>,
}

/// How it sits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Seat {
    /// It is down, upright and whole.
    Seated,
    /// It stands higher than it should.
    Raised,
    /// It leans across the line of sight.
    Tilted,
    /// It is as high as one without its cap.
    CapMissing,
    /// What is seen fits nothing of this, or is not good enough to tell.
    Unknown,
}

/// What was seen of a seat.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Seated {
    /// The judgement.
    pub seat: Seat,
    /// How much higher its upper end is than it should be, metres.
    pub raised_m: f64,
    /// Standard deviation of that, metres.
    pub sigma_m: f64,
    /// Lean across the line of sight, degrees, and its standard deviation.
    pub lean_deg: f64,
    /// Degrees.
    pub lean_sigma_deg: f64,
}

/// Pixels of an outline's edge (standard deviation).
const EDGE_PX: f64 = 1.0;
/// The share of an outline's pixels that may be its ragged edge.
const RAGGED: f64 = 0.005;
/// Raised by more it is not seated, metres; nothing is told where that is not 1.6 standard deviations (95 %).
const RAISED_M: f64 = 0.004;
const SURE: f64 = 1.6;
/// Leaning by more it is not seated, degrees: slots have play.
const LEANS_DEG: f64 = 5.0;
/// Level way from the camera to the axis, in radii, below which it is seen from above and its height is not.
const ABOVE: f64 = 2.0;

/// How the vial of an outline sits in a slot. None where the outline is not at the slot or shows nothing.
pub fn seated(outline: &Outline, slot: &Slot, camera: &Intrinsics) -> Option<Seated> {
    let up = slot.axis;
    let view =
        View::new(&Support { up, offset_m: up.dot(&slot.seat.coords), rms_m: 0.0, roughness: 1.0 }, camera);
    let (ahead, aside) = (view.ahead.dot(&slot.seat.coords), view.aside.dot(&slot.seat.coords));
    let (distance_m, azimuth) = (ahead.hypot(aside), aside.atan2(ahead));
    let looks: Vec<Look> = outline.pixels.iter().map(|index| view.look(*index)).collect();
    let half = (slot.rim_m / distance_m).min(1.0).asin();
    // Its upper end is told near the axis.
    let near: Vec<&Look> = looks.iter().filter(|look| (look.azimuth - azimuth).abs() < half / 2.0).collect();
    if near.len() < 10 {
        return None;
    }
    let mut rises: Vec<f64> = near.iter().map(|look| look.rise).collect();
    let highest = at_share(&mut rises, 1.0 - RAGGED);
    // The edge of a pixel is half a pixel beyond its middle.
    let rise = highest + 0.5 * (1.0 + highest * highest) / camera.fy;
    // Seen from over it, the highest is the far side of its rim.
    let top_m =
        view.height_m + rise * if rise < 0.0 { distance_m + slot.rim_m } else { distance_m - slot.rim_m };
    let pixel_m = distance_m * (1.0 + rise * rise) * EDGE_PX / camera.fy;
    let raised_m = top_m - slot.height_m;
    // What is not known of the distance counts by the rise; that of the seat is alike along all axes.
    let sigma_m = (pixel_m.powi(2) + slot.sigma_m.powi(2) * (1.0 + rise * rise)).sqrt();
    // Middles by height, over the visible part.
    let height = |look: &Look| view.height_m + look.rise * distance_m;
    let mut heights: Vec<f64> = looks.iter().map(height).collect();
    let (low, high) = (at_share(&mut heights, 0.02), at_share(&mut heights, 0.98));
    let part = |from: f64, to: f64| {
        let within = |look: &&Look| (from..to).contains(&((height(look) - low) / (high - low)));
        let some: Vec<Look> = looks.iter().filter(within).copied().collect();
        spread(&some).map(|(middle, _)| middle * distance_m)
    };
    let between_m = 0.6 * (high - low);
    let lean_deg = ((part(0.65, 0.95)? - part(0.05, 0.35)?) / between_m).atan().to_degrees();
    let lean_sigma_deg = (distance_m * EDGE_PX / camera.fx / between_m).atan().to_degrees();
    let seat =
        judge(slot, raised_m, sigma_m, lean_deg.abs(), lean_sigma_deg, distance_m < ABOVE * slot.rim_m);
    Some(Seated { seat, raised_m, sigma_m, lean_deg, lean_sigma_deg })
}

fn judge(slot: &Slot, raised_m: f64, sigma_m: f64, lean_deg: f64, lean_sigma_deg: f64, above: bool) -> Seat {
    if lean_deg > LEANS_DEG + SURE * lean_sigma_deg {
        return Seat::Tilted;
    }
    if above || SURE * sigma_m > RAISED_M || lean_deg > LEANS_DEG {
        return Seat::Unknown;
    }
    let without = slot.cap_m.is_some_and(|cap_m| {
        (raised_m + cap_m).abs() < RAISED_M.min(cap_m / 2.0) && cap_m > 2.0 * SURE * sigma_m
    });
    match raised_m {
        _ if without => Seat::CapMissing,
        raised if raised > RAISED_M => Seat::Raised,
        raised if raised < -RAISED_M => Seat::Unknown,
        _ => Seat::Seated,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vessel::Rle;
    use nightshift_core::image::Image;

    const RIM_M: f64 = 0.012;
    const HEIGHT_M: f64 = 0.06;

    fn camera() -> Intrinsics {
        Intrinsics { width: 640, height: 480, fx: 600.0, fy: 600.0, cx: 319.5, cy: 239.5 }
    }

    fn rle(mask: &Image<bool>) -> Rle {
        let all = [0, 0, mask.width, mask.height];
        Rle::paint([mask.width, mask.height], all, |x, y| *mask.at(x, y))
    }

    /// Looking down by 40 degrees on a seat 0.35 m away.
    fn slot() -> Slot {
        let (sin, cos) = 40f64.to_radians().sin_cos();
        Slot {
            seat: Point3::new(0.01, 0.02, 0.35),
            sigma_m: 0.0005,
            axis: Unit::new_normalize(Vector3::new(0.0, -cos, -sin)),
            rim_m: RIM_M,
            height_m: HEIGHT_M,
            cap_m: Some(0.01),
        }
    }

    /// The outline of a cylinder from 20 mm over its foot up (a rack hides the rest), raised and leaning, and of a height.
    fn outline(raised_m: f64, lean_deg: f64, height_m: f64) -> Outline {
        let slot = slot();
        let turned = nalgebra::Rotation3::from_axis_angle(&Vector3::z_axis(), lean_deg.to_radians());
        let axis = turned * slot.axis.into_inner();
        let foot = slot.seat.coords + slot.axis.into_inner() * raised_m;
        let mut mask = Image::filled(640, 480, false);
        for index in 0..mask.pixels.len() {
            let ray = super::super::ray(&camera(), index);
            let across = |v: &Vector3<f64>| v - axis * axis.dot(v);
            let (way, from) = (across(&ray), across(&foot));
            let (a, b, c) = (way.norm_squared(), way.dot(&from), from.norm_squared() - RIM_M * RIM_M);
            let root = b * b - a * c;
            let wall = root >= 0.0 && {
                let depth = (b - root.sqrt()) / a;
                (0.02 - raised_m..height_m).contains(&axis.dot(&(ray * depth - foot)))
            };
            let middle = foot + axis * height_m;
            let end = axis.dot(&middle) / axis.dot(&ray);
            mask.pixels[index] = wall || end > 0.0 && (ray * end - middle).norm() < RIM_M;
        }
        Outline::of(&rle(&mask), super::super::Mouth::Closed).unwrap()
    }

    #[test]
    fn how_a_vial_sits_is_told_from_its_upper_end() {
        for (raised_m, lean_deg, height_m, expected) in [
            (0.0, 0.0, HEIGHT_M, Seat::Seated),
            (0.002, 2.0, HEIGHT_M, Seat::Seated),
            (0.008, 0.0, HEIGHT_M, Seat::Raised),
            (0.02, -1.0, HEIGHT_M, Seat::Raised),
            (0.0, 12.0, HEIGHT_M, Seat::Tilted),
            (0.0, -12.0, HEIGHT_M, Seat::Tilted),
            (0.0, 0.0, HEIGHT_M - 0.01, Seat::CapMissing),
            // Neither with its cap nor without it.
            (0.0, 0.0, HEIGHT_M - 0.02, Seat::Unknown),
        ] {
            let told = seated(&outline(raised_m, lean_deg, height_m), &slot(), &camera()).unwrap();
            assert_eq!(told.seat, expected, "{raised_m} {lean_deg} {height_m}: {told:?}");
            let true_m = raised_m + height_m - HEIGHT_M;
            if lean_deg.abs() < 5.0 {
                assert!((told.raised_m - true_m).abs() < 3.0 * told.sigma_m, "{true_m}: {told:?}");
                assert!((told.lean_deg.abs() - lean_deg.abs()).abs() < 2.0, "{told:?}");
            }
        }
    }

    #[test]
    fn what_is_not_good_enough_is_unknown_and_what_is_elsewhere_is_nothing() {
        let seen = outline(0.0, 0.0, HEIGHT_M);
        let vague = Slot { sigma_m: 0.005, ..slot() };
        assert_eq!(seated(&seen, &vague, &camera()).unwrap().seat, Seat::Unknown);
        let elsewhere = Slot { seat: Point3::new(0.1, 0.02, 0.35), ..slot() };
        assert_eq!(seated(&seen, &elsewhere, &camera()), None);
        // Straight from above its height is not seen.
        let above = Slot { seat: Point3::new(0.0, 0.0, 0.35), axis: -Vector3::z_axis(), ..slot() };
        let mut mask = Image::filled(640, 480, false);
        for index in 0..mask.pixels.len() {
            let (x, y) = ((index % 640) as f64 - 319.5, (index / 640) as f64 - 239.5);
            mask.pixels[index] = x.hypot(y) < 25.0;
        }
        let seen = Outline::of(&rle(&mask), super::super::Mouth::Closed).unwrap();
        let told = seated(&seen, &above, &camera());
        assert!(told.is_none_or(|told| told.seat == Seat::Unknown), "{told:?}");
    }
}
