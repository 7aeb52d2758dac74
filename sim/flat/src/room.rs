//! Rooms as a laser's plane cuts them.

use nalgebra::{Isometry2, Point2, Vector2};
use nightshift_core::grid::{Cell, OccupancyGrid};
use rand::Rng;

/// Margin of the map around the room, metres.
const MARGIN_M: f64 = 1.0;
/// Edge of a map's cell, metres.
const CELL_M: f64 = 0.05;
const WALL_M: f64 = 0.12;
const DOOR_M: f64 = 1.2;

/// Something that stops a beam.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shape {
    /// A rectangle, by its middle and half its size, metres.
    Box(Isometry2<f64>, [f64; 2]),
    /// A round post: middle and radius, metres.
    Post(Point2<f64>, f64),
}

/// What a room looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Benches in rows and along the walls, instruments, a pillar or two.
    Laboratory,
    /// A corridor with rooms on both sides.
    Offices,
    /// A hall with things standing about at any angle.
    Hall,
}

/// A room, from (0, 0) to its size.
#[derive(Clone, Debug, PartialEq)]
pub struct Room {
    /// Along x and y, metres.
    pub size_m: [f64; 2],
    /// What cannot be carried away.
    pub walls: Vec<Shape>,
    /// What can.
    pub furniture: Vec<Shape>,
}

fn upright(x0: f64, y0: f64, x1: f64, y1: f64) -> Shape {
    let middle = Vector2::new((x0 + x1) / 2.0, (y0 + y1) / 2.0);
    Shape::Box(Isometry2::new(middle, 0.0), [(x1 - x0).abs() / 2.0, (y1 - y0).abs() / 2.0])
}

impl Shape {
    /// Distance along a unit direction to the first point of the shape; none where the ray misses it or starts in it.
    pub fn cast(&self, from: &Point2<f64>, way: &Vector2<f64>) -> Option<f64> {
        match self {
            Self::Post(middle, radius) => {
                let to = middle - from;
                let along = to.dot(way);
                let aside = to.norm_squared() - along * along;
                let half = (radius * radius - aside).sqrt();
                Some(along - half).filter(|range| *range > 0.0)
            }
            Self::Box(pose, half) => {
                let (from, way) =
                    (pose.inverse_transform_point(from), pose.rotation.inverse_transform_vector(way));
                let (mut near, mut far) = (f64::NEG_INFINITY, f64::INFINITY);
                for axis in 0..2 {
                    let (a, b) =
                        ((-half[axis] - from[axis]) / way[axis], (half[axis] - from[axis]) / way[axis]);
                    // A ray along an edge divides by zero: infinities order themselves, NaN is passed over.
                    near = near.max(a.min(b));
                    far = far.min(a.max(b));
                }
                (near > 0.0 && near <= far).then_some(near)
            }
        }
    }

    /// Distance of a point from the shape, zero inside, metres.
    pub fn distance(&self, point: &Point2<f64>) -> f64 {
        match self {
            Self::Post(middle, radius) => ((point - middle).norm() - radius).max(0.0),
            Self::Box(pose, half) => {
                let local = pose.inverse_transform_point(point);
                let out = Vector2::new(local.x.abs() - half[0], local.y.abs() - half[1]);
                out.map(|v| v.max(0.0)).norm()
            }
        }
    }

    /// Points along the outline, closely spaced.
    fn outline(&self) -> Vec<Point2<f64>> {
        const STEP_M: f64 = 0.01;
        match self {
            Self::Post(middle, radius) => {
                let count = (std::f64::consts::TAU * radius / STEP_M).ceil().max(8.0) as usize;
                let angle = |i: usize| i as f64 / count as f64 * std::f64::consts::TAU;
                (0..count).map(|i| middle + Vector2::new(angle(i).cos(), angle(i).sin()) * *radius).collect()
            }
            Self::Box(pose, half) => {
                let corners = [[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]]
                    .map(|[x, y]| pose * Point2::new(x * half[0], y * half[1]));
                let mut points = Vec::new();
                for (a, b) in corners.iter().zip(corners.iter().cycle().skip(1)) {
                    let count = ((b - a).norm() / STEP_M).ceil().max(1.0) as usize;
                    points.extend((0..count).map(|i| a + (b - a) * (i as f64 / count as f64)));
                }
                points
            }
        }
    }
}

impl Room {
    /// A room of a style.
    pub fn new(style: Style, random: &mut impl Rng) -> Self {
        let size_m = match style {
            Style::Laboratory => [random.random_range(10.0..26.0), random.random_range(8.0..15.0)],
            Style::Offices => [random.random_range(22.0..40.0), random.random_range(11.0..15.0)],
            Style::Hall => [random.random_range(12.0..30.0), random.random_range(12.0..24.0)],
        };
        let mut room = Self { size_m, walls: Vec::new(), furniture: Vec::new() };
        let [w, h] = size_m;
        for [x0, y0, x1, y1] in [
            [-WALL_M, -WALL_M, w + WALL_M, 0.0],
            [-WALL_M, h, w + WALL_M, h + WALL_M],
            [-WALL_M, 0.0, 0.0, h],
            [w, 0.0, w + WALL_M, h],
        ] {
            room.walls.push(upright(x0, y0, x1, y1));
        }
        match style {
            Style::Laboratory => room.furnish_laboratory(random),
            Style::Offices => room.furnish_offices(random),
            Style::Hall => room.scatter(random, (w * h / 14.0) as usize),
        }
        room
    }

