//! A station's moving parts looked at from outside before the hand reaches in: its word that it is open is not taken alone.

use super::view::{any_way_round, middle};
use super::{Stage, Step};
use crate::action::{Action, Move, Outcome};
use crate::context::Context;
use crate::messages::{Look, SkillOutput};
use crate::world::NestRef;
use crate::{limits, scene, seen, sight};
use nalgebra::{Point3, UnitQuaternion, Vector3};
use nightshift_core::api::Evidence;
use nightshift_core::describe::{RackType, Station};
use nightshift_core::frames::{Base, Camera, Pose, Station as StationFrame, Tool};
use nightshift_core::{Code, Failure, Level, PartId};
use nightshift_motion::{MotionGoal, SceneShape};
use nightshift_perception::part::{self, Stands};
use nightshift_perception::surface::Lookback;
use std::collections::BTreeMap;

/// Looks at what moves about a nest of a station that has said that it is ready. Until it is seen, it may be anywhere on its way, and the
/// arm keeps clear of all of that. What cannot be seen is believed, as the station says.
#[derive(Debug)]
pub struct SeeParts {
    nest: NestRef,
    attempt: u32,
}

impl SeeParts {
    pub fn new(nest: NestRef) -> Self {
        Self { nest, attempt: 0 }
    }

    fn go(&mut self, ctx: &mut Context<'_>, last: Outcome) -> Result<Step, Failure> {
        match last {
            Outcome::Moved => Ok(Step::Do(Action::Rest(limits::SETTLE))),
            Outcome::Rested => {
                let purpose = format!("parts-{}-{}", self.nest.station, self.nest.nest);
                Ok(Step::Do(Action::Look { purpose }))
            }
            Outcome::Looked { asked, look } => {
                let base_from_camera = match sight::base_from_camera(ctx.world, ctx.belief, &look, asked) {
                    Ok(base_from_camera) => base_from_camera,
                    Err(failure) => {
                        self.attempt += 1;
                        if self.attempt < limits::LOOKS {
                            return Ok(Step::Do(Action::Rest(limits::SETTLE)));
                        }
                        return Ok(believed(ctx, &self.nest, &failure));
                    }
                };
                ctx.belief.unsure_parts = None;
                if let Err(failure) = self.judge(ctx, &look, base_from_camera) {
                    // Whatever comes next: the hand may not reach in, and nobody knows where the part is.
                    ctx.belief.site_is(&self.nest.station, None);
                    ctx.belief.unsure_parts = Some(self.nest.station.clone());
                    return Err(failure);
                }
                seen::take(ctx, &look, asked);
                Ok(Step::Done)
            }
            _ => {
                if ctx.world.station(&self.nest.station)?.parts.is_empty() {
                    return Ok(Step::Done);
                }
                ctx.belief.unsure_parts = Some(self.nest.station.clone());
                Ok(Step::Do(Action::Move(self.way(ctx)?)))
            }
        }
    }

    /// The camera to before the nest and above it, as far out as it can be.
    fn way(&self, ctx: &Context<'_>) -> Result<Move, Failure> {
        let unknown = || Failure::new(Code::NestNotSeen, format!("it is not known where {} is", self.nest));
        // A drawer that is shut is looked at from where it will be looked into.
        let base_from_nest = if ctx.belief.ready.contains_key(&self.nest.station) {
            ctx.belief.base_from_nest(ctx.world, &self.nest)
        } else {
            let base_from_station = ctx.belief.base_from_station(ctx.world, &self.nest.station);
            base_from_station.and_then(|station| ctx.world.described_nest(&self.nest, &station, None))
        };
        let base_from_nest = base_from_nest.ok_or_else(unknown)?;
        let at = middle(ctx.world.rack(&self.nest)?);
        let there = base_from_nest.point(&at.into()).coords;
        let outward = -Vector3::new(there.x, there.y, 0.0).normalize();
        let eyes = limits::PARTS_EYES.into_iter().flat_map(|[away_m, up_m]| {
            limits::PARTS_ASIDE_RAD.map(|turn| {
                let around = UnitQuaternion::from_axis_angle(&Vector3::z_axis(), turn);
                there + around * outward * away_m + Vector3::z() * up_m
            })
        });
        let nest_from_base = base_from_nest.inverse();
        let goals: Vec<Pose<Base, Tool>> = eyes
            .flat_map(|eye| {
                any_way_round(ctx.world, &base_from_nest, &nest_from_base.point(&eye.into()).coords, &at)
            })
            .collect();
        let held = ctx.belief.grip.is_some();
        Ok(Move {
            what: format!("to look at the parts of {}", self.nest.station),
            goals: goals.into_iter().map(MotionGoal::Tool).collect(),
            speed: if held { limits::SPEED_HELD } else { limits::SPEED_FREE },
            may_touch: Vec::new(),
            guard: None,
        })
    }

