//! What surfaces do to the light of a laser scanner; the traced camera takes the same for all light.

use super::Problems;
use super::shape::Shape;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Shares of the infrared light (about 905 nm) that meets a surface head-on; the rest is swallowed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Surface {
    /// Scattered back to all sides (Lambert): what a scanner lives on. White paint 0.8, black cloth 0.03.
    #[serde(default)]
    pub diffuse: f64,
    /// Thrown back as by a mirror: polished steel 0.6, a pane of glass 0.08.
    #[serde(default)]
    pub specular: f64,
    /// Let through: a pane of glass 0.85.
    #[serde(default)]
    pub transmitted: f64,
}

impl Surface {
    /// What nothing else is said of: painted, rough, light grey.
    pub const MATT: Self = Self { diffuse: 0.6, specular: 0.0, transmitted: 0.0 };

    pub(super) fn check(&self, problems: &mut Problems, file: &str, key: &str) {
        let shares = [self.diffuse, self.specular, self.transmitted];
        problems.check(
            shares.iter().all(|share| (0.0..=1.0).contains(share)) && shares.iter().sum::<f64>() <= 1.0,
            file,
            key,
            "diffuse, specular and transmitted are shares of 0 to 1, together at most 1",
        );
    }
}

/// A site's materials by name: `[material.NAME]` in `site.toml`.
pub type Materials = BTreeMap<String, Surface>;

/// Notes shapes of a material that the site does not have.
pub(super) fn check_names<F>(
    shapes: &[Shape<F>],
    materials: &Materials,
    problems: &mut Problems,
    file: &str,
    table: &str,
) {
    for (index, shape) in shapes.iter().enumerate() {
        let Some(name) = shape.material.as_ref().filter(|name| !materials.contains_key(*name)) else {
            continue;
        };
        let there: Vec<&str> = materials.keys().map(String::as_str).collect();
        let key = format!("{table}[{index}].material");
        problems.add(file, key, format!("site.toml has no material {name}; it has: {}", there.join(", ")));
    }
}
