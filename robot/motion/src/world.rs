//! The collision world of one request: the arm's links, what it holds, what stands around, and which pairs of them
//! are looked at.

use crate::arm::Arm;
use crate::kinematics::chain::place_links;
use crate::request::{Held, Scene};
use crate::seen;
use crate::solid::{Body, Obstacle, Proximity, Shaped};
use nalgebra::{Isometry3, Point3};
use nightshift_core::describe::Solid;
use nightshift_core::{Code, Failure};
use parry3d::math::Pose as Placed;

/// Distance that links of the arm keep from each other, metres.
pub(crate) const SELF_MARGIN_M: f64 = 0.005;
/// Slack by which an arm that stands nearer than the margin may come nearer still, metres: about what single
/// precision and the joint sensors cost.
const SLACK_M: f64 = 0.0005;

/// A pair that is looked at: a body, and another body or an obstacle.
#[derive(Clone, Debug)]
pub(crate) struct Pair {
    pub(crate) body: usize,
    pub(crate) other: usize,
    pub(crate) margin_m: f32,
}

/// Everything that can collide under one request.
#[derive(Debug)]
pub(crate) struct World<'a> {
    pub(crate) arm: &'a Arm,
    pub(crate) bodies: Vec<Body>,
    pub(crate) obstacles: Vec<Obstacle>,
    pub(crate) among_bodies: Vec<Pair>,
    pub(crate) with_obstacles: Vec<Pair>,
}

/// The first pair found that is nearer than it may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Hit {
    /// Two moving bodies.
    Bodies(usize),
    /// A moving body and an obstacle.
    Obstacle(usize),
}

impl<'a> World<'a> {
    pub(crate) fn new(arm: &'a Arm, scene: &Scene) -> Result<Self, Failure> {
        check(arm, scene)?;
        let last = arm.joint_count();
        let (mut bodies, first_body_of_link) = link_bodies(arm, scene.fingers_opening_m);
        let fingers: Vec<&str> = finger_links(arm);
        if let Some(held) = &scene.held {
            bodies.push(held_body(arm, held));
        }
        for body in &mut bodies {
            if fingers.contains(&body.name.as_str()) {
                body.alias = Some("finger");
            }
        }
        let mut obstacles: Vec<Obstacle> = scene
            .shapes
            .iter()
            .map(|shape| Obstacle::new(&shape.name, &shape.solid, &shape.base_from_shape.iso))
            .collect();
        obstacles.extend(arm.on_floor.then(floor));
        let seen = seen::obstacles(&scene.seen_m);
        obstacles.extend(
            seen.map_err(|what| Failure::new(Code::MalformedRequest, format!("scene.seen_m has {what}")))?,
        );

        let allowed = |body: &Body, other: &str, alias: Option<&str>| {
            let is_body = |name: &String| *name == body.name || Some(name.as_str()) == body.alias;
            let is_other = |name: &String| name == other || Some(name.as_str()) == alias;
            let touch = &scene.may_touch;
            touch.iter().any(|(a, b)| (is_body(a) && is_other(b)) || (is_body(b) && is_other(a)))
        };
        let mut among_bodies = Vec::new();
        let mut among = |bodies: &[Body], a: usize, b: usize, margin: f64| {
            if !allowed(&bodies[a], &bodies[b].name, bodies[b].alias) {
                among_bodies.push(Pair { body: a, other: b, margin_m: margin as f32 });
            }
        };
        for (a, b) in &arm.self_pairs {
            for i in first_body_of_link[*a]..first_body_of_link[a + 1] {
                for j in first_body_of_link[*b]..first_body_of_link[b + 1] {
                    among(&bodies, i, j, SELF_MARGIN_M);
                }
            }
        }
        if scene.held.is_some() {
            let held = bodies.len() - 1;
            for body in (0..held).filter(|body| bodies[*body].frame != last) {
                among(&bodies, held, body, scene.margin_m);
            }
        }
        let with_obstacles = (0..bodies.len())
            .filter(|body| bodies[*body].frame > 0)
            .flat_map(|body| (0..obstacles.len()).map(move |other| (body, other)))
            .filter(|(body, other)| !allowed(&bodies[*body], &obstacles[*other].name, None))
            .map(|(body, other)| Pair { body, other, margin_m: scene.margin_m as f32 })
            .collect();
        Ok(Self { arm, bodies, obstacles, among_bodies, with_obstacles })
    }

    /// Whether something is nearer than it may be, and what.
    pub(crate) fn hit(&self, q: &[f64]) -> Option<Hit> {
        let placed = self.place(&self.arm.chain.frames(q));
        let among = self.among_bodies.iter().position(|pair| {
            let (a, b) = (&self.bodies[pair.body].shaped, &self.bodies[pair.other].shaped);
            a.nearer(&placed[pair.body], b, &placed[pair.other], pair.margin_m)
        });
        if let Some(index) = among {
            return Some(Hit::Bodies(index));
        }
        let with = self.with_obstacles.iter().position(|pair| {
            let (body, obstacle) = (&self.bodies[pair.body].shaped, &self.obstacles[pair.other]);
            obstacle.nearer(body, &placed[pair.body], pair.margin_m)
        });
        with.map(Hit::Obstacle)
    }

