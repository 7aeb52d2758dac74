//! A search over the lattice from one end of a path towards the other.

use super::doors::Door;
use super::floor::{Floor, dearness};
use super::lattice::{Lattice, Node, Step};
use super::sweep::{LEAVING_RADIUS_M, Sweep};
use super::table::{NOWHERE, Table};
use super::{Motion, order};
use nalgebra::Isometry2;
use nightshift_core::frames::wrap_angle;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Greediness of the search: a path may be so much longer than the best one before shortcuts.
const GREED: f64 = 1.4;
/// Where there is room, ways are taken so many steps of the lattice at once.
const STRIDE: i32 = 4;
/// But not within this of the other end, metres.
const NEAR_END_M: f64 = 1.0;
/// Driving backwards costs so many times as much: the scanners and people expect a base ahead.
const BACKWARDS: f64 = 1.3;

/// Which end a side begins at.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Root {
    /// Its steps are driven as they are taken.
    Start,
    /// Its steps are driven the other way round.
    Goal,
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

/// What a side went on from last.
pub enum Turn {
    /// A node.
    Closed(Node),
    /// Nothing: there is nothing left.
    Exhausted,
}

/// One side of a search.
pub struct Side<'a> {
    sweep: &'a Sweep<'a>,
    motion: &'a Motion,
    lattice: &'a Lattice,
    root: Root,
    from: &'a Isometry2<f64>,
    to: &'a Isometry2<f64>,
    floor: Floor<'a>,
    table: Table,
    open: BinaryHeap<Offer>,
    doors: &'a [Door],
    /// Steps taken at once where there is room.
    stride: i32,
    /// The place nearest to the other end as the crow flies, and how far off it is, metres.
    pub nearest: Option<(f64, Isometry2<f64>)>,
    /// How many nodes it went on from.
    pub looked_at: usize,
}

impl<'a> Side<'a> {
    /// From the doors of one end to the other end.
    pub fn new(
        sweep: &'a Sweep<'a>,
        motion: &'a Motion,
        lattice: &'a Lattice,
        (root, from, to): (Root, &'a Isometry2<f64>, &'a Isometry2<f64>),
        floor: Floor<'a>,
        doors: &'a [Door],
    ) -> Self {
        let mut open = BinaryHeap::new();
        for (node, by) in doors {
            let there = lattice.pose(sweep.map, *node);
            let by = by.unwrap_or(*from);
            let seconds = motion.time(from, &by) + motion.time(&by, &there);
            let (to, before) = (lattice.index(*node) as u32, (seconds as f32).to_bits());
            open.push(Offer {
                order: Reverse(order(seconds)),
                to,
                parent: NOWHERE,
                seconds: before,
                times: 0,
            });
        }
        let table = Table::new(lattice.columns * lattice.rows);
        let (nearest, looked_at) = (None, 0);
        Self {
            sweep,
            motion,
            lattice,
            root,
            from,
            to,
            floor,
            table,
            open,
            doors,
            stride: STRIDE,
            nearest,
            looked_at,
        }
    }

    /// Once more from every node that it went on from, with single steps; false where it has only taken such.
    pub fn patient(&mut self) -> bool {
        if std::mem::replace(&mut self.stride, 1) == 1 {
            return false;
        }
        for (node, seconds) in self.table.closed() {
            self.go_on(self.lattice.node(node), seconds);
        }
        true
    }

    /// Goes on from the most promising node.
    pub fn turn(&mut self) -> Turn {
        while let Some(Offer { to: index, parent, seconds, times, .. }) = self.open.pop() {
            if self.table.is_closed(index as usize) {
                continue;
            }
            let node = self.lattice.node(index as usize);
            if parent != NOWHERE {
                // Only now: most of what is offered is never taken up.
                let from = self.lattice.node(parent as usize);
                let step = Lattice::step(from, node, times);
                if !self.step_is_clear(from, step, times) {
                    if times > 1 {
                        let before = self.table.at(parent as usize).seconds;
                        self.offer((from, before), step, 1);
                    }
                    continue;
                }
            }
            let reached = self.table.at(index as usize);
            (reached.closed, reached.seconds, reached.parent) = (true, f32::from_bits(seconds), parent);
            self.looked_at += 1;
            self.go_on(node, f32::from_bits(seconds));
            return Turn::Closed(node);
        }
        Turn::Exhausted
    }

    fn go_on(&mut self, node: Node, before: f32) {
        let here = self.lattice.pose(self.sweep.map, node);
        let crow = (here.translation.vector - self.to.translation.vector).norm();
        if self.nearest.is_none_or(|(best, _)| crow < best) {
            self.nearest = Some((crow, here));
        }
        let lattice = self.lattice;
        for step in lattice.steps(node.heading, self.motion.omnidirectional) {
            // Far from the other end a long stride comes first, and a short one only where that does not fit.
            let far = step.turn == 0 && crow > NEAR_END_M;
            let long = far && lattice.after(node, step, self.stride).is_some();
            self.offer((node, before), step, if long { self.stride } else { 1 });
        }
    }

