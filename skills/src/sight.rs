//! From a picture to the base's frame: where a dock's tag is, where a nest stands, which caps stand in it.

use crate::belief::Belief;
use crate::ledger::Ledger;
use crate::limits;
use crate::located::Located;
use crate::messages::Look;
use crate::touch::{self, Touch};
use crate::world::{NestRef, World};
use nalgebra::{Point3, Vector3};
use nightshift_core::describe::{RackType, Vial, fiducial_of_code};
use nightshift_core::frames::{Base, Camera, Nest, Pose, Tag};
use nightshift_core::{Code, Failure, SlotId, Stamp, StationId};
use nightshift_perception::fiducial::{
    BoardPlace, BoardView, PlacedTag, TagSight, estimate_pose, locate_board,
};
use nightshift_perception::seat::{self, CapTag, Height};
use std::collections::BTreeMap;

/// A nest as it was seen.
#[derive(Clone, Debug, PartialEq)]
pub struct NestSight {
    /// Where it stands.
    pub located: Located,
    /// The caps over it.
    pub caps: Vec<CapSight>,
    /// How well the rack's fiducials fit, pixels.
    pub rms_px: f64,
    /// When.
    pub stamp: Stamp,
    /// Of the picture.
    pub sha256: String,
    /// Of the picture.
    pub path: String,
}

/// A cap's fiducial over a nest.
#[derive(Clone, Debug, PartialEq)]
pub struct CapSight {
    /// Its number in the family tag36h11.
    pub tag: u32,
    /// The nearest slot.
    pub slot: SlotId,
    /// From the slot's axis to the cap's centre, in the nest's frame, metres.
    pub offset_m: [f64; 2],
    /// How much higher than a seated vial's the cap is.
    pub height: Height,
}

impl CapSight {
    /// Distance from the slot's axis, metres.
    pub fn off_axis_m(&self) -> f64 {
        self.offset_m[0].hypot(self.offset_m[1])
    }
}

impl NestSight {
    /// The caps over one slot.
    pub fn over<'a>(&'a self, slot: &'a SlotId) -> impl Iterator<Item = &'a CapSight> {
        self.caps.iter().filter(move |cap| cap.slot == *slot)
    }

    /// Where a fiducial was seen.
    pub fn cap(&self, tag: u32) -> Option<&CapSight> {
        self.caps.iter().find(|cap| cap.tag == tag)
    }
}

/// Where the camera was when a picture was taken.
///
/// # Errors
/// The picture's own failure; `SENSOR_STALE` where the joints at its stamp are not known; `UNREADABLE_CODE` where the
/// arm was moving then, or the picture is older than `asked`.
pub fn base_from_camera(
    world: &World,
    belief: &Belief,
    look: &Look,
    asked: Stamp,
) -> Result<Pose<Base, Camera>, Failure> {
    look.ok.clone()?;
    if look.stamp < asked {
        let words = format!("the picture is from {}, before it was asked for at {asked}", look.stamp);
        return Err(Failure::new(Code::UnreadableCode, words));
    }
    let (joints, rate) = belief.joints_at(look.stamp)?;
    if rate > limits::STILL_RAD_S {
        let words = format!(
            "the arm was moving at {rate:.3} rad/s when the picture was taken, allowed are {} rad/s",
            limits::STILL_RAD_S
        );
        return Err(Failure::new(Code::UnreadableCode, words));
    }
    if joints.len() != world.arm.joint_count() {
        let words = format!("the arm tells {} joints and has {}", joints.len(), world.arm.joint_count());
        return Err(Failure::new(Code::SensorStale, words));
    }
    Ok(world.arm.base_from_flange(&joints) * world.robot.camera.pose)
}

/// Where a station's dock tag is.
///
/// # Errors
/// `DOCK_NOT_SEEN`, with what was seen instead; the failures of [`base_from_camera`].
pub fn dock_tag(
    world: &World,
    belief: &Belief,
    look: &Look,
    asked: Stamp,
    station: &StationId,
) -> Result<Pose<Base, Tag>, Failure> {
    let base_from_camera = base_from_camera(world, belief, look, asked)?;
    let mount = world.station(station)?.dock.tag;
    let board = [PlacedTag::<Tag> { id: mount.id, size_m: mount.size_m, pose: Pose::identity() }];
    let pose = estimate_pose(&look.tags, &board, &world.robot.camera.intrinsics)
        .map_err(|error| Failure::new(Code::DockNotSeen, format!("the tag of {station}'s dock: {error}")))?;
    Ok(base_from_camera * pose.camera_from_board)
}

