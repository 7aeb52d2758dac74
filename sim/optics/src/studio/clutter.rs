//! What else lies on the bench.

use super::placing::View;
use super::room::{at, block, can};
use super::{Stage, stuff};
use crate::random::Draws;
use crate::scene::{Body, Part};
use crate::shape::{Ring, Shape};
use crate::space::V3;
use crate::surface::{Paint, Rgb, Surface};
use nalgebra::{Isometry3, UnitQuaternion, Vector3};

/// Things around the ware: outside the circle where it stands, or flat beneath it.
pub(crate) fn clutter(stage: &mut Stage, reach_m: f32, view: &View, draws: &mut Draws) {
    for _ in 0..draws.below(3) {
        sheet_of_paper(stage, reach_m, draws);
    }
    let count = draws.weighed(&[2.0, 2.0, 2.0, 2.0, 2.0, 1.5, 1.5, 1.0, 1.0, 0.5, 0.5]);
    for _ in 0..count {
        let way = reach_m + draws.scale(0.05, 0.7);
        // Mostly behind the ware: what stands before it hides it.
        let side = if draws.chance(0.85) { draws.between(-1.4, 1.4) } else { draws.turn() };
        let angle = view.yaw + side;
        let (x, y) = (way * angle.cos(), way * angle.sin());
        let before = side.cos() < 0.0;
        thing(stage, x, y, if before { 0.03 } else { 0.25 }, draws);
    }
    if draws.chance(0.25) {
        cable(stage, reach_m, draws);
    }
}

fn sheet_of_paper(stage: &mut Stage, reach_m: f32, draws: &mut Draws) {
    let (w, h) = (draws.between(0.08, 0.35), draws.between(0.08, 0.35));
    let spread = reach_m + 0.15;
    let (x, y) = (draws.normal() * spread * 0.6, draws.normal() * spread * 0.6);
    paper_at(stage, [x, y], [w, h], draws);
}

/// Paper, printed or not, or a thin board.
pub(crate) fn paper_at(stage: &mut Stage, [x, y]: [f32; 2], [w, h]: [f32; 2], draws: &mut Draws) {
    let thick = 0.0002 + 0.0003 * stage.bodies.len() as f32 * 0.02;
    let surface = if draws.chance(0.75) { stuff::paper(draws) } else { stuff::skin(draws) };
    let pose = at(x, y, 0.0001, draws.turn());
    stage.bodies.push(block([w, h, thick], &pose, surface));
}

