//! Bodies, lamps and the nearest surface along a ray.

use crate::contact::Contact;
use crate::shape::{Meeting, Quad, Shape};
use crate::space::{NEAR_M, Place, Ray, V3};
use crate::stereo::Projector;
use crate::surface::{Rgb, Surface};
use crate::tree::Tree;
use crate::vessel::{Spot, Vessel};
use nalgebra::Isometry3;

/// A shape with its surface. `kind` is the caller's mark: what this part of the body is.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    pub shape: Shape,
    pub surface: Surface,
    pub kind: u8,
}

impl Part {
    pub fn new(shape: Shape, surface: Surface) -> Self {
        Self { shape, surface, kind: 0 }
    }
}

/// A thing in the room, of parts that move together.
#[derive(Clone, Debug)]
pub struct Body {
    pub parts: Vec<Part>,
    pub vessel: Option<Box<Vessel>>,
    /// Of the parts.
    tree: Tree,
    pub(crate) place: Place,
    /// A ball that holds it, in map.
    centre: V3,
    radius_m: f32,
    extent: [V3; 2],
}

impl Body {
    pub fn new(map_from_body: &Isometry3<f64>, parts: Vec<Part>) -> Self {
        Self::with_vessel(map_from_body, parts, None)
    }

    pub fn with_vessel(map_from_body: &Isometry3<f64>, parts: Vec<Part>, vessel: Option<Vessel>) -> Self {
        let place = Place::new(map_from_body);
        let mut low = V3::splat(f32::INFINITY);
        let mut high = V3::splat(f32::NEG_INFINITY);
        let boxes = parts.iter().map(|part| part.shape.extent());
        let around = vessel.iter().map(|v| {
            let ([low, high], r) = (v.wall.z_m, v.wall.radius_m);
            [V3::new(-r, -r, low), V3::new(r, r, high)]
        });
        for [a, b] in boxes.chain(around) {
            (low, high) = (low.min(a), high.max(b));
        }
        if !low.is_finite() {
            (low, high) = (V3::ZERO, V3::ZERO);
        }
        let corners = (0..8).map(|i| {
            let pick = |bit: usize, axis: usize| if i >> bit & 1 == 1 { high[axis] } else { low[axis] };
            place.point(V3::new(pick(0, 0), pick(1, 1), pick(2, 2)))
        });
        let (mut least, mut most) = (V3::splat(f32::INFINITY), V3::splat(f32::NEG_INFINITY));
        for corner in corners {
            (least, most) = (least.min(corner), most.max(corner));
        }
        let slack = V3::splat(1e-5);
        let loose = |[low, high]: [V3; 2]| [low - slack, high + slack];
        let tree = Tree::new(&parts.iter().map(|part| loose(part.shape.extent())).collect::<Vec<_>>());
        Self {
            parts,
            tree,
            vessel: vessel.map(Box::new),
            place,
            centre: place.point((low + high) * 0.5),
            radius_m: (high - low).length() * 0.5 + 1e-5,
            extent: [least - slack, most + slack],
        }
    }

    /// The nearest surface of this body before `limit`; vessels and what is in them where `glass` says so.
    #[inline]
    pub(crate) fn nearest(&self, ray: &Ray, limit: f32, glass: bool) -> Option<Found<'_>> {
        let to_centre = self.centre - ray.origin;
        let along = to_centre.dot(ray.direction);
        let beside2 = to_centre.length_squared() - along * along;
        let radius2 = self.radius_m * self.radius_m;
        if beside2 > radius2 {
            return None;
        }
        let half = (radius2 - beside2).sqrt();
        if along + half < 0.0 || along - half > limit {
            return None;
        }
        let mut local = self.place.ray_back(ray);
        // From far off, single precision would lose the walls: start where the ray enters the ball.
        let skip = if along - half > 0.02 { along - half } else { 0.0 };
        local.origin += local.direction * skip;
        let mut limit = limit - skip;
        let mut best = None;
        self.tree.walk(&local, limit, |index, before| {
            let part = &self.parts[index];
            let Some(meeting) = part.shape.meet(&local, before) else { return before };
            limit = meeting.t;
            best = Some((meeting, Spotted::Part(part), index as u32));
            limit
        });
        if glass
            && let Some(vessel) = &self.vessel
            && let Some((meeting, spot)) = vessel.meet(&local, limit)
        {
            best = Some((meeting, Spotted::Vessel(vessel, spot), self.parts.len() as u32));
        }
        best.map(|(meeting, what, part)| (Meeting { t: meeting.t + skip, ..meeting }, what, part))
    }

    /// What is left of light along a ray through this body.
    #[inline]
    fn shade(&self, ray: &Ray, limit: f32) -> Rgb {
        let to_centre = self.centre - ray.origin;
        let along = to_centre.dot(ray.direction);
        let beside2 = to_centre.length_squared() - along * along;
        if beside2 > self.radius_m * self.radius_m {
            return Rgb::ONE;
        }
        let local = self.place.ray_back(ray);
        let mut left = Rgb::ONE;
        self.tree.walk(&local, limit, |index, limit| {
            let Part { shape, surface, .. } = &self.parts[index];
            if matches!(surface, Surface::Lamp { .. }) || shape.meet(&local, limit).is_none() {
                return limit;
            }
            if matches!(surface, Surface::Between { .. }) {
                left *= 0.9;
                return limit;
            }
            left = Rgb::ZERO;
            0.0
        });
        if left == Rgb::ZERO {
            return left;
        }
        if let Some(vessel) = &self.vessel {
            left *= vessel.shade(&local, limit).unwrap_or(Rgb::ONE);
        }
        left
    }
}

