//! The two poses of a plane that its homography allows: infinitesimal plane-based pose estimation, T. Collins and
//! A. Bartoli, International Journal of Computer Vision 109 (2014).

use nalgebra::{
    Isometry3, Matrix2, Matrix3, Point2, Rotation3, SMatrix, Translation3, UnitQuaternion, Vector2, Vector3,
};

/// A point of the plane z = 0 and where it is seen.
pub(super) struct PlanePoint {
    /// In the plane, metres.
    pub plane: Point2<f64>,
    /// In the picture at unit focal length.
    pub ray: Point2<f64>,
}

/// The two poses of the plane's frame in the camera's, or none where the points say too little (fewer than four, or
/// on a line) or the plane is not in front of the camera.
pub(super) fn poses(points: &[PlanePoint]) -> Option<[Isometry3<f64>; 2]> {
    let planes = Similarity::of(points.iter().map(|p| p.plane))?;
    let rays = Similarity::of(points.iter().map(|p| p.ray))?;
    let homography = rays.matrix().try_inverse()? * homography(points, &planes, &rays)?;
    // The plane's origin is the points' centre from here on, and its unit their spread.
    let rotations = rotations(&homography)?;
    let mut poses = [Isometry3::identity(); 2];
    for (pose, rotation) in poses.iter_mut().zip(rotations) {
        *pose = Isometry3::from_parts(translation(&rotation, points)?, rotation);
    }
    Some(poses)
}

/// Moves the centre of points to the origin and scales their mean distance from it to the root of two (Hartley 1997),
/// without which the homography's equations are badly conditioned.
struct Similarity {
    scale: f64,
    center: Vector2<f64>,
}

impl Similarity {
    fn of(points: impl Iterator<Item = Point2<f64>> + Clone) -> Option<Self> {
        let count = points.clone().count() as f64;
        let center = points.clone().map(|p| p.coords).sum::<Vector2<f64>>() / count;
        let spread = points.map(|p| (p.coords - center).norm()).sum::<f64>() / count;
        (spread > 1e-12).then(|| Self { scale: std::f64::consts::SQRT_2 / spread, center })
    }

    fn apply(&self, point: &Point2<f64>) -> Vector2<f64> {
        (point.coords - self.center) * self.scale
    }

    fn matrix(&self) -> Matrix3<f64> {
        let (s, c) = (self.scale, self.center);
        Matrix3::new(s, 0.0, -s * c.x, 0.0, s, -s * c.y, 0.0, 0.0, 1.0)
    }
}

/// Direct linear transform between the normalised points: the eigenvector of the least eigenvalue.
fn homography(points: &[PlanePoint], planes: &Similarity, rays: &Similarity) -> Option<Matrix3<f64>> {
    if points.len() < 4 {
        return None;
    }
    let mut normal = SMatrix::<f64, 9, 9>::zeros();
    for point in points {
        let (x, u) = (planes.apply(&point.plane), rays.apply(&point.ray));
        for row in [
            [x.x, x.y, 1.0, 0.0, 0.0, 0.0, -u.x * x.x, -u.x * x.y, -u.x],
            [0.0, 0.0, 0.0, x.x, x.y, 1.0, -u.y * x.x, -u.y * x.y, -u.y],
        ] {
            let row = SMatrix::<f64, 9, 1>::from(row);
            normal += row * row.transpose();
        }
    }
    let eigen = normal.try_symmetric_eigen(1e-15, 1000)?;
    let least = eigen.eigenvalues.imin();
    // Points on a line let a second combination vanish as well.
    let others = (0..9).filter(|i| *i != least).map(|i| eigen.eigenvalues[i]);
    let fixed = others.fold(f64::INFINITY, f64::min) > 1e-9 * points.len() as f64;
    let h = eigen.eigenvectors.column(least);
    let homography = Matrix3::from_row_slice(h.as_slice());
    fixed.then_some(homography)
}

/// Sections 4.2 and 4.3: both rotations from the homography's value and derivative at the plane's origin.
fn rotations(homography: &Matrix3<f64>) -> Option<[UnitQuaternion<f64>; 2]> {
    // Zero where the plane's origin is seen at infinity.
    if homography.m33.abs() < 1e-12 * homography.norm() {
        return None;
    }
    let h = homography / homography.m33;
    let (p, q) = (h.m13, h.m23);
    let jacobian = Matrix2::new(h.m11 - h.m31 * p, h.m12 - h.m32 * p, h.m21 - h.m31 * q, h.m22 - h.m32 * q);
    // The rotation that takes the optical axis to the ray of the origin.
    let ray = Vector3::new(p, q, 1.0);
    let along_ray = Rotation3::rotation_between(&Vector3::z(), &ray)?;
    let r = along_ray.matrix();
    let b = Matrix2::new(r.m11 - p * r.m31, r.m12 - p * r.m32, r.m21 - q * r.m31, r.m22 - q * r.m32);
    let a = b.try_inverse()? * jacobian;
    // The larger singular value is the inverse of the depth.
    let (sum, det) = (a.norm_squared(), a.determinant());
    let gamma = (0.5 * (sum + (sum * sum - 4.0 * det * det).max(0.0).sqrt())).sqrt();
    if !(gamma > 1e-12 && gamma.is_finite()) {
        return None;
    }
    let upper = a / gamma;
    let rest = Matrix2::identity() - upper.transpose() * upper;
    let (b0, b1) = (rest.m11.max(0.0).sqrt(), rest.m22.max(0.0).sqrt());
    let lower = Vector2::new(b0, if rest.m12 < 0.0 { -b1 } else { b1 });
    Some([1.0, -1.0].map(|sign| {
        let x = Vector3::new(upper.m11, upper.m21, sign * lower.x);
        let y = Vector3::new(upper.m12, upper.m22, sign * lower.y);
        let turned = Matrix3::from_columns(&[x, y, x.cross(&y)]);
        UnitQuaternion::from_matrix(&(r * turned))
    }))
}

/// Least squares for the translation that belongs to a rotation (section 4.4).
fn translation(rotation: &UnitQuaternion<f64>, points: &[PlanePoint]) -> Option<Translation3<f64>> {
    let mut normal = Matrix3::zeros();
    let mut right = Vector3::zeros();
    for point in points {
        let x = rotation * Vector3::new(point.plane.x, point.plane.y, 0.0);
        for (row, offset) in [
            (Vector3::new(1.0, 0.0, -point.ray.x), point.ray.x * x.z - x.x),
            (Vector3::new(0.0, 1.0, -point.ray.y), point.ray.y * x.z - x.y),
        ] {
            normal += row * row.transpose();
            right += row * offset;
        }
    }
    let t = normal.try_inverse()? * right;
    (t.z > 0.0).then(|| t.into())
}