    /// Whether one pair is nearer than it may be.
    pub(crate) fn is_hit(&self, hit: Hit, q: &[f64]) -> bool {
        let frames = self.arm.chain.frames(q);
        self.is_near(hit, 0.0, |body| self.bodies[body].place(&frames))
    }

    /// As [`World::is_hit`], with a margin of at least so much.
    fn is_near(&self, hit: Hit, least_m: f32, at: impl Fn(usize) -> Placed) -> bool {
        match hit {
            Hit::Bodies(index) => {
                let Pair { body, other, margin_m } = self.among_bodies[index];
                let (a, b) = (&self.bodies[body].shaped, &self.bodies[other].shaped);
                a.nearer(&at(body), b, &at(other), margin_m.max(least_m))
            }
            Hit::Obstacle(index) => {
                let Pair { body, other, margin_m } = self.with_obstacles[index];
                self.obstacles[other].nearer(&self.bodies[body].shaped, &at(body), margin_m.max(least_m))
            }
        }
    }

    /// How near a pair is, and where.
    pub(crate) fn proximity(&self, hit: Hit, q: &[f64]) -> Proximity {
        let placed = self.place(&self.arm.chain.frames(q));
        self.measure(hit, &placed)
    }

    /// The nearest of all pairs that are looked at; none where there are no pairs.
    pub(crate) fn nearest(&self, q: &[f64]) -> Option<Proximity> {
        let placed = self.place(&self.arm.chain.frames(q));
        let all = self.all_pairs().map(|hit| self.measure(hit, &placed));
        all.min_by(|a, b| a.distance_m.total_cmp(&b.distance_m))
    }

    /// Lets pairs that are nearer than their margin at `q` stay as near as they are. The first pair that overlaps, if
    /// one does.
    pub(crate) fn relax_at(&mut self, q: &[f64]) -> Option<Proximity> {
        let placed = self.place(&self.arm.chain.frames(q));
        let hits: Vec<Hit> = self.all_pairs().collect();
        for hit in hits {
            if !self.is_near(hit, SLACK_M as f32, |body| placed[body]) {
                continue;
            }
            let found = self.measure(hit, &placed);
            if found.distance_m <= 0.0 {
                return Some(found);
            }
            let pair = match hit {
                Hit::Bodies(index) => &mut self.among_bodies[index],
                Hit::Obstacle(index) => &mut self.with_obstacles[index],
            };
            if (found.distance_m as f32) < pair.margin_m {
                pair.margin_m = (found.distance_m - SLACK_M).max(0.0) as f32;
            }
        }
        None
    }

    /// The margin that holds for a pair, metres.
    pub(crate) fn margin_m(&self, hit: Hit) -> f64 {
        match hit {
            Hit::Bodies(index) => self.among_bodies[index].margin_m.into(),
            Hit::Obstacle(index) => self.with_obstacles[index].margin_m.into(),
        }
    }

    /// For each joint, how far a unit of it moves any point of the arm at most, from here.
    pub(crate) fn levers(&self, q: &[f64]) -> Vec<f64> {
        let frames = self.arm.chain.frames(q);
        let balls = self.bodies.iter().filter(|body| body.frame > 0).map(|body| {
            let center = frames[body.frame] * Point3::from(body.frame_from_shape.translation.vector);
            (body.frame, center, body.shaped.radius_m())
        });
        self.arm.chain.levers(&frames, balls)
    }

    fn all_pairs(&self) -> impl Iterator<Item = Hit> + use<> {
        let (bodies, obstacles) = (self.among_bodies.len(), self.with_obstacles.len());
        (0..bodies).map(Hit::Bodies).chain((0..obstacles).map(Hit::Obstacle))
    }

    fn place(&self, frames: &[Isometry3<f64>]) -> Vec<Placed> {
        self.bodies.iter().map(|body| body.place(frames)).collect()
    }

    fn measure(&self, hit: Hit, placed: &[Placed]) -> Proximity {
        match hit {
            Hit::Bodies(index) => {
                let Pair { body, other, .. } = self.among_bodies[index];
                let (a, b) = (&self.bodies[body], &self.bodies[other]);
                a.shaped.proximity(&a.name, &placed[body], &b.shaped, &b.name, &placed[other])
            }
            Hit::Obstacle(index) => {
                let Pair { body, other, .. } = self.with_obstacles[index];
                let (a, b) = (&self.bodies[body], &self.obstacles[other]);
                a.shaped.proximity(&a.name, &placed[body], &b.shaped, &b.name, &b.at)
            }
        }
    }
}

