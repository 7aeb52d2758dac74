//! The surfaces of a map as a laser meets them: points with normals, found from any place in constant time.
//!
//! A map holds surfaces only to a cell. Two rules keep their rounding out of the pose:
//! a surface runs through the *middle* of what a laser marked (thin walls) or of the outermost cells of a solid
//! (thick ones), never along cell edges; and its place across a cell is taken from a line through the neighbours, so
//! that slanted walls are as smooth as they are.

use crate::distance;
use nalgebra::{Matrix2, Point2, SymmetricEigen, Vector2};
use nightshift_core::grid::{Cell, OccupancyGrid};

/// A piece of surface about a cell long.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Surfel {
    /// A point on it, in the map's frame, metres.
    pub point: Point2<f64>,
    /// Its normal where the neighbourhood is a line; none at corners and single posts.
    pub normal: Option<Vector2<f64>>,
}

/// Farther from any surface than this, a beam's end says nothing about where it belongs, metres.
pub const REACH_M: f64 = 1.0;
/// Spread of the likelihood that the coarse search climbs, metres.
const LIKELIHOOD_SIGMA_M: f64 = 0.1;
/// Half edge of the neighbourhood that a line is laid through, metres.
const NEIGHBOURHOOD_M: f64 = 0.16;
/// A solid is at least this many cells from its skin to its core.
const SOLID_CELLS: f64 = 2.5;

/// All surfaces of a map.
#[derive(Clone, Debug)]
pub struct Surfaces {
    /// Columns of the map.
    pub width: usize,
    /// Rows of the map.
    pub height: usize,
    /// Edge of a cell, metres.
    pub resolution_m: f64,
    /// Lower left corner, metres.
    pub origin: [f64; 2],
    surfels: Vec<Surfel>,
    /// For each cell the nearest surfel within reach.
    nearest: Vec<u32>,
    /// For each cell how well a beam may end in it, 0 to 255.
    likelihood: Vec<u8>,
    free: Vec<bool>,
}

impl Surfaces {
    /// Reads the surfaces off a map.
    pub fn new(grid: &OccupancyGrid) -> Self {
        let (width, height) = (grid.width, grid.height);
        let is_surface = surface_cells(grid);
        let nearest_cell = distance::nearest_marked(width, height, |i| is_surface[i]);
        let mut surfel_of = vec![distance::NONE; width * height];
        let mut surfels = Vec::new();
        for index in (0..width * height).filter(|i| is_surface[*i]) {
            surfel_of[index] = surfels.len() as u32;
            surfels.push(lay_line(grid, &is_surface, index));
        }
        let reach_cells = REACH_M / grid.resolution_m;
        let mut nearest = vec![distance::NONE; width * height];
        let mut likelihood = vec![0; width * height];
        for (index, cell) in nearest_cell.iter().enumerate().filter(|(_, cell)| **cell != distance::NONE) {
            let cells = distance::between(index, *cell as usize, width);
            if cells <= reach_cells {
                nearest[index] = surfel_of[*cell as usize];
            }
            let sigmas = cells * grid.resolution_m / LIKELIHOOD_SIGMA_M;
            likelihood[index] = (255.0 * (-0.5 * sigmas * sigmas).exp()).round() as u8;
        }
        Self {
            width,
            height,
            resolution_m: grid.resolution_m,
            origin: grid.origin,
            surfels,
            nearest,
            likelihood,
            free: grid.cells.iter().map(|cell| *cell == Cell::Free).collect(),
        }
    }

    fn index_at(&self, point: &Point2<f64>) -> Option<usize> {
        let column = (point.x - self.origin[0]) / self.resolution_m;
        let row = (point.y - self.origin[1]) / self.resolution_m;
        let inside = column >= 0.0 && row >= 0.0 && column < self.width as f64 && row < self.height as f64;
        inside.then(|| row as usize * self.width + column as usize)
    }

    /// The surface nearest to a point of the map; none where none is within reach or the point is outside.
    pub fn nearest(&self, point: &Point2<f64>) -> Option<&Surfel> {
        self.surfels.get(self.nearest[self.index_at(point)?] as usize)
    }

    /// How well a beam may end at a point, 0 to 255.
    pub fn likelihood(&self, point: &Point2<f64>) -> u8 {
        self.index_at(point).map_or(0, |index| self.likelihood[index])
    }

    /// The same for all cells, row by row.
    pub fn likelihoods(&self) -> &[u8] {
        &self.likelihood
    }

    /// Whether the straight way from `a` to `b` crosses a mapped surface.
    pub fn is_between(&self, a: &Point2<f64>, b: &Point2<f64>) -> bool {
        let way = b - a;
        let steps = (way.norm() / self.resolution_m).ceil();
        steps.is_finite()
            && (0..=steps as usize).any(|i| self.likelihood(&(a + way * (i as f64 / steps.max(1.0)))) == 255)
    }

    /// Whether a point lies in a cell that the map calls free.
    pub fn is_free(&self, point: &Point2<f64>) -> bool {
        self.index_at(point).is_some_and(|index| self.free[index])
    }

    /// The normals of all surfaces that have one.
    pub fn normals(&self) -> impl Iterator<Item = Vector2<f64>> {
        self.surfels.iter().filter_map(|surfel| surfel.normal)
    }

    /// Whether each cell is free, row by row.
    pub fn free_cells(&self) -> &[bool] {
        &self.free
    }
}

