//! Paths of an omnidirectional base in position and heading: A* on a lattice, then shortcuts, every pose checked
//! with the true outline.

use crate::costmap::{Costmap, Layer, Snapshot};
use nalgebra::{Isometry2, Point2, Vector2};
use nightshift_core::frames::wrap_angle;
use nightshift_core::robot::Twist;
use nightshift_core::{Code, Failure};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Headings of the lattice.
const HEADINGS: usize = 16;
/// Edge of the lattice, metres.
const LATTICE_M: f64 = 0.1;
/// Kept from obstacles' cell centres, metres: comfortable first, then the guard's margin with
/// half a cell's diagonal and what the base strays from its path.
const MARGINS_M: [f64; 2] = [0.15, 0.1];
/// A base that stands nearer to something than the margin may leave it as long as it does not touch.
const LEAVING_MARGIN_M: f64 = 0.03;
const LEAVING_RADIUS_M: f64 = 0.35;
/// Within this distance of an obstacle a way costs more, up to `1 + CLOSE_COST` times.
const CLOSE_M: f64 = 0.4;
const CLOSE_COST: f64 = 2.0;
/// Poses of a path are no farther apart than this.
const SPACING_M: f64 = 0.05;
const SPACING_RAD: f64 = 0.06;
/// Greediness of the search: a path may be so much longer than the best one before shortcuts.
const GREED: f64 = 1.3;

/// A path from `start` to `goal` (map frame), both included, or what is in the way.
/// `speed`: largest speed on each axis; paths are short in time.
pub fn plan(
    costmap: &Costmap,
    speed: Twist,
    start: &Isometry2<f64>,
    goal: &Isometry2<f64>,
) -> Result<Vec<Isometry2<f64>>, Obstruction> {
    let snapshot = costmap.snapshot();
    let mut obstruction = None;
    for margin_m in MARGINS_M {
        let search = Search { map: &snapshot, speed, margin_m, start, goal };
        match search.run() {
            Ok(path) => return Ok(path),
            Err(found) => obstruction = Some(found),
        }
    }
    Err(obstruction.expect("at least one margin was tried"))
}

/// Why there is no path.
#[derive(Clone, Debug, PartialEq)]
pub struct Obstruction {
    /// What it is made of.
    pub layer: Layer,
    /// In words, with places.
    pub words: String,
}

impl Obstruction {
    /// As callers meet it.
    pub fn failure(&self) -> Failure {
        Failure::new(Code::NoPath, self.words.clone())
    }
}

fn describe(layer: Layer, at: &Point2<f64>) -> String {
    let what = match layer {
        Layer::Map => "the map (wall, unknown, or its end)",
        Layer::Laser => "something that the lasers see",
    };
    format!("{what} at ({:.2}, {:.2})", at.x, at.y)
}

struct Search<'a> {
    map: &'a Snapshot<'a>,
    speed: Twist,
    margin_m: f64,
    start: &'a Isometry2<f64>,
    goal: &'a Isometry2<f64>,
}

/// A lattice over the map's cells.
struct Lattice {
    stride: usize,
    columns: usize,
    rows: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Node {
    column: usize,
    row: usize,
    heading: usize,
}

const NOWHERE: u32 = u32::MAX;

impl Search<'_> {
    fn run(&self) -> Result<Vec<Isometry2<f64>>, Obstruction> {
        if let Some((layer, at)) = self.obstacle_at(self.goal) {
            let words = format!("the goal {} is taken by {}", words_of(self.goal), describe(layer, &at));
            return Err(Obstruction { layer, words });
        }
        if let Some((layer, at)) = self.obstacle_at(self.start) {
            let words = format!("the base at {} is held by {}", words_of(self.start), describe(layer, &at));
            return Err(Obstruction { layer, words });
        }
        if self.leg_is_clear(self.start, self.goal) && self.start_is_near(self.goal) {
            return Ok(resample(&[*self.start, *self.goal]));
        }
        let mut poses = self.lattice_path()?;
        poses.insert(0, *self.start);
        poses.push(*self.goal);
        Ok(resample(&self.shorten(&poses)))
    }

    fn start_is_near(&self, pose: &Isometry2<f64>) -> bool {
        (pose.translation.vector - self.start.translation.vector).norm() < LEAVING_RADIUS_M
    }

