//! Where a ray meets a shape, in the shape's own frame. Analytic, single-sided: a ray that starts inside a solid
//! does not meet it.

use crate::scene::Form;
use crate::tags::WITH_QUIET_ZONE;
use nightshift_core::describe::Solid;

/// Where a ray meets a surface: at `origin + t * direction`, with the outward normal there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Meeting {
    /// In lengths of the ray's direction, positive.
    pub t: f64,
    /// Of length one, in the shape's frame.
    pub normal: V3,
}

/// A vector in the innermost loops: plain numbers are several times faster here than nalgebra's checked ones.
pub type V3 = [f64; 3];

/// Scalar product.
pub fn dot(a: &V3, b: &V3) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

fn along(origin: &V3, direction: &V3, t: f64) -> V3 {
    [origin[0] + t * direction[0], origin[1] + t * direction[1], origin[2] + t * direction[2]]
}

/// The nearest meeting with a shape.
pub fn meet(form: &Form, origin: &V3, direction: &V3) -> Option<Meeting> {
    match *form {
        Form::Solid(Solid::Box { size_m }) => meet_box(&size_m, origin, direction),
        Form::Solid(Solid::Cylinder { radius_m, height_m }) => {
            meet_cylinder(radius_m, height_m / 2.0, origin, direction)
        }
        Form::Solid(Solid::Sphere { radius_m }) => meet_sphere(radius_m, origin, direction),
        Form::Ground => meet_plane(origin, direction).map(|t| Meeting { t, normal: UP }),
        Form::Tag { size_m, .. } => {
            let t = meet_plane(origin, direction)?;
            let half = size_m * WITH_QUIET_ZONE / 2.0;
            let at = along(origin, direction, t);
            (at[0].abs() <= half && at[1].abs() <= half).then_some(Meeting { t, normal: UP })
        }
    }
}

const UP: V3 = [0.0, 0.0, 1.0];

/// The plane z = 0, from above.
pub fn meet_plane(origin: &V3, direction: &V3) -> Option<f64> {
    (direction[2] < 0.0 && origin[2] > 0.0).then(|| -origin[2] / direction[2])
}

fn meet_box(size_m: &V3, origin: &V3, direction: &V3) -> Option<Meeting> {
    let (mut enter, mut leave) = (f64::NEG_INFINITY, f64::INFINITY);
    let mut face = 0;
    for axis in 0..3 {
        let half = size_m[axis] / 2.0;
        let (o, d) = (origin[axis], direction[axis]);
        if d == 0.0 {
            if o.abs() > half {
                return None;
            }
            continue;
        }
        let (a, b) = ((-half - o) / d, (half - o) / d);
        let (near, far) = if a < b { (a, b) } else { (b, a) };
        if near > enter {
            enter = near;
            face = axis;
        }
        if far < leave {
            leave = far;
        }
        if enter > leave {
            return None;
        }
    }
    (enter > 0.0).then(|| {
        let mut normal = [0.0; 3];
        normal[face] = -direction[face].signum();
        Meeting { t: enter, normal }
    })
}

fn meet_cylinder(radius_m: f64, half_m: f64, origin: &V3, direction: &V3) -> Option<Meeting> {
    let mut first: Option<Meeting> = None;
    let a = direction[0] * direction[0] + direction[1] * direction[1];
    if a > 0.0 {
        let b = origin[0] * direction[0] + origin[1] * direction[1];
        let c = origin[0] * origin[0] + origin[1] * origin[1] - radius_m * radius_m;
        let root = b * b - a * c;
        if root < 0.0 {
            return None;
        }
        let t = (-b - root.sqrt()) / a;
        let at = along(origin, direction, t);
        if t > 0.0 && at[2].abs() <= half_m {
            first = Some(Meeting { t, normal: [at[0] / radius_m, at[1] / radius_m, 0.0] });
        }
    }
    if direction[2] != 0.0 && origin[2].abs() > half_m {
        let side = origin[2].signum();
        let t = (side * half_m - origin[2]) / direction[2];
        let at = along(origin, direction, t);
        let nearer = first.is_none_or(|m| t < m.t);
        if t > 0.0 && nearer && at[0] * at[0] + at[1] * at[1] <= radius_m * radius_m {
            first = Some(Meeting { t, normal: [0.0, 0.0, side] });
        }
    }
    first
}

