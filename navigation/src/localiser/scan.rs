//! A scan as points in the base's frame.

use crate::odometry::Sweep;
use nalgebra::{Point2, Point3};
use nightshift_core::describe::ScannerDescription;
use nightshift_core::robot::{Beam, LaserScan};

/// Neighbouring beams that end closer together than this become one point, their mean: near walls would outvote far
/// ones otherwise, metres.
const SPACING_M: f64 = 0.05;

/// The end of each beam that hit something, in the base's frame at the scan's stamp, in order of bearing.
pub fn hits<'a>(
    scan: &'a LaserScan,
    scanner: &'a ScannerDescription,
    sweep: &'a Sweep,
) -> impl Iterator<Item = Point2<f64>> + 'a {
    let last = scan.beams.len().saturating_sub(1).max(1) as f64;
    scan.beams.iter().enumerate().filter_map(move |(index, beam)| {
        let Beam::Hit(range) = *beam else { return None };
        let range = f64::from(range);
        // False for NaN as well.
        if !(range >= scanner.range_min_m && range <= scanner.range_max_m) {
            return None;
        }
        let (sin, cos) = (scan.angle_min + index as f64 * scan.angle_increment).sin_cos();
        let hit = scanner.pose.point(&Point3::new(range * cos, range * sin, 0.0)).xy();
        Some(sweep.carry(index as f64 / last, hit))
    })
}

/// The scan thinned to points about evenly spread over the surfaces.
pub fn points(scan: &LaserScan, scanner: &ScannerDescription, sweep: &Sweep) -> Vec<Point2<f64>> {
    let mut points = Vec::new();
    let mut group: Vec<Point2<f64>> = Vec::new();
    let mut close = |group: &mut Vec<Point2<f64>>| {
        if !group.is_empty() {
            let sum = group.iter().fold(nalgebra::Vector2::zeros(), |sum, p| sum + p.coords);
            points.push(Point2::from(sum / group.len() as f64));
            group.clear();
        }
    };
    for hit in hits(scan, scanner, sweep) {
        let beyond = |p: &Point2<f64>| (hit - p).norm() > SPACING_M;
        if group.first().is_some_and(beyond) {
            close(&mut group);
        }
        group.push(hit);
    }
    close(&mut group);
    points
}

#[cfg(test)]
mod tests {
    use super::*;
    use nightshift_core::{Pose, Stamp};
    use std::time::Duration;

    #[test]
    fn only_honest_hits_count_and_crowds_become_one() {
        let scanner = ScannerDescription {
            pose: Pose::from_xyz_rpy([1.0, 0.0, 0.2], [0.0, 0.0, std::f64::consts::FRAC_PI_2]),
            angle_min_deg: 0.0,
            angle_max_deg: 90.0,
            beams: 8,
            range_min_m: 0.1,
            range_max_m: 10.0,
            rate_hz: 10.0,
            sweep_s: 0.0,
        };
        let beams = vec![
            Beam::Hit(1.0),
            Beam::Hit(1.01),
            Beam::Hit(1.03),
            Beam::Hit(4.0),
            Beam::Hit(f32::NAN),
            Beam::Hit(0.05),
            Beam::Hit(11.0),
            Beam::NoReturn,
            Beam::Invalid,
        ];
        let scan = LaserScan {
            stamp: Stamp::ZERO,
            scanner: "front".into(),
            angle_min: 0.0,
            angle_increment: 1e-3,
            sweep: Duration::ZERO,
            beams,
        };
        assert_eq!(hits(&scan, &scanner, &Sweep::still()).count(), 4);
        let points = points(&scan, &scanner, &Sweep::still());
        assert_eq!(points.len(), 2);
        assert!((points[0] - Point2::new(1.0, 1.0133)).norm() < 3e-3, "{points:?}");
    }
}
