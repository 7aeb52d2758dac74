//! Stations' parts without a drive: what the fingers close on, and what comes along with the arm.

use super::{BaseAt, Lab};
use nalgebra::{Point3, Vector3};
use nightshift_core::describe::{Knob, Part, Site};
use nightshift_core::frames::{Base, Pose, Station as StationFrame};
use nightshift_core::{PartId, StationId};

/// Of a part that sticks, or of its stop, N/m.
const STIFFNESS: f64 = 5e3;

/// A part between the fingers.
#[derive(Clone, Debug)]
pub struct HeldKnob {
    station: StationId,
    part: PartId,
    /// Where the tool was, in the station's frame, with the part at position 0.
    first: Point3<f64>,
}

impl Lab {
    /// The sonicator's lid has no drive: a hand slides it aside by its knob.
    pub fn with_hand_lid(self) -> Self {
        let edits = [
            (
                "axis = [1, 0, 0], travel_m = 0.28 } }",
                "axis = [0, 1, 0], travel_m = 0.30 } }\nhand = { knob = \"knob\", drag_n = 3.0, most_n = 15.0 }",
            ),
            (
                "color = [170, 180, 190]",
                "color = [170, 180, 190]\n[[part.lid.shapes]]\nname = \"knob\"\nsolid = { cylinder = { radius_m = 0.011, height_m = 0.04 } }\npose = { xyz = [0.12, -0.08, 0.928] }",
            ),
            ("[machine.state.opening]", "[machine.state.opening]\nrelease = \"closing\""),
        ];
        let site = Site::load(&|file| {
            let mut text = super::folder("maps/photocatalysis")(file)?;
            for (from, to) in edits.iter().filter(|_| file == "stations/sonicator.toml") {
                assert!(text.contains(from), "{from:?}");
                text = text.replacen(from, to, 1);
            }
            Ok(text)
        });
        let (store, restored) = nightshift_skills::Store::in_memory().unwrap();
        Self::with(site.unwrap(), self.robot, store, restored)
    }

    /// Where a part that a hand moves really is.
    pub fn part_at(&self, station: &StationId, part: &PartId) -> f64 {
        self.hand_parts.get(&(station.clone(), part.clone())).copied().unwrap_or(0.0)
    }

    /// Somebody has left a part there.
    pub fn put_part(&mut self, station: &str, part: &str, at: f64) {
        self.hand_parts.insert((station.into(), part.into()), at);
    }

    fn at_hand(&self) -> Option<(StationId, Pose<StationFrame, Base>)> {
        let BaseAt::Docked(_) = self.base else { return None };
        self.station_from_base().map(|(id, station_from_base)| (id, station_from_base.spatial()))
    }

    fn tool_in_station(&self, station_from_base: &Pose<StationFrame, Base>) -> Point3<f64> {
        (*station_from_base * self.arm.base_from_tool(&self.joints())).translation().into()
    }

    fn knobs(&self, station: &StationId) -> Vec<(PartId, Part, Knob)> {
        let parts = self.site.stations[station].parts.iter();
        parts.filter_map(|(id, part)| Some((id.clone(), part.clone(), part.knob()?))).collect()
    }

    /// The fingers close; on how wide a knob, if on one, m.
    pub(super) fn close_on_a_knob(&mut self) -> Option<f64> {
        let (station, station_from_base) = self.at_hand()?;
        let tool = self.tool_in_station(&station_from_base);
        self.knobs(&station).into_iter().find_map(|(id, part, knob)| {
            let moved = part.joint.displacement(self.part_at(&station, &id));
            let off = (moved * Point3::from(knob.pose.translation()) - tool).norm();
            let first = moved.inverse() * tool;
            (off < 0.012).then(|| {
                self.held_knob = Some(HeldKnob { station: station.clone(), part: id, first });
                2.0 * knob.radius_m
            })
        })
    }

    /// Where the part in the hand would be if nothing held it, over its travel, and how far that is from where it is, m.
    fn pulled(&self) -> Option<(&HeldKnob, f64, f64)> {
        let held = self.held_knob.as_ref()?;
        let (_, station_from_base) = self.at_hand()?;
        let joint = self.site.stations[&held.station].parts[&held.part].joint;
        let wanted = joint.position_of(&held.first, &self.tool_in_station(&station_from_base));
        let end = self.faults.part_sticks_at.unwrap_or(1.0);
        let beyond = wanted - wanted.clamp(0.0, end);
        Some((held, wanted.clamp(0.0, end), beyond * joint.way_m(&held.first)))
    }

    /// What is between the fingers comes along.
    pub(super) fn knob_follows(&mut self) {
        let Some((held, at, _)) = self.pulled() else { return };
        let key = (held.station.clone(), held.part.clone());
        self.hand_parts.insert(key, at);
    }

    /// What a part that comes no farther pulls back with, in the flange's frame, N.
    pub(super) fn knob_pulls_n(&self) -> Vector3<f64> {
        let Some((held, at, beyond_m)) = self.pulled() else { return Vector3::zeros() };
        let joint = self.site.stations[&held.station].parts[&held.part].joint;
        let place = |at: f64| joint.displacement(at) * held.first;
        let ahead = (place(at + 1e-3) - place(at)).normalize();
        let Some((_, station_from_base)) = self.at_hand() else { return Vector3::zeros() };
        let station_from_flange = station_from_base * self.arm.base_from_flange(&self.joints());
        station_from_flange.iso.rotation.inverse() * (-ahead * beyond_m * STIFFNESS)
    }
}
