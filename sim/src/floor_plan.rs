//! The occupancy map that a laser would have drawn of the site, from the site's own shapes.
//!
//! A cell that a visible surface passes through is occupied; one whose very edge a surface runs along makes both
//! its neighbours occupied, as noisy hits would. The insides of solids, and what lies behind the walls, are
//! unknown.

use crate::SimError;
use nalgebra::{Isometry3, Point3};
use nightshift_core::describe::{Site, Solid};
use nightshift_core::grid::{Cell, OccupancyGrid};

/// Unknown land around everything, metres.
const MARGIN_M: f64 = 0.4;
/// Corners of a circle.
const ROUND: usize = 48;
/// What counts as on a cell's edge, metres.
const EDGE_M: f64 = 1e-6;
/// How many cells deep an occupied surface may lie behind free ones.
const DEEP: i64 = 2;
/// The most cells that a map may have.
const MOST_CELLS: f64 = 1e8;

/// The map of `site` at a resolution, cut at a height.
pub fn draw(site: &Site, resolution_m: f64, height_m: f64) -> Result<OccupancyGrid, SimError> {
    if !(resolution_m.is_finite() && resolution_m > 0.0 && height_m.is_finite()) {
        return Err(SimError::Request(format!(
            "a floor plan of {resolution_m} m cells at {height_m} m height: both must be finite, cells positive"
        )));
    }
    let furniture = site.furniture.iter().map(|shape| (shape.solid, shape.pose.iso));
    let stations = site.stations.values().flat_map(|station| {
        let map_from_station = station.pose.spatial();
        station
            .shapes_at_start()
            .into_iter()
            .map(move |shape| (shape.solid, (map_from_station * shape.pose).iso))
    });
    let outlines: Vec<Vec<[f64; 2]>> = furniture
        .chain(stations)
        .map(|(solid, pose)| outline(&solid, &pose, height_m))
        .filter(|o| o.len() > 2)
        .collect();
    let mut grid = empty(site, &outlines, resolution_m)?;
    for (index, one) in outlines.iter().enumerate() {
        for i in 0..one.len() {
            mark(&mut grid, one[i], one[(i + 1) % one.len()], &outlines, index);
        }
    }
    flood(&mut grid, site, &outlines)?;
    Ok(grid)
}

fn empty(site: &Site, outlines: &[Vec<[f64; 2]>], resolution_m: f64) -> Result<OccupancyGrid, SimError> {
    let (mut low, mut high) = ([site.start.x(), site.start.y()], [site.start.x(), site.start.y()]);
    for corner in outlines.iter().flatten() {
        for axis in 0..2 {
            low[axis] = low[axis].min(corner[axis]);
            high[axis] = high[axis].max(corner[axis]);
        }
    }
    // Rounded first: a corner that is off by a rounding error must not cost or gain a cell.
    let whole = |value: f64| (value / resolution_m * 1e6).round() / 1e6;
    let from = low.map(|value| whole(value - MARGIN_M).floor());
    let to = high.map(|value| whole(value + MARGIN_M).ceil());
    let size = [to[0] - from[0], to[1] - from[1]];
    if size[0] * size[1] > MOST_CELLS {
        return Err(SimError::Request(format!(
            "a floor plan of {resolution_m} m cells would have {} x {} of them, allowed are {MOST_CELLS} in all",
            size[0], size[1]
        )));
    }
    let (width, height) = (size[0] as usize, size[1] as usize);
    let origin = from.map(|cells| cells * resolution_m);
    Ok(OccupancyGrid { resolution_m, width, height, origin, cells: vec![Cell::Unknown; width * height] })
}

/// Where a solid meets the plane at a height: a convex polygon, counter-clockwise; empty where it does not.
fn outline(solid: &Solid, map_from_solid: &Isometry3<f64>, height_m: f64) -> Vec<[f64; 2]> {
    let ring = |count: usize, radius: f64, turn: f64| -> Vec<[f64; 2]> {
        let angle = |i: usize| (i as f64 + turn) * std::f64::consts::TAU / count as f64;
        (0..count).map(|i| [radius * angle(i).cos(), radius * angle(i).sin()]).collect()
    };
    let (base, half): (Vec<[f64; 2]>, f64) = match *solid {
        Solid::Sphere { radius_m } => {
            let center = map_from_solid.translation.vector;
            let up = height_m - center.z;
            if up.abs() >= radius_m {
                return Vec::new();
            }
            let cut = (radius_m * radius_m - up * up).sqrt();
            return ring(ROUND, cut, 0.0).into_iter().map(|[x, y]| [center.x + x, center.y + y]).collect();
        }
        Solid::Cylinder { radius_m, height_m } => (ring(ROUND, radius_m, 0.0), height_m / 2.0),
        Solid::Box { size_m: [x, y, z] } => {
            let (x, y) = (x / 2.0, y / 2.0);
            (vec![[x, y], [-x, y], [-x, -y], [x, -y]], z / 2.0)
        }
    };
    let corner = |[x, y]: [f64; 2], z: f64| map_from_solid * Point3::new(x, y, z);
    let mut points = Vec::new();
    let mut cross = |a: Point3<f64>, b: Point3<f64>| {
        let (from, to) = (a.z - height_m, b.z - height_m);
        if (from < 0.0) != (to < 0.0) {
            let at = a + (b - a) * (from / (from - to));
            points.push([at.x, at.y]);
        }
    };
    for i in 0..base.len() {
        let (this, next) = (base[i], base[(i + 1) % base.len()]);
        cross(corner(this, -half), corner(this, half));
        cross(corner(this, -half), corner(next, -half));
        cross(corner(this, half), corner(next, half));
    }
    let count = points.len().max(1) as f64;
    let middle = points.iter().fold([0.0; 2], |sum, p| [sum[0] + p[0] / count, sum[1] + p[1] / count]);
    let bearing = |p: &[f64; 2]| (p[1] - middle[1]).atan2(p[0] - middle[0]);
    points.sort_by(|a, b| bearing(a).total_cmp(&bearing(b)));
    points
}

