//! Depth of glass, which depth cameras do not tell: from its outline, the plane that it stands on and an upright model.
//!
//! On glass a stereo camera reads what lies behind it, or nothing. What stands on a plane is met by the ray through the
//! foot of its outline where that ray meets the plane; from there it is taken to rise along the plane's normal, as a surface of
//! revolution as wide at each height as its outline is there.

mod body;
mod support;
mod upright;

use crate::vessel::Rle;
use nalgebra::{Point3, Unit, Vector3};
use nightshift_core::image::{Depth, Image, Intrinsics};
use nightshift_core::random::Seed;

/// The plane that things stand on, in the camera's optical frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Support {
    /// Away from the things' feet, towards the camera's side.
    pub up: Unit<Vector3<f64>>,
    /// `up . x` of its points, metres; below zero, as the camera is over it.
    pub offset_m: f64,
    /// Root mean square of its own points' distances, metres.
    pub rms_m: f64,
    /// The same over what a stereo camera's noise makes of a plane.
    pub roughness: f64,
}

/// The completed depth of one thing.
#[derive(Clone, Debug, PartialEq)]
pub struct Front {
    /// Metres along the optical axis for each pixel of its outline, in the picture's order.
    pub pixels: Vec<FrontPixel>,
    /// Where it stands; none where the upright model does not hold at all.
    pub stand: Option<Stand>,
    /// Why nothing should be grasped by this depth; empty where it may.
    pub do_not_grasp: Vec<Doubt>,
}

/// The axis of a thing that stands, along the support's `up`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stand {
    /// Middle of its foot on the support, in the camera's optical frame, metres.
    pub foot: Point3<f64>,
    /// Standard deviations of the foot away from the camera and across that, along the support, metres.
    pub sigma_m: [f64; 2],
    /// Radius of its foot, metres.
    pub radius_m: f64,
    /// From foot to rim, metres.
    pub height_m: f64,
}

/// A completed pixel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FrontPixel {
    /// Its place in the picture's pixels.
    pub index: usize,
    /// Metres along the optical axis.
    pub depth_m: f64,
    /// Standard deviation, metres.
    pub sigma_m: f64,
}

/// Why a completed depth is not good enough to grasp by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Doubt {
    /// The outline reaches the picture's edge: foot or width may lie outside.
    CutOff,
    /// So few pixels tell neither foot nor width.
    TooSmall,
    /// The plane's own points are too far from it.
    RoughSupport,
    /// It leans or lies, or is seen from above, and the upright model does not hold.
    NotUpright,
    /// The plane is not seen right before its foot: something stands there, or it stands on something else.
    FootHidden,
    /// So low over the support, or from so far, its foot is not told well enough.
    Unsure,
}

/// Why there is no depth.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum GlassError {
    /// Picture, outlines and camera are not of one size.
    #[error(
        "depth is {depth:?} and the camera {camera:?} pixels: they must be of one size, and outlines within it"
    )]
    Size {
        /// Width and height.
        depth: [usize; 2],
        /// Width and height.
        camera: [usize; 2],
    },
    /// No plane is seen around the glass.
    #[error("no plane is seen around the glass: {measured} measured pixels, {inliers} of them on one plane")]
    NoSupport {
        /// Pixels with depth near the glass.
        measured: usize,
        /// Those on the best plane.
        inliers: usize,
    },
}

/// What a raw depth picture is worth: nothing where it is 0 or no number, untrusted on glass.
pub fn classify(raw_m: &Image<f32>, glass: &Image<bool>) -> Image<Depth> {
    let pixels = raw_m.pixels.iter().zip(&glass.pixels).map(|(depth, glass)| match (*depth, glass) {
        (depth, _) if !(depth > 0.0 && depth.is_finite()) => Depth::Missing,
        (depth, true) => Depth::Untrusted(depth),
        (depth, false) => Depth::Measured(depth),
    });
    Image { width: raw_m.width, height: raw_m.height, pixels: pixels.collect() }
}

/// What the upper end of a thing is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mouth {
    /// One looks into it.
    Open,
    /// A cap, a lid or a bottom.
    Closed,
    /// Nobody knows.
    #[default]
    Unknown,
}

/// The outline of one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outline {
    /// Its pixels' places in the picture, in the picture's order.
    pixels: Vec<usize>,
    mouth: Mouth,
}

impl Outline {
    /// The pixels of a mask; none where it is empty.
    pub fn of(mask: &Rle, mouth: Mouth) -> Option<Self> {
        let mut pixels: Vec<usize> = mask.pixels().collect();
        pixels.sort_unstable();
        (!pixels.is_empty()).then_some(Self { pixels, mouth })
    }
}

/// Completes the depth of all glass in a picture, each outline one thing. `depth` tells what is measured beside them.
///
/// # Errors
/// [`GlassError`]; a thing that cannot be trusted is no error, and says so.
pub fn complete(
    depth: &Image<Depth>,
    things: &[Outline],
    camera: &Intrinsics,
    seed: Seed,
) -> Result<(Support, Vec<Front>), GlassError> {
    let sizes = [[depth.width, depth.height], [camera.width, camera.height]];
    let inside = |thing: &Outline| thing.pixels.iter().all(|index| *index < depth.pixels.len());
    if sizes[0] != sizes[1] || depth.pixels.len() != depth.width * depth.height || !things.iter().all(inside)
    {
        return Err(GlassError::Size { depth: sizes[0], camera: sizes[1] });
    }
    let support = support::support(depth, things, camera, seed)?;
    let fronts = things.iter().map(|thing| upright::front(thing, depth, &support, camera)).collect();
    Ok((support, fronts))
}

/// Each connected piece of a mask as a thing of its own: where nobody tells one from another.
pub fn pieces(glass: &Image<bool>) -> Vec<Outline> {
    let mut seen = vec![false; glass.pixels.len()];
    let mut pieces = Vec::new();
    for start in 0..glass.pixels.len() {
        if seen[start] || !glass.pixels[start] {
            continue;
        }
        let (mut open, mut piece) = (vec![start], Vec::new());
        seen[start] = true;
        while let Some(at) = open.pop() {
            piece.push(at);
            let (x, y) = (at % glass.width, at / glass.width);
            let left = (x > 0).then(|| at - 1);
            let right = (x + 1 < glass.width).then_some(at + 1);
            let up = (y > 0).then(|| at - glass.width);
            let down = (y + 1 < glass.height).then_some(at + glass.width);
            for next in [left, right, up, down].into_iter().flatten() {
                if glass.pixels[next] && !seen[next] {
                    seen[next] = true;
                    open.push(next);
                }
            }
        }
        piece.sort_unstable();
        pieces.push(Outline { pixels: piece, mouth: Mouth::Unknown });
    }
    pieces
}

fn ray(camera: &Intrinsics, index: usize) -> Vector3<f64> {
    let (x, y) = ((index % camera.width) as f64, (index / camera.width) as f64);
    Vector3::new((x - camera.cx) / camera.fx, (y - camera.cy) / camera.fy, 1.0)
}

#[cfg(test)]
mod tests;
