//! What of the room differs from its map: evidence for each cell, gathered while the localiser is sure, and the regions
//! that enough of it speaks for.
//!
//! A surface is *new* where beams end again and again on floor that the map calls free, seen from several places, for
//! longer than a person stands, and hardly ever passed. It is *gone* where beams pass a mapped wall again and again. Counts
//! are taken once a cell and look, and looks only after the base has moved or time has passed, so that standing still
//! proves nothing. They are halved when they grow: what changes back is believed back. What was seen from a place that the
//! localiser takes back within [`QUARANTINE_S`] never counts.
//!
//! Pure and deterministic; the memory is 20 bytes a cell of the map and what waits in quarantine.

mod regions;
#[cfg(test)]
mod tests;

pub use regions::{Kind, Region, updated};

use crate::distance;
use crate::localiser::{Localisation, Localiser};
use crate::log::DriveLog;
use crate::surface::Surfaces;
use nalgebra::{Isometry2, Point2, Vector2};
use nightshift_core::grid::{Cell, OccupancyGrid};
use nightshift_core::time::Stamp;
use std::collections::VecDeque;
use std::f64::consts::PI;

/// What was seen counts once the place has been trusted for so long on, seconds: a kidnap is noticed within 2 s.
pub const QUARANTINE_S: f64 = 5.0;
/// From one look to the next: so much way, or turn, or time.
const LOOK_M: f64 = 0.1;
const LOOK_RAD: f64 = 0.1;
const LOOK_S: f64 = 2.0;
/// Beams tell no farther than this: beyond, the heading's error is a cell, metres.
const RANGE_M: f64 = 10.0;
/// A beam tells nothing of the last so many metres before its end: noise, and the map's rounding.
const SHORT_OF_END_M: f64 = 0.2;
/// A surface this near to a mapped one is the mapped one, metres.
const SAME_M: f64 = 0.12;
/// Places nearer together than this are one place to look from, metres.
const PLACE_M: f64 = 0.5;
/// Counts of one cell together are halved here.
const MOST_COUNTS: u8 = 64;
/// A beam passes a wall where it ends so far beyond it, across it: one that skims along its cells does not, metres.
const ACROSS_M: f64 = 0.15;
/// Looks that wait in quarantine at most; older ones are counted as they come out.
const MOST_WAITING: usize = 128;

/// So many looks end in a new cell, from so many places, over so many seconds, ...
const NEW_HITS: u8 = 4;
const NEW_PLACES: u32 = 2;
const NEW_S: f64 = 20.0;
/// ... and this share of those that met it.
const NEW_SHARE: f64 = 0.5;
/// So many looks pass a cell that is gone, ...
const GONE_PASSES: u8 = 4;
/// ... and no more than this share of that ends there or in a cell beside it: a surface on the edge between two cells is
/// hit in the one and passed in the other.
const GONE_SHARE: f64 = 0.2;

/// Evidence about one cell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Evidence {
    hits: u8,
    passes: u8,
    /// A bit for each place, of eight kinds, that it was hit from.
    places: u8,
    /// The last look that met it, counted from one.
    look: u32,
    /// First and last hit, tenths of a second.
    first_ds: u32,
    last_ds: u32,
}

/// What a map says of a cell, as far as changes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mapped {
    /// Free, and too far from every wall to be taken for it.
    Floor,
    /// Free, but a wall is near.
    ByWall,
    Wall,
    Unknown,
}

/// What a look saw, in the map's frame.
#[derive(Clone, Debug)]
struct Look {
    stamp: Stamp,
    eye: Point2<f64>,
    ends: Vec<Point2<f64>>,
}

/// Gathers what differs from a map.
#[derive(Clone, Debug)]
pub struct Changes {
    width: usize,
    height: usize,
    resolution_m: f64,
    origin: [f64; 2],
    mapped: Vec<Mapped>,
    /// Direction of each wall's normal, as [`direction`] has it.
    normal: Vec<u8>,
    evidence: Vec<Evidence>,
    looks: u32,
    waiting: VecDeque<Look>,
    /// Where, when and by which scanner's place the last look was taken.
    last: Vec<(Point2<f64>, Stamp, Isometry2<f64>)>,
}

