//! The light that comes along a ray (Whitted 1980, "An improved illumination model for shaded display").

use crate::random::Draws;
use crate::scene::Scene;
use crate::shape::Ray;
use crate::surface::{AIR, Medium, Paint, Rgb, Surface, fresnel};
use nalgebra::Vector3;

/// A ray ends after so many surfaces. Through a full vial it meets four, through two in a row eight.
const MOST_SURFACES: usize = 14;
/// Up to here both the reflected and the refracted ray are followed; beyond, one of them by chance.
const SPLIT_SURFACES: usize = 2;
/// A reflection weaker than this is not followed.
const FAINT: f64 = 0.004;
/// Glass in a row that a shadow ray looks through.
const MOST_SHADOW_SURFACES: usize = 24;

/// A ray on its way.
#[derive(Clone, Copy)]
pub struct Way {
    pub ray: Ray,
    pub medium: Medium,
    pub surfaces: usize,
    /// Its share of the pixel.
    pub weight: f64,
}

impl Way {
    /// A ray that leaves the lens.
    pub fn new(ray: Ray) -> Self {
        Self { ray, medium: AIR, surfaces: 0, weight: 1.0 }
    }
}

fn times(a: Rgb, b: Rgb) -> Rgb {
    [0, 1, 2].map(|c| a[c] * b[c])
}

fn sum(a: Rgb, share_a: f64, b: Rgb, share_b: f64) -> Rgb {
    [0, 1, 2].map(|c| a[c] * share_a + b[c] * share_b)
}

/// What is left of light after a length in a medium.
fn through(medium: &Medium, length_m: f64) -> Rgb {
    if medium.absorption == [0.0; 3] { [1.0; 3] } else { medium.absorption.map(|a| (-a * length_m).exp()) }
}

fn mirrored(direction: &Vector3<f64>, normal: &Vector3<f64>) -> Vector3<f64> {
    direction - normal * (2.0 * direction.dot(normal))
}

/// Radiance that arrives against the ray.
pub fn radiance(scene: &Scene, way: Way, draws: &mut Draws) -> Rgb {
    let Some(hit) = scene.nearest(&way.ray, f64::INFINITY) else {
        return scene.ambient;
    };
    let left = through(&way.medium, hit.t);
    let point = way.ray.at(hit.t);
    let direction = way.ray.direction;
    let seen_from_front = direction.dot(&hit.normal) < 0.0;
    let normal = if seen_from_front { hit.normal } else { -hit.normal };
    let last = way.surfaces >= MOST_SURFACES;
    let next = |direction: Vector3<f64>, medium: Medium, share: f64| Way {
        ray: Ray { origin: point, direction },
        medium,
        surfaces: way.surfaces + 1,
        weight: way.weight * share,
    };
    let light = match hit.surface {
        Surface::Lamp { radiance } => {
            if seen_from_front {
                *radiance
            } else {
                [0.0; 3]
            }
        }
        Surface::Matt(paint) => matt(scene, paint, hit.uv, (point, normal, way.medium), draws),
        _ if last => scene.ambient,
        Surface::Metal { tint, roughness } => {
            let mut out = mirrored(&direction, &normal) + draws.ball() * *roughness;
            // What the shaking turned into the metal comes out on the other side of the surface.
            let depth = out.dot(&normal);
            if depth < 0.0 {
                out -= normal * (2.0 * depth);
            }
            times(*tint, radiance(scene, next(out.normalize(), way.medium, 1.0), draws))
        }
        Surface::Between { front, back } => {
            let (before, behind) = if seen_from_front { (front, back) } else { (back, front) };
            let ratio = before.index / behind.index;
            let cosine = -direction.dot(&normal);
            let (reflected, refracted_cosine) = fresnel(cosine, ratio);
            let out = mirrored(&direction, &normal);
            match refracted_cosine {
                None => radiance(scene, next(out, *before, 1.0), draws),
                Some(refracted_cosine) => {
                    let on = (direction * ratio + normal * (ratio * cosine - refracted_cosine)).normalize();
                    if way.surfaces < SPLIT_SURFACES {
                        let passed = radiance(scene, next(on, *behind, 1.0 - reflected), draws);
                        let thrown = match way.weight * reflected > FAINT {
                            true => radiance(scene, next(out, *before, reflected), draws),
                            false => scene.ambient,
                        };
                        sum(passed, 1.0 - reflected, thrown, reflected)
                    } else if draws.unit() < reflected {
                        radiance(scene, next(out, *before, 1.0), draws)
                    } else {
                        radiance(scene, next(on, *behind, 1.0), draws)
                    }
                }
            }
        }
    };
    times(left, light)
}

/// What a matt surface sends back: one shadow ray to each lamp, and the ambient light.
fn matt(
    scene: &Scene,
    paint: &Paint,
    uv: [f64; 2],
    (point, normal, medium): (Vector3<f64>, Vector3<f64>, Medium),
    draws: &mut Draws,
) -> Rgb {
    let mut arriving = scene.ambient;
    for (lamp, radiance) in scene.lamps() {
        let target = lamp.corner + lamp.u * draws.unit() + lamp.v * draws.unit();
        let to_lamp = target - point;
        let distance = to_lamp.norm();
        let direction = to_lamp / distance;
        let cosines = direction.dot(&normal) * -direction.dot(&lamp.normal());
        if direction.dot(&normal) <= 0.0 || cosines <= 0.0 {
            continue;
        }
        let size = lamp.u.cross(&lamp.v).norm() / (distance * distance) / std::f64::consts::PI;
        let clear = clearness(scene, Ray { origin: point, direction }, distance, medium);
        arriving = sum(arriving, 1.0, times(*radiance, clear), size * cosines);
    }
    times(paint.at(uv), arriving)
}

/// The share of a lamp's light that comes straight through what lies between. Refraction does not turn it.
fn clearness(scene: &Scene, mut ray: Ray, mut distance: f64, mut medium: Medium) -> Rgb {
    let mut share = [1.0; 3];
    for _ in 0..MOST_SHADOW_SURFACES {
        let Some(hit) = scene.nearest(&ray, distance - 1e-6) else {
            return times(share, through(&medium, distance));
        };
        let Surface::Between { front, back } = hit.surface else {
            return [0.0; 3];
        };
        let cosine = ray.direction.dot(&hit.normal);
        let (before, behind) = if cosine < 0.0 { (front, back) } else { (back, front) };
        let (reflected, _) = fresnel(cosine.abs(), before.index / behind.index);
        share = times(share, through(&medium, hit.t)).map(|s| s * (1.0 - reflected));
        ray.origin = ray.at(hit.t);
        distance -= hit.t;
        medium = *behind;
    }
    [0.0; 3]
}