/// The smallest distance between any two things that must not touch, metres, and their names: negative by the depth
/// where they overlap. Links that are joined to each other, and pairs that may touch, are not looked at.
///
/// # Errors
/// `MALFORMED_REQUEST` where `q` or the scene has wrong numbers.
pub fn clearance(arm: &Arm, q: &[f64], scene: &Scene) -> Result<(f64, String, String), Failure> {
    check_positions(arm, "q", q)?;
    let nearest = World::new(arm, scene)?.nearest(q);
    Ok(nearest.map_or((f64::INFINITY, String::new(), String::new()), |p| (p.distance_m, p.first, p.second)))
}

/// The bodies of all links, and for each link (in the order of `place_links`) the index of its first body; one entry
/// more ends the last link.
pub(crate) fn link_bodies(arm: &Arm, opening_m: f64) -> (Vec<Body>, Vec<usize>) {
    let fingers = &arm.manipulator.gripper.joints;
    let places = place_links(arm.model(), &arm.manipulator.arm, |joint| {
        let position = if fingers.contains(&joint.name) { opening_m / 2.0 } else { 0.0 };
        position.clamp(joint.lower, joint.upper)
    });
    let (mut bodies, mut first) = (Vec::new(), Vec::new());
    for place in places {
        first.push(bodies.len());
        let link = arm.model().links.get(&place.link);
        for shape in link.iter().flat_map(|link| &link.collision) {
            bodies.push(Body {
                name: place.link.clone(),
                alias: None,
                frame: place.frame,
                frame_from_shape: place.frame_from_link * shape.link_from_shape,
                shaped: Shaped::new(&shape.solid),
            });
        }
    }
    first.push(bodies.len());
    (bodies, first)
}

/// What the fingers hold, as it moves with the last joint.
pub(crate) fn held_body(arm: &Arm, held: &Held) -> Body {
    Body {
        name: held.name.clone(),
        alias: Some("held"),
        frame: arm.joint_count(),
        frame_from_shape: arm.last_from_tool() * held.tool_from_shape.iso,
        shaped: Shaped::new(&held.solid),
    }
}

fn finger_links(arm: &Arm) -> Vec<&str> {
    let joints = arm.manipulator.gripper.joints.iter();
    joints.filter_map(|name| Some(arm.model().joint(name)?.child.as_str())).collect()
}

/// The base's frame is on the floor.
fn floor() -> Obstacle {
    let at = Isometry3::translation(0.0, 0.0, -0.1);
    Obstacle::new("floor", &Solid::Box { size_m: [8.0, 8.0, 0.2] }, &at)
}

fn check(arm: &Arm, scene: &Scene) -> Result<(), Failure> {
    let bad = |what: String| Err(Failure::new(Code::MalformedRequest, what));
    if !(0.0..=1.0).contains(&scene.margin_m) {
        return bad(format!("scene.margin_m is {} m; 0 to 1 is allowed", scene.margin_m));
    }
    let widest = arm.manipulator.gripper.max_opening_m;
    if !(-1e-3..=widest + 1e-3).contains(&scene.fingers_opening_m) {
        return bad(format!(
            "scene.fingers_opening_m is {} m; the gripper opens from 0 to {widest} m",
            scene.fingers_opening_m
        ));
    }
    if let Some(carry) = scene.held.as_ref().and_then(|held| held.carry) {
        let sound = carry.tilt_rad > 0.0 && carry.acceleration_m_s2 > 0.0;
        if !sound || !carry.tilt_rad.is_finite() || !carry.acceleration_m_s2.is_finite() {
            return bad(format!(
                "scene.held.carry allows a tilt of {} rad and an acceleration of {} m/s^2: both must be positive",
                carry.tilt_rad, carry.acceleration_m_s2
            ));
        }
    }
    let shapes = scene.shapes.iter().map(|shape| (&shape.name, &shape.solid, &shape.base_from_shape.iso));
    let held = scene.held.iter().map(|held| (&held.name, &held.solid, &held.tool_from_shape.iso));
    for (name, solid, iso) in shapes.chain(held) {
        let finite = iso.translation.vector.iter().chain(iso.rotation.coords.iter()).all(|v| v.is_finite());
        if !solid.is_sound() || !finite {
            return bad(format!("shape {name} has sizes or a pose that no solid has: {solid:?} at {iso}"));
        }
    }
    Ok(())
}

/// One finite position a joint.
pub(crate) fn check_positions(arm: &Arm, what: &str, q: &[f64]) -> Result<(), Failure> {
    if q.len() == arm.joint_count() && q.iter().all(|p| p.is_finite()) {
        return Ok(());
    }
    let words = format!("{what} is {q:?}: {} finite joint positions are needed", arm.joint_count());
    Err(Failure::new(Code::MalformedRequest, words))
}
