//! From radiance to pixels: lens, exposure, noise, display values; and each pixel's truth.

use crate::random::Draws;
use crate::scene::Scene;
use crate::shape::Ray;
use crate::trace::{Way, radiance};
use nalgebra::{Isometry3, Vector3};
use nightshift_core::image::{Image, Intrinsics};
use std::ops::Range;

/// Electrons in a pixel that is just white: sets the shot noise. A small sensor of a robot's camera.
const FULL_WELL: f64 = 8000.0;
/// Turns of Newton's iteration that undoes the lens.
const LENS_TURNS: usize = 12;

/// One exposure.
#[derive(Clone, Debug)]
pub struct Shot {
    pub intrinsics: Intrinsics,
    /// The camera looks along its z, x to the right and y down.
    pub map_from_camera: Isometry3<f64>,
    /// Radial distortion k1, k2 (Brown 1966): a point at radius r on the plane z = 1 is seen at r (1 + k1 r^2 + k2 r^4).
    pub distortion: [f64; 2],
    /// White is radiance 1 / `exposure`.
    pub exposure: f64,
    /// Noise of reading a pixel, as a share of white.
    pub read_noise: f64,
    /// Rays through each pixel.
    pub samples: u32,
    pub seed: u64,
    /// Another frame of the same seed has other noise.
    pub frame: u64,
}

/// A shot that cannot be taken.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum BadShot {
    #[error("the picture is {width} x {height} pixels: it needs at least one")]
    NoPixels { width: usize, height: usize },
    #[error("{name} is {value}: it must be a number above zero")]
    NotPositive { name: &'static str, value: f64 },
    #[error("{name} is {value}: it must be a number, not below zero")]
    NotNumber { name: &'static str, value: f64 },
    #[error("samples is 0: a pixel needs at least one ray")]
    NoSamples,
    #[error("distortion {0:?} folds the picture over before its corner")]
    Folded([f64; 2]),
}

/// A pixel with its truth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pixel {
    /// Red, green, blue; sRGB.
    pub color: [u8; 3],
    /// Of the first surface, glass too, through the pixel's centre; metres along the optical axis.
    pub depth_m: Option<f32>,
    /// The body of that surface: the number that `Scene::add` gave.
    pub body: Option<usize>,
}

/// Linear light to a display value (IEC 61966-2-1).
fn display(linear: f64) -> u8 {
    let x = linear.clamp(0.0, 1.0);
    let y = if x <= 0.003_130_8 { 12.92 * x } else { 1.055 * x.powf(1.0 / 2.4) - 0.055 };
    (y * 255.0 + 0.5) as u8
}

impl Shot {
    /// Every fault of the shot.
    pub fn faults(&self) -> Vec<BadShot> {
        let k = &self.intrinsics;
        let mut faults = Vec::new();
        if k.width == 0 || k.height == 0 {
            faults.push(BadShot::NoPixels { width: k.width, height: k.height });
        }
        for (name, value) in [("fx", k.fx), ("fy", k.fy), ("exposure", self.exposure)] {
            if !(value.is_finite() && value > 0.0) {
                faults.push(BadShot::NotPositive { name, value });
            }
        }
        let centre = [("cx", k.cx.abs()), ("cy", k.cy.abs()), ("read_noise", self.read_noise)];
        for (name, value) in centre {
            if !(value.is_finite() && value >= 0.0) {
                faults.push(BadShot::NotNumber { name, value });
            }
        }
        if self.samples == 0 {
            faults.push(BadShot::NoSamples);
        }
        if faults.is_empty() && !self.unfolded() {
            faults.push(BadShot::Folded(self.distortion));
        }
        faults
    }

