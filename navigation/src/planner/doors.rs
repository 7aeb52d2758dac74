//! How the ends of a path, which lie anywhere, are joined to the lattice.

use super::Motion;
use super::lattice::{Lattice, Node};
use super::shorten::driven;
use super::sweep::Sweep;
use nalgebra::{Isometry2, Vector2};

/// Where no node can be reached straight, the base first drives out along its own axes, so far, metres.
const OUT_M: [f64; 5] = [0.1, 0.2, 0.3, 0.4, 0.6];

/// A node next to an end of the path, and the pose on the way to it, if there is one.
pub type Door = (Node, Option<Isometry2<f64>>);

/// Nodes from which a pose is reached straight, or by driving out along the base's axes first.
pub fn doors(sweep: &Sweep<'_>, motion: &Motion, lattice: &Lattice, pose: &Isometry2<f64>) -> Vec<Door> {
    let reach = |by: &Isometry2<f64>| -> Vec<Node> {
        let nodes = lattice.near(sweep.map, by);
        let clear = |node: &Node| {
            let there = lattice.pose(sweep.map, *node);
            if motion.omnidirectional {
                return sweep.leg_is_clear(by, &there);
            }
            // The same legs will be driven at the goal's end, the other way round.
            let mut legs = [false, true].map(|backwards| driven(by, &there, backwards)).into_iter();
            legs.any(|legs| legs.windows(2).all(|pair| sweep.leg_is_clear(&pair[0], &pair[1])))
        };
        nodes.into_iter().filter(clear).collect()
    };
    let straight = reach(pose);
    if !straight.is_empty() {
        return straight.into_iter().map(|node| (node, None)).collect();
    }
    let axes: &[Vector2<f64>] = if motion.omnidirectional {
        &[Vector2::new(-1.0, 0.0), Vector2::new(1.0, 0.0), Vector2::new(0.0, 1.0), Vector2::new(0.0, -1.0)]
    } else {
        &[Vector2::new(-1.0, 0.0), Vector2::new(1.0, 0.0)]
    };
    let mut doors = Vec::new();
    for axis in axes {
        for out in OUT_M {
            let by = pose * Isometry2::new(axis * out, 0.0);
            if !sweep.leg_is_clear(pose, &by) {
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