/// Whether a point lies inside a convex polygon by more than `depth` metres.
fn inside(polygon: &[[f64; 2]], p: [f64; 2], depth: f64) -> bool {
    (0..polygon.len()).all(|i| {
        let (a, b) = (polygon[i], polygon[(i + 1) % polygon.len()]);
        let (ex, ey) = (b[0] - a[0], b[1] - a[1]);
        ex * (p[1] - a[1]) - ey * (p[0] - a[0]) > depth * ex.hypot(ey)
    })
}

/// Marks the cells that a segment touches, except where another solid hides it.
fn mark(grid: &mut OccupancyGrid, a: [f64; 2], b: [f64; 2], outlines: &[Vec<[f64; 2]>], own: usize) {
    let res = grid.resolution_m;
    let range = |axis: usize, last: usize| {
        let low = (a[axis].min(b[axis]) - EDGE_M - grid.origin[axis]) / res;
        let high = (a[axis].max(b[axis]) + EDGE_M - grid.origin[axis]) / res;
        low.floor().max(0.0) as usize..=(high.floor().max(0.0) as usize).min(last - 1)
    };
    let (columns, rows) = (range(0, grid.width), range(1, grid.height));
    for row in rows {
        for column in columns.clone() {
            let center = grid.center(column, row);
            // The part of the segment within the cell, as shares of its length.
            let (mut from, mut to) = (0.0f64, 1.0f64);
            for axis in 0..2 {
                let (start, along) = (a[axis], b[axis] - a[axis]);
                let (low, high) = (center[axis] - res / 2.0 - EDGE_M, center[axis] + res / 2.0 + EDGE_M);
                if along == 0.0 {
                    if start < low || start > high {
                        to = -1.0;
                    }
                    continue;
                }
                let (s, t) = ((low - start) / along, (high - start) / along);
                from = from.max(s.min(t));
                to = to.min(s.max(t));
            }
            if from > to {
                continue;
            }
            let share = (from + to) / 2.0;
            let middle = [a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1])];
            let hidden = outlines
                .iter()
                .enumerate()
                .any(|(index, other)| index != own && inside(other, middle, EDGE_M));
            if !hidden {
                grid.cells[row * grid.width + column] = Cell::Occupied;
            }
        }
    }
}

/// Frees what can be reached from the start, and forgets surfaces that cannot be seen from there.
fn flood(grid: &mut OccupancyGrid, site: &Site, outlines: &[Vec<[f64; 2]>]) -> Result<(), SimError> {
    let start = grid.cell_at(site.start.x(), site.start.y());
    let (column, row) =
        start.ok_or_else(|| SimError::Request("the site's start lies outside of its plan".into()))?;
    let mut queue = vec![(column as i64, row as i64)];
    while let Some((column, row)) = queue.pop() {
        if column < 0 || row < 0 || column >= grid.width as i64 || row >= grid.height as i64 {
            continue;
        }
        let (c, r) = (column as usize, row as usize);
        let solid = outlines.iter().any(|outline| inside(outline, grid.center(c, r), 0.0));
        if grid.get(c, r) != Cell::Unknown || solid {
            continue;
        }
        grid.cells[r * grid.width + c] = Cell::Free;
        queue.extend([(column + 1, row), (column - 1, row), (column, row + 1), (column, row - 1)]);
    }
    let seen = |column: usize, row: usize| {
        (-DEEP..=DEEP).any(|dy| {
            (-DEEP..=DEEP).any(|dx| {
                let (c, r) = (column as i64 + dx, row as i64 + dy);
                let on = c >= 0 && r >= 0 && c < grid.width as i64 && r < grid.height as i64;
                on && grid.get(c as usize, r as usize) == Cell::Free
            })
        })
    };
    let unseen: Vec<usize> = (0..grid.cells.len())
        .filter(|&i| grid.cells[i] == Cell::Occupied && !seen(i % grid.width, i / grid.width))
        .collect();
    for index in unseen {
        grid.cells[index] = Cell::Unknown;
    }
    Ok(())
}