    fn obstacle_at(&self, pose: &Isometry2<f64>) -> Option<(Layer, Point2<f64>)> {
        let margin = if self.start_is_near(pose) { LEAVING_MARGIN_M } else { self.margin_m };
        self.map.obstacle_at(pose, margin)
    }

    /// Whether the base can go straight from one pose to another, turning evenly on the way.
    fn leg_is_clear(&self, from: &Isometry2<f64>, to: &Isometry2<f64>) -> bool {
        between(from, to).iter().all(|pose| self.obstacle_at(pose).is_none())
    }

    fn lattice_path(&self) -> Result<Vec<Isometry2<f64>>, Obstruction> {
        let grid = self.map.grid();
        let stride = (LATTICE_M / grid.resolution_m).round().max(1.0) as usize;
        let lattice =
            Lattice { stride, columns: grid.width.div_ceil(stride), rows: grid.height.div_ceil(stride) };
        let left = self.time_left(&lattice);
        let count = lattice.columns * lattice.rows * HEADINGS;
        let mut cost = vec![f32::INFINITY; count];
        let mut parent = vec![NOWHERE; count];
        let mut closed = vec![false; count];
        let mut checked: Vec<Option<bool>> = vec![None; count];
        let mut clear = |node: Node| {
            *checked[lattice.index(node)]
                .get_or_insert_with(|| self.obstacle_at(&lattice.pose(self.map, node)).is_none())
        };
        let ends = self.nodes_about(&lattice, self.goal);
        let mut open = BinaryHeap::new();
        for node in self.nodes_about(&lattice, self.start) {
            let index = lattice.index(node);
            cost[index] = self.time(self.start, &lattice.pose(self.map, node)) as f32;
            open.push((Reverse(order(f64::from(cost[index]))), index as u32));
        }
        let mut nearest: Option<(f64, Isometry2<f64>)> = None;
        while let Some((_, index)) = open.pop() {
            if std::mem::replace(&mut closed[index as usize], true) {
                continue;
            }
            let node = lattice.node(index as usize);
            let here = lattice.pose(self.map, node);
            if ends.contains(&node) {
                return Ok(self.trace(&lattice, &parent, index));
            }
            let crow = (here.translation.vector - self.goal.translation.vector).norm();
            if nearest.is_none_or(|(best, _)| crow < best) {
                nearest = Some((crow, here));
            }
            for next in lattice.neighbours(node) {
                let to = lattice.index(next);
                if closed[to] {
                    continue;
                }
                let there = lattice.pose(self.map, next);
                let g = cost[index as usize] + (self.time(&here, &there) * self.dearness(&there)) as f32;
                if g >= cost[to] || !clear(next) {
                    continue;
                }
                if self.obstacle_at(&share_of(&here, &there, 0.5)).is_some() {
                    continue;
                }
                let turn = wrap_angle(self.goal.rotation.angle() - there.rotation.angle()).abs();
                let h = f64::from(left[lattice.place(next)]).max(turn / self.speed.yaw);
                cost[to] = g;
                parent[to] = index;
                open.push((Reverse(order(f64::from(g) + GREED * h)), to as u32));
            }
        }
        Err(self.obstruction(nearest.map(|(_, pose)| pose)))
    }

    fn obstruction(&self, nearest: Option<Isometry2<f64>>) -> Obstruction {
        let here = nearest.unwrap_or(*self.start);
        let off = (here.translation.vector - self.goal.translation.vector).norm();
        // What stands in the way from there, or else whatever is near.
        let ahead = between(&here, self.goal).into_iter().find_map(|pose| self.obstacle_at(&pose));
        let (layer, at) = ahead
            .or_else(|| self.map.obstacle_at(&here, 0.5))
            .unwrap_or((Layer::Map, Point2::from(here.translation.vector)));
        let words = format!(
            "no way from {} to {}: the nearest place that can be reached, {}, is {off:.2} m short, blocked by {}",
            words_of(self.start),
            words_of(self.goal),
            words_of(&here),
            describe(layer, &at)
        );
        Obstruction { layer, words }
    }

    /// How much a second costs at a pose: more close to obstacles.
    fn dearness(&self, pose: &Isometry2<f64>) -> f64 {
        let clearance = self
            .map
            .grid()
            .cell_at(pose.translation.x, pose.translation.y)
            .map_or(0.0, |(column, row)| self.map.clearance(column, row));
        let spare = clearance - self.map.footprint().inner_radius_m();
        1.0 + CLOSE_COST * (1.0 - spare / CLOSE_M).clamp(0.0, 1.0)
    }

