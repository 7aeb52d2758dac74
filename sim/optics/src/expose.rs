//! From a scene to light on the sensor, and each pixel's truth: which rays are traced, and what is told from its neighbours.

use crate::camera::{BadShot, Exposed, Shot};
use crate::random::Draws;
use crate::scene::{Hit, Part, Scene};
use crate::shape::Shape;
use crate::space::Place;
use crate::surface::{Paint, Rgb, Surface};
use crate::trace::{Seen, Sight, glance, radiance};
use nightshift_core::image::{Image, Intrinsics};

/// Neighbours that differ by more than this share of their light get more rays.
const CONTRAST: f32 = 0.12;
/// A sample cannot be brighter than this many whites of the picture: a stray path does not leave a spark.
const BRIGHTEST: f32 = 30.0;
/// A second look through a pixel that differs from the first by less than this share ends the looking.
const ALIKE: f32 = 0.1;
/// What arrives at a surface is told from the pixels around where they differ by less than this share.
const EVEN: f32 = 0.04;

/// Things behind glass that are blurred by more than this are looked at through all of the lens, pixels.
const BLURRED_PX: f32 = 0.6;

/// A picture that is being taken.
struct Exposure<'a> {
    shot: &'a Shot,
    scene: &'a Scene,
    place: Place,
    width: usize,
    height: usize,
    light: Vec<Rgb>,
    seen: Vec<Seen>,
    cosines: Vec<f32>,
}

impl Shot {
    /// The whole picture.
    pub fn take(&self, scene: &Scene) -> Result<Exposed, Vec<BadShot>> {
        let faults = self.faults();
        if !faults.is_empty() {
            return Err(faults);
        }
        let Intrinsics { width, height, .. } = self.intrinsics;
        let count = width * height;
        let mut exposure = Exposure {
            shot: self,
            scene,
            place: Place::new(&self.map_from_camera),
            width,
            height,
            light: vec![Rgb::ZERO; count],
            seen: vec![Seen::default(); count],
            cosines: vec![0.0; count],
        };
        exposure.middles();
        if self.edge_samples > 0 {
            exposure.smooth();
        }
        let Exposure { light, seen, cosines, .. } = exposure;
        Ok(Exposed {
            light: Image { width, height, pixels: light },
            sights: Image { width, height, pixels: seen.into_iter().map(|seen| seen.sight).collect() },
            cosines,
        })
    }
}

