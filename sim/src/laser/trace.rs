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
    /// Rays that a scanner at rest would send from one bearing on, step by step.
    pub fn new(rays: Vec<Ray>, start: f64, step: f64) -> Self {
        let wander_m = rays.iter().map(|ray| ray.origin.coords.norm()).fold(0.0, f64::max);
        let mut fan = Self { rays, start, step, off: 0.0, wander_m };
        // By how much rays have turned away from where they would point at rest.
        let turns: Vec<f64> = fan.rays.iter().enumerate().map(|(i, ray)| fan.turn_of(i, ray)).collect();
        let drift = turns.last().map_or(0.0, |last| last / (turns.len() - 1) as f64);
        fan.step += drift;
        let off = turns.iter().enumerate().map(|(i, turn)| (turn - drift * i as f64).abs());
        fan.off = off.fold(0.0, f64::max);
        fan
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
        Self { shapes: near.map(|(prim, pose)| (prim, map_from_laser.inv_mul(pose))).collect() }
    }

    /// The echoes of a turn.
    pub fn fan(&self, fan: &Fan) -> Traced {
        let count = fan.rays.len();
        let mut first: Vec<Option<Hit>> = (0..count).map(|_| None).collect();
        for (prim, pose) in &self.shapes {
            for ray in rays_that_may_meet(prim, pose, fan) {
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
        let angle = cosine.acos();
        let lobe = if specular > 0.0 { specular * LOBE_GAIN * (-(angle / LOBE).powi(2)).exp() } else { 0.0 };
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
    let at = pose.translation.vector;
    let (away, around) = (at.x.hypot(at.y), around(&solid, pose) + fan.wander_m);
    if away <= around {
        return (0..count).collect();
    }
    let (bearing, half) = (at.y.atan2(at.x), (around / away).asin() + fan.off);
    let mut rays = Vec::new();
    for turn in [-1.0, 0.0, 1.0] {
        let middle = bearing + turn * std::f64::consts::TAU;
        let from = ((middle - half - start) / step).ceil().max(0.0);
        let to = ((middle + half - start) / step).floor().min(count as f64 - 1.0);
        if from <= to {
            rays.extend(from as usize..=to as usize);
        }
    }
    rays
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
