//! Scans drawn as maps.

use nalgebra::{Isometry2, Point2, Vector2};
use nightshift_core::grid::{Cell, OccupancyGrid};

/// A cell that stops this share of the beams that meet it is occupied.
const STOPPING_SHARE: f64 = 0.3;
/// Floor about what was seen, metres.
const MARGIN_M: f64 = 0.5;
/// Larger maps are refused, cells.
pub const MAX_CELLS: usize = 1 << 26;

/// An empty grid about some points; none where there are no points, or where it would be too large.
fn frame<'a>(
    points: impl Iterator<Item = &'a Point2<f64>>,
    resolution_m: f64,
    cell: Cell,
) -> Option<OccupancyGrid> {
    let (mut low, mut high) = (Vector2::repeat(f64::INFINITY), Vector2::repeat(f64::NEG_INFINITY));
    for point in points {
        low = low.inf(&point.coords);
        high = high.sup(&point.coords);
    }
    let cells = |axis: usize| ((high[axis] - low[axis] + 2.0 * MARGIN_M) / resolution_m).ceil();
    let (width, height) = (cells(0), cells(1));
    // False for NaN and infinity as well.
    let fits = width * height <= MAX_CELLS as f64;
    if !fits {
        return None;
    }
    let origin = [0, 1].map(|axis| ((low[axis] - MARGIN_M) / resolution_m).floor() * resolution_m);
    let (width, height) = (width as usize + 1, height as usize + 1);
    Some(OccupancyGrid { resolution_m, width, height, origin, cells: vec![cell; width * height] })
}

/// Points as occupied cells on free floor: enough to match scans to.
pub fn sketch(points: &[Point2<f64>], resolution_m: f64) -> Option<OccupancyGrid> {
    let mut grid = frame(points.iter(), resolution_m, Cell::Free)?;
    for point in points {
        if let Some((column, row)) = grid.cell_at(point.x, point.y) {
            grid.cells[row * grid.width + column] = Cell::Occupied;
        }
    }
    Some(grid)
}

/// A map of scans: each by the scanner's place and the ends of its beams, all in the map's frame. What most beams pass is
/// free, what enough of them end in is occupied, what none has met is unknown.
pub fn map(scans: &[(Point2<f64>, Vec<Point2<f64>>)], resolution_m: f64) -> Option<OccupancyGrid> {
    let all = scans.iter().flat_map(|(eye, ends)| std::iter::once(eye).chain(ends));
    let mut grid = frame(all, resolution_m, Cell::Unknown)?;
    let mut ended = vec![0u32; grid.cells.len()];
    let mut passed = vec![0u32; grid.cells.len()];
    for (eye, ends) in scans {
        for end in ends {
            let Some(last) = index_at(&grid, end) else { continue };
            ended[last] += 1;
            let way = end - eye;
            let steps = (way.norm() / (0.7 * resolution_m)).ceil().max(1.0);
            let mut before = last;
            for step in 0..steps as usize {
                let Some(cell) = index_at(&grid, &(eye + way * (step as f64 / steps))) else { continue };
                if cell != last && cell != before {
                    passed[cell] += 1;
                }
                before = cell;
            }
        }
    }
    for (cell, (ended, passed)) in grid.cells.iter_mut().zip(ended.iter().zip(&passed)) {
        let met = f64::from(ended + passed);
        if met > 0.0 {
            *cell = if f64::from(*ended) >= STOPPING_SHARE * met { Cell::Occupied } else { Cell::Free };
        }
    }
    Some(grid)
}

fn index_at(grid: &OccupancyGrid, point: &Point2<f64>) -> Option<usize> {
    grid.cell_at(point.x, point.y).map(|(column, row)| row * grid.width + column)
}

/// The turn, within an eighth of a circle either way, that lays most surfaces along the axes: `directions` are those of
/// the surfaces' normals, radians.
pub fn squaring_turn(directions: impl Iterator<Item = f64>) -> f64 {
    // Four times the angle makes all four sides of a rectangle one direction.
    let (mut sin, mut cos) = (0.0, 0.0);
    for direction in directions {
        sin += (4.0 * direction).sin();
        cos += (4.0 * direction).cos();
    }
    -sin.atan2(cos) / 4.0
}

/// Points of a scan in the map's frame.
pub fn placed(points: &[Point2<f64>], pose: &Isometry2<f64>) -> Vec<Point2<f64>> {
    points.iter().map(|point| pose * point).collect()
}
