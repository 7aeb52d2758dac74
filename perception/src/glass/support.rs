//! The plane that glass stands on, out of the depth around it.

use super::{GlassError, Outline, Support, ray};
use nalgebra::{Matrix3, Unit, Vector3};
use nightshift_core::image::{Depth, Image, Intrinsics};
use nightshift_core::random::Seed;
use rand::Rng;

/// Planes that are tried, and the points that each is held against, about.
const TRIES: usize = 400;
const TRIED_WITH: usize = 800;
/// Share of the points around the glass that must be on it.
const LEAST_SHARE: f64 = 0.3;
/// Where the plane is looked for: around each thing, this share of its outline's size.
const AROUND: f64 = 0.5;
/// Points of the whole picture that it is measured with, about.
const MEASURED_WITH: usize = 6000;
/// Rounds of measuring it with the points that are on it.
const ROUNDS: usize = 5;

/// What a stereo camera's depth is good to, metres (standard deviation): it grows with the square.
pub(super) fn noise_m(depth_m: f64) -> f64 {
    0.001 + 0.002 * depth_m * depth_m
}

/// Columns and rows from and to.
fn extent(outline: &Outline, width: usize) -> [usize; 4] {
    outline.pixels.iter().fold([usize::MAX, usize::MAX, 0, 0], |[a, b, c, d], at| {
        let (x, y) = (at % width, at / width);
        [a.min(x), b.min(y), c.max(x), d.max(y)]
    })
}

/// The measured points around the feet of the things: not beside their necks, where the wall is.
fn around(depth: &Image<Depth>, outlines: &[Outline], camera: &Intrinsics) -> Vec<Vector3<f64>> {
    let mut points: Vec<Vector3<f64>> = Vec::new();
    for outline in outlines {
        let [left, top, right, bottom] = extent(outline, depth.width);
        let margin = (AROUND * (right - left).max(bottom - top) as f64) as usize + 4;
        let from = (top + bottom) / 2;
        for y in (from..(bottom + margin).min(depth.height)).step_by(3) {
            for x in (left.saturating_sub(margin)..(right + margin).min(depth.width)).step_by(3) {
                let index = y * depth.width + x;
                if let Depth::Measured(metres) = depth.pixels[index] {
                    points.push(ray(camera, index) * f64::from(metres));
                }
            }
        }
    }
    points
}

/// RANSAC (Fischler and Bolles 1981) over the measured points around the glass, and a least-squares plane of what agrees with it in the
/// whole picture.
pub(super) fn support(
    depth: &Image<Depth>,
    outlines: &[Outline],
    camera: &Intrinsics,
    seed: Seed,
) -> Result<Support, GlassError> {
    let points = around(depth, outlines, camera);
    let none = |inliers| GlassError::NoSupport { measured: points.len(), inliers };
    if points.len() < 50 {
        return Err(none(0));
    }
    let mut random = seed.stream("support plane");
    // Each by its place in turn, so that every thing has its part of them.
    let few: Vec<Vector3<f64>> = points.iter().step_by((points.len() / TRIED_WITH).max(1)).copied().collect();
    let on = |normal: &Vector3<f64>, offset: f64| {
        few.iter().filter(|p| (normal.dot(p) - offset).abs() < 2.5 * noise_m(p.z)).count()
    };
    let (mut best, mut most) = (None, 0);
    for _ in 0..TRIES {
        let [a, b, c] = [(); 3].map(|()| few[random.random_range(0..few.len())]);
        let Some(normal) = (b - a).cross(&(c - a)).try_normalize(1e-6) else { continue };
        let count = on(&normal, normal.dot(&a));
        if count > most {
            (best, most) = (Some((normal, normal.dot(&a))), count);
        }
    }
    let Some((normal, offset)) = best.filter(|_| most as f64 >= LEAST_SHARE * few.len() as f64) else {
        return Err(none(most * points.len() / few.len()));
    };
    let step = (depth.pixels.len() / MEASURED_WITH).max(1);
    let far = depth.pixels.iter().enumerate().step_by(step).filter_map(|(index, depth)| match depth {
        Depth::Measured(metres) => Some(ray(camera, index) * f64::from(*metres)),
        Depth::Missing | Depth::Untrusted(_) => None,
    });
    let near = points.iter().step_by((points.len() / MEASURED_WITH).max(1)).copied();
    let all: Vec<Vector3<f64>> = near.chain(far).collect();
    measure(&all, normal, offset).ok_or_else(|| none(most))
}

/// The least-squares plane of the points that lie on it, from a first one.
fn measure(points: &[Vector3<f64>], mut normal: Vector3<f64>, mut offset: f64) -> Option<Support> {
    let (mut rms_m, mut roughness) = (f64::INFINITY, f64::INFINITY);
    for _ in 0..ROUNDS {
        let (mut weight, mut sum, mut count) = (0.0, Vector3::zeros(), 0);
        let own: Vec<(&Vector3<f64>, f64)> = points
            .iter()
            .filter(|p| (normal.dot(p) - offset).abs() < 2.5 * noise_m(p.z))
            .map(|p| (p, noise_m(p.z).powi(-2)))
            .collect();
        for (point, own) in &own {
            (weight, sum, count) = (weight + own, sum + *point * *own, count + 1);
        }
        if count < 3 {
            return None;
        }
        let mean = sum / weight;
        let spread: Matrix3<f64> = own.iter().map(|(p, w)| (*p - mean) * (*p - mean).transpose() * *w).sum();
        let eigen = spread.symmetric_eigen();
        let flat = eigen.eigenvalues.imin();
        normal = eigen.eigenvectors.column(flat).into_owned();
        offset = normal.dot(&mean);
        let square: f64 = own.iter().map(|(p, _)| (normal.dot(p) - offset).powi(2)).sum();
        rms_m = (square / f64::from(count)).sqrt();
        let relative: f64 = own.iter().map(|(p, w)| (normal.dot(p) - offset).powi(2) * w).sum();
        roughness = (relative / f64::from(count)).sqrt();
    }
    // The camera, at the origin, is over it.
    let (up, offset_m) = if offset < 0.0 { (normal, offset) } else { (-normal, -offset) };
    Some(Support { up: Unit::new_normalize(up), offset_m, rms_m, roughness })
}