    /// Offers a step from a node that was reached after so many seconds, if it leads anywhere new.
    fn offer(&mut self, (node, before): (Node, f32), step: Step, times: i32) {
        let Some(next) = self.lattice.after(node, step, times) else { return };
        let to = self.lattice.index(next);
        let known = self.table.at(to);
        if known.closed {
            return;
        }
        let (column, row) = self.lattice.cell(next);
        let way =
            if known.spare_m < 0.0 && times == 1 { f64::INFINITY } else { self.floor.seconds(column, row) };
        if way.is_infinite() && times == 1 {
            return;
        }
        let map = self.sweep.map;
        let (here, there) = (self.lattice.pose(map, node), self.lattice.pose(map, next));
        let seconds = f64::from(before) + self.cost((node, &here), (next, &there), times);
        let turn = wrap_angle(self.to.rotation.angle() - there.rotation.angle()).abs();
        // Where a long stride ends in a wall, its place in the order is that of the short one.
        let way = if way.is_infinite() {
            let (column, row) = self.lattice.cell(node);
            self.floor.seconds(column, row)
        } else {
            way
        };
        let left = way.max(turn / self.motion.speed.yaw);
        let order = Reverse(order(seconds + GREED * left));
        let parent = self.lattice.index(node) as u32;
        self.open.push(Offer { order, to: to as u32, parent, seconds: (seconds as f32).to_bits(), times });
    }

    /// What is spare at a node, worked out once.
    fn spare_m(&mut self, node: Node) -> f64 {
        let known = self.table.at(self.lattice.index(node));
        if known.spare_m.is_nan() {
            known.spare_m = self.sweep.spare_m(&self.lattice.pose(self.sweep.map, node)) as f32;
        }
        f64::from(known.spare_m)
    }

    /// Whether the base can take a step so many times.
    fn step_is_clear(&mut self, node: Node, step: Step, times: i32) -> bool {
        let map = self.sweep.map;
        let Some(last) = self.lattice.after(node, step, times) else { return false };
        let (here, there) = (self.lattice.pose(map, node), self.lattice.pose(map, last));
        let (first, then) = if self.root == Root::Start { (&here, &there) } else { (&there, &here) };
        if self.sweep.forbids(first, then) {
            return false;
        }
        let from_start =
            |pose: &Isometry2<f64>| (pose.translation.vector - self.sweep.start.translation.vector).norm();
        let way = (there.translation.vector - here.translation.vector).norm();
        if from_start(&here) < LEAVING_RADIUS_M + way {
            return self.sweep.leg_is_clear(first, then);
        }
        let end = self.spare_m(last);
        if end < 0.0 {
            return false;
        }
        let mut before = (here, self.spare_m(node));
        (1..=times).all(|count| {
            let Some(next) = self.lattice.after(node, step, count) else { return false };
            let after = (self.lattice.pose(map, next), self.spare_m(next));
            let clear = self.sweep.leg_is_clear_between(&before.0, &after.0, [before.1, after.1]);
            before = after;
            clear
        })
    }

    /// Seconds of a step, as slow as its zones are, weighed by how close it passes things.
    fn cost(
        &self,
        (node, here): (Node, &Isometry2<f64>),
        (next, there): (Node, &Isometry2<f64>),
        times: i32,
    ) -> f64 {
        let (column, row) = self.lattice.cell(next);
        let taken = here.rotation.inverse() * (there.translation.vector - here.translation.vector);
        let ahead = if self.root == Root::Start { taken } else { -taken };
        let back = if ahead.x < -0.5 * ahead.norm() { BACKWARDS } else { 1.0 };
        let dear = dearness(self.sweep.map, self.sweep.map.clearance(column, row));
        self.motion.time(here, there) * back * dear * self.slowness(node, next, times)
    }

    /// Of a step so many times, on the mean.
    fn slowness(&self, node: Node, next: Node, times: i32) -> f64 {
        let map = self.sweep.map;
        let zones = map.costmap().zones();
        if !zones.slow() {
            return 1.0;
        }
        let step = Lattice::step(node, next, times);
        let poses = (1..=times).filter_map(|count| self.lattice.after(node, step, count));
        let slow = poses.map(|node| {
            zones.slowness(map.footprint(), &self.lattice.pose(map, node), self.motion.fastest_m_s())
        });
        slow.sum::<f64>() / f64::from(times)
    }

    /// A node that the other side went on from and that one step leads to.
    pub fn meets(&mut self, other: &Side<'_>, node: Node) -> Option<Node> {
        let lattice = self.lattice;
        if other.table.is_closed(lattice.index(node)) {
            return Some(node);
        }
        lattice.steps(node.heading, self.motion.omnidirectional).find_map(|step| {
            let most = if step.turn == 0 { STRIDE } else { 1 };
            (1..=most).find_map(|times| {
                let next = lattice.after(node, step, times)?;
                let met = other.table.is_closed(lattice.index(next));
                (met && self.step_is_clear(node, step, times)).then_some(next)
            })
        })
    }

    /// The corners from this side's root to a node that it went on from.
    pub fn corners_to(&mut self, node: Node) -> Vec<Isometry2<f64>> {
        let mut corners = Vec::new();
        let mut index = self.lattice.index(node) as u32;
        while index != NOWHERE {
            let node = self.lattice.node(index as usize);
            corners.push(self.lattice.pose(self.sweep.map, node));
            index = self.table.at(index as usize).parent;
            if index == NOWHERE {
                corners.extend(self.doors.iter().find(|(door, _)| *door == node).and_then(|(_, by)| *by));
            }
        }
        corners.push(*self.from);
        corners.reverse();
        corners
    }
}
