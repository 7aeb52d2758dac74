//! Model predictive path integral control (Williams et al., "Information Theoretic Model Predictive Control", 2018):
//! thousands of noisy variations of the planned velocities are driven in thought, and the plan becomes their mean,
//! weighed by what each costs. It foresees what moves, and keeps to what the base can do.
//!
//! For speed everything is `f32` and laid out sample after sample, headings are turned and never computed, and noise
//! is drawn once: at each turn another part of it is used, at few points of time with straight lines between, so that
//! variations are smooth.

use super::Limits;
use crate::footprint::Footprint;
use crate::people::Mover;
use nalgebra::Isometry2;
use nightshift_core::random::{Seed, Stream};
use nightshift_core::robot::Twist;
use rand::Rng;
use rand_distr::{Distribution, StandardNormal};

/// Variations.
pub const SAMPLES: usize = 2000;
/// Steps into the future, and their length, seconds.
pub const STEPS: usize = 56;
pub const STEP_S: f64 = 0.05;
/// Points of time at which noise is drawn.
const KNOTS: usize = 8;
/// Noise on each axis, as a share of its largest speed.
const NOISE_SHARE: f32 = 0.4;
/// How much is drawn beyond what one turn uses.
const SPARE: usize = 4096;
/// Cost per squared metre off the reference and step, and for a heading that is opposite.
const OFF_COST: f32 = 4.0;
const TURNED_COST: f32 = 2.0;
/// Cost of a step in which the outline touches, and of one at the edge of the distance kept from things.
const TOUCH_COST: f32 = 3000.0;
const NEAR_COST: f32 = 30.0;
/// Kept from what stands, metres, and from people.
const NEAR_M: f32 = 0.12;
const PEOPLE_M: f32 = 0.45;
/// A step in a person's room costs up to this much: more than a touch of what stands.
const PEOPLE_COST: f32 = 1500.0;
/// How much worse a variation may be and still count.
const TEMPERATURE: f32 = 3.0;
/// So many people nearest to the base are foreseen.
const MOST_PEOPLE: usize = 6;

/// Clearances about the base, metres, on a grid: what stands.
pub struct Field {
    /// Lower left corner, in the map's frame.
    pub origin: [f64; 2],
    /// Edge of a cell.
    pub cell_m: f64,
    /// Cells in a row.
    pub width: usize,
    /// From each cell's centre to the nearest obstacle's, row by row.
    pub clearance_m: Vec<f32>,
}

/// What a turn of the controller is about, in the map's frame.
pub struct Scene<'a> {
    /// Where the base is.
    pub base: &'a Isometry2<f64>,
    /// How it moves.
    pub velocity: Twist,
    /// What it can do.
    pub limits: &'a Limits,
    /// Where it should be after each step.
    pub reference: &'a [Isometry2<f64>],
    /// What stands.
    pub field: &'a Field,
    /// What moves.
    pub movers: &'a [Mover],
}

/// The controller and its memory.
pub struct Mppi {
    random: Stream,
    noise: Vec<f32>,
    /// Planned velocities, by step and axis.
    plan: [[f32; 3]; STEPS],
    bodies: Bodies,
    sample: Samples,
}

/// Discs along the base's x axis that cover its outline.
struct Bodies {
    along_m: Vec<f32>,
    radius_m: f32,
}

impl Bodies {
    fn new(footprint: &Footprint) -> Self {
        let [low, high] = footprint.bounds(&Isometry2::identity());
        let (length, half_width) = (high.x - low.x, high.y.abs().max(low.y.abs()));
        let count = (length / (1.2 * half_width)).ceil().max(1.0);
        let half = length / count / 2.0;
        let along = (0..count as usize).map(|i| (low.x + half * (2 * i + 1) as f64) as f32);
        Self { along_m: along.collect(), radius_m: half.hypot(half_width) as f32 }
    }
}

/// One entry a sample.
struct Samples {
    x: Vec<f32>,
    y: Vec<f32>,
    cos: Vec<f32>,
    sin: Vec<f32>,
    v: [Vec<f32>; 3],
    cost: Vec<f32>,
}

impl Mppi {
    /// For a base of this outline.
    pub fn new(footprint: &Footprint, seed: Seed) -> Self {
        let mut random = seed.stream("control");
        let noise = (0..SAMPLES + SPARE).map(|_| StandardNormal.sample(&mut random)).collect();
        let zeros = || vec![0.0; SAMPLES];
        let sample = Samples {
            x: zeros(),
            y: zeros(),
            cos: zeros(),
            sin: zeros(),
            v: [zeros(), zeros(), zeros()],
            cost: zeros(),
        };
        Self { random, noise, plan: [[0.0; 3]; STEPS], bodies: Bodies::new(footprint), sample }
    }

