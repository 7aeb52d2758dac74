//! Where the base may stand: the map's walls and what the lasers saw lately, against the true outline.

mod overlay;
mod snapshot;
mod still;
mod verdicts;

use crate::control::mppi::Field;
use crate::distance;
use crate::footprint::Footprint;
use crate::zones::{Passage, Zones};
use nalgebra::{Isometry2, Point2};
use nightshift_core::describe::Zone;
use nightshift_core::grid::{Cell, OccupancyGrid};
use nightshift_core::time::Stamp;
use overlay::Overlay;
pub use snapshot::Snapshot;
use std::collections::BTreeMap;
use std::sync::Arc;
use still::{Blocks, Still};
pub use verdicts::Verdicts;

/// What a scan marked stays marked for so long if no beam passes it again, seconds.
const REMEMBERED_S: f64 = 60.0;
/// Beams mark obstacles no farther than this, metres.
const MARK_RANGE_M: f64 = 6.0;
/// Beams clear no farther than this, metres.
const CLEAR_RANGE_M: f64 = MARK_RANGE_M;
/// How far beyond the outline's inner disc clearances are worked out around what was seen, metres: more than any margin
/// and than the distance from which ways cost more.
const AROUND_SEEN_M: f64 = 0.6;

/// What keeps the base from standing somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// The map's walls, its unknown parts and its end.
    Map,
    /// A keep-out zone.
    KeepOut,
    /// Something the lasers saw.
    Laser,
    /// A passage that is closed.
    Closed,
}

/// The map with its laser layer.
#[derive(Clone, Debug)]
pub struct Costmap {
    still: Arc<Still>,
    footprint: Footprint,
    /// When each cell was seen occupied last; zero for never.
    seen: Vec<Stamp>,
    /// Cells that were marked and may still be.
    marks: Vec<u32>,
    /// Of the last scan.
    now: Stamp,
    /// Passages that something blocked, and until when they count as closed.
    blocked: BTreeMap<Passage, Stamp>,
    /// Passages that a person has closed or opened since the site's file was read, and whether they are closed.
    told: BTreeMap<Passage, bool>,
}

impl Costmap {
    /// A map without zones and without anything seen yet.
    pub fn new(grid: OccupancyGrid, footprint: Footprint) -> Self {
        Self::with_zones(grid, footprint, &[])
    }

    /// A map with a site's zones, without anything seen yet.
    pub fn with_zones(grid: OccupancyGrid, footprint: Footprint, zones: &[Zone]) -> Self {
        let seen = vec![Stamp::ZERO; grid.cells.len()];
        let still = Arc::new(Still::new(grid, zones));
        Self {
            still,
            footprint,
            seen,
            marks: Vec::new(),
            now: Stamp::ZERO,
            blocked: BTreeMap::new(),
            told: BTreeMap::new(),
        }
    }

    /// Marks the ends of a scan's beams and clears what they passed. `eye` is the scanner and `hits` are beams' ends,
    /// in the map's frame; `base` is where the robot stands, which is clear by its being there.
    pub fn look(&mut self, now: Stamp, eye: &Point2<f64>, hits: &[Point2<f64>], base: &Isometry2<f64>) {
        for hit in hits {
            self.clear_ray(eye, hit);
        }
        // A stamp of zero would mean never.
        let now = now.max(Stamp(1));
        for hit in hits.iter().filter(|hit| (*hit - eye).norm() <= MARK_RANGE_M) {
            if let Some((column, row)) = self.still.grid.cell_at(hit.x, hit.y) {
                let index = row * self.still.grid.width + column;
                if self.seen[index] == Stamp::ZERO {
                    self.marks.push(index as u32);
                }
                self.seen[index] = now;
            }
        }
        self.now = now;
        self.clear_outline(base);
        self.forget_unseen(REMEMBERED_S);
    }

    /// Forgets all that was seen: it was placed by a pose that turned out wrong.
    pub fn forget(&mut self) {
        self.seen.fill(Stamp::ZERO);
        self.marks.clear();
    }

    /// Whether something is remembered that no scan has shown for so many seconds.
    pub fn remembers_unseen(&self, for_s: f64) -> bool {
        self.marks.iter().any(|mark| {
            let seen = self.seen[*mark as usize];
            seen != Stamp::ZERO && self.now.since(seen) > for_s
        })
    }

    /// Forgets what no scan has shown for so many seconds, and drops marks that no longer hold, so that they stay few.
    pub fn forget_unseen(&mut self, for_s: f64) {
        let (now, seen) = (self.now, &mut self.seen);
        self.marks.retain(|index| {
            let mark = &mut seen[*index as usize];
            if now.since(*mark) > for_s {
                *mark = Stamp::ZERO;
            }
            *mark != Stamp::ZERO
        });
        self.marks.sort_unstable();
        self.marks.dedup();
    }

