//! The line that a vessel's glass sweeps about its axis: points of (radius, z).

use super::glass::{Form, Glassware};
use std::f32::consts::FRAC_PI_2;

/// Pieces of a quarter circle.
const ARC: usize = 5;

/// A quarter circle or less about a centre, from one angle to another.
fn arc(line: &mut Vec<[f32; 2]>, centre: [f32; 2], radius: f32, from: f32, to: f32) {
    for i in 0..=ARC {
        let (sin, cos) = (from + (to - from) * i as f32 / ARC as f32).sin_cos();
        line.push([(centre[0] + radius * cos).max(0.0), centre[1] + radius * sin]);
    }
}

/// From the axis at the foot to the mouth's edge, without threads.
pub fn side(ware: &Glassware) -> Vec<[f32; 2]> {
    let (r, h, neck, neck_h) = (ware.radius_m, ware.height_m, ware.neck_radius_m, ware.neck_height_m);
    let mut line = Vec::new();
    let edge = (0.12 * r).min(0.004);
    let flat_foot = |line: &mut Vec<[f32; 2]>, r: f32| {
        // The foot is a little hollow, so that the vessel stands on its rim.
        line.extend([[0.0, ware.hollow * r], [0.55 * r, 0.75 * ware.hollow * r]]);
        arc(line, [r - edge, edge], edge, -FRAC_PI_2, 0.0);
    };
    match ware.form {
        Form::Vial | Form::Bottle => {
            flat_foot(&mut line, r);
            let drop = ((r - neck) * ware.shoulder).max(0.0005);
            let foot = h - neck_h - drop;
            line.push([r, foot]);
            for i in 1..=ARC {
                let (sin, cos) = (FRAC_PI_2 * i as f32 / ARC as f32).sin_cos();
                line.push([r - (r - neck) * (1.0 - cos), foot + drop * sin]);
            }
            line.push([neck, h]);
        }
        Form::Beaker => {
            flat_foot(&mut line, r);
            line.push([r, h - 0.05 * r]);
            line.push([r + 0.02 * r, h - 0.02 * r]);
            line.push([r + 0.05 * r, h]);
        }
        Form::Conical => {
            flat_foot(&mut line, r);
            let top = h - neck_h;
            line.push([r, 1.5 * edge]);
            line.push([neck + 0.04 * r, top - 0.05 * h]);
            line.push([neck, top]);
            line.push([neck, h - 0.03 * h]);
            line.push([neck + 0.06 * r, h]);
        }
        Form::Round => {
            // The ball's foot is at z = 0.
            let meet = (neck / r).min(0.95).asin();
            let end = FRAC_PI_2 - meet;
            for i in 0..=(3 * ARC) {
                let angle = -FRAC_PI_2 + (FRAC_PI_2 + end) * i as f32 / (3 * ARC) as f32;
                line.push([(r * angle.cos()).max(0.0), r + r * angle.sin()]);
            }
            line.push([neck, h - 0.02 * h]);
            line.push([neck + 0.04 * r, h]);
        }
        Form::Volumetric => {
            flat_foot(&mut line, 0.62 * r);
            let bulb = h - neck_h;
            for i in 1..=(2 * ARC) {
                let x = i as f32 / (2 * ARC) as f32;
                let swell = (std::f32::consts::PI * (0.12 + 0.88 * x).powf(0.9)).sin().max(0.0);
                let wide = (0.62 * r * (1.0 - x) + neck * x).max(neck);
                line.push([wide.max(r * swell), edge + (bulb - edge) * x]);
            }
            line.push([neck, bulb + 0.02 * h]);
            line.push([neck, h]);
        }
        Form::Tube => {
            let turns = 2 * ARC;
            for i in 0..=turns {
                let angle = -FRAC_PI_2 + FRAC_PI_2 * i as f32 / turns as f32;
                line.push([(r * angle.cos()).max(0.0), r + r * angle.sin()]);
            }
            line.push([r, h - 0.004]);
            line.push([r * 1.08, h]);
        }
        Form::Spitz => {
            line.extend([[0.0, 0.0], [0.25 * r, 0.0], [0.33 * r, 0.001]]);
            line.push([0.97 * r, 2.6 * r]);
            line.push([r, 2.8 * r]);
            line.push([r, h]);
        }
        Form::Cartridge => {
            let tip = neck;
            line.extend([[0.0, 0.0], [tip * 0.8, 0.0], [tip, neck_h], [r - edge, neck_h + 0.001]]);
            line.push([r, neck_h + 0.001 + edge]);
            line.push([r, h - 0.002]);
            line.push([r * 1.25, h - 0.002]);
            line.push([r * 1.25, h]);
        }
    }
    line.dedup();
    line
}

