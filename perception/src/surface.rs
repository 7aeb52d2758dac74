//! What a depth camera measures, thinned to points that an arm keeps clear of.
//!
//! A patch of pixels stands for itself by one of its nearer pixels, so that what is thinner than a patch is not averaged with what lies
//! behind it. Patches that no neighbour agrees with are dropped: stereo puts points into the air between a near edge and what is behind.

use nalgebra::Point3;
use nightshift_core::image::{Depth, Image, Intrinsics};
use std::collections::BTreeMap;

/// Edge of a patch, pixels.
const PATCH_PX: usize = 16;
/// Of a patch's pixels that are measured, so many are nearer than the one that stands for it.
const NEARER: f64 = 0.25;
/// Of a patch's pixels, so many are measured, or it tells nothing.
const MEASURED: f64 = 0.25;
/// Patches agree that differ by no more than this, metres.
const AGREE_M: f32 = 0.03;
/// Patches, of the eight about one, that must agree with it: a thin post has one above and one below, and at its ends one.
const NEIGHBOURS: usize = 1;
/// What is farther is out of an arm's reach, and too noisy, metres.
const FARTHEST_M: f32 = 1.6;
/// What is nearer than this to what is now seen there was not taken away, metres.
const THROUGH_M: f64 = 0.04;

/// A point for each patch that tells something, metres in the camera's optical frame, row by row. Only what was measured counts: what is
/// missing or untrusted, as on glass, gives none. Empty where the sizes of depth and camera differ.
pub fn points(depth: &Image<Depth>, camera: &Intrinsics) -> Vec<[f32; 3]> {
    if [depth.width, depth.height] != [camera.width, camera.height] {
        return Vec::new();
    }
    let [across, down] = [depth.width.div_ceil(PATCH_PX), depth.height.div_ceil(PATCH_PX)];
    let patches: Vec<Option<(usize, usize, f32)>> =
        (0..across * down).map(|index| patch(depth, index % across, index / across)).collect();
    let agree = |a: f32, b: f32| (a - b).abs() <= AGREE_M;
    let told = |(index, patch): (usize, &Option<(usize, usize, f32)>)| {
        let (x, y, z) = patch.filter(|(.., z)| *z <= FARTHEST_M)?;
        let (column, row) = (index % across, index / across);
        let rows = row.saturating_sub(1)..=(row + 1).min(down - 1);
        let about = rows.flat_map(|row| {
            (column.saturating_sub(1)..=(column + 1).min(across - 1)).map(move |c| row * across + c)
        });
        let near = about.filter(|other| *other != index).filter_map(|other| patches[other]);
        (near.filter(|(.., other)| agree(*other, z)).count() >= NEIGHBOURS).then(|| {
            let ray = [(x as f64 - camera.cx) / camera.fx, (y as f64 - camera.cy) / camera.fy];
            // Finer than a tenth of a millimetre tells nothing, and makes records long.
            [ray[0] * f64::from(z), ray[1] * f64::from(z), f64::from(z)]
                .map(|m| ((m * 1e4).round() * 1e-4) as f32)
        })
    };
    patches.iter().enumerate().filter_map(told).collect()
}

/// The pixel that stands for a patch, and its depth.
fn patch(depth: &Image<Depth>, column: usize, row: usize) -> Option<(usize, usize, f32)> {
    let rows = row * PATCH_PX..((row + 1) * PATCH_PX).min(depth.height);
    let columns = column * PATCH_PX..((column + 1) * PATCH_PX).min(depth.width);
    let pixels = rows.len() * columns.len();
    let all = rows.flat_map(|y| columns.clone().map(move |x| (x, y)));
    let mut measured: Vec<(usize, usize, f32)> = all
        .filter_map(|(x, y)| match depth.pixels[y * depth.width + x] {
            Depth::Measured(z) => Some((x, y, z)),
            Depth::Missing | Depth::Untrusted(_) => None,
        })
        .collect();
    if measured.is_empty() || (measured.len() as f64) < MEASURED * pixels as f64 {
        return None;
    }
    let stands = (measured.len() as f64 * NEARER) as usize;
    Some(*measured.select_nth_unstable_by(stands, |a, b| a.2.total_cmp(&b.2)).1)
}

/// Half the edge of what a point so far along the optical axis stands for, metres.
pub fn half_patch_m(depth_m: f64, camera: &Intrinsics) -> f64 {
    PATCH_PX as f64 / 2.0 * depth_m / camera.fx.min(camera.fy)
}

/// What a later look says of points that were seen before.
pub struct Lookback<'a> {
    camera: &'a Intrinsics,
    /// The nearest in each patch, metres along the optical axis.
    depths: BTreeMap<(usize, usize), f64>,
}

impl<'a> Lookback<'a> {
    /// By the points of a later look.
    pub fn new(points: &[[f32; 3]], camera: &'a Intrinsics) -> Self {
        let mut depths: BTreeMap<(usize, usize), f64> = BTreeMap::new();
        for point in points {
            let point = Point3::from(point.map(f64::from));
            let Some(at) = pixel_patch(&point, camera) else { continue };
            let nearest = depths.entry(at).or_insert(point.z);
            *nearest = nearest.min(point.z);
        }
        Self { camera, depths }
    }