    /// Forgets the plan: the base did something else meanwhile.
    pub fn reset(&mut self) {
        self.plan = [[0.0; 3]; STEPS];
    }

    /// One turn: the velocity to have next. `reference` must have a pose for each step.
    pub fn turn(&mut self, scene: &Scene<'_>) -> Twist {
        self.plan.rotate_left(1);
        self.plan[STEPS - 1] = self.plan[STEPS - 2];
        let most = [scene.limits.speed.x, scene.limits.speed.y, scene.limits.speed.yaw].map(|v| v as f32);
        let starts: [[usize; 3]; KNOTS] =
            std::array::from_fn(|_| std::array::from_fn(|_| self.random.random_range(0..SPARE)));
        self.drive(scene, most, &starts);
        self.learn(most, &starts);
        let [x, y, yaw] = self.plan[0].map(f64::from);
        Twist { x, y, yaw }
    }

    fn drive(&mut self, scene: &Scene<'_>, most: [f32; 3], starts: &[[usize; 3]; KNOTS]) {
        let Samples { x, y, cos, sin, v, cost } = &mut self.sample;
        // Near the base numbers are small: a float then tells tenths of a millimetre anywhere in the map.
        let at = scene.base.translation.vector;
        let heading = scene.base.rotation.angle();
        x.fill(0.0);
        y.fill(0.0);
        cos.fill(heading.cos() as f32);
        sin.fill(heading.sin() as f32);
        cost.fill(0.0);
        let velocity = [scene.velocity.x, scene.velocity.y, scene.velocity.yaw];
        for (samples, start) in v.iter_mut().zip(velocity) {
            samples.fill(start as f32);
        }
        let acceleration = scene.limits.acceleration;
        let dt = STEP_S as f32;
        let dv = [acceleration.x, acceleration.y, acceleration.yaw].map(|a| a as f32 * dt);
        let mut movers: Vec<&Mover> = scene.movers.iter().collect();
        movers.sort_by(|a, b| (a.place.coords - at).norm().total_cmp(&(b.place.coords - at).norm()));
        movers.truncate(MOST_PEOPLE);
        for step in 0..STEPS {
            let (knot, share) = knot_of(step);
            for axis in 0..3 {
                let noise = |knot: usize| &self.noise[starts[knot][axis]..starts[knot][axis] + SAMPLES];
                let (planned, sigma) = (self.plan[step][axis], NOISE_SHARE * most[axis]);
                let (low, high, dv) = (-most[axis], most[axis], dv[axis]);
                for ((v, a), b) in v[axis].iter_mut().zip(noise(knot)).zip(noise(knot + 1)) {
                    let wanted = (planned + sigma * (a + (b - a) * share)).clamp(low, high);
                    *v += (wanted - *v).clamp(-dv, dv);
                }
            }
            let [vx, vy, yaw] = &*v;
            let place = x.iter_mut().zip(y.iter_mut()).zip(cos.iter_mut().zip(sin.iter_mut()));
            for (((x, y), (cos, sin)), ((vx, vy), yaw)) in place.zip(vx.iter().zip(vy).zip(yaw)) {
                let turn = yaw * dt;
                // A turn by a small angle, exact to its fourth power.
                let (s, c) = (turn - turn * turn * turn / 6.0, 1.0 - turn * turn / 2.0);
                let (before_c, before_s) = (*cos, *sin);
                *cos = before_c * c - before_s * s;
                *sin = before_s * c + before_c * s;
                *x += (*cos * vx - *sin * vy) * dt;
                *y += (*sin * vx + *cos * vy) * dt;
            }
            let aim = &scene.reference[step.min(scene.reference.len() - 1)];
            let (ax, ay) = ((aim.translation.x - at.x) as f32, (aim.translation.y - at.y) as f32);
            let (ac, as_) = (aim.rotation.re as f32, aim.rotation.im as f32);
            let place = x.iter().zip(y.iter()).zip(cos.iter().zip(sin.iter()));
            for (((x, y), (cos, sin)), cost) in place.zip(cost.iter_mut()) {
                let (dx, dy) = (x - ax, y - ay);
                *cost += OFF_COST * (dx * dx + dy * dy) + TURNED_COST * (1.0 - cos * ac - sin * as_);
            }
            for mover in &movers {
                let there = mover.after((step + 1) as f64 * STEP_S);
                let (px, py) = ((there.x - at.x) as f32, (there.y - at.y) as f32);
                let reach = mover.radius_m as f32 + self.bodies.radius_m + PEOPLE_M;
                for along in &self.bodies.along_m {
                    let place = x.iter().zip(y.iter()).zip(cos.iter().zip(sin.iter()));
                    for (((x, y), (cos, sin)), cost) in place.zip(cost.iter_mut()) {
                        let (dx, dy) = (x + cos * along - px, y + sin * along - py);
                        let room = (1.0 - (dx * dx + dy * dy) / (reach * reach)).max(0.0);
                        *cost += PEOPLE_COST * room * room;
                    }
                }
            }
            // What stands changes little from one step to the next.
            if step % 2 == 1 {
                stand(scene.field, &self.bodies, [at.x, at.y], (x, y, cos, sin), cost);
            }
        }
    }

