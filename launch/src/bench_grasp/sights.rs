//! What the wrist camera would read of a rack and its vials, with an error of place: the corners of every fiducial by
//! the camera's own model, without rendering.

use nightshift_core::describe::{Robot, Site, fiducial_of_code};
use nightshift_core::frames::{Base, Map, Nest, Pose, Tag};
use nightshift_core::{SampleId, StationId};
use nightshift_motion::Arm;
use nightshift_perception::fiducial::{PlacedTag, TagFamily, TagSight};
use nightshift_sim::Truth;

/// A marker smaller than this in the picture is not read, pixels.
const LEAST_EDGE_PX: f64 = 20.0;

/// The camera over one rack.
pub struct Sights {
    arm: Arm,
    robot: Robot,
    map_from_nest: Pose<Map, Nest>,
    /// The rack's own.
    tags: Vec<PlacedTag<Nest>>,
    /// Samples with their codes: the marker's number, its size and its height over the vial's base, m.
    caps: Vec<(SampleId, u32, f64, f64)>,
    off_m: [f64; 3],
    turned: Pose<Base, Base>,
}

impl Sights {
    /// Of the first rack of a station. Every sight is off by `off_m` (m, in the base's axes) and turned about the rack.
    pub fn new(
        site: &Site,
        robot: &Robot,
        station: &StationId,
        off_m: [f64; 3],
        turned: Pose<Base, Base>,
    ) -> Result<Self, String> {
        let at = &site.stations[station];
        let nest = at.nests.values().next().ok_or("the station has no rack")?;
        let rack = site.catalogue.racks.get(&nest.rack).ok_or("the catalogue lacks the rack")?;
        let tags = nest.tags.iter().zip(&rack.tags);
        let tags = tags.map(|(id, tag)| PlacedTag { id: *id, size_m: tag.size_m, pose: tag.pose }).collect();
        let caps = site.stock.iter().filter_map(|item| {
            let vial = site.catalogue.vials.get(&item.labware)?;
            Some((item.id.clone(), fiducial_of_code(&item.code)?, vial.cap.tag_size_m, vial.height_m))
        });
        Ok(Self {
            arm: Arm::new(robot).map_err(|e| e.to_string())?,
            robot: robot.clone(),
            map_from_nest: at.pose.spatial() * nest.pose,
            tags,
            caps: caps.collect(),
            off_m,
            turned,
        })
    }

    /// What is read with the arm's joints (rad) standing so.
    pub fn tags(&self, truth: &Truth, joints: &[f64]) -> Vec<TagSight> {
        if joints.len() != self.arm.joint_count() {
            return Vec::new();
        }
        let base_from_map = truth.robot.pose.inverse().spatial();
        let base_from_nest = base_from_map * self.map_from_nest;
        let about = base_from_nest.translation();
        let to = Pose::<Base, Base>::from_xyz_rpy([about.x, about.y, about.z], [0.0; 3]);
        let off = Pose::<Base, Base>::from_xyz_rpy(self.off_m, [0.0; 3]);
        let error = off * to * self.turned * to.inverse();
        let base_from_camera = self.arm.base_from_flange(joints) * self.robot.camera.pose;
        let rack = self.tags.iter().map(|tag| PlacedTag {
            id: tag.id,
            size_m: tag.size_m,
            pose: error * base_from_nest * tag.pose,
        });
        let caps = self.caps.iter().filter_map(|(sample, id, size_m, height_m)| {
            let map_from_ware = truth.samples.get(sample)?.pose;
            let ware_from_tag = Pose::from_xyz_rpy([0.0, 0.0, *height_m], [0.0; 3]);
            let pose = error * base_from_map * map_from_ware * ware_from_tag;
            Some(PlacedTag { id: *id, size_m: *size_m, pose })
        });
        rack.chain(caps).filter_map(|tag| self.project(&base_from_camera.inverse(), &tag)).collect()
    }

    fn project(
        &self,
        camera_from_base: &Pose<nightshift_core::frames::Camera, Base>,
        tag: &PlacedTag<Base>,
    ) -> Option<TagSight> {
        let k = &self.robot.camera.intrinsics;
        let camera_from_tag: Pose<_, Tag> = *camera_from_base * tag.pose;
        if camera_from_tag.z_axis().z > -0.3 {
            return None;
        }
        let mut corners = [[0.0; 2]; 4];
        for (corner, seen) in tag.corners().iter().zip(&mut corners) {
            let p = camera_from_base.point(corner);
            *seen = [k.cx + k.fx * p.x / p.z, k.cy + k.fy * p.y / p.z];
            let inside = |at: f64, size: usize| at > 1.0 && at < size as f64 - 2.0;
            if p.z < 0.05 || !inside(seen[0], k.width) || !inside(seen[1], k.height) {
                return None;
            }
        }
        let [a, b, ..] = corners;
        let edge = (a[0] - b[0]).hypot(a[1] - b[1]);
        (edge >= LEAST_EDGE_PX).then_some(TagSight { family: TagFamily::April36h11, id: tag.id, corners })
    }
}
