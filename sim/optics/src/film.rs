//! From light to a picture: focus, shake, exposure, white balance, noise, tone. The order is that of a camera.

use crate::camera::Exposed;
use crate::curve::{Curve, DISPLAY, FILM, NORMAL};
use crate::random::Draws;
use crate::surface::Rgb;
use nightshift_core::image::Image;
use std::borrow::Cow;

/// Electrons in a pixel that is just white: sets the shot noise. A small sensor of a robot's camera.
const FULL_WELL: f32 = 8000.0;

/// How a camera turns light into a picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Film {
    pub exposure: Metering,
    /// Gain of red and blue against green.
    pub white_balance: [f32; 2],
    /// Noise of reading a pixel, as a share of white.
    pub read_noise: f32,
    /// Gain of the sensor: shot noise grows with its root.
    pub gain: f32,
    /// Blur of lens and sensor, pixels (standard deviation).
    pub softness_px: f32,
    /// Way of the picture over the sensor during the exposure, pixels.
    pub shake_px: [f32; 2],
    /// Distance in focus and the blur, in pixels, of a point at infinity.
    pub focus: Option<Focus>,
    /// Loss of light in the corner, share.
    pub vignette: f32,
    /// Contrast about middle grey; 1 is none added.
    pub contrast: f32,
    /// Share of colour that is kept; 1 is all.
    pub saturation: f32,
    /// Sharpening as a phone's camera does.
    pub sharpen: f32,
    pub seed: u64,
}

/// Depth of field.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Focus {
    pub distance_m: f32,
    pub infinity_px: f32,
}

/// How the exposure is found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Metering {
    /// White is radiance 1 / this.
    Fixed(f32),
    /// The picture's mean display value (0..1) is this; highlights that would fill the picture hold it back.
    Mean(f32),
}

impl Film {
    /// A plain camera.
    pub fn plain(exposure: Metering, seed: u64) -> Self {
        Self {
            exposure,
            white_balance: [1.0; 2],
            read_noise: 0.004,
            gain: 1.0,
            softness_px: 0.0,
            shake_px: [0.0; 2],
            focus: None,
            vignette: 0.0,
            contrast: 1.0,
            saturation: 1.0,
            sharpen: 0.0,
            seed,
        }
    }

    /// The picture; sRGB.
    pub fn develop(&self, exposed: &Exposed) -> Image<[u8; 3]> {
        let (width, height) = (exposed.light.width, exposed.light.height);
        let mut light = Cow::Borrowed(&exposed.light.pixels[..]);
        if let Some(focus) = self.focus {
            light = defocus(&light, exposed, focus).into();
        }
        if self.shake_px != [0.0; 2] {
            light = shaken(&light, width, height, self.shake_px).into();
        }
        if self.softness_px > 0.05 {
            light = soft(&light, width, height, self.softness_px).into();
        }
        let exposure = self.exposure_of(&light);
        let balance = Rgb::new(self.white_balance[0], 1.0, self.white_balance[1]) * exposure;
        let corner2 = ((width * width + height * height) as f32) / 4.0;
        let (curve, normal): (&Curve, &Curve) = (&FILM, &NORMAL);
        let mut shown: Vec<Rgb> = Vec::with_capacity(light.len());
        for (index, light) in light.iter().enumerate() {
            let mut draws = Draws::new(self.seed, 7, index as u64);
            let (x, y) = ((index % width) as f32, (index / width) as f32);
            let r2 = (x - width as f32 / 2.0).powi(2) + (y - height as f32 / 2.0).powi(2);
            let value = *light * balance * (1.0 - self.vignette * r2 / corner2);
            let read2 = self.read_noise * self.read_noise;
            let variance = value.clamp(Rgb::ZERO, Rgb::ONE) * (self.gain / FULL_WELL) + Rgb::splat(read2);
            let sigma = variance.map(f32::sqrt);
            shown.push(self.tone(curve, value + sigma * Rgb::from(draws.normals(normal))));
        }
        if self.sharpen > 0.0 {
            let blurred = soft(&shown, width, height, 1.0);
            for (value, blurred) in shown.iter_mut().zip(blurred) {
                *value += (*value - blurred) * self.sharpen;
            }
        }
        let pixels = shown
            .into_iter()
            .map(|v| [v.x, v.y, v.z].map(|x| (x.clamp(0.0, 1.0) * 255.0 + 0.5) as u8))
            .collect();
        Image { width, height, pixels }
    }

    fn exposure_of(&self, light: &[Rgb]) -> f32 {
        match self.exposure {
            Metering::Fixed(exposure) => exposure,
            Metering::Mean(target) => {
                // The mean grows with the exposure: halve the span until it fits.
                let step = (light.len() / 4096).max(1);
                let (mut low, mut high) = (-12.0f32, 14.0f32);
                for _ in 0..18 {
                    let middle = (low + high) / 2.0;
                    let (exposure, display): (f32, &Curve) = (middle.exp2(), &DISPLAY);
                    let (mut sum, mut count) = (0.0, 0.0);
                    for value in light.iter().step_by(step) {
                        sum += display.at(value.element_sum() / 3.0 * exposure);
                        count += 1.0;
                    }
                    if sum / count < target { low = middle } else { high = middle }
                }
                low.exp2()
            }
        }
    }

