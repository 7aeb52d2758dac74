//! A drive: where the base truly was, what the wheels told, and what the scanner saw.

use crate::plan::{Plan, Scanner, Wheels};
use crate::room::{Room, Shape};
use crate::way::Floor;
use nalgebra::{Isometry2, Point2, UnitComplex, Vector2};
use nightshift_core::grid::OccupancyGrid;
use nightshift_core::random::{Seed, Stream};
use rand::Rng;
use rand_distr::{Distribution, StandardNormal};

/// Speeds: forward and sideways (m/s), turning (rad/s).
const SPEED: f64 = 0.5;
const TURN: f64 = 0.8;
/// A base that looks this far away from where it goes turns first, radians.
const TURN_FIRST: f64 = 0.6;
/// A point of the way counts as reached this near, metres.
const REACHED_M: f64 = 0.25;
const PERSON_M: f64 = 0.22;
const PERSON_SPEED: f64 = 0.8;
/// A range without a return, metres.
const NO_RETURN_M: f32 = 80.0;

/// A drive through a room.
#[derive(Clone, Debug, PartialEq)]
pub struct Drive {
    /// What it was made from.
    pub plan: Plan,
    /// The room when it was mapped.
    pub mapped: Room,
    /// The room now.
    pub now: Room,
    /// In order of time.
    pub steps: Vec<Step>,
}

/// A scan with its truth.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Since the start, seconds.
    pub time_s: f64,
    /// Where the base truly was: in the room, whose frame is the map's.
    pub truth: Isometry2<f64>,
    /// Where its wheels had it.
    pub odom: Isometry2<f64>,
    /// Metres; 80 is no return.
    pub ranges: Vec<f32>,
}

impl Drive {
    /// Drives. None where the drawn room leaves no floor to drive on.
    pub fn new(plan: Plan) -> Option<Self> {
        let mut random = Seed(plan.seed).stream("room");
        let mapped = Room::new(plan.style, &mut random);
        let now = changed(&mapped, plan.changed, &mut random);
        let floor = Floor::new(&[&mapped, &now]);
        let mut at = floor.place(&mut random)?;
        let (mut way, mut length_m) = (vec![at], 0.0);
        while length_m < plan.length_m {
            let to = floor.place(&mut random)?;
            for point in floor.way(&at, &to)? {
                length_m += (point - way[way.len() - 1]).norm();
                way.push(point);
            }
            at = to;
        }
        let steps = Self::follow(&plan, &now, &floor, &way);
        Some(Self { plan, mapped, now, steps })
    }

    /// The map, made when the room was as it was mapped.
    pub fn map(&self) -> OccupancyGrid {
        self.mapped.map()
    }

    fn follow(plan: &Plan, room: &Room, floor: &Floor, way: &[Point2<f64>]) -> Vec<Step> {
        let mut random = Seed(plan.seed).stream("drive");
        let mut laser = Seed(plan.seed).stream("laser");
        let first = if way.len() > 1 { way[1] - way[0] } else { Vector2::x() };
        let mut truth = Isometry2::new(way[0].coords, first.y.atan2(first.x));
        let mut odom = Isometry2::identity();
        let mut people: Vec<Walker> =
            (0..plan.people).filter_map(|_| Walker::new(floor, &mut random)).collect();
        let (mut next, mut steps) = (1, Vec::new());
        let dt = 1.0 / plan.rate_hz;
        let mut crab = 0.0;
        loop {
            let crowd: Vec<Shape> = people.iter().map(|p| Shape::Post(p.at, PERSON_M)).collect();
            let ranges = scan(&plan.scanner, room, &crowd, &truth, &mut laser);
            steps.push(Step { time_s: steps.len() as f64 * dt, truth, odom, ranges });
            while next < way.len() && (way[next] - Point2::from(truth.translation.vector)).norm() < REACHED_M
            {
                next += 1;
                if plan.omnidirectional && random.random_bool(0.05) {
                    crab = random.random_range(-1.5..1.5);
                }
            }
            if next >= way.len() {
                return steps;
            }
            let to = truth.inverse_transform_point(&way[next]);
            let bearing = to.y.atan2(to.x);
            let off = nalgebra::wrap(bearing - crab, -std::f64::consts::PI, std::f64::consts::PI);
            let turn = (off * 2.0).clamp(-TURN, TURN);
            let speed = if off.abs() > TURN_FIRST { 0.0 } else { SPEED.min(to.coords.norm() / dt) };
            let heading = if plan.omnidirectional { bearing } else { 0.0 };
            let moved = Vector2::new(heading.cos(), heading.sin()) * (speed * dt);
            let step = Isometry2::new(moved, turn * dt);
            truth *= step;
            odom *= told(&plan.wheels, &step, &mut random);
            for person in &mut people {
                person.walk(dt, floor, &mut random);
            }
        }
    }
}

/// What the wheels make of a step.
fn told(wheels: &Wheels, step: &Isometry2<f64>, random: &mut Stream) -> Isometry2<f64> {
    let distance = step.translation.vector.norm();
    let root = distance.sqrt();
    let mut unit = || -> f64 { StandardNormal.sample(random) };
    let noise = Vector2::new(unit(), 0.3 * unit()) * (wheels.noise_m * root);
    let turn = step.rotation.angle();
    let heading = turn * wheels.turn_scale
        + distance * wheels.drift_rad_per_m
        + unit() * wheels.noise_rad * (root + 0.1 * turn.abs().sqrt());
    Isometry2::new(step.translation.vector * wheels.scale + noise, heading)
}

/// The room with a share of its furniture gone, and as much new.
fn changed(mapped: &Room, share: f64, random: &mut Stream) -> Room {
    let mut now = mapped.clone();
    let count = (mapped.furniture.len() as f64 * share).round() as usize;
    for i in 0..count {
        let at = random.random_range(0..now.furniture.len().max(1));
        if i % 2 == 0 && !now.furniture.is_empty() {
            now.furniture.swap_remove(at);
        } else {
            let thing = now.thing(random);
            now.furniture.push(thing);
        }
    }
    now
}

fn scan(
    scanner: &Scanner,
    room: &Room,
    crowd: &[Shape],
    base: &Isometry2<f64>,
    random: &mut Stream,
) -> Vec<f32> {
    let from = Point2::from(base.translation.vector);
    let shapes: Vec<&Shape> = room.shapes().chain(crowd).collect();
    (0..scanner.beams)
        .map(|beam| {
            let bearing = scanner.view_rad * (beam as f64 / (scanner.beams - 1) as f64 - 0.5);
            let way = base.rotation * UnitComplex::new(bearing) * Vector2::x();
            let noise: f64 = StandardNormal.sample(random);
            let range =
                shapes.iter().filter_map(|shape| shape.cast(&from, &way)).fold(f64::INFINITY, f64::min)
                    + scanner.sigma_m * noise;
            if random.random_bool(scanner.dropout) || range > scanner.range_max_m {
                NO_RETURN_M
            } else {
                range.max(0.0) as f32
            }
        })
        .collect()
}

/// Somebody who walks from place to place.
struct Walker {
    at: Point2<f64>,
    to: Point2<f64>,
}

impl Walker {
    fn new(floor: &Floor, random: &mut Stream) -> Option<Self> {
        Some(Self { at: floor.place(random)?, to: floor.place(random)? })
    }

    fn walk(&mut self, dt: f64, floor: &Floor, random: &mut Stream) {
        let way = self.to - self.at;
        if way.norm() < 0.2 {
            self.to = floor.place(random).unwrap_or(self.to);
        } else {
            self.at += way.normalize() * PERSON_SPEED * dt;
        }
    }
}
