//! The search over the lattice.

use super::floor::{Floor, dearness};
use super::lattice::{HEADINGS, Lattice, Node};
use super::shorten::driven;
use super::sweep::{Sweep, share_of};
use super::{Motion, Obstruction, describe, order, words_of};
use crate::costmap::Layer;
use nalgebra::{Isometry2, Point2, Vector2};
use nightshift_core::frames::wrap_angle;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Greediness of the search: a path may be so much longer than the best one before shortcuts.
const GREED: f64 = 1.4;
/// Where there is room, ways are taken so many steps of the lattice at once.
const STRIDE: i32 = 4;
/// But not within this of the goal, metres.
const NEAR_GOAL_M: f64 = 1.0;
/// Where no node can be reached straight, the base first drives out along its own axes, so far, metres.
const OUT_M: [f64; 5] = [0.1, 0.2, 0.3, 0.4, 0.6];

const NOWHERE: u32 = u32::MAX;
/// Driving backwards costs so many times as much: the scanners and people expect a base ahead.
const BACKWARDS: f64 = 1.3;

#[derive(Clone, Copy)]
struct Reached {
    seconds: f32,
    parent: u32,
    closed: bool,
}

const UNREACHED: Reached = Reached { seconds: f32::INFINITY, parent: NOWHERE, closed: false };

/// What has been reached, kept by places: most of a map is never looked at.
struct Table {
    page_of: Vec<u32>,
    pages: Vec<[Reached; HEADINGS]>,
}

impl Table {
    fn at(&mut self, index: usize) -> &mut Reached {
        let page = &mut self.page_of[index / HEADINGS];
        if *page == NOWHERE {
            *page = self.pages.len() as u32;
            self.pages.push([UNREACHED; HEADINGS]);
        }
        &mut self.pages[*page as usize][index % HEADINGS]
    }
}

/// One search.
pub struct Search<'a> {
    sweep: &'a Sweep<'a>,
    motion: &'a Motion,
    start: &'a Isometry2<f64>,
    goal: &'a Isometry2<f64>,
    lattice: Lattice,
}

/// A node next to an end of the path, and the pose on the way to it, if there is one.
type Door = (Node, Option<Isometry2<f64>>);

impl<'a> Search<'a> {
    /// From `start` to `goal`, both of which are clear.
    pub fn new(
        sweep: &'a Sweep<'a>,
        motion: &'a Motion,
        start: &'a Isometry2<f64>,
        goal: &'a Isometry2<f64>,
    ) -> Self {
        Self { sweep, motion, start, goal, lattice: Lattice::new(sweep.map) }
    }

    /// The path's corners, both ends included.
    pub fn run(&self) -> Result<Vec<Isometry2<f64>>, Obstruction> {
        let map = self.sweep.map;
        let cell = |pose: &Isometry2<f64>| map.grid().cell_at(pose.translation.x, pose.translation.y);
        let (Some(from), Some(to)) = (cell(self.start), cell(self.goal)) else {
            return Err(self.obstruction(None));
        };
        let fastest = self.motion.speed.x.max(self.motion.speed.y);
        let mut floor = Floor::new(map, fastest, to, from);
        if floor.seconds(from.0, from.1).is_infinite() {
            return Err(self.obstruction(None));
        }
        let ends = self.doors(self.goal);
        let mut table =
            Table { page_of: vec![NOWHERE; self.lattice.columns * self.lattice.rows], pages: Vec::new() };
        let mut open = BinaryHeap::new();
        let doors = self.doors(self.start);
        for (node, by) in &doors {
            let there = self.lattice.pose(map, *node);
            let by = by.unwrap_or(*self.start);
            let seconds = self.motion.time(self.start, &by) + self.motion.time(&by, &there);
            let index = self.lattice.index(*node);
            table.at(index).seconds = seconds as f32;
            open.push((Reverse(order(seconds)), index as u32));
        }
        let inner_m = map.footprint().inner_radius_m();
        let mut nearest: Option<(f64, Isometry2<f64>)> = None;
        while let Some((_, index)) = open.pop() {
            let reached = table.at(index as usize);
            if std::mem::replace(&mut reached.closed, true) {
                continue;
            }
            let before = f64::from(reached.seconds);
            let node = self.lattice.node(index as usize);
            let here = self.lattice.pose(map, node);
            if let Some((_, by)) = ends.iter().find(|(end, _)| *end == node) {
                return Ok(self.trace(&mut table, &doors, index, *by));
            }
            let crow = (here.translation.vector - self.goal.translation.vector).norm();
            if nearest.is_none_or(|(best, _)| crow < best) {
                nearest = Some((crow, here));
            }
            for step in self.lattice.steps(node.heading, self.motion.omnidirectional) {
                // Far from the goal a long stride comes first, and a short one only where that does not fit.
                let strides: &[i32] = if step.turn == 0 && crow > NEAR_GOAL_M { &[STRIDE, 1] } else { &[1] };
                for stride in strides {
                    let Some(next) = self.lattice.after(node, step, *stride) else { continue };
                    let to = self.lattice.index(next);
                    let there = self.lattice.pose(map, next);
                    let after = (before + self.cost(&here, &there, next)) as f32;
                    let known = table.at(to);
                    if known.closed || after >= known.seconds {
                        break;
                    }
                    let (column, row) = self.lattice.cell(next);
                    if map.clearance(column, row) < inner_m || !self.sweep.leg_is_clear(&here, &there) {
                        continue;
                    }
                    let way = floor.seconds(column, row);
                    if way.is_infinite() {
                        continue;
                    }
                    let turn = wrap_angle(self.goal.rotation.angle() - there.rotation.angle()).abs();
                    let left = way.max(turn / self.motion.speed.yaw);
                    *known = Reached { seconds: after, parent: index, closed: false };
                    open.push((Reverse(order(f64::from(after) + GREED * left)), to as u32));
                    break;
                }
            }
        }
        Err(self.obstruction(nearest.map(|(_, pose)| pose)))
    }