/// The cells whose middle a laser meets: the skin of solids, and all of walls too thin to have a core.
fn surface_cells(grid: &OccupancyGrid) -> Vec<bool> {
    let (width, height) = (grid.width, grid.height);
    let occupied = |i: usize| grid.cells[i] == Cell::Occupied;
    let to_outside = distance::nearest_marked(width, height, |i| !occupied(i));
    let depth = |i: usize| match to_outside[i] {
        distance::NONE => f64::INFINITY,
        outside => distance::between(i, outside as usize, width),
    };
    let to_core = distance::nearest_marked(width, height, |i| occupied(i) && depth(i) > SOLID_CELLS);
    (0..width * height)
        .map(|i| {
            let solid = to_core[i] != distance::NONE
                && distance::between(i, to_core[i] as usize, width) <= SOLID_CELLS + 1.0;
            occupied(i) && (!solid || depth(i) < 1.5)
        })
        .collect()
}

fn lay_line(grid: &OccupancyGrid, is_surface: &[bool], index: usize) -> Surfel {
    let (column, row) = (index % grid.width, index / grid.width);
    let center = Point2::from(grid.center(column, row));
    let reach = (NEIGHBOURHOOD_M / grid.resolution_m).round().max(2.0) as usize;
    let mut points = Vec::new();
    for r in row.saturating_sub(reach)..=(row + reach).min(grid.height - 1) {
        for c in column.saturating_sub(reach)..=(column + reach).min(grid.width - 1) {
            if is_surface[r * grid.width + c] {
                points.push(Point2::from(grid.center(c, r)));
            }
        }
    }
    let mean = points.iter().map(|p| p.coords).sum::<Vector2<f64>>() / points.len() as f64;
    let spread = points.iter().map(|p| p.coords - mean).map(|d| d * d.transpose()).sum::<Matrix2<f64>>()
        / points.len() as f64;
    let eigen = SymmetricEigen::new(spread);
    let thin = eigen.eigenvalues.imin();
    let (small, large) = (eigen.eigenvalues[thin], eigen.eigenvalues[1 - thin]);
    if points.len() < 3 || small > 0.2 * large {
        return Surfel { point: center, normal: None };
    }
    let normal: Vector2<f64> = eigen.eigenvectors.column(thin).into();
    let point = center - normal * normal.dot(&(center.coords - mean));
    Surfel { point, normal: Some(normal) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(width: usize, height: usize, occupied: impl Fn(usize, usize) -> bool) -> OccupancyGrid {
        let cell = |i: usize| if occupied(i % width, i / width) { Cell::Occupied } else { Cell::Free };
        OccupancyGrid {
            resolution_m: 0.05,
            width,
            height,
            origin: [0.0, 0.0],
            cells: (0..width * height).map(cell).collect(),
        }
    }

    #[test]
    fn a_wall_runs_through_the_middle_of_its_cells_whatever_its_thickness() {
        for (thickness, middle) in [(1, 0.525), (2, 0.55), (3, 0.575)] {
            let surfaces = Surfaces::new(&grid(60, 30, |x, _| x >= 10 && x < 10 + thickness));
            let surfel = surfaces.nearest(&Point2::new(0.4, 0.7)).unwrap();
            assert!((surfel.point.x - middle).abs() < 1e-9, "{thickness} cells: {surfel:?}");
            assert!(surfel.normal.unwrap().x.abs() > 0.999_999);
        }
        let solid = Surfaces::new(&grid(60, 30, |x, _| x >= 10));
        assert!((solid.nearest(&Point2::new(0.4, 0.7)).unwrap().point.x - 0.525).abs() < 1e-9);
    }

    #[test]
    fn a_slanted_wall_is_smooth_to_a_fraction_of_a_cell() {
        // Cells whose centre is within half a cell of the line y = 0.3 x + 0.4.
        let slope: f64 = 0.3;
        let off = |x: f64, y: f64| (y - slope * x - 0.4) / (1.0 + slope * slope).sqrt();
        let surfaces = Surfaces::new(&grid(80, 60, |c, r| {
            off((c as f64 + 0.5) * 0.05, (r as f64 + 0.5) * 0.05).abs() < 0.025
        }));
        for step in 10..60 {
            let x = f64::from(step) * 0.05;
            let surfel = surfaces.nearest(&Point2::new(x, slope * x + 0.4)).unwrap();
            assert!(off(surfel.point.x, surfel.point.y).abs() < 0.01, "{surfel:?}");
        }
    }

    #[test]
    fn posts_have_no_normal_and_far_places_have_no_surface() {
        let surfaces = Surfaces::new(&grid(60, 60, |x, y| x == 5 && y == 5));
        assert_eq!(surfaces.nearest(&Point2::new(0.3, 0.2)).unwrap().normal, None);
        assert_eq!(surfaces.nearest(&Point2::new(2.0, 2.0)), None);
        assert_eq!(surfaces.nearest(&Point2::new(-0.1, 0.2)), None);
        assert_eq!(surfaces.nearest(&Point2::new(f64::NAN, 0.2)), None);
        assert_eq!(surfaces.likelihood(&Point2::new(0.26, 0.26)), 255);
        let way = |to| surfaces.is_between(&Point2::new(0.1, 0.1), &to);
        assert!(way(Point2::new(1.0, 1.0)) && !way(Point2::new(0.2, 0.2)) && !way(Point2::new(1.0, 0.2)));
        assert!(surfaces.is_free(&Point2::new(2.0, 2.0)) && !surfaces.is_free(&Point2::new(0.26, 0.26)));
    }
}
