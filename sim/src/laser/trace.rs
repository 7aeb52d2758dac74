//! From rays to echoes: what is met first scatters, and mirrors and panes send the light on.

use super::radius;
use crate::raycast::{Meeting, V3, meet};
use crate::scene::{Form, Host, Prim};
use nalgebra::{Isometry3, Point3, Vector3};
use nightshift_core::describe::{Solid, Surface};

/// The distance that powers refer to, metres.
const REFERENCE_M: f64 = 5.0;
/// Nearer than this, light gets no stronger: the receiver is focused far away and takes in less and less of the spot,
/// the overlap function of every lidar (Wandinger, Introduction to Lidar, 2005, eq. 1.4). What is bright enough there to
/// dazzle it is a mirror or a reflector, not paint.
const NEAR_M: f64 = 1.5;
/// Width of the lobe in which a mirror sends light straight back, radians, and how much brighter than white it is there.
const LOBE: f64 = 0.035;
const LOBE_GAIN: f64 = 60.0;
/// Mirrors and panes on one way at most, and the least share of light that is followed.
const DEEP: usize = 3;
const LEAST: f64 = 0.01;
/// How far from a surface the light goes on, metres.
const OFF_M: f64 = 1e-6;

/// Light that comes back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Echo {
    /// Half the way that it went.
    pub range_m: f64,
    /// 1 is that of a white wall, head-on, at the reference distance.
    pub power: f64,
}

/// The echoes of a fan of rays.
pub struct Traced {
    echoes: Vec<Echo>,
    ends: Vec<usize>,
}

impl Traced {
    /// Those of one ray.
    pub fn of(&self, ray: usize) -> &[Echo] {
        let from = if ray == 0 { 0 } else { self.ends[ray - 1] };
        &self.echoes[from..self.ends[ray]]
    }
}

struct Hit {
    t: f64,
    normal: Vector3<f64>,
    surface: Surface,
}

/// Light that goes out, in the scanner's frame at its first beam.
pub struct Ray {
    /// Where the scanner is then.
    pub origin: Point3<f64>,
    /// Of length one.
    pub direction: Vector3<f64>,
}

/// A turn's rays, one after the other, with the bounds by which shapes are passed over.
pub struct Fan {
    rays: Vec<Ray>,
    /// Bearing of the first, and about how much farther each next one points, radians.
    start: f64,
    step: f64,
    /// How far a bearing may be from that, radians.
    off: f64,
    /// How far a ray's origin may be from the first beam's, metres.
    wander_m: f64,
}

impl Fan {
    /// Rays that a scanner at rest would send from one bearing on, step by step, and one that moves nearly so.
    pub fn new(rays: Vec<Ray>, start: f64, step: f64) -> Self {
        let mut fan = Self::still(rays, start, step);
        fan.wander_m = fan.rays.iter().map(|ray| ray.origin.coords.norm()).fold(0.0, f64::max);
        // By how much rays have turned away from where they would point at rest.
        let turns: Vec<f64> = fan.rays.iter().enumerate().map(|(i, ray)| fan.turn_of(i, ray)).collect();
        let drift = turns.last().map_or(0.0, |last| last / (turns.len() - 1) as f64);
        fan.step += drift;
        let off = turns.iter().enumerate().map(|(i, turn)| (turn - drift * i as f64).abs());
        fan.off = off.fold(0.0, f64::max);
        fan
    }

    /// Those of a scanner that is at rest.
    pub fn still(rays: Vec<Ray>, start: f64, step: f64) -> Self {
        Self { rays, start, step, off: 0.0, wander_m: 0.0 }
    }

    fn turn_of(&self, index: usize, ray: &Ray) -> f64 {
        let (sin, cos) = (self.start + self.step * index as f64).sin_cos();
        (cos * ray.direction.y - sin * ray.direction.x).atan2(cos * ray.direction.x + sin * ray.direction.y)
    }
}

/// All shapes in the scanner's frame at its first beam.
pub struct Tracer<'a> {
    shapes: Vec<(&'a Prim, Isometry3<f64>)>,
}