/// The line moved inward by the wall: from the mouth's inner edge to the axis at the floor, which is `floor` thick there and
/// rounded by `heel` into the wall.
pub fn inner(side: &[[f32; 2]], wall: f32, [floor, heel]: [f32; 2], mouth: f32) -> Vec<[f32; 2]> {
    let inward = |a: [f32; 2], b: [f32; 2]| {
        let (dr, dz) = (b[0] - a[0], b[1] - a[1]);
        let length = dr.hypot(dz).max(1e-9);
        [-dz / length, dr / length]
    };
    let last = side.len() - 1;
    let mut line: Vec<[f32; 2]> = (0..=last)
        .map(|i| {
            let before = if i > 0 { inward(side[i - 1], side[i]) } else { [0.0, 1.0] };
            let after = if i < last { inward(side[i], side[i + 1]) } else { [-1.0, 0.0] };
            let sum = [before[0] + after[0], before[1] + after[1]];
            let length = sum[0].hypot(sum[1]).max(1e-6);
            let n = [sum[0] / length, sum[1] / length];
            // A mitre, but not a spike.
            let reach = wall / (n[0] * after[0] + n[1] * after[1]).max(0.7);
            [(side[i][0] + n[0] * reach).max(0.0), side[i][1] + n[1] * reach]
        })
        .collect();
    line[0] = [0.0, side[0][1] + floor];
    line[last] = [(side[last][0] - wall).min(mouth).max(0.0005), side[last][1]];
    // Moved inward, the line must still go up: what folds back is dropped.
    let mut kept: Vec<[f32; 2]> = Vec::new();
    // Over a hollow foot the floor's edge would lie lower than its middle: the floor is level instead. A wall thicker than
    // the foot's rounding would fold the edge outward: it stays inside the body.
    let floor = line[0][1];
    let clear = side.iter().take(side.len() / 2 + 1).map(|p| p[0]).fold(0.0, f32::max) - wall;
    for [r, z] in line {
        let point = if z <= floor { [r.min(clear), floor] } else { [r, z] };
        let rises =
            |last: &[f32; 2]| point[1] > last[1] + 1e-6 || (point[1] >= last[1] && point[0] > last[0]);
        if kept.last().is_none_or(rises) {
            kept.push(point);
        }
    }
    if heel > 0.0 {
        round_heel(&mut kept, heel);
    }
    kept.reverse();
    kept
}

/// Rounds the edge between a level floor and what rises from it, by as much as there is room for.
fn round_heel(line: &mut Vec<[f32; 2]>, heel: f32) {
    let [Some(&[middle, floor]), Some(&[edge, level])] = [line.first(), line.get(1)] else { return };
    // A floor that is not level is round already.
    if level > floor || edge <= middle {
        return;
    }
    let heel = heel.min(0.9 * edge);
    let wall = line.clone();
    let radius = |z: f32| {
        let ends = wall.windows(2).skip(1).find(|ends| ends[1][1] > z);
        ends.map(|ends| {
            let share = (z - ends[0][1]) / (ends[1][1] - ends[0][1]);
            ends[0][0] + (ends[1][0] - ends[0][0]) * share.clamp(0.0, 1.0)
        })
    };
    let Some(rest) = wall.iter().position(|point| point[1] > floor + heel) else { return };
    line.drain(1..rest);
    for step in (0..=ARC).rev() {
        let (sin, cos) = (FRAC_PI_2 * step as f32 / ARC as f32).sin_cos();
        let z = floor + heel * (1.0 - sin);
        if let Some(radius) = radius(z) {
            line.insert(1 + ARC - step, [radius - heel * (1.0 - cos), z]);
        }
    }
}

/// Adds a screw thread to the neck's outside, as rings: the true one winds, but not to be told from here.
pub fn thread(side: &mut Vec<[f32; 2]>, neck_foot: f32, height: f32, turns: usize, depth: f32) {
    let Some(top) = side.pop() else { return };
    let neck = top[0];
    let (low, high) = (neck_foot + 0.06 * (height - neck_foot), height - 0.12 * (height - neck_foot));
    side.push([neck, low]);
    for turn in 0..turns {
        for step in 1..=6 {
            let x = (turn as f32 + step as f32 / 6.0) / turns as f32;
            let out = (std::f32::consts::PI * step as f32 / 6.0).sin().powf(0.7) * depth;
            side.push([neck + out.max(0.0), low + (high - low) * x]);
        }
    }
    side.push([neck, height - 0.0004]);
    side.push([neck - 0.0003, height]);
}
