//! Stations: where the robot docks, what stands there, and which nests it offers.

use super::machine::Machine;
use super::part::Part;
use super::shape::Shape;
use super::{Catalogue, Problems, Reader};
use crate::frames::{self, Base, Map, Pose, Pose2, Tag};
use crate::ids::{NestId, PartId, StateId, StationId};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// What a station is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StationKind {
    /// It does something to samples: `Load` and `Unload` are for these.
    #[default]
    Instrument,
    /// It keeps samples.
    Storage,
    /// It charges the robot.
    Charger,
}

/// A station: `stations/<id>.toml`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Station {
    #[serde(rename = "schema")]
    _schema: i64,
    /// As planners call it.
    pub id: StationId,
    /// For people.
    pub title: String,
    /// What it is for.
    #[serde(default)]
    pub kind: StationKind,
    /// Where it stands.
    #[serde(deserialize_with = "super::pose2")]
    pub pose: Pose2<Map, frames::Station>,
    /// How to dock at it.
    pub dock: Dock,
    /// What stands there, for collision checks and for the simulator.
    #[serde(default)]
    pub shapes: Vec<Shape<frames::Station>>,
    /// Where samples stand.
    #[serde(rename = "nest", default)]
    pub nests: BTreeMap<NestId, Nest>,
    /// Doors, trays, lids, carousels.
    #[serde(rename = "part", default)]
    pub parts: BTreeMap<PartId, Part>,
    /// How it behaves; none: it is always ready and needs no handshake.
    pub machine: Option<Machine>,
}

/// How to dock at a station.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dock {
    /// The taught pose of the docked base.
    #[serde(deserialize_with = "super::pose2")]
    pub docked: Pose2<frames::Station, Base>,
    /// Where the approach by sight begins.
    #[serde(deserialize_with = "super::pose2")]
    pub staging: Pose2<frames::Station, Base>,
    /// The fiducial to dock by.
    pub tag: TagMount,
}

/// A fiducial (AprilTag family tag36h11) fixed to a station.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TagMount {
    /// In the family tag36h11.
    pub id: u32,
    /// Length of the black square's edge.
    pub size_m: f64,
    /// Where it is.
    #[serde(deserialize_with = "super::pose")]
    pub pose: Pose<frames::Station, Tag>,
}

/// A nest of a station.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nest {
    /// A rack type of the catalogue.
    pub rack: String,
    /// Where it stands.
    #[serde(deserialize_with = "super::pose")]
    pub pose: Pose<frames::Station, frames::Nest>,
    /// Ids of the rack's fiducials (tag36h11), in the order of the rack type's `tags`.
    #[serde(default)]
    pub tags: Vec<u32>,
    /// The part that it rides on: `pose` is then where it is at the part's position 0.
    pub on: Option<PartId>,
}

impl Station {
    /// Where a nest stands when the station is ready for a hand there.
    pub fn nest_pose(&self, id: &NestId) -> Option<Pose<frames::Station, frames::Nest>> {
        let ready = self.machine.as_ref().and_then(|machine| machine.ready_states().next());
        let positions = ready.map(|(state, _)| self.part_positions(state, Some(id)));
        self.nest_pose_at(id, &positions.unwrap_or_default())
    }

    /// Where a nest stands while the parts are at these positions.
    pub fn nest_pose_at(
        &self,
        id: &NestId,
        positions: &BTreeMap<PartId, f64>,
    ) -> Option<Pose<frames::Station, frames::Nest>> {
        let nest = self.nests.get(id)?;
        let Some(on) = &nest.on else { return Some(nest.pose) };
        let position = positions.get(on).copied()?;
        Some(Pose::new(self.parts.get(on)?.joint.displacement(position) * nest.pose.iso))
    }

    /// Where a state wants the parts that it names, 0 to 1, for a hand at `nest`.
    pub fn part_positions(&self, state: &StateId, nest: Option<&NestId>) -> BTreeMap<PartId, f64> {
        let targets =
            self.machine.iter().filter_map(|machine| machine.states.get(state)).flat_map(|s| &s.parts);
        let found = targets
            .filter_map(|(id, target)| Some((id.clone(), target.position(self.parts.get(id)?, nest)?)));
        found.collect()
    }

