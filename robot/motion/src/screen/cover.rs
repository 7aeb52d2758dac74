//! Balls that cover a solid, for the quick look: where none of them is near, the solid is not.

use nalgebra::Point3;
use nightshift_core::describe::Solid;

/// A ball in the solid's own frame, metres.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Ball {
    pub(crate) center: Point3<f64>,
    pub(crate) radius: f64,
}

/// Balls that hold every point of a solid, and whether they are the solid itself.
pub(crate) fn cover(solid: &Solid) -> (Vec<Ball>, bool) {
    match *solid {
        Solid::Sphere { radius_m } => (vec![Ball { center: Point3::origin(), radius: radius_m }], true),
        Solid::Cylinder { radius_m, height_m } => {
            let count = parts(height_m, 0.8 * radius_m);
            let half = height_m / count as f64 / 2.0;
            let at = |k: usize| Point3::new(0.0, 0.0, -height_m / 2.0 + half * (2 * k + 1) as f64);
            let radius = radius_m.hypot(half);
            ((0..count).map(|k| Ball { center: at(k), radius }).collect(), false)
        }
        Solid::Box { size_m } => {
            let edge = size_m.iter().copied().fold(f64::INFINITY, f64::min).max(FINEST_M);
            let counts = size_m.map(|size| parts(size, edge));
            let half: [f64; 3] = std::array::from_fn(|i| size_m[i] / counts[i] as f64 / 2.0);
            let radius = half.iter().map(|h| h * h).sum::<f64>().sqrt();
            let at = |i: usize, k: usize| -size_m[i] / 2.0 + half[i] * (2 * k + 1) as f64;
            let mut balls = Vec::with_capacity(counts.iter().product());
            for x in 0..counts[0] {
                for y in 0..counts[1] {
                    for z in 0..counts[2] {
                        balls.push(Ball { center: Point3::new(at(0, x), at(1, y), at(2, z)), radius });
                    }
                }
            }
            (balls, false)
        }
    }
}

/// Cells of a box are no smaller, metres.
const FINEST_M: f64 = 0.012;
/// A long thin solid gets no more balls along its length.
const MOST: f64 = 12.0;

fn parts(length: f64, wanted: f64) -> usize {
    (length / wanted).round().clamp(1.0, MOST) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_point_of_a_solid_is_in_a_ball() {
        let solids = [
            Solid::Box { size_m: [0.05, 0.10, 0.06] },
            Solid::Box { size_m: [0.014, 0.006, 0.102] },
            Solid::Cylinder { radius_m: 0.07, height_m: 0.2 },
            Solid::Cylinder { radius_m: 0.1, height_m: 0.01 },
            Solid::Sphere { radius_m: 0.04 },
        ];
        for solid in solids {
            let (balls, _) = cover(&solid);
            let grid = || (0..=20).map(|k| f64::from(k) / 10.0 - 1.0);
            for (x, y, z) in grid().flat_map(|x| grid().flat_map(move |y| grid().map(move |z| (x, y, z)))) {
                let point = match solid {
                    Solid::Box { size_m: [a, b, c] } => Point3::new(x * a, y * b, z * c) / 2.0,
                    Solid::Cylinder { radius_m, height_m } => {
                        let (sin, cos) = (x * 3.2).sin_cos();
                        Point3::new(radius_m * y * cos, radius_m * y * sin, z * height_m / 2.0)
                    }
                    Solid::Sphere { radius_m } => Point3::new(x, y, z) * (radius_m / 1.8),
                };
                let held = balls.iter().any(|b| (point - b.center).norm() <= b.radius + 1e-9);
                assert!(held, "{point} of {solid:?} is in none of {balls:?}");
            }
        }
    }
}