    /// Nothing else stands where the robot stands.
    fn clear_outline(&mut self, base: &Isometry2<f64>) {
        let [low, high] = self.footprint.bounds(base);
        let (Some(first), Some(last)) =
            (self.still.grid.cell_at(low.x, low.y), self.still.grid.cell_at(high.x, high.y))
        else {
            return;
        };
        for row in first.1..=last.1 {
            for column in first.0..=last.0 {
                let center = Point2::from(self.still.grid.center(column, row));
                if self.footprint.distance(&base.inverse_transform_point(&center)) < 0.0 {
                    self.seen[row * self.still.grid.width + column] = Stamp::ZERO;
                }
            }
        }
    }

    /// Clears from the eye to one cell before the hit, cell by cell.
    fn clear_ray(&mut self, eye: &Point2<f64>, hit: &Point2<f64>) {
        let cell = self.still.grid.resolution_m;
        let way = (hit - eye) / cell;
        let length = way.norm();
        let steps = (length.min(CLEAR_RANGE_M / cell) - 1.5).floor();
        if !length.is_finite() || steps < 0.0 {
            return;
        }
        let step = way / length;
        let (mut column, mut row) =
            ((eye.x - self.still.grid.origin[0]) / cell, (eye.y - self.still.grid.origin[1]) / cell);
        for _ in 0..=steps as usize {
            let inside = column >= 0.0
                && row >= 0.0
                && column < self.still.grid.width as f64
                && row < self.still.grid.height as f64;
            if inside {
                self.seen[row as usize * self.still.grid.width + column as usize] = Stamp::ZERO;
            }
            column += step.x;
            row += step.y;
        }
    }

