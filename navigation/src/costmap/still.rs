//! What does not change of the costs: the map, its zones, and how far each cell is from what blocks.

use super::overlay::Overlay;
use super::snapshot::skip;
use super::verdicts::Verdicts;
use crate::distance;
use crate::zones::Zones;
use nightshift_core::describe::Zone;
use nightshift_core::grid::{Cell, OccupancyGrid};

/// Edge of a block of cells, metres.
const BLOCK_M: f64 = 0.2;

/// What does not change: the map, and how far each of its cells is from what blocks.
#[derive(Debug)]
pub struct Still {
    /// The map.
    pub grid: OccupancyGrid,
    /// From each cell's centre to the nearest blocked cell's, metres.
    pub clearance_m: Vec<f32>,
    /// [`skip`] of each cell.
    pub skip: Vec<u8>,
    /// Of all cells.
    pub blocks: Blocks,
    /// The site's.
    pub zones: Zones,
    /// As `clearance_m`, of the map alone; none where there are no keep-out zones and both are one.
    pub walls_m: Option<Vec<f32>>,
    /// What the planner has found out of the blocks, at each of its margins.
    pub verdicts: [Verdicts; 2],
}

impl Still {
    /// Of a map with a site's zones.
    pub fn new(grid: OccupancyGrid, zones: &[Zone]) -> Self {
        let zones = Zones::new(&grid, zones);
        let wall = |index: usize| grid.cells[index] != Cell::Free;
        let walls_m = zones.keep_out().then(|| clearances(&grid, wall));
        let clearance_m = clearances(&grid, |index| wall(index) || zones.kept_out(index).is_some());
        let blocks = Blocks::new(&grid, &clearance_m);
        let skip = clearance_m.iter().map(|clearance_m| skip(*clearance_m, grid.resolution_m)).collect();
        let verdicts = [(); 2].map(|()| Verdicts::new(blocks.clearance_m.len()));
        Self { grid, clearance_m, skip, blocks, zones, walls_m, verdicts }
    }

    /// The blocks with what the lasers see.
    pub fn blocks_with(&self, overlay: &Overlay) -> Blocks {
        let (width, height) = (self.grid.width, self.grid.height);
        let mut blocks = self.blocks.clone();
        let stride = blocks.stride;
        for [columns, rows] in overlay.changed() {
            for block_row in rows.start / stride..rows.end.min(height).div_ceil(stride) {
                for block_column in columns.start / stride..columns.end.min(width).div_ceil(stride) {
                    let mut most = 0.0_f32;
                    for row in block_row * stride..((block_row + 1) * stride).min(height) {
                        for column in block_column * stride..((block_column + 1) * stride).min(width) {
                            let still_m = self.clearance_m[row * width + column];
                            most = most.max(overlay.clearance(column, row, still_m));
                        }
                    }
                    blocks.clearance_m[block_row * blocks.columns + block_column] = most;
                }
            }
        }
        blocks
    }
}

/// The largest clearance in each block of cells: whether a disc can be anywhere in it.
#[derive(Clone, Debug)]
pub struct Blocks {
    /// Edge of a block, in cells.
    pub stride: usize,
    /// Blocks that make a row.
    pub columns: usize,
    /// Of each, row by row, metres.
    pub clearance_m: Vec<f32>,
}

impl Blocks {
    /// Over a map and its cells' clearances.
    fn new(grid: &OccupancyGrid, clearance_m: &[f32]) -> Self {
        let stride = (BLOCK_M / grid.resolution_m).round().max(1.0) as usize;
        let (columns, rows) = (grid.width.div_ceil(stride), grid.height.div_ceil(stride));
        let mut this = Self { stride, columns, clearance_m: vec![0.0; columns * rows] };
        for (index, clearance) in clearance_m.iter().enumerate() {
            let block = this.of(index % grid.width, index / grid.width);
            this.clearance_m[block] = this.clearance_m[block].max(*clearance);
        }
        this
    }

    fn of(&self, column: usize, row: usize) -> usize {
        row / self.stride * self.columns + column / self.stride
    }
}

/// From each cell's centre to the nearest one's for which `blocked` is true, metres.
fn clearances(grid: &OccupancyGrid, blocked: impl Fn(usize) -> bool) -> Vec<f32> {
    let nearest = distance::nearest_marked(grid.width, grid.height, blocked);
    let clearance = |(index, cell): (usize, &u32)| match *cell {
        distance::NONE => f32::INFINITY,
        cell => (distance::between(index, cell as usize, grid.width) * grid.resolution_m) as f32,
    };
    nearest.iter().enumerate().map(clearance).collect()
}
