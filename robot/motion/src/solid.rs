//! Solids as parry3d sees them: in single precision, in centimetres, cylinders along y.
//!
//! Centimetres, because parry3d's distance iteration (GJK) ends at fixed tolerances that are meant for things about one
//! unit large: on metres it stopped up to 9 mm too early.

use nalgebra::{Isometry3, Point3, UnitQuaternion, Vector3};
use nightshift_core::describe::Solid;
use parry3d::math::{Pose as Placed, Vector};
use parry3d::query;
use parry3d::shape::SharedShape;
use std::f64::consts::FRAC_PI_2;

/// A form with what is asked of it often.
#[derive(Clone)]
pub(crate) struct Shaped {
    shape: SharedShape,
    solid: Solid,
    /// Half sizes: of a box along its edges, of a cylinder across and along, of a ball its radius.
    half: Vector,
    /// Of the ball around it.
    radius: f32,
}

impl std::fmt::Debug for Shaped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.solid.fmt(f)
    }
}

/// A form that moves with a frame of the chain.
#[derive(Clone, Debug)]
pub(crate) struct Body {
    pub(crate) name: String,
    /// Another name that it answers to.
    pub(crate) alias: Option<&'static str>,
    pub(crate) frame: usize,
    pub(crate) frame_from_shape: Isometry3<f64>,
    pub(crate) shaped: Shaped,
}

/// A form that stands still.
#[derive(Debug)]
pub(crate) struct Obstacle {
    pub(crate) name: String,
    pub(crate) solid: Solid,
    pub(crate) base_from_shape: Isometry3<f64>,
    pub(crate) shaped: Shaped,
    pub(crate) at: Placed,
}

/// How near two things are.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Proximity {
    /// Negative where they overlap.
    pub(crate) distance_m: f64,
    pub(crate) first: String,
    pub(crate) second: String,
    /// Between them, in the base's frame.
    pub(crate) point: Vector3<f64>,
}

impl Proximity {
    /// `link_7 and storage/bench overlap by 0.012 m at (0.50, 0.10, 0.80) m`.
    pub(crate) fn words(&self, margin_m: f64) -> String {
        let Self { distance_m, first, second, point } = self;
        let place = format!("at ({:.3}, {:.3}, {:.3}) m in the base's frame", point.x, point.y, point.z);
        if *distance_m <= 0.0 {
            format!("{first} and {second} overlap by {:.4} m {place}", -distance_m)
        } else {
            format!("{first} and {second} are {distance_m:.4} m apart {place}, where {margin_m:.4} m is kept")
        }
    }
}

/// parry's units in a metre.
const UNITS: f32 = 100.0;

/// parry's cylinders lie along y, ours along z.
fn solid_from_parry(solid: &Solid) -> UnitQuaternion<f64> {
    match solid {
        Solid::Cylinder { .. } => UnitQuaternion::from_axis_angle(&Vector3::x_axis(), FRAC_PI_2),
        Solid::Box { .. } | Solid::Sphere { .. } => UnitQuaternion::identity(),
    }
}

fn placed(base_from_solid: &Isometry3<f64>, solid: &Solid) -> Placed {
    let mut at = (base_from_solid * solid_from_parry(solid)).cast::<f32>();
    at.translation.vector *= UNITS;
    at.into()
}

impl Shaped {
    pub(crate) fn new(solid: &Solid) -> Self {
        let units = |metres: f64| metres as f32 * UNITS;
        let (shape, half, radius) = match *solid {
            Solid::Box { size_m } => {
                let [x, y, z] = size_m.map(|s| units(s / 2.0));
                let half = Vector::new(x, y, z);
                (SharedShape::cuboid(x, y, z), half, half.length())
            }
            Solid::Cylinder { radius_m, height_m } => {
                let (along, across) = (units(height_m / 2.0), units(radius_m));
                let half = Vector::new(across, along, across);
                (SharedShape::cylinder(along, across), half, along.hypot(across))
            }
            Solid::Sphere { radius_m } => {
                let radius = units(radius_m);
                (SharedShape::ball(radius), Vector::splat(radius), radius)
            }
        };
        Self { shape, solid: *solid, half, radius }
    }