impl<'a> Tracer<'a> {
    /// Shapes that light in the scanner's plane can meet.
    pub fn new(map_from_laser: &Isometry3<f64>, prims: &'a [Prim], map_from_prim: &[Isometry3<f64>]) -> Self {
        let height = map_from_laser.translation.z;
        let near = prims.iter().zip(map_from_prim).filter(|(prim, pose)| match prim.form {
            Form::Solid(solid) => {
                !matches!(prim.host, Host::Link(_)) && (pose.translation.z - height).abs() <= radius(&solid)
            }
            _ => false,
        });
        let mut shapes: Vec<_> = near.map(|(prim, pose)| (prim, map_from_laser.inv_mul(pose))).collect();
        // The nearest first: what is hidden behind it is then passed over.
        shapes.sort_by(|one, other| gap(one.0, &one.1).total_cmp(&gap(other.0, &other.1)));
        Self { shapes }
    }

    /// The echoes of a turn.
    pub fn fan(&self, fan: &Fan) -> Traced {
        let count = fan.rays.len();
        let mut first: Vec<Option<Hit>> = (0..count).map(|_| None).collect();
        for (prim, pose) in &self.shapes {
            let least_m = gap(prim, pose) - fan.wander_m;
            for ray in rays_that_may_meet(prim, pose, fan) {
                if first[ray].as_ref().is_some_and(|hit| hit.t <= least_m) {
                    continue;
                }
                let Ray { origin, direction } = &fan.rays[ray];
                let eye: V3 = pose.inverse_transform_point(origin).coords.into();
                let direction: V3 = pose.inverse_transform_vector(direction).into();
                if let Some(Meeting { t, normal }) = meet(&prim.form, &eye, &direction)
                    && first[ray].as_ref().is_none_or(|hit| t < hit.t)
                {
                    first[ray] = Some(Hit { t, normal: pose * Vector3::from(normal), surface: prim.surface });
                }
            }
        }
        let mut traced = Traced { echoes: Vec::with_capacity(count), ends: Vec::with_capacity(count) };
        for (hit, Ray { origin, direction }) in first.into_iter().zip(&fan.rays) {
            if let Some(hit) = hit {
                self.scatter(*origin, *direction, hit, [0.0, 1.0], DEEP, &mut traced.echoes);
            }
            traced.ends.push(traced.echoes.len());
        }
        traced
    }

    /// Adds the echoes of light that meets a surface after a way, with a share of its power left for the way there and
    /// back.
    fn scatter(
        &self,
        origin: Point3<f64>,
        direction: Vector3<f64>,
        hit: Hit,
        [way_m, share]: [f64; 2],
        deep: usize,
        echoes: &mut Vec<Echo>,
    ) {
        let Surface { diffuse, specular, transmitted } = hit.surface;
        let range_m = way_m + hit.t;
        let cosine = (-hit.normal.dot(&direction)).clamp(0.0, 1.0);
        let fade = (REFERENCE_M / range_m.max(NEAR_M)).powi(2);
        let lobe =
            if specular > 0.0 { specular * LOBE_GAIN * (-(cosine.acos() / LOBE).powi(2)).exp() } else { 0.0 };
        let power = share * (diffuse * cosine + lobe) * fade;
        if power > 0.0 {
            echoes.push(Echo { range_m, power });
        }
        if specular + transmitted == 0.0 || deep == 0 {
            return;
        }
        // Fresnel by Schlick's formula (1994): at flat angles everything is a mirror, at the cost of what goes through.
        let mirrored = specular + (1.0 - specular) * (1.0 - cosine).powi(5) * f64::from(transmitted > 0.0);
        let through = transmitted * (1.0 - mirrored) / (1.0 - specular).max(1e-9);
        let at = origin + direction * hit.t;
        let on = [
            (direction + hit.normal * (2.0 * cosine), at + hit.normal * OFF_M, mirrored),
            (direction, at + direction * OFF_M, through),
        ];
        for (direction, origin, part) in on {
            // Once on the way there, once on the way back.
            let left = share * part * part;
            if left < LEAST {
                continue;
            }
            if let Some(next) = self.nearest(&origin, &direction) {
                self.scatter(origin, direction, next, [range_m, left], deep - 1, echoes);
            }
        }
    }

