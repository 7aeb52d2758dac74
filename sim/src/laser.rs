//! The safety laser scanners.
//!
//! A whole turn is taken at its middle: that the robot moves during a turn is not modelled yet. Ranges carry
//! Gaussian noise, and some beams return nothing. The robot's own body is left out, as the scanners of a real one
//! mask it.

use crate::raycast::meet;
use crate::scene::{Form, Host, Prim};
use nalgebra::{Isometry3, Vector3};
use nightshift_core::Stamp;
use nightshift_core::describe::{ScannerDescription, Solid};
use nightshift_core::frames::{Base, Map, Pose};
use nightshift_core::random::{Seed, Stream};
use nightshift_core::robot::{Beam, LaserScan};
use rand::Rng;
use rand_distr::{Distribution, Normal};

/// Standard deviation of a range, metres.
pub const RANGE_SIGMA_M: f64 = 0.008;
/// Share of beams that return nothing although something is there.
const LOST_SHARE: f64 = 0.005;

/// One scanner with its own random stream.
#[derive(Clone, Debug)]
pub struct Scanner {
    name: String,
    description: ScannerDescription,
    stream: Stream,
}

impl Scanner {
    /// A scanner of the description.
    pub fn new(name: &str, description: &ScannerDescription, seed: Seed) -> Self {
        let stream = seed.stream(&format!("laser/{name}"));
        Self { name: name.to_owned(), description: description.clone(), stream }
    }

    /// The scanner's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Takes a turn at `stamp`. `turned` is how far it sits turned on its mount, radians; `map_from_prim` are the poses
    /// of `prims` now.
    pub fn take(
        &mut self,
        stamp: Stamp,
        map_from_base: &Pose<Map, Base>,
        turned: f64,
        prims: &[Prim],
        map_from_prim: &[Isometry3<f64>],
    ) -> LaserScan {
        let description = &self.description;
        let increment = (description.angle_max_deg - description.angle_min_deg).to_radians()
            / (description.beams - 1) as f64;
        let angle_min = description.angle_min_deg.to_radians();
        let map_from_laser = (*map_from_base * description.pose).iso;
        let ranges =
            cut(&map_from_laser, angle_min + turned, increment, description.beams, prims, map_from_prim);
        let noise = Normal::new(0.0, RANGE_SIGMA_M).expect("a positive sigma");
        let (min, max) = (description.range_min_m as f32, description.range_max_m as f32);
        let stream = &mut self.stream;
        let beam = |range: f64| {
            // Drawn for each beam, so that the stream does not depend on what is seen.
            let (lost, error) = (stream.random::<f64>() < LOST_SHARE, noise.sample(stream));
            let range = if lost { f64::INFINITY } else { range + error };
            Beam::from_range(range as f32, min, max)
        };
        let beams = ranges.into_iter().map(beam).collect();
        LaserScan { stamp, scanner: self.name.clone(), angle_min, angle_increment: increment, beams }
    }
}

/// True ranges, infinite where nothing is met.
fn cut(
    map_from_laser: &Isometry3<f64>,
    angle_min: f64,
    increment: f64,
    count: usize,
    prims: &[Prim],
    map_from_prim: &[Isometry3<f64>],
) -> Vec<f64> {
    let mut ranges = vec![f64::INFINITY; count];
    let height = map_from_laser.translation.z;
    let origin: nalgebra::Point3<f64> = map_from_laser.translation.vector.into();
    let directions: Vec<Vector3<f64>> = (0..count)
        .map(|i| {
            let (sin, cos) = (angle_min + increment * i as f64).sin_cos();
            map_from_laser.rotation * Vector3::new(cos, sin, 0.0)
        })
        .collect();
    for (prim, pose) in prims.iter().zip(map_from_prim) {
        let Form::Solid(solid) = prim.form else { continue };
        if matches!(prim.host, Host::Link(_)) || (pose.translation.z - height).abs() > radius(&solid) {
            continue;
        }
        let local = pose.inverse_transform_point(&origin).coords.into();
        for (range, direction) in ranges.iter_mut().zip(&directions) {
            let direction = pose.inverse_transform_vector(direction).into();
            if let Some(meeting) = meet(&prim.form, &local, &direction) {
                *range = range.min(meeting.t);
            }
        }
    }
    ranges
}

/// Radius of the sphere around a solid.
pub fn radius(solid: &Solid) -> f64 {
    match *solid {
        Solid::Box { size_m } => Vector3::from(size_m).norm() / 2.0,
        Solid::Cylinder { radius_m, height_m } => radius_m.hypot(height_m / 2.0),
        Solid::Sphere { radius_m } => radius_m,
    }
}
