//! Surfaces of the world around: benches, walls, boxes.

use crate::pattern::{Kind, Pattern};
use crate::random::Draws;
use crate::surface::{Paint, Rgb, Surface, rgb};

/// Any colour, from dull to strong.
pub fn colour(draws: &mut Draws) -> Rgb {
    let turn = draws.unit() * 6.0;
    let ramp = |shift: f32| (((turn + shift).rem_euclid(6.0) - 3.0).abs() - 1.0).clamp(0.0, 1.0);
    let pure = rgb(ramp(0.0), ramp(4.0), ramp(2.0));
    let grey = Rgb::splat(draws.unit());
    let mixed = grey.lerp(pure, draws.unit().powi(2) * 0.85);
    mixed * draws.scale(0.08, 0.85)
}

/// A dull light colour: walls, paper, plastic.
pub fn pale(draws: &mut Draws) -> Rgb {
    let tint = colour(draws);
    Rgb::splat(1.0).lerp(tint / tint.max_element().max(1e-3), draws.between(0.0, 0.15))
        * draws.between(0.5, 0.88)
}

pub fn pattern(kind: Kind, low: Rgb, high: Rgb, size_m: f32, draws: &mut Draws) -> Paint {
    Paint::pattern(Pattern { kind, low, high, size_m, seed: draws.seed() as u32 })
}

/// A bench's top.
pub fn bench(draws: &mut Draws) -> Surface {
    match draws.weighed(&[4.5, 2.2, 2.2, 1.0, 1.0, 0.8, 0.8, 0.8, 0.8, 0.8]) {
        // Black epoxy resin.
        0 => {
            let base = draws.scale(0.008, 0.05);
            let paint = pattern(
                Kind::Speckle,
                Rgb::splat(base),
                Rgb::splat(base * draws.between(1.2, 3.0)),
                draws.scale(0.0008, 0.003),
                draws,
            );
            Surface::Gloss { paint, roughness: draws.scale(0.12, 0.5) }
        }
        // White or grey laminate.
        1 => {
            let base = pale(draws);
            let paint = pattern(Kind::Cloud, base * 0.93, base, draws.scale(0.02, 0.3), draws);
            Surface::Gloss { paint, roughness: draws.scale(0.04, 0.5) }
        }
        // Wood, light or dark.
        2 => {
            let tone =
                rgb(0.62, 0.45, 0.28).lerp(rgb(0.5, 0.5, 0.46), draws.unit()) * draws.scale(0.12, 1.25);
            let depth = draws.between(0.55, 0.92);
            let paint = pattern(Kind::Wood, tone * depth, tone, draws.scale(0.004, 0.016), draws);
            Surface::Gloss { paint, roughness: draws.scale(0.08, 0.6) }
        }
        3 => {
            let tone = pale(draws) * draws.between(0.5, 1.0);
            let paint = pattern(
                Kind::Tiles { joint: draws.between(0.02, 0.06) },
                tone * draws.between(0.2, 0.8),
                tone,
                draws.scale(0.05, 0.2),
                draws,
            );
            Surface::Gloss { paint, roughness: draws.scale(0.03, 0.4) }
        }
        // Steel.
        4 => Surface::Metal {
            tint: Rgb::splat(draws.between(0.45, 0.7)),
            roughness: draws.between(0.12, 0.35),
        },
        // Granite, terrazzo.
        5 => {
            let (a, b) = (colour(draws), pale(draws));
            let paint = pattern(Kind::Chips, a * 0.4, b, draws.scale(0.003, 0.02), draws);
            Surface::Gloss { paint, roughness: draws.scale(0.05, 0.4) }
        }
        // Cloth.
        6 => {
            let tone = colour(draws);
            Surface::Matt(pattern(Kind::Weave, tone * 0.6, tone, draws.scale(0.0008, 0.004), draws))
        }
        // Mottled, of two colours.
        7 => {
            let (a, b) = (colour(draws), colour(draws));
            let paint = pattern(Kind::Cloud, a, b, draws.scale(0.01, 0.15), draws);
            if draws.chance(0.5) {
                Surface::Matt(paint)
            } else {
                Surface::Gloss { paint, roughness: draws.scale(0.05, 0.5) }
            }
        }
        // One colour, paper or paint.
        8 => {
            let tone = colour(draws);
            let paint = pattern(Kind::Speckle, tone, tone * 1.06, 0.0015, draws);
            Surface::Gloss { paint, roughness: draws.scale(0.05, 0.6) }
        }
        // Black cloth or foam.
        _ => {
            let base = Rgb::splat(draws.scale(0.003, 0.02));
            Surface::Matt(pattern(Kind::Speckle, base, base * 2.5, draws.scale(0.0006, 0.002), draws))
        }
    }
}

/// A wall.
pub fn wall(draws: &mut Draws) -> Surface {
    let tone = if draws.chance(0.8) { pale(draws) } else { colour(draws) };
    match draws.weighed(&[5.0, 1.5, 1.0, 0.7]) {
        0 => Surface::Matt(pattern(Kind::Cloud, tone * 0.94, tone, draws.scale(0.1, 1.0), draws)),
        1 => {
            let joint = draws.between(0.02, 0.07);
            let paint = pattern(
                Kind::Tiles { joint },
                tone * draws.between(0.3, 0.9),
                tone,
                draws.scale(0.08, 0.3),
                draws,
            );
            Surface::Gloss { paint, roughness: draws.scale(0.04, 0.4) }
        }
        2 => Surface::Matt(pattern(
            Kind::Stripes,
            tone * draws.between(0.5, 0.9),
            tone,
            draws.scale(0.01, 0.12),
            draws,
        )),
        _ => Surface::Matt(pattern(Kind::Speckle, tone * 0.85, tone, draws.scale(0.002, 0.01), draws)),
    }
}

/// The skin of any thing that stands about.
pub fn skin(draws: &mut Draws) -> Surface {
    let tone = if draws.chance(0.45) { pale(draws) } else { colour(draws) };
    match draws.weighed(&[4.0, 3.0, 1.0, 1.0, 0.8, 0.5]) {
        0 => Surface::Gloss { paint: Paint::Plain(tone), roughness: draws.scale(0.06, 0.6) },
        1 => Surface::Matt(pattern(Kind::Cloud, tone * 0.85, tone, draws.scale(0.01, 0.1), draws)),
        2 => {
            Surface::Metal { tint: Rgb::splat(draws.between(0.4, 0.75)), roughness: draws.between(0.04, 0.4) }
        }
        3 => {
            let other = colour(draws);
            let kind = *draws.pick(&[Kind::Stripes, Kind::Writing, Kind::Chips, Kind::Cells]);
            Surface::Matt(pattern(kind, other, tone, draws.scale(0.004, 0.03), draws))
        }
        4 => Surface::Matt(pattern(Kind::Speckle, tone * 0.7, tone, draws.scale(0.0006, 0.003), draws)),
        _ => {
            let brown = rgb(0.45, 0.32, 0.19) * draws.between(0.6, 1.2);
            Surface::Matt(pattern(Kind::Stripes, brown * 0.92, brown, 0.004, draws))
        }
    }
}

/// Paper with writing.
pub fn paper(draws: &mut Draws) -> Surface {
    let white = pale(draws).max(Rgb::splat(0.6));
    let ink = Rgb::splat(draws.scale(0.02, 0.3));
    if draws.chance(0.3) {
        return Surface::Matt(pattern(Kind::Cloud, white * 0.97, white, 0.05, draws));
    }
    Surface::Matt(pattern(Kind::Writing, ink, white, draws.scale(0.003, 0.009), draws))
}