    fn furnish_laboratory(&mut self, random: &mut impl Rng) {
        let [w, h] = self.size_m;
        // Benches along two walls, with gaps.
        for y in [0.0, h - 0.75] {
            let mut x = random.random_range(0.2..1.5);
            while x < w - 1.5 {
                let end = (x + random.random_range(1.2..3.0)).min(w - 0.3);
                self.furniture.push(upright(x, y, end, y + random.random_range(0.6..0.75)));
                x = end + random.random_range(0.1..1.8);
            }
        }
        // Rows of islands.
        let mut x = random.random_range(2.0..3.2);
        while x < w - 3.0 {
            let depth = random.random_range(0.7..1.5);
            let (from, to) = (random.random_range(2.0..2.6), h - random.random_range(2.0..2.6));
            if random.random_bool(0.6) || to - from < 3.4 {
                self.furniture.push(upright(x, from, x + depth, to));
            } else {
                let gap = random.random_range(from + 1.0..to - 2.2);
                self.furniture.push(upright(x, from, x + depth, gap));
                self.furniture.push(upright(x, gap + 1.2, x + depth, to));
            }
            x += depth + random.random_range(1.5..2.4);
        }
        for _ in 0..random.random_range(0..3) {
            let at = [random.random_range(1.5..w - 1.5), random.random_range(1.2..h - 1.2)];
            self.walls.push(upright(at[0], at[1], at[0] + 0.35, at[1] + 0.35));
        }
        self.scatter(random, (w * h / 22.0) as usize);
    }

    fn furnish_offices(&mut self, random: &mut impl Rng) {
        let [w, h] = self.size_m;
        let (low, high) = (h / 2.0 - 1.0, h / 2.0 + random.random_range(0.9..1.4));
        for (wall, from, to) in [(low, 0.0, low), (high, high, h)] {
            let mut x = 0.0;
            while x < w {
                let end = (x + random.random_range(3.0..5.5)).min(w);
                let end = if w - end < 2.6 { w } else { end };
                let door = x + random.random_range(0.3..(end - x - DOOR_M - 0.3).max(0.35));
                self.walls.push(upright(x, wall - WALL_M / 2.0, door, wall + WALL_M / 2.0));
                self.walls.push(upright(
                    (door + DOOR_M).min(end),
                    wall - WALL_M / 2.0,
                    end,
                    wall + WALL_M / 2.0,
                ));
                if end < w {
                    self.walls.push(upright(end - WALL_M / 2.0, from, end + WALL_M / 2.0, to));
                }
                x = end;
            }
        }
        self.scatter(random, (w * h / 12.0) as usize);
    }

    /// Puts small things about where they leave room.
    pub fn scatter(&mut self, random: &mut impl Rng, count: usize) {
        for _ in 0..count {
            let shape = self.thing(random);
            self.furniture.push(shape);
        }
    }

    /// A small thing somewhere in the room.
    pub fn thing(&self, random: &mut impl Rng) -> Shape {
        let at = Vector2::new(
            random.random_range(0.4..self.size_m[0] - 0.4),
            random.random_range(0.4..self.size_m[1] - 0.4),
        );
        if random.random_bool(0.25) {
            return Shape::Post(at.into(), random.random_range(0.05..0.3));
        }
        let turn = if random.random_bool(0.6) { 0.0 } else { random.random_range(0.0..1.57) };
        Shape::Box(Isometry2::new(at, turn), [random.random_range(0.15..0.6), random.random_range(0.15..0.4)])
    }

    /// Everything that stops a beam.
    pub fn shapes(&self) -> impl Iterator<Item = &Shape> {
        self.walls.iter().chain(&self.furniture)
    }

    /// Distance of a point from the nearest shape, metres.
    pub fn clearance(&self, point: &Point2<f64>) -> f64 {
        self.shapes().map(|shape| shape.distance(point)).fold(f64::INFINITY, f64::min)
    }

    /// The map that a flawless survey would have made: surfaces are occupied, floor is free, the rest unknown.
    pub fn map(&self) -> OccupancyGrid {
        let cells = |metres: f64| ((metres + 2.0 * MARGIN_M) / CELL_M).ceil() as usize;
        let (width, height) = (cells(self.size_m[0]), cells(self.size_m[1]));
        let mut grid = OccupancyGrid {
            resolution_m: CELL_M,
            width,
            height,
            origin: [-MARGIN_M - 0.017, -MARGIN_M - 0.008],
            cells: vec![Cell::Unknown; width * height],
        };
        for row in 0..height {
            for column in 0..width {
                let center = Point2::from(grid.center(column, row));
                let inside = center.x > 0.0
                    && center.y > 0.0
                    && center.x < self.size_m[0]
                    && center.y < self.size_m[1];
                if inside && self.clearance(&center) > 0.0 {
                    grid.cells[row * width + column] = Cell::Free;
                }
            }
        }
        for point in self.shapes().flat_map(Shape::outline) {
            // What another shape covers no beam meets.
            let covered = self.shapes().filter(|shape| shape.distance(&point) < 1e-9).count() > 1;
            let inside = (-0.001..=self.size_m[0] + 0.001).contains(&point.x)
                && (-0.001..=self.size_m[1] + 0.001).contains(&point.y);
            if let (Some((column, row)), true, false) = (grid.cell_at(point.x, point.y), inside, covered) {
                grid.cells[row * width + column] = Cell::Occupied;
            }
        }
        grid
    }
}
