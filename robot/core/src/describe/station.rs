//! Stations: where the robot docks, what stands there, and which nests it offers.

use super::shape::Shape;
use super::{Catalogue, Problems, Reader};
use crate::frames::{self, Base, Map, Pose, Pose2, Tag};
use crate::ids::{NestId, StationId};
use serde::Deserialize;
use std::collections::BTreeMap;

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
}

impl Station {
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
