//! A depth camera as it works: two infrared pictures, a projector's dots, and matching. What it cannot see comes from the
//! pictures: glass and metal give no dots, or those of something else.

use crate::camera::{BadShot, Motion, Shot};
use crate::curve::{Curve, NORMAL};
use crate::pattern::hash;
use crate::random::Draws;
use crate::scene::Scene;
use crate::semiglobal;
use crate::space::{Place, V3};
use crate::surface::Rgb;
use nalgebra::{Isometry3, Translation3};
use nightshift_core::image::Image;

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
        // Its two eyes read all rows at once, whatever the colour camera does.
        let left = Shot { distortion: [0.0; 2], motion: Motion::default(), edge_samples: 0, ..shot.clone() };
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
        let k = &shot.intrinsics;
        let eye = |light: &[Rgb]| blurred(&grey(light), k.width, k.height);
        let (a, b) = (eye(&a.light.pixels), eye(&b.light.pixels));
        // Both eyes have one exposure: a third of white in the mean.
        let mean = (a.iter().map(|v| v.min(3.0)).sum::<f32>() / a.len() as f32).max(1e-5);
        let normal: &Curve = &NORMAL;
        let sensor = |light: Vec<f32>, frame: u64| -> Vec<f32> {
            let shown = |(index, value): (usize, f32)| {
                let mut draws = Draws::new(shot.seed, frame, index as u64);
                let value = value / mean * 0.25;
                (value + draws.normals(normal)[0] * self.noise * (0.3 + value.min(1.0)).sqrt()).min(1.0)
            };
            light.into_iter().enumerate().map(shown).collect()
        };
        let (a, b) = (sensor(a, 31), sensor(b, 32));
        let reach = (k.fx * self.baseline_m / f64::from(self.range_m[0])).ceil() as usize + 2;
        let disparity = semiglobal::disparities(&a, &b, k.width, k.height, reach.min(k.width / 2));
        let scale = (k.fx * self.baseline_m) as f32;
        let depth = disparity
            .into_iter()
            .map(|d| d.map(|d| scale / d).filter(|z| (self.range_m[0]..=self.range_m[1]).contains(z)));
        Ok(Image { width: k.width, height: k.height, pixels: depth.collect() })
    }
}

/// The lens and the pixels' area: a spot of light is spread over its neighbours by 1, 2, 1 each way, 0.7 pixels RMS.
fn blurred(light: &[f32], width: usize, height: usize) -> Vec<f32> {
    let spread = |values: &[f32], size: usize, step: usize| -> Vec<f32> {
        let at = |index: usize, place: usize| {
            let before = if place > 0 { values[index - step] } else { values[index] };
            let after = if place + 1 < size { values[index + step] } else { values[index] };
            0.25 * before + 0.5 * values[index] + 0.25 * after
        };
        (0..values.len()).map(|index| at(index, index / step % size)).collect()
    };
    spread(&spread(light, width, 1), height, width)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::studio::{Category, Exhibit, exhibit};
    use crate::ware::Phase;
    use nightshift_core::image::Intrinsics;

    /// Pixels of a window in the picture's middle, where the exhibit stands: how many, and of how many there is depth.
    fn told_of(phase: Phase) -> (usize, usize) {
        let (category, size) = (Category::Beaker, [64, 64]);
        let wanted = Exhibit { category, phase, level: 0.7, night: false, turn: 0.0, seed: 3, size };
        let staged = exhibit(&wanted).unwrap();
        let intrinsics = Intrinsics { width: 424, height: 240, fx: 223.0, fy: 223.0, cx: 211.5, cy: 119.5 };
        let shot = Shot { intrinsics, ..staged.shot };
        let depth = StereoRig::default().measure(&staged.scene, &shot).unwrap();
        let window: Vec<usize> = (112..128).flat_map(|y| (204..220).map(move |x| y * 424 + x)).collect();
        (window.len(), window.iter().filter(|index| depth.pixels[**index].is_some()).count())
    }

    #[test]
    fn dots_fall_through_glass_on_what_is_in_it_and_behind_it() {
        for phase in [Phase::Suspension, Phase::Empty] {
            let (pixels, told) = told_of(phase);
            assert!(4 * told > pixels, "{phase:?}: {told} of {pixels}");
        }
    }
}
