//! Bodies, lamps and the nearest surface along a ray.

use crate::shape::{Meeting, Quad, Ray, Shape};
use crate::surface::{Rgb, Surface};
use nalgebra::{Isometry3, Point3, Vector3};

/// A shape with its surface.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    pub shape: Shape,
    pub surface: Surface,
}

/// A thing in the room, of parts that move together.
#[derive(Clone, Debug)]
pub struct Body {
    parts: Vec<Part>,
    map_from_body: Isometry3<f64>,
    body_from_map: Isometry3<f64>,
    /// A ball that holds it, in map.
    centre: Vector3<f64>,
    radius_m: f64,
}

impl Body {
    pub fn new(map_from_body: Isometry3<f64>, parts: Vec<Part>) -> Self {
        let outline: Vec<_> = parts.iter().flat_map(|part| part.shape.outline()).collect();
        let reach = |pick: fn(f64, f64) -> f64, start: f64| {
            outline.iter().fold(Vector3::repeat(start), |acc, point| acc.zip_map(point, pick))
        };
        let (low, high) = (reach(f64::min, f64::INFINITY), reach(f64::max, f64::NEG_INFINITY));
        let (centre, radius_m) = match parts.is_empty() {
            true => (Vector3::zeros(), 0.0),
            false => ((low + high) / 2.0, (high - low).norm() / 2.0),
        };
        let centre = (map_from_body * Point3::from(centre)).coords;
        Self { parts, map_from_body, body_from_map: map_from_body.inverse(), centre, radius_m }
    }
}

/// What there is to see.
#[derive(Clone, Debug)]
pub struct Scene {
    bodies: Vec<Body>,
    /// Each lamp's rectangle, in map, and its radiance.
    lamps: Vec<(Quad, Rgb)>,
    /// Radiance from everywhere that is not modelled: the far room, and light thrown from wall to wall.
    pub(crate) ambient: Rgb,
}

/// The nearest surface.
pub(crate) struct Hit<'a> {
    pub body: usize,
    pub surface: &'a Surface,
    pub t: f64,
    /// In map, length 1, out of the surface's front.
    pub normal: Vector3<f64>,
    pub uv: [f64; 2],
}

impl Scene {
    /// An empty scene under even light.
    pub fn new(ambient: Rgb) -> Self {
        Self { bodies: Vec::new(), lamps: Vec::new(), ambient }
    }

    /// Puts a body in; its number is what pixels are marked with. Lamps must be quads: light of a lamp of another
    /// shape is seen, but falls on nothing.
    pub fn add(&mut self, body: Body) -> usize {
        for part in &body.parts {
            if let (Shape::Quad(quad), Surface::Lamp { radiance }) = (&part.shape, &part.surface) {
                let turned = |v: &Vector3<f64>| body.map_from_body * v;
                let corner = (body.map_from_body * Point3::from(quad.corner)).coords;
                let quad = Quad { corner, u: turned(&quad.u), v: turned(&quad.v), holes: Vec::new() };
                self.lamps.push((quad, *radiance));
            }
        }
        self.bodies.push(body);
        self.bodies.len() - 1
    }

    pub(crate) fn lamps(&self) -> &[(Quad, Rgb)] {
        &self.lamps
    }

    /// The nearest surface before `limit` metres.
    pub(crate) fn nearest(&self, ray: &Ray, limit: f64) -> Option<Hit<'_>> {
        let mut best: Option<(usize, &Part, Meeting)> = None;
        let mut limit = limit;
        for (index, body) in self.bodies.iter().enumerate() {
            let to_centre = body.centre - ray.origin;
            let along = to_centre.dot(&ray.direction);
            let beside2 = to_centre.norm_squared() - along * along;
            let radius2 = body.radius_m * body.radius_m;
            if beside2 > radius2 {
                continue;
            }
            let half = (radius2 - beside2).sqrt();
            if along + half < 0.0 || along - half > limit {
                continue;
            }
            let local = Ray {
                origin: (body.body_from_map * Point3::from(ray.origin)).coords,
                direction: body.body_from_map * ray.direction,
            };
            for part in &body.parts {
                if let Some(meeting) = part.shape.meet(&local, limit) {
                    limit = meeting.t;
                    best = Some((index, part, meeting));
                }
            }
        }
        best.map(|(body, part, Meeting { t, normal, uv })| Hit {
            body,
            surface: &part.surface,
            t,
            normal: self.bodies[body].map_from_body * normal,
            uv,
        })
    }
}
