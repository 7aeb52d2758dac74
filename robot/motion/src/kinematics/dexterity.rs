//! How well the tool can be moved from where the arm stands.

use nalgebra::{Matrix6, Matrix6xX, Vector3};

/// Metres that weigh as much as a radian, so that speeds and turning rates can be compared: about a gripper's length.
const LENGTH_M: f64 = 0.3;

/// How well the tool can be moved in any direction, from the singular values of the Jacobian with turning rates scaled
/// by 0.3 m (without a length, metres and radians cannot be compared and a measure would depend on the unit).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dexterity {
    /// Product of the six singular values (T. Yoshikawa, Int. J. Robotics Research 4, 1985), m^6/rad^6; zero at a
    /// singularity.
    pub manipulability: f64,
    /// The least speed of the tool, m/s, that joint rates of norm 1 rad/s give in the worst direction: zero at a
    /// singularity.
    pub worst_m: f64,
    /// The best direction's over the worst one's.
    pub condition: f64,
    /// The worst direction: the part that is a movement, in the base's frame (shorter than 1, as far as it is a turn).
    pub worst_way: Vector3<f64>,
}

impl Dexterity {
    pub(crate) fn of(jacobian: &Matrix6xX<f64>) -> Self {
        let mut scaled = jacobian.clone();
        scaled.rows_mut(3, 3).scale_mut(LENGTH_M);
        let square: Matrix6<f64> = (&scaled * scaled.transpose()).fixed_resize::<6, 6>(0.0);
        let eigen = square.symmetric_eigen();
        let values = eigen.eigenvalues.map(|value| value.max(0.0).sqrt());
        let (worst, best) = (values.imin(), values.max());
        let way = eigen.eigenvectors.column(worst);
        Self {
            manipulability: values.product(),
            worst_m: values[worst],
            condition: best / values[worst].max(f64::MIN_POSITIVE),
            worst_way: Vector3::new(way[0], way[1], way[2]),
        }
    }
}