    fn nearest(&self, origin: &Point3<f64>, direction: &Vector3<f64>) -> Option<Hit> {
        let mut best: Option<Hit> = None;
        for (prim, pose) in &self.shapes {
            let eye: V3 = pose.inverse_transform_point(origin).coords.into();
            let along: V3 = pose.inverse_transform_vector(direction).into();
            if let Some(Meeting { t, normal }) = meet(&prim.form, &eye, &along)
                && best.as_ref().is_none_or(|hit| t < hit.t)
            {
                best = Some(Hit { t, normal: pose * Vector3::from(normal), surface: prim.surface });
            }
        }
        best
    }
}

/// The rays between the bearings that a shape lies within, seen from anywhere that rays start.
fn rays_that_may_meet(prim: &Prim, pose: &Isometry3<f64>, fan: &Fan) -> Vec<usize> {
    let Form::Solid(solid) = prim.form else { return Vec::new() };
    let (count, start, step) = (fan.rays.len(), fan.start, fan.step);
    let away = gap(prim, pose);
    if away <= fan.wander_m {
        return (0..count).collect();
    }
    // Seen from so far to the side, nothing of it is at another bearing by more.
    let off = fan.off + (fan.wander_m / away).asin();
    let (bearing, low, high) = bearings(&solid, pose);
    let mut rays = Vec::new();
    for turn in [-1.0, 0.0, 1.0] {
        let middle = bearing + turn * std::f64::consts::TAU;
        let from = ((middle + low - off - start) / step).ceil().max(0.0);
        let to = ((middle + high + off - start) / step).floor().min(count as f64 - 1.0);
        if from <= to {
            rays.extend(from as usize..=to as usize);
        }
    }
    rays
}

/// The bearing of a shape's middle, and how far to both sides of it it reaches, seen from a scanner outside of it: radians.
fn bearings(solid: &Solid, pose: &Isometry3<f64>) -> (f64, f64, f64) {
    let at = pose.translation.vector;
    let bearing = at.y.atan2(at.x);
    match standing(solid, pose) {
        Some([x, y]) => {
            let aside = [(x, y), (x, -y), (-x, y), (-x, -y)].map(|(x, y)| {
                let corner = pose * Vector3::new(x, y, 0.0) + at;
                (at.x * corner.y - at.y * corner.x).atan2(at.x * corner.x + at.y * corner.y)
            });
            let low = aside.into_iter().fold(f64::INFINITY, f64::min);
            (bearing, low, aside.into_iter().fold(f64::NEG_INFINITY, f64::max))
        }
        None => {
            let half = (around(solid, pose) / at.x.hypot(at.y)).asin();
            (bearing, -half, half)
        }
    }
}

/// The half edges of a box that stands upright.
fn standing(solid: &Solid, pose: &Isometry3<f64>) -> Option<[f64; 2]> {
    let Solid::Box { size_m: [x, y, _] } = *solid else { return None };
    let up = pose * Vector3::z();
    (up.x.hypot(up.y) < 1e-9).then_some([x / 2.0, y / 2.0])
}

/// How far from the scanner a shape begins at the least, metres; 0 or less where the scanner may be within.
fn gap(prim: &Prim, pose: &Isometry3<f64>) -> f64 {
    let Form::Solid(solid) = prim.form else { return 0.0 };
    match standing(&solid, pose) {
        Some([x, y]) => {
            let eye = pose.inverse_transform_point(&Point3::origin());
            (eye.x.abs() - x).max(0.0).hypot((eye.y.abs() - y).max(0.0))
        }
        None => pose.translation.vector.xy().norm() - around(&solid, pose),
    }
}

