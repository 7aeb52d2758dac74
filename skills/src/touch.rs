//! A rack located by where a finger meets its walls: pure geometry.

use nalgebra::{Matrix3, Point3, RowVector3, Vector3};
use nightshift_core::frames::{Base, Nest, Pose};

/// An upright wall of a rack.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wall {
    /// Outward, of length one, in the nest's frame.
    pub normal: Vector3<f64>,
    /// How far from the nest's origin, m.
    pub off_m: f64,
}

/// A wall, met by a probe.
#[derive(Clone, Debug, PartialEq)]
pub struct Touch {
    /// Which.
    pub wall: Wall,
    /// The probe's corners when it met the wall, in the base's frame, m.
    pub probe: Vec<Point3<f64>>,
}

/// A touch says where a wall is to so much, one sigma, m: the finger's width, what the arm gives, and how far it goes until it stands.
const SIGMA_M: f64 = 1.0e-4;
/// Rounds of Gauss and Newton: a corner of the probe takes over from another at most.
const ROUNDS: usize = 8;

/// Where the nest is, level as `near` has it, and the covariance of its origin ahead and to the left (m) and of its turn about the
/// vertical (rad), along the base's axes. Three touches or more, on two walls that are not parallel and with two of them on one; none where
/// they do not determine the place.
pub fn locate(near: &Pose<Base, Nest>, touches: &[Touch]) -> Option<(Pose<Base, Nest>, Matrix3<f64>)> {
    let mut found = *near;
    let mut normal = Matrix3::zeros();
    for _ in 0..ROUNDS {
        normal = Matrix3::zeros();
        let mut gradient = Vector3::zeros();
        for touch in touches {
            let outward = found.iso.rotation * touch.wall.normal;
            let origin = found.translation();
            // The corner that is deepest is the one that has met the wall.
            let depth = |corner: &Point3<f64>| (corner.coords - origin).dot(&outward);
            let met = touch.probe.iter().min_by(|a, b| depth(a).total_cmp(&depth(b)))?;
            let off = depth(met) - touch.wall.off_m;
            let turning = Vector3::z().cross(&outward).dot(&(met.coords - origin));
            let moves = RowVector3::new(-outward.x, -outward.y, turning);
            normal += moves.transpose() * moves;
            gradient += moves.transpose() * off;
        }
        let by = normal.cholesky().filter(|_| touches.len() >= 3)?.solve(&gradient);
        let turn = Pose::<Base, Base>::from_xyz_rpy([0.0; 3], [0.0, 0.0, -by.z]);
        let origin = found.translation() - Vector3::new(by.x, by.y, 0.0);
        found =
            Pose::new(nalgebra::Isometry3::from_parts(origin.into(), turn.iso.rotation * found.iso.rotation));
    }
    // A place that the touches barely determine is none: a tenth of a radian for a touch's sigma.
    let covariance = normal.try_inverse()? * SIGMA_M.powi(2);
    let sound = covariance.iter().all(|value| value.is_finite()) && covariance[(2, 2)].sqrt() < 0.1;
    sound.then_some((found, covariance))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HALF: [f64; 2] = [0.07, 0.095];

    fn wall(axis: usize, sign: f64) -> Wall {
        let mut normal = Vector3::zeros();
        normal[axis] = sign;
        Wall { normal, off_m: HALF[axis] }
    }

    /// A box-shaped probe, turned by `yaw`, pushed straight at a wall at `along` until it meets it.
    fn touch(truth: &Pose<Base, Nest>, wall: Wall, along: f64, yaw: f64) -> Touch {
        let across = Vector3::z().cross(&wall.normal);
        let corners = [(-1.0, -1.0), (-1.0, 1.0), (1.0, 1.0), (1.0, -1.0)].map(|(x, y)| {
            let turned = nalgebra::Rotation3::from_euler_angles(0.0, 0.0, yaw);
            turned * Vector3::new(0.007 * x, 0.006 * y, 0.0)
        });
        let deepest = corners.iter().map(|corner| corner.dot(&wall.normal)).fold(f64::INFINITY, f64::min);
        let middle = wall.normal * (wall.off_m - deepest) + across * along;
        let probe = corners.map(|corner| truth.point(&Point3::from(middle + corner)));
        Touch { wall, probe: probe.into() }
    }

    proptest! {
        #[test]
        fn a_rack_is_where_its_walls_were_met(
            x in -0.01..0.01, y in -0.01..0.01, yaw in -0.04..0.04, tool in -0.5..0.5, quarter in 0..4,
        ) {
            let near = Pose::from_xyz_rpy([0.7, 0.1, 0.8], [0.0, 0.0, f64::from(quarter) * 1.57]);
            let shift = Pose::<Nest, Nest>::from_xyz_rpy([x, y, 0.0], [0.0, 0.0, yaw]);
            let truth = near * shift;
            let touches = [
                touch(&truth, wall(0, -1.0), 0.07, tool),
                touch(&truth, wall(0, -1.0), -0.07, tool),
                touch(&truth, wall(1, 1.0), 0.01, tool),
            ];
            let (found, covariance) = locate(&near, &touches).unwrap();
            let off = truth.inverse() * found;
            prop_assert!(off.translation().norm() < 1e-6 && off.yaw().abs() < 1e-6, "{off:?}");
            // Two walls' touches 14 cm apart tell the turn to 0.1 mm over that, times the root of two.
            let turn = covariance[(2, 2)].sqrt();
            prop_assert!((turn - 1.41e-4 / 0.14).abs() < 2e-4, "{turn}");
        }
    }

    #[test]
    fn touches_that_do_not_tell_a_place_tell_none() {
        let truth = Pose::from_xyz_rpy([0.7, 0.1, 0.8], [0.0; 3]);
        let front = |along| touch(&truth, wall(0, -1.0), along, 0.0);
        let side = touch(&truth, wall(1, 1.0), 0.0, 0.0);
        assert!(locate(&truth, &[]).is_none());
        assert!(locate(&truth, &[front(0.07), side.clone()]).is_none(), "two");
        assert!(locate(&truth, &[front(0.07), front(-0.07), front(0.0)]).is_none(), "one wall");
        assert!(locate(&truth, &[front(0.07), front(0.07), side.clone()]).is_none(), "one place twice");
        assert!(locate(&truth, &[front(0.07), front(-0.07), side]).is_some());
    }
}