    /// The plan becomes the mean of the variations.
    fn learn(&mut self, most: [f32; 3], starts: &[[usize; 3]; KNOTS]) {
        let cost = &mut self.sample.cost;
        let least = cost.iter().copied().fold(f32::INFINITY, f32::min);
        let mut sum = 0.0f32;
        for cost in cost.iter_mut() {
            *cost = (-(*cost - least) / TEMPERATURE).exp();
            sum += *cost;
        }
        let mut better = [[0.0f32; 3]; KNOTS];
        for (knot, starts) in starts.iter().enumerate() {
            for axis in 0..3 {
                let noise = &self.noise[starts[axis]..starts[axis] + SAMPLES];
                let weighed: f32 = noise.iter().zip(cost.iter()).map(|(noise, weight)| noise * weight).sum();
                better[knot][axis] = NOISE_SHARE * most[axis] * weighed / sum;
            }
        }
        for (step, plan) in self.plan.iter_mut().enumerate() {
            let (knot, share) = knot_of(step);
            for axis in 0..3 {
                let change = better[knot][axis] + (better[knot + 1][axis] - better[knot][axis]) * share;
                plan[axis] = (plan[axis] + change).clamp(-most[axis], most[axis]);
            }
        }
    }
}

/// The knot before a step, and how far it is on the way to the next one.
fn knot_of(step: usize) -> (usize, f32) {
    let at = step as f32 * (KNOTS - 1) as f32 / STEPS as f32;
    (at as usize, at.fract())
}

