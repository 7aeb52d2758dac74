//! Rays and places, in single precision: a scene is a few metres across, and a body's own frame keeps its walls exact.

use glam::{Mat3A, Vec3A};
use nalgebra::Isometry3;

/// A point or direction, metres.
pub type V3 = Vec3A;

/// A meeting nearer than this is the surface that the ray starts on, metres.
pub const NEAR_M: f32 = 4e-6;

/// A ray: `origin + t * direction`, the direction of length 1.
#[derive(Clone, Copy, Debug)]
pub struct Ray {
    pub origin: V3,
    pub direction: V3,
}

impl Ray {
    #[inline]
    pub fn at(&self, t: f32) -> V3 {
        self.origin + self.direction * t
    }
}

/// A rigid motion: from one frame to another.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    turn: Mat3A,
    back: Mat3A,
    shift: V3,
}

impl Place {
    pub fn new(pose: &Isometry3<f64>) -> Self {
        let m = pose.rotation.to_rotation_matrix();
        let column = |c: usize| V3::new(m[(0, c)] as f32, m[(1, c)] as f32, m[(2, c)] as f32);
        let turn = Mat3A::from_cols(column(0), column(1), column(2));
        let t = pose.translation.vector;
        Self { turn, back: turn.transpose(), shift: V3::new(t.x as f32, t.y as f32, t.z as f32) }
    }

    /// A direction carried over.
    #[inline]
    pub fn turn(&self, v: V3) -> V3 {
        self.turn * v
    }

    /// A point carried over.
    #[inline]
    pub fn point(&self, p: V3) -> V3 {
        self.turn * p + self.shift
    }

    /// A direction carried back.
    #[inline]
    pub fn turn_back(&self, v: V3) -> V3 {
        self.back * v
    }

    /// A point carried back.
    #[inline]
    pub fn point_back(&self, p: V3) -> V3 {
        self.back * (p - self.shift)
    }

    /// A ray carried back.
    #[inline]
    pub fn ray_back(&self, ray: &Ray) -> Ray {
        Ray { origin: self.point_back(ray.origin), direction: self.back * ray.direction }
    }
}

/// A nalgebra vector in single precision.
pub fn v3(v: nalgebra::Vector3<f64>) -> V3 {
    V3::new(v.x as f32, v.y as f32, v.z as f32)
}
