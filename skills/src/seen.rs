//! What the wrist's depth camera sees within the arm's reach and nothing describes: kept clear of while the base stands.
//!
//! A thing that somebody left on the bench, a hand, a rack that the site's files do not have. Glass is not among it: its depth is not
//! trusted.

use crate::belief::Belief;
use crate::context::Context;
use crate::messages::{Look, SkillOutput};
use crate::{limits, scene, sight};
use nalgebra::{Point3, Vector2, Vector3};
use nightshift_core::api::Evidence;
use nightshift_core::frames::{Base, Camera, Map, Pose};
use nightshift_core::{Failure, Level, Pose2, Stamp, StationId};
use nightshift_motion::SceneShape;
use nightshift_perception::surface::{Lookback, half_patch_m};
use std::collections::BTreeMap;

/// Empty where all that is seen is described.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen {
    patches: Vec<Patch>,
}

/// A patch of a surface that nothing describes.
#[derive(Clone, Debug, PartialEq)]
struct Patch {
    in_map: Point3<f64>,
    /// From the camera to it, without its height: as long as the look was level, 0 to 1.
    away: Vector2<f64>,
    /// Half its edge, metres.
    half_m: f64,
}

impl Seen {
    /// Points of what takes up room within an arm's reach of a base, in its frame, metres: each patch to its edges, some way behind it,
    /// and all that is below: a thing stands on something, and only its front and top are seen. What is below may be something described.
    pub fn taken_m(&self, map_from_base: &Pose2<Map, Base>) -> Vec<[f64; 3]> {
        let base_from_map = map_from_base.inverse();
        let cells = |along_m: f64, half_m: f64| {
            let edge = |along_m: f64| along_m / limits::SEEN_STEP_M;
            edge(along_m - half_m).floor() as i64..=edge(along_m + half_m).ceil() as i64
        };
        let mut tops: BTreeMap<[i64; 2], f64> = BTreeMap::new();
        for patch in &self.patches {
            let at = base_from_map.spatial().point(&patch.in_map);
            let away = base_from_map.iso.rotation * patch.away;
            for step in (0..=limits::SEEN_BEHIND).map(|step| f64::from(step) * limits::SEEN_STEP_M) {
                let middle = at + Vector3::new(away.x, away.y, 0.0) * step;
                if !in_reach(&middle) {
                    continue;
                }
                for x in cells(middle.x, patch.half_m) {
                    for y in cells(middle.y, patch.half_m) {
                        let top = tops.entry([x, y]).or_insert(at.z);
                        *top = top.max(at.z);
                    }
                }
            }
        }
        let columns = tops.into_iter().flat_map(|(cell, top_m)| {
            let [x, y] = cell.map(|along| along as f64 * limits::SEEN_STEP_M);
            // Finer than a millimetre tells nothing, and makes records long.
            let z = move |level: u32| ((top_m - f64::from(level) * limits::SEEN_STEP_M) * 1e3).round() / 1e3;
            (0..=limits::SEEN_LEVELS).map(move |level| [x, y, z(level)])
        });
        columns.collect()
    }

    /// The base drives away.
    pub fn clear(&mut self) {
        self.patches.clear();
    }
}

/// Takes in what a look at a nest shows beside the nest. A look that is no use is passed over.
pub fn take(ctx: &mut Context<'_>, look: &Look, asked: Stamp) {
    let Some(map_from_base) = ctx.belief.base_in_map(ctx.world) else { return };
    let around = scene::described(ctx.world, ctx.belief, ctx.ledger);
    merge(ctx, look, asked, (&map_from_base, &around), limits::SEEN_EXPLAINED_M);
}

/// As [`take`], of a look at a station's tag from before its dock: by where the base will be, and what is known there.
pub fn take_before(ctx: &mut Context<'_>, look: &Look, asked: Stamp, station: &StationId) {
    let Some(map_from_docked) = ctx.world.map_from_docked(station) else { return };
    let mut there = Belief::docked_at(ctx.world, station, 0.0);
    there.ready.clone_from(&ctx.belief.ready);
    let around = scene::described(ctx.world, &there, ctx.ledger);
    merge(ctx, look, asked, (&map_from_docked, &around), limits::SEEN_EXPLAINED_FAR_M);
}

/// What a look shows that neither the robot nor any of the shapes explains, in the base's frame, metres.
///
/// # Errors
/// `SENSOR_STALE` where it is not known how the arm was then.
pub fn unexplained(
    ctx: &Context<'_>,
    look: &Look,
    base_from_camera: &Pose<Base, Camera>,
    around: &[SceneShape],
    within_m: f64,
) -> Result<Vec<[f64; 3]>, Failure> {
    Ok(nightshift_motion::unexplained(around, &not_own(ctx, look, base_from_camera)?, within_m))
}