    /// Seconds for a straight leg at full speed.
    fn time(&self, from: &Isometry2<f64>, to: &Isometry2<f64>) -> f64 {
        let leg = from.inv_mul(to);
        let t = leg.translation.vector;
        (t.x.abs() / self.speed.x)
            .max(t.y.abs() / self.speed.y)
            .max(leg.rotation.angle().abs() / self.speed.yaw)
    }

    /// Lattice nodes from which a pose is reached straight.
    fn nodes_about(&self, lattice: &Lattice, pose: &Isometry2<f64>) -> Vec<Node> {
        let grid = self.map.grid();
        let Some((column, row)) = grid.cell_at(pose.translation.x, pose.translation.y) else {
            return Vec::new();
        };
        let turn = pose.rotation.angle().rem_euclid(std::f64::consts::TAU) / std::f64::consts::TAU;
        let heading = (turn * HEADINGS as f64).floor() as usize;
        let mut nodes = Vec::new();
        for column in [column / lattice.stride, column / lattice.stride + 1] {
            for row in [row / lattice.stride, row / lattice.stride + 1] {
                for heading in [heading % HEADINGS, (heading + 1) % HEADINGS] {
                    let node = Node { column, row, heading };
                    if column < lattice.columns
                        && row < lattice.rows
                        && self.leg_is_clear(pose, &lattice.pose(self.map, node))
                    {
                        nodes.push(node);
                    }
                }
            }
        }
        nodes
    }

    /// For each place of the lattice a lower bound of the seconds to the goal: as a disc that turns freely.
    fn time_left(&self, lattice: &Lattice) -> Vec<f32> {
        let (map, stride) = (self.map, lattice.stride);
        let inner = map.footprint().inner_radius_m();
        let edge_s = stride as f64 * map.grid().resolution_m / self.speed.x.hypot(self.speed.y);
        let mut left = vec![f32::INFINITY; lattice.columns * lattice.rows];
        let mut open = BinaryHeap::new();
        if let Some((column, row)) = map.grid().cell_at(self.goal.translation.x, self.goal.translation.y) {
            let place = row / stride * lattice.columns + column / stride;
            left[place] = 0.0;
            open.push((Reverse(order(0.0)), place));
        }
        while let Some((Reverse(popped), place)) = open.pop() {
            if popped > order(f64::from(left[place])) {
                continue;
            }
            let here = Node { column: place % lattice.columns, row: place / lattice.columns, heading: 0 };
            for (column, row, diagonal) in lattice.places_about(here) {
                if map.clearance(column * stride, row * stride) < inner {
                    continue;
                }
                let length = if diagonal { std::f64::consts::SQRT_2 } else { 1.0 };
                let time = left[place] + (length * edge_s) as f32;
                let next = row * lattice.columns + column;
                if time < left[next] {
                    left[next] = time;
                    open.push((Reverse(order(f64::from(time))), next));
                }
            }
        }
        left
    }

    fn trace(&self, lattice: &Lattice, parent: &[u32], end: u32) -> Vec<Isometry2<f64>> {
        let mut poses = Vec::new();
        let mut index = end;
        while index != NOWHERE {
            poses.push(lattice.pose(self.map, lattice.node(index as usize)));
            index = parent[index as usize];
        }
        poses.reverse();
        poses
    }

    /// Leaves out poses between which the base can go straight for no more cost.
    fn shorten(&self, poses: &[Isometry2<f64>]) -> Vec<Isometry2<f64>> {
        let leg = |from: &Isometry2<f64>, to: &Isometry2<f64>| {
            let steps = between(from, to);
            let share = self.time(from, to) / steps.len() as f64;
            steps.iter().map(|pose| share * self.dearness(pose)).sum::<f64>()
        };
        let mut sums = vec![0.0];
        for pair in poses.windows(2) {
            sums.push(sums[sums.len() - 1] + leg(&pair[0], &pair[1]));
        }
        let mut kept = vec![poses[0]];
        let mut from = 0;
        while from + 1 < poses.len() {
            let straight = |to: usize| {
                leg(&poses[from], &poses[to]) <= sums[to] - sums[from] + 1e-9
                    && self.leg_is_clear(&poses[from], &poses[to])
            };
            let to = (from + 2..poses.len()).rev().find(|to| straight(*to)).unwrap_or(from + 1);
            kept.push(poses[to]);
            from = to;
        }
        kept
    }
}

