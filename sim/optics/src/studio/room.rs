//! The bench and the room about it.

use super::{Stage, stuff};
use crate::random::Draws;
use crate::scene::{Body, Part};
use crate::shape::{Quad, Shape};
use crate::space::V3;
use crate::surface::{Paint, Rgb, Surface};
use nalgebra::{Isometry3, Translation3, UnitQuaternion, Vector3};

/// Where the bench ends.
pub(crate) struct Bench {
    /// Least and greatest x and y of its top, which lies at z = 0.
    pub low: [f32; 2],
    pub high: [f32; 2],
    /// Height of the ceiling over the bench.
    pub ceiling_m: f32,
}

/// A turn about z, and a shift.
pub(crate) fn at(x: f32, y: f32, z: f32, yaw: f32) -> Isometry3<f64> {
    Isometry3::from_parts(
        Translation3::new(f64::from(x), f64::from(y), f64::from(z)),
        UnitQuaternion::from_axis_angle(&Vector3::z_axis(), f64::from(yaw)),
    )
}

pub(crate) fn block(size: [f32; 3], pose: &Isometry3<f64>, surface: Surface) -> Body {
    let [x, y, z] = size;
    let shape = Shape::block(V3::new(-x / 2.0, -y / 2.0, 0.0), V3::new(x / 2.0, y / 2.0, z));
    Body::new(pose, vec![Part::new(shape, surface)])
}

fn sheet(corner: V3, u: V3, v: V3, surface: Surface) -> Body {
    Body::new(&Isometry3::identity(), vec![Part::new(Shape::Quad(Quad::new(corner, u, v)), surface)])
}

/// Bench, floor, walls, and what stands along them. The wall behind the bench is on the +x side.
pub(crate) fn room(stage: &mut Stage, draws: &mut Draws) -> Bench {
    let wide = draws.between(0.35, 1.5);
    let bench = Bench {
        low: [-draws.between(0.15, 0.7), -wide * draws.between(0.3, 1.0)],
        high: [draws.between(0.2, 1.2), wide * draws.between(0.3, 1.0)],
        ceiling_m: draws.between(1.3, 2.2),
    };
    let surface = stuff::bench(draws);
    let [x, y] = [0, 1].map(|axis| bench.high[axis] - bench.low[axis]);
    let thick = draws.between(0.02, 0.05);
    let middle = [0, 1].map(|axis| (bench.high[axis] + bench.low[axis]) / 2.0);
    stage.bodies.push(block([x, y, thick], &at(middle[0], middle[1], -thick, 0.0), surface));
    let floor_z = -draws.between(0.72, 0.95);
    let body = stuff::skin(draws);
    cabinet(
        stage,
        [x - 0.04, y - 0.04, -floor_z - thick],
        at(middle[0], middle[1], floor_z, 0.0),
        body,
        draws,
    );
    if draws.chance(0.15) {
        // A seam between two benches, or a second one across the aisle at the same height.
        let other = stuff::bench(draws);
        let gap = draws.between(0.0, 0.02);
        let pose = at(bench.high[0] + gap + 0.5, draws.between(-0.5, 0.5), -thick, 0.0);
        stage.bodies.push(block([1.0, draws.between(0.8, 3.0), thick], &pose, other));
    }
    let far =
        bench.high[0] + if draws.chance(0.45) { draws.between(0.0, 0.05) } else { draws.scale(0.3, 3.5) };
    let (left, right) = (bench.low[1] - draws.scale(0.05, 2.5), bench.high[1] + draws.scale(0.05, 2.5));
    let near = -draws.between(1.2, 3.0);
    let (fx, fy) = (far - near, right - left);
    let height = bench.ceiling_m - floor_z;
    let floor = stuff::wall(draws);
    let wall = stuff::wall(draws);
    let side = if draws.chance(0.7) { wall.clone() } else { stuff::wall(draws) };
    let ceiling = Surface::plain(Rgb::splat(draws.between(0.6, 0.85)));
    let (ex, ey, ez) = (V3::X * fx, V3::Y * fy, V3::Z * height);
    let low = V3::new(near, left, floor_z);
    stage.bodies.push(sheet(low, ex, ey, floor));
    stage.bodies.push(sheet(low + ex, ey, ez, wall.clone()));
    stage.bodies.push(sheet(low, ex, ez, side.clone()));
    stage.bodies.push(sheet(low + ey, ez, ex, side));
    stage.bodies.push(sheet(low, ez, ey, wall));
    stage.bodies.push(sheet(low + ez, ey, ex, ceiling));
    for _ in 0..draws.below(9) {
        along_wall(stage, far, left, right, floor_z, draws);
    }
    bench
}

/// A cupboard with doors and handles.
fn cabinet(stage: &mut Stage, size: [f32; 3], pose: Isometry3<f64>, surface: Surface, draws: &mut Draws) {
    if size.iter().any(|s| *s < 0.02) {
        return;
    }
    stage.bodies.push(block(size, &pose, surface.clone()));
    let doors = 1 + draws.below(5);
    let rows = 1 + draws.below(3);
    let handle = if draws.chance(0.5) {
        Surface::Metal { tint: Rgb::splat(0.6), roughness: 0.2 }
    } else {
        Surface::plain(stuff::colour(draws))
    };
    let (wide, tall) = (size[1] / doors as f32, size[2] / rows as f32);
    let mut parts = Vec::new();
    for door in 0..doors {
        for row in 0..rows {
            let y = -size[1] / 2.0 + wide * (door as f32 + 0.5);
            let z = tall * (row as f32 + 0.5);
            let x = -size[0] / 2.0 - 0.008;
            let gap = 0.004;
            parts.push(Part::new(
                Shape::block(
                    V3::new(x, y - wide / 2.0 + gap, z - tall / 2.0 + gap),
                    V3::new(x + 0.01, y + wide / 2.0 - gap, z + tall / 2.0 - gap),
                ),
                surface.clone(),
            ));
            let grip =
                [V3::new(x - 0.02, y - 0.04, z + tall * 0.35), V3::new(x - 0.02, y + 0.04, z + tall * 0.35)];
            parts.push(Part::new(Shape::Rod { from: grip[0], to: grip[1], radius_m: 0.005 }, handle.clone()));
        }
    }
    stage.bodies.push(Body::new(&pose, parts));
}

