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
    let side = 2 * BLOCK + 1;
    let mut costs = Costs::new(left, right, width, height, reach);
    let mut row = Row::new(width);
    let mut out = vec![None; width * height];
    for y in 0..height {
        let sums = costs.sums(y);
        row.choose(sums, width, reach);
        for x in 0..width {
            let cost = |d: usize| sums[d * width + x];
            let best = row.best[x] as usize;
            if best == 0 || best + 1 >= reach {
                continue;
            }
            let good = cost(best) < WORST_BITS * (side * side) as u32;
            let alone = row.elsewhere[x] == u32::MAX || cost(best) * 100 < row.elsewhere[x] * UNIQUE_PERCENT;
            // The right eye's pixel must choose the same.
            let back = row.back[x - best] as usize;
            if !good || !alone || back == 0 || back.abs_diff(best) > 1 {
                continue;
            }
            let [before, own, after] = [best - 1, best, best + 1].map(|d| cost(d) as f32);
            let bend = before + after - 2.0 * own;
            let part = if bend > 0.0 { 0.5 * (before - after) / bend } else { 0.0 };
            out[y * width + x] = Some(best as f32 + part.clamp(-0.5, 0.5));
        }
    }
    out
}

/// Costs summed over blocks, a row of the picture at a time; for each disparity one line of pixels.
struct Costs<'a> {
    left: &'a [u64],
    right: &'a [u64],
    width: usize,
    height: usize,
    reach: usize,
    /// The costs of the rows in the block, by the row's number modulo their count.
    rows: Vec<Vec<u8>>,
    /// Sums of those rows.
    columns: Vec<u16>,
    sums: Vec<u32>,
}

impl<'a> Costs<'a> {
    fn new(left: &'a [u64], right: &'a [u64], width: usize, height: usize, reach: usize) -> Self {
        let size = reach * width;
        let side = 2 * BLOCK + 1;
        // The first row is summed with the picture's edge repeated above it.
        let mut this = Self {
            left,
            right,
            width,
            height,
            reach,
            rows: vec![vec![0; size]; side],
            columns: vec![0; size],
            sums: vec![0; size],
        };
        for step in 0..side {
            this.enter(step as isize - BLOCK as isize);
        }
        this
    }

    /// A row comes into the block, in the place of the one that goes.
    fn enter(&mut self, y: isize) {
        let from = y.clamp(0, self.height as isize - 1) as usize * self.width;
        let (left, right) = (&self.left[from..from + self.width], &self.right[from..from + self.width]);
        let slot = (y + BLOCK as isize).rem_euclid(self.rows.len() as isize) as usize;
        for d in 0..self.reach {
            let line = d * self.width..(d + 1) * self.width;
            let (costs, columns) = (&mut self.rows[slot][line.clone()], &mut self.columns[line]);
            let (out, there) = costs.split_at_mut(d.min(self.width));
            let (columns_out, columns_there) = columns.split_at_mut(out.len());
            for (cost, column) in out.iter_mut().zip(columns_out) {
                *column = column.wrapping_add(62).wrapping_sub(u16::from(*cost));
                *cost = 62;
            }
            let pairs = left[d.min(self.width)..].iter().zip(right);
            for ((cost, column), (a, b)) in there.iter_mut().zip(columns_there).zip(pairs) {
                let bits = (a ^ b).count_ones() as u8;
                // It holds this cost, so it does not run over; unchecked, the loop is done in lanes.
                *column = column.wrapping_add(u16::from(bits)).wrapping_sub(u16::from(*cost));
                *cost = bits;
            }
        }
    }

    /// The sums of the blocks about the pixels of a row; rows are asked for in their order.
    fn sums(&mut self, y: usize) -> &[u32] {
        if y > 0 {
            self.enter((y + BLOCK) as isize);
        }
        let (width, block) = (self.width, BLOCK);
        // The line with its ends repeated, so that no index is looked at twice.
        let mut padded = vec![0u32; width + 2 * block + 1];
        for d in 0..self.reach {
            let line = &self.columns[d * width..(d + 1) * width];
            padded[..block].fill(u32::from(line[0]));
            padded[block + width..].fill(u32::from(line[width - 1]));
            for (to, from) in padded[block..].iter_mut().zip(line) {
                *to = u32::from(*from);
            }
            let mut sum: u32 = padded[..2 * block + 1].iter().sum();
            let sums = &mut self.sums[d * width..(d + 1) * width];
            for (x, to) in sums.iter_mut().enumerate() {
                *to = sum;
                sum = sum.wrapping_add(padded[x + 2 * block + 1]).wrapping_sub(padded[x]);
            }
        }
        &self.sums
    }
}

/// What is chosen along a row: one line of pixels after another for each disparity, as the sums lie.
struct Row {
    /// The disparity of least cost, from 1; 0 is none.
    best: Vec<u32>,
    least: Vec<u32>,
    /// The least cost more than one disparity away from the best.
    elsewhere: Vec<u32>,
    /// The best for the right eye's pixels.
    back: Vec<u32>,
}

impl Row {
    fn new(width: usize) -> Self {
        let line = vec![0; width];
        Self { best: line.clone(), least: line.clone(), elsewhere: line.clone(), back: line }
    }

    fn choose(&mut self, sums: &[u32], width: usize, reach: usize) {
        let line = |d: usize| &sums[d * width..(d + 1) * width];
        self.best.fill(0);
        self.least.fill(u32::MAX);
        for d in 1..reach.min(width) {
            let chosen = self.least[d..].iter_mut().zip(&mut self.best[d..]);
            for ((least, best), cost) in chosen.zip(&line(d)[d..]) {
                *best = if cost < least { d as u32 } else { *best };
                *least = (*least).min(*cost);
            }
        }
        self.elsewhere.fill(u32::MAX);
        for d in 1..reach.min(width) {
            let lines = self.elsewhere[d..].iter_mut().zip(&self.best[d..]);
            for ((elsewhere, best), cost) in lines.zip(&line(d)[d..]) {
                let apart = best.abs_diff(d as u32) > 1;
                *elsewhere = if apart { (*elsewhere).min(*cost) } else { *elsewhere };
            }
        }
        self.back.fill(0);
        self.least.fill(u32::MAX);
        for d in 1..reach.min(width) {
            let chosen = self.least.iter_mut().zip(&mut self.back);
            for ((least, back), cost) in chosen.zip(&line(d)[d..]) {
                *back = if cost < least { d as u32 } else { *back };
                *least = (*least).min(*cost);
            }
        }
    }
}
