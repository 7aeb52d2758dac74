//! The costs at one time, to plan on: clearances, and how far the outline is from what blocks.

use super::overlay::Overlay;
use super::{AROUND_SEEN_M, Blocks, Costmap, Layer};
use crate::footprint::Footprint;
use crate::zones::Passage;
use nalgebra::{Isometry2, Point2};
use nightshift_core::grid::OccupancyGrid;

/// Clearances below this are exact also where the lasers saw something, metres.
const EXACT_BELOW_M: f64 = AROUND_SEEN_M;

/// A gap that is known by discs about the outline is taken where it is so much more than needed; nearer, the true
/// outline allows longer steps than the discs do, metres.
const SURE_M: f64 = 0.02;

/// A costmap with the clearance of each cell.
pub struct Snapshot<'a> {
    pub(super) map: &'a Costmap,
    pub(super) laser: bool,
    pub(super) overlay: Option<Overlay>,
    pub(super) blocks: Option<Blocks>,
    pub(super) closed: Vec<Passage>,
}

impl Snapshot<'_> {
    /// The map below.
    pub fn grid(&self) -> &OccupancyGrid {
        &self.map.still.grid
    }

    /// The costmap that it was taken of.
    pub fn costmap(&self) -> &Costmap {
        self.map
    }

    /// The passages that are closed.
    pub fn closed(&self) -> &[Passage] {
        &self.closed
    }

    /// The same with those passages closed alone that a person has closed; none where that is the same.
    pub fn with_blocked_passages_open(mut self) -> Option<Self> {
        let before = self.closed.len();
        self.closed = self.map.closed();
        (self.closed.len() < before).then_some(self)
    }

    /// The base's outline.
    pub fn footprint(&self) -> &Footprint {
        &self.map.footprint
    }

    /// Distance from a cell to the nearest obstacle, metres; zero is one. Exact near obstacles, no more than it is
    /// elsewhere.
    pub fn clearance(&self, column: usize, row: usize) -> f64 {
        let still_m = self.map.still.clearance_m[row * self.grid().width + column];
        f64::from(self.overlay.as_ref().map_or(still_m, |overlay| overlay.clearance(column, row, still_m)))
    }

    /// How many cells on the next that may be blocked is; zero for a blocked one.
    #[inline]
    fn skip(&self, column: usize, row: usize) -> usize {
        let still = self.map.still.skip[row * self.map.still.grid.width + column];
        match &self.overlay {
            None => usize::from(still),
            Some(overlay) => usize::from(still.min(overlay.skip(column, row))),
        }
    }

    /// The largest clearance in each block, and the blocks' edge in cells and how many make a row.
    pub fn blocks(&self) -> (&[f32], usize, usize) {
        let blocks = self.blocks.as_ref().unwrap_or(&self.map.still.blocks);
        (&blocks.clearance_m, blocks.stride, blocks.columns)
    }

    /// How far the outline at a pose is from the nearest blocked cell's centre, metres: exact below `most_m`, at
    /// least `most_m` otherwise. Not positive where it touches one or leaves the map.
    pub fn gap_m(&self, base: &Isometry2<f64>, most_m: f64) -> f64 {
        self.gap_between(base, f64::NEG_INFINITY, most_m)
    }

    /// As much of the gap as is needed to tell whether it is at least `enough_m`: where it is, a lower bound of it that
    /// is `enough_m` or more; else something below. Looks at discs about the outline before its edges.
    pub fn gap_if(&self, base: &Isometry2<f64>, enough_m: f64, most_m: f64) -> f64 {
        let grid = self.grid();
        let (mut least, mut most) = (f64::INFINITY, f64::INFINITY);
        for disc in self.footprint().discs() {
            let middle = base * disc.center;
            let Some((column, row)) = grid.cell_at(middle.x, middle.y) else { return f64::NEG_INFINITY };
            let clearance = self.clearance(column, row);
            // The clearance is the cell's centre's.
            let [x, y] = grid.center(column, row);
            let off = ((middle.x - x) * (middle.x - x) + (middle.y - y) * (middle.y - y)).sqrt();
            least = least.min(clearance - off - disc.about_m);
            if clearance < EXACT_BELOW_M {
                most = most.min(clearance + off - disc.inside_m);
            }
        }
        // The map's end is not among the clearances.
        let (x, y) = (base.translation.x - grid.origin[0], base.translation.y - grid.origin[1]);
        let [width, height] = [grid.width, grid.height].map(|cells| cells as f64 * grid.resolution_m);
        least = least.min(x.min(width - x).min(y.min(height - y)) - self.footprint().outer_radius_m());
        if least >= enough_m + SURE_M {
            return least;
        }
        if most < enough_m {
            return most;
        }
        self.gap_between(base, enough_m, most_m)
    }

    /// The gap, given up where it turns out to be below `enough_m`.
    fn gap_between(&self, base: &Isometry2<f64>, enough_m: f64, most_m: f64) -> f64 {
        let grid = self.grid();
        let (x, y) = (base.translation.x, base.translation.y);
        let Some((column, row)) = grid.cell_at(x, y) else { return 0.0_f64.min(enough_m) };
        // The centre of the pose's cell is at most this far from the pose.
        let within = grid.resolution_m * std::f64::consts::FRAC_1_SQRT_2;
        let [low, high] = self.footprint().bounds(base);
        // Beyond the map's end nothing is known: the end is an obstacle.
        let to_end = [low.x, low.y, -high.x, -high.y].into_iter().zip([
            grid.origin[0],
            grid.origin[1],
            -(grid.origin[0] + grid.width as f64 * grid.resolution_m),
            -(grid.origin[1] + grid.height as f64 * grid.resolution_m),
        ]);
        let mut gap = to_end.map(|(side, end)| side - end).fold(f64::INFINITY, f64::min);
        let quick = self.clearance(column, row) - self.footprint().outer_radius_m() - within;
        if quick >= most_m {
            return quick.min(gap);
        }
        gap = gap.min(most_m);
        let index = |v: f64, axis: usize| ((v - grid.origin[axis]) / grid.resolution_m).floor();
        let most = |v: f64, count: usize| v.clamp(0.0, count as f64 - 1.0) as usize;
        let (below, above) = (index(low.y - most_m, 1), index(high.y + most_m, 1));
        let box_m = [low.x - most_m, high.x + most_m];
        for row in most(below, grid.height)..=most(above, grid.height) {
            // Only cells of this row that can be nearer than what was found.
            let [left_m, right_m] = self.footprint().span(base, grid.center(0, row)[1], gap, box_m);
            let (left, right) = (index(left_m, 0), index(right_m, 0));
            if left > right || right < 0.0 || left >= grid.width as f64 {
                continue;
            }
            let (mut column, last) = (most(left, grid.width), most(right, grid.width));
            while column <= last {
                let skip = self.skip(column, row);
                if skip == 0 {
                    let center = base.inverse_transform_point(&Point2::from(grid.center(column, row)));
                    gap = gap.min(self.footprint().distance(&center));
                    if gap < enough_m {
                        return gap;
                    }
                    column += 1;
                } else {
                    column += skip;
                }
            }
        }
        gap
    }

    /// What keeps the outline, grown by `margin_m`, from standing at a pose.
    pub fn obstacle_at(&self, base: &Isometry2<f64>, margin_m: f64) -> Option<(Layer, Point2<f64>)> {
        if self.gap_m(base, margin_m + 1e-6) > margin_m {
            return None;
        }
        self.map.obstacle_among(base, margin_m, |index| self.map.layer(index, self.laser))
    }
}

/// Cells from one of this clearance to the next that may be blocked: no blocked one is nearer than the clearance.
pub fn skip(clearance_m: f32, resolution_m: f64) -> u8 {
    if clearance_m == 0.0 { 0 } else { (f64::from(clearance_m) / resolution_m - 0.5).clamp(1.0, 16.0) as u8 }
}
