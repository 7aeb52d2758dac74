//! What is in a vessel, drawn from parameters.

use crate::pattern::{Kind, Pattern};
use crate::random::Draws;
use crate::shape::Shape;
use crate::space::V3;
use crate::surface::{Medium, Paint, Rgb, Surface, rgb};
use crate::vessel::{Layer, Level, Piece, Residue, Stuff, Vessel};
use nightshift_core::describe::Phase;

/// A layer as the truth tells it.
#[derive(Clone, Debug, PartialEq)]
pub struct Portion {
    pub phase: Phase,
    /// Of its upper face on the axis, metres over the foot.
    pub top_m: f32,
    /// As it looks in bulk; linear.
    pub colour: Rgb,
    /// Scattering, 1/m.
    pub turbidity: f32,
}

/// A content, ready to be put into a vessel.
#[derive(Clone, Debug, Default)]
pub struct Contents {
    pub layers: Vec<Layer>,
    pub pieces: Vec<Piece>,
    pub residue: Option<Residue>,
    pub phases: Vec<Phase>,
    /// From the bottom, as `layers`.
    pub portions: Vec<Portion>,
    pub stir_bar: bool,
}

/// Height that water climbs at a glass wall, near its capillary length.
const CLIMB_M: f32 = 0.0014;

/// A colour of many; `strong` is how deep.
fn hue(draws: &mut Draws) -> Rgb {
    let turn = draws.unit() * 6.0;
    let ramp = |shift: f32| (((turn + shift).rem_euclid(6.0) - 3.0).abs() - 1.0).clamp(0.0, 1.0);
    rgb(ramp(0.0), ramp(4.0), ramp(2.0))
}

fn solvent(draws: &mut Draws) -> f32 {
    draws.between(1.33, 1.5)
}

fn clear(draws: &mut Draws) -> (Medium, Rgb) {
    let tint = hue(draws) * draws.scale(0.05, 1.5);
    (Medium::clear(solvent(draws), tint), Rgb::splat(0.9))
}

fn coloured(draws: &mut Draws) -> (Medium, Rgb) {
    let colour = hue(draws);
    // What a colour lacks is absorbed: from a tint to ink.
    let strength = draws.scale(25.0, 900.0);
    let absorption = (Rgb::ONE - colour) * strength + Rgb::splat(strength * draws.between(0.0, 0.15));
    let bulk = (-absorption * 0.015).exp();
    (Medium::clear(solvent(draws), absorption), bulk)
}

fn milky(draws: &mut Draws) -> (Medium, Rgb) {
    let white = draws.chance(0.6);
    let milk = if white {
        rgb(0.88, 0.87, 0.84) * draws.between(0.75, 1.0)
    } else {
        (Rgb::splat(0.35) + hue(draws) * 0.55) * draws.between(0.5, 1.0)
    };
    let absorption = (Rgb::ONE - milk) * draws.scale(2.0, 60.0);
    let scatter = draws.scale(25.0, 1500.0);
    (Medium { index: solvent(draws), absorption, scatter, milk }, milk)
}

fn powder_colour(draws: &mut Draws) -> Rgb {
    match draws.weighed(&[5.0, 2.0, 2.0, 1.0]) {
        0 => rgb(0.9, 0.89, 0.86) * draws.between(0.75, 1.0),
        1 => rgb(0.75, 0.55, 0.25) * draws.between(0.4, 1.1),
        2 => (Rgb::splat(0.15) + hue(draws) * 0.7) * draws.between(0.4, 1.0),
        _ => Rgb::splat(draws.between(0.02, 0.15)),
    }
}

fn solid(draws: &mut Draws, granules: bool) -> (Stuff, Rgb) {
    let colour = powder_colour(draws);
    let seed = draws.seed() as u32;
    let (kind, size_m, bump) = if granules {
        (Kind::Cells, draws.scale(0.0009, 0.0035), 0.9)
    } else {
        (Kind::Cloud, draws.scale(0.0008, 0.004), draws.between(0.1, 0.5))
    };
    let low = if granules { colour * draws.between(0.15, 0.45) } else { colour * draws.between(0.72, 0.92) };
    let paint = Paint::pattern(Pattern { kind, low, high: colour, size_m, seed });
    (Stuff::Solid { paint, bump, grain_m: if granules { size_m * 0.5 } else { 0.0004 } }, colour)
}

