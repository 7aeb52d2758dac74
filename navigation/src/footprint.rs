//! The base's outline on the floor: a convex polygon.

use nalgebra::{Isometry2, Point2, Vector2};

/// A convex polygon, counter-clockwise, in the base's frame.
#[derive(Clone, Debug)]
pub struct Footprint {
    corners: Vec<Point2<f64>>,
    /// Outward normal and distance of each edge from the base's origin.
    edges: Vec<(Vector2<f64>, f64)>,
}

impl Footprint {
    /// From corners in order, counter-clockwise. The robot's description has checked that they are convex.
    pub fn new(corners_m: &[[f64; 2]]) -> Self {
        let corners: Vec<Point2<f64>> = corners_m.iter().map(|c| Point2::from(*c)).collect();
        let next = corners.iter().cycle().skip(1);
        let edges = corners
            .iter()
            .zip(next)
            .map(|(a, b)| {
                let along = (b - a).normalize();
                let normal = Vector2::new(along.y, -along.x);
                (normal, normal.dot(&a.coords))
            })
            .collect();
        Self { corners, edges }
    }

    /// Distance of a point (base frame) from the outline, metres: negative inside.
    pub fn distance(&self, point: &Point2<f64>) -> f64 {
        let off = |(normal, edge): &(Vector2<f64>, f64)| normal.dot(&point.coords) - edge;
        let inside = self.edges.iter().map(off).fold(f64::NEG_INFINITY, f64::max);
        if inside <= 0.0 {
            return inside;
        }
        let next = self.corners.iter().cycle().skip(1);
        let to_edge = |(a, b): (&Point2<f64>, &Point2<f64>)| {
            let along = b - a;
            let share = ((point - a).dot(&along) / along.norm_squared()).clamp(0.0, 1.0);
            (point - (a + along * share)).norm()
        };
        self.corners.iter().zip(next).map(to_edge).fold(f64::INFINITY, f64::min)
    }

    /// Radius of the largest disc about the base's origin within the outline; zero where the origin is outside.
    pub fn inner_radius_m(&self) -> f64 {
        self.edges.iter().map(|(_, edge)| *edge).fold(f64::INFINITY, f64::min).max(0.0)
    }

    /// Radius of the smallest disc about the base's origin that holds the outline.
    pub fn outer_radius_m(&self) -> f64 {
        self.corners.iter().map(|c| c.coords.norm()).fold(0.0, f64::max)
    }

    /// Lower left and upper right of the outline's bounding box at a pose.
    pub fn bounds(&self, pose: &Isometry2<f64>) -> [Point2<f64>; 2] {
        let start = pose * self.corners[0];
        self.corners.iter().map(|c| pose * c).fold([start, start], |[low, high], c| {
            [Point2::new(low.x.min(c.x), low.y.min(c.y)), Point2::new(high.x.max(c.x), high.y.max(c.y))]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn footprint() -> Footprint {
        Footprint::new(&[[0.4, 0.3], [-0.4, 0.3], [-0.4, -0.3], [0.4, -0.3]])
    }

    #[test]
    fn distances_radii_and_bounds_of_a_rectangle() {
        let f = footprint();
        assert!((f.distance(&Point2::new(0.5, 0.0)) - 0.1).abs() < 1e-12);
        assert!((f.distance(&Point2::new(0.7, 0.7)) - 0.5).abs() < 1e-12);
        assert!((f.distance(&Point2::new(0.0, 0.1)) + 0.2).abs() < 1e-12);
        assert!((f.inner_radius_m() - 0.3).abs() < 1e-12 && (f.outer_radius_m() - 0.5).abs() < 1e-12);
        let [low, high] = f.bounds(&Isometry2::new(Vector2::new(1.0, 2.0), std::f64::consts::FRAC_PI_2));
        assert!(
            (low - Point2::new(0.7, 1.6)).norm() < 1e-12 && (high - Point2::new(1.3, 2.4)).norm() < 1e-12
        );
    }

    proptest! {
        #[test]
        fn distance_changes_by_no_more_than_the_way(x in -1.0f64..1.0, y in -1.0f64..1.0, dx in -0.1f64..0.1, dy in -0.1f64..0.1) {
            let f = footprint();
            let (a, b) = (Point2::new(x, y), Point2::new(x + dx, y + dy));
            prop_assert!((f.distance(&a) - f.distance(&b)).abs() <= (a - b).norm() + 1e-12);
        }
    }
}
