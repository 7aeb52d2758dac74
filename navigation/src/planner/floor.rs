//! How long the way to an end of a path is at least, for a disc on the floor: an A* from that end that goes on only as far
//! as it is asked (Silver, "Cooperative Pathfinding", 2005: reverse resumable A*).

use super::narrow::Narrow;
use super::order;
use super::queue::Queue;
use super::sweep::{LEAVING_MARGIN_M, LEAVING_RADIUS_M, Sweep};
use crate::costmap::Snapshot;

/// Within this distance of an obstacle a way costs more, up to `1 + CLOSE_COST` times, metres.
const CLOSE_M: f64 = 0.4;
const CLOSE_COST: f64 = 2.0;

/// A way through a narrow place in which the outline fits at no heading of the lattice costs so many times as much: it is only
/// tried where there is no other.
const MISFIT_COST: f64 = 20.0;
/// Columns and rows to the blocks about one, and how many blocks' edges away they are.
const NEIGHBOURS: [(isize, isize, f64); 8] = {
    const DIAGONAL: f64 = std::f64::consts::SQRT_2;
    [
        (-1, -1, DIAGONAL),
        (0, -1, 1.0),
        (1, -1, DIAGONAL),
        (-1, 0, 1.0),
        (1, 0, 1.0),
        (-1, 1, DIAGONAL),
        (0, 1, 1.0),
        (1, 1, DIAGONAL),
    ]
};

/// How much a second costs so far from the nearest obstacle.
pub fn dearness(map: &Snapshot<'_>, clearance_m: f64) -> f64 {
    let spare = clearance_m - map.footprint().inner_radius_m();
    1.0 + CLOSE_COST * (1.0 - spare / CLOSE_M).clamp(0.0, 1.0)
}

/// Which way the ways of a [`Floor`] are driven.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Driven {
    /// To its root.
    ToRoot,
    /// From its root.
    FromRoot,
}

/// What is known of one block. Together, because they are asked for together.
#[derive(Clone, Copy)]
struct Block {
    /// How many times as much a way into it costs as on open floor; infinite where it is shut, zero where nobody has asked.
    price: f64,
    /// To the root, as far as is known.
    seconds: f32,
    /// No shorter way will be found.
    closed: bool,
}

/// Seconds to one end of a path from the blocks of the map.
pub struct Floor<'a> {
    map: &'a Snapshot<'a>,
    sweep: &'a Sweep<'a>,
    narrow: &'a Narrow<'a>,
    clearance_m: &'a [f32],
    stride: usize,
    columns: usize,
    rows: usize,
    /// A block is closed where no cell in it has this clearance, metres.
    least_m: f64,
    /// The same near the start.
    leaving_m: f64,
    block_m: f64,
    speed_m_s: f64,
    driven: Driven,
    /// Whether there are one-way zones at all.
    one_way: bool,
    edge_s: f64,
    blocks: Vec<Block>,
    open: Queue,
    /// The block that the search leads to.
    aim: [f64; 2],
    /// The block that the base leaves.
    start: [f64; 2],
}

impl<'a> Floor<'a> {
    /// To a root from where `aim` is, both as cells. `driven`: whether a way leads to the root or from it.
    pub fn new(
        sweep: &'a Sweep<'a>,
        narrow: &'a Narrow<'a>,
        speed_m_s: f64,
        driven: Driven,
        root: (usize, usize),
        aim: (usize, usize),
    ) -> Self {
        let map = sweep.map;
        let (clearance_m, stride, columns) = map.blocks();
        let start = sweep.start.translation.vector;
        let start = map.grid().cell_at(start.x, start.y).unwrap_or(aim);
        let block_of = |cell: (usize, usize)| [(cell.0 / stride) as f64, (cell.1 / stride) as f64];
        let rows = clearance_m.len() / columns;
        let block_m = stride as f64 * map.grid().resolution_m;
        // A pose may be half a cell's diagonal off the cell's centre.
        let within = map.grid().resolution_m * std::f64::consts::FRAC_1_SQRT_2;
        let inner_m = map.footprint().inner_radius_m() - within;
        let mut this = Self {
            map,
            sweep,
            narrow,
            clearance_m,
            stride,
            columns,
            rows,
            least_m: inner_m + sweep.margin_m,
            leaving_m: inner_m + LEAVING_MARGIN_M.min(sweep.margin_m),
            block_m,
            speed_m_s,
            driven,
            one_way: map.costmap().zones().one_way().next().is_some(),
            edge_s: block_m / speed_m_s,
            blocks: vec![Block { price: 0.0, seconds: f32::INFINITY, closed: false }; clearance_m.len()],
            open: Queue::default(),
            aim: block_of(aim),
            start: block_of(start),
        };
        let block = this.block(root.0, root.1);
        this.blocks[block].seconds = 0.0;
        this.push(block, 0.0);
        this
    }

    fn block(&self, column: usize, row: usize) -> usize {
        row / self.stride * self.columns + column / self.stride
    }

