//! Where in the whole map could this scan have been taken? Correlative search by branch and bound over a pyramid of
//! likelihoods (Hess et al., "Real-Time Loop Closure in 2D LIDAR SLAM", 2016), for several distinct answers.

use crate::surface::Surfaces;
use nalgebra::{Isometry2, Point2, Rotation2, Vector2};
use std::collections::BinaryHeap;

/// Points of a scan that are enough to find a place.
const POINTS: usize = 100;
/// Levels above the map's own cells: blocks of 64 cells at the top.
const LEVELS: usize = 6;
/// A heading is tried every so many radians at most.
const MAX_TURN: f64 = 0.035;
/// Answers closer together than this are one, metres and radians.
const DISTINCT_M: f64 = 0.5;
const DISTINCT_RAD: f64 = 0.35;
/// An answer scores at least this share of the best one.
const WORTH: f64 = 0.7;
/// Bounds the time of one search whatever the map.
const MAX_EXPANSIONS: usize = 60_000;

/// A map prepared for the search.
#[derive(Clone, Debug)]
pub struct Pyramid {
    width: usize,
    height: usize,
    resolution_m: f64,
    origin: [f64; 2],
    /// At each level the largest likelihood in the square of `2^level` cells whose lower left is the cell.
    likelihood: Vec<Vec<u8>>,
    /// Likewise whether the base could stand anywhere in it.
    standing: Vec<Vec<u8>>,
}

/// Blocks in order of their bound; of equal ones the more certain (lower level) first, then by place.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Block {
    bound: u32,
    fine: usize,
    heading: usize,
    row: usize,
    column: usize,
}

impl Pyramid {
    /// Prepares a map.
    pub fn new(surfaces: &Surfaces) -> Self {
        let (width, height) = (surfaces.width, surfaces.height);
        let stack = |base: Vec<u8>| {
            let mut levels = vec![base];
            for level in 1..=LEVELS {
                let half = 1 << (level - 1);
                let below = &levels[level - 1];
                let mut next = vec![0; width * height];
                for row in 0..height {
                    let upper = if row + half < height { row + half } else { row };
                    for column in 0..width {
                        let right = if column + half < width { column + half } else { column };
                        next[row * width + column] = below[row * width + column]
                            .max(below[row * width + right])
                            .max(below[upper * width + column])
                            .max(below[upper * width + right]);
                    }
                }
                levels.push(next);
            }
            levels
        };
        Self {
            width,
            height,
            resolution_m: surfaces.resolution_m,
            origin: surfaces.origin,
            likelihood: stack(surfaces.likelihoods().to_vec()),
            standing: stack(surfaces.free_cells().iter().map(|free| u8::from(*free)).collect()),
        }
    }

    /// Up to `count` distinct poses of the base from which the points (base frame) could have been seen, best first,
    /// each to about a cell.
    pub fn search(&self, points: &[Point2<f64>], count: usize) -> Vec<Isometry2<f64>> {
        if points.is_empty() || count == 0 {
            return Vec::new();
        }
        let stride = points.len().div_ceil(POINTS);
        let points: Vec<Point2<f64>> = points.iter().step_by(stride).copied().collect();
        let mut reaches: Vec<f64> = points.iter().map(|p| p.coords.norm()).collect();
        reaches.sort_by(f64::total_cmp);
        let typical = reaches[reaches.len() * 3 / 4].max(self.resolution_m);
        let headings =
            (std::f64::consts::TAU / (1.5 * self.resolution_m / typical).min(MAX_TURN)).ceil() as usize;
        let turned: Vec<Vec<[i32; 2]>> = (0..headings)
            .map(|heading| {
                let turn = Rotation2::new(angle_of(heading, headings));
                let cell = |v: f64| (v / self.resolution_m).round() as i32;
                points.iter().map(|p| turn * p).map(|p| [cell(p.x), cell(p.y)]).collect()
            })
            .collect();
        let mut open = BinaryHeap::new();
        for (heading, offsets) in turned.iter().enumerate() {
            for row in (0..self.height).step_by(1 << LEVELS) {
                for column in (0..self.width).step_by(1 << LEVELS) {
                    self.push(&mut open, offsets, Block { bound: 0, fine: 0, heading, row, column });
                }
            }
        }
        let mut found: Vec<(u32, Isometry2<f64>)> = Vec::new();
        let mut expansions = 0;
        while let Some(block) = open.pop() {
            if found.first().is_some_and(|(best, _)| f64::from(block.bound) < WORTH * f64::from(*best)) {
                break;
            }
            let size = 1 << (LEVELS - block.fine);
            let pose = self.pose(&block, size, headings);
            let slack = (size - 1) as f64 * self.resolution_m * std::f64::consts::FRAC_1_SQRT_2;
            let known = |other: &Isometry2<f64>| {
                (other.translation.vector - pose.translation.vector).norm() + slack < DISTINCT_M
                    && other.rotation.angle_to(&pose.rotation).abs() < DISTINCT_RAD
            };
            if found.iter().any(|(_, other)| known(other)) {
                continue;
            }
            if size == 1 {
                found.push((block.bound, pose));
                if found.len() == count {
                    break;
                }
                continue;
            }
            expansions += 1;
            if expansions > MAX_EXPANSIONS {
                break;
            }
            let half = size / 2;
            for (up, right) in [(0, 0), (0, half), (half, 0), (half, half)] {
                let child = Block {
                    fine: block.fine + 1,
                    row: block.row + up,
                    column: block.column + right,
                    ..block
                };
                self.push(&mut open, &turned[block.heading], child);
            }
        }
        found.into_iter().map(|(_, pose)| pose).collect()
    }

    fn push(&self, open: &mut BinaryHeap<Block>, offsets: &[[i32; 2]], block: Block) {
        let level = LEVELS - block.fine;
        if block.row >= self.height
            || block.column >= self.width
            || self.standing[level][block.row * self.width + block.column] == 0
        {
            return;
        }
        let (size, layer) = (1i64 << level, &self.likelihood[level]);
        let bound = offsets
            .iter()
            .map(|[right, up]| {
                let (column, row) =
                    (block.column as i64 + i64::from(*right), block.row as i64 + i64::from(*up));
                if column <= -size || row <= -size || column >= self.width as i64 || row >= self.height as i64
                {
                    return 0;
                }
                // A square that sticks out at the low side is covered by the one at the edge.
                u32::from(layer[row.max(0) as usize * self.width + column.max(0) as usize])
            })
            .sum();
        open.push(Block { bound, ..block });
    }

    fn pose(&self, block: &Block, size: usize, headings: usize) -> Isometry2<f64> {
        let middle = |first: usize| first as f64 + size as f64 / 2.0;
        let x = self.origin[0] + middle(block.column) * self.resolution_m;
        let y = self.origin[1] + middle(block.row) * self.resolution_m;
        Isometry2::new(Vector2::new(x, y), angle_of(block.heading, headings))
    }
}

fn angle_of(heading: usize, headings: usize) -> f64 {
    heading as f64 / headings as f64 * std::f64::consts::TAU
}