    /// Seconds of a step, weighed by how close it passes things.
    fn cost(&self, here: &Isometry2<f64>, there: &Isometry2<f64>, next: Node) -> f64 {
        let (column, row) = self.lattice.cell(next);
        let ahead = here.rotation.inverse() * (there.translation.vector - here.translation.vector);
        let back = if ahead.x < -0.5 * ahead.norm() { BACKWARDS } else { 1.0 };
        let dear = dearness(self.sweep.map, self.sweep.map.clearance(column, row));
        self.motion.time(here, there) * back * dear
    }

    /// Nodes from which a pose is reached straight, or by driving out along the base's axes first.
    fn doors(&self, pose: &Isometry2<f64>) -> Vec<Door> {
        let reach = |by: &Isometry2<f64>| -> Vec<Node> {
            let nodes = self.lattice.near(self.sweep.map, by);
            let clear = |node: &Node| {
                let there = self.lattice.pose(self.sweep.map, *node);
                if self.motion.omnidirectional {
                    return self.sweep.leg_is_clear(by, &there);
                }
                // The same legs will be driven at the goal's end, the other way round.
                let mut legs = [false, true].map(|backwards| driven(by, &there, backwards)).into_iter();
                legs.any(|legs| legs.windows(2).all(|pair| self.sweep.leg_is_clear(&pair[0], &pair[1])))
            };
            nodes.into_iter().filter(clear).collect()
        };
        let straight = reach(pose);
        if !straight.is_empty() {
            return straight.into_iter().map(|node| (node, None)).collect();
        }
        let axes: &[Vector2<f64>] = if self.motion.omnidirectional {
            &[
                Vector2::new(-1.0, 0.0),
                Vector2::new(1.0, 0.0),
                Vector2::new(0.0, 1.0),
                Vector2::new(0.0, -1.0),
            ]
        } else {
            &[Vector2::new(-1.0, 0.0), Vector2::new(1.0, 0.0)]
        };
        let mut doors = Vec::new();
        for axis in axes {
            for out in OUT_M {
                let by = pose * Isometry2::new(axis * out, 0.0);
                if !self.sweep.leg_is_clear(pose, &by) {
                    break;
                }
                let nodes = reach(&by);
                if !nodes.is_empty() {
                    doors.extend(nodes.into_iter().map(|node| (node, Some(by))));
                    break;
                }
            }
        }
        doors
    }

    fn trace(
        &self,
        table: &mut Table,
        doors: &[Door],
        end: u32,
        last: Option<Isometry2<f64>>,
    ) -> Vec<Isometry2<f64>> {
        let mut corners: Vec<Isometry2<f64>> = [Some(*self.goal), last].into_iter().flatten().collect();
        let mut index = end;
        loop {
            let node = self.lattice.node(index as usize);
            corners.push(self.lattice.pose(self.sweep.map, node));
            let parent = table.at(index as usize).parent;
            if parent == NOWHERE {
                corners.extend(doors.iter().find(|(door, _)| *door == node).and_then(|(_, by)| *by));
                break;
            }
            index = parent;
        }
        corners.push(*self.start);
        corners.reverse();
        corners
    }

    fn obstruction(&self, nearest: Option<Isometry2<f64>>) -> Obstruction {
        let here = nearest.unwrap_or(*self.start);
        let off = (here.translation.vector - self.goal.translation.vector).norm();
        // What stands in the way from there, or else whatever is near.
        let steps = (off / 0.05).ceil().max(1.0);
        let mut ahead = (0..=steps as usize).map(|step| share_of(&here, self.goal, step as f64 / steps));
        let (layer, at) = ahead
            .find_map(|pose| self.sweep.obstacle_at(&pose))
            .or_else(|| self.sweep.map.obstacle_at(&here, 0.5))
            .unwrap_or((Layer::Map, Point2::from(here.translation.vector)));
        let words = format!(
            "no way from {} to {}: the nearest place that can be reached, {}, is {off:.2} m short, blocked by {}",
            words_of(self.start),
            words_of(self.goal),
            words_of(&here),
            describe(layer, &at)
        );
        Obstruction { layer, words }
    }
}
