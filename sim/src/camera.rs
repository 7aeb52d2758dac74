//! The wrist camera: colour and depth by analytic ray casting.
//!
//! Shading is simple: ambient, one lamp overhead and a little from the camera, with noise. Where a fiducial is
//! hit, the pixel is the mean over a fine raster, so that its edges lie where they truly are to a part of a pixel.
//! Vials are glass: until there is a full optical model, the rule for the depth of a glass body is: `Untrusted`
//! with the surface's own depth where the ray meets it steeper than 60 degrees from the normal, else `Missing`;
//! its colour is opaque.

use crate::raycast::{Meeting, V3, dot, meet, meet_plane};
use crate::scene::{Form, Prim, Role};
use crate::tags::{BLACK_CELLS, is_white};
use nalgebra::{Isometry3, Point3, Vector3};
use nightshift_core::Stamp;
use nightshift_core::describe::{CameraDescription, Solid};
use nightshift_core::image::{Depth, Frame, Image, Intrinsics};
use nightshift_core::random::{Seed, Stream};
use rand::RngCore;

/// Nearest and farthest depth that the sensor measures, metres.
const DEPTH_RANGE_M: [f64; 2] = [0.07, 4.0];
/// Standard deviation of depth at one metre; it grows with the square of the distance.
const DEPTH_SIGMA_AT_1_M: f64 = 0.004;
/// Standard deviation of a colour value, of 255.
const COLOR_SIGMA: f64 = 1.5;
/// Glass met at a flatter angle than this (cosine from the normal) gives no depth.
const GLASS_COSINE: f64 = 0.5;
/// Edge of a tile, in pixels: shapes are sorted into tiles before rays are cast.
const TILE: usize = 16;
/// Rays along each edge of a pixel that shows a fiducial.
const FINE: usize = 4;
/// Brightness of a fiducial's cells, of 255.
const WHITE: f64 = 235.0;
const BLACK: f64 = 20.0;
/// Shapes nearer than this along the optical axis are not drawn, metres.
const NEAR_M: f64 = 0.005;

/// The camera.
#[derive(Clone, Debug)]
pub struct Camera {
    intrinsics: Intrinsics,
    stream: Stream,
}

/// A shape as the camera sees it.
struct Seen<'a> {
    prim: &'a Prim,
    /// From the camera's axes to the shape's.
    turn: [V3; 3],
    /// The camera in the shape's frame.
    eye: V3,
    /// No point of it is nearer along the optical axis.
    nearest: f64,
    /// The pixels that it can touch: x from, x to, y from, y to.
    window: [f64; 4],
}

struct Hit {
    t: f64,
    color: [f64; 3],
    seen: usize,
    /// Cosine between ray and normal.
    cosine: f64,
}

impl Camera {
    /// A working camera.
    pub fn new(description: &CameraDescription, seed: Seed) -> Self {
        Self { intrinsics: description.intrinsics, stream: seed.stream("camera") }
    }

    /// Takes a picture. `map_from_prim` are the poses of `prims` now.
    pub fn capture(
        &mut self,
        stamp: Stamp,
        map_from_camera: &Isometry3<f64>,
        prims: &[Prim],
        map_from_prim: &[Isometry3<f64>],
    ) -> Frame {
        let k = self.intrinsics;
        let mut color = Image::filled(k.width, k.height, [0u8; 3]);
        let mut depth = Image::filled(k.width, k.height, Depth::Missing);
        let view = View::new(&k, map_from_camera, prims, map_from_prim);
        for tile_y in 0..view.tiles_down {
            for tile_x in 0..view.tiles_across {
                let candidates = &view.tiles[tile_y * view.tiles_across + tile_x];
                for y in tile_y * TILE..((tile_y + 1) * TILE).min(k.height) {
                    for x in tile_x * TILE..((tile_x + 1) * TILE).min(k.width) {
                        let hit = view.pixel(candidates, x as f64, y as f64);
                        let index = y * k.width + x;
                        let shade = hit.as_ref().map_or([90.0, 92.0, 96.0], |hit| hit.color);
                        color.pixels[index] = noisy(shade, self.stream.next_u32());
                        let noise = gaussian(self.stream.next_u32());
                        depth.pixels[index] = hit.map_or(Depth::Missing, |hit| measure(&view, &hit, noise));
                    }
                }
            }
        }
        Frame { stamp, intrinsics: k, color, depth }
    }
}

