//! Shapes and where rays meet them, in the frame of the body that they belong to.

use nalgebra::Vector3;

/// A ray: `origin + t * direction`, the direction of length 1.
#[derive(Clone, Copy, Debug)]
pub struct Ray {
    pub origin: Vector3<f64>,
    pub direction: Vector3<f64>,
}

impl Ray {
    pub fn at(&self, t: f64) -> Vector3<f64> {
        self.origin + self.direction * t
    }
}

/// A meeting nearer than this is the surface that the ray starts on, metres.
pub const NEAR_M: f64 = 1e-7;

/// Where a ray meets a shape.
#[derive(Clone, Copy, Debug)]
pub struct Meeting {
    pub t: f64,
    /// Length 1.
    pub normal: Vector3<f64>,
    /// On a quad, 0..1 along its edges; elsewhere zero.
    pub uv: [f64; 2],
}

/// A round hole in a quad.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hole {
    /// Of its centre, along the quad's edges, metres from the corner.
    pub centre_m: [f64; 2],
    pub radius_m: f64,
}

/// A rectangle. Its normal is `u` x `v`.
#[derive(Clone, Debug, PartialEq)]
pub struct Quad {
    pub corner: Vector3<f64>,
    /// The first edge.
    pub u: Vector3<f64>,
    /// The second edge, square to the first.
    pub v: Vector3<f64>,
    pub holes: Vec<Hole>,
}

/// What a line sweeps when it turns about the z axis: a cylinder, cone, disc or flat ring. Its normal is on the
/// right of the way from `from` to `to`, with the radius to the right and z up: outward where the line goes up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ring {
    /// Radius and z, metres.
    pub from: [f64; 2],
    pub to: [f64; 2],
}

#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    Quad(Quad),
    Ring(Ring),
}

impl Shape {
    /// The first meeting beyond `NEAR_M` and before `limit`.
    pub fn meet(&self, ray: &Ray, limit: f64) -> Option<Meeting> {
        match self {
            Self::Quad(quad) => quad.meet(ray, limit),
            Self::Ring(ring) => ring.meet(ray, limit),
        }
    }

    /// Points whose box holds the shape.
    pub fn outline(&self) -> Vec<Vector3<f64>> {
        match self {
            Self::Quad(q) => vec![q.corner, q.corner + q.u, q.corner + q.v, q.corner + q.u + q.v],
            Self::Ring(ring) => {
                let r = ring.from[0].max(ring.to[0]);
                [ring.from[1], ring.to[1]]
                    .iter()
                    .flat_map(|z| [Vector3::new(-r, -r, *z), Vector3::new(r, r, *z)])
                    .collect()
            }
        }
    }
}

impl Quad {
    pub(crate) fn normal(&self) -> Vector3<f64> {
        self.u.cross(&self.v).normalize()
    }

    fn meet(&self, ray: &Ray, limit: f64) -> Option<Meeting> {
        let normal = self.normal();
        let t = (self.corner - ray.origin).dot(&normal) / ray.direction.dot(&normal);
        // A ray along the plane gives an infinite or undefined t, which is not within the range.
        if !(t > NEAR_M && t < limit) {
            return None;
        }
        let from_corner = ray.at(t) - self.corner;
        let uv = [self.u, self.v].map(|edge| from_corner.dot(&edge) / edge.norm_squared());
        if uv.iter().any(|x| !(0.0..=1.0).contains(x)) {
            return None;
        }
        let on_m = [uv[0] * self.u.norm(), uv[1] * self.v.norm()];
        let open = |hole: &Hole| {
            (on_m[0] - hole.centre_m[0]).powi(2) + (on_m[1] - hole.centre_m[1]).powi(2)
                < hole.radius_m.powi(2)
        };
        (!self.holes.iter().any(open)).then_some(Meeting { t, normal, uv })
    }
}

impl Ring {
    fn meet(&self, ray: &Ray, limit: f64) -> Option<Meeting> {
        let [[r0, z0], [r1, z1]] = [self.from, self.to];
        let (o, d) = (&ray.origin, &ray.direction);
        let (along_r, along_z) = (r1 - r0, z1 - z0);
        let inside = |t: f64| t > NEAR_M && t < limit;
        if along_z == 0.0 {
            let t = (z0 - o.z) / d.z;
            if !inside(t) {
                return None;
            }
            let r2 = (o.x + t * d.x).powi(2) + (o.y + t * d.y).powi(2);
            let (low, high) = (r0.min(r1), r0.max(r1));
            let normal = Vector3::new(0.0, 0.0, -along_r.signum());
            return (r2 >= low * low && r2 <= high * high).then_some(Meeting { t, normal, uv: [0.0; 2] });
        }
        // |o + t d|^2 in x and y is the square of the radius at the ray's height: a quadratic in t.
        let slope = along_r / along_z;
        let radius = r0 + slope * (o.z - z0);
        let a = d.x * d.x + d.y * d.y - (slope * d.z).powi(2);
        let b = o.x * d.x + o.y * d.y - radius * slope * d.z;
        let c = o.x * o.x + o.y * o.y - radius * radius;
        let root = b * b - a * c;
        if root < 0.0 {
            return None;
        }
        // The form that does not cancel (Press et al., "Numerical Recipes", 5.6).
        let q = -(b + root.sqrt().copysign(b));
        let roots = [q / a, c / q];
        let (low, high) = (z0.min(z1), z0.max(z1));
        let fits = |t: &f64| {
            let z = o.z + t * d.z;
            inside(*t) && z >= low && z <= high && r0 + slope * (z - z0) >= 0.0
        };
        let t = roots.into_iter().filter(fits).fold(f64::INFINITY, f64::min);
        if t == f64::INFINITY {
            return None;
        }
        let point = ray.at(t);
        let around = point.x.hypot(point.y).max(1e-12);
        let length = along_r.hypot(along_z);
        let out = along_z / length / around;
        let normal = Vector3::new(out * point.x, out * point.y, -along_r / length);
        Some(Meeting { t, normal, uv: [0.0; 2] })
    }
}
