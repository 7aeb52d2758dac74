//! What several unit tests need.

use nightshift_core::describe::Robot;

/// The bundled robot.
pub(crate) fn omni7() -> Robot {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../description/omni7");
    let read = |file: &str| std::fs::read_to_string(format!("{folder}/{file}")).map_err(|e| e.to_string());
    Robot::load(&read).unwrap()
}
