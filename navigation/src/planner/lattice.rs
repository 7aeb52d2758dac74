//! The lattice: places 10 cm apart, and sixteen headings along its own short vectors, so that a base that only drives
//! ahead stays on it.

use crate::costmap::Snapshot;
use nalgebra::{Isometry2, UnitComplex, Vector2};

/// Headings of the lattice.
pub const HEADINGS: usize = 16;
/// Edge of the lattice, metres.
const EDGE_M: f64 = 0.1;
/// The shortest step of the lattice along each heading.
const AHEAD: [(i32, i32); HEADINGS] = [
    (1, 0),
    (2, 1),
    (1, 1),
    (1, 2),
    (0, 1),
    (-1, 2),
    (-1, 1),
    (-2, 1),
    (-1, 0),
    (-2, -1),
    (-1, -1),
    (-1, -2),
    (0, -1),
    (1, -2),
    (1, -1),
    (2, -1),
];

/// A place and a heading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node {
    /// In steps of the lattice.
    pub column: usize,
    /// In steps of the lattice.
    pub row: usize,
    /// Index of the heading.
    pub heading: usize,
}

/// A step to another node.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// Columns.
    pub right: i32,
    /// Rows.
    pub up: i32,
    /// Headings, counter-clockwise.
    pub turn: usize,
}

/// A lattice over the map's cells.
pub struct Lattice {
    stride: usize,
    /// Places in a row.
    pub columns: usize,
    /// Rows.
    pub rows: usize,
    headings: [f64; HEADINGS],
    rotations: [UnitComplex<f64>; HEADINGS],
}

impl Lattice {
    /// Over a map.
    pub fn new(map: &Snapshot<'_>) -> Self {
        let grid = map.grid();
        let stride = (EDGE_M / grid.resolution_m).round().max(1.0) as usize;
        let headings = AHEAD.map(|(right, up)| f64::from(up).atan2(f64::from(right)));
        let rotations = headings.map(UnitComplex::new);
        let [columns, rows] = [grid.width, grid.height].map(|cells| cells.div_ceil(stride));
        Self { stride, columns, rows, headings, rotations }
    }

    /// A node's number among all.
    pub fn index(&self, node: Node) -> usize {
        (node.row * self.columns + node.column) * HEADINGS + node.heading
    }

    /// The node of a number.
    pub fn node(&self, index: usize) -> Node {
        let place = index / HEADINGS;
        Node { column: place % self.columns, row: place / self.columns, heading: index % HEADINGS }
    }

    /// Column and row of the map's cell at a node.
    pub fn cell(&self, node: Node) -> (usize, usize) {
        (node.column * self.stride, node.row * self.stride)
    }

    /// The places in a square of cells.
    pub fn within(&self, column: usize, row: usize, cells: usize) -> impl Iterator<Item = (usize, usize)> {
        let places = |from: usize, most: usize| {
            from.div_ceil(self.stride)..(from + cells).div_ceil(self.stride).min(most)
        };
        let (columns, rows) = (places(column, self.columns), places(row, self.rows));
        rows.flat_map(move |row| columns.clone().map(move |column| (column, row)))
    }

    /// In the map's frame.
    pub fn pose(&self, map: &Snapshot<'_>, node: Node) -> Isometry2<f64> {
        let (column, row) = self.cell(node);
        let place = Vector2::from(map.grid().center(column, row));
        Isometry2::from_parts(place.into(), self.rotations[node.heading])
    }

    /// The node one step on, if it is on the lattice.
    pub fn after(&self, node: Node, step: Step, times: i32) -> Option<Node> {
        let column = usize::try_from(node.column as i64 + i64::from(step.right * times)).ok()?;
        let row = usize::try_from(node.row as i64 + i64::from(step.up * times)).ok()?;
        let heading = (node.heading + step.turn) % HEADINGS;
        (column < self.columns && row < self.rows).then_some(Node { column, row, heading })
    }

    /// The step that, taken so many times, leads from one node to another.
    pub fn step(from: Node, to: Node, times: i32) -> Step {
        let apart = |from: usize, to: usize| (to as i64 - from as i64) as i32 / times;
        Step {
            right: apart(from.column, to.column),
            up: apart(from.row, to.row),
            turn: (to.heading + HEADINGS - from.heading) % HEADINGS,
        }
    }

    /// The steps that a base can take from a heading: turns, and ways ahead, back and, if it can, aside.
    pub fn steps(&self, heading: usize, omnidirectional: bool) -> impl Iterator<Item = Step> {
        let (right, up) = AHEAD[heading];
        let turns = [1, HEADINGS - 1].map(|turn| Step { right: 0, up: 0, turn });
        let along = [1, -1].map(|sign| Step { right: sign * right, up: sign * up, turn: 0 });
        let about = (0..9).filter(|step| *step != 4);
        let about = about.map(|step| Step { right: step % 3 - 1, up: step / 3 - 1, turn: 0 });
        let along = along.into_iter().filter(move |_| !omnidirectional);
        turns.into_iter().chain(along).chain(about.filter(move |_| omnidirectional))
    }

    /// Nodes near a pose, the nearest headings first.
    pub fn near(&self, map: &Snapshot<'_>, pose: &Isometry2<f64>) -> Vec<Node> {
        let Some((column, row)) = map.grid().cell_at(pose.translation.x, pose.translation.y) else {
            return Vec::new();
        };
        let mut headings: Vec<usize> = (0..HEADINGS).collect();
        let turn = |heading: &usize| {
            nightshift_core::frames::wrap_angle(self.headings[*heading] - pose.rotation.angle()).abs()
        };
        headings.sort_by(|a, b| turn(a).total_cmp(&turn(b)));
        let mut nodes = Vec::new();
        for heading in headings.into_iter().take(3) {
            for up in 0..2 {
                for right in 0..2 {
                    let (column, row) = (column / self.stride + right, row / self.stride + up);
                    if column < self.columns && row < self.rows {
                        nodes.push(Node { column, row, heading });
                    }
                }
            }
        }
        nodes
    }
}
