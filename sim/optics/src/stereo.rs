//! A depth camera as it works: two infrared pictures, a projector's dots, and matching. What it cannot see comes from the
//! pictures: glass and metal give no dots, or those of something else.

use crate::camera::{BadShot, Shot};
use crate::pattern::hash;
use crate::random::Draws;
use crate::scene::Scene;
use crate::space::{Place, V3};
use crate::surface::Rgb;
use nalgebra::{Isometry3, Translation3};
use nightshift_core::image::Image;

/// Half the height and width of the window that a pixel is compared in.
const CENSUS: [isize; 2] = [3, 4];
/// Half the edge of the block whose costs are summed.
const BLOCK: usize = 3;
/// Mean cost, bits of 62, above which nothing is believed.
const WORST_BITS: u32 = 24;
/// The best cost must be below this share of the best one elsewhere, per cent.
const UNIQUE_PERCENT: u32 = 95;

/// The depth camera. Its left eye is where the colour camera is, so that depth is registered to it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StereoRig {
    /// From the left to the right eye, along x.
    pub baseline_m: f64,
    /// Radiance of a white surface at one metre in the middle of a dot.
    pub power: f32,
    /// Share of the room's light that passes the infrared filter.
    pub filter: f32,
    /// Least and greatest depth told, metres.
    pub range_m: [f32; 2],
    /// Noise of an infrared pixel, as a share of white.
    pub noise: f32,
}

impl Default for StereoRig {
    /// After a small active-stereo camera: 50 mm between the eyes.
    fn default() -> Self {
        Self { baseline_m: 0.05, power: 1.5, filter: 0.12, range_m: [0.12, 4.0], noise: 0.006 }
    }
}

/// Dots from a point, in map.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Projector {
    pub place: Place,
    pub power: f32,
    /// Angle from one place of a dot to the next, as a tangent.
    pub pitch: f32,
}

impl Projector {
    /// Light on a surface that faces it at one metre, toward a point of map; and the distance.
    #[inline]
    pub(crate) fn toward(&self, point: V3) -> (f32, V3, f32) {
        let local = self.place.point_back(point);
        let to = self.place.point(V3::ZERO) - point;
        let distance = to.length();
        if local.z <= 0.0 {
            return (0.0, to / distance, distance);
        }
        let (x, y) = (local.x / local.z / self.pitch, local.y / local.z / self.pitch);
        let (cx, cy) = (x.floor(), y.floor());
        let cell = |salt: u32| hash(cx as i32, cy as i32, 0, salt);
        if cell(1) > 0.55 {
            return (0.0, to / distance, distance);
        }
        let (dx, dy) = (x - cx - 0.3 - 0.4 * cell(2), y - cy - 0.3 - 0.4 * cell(3));
        let dot = (-(dx * dx + dy * dy) * 14.0).exp();
        (self.power * dot * (0.5 + 0.5 * cell(4)), to / distance, distance)
    }
}

impl StereoRig {
    /// Depth along the optical axis for each pixel of the shot, metres; none where the camera has nothing. The lens is taken
    /// as rectified.
    pub fn measure(&self, scene: &Scene, shot: &Shot) -> Result<Image<Option<f32>>, Vec<BadShot>> {
        let left = Shot { distortion: [0.0; 2], edge_samples: 0, ..shot.clone() };
        let moved = |x: f64| shot.map_from_camera * Isometry3::from(Translation3::new(x, 0.0, 0.0));
        let right = Shot { map_from_camera: moved(self.baseline_m), frame: shot.frame ^ 1, ..left.clone() };
        let mut dim = scene.clone();
        dim.ambient.above *= self.filter;
        dim.ambient.below *= self.filter;
        for lamp in &mut dim.lamps {
            lamp.radiance *= self.filter;
        }
        let place = Place::new(&moved(self.baseline_m / 2.0));
        // A dot must cover a pixel or two.
        let pitch = (3.0 / shot.intrinsics.fx as f32).max(0.004);
        dim.projector = Some(Projector { place, power: self.power, pitch });
        let (a, b) = (left.take(&dim)?, right.take(&dim)?);
        let grey = |light: &[Rgb]| -> Vec<f32> { light.iter().map(|l| l.element_sum() / 3.0).collect() };
        let (a, b) = (grey(&a.light.pixels), grey(&b.light.pixels));
        // Both eyes have one exposure: a third of white in the mean.
        let mean = (a.iter().map(|v| v.min(3.0)).sum::<f32>() / a.len() as f32).max(1e-5);
        let sensor = |light: Vec<f32>, frame: u64| -> Vec<f32> {
            let shown = |(index, value): (usize, f32)| {
                let mut draws = Draws::new(shot.seed, frame, index as u64);
                let value = value / mean * 0.25;
                (value + draws.normal() * self.noise * (0.3 + value.min(1.0)).sqrt()).min(1.0)
            };
            light.into_iter().enumerate().map(shown).collect()
        };
        let (a, b) = (sensor(a, 31), sensor(b, 32));
        let k = &shot.intrinsics;
        let reach = (k.fx * self.baseline_m / f64::from(self.range_m[0])).ceil() as usize + 2;
        let disparity = matched(
            &census(&a, k.width, k.height),
            &census(&b, k.width, k.height),
            k.width,
            k.height,
            reach.min(k.width / 2),
        );
        let scale = (k.fx * self.baseline_m) as f32;
        let depth = disparity
            .into_iter()
            .map(|d| d.map(|d| scale / d).filter(|z| (self.range_m[0]..=self.range_m[1]).contains(z)));
        Ok(Image { width: k.width, height: k.height, pixels: depth.collect() })
    }
}

