//! Clearances about what the lasers saw, over those of the map: kept in tiles, so that a mark costs only its own
//! surroundings, however far apart the marks are.

use super::snapshot::skip;
use nightshift_core::grid::{Cell, OccupancyGrid};

/// Edge of a tile, cells.
const TILE: usize = 32;
const NONE: u32 = u32::MAX;

/// The map's clearances, lowered about the marks.
pub struct Overlay {
    columns: usize,
    /// The page of each tile, or [`NONE`].
    page_of: Vec<u32>,
    pages: Vec<[f32; TILE * TILE]>,
    /// No cell of a tile without a page is nearer to a mark than this, metres.
    far_m: Vec<f32>,
    /// [`skip`] of `far_m`, and of the cells of each page.
    far_skip: Vec<u8>,
    page_skips: Vec<[u8; TILE * TILE]>,
}

impl Overlay {
    /// Of marks (cells' indices); exact within `around_m` of each, and never more than is free beyond. None where
    /// nothing is marked.
    pub fn new(grid: &OccupancyGrid, still_m: &[f32], marks: &[usize], around_m: f64) -> Option<Self> {
        // What stands on the map's own walls changes nothing.
        let marks: Vec<usize> =
            marks.iter().copied().filter(|mark| grid.cells[*mark] == Cell::Free).collect();
        if marks.is_empty() {
            return None;
        }
        let (columns, rows) = (grid.width.div_ceil(TILE), grid.height.div_ceil(TILE));
        let far_m = far(grid, &marks, columns, rows, around_m);
        let skips = |clearance_m: &f32| skip(*clearance_m, grid.resolution_m);
        let far_skip = far_m.iter().map(skips).collect();
        let page_of = vec![NONE; columns * rows];
        let mut this = Self { columns, page_of, pages: Vec::new(), far_m, far_skip, page_skips: Vec::new() };
        let reach = (around_m / grid.resolution_m).floor() as usize;
        let distances: Vec<f32> = (0..(reach + 1) * (reach + 1))
            .map(|i| ((i % (reach + 1)) as f64).hypot((i / (reach + 1)) as f64) * grid.resolution_m)
            .map(|distance| distance as f32)
            .collect();
        for mark in &marks {
            let (column, row) = (mark % grid.width, mark / grid.width);
            let (left, right) = (column.saturating_sub(reach), (column + reach).min(grid.width - 1));
            let (low, high) = (row.saturating_sub(reach), (row + reach).min(grid.height - 1));
            for tile_row in low / TILE..=high / TILE {
                for tile_column in left / TILE..=right / TILE {
                    let page = this.page(grid, still_m, tile_column, tile_row, around_m as f32);
                    let (first_row, first_column) = (tile_row * TILE, tile_column * TILE);
                    for y in low.max(first_row)..=high.min(first_row + TILE - 1) {
                        let line = &distances[y.abs_diff(row) * (reach + 1)..][..=reach];
                        for x in left.max(first_column)..=right.min(first_column + TILE - 1) {
                            let cell = &mut page[(y - first_row) * TILE + x - first_column];
                            *cell = cell.min(line[x.abs_diff(column)]);
                        }
                    }
                }
            }
        }
        this.page_skips = this.pages.iter().map(|page| page.each_ref().map(skips)).collect();
        Some(this)
    }

    /// The page of a tile, made from the map where there is none yet.
    fn page(
        &mut self,
        grid: &OccupancyGrid,
        still_m: &[f32],
        tile_column: usize,
        tile_row: usize,
        most_m: f32,
    ) -> &mut [f32; TILE * TILE] {
        let page = &mut self.page_of[tile_row * self.columns + tile_column];
        if *page == NONE {
            *page = self.pages.len() as u32;
            let mut fresh = [0.0; TILE * TILE];
            for (row, line) in fresh.chunks_exact_mut(TILE).enumerate() {
                let row = tile_row * TILE + row;
                if row < grid.height {
                    let first = row * grid.width + tile_column * TILE;
                    let count = TILE.min(grid.width - tile_column * TILE);
                    for (cell, still) in line.iter_mut().zip(&still_m[first..first + count]) {
                        *cell = still.min(most_m);
                    }
                }
            }
            self.pages.push(fresh);
        }
        &mut self.pages[*page as usize]
    }

    /// The clearance of a cell whose clearance on the map alone is `still_m`.
    #[inline]
    pub fn clearance(&self, column: usize, row: usize, still_m: f32) -> f32 {
        let tile = row / TILE * self.columns + column / TILE;
        match self.page_of[tile] {
            NONE => still_m.min(self.far_m[tile]),
            page => self.pages[page as usize][row % TILE * TILE + column % TILE],
        }
    }

    /// Cells from one to the next that may be marked, as [`skip`] has it.
    #[inline]
    pub fn skip(&self, column: usize, row: usize) -> u8 {
        let tile = row / TILE * self.columns + column / TILE;
        match self.page_of[tile] {
            NONE => self.far_skip[tile],
            page => self.page_skips[page as usize][row % TILE * TILE + column % TILE],
        }
    }

    /// The cells of the tiles in which something changed: columns and rows.
    pub fn changed(&self) -> impl Iterator<Item = [std::ops::Range<usize>; 2]> {
        let tiles = self.page_of.iter().enumerate().filter(|(_, page)| **page != NONE);
        tiles.map(|(tile, _)| {
            [tile % self.columns, tile / self.columns].map(|tile| tile * TILE..(tile + 1) * TILE)
        })
    }
}

/// For each tile a distance that no mark is nearer than, metres.
fn far(grid: &OccupancyGrid, marks: &[usize], columns: usize, rows: usize, around_m: f64) -> Vec<f32> {
    let mut marked = vec![false; columns * rows];
    for mark in marks {
        marked[mark / grid.width / TILE * columns + mark % grid.width / TILE] = true;
    }
    let nearest = crate::distance::nearest_marked(columns, rows, |tile| marked[tile]);
    nearest
        .iter()
        .enumerate()
        .map(|(tile, other)| {
            // Between the middles of two tiles, less how far a cell and a mark may be from them.
            let tiles = crate::distance::between(tile, *other as usize, columns) - std::f64::consts::SQRT_2;
            (tiles * TILE as f64 * grid.resolution_m).max(around_m) as f32
        })
        .collect()
}
