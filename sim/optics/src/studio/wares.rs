//! Lab ware drawn from a seed: no two alike.

use super::{Category, Filling, stuff};
use crate::random::Draws;
use crate::space::V3;
use crate::surface::{AMBER, Chart, GLASS, Medium, Paint, Rgb, Surface, rgb};
use crate::ware::{Cap, CapKind, Contents, Form, Glassware, Marks, Phase, Plate, Slide, fill};
use font8x8::UnicodeFonts;
use std::sync::Arc;

/// Radius and height of bodies that are sold, metres: shell and screw vials, and bottles; they are varied a little.
const VIALS: [[f32; 2]; 8] = [
    [0.0058, 0.032],
    [0.0075, 0.045],
    [0.0105, 0.045],
    [0.0115, 0.060],
    [0.0138, 0.058],
    [0.0138, 0.072],
    [0.0155, 0.095],
    [0.0225, 0.070],
];

/// A kind of glass for one vessel.
fn glass(draws: &mut Draws, amber: f32) -> (Medium, &'static str) {
    if draws.chance(amber) {
        let depth = draws.between(0.5, 1.3);
        (Medium { absorption: AMBER.absorption * depth, ..AMBER }, "amber")
    } else {
        let tint = GLASS.absorption * draws.scale(0.3, 6.0);
        (Medium { index: draws.between(1.46, 1.53), absorption: tint, ..GLASS }, "clear")
    }
}

fn plastic(draws: &mut Draws) -> (Medium, &'static str) {
    let scatter = draws.scale(30.0, 500.0);
    let medium = Medium { index: 1.49, absorption: Rgb::splat(3.0), scatter, milk: rgb(0.86, 0.87, 0.88) };
    (medium, "plastic")
}

fn cap_colour(draws: &mut Draws) -> Rgb {
    match draws.weighed(&[4.0, 2.5, 1.5, 2.0]) {
        0 => Rgb::splat(draws.between(0.7, 0.88)),
        1 => Rgb::splat(draws.scale(0.01, 0.06)),
        2 => rgb(0.03, 0.12, 0.45) * draws.between(0.6, 1.6),
        _ => stuff::colour(draws),
    }
}

fn cap(draws: &mut Draws, kind: CapKind) -> Cap {
    let septum = (kind == CapKind::Crimp || draws.chance(0.2)).then(|| stuff::colour(draws));
    Cap { kind, colour: cap_colour(draws), septum }
}

/// Printed text as cells.
pub fn text(words: &[String], light: Rgb, dark: Rgb) -> Chart {
    let columns = words.iter().map(|w| w.len() * 8 + 4).max().unwrap_or(8);
    let mut cells = vec![false; columns * (words.len() * 10 + 2)];
    for (row, word) in words.iter().enumerate() {
        for (place, letter) in word.chars().enumerate() {
            let Some(glyph) = font8x8::BASIC_FONTS.get(letter) else { continue };
            for (y, bits) in glyph.iter().enumerate() {
                for x in (0..8).filter(|x| bits >> x & 1 == 1) {
                    cells[(row * 10 + 2 + y) * columns + 2 + place * 8 + x] = true;
                }
            }
        }
    }
    Chart { columns, dark: cells, light_colour: light, dark_colour: dark }
}

fn word(draws: &mut Draws, length: usize) -> String {
    (0..length).map(|_| *draws.pick(b"ABCDEFGHKLMNPRSTUVXYZ0123456789-") as char).collect()
}

/// Lines of a graduation with numbers, as cells.
fn graduation(draws: &mut Draws) -> Chart {
    let (columns, rows) = (40, 24 * (3 + draws.below(5)));
    let mut dark = vec![false; columns * rows];
    for row in (4..rows - 2).step_by(8) {
        let long = row % 24 < 8;
        for x in 0..if long { 20 } else { 11 } {
            dark[row * columns + x] = true;
            dark[(row + 1) * columns + x] = true;
        }
        if long {
            let number = text(&[format!("{}", (rows - row) * 2)], Rgb::ONE, Rgb::ZERO);
            for (index, _) in number.dark.iter().enumerate().filter(|(_, ink)| **ink) {
                let (x, y) = (index % number.columns + 21, index / number.columns + row);
                if x < columns && y >= 6 && y - 6 < rows {
                    dark[(y - 6) * columns + x] = true;
                }
            }
        }
    }
    Chart { columns, dark, light_colour: Rgb::ONE, dark_colour: Rgb::splat(0.85) }
}