impl Exposure<'_> {
    /// One look through each pixel's middle. Every second one of every second row is traced whole. What lies between such
    /// pixels of one even surface is looked at alone: its light is theirs.
    fn middles(&mut self) {
        for y in (0..self.height).step_by(2) {
            for x in (0..self.width).step_by(2) {
                self.middle(x, y, None);
            }
        }
        for y in 0..self.height {
            for x in (1 - y % 2..self.width).step_by(2 - y % 2) {
                let around = self.around(x, y);
                self.middle(x, y, around);
            }
        }
    }

    /// What arrives at the surface about a pixel between those that were traced whole, where it is even; and that surface.
    fn around(&self, x: usize, y: usize) -> Option<(Rgb, Seen)> {
        let (left, right) = (x - x % 2, x + x % 2);
        let (above, below) = (y - y % 2, y + y % 2);
        if right >= self.width || below >= self.height {
            return None;
        }
        let corners = [(left, above), (right, above), (left, below), (right, below)];
        let corners = corners.map(|(x, y)| &self.seen[y * self.width + x]);
        let first = corners[0].arriving?;
        let (mut sum, mut least, mut most) = (Rgb::ZERO, first, first);
        for corner in corners {
            let arriving = corner.arriving?;
            if corner.sight.body != corners[0].sight.body || corner.part != corners[0].part {
                return None;
            }
            (sum, least, most) = (sum + arriving, least.min(arriving), most.max(arriving));
        }
        ((most - least).max_element() <= EVEN * most.max_element()).then(|| (sum * 0.25, *corners[0]))
    }

    fn middle(&mut self, x: usize, y: usize, around: Option<(Rgb, Seen)>) {
        let index = y * self.width + x;
        let (ray, cosine) = self.shot.ray(&self.place, x as f32, y as f32);
        let mut seen = Seen::default();
        let told = around.and_then(|(arriving, like)| {
            let hit = self.scene.nearest(&ray, f32::INFINITY).filter(|hit| is_like(hit, &like))?;
            glance(self.scene, &ray, &hit, arriving, &mut seen)
        });
        let light = told.unwrap_or_else(|| {
            let mut draws = Draws::new(self.shot.seed, self.shot.frame, index as u64);
            radiance(self.scene, ray, &mut draws, Some(&mut seen))
        });
        self.light[index] = light.min(Rgb::splat(BRIGHTEST));
        self.seen[index] = seen;
        self.cosines[index] = cosine;
    }

    /// More looks through pixels that differ from a neighbour.
    fn smooth(&mut self) {
        let (width, height) = (self.width, self.height);
        let mut rough = vec![Edge::None; self.light.len()];
        for y in 0..height {
            for x in 0..width {
                let index = y * width + x;
                for other in [(x + 1 < width).then_some(index + 1), (y + 1 < height).then_some(index + width)]
                    .into_iter()
                    .flatten()
                {
                    let edge =
                        edge((self.light[index], &self.seen[index]), (self.light[other], &self.seen[other]));
                    rough[index] = rough[index].max(edge);
                    rough[other] = rough[other].max(edge);
                }
            }
        }
        for (index, edge) in rough.into_iter().enumerate() {
            if self.blurred_behind(index) {
                self.light[index] = self.out_of_focus(index);
                continue;
            }
            let light = match edge {
                Edge::None => continue,
                Edge::Light => self.painted(index),
                Edge::Thing => self.printed(index),
            };
            // A half shadow and brushed metal are even in the mean alone: like looks at them do not tell that there is no edge.
            let settles = edge == Edge::Thing || self.seen[index].sight.clear;
            self.light[index] = light.unwrap_or_else(|| self.sampled(index, settles));
        }
    }

    /// Whether what is seen through glass at a pixel is out of focus.
    fn blurred_behind(&self, index: usize) -> bool {
        let sight = &self.seen[index].sight;
        let depth_m = sight.opaque_t.map_or(f32::INFINITY, |t| t * self.cosines[index]);
        sight.clear && self.shot.lens.blur_px(depth_m, self.shot.intrinsics.fx) > BLURRED_PX
    }

    /// The mean of several rays through a pixel and all of the lens.
    fn out_of_focus(&self, index: usize) -> Rgb {
        let mut draws = Draws::new(self.shot.seed, self.shot.frame ^ (1 << 63), index as u64);
        let (x, y) = ((index % self.width) as f32, (index / self.width) as f32);
        let count = self.shot.edge_samples;
        let mut total = Rgb::ZERO;
        for sample in 0..count {
            let dx = (sample as f32 + draws.unit()) / count as f32 - 0.5;
            let dy = draws.unit() - 0.5;
            // As many sectors of the lens as rays.
            let (sin, cos) =
                (std::f32::consts::TAU * (sample as f32 + draws.unit()) / count as f32).sin_cos();
            let way = draws.unit().sqrt();
            let ray = self.shot.ray_through(&self.place, x + dx, y + dy, [way * cos, way * sin]);
            total += radiance(self.scene, ray, &mut draws, None).min(Rgb::splat(BRIGHTEST));
        }
        total / count as f32
    }

    /// The mean of several rays through a pixel; of two alike ones where that settles it.
    fn sampled(&self, index: usize, settles: bool) -> Rgb {
        let mut draws = Draws::new(self.shot.seed, self.shot.frame ^ (1 << 63), index as u64);
        let (x, y) = ((index % self.width) as f32, (index / self.width) as f32);
        let count = self.shot.edge_samples;
        let own = self.light[index];
        let mut total = own;
        for sample in 0..count {
            // Strata along the rows keep edges smooth with few rays.
            let dx = (sample as f32 + draws.unit()) / count as f32 - 0.5;
            let dy = draws.unit() - 0.5;
            let (ray, _) = self.shot.ray(&self.place, x + dx, y + dy);
            let light = radiance(self.scene, ray, &mut draws, None).min(Rgb::splat(BRIGHTEST));
            total += light;
            // Where the middle and a place a third of the pixel away look alike, there is no edge to be smoothed.
            if settles
                && sample == 0
                && (light - own).abs().max_element() <= ALIKE * own.max(light).max_element()
            {
                return total * 0.5;
            }
        }
        total / (count + 1) as f32
    }

    /// The light of a pixel that shows a painted surface and nothing else: its paint's mean under the light of its middle.
    fn painted(&self, index: usize) -> Option<Rgb> {
        let seen = &self.seen[index];
        let (arriving, body) =
            (seen.arriving.filter(|_| self.scene.projector.is_none())?, &self.scene.bodies[seen.sight.body?]);
        let Part { shape, surface: Surface::Matt(paint), .. } = body.parts.get(seen.part as usize)? else {
            return None;
        };
        let count = match paint {
            Paint::Plain(_) => return None,
            Paint::Chart(_) => self.shot.print_raster,
            Paint::Pattern(_) => 2,
        };
        let (x, y) = ((index % self.width) as f32, (index / self.width) as f32);
        let offset = |n: u32| (n as f32 + 0.5) / count as f32 - 0.5;
        let mut sum = Rgb::ZERO;
        for n in 0..count * count {
            let (ray, _) = self.shot.ray(&self.place, x + offset(n % count), y + offset(n / count));
            let local = body.place.ray_back(&ray);
            // Beside it there is something else: more rays will tell.
            let meeting = shape.meet(&local, f32::INFINITY)?;
            sum += paint.at(local.at(meeting.t), meeting.uv);
        }
        (count > 0).then(|| arriving * sum / (count * count) as f32)
    }

    /// The same of print on a flat face, at its edges too: fiducials lie where they are to a part of a pixel.
    fn printed(&self, index: usize) -> Option<Rgb> {
        let body = &self.scene.bodies[self.seen[index].sight.body?];
        let [Part { shape: Shape::Quad(_), surface: Surface::Matt(Paint::Chart(_)), .. }] = &body.parts[..]
        else {
            return None;
        };
        self.painted(index)
    }
}

/// Whether a hit is on the surface that was seen.
fn is_like(hit: &Hit<'_>, seen: &Seen) -> bool {
    seen.sight.body == Some(hit.body) && hit.part == seen.part
}

/// What makes two neighbours differ.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Edge {
    None,
    /// Light or paint of the same surface.
    Light,
    /// They show different things.
    Thing,
}

fn edge((a, seen_a): (Rgb, &Seen), (b, seen_b): (Rgb, &Seen)) -> Edge {
    let (sa, sb): (&Sight, &Sight) = (&seen_a.sight, &seen_b.sight);
    if sa.body != sb.body || sa.kind != sb.kind || sa.content != sb.content {
        return Edge::Thing;
    }
    let (a, b) = (a.element_sum(), b.element_sum());
    if (a - b).abs() <= CONTRAST * a.max(b) + 0.01 {
        Edge::None
    } else if seen_a.part == seen_b.part {
        Edge::Light
    } else {
        Edge::Thing
    }
}
