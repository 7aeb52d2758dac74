//! A way through a room: from free place to free place, around what stands there.

use crate::room::Room;
use nalgebra::Point2;
use rand::Rng;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Edge of a cell of the search, metres.
const CELL_M: f64 = 0.1;
/// The base's middle keeps so far from everything, metres.
const CLEAR_M: f64 = 0.45;
const STEPS: [(i64, i64, u32); 8] =
    [(1, 0, 10), (-1, 0, 10), (0, 1, 10), (0, -1, 10), (1, 1, 14), (1, -1, 14), (-1, 1, 14), (-1, -1, 14)];

/// Where the base's middle may be.
pub struct Floor {
    width: usize,
    height: usize,
    free: Vec<bool>,
}

impl Floor {
    /// Of several states of one room: free in all of them.
    pub fn new(rooms: &[&Room]) -> Self {
        let [w, h] = rooms[0].size_m.map(|metres| (metres / CELL_M).floor() as usize);
        let clear = |point: &Point2<f64>| rooms.iter().all(|room| room.clearance(point) > CLEAR_M);
        let free = (0..w * h).map(|i| clear(&middle(i % w, i / w))).collect();
        Self { width: w, height: h, free }
    }

    /// A free place in the largest connected part; none in a room without floor.
    pub fn place(&self, random: &mut impl Rng) -> Option<Point2<f64>> {
        let part = self.largest_part();
        (!part.is_empty()).then(|| {
            let cell = part[random.random_range(0..part.len())];
            middle(cell % self.width, cell / self.width)
        })
    }

    fn largest_part(&self) -> Vec<usize> {
        let mut seen = vec![false; self.free.len()];
        let mut largest = Vec::new();
        for start in 0..self.free.len() {
            if seen[start] || !self.free[start] {
                continue;
            }
            seen[start] = true;
            let mut part = vec![start];
            let mut next = 0;
            while next < part.len() {
                for (neighbour, _) in self.neighbours(part[next]) {
                    if !seen[neighbour] {
                        seen[neighbour] = true;
                        part.push(neighbour);
                    }
                }
                next += 1;
            }
            if part.len() > largest.len() {
                largest = part;
            }
        }
        largest
    }

    fn neighbours(&self, cell: usize) -> impl Iterator<Item = (usize, u32)> {
        let (column, row) = ((cell % self.width) as i64, (cell / self.width) as i64);
        STEPS.iter().filter_map(move |(right, up, cost)| {
            let (c, r) = (column + right, row + up);
            let inside = c >= 0 && r >= 0 && c < self.width as i64 && r < self.height as i64;
            let index = (r * self.width as i64 + c) as usize;
            (inside && self.free[index]).then_some((index, *cost))
        })
    }

    /// The shortest way between two free places, a point every few cells.
    pub fn way(&self, from: &Point2<f64>, to: &Point2<f64>) -> Option<Vec<Point2<f64>>> {
        let (start, goal) = (self.cell(from)?, self.cell(to)?);
        let mut cost = vec![u32::MAX; self.free.len()];
        let mut before = vec![usize::MAX; self.free.len()];
        let mut open = BinaryHeap::from([(Reverse(0), goal)]);
        cost[goal] = 0;
        while let Some((Reverse(so_far), cell)) = open.pop() {
            if cell == start {
                break;
            }
            if so_far > cost[cell] {
                continue;
            }
            for (next, step) in self.neighbours(cell) {
                if so_far + step < cost[next] {
                    cost[next] = so_far + step;
                    before[next] = cell;
                    open.push((Reverse(cost[next]), next));
                }
            }
        }
        let mut way = Vec::new();
        let mut cell = start;
        while cell != goal {
            if cell == usize::MAX {
                return None;
            }
            way.push(middle(cell % self.width, cell / self.width));
            cell = before[cell];
        }
        Some(way.into_iter().step_by(4).chain([*to]).collect())
    }

    fn cell(&self, point: &Point2<f64>) -> Option<usize> {
        let (column, row) = ((point.x / CELL_M).floor(), (point.y / CELL_M).floor());
        let inside = column >= 0.0 && row >= 0.0 && column < self.width as f64 && row < self.height as f64;
        inside.then(|| row as usize * self.width + column as usize)
    }
}

fn middle(column: usize, row: usize) -> Point2<f64> {
    Point2::new((column as f64 + 0.5) * CELL_M, (row as f64 + 0.5) * CELL_M)
}
