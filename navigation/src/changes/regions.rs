//! Cells that changed, joined to regions a person can judge, and a map with them taken in.

use super::{Changes, Mapped};
use nightshift_core::grid::{Cell, OccupancyGrid};
use serde::{Deserialize, Serialize};

/// Cells so far apart, in columns and rows, are one region.
const REACH: usize = 2;
/// Smaller regions are specks, cells.
const LEAST_CELLS: usize = 4;

/// How a region differs from the map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Something stands where the map has free floor.
    New,
    /// Nothing stands any more where the map has a wall.
    Gone,
}

/// Neighbouring cells that changed alike.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Region {
    /// How.
    pub kind: Kind,
    /// Lower left and upper right corner in the map, metres.
    pub low: [f64; 2],
    pub high: [f64; 2],
    /// Columns and rows of the map, in its order. Of what is gone also the inside that nobody had seen.
    pub cells: Vec<[u32; 2]>,
}

pub(super) fn found(changes: &Changes) -> Vec<Region> {
    let gone = joined(changes, |index| {
        let hits = || around(changes, index, 1).map(|near| changes.evidence[near].hits).max();
        matches!(changes.mapped[index], Mapped::Wall | Mapped::Unknown)
            && changes.evidence[index].is_passed(hits().unwrap_or_default())
    });
    let walls =
        |cells: &[usize]| cells.iter().filter(|index| changes.mapped[**index] == Mapped::Wall).count();
    // Floor beyond the map's edge that is seen now is no change of it.
    let gone: Vec<Vec<usize>> = gone.into_iter().filter(|cells| walls(cells) >= LEAST_CELLS).collect();
    // What stood before something that is gone comes to light, and is as new as what was put there.
    let mut opened = vec![false; changes.mapped.len()];
    for index in gone.iter().flatten() {
        for near in around(changes, *index, REACH) {
            opened[near] = true;
        }
    }
    let new = joined(changes, |index| {
        let floor = match changes.mapped[index] {
            Mapped::Floor => true,
            Mapped::ByWall | Mapped::Unknown => opened[index],
            Mapped::Wall => false,
        };
        floor && changes.evidence[index].is_surface()
    });
    let new = new.into_iter().filter(|cells| cells.len() >= LEAST_CELLS);
    let mut regions: Vec<Region> = new
        .map(|cells| region(changes, Kind::New, cells))
        .chain(gone.iter().map(|cells| region(changes, Kind::Gone, cells.clone())))
        .collect();
    // Stable: of two as large the lower one comes first.
    regions.sort_by_key(|region| std::cmp::Reverse(region.cells.len()));
    regions
}

/// Indices of the cells no more than `reach` columns and rows away.
fn around(changes: &Changes, index: usize, reach: usize) -> impl Iterator<Item = usize> {
    let (width, height) = (changes.width, changes.height);
    let (column, row) = (index % width, index / width);
    let rows = row.saturating_sub(reach)..(row + reach + 1).min(height);
    rows.flat_map(move |r| {
        (column.saturating_sub(reach)..(column + reach + 1).min(width)).map(move |c| r * width + c)
    })
}

/// Cells within reach of each other, as sorted groups, in the order of their first cells.
fn joined(changes: &Changes, is_in: impl Fn(usize) -> bool) -> Vec<Vec<usize>> {
    let mut open: Vec<bool> = (0..changes.mapped.len()).map(is_in).collect();
    let mut groups = Vec::new();
    for first in 0..open.len() {
        if !std::mem::take(&mut open[first]) {
            continue;
        }
        let mut group = vec![first];
        let mut next = 0;
        while next < group.len() {
            for near in around(changes, group[next], REACH) {
                if std::mem::take(&mut open[near]) {
                    group.push(near);
                }
            }
            next += 1;
        }
        group.sort_unstable();
        groups.push(group);
    }
    groups
}

fn region(changes: &Changes, kind: Kind, indices: Vec<usize>) -> Region {
    let cells: Vec<[u32; 2]> =
        indices.iter().map(|i| [(i % changes.width) as u32, (i / changes.width) as u32]).collect();
    let edge = |axis: usize, cell: u32| changes.origin[axis] + f64::from(cell) * changes.resolution_m;
    let least = |axis: usize| cells.iter().map(|cell| cell[axis]).min().unwrap_or_default();
    let most = |axis: usize| cells.iter().map(|cell| cell[axis] + 1).max().unwrap_or_default();
    Region {
        kind,
        low: [0, 1].map(|axis| edge(axis, least(axis))),
        high: [0, 1].map(|axis| edge(axis, most(axis))),
        cells,
    }
}

/// A map with regions taken in: what is gone becomes free floor, what is new a wall.
///
/// # Errors
/// In words, where a region has a cell that the map does not.
pub fn updated<'a>(
    grid: &OccupancyGrid,
    regions: impl IntoIterator<Item = &'a Region>,
) -> Result<OccupancyGrid, String> {
    let mut new = grid.clone();
    let mut regions: Vec<&Region> = regions.into_iter().collect();
    // What came to light behind something that is gone must not be freed with it.
    regions.sort_by_key(|region| region.kind == Kind::New);
    for region in regions {
        for [column, row] in &region.cells {
            let (column, row) = (*column as usize, *row as usize);
            if column >= grid.width || row >= grid.height {
                return Err(format!(
                    "cell ({column}, {row}) is outside the map of {} x {} cells",
                    grid.width, grid.height
                ));
            }
            new.cells[row * grid.width + column] = match region.kind {
                Kind::New => Cell::Occupied,
                Kind::Gone => Cell::Free,
            };
        }
    }
    Ok(new)
}
