//! People: they have errands, walk there around furniture and around each other, and do something there.
//!
//! Deterministic by seed. Nobody walks into the robot: a person who meets it stops a hand's breadth before it, so that a
//! touch is always the robot's doing.

mod errand;
mod route;
#[cfg(test)]
mod tests;

use errand::Agenda;
pub use errand::{Deed, Errand};
use nalgebra::{Isometry3, Point2, Vector2, Vector3};
use nightshift_core::describe::{Site, Solid};
use nightshift_core::frames::{Base, Map, Pose2};
use nightshift_core::random::{Seed, Stream};
use rand::Rng;
pub use route::Floor;

/// Radius of a standing person, and of the robot as people see it, metres.
pub const BODY_M: f64 = 0.22;
/// How near people come to the robot's outline at most, metres.
const GAP_M: f64 = 0.08;
/// The hand with what it holds, as people see it, metres.
const HAND_M: f64 = 0.12;
/// Social force (Helbing and Molnar, Phys. Rev. E 51, 1995): time to reach the wanted speed, s; strength, m/s^2; range, m.
const RELAX_S: f64 = 0.5;
const PUSH: f64 = 2.1;
const PUSH_RANGE_M: f64 = 0.3;
/// A way point is reached within so many metres.
const REACHED_M: f64 = 0.25;
/// After so long without getting on, a person gives up and thinks of something else, s.
const PATIENCE_S: f64 = 8.0;
/// Length of two steps, metres, and how far the feet swing and stand apart.
const STRIDE_M: f64 = 1.3;
const SWING_M: f64 = 0.28;
const APART_M: f64 = 0.1;

/// The parts of a person that can be seen and touched.
pub const PARTS: [(&str, Solid); 5] = [
    ("left leg", Solid::Cylinder { radius_m: 0.065, height_m: 0.82 }),
    ("right leg", Solid::Cylinder { radius_m: 0.065, height_m: 0.82 }),
    ("body", Solid::Cylinder { radius_m: 0.17, height_m: 0.66 }),
    ("head", Solid::Sphere { radius_m: 0.11 }),
    ("arm", Solid::Cylinder { radius_m: 0.045, height_m: 0.6 }),
];

/// A person.
#[derive(Clone, Debug)]
pub struct Person {
    at: Point2<f64>,
    velocity: Vector2<f64>,
    heading: f64,
    /// How fast this one likes to walk, m/s.
    pace: f64,
    /// Of the gait, turns.
    phase: f64,
    /// How far the arm is stretched out, 0 to 1.
    reach: f64,
    way: Vec<Point2<f64>>,
    errand: Errand,
    stalled_s: f64,
    /// How long this one still stays.
    staying_s: f64,
    agenda: Agenda,
    stream: Stream,
}

/// Everybody.
#[derive(Clone, Debug)]
pub struct People {
    floor: Floor,
    all: Vec<Person>,
}

/// What the robot takes up of the floor.
#[derive(Clone, Copy, Debug)]
pub struct RobotOnFloor {
    /// Where it is.
    pub pose: Pose2<Map, Base>,
    /// Half its length and width.
    pub half_m: [f64; 2],
    /// Where the hand is over the floor.
    pub hand: Point2<f64>,
}

impl RobotOnFloor {
    /// From a point to the nearest of the robot, hand included: away from it, and how far, below zero inside.
    fn nearest(&self, at: &Point2<f64>) -> (Vector2<f64>, f64) {
        let from_hand = at - self.hand;
        let (away, far) = self.nearest_of_base(at);
        let hand_far = from_hand.norm() - HAND_M;
        match from_hand.try_normalize(1e-6) {
            Some(from_hand) if hand_far < far => (from_hand, hand_far),
            _ => (away, far),
        }
    }