    /// True where the seen radius grows with the true one up to the farthest corner.
    fn unfolded(&self) -> bool {
        let k = &self.intrinsics;
        let x = k.cx.abs().max((k.width as f64 - k.cx).abs()) / k.fx;
        let y = k.cy.abs().max((k.height as f64 - k.cy).abs()) / k.fy;
        let corner = x.hypot(y);
        let seen = |r: f64| r * (1.0 + self.distortion[0] * r * r + self.distortion[1] * r.powi(4));
        let mut before = 0.0;
        for step in 1..=4096 {
            let now = seen(corner * f64::from(step) / 1024.0);
            if now.is_nan() || now <= before {
                return false;
            }
            if now >= corner {
                return true;
            }
            before = now;
        }
        false
    }

    /// The point on the plane z = 1 that a pixel shows.
    pub(crate) fn plane_point(&self, x: f64, y: f64) -> [f64; 2] {
        let k = &self.intrinsics;
        let seen = [(x - k.cx) / k.fx, (y - k.cy) / k.fy];
        let [k1, k2] = self.distortion;
        let seen_radius = seen[0].hypot(seen[1]);
        if (k1 == 0.0 && k2 == 0.0) || seen_radius == 0.0 {
            return seen;
        }
        let mut r = seen_radius;
        for _ in 0..LENS_TURNS {
            let error = r * (1.0 + k1 * r * r + k2 * r.powi(4)) - seen_radius;
            r -= error / (1.0 + 3.0 * k1 * r * r + 5.0 * k2 * r.powi(4));
        }
        seen.map(|v| v * r / seen_radius)
    }

    fn ray(&self, x: f64, y: f64) -> (Ray, f64) {
        let [px, py] = self.plane_point(x, y);
        let direction = Vector3::new(px, py, 1.0);
        let length = direction.norm();
        let origin = self.map_from_camera.translation.vector;
        (Ray { origin, direction: self.map_from_camera * (direction / length) }, length)
    }

    fn pixel(&self, scene: &Scene, x: usize, y: usize) -> Pixel {
        let mut draws = Draws::new(self.seed, self.frame, (y * self.intrinsics.width + x) as u64);
        let (x, y) = (x as f64, y as f64);
        let (centre, length) = self.ray(x, y);
        let first = scene.nearest(&centre, f64::INFINITY);
        let mut total = [0.0; 3];
        for sample in 0..self.samples {
            // Strata along the rows keep edges smooth with few rays.
            let dx = (f64::from(sample) + draws.unit()) / f64::from(self.samples) - 0.5;
            let dy = draws.unit() - 0.5;
            let light = radiance(scene, Way::new(self.ray(x + dx, y + dy).0), &mut draws);
            for (sum, value) in total.iter_mut().zip(light) {
                // A sample cannot be brighter than a few whites: a stray path does not leave a spark.
                *sum += (value * self.exposure).min(4.0);
            }
        }
        let color = total.map(|sum| {
            let value = sum / f64::from(self.samples);
            let sigma = (value.min(1.0) / FULL_WELL + self.read_noise * self.read_noise).sqrt();
            display(value + sigma * draws.normal())
        });
        Pixel {
            color,
            depth_m: first.as_ref().map(|hit| (hit.t / length) as f32),
            body: first.map(|hit| hit.body),
        }
    }

    /// Some rows of the picture. A row is the same whoever takes it: rows may be shared out to threads.
    pub fn take_rows(&self, scene: &Scene, rows: Range<usize>) -> Result<Vec<Pixel>, Vec<BadShot>> {
        let faults = self.faults();
        if !faults.is_empty() {
            return Err(faults);
        }
        let width = self.intrinsics.width;
        let rows = rows.start..rows.end.min(self.intrinsics.height);
        Ok(rows.flat_map(|y| (0..width).map(move |x| (x, y))).map(|(x, y)| self.pixel(scene, x, y)).collect())
    }

    /// The whole picture.
    pub fn take(&self, scene: &Scene) -> Result<Image<Pixel>, Vec<BadShot>> {
        let Intrinsics { width, height, .. } = self.intrinsics;
        Ok(Image { width, height, pixels: self.take_rows(scene, 0..height)? })
    }
}
