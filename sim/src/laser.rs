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

/// What a fault does to a scanner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScannerState {
    /// Works.
    Working,
    /// Says nothing at all.
    Silent,
    /// Every range is NaN.
    Nan,
}

/// One scanner with its own random stream.
#[derive(Clone, Debug)]
pub struct Scanner {
    name: String,
    description: ScannerDescription,
    stream: Stream,
    /// Set by faults.
    pub state: ScannerState,
}

impl Scanner {
    /// A working scanner.
    pub fn new(name: &str, description: &ScannerDescription, seed: Seed) -> Self {
        let stream = seed.stream(&format!("laser/{name}"));
        Self { name: name.to_owned(), description: description.clone(), stream, state: ScannerState::Working }
    }

    /// The scanner's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Takes a turn at `stamp`. `map_from_prim` are the poses of `prims` now. None from a silent scanner.
    pub fn take(
        &mut self,
        stamp: Stamp,
        map_from_base: &Pose<Map, Base>,
        prims: &[Prim],
        map_from_prim: &[Isometry3<f64>],
    ) -> Option<LaserScan> {
        let description = &self.description;
        let increment = (description.angle_max_deg - description.angle_min_deg).to_radians()
            / (description.beams - 1) as f64;
        let angle_min = description.angle_min_deg.to_radians();
        let beams = match self.state {
            ScannerState::Silent => return None,
            ScannerState::Nan => vec![Beam::Invalid; description.beams],
            ScannerState::Working => {
                let map_from_laser = (*map_from_base * description.pose).iso;
                let ranges =
                    cut(&map_from_laser, angle_min, increment, description.beams, prims, map_from_prim);
                let noise = Normal::new(0.0, RANGE_SIGMA_M).expect("a positive sigma");
                let (min, max) = (description.range_min_m as f32, description.range_max_m as f32);
                let stream = &mut self.stream;
                let beam = |range: f64| {
                    // Drawn for each beam, so that the stream does not depend on what is seen.
                    let (lost, error) = (stream.random::<f64>() < LOST_SHARE, noise.sample(stream));
                    let range = if lost { f64::INFINITY } else { range + error };
                    Beam::from_range(range as f32, min, max)
                };
                ranges.into_iter().map(beam).collect()
            }
        };
        Some(LaserScan { stamp, scanner: self.name.clone(), angle_min, angle_increment: increment, beams })
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