    /// Whether it is still to be believed, of a point in the later look's optical frame: it lies outside that look, behind what is seen
    /// there, or where nothing is told. Otherwise it is seen anew, or seen through.
    pub fn still_holds(&self, point: &Point3<f64>) -> bool {
        let at = pixel_patch(point, self.camera);
        let told = at.and_then(|at| self.depths.get(&at));
        told.is_none_or(|told| *told < point.z - THROUGH_M)
    }

    /// How a surface agrees with the look, in the look's optical frame: by patch, with what of it is nearest there. What differs by no more
    /// than `within_m` along the optical axis agrees.
    pub fn compare(&self, surface: &[Point3<f64>], within_m: f64) -> Compared {
        let mut nearest: BTreeMap<(usize, usize), f64> = BTreeMap::new();
        for point in surface {
            let Some(at) = pixel_patch(point, self.camera) else { continue };
            let z = nearest.entry(at).or_insert(point.z);
            *z = z.min(point.z);
        }
        let mut compared = Compared::default();
        for (at, z) in nearest {
            match self.depths.get(&at) {
                Some(told) if *told > z + within_m => compared.through += 1,
                Some(told) if *told < z - within_m => compared.hidden += 1,
                Some(_) => compared.seen += 1,
                None => {}
            }
        }
        compared
    }
}

/// Patches of a look that show a surface where it should be, that show what lies behind it, and that show what lies before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compared {
    pub seen: usize,
    pub through: usize,
    pub hidden: usize,
}

fn pixel_patch(point: &Point3<f64>, camera: &Intrinsics) -> Option<(usize, usize)> {
    if point.z <= 0.0 {
        return None;
    }
    let on = |along: f64, focal: f64, middle: f64, size: usize| {
        let pixel = (along / point.z * focal + middle).round();
        (0.0..size as f64).contains(&pixel).then_some(pixel as usize / PATCH_PX)
    };
    Some((
        on(point.x, camera.fx, camera.cx, camera.width)?,
        on(point.y, camera.fy, camera.cy, camera.height)?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAMERA: Intrinsics =
        Intrinsics { width: 320, height: 240, fx: 300.0, fy: 300.0, cx: 159.5, cy: 119.5 };

    /// A floor 0.5 m away with a post of so many pixels before it, 0.3 m away.
    fn post(columns: std::ops::Range<usize>) -> Image<Depth> {
        let mut depth = Image::filled(CAMERA.width, CAMERA.height, Depth::Measured(0.5));
        for y in 48..208 {
            for x in columns.clone() {
                depth.pixels[y * CAMERA.width + x] = Depth::Measured(0.3);
            }
        }
        depth
    }

    #[test]
    fn a_thin_post_is_among_the_points_and_lies_where_it_stands() {
        let near: Vec<[f32; 3]> =
            points(&post(100..106), &CAMERA).into_iter().filter(|point| point[2] < 0.4).collect();
        assert_eq!(near.len(), 10);
        for [x, y, z] in near {
            assert!(
                (z - 0.3).abs() < 1e-6 && (-0.0596..=-0.0534).contains(&x) && (-0.0716..=0.0876).contains(&y),
                "{x} {y}"
            );
        }
    }

    #[test]
    fn glass_gaps_lone_points_and_what_is_far_give_none() {
        let all = (CAMERA.width / PATCH_PX) * (CAMERA.height / PATCH_PX);
        let mut depth = post(0..0);
        assert_eq!(points(&depth, &CAMERA).len(), all);
        // In the air, as stereo puts them between an edge and what is behind it.
        for y in 96..112 {
            for x in 96..112 {
                depth.pixels[y * CAMERA.width + x] = Depth::Measured(0.4);
            }
        }
        assert!(points(&depth, &CAMERA).iter().all(|point| point[2] == 0.5));
        for not_told in [Depth::Missing, Depth::Untrusted(0.5), Depth::Measured(1.7)] {
            assert_eq!(
                points(&Image::filled(CAMERA.width, CAMERA.height, not_told), &CAMERA),
                Vec::<[f32; 3]>::new()
            );
        }
        assert!(points(&Image::filled(CAMERA.width, 200, Depth::Measured(0.5)), &CAMERA).is_empty());
    }

    #[test]
    fn what_is_seen_through_or_anew_no_longer_holds_and_what_is_hidden_or_outside_does() {
        let floor = points(&post(0..0), &CAMERA);
        let look = Lookback::new(&floor, &CAMERA);
        let at = |x: f64, z: f64| Point3::new(x, 0.0, z);
        assert!(!look.still_holds(&at(0.0, 0.3)), "seen through");
        assert!(!look.still_holds(&at(0.0, 0.5)), "seen anew");
        assert!(look.still_holds(&at(0.0, 0.6)), "behind it");
        assert!(look.still_holds(&at(0.4, 0.3)) && look.still_holds(&at(0.0, -0.3)), "outside the picture");
        assert!(Lookback::new(&[], &CAMERA).still_holds(&at(0.0, 0.3)), "no depth is told");
    }
}
