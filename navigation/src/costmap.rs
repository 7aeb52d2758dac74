//! Where the base may stand: the map's walls and what the lasers saw lately, against the true outline.

use crate::distance;
use crate::footprint::Footprint;
use nalgebra::{Isometry2, Point2};
use nightshift_core::grid::{Cell, OccupancyGrid};
use nightshift_core::time::Stamp;

/// What a scan marked stays marked for so long if no beam passes it again, seconds.
const REMEMBERED_S: f64 = 60.0;
/// Beams mark obstacles no farther than this, metres.
const MARK_RANGE_M: f64 = 6.0;
/// Beams clear no farther than this, metres.
const CLEAR_RANGE_M: f64 = MARK_RANGE_M;

/// What keeps the base from standing somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// The map's walls, its unknown parts and its end.
    Map,
    /// Something the lasers saw.
    Laser,
}

/// The map with its laser layer.
#[derive(Clone, Debug)]
pub struct Costmap {
    grid: OccupancyGrid,
    footprint: Footprint,
    /// When each cell was seen occupied last; zero for never.
    seen: Vec<Stamp>,
    /// Of the last scan.
    now: Stamp,
}

impl Costmap {
    /// A map without anything seen yet.
    pub fn new(grid: OccupancyGrid, footprint: Footprint) -> Self {
        let seen = vec![Stamp::ZERO; grid.cells.len()];
        Self { grid, footprint, seen, now: Stamp::ZERO }
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
            if let Some((column, row)) = self.grid.cell_at(hit.x, hit.y) {
                self.seen[row * self.grid.width + column] = now;
            }
        }
        self.now = now;
        self.clear_outline(base);
    }

    /// Forgets all that was seen: it was placed by a pose that turned out wrong.
    pub fn forget(&mut self) {
        self.seen.fill(Stamp::ZERO);
    }

    /// Nothing else stands where the robot stands.
    fn clear_outline(&mut self, base: &Isometry2<f64>) {
        let [low, high] = self.footprint.bounds(base);
        let (Some(first), Some(last)) = (self.grid.cell_at(low.x, low.y), self.grid.cell_at(high.x, high.y))
        else {
            return;
        };
        for row in first.1..=last.1 {
            for column in first.0..=last.0 {
                let center = Point2::from(self.grid.center(column, row));
                if self.footprint.distance(&base.inverse_transform_point(&center)) < 0.0 {
                    self.seen[row * self.grid.width + column] = Stamp::ZERO;
                }
            }
        }
    }

    /// Clears from the eye to one cell before the hit, cell by cell.
    fn clear_ray(&mut self, eye: &Point2<f64>, hit: &Point2<f64>) {
        let cell = self.grid.resolution_m;
        let way = (hit - eye) / cell;
        let length = way.norm();
        let steps = (length.min(CLEAR_RANGE_M / cell) - 1.5).floor();
        if !length.is_finite() || steps < 0.0 {
            return;
        }
        let step = way / length;
        let (mut column, mut row) =
            ((eye.x - self.grid.origin[0]) / cell, (eye.y - self.grid.origin[1]) / cell);
        for _ in 0..=steps as usize {
            let inside = column >= 0.0
                && row >= 0.0
                && column < self.grid.width as f64
                && row < self.grid.height as f64;
            if inside {
                self.seen[row as usize * self.grid.width + column as usize] = Stamp::ZERO;
            }
            column += step.x;
            row += step.y;
        }
    }

    /// The map alone.
    pub fn without_laser(&self) -> Self {
        Self::new(self.grid.clone(), self.footprint.clone())
    }

    /// The costs as they are now, to plan on.
    pub fn snapshot(&self) -> Snapshot<'_> {
        let (width, height) = (self.grid.width, self.grid.height);
        let nearest = distance::nearest_marked(width, height, |index| self.layer(index).is_some());
        let clearance_m = nearest
            .iter()
            .enumerate()
            .map(|(index, cell)| match *cell {
                distance::NONE => f32::INFINITY,
                cell => (distance::between(index, cell as usize, width) * self.grid.resolution_m) as f32,
            })
            .collect();
        Snapshot { map: self, clearance_m }
    }

    fn layer(&self, index: usize) -> Option<Layer> {
        if self.grid.cells[index] != Cell::Free {
            Some(Layer::Map)
        } else {
            let seen = self.seen[index];
            (seen != Stamp::ZERO && self.now.since(seen) <= REMEMBERED_S).then_some(Layer::Laser)
        }
    }

    /// What is nearest to the outline at a pose, if anything comes within `margin_m` of it, and where.
    pub fn obstacle_at(&self, base: &Isometry2<f64>, margin_m: f64) -> Option<(Layer, Point2<f64>)> {
        let [low, high] = self.footprint.bounds(base);
        let cell = self.grid.resolution_m;
        let index = |v: f64, axis: usize| ((v - self.grid.origin[axis]) / cell).floor();
        let (first_column, last_column) = (index(low.x - margin_m, 0), index(high.x + margin_m, 0));
        let (first_row, last_row) = (index(low.y - margin_m, 1), index(high.y + margin_m, 1));
        let inside = first_column >= 0.0
            && first_row >= 0.0
            && last_column < self.grid.width as f64
            && last_row < self.grid.height as f64;
        if !inside {
            // NaN comes here too.
            return Some((Layer::Map, Point2::from(base.translation.vector)));
        }
        let mut nearest: Option<(f64, Layer, Point2<f64>)> = None;
        for row in first_row as usize..=last_row as usize {
            for column in first_column as usize..=last_column as usize {
                let Some(layer) = self.layer(row * self.grid.width + column) else { continue };
                let center = Point2::from(self.grid.center(column, row));
                let distance = self.footprint.distance(&base.inverse_transform_point(&center));
                if distance <= margin_m && nearest.is_none_or(|(best, ..)| distance < best) {
                    nearest = Some((distance, layer, center));
                }
            }
        }
        nearest.map(|(_, layer, center)| (layer, center))
    }
}