/// Radius of the upright cylinder around a solid, about its own middle.
fn around(solid: &Solid, pose: &Isometry3<f64>) -> f64 {
    match *solid {
        Solid::Box { size_m: [x, y, z] } => {
            let corner = |a: f64, b: f64, c: f64| {
                let v = pose * Vector3::new(a * x / 2.0, b * y / 2.0, c * z / 2.0);
                v.x.hypot(v.y)
            };
            let corners = [(1.0, 1.0, 1.0), (1.0, 1.0, -1.0), (1.0, -1.0, 1.0), (1.0, -1.0, -1.0)];
            corners.into_iter().map(|(a, b, c)| corner(a, b, c)).fold(0.0, f64::max)
        }
        Solid::Cylinder { radius_m, height_m } => {
            let axis = pose * Vector3::z();
            radius_m + height_m / 2.0 * axis.x.hypot(axis.y)
        }
        Solid::Sphere { radius_m } => radius_m,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::Role;
    use proptest::prelude::*;

    fn prim(solid: Solid, [x, y]: [f64; 2], [yaw, lean]: [f64; 2]) -> Prim {
        let turn = Isometry3::rotation(Vector3::z() * yaw) * Isometry3::rotation(Vector3::x() * lean);
        Prim {
            name: "thing".into(),
            host: Host::World,
            host_from_prim: Isometry3::translation(x, y, 0.0) * turn,
            form: Form::Solid(solid),
            role: Role::Fixture,
            color: [0; 3],
            collides: true,
            visible: true,
            surface: Surface::MATT,
        }
    }

    fn solids() -> impl Strategy<Value = Solid> {
        let edge = 0.05f64..6.0;
        prop_oneof![
            [edge.clone(), edge.clone(), 0.5f64..2.0].prop_map(|size_m| Solid::Box { size_m }),
            (0.05f64..1.0, 0.5f64..2.0)
                .prop_map(|(radius_m, height_m)| Solid::Cylinder { radius_m, height_m }),
            (0.05f64..1.0).prop_map(|radius_m| Solid::Sphere { radius_m }),
        ]
    }

    proptest! {
        /// What is passed over would not have been met first.
        #[test]
        fn no_ray_misses_what_it_meets_first(
            things in prop::collection::vec(
                (solids(), [-6.0f64..6.0, -6.0f64..6.0], -3.1f64..3.1, prop_oneof![Just(0.0), -0.3f64..0.3]), 1..6,
            ),
            (start, speed, rate) in (-3.0f64..0.0, [-1.5f64..1.5, -1.5f64..1.5], -2.0f64..2.0),
            moves in any::<bool>(),
        ) {
            let prims: Vec<Prim> = things.into_iter().map(|(solid, at, yaw, lean)| prim(solid, at, [yaw, lean])).collect();
            let poses: Vec<_> = prims.iter().map(|prim| prim.host_from_prim).collect();
            let step = 0.01;
            let rays: Vec<Ray> = (0..470).map(|index| {
                let share = if moves { f64::from(index) / 470.0 * 0.05 } else { 0.0 };
                let bearing = start + step * f64::from(index) + rate * share;
                Ray {
                    origin: Point3::new(speed[0] * share, speed[1] * share, 0.0),
                    direction: Vector3::new(bearing.cos(), bearing.sin(), 0.0),
                }
            }).collect();
            let all = Tracer::new(&Isometry3::identity(), &prims, &poses);
            // Light that only grazes scatters nothing back.
            let told = |hit: &Hit, ray: &Ray| -hit.normal.dot(&ray.direction) > 1e-9;
            let expected: Vec<Option<f64>> = rays
                .iter()
                .map(|ray| all.nearest(&ray.origin, &ray.direction).filter(|hit| told(hit, ray)).map(|hit| hit.t))
                .collect();
            let fan = if moves { Fan::new(rays, start, step) } else { Fan::still(rays, start, step) };
            let traced = all.fan(&fan);
            for (ray, expected) in expected.into_iter().enumerate() {
                prop_assert_eq!(traced.of(ray).first().map(|echo| echo.range_m), expected, "ray {}", ray);
            }
        }
    }
}