    fn nearest_of_base(&self, at: &Point2<f64>) -> (Vector2<f64>, f64) {
        let local = self.pose.inverse().iso_point(at);
        let [hx, hy] = self.half_m;
        let on = Point2::new(local.x.clamp(-hx, hx), local.y.clamp(-hy, hy));
        let out = local - on;
        if out.norm() > 1e-9 {
            (self.pose.turned(out / out.norm()), out.norm())
        } else {
            (self.pose.turned(local.coords.try_normalize(1e-9).unwrap_or(Vector2::x())), -0.1)
        }
    }
}

/// Planar poses at work on points.
trait Planar {
    fn iso_point(&self, at: &Point2<f64>) -> Point2<f64>;
    fn turned(&self, v: Vector2<f64>) -> Vector2<f64>;
}

impl<A, B> Planar for Pose2<A, B> {
    fn iso_point(&self, at: &Point2<f64>) -> Point2<f64> {
        let (sin, cos) = self.yaw().sin_cos();
        Point2::new(self.x() + cos * at.x - sin * at.y, self.y() + sin * at.x + cos * at.y)
    }

    fn turned(&self, v: Vector2<f64>) -> Vector2<f64> {
        let (sin, cos) = self.yaw().sin_cos();
        Vector2::new(cos * v.x - sin * v.y, sin * v.x + cos * v.y)
    }
}

impl People {
    /// So many people, somewhere on the site's free floor, more than 1.5 m from where the robot stands (m, in the map).
    pub fn new(site: &Site, robot: &Point2<f64>, count: usize, seed: Seed) -> Self {
        let floor = Floor::of(site);
        let all = (0..count).map(|index| {
            let mut stream = seed.stream(&format!("person/{index}"));
            let at = floor.somewhere(&mut stream, |place| (place - robot).norm() > 1.5);
            Person {
                at,
                velocity: Vector2::zeros(),
                heading: stream.random_range(-3.1..3.1),
                pace: stream.random_range(0.7..1.4),
                phase: 0.0,
                reach: 0.0,
                way: Vec::new(),
                errand: Errand {
                    place: at,
                    facing: None,
                    deed: Deed::Stand,
                    stay_s: stream.random_range(0.0..4.0),
                },
                stalled_s: 0.0,
                staying_s: stream.random_range(0.0..4.0),
                agenda: Agenda::of(site),
                stream,
            }
        });
        let all = all.collect();
        Self { floor, all }
    }

    /// Where each stands: x, y, heading.
    pub fn places(&self) -> Vec<[f64; 3]> {
        self.all.iter().map(|person| [person.at.x, person.at.y, person.heading]).collect()
    }

    /// Goes on by `dt` seconds; answers what people have done to the room, with the place where they did it.
    pub fn advance(&mut self, dt: f64, robot: &RobotOnFloor) -> Vec<(Deed, Point2<f64>)> {
        let mut deeds = Vec::new();
        for index in 0..self.all.len() {
            let others: Vec<Point2<f64>> = (self.all.iter().enumerate())
                .filter(|(other, _)| *other != index)
                .map(|(_, person)| person.at)
                .collect();
            let person = &mut self.all[index];
            if let Some(deed) = person.advance(dt, robot, &others, &self.floor) {
                deeds.push((deed, person.at));
            }
        }
        deeds
    }

    /// Something stands there from now on.
    pub fn block(&mut self, at: &Point2<f64>, half_m: f64) {
        self.floor.block(at, half_m + BODY_M);
    }

    /// The poses of all parts of all people, in the map, in the order of [`PARTS`].
    pub fn parts(&self) -> Vec<[Isometry3<f64>; 5]> {
        self.all.iter().map(Person::parts).collect()
    }
}

impl Person {
    fn advance(
        &mut self,
        dt: f64,
        robot: &RobotOnFloor,
        others: &[Point2<f64>],
        floor: &Floor,
    ) -> Option<Deed> {
        let mut done = None;
        let arrived = self.way.is_empty();
        if arrived {
            let before = self.staying_s;
            self.staying_s -= dt;
            if let Some(facing) = self.errand.facing {
                self.heading +=
                    nightshift_core::frames::wrap_angle(facing - self.heading) * (3.0 * dt).min(1.0);
            }
            // What is done is done in the middle of the stay.
            let middle = self.errand.stay_s / 2.0;
            if before > middle && self.staying_s <= middle {
                done = Some(self.errand.deed.clone());
            }
            if self.staying_s <= 0.0 {
                self.think(floor);
            }
        }
        let stretched = f64::from(arrived && matches!(self.errand.deed, Deed::Reach | Deed::Use { .. }));
        self.reach += (stretched - self.reach).clamp(-dt, dt);
        self.walk(dt, robot, others, floor);
        done
    }

