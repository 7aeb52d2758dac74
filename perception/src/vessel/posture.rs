//! Whether a vessel stands, leans or lies, from its outline.

use super::{Kind, Rle};
use nightshift_core::image::Intrinsics;
use serde::{Deserialize, Serialize};

/// How a vessel stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Posture {
    Upright,
    Tilted,
    Toppled,
    /// Its outline has no direction: it is about as wide as high, or seen along its axis.
    Unknown,
}

/// An outline less longish than this has no direction: standard deviation along over across.
const LONGISH: f64 = 1.25;
/// Pixels that have a direction.
const LEAST_PX: f64 = 40.0;
/// Leans in the picture up to which a vessel stands, and up to which it leans on something, degrees. Lenses, perspective and ragged
/// outlines take the first.
const LEANS_DEG: [f64; 2] = [15.0, 50.0];

/// The way up in a picture at a pixel: the projection of `up` (in the camera's optical frame). None where that points at the
/// camera.
pub fn way_up(up: &[f64; 3], [x, y]: [f64; 2], camera: &Intrinsics) -> Option<[f64; 2]> {
    let ray = [(x - camera.cx) / camera.fx, (y - camera.cy) / camera.fy];
    // What a point on the ray moves by in the picture as it moves along `up`.
    let way = [camera.fx * (up[0] - ray[0] * up[2]), camera.fy * (up[1] - ray[1] * up[2])];
    (way[0].hypot(way[1]) > 0.2 * camera.fx).then_some(way)
}

/// How a vessel stands, and its lean from the way up in the picture, degrees, 0 to 90. A picture's up is (0, -1) where the camera is
/// level.
pub fn posture(mask: &Rle, kind: Kind, up: [f64; 2]) -> (Posture, Option<f64>) {
    let none = (Posture::Unknown, None);
    let way = up[0].hypot(up[1]);
    if !kind.is_vessel() || kind == Kind::Beaker || way.is_nan() || way <= 0.0 {
        return none;
    }
    let height = mask.size[0].max(1);
    let (mut count, mut sum, mut square) = (0.0, [0.0; 2], [0.0; 3]);
    let mut at = 0;
    for (index, run) in mask.counts.iter().enumerate() {
        if index % 2 == 1 {
            for place in at..at + *run as usize {
                let (x, y) = ((place / height) as f64, (place % height) as f64);
                count += 1.0;
                sum = [sum[0] + x, sum[1] + y];
                square = [square[0] + x * x, square[1] + x * y, square[2] + y * y];
            }
        }
        at += *run as usize;
    }
    if count < LEAST_PX {
        return none;
    }
    let mean = sum.map(|s| s / count);
    let [xx, xy, yy] = [
        square[0] / count - mean[0] * mean[0],
        square[1] / count - mean[0] * mean[1],
        square[2] / count - mean[1] * mean[1],
    ];
    // The axes of the ellipse of the same second moments (Hu 1962).
    let (middle, half) = ((xx + yy) / 2.0, ((xx - yy) / 2.0).hypot(xy));
    if middle + half < LONGISH * LONGISH * (middle - half) {
        return none;
    }
    let axis = (2.0 * xy).atan2(xx - yy) / 2.0;
    let away = (axis - up[1].atan2(up[0])).rem_euclid(std::f64::consts::PI);
    let lean_deg = away.min(std::f64::consts::PI - away).to_degrees();
    let posture = match lean_deg {
        lean if lean <= LEANS_DEG[0] => Posture::Upright,
        lean if lean <= LEANS_DEG[1] => Posture::Tilted,
        _ => Posture::Toppled,
    };
    (posture, Some(lean_deg))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A rectangle of 20 x 60 pixels, leaning to the right.
    fn mask(lean_deg: f64, wide: f64) -> Rle {
        let (sin, cos) = lean_deg.to_radians().sin_cos();
        Rle::paint([160, 120], [0, 0, 160, 120], |x, y| {
            let (x, y) = (x as f64 - 80.0, y as f64 - 60.0);
            (x * cos + y * sin).abs() < wide / 2.0 && (y * cos - x * sin).abs() < 30.0
        })
    }

    #[test]
    fn lean_is_told_from_the_outline_and_judged() {
        for (lean, expected) in [
            (0.0, Posture::Upright),
            (9.0, Posture::Upright),
            (30.0, Posture::Tilted),
            (-80.0, Posture::Toppled),
        ] {
            let (posture, told) = posture(&mask(lean, 20.0), Kind::VialCapped, [0.0, -1.0]);
            assert_eq!(posture, expected, "{lean}");
            assert!((told.unwrap() - f64::abs(lean)).abs() < 1.0, "{lean}: {told:?}");
        }
        // The same outline where up is to the right stands.
        assert_eq!(posture(&mask(90.0, 20.0), Kind::VialOpen, [3.0, 0.0]).0, Posture::Upright);
    }

    #[test]
    fn what_has_no_direction_is_unknown() {
        let unknown = (Posture::Unknown, None);
        assert_eq!(posture(&mask(0.0, 58.0), Kind::Bottle, [0.0, -1.0]), unknown);
        assert_eq!(posture(&mask(0.0, 20.0), Kind::Rack, [0.0, -1.0]), unknown);
        assert_eq!(posture(&mask(0.0, 20.0), Kind::VialOpen, [0.0, 0.0]), unknown);
        assert_eq!(posture(&mask(0.0, 0.5), Kind::VialOpen, [0.0, f64::NAN]), unknown);
        let empty = Rle::paint([160, 120], [0, 0, 0, 0], |_, _| false);
        assert_eq!(posture(&empty, Kind::VialOpen, [0.0, -1.0]), unknown);
    }

    #[test]
    fn up_is_projected_and_none_along_the_line_of_sight() {
        let camera = Intrinsics { width: 640, height: 480, fx: 600.0, fy: 600.0, cx: 319.5, cy: 239.5 };
        let level = way_up(&[0.0, -1.0, 0.0], [319.5, 239.5], &camera).unwrap();
        assert!(level[0].abs() < 1e-9 && level[1] < 0.0);
        assert_eq!(way_up(&[0.0, 0.0, -1.0], [319.5, 239.5], &camera), None);
        // A camera that looks down sees things at its right edge lean outward, to the right.
        let aside = way_up(&[0.0, 0.0, -1.0], [619.5, 239.5], &camera).unwrap();
        assert!(aside[0] > 0.0 && aside[1].abs() < 1e-9);
    }
}
