//! The search over the lattice: from the start, and where that does not get there soon, from the goal towards it as
//! well. A gap that looks passable and is not makes a search try all that lies before it; seen from its other side it
//! is a pocket, which is soon tried.

use super::doors::doors;
use super::floor::{Driven, Floor};
use super::lattice::{Lattice, Node};
use super::side::{Root, Side, Turn};
use super::sweep::{Sweep, share_of};
use super::{Motion, Obstruction, words_of};
use crate::costmap::Layer;
use nalgebra::{Isometry2, Point2};

/// A search gives up after so many places and headings that it went on from: well over what any way in a building took,
/// and about half a second.
const MOST_LOOKED_AT: usize = 60_000;
/// So many are tried from the start alone.
const ALONE: usize = 3000;

/// The corners of a path from `start` to `goal`, both of which are clear and included.
pub fn search(
    sweep: &Sweep<'_>,
    motion: &Motion,
    start: &Isometry2<f64>,
    goal: &Isometry2<f64>,
) -> Result<Vec<Isometry2<f64>>, Obstruction> {
    let map = sweep.map;
    let none = |nearest, given_up| Err(obstruction(sweep, start, goal, nearest, given_up));
    let cell = |pose: &Isometry2<f64>| map.grid().cell_at(pose.translation.x, pose.translation.y);
    let (Some(from), Some(to)) = (cell(start), cell(goal)) else { return none(None, false) };
    let fastest = motion.fastest_m_s();
    let mut floor = Floor::new(sweep, fastest, Driven::ToRoot, to, from);
    if floor.seconds(from.0, from.1).is_infinite() {
        return none(None, false);
    }
    let lattice = Lattice::new(map);
    let [outward, inward] = [start, goal].map(|pose| doors(sweep, motion, &lattice, pose));
    let mut forth = Side::new(sweep, motion, &lattice, (Root::Start, start, goal), floor, &outward);
    let is_end = |node: Node| inward.iter().any(|(end, _)| *end == node);
    let through = |forth: &mut Side<'_>, node: Node| {
        let (_, by) = inward.iter().find(|(end, _)| *end == node).expect("it is an end");
        let mut corners = forth.corners_to(node);
        corners.extend(*by);
        corners.push(*goal);
        corners
    };
    while forth.looked_at < ALONE {
        match forth.turn() {
            Turn::Closed(node) if is_end(node) => return Ok(through(&mut forth, node)),
            Turn::Closed(_) => {}
            Turn::Exhausted => return none(forth.nearest, false),
        }
    }
    let floor = Floor::new(sweep, fastest, Driven::FromRoot, from, to);
    let mut back = Side::new(sweep, motion, &lattice, (Root::Goal, goal, start), floor, &inward);
    let mut exhausted = false;
    while forth.looked_at + back.looked_at < MOST_LOOKED_AT {
        match forth.turn() {
            Turn::Closed(node) if is_end(node) => return Ok(through(&mut forth, node)),
            Turn::Closed(node) => {
                if let Some(met) = forth.meets(&back, node) {
                    return Ok(joined(&mut forth, node, &mut back, met));
                }
            }
            Turn::Exhausted => return none(forth.nearest, false),
        }
        // Where the goal's side has nothing left, the start's goes on: long strides may have passed a gap by.
        if exhausted {
            continue;
        }
        match back.turn() {
            Turn::Closed(node) => {
                if let Some(met) = back.meets(&forth, node) {
                    return Ok(joined(&mut forth, met, &mut back, node));
                }
            }
            Turn::Exhausted => exhausted = true,
        }
    }
    none(forth.nearest, true)
}

/// The corners of both sides, from the start's root to the goal's.
fn joined(forth: &mut Side<'_>, at: Node, back: &mut Side<'_>, met: Node) -> Vec<Isometry2<f64>> {
    let mut corners = forth.corners_to(at);
    let rest = back.corners_to(met);
    // Where both are one node it is there once.
    let rest = rest.into_iter().rev().skip(usize::from(at == met));
    corners.extend(rest);
    corners
}

/// Why there is no way; `given_up` where not everything was tried.
fn obstruction(
    sweep: &Sweep<'_>,
    start: &Isometry2<f64>,
    goal: &Isometry2<f64>,
    nearest: Option<(f64, Isometry2<f64>)>,
    given_up: bool,
) -> Obstruction {
    let here = nearest.map_or(*start, |(_, pose)| pose);
    let off = (here.translation.vector - goal.translation.vector).norm();
    // What stands in the way from there, or else whatever is near.
    let steps = (off / 0.05).ceil().max(1.0);
    let mut ahead = (0..=steps as usize).map(|step| share_of(&here, goal, step as f64 / steps));
    let (layer, at) = ahead
        .find_map(|pose| sweep.obstacle_at(&pose))
        .or_else(|| sweep.map.obstacle_at(&here, 0.5))
        .unwrap_or((Layer::Map, Point2::from(here.translation.vector)));
    let tried = if given_up {
        let margin_m = sweep.margin_m;
        format!(" was found among {MOST_LOOKED_AT} places and headings, {margin_m:.2} m clear of everything")
    } else {
        String::new()
    };
    let costmap = sweep.map.costmap();
    let obeyed: Vec<&str> = costmap.zones().one_way().collect();
    let obeyed = match obeyed.as_slice() {
        [] => String::new(),
        names => format!("; one-way zones are obeyed: {}", names.join(", ")),
    };
    let words = format!(
        "no way from {} to {}{tried}: the nearest place that can be reached, {}, is {off:.2} m short, blocked by {}{obeyed}",
        words_of(start),
        words_of(goal),
        words_of(&here),
        costmap.words(layer, &at)
    );
    Obstruction { layer, words }
}