/// What was met of a body.
#[derive(Clone, Copy)]
pub(crate) enum Spotted<'a> {
    Part(&'a Part),
    Vessel(&'a Vessel, Spot),
}

/// Where a body is met, what of it, and the part's place in it; of a vessel, past the last.
type Found<'a> = (Meeting, Spotted<'a>, u32);

/// The nearest surface.
pub(crate) struct Hit<'a> {
    pub body: usize,
    pub what: Spotted<'a>,
    /// As in `Found`.
    pub part: u32,
    pub t: f32,
    /// In map, length 1, out of the surface's front.
    pub normal: V3,
    pub uv: [f32; 2],
}

/// Light from everywhere that is not modelled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ambient {
    /// From above, and from below.
    pub above: Rgb,
    pub below: Rgb,
}

impl Ambient {
    pub fn even(radiance: Rgb) -> Self {
        Self { above: radiance, below: radiance }
    }

    /// Radiance along a direction, or arriving at a face with that normal.
    #[inline]
    pub(crate) fn along(&self, direction: V3) -> Rgb {
        self.below + (self.above - self.below) * (0.5 + 0.5 * direction.z)
    }
}

/// A lamp as others see it: its rectangle in map.
#[derive(Clone, Debug)]
pub(crate) struct Lamp {
    pub corner: V3,
    pub u: V3,
    pub v: V3,
    pub normal: V3,
    pub area: f32,
    pub radiance: Rgb,
}

/// What there is to see.
#[derive(Clone, Debug)]
pub struct Scene {
    pub(crate) bodies: Vec<Body>,
    pub(crate) lamps: Vec<Lamp>,
    pub(crate) ambient: Ambient,
    tree: Tree,
    /// A depth camera's dots.
    pub(crate) projector: Option<Projector>,
    /// Ambient light between things.
    pub(crate) contact: Contact,
}

impl Scene {
    /// Bodies under a light. A body's number is its place in the list. Lamps must be quads: light of a lamp of another shape is
    /// seen, but falls on nothing.
    pub fn new(ambient: Ambient, bodies: Vec<Body>) -> Self {
        let mut lamps = Vec::new();
        for body in &bodies {
            for part in &body.parts {
                if let (Shape::Quad(quad), Surface::Lamp { radiance }) = (&part.shape, &part.surface) {
                    let (u, v) = (body.place.turn(quad.u), body.place.turn(quad.v));
                    lamps.push(Lamp {
                        corner: body.place.point(quad.corner),
                        u,
                        v,
                        normal: u.cross(v).normalize(),
                        area: u.cross(v).length(),
                        radiance: *radiance,
                    });
                }
            }
        }
        let boxes: Vec<[V3; 2]> = bodies.iter().map(|body| body.extent).collect();
        let tree = Tree::new(&boxes);
        let contact = Contact::new(bodies.iter().map(|body| (body.extent, body.vessel.is_some())));
        Self { bodies, lamps, ambient, tree, projector: None, contact }
    }

    /// The nearest surface before `limit` metres.
    #[inline]
    pub(crate) fn nearest(&self, ray: &Ray, limit: f32) -> Option<Hit<'_>> {
        self.nearest_with(ray, limit, true)
    }

    /// The nearest surface of any length of the ray that is not a vessel or in one.
    pub(crate) fn nearest_solid(&self, ray: &Ray) -> Option<Hit<'_>> {
        self.nearest_with(ray, f32::INFINITY, false)
    }

    #[inline]
    fn nearest_with(&self, ray: &Ray, limit: f32, glass: bool) -> Option<Hit<'_>> {
        let mut best: Option<(usize, Found<'_>)> = None;
        self.tree.walk(ray, limit, |index, limit| match self.bodies[index].nearest(ray, limit, glass) {
            Some(found) => {
                best = Some((index, found));
                found.0.t
            }
            None => limit,
        });
        best.map(|(body, found)| self.hit(body, found))
    }

    /// The nearest surface of one body.
    pub(crate) fn nearest_of(&self, body: usize, ray: &Ray) -> Option<Hit<'_>> {
        self.bodies[body].nearest(ray, f32::INFINITY, true).map(|found| self.hit(body, found))
    }

    fn hit<'a>(&'a self, body: usize, (meeting, what, part): Found<'a>) -> Hit<'a> {
        let normal = self.bodies[body].place.turn(meeting.normal);
        Hit { body, what, part, t: meeting.t, normal, uv: meeting.uv }
    }

    /// The share of light that comes through between a point and `limit` along a ray.
    #[inline]
    pub(crate) fn clearness(&self, ray: &Ray, limit: f32) -> Rgb {
        let mut left = Rgb::ONE;
        self.tree.walk(ray, limit, |index, limit| {
            left *= self.bodies[index].shade(ray, limit);
            if left.max_element() < 0.01 {
                left = Rgb::ZERO;
                0.0
            } else {
                limit
            }
        });
        left
    }
}

/// A lamp's point by two numbers in 0..1, and the direction, distance and weight (radiance to radiance of a white surface)
/// from a point with a normal. None where the lamp does not face the point.
impl Lamp {
    #[inline]
    pub(crate) fn toward(&self, point: V3, normal: V3, at: [f32; 2]) -> Option<(V3, f32, f32)> {
        let to = self.corner + self.u * at[0] + self.v * at[1] - point;
        let distance = to.length();
        let direction = to / distance;
        let (here, there) = (direction.dot(normal), -direction.dot(self.normal));
        if here <= 0.0 || there <= 0.0 || distance < NEAR_M {
            return None;
        }
        let weight = self.area * here * there / (distance * distance) / std::f32::consts::PI;
        Some((direction, distance, weight))
    }

    pub(crate) fn quad(&self) -> Quad {
        Quad::new(self.corner, self.u, self.v)
    }
}
