//! Depth of glass, which depth cameras do not tell: from its outline, the plane that it stands on and an upright model.
//!
//! On glass a stereo camera reads what lies behind it, or nothing. What stands on a plane is met by the ray through the
//! foot of its outline where that ray meets the plane; from there it is taken to rise along the plane's normal, as a cylinder
//! as wide as its outline (its front half is what is seen).

use nalgebra::{Point3, Unit, Vector3};
use nightshift_core::image::{Depth, Image, Intrinsics};
use nightshift_core::random::Seed;
use rand::Rng;

/// The plane that things stand on, in the camera's optical frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Support {
    /// Away from the things' feet, towards the camera's side.
    pub up: Unit<Vector3<f64>>,
    /// `up . x` of its points, metres; below zero, as the camera is over it.
    pub offset_m: f64,
    /// Root mean square of its own points' distances, metres.
    pub rms_m: f64,
}

/// The completed depth of one thing.
#[derive(Clone, Debug, PartialEq)]
pub struct Front {
    /// Metres along the optical axis for each pixel of its outline, in the picture's order.
    pub pixels: Vec<FrontPixel>,
    /// Why nothing should be grasped by this depth; empty where it may.
    pub do_not_grasp: Vec<Doubt>,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Doubt {
    /// The outline reaches the picture's edge: foot or width may lie outside.
    CutOff,
    /// So few pixels tell neither foot nor width.
    TooSmall,
    /// The plane's own points are too far from it.
    RoughSupport,
    /// Wider than high: it lies, or is seen from above, and the upright model does not hold.
    NotUpright,
}

/// Why there is no depth.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum GlassError {
    /// Picture, mask and camera are not of one size.
    #[error("depth is {depth:?}, mask {mask:?} and the camera {camera:?} pixels: they must be of one size")]
    Size {
        /// Width and height.
        depth: [usize; 2],
        /// Width and height.
        mask: [usize; 2],
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

/// Planes that are tried.
const TRIES: usize = 400;
/// Distance at which a point is on the plane, metres: the noise of a stereo camera at 1 m.
const ON_PLANE_M: f64 = 0.008;
/// Share of the points around the glass that must be on it.
const LEAST_SHARE: f64 = 0.3;
/// Where the plane is looked for: around each thing, this share of its outline's size.
const AROUND: f64 = 0.5;

/// Completes the depth of all glass in a picture. Each connected piece of the mask is one thing.
///
/// # Errors
/// [`GlassError`]; a piece that cannot be trusted is no error, and says so.
pub fn complete(
    depth: &Image<Depth>,
    glass: &Image<bool>,
    camera: &Intrinsics,
    seed: Seed,
) -> Result<(Support, Vec<Front>), GlassError> {
    let sizes = [[depth.width, depth.height], [glass.width, glass.height], [camera.width, camera.height]];
    let whole = depth.pixels.len() == depth.width * depth.height && glass.pixels.len() == depth.pixels.len();
    if sizes[0] != sizes[1] || sizes[0] != sizes[2] || !whole {
        return Err(GlassError::Size { depth: sizes[0], mask: sizes[1], camera: sizes[2] });
    }
    let pieces = pieces(glass);
    let support = support(depth, &pieces, camera, seed)?;
    let fronts = pieces.iter().map(|piece| front(piece, glass, &support, camera)).collect();
    Ok((support, fronts))
}

/// The pixels of each connected piece, in the picture's order.
fn pieces(glass: &Image<bool>) -> Vec<Vec<usize>> {
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
        pieces.push(piece);
    }
    pieces
}

fn ray(camera: &Intrinsics, index: usize) -> Vector3<f64> {
    let (x, y) = ((index % camera.width) as f64, (index / camera.width) as f64);
    Vector3::new((x - camera.cx) / camera.fx, (y - camera.cy) / camera.fy, 1.0)
}

/// Columns and rows from and to.
fn extent(piece: &[usize], width: usize) -> [usize; 4] {
    piece.iter().fold([usize::MAX, usize::MAX, 0, 0], |[a, b, c, d], at| {
        let (x, y) = (at % width, at / width);
        [a.min(x), b.min(y), c.max(x), d.max(y)]
    })
}

/// RANSAC (Fischler and Bolles 1981) over the measured points around the glass, and a least-squares plane of what agrees.
fn support(
    depth: &Image<Depth>,
    pieces: &[Vec<usize>],
    camera: &Intrinsics,
    seed: Seed,
) -> Result<Support, GlassError> {
    let mut points: Vec<Vector3<f64>> = Vec::new();
    for piece in pieces {
        let [left, top, right, bottom] = extent(piece, depth.width);
        let margin = (AROUND * (right - left).max(bottom - top) as f64) as usize + 4;
        // Around the foot, where the support is: not beside the neck, where the wall is.
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
    let none = |inliers| GlassError::NoSupport { measured: points.len(), inliers };
    if points.len() < 50 {
        return Err(none(0));
    }
    let mut random = seed.stream("support plane");
    let on = |normal: &Vector3<f64>, offset: f64| {
        points.iter().filter(|p| (normal.dot(p) - offset).abs() < ON_PLANE_M).count()
    };
    let (mut best, mut most) = (None, 0);
    for _ in 0..TRIES {
        let [a, b, c] = [(); 3].map(|()| points[random.random_range(0..points.len())]);
        let Some(normal) = (b - a).cross(&(c - a)).try_normalize(1e-6) else { continue };
        let count = on(&normal, normal.dot(&a));
        if count > most {
            (best, most) = (Some((normal, normal.dot(&a))), count);
        }
    }
    let Some((normal, offset)) = best.filter(|_| most as f64 >= LEAST_SHARE * points.len() as f64) else {
        return Err(none(most));
    };
    let own: Vec<&Vector3<f64>> =
        points.iter().filter(|p| (normal.dot(p) - offset).abs() < ON_PLANE_M).collect();
    let mean = own.iter().copied().sum::<Vector3<f64>>() / own.len() as f64;
    let spread: nalgebra::Matrix3<f64> = own.iter().map(|p| (*p - mean) * (*p - mean).transpose()).sum();
    let eigen = spread.symmetric_eigen();
    let flat = eigen.eigenvalues.imin();
    let normal: Vector3<f64> = eigen.eigenvectors.column(flat).into_owned();
    // The camera, at the origin, is over it.
    let up = if normal.dot(&mean) < 0.0 { normal } else { -normal };
    Ok(Support {
        up: Unit::new_normalize(up),
        offset_m: up.dot(&mean),
        rms_m: (eigen.eigenvalues[flat].max(0.0) / own.len() as f64).sqrt(),
    })
}

/// Pixels in an outline that tell foot and width.
const LEAST_PIXELS: usize = 60;
/// Roughest support to grasp over, metres.
const ROUGH_M: f64 = 0.005;
/// The share of an outline's pixels that lie below its foot: its ragged edge.
const RAGGED: f64 = 0.01;

fn front(piece: &[usize], glass: &Image<bool>, support: &Support, camera: &Intrinsics) -> Front {
    let up = support.up.into_inner();
    let [left, top, right, bottom] = extent(piece, glass.width);
    let mut doubts = Vec::new();
    if left == 0 || top == 0 || right + 1 == glass.width || bottom + 1 == glass.height {
        doubts.push(Doubt::CutOff);
    }
    if piece.len() < LEAST_PIXELS {
        doubts.push(Doubt::TooSmall);
    }
    if support.rms_m > ROUGH_M {
        doubts.push(Doubt::RoughSupport);
    }
    // Distance, along the optical axis, at which a ray meets the support.
    let met = |ray: &Vector3<f64>| {
        let fall = up.dot(ray);
        (fall < -1e-6).then(|| support.offset_m / fall)
    };
    // The foot is the nearest place where the outline's rays meet the support.
    let mut feet: Vec<f64> = piece.iter().filter_map(|index| met(&ray(camera, *index))).collect();
    feet.sort_by(f64::total_cmp);
    let Some(foot_m) = feet.get((RAGGED * feet.len() as f64) as usize).copied() else {
        doubts.push(Doubt::NotUpright);
        return Front { pixels: Vec::new(), do_not_grasp: doubts };
    };
    let foot_index = piece
        .iter()
        .copied()
        .min_by(|a, b| {
            let off = |index: &usize| met(&ray(camera, *index)).map_or(f64::INFINITY, |m| (m - foot_m).abs());
            off(a).total_cmp(&off(b))
        })
        .expect("a piece has pixels");
    let mid_column = (left + right) as f64 / 2.0;
    let mut foot_ray = ray(camera, foot_index);
    foot_ray.x = (mid_column - camera.cx) / camera.fx;
    let foot = Point3::from(foot_ray * met(&foot_ray).unwrap_or(foot_m));
    // Level, away from the camera.
    let away = foot.coords - up * up.dot(&foot.coords);
    let Some(away) = away.try_normalize(1e-6) else {
        doubts.push(Doubt::NotUpright);
        return Front { pixels: Vec::new(), do_not_grasp: doubts };
    };
    let radius_m = foot.z * (right - left + 1) as f64 / camera.fx / 2.0;
    if (right - left) > (bottom - top) {
        doubts.push(Doubt::NotUpright);
    }
    let axis = foot + away * radius_m;
    let upright = !doubts.contains(&Doubt::NotUpright);
    let pixels = piece.iter().map(|index| {
        let ray = ray(camera, *index);
        let depth_m = cylinder(&ray, &axis, &up, radius_m).unwrap_or_else(|| {
            // Beside the model: on the upright plane through its axis, across the line of sight.
            away.dot(&axis.coords) / away.dot(&ray).max(1e-3)
        });
        // Nothing stands below what it stands on.
        let depth_m = met(&ray).map_or(depth_m, |floor| depth_m.min(floor));
        let model = if upright { 0.15 } else { 0.5 } * radius_m;
        let sigma_m = (support.rms_m.powi(2) + model.powi(2) + (0.004 * depth_m).powi(2)).sqrt();
        FrontPixel { index: *index, depth_m, sigma_m }
    });
    Front { pixels: pixels.collect(), do_not_grasp: doubts }
}

/// Where a ray first meets an upright cylinder, metres along the optical axis.
fn cylinder(ray: &Vector3<f64>, axis: &Point3<f64>, up: &Vector3<f64>, radius_m: f64) -> Option<f64> {
    let level = |v: &Vector3<f64>| v - up * up.dot(v);
    let (way, from) = (level(ray), level(&axis.coords));
    let (a, b, c) = (way.norm_squared(), way.dot(&from), from.norm_squared() - radius_m * radius_m);
    let root = b * b - a * c;
    (root >= 0.0 && a > 1e-9).then(|| (b - root.sqrt()) / a).filter(|depth| *depth > 0.0)
}

#[cfg(test)]
mod tests;
