//! A thing that stands, as a surface of revolution about an upright axis, out of its outline.
//!
//! Seen from a camera at a height over the plane, a ray is told by its azimuth about the vertical through the camera and by its rise, the
//! height that it gains a metre of level way. A circle of radius r about an axis at the level distance D is seen within asin(r / D) of the
//! axis' azimuth, whatever its height, and its nearest point on the plane is at D - r.

use super::{Doubt, Mouth, Support, ray};
use nalgebra::Vector3;
use nightshift_core::image::Intrinsics;

/// The share of an outline's pixels that may be its ragged edge.
const RAGGED: f64 = 0.01;
/// Half of a thing's width, radians, from which on it is seen from above: the camera is nearly over it.
const WIDE_RAD: f64 = 0.6;
/// What an outline's edge is good to, pixels (standard deviation).
pub(super) const EDGE_PX: f64 = 1.0;
/// From this fall of the line of sight on a thing is seen from above, and its height is not told: 60 degrees.
const STEEP_RAD: f64 = 60.0 / 180.0 * std::f64::consts::PI;
/// Radius of a foot's rounded edge, share of the foot's radius: of glassware, an eighth.
const ROUNDED: f64 = 0.125;
/// How much the near edge of a foot may differ from a circle's, share of its radius: that of a thing that lies is straight.
const BENT: f64 = 0.12;
/// Steps of a thing's height in which its width is told.
const STEPS: usize = 48;

/// A pixel's ray by azimuth and rise.
#[derive(Clone, Copy)]
pub(super) struct Look {
    pub index: usize,
    pub azimuth: f64,
    /// Height gained a metre of level way.
    pub rise: f64,
    /// Level way a metre along the optical axis.
    pub level: f64,
}

/// The camera over the plane.
pub(super) struct View<'a> {
    pub camera: &'a Intrinsics,
    pub up: Vector3<f64>,
    pub ahead: Vector3<f64>,
    pub aside: Vector3<f64>,
    /// Of the camera over the plane, metres.
    pub height_m: f64,
}

impl<'a> View<'a> {
    pub fn new(support: &Support, camera: &'a Intrinsics) -> Self {
        let up = support.up.into_inner();
        // Straight down, any way is ahead.
        let ahead = (Vector3::z() - up * up.z).try_normalize(1e-3).unwrap_or_else(Vector3::y);
        Self { camera, up, ahead, aside: up.cross(&ahead), height_m: -support.offset_m }
    }

    pub fn look(&self, index: usize) -> Look {
        let ray = ray(self.camera, index);
        let (x, y) = (self.ahead.dot(&ray), self.aside.dot(&ray));
        let level = x.hypot(y).max(1e-9);
        Look { index, azimuth: y.atan2(x), rise: self.up.dot(&ray) / level, level }
    }

    /// The level way to where a ray meets the plane.
    pub fn met(&self, look: &Look) -> Option<f64> {
        (look.rise < -1e-6).then(|| -self.height_m / look.rise)
    }
}

/// A thing's axis and width.
pub(super) struct Body {
    pub azimuth: f64,
    pub distance_m: f64,
    /// Radii from the foot up, in even steps.
    radii_m: Vec<f64>,
    step_m: f64,
    pub top_m: f64,
    mouth: Mouth,
    /// It leans, or is wider than high.
    pub lies: bool,
}

impl Body {
    pub fn radius(&self, height_m: f64) -> f64 {
        let at = (height_m / self.step_m - 0.5).clamp(0.0, (self.radii_m.len() - 1) as f64);
        let (low, share) = (at as usize, at.fract());
        let high = (low + 1).min(self.radii_m.len() - 1);
        self.radii_m[low] * (1.0 - share) + self.radii_m[high] * share
    }

    /// The level way at which a ray first meets it, and how far off that may be by what is not known of its mouth.
    pub fn meets(&self, look: &Look, camera_m: f64) -> (f64, f64) {
        let off = look.azimuth - self.azimuth;
        let (middle, aside) = (self.distance_m * off.cos(), self.distance_m * off.sin());
        let mut way = middle;
        let mut half = 0.0;
        for _ in 0..5 {
            let radius = self.radius(camera_m + look.rise * way);
            half = (radius * radius - aside * aside).max(0.0).sqrt();
            way = middle - half;
        }
        // Over the rim of its front lies what closes it, or its far side's inner wall.
        if camera_m + look.rise * way <= self.top_m || look.rise >= 0.0 {
            return (way, 0.0);
        }
        let closed = ((self.top_m - camera_m) / look.rise).clamp(way, middle + half);
        let open = (middle + half).max(closed);
        match self.mouth {
            Mouth::Closed => (closed, 0.0),
            Mouth::Open => (open, half / 3.0),
            Mouth::Unknown => ((closed + open) / 2.0, (open - closed) / 2.0),
        }
    }
}