/// A costmap with the clearance of each cell.
pub struct Snapshot<'a> {
    map: &'a Costmap,
    clearance_m: Vec<f32>,
}

impl Snapshot<'_> {
    /// The map below.
    pub fn grid(&self) -> &OccupancyGrid {
        &self.map.grid
    }

    /// The base's outline.
    pub fn footprint(&self) -> &Footprint {
        &self.map.footprint
    }

    /// Distance from a cell to the nearest obstacle, metres.
    pub fn clearance(&self, column: usize, row: usize) -> f64 {
        f64::from(self.clearance_m[row * self.map.grid.width + column])
    }

    /// What keeps the outline, grown by `margin_m`, from standing at a pose.
    pub fn obstacle_at(&self, base: &Isometry2<f64>, margin_m: f64) -> Option<(Layer, Point2<f64>)> {
        let (x, y) = (base.translation.x, base.translation.y);
        let Some((column, row)) = self.map.grid.cell_at(x, y) else {
            return Some((Layer::Map, Point2::new(x, y)));
        };
        // The centre of the pose's cell is at most this far from the pose.
        let within = self.map.grid.resolution_m * std::f64::consts::FRAC_1_SQRT_2;
        let clearance = self.clearance(column, row);
        if clearance > self.map.footprint.outer_radius_m() + margin_m + within {
            return None;
        }
        self.map.obstacle_at(base, margin_m)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::Vector2;
    use proptest::prelude::*;

    fn room() -> Costmap {
        let cell = |i: usize| {
            let (column, row) = (i % 80, i / 80);
            let wall = column == 0 || row == 0 || column == 79 || row == 79;
            if wall { Cell::Occupied } else { Cell::Free }
        };
        let grid = OccupancyGrid {
            resolution_m: 0.05,
            width: 80,
            height: 80,
            origin: [0.0, 0.0],
            cells: (0..6400).map(cell).collect(),
        };
        Costmap::new(grid, Footprint::new(&[[0.4, 0.3], [-0.4, 0.3], [-0.4, -0.3], [0.4, -0.3]]))
    }

    fn at(x: f64, y: f64, yaw: f64) -> Isometry2<f64> {
        Isometry2::new(Vector2::new(x, y), yaw)
    }

    #[test]
    fn the_outline_counts_and_not_a_disc() {
        let map = room();
        let snapshot = map.snapshot();
        assert!(snapshot.obstacle_at(&at(1.0, 0.4, 0.0), 0.05).is_none());
        let turned = snapshot.obstacle_at(&at(1.0, 0.4, std::f64::consts::FRAC_PI_2), 0.05);
        assert_eq!(turned.map(|(layer, _)| layer), Some(Layer::Map));
        assert!(snapshot.obstacle_at(&at(-1.0, 0.4, 0.0), 0.0).is_some());
        assert!(snapshot.obstacle_at(&at(f64::NAN, 0.4, 0.0), 0.0).is_some());
    }

    #[test]
    fn what_is_seen_blocks_until_a_beam_passes_it_or_it_is_forgotten() {
        let mut map = room();
        let (eye, hit) = (Point2::new(1.0, 2.0), Point2::new(2.525, 2.0));
        let (base, there) = (at(0.6, 2.0, 0.0), at(2.5, 2.0, 0.0));
        map.look(Stamp::from_seconds(1.0), &eye, &[hit], &base);
        assert_eq!(map.snapshot().obstacle_at(&there, 0.0).unwrap().0, Layer::Laser);
        assert!(map.without_laser().snapshot().obstacle_at(&there, 0.0).is_none());
        let mut cleared = map.clone();
        cleared.look(Stamp::from_seconds(2.0), &eye, &[Point2::new(3.9, 2.0)], &base);
        assert!(cleared.snapshot().obstacle_at(&there, 0.0).is_none());
        map.look(Stamp::from_seconds(62.0), &eye, &[], &base);
        assert!(map.snapshot().obstacle_at(&there, 0.0).is_none());
    }

    #[test]
    fn the_robot_is_never_its_own_obstacle() {
        let mut map = room();
        map.look(
            Stamp::from_seconds(1.0),
            &Point2::new(1.4, 2.0),
            &[Point2::new(1.1, 2.0)],
            &at(1.0, 2.0, 0.0),
        );
        assert!(map.snapshot().obstacle_at(&at(1.0, 2.0, 0.0), 0.0).is_none());
        map.look(
            Stamp::from_seconds(1.0),
            &Point2::new(1.4, 2.0),
            &[Point2::new(2.0, 2.0)],
            &at(1.0, 2.0, 0.0),
        );
        assert!(map.snapshot().obstacle_at(&at(2.0, 2.0, 0.0), 0.0).is_some());
        map.forget();
        assert!(map.snapshot().obstacle_at(&at(2.0, 2.0, 0.0), 0.0).is_none());
    }

    proptest! {
        #[test]
        fn the_quick_answer_is_the_exact_one(x in 0.0f64..4.0, y in 0.0f64..4.0, yaw in -3.0f64..3.0, margin in 0.0f64..0.2) {
            let map = room();
            let pose = at(x, y, yaw);
            prop_assert_eq!(map.snapshot().obstacle_at(&pose, margin), map.obstacle_at(&pose, margin));
        }
    }
}