/// A nest and the caps over it.
///
/// # Errors
/// `NEST_NOT_SEEN`, `NEST_MOVED`; the failures of [`base_from_camera`].
pub fn nest(
    world: &World,
    belief: &Belief,
    ledger: &Ledger,
    look: &Look,
    asked: Stamp,
    nest: &NestRef,
) -> Result<NestSight, Failure> {
    let base_from_camera = base_from_camera(world, belief, look, asked)?;
    let board = world.board(nest)?;
    let view = [BoardView { place: base_from_camera, sights: look.tags.clone() }];
    let (located, seen) = locate(world, belief, &view, &board, nest)
        .map_err(|failure| Failure::new(failure.code, format!("the rack at {nest}: {}", failure.message)))?;
    let rack = world.rack(nest)?;
    let ids: Vec<u32> = board.iter().map(|tag| tag.id).collect();
    let vials = vials_by_tag(world, ledger);
    let eye = located.base_from_nest.inverse() * base_from_camera;
    let caps = look.tags.iter().filter(|sight| !ids.contains(&sight.id));
    let caps = caps.filter_map(|sight| {
        let vial = vials.get(&sight.id).copied().or_else(|| rack_vial(world, rack))?;
        cap(world, rack, &eye, sight, vial)
    });
    Ok(NestSight {
        located,
        caps: caps.collect(),
        rms_px: seen.rms_px,
        stamp: look.stamp,
        sha256: look.sha256.clone(),
        path: look.path.clone(),
    })
}

/// A nest as several pictures together locate it.
#[derive(Clone, Debug, PartialEq)]
pub struct Refined {
    /// Where it stands.
    pub located: Located,
    /// When.
    pub stamp: Stamp,
}

/// A nest by several pictures together, and how well they fit, in words.
///
/// # Errors
/// `NEST_NOT_SEEN`, `NEST_MOVED`.
pub fn refined(
    world: &World,
    belief: &Belief,
    views: &[BoardView<Base>],
    now: Stamp,
    nest: &NestRef,
) -> Result<(Refined, String), Failure> {
    if views.len() < 2 {
        let words = format!("{} of {} pictures serve", views.len(), 2 * limits::REFINE_EYES.len());
        return Err(Failure::new(Code::NestNotSeen, words));
    }
    let (located, seen) = locate(world, belief, views, &world.board(nest)?, nest)?;
    let (tags, pictures) = (seen.tags_used, views.len());
    let words = format!("by {tags} tags in {pictures} pictures, off by {:.2} px", seen.rms_px);
    Ok((Refined { located, stamp: now }, words))
}

/// A nest by where its walls were touched, as level as it was taught.
///
/// # Errors
/// `NEST_NOT_SEEN` where the touches do not tell its place, `NEST_MOVED`.
pub fn felt(
    world: &World,
    belief: &Belief,
    touches: &[Touch],
    now: Stamp,
    nest: &NestRef,
) -> Result<Refined, Failure> {
    let taught = taught_nest(world, belief, nest)?;
    let (place, covariance) = touch::locate(&taught, touches).ok_or_else(|| {
        let words = format!("{} touches do not tell where {nest} is", touches.len());
        Failure::new(Code::NestNotSeen, words)
    })?;
    Ok(Refined { located: Located::by_touch(place, covariance, &taught, nest)?, stamp: now })
}

fn locate(
    world: &World,
    belief: &Belief,
    views: &[BoardView<Base>],
    board: &[PlacedTag<Nest>],
    nest: &NestRef,
) -> Result<(Located, BoardPlace<Base, Nest>), Failure> {
    let camera = &world.robot.camera;
    let seen = locate_board(views, board, &camera.intrinsics, &camera.pose_sigma.covariance())
        .map_err(|error| Failure::new(Code::NestNotSeen, error.to_string()))?;
    let in_view =
        |tag: &&PlacedTag<Nest>| views.iter().any(|view| view.sights.iter().any(|s| s.id == tag.id));
    let origins: Vec<Vector3<f64>> = board.iter().filter(in_view).map(|tag| tag.pose.translation()).collect();
    let middle = Point3::from(origins.iter().sum::<Vector3<f64>>() / origins.len() as f64);
    let taught = taught_nest(world, belief, nest)?;
    Ok((Located::new(&seen, middle, &taught, nest)?, seen))
}

