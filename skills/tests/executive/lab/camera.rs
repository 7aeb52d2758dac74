//! The wrist camera: corners of fiducials without a picture.

use super::{Lab, Truth};
use nightshift_core::frames::{Base, Camera, Pose};
use nightshift_core::{Address, Code, Failure};
use nightshift_perception::fiducial::{PlacedTag, TagFamily, TagSight};
use nightshift_skills::Look;

impl Lab {
    pub(super) fn look(&mut self) -> Look {
        let stamp = self.now;
        let sha256 = format!("{:064x}", stamp.0);
        if self.faults.blind > 0 {
            self.faults.blind -= 1;
            let ok = Err(Failure::new(Code::UnreadableCode, "the picture is dark"));
            return Look { stamp, ok, tags: Vec::new(), sha256, path: String::new() };
        }
        let base_from_camera = self.arm.base_from_flange(&self.joints()) * self.robot.camera.pose;
        let tags = self.tags().iter().filter_map(|tag| self.project(&base_from_camera, tag)).collect();
        Look { stamp, ok: Ok(()), tags, sha256, path: format!("pictures/{}.png", stamp.0) }
    }

    /// Pictures so far that were to locate a rack.
    pub fn looks_from_aside(&self) -> usize {
        self.commands.iter().filter(|word| word.starts_with("look refine")).count()
    }

    /// Every fiducial around, in the base's frame.
    pub(super) fn tags(&self) -> Vec<PlacedTag<Base>> {
        let mut tags = Vec::new();
        let station = self.station_from_base().map(|(id, pose)| (id, pose.inverse().spatial()));
        if let Some((id, base_from_station)) = &station {
            let mount = self.site.stations[id].dock.tag;
            tags.push(PlacedTag {
                id: mount.id,
                size_m: mount.size_m,
                pose: *base_from_station * mount.pose,
            });
        }
        let racks = &self.site.catalogue.racks;
        let deck =
            self.robot.deck.iter().map(|(name, nest)| ("deck".to_owned(), name, &nest.rack, &nest.tags));
        let stations = station.iter().flat_map(|(id, _)| {
            let nests = self.site.stations[id].nests.iter();
            nests.map(move |(name, nest)| (id.to_string(), name, &nest.rack, &nest.tags))
        });
        for (place, name, rack, ids) in deck.chain(stations) {
            let nest = self.base_from_nest(&Address::new(&place, name.as_str(), "A1")).unwrap();
            tags.extend(ids.iter().zip(&racks[rack].tags).map(|(id, tag)| PlacedTag {
                id: *id,
                size_m: tag.size_m,
                pose: nest * tag.pose,
            }));
        }
        let vial_type = self.site.catalogue.vials.values().next().unwrap();
        for vial in self.vials.values().filter(|vial| vial.readable) {
            let Truth::Slot(address) = &vial.at else { continue };
            let Some(base_from_slot) = self.base_from_slot(address) else { continue };
            // A little off the axis, as play allows, and turned as it was set down.
            let slot_from_tag =
                Pose::from_xyz_rpy([0.0007, -0.0005, vial_type.height_m + vial.raised_m], [0.0, 0.0, 0.4]);
            let pose = base_from_slot * slot_from_tag;
            tags.push(PlacedTag { id: vial.tag, size_m: vial_type.cap.tag_size_m, pose });
        }
        tags
    }

    pub(super) fn project(
        &self,
        base_from_camera: &Pose<Base, Camera>,
        tag: &PlacedTag<Base>,
    ) -> Option<TagSight> {
        let k = &self.robot.camera.intrinsics;
        let facing = (base_from_camera.inverse() * tag.pose).z_axis().z < -0.3;
        let corners = tag.corners().map(|corner| {
            let p = base_from_camera.inverse().point(&corner);
            (p.z > 0.05).then(|| [k.cx + k.fx * p.x / p.z, k.cy + k.fy * p.y / p.z])
        });
        let [Some(a), Some(b), Some(c), Some(d)] = corners else { return None };
        let inside =
            |[u, v]: [f64; 2]| u > 2.0 && v > 2.0 && u < k.width as f64 - 3.0 && v < k.height as f64 - 3.0;
        let edge = (a[0] - b[0]).hypot(a[1] - b[1]);
        let seen = facing && edge > 20.0 && [a, b, c, d].into_iter().all(inside);
        seen.then_some(TagSight { family: TagFamily::April36h11, id: tag.id, corners: [a, b, c, d] })
    }
}
