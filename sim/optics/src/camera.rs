//! The camera: its lens, what each pixel looks along, and the light that fell on its sensor.

use crate::film::Focus;
use crate::space::{Place, Ray, V3};
use crate::surface::Rgb;
use crate::trace::Sight;
use glam::Quat;
use nalgebra::Isometry3;
use nightshift_core::image::{Image, Intrinsics};

/// Turns of Newton's iteration that undoes the lens.
const LENS_TURNS: usize = 12;

/// How a camera moves while its picture is taken, in its own axes. A still one has none of it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Motion {
    /// m/s.
    pub velocity: [f32; 3],
    /// rad/s.
    pub turn: [f32; 3],
    /// From the reading of the first row to that of the last, seconds; 0 where all rows are read at once (a global
    /// shutter). The pose is that of the middle row.
    pub readout_s: f32,
}

impl Motion {
    /// The way that the picture of a point ahead, `depth_m` away, goes over the sensor in a time, pixels.
    pub fn smear_px(&self, focal_px: [f32; 2], depth_m: f32, time_s: f32) -> [f32; 2] {
        let [vx, vy, _] = self.velocity;
        let [wx, wy, _] = self.turn;
        // A still point moves by -(v + w x p) in the camera's axes.
        let way = [-(vx / depth_m + wy), -(vy / depth_m - wx)];
        [0, 1].map(|axis| focal_px[axis] * way[axis] * time_s)
    }
}

/// What keeps things out of focus that are seen through glass: a thin lens. What is seen without glass before it is blurred in
/// the picture, by [`crate::Film`]; a radius of 0 is a pinhole.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Lens {
    /// Of the opening that light comes in through, metres.
    pub radius_m: f32,
    /// Along the optical axis, metres.
    pub focus_m: f32,
}

impl Lens {
    /// The lens that blurs as a film's depth of field does, of a camera with this focal length.
    pub fn of(focus: Option<Focus>, focal_px: f64) -> Self {
        focus.map_or_else(Self::default, |Focus { distance_m, infinity_px }| Self {
            radius_m: infinity_px * distance_m / focal_px as f32,
            focus_m: distance_m,
        })
    }

    /// Blur of a point so far along the optical axis: the radius of its disc, pixels.
    pub fn blur_px(&self, depth_m: f32, focal_px: f64) -> f32 {
        if self.radius_m == 0.0 {
            return 0.0;
        }
        self.radius_m * focal_px as f32 * (1.0 / self.focus_m - 1.0 / depth_m.max(0.01)).abs()
    }
}

/// One exposure.
#[derive(Clone, Debug)]
pub struct Shot {
    pub intrinsics: Intrinsics,
    /// The camera looks along its z, x to the right and y down.
    pub map_from_camera: Isometry3<f64>,
    /// Radial distortion k1, k2 (Brown 1966): a point at radius r on the plane z = 1 is seen at r (1 + k1 r^2 + k2 r^4).
    pub distortion: [f64; 2],
    /// Where rows are read one after the other, each is seen from where the camera is then.
    pub motion: Motion,
    /// Of what is seen through glass.
    pub lens: Lens,
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
        let Motion { velocity, turn, readout_s } = self.motion;
        let swift = velocity.into_iter().chain(turn).find(|value| !value.is_finite());
        if let Some(value) = swift {
            faults.push(BadShot::NotNumber { name: "motion", value: f64::from(value.abs()) });
        }
        if !(readout_s.is_finite() && readout_s >= 0.0) {
            faults.push(BadShot::NotNumber { name: "readout_s", value: f64::from(readout_s) });
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

    /// The ray that a pixel's place shows, through the middle of the lens, and the cosine of its angle with the optical axis.
    pub(crate) fn ray(&self, place: &Place, x: f32, y: f32) -> (Ray, f32) {
        let direction = self.along(x, y);
        let length = direction.length();
        (self.sent(place, y, V3::ZERO, direction / length), 1.0 / length)
    }

    /// The ray that a pixel's place shows through a place of the lens, in its radii from its middle.
    pub(crate) fn ray_through(&self, place: &Place, x: f32, y: f32, [u, v]: [f32; 2]) -> Ray {
        let from = V3::new(u, v, 0.0) * self.lens.radius_m;
        self.sent(place, y, from, (self.along(x, y) * self.lens.focus_m - from).normalize())
    }

    fn along(&self, x: f32, y: f32) -> V3 {
        let [px, py] = if self.distortion == [0.0; 2] {
            let k = &self.intrinsics;
            [(x - k.cx as f32) / k.fx as f32, (y - k.cy as f32) / k.fy as f32]
        } else {
            self.plane_point(f64::from(x), f64::from(y)).map(|v| v as f32)
        };
        V3::new(px, py, 1.0)
    }

    /// A ray of the camera's frame, from where the camera is when row `y` is read.
    fn sent(&self, place: &Place, y: f32, from: V3, direction: V3) -> Ray {
        if self.motion.readout_s == 0.0 {
            return Ray { origin: place.point(from), direction: place.turn(direction) };
        }
        let since = self.motion.readout_s * ((y + 0.5) / self.intrinsics.height as f32 - 0.5);
        let turn = Quat::from_scaled_axis((V3::from(self.motion.turn) * since).into());
        let origin = turn * from + V3::from(self.motion.velocity) * since;
        Ray { origin: place.point(origin), direction: place.turn((turn * direction).normalize()) }
    }
}