impl Lattice {
    fn place(&self, node: Node) -> usize {
        node.row * self.columns + node.column
    }

    fn index(&self, node: Node) -> usize {
        self.place(node) * HEADINGS + node.heading
    }

    fn node(&self, index: usize) -> Node {
        let place = index / HEADINGS;
        Node { column: place % self.columns, row: place / self.columns, heading: index % HEADINGS }
    }

    fn pose(&self, map: &Snapshot<'_>, node: Node) -> Isometry2<f64> {
        let center = map.grid().center(node.column * self.stride, node.row * self.stride);
        Isometry2::new(Vector2::from(center), node.heading as f64 * std::f64::consts::TAU / HEADINGS as f64)
    }

    /// Column, row, and whether the step is diagonal.
    fn places_about(&self, node: Node) -> impl Iterator<Item = (usize, usize, bool)> {
        let (columns, rows) = (self.columns, self.rows);
        (0..9).filter(|step| *step != 4).filter_map(move |step| {
            let (right, up) = (step % 3, step / 3);
            let column = (node.column + right).checked_sub(1).filter(|c| *c < columns)?;
            let row = (node.row + up).checked_sub(1).filter(|r| *r < rows)?;
            Some((column, row, right != 1 && up != 1))
        })
    }

    fn neighbours(&self, node: Node) -> impl Iterator<Item = Node> {
        let turns = [1, HEADINGS - 1].map(|by| Node { heading: (node.heading + by) % HEADINGS, ..node });
        let steps =
            self.places_about(node).map(move |(column, row, _)| Node { column, row, heading: node.heading });
        steps.chain(turns)
    }
}

/// A cost as an integer, in microseconds, for an exact order.
fn order(seconds: f64) -> u64 {
    (seconds * 1e6) as u64
}

fn words_of(pose: &Isometry2<f64>) -> String {
    let (x, y) = (pose.translation.x, pose.translation.y);
    format!("({x:.2}, {y:.2}, {:.0} deg)", pose.rotation.angle().to_degrees())
}

/// The pose at a share of the straight way from one pose to another.
fn share_of(from: &Isometry2<f64>, to: &Isometry2<f64>, share: f64) -> Isometry2<f64> {
    let turn = from.rotation.rotation_to(&to.rotation).angle();
    Isometry2::new(
        from.translation.vector.lerp(&to.translation.vector, share),
        from.rotation.angle() + share * turn,
    )
}

/// Poses from one to another, both included, no farther apart than a path's.
fn between(from: &Isometry2<f64>, to: &Isometry2<f64>) -> Vec<Isometry2<f64>> {
    let way = (to.translation.vector - from.translation.vector).norm();
    let turn = from.rotation.rotation_to(&to.rotation).angle().abs();
    let steps = (way / SPACING_M).max(turn / SPACING_RAD).ceil().max(1.0) as usize;
    let mut poses: Vec<_> = (0..steps).map(|i| share_of(from, to, i as f64 / steps as f64)).collect();
    // The end exactly, not as rounding makes it.
    poses.push(*to);
    poses
}