/// What a look shows beside the robot and what it holds, in the base's frame, metres.
fn not_own(
    ctx: &Context<'_>,
    look: &Look,
    base_from_camera: &Pose<Base, Camera>,
) -> Result<Vec<[f64; 3]>, Failure> {
    let (joints, _) = ctx.belief.joints_at(look.stamp)?;
    let opening_m = ctx.belief.gripper.map_or(0.0, |state| state.opening_m);
    let held = scene::held(ctx.world, ctx.belief, ctx.ledger);
    let all = look.surface_m.iter().map(|point| base_from_camera.point(&Point3::from(point.map(f64::from))));
    let all: Vec<[f64; 3]> = all.map(|point| point.coords.into()).collect();
    Ok(ctx.world.arm.not_own(&joints, opening_m, held.as_ref(), &all))
}

fn merge(
    ctx: &mut Context<'_>,
    look: &Look,
    asked: Stamp,
    (map_from_work, around): (&Pose2<Map, Base>, &[SceneShape]),
    explained_m: f64,
) {
    let Ok(base_from_camera) = sight::base_from_camera(ctx.world, ctx.belief, look, asked) else { return };
    let Some(map_from_base) = ctx.belief.base_in_map(ctx.world) else { return };
    let Ok(new) = not_own(ctx, look, &base_from_camera) else { return };
    // Where the base works, which is where what is described is.
    let work_from_base = (map_from_work.inverse() * map_from_base).spatial();
    let new = new.iter().map(|point| work_from_base.point(&Point3::from(*point))).filter(in_reach);
    let new: Vec<[f64; 3]> = new.map(|point| point.coords.into()).collect();
    let new = together(&nightshift_motion::unexplained(around, &new, explained_m));

    let map_from_work = map_from_work.spatial();
    let lookback = Lookback::new(&look.surface_m, &ctx.world.robot.camera.intrinsics);
    let camera_from_map = base_from_camera.inverse() * map_from_base.inverse().spatial();
    let patches = &mut ctx.belief.seen.patches;
    let known = !patches.is_empty();
    patches.retain(|patch| lookback.still_holds(&camera_from_map.point(&patch.in_map)));
    patches.extend(new.iter().map(|point| {
        let in_map = map_from_work.point(&Point3::from(*point));
        let half_m = half_patch_m(camera_from_map.point(&in_map).z, &ctx.world.robot.camera.intrinsics);
        let away = (in_map - camera_from_map.inverse().translation()).coords.normalize().xy();
        Patch { in_map, away, half_m }
    }));
    if let (Some(words), false) = (words(&new), known) {
        let message = format!("{words}; the arm keeps clear of it");
        ctx.out.push(SkillOutput::Notice { level: Level::Warning, message });
        ctx.evidence.push(Evidence {
            kind: "unknown-thing".into(),
            sha256: look.sha256.clone(),
            path: look.path.clone(),
            text: words,
            stamp: look.stamp,
        });
    }
}

/// Whether an arm may meet it, in the frame of its base.
fn in_reach(point: &Point3<f64>) -> bool {
    point.x.hypot(point.y) <= limits::SEEN_REACH_M
}

/// Those that are not alone, or are beside one that is not: what few patches of a picture tell may be a wrong match.
fn together(points_m: &[[f64; 3]]) -> Vec<[f64; 3]> {
    let near = |a: &[f64; 3], b: &[f64; 3]| {
        nalgebra::distance(&Point3::from(*a), &Point3::from(*b)) <= limits::SEEN_APART_M
    };
    let count = |point: &[f64; 3]| points_m.iter().filter(|other| near(point, other)).count();
    let cores: Vec<&[f64; 3]> = points_m.iter().filter(|point| count(point) >= limits::SEEN_POINTS).collect();
    points_m.iter().filter(|point| cores.iter().any(|core| near(point, core))).copied().collect()
}

/// What there is and where, for a person; nothing where there is nothing.
fn words(points_m: &[[f64; 3]]) -> Option<String> {
    let mut corners = points_m.iter().map(|point| (Point3::from(*point), Point3::from(*point)));
    let first = corners.next()?;
    let (least, most) =
        corners.fold(first, |(least, most), (point, _)| (least.inf(&point), most.sup(&point)));
    let (middle, size) = (nalgebra::center(&least, &most), (most - least) * 100.0);
    Some(format!(
        "something that no description knows stands about ({:.2}, {:.2}, {:.2}) m before the docked base: {} points over {:.0} x {:.0} x {:.0} cm",
        middle.x,
        middle.y,
        middle.z,
        points_m.len(),
        size.x,
        size.y,
        size.z
    ))
}
