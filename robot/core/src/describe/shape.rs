//! Simple solids at a pose.

use super::Problems;
use crate::frames::{Link, Pose};
use serde::{Deserialize, Serialize};

/// A solid, centred on its own origin.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Solid {
    /// Full edge lengths along x, y, z, metres.
    Box {
        /// Edges.
        size_m: [f64; 3],
    },
    /// Along z, metres.
    Cylinder {
        /// Radius.
        radius_m: f64,
        /// Full height.
        height_m: f64,
    },
    /// Metres.
    Sphere {
        /// Radius.
        radius_m: f64,
    },
}

impl Solid {
    /// Whether every size is finite and positive.
    pub fn is_sound(&self) -> bool {
        match *self {
            Self::Box { size_m } => size_m.iter().all(|s| s.is_finite() && *s > 0.0),
            Self::Cylinder { radius_m, height_m } => {
                radius_m.is_finite() && height_m.is_finite() && radius_m > 0.0 && height_m > 0.0
            }
            Self::Sphere { radius_m } => radius_m.is_finite() && radius_m > 0.0,
        }
    }
}

/// A named solid in frame `F`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, bound = "")]
pub struct Shape<F> {
    /// For messages: `bench`, `instrument`.
    pub name: String,
    /// Its form.
    pub solid: Solid,
    /// Where its centre is.
    #[serde(deserialize_with = "super::pose")]
    pub pose: Pose<F, Link>,
    /// How it looks: red, green, blue.
    #[serde(default = "grey")]
    pub color: [u8; 3],
    /// What it is made of, for laser scanners and the traced camera: a material of the site's `site.toml`; none is matt paint.
    #[serde(default)]
    pub material: Option<String>,
}

fn grey() -> [u8; 3] {
    [180, 180, 180]
}

impl<F> Shape<F> {
    pub(super) fn check(&self, problems: &mut Problems, file: &str, key: &str) {
        problems.check(
            self.solid.is_sound(),
            file,
            format!("{key}.solid"),
            format!("{:?} must have positive sizes", self.solid),
        );
    }
}
