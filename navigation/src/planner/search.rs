//! The search over the lattice.

use super::floor::{Floor, dearness};
use super::lattice::{HEADINGS, Lattice, Node, Step};
use super::shorten::driven;
use super::sweep::{LEAVING_RADIUS_M, Sweep, share_of};
use super::{Motion, Obstruction, order, words_of};
use crate::costmap::Layer;
use nalgebra::{Isometry2, Point2, Vector2};
use nightshift_core::frames::wrap_angle;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// A search gives up after so many places and headings that it went on from: well over what any way in a building took,
/// and about half a second.
const MOST_LOOKED_AT: usize = 60_000;
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
    /// What is spare there, metres; NaN as long as nobody asked.
    spare_m: f32,
}

const UNREACHED: Reached =
    Reached { seconds: f32::INFINITY, parent: NOWHERE, closed: false, spare_m: f32::NAN };

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

/// A step that was not checked yet, the most promising first.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Offer {
    order: Reverse<u64>,
    to: u32,
    parent: u32,
    /// The bits of a positive `f32`, which are in the order of the numbers.
    seconds: u32,
    times: i32,
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
            return Err(self.obstruction(None, false));
        };
        let fastest = self.motion.speed.x.max(self.motion.speed.y);
        let mut floor = Floor::new(self.sweep, fastest, to, from);
        if floor.seconds(from.0, from.1).is_infinite() {
            return Err(self.obstruction(None, false));
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
            let to = self.lattice.index(*node) as u32;
            let before = (seconds as f32).to_bits();
            open.push(Offer {
                order: Reverse(order(seconds)),
                to,
                parent: NOWHERE,
                seconds: before,
                times: 0,
            });
        }
        let mut nearest: Option<(f64, Isometry2<f64>)> = None;
        let mut looked_at = 0;
        while let Some(Offer { to: index, parent, seconds, times, .. }) = open.pop() {
            if table.at(index as usize).closed {
                continue;
            }
            let node = self.lattice.node(index as usize);
            if parent != NOWHERE {
                // Only now: most of what is offered is never taken up.
                let from = self.lattice.node(parent as usize);
                let step = Lattice::step(from, node, times);
                if !self.step_is_clear(&mut table, from, step, times) {
                    if times > 1 {
                        let before = table.at(parent as usize).seconds;
                        open.extend(self.offer(&mut table, &mut floor, (from, before), step, 1));
                    }
                    continue;
                }
            }
            let reached = table.at(index as usize);
            (reached.closed, reached.seconds, reached.parent) = (true, f32::from_bits(seconds), parent);
            let before = reached.seconds;
            looked_at += 1;
            if looked_at > MOST_LOOKED_AT {
                return Err(self.obstruction(nearest.map(|(_, pose)| pose), true));
            }
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
                let far = step.turn == 0 && crow > NEAR_GOAL_M;
                let long = far && self.lattice.after(node, step, STRIDE).is_some();
                let times = if long { STRIDE } else { 1 };
                open.extend(self.offer(&mut table, &mut floor, (node, before), step, times));
            }
        }
        Err(self.obstruction(nearest.map(|(_, pose)| pose), false))
    }

    /// A step from a node that was reached after so many seconds, if it leads anywhere new.
    fn offer(
        &self,
        table: &mut Table,
        floor: &mut Floor<'_>,
        (node, before): (Node, f32),
        step: Step,
        times: i32,
    ) -> Option<Offer> {
        let map = self.sweep.map;
        let next = self.lattice.after(node, step, times)?;
        let to = self.lattice.index(next);
        let known = table.at(to);
        if known.closed {
            return None;
        }
        let (column, row) = self.lattice.cell(next);
        let way = if known.spare_m < 0.0 && times == 1 { f64::INFINITY } else { floor.seconds(column, row) };
        if way.is_infinite() && times == 1 {
            return None;
        }
        let (here, there) = (self.lattice.pose(map, node), self.lattice.pose(map, next));
        let seconds = f64::from(before) + self.cost(&here, &there, next);
        let turn = wrap_angle(self.goal.rotation.angle() - there.rotation.angle()).abs();
        // Where a long stride ends in a wall, its place in the order is that of the short one.
        let way = if way.is_infinite() {
            floor.seconds(self.lattice.cell(node).0, self.lattice.cell(node).1)
        } else {
            way
        };
        let left = way.max(turn / self.motion.speed.yaw);
        let order = Reverse(order(seconds + GREED * left));
        let parent = self.lattice.index(node) as u32;
        Some(Offer { order, to: to as u32, parent, seconds: (seconds as f32).to_bits(), times })
    }

    /// What is spare at a node, worked out once.
    fn spare_m(&self, table: &mut Table, node: Node) -> f64 {
        let index = self.lattice.index(node);
        let known = table.at(index).spare_m;
        if !known.is_nan() {
            return f64::from(known);
        }
        let spare = self.sweep.spare_m(&self.lattice.pose(self.sweep.map, node));
        table.at(index).spare_m = spare as f32;
        f64::from(spare as f32)
    }

    /// Whether the base can take a step so many times.
    fn step_is_clear(&self, table: &mut Table, node: Node, step: Step, times: i32) -> bool {
        let map = self.sweep.map;
        let Some(last) = self.lattice.after(node, step, times) else { return false };
        let (here, there) = (self.lattice.pose(map, node), self.lattice.pose(map, last));
        if map.costmap().zones().against(&here, &there).is_some() {
            return false;
        }
        let from_start =
            |pose: &Isometry2<f64>| (pose.translation.vector - self.start.translation.vector).norm();
        let way = (there.translation.vector - here.translation.vector).norm();
        if from_start(&here) < LEAVING_RADIUS_M + way {
            return self.sweep.leg_is_clear(&here, &there);
        }
        let end = self.spare_m(table, last);
        if end < 0.0 {
            return false;
        }
        let mut before = (here, self.spare_m(table, node));
        (1..=times).all(|count| {
            let Some(next) = self.lattice.after(node, step, count) else { return false };
            let after = (self.lattice.pose(map, next), self.spare_m(table, next));
            let clear = self.sweep.leg_is_clear_between(&before.0, &after.0, [before.1, after.1]);
            before = after;
            clear
        })
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

    /// Why there is no way; `given_up` where not everything was tried.
    fn obstruction(&self, nearest: Option<Isometry2<f64>>, given_up: bool) -> Obstruction {
        let here = nearest.unwrap_or(*self.start);
        let off = (here.translation.vector - self.goal.translation.vector).norm();
        // What stands in the way from there, or else whatever is near.
        let steps = (off / 0.05).ceil().max(1.0);
        let mut ahead = (0..=steps as usize).map(|step| share_of(&here, self.goal, step as f64 / steps));
        let (layer, at) = ahead
            .find_map(|pose| self.sweep.obstacle_at(&pose))
            .or_else(|| self.sweep.map.obstacle_at(&here, 0.5))
            .unwrap_or((Layer::Map, Point2::from(here.translation.vector)));
        let tried = if given_up {
            let margin_m = self.sweep.margin_m;
            format!(
                " was found among {MOST_LOOKED_AT} places and headings, {margin_m:.2} m clear of everything"
            )
        } else {
            String::new()
        };
        let costmap = self.sweep.map.costmap();
        let obeyed: Vec<&str> = costmap.zones().one_way().collect();
        let obeyed = match obeyed.as_slice() {
            [] => String::new(),
            names => format!("; one-way zones are obeyed: {}", names.join(", ")),
        };
        let words = format!(
            "no way from {} to {}{tried}: the nearest place that can be reached, {}, is {off:.2} m short, blocked by {}{obeyed}",
            words_of(self.start),
            words_of(self.goal),
            words_of(&here),
            costmap.words(layer, &at)
        );
        Obstruction { layer, words }
    }
}
