//! Where a nest was located, and how well.

use crate::limits;
use crate::world::NestRef;
use nalgebra::{Matrix3, Matrix3x6, Point3, RowVector6, Vector3};
use nightshift_core::frames::{Base, Nest, Pose, wrap_angle};
use nightshift_core::{Code, Failure};
use nightshift_perception::fiducial::BoardPlace;

/// A nest as its fiducials, or a finger, locate it: on level ground, as taught.
#[derive(Clone, Debug, PartialEq)]
pub struct Located {
    /// Where it stands.
    pub base_from_nest: Pose<Base, Nest>,
    /// The middle of the fiducials that were seen, in the nest's frame, the point that is located best; of what was touched the origin.
    middle: Point3<f64>,
    /// Of that point ahead and to the left, m, and of the turn about the vertical, rad, along the base's axes.
    covariance: Matrix3<f64>,
}

impl Located {
    /// From the fit of fiducials that have their middle there in the nest's frame.
    ///
    /// # Errors
    /// `NEST_MOVED` where it is tilted against how it was taught, or stands elsewhere.
    pub fn new(
        seen: &BoardPlace<Base, Nest>,
        middle: Point3<f64>,
        taught: &Pose<Base, Nest>,
        nest: &NestRef,
    ) -> Result<Self, Failure> {
        let base_from_nest = levelled(&seen.pose, taught, &middle, nest)?;
        check_place(&base_from_nest, taught, nest)?;
        // The middle moves by the shift of the origin and by the turn about it.
        let arm = seen.pose.iso.rotation * middle.coords;
        let moves = Matrix3x6::from_rows(&[
            RowVector6::new(1.0, 0.0, 0.0, 0.0, arm.z, -arm.y),
            RowVector6::new(0.0, 1.0, 0.0, -arm.z, 0.0, arm.x),
            RowVector6::new(0.0, 0.0, 0.0, 0.0, 0.0, 1.0),
        ]);
        let covariance = moves * seen.covariance * moves.transpose();
        Ok(Self { base_from_nest, middle, covariance })
    }

    /// From touches, with the covariance of the nest's origin and turn along the base's axes.
    ///
    /// # Errors
    /// `NEST_MOVED` where it stands elsewhere than it was taught.
    pub fn by_touch(
        base_from_nest: Pose<Base, Nest>,
        covariance: Matrix3<f64>,
        taught: &Pose<Base, Nest>,
        nest: &NestRef,
    ) -> Result<Self, Failure> {
        check_place(&base_from_nest, taught, nest)?;
        Ok(Self { base_from_nest, middle: Point3::origin(), covariance })
    }

    /// One sigma of its middle across the vertical, in the worst direction, m.
    pub fn sigma_m(&self) -> f64 {
        self.sigma_at_m(&self.middle)
    }

    /// As [`Located::sigma_m`], of any point of the nest's frame.
    pub fn sigma_at_m(&self, point: &Point3<f64>) -> f64 {
        self.covariance_at(point).fixed_view::<2, 2>(0, 0).symmetric_eigenvalues().max().max(0.0).sqrt()
    }

    /// How far it is from where the nest truly stands, in units of its sigmas, squared: three numbers, so that 3 is usual.
    pub fn off_squared(&self, truly: &Pose<Base, Nest>) -> f64 {
        mahalanobis(&self.from(truly, &self.middle), &self.covariance)
    }

    /// Whether another look at the nest may show the same place, by what both allow for.
    pub fn agrees(&self, other: &Self) -> bool {
        let covariance = self.covariance + other.covariance_at(&self.middle);
        mahalanobis(&self.from(&other.base_from_nest, &self.middle), &covariance) <= limits::LOCATED_OFF
    }

    fn from(&self, other: &Pose<Base, Nest>, point: &Point3<f64>) -> Vector3<f64> {
        let off = self.base_from_nest.point(point) - other.point(point);
        Vector3::new(off.x, off.y, wrap_angle(self.base_from_nest.yaw() - other.yaw()))
    }

    fn covariance_at(&self, point: &Point3<f64>) -> Matrix3<f64> {
        let arm = self.base_from_nest.iso.rotation * (point - self.middle);
        let moves = Matrix3::new(1.0, 0.0, -arm.y, 0.0, 1.0, arm.x, 0.0, 0.0, 1.0);
        moves * self.covariance * moves.transpose()
    }
}

/// Infinite where the covariance is none.
fn mahalanobis(off: &Vector3<f64>, covariance: &Matrix3<f64>) -> f64 {
    covariance.cholesky().map_or(f64::INFINITY, |solver| off.dot(&solver.solve(off)))
}

/// The seen pose with the taught tilt. Racks stand on level ground, and the tilt is what one picture tells worst: a
/// degree of it would lift a slot 0.1 m from the tags by 1.7 mm. The turn about the vertical is kept, and the place
/// of `middle`, the point that was seen best.
fn levelled(
    seen: &Pose<Base, Nest>,
    taught: &Pose<Base, Nest>,
    middle: &Point3<f64>,
    nest: &NestRef,
) -> Result<Pose<Base, Nest>, Failure> {
    let turn = wrap_angle(seen.yaw() - taught.yaw());
    let about_vertical = Pose::<Base, Base>::from_xyz_rpy([0.0; 3], [0.0, 0.0, turn]);
    let rotation = about_vertical.iso.rotation * taught.iso.rotation;
    let tilt = rotation.angle_to(&seen.iso.rotation);
    if tilt > 2.0 * limits::NEST_TURN_RAD {
        let words = format!(
            "the rack at {nest} is tilted by {:.1} deg, allowed are {:.1} deg",
            tilt.to_degrees(),
            2.0 * limits::NEST_TURN_RAD.to_degrees()
        );
        return Err(Failure::new(Code::NestMoved, words));
    }
    let origin = seen.point(middle).coords - rotation * middle.coords;
    Ok(Pose::new(nalgebra::Isometry3::from_parts(origin.into(), rotation)))
}

fn check_place(seen: &Pose<Base, Nest>, taught: &Pose<Base, Nest>, nest: &NestRef) -> Result<(), Failure> {
    let shift = (seen.translation() - taught.translation()).norm();
    let turn = wrap_angle(seen.yaw() - taught.yaw()).abs();
    if shift > limits::NEST_SHIFT_M || turn > limits::NEST_TURN_RAD {
        let words = format!(
            "the rack at {nest} stands {:.0} mm and {:.1} deg from where it was taught, allowed are {:.0} mm and {:.1} deg",
            shift * 1e3,
            turn.to_degrees(),
            limits::NEST_SHIFT_M * 1e3,
            limits::NEST_TURN_RAD.to_degrees()
        );
        return Err(Failure::new(Code::NestMoved, words));
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests;