/// Labels, graduations, a writing field.
fn marks(ware: &Glassware, draws: &mut Draws) -> Vec<Marks> {
    let mut marks = Vec::new();
    let top = ware.body_top_m();
    let around = || std::f32::consts::TAU;
    let round = matches!(ware.form, Form::Vial | Form::Bottle | Form::Beaker | Form::Cartridge);
    if !round {
        return marks;
    }
    let printed = match ware.form {
        Form::Beaker => 0.8,
        Form::Bottle | Form::Cartridge => 0.4,
        _ => 0.06,
    };
    if draws.chance(printed) {
        let colour = if draws.chance(0.8) { Rgb::splat(0.8) } else { rgb(0.1, 0.15, 0.45) };
        let span = (0.02 / ware.radius_m).clamp(0.4, 1.2);
        marks.push(Marks {
            z_m: [0.15 * top, 0.8 * top],
            angle: draws.unit() * around(),
            span,
            print: Some(Arc::new(graduation(draws))),
            bare: true,
            colour,
        });
        if draws.chance(0.5) {
            marks.push(Marks {
                z_m: [0.35 * top, 0.55 * top],
                angle: marks[0].angle + span + 0.4,
                span: span * 0.8,
                print: None,
                bare: false,
                colour,
            });
        }
    }
    let labelled = match ware.form {
        Form::Bottle => 0.6,
        Form::Vial => 0.3,
        _ => 0.08,
    };
    if draws.chance(labelled) {
        let paper = stuff::pale(draws).max(Rgb::splat(0.6));
        let ink = if draws.chance(0.8) { Rgb::splat(0.03) } else { stuff::colour(draws) * 0.4 };
        let lines: Vec<String> = (0..1 + draws.below(4))
            .map(|_| {
                let length = 3 + draws.below(9);
                word(draws, length)
            })
            .collect();
        let low = draws.between(0.08, 0.45);
        let high = low + draws.between(0.2, 0.5);
        marks.push(Marks {
            z_m: [low * top, high.min(0.95) * top],
            angle: draws.unit() * around(),
            span: draws.between(0.9, 4.5),
            print: Some(Arc::new(text(&lines, paper, ink))),
            bare: false,
            colour: paper,
        });
    }
    marks
}