    /// The shapes of its parts, moved to these positions; parts that are not named are left out.
    pub fn part_shapes(&self, positions: &BTreeMap<PartId, f64>) -> Vec<Shape<frames::Station>> {
        let moved = |id: &PartId, position: &f64| {
            let part = self.parts.get(id)?;
            let by = part.joint.displacement(*position);
            let shapes = part
                .shapes
                .iter()
                .map(move |shape| Shape { pose: Pose::new(by * shape.pose.iso), ..shape.clone() });
            Some(shapes.collect::<Vec<_>>())
        };
        positions.iter().filter_map(|(id, position)| moved(id, position)).flatten().collect()
    }

    /// All that stands there when it is switched on.
    pub fn shapes_at_start(&self) -> Vec<Shape<frames::Station>> {
        let start = self.machine.as_ref().map(|machine| self.part_positions(&machine.start, None));
        let parts = self.part_shapes(&start.unwrap_or_default());
        self.shapes.iter().cloned().chain(parts).collect()
    }

    fn check_behaviour(&self, problems: &mut Problems, file: &str) {
        let mut riding: BTreeMap<PartId, BTreeSet<&NestId>> = BTreeMap::new();
        for (name, nest) in &self.nests {
            let Some(on) = &nest.on else { continue };
            let key = format!("nest.{name}.on");
            problems.check(self.parts.contains_key(on), file, key, format!("the station has no part {on}"));
            riding.entry(on.clone()).or_default().insert(name);
        }
        for (name, part) in &self.parts {
            part.check(problems, file, &format!("part.{name}"));
            for nest in part.stops.keys().filter(|nest| !self.nests.contains_key(*nest)) {
                let key = format!("part.{name}.stops.{nest}");
                problems.add(file, key, format!("the station has no nest {nest}"));
            }
        }
        match &self.machine {
            Some(machine) => machine.check(&self.parts, &riding, problems, file),
            None => problems.check(
                self.parts.is_empty(),
                file,
                "machine",
                "is missing: a station with parts says what they do",
            ),
        }
    }

    pub(super) fn load(
        reader: &Reader<'_>,
        file: &str,
        catalogue: Option<&Catalogue>,
        problems: &mut Problems,
    ) -> Option<Self> {
        let this: Self = problems.read(reader, file)?;
        let stem = file.rsplit('/').next().and_then(|name| name.strip_suffix(".toml"));
        problems.check(
            stem == Some(this.id.as_str()),
            file,
            "id",
            format!("is {}, but the file's name says {}", this.id, stem.unwrap_or(file)),
        );
        problems.check(
            this.id.as_str() != crate::ids::DECK,
            file,
            "id",
            "`deck` is the robot's own deck and no station's name",
        );
        problems.check(this.dock.tag.size_m > 0.0, file, "dock.tag.size_m", "must be positive");
        problems.check(
            this.dock.staging.x() < this.dock.docked.x(),
            file,
            "dock.staging",
            "must be farther from the station (smaller x) than dock.docked",
        );
        for (index, shape) in this.shapes.iter().enumerate() {
            shape.check(problems, file, &format!("shapes[{index}]"));
        }
        this.check_behaviour(problems, file);
        for (name, nest) in &this.nests {
            let Some(catalogue) = catalogue else { continue };
            match catalogue.racks.get(&nest.rack) {
                None => problems.add(
                    file,
                    format!("nest.{name}.rack"),
                    format!("no rack type {} in labware.toml", nest.rack),
                ),
                Some(rack) => problems.check(
                    rack.tags.len() == nest.tags.len(),
                    file,
                    format!("nest.{name}.tags"),
                    format!("{} ids given, the rack type has {} tags", nest.tags.len(), rack.tags.len()),
                ),
            }
        }
        Some(this)
    }
}
