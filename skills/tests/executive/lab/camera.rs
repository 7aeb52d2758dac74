//! The wrist camera: corners of fiducials without a picture.

use super::{Lab, Truth};
use nalgebra::Vector3;
use nightshift_core::frames::{Base, Camera, Pose};
use nightshift_core::{Address, Code, Failure};
use nightshift_perception::fiducial::{PlacedTag, TagFamily, TagSight};
use nightshift_perception::part;
use nightshift_skills::Look;

/// Tops of the site's benches, metres.
const BENCH_M: f64 = 0.8;

impl Lab {
    pub(super) fn look(&mut self) -> Look {
        let stamp = self.now;
        let sha256 = format!("{:064x}", stamp.0);
        if self.faults.blind > 0 {
            self.faults.blind -= 1;
            let ok = Err(Failure::new(Code::UnreadableCode, "the picture is dark"));
            let (tags, surface_m) = (Vec::new(), Vec::new());
            return Look { stamp, ok, tags, surface_m, sha256, path: String::new() };
        }
        let base_from_camera = self.arm.base_from_flange(&self.joints()) * self.robot.camera.pose;
        let tags = self.tags().iter().filter_map(|tag| self.project(&base_from_camera, tag)).collect();
        let surface_m = self.surface(&base_from_camera);
        Look { stamp, ok: Ok(()), tags, surface_m, sha256, path: format!("pictures/{}.png", stamp.0) }
    }

    /// Points of a station's bench, of its moving parts, and of the post on it that nobody has described, where the camera sees them.
    fn surface(&self, base_from_camera: &Pose<Base, Camera>) -> Vec<[f32; 3]> {
        let Some((id, station_from_base)) = self.station_from_base() else { return Vec::new() };
        let station_from_camera = station_from_base.spatial() * *base_from_camera;
        let (camera_from_station, eye) = (station_from_camera.inverse(), station_from_camera.translation());
        let k = self.robot.camera.intrinsics;
        let rows = (8..k.height).step_by(16);
        let pixels = rows.flat_map(|v| (8..k.width).step_by(16).map(move |u| [u as f64, v as f64]));
        let bench = pixels.filter_map(|[u, v]| {
            let ray = station_from_camera.iso * Vector3::new((u - k.cx) / k.fx, (v - k.cy) / k.fy, 1.0);
            let point = eye + ray * ((BENCH_M - eye.z) / ray.z);
            // From its front edge to the instrument.
            (ray.z < 0.0 && (0.0..0.35).contains(&point.x) && point.y.abs() < 0.6).then_some(point)
        });
        let post = self.faults.post_m.into_iter();
        let post =
            post.flat_map(|[x, y]| (4..24).map(move |cm| Vector3::new(x, y, BENCH_M + 0.01 * f64::from(cm))));
        let station = &self.site.stations[&id];
        let parts = self.faults.parts_at.into_iter().flat_map(|at| {
            let shapes = station.part_shapes(&station.parts.keys().map(|part| (part.clone(), at)).collect());
            let over = |shape: nightshift_core::describe::Shape<_>| {
                part::over(&shape.solid, 0.01).into_iter().map(move |point| shape.pose.point(&point).coords)
            };
            shapes.into_iter().flat_map(over)
        });
        let in_picture = |along: f64, z: f64, focal: f64, middle: f64, size: usize| {
            z > 0.0 && (0.0..size as f64 - 1.0).contains(&(along / z * focal + middle))
        };
        let seen =
            bench.chain(post).chain(parts).map(|point| camera_from_station.point(&point.into())).filter(
                |p| in_picture(p.x, p.z, k.fx, k.cx, k.width) && in_picture(p.y, p.z, k.fy, k.cy, k.height),
            );
        seen.map(|point| point.coords.cast::<f32>().into()).collect()
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
