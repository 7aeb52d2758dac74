//! From a scene to light on the sensor, and each pixel's truth.

use crate::random::Draws;
use crate::scene::{Part, Scene};
use crate::shape::Shape;
use crate::space::{Place, Ray, V3};
use crate::surface::{Paint, Rgb, Surface};
use crate::trace::{Sight, radiance};
use nalgebra::Isometry3;
use nightshift_core::image::{Image, Intrinsics};

/// Turns of Newton's iteration that undoes the lens.
const LENS_TURNS: usize = 12;
/// Neighbours that differ by more than this share of their light get more rays.
const CONTRAST: f32 = 0.12;
/// A sample cannot be brighter than this many whites of the picture: a stray path does not leave a spark.
const BRIGHTEST: f32 = 30.0;

/// One exposure.
#[derive(Clone, Debug)]
pub struct Shot {
    pub intrinsics: Intrinsics,
    /// The camera looks along its z, x to the right and y down.
    pub map_from_camera: Isometry3<f64>,
    /// Radial distortion k1, k2 (Brown 1966): a point at radius r on the plane z = 1 is seen at r (1 + k1 r^2 + k2 r^4).
    pub distortion: [f64; 2],
    /// More rays through pixels on edges; 0 is one ray a pixel throughout.
    pub edge_samples: u32,
    /// Print on a flat face is looked at in so many rows and columns within a pixel, under the light of its middle: edges of
    /// fiducials then lie where they are to a part of a pixel. 0: print is as any edge.
    pub print_raster: u32,
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
    #[error("distortion {0:?} folds the picture over before its corner")]
    Folded([f64; 2]),
}

/// Light that fell on the sensor.
#[derive(Clone, Debug)]
pub struct Exposed {
    /// Linear light.
    pub light: Image<Rgb>,
    /// What the ray through each pixel's middle met.
    pub sights: Image<Sight>,
    /// Depth along the optical axis over distance along the ray, for each pixel.
    pub cosines: Vec<f32>,
}

impl Exposed {
    /// Of the first surface, glass too, metres along the optical axis.
    pub fn depth_m(&self, index: usize) -> Option<f32> {
        self.sights.pixels[index].t.map(|t| t * self.cosines[index])
    }
}

