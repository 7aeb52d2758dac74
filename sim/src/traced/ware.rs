//! Labware as light sees it: what the described types look like.

use crate::scene::VialSpec;
use nalgebra::{Isometry3, Vector3};
use nightshift_core::describe::{
    self, Closure, ContentKind, Film, Form, Glass, Loose, LooseKind, LooseVessel, Neck, Phase,
};
use nightshift_core::random::Seed;
use nightshift_optics::ware::{
    Cap, CapKind, Contents, Form as Outline, Glassware, Plate, Slide, fill, plate, slide,
};
use nightshift_optics::{AMBER, Body, Draws, GLASS, Medium, Paint, Part, Rgb, Ring, Shape, Surface, V3, rgb};
use rand::RngCore;

/// A foot on a bench is a hair's breadth over it, or the two would flicker, metres.
const OVER_M: f64 = 5e-5;
/// How far feet are hollow, share of their radius. Descriptions do not tell, nor how thick a floor is: as the wall.
const HOLLOW: f32 = 0.06;
/// Caps are white.
const CAP: Rgb = Rgb::splat(0.8);
/// The substrate in a carrier: its edge and thickness, metres.
const CLAMPED_M: [f32; 3] = [0.025, 0.025, 0.0011];
/// How far a film ends before a substrate's edges, metres.
const MARGIN_M: f32 = 0.001;

/// What is carried, with what is in it. Its cap is a shape of the scene's own.
pub fn vial(vial: &VialSpec, map_from_ware: &Isometry3<f64>) -> Option<Body> {
    let (kind, cap) = (&vial.kind, &vial.kind.cap);
    let radius_m = kind.diameter_m as f32 / 2.0;
    let raised = map_from_ware * Isometry3::translation(0.0, 0.0, OVER_M);
    let Some(form) = outline(kind.vessel.form) else {
        return Some(carrier(&raised, radius_m, (kind.height_m - cap.height_m) as f32));
    };
    // The neck ends inside the cap.
    let (neck_radius_m, neck_height_m) = match kind.vessel.neck {
        Some(Neck { diameter_m, height_m }) => (diameter_m as f32 / 2.0, height_m as f32),
        None => ((cap.diameter_m as f32 / 2.0 - 0.0015).min(radius_m - 0.0005), (cap.height_m * 0.9) as f32),
    };
    let ware = Glassware {
        form,
        radius_m,
        height_m: (kind.height_m - cap.height_m + cap.height_m * 0.9) as f32,
        wall_m: kind.vessel.wall_m as f32,
        floor_m: kind.vessel.wall_m as f32,
        heel_m: 0.0,
        hollow: HOLLOW,
        neck_radius_m,
        neck_height_m,
        shoulder: 0.5,
        thread: 0,
        glass: medium(kind.vessel.glass),
        cap: None,
        marks: Vec::new(),
    };
    if !ware.faults().is_empty() {
        return None;
    }
    let share = vial.content.level_m(kind) / kind.inner_height_m();
    let (content, name) = (&vial.content, vial.sample.as_str());
    let contents = (content.volume_m3 > 1e-9).then(|| {
        contents(&ware, name, phase(content.phase, content.kind, name), share, upward(map_from_ware))
    });
    ware.body(&raised, contents.unwrap_or_default()).ok()
}

/// What is not carried, with what is in it.
pub fn loose(piece: &Loose, map_from_ware: &Isometry3<f64>) -> Option<Body> {
    let raised = map_from_ware * Isometry3::translation(0.0, 0.0, OVER_M);
    match &piece.kind {
        LooseKind::Plate(kind) => Some(plate(&raised, &well_plate(kind, piece))),
        LooseKind::Substrate(pane) => {
            let film = match pane.film {
                Film::None => None,
                Film::Metal => Some(Surface::Metal { tint: rgb(0.62, 0.6, 0.55), roughness: 0.02 }),
                Film::Absorber => {
                    Some(Surface::Gloss { paint: Paint::Plain(rgb(0.03, 0.02, 0.02)), roughness: 0.02 })
                }
            };
            let size_m = pane.size_m.map(|edge| edge as f32);
            Some(slide(&raised, &Slide { size_m, film, margin_m: MARGIN_M }))
        }
        LooseKind::Vessel(kind) => {
            let ware = vessel(kind)?;
            let content = piece.content.filter(|content| content.fill > 0.0);
            let contents = content.map(|content| {
                let phase = phase(content.phase, content.kind, &piece.id);
                contents(&ware, &piece.id, phase, content.fill, upward(map_from_ware))
            });
            ware.body(&raised, contents.unwrap_or_default()).ok()
        }
    }
}

fn outline(form: Form) -> Option<Outline> {
    Some(match form {
        Form::Vial => Outline::Vial,
        Form::Bottle => Outline::Bottle,
        Form::Beaker => Outline::Beaker,
        Form::ConicalFlask => Outline::Conical,
        Form::RoundFlask => Outline::Round,
        Form::VolumetricFlask => Outline::Volumetric,
        Form::TestTube => Outline::Tube,
        Form::CentrifugeTube => Outline::Spitz,
        Form::Cartridge => Outline::Cartridge,
        Form::Carrier => return None,
    })
}

fn medium(glass: Glass) -> Medium {
    match glass {
        Glass::Clear => GLASS,
        Glass::Amber => AMBER,
        Glass::Plastic => {
            Medium { index: 1.49, absorption: Rgb::splat(3.0), scatter: 120.0, milk: rgb(0.86, 0.87, 0.88) }
        }
    }
}