/// Something on or before the far wall.
fn along_wall(stage: &mut Stage, far: f32, left: f32, right: f32, floor_z: f32, draws: &mut Draws) {
    let y = draws.between(left, right);
    match draws.below(7) {
        // A window or a bright screen.
        0 => {
            let (w, h) = (draws.between(0.3, 1.4), draws.between(0.4, 1.2));
            let tint = Rgb::new(0.9, 0.97, 1.08) * draws.scale(0.4, 6.0);
            let corner = V3::new(far - 0.01, y + w / 2.0, draws.between(0.05, 0.5));
            stage.bodies.push(sheet(corner, V3::Y * -w, V3::Z * h, Surface::Lamp { radiance: tint }));
            for i in 0..=2 {
                let x = corner + V3::new(-0.02, -w * i as f32 / 2.0, 0.0);
                let bar = Shape::block(x - V3::new(0.01, 0.02, 0.0), x + V3::new(0.01, 0.02, h));
                stage.bodies.push(Body::new(
                    &Isometry3::identity(),
                    vec![Part::new(bar, Surface::plain(Rgb::splat(0.7)))],
                ));
            }
        }
        // A poster, a board.
        1 => {
            let (w, h) = (draws.between(0.15, 0.8), draws.between(0.15, 0.6));
            let corner = V3::new(far - 0.006, y + w / 2.0, draws.between(0.0, 0.7));
            let surface = if draws.chance(0.5) { stuff::paper(draws) } else { stuff::skin(draws) };
            stage.bodies.push(sheet(corner, V3::Y * -w, V3::Z * h, surface));
        }
        // A shelf with bottles and boxes.
        2 | 3 => {
            let w = draws.between(0.4, 1.4);
            let z = draws.between(0.15, 0.8);
            let board = stuff::skin(draws);
            stage.bodies.push(block([0.22, w, 0.02], &at(far - 0.12, y, z, 0.0), board));
            let mut along = -w / 2.0 + 0.05;
            while along < w / 2.0 - 0.05 {
                let r = draws.between(0.02, 0.06);
                let h = draws.between(0.06, 0.26);
                let pose = at(far - 0.12 + draws.normal() * 0.02, y + along + r, z + 0.021, 0.0);
                let surface = stuff::skin(draws);
                stage.bodies.push(if draws.chance(0.6) {
                    can(r, h, &pose, surface, draws)
                } else {
                    block([r * 1.6, r * 2.0, h], &pose, surface)
                });
                along += 2.0 * r + draws.between(0.002, 0.06);
            }
        }
        // A cupboard, a fridge, another bench.
        4 | 5 => {
            let size = [draws.between(0.3, 0.7), draws.between(0.4, 1.6), draws.between(0.5, 1.9)];
            let surface = stuff::skin(draws);
            cabinet(stage, size, at(far - size[0] / 2.0, y, floor_z, 0.0), surface, draws);
        }
        // A pillar, a pipe, a gas cylinder.
        _ => {
            let r = draws.between(0.01, 0.12);
            let top = draws.between(0.2, 1.2);
            let x = far - r - 0.02;
            let rod = Shape::Rod { from: V3::new(x, y, floor_z), to: V3::new(x, y, top), radius_m: r };
            stage.bodies.push(Body::new(&Isometry3::identity(), vec![Part::new(rod, stuff::skin(draws))]));
        }
    }
}

/// A round opaque thing: a can, a plastic bottle with its neck and label.
pub(crate) fn can(r: f32, h: f32, pose: &Isometry3<f64>, surface: Surface, draws: &mut Draws) -> Body {
    use crate::shape::{Label, Ring};
    let neck = r * draws.between(0.25, 0.6);
    let bottle = draws.chance(0.6);
    let mut line = vec![[0.0, 0.0], [r, 0.0]];
    if bottle {
        line.extend([[r, 0.65 * h], [0.85 * r, 0.74 * h], [neck, 0.8 * h], [neck, 0.86 * h]]);
    } else {
        line.extend([[r, h], [0.0, h]]);
    }
    let ring = |ends: &[[f32; 2]], surface: &Surface| {
        Part::new(Shape::Ring(Ring { from: ends[0], to: ends[1] }), surface.clone())
    };
    let mut parts: Vec<Part> = line.windows(2).map(|ends| ring(ends, &surface)).collect();
    if bottle {
        let cap = Surface::Gloss { paint: Paint::Plain(stuff::colour(draws)), roughness: 0.3 };
        let top = [[neck * 1.15, 0.84 * h], [neck * 1.15, h], [0.0, h]];
        parts.extend(top.windows(2).map(|ends| ring(ends, &cap)));
    }
    if draws.chance(0.6) {
        let label = Label {
            radius_m: r + 0.0002,
            z_m: [0.15 * h, draws.between(0.35, 0.6) * h],
            angle: draws.turn(),
            span: draws.between(1.5, 5.5),
            print: None,
            bare: false,
        };
        let surface = if draws.chance(0.6) { stuff::paper(draws) } else { stuff::skin(draws) };
        parts.push(Part::new(Shape::Label(label), surface));
    }
    Body::new(pose, parts)
}
