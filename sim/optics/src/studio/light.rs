//! Day, evening, and night with the robot's lamp alone; and the camera's film for it.

use super::Stage;
use super::placing::View;
use super::room::Bench;
use crate::film::{Film, Focus, Metering};
use crate::random::Draws;
use crate::scene::{Ambient, Body, Part};
use crate::shape::{Quad, Shape};
use crate::space::V3;
use crate::surface::{Rgb, Surface, rgb};
use nalgebra::Isometry3;

/// The light that a scene has.
pub(crate) struct Lit {
    pub ambient: Ambient,
    pub name: &'static str,
    /// The lamps' mean colour.
    tint: Rgb,
}

fn tint(draws: &mut Draws) -> Rgb {
    let warm = draws.between(-1.0, 1.0);
    rgb(1.0 + 0.18 * warm, 1.0, 1.0 - 0.25 * warm)
}

fn lamp(pose: &Isometry3<f64>, corner: V3, u: V3, v: V3, radiance: Rgb) -> Body {
    Body::new(pose, vec![Part::new(Shape::Quad(Quad::new(corner, u, v)), Surface::Lamp { radiance })])
}

/// Puts lamps into the room.
pub(crate) fn light(stage: &mut Stage, bench: &Bench, view: &View, draws: &mut Draws) -> Lit {
    let here = Isometry3::identity();
    let colour = tint(draws);
    match draws.weighed(&[6.0, 1.5, 1.5]) {
        0 => {
            for _ in 0..1 + draws.weighed(&[2.0, 3.0, 1.5]) {
                let (w, l) = (draws.between(0.1, 0.6), draws.between(0.4, 1.3));
                let (x, y) = (draws.between(-1.2, 1.2), draws.between(-1.2, 1.2));
                let (u, v) = if draws.chance(0.5) { (V3::Y * w, V3::X * l) } else { (V3::Y * l, V3::X * w) };
                let z = bench.ceiling_m - 0.02;
                let radiance = colour * draws.scale(4.0, 16.0) / (w * l).sqrt();
                stage.bodies.push(lamp(&here, V3::new(x, y, z) - (u + v) * 0.5, u, v, radiance));
            }
            if draws.chance(0.5) {
                // A window at a side.
                let (w, h) = (draws.between(0.6, 1.5), draws.between(0.6, 1.2));
                let side = if draws.chance(0.5) { 1.0 } else { -1.0 };
                let corner = V3::new(
                    draws.between(-1.0, 0.4),
                    side * 0.05 + if side > 0.0 { bench.high[1] } else { bench.low[1] },
                    draws.between(0.0, 0.4),
                );
                let (u, v) = if side > 0.0 { (V3::X * w, V3::Z * h) } else { (V3::Z * h, V3::X * w) };
                let radiance = rgb(0.9, 1.0, 1.12) * draws.scale(1.0, 9.0);
                stage.bodies.push(lamp(&here, corner, u, v, radiance));
            }
            let fill = colour * draws.scale(0.12, 0.7);
            let ambient = Ambient { above: fill, below: fill * draws.between(0.25, 0.8) };
            Lit { ambient, name: "day", tint: colour }
        }
        1 => {
            // One lamp near by, from a side.
            let size = draws.scale(0.04, 0.3);
            let angle = draws.turn();
            let at = V3::new(angle.cos(), angle.sin(), 0.0) * draws.between(0.3, 0.9)
                + V3::Z * draws.between(0.25, 0.9);
            let aim = (-at).normalize();
            let u = aim.cross(V3::Z).normalize_or(V3::X) * size;
            let v = aim.cross(u.normalize()) * size;
            let radiance = colour * draws.scale(0.4, 2.0) * at.length_squared() * 3.0 / (size * size);
            stage.bodies.push(lamp(&here, at - (u + v) * 0.5, u, v, radiance));
            let fill = colour * draws.scale(0.01, 0.15);
            Lit { ambient: Ambient { above: fill, below: fill * 0.5 }, name: "evening", tint: colour }
        }
        _ => {
            // The robot's lamp: 20 to 40 mm beside the lens.
            let size = draws.between(0.008, 0.03);
            let side = V3::new(draws.between(-0.05, 0.05), draws.between(0.02, 0.06), 0.002);
            let corner = side - V3::new(size, size, 0.0) * 0.5;
            let distance = view.distance_m;
            let radiance = colour * draws.scale(1.0, 3.0) * distance * distance * 3.0 / (size * size);
            stage.bodies.push(lamp(&view.shot.map_from_camera, corner, V3::X * size, V3::Y * size, radiance));
            let fill = colour * draws.scale(0.0005, 0.02);
            Lit { ambient: Ambient { above: fill, below: fill }, name: "night", tint: colour }
        }
    }
}

/// The camera for this light.
pub(crate) fn film(lit: &Lit, distance_m: f32, width: usize, seed: u64, draws: &mut Draws) -> Film {
    let night = lit.name == "night";
    let scale = width as f32 / 640.0;
    // White balance takes most of the lamps' colour out.
    let kept = draws.between(-0.3, 0.7);
    let gain = |channel: f32| channel.powf(kept - 1.0);
    let mean = if night || lit.name == "evening" { draws.scale(0.13, 0.5) } else { draws.between(0.33, 0.7) };
    let grain = draws.scale(0.001, if night { 0.016 } else { 0.006 });
    let angle = draws.turn();
    let shake = if draws.chance(0.12) { draws.between(0.5, 6.0) * scale } else { 0.0 };
    Film {
        exposure: Metering::Mean(mean),
        white_balance: [
            gain(lit.tint.x) * draws.between(0.94, 1.06),
            gain(lit.tint.z) * draws.between(0.94, 1.06),
        ],
        read_noise: grain,
        gain: draws.scale(0.2, if night { 8.0 } else { 2.5 }),
        softness_px: draws.between(0.3, 1.0) * if draws.chance(0.12) { 2.0 } else { 1.0 },
        shake_px: [shake * angle.cos(), shake * angle.sin()],
        focus: draws.chance(0.5).then(|| Focus {
            distance_m: distance_m * draws.between(0.85, 1.25),
            infinity_px: draws.scale(0.6, 6.0) * scale,
        }),
        vignette: draws.between(0.0, 0.35),
        contrast: draws.between(0.85, 1.25),
        saturation: draws.between(0.6, 1.2),
        sharpen: if draws.chance(0.5) { draws.between(0.0, 0.8) } else { 0.0 },
        seed,
    }
}