fn measure(view: &View<'_>, hit: &Hit, noise: f64) -> Depth {
    if hit.t < DEPTH_RANGE_M[0] || hit.t > DEPTH_RANGE_M[1] {
        return Depth::Missing;
    }
    let value = (hit.t + noise * DEPTH_SIGMA_AT_1_M * hit.t * hit.t) as f32;
    match view.seen[hit.seen].prim.role {
        Role::Glass(_) | Role::Ware { clear: true } if hit.cosine < GLASS_COSINE => Depth::Missing,
        Role::Glass(_) | Role::Ware { clear: true } => Depth::Untrusted(value),
        _ => Depth::Measured(value),
    }
}

/// Near enough to a normal distribution for a picture: the sum of four bytes.
fn gaussian(bits: u32) -> f64 {
    let sum: u32 = bits.to_le_bytes().into_iter().map(u32::from).sum();
    (f64::from(sum) - 510.0) / 147.8
}

fn noisy(shade: [f64; 3], bits: u32) -> [u8; 3] {
    // Mostly common to the three colours; the low bits turn a little between them.
    let common = gaussian(bits) * COLOR_SIGMA;
    let own = [bits, bits >> 8, bits >> 16].map(|b| f64::from(b & 3) - 1.5);
    [0, 1, 2].map(|c| (shade[c] + common + own[c] + 0.5).clamp(0.0, 255.0) as u8)
}

struct View<'a> {
    k: &'a Intrinsics,
    seen: Vec<Seen<'a>>,
    tiles_across: usize,
    tiles_down: usize,
    /// Indices into `seen`, nearest first.
    tiles: Vec<Vec<u32>>,
    /// The lamp's direction in the camera's axes.
    lamp: V3,
}

impl<'a> View<'a> {
    fn new(
        k: &'a Intrinsics,
        map_from_camera: &Isometry3<f64>,
        prims: &'a [Prim],
        map_from_prim: &[Isometry3<f64>],
    ) -> Self {
        let (tiles_across, tiles_down) = (k.width.div_ceil(TILE), k.height.div_ceil(TILE));
        let lamp =
            map_from_camera.inverse_transform_vector(&Vector3::new(0.25, 0.15, 0.95).normalize()).into();
        let mut view = Self {
            k,
            seen: Vec::new(),
            tiles_across,
            tiles_down,
            tiles: vec![Vec::new(); tiles_across * tiles_down],
            lamp,
        };
        let mut windows = Vec::new();
        for (prim, pose) in prims.iter().zip(map_from_prim) {
            if !prim.visible {
                continue;
            }
            let camera_from_prim = map_from_camera.inv_mul(pose);
            if let Some((nearest, window)) = view.window(&prim.form, &camera_from_prim) {
                let matrix = camera_from_prim.rotation.inverse().to_rotation_matrix();
                let turn = [0, 1, 2].map(|row| [0, 1, 2].map(|column| matrix[(row, column)]));
                let eye = camera_from_prim.inverse_transform_point(&Point3::origin()).coords.into();
                let pixels = window.map(|edge| edge as f64);
                windows.push((Seen { prim, turn, eye, nearest, window: pixels }, window));
            }
        }
        windows.sort_by(|a, b| a.0.nearest.total_cmp(&b.0.nearest));
        for (index, (seen, [x0, x1, y0, y1])) in windows.into_iter().enumerate() {
            for row in y0 / TILE..=y1 / TILE {
                for column in x0 / TILE..=x1 / TILE {
                    view.tiles[row * tiles_across + column].push(index as u32);
                }
            }
            view.seen.push(seen);
        }
        view
    }

