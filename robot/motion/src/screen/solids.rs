//! What stands still, for eight points at once.

use super::lanes::{F8, V8};
use nalgebra::{Isometry3, Vector3};
use nightshift_core::describe::Solid;

#[derive(Clone, Copy, Debug)]
enum Form {
    /// Half edges.
    Box([f32; 3]),
    /// Radius and half height, along the third axis.
    Cylinder(f32, f32),
    Sphere(f32),
}

/// A solid that stands still, metres in the base's frame.
#[derive(Clone, Debug)]
pub(crate) struct Fixed {
    center: [f32; 3],
    /// Directions of its own axes.
    axes: [[f32; 3]; 3],
    form: Form,
    /// Of the ball around it.
    radius: f32,
}

impl Fixed {
    pub(crate) fn new(solid: &Solid, base_from_shape: &Isometry3<f64>) -> Self {
        let single = |v: Vector3<f64>| [v.x as f32, v.y as f32, v.z as f32];
        let axes =
            [Vector3::x(), Vector3::y(), Vector3::z()].map(|axis| single(base_from_shape.rotation * axis));
        let (form, radius) = match *solid {
            Solid::Box { size_m } => {
                let half = size_m.map(|size| (size / 2.0) as f32);
                (Form::Box(half), half.iter().map(|h| h * h).sum::<f32>().sqrt())
            }
            Solid::Cylinder { radius_m, height_m } => {
                let (radius, half) = (radius_m as f32, (height_m / 2.0) as f32);
                (Form::Cylinder(radius, half), radius.hypot(half))
            }
            Solid::Sphere { radius_m } => (Form::Sphere(radius_m as f32), radius_m as f32),
        };
        Self { center: single(base_from_shape.translation.vector), axes, form, radius: radius * 1.000_01 }
    }

    /// False where the balls around are farther apart already.
    #[inline(always)]
    pub(crate) fn may_be_nearer(&self, point: &V8, reach: f32) -> bool {
        let reach = reach + self.radius;
        point.less_point(&self.center).square().any_below(reach * reach)
    }

    /// From a point; zero inside.
    #[inline(always)]
    pub(crate) fn distance_squared(&self, point: &V8) -> F8 {
        let away = point.less_point(&self.center);
        match self.form {
            Form::Box(half) => {
                let beyond = |axis: usize| away.dot(&self.axes[axis]).beyond(half[axis]);
                let (x, y, z) = (beyond(0), beyond(1), beyond(2));
                x * x + y * y + z * z
            }
            Form::Cylinder(radius, half) => {
                let (x, y) = (away.dot(&self.axes[0]), away.dot(&self.axes[1]));
                let across = (x * x + y * y).sqrt().beyond(radius);
                let along = away.dot(&self.axes[2]).beyond(half);
                across * across + along * along
            }
            Form::Sphere(radius) => {
                let over = away.square().sqrt().beyond(radius);
                over * over
            }
        }
    }
}
