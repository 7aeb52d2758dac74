//! A tree of boxes, so that a ray asks few bodies. A scene has a hundred or so: splitting at the middle is enough.

use crate::space::{Ray, V3};

/// Boxes in a leaf.
const LEAF: usize = 2;
/// Deeper than any tree of this many bodies gets.
const DEPTH: usize = 32;

#[derive(Clone, Debug)]
struct Node {
    low: V3,
    high: V3,
    /// A leaf's first item, or the first of two children.
    first: u32,
    /// Zero for an inner node.
    count: u32,
}

/// The tree.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    nodes: Vec<Node>,
    items: Vec<u32>,
}

impl Tree {
    /// Over boxes of least and greatest corner.
    pub fn new(boxes: &[[V3; 2]]) -> Self {
        let mut tree = Self { nodes: Vec::new(), items: (0..boxes.len() as u32).collect() };
        if !boxes.is_empty() {
            tree.nodes.push(Node { low: V3::ZERO, high: V3::ZERO, first: 0, count: 0 });
            tree.split(boxes, 0, 0, boxes.len(), 0);
        }
        tree
    }

    fn split(&mut self, boxes: &[[V3; 2]], node: usize, from: usize, to: usize, depth: usize) {
        let around = |items: &[u32]| {
            items.iter().fold(
                [V3::splat(f32::INFINITY), V3::splat(f32::NEG_INFINITY)],
                |[low, high], item| {
                    let [a, b] = boxes[*item as usize];
                    [low.min(a), high.max(b)]
                },
            )
        };
        let [low, high] = around(&self.items[from..to]);
        (self.nodes[node].low, self.nodes[node].high) = (low, high);
        if to - from <= LEAF || depth + 2 >= DEPTH {
            (self.nodes[node].first, self.nodes[node].count) = (from as u32, (to - from) as u32);
            return;
        }
        // The cut with the least surface times number on both sides (MacDonald and Booth 1990), along any axis.
        let centre = |item: u32, axis: usize| (boxes[item as usize][0] + boxes[item as usize][1])[axis];
        let area = |[low, high]: [V3; 2]| {
            let s = high - low;
            s.x * s.y + s.y * s.z + s.z * s.x
        };
        let mut best = (f32::INFINITY, 0, from + (to - from) / 2);
        let join = |[low, high]: [V3; 2], item: u32| {
            let [a, b] = boxes[item as usize];
            [low.min(a), high.max(b)]
        };
        let nothing = [V3::splat(f32::INFINITY), V3::splat(f32::NEG_INFINITY)];
        for axis in 0..3 {
            self.items[from..to].sort_by(|a, b| centre(*a, axis).total_cmp(&centre(*b, axis)));
            let items = &self.items[from..to];
            // The box of each beginning and of each end, in one sweep each.
            let mut around = nothing;
            let mut behind: Vec<f32> = items
                .iter()
                .rev()
                .map(|item| {
                    around = join(around, *item);
                    area(around)
                })
                .collect();
            behind.reverse();
            let mut around = nothing;
            for cut in 1..items.len() {
                around = join(around, items[cut - 1]);
                let cost = area(around) * cut as f32 + behind[cut] * (items.len() - cut) as f32;
                if cost < best.0 {
                    best = (cost, axis, from + cut);
                }
            }
        }
        let (_, axis, middle) = best;
        self.items[from..to].sort_by(|a, b| centre(*a, axis).total_cmp(&centre(*b, axis)));
        let first = self.nodes.len();
        self.nodes[node].first = first as u32;
        for _ in 0..2 {
            self.nodes.push(Node { low: V3::ZERO, high: V3::ZERO, first: 0, count: 0 });
        }
        self.split(boxes, first, from, middle, depth + 1);
        self.split(boxes, first + 1, middle, to, depth + 1);
    }

    /// Asks the items whose boxes the ray meets before `limit`, near ones first; `ask` answers the new limit. A limit of
    /// zero ends the walk.
    #[inline]
    pub fn walk(&self, ray: &Ray, mut limit: f32, mut ask: impl FnMut(usize, f32) -> f32) {
        let Some(root) = self.nodes.first() else { return };
        let inverse = ray.direction.recip();
        let enter = |node: &Node, limit: f32| {
            let (a, b) = ((node.low - ray.origin) * inverse, (node.high - ray.origin) * inverse);
            let (near, far) = (a.min(b).max_element().max(0.0), a.max(b).min_element().min(limit));
            if near <= far { near } else { f32::INFINITY }
        };
        if enter(root, limit) == f32::INFINITY {
            return;
        }
        let mut stack = [(0u32, 0.0f32); DEPTH];
        let mut depth = 0;
        let mut node = root;
        loop {
            if node.count > 0 {
                for place in node.first..node.first + node.count {
                    limit = ask(self.items[place as usize] as usize, limit);
                    if limit <= 0.0 {
                        return;
                    }
                }
            } else {
                let (a, b) = (node.first, node.first + 1);
                let (ta, tb) = (enter(&self.nodes[a as usize], limit), enter(&self.nodes[b as usize], limit));
                let ((near, tn), (far, tf)) = if ta <= tb { ((a, ta), (b, tb)) } else { ((b, tb), (a, ta)) };
                if tf < f32::INFINITY {
                    stack[depth] = (far, tf);
                    depth += 1;
                }
                if tn < f32::INFINITY {
                    node = &self.nodes[near as usize];
                    continue;
                }
            }
            loop {
                if depth == 0 {
                    return;
                }
                depth -= 1;
                let (next, t) = stack[depth];
                if t < limit {
                    node = &self.nodes[next as usize];
                    break;
                }
            }
        }
    }
}