/// Which neighbours are darker than a pixel, as bits (Zabih and Woodfill 1994).
fn census(light: &[f32], width: usize, height: usize) -> Vec<u64> {
    let (w, h) = (width as isize, height as isize);
    let mut out = Vec::with_capacity(light.len());
    for y in 0..h {
        for x in 0..w {
            let own = light[(y * w + x) as usize];
            let mut bits = 0u64;
            for dy in -CENSUS[0]..=CENSUS[0] {
                for dx in -CENSUS[1]..=CENSUS[1] {
                    if (dx, dy) != (0, 0) {
                        let (px, py) = ((x + dx).clamp(0, w - 1), (y + dy).clamp(0, h - 1));
                        bits = bits << 1 | u64::from(light[(py * w + px) as usize] < own);
                    }
                }
            }
            out.push(bits);
        }
    }
    out
}

/// Block matching over census bits: the best disparity with its part of a pixel, where it is alone, good, and the right
/// picture agrees.
fn matched(left: &[u64], right: &[u64], width: usize, height: usize, reach: usize) -> Vec<Option<f32>> {
    let row_cost = |y: usize, d: usize, x: usize| -> u32 {
        if x < d { 62 } else { (left[y * width + x] ^ right[y * width + x - d]).count_ones() }
    };
    let side = 2 * BLOCK + 1;
    // Sums over the block's rows, one for each disparity and column; rows come and go.
    let mut columns = vec![0u32; reach * width];
    let mut sums = vec![0u32; reach * width];
    let mut out = vec![None; width * height];
    let inside = |y: isize| y.clamp(0, height as isize - 1) as usize;
    for y in 0..height as isize {
        let block = BLOCK as isize;
        for d in 0..reach {
            for x in 0..width {
                let sum = &mut columns[d * width + x];
                if y == 0 {
                    *sum = (-block..=block).map(|dy| row_cost(inside(dy), d, x)).sum();
                } else {
                    *sum = *sum + row_cost(inside(y + block), d, x) - row_cost(inside(y - 1 - block), d, x);
                }
            }
            let line = &columns[d * width..(d + 1) * width];
            let at = |x: isize| line[x.clamp(0, width as isize - 1) as usize];
            let mut sum: u32 = (-block..=block).map(at).sum();
            for x in 0..width as isize {
                sums[d * width + x as usize] = sum;
                sum = sum + at(x + block + 1) - at(x - block);
            }
        }
        for x in 0..width {
            let cost = |d: usize| sums[d * width + x];
            let Some(best) = (1..reach.min(x + 1)).min_by_key(|d| cost(*d)) else { continue };
            let elsewhere = (1..reach.min(x + 1)).filter(|d| d.abs_diff(best) > 1).map(cost).min();
            let good = cost(best) < WORST_BITS * (side * side) as u32;
            let alone = elsewhere.is_none_or(|other| cost(best) * 100 < other * UNIQUE_PERCENT);
            if !good || !alone || best + 1 >= reach {
                continue;
            }
            // The right eye's pixel must choose the same.
            let there = x - best;
            let back = (1..reach.min(width - there)).min_by_key(|d| sums[d * width + there + d]);
            if back.is_none_or(|back| back.abs_diff(best) > 1) {
                continue;
            }
            let [before, own, after] = [best - 1, best, best + 1].map(|d| cost(d) as f32);
            let bend = before + after - 2.0 * own;
            let part = if bend > 0.0 { 0.5 * (before - after) / bend } else { 0.0 };
            out[y as usize * width + x] = Some(best as f32 + part.clamp(-0.5, 0.5));
        }
    }
    out
}
