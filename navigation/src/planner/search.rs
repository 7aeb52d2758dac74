//! The search over the lattice: from the start, and where that does not get there soon, from the goal towards it as
//! well. A gap that looks passable and is not makes a search try all that lies before it; seen from its other side it
//! is a pocket, which is soon tried.

use super::doors::doors;
use super::floor::{Driven, Floor};
use super::lattice::{Lattice, Node};
use super::narrow::Narrow;
use super::side::{Root, Side, Turn};
use super::sweep::{Sweep, share_of};
use super::{Motion, Obstruction, words_of};
use crate::costmap::Layer;
use nalgebra::{Isometry2, Point2};

/// A search gives up after so many places and headings that it went on from: well over what any way in a building took,
/// and about half a second.
const MOST_LOOKED_AT: usize = 60_000;
/// So many are tried from the start alone.
const ALONE: usize = 1500;

/// The corners of a path from `start` to `goal`, both of which are clear and included.
pub fn search(
    sweep: &Sweep<'_>,
    motion: &Motion,
    start: &Isometry2<f64>,
    goal: &Isometry2<f64>,
) -> Result<Vec<Isometry2<f64>>, Obstruction> {
    let map = sweep.map;
    let none = |nearest, how| Err(obstruction(sweep, start, goal, nearest, how));
    let cell = |pose: &Isometry2<f64>| map.grid().cell_at(pose.translation.x, pose.translation.y);
    let (Some(from), Some(to)) = (cell(start), cell(goal)) else { return none(None, Tried::All) };
    let fastest = motion.fastest_m_s();
    let lattice = Lattice::new(map);
    let mapped = map.costmap().snapshot_of_map();
    let narrow = Narrow::new(sweep, &mapped, &lattice);
    let mut floor = Floor::new(sweep, &narrow, fastest, Driven::ToRoot, to, from);
    if floor.seconds(from.0, from.1).is_infinite() {
        return none(None, Tried::All);
    }
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
            Turn::Exhausted => return none(forth.nearest, Tried::All),
        }
    }
    let floor = Floor::new(sweep, &narrow, fastest, Driven::FromRoot, from, to);
    let mut back = Side::new(sweep, motion, &lattice, (Root::Goal, goal, start), floor, &inward);
    while forth.looked_at + back.looked_at < MOST_LOOKED_AT {
        match forth.turn() {
            Turn::Closed(node) if is_end(node) => return Ok(through(&mut forth, node)),
            Turn::Closed(node) => {
                if let Some(met) = forth.meets(&back, node) {
                    return Ok(joined(&mut forth, node, &mut back, met));
                }
            }
            Turn::Exhausted => return none(forth.nearest, Tried::All),
        }
        match back.turn() {
            Turn::Closed(node) => {
                if let Some(met) = back.meets(&forth, node) {
                    return Ok(joined(&mut forth, met, &mut back, node));
                }
            }
            // Nothing is left about the goal, step by step. Long strides may have passed a gap by.
            Turn::Exhausted if !back.patient() => return none(back.nearest, Tried::FromGoal),
            Turn::Exhausted => {}
        }
    }
    none(forth.nearest, Tried::Most)
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

/// What was tried before a search gave up.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tried {
    /// All that can be reached from the start.
    All,
    /// All from which the goal can be reached.
    FromGoal,
    /// As much as a search takes the time for.
    Most,
}

/// Why there is no way.
fn obstruction(
    sweep: &Sweep<'_>,
    start: &Isometry2<f64>,
    goal: &Isometry2<f64>,
    nearest: Option<(f64, Isometry2<f64>)>,
    tried: Tried,
) -> Obstruction {
    let (root, end) = if tried == Tried::FromGoal { (goal, start) } else { (start, goal) };
    let here = nearest.map_or(*root, |(_, pose)| pose);
    let off = (here.translation.vector - end.translation.vector).norm();
    // What stands in the way from there, or else whatever is near.
    let steps = (off / 0.05).ceil().max(1.0);
    let mut ahead = (0..=steps as usize).map(|step| share_of(&here, end, step as f64 / steps));
    let (layer, at) = ahead
        .find_map(|pose| sweep.obstacle_at(&pose))
        .or_else(|| sweep.map.obstacle_at(&here, 0.5))
        .unwrap_or((Layer::Map, Point2::from(here.translation.vector)));
    let searched = if tried == Tried::Most {
        let margin_m = sweep.margin_m;
        format!(" was found among {MOST_LOOKED_AT} places and headings, {margin_m:.2} m clear of everything")
    } else {
        String::new()
    };
    let (place, short) = if tried == Tried::FromGoal {
        ("the nearest place from which the goal can be reached", "m away")
    } else {
        ("the nearest place that can be reached", "m short")
    };
    let costmap = sweep.map.costmap();
    let obeyed: Vec<&str> = costmap.zones().one_way().collect();
    let obeyed = match obeyed.as_slice() {
        [] => String::new(),
        names => format!("; one-way zones are obeyed: {}", names.join(", ")),
    };
    let words = format!(
        "no way from {} to {}{searched}: {place}, {}, is {off:.2} {short}, blocked by {}{obeyed}",
        words_of(start),
        words_of(goal),
        words_of(&here),
        costmap.words(layer, &at)
    );
    Obstruction { layer, words }
}