    fn push(&mut self, block: usize, seconds: f32) {
        let across = ((block % self.columns) as f64 - self.aim[0]).abs();
        let along = ((block / self.columns) as f64 - self.aim[1]).abs();
        // Between blocks the way is straight or diagonal.
        let blocks = across.max(along) + (std::f64::consts::SQRT_2 - 1.0) * across.min(along);
        let estimate = f64::from(seconds) + blocks * self.edge_s;
        self.open.push(order(estimate), block as u32);
    }

    /// From a cell; infinite where a disc that fits into the outline cannot get from there to that end.
    pub fn seconds(&mut self, column: usize, row: usize) -> f64 {
        let wanted = self.block(column, row);
        // Nothing leads there: without this question the search would go on over all of the map to find out.
        if self.blocks[wanted].seconds.is_infinite() && !self.is_open(wanted) {
            return f64::INFINITY;
        }
        while !self.blocks[wanted].closed {
            let Some(block) = self.open.pop() else { return f64::INFINITY };
            let block = block as usize;
            if !std::mem::replace(&mut self.blocks[block].closed, true) {
                self.expand(block);
            }
        }
        f64::from(self.blocks[wanted].seconds)
    }

    fn least_at(&self, column: usize, row: usize) -> f64 {
        let (across, along) = (column as f64 - self.start[0], row as f64 - self.start[1]);
        // The start, and what is near it, may be anywhere in their blocks.
        let near = LEAVING_RADIUS_M / self.block_m + 2.0 * std::f64::consts::SQRT_2;
        if across * across + along * along < near * near { self.leaving_m } else { self.least_m }
    }

    fn slowness(&self, column: usize, row: usize) -> f64 {
        self.map.costmap().zones().least_slowness(self.middle(column, row), self.speed_m_s)
    }

    /// The cell in the middle of a block.
    fn middle(&self, column: usize, row: usize) -> usize {
        self.cell(column, row, [self.stride / 2; 2])
    }

    /// The cells in the corners of a block: where they lie in a zone, all of the block does.
    fn corners(&self, column: usize, row: usize) -> [usize; 4] {
        let far = self.stride - 1;
        [[0, 0], [far, 0], [0, far], [far, far]].map(|within| self.cell(column, row, within))
    }

    fn cell(&self, column: usize, row: usize, within: [usize; 2]) -> usize {
        let grid = self.map.grid();
        let at = |block: usize, within: usize, end: usize| (block * self.stride + within).min(end - 1);
        at(row, within[1], grid.height) * grid.width + at(column, within[0], grid.width)
    }

    /// Whether a step from a block, away from the root, is driven against a one-way zone.
    fn is_against(&self, [column, row]: [usize; 2], [right, up]: [isize; 2]) -> bool {
        let sign = if self.driven == Driven::ToRoot { -1.0 } else { 1.0 };
        let direction = [right as f64 * sign, up as f64 * sign];
        let zones = self.map.costmap().zones();
        self.corners(column, row).iter().all(|cell| zones.is_against(*cell, direction))
    }

    fn is_open(&self, block: usize) -> bool {
        let (column, row) = (block % self.columns, block / self.columns);
        f64::from(self.clearance_m[block]) >= self.least_at(column, row)
            && (self.sweep.closed.is_empty()
                || !self.corners(column, row).iter().all(|cell| self.sweep.is_closed(*cell)))
    }

    /// How much more a way into a block costs for its being narrow.
    fn misfit_cost(&self, block: usize, [column, row]: [usize; 2]) -> f64 {
        // About the start the base may be nearer to things.
        let leaves = self.least_at(column, row) < self.least_m;
        if !leaves && self.narrow.is_misfit(block) { MISFIT_COST } else { 1.0 }
    }

    /// How many times as much a way into a block costs as on open floor.
    fn price(&mut self, block: usize, [column, row]: [usize; 2]) -> f64 {
        if self.blocks[block].price == 0.0 {
            self.blocks[block].price = match self.is_open(block) {
                false => f64::INFINITY,
                true => {
                    dearness(self.map, f64::from(self.clearance_m[block]))
                        * self.slowness(column, row)
                        * self.misfit_cost(block, [column, row])
                }
            };
        }
        self.blocks[block].price
    }

    fn expand(&mut self, block: usize) {
        let (column, row, before) = (block % self.columns, block / self.columns, self.blocks[block].seconds);
        for (right, up, length) in NEIGHBOURS {
            let (next_column, next_row) = (column.wrapping_add_signed(right), row.wrapping_add_signed(up));
            if next_column >= self.columns || next_row >= self.rows {
                continue;
            }
            let next = next_row * self.columns + next_column;
            if self.blocks[next].closed {
                continue;
            }
            let price = self.price(next, [next_column, next_row]);
            if price.is_infinite() {
                continue;
            }
            // Within both blocks: at a zone's edge a way beside it may be free.
            let ends = [[column, row], [next_column, next_row]];
            if self.one_way && ends.iter().all(|block| self.is_against(*block, [right, up])) {
                continue;
            }
            let seconds = before + (length * self.edge_s * price) as f32;
            if seconds < self.blocks[next].seconds {
                self.blocks[next].seconds = seconds;
                self.push(next, seconds);
            }
        }
    }
}