    /// The least depth of a shape and the pixels (x from, x to, y from, y to) that it can touch; none where it is
    /// behind the camera or beside the picture.
    fn window(&self, form: &Form, camera_from_prim: &Isometry3<f64>) -> Option<(f64, [usize; 4])> {
        let whole = [0, self.k.width - 1, 0, self.k.height - 1];
        let half = match *form {
            Form::Ground => return Some((0.0, whole)),
            Form::Solid(Solid::Box { size_m }) => size_m.map(|s| s / 2.0),
            Form::Solid(Solid::Cylinder { radius_m, height_m }) => [radius_m, radius_m, height_m / 2.0],
            Form::Solid(Solid::Sphere { radius_m }) => [radius_m; 3],
            Form::Tag { size_m, .. } => [size_m, size_m, 0.0],
        };
        let corners: Vec<Point3<f64>> = (0..8)
            .map(|i| {
                let sign = |bit: usize| if i >> bit & 1 == 1 { 1.0 } else { -1.0 };
                camera_from_prim * Point3::new(sign(0) * half[0], sign(1) * half[1], sign(2) * half[2])
            })
            .collect();
        let nearest = corners.iter().map(|c| c.z).fold(f64::INFINITY, f64::min);
        let mut outline: Vec<Point3<f64>> = corners.iter().filter(|c| c.z >= NEAR_M).copied().collect();
        // Edges that run behind the camera are cut where they pass it.
        for (a, b) in (0..8usize).flat_map(|i| [1, 2, 4].map(|bit| (i, i ^ bit))).filter(|(a, b)| a < b) {
            let (a, b) = (corners[a], corners[b]);
            if (a.z < NEAR_M) != (b.z < NEAR_M) {
                outline.push(a + (b - a) * ((NEAR_M - a.z) / (b.z - a.z)));
            }
        }
        if outline.is_empty() {
            return None;
        }
        let span = |values: Vec<f64>, last: usize| {
            let low = values.iter().copied().fold(f64::INFINITY, f64::min).floor() - 1.0;
            let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max).ceil() + 1.0;
            let on = high >= 0.0 && low <= last as f64;
            on.then(|| (low.max(0.0) as usize, high.min(last as f64) as usize))
        };
        let k = self.k;
        let (x0, x1) = span(outline.iter().map(|c| k.fx * c.x / c.z + k.cx).collect(), k.width - 1)?;
        let (y0, y1) = span(outline.iter().map(|c| k.fy * c.y / c.z + k.cy).collect(), k.height - 1)?;
        Some((nearest.max(0.0), [x0, x1, y0, y1]))
    }

    /// From the camera through a pixel, one long along the optical axis: lengths along the ray are depths.
    fn ray(&self, x: f64, y: f64) -> V3 {
        [(x - self.k.cx) / self.k.fx, (y - self.k.cy) / self.k.fy, 1.0]
    }

    /// What a pixel shows.
    fn pixel(&self, candidates: &[u32], x: f64, y: f64) -> Option<Hit> {
        let ray = self.ray(x, y);
        let mut best: Option<(Meeting, usize, V3)> = None;
        for &index in candidates {
            let seen = &self.seen[index as usize];
            if best.as_ref().is_some_and(|(nearest, ..)| nearest.t < seen.nearest) {
                break;
            }
            let [x0, x1, y0, y1] = seen.window;
            if x < x0 || x > x1 || y < y0 || y > y1 {
                continue;
            }
            let direction = seen.local(&ray);
            if let Some(meeting) = meet(&seen.prim.form, &seen.eye, &direction)
                && meeting.t > NEAR_M
                && best.as_ref().is_none_or(|(nearest, ..)| meeting.t < nearest.t)
            {
                best = Some((meeting, index as usize, direction));
            }
        }
        let (Meeting { t, normal }, index, direction) = best?;
        let seen = &self.seen[index];
        let cosine = -dot(&normal, &direction) / dot(&direction, &direction).sqrt();
        let lamp = dot(&normal, &seen.local(&self.lamp)).max(0.0);
        let light = 0.42 + 0.38 * lamp + 0.2 * cosine;
        let paint = match seen.prim.form {
            Form::Tag { size_m, code } => [self.tag(seen, size_m, code, x, y); 3],
            _ => seen.prim.color.map(f64::from),
        };
        Some(Hit { t, color: paint.map(|value| value * light), seen: index, cosine })
    }

    /// The brightness of a fiducial in a pixel: the mean over a fine raster, unless one cell covers the pixel.
    fn tag(&self, seen: &Seen<'_>, size_m: f64, code: u64, x: f64, y: f64) -> f64 {
        let at = |dx: f64, dy: f64| {
            let direction = seen.local(&self.ray(x + dx, y + dy));
            let t = meet_plane(&seen.eye, &direction)?;
            Some([0, 1].map(|axis| (seen.eye[axis] + t * direction[axis]) / size_m))
        };
        let shade = |point: Option<[f64; 2]>| match point {
            Some([u, v]) if !is_white(code, u, v) => BLACK,
            _ => WHITE,
        };
        let corners = [at(-0.5, -0.5), at(0.5, -0.5), at(-0.5, 0.5), at(0.5, 0.5)];
        let cell = |point: Option<[f64; 2]>| point.map(|p| p.map(|value| (value * BLACK_CELLS).floor()));
        if cell(corners[0]).is_some() && corners.iter().all(|corner| cell(*corner) == cell(corners[0])) {
            return shade(corners[0]);
        }
        let offset = |n: usize| (n as f64 + 0.5) / FINE as f64 - 0.5;
        let sum: f64 = (0..FINE * FINE).map(|i| shade(at(offset(i % FINE), offset(i / FINE)))).sum();
        sum / (FINE * FINE) as f64
    }
}

impl Seen<'_> {
    /// A direction of the camera's axes in the shape's.
    fn local(&self, v: &V3) -> V3 {
        [dot(&self.turn[0], v), dot(&self.turn[1], v), dot(&self.turn[2], v)]
    }
}