/// A vessel of a category that is a vessel, and the name of its glass.
pub fn vessel(category: Category, draws: &mut Draws) -> (Glassware, &'static str) {
    let vary = |draws: &mut Draws, x: f32| x * draws.between(0.92, 1.08);
    let (glass, name) = match category {
        Category::VialOpen | Category::VialCapped => glass(draws, 0.2),
        Category::Bottle => {
            if draws.chance(0.12) {
                plastic(draws)
            } else {
                glass(draws, 0.3)
            }
        }
        Category::Cartridge => {
            if draws.chance(0.7) {
                plastic(draws)
            } else {
                glass(draws, 0.0)
            }
        }
        Category::TestTube if draws.chance(0.2) => plastic(draws),
        _ => glass(draws, 0.02),
    };
    let mut ware = Glassware {
        form: Form::Vial,
        radius_m: 0.014,
        height_m: 0.06,
        wall_m: 0.001,
        floor_m: 0.001,
        heel_m: 0.0,
        hollow: 0.06,
        neck_radius_m: 0.009,
        neck_height_m: 0.011,
        shoulder: 1.0,
        thread: 3,
        glass,
        cap: None,
        marks: Vec::new(),
    };
    match category {
        Category::VialOpen | Category::VialCapped => {
            let [radius, height] = *draws.pick(&VIALS);
            ware.radius_m = vary(draws, radius);
            ware.height_m = vary(draws, height);
            ware.wall_m = draws.between(0.0008, 0.0014).min(0.14 * ware.radius_m);
            ware.neck_radius_m = ware.radius_m * draws.between(0.55, 0.86);
            ware.neck_height_m = (ware.radius_m * draws.between(0.55, 0.95)).min(0.3 * ware.height_m);
            ware.shoulder = draws.between(0.35, 1.3);
            ware.thread = if draws.chance(0.8) { 2 + draws.below(2) } else { 0 };
            let kind = if draws.chance(0.82) { CapKind::Screw } else { CapKind::Crimp };
            ware.cap = (category == Category::VialCapped).then(|| cap(draws, kind));
        }
        Category::Bottle => {
            ware.form = Form::Bottle;
            ware.radius_m = draws.scale(0.022, 0.055);
            ware.height_m = ware.radius_m * draws.between(2.9, 4.6);
            ware.wall_m = draws.between(0.0016, 0.003);
            ware.neck_radius_m = (ware.radius_m * draws.between(0.3, 0.65)).max(0.009);
            ware.neck_height_m = draws.between(0.014, 0.03);
            ware.shoulder = draws.between(0.5, 1.8);
            ware.cap = draws.chance(0.7).then(|| cap(draws, CapKind::Screw));
        }
        Category::Beaker => {
            ware.form = Form::Beaker;
            ware.radius_m = draws.scale(0.014, 0.055);
            ware.height_m = ware.radius_m * draws.between(1.9, 3.4);
            ware.wall_m = draws.between(0.0012, 0.0024);
            ware.neck_radius_m = ware.radius_m;
            ware.neck_height_m = 0.003;
            ware.shoulder = 0.0;
            ware.thread = 0;
        }
        Category::Flask => {
            ware.form = *draws.pick(&[Form::Conical, Form::Conical, Form::Round, Form::Volumetric]);
            ware.radius_m = draws.scale(0.022, 0.052);
            ware.wall_m = draws.between(0.0012, 0.0022);
            ware.shoulder = 0.0;
            ware.thread = 0;
            ware.neck_radius_m = (ware.radius_m * draws.between(0.25, 0.45)).max(0.007);
            match ware.form {
                Form::Conical => {
                    ware.height_m = ware.radius_m * draws.between(2.6, 3.4);
                    ware.neck_height_m = ware.height_m * draws.between(0.22, 0.33);
                }
                Form::Round => {
                    ware.height_m = ware.radius_m * draws.between(2.7, 3.5);
                    ware.neck_height_m = ware.height_m - 1.9 * ware.radius_m;
                }
                _ => {
                    ware.neck_radius_m = (ware.radius_m * draws.between(0.18, 0.25)).max(0.005);
                    ware.height_m = ware.radius_m * draws.between(4.2, 5.6);
                    ware.neck_height_m = ware.height_m * draws.between(0.45, 0.58);
                }
            }
            ware.cap = draws.chance(0.25).then(|| cap(draws, CapKind::Stopper));
        }
        Category::TestTube => {
            ware.form = if draws.chance(0.7) { Form::Tube } else { Form::Spitz };
            ware.radius_m = draws.scale(0.005, 0.014);
            ware.height_m = ware.radius_m * draws.between(7.0, 12.0);
            ware.wall_m = draws.between(0.0007, 0.0012);
            ware.neck_radius_m = ware.radius_m;
            ware.neck_height_m = ware.height_m * 0.1;
            ware.shoulder = 0.0;
            ware.thread = 0;
            ware.cap = draws.chance(0.3).then(|| cap(draws, CapKind::Screw));
        }
        _ => {
            ware.form = Form::Cartridge;
            ware.radius_m = draws.scale(0.006, 0.016);
            ware.height_m = ware.radius_m * draws.between(5.0, 9.0);
            ware.wall_m = draws.between(0.0008, 0.0014);
            ware.neck_radius_m = 0.0024;
            ware.neck_height_m = draws.between(0.006, 0.012);
            ware.shoulder = 0.0;
            ware.thread = 0;
        }
    }
    foot(&mut ware, draws);
    ware.marks = marks(&ware, draws);
    (ware, name)
}

