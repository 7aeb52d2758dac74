//! The safety laser scanners, as time-of-flight sensors: a spot of light that is as wide as the step from beam to
//! beam, surfaces that scatter, mirror or let it through, and a receiver that answers with one range.
//!
//! A turn takes time (`sweep_s`), and each beam goes out from where the scanner is then. What else moves is where it is at
//! the turn's end. The robot's own body is left out, as the scanners of a real one mask it.

mod receiver;
#[cfg(test)]
mod tests;
mod trace;
mod track;

pub use track::Track;

use crate::scene::Prim;
use nalgebra::{Isometry3, Point3, Vector3};
use nightshift_core::Stamp;
use nightshift_core::describe::{ScannerDescription, Solid};
use nightshift_core::frames::{Base, Pose2};
use nightshift_core::random::{Seed, Stream};
use nightshift_core::robot::{Beam, LaserScan};
use receiver::Receiver;
use trace::{Echo, Fan, Ray, Tracer};

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

    /// Takes the turn that ends now; none where it began before the world did. `turned` is how far the scanner sits turned
    /// on its mount, radians; `map_from_prim` are the poses of `prims` now.
    pub fn take(
        &mut self,
        now: Stamp,
        track: &Track,
        turned: f64,
        prims: &[Prim],
        map_from_prim: &[Isometry3<f64>],
    ) -> Option<LaserScan> {
        let description = &self.description;
        let sweep = description.sweep();
        let increment = (description.angle_max_deg - description.angle_min_deg).to_radians()
            / (description.beams - 1) as f64;
        let angle_min = description.angle_min_deg.to_radians();
        let map_from_laser = (track.before(description.sweep_s)?.spatial() * description.pose).iso;
        let fan = self.fan(track, angle_min + turned, increment)?;
        let traced = Tracer::new(&map_from_laser, prims, map_from_prim).fan(&fan);
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
        let stamp = Stamp(now.0.checked_sub(sweep.as_nanos() as u64)?);
        let scanner = self.name.clone();
        Some(LaserScan { stamp, scanner, angle_min, angle_increment: increment, sweep, beams })
    }

    /// The rays of a turn, in the scanner's frame at its first beam: through the middles of the spots and through the edges
    /// between them, each from where the scanner is then.
    fn fan(&self, track: &Track, first: f64, increment: f64) -> Option<Fan> {
        let ScannerDescription { pose: base_from_laser, beams, sweep_s, .. } = self.description;
        let (start, step) = (first - increment / 2.0, increment / 2.0);
        let base_at_first = track.before(sweep_s)?.iso;
        let mut rays = Vec::with_capacity(2 * beams + 1);
        let rests = track.rests(sweep_s);
        for beam in 0..=beams {
            let moved = if !rests {
                let share = (beam as f64 / (beams - 1) as f64).min(1.0);
                let base = track.before(sweep_s * (1.0 - share))?.iso;
                let base = Pose2::<Base, Base>::from_iso(base_at_first.inv_mul(&base)).spatial();
                (base_from_laser.inverse() * base * base_from_laser).iso
            } else {
                Isometry3::identity()
            };
            let origin = Point3::from(moved.translation.vector);
            for ray in [2 * beam, 2 * beam + 1] {
                let (sin, cos) = (start + step * ray as f64).sin_cos();
                rays.push(Ray { origin, direction: moved.rotation * Vector3::new(cos, sin, 0.0) });
            }
        }
        rays.truncate(2 * beams + 1);
        Some(if rests { Fan::still(rays, start, step) } else { Fan::new(rays, start, step) })
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