fn at_share(values: &mut [f64], share: f64) -> f64 {
    let place = (((values.len() - 1) as f64) * share).round() as usize;
    *values.select_nth_unstable_by(place, f64::total_cmp).1
}

/// Middle and half of the azimuths of some looks, ragged edges apart.
fn spread(looks: &[Look]) -> Option<(f64, f64)> {
    let mut azimuths: Vec<f64> = looks.iter().map(|look| look.azimuth).collect();
    if azimuths.is_empty() {
        return None;
    }
    let (low, high) = (at_share(&mut azimuths, RAGGED / 2.0), at_share(&mut azimuths, 1.0 - RAGGED / 2.0));
    Some(((low + high) / 2.0, (high - low) / 2.0))
}

/// Bins of azimuth in which the edge of the foot is looked for, and the share of the thing's width that they take.
const BINS: usize = 15;
const MIDDLE: f64 = 0.75;

/// The near edge of an outline on the plane, by azimuth: the offset from its middle and the level way to where the ray through its edge
/// meets the plane.
fn near_edge(looks: &[Look], azimuth: f64, half: f64, view: &View) -> Vec<(f64, f64)> {
    let mut edge = vec![None::<&Look>; BINS];
    for look in looks {
        let place = ((look.azimuth - azimuth) / (MIDDLE * half) + 1.0) / 2.0 * BINS as f64;
        if (0.0..BINS as f64).contains(&place) {
            let lowest = &mut edge[place as usize];
            if lowest.is_none_or(|lowest| look.rise < lowest.rise) {
                *lowest = Some(look);
            }
        }
    }
    // The edge of a pixel is half a pixel beyond its middle.
    let beyond = |rise: f64| rise - 0.5 * (1.0 + rise * rise) / view.camera.fy;
    edge.into_iter()
        .flatten()
        .filter(|look| look.rise < -1e-6)
        .map(|look| (look.azimuth - azimuth, -view.height_m / beyond(look.rise)))
        .collect()
}

/// Widths by height: at each step the least and the greatest azimuth.
fn ends(looks: &[Look], azimuth: f64, distance_m: f64, reach_m: f64, view: &View) -> Vec<Option<(f64, f64)>> {
    let mut ends = vec![None::<(f64, f64)>; STEPS];
    for look in looks {
        let at = height(look, azimuth, distance_m, view) / reach_m * STEPS as f64;
        if at >= 0.0 {
            let end = &mut ends[(at as usize).min(STEPS - 1)];
            let (low, high) = end.unwrap_or((look.azimuth, look.azimuth));
            *end = Some((low.min(look.azimuth), high.max(look.azimuth)));
        }
    }
    ends
}

/// Height of a ray over the plane where it passes beside the axis.
fn height(look: &Look, azimuth: f64, distance_m: f64, view: &View) -> f64 {
    // The cosine's series: 1e-4 off at 0.6 rad, and this is asked of each pixel many times.
    let square = (look.azimuth - azimuth).powi(2);
    view.height_m + look.rise * distance_m * (1.0 - square / 2.0 + square * square / 24.0)
}

/// How far the foot moves where its edge is off by a standard deviation, metres: of h / rise, for a turn of the ray.
pub(super) fn foot_sigma(near_m: f64, view: &View) -> f64 {
    let rise = view.height_m / near_m.max(0.01);
    view.height_m / rise.powi(2) * (1.0 + rise.powi(2)) * EDGE_PX / view.camera.fy
}

fn median(values: &mut [f64]) -> Option<f64> {
    (!values.is_empty()).then(|| at_share(values, 0.5))
}

