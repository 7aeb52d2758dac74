//! Angles that bring vectors together by turning about fixed axes: the subproblems that closed-form inverses are made
//! of (B. Paden, thesis, Berkeley 1986; in the form of A. Elias and J. Wen, "IK-Geo", Mechanism and Machine Theory 209,
//! 2025). Angles are kept as sine and cosine: most of them are only turned by, and arc tangents cost most of the time.

use nalgebra::Vector3;

/// Relative to the lengths at hand: beyond it a root is none, within it the arm is stretched and the root is double.
const STRETCHED: f64 = 1e-9;
/// Vectors whose part across an axis is shorter do not tell an angle about it (relative to unit vectors and metres).
const ON_AXIS: f64 = 1e-9;

/// A turn about an axis that the context names.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Turn {
    sin: f64,
    cos: f64,
}

/// Up to two turns.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Roots {
    turns: [Turn; 2],
    count: usize,
}

impl Roots {
    const NONE: Self = Self { turns: [Turn::NONE; 2], count: 0 };
}

impl IntoIterator for Roots {
    type Item = Turn;
    type IntoIter = std::iter::Take<std::array::IntoIter<Turn, 2>>;

    fn into_iter(self) -> Self::IntoIter {
        self.turns.into_iter().take(self.count)
    }
}

impl Turn {
    pub(crate) const NONE: Self = Self { sin: 0.0, cos: 1.0 };

    pub(crate) fn of(angle: f64) -> Self {
        let (sin, cos) = angle.sin_cos();
        Self { sin, cos }
    }

    /// Radians, -pi to pi.
    pub(crate) fn angle(self) -> f64 {
        self.sin.atan2(self.cos)
    }

    /// The other way.
    pub(crate) fn back(self) -> Self {
        Self { sin: -self.sin, ..self }
    }

    /// This turn and then, about the same axis, another.
    pub(crate) fn then(self, other: Self) -> Self {
        Self {
            sin: self.sin * other.cos + self.cos * other.sin,
            cos: self.cos * other.cos - self.sin * other.sin,
        }
    }

    /// A vector turned about a unit axis (Rodrigues).
    pub(crate) fn apply(self, axis: &Vector3<f64>, v: &Vector3<f64>) -> Vector3<f64> {
        v * self.cos + axis.cross(v) * self.sin + axis * (axis.dot(v) * (1.0 - self.cos))
    }
}

/// The turn about `axis` that brings `from` to `to` (their parts across the axis, that is). None where one of them lies
/// on the axis: any turn does.
pub(crate) fn bring(axis: &Vector3<f64>, from: &Vector3<f64>, to: &Vector3<f64>) -> Option<Turn> {
    let sin = axis.dot(&from.cross(to));
    let cos = from.dot(to) - axis.dot(from) * axis.dot(to);
    let length = (sin * sin + cos * cos).sqrt();
    (length > ON_AXIS * ON_AXIS).then(|| Turn { sin: sin / length, cos: cos / length })
}

/// The turns about `axis` after which `v` has the part `height` along the unit vector `along`.
pub(crate) fn to_height(along: &Vector3<f64>, axis: &Vector3<f64>, v: &Vector3<f64>, height: f64) -> Roots {
    let fixed = along.dot(axis) * axis.dot(v);
    let (a, b, c) = (along.dot(v) - fixed, along.dot(&axis.cross(v)), height - fixed);
    let length = (a * a + b * b).sqrt();
    if length < ON_AXIS {
        // No turn changes it.
        return if c.abs() < ON_AXIS { Roots { count: 1, ..Roots::NONE } } else { Roots::NONE };
    }
    let (sin, cos, share) = (b / length, a / length, c / length);
    if share.abs() > 1.0 + STRETCHED {
        return Roots::NONE;
    }
    let share = share.clamp(-1.0, 1.0);
    let side = (1.0 - share * share).sqrt();
    let turn = |side: f64| Turn { sin: sin * share + cos * side, cos: cos * share - sin * side };
    if side == 0.0 {
        return Roots { turns: [turn(0.0); 2], count: 1 };
    }
    Roots { turns: [turn(side), turn(-side)], count: 2 }
}

/// The turns about `axis` after which `v` is `distance` away from `point`; both from a point on the axis.
pub(crate) fn to_distance(
    axis: &Vector3<f64>,
    v: &Vector3<f64>,
    point: &Vector3<f64>,
    distance_squared: f64,
) -> Roots {
    let product = 0.5 * (v.norm_squared() + point.norm_squared() - distance_squared);
    let along = axis.dot(point);
    let across = point - axis * along;
    let length = across.norm();
    if length < ON_AXIS {
        let same = (product - along * axis.dot(v)).abs() < ON_AXIS;
        return if same { Roots { count: 1, ..Roots::NONE } } else { Roots::NONE };
    }
    to_height(&(across / length), axis, v, (product - along * axis.dot(v)) / length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn vector() -> impl Strategy<Value = Vector3<f64>> {
        [-1.0f64..1.0, -1.0f64..1.0, -1.0f64..1.0].prop_map(Vector3::from)
    }

    fn unit() -> impl Strategy<Value = Vector3<f64>> {
        vector().prop_filter("long enough", |v| v.norm() > 0.1).prop_map(|v| v.normalize())
    }

    proptest! {
        #[test]
        fn a_turn_that_was_made_is_found_again(axis in unit(), v in vector(), angle in -3.1f64..3.1) {
            prop_assume!(axis.cross(&v).norm() > 1e-3);
            let turned = Turn::of(angle).apply(&axis, &v);
            let expected = nalgebra::Rotation3::from_axis_angle(&nalgebra::Unit::new_normalize(axis), angle) * v;
            prop_assert!((turned - expected).norm() < 1e-12);
            prop_assert!((bring(&axis, &v, &turned).unwrap().angle() - angle).abs() < 1e-9);
        }

        #[test]
        fn heights_and_distances_come_out_and_the_turn_that_was_made_is_among_them(
            (axis, along, v, point) in (unit(), unit(), vector(), vector()),
            angle in -3.1f64..3.1,
        ) {
            prop_assume!(axis.cross(&v).norm() > 1e-2 && axis.cross(&along).norm() > 1e-2);
            prop_assume!(axis.cross(&point).norm() > 1e-2);
            let turned = Turn::of(angle).apply(&axis, &v);
            let height = along.dot(&turned);
            let heights: Vec<Turn> = to_height(&along, &axis, &v, height).into_iter().collect();
            for turn in &heights {
                prop_assert!((along.dot(&turn.apply(&axis, &v)) - height).abs() < 1e-9);
            }
            prop_assert!(heights.iter().any(|turn| (turn.apply(&axis, &v) - turned).norm() < 1e-5));
            let distance = (turned - point).norm();
            let distances: Vec<Turn> = to_distance(&axis, &v, &point, distance * distance).into_iter().collect();
            for turn in &distances {
                prop_assert!(((turn.apply(&axis, &v) - point).norm() - distance).abs() < 1e-7);
            }
            prop_assert!(distances.iter().any(|turn| (turn.apply(&axis, &v) - turned).norm() < 1e-5));
        }
    }

    #[test]
    fn what_cannot_be_reached_has_no_turn() {
        let (x, z) = (Vector3::x(), Vector3::z());
        assert_eq!(to_height(&x, &z, &x, 1.1).into_iter().count(), 0);
        assert_eq!(to_height(&x, &z, &x, 1.0).into_iter().count(), 1);
        assert_eq!(to_height(&x, &z, &x, 0.9).into_iter().count(), 2);
        assert!(bring(&z, &z, &x).is_none());
    }
}