fn resample(corners: &[Isometry2<f64>]) -> Vec<Isometry2<f64>> {
    let mut path = vec![corners[0]];
    for pair in corners.windows(2) {
        path.extend(between(&pair[0], &pair[1]).into_iter().skip(1));
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::footprint::Footprint;
    use nightshift_core::Stamp;
    use nightshift_core::grid::{Cell, OccupancyGrid};
    use proptest::prelude::*;

    const SPEED: Twist = Twist { x: 0.7, y: 0.4, yaw: 1.0 };

    /// 6 x 4 m with a wall at x = 3 that leaves a door at its upper end.
    fn rooms(door_m: f64) -> Costmap {
        let (width, height) = (120, 80);
        let cell = |i: usize| {
            let (column, row) = (i % width, i / width);
            let outside = column == 0 || row == 0 || column == width - 1 || row == height - 1;
            let wall = column == 60 && (row as f64) < 79.0 - door_m / 0.05;
            if outside || wall { Cell::Occupied } else { Cell::Free }
        };
        let cells = (0..width * height).map(cell).collect();
        let grid = OccupancyGrid { resolution_m: 0.05, width, height, origin: [0.0, 0.0], cells };
        Costmap::new(grid, Footprint::new(&[[0.42, 0.28], [-0.42, 0.28], [-0.42, -0.28], [0.42, -0.28]]))
    }

    fn at(x: f64, y: f64, yaw: f64) -> Isometry2<f64> {
        Isometry2::new(Vector2::new(x, y), yaw)
    }

    #[test]
    fn it_goes_through_a_door_that_only_the_turned_outline_fits() {
        // 0.8 m: the base is 0.84 m long and 0.56 m wide.
        let map = rooms(0.8);
        let (start, goal) = (at(1.0, 1.0, 1.5), at(5.0, 1.0, -1.5));
        let path = plan(&map, SPEED, &start, &goal).unwrap();
        assert_eq!((path[0], path[path.len() - 1]), (start, goal));
        assert!(path.iter().all(|pose| map.obstacle_at(pose, 0.06).is_none()));
        for pair in path.windows(2) {
            assert!((pair[1].translation.vector - pair[0].translation.vector).norm() <= SPACING_M + 1e-9);
            assert!(pair[0].rotation.angle_to(&pair[1].rotation).abs() <= SPACING_RAD + 1e-9);
        }
        assert!(path.len() < 220, "{}", path.len());
    }

    #[test]
    fn what_blocks_is_named_with_its_place() {
        let map = rooms(0.4);
        let blocked = plan(&map, SPEED, &at(1.0, 1.0, 0.0), &at(5.0, 1.0, 0.0)).unwrap_err();
        assert_eq!(blocked.layer, Layer::Map);
        assert!(blocked.words.contains("nearest place that can be reached"), "{}", blocked.words);
        let in_wall = plan(&map, SPEED, &at(1.0, 1.0, 0.0), &at(3.0, 1.0, 0.0)).unwrap_err();
        assert!(
            in_wall.words.starts_with("the goal (3.00, 1.00, 0 deg) is taken by the map"),
            "{}",
            in_wall.words
        );
        let outside = plan(&map, SPEED, &at(1.0, 1.0, 0.0), &at(50.0, 1.0, 0.0)).unwrap_err();
        assert!(outside.words.contains("the goal"), "{}", outside.words);
        let nan = plan(&map, SPEED, &at(1.0, 1.0, 0.0), &at(f64::NAN, 1.0, 0.0)).unwrap_err();
        assert!(nan.words.contains("the goal"), "{}", nan.words);
        assert_eq!(blocked.failure().code, Code::NoPath);
    }

    #[test]
    fn a_seen_obstacle_is_gone_around_or_named() {
        let mut map = rooms(1.6);
        let (start, goal) = (at(1.0, 3.2, 0.0), at(5.0, 3.2, 0.0));
        let look = |map: &mut Costmap, y: f64| {
            let hits: Vec<Point2<f64>> = (0..8).map(|i| Point2::new(2.0, y + f64::from(i) * 0.05)).collect();
            map.look(Stamp::from_seconds(1.0), &Point2::new(1.4, 3.2), &hits, &start);
        };
        look(&mut map, 3.1);
        let around = plan(&map, SPEED, &start, &goal).unwrap();
        assert!(around.iter().all(|pose| map.obstacle_at(pose, 0.06).is_none()));
        assert!(around.iter().any(|pose| (pose.translation.y - 3.2).abs() > 0.2));
        for y in 0..20 {
            look(&mut map, 0.1 + f64::from(y) * 0.2);
        }
        assert_eq!(plan(&map, SPEED, &start, &goal).unwrap_err().layer, Layer::Laser);
    }

    #[test]
    fn a_base_that_stands_too_near_may_leave() {
        let map = rooms(1.6);
        // 5 cm between the front edge and the wall's cells.
        let path = plan(&map, SPEED, &at(3.0 - 0.47, 1.0, 0.0), &at(1.0, 1.0, 3.0)).unwrap();
        assert!(path.iter().all(|pose| map.obstacle_at(pose, 0.0).is_none()));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn no_path_ever_touches(x in 0.6f64..5.4, y in 0.6f64..3.4, yaw in -3.1f64..3.1, door in 0.3f64..2.0) {
            let map = rooms(door);
            let (start, goal) = (at(1.0, 1.0, 0.0), at(x, y, yaw));
            if let Ok(path) = plan(&map, SPEED, &start, &goal) {
                prop_assert!(path.iter().all(|pose| map.obstacle_at(pose, 0.03).is_none()));
                prop_assert_eq!(path[path.len() - 1], goal);
                prop_assert_eq!(plan(&map, SPEED, &start, &goal).unwrap(), path);
            }
        }
    }
}
