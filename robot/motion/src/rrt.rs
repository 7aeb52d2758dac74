//! RRT-Connect (J. Kuffner and S. LaValle, ICRA 2000) in joint space, towards any of several goals.

use crate::inverse::distance;
use crate::sweep::{Blocked, between, stretch};
use crate::world::{Hit, World};
use nightshift_core::random::Stream;
use rand::Rng;
use std::collections::BTreeMap;

/// How far a tree grows at once, radians over all joints.
const STEP: f64 = 0.6;
/// How often the trees grow before giving up.
const TRIES: usize = 4000;
/// Half of the random positions are drawn from around the start and the first goal: so far around, radians.
const AROUND: f64 = 0.8;

struct Tree {
    nodes: Vec<Vec<f64>>,
    parents: Vec<usize>,
}

impl Tree {
    fn new(roots: &[Vec<f64>]) -> Self {
        Self { nodes: roots.to_vec(), parents: (0..roots.len()).collect() }
    }

    fn nearest(&self, q: &[f64]) -> usize {
        let ranked = self.nodes.iter().enumerate().map(|(index, node)| (distance(node, q), index));
        ranked.min_by(|a, b| a.0.total_cmp(&b.0)).map_or(0, |(_, index)| index)
    }

    fn add(&mut self, q: Vec<f64>, parent: usize) -> usize {
        self.nodes.push(q);
        self.parents.push(parent);
        self.nodes.len() - 1
    }

    /// From a node to its root.
    fn branch(&self, mut index: usize) -> Vec<Vec<f64>> {
        let mut branch = vec![self.nodes[index].clone()];
        while self.parents[index] != index {
            index = self.parents[index];
            branch.push(self.nodes[index].clone());
        }
        branch
    }
}

/// What stood in the way: each pair with how often it did, and where it did first.
#[derive(Default)]
pub(crate) struct Obstruction(BTreeMap<Hit, (usize, Vec<f64>)>);

impl Obstruction {
    pub(crate) fn note(&mut self, blocked: Blocked) {
        self.0.entry(blocked.hit).or_insert((0, blocked.q)).0 += 1;
    }

    /// The pair that stood in the way most often.
    pub(crate) fn worst(&self) -> Option<(Hit, &[f64])> {
        let worst = self.0.iter().max_by_key(|(_, (count, _))| *count)?;
        Some((*worst.0, &worst.1.1))
    }
}

/// A free way from `start` to one of `goals`, which are free themselves; none where none was found.
pub(crate) fn connect(
    world: &World<'_>,
    start: &[f64],
    goals: &[Vec<f64>],
    stream: &mut Stream,
    obstruction: &mut Obstruction,
) -> Option<Vec<Vec<f64>>> {
    let limits = world.arm.limits();
    let first_goal = goals.first()?;
    let (mut growing, mut other) = (Tree::new(&[start.to_vec()]), Tree::new(goals));
    let mut from_start = true;
    for _ in 0..TRIES {
        let around = stream.random_bool(0.5);
        let sample: Vec<f64> = (0..start.len())
            .map(|i| {
                let (mut low, mut high) = (limits[i].lower, limits[i].upper);
                if around {
                    low = low.max(start[i].min(first_goal[i]) - AROUND);
                    high = high.min(start[i].max(first_goal[i]) + AROUND);
                }
                if low < high { stream.random_range(low..=high) } else { low }
            })
            .collect();
        let root = growing.nearest(&sample);
        if let Some(new) = extend(world, &mut growing, root, &sample, obstruction) {
            let target = growing.nodes[new].clone();
            if let Some(met) = reach(world, &mut other, &target, obstruction) {
                let (mut way, rest) = (growing.branch(new), other.branch(met));
                way.reverse();
                // Both branches end in the node where they met.
                way.extend(rest.into_iter().skip(1));
                if !from_start {
                    way.reverse();
                }
                return Some(way);
            }
        }
        std::mem::swap(&mut growing, &mut other);
        from_start = !from_start;
    }
    None
}

/// Grows a tree by one step from a node towards `target`.
fn extend(
    world: &World<'_>,
    tree: &mut Tree,
    from: usize,
    target: &[f64],
    obstruction: &mut Obstruction,
) -> Option<usize> {
    let away = distance(&tree.nodes[from], target);
    let next = if away <= STEP { target.to_vec() } else { between(&tree.nodes[from], target, STEP / away) };
    match stretch(world, &tree.nodes[from], &next) {
        None => Some(tree.add(next, from)),
        Some(blocked) => {
            obstruction.note(blocked);
            None
        }
    }
}

/// Grows a tree until it is at `target`, if it can.
fn reach(world: &World<'_>, tree: &mut Tree, target: &[f64], obstruction: &mut Obstruction) -> Option<usize> {
    let mut at = tree.nearest(target);
    while tree.nodes[at] != target {
        at = extend(world, tree, at, target, obstruction)?;
    }
    Some(at)
}
