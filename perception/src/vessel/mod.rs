//! Vessels in a picture, and what is in them: what two networks answer, as boxes, masks, types and phases, with doubt where
//! they are not sure.
//!
//! Boxes and crops count in pixels from the picture's left top *edge*, so that the top left pixel covers 0 to 1 along both
//! axes, as COCO has it.

mod found;
mod mask;
mod posture;
mod read;
mod sample;

pub use found::{Found, Maps, find, overlap};
pub use mask::{MaskError, Rle};
pub use posture::{Posture, posture, way_up};
pub use read::{Answer, content, crop, judge};
pub use sample::resample;

pub use nightshift_core::describe::Phase;

use serde::{Deserialize, Serialize, Serializer};

/// What a thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    VialOpen,
    VialCapped,
    Bottle,
    Beaker,
    Flask,
    TestTube,
    WellPlate,
    Substrate,
    Rack,
    Cartridge,
    /// Something, and the network is not sure what.
    Unknown,
}

impl Kind {
    /// All that can be told, in the order of the networks' outputs.
    pub const ALL: [Self; 10] = [
        Self::VialOpen,
        Self::VialCapped,
        Self::Bottle,
        Self::Beaker,
        Self::Flask,
        Self::TestTube,
        Self::WellPlate,
        Self::Substrate,
        Self::Rack,
        Self::Cartridge,
    ];

    /// Whether it has an inside that can be read.
    pub fn is_vessel(self) -> bool {
        !matches!(self, Self::WellPlate | Self::Substrate | Self::Rack)
    }

    /// As cards, annotations and JSON spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::VialOpen => "vial_open",
            Self::VialCapped => "vial_capped",
            Self::Bottle => "bottle",
            Self::Beaker => "beaker",
            Self::Flask => "flask",
            Self::TestTube => "test_tube",
            Self::WellPlate => "well_plate",
            Self::Substrate => "substrate",
            Self::Rack => "rack",
            Self::Cartridge => "cartridge",
            Self::Unknown => "unknown",
        }
    }
}

/// Why less is told of a vessel than could be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VesselDoubt {
    /// It reaches the picture's edge: a part of it may lie outside.
    CutOff,
    /// No type stands out.
    Type,
    /// No phase stands out, or phases that exclude each other do.
    Content,
    /// The picture is black, white or blurred.
    Picture,
}

/// A thing that was found in a picture.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct VesselSight {
    /// Left, top, width, height, pixels.
    pub bbox: [f64; 4],
    /// Which pixels are it.
    pub mask_rle: Rle,
    /// What it is.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// What is in it: none where that is in doubt, which JSON has as `unknown` alone; nothing where it has no inside.
    #[serde(serialize_with = "phases_or_unknown")]
    pub phases: Option<Vec<Phase>>,
    /// Height of the highest level, share of the height that can be filled; 0 where nothing in it has one (empty, a residue, a solid piece), none
    /// where that is in doubt.
    pub fill: Option<f64>,
    /// How sure it is that something is there, 0 to 1.
    pub score: f64,
    /// Whether it stands, from its outline.
    pub posture: Posture,
    /// Lean of its outline from the way up in the picture, degrees; none where it has no direction.
    pub lean_deg: Option<f64>,
    /// Why less is told than could be.
    pub doubts: Vec<VesselDoubt>,
}

impl VesselSight {
    /// Judges its posture anew where up in the picture is another way than (0, -1): the camera is not level.
    pub fn stands_along(&mut self, up: [f64; 2]) {
        (self.posture, self.lean_deg) = posture(&self.mask_rle, self.kind, up);
    }
}

/// What is said of a content in doubt.
pub const IN_DOUBT: &str = "unknown";

/// Names of phases.
pub fn phase_names(phases: Option<&[Phase]>) -> Vec<&'static str> {
    phases.map_or(vec![IN_DOUBT], |phases| phases.iter().map(|phase| phase.name()).collect())
}

fn phases_or_unknown<S: Serializer>(phases: &Option<Vec<Phase>>, to: S) -> Result<S::Ok, S::Error> {
    phase_names(phases.as_deref()).serialize(to)
}

/// From where on the networks are believed; each model's card has them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Thresholds {
    /// Least score of a thing.
    pub score: f64,
    /// Least share of its likeliest type.
    pub kind: f64,
    /// Least share of a phase.
    pub phase: f64,
    /// Least share of `empty`: a filled vessel that is called empty is the worse mistake.
    pub empty: f64,
}

#[cfg(test)]
mod tests;