impl Changes {
    /// Nothing has been seen of a map's room yet.
    pub fn new(grid: &OccupancyGrid) -> Self {
        let occupied = |index: usize| grid.cells[index] == Cell::Occupied;
        let nearest = distance::nearest_marked(grid.width, grid.height, occupied);
        let surfaces = Surfaces::new(grid);
        let normal = |index: usize| {
            let center = Point2::from(grid.center(index % grid.width, index / grid.width));
            surfaces
                .nearest(&center)
                .filter(|_| occupied(index))
                .and_then(|surfel| surfel.normal)
                .map_or(NO_NORMAL, direction)
        };
        let mapped = |(index, cell): (usize, &u32)| match grid.cells[index] {
            Cell::Occupied => Mapped::Wall,
            Cell::Unknown => Mapped::Unknown,
            Cell::Free => match *cell {
                distance::NONE => Mapped::Floor,
                wall if distance::between(index, wall as usize, grid.width) * grid.resolution_m > SAME_M => {
                    Mapped::Floor
                }
                _ => Mapped::ByWall,
            },
        };
        Self {
            width: grid.width,
            height: grid.height,
            resolution_m: grid.resolution_m,
            origin: grid.origin,
            mapped: nearest.iter().enumerate().map(mapped).collect(),
            normal: (0..grid.cells.len()).map(normal).collect(),
            evidence: vec![Evidence::default(); grid.cells.len()],
            looks: 0,
            waiting: VecDeque::new(),
            last: Vec::new(),
        }
    }

    /// Takes a scan from a place that is trusted. `base_from_eye`: the scanner; `ends`: where beams ended; both in the base's
    /// frame.
    pub fn look(
        &mut self,
        stamp: Stamp,
        map_from_base: &Isometry2<f64>,
        base_from_eye: &Point2<f64>,
        ends: &[Point2<f64>],
    ) {
        while self.waiting.front().is_some_and(|look| stamp.since(look.stamp) > QUARANTINE_S)
            || self.waiting.len() > MOST_WAITING
        {
            let look = self.waiting.pop_front().expect("just seen");
            self.count(&look);
        }
        let known = self.last.iter().position(|(eye, ..)| eye == base_from_eye);
        if let Some((_, before, from)) = known.map(|index| &self.last[index]) {
            let moved = from.inv_mul(map_from_base);
            let still = moved.translation.vector.norm() < LOOK_M && moved.rotation.angle().abs() < LOOK_RAD;
            // Time that runs backwards is no time.
            if still && stamp.since(*before) < LOOK_S {
                return;
            }
        }
        let now = (*base_from_eye, stamp, *map_from_base);
        match known {
            Some(index) => self.last[index] = now,
            None => self.last.push(now),
        }
        let ends = ends.iter().map(|end| map_from_base * end).collect();
        self.waiting.push_back(Look { stamp, eye: map_from_base * base_from_eye, ends });
    }

    /// The place is not trusted any more: what was seen lately does not count.
    pub fn doubt(&mut self) {
        self.waiting.clear();
        self.last.clear();
    }

    /// Counts what still waits: nothing more will be seen that could speak against it.
    pub fn finish(&mut self) {
        while let Some(look) = self.waiting.pop_front() {
            self.count(&look);
        }
    }

    fn index_at(&self, point: &Point2<f64>) -> Option<usize> {
        let column = (point.x - self.origin[0]) / self.resolution_m;
        let row = (point.y - self.origin[1]) / self.resolution_m;
        let inside = column >= 0.0 && row >= 0.0 && column < self.width as f64 && row < self.height as f64;
        inside.then(|| row as usize * self.width + column as usize)
    }