    /// What the picture says of each part.
    fn judge(
        &self,
        ctx: &mut Context<'_>,
        look: &Look,
        base_from_camera: Pose<Base, Camera>,
    ) -> Result<(), Failure> {
        let id = &self.nest.station;
        let station = ctx.world.station(id)?;
        let ready = ctx.belief.ready.get(id).map(|(state, _)| state.clone());
        if ready.is_none() && !ctx.belief.by_hand.contains_key(id) {
            return Ok(());
        }
        let Some(base_from_station) = ctx.belief.base_from_station(ctx.world, id) else { return Ok(()) };
        let around = scene::described(ctx.world, ctx.belief, ctx.ledger);
        let camera = &ctx.world.robot.camera.intrinsics;
        let new = seen::unexplained(ctx, look, &base_from_camera, &around, limits::SEEN_EXPLAINED_M)?;
        let into_camera =
            |point: &[f64; 3]| base_from_camera.inverse().point(&Point3::from(*point)).coords.cast().into();
        let new: Vec<[f32; 3]> = new.iter().map(into_camera).collect();
        let (all, new) = (Lookback::new(&look.surface_m, camera), Lookback::new(&new, camera));
        for (part, wanted) in ctx.belief.part_positions(station) {
            let racks = &ctx.world.site.catalogue.racks;
            let shown =
                Shown { station, part: &part, racks, around: &around, base_from_station, base_from_camera };
            let others = scene::PART_STEPS.map(|at| shown.at(at));
            // Not minus nothing.
            let percent = |position: f64| format!("{:.0} % of its way", (position * 100.0).round() + 0.0);
            let text = match part::stands(&shown.at(wanted), &others, &all, &new) {
                Stands::AsTold(patches) => {
                    format!(
                        "the {part} of {id} is seen to be at {} ({patches} patches of depth)",
                        percent(wanted)
                    )
                }
                Stands::NotInView(patches) => format!(
                    "the {part} of {id}, at {} as it says, is out of view and not in the way ({patches} patches of depth)",
                    percent(wanted)
                ),
                Stands::Unknown => {
                    format!("the {part} of {id} is not seen: it is at {}, it says", percent(wanted))
                }
                Stands::Elsewhere(position, patches) => {
                    let said = ready.as_ref().map_or_else(
                        || format!("{id} says that its {part} is at {}", percent(wanted)),
                        |state| format!("{id} says that it is {state}"),
                    );
                    let words = format!(
                        "{said}, but its {part} is seen at about {} and not at {} ({patches} patches of depth, picture {})",
                        percent(position),
                        percent(wanted),
                        look.sha256
                    );
                    return Err(Failure::new(Code::SiteNotOpen, words));
                }
            };
            let (sha256, path) = (look.sha256.clone(), look.path.clone());
            ctx.evidence.push(Evidence { kind: "part".into(), sha256, path, text, stamp: look.stamp });
        }
        Ok(())
    }
}

/// How a part would show itself to the camera, with the racks on it.
struct Shown<'a> {
    station: &'a Station,
    part: &'a PartId,
    racks: &'a BTreeMap<String, RackType>,
    around: &'a [SceneShape],
    base_from_station: Pose<Base, StationFrame>,
    base_from_camera: Pose<Base, Camera>,
}

impl Shown<'_> {
    /// Its surface at a position; without what lies so near to something else that a camera cannot tell which it sees.
    fn at(&self, position: f64) -> part::Stance {
        let own = self.shapes(position);
        let others: Vec<SceneShape> = self
            .around
            .iter()
            .filter(|shape| own.iter().all(|own| own.name != shape.name))
            .cloned()
            .collect();
        let points = own.iter().flat_map(|shape| {
            let over = part::over(&shape.solid, limits::PARTS_STEP_M);
            over.into_iter().map(|point| shape.base_from_shape.point(&point).coords.into())
        });
        let apart =
            nightshift_motion::unexplained(&others, &points.collect::<Vec<_>>(), limits::PARTS_APART_M);
        let camera_from_base = self.base_from_camera.inverse();
        let surface = apart.into_iter().map(|point| camera_from_base.point(&Point3::from(point))).collect();
        part::Stance { position, surface }
    }

    /// Named as in the scene.
    fn shapes(&self, position: f64) -> Vec<SceneShape> {
        let positions = [(self.part.clone(), position)].into();
        let shapes = self.station.part_shapes(&positions).into_iter();
        let shapes = shapes.map(|shape| scene::of_part(self.station, &self.base_from_station, &shape));
        let racks = self.station.nests.iter().filter(|(_, nest)| nest.on.as_ref() == Some(self.part));
        let racks = racks.filter_map(|(id, nest)| {
            let base_from_nest = self.base_from_station * self.station.nest_pose_at(id, &positions)?;
            let name = scene::rack_name(&NestRef { station: self.station.id.clone(), nest: id.clone() });
            Some(SceneShape::rack(name, self.racks.get(&nest.rack)?, &base_from_nest))
        });
        shapes.chain(racks).collect()
    }
}

/// It could not be looked at: the station's word has to do.
fn believed(ctx: &mut Context<'_>, nest: &NestRef, why: &Failure) -> Step {
    ctx.belief.unsure_parts = None;
    let message = format!(
        "the parts of {} could not be looked at, its word is taken that it is ready: {why}",
        nest.station
    );
    ctx.out.push(SkillOutput::Notice { level: Level::Warning, message });
    Step::Done
}

impl Stage for SeeParts {
    fn next(&mut self, ctx: &mut Context<'_>, last: Outcome) -> Step {
        self.go(ctx, last).unwrap_or_else(Step::Fail)
    }

    fn failed(&mut self, ctx: &mut Context<'_>, failure: Failure) -> Step {
        match failure.code {
            Code::Unreachable | Code::NoMotion => believed(ctx, &self.nest, &failure),
            _ => Step::Fail(failure),
        }
    }
}