fn meet_sphere(radius_m: f64, origin: &V3, direction: &V3) -> Option<Meeting> {
    let a = dot(direction, direction);
    let b = dot(origin, direction);
    let c = dot(origin, origin) - radius_m * radius_m;
    let root = b * b - a * c;
    if root < 0.0 || a == 0.0 {
        return None;
    }
    let t = (-b - root.sqrt()) / a;
    (t > 0.0).then(|| Meeting { t, normal: along(origin, direction, t).map(|x| x / radius_m) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::{Point3, Vector3};
    use proptest::prelude::*;

    fn inside(solid: &Solid, p: &Point3<f64>) -> bool {
        match *solid {
            Solid::Box { size_m } => (0..3).all(|i| p[i].abs() <= size_m[i] / 2.0),
            Solid::Cylinder { radius_m, height_m } => {
                p.xy().coords.norm() <= radius_m && p.z.abs() <= height_m / 2.0
            }
            Solid::Sphere { radius_m } => p.coords.norm() <= radius_m,
        }
    }

    fn solids() -> impl Strategy<Value = Solid> {
        let size = 0.1f64..2.0;
        prop_oneof![
            [size.clone(), size.clone(), size.clone()].prop_map(|size_m| Solid::Box { size_m }),
            [size.clone(), size.clone()]
                .prop_map(|[radius_m, height_m]| Solid::Cylinder { radius_m, height_m }),
            size.prop_map(|radius_m| Solid::Sphere { radius_m }),
        ]
    }

    proptest! {
        /// Walks along the ray and looks where it first comes inside.
        #[test]
        fn a_ray_meets_a_solid_where_it_enters(
            solid in solids(),
            o in [-4.0f64..4.0, -4.0f64..4.0, -4.0f64..4.0],
            aim in [-1.0f64..1.0, -1.0f64..1.0, -1.0f64..1.0],
        ) {
            let origin = Point3::from(o);
            let direction = Point3::from(aim) - origin;
            prop_assume!(direction.norm() > 0.1 && !inside(&solid, &origin));
            let steps = 20_000;
            let walked = (0..steps).map(|i| f64::from(i) * 3.0 / f64::from(steps))
                .find(|t| inside(&solid, &(origin + direction * *t)));
            match (meet(&Form::Solid(solid), &origin.coords.into(), &direction.into()), walked) {
                (Some(found), Some(t)) => {
                    prop_assert!((found.t - t).abs() < 2e-3, "{} against {t}", found.t);
                    prop_assert!((Vector3::from(found.normal).norm() - 1.0).abs() < 1e-9);
                    prop_assert!(Vector3::from(found.normal).dot(&direction) <= 1e-9);
                }
                (None, Some(t)) => prop_assert!(false, "missed at {t}"),
                // A graze too short for the walk.
                (Some(found), None) => {
                    let behind = origin + direction * (found.t + 3e-4);
                    prop_assert!(found.t > 2.9 || !inside(&solid, &behind));
                }
                (None, None) => {}
            }
        }
    }

    #[test]
    fn a_tag_is_seen_from_above_only_and_with_its_quiet_zone() {
        let tag = Form::Tag { size_m: 0.08, code: 0 };
        let down = [0.0, 0.0, -1.0];
        assert_eq!(meet(&tag, &[0.049, 0.0, 1.0], &down).map(|m| m.t), Some(1.0));
        assert_eq!(meet(&tag, &[0.051, 0.0, 1.0], &down), None);
        assert_eq!(meet(&tag, &[0.0, 0.0, -1.0], &[0.0, 0.0, 1.0]), None);
    }
}