/// What a vessel stands on. Blown feet are thicker than walls, hollow below and round inside, and throw rings of light: what stands
/// empty by a window looks as if something lay in it.
fn foot(ware: &mut Glassware, draws: &mut Draws) {
    let [thick, round] = match ware.form {
        Form::Vial => [draws.scale(1.0, 3.2), draws.between(0.0, 0.3)],
        Form::Bottle => [draws.scale(1.1, 3.0), draws.between(0.05, 0.3)],
        Form::Beaker | Form::Conical => [draws.scale(1.0, 2.2), draws.between(0.05, 0.3)],
        Form::Volumetric => [draws.scale(1.0, 2.0), 0.0],
        Form::Round | Form::Tube | Form::Spitz | Form::Cartridge => [1.0, 0.0],
    };
    ware.floor_m = thick * ware.wall_m;
    ware.heel_m = (round * ware.radius_m).min(0.006);
    ware.hollow = draws.scale(0.015, 0.15);
}

/// A well plate, perhaps with a lid.
pub fn plate(draws: &mut Draws) -> Plate {
    let wells = *draws.pick(&[[12, 8], [12, 8], [6, 4], [24, 16], [3, 2]]);
    let tone = if draws.chance(0.7) { stuff::pale(draws) } else { Rgb::splat(draws.scale(0.01, 0.2)) };
    let share = draws.unit();
    Plate {
        wells,
        height_m: draws.between(0.0135, 0.022),
        surface: Surface::Gloss { paint: Paint::Plain(tone), roughness: draws.between(0.05, 0.4) },
        filled: (0..wells[0] * wells[1]).map(|_| draws.chance(share)).collect(),
        liquid: stuff::colour(draws),
        level: draws.between(0.2, 0.9),
        lid: draws.chance(0.15).then(|| stuff::pale(draws)),
    }
}

/// Edges of a glass substrate that is sold.
pub fn slide_size(draws: &mut Draws) -> [f32; 3] {
    *draws.pick(&[[0.025, 0.025, 0.0011], [0.025, 0.075, 0.001], [0.03, 0.03, 0.0011], [0.05, 0.05, 0.0022]])
}

/// A glass substrate of that size, perhaps with a film.
pub fn slide(size_m: [f32; 3], draws: &mut Draws) -> Slide {
    let film = match draws.below(3) {
        0 => None,
        1 => Some(Surface::Gloss { paint: Paint::Plain(stuff::colour(draws) * 0.3), roughness: 0.02 }),
        _ => Some(Surface::Metal { tint: Rgb::new(0.6, 0.55, 0.45), roughness: 0.02 }),
    };
    Slide { size_m, film, margin_m: draws.between(0.0, 0.004) }
}

/// How often each content comes.
const WEIGHTS: [f32; 11] = [3.2, 2.2, 1.8, 0.9, 1.4, 1.0, 0.7, 1.4, 1.2, 0.7, 0.6];

/// What is mainly in a vessel; one that lies open holds nothing that could run out.
pub fn content(category: Category, open_and_lying: bool, draws: &mut Draws) -> Phase {
    let mut main = Phase::ALL[draws.weighed(&WEIGHTS)];
    if category == Category::Cartridge {
        main = *draws.pick(&[Phase::Empty, Phase::Powder, Phase::Granules, Phase::Powder]);
    }
    if open_and_lying {
        main = *draws.pick(&[Phase::Empty, Phase::Empty, Phase::Residue]);
    }
    main
}

/// How much of a body's height is filled, share.
pub fn level(draws: &mut Draws) -> f32 {
    if draws.chance(0.12) { draws.between(0.05, 0.15) } else { draws.between(0.12, 0.92) }
}

/// A content for a vessel that points `up` in its own frame: what it mainly is, to this share of the body's height.
pub fn filling(
    ware: &Glassware,
    up: V3,
    glass: &'static str,
    main: Phase,
    share: f32,
    draws: &mut Draws,
) -> Filling {
    let body_top = ware.body_top_m();
    let vessel = &ware.vessel();
    let contents: Contents = fill(vessel, body_top, main, up, share, draws);
    let upright = up.z > 0.999;
    let volume = match contents.portions.last() {
        Some(portion) if upright => vessel.volume_below(portion.top_m),
        Some(_) => f64::from(share) * vessel.volume_below(body_top),
        None => 0.0,
    };
    Filling {
        floor_m: vessel.floor(),
        brim_m: ware.height_m,
        capacity_m3: vessel.volume_below(ware.height_m),
        volume_m3: volume,
        glass,
        contents,
    }
}
