//! The base's outline on the floor: a convex polygon.

use nalgebra::{Isometry2, Point2, Vector2};

/// A convex polygon, counter-clockwise, in the base's frame.
#[derive(Clone, Debug)]
pub struct Footprint {
    corners: Vec<Point2<f64>>,
    edges: Vec<Edge>,
    discs: Vec<Disc>,
}

/// From one corner to the next.
#[derive(Clone, Copy, Debug)]
struct Edge {
    normal: Vector2<f64>,
    /// Of the edge's line from the base's origin, along the normal.
    off_m: f64,
    /// Where it begins and ends along its own direction.
    along: Vector2<f64>,
    from_m: f64,
    to_m: f64,
}

/// One of the discs that cover the outline together.
#[derive(Clone, Copy, Debug)]
pub struct Disc {
    /// In the base's frame.
    pub center: Point2<f64>,
    /// The disc's radius, metres.
    pub about_m: f64,
    /// Radius of the largest disc about its centre within the outline, metres; negative where the centre is outside.
    pub inside_m: f64,
}

/// How many discs cover an outline along its longer side.
const DISCS: usize = 4;

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
                let [from_m, to_m] = [a, b].map(|corner| along.dot(&corner.coords));
                Edge { normal, off_m: normal.dot(&a.coords), along, from_m, to_m }
            })
            .collect();
        let mut this = Self { corners, edges, discs: Vec::new() };
        this.discs = this.cover();
        this
    }

    /// Discs over equal parts of the bounding box.
    fn cover(&self) -> Vec<Disc> {
        let [low, high] = self.bounds(&Isometry2::identity());
        let size = high - low;
        let axis = usize::from(size.y > size.x);
        let part = size[axis] / DISCS as f64;
        (0..DISCS)
            .map(|index| {
                let mut center = low + size / 2.0;
                center[axis] = low[axis] + (index as f64 + 0.5) * part;
                let inside_m = -self.distance(&center);
                Disc { center, about_m: (part / 2.0).hypot(size[1 - axis] / 2.0), inside_m }
            })
            .collect()
    }

    /// Its corners in order, in the base's frame.
    pub fn corners(&self) -> &[Point2<f64>] {
        &self.corners
    }

    /// Discs that cover the outline.
    pub fn discs(&self) -> &[Disc] {
        &self.discs
    }

    /// Distance of a point (base frame) from the outline, metres: negative inside.
    pub fn distance(&self, point: &Point2<f64>) -> f64 {
        let mut inside = f64::NEG_INFINITY;
        for edge in &self.edges {
            let off = edge.normal.dot(&point.coords) - edge.off_m;
            if off > 0.0 {
                let along = edge.along.dot(&point.coords);
                if along >= edge.from_m && along <= edge.to_m {
                    // Straight out from an edge: the whole outline is behind the edge's line.
                    return off;
                }
            }
            inside = inside.max(off);
        }
        if inside <= 0.0 {
            return inside;
        }
        let squared = self.corners.iter().map(|corner| (point - corner).norm_squared());
        squared.fold(f64::INFINITY, f64::min).sqrt()
    }

    /// From where to where, within `box_m`, a line at `y` of the map can be nearer than `reach_m` to the outline at a pose:
    /// the line's part that is within `reach_m` of the inner side of every edge's line.
    pub fn span(&self, pose: &Isometry2<f64>, y: f64, reach_m: f64, box_m: [f64; 2]) -> [f64; 2] {
        let [mut left, mut right] = box_m;
        for edge in &self.edges {
            let normal = pose.rotation * edge.normal;
            let rest = edge.off_m + reach_m + normal.dot(&pose.translation.vector) - normal.y * y;
            // Nearly along the line an edge bounds nothing on it that the box does not.
            if normal.x > 1e-3 {
                right = right.min(rest / normal.x);
            } else if normal.x < -1e-3 {
                left = left.max(rest / normal.x);
            }
        }
        [left, right]
    }

    /// Radius of the largest disc about the base's origin within the outline; zero where the origin is outside.
    pub fn inner_radius_m(&self) -> f64 {
        self.edges.iter().map(|edge| edge.off_m).fold(f64::INFINITY, f64::min).max(0.0)
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