fn thing(stage: &mut Stage, x: f32, y: f32, tallest: f32, draws: &mut Draws) {
    let yaw = draws.turn();
    let surface = stuff::skin(draws);
    let pose = at(x, y, 0.0, yaw);
    match draws.below(9) {
        // Boxes, books, instruments.
        0 | 1 => {
            let size =
                [draws.scale(0.04, 0.3), draws.scale(0.04, 0.3), draws.scale(0.015, tallest.max(0.02))];
            stage.bodies.push(block(size, &pose, surface));
            if draws.chance(0.5) {
                let top = [size[0] * draws.between(0.2, 0.9), size[1] * draws.between(0.2, 0.9), 0.001];
                let label = if draws.chance(0.5) { stuff::paper(draws) } else { stuff::skin(draws) };
                stage.bodies.push(block(top, &at(x, y, size[2], yaw), label));
            }
        }
        // Bottles and cans.
        2 | 3 => {
            let h = draws.scale(0.03, tallest.max(0.04));
            let r = (h * draws.between(0.2, 0.5)).min(0.06);
            stage.bodies.push(can(r, h, &pose, surface, draws));
        }
        // Pens, rods, tools.
        4 => {
            for _ in 0..1 + draws.below(3) {
                let half = draws.between(0.03, 0.11);
                let r = draws.scale(0.0015, 0.008);
                let turn = draws.turn();
                let middle = V3::new(x + draws.normal() * 0.02, y + draws.normal() * 0.02, r);
                let along = V3::new(turn.cos(), turn.sin(), 0.0) * half;
                let rod = Shape::Rod { from: middle - along, to: middle + along, radius_m: r };
                stage
                    .bodies
                    .push(Body::new(&Isometry3::identity(), vec![Part::new(rod, stuff::skin(draws))]));
            }
        }
        // A stand: foot, post, arm.
        5 => {
            let steel = Surface::Metal { tint: Rgb::splat(0.6), roughness: draws.between(0.05, 0.3) };
            let h = tallest.max(0.03) * draws.between(0.8, 2.2);
            stage.bodies.push(block([0.13, 0.2, 0.012], &pose, surface));
            let rod = |from: V3, to: V3| Shape::Rod { from, to, radius_m: 0.006 };
            let post = rod(V3::new(0.0, 0.07, 0.01), V3::new(0.0, 0.07, h));
            let arm = rod(V3::new(0.0, 0.05, h * 0.8), V3::new(0.0, 0.2, h * 0.8));
            stage.bodies.push(Body::new(&pose, vec![Part::new(post, steel.clone())]));
            stage.bodies.push(Body::new(&pose, vec![Part::new(arm, steel)]));
        }
        // A hot plate: box, plate, knobs.
        6 => {
            let h = tallest.clamp(0.02, 0.09);
            stage.bodies.push(block([0.2, 0.17, h], &pose, surface));
            let plate = [[0.075, h], [0.075, h + 0.008], [0.0, h + 0.008]];
            let tone =
                Surface::Gloss { paint: Paint::Plain(Rgb::splat(draws.between(0.1, 0.8))), roughness: 0.2 };
            let parts = plate
                .windows(2)
                .map(|e| Part::new(Shape::Ring(Ring { from: e[0], to: e[1] }), tone.clone()))
                .collect();
            stage.bodies.push(Body::new(&pose, parts));
            for side in [-0.05, 0.05] {
                let knob = Shape::Ball { centre: V3::new(-0.1, side, h * 0.4), radius_m: 0.012 };
                stage
                    .bodies
                    .push(Body::new(&pose, vec![Part::new(knob, Surface::plain(stuff::colour(draws)))]));
            }
        }
        // A roll of tape, a ring.
        7 => {
            let (r, h) = (draws.scale(0.015, 0.06), draws.scale(0.006, 0.03));
            let hole = r * draws.between(0.4, 0.85);
            let line = [[hole, h], [hole, 0.0], [r, 0.0], [r, h], [hole, h]];
            let parts = line
                .windows(2)
                .map(|e| Part::new(Shape::Ring(Ring { from: e[0], to: e[1] }), surface.clone()))
                .collect();
            stage.bodies.push(Body::new(&pose, parts));
        }
        // Lumps: cloths, gloves, sponges.
        _ => {
            let tone = stuff::skin(draws);
            let parts = (0..3 + draws.below(5))
                .map(|_| {
                    let radius_m = draws.scale(0.008, 0.035);
                    let centre = V3::new(draws.normal() * 0.025, draws.normal() * 0.025, radius_m * 0.4);
                    Part::new(Shape::Ball { centre, radius_m }, tone.clone())
                })
                .collect();
            stage.bodies.push(Body::new(&pose, parts));
        }
    }
}

fn cable(stage: &mut Stage, reach_m: f32, draws: &mut Draws) {
    let surface = Surface::Gloss { paint: Paint::Plain(stuff::colour(draws) * 0.5), roughness: 0.4 };
    let radius_m = draws.scale(0.0012, 0.005);
    let mut heading = draws.turn();
    let mut point = V3::new(heading.cos(), heading.sin(), 0.0) * (reach_m + 0.06) + V3::Z * radius_m;
    heading += 1.2;
    for _ in 0..8 {
        heading += draws.normal() * 0.35;
        let next = point + V3::new(heading.cos(), heading.sin(), 0.0) * 0.06;
        if next.length() > reach_m + 0.02 {
            let rod = Shape::Rod { from: point, to: next, radius_m };
            stage.bodies.push(Body::new(&Isometry3::identity(), vec![Part::new(rod, surface.clone())]));
        }
        point = next;
    }
}

/// A pose on its side: the axis level, pointing `yaw`.
pub(crate) fn lying(x: f32, y: f32, radius_m: f32, yaw: f32, spin: f32) -> Isometry3<f64> {
    let turn = UnitQuaternion::from_axis_angle(&Vector3::z_axis(), f64::from(yaw))
        * UnitQuaternion::from_axis_angle(&Vector3::y_axis(), std::f64::consts::FRAC_PI_2)
        * UnitQuaternion::from_axis_angle(&Vector3::z_axis(), f64::from(spin));
    Isometry3::from_parts(Vector3::new(f64::from(x), f64::from(y), f64::from(radius_m)).into(), turn)
}