/// A content with this main phase. `up` is the way up in the vessel's frame; `share` is how much of the body's height is
/// filled.
pub fn fill(
    vessel: &Vessel,
    body_top_m: f32,
    main: Phase,
    up: V3,
    share: f32,
    draws: &mut Draws,
) -> Contents {
    let floor = vessel.floor();
    let upright = up.z > 0.999;
    let mut contents = Contents { phases: vec![main], ..Contents::default() };
    let room = body_top_m - floor;
    let middle = V3::new(0.0, 0.0, floor + room * 0.5);
    // Aslant, the level is set by where it cuts the axis; lying, by its height over the wall.
    let level = |share: f32, bowl: f32, climb: f32| {
        let height_m = if up.z > 0.35 {
            up.dot(V3::new(0.0, 0.0, floor + room * share))
        } else {
            let r = vessel.inner_radius(middle.z);
            up.dot(middle) + r * (2.0 * share - 1.0)
        };
        Level {
            up,
            height_m,
            bowl: if upright { bowl } else { 0.0 },
            climb_m: if upright { climb } else { 0.0 },
        }
    };
    let add = |contents: &mut Contents, stuff: Stuff, phase: Phase, colour: Rgb, top: Level, share: f32| {
        let turbidity = if let Stuff::Fluid(medium) = &stuff { medium.scatter } else { 0.0 };
        contents.layers.push(Layer { stuff, top });
        contents.portions.push(Portion { phase, top_m: floor + room * share, colour, turbidity });
    };
    let liquid = |draws: &mut Draws| {
        if draws.chance(0.5) {
            (Phase::ClearLiquid, clear(draws))
        } else {
            (Phase::ColouredLiquid, coloured(draws))
        }
    };
    match main {
        Phase::Empty => {}
        Phase::ClearLiquid | Phase::ColouredLiquid => {
            let (medium, colour) = if main == Phase::ClearLiquid { clear(draws) } else { coloured(draws) };
            if share > 0.25 && draws.chance(0.3) {
                // Solids that have settled.
                let low = share * draws.between(0.1, 0.4);
                let (stuff, tone) = solid(draws, draws_granules(share));
                let bowl = heap(vessel, floor, draws);
                add(&mut contents, stuff, Phase::Powder, tone, level(low, bowl, 0.0), low);
                contents.phases.push(Phase::Powder);
            }
            add(&mut contents, Stuff::Fluid(medium), main, colour, level(share, 0.0, CLIMB_M), share);
        }
        Phase::TwoLayers => {
            let split = share * draws.between(0.25, 0.75);
            let (first, (medium, colour)) = liquid(draws);
            let (second, (other, tone)) = if first == Phase::ClearLiquid {
                (Phase::ColouredLiquid, coloured(draws))
            } else {
                liquid(draws)
            };
            let bowl = draws.between(-4.0, 4.0);
            add(&mut contents, Stuff::Fluid(medium), first, colour, level(split, bowl, 0.0), split);
            add(&mut contents, Stuff::Fluid(other), second, tone, level(share, 0.0, CLIMB_M), share);
            contents.phases.extend([first, second]);
        }
        Phase::Suspension => {
            let (medium, colour) = milky(draws);
            if draws.chance(0.3) && share > 0.3 {
                // Settling: a denser part below.
                let low = share * draws.between(0.2, 0.7);
                let dense = Medium { scatter: medium.scatter * draws.between(2.0, 6.0), ..medium };
                add(&mut contents, Stuff::Fluid(dense), main, colour, level(low, 0.0, 0.0), low);
                let thin = Medium { scatter: medium.scatter * draws.between(0.02, 0.3), ..medium };
                add(&mut contents, Stuff::Fluid(thin), main, colour, level(share, 0.0, CLIMB_M), share);
            } else {
                add(&mut contents, Stuff::Fluid(medium), main, colour, level(share, 0.0, CLIMB_M), share);
            }
        }
        Phase::Foam => {
            let low = share * draws.between(0.2, 0.8);
            let (kind, (mut medium, colour)) = liquid(draws);
            if draws.chance(0.3) {
                medium.scatter = draws.scale(10.0, 80.0);
                medium.milk = Rgb::splat(0.8);
            }
            add(&mut contents, Stuff::Fluid(medium), kind, colour, level(low, 0.0, 0.0), low);
            let stuff = Stuff::Foam {
                cell_m: draws.scale(0.0008, 0.004),
                cover: draws.between(0.55, 0.95),
                colour: rgb(0.9, 0.9, 0.89).lerp(colour, draws.between(0.0, 0.25)),
                seed: draws.seed() as u32,
            };
            let bowl = draws.between(-25.0, 15.0);
            add(&mut contents, stuff, main, Rgb::splat(0.85), level(share, bowl, 0.001), share);
            contents.phases.push(kind);
        }
        Phase::Gel => {
            let (mut medium, mut colour) = if draws.chance(0.5) { clear(draws) } else { coloured(draws) };
            if draws.chance(0.7) {
                medium.scatter = draws.scale(8.0, 150.0);
                medium.milk = Rgb::splat(0.85).lerp(colour, 0.5);
                colour = medium.milk;
            }
            medium.index = draws.between(1.35, 1.45);
            // A gel keeps a slant or a hump.
            let slant = V3::new(draws.normal() * 0.12, draws.normal() * 0.12, 1.0).normalize();
            let top = Level {
                up: if upright { slant } else { up },
                ..level(share, draws.between(-12.0, 12.0), 0.0002)
            };
            add(&mut contents, Stuff::Fluid(medium), main, colour, top, share);
            for _ in 0..draws.below(10) {
                let at = inside(vessel, floor, room * share * 0.9, draws);
                let bubble = Surface::Between { front: medium, back: crate::surface::AIR };
                let shape = Shape::Ball { centre: at, radius_m: draws.scale(0.0003, 0.0011) };
                contents.pieces.push(Piece { shape, surface: bubble, content: true });
            }
        }
        Phase::Powder | Phase::Granules => {
            let (stuff, colour) = solid(draws, main == Phase::Granules);
            let slant = V3::new(draws.normal() * 0.15, draws.normal() * 0.15, 1.0).normalize();
            let bowl = heap(vessel, floor, draws);
            let top = Level { up: if upright { slant } else { up }, ..level(share, bowl, 0.0) };
            add(&mut contents, stuff, main, colour, top, share);
            if draws.chance(0.3) {
                contents.residue = Some(dust(colour, floor + room * share, body_top_m, draws));
            }
        }
        Phase::SolidPiece => {
            if draws.chance(0.4) {
                let (kind, (medium, colour)) = liquid(draws);
                add(&mut contents, Stuff::Fluid(medium), kind, colour, level(share, 0.0, CLIMB_M), share);
                contents.phases.push(kind);
            }
            let colour = powder_colour(draws);
            for _ in 0..1 + draws.below(4) {
                let r = vessel.inner_radius(floor + 0.003).max(0.002);
                let radius_m = r * draws.between(0.12, 0.4);
                let way = (r - radius_m) * draws.unit().sqrt() * 0.9;
                let (sin, cos) = (draws.unit() * std::f32::consts::TAU).sin_cos();
                let centre = V3::new(way * cos, way * sin, floor + radius_m * 1.02);
                let lump = Pattern {
                    kind: Kind::Cloud,
                    low: colour * 0.6,
                    high: colour,
                    size_m: radius_m * 0.5,
                    seed: draws.seed() as u32,
                };
                let shape = if draws.chance(0.5) {
                    Shape::Ball { centre, radius_m }
                } else {
                    let turn = draws.unit() * std::f32::consts::PI;
                    let along = V3::new(turn.cos(), turn.sin(), 0.0) * radius_m * 0.6;
                    let thin = radius_m * 0.6;
                    let centre = V3::new(centre.x * 0.6, centre.y * 0.6, floor + thin * 1.02);
                    Shape::Rod { from: centre - along, to: centre + along, radius_m: thin }
                };
                let surface = Surface::Gloss { paint: Paint::pattern(lump), roughness: 0.4 };
                contents.pieces.push(Piece { shape, surface, content: true });
            }
        }
        Phase::Residue => {
            let colour = powder_colour(draws);
            contents.residue = Some(dust(colour, floor, body_top_m, draws));
        }
    }
    let wet = contents.layers.iter().any(|l| matches!(l.stuff, Stuff::Fluid(_)));
    if wet && upright && draws.chance(0.25) {
        let r = vessel.inner_radius(floor + 0.004);
        let half = (r * 0.55).min(0.008);
        let thin = half * 0.28;
        let turn = draws.unit() * std::f32::consts::PI;
        let along = V3::new(turn.cos(), turn.sin(), 0.0) * (half - thin);
        let middle = V3::new(0.0, 0.0, floor + thin * 1.05);
        contents.stir_bar = true;
        contents.pieces.push(Piece {
            shape: Shape::Rod { from: middle - along, to: middle + along, radius_m: thin },
            surface: Surface::Gloss { paint: Paint::Plain(Rgb::splat(0.85)), roughness: 0.2 },
            content: false,
        });
    }
    contents.phases.sort();
    contents.phases.dedup();
    contents
}

fn draws_granules(share: f32) -> bool {
    share > 0.8
}

fn dust(colour: Rgb, low: f32, high: f32, draws: &mut Draws) -> Residue {
    Residue {
        colour,
        z_m: [low, low + (high - low) * draws.between(0.2, 1.0)],
        cover: draws.between(0.25, 0.75),
        patch_m: draws.scale(0.0008, 0.006),
        seed: draws.seed() as u32,
    }
}

/// How much higher the middle of a powder is than its rim, as `Level::bowl`.
fn heap(vessel: &Vessel, floor: f32, draws: &mut Draws) -> f32 {
    let r = vessel.inner_radius(floor + 0.004).max(0.003);
    // Up to a slope of 30 degrees at the wall.
    draws.normal() * 0.25 * 0.5 / r
}

fn inside(vessel: &Vessel, floor: f32, height: f32, draws: &mut Draws) -> V3 {
    let z = floor + 0.002 + (height - 0.003).max(0.0) * draws.unit();
    let way = (vessel.inner_radius(z) - 0.0015).max(0.0) * draws.unit().sqrt();
    let (sin, cos) = (draws.unit() * std::f32::consts::TAU).sin_cos();
    V3::new(way * cos, way * sin, z)
}
