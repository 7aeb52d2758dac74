//! What a rack is made of.

use nalgebra::{Isometry3, Translation3, UnitQuaternion};
use nightshift_core::describe::{RackType, Solid};
use std::f64::consts::FRAC_PI_2;

/// Radius of the guides' rounded edges: racks lead a vial in that comes a few millimetres off.
const LEAD_IN_M: f64 = 0.006;
const PLATE: [u8; 3] = [120, 122, 126];
const GUIDE: [u8; 3] = [208, 210, 214];

/// A solid of a rack.
pub struct Piece {
    /// Its form.
    pub solid: Solid,
    /// Its centre.
    pub nest_from_piece: Isometry3<f64>,
    /// Red, green, blue.
    pub color: [u8; 3],
}

/// The floor plate and the guides of a rack.
pub fn pieces(rack: &RackType) -> Vec<Piece> {
    let [half_x, half_y] = rack.size_m.map(|size| size / 2.0);
    let mut pieces = Vec::new();
    add_box(&mut pieces, [-half_x, -half_y, 0.0], [half_x, half_y, rack.floor_m], PLATE);
    let across = gaps(rack.rows, rack.pitch_m, rack.hole_m, rack.grid_center_m[0], half_x);
    for (index, side) in across.iter().enumerate() {
        let rounded = [index > 0, index + 1 < across.len()];
        add_guide(&mut pieces, rack, 0, *side, (-half_y, half_y), rounded);
    }
    let along = gaps(rack.columns, rack.pitch_m, rack.hole_m, rack.grid_center_m[1], half_y);
    for (index, side) in along.iter().enumerate() {
        let rounded = [index > 0, index + 1 < along.len()];
        for rows in across.windows(2) {
            add_guide(&mut pieces, rack, 1, *side, (rows[0].1, rows[1].0), rounded);
        }
    }
    pieces
}

/// A guide that lies between `side` across `axis` (0 is x, 1 is y) and reaches along the other; `rounded` says which
/// of its two upper edges face slots.
fn add_guide(
    pieces: &mut Vec<Piece>,
    rack: &RackType,
    axis: usize,
    side: (f64, f64),
    reach: (f64, f64),
    rounded: [bool; 2],
) {
    let (floor, top) = (rack.floor_m, rack.height_m);
    let edges = rounded.iter().filter(|edge| **edge).count().max(1) as f64;
    let radius = LEAD_IN_M.min((side.1 - side.0) / edges).min(top - floor);
    let mut add = |low: f64, high: f64, bottom: f64, top: f64| {
        let (mut from, mut to) = ([reach.0, reach.0, bottom], [reach.1, reach.1, top]);
        (from[axis], to[axis]) = (low, high);
        add_box(pieces, from, to, GUIDE);
    };
    add(side.0, side.1, floor, top - radius);
    let inset = rounded.map(|edge| if edge { radius } else { 0.0 });
    add(side.0 + inset[0], side.1 - inset[1], top - radius, top);
    for (edge, at) in rounded.iter().zip([side.0 + radius, side.1 - radius]) {
        if *edge {
            add_rod(pieces, axis, at, reach, top - radius, radius);
        }
    }
}

fn add_box(pieces: &mut Vec<Piece>, low: [f64; 3], high: [f64; 3], color: [u8; 3]) {
    let size_m = [0, 1, 2].map(|i| high[i] - low[i]);
    if size_m.iter().all(|size| *size > 1e-6) {
        let center = [0, 1, 2].map(|i| low[i] + size_m[i] / 2.0);
        let nest_from_piece = Isometry3::from_parts(Translation3::from(center), UnitQuaternion::identity());
        pieces.push(Piece { solid: Solid::Box { size_m }, nest_from_piece, color });
    }
}

fn add_rod(pieces: &mut Vec<Piece>, axis: usize, at: f64, reach: (f64, f64), z: f64, radius: f64) {
    let mut center = [(reach.0 + reach.1) / 2.0, (reach.0 + reach.1) / 2.0, z];
    center[axis] = at;
    // A cylinder stands along z; a rod lies along the other axis.
    let turn = if axis == 0 { [FRAC_PI_2, 0.0, 0.0] } else { [0.0, FRAC_PI_2, 0.0] };
    let rotation = UnitQuaternion::from_euler_angles(turn[0], turn[1], turn[2]);
    let solid = Solid::Cylinder { radius_m: radius, height_m: reach.1 - reach.0 };
    let nest_from_piece = Isometry3::from_parts(Translation3::from(center), rotation);
    pieces.push(Piece { solid, nest_from_piece, color: GUIDE });
}

/// The stretches beside and between slots along one axis, from -half to half.
fn gaps(count: usize, pitch_m: f64, hole_m: f64, center_m: f64, half_m: f64) -> Vec<(f64, f64)> {
    let middle = |index: usize| center_m + (index as f64 - (count as f64 - 1.0) / 2.0) * pitch_m;
    let mut edges = vec![-half_m];
    for index in 0..count {
        edges.extend([middle(index) - hole_m / 2.0, middle(index) + hole_m / 2.0]);
    }
    edges.push(half_m);
    edges.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use nightshift_core::LabwareType;

    #[test]
    fn slots_are_clear_and_guides_stay_within_the_rack() {
        let rack = RackType {
            rows: 2,
            columns: 4,
            pitch_m: 0.045,
            hole_m: 0.031,
            floor_m: 0.008,
            height_m: 0.030,
            size_m: [0.14, 0.19],
            grid_center_m: [0.02, 0.0],
            takes: vec![LabwareType::from("vial")],
            tags: Vec::new(),
        };
        for piece in pieces(&rack) {
            let half = match piece.solid {
                Solid::Box { size_m } => size_m.map(|size| size / 2.0),
                Solid::Cylinder { radius_m, height_m } => {
                    let along = piece.nest_from_piece.rotation * nalgebra::Vector3::z();
                    let span = |a: f64| if a.abs() > 0.5 { height_m / 2.0 } else { radius_m };
                    [span(along.x), span(along.y), radius_m]
                }
                Solid::Sphere { .. } => panic!("racks have no balls"),
            };
            let center = piece.nest_from_piece.translation.vector;
            assert!(center.z + half[2] <= rack.height_m + 1e-9);
            assert!(center.x.abs() + half[0] <= 0.07 + 1e-9 && center.y.abs() + half[1] <= 0.095 + 1e-9);
            if center.z < rack.floor_m {
                continue;
            }
            for slot in rack.slots() {
                let axis = rack.nest_from_slot(&slot).unwrap().translation();
                let apart = [axis.x - center.x, axis.y - center.y];
                let clear = (0..2).any(|i| apart[i].abs() >= half[i] + rack.hole_m / 2.0 - 1e-9);
                assert!(clear, "{slot} is blocked by {:?} at {center:?}", piece.solid);
            }
        }
    }
}
