//! A tree of boxes, so that a ray asks few bodies: each node has up to four, which are asked at once.

use crate::space::{Ray, V3};
use glam::Vec4;

/// Nodes and items that wait while a ray walks: three a level. Below so many levels, groups are halved by number, so that
/// 48 are enough for four thousand items.
const WAITING: usize = 48;
const UNEVEN: usize = 8;

/// Up to four boxes, and what is in each.
#[derive(Clone, Copy, Debug)]
struct Node {
    low: [Vec4; 3],
    high: [Vec4; 3],
    /// Another node, or from `ITEM` on an item.
    inside: [u32; 4],
    /// A bit for each box.
    there: u32,
}

/// In `Node::inside`: an item's number is added to it.
const ITEM: u32 = 1 << 31;

/// The tree.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    nodes: Vec<Node>,
}

type Bounds = [V3; 2];

fn around(boxes: &[Bounds], items: &[u32]) -> Bounds {
    items.iter().fold([V3::splat(f32::INFINITY), V3::splat(f32::NEG_INFINITY)], |[low, high], item| {
        let [a, b] = boxes[*item as usize];
        [low.min(a), high.max(b)]
    })
}

impl Node {
    fn new() -> Self {
        Self { low: [Vec4::ZERO; 3], high: [Vec4::ZERO; 3], inside: [0; 4], there: 0 }
    }

    fn put(&mut self, place: usize, [low, high]: Bounds, inside: u32) {
        for axis in 0..3 {
            self.low[axis][place] = low[axis];
            self.high[axis][place] = high[axis];
        }
        self.inside[place] = inside;
        self.there |= 1 << place;
    }
}

impl Tree {
    /// Over boxes of least and greatest corner.
    pub fn new(boxes: &[Bounds]) -> Self {
        let mut tree = Self::default();
        let mut items: Vec<u32> = (0..boxes.len() as u32).collect();
        if !items.is_empty() {
            tree.split(boxes, &mut items, 0);
        }
        tree
    }

    /// Makes a node of the items, and answers its number.
    fn split(&mut self, boxes: &[Bounds], items: &mut [u32], level: usize) -> u32 {
        let own = self.nodes.len();
        self.nodes.push(Node::new());
        let mut groups: Vec<&mut [u32]> = vec![items];
        while groups.len() < 4 {
            // The largest that can be cut.
            let size = |group: &&mut [u32]| match group.len() {
                1 => -1.0,
                n if level >= UNEVEN => n as f32,
                _ => area(around(boxes, group)),
            };
            let largest = (0..groups.len()).max_by(|a, b| size(&groups[*a]).total_cmp(&size(&groups[*b])));
            let Some(largest) = largest.filter(|group| groups[*group].len() > 1) else { break };
            let group = groups.swap_remove(largest);
            let middle = if level < UNEVEN { cut(boxes, group) } else { group.len() / 2 };
            let (one, other) = group.split_at_mut(middle);
            groups.extend([one, other]);
        }
        for (place, group) in groups.into_iter().enumerate() {
            let bounds = around(boxes, group);
            let inside = if let [item] = group { ITEM + *item } else { self.split(boxes, group, level + 1) };
            self.nodes[own].put(place, bounds, inside);
        }
        own as u32
    }

