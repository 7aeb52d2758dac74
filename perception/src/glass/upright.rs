//! The front of a thing that stands, and of what does not.

use super::body::{EDGE_PX, Look, View, body, foot_sigma};
use super::{Doubt, Front, FrontPixel, Outline, Stand, Support, ray, support};
use nalgebra::{Matrix2, Vector2};
use nightshift_core::image::{Depth, Image, Intrinsics};

/// Pixels in an outline that tell foot and width.
const LEAST_PIXELS: usize = 60;
/// Roughest support to grasp over: of points that only noise puts beside a plane, and that count up to 2.5 standard deviations, it is 0.95.
const ROUGH: f64 = 1.2;
/// Standard deviation of the foot's place that still can be grasped by, metres.
const GRASP_M: f64 = 0.01;

/// Completes one thing.
pub(super) fn front(
    outline: &Outline,
    depth: &Image<Depth>,
    support: &Support,
    camera: &Intrinsics,
) -> Front {
    let piece = &outline.pixels;
    let mut doubts = Vec::new();
    let view = View::new(support, camera);
    let edge = |index: &usize| {
        let (x, y) = (index % camera.width, index / camera.width);
        x == 0 || y == 0 || x + 1 == camera.width || y + 1 == camera.height
    };
    if piece.iter().any(edge) {
        doubts.push(Doubt::CutOff);
    }
    if piece.len() < LEAST_PIXELS {
        doubts.push(Doubt::TooSmall);
    }
    if support.roughness > ROUGH {
        doubts.push(Doubt::RoughSupport);
    }
    let looks: Vec<Look> = piece.iter().map(|index| view.look(*index)).collect();
    let body = body(&looks, outline.mouth, &view, &mut doubts);
    let told = |pixels, stand, mut doubts: Vec<Doubt>| {
        doubts.sort_unstable();
        doubts.dedup();
        Front { pixels, stand, do_not_grasp: doubts }
    };
    let Some(body) = body.filter(|body| !body.lies) else {
        doubts.push(Doubt::NotUpright);
        return told(flat(&looks, &view), None, doubts);
    };
    if !foot_is_seen(&looks, &body, &view, depth, support) {
        doubts.push(Doubt::FootHidden);
    }
    let pixel_rad = EDGE_PX / camera.fx;
    let near_m = body.distance_m - body.radius(0.0);
    let foot_rise = view.height_m / near_m.max(0.01);
    let foot_m = foot_sigma(near_m, &view);
    let plane_m = support.rms_m / foot_rise.max(0.05);
    if foot_m.hypot(plane_m) > GRASP_M {
        doubts.push(Doubt::Unsure);
    }
    let pixels = looks.iter().map(|look| {
        let (way, mouth_m) = body.meets(look, view.height_m);
        let way = view.met(look).map_or(way, |floor| way.min(floor));
        let off = (look.azimuth - body.azimuth).sin() * body.distance_m;
        let radius = body.radius(view.height_m + look.rise * way).max(1e-4);
        // Near its edge a round thing falls away steeply.
        let across = (1.0 - (off / radius).powi(2)).max(0.04).sqrt();
        let steep_m = body.distance_m * pixel_rad / across;
        let sigma_m =
            (foot_m.powi(2) + plane_m.powi(2) + steep_m.powi(2) + mouth_m.powi(2) + (0.1 * radius).powi(2))
                .sqrt();
        FrontPixel { index: look.index, depth_m: way / look.level, sigma_m: sigma_m / look.level }
    });
    let way = view.ahead * body.azimuth.cos() + view.aside * body.azimuth.sin();
    let stand = Stand {
        foot: (way * body.distance_m - view.up * view.height_m).into(),
        sigma_m: [foot_m.hypot(plane_m), body.distance_m * pixel_rad],
        radius_m: body.radius(0.0),
        height_m: body.top_m,
    };
    told(pixels.collect(), Some(stand), doubts)
}

/// The front of what does not stand, or whose height is not seen: about half as high over the plane as it is thick.
fn flat(looks: &[Look], view: &View) -> Vec<FrontPixel> {
    let shadow: Vec<Vector2<f64>> = looks
        .iter()
        .filter_map(|look| {
            view.met(look).map(|met| Vector2::new(look.azimuth.cos(), look.azimuth.sin()) * met)
        })
        .collect();
    if shadow.len() < 3 {
        return Vec::new();
    }
    let mean = shadow.iter().sum::<Vector2<f64>>() / shadow.len() as f64;
    let spread: Matrix2<f64> = shadow.iter().map(|p| (p - mean) * (p - mean).transpose()).sum();
    // Of a rectangle the width is the root of twelve times its standard deviation.
    let thick_m = (12.0 * spread.symmetric_eigenvalues().min().max(0.0) / shadow.len() as f64).sqrt();
    let over_m = (thick_m / 2.0).min(0.8 * view.height_m);
    // What rises over the horizon does not lie: no pixel is told to be farther than half again the nearest.
    let farthest_m = 1.5 * shadow.iter().map(|p| p.norm()).fold(f64::INFINITY, f64::min);
    let pixels = looks.iter().map(|look| {
        let met = view.met(look).unwrap_or(farthest_m).min(farthest_m);
        let way = met * (1.0 - over_m / view.height_m);
        FrontPixel { index: look.index, depth_m: way / look.level, sigma_m: (met - way) / look.level }
    });
    pixels.collect()
}

/// Whether the plane is measured right before the foot: else something stands there, or it stands on something else.
fn foot_is_seen(
    looks: &[Look],
    body: &super::body::Body,
    view: &View,
    depth: &Image<Depth>,
    support: &Support,
) -> bool {
    let near_m = body.distance_m - body.radius(0.0);
    let Some(foot) = looks
        .iter()
        .filter(|look| (look.azimuth - body.azimuth).abs() < 0.5 * (body.radius(0.0) / body.distance_m))
        .filter_map(|look| view.met(look).map(|met| ((met - near_m).abs(), look)))
        .min_by(|a, b| a.0.total_cmp(&b.0))
    else {
        return false;
    };
    let (width, height) = (depth.width as isize, depth.height as isize);
    let (x, y) = ((foot.1.index % depth.width) as isize, (foot.1.index / depth.width) as isize);
    let half = ((body.radius(0.0) / body.distance_m * view.camera.fx) as isize).max(2);
    let (mut on, mut off, mut all) = (0, 0, 0);
    for v in y + 2..y + 2 + half.max(6) {
        for u in x - half / 2..=x + half / 2 {
            if u < 0 || v < 0 || u >= width || v >= height {
                continue;
            }
            let index = (v * width + u) as usize;
            all += 1;
            if let Depth::Measured(metres) = depth.pixels[index] {
                let away = view.up.dot(&(ray(view.camera, index) * f64::from(metres))) - support.offset_m;
                if away.abs() < 0.002 + 2.5 * support::noise_m(f64::from(metres)) {
                    on += 1
                } else {
                    off += 1
                }
            }
        }
    }
    3 * on > all && on > 3 * off
}