fn taught_nest(world: &World, belief: &Belief, nest: &NestRef) -> Result<Pose<Base, Nest>, Failure> {
    let unknown = || {
        Failure::new(
            Code::NestNotSeen,
            format!("it is not known where the base stands, so neither is {nest}"),
        )
    };
    if nest.on_deck() {
        return world.described_nest(nest, &Pose::identity(), None).ok_or_else(unknown);
    }
    let base_from_station = belief.base_from_station(world, &nest.station).ok_or_else(unknown)?;
    let parts = belief.known_parts(world, &nest.station);
    world.described_nest(nest, &base_from_station, parts.as_ref()).ok_or_else(unknown)
}

fn vials_by_tag<'a>(world: &'a World, ledger: &Ledger) -> BTreeMap<u32, &'a Vial> {
    let known = ledger.samples().filter_map(|(_, sample)| {
        Some((fiducial_of_code(&sample.code)?, world.site.catalogue.vials.get(&sample.labware)?))
    });
    known.collect()
}

fn rack_vial<'a>(world: &'a World, rack: &RackType) -> Option<&'a Vial> {
    rack.takes.iter().find_map(|labware| world.site.catalogue.vials.get(labware))
}

/// Where the ray through the fiducial's middle meets the plane in which caps of seated vials lie. That is ten times
/// as exact as the distance that a small tag's size tells.
fn cap(
    world: &World,
    rack: &RackType,
    nest_from_camera: &Pose<Nest, Camera>,
    sight: &TagSight,
    vial: &Vial,
) -> Option<CapSight> {
    let camera = &world.robot.camera.intrinsics;
    let [u, v] = diagonals_meet(&sight.corners)?;
    let ray = Vector3::new((u - camera.cx) / camera.fx, (v - camera.cy) / camera.fy, 1.0);
    let direction = nest_from_camera.iso.rotation * ray;
    let eye = nest_from_camera.translation();
    let height = rack.floor_m + vial.height_m;
    if direction.z > -0.1 * direction.norm() || eye.z <= height {
        return None;
    }
    let point = eye + direction * ((height - eye.z) / direction.z);
    let slots = rack.slots().into_iter().filter_map(|slot| {
        let axis = rack.nest_from_slot(&slot)?.translation();
        Some((slot, [point.x - axis.x, point.y - axis.y]))
    });
    let off = |offset: &[f64; 2]| offset[0].hypot(offset[1]);
    let (slot, offset_m) = slots.min_by(|a, b| off(&a.1).total_cmp(&off(&b.1)))?;
    // Farther than half the pitch it stands over no slot of this rack.
    if off(&offset_m) > 0.5 * rack.pitch_m {
        return None;
    }
    let tag = CapTag { size_m: vial.cap.tag_size_m, height_m: vial.height_m };
    let camera_from_slot = nest_from_camera.inverse() * rack.nest_from_slot(&slot)?;
    let height = seat::height(sight, &tag, &camera_from_slot, camera).ok()?;
    Some(CapSight { tag: sight.id, slot, offset_m, height })
}

/// The middle of a square under perspective.
fn diagonals_meet(corners: &[[f64; 2]; 4]) -> Option<[f64; 2]> {
    let [a, b, c, d] = corners;
    let (p, q) = ([c[0] - a[0], c[1] - a[1]], [d[0] - b[0], d[1] - b[1]]);
    let cross = p[0] * q[1] - p[1] * q[0];
    if cross.abs() < 1e-9 {
        return None;
    }
    let share = ((b[0] - a[0]) * q[1] - (b[1] - a[1]) * q[0]) / cross;
    Some([a[0] + share * p[0], a[1] + share * p[1]])
}

#[cfg(test)]
mod tests;
