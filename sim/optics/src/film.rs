//! From light to a picture: focus, shake, exposure, white balance, noise, tone. The order is that of a camera.

use crate::camera::Exposed;
use crate::random::Draws;
use crate::surface::Rgb;
use nightshift_core::image::Image;

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
        let mut light = exposed.light.pixels.clone();
        if let Some(focus) = self.focus {
            light = defocus(&light, exposed, focus);
        }
        if self.shake_px != [0.0; 2] {
            light = shaken(&light, width, height, self.shake_px);
        }
        if self.softness_px > 0.05 {
            light = soft(&light, width, height, self.softness_px);
        }
        let exposure = self.exposure_of(&light);
        let balance = Rgb::new(self.white_balance[0], 1.0, self.white_balance[1]) * exposure;
        let corner2 = ((width * width + height * height) as f32) / 4.0;
        let mut shown: Vec<Rgb> = Vec::with_capacity(light.len());
        for (index, light) in light.iter().enumerate() {
            let mut draws = Draws::new(self.seed, 7, index as u64);
            let (x, y) = ((index % width) as f32, (index / width) as f32);
            let r2 = (x - width as f32 / 2.0).powi(2) + (y - height as f32 / 2.0).powi(2);
            let value = *light * balance * (1.0 - self.vignette * r2 / corner2);
            let read2 = self.read_noise * self.read_noise;
            let noisy = [value.x, value.y, value.z].map(|value| {
                let sigma = (value.clamp(0.0, 1.0) * self.gain / FULL_WELL + read2).sqrt();
                value + sigma * draws.normal()
            });
            shown.push(self.tone(Rgb::from(noisy)));
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
                    let exposure = middle.exp2();
                    let (mut sum, mut count) = (0.0, 0.0);
                    for value in light.iter().step_by(step) {
                        sum += display((value.element_sum() / 3.0 * exposure).min(1.0));
                        count += 1.0;
                    }
                    if sum / count < target { low = middle } else { high = middle }
                }
                low.exp2()
            }
        }
    }

    /// Linear light to a display value with the camera's contrast and colour.
    fn tone(&self, linear: Rgb) -> Rgb {
        // Highlights roll off softly above four fifths of white, as in any camera's curve.
        let rolled = [linear.x, linear.y, linear.z].map(|x| {
            let x = x.max(0.0);
            if x > 0.8 { 0.8 + 0.2 * (1.0 - (-(x - 0.8) / 0.2).exp()) } else { x }
        });
        let value = Rgb::from(rolled.map(display));
        let grey = value.dot(Rgb::new(0.3, 0.59, 0.11));
        let coloured = Rgb::splat(grey) + (value - Rgb::splat(grey)) * self.saturation;
        (coloured - Rgb::splat(0.45)) * self.contrast + Rgb::splat(0.45)
    }
}

/// Linear light to a display value (IEC 61966-2-1).
fn display(linear: f32) -> f32 {
    let x = linear.clamp(0.0, 1.0);
    if x <= 0.003_130_8 { 12.92 * x } else { 1.055 * x.powf(1.0 / 2.4) - 0.055 }
}

/// A small Gaussian blur, rows then columns.
fn soft(light: &[Rgb], width: usize, height: usize, sigma: f32) -> Vec<Rgb> {
    let reach = (2.5 * sigma).ceil() as isize;
    let weights: Vec<f32> = (-reach..=reach).map(|i| (-0.5 * (i as f32 / sigma).powi(2)).exp()).collect();
    let sum: f32 = weights.iter().sum();
    let along = |light: &[Rgb], across: bool| -> Vec<Rgb> {
        let mut out = Vec::with_capacity(light.len());
        for y in 0..height as isize {
            for x in 0..width as isize {
                let mut total = Rgb::ZERO;
                for (weight, i) in weights.iter().zip(-reach..=reach) {
                    let (px, py) = if across { (x + i, y) } else { (x, y + i) };
                    let px = px.clamp(0, width as isize - 1) as usize;
                    let py = py.clamp(0, height as isize - 1) as usize;
                    total += light[py * width + px] * *weight;
                }
                out.push(total / sum);
            }
        }
        out
    };
    along(&along(light, true), false)
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