impl Shot {
    /// Every fault of the shot.
    pub fn faults(&self) -> Vec<BadShot> {
        let k = &self.intrinsics;
        let mut faults = Vec::new();
        if k.width == 0 || k.height == 0 {
            faults.push(BadShot::NoPixels { width: k.width, height: k.height });
        }
        for (name, value) in [("fx", k.fx), ("fy", k.fy)] {
            if !(value.is_finite() && value > 0.0) {
                faults.push(BadShot::NotPositive { name, value });
            }
        }
        for (name, value) in [("cx", k.cx.abs()), ("cy", k.cy.abs())] {
            if !value.is_finite() {
                faults.push(BadShot::NotNumber { name, value });
            }
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
    pub fn plane_point(&self, x: f64, y: f64) -> [f64; 2] {
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

    /// The pixel that shows a point of the camera's frame; none where it lies behind the camera.
    pub fn pixel_of(&self, point: [f64; 3]) -> Option<[f64; 2]> {
        if point[2] <= 1e-6 {
            return None;
        }
        let k = &self.intrinsics;
        let (x, y) = (point[0] / point[2], point[1] / point[2]);
        let r2 = x * x + y * y;
        let seen = 1.0 + self.distortion[0] * r2 + self.distortion[1] * r2 * r2;
        Some([x * seen * k.fx + k.cx, y * seen * k.fy + k.cy])
    }

    pub(crate) fn ray(&self, place: &Place, x: f32, y: f32) -> (Ray, f32) {
        let [px, py] = if self.distortion == [0.0; 2] {
            let k = &self.intrinsics;
            [(x - k.cx as f32) / k.fx as f32, (y - k.cy as f32) / k.fy as f32]
        } else {
            self.plane_point(f64::from(x), f64::from(y)).map(|v| v as f32)
        };
        let direction = V3::new(px, py, 1.0);
        let length = direction.length();
        (Ray { origin: place.point(V3::ZERO), direction: place.turn(direction / length) }, 1.0 / length)
    }

    /// The whole picture.
    pub fn take(&self, scene: &Scene) -> Result<Exposed, Vec<BadShot>> {
        let faults = self.faults();
        if !faults.is_empty() {
            return Err(faults);
        }
        let place = Place::new(&self.map_from_camera);
        let Intrinsics { width, height, .. } = self.intrinsics;
        let count = width * height;
        let mut light = Vec::with_capacity(count);
        let mut sights = Vec::with_capacity(count);
        let mut cosines = Vec::with_capacity(count);
        for y in 0..height {
            for x in 0..width {
                let mut draws = Draws::new(self.seed, self.frame, (y * width + x) as u64);
                let (ray, cosine) = self.ray(&place, x as f32, y as f32);
                let mut sight = Sight::default();
                let value = radiance(scene, ray, &mut draws, Some(&mut sight));
                light.push(value.min(Rgb::splat(BRIGHTEST)));
                sights.push(sight);
                cosines.push(cosine);
            }
        }
        if self.edge_samples > 0 {
            self.smooth(scene, &place, &mut light, &sights);
        }
        Ok(Exposed {
            light: Image { width, height, pixels: light },
            sights: Image { width, height, pixels: sights },
            cosines,
        })
    }

    /// More rays through pixels that differ from a neighbour.
    fn smooth(&self, scene: &Scene, place: &Place, light: &mut [Rgb], sights: &[Sight]) {
        let Intrinsics { width, height, .. } = self.intrinsics;
        let mut rough = vec![false; light.len()];
        for y in 0..height {
            for x in 0..width {
                let index = y * width + x;
                for other in [(x + 1 < width).then_some(index + 1), (y + 1 < height).then_some(index + width)]
                    .into_iter()
                    .flatten()
                {
                    if differ(light[index], light[other], &sights[index], &sights[other]) {
                        rough[index] = true;
                        rough[other] = true;
                    }
                }
            }
        }
        for index in (0..light.len()).filter(|index| rough[*index]) {
            if let Some(value) = self.printed(scene, place, index, light[index], sights) {
                light[index] = value;
                continue;
            }
            let mut draws = Draws::new(self.seed, self.frame ^ (1 << 63), index as u64);
            let (x, y) = ((index % width) as f32, (index / width) as f32);
            let mut total = light[index];
            for sample in 0..self.edge_samples {
                // Strata along the rows keep edges smooth with few rays.
                let dx = (sample as f32 + draws.unit()) / self.edge_samples as f32 - 0.5;
                let dy = draws.unit() - 0.5;
                let (ray, _) = self.ray(place, x + dx, y + dy);
                total += radiance(scene, ray, &mut draws, None).min(Rgb::splat(BRIGHTEST));
            }
            light[index] = total / (self.edge_samples + 1) as f32;
        }
    }
}

impl Shot {
    /// The light of a pixel that shows print on a flat face and nothing else: the cells' mean over a raster.
    fn printed(
        &self,
        scene: &Scene,
        place: &Place,
        index: usize,
        light: Rgb,
        sights: &[Sight],
    ) -> Option<Rgb> {
        let (x, y) = (index % self.intrinsics.width, index / self.intrinsics.width);
        let body = sights[index].body.filter(|_| self.print_raster > 0)?;
        let [Part { shape: Shape::Quad(quad), surface: Surface::Matt(Paint::Chart(chart)), .. }] =
            &scene.bodies[body].parts[..]
        else {
            return None;
        };
        let cell = |x: f32, y: f32| {
            let local = scene.bodies[body].place.ray_back(&self.ray(place, x, y).0);
            quad.meet(&local, f32::INFINITY).map(|meeting| chart.colour(meeting.uv))
        };
        let (x, y) = (x as f32, y as f32);
        let own = cell(x, y)?;
        let count = self.print_raster;
        let offset = |n: u32| (n as f32 + 0.5) / count as f32 - 0.5;
        let mut sum = Rgb::ZERO;
        for n in 0..count * count {
            // Beside the print there is something else: more rays will tell.
            sum += cell(x + offset(n % count), y + offset(n / count))?;
        }
        Some(light / own * sum / (count * count) as f32)
    }
}

fn differ(a: Rgb, b: Rgb, sa: &Sight, sb: &Sight) -> bool {
    if sa.body != sb.body || sa.kind != sb.kind || sa.content != sb.content {
        return true;
    }
    let (a, b) = (a.element_sum(), b.element_sum());
    (a - b).abs() > CONTRAST * a.max(b) + 0.01
}