    pub(crate) fn solid(&self) -> &Solid {
        &self.solid
    }

    /// Of the ball around it.
    pub(crate) fn radius_m(&self) -> f64 {
        f64::from(self.radius / UNITS)
    }

    /// Whether they are nearer than a margin.
    pub(crate) fn nearer(&self, at: &Placed, other: &Self, other_at: &Placed, margin_m: f32) -> bool {
        let reach = self.radius + other.radius + margin_m * UNITS;
        at.translation.distance_squared(other_at.translation) < reach * reach
            && self.distance(at, other, other_at) < margin_m * UNITS
    }

    /// In parry's units. Zero where they overlap.
    fn distance(&self, at: &Placed, other: &Self, other_at: &Placed) -> f32 {
        let found = query::distance(at, &*self.shape, other_at, &*other.shape);
        found.expect("boxes, cylinders and spheres have distances").distance
    }

    /// With names, and negative where they overlap.
    pub(crate) fn proximity(
        &self,
        name: &str,
        at: &Placed,
        other: &Self,
        other_name: &str,
        other_at: &Placed,
    ) -> Proximity {
        let apart = self.distance(at, other, other_at);
        let contact = query::contact(at, &*self.shape, other_at, &*other.shape, apart + 1.0)
            .expect("boxes, cylinders and spheres have contacts");
        // Where parry finds no contact although they overlap, their middle is the best place to name.
        let (depth, middle) = contact
            .map_or((0.0, (at.translation + other_at.translation) * 0.5), |contact| {
                (contact.dist.min(0.0), (contact.point1 + contact.point2) * 0.5)
            });
        let distance_m = f64::from(if apart > 0.0 { apart } else { depth } / UNITS);
        Proximity {
            distance_m,
            first: name.to_owned(),
            second: other_name.to_owned(),
            point: Vector3::new(middle.x, middle.y, middle.z).cast() / f64::from(UNITS),
        }
    }
}

impl Body {
    pub(crate) fn place(&self, frames: &[Isometry3<f64>]) -> Placed {
        placed(&(frames[self.frame] * self.frame_from_shape), &self.shaped.solid)
    }
}

impl Obstacle {
    pub(crate) fn new(name: &str, solid: &Solid, base_from_shape: &Isometry3<f64>) -> Self {
        let at = placed(base_from_shape, solid);
        Self {
            name: name.to_owned(),
            solid: *solid,
            base_from_shape: *base_from_shape,
            shaped: Shaped::new(solid),
            at,
        }
    }

    /// Whether a body is nearer than a margin.
    pub(crate) fn nearer(&self, body: &Shaped, at: &Placed, margin_m: f32) -> bool {
        let reach = body.radius + margin_m * UNITS;
        at.translation.distance_squared(self.at.translation) < (reach + self.shaped.radius).powi(2)
            && self.distance_to(at.translation) < reach
            && self.shaped.nearer(&self.at, body, at, margin_m)
    }

    /// Exactly, from a point in the base's frame; zero inside.
    pub(crate) fn distance_m(&self, point: &Point3<f64>) -> f64 {
        let units = point.coords.cast::<f32>() * UNITS;
        f64::from(self.distance_to(Vector::new(units.x, units.y, units.z)) / UNITS)
    }