    fn count(&mut self, look: &Look) {
        // From outside the map nothing can be told of it; NaN comes here too.
        if self.index_at(&look.eye).is_none() {
            return;
        }
        self.looks = self.looks.wrapping_add(1).max(1);
        let now_ds = (look.stamp.seconds() * 10.0) as u32;
        let place = [look.eye.x, look.eye.y].map(|v| (v / PLACE_M).floor() as i64);
        let bit = 1u8 << (place[0] + 3 * place[1]).rem_euclid(8);
        let ends = look.ends.iter().map(|end| (end, (end - look.eye).norm()));
        let ends: Vec<_> = ends.filter(|(_, range)| range.is_finite()).collect();
        // Ends first: what a look both ends in and passes was met.
        for (end, range) in &ends {
            let Some(index) = self.index_at(end).filter(|_| *range <= RANGE_M) else { continue };
            let evidence = &mut self.evidence[index];
            if std::mem::replace(&mut evidence.look, self.looks) == self.looks {
                continue;
            }
            if evidence.hits == 0 {
                (evidence.first_ds, evidence.places) = (now_ds, 0);
            }
            evidence.hits += 1;
            evidence.places |= bit;
            evidence.last_ds = now_ds;
            evidence.halve_when_full();
        }
        for (end, range) in &ends {
            let way = (*end - look.eye) / *range;
            let length = (range - SHORT_OF_END_M).min(RANGE_M);
            // NaN, of an end in the eye, is no step.
            let steps = (length / self.resolution_m).floor().max(0.0);
            for step in 0..steps as usize {
                let Some(index) = self.index_at(&(look.eye + way * (step as f64 * self.resolution_m))) else {
                    break;
                };
                let evidence = &mut self.evidence[index];
                let told = !matches!(self.mapped[index], Mapped::Floor | Mapped::ByWall) || evidence.hits > 0;
                if !told
                    || evidence.look == self.looks
                    || !goes_through(self.normal[index], &(way * (range - step as f64 * self.resolution_m)))
                {
                    continue;
                }
                evidence.look = self.looks;
                evidence.passes += 1;
                evidence.halve_when_full();
            }
        }
    }

    /// What differs from the map, as far as it is sure: regions, the largest first.
    pub fn found(&self) -> Vec<Region> {
        regions::found(self)
    }
}

/// Where there is no normal: corners, posts, floor.
const NO_NORMAL: u8 = u8::MAX;

/// A normal's direction in 255 steps of half a turn; its sign does not matter.
fn direction(normal: Vector2<f64>) -> u8 {
    let angle = normal.y.atan2(normal.x).rem_euclid(PI);
    ((angle / PI * f64::from(NO_NORMAL)) as u8).min(NO_NORMAL - 1)
}

/// Whether a beam that goes on by `rest` beyond a cell of a wall has come through the wall.
fn goes_through(normal: u8, rest: &Vector2<f64>) -> bool {
    if normal == NO_NORMAL {
        return true;
    }
    let (sin, cos) = (f64::from(normal) / f64::from(NO_NORMAL) * PI).sin_cos();
    (rest.x * cos + rest.y * sin).abs() > ACROSS_M
}

/// What a recorded drive shows, and where the scans were that were taken at a trusted place. `progress` is told after each
/// step.
pub fn of_drive(
    grid: &OccupancyGrid,
    localiser: &mut Localiser,
    log: &DriveLog,
    progress: &mut dyn FnMut(usize),
) -> (Vec<Region>, Vec<[f64; 2]>) {
    let mut changes = Changes::new(grid);
    let mut trail = Vec::new();
    let eye = log.scanner().pose.translation().xy().into();
    for (index, step) in log.steps.iter().enumerate() {
        localiser.odometry(&log.odometry(index));
        let place = localiser.scan(&log.scan(index));
        match place.as_ref().and_then(Localisation::tracked) {
            Some(at) => {
                trail.push([at.map_from_base.x(), at.map_from_base.y()]);
                changes.look(step.stamp, &at.map_from_base.iso, &eye, localiser.last_points());
            }
            None => changes.doubt(),
        }
        progress(index + 1);
    }
    changes.finish();
    (changes.found(), trail)
}

impl Evidence {
    fn halve_when_full(&mut self) {
        if self.hits + self.passes >= MOST_COUNTS {
            self.hits /= 2;
            self.passes /= 2;
        }
    }

    fn share(&self) -> f64 {
        f64::from(self.hits) / f64::from(self.hits + self.passes).max(1.0)
    }

    fn is_surface(&self) -> bool {
        self.hits >= NEW_HITS
            && self.places.count_ones() >= NEW_PLACES
            && f64::from(self.last_ds.saturating_sub(self.first_ds)) >= 10.0 * NEW_S
            && self.share() >= NEW_SHARE
    }

    /// `hits`: of the cells about it as well.
    fn is_passed(&self, hits: u8) -> bool {
        self.passes >= GONE_PASSES && f64::from(hits) <= GONE_SHARE * f64::from(self.passes)
    }
}
