//! What several unit tests need.

use crate::request::{Held, Scene, SceneShape};
use nightshift_core::describe::Robot;
use nightshift_core::describe::Solid;
use nightshift_core::frames::Pose;
use nightshift_core::random::Stream;
use rand::Rng;

/// The bundled robot.
pub(crate) fn omni7() -> Robot {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../description/omni7");
    let read = |file: &str| std::fs::read_to_string(format!("{folder}/{file}")).map_err(|e| e.to_string());
    Robot::load(&read).unwrap()
}

/// Eight things about an arm, and something held.
pub fn clutter(stream: &mut Stream) -> Scene {
    let mut shapes = Vec::new();
    for index in 0..8 {
        let mut size = || stream.random_range(0.03..0.3);
        let solid = match index % 3 {
            0 => Solid::Box { size_m: [size(), size(), size()] },
            1 => Solid::Cylinder { radius_m: size() / 2.0, height_m: size() },
            _ => Solid::Sphere { radius_m: size() / 2.0 },
        };
        let mut at = || stream.random_range(-0.8..0.8);
        let base_from_shape = Pose::from_xyz_rpy([at() + 0.3, at(), at() + 1.0], [at(), at(), at()]);
        shapes.push(SceneShape { name: format!("thing {index}"), solid, base_from_shape });
    }
    let solid = Solid::Cylinder { radius_m: 0.014, height_m: 0.06 };
    let held = Held { name: "vial".to_owned(), solid, tool_from_shape: Pose::identity(), carry: None };
    Scene {
        shapes,
        seen_m: Vec::new(),
        held: Some(held),
        may_touch: vec![("link_5".to_owned(), "thing 0".to_owned())],
        fingers_opening_m: 0.028,
        margin_m: 0.004,
    }
}