fn vessel(kind: &LooseVessel) -> Option<Glassware> {
    let radius_m = (kind.diameter_m / 2.0) as f32;
    // A beaker's rim and a cartridge's flange are wider than its body.
    let widest = match kind.form {
        Form::Beaker => 1.05,
        Form::Cartridge => 1.25,
        Form::TestTube => 1.08,
        _ => 1.0,
    };
    let radius_m = radius_m / widest;
    let (neck_radius_m, neck_height_m) = match kind.neck {
        Some(neck) => ((neck.diameter_m / 2.0) as f32, neck.height_m as f32),
        None => (radius_m, 0.05 * kind.height_m as f32),
    };
    let cap = kind.closure.map(|closure| Cap {
        kind: match closure {
            Closure::Screw | Closure::Septum => CapKind::Screw,
            Closure::Crimp => CapKind::Crimp,
            Closure::Stopper => CapKind::Stopper,
        },
        colour: CAP,
        septum: matches!(closure, Closure::Septum | Closure::Crimp).then_some(Rgb::splat(0.5)),
    });
    let mut ware = Glassware {
        form: outline(kind.form)?,
        radius_m,
        height_m: kind.height_m as f32,
        wall_m: kind.wall_m as f32,
        floor_m: kind.wall_m as f32,
        heel_m: 0.0,
        hollow: HOLLOW,
        neck_radius_m,
        neck_height_m,
        shoulder: 1.0,
        thread: if cap.is_some() { 3 } else { 0 },
        glass: medium(kind.glass),
        cap,
        marks: Vec::new(),
    };
    // The described height includes what closes it.
    ware.height_m -= ware.top_m() - ware.height_m;
    ware.faults().is_empty().then_some(ware)
}

fn well_plate(kind: &describe::Plate, piece: &Loose) -> Plate {
    let [r, g, b] = kind.color.map(|value| (f32::from(value) / 255.0).powf(2.2));
    let wells = kind.wells[0] * kind.wells[1];
    let phase = piece.content.map(|content| phase(content.phase, content.kind, &piece.id));
    let liquid = match phase {
        Some(Phase::ClearLiquid | Phase::Gel) => Rgb::splat(0.45),
        Some(Phase::Suspension | Phase::Foam | Phase::Powder | Phase::Granules) => Rgb::splat(0.8),
        _ => hue(&piece.id),
    };
    Plate {
        wells: kind.wells,
        height_m: kind.height_m as f32,
        surface: Surface::Gloss { paint: Paint::Plain(rgb(r, g, b)), roughness: 0.2 },
        filled: (0..wells).map(|well| well < piece.filled).collect(),
        liquid,
        level: piece.content.map_or(0.2, |content| content.fill as f32).clamp(0.05, 0.95),
        lid: kind.lid.then_some(Rgb::splat(0.7)),
    }
}

/// A colour by name.
fn hue(name: &str) -> Rgb {
    let mut draws = Draws::new(Seed(0).stream(name).next_u64(), 1, 0);
    rgb(draws.between(0.05, 0.7), draws.between(0.05, 0.7), draws.between(0.05, 0.7))
}

/// A metal chuck with a substrate on it, under the clamp that the scene draws.
fn carrier(map_from_ware: &Isometry3<f64>, radius_m: f32, height_m: f32) -> Body {
    let top_m = height_m - CLAMPED_M[2];
    let steel = Surface::Metal { tint: Rgb::splat(0.6), roughness: 0.2 };
    let line = [[0.0, 0.0], [radius_m, 0.0], [radius_m, top_m], [0.0, top_m]];
    let ring = |ends: &[[f32; 2]]| Shape::Ring(Ring { from: ends[0], to: ends[1] });
    let mut parts: Vec<Part> = line.windows(2).map(|ends| Part::new(ring(ends), steel.clone())).collect();
    let low = V3::new(-CLAMPED_M[0] / 2.0, -CLAMPED_M[1] / 2.0, top_m);
    let glass = Surface::Between { front: nightshift_optics::AIR, back: GLASS };
    parts.push(Part::new(Shape::block(low, low + V3::from(CLAMPED_M)), glass));
    Body::new(map_from_ware, parts)
}

/// The way up in a ware's frame.
fn upward(map_from_ware: &Isometry3<f64>) -> V3 {
    let up = map_from_ware.inverse_transform_vector(&Vector3::z());
    V3::new(up.x as f32, up.y as f32, up.z as f32)
}

/// What a content looks like: what the stock leaves open is drawn by the name of what it is in.
fn phase(told: Option<Phase>, kind: ContentKind, name: &str) -> Phase {
    told.unwrap_or_else(|| match kind {
        ContentKind::Liquid if draws(name).chance(0.5) => Phase::ClearLiquid,
        ContentKind::Liquid => Phase::ColouredLiquid,
        ContentKind::Powder => Phase::Powder,
        ContentKind::Solid => Phase::SolidPiece,
    })
}

fn draws(name: &str) -> Draws {
    Draws::new(Seed(0).stream(name).next_u64(), 0, 0)
}

/// A content of that phase and level, in colours by the name of what it is in.
fn contents(ware: &Glassware, name: &str, phase: Phase, share: f64, up: V3) -> Contents {
    let mut draws = draws(name);
    // The first of the draws is whether a liquid has a colour.
    draws.chance(0.5);
    let share = share.clamp(0.03, 0.97) as f32;
    fill(&ware.vessel(), ware.body_top_m(), phase, up, share, &mut draws)
}
