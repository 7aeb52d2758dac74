//! A station's shapes as a scanner sees them: the edges in the scanner's plane, and how a scan lies on them.

use nalgebra::{Point2, Point3, Vector2};
use nightshift_core::describe::{Solid, Station};
use nightshift_core::frames::Pose2;

/// So near to an edge's ends a return may be of what lies behind or beside it, metres.
const END_M: f64 = 0.02;
/// Flatter than this (cosine to the normal) a beam runs along a face rather than onto it.
const FLATTEST: f64 = 0.03;

/// One thing that a beam can end on, in the station's frame.
#[derive(Clone, Debug, PartialEq)]
enum Edge {
    /// A straight face from `from` along `along` (unit) for `length_m`, its normal to the outside.
    Face { from: Point2<f64>, along: Vector2<f64>, normal: Vector2<f64>, length_m: f64 },
    /// A leg or post.
    Round { center: Point2<f64>, radius_m: f64 },
}

/// What of a station stands in a scanner's plane.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outline {
    edges: Vec<Edge>,
}

/// A return that lies on the outline, in the station's frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Touch {
    /// Of the surface there, to the outside.
    pub normal: Vector2<f64>,
    /// How far outside the surface the return lies, metres.
    pub off_m: f64,
}

impl Outline {
    /// Of a station, for scanners at this height, metres.
    pub fn new(station: &Station, height_m: f64) -> Self {
        let mut edges = Vec::new();
        for shape in &station.shapes {
            let middle = shape.pose.translation();
            let up = (height_m - middle.z).abs();
            match shape.solid {
                Solid::Box { size_m } if up < size_m[2] / 2.0 => {
                    edges.extend(faces(&shape.pose.planar(), [size_m[0], size_m[1]]));
                }
                Solid::Cylinder { radius_m, height_m } if up < height_m / 2.0 => {
                    edges.push(Edge::Round { center: middle.xy().into(), radius_m });
                }
                Solid::Sphere { radius_m } if up < radius_m => {
                    let radius_m = (radius_m * radius_m - up * up).sqrt();
                    edges.push(Edge::Round { center: middle.xy().into(), radius_m });
                }
                Solid::Box { .. } | Solid::Cylinder { .. } | Solid::Sphere { .. } => {}
            }
        }
        Self { edges }
    }

    /// The surface that a return at `point`, seen from `eye` (both in the station's frame), lies on: the only one
    /// within `reach_m`. None where two would do, or none.
    pub fn touch(&self, eye: &Point2<f64>, point: &Point2<f64>, reach_m: f64) -> Option<Touch> {
        let beam = (point - eye).try_normalize(1e-6)?;
        let mut found = None;
        for edge in &self.edges {
            let Some(touch) = edge.touch(&beam, point).filter(|touch| touch.off_m.abs() < reach_m) else {
                continue;
            };
            if found.is_some() {
                return None;
            }
            found = Some(touch);
        }
        found
    }
}

impl Edge {
    fn touch(&self, beam: &Vector2<f64>, point: &Point2<f64>) -> Option<Touch> {
        match self {
            Self::Face { from, along, normal, length_m } => {
                let way = point - from;
                let reached = along.dot(&way);
                let onto = -normal.dot(beam) > FLATTEST && reached > END_M && reached < length_m - END_M;
                onto.then(|| Touch { normal: *normal, off_m: normal.dot(&way) })
            }
            Self::Round { center, radius_m } => {
                let normal = (point - center).try_normalize(1e-6)?;
                // The far side of a post is not seen, and its rim only by half a beam.
                (-normal.dot(beam) > 0.3).then(|| Touch { normal, off_m: (point - center).norm() - radius_m })
            }
        }
    }
}

fn faces<A, B>(pose: &Pose2<A, B>, size_m: [f64; 2]) -> [Edge; 4] {
    let corner = |x: f64, y: f64| pose.iso * Point2::new(x * size_m[0] / 2.0, y * size_m[1] / 2.0);
    let corners = [corner(-1.0, -1.0), corner(1.0, -1.0), corner(1.0, 1.0), corner(-1.0, 1.0)];
    [0, 1, 2, 3].map(|i| {
        let (from, to) = (corners[i], corners[(i + 1) % 4]);
        let (along, length_m) = ((to - from).normalize(), (to - from).norm());
        Edge::Face { from, along, normal: Vector2::new(along.y, -along.x), length_m }
    })
}

/// Whether a point of the station's frame, at any height, lies on one of its shapes or within `reach_m` of it.
pub fn on_shape(station: &Station, point: &Point2<f64>, reach_m: f64) -> bool {
    station.shapes.iter().any(|shape| {
        let center = shape.pose.translation();
        let local = shape.pose.inverse().point(&Point3::new(point.x, point.y, center.z));
        match shape.solid {
            Solid::Box { size_m } => {
                local.x.abs() <= size_m[0] / 2.0 + reach_m && local.y.abs() <= size_m[1] / 2.0 + reach_m
            }
            Solid::Cylinder { radius_m, .. } | Solid::Sphere { radius_m } => {
                local.x.hypot(local.y) <= radius_m + reach_m
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_world::descriptions;

    fn bench() -> Outline {
        let (site, _) = descriptions();
        Outline::new(&site.stations[&"storage".into()], 0.2)
    }

    #[test]
    fn a_return_on_the_front_is_on_it_and_one_at_its_end_or_beside_it_is_not() {
        let (bench, eye) = (bench(), Point2::new(-0.6, 0.1));
        let at = |x, y| bench.touch(&eye, &Point2::new(x, y), 0.05);
        let touch = at(-0.01, 0.3).unwrap();
        assert!(
            (touch.normal + Vector2::x()).norm() < 1e-9 && (touch.off_m - 0.01).abs() < 1e-9,
            "{touch:?}"
        );
        assert!((at(0.02, -0.5).unwrap().off_m + 0.02).abs() < 1e-9);
        assert_eq!(at(-0.01, 0.645), None, "the end");
        assert_eq!(at(-0.2, 0.3), None, "something in front");
        assert_eq!(at(f64::NAN, 0.0), None);
    }

    #[test]
    fn what_does_not_reach_the_scanners_plane_is_not_there() {
        let (site, _) = descriptions();
        assert_eq!(Outline::new(&site.stations[&"storage".into()], 2.0), Outline::default());
        assert_eq!(bench().edges.len(), 4, "the instrument stands above the bench");
    }

    #[test]
    fn a_leg_is_seen_from_its_near_side() {
        let leg = Edge::Round { center: Point2::new(1.0, 0.0), radius_m: 0.03 };
        let touch = leg.touch(&Vector2::x(), &Point2::new(0.96, 0.0)).unwrap();
        assert!((touch.off_m - 0.01).abs() < 1e-9 && (touch.normal + Vector2::x()).norm() < 1e-9);
        assert_eq!(leg.touch(&Vector2::x(), &Point2::new(1.03, 0.0)), None);
    }
}
