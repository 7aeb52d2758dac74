//! An occupancy grid in the map's frame, as map_server and nav_msgs/OccupancyGrid have it.

/// What a cell of a map is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Nothing stands there.
    Free,
    /// Something stands there.
    Occupied,
    /// Nobody has looked.
    Unknown,
}

/// Square cells, row by row from the lower left corner (y grows with the row).
#[derive(Clone, Debug, PartialEq)]
pub struct OccupancyGrid {
    /// Edge of a cell, metres.
    pub resolution_m: f64,
    /// Cells in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Lower left corner of the first cell in the map's frame, metres. Never turned.
    pub origin: [f64; 2],
    /// `width * height` cells.
    pub cells: Vec<Cell>,
}

impl OccupancyGrid {
    /// The cell that holds a point of the map, as column and row; none outside.
    pub fn cell_at(&self, x: f64, y: f64) -> Option<(usize, usize)> {
        let column = ((x - self.origin[0]) / self.resolution_m).floor();
        let row = ((y - self.origin[1]) / self.resolution_m).floor();
        let inside = column >= 0.0 && row >= 0.0 && column < self.width as f64 && row < self.height as f64;
        inside.then_some((column as usize, row as usize))
    }

    /// The centre of a cell, metres.
    pub fn center(&self, column: usize, row: usize) -> [f64; 2] {
        [
            self.origin[0] + (column as f64 + 0.5) * self.resolution_m,
            self.origin[1] + (row as f64 + 0.5) * self.resolution_m,
        ]
    }

    /// What a cell is. Panics outside.
    pub fn get(&self, column: usize, row: usize) -> Cell {
        assert!(column < self.width && row < self.height, "cell ({column}, {row}) outside");
        self.cells[row * self.width + column]
    }
}