/// Adds what it costs to be near what stands.
fn stand(
    field: &Field,
    bodies: &Bodies,
    at: [f64; 2],
    (x, y, cos, sin): (&[f32], &[f32], &[f32], &[f32]),
    cost: &mut [f32],
) {
    let scale = (1.0 / field.cell_m) as f32;
    let [left, low] = [0, 1].map(|axis| ((at[axis] - field.origin[axis]) / field.cell_m) as f32);
    let height = field.clearance_m.len() / field.width;
    let reach = bodies.radius_m + NEAR_M;
    for along in &bodies.along_m {
        let place = x.iter().zip(y).zip(cos.iter().zip(sin));
        for (((x, y), (cos, sin)), cost) in place.zip(cost.iter_mut()) {
            let (column, row) = (left + (x + cos * along) * scale, low + (y + sin * along) * scale);
            // Beyond the field nothing is known: the horizon is shorter than that.
            let (column, row) = (column.max(0.0) as usize, row.max(0.0) as usize);
            let index = row.min(height - 1) * field.width + column.min(field.width - 1);
            let clearance = field.clearance_m[index];
            let near = ((reach - clearance) / NEAR_M).max(0.0);
            *cost += if near > 1.0 { TOUCH_COST } else { NEAR_COST * near * near };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::travelled;
    use nalgebra::{Point2, Vector2};

    const LIMITS: Limits = Limits {
        speed: Twist { x: 0.7, y: 0.4, yaw: 1.0 },
        acceleration: Twist { x: 0.8, y: 0.6, yaw: 1.6 },
    };
    /// As a differential base has them.
    const AHEAD: Limits = Limits {
        speed: Twist { x: 0.7, y: 0.0, yaw: 1.0 },
        acceleration: Twist { x: 0.8, y: 0.0, yaw: 1.6 },
    };

    fn footprint() -> Footprint {
        Footprint::new(&[[0.42, 0.28], [-0.42, 0.28], [-0.42, -0.28], [0.42, -0.28]])
    }

    /// 12 x 8 m about the origin; each obstacle is a cell.
    fn field(obstacles: &[Point2<f64>]) -> Field {
        let (width, height, cell_m, origin) = (240, 160, 0.05, [-6.0, -4.0]);
        let center = |i: usize| {
            Point2::new(
                origin[0] + ((i % width) as f64 + 0.5) * cell_m,
                origin[1] + ((i / width) as f64 + 0.5) * cell_m,
            )
        };
        let clearance =
            |i: usize| obstacles.iter().map(|o| (o - center(i)).norm()).fold(9.0, f64::min) as f32;
        Field { origin, cell_m, width, clearance_m: (0..width * height).map(clearance).collect() }
    }

    struct Drive {
        base: Isometry2<f64>,
        farthest_aside: f64,
        nearest: f64,
        fastest_change: f64,
    }

    /// Along the x axis from -2 to 2 m, at 0.6 m/s, among what stands and who walks.
    fn drive(limits: &Limits, obstacles: &[Point2<f64>], walker: Option<Mover>, seconds: f64) -> Drive {
        let footprint = footprint();
        let (field, mut mppi) = (field(obstacles), Mppi::new(&footprint, Seed(1)));
        let mut base = Isometry2::new(Vector2::new(-2.0, 0.0), 0.0);
        let mut last = Twist::STOP;
        let mut told = Drive { base, farthest_aside: 0.0, nearest: 9.0, fastest_change: 0.0 };
        for tick in 0..(seconds / STEP_S) as usize {
            let now = tick as f64 * STEP_S;
            let reference: Vec<_> = (1..=STEPS)
                .map(|step| {
                    let ahead = base.translation.x + 0.6 * step as f64 * STEP_S;
                    Isometry2::new(Vector2::new(ahead.min(2.0), 0.0), 0.0)
                })
                .collect();
            let movers: Vec<Mover> =
                walker.iter().map(|walker| Mover { place: walker.after(now), ..*walker }).collect();
            let scene = Scene {
                base: &base,
                velocity: last,
                limits,
                reference: &reference,
                field: &field,
                movers: &movers,
            };
            let command = limits.ramp(last, mppi.turn(&scene));
            told.fastest_change = told.fastest_change.max((command.x - last.x).abs());
            base *= travelled(command, STEP_S);
            last = command;
            told.farthest_aside = told.farthest_aside.max(base.translation.y.abs());
            for obstacle in obstacles {
                told.nearest = told.nearest.min(footprint.distance(&base.inverse_transform_point(obstacle)));
            }
            for mover in &movers {
                let gap = footprint.distance(&base.inverse_transform_point(&mover.place)) - mover.radius_m;
                told.nearest = told.nearest.min(gap);
            }
        }
        told.base = base;
        told
    }

    #[test]
    fn a_free_way_is_driven_straight_to_its_end() {
        for limits in [LIMITS, AHEAD] {
            let told = drive(&limits, &[], None, 12.0);
            assert!((told.base.translation.vector - Vector2::new(2.0, 0.0)).norm() < 0.15, "{:?}", told.base);
            assert!(told.farthest_aside < 0.15, "{}", told.farthest_aside);
            assert!(told.fastest_change <= 0.8 * STEP_S + 1e-9);
        }
    }

    #[test]
    fn a_post_in_the_way_is_gone_around() {
        for limits in [LIMITS, AHEAD] {
            let told = drive(&limits, &[Point2::new(0.0, 0.1)], None, 16.0);
            assert!(told.nearest > 0.0, "{}", told.nearest);
            assert!((told.base.translation.vector - Vector2::new(2.0, 0.0)).norm() < 0.3, "{:?}", told.base);
        }
    }

    #[test]
    fn who_walks_towards_it_or_across_is_not_touched() {
        let walker = |x: f64, y: f64, vx: f64, vy: f64| Mover {
            place: Point2::new(x, y),
            velocity: Vector2::new(vx, vy),
            radius_m: 0.25,
        };
        for walker in [walker(3.0, 0.1, -0.7, 0.0), walker(0.0, -2.5, 0.0, 0.8)] {
            let told = drive(&LIMITS, &[], Some(walker), 14.0);
            assert!(told.nearest > 0.1, "{walker:?}: {}", told.nearest);
            assert!((told.base.translation.vector - Vector2::new(2.0, 0.0)).norm() < 0.3, "{:?}", told.base);
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_commands() {
        let ends = [0, 1].map(|_| drive(&LIMITS, &[Point2::new(0.0, 0.1)], None, 3.0).base);
        assert_eq!(ends[0], ends[1]);
    }
}