pub(super) fn body(looks: &[Look], mouth: Mouth, view: &View, doubts: &mut Vec<Doubt>) -> Option<Body> {
    let (mut azimuth, mut half) = spread(looks)?;
    if half > WIDE_RAD || half < 0.5 / view.camera.fx {
        return None;
    }
    let mut met: Vec<f64> = looks.iter().filter_map(|look| view.met(look)).collect();
    let mut distance_m = median(&mut met)?;
    let (mut reach_m, mut widths, mut radius_m) = (0.0, Vec::new(), 0.0);
    // How much farther the axis seems by the sides of the near edge than by its middle.
    let mut bent_m: f64 = 0.0;
    for _ in 0..6 {
        // The foot's radius: the greatest of the lowest fifth.
        let mut heights: Vec<f64> =
            looks.iter().map(|look| height(look, azimuth, distance_m, view)).collect();
        reach_m = at_share(&mut heights, 1.0 - RAGGED / 4.0).max(1e-3);
        widths = ends(looks, azimuth, distance_m, reach_m, view);
        let low: Vec<(f64, f64)> = widths[..STEPS / 5].iter().flatten().copied().collect();
        let widest = low.into_iter().max_by(|a, b| (a.1 - a.0).total_cmp(&(b.1 - b.0)))?;
        azimuth = (widest.0 + widest.1) / 2.0;
        half = (widest.1 - widest.0) / 2.0 + 0.5 / view.camera.fx;
        radius_m = distance_m * half.sin();
        // Where the axis would be by each place of the near edge.
        let mut axes: Vec<f64> = near_edge(looks, azimuth, half, view)
            .iter()
            .map(|(off, met)| {
                // met = D cos(off) - sqrt(r^2 - D^2 sin(off)^2) with r = D sin(half).
                met / (off.cos() - (half.sin().powi(2) - off.sin().powi(2)).max(0.0).sqrt())
            })
            .collect();
        let (outer, inner) = (axes.len() / 4, axes.len() / 3);
        if axes.len() >= 8 {
            let mean = |some: &[f64]| some.iter().sum::<f64>() / some.len() as f64;
            let sides = (mean(&axes[..outer]) + mean(&axes[axes.len() - outer..])) / 2.0;
            bent_m = sides - mean(&axes[inner..axes.len() - inner]);
        }
        distance_m = median(&mut axes)?;
    }
    let foot_m = foot_sigma(distance_m - radius_m, view);
    if bent_m.abs() > BENT * radius_m + foot_m / 2.0 {
        doubts.push(Doubt::NotUpright);
    }
    // The lowest that is seen of a rounded foot stands over the plane, and its ray meets the plane beyond it: a circle of radius p whose
    // tangent falls at the angle a meets its plane p tan(a / 2) before its middle, where a sharp edge is p before it.
    let fall = (view.height_m / (distance_m - radius_m).max(0.01)).atan();
    distance_m -= ROUNDED * radius_m * (1.0 - (fall / 2.0).tan());
    if fall > STEEP_RAD {
        doubts.push(Doubt::NotUpright);
    }
    let step_m = reach_m / STEPS as f64;
    let beside = 0.5 / view.camera.fx;
    let mut radii_m: Vec<f64> = Vec::with_capacity(STEPS);
    for width in &widths {
        let told = width.map(|(low, high)| distance_m * ((high - low) / 2.0 + beside).sin());
        radii_m.push(told.or(radii_m.last().copied()).unwrap_or(radius_m));
    }
    // Lower steps are the front of the foot, which is narrower than the foot.
    for radius in radii_m.iter_mut().take(2) {
        *radius = radius.max(radius_m);
    }
    // The highest that is seen is the far side of its rim.
    let mut rises: Vec<f64> = looks.iter().map(|look| look.rise).collect();
    let rise = at_share(&mut rises, 1.0 - RAGGED / 4.0);
    let rim = radii_m[STEPS * 3 / 4];
    let top_m = (reach_m + rise.min(0.0) * rim).max(0.3 * reach_m);
    // It leans where its lower and its upper part are not one above the other.
    let middle = |from: f64, to: f64| {
        let part = &widths[(from * STEPS as f64) as usize..(to * STEPS as f64) as usize];
        let mut middles: Vec<f64> = part.iter().flatten().map(|(low, high)| (low + high) / 2.0).collect();
        median(&mut middles)
    };
    let (lower, upper) = (middle(0.1, 0.4)?, middle(0.6, 0.9)?);
    let leans = (lower - upper).abs() > 0.12 * (reach_m / distance_m) + 2.0 / view.camera.fx;
    let lies = leans || bent_m < -(BENT * radius_m + foot_m / 2.0) && reach_m < 2.0 * radius_m;
    if lies {
        doubts.push(Doubt::NotUpright);
    }
    Some(Body { azimuth, distance_m, radii_m, step_m, top_m, mouth, lies })
}