    /// The costs as they are now, to plan on.
    pub fn snapshot(&self) -> Snapshot<'_> {
        let still = &self.still;
        let marks: Vec<usize> = self
            .marks
            .iter()
            .map(|mark| *mark as usize)
            .filter(|mark| self.seen[*mark] != Stamp::ZERO)
            .collect();
        let around_m = self.footprint.inner_radius_m() + AROUND_SEEN_M;
        let overlay = Overlay::new(&still.grid, &still.clearance_m, &marks, around_m);
        let blocks = overlay.as_ref().map(|overlay| still.blocks_with(overlay));
        let blocked = self.blocked.iter().filter(|(_, until)| **until > self.now);
        let mut closed = self.closed();
        closed.extend(blocked.map(|(passage, _)| *passage));
        closed.sort_unstable();
        closed.dedup();
        Snapshot { map: self, laser: true, overlay, blocks, closed }
    }

    /// Something blocked a passage: until then ways lead around it, where there is one.
    pub fn block(&mut self, passage: Passage, until: Stamp) {
        self.blocked.insert(passage, until);
    }

    /// A person closes or opens the passage of this name. False where there is none.
    pub fn set_passage(&mut self, name: &str, closed: bool) -> bool {
        let Some(passage) = self.still.zones.passage(name) else { return false };
        self.told.insert(passage, closed);
        if !closed {
            self.blocked.remove(&passage);
        }
        true
    }

    /// The passages that are closed by the site's file or by a person, who has the last word.
    fn closed(&self) -> Vec<Passage> {
        let by_file = self.still.zones.closed().filter(|passage| !self.told.contains_key(passage));
        let told = self.told.iter().filter(|(_, closed)| **closed).map(|(passage, _)| *passage);
        let mut closed: Vec<Passage> = by_file.chain(told).collect();
        closed.sort_unstable();
        closed
    }

    /// The map alone, to plan on.
    pub fn snapshot_of_map(&self) -> Snapshot<'_> {
        let closed = self.closed();
        Snapshot { map: self, laser: false, overlay: None, blocks: None, closed }
    }

    /// Clearances within `half_m` of a place, for control.
    pub fn field(&self, place: &Point2<f64>, half_m: f64) -> Field {
        let grid = &self.still.grid;
        let cells = |from: f64, axis: usize, count: usize| {
            let at = ((from - grid.origin[axis]) / grid.resolution_m).floor();
            at.clamp(0.0, count as f64 - 1.0) as usize
        };
        let (left, right) = (cells(place.x - half_m, 0, grid.width), cells(place.x + half_m, 0, grid.width));
        let (low, high) = (cells(place.y - half_m, 1, grid.height), cells(place.y + half_m, 1, grid.height));
        let (columns, rows) = (right - left + 1, high - low + 1);
        let marked = |index: usize| {
            let cell = (low + index / columns) * grid.width + left + index % columns;
            self.layer(cell, true).is_some()
        };
        let nearest = distance::nearest_marked(columns, rows, marked);
        let clearance_m = nearest.iter().enumerate().map(|(index, cell)| match *cell {
            distance::NONE => half_m as f32,
            cell => (distance::between(index, cell as usize, columns) * grid.resolution_m) as f32,
        });
        let origin = [left, low].map(|cell| cell as f64 * grid.resolution_m);
        Field {
            origin: [grid.origin[0] + origin[0], grid.origin[1] + origin[1]],
            cell_m: grid.resolution_m,
            width: columns,
            clearance_m: clearance_m.collect(),
        }
    }

    /// Whether a return lies on free floor of the map, farther from everything in it than `apart_m`.
    pub fn is_unexplained(&self, point: &Point2<f64>, apart_m: f64) -> bool {
        let cell = self.still.grid.cell_at(point.x, point.y);
        let walls_m = self.still.walls_m.as_ref().unwrap_or(&self.still.clearance_m);
        cell.is_some_and(|(column, row)| f64::from(walls_m[row * self.still.grid.width + column]) > apart_m)
    }

    /// What the planner has found out of the map's blocks, at each of its margins.
    pub fn verdicts(&self) -> &[Verdicts; 2] {
        &self.still.verdicts
    }

    /// The site's zones.
    pub fn zones(&self) -> &Zones {
        &self.still.zones
    }

    /// The base's outline.
    pub fn footprint(&self) -> &Footprint {
        &self.footprint
    }

    /// What blocks at a point of the map, in words.
    pub fn words(&self, layer: Layer, at: &Point2<f64>) -> String {
        let what = match layer {
            Layer::Map => "the map (wall, unknown, or its end)".to_owned(),
            Layer::Laser => match self.still.zones.passage_at([at.x, at.y]) {
                None => "something that the lasers see".to_owned(),
                Some(passage) => {
                    format!("something that the lasers see in the passage {}", self.still.zones.name(passage))
                }
            },
            Layer::Closed => "a closed passage".to_owned(),
            Layer::KeepOut => {
                let cell = self.still.grid.cell_at(at.x, at.y);
                let zone = cell.and_then(|(c, r)| self.still.zones.kept_out(r * self.still.grid.width + c));
                format!("the keep-out zone {}", zone.map_or("", |zone| &zone.name))
            }
        };
        format!("{what} at ({:.2}, {:.2})", at.x, at.y)
    }

    fn layer(&self, index: usize, laser: bool) -> Option<Layer> {
        if self.still.grid.cells[index] != Cell::Free {
            Some(Layer::Map)
        } else if self.still.zones.kept_out(index).is_some() {
            Some(Layer::KeepOut)
        } else {
            let seen = self.seen[index];
            (laser && seen != Stamp::ZERO && self.now.since(seen) <= REMEMBERED_S).then_some(Layer::Laser)
        }
    }

    /// What is nearest to the outline at a pose, if anything comes within `margin_m` of it, and where.
    pub fn obstacle_at(&self, base: &Isometry2<f64>, margin_m: f64) -> Option<(Layer, Point2<f64>)> {
        self.obstacle_among(base, margin_m, |index| self.layer(index, true))
    }

    /// The same of what only the lasers see: people, and what is not in the map.
    pub fn stranger_at(&self, base: &Isometry2<f64>, margin_m: f64) -> Option<Point2<f64>> {
        let seen = |index| self.layer(index, true).filter(|layer| *layer == Layer::Laser);
        self.obstacle_among(base, margin_m, seen).map(|(_, place)| place)
    }

    fn obstacle_among(
        &self,
        base: &Isometry2<f64>,
        margin_m: f64,
        layer: impl Fn(usize) -> Option<Layer>,
    ) -> Option<(Layer, Point2<f64>)> {
        let [low, high] = self.footprint.bounds(base);
        let cell = self.still.grid.resolution_m;
        let index = |v: f64, axis: usize| ((v - self.still.grid.origin[axis]) / cell).floor();
        let (first_column, last_column) = (index(low.x - margin_m, 0), index(high.x + margin_m, 0));
        let (first_row, last_row) = (index(low.y - margin_m, 1), index(high.y + margin_m, 1));
        let inside = first_column >= 0.0
            && first_row >= 0.0
            && last_column < self.still.grid.width as f64
            && last_row < self.still.grid.height as f64;
        if !inside {
            // NaN comes here too.
            return Some((Layer::Map, Point2::from(base.translation.vector)));
        }
        let mut nearest: Option<(f64, Layer, Point2<f64>)> = None;
        for row in first_row as usize..=last_row as usize {
            for column in first_column as usize..=last_column as usize {
                let Some(layer) = layer(row * self.still.grid.width + column) else { continue };
                let center = Point2::from(self.still.grid.center(column, row));
                let distance = self.footprint.distance(&base.inverse_transform_point(&center));
                if distance <= margin_m && nearest.is_none_or(|(best, ..)| distance < best) {
                    nearest = Some((distance, layer, center));
                }
            }
        }
        nearest.map(|(_, layer, center)| (layer, center))
    }
}

#[cfg(test)]
pub(crate) mod tests;
