//! The safety laser scanners, as time-of-flight sensors: a spot of light that is as wide as the step from beam to
//! beam, surfaces that scatter, mirror or let it through, and a receiver that answers with one range.
//!
//! A whole turn is taken at its middle: that the robot moves during a turn is not modelled. The robot's own body is
//! left out, as the scanners of a real one mask it.

mod receiver;
#[cfg(test)]
mod tests;
mod trace;

use crate::scene::Prim;
use nalgebra::{Isometry3, Vector3};
use nightshift_core::Stamp;
use nightshift_core::describe::{ScannerDescription, Solid};
use nightshift_core::frames::{Base, Map, Pose};
use nightshift_core::random::{Seed, Stream};
use nightshift_core::robot::{Beam, LaserScan};
use receiver::Receiver;
use trace::{Echo, Tracer};

/// Shares of a spot's light in its middle and at its two edges, which it shares with its neighbours.
const SPOT: [f64; 3] = [0.25, 0.5, 0.25];

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
        // Rays through the middles of the spots and through the edges between them.
        let (rays, half) = (2 * description.beams + 1, increment / 2.0);
        let tracer = Tracer::new(&map_from_laser, prims, map_from_prim);
        let traced = tracer.fan(angle_min + turned - half, half, rays);
        let (min, max) = (description.range_min_m as f32, description.range_max_m as f32);
        let mut spot: Vec<Echo> = Vec::new();
        let beams = (0..description.beams).map(|beam| {
            spot.clear();
            for (part, share) in SPOT.into_iter().enumerate() {
                let echoes = traced.of(2 * beam + part).iter();
                spot.extend(echoes.map(|echo| Echo { power: echo.power * share, ..*echo }));
            }
            Beam::from_range(Receiver::range(&mut spot, &mut self.stream) as f32, min, max)
        });
        let beams = beams.collect();
        LaserScan { stamp, scanner: self.name.clone(), angle_min, angle_increment: increment, beams }
    }
}

/// Radius of the sphere around a solid.
pub fn radius(solid: &Solid) -> f64 {
    match *solid {
        Solid::Box { size_m } => Vector3::from(size_m).norm() / 2.0,
        Solid::Cylinder { radius_m, height_m } => radius_m.hypot(height_m / 2.0),
        Solid::Sphere { radius_m } => radius_m,
    }
}
