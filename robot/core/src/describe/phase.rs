//! What the content of a vessel is called.

use super::ContentKind;
use serde::{Deserialize, Serialize};

/// What a content looks like; in one vessel several may hold at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Nothing is in it.
    Empty,
    /// As water.
    ClearLiquid,
    /// A solution.
    ColouredLiquid,
    /// Two liquids that do not mix.
    TwoLayers,
    /// Grains that float in a liquid.
    Suspension,
    /// Bubbles on a liquid.
    Foam,
    /// It does not run.
    Gel,
    /// Grains too fine to be told apart.
    Powder,
    /// Grains.
    Granules,
    /// One piece.
    SolidPiece,
    /// What is left on the wall.
    Residue,
}

impl Phase {
    /// All, in the order of the data set.
    pub const ALL: [Self; 11] = [
        Self::Empty,
        Self::ClearLiquid,
        Self::ColouredLiquid,
        Self::TwoLayers,
        Self::Suspension,
        Self::Foam,
        Self::Gel,
        Self::Powder,
        Self::Granules,
        Self::SolidPiece,
        Self::Residue,
    ];

    /// Its name in data.
    pub fn name(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::ClearLiquid => "clear_liquid",
            Self::ColouredLiquid => "coloured_liquid",
            Self::TwoLayers => "two_layers",
            Self::Suspension => "suspension",
            Self::Foam => "foam",
            Self::Gel => "gel",
            Self::Powder => "powder",
            Self::Granules => "granules",
            Self::SolidPiece => "solid_piece",
            Self::Residue => "residue",
        }
    }

    /// How it moves. None: there is nothing to move.
    pub fn kind(self) -> Option<ContentKind> {
        match self {
            Self::Empty | Self::Residue => None,
            Self::ClearLiquid | Self::ColouredLiquid | Self::TwoLayers | Self::Suspension | Self::Foam => {
                Some(ContentKind::Liquid)
            }
            Self::Powder | Self::Granules => Some(ContentKind::Powder),
            Self::Gel | Self::SolidPiece => Some(ContentKind::Solid),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phase_is_written_as_it_is_called() {
        for phase in Phase::ALL {
            assert_eq!(serde_json::to_value(phase).unwrap(), phase.name());
        }
    }
}