    /// Asks the items whose boxes the ray meets before `limit`, near ones first; `ask` answers the new limit. A limit of
    /// zero ends the walk.
    #[inline]
    pub fn walk(&self, ray: &Ray, mut limit: f32, mut ask: impl FnMut(usize, f32) -> f32) {
        if self.nodes.is_empty() {
            return;
        }
        let inverse = ray.direction.recip().to_array();
        let origin = ray.origin.to_array();
        let mut stack = [(0u32, 0.0f32); WAITING];
        let mut depth = 1;
        while depth > 0 {
            depth -= 1;
            let (inside, near) = stack[depth];
            if near >= limit {
                continue;
            }
            if inside >= ITEM {
                limit = ask((inside - ITEM) as usize, limit);
                if limit <= 0.0 {
                    return;
                }
                continue;
            }
            let node = &self.nodes[inside as usize];
            let (mut enter, mut leave) = (Vec4::ZERO, Vec4::splat(limit));
            for axis in 0..3 {
                let a = (node.low[axis] - origin[axis]) * inverse[axis];
                let b = (node.high[axis] - origin[axis]) * inverse[axis];
                enter = enter.max(a.min(b));
                leave = leave.min(a.max(b));
            }
            let mut met = enter.cmple(leave).bitmask() & node.there;
            let enter = enter.to_array();
            let from = depth;
            while met != 0 {
                let place = met.trailing_zeros() as usize;
                met &= met - 1;
                // The nearest comes last, and is taken first.
                let mut at = depth;
                while at > from && stack[at - 1].1 < enter[place] {
                    stack[at] = stack[at - 1];
                    at -= 1;
                }
                stack[at] = (node.inside[place], enter[place]);
                depth += 1;
            }
        }
    }
}

/// Half the surface of a box.
fn area([low, high]: Bounds) -> f32 {
    let s = high - low;
    s.x * s.y + s.y * s.z + s.z * s.x
}

/// Sorts two or more items so that those before and from the place that is answered lie apart: the cut with the least surface
/// times number on both sides (MacDonald and Booth 1990), along any axis.
fn cut(boxes: &[Bounds], items: &mut [u32]) -> usize {
    let centre = |item: u32, axis: usize| (boxes[item as usize][0] + boxes[item as usize][1])[axis];
    let join = |[low, high]: Bounds, item: u32| {
        let [a, b] = boxes[item as usize];
        [low.min(a), high.max(b)]
    };
    let nothing = [V3::splat(f32::INFINITY), V3::splat(f32::NEG_INFINITY)];
    let mut best = (f32::INFINITY, 0, items.len() / 2);
    for axis in 0..3 {
        items.sort_by(|a, b| centre(*a, axis).total_cmp(&centre(*b, axis)));
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
                best = (cost, axis, cut);
            }
        }
    }
    let (_, axis, middle) = best;
    items.sort_by(|a, b| centre(*a, axis).total_cmp(&centre(*b, axis)));
    middle
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Draws;

    /// Every box that a ray meets before the limit is asked, and none that is far from it; also of many that lie on one spot.
    #[test]
    fn a_walk_asks_what_the_ray_meets() {
        for (seed, count, spread) in
            [(1, 0, 1.0), (2, 1, 1.0), (3, 7, 1.0), (4, 300, 1.0), (5, 3000, 0.0), (6, 3000, 40.0)]
        {
            let mut draws = Draws::new(seed, 0, 0);
            let mut point = |size: f32| {
                V3::new(draws.between(-size, size), draws.between(-size, size), draws.between(-size, size))
            };
            let boxes: Vec<Bounds> = (0..count)
                .map(|i| {
                    // Sizes that grow make the most uneven tree.
                    let low = point(spread) + V3::X * (spread * (i as f32).powi(2) / 1000.0);
                    [low, low + point(0.2).abs() + V3::splat(0.001)]
                })
                .collect();
            let tree = Tree::new(&boxes);
            for _ in 0..200 {
                let ray = Ray { origin: point(2.0), direction: point(1.0).normalize() };
                let mut asked = vec![0; count];
                tree.walk(&ray, 3.0, |item, limit| {
                    asked[item] += 1;
                    limit
                });
                for (item, [low, high]) in boxes.iter().enumerate() {
                    let (a, b) = ((*low - ray.origin) / ray.direction, (*high - ray.origin) / ray.direction);
                    let (enter, leave) = (a.min(b).max_element().max(0.0), a.max(b).min_element().min(3.0));
                    // At an edge rounding decides.
                    if (enter - leave).abs() > 1e-4 {
                        assert_eq!(asked[item], i32::from(enter < leave), "seed {seed}, box {item}");
                    }
                }
            }
        }
    }
}