    /// Linear light to a display value with the camera's contrast and colour.
    fn tone(&self, curve: &Curve, linear: Rgb) -> Rgb {
        let value = linear.map(|x| curve.at(x));
        let grey = value.dot(Rgb::new(0.3, 0.59, 0.11));
        let coloured = Rgb::splat(grey) + (value - Rgb::splat(grey)) * self.saturation;
        (coloured - Rgb::splat(0.45)) * self.contrast + Rgb::splat(0.45)
    }
}

/// A small Gaussian blur, rows then columns. Beyond an edge it goes on as at the edge.
fn soft(light: &[Rgb], width: usize, height: usize, sigma: f32) -> Vec<Rgb> {
    let reach = (2.5 * sigma).ceil() as usize;
    let bell = |i: usize| (-0.5 * ((i as f32 - reach as f32) / sigma).powi(2)).exp();
    let sum: f32 = (0..=2 * reach).map(bell).sum();
    let weights: Vec<f32> = (0..=2 * reach).map(|i| bell(i) / sum).collect();
    let mut along = vec![Rgb::ZERO; light.len()];
    let mut padded = Vec::with_capacity(width + 2 * reach);
    for (row, out) in light.chunks_exact(width).zip(along.chunks_exact_mut(width)) {
        padded.clear();
        padded.extend(std::iter::repeat_n(row[0], reach));
        padded.extend_from_slice(row);
        padded.extend(std::iter::repeat_n(row[width - 1], reach));
        for (weight, shifted) in weights.iter().zip(padded.windows(width)) {
            out.iter_mut().zip(shifted).for_each(|(out, light)| *out += *light * *weight);
        }
    }
    let mut across = vec![Rgb::ZERO; light.len()];
    for (y, out) in across.chunks_exact_mut(width).enumerate() {
        for (i, weight) in weights.iter().enumerate() {
            let from = (y + i).saturating_sub(reach).min(height - 1);
            let row = &along[from * width..(from + 1) * width];
            out.iter_mut().zip(row).for_each(|(out, light)| *out += *light * *weight);
        }
    }
    across
}

/// The mean along a straight way.
fn shaken(light: &[Rgb], width: usize, height: usize, way: [f32; 2]) -> Vec<Rgb> {
    let taps = (way[0].hypot(way[1]).ceil() as usize + 1).min(24);
    let mut out = vec![Rgb::ZERO; light.len()];
    for tap in 0..taps {
        let share = (tap as f32 + 0.5) / taps as f32 - 0.5;
        let (dx, dy) = ((way[0] * share).round() as isize, (way[1] * share).round() as isize);
        for y in 0..height as isize {
            let py = (y + dy).clamp(0, height as isize - 1) as usize;
            for x in 0..width as isize {
                let px = (x + dx).clamp(0, width as isize - 1) as usize;
                out[y as usize * width + x as usize] += light[py * width + px] / taps as f32;
            }
        }
    }
    out
}

/// Blur of what is out of focus. A sharp thing does not leak into the blurred ground behind it.
fn defocus(light: &[Rgb], exposed: &Exposed, focus: Focus) -> Vec<Rgb> {
    let (width, height) = (exposed.light.width as isize, exposed.light.height as isize);
    let blur: Vec<f32> = (0..light.len())
        .map(|index| {
            let depth = exposed.sights.pixels[index]
                .opaque_t
                .map_or(f32::INFINITY, |t| t * exposed.cosines[index])
                .max(0.01);
            let own = exposed.depth_m(index).unwrap_or(f32::INFINITY);
            // What is seen through glass in focus stays as sharp as the glass.
            let depth = if exposed.sights.pixels[index].clear { own } else { depth };
            (focus.infinity_px * (1.0 - focus.distance_m / depth).abs()).min(7.0)
        })
        .collect();
    let mut out = Vec::with_capacity(light.len());
    for y in 0..height {
        for x in 0..width {
            let index = (y * width + x) as usize;
            let radius = blur[index];
            if radius < 0.6 {
                out.push(light[index]);
                continue;
            }
            let (mut total, mut sum) = (light[index], 1.0);
            for (ring, count) in [(0.4f32, 5), (0.75, 8), (1.0, 11)] {
                for k in 0..count {
                    let (sin, cos) = (std::f32::consts::TAU * (k as f32 + ring) / count as f32).sin_cos();
                    let px = x + (cos * radius * ring).round() as isize;
                    let py = y + (sin * radius * ring).round() as isize;
                    if px < 0 || py < 0 || px >= width || py >= height {
                        continue;
                    }
                    let other = (py * width + px) as usize;
                    if blur[other] + 0.5 >= radius * ring * 0.7 {
                        total += light[other];
                        sum += 1.0;
                    }
                }
            }
            out.push(total / sum);
        }
    }
    out
}
