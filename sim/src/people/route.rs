//! The floor as people see it, and the way over it.

use super::BODY_M;
use crate::floor_plan;
use nalgebra::Point2;
use nightshift_core::describe::Site;
use nightshift_core::grid::{Cell, OccupancyGrid};
use nightshift_core::random::Stream;
use rand::Rng;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Cells of the people's grid, metres, and the height at which furniture is in the way.
const CELL_M: f64 = 0.1;
const HEIGHT_M: f64 = 0.2;
/// How many way points are skipped at most where the straight way is free.
const LOOK_AHEAD: usize = 40;

/// Where people can stand.
#[derive(Clone, Debug)]
pub struct Floor {
    grid: OccupancyGrid,
    free: Vec<bool>,
}

impl Floor {
    /// Of a site: free floor with room for a body. A site without a plan has none.
    pub fn of(site: &Site) -> Self {
        Self::with_room(site, BODY_M)
    }

    /// The same for what needs another room to all sides, metres.
    pub fn with_room(site: &Site, room_m: f64) -> Self {
        let grid = floor_plan::draw(site, CELL_M, HEIGHT_M).unwrap_or(OccupancyGrid {
            resolution_m: CELL_M,
            width: 0,
            height: 0,
            origin: [0.0, 0.0],
            cells: Vec::new(),
        });
        let reach = (room_m / CELL_M).ceil() as i64;
        let free_at = |column: i64, row: i64| {
            let inside = column >= 0 && row >= 0 && column < grid.width as i64 && row < grid.height as i64;
            inside && grid.get(column as usize, row as usize) == Cell::Free
        };
        let clear = |index: usize| {
            let (column, row) = ((index % grid.width) as i64, (index / grid.width) as i64);
            (-reach..=reach).all(|dy| {
                (-reach..=reach).all(|dx| {
                    let beyond = ((dx * dx + dy * dy) as f64).sqrt() * CELL_M > room_m;
                    beyond || free_at(column + dx, row + dy)
                })
            })
        };
        let free = (0..grid.cells.len()).map(clear).collect();
        Self { grid, free }
    }

    /// Nobody can stand within a square any more.
    pub fn block(&mut self, at: &Point2<f64>, half_m: f64) {
        for cell in 0..self.free.len() {
            let away = self.middle(cell) - at;
            self.free[cell] &= away.x.abs() > half_m || away.y.abs() > half_m;
        }
    }

    fn cell(&self, at: &Point2<f64>) -> Option<usize> {
        self.grid.cell_at(at.x, at.y).map(|(column, row)| row * self.grid.width + column)
    }

    fn middle(&self, cell: usize) -> Point2<f64> {
        Point2::from(self.grid.center(cell % self.grid.width, cell / self.grid.width))
    }

    /// Whether somebody can stand there.
    pub fn is_free(&self, at: &Point2<f64>) -> bool {
        self.cell(at).is_some_and(|cell| self.free[cell])
    }

    /// The free place nearest to a point, within a metre.
    pub fn near(&self, at: &Point2<f64>) -> Option<Point2<f64>> {
        let places = (0..self.free.len()).filter(|cell| self.free[*cell]).map(|cell| self.middle(cell));
        let nearest = places.min_by(|a, b| (a - at).norm().total_cmp(&(b - at).norm()))?;
        ((nearest - at).norm() < 1.0).then_some(nearest)
    }

    /// A free place at random.
    pub fn somewhere(&self, stream: &mut Stream, good: impl Fn(&Point2<f64>) -> bool) -> Point2<f64> {
        let places: Vec<Point2<f64>> = (0..self.free.len())
            .filter(|cell| self.free[*cell])
            .map(|cell| self.middle(cell))
            .filter(good)
            .collect();
        // Drawn in any case, so that the stream does not depend on the floor.
        let which = stream.random::<f64>();
        let index = ((which * places.len() as f64) as usize).min(places.len().saturating_sub(1));
        places.get(index).copied().unwrap_or_else(Point2::origin)
    }

    /// Way points from one place to the free place nearest to another (A*, eight neighbours); empty where there is no
    /// way.
    pub fn route(&self, from: &Point2<f64>, to: &Point2<f64>) -> Vec<Point2<f64>> {
        let Some(goal) = self.near(to).and_then(|place| self.cell(&place)) else { return Vec::new() };
        let Some(start) = self.near(from).and_then(|place| self.cell(&place)) else { return Vec::new() };
        let width = self.grid.width as i64;
        let mut cost = vec![f64::INFINITY; self.free.len()];
        let mut before = vec![usize::MAX; self.free.len()];
        let target = self.middle(goal);
        let mut open = BinaryHeap::from([(Reverse(0u64), start)]);
        cost[start] = 0.0;
        while let Some((_, cell)) = open.pop() {
            if cell == goal {
                break;
            }
            let (column, row) = (cell as i64 % width, cell as i64 / width);
            for (dx, dy) in [(1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (1, -1), (-1, 1), (-1, -1)] {
                let (c, r) = (column + dx, row + dy);
                if c < 0 || r < 0 || c >= width || r >= self.grid.height as i64 {
                    continue;
                }
                let next = (r * width + c) as usize;
                let step = cost[cell] + CELL_M * ((dx * dx + dy * dy) as f64).sqrt();
                if self.free[next] && step < cost[next] {
                    cost[next] = step;
                    before[next] = cell;
                    let left = (self.middle(next) - target).norm();
                    open.push((Reverse(((step + left) * 1e6) as u64), next));
                }
            }
        }
        if cost[goal].is_infinite() {
            return Vec::new();
        }
        let mut cells = vec![goal];
        while let Some(&last) = cells.last().filter(|cell| **cell != start) {
            cells.push(before[last]);
        }
        cells.reverse();
        self.straighten(&cells)
    }

    fn straighten(&self, cells: &[usize]) -> Vec<Point2<f64>> {
        let mut points = Vec::new();
        let mut at = 0;
        while at + 1 < cells.len() {
            let far = (at + LOOK_AHEAD).min(cells.len() - 1);
            let from = self.middle(cells[at]);
            at = (at + 1..=far).rev().find(|to| self.sees(&from, &self.middle(cells[*to]))).unwrap_or(at + 1);
            points.push(self.middle(cells[at]));
        }
        points
    }

    fn sees(&self, from: &Point2<f64>, to: &Point2<f64>) -> bool {
        let steps = ((to - from).norm() / (CELL_M / 2.0)).ceil() as usize;
        (0..=steps).all(|i| self.is_free(&(from + (to - from) * (i as f64 / steps.max(1) as f64))))
    }
}
