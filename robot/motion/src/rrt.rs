//! RRT-Connect (J. Kuffner and S. LaValle, ICRA 2000) in joint space, towards any of several goals. The smaller tree
//! grows, so that one in a narrow place does not fall behind.

use crate::kinematics::chain::JointLimits;
use crate::kinematics::{MAX_JOINTS, Position};
use crate::sweep::{Blocked, Cause, Checker};
use nightshift_core::random::Stream;
use rand::Rng;
use std::collections::BTreeMap;

/// How far a tree grows at once, radians over all joints.
const STEP: f64 = 1.0;
/// As [`STEP`], where what is held is kept upright: the way between is bent.
const UPRIGHT_STEP: f64 = 0.35;
/// Of its step a tree must come nearer by this, or it is stuck at the bound of what may lean.
const PROGRESS: f64 = 0.05;
/// How often the trees grow before giving up.
const TRIES: usize = 250_000;
/// A share of the random positions is drawn from around the start and the first goal: so far around, radians.
const AROUND: f64 = 0.8;
const AROUND_SHARE: f64 = 0.5;

/// Joints beyond the arm's are zero, so that distances may be taken over all.
struct Tree {
    nodes: Vec<Position>,
    parents: Vec<usize>,
}

impl Tree {
    fn new<'a>(roots: impl Iterator<Item = &'a [f64]>) -> Self {
        let nodes: Vec<Position> = roots.map(padded).collect();
        Self { parents: (0..nodes.len()).collect(), nodes }
    }

    fn nearest(&self, q: &Position) -> (usize, f64) {
        let mut best = (0, f64::INFINITY);
        for (index, node) in self.nodes.iter().enumerate() {
            let square = square(node, q);
            if square < best.1 {
                best = (index, square);
            }
        }
        (best.0, best.1.sqrt())
    }

    fn add(&mut self, q: Position, parent: usize) -> usize {
        self.nodes.push(q);
        self.parents.push(parent);
        self.nodes.len() - 1
    }

    /// From a node to its root.
    fn branch(&self, mut index: usize, joints: usize) -> Vec<Vec<f64>> {
        let mut branch = vec![self.nodes[index][..joints].to_vec()];
        while self.parents[index] != index {
            index = self.parents[index];
            branch.push(self.nodes[index][..joints].to_vec());
        }
        branch
    }
}

fn padded(q: &[f64]) -> Position {
    let mut padded = [0.0; MAX_JOINTS];
    padded[..q.len()].copy_from_slice(q);
    padded
}

fn square(a: &Position, b: &Position) -> f64 {
    let mut sum = 0.0;
    for joint in 0..MAX_JOINTS {
        let way = a[joint] - b[joint];
        sum += way * way;
    }
    sum
}

/// What stood in the way: each pair with how often it did, and where it did first.
#[derive(Default)]
pub(crate) struct Obstruction(BTreeMap<Cause, (usize, Vec<f64>)>);

impl Obstruction {
    pub(crate) fn note(&mut self, blocked: Blocked) {
        self.0.entry(blocked.cause).or_insert((0, blocked.q)).0 += 1;
    }

    /// What stood in the way most often.
    pub(crate) fn worst(&self) -> Option<(Cause, &[f64])> {
        let worst = self.0.iter().max_by_key(|(_, (count, _))| *count)?;
        Some((*worst.0, &worst.1.1))
    }
}

/// A free way from `start` to one of `goals`, which are free themselves; none where none was found.
pub(crate) fn connect(
    checker: &Checker<'_>,
    start: &[f64],
    goals: &[Vec<f64>],
    stream: &mut Stream,
    obstruction: &mut Obstruction,
) -> Option<Vec<Vec<f64>>> {
    let limits = checker.world.arm.limits();
    let joints = start.len();
    let first_goal = goals.first()?;
    let mut growing = Tree::new(std::iter::once(start));
    let mut other = Tree::new(goals.iter().map(Vec::as_slice));
    let mut from_start = true;
    for _ in 0..TRIES {
        let around = stream.random_bool(AROUND_SHARE);
        let mut sample = sample(limits, stream, around.then_some((start, first_goal.as_slice())));
        if checker.upright.as_ref().is_some_and(|upright| !upright.project(&mut sample[..joints])) {
            continue;
        }
        let (root, away) = growing.nearest(&sample);
        if let Some(new) = extend(checker, &mut growing, (root, away), &sample, obstruction) {
            let target = growing.nodes[new];
            if let Some(met) = reach(checker, &mut other, &target, obstruction) {
                let (mut way, rest) = (growing.branch(new, joints), other.branch(met, joints));
                way.reverse();
                // Both branches end in the node where they met.
                way.extend(rest.into_iter().skip(1));
                if !from_start {
                    way.reverse();
                }
                return Some(way);
            }
        }
        if growing.nodes.len() > other.nodes.len() {
            std::mem::swap(&mut growing, &mut other);
            from_start = !from_start;
        }
    }
    None
}

/// A random position: anywhere, or around two others.
fn sample(limits: &[JointLimits], stream: &mut Stream, around: Option<(&[f64], &[f64])>) -> Position {
    let mut q = [0.0; MAX_JOINTS];
    for (joint, limit) in limits.iter().enumerate() {
        let (mut low, mut high) = (limit.lower, limit.upper);
        if let Some((a, b)) = around {
            low = low.max(a[joint].min(b[joint]) - AROUND);
            high = high.min(a[joint].max(b[joint]) + AROUND);
        }
        q[joint] = if low < high { stream.random_range(low..=high) } else { low };
    }
    q
}

/// Grows a tree by one step from a node, that is so far away, towards `target`.
fn extend(
    checker: &Checker<'_>,
    tree: &mut Tree,
    (from, away): (usize, f64),
    target: &Position,
    obstruction: &mut Obstruction,
) -> Option<usize> {
    let joints = checker.world.arm.joint_count();
    let start = tree.nodes[from];
    let mut next = *target;
    let step = if checker.upright.is_some() { UPRIGHT_STEP } else { STEP };
    if away > step {
        for joint in 0..MAX_JOINTS {
            next[joint] = start[joint] + (target[joint] - start[joint]) * (step / away);
        }
        if let Some(upright) = &checker.upright
            && (!upright.project(&mut next[..joints])
                || square(&next, target).sqrt() > away - PROGRESS * step)
        {
            obstruction.note(Blocked { cause: Cause::Leans, q: next[..joints].to_vec(), share: 1.0 });
            return None;
        }
    }
    match checker.stretch(&start[..joints], &next[..joints]) {
        None => Some(tree.add(next, from)),
        Some(blocked) => {
            obstruction.note(blocked);
            None
        }
    }
}

/// Grows a tree until it is at `target`, if it can.
fn reach(
    checker: &Checker<'_>,
    tree: &mut Tree,
    target: &Position,
    obstruction: &mut Obstruction,
) -> Option<usize> {
    let (mut at, mut away) = tree.nearest(target);
    while tree.nodes[at] != *target {
        at = extend(checker, tree, (at, away), target, obstruction)?;
        away = square(&tree.nodes[at], target).sqrt();
    }
    Some(at)
}
