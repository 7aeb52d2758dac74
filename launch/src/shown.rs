//! What people are shown of navigation beside its outputs: the costs that it plans on, and what differs from the map. Read off the component, never
//! part of its record.

use nightshift_core::Stamp;
use nightshift_core::frames::{Base, Map, Pose2};
use nightshift_core::grid::Cell;
use nightshift_navigation::Navigator;
use nightshift_navigation::changes::{Kind, Region};
use nightshift_navigation::planning::Costmap;
use nightshift_ros::{CostGrid, StackSideOutput};
use std::ops::Range;

/// Seconds between looks at all costs, and at those about the base.
const GLOBAL_EVERY_S: f64 = 1.0;
const LOCAL_EVERY_S: f64 = 0.5;
/// And at what differs from the map.
const CHANGES_EVERY_S: f64 = 5.0;
/// As RViz's colours for costmaps draw red, and blue.
const NEW: i8 = 98;
const GONE: i8 = 1;
/// The costs about the base reach so far, metres.
const LOCAL_M: f64 = 3.0;
/// Cost falls off with the distance beyond the inner radius by this, 1/m.
const COST_FALL: f64 = 5.0;

/// What was shown last, and when.
#[derive(Default)]
pub struct Shown {
    global_at: Stamp,
    global: Option<CostGrid>,
    local_at: Stamp,
    local: Option<CostGrid>,
    changes_at: Stamp,
    changes: Vec<Region>,
}

impl Shown {
    /// What is to be shown now: what is due and has changed.
    pub fn due(&mut self, now: Stamp, navigator: &Navigator) -> Vec<StackSideOutput> {
        let mut out = Vec::new();
        if now.since(self.global_at) >= GLOBAL_EVERY_S {
            self.global_at = now;
            let costs = global(navigator.costmap());
            if self.global.as_ref() != Some(&costs) {
                self.global = Some(costs.clone());
                out.push(StackSideOutput::Costmap(costs));
            }
        }
        if now.since(self.local_at) >= LOCAL_EVERY_S
            && let Some(tracked) = navigator.tracked()
        {
            self.local_at = now;
            let costs = local(navigator.costmap(), &tracked.map_from_base);
            if self.local.as_ref() != Some(&costs) {
                self.local = Some(costs.clone());
                out.push(StackSideOutput::LocalCostmap(costs));
            }
        }
        if now.since(self.changes_at) >= CHANGES_EVERY_S {
            self.changes_at = now;
            let regions = navigator.changes().found();
            if self.changes != regions {
                out.push(StackSideOutput::Changes(differing(navigator.costmap(), &regions)));
                self.changes = regions;
            }
        }
        out
    }
}

/// What differs from the map, over all of it.
fn differing(costmap: &Costmap, regions: &[Region]) -> CostGrid {
    let snapshot = costmap.snapshot_of_map();
    let grid = snapshot.grid();
    let mut costs = vec![0; grid.cells.len()];
    // What came to light behind something that is gone counts as new.
    for kind in [Kind::Gone, Kind::New] {
        for [column, row] in regions.iter().filter(|region| region.kind == kind).flat_map(|r| &r.cells) {
            costs[*row as usize * grid.width + *column as usize] = if kind == Kind::New { NEW } else { GONE };
        }
    }
    CostGrid { resolution_m: grid.resolution_m, width: grid.width, origin: grid.origin, costs }
}

/// All costs.
fn global(costmap: &Costmap) -> CostGrid {
    let snapshot = costmap.snapshot_of_map();
    let grid = snapshot.grid();
    costs(costmap, 0..grid.width, 0..grid.height)
}

/// Those about the base; what lies outside of the map is left out.
fn local(costmap: &Costmap, map_from_base: &Pose2<Map, Base>) -> CostGrid {
    let snapshot = costmap.snapshot_of_map();
    let grid = snapshot.grid();
    let span = |at: f64, axis: usize, count: usize| {
        let cell =
            |v: f64| ((v - grid.origin[axis]) / grid.resolution_m).floor().clamp(0.0, count as f64) as usize;
        cell(at - LOCAL_M)..cell(at + LOCAL_M)
    };
    let (columns, rows) = (span(map_from_base.x(), 0, grid.width), span(map_from_base.y(), 1, grid.height));
    costs(costmap, columns, rows)
}

fn costs(costmap: &Costmap, columns: Range<usize>, rows: Range<usize>) -> CostGrid {
    let snapshot = costmap.snapshot();
    let (grid, inner_m) = (snapshot.grid(), snapshot.footprint().inner_radius_m());
    let cost = |column: usize, row: usize| {
        let clearance = snapshot.clearance(column, row);
        match grid.get(column, row) {
            Cell::Unknown => -1,
            _ if clearance == 0.0 => 100,
            _ if clearance < inner_m => 99,
            _ => (98.0 * (-COST_FALL * (clearance - inner_m)).exp()) as i8,
        }
    };
    let at = |cell: usize, axis: usize| grid.origin[axis] + cell as f64 * grid.resolution_m;
    CostGrid {
        resolution_m: grid.resolution_m,
        width: columns.len(),
        origin: [at(columns.start, 0), at(rows.start, 1)],
        costs: rows
            .flat_map(|row| columns.clone().map(move |column| (column, row)))
            .map(|(c, r)| cost(c, r))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nightshift_core::grid::OccupancyGrid;
    use nightshift_navigation::planning::Footprint;

    #[test]
    fn costs_about_the_base_are_those_of_the_whole_map_cut_out() {
        let cell =
            |i: usize| if i.is_multiple_of(200) || i / 200 == 50 { Cell::Occupied } else { Cell::Free };
        let cells = (0..200 * 100).map(cell).collect();
        let grid = OccupancyGrid { resolution_m: 0.05, width: 200, height: 100, origin: [-2.0, 1.0], cells };
        let costmap =
            Costmap::new(grid, Footprint::new(&[[0.4, 0.3], [-0.4, 0.3], [-0.4, -0.3], [0.4, -0.3]]));
        let all = global(&costmap);
        assert_eq!((all.width, all.costs.len(), all.origin), (200, 20_000, [-2.0, 1.0]));
        assert_eq!((all.costs[50 * 200 + 7], all.costs[53 * 200 + 100]), (100, 99));
        let near = local(&costmap, &Pose2::new(4.01, 4.01, 0.3));
        // 3 m to each side, cut off at the map's upper end (y = 6 m).
        assert_eq!((near.width, near.costs.len() / near.width), (120, 100));
        let (left, low) = (
            ((near.origin[0] + 2.0) / 0.05).round() as usize,
            ((near.origin[1] - 1.0) / 0.05).round() as usize,
        );
        for (index, cost) in near.costs.iter().enumerate() {
            let (column, row) = (left + index % near.width, low + index / near.width);
            assert_eq!(*cost, all.costs[row * 200 + column], "column {column}, row {row}");
        }
        assert!(local(&costmap, &Pose2::new(90.0, 4.0, 0.0)).costs.is_empty());
    }
}