    /// Exactly, from a point, in parry's units: what spares most of the dearer queries.
    fn distance_to(&self, point: Vector) -> f32 {
        let local = self.at.inverse_transform_point(point);
        let half = self.shaped.half;
        match self.shaped.solid {
            Solid::Box { .. } => (local.abs() - half).max(Vector::ZERO).length(),
            Solid::Cylinder { .. } => {
                // By `sqrt`: `hypot` guards against overflow that metres cannot cause, and costs ten times as much.
                let across = ((local.x * local.x + local.z * local.z).sqrt() - half.x).max(0.0);
                let along = (local.y.abs() - half.y).max(0.0);
                (across * across + along * along).sqrt()
            }
            Solid::Sphere { .. } => (local.length() - half.x).max(0.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn solid() -> impl Strategy<Value = Solid> {
        let size = || 0.02f64..0.4;
        prop_oneof![
            [size(), size(), size()].prop_map(|size_m| Solid::Box { size_m }),
            (size(), size()).prop_map(|(r, height_m)| Solid::Cylinder { radius_m: r / 2.0, height_m }),
            size().prop_map(|r| Solid::Sphere { radius_m: r / 2.0 }),
        ]
    }

    fn pose() -> impl Strategy<Value = Isometry3<f64>> {
        let at = || -0.4f64..0.4;
        ([at(), at(), at()], [-3.1f64..3.1, -1.5f64..1.5, -3.1f64..3.1]).prop_map(|(t, r)| {
            let turn = UnitQuaternion::from_euler_angles(r[0], r[1], r[2]);
            Isometry3::from_parts(Vector3::from(t).into(), turn)
        })
    }

    /// Points all over a solid's surface and where it bulges most, about 5 % of its size apart.
    fn surface(solid: &Solid) -> Vec<Vector3<f64>> {
        let grid: Vec<f64> = (0..=20).map(|k| f64::from(k) / 10.0 - 1.0).collect();
        let circle: Vec<(f64, f64)> = (0..128).map(|k| (f64::from(k) * 0.0490874).sin_cos()).collect();
        let mut points = Vec::new();
        match *solid {
            Solid::Box { size_m: [x, y, z] } => {
                for a in &grid {
                    for b in &grid {
                        for side in [-1.0, 1.0] {
                            for unit in [[side, *a, *b], [*a, side, *b], [*a, *b, side]] {
                                let [u, v, w] = unit;
                                points.push(Vector3::new(u * x, v * y, w * z) / 2.0);
                            }
                        }
                    }
                }
            }
            Solid::Cylinder { radius_m, height_m } => {
                for (sin, cos) in &circle {
                    for a in &grid {
                        points.push(Vector3::new(radius_m * cos, radius_m * sin, a * height_m / 2.0));
                        for end in [-0.5, 0.5] {
                            points.push(Vector3::new(a * radius_m * cos, a * radius_m * sin, end * height_m));
                        }
                    }
                }
            }
            Solid::Sphere { radius_m } => {
                for (sin, cos) in &circle {
                    for (s, c) in &circle {
                        points.push(Vector3::new(sin * c, sin * s, *cos) * radius_m);
                    }
                }
            }
        }
        points
    }

    fn size(solid: &Solid) -> f64 {
        match *solid {
            Solid::Box { size_m } => Vector3::from(size_m).norm(),
            Solid::Cylinder { radius_m, height_m } => (2.0 * radius_m).hypot(height_m),
            Solid::Sphere { radius_m } => 2.0 * radius_m,
        }
    }

    proptest! {
        /// Against points on one solid's surface, each measured exactly to the other.
        #[test]
        fn distances_agree_with_points_on_the_surface(a in solid(), b in solid(), at in pose(), there in pose()) {
            let (one, other) = (Shaped::new(&a), Obstacle::new("b", &b, &there));
            let told = f64::from(one.distance(&placed(&at, &a), &other.shaped, &other.at) / UNITS);
            let apart = surface(&a).into_iter().map(|point| {
                other.distance_m(&(at * Point3::from(point)))
            });
            let sampled = apart.fold(f64::INFINITY, f64::min).max(0.0);
            // parry3d's iteration (GJK) ends at about a thousandth of the distance.
            prop_assert!(told <= sampled * 1.002 + 1e-5, "{told} told, {sampled} found");
            // A point is at most half a grid cell from where the surfaces are nearest. Only from outside, though: a
            // solid that holds all of the other one has no point of its surface in it.
            let within = told == 0.0;
            prop_assert!(within || told >= sampled - 0.06 * size(&a), "{told} told, {sampled} found");
            let near = one.proximity("a", &placed(&at, &a), &other.shaped, "b", &other.at);
            prop_assert!((near.distance_m - told).abs() < 1e-6 || (within && near.distance_m <= 0.0));
        }

        /// The ball around a solid that most pairs are told apart by.
        #[test]
        fn the_ball_holds_the_solid(a in solid()) {
            let shaped = Shaped::new(&a);
            prop_assert!(surface(&a).iter().all(|p| p.norm() <= shaped.radius_m() + 1e-6));
        }
    }
}