    fn think(&mut self, floor: &Floor) {
        self.errand = self.agenda.next(floor, &mut self.stream);
        self.way = floor.route(&self.at, &self.errand.place);
        self.staying_s = self.errand.stay_s;
        self.stalled_s = 0.0;
    }

    fn walk(&mut self, dt: f64, robot: &RobotOnFloor, others: &[Point2<f64>], floor: &Floor) {
        while self.way.first().is_some_and(|point| (point - self.at).norm() < REACHED_M) {
            self.way.remove(0);
        }
        let wanted = match self.way.first() {
            Some(point) => (point - self.at).normalize() * self.pace,
            None => Vector2::zeros(),
        };
        let (from_robot, robot_far) = robot.nearest(&self.at);
        let mut push = from_robot * (PUSH * ((BODY_M - robot_far) / PUSH_RANGE_M).exp());
        for other in others {
            let apart = self.at - other;
            let far = apart.norm().max(1e-6);
            push += apart / far * (PUSH * ((2.0 * BODY_M - far) / PUSH_RANGE_M).exp());
        }
        self.velocity += ((wanted - self.velocity) / RELAX_S + push) * dt;
        let fastest = 1.3 * self.pace;
        if self.velocity.norm() > fastest {
            self.velocity *= fastest / self.velocity.norm();
        }
        if self.way.is_empty() && self.velocity.norm() < 0.15 {
            self.velocity = Vector2::zeros();
        }
        let next = self.at + self.velocity * dt;
        let (_, far) = robot.nearest(&next);
        let nearer = far < robot_far;
        // Who stands where a chair was just left may step out.
        let blocked = floor.is_free(&self.at) && !floor.is_free(&next);
        if blocked || (nearer && far < BODY_M + GAP_M) {
            self.velocity = Vector2::zeros();
        } else {
            self.at = next;
        }
        let speed = self.velocity.norm();
        self.stalled_s = if speed < 0.1 && !self.way.is_empty() { self.stalled_s + dt } else { 0.0 };
        if self.stalled_s > PATIENCE_S {
            self.think(floor);
        }
        self.phase = (self.phase + speed * dt / STRIDE_M).fract();
        if speed > 0.2 {
            let along = self.velocity.y.atan2(self.velocity.x);
            self.heading += nightshift_core::frames::wrap_angle(along - self.heading) * (6.0 * dt).min(1.0);
        }
    }

    fn parts(&self) -> [Isometry3<f64>; 5] {
        let speed = self.velocity.norm();
        let swing = SWING_M * (speed / self.pace).min(1.0) * (self.phase * std::f64::consts::TAU).sin();
        let here = |x: f64, y: f64, z: f64| {
            let (sin, cos) = self.heading.sin_cos();
            let at = Vector3::new(self.at.x + cos * x - sin * y, self.at.y + sin * x + cos * y, z);
            Isometry3::new(at, Vector3::z() * self.heading)
        };
        // The arm hangs at the side, and is stretched forward and down to a bench.
        let down = nalgebra::UnitQuaternion::from_axis_angle(
            &Vector3::y_axis(),
            self.reach * std::f64::consts::FRAC_PI_2 * 1.1,
        );
        let arm = here(0.32 * self.reach, -0.22, 1.1 - 0.02 * self.reach) * down;
        [
            here(swing, APART_M, 0.41),
            here(-swing, -APART_M, 0.41),
            here(0.0, 0.0, 1.15),
            here(0.03, 0.0, 1.6),
            arm,
        ]
    }
}
