//! A nest looked at from above: the camera there, at rest, a picture, read. Again from elsewhere where it was no use.

use crate::action::{Action, Move, Outcome};
use crate::context::Context;
use crate::sight::{self, NestSight};
use crate::world::{NestRef, World};
use crate::{limits, scene, seen};
use nalgebra::{Isometry3, Matrix3, Rotation3, Translation3, UnitQuaternion, Vector3};
use nightshift_core::api::Evidence;
use nightshift_core::describe::RackType;
use nightshift_core::frames::{Base, Camera, Nest, Pose, Tool};
use nightshift_core::{Code, Failure};
use nightshift_motion::MotionGoal;

/// Looks at one nest.
#[derive(Debug)]
pub struct View {
    nest: NestRef,
    attempt: u32,
}

/// What a view comes to next.
#[derive(Debug)]
pub enum Viewed {
    /// This has to be done first.
    Do(Action),
    /// The nest, as it is.
    Seen(Box<NestSight>),
    /// It could not be seen.
    Fail(Failure),
}

impl View {
    pub fn new(nest: NestRef) -> Self {
        Self { nest, attempt: 0 }
    }

    pub fn nest(&self) -> &NestRef {
        &self.nest
    }

    /// What comes after an outcome. Any but the view's own begins a look.
    pub fn next(&mut self, ctx: &mut Context<'_>, last: Outcome) -> Viewed {
        match last {
            Outcome::Moved => Viewed::Do(Action::Rest(limits::SETTLE)),
            Outcome::Rested => {
                let purpose = format!("{}-{}", self.nest.station, self.nest.nest);
                Viewed::Do(Action::Look { purpose })
            }
            Outcome::Looked { asked, look } => {
                let sight = sight::nest(ctx.world, ctx.belief, ctx.ledger, &look, asked, &self.nest);
                if let Ok(sight) = &sight {
                    ctx.belief.saw(&self.nest, sight.clone());
                }
                // After the nest itself: where it was located explains what is seen of it.
                seen::take(ctx, &look, asked);
                match sight {
                    Ok(sight) => {
                        ctx.evidence.push(picture(&self.nest, &sight));
                        Viewed::Seen(Box::new(sight))
                    }
                    Err(failure) => self.again(ctx, failure),
                }
            }
            _ => self.look(ctx),
        }
    }

    /// Looks again from elsewhere, or fails with what was wrong where it has looked often enough.
    pub fn again(&mut self, ctx: &mut Context<'_>, failure: Failure) -> Viewed {
        self.attempt += 1;
        if self.attempt >= limits::LOOKS { Viewed::Fail(failure) } else { self.look(ctx) }
    }

    fn look(&self, ctx: &Context<'_>) -> Viewed {
        let Some(base_from_nest) = ctx.belief.base_from_nest(ctx.world, &self.nest) else {
            let words = format!("it is not known where {} is", self.nest);
            return Viewed::Fail(Failure::new(Code::NestNotSeen, words));
        };
        let goals = match goals(ctx.world, &self.nest, &base_from_nest, self.attempt) {
            Ok(goals) => goals,
            Err(failure) => return Viewed::Fail(failure),
        };
        let held = ctx.belief.grip.is_some();
        Viewed::Do(Action::Move(Move {
            what: format!("to look at {}", self.nest),
            goals: goals.into_iter().map(MotionGoal::Tool).collect(),
            speed: if held { limits::SPEED_HELD } else { limits::SPEED_FREE },
            may_touch: scene::among_vials(ctx.ledger, &self.nest, None),
            guard: None,
        }))
    }
}

/// Places of the tool from which the camera looks straight down at the middle of a nest's fiducials and slots. The
/// picture is square to the rack; of the four ways round, those that keep the arm near the base come first.
fn goals(
    world: &World,
    nest: &NestRef,
    base_from_nest: &Pose<Base, Nest>,
    attempt: u32,
) -> Result<Vec<Pose<Base, Tool>>, Failure> {
    let rack = world.rack(nest)?;
    let middle = middle(rack);
    let mut goals = Vec::new();
    for turn in 0..limits::VIEW_DISTANCES_M.len() {
        let distance = limits::VIEW_DISTANCES_M[(turn + attempt as usize) % limits::VIEW_DISTANCES_M.len()];
        let eye = middle + Vector3::new(0.0, 0.0, distance);
        goals.extend(any_way_round(world, base_from_nest, &eye, &middle));
    }
    Ok(goals)
}

/// The middle of a rack's fiducials and slots, on its top.
pub fn middle(rack: &RackType) -> Vector3<f64> {
    let slots = rack.slots().into_iter().filter_map(|slot| rack.nest_from_slot(&slot));
    let points: Vec<Vector3<f64>> = rack
        .tags
        .iter()
        .map(|tag| tag.pose.translation())
        .chain(slots.map(|slot| slot.translation()))
        .collect();
    let least = points.iter().fold(Vector3::repeat(f64::INFINITY), |least, p| least.inf(p));
    let most = points.iter().fold(Vector3::repeat(f64::NEG_INFINITY), |most, p| most.sup(p));
    let middle = 0.5 * (least + most);
    Vector3::new(middle.x, middle.y, rack.height_m)
}

/// Places of the tool from which the camera at `eye` looks at a point of a nest, in the four ways round; those that keep the
/// arm near the base come first.
pub fn any_way_round(
    world: &World,
    base_from_nest: &Pose<Base, Nest>,
    eye: &Vector3<f64>,
    at: &Vector3<f64>,
) -> Vec<Pose<Base, Tool>> {
    let camera_from_tool = world.robot.camera.pose.inverse() * world.robot.gripper.tool;
    let mut around: Vec<Pose<Base, Tool>> = [-1.0, 1.0, 0.0, 2.0]
        .map(|quarter: f64| {
            let nest_from_camera = looking(eye, at, quarter * std::f64::consts::FRAC_PI_2);
            *base_from_nest * nest_from_camera * camera_from_tool
        })
        .into();
    around.sort_by(|a, b| a.translation().xy().norm().total_cmp(&b.translation().xy().norm()));
    around
}

/// A camera at `eye` above `at` that looks there, its picture's x axis at `angle` from the nest's x axis, seen from above.
fn looking(eye: &Vector3<f64>, at: &Vector3<f64>, angle: f64) -> Pose<Nest, Camera> {
    let (sin, cos) = angle.sin_cos();
    let z = (at - eye).normalize();
    let x = Vector3::new(cos, sin, 0.0);
    let x = (x - z * x.dot(&z)).normalize();
    let axes = Matrix3::from_columns(&[x, z.cross(&x), z]);
    let rotation = UnitQuaternion::from_rotation_matrix(&Rotation3::from_matrix_unchecked(axes));
    Pose::new(Isometry3::from_parts(Translation3::from(*eye), rotation))
}

fn picture(nest: &NestRef, seen: &NestSight) -> Evidence {
    let caps: Vec<String> =
        seen.caps.iter().map(|cap| format!("tag36h11:{} over {}", cap.tag, cap.slot)).collect();
    let caps = if caps.is_empty() { "no caps".to_owned() } else { caps.join(", ") };
    Evidence {
        kind: "picture".into(),
        sha256: seen.sha256.clone(),
        path: seen.path.clone(),
        text: format!("{nest}: {caps} (rack's tags to {:.2} px)", seen.rms_px),
        stamp: seen.stamp,
    }
}
