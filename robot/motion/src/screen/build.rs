//! From a collision world to what the quick look needs of it.

use super::solids::Fixed;
use super::{Ball, Cover, GROUPS, Group, Hinge, Look, Near, Pairs, Screen, cover};
use crate::world::{Hit, World};
use nalgebra::{Matrix3, Rotation3, Vector3};
use nightshift_core::describe::JointKind;
use std::ops::Range;

impl Screen {
    pub(crate) fn new(world: &World<'_>) -> Self {
        let (hinges, turns) = hinges(world);
        let mut this = Self {
            hinges,
            groups: Vec::new(),
            covers: Vec::new(),
            balls: Vec::new(),
            solids: Vec::new(),
            with: Vec::new(),
            among: Vec::new(),
            all: Pairs::default(),
        };
        let moving: Vec<usize> =
            (0..world.bodies.len()).filter(|index| world.bodies[*index].frame > 0).collect();
        let mut keys: Vec<(usize, &str)> = Vec::new();
        for index in &moving {
            let body = &world.bodies[*index];
            if !keys.contains(&(body.frame, body.name.as_str())) {
                keys.push((body.frame, body.name.as_str()));
            }
        }
        if keys.len() > GROUPS {
            keys = (1..=world.arm.joint_count()).map(|frame| (frame, "")).collect();
        }
        for (frame, name) in keys {
            let first = this.covers.len();
            for index in &moving {
                let body = &world.bodies[*index];
                if body.frame == frame && (name.is_empty() || body.name == name) {
                    this.cover(world, *index, &turns[frame]);
                }
            }
            if this.covers.len() > first {
                let covers = first..this.covers.len();
                let around = this.around(&covers);
                this.groups.push(Group { frame, around, covers });
            }
        }
        this.look_up(world);
        this
    }

    fn cover(&mut self, world: &World<'_>, index: usize, turn: &Rotation3<f64>) {
        let body = &world.bodies[index];
        let first = self.balls.len();
        let (balls, exact) = cover::cover(body.shaped.solid());
        for ball in balls {
            let center = turn.inverse() * (body.frame_from_shape * ball.center);
            self.balls.push(Ball { center: single(&center.coords), radius: ball.radius as f32 });
        }
        self.covers.push(Cover { body: index, balls: first..self.balls.len(), exact });
    }

    fn around(&self, covers: &Range<usize>) -> Ball {
        let balls = &self.balls[self.covers[covers.start].balls.start..self.covers[covers.end - 1].balls.end];
        let bound = |over: fn(f32, f32) -> f32, sign: f32, axis: usize| {
            let ends = balls.iter().map(|ball| ball.center[axis] + sign * ball.radius);
            ends.reduce(over).unwrap_or_default()
        };
        let center: [f32; 3] =
            std::array::from_fn(|axis| 0.5 * (bound(f32::min, -1.0, axis) + bound(f32::max, 1.0, axis)));
        let reach = |ball: &Ball| {
            let away: f32 = ball.center.iter().zip(&center).map(|(a, b)| (a - b) * (a - b)).sum();
            away.sqrt() + ball.radius
        };
        Ball { center, radius: balls.iter().map(reach).fold(0.0, f32::max) * 1.000_01 }
    }

    /// Tables of which cover is looked at with which solid or cover.
    fn look_up(&mut self, world: &World<'_>) {
        // What stands still: the obstacles, and links that no joint of the arm moves.
        self.solids = world
            .obstacles
            .iter()
            .map(|obstacle| Fixed::new(&obstacle.solid, &obstacle.base_from_shape))
            .collect();
        let mut solid_of_body = vec![None; world.bodies.len()];
        for (index, body) in world.bodies.iter().enumerate().filter(|(_, body)| body.frame == 0) {
            solid_of_body[index] = Some(self.solids.len());
            self.solids.push(Fixed::new(body.shaped.solid(), &body.frame_from_shape));
        }
        let mut cover_of_body = vec![None; world.bodies.len()];
        for (index, cover) in self.covers.iter().enumerate() {
            cover_of_body[cover.body] = Some(index);
        }
        self.with = vec![None; self.covers.len() * self.solids.len()];
        self.among = vec![None; self.covers.len() * self.covers.len()];
        for (index, pair) in world.with_obstacles.iter().enumerate() {
            let Some(cover) = cover_of_body[pair.body] else { continue };
            let look = Look { hit: Hit::Obstacle(index), margin: pair.margin_m };
            self.with[cover * self.solids.len() + pair.other] = Some(look);
        }
        for (index, pair) in world.among_bodies.iter().enumerate() {
            let look = Look { hit: Hit::Bodies(index), margin: pair.margin_m };
            match (cover_of_body[pair.body], cover_of_body[pair.other]) {
                (Some(a), Some(b)) => self.among[a.min(b) * self.covers.len() + a.max(b)] = Some(look),
                (Some(cover), None) | (None, Some(cover)) => {
                    let still = solid_of_body[pair.body].or(solid_of_body[pair.other]);
                    let Some(solid) = still else { continue };
                    self.with[cover * self.solids.len() + solid] = Some(look);
                }
                (None, None) => {}
            }
        }
        // The hand first: it is where things are.
        for (index, group) in self.groups.iter().enumerate().rev() {
            for other in 0..self.solids.len() {
                let covers = group.covers.clone();
                let looks = covers.filter_map(|cover| self.with[cover * self.solids.len() + other]);
                if let Some(margin) = looks.map(|look| look.margin).reduce(f32::max) {
                    let reach = group.around.radius + margin;
                    self.all.with_solids.push(Near { group: index, other, reach });
                }
            }
        }
        for a in 0..self.groups.len() {
            for b in a + 1..self.groups.len() {
                let (ones, others) = (self.groups[a].covers.clone(), self.groups[b].covers.clone());
                let looks = ones.flat_map(|i| others.clone().map(move |j| (i, j)));
                let looks = looks.filter_map(|(i, j)| self.among[i * self.covers.len() + j]);
                if let Some(margin) = looks.map(|look| look.margin).reduce(f32::max) {
                    let reach = self.groups[a].around.radius + self.groups[b].around.radius + margin;
                    self.all.among_groups.push(Near { group: a, other: b, reach });
                }
            }
        }
    }
}

/// The chain with each joint's axis along z, and for each frame the turn that made it so.
fn hinges(world: &World<'_>) -> (Vec<Hinge>, Vec<Rotation3<f64>>) {
    let mut turns = vec![Rotation3::identity()];
    let mut hinges = Vec::new();
    for (before, axis, kind) in world.arm.chain.hinges() {
        let last = turns[turns.len() - 1];
        let turn = Rotation3::rotation_between(&Vector3::z(), &axis)
            .unwrap_or_else(|| Rotation3::from_axis_angle(&Vector3::x_axis(), std::f64::consts::PI));
        let rotation: Matrix3<f64> =
            (last.inverse() * before.rotation.to_rotation_matrix() * turn).into_inner();
        let offset = last.inverse() * before.translation.vector;
        hinges.push(Hinge {
            columns: std::array::from_fn(|column| std::array::from_fn(|row| rotation[(row, column)] as f32)),
            offset: single(&offset),
            slides: kind == JointKind::Prismatic,
        });
        turns.push(turn);
    }
    (hinges, turns)
}

fn single(v: &Vector3<f64>) -> [f32; 3] {
    [v.x as f32, v.y as f32, v.z as f32]
}
